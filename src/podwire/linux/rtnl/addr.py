"""Addresses: insert, change, delete (net/ipv4/devinet.c)."""

from __future__ import annotations

from errno import EACCES, EADDRNOTAVAIL, EEXIST, EINVAL

from podwire.linux.errors import NetlinkError
from podwire.linux.fib import LOCAL, UNICAST
from podwire.linux.link import FOREVER, SCOPE_UNIVERSE, Address, Link
from podwire.linux.netfilter.nat.notify import masq_inet_event
from podwire.linux.rtnl.fibaddr import FibAddrVerbs, network, same_subnet
from podwire.linux.rtnl.notify import AddressMessage, tell
from podwire.trace.events import KERNEL
from podwire.wire.addr import AF_INET, Ip, prefix_mask

__all__ = ["AddrVerbs", "same_subnet"]


def _in_network(addr: Ip, address: Address) -> bool:
    """``inet_ifa_match``."""
    return (int(addr) ^ int(address.peer)) & prefix_mask(addr.bits, address.plen) == 0


class AddrVerbs(FibAddrVerbs):
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

        The kernel makes no difference between the last two: a change of nothing adds. Of an address that is there it changes metric and
        lifetimes alone. Raises ``NetlinkError``: EEXIST "Address already assigned", EINVAL.
        """
        del create
        if valid_lft == 0 or preferred_lft > valid_lft:
            raise NetlinkError(EINVAL, "ipv4: address lifetime invalid")
        address = Address(
            local=local,
            plen=plen,
            peer=peer if peer is not None else local,
            broadcast=broadcast or None,
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
            return self._add_ipv6(link, address)
        if not local:
            return address  # inet_insert_ifa forgets 0.0.0.0 and says nothing
        have = next((a for a in link.addresses if a.local == local and same_subnet(a, address)), None)
        if have is not None:
            if exclusive:
                raise NetlinkError(EEXIST, "ipv4: Address already assigned")
            return self._change_address(link, have, address)
        self._insert_address(link, address)
        if valid_lft != FOREVER:
            self._arm_lifetime(link, address)
        return address

    def _add_ipv6(self, link: Link, address: Address) -> Address:
        if self.netns.conf6_all["disable_ipv6"] or link.conf6["disable_ipv6"]:
            raise NetlinkError(EACCES, "ipv6: IPv6 is disabled on this device")
        if any(have.local == address.local for have in link.addresses6):
            raise NetlinkError(EEXIST, "ipv6: address already assigned")
        link.addresses6.insert(0, address)
        return address

    def _change_address(self, link: Link, have: Address, new: Address) -> Address:
        if have.metric != new.metric:
            old_metric, have.metric = have.metric, new.metric
            self._modify_prefix_metric(link, have, old_metric)
        have.valid_lft, have.preferred_lft, have.since = new.valid_lft, new.preferred_lft, new.since
        if new.valid_lft != FOREVER:
            self._arm_lifetime(link, have)
        self.netns.changed()
        self._tell_address(link, have)
        return have

    def _modify_prefix_metric(self, link: Link, address: Address, old_metric: int) -> None:
        """``fib_modify_prefix_metric``: the prefix route with the new metric, then without the old one."""
        prefix = network(address)
        if not link.is_up or address.secondary or address.noprefixroute or prefix.is_zeronet:
            return
        if prefix == address.local and address.plen == 32:
            return
        kind = LOCAL if link.is_loopback else UNICAST
        self._magic(kind, prefix, address.plen, link, address.local, KERNEL, address.metric)
        self._unmagic(kind, prefix, address.plen, link, address.local, old_metric)

    def _arm_lifetime(self, link: Link, address: Address) -> None:
        """check_lifetime: the address goes when its valid lifetime is over, unless it was renewed in the meantime."""
        since, world = address.since, self.netns.machine.world

        def deprecate() -> None:
            if address.since == since and any(each is address for each in link.addresses):
                type(self)(link.netns, self.writer)._tell_address(link, address)

        if address.preferred_lft < address.valid_lft:
            world.at(since + address.preferred_lft * 1_000_000_000, deprecate)

        def expire() -> None:
            if address.since == since and any(each is address for each in link.addresses):
                type(self)(link.netns, self.writer)._delete(link, address)

        world.at(since + address.valid_lft * 1_000_000_000, expire)

    def addr_del(
        self, link: Link, local: Ip | None, plen: int | None = None, peer: Ip | None = None, *, label: str = ""
    ) -> None:
        """``ip addr del``: the first address with this ``local``, length, network and label, so far as they are given.

        Raises ``NetlinkError`` EADDRNOTAVAIL ("ipv4: Address not found").
        """
        if local is not None and local.family != AF_INET:
            for address in link.addresses6:
                if address.local == local and plen in {None, address.plen}:
                    link.addresses6.remove(address)
                    return
            raise NetlinkError(EADDRNOTAVAIL, "ipv6: address not found")
        for address in link.addresses:
            if (
                local in {None, address.local}
                and (not label or label == address.label)
                and (plen is None or (plen == address.plen and _in_network(peer or local or address.peer, address)))
            ):
                self._delete(link, address)
                return
        raise NetlinkError(EADDRNOTAVAIL, "ipv4: Address not found")

    # -- __inet_insert_ifa and __inet_del_ifa --------------------------------------------------------------------

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
        self._tell_address(link, address)
        self._enter(link, address)

    def _enter(self, link: Link, address: Address) -> None:
        """NETDEV_UP of an address."""
        owners = self.netns.local.setdefault(address.local, [])
        if not any(each is address for _, each in owners):
            owners.append((link, address))
        self._add_ifaddr(link, address)
        self._revive_device_routes(link)
        self.netns.changed()

    def _leave(self, link: Link, address: Address) -> None:
        """NETDEV_DOWN of an address that was taken from the device's list: with the last one the device has no IP (fib_disable_ip)."""
        netns = self.netns
        owners = netns.local[address.local]
        owners[:] = [(owner, each) for owner, each in owners if each is not address]
        if not owners:
            del netns.local[address.local]
        self._del_ifaddr(link, address)
        if not link.addresses:
            self._flush_device_routes(link, local_too=True)
            self._arp_ifdown(link)
        masq_inet_event(link, address.peer)
        netns.changed()

    def _tell_address(self, link: Link, address: Address, *, deleted: bool = False) -> None:
        """``rtmsg_ifa``."""
        if self.netns.machine.listeners:
            tell(AddressMessage(link, address, netns=self.netns, deleted=deleted))

    def _unlist(self, link: Link, address: Address) -> None:
        link.addresses[:] = [each for each in link.addresses if each is not address]

    def _delete(self, link: Link, address: Address) -> None:
        """``inet_del_ifa``: a primary address takes its secondaries along, or the first of them takes its place."""
        promote = bool(link.conf.promote_secondaries or self.netns.conf_all.promote_secondaries)
        followers = [a for a in link.addresses if a.secondary and not address.secondary and same_subnet(a, address)]
        if promote and followers:
            self._promote(link, address, followers)
            return
        for other in [*followers, address]:
            self._unlist(link, other)
            self._tell_address(link, other, deleted=True)
            self._leave(link, other)

    def _promote(self, link: Link, address: Address, followers: list[Address]) -> None:
        promoted, *rest = followers
        after = self._place_of_promoted(link, address, promoted)
        for each in followers:
            self._del_ifaddr(link, each, address)
        self._unlist(link, address)
        self._tell_address(link, address, deleted=True)
        self._leave(link, address)
        if after is not None:
            self._unlist(link, promoted)
            index = next((i for i, each in enumerate(link.addresses) if each is after), -1)
            link.addresses.insert(index + 1, promoted)
        promoted.secondary = False
        self._tell_address(link, promoted)
        self._enter(link, promoted)
        for each in rest:
            self._add_ifaddr(link, each)
        self.netns.changed()

    def _place_of_promoted(self, link: Link, address: Address, promoted: Address) -> Address | None:
        """Behind which address a promoted one moves; None if it stays, for it follows the deleted one directly."""
        index = next(i for i, each in enumerate(link.addresses) if each is address)
        end = next(i for i, each in enumerate(link.addresses) if each is promoted)
        between = link.addresses[index + 1 : end]
        if not between:
            return None
        primaries = [each for each in between if not each.secondary and address.scope <= each.scope]
        return primaries[-1] if primaries else link.addresses[0]
