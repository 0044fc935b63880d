"""``ip route show`` and ``flush``: selectors, and the routes they let through (iproute_list_flush_or_save)."""

from __future__ import annotations

from errno import ENOENT

import msgspec

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.fib import RT_TABLE_LOCAL, RT_TABLE_MAIN, Route
from podwire.tools.ip.context import Context, refusal
from podwire.tools.ip.grammar import FAMILIES, Fail, Prefix, Words, matches, no_device, number, prefix, usage, wrong
from podwire.tools.ip.names import dsfield_number, proto_number, scope_number, table_number, type_name
from podwire.tools.ip.routeget import cached, print_cached
from podwire.tools.ip.routeprint import Hidden, print_route
from podwire.wire.addr import AF_INET, AF_INET6


class RouteFilter(msgspec.Struct):
    """What a list of routes is narrowed to; ``table`` 0 is all of them."""

    family: int
    table: int = RT_TABLE_MAIN
    cloned: bool = False
    tos: int | None = None
    protocol: int | None = None
    scope: int | None = None
    type: str = ""
    dev: str | None = None
    iif: str | None = None
    oif: int | None = None
    metric: int | None = None
    mark: int | None = None
    via: Prefix | None = None
    src: Prefix | None = None
    from_: bool = False
    root: Prefix | None = None
    match: Prefix | None = None

    def hidden(self) -> Hidden:
        """What every line would repeat."""
        return Hidden(
            table=self.table != 0,
            protocol=self.protocol is not None,
            scope=self.scope is not None,
            tos=self.tos is not None,
            dev=self.oif is not None,
            metric=self.metric is not None,
            via=self.via,
            src=self.src,
        )


def _named(value: int | None, complaint: str, text: str) -> int:
    if value is None:
        raise wrong(complaint, text)
    return value


def parse_filter(ctx: Context, words: Words) -> RouteFilter:
    """The selectors of ``show`` and ``flush``."""
    wanted = RouteFilter(ctx.family)
    while words:
        word = words.take()
        if not (_by_number(wanted, word, words) or _by_device(wanted, word, words)):
            _by_prefix(wanted, word, words)
    for name in (wanted.iif, wanted.dev):
        if name is not None and ctx.device(name) is None:
            raise no_device(name)
    if wanted.dev is not None:
        link = ctx.device(wanted.dev)
        wanted.oif = link.ifindex if link is not None else None
    return wanted


def _by_number(wanted: RouteFilter, word: str, words: Words) -> bool:
    if matches(word, "table"):
        _table(wanted, words.value())
    elif matches(word, "vrf"):
        raise NotModelled("vrf", "ip route")
    elif matches(word, "cached", "cloned"):
        wanted.cloned = True
    elif word == "tos" or matches(word, "dsfield"):
        text = words.value()
        wanted.tos = _named(dsfield_number(text), "TOS value is invalid\n", text)
    elif matches(word, "protocol"):
        text = words.value()
        wanted.protocol = proto_number(text)
        if wanted.protocol is None and text != "all":
            raise wrong('invalid "protocol"\n', text)
    elif matches(word, "scope"):
        text = words.value()
        wanted.scope = scope_number(text)
        if wanted.scope is None and text != "all":
            raise wrong('invalid "scope"\n', text)
    elif matches(word, "type"):
        text = words.value()
        kind = type_name(text)
        if kind is None:
            raise wrong("node type value is invalid\n", text)
        wanted.type = kind
    elif word == "mark":
        text = words.value()
        wanted.mark = _named(number(text), "invalid mark value", text)
    elif matches(word, "metric", "priority") or word == "preference":
        text = words.value()
        wanted.metric = _named(number(text), '"metric" value is invalid\n', text)
    else:
        return False
    return True


def _table(wanted: RouteFilter, text: str) -> None:
    table = table_number(text)
    if table is not None:
        wanted.table = table
    elif text == "all":
        wanted.table = 0
    elif text == "cache":
        wanted.cloned = True
    elif text == "help":
        raise usage("ip route")
    else:
        raise wrong("table id value is invalid\n", text)


