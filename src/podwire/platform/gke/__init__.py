"""GKE: VMs in a VPC, COS images, alias ranges.

Composed with the reference plugins or with Calico (reference sheet kube-proxy and GKE, section 3; Calico, section 7).
"""

from podwire.platform.gke.agent import IpMasqAgent
from podwire.platform.gke.config import GKE, MTU
from podwire.platform.gke.node import lease, start_node

__all__ = ["GKE", "MTU", "IpMasqAgent", "lease", "start_node"]
