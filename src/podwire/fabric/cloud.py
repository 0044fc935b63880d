"""Google's VPC as a fabric (reference sheet kube-proxy and GKE, section 3).

A VM's NIC is alone on its segment: whatever it asks for by ARP, the gateway's MAC answers. The fabric looks at the
destination address alone, takes no TTL, checks the source, keeps a stateful firewall and translates external
addresses one to one; Cloud NAT lends one to those that have none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from podwire.fabric.firewall import Firewall, FirewallRule
from podwire.fabric.internet import is_private
from podwire.fabric.loss import Loss
from podwire.fabric.nat import NatTable
from podwire.fabric.port import Port
from podwire.fabric.segment import LATENCY
from podwire.fabric.vpc import METADATA, CloudNetwork, Nic
from podwire.trace.events import By, ByFabric, ByNotModelled, Delivered, Owner
from podwire.wire.addr import Ip, Mac, Net
from podwire.wire.headers import ARPOP_REQUEST, Arp, IPv4
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.fabric.internet import Internet
    from podwire.fabric.network import Network

__all__ = ["METADATA", "GcpVpc", "Nic", "nic_mac"]


def nic_mac(ip: Ip) -> Mac:
    """``42:01:`` and the four bytes of the address in hex (seed 000: 10.0.0.24 is 42:01:0a:00:00:18)."""
    return Mac(0x4201 << 32 | int(ip))


class GcpVpc(CloudNetwork):
    """One VPC network. ``cidr`` is its first subnet, ``subnets`` are further ones; MTU 1460.

    ``cloud_nat`` is the address of a Cloud NAT that covers all ranges, alias ranges too; it serves what has no external
    address (section 3.3).
    """

    component: ClassVar[str] = "gcp"
    reserved: ClassVar[tuple[int, int]] = (2, 2)

    def __init__(  # the settings of a VPC
        self,
        network: Network,
        name: str,
        cidr: Net,
        *,
        subnets: tuple[Net, ...] = (),
        project: str = "project_id",
        zone: str = "us-central1-a",
        mtu: int = 1460,
        latency: int = LATENCY,
        drops: tuple[Loss, ...] = (),
        internet: Internet | None = None,
        cloud_nat: Ip | None = None,
    ) -> None:
        network.require_free(f"network {name!r}", name)
        if cloud_nat is not None and internet is not None:
            internet.require_free(cloud_nat, f"network {name!r}")
        super().__init__(
            network, name, cidr, (cidr, *subnets), mtu=mtu, latency=latency, drops=drops, internet=internet
        )
        self.project = project
        self.zone = zone
        self.firewall = Firewall(network)
        self._cloud_nat: NatTable[Nic] | None = NatTable(network, cloud_nat) if cloud_nat is not None else None
        if cloud_nat is not None and internet is not None:
            internet.claim(cloud_nat, f"network {name!r}")

    # -- configuration -------------------------------------------------------------------------------------------

    def allow(self, rule: FirewallRule) -> None:
        """Add a firewall rule."""
        self.firewall.add(rule)

    def reverse_name(self, ip: Ip) -> str | None:
        """``VM.ZONE.c.PROJECT.internal``, as the metadata server's DNS has it; pods' alias addresses have no name."""
        for nic in self._nics:
            if nic.ip == ip:
                return f"{nic.vm}.{nic.zone or self.zone}.c.{self.project}.internal"
        return None

    # -- frames --------------------------------------------------------------------------------------------------

    def _forward(self, port: Port, frame: Packet, packet_id: int, size: int) -> None:
        nic = self._by_port[port]
        header = frame.layers[1] if len(frame.layers) > 1 else None
        if isinstance(header, Arp):
            self._answer_arp(nic, header, packet_id)
        elif isinstance(header, IPv4):
            self._route(nic, frame, header, packet_id)
        else:
            self._not_ipv4(packet_id)

    def _answer_arp(self, nic: Nic, message: Arp, packet_id: int) -> None:
        """The gateway's MAC answers for every address but the guest's own (sheet 3.1)."""
        if message.op != ARPOP_REQUEST or message.tpa == nic.ip:
            self.network.emit(self.name, packet_id, Delivered("arp", "ignored"))
            return
        note = "answered" if message.tpa == nic.gateway else "proxied"
        self._answer(nic, message, self._gateway_mac(nic), packet_id, note)

    def _route(self, nic: Nic, frame: Packet, ip: IPv4, packet_id: int) -> None:
        target = self.nic_of(ip.dst)
        route = self.route_to(ip.dst) if target is None else None
        refusal = self._refusal(nic, target, frame, ip)
        if refusal is not None:
            self._drop(packet_id, *refusal)
            return
        if self._lost(frame, packet_id):
            return
        self.firewall.note_egress(frame)
        if target is not None:
            self._deliver(target, frame, packet_id, target.why(ip.dst))
        elif route is not None and route.nic.source_dest_check:
            why = f"the route for {route.prefix} leads to {route.nic.vm}, which may not forward (canIpForward is false)"
            owner = Owner(self.component, f"the NIC of {route.nic.vm} in {self.name}", "can_ip_forward")
            self._drop(packet_id, "", why, ByFabric(route.nic.vm, why, owner, "can-ip-forward"))
        elif route is not None and route.nic is not nic:
            self._deliver(route.nic, frame, packet_id, f"the VPC's route for {route.prefix} leads to it")
        elif (
            self.internet is None
            or is_private(ip.dst)
            or any(ip.dst in each for each in self.subnets)
            or route is not None
        ):
            self._drop(packet_id, "route", f"no VM, alias range or route of the VPC has {ip.dst}")
        elif nic.external is None and self._cloud_nat is not None:
            self._leave_by_nat(self._cloud_nat, nic, frame, packet_id)
        else:
            self._leave(nic, frame, ip, packet_id)

    def _refusal(self, nic: Nic, target: Nic | None, frame: Packet, ip: IPv4) -> tuple[str, str, By | None] | None:
        """Why a packet does not even enter the fabric: kind, reason, and what decided where that is not the VPC."""
        if target is nic:
            # Whether the source is the VM's own, or it sends back what came from elsewhere: the fabric would bring it
            # back again.
            why = f"{ip.dst} belongs to {nic.vm}, and {nic.vm} itself sent it out: no pod or device there has that address"
            return "own range", why, None
        if nic.source_dest_check and not nic.owns(ip.src):
            why = f"{ip.src} is neither the address of {nic.vm} ({nic.ip}) nor in its alias ranges"
            return "source check", why, None
        if frame.size - 14 > self.mtu:
            return "mtu", f"the packet is longer than the VPC's MTU of {self.mtu}", None
        if ip.dst == METADATA:
            return "metadata server", "", ByNotModelled("the metadata server 169.254.169.254")
        if ip.dst == nic.gateway:
            return "gateway", f"the subnet's gateway {nic.gateway} answers ARP only", None
        return None

    def _deliver(self, nic: Nic, frame: Packet, packet_id: int, why: str) -> None:
        rule = self.firewall.ingress(frame, nic.tags)
        if rule is None:
            refused = (
                f"no firewall rule allows {self.firewall.describe(frame)} to {nic.vm}; "
                "ingress is denied by default (priority 65535)"
            )
            self._drop(packet_id, "firewall", refused)
            return
        allowed = "a connection that is known" if rule == "established" else f"firewall rule {rule}"
        self._hand(nic, frame, packet_id, why, allowed)

    def _mac_of(self, nic: Nic) -> Mac:
        return nic_mac(nic.ip)

    def _gateway_mac(self, nic: Nic) -> Mac:
        return nic_mac(nic.gateway)

    # -- the Internet --------------------------------------------------------------------------------------------

    def _leave_by_nat(self, nat: NatTable[Nic], nic: Nic, frame: Packet, packet_id: int) -> None:
        assert self.internet is not None  # noqa: S101 - the caller asked
        out = nat.outbound(nic, frame) if nat.carries(frame) else None
        if out is None:
            why = f"Cloud NAT translates whole connections of TCP, UDP and ICMP, and {nic.vm} has no external address"
            self._drop(packet_id, "no external address", why)
            return
        self.internet.carry(out, packet_id)

    def takes(self, ip: Ip) -> bool:
        """Whether an address of the Internet is that of a NIC or of Cloud NAT."""
        return super().takes(ip) or (self._cloud_nat is not None and ip == self._cloud_nat.external)

    def enter(self, frame: Packet, packet_id: int) -> None:
        """A packet from the Internet for an external address: translated, then through the firewall."""
        ip = frame.layers[1]
        nat = self._cloud_nat
        if nat is None or not isinstance(ip, IPv4) or ip.dst != nat.external:
            super().enter(frame, packet_id)
            return
        found = nat.inbound(frame)
        if found is None:
            self._drop(packet_id, "nat", f"{ip.dst} is Cloud NAT's address, and no VM behind it asked {ip.src}")
            return
        nic, inside = found
        self._arrive(nic, inside, packet_id)

    def _arrive(self, nic: Nic, frame: Packet, packet_id: int) -> None:
        ip = frame.layers[1]
        assert isinstance(ip, IPv4)  # noqa: S101 - the Internet carries IPv4
        self._deliver(nic, frame, packet_id, nic.why(ip.dst))
