"""Keeping the records of the packets one cares about, as long as somebody cares.

The log is a stream and retains nothing. A ``Recorder`` retains the records of the packets it follows: those it was told of, and every
packet that was born for one of them (ARP, replies, ICMP errors, probes, copies), at any depth and however much later.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Self

from podwire.trace.events import TERMINAL, Created, NeighbourChanged
from podwire.trace.log import Log, Record


class Recorder:
    """The retained records, and who was born for whom.

    With a ``log`` the recorder listens until nothing refers to it any more: traces do, so a probe that fires in five seconds still lands
    in the trace that somebody holds. The log itself refers to it weakly. Nothing that a recorder holds leads back to it, so
    reference counting ends it at a definite moment, and the log is quiet again.
    """

    __slots__ = ("__weakref__", "_born", "_children", "_followed", "_indexed", "_open", "_packets", "_records")

    def __init__(self, log: Log | None = None) -> None:
        self._records: list[Record] = []
        self._followed: set[int] = set()
        self._open: set[int] = set()
        # What follows is made from the records when somebody asks, so that listening costs a look-up and an append.
        self._indexed = 0
        self._packets: dict[int, list[int]] = {}
        self._children: dict[int, list[int]] = {}
        self._born: dict[int, Created] = {}
        if log is not None:
            sink = _tap(weakref.ref(self))
            log.attach(sink)
            weakref.finalize(self, log.detach, sink).atexit = False

    @classmethod
    def of(cls, records: Iterable[Record]) -> Self:
        """A recorder that listens to no log and follows every packet of ``records``."""
        recorder = cls()
        for record in records:
            recorder.follow(record.packet)
            recorder.take(record)
        return recorder

    def follow(self, packet: int) -> None:
        """Retain what happens to ``packet`` from now on, and to whatever is born for it."""
        if packet not in self._followed:
            self._followed.add(packet)
            self._open.add(packet)

    def take(self, record: Record) -> None:
        """The sink: retain the record if it is about a packet that is followed, or the birth of one that from now on is."""
        event = record.event
        if type(event) is Created and event.parent in self._followed:
            self.follow(record.packet)
        if record.packet in self._followed:
            self._records.append(record)

    def _index(self) -> None:
        """Bring the indexes up to date. ``_packets`` holds the positions of a packet's records."""
        for position in range(self._indexed, len(self._records)):
            record = self._records[position]
            packet, event = record.packet, record.event
            self._packets.setdefault(packet, []).append(position)
            if type(event) is Created and packet not in self._born:
                self._born[packet] = event
                self._children.setdefault(event.parent, []).append(packet)
            elif isinstance(event, TERMINAL):
                self._open.discard(packet)
        self._indexed = len(self._records)

    @property
    def records(self) -> tuple[Record, ...]:
        """Everything retained, in the order of the log."""
        return tuple(self._records)

    @property
    def finished(self) -> bool:
        """True when no packet that is followed is still under way."""
        self._index()
        return not self._open

    def born(self, packet: int) -> Created:
        """The birth of a packet; one that was never seen was born for nobody."""
        self._index()
        return self._born.get(packet) or Created()

    def children(self, packet: int) -> tuple[int, ...]:
        """The packets born for ``packet``, oldest first."""
        self._index()
        return tuple(self._children.get(packet, ()))

    def select(self, packets: Iterable[int]) -> tuple[Record, ...]:
        """The records of some packets, in order of time, in the log's order where times are equal."""
        self._index()
        positions = [position for packet in packets for position in self._packets.get(packet, ())]
        return tuple(sorted((self._records[i] for i in sorted(positions)), key=_time))

    def neighbour(self, netns: str, dev: str, ip: int) -> Sequence[Record]:
        """What happened to one neighbour entry, as far as followed packets had a part in it."""
        return [
            record
            for record in self._records
            if record.netns == netns
            and isinstance(record.event, NeighbourChanged)
            and (record.event.dev, record.event.ip) == (dev, ip)
        ]


def _time(record: Record) -> int:
    return record.time


def _tap(recorder: weakref.ref[Recorder]) -> Callable[[Record], None]:
    def sink(record: Record) -> None:
        target = recorder()
        if target is not None:
            target.take(record)

    return sink
