"""An L2 segment: a switch that learns addresses, one port a NIC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.fabric.loss import Loss, lost
from podwire.fabric.port import Port
from podwire.trace.events import ByFabric, Created, Dropped, Flooded, Owner
from podwire.trace.reasons import DropReason
from podwire.wire.addr import Ip, Mac, Net
from podwire.wire.headers import Ethernet

if TYPE_CHECKING:
    from podwire.fabric.network import Network
    from podwire.linux.link import Link
    from podwire.wire.packet import Packet

LATENCY: Final = 250_000
"""What a frame takes from NIC to NIC by default: 250 µs (design: the packet path)."""
_HEADER: Final = 14


def too_long(name: str, frame: Packet, mtu: int) -> ByFabric | None:
    """Why a network of that name does not carry a frame, if it is longer than its MTU and an Ethernet header."""
    return None if (size := frame.size) - _HEADER <= mtu else _too_long(name, size, mtu)


def _too_long(name: str, size: int, mtu: int) -> ByFabric:
    why = f"network {name} carries packets of at most {mtu} bytes, and this one has {size - _HEADER}"
    return ByFabric(name, why, Owner("lab", f"network {name}", f"mtu {mtu}"), "network-mtu")


def taken_by(name: str, frame: Packet, drops: tuple[Loss, ...]) -> ByFabric | None:
    """Why a network of that name loses a frame on purpose, if it does."""
    loss = lost(frame, drops) if drops else None
    if loss is None:
        return None
    return ByFabric(name, f"network {name} loses {loss.text}", Owner("lab", f"network {name}", "drops"), "loss")


class Switch:
    """A learning switch. ``latency`` in ns, ``mtu`` in bytes, ``drops`` what it loses; all but the first may be changed later."""

    def __init__(self, network: Network, name: str, *, mtu: int, latency: int, drops: tuple[Loss, ...]) -> None:
        self.network = network
        self.name = name
        self.mtu = mtu
        self.latency = latency
        self.drops = drops
        self._ports: list[Port] = []
        self._learned: dict[Mac, Port] = {}

    def new_port(self) -> Port:
        """A socket for a NIC."""
        port = Port(self.network, self.latency, self._forward)
        self._ports.append(port)
        return port

    def links(self) -> list[Link]:
        """The NICs that are plugged in, in the order in which they came."""
        return [port.link for port in self._ports if port.link is not None]

    def _discard(self, packet_id: int, by: ByFabric) -> None:
        self.network.emit(self.name, packet_id, Dropped("segment", DropReason.FABRIC, by))

    def _forward(self, source: Port, frame: Packet, packet_id: int, size: int) -> None:
        refusal = _too_long(self.name, size, self.mtu) if size - _HEADER > self.mtu else None
        if refusal is None and self.drops:
            refusal = taken_by(self.name, frame, self.drops)
        if refusal is not None:
            self._discard(packet_id, refusal)
            return
        header: Ethernet = frame.layers[0]  # type: ignore[assignment] # cables carry Ethernet
        src = header.src
        if self._learned.get(src) is not source and src and not src.is_multicast:
            self._learned[src] = source
        targets = self._targets(source, header.dst)
        if not targets:
            why = f"no other port on segment {self.name}"
            self._discard(packet_id, ByFabric(self.name, why, Owner("lab", f"network {self.name}"), "no-port"))
            return
        if len(targets) == 1:
            self._hand(targets[0], source, frame, packet_id, size)
            return
        ids = tuple(self.network.new_packet_id() for _ in targets)
        self.network.emit(self.name, packet_id, Flooded(ids))
        for copy_id in ids:
            self.network.emit(self.name, copy_id, Created(packet_id, "copy"))
        for port, copy_id in zip(targets, ids, strict=True):
            self._hand(port, source, frame, copy_id, size)

    def _targets(self, source: Port, dst: Mac) -> list[Port]:
        """The port that an address was learned behind; else all others where something is plugged in."""
        # No group is ever learned.
        known = self._learned.get(dst)
        if known is not None:
            return [] if known is source else [known]
        return [port for port in self._ports if port is not source and self._plugged(port)]

    def _plugged(self, port: Port) -> bool:
        return port.link is not None

    def _hand(self, target: Port, source: Port, frame: Packet, packet_id: int, size: int) -> None:
        """The frame, which has ``size`` bytes, leaves by ``target``."""
        target.deliver(frame, packet_id, size)


class Segment(Switch):
    """A switch of its own. ``cidr`` is what its hosts are numbered from; the switch itself has no address."""

    def __init__(
        self,
        network: Network,
        name: str,
        cidr: Net,
        *,
        mtu: int = 1500,
        latency: int = LATENCY,
        drops: tuple[Loss, ...] = (),
    ) -> None:
        super().__init__(network, name, mtu=mtu, latency=latency, drops=drops)
        self.cidr = cidr
        self.names: dict[Ip, str] = {}
        network.add_fabric(self)

    def reverse_name(self, ip: Ip) -> str | None:
        """Names that the lab gave; a plain segment has no DNS."""
        return self.names.get(ip)
