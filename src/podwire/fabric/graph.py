"""The topology as a graph, and the ways through it. Nothing else imports networkx, and this only when it is asked.

Vertices are networks and machines, by name; an edge is a NIC. Pods are no part of it: they are behind their nodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from podwire.fabric.internet import Internet
from podwire.fabric.segment import Segment
from podwire.fabric.uplink import Uplink
from podwire.fabric.vpc import CloudNetwork
from podwire.wire.addr import Ip, Net

if TYPE_CHECKING:
    import networkx as nx

    from podwire.fabric.network import Fabric, Network
    from podwire.linux.link import Link

    Graph: TypeAlias = nx.Graph

Role = Literal["router", "node", "host"]


class Hop(msgspec.Struct, frozen=True):
    """The next hop on the way to a network: the router's address, its name, and the network that both stand in."""

    via: Ip
    router: str
    network: str


def topology(network: Network) -> Graph:
    """The graph as things are now: what ``ip addr`` and ``ip link`` changed is in it.

    A network has ``kind`` (segment, uplink, internet, gcp-vpc, aws-vpc, azure-vnet), ``cidrs`` (of the Internet none) and ``mtu``; a
    machine has ``kind`` (router, node, host) and ``loopbacks``, the networks of its dummy devices. An edge has ``nics``: a
    tuple of ``(device, MAC, addresses)``, an address with its prefix length as text; ``addresses``, those as ``Ip``.
    """
    import networkx as nx

    graph = nx.Graph()
    for name, fabric in network.fabrics.items():
        graph.add_node(name, kind=_kind(fabric), cidrs=_ranges(fabric), mtu=getattr(fabric, "mtu", 0))
    for name, machine in network.machines.items():
        links = machine.root.netns.links()
        loopbacks = tuple(net for link in links if link.kind == "dummy" for net in _networks(link))
        graph.add_node(name, kind=network.roles.get(name, "host"), loopbacks=loopbacks)
    for name, fabric in network.fabrics.items():
        for link in fabric.links():
            _connect(graph, name, link)
    return graph


def _connect(graph: Graph, name: str, link: Link) -> None:
    machine = link.netns.machine.name
    have: dict[str, Any] = graph.get_edge_data(name, machine, default={"nics": (), "addresses": ()})
    texts = tuple(f"{address.local}/{address.plen}" for address in link.addresses)
    graph.add_edge(
        name,
        machine,
        nics=(*have["nics"], (link.name, str(link.mac), texts)),
        addresses=(*have["addresses"], *(address.local for address in link.addresses)),
    )


def _kind(fabric: Fabric) -> str:
    kinds: tuple[tuple[type, str], ...] = ((Segment, "segment"), (Uplink, "uplink"), (Internet, "internet"))
    for kind, name in kinds:
        if isinstance(fabric, kind):
            return name
    names = {"gcp": "gcp-vpc", "aws": "aws-vpc", "azure": "azure-vnet"}
    return names[fabric.component] if isinstance(fabric, CloudNetwork) else "network"


def _ranges(fabric: Fabric) -> tuple[Net, ...]:
    if isinstance(fabric, CloudNetwork):
        return fabric.subnets
    return (fabric.cidr,) if isinstance(fabric, Segment | Uplink) else ()


def _networks(link: Link) -> tuple[Net, ...]:
    return tuple(Net.of(address.local, address.plen) for address in link.addresses)


# ---------------------------------------------------------------------------------------------------------- the ways


def next_hops(graph: Graph, machine: str) -> dict[Net, Hop]:
    """The next hop from a machine to every network and loopback network that it does not stand in, in the graph's order.

    Ways lead through routers over segments, have as few networks as possible, and where several have equally many the router that
    joined first. What cannot be reached is not in it, nor is what is beyond a cloud or an uplink: those routes belong to
    them. A network whose range is also that of another one at hand is left out: nobody could tell them apart.
    """
    import networkx as nx

    view = _passable(graph, machine)
    own = [net for each in graph.neighbors(machine) for net in graph.nodes[each]["cidrs"]]
    own += graph.nodes[machine]["loopbacks"]
    found: dict[Net, Hop] = {}
    paths: dict[str, list[str]] = nx.single_source_shortest_path(view, machine) if machine in view else {}
    for target, data in graph.nodes(data=True):
        nets = data.get("cidrs") or (data.get("loopbacks", ()) if data["kind"] == "router" else ())
        path = paths.get(target, [])
        if len(path) < 3 or data["kind"] not in {"segment", "router"}:
            continue
        hop = _hop(graph, path)
        if hop is not None:
            found |= {net: hop for net in nets if net not in own and net not in found}
    return found


def towards(graph: Graph, machine: str, kind: str) -> Hop | None:
    """The next hop to the nearest network of a kind; None where there is none, or the machine stands in one itself."""
    import networkx as nx

    view = _passable(graph, machine, kind)
    paths: dict[str, list[str]] = nx.single_source_shortest_path(view, machine) if machine in view else {}
    ways = [path for target, path in paths.items() if graph.nodes[target]["kind"] == kind]
    best = min(ways, key=len, default=[])
    return _hop(graph, best) if len(best) > 2 else None


def first_router(graph: Graph, machine: str) -> Hop | None:
    """The router that joined first among those next to a machine; None where there is none."""
    for name in graph.neighbors(machine):
        if graph.nodes[name]["kind"] != "segment":
            continue
        for router, data in graph.nodes(data=True):
            if data["kind"] == "router" and router != machine and graph.has_edge(name, router):
                return _hop(graph, [machine, name, router])
    return None


def _passable(graph: Graph, start: str, *kinds: str) -> Graph:
    """What a way may lead through: segments, routers, the machine itself, and networks of other ``kinds`` as its end."""
    import networkx as nx

    good = {"segment", "router", *kinds}
    # A view by a function keeps the order of the graph; one by a set of names would take that of the set.
    return nx.subgraph_view(graph, filter_node=lambda name: name == start or graph.nodes[name]["kind"] in good)


def _hop(graph: Graph, path: list[str]) -> Hop | None:
    """The second machine of a way ``[machine, network, router, …]``, by its first address in that network's range."""
    _, network, router, *_ = path
    ranges = graph.nodes[network]["cidrs"]
    for ip in graph.edges[network, router]["addresses"]:
        if any(ip in net for net in ranges):
            return Hop(ip, router, network)
    return None
