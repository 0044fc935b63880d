"""Why a rule let a packet die: what ``Trace.explain`` says, and that typing what it recommends lets the packet pass."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from podwire.cluster import Cluster, NicSpec
from podwire.cni.calico.config import Calico
from podwire.trace.reasons import DropReason, Verdict
from podwire.trace.trace import Trace
from podwire.wire.addr import ANY4, Ip4
from podwire.wire.headers import IPPROTO_TCP, IPPROTO_UDP, TCP_ACK, TCP_SYN, IPv4, Tcp, Udp
from podwire.wire.packet import Packet

REMEDY = re.compile(r"`((?:iptables|sysctl)[^`]*)` on ([\w/]+)")


class Case(NamedTuple):
    """Rules as they are typed (``place: command``), what is sent, and what the sentence has to say."""

    name: str
    rules: tuple[str, ...]
    says: str
    probe: str = "ping"
    steps: int = 1
    """How many remedies it takes."""


CASES = (
    Case("a DROP", ("node1: iptables -A FORWARD -d {b} -j DROP",), "it matches rule 1 of FORWARD in table filter"),
    Case(
        "a policy",
        ("node1: iptables -P FORWARD DROP",),
        "no rule accepts it and the policy of FORWARD in table filter (written by iptables) is to drop",
        steps=1,
    ),
    Case(
        "a REJECT",
        ("node1: iptables -A FORWARD -p icmp", "node1: iptables -A FORWARD -j REJECT"),
        "-A FORWARD -j REJECT --reject-with icmp-port-unreachable (written by iptables)",
    ),
    Case(
        "the right one of two that say the same",
        ("node1: iptables -A FORWARD -s {b} -j DROP", "node1: iptables -I FORWARD -d {b} -j DROP"),
        "rule 1 of FORWARD",
        steps=1,
    ),
    Case("raw", ("node1: iptables -t raw -A PREROUTING -i cali+ -j DROP",), "rule 1 of PREROUTING in table raw"),
    Case("mangle", ("node1: iptables -t mangle -A POSTROUTING -j DROP",), "rule 1 of POSTROUTING in table mangle"),
    Case(
        "a user's chain",
        ("node1: iptables -N MINE", "node1: iptables -A MINE -d {b} -j DROP", "node1: iptables -A FORWARD -g MINE"),
        "rule 1 of MINE in table filter",
    ),
    Case("INPUT of the pod", ("default/pod2: iptables -A INPUT -j DROP",), "default/pod2 dropped it"),
    Case("OUTPUT of the pod", ("default/pod1: iptables -A OUTPUT -j DROP",), "default/pod1 dropped it"),
    Case(
        "iptables-legacy",
        ("node1: iptables-legacy -A FORWARD -j DROP",),
        "rule 1 of FORWARD in table filter of iptables-legacy",
    ),
    Case(
        "a policy of iptables-legacy",
        ("node1: iptables-legacy -P FORWARD DROP",),
        "the policy of FORWARD in table filter of iptables-legacy",
    ),
    Case(
        "a DROP and behind it a policy",
        ("node1: iptables -P FORWARD DROP", "node1: iptables -A FORWARD -j DROP"),
        "it matches rule 1 of FORWARD",
        steps=2,
    ),
    Case(
        "a queue",
        ("node1: iptables -A FORWARD -j NFQUEUE --queue-num 2",),
        "no program of node1 listens to the queue of rule 1 of FORWARD in table filter",
    ),
    Case(
        "what belongs to no connection",
        ("node1: iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP",),
        "connection tracking of node1 finds no connection that it may belong to (INVALID)",
        probe="syn+ack",
    ),
    Case(
        "a transparent proxy that is not there",
        ("node1: iptables -t mangle -A PREROUTING -p udp -j TPROXY --on-port 3128",),
        "no transparent socket of node1 listens where rule 1 of PREROUTING in table mangle",
        probe="udp",
    ),
    Case(
        "a full table",
        (
            "node1: iptables -A FORWARD -m conntrack --ctstate NEW",
            "node1: sysctl -w net.netfilter.nf_conntrack_max=1",
            "node1: ping -c 1 -W 0.1 {a}",
        ),
        "the connection table is full: net.netfilter.nf_conntrack_max = 1",
        probe="udp",
    ),
)


class Lab:
    """Two pods on one node with Calico, whose own rules are out of the way."""

    def __init__(self) -> None:
        self.cluster = Cluster(Calico(), nodes=1)
        self.pods = [self.cluster.run(name, node="node1") for name in ("pod1", "pod2")]
        self.cluster.agent("node1", "felix").pause()
        for table in ("raw", "mangle", "nat", "filter"):
            self.type("node1", f"iptables -t {table} -F")
            self.type("node1", f"iptables -t {table} -X")
        assert self.ping().verdict is Verdict.DELIVERED

    def type(self, place: str, command: str) -> None:
        a, b = (str(pod.ip) for pod in self.pods)
        result = self.cluster.machine(place).exec(command.format(a=a, b=b))
        assert result.exit_code == 0 or command.startswith("ping"), result.stderr

    def ping(self) -> Trace:
        return self.pods[0].ping(str(self.pods[1].ip)).trace

    def probe(self, kind: str) -> Trace:
        target = self.pods[1].ip
        assert isinstance(target, Ip4)
        if kind == "ping":
            return self.ping()
        if kind == "udp":
            return self.pods[0].send(Packet((IPv4(ANY4, target, IPPROTO_UDP), Udp(4000, 5000)), b"x"))
        flags = TCP_SYN | TCP_ACK
        return self.pods[0].send(Packet((IPv4(ANY4, target, IPPROTO_TCP), Tcp(4000, 5000, 1, 1, flags, 100))))


def passed(trace: Trace) -> bool:
    """It came as far as a pod that has no socket for it, or further."""
    return trace.verdict is Verdict.DELIVERED or trace.reason is DropReason.NO_SOCKET


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_remedy_lets_the_packet_pass(case: Case) -> None:
    lab = Lab()
    for rule in case.rules:
        place, _, command = rule.partition(": ")
        lab.type(place, command)
    trace = lab.probe(case.probe)
    told = " ".join(trace.explain().split())
    assert case.says in told
    for _ in range(case.steps):
        assert not passed(trace)
        remedy = REMEDY.search(" ".join(trace.explain().split()))
        assert remedy is not None, trace.explain()
        lab.type(remedy[2], remedy[1])
        trace = lab.probe(case.probe)
    assert passed(trace), trace.explain()


def test_a_packet_that_needs_masquerading() -> None:
    """The uplink knows addresses of its own network only: the router has to put its own into what it sends there."""
    lab = Cluster(Calico())
    lab.add_network("lan10", "192.168.10.0/24")
    lab.add_uplink("nat")
    lab.add_host("server", "203.0.113.7")
    lab.add_router("router", [NicSpec("eth0", "nat", dhcp=True), NicSpec("eth1", "lan10", "192.168.10.200/24")])
    node = lab.add_node(
        "node1", nics=[NicSpec("eth0", "lan10", "192.168.10.100/24")], routes=["0.0.0.0/0 via 192.168.10.200"]
    )
    trace = node.ping("203.0.113.7").trace
    told = " ".join(trace.explain().split())
    remedy = re.search(r"when router masquerades, `(iptables[^`]*)`", told)
    assert remedy is not None, told
    assert lab.host("router").exec(remedy[1]).exit_code == 0
    ping = node.ping("203.0.113.7")
    assert ping.ok
    assert any(line.split()[:2] == ["nat", "SNAT"] for line in ping.trace.text("summary").splitlines())


def test_a_program_hears_of_a_rule_in_output() -> None:
    lab = Lab()
    lab.type("default/pod1", "iptables -A OUTPUT -j DROP")
    assert "The program that sent it gets EPERM, Operation not permitted." in lab.ping().explain()
    assert "The program" not in lab.probe("syn+ack").explain()
    lab.type("default/pod1", "iptables -F")
    lab.type("node1", "iptables -A FORWARD -j DROP")
    assert "The program" not in lab.ping().explain()


def test_a_rejected_packet_says_so_and_who_told_the_sender() -> None:
    lab = Lab()
    lab.type("node1", "iptables -A FORWARD -j REJECT --reject-with icmp-host-prohibited")
    trace = lab.ping()
    assert trace.verdict is Verdict.REJECTED
    told = " ".join(trace.explain().split())
    assert f"node1 told {lab.pods[0].ip}: ICMP host {lab.pods[1].ip} unreachable - admin prohibited" in told


def test_the_summary_has_the_rules_that_decided_and_the_detailed_text_all_of_them() -> None:
    lab = Lab()
    for rule in (
        "-N MINE",
        "-A FORWARD -j MINE",
        "-A MINE -p udp -j DROP",
        "-A MINE -p icmp -j MARK --set-mark 1",
        "-A MINE -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT",
    ):
        lab.type("node1", f"iptables {rule}")
    trace = lab.ping()
    assert trace.verdict is Verdict.DELIVERED
    detailed = " ".join(trace.text("detailed").split())
    places = [
        detailed.index(line)
        for line in (
            "filter:FORWARD:rule:1:JUMP:MINE -4 -t filter -A FORWARD -j MINE [iptables]",
            "filter:MINE:rule:2:CONTINUE -4 -t filter -A MINE -p icmp -j MARK --set-xmark 0x1/0xffffffff [iptables]",
            "filter:MINE:rule:3:ACCEPT -4 -t filter -A MINE -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT [iptables]",
        )
    ]
    assert places == sorted(places)
    summary = trace.text("summary")
    assert "JUMP" not in summary
    assert "MARK" not in summary
    lines = [" ".join(line.split()) for line in summary.splitlines()]
    assert any(line.startswith("rule ACCEPT by rule 3 of MINE in table filter: -A MINE -m conntrack") for line in lines)
    assert next(line for line in lines if line.startswith("ct ")).startswith("ct NEW: icmp ")
