"""The end of a cable: joins a machine's NIC to a fabric."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from podwire.linux.skb import Skb
from podwire.trace.events import ByFabric, Dropped
from podwire.trace.reasons import DropReason
from podwire.wire.headers import Ethernet
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.fabric.network import Network
    from podwire.linux.link import Link

_ETH_HLEN: Final = 14


class Port:
    """What a NIC transmits goes to ``forward`` (port, frame, id, size in bytes) after ``latency`` ns; ``deliver`` hands a frame to the NIC.

    Only headers cross: marks and pending confirmations stay behind (F27).
    """

    def __init__(self, network: Network, latency: int, forward: Callable[[Port, Packet, int, int], None]) -> None:
        self.network = network
        self.latency = latency
        self.link: Link | None = None
        self._forward = forward

    def transmit(self, frame: Packet, packet_id: int, size: int) -> None:
        """The NIC put a frame of ``size`` bytes on the cable."""
        network = self.network
        network.at(network.now + self.latency, partial(self._forward, self, frame, packet_id, size))

    def deliver(self, frame: Packet, packet_id: int, size: int = 0) -> None:
        """The frame arrives at the NIC, now. ``size`` is its own, where the caller knows it."""
        link = self.link
        if link is None:
            if self.network.log.on:
                why = ByFabric("cable", "no machine is plugged in where the frame arrives")
                self.network.emit("cable", packet_id, Dropped("cable", DropReason.FABRIC, why))
            return
        header: Ethernet = frame.layers[0]  # type: ignore[assignment] # cables carry Ethernet
        machine = link.netns.machine
        length = size - _ETH_HLEN if size else 0
        skb = Skb(Packet(frame.layers[1:], frame.payload, frame.trailer), packet_id, link, header, length)
        skb.frame = frame
        enqueue = machine.enqueue
        enqueue(skb)
        machine.run_softirq()
