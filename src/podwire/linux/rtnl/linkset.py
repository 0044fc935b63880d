"""Changes of a device: up and down, carrier, address, MTU, flags (net/core/dev.c, rtnetlink.c, link_watch.c)."""

from __future__ import annotations

from errno import EADDRNOTAVAIL, EEXIST, EINVAL
from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.link import FOREVER, SCOPE_HOST, SCOPE_LINK, Address, Link
from podwire.linux.rtnl.addr import AddrVerbs
from podwire.trace.events import KERNEL
from podwire.wire.addr import Ip4, Ip6, Mac

if TYPE_CHECKING:
    from podwire.linux.netns import Netns

_IFNAMSIZ: Final = 16
_MIN_MTU: Final = 68
"""Below, IPv4 leaves a device (RFC 791)."""
_FIXED: Final = frozenset({"PERMANENT", "NOARP"})


def eui64_link_local(mac: Mac) -> Ip6:
    """fe80::/64 with the modified EUI-64 of a MAC (RFC 4291 appendix A)."""
    value = int(mac) ^ 0x020000000000
    return Ip6(0xFE80 << 112 | (value >> 24) << 40 | 0xFFFE << 24 | value & 0xFFFFFF)


def check_mtu(link: Link, mtu: int) -> None:
    """``dev_validate_mtu``."""
    if mtu < link.min_mtu:
        raise NetlinkError(EINVAL, "mtu less than device minimum")
    if link.max_mtu and mtu > link.max_mtu:
        raise NetlinkError(EINVAL, "mtu greater than device maximum")


def valid_name(netns: Netns, name: str) -> str:
    """``dev_get_valid_name``: a name that may be and is free; ``%d`` in it stands for the first free number."""
    if (
        not name
        or len(name) >= _IFNAMSIZ
        or name in {".", ".."}
        or any(char in "/:" or char.isspace() for char in name)
    ):
        raise NetlinkError(EINVAL)
    if "%" in name:
        if name.count("%") != 1 or "%d" not in name:
            raise NetlinkError(EINVAL)
        number = 0
        while netns.link(name.replace("%d", str(number))) is not None:
            number += 1
        return name.replace("%d", str(number))
    if netns.link(name) is not None:
        raise NetlinkError(EEXIST)
    return name


