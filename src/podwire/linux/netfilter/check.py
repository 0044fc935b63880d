"""May this stand here? What the kernel asks of new rules before it takes a table (x_tables.c, ip_tables.c, nft_compat.c)."""

from __future__ import annotations

from errno import EINVAL, ELOOP, EMLINK
from typing import Final

from podwire.linux.netfilter.hooks import HOOK_NAMES
from podwire.linux.netfilter.tables import NFT, Rule, Table
from podwire.linux.netfilter.xt.base import Match, Target, XtCheckError

NFT_JUMP_STACK_SIZE: Final = 16
"""How deep chains of nft may be nested, the base chain among them."""


def check_table(table: Table) -> None:
    """Raise ``XtCheckError`` for the first rule that cannot stand where it stands, or for chains that lead to each other in a circle.

    Rules that nft has looked at before are known to be good, but where they can be reached from may be new.
    """
    reached = _reached(table)
    nft = table.variant == NFT
    for name, chain in table.chains.items():
        hooks = reached.get(name, frozenset())
        # nft_match_init knows the hook of a base chain alone; nft_match_validate comes by with every hook.
        known = hooks if not nft or chain.policy is not None else frozenset()
        for rule in chain.facts().demanding:
            _check_rule(rule, table.name, hooks, known, nft=nft)
            rule.checked = True


def _check_rule(rule: Rule, table: str, hooks: frozenset[int], known: frozenset[int], *, nft: bool) -> None:
    spec = rule.spec
    proto = spec.proto.number if spec.proto is not None and not spec.proto.invert else 0
    new = not (nft and rule.checked)
    for match in spec.matches:
        if match.HOOKS is not None and not hooks <= match.HOOKS:
            _wrong_hook("match", match, hooks)
        if new and not (nft and match.nft_native):
            if match.PROTO and proto != match.PROTO:
                raise XtCheckError(
                    EINVAL, f"x_tables: ip_tables: {match.NAME} match: only valid for protocol {match.PROTO}"
                )
            match.check(table, known, proto)
    target = spec.target
    if target is None:
        return
    if target.HOOKS is not None and not hooks <= target.HOOKS:
        _wrong_hook("target", target, hooks)
    if new:
        if target.TABLE and table != target.TABLE:
            only = f"only valid in {target.TABLE} table, not {table}"
            raise XtCheckError(EINVAL, f"x_tables: ip_tables: {target.NAME} target: {only}")
        if target.PROTO and proto != target.PROTO:
            raise XtCheckError(
                EINVAL, f"x_tables: ip_tables: {target.NAME} target: only valid for protocol {target.PROTO}"
            )
        target.check(table, known, proto)
        if not nft:
            target.check_legacy(table, spec)


def _wrong_hook(what: str, extension: Match | Target, hooks: frozenset[int]) -> None:
    """``xt_check_match``, ``xt_check_target``: the hooks do not fit."""
    allowed = extension.HOOKS or frozenset()
    used, usable = ("/".join(HOOK_NAMES[hook] for hook in sorted(each)) for each in (hooks, allowed))
    text = f"x_tables: ip_tables: {extension.NAME} {what}: used from hooks {used}, but only usable from {usable}"
    raise XtCheckError(EINVAL, text)


def _reached(table: Table) -> dict[str, frozenset[int]]:
    """``mark_source_chains``, ``nft_chain_validate``: from which hooks each chain can be reached; raises where that would not end."""
    leads: dict[str, list[str]] = {}
    heights: dict[str, int] = {}
    masks: dict[str, int] = {}
    nft = table.variant == NFT
    for hook in table.hooks:
        base = HOOK_NAMES[hook]
        height = _height(table, base, leads, heights)
        if not height or (nft and height > NFT_JUMP_STACK_SIZE):
            raise XtCheckError(EMLINK if nft else ELOOP)
        masks[base] = masks.get(base, 0) | 1 << hook
    # A chain stands behind all that it leads to.
    for name in reversed(heights):
        mask = masks[name]
        for other in leads[name]:
            if other not in masks:
                masks[other] = mask
            elif masks[other] != mask:
                masks[other] |= mask
    sets = {mask: frozenset(hook for hook in table.hooks if mask >> hook & 1) for mask in set(masks.values())}
    return {name: sets[mask] for name, mask in masks.items()}


def _height(table: Table, base: str, leads: dict[str, list[str]], heights: dict[str, int]) -> int:
    """How many chains a packet can be in at once, from here on; 0 where chains lead back to themselves.

    ``heights`` comes to hold every chain that can be reached, behind those that it leads to.
    """
    if base in heights:
        return heights[base]
    chains = table.chains
    leads[base] = chains[base].facts().jumps
    path = [base]
    waiting = [iter(leads[base])]
    open_chains = {base}
    while path:
        for name in waiting[-1]:
            if name in heights:
                continue
            if name in open_chains:
                return 0
            further = leads[name] = chains[name].facts().jumps
            if not further or (len(further) == 1 and further[0] in heights):
                # Most chains are of this kind.
                heights[name] = heights[further[0]] + 1 if further else 1
                continue
            path.append(name)
            open_chains.add(name)
            waiting.append(iter(further))
            break
        else:
            name = path.pop()
            waiting.pop()
            open_chains.discard(name)
            heights[name] = 1 + max((heights[other] for other in leads[name]), default=0)
    return heights[base]
