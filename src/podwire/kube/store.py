"""The API server's store: create, update, apply, patch and delete, as the server and kubectl do it."""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from podwire.kube import words
from podwire.kube.admission import admit_pod
from podwire.kube.decode import decode
from podwire.kube.fields import Field, from_python
from podwire.kube.invalid import Problems, StatusError, refuse
from podwire.kube.kinds import Kind
from podwire.kube.meta import Metadata
from podwire.kube.naming import random_suffix
from podwire.kube.patch import json_patch, merge, strategic, three_way
from podwire.kube.shelf import SERVICES, Document, Event, Shelf, Stored, Watch, not_found

__all__ = ["LAST_APPLIED", "SERVICES", "Document", "Event", "Store", "Stored", "Watch"]

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_SERVERS: Final = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)
"""Members of ``metadata`` that the server alone writes."""
_GENERATIONS: Final = frozenset(
    {"DaemonSet", "Deployment", "EndpointSlice", "NetworkPolicy", "ReplicaSet", "StatefulSet"}
)
"""Kinds whose changes are counted in ``metadata.generation``, besides those that backends register (Pods since 1.33)."""
_NO_STATUS: Final = frozenset({"ConfigMap", "Endpoints", "EndpointSlice", "Event", "ServiceAccount"})

Propagation = Literal["Background", "Orphan"]
PatchType = Literal["strategic", "merge", "json"]


