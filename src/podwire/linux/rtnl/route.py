"""Routes and policy rules: what the kernel accepts, refuses and derives (net/ipv4/fib_semantics.c, fib_frontend.c, core/fib_rules.c)."""

from __future__ import annotations

from errno import EEXIST, EINVAL, ENETDOWN, ENETUNREACH, ENODEV, ENOENT, ESRCH
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.linux.errors import NetlinkError
from podwire.linux.fib import (
    BROADCAST,
    ERROR_TYPES,
    LOCAL,
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
    UNICAST,
    FibTable,
    NextHop,
    Route,
    RouteQuery,
)
from podwire.linux.link import SCOPE_HOST, SCOPE_LINK, SCOPE_NOWHERE, SCOPE_UNIVERSE
from podwire.linux.rtnl.door import Door
from podwire.linux.rtnl.notify import RuleMessage, tell
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
    "blackhole": SCOPE_UNIVERSE,
    "unreachable": SCOPE_UNIVERSE,
    "prohibit": SCOPE_UNIVERSE,
    "throw": SCOPE_UNIVERSE,
}


class RouteVerbs(Door):
    """RTM_NEWROUTE, RTM_DELROUTE, RTM_NEWRULE, RTM_DELRULE."""

    def route_add(
        self, route: Route, *, create: bool = True, exclusive: bool = True, replace: bool = False, append: bool = False
    ) -> Route:
        """RTM_NEWROUTE: ``ip route add`` (create, exclusive), ``append`` (create, append), ``replace`` (create, replace) and others.

        ``prepend`` is create alone, ``change`` replace, ``test`` exclusive. ``nexthops`` need no ``scope``: the door derives it as
        ``fib_check_nh`` does. Returns the route as stored. Raises ``NetlinkError`` with the kernel's number and text: ENETUNREACH
        "Nexthop has invalid gateway", ENETDOWN, EINVAL "Invalid scope" …, EEXIST, ENOENT.
        """
        table = self.netns.table(route.table)
        table.real = True
        self._check(route)
        hops = tuple(self._check_nexthop(route, hop) for hop in route.nexthops)
        if route.src is not None and not self._is_own_source(route, route.src):
            raise NetlinkError(EINVAL, "Invalid prefsrc address")
        stored = msgspec.structs.replace(route, nexthops=hops, metrics=_clamped(route.metrics), owner=self.writer)
        table.insert(stored, create=create, exclusive=exclusive, replace=replace, append=append)
        self.netns.changed()
        if any(each is stored for each in table.at(stored.dst)):
            self._tell_route(stored)
        return stored

    def route_del(self, query: RouteQuery) -> Route:
        """``ip route del``; raises ``NetlinkError`` ESRCH ("No such process")."""
        table = self.netns.tables.get(query.table)
        if table is None or not table.real:
            if query.table in {RT_TABLE_MAIN, RT_TABLE_LOCAL}:
                raise NetlinkError(ESRCH)
            raise NetlinkError(ESRCH, "FIB table does not exist")
        gone = table.delete(query)
        self.netns.changed()
        self._tell_route(gone, deleted=True)
        return gone

    def route_remove(self, route: Route) -> None:
        """Delete this very route (``ip route flush`` deletes what it listed)."""
        self.netns.table(route.table).remove(route)
        self.netns.changed()
        self._tell_route(route, deleted=True)

    def _check(self, route: Route) -> None:
        if _SCOPE_OF_TYPE.get(route.type, SCOPE_NOWHERE) > route.scope:
            raise NetlinkError(EINVAL, "Invalid scope")
        if route.type in ERROR_TYPES:
            if any(hop.ifindex or hop.via is not None for hop in route.nexthops) or len(route.nexthops) > 1:
                raise NetlinkError(EINVAL, "Gateway, device and multipath can not be specified for this route type")
            if route.scope > SCOPE_HOST:
                raise NetlinkError(EINVAL, "Invalid scope")
            return
        if route.scope > SCOPE_HOST:
            raise NetlinkError(EINVAL, "Invalid scope")
        if not route.nexthops:
            raise NetlinkError(ENODEV)
        if route.scope == SCOPE_HOST and len(route.nexthops) > 1:
            raise NetlinkError(EINVAL, "Route with host scope can not have multiple nexthops")

    def _is_own_source(self, route: Route, src: Ip) -> bool:
        """``fib_valid_prefsrc``: an own address, or that of the local route itself."""
        return (route.type == LOCAL and src == route.dst.addr) or self.netns.is_local(src)

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
        """``fib_check_nh_v4_gw``: the gateway is looked up in the route's own table first, then by the rules."""
        netns = self.netns
        if hop.onlink:
            return self._check_onlink(route, hop, via)
        link = netns.link_by_index(hop.ifindex) if hop.ifindex else None
        scope = max(route.scope + 1, SCOPE_LINK)
        found: tuple[Route, NextHop] | None = None
        if route.table != RT_TABLE_MAIN:
            found = _lookup(netns.table(route.table), via, hop.ifindex, scope)
        if found is None:
            from podwire.linux.path.lookup import fib_lookup

            result = fib_lookup(netns, via, oif=link, scope=scope, ignore_linkdown=True)
            if result.error or result.route is None or result.nexthop is None:
                raise NetlinkError(result.error or ENETUNREACH, "Nexthop has invalid gateway")
            found = result.route, result.nexthop
        way, leg = found
        if way.type not in {UNICAST, LOCAL}:
            raise NetlinkError(EINVAL, "Nexthop has invalid gateway")
        out = netns.link_by_index(leg.ifindex)
        if out is None:
            raise NetlinkError(ENODEV, "No egress device for nexthop")
        if not out.is_up:
            raise NetlinkError(ENETDOWN)
        return msgspec.structs.replace(hop, ifindex=out.ifindex, scope=way.scope)

    def _check_onlink(self, route: Route, hop: NextHop, via: Ip) -> NextHop:
        if route.scope >= SCOPE_LINK:
            raise NetlinkError(EINVAL, "Nexthop has invalid scope")
        link: Link | None = self.netns.link_by_index(hop.ifindex)
        if link is None:
            raise NetlinkError(ENODEV, "Nexthop device required for onlink")
        if not link.is_up:
            raise NetlinkError(ENETDOWN, "Nexthop device is not up")
        address = Ip4(via)
        from podwire.linux.path.lookup import inet_addr_type

        special = address.is_multicast or address.is_lbcast or address.is_zeronet
        if special or inet_addr_type(self.netns, via) != UNICAST:
            raise NetlinkError(EINVAL, "Nexthop has invalid gateway")
        return msgspec.structs.replace(hop, scope=SCOPE_LINK)

    # -- rules --------------------------------------------------------------------------------------------------

    def rule_add(self, rule: FibRule, *, exclusive: bool = True) -> FibRule:
        """``ip rule add``; a rule without priority (negative) goes just before the second one (``fib_default_rule_pref``).

        Raises ``NetlinkError``: EEXIST for an equal rule, EINVAL for a backward goto. A rule to table 0 gets the first empty one.
        """
        netns = self.netns
        priority = self._check_goto(rule)
        rule = msgspec.structs.replace(rule, priority=priority, owner=self.writer)
        if exclusive and any(_rule_exists(have, rule) for have in netns.rules):
            raise NetlinkError(EEXIST)
        if rule.action == FR_ACT_TO_TBL and not rule.table:
            rule = msgspec.structs.replace(rule, table=self._empty_table())
        index = next((i for i, have in enumerate(netns.rules) if have.priority > priority), len(netns.rules))
        netns.rules.insert(index, rule)
        netns.custom_rules = True
        netns.changed()
        self._tell_rule(rule)
        return rule

    def _tell_rule(self, rule: FibRule, *, deleted: bool = False) -> None:
        """``notify_rule_change``."""
        if self.netns.machine.listeners:
            tell(RuleMessage(rule, netns=self.netns, deleted=deleted))

    def _check_goto(self, rule: FibRule) -> int:
        """The priority that the rule gets, and whether it jumps forward from there (``fib_nl2rule``)."""
        rules, priority = self.netns.rules, rule.priority
        if priority < 0:
            second = rules[1].priority if len(rules) > 1 else 0
            priority = second - 1 if second else 0
        if rule.action == FR_ACT_GOTO and rule.goto <= priority:
            raise NetlinkError(EINVAL, "Backward goto not supported")
        return priority

    def _empty_table(self) -> int:
        """``fib_empty_table``: the first number without a table."""
        tables = self.netns.tables
        number = 1
        while number in tables and tables[number].real:
            number += 1
        self.netns.table(number)
        return number

    def rule_del(self, rule: FibRule, given: frozenset[str]) -> FibRule:
        """``ip rule del``: the first rule that agrees in the fields named in ``given``; ENOENT if none does."""
        self._check_goto(rule)
        for index, have in enumerate(self.netns.rules):
            if all(getattr(have, field) == getattr(rule, field) for field in given):
                del self.netns.rules[index]
                # Without any rule, or with another than the three of the beginning, the tables stay apart.
                self.netns.custom_rules = True
                self.netns.changed()
                self._tell_rule(have, deleted=True)
                return have
        raise NetlinkError(ENOENT)


