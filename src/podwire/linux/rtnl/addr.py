"""Addresses: insert, delete, and the routes that follow them (net/ipv4/devinet.c, fib_frontend.c)."""

from __future__ import annotations

from errno import EADDRNOTAVAIL, EEXIST, EINVAL, ENOENT

from podwire.linux.errors import NetlinkError
from podwire.linux.fib import BROADCAST, LOCAL, RT_TABLE_LOCAL, RT_TABLE_MAIN, RTPROT_KERNEL, UNICAST, NextHop, Route
from podwire.linux.link import FOREVER, SCOPE_HOST, SCOPE_LINK, SCOPE_NOWHERE, SCOPE_UNIVERSE, Address, Link
from podwire.linux.rtnl.door import Door
from podwire.trace.events import KERNEL, Owner
from podwire.wire.addr import AF_INET, Ip, Ip4, Net, prefix_mask


def same_subnet(first: Address, second: Address) -> bool:
    """Equal masks and one network: one is secondary to the other (``inet_ifa_match``)."""
    if first.plen != second.plen:
        return False
    return (int(first.peer) ^ int(second.peer)) & prefix_mask(first.local.bits, first.plen) == 0


def _cut(addr: Ip, plen: int) -> Ip:
    return Ip4(int(addr) & prefix_mask(32, plen))


