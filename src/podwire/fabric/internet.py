"""The Internet: hosts with public addresses, each alone behind a gateway that answers every ARP request.

It takes no TTL and drops nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from podwire.fabric.port import Port
from podwire.fabric.segment import LATENCY
from podwire.trace.events import ByFabric, Carried, Created, Delivered, Dropped
from podwire.trace.reasons import DropReason
from podwire.wire.addr import Ip, Mac
from podwire.wire.headers import ARPOP_REPLY, ARPOP_REQUEST, ETH_P_ARP, ETH_P_IP, Arp, Ethernet, IPv4
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.fabric.network import Network

GATEWAY_MAC: Final = Mac.parse("02:00:00:00:00:01")


class Uplink(Protocol):
    """A fabric that hangs on the Internet."""

    def takes(self, ip: Ip) -> bool:
        """Whether packets to that address enter here."""

    def enter(self, frame: Packet, packet_id: int) -> None:
        """Take a packet from the Internet."""


class Internet:
    """Hosts by address, and the clouds that are reachable through it."""

    def __init__(self, network: Network, name: str = "internet", *, latency: int = LATENCY * 4) -> None:
        self.network = network
        self.name = name
        self.latency = latency
        self._hosts: dict[Ip, Port] = {}
        self._uplinks: list[Uplink] = []
        network.add_fabric(self)

    def add_uplink(self, uplink: Uplink) -> None:
        """A cloud joins."""
        self._uplinks.append(uplink)

    def new_port(self, ip: Ip) -> Port:
        """A socket for the NIC of the host with that address."""
        port = self._hosts[ip] = Port(self.network, self.latency, self._forward)
        return port

    def reverse_name(self, ip: Ip) -> str | None:
        """Hosts of the Internet have no names here."""

    def _forward(self, port: Port, frame: Packet, packet_id: int) -> None:
        header = frame.layers[1] if len(frame.layers) > 1 else None
        if isinstance(header, IPv4):
            self.carry(frame, packet_id)
        elif isinstance(header, Arp) and header.op == ARPOP_REQUEST and header.spa != header.tpa:
            reply = Packet(
                (
                    Ethernet(header.sha, GATEWAY_MAC, ETH_P_ARP),
                    Arp(ARPOP_REPLY, GATEWAY_MAC, header.tpa, header.sha, header.spa),
                )
            )
            reply_id = self.network.new_packet_id()
            self.network.emit(self.name, packet_id, Delivered("arp", "proxied"))
            self.network.emit(self.name, reply_id, Created(packet_id, "reply"))
            self.network.at(self.network.now + self.latency, lambda: port.deliver(reply, reply_id))
        else:
            self.network.emit(self.name, packet_id, Delivered("arp", "ignored"))

    def carry(self, frame: Packet, packet_id: int) -> None:
        """Take a packet to the host or cloud that has its destination."""
        ip = frame.layers[1]
        assert isinstance(ip, IPv4)  # noqa: S101 - the callers looked
        port = self._hosts.get(ip.dst)
        if port is not None and port.link is not None:
            link = port.link
            out = Packet((Ethernet(link.mac, GATEWAY_MAC, ETH_P_IP), *frame.layers[1:]), frame.payload, frame.trailer)
            if self.network.log.on:
                host = link.netns.label
                self.network.emit(self.name, packet_id, Carried(host, f"{ip.dst} is its address"))
            port.deliver(out, packet_id)
            return
        for uplink in self._uplinks:
            if uplink.takes(ip.dst):
                uplink.enter(frame, packet_id)
                return
        if self.network.log.on:
            why = ByFabric("internet", f"no host of the lab has {ip.dst}")
            self.network.emit(self.name, packet_id, Dropped("internet", DropReason.FABRIC, why))
