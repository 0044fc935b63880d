"""What was learned for single destinations: path MTUs and redirects (``struct fib_nh_exception``, net/ipv4/route.c).

They hang on the next hops of a ``fib_info``, the part of a route that routes of one table share where they are alike but for their
prefix: a more special route with other attributes does not know what the default route has learned, and with the last
route of a ``fib_info`` all of it goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from podwire.linux.fib import NextHop, Route
from podwire.wire.addr import Ip

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns


class FibInfo(msgspec.Struct, frozen=True, gc=False):
    """What ``fib_find_info`` compares; a leg that is dead is still that leg."""

    table: int
    type: str
    scope: int
    proto: int
    src: Ip | None
    metric: int
    metrics: frozenset[tuple[str, int]]
    locked: frozenset[str]
    nexthops: tuple[NextHop, ...]


class NextHopKey(msgspec.Struct, frozen=True, gc=False):
    """A ``fib_nh_common``: the leg ``index`` of a ``fib_info``."""

    info: FibInfo
    index: int

    @property
    def nexthop(self) -> NextHop:
        """The leg itself."""
        return self.info.nexthops[self.index]


class RouteException(msgspec.Struct):
    """``struct fib_nh_exception``: a path MTU (0: none) or a better gateway; ``expires`` in ns, 0 never."""

    mtu: int = 0
    gateway: Ip | None = None
    expires: int = 0
    locked: bool = False
    """``fnhe_mtu_locked``: the path takes less than min_pmtu, so DF is no longer set."""
    bound: bool = False
    """``fnhe_rth_output`` or ``fnhe_rth_input``: a packet, or ``ip route get``, has gone this way; such exceptions are listed."""


Exceptions = dict[NextHopKey, dict[Ip, RouteException]]
"""All of a namespace, by next hop and destination."""


def fib_info_of(route: Route) -> FibInfo:
    """The ``fib_info`` that the kernel would share between this route and its likes."""
    legs = tuple(msgspec.structs.replace(leg, dead=False) if leg.dead else leg for leg in route.nexthops)
    metrics = frozenset(route.metrics)
    return FibInfo(
        route.table, route.type, route.scope, route.proto, route.src, route.metric, metrics, route.locked, legs
    )


def next_hop_key(route: Route, nexthop: NextHop) -> NextHopKey:
    """The leg by which ``fib_lookup`` sends."""
    return NextHopKey(fib_info_of(route), next(i for i, leg in enumerate(route.nexthops) if leg is nexthop))


def find_exception(netns: Netns, key: NextHopKey, daddr: Ip) -> RouteException | None:
    """``find_exception``; one whose time is over is deleted."""
    learned = netns.exceptions.get(key)
    if learned is None:
        return None
    found = learned.get(daddr)
    if found is not None and found.expires and netns.machine.world.now >= found.expires:
        del learned[daddr]
        if not learned:
            del netns.exceptions[key]
        return None
    return found


def update_or_create_fnhe(
    netns: Netns,
    key: NextHopKey,
    daddr: Ip,
    seconds: int,
    *,
    gateway: Ip | None = None,
    mtu: int = 0,
    locked: bool = False,
) -> None:
    """``update_or_create_fnhe``: one time for both, whichever was learned last; what is not given stays as it was."""
    found = netns.exceptions.setdefault(key, {}).setdefault(daddr, RouteException())
    if gateway is not None:
        found.gateway = gateway
    if mtu:
        found.mtu, found.locked = mtu, locked
    found.expires = netns.machine.world.now + seconds * 1_000_000_000


def legs_of(route: Route) -> Iterator[NextHopKey]:
    """Every leg of a route."""
    info = fib_info_of(route)
    for index in range(len(info.nexthops)):
        yield NextHopKey(info, index)


def fib_release_info(netns: Netns) -> None:
    """``fib_release_info``: what was learned goes with the last route of a ``fib_info``."""
    if not netns.exceptions:
        return
    tables = {key.info.table for key in netns.exceptions}
    alive = {fib_info_of(route) for number in tables if number in netns.tables for route in netns.tables[number].dump()}
    for key in [key for key in netns.exceptions if key.info not in alive]:
        del netns.exceptions[key]


def fib_nhc_update_mtu(netns: Netns, link: Link, old: int) -> None:
    """``fib_nhc_update_mtu``: what was learned of paths over a device is no more than it takes, and rises with it."""
    for key, learned in netns.exceptions.items():
        if key.nexthop.ifindex != link.ifindex:
            continue
        for found in learned.values():
            if not found.mtu:
                continue
            if found.locked:
                if link.mtu <= found.mtu:
                    found.mtu, found.locked = link.mtu, False
            elif link.mtu < found.mtu or found.mtu == old:
                found.mtu = link.mtu
