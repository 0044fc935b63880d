"""What Felix has written step by step is what it writes into an empty kernel; reconciling twice changes nothing; damage is mended."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podwire.cluster import Cluster, Node
from podwire.cni.calico.config import Calico, IPPool
from podwire.linux.netlink import Netlink

_TABLES = ("raw", "mangle", "nat", "filter")
_VERBS = ("iptables_restore", "ipset_create", "ipset_add", "ipset_del", "ipset_flush", "ipset_destroy")
_APPS = ("web", "db", "job")
_VARIABLE = re.compile(r" (initval|hashsize|bucketsize) \w+")
_DAMAGE = (
    "iptables -F",
    "iptables -t raw -F",
    "iptables -t nat -D POSTROUTING 1",
    "iptables -D FORWARD 2",
    "iptables -A cali-FORWARD -j DROP",
    "iptables -N cali-strange",
    "iptables -F cali-INPUT",
    "ipset flush cali40all-ipam-pools",
    "ipset add cali40all-ipam-pools 198.51.100.0/24",
    "ipset create cali40stale hash:net",
)


def _state(node: Node) -> tuple[list[str], list[str]]:
    """Felix's rules, table by table, and its sets."""
    rules = [
        line for table in _TABLES for line in node.exec(f"iptables -t {table} -S").stdout.splitlines() if "cali" in line
    ]
    sets = _VARIABLE.sub("", node.exec("ipset save").stdout).splitlines()
    return rules, sorted(line for line in sets if "cali" in line)


def _policy(number: int, app: int, peer: int, port: int) -> dict[str, Any]:
    rule: dict[str, Any] = {"from": [{"podSelector": {"matchLabels": {"app": _APPS[peer]}}}]}
    if port:
        rule["ports"] = [{"port": 8000 + port}]
    spec: dict[str, Any] = {"podSelector": {"matchLabels": {"app": _APPS[app]}}, "ingress": [rule]}
    if port == 2:
        spec["egress"] = [{"to": [{"namespaceSelector": {"matchLabels": {"team": "red"}}}]}]
        spec["policyTypes"] = ["Ingress", "Egress"]
    meta = {"name": f"p{number}", "namespace": "default"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}


def _step(cluster: Cluster, names: set[str], kind: int, one: int, other: int) -> None:
    node = cluster.nodes[one % 2]
    pods = cluster.pods
    if kind <= 1:
        cluster.apply(_policy(one, other % 3, one % 3, other))
        names.add(f"p{one}")
    elif kind == 2 and f"p{one}" in names:
        cluster.delete({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": f"p{one}"}})
        names.remove(f"p{one}")
    elif kind == 3 and len(pods) < 6:
        name = next(each for each in map("n{}".format, range(9)) if each not in {pod.spec.name for pod in pods})
        cluster.run(name, node=node.name, labels={"app": _APPS[other]})
    elif kind == 4 and pods:
        pods[one % len(pods)].delete()
    elif kind == 5:
        labels = ({"team": "red"}, {"team": "blue"}, {})[other]
        cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default", "labels": labels}})
    elif kind == 6:
        node.agent("felix").restart()
    elif kind == 7:
        node.exec(_DAMAGE[(one * 3 + other) % len(_DAMAGE)])


def _cluster() -> Cluster:
    return Cluster(Calico(ip_pools=(IPPool("10.48.0.0/24", block_size=28, vxlan_mode="Always"),)), nodes=2)


def _check(steps: list[tuple[int, int, int]]) -> None:
    cluster = _cluster()
    names: set[str] = set()
    for kind, one, other in steps:
        _step(cluster, names, kind, one, other)
    cluster.sleep(95)
    found = [_state(node) for node in cluster.nodes]
    for node in cluster.nodes:
        with ExitStack() as refused:
            for verb in _VERBS:
                refused.enter_context(
                    mock.patch.object(Netlink, verb, side_effect=AssertionError(f"{verb} at a restart"))
                )
            node.agent("felix").restart()
        for table in _TABLES:
            assert not node.exec(f"iptables -t {table} -F").exit_code
            assert not node.exec(f"iptables -t {table} -X").exit_code
        assert not node.exec("ipset destroy").exit_code
        node.agent("felix").restart()
    assert found == [_state(node) for node in cluster.nodes]


_STEPS = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 3), st.integers(0, 2)), max_size=12)


@settings(max_examples=25, deadline=None)
@given(_STEPS)
def test_steps_lead_where_an_empty_kernel_is_led(steps: list[tuple[int, int, int]]) -> None:
    _check(steps)


@pytest.mark.slow
@settings(max_examples=1000, deadline=None)
@given(_STEPS)
def test_steps_lead_where_an_empty_kernel_is_led_long(steps: list[tuple[int, int, int]]) -> None:
    _check(steps)


@pytest.mark.parametrize("command", _DAMAGE)
def test_what_somebody_damages_is_mended_by_the_refresh(command: str) -> None:
    """IptablesRefreshInterval and IpsetsRefreshInterval: 90 s; not before, and no restart is needed."""
    cluster = _cluster()
    cluster.run("a", node="node1", labels={"app": "web"})
    cluster.apply(_policy(0, 0, 1, 1))
    node = cluster.nodes[0]
    whole = _state(node)
    assert not node.exec(command).exit_code
    damaged = _state(node)
    assert damaged != whole
    cluster.sleep(95)
    assert _state(node) == whole


def test_a_rule_that_somebody_puts_first_stands_behind_the_jump_after_the_refresh() -> None:
    cluster = _cluster()
    node = cluster.nodes[0]
    node.exec("iptables -I FORWARD -s 192.0.2.1 -j ACCEPT")
    assert "192.0.2.1" in node.exec("iptables -S FORWARD").stdout.splitlines()[1]
    cluster.sleep(95)
    assert "-j cali-FORWARD" in node.exec("iptables -S FORWARD").stdout.splitlines()[1]


def test_a_set_that_somebody_else_uses_stays_until_it_is_free() -> None:
    cluster = _cluster()
    cluster.run("a", node="node1", labels={"app": "web"})
    cluster.apply(_policy(0, 0, 1, 0))
    node = cluster.nodes[0]
    name = next(line.split()[1] for line in node.exec("ipset save").stdout.splitlines() if "create cali40s:" in line)
    node.exec(f"iptables -t mangle -A INPUT -m set --match-set {name} src")
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "p0"}}
    cluster.delete(policy)
    cluster.told()
    assert name in node.exec("ipset save").stdout
    node.exec("iptables -t mangle -D INPUT 1")
    cluster.sleep(95)
    assert name not in node.exec("ipset save").stdout


def test_felix_starts_again_and_no_answer_is_lost() -> None:
    cluster = _cluster()
    a = cluster.run("a", node="node1", labels={"app": "web"})
    b = cluster.run("b", node="node2", labels={"app": "db"})
    cluster.apply(_policy(0, 0, 1, 0))
    for _ in range(5):
        assert b.ping(a).ok
        cluster.nodes[0].agent("felix").restart()
        assert b.ping(a).ok
        cluster.nodes[1].agent("felix").restart()
