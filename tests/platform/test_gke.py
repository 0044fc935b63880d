"""GKE (reference sheet kube-proxy and GKE, section 3): the node, and what the VPC does with pods' packets."""

from __future__ import annotations

import pytest

from podwire.cluster import Cluster
from podwire.errors import ConfigError
from podwire.platform.gke import GKE

DATAPLANES = pytest.mark.parametrize("dataplane", ["ptp", "calico"])


def test_ptp_is_the_default() -> None:
    assert GKE() == GKE(dataplane="ptp")
    with pytest.raises(ConfigError, match="expected 'ptp' or 'calico'"):
        Cluster(GKE(dataplane="antrea"))  # type: ignore[arg-type]


def test_node_routes_of_section_3_1_and_switches_of_section_3_5() -> None:
    lab = Cluster(GKE())
    node = lab.add_node("node1", "10.0.0.24")

    assert [line.rstrip() for line in node.exec("ip route").stdout.splitlines()] == [
        "default via 10.0.0.1 dev eth0 proto dhcp src 10.0.0.24 metric 1024",
        "10.0.0.1 dev eth0 proto dhcp scope link src 10.0.0.24 metric 1024",
        "169.254.123.0/24 dev docker0 proto kernel scope link src 169.254.123.1 linkdown",
        "169.254.169.254 via 10.0.0.1 dev eth0 proto dhcp src 10.0.0.24 metric 1024",
    ]
    assert node.exec("sysctl -n net.ipv4.ip_forward net.ipv4.conf.all.route_localnet").stdout == "1\n1\n"
    assert "link/ether 42:01:0a:00:00:18 " in node.exec("ip link show eth0").stdout


@DATAPLANES
def test_the_vpc_takes_no_ttl_between_nodes(dataplane: str) -> None:
    lab = Cluster(GKE(dataplane=dataplane), nodes=2)  # type: ignore[arg-type]
    one, two = lab.run("a", node="node1"), lab.run("b", node="node2")
    assert (one.ping(two).ttl, lab.node("node1").ping(two).ttl, one.ping(lab.node("node2")).ttl) == (62, 63, 63)
