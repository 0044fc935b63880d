"""Calico's NetworkPolicy and GlobalNetworkPolicy (release v3.26: one tier, ``default``)."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from podwire.kube.calico.checks import check_selector
from podwire.kube.calico.rules import Rule, check_rules
from podwire.kube.invalid import Problems
from podwire.kube.meta import Metadata


class PolicySpec(msgspec.Struct, frozen=True, rename="camel"):
    """``types`` as written: without any a stored policy governs both directions."""

    order: float | None = None
    selector: str = ""
    service_account_selector: str = ""
    types: tuple[str, ...] = ()
    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()


class NetworkPolicy(msgspec.Struct, frozen=True, rename="camel"):
    """A policy of a namespace."""

    api_version: Literal["crd.projectcalico.org/v1"]
    kind: Literal["NetworkPolicy"]
    metadata: Metadata
    spec: PolicySpec = PolicySpec()


class GlobalPolicySpec(msgspec.Struct, frozen=True):
    """As ``PolicySpec``; it may select host endpoints, and say when it acts on what passes them."""

    order: float | None = None
    selector: str = ""
    namespace_selector: str = msgspec.field(name="namespaceSelector", default="")
    service_account_selector: str = msgspec.field(name="serviceAccountSelector", default="")
    types: tuple[str, ...] = ()
    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()
    do_not_track: bool = msgspec.field(name="doNotTrack", default=False)
    pre_dnat: bool = msgspec.field(name="preDNAT", default=False)
    apply_on_forward: bool = msgspec.field(name="applyOnForward", default=False)


class GlobalNetworkPolicy(msgspec.Struct, frozen=True, rename="camel"):
    """A policy of the whole cluster."""

    api_version: Literal["crd.projectcalico.org/v1"]
    kind: Literal["GlobalNetworkPolicy"]
    metadata: Metadata
    spec: GlobalPolicySpec = GlobalPolicySpec()


def default_types(document: dict[str, Any]) -> None:
    """``types`` of a policy that people write: by the rules there are."""
    spec = document.setdefault("spec", {})
    if not spec.get("types"):
        ingress, egress = spec.get("ingress"), spec.get("egress")
        both = ["Ingress", "Egress"] if ingress else ["Egress"]
        spec["types"] = both if egress else ["Ingress"]


def check_policy(policy: NetworkPolicy, problems: Problems) -> None:
    """``validateNetworkPolicy``."""
    _check(problems, policy.spec, everywhere=False)


def _check(problems: Problems, spec: PolicySpec | GlobalPolicySpec, *, everywhere: bool) -> None:
    check_selector(problems, "spec.selector", spec.selector)
    check_selector(problems, "spec.serviceAccountSelector", spec.service_account_selector)
    for index, each in enumerate(spec.types):
        if each not in {"Ingress", "Egress"}:
            problems.unsupported(f"spec.types[{index}]", each, ("Ingress", "Egress"))
        elif each in spec.types[:index]:
            problems.invalid("spec.types", list(spec.types), f"'{each}' type specified more than once")
    check_rules(problems, "spec.ingress", spec.ingress, ingress=True, everywhere=everywhere)
    check_rules(problems, "spec.egress", spec.egress, ingress=False, everywhere=everywhere)


def check_global_policy(policy: GlobalNetworkPolicy, problems: Problems) -> None:
    """``validateGlobalNetworkPolicy``."""
    spec = policy.spec
    check_selector(problems, "spec.namespaceSelector", spec.namespace_selector)
    if spec.do_not_track and spec.pre_dnat:
        said = "PreDNAT and DoNotTrack cannot both be true, for a given PolicySpec"
        problems.invalid("spec.preDNAT", value=True, detail=said)
    if spec.pre_dnat and spec.egress:
        problems.forbidden("spec.egress", "PreDNAT PolicySpec cannot have any Egress rules")
    if spec.pre_dnat and "Egress" in spec.types:
        problems.invalid("spec.types", list(spec.types), "PreDNAT PolicySpec cannot have 'egress' Type")
    if (spec.do_not_track or spec.pre_dnat) and not spec.apply_on_forward:
        problems.invalid(
            "spec.applyOnForward",
            value=False,
            detail="ApplyOnForward must be true if either PreDNAT or DoNotTrack is true, for a given PolicySpec",
        )
    _check(problems, spec, everywhere=True)
