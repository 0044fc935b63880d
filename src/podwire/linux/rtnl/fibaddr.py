"""The routes that follow addresses and devices.

net/ipv4/fib_frontend.c: fib_magic, fib_add_ifaddr, fib_del_ifaddr; fib_semantics.c: fib_sync_down_dev, fib_sync_up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from podwire.linux.errors import NetlinkError
from podwire.linux.fib import (
    BROADCAST,
    ERROR_TYPES,
    LOCAL,
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
    RTPROT_KERNEL,
    UNICAST,
    NextHop,
    Route,
    RouteQuery,
)
from podwire.linux.link import SCOPE_HOST, SCOPE_LINK, SCOPE_NOWHERE, Address, Link
from podwire.linux.rtnl.door import Door
from podwire.trace.events import KERNEL, Owner
from podwire.wire.addr import Ip, Ip4, Net, prefix_mask

if TYPE_CHECKING:
    from collections.abc import Callable

_HOST: Final = 32
_LBCAST: Final = 0xFFFFFFFF
_NO_BROADCAST: Final = 31
"""From this length on a network has no broadcast address (RFC 3021)."""


def same_subnet(first: Address, second: Address) -> bool:
    """Equal masks and one network: one is secondary to the other (``inet_ifa_match``)."""
    if first.plen != second.plen:
        return False
    return (int(first.peer) ^ int(second.peer)) & prefix_mask(first.local.bits, first.plen) == 0


def network(address: Address) -> Ip4:
    """The first address of the subnet: of the peer's, where there is one."""
    return Ip4(int(address.peer) & prefix_mask(_HOST, address.plen))


def directed_broadcast(address: Address) -> Ip4:
    """The last address of the subnet."""
    return Ip4(int(address.peer) | (1 << _HOST - address.plen) - 1)


def _has_network(address: Address) -> bool:
    """A prefix route makes sense: no zeronet, and more than the address itself."""
    prefix = network(address)
    return not prefix.is_zeronet and (prefix != address.local or address.plen < _HOST)


def _on_link(route: Route, link: Link) -> bool:
    return any(hop.ifindex == link.ifindex for hop in route.nexthops)


