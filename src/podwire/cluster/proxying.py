"""kube-proxy on the nodes of a cluster. It comes with the first Service that has an address, beside that of the API server.

Before that its rules would lead no packet anywhere, and a lab without Services shows the kernel that its CNI has made.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from podwire.cluster.serving.kube_proxy import NodeHealth
from podwire.kube.endpoints import EndpointSlice
from podwire.kube.service import HEADLESS, Service
from podwire.kubeproxy import KubeProxy, KubeProxyConfig

if TYPE_CHECKING:
    from podwire.cluster.pods import Kubelet
    from podwire.cni.backend import NodeSpec, View
    from podwire.kube.store import Store, Stored
    from podwire.linux.netlink import Netlink

_LOG: Final = "/var/log/kube-proxy.log"
_GOING: Final = "ToBeDeletedByClusterAutoscaler"


class Proxying:
    """Tells kube-proxy of what is in the store. ``cni`` are the cluster's settings: they say with which flags it runs, and whether."""

    def __init__(self, kubelet: Kubelet, store: Store, cni: Any) -> None:
        self._kubelet = kubelet
        self._store = store
        self._cni = cni
        self._seen: tuple[Stored, ...] = ()
        self.agent: KubeProxy | None = None

    @property
    def possible(self) -> bool:
        """Not where the CNI does its work (Cilium's ``kube_proxy_replacement``)."""
        return not getattr(self._cni, "kube_proxy_replacement", False)

    def look(self) -> bool:
        """See what has changed; True where the agents have to hear of it."""
        if not self.possible:
            return False
        seen = (*self._store.all("Service"), *self._store.all("EndpointSlice"))
        if seen == self._seen:
            return False
        self._seen = seen
        if self.agent is None:
            if all(each.spec.cluster_ip in {"", HEADLESS} or _own(each) for each in self.services()):
                return False
            self.agent = _Agent(self._kubelet, self._store, self, kube_proxy_config(self._cni))
            self._kubelet.add_agent(self.agent)
        return True

    # -- kube-proxy's source ----------------------------------------------------------------------------------------

    def services(self) -> Iterable[Service]:
        """Those of the store."""
        return [each.object for each in self._store.all("Service")]

    def endpoint_slices(self) -> Iterable[EndpointSlice]:
        """Those of the store."""
        return [each.object for each in self._store.all("EndpointSlice")]


class _Agent(KubeProxy):
    """kube-proxy with the servers that tell how it is."""

    def __init__(self, kubelet: Kubelet, store: Store, source: Proxying, config: KubeProxyConfig) -> None:
        super().__init__(source, config, kubelet=True)
        self._network = kubelet.network
        self._store = store
        self._health: dict[str, NodeHealth] = {}

    def program(self, node: NodeSpec, door: Netlink, view: View) -> None:
        """Sync the rules, then the ports on which Services are asked for their health."""
        super().program(node, door, view)
        if node.machine.image.name == "cos":
            # On GKE it is a static pod that writes to a file of its node.
            node.machine.root.virtual[_LOG] = lambda: "".join(f"{line}\n" for line in self.log(node.name))
        health = self._health.get(node.name)
        if health is None:
            health = self._health[node.name] = NodeHealth(
                self._network, node, lambda: self.health_checks(node.name), lambda: self._eligible(node.name)
            )
        health.sync()

    def _eligible(self, name: str) -> bool:
        """Not while the autoscaler is about to delete the node."""
        node = self._store.get("Node", name)
        taints = node.document["spec"].get("taints") or () if node is not None else ()
        return all(each["key"] != _GOING for each in taints)


def _own(service: Service) -> bool:
    """The Service of the API server, which every cluster has."""
    return (service.metadata.namespace, service.metadata.name) == ("default", "kubernetes")


def kube_proxy_config(cni: Any) -> KubeProxyConfig:
    """What a platform says (``kube_proxy()``); else as kubeadm sets it up, with the range of the pods as ``--cluster-cidr``."""
    platform = getattr(cni, "kube_proxy", None)
    if platform is not None:
        found: KubeProxyConfig = platform()
        return found
    pools = getattr(cni, "ip_pools", ())
    return KubeProxyConfig(cluster_cidr=cni.pod_range or (str(pools[0].cidr) if pools else ""))
