"""The networks of AWS and Azure: subnets whose switch knows the addresses of every NIC and checks them.

A packet whose source is not its sender's, or whose destination is not its receiver's, is dropped while that NIC's
source/destination check is on (Calico sheet, section 10, row 4; Azure calls the switch "IP forwarding"). What the model takes
from the providers' documents:

- The fabric answers ARP, nothing is broadcast. Between subnets it routes by itself and takes no TTL.
- AWS answers for the addresses of a subnet with the MACs of their NICs, and takes a frame inside a subnet to the NIC that has its
  MAC; hence Calico's CrossSubnet works there once the check is off. What goes to the gateway's MAC goes by its destination address:
  to the NIC that has it, else by the routes of the VPC, else to the Internet.
- Azure answers for every address with one MAC and looks at the destination address alone, as Google does. It never carries IP in
  IP (row 2: "Azure drops it always") nor GRE.
- The first four addresses of a subnet and its last are reserved: the first usable one is the gateway's.

Security groups let everything through here: ``drops`` says what they should not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from podwire.fabric.internet import is_private
from podwire.fabric.loss import Loss, lost
from podwire.fabric.port import Port
from podwire.fabric.segment import LATENCY, taken_by, too_long
from podwire.fabric.vpc import METADATA, CloudNetwork, CloudRoute, Nic
from podwire.linux.link import FOREVER
from podwire.trace.events import By, ByFabric, ByNotModelled, Delivered, Owner
from podwire.wire.addr import Ip, Ip4, Mac, Net
from podwire.wire.headers import ARPOP_REQUEST, Arp, Ethernet, IPv4
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.fabric.internet import Internet
    from podwire.fabric.network import Network

AZURE_MAC: Final = Mac.parse("12:34:56:78:9a:bc")
"""Every frame that leaves a VM of Azure has this destination."""
AZURE_DNS: Final = Ip4.parse("168.63.129.16")


class VirtualNetwork(CloudNetwork):
    """Base of AWS's VPC and Azure's virtual network. ``subnets`` are parts of ``cidr``; without any it is one subnet itself."""

    reserved: ClassVar[tuple[int, int]] = (4, 1)
    never: ClassVar[tuple[Loss, ...]] = ()
    """What the provider carries for nobody."""
    default_mtu: ClassVar[int] = 1500
    lease_time: ClassVar[int]
    """Seconds for which DHCP gives an address."""

    def __init__(
        self,
        network: Network,
        name: str,
        cidr: Net,
        *,
        subnets: tuple[Net, ...] = (),
        mtu: int | None = None,
        latency: int = LATENCY,
        drops: tuple[Loss, ...] = (),
        internet: Internet | None = None,
    ) -> None:
        size = mtu if mtu is not None else self.default_mtu
        super().__init__(network, name, cidr, subnets, mtu=size, latency=latency, drops=drops, internet=internet)

    @property
    def dns(self) -> Ip:
        """The provider's DNS server, as DHCP names it. It is not modelled."""
        raise NotImplementedError

    @property
    def services(self) -> tuple[Ip, ...]:
        """To which addresses DHCP gives routes of their own."""
        return (self.dns,)

    # -- frames --------------------------------------------------------------------------------------------------

    def _forward(self, port: Port, frame: Packet, packet_id: int, size: int) -> None:
        nic = self._by_port[port]
        header = frame.layers[1] if len(frame.layers) > 1 else None
        if isinstance(header, Arp):
            self._arp(nic, header, packet_id)
        elif isinstance(header, IPv4):
            self._route(nic, frame, header, packet_id)
        else:
            self._not_ipv4(packet_id)

    def _arp(self, nic: Nic, message: Arp, packet_id: int) -> None:
        if message.op != ARPOP_REQUEST or message.tpa == nic.ip:
            self.network.emit(self.name, packet_id, Delivered("arp", "ignored"))
            return
        mac = self._answer_for(nic, message)
        if mac is None:
            why = f"no NIC in subnet {nic.subnet} of {self.name} has {message.tpa}, and the {self.noun} answers ARP for those alone"
            self._drop(packet_id, "route", why)
            return
        self._answer(nic, message, mac, packet_id, "answered" if message.tpa == nic.gateway else "proxied")

    def _answer_for(self, nic: Nic, message: Arp) -> Mac | None:
        """The MAC that an ARP request gets; None for no answer."""
        raise NotImplementedError

    def _next(self, nic: Nic, mac: Mac, ip: IPv4) -> Nic | CloudRoute | None:
        """Where the fabric takes a packet inside the network: to a NIC, by a route; None for neither."""
        return self.nic_of(ip.dst) or self.route_to(ip.dst)

    def _route(self, nic: Nic, frame: Packet, ip: IPv4, packet_id: int) -> None:
        refusal = self._refusal(nic, frame, ip)
        if refusal is not None:
            self._drop(packet_id, refusal.name if isinstance(refusal, ByFabric) else "", "", refusal)
            return
        header = frame.layers[0]
        assert isinstance(header, Ethernet)  # noqa: S101 - cables carry Ethernet
        found = self._next(nic, header.dst, ip)
        target = found.nic if isinstance(found, CloudRoute) else found
        if target is nic:
            owned = "belongs" if nic.owns(ip.dst) else "is routed"
            why = f"{ip.dst} {owned} to {nic.vm}, and {nic.vm} itself sent it out: no pod or device there has that address"
            self._drop(packet_id, "own range", why)
        elif target is not None:
            self._take_to(target, frame, ip, packet_id, found)
        elif self.internet is None or ip.dst in self.cidr or is_private(ip.dst):
            name = f"{self.noun} {self.name}"
            by = ByFabric(
                self.name,
                f"no NIC and no route of {self.name} has {ip.dst}",
                Owner(self.component, name, "routes"),
                "cloud-route",
            )
            self._drop(packet_id, by.name, by.why, by)
        else:
            self._leave(nic, frame, ip, packet_id)

    def _refusal(self, nic: Nic, frame: Packet, ip: IPv4) -> By | None:
        """Why a packet does not even enter the network; None if it does."""
        if nic.source_dest_check and not nic.owns(ip.src):
            return self._unchecked(nic, f"{ip.src}, its source, is not an address of {nic.vm}, which sent it")
        if ip.dst.is_multicast or ip.dst == nic.subnet.broadcast or int(ip.dst) == 0xFFFFFFFF:
            return ByFabric(self.name, f"{self.name} carries neither broadcast nor multicast", kind="no-broadcast")
        long = too_long(self.name, frame, self.mtu)
        if long is not None:
            return long
        never = lost(frame, self.never)
        if never is not None:
            why = f"{self.component.capitalize()} never carries {never.text}, and {self.name} is a {self.noun} there"
            return ByFabric(self.name, why, Owner(self.component, f"{self.noun} {self.name}"), "never-carried")
        gone = taken_by(self.name, frame, self.drops)
        if gone is not None:
            return gone
        if ip.dst in {METADATA, self.dns}:
            return ByNotModelled(f"the service of the {self.noun} at {ip.dst}")
        if ip.dst == nic.gateway:
            return ByFabric("gateway", f"the subnet's gateway {nic.gateway} answers ARP only")
        return None

    def _take_to(self, target: Nic, frame: Packet, ip: IPv4, packet_id: int, how: Nic | CloudRoute | None) -> None:
        if target.source_dest_check and not target.owns(ip.dst):
            by = self._unchecked(
                target, f"{ip.dst}, its destination, is not an address of {target.vm}, where it was to go"
            )
            self._drop(packet_id, by.name, by.why, by)
            return
        if target.owns(ip.dst):
            why = target.why(ip.dst)
        elif isinstance(how, CloudRoute):
            why = f"the route for {how.prefix} leads to it"
        else:
            why = "the frame has its MAC"
        self._hand(target, frame, packet_id, why, source=self._source_mac(target, frame, ip))

    def _unchecked(self, nic: Nic, why: str) -> ByFabric:
        """The check of one NIC found something."""
        owner = Owner(self.component, f"the NIC of {nic.vm} in {self.name}", "source_dest_check")
        return ByFabric(nic.vm, why, owner, f"{self.component}-check")

    def _source_mac(self, target: Nic, frame: Packet, ip: IPv4) -> Mac:
        """The MAC that the receiver sees as the sender's."""
        return self._gateway_mac(target)

    def _arrive(self, nic: Nic, frame: Packet, packet_id: int) -> None:
        ip = frame.layers[1]
        assert isinstance(ip, IPv4)  # noqa: S101 - the Internet carries IPv4
        self._hand(nic, frame, packet_id, nic.why(ip.dst))


