"""Small networks for tests of the kernel model, built with the words of ``ip``, and the notation of the golden sequences.

``calico_same_node`` and ``two_nodes`` are the topologies that the facts were measured on (sections 1 and 2 of the kernel sheet). Places are named
``namespace:device`` (``node:cali111``). Time is virtual: ``Lab.run`` lets it pass, ``Lab.since`` counts it from the last ``Lab.restart``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Generic, NamedTuple, TypeVar

from podwire.fabric.network import Network
from podwire.fabric.segment import LATENCY, Segment
from podwire.linux.fib import ERROR_TYPES, LOCAL, UNICAST, NextHop, Route, RouteQuery
from podwire.linux.link import SCOPE_HOST, SCOPE_LINK, SCOPE_UNIVERSE, SCOPES, Link
from podwire.linux.machine import Machine
from podwire.linux.neigh import Neighbour, Nud
from podwire.linux.netlink import Netlink, Peer
from podwire.linux.netns import Netns
from podwire.linux.path.exception import RouteException
from podwire.linux.path.output import raw_frame
from podwire.linux.path.route import ip_route_output
from podwire.linux.socket import PingSocket, SocketError, UdpSocket
from podwire.trace.events import Dropped, Event, NeighbourChanged, Received, Transmitted
from podwire.trace.log import Record
from podwire.wire.addr import ANY4, BROADCAST, NO_MAC, Ip, Ip4, Mac, Net
from podwire.wire.headers import (
    ARPOP_REQUEST,
    ETH_P_ARP,
    ICMP_ECHO,
    ICMP_ECHOREPLY,
    Arp,
    Ethernet,
    Icmp,
    IPv4,
    Tcp,
    Udp,
)
from podwire.wire.packet import Packet, Quoted

NSEC: Final = 1_000_000_000
CALI: Final = "ee:ee:ee:ee:ee:ee"
POD1_MAC: Final = "32:ae:50:1c:7c:42"
POD2_MAC: Final = "e6:0e:ad:ba:c4:77"
NODE1_MAC: Final = "42:01:0a:00:00:17"
NODE2_MAC: Final = "42:01:0a:00:00:18"
EXT_MAC: Final = "42:01:0a:00:00:63"
GATEWAY_MAC: Final = "42:01:0a:00:00:01"
OTHER_MAC: Final = "02:00:00:00:00:02"
"""An address that nobody in the labs has."""


_E = TypeVar("_E", bound=Event)
_H = TypeVar("_H", Arp, IPv4, Icmp, Udp, Tcp)


class Seen(NamedTuple, Generic[_E]):
    """A record whose event is of a known type; ``order`` is its place in ``Lab.records``."""

    order: int
    time: int
    netns: str
    packet: int
    event: _E


class Lab:
    """A network, its machines and namespaces by name, and every event since the last ``restart``."""

    def __init__(self, seed: int = 0) -> None:
        self.network = Network(seed)
        self.records: list[Record] = []
        self.network.log.attach(self._record)
        self.start = self.network.now
        self._netns: dict[str, Netns] = {}
        self._ping_id = 0x1000

    def _record(self, record: Record) -> None:
        self.records.append(record)

    # -- building ------------------------------------------------------------------------------------------------

    def machine(self, name: str, image: str = "debian-12") -> Machine:
        """A machine; its root namespace bears its name."""
        machine = self.network.add_machine(name, image)
        self._add(machine.root.netns)
        return machine

    def netns(self, machine: str, name: str) -> Netns:
        """A further namespace of a machine, ``lo`` up."""
        return self._add(self[machine].machine.new_netns(name))

    def _add(self, netns: Netns) -> Netns:
        self._netns[netns.label] = netns
        self.door(netns.label).link_up(netns.loopback)
        return netns

    def __getitem__(self, name: str) -> Netns:
        """The namespace of that name."""
        return self._netns[name]

    def door(self, name: str) -> Netlink:
        """A netlink socket in a namespace."""
        return Netlink(self._netns[name])

    def link(self, where: str) -> Link:
        """The device of ``namespace:device``."""
        name, _, dev = where.partition(":")
        return self.door(name).dev(dev)

    def veth(self, left: str, left_mac: str, right: str, right_mac: str, *, up: bool = True, mtu: int = 0) -> None:
        """``ip link add LEFT type veth peer name RIGHT``, ends as ``namespace:device``."""
        name, _, dev = left.partition(":")
        far, _, far_dev = right.partition(":")
        peer = Peer(far_dev, self[far], Mac.parse(right_mac), mtu)
        self.door(name).link_add(dev, "veth", mac=Mac.parse(left_mac), mtu=mtu, peer=peer)
        if up:
            self.up(left)
            self.up(right)

    def nic(self, where: str, mac: str, segment: Segment) -> None:
        """A network card, plugged into a segment, up."""
        name, _, dev = where.partition(":")
        port = segment.new_port()
        port.link = self.door(name).ethernet_add(dev, Mac.parse(mac), port, mtu=segment.mtu)
        self.up(where)

    def device(self, where: str, kind: str = "bridge", *, up: bool = True, ifindex: int = 0) -> None:
        """``ip link add DEV type KIND``: a bridge or a dummy."""
        name, _, dev = where.partition(":")
        self.door(name).link_add(dev, kind, ifindex=ifindex)
        if up:
            self.up(where)

    def up(self, where: str) -> None:
        """``ip link set DEV up``."""
        link = self.link(where)
        Netlink(link.netns).link_up(link)

    def down(self, where: str) -> None:
        """``ip link set DEV down``."""
        link = self.link(where)
        Netlink(link.netns).link_down(link)

    def set_mac(self, where: str, mac: str) -> None:
        """``ip link set DEV address MAC``."""
        link = self.link(where)
        Netlink(link.netns).link_set_mac(link, Mac.parse(mac))

    def addr(self, where: str, prefix: str, *, scope: str = "global") -> None:
        """``ip addr add PREFIX dev DEV scope SCOPE``."""
        link = self.link(where)
        text, _, plen = prefix.partition("/")
        Netlink(link.netns).addr_add(link, Ip4.parse(text), int(plen), scope=SCOPES[scope])

    def addr_del(self, where: str, text: str) -> None:
        """``ip addr del ADDRESS dev DEV``."""
        link = self.link(where)
        Netlink(link.netns).addr_del(link, Ip4.parse(text))

    def route(self, name: str, text: str) -> None:
        """``ip route add TEXT``: ``[TYPE] PREFIX [via A] [dev D] [src A] [scope S] [metric N] [onlink]``."""
        words = text.split()
        type_ = words.pop(0) if words[0] in {*ERROR_TYPES, LOCAL, UNICAST} else UNICAST
        dst = _prefix(words.pop(0))
        onlink = "onlink" in words
        given = dict(zip(*[iter(word for word in words if word != "onlink")] * 2, strict=True))
        via = Ip4.parse(given["via"]) if "via" in given else None
        if "scope" in given:
            scope = SCOPES[given["scope"]]
        else:
            on_link = via is None and type_ not in ERROR_TYPES
            scope = SCOPE_HOST if type_ == LOCAL else SCOPE_LINK if on_link else SCOPE_UNIVERSE
        door = self.door(name)
        hops = (NextHop(door.dev(given["dev"]).ifindex if "dev" in given else 0, via, onlink),)
        src = Ip4.parse(given["src"]) if "src" in given else None
        door.route_add(
            Route(
                dst,
                type_,
                scope,
                metric=int(given.get("metric", 0)),
                src=src,
                nexthops=() if type_ in ERROR_TYPES else hops,
            )
        )

    def route_del(self, name: str, prefix: str) -> None:
        """``ip route del PREFIX``."""
        self.door(name).route_del(RouteQuery(_prefix(prefix)))

    def sysctl(self, name: str, path: str, value: int) -> None:
        """``sysctl -w net.ipv4.PATH=VALUE``, with slashes: ``conf/cali111/proxy_arp``."""
        self.door(name).sysctl_write(f"net/ipv4/{path}", str(value))

    def set_neigh(self, where: str, ip: str, mac: str, state: Nud = Nud.PERMANENT) -> None:
        """``ip neigh replace IP lladdr MAC dev DEV nud STATE``."""
        link = self.link(where)
        Netlink(link.netns).neigh_add(Ip4.parse(ip), link, Mac.parse(mac) if mac else None, state, exclusive=False)

    def del_neigh(self, where: str, ip: str) -> None:
        """``ip neigh del IP dev DEV``."""
        link = self.link(where)
        Netlink(link.netns).neigh_del(Ip4.parse(ip), link)

    def calico_pod(self, node: str, pod: str, ip: str, cali: str, mac: str, *, mtu: int = 0) -> None:
        """What the Calico CNI plugin and Felix do for one pod."""
        self.netns(node, pod)
        self.veth(f"{node}:{cali}", CALI, f"{pod}:eth0", mac, up=False, mtu=mtu)
        for key in ("route_localnet", "proxy_arp", "forwarding"):
            self.sysctl(node, f"conf/{cali}/{key}", 1)
        self.sysctl(node, f"neigh/{cali}/proxy_delay", 0)
        self.up(f"{node}:{cali}")
        self.up(f"{pod}:eth0")
        self.route(pod, "169.254.1.1 dev eth0 scope link")
        self.route(pod, "default via 169.254.1.1 dev eth0")
        self.addr(f"{pod}:eth0", f"{ip}/32")
        self.route(node, f"{ip} dev {cali} scope link")

    # -- time ----------------------------------------------------------------------------------------------------

    def run(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.network.sleep(round(seconds * NSEC))

    def run_to(self, seconds: float) -> None:
        """Let virtual time pass until ``seconds`` after the last ``restart``."""
        self.network.sleep(max(0, self.start + round(seconds * NSEC) - self.network.now))

    def at(self, seconds: float, callback: Callable[[], object]) -> None:
        """Call back that long after the last ``restart``."""

        def call() -> None:
            callback()

        self.network.at(self.start + round(seconds * NSEC), call)

    def restart(self) -> None:
        """Forget the events; count time from here."""
        self.records.clear()
        self.start = self.network.now

    def since(self, time: int) -> float:
        """Seconds from the last ``restart`` to a time stamp."""
        return (time - self.start) / NSEC

    @property
    def now(self) -> float:
        """Seconds since the last ``restart``."""
        return self.since(self.network.now)

    # -- traffic -------------------------------------------------------------------------------------------------

    def ping(
        self,
        name: str,
        dst: str,
        *,
        count: int = 1,
        interval: float = 1.0,
        size: int = 56,
        ttl: int = 0,
        tos: int = 0,
        source: str = "",
    ) -> Ping:
        """``ping -c COUNT -i INTERVAL -s SIZE -t TTL -Q TOS -I SOURCE DST``: the first request leaves now."""
        self._ping_id += 1
        ping = Ping(self, name, Ip4.parse(dst), self._ping_id, size)
        ping.socket.ttl = ttl
        ping.socket.tos = tos
        if source:
            ping.socket.bind(Ip4.parse(source))
        begin = self.network.now
        for seq in range(1, count + 1):
            if seq == 1:
                ping.send(seq)
            else:
                self.network.at(begin + round((seq - 1) * interval * NSEC), lambda seq=seq: ping.send(seq))  # type: ignore[misc]
        return ping

    def udp(self, name: str, port: int) -> UdpSocket:
        """A bound UDP socket that keeps what arrives in ``inbox``."""
        return UdpSocket(self[name], port, lambda: None)

    def inject(self, where: str, frame: Packet) -> None:
        """Send a ready frame by a device, as an AF_PACKET socket does; it is processed before this returns."""
        link = self.link(where)
        raw_frame(link.netns, link, frame, self.network.new_packet_id())

    def ask(self, where: str, tpa: str, spa: str, *, dst: str = "", mac: str = "") -> str:
        """Inject an ARP request by a device: the answer that came back at once, in the notation of ``describe``, or ``""``."""
        link = self.link(where)
        sha = Mac.parse(mac) if mac else link.mac
        first = len(self.records)
        self.inject(where, arp_frame(ARPOP_REQUEST, sha, spa, tpa, dst=dst))
        return next(
            (
                describe(record.event.frame)
                for record in self.records[first:]
                if isinstance(record.event, Received)
                and f"{record.netns}:{record.event.dev}" == where
                and record.event.frame.find(Arp) is not None
            ),
            "",
        )

    # -- looking -------------------------------------------------------------------------------------------------

    def neigh(self, name: str) -> dict[str, str]:
        """``ip neigh show nud all``, without ``lo``: ``{"192.168.1.12 dev cali222": "REACHABLE"}``."""
        entries = [entry for entry in self[name].neighbours if not entry.link.is_loopback]
        return {f"{entry.ip} dev {entry.link.name}": str(entry.state) for entry in entries}

    def entry(self, where: str, ip: str) -> Neighbour:
        """The neighbour entry of an address on a device; fails where there is none."""
        link = self.link(where)
        found = link.netns.neighbours.get(Ip4.parse(ip), link)
        assert found is not None, (
            f"{link.netns.label} has no neighbour {ip} on {link.name}: {self.neigh(link.netns.label)}"
        )
        return found

    def state(self, where: str, ip: str) -> str:
        """State of a neighbour entry; ``""`` where there is none."""
        link = self.link(where)
        found = link.netns.neighbours.get(Ip4.parse(ip), link)
        return str(found.state) if found is not None else ""

    def source(self, name: str, dst: str) -> str:
        """The ``src`` of ``ip route get DST``."""
        return str(ip_route_output(self[name], Ip4.parse(dst)).src)

    def learned(self, name: str) -> dict[Ip, RouteException]:
        """What a namespace has learned of single destinations, by whichever next hop."""
        return {to: found for learned in self[name].exceptions.values() for to, found in learned.items()}

    def events(self, kind: type[_E], name: str = "") -> list[Seen[_E]]:
        """The events of one type, of one namespace or of all."""
        return [
            Seen(index, r.time, r.netns, r.packet, r.event)
            for index, r in enumerate(self.records)
            if isinstance(r.event, kind) and name in {"", r.netns}
        ]

    def frames(self, where: str) -> list[Packet]:
        """What a device transmitted."""
        name, _, dev = where.partition(":")
        return [seen.event.frame for seen in self.events(Transmitted, name) if seen.event.dev == dev]

    def headers(self, where: str, kind: type[_H]) -> list[_H]:
        """The outermost header of a kind of every frame that a device transmitted."""
        return [header for frame in self.frames(where) if (header := frame.find(kind)) is not None]

    def drops(self, name: str = "") -> list[tuple[str, str]]:
        """What was discarded: function and reason."""
        return [(seen.event.where, str(seen.event.reason)) for seen in self.events(Dropped, name)]

    def changes(self, where: str, ip: str) -> list[tuple[str, str, str]]:
        """The history of a neighbour entry: old state, cause, new state."""
        name, _, dev = where.partition(":")
        changes = (seen.event for seen in self.events(NeighbourChanged, name))
        return [(each.old, each.cause, each.new) for each in changes if each.dev == dev and str(each.ip) == ip]

    def sequence(self, *places: str, arp: bool = False, times: bool = False) -> list[str]:
        """The golden sequence of what was transmitted since the last ``restart``: all, or at these places; only ARP, with seconds."""
        return sequence(self.records, places, arp=arp, start=self.start if times else None)


class Ping:
    """A running ping: what came back, with seconds since the lab's last restart."""

    def __init__(self, lab: Lab, name: str, dst: Ip, ident: int, size: int) -> None:
        self.lab = lab
        self.dst = dst
        self.ident = ident
        self.size = size
        self.socket = PingSocket(lab[name], ident, self._wake)
        self.sent: list[int] = []
        """Packet ids, in order."""
        self.refused: list[int] = []
        """errno of every ``sendto`` that failed."""
        self.replies: list[tuple[int, int]] = []
        """Sequence number and TTL."""
        self.errors: list[tuple[str, str, int]] = []
        """``type/code``, who reports it, and the sequence number it is about."""
        self.reply_times: list[float] = []
        self.error_times: list[float] = []

    def send(self, seq: int) -> None:
        """Send one request now."""
        try:
            header = Icmp(ICMP_ECHO, 0, self.ident << 16 | seq)
            self.sent.append(self.socket.send(self.dst, header, bytes(self.size)))
        except SocketError as error:
            self.refused.append(error.errno)

    def _wake(self) -> None:
        while self.socket.inbox:
            arrived = self.socket.inbox.popleft()
            ip, icmp = arrived.packet.layers[:2]
            assert isinstance(ip, IPv4)
            assert isinstance(icmp, Icmp)
            self.replies.append((icmp.seq, ip.ttl))
            self.reply_times.append(self.lab.since(arrived.time))
        while self.socket.errors:
            report = self.socket.errors.popleft()
            about = report.quoted.find(Icmp)
            self.errors.append(
                (f"{report.icmp.type}/{report.icmp.code}", str(report.origin), about.seq if about is not None else 0)
            )
            self.error_times.append(self.lab.since(report.time))


