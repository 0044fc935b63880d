"""The timers of a connection: retransmission, zero window probes, loss probes, delayed ACKs, keepalive.

Sources: net/ipv4/tcp_timer.c; RFC 6298, 8985. Delays are jiffies and go through the machine's timer wheel. One timer serves
retransmission, probes and loss detection; ``timer_what`` says what it stands for.
"""

from __future__ import annotations

from errno import ENOBUFS, ETIMEDOUT
from typing import TYPE_CHECKING, Final

from podwire.linux.tcp import output, recovery, segments
from podwire.linux.tcp.sock import TcpSock
from podwire.linux.tcp.states import MASK, TcpState, before
from podwire.wire.headers import TCP_ACK

if TYPE_CHECKING:
    from podwire.linux.netns import Netns

_USEC: Final = 1_000_000
_NSEC: Final = 1_000_000_000
_HANDSHAKE: Final = frozenset({TcpState.SYN_SENT, TcpState.SYN_RECV})
_ORPHAN_RETRIES: Final = 8
_TIMEWAIT_LEN: Final = 60


def usecs_to_jiffies(netns: Netns, usecs: int) -> int:
    """Rounded up."""
    return -(-usecs * netns.machine.hz // _USEC)


def timeout_init(sk: TcpSock) -> int:
    """TCP_TIMEOUT_INIT: 1 s."""
    return sk.netns.machine.hz


def rto_max(sk: TcpSock) -> int:
    """net.ipv4.tcp_rto_max_ms, in jiffies."""
    return usecs_to_jiffies(sk.netns, sk.netns.setting("tcp_rto_max_ms") * 1000)


def rto_min_us(sk: TcpSock) -> int:
    """``tcp_rto_min_us``: the route's, else net.ipv4.tcp_rto_min_us."""
    return sk.netns.setting("tcp_rto_min_us")


def _rto_min(sk: TcpSock) -> int:
    """TCP_RTO_MIN: 200 ms."""
    return sk.netns.machine.hz // 5


# -- the one timer of what is sent --------------------------------------------------------------------------------


def reset_xmit_timer(sk: TcpSock, what: str, delay: int) -> None:
    """``tcp_reset_xmit_timer``: ``what`` is ``retrans``, ``probe0``, ``loss-probe`` or ``reo``."""
    delay = min(max(delay, 1), rto_max(sk))
    clear_xmit_timer(sk)
    sk.timer_what = what
    sk.timer_at = sk.jiffies + delay
    sk.retransmit_timer = sk.netns.machine.add_timer(delay, lambda: _write_timer(sk))


def clear_xmit_timer(sk: TcpSock) -> None:
    """``inet_csk_clear_xmit_timer``."""
    if sk.retransmit_timer is not None:
        sk.retransmit_timer.cancel()
        sk.retransmit_timer = None
    sk.timer_what = ""


def clear_xmit_timers(sk: TcpSock) -> None:
    """``tcp_clear_xmit_timers``: the connection is over."""
    clear_xmit_timer(sk)
    for timer in (sk.delack_timer, sk.keepalive_timer):
        if timer is not None:
            timer.cancel()
    sk.delack_timer = sk.keepalive_timer = None
    sk.ack_pending = 0


def rto_delta_us(sk: TcpSock) -> int:
    """``tcp_rto_delta_us``: how far in the future the retransmission of the oldest segment is."""
    if not sk.rtx:
        return sk.rto * _USEC // sk.netns.machine.hz
    return sk.rtx[0].sent // 1000 + sk.rto * _USEC // sk.netns.machine.hz - sk.now // 1000


def rearm_rto(sk: TcpSock) -> None:
    """``tcp_rearm_rto`` (RFC 6298 section 5.3)."""
    if not sk.rtx:
        clear_xmit_timer(sk)
        return
    rto = sk.rto
    if sk.timer_what in {"reo", "loss-probe"}:
        rto = usecs_to_jiffies(sk.netns, max(rto_delta_us(sk), 1))
    reset_xmit_timer(sk, "retrans", rto)


def schedule_loss_probe(sk: TcpSock, *, advancing: bool = False) -> bool:
    """``tcp_schedule_loss_probe``: a tail loss probe after two round trips (RFC 8985 section 7.2); False where there is none."""
    netns = sk.netns
    if netns.setting("tcp_early_retrans") not in {3, 4} or not sk.rtx or not sk.rx_opt.sack_ok:
        return False
    if sk.ca_state not in {"Open", "CWR"}:
        return False
    if sk.srtt_us:
        wait = sk.srtt_us >> 2
        wait += rto_min_us(sk) if sk.packets_out == 1 else 2 * _USEC // netns.machine.hz
        timeout = usecs_to_jiffies(netns, wait)
    else:
        timeout = timeout_init(sk)
    delta = sk.rto * _USEC // netns.machine.hz if advancing else rto_delta_us(sk)
    if delta > 0:
        timeout = min(timeout, usecs_to_jiffies(netns, delta))
    reset_xmit_timer(sk, "loss-probe", timeout)
    return True


def set_xmit_timer(sk: TcpSock) -> None:
    """``tcp_set_xmit_timer``."""
    if not schedule_loss_probe(sk, advancing=True):
        rearm_rto(sk)


def _write_timer(sk: TcpSock) -> None:
    """``tcp_write_timer_handler``."""
    sk.retransmit_timer = None
    what, sk.timer_what = sk.timer_what, ""
    if sk.state in {TcpState.CLOSE, TcpState.LISTEN} or not what:
        return
    if what == "reo":
        sk.timer_what = what
        recovery.rack_reo_timeout(sk)
    elif what == "loss-probe":
        sk.timer_what = what
        _send_loss_probe(sk)
    elif what == "retrans":
        retransmit_timer(sk)
    else:
        _probe_timer(sk)


def _send_loss_probe(sk: TcpSock) -> None:
    """``tcp_send_loss_probe``: something new, else the last segment again."""
    mss = segments.tcp_current_mss(sk)
    if not sk.tlp_high_seq:
        sk.tlp_retrans = False
        before_it = sk.packets_out
        if output.has_unsent(sk) and not _beyond_window(sk, mss):
            output.write_xmit(sk, mss, probe=True, limit=1)
            sent = sk.packets_out > before_it
        else:
            sent = bool(sk.rtx) and not sk.rtx[-1].waits and not recovery.send_again(sk, sk.rtx[-1])
            sk.tlp_retrans = sent
        if sent:
            sk.tlp_high_seq = sk.snd_nxt
            sk.timer_what = ""
    rearm_rto(sk)


def _beyond_window(sk: TcpSock, mss: int) -> bool:
    return not before(sk.snd_nxt + min(len(sk.unsent), mss) - 1 & MASK, sk.wnd_end) and bool(sk.unsent)


def retransmits_timed_out(sk: TcpSock, boundary: int) -> bool:
    """``retransmits_timed_out``: as long as ``boundary`` retransmissions with doubled waits would take."""
    if not sk.retransmits:
        return False
    base = timeout_init(sk) if sk.state in _HANDSHAKE else _rto_min(sk)
    most = rto_max(sk)
    linear = max(most // base, 1).bit_length() - 1
    timeout = ((2 << min(boundary, linear)) - 1) * base + max(boundary - linear, 0) * most
    return sk.now - sk.retrans_stamp >= timeout * _NSEC // sk.netns.machine.hz


def _orphan_retries(sk: TcpSock, *, alive: bool) -> int:
    """``tcp_orphan_retries``."""
    retries = sk.netns.setting("tcp_orphan_retries")
    if sk.err_soft and not alive:
        retries = 0
    return _ORPHAN_RETRIES if retries == 0 and alive else retries


def _write_timeout(sk: TcpSock) -> bool:
    """``tcp_write_timeout``: True where the connection has been given up."""
    netns = sk.netns
    expired = False
    if sk.state in _HANDSHAKE:
        retries = most = netns.setting("tcp_syn_retries")
        if sk.state is TcpState.SYN_SENT:
            most += netns.setting("tcp_syn_linear_timeouts")
        expired = sk.retransmits >= most
    else:
        retries = netns.setting("tcp_retries2")
        if sk.socket is None and sk.listener is None:
            retries = _orphan_retries(sk, alive=sk.rto < rto_max(sk))
    if expired or retransmits_timed_out(sk, retries):
        write_err(sk)
        return True
    # sk_rethink_txhash: perhaps another path works.
    sk.txhash = sk.netns.sockets.tcp.random.getrandbits(32) | 1 if sk.netns.sockets.tcp is not None else sk.txhash
    return False


def write_err(sk: TcpSock) -> None:
    """``tcp_write_err``: nobody answers; a soft error that came meanwhile says why."""
    from podwire.linux.tcp.close import tcp_done

    sk.err = sk.err_soft or ETIMEDOUT
    tcp_done(sk)


def retransmit_timer(sk: TcpSock) -> None:
    """``tcp_retransmit_timer``: the oldest segment again, and twice the wait."""
    if not sk.rtx:
        return
    window_shut = not sk.snd_wnd and sk.socket is not None and sk.state not in _HANDSHAKE
    if window_shut:
        recovery.enter_loss(sk)
        recovery.retransmit(sk, sk.rtx[0])
    else:
        if _write_timeout(sk):
            return
        recovery.enter_loss(sk)
        sk.retransmits += 1
        sk.total_rto += 1
        # Congestion on the way out; what a rule drops (EPERM), or has no route, waits as long as what is lost (F162).
        if recovery.retransmit(sk, sk.rtx[0]) == ENOBUFS:
            reset_xmit_timer(sk, "retrans", sk.netns.machine.hz // 2)
            return
    if sk.state is not TcpState.SYN_SENT or sk.total_rto > sk.netns.setting("tcp_syn_linear_timeouts"):
        sk.backoff += 1
        sk.rto = min(sk.rto << 1, rto_max(sk))
    reset_xmit_timer(sk, "retrans", sk.rto)


# -- zero window probes -------------------------------------------------------------------------------------------


def probe0_base(sk: TcpSock) -> int:
    """``tcp_probe0_base``."""
    return max(sk.rto, _rto_min(sk))


def probe0_when(sk: TcpSock) -> int:
    """``tcp_probe0_when``."""
    steps = max(rto_max(sk) // _rto_min(sk), 1).bit_length()
    return min(probe0_base(sk) << min(steps, sk.backoff), rto_max(sk))


def check_probe_timer(sk: TcpSock) -> None:
    """``tcp_check_probe_timer``: data waits and nothing is under way: some day ask whether the window has opened."""
    if not sk.rtx and not sk.timer_what:
        reset_xmit_timer(sk, "probe0", probe0_base(sk))


def _probe_timer(sk: TcpSock) -> None:
    """``tcp_probe_timer``."""
    if sk.rtx or not output.has_unsent(sk):
        sk.probes_out = 0
        return
    most = sk.netns.setting("tcp_retries2")
    if sk.socket is None:
        alive = probe0_when(sk) < rto_max(sk)
        most = _orphan_retries(sk, alive=alive)
        if not alive and sk.backoff >= most:
            write_err(sk)
            return
    if sk.probes_out >= most:
        write_err(sk)
        return
    _send_probe0(sk)


def _send_probe0(sk: TcpSock) -> None:
    """``tcp_send_probe0``."""
    failed = write_wakeup(sk)
    if sk.rtx or not output.has_unsent(sk):
        sk.probes_out = 0
        sk.backoff = 0
        return
    sk.probes_out += 1
    if failed:
        reset_xmit_timer(sk, "probe0", sk.netns.machine.hz // 2)
        return
    sk.backoff = min(sk.backoff + 1, sk.netns.setting("tcp_retries2"))
    reset_xmit_timer(sk, "probe0", probe0_when(sk))


def write_wakeup(sk: TcpSock) -> bool:
    """``tcp_write_wakeup``: what fits the window, else a segment that must be answered; True where the device refused it."""
    if sk.state is TcpState.CLOSE:
        return False
    if output.has_unsent(sk) and before(sk.snd_nxt, sk.wnd_end):
        room = sk.wnd_end - sk.snd_nxt & MASK
        return not output.send_some(sk, min(room, segments.tcp_current_mss(sk)), push=True)
    return bool(output.transmit(sk, TCP_ACK, sk.snd_una - 1 & MASK))
