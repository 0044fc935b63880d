"""The API server's store: objects, their versions, list and watch.

A document is what ``kubectl get -o yaml`` shows, as plain Python; ``Stored.object`` is the same as a typed struct. Neither is ever
changed: each write makes a new ``Stored`` with the next resourceVersion, and an event.
"""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from random import Random
from typing import Any, Final, Literal

import msgspec

from podwire.kube import words
from podwire.kube.addresses import ServiceAddresses
from podwire.kube.decode import decode
from podwire.kube.fields import Field, from_python
from podwire.kube.invalid import Problems, StatusError, refuse
from podwire.kube.kinds import Custom, Kind, Kinds
from podwire.kube.labels import field_matcher, label_matcher
from podwire.kube.meta import Metadata
from podwire.kube.naming import random_suffix
from podwire.kube.patch import json_patch, merge, strategic, three_way
from podwire.wire.addr import Net

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
SERVICES: Final = Net.parse("10.96.0.0/12")
"""kubeadm's --service-cidr."""
_KEPT_EVENTS: Final = 100_000
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
_NO_STATUS: Final = frozenset({"ConfigMap", "Endpoints", "EndpointSlice", "ServiceAccount"})

Document = dict[str, Any]
Propagation = Literal["Background", "Orphan"]
PatchType = Literal["strategic", "merge", "json"]


