"""The way to the Internet behind one address: VirtualBox's NAT, or a router at home.

Machines get an address by DHCP, with a default route to ``gateway``. Of what leaves, only sources of the uplink's own range are
translated: a pod's address that nobody masqueraded goes no further. The gateway answers ARP and pings, remembers flows by
port or ICMP identifier (``NatTable``), takes no TTL and asks nobody by ARP: it answers to where a packet came from.

``isolated`` is what VirtualBox does by default: every machine has a NAT of its own, sees nobody but the gateway, and all of them have
the same address. Otherwise it is a segment, as at home or in VirtualBox's "NAT network".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from podwire.errors import ConfigError
from podwire.fabric.loss import Loss
from podwire.fabric.nat import NatTable
from podwire.fabric.port import Port
from podwire.fabric.segment import LATENCY, Switch
from podwire.trace.events import By, ByFabric, ByNotModelled, Carried, Created, Delivered, Dropped, Owner
from podwire.trace.reasons import DropReason
from podwire.wire.addr import Ip, Ip4, Mac, Net
from podwire.wire.headers import (
    ARPOP_REPLY,
    ARPOP_REQUEST,
    ETH_P_ARP,
    ETH_P_IP,
    ICMP_ECHO,
    ICMP_ECHOREPLY,
    Arp,
    Ethernet,
    Icmp,
    IPv4,
)
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.fabric.internet import Internet
    from podwire.fabric.network import Network

GATEWAY_MAC: Final = Mac.parse("52:54:00:12:35:02")
"""What VirtualBox's gateway has."""
FIRST_LEASE: Final = 15
"""VirtualBox gives every machine the fifteenth address: 10.0.2.15."""


class _Behind(NamedTuple):
    """Where a machine is: the cable and the MAC that its packets came from."""

    port: Port
    mac: Mac


