"""Machines and the networks they stand in: what boots, with which NICs, addresses and routes."""

from __future__ import annotations

from collections.abc import Sequence

from podwire.cluster.cables import LAB, Cables, NicSpec, interface, vias
from podwire.cluster.networks import AnyNetwork, Networks, ip_of, net_of, route_words
from podwire.cluster.ways import Ways
from podwire.cni.backend import CniSettings, NodeSpec
from podwire.errors import ConfigError
from podwire.fabric.cloud import GcpVpc
from podwire.fabric.network import Network
from podwire.fabric.segment import Segment
from podwire.fabric.uplink import Uplink
from podwire.fabric.vnet import VirtualNetwork
from podwire.linux.errors import NetlinkError
from podwire.linux.fib import RTPROT_STATIC, NextHop, Route
from podwire.linux.link import SCOPE_LINK
from podwire.linux.machine import Machine
from podwire.linux.netlink import Netlink
from podwire.platform import gke
from podwire.platform.gke import GKE
from podwire.trace.events import Owner
from podwire.wire.addr import Ip, Ip4, Net

_DEFAULT_LAN = "192.168.10.0/24"
_DEFAULT_GATEWAY = "192.168.10.1"
"""Nodes of the network that podwire makes by itself have a default route, as real nodes have: without one, proxy ARP answers no pod."""
_HOSTS = "127.0.0.1\tlocalhost\n"


