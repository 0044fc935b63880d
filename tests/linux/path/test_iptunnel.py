"""IP in IP against bytes made by hand from RFC 2003, and R1 of the kernel sheet (``ip_tunnel_xmit``, ``ipip_rcv``, ``ipip_err``).

The kernel on which scripts are recorded lacks this kind of device.
"""

from errno import EMSGSIZE
from typing import Any, TypeVar

import pytest

from podwire.linux.fib import NextHop, Route
from podwire.linux.netlink import Netlink
from podwire.linux.path.iptunnel import ip_tunnel_lookup, ipip_tunnel_xmit
from podwire.linux.path.route import ip_route_output
from podwire.linux.rule import FibRule
from podwire.linux.skb import Skb
from podwire.linux.socket import PMTUDISC_DO, PMTUDISC_DONT
from podwire.linux.tunnel import IpipConfig, TunnelInfo
from podwire.trace.events import (
    ByLink,
    ByRoute,
    Decapsulated,
    Dropped,
    Encapsulated,
    Fragmented,
    IcmpSent,
    Received,
    Transmitted,
)
from podwire.wire.addr import Ip4, Mac, Net
from podwire.wire.codec import from_bytes, to_bytes
from podwire.wire.headers import ICMP_ECHO, IPPROTO_ICMP, IPPROTO_IPIP, Ethernet, Icmp, IPv4
from podwire.wire.packet import Packet, Quoted
from tests.linux.lab import NODE1_MAC, NODE2_MAC, Lab, Ping, two_nodes

_H = TypeVar("_H", IPv4, Icmp)

POD1, POD2 = "192.168.1.11", "192.168.2.12"
NODE1, NODE2 = "10.0.0.23", "10.0.0.24"


def layer(frame: Packet, kind: type[_H]) -> _H:
    """The outermost header of a kind, which has to be there."""
    found = frame.find(kind)
    assert found is not None
    return found


def ip(text: str) -> Ip4:
    return Ip4.parse(text)


def calico_ipip() -> Lab:
    """Two nodes as Felix and BIRD leave them with ``ipipMode: Always``: ``tunl0``, and the other block behind it, ``onlink``."""
    lab = two_nodes()
    for node, own, other, via in (
        ("node1", "192.168.1.0", "192.168.2.0/26", NODE2),
        ("node2", "192.168.2.0", "192.168.1.0/26", NODE1),
    ):
        lab.door(node).modprobe("ipip")
        lab.up(f"{node}:tunl0")
        lab.addr(f"{node}:tunl0", f"{own}/32")
        lab.route_del(node, other)
        lab.route(node, f"{other} via {via} dev tunl0 onlink")
    lab.restart()
    return lab


def point_to_point(**options: Any) -> Lab:
    """``t1`` on both nodes, each with the other as remote, 10.9.0.1 and 10.9.0.2 inside."""
    lab = two_nodes()
    for node, local, remote, inside in (
        ("node1", NODE1, NODE2, "10.9.0.1/24"),
        ("node2", NODE2, NODE1, "10.9.0.2/24"),
    ):
        config = IpipConfig(remote=ip(remote), local=ip(local), **options)
        lab.door(node).link_add("t1", "ipip", tunnel=config)
        lab.up(f"{node}:t1")
        lab.addr(f"{node}:t1", inside)
    lab.restart()
    return lab


def outer(lab: Lab, where: str) -> list[IPv4]:
    """The outer headers that left by a device."""
    return [header for header in lab.headers(where, IPv4) if header.proto == IPPROTO_IPIP]


def probe(lab: Lab, name: str, dst: str, *, size: int, discover: int) -> Ping:
    ping = lab.ping(name, dst, count=0, size=size)
    ping.socket.pmtudisc = discover
    ping.send(1)
    lab.run(1)
    return ping


def set_mtu(lab: Lab, *places: str, mtu: int) -> None:
    for where in places:
        link = lab.link(where)
        Netlink(link.netns).link_set_mtu(link, mtu)


# ----------------------------------------------------------------------------------------------------------- RFC 2003

