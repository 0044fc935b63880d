"""Google's VPC as a fabric (reference sheet kube-proxy and GKE, section 3).

A VM's NIC is alone on its segment: whatever it asks for by ARP, the gateway's MAC answers. The fabric looks at the
destination address alone, takes no TTL, checks the source, keeps a stateful firewall and translates external
addresses one to one; Cloud NAT lends one to those that have none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from podwire.fabric.balancer import Balancers, ForwardingRule, serves
from podwire.fabric.cloudnat import MIN_PORTS, CloudNat
from podwire.fabric.firewall import Firewall, FirewallRule
from podwire.fabric.internet import is_private
from podwire.fabric.loss import Loss
from podwire.fabric.port import Port
from podwire.fabric.segment import LATENCY
from podwire.fabric.vpc import METADATA, CloudNetwork, Nic
from podwire.trace.events import By, ByFabric, ByNotModelled, Delivered, Owner
from podwire.wire.addr import Ip, Mac, Net
from podwire.wire.headers import ARPOP_REQUEST, Arp, Icmp, IPv4
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

    ``cloud_nat`` is the address of a Cloud NAT that covers all ranges, alias ranges too; it serves sources without an external
    address (section 3.3): VMs that have none, and alias addresses of all. ``cloud_nat_ports`` is how many ports each VM has there.
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
        cloud_nat_ports: int = MIN_PORTS,
    ) -> None:
        network.require_free(f"network {name!r}", name)
        if cloud_nat is not None and internet is not None:
            internet.require_free(cloud_nat, f"network {name!r}")
        nat = None
        if cloud_nat is not None:
            nat = CloudNat(network, cloud_nat, f"network {name!r}", min_ports=cloud_nat_ports)
        super().__init__(
            network, name, cidr, (cidr, *subnets), mtu=mtu, latency=latency, drops=drops, internet=internet
        )
        self.project = project
        self.zone = zone
        self.firewall = Firewall(network)
        self.balancers = Balancers(network)
        self._cloud_nat = nat
        if cloud_nat is not None and internet is not None:
            internet.claim(cloud_nat, f"network {name!r}")

    # -- configuration -------------------------------------------------------------------------------------------

    def allow(self, rule: FirewallRule) -> None:
        """Add a firewall rule."""
        self.firewall.add(rule)

    def balance(self, rule: ForwardingRule) -> None:
        """A load balancer comes; raises ``ConfigError`` where somebody has its address. One that is there is changed."""
        if self.balancers.rule(rule.ip) is None and self.internet is not None:
            self.internet.claim(rule.ip, f"load balancer {rule.name}")
        self.balancers.add(rule)

    def unbalance(self, ip: Ip) -> None:
        """The load balancer with that address goes; somebody else may have the address then."""
        if self.balancers.rule(ip) is not None and self.internet is not None:
            self.internet.release(ip)
        self.balancers.remove(ip)

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
        verdict = self.firewall.egress(frame, nic.vm, nic.tags)
        if not verdict.allowed:
            denied = f"firewall rule {verdict.rule} denies {nic.vm} to send {self.firewall.service(frame)} to {ip.dst}"
            self._refuse(packet_id, "firewall", "firewall-egress", denied)
        elif target is not None:
            self._deliver(target, frame, packet_id, target.why(ip.dst), nic.tags)
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
        elif self._balances(nic, ip.src):
            self.internet.carry(frame, packet_id)
        elif self._cloud_nat is not None and (nic.external is None or ip.src != nic.ip):
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
        if nic.source_dest_check and not nic.owns(ip.src) and not self._balances(nic, ip.src):
            why = f"{ip.src} is neither the address of {nic.vm} ({nic.ip}) nor in its alias ranges"
            return "source check", why, None
        if frame.size - 14 > self.mtu:
            return "mtu", f"the packet is longer than the VPC's MTU of {self.mtu}", None
        if ip.dst == METADATA:
            return "metadata server", "", ByNotModelled("the metadata server 169.254.169.254")
        if ip.dst == nic.gateway:
            return "gateway", f"the subnet's gateway {nic.gateway} answers ARP only", None
        return None

    def _balances(self, nic: Nic, ip: Ip) -> bool:
        """Whether an address is that of a load balancer which has a VM as backend: it may answer with that as its source."""
        rule = self.balancers.rule(ip)
        return rule is not None and nic.vm in rule.backends()

    def _refuse(self, packet_id: int, name: str, kind: str, why: str) -> None:
        """A part of the VPC, which ``why`` names, loses a packet; ``kind`` selects the remedy."""
        self._drop(packet_id, name, why, ByFabric(name, why, Owner(self.component, f"{self.noun} {self.name}"), kind))

    def _deliver(self, nic: Nic, frame: Packet, packet_id: int, why: str, sender: frozenset[str] = frozenset()) -> None:
        verdict = self.firewall.ingress(frame, nic.vm, nic.tags, sender)
        if not verdict.allowed and verdict.rule:
            denied = f"firewall rule {verdict.rule} denies {self.firewall.describe(frame)} to {nic.vm}"
            self._refuse(packet_id, "firewall", "firewall-deny", denied)
            return
        if not verdict.allowed:
            refused = (
                f"no firewall rule allows {self.firewall.describe(frame)} to {nic.vm}; "
                "ingress is denied by default (priority 65535)"
            )
            self._drop(packet_id, "firewall", refused)
            return
        known = verdict.rule == "established"
        allowed = "a connection that is known" if known else f"firewall rule {verdict.rule}"
        self._hand(nic, frame, packet_id, why, allowed)

    def _mac_of(self, nic: Nic) -> Mac:
        return nic_mac(nic.ip)

    def _gateway_mac(self, nic: Nic) -> Mac:
        return nic_mac(nic.gateway)

    # -- the Internet --------------------------------------------------------------------------------------------

    def _leave_by_nat(self, nat: CloudNat, nic: Nic, frame: Packet, packet_id: int) -> None:
        assert self.internet is not None  # noqa: S101 - the caller asked
        out = nat.outbound(nic, frame) if nat.carries(frame) else None
        if out is None and nat.carries(frame) and nat.is_full(nic, frame):
            ports = f"the {nat.min_ports} ports of {nic.vm}" if nat.ports_of(nic) else "all its ports"
            ip = frame.layers[1]
            to = f" towards {ip.dst}" if isinstance(ip, IPv4) else ""
            self._refuse(packet_id, "Cloud NAT", "nat-ports", f"Cloud NAT has no free port: {ports} are in use{to}")
            return
        if out is None:
            has = (
                f"{nic.vm} has no external address" if nic.external is None else "alias addresses have no external one"
            )
            why = f"Cloud NAT translates whole connections of TCP, UDP and ICMP, and {has}"
            self._drop(packet_id, "no external address", why)
            return
        self.internet.carry(out, packet_id)

    def takes(self, ip: Ip) -> bool:
        """Whether an address of the Internet is that of a NIC or of Cloud NAT."""
        shared = self._cloud_nat is not None and ip == self._cloud_nat.external
        return super().takes(ip) or shared or self.balancers.rule(ip) is not None

    def enter(self, frame: Packet, packet_id: int) -> None:
        """A packet from the Internet for an external address: translated, then through the firewall."""
        ip = frame.layers[1]
        nat = self._cloud_nat
        if isinstance(ip, IPv4) and (rule := self.balancers.rule(ip.dst)) is not None:
            self._enter_balanced(rule, frame, packet_id)
            return
        if nat is None or not isinstance(ip, IPv4) or ip.dst != nat.external:
            super().enter(frame, packet_id)
            return
        found = nat.inbound(frame)
        if found is None:
            self._refuse(
                packet_id, "Cloud NAT", "nat", f"{ip.dst} is Cloud NAT's address, and no VM behind it asked {ip.src}"
            )
            return
        nic, inside = found
        self._arrive(nic, inside, packet_id)

    def _enter_balanced(self, rule: ForwardingRule, frame: Packet, packet_id: int) -> None:
        """A packet for a load balancer goes to one of its backends, as it is."""
        message = frame.find(Icmp)
        ip = frame.layers[1]
        if (isinstance(ip, IPv4) and ip.is_fragment) or (message is not None and message.is_error):
            what = "a fragment" if message is None else "an ICMP error"
            self._drop(packet_id, "", "", ByNotModelled(f"{what} for load balancer {rule.name}"))
            return
        if not serves(rule, frame):
            why = f"load balancer {rule.name} at {rule.ip} takes no {self.firewall.service(frame)}"
            self._refuse(packet_id, "load balancer", "load-balancer-port", why)
            return
        nic = self.balancers.pick(rule, frame, self.nics)
        if nic is None:
            self._refuse(
                packet_id, "load balancer", "load-balancer", f"load balancer {rule.name} at {rule.ip} has no backend"
            )
            return
        self._deliver(nic, frame, packet_id, f"load balancer {rule.name} has {rule.ip} and chose it")

    def _arrive(self, nic: Nic, frame: Packet, packet_id: int) -> None:
        ip = frame.layers[1]
        assert isinstance(ip, IPv4)  # noqa: S101 - the Internet carries IPv4
        self._deliver(nic, frame, packet_id, nic.why(ip.dst))
