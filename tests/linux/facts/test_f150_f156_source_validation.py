"""F150 to F156: what a router refuses on the way in (kernel sheet, section 5.1; recorded/fwd_rpfilter.out, fwd_basic.out, fwd_local.out)."""

import pytest

from podwire.trace.events import (
    ByLink,
    ByReversePath,
    ByRoute,
    BySysctl,
    Delivered,
    Dropped,
    Forwarded,
    IcmpSent,
    Received,
    Routed,
    Transmitted,
)
from podwire.wire.addr import BROADCAST, Ip4, Mac
from podwire.wire.headers import Ethernet, Icmp, IPv4, Tcp, Udp
from podwire.wire.packet import Packet
from tests.linux.lab import CALI, GATEWAY_MAC, NODE1_MAC, OTHER_MAC, POD1_MAC, Lab, calico_same_node, two_nodes

POD1 = "192.168.1.11"
POD2 = "192.168.1.12"
NODE = "10.0.0.23"


def echo(src: str, dst: str, *, ttl: int = 64, to: str = CALI, mac: str = POD1_MAC) -> Packet:
    """An echo request in a frame, as pod1 would send it through a packet socket."""
    header = IPv4(Ip4.parse(src), Ip4.parse(dst), 1, ttl, id=1)
    return Packet((Ethernet(Mac.parse(to), Mac.parse(mac)), header, Icmp(8, 0, 0x10001)), bytes(8))


def fate(lab: Lab, frame: Packet, where: str = "pod1:eth0", node: str = "node") -> str:
    """What becomes of the frame in the node: ``forwarded``, ``delivered`` or the reason of its drop."""
    lab.restart()
    lab.inject(where, frame)
    packet = lab.records[0].packet
    for record in lab.records:
        event = record.event
        if record.netns != node or record.packet != packet:
            continue
        if isinstance(event, Forwarded):
            return "forwarded"
        if isinstance(event, Delivered):
            return "delivered"
        if isinstance(event, Dropped):
            return str(event.reason)
    return "nothing"


def decided(lab: Lab, kind: type[Dropped] = Dropped) -> object:
    """What decided about the last drop."""
    return [r.event.by for r in lab.events(kind)][-1]


TABLE = {
    # source: rp_filter 0, 1, 2
    POD1: ("forwarded", "forwarded", "forwarded"),
    POD2: ("forwarded", "IP_RPFILTER", "IP_RPFILTER"),
    "1.2.3.4": ("forwarded", "IP_RPFILTER", "IP_RPFILTER"),
    NODE: ("IP_LOCAL_SOURCE",) * 3,
    "127.0.0.1": ("IP_LOCAL_SOURCE",) * 3,
    "0.0.0.0": ("IP_INVALID_SOURCE",) * 3,
    "255.255.255.255": ("IP_INVALID_SOURCE",) * 3,
    "224.0.0.5": ("IP_INVALID_SOURCE",) * 3,
    "240.0.0.1": ("forwarded", "IP_RPFILTER", "IP_RPFILTER"),
}


@pytest.mark.parametrize("mode", [0, 1, 2])
@pytest.mark.parametrize("source", TABLE)
def test_f150_table_of_sources_at_an_addressless_cali(source: str, mode: int) -> None:
    lab = calico_same_node()
    lab.sysctl("node", "conf/cali111/rp_filter", mode)
    assert fate(lab, echo(source, POD2)) == TABLE[source][mode]


def test_f150_loose_on_a_device_with_any_address_lets_pass_what_strict_drops() -> None:
    lab = calico_same_node()
    lab.sysctl("node", "conf/cali111/rp_filter", 2)
    assert fate(lab, echo("1.2.3.4", POD2)) == "IP_RPFILTER"
    by = decided(lab)
    assert isinstance(by, ByReversePath)
    assert (by.key, by.value, by.has_address, by.back.prefix) == (
        "net.ipv4.conf.cali111.rp_filter",
        2,
        False,
        "default",
    )
    lab.addr("node:cali111", "169.254.99.1/32")
    assert fate(lab, echo("1.2.3.4", POD2)) == "forwarded"
    assert fate(lab, echo(POD2, "8.8.8.8")) == "forwarded"


def test_f150_on_eth0_strict_drops_what_has_its_way_back_by_a_cali_and_loose_passes() -> None:
    lab = calico_same_node()
    frame = echo(POD1, POD2, to=NODE1_MAC, mac=GATEWAY_MAC)
    for mode, expected in ((0, "forwarded"), (1, "IP_RPFILTER"), (2, "forwarded")):
        lab.sysctl("node", "conf/eth0/rp_filter", mode)
        assert fate(lab, frame, "gw:eth0") == expected


