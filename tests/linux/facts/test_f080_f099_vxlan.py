"""F80 to F99: Calico's VXLAN between two nodes (kernel sheet, section 3; recorded/vxlan_*.out)."""

from errno import EINVAL
from typing import Any

import msgspec
import pytest

from podwire.linux.errors import NetlinkError
from podwire.linux.fib import NextHop, Route
from podwire.linux.netlink import Netlink
from podwire.linux.rtnl.fdb import FdbFlags, FdbState
from podwire.linux.rtnl.vxlanfdb import FdbRemote
from podwire.linux.rule import FibRule
from podwire.linux.skb import Skb
from podwire.linux.socket import PMTUDISC_DO, PMTUDISC_DONT, UdpSocket
from podwire.linux.tunnel import VxlanConfig
from podwire.trace.events import (
    Decapsulated,
    Dropped,
    Encapsulated,
    Fragmented,
    IcmpSent,
    Received,
    Routed,
    Transmitted,
)
from podwire.trace.invariants import check_invariants
from podwire.trace.reasons import Verdict
from podwire.trace.recorder import Recorder
from podwire.trace.trace import Trace
from podwire.wire.addr import Ip4, Mac, Net
from podwire.wire.codec import from_bytes, to_bytes
from podwire.wire.headers import IPPROTO_UDP, Arp, Ethernet, Icmp, IPv4, Udp, Vxlan
from podwire.wire.packet import Packet
from tests.linux.lab import EXT_MAC, NODE2_MAC, Lab, two_nodes

V1, V2 = "66:11:11:11:11:11", "66:22:22:22:22:22"
T1, T2 = "192.168.1.0", "192.168.2.0"
POD1, POD2 = "192.168.1.11", "192.168.2.12"
NODES = (
    ("node1", "10.0.0.23", V1, T1, "192.168.2.0/26", T2, V2, "10.0.0.24"),
    ("node2", "10.0.0.24", V2, T2, "192.168.1.0/26", T1, V1, "10.0.0.23"),
)
PERMANENT = FdbState(permanent=True, noarp=True)
SELF = FdbFlags(self_=True)


def overlay(*, pod_mtu: int = 1450, **options: Any) -> Lab:
    """What Calico programs in two nodes: a device, an address, a neighbour, an FDB entry and a route to the other one's block."""
    lab = two_nodes()
    for name, own, mac, tunnel, block, peer, peer_mac, peer_ip in NODES:
        door = lab.door(name)
        config = VxlanConfig(
            vni=4096, local=Ip4.parse(own), lower=door.dev("eth0").ifindex, dstport=4789, learning=False
        )
        config = msgspec.structs.replace(config, **options)
        link = door.link_add("vxlan.calico", "vxlan", mac=Mac.parse(mac), tunnel=config)
        door.link_up(link)
        lab.addr(f"{name}:vxlan.calico", f"{tunnel}/32")
        lab.set_neigh(f"{name}:vxlan.calico", peer, peer_mac)
        door.fdb_add(link, Mac.parse(peer_mac), PERMANENT, SELF, remote=FdbRemote(Ip4.parse(peer_ip)))
        lab.route_del(name, block)
        lab.route(name, f"{block} via {peer} dev vxlan.calico onlink")
    for where in ("pod1:eth0", "node1:cali111", "pod2:eth0", "node2:cali222"):
        mtu(lab, where, pod_mtu)
    lab.restart()
    return lab


def mtu(lab: Lab, where: str, value: int) -> None:
    link = lab.link(where)
    Netlink(link.netns).link_set_mtu(link, value)


def outer(lab: Lab, where: str = "node1:eth0") -> list[Packet]:
    """The encapsulated frames that left by a device."""
    return [frame for frame in lab.frames(where) if frame.find(Vxlan) is not None]


def header(lab: Lab, where: str = "node1:eth0") -> IPv4:
    """The outer IP header of the last encapsulated frame."""
    found = outer(lab, where)[-1].find(IPv4)
    assert found is not None
    return found


