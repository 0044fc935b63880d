"""Stories of neighbour entries: who was asked for a MAC, who needed no question, and why a probe came seconds later.

The states and their causes: RFC 4861 section 7.3, net/core/neighbour.c; kernel sheet facts F8 to F11 and F14.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from podwire.trace.events import Created, NeighbourChanged, Waiting
from podwire.trace.fate import requests_for, sentence, taken
from podwire.trace.fold import Hop, hops, offspring, opening, outcome, verdict
from podwire.trace.log import Record
from podwire.trace.reasons import Verdict
from podwire.trace.recorder import Recorder
from podwire.trace.words import clock
from podwire.wire.addr import Ip
from podwire.wire.headers import Arp

_CHANGES: Final = MappingProxyType(
    {
        "request": "learned from {ip}'s own ARP request at {at} ({new}, known but not confirmed)",
        "reply": "confirmed by an ARP answer at {at} ({new})",
        "gratuitous": "changed by an unasked-for ARP at {at} ({new})",
        "used": "used at {at}, which starts a delay ({new})",
        "in-use": "used again at {at} after reachable_time was over ({new})",
        "unconfirmed": "still not confirmed {elapsed} later ({new})",
        "confirmed": "confirmed by an upper layer at {at} ({new})",
        "resolve": "unknown at {at}, so that everybody was asked ({new})",
        "reachable-time": "last confirmed longer ago than reachable_time at {at} ({new})",
        "no-answer": "given up at {at} because nobody answered ({new})",
        "admin": "written by hand at {at} ({new})",
    }
)
_LEARNED: Final = frozenset({"request", "reply", "gratuitous", "admin", "resolve"})
"""Causes that begin a story: what was before no longer matters."""


def story(recorder: Recorder, netns: str, dev: str, ip: Ip, *, until: int, zero: int) -> str:
    """What became of an entry up to a time, told from the last time it learned something: ``learned from … (STALE), used …``."""
    changes = [record for record in recorder.neighbour(netns, dev, ip) if record.time <= until]
    starts = [i for i, record in enumerate(changes) if _cause(record) in _LEARNED]
    told = changes[starts[-1] :] if starts else changes
    clauses = []
    before = zero
    for record in told:
        event = record.event
        assert isinstance(event, NeighbourChanged)  # noqa: S101 - Recorder.neighbour selects nothing else
        template = _CHANGES.get(event.cause, event.cause + " at {at} ({new})")
        names = {"ip": ip, "at": clock(record.time - zero), "elapsed": clock(record.time - before), "new": event.new}
        clauses.append(template.format_map(names))
        before = record.time
    return ", ".join(clauses)


def _cause(record: Record) -> str:
    return record.event.cause if isinstance(record.event, NeighbourChanged) else ""


def resolutions(recorder: Recorder, packet: int, zero: int) -> list[str]:
    """For each hop of a datagram that had to ask for a MAC, or used one that nobody had confirmed: a sentence."""
    found = []
    for hop in hops(recorder, packet):
        for record in hop.steps:
            event = record.event
            if isinstance(event, Waiting):
                found.extend(_asked(recorder, record, hop))
            elif isinstance(event, NeighbourChanged) and event.cause in {"used", "in-use"}:
                past = story(recorder, hop.netns, event.dev, event.ip, until=record.time, zero=zero)
                found.append(f"{hop.netns} needed no ARP for {event.ip}: its entry on {event.dev} was {past}.")
    return found


def _asked(recorder: Recorder, wait: Record, hop: Hop) -> list[str]:
    requests = requests_for(recorder, wait, hop.steps)
    answered = [request for request in requests if verdict(recorder, request) is Verdict.DELIVERED]
    if not answered or not isinstance(wait.event, Waiting):
        return []
    question = f"{wait.netns} did not know the MAC of {wait.event.ip} on {wait.event.dev} and asked by ARP"
    return [f"{question}: {taken(recorder, answered[-1])}."]


def arp_answer(recorder: Recorder, packet: int) -> Arp | None:
    """The answer to an ARP request, if it arrived."""
    for child in offspring(recorder, packet):
        headers = opening(recorder, child)
        arp = headers.find(Arp) if headers is not None else None
        if (
            arp is not None
            and recorder.born(child).relation == "reply"
            and verdict(recorder, child) is Verdict.DELIVERED
        ):
            return arp
    return None


def probe(recorder: Recorder, packet: int, zero: int) -> str:
    """Why a neighbour probe was sent, and what came of it; empty for a packet that is none."""
    headers = opening(recorder, packet)
    arp = headers.find(Arp) if headers is not None else None
    if arp is None or recorder.born(packet).relation != "probe":
        return ""
    birth = next(record for record in recorder.select((packet,)) if isinstance(record.event, Created))
    dev = _first(hops(recorder, packet)).out_dev
    past = story(recorder, birth.netns, dev, arp.tpa, until=birth.time, zero=zero)
    on = f" on {dev}" if dev else ""
    return (
        f"At {clock(birth.time - zero)} {birth.netns} asked {arp.tpa} by unicast whether it is still there, "
        f"{_result(recorder, packet)}: its entry{on} was {past or 'not confirmed in time'}. "
        "Forwarding and ICMP confirm no entry; an ARP answer or the progress of a TCP connection does."
    )


def _first(handled: tuple[Hop, ...]) -> Hop:
    return handled[0] if handled else Hop("", "", "", "", ())


def _result(recorder: Recorder, packet: int) -> str:
    record = outcome(recorder, packet)
    if record is None:
        return "and the question is under way"
    if arp_answer(recorder, packet) is not None:
        return f"and {record.netns} answered"
    return f"and got no answer ({sentence(recorder, packet).rstrip('.')})"
