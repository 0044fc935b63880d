"""cilium-agent on one node: devices, switches and routes as values, then rules, maps and programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.cni.backend import Desired, DesiredLink, DesiredRoute
from podwire.cni.cilium import loader
from podwire.cni.cilium.devices import HOST, NET, TUNNELS, Mtu, mtu_of
from podwire.cni.cilium.plugin import update_mtu
from podwire.cni.cilium.routes import Refused, direct_route, left_over, node_route, router_route
from podwire.linux.fib import LOCAL, RT_TABLE_LOCAL, RTPROT_KERNEL, NextHop, Route, RouteQuery
from podwire.linux.link import SCOPE_HOST, SCOPE_LINK
from podwire.linux.netlink import Netlink
from podwire.linux.rule import FibRule
from podwire.linux.tunnel import GeneveConfig, TunnelConfig, VxlanConfig
from podwire.trace.events import Owner
from podwire.wire.addr import Ip4, Net

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from podwire.cni.backend import NodeSpec, View
    from podwire.cni.cilium.backend import CiliumBackend
    from podwire.cni.cilium.config import Cilium
    from podwire.cni.cilium.state import NodeState

LOCAL_RULE: Final = 100
"""Where the rule for table ``local`` is moved to."""
_PROXY_RULE: Final = FibRule(9, table=2004, mark=0x200, mask=0xF00, proto=RTPROT_KERNEL)
_DEFAULT: Final = Net(Ip4(0), 0)
_FIRST_UPDATER: Final = 17
_OWNER: Final = Owner("cilium-agent")


class CiliumAgent:
    """The agents of all nodes; what each knows is in the backend's ``NodeState``."""

    name = "cilium-agent"

    def __init__(self, backend: CiliumBackend) -> None:
        self._backend = backend

    def log(self, node: str) -> tuple[str, ...]:
        """What the agent of a node has logged, oldest first."""
        return tuple(self._backend.state(node).log)

    # -- what the kernel's tables should hold --------------------------------------------------------------------

    def desired(self, node: NodeSpec, view: View) -> Desired:
        """What cilium-agent wants to be there."""
        config, here = self._backend.config, self._backend.state(node.name)
        mtu = mtu_of(node, config)
        lxcs = frozenset(endpoint.interface for endpoint in here.endpoints.values())
        return Desired(
            links=tuple(_tunnel(config, mtu)),
            absent=frozenset(name for name in TUNNELS if name != f"cilium_{config.tunnel}"),
            devices=frozenset({HOST, *lxcs}),
            device_protos=frozenset({RTPROT_KERNEL}),
            routes=tuple(self._routes(node, here, view, mtu)),
            sysctls=tuple(_sysctls(config)),
        )

    def _routes(self, node: NodeSpec, here: NodeState, view: View, mtu: Mtu) -> Iterator[DesiredRoute]:
        config, netns = self._backend.config, node.machine.root.netns
        routes: list[DesiredRoute] = []
        if config.endpoint_routes_enabled:
            for endpoint in here.endpoints.values():
                owner = Owner("cilium-agent", f"Pod {endpoint.owner}", "endpointRoutes")
                prefix = Net(endpoint.ip, endpoint.ip.bits)
                routes.append(
                    DesiredRoute(dst=prefix, dev=endpoint.interface, scope=SCOPE_LINK, proto=RTPROT_KERNEL, owner=owner)
                )
        else:
            routes.append(node_route(here.cidr, here.router))
        for other in self._backend.others(node.name, view):
            if config.tunnel:
                routes.append(node_route(other.cidr, here.router, mtu.route, node=other.name))
            elif config.auto_direct_node_routes:
                direct = direct_route(Netlink(netns), config, other)
                kept = left_over(netns, other.cidr) if isinstance(direct, Refused) else direct
                if kept is not None:
                    routes.append(kept)
        if any(route.dev == HOST for route in routes):
            yield router_route(here.router)
        yield from routes

    # -- the rest ------------------------------------------------------------------------------------------------

    def program(self, node: NodeSpec, door: Netlink, view: View) -> None:
        """Rules, direct routes that are no longer wanted, MTUs of pods, maps, programs."""
        config, here = self._backend.config, self._backend.state(node.name)
        others = self._backend.others(node.name, view)
        self._backend.refresh_identities(view)
        _rules(door, config)
        self._direct_routes(door, here, others)
        if config.minor >= _FIRST_UPDATER:
            mtu = mtu_of(node, config)
            for endpoint in here.endpoints.values():
                update_mtu(endpoint.ifname, endpoint.interface, mtu, door, Netlink(endpoint.netns, _OWNER))
        loader.write_maps(door, here, others, config)
        loader.load(door, here, config)

    def _direct_routes(self, door: Netlink, here: NodeState, others: Iterable[NodeState]) -> None:
        """Remember which were installed, remove those of nodes that are gone, and say which were refused."""
        config = self._backend.config
        wanted: dict[Net, DesiredRoute] = {}
        if config.auto_direct_node_routes and not config.tunnel:
            for other in others:
                direct = direct_route(Netlink(door.netns), config, other)
                if isinstance(direct, Refused):
                    here.say(*direct.lines)
                else:
                    wanted[other.cidr] = direct
        for prefix, via in here.direct.items():
            keeps = wanted.get(prefix)
            if keeps is not None and keeps.via == via:
                continue
            if any(hop.via == via for route in door.netns.table(254).at(prefix) for hop in route.nexthops):
                door.route_del(RouteQuery(prefix, nexthops=(NextHop(via=via),)))
        here.direct = {prefix: route.via for prefix, route in wanted.items() if route.via is not None}


