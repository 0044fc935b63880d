"""Asking for a route: RTM_GETROUTE (net/ipv4/route.c, inet_rtm_getroute)."""

from __future__ import annotations

import msgspec

from podwire.linux.fib import RT_TABLE_LOCAL
from podwire.linux.rtnl.door import Door
from podwire.wire.addr import Ip


class FoundRoute(msgspec.Struct, frozen=True):
    """The device by name (``lo`` for an own address; ``local_dev`` has it), the gateway where there is one, the source to be used."""

    dev: str
    gateway: Ip | None
    src: Ip
    local_dev: str = ""


class RouteGetVerbs(Door):
    """RTM_GETROUTE."""

    def route_get(self, dst: Ip) -> FoundRoute | None:
        """``ip route get``: by the rules and tables as they are, without using the route; None where there is none."""
        from podwire.linux.path.lookup import fib_lookup, source_of
        from podwire.linux.path.route import on_link_gateway

        netns = self.netns
        result = fib_lookup(netns, dst)
        route, hop, link = result.route, result.nexthop, result.link
        if result.error or route is None or hop is None or link is None:
            return None
        if route.table == RT_TABLE_LOCAL and route.type == "local":
            return FoundRoute(netns.loopback.name, None, route.src or dst, link.name)
        return FoundRoute(link.name, on_link_gateway(hop), source_of(netns, result))