def trace(lab: Lab, packet: int) -> Trace:
    return Trace(Recorder.of(lab.records), packet)


def ping(lab: Lab, **how: Any) -> list[tuple[int, int]]:
    probe = lab.ping("pod1", POD2, **how)
    lab.run(1)
    assert not check_invariants(lab.records)
    return probe.replies


def test_f080_the_way_of_a_ping_and_no_arp_on_the_tunnel() -> None:
    lab = overlay()
    probe = lab.ping("pod1", POD2)
    lab.run(1)
    assert probe.replies == [(1, 62)]
    assert trace(lab, probe.sent[0]).path == (
        "pod1:eth0",
        "node1:cali111",
        "node1:vxlan.calico",
        "node1:eth0",
        "node2:eth0",
        "node2:vxlan.calico",
        "node2:cali222",
        "pod2:eth0",
    )
    assert trace(lab, probe.sent[0]).verdict is Verdict.DELIVERED
    assert not [frame for frame in lab.frames("node1:vxlan.calico") if frame.find(Arp) is not None]
    inner = lab.frames("node1:vxlan.calico")[0]
    assert inner.layers[0] == Ethernet(Mac.parse(V2), Mac.parse(V1))
    assert lab.headers("node1:vxlan.calico", IPv4)[0].ttl == 63
    assert not check_invariants(lab.records, finished=True)


def test_f080_one_packet_all_the_way_with_two_events_that_say_what_was_around_it() -> None:
    lab = overlay()
    probe = lab.ping("pod1", POD2)
    lab.run(1)
    (around,) = [seen for seen in lab.events(Encapsulated, "node1") if seen.packet == probe.sent[0]]
    assert around.event.dev == "vxlan.calico"
    assert (around.event.kind, str(around.event.src), str(around.event.dst)) == ("vxlan", "10.0.0.23", "10.0.0.24")
    assert around.event.vni == 4096
    assert [seen.event.dev for seen in lab.events(Decapsulated, "node2") if seen.packet == probe.sent[0]] == [
        "vxlan.calico"
    ]


def test_f081_the_headers_take_50_bytes_and_the_vni_is_in_the_upper_24_bits() -> None:
    lab = overlay()
    ping(lab)
    frame, inner = outer(lab)[0], lab.frames("node1:vxlan.calico")[0]
    assert frame.size == inner.size + 50
    data = to_bytes(frame)
    assert data[42:50].hex() == "0800000000100000"
    assert data[50:] == to_bytes(inner)
    assert from_bytes(data) == frame


@pytest.mark.parametrize(
    ("options", "default", "expected"),
    [({}, 64, 64), ({}, 77, 77), ({"ttl": 9}, 64, 9), ({"ttl_inherit": True}, 64, 32)],
)
def test_f082_the_outer_ttl_is_the_nodes_default_unless_the_device_says_otherwise(
    options: dict[str, Any], default: int, expected: int
) -> None:
    lab = overlay(**options)
    lab.sysctl("node1", "ip_default_ttl", default)
    ping(lab, ttl=33)
    assert header(lab).ttl == expected


@pytest.mark.parametrize(
    ("df", "discover", "expected"),
    [
        ("unset", PMTUDISC_DO, False),
        ("unset", PMTUDISC_DONT, False),
        ("set", PMTUDISC_DO, True),
        ("set", PMTUDISC_DONT, True),
        ("inherit", PMTUDISC_DO, True),
        ("inherit", PMTUDISC_DONT, False),
    ],
)
def test_f083_the_outer_df_is_never_set_unless_the_device_says_so(df: str, discover: int, *, expected: bool) -> None:
    lab = overlay(df=df)
    send(lab, 56, discover)
    assert header(lab).df is expected


