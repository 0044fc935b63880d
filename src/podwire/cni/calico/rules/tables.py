"""All that Felix wants in the tables of a node, chains that nothing refers to left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from podwire.cni.calico.rules import static
from podwire.cni.calico.rules.model import Chains, Policy, Profile, RuleConfig, Workload
from podwire.cni.calico.rules.policies import policy_chains, profile_chains
from podwire.cni.calico.rules.workloads import dispatch, endpoint

TABLES: Final = ("raw", "mangle", "nat", "filter")
_TARGET: Final = re.compile(r"--(?:jump|goto) (cali-\S+)")


def desired(
    config: RuleConfig, workloads: Iterable[Workload], policies: Iterable[Policy], profiles: Mapping[str, Profile]
) -> dict[str, Chains]:
    """The chains of each table. ``profiles`` has each profile that a workload names."""
    given = tuple(workloads)
    filters = {**static.filters(config), **dispatch(given, config)}
    for policy in policies:
        filters |= policy_chains(policy, config)
    for workload in given:
        filters |= endpoint(workload, config)
        for name in workload.profiles:
            filters |= profile_chains(profiles[name], config)
    tables = {
        "raw": static.raw(config),
        "mangle": static.mangle(config),
        "nat": static.nat(config),
        "filter": filters,
    }
    return {name: _referenced(name, chains) for name, chains in tables.items()}


def _referenced(table: str, chains: Chains) -> Chains:
    """Those that a packet can come to, in the order of their names."""
    waiting = [chain for _, chain in static.HOOKS[table]]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [target for rule in chains[name] for target in _TARGET.findall(rule.text)]
    return {name: chains[name] for name in sorted(found)}
