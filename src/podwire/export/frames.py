"""The frames of a stretch of the log, each with what was decided about it: what a pcapng file holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from podwire.export.pcap import ETHERNET, RAW
from podwire.export.pcapng import PcapngWriter
from podwire.trace.events import (
    TERMINAL,
    Created,
    Delivered,
    Dropped,
    NeighbourChanged,
    Received,
    Transmitted,
    Waiting,
)
from podwire.trace.eventtext import event_line
from podwire.trace.log import Record
from podwire.wire.addr import Ip
from podwire.wire.codec import to_bytes
from podwire.wire.headers import Ethernet
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.export.pcap import ByteSink


class Frame(msgspec.Struct):
    """One frame at one device.

    ``device`` is ``namespace:device``, ``time`` in ns, ``comments`` the decisions that led to it or ended it.
    """

    time: int
    device: str
    packet_id: int
    frame: Packet
    outbound: bool
    pkt_type: int = 0
    comments: list[str] = []


def frames_of(records: Iterable[Record]) -> list[Frame]:
    """The frames that taps saw, in order.

    What was decided between a packet's reception and its next transmission stands with the frame that left; what
    ended it stands with the frame that came in last.
    """
    frames: list[Frame] = []
    pending: dict[int, list[str]] = {}
    last: dict[int, Frame] = {}
    for record in records:
        event, packet = record.event, record.packet
        if isinstance(event, Received | Transmitted):
            outbound = isinstance(event, Transmitted)
            frame = Frame(
                record.time,
                f"{record.netns}:{event.dev}",
                packet,
                event.frame,
                outbound,
                0 if isinstance(event, Transmitted) else event.pkt_type,
            )
            if outbound:
                frame.comments = pending.pop(packet, [])
            frames.append(frame)
            last[packet] = frame
            continue
        if isinstance(event, Created):
            continue
        label, text = event_line(event)
        line = f"{label}: {text}" if not isinstance(event, NeighbourChanged | Waiting) else text
        if isinstance(event, TERMINAL) and isinstance(event, Delivered | Dropped) and packet in last:
            last[packet].comments += [*pending.pop(packet, []), line]
        else:
            pending.setdefault(packet, []).append(line)
    return frames


def write_pcapng(stream: ByteSink, frames: Iterable[Frame], names: Mapping[Ip, str]) -> int:
    """Write frames as pcapng: one interface block a device, decisions as comments, names of addresses.

    Returns the number of frames.
    """
    writer = PcapngWriter(stream)
    interfaces: dict[str, int] = {}
    if names:
        writer.names(dict(names))
    count = 0
    for frame in frames:
        number = interfaces.get(frame.device)
        if number is None:
            # Where one packet has no MAC header, none has: a device of IP in IP.
            framed = isinstance(frame.frame.layers[0], Ethernet) if frame.frame.layers else True
            number = interfaces[frame.device] = writer.interface(frame.device, ETHERNET if framed else RAW)
        writer.packet(number, frame.time, to_bytes(frame.frame), "\n".join(frame.comments), frame.outbound)
        count += 1
    return count
