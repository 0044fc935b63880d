"""Podwire's answer to a case, in this process."""

from podwire.errors import PodwireError
from podwire.fabric.network import Network
from podwire.linux.machine import Place
from podwire.linux.path.output import raw_frame
from podwire.linux.socket import RawSocket, SocketError, UdpSocket
from podwire.tools.process import Process
from podwire.tools.registry import find
from podwire.trace.events import PACKET_OUTGOING, Received, RuleMatched
from podwire.trace.rules import trace_line
from podwire.wire.codec import from_bytes, to_bytes
from podwire.wire.headers import Ethernet, IPv4
from tests.oracle.rules import packets
from tests.oracle.rules.case import Case, Local, Seen, Send

NSEC = 1_000_000_000
PAUSE = 8_000_000
IPPROTO_RAW = 255


class Router:
    """The three namespaces of a case; addresses where the devices have their usual names."""

    def __init__(self, devices: tuple[str, ...] = ()) -> None:
        ra, rb = devices or ("ra", "rb")
        self.network = Network()
        self.machine = self.network.add_machine("host")
        self.frames: list[tuple[int, str, str]] = []
        self.told: list[str] = []
        self.number = 0
        self.monitor: Process | None = None
        mac = {key: ":".join(value[at : at + 2] for at in range(0, 12, 2)) for key, value in packets.MACS.items()}
        for name in "arb":
            self.root("ip", "netns", "add", name)
            self.inside(name, "sysctl", "-qw", *packets.SWITCHES)
        self.root(
            *"ip link add eth0 netns a address".split(),
            mac["a"],
            *f"type veth peer name {ra} netns r address".split(),
            mac["ra"],
        )
        self.root(
            *"ip link add eth0 netns b address".split(),
            mac["b"],
            *f"type veth peer name {rb} netns r address".split(),
            mac["rb"],
        )
        for name in "ab":
            self.inside(name, *"ip link set lo up".split())
            self.inside(name, *"ip link set eth0 arp off up".split())
        for line in ("link set lo up", f"link set {ra} up", f"link set {rb} up"):
            self.inside("r", "ip", *line.split())
        if not devices:
            self._addresses(mac)
        self.inside("r", *"sysctl -qw net.ipv4.ip_forward=1".split())

    def _addresses(self, mac: dict[str, str]) -> None:
        for line in ("addr add 10.1.0.1/24 dev ra", "addr add 10.2.0.1/24 dev rb"):
            self.inside("r", "ip", *line.split())
        for number in range(2, 10):
            for side, dev in (("a", "ra"), ("b", "rb")):
                net = 1 if side == "a" else 2
                line = f"neigh add 10.{net}.0.{number} lladdr {mac[side]} dev {dev} nud permanent"
                self.inside("r", "ip", *line.split())
        self.inside("r", *"ip route add default via 10.2.0.2".split())

    def start(self, place: Place, argv: tuple[str, ...], text: str = "") -> Process:
        tool = find(place.image, argv[0])
        assert tool is not None, argv
        process = Process(self.network, place, list(argv), stdin=text)
        process.start(tool)
        return process

    def run(self, place: Place, argv: tuple[str, ...], text: str = "") -> str:
        process = self.start(place, argv, text)
        self.network.run_until(lambda: process.done)
        said = "".join(each for _, each in process.output)
        if process.status:
            raise OSError(f"{' '.join(argv)}: {said.strip()}")
        return said

    def root(self, *argv: str) -> str:
        return self.run(self.machine.root, argv)

    def inside(self, name: str, *argv: str, text: str = "") -> str:
        return self.run(Place(self.machine.netns_names[name], self.machine.image, "host"), argv, text)

    def listen(self) -> None:
        """Frames that the hosts get are kept from now on, and the rules that packets meet in the router."""

        def sink(record: object) -> None:
            event = record.event  # type: ignore[attr-defined]
            if type(event) is Received and record.netns in {"a", "b"} and event.pkt_type != PACKET_OUTGOING:  # type: ignore[attr-defined]
                self.frames.append((self.number, record.netns, to_bytes(event.frame).hex()))  # type: ignore[attr-defined]
            elif type(event) is RuleMatched and event.kind != "return":
                self.told.append(f" TRACE: 2 {record.packet:08x} {trace_line(event)}\n")  # type: ignore[attr-defined]

        self.network.log.attach(sink)

    def send(self, side: str, data: bytes) -> None:
        """A host sends a frame."""
        netns = self.machine.netns_names[side]
        link = netns.link("eth0")
        assert link is not None
        raw_frame(netns, link, from_bytes(data, Ethernet), self.network.new_packet_id())
        self.network.sleep(PAUSE)

    def open(self, case: Case) -> None:
        """The router's own sockets."""
        netns = self.machine.netns_names["r"]
        self.raw = RawSocket(netns, IPPROTO_RAW, lambda: None)
        for port in case.listening:
            UdpSocket(netns, port, lambda: None)

    def send_local(self, item: Local) -> int:
        """The router sends a datagram; the errno that it gets, or 0."""
        self.raw.mark = item.mark
        errno = 0
        try:
            self.raw.send_raw(from_bytes(bytes.fromhex(item.data), IPv4))
        except SocketError as error:
            errno = error.errno
        self.network.sleep(PAUSE)
        return errno


def run(case: Case) -> Seen:
    """Podwire's answer."""
    router = Router(case.devices)
    seen = Seen()
    tool = packets.TOOLS[case.variant]
    try:
        if case.sysctls:
            router.inside("r", "sysctl", "-qw", *case.sysctls)
        for command, text in case.setup:
            router.inside("r", *command.split(), text=text)
        for words in case.routes:
            router.inside("r", "ip", *words.split())
        if case.sets:
            router.inside("r", "ipset", "restore", text=case.sets)
        router.inside("r", f"{tool}-restore", text=case.rules)
        for text in case.syncs:
            router.inside("r", f"{tool}-restore", "--noflush", "--counters", text=text)
        place = Place(router.machine.netns_names["r"], router.machine.image, "host")
        monitor = router.start(place, ("xtables-monitor", "--trace")) if case.trace else None
        router.open(case)
        router.listen()
        for number, item in enumerate(case.packets):
            router.number = number
            if isinstance(item, Local):
                if errno := router.send_local(item):
                    seen.refused.append((number, errno))
            elif isinstance(item, Send):
                router.send(item.side, bytes.fromhex(item.data))
            elif router.frames:
                _, side, last = router.frames[-1]
                data = packets.answer(side, bytes.fromhex(last), item.how)
                if data is not None:
                    router.send(side, data)
        seen.frames = router.frames
        if monitor is not None:
            seen.trace = "".join(text for _, text in monitor.output)
            seen.told = "".join(router.told)
        seen.saved = router.inside("r", f"{tool}-save", "-c")
        seen.connections = router.inside("r", "conntrack", "-L", "-o", "extended")
        if case.sets or case.setup:
            seen.connections += router.inside("r", "ipset", "save")
    except (OSError, PodwireError) as error:
        seen.error = f"{type(error).__name__}: {error}"
    return seen
