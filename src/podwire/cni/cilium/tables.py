"""What an agent writes into the maps: who is behind which address (reference sheet Cilium, 5.4, 7.3)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from podwire.cni.cilium.devices import local_addresses
from podwire.cni.cilium.identity import Reserved
from podwire.cni.cilium.maps import EGRESS, INGRESS, EndpointInfo, PolicyEntry, PolicyKey, RemoteEndpoint
from podwire.wire.addr import Ip, Ip4, Net

if TYPE_CHECKING:
    from podwire.cni.cilium.config import Cilium
    from podwire.cni.cilium.state import NodeState
    from podwire.linux.netns import Netns

_EVERYTHING = Net(Ip4(0), 0)


def ipcache(netns: Netns, here: NodeState, others: Iterable[NodeState], config: Cilium) -> dict[Net, RemoteEndpoint]:
    """The rows of one node. A tunnel endpoint is written whenever another node is behind the address, whatever the mode."""
    rows = {_EVERYTHING: RemoteEndpoint(Reserved.WORLD)}
    for ip in local_addresses(netns):
        rows[_host(ip)] = RemoteEndpoint(Reserved.HOST)
    for other in others:
        identity = Reserved.KUBE_APISERVER if other.is_api_server else Reserved.REMOTE_NODE
        rows[_host(other.internal_ip)] = RemoteEndpoint(identity)
        rows[_host(other.router)] = _behind(other, Reserved.REMOTE_NODE)
        if config.minor >= 18:
            rows[other.cidr] = _behind(other, Reserved.WORLD)
        for endpoint in other.endpoints.values():
            rows[_host(endpoint.ip)] = _behind(other, endpoint.identity)
    for endpoint in here.endpoints.values():
        rows[_host(endpoint.ip)] = RemoteEndpoint(endpoint.identity)
    return rows


def _host(ip: Ip) -> Net:
    return Net(ip, ip.bits)


def _behind(node: NodeState, identity: int) -> RemoteEndpoint:
    return RemoteEndpoint(identity, node.internal_ip, has_tunnel=True)


def endpoints(netns: Netns, here: NodeState) -> dict[Ip, EndpointInfo]:
    """``cilium_lxc``: every address of the node, and its pods as far as their devices are there."""
    rows = {ip: EndpointInfo(is_host=True, sec_id=Reserved.HOST) for ip in local_addresses(netns)}
    for endpoint in here.endpoints.values():
        link = netns.link(endpoint.interface)
        if link is not None and link.peer is not None:
            rows[endpoint.ip] = EndpointInfo(
                endpoint.id, endpoint.identity, link.ifindex, mac=link.peer.mac, node_mac=link.mac
            )
    return rows


def tunnels(others: Iterable[NodeState]) -> dict[Ip, Ip]:
    """``cilium_tunnel_map``, up to 1.17."""
    return {other.cidr.addr: other.internal_ip for other in others}


def default_policy() -> dict[PolicyKey, PolicyEntry]:
    """Neither direction is enforced: anybody may."""
    return {PolicyKey(0, direction): PolicyEntry() for direction in (INGRESS, EGRESS)}
