"""``ip route get``: which way a packet would take (iproute_get, inet_rtm_getroute, rt_fill_info)."""

from __future__ import annotations

from errno import EHOSTUNREACH, EINVAL, ENETUNREACH, ENODEV

import msgspec

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.fib import BROADCAST, LOCAL, MULTICAST, RT_TABLE_LOCAL, RT_TABLE_MAIN, UNICAST, NextHop, Route
from podwire.linux.path.exception import RouteException, find_exception, legs_of
from podwire.linux.path.lookup import fib_lookup
from podwire.linux.path.route import Dst, ip_route_output, on_link_gateway
from podwire.linux.path.routein import ip_route_input
from podwire.tools.ip.context import Context, colour_of
from podwire.tools.ip.grammar import Fail, Prefix, Words, matches, no_device, number, prefix, usage, wrong
from podwire.tools.ip.names import dsfield_number, ipproto_number, table_number
from podwire.tools.ip.routeencap import print_encap
from podwire.tools.ip.routeprint import Hidden, is_host, print_device, print_metrics, print_route
from podwire.wire.addr import AF_INET6, ANY4, Ip, Ip4, Net
from podwire.wire.headers import IPPROTO_UDP

_NSEC = 1_000_000_000
_PORT = 0xFFFF
_TOS_MASK = 0x1C


class _Query(msgspec.Struct):
    family: int
    dst: Prefix | None = None
    source: Prefix | None = None
    iif: str | None = None
    oif: str | None = None
    mark: int = 0
    tos: int = 0
    uid: int = 0
    ipproto: int = 0
    sport: int = 0
    dport: int = 0
    fibmatch: bool = False


def _parse(ctx: Context, words: Words) -> _Query:  # noqa: C901 - one branch per keyword
    query = _Query(ctx.family)
    while words:
        word = words.take()
        if word == "tos" or matches(word, "dsfield"):
            # Routes are compared with the bits of the old TOS alone (INET_DSCP_LEGACY_TOS_MASK).
            query.tos = _number(words, dsfield_number, "TOS value is invalid\n") & _TOS_MASK
        elif matches(word, "from"):
            text = words.value()
            if matches(text, "help"):
                raise usage("ip route")
            query.source = prefix(text, query.family)
            query.family = query.family or query.source.family
        elif matches(word, "iif"):
            query.iif = words.value()
        elif matches(word, "mark"):
            query.mark = _number(words, number, "invalid mark value")
        elif matches(word, "oif") or word == "dev":
            query.oif = words.value()
        elif matches(word, "notify"):
            pass
        elif matches(word, "connected"):
            raise NotModelled("connected", "ip route get")
        elif matches(word, "vrf"):
            raise wrong("Invalid VRF\n", words.value())
        elif matches(word, "uid"):
            query.uid = _number(words, number, "invalid UID\n")
        elif matches(word, "fibmatch"):
            query.fibmatch = True
        elif word == "as":
            raise NotModelled("as", "ip route get")
        elif matches(word, "sport"):
            query.sport = _number(words, _port, "invalid sport\n")
        elif matches(word, "dport"):
            query.dport = _number(words, _port, "invalid dport\n")
        elif matches(word, "ipproto"):
            query.ipproto = _number(words, ipproto_number, 'Invalid "ipproto" value\n')
        else:
            _destination(ctx, query, word, words)
    if query.dst is None:
        raise Fail(1, "need at least a destination address\n")
    for name in (query.iif, query.oif):
        if name is not None and ctx.device(name) is None:
            raise no_device(name)
    return query


def _port(text: str) -> int | None:
    return number(text, _PORT)


def _number(words: Words, read: object, complaint: str) -> int:
    text = words.value()
    value = read(text) if callable(read) else None
    if not isinstance(value, int):
        raise wrong(complaint, text)
    return value


def _destination(ctx: Context, query: _Query, word: str, words: Words) -> None:
    if word == "to":
        word = words.value()
    if matches(word, "help"):
        raise usage("ip route")
    found = prefix(word, query.family)
    query.family = query.family or found.family
    query.dst = found
    bits = 128 if query.family == AF_INET6 else 32
    if query.family and found.plen != bits:
        ctx.proc.error(f"Warning: /{found.plen} as prefix is invalid, only /{bits} (or none) is supported.\n")


def get(ctx: Context, words: Words) -> int:
    """``ip route get``."""
    query = _parse(ctx, words)
    with ctx.talk():
        _get(ctx, query)
    return 0


