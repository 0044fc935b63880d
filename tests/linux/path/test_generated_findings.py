"""What generated cases found (tests/oracle/generated): the kernel's answers are in tests/oracle/recorded/gen_*.out."""

from errno import ENOBUFS

import pytest

from podwire.linux.fib import LOCAL, RT_TABLE_LOCAL, NextHop, Route
from podwire.linux.link import SCOPE_HOST
from podwire.linux.path.lookup import inet_addr_type
from podwire.linux.path.route import ip_route_output
from podwire.linux.path.routein import ip_route_input
from podwire.linux.rule import FR_ACT_PROHIBIT, FR_ACT_UNREACHABLE, FibRule
from podwire.linux.skb import truesize_of
from podwire.linux.socket import PingSocket, RawSocket, SocketError
from podwire.trace.events import Received, Transmitted
from podwire.wire.addr import Ip4, Net
from podwire.wire.headers import IPPROTO_ICMP, Icmp, IPv4
from tests.linux.lab import Lab, pair


def raw(lab: Lab, name: str) -> RawSocket:
    return RawSocket(lab[name], IPPROTO_ICMP, lambda: None)


def test_a_socket_bound_to_a_device_hears_an_own_address_of_it_over_lo() -> None:
    """``rt_iif`` of a local route is the device that has the address."""
    lab = pair()
    lab.addr("a:lo", "10.9.0.1/32")
    for target, replies in (("10.0.0.1", 1), ("10.9.0.1", 0)):
        probe = PingSocket(lab["a"], 77, lambda: None)
        probe.link = lab.link("a:v0")
        probe.send(Ip4.parse(target), Icmp(8, 0, 77 << 16 | 1), b"")
        assert len(probe.inbox) == replies
        probe.close()


def test_a_fragment_that_is_not_taken_ends_the_datagram() -> None:
    lab = pair()
    lab.ping("a", "10.0.0.2")
    lab["b"].link("v1").mtu = 1000  # type: ignore[union-attr]
    lab.restart()
    socket = raw(lab, "a")
    socket.send(Ip4.parse("10.0.0.2"), Icmp(8), bytes(3000))
    socket.recverr = True
    with pytest.raises(SocketError) as caught:
        socket.send(Ip4.parse("10.0.0.2"), Icmp(8), bytes(3000))
    assert caught.value.errno == ENOBUFS
    assert len(lab.frames("a:v0")) == 2
    assert [where for where, _ in lab.drops("a")] == ["veth_xmit", "ip_do_fragment", "ip_do_fragment"] * 2


def test_each_fragment_of_a_process_arrives_before_the_next_one_leaves() -> None:
    lab = pair()
    lab.ping("a", "10.0.0.2")
    lab.restart()
    raw(lab, "a").send(Ip4.parse("10.0.0.2"), Icmp(8), bytes(3000))
    order = [
        f"{record.netns} {type(record.event).__name__}"
        for record in lab.records
        if isinstance(record.event, Transmitted | Received)
    ]
    assert order[:6] == ["a Transmitted", "b Received"] * 3


def test_the_send_buffer_holds_so_many_fragments() -> None:
    lab = pair()
    lab.link("a:v0").mtu = 100
    socket = raw(lab, "a")
    socket.set_sndbuf(1)
    fits = 2 * socket.sndbuf // truesize_of(100) + 1
    socket.send(Ip4.parse("10.0.0.2"), Icmp(8), bytes(fits * 80 - 8))
    with pytest.raises(SocketError) as caught:
        socket.send(Ip4.parse("10.0.0.2"), Icmp(8), bytes(fits * 80 - 7))
    assert caught.value.errno == ENOBUFS
    assert socket.wmem == 0


def test_what_waits_for_a_neighbour_takes_room_in_the_send_buffer() -> None:
    lab = pair()
    lab.down("b:v1")
    lab.up("b:v1")
    lab.sysctl("b", "conf/v1/arp_ignore", 8)
    socket = raw(lab, "a")
    socket.send(Ip4.parse("10.0.0.2"), Icmp(8), b"")
    assert socket.wmem == truesize_of(28)
    lab.run(5)
    assert socket.wmem == 0


def test_a_packet_without_source_is_reported_to_127_0_0_1() -> None:
    lab = Lab()
    lab.machine("host")
    lab.netns("host", "a")
    lab.netns("host", "b")
    lab.veth("a:v0", "02:00:00:00:00:0a", "b:v1", "02:00:00:00:00:0b")
    lab.route("a", "10.0.1.0/24 dev v0")
    lab.restart()
    lab.ping("a", "10.0.1.1")
    lab.run(5)
    assert [(str(head.src), str(head.dst)) for head in lab.headers("a:lo", IPv4)] == [("127.0.0.1", "127.0.0.1")]


