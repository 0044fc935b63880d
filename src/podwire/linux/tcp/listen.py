"""The passive end of the handshake: listeners, half-open connections, the accept queue.

Sources: net/ipv4/tcp_input.c (tcp_conn_request), tcp_minisocks.c, inet_connection_sock.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from podwire.linux.socket import SocketError
from podwire.linux.tcp import output, segments
from podwire.linux.tcp.sock import TcpSock
from podwire.linux.tcp.states import MASK, TcpState
from podwire.linux.tcp.table import Tuple, tcp_table
from podwire.linux.tcp.window import tcp_select_initial_window, tcp_win_from_space
from podwire.trace.events import ByLink, ByNotModelled, Delivered, Dropped
from podwire.trace.reasons import DropReason
from podwire.wire.headers import TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, Tcp
from podwire.wire.tcp_options import build

if TYPE_CHECKING:
    from podwire.linux.machine import Timer
    from podwire.linux.path.route import Dst
    from podwire.linux.skb import Skb
    from podwire.linux.tcp.incoming import Incoming


class RequestSock:
    """``struct tcp_request_sock``: a handshake of which the first half is done."""

    def __init__(self, listener: TcpSock, seg: Incoming, key: Tuple) -> None:
        self.listener = listener
        self.key = key
        self.rcv_isn = seg.seq
        self.rcv_nxt = seg.seq + 1 & MASK
        self.snt_isn = 0
        self.mss = 536
        self.tstamp_ok = self.sack_ok = self.wscale_ok = False
        self.snd_wscale = 0
        self.rcv_wscale = 0
        self.ts_recent = 0
        self.ts_off = 0
        self.rcv_wnd = 0
        self.window_clamp = 0
        self.advmss = 0
        self.txhash = 0
        self.mark = listener.mark
        self.link = seg.skb.iif
        self.num_timeout = 0
        self.num_retrans = 0
        self.acked = False
        self.sent = 0
        self.last_oow_ack = 0
        self.timer: Timer | None = None
        self.expires = 0
        """The jiffy at which the SYN-ACK is sent again."""


def inet_csk_listen_start(sk: TcpSock) -> None:
    """``inet_csk_listen_start``: raises ``SocketError`` EADDRINUSE where somebody else listens there."""
    table = tcp_table(sk.netns)
    sk.state = TcpState.LISTEN
    try:
        if not sk.sport:
            table.bind(sk, sk.rcv_saddr, 0)
        else:
            table.check_listen(sk)
    except SocketError:
        sk.state = TcpState.CLOSE
        raise
    table.listeners.append(sk)


def inet_csk_listen_stop(sk: TcpSock) -> None:
    """``inet_csk_listen_stop``: handshakes are forgotten, connections that nobody accepted are reset."""
    from podwire.linux.tcp.close import destroy, tcp_disconnect

    for request in [one for one in tcp_table(sk.netns).requests.values() if one.listener is sk]:
        drop_request(request)
    while sk.accept_queue:
        child = sk.accept_queue.popleft()
        child.listener = None
        tcp_disconnect(child)
        destroy(child)


def acceptq_is_full(sk: TcpSock) -> bool:
    """``sk_acceptq_is_full``."""
    return len(sk.accept_queue) > sk.backlog_max


def end_segment(sk: TcpSock, skb: Skb, port: int, reason: DropReason | None = None, *, cookies: bool = False) -> None:
    """The segment's terminal event."""
    netns = sk.netns
    if not netns.machine.log.on:
        return
    dev = skb.iif.name if skb.iif is not None else ""
    if cookies:
        what = ByNotModelled("SYN cookies")
        netns.emit(skb.id, Dropped("tcp_conn_request", DropReason.NOT_MODELLED, what, dev))
    elif reason is None:
        netns.emit(skb.id, Delivered("socket", f"tcp port {port}"))
    else:
        by = ByLink(dev, "tcp listener", f"port {port}, backlog {sk.backlog_max}")
        netns.emit(skb.id, Dropped("tcp_conn_request", reason, by, dev))


def rcv_listen(sk: TcpSock, seg: Incoming, *, isn: int = 0) -> None:
    """``tcp_rcv_state_process`` of a listener: a SYN begins a handshake, an ACK is answered with a reset."""
    from podwire.linux.path.tcp import tcp_v4_send_reset

    flags = seg.tcp.flags
    if flags & TCP_ACK:
        tcp_v4_send_reset(sk.netns, seg.skb, seg.tcp)
        end_segment(sk, seg.skb, sk.sport, DropReason.TCP_FLAGS)
    elif flags & TCP_RST:
        end_segment(sk, seg.skb, sk.sport, DropReason.TCP_RESET)
    elif not flags & TCP_SYN or flags & TCP_FIN:
        end_segment(sk, seg.skb, sk.sport, DropReason.TCP_FLAGS)
    elif seg.skb.dst is not None and seg.skb.dst.type in {"broadcast", "multicast"}:
        end_segment(sk, seg.skb, sk.sport, DropReason.NOT_SPECIFIED)
    else:
        _conn_request(sk, seg, isn)


