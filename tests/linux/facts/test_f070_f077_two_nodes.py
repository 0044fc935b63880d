"""F70 to F77: two nodes on a segment, no overlay (kernel sheet, section 2)."""

import pytest

from podwire.linux.path.route import ip_route_output
from podwire.trace.events import IcmpSent, Received, Transmitted
from podwire.wire.addr import Ip4
from podwire.wire.headers import ARPOP_REQUEST, Ethernet, Icmp, IPv4
from tests.linux.lab import (
    CALI,
    GATEWAY_MAC,
    NODE1_MAC,
    NODE2_MAC,
    OTHER_MAC,
    POD1_MAC,
    POD2_MAC,
    Lab,
    arp_frame,
    calico_same_node,
    describe,
    two_nodes,
)

POD1 = "192.168.1.11"
POD2 = "192.168.2.12"
NODE1 = "10.0.0.23"
NODE2 = "10.0.0.24"

GOLDEN = """
TX pod1:eth0 B who-has 169.254.1.1 tell 192.168.1.11
TX node1:cali111 reply 169.254.1.1 is-at ee:ee:ee:ee:ee:ee
TX pod1:eth0 echo request seq 1 ttl 64 DF
TX node1:eth0 B who-has 10.0.0.24 tell 10.0.0.23
TX node2:eth0 reply 10.0.0.24 is-at 42:01:0a:00:00:18
TX node1:eth0 echo request seq 1 ttl 63 DF
TX node2:cali222 B who-has 192.168.2.12 tell 10.0.0.24
TX pod2:eth0 reply 192.168.2.12 is-at e6:0e:ad:ba:c4:77
TX node2:cali222 echo request seq 1 ttl 62 DF
TX pod2:eth0 B who-has 169.254.1.1 tell 192.168.2.12
TX node2:cali222 reply 169.254.1.1 is-at ee:ee:ee:ee:ee:ee
TX pod2:eth0 echo reply seq 1 ttl 64
TX node2:eth0 echo reply seq 1 ttl 63
TX node1:cali111 echo reply seq 1 ttl 62
""".strip().splitlines()


@pytest.mark.parametrize("one_kernel", [False, True])
def test_f070_golden_sequence_and_ttl_64_63_62(one_kernel: bool) -> None:
    lab = two_nodes(one_kernel=one_kernel)
    ping = lab.ping("pod1", POD2)
    lab.run(1)
    assert lab.sequence() == GOLDEN
    assert ping.replies == [(1, 62)]


def test_f070_the_late_probes_of_both_nodes() -> None:
    lab = two_nodes()
    lab.ping("pod1", POD2)
    lab.run(7)
    probes = lab.sequence(arp=True)[-4:]
    assert sorted(probes[:2]) == [
        "TX node1:cali111 U who-has 192.168.1.11 tell 10.0.0.23",
        "TX node2:eth0 U who-has 10.0.0.23 tell 10.0.0.24",
    ]
    assert all("reply" in line for line in probes[2:])


def _hops(lab: Lab, kind: int) -> list[tuple[str, str, str, str, str]]:
    """Place, MAC addresses and IP addresses of every transmission of an ICMP type."""
    found = []
    for record in lab.events(Transmitted):
        frame = record.event.frame
        icmp, eth, ip = frame.find(Icmp), frame.find(Ethernet), frame.find(IPv4)
        if icmp is not None and icmp.type == kind:
            assert eth is not None
            assert ip is not None
            found.append((f"{record.netns}:{record.event.dev}", str(eth.src), str(eth.dst), str(ip.src), str(ip.dst)))
    return found


def test_f070_macs_change_at_every_hop_addresses_never() -> None:
    lab = two_nodes()
    lab.ping("pod1", POD2)
    lab.run(1)
    assert _hops(lab, 8) == [
        ("pod1:eth0", POD1_MAC, CALI, POD1, POD2),
        ("node1:eth0", NODE1_MAC, NODE2_MAC, POD1, POD2),
        ("node2:cali222", CALI, POD2_MAC, POD1, POD2),
    ]
    assert _hops(lab, 0) == [
        ("pod2:eth0", POD2_MAC, CALI, POD2, POD1),
        ("node2:eth0", NODE2_MAC, NODE1_MAC, POD2, POD1),
        ("node1:cali111", CALI, POD1_MAC, POD2, POD1),
    ]


