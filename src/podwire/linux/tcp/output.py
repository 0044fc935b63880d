"""Segments leave: what may be sent now, how long it is, what it says (net/ipv4/tcp_output.c; RFC 9293 section 3.8).

Every segment is a packet of its own, at most as long as the path takes: as with ``ethtool -K DEV tso off gso off gro off``
(what offloads would do to them on veths is fact F142).
"""

from __future__ import annotations

from errno import EHOSTUNREACH
from typing import TYPE_CHECKING, Final

from podwire.linux.path.output import ip_local_out, net_xmit_errno
from podwire.linux.path.route import ip_route_output, ip_select_ttl
from podwire.linux.skb import Skb
from podwire.linux.tcp import delack, recovery, segments, timers
from podwire.linux.tcp.sock import ACK_SCHED, SEND_SHUTDOWN, Segment, TcpSock
from podwire.linux.tcp.states import MASK, TcpState, after, before
from podwire.linux.tcp.window import segment_truesize, tcp_select_window
from podwire.wire.headers import IPPROTO_TCP, TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN, IPv4, Tcp
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.wire.addr import Ip

_MAX_TCP_WINDOW: Final = 65535
_FLUSH_AFTER: Final = 16


# -- transmitting -------------------------------------------------------------------------------------------------


def transmit(sk: TcpSock, flags: int, seq: int, data: bytes = b"", segment: Segment | None = None) -> int:
    """``__tcp_transmit_skb``: a segment starts its way; returns 0 or the errno of a refusal."""
    if flags & TCP_SYN:
        options = segments.syn_options(sk)
        window = min(sk.rcv_wnd, _MAX_TCP_WINDOW)
    else:
        options = segments.established_options(sk)
        window = tcp_select_window(sk)
    header = Tcp(sk.sport, sk.dport, seq, sk.rcv_nxt if flags & TCP_ACK else 0, flags, window, 0, options)
    if flags & TCP_ACK:
        event_ack_sent(sk)
    if data:
        _event_data_sent(sk)
    end = seq + len(data) + bool(flags & TCP_SYN) + bool(flags & TCP_FIN) & MASK
    if after(end, sk.snd_nxt) or seq == end:
        sk.segs_out += 1
    return _queue_xmit(sk, header, data, segment)


def _queue_xmit(sk: TcpSock, header: Tcp, data: bytes, segment: Segment | None) -> int:
    """``__ip_queue_xmit``."""
    netns = sk.netns
    dst = segments.route(sk)
    if dst.kind == "error":
        return EHOSTUNREACH
    df = sk.pmtudisc == 2 or (sk.pmtudisc == 1 and not dst.locked)
    ident, sk.ip_id = sk.ip_id, sk.ip_id + 1 & 0xFFFF
    ip = IPv4(sk.saddr, sk.daddr, IPPROTO_TCP, sk.ttl or ip_select_ttl(netns, dst), sk.tos, ident, df)
    skb = Skb(Packet((ip, header), data), netns.machine.world.new_packet_id())
    skb.mark = sk.mark
    skb.owner = sk
    skb.hash = sk.txhash
    skb.confirm, sk.confirm = sk.confirm, False
    if segment is not None:
        segment.skb = skb
        skb.cloned = True
    if sk.socket is not None and sk.socket.on_send is not None:
        sk.socket.on_send(skb.id)
    errno = net_xmit_errno(ip_local_out(netns, skb, dst))
    netns.machine.run_softirq()
    return errno


def _event_data_sent(sk: TcpSock) -> None:
    """``tcp_event_data_sent``: what is sent soon after data came is taken for an answer, and ACKs wait for answers."""
    now = sk.jiffies
    sk.lsndtime = now
    sk.data_segs_out += 1
    if now - sk.ack_lrcvtime < sk.ack_ato:
        sk.ack_pingpong = min(sk.ack_pingpong + 1, 255)


def event_ack_sent(sk: TcpSock) -> None:
    """``tcp_event_ack_sent``: everything that came is acknowledged."""
    if sk.compressed_ack:
        sk.compressed_ack = 0
    if sk.ack_quick:
        count = 1 if sk.ack_pending & ACK_SCHED else 0
        if count >= sk.ack_quick:
            sk.ack_quick = 0
            sk.ack_ato = delack.ato_min(sk)
        else:
            sk.ack_quick -= count
    sk.ack_pending = 0
    sk.ack_retry = 0
    sk.dsack = None


def tcp_acceptable_seq(sk: TcpSock) -> int:
    """``tcp_acceptable_seq``: the number of a segment without data, within the other end's window."""
    end = sk.wnd_end
    if not before(end, sk.snd_nxt) or (sk.rx_opt.wscale_ok and sk.snd_nxt - end & MASK < 1 << sk.rx_opt.rcv_wscale):
        return sk.snd_nxt
    return end


