"""What all describers share: levels, labels, annotations, taints, tolerations, selectors, events (k8s.io/kubectl, pkg/describe)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from podwire.kube.store import LAST_APPLIED, Store, Stored
from podwire.tools.kubectl.ages import SECOND, nanoseconds, since
from podwire.tools.kubectl.columns import selector_text
from podwire.tools.kubectl.tabbed import tabbed

NONE: Final = "<none>"
UNSET: Final = "<unset>"
_LONGEST: Final = 140
Document = Mapping[str, Any]


class Page:
    """The text of one object: lines with tabs, indented by levels of two spaces."""

    def __init__(self, store: Store, *, events: bool) -> None:
        self.store = store
        self.events = events
        """Events are shown too."""
        self._parts: list[str] = []

    @property
    def now(self) -> int:
        """Virtual time in ns."""
        return self.store.now

    def put(self, level: int, text: str) -> None:
        """Text as it stands; newlines are the caller's."""
        self._parts.append("  " * level + text)

    def field(self, level: int, name: str, value: object) -> None:
        """``Name:  value``."""
        self.put(level, f"{name}:\t{value}\n")

    def text(self) -> str:
        """The page with its columns."""
        return tabbed(self.raw())

    def raw(self) -> str:
        """The page with its tabs."""
        return "".join(self._parts)


Describer = Callable[[Page, Stored], None]


def head(page: Page, each: Stored) -> None:
    """Name, namespace, labels, annotations."""
    page.field(0, "Name", each.name)
    page.field(0, "Namespace", each.namespace)
    labels_and_annotations(page, each)


def labels_and_annotations(page: Page, each: Stored) -> None:
    """Both, of an object."""
    labels(page, "Labels", each.labels)
    notes(page, "Annotations", each.document["metadata"].get("annotations"))


def labels(page: Page, title: str, found: Document | None, indent: str = "", inner: str = "\t") -> None:
    """One ``key=value`` a line, sorted."""
    rows(
        page,
        f"{indent}{title}:{inner}",
        [f"{key}={found[key]}" for key in sorted(found)] if found else [],
        indent + inner,
    )


def rows(page: Page, title: str, found: Iterable[str], inner: str = "\t") -> None:
    """The first behind the title, the others below it."""
    lines = list(found) or [NONE]
    page.put(0, f"{title}{lines[0]}\n")
    for line in lines[1:]:
        page.put(0, f"{inner}{line}\n")


def notes(page: Page, title: str, found: Document | None) -> None:
    """As labels, long ones below their keys; what ``kubectl apply`` keeps there is not shown."""
    shown = {key: str(value).removesuffix("\n") for key, value in (found or {}).items() if key != LAST_APPLIED}
    lines: list[str] = []
    for key in sorted(shown):
        value = shown[key]
        if len(value.encode()) + len(key) + 2 > _LONGEST or "\n" in value:
            lines += [f"{key}:", *(f"  {_shortened(line, _LONGEST - 2)}" for line in value.split("\n"))]
        else:
            lines.append(f"{key}: {value}")
    rows(page, f"{title}:\t", lines)


def _shortened(text: str, most: int) -> str:
    data = text.encode()
    return f"{data[:most].decode(errors='replace')}..." if len(data) > most else text


def taints(page: Page, found: Iterable[Document] | None) -> None:
    """``key=value:effect``, by effect and key."""
    ordered = sorted(found or (), key=lambda each: f"{each['effect']},{each['key']}")
    rows(page, "Taints:\t", [_taint(each) for each in ordered])


def _taint(each: Document) -> str:
    key = f"{each['key']}={each['value']}" if each.get("value") else each["key"]
    return f"{key}:{each['effect']}" if each.get("effect") else str(key)


def tolerations(page: Page, title: str, found: Iterable[Document] | None) -> None:
    """``key:effect op=Exists for 300s``, by key."""
    rows(page, f"{title}:\t", [_toleration(each) for each in sorted(found or (), key=lambda each: each.get("key", ""))])


def _toleration(each: Document) -> str:
    text = str(each.get("key", ""))
    text += f"={each['value']}" if each.get("value") else ""
    text += f":{each['effect']}" if each.get("effect") else ""
    if each.get("operator") == "Exists" and not each.get("value"):
        text += " op=Exists" if text else "op=Exists"
    return text + (f" for {each['tolerationSeconds']}s" if each.get("tolerationSeconds") is not None else "")