def _get(ctx: Context, query: _Query) -> None:
    if query.family == AF_INET6:
        if any(link.addresses6 for link in ctx.netns.links()):
            raise NotModelled("IPv6 routes", "ip route get")
        raise NetlinkError(ENETUNREACH)
    daddr: Ip = Ip4(query.dst.addr or 0) if query.dst is not None else ANY4
    saddr: Ip = Ip4(query.source.addr or 0) if query.source is not None else ANY4
    dst = _route(ctx, query, daddr, saddr)
    if dst.kind == "error":
        raise NetlinkError(dst.error or ENETUNREACH)
    if dst.kind == "drop":
        raise NetlinkError(EINVAL)
    route = _fib_route(ctx, query, dst, daddr, saddr)
    # 0.0.0.0 is this host, without a lookup.
    table = _table(ctx, dst) if daddr else 0
    with ctx.out.document():
        if query.fibmatch:
            if route is None:
                # fib_props[].error of a lookup that found none is 0.
                raise NetlinkError(EHOSTUNREACH)
            # fri.type = rt->rt_type: what the packet is, not what the route is.
            print_route(ctx, msgspec.structs.replace(route, type=dst.type), Hidden(), table=table)
        else:
            _print(ctx, query, dst, route, daddr, saddr, table)


def _route(ctx: Context, query: _Query, daddr: Ip, saddr: Ip) -> Dst:
    netns = ctx.netns
    ports = _ports(query)
    if query.iif is not None:
        link = ctx.device(query.iif)
        assert link is not None  # noqa: S101 - _parse saw to it
        if link.is_loopback:
            raise NetlinkError(EINVAL)
        return ip_route_input(netns, daddr, saddr, link, mark=query.mark, tos=query.tos, ports=ports)
    oif = ctx.device(query.oif) if query.oif is not None else None
    if oif is not None and oif not in netns.links():
        raise NetlinkError(ENODEV)
    return ip_route_output(netns, daddr, saddr, oif=oif, mark=query.mark, tos=query.tos, any_src=False, ports=ports)


def _ports(query: _Query) -> tuple[int, int, int]:
    """inet_rtm_getroute takes it for UDP unless it is told otherwise."""
    return query.ipproto or IPPROTO_UDP, query.sport, query.dport


def _fib_route(ctx: Context, query: _Query, dst: Dst, daddr: Ip, saddr: Ip) -> Route | None:
    """The route behind the answer: None where the kernel answers without one."""
    if not dst.by.table or not daddr:
        return None
    iif = ctx.device(query.iif) if query.iif is not None else None
    oif = ctx.device(query.oif) if query.oif is not None and iif is None else None
    return fib_lookup(
        ctx.netns, daddr, saddr, iif=iif, oif=oif, mark=query.mark, tos=query.tos, ports=_ports(query)
    ).route


def _table(ctx: Context, dst: Dst) -> int:
    """The table that the kernel names: 0 where it looked into none.

    Without policy rules ``local`` and ``main`` are one trie, which is called ``main``.
    """
    if not dst.by.table:
        return 0
    table = table_number(dst.by.table) or 0
    return RT_TABLE_MAIN if table == RT_TABLE_LOCAL and not ctx.netns.custom_rules else table


def _cache_flags(query: _Query, dst: Dst) -> list[str]:
    """RTCF_*, in the order of printing."""
    loopback = dst.link is not None and dst.link.is_loopback
    local = dst.type in {LOCAL, BROADCAST} or loopback or (dst.type == MULTICAST and (dst.is_input or dst.member))
    words = {
        "local": local,
        "mc": dst.type == MULTICAST,
        "brd": dst.type == BROADCAST,
        "redirected": dst.redirected,
        "redirect": query.iif is not None and dst.redirect,
    }
    return [word for word, shown in words.items() if shown]


