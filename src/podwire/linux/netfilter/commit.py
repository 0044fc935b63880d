"""New content for tables: checked as a whole, then put at the hooks at once (``xt_replace_table``, ``nf_tables_commit``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from podwire.linux.netfilter.check import check_table
from podwire.linux.netfilter.evaluate import CompiledChain, CompiledTable, compile_table, table_hook, table_walk
from podwire.linux.netfilter.hooks import HOOK_NAMES, NF_INET_LOCAL_OUT
from podwire.linux.netfilter.tables import Chain, Rule, Table
from podwire.linux.path.reroute import ipt_mangle_out

if TYPE_CHECKING:
    from podwire.linux.netfilter.hooks import HookFn
    from podwire.linux.netfilter.walk import WalkFn
    from podwire.linux.netfilter.xt.base import Match, Target
    from podwire.linux.netns import Netns


def xt_commit(netns: Netns, variant: str, tables: Mapping[str, Iterable[Chain] | None]) -> None:
    """Give each named table these chains. Rules that are kept are the same objects, with their counters; None: the table goes.

    Raises what ``compile`` and ``check`` raise, and has changed nothing then.
    """
    ready: list[tuple[Table, Table]] = []
    come: list[Match | Target] = []
    try:
        for name, chains in tables.items():
            old = netns.xtables.tables.get((variant, name)) or Table(name, variant)
            new = Table(name, variant)
            new.chains = {chain.name: chain for chain in chains or ()}
            check_table(new)
            _acquire(netns, new, old, come)
            compiled = compile_table(new, netns)
            new.compiled = CompiledTable({hook: _hook_fn(base) for hook, base in compiled.items()}, compiled)
            ready.append((old, new))
    except Exception:
        for extension in come:
            extension.release(netns)
        raise
    for old, new in ready:
        _publish(netns, old, new)
        netns.xtables.tables[variant, new.name] = new
        if tables[new.name] is None:
            del netns.xtables.tables[variant, new.name]
        for rule in _rules_only_in(old, new):
            _release(netns, rule)
    netns.generation += 1


def _publish(netns: Netns, old: Table, new: Table) -> None:
    assert new.compiled is not None  # noqa: S101 - compiled above
    before: dict[int, HookFn] = old.compiled.functions if old.compiled is not None else {}
    after = new.compiled.functions
    at = netns.nat if new.name == "nat" else netns.nf
    for hook, fn in after.items():
        name = HOOK_NAMES[hook]
        again = _walk_fn(new.compiled.chains[hook])
        if hook in before and new.chains[name].token is old.chains[name].token:
            at.replace(hook, before[hook], fn, again)
        else:
            at.register(hook, new.hooks[hook], fn, again)
    for hook, fn in before.items():
        name = HOOK_NAMES[hook]
        if hook not in after or new.chains[name].token is not old.chains[name].token:
            at.unregister(hook, fn)


def _hook_fn(base: CompiledChain) -> HookFn:
    """What is registered for a base chain: table mangle routes packets of OUTPUT again."""
    fn = table_hook(base)
    return ipt_mangle_out(fn) if _routes_again(base) else fn


def _walk_fn(base: CompiledChain) -> WalkFn | None:
    """What tells a walk of it; a new route is none that is noted."""
    return None if _routes_again(base) else table_walk(base)


def _routes_again(base: CompiledChain) -> bool:
    return base.table.name == "mangle" and base.hook == NF_INET_LOCAL_OUT


def _acquire(netns: Netns, new: Table, old: Table, come: list[Match | Target]) -> None:
    """The rules that come have what they need from here on; ``come`` hears of each match and target that has it."""
    for rule in _rules_only_in(new, old):
        target = rule.spec.target
        every: tuple[Match | Target, ...] = rule.spec.matches if target is None else (*rule.spec.matches, target)
        for extension in every:
            extension.acquire(netns)
            come.append(extension)


def _rules_only_in(table: Table, other: Table) -> list[Rule]:
    """Rules of a table that are not in the other one, but for plain ones, which need nothing."""
    # Whatever is edited is a copy: a chain that is in both is the same in both.
    both = {id(chain) for chain in other.chains.values()}
    there = {id(chain) for chain in table.chains.values()}
    kept = {id(rule) for chain in other.chains.values() if id(chain) not in there for rule in chain.facts().demanding}
    return [
        rule
        for chain in table.chains.values()
        if id(chain) not in both
        for rule in chain.facts().demanding
        if id(rule) not in kept
    ]


def _release(netns: Netns, rule: Rule) -> None:
    """A rule goes."""
    for match in rule.spec.matches:
        match.release(netns)
    if rule.spec.target is not None:
        rule.spec.target.release(netns)
