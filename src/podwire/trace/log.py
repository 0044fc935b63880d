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

    ``on`` is true while there is a sink: the packet path asks it before it builds an event.
    """

    __slots__ = ("_sinks", "on")

    def __init__(self) -> None:
        self._sinks: tuple[Sink, ...] = ()
        self.on = False

    def attach(self, sink: Sink) -> None:
        """Add a sink; it sees what happens from now on."""
        self._sinks = (*self._sinks, sink)
        self.on = True

    def detach(self, sink: Sink) -> None:
        """Remove a sink; unknown ones are ignored."""
        self._sinks = tuple(s for s in self._sinks if s != sink)
        self.on = bool(self._sinks)

    def emit(self, time: int, machine: str, netns: str, packet: int, event: AnyEvent) -> None:
        """Append one record."""
        record = Record(time, machine, netns, packet, event)
        for sink in self._sinks:
            sink(record)
