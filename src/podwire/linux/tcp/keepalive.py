"""Keepalive, and the wait of an orphan in FIN_WAIT2 (``sk_timer``; net/ipv4/tcp_timer.c, RFC 1122 section 4.2.3.6)."""

from __future__ import annotations

from typing import Final

from podwire.linux.tcp import output, timers, timewait
from podwire.linux.tcp.sock import TcpSock
from podwire.linux.tcp.states import TcpState

_TIMEWAIT_LEN: Final = 60


def reset_keepalive_timer(sk: TcpSock, delay: int) -> None:
    """``tcp_reset_keepalive_timer``: delay in jiffies."""
    if sk.keepalive_timer is not None:
        sk.keepalive_timer.cancel()
    sk.keepalive_at = sk.jiffies + delay
    sk.keepalive_timer = sk.netns.machine.add_timer(delay, lambda: _keepalive_timer(sk))


def set_keepalive(sk: TcpSock, *, on: bool) -> None:
    """SO_KEEPALIVE."""
    if on and not sk.keepalive and sk.state not in {TcpState.CLOSE, TcpState.LISTEN}:
        reset_keepalive_timer(sk, sk.netns.setting("tcp_keepalive_time") * sk.netns.machine.hz)
    sk.keepalive = on
    if not on and sk.keepalive_timer is not None:
        sk.keepalive_timer.cancel()
        sk.keepalive_timer = None


def fin_time(sk: TcpSock) -> int:
    """``tcp_fin_time``: how long an orphan waits for the other end's FIN."""
    return max(sk.netns.setting("tcp_fin_timeout") * sk.netns.machine.hz, (sk.rto << 2) - (sk.rto >> 1))


def _keepalive_timer(sk: TcpSock) -> None:
    """``tcp_keepalive_timer``."""
    from podwire.linux.tcp.close import tcp_done

    sk.keepalive_timer = None
    netns = sk.netns
    hz = netns.machine.hz
    if sk.state is TcpState.LISTEN:
        return
    if sk.state is TcpState.FIN_WAIT2 and sk.socket is None:
        left = fin_time(sk) - _TIMEWAIT_LEN * hz
        if left > 0:
            timewait.tcp_time_wait(sk, TcpState.FIN_WAIT2, left)
        else:
            output.tcp_send_active_reset(sk)
            tcp_done(sk)
        return
    if not sk.keepalive or sk.state in {TcpState.CLOSE, TcpState.SYN_SENT}:
        return
    when = netns.setting("tcp_keepalive_time") * hz
    if sk.rtx or output.has_unsent(sk):
        reset_keepalive_timer(sk, when)
        return
    elapsed = sk.jiffies - max(sk.rcv_tstamp, sk.ack_lrcvtime)
    if elapsed < when:
        reset_keepalive_timer(sk, when - elapsed)
        return
    if sk.probes_out >= netns.setting("tcp_keepalive_probes"):
        output.tcp_send_active_reset(sk)
        timers.write_err(sk)
        return
    if timers.write_wakeup(sk):
        reset_keepalive_timer(sk, hz // 2)
        return
    sk.probes_out += 1
    reset_keepalive_timer(sk, netns.setting("tcp_keepalive_intvl") * hz)
