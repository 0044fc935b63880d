"""kube-proxy on the nodes of a cluster. It comes with the first Service that has an address.

Before that its rules would lead no packet anywhere, and a lab without Services shows the kernel that its CNI has made.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from podwire.kube.endpoints import EndpointSlice
from podwire.kube.service import HEADLESS, Service
from podwire.kubeproxy import KubeProxy, KubeProxyConfig

if TYPE_CHECKING:
    from podwire.cluster.pods import Kubelet
    from podwire.kube.store import Store, Stored


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
            if all(each.spec.cluster_ip in {"", HEADLESS} for each in self.services()):
                return False
            self.agent = KubeProxy(self, kube_proxy_config(self._cni), kubelet=True)
            self._kubelet.add_agent(self.agent)
        return True

    # -- kube-proxy's source ----------------------------------------------------------------------------------------

    def services(self) -> Iterable[Service]:
        """Those of the store."""
        return [each.object for each in self._store.all("Service")]

    def endpoint_slices(self) -> Iterable[EndpointSlice]:
        """Those of the store."""
        return [each.object for each in self._store.all("EndpointSlice")]


def kube_proxy_config(cni: Any) -> KubeProxyConfig:
    """What a platform says (``kube_proxy()``); else as kubeadm sets it up, with the range of the pods as ``--cluster-cidr``."""
    platform = getattr(cni, "kube_proxy", None)
    if platform is not None:
        found: KubeProxyConfig = platform()
        return found
    pools = getattr(cni, "ip_pools", ())
    return KubeProxyConfig(cluster_cidr=cni.pod_range or (str(pools[0].cidr) if pools else ""))
