"""Chains of policies and profiles: one rule of theirs may need several of iptables (reference sheet Calico, section 6.4).

A rule of iptables cannot say "or", nor name two nets. Then blocks come before it: each sets, or clears, a bit of the mark, and the rule
itself asks for that bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from podwire.cni.calico.rules.fragments import clear_mark, in_set, jump, marked, rule, set_mark, unmarked
from podwire.cni.calico.rules.model import Chains, Policy, PolicyRule, Ports, Profile, RuleConfig, RuleText
from podwire.cni.calico.rules.names import chain_name, comment, set_name
from podwire.cni.calico.rules.workloads import BOTH_BITS, POLICY_IN, POLICY_OUT, PROFILE_IN, PROFILE_OUT
from podwire.trace.events import Owner

_SLOTS = 15
"""So many ports fit into one multiport match; a range takes two of them."""


def policy_chains(policy: Policy, config: RuleConfig) -> Chains:
    """``cali-pi-`` and ``cali-po-``: both are there, whatever the types of the policy; chains that nothing refers to are not programmed."""
    return {
        chain_name(POLICY_IN, policy.id): _chain(f"Policy {policy.id} ingress", policy.inbound, policy.owner, config),
        chain_name(POLICY_OUT, policy.id): _chain(f"Policy {policy.id} egress", policy.outbound, policy.owner, config),
    }


def profile_chains(profile: Profile, config: RuleConfig) -> Chains:
    """``cali-pri-`` and ``cali-pro-``."""
    name, owner = profile.name, profile.owner
    return {
        chain_name(PROFILE_IN, name): _chain(f"Profile {name} ingress", profile.inbound, owner, config),
        chain_name(PROFILE_OUT, name): _chain(f"Profile {name} egress", profile.outbound, owner, config),
    }


def _chain(note: str, rules: Sequence[PolicyRule], owner: Owner, config: RuleConfig) -> list[RuleText]:
    """The first rule says whose chain it is; a chain without rules has one that says nothing else."""
    found = [each for one in rules for each in render_rule(one, config)]
    if config.release >= BOTH_BITS and found and found[-1].text.endswith(jump("RETURN")):
        found.pop()  # the chain ends there anyway
    if not found:
        return [rule(comment(note), owner=owner)]
    first = found[0]
    return [msgspec.structs.replace(first, text=f"{comment(note)} {first.text}"), *found[1:]]


def render_rule(given: PolicyRule, config: RuleConfig) -> list[RuleText]:
    """The rules that stand for one: its blocks, the rule itself, and for Allow and Pass the way back."""
    blocks = _Blocks(config, given.owner)
    rest = blocks.take(given)
    match = " ".join(_matches(rest))
    if blocks.used:
        match = f"{match} {marked(config.marks.scratch0)}".strip()
    return [*blocks.rules, *_actions(given, match, config)]


def _actions(given: PolicyRule, match: str, config: RuleConfig) -> Iterator[RuleText]:
    owner = given.owner
    if given.action in {"allow", "pass"}:
        bit = config.marks.accept if given.action == "allow" else config.marks.passed
        yield rule(match, set_mark(bit), owner=owner)
        yield rule(marked(bit), jump("RETURN"), owner=owner)
    elif given.action == "deny":
        yield rule(match, jump(config.deny), owner=owner)
    else:
        yield rule(match, f'--jump LOG --log-prefix "{config.log_prefix}: " --log-level 5', owner=owner)


class _Blocks:
    """What stands before a rule that iptables cannot say at once."""

    def __init__(self, config: RuleConfig, owner: Owner) -> None:
        self._all, self._this = config.marks.scratch0, config.marks.scratch1
        self._owner = owner
        self.rules: list[RuleText] = []
        self.used = False

    def take(self, given: PolicyRule) -> PolicyRule:
        """Render what needs blocks; returns the rule without it."""
        rest = given
        for way in ("src", "dst"):
            groups, named = _split(getattr(given, f"{way}_ports")), getattr(given, f"{way}_named")
            if len(groups) + len(named) > 1:
                self._ports(given, way, groups, named)
                rest = msgspec.structs.replace(rest, **{f"{way}_ports": (), f"{way}_named": ()})
        for way in ("src", "dst"):
            nets = getattr(given, f"{way}_nets")
            if len(nets) > 1:
                self._positive([f"{_NET[way]} {net}" for net in nets])
                rest = msgspec.structs.replace(rest, **{f"{way}_nets": ()})
        for way in ("src", "dst"):
            nets = getattr(given, f"not_{way}_nets")
            if nets and len(getattr(rest, f"{way}_nets")) + len(nets) > 1:
                self._begin(self._all)
                for net in nets:
                    self._add(f"{_NET[way]} {net}", clear_mark(self._all))
                self.used = True
                rest = msgspec.structs.replace(rest, **{f"not_{way}_nets": ()})
        return rest

    def _ports(self, given: PolicyRule, way: str, groups: list[str], named: tuple[str, ...]) -> None:
        matches = [f"-p {given.protocol} -m multiport {_PORTS[way]} {group}" for group in groups]
        self._positive([*matches, *(in_set(set_name(ident), f"{way},{way}") for ident in named)])

    def _positive(self, matches: list[str]) -> None:
        """One of these has to match. Any but the first block has a bit of its own, and clears that of all where it stayed clear."""
        self._begin(0)
        bit = self._this if self.used else self._all
        for match in matches:
            self._add(match, set_mark(bit))
        if self.used:
            self._add(unmarked(self._this), clear_mark(self._all))
        self.used = True

    def _begin(self, bits: int) -> None:
        if not self.used:
            self._add(f"--jump MARK --set-mark {bits:#x}/{self._all | self._this:#x}")

    def _add(self, *parts: str) -> None:
        self.rules.append(rule(*parts, owner=self._owner))


_NET = {"src": "--source", "dst": "--destination"}
_PORTS = {"src": "--source-ports", "dst": "--destination-ports"}


def _split(ports: Sequence[Ports]) -> list[str]:
    """Ports as the arguments of as many multiport matches as they need."""
    groups: list[list[str]] = []
    room = 0
    for first, last in ports:
        slots = 1 if first == last else 2
        if slots > room:
            groups.append([])
            room = _SLOTS
        groups[-1].append(str(first) if first == last else f"{first}:{last}")
        room -= slots
    return [",".join(group) for group in groups]


def _matches(given: PolicyRule) -> Iterator[str]:
    """What is asked for, then what is asked not to be."""
    for no in ("", "not_"):
        bang = "! " if no else ""

        def field(name: str, no: str = no) -> tuple[str, ...]:
            found: tuple[str, ...] = getattr(given, no + name)
            return found

        protocol = getattr(given, f"{no}protocol")
        if protocol is not None:
            yield f"{bang}-p {protocol}"
        for way in ("src", "dst"):
            for net in field(f"{way}_nets"):
                yield f"{bang}{_NET[way]} {net}"
            for ident in field(f"{way}_sets"):
                yield f"-m set {bang}--match-set {set_name(ident)} {way}"
            if way == "dst" and not no:
                for ident in given.dst_services:
                    yield in_set(set_name(ident), "dst,dst")
            for group in _split(getattr(given, f"{no}{way}_ports")):
                yield f"-m multiport {bang}{_PORTS[way]} {group}"
            for ident in field(f"{way}_named"):
                yield f"-m set {bang}--match-set {set_name(ident)} {way},{way}"
        icmp = getattr(given, f"{no}icmp")
        if icmp is not None:
            kind, code = icmp
            yield f"-m icmp {bang}--icmp-type {kind}" + (f"/{code}" if code is not None else "")