def _by_device(wanted: RouteFilter, word: str, words: Words) -> bool:
    if word in {"dev", "oif"}:
        wanted.dev = words.value()
    elif word == "iif":
        wanted.iif = words.value()
    elif word == "via":
        text = words.value()
        family = FAMILIES.get(text, 0)
        if family:
            text = words.value()
        wanted.via = prefix(text, family or wanted.family)
    elif word == "src":
        wanted.src = prefix(words.value(), wanted.family)
    elif matches(word, "realms"):
        raise NotModelled("realms", "ip route show")
    elif matches(word, "from"):
        text = words.value()
        if matches(text, "root", "match", "exact"):
            text = words.value()
        wanted.from_ = prefix(text, wanted.family).plen > 0 or wanted.from_
    else:
        return False
    return True


def _by_prefix(wanted: RouteFilter, word: str, words: Words) -> None:
    if matches(word, "to"):
        word = words.value()
    if matches(word, "root"):
        wanted.root = prefix(words.value(), wanted.family)
    elif matches(word, "match"):
        wanted.match = prefix(words.value(), wanted.family)
    else:
        if matches(word, "exact"):
            word = words.value()
        wanted.root = wanted.match = prefix(word, wanted.family)


# -- selection ----------------------------------------------------------------------------------------------------


def lets_through(wanted: RouteFilter, route: Route) -> bool:
    """``filter_nlmsg``. Of a multipath route only the kernel sees the devices of the legs."""
    hop = route.nexthops[0] if len(route.nexthops) == 1 else None
    return (
        not (wanted.from_ or wanted.mark or wanted.iif is not None)
        and wanted.table in {0, route.table}
        and wanted.protocol in {None, route.proto}
        and wanted.scope in {None, route.scope}
        and (not wanted.type or wanted.type == route.type)
        and wanted.tos in {None, route.tos}
        and (wanted.oif is None or (hop is not None and hop.ifindex == wanted.oif))
        and wanted.metric in {None, route.metric}
        and _within(wanted, route)
        and (wanted.via is None or _holds(wanted.via, hop.via if hop is not None else None))
        and (wanted.src is None or _holds(wanted.src, route.src))
    )


def _holds(prefix_: Prefix, addr: object) -> bool:
    # What a route does not have counts as 0.0.0.0.
    if prefix_.family not in {0, AF_INET}:
        return False
    mine = int(prefix_.addr) if prefix_.addr is not None else 0
    theirs = addr if isinstance(addr, int) else 0
    return prefix_.plen == 0 or (mine ^ theirs) >> (32 - prefix_.plen) == 0


def _within(wanted: RouteFilter, route: Route) -> bool:
    dst = route.dst
    for limit in (wanted.root, wanted.match):
        if limit is not None and limit.family not in {0, dst.family}:
            return False
    root, match = wanted.root, wanted.match
    below = root is None or not (root.family or root.given) or (root.plen <= dst.plen and root.holds(dst.addr))
    if not below:
        return False
    if match is not None and (match.family or match.given):
        mine = int(match.addr) if match.addr is not None else 0
        if match.plen < dst.plen or (mine ^ int(dst.addr)) >> (dst.addr.bits - dst.plen):
            return False
    return True


def table_exists(ctx: Context, number_: int) -> bool:
    """The kernel makes a table with its first route, ``main`` together with ``local``."""
    tables = ctx.netns.tables
    if number_ in {RT_TABLE_MAIN, RT_TABLE_LOCAL}:
        return tables[RT_TABLE_MAIN].real or tables[RT_TABLE_LOCAL].real
    return number_ in tables and tables[number_].real


