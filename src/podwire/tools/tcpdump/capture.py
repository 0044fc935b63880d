"""A live capture: a fold over the event log.

A sink takes the frames that pass the filter from the log and wakes the tool, which prints them once the machine has done
what it was doing: as with the real tool, a reply may be counted before the request is printed.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from podwire.export.pcap import ARPHRD_ETHER, Sll2
from podwire.tools.tcpdump.devices import Device, find
from podwire.tools.tcpdump.filter import Filter, Frame
from podwire.tools.tcpdump.link import DLT_LINUX_SLL, DLT_LINUX_SLL2
from podwire.trace.events import PACKET_OUTGOING, Received, Transmitted
from podwire.trace.log import Record
from podwire.wire.headers import ETH_P_IP, Ethernet
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.tools.process import Process

_COOKED: Final = frozenset({DLT_LINUX_SLL, DLT_LINUX_SLL2})


class Taken(NamedTuple):
    """A frame that passed: its time, and the frame with the capture's link header."""

    time: int
    frame: Frame


class Tap:
    """Sees every frame that one device of a namespace, or all, receives and sends.

    ``device`` None stands for ``any``; ``direction`` is that of ``-Q``. ``received`` counts what the filter let pass,
    ``taken`` holds what of it is to be printed, ``limit`` frames at most (-1: no limit).
    """

    def __init__(
        self, process: Process, device: Device | None, link_type: int, wanted: Filter, *, direction: str, limit: int
    ) -> None:
        self._process = process
        self._place = process.place
        self._netns = process.place.netns.label
        self._device = device
        self._link_type = link_type
        self._wanted = wanted
        self._direction = direction
        self._left = limit
        self._waking = False
        self._devices: dict[str, Device | None] = {}
        self.received = 0
        self.taken: deque[Taken] = deque()

    def __call__(self, record: Record) -> None:
        """The sink of the log."""
        event = record.event
        if not isinstance(event, Received | Transmitted) or record.netns != self._netns:
            return
        if self._device is not None and event.dev != self._device.name:
            return
        outgoing = isinstance(event, Transmitted)
        device = self._device or self._find(event.dev)
        kind = PACKET_OUTGOING if isinstance(event, Transmitted) else event.pkt_type
        frame = self._frame(event.frame, device, kind)
        if not self._wanted(frame):
            return
        self.received += 1
        # libpcap sorts these out behind the kernel's filter; on lo each frame comes again as a received one.
        if outgoing and device is not None and device.loopback:
            return
        if self._direction == ("in" if outgoing else "out"):
            return
        if self._left == 0:
            return
        self._left -= 1
        self.taken.append(Taken(record.time, frame))
        if not self._waking:
            self._waking = True
            self._process.wake()

    def drain(self) -> list[Taken]:
        """What came since the last time."""
        self._waking = False
        frames = list(self.taken)
        self.taken.clear()
        return frames

    def _find(self, name: str) -> Device | None:
        if name not in self._devices:
            self._devices[name] = find(self._place, name)
        return self._devices[name]

    def _frame(self, packet: Packet, device: Device | None, packet_type: int) -> Frame:
        ifindex = device.ifindex if device else 0
        length = packet.size + len(packet.trailer)
        if self._link_type not in _COOKED:
            return Frame(None, length, packet=packet, packet_type=packet_type, ifindex=ifindex)
        kind, address = ETH_P_IP, b""
        first = packet.layers[0] if packet.layers else None
        if isinstance(first, Ethernet):
            kind, address, packet = first.type, first.src.to_bytes(6), packet.pull()
            length -= first.size
        arphrd = device.arphrd if device else ARPHRD_ETHER
        if self._link_type == DLT_LINUX_SLL2:
            head = Sll2(kind, ifindex, arphrd, packet_type, address).to_bytes()
        else:
            numbers = (packet_type, arphrd, len(address))
            head = b"".join(number.to_bytes(2) for number in numbers) + address.ljust(8, b"\0") + kind.to_bytes(2)
        # The kernel's filter sees a cooked packet without its header: ``len`` is that of the IP datagram.
        return Frame(None, length, packet=packet, head=head, packet_type=packet_type, ifindex=ifindex)