def send(lab: Lab, size: int, discover: int) -> Any:
    probe = lab.ping("pod1", POD2, count=0, size=size)
    probe.socket.pmtudisc = discover
    probe.send(1)
    lab.run(1)
    assert not check_invariants(lab.records)
    return probe


@pytest.mark.parametrize(("inner", "expected"), [(0, 0), (1, 1), (2, 2), (3, 2), (0xB8, 0), (0xFF, 2)])
def test_f084_of_the_tos_the_ecn_bits_alone_are_copied_and_ce_becomes_ect0(inner: int, expected: int) -> None:
    lab = overlay()
    ping(lab, tos=inner)
    assert header(lab).tos == expected


@pytest.mark.parametrize(("tos", "expected"), [(1, 0xB9), (0x10, 0x11)])
def test_f084_tos_inherit_copies_and_a_tos_of_the_device_gets_the_ecn_bits(tos: int, expected: int) -> None:
    lab = overlay(tos=tos)
    ping(lab, tos=0xB9)
    assert header(lab).tos == expected


@pytest.mark.parametrize(("udp_csum", "zero"), [(True, False), (False, True)])
def test_f085_the_outer_checksum_is_there_by_default(*, udp_csum: bool, zero: bool) -> None:
    lab = overlay(udp_csum=udp_csum)
    ping(lab)
    data = to_bytes(outer(lab)[0])
    assert (data[40:42] == b"\0\0") is zero
    assert from_bytes(data) == outer(lab)[0]


def test_f086_the_outer_identification_grows() -> None:
    lab = overlay()
    ping(lab, count=5, interval=0.1)
    ids = [frame.find(IPv4).id for frame in outer(lab)]  # type: ignore[union-attr]
    assert len(set(ids)) == len(ids) == 5


def ports(lab: Lab, where: str = "node1:eth0") -> list[int]:
    return [frame.find(Udp).sport for frame in outer(lab, where)]  # type: ignore[union-attr]


def test_f087_the_source_port_is_in_the_ephemeral_range_and_its_end_is_not() -> None:
    lab = overlay()
    lab.door("node1").sysctl_write("net/ipv4/ip_local_port_range", "5000 5009")
    socket = UdpSocket(lab["pod1"], 0, lambda: None)
    for port in range(200):
        socket.send(Ip4.parse(POD2), Udp(20000 + port, 9), b"x")
    lab.run(1)
    assert set(ports(lab)) == set(range(5000, 5009))


def test_f088_the_source_port_is_one_for_both_directions_and_all_of_icmp() -> None:
    lab = overlay()
    ping(lab, count=2)
    lab.ping("pod2", POD1)
    lab.run(1)
    assert len(set(ports(lab) + ports(lab, "node2:eth0"))) == 1
    assert 32768 <= ports(lab)[0] < 60999


def test_f088_udp_ports_count() -> None:
    lab = overlay()
    for number, port in enumerate((9, 10, 9)):
        UdpSocket(lab["pod1"], 40000 + number, lambda: None).send(Ip4.parse(POD2), Udp(40000, port), b"x")
        lab.run(0.1)
    first, second, third = ports(lab)
    assert first == third != second


def test_f090_a_packet_of_the_mtu_passes_and_one_byte_more_is_a_local_error() -> None:
    lab = overlay()
    assert send(lab, 1450 - 28, PMTUDISC_DO).replies == [(1, 62)]
    assert outer(lab)[0].size - 14 == 1500
    assert send(lab, 1451 - 28, PMTUDISC_DO).refused


