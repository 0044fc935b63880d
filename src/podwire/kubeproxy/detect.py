"""What a node takes for its own pods' traffic: ``--detect-local-mode`` (kube-proxy sheet, 1.8)."""

from __future__ import annotations

import msgspec

from podwire.kubeproxy.config import BRIDGE_INTERFACE, CLUSTER_CIDR, INTERFACE_NAME_PREFIX, NODE_CIDR, KubeProxyConfig
from podwire.wire.addr import Net


class LocalDetector(msgspec.Struct, frozen=True):
    """Two matches as iptables-restore reads them: packets of local pods, and all others. Both are empty where nothing can be told."""

    if_local: str = ""
    if_not_local: str = ""

    def __bool__(self) -> bool:
        return bool(self.if_local)


def local_detector(config: KubeProxyConfig, family: int, pod_cidr: Net | None) -> LocalDetector:
    """The detector of a node; ``pod_cidr`` is its ``spec.podCIDR``. Without a range of the family nothing is told apart."""
    match config.detect_local_mode:
        case mode if mode == CLUSTER_CIDR:
            net = next((each for each in config.cluster_cidrs if each.family == family), None)
        case mode if mode == NODE_CIDR:
            net = pod_cidr if pod_cidr is not None and pod_cidr.family == family else None
        case mode if mode == BRIDGE_INTERFACE:
            return LocalDetector(f"-i {config.pod_bridge_interface}", f"! -i {config.pod_bridge_interface}")
        case mode if mode == INTERFACE_NAME_PREFIX:
            return LocalDetector(f"-i {config.pod_interface_name_prefix}+", f"! -i {config.pod_interface_name_prefix}+")
    return LocalDetector(f"-s {net}", f"! -s {net}") if net is not None else LocalDetector()
