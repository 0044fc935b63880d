"""A rule of Calico's policies: its fields, and what may stand together (libcalico-go, lib/validator/v3, release v3.26)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from podwire.errors import NotModelled
from podwire.kube.calico.checks import (
    PROTOCOLS,
    WITH_PORTS,
    check_net,
    check_ports,
    check_protocol,
    check_selector,
)
from podwire.kube.invalid import Problems

ACTIONS: Final = ("Allow", "Deny", "Log", "Pass")
_NEED_PORTS: Final = "rules that specify ports must set protocol to TCP or UDP or SCTP"
_NEED_ICMP: Final = "rules that specify ICMP fields must set protocol to ICMP"


class Accounts(msgspec.Struct, frozen=True, rename="camel"):
    """Service accounts by name, by their labels, or both."""

    names: tuple[str, ...] = ()
    selector: str = ""


class ServiceMatch(msgspec.Struct, frozen=True, rename="camel"):
    """The endpoints of a Service."""

    name: str = ""
    namespace: str = ""


class EntityRule(msgspec.Struct, frozen=True, rename="camel"):
    """One side of a rule: all that is given must hold."""

    nets: tuple[str, ...] = ()
    not_nets: tuple[str, ...] = ()
    selector: str = ""
    not_selector: str = ""
    namespace_selector: str = ""
    service_accounts: Accounts | None = None
    services: ServiceMatch | None = None
    ports: tuple[int | str, ...] = ()
    not_ports: tuple[int | str, ...] = ()


class ICMP(msgspec.Struct, frozen=True, rename="camel"):
    """Type and code."""

    type: int | None = None
    code: int | None = None


class RuleMetadata(msgspec.Struct, frozen=True, rename="camel"):
    """Annotations of a rule: they stand as comments in its rules of iptables."""

    annotations: dict[str, str] = {}


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule. ``protocol`` is a name (TCP) or a number."""

    action: str
    protocol: int | str | None = None
    not_protocol: int | str | None = msgspec.field(name="notProtocol", default=None)
    icmp: ICMP | None = None
    not_icmp: ICMP | None = msgspec.field(name="notICMP", default=None)
    ip_version: int | None = msgspec.field(name="ipVersion", default=None)
    source: EntityRule = EntityRule()
    destination: EntityRule = EntityRule()
    http: Any = None
    metadata: RuleMetadata | None = None


def check_rules(problems: Problems, path: str, rules: Iterable[Rule], *, ingress: bool, everywhere: bool) -> None:
    """The rules of one direction; ``everywhere``: of a policy without a namespace. Raises ``NotModelled`` for ``http``."""
    for index, rule in enumerate(rules):
        at = f"{path}[{index}]"
        if rule.http is not None:
            raise NotModelled(f"{at}.http: application layer policy")
        if rule.metadata is not None and rule.metadata.annotations:
            raise NotModelled(f"{at}.metadata.annotations: comments in the rules of iptables")
        if rule.action not in ACTIONS:
            problems.unsupported(f"{at}.action", rule.action, ACTIONS)
        check_protocol(problems, f"{at}.protocol", rule.protocol)
        check_protocol(problems, f"{at}.notProtocol", rule.not_protocol)
        _check_icmp(problems, at, rule)
        if rule.ip_version not in {None, 4, 6}:
            problems.invalid(f"{at}.ipVersion", rule.ip_version, "must be 4 or 6")
        for side, entity in (("source", rule.source), ("destination", rule.destination)):
            _check_entity(problems, f"{at}.{side}", entity, rule)
        _check_families(problems, at, rule)
        _check_services(problems, at, rule, ingress=ingress, everywhere=everywhere)


