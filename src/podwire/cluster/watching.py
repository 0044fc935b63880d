"""Following the packets of connections that a program opens: its own, and those of whoever answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from podwire.trace.events import Created, Delivered, Received, Translated
from podwire.trace.fold import network
from podwire.trace.recorder import Recorder
from podwire.trace.trace import Trace
from podwire.wire.addr import Ip
from podwire.wire.headers import IPv4, Tcp, Udp

if TYPE_CHECKING:
    from podwire.trace.log import Log, Record
    from podwire.wire.packet import Packet

End = tuple[Ip, int]
"""Address and port."""


class Arrival(msgspec.Struct, frozen=True):
    """Where a connection's first packet was taken: the namespace's label, and the two ends as they were seen there."""

    netns: str
    client: End
    server: End


class Watch:
    """Records every packet of the connections whose first packets ``adopt`` hears of.

    A packet belongs to a connection by its addresses and ports: as the client sees them, and as whoever took the first packet does.
    ``ids`` are the packets in the order of their births; ``arrivals`` the connections that somebody took, by their first packet.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        # First of the two: a packet is followed before its birth is recorded.
        log.attach(self._take)
        self.recorder: Final = Recorder(log)
        self.ids: list[int] = []
        self.arrivals: dict[int, Arrival] = {}
        self._own: set[int] = set()
        self._ways: set[tuple[End, End]] = set()

    def adopt(self, packet: int) -> None:
        """``on_send``: the client sends this one."""
        self._own.add(packet)
        self.recorder.follow(packet)

    def stop(self) -> None:
        """No further packets; those that are followed go on to be."""
        self._log.detach(self._take)

    @property
    def traces(self) -> tuple[Trace, ...]:
        """One for each packet."""
        return tuple(Trace(self.recorder, packet) for packet in self.ids)

    def _take(self, record: Record) -> None:
        event = record.event
        if type(event) is Created:
            way = _way(event.packet)
            if way is None:
                return
            if record.packet in self._own:
                self._ways |= {way, (way[1], way[0])}
            elif way not in self._ways or event.relation in {"fragment", "reassembly", "copy", "loopback"}:
                return
            self.recorder.follow(record.packet)
            self.ids.append(record.packet)
        elif type(event) is Delivered and event.to == "socket" and record.packet in self._own:
            self._arrive(record)

    def _arrive(self, record: Record) -> None:
        """Somebody took a packet of the client's: from here its peer's packets may have other addresses than the client knows."""
        way: tuple[End, End] | None = None
        for step in Trace(self.recorder, record.packet).records:
            if step.netns != record.netns:
                continue
            event = step.event
            if isinstance(event, Received):
                way = _way(network(event.frame)) or way
            elif isinstance(event, Translated) and way is not None:
                new = (event.new, event.new_port)
                way = (new, way[1]) if event.what == "SNAT" else (way[0], new)
        if way is not None:
            self.arrivals.setdefault(record.packet, Arrival(record.netns, *way))
            self._ways |= {way, (way[1], way[0])}


def _way(packet: Packet | None) -> tuple[End, End] | None:
    """Source and destination of the innermost TCP or UDP packet."""
    if packet is None:
        return None
    for index in range(len(packet.layers) - 1, 0, -1):
        transport, header = packet.layers[index], packet.layers[index - 1]
        if isinstance(transport, Tcp | Udp) and isinstance(header, IPv4):
            return (header.src, transport.sport), (header.dst, transport.dport)
    return None
