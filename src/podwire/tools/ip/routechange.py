"""``ip route add``, ``replace``, ``change``, ``append``, ``prepend`` and ``del`` (iproute_modify)."""

from __future__ import annotations

from errno import EAFNOSUPPORT, EINVAL

import msgspec

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.fib import (
    ANYCAST,
    BROADCAST,
    LOCAL,
    MULTICAST,
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
    RTPROT_BOOT,
    UNICAST,
    NextHop,
    Route,
    RouteQuery,
)
from podwire.linux.link import SCOPE_HOST, SCOPE_LINK, SCOPE_NOWHERE, SCOPE_UNIVERSE
from podwire.linux.tunnel import TunnelInfo
from podwire.tools.ip.context import Context
from podwire.tools.ip.grammar import (
    FAMILIES,
    Fail,
    Words,
    address,
    garbage,
    matches,
    no_device,
    number,
    prefix,
    usage,
    wrong,
)
from podwire.tools.ip.names import dsfield_number, proto_number, scope_number, table_number, type_name
from podwire.tools.ip.routeencap import parse_encap
from podwire.tools.ip.routemetrics import Metrics
from podwire.tools.ip.routenexthop import parse_legs, realm_number
from podwire.wire.addr import AF_INET, AF_INET6, Ip, Ip4, Net

_ECN = 3
_USAGE = "Usage: ip route { list | flush } SELECTOR\n"


class _Request(msgspec.Struct):
    family: int
    dst: tuple[Ip | None, int] | None = None
    type: str = ""
    src: Ip | None = None
    via: Ip | None = None
    via_given: bool = False
    dev: str | None = None
    onlink: bool = False
    tos: int = 0
    metric: int = 0
    scope: int | None = None
    proto: int | None = None
    table: int | None = None
    realm: int = 0
    encap: TunnelInfo | None = None
    metrics: Metrics = msgspec.field(default_factory=Metrics)
    legs: tuple[NextHop, ...] | None = None


def _parse(ctx: Context, words: Words) -> _Request:
    req = _Request(ctx.family)
    while words:
        word = words.take()
        if word == "nexthop":
            words.back()
            break
        if not (_where(req, word, words) or _what(req, word, words) or req.metrics.parse(word, words)):
            _destination(req, word, words)
    if req.dst is None:
        raise Fail(255, _USAGE)
    if req.dev is not None and ctx.device(req.dev) is None:
        raise no_device(req.dev)
    if words:
        req.family, req.legs = parse_legs(ctx, words, req.family)
    return req


def _where(req: _Request, word: str, words: Words) -> bool:
    """Addresses and devices."""
    if word == "src":
        found = address(words.value(), req.family)
        req.family = req.family or found.family
        req.src = found.addr
    elif word == "via":
        if req.via_given:
            raise wrong("use nexthop syntax to specify multiple via\n", word)
        req.via_given = True
        req.family, req.via = _gateway(words, req.family)
    elif word in {"dev", "oif"}:
        req.dev = words.value()
    elif word == "onlink":
        req.onlink = True
    elif word == "from":
        # IPv4 takes the source prefix and forgets it.
        source = prefix(words.value(), req.family)
        req.family = req.family or source.family
    elif word == "encap":
        req.encap = parse_encap(words)
    elif word in {"as", "nhid", "expires", "ttl-propagate", "pref"} or matches(word, "vrf"):
        raise NotModelled(word, "ip route")
    else:
        return False
    return True


def _gateway(words: Words, family: int) -> tuple[int, Ip | None]:
    text = words.value()
    named = FAMILIES.get(text, 0)
    if named:
        text = words.value()
    found = address(text, named or family)
    if family and found.family != family:
        raise NotModelled(f"via {text} for another family", "ip route")
    gateway = found.addr
    # 0.0.0.0 is no gateway to the kernel.
    return family or found.family, gateway or None


def _what(req: _Request, word: str, words: Words) -> bool:
    """Numbers of the route itself."""
    if word == "tos" or matches(word, "dsfield"):
        req.tos = _value(dsfield_number, words, '"tos" value is invalid\n')
    elif matches(word, "metric", "priority") or word == "preference":
        req.metric = _value(number, words, '"metric" value is invalid\n')
    elif word == "scope":
        req.scope = _value(scope_number, words, 'invalid "scope" value\n')
    elif matches(word, "realms"):
        req.realm = _value(realm_number, words, '"realm" value is invalid\n')
    elif matches(word, "protocol"):
        req.proto = _value(proto_number, words, '"protocol" value is invalid\n')
    elif matches(word, "table"):
        req.table = _value(table_number, words, '"table" value is invalid\n')
    else:
        return False
    return True


def _value(read: object, words: Words, complaint: str) -> int:
    text = words.value()
    found = read(text) if callable(read) else None
    if not isinstance(found, int):
        raise wrong(complaint, text)
    return found


