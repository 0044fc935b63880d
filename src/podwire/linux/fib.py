"""IPv4 routes and the tables that hold them.

A table is a dictionary per prefix length: longest prefix first, then TOS, then metric, then order of insertion, which is the order of
``fib_alias`` in net/ipv4/fib_trie.c. ``FibTable.lookup`` is ``fib_table_lookup``; ``insert`` and ``delete`` are ``fib_table_insert`` and
``fib_table_delete`` with their errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from errno import EEXIST, ENOENT, ESRCH
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.linux.errors import NetlinkError
from podwire.linux.link import SCOPE_NOWHERE, SCOPE_UNIVERSE
from podwire.trace.events import KERNEL, Owner
from podwire.wire.addr import Ip, Net, prefix_mask

if TYPE_CHECKING:
    from collections.abc import Callable

    from podwire.linux.tunnel import TunnelInfo

RT_TABLE_UNSPEC: Final = 0
RT_TABLE_DEFAULT: Final = 253
RT_TABLE_MAIN: Final = 254
RT_TABLE_LOCAL: Final = 255

UNICAST: Final = "unicast"
LOCAL: Final = "local"
BROADCAST: Final = "broadcast"
ANYCAST: Final = "anycast"
MULTICAST: Final = "multicast"
BLACKHOLE: Final = "blackhole"
UNREACHABLE: Final = "unreachable"
PROHIBIT: Final = "prohibit"
THROW: Final = "throw"
ERROR_TYPES: Final = frozenset({BLACKHOLE, UNREACHABLE, PROHIBIT, THROW})

# rtnetlink protocol numbers (include/uapi/linux/rtnetlink.h); names as in /etc/iproute2/rt_protos.
RTPROT_KERNEL: Final = 2
RTPROT_BOOT: Final = 3
RTPROT_STATIC: Final = 4
RTPROT_DHCP: Final = 16
RTPROT_BIRD: Final = 12


class NextHop(msgspec.Struct, frozen=True, gc=False):
    """One way out: device (ifindex, 0 for none), gateway, weight (1 or more).

    ``scope`` is ``nh_scope``: that of the route by which the next hop itself is reached (host for an on-link destination, nowhere for a
    local one, link for a gateway). ``dead`` is RTNH_F_DEAD of a multipath leg, ``realm`` its traffic class (FROM << 16 | TO).
    """

    ifindex: int = 0
    via: Ip | None = None
    onlink: bool = False
    weight: int = 1
    scope: int = SCOPE_NOWHERE
    dead: bool = False
    realm: int = 0
    encap: TunnelInfo | None = None
    """``nh_lwtstate``: what the packet tells a collect-metadata tunnel device (``encap ip id N dst A``)."""


class Route(msgspec.Struct, frozen=True, gc=False):
    """One route. ``metrics`` holds ``mtu``, ``advmss`` … as ``ip route`` names them; ``locked`` those with ``lock``."""

    dst: Net
    type: str = UNICAST
    scope: int = SCOPE_UNIVERSE
    table: int = RT_TABLE_MAIN
    proto: int = RTPROT_BOOT
    metric: int = 0
    tos: int = 0
    src: Ip | None = None
    nexthops: tuple[NextHop, ...] = ()
    metrics: tuple[tuple[str, int], ...] = ()
    locked: frozenset[str] = frozenset()
    owner: Owner = KERNEL

    @property
    def mtu(self) -> int:
        """MTU metric, 0 if none."""
        for name, value in self.metrics:
            if name == "mtu":
                return value
        return 0

    def same_path(self, other: Route) -> bool:
        """Equal in all that ``fib_info`` and ``fib_alias`` compare: type, scope, protocol, source, metrics and living next hops."""
        return (
            self.type == other.type
            and self.scope == other.scope
            and self.proto == other.proto
            and self.src == other.src
            and self.metrics == other.metrics
            and self.locked == other.locked
            and len(self.nexthops) == len(other.nexthops)
            and all(_same_leg(mine, theirs) for mine, theirs in zip(self.nexthops, other.nexthops, strict=True))
        )


def _same_leg(first: NextHop, second: NextHop) -> bool:
    """``nh_comp``: whether a leg is dead does not count."""
    return first == second or msgspec.structs.replace(first, dead=second.dead) == second


class RouteQuery(msgspec.Struct, frozen=True, gc=False):
    """What ``ip route del`` names: fields that are None or empty match any (``fib_table_delete``, ``fib_nh_match``)."""

    dst: Net
    table: int = RT_TABLE_MAIN
    type: str = ""
    scope: int = SCOPE_NOWHERE
    proto: int = 0
    metric: int = 0
    tos: int = 0
    src: Ip | None = None
    nexthops: tuple[NextHop, ...] = ()
    multipath: bool = False
    """The next hops were written with ``nexthop``."""
    metrics: tuple[tuple[str, int], ...] = ()

    def matches(self, route: Route) -> bool:
        """Whether ``route`` is one that this query means."""
        if (
            (self.type and route.type != self.type)
            or self.scope not in {SCOPE_NOWHERE, route.scope}
            or (self.src is not None and route.src != self.src)
            or (self.proto and route.proto != self.proto)
            or (self.metric and route.metric != self.metric)
        ):
            return False
        return self._nexthops_match(route) and set(self.metrics) <= set(route.metrics)

    def _nexthops_match(self, route: Route) -> bool:
        """``fib_nh_match``: a single next hop is compared with the first leg, several with each."""
        wanted = self.nexthops if self.multipath else self.nexthops[:1]
        if self.multipath and len(wanted) < len(route.nexthops):
            return False
        if not self.multipath and not any(hop.ifindex or hop.via is not None for hop in wanted):
            return True
        if not self.multipath and not route.nexthops:
            return False
        return all(
            (not want.ifindex or want.ifindex == have.ifindex)
            and (want.via is None or want.via == have.via)
            and (not want.realm or want.realm == have.realm)
            and (want.encap is None or want.encap == have.encap)
            for want, have in zip(wanted, route.nexthops, strict=False)
        )


def _order(route: Route) -> tuple[int, int]:
    return -route.tos, route.metric


class FibTable:
    """One routing table."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.real = number not in {RT_TABLE_DEFAULT, RT_TABLE_MAIN, RT_TABLE_LOCAL}
        """``fib_new_table`` has run: before, ``ip route show table`` says that there is no such table."""
        self._plens: list[int] = []
        self._by_plen: dict[int, dict[int, list[Route]]] = {}

    def __iter__(self) -> Iterator[Route]:
        """Routes as ``ip route`` lists them: by address, at one address the longer prefix... see ``dump``."""
        return iter(self.dump())

    def __bool__(self) -> bool:
        return bool(self._by_plen)

    def dump(self) -> list[Route]:
        """All routes in the trie's order: by address, and at one address the shorter prefix first.

        fn_trie_dump_leaf walks leaves by key; the aliases of one key are sorted by suffix length ascending, i.e. longer prefix first,
        except that the default route sits on the leaf 0.0.0.0.
        """
        rows = [route for nets in self._by_plen.values() for routes in nets.values() for route in routes]
        # Python's sort is stable: aliases of one prefix keep the table's own order.
        rows.sort(key=lambda r: (int(r.dst.addr), -r.dst.plen))
        return rows

    def at(self, dst: Net) -> list[Route]:
        """The routes to exactly this prefix, in order of preference."""
        return self._by_plen.get(dst.plen, {}).get(int(dst.addr), [])

    def candidates(self, dst: int) -> Iterator[Route]:
        """Every route whose prefix holds ``dst``, best first."""
        for plen in self._plens:
            routes = self._by_plen[plen].get(dst & prefix_mask(32, plen))
            if routes:
                yield from routes

    def insert(self, route: Route, *, create: bool, exclusive: bool, replace: bool, append: bool) -> Route | None:
        """``fib_table_insert``; returns the route that was replaced, if any.

        Raises ``NetlinkError`` EEXIST ("File exists") or ENOENT ("No such file or directory", ``ip route change`` of nothing).
        """
        self.real = True
        routes = self.at(route.dst)
        same = [r for r in routes if r.tos == route.tos and r.metric == route.metric]
        if same:
            if exclusive:
                raise NetlinkError(EEXIST)
            match = next((r for r in same if r.same_path(route)), None)
            if replace:
                if match is not None:
                    if match is same[0]:
                        return match
                    raise NetlinkError(EEXIST)
                routes[routes.index(same[0])] = route
                return same[0]
            if match is not None:
                raise NetlinkError(EEXIST)
        if not create:
            raise NetlinkError(ENOENT)
        if not routes:
            routes = []
            nets = self._by_plen.setdefault(route.dst.plen, {})
            nets[int(route.dst.addr)] = routes
            self._plens = sorted(self._by_plen, reverse=True)
        key = _order(route)
        position = len(routes)
        for index, other in enumerate(routes):
            # Without NLM_F_APPEND a new alias goes in front of its equals (ip route prepend); with it, behind.
            if _order(other) > key or (not append and _order(other) == key):
                position = index
                break
        routes.insert(position, route)
        return None

    def delete(self, query: RouteQuery) -> Route:
        """Remove the first route that the query means; raises ``NetlinkError`` ESRCH ("No such process")."""
        for route in self.at(query.dst):
            if route.tos == query.tos and query.matches(route):
                self.remove(route)
                return route
        raise NetlinkError(ESRCH)

    def remove(self, route: Route) -> None:
        """Take out this very route."""
        nets = self._by_plen[route.dst.plen]
        routes = nets[int(route.dst.addr)]
        routes.remove(route)
        if not routes:
            del nets[int(route.dst.addr)]
            if not nets:
                del self._by_plen[route.dst.plen]
                self._plens = sorted(self._by_plen, reverse=True)

    def swap(self, old: Route, new: Route) -> None:
        """Exchange a route in place (a multipath leg died or came back)."""
        routes = self.at(old.dst)
        routes[routes.index(old)] = new

    def flush(self, condition: Callable[[Route], bool]) -> list[Route]:
        """Remove every route for which the condition holds; returns them."""
        gone = [route for route in self.dump() if condition(route)]
        for route in gone:
            self.remove(route)
        return gone
