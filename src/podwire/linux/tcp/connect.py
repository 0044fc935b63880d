"""The active end of the handshake (net/ipv4/tcp_ipv4.c tcp_v4_connect, tcp_output.c tcp_connect, tcp_input.c; RFC 9293 section 3.5)."""

from __future__ import annotations

from errno import EADDRNOTAVAIL, ENETUNREACH
from typing import TYPE_CHECKING

from podwire.linux.fib import BROADCAST, MULTICAST
from podwire.linux.path.route import Dst
from podwire.linux.socket import SocketError
from podwire.linux.tcp import keepalive, output, segments, timers
from podwire.linux.tcp.ack import paws_check, store_ts_recent, tcp_ack
from podwire.linux.tcp.darwin import SYN_WINDOW, WSCALE, is_darwin
from podwire.linux.tcp.sock import Segment, TcpSock
from podwire.linux.tcp.states import MASK, TcpState, after, before
from podwire.linux.tcp.table import TcpTable, tcp_table
from podwire.linux.tcp.window import (
    tcp_full_space,
    tcp_init_buffer_space,
    tcp_initialize_rcv_mss,
    tcp_select_initial_window,
)
from podwire.trace.reasons import DropReason
from podwire.wire.addr import ANY4, Ip
from podwire.wire.headers import TCP_ACK, TCP_RST, TCP_SYN

if TYPE_CHECKING:
    from podwire.linux.tcp.incoming import Incoming
    from podwire.linux.tcp.input import Outcome


def tcp_v4_connect(sk: TcpSock, daddr: Ip, dport: int) -> None:
    """``tcp_v4_connect``: choose way, address and port, and send the SYN. Raises ``SocketError``; then nothing has changed."""
    table = tcp_table(sk.netns)
    sk.daddr, sk.dport = daddr, dport
    try:
        dst, saddr = _route_connect(sk, daddr)
        daddr = daddr or saddr
        port = _local_port(table, sk, saddr, daddr, dport)
    except SocketError:
        sk.daddr, sk.dport, sk.saddr = ANY4, 0, sk.rcv_saddr
        raise
    left = table.timewait.get((saddr, port, daddr, dport))
    if not sk.sport:
        table.bound.setdefault(port, []).append(sk)
    sk.saddr = sk.rcv_saddr = saddr
    sk.sport, sk.daddr = port, daddr
    sk.state = TcpState.SYN_SENT
    sk.tsoffset = 0 if sk.netns.setting("tcp_timestamps") > 1 else table.random.getrandbits(32)
    if left is not None:
        # The 4-tuple of a connection in TIME_WAIT: its numbers go on (RFC 6191).
        sk.write_seq = (left.snd_nxt + 65535 + 2 & MASK) or 1
        sk.rx_opt.ts_recent, sk.rx_opt.ts_recent_stamp = left.ts_recent, left.ts_recent_stamp
        sk.tsoffset = left.tsoffset
        left.kill()
    else:
        sk.write_seq = table.random.getrandbits(32)
    sk.ip_id = table.random.getrandbits(16)
    sk.txhash = table.random.getrandbits(32) | 1
    table.hash(sk)
    sk.owned = True
    _tcp_connect(sk, dst)
    from podwire.linux.tcp.input import release_sock

    release_sock(sk)


def _local_port(table: TcpTable, sk: TcpSock, saddr: Ip, daddr: Ip, dport: int) -> int:
    """``inet_hash_connect``: the port that was bound, else a free one. Raises ``SocketError`` EADDRNOTAVAIL."""
    if not sk.sport:
        return table.pick_port(sk, saddr, daddr, dport)
    if not table.is_free(saddr, sk.sport, daddr, dport, chosen=True):
        raise SocketError(EADDRNOTAVAIL)
    return sk.sport


def _route_connect(sk: TcpSock, daddr: Ip) -> tuple[Dst, Ip]:
    """``ip_route_connect``: the way there, looked up again with the address that the first lookup gave."""
    for _ in range(2):
        dst = segments.route(sk)
        if dst.kind == "error":
            raise SocketError(dst.error)
        if dst.type in {BROADCAST, MULTICAST}:
            raise SocketError(ENETUNREACH)
        if sk.saddr:
            break
        sk.saddr = dst.src
        sk.daddr = daddr or dst.src
    return dst, sk.saddr


def _tcp_connect(sk: TcpSock, dst: Dst) -> None:
    """``tcp_connect_init`` and ``tcp_connect``."""
    netns = sk.netns
    sk.header_len = 20 + (segments.TSTAMP_ALIGNED if netns.setting("tcp_timestamps") else 0)
    sk.max_window = 0
    sk.rx_opt.mss_clamp = 65535
    segments.tcp_sync_mss(sk, dst.effective_mtu)
    sk.rx_opt.mss_clamp = 536
    sk.advmss = segments.tcp_mss_clamp(sk, segments.default_advmss(dst))
    tcp_initialize_rcv_mss(sk)
    mss = sk.advmss - (sk.header_len - 20 if sk.rx_opt.ts_recent_stamp else 0)
    sk.rcv_wnd, sk.rx_opt.rcv_wscale, sk.window_clamp = tcp_select_initial_window(
        netns,
        tcp_full_space(sk),
        mss,
        wscale_ok=bool(netns.setting("tcp_window_scaling")),
        clamp=tcp_full_space(sk) if sk.rcvbuf_locked else 0,
    )
    if is_darwin(netns):
        sk.rcv_wnd, sk.rx_opt.rcv_wscale = SYN_WINDOW, WSCALE
    sk.rcv_ssthresh = sk.rcv_wnd
    sk.iss = sk.snd_una = sk.snd_sml = sk.snd_nxt = sk.write_seq
    sk.rto = timers.timeout_init(sk)
    sk.retransmits = 0
    sk.retrans_stamp = sk.now
    syn = Segment(sk.iss, b"", TCP_SYN, sk.now)
    sk.write_seq = syn.end
    sk.rtx.append(syn)
    output.transmit(sk, TCP_SYN, syn.seq, segment=syn)
    sk.snd_nxt = sk.pushed_seq = sk.write_seq
    timers.reset_xmit_timer(sk, "retrans", sk.rto)