class AwsVpc(VirtualNetwork):
    """A VPC of AWS; MTU 9001; its DNS server has the third address of the VPC's range."""

    component: ClassVar[str] = "aws"
    default_mtu: ClassVar[int] = 9001
    lease_time: ClassVar[int] = 3600

    @property
    def dns(self) -> Ip:
        return Ip4(int(self.cidr.addr) + 2)

    def _answer_for(self, nic: Nic, message: Arp) -> Mac | None:
        if message.tpa == nic.gateway:
            return self._gateway_mac(nic)
        other = self.nic_of(message.tpa)
        if other is None or other.subnet != nic.subnet:
            return None
        return self._mac_of(other)

    def _next(self, nic: Nic, mac: Mac, ip: IPv4) -> Nic | CloudRoute | None:
        if mac == self._gateway_mac(nic):
            return super()._next(nic, mac, ip)
        neighbours = (other for other in self._nics if other.subnet == nic.subnet)
        return next((other for other in neighbours if self._mac_of(other) == mac), None) or super()._next(nic, mac, ip)

    def _gateway_mac(self, nic: Nic) -> Mac:
        """``02:`` and the gateway's address: AWS draws them from locally administered ones."""
        return Mac(0x0200 << 32 | int(nic.gateway))

    def _source_mac(self, target: Nic, frame: Packet, ip: IPv4) -> Mac:
        """Inside a subnet the sender's own, else the gateway's."""
        header = frame.layers[0]
        sender = header.src if isinstance(header, Ethernet) else self._gateway_mac(target)
        neighbours = [self._mac_of(nic) for nic in self._nics if nic.subnet == target.subnet]
        return sender if sender in neighbours else self._gateway_mac(target)


class AzureVnet(VirtualNetwork):
    """A virtual network of Azure; MTU 1500. Leases never end."""

    component: ClassVar[str] = "azure"
    lease_time: ClassVar[int] = FOREVER
    noun: ClassVar[str] = "virtual network"
    never: ClassVar[tuple[Loss, ...]] = (Loss.parse("ipip"), Loss.parse("gre"))

    @property
    def dns(self) -> Ip:
        return AZURE_DNS

    @property
    def services(self) -> tuple[Ip, ...]:
        return (self.dns, METADATA)

    def _answer_for(self, nic: Nic, message: Arp) -> Mac | None:
        return AZURE_MAC

    def _gateway_mac(self, nic: Nic) -> Mac:
        return AZURE_MAC
