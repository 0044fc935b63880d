"""Looking up a route and choosing a source address.

``fib_lookup`` (net/core/fib_rules.c, net/ipv4/fib_trie.c, fib_semantics.c) and ``inet_select_addr`` (devinet.c).
"""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Iterator
from errno import EACCES, EHOSTUNREACH, EINVAL, ENETUNREACH
from typing import TYPE_CHECKING, Final

from podwire.linux.fib import (
    BLACKHOLE,
    BROADCAST,
    MULTICAST,
    PROHIBIT,
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
    THROW,
    UNICAST,
    UNREACHABLE,
    NextHop,
    Route,
)
from podwire.linux.link import SCOPE_HOST, SCOPE_LINK, SCOPE_NOWHERE, SCOPE_UNIVERSE, Link
from podwire.linux.rule import FR_ACT_BLACKHOLE, FR_ACT_GOTO, FR_ACT_NOP, FR_ACT_PROHIBIT, FR_ACT_TO_TBL, FibRule
from podwire.wire.addr import ANY4, Ip, Ip4, prefix_mask

if TYPE_CHECKING:
    from podwire.linux.link import Address
    from podwire.linux.netns import Netns

_ERRORS: Final = {BLACKHOLE: EINVAL, UNREACHABLE: EHOSTUNREACH, PROHIBIT: EACCES}


class FibResult:
    """``struct fib_result``: the route, the next hop that was chosen, and the rule that named the table."""

    __slots__ = ("error", "link", "nexthop", "route", "rule")

    def __init__(
        self, route: Route | None, nexthop: NextHop | None, link: Link | None, rule: FibRule | None, error: int = 0
    ) -> None:
        self.route = route
        self.nexthop = nexthop
        self.link = link
        self.rule = rule
        self.error = error


def multipath_hash(netns: Netns, src: Ip, dst: Ip, ports: tuple[int, int, int] | None) -> int:
    """31 bits from the flow: addresses, and with fib_multipath_hash_policy 1 protocol and ports.

    The kernel's function is seeded per boot (``siphash``); ours is stable, keyed by nothing but the flow, and spreads
    alike.
    """
    key = int(src).to_bytes(4, "big") + int(dst).to_bytes(4, "big")
    if netns.setting("fib_multipath_hash_policy") == 1 and ports is not None:
        key += b"".join(part.to_bytes(2, "big") for part in ports)
    return zlib.crc32(key) >> 1


def _select_nexthop(
    netns: Netns, route: Route, oif: Link | None, flow_hash: int | None, *, ignore_linkdown: bool
) -> tuple[NextHop, Link | None] | None:
    usable: list[tuple[NextHop, Link | None]] = []
    for nexthop in route.nexthops:
        link = netns.link_by_index(nexthop.ifindex)
        if nexthop.dead or (oif is not None and link is not oif):
            continue
        if (
            link is not None
            and not ignore_linkdown
            and not link.carrier
            and nexthop.scope != SCOPE_NOWHERE  # fib_sync_down_dev: a route to an own address is never linkdown
            and (link.conf.ignore_routes_with_linkdown or netns.conf_all.ignore_routes_with_linkdown)
        ):
            continue
        usable.append((nexthop, link))
    if not usable:
        return None
    if len(usable) == 1 or flow_hash is None:
        return usable[0]
    # fib_rebalance: each leg owns a share of the 31-bit space in proportion to its weight.
    total = sum(nexthop.weight for nexthop, _ in usable)
    bound = 0
    for leg in usable:
        bound += leg[0].weight
        if flow_hash < (bound << 31) // total:
            return leg
    return usable[-1]


def _merged(netns: Netns, dst: Ip) -> Iterator[Route]:
    """Until the first ``ip rule add`` the tables local and main are one trie (``fib_unmerge``).

    The longer prefix wins, whichever table it is in.
    """
    tables = netns.tables
    local, main = tables[RT_TABLE_LOCAL].candidates(dst), tables[RT_TABLE_MAIN].candidates(dst)
    return heapq.merge(local, main, key=lambda route: -route.dst.plen)


def inet_addr_type(netns: Netns, addr: Ip) -> str:
    """``inet_addr_type``: what the table ``local`` says of an address that is no broadcast or multicast one by itself.

    As long as that table is one trie with ``main``, a longer prefix of ``main`` hides a ``local`` route.
    """
    return _addr_type(netns, addr, None)


def inet_dev_addr_type(netns: Netns, addr: Ip, link: Link | None) -> str:
    """``inet_dev_addr_type``: the same of any address; with a device the route has to lead there, or the address is unicast."""
    address = Ip4(addr)
    if address.is_zeronet or address.is_lbcast:
        return BROADCAST
    return MULTICAST if address.is_multicast else _addr_type(netns, addr, link)


