"""Chains of pods: dispatch by interface, both directions of each endpoint, profiles (reference sheet Calico, sections 3.7 and 3.8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from podwire.cni.calico.rules.fragments import clear_mark, ctstate, goto, jump, marked, rule, set_mark, unmarked
from podwire.cni.calico.rules.model import Chains, RuleConfig, RuleText, Workload
from podwire.cni.calico.rules.names import chain_name, comment
from podwire.cni.calico.rules.static import denied

TO, FROM = "cali-tw-", "cali-fw-"
POLICY_IN, POLICY_OUT = "cali-pi-", "cali-po-"
PROFILE_IN, PROFILE_OUT = "cali-pri-", "cali-pro-"


def dispatch(workloads: Iterable[Workload], config: RuleConfig) -> Chains:
    """Which endpoint's chain an interface leads to, both ways: a tree by the first character in which names differ."""
    by_name = {each.interface: each for each in workloads}
    return {
        **_tree(by_name, "cali-from-wl-dispatch", FROM, "in", config),
        **_tree(by_name, "cali-to-wl-dispatch", TO, "out", config),
    }


def _tree(by_name: dict[str, Workload], root: str, prefix: str, way: str, config: RuleConfig) -> Chains:
    names = sorted(by_name)
    common = _common(names)
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name[: len(common) + 1], []).append(name)
    end = rule(comment("Unknown interface"), jump(config.deny))

    def leaf(name: str) -> RuleText:
        return rule(f"--{way}-interface {name}", goto(chain_name(prefix, name)), owner=by_name[name].owner)

    chains: Chains = {root: []}
    for start, members in groups.items():
        if len(members) == 1:
            chains[root].append(leaf(members[0]))
            continue
        child = f"{root}-{start[len(common) :]}"
        chains[root].append(rule(f"--{way}-interface {start}+", goto(child)))
        chains[child] = [*map(leaf, members), end]
    chains[root].append(end)
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
    known = ctstate("RELATED,ESTABLISHED")
    if config.filter_allow != "ACCEPT":
        yield rule(known, set_mark(marks.accept), owner=owner)
    yield rule(known, jump(config.filter_allow), owner=owner)
    yield rule(ctstate("INVALID"), jump(config.deny), owner=owner)
    yield rule(clear_mark(marks.accept), owner=owner)
    if outgoing:
        yield rule(
            comment(f"{denied(config)} VXLAN encapped packets originating in workloads"),
            f"-p 17 -m multiport --destination-ports {config.vxlan_port}",
            jump(config.deny),
            owner=owner,
        )
        yield rule(
            comment(f"{denied(config)} IPinIP encapped packets originating in workloads"),
            "-p 4",
            jump(config.deny),
            owner=owner,
        )
    policies = workload.egress if outgoing else workload.ingress
    if policies is not None:
        yield from _policies(policies, POLICY_OUT if outgoing else POLICY_IN, workload, config)
    for profile in workload.profiles:
        yield rule(jump(chain_name(PROFILE_OUT if outgoing else PROFILE_IN, profile)), owner=owner)
        yield rule(comment("Return if profile accepted"), marked(marks.accept), jump("RETURN"), owner=owner)
    yield rule(comment(f"{denied(config)} if no profiles matched"), jump(config.deny), owner=owner)


def _policies(ids: Sequence[str], prefix: str, workload: Workload, config: RuleConfig) -> Iterator[RuleText]:
    marks, owner = config.marks, workload.owner
    yield rule(comment("Start of policies"), clear_mark(marks.passed), owner=owner)
    for ident in ids:
        yield rule(unmarked(marks.passed), jump(chain_name(prefix, ident)), owner=owner)
        yield rule(comment("Return if policy accepted"), marked(marks.accept), jump("RETURN"), owner=owner)
    yield rule(
        comment(f"{denied(config)} if no policies passed packet"),
        unmarked(marks.passed),
        jump(config.deny),
        owner=owner,
    )
