"""Calico's kinds: as the API server keeps them, and under which names people write them.

Calico on Kubernetes keeps its objects as ``crd.projectcalico.org/v1`` (KDD). People write ``projectcalico.org/v3``, which calicoctl and
Calico's own API server translate: policies lie in tier ``default``, which stands before their names, and get their ``types``.
Source: libcalico-go, lib/backend/k8s/resources and lib/clientv3 (release v3.26).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from podwire.kube.calico import bgp, endpoints, felix, others, policies
from podwire.kube.calico.checks import global_policy_name, policy_name
from podwire.kube.fields import Field
from podwire.kube.kinds import Kind

GROUP: Final = "crd.projectcalico.org"
STORED: Final = f"{GROUP}/v1"
WRITTEN: Final = "projectcalico.org/v3"
TIER: Final = "default."
"""Before the names of stored policies."""


def _kind(name: str, plural: str, kind: Any, **more: Any) -> Kind:
    return Kind(version=STORED, name=name, plural=plural, type=kind, custom=True, **{"namespaced": False, **more})


CALICO_KINDS: Final = (
    _kind("BGPConfiguration", "bgpconfigurations", bgp.BGPConfiguration, check=bgp.check_configuration),
    _kind("BGPPeer", "bgppeers", bgp.BGPPeer, check=bgp.check_peer),
    _kind("ClusterInformation", "clusterinformations", others.ClusterInformation),
    _kind("FelixConfiguration", "felixconfigurations", felix.FelixConfiguration, check=felix.check_felix),
    _kind(
        "GlobalNetworkPolicy",
        "globalnetworkpolicies",
        policies.GlobalNetworkPolicy,
        check=policies.check_global_policy,
        name_words=global_policy_name,
    ),
    _kind("GlobalNetworkSet", "globalnetworksets", endpoints.GlobalNetworkSet, check=endpoints.check_set),
    _kind("HostEndpoint", "hostendpoints", endpoints.HostEndpoint, check=endpoints.check_host_endpoint),
    _kind("IPAMConfig", "ipamconfigs", others.IPAMConfig, check=others.check_ipam),
    _kind(
        "KubeControllersConfiguration",
        "kubecontrollersconfigurations",
        others.KubeControllersConfiguration,
        check=others.check_controllers,
    ),
    _kind(
        "NetworkPolicy",
        "networkpolicies",
        policies.NetworkPolicy,
        check=policies.check_policy,
        name_words=policy_name,
        namespaced=True,
    ),
    _kind("NetworkSet", "networksets", endpoints.NetworkSet, check=endpoints.check_set, namespaced=True),
)
"""IPPool is not among them: the backend keeps it."""
KINDS: Final[Mapping[str, Kind]] = MappingProxyType({kind.name: kind for kind in CALICO_KINDS})
"""By name."""
_RENAMED: Final = MappingProxyType({"IPAMConfiguration": "IPAMConfig"})
_POLICIES: Final = frozenset({"NetworkPolicy", "GlobalNetworkPolicy"})


def slot(name: str) -> str:
    """What a store calls the objects of a kind: ``NetworkPolicy.crd.projectcalico.org``."""
    return KINDS[name].slot


def stored_kind(version: str, name: str) -> Kind | None:
    """The kind under which the API server keeps what people write so; None for what is none of Calico's."""
    if version == STORED:
        return KINDS.get(name)
    return KINDS.get(_RENAMED.get(name, name)) if version == WRITTEN and name not in _RENAMED.values() else None


def stored_name(kind: str, name: str) -> str:
    """The name that a stored object has."""
    return TIER + name if kind in _POLICIES and not name.startswith((TIER, "knp.", "ossg.")) else name


def written_name(kind: str, name: str) -> str:
    """The name that people know."""
    return name.removeprefix(TIER) if kind in _POLICIES else name


def stored_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document of ``projectcalico.org/v3`` as it is kept; one that is kept so already as it is."""
    new = copy.deepcopy(dict(document))
    if new.get("apiVersion") == WRITTEN:
        kind = str(new.get("kind"))
        new["apiVersion"], new["kind"] = STORED, _RENAMED.get(kind, kind)
        if kind in _POLICIES:
            policies.default_types(new)
        meta = new.setdefault("metadata", {})
        if meta.get("name"):
            meta["name"] = stored_name(kind, str(meta["name"]))
    return new


def written_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """A stored document as ``projectcalico.org/v3``."""
    new = copy.deepcopy(dict(document))
    kind = str(new["kind"])
    new["apiVersion"] = WRITTEN
    new["kind"] = next((written for written, kept in _RENAMED.items() if kept == kind), kind)
    new["metadata"]["name"] = written_name(kind, str(new["metadata"]["name"]))
    return new


def stored_field(field: Field) -> Field:
    """As ``stored_document``, with the places where things were written."""
    members = dict(field.members())
    if members["apiVersion"].value != WRITTEN:
        return field
    kind = str(members["kind"].value)
    members["apiVersion"] = msgspec.structs.replace(members["apiVersion"], value=STORED)
    members["kind"] = msgspec.structs.replace(members["kind"], value=_RENAMED.get(kind, kind))
    meta, name = members.get("metadata"), field.get("metadata", "name")
    if meta is not None and name is not None and isinstance(name.value, str):
        renamed = msgspec.structs.replace(name, value=stored_name(kind, name.value))
        members["metadata"] = msgspec.structs.replace(meta, value={**meta.members(), "name": renamed})
    if kind in _POLICIES:
        members["spec"] = _with_types(members.get("spec"), field)
    return msgspec.structs.replace(field, value=members)


def _with_types(spec: Field | None, whole: Field) -> Field:
    """The spec with ``types`` filled in; what is of another form stays, and is refused later."""
    if spec is None:
        spec = Field({}, "spec", whole.file, whole.line)
    if not isinstance(spec.value, dict):
        return spec
    document: dict[str, Any] = {"spec": spec.plain()}
    policies.default_types(document)
    types = tuple(
        Field(each, f"spec.types[{index}]", spec.file, spec.line)
        for index, each in enumerate(document["spec"]["types"])
    )
    given = spec.value.get("types")
    if given is not None and given.value:
        return spec
    return msgspec.structs.replace(
        spec, value={**spec.value, "types": Field(types, "spec.types", spec.file, spec.line)}
    )
