"""All that Felix wants in the tables of a node, chains that nothing refers to left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from podwire.cni.calico.rules import hostendpoints, static
from podwire.cni.calico.rules.groups import grouped
from podwire.cni.calico.rules.model import Chains, Host, Policy, Profile, RuleConfig, Workload
from podwire.cni.calico.rules.policies import policy_chains, profile_chains
from podwire.cni.calico.rules.workloads import BOTH_BITS, PROFILE_IN, PROFILE_OUT, dispatch, endpoint

TABLES: Final = ("raw", "mangle", "nat", "filter")
_TARGET: Final = re.compile(r"--(?:jump|goto) (cali-\S+)")


def desired(
    config: RuleConfig,
    workloads: Iterable[Workload],
    policies: Iterable[Policy],
    profiles: Mapping[str, Profile],
    hosts: Iterable[Host] = (),
) -> dict[str, Chains]:
    """The chains of each table. ``profiles`` has each profile that a workload or a host endpoint names."""
    given, known, named = list(workloads), list(policies), list(hosts)
    groups: Chains = {}
    if config.release >= BOTH_BITS:
        selectors = {policy.id: policy.selector for policy in known}
        given = [grouped(each, selectors, groups, config) for each in given]
        named = [grouped(each, selectors, groups, config) for each in named]
    shared = {name: chain for policy in known for name, chain in policy_chains(policy, config).items()} | groups
    filters = {**static.filters(config), **shared, **dispatch(given, config), **hostendpoints.filters(named, config)}
    for workload in given:
        filters |= endpoint(workload, config)
    used = [*(each.profiles for each in given), *(each.profiles for each in named)]
    for profile in sorted({name for names in used for name in names}):
        filters |= profile_chains(profiles[profile], config)
    mangle = {**static.mangle(config), **shared, **hostendpoints.mangle(named, config)}
    mangle |= {name: chain for name, chain in filters.items() if name.startswith((PROFILE_IN, PROFILE_OUT))}
    tables = {
        "raw": {**static.raw(config), **shared, **hostendpoints.raw(named, config)},
        "mangle": mangle,
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