def bare_selector(selector: Document | None) -> str:
    """A label selector as ``-l`` takes it; empty for one that asks for nothing."""
    text = selector_text(selector)
    return "" if text == NONE else text


def controller_of(each: Stored) -> str:
    """``ReplicaSet/web-7d4c``; empty without."""
    owners = each.document["metadata"].get("ownerReferences") or ()
    return next((f"{owner['kind']}/{owner['name']}" for owner in owners if owner.get("controller")), "")


def conditions(page: Page, found: Iterable[Document] | None, *names: str) -> None:
    """A table of type, status and more."""
    if not found:
        return
    page.put(0, "Conditions:\n  " + "\t".join(("Type", "Status", *names)) + "\n")
    if names:
        page.put(1, "\t".join("-" * len(name) for name in ("Type", "Status", *names)) + "\n")
    for each in found:
        more = "".join(f"\t{each.get(name.lower(), '')}" for name in names)
        page.put(1, f"{each['type']} \t{each['status']}{more if names else ' '}\n")


def rfc1123z(timestamp: object) -> str:
    """``Mon, 01 Jan 2024 00:00:00 +0000``; the zero time for what has none."""
    when = (
        datetime.fromtimestamp(nanoseconds(str(timestamp)) // SECOND, UTC)
        if timestamp
        else datetime(1, 1, 1, tzinfo=UTC)
    )
    # Not by strftime: it does not fill up the year 1.
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[when.weekday()]
    month = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")[when.month - 1]
    return f"{day}, {when.day:02} {month} {when.year:04} {when:%H:%M:%S} +0000"


# ------------------------------------------------------------------------------------------------------------ events


class About(msgspec.Struct, frozen=True):
    """Whose events: the fields of ``involvedObject`` that must fit; an empty ``kind`` fits every one."""

    name: str
    namespace: str
    kind: str
    uids: tuple[str, ...]


def about(each: Stored) -> About:
    """The events of an object. Those of a Node may carry its name in place of its uid; those of a Pod may say any kind."""
    uid = str(each.document["metadata"].get("uid", ""))
    uids = (uid, each.name) if each.kind.name == "Node" else (uid,)
    return About(each.name, each.namespace, "" if each.kind.name == "Pod" else each.kind.name, uids)


def events_of(store: Store, wanted: About) -> list[Document]:
    """In the order of the last time that each was seen."""
    found: list[Document] = []
    for uid in wanted.uids:
        for each in sorted(store.all("Event", wanted.namespace or None), key=lambda each: (each.namespace, each.name)):
            it = each.document.get("involvedObject") or {}
            if (
                (it.get("name"), it.get("namespace", ""), it.get("uid")) == (wanted.name, wanted.namespace, uid)
            ) and wanted.kind in {"", it.get("kind")}:
                found.append(each.document)
    return sorted(found, key=lambda each: each.get("lastTimestamp") or "")


def interval(event: Document, now: int) -> str:
    """``3s``, or ``3s (x4 over 2m)`` for one that was counted."""
    first = since(event.get("eventTime") or event.get("firstTimestamp"), now)
    series = event.get("series")
    if series:
        return f"{since(series.get('lastObservedTime'), now)} (x{series.get('count', 0)} over {first})"
    if event.get("count", 0) > 1:
        return f"{since(event.get('lastTimestamp'), now)} (x{event['count']} over {first})"
    return first


def events(page: Page, each: Stored) -> None:
    """The table of an object's events, where it is wanted."""
    if not page.events:
        return
    found = events_of(page.store, about(each))
    if not found:
        page.field(0, "Events", NONE)
        return
    page.put(0, "Events:\n  Type\tReason\tAge\tFrom\tMessage\n")
    page.put(1, "----\t------\t----\t----\t-------\n")
    for event in found:
        source = (event.get("source") or {}).get("component") or event.get("reportingComponent", "")
        message = str(event.get("message", "")).strip()
        page.put(
            1, f"{event.get('type', '')}\t{event.get('reason', '')}\t{interval(event, page.now)}\t{source}\t{message}\n"
        )
