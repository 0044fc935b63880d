"""What the networks of clouds have in common: NICs whose addresses the fabric knows, routes, and external addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

import msgspec

from podwire.errors import ConfigError
from podwire.fabric.flows import Change, requoted, translated
from podwire.fabric.loss import Loss
from podwire.fabric.port import Port
from podwire.fabric.segment import taken_by
from podwire.trace.events import By, ByFabric, ByNotModelled, Carried, Created, Delivered, Dropped, Owner
from podwire.trace.reasons import DropReason
from podwire.wire.addr import Ip, Ip4, Mac, Net
from podwire.wire.headers import ARPOP_REPLY, ETH_P_ARP, ETH_P_IP, Arp, Ethernet, IPv4
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.fabric.internet import Internet
    from podwire.fabric.network import Network
    from podwire.linux.link import Link

METADATA: Final = Ip4.parse("169.254.169.254")


class Nic(msgspec.Struct, eq=False):
    """A VM's NIC: its primary address, alias ranges, tags and the external address that stands for the primary one.

    ``source_dest_check`` is AWS's name of a switch that all clouds have: while it is on, the VM may be nothing but source or
    destination of a packet. Google says ``--can-ip-forward`` where it is off, Azure "IP forwarding".
    """

    vm: str
    ip: Ip
    port: Port
    subnet: Net
    aliases: list[Net] = []
    external: Ip | None = None
    tags: frozenset[str] = frozenset()
    zone: str = ""
    source_dest_check: bool = True

    @property
    def gateway(self) -> Ip:
        """The subnet's gateway: its first usable address."""
        return Ip4(int(self.subnet.addr) + 1)

    def owns(self, ip: Ip) -> bool:
        """Whether an address is the NIC's own or in one of its alias ranges."""
        return ip == self.ip or any(ip in net for net in self.aliases)

    def why(self, ip: Ip) -> str:
        """Which of its addresses or ranges a destination is."""
        if ip == self.ip:
            return f"{ip} is its address"
        return f"{ip} is in its alias range {next(net for net in self.aliases if ip in net)}"


class CloudRoute(msgspec.Struct, frozen=True):
    """A route of the cloud's own: what goes to ``prefix``, and to no NIC's address, goes to ``nic``."""

    prefix: Net
    nic: Nic


