"""Masqueraded connections end with the device, or the address, that they were given (net/netfilter/nf_nat_masquerade.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podwire.linux.netfilter.conntrack.entry import IPS_CONFIRMED

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netfilter.conntrack.entry import Connection
    from podwire.wire.addr import Ip


def masq_device_event(link: Link) -> None:
    """``masq_device_event``: the device goes down, and with it every connection that was masqueraded there.

    The kernel does so in the background, a moment later.
    """
    for ct in _masqueraded(link):
        link.netns.conntrack.delete(ct)


def masq_inet_event(link: Link, address: Ip) -> None:
    """``masq_inet_event``: an address of the device goes, and the connections that have it.

    ``address`` is ``ifa_address``: of an address with a peer the peer's, so that such connections stay.
    """
    for ct in _masqueraded(link):
        if ct.reply.dst == address:
            link.netns.conntrack.delete(ct)


def _masqueraded(link: Link) -> list[Connection]:
    """``device_cmp``: what left by the device with one of its addresses."""
    index = link.ifindex
    known = link.netns.nat.bysource.values()
    return [ct for cts in known for ct in cts if ct.masq_index == index and ct.status & IPS_CONFIRMED]
