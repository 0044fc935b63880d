"""BIRD and confd: routes to the blocks of other nodes, blackholes for the node's own (reference sheet Calico, sections 1.8 and 8).

The full mesh of nodes exchanges prefixes: what a node announces is remembered when its BIRD acts, and every other one reads that. Who is
not connected through the kernel's routes has no session.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from podwire.cni.backend import Desired, DesiredRoute, Hop, NodeSpec, Rescan, View
from podwire.cni.calico.autodetect import NodeAddress
from podwire.cni.calico.datastore import Datastore, others
from podwire.cni.calico.felix import TUNL0
from podwire.cni.calico.plugin import host
from podwire.kube.ippool import IPPoolObject
from podwire.linux.fib import BLACKHOLE, RT_TABLE_MAIN, RTPROT_BIRD, UNICAST
from podwire.linux.netlink import Netlink
from podwire.linux.netns import Netns
from podwire.trace.events import Owner
from podwire.wire.addr import Ip, Net

_SCAN_TIME: Final = 2 * 1_000_000_000
"""``scan time`` of the protocols kernel and device."""


class Announcement(msgspec.Struct, frozen=True):
    """A prefix that a node announces; ``what`` it is: a block, an address borrowed from another node's block."""

    prefix: Net
    what: str


class Bird:
    """BIRD on every node, with the filters that confd writes for it."""

    name = "bird"

    def __init__(self, store: Datastore) -> None:
        self._store = store
        self._announced: dict[str, tuple[Announcement, ...]] = {}
        self.rescans = (Rescan(_SCAN_TIME, self.desired),)

    def desired(self, node: NodeSpec, view: View) -> Desired:
        """Blackholes for the node's own blocks, routes to what the others announce."""
        mine = self._store.address(node)
        if mine is None or node.name not in self._store.started:
            return Desired()
        routes = [*self._blackholes(node), *self._mesh(node, mine, view)]
        return Desired(protos=frozenset({RTPROT_BIRD}), routes=tuple(routes))

    def log(self, node: str) -> list[str]:
        """What calico-node has logged on a node."""
        return self._store.log.get(node, [])

    def program(self, node: NodeSpec, door: Netlink, view: View) -> None:
        """Announce to the mesh."""
        if node.name not in self._store.started:
            return
        announced = tuple(self._announcements(node, view))
        if self._announced.get(node.name, ()) != announced:
            self._announced[node.name] = announced
            view.told()

    # -- what a node announces -----------------------------------------------------------------------------------

    def _announcements(self, node: NodeSpec, view: View) -> Iterator[Announcement]:
        """``calico_export_to_bgp_peers``: own blocks and nothing below them; other addresses that lie in a pool."""
        blocks = self._store.blocks(node)
        for block in blocks:
            if not self._is_hidden(self._store.pool_of(block)):
                yield Announcement(block, "block")
        addresses = [pod.ip for pod in view.pods_on(node.name) if pod.ip is not None]
        for ip in (*addresses, *self._tunnel_addresses(node)):
            pool = self._store.pool_of(host(ip))
            if pool is not None and not self._is_hidden(pool) and not any(ip in block for block in blocks):
                yield Announcement(host(ip), "borrowed address")

    def _tunnel_addresses(self, node: NodeSpec) -> list[Ip]:
        """The addresses of the tunnel devices: BIRD's protocol direct knows them."""
        ipip = self._store.ipip_address(node) if self._store.ipip_enabled else None
        vtep = self._store.vtep(node) if self._store.vxlan_enabled else None
        return [ip for ip in (ipip, vtep.ip if vtep is not None else None) if ip is not None]

    @staticmethod
    def _is_hidden(pool: IPPoolObject | None) -> bool:
        return pool is not None and pool.disable_bgp_export

    # -- what a node does with it --------------------------------------------------------------------------------

    def _blackholes(self, node: NodeSpec) -> Iterator[DesiredRoute]:
        """``protocol static``: a backstop for each block, but for those of a single address."""
        for block in self._store.blocks(node):
            pool = self._store.pool_of(block)
            if block.plen < block.addr.bits and not (pool is not None and pool.vxlan_mode != "Never"):
                owner = _owner(pool, f"block {block} of node {node.name}")
                yield DesiredRoute(dst=block, type=BLACKHOLE, proto=RTPROT_BIRD, owner=owner)

    def _mesh(self, node: NodeSpec, mine: NodeAddress, view: View) -> Iterator[DesiredRoute]:
        """``calico_kernel_programming``: what each peer announces, through the tunnel or past it, as its pool says."""
        netns = node.machine.root.netns
        own = set(self._store.blocks(node))
        for other in others(node, view.nodes()):
            theirs = self._store.address(other)
            way = _resolve(netns, theirs.ip) if theirs is not None else ()
            if theirs is None or not way:
                continue
            for each in self._announced.get(other.name, ()):
                pool = self._store.pool_of(each.prefix)
                if each.prefix in own or (pool is not None and pool.vxlan_mode != "Never"):
                    continue
                owner = _owner(pool, f"{each.what} {each.prefix} of node {other.name}")
                if pool is not None and _tunnelled(pool, mine, theirs):
                    yield DesiredRoute(
                        dst=each.prefix, dev=TUNL0, via=theirs.ip, proto=RTPROT_BIRD, onlink=True, owner=owner
                    )
                else:
                    yield DesiredRoute(dst=each.prefix, hops=way, proto=RTPROT_BIRD, owner=owner)


def _tunnelled(pool: IPPoolObject, mine: NodeAddress, theirs: NodeAddress) -> bool:
    """``krt_tunnel``: Always, or CrossSubnet to a node outside the own subnet."""
    return pool.ipip_mode == "Always" or (pool.ipip_mode == "CrossSubnet" and theirs.ip not in mine.subnet)


def _resolve(netns: Netns, address: Ip) -> tuple[Hop, ...]:
    """``gateway recursive``: the next hops by which the kernel's other routes lead to a peer; none where there is no way.

    A peer that BIRD's own routes lead to cannot be resolved: a recursive route does not depend on another one.
    """
    route = next(iter(netns.table(RT_TABLE_MAIN).candidates(address)), None)
    if route is None or route.type != UNICAST or route.proto == RTPROT_BIRD:
        return ()
    hops = [(netns.link_by_index(hop.ifindex), hop) for hop in route.nexthops if not hop.dead]
    return tuple(
        Hop(link.name, hop.via if hop.via is not None else address, hop.weight)
        for link, hop in hops
        if link is not None and link.is_up
    )


def _owner(pool: IPPoolObject | None, what: str) -> Owner:
    return Owner("bird", f"IPPool {pool.name}", what) if pool is not None else Owner("bird", what)