@pytest.mark.parametrize(
    ("ttl", "error", "reply"),
    [(1, ("11/0", NODE1, 1), None), (2, ("11/0", NODE2, 1), None), (3, None, (1, 62))],
)
def test_f071_time_exceeded_names_the_node_where_the_ttl_ends(
    ttl: int, error: tuple[str, str, int] | None, reply: tuple[int, int] | None
) -> None:
    lab = two_nodes()
    ping = lab.ping("pod1", POD2, ttl=ttl)
    lab.run(1)
    assert ping.errors == ([error] if error else [])
    assert ping.replies == ([reply] if reply else [])


def test_f072_a_linux_router_between_the_nodes_costs_one_more() -> None:
    lab = Lab()
    lab.machine("node1")
    lab.netns("node1", "router")
    lab.netns("node1", "node2")
    lab.veth("node1:eth0", NODE1_MAC, "router:r1", GATEWAY_MAC)
    lab.veth("node2:eth0", NODE2_MAC, "router:r2", OTHER_MAC)
    lab.addr("node1:eth0", "10.0.1.23/24")
    lab.addr("node2:eth0", "10.0.2.24/24")
    lab.addr("router:r1", "10.0.1.1/24")
    lab.addr("router:r2", "10.0.2.1/24")
    for name in ("node1", "router", "node2"):
        lab.sysctl(name, "ip_forward", 1)
    lab.route("node1", "default via 10.0.1.1")
    lab.route("node2", "default via 10.0.2.1")
    lab.calico_pod("node1", "pod1", POD1, "cali111", POD1_MAC)
    lab.calico_pod("node2", "pod2", POD2, "cali222", POD2_MAC)
    lab.route("router", "192.168.1.0/26 via 10.0.1.23")
    lab.route("router", "192.168.2.0/26 via 10.0.2.24")
    ping = lab.ping("pod1", POD2)
    lab.run(1)
    assert ping.replies == [(1, 61)]
    # F49: without the pods' routes the router's own errors reach nobody.
    lab.route_del("router", "192.168.1.0/26")
    silent = lab.ping("pod1", POD2, ttl=2)
    lab.run(1)
    assert (silent.replies, silent.errors) == ([], [])
    assert [r.event.withheld for r in lab.events(IcmpSent)] == ["no route back"]


def _detour() -> Lab:
    """Ext sends everything for pod2 to node1, although node2 is next to it."""
    lab = two_nodes()
    lab.route("ext", f"192.168.2.0/26 via {NODE1}")
    lab.sysctl("ext", "conf/all/accept_redirects", 0)
    lab.sysctl("ext", "conf/eth0/accept_redirects", 0)
    lab.restart()
    return lab


def test_f073_a_sender_on_the_link_is_told_of_the_better_gateway_before_the_packet_goes_on() -> None:
    lab = _detour()
    ping = lab.ping("ext", POD2)
    lab.run(1)
    assert ping.replies == [(1, 63)]
    assert [
        line
        for line in lab.sequence("node1:eth0")
        if "ARP" not in line and "who-has" not in line and "reply" not in line
    ] == [
        "TX node1:eth0 icmp 5/1 10.0.0.23 > 10.0.0.99 ttl 64 about echo request seq 1 ttl 63 DF",
        "TX node1:eth0 echo request seq 1 ttl 63 DF",
    ]
    redirect = next(
        icmp
        for r in lab.events(Transmitted, "node1")
        if (icmp := r.event.frame.find(Icmp)) is not None and icmp.type == 5
    )
    assert Ip4(redirect.rest) == Ip4.parse(NODE2)