def routes(ctx: Context, wanted: RouteFilter) -> list[Route]:
    """The routes that the filter lets through, in the order of a dump: tables by the last octet of their number."""
    tables = ctx.netns.tables
    if wanted.table:
        if not table_exists(ctx, wanted.table):
            if wanted.table == RT_TABLE_MAIN:
                return []
            raise NetlinkError(ENOENT, "ipv4: FIB table does not exist")
        numbers = [wanted.table]
    else:
        # Of two tables in one bucket the newer one is listed first.
        newest_first = list(tables)[::-1]
        numbers = sorted(newest_first, key=lambda number_: number_ & 0xFF)
    if wanted.cloned:
        return []  # RTM_F_CLONED: exceptions, and no routes
    return [route for number_ in numbers for route in tables[number_].dump() if lets_through(wanted, route)]


def check_ipv6(ctx: Context, what: str) -> None:
    """IPv6 has addresses in this kernel model and no routes: a list is known to be empty only where there is no IPv6."""
    if any(link.addresses6 for link in ctx.netns.links()):
        raise NotModelled(f"IPv6 {what}", "ip -6")


def _ipv6(ctx: Context, wanted: RouteFilter) -> list[Route]:
    check_ipv6(ctx, "routes")
    if wanted.table not in {0, RT_TABLE_MAIN, RT_TABLE_LOCAL}:
        raise NetlinkError(ENOENT, "ipv6: FIB table does not exist")
    return []


def show(ctx: Context, words: Words) -> int:
    """``ip route show``."""
    wanted = parse_filter(ctx, words)
    try:
        found = _ipv6(ctx, wanted) if wanted.family == AF_INET6 else _existing(ctx, wanted)
    except NetlinkError as error:
        if ctx.options.json:
            ctx.proc.write("[ " if ctx.options.pretty else "[")  # the tool stops in the middle
        raise Fail(2, refusal(error) + "Dump terminated\n") from None
    if wanted.table == 0 and wanted.family == 0:
        check_ipv6(ctx, "routes (of all tables)")
    hidden = wanted.hidden()
    with ctx.out.document():
        if wanted.cloned:
            for learned in cached(ctx):
                if lets_through(wanted, learned.entry):
                    print_cached(ctx, learned, hidden)
            return 0
        for route in found:
            print_route(ctx, route, hidden)
    return 0


def flush(ctx: Context, words: Words) -> int:
    """``ip route flush``: delete what the selectors mean; ``cache`` has been empty since Linux 3.6."""
    if not words:
        raise Fail(1, '"ip route flush" requires arguments.\n')
    wanted = parse_filter(ctx, words)
    stats, rounds, write = ctx.options.stats, 0, ctx.proc.write
    if wanted.cloned:
        ctx.netns.exceptions.clear()
        ctx.netns.changed()
        if stats:
            write("*** IPv4 routing cache is flushed.\n")
        if wanted.table:
            return 0
    while True:
        found = _flushable(ctx, wanted)
        if stats > 1:
            for route in found:
                print_route(ctx, route, wanted.hidden())
        if not found:
            break
        rounds += 1
        for route in found:
            ctx.door.route_remove(route)
        if stats:
            write(f"\n*** Round {rounds}, deleting {len(found)} entries ***\n")
    if stats and rounds:
        write(f"*** Flush is complete after {rounds} round{'s' if rounds > 1 else ''} ***\n")
    elif stats:
        write("Nothing to flush.\n")
    return 0


def _flushable(ctx: Context, wanted: RouteFilter) -> list[Route]:
    if wanted.family == AF_INET6:
        check_ipv6(ctx, "routes")
        return []
    try:
        return _existing(ctx, wanted)
    except NetlinkError as error:
        raise Fail(2, refusal(error) + "Flush terminated\n") from None


def _existing(ctx: Context, wanted: RouteFilter) -> list[Route]:
    """A batch does not ask for strict dumps (rtnl_set_strict_dump): there a table that does not exist is an empty one."""
    try:
        return routes(ctx, wanted)
    except NetlinkError:
        if ctx.options.batch is None:
            raise
        return []