def _prefix(text: str) -> Net:
    return Net(ANY4, 0) if text == "default" else Net.parse(text)


def arp_frame(op: int, sha: Mac, spa: str, tpa: str, *, dst: str = "", tha: str = "") -> Packet:
    """An ARP message in an Ethernet frame; broadcast unless ``dst`` is given."""
    message = Arp(op, sha, Ip4.parse(spa), Mac.parse(tha) if tha else NO_MAC, Ip4.parse(tpa))
    return Packet((Ethernet(Mac.parse(dst) if dst else BROADCAST, sha, ETH_P_ARP), message))


# -- the notation of the golden sequences --------------------------------------------------------------------------


def describe(frame: Packet) -> str:
    """``B who-has A tell B``, ``reply A is-at MAC``, ``echo request seq 1 ttl 64 DF``, ``icmp 3/1 A > B ttl 64 about …``, ``udp 1 > 2 ttl 64``."""
    layers = frame.layers
    eth = layers[0] if isinstance(layers[0], Ethernet) else None
    inner = layers[1:] if eth is not None else layers
    first = inner[0] if inner else None
    if isinstance(first, Arp):
        if first.op == ARPOP_REQUEST:
            cast = "B" if eth is not None and eth.dst == BROADCAST else "U"
            return f"{cast} who-has {first.tpa} tell {first.spa}"
        return f"reply {first.spa} is-at {first.sha}"
    if not isinstance(first, IPv4):
        return f"frame {first}"
    tail = f"ttl {first.ttl}{' DF' if first.df else ''}"
    second = inner[1] if len(inner) > 1 else None
    if isinstance(second, Icmp) and second.type in {ICMP_ECHO, ICMP_ECHOREPLY}:
        return f"echo {'request' if second.type == ICMP_ECHO else 'reply'} seq {second.seq} {tail}"
    if isinstance(second, Icmp):
        about = f" about {describe(frame.payload.packet)}" if isinstance(frame.payload, Quoted) else ""
        return f"icmp {second.type}/{second.code} {first.src} > {first.dst} {tail}{about}"
    if isinstance(second, Udp):
        return f"udp {second.sport} > {second.dport} {tail}"
    if isinstance(second, Tcp):
        return f"tcp {second.sport} > {second.dport} flags {second.flags:#04x} {tail}"
    return f"ip {first.src} > {first.dst} proto {first.proto} {tail}"