class Stored(msgspec.Struct, frozen=True, eq=False):
    """One version of an object."""

    kind: Kind
    document: Document
    object: Any

    @property
    def name(self) -> str:
        """``metadata.name``."""
        return str(self.document["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """``metadata.namespace``; empty for kinds without."""
        return str(self.document["metadata"].get("namespace", ""))

    @property
    def uid(self) -> str:
        """``metadata.uid``."""
        return str(self.document["metadata"]["uid"])

    @property
    def version(self) -> int:
        """``metadata.resourceVersion`` as a number."""
        return int(self.document["metadata"]["resourceVersion"])

    @property
    def labels(self) -> Mapping[str, str]:
        """``metadata.labels``."""
        found: Mapping[str, str] = self.document["metadata"].get("labels") or {}
        return found

    @property
    def terminating(self) -> bool:
        """Somebody has deleted it, and it waits for its kubelet or its finalizers."""
        return "deletionTimestamp" in self.document["metadata"]

    @property
    def owners(self) -> tuple[str, ...]:
        """The uids of its owners."""
        return tuple(each["uid"] for each in self.document["metadata"].get("ownerReferences") or ())

    @property
    def controller(self) -> str:
        """The uid of the owner that manages it; empty without."""
        owners = self.document["metadata"].get("ownerReferences") or ()
        return next((each["uid"] for each in owners if each.get("controller")), "")


class Event(msgspec.Struct, frozen=True, eq=False):
    """What a watch tells: the object after the change, or as it last was."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    version: int
    object: Stored


class Store:
    """The objects of one cluster. ``now`` gives virtual time in ns since 1970, ``random`` the stream of a key.

    Every method that changes something raises ``Invalid`` for what the server's validation refuses, ``ManifestError`` for a
    document of the wrong form and ``StatusError`` for what is not there, or there already; nothing has changed then.
    """

    def __init__(self, now: Callable[[], int], random: Callable[..., Random], services: Net = SERVICES) -> None:
        self.kinds = Kinds()
        self.version = 0
        self.addresses = ServiceAddresses(services)
        self._now = now
        self._random = random
        self._objects: dict[str, dict[tuple[str, str], Stored]] = {}
        self._events: list[Event] = []
        self._states: dict[tuple[str, ...], Any] | None = None

    # -- reading -------------------------------------------------------------------------------------------------

    def kind(self, version: str, name: str) -> Kind:
        """By apiVersion and kind. Raises ``StatusError`` for one that is not registered."""
        kind = self.kinds.of(version, name)
        if kind is None:
            raise StatusError("NotFound", f'no matches for kind "{name}" in version "{version}"')
        return kind

    def get(self, kind: str, name: str, namespace: str = "") -> Stored | None:
        """The object, or None. Kinds are told by name alone: ``Deployment``; one of two of a name as ``NetworkPolicy.GROUP``."""
        return self._objects.get(kind, {}).get((namespace, name))

    def need(self, kind: str, name: str, namespace: str = "") -> Stored:
        """The object; raises ``StatusError`` NotFound."""
        found = self.get(kind, name, namespace)
        if found is None:
            raise _not_found(self._resource(kind), name)
        return found

    def _resource(self, kind: str) -> str:
        found = self.kinds.named(kind)
        return found.resource if found is not None else kind.lower()

    def all(self, kind: str, namespace: str | None = None) -> tuple[Stored, ...]:
        """The objects of a kind in order of creation; all namespaces for None."""
        return tuple(
            each for (space, _), each in self._objects.get(kind, {}).items() if namespace is None or space == namespace
        )

    def select(
        self, kind: str, namespace: str | None = None, *, labels: str | None = None, fields: str | None = None
    ) -> tuple[Stored, ...]:
        """As the API lists: by namespace and name. ``labels`` and ``fields`` are selectors; raises ``PodwireError`` for bad ones."""
        found = self.kinds.named(kind)
        wanted = label_matcher(labels)
        chosen = field_matcher(kind, found.version if found is not None else "v1", fields)
        return tuple(
            sorted(
                (each for each in self.all(kind, namespace) if wanted(each.labels) and chosen(each.document)),
                key=lambda each: (each.namespace, each.name),
            )
        )

    def owned(self, uid: str, kind: str) -> tuple[Stored, ...]:
        """The objects of a kind that this owner manages, in order of creation."""
        return tuple(each for each in self.all(kind) if each.controller == uid)

    def watch(self, kind: str | None = None, namespace: str | None = None, since: int | None = None) -> Watch:
        """A watch on a kind, or on all; ``since`` a resourceVersion, from now on where it is None.

        Raises ``StatusError`` Expired for a version whose events are forgotten.
        """
        return Watch(self, kind, namespace, self.version if since is None else since)

    def events(self, since: int) -> Iterator[Event]:
        """What happened after a resourceVersion, in order. Raises ``StatusError`` Expired."""
        oldest = self._events[0].version if self._events else self.version + 1
        if since + 1 < oldest and since < self.version:
            raise StatusError("Expired", f"too old resource version: {since} ({oldest})")
        first = len(self._events)
        while first and self._events[first - 1].version > since:
            first -= 1
        return iter(self._events[first:])

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
        if key in self._objects.get(kind.slot, {}):
            raise StatusError("AlreadyExists", f'{kind.resource} "{key[1]}" already exists')
        typed = self._checked(kind, new, at, None)
        if kind.namespaced and self.get("Namespace", key[0]) is None:
            raise _not_found("namespaces", key[0])
        if kind.name == "Service":
            self._allocate(kind, new, None, at)
        stream = self.draw("uid", kind.name, *key)
        meta["uid"] = str(uuid.UUID(int=stream.getrandbits(128), version=4))
        meta["creationTimestamp"] = self.timestamp()
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
        if {**new, "metadata": 0, "status": 0} != {**old.document, "metadata": 0, "status": 0}:
            meta["generation"] = int(before.get("generation", 1)) + 1
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
        if how == "strategic" and old.kind.type is Custom:
            raise StatusError("UnsupportedMediaType", "the body of the request was in an unknown format")
        change: Any = {"strategic": strategic, "merge": merge, "json": json_patch}[how]
        new = change(old.document, patch)
        meta = new.get("metadata", {}) if isinstance(new, dict) else {}
        if (meta.get("name"), meta.get("namespace", "")) != (name, namespace):
            raise StatusError("BadRequest", "the name of the object does not match the name on the URL")
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

    # -- all or nothing ------------------------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What happens inside happens as a whole: an exception leaves the store as it was, streams of random numbers included."""
        if self._states is not None:
            yield
            return
        undo = self._snapshot()
        self._states = {}
        try:
            yield
        except BaseException:
            undo()
            raise
        finally:
            self._states = None

    @contextmanager
    def trial(self) -> Iterator[None]:
        """What happens inside is taken back at the end, whatever it was: only its exceptions remain."""
        undo = self._snapshot()
        self._states = {}
        try:
            yield
        finally:
            undo()
            self._states = None

    def _snapshot(self) -> Callable[[], None]:
        """A function that puts everything back."""
        objects = {kind: dict(each) for kind, each in self._objects.items()}
        version, count, addresses = self.version, len(self._events), self.addresses.copy()

        def undo() -> None:
            self._objects, self.version, self.addresses = objects, version, addresses
            del self._events[count:]
            for key, state in (self._states or {}).items():
                self._random(*key).setstate(state)

        return undo

    def draw(self, *key: str) -> Random:
        """The random stream of a key."""
        stream = self._random("api", *key)
        if self._states is not None:
            self._states.setdefault(("api", *key), stream.getstate())
        return stream

    def timestamp(self) -> str:
        """Now, as the API writes it."""
        return f"{datetime.fromtimestamp(self._now() // 1_000_000_000, UTC):%Y-%m-%dT%H:%M:%SZ}"

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
        state = self.addresses.copy()
        self.addresses.allocate(new, old.document if old is not None else None, problems, self.draw)
        if problems.causes:
            self.addresses = state
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
        self._tell(Event(what, self.version, stored))
        return stored

    def _tell(self, event: Event) -> None:
        self._events.append(event)
        if len(self._events) > 2 * _KEPT_EVENTS and self._states is None:
            del self._events[:_KEPT_EVENTS]

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
        self._tell(Event("DELETED", self.version, gone))
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


class Watch:
    """What happens to a kind, from one look to the next."""

    def __init__(self, store: Store, kind: str | None, namespace: str | None, since: int) -> None:
        self._store = store
        self._kind = kind
        self._namespace = namespace
        self.version = since

    def poll(self) -> tuple[Event, ...]:
        """The events since the last look, in order. Raises ``StatusError`` Expired where they are forgotten."""
        found = tuple(
            event
            for event in self._store.events(self.version)
            if (self._kind is None or event.object.kind.slot == self._kind)
            and (self._namespace is None or event.object.namespace == self._namespace)
        )
        self.version = self._store.version
        return found


def _not_found(resource: str, name: str) -> StatusError:
    return StatusError("NotFound", f'{resource} "{name}" not found')


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