def tcp_send_ack(sk: TcpSock) -> None:
    """``tcp_send_ack``."""
    if sk.state is not TcpState.CLOSE:
        transmit(sk, TCP_ACK, tcp_acceptable_seq(sk))


def tcp_send_active_reset(sk: TcpSock) -> None:
    """``tcp_send_active_reset``: this end gives up the connection."""
    transmit(sk, TCP_ACK | TCP_RST, tcp_acceptable_seq(sk))


# -- what may be sent ---------------------------------------------------------------------------------------------


def outq(sk: TcpSock) -> int:
    """SIOCOUTQ: bytes that the other end has not acknowledged, a FIN among them."""
    if sk.state in {TcpState.SYN_SENT, TcpState.SYN_RECV, TcpState.CLOSE, TcpState.LISTEN}:
        return 0
    return sk.write_seq - sk.snd_una & MASK


def has_room(sk: TcpSock) -> bool:
    """``sk_stream_is_writeable``: a third of the send buffer is free."""
    return sk.sndbuf - sk.wmem_queued >= sk.wmem_queued >> 1


def has_unsent(sk: TcpSock) -> bool:
    """``tcp_send_head``: data or a FIN that was not yet sent."""
    return bool(sk.unsent) or (sk.fin_queued and sk.snd_nxt != sk.write_seq)


def tcp_sendmsg(sk: TcpSock, data: bytes) -> int:
    """``tcp_sendmsg``: as many of the bytes as there is room for, in segments, of which those that may leave do."""
    sk.owned = True
    recovery.restart_after_idle(sk)
    mss = segments.tcp_current_mss(sk)
    taken = made = 0
    while taken < len(data) and sk.wmem_queued < sk.sndbuf:
        tail = len(sk.unsent) % mss
        part = min(len(data) - taken, mss - tail)
        if not tail:
            if made >= _FLUSH_AFTER:
                made = 0
                if sk.backlog:
                    _flush(sk)
                    mss = segments.tcp_current_mss(sk)
                    continue
            made += 1
            sk.wmem_queued += segment_truesize(0)
        elif sk.push_marks and sk.push_marks[-1] == sk.write_seq:
            # What is appended to a segment takes away its PSH.
            sk.push_marks.pop()
        sk.unsent += data[taken : taken + part]
        sk.wmem_queued += part
        sk.write_seq = sk.write_seq + part & MASK
        taken += part
        if taken == len(data):
            break
        if len(sk.unsent) % mss == 0:
            _push_early(sk, mss)
    if taken:
        _mark_push(sk)
        push_pending_frames(sk, mss)
    _release(sk)
    return taken


def _push_early(sk: TcpSock, mss: int) -> None:
    """``forced_push``: half of the largest window has been written since the last push; the first segment of all need not wait either."""
    if after(sk.write_seq, sk.pushed_seq + (sk.max_window >> 1) & MASK):
        _mark_push(sk)
        push_pending_frames(sk, mss, push=True)
    elif len(sk.unsent) == mss:
        write_xmit(sk, mss, push=True, limit=1)


def _mark_push(sk: TcpSock) -> None:
    """``tcp_mark_push``."""
    sk.push_marks.append(sk.write_seq)
    sk.pushed_seq = sk.write_seq


def _release(sk: TcpSock) -> None:
    from podwire.linux.tcp.input import release_sock

    release_sock(sk)


def _flush(sk: TcpSock) -> None:
    """``sk_flush_backlog``: in a long write, what arrived is looked at now and then."""
    from podwire.linux.tcp.input import process_backlog

    process_backlog(sk)


def _nagle_holds(sk: TcpSock, length: int, mss: int, *, push: bool) -> bool:
    """``tcp_nagle_test``: a small segment waits while another small one is under way (RFC 896, RFC 9293 section 3.7.4)."""
    if push or length >= mss or (sk.fin_queued and length == len(sk.unsent)):
        return False
    small = after(sk.snd_sml, sk.snd_una) and not after(sk.snd_sml, sk.snd_nxt)
    return sk.cork or (not sk.nodelay and bool(sk.rtx) and small)


def cut(sk: TcpSock, length: int) -> Segment:
    """``tso_fragment``: the next segment of what waits, with PSH where a write ended and FIN where all of it does."""
    data = bytes(sk.unsent[:length])
    del sk.unsent[:length]
    end = sk.snd_nxt + length & MASK
    flags = TCP_ACK
    while sk.push_marks and not after(sk.push_marks[0], end):
        if sk.push_marks.popleft() == end:
            flags |= TCP_PSH
    if sk.push_rest:
        sk.push_rest = False
        flags |= TCP_PSH
    if sk.fin_queued and not sk.unsent:
        flags |= TCP_FIN
    return Segment(sk.snd_nxt, data, flags, sk.now)


