"""What Kubernetes says of a packet, written from its documentation alone: "Network Policies", and the API reference of NetworkPolicySpec.

Nothing of podwire is used here: policies are documents as people write them, addresses are those of ``ipaddress``. The sentences that
a function stands for are quoted beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Peer:
    """One end of a connection. A pod has a namespace; whoever has none is known by its address alone.

    ``ports``: the names of its container ports, by name and protocol. ``node`` is where a pod runs; of a node, its own name.
    """

    address: str
    namespace: str = ""
    name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[tuple[str, str], int] = field(default_factory=dict)
    node: str = ""

    @property
    def is_pod(self) -> bool:
        """Whether policies can select it."""
        return bool(self.namespace)


@dataclass(frozen=True)
class World:
    """The labels of namespaces, and the policies that there are."""

    namespaces: Mapping[str, Mapping[str, str]]
    policies: Sequence[Document]

    def allowed(self, source: Peer, target: Peer, protocol: str, port: int) -> bool:
        """Whether a new connection stands.

        "For a connection from a source pod to a destination pod to be allowed, both the egress policy on the source pod and the ingress
        policy on the destination pod need to allow the connection."
        """
        if source.is_pod and (source.namespace, source.name) == (target.namespace, target.name):
            return True  # "a Pod cannot block access to itself"
        if source.node == target.node and not (source.is_pod and target.is_pod):
            # "traffic to and from the node where a Pod is running is always allowed"
            return True
        return self._isolation(source, target, target, "Egress", protocol, port) and self._isolation(
            target, source, target, "Ingress", protocol, port
        )

    def _isolation(self, pod: Peer, other: Peer, target: Peer, kind: str, protocol: str, port: int) -> bool:
        """Of one pod and one direction.

        "By default, a pod is non-isolated"; it is isolated "if there is any NetworkPolicy that both selects the pod and has it in its
        policyTypes"; then "the only allowed connections are those allowed by some NetworkPolicy that applies to the pod"; "the effects
        of those lists combine additively".
        """
        if not pod.is_pod:
            return True
        mine = [each for each in self.policies if kind in types(each) and self._selects(each, pod)]
        return not mine or any(self._lets(each, other, target, kind, protocol, port) for each in mine)

    def _selects(self, policy: Document, pod: Peer) -> bool:
        """The text: "An empty podSelector selects all pods in the namespace"; a policy speaks of its own namespace alone."""
        return policy["metadata"]["namespace"] == pod.namespace and selected(
            policy["spec"].get("podSelector") or {}, pod.labels
        )

    def _lets(self, policy: Document, other: Peer, target: Peer, kind: str, protocol: str, port: int) -> bool:
        """The text: "Each rule allows traffic which matches both the from (to) and ports sections"."""
        way, side = ("egress", "to") if kind == "Egress" else ("ingress", "from")
        return any(
            self._peers(rule.get(side), policy["metadata"]["namespace"], other)
            and ports(rule.get("ports"), target, protocol, port)
            for rule in policy["spec"].get(way) or []
        )

    def _peers(self, peers: Sequence[Document] | None, namespace: str, other: Peer) -> bool:
        """The text: "If this field is empty or missing, this rule matches all sources"; items "are combined using a logical OR operation"."""
        return not peers or any(self._peer(each, namespace, other) for each in peers)

    def _peer(self, peer: Document, namespace: str, other: Peer) -> bool:
        if "ipBlock" in peer:
            return in_block(peer["ipBlock"], other.address)
        if not other.is_pod:
            return False
        # "If podSelector is also set, … selects the pods matching podSelector in the namespaces selected by namespaceSelector";
        # otherwise "in the policy's own namespace".
        spaces, pods = peer.get("namespaceSelector"), peer.get("podSelector")
        there = other.namespace == namespace if spaces is None else selected(spaces, self.namespaces[other.namespace])
        return there and (pods is None or selected(pods, other.labels))


def types(policy: Document) -> set[str]:
    """The directions that it speaks of.

    "If no policyTypes are specified on a NetworkPolicy then by default Ingress will always be set and Egress will be set if the
    NetworkPolicy has any egress rules."
    """
    given = policy["spec"].get("policyTypes")
    return set(given) if given else {"Ingress", *(["Egress"] if policy["spec"].get("egress") else [])}


def selected(selector: Document, labels: Mapping[str, str]) -> bool:
    """The text: "The requirements are ANDed"; NotIn holds too for an object that has no such label."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if key not in labels or labels[key] != value:
            return False
    return all(_requirement(each, labels) for each in selector.get("matchExpressions") or [])


def _requirement(each: Document, labels: Mapping[str, str]) -> bool:
    there = each["key"] in labels
    if each["operator"] == "Exists":
        return there
    if each["operator"] == "DoesNotExist":
        return not there
    inside = there and labels[each["key"]] in each["values"]
    return inside if each["operator"] == "In" else not inside


def in_block(block: Document, address: str) -> bool:
    """The text: "except is a slice of CIDRs that should not be included within an IPBlock"."""
    at = ip_address(address)
    return at in ip_network(block["cidr"], strict=False) and not any(
        at in ip_network(each, strict=False) for each in block.get("except") or []
    )


def ports(given: Iterable[Document] | None, target: Peer, protocol: str, port: int) -> bool:
    """Whether one of these ports is meant.

    "If this field is empty or missing, this rule matches all ports (traffic not restricted by port)"; a name is "a named port on a
    pod": that of the pod which is connected to. "If not specified, this field [protocol] defaults to TCP."
    """
    wanted = list(given or [])
    return not wanted or any(_port(each, target, protocol, port) for each in wanted)


def _port(each: Document, target: Peer, protocol: str, port: int) -> bool:
    if each.get("protocol", "TCP") != protocol:
        return False
    number = each.get("port")
    if number is None:
        return True  # "If this field is not provided, this matches all port names and numbers."
    if isinstance(number, str):
        return target.ports.get((number, protocol)) == port
    return bool(number <= port <= each.get("endPort", number))
