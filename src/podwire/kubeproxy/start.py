"""Switches of the kernel that kube-proxy writes when it starts, and never again.

Sources: the kube-proxy sheet, 1.3; v1.30, cmd/kube-proxy/app: server_linux.go (``setupConntrack``) and conntrack.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from podwire.kubeproxy.config import SECOND, KubeProxyConfig
from podwire.linux.netlink import Netlink

CORES: Final = 2
"""Of a node. Up to four give the same, because ``--conntrack-min`` is more than 32768 for each of them."""
LIBERAL: Final = "net/netfilter/nf_conntrack_tcp_be_liberal"
_BUCKETS: Final = "net/netfilter/nf_conntrack_buckets"
_ROUTE_LOCALNET: Final = "net/ipv4/conf/all/route_localnet"


def conntrack_max(config: KubeProxyConfig, cores: int = CORES) -> int:
    """What ``nf_conntrack_max`` becomes; 0 leaves it as it is (``getConntrackMax``)."""
    return max(config.conntrack_max_per_core * cores, config.conntrack_min) if config.conntrack_max_per_core else 0


def settings(config: KubeProxyConfig) -> Iterator[tuple[str, int]]:
    """Paths and values in the order in which they are written; what a flag of 0 leaves alone is not among them."""
    wanted = (
        ("net/netfilter/nf_conntrack_max", conntrack_max(config)),
        (
            "net/netfilter/nf_conntrack_tcp_timeout_established",
            config.conntrack_tcp_timeout_established // SECOND,
        ),
        ("net/netfilter/nf_conntrack_tcp_timeout_close_wait", config.conntrack_tcp_timeout_close_wait // SECOND),
        (LIBERAL, int(config.conntrack_tcp_be_liberal)),
        ("net/netfilter/nf_conntrack_udp_timeout", config.conntrack_udp_timeout // SECOND),
        ("net/netfilter/nf_conntrack_udp_timeout_stream", config.conntrack_udp_timeout_stream // SECOND),
        (_ROUTE_LOCALNET, int(config.route_localnet)),
    )
    yield from ((path, value) for path, value in wanted if value)


def prepare(config: KubeProxyConfig, door: Netlink) -> None:
    """Write what is not so already. The hash grows with the table: a bucket for four connections at most."""
    for path, value in settings(config):
        if door.sysctl_read(path) != str(value):
            door.sysctl_write(path, str(value))
    most = conntrack_max(config)
    if most and int(door.sysctl_read(_BUCKETS)) < most // 4:
        door.sysctl_write(_BUCKETS, str(most // 4))
