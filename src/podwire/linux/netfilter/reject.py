"""Answers to what a rule rejects: an ICMP error or a TCP reset (net/ipv4/netfilter/nf_reject_ipv4.c; facts F160, F161, F162)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.conntrack.core import nf_conntrack_attach
from podwire.linux.netfilter.conntrack.tcp import nf_conntrack_tcp_set_closing
from podwire.linux.path.icmp import icmp_send
from podwire.linux.path.output import ip_local_out
from podwire.linux.path.route import ip_route_output, ip_select_ttl
from podwire.linux.skb import Skb
from podwire.wire.checksum import checksum, words
from podwire.wire.codec import to_bytes
from podwire.wire.headers import (
    ICMP_DEST_UNREACH,
    IPPROTO_TCP,
    IPPROTO_UDP,
    TCP_ACK,
    TCP_FIN,
    TCP_RST,
    TCP_SYN,
    Icmp,
    IPv4,
    Tcp,
    Udp,
)
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.linux.netns import Netns

_IPPROTO_GRE: Final = 47
_GRE_CSUM: Final = 0x80
_OTHER_CHECK: Final = frozenset({33, 50, 51, 132, 136})
"""DCCP, ESP, AH, SCTP, UDP-Lite: no one's complement sum over all of the payload."""


def nf_send_unreach(netns: Netns, skb: Skb, code: int) -> None:
    """``nf_send_unreach``: destination unreachable to whoever sent the packet, unless it is a later fragment or damaged.

    A first fragment counts as damaged: its checksum is that of the whole datagram.
    """
    if skb.ip.frag or not _is_sound(skb):
        return
    icmp_send(netns, skb, ICMP_DEST_UNREACH, code)


def nf_send_reset(netns: Netns, skb: Skb) -> None:
    """``nf_send_reset``: a reset in the name of whom the segment was for. Not for a reset, a fragment, a damaged segment."""
    ip = skb.ip
    layers = skb.packet.layers
    tcp = layers[1] if len(layers) > 1 else None
    dst = skb.dst
    if ip.frag or not isinstance(tcp, Tcp) or tcp.flags & TCP_RST or not _is_sound(skb) or dst is None:
        return
    if dst.type in {"broadcast", "multicast"}:
        return
    if tcp.flags & TCP_ACK:
        reset = Tcp(tcp.dport, tcp.sport, tcp.ack, 0, TCP_RST)
    else:
        length = skb.len - ip.size - tcp.size + bool(tcp.flags & TCP_SYN) + bool(tcp.flags & TCP_FIN)
        reset = Tcp(tcp.dport, tcp.sport, 0, tcp.seq + length & 0xFFFFFFFF, TCP_RST | TCP_ACK)
    header = IPv4(ip.dst, ip.src, IPPROTO_TCP, ip_select_ttl(netns, dst), 0, 0, df=True)
    answer = Skb(Packet((header, reset)), netns.machine.world.new_packet_id())
    answer.mark = skb.mark if netns.setting("fwmark_reflect") else 0
    # ip_route_me_harder: the flow has addresses, TOS and mark, and nothing of TCP.
    flow = (0, 0, 0) if netns.custom_rules else None
    route = ip_route_output(netns, ip.src, ip.dst, mark=answer.mark, any_src=True, ports=flow)
    if route.kind == "error" or answer.len > route.effective_mtu:
        return
    nf_conntrack_attach(answer, skb)
    if skb.ct is not None:
        nf_conntrack_tcp_set_closing(skb.ct, netns)
    ip_local_out(netns, answer, route, parent=skb.id, relation="reset")


def _is_sound(skb: Skb) -> bool:
    """``nf_reject_verify_csum`` and ``nf_ip_checksum``: the transport's checksum is right, or nobody has to know.

    What is neither TCP nor UDP nor of those without such a sum has to sum up to nothing, whatever it is.
    """
    ip, packet = skb.ip, skb.packet
    if ip.proto in _OTHER_CHECK:
        return True
    header = packet.layers[1] if len(packet.layers) > 1 else None
    if ip.proto == IPPROTO_UDP and (not isinstance(header, Udp) or header.checksum == 0):
        return True
    if isinstance(header, Udp | Tcp | Icmp) and len(packet.layers) == 2:
        return header.checksum is None
    data = to_bytes(Packet(packet.layers, packet.payload))[ip.size :]
    if ip.proto == _IPPROTO_GRE and not (data and data[0] & _GRE_CSUM):
        return True
    pseudo = ip.src + ip.dst + ip.proto + len(data) if ip.proto in {IPPROTO_TCP, IPPROTO_UDP} else 0
    return checksum(pseudo + words(data)) == 0
