"""Kubernetes' objects as Calico reads them: NetworkPolicy to policy, pods and namespaces to endpoints and profiles.

Source: libcalico-go, lib/backend/k8s/conversion (release v3.26); reference sheet Calico, section 6.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from podwire.cni.calico.policy.model import (
    ACCOUNT,
    NAMESPACE,
    ORCHESTRATOR,
    CalicoPolicy,
    Direction,
    Entity,
    Rule,
)
from podwire.cni.calico.rules.model import Ports
from podwire.kube.labels import LabelSelector
from podwire.kube.policy import NetworkPolicy, PolicyPeer, PolicyPort
from podwire.trace.events import Owner
from podwire.wire.addr import Ip4, Net

_K8S = f"{ORCHESTRATOR} == 'k8s'"
_ORDER = 1000.0


def convert_policy(policy: NetworkPolicy) -> CalicoPolicy:
    """``K8sNetworkPolicyToCalico``: order 1000, named ``knp.default.…``; rules only allow."""
    meta, spec = policy.metadata, policy.spec
    what = f"NetworkPolicy {meta.namespace}/{meta.name}"
    types: set[Direction] = {"ingress" if each == "Ingress" else "egress" for each in spec.policy_types}
    ingress = tuple(
        each
        for index, one in enumerate(spec.ingress)
        for each in _rules(one.from_, one.ports, Owner("felix", what, f"spec.ingress[{index}]"), ingress=True)
    )
    egress = tuple(
        each
        for index, out in enumerate(spec.egress)
        for each in _rules(out.to, out.ports, Owner("felix", what, f"spec.egress[{index}]"), ingress=False)
    )
    return CalicoPolicy(
        id=f"{meta.namespace}/knp.default.{meta.name}",
        namespace=meta.namespace,
        order=_ORDER,
        selector=f"({pod_selector(spec.pod_selector)}) && {NAMESPACE} == '{meta.namespace}'",
        types=frozenset(types or {"ingress"}),
        ingress=ingress,
        egress=egress,
        owner=Owner("felix", what),
    )


def _rules(peers: Sequence[PolicyPeer], ports: Sequence[PolicyPort], owner: Owner, *, ingress: bool) -> Iterator[Rule]:
    """A rule for each protocol and each peer."""
    sides = [_entity(peer) for peer in peers] or [Entity()]
    for protocol, numbers in _by_protocol(ports):
        for side in sides:
            at = Entity(ports=numbers)
            if ingress:
                yield Rule(action="allow", protocol=protocol, source=side, destination=at, owner=owner)
            else:
                there = Entity(
                    nets=side.nets,
                    not_nets=side.not_nets,
                    selector=side.selector,
                    namespace_selector=side.namespace_selector,
                    ports=numbers,
                )
                yield Rule(action="allow", protocol=protocol, destination=there, owner=owner)


def _by_protocol(ports: Sequence[PolicyPort]) -> Iterator[tuple[str | None, tuple[Ports | str, ...]]]:
    """The ports of each protocol, protocols in order of their names; no ports at all: no protocol either."""
    if not ports:
        yield None, ()
    for protocol in sorted({port.protocol for port in ports}):
        mine = [port for port in ports if port.protocol == protocol]
        every = any(port.port is None for port in mine)
        yield protocol.lower(), () if every else simplify(mine)


def simplify(ports: Sequence[PolicyPort]) -> tuple[Ports | str, ...]:
    """``SimplifyPorts``: names first, then numbers in order; neighbours become ranges."""
    names: list[Ports | str] = [port.port for port in ports if isinstance(port.port, str)]
    numbers = sorted((port.port, port.end_port or port.port) for port in ports if isinstance(port.port, int))
    joined: list[Ports] = []
    for first, last in numbers:
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return (*names, *joined)


def _entity(peer: PolicyPeer) -> Entity:
    block = peer.ip_block
    if block is not None:
        # Validation lets host bits pass; cnet.ParseCIDR cuts them.
        left_out = tuple(Net.parse(text, strict=False) for text in block.except_)
        return Entity(nets=(Net.parse(block.cidr, strict=False),), not_nets=left_out)
    spaces = peer.namespace_selector
    return Entity(
        selector=pod_selector(peer.pod_selector),
        namespace_selector="" if spaces is None else " && ".join(_terms(spaces)) or "all()",
    )


def pod_selector(selector: LabelSelector | None) -> str:
    """A pod selector in Calico's words; None selects every pod."""
    return " && ".join([_K8S, *(_terms(selector) if selector is not None else ())])


def _terms(selector: LabelSelector) -> Iterator[str]:
    for key in sorted(selector.match_labels):
        yield f"{key} == '{selector.match_labels[key]}'"
    for each in selector.match_expressions:
        values = "', '".join(each.values)
        yield {
            "In": f"{each.key} in {{ '{values}' }}",
            "NotIn": f"{each.key} not in {{ '{values}' }}",
            "Exists": f"has({each.key})",
            "DoesNotExist": f"! has({each.key})",
        }[each.operator]


def labels_of_pod(
    own: Mapping[str, str], namespace: str, account: str, spaces: Mapping[str, str], accounts: Mapping[str, str]
) -> dict[str, str]:
    """What selectors see of a pod: its labels, what Calico adds, and those of its namespace and account by its profiles."""
    return {
        **{f"pcns.{key}": value for key, value in spaces.items()},
        "pcns.projectcalico.org/name": namespace,
        **{f"pcsa.{key}": value for key, value in accounts.items()},
        "pcsa.projectcalico.org/name": account,
        **own,
        NAMESPACE: namespace,
        ORCHESTRATOR: "k8s",
        ACCOUNT: account,
    }


def host_net(ip: Ip4) -> Net:
    """The address as a net."""
    return Net(ip, ip.bits)
