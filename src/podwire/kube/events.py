"""Events as components record them: equal ones are counted, similar ones are put together, too many are held back.

What is kept between two events is client-go's (tools/record/events_cache.go: the correlator of kubelet and controllers;
tools/events/event_broadcaster.go: series, of the scheduler). An event lives for an hour of virtual time after it was last written
(kube-apiserver --event-ttl).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec

from podwire.kube.store import Store, Stored

_NSEC: Final = 1_000_000_000
TTL: Final = 3600 * _NSEC
_SIMILAR: Final = 10
"""So many different messages of one kind within ``_INTERVAL``; the next ones are put together."""
_INTERVAL: Final = 600 * _NSEC
_BURST: Final = 25
_REFILL: Final = 300 * _NSEC
"""One object has so many events of one component at once, then one more in each such time."""
_SERIES_ENDS: Final = 360 * _NSEC
"""A series that was not added to for so long is over."""
_CACHE: Final = 4096

Key = tuple[str, ...]
Type = Literal["Normal", "Warning"]


class _Bucket(msgspec.Struct):
    """flowcontrol's token bucket: how many events may still be told."""

    tokens: float
    at: int


class _Similar(msgspec.Struct):
    messages: dict[str, None]
    at: int


class _Seen(msgspec.Struct):
    name: str
    first: str
    count: int


class _Correlator:
    """What one component remembers of its events."""

    def __init__(self) -> None:
        self.buckets: dict[Key, _Bucket] = {}
        self.similar: dict[Key, _Similar] = {}
        self.seen: dict[Key, _Seen] = {}
        self.series: dict[Key, tuple[str, int]] = {}
        """Name of the event and when it was last seen."""

    def allows(self, key: Key, now: int) -> bool:
        """The spam filter (``EventSourceObjectSpamFilter``)."""
        bucket = self.buckets.setdefault(key, _Bucket(_BURST, now))
        bucket.tokens = min(_BURST, bucket.tokens + (now - bucket.at) / _REFILL)
        bucket.at = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True

    def aggregated(self, key: Key, message: str, now: int) -> bool:
        """The event is one more of many similar ones (``EventAggregator``)."""
        record = self.similar.get(key)
        if record is None or now - record.at > _INTERVAL:
            record = self.similar[key] = _Similar({}, now)
        record.messages[message] = None
        record.at = now
        if len(record.messages) < _SIMILAR:
            return False
        record.messages.pop(next(iter(record.messages)))
        return True

    def trim(self) -> None:
        """The oldest are forgotten (``maxLruCacheEntries``)."""
        for cache in (self.buckets, self.similar, self.seen, self.series):
            while len(cache) > _CACHE:
                del cache[next(iter(cache))]