def _addr_type(netns: Netns, addr: Ip, link: Link | None) -> str:
    """``__inet_dev_addr_type``, the look into the table."""
    for route in netns.tables[RT_TABLE_LOCAL].candidates(addr) if netns.custom_rules else _merged(netns, addr):
        if route.tos:
            continue
        if route.type in _ERRORS or route.type == THROW:
            break
        if _select_nexthop(netns, route, None, None, ignore_linkdown=False) is not None:
            if link is None or (route.nexthops and route.nexthops[0].ifindex == link.ifindex):
                return route.type
            break
    return UNICAST


def _named(netns: Netns, rule: FibRule, route: Route) -> FibRule:
    """The rule that names the route's table, where a lookup covered two tables at once."""
    if rule.table == route.table:
        return rule
    return next((other for other in netns.rules if other.table == route.table), rule)


def fib_lookup(  # noqa: C901 - rules, aliases and legs are one loop in the kernel's head, too
    netns: Netns,
    dst: Ip,
    src: Ip = ANY4,
    *,
    iif: Link | None = None,
    oif: Link | None = None,
    mark: int = 0,
    tos: int = 0,
    scope: int = SCOPE_UNIVERSE,
    flow_hash: int | None = None,
    ignore_linkdown: bool = False,
    ports: tuple[int, int, int] | None = None,
) -> FibResult:
    """``fib_lookup``: the first rule whose table has a route.

    ``error`` holds the errno of a blackhole, unreachable, prohibit or no route.
    """
    iif_name = iif.name if iif is not None else "lo"
    oif_name = oif.name if oif is not None else ""
    jump = -1
    for rule in netns.rules:
        if rule.priority < jump:
            continue
        jump = -1
        if not rule.matches(dst, src, iif_name, oif_name, mark, tos, ports):
            continue
        action = rule.action
        if action != FR_ACT_TO_TBL:
            if action == FR_ACT_GOTO:
                # A goto to a priority that no rule has is unresolved: it does nothing.
                if any(other.priority == rule.goto for other in netns.rules):
                    jump = rule.goto
                continue
            if action == FR_ACT_NOP:
                continue
            error = EINVAL if action == FR_ACT_BLACKHOLE else EACCES if action == FR_ACT_PROHIBIT else ENETUNREACH
            return FibResult(None, None, None, rule, error)
        table = netns.tables.get(rule.table)
        if table is None:
            continue
        merged = rule.table == RT_TABLE_LOCAL and not netns.custom_rules
        for route in _merged(netns, dst) if merged else table.candidates(dst):
            if route.tos and route.tos != tos:
                continue
            if route.scope < scope:
                continue
            error = _ERRORS.get(route.type, 0)
            if error:
                return FibResult(route, None, None, _named(netns, rule, route), error)
            if route.type == THROW:
                break
            chosen = _select_nexthop(netns, route, oif, flow_hash, ignore_linkdown=ignore_linkdown)
            if chosen is None:
                continue
            if rule.suppress_prefixlength >= route.dst.plen:
                break
            return FibResult(route, chosen[0], chosen[1], _named(netns, rule, route))
    return FibResult(None, None, None, None, ENETUNREACH)


def inet_select_addr(netns: Netns, link: Link | None, dst: Ip, scope: int) -> Ip:
    """``inet_select_addr``: a primary address of ``link`` with scope up to ``scope``, in ``dst``'s subnet first.

    Else the first of any device in device order, link scope skipped (F60). 0.0.0.0 if there is none.
    """
    found: Ip | None = None
    if link is not None:
        localnet = SCOPE_LINK if link.conf.route_localnet or netns.conf_all.route_localnet else SCOPE_HOST
        for address in link.addresses:
            if address.secondary or min(address.scope, localnet) > scope:
                continue
            if not dst or ifa_match(dst, address):
                return address.local
            if found is None:
                found = address.local
        if found is not None:
            return found
    for other in netns.links():
        for address in other.addresses:
            if not address.secondary and address.scope != SCOPE_LINK and address.scope <= scope:
                return address.local
    return ANY4


def ifa_match(addr: Ip, address: Address) -> bool:
    """``inet_ifa_match``: is it in the subnet of that address?"""
    return (int(addr) ^ int(address.peer)) & prefix_mask(addr.bits, address.plen) == 0


def inet_addr_onlink(link: Link, first: Ip, second: Ip) -> bool:
    """``inet_addr_onlink``: one subnet of a primary address of ``link`` holds both (``second`` 0 for "no matter")."""
    return any(
        ifa_match(first, address) and (not second or ifa_match(second, address))
        for address in link.addresses
        if not address.secondary
    )


def source_of(netns: Netns, result: FibResult) -> Ip:
    """``fib_result_prefsrc``: the route's ``src``, else the address that the next hop's device offers."""
    route, nexthop = result.route, result.nexthop
    if route is None or nexthop is None:
        return ANY4
    if route.src is not None:
        return route.src
    return inet_select_addr(netns, result.link, nexthop.via or ANY4, route.scope)