@pytest.mark.parametrize("own", [0, 1, 2])
@pytest.mark.parametrize("shared", [0, 1, 2])
def test_f151_the_larger_of_all_and_the_device_counts(shared: int, own: int) -> None:
    lab = calico_same_node()
    lab.addr("node:cali111", "169.254.99.1/32")
    lab.sysctl("node", "conf/all/rp_filter", shared)
    lab.sysctl("node", "conf/cali111/rp_filter", own)
    assert fate(lab, echo("1.2.3.4", POD2)) == {0: "forwarded", 1: "IP_RPFILTER", 2: "forwarded"}[max(shared, own)]
    if max(shared, own) == 1:
        by = decided(lab)
        assert isinstance(by, ByReversePath)
        assert by.key == ("net.ipv4.conf.all.rp_filter" if shared > own else "net.ipv4.conf.cali111.rp_filter")


def test_f151_the_default_value_of_conf_default_counts_only_for_new_devices() -> None:
    lab = calico_same_node()
    lab.sysctl("node", "conf/default/rp_filter", 1)
    lab.netns("node", "pod3")
    lab.veth("node:cali333", CALI, "pod3:eth0", OTHER_MAC)
    assert lab.link("node:cali333").conf.rp_filter == 1


def test_f152_loose_drops_where_there_is_no_route_back_at_all() -> None:
    lab = calico_same_node(gateway=False)
    lab.addr("node:cali111", "169.254.99.1/32")
    lab.sysctl("node", "conf/cali111/rp_filter", 2)
    assert fate(lab, echo("1.2.3.4", POD2)) == "IP_RPFILTER"
    by = decided(lab)
    assert isinstance(by, ByReversePath)
    assert by.back.type == "none"


@pytest.mark.parametrize("source", ["1.2.3.4", NODE, "0.0.0.0", "224.0.0.5"])
def test_f152_all_these_drops_are_silent(source: str) -> None:
    lab = calico_same_node()
    lab.sysctl("node", "conf/cali111/rp_filter", 1)
    fate(lab, echo(source, POD2))
    assert lab.events(IcmpSent) == []
    assert lab.events(Routed, "node") == []


def test_accept_local_lets_an_own_address_in() -> None:
    lab = calico_same_node()
    lab.sysctl("node", "conf/cali111/accept_local", 1)
    assert fate(lab, echo(NODE, POD2)) == "forwarded"


@pytest.mark.parametrize(
    ("mode", "default", "forwarded"),
    [
        (0, False, {"10.0.0.1", "10.0.0.66", "1.2.3.4", "10.1.0.77", "172.16.0.1", "240.0.0.5", "169.254.3.3"}),
        (1, False, {"10.0.0.1", "10.0.0.66"}),
        (2, False, {"10.0.0.1", "10.0.0.66", "10.1.0.77", "172.16.0.1"}),
        (0, True, {"10.0.0.1", "10.0.0.66", "1.2.3.4", "10.1.0.77", "172.16.0.1", "240.0.0.5", "169.254.3.3"}),
        (1, True, {"10.0.0.1", "10.0.0.66"}),
        (2, True, {"10.0.0.1", "10.0.0.66", "1.2.3.4", "10.1.0.77", "172.16.0.1", "240.0.0.5", "169.254.3.3"}),
    ],
)
def test_recorded_table_of_a_plain_router(mode: int, default: bool, forwarded: set[str]) -> None:
    """recorded/fwd_rpfilter.out: the same eight sources through a router with addresses."""
    lab = Lab()
    lab.machine("a")
    for name in ("r", "b"):
        lab.netns("a", name)
    lab.veth("a:v0", POD1_MAC, "r:r0", CALI)
    lab.veth("r:r1", NODE1_MAC, "b:v1", OTHER_MAC)
    lab.addr("r:r0", "10.0.0.254/24")
    lab.addr("r:r1", "10.1.0.254/24")
    lab.sysctl("r", "ip_forward", 1)
    lab.sysctl("r", "conf/r0/rp_filter", mode)
    lab.route("r", "172.16.0.0/16 dev r1 scope link")
    if default:
        lab.route("r", "default via 10.1.0.2")
    every = ["10.0.0.1", "10.0.0.66", "1.2.3.4", "10.1.0.77", "172.16.0.1", "10.0.0.254", "240.0.0.5", "169.254.3.3"]
    passed = {source for source in every if fate(lab, echo(source, "10.1.0.2"), "a:v0", "r") == "forwarded"}
    assert passed == forwarded


# -- F153: destinations -------------------------------------------------------------------------------------------


