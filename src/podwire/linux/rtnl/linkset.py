"""Changes of a device: up and down, carrier, address, MTU, flags (net/core/dev.c, rtnetlink.c, link_watch.c)."""

from __future__ import annotations

from errno import EADDRNOTAVAIL, EEXIST, EINVAL, EOPNOTSUPP
from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.link import FOREVER, SCOPE_HOST, SCOPE_LINK, Address, Link
from podwire.linux.netfilter.nat.notify import masq_device_event
from podwire.linux.path.exception import fib_nhc_update_mtu
from podwire.linux.path.igmp import ip_mc_down, ip_mc_up
from podwire.linux.rtnl.bridge import BridgeVerbs
from podwire.linux.rtnl.notify import link_changed, link_conf_changed
from podwire.linux.rtnl.tunnel import tunnel_check_mtu, tunnel_open, tunnel_stop
from podwire.linux.tunnel import IpipConfig
from podwire.trace.events import KERNEL
from podwire.wire.addr import Ip4, Ip6, Mac, Net

if TYPE_CHECKING:
    from podwire.linux.netns import Netns

_IFNAMSIZ: Final = 16
_MIN_MTU: Final = 68
"""Below, IPv4 leaves a device (RFC 791)."""
_NOT_GLOBAL: Final = tuple(
    Net.parse(text)
    for text in (
        "0.0.0.0/32",
        "10.0.0.0/8",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "224.0.0.0/4",
        "255.255.255.255/32",
    )
)
"""Whose interface identifier has the u bit clear."""
_FIXED: Final = frozenset({"PERMANENT", "NOARP"})


def eui64_link_local(mac: Mac) -> Ip6:
    """fe80::/64 with the modified EUI-64 of a MAC (RFC 4291 appendix A)."""
    value = int(mac) ^ 0x020000000000
    return Ip6(0xFE80 << 112 | (value >> 24) << 40 | 0xFFFE << 24 | value & 0xFFFFFF)


def interface_id_of(link: Link) -> int:
    """``__ipv6_isatap_ifid``: an IP-in-IP device with a local address has one made of that (RFC 5214 section 6.1); else 0."""
    config = link.tunnel
    if not isinstance(config, IpipConfig) or not config.local:
        return 0
    public = not any(config.local in net for net in _NOT_GLOBAL)
    return (public and 0x0200) << 48 | 0x5EFE << 32 | int(config.local)


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