def _destination(req: _Request, word: str, words: Words) -> None:
    if word == "to":
        word = words.value()
    if not word[:1].isdigit():
        kind = type_name(word)
        if kind is not None:
            req.type = kind
            word = words.value()
    if matches(word, "help"):
        raise usage("ip route")
    if req.dst is not None:
        raise garbage("to", word)
    found = prefix(word, req.family)
    req.family = req.family or found.family
    req.dst = (found.addr, found.plen)


def _scope_of(req: _Request, kind: str, *, deleting: bool) -> int:
    """The scope that a command without ``scope`` means."""
    if req.scope is not None:
        return req.scope
    if kind in {LOCAL, "nat"}:
        return SCOPE_HOST
    if kind in {BROADCAST, MULTICAST, ANYCAST}:
        return SCOPE_LINK
    if deleting:
        return SCOPE_NOWHERE
    if kind == UNICAST and not req.via_given and req.legs is None:
        return SCOPE_LINK
    return SCOPE_UNIVERSE


def _table_of(req: _Request, kind: str) -> int:
    if req.table is not None:
        return req.table or RT_TABLE_MAIN
    return RT_TABLE_LOCAL if kind in {LOCAL, BROADCAST, "nat", ANYCAST} else RT_TABLE_MAIN


def _net(req: _Request) -> Net:
    assert req.dst is not None  # noqa: S101 - _parse saw to it
    addr, plen = req.dst
    value = Ip4(addr or 0)
    if int(value) & ((1 << (32 - plen)) - 1):
        raise NetlinkError(EINVAL, "Invalid prefix for given prefix length")
    return Net(value, plen)


def _legs(ctx: Context, req: _Request) -> tuple[NextHop, ...]:
    link = ctx.device(req.dev) if req.dev is not None else None
    if req.legs is not None:
        first = req.legs[0]
        if link is not None and first.ifindex != link.ifindex:
            raise NetlinkError(EINVAL, "Nexthop device index does not match RTA_OIF")
        if req.via is not None and first.via != req.via:
            raise NetlinkError(EINVAL, "Nexthop gateway does not match RTA_GATEWAY or RTA_VIA")
        return req.legs
    if link is None and req.via is None and not req.onlink:
        return (NextHop(realm=req.realm, encap=req.encap),) if req.realm or req.encap is not None else ()
    index = link.ifindex if link is not None else 0
    return (NextHop(index, req.via, onlink=req.onlink, realm=req.realm, encap=req.encap),)


def _check_family(ctx: Context, req: _Request) -> None:
    if req.family in {0, AF_INET}:
        return
    if req.family != AF_INET6:
        raise NetlinkError(EAFNOSUPPORT)
    link = ctx.device(req.dev) if req.dev is not None else None
    if link is not None and (link.conf6.get("disable_ipv6") or ctx.netns.conf6_all.get("disable_ipv6")):
        raise NetlinkError(EINVAL, "IPv6 is disabled on nexthop device")
    raise NotModelled("IPv6 routes", "ip route")


def _check_tos(req: _Request) -> None:
    if req.tos & _ECN:
        raise NetlinkError(EINVAL, "Invalid dsfield (tos): ECN bits must be 0")


def change(
    ctx: Context,
    words: Words,
    *,
    create: bool = False,
    exclusive: bool = False,
    replace: bool = False,
    append: bool = False,
) -> int:
    """RTM_NEWROUTE with the flags of the verb."""
    with ctx.talk():
        req = _parse(ctx, words)
        _check_family(ctx, req)
        _check_tos(req)
        kind = req.type or UNICAST
        route = Route(
            dst=_net(req),
            type=kind,
            scope=_scope_of(req, kind, deleting=False),
            table=_table_of(req, kind),
            proto=RTPROT_BOOT if req.proto is None else req.proto,
            metric=req.metric,
            tos=req.tos,
            src=req.src or None,
            nexthops=_legs(ctx, req),
            metrics=req.metrics.values(),
            locked=frozenset(req.metrics.locked),
        )
        ctx.door.route_add(route, create=create, exclusive=exclusive, replace=replace, append=append)
    return 0


def delete(ctx: Context, words: Words) -> int:
    """RTM_DELROUTE: what is not said matches anything."""
    with ctx.talk():
        req = _parse(ctx, words)
        _check_family(ctx, req)
        _check_tos(req)
        kind = req.type
        query = RouteQuery(
            dst=_net(req),
            table=_table_of(req, kind),
            type=kind,
            scope=_scope_of(req, kind, deleting=True),
            proto=req.proto or 0,
            metric=req.metric,
            tos=req.tos,
            src=req.src or None,
            nexthops=_legs(ctx, req),
            multipath=req.legs is not None,
            metrics=req.metrics.values(),
        )
        ctx.door.route_del(query)
    return 0
