"""Settings of Calico, by their documented names in snake case."""

from __future__ import annotations

from typing import Literal

import msgspec

from podwire.errors import ConfigError, NotModelled


class IPPool(msgspec.Struct, frozen=True):
    """An IPPool: ``cidr`` and the options of its spec (reference sheet Calico, section 2.1)."""

    cidr: str
    name: str = "default-ipv4-ippool"
    block_size: int = 26
    ipip_mode: Literal["Always", "CrossSubnet", "Never"] = "Never"
    vxlan_mode: Literal["Always", "CrossSubnet", "Never"] = "Never"
    nat_outgoing: bool = False
    node_selector: str = "all()"
    disabled: bool = False


class Calico(msgspec.Struct, frozen=True):
    """The backend's configuration.

    ``backend`` is CALICO_NETWORKING_BACKEND; ``mtu`` the CNI configuration's value (0: detected from the node's
    NICs). What does not work yet raises ``NotModelled`` when the cluster is made, never later.
    """

    ip_pools: tuple[IPPool, ...] = ()
    backend: Literal["bird", "vxlan", "none"] = "bird"
    ipam: Literal["calico-ipam", "host-local"] = "calico-ipam"
    mtu: int = 0
    interface_prefix: str = "cali"

    def check(self) -> None:
        """Raise ``NotModelled`` or ``ConfigError`` for settings that cannot be had."""
        if self.backend not in {"bird", "vxlan", "none"}:
            raise ConfigError("Calico", f"backend={self.backend!r}: expected 'bird', 'vxlan' or 'none'")
        if self.ipam not in {"calico-ipam", "host-local"}:
            raise ConfigError("Calico", f"ipam={self.ipam!r}: expected 'calico-ipam' or 'host-local'")
        if self.backend != "none":
            raise NotModelled(f"Calico(backend={self.backend!r}); so far only backend='none'")
        if self.ipam != "host-local":
            raise NotModelled(f"Calico(ipam={self.ipam!r}); so far only ipam='host-local'")
        if self.ip_pools:
            raise NotModelled("Calico(ip_pools=…); so far only ipam='host-local' with the nodes' pod CIDRs")
        if len(self.interface_prefix) != 4:
            raise ConfigError("Calico", f"interface_prefix={self.interface_prefix!r}: expected four characters")
