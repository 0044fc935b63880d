"""What an outside host sees of a pod. Where nodes do not translate addresses yet (Cilium) it is expected to fail, and will say so when it does not."""

from __future__ import annotations

import pytest

from podwire.cluster import Pod
from podwire.wire.headers import IPv4
from tests.conformance.modes import MODES, Lab, Mode

_NOT_YET = pytest.mark.xfail(strict=True, raises=AssertionError, reason="Cilium does not masquerade yet")


@pytest.mark.parametrize(
    "mode", [pytest.param(mode, marks=_NOT_YET if mode.name.startswith("cilium") else ()) for mode in MODES], ids=str
)
def test_an_outside_host_sees_the_nodes_address(mode: Mode) -> None:
    lab = Lab.with_pods(mode, (mode.translating or mode.build)())
    pod, client = lab.pair("pod to outside")
    assert isinstance(pod, Pod)
    with lab.cluster.capture("client:eth0", filter="icmp") as capture:
        ping = pod.ping(client)
    sources = {str(header.src) for frame in capture.frames if (header := frame.frame.find(IPv4)) is not None}
    assert sources == {mode.outside, str(client.ip)}
    assert ping.ok


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_an_outside_host_is_reached_by_the_node(mode: Mode) -> None:
    lab = Lab.of(mode)
    assert lab.cluster.node("w1").ping(lab.cluster.host("client")).ok