def _conn_request(sk: TcpSock, seg: Incoming, isn: int) -> None:
    """``tcp_conn_request``."""
    netns = sk.netns
    table = tcp_table(netns)
    waiting = sum(request.listener is sk for request in table.requests.values())
    if not isn and waiting and waiting >= sk.backlog_max:
        # inet_csk_reqsk_queue_is_full
        end_segment(
            sk, seg.skb, sk.sport, DropReason.TCP_LISTEN_OVERFLOW, cookies=bool(netns.setting("tcp_syncookies"))
        )
        return
    if acceptq_is_full(sk):
        end_segment(sk, seg.skb, sk.sport, DropReason.TCP_LISTEN_OVERFLOW)
        return
    ip = seg.skb.ip
    request = RequestSock(sk, seg, (ip.dst, sk.sport, ip.src, seg.tcp.sport))
    dst = request_route(request)
    if dst is None:
        end_segment(sk, seg.skb, sk.sport, DropReason.IP_OUTNOROUTES)
        return
    _negotiate(request, seg, dst)
    request.snt_isn = isn or table.random.getrandbits(32)
    request.txhash = table.random.getrandbits(32) | 1
    table.requests[request.key] = request
    arm_request(request)
    send_synack(request, seg.skb)
    end_segment(sk, seg.skb, sk.sport)


def request_route(request: RequestSock) -> Dst | None:
    """``inet_csk_route_req``."""
    from podwire.linux.path.route import ip_route_output
    from podwire.wire.headers import IPPROTO_TCP

    sk = request.listener
    local, sport, remote, dport = request.key
    ports = (IPPROTO_TCP, sport, dport) if sk.netns.custom_rules else None
    dst = ip_route_output(sk.netns, remote, local, oif=sk.link, mark=request.mark, tos=sk.tos & 0x1C, ports=ports)
    return None if dst.kind == "error" else dst


def _negotiate(request: RequestSock, seg: Incoming, dst: Dst) -> None:
    """``tcp_openreq_init`` and ``tcp_openreq_init_rwin``: what both ends can do."""
    sk, netns, told = request.listener, request.listener.netns, seg.options
    request.mss = told.mss or 536
    if sk.rx_opt.user_mss:
        request.mss = min(request.mss, sk.rx_opt.user_mss)
    request.tstamp_ok = told.timestamp is not None and bool(netns.setting("tcp_timestamps"))
    request.ts_recent = told.timestamp[0] if told.timestamp is not None else 0
    request.ts_off = 0 if netns.setting("tcp_timestamps") > 1 else tcp_table(netns).random.getrandbits(32)
    request.sack_ok = told.sack_permitted and bool(netns.setting("tcp_sack"))
    request.wscale_ok = told.window_scale is not None and bool(netns.setting("tcp_window_scaling"))
    request.snd_wscale = told.window_scale or 0
    request.advmss = segments.tcp_mss_clamp(sk, segments.default_advmss(dst))
    mss = request.advmss - (segments.TSTAMP_ALIGNED if request.tstamp_ok else 0)
    space = tcp_win_from_space(sk, sk.rcvbuf)
    request.rcv_wnd, request.rcv_wscale, request.window_clamp = tcp_select_initial_window(
        netns, space, mss, wscale_ok=request.wscale_ok, clamp=space if sk.rcvbuf_locked else 0
    )


def send_synack(request: RequestSock, parent: Skb | None) -> None:
    """``tcp_v4_send_synack``: IP id 0 and DF (F140)."""
    sk = request.listener
    netns = sk.netns
    request.sent = netns.machine.world.now
    stamp = (segments.tcp_time_stamp(netns, request.ts_off), request.ts_recent) if request.tstamp_ok else None
    options = build(
        mss=request.advmss,
        sack_permitted=request.sack_ok,
        timestamp=stamp,
        window_scale=request.rcv_wscale if request.wscale_ok else None,
    )
    local, sport, remote, dport = request.key
    header = Tcp(
        sport, dport, request.snt_isn, request.rcv_nxt, TCP_SYN | TCP_ACK, min(request.rcv_wnd, 65535), 0, options
    )
    output.send_reply(
        netns,
        parent,
        local,
        remote,
        header,
        tos=sk.tos,
        mark=request.mark,
        txhash=request.txhash,
        oif=sk.link,
        ttl=sk.ttl,
    )


def arm_request(request: RequestSock) -> None:
    """The SYN-ACK will be sent again: after 1, 2, 4 … s (``tcp_reqsk_timeout``)."""
    machine = request.listener.netns.machine
    most = request.listener.netns.setting("tcp_rto_max_ms") * machine.hz // 1000
    delay = min(machine.hz << request.num_timeout, most)
    if request.timer is not None:
        request.timer.cancel()
    request.expires = machine.jiffies + delay
    request.timer = machine.add_timer(delay, lambda: _reqsk_timer(request))


def _reqsk_timer(request: RequestSock) -> None:
    """``reqsk_timer_handler``: the SYN-ACK again, net.ipv4.tcp_synack_retries times."""
    request.timer = None
    if request.num_timeout >= request.listener.netns.setting("tcp_synack_retries"):
        drop_request(request)
        return
    request.num_retrans += 1
    send_synack(request, None)
    request.num_timeout += 1
    arm_request(request)


def drop_request(request: RequestSock) -> None:
    """``inet_csk_reqsk_queue_drop``."""
    if request.timer is not None:
        request.timer.cancel()
        request.timer = None
    table = tcp_table(request.listener.netns)
    if table.requests.get(request.key) is request:
        del table.requests[request.key]