def test_connect_looks_up_again_with_the_source_it_got() -> None:
    lab = pair()
    lab.door("a").rule_add(FibRule(10, FR_ACT_UNREACHABLE, src=Net.parse("10.0.0.1/32")))
    assert str(ip_route_output(lab["a"], Ip4.parse("10.0.0.2")).src) == "10.0.0.1"
    with pytest.raises(SocketError):
        raw(lab, "a").route_source(Ip4.parse("10.0.0.2"))


def test_main_hides_local_routes_while_they_are_one_trie() -> None:
    lab = pair()
    hop = NextHop(lab.link("a:lo").ifindex)
    lab.door("a").route_add(Route(Net.parse("0.0.0.0/1"), LOCAL, SCOPE_HOST, table=RT_TABLE_LOCAL, nexthops=(hop,)))
    inside, outside = Ip4.parse("10.0.0.99"), Ip4.parse("10.1.0.99")
    assert (inet_addr_type(lab["a"], inside), inet_addr_type(lab["a"], outside)) == ("unicast", "local")
    lab.door("a").rule_add(FibRule(10, table=100))
    assert inet_addr_type(lab["a"], inside) == "local"


def test_ignore_routes_with_linkdown_spares_routes_to_own_addresses() -> None:
    lab = pair()
    lab.sysctl("a", "conf/all/ignore_routes_with_linkdown", 1)
    lab.down("b:v1")
    lab.run(2)
    assert ip_route_output(lab["a"], Ip4.parse("10.0.0.1")).type == "local"
    assert ip_route_output(lab["a"], Ip4.parse("10.0.0.2")).kind == "error"


@pytest.mark.parametrize("level", [1, 2, 3])
def test_arp_ignore_does_not_confirm_the_near_end_of_a_point_to_point_address(level: int) -> None:
    lab = pair()
    lab.addr("a:v0", "10.5.0.1/32")
    lab.sysctl("a", "conf/v0/arp_ignore", level)
    assert bool(lab.ask("b:v1", "10.0.0.1", "10.0.0.2"))
    assert bool(lab.ask("b:v1", "10.5.0.1", "10.0.0.2")) == (level != 2)


def test_own_broadcasts_are_heard() -> None:
    lab = pair()
    lab.sysctl("a", "icmp_echo_ignore_broadcasts", 0)
    socket = PingSocket(lab["a"], 9, lambda: None)
    socket.broadcast = True
    socket.link = lab.link("a:v0")
    socket.send(Ip4.parse("255.255.255.255"), Icmp(8, 0, 9 << 16 | 1), b"")
    assert [str(header.src) for header in lab.headers("a:lo", IPv4)] == ["10.0.0.1"]


def test_rules_see_protocol_and_ports() -> None:
    lab = pair()
    target = Ip4.parse("10.0.0.2")
    lab.door("a").rule_add(FibRule(10, FR_ACT_PROHIBIT, ipproto=17, dport=(53, 53)))
    kinds = [
        ip_route_output(lab["a"], target, ports=ports).kind
        for ports in ((17, 1, 53), (17, 1, 54), (6, 1, 53), (1, 0, 0))
    ]
    assert kinds == ["error", "output", "output", "output"]
    assert lab["a"].dissects
    lab.sysctl("b", "ip_forward", 1)
    lab.door("b").rule_add(FibRule(10, FR_ACT_PROHIBIT, dst=Net.parse("10.9.0.0/24"), ipproto=1))
    away = Ip4.parse("10.9.0.1")
    lab.route("b", "10.9.0.0/24 via 10.0.0.1")
    source = Ip4.parse("10.0.0.1")
    link = lab.link("b:v1")
    assert ip_route_input(lab["b"], away, source, link, ports=(1, 0, 0)).kind == "error"
    assert ip_route_input(lab["b"], away, source, link, ports=(17, 0, 0)).kind == "forward"
    lab.route("a", "10.9.0.0/24 via 10.0.0.2")
    lab.restart()
    assert [error for error, _, _ in lab.ping("a", "10.9.0.1").errors] == ["3/13"]


def test_what_leaves_by_lo_is_for_this_host() -> None:
    """``RTCF_LOCAL``: also where a lookup with lo as its device found nothing."""
    lab = pair()
    lab.addr("a:lo", "10.9.0.1/32")
    socket = PingSocket(lab["a"], 5, lambda: None)
    socket.link = lab.link("a:lo")
    socket.send(Ip4.parse("10.0.0.1"), Icmp(8, 0, 5 << 16 | 1), b"")
    assert len(socket.inbox) == 1
