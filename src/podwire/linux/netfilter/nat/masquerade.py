"""MASQUERADE: the source becomes an address of the device by which the packet leaves (net/netfilter/nf_nat_masquerade.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podwire.linux.link import SCOPE_UNIVERSE
from podwire.linux.netfilter.hooks import NF_ACCEPT, NF_DROP
from podwire.linux.netfilter.nat.core import nf_nat_setup_info
from podwire.linux.netfilter.nat.range import NF_NAT_MANIP_SRC, NF_NAT_RANGE_MAP_IPS, NatRange
from podwire.linux.path.lookup import inet_select_addr
from podwire.trace.events import ByLink, Dropped
from podwire.trace.reasons import DropReason

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb


def nf_nat_masquerade_ipv4(skb: Skb, netns: Netns, wanted: NatRange, out: Link) -> int:
    """``nf_nat_masquerade_ipv4``: an address of ``out`` in the next hop's subnet, else its first; NF_DROP where there is none.

    The address has global scope, and may be another device's where ``out`` has none. A packet whose source is 0.0.0.0 is let alone.
    """
    ct, dst = skb.ct, skb.dst
    if ct is None or not ct.orig.src:
        return NF_ACCEPT
    gateway = dst.gateway if dst is not None else None
    source = inet_select_addr(netns, out, gateway or skb.ip.dst, SCOPE_UNIVERSE)
    if not source:
        if netns.machine.log.on:
            by = ByLink(out.name, "no address", owner=out.owner)
            netns.emit(skb.id, Dropped("nf_nat_masquerade_ipv4", DropReason.NETFILTER_DROP, by, out.name))
        return NF_DROP
    ct.masq_index = out.ifindex
    exact = NatRange(wanted.flags | NF_NAT_RANGE_MAP_IPS, source, source, wanted.min_proto, wanted.max_proto)
    return nf_nat_setup_info(netns, ct, exact, NF_NAT_MANIP_SRC, netns.nat.asking)
