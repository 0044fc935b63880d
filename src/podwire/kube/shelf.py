"""Objects as they are kept: their versions, what happened to them, who may look, and how a failure leaves no trace.

A document is what ``kubectl get -o yaml`` shows, as plain Python; ``Stored.object`` is the same as a typed struct. Neither is ever
changed: each write makes a new ``Stored`` with the next resourceVersion, and an event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from random import Random
from typing import Any, Final, Literal

import msgspec

from podwire.kube.addresses import ServiceAddresses
from podwire.kube.invalid import StatusError
from podwire.kube.kinds import Kind, Kinds
from podwire.kube.labels import field_matcher, label_matcher
from podwire.wire.addr import Net

SERVICES: Final = Net.parse("10.96.0.0/12")
"""kubeadm's --service-cidr."""
_KEPT_EVENTS: Final = 100_000
Document = dict[str, Any]


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


class Shelf:
    """What is kept, for those who read. ``now`` gives virtual time in ns since 1970, ``random`` the stream of a key."""

    def __init__(self, now: Callable[[], int], random: Callable[..., Random], services: Net = SERVICES) -> None:
        self.kinds = Kinds()
        self.version = 0
        self.addresses = ServiceAddresses(services)
        self._now = now
        self._random = random
        self._objects: dict[str, dict[tuple[str, str], Stored]] = {}
        self._events: list[Event] = []
        self._states: dict[tuple[str, ...], Any] | None = None
        self.listeners: list[Callable[[], None]] = []
        """Called after each change, also of one that is taken back: who waits for changes looks then."""
        self.told = 0
        """The last version that a watch has told of."""
        self.epoch = 0
        """How often something was taken back that a watch had told."""

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
            raise not_found(self._resource(kind), name)
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
            if self.told > version:
                self.told, self.epoch = version, self.epoch + 1
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

    @contextmanager
    def as_of(self, time: int) -> Iterator[None]:
        """What is written inside happened at another time (ns since 1970): it was there before the store was."""
        now, self._now = self._now, lambda: time
        try:
            yield
        finally:
            self._now = now

    @property
    def now(self) -> int:
        """Virtual time in ns since 1970."""
        return self._now()

    def timestamp(self) -> str:
        """Now, as the API writes it."""
        return f"{datetime.fromtimestamp(self._now() // 1_000_000_000, UTC):%Y-%m-%dT%H:%M:%SZ}"

    def tell(self, event: Event) -> None:
        """For who writes: an event more; the oldest are forgotten."""
        self._events.append(event)
        for listener in self.listeners:
            listener()
        if len(self._events) > 2 * _KEPT_EVENTS and self._states is None:
            del self._events[:_KEPT_EVENTS]


class Watch:
    """What happens to a kind, from one look to the next."""

    def __init__(self, shelf: Shelf, kind: str | None, namespace: str | None, since: int) -> None:
        self._shelf = shelf
        self._kind = kind
        self._namespace = namespace
        self._epoch = shelf.epoch
        self.version = since
        shelf.told = max(shelf.told, since)

    def poll(self) -> tuple[Event, ...]:
        """The events since the last look, in order. Raises ``StatusError`` Expired where they are forgotten, or were taken back."""
        if self._epoch != self._shelf.epoch:
            raise StatusError("Expired", f"too old resource version: {self.version} ({self._shelf.version})")
        found = tuple(
            event
            for event in self._shelf.events(self.version)
            if (self._kind is None or event.object.kind.slot == self._kind)
            and (self._namespace is None or event.object.namespace == self._namespace)
        )
        self.version = self._shelf.told = self._shelf.version
        return found


def not_found(resource: str, name: str) -> StatusError:
    """The complaint about an object that is not there."""
    return StatusError("NotFound", f'{resource} "{name}" not found')
