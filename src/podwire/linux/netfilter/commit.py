"""New content for tables: checked as a whole, then put at the hooks at once (``xt_replace_table``, ``nf_tables_commit``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from podwire.linux.netfilter.evaluate import CompiledTable, compile_table, table_hook
from podwire.linux.netfilter.tables import Chain, Table

if TYPE_CHECKING:
    from podwire.linux.netfilter.hooks import HookFn
    from podwire.linux.netns import Netns


def xt_commit(netns: Netns, variant: str, tables: Mapping[str, Iterable[Chain]]) -> None:
    """Give each named table these chains. Rules that are kept are the same objects, with their counters.

    Raises what ``compile`` and ``check`` raise, and has changed nothing then.
    """
    ready: list[tuple[Table, Table]] = []
    for name, chains in tables.items():
        old = netns.xtables.tables.get((variant, name)) or Table(name, variant)
        new = Table(name, variant)
        new.chains = {chain.name: chain for chain in chains}
        compiled = compile_table(new, netns)
        new.compiled = CompiledTable({hook: table_hook(base) for hook, base in compiled.items()})
        ready.append((old, new))
    for old, new in ready:
        _publish(netns, old, new)
        netns.xtables.tables[variant, new.name] = new
    netns.generation += 1


def _publish(netns: Netns, old: Table, new: Table) -> None:
    assert new.compiled is not None  # noqa: S101 - compiled above
    before: dict[int, HookFn] = old.compiled.functions if old.compiled is not None else {}
    for hook, fn in new.compiled.functions.items():
        if hook in before:
            netns.nf.replace(hook, before[hook], fn)
        else:
            netns.nf.register(hook, new.hooks[hook], fn)