def sequence(
    records: Iterable[Record], places: tuple[str, ...] = (), *, arp: bool = False, start: int | None = None
) -> list[str]:
    """``TX node:cali111 reply 169.254.1.1 is-at ee:ee:ee:ee:ee:ee`` for every transmission, in order.

    ``places`` limits it to these devices, ``arp`` to ARP; with ``start`` each line begins with the seconds since that time (ns).
    """
    lines = []
    for record in records:
        event = record.event
        if not isinstance(event, Transmitted):
            continue
        place = f"{record.netns}:{event.dev}"
        if (places and place not in places) or (arp and event.frame.find(Arp) is None):
            continue
        when = f"{(record.time - start) / NSEC:.3f} " if start is not None else ""
        lines.append(f"{when}TX {place} {describe(event.frame)}")
    return lines


# -- the topologies of the kernel sheet ----------------------------------------------------------------------------


def calico_same_node(seed: int = 0, *, gateway: bool = True) -> Lab:
    """Section 1: ``node`` with ``pod1`` (192.168.1.11, cali111) and ``pod2`` (192.168.1.12, cali222), and ``gw`` 10.0.0.1 behind its eth0.

    All are namespaces of one machine joined by veths, as measured. Without ``gateway`` the node has no route beyond its pods.
    """
    lab = Lab(seed)
    lab.machine("node")
    lab.netns("node", "gw")
    lab.veth("node:eth0", NODE1_MAC, "gw:eth0", GATEWAY_MAC)
    lab.addr("gw:eth0", "10.0.0.1/24")
    lab.sysctl("node", "ip_forward", 1)
    lab.addr("node:eth0", "10.0.0.23/32")
    if gateway:
        lab.route("node", "10.0.0.1 dev eth0 scope link src 10.0.0.23")
        lab.route("node", "default via 10.0.0.1 dev eth0 src 10.0.0.23")
    lab.calico_pod("node", "pod1", "192.168.1.11", "cali111", POD1_MAC)
    lab.calico_pod("node", "pod2", "192.168.1.12", "cali222", POD2_MAC)
    lab.restart()
    return lab


