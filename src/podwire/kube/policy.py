"""NetworkPolicy (networking.k8s.io/v1) and its rules."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from podwire.kube import words
from podwire.kube.invalid import Problems
from podwire.kube.labels import LabelSelector, check_selector
from podwire.kube.meta import Metadata


class IPBlock(msgspec.Struct, frozen=True, rename="camel"):
    """A range, and ranges in it that are left out."""

    cidr: str = ""
    except_: tuple[str, ...] = msgspec.field(name="except", default=())


class PolicyPeer(msgspec.Struct, frozen=True, rename="camel"):
    """Pods by their labels, those of namespaces by theirs, or addresses. Both selectors together mean "and"."""

    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: IPBlock | None = None


class PolicyPort(msgspec.Struct, frozen=True, rename="camel"):
    """A port by number or name, or the range up to ``end_port``; without ``port`` every port of the protocol."""

    protocol: str = "TCP"
    port: int | str | None = None
    end_port: int | None = None


class IngressRule(msgspec.Struct, frozen=True, rename="camel"):
    """Who may come in, at which ports; an empty list is everybody, everywhere."""

    ports: tuple[PolicyPort, ...] = ()
    from_: tuple[PolicyPeer, ...] = msgspec.field(name="from", default=())


class EgressRule(msgspec.Struct, frozen=True, rename="camel"):
    """Where one may go."""

    ports: tuple[PolicyPort, ...] = ()
    to: tuple[PolicyPeer, ...] = ()


class NetworkPolicySpec(msgspec.Struct, frozen=True, rename="camel"):
    """``policy_types`` is filled in: Ingress, and Egress where there are such rules. None as ``ingress`` equals no rule."""

    pod_selector: LabelSelector = LabelSelector()
    policy_types: tuple[str, ...] = ()
    ingress: tuple[IngressRule, ...] = ()
    egress: tuple[EgressRule, ...] = ()


class NetworkPolicy(msgspec.Struct, frozen=True, rename="camel"):
    """A NetworkPolicy as the store has it."""

    api_version: Literal["networking.k8s.io/v1"]
    kind: Literal["NetworkPolicy"]
    metadata: Metadata
    spec: NetworkPolicySpec = NetworkPolicySpec()
    status: Any = None


def default_policy(document: dict[str, Any]) -> None:
    """``policyTypes``, and TCP as protocol."""
    spec = document.setdefault("spec", {})
    spec.setdefault("podSelector", {})
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    for rule in (*spec.get("ingress", ()), *spec.get("egress", ())):
        for port in rule.get("ports", ()):
            port.setdefault("protocol", "TCP")


def check_policy(policy: NetworkPolicy, problems: Problems) -> None:
    """As networking/validation does."""
    spec = policy.spec
    check_selector(problems, "spec.podSelector", spec.pod_selector)
    for index, rule in enumerate(spec.ingress):
        _check_rule(problems, f"spec.ingress[{index}]", rule.ports, "from", rule.from_)
    for index, out in enumerate(spec.egress):
        _check_rule(problems, f"spec.egress[{index}]", out.ports, "to", out.to)
    if len(spec.policy_types) > 2:
        problems.invalid("spec.policyTypes", list(spec.policy_types), "may not specify more than two policyTypes")
        return
    for index, each in enumerate(spec.policy_types):
        if each not in {"Ingress", "Egress"}:
            problems.unsupported(f"spec.policyTypes[{index}]", each, ("Ingress", "Egress"))


def _check_rule(
    problems: Problems, at: str, ports: tuple[PolicyPort, ...], word: str, peers: tuple[PolicyPeer, ...]
) -> None:
    for number, port in enumerate(ports):
        _check_port(problems, f"{at}.ports[{number}]", port)
    for number, peer in enumerate(peers):
        _check_peer(problems, f"{at}.{word}[{number}]", peer)


def _check_port(problems: Problems, at: str, port: PolicyPort) -> None:
    if port.protocol not in {"TCP", "UDP", "SCTP"}:
        problems.unsupported(f"{at}.protocol", port.protocol, ("TCP", "UDP", "SCTP"))
    end = port.end_port
    if isinstance(port.port, int):
        problems.all(f"{at}.port", port.port, words.port_number(port.port))
        if end is not None:
            if end < port.port:
                problems.invalid(f"{at}.endPort", end, "must be greater than or equal to `port`")
            problems.all(f"{at}.endPort", end, words.port_number(end))
    elif port.port is not None:
        if end is not None:
            problems.invalid(f"{at}.endPort", end, "may not be specified when `port` is non-numeric")
        problems.all(f"{at}.port", port.port, words.port_name(port.port))
    elif end is not None:
        problems.invalid(f"{at}.endPort", end, "may not be specified when `port` is not specified")


def _check_peer(problems: Problems, at: str, peer: PolicyPeer) -> None:
    if peer.pod_selector is not None:
        check_selector(problems, f"{at}.podSelector", peer.pod_selector)
    if peer.namespace_selector is not None:
        check_selector(problems, f"{at}.namespaceSelector", peer.namespace_selector)
    if peer.ip_block is not None:
        _check_block(problems, f"{at}.ipBlock", peer.ip_block)
        if peer.pod_selector is not None or peer.namespace_selector is not None:
            problems.forbidden(at, "may not specify both ipBlock and another peer")
    elif peer.pod_selector is None and peer.namespace_selector is None:
        problems.required(at, "must specify a peer")


def _check_block(problems: Problems, at: str, block: IPBlock) -> None:
    if not block.cidr:
        problems.required(f"{at}.cidr")
        return
    problems.all(f"{at}.cidr", block.cidr, words.cidr(block.cidr))
    whole = words.parse_cidr(block.cidr)
    for index, text in enumerate(block.except_):
        problems.all(f"{at}.except[{index}]", text, words.cidr(text))
        part = words.parse_cidr(text)
        if whole is not None and part is not None and (part.addr not in whole or whole.plen >= part.plen):
            problems.invalid(f"{at}.except[{index}]", text, "must be a strict subset of `cidr`")