def _print(ctx: Context, query: _Query, dst: Dst, route: Route | None, daddr: Ip, saddr: Ip, table: int) -> None:
    out, details = ctx.out, ctx.options.details > 0
    is_input = query.iif is not None
    with out.object():
        if dst.type != UNICAST or details:
            out.put("type", ctx.names.type(dst.type))
        out.put("dst", ctx.host(daddr), "{} ", colour_of(daddr))
        if query.source is not None and saddr:
            out.put("from", ctx.host(saddr), "from {} ", colour_of(saddr))
        print_encap(ctx, dst.encap)
        if route is not None and route.tos:
            out.put("tos", ctx.names.dsfield(route.tos), "tos {} ")
        if dst.gateway is not None:
            out.text("via ")
            out.put("gateway", ctx.host(dst.gateway), "{} ", colour_of(dst.gateway))
        link = ctx.netns.loopback if is_input and dst.kind == "local" else dst.link
        if link is not None:
            print_device(ctx, "dev", link.ifindex)
        if table and (table != RT_TABLE_MAIN or details):
            out.put("table", ctx.names.table(table), "table {} ")
        if not is_input and dst.src != saddr:
            out.text("src ")
            out.put("prefsrc", str(dst.src), "{} ", colour_of(dst.src))
        with out.array("flags"):
            if dst.type == MULTICAST:
                # RTCF_MULTICAST has the value of RTM_F_OFFLOAD_FAILED.
                out.item("rt_offload_failed")
        _print_mark(ctx, query.mark)
        if not is_input:
            out.put("uid", query.uid, "uid {} ")
        _print_cache(ctx, _cache_flags(query, dst))
        if dst.expires:
            out.put("expires", max(0, dst.expires - ctx.proc.now) // _NSEC, "expires {}sec ")
        # __mkroute_output: of a route that is not about broadcasts or groups no metric is taken over for them.
        foreign = dst.type == BROADCAST or (dst.type == MULTICAST and route is not None and route.dst.plen < 4)
        _print_metrics(ctx, None if foreign else route, dst.pmtu, locked=dst.locked)
        if query.iif is not None:
            print_device(ctx, "iif", _index(ctx, query.iif))
        out.text("\n")


def _index(ctx: Context, name: str) -> int:
    link = ctx.device(name)
    return link.ifindex if link is not None else 0


class Learned(msgspec.Struct):
    """A line of ``ip route show cache``: the exception as a route, the route that it is an exception of, and itself."""

    entry: Route
    route: Route
    exception: RouteException


def cached(ctx: Context) -> list[Learned]:
    """``fib_dump_info_fnhe``: what was learned for single destinations, under each route that shares the next hop it hangs on.

    What no packet has used since it was learned is not listed.
    """
    netns = ctx.netns
    if not netns.exceptions:
        return []
    newest_first = list(netns.tables)[::-1]  # the tables as a list of routes has them
    numbers = sorted(newest_first, key=lambda number_: number_ & 0xFF)
    return [
        Learned(_as_route(key.nexthop, route, addr, exception), route, exception)
        for number_ in numbers
        for route in netns.tables[number_].dump()
        for key in legs_of(route)
        for addr in list(netns.exceptions.get(key, ()))
        if (exception := find_exception(netns, key, addr)) is not None and exception.bound
    ]


def _as_route(leg: NextHop, route: Route, addr: Ip, exception: RouteException) -> Route:
    hop = NextHop(leg.ifindex, exception.gateway or on_link_gateway(leg))
    return Route(Net(addr, 32), table=route.table, proto=0, nexthops=(hop,))


def print_cached(ctx: Context, learned: Learned, hidden: Hidden) -> None:
    """A line of ``ip route show cache``."""
    entry, exception = learned.entry, learned.exception
    out, addr, hop = ctx.out, entry.dst.addr, entry.nexthops[0]
    with out.object():
        if ctx.options.details > 0:
            out.put("type", ctx.names.type(UNICAST))
        out.put("dst", ctx.host(addr), "{} ", colour_of(addr))
        if hop.via is not None and not is_host(hidden.via):
            out.text("via ")
            out.put("gateway", ctx.host(hop.via), "{} ", colour_of(hop.via))
        if not hidden.dev:
            print_device(ctx, "dev", hop.ifindex)
        if not hidden.table and (entry.table != RT_TABLE_MAIN or ctx.options.details > 0):
            out.put("table", ctx.names.table(entry.table), "table {} ")
        with out.array("flags"):
            pass
        _print_cache(ctx, ["redirected"] if exception.gateway is not None else [])
        if exception.expires:
            out.put("expires", max(0, exception.expires - ctx.proc.now) // _NSEC, "expires {}sec ")
        _print_metrics(ctx, learned.route, exception.mtu, locked=exception.locked)
        out.text("\n")


def _print_mark(ctx: Context, mark: int) -> None:
    if mark:
        ctx.out.put("mark", mark, f"mark 0x{mark:x} " if mark >= 16 else "mark {} ")


def _print_cache(ctx: Context, words: list[str]) -> None:
    out = ctx.out
    with out.array("cache", f"{out.newline}    cache "):
        for index, word in enumerate(words):
            last = index == len(words) - 1
            out.item(word, ("<" if index == 0 else "") + ("{}> " if last else "{},"))


def _print_metrics(ctx: Context, route: Route | None, mtu: int, *, locked: bool) -> None:
    """The route's metrics; a path MTU that was learned hides the route's own."""
    if route is None or route.type != UNICAST:
        return
    values = dict(route.metrics)
    if mtu:
        values["mtu"] = mtu
    names = route.locked | ({"mtu"} if locked else set())
    print_metrics(ctx, msgspec.structs.replace(route, metrics=tuple(values.items()), locked=frozenset(names)))