class AddrVerbs(Door):
    """RTM_NEWADDR and RTM_DELADDR."""

    def addr_add(
        self,
        link: Link,
        local: Ip,
        plen: int,
        *,
        peer: Ip | None = None,
        broadcast: Ip | None = None,
        scope: int = SCOPE_UNIVERSE,
        label: str = "",
        metric: int = 0,
        noprefixroute: bool = False,
        valid_lft: int = FOREVER,
        preferred_lft: int = FOREVER,
        create: bool = True,
        exclusive: bool = True,
    ) -> Address:
        """``ip addr add`` (``create`` and ``exclusive``), ``replace`` (``create``) or ``change`` (neither).

        Raises ``NetlinkError``: EEXIST "Address already assigned", EINVAL, ENOENT for a change of nothing.
        """
        if valid_lft == 0 or preferred_lft > valid_lft:
            raise NetlinkError(EINVAL, "address lifetime invalid")
        address = Address(
            local=local,
            plen=plen,
            peer=peer if peer is not None else local,
            broadcast=broadcast,
            scope=scope,
            label=label or link.name,
            metric=metric,
            noprefixroute=noprefixroute,
            valid_lft=valid_lft,
            preferred_lft=preferred_lft,
            since=self.netns.machine.world.now,
            owner=self.writer,
        )
        if local.family != AF_INET:
            if any(have.local == local for have in link.addresses6):
                raise NetlinkError(EEXIST, "ipv6: address already assigned")
            link.addresses6.insert(0, address)
            return address
        have = next((a for a in link.addresses if a.local == local and a.plen == plen and a.peer == address.peer), None)
        if have is not None:
            if exclusive:
                raise NetlinkError(EEXIST, "ipv4: Address already assigned")
            return self._change_address(link, have, address)
        if not create:
            raise NetlinkError(ENOENT)
        self._insert_address(link, address)
        if valid_lft != FOREVER:
            self._arm_lifetime(link, address)
        return address

    def _change_address(self, link: Link, have: Address, new: Address) -> Address:
        if have.metric != new.metric and link.is_up:
            self._delete_routes(link, [self._prefix_route(link, have)])
        have.metric = new.metric
        have.noprefixroute = new.noprefixroute
        have.valid_lft, have.preferred_lft, have.since = new.valid_lft, new.preferred_lft, new.since
        if link.is_up and not have.secondary:
            self._add_address_routes(link, have)
        if new.valid_lft != FOREVER:
            self._arm_lifetime(link, have)
        self.netns.changed()
        return have

    def _arm_lifetime(self, link: Link, address: Address) -> None:
        """check_lifetime: the address goes when its valid lifetime is over, unless it was renewed in the meantime."""
        since, world = address.since, self.netns.machine.world

        def expire() -> None:
            if address.since == since and address in link.addresses:
                self.addr_del(link, address.local, address.plen)

        world.at(since + address.valid_lft * 1_000_000_000, expire)

    def addr_del(self, link: Link, local: Ip, plen: int | None = None, peer: Ip | None = None) -> None:
        """``ip addr del``; raises ``NetlinkError`` EADDRNOTAVAIL ("ipv4: Address not found")."""
        if local.family != AF_INET:
            for address in link.addresses6:
                if address.local == local and plen in {None, address.plen}:
                    link.addresses6.remove(address)
                    return
            raise NetlinkError(EADDRNOTAVAIL, "ipv6: address not found")
        for address in link.addresses:
            if (
                address.local != local
                or plen not in {None, address.plen}
                or (peer is not None and address.peer != peer)
            ):
                continue
            promote = bool(link.conf.promote_secondaries or self.netns.conf_all.promote_secondaries)
            self._remove_address(link, address, promote=promote)
            self.netns.changed()
            return
        raise NetlinkError(EADDRNOTAVAIL, "ipv4: Address not found")

    # -- __inet_insert_ifa and inet_del_ifa ----------------------------------------------------------------------

    def _insert_address(self, link: Link, address: Address) -> None:
        position = 0
        for index, have in enumerate(link.addresses):
            if not have.secondary and address.scope <= have.scope:
                position = index + 1
            if same_subnet(have, address):
                if have.local == address.local:
                    raise NetlinkError(EEXIST, "ipv4: Address already assigned")
                if have.scope != address.scope:
                    raise NetlinkError(EINVAL, "ipv4: Invalid scope value")
                address.secondary = True
        if not link.addresses and not link.is_loopback:
            # The device no longer follows conf/default and neigh/default (inet_set_ifa).
            link.conf.set_all_explicit()
            link.neigh.set_all_explicit()
        link.addresses.insert(len(link.addresses) if address.secondary else position, address)
        self.netns.local.setdefault(address.local, []).append((link, address))
        self._add_address_routes(link, address)
        self.netns.changed()
        from podwire.linux.path.arp import arp_notify

        arp_notify(link)

    def _remove_address(self, link: Link, address: Address, *, promote: bool) -> None:
        promoted: Address | None = None
        if not address.secondary:
            for other in list(link.addresses):
                if other.secondary and same_subnet(other, address):
                    if promote:
                        promoted = other
                        break
                    self._unlink_address(link, other)
        followers = [a for a in link.addresses if a.secondary and promoted is not None and same_subnet(a, address)]
        self._unlink_address(link, address)
        if promoted is not None:
            promoted.secondary = False
            link.addresses.remove(promoted)
            primaries = [a for a in link.addresses if not a.secondary and promoted.scope <= a.scope]
            link.addresses.insert(link.addresses.index(primaries[-1]) + 1 if primaries else 0, promoted)
            # Local routes of the subnet name the primary as source: write them anew.
            for each in followers:
                self._delete_routes(link, [self._local_route(link, each, address)])
                self._add_address_routes(link, each)

    def _unlink_address(self, link: Link, address: Address) -> None:
        netns = self.netns
        primary = self._primary_of(link, address)
        link.addresses.remove(address)
        owners = netns.local[address.local]
        owners.remove((link, address))
        if not owners:
            del netns.local[address.local]
        gone: list[Route] = []
        if not address.secondary:
            gone.append(self._prefix_route(link, address))
            if not any(same_subnet(other, address) for other in link.addresses):
                gone += self._broadcast_routes(link, address)
        if not any(other.local == address.local for other in link.addresses):
            gone.append(self._local_route(link, address, primary))
        self._delete_routes(link, gone)
        if address.local not in netns.local:
            # fib_sync_down_addr: routes that prefer this source go with it.
            for table in netns.tables.values():
                table.flush(lambda route: route.src == address.local and route.type != LOCAL)

    def _primary_of(self, link: Link, address: Address) -> Address:
        if not address.secondary:
            return address
        return next((a for a in link.addresses if not a.secondary and same_subnet(a, address)), address)

    # -- fib_add_ifaddr and fib_del_ifaddr -----------------------------------------------------------------------

    def _local_route(self, link: Link, address: Address, primary: Address) -> Route:
        return _magic(LOCAL, address.local, 32, link, primary.local, SCOPE_HOST, address.owner)

    def _prefix_route(self, link: Link, address: Address) -> Route:
        kind, scope, table = (
            (LOCAL, SCOPE_HOST, RT_TABLE_LOCAL) if link.is_loopback else (UNICAST, SCOPE_LINK, RT_TABLE_MAIN)
        )
        return _magic(
            kind,
            _cut(address.peer, address.plen),
            address.plen,
            link,
            address.local,
            scope,
            KERNEL,
            table,
            address.metric,
        )

    def _broadcast_routes(self, link: Link, address: Address) -> list[Route]:
        routes: list[Route] = []
        wanted: list[Ip] = []
        if address.broadcast is not None and address.broadcast != 0xFFFFFFFF:
            wanted.append(address.broadcast)
        prefix = _cut(address.peer, address.plen)
        if (
            prefix >> 24
            and (prefix != address.local or address.plen < 32)
            and address.plen < 31
            and not address.secondary
        ):
            directed = Ip4(int(prefix) | (1 << 32 - address.plen) - 1)
            if directed not in wanted:
                wanted.append(directed)
        for target in wanted:
            routes.append(_magic(BROADCAST, target, 32, link, address.local, SCOPE_LINK, KERNEL))
        return routes

    def _add_address_routes(self, link: Link, address: Address) -> None:
        primary = self._primary_of(link, address)
        wanted = [self._local_route(link, address, primary)]
        if link.is_up:
            if not address.secondary:
                wanted += self._broadcast_routes(link, address)
            prefix = _cut(address.peer, address.plen)
            on_net = prefix >> 24 and not address.secondary and (prefix != address.local or address.plen < 32)
            if on_net and not address.noprefixroute and address.scope != SCOPE_NOWHERE:
                wanted.append(self._prefix_route(link, address))
        for route in wanted:
            table = self.netns.table(route.table)
            if not any(_same_magic(have, route) for have in table.at(route.dst)):
                table.insert(route, create=True, exclusive=False, replace=False, append=True)

    def _delete_routes(self, link: Link, routes: list[Route]) -> None:
        del link
        for route in routes:
            table = self.netns.table(route.table)
            for have in list(table.at(route.dst)):
                if _same_magic(have, route):
                    table.remove(have)
                    break


def _magic(
    kind: str,
    dst: Ip,
    plen: int,
    link: Link,
    src: Ip,
    scope: int,
    owner: Owner,
    table: int = RT_TABLE_LOCAL,
    metric: int = 0,
) -> Route:
    hop = NextHop(ifindex=link.ifindex, scope=SCOPE_NOWHERE if kind == LOCAL else SCOPE_HOST)
    return Route(Net(dst, plen), kind, scope, table, RTPROT_KERNEL, metric, src=src, nexthops=(hop,), owner=owner)


def _same_magic(have: Route, want: Route) -> bool:
    return (
        have.type == want.type
        and have.proto == want.proto
        and have.src == want.src
        and have.metric == want.metric
        and have.nexthops[:1] == want.nexthops
    )
