"""Section 1.8: the destination is not there, or there is no way to it."""

from errno import EACCES, EHOSTUNREACH, EINVAL, ENETUNREACH

import pytest

from podwire.trace.events import Dropped, IcmpSent
from podwire.wire.headers import IPv4
from podwire.wire.packet import Quoted
from tests.linux.lab import Lab, calico_same_node


def gone(*, loop: bool = False) -> Lab:
    """pod2 was deleted; with ``loop`` the gateway routes the pods' addresses back to the node."""
    lab = calico_same_node()
    lab.door("node").link_del(lab.link("node:cali222"))
    lab.sysctl("gw", "ip_forward", 1)
    if loop:
        lab.route("gw", "192.168.1.0/24 via 10.0.0.23")
    lab.restart()
    return lab


def without_default(route: str = "") -> Lab:
    """No default route on the node, pods warm: they still know their gateway's MAC."""
    lab = calico_same_node()
    lab.ping("pod1", "192.168.1.12")
    lab.route_del("node", "default")
    lab.route_del("node", "192.168.1.12")
    if route:
        lab.route("node", f"{route} 192.168.1.0/26")
    lab.restart()
    return lab


def test_f45_without_a_route_but_a_default_the_packet_leaves_by_eth0() -> None:
    lab = gone()
    lab.ping("pod1", "192.168.1.12")
    assert lab.sequence("node:eth0") == [
        "TX node:eth0 B who-has 10.0.0.1 tell 10.0.0.23",
        "TX node:eth0 echo request seq 1 ttl 63 DF",
    ]


@pytest.mark.parametrize(("ttl", "reporter"), [(6, "10.0.0.1"), (7, "10.0.0.23")])
def test_f45_the_loop_ends_where_the_ttl_is_one(ttl: int, reporter: str) -> None:
    lab = gone(loop=True)
    ping = lab.ping("pod1", "192.168.1.12", ttl=ttl)
    assert ping.errors == [("11/0", reporter, 1)]
    hops = [line for line in lab.sequence("node:eth0", "gw:eth0") if "echo request" in line and "about" not in line]
    assert hops == [
        f"TX {place} echo request seq 1 ttl {left} DF"
        for place, left in zip(["node:eth0", "gw:eth0"] * 3, range(ttl - 1, 0, -1), strict=False)
    ]


def test_f45_no_redirects_for_packets_of_pods() -> None:
    lab = gone(loop=True)
    lab.ping("pod1", "192.168.1.12", ttl=7)
    assert not any("icmp 5/" in line for line in lab.sequence())


@pytest.mark.parametrize(
    ("route", "error", "reason"),
    [
        ("blackhole", "", "NOT_SPECIFIED"),
        ("unreachable", "3/1", "NOT_SPECIFIED"),
        ("prohibit", "3/13", "NOT_SPECIFIED"),
        ("throw", "3/0", "IP_INNOROUTES"),
        ("", "3/0", "IP_INNOROUTES"),
    ],
)
def test_f46_what_a_pod_hears_of_each_type_of_route(route: str, error: str, reason: str) -> None:
    lab = without_default(route)
    ping = lab.ping("pod1", "192.168.1.12")
    assert ping.errors == ([(error, "10.0.0.23", 1)] if error else [])
    assert lab.drops("node") == [("ip_error", reason)]


@pytest.mark.parametrize("route", ["unreachable", "prohibit", "throw"])
def test_f46_the_error_quotes_the_packet_with_its_original_ttl(route: str) -> None:
    lab = without_default(route)
    lab.ping("pod1", "192.168.1.12")
    error = lab.frames("node:cali111")[0]
    outer = error.find(IPv4)
    assert isinstance(error.payload, Quoted)
    inner = error.payload.packet.find(IPv4)
    assert outer is not None
    assert inner is not None
    assert inner.ttl == 64
    assert (outer.tos, outer.ttl, outer.df) == (0xC0, 64, False)


@pytest.mark.parametrize(
    ("route", "errno"),
    [
        ("blackhole", EINVAL),
        ("unreachable", EHOSTUNREACH),
        ("prohibit", EACCES),
        ("throw", ENETUNREACH),
        ("", ENETUNREACH),
    ],
)
def test_f47_what_the_nodes_own_socket_gets(route: str, errno: int) -> None:
    lab = without_default(route)
    ping = lab.ping("node", "192.168.1.12")
    assert ping.refused == [errno]
    assert lab.sequence() == []


def test_f48_the_gateway_does_not_answer_arp() -> None:
    lab = calico_same_node()
    lab.sysctl("gw", "conf/all/arp_ignore", 8)
    ping = lab.ping("pod1", "8.8.8.8")
    lab.run(5)
    assert ping.errors == [("3/1", "10.0.0.23", 1)]
    assert ping.error_times == pytest.approx([3.06], abs=0.03)


def test_f49_a_router_without_a_way_back_leaves_the_sender_in_silence() -> None:
    lab = calico_same_node()
    lab.sysctl("gw", "ip_forward", 1)
    ping = lab.ping("pod1", "8.8.8.8", count=3)
    lab.run(5)
    assert (ping.replies, ping.errors) == ([], [])
    told = [seen.event for seen in lab.events(IcmpSent, "gw")]
    assert len(told) >= 1
    assert {(event.id, event.withheld) for event in told} == {(0, "no route back")}
    assert len(lab.events(Dropped, "gw")) == 3


def test_f49_with_a_way_back_it_is_heard() -> None:
    lab = calico_same_node()
    lab.sysctl("gw", "ip_forward", 1)
    lab.route("gw", "192.168.1.0/24 via 10.0.0.23")
    ping = lab.ping("pod1", "8.8.8.8")
    assert ping.errors == [("3/0", "10.0.0.1", 1)]
