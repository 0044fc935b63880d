"""calico-felix: routes and switches of pods, tunl0, vxlan.calico, routes of VXLAN pools (reference sheet Calico, sections 1 and 9)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from msgspec import structs

from podwire.cni.backend import (
    Desired,
    DesiredFdb,
    DesiredLink,
    DesiredNeighbour,
    DesiredRoute,
    LinkAddress,
    NodeSpec,
    PodSpec,
    Rescan,
    View,
)
from podwire.cni.calico.datastore import TUNNEL_TYPE, Datastore, device_of, others
from podwire.cni.calico.firewall import Firewall
from podwire.cni.calico.plugin import host, interface_sysctls
from podwire.linux.fib import BLACKHOLE, RTPROT_BOOT
from podwire.linux.link import SCOPE_LINK, Link
from podwire.linux.netlink import Netlink
from podwire.linux.netns import Netns
from podwire.linux.tunnel import VxlanConfig
from podwire.trace.events import Owner
from podwire.wire.addr import Ip, Net

TUNL0: Final = "tunl0"
VXLAN: Final = "vxlan.calico"
MTU_FILE: Final = "/var/lib/calico/mtu"
_VXLAN_PROTO: Final = 80
"""Protocol of Felix's blackholes and of its routes past the tunnel, unless FelixConfiguration names another one."""
_DEVICE_PERIOD: Final = 10 * 1_000_000_000
_ROUTE_PERIOD: Final = 90 * 1_000_000_000
"""RouteRefreshInterval."""
_RULE_PERIOD: Final = 90 * 1_000_000_000
"""IptablesRefreshInterval."""


