"""The way to the Internet behind one address: VirtualBox's NAT and its like."""

import pytest

from podwire.errors import ConfigError
from podwire.fabric.internet import GATEWAY_MAC as INTERNET_MAC
from podwire.fabric.internet import Internet
from podwire.fabric.uplink import GATEWAY_MAC, Uplink
from podwire.trace.events import ByFabric, ByNotModelled, Carried, Dropped, Received
from podwire.trace.invariants import check_invariants
from podwire.wire.addr import BROADCAST, Ip4, Mac, Net
from podwire.wire.headers import Arp, Ethernet, Icmp, IPv4, Udp
from podwire.wire.packet import Packet
from tests.linux.lab import Lab

NET = Net.parse("10.0.2.0/24")
OUTSIDE = Ip4.parse("198.51.100.1")
SERVER = "203.0.113.7"


class Home(Lab):
    """Two machines behind an uplink, and a server on the Internet."""

    def __init__(self, *, isolated: bool = True) -> None:
        super().__init__()
        self.internet = Internet(self.network)
        self.uplink = Uplink(self.network, "nat", NET, self.internet, OUTSIDE, isolated=isolated)
        taken: set[Ip4] = set()
        for number in (1, 2):
            name = f"h{number}"
            self.machine(name)
            port = self.uplink.new_port()
            port.link = self.door(name).ethernet_add("eth0", Mac.parse(f"02:00:00:00:00:0{number}"), port)
            self.up(f"{name}:eth0")
            ip = self.uplink.lease(frozenset(taken))
            taken.add(Ip4(int(ip)))
            self.addr(f"{name}:eth0", f"{ip}/24")
            self.route(name, "default via 10.0.2.2 dev eth0")
        self.machine("server")
        port = self.internet.new_port(Ip4.parse(SERVER))
        port.link = self.door("server").ethernet_add("eth0", Mac.parse("02:00:00:00:00:99"), port)
        self.up("server:eth0")
        self.addr("server:eth0", f"{SERVER}/32")
        self.route("server", "default dev eth0 scope link")
        self.restart()

    def end(self) -> tuple[str, str]:
        """Kind and reason of the last drop in the uplink."""
        by = self.events(Dropped, "nat")[-1].event.by
        if isinstance(by, ByNotModelled):
            return "not modelled", by.what
        assert isinstance(by, ByFabric)
        assert by.name == "nat"
        return by.kind, by.why

    def put(self, where: str, packet: Packet, dst: Mac = GATEWAY_MAC) -> None:
        self.restart()
        self.inject(where, packet.push(Ethernet(dst, self.link(where).mac)))
        self.run(1)


def test_isolated_machines_have_one_address_and_the_gateway_tells_them_apart() -> None:
    lab = Home()
    assert [lab.source(name, SERVER) for name in ("h1", "h2")] == ["10.0.2.15", "10.0.2.15"]
    for name in ("h1", "h2"):
        probe = lab.ping(name, SERVER)
        lab.run(1)
        assert probe.replies == [(1, 64)]
    sources = {str(ip.src) for r in lab.events(Received, "server") if (ip := r.event.frame.find(IPv4))}
    assert sources == {str(OUTSIDE)}
    assert check_invariants(lab.records, finished=True) == []


def test_both_may_use_one_port_towards_one_server() -> None:
    lab = Home()
    server, sockets = lab.udp("server", 53), [lab.udp(name, 5000) for name in ("h1", "h2")]
    for socket in sockets:
        socket.send_to(Ip4.parse(SERVER), 53, b"x")
    lab.run(1)
    ports = [r.event.frame.find(Udp).sport for r in lab.events(Received, "server") if r.event.frame.find(Udp)]  # type: ignore[union-attr]
    assert ports == [5000, 1024]
    lab.restart()
    for port in ports:
        server.send_to(OUTSIDE, port, b"y")
    lab.run(1)
    assert [r.netns for r in lab.events(Received) if r.event.frame.find(Udp)] == ["h1", "h2"]


def test_the_gateway_and_the_dns_server_answer_arp_and_nobody_else_does() -> None:
    lab = Home()
    for target, heard in (("10.0.2.2", True), ("10.0.2.3", True), ("10.0.2.99", False)):
        lab.restart()
        lab.ask("h1:eth0", target, "10.0.2.15")
        lab.run(1)
        answers = [arp.sha for r in lab.events(Received, "h1") if (arp := r.event.frame.find(Arp))]
        assert answers == ([GATEWAY_MAC] if heard else [])
        assert lab.events(Received, "h2") == []
    kind, why = lab.end()
    assert kind == "uplink-isolated"
    assert "nobody but its gateway 10.0.2.2 is there to answer for 10.0.2.99" in why


def test_the_gateway_answers_pings_and_what_else_it_does_is_not_modelled() -> None:
    lab = Home()
    probe = lab.ping("h1", "10.0.2.2")
    lab.run(1)
    assert probe.replies == [(1, 64)]
    lab.udp("h1", 1000).send_to(Ip4.parse("10.0.2.2"), 80, b"x")
    lab.run(1)
    assert lab.end() == ("not modelled", "what the gateway 10.0.2.2 of uplink nat does beside NAT")
    lab.udp("h1", 1001).send_to(Ip4.parse("10.0.2.3"), 53, b"x")
    lab.run(1)
    assert lab.end() == ("not modelled", "the DNS server 10.0.2.3 of uplink nat")


def _packet(src: str, dst: str, proto: int = 17) -> Packet:
    layers = (IPv4(Ip4.parse(src), Ip4.parse(dst), proto), *((Udp(1, 2),) if proto == 17 else ()))
    return Packet(layers, b"x")


