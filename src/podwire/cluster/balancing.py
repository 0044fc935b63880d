"""Load balancers of a cluster's cloud: what its service controller needs to know of the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podwire.fabric.cloud import GcpVpc
from podwire.platform.gke import GKE
from podwire.platform.gke.balancing import ServiceController

if TYPE_CHECKING:
    from podwire.cluster import Cluster
    from podwire.cluster.proxying import Proxying
    from podwire.kube.events import Recorder
    from podwire.kube.store import Store

_OK = 200


def balancing_of(cluster: Cluster, store: Store, recorder: Recorder, proxying: Proxying) -> ServiceController | None:
    """GKE's; None for a cluster without a cloud controller manager: there a Service waits for its balancer for ever."""
    if not isinstance(cluster.cni, GKE):
        return None

    def vpc() -> GcpVpc | None:
        names = {node.name for node in cluster.nodes}
        for network in cluster.networks:
            if isinstance(network, GcpVpc) and any(nic.vm in names for nic in network.nics):
                return network
        return None

    def well(node: str, port: int) -> bool:
        checks = proxying.agent.health_checks(node) if proxying.agent is not None else {}
        return port in checks and checks[port].status() == _OK

    return ServiceController(store, recorder, vpc, well, cluster.cni.node_tag)
