"""kube-proxy in iptables mode, v1.30 (reference sheet kube-proxy and GKE, section 1).

``objects`` takes Services and EndpointSlices in, ``categorize`` chooses endpoints, ``portrules`` and ``fixed`` write rules, ``iptables``
puts a sync together; all of these are pure. ``agent`` brings it to the nodes.
"""

from podwire.kubeproxy.agent import FixedObjects, KubeProxy, ServiceSource
from podwire.kubeproxy.config import KubeProxyConfig
from podwire.kubeproxy.iptables import Renderer, Surroundings, Sync

__all__ = ["FixedObjects", "KubeProxy", "KubeProxyConfig", "Renderer", "ServiceSource", "Surroundings", "Sync"]