def test_f073_pod_sourced_packets_get_no_redirect() -> None:
    # A pod of ext: node1 gets its packet by the interface it leaves by, but the source is not on that link.
    lab = _detour()
    lab.sysctl("ext", "ip_forward", 1)
    lab.route("ext", "default via 10.0.0.24")  # or its proxy ARP is silent (F36)
    lab.calico_pod("ext", "pod3", "192.168.3.13", "cali333", OTHER_MAC)
    for node in ("node1", "node2"):
        lab.route(node, "192.168.3.0/26 via 10.0.0.99")
    lab.restart()
    ping = lab.ping("pod3", POD2)
    lab.run(1)
    assert ping.replies == [(1, 62)]
    assert lab.events(IcmpSent) == []


def test_f074_a_router_ignores_redirects() -> None:
    lab = _detour()
    lab.sysctl("ext", "ip_forward", 1)
    lab.sysctl("ext", "conf/eth0/accept_redirects", 1)
    assert lab.door("ext").sysctl_read("net/ipv4/conf/all/accept_redirects") == "0"
    ping = lab.ping("ext", POD2, count=4)
    lab.run(5)
    assert [seq for seq, _ in ping.replies] == [1, 2, 3, 4]
    assert lab["ext"].exceptions == {}
    assert ip_route_output(lab["ext"], Ip4.parse(POD2)).gateway == Ip4.parse(NODE1)
    assert len(lab.events(IcmpSent, "node1")) > 1


def test_f075_node_to_its_pod_and_back() -> None:
    lab = two_nodes()
    ping = lab.ping("node1", POD1)
    lab.run(1)
    assert lab.sequence() == [
        "TX node1:cali111 B who-has 192.168.1.11 tell 10.0.0.23",
        "TX pod1:eth0 reply 192.168.1.11 is-at 32:ae:50:1c:7c:42",
        "TX node1:cali111 echo request seq 1 ttl 64 DF",
        # By its gateway, not by the entry for 10.0.0.23 that the node's own request left behind.
        "TX pod1:eth0 B who-has 169.254.1.1 tell 192.168.1.11",
        "TX node1:cali111 reply 169.254.1.1 is-at ee:ee:ee:ee:ee:ee",
        "TX pod1:eth0 echo reply seq 1 ttl 64",
    ]
    assert ping.replies == [(1, 64)]
    assert lab.state("pod1:eth0", NODE1) == "STALE"


def test_f075_pod_to_its_node_is_not_forwarded_pod_to_the_other_node_once() -> None:
    lab = two_nodes()
    own, other = lab.ping("pod1", NODE1), lab.ping("pod1", NODE2)
    lab.run(1)
    assert own.replies == [(1, 64)]
    assert other.replies == [(1, 63)]


def test_f076_the_third_host_hears_the_broadcast_and_learns_nothing() -> None:
    lab = two_nodes()
    lab.ping("pod1", POD2)
    lab.run(1)
    heard = [describe(r.event.frame) for r in lab.events(Received, "ext")]
    assert heard == ["B who-has 10.0.0.24 tell 10.0.0.23"]
    assert lab.neigh("ext") == {}


def test_f077_eth0_answers_for_every_own_address_and_for_no_pod() -> None:
    lab = calico_same_node()
    lab.device("node:docker0")
    lab.addr("node:docker0", "172.17.0.1/16")
    assert lab.ask("gw:eth0", "192.168.1.11", "10.0.0.1") == ""
    assert lab.ask("gw:eth0", "10.0.0.23", "10.0.0.1") == f"reply 10.0.0.23 is-at {NODE1_MAC}"
    assert lab.ask("gw:eth0", "172.17.0.1", "10.0.0.1") == f"reply 172.17.0.1 is-at {NODE1_MAC}"


def test_f143_arp_frames_are_42_bytes() -> None:
    lab = two_nodes()
    lab.ping("pod1", POD2)
    lab.run(1)
    sizes = {r.event.frame.size for r in lab.events(Transmitted) if "who-has" in describe(r.event.frame)}
    assert sizes == {42}
    assert arp_frame(ARPOP_REQUEST, lab.link("pod1:eth0").mac, POD1, POD2).size == 42
