"""``ip rule show`` and ``flush`` (print_rule, iprule_list_flush_or_save)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import NotModelled
from podwire.linux.fib import RT_TABLE_LOCAL, RT_TABLE_MAIN
from podwire.linux.rule import FR_ACT_GOTO, FR_ACT_NOP, FR_ACT_TO_TBL, FibRule
from podwire.tools.ip.context import Context, colour_of
from podwire.tools.ip.grammar import Prefix, Words, is_ifname, matches, number, prefix, wrong
from podwire.tools.ip.names import dsfield_number, ipproto_number, proto_number, table_number
from podwire.tools.ip.output import IFNAME
from podwire.wire.addr import AF_INET, AF_INET6

if TYPE_CHECKING:
    from podwire.wire.addr import Net

_FULL: Final = 0xFFFFFFFF
_RANGE: Final = re.compile(r"\s*(\d+)(?:-\s*(\d+))?", re.ASCII)
_RULES6: Final = (
    FibRule(0, table=RT_TABLE_LOCAL, proto=2),
    FibRule(32766, table=RT_TABLE_MAIN, proto=2),
)
"""The rules that IPv6 starts with; podwire has no others there."""


class RuleFilter(msgspec.Struct):
    """What a list of rules is narrowed to."""

    pref: int | None = None
    invert: bool = False
    tos: int | None = None
    mark: int = 0
    mask: int = 0
    iif: str = ""
    oif: str = ""
    uidrange: tuple[int, int] | None = None
    ipproto: int = 0
    sport: tuple[int, int] | None = None
    dport: tuple[int, int] | None = None
    table: int = 0
    protocol: int | None = None
    src: Prefix | None = None
    dst: Prefix | None = None
    l3mdev: bool = False


def _parse(ctx: Context, words: Words) -> RuleFilter:
    family = ctx.family or AF_INET
    wanted = RuleFilter()
    while words:
        word = words.take()
        if not (_by_number(wanted, word, words) or _by_flow(wanted, word, words)):
            _by_prefix(wanted, word, words, family)
    return wanted


def _value(found: int | None, complaint: str, text: str) -> int:
    if found is None:
        raise wrong(complaint, text)
    return found


def _by_number(wanted: RuleFilter, word: str, words: Words) -> bool:
    if matches(word, "preference", "order", "priority"):
        text = words.value()
        wanted.pref = _value(number(text), "preference value is invalid\n", text)
    elif word == "not":
        wanted.invert = True
    elif word in {"tos", "dsfield"}:
        text = words.value()
        wanted.tos = _value(dsfield_number(text), "TOS value is invalid\n", text)
    elif word == "fwmark":
        head, slash, tail = words.value().partition("/")
        wanted.mark = _value(number(head), "fwmark value is invalid\n", head)
        wanted.mask = _value(number(tail), "fwmask value is invalid\n", tail) if slash else 0
    elif word == "l3mdev":
        wanted.l3mdev = True
    else:
        return False
    return True


def _by_flow(wanted: RuleFilter, word: str, words: Words) -> bool:
    if word in {"dev", "iif"}:
        wanted.iif = _ifname(words.value(), '"iif"/"dev" not a valid ifname')
    elif word == "oif":
        wanted.oif = _ifname(words.value(), '"oif" not a valid ifname')
    elif word == "uidrange":
        wanted.uidrange = _range(words.value(), "invalid UID range\n", both=True)
    elif matches(word, "tun_id"):
        raise NotModelled("tun_id", "ip rule")
    elif matches(word, "lookup", "table"):
        text = words.value()
        wanted.table = _value(table_number(text), "table id value is invalid\n", text)
    elif matches(word, "protocol"):
        text = words.value()
        wanted.protocol = proto_number(text)
        if wanted.protocol is None and text != "all":
            raise wrong('invalid "protocol"\n', text)
    elif word == "ipproto":
        text = words.value()
        wanted.ipproto = _value(ipproto_number(text), 'Invalid "ipproto" value\n', text)
    elif word == "sport":
        wanted.sport = _range(words.value(), "invalid port range\n")
    elif word == "dport":
        wanted.dport = _range(words.value(), "invalid dport range\n")
    else:
        return False
    return True


def _ifname(text: str, complaint: str) -> str:
    if not is_ifname(text):
        raise wrong(complaint, text)
    return text


def _range(text: str, complaint: str, *, both: bool = False) -> tuple[int, int]:
    match = _RANGE.match(text)
    if match is None or (both and match[2] is None):
        raise wrong(complaint, text)
    return int(match[1]), int(match[2] if match[2] is not None else match[1])


def _by_prefix(wanted: RuleFilter, word: str, words: Words, family: int) -> None:
    if matches(word, "from", "src"):
        wanted.src = prefix(words.value(), family)
        return
    if matches(word, "dst", "to"):
        word = words.value()
    wanted.dst = prefix(word, family)


def _lets_through(wanted: RuleFilter, rule: FibRule) -> bool:
    return (
        wanted.pref in {None, rule.priority}
        and (not wanted.invert or rule.invert)
        and _holds(wanted.src, rule.src)
        and _holds(wanted.dst, rule.dst)
        and wanted.tos in {None, rule.tos}
        and wanted.mark in {0, rule.mark}
        and wanted.mask in {0, rule.mask}
        and wanted.iif in {"", rule.iif}
        and wanted.oif in {"", rule.oif}
        and not wanted.l3mdev
        and wanted.uidrange in {None, rule.uidrange}
        and wanted.ipproto in {0, rule.ipproto}
        and wanted.sport in {None, rule.sport}
        and wanted.dport in {None, rule.dport}
        and wanted.table in {0, rule.table}
    )


def _holds(wanted: Prefix | None, net: Net | None) -> bool:
    if wanted is None or not wanted.family:
        return True
    plen = net.plen if net is not None else 0
    if wanted.plen > plen:
        return False
    return net is None or wanted.holds(net.addr)


def show(ctx: Context, words: Words) -> int:
    """``ip rule show``."""
    wanted = _parse(ctx, words)
    rules = _RULES6 if ctx.family == AF_INET6 else ctx.netns.rules
    with ctx.out.document():
        for rule in rules:
            if _lets_through(wanted, rule):
                print_rule(ctx, rule)
    return 0


def flush(ctx: Context, words: Words) -> int:
    """``ip rule flush``: every rule that the selectors mean, priority 0 excepted."""
    wanted = _parse(ctx, words)
    if ctx.family == AF_INET6:
        raise NotModelled("IPv6 rules", "ip rule flush")
    for rule in list(ctx.netns.rules):
        if rule.priority and _lets_through(wanted, rule) and wanted.protocol in {None, rule.proto}:
            with ctx.talk():
                ctx.door.rule_del(
                    rule, frozenset({"priority", "action", "table", "src", "dst", "iif", "oif", "mark", "mask"})
                )
    with ctx.out.document():
        return 0


def _print_net(ctx: Context, key: str, word: str, net: Net | None) -> None:
    out = ctx.out
    if net is None:
        return
    out.text(word)
    out.put(key, str(net.addr), "{}", colour_of(net.addr))
    if net.plen != net.addr.bits:
        out.put(key + "len", net.plen, "/{}")


def print_rule(ctx: Context, rule: FibRule) -> None:
    """One line of ``ip rule``."""
    out, names = ctx.out, ctx.names
    with out.object():
        out.put("priority", rule.priority, "{}:\t")
        if rule.invert:
            out.null("not", "not ")
        if rule.src is None:
            out.put("src", "all", "from {}")
        _print_net(ctx, "src", "from ", rule.src)
        _print_net(ctx, "dst", " to ", rule.dst)
        if rule.tos:
            out.put("tos", names.dsfield(rule.tos), " tos {}")
        if rule.mark or rule.mask:
            out.put("fwmark", _hex(rule.mark), " fwmark {}")
            if rule.mask != _FULL:
                out.put("fwmask", _hex(rule.mask), "/{}")
        for key, device in (("iif", rule.iif), ("oif", rule.oif)):
            if device:
                out.text(f" {key} ")
                out.put(key, device, "{}", IFNAME)
                if ctx.netns.link(device) is None:
                    out.null(f"{key}_detached", " [detached]")
        if rule.uidrange is not None:
            out.put("uid_start", rule.uidrange[0], " uidrange {}")
            out.put("uid_end", rule.uidrange[1], "-{}")
        if rule.ipproto:
            out.put("ipproto", names.ipproto(rule.ipproto), " ipproto {}")
        _print_ports(ctx, "sport", rule.sport)
        _print_ports(ctx, "dport", rule.dport)
        if rule.table:
            out.put("table", names.table(rule.table), " lookup {}")
            if rule.suppress_prefixlength != -1:
                out.put("suppress_prefixlen", rule.suppress_prefixlength, " suppress_prefixlength {}")
        _print_action(ctx, rule)
        if rule.proto not in {0, 2} or ctx.options.details:
            out.put("protocol", names.proto(rule.proto), " proto {}")
        out.text("\n")


def _hex(value: int) -> str:
    """C's ``%#x``."""
    return f"0x{value:x}" if value else "0"


def _print_ports(ctx: Context, key: str, ports: tuple[int, int] | None) -> None:
    out = ctx.out
    if ports is None:
        return
    if ports[0] == ports[1]:
        out.put(key, ports[0], f" {key} {{}}")
    else:
        out.put(f"{key}_start", ports[0], f" {key} {{}}")
        out.put(f"{key}_end", ports[1], "-{}")


def _print_action(ctx: Context, rule: FibRule) -> None:
    out = ctx.out
    if rule.action == FR_ACT_GOTO:
        out.put("goto", rule.goto, " goto {}")
        if not any(other.priority == rule.goto for other in ctx.netns.rules):
            out.null("unresolved", " [unresolved]")
    elif rule.action == FR_ACT_NOP:
        out.null("nop", " nop")
    elif rule.action != FR_ACT_TO_TBL:
        out.put("action", ctx.names.type(rule.action), " {}")