def test_f093_an_answer_whose_outer_packet_is_too_long_for_df_is_lost_in_silence() -> None:
    """``icmp_xmit_lock``: the error would be made while the answer is being sent. A question's is told, to the node itself."""
    lab = overlay(df="set")
    mtu(lab, "node2:eth0", 1400)
    lab.ping("node1", T2, size=1340)
    lab.run(1)
    assert [(seen.event.code, seen.event.withheld) for seen in lab.events(IcmpSent)] == [
        (4, "an ICMP message is being sent")
    ]
    answered = lab.ping("node1", T2, size=1340)
    lab.run(1)
    assert answered.replies, "in two fragments"
    lab.restart()
    lab.addr("node1:vxlan.calico", "192.168.1.5/32")
    lab.set_neigh("node2:vxlan.calico", "192.168.1.5", V1)
    lab.route("node2", "192.168.1.5 dev vxlan.calico")
    lab.ping("node2", "192.168.1.5", size=1340)
    lab.run(1)
    assert [(seen.event.code, seen.event.withheld) for seen in lab.events(IcmpSent)] == [(4, "")]


def test_f090_every_fragment_is_encapsulated_by_itself() -> None:
    lab = overlay()
    assert send(lab, 2000, PMTUDISC_DONT).replies == [(1, 62)]
    inner = [frame.size - 14 for frame in lab.frames("node1:vxlan.calico")]
    assert inner == [1444, 604]
    assert [frame.size - 14 for frame in outer(lab)] == [1494, 654]


def test_f091_the_node_answers_from_its_first_address() -> None:
    lab = overlay(pod_mtu=1500)
    probe = send(lab, 1472, PMTUDISC_DO)
    assert probe.errors == [("3/4", "10.0.0.23", 1)]
    assert [(seen.event.code, str(seen.event.src)) for seen in lab.events(IcmpSent, "node1")] == [(4, "10.0.0.23")]
    assert lab.learned("pod1")[Ip4.parse(POD2)].mtu == 1450
    probe.send(2)
    assert probe.refused


def test_f092_without_df_the_inner_packet_is_cut() -> None:
    lab = overlay(pod_mtu=1500)
    assert send(lab, 1472, PMTUDISC_DONT).replies == [(1, 62)]
    assert [frame.size - 14 for frame in lab.frames("node1:vxlan.calico")] == [1444, 76]
    lab.restart()
    assert send(lab, 3000, PMTUDISC_DONT).replies == [(1, 62)]
    assert [frame.size - 14 for frame in lab.frames("node1:vxlan.calico")] == [1444, 76, 1444, 76, 68]


def narrow(lab: Lab) -> Lab:
    for name in ("node1", "node2"):
        mtu(lab, f"{name}:eth0", 1460)
    return lab


def test_f093_an_outer_packet_without_df_is_cut_and_joined_whatever_the_inner_one_says() -> None:
    lab = narrow(overlay())
    assert send(lab, 1422, PMTUDISC_DO).replies == [(1, 62)]
    assert [seen.event.mtu for seen in lab.events(Fragmented, "node1")] == [1460]
    sizes = [frame.size - 14 for frame in lab.frames("node1:eth0") if frame.find(Arp) is None]
    assert sizes == [1460, 60]
    assert lab.learned("node1")[Ip4.parse(POD2)].mtu == 1410


@pytest.mark.parametrize(
    ("df", "discover", "arrives"),
    [
        ("set", PMTUDISC_DO, False),
        ("set", PMTUDISC_DONT, False),
        ("inherit", PMTUDISC_DO, False),
        ("inherit", PMTUDISC_DONT, True),
    ],
)
def test_f093_an_outer_packet_with_df_is_lost_and_the_pod_hears_nothing(
    df: str, discover: int, *, arrives: bool
) -> None:
    lab = narrow(overlay(df=df))
    probe = send(lab, 1422, discover)
    assert (probe.replies == [(1, 62)]) is arrives
    assert probe.errors == []
    if not arrives:
        # The error goes to the node itself.
        assert [str(seen.event.to) for seen in lab.events(IcmpSent)] == ["10.0.0.23"]
        lost = trace(lab, probe.sent[0])
        assert lost.verdict is Verdict.DROPPED
        assert "whoever sent what is inside hears nothing" in " ".join(lost.explain().split())


