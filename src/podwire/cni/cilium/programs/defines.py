"""What the agent compiles into its programs: the configuration of the node, and of one pod."""

from __future__ import annotations

import msgspec

from podwire.wire.addr import NO_MAC, Ip, Mac, Net


class NodeDefines(msgspec.Struct, frozen=True, kw_only=True):
    """``node_config.h``. ``tunnel_ifindex`` 0 is native routing; ``ipcache`` names the map of the version.

    ``snat_exclusion`` is the range whose addresses are never masqueraded; ``skip_fib`` is the one device that there is
    (ENABLE_SKIP_FIB), 0 where there are more.
    """

    ipcache: str
    tunnel: str = ""
    tunnel_ifindex: int = 0
    host_routing: bool = False
    routing: bool = True
    """ENABLE_ROUTING: not with endpoint routes."""
    nodeport: bool = False
    """ENABLE_NODEPORT: kube-proxy is replaced."""
    skip_fib: int = 0
    bpf_masquerade: bool = False
    iptables_masquerade: bool = False
    snat_exclusion: Net | None = None
    tunnel_map: bool = False
    """Up to 1.17 what no ipcache entry names is looked for in ``cilium_tunnel_map``, by this mask length."""
    pod_cidr_length: int = 24
    host_ifindex: int = 0
    """cilium_net: what goes to the host is sent out there, and comes in by cilium_host."""
    host_mac: Mac = NO_MAC
    """Of cilium_host."""
    net_mac: Mac = NO_MAC
    """Of cilium_net."""


class LxcDefines(msgspec.Struct, frozen=True, kw_only=True):
    """``ep_config.h`` of one pod, beside the node's. ``sec_label`` is its identity, ``node_mac`` the host's end of its veth."""

    node: NodeDefines
    lxc_id: int
    ip: Ip
    sec_label: int
    ifindex: int
    mac: Mac
    node_mac: Mac


class NetdevDefines(msgspec.Struct, frozen=True, kw_only=True):
    """Of a physical device: the address that is put in the place of a pod's, None where it has none."""

    node: NodeDefines
    masquerade: Ip | None = None
