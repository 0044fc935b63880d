"""Which policies an endpoint of a node has, what their rules become, which sets they need (felix/calc; reference sheet, section 6).

Pure: the same objects give the same answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, cast

import msgspec

from podwire.cni.calico.policy.model import (
    ACCOUNT,
    NAMESPACE,
    CalicoPolicy,
    Direction,
    Endpoint,
    Entity,
    HostInterface,
    Rule,
)
from podwire.cni.calico.policy.sets import SetSpec, port_set, selector_set, service_set
from podwire.cni.calico.rules.model import Host, Policy, PolicyRule, Ports, Workload
from podwire.kube.selectors import Selector, parse_selector
from podwire.wire.addr import Ip4, Net

_FROM_NAMESPACE: Final = "pcns."
_FROM_ACCOUNT: Final = "pcsa."


class Active(msgspec.Struct):
    """What a node needs: its endpoints with the policies that govern them, those policies, and their sets by id."""

    workloads: tuple[Workload, ...]
    policies: dict[str, Policy]
    sets: dict[str, SetSpec]
    hosts: tuple[Host, ...] = ()


def active(
    node: str,
    endpoints: Iterable[Endpoint],
    policies: Iterable[CalicoPolicy],
    hosts: Mapping[str, HostInterface] | None = None,
) -> Active:
    """What Felix of ``node`` has to program, of all policies in any order; ``hosts`` are its host endpoints by interface."""
    ordered = sorted(policies, key=lambda each: each.rank)
    whole = [(each, parse_selector(each.selector)) for each in ordered]
    selects = [(each, selected) for each, selected in whole if not (each.do_not_track or each.pre_dnat)]
    found = Active((), {}, {})
    found.hosts = tuple(_host(name, host, whole, found) for name, host in (hosts or {}).items())
    workloads: list[Workload] = []
    for endpoint in endpoints:
        if endpoint.node != node or not endpoint.interface:
            continue
        mine = _selecting(endpoint.labels, selects, found)
        workloads.append(
            Workload(
                endpoint.interface,
                endpoint.profiles,
                _governing(mine, "ingress"),
                _governing(mine, "egress"),
                owner=endpoint.owner,
            )
        )
    found.workloads = tuple(workloads)
    return found


def _selecting(
    labels: Mapping[str, str], selects: Iterable[tuple[CalicoPolicy, Selector]], found: Active
) -> list[CalicoPolicy]:
    """The policies that select these labels; they join what was found."""
    mine = [policy for policy, selected in selects if selected(labels)]
    for policy in mine:
        if policy.id not in found.policies:
            found.policies[policy.id] = _rendered(policy, found.sets)
    return mine


def _host(name: str, host: HostInterface, selects: Iterable[tuple[CalicoPolicy, Selector]], found: Active) -> Host:
    """``tierInfoToProtoTierInfo``: which policies act where."""
    mine = _selecting(host.labels, selects, found)
    untracked = [each for each in mine if each.do_not_track]
    early = [each for each in mine if each.pre_dnat and not each.do_not_track]
    normal = [each for each in mine if not (each.do_not_track or each.pre_dnat)]
    through = [each for each in normal if each.apply_on_forward]
    return Host(
        interface=name,
        profiles=host.profiles,
        ingress=_governing(normal, "ingress"),
        egress=_governing(normal, "egress"),
        forward_ingress=_governing(through, "ingress"),
        forward_egress=_governing(through, "egress"),
        pre_dnat=_governing(early, "ingress"),
        untracked_ingress=_governing(untracked, "ingress"),
        untracked_egress=_governing(untracked, "egress"),
        owner=host.owner,
    )


def _governing(policies: Sequence[CalicoPolicy], direction: Direction) -> tuple[str, ...] | None:
    ids = tuple(policy.id for policy in policies if direction in policy.types)
    return ids or None


def _rendered(policy: CalicoPolicy, sets: dict[str, SetSpec]) -> Policy:
    return Policy(
        policy.id,
        tuple(each for rule in policy.ingress for each in parsed_rule(rule, policy.namespace, sets)),
        tuple(each for rule in policy.egress for each in parsed_rule(rule, policy.namespace, sets)),
        policy.owner,
        parse_selector(policy.selector).text,
    )


def parsed_rule(rule: Rule, namespace: str, sets: dict[str, SetSpec]) -> tuple[PolicyRule, ...]:
    """``ruleToParsedRule``: selectors and named ports become sets, which are added to ``sets``. No rule where it is not for IPv4."""
    if rule.ip_version not in {None, 4}:
        return ()
    protocol = rule.protocol if rule.protocol in {"udp", "sctp"} else "tcp"
    given: dict[str, object] = {}
    for way, entity in (("src", rule.source), ("dst", rule.destination)):
        own = _nets(entity.nets), _nets(entity.not_nets)
        if entity.nets and not own[0]:
            return ()
        given |= {f"{way}_nets": own[0], f"not_{way}_nets": own[1]}
        given |= _ports_and_sets(way, entity, namespace, str(protocol), sets)
        given |= _service(way, entity, given, sets)
    return (
        PolicyRule(
            action=rule.action,
            protocol=rule.protocol,
            not_protocol=rule.not_protocol,
            icmp=rule.icmp,
            not_icmp=rule.not_icmp,
            owner=rule.owner,
            **given,  # type: ignore[arg-type]
        ),
    )


def _nets(nets: Iterable[Net]) -> tuple[Net, ...]:
    return tuple(net for net in nets if isinstance(net.addr, Ip4))


def _ports_and_sets(
    way: str, entity: Entity, namespace: str, protocol: str, sets: dict[str, SetSpec]
) -> Mapping[str, object]:
    selector = entity_selector(entity, namespace)
    negated = [parse_selector(entity.not_selector).text] if entity.not_selector else []
    if selector and negated:
        # combineMatchesIfPossible: one set instead of two.
        selector, negated = parse_selector(f"({selector}) && (!({negated[0]}))").text, []

    def keep(specs: Iterable[SetSpec]) -> tuple[str, ...]:
        kept = []
        for spec in specs:
            sets.setdefault(spec.id, spec)
            kept.append(spec.id)
        return tuple(kept)

    numbers, names = _split(entity.ports)
    not_numbers, not_names = _split(entity.not_ports)
    # The set of a named port is filtered by the selector already.
    alone = bool(names) and not numbers
    return {
        f"{way}_ports": numbers,
        f"not_{way}_ports": not_numbers,
        f"{way}_named": keep(port_set(selector, protocol, name) for name in names),
        f"not_{way}_named": keep(port_set(selector, protocol, name) for name in not_names),
        f"{way}_sets": keep([selector_set(selector)] if selector and not alone else []),
        f"not_{way}_sets": keep(map(selector_set, negated)),
    }


def _service(way: str, entity: Entity, given: Mapping[str, object], sets: dict[str, SetSpec]) -> dict[str, object]:
    """The endpoints of a Service: with their ports where they are the destination."""
    if entity.service is None:
        return {}
    spec = service_set("/".join(entity.service), ports=way == "dst")
    sets.setdefault(spec.id, spec)
    if way == "dst":
        return {"dst_services": (spec.id,)}
    return {"src_sets": (*cast("tuple[str, ...]", given["src_sets"]), spec.id)}


def _split(ports: Iterable[Ports | str]) -> tuple[tuple[Ports, ...], tuple[str, ...]]:
    given = tuple(ports)
    return (
        tuple(port for port in given if not isinstance(port, str)),
        tuple(port for port in given if isinstance(port, str)),
    )


def entity_selector(entity: Entity, namespace: str) -> str:
    """``getEndpointSelector``: what one side of a rule selects, in canonical form; "" where no selector says anything.

    Without a selector of namespaces a policy of a namespace speaks of that.
    """
    spaces = ""
    if entity.namespace_selector:
        spaces = parse_selector(entity.namespace_selector, _FROM_NAMESPACE).text
        spaces = spaces.replace("all()", f"has({NAMESPACE})").replace("global()", f"!has({NAMESPACE})")
    elif namespace:
        spaces = f"{NAMESPACE} == '{namespace}'"
    own = _both(_accounts(entity), entity.selector)
    if spaces and (own or entity.not_selector or entity.namespace_selector):
        own = _both(spaces, own)
    return parse_selector(own).text if own else ""


def _both(one: str, other: str) -> str:
    return f"({one}) && ({other})" if one and other else one or other


def _accounts(entity: Entity) -> str:
    """``parseServiceAccounts``: what their labels must be, then their names."""
    labels = parse_selector(entity.account_selector, _FROM_ACCOUNT).text if entity.account_selector else ""
    if not entity.accounts:
        return labels
    names = "', '".join(entity.accounts)
    return _both(labels, parse_selector(f"{ACCOUNT} in {{ '{names}' }}").text)