def test_f094_the_mtu_is_that_of_the_lower_device_less_50_and_no_more_may_be_set() -> None:
    lab = overlay()
    assert lab.link("node1:vxlan.calico").mtu == 1450
    with pytest.raises(NetlinkError) as caught:
        mtu(lab, "node1:vxlan.calico", 1451)
    assert (caught.value.errno, caught.value.extack) == (EINVAL, "")
    narrow(lab)
    assert lab.link("node1:vxlan.calico").mtu == 1450
    with pytest.raises(NetlinkError):
        mtu(lab, "node1:vxlan.calico", 1411)
    mtu(lab, "node1:vxlan.calico", 1410)
    free = lab.door("node1").link_add("free", "vxlan", tunnel=VxlanConfig(vni=5, dstport=4789))
    assert free.mtu == 1500


def test_f095_without_an_entry_the_frame_is_dropped_silently() -> None:
    lab = overlay()
    link = lab.link("node1:vxlan.calico")
    lab.door("node1").fdb_del(link, Mac.parse(V2), PERMANENT, SELF)
    probe = lab.ping("pod1", POD2)
    lab.run(5)
    assert probe.errors == []
    assert lab.drops("node1") == [("vxlan_xmit", "NO_TX_TARGET")]
    assert link.stats.tx_dropped == 1


def test_f095_without_a_neighbour_arp_is_dropped_too_and_the_pod_is_told() -> None:
    lab = overlay()
    lab.del_neigh("node1:vxlan.calico", T2)
    probe = lab.ping("pod1", POD2)
    lab.run(5)
    assert probe.errors == [("3/1", "10.0.0.23", 1)]
    assert [str(message.spa) for message in lab.headers("node1:vxlan.calico", Arp)] == [T1] * 3
    assert lab.drops("node1")[:3] == [("vxlan_xmit", "NO_TX_TARGET")] * 3


def test_f096_a_frame_for_another_mac_is_decapsulated_and_dropped() -> None:
    lab = overlay()
    other = Mac.parse("66:99:99:99:99:99")
    link = lab.link("node1:vxlan.calico")
    lab.set_neigh("node1:vxlan.calico", T2, str(other))
    lab.door("node1").fdb_add(link, other, PERMANENT, SELF, remote=FdbRemote(Ip4.parse("10.0.0.24")))
    ping(lab)
    assert lab.drops("node2") == [("ip_rcv", "OTHERHOST")]
    assert lab.link("node2:vxlan.calico").stats.rx_packets == 1


def wrapped(lab: Lab, head: Vxlan, *, src: str = "10.0.0.23", tos: int = 0, inner_tos: int = 0, pad: int = 0) -> Packet:
    """A VXLAN frame for node2, as somebody on the segment may send it."""
    eth = Ethernet(lab.link("node2:eth0").mac, lab.link("node1:eth0").mac)
    inside = (Ethernet(Mac.parse(V2), Mac.parse(V1)), IPv4(Ip4.parse(POD1), Ip4.parse(POD2), 1, 63, inner_tos), Icmp(8))
    around = (IPv4(Ip4.parse(src), Ip4.parse("10.0.0.24"), IPPROTO_UDP, 64, tos), Udp(55555, 4789))
    if not pad:
        return Packet((eth, *around, head, *inside), b"data")
    frame = to_bytes(Packet(inside, b"data")) + bytes(pad)
    return from_bytes(to_bytes(Packet((eth, *around, head), frame)))


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (Vxlan(4097), "VXLAN_VNI_NOT_FOUND"),
        (Vxlan(4096, 0), "VXLAN_INVALID_HDR"),
        (Vxlan(4096, 0x88), "VXLAN_INVALID_HDR"),
        (Vxlan(4096, 8, 5), "VXLAN_INVALID_HDR"),
        (Vxlan(4096, 8, 0, 1), "VXLAN_INVALID_HDR"),
    ],
)
def test_f096_what_no_device_wants_is_dropped_silently(head: Vxlan, reason: str) -> None:
    lab = overlay()
    lab.inject("node1:eth0", wrapped(lab, head))
    lab.run(1)
    assert lab.drops("node2") == [("vxlan_rcv", reason)]
    assert not lab.events(IcmpSent)


