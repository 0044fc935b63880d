"""Folds over retained records: which packets carry one datagram, where it went, what became of it. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from podwire.trace.events import (
    TERMINAL,
    Created,
    Decapsulated,
    Delivered,
    Dropped,
    Encapsulated,
    Flooded,
    Fragmented,
    IcmpSent,
    NeighbourChanged,
    Reassembled,
    Received,
    Transmitted,
)
from podwire.trace.log import Record
from podwire.trace.reasons import DropReason, Verdict
from podwire.trace.recorder import Recorder
from podwire.wire.headers import (
    ICMP_DEST_UNREACH,
    ICMP_PARAMETERPROB,
    ICMP_TIME_EXCEEDED,
    TCP_RST,
    Ethernet,
    Tcp,
)
from podwire.wire.packet import Packet

SAME: Final = frozenset({"copy", "fragment", "reassembly"})
"""Relations of packets that carry the parent's datagram on; every other child is a datagram of its own."""
ARP_TAKEN: Final = frozenset({"answered", "proxied", "delayed", "learned", "responder"})
"""Notes of an ARP message that was of use to its receiver."""
_REJECTIONS: Final = frozenset({ICMP_DEST_UNREACH, ICMP_TIME_EXCEEDED, ICMP_PARAMETERPROB})
"""ICMP errors that say "it was discarded"; a redirect does not."""


class Hop(msgspec.Struct, frozen=True, gc=False):
    """One namespace's handling of the datagram: the first device it came in by, the last it left by (empty for none), its records."""

    machine: str
    netns: str
    in_dev: str
    out_dev: str
    steps: tuple[Record, ...]


# -------------------------------------------------------------------------------------------------- one datagram


def chain(recorder: Recorder, packet: int) -> tuple[int, ...]:
    """The packets the datagram was, one after the other: itself, then the copy, fragment or reassembled packet that decides its fate."""
    found: list[int] = []
    onward: int | None = packet
    while onward is not None and onward not in found:
        found.append(onward)
        onward = _onward(recorder, onward)
    return tuple(found)


def _onward(recorder: Recorder, packet: int) -> int | None:
    """The packet in which the datagram goes on after a flood, a fragmentation or a reassembly."""
    record = ending(recorder, packet)
    event = record.event if record is not None else None
    if isinstance(event, Reassembled):
        return event.into
    if isinstance(event, Flooded | Fragmented):
        # Of copies the luckiest reached the addressee; of fragments the unluckiest decides for the whole.
        best = max if isinstance(event, Flooded) else min
        own = [copy for copy in event.ids if recorder.born(copy).parent == packet]
        return best(own, key=lambda copy: _luck(recorder, copy), default=None)
    return None


def _luck(recorder: Recorder, packet: int) -> int:
    """How far a copy got: taken, rejected, under way, discarded by the addressee, and last of all not meant for its receiver."""
    record = outcome(recorder, packet)
    event = record.event if record is not None else None
    stranger = (isinstance(event, Dropped) and event.reason is DropReason.OTHERHOST) or (
        isinstance(event, Delivered) and event.note == "not-ours"
    )
    if stranger:
        return 0
    order = (Verdict.DROPPED, Verdict.UNKNOWN, Verdict.REJECTED, Verdict.DELIVERED)
    return 1 + order.index(verdict(recorder, packet))


def steps(recorder: Recorder, packet: int) -> tuple[Record, ...]:
    """The records of one datagram, in order."""
    return recorder.select(chain(recorder, packet))


def descendants(recorder: Recorder, packet: int) -> tuple[int, ...]:
    """A packet and everything that was born for it, at any depth: its tree."""
    found = {packet: None}
    queue = [packet]
    while queue:
        for child in recorder.children(queue.pop(0)):
            if child not in found:
                found[child] = None
                queue.append(child)
    return tuple(found)


def offspring(recorder: Recorder, packet: int) -> tuple[int, ...]:
    """The datagrams born for this one, oldest first: replies, ARP, probes, ICMP errors."""
    children = [child for member in chain(recorder, packet) for child in recorder.children(member)]
    births = recorder.select(child for child in children if recorder.born(child).relation not in SAME)
    return tuple(record.packet for record in births if type(record.event) is Created)


# ------------------------------------------------------------------------------------------------------ its fate


def ending(recorder: Recorder, packet: int) -> Record | None:
    """The terminal record of one packet, None while it is under way."""
    return next((record for record in recorder.select((packet,)) if isinstance(record.event, TERMINAL)), None)


def outcome(recorder: Recorder, packet: int) -> Record | None:
    """The terminal record of the datagram: of the packet that carries it last.

    It is a ``Flooded`` only where the flood reached nobody.
    """
    final = ending(recorder, chain(recorder, packet)[-1])
    if final is None or isinstance(final.event, Fragmented | Reassembled) or _copies(final):
        return None
    return final


