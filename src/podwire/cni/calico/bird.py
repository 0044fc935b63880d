"""BIRD and confd: routes to the blocks of other nodes, blackholes for the node's own (reference sheet Calico, sections 1.8 and 8).

Sessions are the cluster's business (``View.speaker``): BIRD says with whom (``peers``) and exports, and writes what came to the kernel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from podwire.cni.backend import Desired, DesiredRoute, Hop, NodeSpec, Rescan, View
from podwire.cni.bgp import Learned, Neighbour, Path, SessionState, best
from podwire.cni.calico.autodetect import NodeAddress
from podwire.cni.calico.datastore import Datastore
from podwire.cni.calico.felix import TUNL0
from podwire.cni.calico.peers import Peers
from podwire.cni.calico.plugin import host
from podwire.kube.ippool import IPPoolObject
from podwire.linux.fib import BLACKHOLE, RT_TABLE_MAIN, RTPROT_BIRD, UNICAST
from podwire.linux.netlink import Netlink
from podwire.linux.netns import Netns
from podwire.trace.events import Owner
from podwire.wire.addr import Ip, Net

_SCAN_TIME: Final = 2 * 1_000_000_000
"""``scan time`` of the protocols kernel and device."""


class Bird:
    """BIRD on every node, with the filters that confd writes for it."""

    name = "bird"

    def __init__(self, store: Datastore) -> None:
        self._store = store
        self._peers: tuple[int, Peers] | None = None
        self._ready: set[str] = set()
        """Nodes on which all sessions were up once: from then on one is enough."""
        self.rescans = (Rescan(_SCAN_TIME, self.desired),)

    def desired(self, node: NodeSpec, view: View) -> Desired:
        """Blackholes for the node's own blocks, routes to what the others announce."""
        mine = self._store.address(node)
        if mine is None or node.name not in self._store.started:
            return Desired()
        routes = [*self._blackholes(node), *self._learned(node, mine, view)]
        return Desired(protos=frozenset({RTPROT_BIRD}), routes=tuple(routes))

    def log(self, node: str) -> list[str]:
        """What calico-node has logged on a node."""
        return self._store.log.get(node, [])

    def program(self, node: NodeSpec, door: Netlink, view: View) -> None:
        """Configure the sessions, and announce."""
        mine = self._store.address(node)
        speaker = view.speaker(node.name)
        if speaker is None or mine is None or node.name not in self._store.started:
            return
        peers = self.peers(view)
        own = [Path(net, mine.ip) for net in (*self._announcements(node, view), *peers.services())]
        services = frozenset(peers.services())
        blocks = tuple(self._store.blocks(node))

        def export(_: Neighbour, path: Path) -> bool:
            return self._exports(path, blocks, services)

        if speaker.configure(mine.ip, peers.of(node), own, export):
            view.told()
        states = speaker.sessions()
        if states and all(each.established for each in states):
            self._ready.add(node.name)

    def peers(self, view: View) -> Peers:
        """The sessions that are configured now."""
        if self._peers is None or self._peers[0] != view.revision:
            self._peers = view.revision, Peers(self._store, view)
        return self._peers[1]

    # -- readiness -----------------------------------------------------------------------------------------------

    def ready(self, node: NodeSpec, view: View) -> str:
        """What the readiness probe of calico-node says of BIRD; empty where it is ready.

        At the start every session has to be up, later one is enough (``-bird-ready``, cmd/calico-node health).
        """
        states = self.sessions(node, view)
        down = [str(each.neighbour.remote) for each in states if not each.established]
        if not down or (node.name in self._ready and len(down) < len(states)):
            return ""
        return f"calico/node is not ready: BIRD is not ready: BGP not established with {','.join(down)}"

    def sessions(self, node: NodeSpec, view: View) -> list[SessionState]:
        """What ``birdcl show protocols`` and ``calicoctl node status`` show."""
        speaker = view.speaker(node.name)
        return speaker.sessions() if speaker is not None and node.name in self._store.started else []

    # -- what a node announces -----------------------------------------------------------------------------------

    def _announcements(self, node: NodeSpec, view: View) -> Iterator[Net]:
        """Own blocks, and addresses that lie in a pool and in none of them: what the filter lets pass of what BIRD knows."""
        blocks = self._store.blocks(node)
        for block in blocks:
            if not self._is_hidden(self._store.pool_of(block)):
                yield block
        addresses = [pod.ip for pod in view.pods_on(node.name) if pod.ip is not None]
        for ip in (*addresses, *self._tunnel_addresses(node)):
            pool = self._store.pool_of(host(ip))
            if pool is not None and not self._is_hidden(pool) and not any(ip in block for block in blocks):
                yield host(ip)

    def _exports(self, path: Path, blocks: Sequence[Net], services: frozenset[Net]) -> bool:
        """``calico_export_to_bgp_peers``: what is below an own block, outside all pools or in a hidden one stays here."""
        net = path.prefix
        if any(net.plen > block.plen and net.addr in block for block in blocks):
            return False
        pool = self._store.pool_of(net)
        return net in blocks or net in services or (pool is not None and not self._is_hidden(pool))

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

    def _learned(self, node: NodeSpec, mine: NodeAddress, view: View) -> Iterator[DesiredRoute]:
        """``calico_kernel_programming``: what came, through the tunnel or past it, as its pool says."""
        speaker = view.speaker(node.name)
        if speaker is None:
            return
        netns = node.machine.root.netns
        own = set(self._store.blocks(node))
        names = {
            address.ip: other.name for other in view.nodes() if (address := self._store.address(other)) is not None
        }
        for prefix, ways in best(speaker.learned()).items():
            pool = self._store.pool_of(prefix)
            if prefix in own or (pool is not None and pool.vxlan_mode != "Never"):
                continue
            hops = [(way, _resolve(netns, way.path.next_hop)) for way in ways]
            usable = [(way, found) for way, found in hops if found]
            if not usable:
                continue
            first = usable[0][0].path.next_hop
            owner = _owner(pool, self._source(usable[0][0], names))
            if pool is not None and _tunnelled(pool, mine, first):
                yield DesiredRoute(dst=prefix, dev=TUNL0, via=first, proto=RTPROT_BIRD, onlink=True, owner=owner)
            else:
                merged = tuple(dict.fromkeys(hop for _, found in usable for hop in found))
                yield DesiredRoute(dst=prefix, hops=merged, proto=RTPROT_BIRD, owner=owner)

    def _source(self, way: Learned, names: dict[Ip, str]) -> str:
        """What a route is there for, in words."""
        prefix, node = way.path.prefix, names.get(way.path.next_hop)
        if node is None:
            return f"network {prefix} from {way.neighbour.name}"
        pool = self._store.pool_of(prefix)
        if pool is None:
            return f"network {prefix} of node {node}"
        what = "borrowed address" if prefix.plen == 32 and pool.block_size != 32 else "block"
        return f"{what} {prefix} of node {node}"


def _tunnelled(pool: IPPoolObject, mine: NodeAddress, next_hop: Ip) -> bool:
    """``krt_tunnel``: Always, or CrossSubnet to a node outside the own subnet."""
    return pool.ipip_mode == "Always" or (pool.ipip_mode == "CrossSubnet" and next_hop not in mine.subnet)


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