class LinkSetVerbs(AddrVerbs):
    """RTM_SETLINK, except for the move to another namespace."""

    def link_up(self, link: Link) -> None:
        """``ip link set X up``: addresses come to life; the other end of a veth may gain carrier."""
        if link.is_up:
            return
        link.is_up = link.was_up = True
        netns = self.netns
        link.up_since = netns.machine.world.now
        if link.is_loopback and not link.addresses:
            address = Address(Ip4(0x7F000001), 8, Ip4(0x7F000001), scope=SCOPE_HOST, label=link.name)
            self._insert_address(link, address)
        for address in link.addresses:
            self._add_ifaddr(link, address)
        self._revive_device_routes(link)
        self._carrier_changed(link)
        netns.changed()
        from podwire.linux.path.arp import arp_notify

        arp_notify(link)

    def link_down(self, link: Link) -> None:
        """``ip link set X down``: its routes and neighbours go; local addresses stay local."""
        if not link.is_up:
            return
        link.is_up = False
        self._flush_device_routes(link, local_too=False)
        netns = self.netns
        for entry in netns.neighbours.of(link):
            netns.neighbours.remove(entry)
        link.addresses6.clear()
        self._carrier_changed(link)
        netns.changed()

    # -- carrier -------------------------------------------------------------------------------------------------

    def _carrier_changed(self, link: Link) -> None:
        """Look at the carrier of a device and of its other end: ``linkwatch`` tells both."""
        ends = [link] if link.peer is None else [link, link.peer]
        flipped = [end for end in ends if end.carrier_ok != end.carrier_seen]
        for end in flipped:
            end.carrier_seen = end.carrier_ok
            end.carrier_changes += 1
        for end in flipped:
            end.linkwatch()
        for end in ends:
            self._follow_carrier(end)

    def _follow_carrier(self, link: Link) -> None:
        """NETDEV_CHANGE: entries of a device without carrier go (arp_evict_nocarrier); IPv6 gets its link-local address."""
        netns = link.netns
        if link.is_up and not link.carrier_ok and link.conf.arp_evict_nocarrier and netns.conf_all.arp_evict_nocarrier:
            for entry in netns.neighbours.of(link):
                if entry.state not in _FIXED:
                    netns.neighbours.remove(entry)
        if link.running and not link.addresses6 and not (netns.conf6_all["disable_ipv6"] or link.conf6["disable_ipv6"]):
            if link.is_loopback:
                link.addresses6.append(Address(Ip6(1), 128, Ip6(1), scope=SCOPE_HOST, owner=KERNEL))
            elif link.mac:
                local = eui64_link_local(link.mac)
                link.addresses6.append(Address(local, 64, local, scope=SCOPE_LINK, proto=3, valid_lft=FOREVER))
        netns.changed()

    # -- attributes ----------------------------------------------------------------------------------------------

    def link_set_mtu(self, link: Link, mtu: int) -> None:
        """``ip link set X mtu N``."""
        check_mtu(link, mtu)
        if mtu < _MIN_MTU:
            raise NotModelled(f"mtu {mtu} of {link.name}, at which IPv4 leaves the device", "ip link set")
        link.mtu = mtu
        self.netns.changed()

    def link_set_mac(self, link: Link, mac: Mac) -> None:
        """``ip link set X address M``: all neighbours on the device go (arp_netdev_event, NETDEV_CHANGEADDR)."""
        if mac.is_multicast or not mac:
            raise NetlinkError(EADDRNOTAVAIL)
        link.mac = mac
        if link.kind == "bridge":
            link.port_state_selected = True
            self._carrier_changed(link)
        for entry in self.netns.neighbours.of(link):
            self.netns.neighbours.remove(entry)
        self.netns.changed()
        from podwire.linux.path.arp import arp_notify

        arp_notify(link)

    def link_set_broadcast(self, link: Link, mac: Mac) -> None:
        """``ip link set X broadcast M``."""
        link.broadcast = mac
        self.netns.changed()

    def link_rename(self, link: Link, name: str) -> None:
        """``ip link set X name N``, also while it is up (since Linux 6.2); labels that are the old name follow."""
        if name == link.name:
            return
        name = valid_name(self.netns, name)
        old = link.name
        self.netns.rename(link, name)
        for address in link.addresses:
            head, colon, tail = address.label.partition(":")
            if head == old:
                address.label = name + colon + tail

    def link_set_arp(self, link: Link, *, on: bool) -> None:
        """``ip link set X arp on|off``: neighbours go where that changes."""
        if link.noarp is not on:
            return
        link.noarp = not on
        link.arp = on and not link.is_loopback
        for entry in self.netns.neighbours.of(link):
            self.netns.neighbours.remove(entry)
        self.netns.changed()

    def link_set_multicast(self, link: Link, *, on: bool) -> None:
        """``ip link set X multicast on|off``."""
        link.multicast = on

    def link_set_allmulticast(self, link: Link, *, on: bool) -> None:
        """``ip link set X allmulticast on|off``."""
        link.allmulticast = on
        self.netns.changed()

    def link_set_promisc(self, link: Link, *, on: bool) -> None:
        """``ip link set X promisc on|off``: one more, or one less, who wants every frame."""
        if link.promisc_on is not on:
            link.promisc_on = on
            link.promisc += 1 if on else -1

    def link_set_alias(self, link: Link, alias: str) -> None:
        """``ip link set X alias TEXT``."""
        link.alias = alias

    def link_set_group(self, link: Link, group: int) -> None:
        """``ip link set X group N``."""
        link.group = str(group) if group else "default"

    def link_set_txqueuelen(self, link: Link, length: int) -> None:
        """``ip link set X txqueuelen N``."""
        link.txqueuelen = length