def _copies(record: Record) -> bool:
    return isinstance(record.event, Flooded) and bool(record.event.ids)


def verdict(recorder: Recorder, packet: int) -> Verdict:
    """What became of the datagram."""
    record = outcome(recorder, packet)
    if record is None:
        return Verdict.UNKNOWN
    event = record.event
    if isinstance(event, Delivered):
        ignored = event.to == "arp" and event.note not in ARP_TAKEN
        return Verdict.DROPPED if ignored else Verdict.DELIVERED
    if isinstance(event, Dropped) and event.reason is DropReason.NOT_MODELLED:
        return Verdict.UNKNOWN
    return Verdict.REJECTED if _was_told(recorder, packet) else Verdict.DROPPED


def rejection(recorder: Recorder, packet: int) -> IcmpSent | None:
    """The last ICMP error that says the datagram was discarded, sent or withheld.

    One about the outer packet of a tunnel goes to the tunnel's own end: whoever sent the datagram hears nothing of it (F97).
    """
    found = [
        record.event
        for record, outer in tunnelled(recorder, packet)
        if outer is None and isinstance(record.event, IcmpSent) and record.event.type in _REJECTIONS
    ]
    return found[-1] if found else None


def tunnelled(recorder: Recorder, packet: int) -> Iterator[tuple[Record, Encapsulated | None]]:
    """The records of one datagram, each with the innermost encapsulation that it was in at that moment."""
    around: list[Encapsulated] = []
    for record in steps(recorder, packet):
        if isinstance(record.event, Decapsulated) and around:
            around.pop()
        yield record, around[-1] if around else None
        if isinstance(record.event, Encapsulated):
            around.append(record.event)


def _was_told(recorder: Recorder, packet: int) -> bool:
    error = rejection(recorder, packet)
    if error is not None and error.id:
        return True
    return any(is_reset(recorder, child) for child in offspring(recorder, packet))


def is_reset(recorder: Recorder, packet: int) -> bool:
    """True for a TCP segment that refuses another one."""
    if recorder.born(packet).relation == "reset":
        return True
    headers = opening(recorder, packet)
    tcp = headers.find(Tcp) if headers is not None else None
    return tcp is not None and bool(tcp.flags & TCP_RST)


# ----------------------------------------------------------------------------------------------------- its way


def opening(recorder: Recorder, packet: int) -> Packet | None:
    """The headers a datagram started with, without the MAC header; None if no record shows any."""
    for record in steps(recorder, packet):
        event = record.event
        if isinstance(event, Created) and event.packet is not None:
            return event.packet
        if isinstance(event, Transmitted | Received):
            return network(event.frame)
    return None


def network(frame: Packet) -> Packet:
    """A frame without its MAC header, if it has one."""
    return frame.pull() if frame.layers and isinstance(frame.layers[0], Ethernet) else frame


def path(recorder: Recorder, packet: int) -> tuple[str, ...]:
    """``namespace:device`` wherever the datagram was received or transmitted, equal neighbours merged."""
    result: list[str] = []
    for record in steps(recorder, packet):
        if isinstance(record.event, Received | Transmitted):
            place = f"{record.netns}:{record.event.dev}"
            if result[-1:] != [place]:
                result.append(place)
    return tuple(result)


def hops(recorder: Recorder, packet: int) -> tuple[Hop, ...]:
    """The namespaces that handled the datagram, in order.

    A hop begins where a frame comes in after one went out, or where another namespace speaks. A neighbour entry that changes later, by a
    timer, belongs to the hop that used it.
    """
    runs: list[list[Record]] = []
    for record in steps(recorder, packet):
        if isinstance(record.event, NeighbourChanged):
            earlier = [run for run in runs if run[0].netns == record.netns]
            if earlier:
                earlier[-1].append(record)
                continue
        if not runs or _crosses(runs[-1], record):
            runs.append([])
        runs[-1].append(record)
    return tuple(_hop(run) for run in runs)


def _crosses(run: Sequence[Record], record: Record) -> bool:
    if run[0].netns != record.netns:
        return True
    return isinstance(record.event, Received) and any(isinstance(step.event, Transmitted) for step in run)


def _hop(run: Sequence[Record]) -> Hop:
    came = next(_devices(run, Received), "")
    *_, left = "", *_devices(run, Transmitted)
    return Hop(run[0].machine, run[0].netns, came, left, tuple(run))


def _devices(run: Sequence[Record], kind: type[Received | Transmitted]) -> Iterator[str]:
    return (step.event.dev for step in run if isinstance(step.event, kind))
