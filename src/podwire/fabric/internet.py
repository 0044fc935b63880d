"""The Internet: hosts with public addresses, each alone behind a gateway that answers every ARP request.

It takes no TTL. It has no way to private addresses (RFC 1918), nor to those that nobody has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from podwire.errors import ConfigError
from podwire.fabric.port import Port
from podwire.fabric.segment import LATENCY
from podwire.trace.events import ByFabric, Carried, Created, Delivered, Dropped
from podwire.trace.reasons import DropReason
from podwire.wire.addr import Ip, Mac, Net
from podwire.wire.headers import ARPOP_REPLY, ARPOP_REQUEST, ETH_P_ARP, ETH_P_IP, Arp, Ethernet, IPv4
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.fabric.network import Network
    from podwire.linux.link import Link

GATEWAY_MAC: Final = Mac.parse("02:00:00:00:00:01")
_PRIVATE: Final = tuple(Net.parse(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


def is_private(ip: Ip) -> bool:
    """Whether the Internet has no way to an address because it belongs to nobody in particular (RFC 1918)."""
    return any(ip in net for net in _PRIVATE)


class Uplink(Protocol):
    """A fabric that hangs on the Internet."""

    def takes(self, ip: Ip) -> bool:
        """Whether packets to that address enter here."""

    def enter(self, frame: Packet, packet_id: int) -> None:
        """Take a packet from the Internet."""


class Internet:
    """Hosts by address, and the clouds and uplinks that are reachable through it."""

    def __init__(self, network: Network, name: str = "internet", *, latency: int = LATENCY * 4) -> None:
        self.network = network
        self.name = name
        self.latency = latency
        self._hosts: dict[Ip, Port] = {}
        self._uplinks: list[Uplink] = []
        self._owners: dict[Ip, str] = {}
        network.add_fabric(self)

    def add_uplink(self, uplink: Uplink) -> None:
        """A cloud or uplink joins."""
        self._uplinks.append(uplink)

    def require_free(self, ip: Ip, owner: str) -> None:
        """Raise ``ConfigError`` about ``owner`` if somebody has a public address."""
        have = self._owners.get(ip)
        if have is not None:
            raise ConfigError(owner, f"the public address {ip} belongs to {have}")

    def claim(self, ip: Ip, owner: str) -> None:
        """``owner`` takes a public address; raises ``ConfigError`` that names it if somebody has it."""
        self.require_free(ip, owner)
        self._owners[ip] = owner

    def release(self, ip: Ip) -> None:
        """Nobody has a public address any more."""
        self._owners.pop(ip, None)

    def is_taken(self, ip: Ip) -> bool:
        """Whether somebody claimed an address."""
        return ip in self._owners

    def new_port(self, ip: Ip) -> Port:
        """A socket for the NIC of the host with that address."""
        port = self._hosts[ip] = Port(self.network, self.latency, self._forward)
        return port

    def links(self) -> list[Link]:
        """The NICs of the hosts, in order of joining."""
        return [port.link for port in self._hosts.values() if port.link is not None]

    def reverse_name(self, ip: Ip) -> str | None:
        """Hosts of the Internet have no names here."""

    def _forward(self, port: Port, frame: Packet, packet_id: int, size: int) -> None:
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
        """Take a packet to the host, cloud or uplink that has its destination."""
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
            if is_private(ip.dst):
                text = f"the Internet has no way to {ip.dst}, a private address (RFC 1918)"
                why = ByFabric("internet", text, kind="private-address")
            self.network.emit(self.name, packet_id, Dropped("internet", DropReason.FABRIC, why))
