"""The text of rules and tables: what iptables-save 1.8.9 prints (``save_rule_details``, ``nft_ipv46_save_chain``, iptables/xshared.c).

A rule is ``-s -d -i -o -p -f``, then its matches in order, then ``-j`` or ``-g``; each part with ``!`` in front where it is negated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.address import mask_text
from podwire.linux.netfilter.grammar import proto_name
from podwire.linux.netfilter.hooks import HOOK_NAMES
from podwire.linux.netfilter.nft import nft_view
from podwire.linux.netfilter.tables import LEGACY, NFT, TABLE_HOOKS, Chain, Jump, Rule, Standard
from podwire.linux.netfilter.xt.options import Names

if TYPE_CHECKING:
    from podwire.linux.netfilter.tables import Iface, Prefix, RuleSpec, Table, Xtables

NFT_TABLES: Final = ("mangle", "security", "raw", "filter", "nat")
"""``enum nft_table_type``: the order in which iptables-nft-save goes through them."""
_NAMES: Final = Names()


def rule_text(spec: RuleSpec, variant: str = NFT, counters: tuple[int, int] | None = None) -> str:
    """What iptables-save prints behind ``-A CHAIN `` (may be empty); ``counters`` stand in it as ``-c``, as in ``iptables -S -v``."""
    nft = variant == NFT
    if nft:
        spec = nft_view(spec)
    parts: list[str] = []
    for letter, prefix in (("s", spec.src), ("d", spec.dst)):
        if prefix is not None and (prefix.mask or prefix.invert or prefix.addr):
            parts.append(_address(letter, prefix))
    for letter, iface in (("i", spec.iif), ("o", spec.oif)):
        if iface is not None and (nft or iface.name != "+"):
            parts.append(_interface(letter, iface))
    if spec.proto is not None and spec.proto.number:
        name = proto_name(spec.proto.number, _NAMES, lookup=True) or str(spec.proto.number)
        parts.append(f"{'! ' if spec.proto.invert else ''}-p {name}")
    if spec.fragment is not None:
        parts.append("-f" if spec.fragment else "! -f")
    for match in spec.matches:
        text = match.save()
        parts.append(f"-m {match.NAME} {text}" if text else f"-m {match.NAME}")
    if counters is not None:
        parts.append(f"-c {counters[0]} {counters[1]}")
    target = spec.target
    if isinstance(target, Jump):
        parts.append(f"{'-g' if target.goto else '-j'} {target.chain}")
    elif isinstance(target, Standard):
        parts.append(f"-j {target.verdict}")
    elif target is not None:
        text = target.save()
        parts.append(f"-j {target.NAME} {text}" if text else f"-j {target.NAME}")
    return " ".join(parts)


def _address(letter: str, prefix: Prefix) -> str:
    return f"{'! ' if prefix.invert else ''}-{letter} {prefix.addr}/{mask_text(prefix.mask)}"


def _interface(letter: str, iface: Iface) -> str:
    return f"{'! ' if iface.invert else ''}-{letter} {iface.name}"


def rule_line(chain: str, rule: Rule, variant: str, *, counters: bool = False) -> str:
    """A line of iptables-save: ``[5:420] -A INPUT -j ACCEPT``."""
    text = rule_text(rule.spec, variant)
    front = f"[{rule.packets}:{rule.bytes}] " if counters else ""
    return f"{front}-A {chain} {text}\n" if text else f"{front}-A {chain}\n"


def chains_in_order(table: Table) -> list[Chain]:
    """Chains as every listing has them: those at hooks in the order of the hooks, then the others by name.

    Chains at hooks that nft does not have are shown as if they were there (``nft_xt_fake_builtin_chains``).
    """
    base = [HOOK_NAMES[hook] for hook in sorted(TABLE_HOOKS[table.name])]
    there = table.chains
    users = sorted(name for name in there if name not in base)
    return [there.get(name) or Chain(name, "ACCEPT") for name in base] + [there[name] for name in users]


def table_lines(table: Table, *, counters: bool = False) -> Iterator[str]:
    """The lines from ``*filter`` to ``COMMIT``."""
    yield f"*{table.name}\n"
    chains = chains_in_order(table)
    for chain in chains:
        yield f":{chain.name} {chain.policy or '-'} [{chain.packets}:{chain.bytes}]\n"
    for chain in chains:
        for rule in chain.rules:
            yield rule_line(chain.name, rule, table.variant, counters=counters)
    yield "COMMIT\n"


def saved_tables(xtables: Xtables, variant: str) -> list[Table]:
    """The tables that there are, as iptables-save goes through them: legacy's youngest first (/proc/net/ip_tables_names)."""
    if variant == LEGACY:
        names: Iterable[str] = reversed([name for kind, name in xtables.tables if kind == LEGACY])
    else:
        names = NFT_TABLES
    return [table for table in (xtables.table(variant, name) for name in names) if table is not None]


def save_text(xtables: Xtables, variant: str = NFT, *, counters: bool = False) -> str:
    """Every table of a variant, without the comments that iptables-save puts around them."""
    return "".join(line for table in saved_tables(xtables, variant) for line in table_lines(table, counters=counters))
