"""The columns of ``iptables -L`` and the lines of ``-v`` (``print_firewall``, ``print_rule_details``; iptables/xshared.c of 1.8.9)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.linux.netfilter.address import mask_text
from podwire.linux.netfilter.grammar import proto_name
from podwire.linux.netfilter.nft import nft_view
from podwire.linux.netfilter.tables import NFT, Jump, Standard

if TYPE_CHECKING:
    from podwire.linux.netfilter.tables import Chain, Iface, Prefix, Rule, RuleSpec
    from podwire.linux.netfilter.xt.options import Names

_U64: Final = (1 << 64) - 1


class Format(msgspec.Struct, frozen=True):
    """FMT_*: what of a rule is shown, and how. ``table`` False is the one line of ``-v -A``.

    ``words``: protocols have names with ``-n`` too, as before 1.8.9 (commit "xshared: Print protocol numbers if --numeric was given").
    """

    names: Names
    numeric: bool = False
    counters: bool = False
    exact: bool = False
    line_numbers: bool = False
    interfaces: bool = False
    table: bool = True
    words: bool = False


def header(chain: Chain, references: int, form: Format) -> str:
    """``print_header``: the chain's line and the columns' names."""
    if chain.policy is not None:
        counts = ""
        if form.counters:
            counts = f" {_count(chain.packets, form).lstrip()}packets, {_count(chain.bytes, form).lstrip()}bytes"
        text = f"Chain {chain.name} (policy {chain.policy}{counts})\n"
    else:
        text = f"Chain {chain.name} ({references} references)\n"
    if form.line_numbers:
        text += "num  "
    if form.counters:
        text += "    pkts      bytes " if form.exact else " pkts bytes "
    text += "target     prot opt"
    if form.interfaces:
        text += " in     out    "
    return f"{text} source               destination         \n"


def rule_line(spec: RuleSpec, form: Format, variant: str, number: int = 0, rule: Rule | None = None) -> str:
    """One rule, with its newline."""
    if variant == NFT:
        spec = nft_view(spec)
    text = f"{number:<4} " if form.line_numbers else ""
    if form.counters and rule is not None:
        text += _count(rule.packets, form) + _count(rule.bytes, form)
    target = spec.target
    name = ""
    if isinstance(target, Jump):
        name = target.chain
    elif isinstance(target, Standard):
        name = target.verdict
    elif target is not None:
        name = target.LISTED or target.NAME
    text += f"{name:<9} " if form.table else f"{name} "
    text += _protocol(spec, form)
    text += _fragment(spec, form)
    if form.interfaces:
        text += _interfaces(spec, form)
    text += _addresses(spec, form)
    if not form.table:
        text += "  "
    if isinstance(target, Jump) and target.goto:
        text += "[goto] "
    names = None if form.numeric else form.names
    for extension in (*spec.matches, *(() if target is None else (target,))):
        said = extension.listing(names)
        if said:
            text += f" {said}"
    return f"{text}\n"


def _count(number: int, form: Format) -> str:
    """``xtables_print_num``: 64 bits, in thousands once there are more than five digits."""
    if form.exact:
        return f"{number:>8} "
    if number <= 99999:
        return f"{number:>5} "
    for unit in "KMG":
        number = (number + 500 & _U64) // 1000
        if number <= 9999:
            return f"{number:>4}{unit} "
    number = (number + 500) // 1000
    return f"{number:>4}T "


def _protocol(spec: RuleSpec, form: Format) -> str:
    number = spec.proto.number if spec.proto is not None else 0
    inverse = "!" if spec.proto is not None and spec.proto.invert else " "
    name = proto_name(number, form.names, lookup=not form.numeric)
    if (form.numeric and form.table and not form.words) or name is None:
        name = str(number)
    return f"{inverse}{name:<4} " if form.table else f"{inverse}{name} "


def _fragment(spec: RuleSpec, form: Format) -> str:
    flags = {None: "--", True: "-f", False: "!f"}[spec.fragment]
    return f"{flags} " if form.table else f"opt {flags} "


def _interfaces(spec: RuleSpec, form: Format) -> str:
    incoming, outgoing = _interface(spec.iif, form), _interface(spec.oif, form)
    return f" {incoming:<6} {outgoing:<6} " if form.table else f"in {incoming} out {outgoing} "


def _interface(iface: Iface | None, form: Format) -> str:
    if iface is None:
        return "*" if form.numeric else "any"
    return f"{'!' if iface.invert else ''}{iface.name}"


def _addresses(spec: RuleSpec, form: Format) -> str:
    src, dst = _address(spec.src, form), _address(spec.dst, form)
    inverse = ["!" if one is not None and one.invert else " " for one in (spec.src, spec.dst)]
    if form.table:
        return f"{inverse[0]}{src:<19} {inverse[1]}{dst:<19} "
    return f"{inverse[0]}{src} {inverse[1]}-> {dst}"


def _address(prefix: Prefix | None, form: Format) -> str:
    """``ipv4_addr_to_string``."""
    addr, mask = (prefix.addr, prefix.mask) if prefix is not None else (None, 0)
    if not mask and not form.numeric:
        return "anywhere"
    name = None if form.numeric or addr is None else form.names.host(addr)
    tail = f"/{mask_text(mask)}" if mask != 0xFFFFFFFF else ""
    return f"{name or addr or '0.0.0.0'}{tail}"


def sayer(write: Callable[[str], None], names: Names, variant: str) -> Callable[[str | RuleSpec], None]:
    """What an edit tells while it is made with ``-v``: lines, and rules as one line each."""
    form = Format(names, numeric=True, interfaces=True, table=False)

    def say(said: str | RuleSpec) -> None:
        write(said if isinstance(said, str) else rule_line(said, form, variant))

    return say
