"""The event log: a stream of records. It keeps nothing; only sinks in use retain what they want."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from podwire.trace.events import AnyEvent


class Record(msgspec.Struct, frozen=True, gc=False):
    """One event.

    Virtual time in ns, the machine, the namespace's label (``default/pod1``, ``node1``), the packet's id.
    """

    time: int
    machine: str
    netns: str
    packet: int
    event: AnyEvent


Sink = Callable[[Record], None]


class Log:
    """Hands every record to every sink, in the order in which the sinks came.

    ``on`` is true while there is a sink: the packet path asks it before it builds an event. ``write`` takes a record; so does ``sink``,
    which is None while nobody listens: what is asked for every packet asks once.
    """

    __slots__ = ("_sinks", "on", "sink", "write")

    def __init__(self) -> None:
        self._keep(())

    def _keep(self, sinks: tuple[Sink, ...]) -> None:
        self._sinks = sinks
        self.on = bool(sinks)
        # The usual case is one sink, and every event of a packet passes here: no call in between.
        self.write: Sink = sinks[0] if len(sinks) == 1 else self._write_all
        self.sink: Sink | None = self.write if sinks else None

    def _write_all(self, record: Record) -> None:
        for sink in self._sinks:
            sink(record)

    def attach(self, sink: Sink) -> None:
        """Add a sink; it sees what happens from now on."""
        self._keep((*self._sinks, sink))

    def detach(self, sink: Sink) -> None:
        """Remove a sink; unknown ones are ignored."""
        self._keep(tuple(s for s in self._sinks if s != sink))

    def emit(self, time: int, machine: str, netns: str, packet: int, event: AnyEvent) -> None:
        """Append one record."""
        self.write(Record(time, machine, netns, packet, event))
