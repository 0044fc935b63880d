"""Routes and policy rules: what the kernel accepts, refuses and derives (net/ipv4/fib_semantics.c, fib_frontend.c, core/fib_rules.c)."""

from __future__ import annotations

from errno import EEXIST, EINVAL, ENETDOWN, ENETUNREACH, ENODEV, ENOENT
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.linux.errors import NetlinkError
from podwire.linux.fib import BROADCAST, ERROR_TYPES, LOCAL, UNICAST, NextHop, Route, RouteQuery
from podwire.linux.link import SCOPE_HOST, SCOPE_LINK, SCOPE_NOWHERE, SCOPE_UNIVERSE
from podwire.linux.rtnl.door import Door
from podwire.linux.rule import FR_ACT_GOTO, FR_ACT_TO_TBL, FibRule
from podwire.wire.addr import Ip, Ip4

if TYPE_CHECKING:
    from podwire.linux.link import Link

# fib_props: the widest scope that a route of a type may have.
_SCOPE_OF_TYPE: Final = {
    UNICAST: SCOPE_UNIVERSE,
    LOCAL: SCOPE_HOST,
    BROADCAST: SCOPE_LINK,
    "anycast": SCOPE_LINK,
    "multicast": SCOPE_UNIVERSE,
}


class RouteVerbs(Door):
    """RTM_NEWROUTE, RTM_DELROUTE, RTM_NEWRULE, RTM_DELRULE."""

    def route_add(
        self, route: Route, *, create: bool = True, exclusive: bool = True, replace: bool = False, append: bool = False
    ) -> Route:
        """``ip route add`` (create, exclusive), ``append`` (create, append), ``prepend`` (create), ``replace`` (create, replace), ``change`` (replace).

        ``nexthops`` need no ``scope``: the door derives it as ``fib_check_nh`` does. Returns the route as stored. Raises ``NetlinkError`` with the
        kernel's number and text: ENETUNREACH "Nexthop has invalid gateway", ENETDOWN, EINVAL "Invalid scope" …, EEXIST, ENOENT.
        """
        self._check(route)
        hops = tuple(self._check_nexthop(route, hop) for hop in route.nexthops)
        stored = msgspec.structs.replace(route, nexthops=hops, owner=self.writer)
        table = self.netns.table(route.table)
        table.insert(stored, create=create, exclusive=exclusive, replace=replace, append=append)
        self.netns.changed()
        return stored

    def route_del(self, query: RouteQuery) -> Route:
        """``ip route del``; raises ``NetlinkError`` ESRCH ("No such process")."""
        table = self.netns.table(query.table)
        gone = table.delete(query)
        self.netns.changed()
        return gone

    def route_remove(self, route: Route) -> None:
        """Delete this very route (``ip route flush`` deletes what it listed)."""
        self.netns.table(route.table).remove(route)
        self.netns.changed()

    def _check(self, route: Route) -> None:
        if route.type in ERROR_TYPES:
            if any(hop.ifindex or hop.via is not None for hop in route.nexthops) or len(route.nexthops) > 1:
                raise NetlinkError(EINVAL, "Gateway, device and multipath can not be specified for this route type")
            return
        if _SCOPE_OF_TYPE.get(route.type, SCOPE_UNIVERSE) > route.scope:
            raise NetlinkError(EINVAL, "Invalid scope")
        if route.scope == SCOPE_NOWHERE:
            raise NetlinkError(EINVAL, "Invalid scope")
        if not route.nexthops:
            raise NetlinkError(ENODEV)
        if route.scope == SCOPE_HOST and route.type != LOCAL and len(route.nexthops) > 1:
            raise NetlinkError(EINVAL, "Route with host scope can not have multiple nexthops")
        if route.src is not None and route.src not in self.netns.local and not self.netns.is_local(route.src):
            raise NetlinkError(EINVAL, "Invalid prefsrc address")

    def _check_nexthop(self, route: Route, hop: NextHop) -> NextHop:
        if route.type in ERROR_TYPES:
            return hop
        netns = self.netns
        if route.scope == SCOPE_HOST:
            # A local address, or an on-link host without a next hop of its own.
            if hop.via is not None:
                raise NetlinkError(EINVAL, "Route with host scope can not have a gateway")
            link = netns.link_by_index(hop.ifindex)
            if link is None:
                raise NetlinkError(ENODEV)
            return msgspec.structs.replace(hop, scope=SCOPE_NOWHERE)
        if hop.via is not None:
            return self._check_gateway(route, hop, hop.via)
        if hop.onlink:
            raise NetlinkError(EINVAL, "Invalid flags for nexthop - PERVASIVE and ONLINK can not be set")
        link = netns.link_by_index(hop.ifindex)
        if link is None:
            raise NetlinkError(ENODEV)
        if not link.is_up:
            raise NetlinkError(ENETDOWN, "Device for nexthop is not up")
        return msgspec.structs.replace(hop, scope=SCOPE_HOST)

    def _check_gateway(self, route: Route, hop: NextHop, via: Ip) -> NextHop:
        netns = self.netns
        if hop.onlink:
            return self._check_onlink(route, hop, via)
        from podwire.linux.path.route import fib_lookup

        link = netns.link_by_index(hop.ifindex) if hop.ifindex else None
        if hop.ifindex and link is None:
            raise NetlinkError(ENODEV)
        scope = max(route.scope + 1, SCOPE_LINK)
        result = fib_lookup(netns, via, oif=link, scope=scope, ignore_linkdown=True)
        if result.error or result.route is None or result.nexthop is None:
            raise NetlinkError(result.error or ENETUNREACH, "Nexthop has invalid gateway")
        if result.route.type not in {UNICAST, LOCAL}:
            raise NetlinkError(EINVAL, "Nexthop has invalid gateway")
        out = result.link
        if out is None or (
            result.route.type == LOCAL and not route.type == LOCAL and out.is_loopback and not via.is_loopback
        ):
            raise NetlinkError(EINVAL, "Nexthop has invalid gateway")
        if not out.is_up:
            raise NetlinkError(ENETDOWN)
        return msgspec.structs.replace(hop, ifindex=out.ifindex, scope=result.route.scope)

    def _check_onlink(self, route: Route, hop: NextHop, via: Ip) -> NextHop:
        if route.scope >= SCOPE_LINK:
            raise NetlinkError(EINVAL, "Nexthop has invalid scope")
        link: Link | None = self.netns.link_by_index(hop.ifindex)
        if link is None:
            raise NetlinkError(ENODEV, "Nexthop device required for onlink")
        if not link.is_up:
            raise NetlinkError(ENETDOWN, "Nexthop device is not up")
        address = Ip4(via)
        if address.is_multicast or address.is_lbcast or address.is_zeronet or self.netns.is_local(via):
            raise NetlinkError(EINVAL, "Nexthop has invalid gateway")
        return msgspec.structs.replace(hop, scope=SCOPE_LINK)

    # -- rules --------------------------------------------------------------------------------------------------

    def rule_add(self, rule: FibRule, *, exclusive: bool = True) -> FibRule:
        """``ip rule add``; a rule without priority (negative) goes just before the second one (``fib_default_rule_pref``).

        Raises ``NetlinkError``: EEXIST for an equal rule, EINVAL for a table of none or a backward goto.
        """
        netns = self.netns
        priority = rule.priority
        if priority < 0:
            priority = max(0, netns.rules[1].priority - 1) if len(netns.rules) > 1 and netns.rules[1].priority else 0
        rule = msgspec.structs.replace(rule, priority=priority, owner=self.writer)
        if rule.action == FR_ACT_TO_TBL and not rule.table:
            raise NetlinkError(EINVAL, "Invalid table")
        if rule.action == FR_ACT_GOTO and rule.goto <= priority:
            raise NetlinkError(EINVAL, "Backward goto not supported")
        plain = msgspec.structs.replace(rule, owner=self.writer)
        if exclusive and any(msgspec.structs.replace(have, owner=self.writer) == plain for have in netns.rules):
            raise NetlinkError(EEXIST)
        index = next((i for i, have in enumerate(netns.rules) if have.priority > priority), len(netns.rules))
        netns.rules.insert(index, rule)
        netns.custom_rules = True
        netns.changed()
        return rule

    def rule_del(self, rule: FibRule, given: frozenset[str]) -> FibRule:
        """``ip rule del``: the first rule that agrees in the fields named in ``given``; ENOENT ("No such file or directory") if none does."""
        for have in self.netns.rules:
            if all(getattr(have, field) == getattr(rule, field) for field in given):
                self.netns.rules.remove(have)
                self.netns.changed()
                return have
        raise NetlinkError(ENOENT)