class CloudNetwork:
    """Base of the clouds: subnets, NICs, routes, and the edge to the Internet. Subclasses forward frames.

    ``mtu``, ``drops`` and the fields of a NIC may be changed later.
    """

    component: ClassVar[str]
    """Who decides: gcp, aws, azure."""
    noun: ClassVar[str] = "VPC"
    reserved: ClassVar[tuple[int, int]]
    """How many addresses at the beginning and the end of a subnet the cloud keeps for itself."""

    def __init__(
        self,
        network: Network,
        name: str,
        cidr: Net,
        subnets: tuple[Net, ...],
        *,
        mtu: int,
        latency: int,
        drops: tuple[Loss, ...],
        internet: Internet | None,
    ) -> None:
        self.network = network
        self.name = name
        self.cidr = cidr
        self.subnets = subnets or (cidr,)
        self.mtu = mtu
        self.latency = latency
        self.drops = drops
        self.internet = internet
        self.routes: list[CloudRoute] = []
        self._nics: list[Nic] = []
        self._by_port: dict[Port, Nic] = {}
        self._by_ip: dict[Ip, Nic] = {}
        """Which NIC the fabric takes an address to, as far as it was asked; emptied when a NIC joins."""
        for index, subnet in enumerate(self.subnets):
            for other in self.subnets[:index]:
                if subnet.addr in other or other.addr in subnet:
                    raise ConfigError(f"network {name!r}", f"subnets {other} and {subnet} overlap")
        network.add_fabric(self)
        if internet is not None:
            internet.add_uplink(self)

    # -- configuration -------------------------------------------------------------------------------------------

    @property
    def gateway(self) -> Ip:
        """The gateway of the first subnet."""
        return Ip4(int(self.subnets[0].addr) + 1)

    def subnet_of(self, ip: Ip) -> Net | None:
        """The subnet that a VM may have this address in; None where it is outside all of them, or reserved."""
        first, last = self.reserved
        for subnet in self.subnets:
            if ip in subnet and int(ip) - int(subnet.addr) >= first and int(subnet.broadcast) - int(ip) >= last:
                return subnet
        return None

    def check_nic(self, what: str, ip: Ip, *, aliases: tuple[Net, ...] = (), external: Ip | None = None) -> Net:
        """The subnet of an address that a VM could join with; raises ``ConfigError`` about ``what`` where it could not."""
        subnet = self.subnet_of(ip)
        if subnet is None:
            first, last = self.reserved
            ranges = ", ".join(str(each) for each in self.subnets)
            raise ConfigError(
                what,
                f"address {ip} is not free in {ranges}: "
                f"the first {_count(first)} and the last {_count(last)} of a subnet are reserved",
            )
        for other in self._nics:
            if other.owns(ip):
                raise ConfigError(what, f"address {ip} belongs to {other.vm}")
            for net in aliases:
                if any(net.addr in have or have.addr in net for have in other.aliases):
                    raise ConfigError(what, f"alias range {net} overlaps one of {other.vm}")
        if external is not None and self.internet is not None:
            self.internet.require_free(external, what)
        return subnet

    def add_nic(
        self,
        vm: str,
        ip: Ip,
        *,
        aliases: tuple[Net, ...] = (),
        external: Ip | None = None,
        tags: frozenset[str] = frozenset(),
        zone: str = "",
        source_dest_check: bool = True,
    ) -> Nic:
        """A VM joins; raises ``ConfigError`` for an address outside the subnets, a reserved one, or one in use."""
        what = f"node {vm!r}"
        subnet = self.check_nic(what, ip, aliases=aliases, external=external)
        if external is not None and self.internet is not None:
            self.internet.claim(external, what)
        port = Port(self.network, self.latency, self._forward)
        nic = Nic(vm, ip, port, subnet, list(aliases), external, tags, zone, source_dest_check)
        self._nics.append(nic)
        self._by_port[port] = nic
        self._by_ip.clear()
        return nic

    def add_route(self, prefix: Net, vm: str) -> None:
        """A route of the cloud: what goes to ``prefix`` goes to ``vm``. Raises ``ConfigError`` for a VM that is not there."""
        self.routes.append(CloudRoute(prefix, self.nic(vm)))
        self.routes.sort(key=lambda route: -route.prefix.plen)

    def nic(self, vm: str) -> Nic:
        """The NIC of a VM, by its name or address; raises ``ConfigError`` where there is none."""
        for nic in self._nics:
            if vm in {nic.vm, str(nic.ip)}:
                return nic
        known = ", ".join(nic.vm for nic in self._nics) or "none"
        raise ConfigError(f"network {self.name!r}", f"no machine {vm!r} stands in it; machines are {known}")

    @property
    def nics(self) -> tuple[Nic, ...]:
        """In order of joining."""
        return tuple(self._nics)

    def links(self) -> list[Link]:
        """The devices behind the NICs, in order of joining."""
        return [nic.port.link for nic in self._nics if nic.port.link is not None]

    def reverse_name(self, ip: Ip) -> str | None:
        """The name that the cloud's DNS gives for an address; none here."""
        return None

    # -- where packets go ----------------------------------------------------------------------------------------

    def nic_of(self, ip: Ip) -> Nic | None:
        """The NIC that has a destination address."""
        found = self._by_ip.get(ip)
        if found is None:
            found = next((nic for nic in self._nics if nic.owns(ip)), None)
            if found is not None:
                self._by_ip[ip] = found
        return found

    def route_to(self, ip: Ip) -> CloudRoute | None:
        """The route with the longest prefix that holds an address."""
        return next((route for route in self.routes if ip in route.prefix), None)

    def _forward(self, port: Port, frame: Packet, packet_id: int, size: int) -> None:
        raise NotImplementedError

    def _drop(self, packet_id: int, name: str, why: str, by: By | None = None) -> None:
        """``name`` is the kind of drop: it selects the remedy."""
        if not self.network.log.on:
            return
        decided = by or ByFabric(name, why, Owner(self.component, f"{self.noun} {self.name}"))
        reason = DropReason.NOT_MODELLED if isinstance(decided, ByNotModelled) else DropReason.FABRIC
        self.network.emit(self.name, packet_id, Dropped("vpc", reason, decided))

    def _not_ipv4(self, packet_id: int) -> None:
        why = f"{self.noun} {self.name} carries IPv4 and ARP only"
        self._drop(
            packet_id, "", "", ByFabric(self.name, why, Owner(self.component, f"{self.noun} {self.name}"), "ipv4-only")
        )

    def _lost(self, frame: Packet, packet_id: int) -> bool:
        """Whether the network loses a frame on purpose; it is accounted for then."""
        by = taken_by(self.name, frame, self.drops)
        if by is not None:
            self._drop(packet_id, by.name, by.why, by)
        return by is not None

    def _answer(self, nic: Nic, message: Arp, mac: Mac, packet_id: int, note: str) -> None:
        """The fabric itself answers an ARP request, after the way there and back."""
        reply = Packet(
            (Ethernet(message.sha, mac, ETH_P_ARP), Arp(ARPOP_REPLY, mac, message.tpa, message.sha, message.spa))
        )
        reply_id = self.network.new_packet_id()
        self.network.emit(self.name, packet_id, Delivered("arp", note))
        self.network.emit(self.name, reply_id, Created(packet_id, "reply"))
        self.network.at(self.network.now + self.latency, lambda: nic.port.deliver(reply, reply_id))

    def _hand(
        self, nic: Nic, frame: Packet, packet_id: int, why: str, allowed: str = "", source: Mac | None = None
    ) -> None:
        """The frame goes to a NIC, from the gateway's MAC unless another ``source`` is given."""
        if self.network.log.on:
            self.network.emit(self.name, packet_id, Carried(nic.vm, why, allowed))
        header = Ethernet(self._mac_of(nic), source or self._gateway_mac(nic), ETH_P_IP)
        nic.port.deliver(Packet((header, *frame.layers[1:]), frame.payload, frame.trailer), packet_id)

    def _mac_of(self, nic: Nic) -> Mac:
        return nic.port.link.mac if nic.port.link is not None else Mac(0)

    def _gateway_mac(self, nic: Nic) -> Mac:
        raise NotImplementedError

    # -- the Internet --------------------------------------------------------------------------------------------

    def _leave(self, nic: Nic, frame: Packet, ip: IPv4, packet_id: int) -> None:
        """Only a primary address is translated, one to one; an alias (pod) address has no external one (sheet 3.3)."""
        assert self.internet is not None  # noqa: S101 - the caller asked
        if ip.src != nic.ip:
            why = f"{ip.src} cannot leave for the Internet: it is no primary address, and only those are translated"
            if any(ip.src in net for net in nic.aliases):
                why = f"{ip.src} cannot leave for the Internet: it is an alias address, and only primary ones are translated"
            self._drop(packet_id, "alias address", why)
        elif nic.external is None:
            why = f"{nic.vm} cannot reach the Internet: it has no external address"
            self._drop(packet_id, "no external address", why)
        else:
            outside = Change(nic.external)
            self.internet.carry(translated(requoted(frame, target=outside), source=outside), packet_id)

    def takes(self, ip: Ip) -> bool:
        """Whether an address of the Internet stands for one of this network's NICs."""
        return any(nic.external == ip for nic in self._nics)

    def enter(self, frame: Packet, packet_id: int) -> None:
        """A packet from the Internet for an external address: translated, then as any other to the NIC."""
        ip = frame.layers[1]
        assert isinstance(ip, IPv4)  # noqa: S101 - the Internet carries IPv4
        nic = next(nic for nic in self._nics if nic.external == ip.dst)
        inside = Change(nic.ip)
        self._arrive(nic, translated(requoted(frame, source=inside), target=inside), packet_id)

    def _arrive(self, nic: Nic, frame: Packet, packet_id: int) -> None:
        """A packet from the Internet, translated already, is taken to a NIC."""
        raise NotImplementedError


def _count(number: int) -> str:
    return {1: "address", 2: "two addresses", 4: "four addresses"}[number]