class FibAddrVerbs(Door):
    """What addresses and devices do to the routing tables by themselves."""

    # -- fib_magic -----------------------------------------------------------------------------------------------

    def _magic(self, kind: str, dst: Ip, plen: int, link: Link, src: Ip, owner: Owner, metric: int = 0) -> None:
        is_local = kind == LOCAL
        if not (is_local and src == dst) and not self.netns.is_local(src):
            return  # fib_valid_prefsrc: the address is a broadcast address of another device
        route = Route(
            Net(Ip4(dst), plen),
            kind,
            SCOPE_HOST if is_local else SCOPE_LINK,
            RT_TABLE_MAIN if kind == UNICAST else RT_TABLE_LOCAL,
            RTPROT_KERNEL,
            metric,
            src=src,
            nexthops=(NextHop(ifindex=link.ifindex, scope=SCOPE_NOWHERE if is_local else SCOPE_HOST),),
            owner=owner,
        )
        try:
            self.netns.table(route.table).insert(route, create=True, exclusive=False, replace=False, append=True)
        except NetlinkError:
            return  # it is there already
        self._tell_route(route)

    def _unmagic(self, kind: str, dst: Ip, plen: int, link: Link, src: Ip, metric: int = 0) -> None:
        query = RouteQuery(
            Net(Ip4(dst), plen),
            RT_TABLE_MAIN if kind == UNICAST else RT_TABLE_LOCAL,
            kind,
            SCOPE_HOST if kind == LOCAL else SCOPE_LINK,
            RTPROT_KERNEL,
            metric,
            src=src,
            nexthops=(NextHop(ifindex=link.ifindex),),
        )
        try:
            gone = self.netns.table(query.table).delete(query)
        except NetlinkError:
            return  # somebody was faster
        self._tell_route(gone, deleted=True)

    def _primary_of(self, link: Link, address: Address) -> Address | None:
        """``inet_ifa_byprefix``: whose name the routes of a secondary address bear as source."""
        if not address.secondary:
            return address
        return next((a for a in link.addresses if same_subnet(a, address) and a is not address), None)

    def _add_ifaddr(self, link: Link, address: Address) -> None:
        """``fib_add_ifaddr``."""
        primary = self._primary_of(link, address)
        if primary is None:
            return
        src = primary.local
        self._magic(LOCAL, address.local, _HOST, link, src, address.owner)
        if not link.is_up:
            return
        if address.broadcast is not None and address.broadcast != _LBCAST:
            self._magic(BROADCAST, address.broadcast, _HOST, link, src, KERNEL)
        if address.secondary or not _has_network(address):
            return
        if not address.noprefixroute:
            kind = LOCAL if link.is_loopback else UNICAST
            self._magic(kind, network(address), address.plen, link, src, KERNEL, address.metric)
        if address.plen < _NO_BROADCAST:
            self._magic(BROADCAST, directed_broadcast(address), _HOST, link, src, KERNEL)

    def _del_ifaddr(self, link: Link, address: Address, old_primary: Address | None = None) -> None:
        """``fib_del_ifaddr``; ``old_primary`` is the address whose place a promoted one takes."""
        primary = self._primary_of(link, address)
        if primary is None:
            return
        subnet = False
        if not address.secondary and _has_network(address):
            subnet = True
            if not address.noprefixroute:
                kind = LOCAL if link.is_loopback else UNICAST
                self._unmagic(kind, network(address), address.plen, link, primary.local)
        kept, gone = self._still_used(link, address, primary, old_primary)
        src = primary.local
        if address.broadcast is not None and address.broadcast not in kept:
            self._unmagic(BROADCAST, address.broadcast, _HOST, link, src)
        if subnet and address.plen < _NO_BROADCAST:
            for target in (directed_broadcast(address), network(address)):
                if target not in kept:
                    self._unmagic(BROADCAST, target, _HOST, link, src)
        if any(other.local == address.local for other in self._others(link, address, primary, old_primary)):
            return
        self._unmagic(LOCAL, address.local, _HOST, link, src)
        if gone and not self.netns.is_local(address.local):
            self._flush_preferred(address.local)

    def _others(self, link: Link, address: Address, primary: Address, old_primary: Address | None) -> list[Address]:
        """The addresses on the device whose routes name the same source as those of ``address``."""
        found: list[Address] = []
        for other in link.addresses:
            if other is address or (old_primary is not None and same_subnet(other, old_primary)):
                continue
            its_primary = self._primary_of(link, other)
            if its_primary is None and same_subnet(other, primary):
                its_primary = primary
            if its_primary is not None and its_primary.local == primary.local:
                found.append(other)
        return found

    def _still_used(
        self, link: Link, address: Address, primary: Address, old_primary: Address | None
    ) -> tuple[set[Ip], bool]:
        """Broadcast addresses that another address still needs, and whether ``address`` has left the device."""
        kept: set[Ip] = set()
        for other in self._others(link, address, primary, old_primary):
            if other.broadcast is not None:
                kept.add(other.broadcast)
            if not other.secondary and other.plen < _NO_BROADCAST and not network(other).is_zeronet:
                kept |= {network(other), directed_broadcast(other)}
        return kept, not any(other is address for other in link.addresses)

    def _flush_preferred(self, local: Ip) -> None:
        """``fib_sync_down_addr``: routes of ``main`` that prefer an address which is gone."""
        main = self.netns.tables[RT_TABLE_MAIN]
        for gone in main.flush(lambda route: route.src == local):
            self._tell_route(gone, deleted=True)  # of all that fib_flush takes only these are told

    # -- fib_sync_down_dev and fib_sync_up -----------------------------------------------------------------------

    def _flush_device_routes(self, link: Link, *, local_too: bool, unregister: bool = False) -> None:
        """``fib_disable_ip``: a leg dies with its device, a route with its last leg. What is local stays unless ``local_too``.

        A device that goes for good (``unregister``) takes every route along that has a leg there.
        """
        if unregister:
            for table in self.netns.tables.values():
                table.flush(lambda route: route.type not in ERROR_TYPES and _on_link(route, link))
            return

        def dies(hop: NextHop) -> bool:
            return hop.ifindex == link.ifindex and (local_too or hop.scope != SCOPE_NOWHERE)

        self._replace_legs(link, lambda hop: msgspec.structs.replace(hop, dead=True) if dies(hop) else hop)

    def _arp_ifdown(self, link: Link) -> None:
        """``arp_ifdown``: all neighbours on the device, and what is published there, go."""
        neighbours = self.netns.neighbours
        for entry in neighbours.of(link):
            neighbours.remove(entry)
        for key in [key for key in neighbours.proxies if key[1] is link]:
            del neighbours.proxies[key]

    def _revive_device_routes(self, link: Link) -> None:
        """``fib_sync_up``: legs of a multipath route come back with their device or its first address."""
        if link.is_up:
            self._replace_legs(
                link,
                lambda hop: msgspec.structs.replace(hop, dead=False) if hop.ifindex == link.ifindex else hop,
            )

    def _replace_legs(self, link: Link, change: Callable[[NextHop], NextHop]) -> None:
        for table in self.netns.tables.values():
            for route in table.dump():
                if route.type in ERROR_TYPES or not _on_link(route, link):
                    continue
                hops = tuple(change(hop) for hop in route.nexthops)
                if all(hop.dead for hop in hops):
                    table.remove(route)
                elif hops != route.nexthops:
                    table.swap(route, msgspec.structs.replace(route, nexthops=hops))
