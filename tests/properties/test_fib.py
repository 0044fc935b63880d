"""Longest prefix match: the trie that is a dictionary per prefix length equals a search through all routes."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podwire.fabric.network import Network
from podwire.linux.errors import NetlinkError
from podwire.linux.fib import ERROR_TYPES, RT_TABLE_LOCAL, RT_TABLE_MAIN, NextHop, Route
from podwire.linux.link import SCOPE_LINK, SCOPE_UNIVERSE
from podwire.linux.netlink import Netlink
from podwire.linux.netns import Netns
from podwire.linux.path.lookup import fib_lookup
from podwire.linux.rule import FibRule
from podwire.wire.addr import Ip4, Net

_ERRNO = {"blackhole": 22, "unreachable": 113, "prohibit": 13}
# Few bits that differ, so that prefixes meet.
_BITS = st.integers(0, 63).map(lambda n: 10 << 24 | (n & 7) << 21 | (n >> 3) << 2)
_ADDR = _BITS.map(Ip4) | st.integers(0, 0xFFFFFFFF).map(Ip4)
_ROUTE = st.tuples(
    _ADDR,
    st.sampled_from([0, 8, 11, 16, 24, 29, 30, 32]) | st.integers(0, 32),
    st.sampled_from(["unicast", "unicast", "unicast", "blackhole", "unreachable", "prohibit", "throw"]),
    st.integers(0, 3),
    st.sampled_from([0, 0, 0, 0x10]),
    st.sampled_from([RT_TABLE_MAIN, RT_TABLE_MAIN, RT_TABLE_MAIN, 100]),
)
_ROUTES = st.lists(_ROUTE, max_size=25)


def _netns(routes: list[tuple[Ip4, int, str, int, int, int]], rules: bool) -> Netns:
    netns = Network(0).add_machine("m").root.netns
    door = Netlink(netns)
    door.link_up(netns.loopback)
    # A prefix on lo is local as a whole (finding 12): there a route of main may be the longer one.
    door.addr_add(netns.loopback, Ip4(10 << 24 | 64 << 16 | 1), 11)
    link = door.link_add("d0", "dummy")
    door.link_up(link)
    door.addr_add(link, Ip4(10 << 24 | 5), 30)
    if rules:
        door.rule_add(FibRule(100, table=100, dst=Net.parse("10.32.0.0/11")))
    for addr, plen, kind, metric, tos, table in routes:
        hops = () if kind in ERROR_TYPES else (NextHop(link.ifindex),)
        scope = SCOPE_UNIVERSE if kind in ERROR_TYPES else SCOPE_LINK
        with suppress(NetlinkError):
            door.route_add(Route(Net.of(addr, plen), kind, scope, table, metric=metric, tos=tos, nexthops=hops))
    return netns


def _naive(netns: Netns, dst: Ip4, tos: int, rules: bool) -> Route | int:
    """Every route of a table, the best first; the tables in the order of the rules, local and main as one while there is no rule."""
    tables = [[RT_TABLE_LOCAL, RT_TABLE_MAIN]]
    if rules:
        tables = [[RT_TABLE_LOCAL], *([[100]] if dst in Net.parse("10.32.0.0/11") else []), [RT_TABLE_MAIN]]
    for group in tables:
        have = [route for number in group for route in netns.table(number).dump() if dst in route.dst]
        have = [route for route in have if route.tos in {0, tos}]
        # fib_find_alias: within a prefix local comes before main, whatever the type of service. The sort is stable.
        for route in sorted(have, key=lambda r: (-r.dst.plen, r.table != RT_TABLE_LOCAL, -r.tos, r.metric)):
            if route.type == "throw":
                break
            return _ERRNO.get(route.type, 0) or route
    return 101


def _check(routes: list[tuple[Ip4, int, str, int, int, int]], targets: list[Ip4], tos: int, rules: bool) -> None:
    netns = _netns(routes, rules)
    for dst in targets:
        found = fib_lookup(netns, dst, tos=tos)
        assert (found.error or found.route) == _naive(netns, dst, tos, rules)


def test_local_hides_main_at_the_same_length_whatever_the_type_of_service() -> None:
    """The search below once put the type of service first; the real kernel agrees with this order."""
    _check([(Ip4(10 << 24 | 64 << 16), 11, "unicast", 0, 0x10, RT_TABLE_MAIN)], [Ip4(10 << 24 | 64 << 16)], 0x10, False)


_GIVEN = given(_ROUTES, st.lists(_ADDR, min_size=1, max_size=12), st.sampled_from([0, 0x10]), st.booleans())


@settings(max_examples=250)
@_GIVEN
def test_longest_prefix_equals_the_naive_search(
    routes: list[tuple[Ip4, int, str, int, int, int]], targets: list[Ip4], tos: int, rules: bool
) -> None:
    _check(routes, targets, tos, rules)


@pytest.mark.slow
@settings(max_examples=10_000)
@_GIVEN
def test_longest_prefix_equals_the_naive_search_long(
    routes: list[tuple[Ip4, int, str, int, int, int]], targets: list[Ip4], tos: int, rules: bool
) -> None:
    _check(routes, targets, tos, rules)
