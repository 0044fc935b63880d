"""A cluster with Calico, an IP in IP pool, and its operator."""

from collections.abc import Callable

import pytest

from podwire import Calico, Cluster, IPPool

Type = Callable[..., str]
NODES = ("k8s-master", "k8s-node1", "k8s-node2")


@pytest.fixture
def lab() -> Cluster:
    pool = IPPool("10.96.0.0/12", ipip_mode="Always", nat_outgoing=True)
    cluster = Cluster(Calico(ip_pools=[pool]))
    cluster.add_network("lan", "192.168.56.0/24")
    for number, name in enumerate(NODES):
        cluster.add_node(name, f"192.168.56.{100 + number}/24", network="lan")
    cluster.run("pod-a", node="k8s-node1")
    return cluster


@pytest.fixture
def calicoctl(lab: Cluster) -> Type:
    """Types a command; what it prints, both streams, with ``[STATUS]`` behind it where that is not 0."""

    def type_(command: str, stdin: str = "", place: str = "") -> str:
        where = lab.node(place) if place else lab.workstation
        result = where.exec(f"calicoctl {command}", stdin=stdin)
        return result.output + (f"[{result.exit_code}]" if result.exit_code else "")

    return type_
