"""A connection that stands without a handshake of its own: TCP_REPAIR, as checkpoints of processes are restored (tcp_finish_connect).

What the handshake would have agreed on is what two such kernels agree on: their MSS, window scale, SACK and time stamps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from podwire.linux.tcp import segments, timers
from podwire.linux.tcp.sock import TcpSock
from podwire.linux.tcp.states import MASK, TcpState
from podwire.linux.tcp.table import tcp_table
from podwire.linux.tcp.window import (
    tcp_full_space,
    tcp_init_buffer_space,
    tcp_initialize_rcv_mss,
    tcp_select_initial_window,
)
from podwire.wire.addr import Ip

if TYPE_CHECKING:
    from podwire.linux.tcp.socket import TcpSocket


def restore(socket: TcpSocket, local: tuple[Ip, int], remote: tuple[Ip, int], sent: int, received: int) -> None:
    """Make a new socket a connection from ``local`` to ``remote``; ``sent`` and ``received`` are the next sequence numbers.

    The caller sees to it that the other end has them the other way round. Raises ``ValueError`` where the 4-tuple is taken.
    """
    sk = socket.sk
    table = tcp_table(sk.netns)
    if not table.is_free(*local, *remote):
        raise ValueError(f"{local} {remote}: is a connection already")
    sk.saddr = sk.rcv_saddr = local[0]
    sk.sport, (sk.daddr, sk.dport) = local[1], remote
    table.bound.setdefault(sk.sport, []).append(sk)
    _agree(sk)
    sk.iss, sk.irs = sent - 1 & MASK, received - 1 & MASK
    sk.snd_una = sk.snd_nxt = sk.snd_sml = sk.write_seq = sk.pushed_seq = sent
    sk.rcv_nxt = sk.rcv_wup = sk.copied_seq = sk.snd_wl1 = received
    sk.state = TcpState.ESTABLISHED
    sk.rto = timers.timeout_init(sk)
    sk.lsndtime = sk.ack_lrcvtime = sk.jiffies
    tcp_init_buffer_space(sk)
    table.hash(sk)
    socket.local, socket.remote = local, remote


def _agree(sk: TcpSock) -> None:
    """What a handshake with a kernel of the same settings gives."""
    netns, options = sk.netns, sk.rx_opt
    options.sack_ok = bool(netns.setting("tcp_sack"))
    options.tstamp_ok = bool(netns.setting("tcp_timestamps"))
    options.wscale_ok = bool(netns.setting("tcp_window_scaling"))
    if options.tstamp_ok:
        sk.header_len += segments.TSTAMP_ALIGNED
    dst = segments.route(sk)
    pmtu = dst.effective_mtu if dst.kind != "error" else 1500
    options.mss_clamp = pmtu - 40
    segments.tcp_sync_mss(sk, pmtu)
    sk.advmss = pmtu - 20 - sk.header_len
    tcp_initialize_rcv_mss(sk)
    window, scale, sk.window_clamp = tcp_select_initial_window(
        netns, tcp_full_space(sk), sk.advmss, wscale_ok=options.wscale_ok, clamp=0
    )
    options.rcv_wscale = options.snd_wscale = scale if options.wscale_ok else 0
    sk.rcv_wnd = sk.rcv_ssthresh = sk.snd_wnd = sk.max_window = window


def forget(socket: TcpSocket) -> None:
    """The kernel forgets the connection, and no segment tells of it (a socket that is closed in repair mode)."""
    sk = socket.sk
    timers.clear_xmit_timers(sk)
    table = tcp_table(sk.netns)
    table.unhash(sk)
    table.put_port(sk)
    sk.state = TcpState.CLOSE
