"""The third segment of a handshake: a request becomes a connection (net/ipv4/tcp_minisocks.c, tcp_v4_syn_recv_sock)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podwire.linux.tcp import output, segments, timers
from podwire.linux.tcp.ack import rtt_estimator
from podwire.linux.tcp.input import tcp_v4_do_rcv
from podwire.linux.tcp.listen import (
    RequestSock,
    acceptq_is_full,
    arm_request,
    drop_request,
    end_segment,
    rcv_listen,
    request_route,
    send_synack,
)
from podwire.linux.tcp.sock import TcpSock
from podwire.linux.tcp.states import MASK, TcpState, after
from podwire.linux.tcp.table import tcp_table
from podwire.linux.tcp.timewait import in_window
from podwire.linux.tcp.window import tcp_initialize_rcv_mss
from podwire.trace.reasons import DropReason
from podwire.wire.headers import TCP_ACK, TCP_RST, TCP_SYN, Tcp
from podwire.wire.tcp_options import build

if TYPE_CHECKING:
    from podwire.linux.skb import Skb
    from podwire.linux.tcp.incoming import Incoming


def check_req(request: RequestSock, seg: Incoming) -> None:
    """``tcp_check_req``: a segment for a handshake that is half done; the right ACK makes it a connection."""
    from podwire.linux.path.tcp import tcp_v4_send_reset

    listener = request.listener
    flags = seg.tcp.flags
    interesting = flags & (TCP_RST | TCP_SYN | TCP_ACK)
    stamp = seg.options.timestamp if request.tstamp_ok else None
    paws = stamp is not None and 0 < (request.ts_recent - stamp[0] & MASK) < 1 << 31 and not flags & TCP_RST
    port = seg.tcp.dport
    if seg.seq == request.rcv_isn and interesting == TCP_SYN and not paws:
        if not _limited(request):
            request.num_retrans += 1
            send_synack(request, seg.skb)
            arm_request(request)
        end_segment(listener, seg.skb, port)
        return
    if flags & TCP_ACK and seg.tcp.ack != (request.snt_isn + 1 & MASK):
        rcv_listen(listener, seg)
        return
    if paws or not in_window(seg.seq, seg.end, request.rcv_nxt, request.rcv_nxt + request.rcv_wnd & MASK):
        if not flags & TCP_RST and not _limited(request):
            _send_ack(request, seg.skb)
        end_segment(listener, seg.skb, port, DropReason.TCP_RFC7323_PAWS if paws else DropReason.TCP_OVERWINDOW)
        return
    if stamp is not None and not after(seg.seq, request.rcv_nxt):
        request.ts_recent = stamp[0]
    if seg.seq == request.rcv_isn:
        interesting &= ~TCP_SYN
    if interesting & (TCP_RST | TCP_SYN):
        if not flags & TCP_RST:
            tcp_v4_send_reset(listener.netns, seg.skb, seg.tcp)
        drop_request(request)
        end_segment(listener, seg.skb, port, DropReason.TCP_RESET)
        return
    if not flags & TCP_ACK:
        end_segment(listener, seg.skb, port, DropReason.TCP_FLAGS)
        return
    if acceptq_is_full(listener):
        _overflow(request, seg)
        return
    _become_connection(request, seg)


def _limited(request: RequestSock) -> bool:
    machine = request.listener.netns.machine
    limit = request.listener.netns.setting("tcp_invalid_ratelimit") * machine.hz // 1000
    if request.last_oow_ack and machine.jiffies - request.last_oow_ack < limit:
        return True
    request.last_oow_ack = machine.jiffies
    return False


def _overflow(request: RequestSock, seg: Incoming) -> None:
    """Nobody accepts: the ACK is forgotten and the SYN-ACK sent again, or the connection refused (tcp_abort_on_overflow)."""
    from podwire.linux.path.tcp import tcp_v4_send_reset

    listener = request.listener
    if listener.netns.setting("tcp_abort_on_overflow"):
        tcp_v4_send_reset(listener.netns, seg.skb, seg.tcp)
        drop_request(request)
    else:
        request.acked = True
    end_segment(listener, seg.skb, seg.tcp.dport, DropReason.TCP_LISTEN_OVERFLOW)


def _send_ack(request: RequestSock, parent: Skb) -> None:
    """``tcp_v4_reqsk_send_ack``."""
    listener = request.listener
    local, sport, remote, dport = request.key
    stamp = (segments.tcp_time_stamp(listener.netns, request.ts_off), request.ts_recent) if request.tstamp_ok else None
    header = Tcp(
        sport,
        dport,
        request.snt_isn + 1 & MASK,
        request.rcv_nxt,
        TCP_ACK,
        request.rcv_wnd >> request.rcv_wscale,
        0,
        build(timestamp=stamp) if stamp is not None else b"",
    )
    output.send_reply(listener.netns, parent, local, remote, header, mark=request.mark, txhash=request.txhash)


def _become_connection(request: RequestSock, seg: Incoming) -> None:
    """``tcp_v4_syn_recv_sock``, ``tcp_create_openreq_child`` and ``tcp_child_process``."""
    listener = request.listener
    child = _create_child(request, seg)
    drop_request(request)
    table = tcp_table(listener.netns)
    table.bound.setdefault(child.sport, []).append(child)
    table.hash(child)
    child.listener = listener
    listener.accept_queue.append(child)
    tcp_v4_do_rcv(child, seg.skb, seg.tcp)
    if listener.socket is not None:
        listener.socket.tell()


def _create_child(request: RequestSock, seg: Incoming) -> TcpSock:
    listener = request.listener
    table = tcp_table(listener.netns)
    child = TcpSock(listener.netns)
    local, child.sport, child.daddr, child.dport = request.key
    child.saddr = child.rcv_saddr = local
    _inherit(child, listener)
    child.link = listener.link
    child.state = TcpState.SYN_RECV
    child.ip_id = table.random.getrandbits(16)
    child.txhash = request.txhash
    child.tsoffset = request.ts_off
    child.irs = request.rcv_isn
    child.rcv_nxt = child.rcv_wup = child.copied_seq = request.rcv_nxt
    child.iss = request.snt_isn
    child.snd_una = child.snd_nxt = child.snd_sml = child.write_seq = child.pushed_seq = request.snt_isn + 1 & MASK
    child.snd_wl1 = request.rcv_isn
    child.rcv_wnd = child.rcv_ssthresh = request.rcv_wnd
    child.window_clamp = request.window_clamp
    options = child.rx_opt
    options.mss_clamp = request.mss
    options.user_mss = listener.rx_opt.user_mss
    options.sack_ok, options.wscale_ok, options.tstamp_ok = request.sack_ok, request.wscale_ok, request.tstamp_ok
    if request.wscale_ok:
        options.snd_wscale, options.rcv_wscale = request.snd_wscale, request.rcv_wscale
    else:
        child.window_clamp = min(child.window_clamp, 65535)
    child.snd_wnd = child.max_window = seg.tcp.window << options.snd_wscale
    if request.tstamp_ok:
        options.ts_recent = request.ts_recent
        options.ts_recent_stamp = child.now // 1_000_000_000
        child.header_len = 20 + segments.TSTAMP_ALIGNED
    child.rto = timers.timeout_init(child)
    child.total_retrans = request.num_retrans
    child.ack_lrcvtime = child.jiffies
    dst = request_route(request)
    pmtu = dst.effective_mtu if dst is not None else 1500
    segments.tcp_sync_mss(child, pmtu)
    child.advmss = request.advmss
    tcp_initialize_rcv_mss(child)
    if not request.num_retrans:
        rtt_estimator(child, max((child.now - request.sent) // 1000, 1))
        child.min_rtt_us = max((child.now - request.sent) // 1000, 1)
    return child


def _inherit(child: TcpSock, listener: TcpSock) -> None:
    """``inet_csk_clone_lock``: options of the listener are those of its connections."""
    for name in (
        "mark",
        "tos",
        "ttl",
        "pmtudisc",
        "reuse",
        "keepalive",
        "nodelay",
        "cork",
        "linger",
        "recverr",
        "rcvbuf",
        "sndbuf",
        "rcvbuf_locked",
        "sndbuf_locked",
        "bound_addr",
        "bound_port",
        "linger2",
    ):
        setattr(child, name, getattr(listener, name))