def _tunnel(config: Cilium, mtu: Mtu) -> Iterator[DesiredLink]:
    """cilium_vxlan or cilium_geneve: collect-metadata devices without VNI, remote or IPv4 address."""
    if not config.tunnel:
        return
    tunnel: TunnelConfig = (
        VxlanConfig(external=True, dstport=config.port)
        if config.tunnel == "vxlan"
        else GeneveConfig(external=True, dstport=config.port)
    )
    yield DesiredLink(name=f"cilium_{config.tunnel}", kind=config.tunnel, mtu=mtu.device, tunnel=tunnel, owner=_OWNER)


def _sysctls(config: Cilium) -> Iterator[tuple[str, str]]:
    yield "net/ipv4/conf/all/rp_filter", "0"
    for dev in (HOST, NET, *((f"cilium_{config.tunnel}",) if config.tunnel else ())):
        for key, value in (("forwarding", "1"), ("rp_filter", "0"), ("accept_local", "1"), ("send_redirects", "0")):
            yield f"net/ipv4/conf/{dev}/{key}", value


def _rules(door: Netlink, config: Cilium) -> None:
    """Table ``local`` is asked at 100 instead of 0, behind the rule that leads marked packets to the proxy (section 1.10)."""
    netns = door.netns
    locals_ = [rule for rule in netns.rules if rule.table == RT_TABLE_LOCAL]
    if not any(rule.priority == LOCAL_RULE for rule in locals_):
        door.rule_add(FibRule(LOCAL_RULE, table=RT_TABLE_LOCAL, proto=RTPROT_KERNEL))
    for rule in locals_:
        if rule.priority == 0:
            door.rule_del(rule, frozenset({"priority", "table"}))
    have = any((rule.priority, rule.table) == (_PROXY_RULE.priority, _PROXY_RULE.table) for rule in netns.rules)
    if config.l7_proxy and not have:
        door.rule_add(_PROXY_RULE)
    elif have and not config.l7_proxy:
        door.rule_del(_PROXY_RULE, frozenset({"priority", "table"}))
    if config.l7_proxy and not netns.table(_PROXY_RULE.table).at(_DEFAULT):
        hop = NextHop(netns.loopback.ifindex)
        table, proto = _PROXY_RULE.table, RTPROT_KERNEL
        door.route_add(Route(_DEFAULT, LOCAL, SCOPE_HOST, table, proto, nexthops=(hop,)))
