"""Chains of pods: dispatch by interface, both directions of each endpoint, profiles (reference sheet Calico, sections 3.7 and 3.8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from podwire.cni.calico.rules.fragments import clear_mark, ctstate, goto, jump, marked, rule, set_mark, unmarked
from podwire.cni.calico.rules.model import Chains, RuleConfig, RuleText, Workload
from podwire.cni.calico.rules.names import chain_name, comment
from podwire.cni.calico.rules.static import denied
from podwire.trace.events import Owner

TO, FROM = "cali-tw-", "cali-fw-"
POLICY_IN, POLICY_OUT = "cali-pi-", "cali-po-"
PROFILE_IN, PROFILE_OUT = "cali-pri-", "cali-pro-"
GROUPS = ("cali-gi-", "cali-go-")
"""Chains of policies with one selector (from v3.28)."""
BOTH_BITS = 28
"""From this release on the bits of accepting and passing are cleared together."""


def dispatch(workloads: Iterable[Workload], config: RuleConfig) -> Chains:
    """Which endpoint's chain an interface leads to, both ways: a tree by the first character in which names differ."""
    owners = {each.interface: each.owner for each in workloads}
    end = [rule(comment("Unknown interface"), jump(config.deny))]
    return {
        **tree(owners, "cali-from-wl-dispatch", FROM, "in", end),
        **tree(owners, "cali-to-wl-dispatch", TO, "out", end),
    }


def tree(owners: Mapping[str, Owner], root: str, prefix: str, way: str, end: Sequence[RuleText]) -> Chains:
    """From interfaces to the chains ``prefix`` of theirs; ``way`` is ``in`` or ``out``, ``end`` what stands last in every chain."""
    names = sorted(owners)
    common = _common(names)
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name[: len(common) + 1], []).append(name)

    def leaf(name: str) -> RuleText:
        return rule(f"--{way}-interface {name}", goto(chain_name(prefix, name)), owner=owners[name])

    chains: Chains = {root: []}
    for start, members in groups.items():
        if len(members) == 1:
            chains[root].append(leaf(members[0]))
            continue
        child = f"{root}-{start[len(common) :]}"
        chains[root].append(rule(f"--{way}-interface {start}+", goto(child)))
        chains[child] = [*map(leaf, members), *end]
    chains[root] += end
    return chains


def _common(names: Sequence[str]) -> str:
    """What all of these begin with; they are sorted."""
    if not names:
        return ""
    pairs = zip(names[0], names[-1], strict=False)
    return names[0][: next((n for n, (a, b) in enumerate(pairs) if a != b), len(names[0]))]


def endpoint(workload: Workload, config: RuleConfig) -> Chains:
    """``cali-tw-`` (what comes to the pod) and ``cali-fw-`` (what it sends)."""
    return {
        chain_name(TO, workload.interface): list(_direction(workload, config, outgoing=False)),
        chain_name(FROM, workload.interface): list(_direction(workload, config, outgoing=True)),
    }


def _direction(workload: Workload, config: RuleConfig, *, outgoing: bool) -> Iterator[RuleText]:
    marks, owner = config.marks, workload.owner
    if not workload.admin_up:
        yield rule(comment("Endpoint admin disabled"), jump(config.deny), owner=owner)
        return
    yield from tracked(config.filter_allow, config, owner)
    yield rule(clear_result(config), owner=owner)
    if outgoing and not config.allow_vxlan:
        yield rule(
            comment(f"{denied(config)} VXLAN encapped packets originating in workloads"),
            f"-p 17 -m multiport --destination-ports {config.vxlan_port}",
            jump(config.deny),
            owner=owner,
        )
    if outgoing and not config.allow_ipip:
        yield rule(
            comment(f"{denied(config)} IPinIP encapped packets originating in workloads"),
            "-p 4",
            jump(config.deny),
            owner=owner,
        )
    policies = workload.egress if outgoing else workload.ingress
    if policies is not None:
        yield from asked(policies, POLICY_OUT if outgoing else POLICY_IN, config, owner)
        yield rule(
            comment(f"{denied(config)} if no policies passed packet"),
            unmarked(marks.passed),
            jump(config.deny),
            owner=owner,
        )
    yield from profiled(workload.profiles, PROFILE_OUT if outgoing else PROFILE_IN, config, owner)


def clear_result(config: RuleConfig) -> str:
    """The bits by which policies answer: from v3.28 both at once."""
    marks = config.marks
    return clear_mark(marks.accept | marks.passed if config.release >= BOTH_BITS else marks.accept)


def tracked(allow: str, config: RuleConfig, owner: Owner) -> Iterator[RuleText]:
    """What a connection that is known may do (``appendConntrackRules``)."""
    known = ctstate("RELATED,ESTABLISHED")
    if allow != "ACCEPT":
        yield rule(known, set_mark(config.marks.accept), owner=owner)
    yield rule(known, jump(allow), owner=owner)
    yield rule(ctstate("INVALID"), jump(config.deny), owner=owner)


def asked(
    chains: Sequence[str], prefix: str, config: RuleConfig, owner: Owner, *, untracked: bool = False
) -> Iterator[RuleText]:
    """Each policy in turn, until one accepts or passes; ``chains`` are ids, or names of groups.

    ``untracked``: what is accepted is not tracked.
    """
    marks = config.marks
    if config.release < BOTH_BITS:
        yield rule(comment("Start of policies"), clear_mark(marks.passed), owner=owner)
    for ident in chains:
        target = ident if ident.startswith(GROUPS) else chain_name(prefix, ident)
        yield rule(unmarked(marks.passed), jump(target), owner=owner)
        if untracked:
            yield rule(marked(marks.accept), jump("NOTRACK"), owner=owner)
        yield rule(comment("Return if policy accepted"), marked(marks.accept), jump("RETURN"), owner=owner)


def profiled(profiles: Sequence[str], prefix: str, config: RuleConfig, owner: Owner) -> Iterator[RuleText]:
    """Each profile in turn; what none accepts is dropped."""
    for profile in profiles:
        yield rule(jump(chain_name(prefix, profile)), owner=owner)
        yield rule(comment("Return if profile accepted"), marked(config.marks.accept), jump("RETURN"), owner=owner)
    yield rule(comment(f"{denied(config)} if no profiles matched"), jump(config.deny), owner=owner)
