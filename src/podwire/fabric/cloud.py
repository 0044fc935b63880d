"""Google's VPC as a fabric, and the Internet behind it (reference sheet kube-proxy and GKE, section 3).

A VM's NIC is alone on its segment: whatever it asks for by ARP, the gateway's MAC answers. The fabric looks at the
destination address alone, takes no TTL, checks the source, keeps a stateful firewall and translates external
addresses one to one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import ConfigError
from podwire.fabric.firewall import Firewall, FirewallRule
from podwire.fabric.port import Port
from podwire.fabric.segment import LATENCY
from podwire.trace.events import By, ByFabric, ByNotModelled, Carried, Created, Delivered, Dropped, Owner
from podwire.trace.reasons import DropReason
from podwire.wire.addr import Ip, Ip4, Mac, Net
from podwire.wire.codec import quoted
from podwire.wire.headers import ARPOP_REPLY, ARPOP_REQUEST, ETH_P_ARP, ETH_P_IP, Arp, Ethernet, IPv4
from podwire.wire.packet import Packet, Quoted

if TYPE_CHECKING:
    from podwire.fabric.internet import Internet
    from podwire.fabric.network import Network

METADATA: Final = Ip4.parse("169.254.169.254")


def nic_mac(ip: Ip) -> Mac:
    """``42:01:`` and the four bytes of the address in hex (seed 000: 10.0.0.24 is 42:01:0a:00:00:18)."""
    return Mac(0x4201 << 32 | int(ip))


class Nic(msgspec.Struct):
    """A VM's NIC in the VPC.

    Its primary address, alias ranges, tags and the external address that stands for the primary one.
    """

    vm: str
    ip: Ip
    port: Port
    aliases: list[Net] = []
    external: Ip | None = None
    tags: frozenset[str] = frozenset()
    zone: str = ""
    can_ip_forward: bool = False

    def owns(self, ip: Ip) -> bool:
        """Whether an address is the NIC's own or in one of its alias ranges."""
        return ip == self.ip or any(ip in net for net in self.aliases)

    def why(self, ip: Ip) -> str:
        """Which of its addresses or ranges a destination is."""
        if ip == self.ip:
            return f"{ip} is its address"
        return f"{ip} is in its alias range {next(net for net in self.aliases if ip in net)}"


