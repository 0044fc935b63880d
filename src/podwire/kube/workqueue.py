"""Which objects a controller has to look at: those that changed, and those whose own objects did.

A look that changed nothing is not repeated until something happens: a controller writes what follows from its object, from the objects
that this manages, and from those that nobody manages and its selector may find. What it writes itself makes it look again.
"""

from __future__ import annotations

from podwire.kube.invalid import StatusError
from podwire.kube.store import Event, Store, Stored, Watch


class WorkQueue:
    """The objects of ``kind`` that wait to be looked at. ``below`` are the kinds that these manage, and what those manage in turn.

    A change of an object of the kinds ``all_of`` makes all of them wait.
    """

    def __init__(self, store: Store, kind: str, below: tuple[str, ...], all_of: tuple[str, ...] = ()) -> None:
        self._store = store
        self._kind = kind
        self._below = below
        self._all_of = all_of
        self._watch: Watch | None = None
        self._clear()

    def _clear(self) -> None:
        self._waiting: dict[tuple[str, str], None] = {}
        self._places: dict[tuple[str, str], int] = {}
        """The order in which they came."""
        self._count = 0
        self._keys: dict[str, tuple[str, str]] = {}
        """Namespace and name by uid."""
        self._managers: dict[str, str] = {}
        """Who manages an object, both by uid."""

    def take(self) -> list[Stored]:
        """Those that wait, in order of creation; they wait no longer."""
        try:
            events = self._watch.poll() if self._watch is not None else None
        except StatusError:  # forgotten, or taken back
            events = None
        if events is None:
            self._watch = self._store.watch()
            self._clear()
            events = tuple(
                Event("ADDED", self._store.version, each)
                for kind in (self._kind, *self._below)
                for each in self._store.all(kind)
            )
        for event in events:
            self._see(event.object, gone=event.type == "DELETED")
        waiting = sorted(self._waiting, key=self._places.__getitem__)
        self._waiting = {}
        found = (self._store.get(self._kind, name, space) for space, name in waiting)
        return [each for each in found if each is not None]

    def _see(self, each: Stored, *, gone: bool) -> None:
        kind = each.kind.slot
        if kind == self._kind:
            self._own(each, gone=gone)
        elif kind in self._below:
            before, now = self._managers.get(each.uid, ""), each.controller
            self._wait(before)
            self._wait(now)
            if gone:
                self._managers.pop(each.uid, None)
            else:
                self._managers[each.uid] = now
            if not now and kind == self._below[0]:  # whose selector finds it may have it; gone, it is in nobody's way
                self._waiting.update((key, None) for key in self._places if key[0] == each.namespace)
        elif kind in self._all_of:
            self._waiting.update(dict.fromkeys(self._places))

    def _own(self, each: Stored, *, gone: bool) -> None:
        key = (each.namespace, each.name)
        if gone:
            for known in (self._waiting, self._places):
                known.pop(key, None)
            self._keys.pop(each.uid, None)
            return
        if key not in self._places:
            self._count += 1
            self._places[key] = self._count
        self._keys[each.uid] = key
        self._waiting[key] = None

    def _wait(self, uid: str) -> None:
        """Whoever is at the top of those that manage this one."""
        while uid:
            key = self._keys.get(uid)
            if key is not None:
                self._waiting[key] = None
            uid = self._managers.get(uid, "")
