"""An L2 segment: a switch that learns addresses, one port a NIC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.fabric.port import Port
from podwire.trace.events import ByFabric, Created, Dropped, Flooded
from podwire.trace.reasons import DropReason
from podwire.wire.addr import Ip, Mac, Net
from podwire.wire.headers import Ethernet

if TYPE_CHECKING:
    from podwire.fabric.network import Network
    from podwire.linux.link import Link
    from podwire.wire.packet import Packet

LATENCY: Final = 250_000
"""What a frame takes from NIC to NIC by default: 250 µs (design: the packet path)."""


class Segment:
    """``cidr`` is what its hosts are numbered from; the switch itself has no address.

    ``latency`` in ns, ``mtu`` in bytes.
    """

    def __init__(self, network: Network, name: str, cidr: Net, *, mtu: int = 1500, latency: int = LATENCY) -> None:
        self.network = network
        self.name = name
        self.cidr = cidr
        self.mtu = mtu
        self.latency = latency
        self.names: dict[Ip, str] = {}
        self._ports: list[Port] = []
        self._learned: dict[Mac, Port] = {}
        network.add_fabric(self)

    def new_port(self) -> Port:
        """A socket for a NIC."""
        port = Port(self.network, self.latency, self._forward)
        self._ports.append(port)
        return port

    def links(self) -> list[Link]:
        """The NICs that are plugged in, in the order in which they came."""
        return [port.link for port in self._ports if port.link is not None]

    def reverse_name(self, ip: Ip) -> str | None:
        """Names that the lab gave; a plain segment has no DNS."""
        return self.names.get(ip)

    def _forward(self, source: Port, frame: Packet, packet_id: int) -> None:
        header = frame.layers[0]
        assert isinstance(header, Ethernet)  # noqa: S101 - cables carry Ethernet
        if header.src and not header.src.is_multicast:
            self._learned[header.src] = source
        known = None if header.dst.is_multicast else self._learned.get(header.dst)
        targets = (
            [known]
            if known is not None
            else [port for port in self._ports if port is not source and port.link is not None]
        )
        if known is source:
            targets = []
        if not targets:
            why = ByFabric(self.name, f"no other port on segment {self.name}")
            self.network.emit(self.name, packet_id, Dropped("segment", DropReason.FABRIC, why))
            return
        if len(targets) == 1:
            targets[0].deliver(frame, packet_id)
            return
        ids = tuple(self.network.new_packet_id() for _ in targets)
        self.network.emit(self.name, packet_id, Flooded(ids))
        for copy_id in ids:
            self.network.emit(self.name, copy_id, Created(packet_id, "copy"))
        for port, copy_id in zip(targets, ids, strict=True):
            port.deliver(frame, copy_id)
