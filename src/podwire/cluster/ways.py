"""Routes between networks where nobody wrote any.

A router without ``routes``, and a node or host on a segment without ``gateway`` and ``routes``, get what an administrator would give
them: routers a static route to every network and loopback network behind other routers, and a default route towards an uplink;
nodes and hosts a default route to a router, and static routes where another router is nearer. Who has a default route by DHCP keeps
it. Who stands where no router does gets nothing. The ways are those of ``fabric.graph``; they are laid when a machine or network
joins, not when addresses are changed by hand.
"""

from __future__ import annotations

from errno import EEXIST
from typing import TYPE_CHECKING, Final

from podwire.errors import ConfigError
from podwire.fabric.graph import Hop, first_router, next_hops, topology, towards
from podwire.linux.errors import NetlinkError
from podwire.linux.fib import RTPROT_STATIC, NextHop, Route
from podwire.linux.netlink import Netlink
from podwire.trace.events import Owner
from podwire.wire.addr import Ip4, Net

if TYPE_CHECKING:
    from podwire.fabric.graph import Graph
    from podwire.fabric.network import Network

_LAB: Final = Owner("lab")
_DEFAULT: Final = Net(Ip4(0), 0)

_Wanted = dict[Net, Hop]


class Ways:
    """Lays and renews them. One per cluster."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._laid: dict[str, list[Route]] = {}
        """By machine, what it was given."""
        self._known: dict[tuple[str, ...], _Wanted] = {}
        """What nodes and hosts on the same networks want; forgotten when a network or router joins."""

    def manage(self, machine: str) -> None:
        """From now on routes of this machine are laid here."""
        self._laid[machine] = []

    def renew(self) -> None:
        """A network or router joined: lay all ways anew."""
        self._known.clear()
        if "router" not in self._network.roles.values():
            return
        graph = topology(self._network)
        for machine in self._laid:
            self._apply(machine, _wanted(graph, machine))

    def join(self, machine: str, homes: tuple[str, ...]) -> None:
        """A node or host joined these networks."""
        if machine not in self._laid or "router" not in self._network.roles.values():
            return
        if homes not in self._known:
            self._known[homes] = _wanted(topology(self._network), machine)
        self._apply(machine, self._known[homes])

    def _apply(self, machine: str, wanted: _Wanted) -> None:
        """The difference to what was laid before. A route that somebody else wrote for the same prefix stays."""
        netns = self._network.machines[machine].root.netns
        door = Netlink(netns, _LAB)
        rest = dict(wanted)
        kept: list[Route] = []
        for route in self._laid[machine]:
            there = any(each is route for each in netns.table(route.table).at(route.dst))
            hop = rest.get(route.dst)
            if there and hop is not None and route.nexthops[0].via == hop.via:
                kept.append(route)
                del rest[route.dst]
            elif there:
                door.route_remove(route)
        for dst, hop in rest.items():
            try:
                kept.append(door.route_add(Route(dst, proto=RTPROT_STATIC, nexthops=(NextHop(via=hop.via),))))
            except NetlinkError as error:
                if error.errno != EEXIST:
                    raise ConfigError(f"machine {machine!r}", f"route to {dst} via {hop.via}: {error}") from error
        self._laid[machine] = kept


def _wanted(graph: Graph, machine: str) -> _Wanted:
    hops = next_hops(graph, machine)
    kinds = {graph.nodes[name]["kind"] for name in graph.neighbors(machine)}
    default = None if kinds - {"segment"} else towards(graph, machine, "uplink")
    if default is None and kinds == {"segment"} and graph.nodes[machine]["kind"] != "router":
        default = first_router(graph, machine)
    if default is None:
        return hops
    if graph.nodes[machine]["kind"] != "router":
        hops = {net: hop for net, hop in hops.items() if hop.via != default.via}
    return {_DEFAULT: default, **hops}
