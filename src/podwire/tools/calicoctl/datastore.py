"""Calico's objects as calicoctl reads and writes them: in the API ``projectcalico.org/v3``, whoever keeps them.

Source: libcalico-go, lib/clientv3 (release v3.28). A policy is stored as ``default.NAME`` and shown as ``NAME``; those of Kubernetes
are shown as ``knp.default.NAME``.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from podwire.cni.calico.policy.kubernetes import convert_policy
from podwire.cni.calico.policy.model import NAMESPACE
from podwire.errors import ManifestError, NotModelled
from podwire.kube.calico.kinds import stored_document, stored_kind, stored_name, written_document
from podwire.kube.fields import from_python
from podwire.kube.invalid import Invalid, StatusError
from podwire.kube.meta import Reference
from podwire.kube.objects import decode_object
from podwire.kube.store import LAST_APPLIED
from podwire.tools.calicoctl import derived
from podwire.tools.calicoctl.derived import VERSION

if TYPE_CHECKING:
    from podwire.kube.kinds import Kind
    from podwire.kube.shelf import Stored
    from podwire.tools.calicoctl.context import Context
    from podwire.tools.calicoctl.kinds import Resource

_KUBERNETES: Final = "knp."
_DERIVED: Final = frozenset({"Node", "WorkloadEndpoint", "Profile"})
_WRITTEN: Final = ("name", "namespace", "labels", "annotations")
"""Members of ``metadata`` that a user writes; all others are taken from what is stored."""


class DatastoreError(Exception):
    """What libcalico-go answers; ``reason`` is NotFound, AlreadyExists, or nothing."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


def key(resource: Resource, meta: Mapping[str, Any]) -> str:
    """``IPPool(x)``, ``NetworkPolicy(default/x)``: how errors name an object."""
    name = str(meta.get("name") or "")
    return f"{resource.kind}({meta.get('namespace', '')}/{name})" if resource.namespaced else f"{resource.kind}({name})"


# ------------------------------------------------------------------------------------------------------------ reading


def listed(ctx: Context, resource: Resource) -> list[dict[str, Any]]:
    """Every object of a kind, by namespace and name. Raises ``NotModelled`` for a kind that podwire does not keep."""
    if resource.kind == "WorkloadEndpoint":
        return list(derived.endpoints(ctx))
    if resource.kind == "Node":
        return list(derived.nodes(ctx))
    if resource.kind == "Profile":
        return list(derived.profiles(ctx.store))
    if resource.kind == "ClusterInformation":
        return [_cluster(ctx)]
    found = [_shown(resource, each) for each in _objects(ctx, _kind(ctx, resource))]
    if resource.kind == "NetworkPolicy":
        found += [_of_kubernetes(each) for each in ctx.store.select("NetworkPolicy")]
    return sorted(found, key=lambda each: (each["metadata"].get("namespace", ""), each["metadata"]["name"]))


def one(ctx: Context, resource: Resource, meta: Mapping[str, Any]) -> dict[str, Any]:
    """An object by namespace and name. Raises ``DatastoreError`` NotFound."""
    name, space = meta.get("name"), meta.get("namespace", "") if resource.namespaced else ""
    for each in listed(ctx, resource):
        if each["metadata"]["name"] == name and each["metadata"].get("namespace", "") == space:
            return each
    plural = f"{resource.kind.lower()}s.crd.projectcalico.org"
    said = f'{plural} "{stored_name(resource.kind, str(name))}" not found'
    raise DatastoreError(f"resource does not exist: {key(resource, meta)} with error: {said}", "NotFound")


def _kind(ctx: Context, resource: Resource) -> Kind:
    mine = stored_kind(VERSION, resource.kind)
    if mine is None:
        mine = next(
            (each for each in ctx.ops.kinds() if each.name == resource.kind and ctx.ops.kept(each) is not None), None
        )
    if mine is None:
        raise NotModelled(f"kind {resource.kind} of {VERSION}", "calicoctl")
    return mine


def _objects(ctx: Context, kind: Kind) -> tuple[Stored, ...]:
    kept = ctx.ops.kept(kind)
    return kept if kept is not None else ctx.store.all(kind.slot)


def _shown(resource: Resource, stored: Stored) -> dict[str, Any]:
    """As the API v3 shows it: without what only Kubernetes says of an object."""
    new = written_document(stored.document)
    meta = {name: each for name, each in new["metadata"].items() if name not in {"generation", "managedFields"}}
    notes = {name: each for name, each in (meta.pop("annotations", None) or {}).items() if name != LAST_APPLIED}
    return {**new, "metadata": {**meta, **({"annotations": notes} if notes else {})}}


def _of_kubernetes(stored: Stored) -> dict[str, Any]:
    """A NetworkPolicy of Kubernetes as Calico reads it: what tables show of it."""
    policy = convert_policy(stored.object)
    meta = derived.meta_of(stored, name=f"knp.default.{stored.name}", namespace=stored.namespace)
    types = [word for word in ("Ingress", "Egress") if word.lower() in policy.types]
    selector = policy.selector.removeprefix("(").rpartition(f") && {NAMESPACE} == ")[0]
    return {
        **derived.document("NetworkPolicy", meta, {"order": 1000, "selector": selector, "types": types}),
        "_knp": True,
    }


def _cluster(ctx: Context) -> dict[str, Any]:
    config = ctx.calico.config
    spec = {"calicoVersion": config.version, "clusterType": config.cluster_type, "datastoreReady": True}
    guid = ctx.store.draw("calico", "cluster-guid")
    state = guid.getstate()
    spec["clusterGUID"] = guid.randbytes(16).hex()
    guid.setstate(state)  # the same each time
    return derived.document("ClusterInformation", {"name": "default"}, spec)


