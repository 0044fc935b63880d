"""TCP segments arrive: whose they are (net/ipv4/tcp_ipv4.c, tcp_v4_rcv).

A segment of nobody's is answered with a reset (tcp_v4_send_reset; fact F140). ``linux.tcp`` is loaded by the first socket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from podwire.linux.path.output import ip_local_out
from podwire.linux.path.route import ip_route_output, ip_select_ttl
from podwire.linux.skb import Skb
from podwire.trace.events import PACKET_HOST, ByLink, Delivered, Dropped
from podwire.trace.reasons import DropReason
from podwire.wire.headers import IPPROTO_TCP, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, IPv4, Tcp
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.tcp.incoming import Incoming
    from podwire.linux.tcp.table import TcpTable
    from podwire.linux.tcp.timewait import TimeWaitSock


def tcp_v4_rcv(netns: Netns, skb: Skb, link: Link, tcp: Tcp) -> None:
    """``tcp_v4_rcv``: to the connection, the handshake, what is left of a connection, or the listener; else a reset."""
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
    table = netns.sockets.tcp
    if table is not None and _lookup(table, skb, tcp):
        return
    if not tcp.flags & TCP_RST and skb.dst is not None and skb.dst.is_own:
        tcp_v4_send_reset(netns, skb, tcp)
    if log_on:
        by = ByLink(link.name, "tcp port", str(tcp.dport))
        netns.emit(skb.id, Dropped("tcp_v4_rcv", DropReason.NO_SOCKET, by, link.name))


def _lookup(table: TcpTable, skb: Skb, tcp: Tcp) -> bool:
    """``__inet_lookup_skb``: False where the segment is nobody's."""
    from podwire.linux.tcp.incoming import Incoming
    from podwire.linux.tcp.input import tcp_v4_do_rcv
    from podwire.linux.tcp.listen import rcv_listen
    from podwire.linux.tcp.minisocks import check_req

    ip = skb.ip
    key = (ip.dst, tcp.dport, ip.src, tcp.sport)
    device = skb.inet_iif
    sk = table.established.get(key)
    if sk is not None and (sk.link is None or sk.link is device):
        tcp_v4_do_rcv(sk, skb, tcp)
        return True
    request = table.requests.get(key)
    if request is not None:
        check_req(request, Incoming(skb, tcp))
        return True
    left = table.timewait.get(key)
    if left is not None and (left.link is None or left.link is device):
        return _timewait(table, left, Incoming(skb, tcp))
    listener = table.lookup_listener(ip.dst, tcp.dport, device)
    if listener is None:
        return False
    listener.segs_in += 1
    rcv_listen(listener, Incoming(skb, tcp))
    return True


def _timewait(table: TcpTable, left: TimeWaitSock, seg: Incoming) -> bool:
    """``do_time_wait``."""
    from podwire.linux.tcp.listen import rcv_listen
    from podwire.linux.tcp.states import MASK
    from podwire.linux.tcp.timewait import tcp_timewait_state_process, tcp_v4_timewait_ack

    netns, skb = left.netns, seg.skb
    verdict = tcp_timewait_state_process(left, seg)
    if verdict == "syn":
        listener = table.lookup_listener(skb.ip.dst, seg.tcp.dport, skb.inet_iif)
        if listener is not None:
            left.kill()
            rcv_listen(listener, seg, isn=(left.snd_nxt + 65535 + 2 & MASK) or 1)
            return True
        verdict = "ack"
    if verdict == "ack":
        tcp_v4_timewait_ack(left, skb)
    elif verdict == "rst":
        tcp_v4_send_reset(netns, skb, seg.tcp)
        left.kill()
    if netns.machine.log.on:
        dev = skb.iif.name if skb.iif is not None else ""
        netns.emit(
            skb.id, Delivered("socket", f"tcp port {seg.tcp.dport}", ByLink(dev, "tcp connection", left.substate))
        )
    return True


def tcp_v4_send_reset(netns: Netns, skb: Skb, tcp: Tcp) -> None:
    """RFC 9293 section 3.10.7.1: with ACK the reset takes its number, else it acknowledges what came.

    IP id 0, DF (F140), with fwmark_reflect the mark of what it answers. A reset is never answered.
    """
    if tcp.flags & TCP_RST:
        return
    ip = skb.ip
    ports = (IPPROTO_TCP, tcp.dport, tcp.sport) if netns.custom_rules else None
    mark = skb.mark if netns.setting("fwmark_reflect") else 0
    dst = ip_route_output(netns, ip.src, ip.dst, tos=ip.tos & 0x1C, mark=mark, ports=ports)
    if dst.kind == "error":
        return
    if tcp.flags & TCP_ACK:
        reset = Tcp(tcp.dport, tcp.sport, tcp.ack, 0, TCP_RST)
    else:
        length = len(skb.packet.payload) + bool(tcp.flags & TCP_SYN) + bool(tcp.flags & TCP_FIN)
        reset = Tcp(tcp.dport, tcp.sport, 0, tcp.seq + length & 0xFFFFFFFF, TCP_RST | TCP_ACK)
    header = IPv4(ip.dst, ip.src, IPPROTO_TCP, ip_select_ttl(netns, dst), ip.tos & 0xFC, 0, df=True)
    answer = Skb(Packet((header, reset)), netns.machine.world.new_packet_id())
    answer.mark = mark
    ip_local_out(netns, answer, dst, parent=skb.id, relation="reset")
