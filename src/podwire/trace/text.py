"""A trace as text, in three depths (after ovn-trace): the verdict and the way; hop by hop; every event.

``summary`` reads like a story: a block for each namespace, in it the device, the route as ``ip route`` prints it, the neighbour, and
ARP exchanges nested where the packet waited for them. ``detailed`` is the log itself, one line for each event of the whole tree.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from podwire.errors import PodwireError
from podwire.trace.events import (
    Created,
    Delivered,
    Dropped,
    Flooded,
    Forwarded,
    NeighbourChanged,
    Received,
    RuleMatched,
    Transmitted,
    Waiting,
)
from podwire.trace.eventtext import event_line, frame_line
from podwire.trace.explain import name, zero
from podwire.trace.fate import requests_for, sentence
from podwire.trace.fold import ARP_TAKEN, Hop, descendants, hops, offspring, opening, outcome, path, verdict
from podwire.trace.log import Record
from podwire.trace.page import Page
from podwire.trace.reasons import Verdict
from podwire.trace.recorder import Recorder
from podwire.trace.rules import telling, trace_line
from podwire.trace.words import noted
from podwire.wire.headers import Arp

DEPTHS: Final = ("minimal", "summary", "detailed")
_ROLES: Final = (
    (Delivered, "takes it"),
    (Dropped, "discards it"),
    (Forwarded, "forwards it"),
    (Flooded, "floods it"),
    (Created, "sends it"),
)
"""What a namespace does with a datagram, the most telling first."""
_HEAD, _TAIL = 8, 4
"""Of a very long way (a routing loop) so much is told."""
_NESTED: Final = 4
"""Columns by which ARP stands behind what waits for it."""
_TITLES: Final = MappingProxyType({"reply": "reply: ", "icmp-error": "ICMP error: ", "reset": "reset: "})


def render(recorder: Recorder, packet: int, depth: str) -> str:
    """The text of a trace in one of ``DEPTHS``."""
    if depth not in DEPTHS:
        raise PodwireError(f"trace text: depth {depth!r} is not known; known are {', '.join(DEPTHS)}")
    page = Page(zero(recorder, packet))
    if depth == "minimal":
        _minimal(page, recorder, packet)
    elif depth == "summary":
        _summary(page, recorder, packet)
    else:
        _detailed(page, recorder, packet)
    return page.text()


def _head(page: Page, recorder: Recorder, packet: int, title: str = "") -> None:
    """Verdict and headers, the way, and for a datagram that did not arrive the sentence about it."""
    outcome = verdict(recorder, packet)
    page.head(f"{outcome:<10} {title}{name(recorder, packet)}")
    way = path(recorder, packet)
    if len(way) > _HEAD + _TAIL + 1:
        way = (*way[:_HEAD], f"... {len(way) - _HEAD - _TAIL} more ...", *way[-_TAIL:])
    page.under(" -> ".join(way) if way else "no device saw it")
    if outcome is not Verdict.DELIVERED:
        page.under(sentence(recorder, packet))


def _replies(recorder: Recorder, packet: int) -> list[int]:
    return [child for child in offspring(recorder, packet) if recorder.born(child).relation == "reply"]


def _minimal(page: Page, recorder: Recorder, packet: int, title: str = "") -> None:
    _head(page, recorder, packet, title)
    for reply in _replies(recorder, packet):
        _minimal(page, recorder, reply, "reply: ")


# ------------------------------------------------------------------------------------------------------- summary


def _summary(page: Page, recorder: Recorder, packet: int) -> None:
    _head(page, recorder, packet, _TITLES.get(recorder.born(packet).relation, ""))
    nested: set[int] = set()
    handled = hops(recorder, packet)
    left_out = handled[_HEAD:-_TAIL] if len(handled) > _HEAD + _TAIL + 1 else ()
    for hop in handled:
        if hop not in left_out:
            _hop(page, recorder, hop, nested)
        elif hop is left_out[0]:
            page.block(hop.steps[0].time, f"... {len(left_out)} more hops; the detailed text shows them")
    later = []
    for child in offspring(recorder, packet):
        if child in nested:
            continue
        if _is_arp(recorder, child):
            later.append(child)
        else:
            _summary(page, recorder, child)
    if later:
        page.head("later, because of this packet:")
    for child in later:
        _exchange(page, recorder, child, 0)


def _is_arp(recorder: Recorder, packet: int) -> bool:
    headers = opening(recorder, packet)
    return headers is not None and headers.find(Arp) is not None


def _hop(page: Page, recorder: Recorder, hop: Hop, nested: set[int]) -> None:
    kinds = {type(step.event) for step in hop.steps}
    role = next((text for kind, text in _ROLES if kind in kinds), "passes it on")
    if {Created, Dropped} <= kinds:
        role = "cannot send it"
    page.block(hop.steps[0].time, f"{hop.netns} {role}")
    used = ""
    events = [step.event for step in hop.steps]
    for step in hop.steps:
        event = step.event
        if isinstance(event, Created) or not telling(event, events):
            continue
        if isinstance(event, NeighbourChanged):
            if event.cause in {"used", "in-use"}:
                used = f", neighbour {event.ip} was {event.old}, now {event.new}"
            continue
        word, text = event_line(event)
        if isinstance(event, Transmitted):
            text, used = text + used, ""
        page.add(step.time, text, word, indent=2)
        if isinstance(event, Waiting):
            _requests(page, recorder, step, hop, nested)


def _requests(page: Page, recorder: Recorder, wait: Record, hop: Hop, nested: set[int]) -> None:
    """The ARP exchanges that a datagram waited for."""
    for request in requests_for(recorder, wait, hop.steps):
        nested.add(request)
        _exchange(page, recorder, request, _NESTED)


def _exchange(page: Page, recorder: Recorder, packet: int, indent: int) -> None:
    """An ARP request and its answer, a line each: who heard it and what it taught, who answered and why or why not."""
    headers = opening(recorder, packet)
    message = headers.find(Arp) if headers is not None else None
    if message is None:
        return
    word = "probe" if recorder.born(packet).relation == "probe" else "arp"
    sent, heard = _times(recorder, packet)
    question = f"who-has {message.tpa} tell {message.spa}"
    page.add(sent, f"{question}, {_from_to(recorder, packet, indent)}{_learned(recorder, packet)}", word, indent=indent)
    replies = _replies(recorder, packet)
    if not replies or verdict(recorder, packet) is not Verdict.DELIVERED:
        page.add(heard, _silence(recorder, packet), indent=indent + 7)
    for reply in replies:
        answer = opening(recorder, reply)
        told = answer.find(Arp) if answer is not None else None
        sent, heard = _times(recorder, reply)
        if told is not None:
            page.add(sent, f"{told.spa} is-at {told.sha}{_reason(recorder, packet)}", indent=indent + 7)
        if verdict(recorder, reply) is not Verdict.DELIVERED:
            page.add(heard, _silence(recorder, reply), indent=indent + 7)


def _times(recorder: Recorder, packet: int) -> tuple[int, int]:
    """When a packet was sent and when it ended."""
    records = recorder.select((packet,))
    sent = [record.time for record in records if isinstance(record.event, Transmitted)]
    times = [record.time for record in records] or [0]
    return (sent or times)[0], times[-1]


def _learned(recorder: Recorder, packet: int) -> str:
    changes = [
        r.event
        for r in recorder.select((packet,))
        if isinstance(r.event, NeighbourChanged) and r.event.cause != "resolve"
    ]
    return "".join(f", which learns {change.ip}" for change in changes if change.cause == "request")


def _reason(recorder: Recorder, packet: int) -> str:
    """Who answered a request, and by what right."""
    record = outcome(recorder, packet)
    event = record.event if record is not None else None
    if record is None or not isinstance(event, Delivered):
        return ""
    if event.note == "answered" or event.by is None:
        return f", from {record.netns}"
    return f", from {record.netns} as a proxy: {noted(event.by)}"


def _silence(recorder: Recorder, packet: int) -> str:
    record = outcome(recorder, packet)
    event = record.event if record is not None else None
    if record is None or not isinstance(event, Delivered):
        return sentence(recorder, packet)
    if event.note in ARP_TAKEN:
        return f"{record.netns} has {event.note} it, and no answer was sent yet"
    because = f": {noted(event.by)}" if event.by is not None else ""
    return f"{record.netns} does not answer, {event.note}{because}"


def _from_to(recorder: Recorder, packet: int, nested: int) -> str:
    """From where to where; what is nested in a hop starts there."""
    way = path(recorder, packet)
    if not way:
        return "no device saw it"
    end = outcome(recorder, packet)
    # A fabric that takes a frame has no device: its name stands for one.
    taken_by = [end.netns] if end is not None and end.netns != way[-1].partition(":")[0] else []
    places = [*way, *taken_by]
    if len(places) == 1:
        return f"seen at {way[0]} only"
    return f"to {places[-1]}" if nested else f"{places[0]} > {places[-1]}"


# ------------------------------------------------------------------------------------------------------ detailed


def _detailed(page: Page, recorder: Recorder, packet: int) -> None:
    _head(page, recorder, packet)
    page.lines.append("")
    tree = recorder.select(descendants(recorder, packet))
    places = min(max((len(record.netns) for record in tree), default=0), 28)
    numbers = max((len(str(record.packet)) for record in tree), default=1)
    for record in tree:
        event = record.event
        if isinstance(event, Created):
            kin = f"{event.relation} of #{event.parent}, " if event.parent else ""
            word, text = "create", f"{kin}{name(recorder, record.packet)}"
        elif isinstance(event, Received | Transmitted):
            word, text = frame_line(event)
        elif isinstance(event, RuleMatched):
            word, text = "rule", trace_line(event)
        else:
            word, text = event_line(event)
        page.add(record.time, text, f"#{record.packet:<{numbers}} {record.netns:<{places}} {word:<6}")
