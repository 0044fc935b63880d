"""ICMP errors about translated packets (``nf_nat_icmp_reply_translation``, net/netfilter/nf_nat_proto.c; facts F180 to F182)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podwire.linux.netfilter.conntrack.entry import (
    IP_CT_RELATED_REPLY,
    IPS_DST_NAT,
    IPS_NAT_DONE_MASK,
    IPS_NAT_MASK,
    IPS_SRC_NAT,
)
from podwire.linux.netfilter.nat.packet import nf_nat_ipv4_manip_pkt
from podwire.linux.netfilter.nat.range import HOOK2MANIP, NF_NAT_MANIP_SRC
from podwire.wire.codec import quoted
from podwire.wire.headers import ICMP_REDIRECT, IPPROTO_ICMP, Icmp, IPv4
from podwire.wire.packet import Packet, Quoted

if TYPE_CHECKING:
    from podwire.linux.netfilter.conntrack.entry import Connection
    from podwire.linux.skb import Skb


def nf_nat_icmp_reply_translation(skb: Skb, ct: Connection, ctinfo: int, hook: int) -> bool:
    """Translate the error as if it were an answer, and back what it quotes, so that its receiver knows the packet.

    False where it has to be dropped: a redirect about a connection that is translated, or that is not settled yet. Who follows it
    would go around the translation.
    """
    packet = skb.packet
    icmp = packet.layers[1] if len(packet.layers) > 1 else None
    if type(icmp) is not Icmp or icmp.checksum is not None:
        return False
    if icmp.type == ICMP_REDIRECT and (ct.status & IPS_NAT_DONE_MASK != IPS_NAT_DONE_MASK or ct.status & IPS_NAT_MASK):
        return False
    source = HOOK2MANIP(hook) == NF_NAT_MANIP_SRC
    reply = ctinfo == IP_CT_RELATED_REPLY
    bit = IPS_SRC_NAT if source is not reply else IPS_DST_NAT
    if not ct.status & bit:
        return True
    inner = quoted(packet)
    if inner is None:
        return False
    # The other direction as it is there, before or behind the translation: what is quoted goes that way.
    other = ct.orig if reply else ct.reply
    if source:
        number = other.sport if other.proto == IPPROTO_ICMP else other.dport
        inside = nf_nat_ipv4_manip_pkt(inner, other.dst, number, source=False)
        addr = other.dst
    else:
        inside = nf_nat_ipv4_manip_pkt(inner, other.src, other.sport, source=True)
        addr = other.src
    outer = nf_nat_ipv4_manip_pkt(Packet((packet.layers[0],)), addr, 0, source=source)
    header = outer.layers[0]
    assert isinstance(header, IPv4)  # noqa: S101 - it was one
    skb.packet = Packet((header, icmp), Quoted(inside, len(packet.payload)), packet.trailer)
    return True