# RFC 2003 section 3.1. Outer: version 4, header of 5 words; TOS copied as far as ECN goes (00); total length 20 + 20 + 8 + 4 = 52 (0x34);
# identification; flags DF as inside; TTL as inside after forwarding (63); protocol 4; checksum; 10.0.0.23; 10.0.0.24.
# Inner: the datagram as it was, but for its TTL: 192.168.1.11 > 192.168.2.12, ICMP echo request with four bytes of data.
OUTER = "45 00 00 34 {id} 40 00 3f 04 {check} 0a 00 00 17 0a 00 00 18"
INNER = "45 00 00 20 12 34 40 00 3f 01 {check} c0 a8 01 0b c0 a8 02 0c 08 00 {icmp} 00 07 00 01 de ad be ef"


def words(text: str) -> int:
    """The sum of RFC 1071 over 16-bit words, by hand: add, fold, complement."""
    data = bytes.fromhex(text)
    total = sum(data[i] << 8 | data[i + 1] for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def test_r1_the_bytes_are_those_of_rfc_2003():
    lab = calico_ipip()
    lab.ping("pod1", POD2)
    lab.run(1)
    lab.restart()
    datagram = Packet(
        (IPv4(ip(POD1), ip(POD2), IPPROTO_ICMP, 64, id=0x1234, df=True), Icmp(ICMP_ECHO, 0, 7 << 16 | 1)),
        bytes.fromhex("deadbeef"),
    )
    lab.inject("pod1:eth0", datagram.push(Ethernet(Mac.parse("ee:ee:ee:ee:ee:ee"), lab.link("pod1:eth0").mac)))
    lab.run(1)
    (frame,) = [frame for frame in lab.frames("node1:eth0") if layer(frame, IPv4).proto == IPPROTO_IPIP]
    number = f"{layer(frame, IPv4).id:04x}"
    icmp = words("08 00 00 00 00 07 00 01 de ad be ef")
    inner = INNER.format(check=f"{words(INNER[:95].format(check='0000', icmp='')[:59]):04x}", icmp=f"{icmp:04x}")
    head = OUTER.format(id=number, check="0000")
    expected = bytes.fromhex(OUTER.format(id=number, check=f"{words(head):04x}") + inner)
    assert (
        to_bytes(frame) == Mac.parse(NODE2_MAC).to_bytes(6) + Mac.parse(NODE1_MAC).to_bytes(6) + b"\x08\x00" + expected
    )
    assert number != "0000"


def test_r1_twenty_bytes_protocol_4_and_no_ethernet_header_inside():
    lab = calico_ipip()
    lab.ping("pod1", POD2)
    lab.run(1)
    inside = lab.frames("node1:tunl0")[0]
    assert type(inside.layers[0]) is IPv4
    carried = next(frame for frame in lab.frames("node1:eth0") if frame.find(IPv4) is not None)
    assert [type(layer) for layer in carried.layers] == [Ethernet, IPv4, IPv4, Icmp]
    assert carried.size == 14 + 20 + inside.size


def test_r1_the_walk_of_a_ping():
    lab = calico_ipip()
    ping = lab.ping("pod1", POD2)
    lab.run(1)
    assert ping.replies == [(1, 62)]
    assert lab.sequence("node1:tunl0", "node1:eth0", "node2:cali222", "node2:tunl0", "node2:eth0", "node1:cali111")[
        :8
    ] == [
        "TX node1:cali111 reply 169.254.1.1 is-at ee:ee:ee:ee:ee:ee",
        "TX node1:tunl0 echo request seq 1 ttl 63 DF",
        "TX node1:eth0 B who-has 10.0.0.24 tell 10.0.0.23",
        "TX node2:eth0 reply 10.0.0.24 is-at 42:01:0a:00:00:18",
        "TX node1:eth0 ip 10.0.0.23 > 10.0.0.24 proto 4 ttl 63 DF",
        "TX node2:cali222 B who-has 192.168.2.12 tell 10.0.0.24",
        "TX node2:cali222 echo request seq 1 ttl 62 DF",
        "TX node2:cali222 reply 169.254.1.1 is-at ee:ee:ee:ee:ee:ee",
    ]
    assert lab.neigh("node1")["10.0.0.24 dev tunl0"] == "NOARP"


def test_r1_the_gateway_of_the_inner_route_is_the_remote_and_the_packet_keeps_its_id():
    lab = calico_ipip()
    ping = lab.ping("pod1", POD2)
    lab.run(1)
    out = lab.events(Encapsulated, "node1")[0]
    back = lab.events(Decapsulated, "node2")[0]
    assert out.packet == back.packet == ping.sent[0]
    assert (out.event.kind, str(out.event.src), str(out.event.dst), out.event.vni) == ("ipip", NODE1, NODE2, None)
    assert isinstance(out.event.by, ByRoute)
    assert (out.event.by.via, out.event.by.flags) == (ip(NODE2), ("onlink",))
    assert back.event.dev == "tunl0"


def test_what_was_decapsulated_comes_in_by_the_tunnel():
    lab = calico_ipip()
    lab.ping("pod1", POD2)
    lab.run(1)
    seen = [each.event for each in lab.events(Received, "node2") if each.event.dev == "tunl0"]
    assert [type(each.frame.layers[0]) for each in seen] == [IPv4]
    stats = lab.link("node2:tunl0").stats
    assert (stats.rx_packets, stats.rx_bytes, stats.tx_packets, stats.tx_bytes) == (1, 84, 1, 84)


def test_strict_rp_filter_on_tunl0_wants_the_way_back_to_lead_there():
    lab = calico_ipip()
    for node in ("node1", "node2"):
        lab.sysctl(node, "conf/all/rp_filter", 1)
    assert replies(lab) == [(1, 62)]
    lab = calico_ipip()
    lab.route_del("node2", "192.168.1.0/26")
    lab.route("node2", "192.168.1.0/26 via 10.0.0.23 dev eth0")
    lab.sysctl("node2", "conf/tunl0/rp_filter", 1)
    assert replies(lab) == []
    assert ("ip_rcv_finish", "IP_RPFILTER") in lab.drops("node2")


def replies(lab: Lab) -> list[tuple[int, int]]:
    ping = lab.ping("pod1", POD2)
    lab.run(1)
    return ping.replies


# --------------------------------------------------------------------------------------------------- the outer header


def test_r1_the_outer_ttl_is_the_inner_one_after_forwarding():
    lab = calico_ipip()
    lab.ping("pod1", POD2, ttl=9)
    lab.run(1)
    assert outer(lab, "node1:eth0")[0].ttl == 8


def test_a_ttl_of_the_device():
    lab = point_to_point(ttl=5)
    lab.ping("node1", "10.9.0.2", ttl=64)
    lab.run(1)
    assert outer(lab, "node1:eth0")[0].ttl == 5


@pytest.mark.parametrize(("inside", "outside"), [(0x01, 0x01), (0x02, 0x02), (0x03, 0x02), (0xB8, 0x00), (0xFF, 0x02)])
def test_r1_of_tos_only_ecn_is_copied_and_congestion_becomes_ect_0(inside, outside):
    lab = calico_ipip()
    lab.ping("pod1", POD2, tos=inside)
    lab.run(1)
    assert outer(lab, "node1:eth0")[0].tos == outside


@pytest.mark.parametrize(("tos", "outside"), [(1, 0xBA), (0x10, 0x12), (0x11, 0xBA)])
def test_tos_inherit_copies_it_and_a_value_takes_the_inner_ecn(tos, outside):
    lab = point_to_point(tos=tos)
    lab.ping("node1", "10.9.0.2", tos=0xBA)
    lab.run(1)
    assert outer(lab, "node1:eth0")[0].tos == outside


def test_r1_the_outer_df_is_the_inner_one_without_pmtudisc():
    lab = calico_ipip()
    probe(lab, "pod1", POD2, size=56, discover=PMTUDISC_DO)
    probe(lab, "pod1", POD2, size=56, discover=PMTUDISC_DONT)
    assert [header.df for header in outer(lab, "node1:eth0")] == [True, False]


def test_pmtudisc_sets_df_whatever_is_inside():
    lab = point_to_point(pmtudisc=True)
    probe(lab, "node1", "10.9.0.2", size=56, discover=PMTUDISC_DONT)
    assert outer(lab, "node1:eth0")[0].df


def test_without_a_gateway_the_inner_destination_is_the_remote():
    lab = calico_ipip()
    lab.route_del("node1", "192.168.2.0/26")
    lab.route("node1", "192.168.2.0/26 dev tunl0")
    lab.route("node1", f"{POD2} via {NODE2} dev eth0")
    lab.route_del("node1", POD2)
    lab.route("node1", "10.77.0.0/16 dev tunl0")
    lab.ping("node1", "10.77.0.1")
    lab.run(1)
    # The route to the outer destination is then the inner one: it leads back into the tunnel.
    assert lab.link("node1:tunl0").stats.collisions == 1
    (event,) = [each.event for each in lab.events(Dropped, "node1")]
    assert isinstance(event.by, ByLink)
    assert (event.by.what, event.by.value) == ("circular route", "10.77.0.1")


def test_the_outer_packet_is_routed_by_the_mark_of_the_device():
    lab = point_to_point(fwmark=0x40)
    lab.door("node1").rule_add(FibRule(100, table=100, mark=0x40, mask=0xFFFFFFFF))
    lab.door("node1").route_add(Route(Net.parse("0.0.0.0/0"), "blackhole", table=100))
    lab.ping("node1", "10.9.0.2")
    lab.run(1)
    assert lab.link("node1:t1").stats.tx_carrier == 1


def test_a_device_that_it_was_bound_to_may_go():
    lab = two_nodes()
    lab.device("node1:d0", "dummy")
    index = lab.link("node1:d0").ifindex
    lab.door("node1").link_add("t1", "ipip", tunnel=IpipConfig(remote=ip(NODE2), local=ip(NODE1), lower=index))
    lab.up("node1:t1")
    lab.addr("node1:t1", "10.9.0.1/24")
    lab.door("node1").link_del(lab.link("node1:d0"))
    lab.restart()
    lab.ping("node1", "10.9.0.2")
    lab.run(1)
    assert lab.link("node1:t1").stats.tx_carrier == 1


def test_r1_a_mark_survives():
    lab = calico_ipip()
    lab.door("node1").modprobe("ipip")
    link = lab.link("node1:eth0")
    skb = Skb(Packet((IPv4(ip(POD1), ip(POD2), IPPROTO_ICMP, 63), Icmp(ICMP_ECHO)), b""), 1, link)
    skb.mark = 0x40
    skb.dst = ip_route_output(lab["node1"], ip(POD2))
    ipip_tunnel_xmit(skb, lab.link("node1:tunl0"))
    assert skb.mark == 0x40
    assert skb.dst.link is link


# --------------------------------------------------------------------------------------------------------- path MTU


def test_r1_too_long_with_df_is_refused_with_the_route_mtu_less_20():
    lab = calico_ipip()
    set_mtu(lab, "node1:eth0", mtu=1400)
    ping = probe(lab, "pod1", POD2, size=1432, discover=PMTUDISC_DO)  # 1460 bytes; tunl0 takes 1480, eth0 leaves 1380
    assert ping.errors == [("3/4", NODE1, 1)]
    (told,) = lab.events(IcmpSent, "node1")
    assert (told.event.type, told.event.code) == (3, 4)
    error = next(frame for frame in lab.frames("node1:cali111") if frame.find(Icmp) is not None)
    assert layer(error, Icmp).mtu == 1380
    assert lab.drops("node1") == [("tnl_update_pmtu", "PKT_TOO_BIG")]
    assert lab.link("node1:tunl0").stats.tx_errors == 1
    assert lab.learned("node1")[ip(POD2)].mtu == 1380


def test_too_long_for_tunl0_itself_is_refused_by_ip_forward():
    lab = calico_ipip()
    set_mtu(lab, "node1:tunl0", mtu=1440)
    ping = probe(lab, "pod1", POD2, size=1472, discover=PMTUDISC_DO)
    assert ping.errors == [("3/4", NODE1, 1)]
    assert ("ip_forward", "PKT_TOO_BIG") in lab.drops("node1")


def test_without_df_the_outer_packet_is_cut_where_the_underlay_takes_less():
    lab = calico_ipip()
    set_mtu(lab, "node1:eth0", mtu=1400)
    ping = probe(lab, "pod1", POD2, size=1432, discover=PMTUDISC_DONT)
    assert ping.replies == [(1, 62)]
    assert [header.mf for header in outer(lab, "node1:eth0")] == [True, False]
    assert len(lab.events(Fragmented, "node1")) == 1
    # Without DF outside nothing is learned of the path but what the inner route says anyway.
    assert lab.learned("node1")[ip(POD2)].mtu == 1480


def test_pmtudisc_with_an_inner_packet_that_may_be_cut_is_a_matter_of_the_outer_one():
    lab = point_to_point(pmtudisc=True)
    set_mtu(lab, "node1:eth0", mtu=1400)
    ping = probe(lab, "node1", "10.9.0.2", size=1432, discover=PMTUDISC_DONT)
    assert ping.replies == []
    assert lab.drops("node1")[0] == ("ip_fragment", "PKT_TOO_BIG")
    assert lab.learned("node1")[ip("10.9.0.2")].mtu == 1380


def test_df_is_given_up_where_the_mtu_of_the_outer_route_is_locked():
    lab = calico_ipip()
    hops = (NextHop(lab.link("node1:eth0").ifindex),)
    lab.door("node1").route_add(
        Route(Net.parse(f"{NODE2}/32"), nexthops=hops, scope=253, metrics=(("mtu", 1400),), locked=frozenset({"mtu"}))
    )
    probe(lab, "pod1", POD2, size=56, discover=PMTUDISC_DO)
    assert [header.df for header in outer(lab, "node1:eth0")] == [False]


def test_a_socket_on_the_node_learns_the_path_mtu_at_its_first_packet():
    lab = point_to_point(pmtudisc=True)
    set_mtu(lab, "node1:eth0", mtu=1400)
    first = probe(lab, "node1", "10.9.0.2", size=1432, discover=PMTUDISC_DO)
    second = probe(lab, "node1", "10.9.0.2", size=1432, discover=PMTUDISC_DO)
    assert (first.refused, second.refused) == ([], [EMSGSIZE])
    assert lab.learned("node1")[ip("10.9.0.2")].mtu == 1380


def test_frag_needed_about_an_outer_packet_lowers_what_the_next_inner_one_may_have():
    lab = calico_ipip()
    probe(lab, "pod1", POD2, size=1432, discover=PMTUDISC_DO)
    lab.restart()
    sent = Packet(
        (IPv4(ip(NODE1), ip(NODE2), IPPROTO_IPIP, 63, df=True), IPv4(ip(POD1), ip(POD2), IPPROTO_ICMP, 63, df=True)),
        bytes(1440),
    )
    error = Packet((IPv4(ip("10.0.0.99"), ip(NODE1), IPPROTO_ICMP, 64), Icmp(3, 4, 1300)), Quoted(sent, 548))
    lab.inject("ext:eth0", error.push(Ethernet(lab.link("node1:eth0").mac, lab.link("ext:eth0").mac)))
    lab.run(1)
    assert lab.learned("node1")[ip(NODE2)].mtu == 1300
    ping = probe(lab, "pod1", POD2, size=1432, discover=PMTUDISC_DO)
    assert ping.errors == [("3/4", NODE1, 1)]
    assert lab.learned("node1")[ip(POD2)].mtu == 1280


def refuse_outer(lab: Lab, code: int, *, kind: int = 3) -> None:
    sent = Packet(
        (IPv4(ip(NODE1), ip(NODE2), IPPROTO_IPIP, 63), IPv4(ip("10.9.0.1"), ip("10.9.0.2"), IPPROTO_ICMP, 63)),
        bytes(64),
    )
    error = Packet((IPv4(ip("10.0.0.99"), ip(NODE1), IPPROTO_ICMP, 64), Icmp(kind, code)), Quoted(sent, 92))
    lab.inject("ext:eth0", error.push(Ethernet(lab.link("node1:eth0").mac, lab.link("ext:eth0").mac)))
    lab.run(0.1)


@pytest.mark.parametrize(
    ("kind", "code", "told"), [(3, 1, True), (3, 3, True), (3, 5, False), (11, 0, False), (11, 1, False)]
)
def test_an_error_about_an_outer_packet_is_passed_on_with_the_next_inner_one(kind, code, told):
    lab = point_to_point()
    refuse_outer(lab, code, kind=kind)
    ping = lab.ping("node1", "10.9.0.2", count=2)
    lab.run(3)
    assert [number for number, _ in ping.replies] == [1, 2]
    assert ping.errors == ([("3/1", "10.9.0.1", 1)] if told else [])


def test_time_exceeded_counts_where_the_device_has_a_ttl_of_its_own():
    lab = point_to_point(ttl=3)
    refuse_outer(lab, 0, kind=11)
    ping = lab.ping("node1", "10.9.0.2")
    lab.run(1)
    assert ping.errors == [("3/1", "10.9.0.1", 1)]


def test_errors_are_forgotten_after_30_seconds():
    lab = point_to_point()
    refuse_outer(lab, 1)
    lab.run(31)
    ping = lab.ping("node1", "10.9.0.2")
    lab.run(1)
    assert ping.errors == []


def test_errors_about_a_device_without_a_remote_are_not_kept():
    lab = calico_ipip()
    refuse_outer(lab, 1)
    assert lab["node1"].ipip.errors == {}


# ------------------------------------------------------------------------------------------------------------- loops


def test_a_route_of_the_underlay_that_leads_into_the_tunnel_is_a_collision():
    lab = calico_ipip()
    lab.route("node1", f"{NODE2} dev tunl0 scope link")
    lab.ping("pod1", POD2)
    lab.run(1)
    stats = lab.link("node1:tunl0").stats
    assert (stats.collisions, stats.tx_errors, stats.tx_packets) == (1, 1, 0)
    assert [where for where, _ in lab.drops("node1")] == ["ip_tunnel_xmit"]


def test_no_route_to_the_remote_is_a_carrier_error():
    lab = calico_ipip()
    lab.route_del("node1", "192.168.2.0/26")
    lab.route("node1", "unreachable 172.31.0.0/16")
    lab.route("node1", "192.168.2.0/26 via 172.31.0.1 dev tunl0 onlink")
    lab.ping("pod1", POD2)
    lab.run(1)
    stats = lab.link("node1:tunl0").stats
    assert (stats.tx_carrier, stats.tx_errors) == (1, 1)


def test_tunnels_whose_outer_packets_lead_into_each_other_end():
    lab = two_nodes()
    for name, remote in (("t1", "10.50.0.1"), ("t2", "10.60.0.1")):
        lab.door("node1").link_add(name, "ipip", tunnel=IpipConfig(remote=ip(remote), local=ip(NODE1)))
        lab.up(f"node1:{name}")
    lab.route("node1", "10.50.0.1 dev t2 scope link")
    lab.route("node1", "10.60.0.1 dev t1 scope link")
    lab.restart()
    lab.ping("node1", "10.50.0.1")
    lab.run(1)
    assert [drop for drop in lab.drops("node1") if drop[0] == "__dev_queue_xmit"]
    assert lab["node1"].machine.xmit_recursion == 0


# ------------------------------------------------------------------------------------------------ the device that hears


def test_tunl0_hears_whoever_sends_while_it_is_up():
    lab = calico_ipip()
    lab.down("node2:tunl0")
    ping = lab.ping("pod1", POD2)
    lab.run(1)
    assert ping.replies == []
    assert lab.drops("node2") == [("tunnel4_rcv", "NOT_SPECIFIED")]
    (told,) = lab.events(IcmpSent, "node2")
    assert (told.event.type, told.event.code) == (3, 3)


def test_without_the_module_the_protocol_is_unknown():
    lab = two_nodes()
    datagram = Packet(
        (
            IPv4(ip("10.0.0.99"), ip(NODE2), IPPROTO_IPIP, 64),
            IPv4(ip(POD1), ip(POD2), IPPROTO_ICMP, 64),
            Icmp(ICMP_ECHO),
        ),
        b"",
    )
    lab.inject("ext:eth0", datagram.push(Ethernet(lab.link("node2:eth0").mac, lab.link("ext:eth0").mac)))
    lab.run(1)
    (told,) = lab.events(IcmpSent, "node2")
    assert (told.event.type, told.event.code) == (3, 2)


def lookups(*configs: IpipConfig) -> tuple[Lab, list[str]]:
    lab = two_nodes()
    lab.door("node1").modprobe("ipip")
    lab.up("node1:tunl0")
    names = [f"t{number}" for number in range(len(configs))]
    for name, config in zip(names, configs, strict=True):
        lab.door("node1").link_add(name, "ipip", tunnel=config)
        lab.up(f"node1:{name}")
    return lab, names


def found(lab: Lab, remote: str, local: str) -> str:
    link = ip_tunnel_lookup(lab["node1"], lab.link("node1:eth0"), ip(remote), ip(local))
    return link.name if link is not None else ""


def test_lookup_takes_both_ends_before_the_remote_the_local_address_and_any():
    lab, _names = lookups(
        IpipConfig(local=ip(NODE1)),
        IpipConfig(remote=ip(NODE2)),
        IpipConfig(remote=ip(NODE2), local=ip(NODE1)),
    )
    assert found(lab, NODE2, NODE1) == "t2"
    assert found(lab, NODE2, "10.0.0.77") == "t1"
    assert found(lab, "10.0.0.88", NODE1) == "t0"
    assert found(lab, "10.0.0.88", "10.0.0.77") == "tunl0"
    lab.down("node1:t2")
    assert found(lab, NODE2, NODE1) == "t1"


def test_lookup_prefers_the_device_bound_to_where_the_packet_came_in():
    lab = two_nodes()
    index = lab.link("node1:eth0").ifindex
    lab.door("node1").link_add("free", "ipip", tunnel=IpipConfig(remote=ip(NODE2), local=ip(NODE1)))
    lab.door("node1").link_add("bound", "ipip", tunnel=IpipConfig(remote=ip(NODE2), local=ip(NODE1), lower=index))
    lab.up("node1:bound")
    lab.up("node1:free")
    assert found(lab, NODE2, NODE1) == "bound"
    lab.down("node1:bound")
    assert found(lab, NODE2, NODE1) == "free"


def test_of_devices_bound_elsewhere_the_one_that_changed_first_is_found():
    lab = two_nodes()
    index = lab.link("node1:cali111").ifindex
    configs = [IpipConfig(remote=ip(NODE2), local=ip(NODE1), lower=lower) for lower in (0, index)]
    for name, config in zip(("old", "new"), configs, strict=True):
        lab.door("node1").link_add(name, "ipip", tunnel=config)
        lab.up(f"node1:{name}")
    assert found(lab, NODE2, NODE1) == "old"
    lab.door("node1").link_change(lab.link("node1:old"), configs[0])
    assert found(lab, NODE2, NODE1) == "new"


def test_nothing_is_left_of_a_device_that_goes():
    lab = point_to_point()
    refuse_outer(lab, 1)
    assert len(lab["node1"].ipip.errors) == 1
    lab.door("node1").link_del(lab.link("node1:t1"))
    assert lab["node1"].ipip.errors == {}
    assert [link.name for link in lab["node1"].ipip.tunnels] == ["tunl0"]


def test_lookup_of_an_external_device_comes_before_tunl0():
    lab, _names = lookups(IpipConfig(external=True))
    lab.down("node1:tunl0")
    assert found(lab, "10.0.0.88", "10.0.0.77") == "t0"


@pytest.mark.parametrize(
    ("outside", "inside", "result"),
    [(3, 0, None), (3, 1, 3), (3, 2, 3), (3, 3, 3), (2, 0, 0), (1, 2, 1), (1, 1, 1), (0, 3, 3)],
)
def test_rfc_6040_what_becomes_of_ecn_when_the_outer_header_goes(outside, inside, result):
    lab = calico_ipip()
    datagram = Packet(
        (
            IPv4(ip(NODE1), ip(NODE2), IPPROTO_IPIP, 64, tos=outside),
            IPv4(ip(POD1), ip(POD2), IPPROTO_ICMP, 64, tos=inside),
            Icmp(ICMP_ECHO, 0, 1),
        ),
        bytes(8),
    )
    lab.inject("node1:eth0", datagram.push(Ethernet(lab.link("node2:eth0").mac, lab.link("node1:eth0").mac)))
    lab.run(1)
    seen = [layer(each.event.frame, IPv4).tos for each in lab.events(Received, "node2") if each.event.dev == "tunl0"]
    if result is None:
        assert seen == []
        assert ("ip_tunnel_rcv", "IP_TUNNEL_ECN") in lab.drops("node2")
        assert lab.link("node2:tunl0").stats.rx_errors == 1
    else:
        assert seen == [result]


def test_what_is_too_short_for_a_header_inside_is_an_error_of_the_device():
    lab = calico_ipip()
    datagram = Packet((IPv4(ip(NODE1), ip(NODE2), IPPROTO_IPIP, 64),), bytes(10))
    lab.inject("node1:eth0", datagram.push(Ethernet(lab.link("node2:eth0").mac, lab.link("node1:eth0").mac)))
    lab.run(1)
    assert lab.drops("node2") == [("ip_tunnel_rcv", "PKT_TOO_SMALL")]
    assert lab.link("node2:tunl0").stats.rx_errors == 1


# -------------------------------------------------------------------------------------------------- collect metadata


def test_an_external_device_sends_where_the_packet_says_and_notes_where_one_came_from(monkeypatch):
    lab = two_nodes()
    for node in ("node1", "node2"):
        lab.door(node).link_add("md", "ipip", tunnel=IpipConfig(external=True))
        lab.up(f"{node}:md")
        lab.addr(f"{node}:md", "10.9.0.1/24" if node == "node1" else "10.9.0.2/24")
    lab.restart()
    lab.ping("node1", "10.9.0.2")
    lab.run(1)
    assert lab.drops("node1") == [("ip_md_tunnel_xmit", "NOT_SPECIFIED")]
    lab.restart()
    link = lab.link("node1:md")
    noted: list[TunnelInfo | None] = []
    machine = lab["node2"].machine
    original = machine.gro_cells_receive

    def receive(skb: Skb) -> None:
        noted.append(skb.tunnel)
        original(skb)

    monkeypatch.setattr(machine, "gro_cells_receive", receive)
    skb = Skb(
        Packet((IPv4(ip("10.9.0.1"), ip("10.9.0.2"), IPPROTO_ICMP, 64, tos=0xB9), Icmp(ICMP_ECHO, 0, 1)), bytes(8)),
        99,
        link,
    )
    skb.tunnel = TunnelInfo(dst=ip(NODE2), ttl=7, df=True)
    ipip_tunnel_xmit(skb, link)
    lab.run(1)
    (header,) = outer(lab, "node1:eth0")
    assert (str(header.dst), header.ttl, header.tos, header.df) == (NODE2, 7, 0x01, True)
    assert [each.event.dev for each in lab.events(Decapsulated, "node2")] == ["md"]
    assert noted == [TunnelInfo(src=ip(NODE1), dst=ip(NODE2), tos=0x01, ttl=7, key=False, tx=False)]
    skb = Skb(
        Packet((IPv4(ip("10.9.0.1"), ip("10.9.0.2"), IPPROTO_ICMP, 64, tos=0xB9), Icmp(ICMP_ECHO, 0, 2)), bytes(8)),
        98,
        link,
    )
    skb.tunnel = TunnelInfo(dst=ip(NODE2), tos=1)
    ipip_tunnel_xmit(skb, link)
    header = outer(lab, "node1:eth0")[1]
    assert (header.ttl, header.tos, header.df) == (64, 0xB9, False)


# ------------------------------------------------------------------------------------------------------- properties


@pytest.mark.parametrize("size", [0, 1, 8, 9, 700, 1452])
def test_what_comes_out_is_what_went_in(size):
    lab = calico_ipip()
    probe(lab, "pod1", POD2, size=size, discover=PMTUDISC_DO)
    went = [each.event.frame for each in lab.events(Transmitted, "node1") if each.event.dev == "tunl0"]
    came = [each.event.frame for each in lab.events(Received, "node2") if each.event.dev == "tunl0"]
    assert went == came
    assert len(went) == 1
    wire = to_bytes(next(frame for frame in lab.frames("node1:eth0") if frame.find(IPv4) is not None))
    assert from_bytes(wire).pull().pull() == came[0]
    assert wire[34:] == to_bytes(came[0])


def test_a_datagram_that_was_cut_outside_comes_out_whole():
    lab = calico_ipip()
    set_mtu(lab, "node1:eth0", mtu=600)
    probe(lab, "pod1", POD2, size=1400, discover=PMTUDISC_DONT)
    went = [each.event.frame for each in lab.events(Transmitted, "node1") if each.event.dev == "tunl0"]
    came = [each.event.frame for each in lab.events(Received, "node2") if each.event.dev == "tunl0"]
    assert [to_bytes(frame) for frame in went] == [to_bytes(frame) for frame in came]
    assert not lab.events(Dropped, "node2")


def test_no_packet_of_a_device_without_headers_gets_one_however_well_its_neighbour_is_known() -> None:
    lab = calico_ipip()
    for _ in range(2):
        lab.restart()
        assert lab.ping("pod1", POD2).replies == []
        lab.run(1)
        assert [type(frame.layers[0]) for frame in lab.frames("node1:tunl0")] == [IPv4]
