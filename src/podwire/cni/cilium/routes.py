"""Routes of a node, and the test of autoDirectNodeRoutes (reference sheet Cilium, 1.9 and 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from podwire.cni.backend import DesiredRoute
from podwire.cni.cilium.devices import HOST
from podwire.linux.fib import RT_TABLE_MAIN, RTPROT_KERNEL
from podwire.linux.link import SCOPE_LINK
from podwire.trace.events import Owner
from podwire.wire.addr import ANY4, Ip, Net

if TYPE_CHECKING:
    from podwire.cni.cilium.config import Cilium
    from podwire.cni.cilium.state import NodeState
    from podwire.linux.netlink import Netlink
    from podwire.linux.netns import Netns

_HANDLER: Final = "linux-node-datapath"


class Refused(msgspec.Struct, frozen=True):
    """A node whose pod CIDR gets no direct route, and what the agent says about it."""

    lines: tuple[str, ...]


def node_route(prefix: Net, router: Ip, mtu: int = 0, *, node: str = "") -> DesiredRoute:
    """``<prefix> via R dev cilium_host proto kernel src R [mtu M]``."""
    owner = Owner("cilium-agent", f"Node {node}" if node else "")
    return DesiredRoute(dst=prefix, dev=HOST, via=router, proto=RTPROT_KERNEL, src=router, mtu=mtu, owner=owner)


def router_route(router: Ip) -> DesiredRoute:
    """``R dev cilium_host proto kernel scope link``, which goes before every route by R."""
    owner = Owner("cilium-agent")
    return DesiredRoute(dst=Net(router, router.bits), dev=HOST, scope=SCOPE_LINK, proto=RTPROT_KERNEL, owner=owner)


def direct_route(door: Netlink, config: Cilium, remote: NodeState) -> DesiredRoute | Refused:
    """``installDirectRoute``: by the node itself, if the kernel reaches its address without a gateway."""
    ip, prefix = remote.internal_ip, remote.cidr
    found = door.route_get(ip)
    if found is None:
        return Refused(_failed(remote, f"unable to lookup route for node {ip}: no route found"))
    if found.gateway is not None and found.gateway not in {ANY4, ip}:
        if config.direct_routing_skip_unreachable:
            what = "route to destination contains gateway, skipping route as not directly reachable"
            return Refused((f'level=warn msg="{what}" nodeIP={ip} gatewayIP={found.gateway}',))
        error = (
            f"route to destination {ip} contains gateway {found.gateway}, must be directly reachable. "
            "Add `direct-routing-skip-unreachable` to skip unreachable routes"
        )
        return Refused(_failed(remote, error))
    owner = Owner("cilium-agent", f"Node {remote.name}", "autoDirectNodeRoutes")
    return DesiredRoute(dst=prefix, dev=found.local_dev or found.dev, via=ip, proto=RTPROT_KERNEL, owner=owner)


def _failed(remote: NodeState, error: str) -> tuple[str, str]:
    route = f"{{Ifindex: 0 Dst: {remote.cidr} Src: <nil> Gw: {remote.internal_ip} Flags: [] Table: 0 Realm: 0}}"
    outer = f"failed to enable direct routes for ipv4: {error}"
    handler = (
        "Failed to handle node update event while applying handler. "
        "Cilium may be have degraded functionality. See error message for details."
    )
    return (
        f'level=warn msg="Unable to install direct node route" route="{route}" error="{error}"',
        f'level=error msg="{handler}" error="{outer}" handler={_HANDLER} node={remote.name}',
    )


def left_over(netns: Netns, prefix: Net) -> DesiredRoute | None:
    """The route by cilium_host that tunnel mode left for a node whose direct route is refused: nobody removes it."""
    host = netns.link(HOST)
    for route in netns.table(RT_TABLE_MAIN).at(prefix):
        hop = route.nexthops[0] if route.nexthops else None
        if host is not None and hop is not None and hop.ifindex == host.ifindex and route.proto == RTPROT_KERNEL:
            return DesiredRoute(
                dst=prefix, dev=HOST, via=hop.via, proto=RTPROT_KERNEL, src=route.src, mtu=route.mtu, owner=route.owner
            )
    return None
