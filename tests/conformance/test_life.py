"""Restarts, deletion and creation anew: nothing changes that should not, nothing is left behind."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from podwire.cluster import Cluster, Pod
from podwire.linux.rtnl.notify import Message
from podwire.wire.addr import Mac
from tests.conformance.modes import MODES, Lab, Mode, way_back
from tests.conformance.state import learned, state

EVERY = pytest.mark.parametrize("mode", MODES, ids=str)


def _talk(lab: Lab) -> None:
    """Every kind of pair that the mode has."""
    for kind in lab.mode.kinds:
        sender, receiver = lab.pair(kind)
        assert sender.ping(receiver).ok, kind


@EVERY
def test_a_restart_of_all_agents_changes_nothing(mode: Mode) -> None:
    lab = Lab.of(mode)
    _talk(lab)
    before = {node.name: state(node) for node in lab.cluster.nodes}
    told: list[Message] = []
    for node in lab.cluster.nodes:
        node.machine.listeners.append(told.append)

    for node in lab.cluster.nodes:
        for agent in lab.cluster.backend.agents:
            node.agent(agent.name).restart()

    assert {node.name: state(node) for node in lab.cluster.nodes} == before
    assert told == [], "no kernel was asked to change anything"
    _talk(lab)


@EVERY
def test_pods_that_are_gone_leave_nothing_but_what_the_sheet_says(mode: Mode) -> None:
    cluster = mode.build()
    before = {node.name: state(node) for node in cluster.nodes}
    lab = Lab.with_pods(mode, cluster)
    _talk(lab)
    addresses = {str(pod.ip) for pod in cluster.pods}

    for pod in cluster.pods:
        pod.delete()

    for node in cluster.nodes:
        after = state(node)
        assert [text for text in before[node.name] if text not in after] == []
        more = [text for text in after if text not in before[node.name]]
        assert [text for text in more if not any(fnmatchcase(text, pattern) for pattern in mode.stays)] == []
        assert not addresses & learned(node)
    # And the next pods find nothing in their way.
    _talk(Lab.with_pods(mode, cluster))


@EVERY
def test_a_pod_that_comes_back_is_reached_at_once(mode: Mode) -> None:
    lab = Lab.of(mode)
    cluster = lab.cluster
    _talk(lab)
    old = cluster.pod("pod2")
    index = _ifindex(cluster, "pod2")
    last = max(int(pod.ip) for pod in cluster.pods if pod.node is old.node and pod.ip is not None)

    old.delete()
    new = cluster.run("pod2", node="w1")
    way_back(cluster, new)

    assert _ifindex(cluster, "pod2") > index
    assert new.ip is not None
    if mode.next_address:
        assert int(new.ip) == last + 1
    assert [pod.name for pod in cluster.pods if pod.ip == new.ip] == ["default/pod2"]
    for name in ("pod1", "pod3", "w1", "w2"):
        assert cluster.machine(name).ping(new).ok, name
    assert new.ping("pod3").ok


@EVERY
def test_an_address_that_comes_back_with_another_mac_is_reached_at_once(mode: Mode) -> None:
    lab = Lab.of(mode)
    cluster = lab.cluster
    _talk(lab)
    old = cluster.pod("pod2")
    address, mac = old.ip, _mac(old)
    old.delete()
    for _ in range(300):
        new = cluster.run("pod2", node="w1")
        if new.ip == address:
            break
        new.delete()
    assert new.ip == address
    assert _mac(new) != mac
    way_back(cluster, new)

    for name in ("pod1", "pod3", "w1", "w2"):
        assert cluster.machine(name).ping(new).ok, name
    assert new.ping("pod1").ok


def _ifindex(cluster: Cluster, pod: str) -> int:
    handle = cluster.pod(pod)
    link = handle.node.place.netns.link(handle.interface)
    assert link is not None
    return link.ifindex


def _mac(pod: Pod) -> Mac:
    link = pod.place.netns.link("eth0")
    assert link is not None
    return link.mac
