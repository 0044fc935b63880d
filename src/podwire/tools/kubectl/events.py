"""``kubectl events``: those of a namespace or of one object, oldest first; with ``-w`` those that come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from podwire.kube.invalid import StatusError
from podwire.kube.store import Stored
from podwire.tools.kubectl import resources
from podwire.tools.kubectl.ages import nanoseconds
from podwire.tools.kubectl.columns import TabWriter, escaped
from podwire.tools.kubectl.context import Context, KubectlError, Verb
from podwire.tools.kubectl.describe_writing import interval
from podwire.tools.kubectl.flags import Flag
from podwire.tools.kubectl.jsonpath import json_text
from podwire.tools.kubectl.printing import FORMATS, printer
from podwire.tools.process import Interrupt, Waiting

_TYPES: Final = frozenset({"normal", "warning"})
_HEAD: Final = ("LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE")
_FORMATS: Final = tuple(each for each in FORMATS if each not in {"custom-columns", "custom-columns-file", "wide"})
"""Those of PrintFlags without columns."""
_REFERENCE: Final = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
_ORDER: Final = (
    *("kind", "apiVersion", "metadata", "items", "name", "namespace", "uid", "resourceVersion", "creationTimestamp"),
    *("involvedObject", "reason", "message", "source", "component", "host", "firstTimestamp", "lastTimestamp", "count"),
    *(
        "lastObservedTime",
        "type",
        "eventTime",
        "series",
        "action",
        "related",
        "reportingComponent",
        "reportingInstance",
    ),
)
"""The members of an Event, and of what is in it, as the type has them (k8s.io/api, core/v1)."""
Target = tuple[str, str, str]
"""Kind, apiVersion and name of what ``--for`` names."""


class _Lines:
    """The table: its title is written once."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._everywhere = context.parsed.on("all-namespaces")
        self._writer = TabWriter(context.out)
        self._titled = context.parsed.on("no-headers")

    def show(self, events: list[Stored]) -> None:
        now = self._context.store.now
        if not self._titled:
            self._titled = True
            self._writer.line((("NAMESPACE",) if self._everywhere else ()) + _HEAD)
        for each in events:
            document = each.document
            about = document.get("involvedObject") or {}
            cells = (
                interval(document, now),
                escaped(str(document.get("type", ""))),
                escaped(str(document.get("reason", ""))),
                escaped(f"{about.get('kind', '')}/{about.get('name', '')}"),
                escaped(str(document.get("message", "")).strip()),
            )
            self._writer.line(((each.namespace,) if self._everywhere else ()) + cells)
        self._writer.flush()


def _run(context: Context) -> int | Waiting:
    types = [word for given in context.parsed.all("types") for word in given.split(",") if word]
    wanted = frozenset(word.lower() for word in types)
    if not wanted <= _TYPES:
        raise KubectlError("error: valid --types are Normal or Warning")
    target = _target(context)
    if context.parsed.on("watch"):
        return _watch(context, target, wanted)
    found = [each for each in _all(context) if _fits(each, target, wanted)]
    if not found:
        space = "" if context.parsed.on("all-namespaces") else f" in {context.namespace} namespace"
        context.err(f"No events found{space}.\n")
        return 0
    found.sort(key=lambda each: _when(each.document))
    output = context.parsed.text("output")
    if output:
        documents = [_whole(each.document) for each in found]
        _print(context, output, {"apiVersion": "v1", "items": documents, "kind": "EventList", "metadata": {}})
        return 0
    _Lines(context).show(found)
    return 0


def _whole(document: dict[str, Any]) -> dict[str, Any]:
    """With the times that an event does not have: their fields have no ``omitempty``."""
    return {"eventTime": None, "firstTimestamp": None, "lastTimestamp": None, **document}


def _print(context: Context, output: str, document: dict[str, Any]) -> None:
    """``-o``: unlike ``kubectl get`` this verb knows the type, and JSON has its members in the order of the type."""
    if output.lower() == "json":
        context.out(json_text(_ordered(document), 4, ordered=False) + "\n")
        return
    printed = printer(context, output, formats=_FORMATS)
    if output != "name" or "items" not in document:  # lists of a known type have no name, and kubectl does not say so
        printed.print(document)


def _ordered(value: Any) -> Any:
    if isinstance(value, list):
        return [_ordered(each) for each in value]
    if not isinstance(value, dict):
        return value
    # References have their kind and apiVersion among the rest.
    order = _REFERENCE if "kind" in value and "metadata" not in value else _ORDER
    names = sorted(value, key=lambda name: order.index(name) if name in order else len(order))
    return {name: _ordered(value[name]) for name in names}


def _target(context: Context) -> Target | None:
    text = context.parsed.text("for")
    if not text:
        return None
    words = text.split("/")
    if len(words) == 1:
        raise KubectlError("error: --for must be in resource/name form")
    if len(words) > 2:
        raise KubectlError("error: arguments in resource/name form may not have more than one slash")
    kind = resources.kind_of(context, words[0])
    return (kind.name, kind.version, words[1]) if words[1] else None


def _all(context: Context) -> Iterator[Stored]:
    space = None if context.parsed.on("all-namespaces") else context.namespace
    yield from sorted(context.store.all("Event", space), key=lambda each: f"{each.namespace}/{each.name}")


def _fits(each: Stored, target: Target | None, types: frozenset[str]) -> bool:
    about: dict[str, Any] = each.document.get("involvedObject") or {}
    if target is not None and (about.get("kind"), about.get("apiVersion", ""), about.get("name")) != target:
        return False
    return not types or str(each.document.get("type", "")).lower() in types


def _when(document: dict[str, Any]) -> int:
    """When it was last seen."""
    seen = (
        (document.get("series") or {}).get("lastObservedTime")
        or document.get("lastTimestamp")
        or document.get("eventTime")
    )
    return nanoseconds(seen) if seen else 0


def _watch(context: Context, target: Target | None, types: frozenset[str]) -> Waiting:
    """Those that are there, then each one that comes or is counted, until somebody interrupts: status 1, as kubectl ends by a signal."""
    space = None if context.parsed.on("all-namespaces") else context.namespace
    lines = _Lines(context)
    output = context.parsed.text("output")

    def show(found: list[Stored]) -> None:
        for each in found:
            if output:
                _print(context, output, _whole(each.document))
            else:
                lines.show([each])

    show([each for each in _all(context) if _fits(each, target, types)])
    store = context.store
    watch = store.watch("Event", space)
    context.proc.endless = True
    store.listeners.append(context.proc.wake)
    try:
        while True:
            try:
                told = watch.poll()
            except StatusError:  # what it had told was taken back
                watch, told = store.watch("Event", space), ()
            # What is deleted had its hour: nobody needs to hear of it.
            show([each.object for each in told if each.type != "DELETED" and _fits(each.object, target, types)])
            yield None
    except Interrupt:
        return 1
    finally:
        store.listeners.remove(context.proc.wake)


EVENTS: Final = Verb(
    _run,
    (
        Flag("watch", "w", "bool"),
        Flag("all-namespaces", "A", "bool"),
        Flag("for"),
        Flag("types", kind="list"),
        Flag("no-headers", kind="bool"),
        Flag("output", "o"),
        Flag("chunk-size", kind="int", default="500"),
    ),
)
