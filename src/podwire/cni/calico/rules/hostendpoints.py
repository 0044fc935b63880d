"""Chains of host endpoints in raw, mangle and filter, and the ports that stay open (reference sheet Calico, section 3.12).

Source of the order of rules: felix/rules/endpoints.go, dispatch.go and static.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from podwire.cni.calico.rules.fragments import goto, jump, rule, set_mark, unmarked
from podwire.cni.calico.rules.model import Chains, Failsafe, Host, Ids, RuleConfig, RuleText
from podwire.cni.calico.rules.names import chain_name, comment
from podwire.cni.calico.rules.static import denied
from podwire.cni.calico.rules.workloads import (
    POLICY_IN,
    POLICY_OUT,
    PROFILE_IN,
    PROFILE_OUT,
    asked,
    clear_result,
    profiled,
    tracked,
    tree,
)
from podwire.trace.events import Owner

EVERY: Final = "any-interface-at-all"
"""The interface of a host endpoint ``*`` in names of chains."""
TO, FROM = "cali-th-", "cali-fh-"
TO_FORWARD, FROM_FORWARD = "cali-thfw-", "cali-fhfw-"
_TO, _FROM = "cali-to-host-endpoint", "cali-from-host-endpoint"
_TO_FORWARD, _FROM_FORWARD = "cali-to-hep-forward", "cali-from-hep-forward"
_SAFE_IN, _SAFE_OUT = "cali-failsafe-in", "cali-failsafe-out"


def raw(hosts: Iterable[Host], config: RuleConfig) -> Chains:
    """Untracked policy: of endpoints that have some, but for ``*``."""
    mine = [
        each
        for each in hosts
        if each.interface != EVERY and (each.untracked_ingress is not None or each.untracked_egress is not None)
    ]
    chains = {**_dispatch(mine, config, _FROM, FROM, "in"), **_dispatch(mine, config, _TO, TO, "out")}
    for host in mine:
        chains[chain_name(TO, host.interface)] = list(_untracked(host, host.untracked_egress, config, out=True))
        chains[chain_name(FROM, host.interface)] = list(_untracked(host, host.untracked_ingress, config, out=False))
    return {**chains, **failsafes(config, raw=True)}


def _untracked(host: Host, policies: Ids, config: RuleConfig, *, out: bool) -> Iterator[RuleText]:
    yield rule(jump(_SAFE_OUT if out else _SAFE_IN), owner=host.owner)
    yield rule(clear_result(config), owner=host.owner)
    yield from (
        asked(policies or (), POLICY_OUT if out else POLICY_IN, config, host.owner, untracked=True) if policies else ()
    )


def mangle(hosts: Iterable[Host], config: RuleConfig) -> Chains:
    """Policy before DNAT for what comes in; normal policy for what the host sends to a Service."""
    given = list(hosts)
    early = [each for each in given if each.pre_dnat is not None]
    chains = {**_dispatch(early, config, _FROM, FROM, "in"), **_dispatch(given, config, _TO, TO, "out")}
    for host in early:
        chains[chain_name(FROM, host.interface)] = list(_pre_dnat(host, config))
    for host in given:
        chains[chain_name(TO, host.interface)] = list(_normal(host, config, "RETURN", out=True))
    return {**chains, **failsafes(config)}


def _pre_dnat(host: Host, config: RuleConfig) -> Iterator[RuleText]:
    yield from tracked(config.mangle_allow, config, host.owner)
    yield rule(jump(_SAFE_IN), owner=host.owner)
    yield rule(clear_result(config), owner=host.owner)
    if host.pre_dnat is not None:
        yield from asked(host.pre_dnat, POLICY_IN, config, host.owner)


def filters(hosts: Iterable[Host], config: RuleConfig) -> Chains:
    """Normal policy, and policy for what passes through."""
    given = list(hosts)
    chains = {
        **_dispatch(given, config, _FROM, FROM, "in"),
        **_dispatch(given, config, _TO, TO, "out"),
        **_dispatch(given, config, _FROM_FORWARD, FROM_FORWARD, "in"),
        **_dispatch(given, config, _TO_FORWARD, TO_FORWARD, "out"),
        **failsafes(config),
    }
    for host in given:
        name = host.interface
        chains[chain_name(TO, name)] = list(_normal(host, config, config.filter_allow, out=True))
        chains[chain_name(FROM, name)] = list(_normal(host, config, config.filter_allow, out=False))
        chains[chain_name(TO_FORWARD, name)] = list(_forward(host, config, out=True))
        chains[chain_name(FROM_FORWARD, name)] = list(_forward(host, config, out=False))
    return chains


def _normal(host: Host, config: RuleConfig, allow: str, *, out: bool) -> Iterator[RuleText]:
    owner, policies = host.owner, host.egress if out else host.ingress
    yield from tracked(allow, config, owner)
    yield rule(jump(_SAFE_OUT if out else _SAFE_IN), owner=owner)
    yield rule(clear_result(config), owner=owner)
    if policies is not None:
        yield from asked(policies, POLICY_OUT if out else POLICY_IN, config, owner)
        yield _no_policy(config, owner)
    yield from profiled(host.profiles, PROFILE_OUT if out else PROFILE_IN, config, owner)


def _forward(host: Host, config: RuleConfig, *, out: bool) -> Iterator[RuleText]:
    owner, policies = host.owner, host.forward_egress if out else host.forward_ingress
    yield from tracked(config.filter_allow, config, owner)
    yield rule(clear_result(config), owner=owner)
    if policies is not None:
        yield from asked(policies, POLICY_OUT if out else POLICY_IN, config, owner)
        yield _no_policy(config, owner)
        return
    yield rule(comment("Allow forwarded traffic by default"), set_mark(config.marks.accept), owner=owner)
    yield rule(comment("Return for accepted forward traffic"), jump("RETURN"), owner=owner)


def _no_policy(config: RuleConfig, owner: Owner) -> RuleText:
    text = comment(f"{denied(config)} if no policies passed packet")
    return rule(text, unmarked(config.marks.passed), jump(config.deny), owner=owner)


def _dispatch(hosts: Sequence[Host], config: RuleConfig, root: str, prefix: str, way: str) -> Chains:
    """What matches no interface goes on to the endpoint of all of them, if there is one."""
    named: Mapping[str, Owner] = {each.interface: each.owner for each in hosts if each.interface != EVERY}
    every = next((each for each in hosts if each.interface == EVERY), None)
    end: list[RuleText] = []
    if every is not None:
        if prefix == TO:
            note = comment("Skip egress WHEP policy for traffic to local workload")
            end = [
                rule(note, f"--out-interface {each}+", jump("RETURN"), owner=every.owner) for each in config.prefixes
            ]
        end.append(rule(goto(chain_name(prefix, EVERY)), owner=every.owner))
    return tree(named, root, prefix, way, end)


def failsafes(config: RuleConfig, *, raw: bool = False) -> Chains:
    """``cali-failsafe-in`` and ``-out``; in ``raw`` also what answers the other side's."""
    inbound, outbound = config.failsafe_in, config.failsafe_out
    return {
        _SAFE_IN: [_safe(each, "--destination-ports", "--source", "failsafeInboundHostPorts") for each in inbound]
        + (
            [_safe(each, "--source-ports", "--source", "failsafeOutboundHostPorts") for each in outbound] if raw else []
        ),
        _SAFE_OUT: [
            _safe(each, "--destination-ports", "--destination", "failsafeOutboundHostPorts") for each in outbound
        ]
        + (
            [_safe(each, "--source-ports", "--destination", "failsafeInboundHostPorts") for each in inbound]
            if raw
            else []
        ),
    }


def _safe(port: Failsafe, ports: str, net: str, field: str) -> RuleText:
    return rule(
        f"-p {port.protocol} -m multiport {ports} {port.port}",
        f"{net} {port.net}" if port.net else "",
        jump("ACCEPT"),
        owner=Owner("felix", "FelixConfiguration default", f"spec.{field}"),
    )
