"""What every log of records has to satisfy, whatever was simulated. Used by tests and property tests."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from podwire.trace.events import (
    TERMINAL,
    BpfTrace,
    Created,
    Decapsulated,
    Encapsulated,
    Flooded,
    Forwarded,
    Fragmented,
    NeighbourChanged,
    Reassembled,
    Received,
    Transmitted,
)
from podwire.trace.log import Record
from podwire.wire.headers import IPv4


def check_invariants(records: Iterable[Record], *, finished: bool = False) -> list[str]:
    """The invariants that the records violate, a sentence each; an empty list is what one wants.

    - A packet begins with its one ``Created`` and has at most one terminal event (exactly one with ``finished``).
    - Nothing follows the terminal event, except that a neighbour entry which the packet used may change by a timer.
    - Hops chain: a frame is received after it was transmitted, or born, or passed up inside one namespace.
    - The TTL of the outermost header never rises while it is the same header. Time never runs backwards.
    - Packet 0 is none (a neighbour entry that a person changed).
    - A parent is born before its child, and what a flood, a cut or a reassembly names exists.
    """
    log = list(records)
    packets: dict[int, list[Record]] = {}
    for record in log:
        if record.packet:
            packets.setdefault(record.packet, []).append(record)
    found = [
        f"time runs backwards, from {before.time} to {after.time}, at packet {after.packet}"
        for before, after in pairwise(log)
        if after.time < before.time
    ]
    for packet, own in packets.items():
        problems = [*_life(own, finished=finished), *_chain(own), *_ttl(own), *_relatives(own, packets)]
        found += [f"packet {packet}: {problem}" for problem in problems]
    return found


def _life(own: list[Record], *, finished: bool) -> Iterable[str]:
    births = [i for i, record in enumerate(own) if isinstance(record.event, Created)]
    if not births:
        yield "was never created"
    elif births[0] != 0:
        yield f"{type(own[0].event).__name__} before it was created"
    if len(births) > 1:
        yield "was created twice"
    ends = [i for i, record in enumerate(own) if isinstance(record.event, TERMINAL)]
    if len(ends) > 1:
        yield f"ended twice: {type(own[ends[0]].event).__name__} and {type(own[ends[1]].event).__name__}"
    if not ends and finished:
        yield "never ended"
    for record in own[ends[0] + 1 :] if ends else ():
        if not isinstance(record.event, (*TERMINAL, NeighbourChanged)):
            yield f"{type(record.event).__name__} after its end"


def _chain(own: list[Record]) -> Iterable[str]:
    before: Record | None = None
    traced = False
    for record in own:
        event = record.event
        if isinstance(event, Received) and before is not None and not isinstance(before.event, Created | Transmitted):
            # A bridge port passes the frame up to its bridge, a tunnel device to its own kind: same namespace, another device.
            passed_up = before.netns == record.netns and getattr(before.event, "dev", "") != event.dev
            # A program hands it over to a pod (bpf_redirect_peer).
            passed_up = passed_up or (traced and before.machine == record.machine)
            if not passed_up:
                yield f"received at {record.netns}:{event.dev} without having been transmitted"
        traced = traced or isinstance(event, BpfTrace)
        if isinstance(event, Created | Received | Transmitted):
            before, traced = record, False


def _ttl(own: list[Record]) -> Iterable[str]:
    last: int | None = None
    for record in own:
        event = record.event
        if isinstance(event, Encapsulated | Decapsulated):
            # Another header is the outermost from here on.
            last = None
        ttl = event.ttl if isinstance(event, Forwarded) else None
        if isinstance(event, Received | Transmitted):
            ip = event.frame.find(IPv4)
            ttl = ip.ttl if ip is not None else None
        if ttl is None:
            continue
        if last is not None and ttl > last:
            yield f"its ttl rose from {last} to {ttl} in {record.netns}"
        last = ttl


def _relatives(own: list[Record], packets: dict[int, list[Record]]) -> Iterable[str]:
    for record in own:
        event = record.event
        if isinstance(event, Created) and event.parent and event.parent in packets:
            birth = packets[event.parent][0]
            if record.time < birth.time or event.parent == record.packet:
                yield f"was born before its parent {event.parent}"
        named: tuple[int, ...] = event.ids if isinstance(event, Flooded | Fragmented) else ()
        if isinstance(event, Reassembled):
            named = (event.into,)
        for other in named:
            if other not in packets:
                yield f"{type(event).__name__} names packet {other}, which never was"