def test_f096_an_unknown_sender_is_accepted() -> None:
    lab = overlay()
    lab.inject("node1:eth0", wrapped(lab, Vxlan(4096), src="10.0.0.77"))
    lab.run(0.1)
    assert len(lab.headers("node2:cali222", Icmp)) == 1


def test_f096_a_node_without_the_socket_says_port_unreachable() -> None:
    lab = overlay()
    lab.down("node2:vxlan.calico")
    ping(lab)
    sent = lab.events(IcmpSent, "node2")
    assert [(seen.event.type, seen.event.code, str(seen.event.to)) for seen in sent] == [(3, 3, "10.0.0.23")]


def test_f097_a_dead_node_costs_the_pod_an_answer_and_nobody_tells_it() -> None:
    lab = overlay()
    lab.down("node2:eth0")
    probe = lab.ping("pod1", POD2)
    lab.run(5)
    assert (probe.replies, probe.errors) == ([], [])
    assert [(str(seen.event.to), str(seen.event.src)) for seen in lab.events(IcmpSent, "node1")] == [
        ("10.0.0.23", "10.0.0.23")
    ]
    lost = trace(lab, probe.sent[0])
    assert lost.verdict is Verdict.DROPPED
    assert lost.dropped_at == "node1:eth0"
    assert str(lost.reason) == "NEIGH_FAILED"


def test_f099_the_mark_of_the_packet_chooses_the_way_of_the_outer_one() -> None:
    lab = overlay()
    door = lab.door("node1")
    by_ext = NextHop(door.dev("eth0").ifindex, Ip4.parse("10.0.0.99"))
    door.route_add(Route(Net.parse("10.0.0.24/32"), table=100, nexthops=(by_ext,)))
    door.rule_add(FibRule(priority=100, mark=5, mask=0xFFFFFFFF, table=100))
    ways = []
    for mark in (0, 5):
        lab.restart()
        probe = lab.ping("node1", POD2, count=0)
        probe.socket.mark = mark
        probe.send(1)
        lab.run(1)
        ways.append(str(outer(lab)[0].layers[0].dst))  # type: ignore[union-attr]
    assert ways == [NODE2_MAC, EXT_MAC]


@pytest.mark.parametrize(("moved", "expected"), [(False, 7), (True, 0)])
def test_f099_the_mark_of_the_outer_packet_is_on_what_comes_out(*, moved: bool, expected: int) -> None:
    """Inside one namespace: where the device has moved to another, skb_scrub_packet takes it off."""
    lab = overlay()
    link, netns = lab.link("node2:vxlan.calico"), lab["node2"]
    if moved:
        lab.door("node2").link_move(link, lab["pod2"])
        lab.door("pod2").link_up(link)
    skb = Skb(wrapped(lab, Vxlan(4096)).pull(), 9999, lab.link("node2:eth0"))
    skb.mark = 7
    encap = netns.sockets.encap[4789]
    encap.rcv(encap, netns, skb, lab.link("node2:eth0"))
    assert [(each.dev, each.mark) for each in netns.machine.cells] == [(link, expected)]