def _lookup(table: FibTable, dst: Ip, ifindex: int, scope: int) -> tuple[Route, NextHop] | None:
    """``fib_table_lookup`` in one table, for a gateway."""
    for route in table.candidates(dst):
        if route.scope < scope:
            continue
        if route.type in ERROR_TYPES:
            return None
        for hop in route.nexthops:
            if not hop.dead and ifindex in {0, hop.ifindex}:
                return route, hop
    return None


# What the kernel makes of values that are too large (ip_metrics_convert).
_CLAMPS: Final = {"mtu": 65520, "advmss": 65495, "hoplimit": 255}


def _clamped(metrics: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
    # A metric of 0 is none.
    return tuple((name, min(value, _CLAMPS.get(name, value))) for name, value in metrics if value)


def _rule_exists(have: FibRule, new: FibRule) -> bool:
    """``rule_exists``: prefixes and TOS count only where the new rule has them."""
    return (
        have.action == new.action
        and have.table == new.table
        and have.priority == new.priority
        and have.iif == new.iif
        and have.oif == new.oif
        and have.mark == new.mark
        and have.mask == new.mask
        and have.suppress_prefixlength == new.suppress_prefixlength
        and have.uidrange == new.uidrange
        and have.ipproto == new.ipproto
        and have.proto == new.proto
        and have.sport == new.sport
        and have.dport == new.dport
        and new.src in {None, have.src}
        and new.dst in {None, have.dst}
        and new.tos in {0, have.tos}
    )
