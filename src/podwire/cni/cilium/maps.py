"""The maps that agent and programs share: names, keys and values (reference sheet Cilium, sections 4.0, 5.4, 7.3 and 8.6)."""

from __future__ import annotations

from typing import Final

import msgspec

from podwire.wire.addr import ANY4, NO_MAC, Ip, Mac

ENDPOINTS: Final = "cilium_lxc"
"""Address → ``EndpointInfo``: the pods of the node, and every address of the node itself."""
CALL_POLICY: Final = "cilium_call_policy"
"""Endpoint id → the program that holds its ingress policy against what is delivered to it."""
TUNNEL_MAP: Final = "cilium_tunnel_map"
"""Up to 1.17: network address of a pod CIDR → node address."""

INGRESS: Final = 0
EGRESS: Final = 1
"""Directions of a policy key."""


def ipcache_name(minor: int) -> str:
    """``cilium_ipcache_v2`` since 1.18."""
    return "cilium_ipcache_v2" if minor >= 18 else "cilium_ipcache"


def policy_name(endpoint: int) -> str:
    """``cilium_policy_v2_01234``."""
    return f"cilium_policy_v2_{endpoint:05}"


class EndpointInfo(msgspec.Struct, frozen=True, gc=False):
    """``struct endpoint_info``: a pod of this node (``mac`` is its eth0, ``node_mac`` the device ``ifindex``), or the node itself."""

    lxc_id: int = 0
    sec_id: int = 0
    ifindex: int = 0
    mac: Mac = NO_MAC
    node_mac: Mac = NO_MAC
    is_host: bool = False

    def __str__(self) -> str:
        if self.is_host:
            return "(localhost)"
        return (
            f"id={self.lxc_id:<5} sec_id={self.sec_id:<5} flags=0x0000 ifindex={self.ifindex:<3} "
            f"mac={str(self.mac).upper()} nodemac={str(self.node_mac).upper()} parent_ifindex=0  "
        )


class RemoteEndpoint(msgspec.Struct, frozen=True, gc=False):
    """``struct remote_endpoint_info``: who is behind a prefix, and behind which node."""

    sec_identity: int
    tunnel_endpoint: Ip = ANY4
    has_tunnel: bool = False
    skip_tunnel: bool = False
    encrypt_key: int = 0

    @property
    def flags(self) -> str:
        """``hastunnel``, ``skiptunnel,hastunnel`` or ``<none>``, as 1.18 prints them."""
        names = [name for name, on in (("skiptunnel", self.skip_tunnel), ("hastunnel", self.has_tunnel)) if on]
        return ",".join(names) or "<none>"

    def __str__(self) -> str:
        return (
            f"identity={self.sec_identity} encryptkey={self.encrypt_key} "
            f"tunnelendpoint={self.tunnel_endpoint} flags={self.flags}"
        )


class PolicyKey(msgspec.Struct, frozen=True, gc=False):
    """``struct policy_key``: an identity (0 is any), a direction, and how much of protocol and port counts.

    ``plen`` is 0 (any), 8 (the protocol alone) or 8 and the bits of the port that count, 24 for one port.
    """

    identity: int
    direction: int
    plen: int = 0
    proto: int = 0
    dport: int = 0


class PolicyEntry(msgspec.Struct, frozen=True, gc=False):
    """``struct policy_entry``."""

    deny: bool = False
    proxy_port: int = 0
    priority: int = 0
