"""When to acknowledge: at once, or a little later (net/ipv4/tcp_input.c, tcp_output.c, tcp_timer.c; RFC 1122 section 4.2.3.2)."""

from __future__ import annotations

from typing import Final

from podwire.linux.machine import TRANSMIT_NS
from podwire.linux.tcp import output, timers
from podwire.linux.tcp.darwin import is_darwin
from podwire.linux.tcp.sock import ACK_NOW, ACK_PUSHED, ACK_SCHED, ACK_TIMER, TcpSock
from podwire.linux.tcp.states import MASK, TcpState
from podwire.linux.tcp.window import want_window

_MAX_QUICKACKS: Final = 16
_DUP_THRESH: Final = 3


def incr_quickack(sk: TcpSock) -> None:
    """``tcp_incr_quickack``: so many segments are acknowledged at once."""
    quick = min(sk.rcv_wnd // (2 * sk.ack_rcv_mss) or 2, _MAX_QUICKACKS)
    sk.ack_quick = max(sk.ack_quick, quick)


def enter_quickack_mode(sk: TcpSock) -> None:
    """``tcp_enter_quickack_mode``."""
    incr_quickack(sk)
    sk.ack_pingpong = 0
    sk.ack_ato = ato_min(sk)


def ack_snd_check(sk: TcpSock) -> None:
    """``tcp_ack_snd_check``: at once, or later (RFC 1122 section 4.2.3.2)."""
    if not sk.ack_pending & ACK_SCHED:
        return
    full = (sk.rcv_nxt - sk.rcv_wup & MASK) > sk.ack_rcv_mss and (
        sk.rcv_nxt == sk.copied_seq or want_window(sk) >= sk.rcv_wnd
    )
    quick = sk.ack_quick and not in_pingpong(sk)
    if is_darwin(sk.netns):
        # It acknowledges every second segment, and knows no quick mode.
        full, quick = full or (sk.rcv_nxt - sk.rcv_wup & MASK) > sk.ack_rcv_mss, 0
    if full or quick or sk.ack_pending & ACK_NOW:
        if sk.owned and sk.netns.setting("tcp_backlog_ack_defer"):
            sk.ack_deferred = True
        else:
            output.tcp_send_ack(sk)
        return
    if not sk.ofo:
        send_delayed_ack(sk)
        return
    if not sk.rx_opt.sack_ok or sk.compressed_ack >= sk.netns.setting("tcp_comp_sack_nr"):
        output.tcp_send_ack(sk)
        return
    if sk.compressed_rcv_nxt != sk.rcv_nxt:
        sk.compressed_rcv_nxt = sk.rcv_nxt
        sk.dup_ack_counter = 0
    if sk.dup_ack_counter < _DUP_THRESH:
        sk.dup_ack_counter += 1
        output.tcp_send_ack(sk)
        return
    _compress(sk)


def _compress(sk: TcpSock) -> None:
    """The compressed-ACK timer: a twentieth of the round trip, tcp_comp_sack_delay_ns at most."""
    rtt = sk.rcv_rtt_us or sk.srtt_us
    if sk.srtt_us and sk.srtt_us < rtt:
        rtt = sk.srtt_us
    delay = min(sk.netns.setting("tcp_comp_sack_delay_ns"), rtt * (1000 >> 3) // 20)
    if delay < TRANSMIT_NS:
        # It would run out before the next segment is there.
        output.tcp_send_ack(sk)
        return
    sk.compressed_ack += 1
    if sk.compressed_ack == 1:
        world = sk.netns.machine.world
        world.at(world.now + delay, lambda: _compressed_timer(sk))


def _compressed_timer(sk: TcpSock) -> None:
    """``tcp_compressed_ack_kick``."""
    if sk.compressed_ack and sk.state is not TcpState.CLOSE:
        sk.compressed_ack -= 1
        output.tcp_send_ack(sk)
        sk.netns.machine.run_softirq()


def ato_min(sk: TcpSock) -> int:
    """TCP_ATO_MIN and TCP_DELACK_MIN: 40 ms."""
    return sk.netns.machine.hz // 25


def send_delayed_ack(sk: TcpSock) -> None:
    """``tcp_send_delayed_ack``: after 40 ms, or what the rhythm of the data suggests, 200 ms at most (RFC 1122 section 4.2.3.2)."""
    hz = sk.netns.machine.hz
    least = ato_min(sk)
    wait = sk.ack_ato
    if wait > least:
        most = hz // 2
        if in_pingpong(sk) or sk.ack_pending & ACK_PUSHED:
            most = hz // 5
        if sk.srtt_us:
            most = min(most, max(timers.usecs_to_jiffies(sk.netns, sk.srtt_us >> 3), least))
        wait = min(wait, most)
    wait = min(wait, hz // 5)
    now = sk.jiffies
    timeout = now + wait
    if sk.ack_pending & ACK_TIMER and sk.delack_timer is not None:
        if sk.ack_timeout <= now + (wait >> 2):
            output.tcp_send_ack(sk)
            return
        timeout = min(timeout, sk.ack_timeout)
    sk.ack_pending |= ACK_SCHED | ACK_TIMER
    sk.ack_timeout = timeout
    if sk.delack_timer is not None:
        sk.delack_timer.cancel()
    sk.delack_timer = sk.netns.machine.add_timer(timeout - now, lambda: _delack_timer(sk))


def in_pingpong(sk: TcpSock) -> bool:
    """``inet_csk_in_pingpong_mode``."""
    return sk.ack_pingpong >= sk.netns.setting("tcp_pingpong_thresh")


def _delack_timer(sk: TcpSock) -> None:
    """``tcp_delack_timer_handler``."""
    sk.delack_timer = None
    if sk.state in {TcpState.CLOSE, TcpState.LISTEN}:
        return
    if sk.compressed_ack and sk.sacks:
        output.tcp_send_ack(sk)
        return
    if not sk.ack_pending & ACK_TIMER:
        return
    sk.ack_pending &= ~ACK_TIMER
    if sk.ack_pending & ACK_SCHED:
        if not in_pingpong(sk):
            sk.ack_ato = min(sk.ack_ato << 1, sk.rto)
        else:
            sk.ack_pingpong = 0
            sk.ack_ato = ato_min(sk)
        output.tcp_send_ack(sk)