@pytest.mark.parametrize(("moved", "expected"), [(False, 7), (True, 0)])
def test_f099_the_mark_of_the_packet_is_on_the_outer_one(*, moved: bool, expected: int) -> None:
    """Inside one namespace; the outer packet is looked at where it waits for the MAC of the other node."""
    lab = overlay()
    link, place = lab.link("node1:vxlan.calico"), "node1"
    if moved:
        place = "pod1"
        lab.door("node1").link_move(link, lab[place])
        lab.door(place).link_up(link)
        lab.addr(f"{place}:vxlan.calico", f"{T1}/32")
        lab.set_neigh(f"{place}:vxlan.calico", T2, V2)
        lab.route(place, f"192.168.2.0/26 via {T2} dev vxlan.calico onlink")
    probe = lab.ping(place, POD2, count=0)
    probe.socket.mark = 7
    probe.send(1)
    (waiting,) = lab.entry("node1:eth0", "10.0.0.24").queue
    assert waiting.packet.layers[2] == Vxlan(4096)
    assert waiting.mark == expected


# -- beyond the numbered facts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tos", "inner", "expected"),
    [(3, 0, None), (3, 1, 3), (3, 2, 3), (3, 3, 3), (2, 0, 0), (1, 2, 1), (1, 0, 0), (0xFF, 0xBA, 0xBB)],
)
def test_congestion_that_the_outer_packet_met_is_handed_on(tos: int, inner: int, expected: int | None) -> None:
    """RFC 6040 section 4.2."""
    lab = overlay()
    lab.inject("node1:eth0", wrapped(lab, Vxlan(4096), tos=tos, inner_tos=inner))
    lab.run(0.1)
    got = [ip.tos for ip in lab.headers("node2:cali222", IPv4)]
    assert got == ([] if expected is None else [expected])
    if expected is None:
        assert lab.drops("node2") == [("vxlan_rcv", "IP_TUNNEL_ECN")]
        assert lab.link("node2:vxlan.calico").stats.rx_errors == 1


def test_padding_inside_a_frame_is_part_of_the_outer_datagram() -> None:
    lab = overlay()
    lab.inject("node1:eth0", wrapped(lab, Vxlan(4096), pad=14))
    lab.run(0.1)
    assert lab.drops("node2") == []
    assert [frame.trailer for frame in lab.frames("node2:cali222") if frame.find(Icmp) is not None] == [b""]


def test_a_damaged_outer_checksum_is_noticed_in_a_padded_frame_too() -> None:
    lab = overlay()
    frame = wrapped(lab, Vxlan(4096), pad=14)
    udp = frame.layers[2]
    assert isinstance(udp, Udp)
    assert udp.checksum
    lab.inject("node1:eth0", frame.replace(2, msgspec.structs.replace(udp, checksum=udp.checksum ^ 0x0101)))
    lab.run(0.1)
    assert lab.drops("node2") == [("udp_rcv", "UDP_CSUM")]


@pytest.mark.parametrize("port", [4789, 8472, 5555])
def test_any_port_will_do_also_behind_a_cut(port: int) -> None:
    """Only of the ports that everybody uses does the codec know that a frame is inside."""
    lab = overlay(dstport=port)
    assert ping(lab) == [(1, 62)]
    narrow(lab)
    assert send(lab, 1422, PMTUDISC_DONT).replies == [(1, 62)]
    assert lab.link("node2:vxlan.calico").stats.rx_packets == 2


def test_no_route_and_a_route_that_leads_back_are_counted() -> None:
    lab = overlay()
    link = lab.link("node1:vxlan.calico")
    door = lab.door("node1")
    door.fdb_del(link, Mac.parse(V2), PERMANENT, SELF)
    door.fdb_add(link, Mac.parse(V2), PERMANENT, SELF, remote=FdbRemote(Ip4.parse("172.16.0.1")))
    lab.route("node1", f"172.16.0.0/24 via {T2} dev vxlan.calico onlink")
    ping(lab)
    assert (link.stats.tx_errors, link.stats.collisions, link.stats.tx_carrier) == (1, 1, 0)
    lab.route_del("node1", "172.16.0.0/24")
    lab.route("node1", "unreachable 172.16.0.0/24")
    ping(lab)
    assert (link.stats.tx_errors, link.stats.collisions, link.stats.tx_carrier) == (2, 1, 1)
    assert {seen.event.where for seen in lab.events(Dropped, "node1")} == {"vxlan_xmit_one"}


