"""``ip rule``: the verbs (do_iprule, iprule_modify)."""

from __future__ import annotations

import re
from errno import EAFNOSUPPORT, EINVAL
from typing import Final

import msgspec

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.fib import ANYCAST, BLACKHOLE, BROADCAST, LOCAL, MULTICAST, PROHIBIT, RT_TABLE_MAIN, UNREACHABLE
from podwire.linux.rule import FR_ACT_GOTO, FR_ACT_NOP, FR_ACT_TO_TBL, FibRule
from podwire.tools.ip.context import Context
from podwire.tools.ip.grammar import Fail, Prefix, Words, integer, is_ifname, matches, number, prefix, usage, wrong
from podwire.tools.ip.names import dsfield_number, ipproto_number, proto_number, table_number, type_name
from podwire.tools.ip.rulelist import flush, show
from podwire.wire.addr import AF_INET, AF_INET6, Ip4, Net

_RANGE: Final = re.compile(r"\s*(\d+)-\s*(\d+)", re.ASCII)
_PORTS: Final = re.compile(r"\s*(\d+)(?:-\s*(\d+))?", re.ASCII)
_ACTIONS: Final = frozenset({BLACKHOLE, UNREACHABLE, PROHIBIT})
_ECN: Final = 3
_FULL: Final = 0xFFFFFFFF


def do_rule(ctx: Context, words: Words) -> int:
    """``ip rule`` and its verbs."""
    if not words:
        return show(ctx, words)
    verb = words.take()
    if matches(verb, "list", "lst", "show"):
        return show(ctx, words)
    if matches(verb, "save", "restore"):
        raise NotModelled(f"ip rule {verb}", "ip")
    if matches(verb, "add"):
        return _modify(ctx, words, adding=True)
    if matches(verb, "delete"):
        return _modify(ctx, words, adding=False)
    if matches(verb, "flush"):
        return flush(ctx, words)
    if matches(verb, "help"):
        raise usage("ip rule")
    raise Fail(255, f'Command "{verb}" is unknown, try "ip rule help".\n')


class _Request(msgspec.Struct):
    family: int
    invert: bool = False
    src: Prefix | None = None
    dst: Prefix | None = None
    pref: int | None = None
    tos: int = 0
    mark: int = 0
    mask: int | None = None
    proto: int = 0
    table: int | None = None
    suppress: int = -1
    iif: str = ""
    oif: str = ""
    uidrange: tuple[int, int] | None = None
    ipproto: int = 0
    sport: tuple[int, int] | None = None
    dport: tuple[int, int] | None = None
    action: str | None = None
    goto: int = 0


def _parse(ctx: Context, words: Words) -> _Request:
    req = _Request(ctx.family)
    while words:
        word = words.take()
        if not (_selector(req, word, words) or _ports(req, word, words) or _target(req, word, words)):
            _action(req, word, words)
    return req


def _value(found: int | None, complaint: str, text: str) -> int:
    if found is None:
        raise wrong(complaint, text)
    return found


def _selector(req: _Request, word: str, words: Words) -> bool:
    if word == "not":
        req.invert = True
    elif word == "from":
        req.src = prefix(words.value(), req.family)
        req.family = req.family or req.src.family
    elif word == "to":
        req.dst = prefix(words.value(), req.family)
        req.family = req.family or req.dst.family
    elif matches(word, "preference", "order", "priority"):
        text = words.value()
        req.pref = _value(number(text), "preference value is invalid\n", text)
    elif word == "tos" or matches(word, "dsfield"):
        text = words.value()
        req.tos = _value(dsfield_number(text), "TOS value is invalid\n", text)
    elif word == "fwmark":
        req.mark, req.mask = parse_mark(words.value())
    elif word in {"dev", "iif"}:
        req.iif = _ifname(words.value(), '"iif"/"dev" not a valid ifname')
    elif word == "oif":
        req.oif = _ifname(words.value(), '"oif" not a valid ifname')
    else:
        return False
    return True


def parse_mark(text: str) -> tuple[int, int | None]:
    """``MARK`` or ``MARK/MASK``."""
    head, slash, tail = text.partition("/")
    mark = _value(number(head), "fwmark value is invalid\n", head)
    return mark, _value(number(tail), "fwmask value is invalid\n", tail) if slash else None


def _ifname(text: str, complaint: str) -> str:
    if not is_ifname(text):
        raise wrong(complaint, text)
    return text


def _ports(req: _Request, word: str, words: Words) -> bool:
    if word == "uidrange":
        text = words.value()
        match = _RANGE.match(text)
        if match is None:
            raise wrong("invalid UID range\n", text)
        req.uidrange = int(match[1]), int(match[2])
    elif word == "ipproto":
        text = words.value()
        req.ipproto = _value(ipproto_number(text), 'Invalid "ipproto" value\n', text)
    elif word == "sport":
        req.sport = parse_ports(words.value(), "invalid port range\n")
    elif word == "dport":
        req.dport = parse_ports(words.value(), "invalid dport range\n")
    else:
        return False
    return True


def parse_ports(text: str, complaint: str) -> tuple[int, int]:
    """``PORT`` or ``FIRST-LAST``."""
    match = _PORTS.match(text)
    if match is None:
        raise wrong(complaint, text)
    first = int(match[1]) & 0xFFFF
    return first, int(match[2]) & 0xFFFF if match[2] is not None else first


