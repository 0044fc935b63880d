"""Cases about bridges and VXLAN: nodes on an underlay, their tunnels, pods behind them, and segments of bridges.

Three shapes. *overlay*: pods behind nodes that route to each other by VXLAN; *bridged*: hosts on bridges of which VXLAN is a port;
*segment*: hosts and a router on one or two bridges. An underlay is a cable, a router, or itself a bridge.
"""

from typing import Any, Final

from tests.oracle.generated.bending import Bending
from tests.oracle.generated.case import PAUSE, Case, Command, Veth
from tests.oracle.generated.wiring import NEIGH, Link, mac

SHAPES: Final = ("overlay", "overlay", "overlay", "bridged", "segment")
VX: Final = "vx"
BR: Final = "br0"
HEADROOM: Final = 50
_KINDS: Final = ("static", "static", "learning", "learning", "external")
_OPTIONS: Final = (
    "ttl inherit", "ttl 1", "ttl 2", "ttl 9", "tos inherit", "tos inherit", "tos 0x10", "tos 0x02", "df set", "df set", "df inherit",
    "df inherit", "df unset", "noudpcsum", "udpcsum", "srcport 5000 5001", "ageing 0", "maxaddress 1",
)  # fmt: skip
_ENCAP: Final = (" ttl 1", " ttl 9", " tos 0x08", " csum", " ttl 64 csum", " src")
_MTUS: Final = (1500, 1450, 1450, 1449, 1451, 1400, 1350, 1000, 600, 576)


