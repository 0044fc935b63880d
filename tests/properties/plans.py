"""Random small networks and random packets, as plain data: a plan can be built twice, and hypothesis can make it smaller."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import msgspec
from hypothesis import strategies as st

from podwire.fabric.network import Network
from podwire.fabric.segment import Segment
from podwire.linux.errors import NetlinkError
from podwire.linux.fib import ERROR_TYPES, NextHop, Route
from podwire.linux.link import SCOPE_LINK, SCOPE_UNIVERSE, Link
from podwire.linux.neigh import Nud
from podwire.linux.netlink import Netlink, Peer
from podwire.linux.netns import Netns
from podwire.linux.path.output import raw_frame
from podwire.linux.socket import PingSocket, RawSocket, SocketError, UdpSocket
from podwire.trace.log import Record
from podwire.wire.addr import BROADCAST, Ip, Ip4, Mac, Net
from podwire.wire.headers import ARPOP_REQUEST, ETH_P_ARP, ICMP_ECHO, AnyHeader, Arp, Ethernet, Icmp, IPv4, Tcp, Udp
from podwire.wire.packet import Packet

NSEC: Final = 1_000_000_000
ADDRESSES: Final = tuple(
    Ip4.parse(text)
    for text in (
        *(f"10.{net}.0.{host}" for net in range(7) for host in (1, 2, 3, 255)),
        "10.9.9.9",
        "192.168.1.11",
        "169.254.1.1",
        "127.0.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "239.1.2.3",
        "255.255.255.255",
        "240.0.0.5",
        "8.8.8.8",
    )
)
PREFIXES: Final = tuple(
    Net.parse(text)
    for text in (
        "0.0.0.0/0",
        "10.0.0.0/8",
        *(f"10.{net}.0.0/24" for net in range(5)),
        "10.1.0.0/16",
        "10.2.0.2/32",
        "10.9.9.0/25",
        "192.168.1.11/32",
        "127.0.0.0/8",
        "224.0.0.0/4",
    )
)
SYSCTLS: Final = (
    ("conf/all/rp_filter", 2),
    ("conf/all/proxy_arp", 1),
    ("conf/all/route_localnet", 1),
    ("conf/all/accept_local", 1),
    ("conf/all/arp_ignore", 3),
    ("conf/all/arp_announce", 2),
    ("conf/all/arp_accept", 2),
    ("conf/all/send_redirects", 1),
    ("conf/all/accept_redirects", 1),
    ("conf/all/shared_media", 1),
    ("conf/all/drop_unicast_in_l2_multicast", 1),
    ("conf/default/forwarding", 1),
    ("ip_forward", 1),
    ("icmp_ratelimit", 1000),
    ("icmp_ratemask", 6168),
    ("icmp_echo_ignore_broadcasts", 1),
    ("icmp_echo_ignore_all", 1),
    ("icmp_errors_use_inbound_ifaddr", 1),
    ("ip_default_ttl", 255),
    ("ip_nonlocal_bind", 1),
    ("ipfrag_time", 30),
    ("neigh/default/mcast_solicit", 3),
    ("neigh/default/unres_qlen_bytes", 2000),
)
_MACS: Final = (BROADCAST, Mac(0x01005E000001), Mac(0x020000000099))


class Plan(msgspec.Struct, frozen=True):
    """Indices everywhere: what they point at is modulo what there is."""

    machines: tuple[int, ...]
    """The machine, 0 or 1, of each namespace."""
    mtus: tuple[int, ...]
    """Of the cables that join each namespace to the next."""
    routed: bool
    """All of them are routers that know the way to every cable of this chain."""
    cables: tuple[tuple[int, int, int], ...]
    """Further ones: two namespaces and the MTU."""
    shared: bool
    """Every namespace has a NIC on one segment too."""
    addresses: tuple[tuple[int, int, int], ...]
    """Device, address and prefix length beyond the regular ones."""
    routes: tuple[tuple[int, int, int, int, int], ...]
    """Namespace, type, prefix, gateway (odd: none) and device."""
    sysctls: tuple[tuple[int, int, int], ...]
    neighbours: tuple[tuple[int, int, int], ...]
    """Device, address and MAC."""
    changes: tuple[tuple[int, int], ...]
    """Between the packets: a device goes down or up."""
    packets: tuple[Shot, ...]


class Shot(msgspec.Struct, frozen=True):
    """One packet: who sends what how, and how long it is quiet then (ms)."""

    kind: int
    netns: int
    src: int
    dst: int
    ttl: int
    size: int
    proto: int
    tos: int
    ident: int
    flags: int
    frag: int
    pause: int


def _index(limit: int = 63) -> st.SearchStrategy[int]:
    return st.integers(0, limit)


def _tuples(*parts: st.SearchStrategy[int], most: int) -> st.SearchStrategy[tuple[tuple[int, ...], ...]]:
    return st.lists(st.tuples(*parts), max_size=most).map(tuple)


_MTU: Final = st.sampled_from([1500, 1500, 1500, 1000, 600, 68])
_REGULAR: Final = st.sampled_from([0, 1, 4, 5, 8, 9, 12, 13]) | _index()
"""Addresses of the chain's cables, or any."""
_TTL = st.sampled_from([64, 0, 1, 2, 3, 255]) | st.integers(0, 255)
_SIZE = st.sampled_from([0, 8, 56, 472, 1472, 1473, 3000]) | st.integers(0, 3000)
SHOTS: Final = st.builds(
    Shot,
    kind=_index(7),
    netns=_index(4),
    src=_REGULAR,
    dst=_REGULAR,
    ttl=_TTL,
    size=_SIZE,
    proto=st.sampled_from([1, 6, 17, 4, 2, 132, 0, 255]),
    tos=st.sampled_from([0, 0x10, 0xB8, 0xFF]),
    ident=st.integers(0, 3),
    flags=_index(7),
    frag=st.sampled_from([0, 0, 0, 1, 3, 185, 8191]),
    pause=st.sampled_from([0, 0, 1, 1000, 3500, 40_000]),
)
PLANS: Final = st.builds(
    Plan,
    machines=st.lists(st.integers(0, 1), min_size=2, max_size=5).map(tuple),
    mtus=st.tuples(*[_MTU] * 4),
    routed=st.sampled_from([True, True, True, False]),
    cables=_tuples(_index(4), _index(4), _MTU, most=2),
    shared=st.booleans(),
    addresses=_tuples(_index(), _index(), st.sampled_from([32, 24, 31, 8]), most=4),
    routes=_tuples(_index(4), _index(7), _index(), _index(), _index(), most=8),
    sysctls=_tuples(_index(4), _index(), _index(2), most=6),
    neighbours=_tuples(_index(), _index(), _index(3), most=3),
    changes=_tuples(_index(), _index(1), most=2),
    packets=st.lists(SHOTS, min_size=3, max_size=8).map(tuple),
)


