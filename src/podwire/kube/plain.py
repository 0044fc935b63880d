"""Namespace, Node, ConfigMap, ServiceAccount: kinds of which few fields matter to a packet."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from podwire.kube import words
from podwire.kube.invalid import Problems
from podwire.kube.meta import Metadata

EFFECTS: Final = ("NoSchedule", "PreferNoSchedule", "NoExecute")


class _NamespaceSpec(msgspec.Struct, frozen=True):
    finalizers: tuple[str, ...] = ()


class _Phase(msgspec.Struct, frozen=True):
    phase: str = ""
    conditions: Any = None


class Namespace(msgspec.Struct, frozen=True, rename="camel"):
    """A namespace; its label ``kubernetes.io/metadata.name`` is the server's."""

    api_version: Literal["v1"]
    kind: Literal["Namespace"]
    metadata: Metadata
    spec: _NamespaceSpec = _NamespaceSpec()
    status: _Phase = _Phase()


class Taint(msgspec.Struct, frozen=True, rename="camel"):
    """What keeps pods from a node. ``effect``: NoSchedule, PreferNoSchedule, NoExecute."""

    key: str
    effect: str
    value: str = ""
    time_added: Any = None


class NodeSpecFields(msgspec.Struct, frozen=True, rename="camel"):
    """The pod range of a node, and what may run there."""

    pod_cidr: str = msgspec.field(name="podCIDR", default="")
    pod_cidrs: tuple[str, ...] = msgspec.field(name="podCIDRs", default=())
    provider_id: str = msgspec.field(name="providerID", default="")
    taints: tuple[Taint, ...] = ()
    unschedulable: bool = False
    config_source: Any = None
    external_id: str = msgspec.field(name="externalID", default="")


class NodeAddress(msgspec.Struct, frozen=True):
    """``type``: InternalIP, ExternalIP, Hostname."""

    type: str
    address: str


class NodeStatus(msgspec.Struct, frozen=True, rename="camel"):
    """What the kubelet says of itself."""

    addresses: tuple[NodeAddress, ...] = ()
    conditions: Any = None
    allocatable: Any = None
    capacity: Any = None
    daemon_endpoints: Any = None
    images: Any = None
    node_info: Any = None
    config: Any = None
    features: Any = None
    phase: Any = None
    runtime_handlers: Any = None
    volumes_attached: Any = None
    volumes_in_use: Any = None


class Node(msgspec.Struct, frozen=True, rename="camel"):
    """A node. Its machine is made by ``add_node``: a manifest changes labels, annotations and taints of one that is there."""

    api_version: Literal["v1"]
    kind: Literal["Node"]
    metadata: Metadata
    spec: NodeSpecFields = NodeSpecFields()
    status: NodeStatus = NodeStatus()


class ConfigMap(msgspec.Struct, frozen=True, rename="camel"):
    """Settings as text."""

    api_version: Literal["v1"]
    kind: Literal["ConfigMap"]
    metadata: Metadata
    data: dict[str, str] = {}
    binary_data: dict[str, str] = {}
    immutable: bool = False


class ServiceAccount(msgspec.Struct, frozen=True, rename="camel"):
    """Who a pod is towards the API."""

    api_version: Literal["v1"]
    kind: Literal["ServiceAccount"]
    metadata: Metadata
    automount_service_account_token: bool | None = None
    image_pull_secrets: tuple[dict[str, Any], ...] = ()
    secrets: tuple[dict[str, Any], ...] = ()


def default_namespace(document: dict[str, Any]) -> None:
    """The label with its name, the finalizer, the phase."""
    meta = document["metadata"]
    meta.setdefault("labels", {})["kubernetes.io/metadata.name"] = meta.get("name", "")
    document.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    document.setdefault("status", {}).setdefault("phase", "Active")


def check_node(node: Node, problems: Problems) -> None:
    """Taints and ranges."""
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(node.spec.taints):
        at = f"metadata.taints[{index}]"  # the server names this path so
        problems.all(f"{at}.key", taint.key, words.qualified_name(taint.key))
        problems.all(f"{at}.value", taint.value, words.label_value(taint.value))
        if taint.effect not in EFFECTS:
            problems.unsupported(f"{at}.effect", taint.effect, ("NoSchedule", "PreferNoSchedule", "NoExecute"))
        if (taint.key, taint.effect) in seen:
            problems.duplicate(at, msgspec.to_builtins(taint, str_keys=True))
        seen.add((taint.key, taint.effect))
    for index, text in enumerate(node.spec.pod_cidrs):
        problems.all(f"spec.podCIDRs[{index}]", text, words.cidr(text))


def check_node_update(new: Node, old: Node, problems: Problems) -> None:
    """The pod range of a node stays."""
    if old.spec.pod_cidrs and new.spec.pod_cidrs != old.spec.pod_cidrs:
        problems.forbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid')


def check_config(config: ConfigMap, problems: Problems) -> None:
    """Keys, each in one of the two maps, and the size."""
    for name, data in (("data", config.data), ("binaryData", config.binary_data)):
        for key in data:
            problems.all(f"{name}[{key}]", key, words.config_key(key))
    for key in config.data:
        if key in config.binary_data:
            problems.invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
    if sum(len(value.encode()) for data in (config.data, config.binary_data) for value in data.values()) > 1024 * 1024:
        problems.too_long("", 1024 * 1024)


def check_config_update(new: ConfigMap, old: ConfigMap, problems: Problems) -> None:
    """An immutable one stays as it is."""
    if not old.immutable:
        return
    if not new.immutable:
        problems.forbidden("immutable", "field is immutable when `immutable` is set")
    if new.data != old.data:
        problems.forbidden("data", "field is immutable when `immutable` is set")
    if new.binary_data != old.binary_data:
        problems.forbidden("binaryData", "field is immutable when `immutable` is set")