def two_nodes(seed: int = 0, *, latency: int = LATENCY, one_kernel: bool = False) -> Lab:
    """Section 2: ``node1`` 10.0.0.23 with ``pod1``, ``node2`` 10.0.0.24 with ``pod2`` (192.168.2.12), no overlay.

    Two machines and a third one, ``ext`` 10.0.0.99, on a segment; with ``one_kernel`` namespaces of one machine, the nodes joined by a veth.
    """
    lab = Lab(seed)
    if one_kernel:
        lab.machine("node1")
        lab.netns("node1", "node2")
        lab.veth("node1:eth0", NODE1_MAC, "node2:eth0", NODE2_MAC)
    else:
        segment = Segment(lab.network, "lan", Net.parse("10.0.0.0/24"), latency=latency)
        for name, mac in (("node1", NODE1_MAC), ("node2", NODE2_MAC), ("ext", EXT_MAC)):
            lab.machine(name)
            lab.nic(f"{name}:eth0", mac, segment)
        lab.addr("ext:eth0", "10.0.0.99/24")
    for name, ip in (("node1", "10.0.0.23/24"), ("node2", "10.0.0.24/24")):
        lab.addr(f"{name}:eth0", ip)
        lab.sysctl(name, "ip_forward", 1)
        lab.route(name, "default via 10.0.0.99 dev eth0")
    lab.calico_pod("node1", "pod1", "192.168.1.11", "cali111", POD1_MAC)
    lab.calico_pod("node2", "pod2", "192.168.2.12", "cali222", POD2_MAC)
    lab.route("node1", "blackhole 192.168.1.0/26")
    lab.route("node2", "blackhole 192.168.2.0/26")
    lab.route("node1", "192.168.2.0/26 via 10.0.0.24 dev eth0")
    lab.route("node2", "192.168.1.0/26 via 10.0.0.23 dev eth0")
    lab.restart()
    return lab


def pair(seed: int = 0, *, segment: bool = False) -> Lab:
    """Two hosts: ``a`` (v0, 10.0.0.1/24, 02:…:0a) and ``b`` (v1, 10.0.0.2/24, 02:…:0b), joined by a veth of one machine or by a segment."""
    lab = Lab(seed)
    a, b = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
    if segment:
        lan = Segment(lab.network, "lan", Net.parse("10.0.0.0/24"))
        lab.machine("a")
        lab.machine("b")
        lab.nic("a:v0", a, lan)
        lab.nic("b:v1", b, lan)
    else:
        lab.machine("host")
        lab.netns("host", "a")
        lab.netns("host", "b")
        lab.veth("a:v0", a, "b:v1", b)
    lab.addr("a:v0", "10.0.0.1/24")
    lab.addr("b:v1", "10.0.0.2/24")
    lab.restart()
    return lab