class Uplink(Switch):
    """``gateway`` and ``dns`` are in ``cidr``; ``external`` is what the Internet sees; ``lease`` the first address given by DHCP."""

    def __init__(
        self,
        network: Network,
        name: str,
        cidr: Net,
        internet: Internet,
        external: Ip,
        *,
        gateway: Ip | None = None,
        dns: Ip | None = None,
        lease: Ip | None = None,
        isolated: bool = True,
        mtu: int = 1500,
        latency: int = LATENCY,
        drops: tuple[Loss, ...] = (),
    ) -> None:
        super().__init__(network, name, mtu=mtu, latency=latency, drops=drops)
        self.cidr = cidr
        self.isolated = isolated
        self.gateway: Ip = gateway if gateway is not None else Ip4(int(cidr.addr) + 2)
        beside = Ip4(int(self.gateway) + 1) if isolated else self.gateway
        self.dns: Ip = dns if dns is not None else beside
        self._next_lease: Ip = lease if lease is not None else Ip4(int(cidr.addr) + FIRST_LEASE)
        for what, ip in (("gateway", self.gateway), ("dns", self.dns), ("lease", self._next_lease)):
            if not cidr.addr < ip < cidr.broadcast:
                raise ConfigError(f"network {name!r}", f"{what} {ip} is no address for a machine in {cidr}")
        network.require_free(f"network {name!r}", name)
        internet.claim(external, f"network {name!r}")
        self.internet = internet
        self.nat: NatTable[_Behind] = NatTable(network, external)
        self._gateway_port = Port(network, latency, self._forward)
        self._ports.append(self._gateway_port)
        self._learned[GATEWAY_MAC] = self._gateway_port
        network.add_fabric(self)
        internet.add_uplink(self)

    def lease(self, taken: frozenset[Ip] = frozenset()) -> Ip:
        """The address that DHCP gives to the next machine: always the same one where they are isolated.

        ``taken`` are those that other machines have. Raises ``ConfigError`` when none is left.
        """
        if self.isolated:
            return self._next_lease
        for number in range(int(self._next_lease), int(self.cidr.broadcast)):
            ip = Ip4(number)
            if ip not in taken and ip not in {self.gateway, self.dns}:
                self._next_lease = ip
                return ip
        raise ConfigError(f"network {self.name!r}", f"its DHCP server has no address left in {self.cidr}")

    def reverse_name(self, ip: Ip) -> str | None:
        """Machines behind an uplink have no names there."""

    # -- the switch ----------------------------------------------------------------------------------------------

    def _targets(self, source: Port, dst: Mac) -> list[Port]:
        return [self._gateway_port] if self.isolated else super()._targets(source, dst)

    def _plugged(self, port: Port) -> bool:
        return port is self._gateway_port or super()._plugged(port)

    def _hand(self, target: Port, source: Port, frame: Packet, packet_id: int, size: int) -> None:
        if target is not self._gateway_port:
            super()._hand(target, source, frame, packet_id, size)
            return
        header = frame.layers[1] if len(frame.layers) > 1 else None
        if isinstance(header, Arp):
            self._arp(source, header, packet_id)
        elif isinstance(header, IPv4):
            self._receive(source, frame, header, packet_id)
        else:
            self._refused(packet_id, "ipv4-only", f"the gateway of {self.name} takes IPv4 and ARP only")

    def _end(self, packet_id: int, by: By) -> None:
        reason = DropReason.NOT_MODELLED if isinstance(by, ByNotModelled) else DropReason.FABRIC
        self.network.emit(self.name, packet_id, Dropped("uplink", reason, by))

    def _refused(self, packet_id: int, kind: str, why: str, setting: str = "") -> None:
        self._end(packet_id, ByFabric(self.name, why, Owner("lab", f"uplink {self.name}", setting), kind))

    # -- the gateway ---------------------------------------------------------------------------------------------

    def _arp(self, source: Port, message: Arp, packet_id: int) -> None:
        if message.op != ARPOP_REQUEST or message.spa == message.tpa:
            self.network.emit(self.name, packet_id, Delivered("arp", "ignored"))
        elif message.tpa in {self.gateway, self.dns}:
            self.network.emit(self.name, packet_id, Delivered("arp", "answered"))
            answer = Arp(ARPOP_REPLY, GATEWAY_MAC, message.tpa, message.sha, message.spa)
            self._send(source, Packet((Ethernet(message.sha, GATEWAY_MAC, ETH_P_ARP), answer)), packet_id)
        elif self.isolated:
            why = f"{self.name} keeps its machines apart, and nobody but its gateway {self.gateway} is there to answer for {message.tpa}"
            self._refused(packet_id, "uplink-isolated", why, "isolated")
        else:
            self.network.emit(self.name, packet_id, Delivered("arp", "not-ours"))

    def _send(self, port: Port, frame: Packet, parent: int) -> None:
        """A frame of the gateway's own, in answer to a packet."""
        packet_id = self.network.new_packet_id()
        self.network.emit(self.name, packet_id, Created(parent, "reply"))
        self.network.at(self.network.now + self.latency, lambda: port.deliver(frame, packet_id))

    def _receive(self, source: Port, frame: Packet, ip: IPv4, packet_id: int) -> None:
        if ip.dst == self.gateway:
            self._for_gateway(source, frame, ip, packet_id)
        elif ip.dst == self.dns:
            self._end(packet_id, ByNotModelled(f"the DNS server {self.dns} of uplink {self.name}"))
        elif ip.dst.is_multicast or ip.dst == self.cidr.broadcast or int(ip.dst) == 0xFFFFFFFF:
            self._refused(
                packet_id, "no-broadcast", f"the gateway of {self.name} takes neither broadcast nor multicast"
            )
        elif ip.src not in self.cidr:
            why = f"uplink {self.name} translates sources in {self.cidr} only, and {ip.src} is outside"
            self._refused(packet_id, "uplink-source", why, "cidr")
        elif ip.dst in self.cidr:
            why = f"uplink {self.name} takes nothing to other machines, and {ip.dst} would be one in {self.cidr}"
            self._refused(packet_id, "uplink-isolated", why, "isolated")
        elif not self.nat.carries(frame):
            why = f"uplink {self.name} translates TCP, UDP and ICMP only, and this is protocol {ip.proto}"
            self._refused(packet_id, "uplink-protocol", why)
        else:
            self._translate(source, frame, ip, packet_id)

    def _translate(self, source: Port, frame: Packet, ip: IPv4, packet_id: int) -> None:
        header = frame.layers[0]
        assert isinstance(header, Ethernet)  # noqa: S101 - cables carry Ethernet
        out = self.nat.outbound(_Behind(source, header.src), frame)
        if out is None:
            self._refused(packet_id, "uplink-unknown", f"uplink {self.name} knows no connection that this belongs to")
            return
        if self.network.log.on:
            why = f"uplink {self.name} translates {ip.src} to {self.nat.external}"
            self.network.emit(self.name, packet_id, Carried(self.internet.name, why))
        self.internet.carry(out, packet_id)

    def _for_gateway(self, source: Port, frame: Packet, ip: IPv4, packet_id: int) -> None:
        eth, message = frame.layers[0], frame.layers[2] if len(frame.layers) > 2 else None
        if (
            not isinstance(message, Icmp)
            or message.type != ICMP_ECHO
            or ip.is_fragment
            or not isinstance(eth, Ethernet)
        ):
            self._end(
                packet_id, ByNotModelled(f"what the gateway {self.gateway} of uplink {self.name} does beside NAT")
            )
            return
        self.network.emit(self.name, packet_id, Delivered("icmp_echo"))
        headers = (
            Ethernet(eth.src, GATEWAY_MAC, ETH_P_IP),
            IPv4(self.gateway, ip.src, ip.proto, tos=ip.tos),
            msgspec.structs.replace(message, type=ICMP_ECHOREPLY, checksum=None),
        )
        self._send(source, Packet(headers, frame.payload), packet_id)

    # -- the Internet --------------------------------------------------------------------------------------------

    def takes(self, ip: Ip) -> bool:
        """Whether it is the address that the Internet sees."""
        return ip == self.nat.external

    def enter(self, frame: Packet, packet_id: int) -> None:
        """A packet from the Internet: an answer goes to the machine that asked, everything else ends here."""
        ip = frame.layers[1]
        assert isinstance(ip, IPv4)  # noqa: S101 - the Internet carries IPv4
        found = self.nat.inbound(frame)
        if found is None:
            self._refused(
                packet_id,
                "uplink-inbound",
                f"uplink {self.name} lets answers in only, and nobody behind it asked {ip.src}",
            )
            return
        behind, inside = found
        header = Ethernet(behind.mac, GATEWAY_MAC, ETH_P_IP)
        out = Packet((header, *inside.layers[1:]), inside.payload, inside.trailer)
        if self.network.log.on:
            machine = behind.port.link.netns.label if behind.port.link is not None else "nobody"
            target = out.layers[1]
            to = target.dst if isinstance(target, IPv4) else ip.dst
            self.network.emit(self.name, packet_id, Carried(machine, f"uplink {self.name} translates {ip.dst} to {to}"))
        behind.port.deliver(out, packet_id)
