"""What a trace says that would let a packet pass does let it pass: a policy that stands in the way, the command, the packet again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.conformance import modes
from tests.policy.cases import manifests
from tests.policy.world import Lab

COMMAND = re.compile(r"`kubectl ([^`]*)`")
A, B, WEB = {"matchLabels": {"pod": "a"}}, {"matchLabels": {"pod": "b"}}, {"matchLabels": {"app": "web"}}
IN: dict[str, Any] = {"podSelector": {}, "policyTypes": ["Ingress"]}
OUT: dict[str, Any] = {"podSelector": {}, "policyTypes": ["Egress"]}


def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator} | ({"values": list(values)} if values else {})]}


BROKEN: list[tuple[str, Mapping[str, Any], str, str, int]] = [
    # Name, policies, who connects to whom, the port.
    ("deny", {"x/p": IN}, "x/a", "x/b", 80),
    ("deny egress", {"x/p": OUT}, "x/a", "y/b", 80),
    ("deny, from another namespace", {"x/p": IN}, "y/a", "x/b", 81),
    ("label of the client", {"x/p": {**IN, "ingress": [{"from": [{"podSelector": B}]}]}}, "x/a", "x/c", 80),
    ("label that it lacks", {"x/p": {**IN, "ingress": [{"from": [{"podSelector": WEB}]}]}}, "x/b", "x/c", 80),
    ("two labels", {"x/p": {**IN, "ingress": [{"from": [{"podSelector": {"matchLabels": {"r": "1", "s": "2"}}}]}]}}, "x/a", "x/b", 80),
    ("In", {"x/p": {**IN, "ingress": [{"from": [{"podSelector": expression("pod", "In", "q", "r")}]}]}}, "x/a", "x/b", 80),
    ("NotIn", {"x/p": {**IN, "ingress": [{"from": [{"podSelector": expression("pod", "NotIn", "a")}]}]}}, "x/a", "x/b", 80),
    ("Exists", {"x/p": {**IN, "ingress": [{"from": [{"podSelector": expression("ok", "Exists")}]}]}}, "x/a", "x/b", 80),
    ("DoesNotExist", {"x/p": {**IN, "ingress": [{"from": [{"podSelector": expression("app", "DoesNotExist")}]}]}}, "x/a", "x/b", 80),
    ("pods of another namespace", {"x/p": {**IN, "ingress": [{"from": [{"podSelector": A}]}]}}, "y/a", "x/b", 80),
    ("label of the namespace", {"x/p": {**IN, "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"team": "red"}}}]}]}}, "z/a", "x/b", 80),
    ("name of the namespace", {"x/p": {**IN, "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "y"}}}]}]}}, "z/a", "x/b", 80),
    ("both selectors", {"x/p": {**IN, "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"ns": "y"}}, "podSelector": B}]}]}}, "z/a", "x/b", 80),
    ("pod of the right namespace", {"x/p": {**IN, "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"ns": "y"}}, "podSelector": B}]}]}}, "y/a", "x/b", 80),
    ("port", {"x/p": {**IN, "ingress": [{"ports": [{"port": 80}]}]}}, "y/a", "x/b", 81),
    ("protocol of the port", {"x/p": {**IN, "ingress": [{"ports": [{"port": 80, "protocol": "UDP"}]}]}}, "y/a", "x/b", 80),
    ("range", {"x/p": {**IN, "ingress": [{"ports": [{"port": 70, "endPort": 80}]}]}}, "y/a", "x/b", 81),
    ("named port of another number", {"x/p": {**IN, "ingress": [{"ports": [{"port": "web"}]}]}}, "y/a", "x/c", 80),
    ("port and peer", {"x/p": {**IN, "ingress": [{"from": [{"podSelector": B}], "ports": [{"port": 81}]}]}}, "x/a", "x/c", 80),
    ("ipBlock", {"x/p": {**IN, "ingress": [{"from": [{"ipBlock": {"cidr": "{y/b}/32"}}]}]}}, "y/a", "x/b", 80),
    ("except", {"x/p": {**IN, "ingress": [{"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["{y/a}/32"]}}]}]}}, "y/a", "x/b", 80),
    ("egress to a pod", {"x/p": {**OUT, "egress": [{"to": [{"podSelector": B}]}]}}, "x/a", "x/c", 80),
    ("egress to a port", {"x/p": {**OUT, "egress": [{"ports": [{"port": 81}]}]}}, "x/a", "x/c", 80),
    ("egress to a namespace", {"x/p": {**OUT, "egress": [{"to": [{"namespaceSelector": {"matchLabels": {"ns": "y"}}}]}]}}, "x/a", "z/b", 80),
    ("nearest of two policies", {"x/p": IN, "x/q": {**IN, "ingress": [{"from": [{"podSelector": B}]}]}}, "x/a", "x/c", 80),
    ("an egress rule that was forgotten", {"x/p": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [{}]}}, "x/a", "y/b", 80),
]  # fmt: skip


@pytest.mark.parametrize(
    ("policies", "source", "target", "port"), [each[1:] for each in BROKEN], ids=[each[0] for each in BROKEN]
)
def test_what_the_sentence_says_lets_the_packet_pass(
    policies: Mapping[str, Any], source: str, target: str, port: int
) -> None:
    lab = Lab(modes.CALICO_NONE)
    cluster = lab.cluster
    lab.set(manifests(policies, lambda key: str(cluster.pod(key).ip)))
    client, server = cluster.pod(source), cluster.pod(target)
    failed = client.connect(server, port, timeout=0.1)
    assert not failed.ok
    told = " ".join(failed.trace.explain().split())
    assert "NetworkPolicy x/" in told
    command = COMMAND.search(told)
    assert command is not None, told
    done = cluster.kubectl(command[1])
    assert done.exit_code == 0, done
    assert client.connect(server, port, timeout=0.1).ok, told


def test_the_sentence_names_policy_rule_and_field() -> None:
    lab = Lab(modes.CALICO_NONE)
    peer = {"podSelector": {"matchLabels": {"role": "ok"}}}
    lab.set(manifests({"x/deny": {**IN, "ingress": [{"from": [peer], "ports": [{"port": 80}]}]}}, str))
    client, server = lab.cluster.pod("x/a"), lab.cluster.pod("x/b")
    told = " ".join(client.connect(server, 80, timeout=0.1).trace.explain().split())
    assert (
        "NetworkPolicy x/deny selects pod x/b for ingress and none of its rules allows it; nearest is spec.ingress[0]: port 80/TCP fits, "
        f"but {client.ip} (pod x/a) is not among from[0].podSelector role=ok; it passes after `kubectl label pod a -n x role=ok`."
        in told
    )


def test_the_sentence_stays_what_it_was_when_policies_change_later() -> None:
    lab = Lab(modes.CALICO_NONE)
    lab.set(manifests({"x/deny": IN}, str))
    trace = lab.cluster.pod("x/a").connect(lab.cluster.pod("x/b"), 80, timeout=0.1).trace
    before = trace.explain()
    lab.set([])
    lab.cluster.settle()
    assert trace.explain() == before
    assert type(trace).from_json(trace.to_json()).explain() == before