def write_xmit(sk: TcpSock, mss: int, *, push: bool = False, limit: int = 0, probe: bool = False) -> bool:
    """``tcp_write_xmit``: send what windows and Nagle let pass; True where nothing is under way and data waits.

    ``probe``: one segment of a tail loss probe may go beyond the congestion window.
    """
    sent = 0
    while has_unsent(sk):
        if not probe and sk.in_flight >= sk.snd_cwnd:
            break
        length = min(len(sk.unsent), mss)
        if after(sk.snd_nxt + length & MASK, sk.wnd_end):
            break
        if _nagle_holds(sk, length, mss, push=push or probe):
            break
        if not _send_next(sk, length, mss):
            break
        sent += 1
        if limit and sent >= limit:
            break
    if not sent:
        return not sk.rtx and has_unsent(sk)
    if sk.ca_state in {"CWR", "Recovery"}:
        sk.prr_out += sent
    if not probe:
        timers.schedule_loss_probe(sk)
    recovery.cwnd_validate(sk, limited=sk.in_flight >= sk.snd_cwnd)
    return False


def _send_next(sk: TcpSock, length: int, mss: int) -> bool:
    """Cut and transmit one segment; False where the IP layer refused it, and it waits on."""
    marks, unsent = sk.push_marks.copy(), bytes(sk.unsent[:length])
    segment = cut(sk, length)
    if transmit(sk, segment.flags, segment.seq, segment.data, segment):
        sk.push_marks = marks
        sk.unsent[:0] = unsent
        return False
    _event_new_data_sent(sk, segment)
    if length < mss:
        # tcp_minshall_update
        sk.snd_sml = segment.end
    return True


def _event_new_data_sent(sk: TcpSock, segment: Segment) -> None:
    """``tcp_event_new_data_sent``."""
    first = not sk.rtx
    sk.snd_nxt = segment.end
    sk.bytes_sent += len(segment.data)
    sk.rtx.append(segment)
    if first or sk.timer_what == "loss-probe":
        timers.rearm_rto(sk)


def send_some(sk: TcpSock, length: int, *, push: bool) -> bool:
    """One segment of at most ``length`` bytes whatever Nagle and congestion say, with PSH if ``push``; False where it was refused."""
    length = min(length, len(sk.unsent))
    if not push or not length:
        return _send_next(sk, length, length)
    rest = length < len(sk.unsent)
    sk.push_rest = True
    sent = _send_next(sk, length, length)
    # tcp_fragment: what is left of the buffer that was cut has the flag too.
    sk.push_rest = sent and rest
    return sent


def push_pending_frames(sk: TcpSock, mss: int = 0, *, push: bool = False) -> None:
    """``__tcp_push_pending_frames``: send what may be sent; where the window is shut, begin to ask."""
    if (
        has_unsent(sk)
        and sk.state is not TcpState.CLOSE
        and write_xmit(sk, mss or segments.tcp_current_mss(sk), push=push)
    ):
        timers.check_probe_timer(sk)


def tcp_send_fin(sk: TcpSock) -> None:
    """``tcp_send_fin``: on the last segment that waits, else by itself."""
    sk.fin_queued = True
    sk.shutdown |= SEND_SHUTDOWN
    sk.write_seq = sk.write_seq + 1 & MASK
    push_pending_frames(sk, push=True)


# -- answers without a connection ---------------------------------------------------------------------------------


def send_reply(
    netns: Netns,
    parent: Skb | None,
    src: Ip,
    to: Ip,
    header: Tcp,
    *,
    tos: int = 0,
    mark: int = 0,
    txhash: int = 0,
    oif: Link | None = None,
    ttl: int = 0,
) -> None:
    """``ip_send_unicast_reply``, ``ip_build_and_send_pkt``: a segment without a connection: IP id 0, DF."""
    ports = (IPPROTO_TCP, header.sport, header.dport) if netns.custom_rules else None
    dst = ip_route_output(netns, to, src, oif=oif, mark=mark, tos=tos & 0x1C, ports=ports)
    if dst.kind == "error":
        return
    ip = IPv4(src, to, IPPROTO_TCP, ttl or ip_select_ttl(netns, dst), tos, 0, df=True)
    skb = Skb(Packet((ip, header)), netns.machine.world.new_packet_id())
    skb.mark = mark
    skb.hash = txhash
    if parent is not None:
        ip_local_out(netns, skb, dst, parent=parent.id, relation="reply")
    else:
        ip_local_out(netns, skb, dst)
    netns.machine.run_softirq()