@pytest.mark.parametrize(
    ("packet", "kind", "why"),
    [
        (
            _packet("172.20.0.106", SERVER),
            "uplink-source",
            "uplink nat translates sources in 10.0.2.0/24 only, and 172.20.0.106 is outside",
        ),
        (
            _packet("10.0.2.15", SERVER, 4),
            "uplink-protocol",
            "uplink nat translates TCP, UDP and ICMP only, and this is protocol 4",
        ),
        (
            _packet("10.0.2.15", "10.0.2.77"),
            "uplink-isolated",
            "uplink nat takes nothing to other machines, and 10.0.2.77 would be one in 10.0.2.0/24",
        ),
        (
            _packet("10.0.2.15", "10.0.2.255"),
            "no-broadcast",
            "the gateway of nat takes neither broadcast nor multicast",
        ),
        (
            Packet((IPv4(Ip4.parse("10.0.2.15"), Ip4.parse(SERVER), 1), Icmp(0, 0, 7 << 16)), b"x"),
            "uplink-unknown",
            "uplink nat knows no connection that this belongs to",
        ),
    ],
)
def test_what_does_not_leave(packet: Packet, kind: str, why: str) -> None:
    lab = Home()
    lab.put("h1:eth0", packet)
    assert lab.end() == (kind, why)
    assert lab.events(Received, "server") == []


def test_what_was_not_asked_for_does_not_come_in() -> None:
    lab = Home()
    lab.udp("server", 53).send_to(OUTSIDE, 5000, b"x")
    lab.run(1)
    assert lab.end() == (
        "uplink-inbound",
        f"uplink nat lets answers in only, and nobody behind it asked {SERVER}",
    )
    # Nor does an echo request that has the identifier of one that went out.
    out = lab.ping("h1", SERVER)
    lab.run(1)
    assert out.replies
    ident = next(m.id for r in lab.events(Received, "server") if (m := r.event.frame.find(Icmp)))
    request = Packet((IPv4(Ip4.parse(SERVER), OUTSIDE, 1), Icmp(8, 0, ident << 16)), b"x")
    lab.put("server:eth0", request, INTERNET_MAC)
    assert lab.end()[0] == "uplink-inbound"


def test_the_trace_says_what_was_translated() -> None:
    lab = Home()
    lab.ping("h1", SERVER)
    lab.run(1)
    assert [(r.event.to, r.event.why) for r in lab.events(Carried, "nat")] == [
        ("internet", f"uplink nat translates 10.0.2.15 to {OUTSIDE}"),
        ("h1", f"uplink nat translates {OUTSIDE} to 10.0.2.15"),
    ]


def test_an_error_from_the_internet_reaches_the_program_that_it_is_about() -> None:
    lab = Home()
    socket = lab.udp("h1", 5000)
    socket.send_to(Ip4.parse(SERVER), 2000, b"x")
    lab.run(1)
    quoted = [error.quoted.layers[0] for error in socket.errors]
    assert [str(header.src) for header in quoted if isinstance(header, IPv4)] == ["10.0.2.15"]


def test_fragments_pass_in_both_directions() -> None:
    lab = Home()
    probe = lab.ping("h1", SERVER, size=4000)
    lab.run(1)
    assert probe.replies == [(1, 64)]


def test_a_shared_uplink_is_a_segment_with_a_gateway() -> None:
    lab = Home(isolated=False)
    assert [lab.source(name, SERVER) for name in ("h1", "h2")] == ["10.0.2.15", "10.0.2.16"]
    assert lab.uplink.dns == lab.uplink.gateway
    for target in ("10.0.2.16", "10.0.2.2", SERVER):
        probe = lab.ping("h1", target)
        lab.run(1)
        assert probe.replies == [(1, 64)]
    lab.restart()
    lab.inject("h1:eth0", Packet((Ethernet(BROADCAST, Mac.parse("02:00:00:00:00:01"), 0x9000),), bytes(46)))
    lab.run(1)
    assert [r.netns for r in lab.events(Received)] == ["h2"]
    assert lab.end() == ("ipv4-only", "the gateway of nat takes IPv4 and ARP only")


def test_dhcp_has_no_address_left() -> None:
    lab = Lab()
    internet = Internet(lab.network)
    uplink = Uplink(
        lab.network,
        "nat",
        Net.parse("10.0.2.0/29"),
        internet,
        OUTSIDE,
        lease=Ip4.parse("10.0.2.5"),
        isolated=False,
    )
    taken = {uplink.lease()}
    taken.add(uplink.lease(frozenset(taken)))
    assert sorted(str(ip) for ip in taken) == ["10.0.2.5", "10.0.2.6"]
    with pytest.raises(ConfigError, match=r"no address left in 10\.0\.2\.0/29"):
        uplink.lease(frozenset(taken))


def test_what_an_uplink_may_not_be() -> None:
    lab = Lab()
    internet = Internet(lab.network)
    with pytest.raises(ConfigError, match=r"gateway 10\.0\.3\.1 is no address"):
        Uplink(lab.network, "nat", NET, internet, OUTSIDE, gateway=Ip4.parse("10.0.3.1"))
    with pytest.raises(ConfigError, match=r"lease 10\.0\.2\.255 is no address"):
        Uplink(lab.network, "nat", NET, internet, OUTSIDE, lease=Ip4.parse("10.0.2.255"))
    Uplink(lab.network, "nat", NET, internet, OUTSIDE)
    with pytest.raises(ConfigError, match="belongs to network 'nat'"):
        Uplink(lab.network, "nat2", NET, internet, OUTSIDE)
