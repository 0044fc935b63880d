"""Machines and the networks they stand in: what boots, with which NICs, addresses and routes."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from podwire.cni.backend import NodeSpec
from podwire.cni.calico.config import Calico
from podwire.errors import ConfigError
from podwire.fabric.cloud import GcpVpc
from podwire.fabric.firewall import FirewallRule
from podwire.fabric.internet import Internet
from podwire.fabric.network import Network
from podwire.fabric.segment import Segment
from podwire.linux.errors import NetlinkError
from podwire.linux.fib import RTPROT_STATIC, NextHop, Route
from podwire.linux.link import SCOPE_LINK
from podwire.linux.machine import Machine
from podwire.linux.netlink import Netlink
from podwire.platform import gke
from podwire.platform.gke import GKE
from podwire.trace.events import Owner
from podwire.wire.addr import Ip, Ip4, Net

LAB = Owner("lab")
_DEFAULT_LAN = "192.168.10.0/24"
_DEFAULT_GATEWAY = "192.168.10.1"
"""Nodes of the network that podwire makes by itself have a default route, as real nodes have: without one, proxy ARP answers no pod."""
_HOSTS = "127.0.0.1\tlocalhost\n"


class NicSpec(msgspec.Struct, frozen=True):
    """A NIC of a machine: its device name, the network it is plugged into and its address with prefix length."""

    name: str
    network: str
    address: str = ""
    mtu: int = 0


class Builder:
    """Boots machines. One per cluster."""

    def __init__(self, network: Network, cni: Calico | GKE) -> None:
        self.network = network
        self.cni = cni
        self.segments: dict[str, Segment] = {}
        self.vpcs: dict[str, GcpVpc] = {}
        self._internet: Internet | None = None
        self._taken: dict[str, set[Ip]] = {}
        self._pod_cidrs: list[Net] = []
        self._own_lan: Segment | None = None

    @property
    def internet(self) -> Internet:
        """The Internet, made when first needed."""
        if self._internet is None:
            self._internet = Internet(self.network)
        return self._internet

    # -- networks ------------------------------------------------------------------------------------------------

    def add_segment(self, name: str, cidr: str, mtu: int, latency: float | None) -> Segment:
        """See ``Cluster.add_network``."""
        net = _net(f"network {name!r}", cidr)
        nanoseconds = None if latency is None else round(latency * 1_000_000_000)
        segment = (
            Segment(self.network, name, net, mtu=mtu)
            if nanoseconds is None
            else Segment(self.network, name, net, mtu=mtu, latency=nanoseconds)
        )
        self.segments[name] = segment
        return segment

    def add_vpc(self, name: str, cidr: str, project: str, zone: str, firewall: Sequence[FirewallRule]) -> GcpVpc:
        """See ``Cluster.add_vpc``."""
        vpc = GcpVpc(
            self.network, name, _net(f"network {name!r}", cidr), project=project, zone=zone, internet=self.internet
        )
        rules = (*self.cni.firewall_rules(), *firewall) if isinstance(self.cni, GKE) else tuple(firewall)
        for rule in rules:
            vpc.allow(rule)
        self.vpcs[name] = vpc
        return vpc

    def _network_for_node(self, node: str, name: str | None) -> Segment | GcpVpc:
        if name is not None:
            found = self.vpcs.get(name) or self.segments.get(name)
            if found is None:
                known = ", ".join([*self.segments, *self.vpcs]) or "none"
                raise ConfigError(f"node {node!r}", f"network {name!r} is not there; networks are {known}")
            return found
        if self.vpcs:
            return next(iter(self.vpcs.values()))
        if self.segments:
            return next(iter(self.segments.values()))
        if isinstance(self.cni, GKE):
            return self.add_vpc("vpc", self.cni.node_range, self.cni.project, self.cni.zone, ())
        self._own_lan = self.add_segment("lan", _DEFAULT_LAN, 1500, None)
        return self._own_lan

    # -- nodes ---------------------------------------------------------------------------------------------------

    def add_node(  # the fields of a node
        self,
        name: str,
        address: str | None,
        network: str | None,
        nics: list[NicSpec],
        gateway: str | None,
        routes: list[str],
        pod_cidr: str | None,
        external_ip: str | None,
        mtu: int | None,
        image: str | None,
    ) -> NodeSpec:
        """See ``Cluster.add_node``."""
        if name in self.network.machines:
            raise ConfigError(f"node {name!r}", "already exists")
        cidr = self._pod_cidr(name, pod_cidr)
        if nics:
            if address is not None or network is not None:
                raise ConfigError(f"node {name!r}", "give either nics or address and network")
            spec = self._plain_node(name, nics, gateway, cidr, mtu, image)
        else:
            home = self._network_for_node(name, network)
            if isinstance(home, GcpVpc):
                if gateway is not None or mtu is not None:
                    given = "gateway" if gateway is not None else "mtu"
                    raise ConfigError(f"node {name!r}", f"{given} cannot be given in a gcp-vpc: the VPC's DHCP decides")
                spec = self._vm(name, home, address, cidr, external_ip, image)
            else:
                if external_ip is not None:
                    raise ConfigError(f"node {name!r}", "external_ip needs a gcp-vpc network")
                text = address or f"{self._free(home.name, home.cidr, first=101)}/{home.cidr.plen}"
                way_out = _DEFAULT_GATEWAY if gateway is None and home is self._own_lan else gateway
                spec = self._plain_node(name, [NicSpec("eth0", home.name, text)], way_out, cidr, mtu, image)
        self._add_routes(name, spec.machine, routes)
        return spec

    def _pod_cidr(self, name: str, text: str | None) -> Net | None:
        if text is not None:
            cidr = _net(f"node {name!r}", text)
        elif isinstance(self.cni, GKE) or self.cni.ipam == "host-local":
            # The controller manager hands out /24s of the cluster's pod range, in order.
            whole = _net("GKE", self.cni.pod_range) if isinstance(self.cni, GKE) else Net.parse("10.244.0.0/16")
            index = next(
                i for i in range(1 << 24 - whole.plen) if Net(Ip4(int(whole.addr) + i * 256), 24) not in self._pod_cidrs
            )
            cidr = Net(Ip4(int(whole.addr) + index * 256), 24)
        else:
            return None
        self._pod_cidrs.append(cidr)
        return cidr

    def _free(self, network: str, cidr: Net, *, first: int) -> Ip:
        taken = self._taken.setdefault(network, set())
        address = next(
            Ip4(int(cidr.addr) + n) for n in range(first, 1 << 32 - cidr.plen) if Ip4(int(cidr.addr) + n) not in taken
        )
        taken.add(address)
        return address

    def _vm(
        self, name: str, vpc: GcpVpc, address: str | None, cidr: Net | None, external_ip: str | None, image: str | None
    ) -> NodeSpec:
        ip = _ip(f"node {name!r}", address.partition("/")[0]) if address else self._free(vpc.name, vpc.cidr, first=2)
        self._taken.setdefault(vpc.name, set()).add(ip)
        external = _ip(f"node {name!r}", external_ip) if external_ip else None
        tags = frozenset({f"gke-{self.cni.name}-node"}) if isinstance(self.cni, GKE) else frozenset()
        nic = vpc.add_nic(name, ip, aliases=(cidr,) if cidr else (), external=external, tags=tags)
        machine = self._boot(name, image or "cos")
        gke.start_node(machine, vpc, nic)
        return NodeSpec(name, machine, ip, cidr, vpc.mtu)

    def _plain_node(
        self, name: str, nics: list[NicSpec], gateway: str | None, cidr: Net | None, mtu: int | None, image: str | None
    ) -> NodeSpec:
        machine = self._boot(name, image or "debian-12")
        addresses = self._plug(name, machine, nics, mtu)
        if not addresses:
            raise ConfigError(f"node {name!r}", "has no address")
        if gateway is not None:
            self._default_route(name, machine, _ip(f"node {name!r}", gateway))
        return NodeSpec(name, machine, addresses[0], cidr, min(link.mtu for link in machine.root.netns.links()[1:]))

    def _boot(self, name: str, image: str) -> Machine:
        machine = self.network.add_machine(name, image)
        door = Netlink(machine.root.netns, Owner("image", image))
        for key, value in machine.image.sysctls.items():
            door.sysctl_write(key.replace(".", "/"), value)
        machine.root.files["/etc/hosts"] = _HOSTS
        return machine

    def _plug(self, name: str, machine: Machine, nics: Sequence[NicSpec], mtu: int | None) -> list[Ip]:
        door = Netlink(machine.root.netns, LAB)
        netns = machine.root.netns
        door.link_up(netns.loopback)
        addresses: list[Ip] = []
        for nic in nics:
            segment = self.segments.get(nic.network)
            if segment is None:
                raise ConfigError(
                    f"machine {name!r}",
                    f"network {nic.network!r} is not a segment; segments are {', '.join(self.segments) or 'none'}",
                )
            port = segment.new_port()
            link = door.ethernet_add(
                nic.name, netns.draw_mac(nic.name), port, mtu=nic.mtu or mtu or segment.mtu, qdisc="fq_codel", queues=1
            )
            port.link = link
            door.link_up(link)
            if nic.address:
                ip, plen = _interface(f"machine {name!r}", nic.address, segment.cidr)
                door.addr_add(link, ip, plen, broadcast=Net.of(ip, plen).broadcast if plen < 31 else None)
                self._taken.setdefault(segment.name, set()).add(ip)
                addresses.append(ip)
        return addresses

    def _default_route(self, name: str, machine: Machine, gateway: Ip) -> None:
        route = Route(Net(Ip4(0), 0), nexthops=(NextHop(via=gateway),))
        try:
            Netlink(machine.root.netns, LAB).route_add(route)
        except NetlinkError as error:
            raise ConfigError(f"machine {name!r}", f"gateway {gateway}: {error}") from error

    def _add_routes(self, name: str, machine: Machine, routes: Sequence[str]) -> None:
        for text in routes:
            words = text.split()
            if len(words) != 3 or words[1] != "via":
                raise ConfigError(f"machine {name!r}", f"route {text!r}: expected 'PREFIX via GATEWAY'")
            dst = Net(Ip4(0), 0) if words[0] == "default" else _net(f"machine {name!r}", words[0])
            route = Route(dst, proto=RTPROT_STATIC, nexthops=(NextHop(via=_ip(f"machine {name!r}", words[2])),))
            try:
                Netlink(machine.root.netns, LAB).route_add(route)
            except NetlinkError as error:
                raise ConfigError(f"machine {name!r}", f"route {text!r}: {error}") from error

    # -- routers and hosts ---------------------------------------------------------------------------------------

    def add_router(self, name: str, nics: Sequence[NicSpec], image: str, loopbacks: Sequence[str]) -> Machine:
        """See ``Cluster.add_router``."""
        specs = [
            nic
            if "/" in nic.address or nic.network not in self.segments
            else msgspec.structs.replace(nic, address=f"{nic.address}/{self.segments[nic.network].cidr.plen}")
            for nic in nics
        ]
        machine = self._boot(name, image)
        self._plug(name, machine, specs, None)
        door = Netlink(machine.root.netns, LAB)
        for number, text in enumerate(loopbacks, start=1):
            ip, plen = _interface(f"router {name!r}", text, None)
            link = door.link_add(f"loop{number}", "dummy")
            door.link_up(link)
            door.addr_add(link, ip, plen)
        door.sysctl_write("net/ipv4/ip_forward", "1")
        return machine

    def add_host(self, name: str, address: str, network: str | None, image: str) -> Machine:
        """See ``Cluster.add_host``."""
        if network is not None:
            machine = self._boot(name, image)
            self._plug(name, machine, [NicSpec("eth0", network, address)], None)
            return machine
        ip = _ip(f"host {name!r}", address)
        machine = self._boot(name, image)
        netns = machine.root.netns
        door = Netlink(netns, LAB)
        door.link_up(netns.loopback)
        port = self.internet.new_port(ip)
        link = door.ethernet_add("eth0", netns.draw_mac("eth0"), port, qdisc="fq_codel")
        port.link = link
        door.link_up(link)
        door.addr_add(link, ip, 32)
        door.route_add(Route(Net(Ip4(0), 0), scope=SCOPE_LINK, nexthops=(NextHop(link.ifindex),)))
        return machine


def _net(what: str, text: str) -> Net:
    try:
        return Net.parse(text)
    except ValueError as error:
        raise ConfigError(what, str(error)) from None


def _ip(what: str, text: str) -> Ip:
    try:
        return Ip.parse(text)
    except ValueError as error:
        raise ConfigError(what, str(error)) from None


def _interface(what: str, text: str, cidr: Net | None) -> tuple[Ip, int]:
    """``ADDRESS/LENGTH``; without a length the network's own, or the host's."""
    head, slash, tail = text.partition("/")
    ip = _ip(what, head)
    if slash and not (tail.isdecimal() and int(tail) <= ip.bits):
        raise ConfigError(what, f"address {text!r}: expected ADDRESS/LENGTH")
    if cidr is not None and ip not in cidr:
        raise ConfigError(what, f"address {text!r} is outside the network {cidr}")
    if slash:
        return ip, int(tail)
    return ip, cidr.plen if cidr is not None else ip.bits