def test_f153_127_0_0_1_is_the_nodes_loopback_with_route_localnet_and_the_pod_drops_the_reply() -> None:
    lab = calico_same_node()
    lab.ping("pod1", NODE)
    assert fate(lab, echo(POD1, "127.0.0.1")) == "delivered"
    assert ("ip_rcv_finish", "IP_LOCALNET") in lab.drops("pod1")
    lab.sysctl("node", "conf/cali111/route_localnet", 0)
    assert fate(lab, echo(POD1, "127.0.0.1")) == "IP_LOCALNET"
    by = decided(lab)
    assert isinstance(by, BySysctl)
    assert by.key == "net.ipv4.conf.cali111.route_localnet"


@pytest.mark.parametrize(
    ("dst", "expected"),
    [
        ("0.0.0.0", "IP_INVALID_DEST"),
        ("255.255.255.255", "INVALID_PROTO"),  # delivered, but icmp_echo_ignore_broadcasts
        ("224.0.0.1", "INVALID_PROTO"),
        ("224.0.0.99", "IP_INVALID_DEST"),
        ("240.0.0.1", "forwarded"),
    ],
)
def test_f153_odd_destinations(dst: str, expected: str) -> None:
    lab = calico_same_node()
    assert fate(lab, echo(POD1, dst)) == expected
    lab.sysctl("node", "icmp_echo_ignore_broadcasts", 0)
    assert fate(lab, echo(POD1, dst)) == ("delivered" if expected == "INVALID_PROTO" else expected)


def test_f153_a_broadcast_echo_is_answered_from_the_device_that_leads_back() -> None:
    """recorded/fwd_local.out: 10.9.0.255 is answered by 10.0.0.254."""
    lab = calico_same_node()
    lab.device("node:d0")
    lab.addr("node:d0", "10.9.0.1/24")
    lab.sysctl("node", "icmp_echo_ignore_broadcasts", 0)
    lab.restart()
    lab.inject("pod1:eth0", echo(POD1, "10.9.0.255"))
    replies = [r.event.frame.find(IPv4) for r in lab.events(Transmitted, "node")]
    assert [str(ip.src) for ip in replies if ip is not None] == [NODE]


def test_f153_the_pods_own_address_comes_back_with_a_redirect_and_dies_in_the_pod() -> None:
    lab = calico_same_node()
    assert fate(lab, echo(POD1, POD1)) == "forwarded"
    errors = [r.event for r in lab.events(IcmpSent, "node")]
    assert [(event.type, event.code, str(event.to)) for event in errors] == [(5, 1, POD1)]
    redirect = [r.event.frame.find(Icmp) for r in lab.events(Received, "pod1")]
    assert Ip4.parse(POD1) in [Ip4(icmp.rest) for icmp in redirect if icmp is not None and icmp.type == 5]
    assert ("ip_rcv_finish", "IP_LOCAL_SOURCE") in lab.drops("pod1")


# -- F154 to F156 -------------------------------------------------------------------------------------------------


def test_f154_a_unicast_frame_for_another_mac() -> None:
    lab = calico_same_node()
    assert fate(lab, echo(POD1, POD2, to=OTHER_MAC)) == "OTHERHOST"
    by = decided(lab)
    assert isinstance(by, ByLink)
    assert (by.dev, by.value) == ("cali111", OTHER_MAC)


def test_f154_a_broadcast_frame_around_a_unicast_address_is_delivered_but_not_forwarded() -> None:
    lab = calico_same_node()
    assert fate(lab, echo(POD1, POD2, to=str(BROADCAST))) == "UNICAST_IN_L2_MULTICAST"
    assert lab.events(IcmpSent) == []
    assert fate(lab, echo(POD1, NODE, to=str(BROADCAST))) == "delivered"
    lab.sysctl("node", "conf/cali111/drop_unicast_in_l2_multicast", 1)
    assert fate(lab, echo(POD1, NODE, to=str(BROADCAST))) == "UNICAST_IN_L2_MULTICAST"


@pytest.mark.parametrize("transport", [Tcp(1, 2), Udp(1, 2)])
def test_f154_nobody_is_told_about_a_broadcast_frame(transport: Tcp | Udp) -> None:
    # Measured (Linux 6.18): neither a reset nor port unreachable.
    lab = calico_same_node()
    proto = 6 if isinstance(transport, Tcp) else 17
    header = IPv4(Ip4.parse(POD1), Ip4.parse(NODE), proto, id=1)
    frame = Packet((Ethernet(BROADCAST, Mac.parse(POD1_MAC)), header, transport))
    assert fate(lab, frame) == ("NOT_SPECIFIED" if proto == 6 else "NO_SOCKET")
    assert lab.events(Transmitted, "node") == []


def test_f155_forwarding_off_on_the_ingress_is_a_silent_drop_the_egress_does_not_matter() -> None:
    lab = calico_same_node()
    lab.sysctl("node", "conf/cali222/forwarding", 0)
    assert fate(lab, echo(POD1, POD2)) == "forwarded"
    lab.sysctl("node", "conf/cali111/forwarding", 0)
    assert fate(lab, echo(POD1, POD2)) == "IP_INADDRERRORS"
    assert lab.events(IcmpSent) == []
    by = decided(lab)
    assert isinstance(by, BySysctl)
    assert by.key == "net.ipv4.conf.cali111.forwarding"
    assert fate(lab, echo(POD1, NODE)) == "delivered"


