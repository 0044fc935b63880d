"""F160 to F164, F92, F99 and F199: drops and errors by rules, and what becomes of marks and fragments (kernel sheet, sections 3, 5 and 6)."""

from __future__ import annotations

from errno import ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ENOPROTOOPT, EPERM

import pytest

from podwire.linux.socket import PMTUDISC_DONT, SocketError, UdpSocket
from podwire.linux.tcp.socket import TcpSocket
from podwire.trace.events import ByRule, Conntrack, Dropped, IcmpSent, RuleMatched
from podwire.wire.addr import Ip4
from podwire.wire.headers import ICMP_TIME_EXCEEDED, Icmp, IPv4, Vxlan
from tests.linux.facts.test_f080_f099_vxlan import POD2, overlay
from tests.linux.netfilter.nat.natlab import connections, iptables
from tests.linux.netfilter.xt.targetlab import A, B, routed, udp

REJECTED = (
    ("icmp-port-unreachable", ECONNREFUSED, ECONNREFUSED),
    ("icmp-net-unreachable", ENETUNREACH, 0),
    ("icmp-host-unreachable", EHOSTUNREACH, 0),
    ("icmp-proto-unreachable", ENOPROTOOPT, ENOPROTOOPT),
    ("icmp-net-prohibited", ENETUNREACH, ENETUNREACH),
    ("icmp-host-prohibited", EHOSTUNREACH, EHOSTUNREACH),
    ("icmp-admin-prohibited", EHOSTUNREACH, EHOSTUNREACH),
)
"""``--reject-with``, what TCP's connect fails with, and what a connected UDP socket hears."""
TRACKED = "-A INPUT -m conntrack --ctstate NEW"


@pytest.mark.parametrize("where", ["r: FORWARD", "b: INPUT", "a: OUTPUT"])
@pytest.mark.parametrize(("kind", "tcp", "udp_errno"), REJECTED, ids=[kind for kind, _, _ in REJECTED])
def test_f160_what_programs_hear_of_each_kind(kind: str, tcp: int, udp_errno: int, where: str) -> None:
    lab = routed()
    name, _, chain = where.partition(": ")
    iptables(lab, name, f"-A {chain} -d {B} -j REJECT --reject-with {kind}")
    client = TcpSocket(lab["a"])
    client.connect(Ip4.parse(B), 80)
    lab.run(0.1)
    assert client.take_error() == tcp
    datagrams = UdpSocket(lab["a"], 4000, lambda: None)
    if name == "a":
        with pytest.raises(SocketError) as refused:
            datagrams.send_to(Ip4.parse(B), 53, b"x")
        assert refused.value.errno == EPERM
    else:
        datagrams.send_to(Ip4.parse(B), 53, b"x")
    lab.run(0.1)
    (report,) = datagrams.errors
    assert (report.errno if report.fatal else 0) == udp_errno


@pytest.mark.parametrize("where", ["r: FORWARD", "b: INPUT", "a: OUTPUT"])
def test_f161_a_reset_refuses_the_connection(where: str) -> None:
    lab = routed()
    name, _, chain = where.partition(": ")
    iptables(lab, name, f"-A {chain} -d {B} -p tcp -j REJECT --reject-with tcp-reset")
    client = TcpSocket(lab["a"])
    client.connect(Ip4.parse(B), 80)
    lab.run(0.1)
    assert client.take_error() == ECONNREFUSED


def test_f162_tcp_keeps_trying_where_output_drops() -> None:
    lab = routed()
    iptables(lab, "a", "-A OUTPUT -p tcp -j DROP")
    client = TcpSocket(lab["a"])
    client.connect(Ip4.parse(B), 80)
    lab.run(4.9)
    assert client.connecting
    assert client.take_error() == 0
    # As after a loss (tcp_syn_linear_timeouts), and not each half second.
    assert [round(lab.since(drop.time)) for drop in lab.events(Dropped, "a")] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "rule",
    [
        "-t raw -A PREROUTING -p udp -j DROP",
        "-t mangle -A PREROUTING -p udp -j DROP",
        "-t mangle -A FORWARD -p udp -j DROP",
        "-A FORWARD -p udp -j DROP",
        "-t security -A FORWARD -p udp -j DROP",
        "-t mangle -A POSTROUTING -p udp -j DROP",
    ],
)
def test_f164_what_a_rule_drops_leaves_no_connection(rule: str) -> None:
    lab = routed()
    iptables(lab, "r", TRACKED, rule)
    udp(lab)
    (drop,) = lab.events(Dropped, "r")
    assert isinstance(drop.event.by, ByRule)
    assert connections(lab, "r") == []
    assert lab.frames("r:r1") == lab.frames("r:r0") == []