def _target(req: _Request, word: str, words: Words) -> bool:
    """Where the rule leads; what the kernel model does not have of it."""
    if matches(word, "realms", "tun_id", "suppress_ifgroup", "map-to") or word in {"l3mdev", "nat", "sup_group"}:
        raise NotModelled(word, "ip rule")
    if matches(word, "protocol"):
        text = words.value()
        req.proto = _value(proto_number(text), '"protocol" value is invalid\n', text)
    elif matches(word, "table") or word == "lookup":
        text = words.value()
        req.table = _value(table_number(text), "invalid table ID\n", text)
    elif matches(word, "suppress_prefixlength") or word == "sup_pl":
        text = words.value()
        length = integer(text)
        if length is None or length < 0:
            raise wrong("suppress_prefixlength value is invalid\n", text)
        req.suppress = length
    else:
        return False
    return True


def _action(req: _Request, word: str, words: Words) -> None:
    if word == "type":
        word = words.value()
    if matches(word, "help"):
        raise usage("ip rule")
    if matches(word, "goto"):
        text = words.value()
        req.goto = _value(number(text), "invalid target\n", text)
        req.action = FR_ACT_GOTO
    elif matches(word, "nop"):
        req.action = FR_ACT_NOP
    else:
        kind = type_name(word)
        if kind is None:
            raise wrong("Failed to parse rule type", word)
        # unicast has the number of FR_ACT_TO_TBL, broadcast that of FR_ACT_NOP.
        req.action = {"unicast": FR_ACT_TO_TBL, BROADCAST: FR_ACT_NOP}.get(kind, kind)


def _net(prefix_: Prefix | None) -> Net | None:
    """A selector keeps the bits behind its length; of length 0 there is none."""
    if prefix_ is None or not prefix_.plen or prefix_.addr is None:
        return None
    return Net(Ip4(prefix_.addr), prefix_.plen)


def _rule(req: _Request, *, adding: bool) -> FibRule:
    action = req.action or FR_ACT_TO_TBL
    table = req.table
    if table is None:
        table = RT_TABLE_MAIN if adding and req.action is None else 0
    return FibRule(
        priority=-1 if req.pref is None else req.pref,
        action=action,
        table=table,
        src=_net(req.src),
        dst=_net(req.dst),
        iif=req.iif,
        oif=req.oif,
        tos=req.tos,
        mark=req.mark,
        mask=req.mask if req.mask is not None else _FULL if req.mark else 0,
        invert=req.invert,
        suppress_prefixlength=req.suppress,
        goto=req.goto,
        ipproto=req.ipproto,
        sport=req.sport,
        dport=req.dport,
        uidrange=req.uidrange,
        proto=req.proto,
    )


def _check(req: _Request) -> None:
    if req.family == AF_INET6:
        raise NotModelled("IPv6 rules", "ip rule")
    if req.family not in {0, AF_INET}:
        raise NetlinkError(EAFNOSUPPORT)
    if req.action == LOCAL:
        # The type has the number of FR_ACT_GOTO.
        raise NetlinkError(EINVAL, "Missing goto target for action goto")
    if req.action in {ANYCAST, MULTICAST}:
        raise NotModelled(f"type {req.action}", "ip rule")
    for ports, name in ((req.sport, "sport"), (req.dport, "dport")):
        if ports is not None and not 0 < ports[0] <= ports[1]:
            raise NetlinkError(EINVAL, f"Invalid {name} range")
    if req.uidrange is not None and req.uidrange[0] > req.uidrange[1]:
        raise NetlinkError(EINVAL, "Invalid uid range")
    if req.action is not None and req.action not in _ACTIONS | {FR_ACT_GOTO, FR_ACT_NOP, FR_ACT_TO_TBL}:
        raise NetlinkError(EINVAL)
    if req.tos & _ECN:
        raise NetlinkError(EINVAL, "Invalid dsfield (tos): ECN bits must be 0")


def _modify(ctx: Context, words: Words, *, adding: bool) -> int:
    if not words:
        raise Fail(1, f'"ip rule {"add" if adding else "del"}" requires arguments.\n')
    req = _parse(ctx, words)
    with ctx.talk():
        _check(req)
        rule = _rule(req, adding=adding)
        if adding:
            ctx.door.rule_add(rule)
        else:
            ctx.door.rule_del(rule, _given(req, rule))
    return 0


def _given(req: _Request, rule: FibRule) -> frozenset[str]:
    """The fields that a deletion compares: those that were said and are not nothing."""
    said = {
        "action": req.action is not None,
        "table": bool(rule.table),
        "priority": req.pref is not None,
        "src": rule.src is not None,
        "dst": rule.dst is not None,
        "iif": bool(rule.iif),
        "oif": bool(rule.oif),
        "tos": bool(rule.tos),
        "mark": bool(rule.mark),
        "mask": bool(rule.mask),
        "suppress_prefixlength": rule.suppress_prefixlength != -1,
        "ipproto": bool(rule.ipproto),
        "sport": rule.sport is not None,
        "dport": rule.dport is not None,
        "uidrange": rule.uidrange is not None,
        "proto": bool(rule.proto),
    }
    return frozenset(field for field, given in said.items() if given)