def rcv_synsent(sk: TcpSock, seg: Incoming) -> Outcome:
    """``tcp_rcv_synsent_state_process`` (RFC 9293 section 3.10.7.3)."""
    flags, ack = seg.tcp.flags, seg.tcp.ack
    options = sk.rx_opt
    stamp = seg.options.timestamp if sk.netns.setting("tcp_timestamps") else None
    options.saw_tstamp = stamp is not None
    if stamp is not None:
        options.rcv_tsval, options.rcv_tsecr = stamp
    if flags & TCP_ACK:
        if not after(ack, sk.snd_una) or after(ack, sk.snd_nxt):
            if not sk.retransmits or not after(ack, sk.snd_nxt):
                return "reset" if not flags & TCP_RST else DropReason.TCP_INVALID_ACK_SEQUENCE
            return "reset"
        if stamp is not None and stamp[1] and not _echo_fits(sk, stamp[1]):
            return "reset"
        if flags & TCP_RST:
            from podwire.linux.tcp.input import tcp_reset

            tcp_reset(sk)
            return None
        if not flags & TCP_SYN:
            return DropReason.TCP_FLAGS
        _synack(sk, seg)
        return None
    if flags & TCP_RST:
        return DropReason.TCP_RESET
    if options.ts_recent_stamp and options.saw_tstamp and paws_check(sk, 0):
        return DropReason.TCP_RFC7323_PAWS
    if flags & TCP_SYN:
        _simultaneous_open(sk, seg)
        return None
    return DropReason.TCP_FLAGS


def _echo_fits(sk: TcpSock, echoed: int) -> bool:
    """The time stamp that comes back was sent between the first SYN and now."""
    now = segments.tcp_time_stamp(sk.netns, sk.tsoffset)
    first = sk.retrans_stamp // 1_000_000 + sk.tsoffset & MASK
    return not before(echoed, first) and not after(echoed, now)


def learn_options(sk: TcpSock, seg: Incoming) -> None:
    """``tcp_parse_options`` of a SYN: what the two ends agree on."""
    netns, options, told = sk.netns, sk.rx_opt, seg.options
    mss = told.mss or 536
    options.mss_clamp = min(mss, options.user_mss) if options.user_mss else mss
    options.wscale_ok = told.window_scale is not None and bool(netns.setting("tcp_window_scaling"))
    options.snd_wscale = told.window_scale or 0 if options.wscale_ok else 0
    options.sack_ok = told.sack_permitted and bool(netns.setting("tcp_sack"))
    options.tstamp_ok = options.saw_tstamp


def _agree(sk: TcpSock, seg: Incoming) -> None:
    """What the other end's SYN says, to the connection."""
    learn_options(sk, seg)
    if not sk.rx_opt.wscale_ok:
        sk.rx_opt.snd_wscale = sk.rx_opt.rcv_wscale = 0
        sk.window_clamp = min(sk.window_clamp, 65535)
    sk.irs = seg.seq
    sk.rcv_nxt = sk.rcv_wup = seg.seq + 1 & MASK
    sk.header_len = 20
    if sk.rx_opt.tstamp_ok:
        sk.header_len += segments.TSTAMP_ALIGNED
        sk.advmss -= segments.TSTAMP_ALIGNED
        store_ts_recent(sk)


def _synack(sk: TcpSock, seg: Incoming) -> None:
    """Step 5: the connection stands."""
    sk.snd_wl1 = seg.seq
    sk.rx_opt.mss_clamp = seg.options.mss or 536
    tcp_ack(sk, seg)
    _agree(sk, seg)
    sk.snd_wnd = seg.tcp.window
    segments.tcp_sync_mss(sk, sk.pmtu_cookie)
    tcp_initialize_rcv_mss(sk)
    sk.copied_seq = sk.rcv_nxt
    sk.state = TcpState.ESTABLISHED
    _init_transfer(sk)
    if sk.keepalive:
        keepalive.reset_keepalive_timer(sk, sk.netns.setting("tcp_keepalive_time") * sk.netns.machine.hz)
    if sk.socket is not None:
        sk.socket.tell()
    output.tcp_send_ack(sk)


def _init_transfer(sk: TcpSock) -> None:
    """``tcp_init_transfer``."""
    tcp_init_buffer_space(sk)
    # tcp_init_metrics: a SYN that was lost is taken for congestion.
    sk.snd_cwnd = 1 if sk.total_retrans > 1 else 10
    sk.lsndtime = sk.jiffies


def _simultaneous_open(sk: TcpSock, seg: Incoming) -> None:
    """A SYN for a SYN: both ends are active (RFC 9293 section 3.5)."""
    sk.state = TcpState.SYN_RECV
    _agree(sk, seg)
    sk.copied_seq = sk.rcv_nxt
    sk.snd_wnd = sk.max_window = seg.tcp.window
    sk.snd_wl1 = seg.seq
    segments.tcp_sync_mss(sk, sk.pmtu_cookie)
    tcp_initialize_rcv_mss(sk)
    syn = sk.rtx[0]
    syn.flags |= TCP_ACK
    output.transmit(sk, syn.flags, syn.seq, segment=syn)
