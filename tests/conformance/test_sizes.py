"""MTUs, and the largest packet that goes through in one piece."""

from __future__ import annotations

import pytest

from podwire.cluster import Pod
from tests.conformance.modes import MODES, Lab, Mode

EVERY = pytest.mark.parametrize("mode", MODES, ids=str)
PODS = ("pod1", "pod2", "pod3", "pod4")


@EVERY
def test_mtu_of_both_ends_of_every_pods_pair(mode: Mode) -> None:
    lab = Lab.of(mode)
    for pod in lab.cluster.pods:
        for place, device in ((pod, "eth0"), (pod.node, pod.interface)):
            assert f" mtu {mode.pod_mtu} " in place.exec(f"ip link show {device}").stdout


@EVERY
def test_mtu_of_the_tunnel(mode: Mode) -> None:
    lab = Lab.of(mode)
    for node in lab.cluster.nodes:
        names = {link.name: link.mtu for link in node.place.netns.links()}
        own = {name: mtu for name, mtu in names.items() if name not in {"lo", "eth0"} and not name.startswith(PREFIXES)}
        assert own == dict(mode.links)


@EVERY
def test_the_largest_packet_between_nodes_and_one_byte_more(mode: Mode) -> None:
    lab = Lab.of(mode)
    sender = lab.cluster.pod("pod1")
    for receiver in lab.cluster.pods[2:]:
        assert sender.ping(receiver, size=mode.payload, df=True).ok
        more = sender.ping(receiver, size=mode.payload + 1, df=True)
        assert not more.ok
        assert f"ping: local error: message too long, mtu={mode.payload + 28}" in more.text


@EVERY
def test_a_packet_that_may_be_fragmented_arrives_whole(mode: Mode) -> None:
    lab = Lab.of(mode)
    sender = lab.cluster.pod("pod1")
    for receiver in lab.cluster.pods[1:]:
        assert isinstance(receiver, Pod)
        assert sender.ping(receiver, size=4000, df=False).ok


PREFIXES = ("veth", "cali", "lxc")
"""The pods' interfaces."""
