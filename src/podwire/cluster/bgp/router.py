"""A router that speaks BGP with nodes: what it announces is its own, what it learns it routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from podwire.cni.backend import Desired, DesiredRoute, Hop
from podwire.cni.bgp import Neighbour, Path, best
from podwire.cni.reconcile import reconcile
from podwire.errors import ConfigError
from podwire.linux.fib import RT_TABLE_MAIN, RTPROT_BIRD, UNICAST
from podwire.linux.netlink import Netlink
from podwire.trace.events import Owner
from podwire.wire.addr import Ip, Net

if TYPE_CHECKING:
    from podwire.cluster.bgp.carrier import Carrier
    from podwire.linux.machine import Machine

_HIGHEST: Final = (1 << 32) - 1
_KIND: Final = "router"


class BgpPeering(msgspec.Struct, frozen=True):
    """Another speaker: its address and AS number."""

    address: Ip
    asn: int


class BgpSettings(msgspec.Struct, frozen=True):
    """``bgp`` of a router: ``{as: 64513, peers: [{address: 192.168.10.101, as: 64512}], networks: [10.10.1.0/24]}``.

    ``networks`` are announced; left out, those of the router's loopbacks.
    """

    asn: int
    peers: tuple[BgpPeering, ...] = ()
    networks: tuple[Net, ...] | None = None

    @classmethod
    def of(cls, what: str, given: Mapping[str, Any]) -> BgpSettings:
        """Raises ``ConfigError`` about ``what`` for a key, a number, an address or a range that cannot be."""
        unknown = [key for key in given if key not in {"as", "peers", "networks"}]
        if unknown:
            raise ConfigError(what, f"bgp: has no key {unknown[0]!r}; keys are as, peers, networks")
        peers = tuple(_peer(what, each) for each in given.get("peers", ()))
        listed = given.get("networks")
        networks = None if listed is None else tuple(_net(what, text) for text in listed)
        return cls(_asn(what, given.get("as")), peers, networks)


def _asn(what: str, value: Any) -> int:
    if not isinstance(value, int) or not 1 <= value <= _HIGHEST:
        raise ConfigError(what, f"bgp: as {value!r}: expected a number from 1 to {_HIGHEST}")
    return value


def _peer(what: str, given: Any) -> BgpPeering:
    if not isinstance(given, Mapping) or set(given) != {"address", "as"}:
        raise ConfigError(what, f"bgp: peer {given!r}: expected address and as")
    try:
        return BgpPeering(Ip.parse(str(given["address"])), _asn(what, given["as"]))
    except ValueError as error:
        raise ConfigError(what, f"bgp: peer {given['address']!r}: {error}") from None


def _net(what: str, text: Any) -> Net:
    try:
        return Net.parse(str(text))
    except ValueError as error:
        raise ConfigError(what, f"bgp: network {text!r}: {error}") from None


class BgpRouter:
    """BIRD on a router: external neighbours are not multihop, routes go to the kernel with protocol bird."""

    def __init__(self, carrier: Carrier, machine: Machine, settings: BgpSettings) -> None:
        self.carrier = carrier
        self.machine = machine
        self.settings = settings
        self.speaker = carrier.speaker(machine, self.act)
        self._seen = -1

    def act(self) -> None:
        """Configure the sessions, and bring the kernel in line with what they brought; nothing where nothing is new."""
        netns = self.machine.root.netns
        state = self.carrier.revision + netns.generation
        if state == self._seen:
            return
        addresses = [address for link, address in netns.addresses() if not link.is_loopback]
        first = addresses[0].local
        neighbours = [self._neighbour(each, first) for each in self.settings.peers]
        own = self.settings.networks
        if own is None:
            loops = [(link, address) for link, address in netns.addresses() if link.kind == "dummy"]
            own = tuple(Net.of(address.local, address.plen) for _, address in loops)
        self.speaker.configure(first, neighbours, [Path(net, first) for net in own], lambda _neighbour, _path: True)
        owner = Owner("bird", "router")
        routes = tuple(self._routes(frozenset(own), owner))
        reconcile(Netlink(netns, owner), Desired(protos=frozenset({RTPROT_BIRD}), routes=routes))
        self._seen = self.carrier.revision + netns.generation

    def _neighbour(self, peer: BgpPeering, first: Ip) -> Neighbour:
        """The session starts from the address that the way to the peer gives."""
        netns = self.machine.root.netns
        local = next(
            (
                address.local
                for link, address in netns.addresses()
                if not link.is_loopback and peer.address in Net.of(address.local, address.plen)
            ),
            first,
        )
        return Neighbour(
            name=f"Peer_{str(peer.address).replace('.', '_')}",
            kind=_KIND,
            local=local,
            asn=self.settings.asn,
            remote=peer.address,
            remote_as=peer.asn,
        )

    def _routes(self, own: frozenset[Net], owner: Owner) -> Sequence[DesiredRoute]:
        routes = []
        for prefix, ways in best(self.speaker.learned()).items():
            hops = dict.fromkeys(hop for way in ways for hop in self._hops(way.path.next_hop))
            if hops and prefix not in own:
                routes.append(DesiredRoute(dst=prefix, hops=tuple(hops), proto=RTPROT_BIRD, owner=owner))
        return routes

    def _hops(self, next_hop: Ip) -> Sequence[Hop]:
        netns = self.machine.root.netns
        route = next(iter(netns.table(RT_TABLE_MAIN).candidates(next_hop)), None)
        if route is None or route.type != UNICAST or route.proto == RTPROT_BIRD:
            return ()
        links = [(netns.link_by_index(hop.ifindex), hop) for hop in route.nexthops if not hop.dead]
        return tuple(
            Hop(link.name, hop.via if hop.via is not None else next_hop, hop.weight)
            for link, hop in links
            if link is not None and link.is_up
        )
