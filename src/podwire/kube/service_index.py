"""Which Services' endpoints an event may change, and which pods a selector finds, without looking at every object for each.

It watches the store, as an informer does: what has happened since the last look costs what it touches. Where the events are forgotten,
or were taken back, it lists everything anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from podwire.kube.endpoints import SERVICE_NAME
from podwire.kube.invalid import StatusError
from podwire.kube.store import Event, Store, Stored, Watch

ZONE: Final = "topology.kubernetes.io/zone"
_KINDS: Final = ("Node", "Service", "Pod", "EndpointSlice", "Endpoints")
Key = tuple[str, str]
"""Namespace and name."""
_Item = tuple[str, str, str]
"""Namespace, key and value of a label."""


class ServiceIndex:
    """Services by their selectors, pods by their labels, slices by the Service that owns them; and what has been touched."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._watch: Watch | None = None
        self._written = 0
        """Up to this version all events since the last look are the controller's own."""
        self._clear()

    def _clear(self) -> None:
        self._count = 0
        self._touched: dict[Key, None] = {}
        self._places: dict[Key, int] = {}
        """The order in which Services came."""
        self._selecting: dict[Key, _Item] = {}
        self._services: dict[_Item, dict[Key, None]] = {}
        self._pods: dict[_Item, dict[Key, int]] = {}
        """With the order in which the pods came."""
        self._labels: dict[Key, tuple[Mapping[str, str], int]] = {}
        self._zones: dict[str, str] = {}
        self._slices: dict[str, dict[Key, None]] = {}

    # -- asking ---------------------------------------------------------------------------------------------------

    def touched(self) -> list[Key]:
        """Services that have to be looked at since the last call, in order of creation; some may be gone."""
        self._look()
        found = sorted(self._touched, key=lambda key: self._places.get(key, 0))
        self._touched = {}
        return found

    def written(self) -> None:
        """What has happened since ``touched`` was the caller's own doing."""
        self._written = self._store.version

    def pods(self, namespace: str, selector: Mapping[str, str]) -> list[Stored]:
        """The pods that have all these labels, in order of creation. An empty selector finds none."""
        found = [self._pods.get((namespace, *item), {}) for item in selector.items()]
        few = min(found, key=len, default={})
        places = [(place, key) for key, place in few.items() if all(key in others for others in found)]
        pods = (self._store.get("Pod", name, space) for _, (space, name) in sorted(places))
        return [pod for pod in pods if pod is not None]

    def slices(self, service: Stored) -> list[Stored]:
        """The EndpointSlices that a Service manages, in order of creation."""
        found = (self._store.get("EndpointSlice", name, space) for space, name in self._slices.get(service.uid, ()))
        return [each for each in found if each is not None]

    # -- watching -------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        try:
            events = self._watch.poll() if self._watch is not None else None
        except StatusError:  # forgotten, or taken back
            events = None
        if events is not None:
            for event in events:
                self._take(event)
            return
        self._watch = self._store.watch()
        self._clear()
        for kind in _KINDS:
            for each in self._store.all(kind):
                self._take(Event("ADDED", self._store.version, each))
        self._touched.update(dict.fromkeys(self._places))

    def _take(self, event: Event) -> None:
        each, gone = event.object, event.type == "DELETED"
        key = (each.namespace, each.name)
        match each.kind.slot:
            case "Service":
                self._service(each, key, gone=gone)
            case "Pod":
                self._pod(each, key, gone=gone)
            case "Node":
                zone = each.labels.get(ZONE, "")
                if self._zones.get(each.name, "") != zone:
                    self._touched.update(dict.fromkeys(self._places))
                self._zones[each.name] = zone
            case "EndpointSlice":
                self._slice(each, key, gone=gone)
                if event.version > self._written:
                    self._touched[each.namespace, each.labels.get(SERVICE_NAME, "")] = None
            case "Endpoints" if event.version > self._written:
                self._touched[key] = None

    def _service(self, service: Stored, key: Key, *, gone: bool) -> None:
        self._touched[key] = None
        item = self._selecting.pop(key, None)
        if item is not None:
            self._services[item].pop(key, None)
        if gone:
            self._places.pop(key, None)
            return
        if key not in self._places:
            self._count += 1
            self._places[key] = self._count
        for name, value in (service.document["spec"].get("selector") or {}).items():
            item = self._selecting[key] = (service.namespace, name, value)
            self._services.setdefault(item, {})[key] = None
            break

    def _pod(self, pod: Stored, key: Key, *, gone: bool) -> None:
        before, place = self._labels.pop(key, ({}, 0))
        labels = {} if gone else pod.labels
        if not place:
            self._count += 1
            place = self._count
        if before != labels:
            for item in before.items():
                del self._pods[pod.namespace, *item][key]
            for item in labels.items():
                self._pods.setdefault((pod.namespace, *item), {})[key] = place
        if not gone:
            self._labels[key] = labels, place
        for item in {**dict.fromkeys(before.items()), **dict.fromkeys(labels.items())}:
            self._touched.update(self._services.get((pod.namespace, *item), {}))

    def _slice(self, each: Stored, key: Key, *, gone: bool) -> None:
        mine = self._slices.setdefault(each.controller, {})
        if gone:
            mine.pop(key, None)
        else:
            mine[key] = None
