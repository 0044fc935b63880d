"""The devices that Cilium selects, and the MTUs that follow from them (reference sheet Cilium, 1.4, 1.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from podwire.cni.cilium.config import Cilium

if TYPE_CHECKING:
    from podwire.cni.backend import NodeSpec
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.wire.addr import Ip

HOST: Final = "cilium_host"
NET: Final = "cilium_net"
TUNNELS: Final = ("cilium_vxlan", "cilium_geneve")
HEALTH: Final = "lxc_health"
_EXCLUDED: Final = ("cilium_", "lo", "lxc", "cni", "docker", "cali", "veth")
_DEFAULT_MTU: Final = 1500


def selected(netns: Netns, config: Cilium) -> list[Link]:
    """The physical devices: those of ``devices`` (``eth+`` is a prefix), else all that are up, have an address and no excluded prefix."""
    links = [
        link
        for link in netns.links()
        if not link.name.startswith(_EXCLUDED) and link.master is None and not link.headerless
    ]
    if config.devices:
        return [link for link in links if any(_matches(link.name, pattern) for pattern in config.devices)]
    return [link for link in links if link.is_up and any(address.scope == 0 for address in link.addresses)]


def _matches(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("+") else name == pattern


class Mtu(msgspec.Struct, frozen=True):
    """``device`` of lxc, eth0 in pods, cilium_host, cilium_net and the tunnel; ``route`` of default routes in pods and to pod CIDRs."""

    device: int
    route: int


def mtu_of(node: NodeSpec, config: Cilium) -> Mtu:
    """The value that was set, else the least MTU of the selected devices, dummies apart."""
    links = selected(node.machine.root.netns, config)
    base = config.mtu or min((link.mtu for link in links if link.kind != "dummy"), default=_DEFAULT_MTU)
    return Mtu(base, base - config.overhead)


def local_addresses(netns: Netns) -> list[Ip]:
    """Every address of the node itself but those of ``lo``, each once, in device order."""
    return list(dict.fromkeys(address.local for link, address in netns.addresses() if not link.is_loopback))