class Recorder:
    """Writes events of all components into one store.

    ``event(pod, "Warning", "Unhealthy", "Readiness probe failed: …", component="kubelet", host="node1")``: the component tells that of
    the object. Equal events of one component are one object with a count.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._correlators: dict[str, _Correlator] = {}
        self._expiry: dict[tuple[str, str], int] = {}
        """By namespace and name, the first that ends first."""
        self._last = 0
        """The number in the last name."""

    def event(
        self,
        about: Stored,
        type_: Type,
        reason: str,
        message: str,
        *,
        component: str,
        host: str = "",
        field_path: str = "",
    ) -> None:
        """Record an event of kubelet or a controller.

        ``host`` is the node on which the component runs, ``field_path`` the container that is meant: ``spec.containers{nginx}``.
        """
        now = self._store.now
        mind = self._correlators.setdefault(component, _Correlator())
        # A kubelet does not know the uid of its Node.
        involved = reference(about, field_path, by_name=component != "node-controller")
        where = (component, host, *_who(involved))
        group = (*where, type_, reason)
        if mind.aggregated(group, message, now):
            key, message = group, f"(combined from similar events): {message}"
        else:
            key = (*group, field_path, message)
        seen = mind.seen.pop(key, None)
        stamp = self._store.timestamp()
        entry = mind.seen[key] = _Seen("", stamp, 1) if seen is None else _Seen(seen.name, seen.first, seen.count + 1)
        mind.trim()
        if not mind.allows(where, now):  # counted it is
            return
        document = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"namespace": _space(involved)},
            "involvedObject": involved,
            "reason": reason,
            "message": message,
            "source": {"component": component, **({"host": host} if host else {})},
            "firstTimestamp": entry.first,
            "lastTimestamp": stamp,
            "count": entry.count,
            "type": type_,
            "reportingComponent": component,
            "reportingInstance": host,
        }
        entry.name = self._write(document, entry.name)

    def series(
        self, about: Stored, type_: Type, reason: str, message: str, *, component: str, instance: str, action: str
    ) -> None:
        """Record an event in the newer form, as scheduler and kube-proxy do; ``instance`` names the process.

        Events that differ in their message alone are a series, which keeps the first one's.
        """
        now = self._store.now
        mind = self._correlators.setdefault(component, _Correlator())
        involved = reference(about, by_name=component == "kube-proxy")
        key = (instance, *_who(involved), type_, action, reason)
        name, last = mind.series.pop(key, ("", 0))
        there = self._store.get("Event", name, _space(involved)) if name else None
        if there is not None and now - last <= _SERIES_ENDS:
            new = copy.deepcopy(there.document)
            count = (new.get("series") or {}).get("count", 1) + 1
            new["series"] = {"count": count, "lastObservedTime": _micro(now)}
            mind.series[key] = (self._write(new, name), now)
            return
        document = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"namespace": _space(involved)},
            "involvedObject": involved,
            "reason": reason,
            "message": message,
            "source": {},
            "type": type_,
            "eventTime": _micro(now),
            "action": action,
            "reportingComponent": component,
            "reportingInstance": instance,
        }
        mind.series[key] = (self._write(document, ""), now)
        mind.trim()

    def expire(self) -> None:
        """Events whose hour is over go. Called before anybody looks at the store."""
        now = self._store.now
        while self._expiry:
            (space, name), end = next(iter(self._expiry.items()))
            if end > now:
                return
            del self._expiry[space, name]
            if self._store.get("Event", name, space) is not None:
                self._store.delete("Event", name, space)

    def _write(self, document: dict[str, Any], name: str) -> str:
        """The event anew, or its next count where ``name`` is still there. Its hour begins again. Returns its name.

        A namespace that terminates takes no new objects: the event is lost there, as in a cluster.
        """
        space = document["metadata"]["namespace"]
        home = self._store.get("Namespace", space)
        if home is None or home.terminating:
            return name
        there = self._store.get("Event", name, space) if name else None
        if there is not None:
            document["metadata"] = copy.deepcopy(there.document["metadata"])
            self._store.update(document)
        else:
            name = name or self._named(str(document["involvedObject"]["name"]), space)
            document["metadata"]["name"] = name
            self._store.create(document)
        self._expiry.pop((space, name), None)
        self._expiry[space, name] = self._store.now + TTL
        return name

    def _named(self, about: str, space: str) -> str:
        """The object's name and the time in ns, as 16 hexadecimal digits: in a cluster no two things happen in the same one."""
        # Lists are in the order of names: what happened later at the same time has the larger number.
        stream = self._store.draw("event")
        self._last = max(self._store.now, self._last) + stream.randint(1_000, 1_000_000)
        return f"{about}.{self._last:016x}"


def reference(about: Stored, field_path: str = "", *, by_name: bool = False) -> dict[str, Any]:
    """``involvedObject``; ``by_name`` tells a Node by its name alone, which stands in the place of its uid."""
    meta = about.document["metadata"]
    if by_name and about.kind.name == "Node":
        return {"kind": "Node", "name": meta["name"], "uid": meta["name"]}
    found = {
        "kind": about.kind.name,
        "namespace": meta.get("namespace", ""),
        "name": meta["name"],
        "uid": meta["uid"],
        "apiVersion": about.kind.version,
        "resourceVersion": meta["resourceVersion"],
        "fieldPath": field_path,
    }
    return {name: value for name, value in found.items() if value}


def _who(involved: Mapping[str, Any]) -> Key:
    return tuple(str(involved.get(name, "")) for name in ("kind", "namespace", "name", "uid", "apiVersion"))


def _space(involved: Mapping[str, Any]) -> str:
    return str(involved.get("namespace") or "default")


def _micro(now: int) -> str:
    return f"{datetime.fromtimestamp(now // _NSEC, UTC):%Y-%m-%dT%H:%M:%S}.{now % _NSEC // 1000:06}Z"