class Felix:
    """Felix on every node. ``interface`` gives the name of a pod's interface."""

    name = "felix"

    def __init__(self, store: Datastore, interface: Callable[[PodSpec], str]) -> None:
        self._store = store
        self._interface = interface
        self.firewall = Firewall(store)
        self.rescans = (
            Rescan(_DEVICE_PERIOD, self._devices),
            Rescan(_ROUTE_PERIOD, self._routes),
            Rescan(_RULE_PERIOD, self._rules),
        )

    def desired(self, node: NodeSpec, view: View) -> Desired:
        """What Felix wants to be there."""
        if node.name not in self._store.started:
            return Desired()
        wanted = Desired(protos=frozenset({self._proto}))
        config = self._store.config
        if not config.remove_external_routes:
            wanted.device_protos = frozenset({config.device_route_protocol})
        self._workloads(wanted, node, view)
        self._ipip(wanted, node)
        if self._store.vxlan_enabled:
            self._vxlan(wanted, node, view)
        else:
            wanted.absent = frozenset({VXLAN})
        return wanted

    def _devices(self, node: NodeSpec, view: View) -> Desired:
        """``KeepIPIPDeviceInSync``, ``KeepVXLANDeviceInSync``; what is over a device that was made anew follows at once."""
        whole = self.desired(node, view)
        netns = node.machine.root.netns
        if all((link := netns.link(each.name)) is not None and link.is_up for each in whole.links):
            return Desired(links=whole.links)
        return structs.replace(whole, sysctls=())

    def _routes(self, node: NodeSpec, view: View) -> Desired:
        """RouteRefreshInterval: the tables of routes, and of those of VXLAN neighbours and entries, are compared again."""
        return structs.replace(self.desired(node, view), links=(), absent=frozenset(), bare=frozenset(), sysctls=())

    def _rules(self, node: NodeSpec, view: View) -> Desired:
        """IptablesRefreshInterval: what somebody has changed in the tables is mended."""
        if node.name in self._store.started:
            self.firewall.refresh(node.name)
            self.firewall.program(node, Netlink(node.machine.root.netns, Owner(self.name)), view)
        return Desired()

    def log(self, node: str) -> list[str]:
        """What calico-node has logged on a node."""
        return self._store.log.get(node, [])

    def program(self, node: NodeSpec, door: Netlink, view: View) -> None:
        """The MTU for the plugin (pods that are there keep theirs), chains and sets."""
        if node.name in self._store.started:
            self.firewall.program(node, door, view)
            node.machine.root.files[MTU_FILE] = str(self._store.pod_mtu(node.machine.root.netns))

    @property
    def _proto(self) -> int:
        proto = self._store.config.device_route_protocol
        return proto if proto != RTPROT_BOOT else _VXLAN_PROTO

    def _workloads(self, wanted: Desired, node: NodeSpec, view: View) -> None:
        """A /32 route and the switches of each pod's interface."""
        netns, config = node.machine.root.netns, self._store.config
        devices: list[str] = []
        routes: list[DesiredRoute] = []
        sysctls: list[tuple[str, str]] = []
        default_rp_filter = str(netns.conf_default.rp_filter)
        for pod in view.pods_on(node.name):
            name = self._interface(pod)
            if netns.link(name) is None or pod.ip is None:
                continue
            devices.append(name)
            routes.append(
                DesiredRoute(
                    dst=host(pod.ip),
                    dev=name,
                    scope=SCOPE_LINK,
                    proto=config.device_route_protocol,
                    src=config.source_address,
                    owner=Owner("felix", f"Pod {pod.key}"),
                )
            )
            sysctls += interface_sysctls(name)
            sysctls.append((f"net/ipv4/conf/{name}/rp_filter", default_rp_filter))
        wanted.devices = frozenset(devices)
        wanted.routes = tuple(routes)
        wanted.sysctls = tuple(sysctls)

    def _ipip(self, wanted: Desired, node: NodeSpec) -> None:
        """``tunl0`` with its one address; when IPIP is off it loses the address and stays."""
        store = self._store
        if not store.ipip_enabled:
            # Where FelixConfiguration itself turned IPIP off, it leaves the device alone.
            wanted.bare = frozenset() if store.config.ipip_enabled is False else frozenset({TUNL0})
            return
        ip = store.ipip_address(node)
        tunl0 = DesiredLink(
            name=TUNL0,
            kind="ipip",
            mtu=store.ipip_mtu(node.machine.root.netns),
            addresses=() if ip is None else (LinkAddress(ip),),
            owner=Owner("felix", f"Node {node.name}"),
        )
        wanted.links = (*wanted.links, tunl0)

    # -- VXLAN ---------------------------------------------------------------------------------------------------

    def _vxlan(self, wanted: Desired, node: NodeSpec, view: View) -> None:
        """The device, what leads to the other VTEPs, routes to their blocks, blackholes for the node's own."""
        netns = node.machine.root.netns
        wanted.devices |= {VXLAN}
        wanted.tables = frozenset({VXLAN})
        wanted.routes = (*wanted.routes, *self._blackholes(node))
        vtep = self._store.vtep(node)
        parent = device_of(netns, vtep.parent) if vtep is not None else None
        if vtep is None or parent is None:
            # Felix waits for its own VTEP; what another one left is not touched.
            return
        wanted.links = (*wanted.links, self._vxlan_device(node, netns, parent))
        neighbours, fdb = [], []
        for other in others(node, view.nodes()):
            theirs = self._store.vtep(other)
            if theirs is not None:
                owner = Owner("felix", f"Node {other.name}")
                neighbours.append(DesiredNeighbour(VXLAN, theirs.ip, theirs.mac, owner))
                fdb.append(DesiredFdb(VXLAN, theirs.mac, theirs.parent, owner))
        wanted.neighbours, wanted.fdb = tuple(neighbours), tuple(fdb)
        wanted.routes = (*wanted.routes, *self._remote_routes(node, view, parent))

    def _vxlan_device(self, node: NodeSpec, netns: Netns, parent: Link) -> DesiredLink:
        config, vtep = self._store.config, self._store.vtep(node)
        assert vtep is not None  # noqa: S101 - the caller has looked
        return DesiredLink(
            name=VXLAN,
            kind="vxlan",
            mtu=self._store.vxlan_mtu(netns),
            mac=vtep.mac,
            tunnel=VxlanConfig(
                vni=config.vxlan_vni,
                local=vtep.parent,
                lower=parent.ifindex,
                dstport=config.vxlan_port,
                learning=False,
            ),
            addresses=(LinkAddress(vtep.ip),),
            owner=Owner("felix", f"Node {node.name}"),
        )

    def _blackholes(self, node: NodeSpec) -> Iterator[DesiredRoute]:
        for block in self._store.blocks(node):
            pool = self._store.pool_of(block)
            if pool is not None and pool.vxlan_mode != "Never" and block.plen < block.addr.bits:
                owner = Owner("felix", f"IPPool {pool.name}", f"block {block} of node {node.name}")
                yield DesiredRoute(dst=block, type=BLACKHOLE, proto=self._proto, owner=owner)

    def _remote(self, node: NodeSpec, view: View) -> Iterator[tuple[Net, NodeSpec, str]]:
        """Prefixes behind other nodes, with what they are: their blocks, then addresses that they borrowed."""
        for other in others(node, view.nodes()):
            for block in self._store.blocks(other):
                yield block, other, "block"
        for ip, allocation in self._store.borrowed():
            user = view.node(allocation.node)
            if user is not None and user.name != node.name and TUNNEL_TYPE not in allocation.attributes:
                yield host(ip), user, "borrowed address"

    def _remote_routes(self, node: NodeSpec, view: View, parent: Link) -> Iterator[DesiredRoute]:
        for dst, other, what in self._remote(node, view):
            pool = self._store.pool_of(dst)
            if pool is None or pool.vxlan_mode == "Never":
                continue
            owner = Owner("felix", f"IPPool {pool.name}", f"{what} {dst} of node {other.name}")
            via: Ip | None = None
            if pool.vxlan_mode == "CrossSubnet" and self._store.same_subnet(node, other):
                address = self._store.address(other)
                via = address.ip if address is not None else None
                dev, proto = parent.name, self._proto
            else:
                vtep = self._store.vtep(other)
                via = vtep.ip if vtep is not None else None
                dev, proto = VXLAN, self._store.config.device_route_protocol
            if via is not None:
                source = self._store.config.source_address
                yield DesiredRoute(dst=dst, dev=dev, via=via, proto=proto, src=source, onlink=True, owner=owner)
