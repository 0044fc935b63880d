"""Captures across devices with a MAC header and without."""

from __future__ import annotations

import pytest

from podwire.cluster import Cluster, Pod
from podwire.cni.calico.config import Calico, IPPool
from podwire.errors import PodwireError
from podwire.wire.headers import Ethernet


@pytest.fixture
def pods() -> tuple[Cluster, Pod, Pod]:
    """Two pods on two nodes, IPIP between them."""
    lab = Cluster(Calico(ip_pools=(IPPool("10.244.0.0/16", ipip_mode="Always"),)), nodes=2)
    lab.add_router("router", {"lan": "192.168.10.1"})
    return lab, lab.run("a", node="node1"), lab.run("b", node="node2")


def test_a_device_of_ip_in_ip_is_printed_from_its_ip_header_on(pods: tuple[Cluster, Pod, Pod]) -> None:
    lab, a, b = pods
    with lab.capture("node1:tunl0") as capture:
        a.ping(b)
    assert [line.partition(" ")[2] for line in capture.text().splitlines()] == [
        f"IP {a.ip} > {b.ip}: ICMP echo request, id 8, seq 1, length 64",
        f"IP {b.ip} > {a.ip}: ICMP echo reply, id 8, seq 1, length 64",
    ]


def test_a_filter_reads_each_frame_from_its_own_first_header(pods: tuple[Cluster, Pod, Pod]) -> None:
    lab, a, b = pods
    with lab.capture("node1:*", filter="icmp[icmptype] == icmp-echo") as echoes:
        a.ping(b)
    assert [frame.device for frame in echoes.frames] == [f"node1:{a.interface}", "node1:tunl0"]
    with lab.capture("node1:*", filter="ip proto 4") as outside:
        a.ping(b)
    assert {frame.device for frame in outside.frames} == {"node1:eth0"}


@pytest.mark.parametrize("text", ["arp", "ether src ee:ee:ee:ee:ee:ee"])
def test_a_filter_by_mac_or_for_arp_passes_nothing_of_a_device_that_has_none(
    pods: tuple[Cluster, Pod, Pod], text: str
) -> None:
    lab, a, b = pods
    with lab.capture("node1:*", filter=text) as capture:
        a.ping(b)
    assert capture.frames
    assert all(isinstance(frame.frame.layers[0], Ethernet) for frame in capture.frames)


def test_what_is_no_filter_is_refused_at_once(pods: tuple[Cluster, Pod, Pod]) -> None:
    with pytest.raises(PodwireError, match="capture filter 'icmp or or'"):
        pods[0].capture(filter="icmp or or")
