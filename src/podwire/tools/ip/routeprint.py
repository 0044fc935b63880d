"""A route as ``ip route`` prints it (print_route)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from podwire.linux.fib import RT_TABLE_MAIN, RTPROT_BOOT, UNICAST, NextHop, Route
from podwire.linux.link import SCOPE_NOWHERE, SCOPE_UNIVERSE
from podwire.tools.ip.context import Context, colour_of
from podwire.tools.ip.output import IFNAME, PLAIN
from podwire.tools.ip.routeencap import print_encap

if TYPE_CHECKING:
    from podwire.tools.ip.grammar import Prefix

# RTAX_*: the order in which metrics are printed.
METRIC_ORDER: Final = (
    "mtu",
    "window",
    "rtt",
    "rttvar",
    "ssthresh",
    "cwnd",
    "advmss",
    "reordering",
    "hoplimit",
    "initcwnd",
    "features",
    "rto_min",
    "initrwnd",
    "quickack",
    "congctl",
    "fastopen_no_cookie",
)
_SCALE: Final = {"rtt": 8, "rttvar": 4}
_SECOND: Final = 1000


class Hidden(msgspec.Struct):
    """What a filter named and the lines therefore leave out."""

    table: bool = False
    protocol: bool = False
    scope: bool = False
    tos: bool = False
    dev: bool = False
    metric: bool = False
    via: Prefix | None = None
    src: Prefix | None = None
    type: bool = False


def is_host(prefix: Prefix | None) -> bool:
    """Filtered by one address, not by a network."""
    return prefix is not None and prefix.addr is not None and prefix.plen == prefix.addr.bits


def print_dst(ctx: Context, route: Route) -> None:
    """The prefix; ``default`` has no colour."""
    net = route.dst
    if net.plen == 0:
        ctx.out.put("dst", "default")
        return
    text = ctx.host(net.addr) if net.plen == net.addr.bits else str(net)
    ctx.out.put("dst", text, "{} ", colour_of(net.addr))


def nexthop_flags(ctx: Context, hop: NextHop) -> list[str]:
    """RTNH_F_*: dead, onlink, linkdown, in the order of printing.

    A leg is ``linkdown`` while its device has no carrier (never one to a local address), and ``dead`` as well where
    ``ignore_routes_with_linkdown`` says so.
    """
    netns = ctx.netns
    link = netns.link_by_index(hop.ifindex)
    down = hop.dead or (link is not None and hop.scope != SCOPE_NOWHERE and not link.carrier)
    ignored = link is not None and bool(
        link.conf.ignore_routes_with_linkdown or netns.conf_all.ignore_routes_with_linkdown
    )
    words = {"dead": hop.dead or (down and ignored), "onlink": hop.onlink, "linkdown": down}
    return [word for word, shown in words.items() if shown]


def _flags(ctx: Context, hops: tuple[NextHop, ...]) -> list[str]:
    """A multipath route as a whole is ``linkdown`` where each of its legs is."""
    if len(hops) == 1:
        return nexthop_flags(ctx, hops[0])
    return ["linkdown"] if hops and all("linkdown" in nexthop_flags(ctx, hop) for hop in hops) else []


def print_flags(ctx: Context, words: list[str]) -> None:
    """The flags of a route or of one leg."""
    with ctx.out.array("flags"):
        for word in words:
            ctx.out.item(word)


def print_gateway(ctx: Context, hop: NextHop) -> None:
    """``via ADDRESS``."""
    if hop.via is not None:
        ctx.out.text("via ")
        ctx.out.put("gateway", ctx.host(hop.via), "{} ", colour_of(hop.via))


def print_device(ctx: Context, key: str, ifindex: int) -> None:
    """``dev NAME`` or ``iif NAME``."""
    ctx.out.text(key + " ")
    ctx.out.put(key, ctx.device_name(ifindex), "{} ", IFNAME)


def print_realm(ctx: Context, realm: int) -> None:
    """``realm N``, or ``realms FROM/TO``."""
    out, source, target = ctx.out, realm >> 16, realm & 0xFFFF
    out.text("realms " if source else "realm ")
    with out.object("flow"):
        if source:
            out.put("from", _realm(ctx, source), "{}/")
        out.put("to", _realm(ctx, target))


def _realm(ctx: Context, realm: int) -> str:
    return str(realm) if ctx.options.numeric else {0: "cosmos"}.get(realm, str(realm))


def print_metrics(ctx: Context, route: Route) -> None:
    """``mtu``, ``advmss`` … in the kernel's order; times of ``rtt`` are kept in eighths."""
    values = dict(route.metrics)
    names = [name for name in METRIC_ORDER if name in values or name in route.locked]
    if not names:
        return
    out = ctx.out
    with out.array("metrics"), out.object():
        for name in names:
            value = values.get(name, 0)
            out.text(name + " ")
            if name in route.locked:
                out.text("lock ")
            if name in {"rtt", "rttvar", "rto_min"}:
                value //= _SCALE.get(name, 1)
                out.put(name, value, f"{value / _SECOND:g}s " if value >= _SECOND else "{}ms ")
            elif name == "features":
                if value & 1:
                    out.null("ecn", "ecn ")
            else:
                out.put(name, value)


def print_route(ctx: Context, route: Route, hidden: Hidden, *, table: int | None = None) -> None:
    """One route, multipath legs included. ``table`` is the one that the kernel names, where it is not the route's own."""
    out, details = ctx.out, ctx.options.details > 0
    hops = route.nexthops
    single = hops[0] if len(hops) == 1 else None
    with out.object():
        if route.type != UNICAST or details:
            out.put("type", ctx.names.type(route.type))
        print_dst(ctx, route)
        if single is not None:
            print_encap(ctx, single.encap)
        if route.tos and not hidden.tos:
            out.put("tos", ctx.names.dsfield(route.tos), "tos {} ")
        if single is not None:
            if not is_host(hidden.via):
                print_gateway(ctx, single)
            if single.ifindex and not hidden.dev:
                print_device(ctx, "dev", single.ifindex)
        number = route.table if table is None else table
        if (number != RT_TABLE_MAIN or details) and not hidden.table:
            out.put("table", ctx.names.table(number), "table {} ")
        if (route.proto != RTPROT_BOOT or details) and not hidden.protocol:
            out.put("protocol", ctx.names.proto(route.proto), "proto {} ")
        if (route.scope != SCOPE_UNIVERSE or details) and not hidden.scope:
            out.put("scope", ctx.names.scope(route.scope), "scope {} ")
        if route.src is not None and not is_host(hidden.src):
            out.text("src ")
            out.put("prefsrc", str(route.src), "{} ", colour_of(route.src))
        if route.metric and not hidden.metric:
            out.put("metric", route.metric, "metric {} ")
        print_flags(ctx, _flags(ctx, hops))
        if single is not None and single.realm:
            print_realm(ctx, single.realm)
        print_metrics(ctx, route)
        if single is None and hops:
            _print_legs(ctx, hops)
        out.text("\n")


def _print_legs(ctx: Context, hops: tuple[NextHop, ...]) -> None:
    out = ctx.out
    with out.array("nexthops"):
        for hop in hops:
            with out.object():
                out.text(f"{out.newline}\tnexthop ")
                print_encap(ctx, hop.encap)
                print_gateway(ctx, hop)
                if hop.realm:
                    print_realm(ctx, hop.realm)
                out.put("dev", ctx.device_name(hop.ifindex), "dev {} ", PLAIN)
                out.put("weight", hop.weight, "weight {} ")
                print_flags(ctx, nexthop_flags(ctx, hop))