def _check_icmp(problems: Problems, at: str, rule: Rule) -> None:
    for name, given in (("icmp", rule.icmp), ("notICMP", rule.not_icmp)):
        if given is None:
            continue
        if given.code is not None and given.type is None:
            problems.invalid(f"{at}.{name}.code", given.code, "ICMP code specified without an ICMP type")
        for field, value, most in (("type", given.type, 254), ("code", given.code, 255)):
            if value is not None and not 0 <= value <= most:
                problems.invalid(f"{at}.{name}.{field}", value, f"must be between 0 and {most}")
    if rule.icmp is not None and rule.protocol not in {"ICMP", "ICMPv6"}:
        shown = {name: value for name, value in msgspec.to_builtins(rule.icmp).items() if value is not None}
        problems.invalid(f"{at}.icmp", shown, _NEED_ICMP)
    for protocol, version in (("ICMP", 4), ("ICMPv6", 6)):
        if protocol in {rule.protocol, rule.not_protocol} and rule.ip_version not in {None, version}:
            said = f"must set ipversion to '{version}' with protocol {protocol.lower()}"
            problems.invalid(f"{at}.ipVersion", rule.ip_version, said)


def _check_entity(problems: Problems, at: str, entity: EntityRule, rule: Rule) -> None:
    for name, ports in (("ports", entity.ports), ("notPorts", entity.not_ports)):
        check_ports(problems, f"{at}.{name}", ports)
        if ports and not supports_ports(rule.protocol):
            problems.invalid(f"{at}.{name}", list(ports), _NEED_PORTS)
    check_selector(problems, f"{at}.selector", entity.selector)
    check_selector(problems, f"{at}.notSelector", entity.not_selector)
    spaces = entity.namespace_selector
    check_selector(problems, f"{at}.namespaceSelector", spaces, everywhere=True)
    if "global(" in spaces and spaces.strip() != "global()":
        problems.invalid(f"{at}.namespaceSelector", spaces, "global() cannot be combined with other selectors")
    if entity.service_accounts is not None:
        check_selector(problems, f"{at}.serviceAccounts.selector", entity.service_accounts.selector)


def supports_ports(protocol: int | str | None) -> bool:
    """TCP, UDP and SCTP, by name or by number."""
    return protocol in WITH_PORTS or str(protocol) in {str(PROTOCOLS[each]) for each in WITH_PORTS}


def _check_families(problems: Problems, at: str, rule: Rule) -> None:
    seen: set[int] = set()
    for path, nets in (
        (f"{at}.source.nets", rule.source.nets),
        (f"{at}.source.notNets", rule.source.not_nets),
        (f"{at}.destination.nets", rule.destination.nets),
        (f"{at}.destination.notNets", rule.destination.not_nets),
    ):
        found = [check_net(problems, f"{path}[{index}]", text) for index, text in enumerate(nets)]
        here = {4 if net.addr.bits == 32 else 6 for net in found if net is not None}
        if rule.ip_version is not None and here - {rule.ip_version}:
            problems.invalid(path, list(nets), "rule IP version doesn't match CIDR version")
        if here and len(here | seen) > 1:
            problems.invalid(path, list(nets), "rule contains both IPv4 and IPv6 CIDRs")
        seen |= here


def _check_services(problems: Problems, at: str, rule: Rule, *, ingress: bool, everywhere: bool) -> None:
    own, wrong = ("source", "destination") if ingress else ("destination", "source")
    if getattr(rule, wrong).services is not None:
        said = f"not allowed in {'ingress rule destination' if ingress else 'egress rule source'}"
        problems.forbidden(f"{at}.{wrong}.services", said)
    entity: EntityRule = getattr(rule, own)
    service = entity.services
    if service is None:
        return
    path = f"{at}.{own}.services"
    shown = msgspec.to_builtins(service)
    if not service.name:
        problems.invalid(path, shown, "must specify a service name")
    if everywhere and not service.namespace:
        problems.invalid(f"{path}.namespace", "", "must specify a namespace")
    for what, given in (
        ("NamespaceSelector", entity.namespace_selector),
        ("Selector/NotSelector", entity.selector or entity.not_selector),
        ("ServiceAccounts", entity.service_accounts),
        ("Nets/NotNets", entity.nets or entity.not_nets),
    ):
        if given:
            problems.invalid(path, shown, f"cannot specify {what} and Services on the same rule")
    if not ingress:
        for name, ports in (("ports", entity.ports), ("notPorts", entity.not_ports)):
            if ports:
                said = f"cannot specify {name.lower()} with a service selector"
                problems.invalid(f"{at}.destination.{name}", list(ports), said)