class GcpVpc:
    """One VPC network with one subnet ``cidr``. ``gateway`` is the first usable address; MTU 1460."""

    def __init__(  # the settings of a VPC
        self,
        network: Network,
        name: str,
        cidr: Net,
        *,
        project: str = "project_id",
        zone: str = "us-central1-a",
        mtu: int = 1460,
        latency: int = LATENCY,
        internet: Internet | None = None,
    ) -> None:
        self.network = network
        self.name = name
        self.cidr = cidr
        self.project = project
        self.zone = zone
        self.mtu = mtu
        self.latency = latency
        self.gateway: Ip = Ip4(int(cidr.addr) + 1)
        self.firewall = Firewall(network)
        self.internet = internet
        self._nics: list[Nic] = []
        self._by_port: dict[Port, Nic] = {}
        self._by_ip: dict[Ip, Nic] = {}
        """Which NIC the fabric takes an address to, as far as it was asked; emptied when a NIC joins."""
        network.add_fabric(self)
        if internet is not None:
            internet.add_uplink(self)

    # -- configuration -------------------------------------------------------------------------------------------

    def add_nic(
        self,
        vm: str,
        ip: Ip,
        *,
        aliases: tuple[Net, ...] = (),
        external: Ip | None = None,
        tags: frozenset[str] = frozenset(),
        zone: str = "",
    ) -> Nic:
        """A VM joins; raises ``ConfigError`` for an address outside the subnet, a reserved one, or one in use."""
        last = int(self.cidr.broadcast)
        if ip not in self.cidr or int(ip) - int(self.cidr.addr) < 2 or last - int(ip) < 2:
            raise ConfigError(
                f"node {vm!r}",
                f"address {ip} is not free in {self.cidr}: the first two and the last two addresses of a subnet are reserved",
            )
        for other in self._nics:
            if other.owns(ip):
                raise ConfigError(f"node {vm!r}", f"address {ip} belongs to {other.vm}")
            for net in aliases:
                if any(net.addr in have or have.addr in net for have in other.aliases):
                    raise ConfigError(f"node {vm!r}", f"alias range {net} overlaps one of {other.vm}")
        port = Port(self.network, self.latency, self._forward)
        nic = Nic(vm, ip, port, list(aliases), external, tags, zone or self.zone)
        self._nics.append(nic)
        self._by_port[port] = nic
        self._by_ip.clear()
        return nic

    def allow(self, rule: FirewallRule) -> None:
        """Add a firewall rule."""
        self.firewall.add(rule)

    def reverse_name(self, ip: Ip) -> str | None:
        """``VM.ZONE.c.PROJECT.internal``, as the metadata server's DNS has it; pods' alias addresses have no name."""
        for nic in self._nics:
            if nic.ip == ip:
                return f"{nic.vm}.{nic.zone}.c.{self.project}.internal"
        return None

    def nic_of(self, ip: Ip) -> Nic | None:
        """The NIC to which the fabric takes a destination address."""
        found = self._by_ip.get(ip)
        if found is None:
            found = next((nic for nic in self._nics if nic.owns(ip)), None)
            if found is not None:
                self._by_ip[ip] = found
        return found

    # -- frames --------------------------------------------------------------------------------------------------

    def _drop(self, packet_id: int, name: str, why: str, by: By | None = None) -> None:
        if not self.network.log.on:
            return
        decided = by or ByFabric(name, why, Owner("gcp", f"VPC {self.name}"))
        reason = DropReason.NOT_MODELLED if isinstance(decided, ByNotModelled) else DropReason.FABRIC
        self.network.emit(self.name, packet_id, Dropped("vpc", reason, decided))

    def _forward(self, port: Port, frame: Packet, packet_id: int) -> None:
        nic = self._by_port[port]
        header = frame.layers[1] if len(frame.layers) > 1 else None
        if isinstance(header, Arp):
            self._answer_arp(nic, header, packet_id)
        elif isinstance(header, IPv4):
            self._route(nic, frame, header, packet_id)
        else:
            self._drop(packet_id, "vpc", "the VPC carries IPv4 and ARP only")

    def _answer_arp(self, nic: Nic, message: Arp, packet_id: int) -> None:
        """The gateway's MAC answers for every address but the guest's own (sheet 3.1)."""
        if message.op != ARPOP_REQUEST or message.tpa == nic.ip:
            self.network.emit(self.name, packet_id, Delivered("arp", "ignored"))
            return
        mac = nic_mac(self.gateway)
        reply = Packet(
            (Ethernet(message.sha, mac, ETH_P_ARP), Arp(ARPOP_REPLY, mac, message.tpa, message.sha, message.spa))
        )
        reply_id = self.network.new_packet_id()
        self.network.emit(
            self.name, packet_id, Delivered("arp", "answered" if message.tpa == self.gateway else "proxied")
        )
        self.network.emit(self.name, reply_id, Created(packet_id, "reply"))
        self.network.at(self.network.now + self.latency, lambda: nic.port.deliver(reply, reply_id))

    def _route(self, nic: Nic, frame: Packet, ip: IPv4, packet_id: int) -> None:
        target = self.nic_of(ip.dst)
        if target is nic:
            # Whether the source is the VM's own, or it sends back what came from elsewhere: the fabric would bring it
            # back again.
            self._drop(
                packet_id,
                "own range",
                f"{ip.dst} belongs to {nic.vm}, and {nic.vm} itself sent it out: no pod or device there has that address",
            )
            return
        if not nic.owns(ip.src) and not nic.can_ip_forward:
            self._drop(
                packet_id,
                "source check",
                f"{ip.src} is neither the address of {nic.vm} ({nic.ip}) nor in its alias ranges",
            )
            return
        if frame.size - 14 > self.mtu:
            self._drop(packet_id, "mtu", f"the packet is longer than the VPC's MTU of {self.mtu}")
            return
        if ip.dst == METADATA:
            self._drop(packet_id, "metadata server", "", ByNotModelled("the metadata server 169.254.169.254"))
            return
        if ip.dst == self.gateway:
            self._drop(packet_id, "gateway", f"the subnet's gateway {self.gateway} answers ARP only")
            return
        self.firewall.note_egress(frame)
        if target is not None:
            self._deliver(target, frame, ip, packet_id)
            return
        if self.internet is None or ip.dst in self.cidr:
            self._drop(packet_id, "route", f"no VM, alias range or route of the VPC has {ip.dst}")
            return
        self._leave(nic, frame, ip, packet_id)

    def _deliver(self, nic: Nic, frame: Packet, ip: IPv4, packet_id: int) -> None:
        rule = self.firewall.ingress(frame, nic.tags)
        if rule is None:
            why = f"no firewall rule allows {self.firewall.describe(frame)} to {nic.vm}; ingress is denied by default (priority 65535)"
            self._drop(packet_id, "firewall", why)
            return
        if self.network.log.on:
            allowed = "a connection that is known" if rule == "established" else f"firewall rule {rule}"
            self.network.emit(self.name, packet_id, Carried(nic.vm, nic.why(ip.dst), allowed))
        out = Packet(
            (Ethernet(nic_mac(nic.ip), nic_mac(self.gateway), ETH_P_IP), *frame.layers[1:]),
            frame.payload,
            frame.trailer,
        )
        nic.port.deliver(out, packet_id)

    # -- the Internet --------------------------------------------------------------------------------------------

    def _leave(self, nic: Nic, frame: Packet, ip: IPv4, packet_id: int) -> None:
        """Only a primary address is translated; an alias (pod) address has no external one (sheet 3.3)."""
        assert self.internet is not None  # noqa: S101 - the caller asked
        if ip.src != nic.ip:
            why = (
                f"{ip.src} cannot leave for the Internet: it is an alias address, and only primary ones are translated"
            )
            self._drop(packet_id, "alias address", why)
            return
        if nic.external is None:
            self._drop(
                packet_id, "no external address", f"{nic.vm} cannot reach the Internet: it has no external address"
            )
            return
        header = msgspec.structs.replace(ip, src=nic.external)
        self.internet.carry(_translated(frame.replace(1, header), nic.ip, nic.external), packet_id)

    def takes(self, ip: Ip) -> bool:
        """Whether an address of the Internet stands for one of this VPC's NICs."""
        return any(nic.external == ip for nic in self._nics)

    def enter(self, frame: Packet, packet_id: int) -> None:
        """A packet from the Internet for an external address: translated, then through the firewall."""
        ip = frame.layers[1]
        assert isinstance(ip, IPv4)  # noqa: S101 - the Internet carries IPv4
        nic = next(nic for nic in self._nics if nic.external == ip.dst)
        header = msgspec.structs.replace(ip, dst=nic.ip)
        self._deliver(nic, _translated(frame.replace(1, header), ip.dst, nic.ip), header, packet_id)


def _translated(frame: Packet, old: Ip, new: Ip) -> Packet:
    """An ICMP error whose quotation is translated with it (RFC 5508 section 4.2); anything else as it is."""
    inner = quoted(frame)
    header = inner.layers[0] if inner is not None else None
    if inner is None or not isinstance(header, IPv4) or old not in {header.src, header.dst}:
        return frame
    source, target = (new if address == old else address for address in (header.src, header.dst))
    length = len(frame.payload)
    packet = inner.replace(0, msgspec.structs.replace(header, src=source, dst=target))
    return Packet(frame.layers, Quoted(packet, length), frame.trailer)