def test_f155_the_same_without_a_route() -> None:
    lab = calico_same_node(gateway=False)
    lab.sysctl("node", "conf/cali111/forwarding", 0)
    assert fate(lab, echo(POD1, "8.8.8.8")) == "IP_INADDRERRORS"
    assert lab.events(IcmpSent) == []


@pytest.mark.parametrize("ttl", [0, 1])
def test_f156_ttl_0_and_1_end_in_time_exceeded_with_the_packet_unchanged(ttl: int) -> None:
    lab = calico_same_node()
    lab.ping("pod1", NODE)
    assert fate(lab, echo(POD1, POD2, ttl=ttl)) == "IP_INHDR"
    error = next(r.event.frame for r in lab.events(Transmitted, "node"))
    ip, icmp = error.find(IPv4), error.find(Icmp)
    assert ip is not None
    assert icmp is not None
    assert (icmp.type, icmp.code, str(ip.src), str(ip.dst)) == (11, 0, NODE, POD1)
    assert not isinstance(error.payload, bytes)
    quote = error.payload.packet.layers[0]
    assert isinstance(quote, IPv4)
    assert quote.ttl == ttl


def test_f156_ttl_2_passes_and_local_delivery_does_not_look() -> None:
    lab = calico_same_node()
    assert fate(lab, echo(POD1, POD2, ttl=2)) == "forwarded"
    assert fate(lab, echo(POD1, NODE, ttl=1)) == "delivered"
    assert fate(lab, echo(POD1, NODE, ttl=0)) == "delivered"


def test_f156_the_route_comes_before_the_ttl() -> None:
    lab = calico_same_node(gateway=False)
    assert fate(lab, echo(POD1, "99.9.9.9", ttl=1)) == "IP_INNOROUTES"
    errors = [(r.event.type, r.event.code) for r in lab.events(IcmpSent)]
    assert errors == [(3, 0)]
    by = decided(lab)
    assert isinstance(by, ByRoute)
    assert by.type == "none"


# -- F160 and F163: the shape of errors ---------------------------------------------------------------------------


def test_f160_tos_0xc0_ttl_64_df_clear_source_of_f61() -> None:
    lab = two_nodes()
    ping = lab.ping("pod1", "192.168.2.12", ttl=1, tos=0x10)
    lab.run(1)
    assert [kind for kind, _, _ in ping.errors] == ["11/0"]
    error = next(
        r.event.frame
        for r in lab.events(Transmitted, "node1")
        if (icmp := r.event.frame.find(Icmp)) is not None and icmp.type == 11
    )
    ip = error.find(IPv4)
    assert ip is not None
    # The type of service of the packet, with the precedence of network control (RFC 1812 section 4.3.2.5).
    assert (ip.tos, ip.ttl, ip.df, str(ip.src)) == (0xD0, 64, False, "10.0.0.23")
    assert ip.id


def test_f163_a_closed_udp_port_in_pod2() -> None:
    lab = two_nodes()
    socket = lab.udp("pod1", 5000)
    socket.remote = (Ip4.parse("192.168.2.12"), 9)
    socket.send_to(Ip4.parse("192.168.2.12"), 9, b"hello")
    lab.run(1)
    assert [(str(e.origin), e.icmp.type, e.icmp.code) for e in socket.errors] == [("192.168.2.12", 3, 3)]
    received = [r.event.frame for r in lab.events(Received, "pod1")]
    error = next(frame for frame in received if frame.find(Icmp) is not None)
    ip = error.find(IPv4)
    assert ip is not None
    assert not isinstance(error.payload, bytes)
    quote = error.payload.packet.layers[0]
    assert isinstance(quote, IPv4)
    # Two nodes: 62 either way; on one node it would be 63 (F163).
    assert (ip.ttl, ip.tos, quote.ttl) == (62, 0xC0, 62)


def test_f163_on_one_node_ttl_63_either_way() -> None:
    lab = calico_same_node()
    socket = lab.udp("pod1", 5000)
    socket.send_to(Ip4.parse(POD2), 9, b"hello")
    received = [r.event.frame for r in lab.events(Received, "pod1")]
    error = next(frame for frame in received if frame.find(Icmp) is not None)
    ip = error.find(IPv4)
    assert ip is not None
    assert not isinstance(error.payload, bytes)
    quote = error.payload.packet.layers[0]
    assert isinstance(quote, IPv4)
    assert (ip.ttl, quote.ttl, str(ip.src)) == (63, 63, POD2)
