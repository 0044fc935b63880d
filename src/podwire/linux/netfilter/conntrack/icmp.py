"""ICMP errors belong to the connection whose packet they quote (``nf_conntrack_icmpv4_error``, ``nf_conntrack_inet_error``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.conntrack.entry import IP_CT_RELATED, IP_CT_RELATED_REPLY
from podwire.linux.netfilter.conntrack.refresh import INVALID
from podwire.linux.netfilter.conntrack.tuple import nf_ct_get_tuplepr, nf_ct_invert
from podwire.linux.netfilter.hooks import NF_ACCEPT, NF_INET_PRE_ROUTING
from podwire.wire.codec import quoted
from podwire.wire.headers import Icmp, IPv4

if TYPE_CHECKING:
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

_NR_ICMP_TYPES: Final = 18


def nf_conntrack_icmpv4_error(skb: Skb, netns: Netns, hook: int, zone: int, zone_dir: int) -> int:
    """``nf_conntrack_icmpv4_error``: NF_ACCEPT where it is no error, or where ``skb.ct`` has been set; else INVALID."""
    layers = skb.packet.layers
    icmp = layers[1] if len(layers) > 1 else None
    if type(icmp) is not Icmp:
        return INVALID
    if icmp.checksum is not None and hook == NF_INET_PRE_ROUTING and netns.conntrack.timeouts.checksum:
        return INVALID
    if icmp.type > _NR_ICMP_TYPES:
        return INVALID
    return nf_conntrack_inet_error(skb, netns, zone, zone_dir) if icmp.is_error else NF_ACCEPT


def nf_conntrack_inet_error(skb: Skb, netns: Netns, zone: int, zone_dir: int) -> int:
    """``nf_conntrack_inet_error``: the error goes against the packet that it is about, towards the one who sent that."""
    inner = quoted(skb.packet)
    about = nf_ct_get_tuplepr(inner) if inner is not None and inner.layers else None
    flow = nf_ct_invert(about) if about is not None else None
    found = netns.conntrack.find(flow, zone, zone_dir) if flow is not None else None
    if found is None:
        return INVALID
    ct, direction = found
    outer: IPv4 = skb.packet.layers[0]  # type: ignore[assignment]
    if outer.dst != ct.tuple(direction).dst:
        return INVALID
    skb.ct = ct
    skb.ctinfo = IP_CT_RELATED_REPLY if direction else IP_CT_RELATED
    return NF_ACCEPT
