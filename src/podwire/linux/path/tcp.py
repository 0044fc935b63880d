"""TCP without connections.

A segment for a closed port is answered with a reset (net/ipv4/tcp_ipv4.c, tcp_v4_send_reset; fact F140).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from podwire.linux.path.output import ip_local_out
from podwire.linux.path.route import ip_route_output, ip_select_ttl
from podwire.linux.skb import Skb
from podwire.trace.events import PACKET_HOST, ByLink, Dropped
from podwire.trace.reasons import DropReason
from podwire.wire.headers import IPPROTO_TCP, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, IPv4, Tcp
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns


def tcp_v4_rcv(netns: Netns, skb: Skb, link: Link, tcp: Tcp) -> None:
    """``tcp_v4_rcv`` where no socket listens."""
    log_on = netns.machine.log.on
    if skb.pkt_type != PACKET_HOST:
        if log_on:
            by = ByLink(link.name, "broadcast frame", str(skb.eth.dst) if skb.eth else "")
            netns.emit(skb.id, Dropped("tcp_v4_rcv", DropReason.NOT_SPECIFIED, by, link.name))
        return
    if tcp.checksum is not None:
        if log_on:
            by = ByLink(link.name, "TCP checksum", f"{tcp.checksum:#06x}")
            netns.emit(skb.id, Dropped("tcp_v4_rcv", DropReason.TCP_CSUM, by, link.name))
        return
    if not tcp.flags & TCP_RST and skb.dst is not None and skb.dst.is_own:
        tcp_v4_send_reset(netns, skb, tcp)
    if log_on:
        by = ByLink(link.name, "tcp port", str(tcp.dport))
        netns.emit(skb.id, Dropped("tcp_v4_rcv", DropReason.NO_SOCKET, by, link.name))


def tcp_v4_send_reset(netns: Netns, skb: Skb, tcp: Tcp) -> None:
    """RFC 9293 section 3.10.7.1: with ACK the reset takes its number, else it acknowledges what came.

    IP id 0, DF (F140).
    """
    ip = skb.ip
    ports = (IPPROTO_TCP, tcp.dport, tcp.sport) if netns.custom_rules else None
    dst = ip_route_output(netns, ip.src, ip.dst, tos=ip.tos & 0x1C, ports=ports)
    if dst.kind == "error":
        return
    if tcp.flags & TCP_ACK:
        reset = Tcp(tcp.dport, tcp.sport, tcp.ack, 0, TCP_RST)
    else:
        length = len(skb.packet.payload) + bool(tcp.flags & TCP_SYN) + bool(tcp.flags & TCP_FIN)
        reset = Tcp(tcp.dport, tcp.sport, 0, tcp.seq + length & 0xFFFFFFFF, TCP_RST | TCP_ACK)
    header = IPv4(ip.dst, ip.src, IPPROTO_TCP, ip_select_ttl(netns, dst), ip.tos & 0xFC, 0, df=True)
    answer = Skb(Packet((header, reset)), netns.machine.world.new_packet_id())
    ip_local_out(netns, answer, dst, parent=skb.id, relation="reset")