class LinkSetVerbs(BridgeVerbs):
    """RTM_SETLINK, except for the move to another namespace."""

    def link_set_flags(
        self,
        link: Link,
        *,
        up: bool | None = None,
        arp: bool | None = None,
        multicast: bool | None = None,
        promisc: bool | None = None,
        allmulticast: bool | None = None,
    ) -> None:
        """``dev_change_flags``: all that was asked for at once, one message, and then what follows from it."""
        arp_changes = arp is not None and link.noarp is arp
        if arp_changes and link.headerless:
            raise NotModelled(f"arp on of {link.name}, which has no MAC address", "ip link set")
        changes = arp_changes
        if arp is not None and arp_changes:
            link.noarp = not arp
            link.arp = arp and not link.is_loopback
        if multicast is not None and link.multicast is not multicast:
            link.multicast = multicast
            changes = True
        opens, closes = up is True and not link.is_up, up is False and link.is_up
        if opens:
            tunnel_open(link)
            link.is_up = link.was_up = True
            link.up_since = self.netns.machine.world.now
        elif closes:
            tunnel_stop(link)
            link.is_up = False
        if promisc is not None and link.promisc_on is not promisc:
            link.promisc_on = promisc
            link.promisc += 1 if promisc else -1
            changes = True
        if allmulticast is not None and link.allmulticast is not allmulticast:
            link.allmulticast = allmulticast
            changes = True
        if changes or opens or closes:
            link_changed(link)
        if opens:
            self._opened(link)
        elif closes:
            self._closed(link)
            self._carrier_changed(link)
        if arp_changes:
            self._forget_neighbours(link)
        self.netns.changed()

    def link_up(self, link: Link) -> None:
        """``ip link set X up``: addresses come to life; the other end of a veth may gain carrier."""
        self.link_set_flags(link, up=True)

    def link_down(self, link: Link) -> None:
        """``ip link set X down``: its routes and neighbours go; local addresses stay local."""
        self.link_set_flags(link, up=False)

    def _opened(self, link: Link) -> None:
        """NETDEV_UP."""
        if link.bridge is not None:
            self._bridge_opened(link.bridge)
        if link.is_loopback and not link.addresses:
            address = Address(Ip4(0x7F000001), 8, Ip4(0x7F000001), scope=SCOPE_HOST, label=link.name)
            self._insert_address(link, address)
        ip_mc_up(link)
        for address in link.addresses:
            self._add_ifaddr(link, address)
        self._revive_device_routes(link)
        self._carrier_changed(link)
        self._check_port(link)
        self.netns.changed()
        from podwire.linux.path.arp import arp_notify

        arp_notify(link)

    def _closed(self, link: Link) -> None:
        """NETDEV_DOWN; linkwatch comes later."""
        if link.bridge is not None:
            self._bridge_closed(link.bridge)
        ip_mc_down(link)
        self._check_port(link)
        self._flush_device_routes(link, local_too=False)
        self._arp_ifdown(link)
        link.addresses6.clear()
        masq_device_event(link)
        self.netns.changed()

    def _forget_neighbours(self, link: Link) -> None:
        """``neigh_flush_dev``."""
        for entry in self.netns.neighbours.of(link):
            self.netns.neighbours.remove(entry)

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
        for end in flipped:
            self._check_port(end)
        for end in ends:
            self._follow_carrier(end)
            if end.is_up and any(end is each for each in flipped):
                link_changed(end)

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
            elif link.mac or interface_id_of(link):
                local = eui64_link_local(link.mac) if link.mac else Ip6(0xFE80 << 112 | interface_id_of(link))
                link.addresses6.append(Address(local, 64, local, scope=SCOPE_LINK, proto=3, valid_lft=FOREVER))
        netns.changed()

    # -- attributes ----------------------------------------------------------------------------------------------

    def link_set_mtu(self, link: Link, mtu: int) -> None:
        """``ip link set X mtu N``: the MTU that there is, is taken, whatever the limits have become (``netif_set_mtu_ext``)."""
        if mtu == link.mtu:
            return
        check_mtu(link, mtu)
        tunnel_check_mtu(link, mtu)
        if mtu < _MIN_MTU and link.headerless:
            raise NetlinkError(EINVAL)  # ip_tunnel_change_mtu
        if mtu < _MIN_MTU:
            raise NotModelled(f"mtu {mtu} of {link.name}, at which IPv4 leaves the device", "ip link set")
        if link.bridge is not None:
            link.bridge.mtu_set = True
        self._mtu_changed(link, mtu)

    def _mtu_changed(self, link: Link, mtu: int) -> None:
        old, link.mtu = link.mtu, mtu
        self.netns.changed()
        if old != mtu:
            fib_nhc_update_mtu(self.netns, link, old)
            self.netns.changed()
            if link.port is not None:
                self._adjust_mtu(link.port.bridge)
            link_changed(link)

    def link_set_mac(self, link: Link, mac: Mac) -> None:
        """``ip link set X address M``: all neighbours on the device go (arp_netdev_event, NETDEV_CHANGEADDR)."""
        if link.headerless:
            raise NetlinkError(EOPNOTSUPP)
        if mac.is_multicast or not mac:
            raise NetlinkError(EADDRNOTAVAIL)
        if link.bridge is not None:
            link.bridge.mac_set = True
            if mac != link.mac:
                self._change_id(link.bridge, mac)
        link.mac = mac
        self._mac_changed(link)
        if link.port is not None:
            self._port_mac_changed(link.port)

    def _mac_changed(self, link: Link) -> None:
        """NETDEV_CHANGEADDR."""
        link_changed(link)
        self._forget_neighbours(link)
        self.netns.changed()
        from podwire.linux.path.arp import arp_notify

        arp_notify(link)

    def link_set_broadcast(self, link: Link, mac: Mac) -> None:
        """``ip link set X broadcast M``."""
        if link.headerless:
            raise NotModelled(f"the broadcast address of {link.name}", "ip link set")
        link.broadcast = mac
        self.netns.changed()
        link_changed(link)

    def link_rename(self, link: Link, name: str) -> None:
        """``ip link set X name N``, also while it is up (since Linux 6.2).

        The labels follow (``inetdev_changename``): the first address bears the bare name, the others their suffix or their number.
        """
        if name == link.name:
            return
        name = valid_name(self.netns, name)
        self.netns.rename(link, name)
        link_changed(link)
        for number, address in enumerate(link.addresses, 1):
            _, colon, tail = address.label.partition(":")
            suffix = "" if number == 1 else f"{colon}{tail}" if colon else f":{number}"
            address.label = name[: _IFNAMSIZ - 1 - len(suffix)] + suffix
            self._tell_address(link, address)
        link_conf_changed(link, renamed=True)

    def link_set_arp(self, link: Link, *, on: bool) -> None:
        """``ip link set X arp on|off``: neighbours go where that changes."""
        self.link_set_flags(link, arp=on)

    def link_set_multicast(self, link: Link, *, on: bool) -> None:
        """``ip link set X multicast on|off``."""
        self.link_set_flags(link, multicast=on)

    def link_set_allmulticast(self, link: Link, *, on: bool) -> None:
        """``ip link set X allmulticast on|off``."""
        self.link_set_flags(link, allmulticast=on)

    def link_set_promisc(self, link: Link, *, on: bool) -> None:
        """``ip link set X promisc on|off``: one more, or one less, who wants every frame."""
        self.link_set_flags(link, promisc=on)

    def link_promiscuity(self, link: Link, by: int) -> None:
        """``dev_set_promiscuity``: a capture begins (1) or ends (-1); the first one and the last one are told."""
        before, link.promisc = link.promisc, link.promisc + by
        if bool(before) is not bool(link.promisc):
            link_changed(link)

    def link_set_alias(self, link: Link, alias: str) -> None:
        """``ip link set X alias TEXT``; nobody is told before ``link_state_changed``."""
        link.alias = alias

    def link_set_group(self, link: Link, group: int) -> None:
        """``ip link set X group N``; nobody is told before ``link_state_changed``."""
        link.group = str(group) if group else "default"

    def link_set_txqueuelen(self, link: Link, length: int) -> None:
        """``ip link set X txqueuelen N``."""
        changes = link.txqueuelen != length
        link.txqueuelen = length
        if changes:
            link_changed(link)

    def link_state_changed(self, link: Link) -> None:
        """``netdev_state_change``, at the end of a command: told of a device that is up."""
        if link.is_up:
            link_changed(link)
            self._check_port(link)