def test_f163_a_closed_port_behind_the_router_is_told_by_the_pod() -> None:
    lab = routed()
    udp(lab)
    assert [(str(ip.src), ip.ttl) for ip in lab.headers("r:r0", IPv4)] == [(B, 63)]


@pytest.mark.parametrize("half_way", [False, True])
def test_f199_an_error_of_the_router_is_related(half_way: bool) -> None:
    """It passes OUTPUT and POSTROUTING with ctstate RELATED, also where the packet it is about was only half way."""
    lab = routed()
    reject = "-A FORWARD -p icmp -j REJECT" if half_way else "-A FORWARD -p icmp"
    iptables(lab, "r", TRACKED, reject, "-A OUTPUT -m conntrack --ctstate RELATED -j ACCEPT", "-A OUTPUT -j DROP")
    ping = lab.ping("a", B, ttl=64 if half_way else 1)
    lab.run(1)
    assert [origin for _, origin, _ in ping.errors] == ["10.0.0.254"]
    (error,) = lab.events(IcmpSent, "r")
    met = [each.event for each in lab.events(RuleMatched, "r") if each.packet == error.event.id]
    assert [(each.by.chain, each.by.number) for each in met] == [("OUTPUT", 1)]
    told = [each.event for each in lab.events(Conntrack, "r") if each.packet == error.event.id]
    assert {each.state for each in told} <= {"RELATED"}


def test_f199_an_error_that_a_rule_of_output_drops_does_not_arrive() -> None:
    lab = routed()
    iptables(lab, "r", "-A OUTPUT -p icmp -m icmp --icmp-type time-exceeded -j DROP")
    ping = lab.ping("a", B, ttl=1)
    lab.run(1)
    assert ping.errors == []
    assert [icmp for icmp in lab.headers("r:r0", Icmp) if icmp.type == ICMP_TIME_EXCEEDED] == []


def test_f162_a_drop_in_output_is_eperm_for_the_program() -> None:
    lab = routed()
    iptables(lab, "a", "-A OUTPUT -j DROP")
    assert lab.ping("a", B).refused == [1]
    assert lab.frames("a:v0") == []
    assert not [each for each in lab.headers("a:lo", IPv4) if str(each.src) == A]


def test_f099_a_mark_of_the_inner_packet_is_on_the_outer_one_and_the_other_way_round() -> None:
    lab = overlay()
    iptables(
        lab,
        "node1",
        "-A FORWARD -j MARK --set-mark 7",
        "-A OUTPUT -p udp -m udp --dport 4789 -m mark --mark 7",
    )
    iptables(
        lab,
        "node2",
        "-t mangle -A PREROUTING -p udp -m udp --dport 4789 -j MARK --set-mark 9",
        "-A FORWARD -m mark --mark 9",
    )
    ping = lab.ping("pod1", POD2)
    lab.run(1)
    assert ping.replies == [(1, 62)]
    for name, chain in (("node1", "OUTPUT"), ("node2", "FORWARD")):
        assert [each.event.by.chain for each in lab.events(RuleMatched, name)].count(chain) == 1


def test_f092_a_node_that_tracks_joins_fragments_and_cuts_them_anew() -> None:
    """Three of the pod (1500, 1500, 68) leave as 1444, 1444, 180."""
    lab = overlay(pod_mtu=1500)
    iptables(lab, "node1", TRACKED)
    socket = UdpSocket(lab["pod1"], 4000, lambda: None)
    socket.pmtudisc = PMTUDISC_DONT
    socket.send_to(Ip4.parse(POD2), 5000, bytes(3000))
    lab.run(1)

    def lengths(where: str) -> list[int]:
        return [
            len(frame.payload) + sum(header.size for header in frame.layers if not isinstance(header, Vxlan)) - 14
            for frame in lab.frames(where)
            if (ip := frame.find(IPv4)) is not None and str(ip.dst) == POD2
        ]

    assert lengths("pod1:eth0") == [1500, 1500, 68]
    assert lengths("node1:vxlan.calico") == [1444, 1444, 180]