# ------------------------------------------------------------------------------------------------------------ writing


def create(ctx: Context, resource: Resource, document: Mapping[str, Any]) -> None:
    """A new object. Raises ``DatastoreError``."""
    meta = document["metadata"]
    _writable(resource, meta, "create or apply")
    if not meta.get("name"):
        raise DatastoreError("error with field Metadata.Name = '' (field must be set for a Create request)")
    kind = _kind(ctx, resource)
    try:
        _guarded(lambda: ctx.ops.create([decode_object(from_python(_written(ctx, kind, document)))]), resource)
    except StatusError as error:
        if error.reason != "AlreadyExists":
            raise DatastoreError(error.message) from None
        raise DatastoreError(f"resource already exists: {key(resource, meta)}", "AlreadyExists") from None


def update(ctx: Context, resource: Resource, document: Mapping[str, Any]) -> None:
    """Write an object that is there: its spec as a whole, labels and annotations. Raises ``DatastoreError``."""
    meta = document["metadata"]
    _writable(resource, meta, "apply or replace")
    if resource.kind in _DERIVED:
        raise NotModelled(f"changing a {resource.kind}", "calicoctl")
    old = one(ctx, resource, meta)
    given, latest = meta.get("resourceVersion"), old["metadata"].get("resourceVersion")
    if given and latest and str(given) != str(latest):
        raise DatastoreError(f"update conflict: {key(resource, meta)}", "Conflict")
    kind = _kind(ctx, resource)
    new = _written(ctx, kind, document)
    if ctx.ops.kept(kind) is not None:
        _guarded(lambda: ctx.ops.apply([decode_object(from_python(new))]), resource)
        return
    stored = ctx.store.need(kind.slot, new["metadata"]["name"], new["metadata"].get("namespace", ""))
    others = {name: each for name, each in stored.document["metadata"].items() if name not in _WRITTEN[2:]}
    new["metadata"] = {**others, **new["metadata"]}
    _guarded(lambda: ctx.ops.replace(new), resource)


def delete(ctx: Context, resource: Resource, meta: Mapping[str, Any]) -> None:
    """Remove an object. Raises ``DatastoreError``."""
    _writable(resource, meta, "delete")
    if resource.kind in _DERIVED:
        raise NotModelled(f"deleting a {resource.kind}", "calicoctl")
    one(ctx, resource, meta)
    kind = _kind(ctx, resource)
    new = _written(ctx, kind, {"metadata": meta, "spec": {}})
    where = from_python(new)
    ctx.ops.delete([Reference(kind.name, new["metadata"].get("namespace", "default"), new["metadata"]["name"], where)])


def _writable(resource: Resource, meta: Mapping[str, Any], operation: str) -> None:
    if resource.kind == "ClusterInformation":
        raise DatastoreError(f"operation {operation} is not supported on ClusterInformation")
    if resource.kind == "NetworkPolicy" and str(meta.get("name", "")).startswith(_KUBERNETES):
        raise DatastoreError(
            f"operation {operation} is not supported on {key(resource, meta)}: kubernetes network policies must be managed"
            " through the kubernetes API"
        )


def _written(ctx: Context, kind: Kind, document: Mapping[str, Any]) -> dict[str, Any]:
    """As it is kept: IPPools in the API in which they are written."""
    meta = {name: each for name, each in document["metadata"].items() if name in _WRITTEN and each}
    if not kind.namespaced:
        meta.pop("namespace", None)
    new = {
        "apiVersion": VERSION,
        "kind": kind.name,
        "metadata": meta,
        "spec": copy.deepcopy(document.get("spec") or {}),
    }
    return new if ctx.ops.kept(kind) is not None else stored_document(new)


_REASON: Final = re.compile(r"\(((?:[^()]|\([^()]*\))*)\)$")


def _guarded(write: Callable[[], object], resource: Resource) -> None:
    try:
        write()
    except Invalid as error:
        raise DatastoreError(_fields(resource, error)) from None
    except ManifestError as error:
        reason = _REASON.search(error.expected)
        if reason is None:
            raise DatastoreError(_failed(error)) from None
        field = _field(resource, error.path, reason[1])
        raise DatastoreError(f"error with field {field} = '{error.value}' ({reason[1]})") from None


def _field(resource: Resource, path: str, reason: str) -> str:
    """How libcalico-go names a field: the validator in one way, the client of the kind in another."""
    last = path.rpartition(".")[2]
    name = {"cidr": "CIDR", "ipipMode": "IPIPMode", "vxlanMode": "IPIPMode"}.get(last, last[:1].upper() + last[1:])
    by_client = reason.endswith("cannot be modified") or "overlaps with IPPool(" in reason or "conflicts with" in reason
    return f"{resource.kind}.Spec.{name}" if by_client else f"{resource.kind.replace('IPPool', 'IPpool')}.{name}"


def _failed(error: ManifestError) -> str:
    """A value that the validator's tag of a field refuses."""
    name = error.path.rpartition(".")[2]
    return f"error with field {name[:1].upper() + name[1:]} = '{error.value}' (expected {error.expected})"


def _fields(resource: Resource, error: Invalid) -> str:
    """What the API server found wrong, as an error of its fields."""
    del resource
    said = [f"{each.path} = '{each.value}' ({each.detail or each.reason})" for each in error.causes]
    if len(said) == 1:
        return f"error with field {said[0]}"
    return "error with the following fields:\n" + "".join(f"-  {each}\n" for each in said)
