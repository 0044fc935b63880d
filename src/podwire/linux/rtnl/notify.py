"""What the kernel tells those who listen: the messages of the groups RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR … (``ip monitor``).

A listener stands in ``Machine.listeners`` and is called at the moment of the change, in the kernel's order. A message
names the things themselves; who wants to know how they are now looks at once. Those who make a change ask
``listeners`` first, so that nothing is spent where nobody listens.

Sources: net/core/rtnetlink.c (rtmsg_ifinfo), net/ipv4/devinet.c (rtmsg_ifa, inet_netconf_notify_devconf),
net/ipv4/fib_semantics.c (rtmsg_fib), net/core/neighbour.c (neigh_notify), net/core/fib_rules.c (notify_rule_change),
net/core/net_namespace.c (rtnl_net_notifyid).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.wire.addr import AF_INET, AF_INET6

if TYPE_CHECKING:
    from podwire.linux.fib import Route
    from podwire.linux.link import Address, Link
    from podwire.linux.neigh import Neighbour
    from podwire.linux.netns import Netns
    from podwire.linux.rule import FibRule

NETCONF: Final = ("forwarding", "rp_filter", "mc_forwarding", "proxy_arp", "ignore_routes_with_linkdown")
"""The switches of a device that are told, in the order of inet_netconf_fill_devconf."""
NETCONF6: Final = ("forwarding", "mc_forwarding", "proxy_neigh", "ignore_routes_with_linkdown")


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """Something in ``netns`` is new or changed; or gone (RTM_DEL…), which is ``deleted``."""

    netns: Netns
    deleted: bool = False


class LinkMessage(Message, frozen=True):
    """RTM_NEWLINK, RTM_DELLINK; ``target`` and ``index`` say where a device that leaves goes to."""

    link: Link
    target: Netns | None = None
    index: int = 0


class AddressMessage(Message, frozen=True):
    """RTM_NEWADDR, RTM_DELADDR."""

    link: Link
    address: Address


class RouteMessage(Message, frozen=True):
    """RTM_NEWROUTE, RTM_DELROUTE."""

    route: Route


class NeighMessage(Message, frozen=True):
    """RTM_NEWNEIGH, RTM_DELNEIGH."""

    entry: Neighbour


class RuleMessage(Message, frozen=True):
    """RTM_NEWRULE, RTM_DELRULE."""

    rule: FibRule


class NsidMessage(Message, frozen=True):
    """RTM_NEWNSID, RTM_DELNSID: ``netns`` calls another namespace by this number."""

    nsid: int


class NetconfMessage(Message, frozen=True):
    """RTM_NEWNETCONF, RTM_DELNETCONF: switches of a device, of ``all`` or of ``default``, by the names of their sysctls."""

    family: int
    scope: Link | str
    values: tuple[tuple[str, int], ...] = ()


Listener = Callable[[Message], None]


def tell(message: Message) -> None:
    """Call everybody on the machine; who is not concerned (``message.netns``) says so himself."""
    for listener in list(message.netns.machine.listeners):
        listener(message)


def link_changed(link: Link) -> None:
    """``rtmsg_ifinfo``: RTM_NEWLINK.

    Also where nobody listens the kernel builds the message, and with that gives an id to the namespace in which the
    other end of a veth is.
    """
    netns, elsewhere = link.netns, link.link_netns
    if not link.announced:
        return
    if elsewhere is not None:
        netns.nsid_of(elsewhere)
    if netns.machine.listeners:
        tell(LinkMessage(link, netns=netns))


def link_conf_changed(link: Link, *, deleted: bool = False, renamed: bool = False) -> None:
    """Its switches appear or go with a device, or both with a name (``inetdev_event`` and ``addrconf_notify``)."""
    netns = link.netns
    if not netns.machine.listeners:
        return
    values = tuple((key, getattr(link.conf, key)) for key in NETCONF)
    known = {"proxy_neigh": link.conf6["proxy_ndp"]} | link.conf6
    values6 = tuple((key, known.get(key, 0)) for key in NETCONF6)
    for family, now in ((AF_INET, values), (AF_INET6, values6)):
        if deleted or renamed:
            tell(NetconfMessage(family, link, (), netns=netns, deleted=True))
        if not deleted:
            tell(NetconfMessage(family, link, now, netns=netns))


def conf_changed(netns: Netns, family: int, scope: Link | str, key: str, value: int) -> None:
    """``inet_netconf_notify_devconf``: one switch was changed."""
    if netns.machine.listeners:
        tell(NetconfMessage(family, scope, ((key, value),), netns=netns))


def neigh_changed(entry: Neighbour, *, deleted: bool = False) -> None:
    """``__neigh_notify``."""
    netns = entry.link.netns
    if netns.machine.listeners:
        tell(NeighMessage(entry, netns=netns, deleted=deleted))