class Built:
    """A network made from a plan, and everything that was logged."""

    def __init__(self, plan: Plan, seed: int = 0) -> None:
        self.plan = plan
        self.network = Network(seed)
        self.records: list[Record] = []
        self.network.log.attach(self.records.append)
        hosts = [self.network.add_machine(f"host{n}") for n in range(2)]
        self.spaces: list[Netns] = []
        for number, machine in enumerate(plan.machines):
            netns = hosts[machine].new_netns(f"n{number}")
            Netlink(netns).link_up(netns.loopback)
            self.spaces.append(netns)
        self.links: list[Link] = []
        self._cable()
        self._configure()

    def _netns(self, index: int) -> Netns:
        return self.spaces[index % len(self.spaces)]

    def _link(self, index: int) -> Link | None:
        return self.links[index % len(self.links)] if self.links else None

    def _cable(self) -> None:
        chain = [(n, n + 1, self.plan.mtus[n]) for n in range(len(self.spaces) - 1)]
        for number, (first, second, mtu) in enumerate((*chain, *self.plan.cables)):
            a, b = self._netns(first), self._netns(second)
            if a is b:
                continue
            if a.machine is b.machine:
                Netlink(a).link_add(f"v{number}", "veth", mtu=mtu, peer=Peer(f"v{number}", b, mtu=mtu))
                ends = [a.link(f"v{number}"), b.link(f"v{number}")]
            else:
                segment = Segment(self.network, f"s{number}", Net(Ip4(10 << 24 | number << 16), 24), mtu=mtu)
                ends = [self._nic(segment, netns, f"v{number}") for netns in (a, b)]
            for host, link in enumerate(ends, start=1):
                assert link is not None
                self._up(link, Ip4(10 << 24 | number << 16 | host))
        if self.plan.shared:
            segment = Segment(self.network, "lan", Net.parse("10.6.0.0/24"))
            for host, netns in enumerate(self.spaces, start=1):
                self._up(self._nic(segment, netns, "lan"), Ip4(10 << 24 | 6 << 16 | host))

    def _nic(self, segment: Segment, netns: Netns, name: str) -> Link:
        port = segment.new_port()
        link = port.link = Netlink(netns).ethernet_add(name, netns.draw_mac(name), port, mtu=segment.mtu)
        return link

    def _up(self, link: Link, ip: Ip) -> None:
        door = Netlink(link.netns)
        door.link_up(link)
        door.addr_add(link, ip, 24, broadcast=Net.of(ip, 24).broadcast)
        self.links.append(link)

    def _configure(self) -> None:
        plan = self.plan
        if plan.routed:
            for place, netns in enumerate(self.spaces):
                Netlink(netns).sysctl_write("net/ipv4/ip_forward", "1")
                for cable in range(len(self.spaces) - 1):
                    if cable not in {place, place - 1}:
                        via = 10 << 24 | (place if cable > place else place - 1) << 16 | (2 if cable > place else 1)
                        net = Net(Ip4(10 << 24 | cable << 16), 24)
                        Netlink(netns).route_add(Route(net, nexthops=(NextHop(via=Ip4(via)),)))
        for where, which, value in plan.sysctls:
            path, most = SYSCTLS[which % len(SYSCTLS)]
            with suppress(NetlinkError):
                Netlink(self._netns(where)).sysctl_write(
                    f"net/ipv4/{path}", str(min(value, most) if value < 2 else most)
                )
        for device, address, plen in plan.addresses:
            link = self._link(device)
            if link is not None:
                with suppress(NetlinkError):
                    Netlink(link.netns).addr_add(link, ADDRESSES[address % len(ADDRESSES)], plen)
        for where, kind, prefix, gateway, device in plan.routes:
            self._route(self._netns(where), kind, prefix, gateway, device)
        for device, address, mac in plan.neighbours:
            link = self._link(device)
            if link is not None:
                ip = ADDRESSES[address % len(ADDRESSES)]
                real = (
                    Mac(0x020000000077),
                    link.mac,
                    link.peer.mac if link.peer is not None else link.mac,
                    Mac(0xEEEEEEEEEEEE),
                )
                with suppress(NetlinkError):
                    state = Nud.PERMANENT if address % 2 else Nud.STALE
                    Netlink(link.netns).neigh_add(ip, link, real[mac % 4], state, exclusive=False)

    def _route(self, netns: Netns, kind: int, prefix: int, gateway: int, device: int) -> None:
        types = ("unicast", "unicast", "unicast", "unicast", "blackhole", "unreachable", "prohibit", "throw")
        type_ = types[kind % len(types)]
        via = ADDRESSES[gateway % len(ADDRESSES)] if gateway % 2 == 0 else None
        links = netns.links()
        hop = NextHop(links[device % len(links)].ifindex, via, onlink=via is not None and device % 5 == 0)
        scope = SCOPE_UNIVERSE if via is not None or type_ in ERROR_TYPES else SCOPE_LINK
        hops = () if type_ in ERROR_TYPES else (hop,)
        metrics = (("mtu", 700),) if device % 7 == 0 and hops else ()
        route = Route(PREFIXES[prefix % len(PREFIXES)], type_, scope, metric=device % 3, nexthops=hops, metrics=metrics)
        with suppress(NetlinkError):
            Netlink(netns).route_add(route)

    # -- traffic -------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Every packet in its turn, changes in between, then everything that still happens."""
        changes = list(self.plan.changes)
        for shot in self.plan.packets:
            self._shoot(shot)
            self.network.sleep(shot.pause * 1_000_000)
            if changes:
                self._change(*changes.pop())
        self.settle()

    def settle(self) -> None:
        """Let the clock run out: no timer is left, or 20 minutes are over."""
        deadline = self.network.now + 1200 * NSEC
        self.network.run_until(lambda: False, deadline)

    def _change(self, device: int, up: int) -> None:
        link = self._link(device)
        if link is None:
            return
        if up:
            Netlink(link.netns).link_up(link)
        else:
            Netlink(link.netns).link_down(link)

    def _shoot(self, shot: Shot) -> None:
        netns = self._netns(shot.netns)
        src, dst = (ADDRESSES[i % len(ADDRESSES)] for i in (shot.src, shot.dst))
        with suppress(SocketError):
            if shot.kind <= 1:
                self._ping(netns, dst, shot)
            elif shot.kind == 2:
                self._udp(netns, src, dst, shot)
            elif shot.kind <= 5:
                socket = RawSocket(netns, shot.proto, lambda: None)
                socket.broadcast = True
                socket.send_raw(odd_packet(src, dst, shot))
            else:
                self._frame(netns, src, dst, shot)

    def _ping(self, netns: Netns, dst: Ip, shot: Shot) -> None:
        socket = PingSocket(netns, 7, lambda: None)
        socket.ttl, socket.tos, socket.pmtudisc, socket.broadcast = shot.ttl, shot.tos, shot.flags % 3, True
        socket.send(dst, Icmp(ICMP_ECHO, 0, 7 << 16 | 1), bytes(shot.size))

    def _udp(self, netns: Netns, src: Ip, dst: Ip, shot: Shot) -> None:
        socket = UdpSocket(netns, 5000 + shot.ident, lambda: None)
        socket.pmtudisc, socket.broadcast = shot.flags % 3, bool(shot.flags & 1)
        if shot.flags & 2:
            socket.bind(src)
        socket.send_to(dst, 5000 + shot.proto % 4, bytes(shot.size))

    def _frame(self, netns: Netns, src: Ip, dst: Ip, shot: Shot) -> None:
        link = netns.links()[shot.ident % len(netns.links())]
        other = link.peer.mac if link.peer is not None else link.mac
        mac = (*_MACS, other)[shot.flags % 4]
        if shot.kind == 6:
            frame = odd_packet(src, dst, shot).push(Ethernet(mac, link.mac))
        else:
            op = ARPOP_REQUEST + shot.flags // 4
            frame = Packet((Ethernet(mac, link.mac, ETH_P_ARP), Arp(op, link.mac, src, Mac(0), dst)))
        raw_frame(netns, link, frame, self.network.new_packet_id())


def odd_packet(src: Ip, dst: Ip, shot: Shot) -> Packet:
    """A packet with whatever fields."""
    transport: dict[int, AnyHeader] = {
        1: Icmp((8, 0, 3, 5, 11, 13, 12, 40)[shot.ident % 4 + 4 * (shot.flags & 1)], shot.flags % 6, 7 << 16 | 1),
        6: Tcp(1, 2, flags=shot.tos & 0x3F),
        17: Udp(5000, 5000 + shot.ident, checksum=0 if shot.flags & 4 else None),
    }
    options = (b"", b"\x01\x01\x01\x01", b"\x94\x04\x00\x00", b"\x07\x07\x04\x00\x00\x00\x00\x00")[
        shot.size % 4 if shot.flags == 7 else 0
    ]
    header = IPv4(
        src,
        dst,
        shot.proto,
        shot.ttl,
        shot.tos,
        shot.ident,
        df=bool(shot.flags & 1),
        mf=bool(shot.flags & 2),
        frag=shot.frag,
        options=options,
        evil=bool(shot.flags & 4),
    )
    inner = (transport[shot.proto],) if shot.proto in transport and not shot.frag else ()
    return Packet((header, *inner), bytes(shot.size))
