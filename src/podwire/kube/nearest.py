"""Which rule of the NetworkPolicies that govern a pod came nearest to allowing a connection: what fits, what fails, what would mend it.

Source: the API reference of NetworkPolicySpec. Whoever enforces policies asks here once it has refused something; nothing is decided here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Literal

import msgspec

from podwire.kube.labels import LabelSelector, Requirement
from podwire.kube.policy import EgressRule, IngressRule, NetworkPolicy, PolicyPeer, PolicyPort
from podwire.kube.words import parse_cidr
from podwire.wire.addr import Ip

Direction = Literal["ingress", "egress"]
_NAME_LABEL: Final = "kubernetes.io/metadata.name"
"""The label that the server gives to every namespace."""
_SIDES: Final = {"ingress": "from", "egress": "to"}
_GENERATED: Final = ("pod-template-hash", "controller-revision-hash", "pod-template-generation")
"""Labels that controllers put on pods: another one with each revision."""


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """One end: a pod, or with ``name`` "" an address that is no pod's. ``ports``: name, protocol in capitals and number of each."""

    ip: Ip
    namespace: str = ""
    name: str = ""
    labels: dict[str, str] = {}
    space_labels: dict[str, str] = {}
    ports: tuple[tuple[str, str, int], ...] = ()

    def __str__(self) -> str:
        return f"{self.ip} (pod {self.namespace}/{self.name})" if self.name else str(self.ip)


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A connection that one of the two ends refuses: ``pod`` is governed, ``other`` is whom it talks to.

    ``protocol`` is TCP, UDP or SCTP, else its name as people write it (ICMP), which no port of a policy can name.
    """

    direction: Direction
    pod: Party
    other: Party
    protocol: str
    port: int

    @property
    def target(self) -> Party:
        """Who is connected to: named ports are its own."""
        return self.pod if self.direction == "ingress" else self.other

    @property
    def has_ports(self) -> bool:
        """Ports of policies can speak of it."""
        return self.protocol in {"TCP", "UDP", "SCTP"}

    @property
    def service(self) -> str:
        """``port 80/TCP``, or the protocol."""
        return f"port {self.port}/{self.protocol}" if self.has_ports else self.protocol


class Near(msgspec.Struct, frozen=True, kw_only=True):
    """The nearest rule: ``field`` of a policy ("" where it has none), what fits and what fails, and the command to mend it."""

    policy: str
    field: str
    fits: tuple[str, ...]
    fails: tuple[str, ...]
    change: str
    distance: tuple[int, int]


def nearest(policies: Iterable[NetworkPolicy], call: Call) -> Near | None:
    """Of all rules the one with the fewest parts that fail, then the fewest labels to be changed, then the first; None without policies."""
    found = [near for policy in policies for near in _of(policy, call)]
    return min(found, key=lambda near: near.distance, default=None)


def _of(policy: NetworkPolicy, call: Call) -> Iterator[Near]:
    rules: Sequence[IngressRule | EgressRule] = (
        policy.spec.ingress if call.direction == "ingress" else policy.spec.egress
    )
    name = f"NetworkPolicy {policy.metadata.namespace}/{policy.metadata.name}"
    if not rules:
        change = _patch(policy, f"/spec/{call.direction}", [_rule(policy, call)])
        none = (f"it has no {call.direction} rule",)
        yield Near(policy=name, field="", fits=(), fails=none, change=change, distance=(3, 0))
    for index, rule in enumerate(rules):
        peers = rule.from_ if isinstance(rule, IngressRule) else rule.to
        for number, peer in enumerate(peers or (None,)):
            yield _compared(policy, call, index, rule.ports, number, peer)


def _compared(
    policy: NetworkPolicy, call: Call, index: int, ports: Sequence[PolicyPort], number: int, peer: PolicyPeer | None
) -> Near:
    field, side = f"spec.{call.direction}[{index}]", _SIDES[call.direction]
    fits, fails = [], []
    port_fits = not ports or any(_port_fits(each, call) for each in ports)
    if port_fits and ports:
        fits.append(f"{call.service} fits")
    elif not port_fits:
        fails.append(f"{call.service} is not among its ports ({', '.join(map(_port_text, ports))})")
    gap = _gap(peer, policy, call) if peer is not None else None
    if gap is not None:
        fails.append(f"{call.other} {gap.why.format(side=f'{side}[{number}]')}")
    elif peer is not None:
        fits.append(f"{call.other} fits {side}[{number}]")
    else:
        fits.append(f"it names nobody in {side}, so {call.other} fits")
    if gap is not None and not port_fits:
        change = _patch(policy, f"/spec/{call.direction}/-", _rule(policy, call))
    elif gap is not None:
        change = gap.change or _patch(policy, f"/spec/{call.direction}/{index}/{side}/-", _peer(policy, call.other))
    elif call.has_ports:
        change = _patch(policy, f"/spec/{call.direction}/{index}/ports/-", _port(call))
    else:
        change = _patch(policy, f"/spec/{call.direction}/-", _rule(policy, call))
    return Near(
        policy=f"NetworkPolicy {policy.metadata.namespace}/{policy.metadata.name}",
        field=field,
        fits=tuple(fits),
        fails=tuple(reversed(fails)),
        change=change,
        distance=(len(fails), gap.labels if gap is not None else 0),
    )


# -- ports -----------------------------------------------------------------------------------------------------------


def _port_fits(port: PolicyPort, call: Call) -> bool:
    if port.protocol != call.protocol:
        return False
    if isinstance(port.port, str):
        return (port.port, call.protocol, call.port) in call.target.ports
    return port.port is None or port.port <= call.port <= (port.end_port or port.port)


def _port_text(port: PolicyPort) -> str:
    if port.port is None:
        return port.protocol
    last = f"-{port.end_port}" if port.end_port is not None else ""
    return f"{port.port}{last}/{port.protocol}"


def _port(call: Call) -> dict[str, Any]:
    return {"protocol": call.protocol, "port": call.port}


# -- peers -----------------------------------------------------------------------------------------------------------


class _Gap(msgspec.Struct, frozen=True):
    """Why a peer is another one; ``{side}`` stands for its place. ``change`` "" where no label mends it; ``labels`` that it changes."""

    why: str
    change: str = ""
    labels: int = 0


_MANY: Final = 9


def _gap(peer: PolicyPeer, policy: NetworkPolicy, call: Call) -> _Gap | None:
    other, block = call.other, peer.ip_block
    if block is not None:
        return _outside(block.cidr, block.except_, other)
    if not other.name:
        return _Gap("is the address of no pod, and {side} selects pods", "", _MANY)
    home = policy.metadata.namespace
    if peer.namespace_selector is None and other.namespace != home:
        return _Gap(f"is in another namespace than {home}, of whose pods alone {{side}}.podSelector speaks", "", _MANY)
    wanted: list[tuple[str, LabelSelector, dict[str, str], str]] = []
    if peer.namespace_selector is not None:
        where = f"namespace {other.namespace}"
        wanted.append(("namespaceSelector", peer.namespace_selector, other.space_labels, where))
    if peer.pod_selector is not None:
        wanted.append(("podSelector", peer.pod_selector, other.labels, f"pod {other.name} -n {other.namespace}"))
    missed = [each for each in wanted if not each[1].matches(each[2])]
    if not missed:
        return None
    why = " and ".join(f"{{side}}.{kind} {_selector_text(selector)}" for kind, selector, _, _ in missed)
    commands = [_label(selector, labels, where) for _, selector, labels, where in missed]
    single = commands[0] if len(commands) == 1 else None
    change, count = single or ("", _MANY)
    return _Gap(f"is not among {why}", change, count)


def _outside(cidr: str, left_out: Sequence[str], other: Party) -> _Gap | None:
    whole = parse_cidr(cidr)
    if whole is None or other.ip not in whole:
        return _Gap(f"is not in {{side}}.ipBlock {cidr}", "", _MANY)
    for index, text in enumerate(left_out):
        part = parse_cidr(text)
        if part is not None and other.ip in part:
            return _Gap(f"is left out by {{side}}.ipBlock.except[{index}] {text}", "", _MANY)
    return None


def _selector_text(selector: LabelSelector) -> str:
    """As ``kubectl -l`` takes it."""
    words = [f"{key}={value}" for key, value in sorted(selector.match_labels.items())]
    for each in selector.match_expressions:
        values = ", ".join(each.values)
        words.append(
            {
                "In": f"{each.key} in ({values})",
                "NotIn": f"{each.key} notin ({values})",
                "Exists": each.key,
                "DoesNotExist": f"!{each.key}",
            }[each.operator]
        )
    return ",".join(words)


def _label(selector: LabelSelector, labels: dict[str, str], whom: str) -> tuple[str, int] | None:
    """The ``kubectl label`` that makes it selected; None where labels cannot, or one that all namespaces have would have to change."""
    wanted: dict[str, str | None] = {
        key: value for key, value in sorted(selector.match_labels.items()) if labels.get(key) != value
    }
    for each in selector.match_expressions:
        if not each.matches(labels):
            wanted.setdefault(each.key, _value(each))
    after = {key: value for key, value in {**labels, **wanted}.items() if value is not None}
    if _NAME_LABEL in wanted or not selector.matches(after):
        return None
    words = [f"{key}-" if value is None else f"{key}={value}" for key, value in wanted.items()]
    over = " --overwrite" if any(key in labels and value is not None for key, value in wanted.items()) else ""
    return f"kubectl label {whom} {' '.join(words)}{over}", len(words)


def _value(each: Requirement) -> str | None:
    """What a label has to be; None: away."""
    if each.operator == "In":
        return each.values[0]
    return "true" if each.operator == "Exists" else None


# -- changes ---------------------------------------------------------------------------------------------------------


def _peer(policy: NetworkPolicy, other: Party) -> dict[str, Any]:
    if not other.name:
        return {"ipBlock": {"cidr": f"{other.ip}/{other.ip.bits}"}}
    labels = {key: value for key, value in other.labels.items() if key not in _GENERATED}
    pods = {"podSelector": {"matchLabels": labels} if labels else {}}
    if other.namespace == policy.metadata.namespace:
        return pods
    return {"namespaceSelector": {"matchLabels": {_NAME_LABEL: other.namespace}}, **pods}


def _rule(policy: NetworkPolicy, call: Call) -> dict[str, Any]:
    rule: dict[str, Any] = {_SIDES[call.direction]: [_peer(policy, call.other)]}
    return {**rule, "ports": [_port(call)]} if call.has_ports else rule


def _patch(policy: NetworkPolicy, path: str, value: object) -> str:
    """Blanks in the patch let lines be broken there: JSON does not mind."""
    meta = policy.metadata
    operation = json.dumps([{"op": "add", "path": path, "value": value}])
    return f"kubectl patch networkpolicy {meta.name} -n {meta.namespace} --type=json -p '{operation}'"