def test_tunnels_that_lead_into_each_other_end() -> None:
    """XMIT_RECURSION_LIMIT."""
    lab = overlay()
    door = lab.door("node1")
    for name, vni, peer in (("a", 1, "10.8.2.1"), ("b", 2, "10.8.1.1")):
        config = VxlanConfig(vni=vni, remote=Ip4.parse(peer), dstport=4790)
        door.link_up(door.link_add(name, "vxlan", tunnel=config))
        lab.addr(f"node1:{name}", f"10.8.{vni}.9/24")
        lab.set_neigh(f"node1:{name}", f"10.8.{vni}.1", V2)
    probe = lab.ping("node1", "10.8.1.1")
    lab.run(1)
    assert [str(seen.event.by.what) for seen in lab.events(Dropped)] == ["a loop of tunnels"]  # type: ignore[union-attr]
    assert probe.replies == []


def test_the_taps_of_a_node_see_the_frame_inside_and_the_packet_outside() -> None:
    lab = overlay()
    ping(lab)
    devices = [seen.event.dev for seen in lab.events(Received, "node2")]
    assert devices[devices.index("vxlan.calico") - 1] == "eth0"
    assert [seen.event.dev for seen in lab.events(Transmitted, "node1")][:2] == ["cali111", "vxlan.calico"]
    outputs = [str(seen.event.dst) for seen in lab.events(Routed, "node1")]
    assert outputs[:2] == [POD2, "10.0.0.24"]


def test_to_a_group_the_ttl_is_1() -> None:
    lab = overlay()
    link, door = lab.link("node1:vxlan.calico"), lab.door("node1")
    door.fdb_del(link, Mac.parse(V2), PERMANENT, SELF)
    group = FdbRemote(Ip4.parse("239.1.1.1"), via=door.dev("eth0").ifindex)
    door.fdb_add(link, Mac.parse(V2), PERMANENT, SELF, remote=group)
    ping(lab)
    assert header(lab).ttl == 1
    assert str(outer(lab)[0].layers[0].dst) == "01:00:5e:01:01:01"  # type: ignore[union-attr]


def test_a_frame_with_the_own_mac_as_its_source_is_dropped() -> None:
    lab = overlay()
    lab.set_mac("node2:vxlan.calico", V1)
    ping(lab)
    assert lab.drops("node2") == [("vxlan_rcv", "LOCAL_MAC")]


def test_a_padded_frame_that_a_bridge_sends_into_a_tunnel_keeps_its_padding() -> None:
    lab = overlay()
    lab.netns("node1", "host")
    lab.device("node1:br0")
    lab.veth("node1:p0", "02:00:00:00:00:b0", "host:v0", "02:00:00:00:00:aa")
    door = lab.door("node1")
    for name in ("p0", "vxlan.calico"):
        door.link_set_master(lab.link(f"node1:{name}"), lab.link("node1:br0"))
    lab.run(40)
    lab.restart()
    frame = Packet(
        (Ethernet(Mac.parse(V2), Mac.parse("02:00:00:00:00:aa")), IPv4(Ip4.parse(POD1), Ip4.parse(POD2), 253)),
        b"x",
        bytes(25),
    )
    lab.inject("host:v0", frame)
    lab.run(1)
    (around,) = outer(lab)
    assert around.trailer == bytes(25)
    assert to_bytes(around)[50:] == to_bytes(frame)
    ip, udp = around.layers[1:3]
    assert isinstance(ip, IPv4)
    assert isinstance(udp, Udp)
    assert (ip.total_length, udp.length) == (20 + 8 + 8 + 60, 8 + 8 + 60)
    assert lab.drops("node2") != [("udp_rcv", "UDP_CSUM")]
    assert [seen.event.dev for seen in lab.events(Decapsulated, "node2")] == ["vxlan.calico"]