class Builder:
    """Boots machines. One per cluster."""

    def __init__(self, network: Network, cni: CniSettings) -> None:
        self.network = network
        self.cni = cni
        self.networks = Networks(network, cni)
        self.cables = Cables(self.networks)
        self.ways = Ways(network)
        self._pod_cidrs: list[Net] = []
        self._own_lan: Segment | None = None

    def _network_for_node(self, node: str, name: str | None) -> AnyNetwork:
        if name is not None:
            return self.networks.find(f"node {node!r}", name)
        # A cloud first, then a segment, an uplink only where there is nothing else.
        homes: list[AnyNetwork] = sorted(
            self.networks, key=lambda home: 2 if isinstance(home, Uplink) else isinstance(home, Segment)
        )
        if homes:
            return homes[0]
        if isinstance(self.cni, GKE):
            return self.networks.add_vpc("vpc", self.cni.node_range, self.cni.project, self.cni.zone, ())
        lan = self.networks.add("lan", _DEFAULT_LAN)
        self._own_lan = lan if isinstance(lan, Segment) else None
        return lan

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
        source_dest_check: bool = True,  # noqa: FBT001, FBT002 - one more field of a node
    ) -> NodeSpec:
        """See ``Cluster.add_node``."""
        what = f"node {name!r}"
        if name in self.network.machines:
            raise ConfigError(what, "already exists")
        cidr = self._pod_cidr(name, pod_cidr)
        if nics:
            if address is not None or network is not None:
                raise ConfigError(what, "give either nics or address and network")
            if external_ip is not None:
                raise ConfigError(what, "external_ip goes with address and network, not with nics")
            spec = self._plain_node(name, nics, gateway, routes, cidr, mtu, image)
        else:
            home = self._network_for_node(name, network)
            if isinstance(home, Segment | Uplink):
                if external_ip is not None:
                    raise ConfigError(what, "external_ip needs a network of a cloud")
                if not source_dest_check:
                    raise ConfigError(what, "source_dest_check needs a network of a cloud")
            elif gateway is not None or mtu is not None:
                given = "gateway" if gateway is not None else "mtu"
                raise ConfigError(what, f"{given} cannot be given in a cloud's network: its DHCP decides")
            if isinstance(home, GcpVpc):
                spec = self._vm(name, home, address, cidr, external_ip, image, source_dest_check)
            else:
                nic = self._only_nic(home, address, source_dest_check)
                way_out = _DEFAULT_GATEWAY if gateway is None and home is self._own_lan else gateway
                spec = self._plain_node(name, [nic], way_out, routes, cidr, mtu, image, external_ip)
                gateway = way_out
            nics = [NicSpec("eth0", home.name)]
        self._add_routes(name, spec.machine, routes)
        if cidr is not None:
            self._pod_cidrs.append(cidr)
        if gateway is None and not routes:
            self.ways.manage(name)
            self.ways.join(name, tuple(nic.network for nic in nics))
        return spec

    def _only_nic(self, home: Segment | Uplink | VirtualNetwork, address: str | None, check: bool) -> NicSpec:  # noqa: FBT001
        """eth0 of a node that was given no ``nics``."""
        if isinstance(home, VirtualNetwork):
            return NicSpec("eth0", home.name, address or "", source_dest_check=check)
        if isinstance(home, Uplink):
            return NicSpec("eth0", home.name, address or "", dhcp=address is None)
        text = address or f"{self.networks.free(home.name, home.cidr, first=101)}/{home.cidr.plen}"
        return NicSpec("eth0", home.name, text)

    def _pod_cidr(self, name: str, text: str | None) -> Net | None:
        if text is not None:
            cidr = net_of(f"node {name!r}", text)
        elif self.cni.pod_range is not None:
            # The controller manager hands out /24s of the cluster's pod range, in order.
            whole = net_of(type(self.cni).__name__, self.cni.pod_range)
            index = next(
                i for i in range(1 << 24 - whole.plen) if Net(Ip4(int(whole.addr) + i * 256), 24) not in self._pod_cidrs
            )
            cidr = Net(Ip4(int(whole.addr) + index * 256), 24)
        else:
            return None
        return cidr

    def _vm(
        self,
        name: str,
        vpc: GcpVpc,
        address: str | None,
        cidr: Net | None,
        external_ip: str | None,
        image: str | None,
        check: bool,  # noqa: FBT001 - a field of the node
    ) -> NodeSpec:
        what = f"node {name!r}"
        subnet = vpc.subnets[0]
        ip = (
            ip_of(what, address.partition("/")[0]) if address else self.networks.free(vpc.name, subnet, first=2, last=2)
        )
        self.networks.take(vpc.name, ip)
        external = ip_of(what, external_ip) if external_ip else None
        tags = frozenset({self.cni.node_tag}) if isinstance(self.cni, GKE) else frozenset()
        nic = vpc.add_nic(
            name, ip, aliases=(cidr,) if cidr else (), external=external, tags=tags, source_dest_check=check
        )
        machine = self._boot(name, image or "cos", "node")
        default_snat = self.cni.default_snat if isinstance(self.cni, GKE) else None
        gke.start_node(machine, vpc, nic, default_snat=default_snat)
        return NodeSpec(name, machine, ip, cidr, vpc.mtu)

    def _plain_node(
        self,
        name: str,
        nics: list[NicSpec],
        gateway: str | None,
        routes: list[str],
        cidr: Net | None,
        mtu: int | None,
        image: str | None,
        external_ip: str | None = None,
    ) -> NodeSpec:
        what = f"node {name!r}"
        external = ip_of(what, external_ip) if external_ip else None
        self.cables.check(what, nics, vias(what, routes, gateway), external, node=True)
        machine = self._boot(name, image or "debian-12", "node")
        addresses = self.cables.plug(machine, nics, mtu, external)
        if gateway is not None:
            self._default_route(name, machine, ip_of(what, gateway))
        return NodeSpec(name, machine, addresses[0], cidr, min(link.mtu for link in machine.root.netns.links()[1:]))

    def _boot(self, name: str, image: str, role: str = "host") -> Machine:
        machine = self.network.add_machine(name, image, role)
        door = Netlink(machine.root.netns, Owner("image", image))
        for key, value in machine.image.sysctls.items():
            door.sysctl_write(key.replace(".", "/"), value)
        machine.root.files["/etc/hosts"] = _HOSTS
        return machine

    def _default_route(self, name: str, machine: Machine, gateway: Ip) -> None:
        route = Route(Net(Ip4(0), 0), nexthops=(NextHop(via=gateway),))
        try:
            Netlink(machine.root.netns, LAB).route_add(route)
        except NetlinkError as error:
            raise ConfigError(f"machine {name!r}", f"gateway {gateway}: {error}") from error

    def _add_routes(self, name: str, machine: Machine, routes: Sequence[str]) -> None:
        what = f"machine {name!r}"
        for text in routes:
            dst, via = route_words(what, text)
            route = Route(dst, proto=RTPROT_STATIC, nexthops=(NextHop(via=ip_of(what, via)),))
            try:
                Netlink(machine.root.netns, LAB).route_add(route)
            except NetlinkError as error:
                raise ConfigError(what, f"route {text!r}: {error}") from error

    # -- routers and hosts ---------------------------------------------------------------------------------------

    def add_router(
        self, name: str, nics: Sequence[NicSpec], image: str, loopbacks: Sequence[str], routes: Sequence[str] = ()
    ) -> Machine:
        """See ``Cluster.add_router``."""
        what = f"router {name!r}"
        self.cables.check(what, nics, vias(what, routes))
        dummies = [interface(what, text, None) for text in loopbacks]
        machine = self._boot(name, image, "router")
        self.cables.plug(machine, nics)
        door = Netlink(machine.root.netns, LAB)
        for number, (ip, plen) in enumerate(dummies, start=1):
            link = door.link_add(f"loop{number}", "dummy")
            door.link_up(link)
            door.addr_add(link, ip, plen)
        door.sysctl_write("net/ipv4/ip_forward", "1")
        self._add_routes(name, machine, routes)
        if not routes:
            self.ways.manage(name)
        self.ways.renew()
        return machine

    def add_host(self, name: str, address: str, network: str | None, image: str) -> Machine:
        """See ``Cluster.add_host``."""
        what = f"host {name!r}"
        if network is not None:
            dhcp = address == "dhcp"
            nic = NicSpec("eth0", network, "" if dhcp else address, dhcp=dhcp)
            self.cables.check(what, [nic], node=True)
            machine = self._boot(name, image)
            self.cables.plug(machine, [nic])
            self.ways.manage(name)
            self.ways.join(name, (network,))
            return machine
        ip = ip_of(what, address)
        self.network.require_free(what, name)
        internet = self.networks.internet
        internet.claim(ip, what)
        machine = self._boot(name, image)
        netns = machine.root.netns
        door = Netlink(netns, LAB)
        door.link_up(netns.loopback)
        port = internet.new_port(ip)
        link = door.ethernet_add("eth0", netns.draw_mac("eth0"), port, qdisc="fq_codel")
        port.link = link
        door.link_up(link)
        door.addr_add(link, ip, 32)
        door.route_add(Route(Net(Ip4(0), 0), scope=SCOPE_LINK, nexthops=(NextHop(link.ifindex),)))
        return machine