class Tunnels(Bending):
    """A whole case."""

    pace = NEIGH[:2]  # a timer that is due at once would be due in two layers at once

    def __init__(self, draw: Any) -> None:
        super().__init__(draw)
        self.virtual: dict[str, list[str]] = {}
        """Bridges and tunnels by namespace."""
        self.nodes: list[str] = []
        self.pods: dict[str, str] = {}
        """Pod -> node."""

    def tuned(self, netns: str) -> list[str]:
        return [*self.devices(netns), *self.virtual.get(netns, ())]

    def limits(self) -> list[int]:
        plain = super().limits()
        return sorted({*plain, *(mtu - HEADROOM for mtu in plain), *(mtu + HEADROOM for mtu in plain)})

    def case(self) -> Case:
        self.shape = self.pick(SHAPES)
        self.crooked = 0
        if self.shape == "segment":
            self.segment()
        else:
            self.overlay()
        self.aim()
        if self.chance(25):
            self.bends()
        self.narrow = self.chance(60)
        veths = tuple(Veth(self.end(link, 0), self.end(link, 1), 10 + 2 * link.number) for link in self.links)
        setup = sorted(self.commands, key=lambda each: (each.netns, _rank(each)))
        return Case(tuple(self.names), veths, tuple(setup), tuple(self.steps()), self.shape)

    def end(self, link: Link, side: int) -> tuple[str, str, str]:
        return link.ends[side], link.devs[side], mac(link, side, self.shape)

    def aim(self) -> None:
        """Most probes go from one end of an overlay to the other."""
        ends = [*self.pods, *self.nodes] if self.chance(25) else [*self.pods] or self.nodes
        start = self.pick(ends)
        there = [address for name in ends if name != start for address in self.own[name]]
        if there:
            self.focus = (start, self.pick(there))

    # -- devices --------------------------------------------------------------------------------------------------

    def new(self, netns: str, dev: str, text: str) -> None:
        self.do(netns, f"ip link add {dev} {text}")
        self.virtual.setdefault(netns, []).append(dev)

    def bridge(self, netns: str, number: int) -> None:
        """A bridge, up, whose ports are those devices of the namespace that ``port`` says."""
        options = self.pick(("", "", "", " ageing_time 0"))
        self.new(netns, BR, f"address 02:00:00:00:{number:02x}:b0 type bridge mcast_snooping 0{options}")

    def port(self, netns: str, dev: str) -> None:
        self.do(netns, f"ip link set {dev} master {BR}")
        if self.chance(12):
            words = self.pick(("hairpin on", "learning off", "flood off", "isolated on", "bcast_flood off"))
            self.do(netns, f"bridge link set dev {dev} {words}")

    # -- the underlay ---------------------------------------------------------------------------------------------

    def wires(self) -> str:
        """Names, cables: returns how the nodes are joined."""
        how = self.pick(("cable", "cable", "router", "router", "switch"))
        count = 2 if how == "cable" or self.chance(60) else 3
        middle = [] if how == "cable" else ["m"]
        pods = self.number(0 if self.shape == "overlay" else 1, min(6 - count - len(middle), count + 1))
        self.nodes = list("abc"[:count])
        places = {pod: self.nodes[index % count] for index, pod in enumerate("pqrs"[:pods])}
        self.pods = places
        self.names = [*self.nodes, *middle, *places]
        self.own = {name: [] for name in self.names}
        if how == "cable":
            self.connect("a", "b", "eth0", "eth0")
        else:
            for node in self.nodes:
                self.connect("m", node, f"m{node}0", "eth0")
        for pod, node in places.items():
            self.connect(node, pod, f"cali{pod}", "eth0")
        return how

    def addresses(self, how: str) -> None:
        """Of the underlay, and its routes."""
        for index, node in enumerate(self.nodes):
            link = next(each for each in self.links_of(node) if each.devs[each.side(node)] == "eth0")
            side = link.side(node)
            if how == "router":
                self.address(link, 1 - side, f"10.0.{link.number}.1/24")
                self.address(link, side, f"10.0.{link.number}.2/24")
                self.route(node, f"default via 10.0.{link.number}.1{self.pick(('', '', '', ' mtu 1400'))}")
                self.nets.append(link.net)
            else:
                self.address(link, side, f"10.0.1.{index + 1}/24")
            if how == "switch" and len(self.nodes) > 2:
                self.neighbours(node)
        if how == "cable":
            self.nets.append("10.0.1.0/24")
        if how == "router":
            self.sysctl("m", "ip_forward", 1)
        if how == "switch":
            for link in self.links_of("m"):
                self.port("m", link.devs[link.side("m")])
            self.do("m", f"ip link set {BR} up")

    def neighbours(self, node: str) -> None:
        """A node knows the others: of copies that are flooded none waits for ARP while another is answered already."""
        for other, there in enumerate(self.nodes):
            if there != node:
                station = mac(self.links_of(there)[0], 1, "")
                self.do(node, f"ip neigh add 10.0.1.{other + 1} lladdr {station} dev eth0 nud permanent")

    def narrowed(self) -> None:
        """Cables of the underlay that take less, or more."""
        for link in self.links:
            if self.chance(30):
                mtu = self.pick((1400, 1450, 1460, 1000, 620, 1550, 9000, 1500))
                sides = (0, 1) if self.chance(70) else (self.number(0, 1),)
                for side in sides:
                    self.do(link.ends[side], f"ip link set {link.devs[side]} mtu {mtu}")
            for name, dev in zip(link.ends, link.devs, strict=True):
                self.do(name, f"ip link set {dev} up")

    # -- the overlay ----------------------------------------------------------------------------------------------

    def overlay(self) -> None:
        """Nodes, tunnels between each and each other, and pods."""
        how = self.wires()
        if how == "switch":
            self.bridge("m", 0)
        kind = self.pick(_KINDS[:4] if self.shape == "bridged" else _KINDS)
        options = [self.pick(_OPTIONS) for _ in range(self.pick((0, 0, 1, 1, 2)))]
        dstport = self.pick((4789, 4789, 8472))
        mtu = self.pick((0, 0, *_MTUS))
        for index, node in enumerate(self.nodes):
            if self.shape == "bridged":
                self.bridge(node, index + 1)
            own = options if self.chance(80) else []
            self.device(node, index, kind, own, dstport)
        self.timers()
        for node in self.nodes:
            if not self.chance(3):
                self.sysctl(node, "ip_forward", 1)
        self.narrowed()
        self.addresses(how)
        for index, node in enumerate(self.nodes):
            if mtu and self.chance(90):
                self.do(node, f"ip link set {VX} mtu {mtu}")
            if self.shape == "bridged":
                self.port(node, VX)
                self.do(node, f"ip link set {BR} up")
            self.do(node, f"ip link set {VX} up")
            if self.shape == "bridged":
                self.bridge_side(node, index)
            else:
                self.routed_side(node, index, kind)
            self.remotes(node, kind)

    def device(self, node: str, index: int, kind: str, options: list[str], dstport: int) -> None:
        """A VXLAN device; its addresses on the underlay are those that will be given."""
        words = [f"address 66:00:00:00:00:0{index + 1} type vxlan"]
        vni = 7 if self.chance(95) else 8
        if kind == "external":
            words += ["external", f"dstport {dstport}"]
            options = []
        else:
            words += [f"id {vni}", f"dstport {dstport if self.chance(96) else 4790}"]
            if self.chance(75):
                words.append("dev eth0")
            if self.chance(70):
                words.append(f"local {self.vtep(index)}")
            if kind == "static":
                words.append("nolearning")
            elif len(self.nodes) == 2 and self.chance(60):
                words.append(f"remote {self.vtep(1 - index)}")
        once = {each.split()[0].removeprefix("no"): each for each in options}
        self.new(node, VX, " ".join((*words, *once.values())))

    def vtep(self, index: int) -> str:
        """The address of a node on the underlay."""
        link = self.links_of(self.nodes[index])[0]
        if self.names[len(self.nodes) : len(self.nodes) + 1] == ["m"] and BR not in self.virtual.get("m", ()):
            return f"10.0.{link.number}.2"
        return f"10.0.1.{index + 1}"

    def own_address(self, netns: str, dev: str, text: str) -> None:
        """An address that is not on a cable."""
        self.do(netns, f"ip addr add {text} dev {dev}")
        self.added.append(Command(netns, f"ip addr del {text} dev {dev}"))
        self.own[netns].append(text.split("/", maxsplit=1)[0])

    def routed_side(self, node: str, index: int, kind: str) -> None:
        """The tunnel has an address, pods are routed to, and others' pods lie behind others' tunnels."""
        plen = 32 if kind != "learning" or self.chance(50) else 24
        self.own_address(node, VX, f"10.9.0.{index + 1}/{plen}")
        for other, there in enumerate(self.nodes):
            if there == node:
                continue
            if kind == "external":
                encap = f" encap ip id {7 if self.chance(95) else 8} dst {self.vtep(other)}"
                if self.chance(40):
                    more = self.pick(_ENCAP)
                    encap += more if more != " src" else f" src {self.vtep(index)}"
            else:
                encap = ""
            self.route(node, f"192.168.{other + 1}.0/24{encap} via 10.9.0.{other + 1} dev {VX} onlink")
            if plen == 32:
                self.route(node, f"10.9.0.{other + 1}{encap} dev {VX}")
            if kind == "static" or self.chance(40):
                self.do(
                    node, f"ip neigh add 10.9.0.{other + 1} lladdr 66:00:00:00:00:0{other + 1} dev {VX} nud permanent"
                )
                self.added.append(Command(node, f"ip neigh del 10.9.0.{other + 1} dev {VX}"))
        self.nets += [f"192.168.{index + 1}.0/24", f"10.9.0.{index + 1}/32"]
        for number, (pod, place) in enumerate(self.pods.items()):
            if place == node:
                self.pod(self.links_of(pod)[0], index, f"192.168.{index + 1}.{number + 11}")

    def pod(self, link: Link, index: int, ip: str) -> None:
        """Calico's wiring, or a plain one."""
        node, pod = link.ends
        if self.chance(60):
            self.sysctl(node, f"conf.{link.devs[0]}.proxy_arp", 1)
            gateway = "169.254.1.1"
            self.route(pod, f"{gateway} dev eth0 scope link")
            self.address(link, 1, f"{ip}/32")
            self.route(node, f"{ip} dev {link.devs[0]} scope link")
        else:
            gateway = f"192.168.{index + 1}.{link.number + 100}"
            self.address(link, 0, f"{gateway}/32")
            self.route(node, f"{ip} dev {link.devs[0]}")
            self.address(link, 1, f"{ip}/24")
        self.route(pod, f"default via {gateway} dev eth0")
        if self.chance(30):
            self.do(pod, f"ip link set eth0 mtu {self.pick(_MTUS)}")

    def bridge_side(self, node: str, index: int) -> None:
        """Hosts of one network, whose bridges the tunnel joins."""
        self.nets.append("10.8.0.0/24")
        for number, (pod, place) in enumerate(self.pods.items()):
            if place == node:
                link = self.links_of(pod)[0]
                self.port(node, link.devs[0])
                self.address(link, 1, f"10.8.0.{number + 11}/24")
        if self.chance(40):
            self.own_address(node, BR, f"10.8.0.{index + 1}/24")

    def remotes(self, node: str, kind: str) -> None:
        """The entries of a tunnel: per station, or for whatever has none."""
        if kind == "external":
            return
        for other, there in enumerate(self.nodes):
            if there == node or self.chance(3):
                continue
            if kind == "static":
                macs = [f"66:00:00:00:00:0{other + 1}"]
                if self.shape == "bridged":
                    macs += [mac(self.links_of(pod)[0], 1, "") for pod, place in self.pods.items() if place == there]
                    macs += [f"02:00:00:00:{other + 1:02x}:b0", "00:00:00:00:00:00"]
            else:
                macs = ["00:00:00:00:00:00"]
            for each in macs:
                verb = "append" if each.startswith("00:") else "add"
                self.do(node, f"bridge fdb {verb} {each} dev {VX} dst {self.vtep(other)}")
                self.added.append(Command(node, f"bridge fdb del {each} dev {VX}"))

    # -- a segment ------------------------------------------------------------------------------------------------

    def segment(self) -> None:
        """Hosts on a bridge, or on two that are joined; one of them may be a router to a host elsewhere."""
        two = self.chance(30)
        hosts = self.number(2, 4 if two else 5)
        switches = ["m", "n"] if two else ["m"]
        self.nodes = []
        self.pods = {name: switches[index % len(switches)] for index, name in enumerate("pqrst"[:hosts])}
        self.names = [*switches, *self.pods]
        self.own = {name: [] for name in self.names}
        far = self.names.pop() if hosts > 2 and self.chance(50) else ""
        if far:
            self.pods.pop(far)
            self.names.append(far)
        for name, switch in self.pods.items():
            self.connect(switch, name, f"m{name}", "eth0")
        if two:
            self.connect("m", "n", "mn0", "nm0")
        router = "p"
        if far:
            self.connect(router, far, "eth1", "eth0")
        for number, switch in enumerate(switches):
            self.bridge(switch, number)
        self.timers()
        self.narrowed()
        self.nets.append("10.8.0.0/24")
        for number, name in enumerate(self.pods):
            link = self.links_of(name)[0]
            self.address(link, 1, f"10.8.0.{number + 11}/24")
            if far and name != router:
                self.route(name, f"10.7.0.0/24 via 10.8.0.11{self.pick(('', '', ' mtu 1300'))}")
        for number, switch in enumerate(switches):
            for link in self.links_of(switch):
                self.port(switch, link.devs[link.side(switch)])
            if self.chance(20):
                self.do(switch, f"ip link set {BR} mtu {self.pick((1400, 1000, 1500))}")
            self.do(switch, f"ip link set {BR} up")
            if self.chance(50):
                self.own_address(switch, BR, f"10.8.0.{number + 1}/24")
        if far:
            link = self.links_of(far)[0]
            self.sysctl(router, "ip_forward", 1)
            self.address(link, 0, "10.7.0.1/24")
            self.address(link, 1, "10.7.0.2/24")
            self.route(far, "default via 10.7.0.1")
            self.pods[far] = ""
            self.nets.append("10.7.0.0/24")

    # -- what changes ---------------------------------------------------------------------------------------------

    def change(self) -> list[Command]:
        where = [(name, dev) for name, devs in self.virtual.items() for dev in devs]
        name, dev = self.pick(where)
        match self.pick(("usual", "usual", "mtu", "under", "entry", "flap", "forget")):
            case "mtu":
                return [Command(name, f"ip link set {dev} mtu {self.pick((1500, 1450, 1400, 1000))}")]
            case "under":
                link = self.pick(self.links)
                mtu = self.pick((1500, 1450, 1400, 1000))
                return [
                    Command(each, f"ip link set {dev} mtu {mtu}")
                    for each, dev in zip(link.ends, link.devs, strict=True)
                ]
            case "entry" if dev == VX:
                target = self.vtep(self.number(0, len(self.nodes) - 1))
                station = f"66:00:00:00:00:0{self.number(1, len(self.nodes))}"
                more = self.pick(("", "", " vni 8", " port 4790", " static"))
                return [Command(name, f"bridge fdb replace {station} dev {VX} dst {target}{more}")]
            case "flap":
                down = Command(name, f"ip link set {dev} down")
                return [
                    down,
                    Command("", "sleep 0.1"),
                    Command(name, f"ip link set {dev} up"),
                    Command("", f"sleep {PAUSE}"),
                ]
            case "forget" if dev == VX:
                return [Command(name, f"bridge fdb flush dev {VX} {self.pick(('nopermanent', 'dynamic', 'self'))}")]
            case _:
                return super().change()


def _rank(command: Command) -> int:
    """Devices, switches, words of ``ip``, entries: in this order everything finds what it is about."""
    if command.is_device:
        return 0
    return 1 if command.text.startswith("sysctl ") else 3 if command.text.startswith("bridge ") else 2
