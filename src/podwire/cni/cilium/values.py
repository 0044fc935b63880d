"""Helm values: from ``bpf: {masquerade: true}`` to the fields of ``Cilium``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "version": "version",
        "routingMode": "routing_mode",
        "tunnelProtocol": "tunnel_protocol",
        "tunnelPort": "tunnel_port",
        "autoDirectNodeRoutes": "auto_direct_node_routes",
        "directRoutingSkipUnreachable": "direct_routing_skip_unreachable",
        "ipv4NativeRoutingCIDR": "ipv4_native_routing_cidr",
        "ipam.mode": "ipam_mode",
        "ipam.operator.clusterPoolIPv4PodCIDRList": "ipam_operator_cluster_pool_ipv4_pod_cidr_list",
        "ipam.operator.clusterPoolIPv4MaskSize": "ipam_operator_cluster_pool_ipv4_mask_size",
        "kubeProxyReplacement": "kube_proxy_replacement",
        "enableIPv4Masquerade": "enable_ipv4_masquerade",
        "bpf.masquerade": "bpf_masquerade",
        "bpf.hostLegacyRouting": "bpf_host_legacy_routing",
        "endpointRoutes.enabled": "endpoint_routes_enabled",
        "installNoConntrackIptablesRules": "install_no_conntrack_iptables_rules",
        "healthChecking": "health_checking",
        "endpointHealthChecking.enabled": "endpoint_health_checking_enabled",
        "l7Proxy": "l7_proxy",
        "devices": "devices",
        "MTU": "mtu",
        "operator.replicas": "operator_replicas",
        "debug.enabled": "debug_enabled",
    }
)
"""The chart's values that podwire knows, and the field of each. ``version`` is that of the chart."""
