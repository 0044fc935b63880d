"""UDP, GRE, ICMP and protocols without a tracker of their own (nf_conntrack_proto_udp.c, _gre.c, _icmp.c, generic_packet)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.conntrack.ecache import IPCT_ASSURED, nf_conntrack_event_cache
from podwire.linux.netfilter.conntrack.entry import (
    IPS_ASSURED,
    IPS_CONFIRMED,
    IPS_NAT_CLASH,
    IPS_SEEN_REPLY,
    Connection,
)
from podwire.linux.netfilter.conntrack.refresh import INVALID, nf_ct_refresh_acct
from podwire.linux.netfilter.conntrack.settings import NSEC
from podwire.linux.netfilter.conntrack.tuple import ICMP_ADDRESS, ICMP_INFO_REQUEST
from podwire.linux.netfilter.hooks import NF_ACCEPT, NF_INET_PRE_ROUTING
from podwire.linux.path.checksum import udp_is_sound
from podwire.wire.headers import ICMP_ECHO, ICMP_TIMESTAMP, Udp

if TYPE_CHECKING:
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

_STREAM_AFTER: Final = 2 * NSEC
_ICMP_BEGINS: Final = frozenset({ICMP_ECHO, ICMP_TIMESTAMP, ICMP_INFO_REQUEST, ICMP_ADDRESS})
"""``valid_new``: the questions."""


def _udp_error(skb: Skb, hook: int, *, check: bool) -> bool:
    """``udp_error``: cut off, or with a wrong checksum."""
    packet = skb.packet
    udp = packet.layers[1] if len(packet.layers) > 1 else None
    if type(udp) is not Udp:
        return True
    if udp.length is not None:
        room = skb.len - packet.layers[0].size + len(packet.trailer)
        if not 8 <= udp.length <= room:
            return True
    return bool(udp.checksum) and hook == NF_INET_PRE_ROUTING and check and not udp_is_sound(packet)


def nf_conntrack_udp_packet(ct: Connection, skb: Skb, netns: Netns, ctinfo: int, hook: int) -> int:
    """``nf_conntrack_udp_packet``: 30 s; with answers and older than 2 s assured, and 120 s (F172)."""
    timeouts = netns.conntrack.timeouts
    if _udp_error(skb, hook, check=timeouts.checksum):
        return INVALID
    status = ct.status
    if not status & IPS_CONFIRMED:
        ct.proto = netns.machine.world.now + _STREAM_AFTER
    if status & IPS_SEEN_REPLY:
        stream = netns.machine.world.now > ct.proto
        nf_ct_refresh_acct(ct, ctinfo, skb, timeouts.udp_stream if stream else timeouts.udp, netns)
        if stream and not status & (IPS_ASSURED | IPS_NAT_CLASH):
            ct.status |= IPS_ASSURED
            nf_conntrack_event_cache(ct, IPCT_ASSURED)
    else:
        nf_ct_refresh_acct(ct, ctinfo, skb, timeouts.udp, netns)
    return NF_ACCEPT


def nf_conntrack_udplite_packet(ct: Connection, skb: Skb, netns: Netns, ctinfo: int, _hook: int) -> int:
    """``nf_conntrack_udplite_packet``."""
    timeouts = netns.conntrack.timeouts
    return _two_spans(ct, skb, netns, ctinfo, (timeouts.udp, timeouts.udp_stream))


def nf_conntrack_gre_packet(ct: Connection, skb: Skb, netns: Netns, ctinfo: int, _hook: int) -> int:
    """``nf_conntrack_gre_packet``; the spans are those of its first packet."""
    if not ct.status & IPS_CONFIRMED:
        ct.proto = (netns.conntrack.timeouts.gre, netns.conntrack.timeouts.gre_stream)
    return _two_spans(ct, skb, netns, ctinfo, ct.proto)


def _two_spans(ct: Connection, skb: Skb, netns: Netns, ctinfo: int, spans: tuple[int, int]) -> int:
    replied = bool(ct.status & IPS_SEEN_REPLY)
    nf_ct_refresh_acct(ct, ctinfo, skb, spans[replied], netns)
    if replied and not ct.status & (IPS_ASSURED | IPS_NAT_CLASH):
        ct.status |= IPS_ASSURED
        nf_conntrack_event_cache(ct, IPCT_ASSURED)
    return NF_ACCEPT


def nf_conntrack_icmp_packet(ct: Connection, skb: Skb, netns: Netns, ctinfo: int, _hook: int) -> int:
    """``nf_conntrack_icmp_packet``: a question begins a connection, an answer does not."""
    if ct.orig.dport >> 8 not in _ICMP_BEGINS:
        return INVALID
    nf_ct_refresh_acct(ct, ctinfo, skb, netns.conntrack.timeouts.icmp, netns)
    return NF_ACCEPT


def generic_packet(ct: Connection, skb: Skb, netns: Netns, ctinfo: int, _hook: int) -> int:
    """``generic_packet``."""
    nf_ct_refresh_acct(ct, ctinfo, skb, netns.conntrack.timeouts.generic, netns)
    return NF_ACCEPT