class Store(Shelf):
    """The objects of one cluster. ``now`` gives virtual time in ns since 1970, ``random`` the stream of a key.

    Every method that changes something raises ``Invalid`` for what the server's validation refuses, ``ManifestError`` for a
    document of the wrong form and ``StatusError`` for what is not there, or there already; nothing has changed then.
    """

    # -- writing -------------------------------------------------------------------------------------------------

    def create(self, document: Mapping[str, Any], at: Field | None = None, *, status: bool = False) -> Stored:
        """A new object. ``at`` is where the document was read, for complaints; ``status`` keeps the status that it names."""
        kind, new = self._prepared(document, at)
        meta = new["metadata"]
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = self._generated(kind, meta["generateName"], meta.get("namespace", ""))
        if not status and kind.name not in _NO_STATUS:
            new.pop("status", None)
        key = (meta.get("namespace", ""), str(meta.get("name", "")))
        if kind.name == "Pod":
            admit_pod(new, lambda: random_suffix(self.draw("kube-api-access", *key)))
        if key in self._objects.get(kind.slot, {}):
            raise StatusError("AlreadyExists", f'{kind.resource} "{key[1]}" already exists')
        typed = self._checked(kind, new, at, None)
        if kind.namespaced and self.get("Namespace", key[0]) is None:
            raise not_found("namespaces", key[0])
        if kind.name == "Service":
            self._allocate(kind, new, None, at)
        stream = self.draw("uid", kind.name, *key)
        meta["uid"] = str(uuid.UUID(int=stream.getrandbits(128), version=4))
        meta["creationTimestamp"] = self.timestamp()
        if kind.name in _GENERATIONS or kind.is_custom:
            meta["generation"] = 1
        return self._write("ADDED", kind, key, new, typed)

    def update(self, document: Mapping[str, Any], at: Field | None = None, *, status: bool = False) -> Stored:
        """The object, changed; the same as before where nothing changes. ``status`` says that the status is to be written too."""
        kind, new = self._prepared(document, at)
        meta = new["metadata"]
        key = (meta.get("namespace", ""), str(meta.get("name", "")))
        old = self.need(kind.slot, key[1], key[0])
        before = old.document["metadata"]
        given = document["metadata"].get("resourceVersion") if isinstance(document.get("metadata"), Mapping) else None
        if given not in {None, "", before["resourceVersion"]} and at is None:
            raise StatusError(
                "Conflict",
                f'Operation cannot be fulfilled on {kind.resource} "{key[1]}": the object has been modified; '
                "please apply your changes to the latest version and try again",
            )
        meta.update({name: before[name] for name in _SERVERS if name in before})
        if not status and kind.name not in _NO_STATUS:
            new.pop("status", None)
            if "status" in old.document:
                new["status"] = copy.deepcopy(old.document["status"])
        if kind.name == "Service":
            self.addresses.carry_over(new, old.document)
        typed = self._checked(kind, new, at, old)
        if kind.name == "Service":
            self._allocate(kind, new, old, at)
        if new == old.document:
            return old
        if "generation" in before and {**new, "metadata": 0, "status": 0} != {
            **old.document,
            "metadata": 0,
            "status": 0,
        }:
            meta["generation"] = int(before["generation"]) + 1
        if "deletionTimestamp" in before and not meta.get("finalizers") and before.get("finalizers"):
            return self._remove(old)
        return self._write("MODIFIED", kind, key, new, typed)

    def apply(self, document: Mapping[str, Any], at: Field | None = None) -> tuple[Stored, str]:
        """``kubectl apply``: create, or merge three ways. Returns the object and ``created``, ``configured`` or ``unchanged``."""
        kind, modified = self._prepared(document, at)
        modified.pop("status", None)
        if not modified["metadata"].get("name") and modified["metadata"].get("generateName"):
            raise StatusError("BadRequest", "cannot use generate name with apply")
        annotations = dict(modified["metadata"].get("annotations") or {})
        annotations.pop(LAST_APPLIED, None)
        # kubectl writes an empty map where there are no annotations.
        modified["metadata"]["annotations"] = annotations
        text = json.dumps(modified, separators=(",", ":"), sort_keys=True, ensure_ascii=False, default=str) + "\n"
        modified["metadata"] = {**modified["metadata"], "annotations": {**annotations, LAST_APPLIED: text}}
        old = self.get(kind.slot, modified["metadata"].get("name", ""), modified["metadata"].get("namespace", ""))
        if old is None:
            return self.create(modified, at), "created"
        last = (old.document["metadata"].get("annotations") or {}).get(LAST_APPLIED)
        original = json.loads(last) if last is not None else {}
        wanted = three_way(original, modified, old.document)
        new = self.update(wanted, at)
        return new, "unchanged" if new is old else "configured"

    def patch(
        self, kind: str, name: str, namespace: str, patch: Any, how: PatchType = "strategic", *, status: bool = False
    ) -> Stored:
        """``kubectl patch``: a strategic merge patch, a JSON merge patch (``merge``) or a JSON patch (``json``, a list)."""
        old = self.need(kind, name, namespace)
        if how == "strategic" and old.kind.is_custom:
            raise StatusError("UnsupportedMediaType", "the body of the request was in an unknown format")
        change: Any = {"strategic": strategic, "merge": merge, "json": json_patch}[how]
        new = change(old.document, patch)
        meta = new.get("metadata", {}) if isinstance(new, dict) else {}
        if (meta.get("name"), meta.get("namespace", "")) != (name, namespace):
            raise StatusError(
                "BadRequest",
                f"the name of the object ({meta.get('name', '')}) does not match the name on the URL ({name})",
            )
        return self.update(new, status=status)

    def delete(
        self,
        kind: str,
        name: str,
        namespace: str = "",
        *,
        propagation: Propagation = "Background",
        grace: int | None = None,
    ) -> Stored:
        """The object goes, and with it what it owns unless ``propagation`` is Orphan.

        A Pod on a node waits for its kubelet (``finish``) and is terminating until then, unless ``grace`` is 0; an object with
        finalizers waits until they are gone. Returns the object as it last was.
        """
        old = self.need(kind, name, namespace)
        if kind == "Namespace":
            return self._end_namespace(old)
        if propagation == "Orphan":
            self._orphan(old.uid)
        meta = old.document["metadata"]
        bound = kind == "Pod" and old.document["spec"].get("nodeName") and grace != 0
        if bound or meta.get("finalizers"):
            if old.terminating:
                return old
            seconds = old.document.get("spec", {}).get("terminationGracePeriodSeconds", 30) if bound else 0
            return self._terminate(old, grace if grace is not None else int(seconds))
        return self._remove(old)

    def finish(self, pod: Stored) -> Stored:
        """The kubelet has ended a terminating Pod: it is gone now."""
        return self._remove(self.need("Pod", pod.name, pod.namespace))

    # -- inside --------------------------------------------------------------------------------------------------

    def _prepared(self, document: Mapping[str, Any], at: Field | None) -> tuple[Kind, Document]:
        """Kind and a copy of the document: without nulls and what the server alone writes, with a namespace."""
        version, name = document.get("apiVersion"), document.get("kind")
        kind = self.kind(str(version), str(name))
        given = at if at is not None else from_python(document)
        # A status is the server's: what a manifest says there may have any form.
        decode(given if kind.name in _NO_STATUS else _without_status(given), kind.type)
        new = _pruned(document)
        meta = new.setdefault("metadata", {})
        for each in _SERVERS:
            meta.pop(each, None)
        if kind.namespaced:
            meta.setdefault("namespace", "default")
        else:
            meta.pop("namespace", None)
        return kind, new

    def _generated(self, kind: Kind, prefix: str, namespace: str) -> str:
        stream = self.draw("name", kind.name, namespace, prefix)
        while True:
            name = prefix + random_suffix(stream)
            if self.get(kind.slot, name, namespace) is None:
                return name

    def _checked(self, kind: Kind, new: Document, at: Field | None, old: Stored | None) -> Any:
        """Defaults filled in, decoded, validated."""
        kind.default(new)
        typed = decode(from_python(new), kind.type)
        problems = Problems()
        meta = typed.metadata
        if not meta.name:
            problems.required("metadata.name", "name or generateName is required")
        elif old is None:
            problems.all("metadata.name", meta.name, kind.name_words(meta.name))
        if meta.namespace and old is None:
            problems.all("metadata.namespace", meta.namespace, words.dns_label(meta.namespace))
        words.check_labels(problems, "metadata.labels", meta.labels)
        words.check_annotations(problems, "metadata.annotations", meta.annotations)
        kind.check(typed, problems)
        if old is not None:
            kind.check_update(typed, old.object, problems)
        refuse(kind.name, meta.name, problems, at)
        return typed

    def _allocate(self, kind: Kind, new: Document, old: Stored | None, at: Field | None) -> None:
        problems = Problems()
        self.addresses.begin()
        self.addresses.allocate(new, old.document if old is not None else None, problems, self.draw)
        if problems.causes:
            self.addresses.back()
        refuse(kind.name, str(new["metadata"]["name"]), problems, at)

    def _write(
        self, what: Literal["ADDED", "MODIFIED"], kind: Kind, key: tuple[str, str], new: Document, typed: Any
    ) -> Stored:
        self.version += 1
        new["metadata"]["resourceVersion"] = str(self.version)
        # The typed object was decoded before the server wrote its own fields.
        if kind.name in {"Service", "Namespace"}:
            typed = decode(from_python(new), kind.type)
        else:
            typed = msgspec.structs.replace(typed, metadata=decode(from_python(new["metadata"]), Metadata))
        stored = Stored(kind, new, typed)
        self._objects.setdefault(kind.slot, {})[key] = stored
        self.tell(Event(what, self.version, stored))
        return stored

    def _terminate(self, old: Stored, grace: int) -> Stored:
        new = copy.deepcopy(old.document)
        new["metadata"]["deletionTimestamp"] = self.timestamp()
        new["metadata"]["deletionGracePeriodSeconds"] = grace
        return self._write("MODIFIED", old.kind, (old.namespace, old.name), new, old.object)

    def _remove(self, old: Stored) -> Stored:
        del self._objects[old.kind.slot][old.namespace, old.name]
        if old.kind.name == "Service":
            self.addresses.release(old.document)
        self.version += 1
        last = copy.deepcopy(old.document)
        last["metadata"]["resourceVersion"] = str(self.version)
        gone = Stored(old.kind, last, old.object)
        self.tell(Event("DELETED", self.version, gone))
        if old.kind.name != "Event":  # which owns nothing, and goes often
            self._collect(old.uid)
        return gone

    def _collect(self, uid: str) -> None:
        """The garbage collector: what has no other owner goes with this one."""
        for each in [each for group in self._objects.values() for each in group.values() if uid in each.owners]:
            if self.get(each.kind.slot, each.name, each.namespace) is None:
                continue
            rest = [ref for ref in each.document["metadata"]["ownerReferences"] if ref["uid"] != uid]
            if any(self._alive(ref["uid"]) for ref in rest):
                self._set_owners(each, rest)
            else:
                self.delete(each.kind.slot, each.name, each.namespace)

    def _alive(self, uid: str) -> bool:
        return any(each.uid == uid for group in self._objects.values() for each in group.values())

    def _orphan(self, uid: str) -> None:
        for each in [each for group in self._objects.values() for each in group.values() if uid in each.owners]:
            self._set_owners(each, [ref for ref in each.document["metadata"]["ownerReferences"] if ref["uid"] != uid])

    def _set_owners(self, each: Stored, owners: list[Any]) -> None:
        new = copy.deepcopy(each.document)
        if owners:
            new["metadata"]["ownerReferences"] = owners
        else:
            del new["metadata"]["ownerReferences"]
        self._write("MODIFIED", each.kind, (each.namespace, each.name), new, each.object)

    def _end_namespace(self, space: Stored) -> Stored:
        """What is in it goes first; the namespace itself with the last of it."""
        if space.name in {"default", "kube-system", "kube-public"}:
            raise StatusError("Forbidden", f'namespaces "{space.name}" is forbidden: this namespace may not be deleted')
        if not space.terminating:
            new = copy.deepcopy(space.document)
            new["metadata"]["deletionTimestamp"] = self.timestamp()
            new["status"]["phase"] = "Terminating"
            space = self._write("MODIFIED", space.kind, ("", space.name), new, space.object)
        for each in self._inside(space.name):
            if self.get(each.kind.slot, each.name, each.namespace) is not None:
                self.delete(each.kind.slot, each.name, each.namespace)
        return self.end_empty(space)

    def end_empty(self, space: Stored) -> Stored:
        """A terminating namespace that has nothing in it any more is gone; else it stays as it is."""
        return space if self._inside(space.name) else self._remove(space)

    def _inside(self, namespace: str) -> list[Stored]:
        return [each for group in self._objects.values() for (space, _), each in group.items() if space == namespace]


def _without_status(at: Field) -> Field:
    members = {name: each for name, each in at.members().items() if name != "status"}
    return msgspec.structs.replace(at, value=members)


def _pruned(value: Any) -> Any:
    """A copy without members that are null."""
    if isinstance(value, Mapping):
        return {key: _pruned(each) for key, each in value.items() if each is not None}
    if isinstance(value, list | tuple):
        return [_pruned(each) for each in value]
    return value
