"""Calico's own objects as Felix reads them: policies, sets of addresses, host endpoints.

Source: libcalico-go, lib/backend/syncersv1/updateprocessors (release v3.26); reference sheet Calico, sections 6.1 and 6.5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from podwire.cni.calico.policy.model import (
    NAMESPACE,
    CalicoPolicy,
    Direction,
    Endpoint,
    Entity,
    HostInterface,
    NamedPort,
)
from podwire.cni.calico.policy.model import Rule as Felix
from podwire.cni.calico.rules.model import Action
from podwire.kube.calico.checks import PROTOCOLS, masked, port
from podwire.kube.calico.endpoints import GlobalNetworkSet, HostEndpoint, NetworkSet
from podwire.kube.calico.kinds import written_name
from podwire.kube.calico.policies import GlobalNetworkPolicy, GlobalPolicySpec, NetworkPolicy, PolicySpec
from podwire.kube.calico.rules import ICMP, EntityRule, Rule
from podwire.kube.selectors import parse_selector
from podwire.trace.events import Owner
from podwire.wire.addr import Ip, Net

_BOTH: frozenset[Direction] = frozenset({"ingress", "egress"})


def convert_policy(policy: NetworkPolicy) -> CalicoPolicy:
    """``convertNetworkPolicyV2ToV1Value``."""
    meta, spec = policy.metadata, policy.spec
    space = f"{NAMESPACE} == '{meta.namespace}'"
    selector = f"({spec.selector}) && {space}" if spec.selector else space
    what = f"NetworkPolicy.projectcalico.org {meta.namespace}/{written_name('NetworkPolicy', meta.name)}"
    return CalicoPolicy(
        id=f"{meta.namespace}/{meta.name}",
        namespace=meta.namespace,
        order=spec.order,
        selector=_and(selector, spec.service_account_selector, "pcsa."),
        types=_types(spec.types),
        ingress=tuple(_rules(spec, what, meta.namespace, "ingress")),
        egress=tuple(_rules(spec, what, meta.namespace, "egress")),
        apply_on_forward=True,
        owner=Owner("felix", what),
    )


def convert_global_policy(policy: GlobalNetworkPolicy) -> CalicoPolicy:
    """``convertGlobalNetworkPolicyV2ToV1Value``."""
    meta, spec = policy.metadata, policy.spec
    selector = spec.selector
    if spec.namespace_selector:
        selector = _and(selector, spec.namespace_selector, "pcns.").replace("all()", f"has({NAMESPACE})")
    if spec.service_account_selector:
        selector = _and(selector, spec.service_account_selector, "pcsa.")
        selector = selector.replace("all()", "has(projectcalico.org/serviceaccount)")
    what = f"GlobalNetworkPolicy {written_name('GlobalNetworkPolicy', meta.name)}"
    return CalicoPolicy(
        id=meta.name,
        order=spec.order,
        selector=selector,
        types=_types(spec.types),
        ingress=tuple(_rules(spec, what, "", "ingress")),
        egress=tuple(_rules(spec, what, "", "egress")),
        do_not_track=spec.do_not_track,
        pre_dnat=spec.pre_dnat,
        apply_on_forward=spec.apply_on_forward,
        owner=Owner("felix", what),
    )


def _and(selector: str, more: str, prefix: str) -> str:
    """``prefixAndAppendSelector``."""
    if not more:
        return selector
    text = parse_selector(more, prefix).text
    return f"({selector}) && {text}" if selector else text


def _types(types: Sequence[str]) -> frozenset[Direction]:
    """Objects of old, and those that were written without calicoctl, have none: both directions then."""
    return frozenset(cast("Direction", each.lower()) for each in types) or _BOTH


def _rules(spec: PolicySpec | GlobalPolicySpec, what: str, namespace: str, direction: Direction) -> Iterator[Felix]:
    rules: Sequence[Rule] = getattr(spec, direction)
    for index, rule in enumerate(rules):
        yield Felix(
            action=cast("Action", rule.action.lower()),
            protocol=_protocol(rule.protocol),
            not_protocol=_protocol(rule.not_protocol),
            icmp=_icmp(rule.icmp),
            not_icmp=_icmp(rule.not_icmp),
            ip_version=rule.ip_version,
            source=_entity(rule.source, namespace),
            destination=_entity(rule.destination, namespace),
            owner=Owner("felix", what, f"spec.{direction}[{index}]"),
        )


def _protocol(value: int | str | None) -> int | str | None:
    if value is None:
        return None
    text = str(value)
    return text.lower() if text in PROTOCOLS else int(text)


def _icmp(value: ICMP | None) -> tuple[int, int | None] | None:
    return None if value is None or value.type is None else (value.type, value.code)


def _entity(given: EntityRule, namespace: str) -> Entity:
    accounts, service = given.service_accounts, given.services
    return Entity(
        nets=tuple(map(masked, given.nets)),
        not_nets=tuple(map(masked, given.not_nets)),
        selector=given.selector,
        not_selector=given.not_selector,
        namespace_selector=given.namespace_selector,
        ports=tuple(map(port, given.ports)),
        not_ports=tuple(map(port, given.not_ports)),
        accounts=accounts.names if accounts is not None else (),
        account_selector=accounts.selector if accounts is not None else "",
        service=(service.namespace or namespace, service.name) if service is not None else None,
    )


def set_endpoint(given: NetworkSet | GlobalNetworkSet, spaces: Mapping[str, Mapping[str, str]]) -> Endpoint:
    """A set of addresses as selectors see it: that of a namespace has the namespace's labels too."""
    meta = given.metadata
    labels = dict(meta.labels)
    if isinstance(given, NetworkSet):
        inherited = {f"pcns.{key}": value for key, value in spaces.get(meta.namespace, {}).items()}
        labels = {**inherited, "pcns.projectcalico.org/name": meta.namespace, **labels, NAMESPACE: meta.namespace}
    key = f"{meta.namespace}/{meta.name}" if meta.namespace else meta.name
    kind = type(given).__name__
    nets = dict.fromkeys(map(masked, given.spec.nets))
    return Endpoint(
        key=key, node="", labels=labels, nets=tuple(_ipv4(nets)), owner=Owner("felix", f"{kind} {key}", "spec.nets")
    )


def _ipv4(nets: Mapping[Net, None]) -> Iterator[Net]:
    return (net for net in nets if net.addr.bits == 32)


def host_endpoint(given: HostEndpoint) -> HostInterface:
    """A host endpoint as Felix reads it."""
    meta, spec = given.metadata, given.spec
    ips = tuple(ip for ip in map(Ip.parse, spec.expected_ips) if ip.bits == 32)
    return HostInterface(
        name=meta.name,
        node=spec.node,
        labels=dict(meta.labels),
        interface=spec.interface_name,
        ips=ips,
        profiles=spec.profiles,
        ports=tuple(NamedPort(each.name, str(each.protocol).lower(), each.port) for each in spec.ports),
        owner=Owner("felix", f"HostEndpoint {meta.name}"),
    )


def auto_host_endpoint(node: str, labels: Mapping[str, str], ips: Sequence[Ip]) -> HostInterface:
    """What kube-controllers makes of a Node (``hostEndpoint.autoCreate``)."""
    return HostInterface(
        name=f"{node}-auto-hep",
        node=node,
        labels={**labels, "projectcalico.org/created-by": "calico-kube-controllers"},
        interface="*",
        ips=tuple(ips),
        profiles=("projectcalico-default-allow",),
        owner=Owner("felix", f"HostEndpoint {node}-auto-hep"),
    )
