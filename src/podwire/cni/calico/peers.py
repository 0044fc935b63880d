"""Who a node's BIRD speaks with, as the templates of confd have it (reference sheet Calico, section 8; confd of release v3.26)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from podwire.cni.backend import NodeSpec, View
from podwire.cni.bgp import Neighbour
from podwire.cni.calico.datastore import Datastore, others
from podwire.kube.calico.bgp import BGPConfiguration, BGPPeer, as_number, peer_address
from podwire.kube.calico.kinds import slot
from podwire.kube.selectors import parse_selector
from podwire.wire.addr import Ip, Ip4, Net

DEFAULT_AS: Final = 64512
ASN: Final = "projectcalico.org/ASNumber"
CLUSTER_ID: Final = "projectcalico.org/RouteReflectorClusterID"
"""Annotations of the Node."""
MESH: Final = "node-to-node mesh"
GLOBAL: Final = "global"
NODE: Final = "node specific"
"""Peer types, as ``calicoctl node status`` prints them."""
_KINDS: Final = ("Mesh", "Global", "Node")


class Peers:
    """The BGPPeers and BGPConfigurations of a cluster, as they are now."""

    def __init__(self, store: Datastore, view: View) -> None:
        self._store = store
        self._nodes = list(view.nodes())
        self._configurations: dict[str, BGPConfiguration] = {
            each.metadata.name: each for each in view.objects(slot("BGPConfiguration"))
        }
        self._peers: list[BGPPeer] = sorted(view.objects(slot("BGPPeer")), key=lambda peer: peer.metadata.name)

    def _setting(self, name: str) -> Any:
        found = self._configurations.get("default")
        return getattr(found.spec, name) if found is not None else None

    @property
    def mesh(self) -> bool:
        """``nodeToNodeMeshEnabled``."""
        return self._setting("node_to_node_mesh_enabled") is not False

    def asn(self, node: NodeSpec) -> int:
        """The node's own AS number, else that of the BGPConfiguration, else 64512."""
        own = node.annotations.get(ASN) or self._setting("as_number")
        return DEFAULT_AS if own is None else as_number(own)

    @staticmethod
    def cluster(node: NodeSpec) -> Ip | None:
        """The cluster id of a route reflector."""
        text = node.annotations.get(CLUSTER_ID)
        return Ip.parse(text) if text else None

    def services(self) -> list[Net]:
        """The ranges of Services that every node announces."""
        names = ("service_cluster_ips", "service_external_ips", "service_load_balancer_ips")
        found = [Net.parse(block.cidr) for name in names for block in self._setting(name) or ()]
        return [net for net in found if isinstance(net.addr, Ip4)]

    # -- sessions ------------------------------------------------------------------------------------------------------

    def of(self, node: NodeSpec) -> list[Neighbour]:
        """The sessions of a node, in the order of its bird.cfg: mesh, global peers, its own; one for each address."""
        found: dict[Ip, Neighbour] = {}
        if self._store.address(node) is not None:
            for each in (*self._mesh(node), *self._listed(node), *self._reverse(node)):
                found.setdefault(each.remote, each)
        return sorted(found.values(), key=lambda each: _KINDS.index(each.name.partition("_")[0]))

    def _mesh(self, node: NodeSpec) -> Iterator[Neighbour]:
        """All nodes but reflectors, among each other."""
        mine = self._store.address(node)
        if mine is None or not self.mesh or self.cluster(node) is not None:
            return
        asn, text = self.asn(node), str(mine.ip)
        for other in others(node, self._nodes):
            theirs = self._store.address(other)
            if theirs is not None and self.cluster(other) is None:
                yield Neighbour(
                    name=_name("Mesh", theirs.ip),
                    kind=MESH,
                    local=mine.ip,
                    asn=asn,
                    remote=theirs.ip,
                    remote_as=self.asn(other),
                    # Both sides compare the texts: the greater one connects.
                    passive=text < str(theirs.ip),
                )

    def _listed(self, node: NodeSpec) -> Iterator[Neighbour]:
        """BGPPeers that are about this node."""
        for peer in self._peers:
            if _is_about(peer, node):
                yield from self._sessions(node, peer)

    def _sessions(self, node: NodeSpec, peer: BGPPeer) -> Iterator[Neighbour]:
        spec = peer.spec
        if spec.peer_ip:
            address, port = peer_address(spec.peer_ip)
            known = next((each for each in self._nodes if self._address(each) == Ip.parse(address)), None)
            if known is None or known.name != node.name:
                asn = as_number(spec.as_number) or (self.asn(known) if known is not None else self.asn(node))
                yield self._session(node, peer, Ip.parse(address), port or 179, asn, known)
            return
        for other in self._selected(spec.peer_selector, node):
            remote = self._address(other)
            if remote is not None:
                yield self._session(node, peer, remote, 179, self.asn(other), other)

    def _session(
        self, node: NodeSpec, peer: BGPPeer, remote: Ip, port: int, asn: int, other: NodeSpec | None
    ) -> Neighbour:
        mine = self._store.address(node)
        kind = NODE if peer.spec.node or peer.spec.node_selector else GLOBAL
        cluster = self.cluster(node)
        local = mine.ip if mine is not None else node.internal_ip
        return Neighbour(
            name=_name("Node" if kind == NODE else "Global", remote),
            kind=kind,
            local=local,
            asn=self.asn(node),
            remote=remote,
            remote_as=asn,
            port=port,
            # Where both sides are nodes, confd makes one of them wait, as in the mesh.
            passive=other is not None and str(local) < str(remote),
            rr_client=cluster is not None
            and asn == self.asn(node)
            and other is not None
            and self.cluster(other) != cluster,
            cluster=cluster,
            keep_next_hop=peer.spec.keep_original_next_hop,
        )

    def _reverse(self, node: NodeSpec) -> Iterator[Neighbour]:
        """A peerSelector makes both directions: nodes that it selects have a session with those that the peer is about."""
        for peer in self._peers:
            if peer.spec.peer_selector and any(
                each.name == node.name for each in self._selected(peer.spec.peer_selector)
            ):
                for other in others(node, self._nodes):
                    remote = self._address(other)
                    if remote is not None and _is_about(peer, other):
                        yield self._session(node, peer, remote, 179, self.asn(other), other)

    def _selected(self, selector: str, but: NodeSpec | None = None) -> Iterable[NodeSpec]:
        chosen = parse_selector(selector)
        return (each for each in self._nodes if (but is None or each.name != but.name) and chosen(each.labels))

    def _address(self, node: NodeSpec) -> Ip | None:
        found = self._store.address(node)
        return found.ip if found is not None else None


def _is_about(peer: BGPPeer, node: NodeSpec) -> bool:
    spec = peer.spec
    if spec.node:
        return spec.node == node.name
    return not spec.node_selector or parse_selector(spec.node_selector)(node.labels)


def _name(kind: str, address: Ip) -> str:
    return f"{kind}_{str(address).replace('.', '_').replace(':', '_')}"
