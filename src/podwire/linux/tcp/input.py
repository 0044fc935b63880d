"""A segment meets its connection (net/ipv4/tcp_input.c, tcp_ipv4.c; RFC 9293 section 3.10.7, RFC 5961)."""

from __future__ import annotations

from errno import ECONNREFUSED, ECONNRESET, EPIPE
from typing import TYPE_CHECKING, Final, Literal

from podwire.linux.tcp import close, connect, output, segments
from podwire.linux.tcp.ack import data_snd_check, oow_rate_limited, paws_check, send_challenge_ack, tcp_ack
from podwire.linux.tcp.data import send_dupack, tcp_data_queue
from podwire.linux.tcp.delack import ack_snd_check
from podwire.linux.tcp.error import mtu_reduced
from podwire.linux.tcp.incoming import Incoming
from podwire.linux.tcp.keepalive import fin_time, reset_keepalive_timer
from podwire.linux.tcp.sock import RCV_SHUTDOWN, SEND_SHUTDOWN, TcpSock
from podwire.linux.tcp.states import MASK, TcpState, after, before
from podwire.linux.tcp.timewait import tcp_time_wait
from podwire.linux.tcp.window import tcp_init_buffer_space, tcp_initialize_rcv_mss
from podwire.trace.events import ByLink, Delivered, Dropped
from podwire.trace.reasons import DropReason
from podwire.wire.headers import TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN

if TYPE_CHECKING:
    from podwire.linux.skb import Skb
    from podwire.wire.headers import Tcp

_TIMEWAIT_LEN: Final = 60
_RESET: Final = "reset"
"""The segment is answered with a reset."""

Outcome = DropReason | str | None
"""Why a segment was refused; ``reset`` where it is answered with one; None where it was taken."""


def tcp_v4_do_rcv(sk: TcpSock, skb: Skb, tcp: Tcp) -> None:
    """``tcp_v4_do_rcv`` of a socket that nobody is using just now; a socket in a system call takes it when that is over."""
    if sk.owned:
        sk.backlog.append((skb, tcp))
        return
    seg = Incoming(skb, tcp)
    outcome = _process(sk, seg)
    _settle(sk, seg, outcome)


def _process(sk: TcpSock, seg: Incoming) -> Outcome:
    sk.segs_in += 1
    if seg.data:
        sk.data_segs_in += 1
    if sk.state is TcpState.ESTABLISHED:
        return _rcv_established(sk, seg)
    return rcv_state_process(sk, seg)


def _settle(sk: TcpSock, seg: Incoming, outcome: Outcome) -> None:
    """The segment has come to its end."""
    from podwire.linux.path.tcp import tcp_v4_send_reset

    if outcome == _RESET:
        tcp_v4_send_reset(sk.netns, seg.skb, seg.tcp)
    netns = sk.netns
    if not netns.machine.log.on:
        return
    skb = seg.skb
    dev = skb.iif.name if skb.iif is not None else ""
    if outcome is None:
        netns.emit(skb.id, Delivered("socket", f"tcp port {seg.tcp.dport}"))
        return
    reason = outcome if isinstance(outcome, DropReason) else DropReason.TCP_CLOSE
    by = ByLink(dev, "tcp connection", f"{sk.daddr}:{sk.dport} {sk.state}")
    netns.emit(skb.id, Dropped("tcp_rcv_state_process", reason, by, dev))


def process_backlog(sk: TcpSock) -> None:
    """``__release_sock``."""
    while sk.backlog:
        skb, tcp = sk.backlog.popleft()
        seg = Incoming(skb, tcp)
        _settle(sk, seg, _process(sk, seg))


def release_sock(sk: TcpSock) -> None:
    """``release_sock``: the system call is over; what arrived meanwhile is processed, and one ACK answers all of it."""
    process_backlog(sk)
    sk.owned = False
    if sk.mtu_told is not None or sk.ack_deferred:
        sk.netns.machine.bh_disabled(lambda: _release_cb(sk))
    sk.netns.machine.run_softirq()


def _release_cb(sk: TcpSock) -> None:
    """``tcp_release_cb``: what softirqs have left to the end of the system call."""
    if sk.mtu_told is not None:
        mtu_reduced(sk)
    if sk.ack_deferred:
        sk.ack_deferred = False
        output.tcp_send_ack(sk)


# -- validity -----------------------------------------------------------------------------------------------------


def parse_options(sk: TcpSock, seg: Incoming) -> None:
    """``tcp_fast_parse_options``: the time stamps."""
    options = sk.rx_opt
    stamp = seg.options.timestamp if options.tstamp_ok else None
    options.saw_tstamp = stamp is not None
    if stamp is not None:
        options.rcv_tsval, options.rcv_tsecr = stamp


def tcp_reset(sk: TcpSock) -> None:
    """``tcp_reset``: the other end has given up."""
    match sk.state:
        case TcpState.SYN_SENT:
            errno = ECONNREFUSED
        case TcpState.CLOSE_WAIT:
            errno = EPIPE
        case TcpState.CLOSE:
            return
        case _:
            errno = ECONNRESET
    sk.err = errno
    sk.reset_seen = True
    close.write_queue_purge(sk)
    close.tcp_done(sk)


def _sequence(sk: TcpSock, seg: Incoming) -> DropReason | None:
    """``tcp_sequence``: outside the window (RFC 9293 section 3.4)."""
    if before(seg.end, sk.rcv_wup):
        return DropReason.TCP_OLD_SEQUENCE
    edge = sk.rcv_nxt + sk.receive_window & MASK
    if after(seg.end, edge):
        if after(seg.seq, edge):
            return DropReason.TCP_INVALID_SEQUENCE
        if sk.queue:
            return DropReason.TCP_INVALID_END_SEQUENCE
    return None


def _reset_fits(sk: TcpSock, seg: Incoming) -> bool:
    """``tcp_reset_check``: a reset behind our own picture of a FIN."""
    late = sk.state in {TcpState.CLOSE_WAIT, TcpState.LAST_ACK, TcpState.CLOSING}
    return seg.seq == (sk.rcv_nxt - 1 & MASK) and late


def _validate(sk: TcpSock, seg: Incoming) -> Outcome:
    """``tcp_validate_incoming``: None where the segment may go on; a DropReason (TCP_RESET for a valid reset) where not."""
    flags = seg.tcp.flags
    parse_options(sk, seg)
    if sk.rx_opt.saw_tstamp and paws_check(sk, 0) and not flags & TCP_RST:
        if _pure_old_ack(sk, seg):
            return DropReason.TCP_RFC7323_PAWS_ACK
        if flags & TCP_SYN:
            send_challenge_ack(sk)
            return DropReason.TCP_INVALID_SYN
        if not oow_rate_limited(sk, seg):
            send_dupack(sk, seg)
        return DropReason.TCP_RFC7323_PAWS
    if (reason := _sequence(sk, seg)) is not None:
        if flags & TCP_RST:
            if _reset_fits(sk, seg):
                tcp_reset(sk)
                return DropReason.TCP_RESET
            return reason
        if flags & TCP_SYN:
            send_challenge_ack(sk)
            return DropReason.TCP_INVALID_SYN
        if not oow_rate_limited(sk, seg):
            send_dupack(sk, seg)
        return reason
    if flags & TCP_RST:
        edge = sk.rcv_nxt
        if sk.rx_opt.sack_ok and sk.sacks:
            for _, right in sk.sacks:
                edge = right if after(right, edge) else edge
        if seg.seq in {sk.rcv_nxt, edge} or _reset_fits(sk, seg):
            tcp_reset(sk)
            return DropReason.TCP_RESET
        send_challenge_ack(sk)
        return DropReason.TCP_RESET
    if flags & TCP_SYN:
        send_challenge_ack(sk)
        return DropReason.TCP_INVALID_SYN
    return None


def _pure_old_ack(sk: TcpSock, seg: Incoming) -> bool:
    """``tcp_disordered_ack``: a bare ACK that was overtaken: nothing is wrong."""
    window = seg.tcp.window << sk.rx_opt.snd_wscale
    late = (sk.rx_opt.ts_recent - sk.rx_opt.rcv_tsval & MASK) <= sk.rto * 1024 // sk.netns.machine.hz
    same = seg.tcp.ack == sk.snd_una and not (after(seg.seq, sk.snd_wl1) or window > sk.snd_wnd)
    return bool(seg.tcp.flags & TCP_ACK) and seg.seq == seg.end == sk.rcv_nxt and same and late


# -- states -------------------------------------------------------------------------------------------------------


def _rcv_established(sk: TcpSock, seg: Incoming) -> Outcome:
    """``tcp_rcv_established``; the kernel's fast path does the same in fewer steps."""
    if not seg.tcp.flags & (TCP_ACK | TCP_RST | TCP_SYN):
        return DropReason.TCP_FLAGS
    if (outcome := _validate(sk, seg)) is not None:
        return _unless_reset(sk, outcome)
    found = tcp_ack(sk, seg)
    if isinstance(found, DropReason):
        return found
    return _rest(sk, seg)


def _unless_reset(sk: TcpSock, outcome: Outcome) -> Outcome:
    """A reset that ended the connection was heard, not dropped."""
    return None if outcome is DropReason.TCP_RESET and sk.state is TcpState.CLOSE else outcome


def _rest(sk: TcpSock, seg: Incoming) -> Outcome:
    """Data, what may be sent now, and whether to acknowledge."""
    _rcv_rtt_measure(sk, seg)
    reason = tcp_data_queue(sk, seg)
    if sk.state is not TcpState.CLOSE:
        data_snd_check(sk)
        ack_snd_check(sk)
    return reason


def _rcv_rtt_measure(sk: TcpSock, seg: Incoming) -> None:
    """``tcp_rcv_rtt_measure_ts``: the round trip as a receiver of data sees it."""
    options = sk.rx_opt
    if not options.saw_tstamp or options.rcv_tsecr == sk.rcv_rtt_tsecr:
        return
    sk.rcv_rtt_tsecr = options.rcv_tsecr
    if len(seg.data) < sk.ack_rcv_mss:
        return
    ticks = segments.tcp_time_stamp(sk.netns, sk.tsoffset) - options.rcv_tsecr & MASK
    if ticks >= 1 << 31:
        return
    sample = max(ticks, 1) * 1000
    sk.rcv_rtt_us = sk.rcv_rtt_us + sample - (sk.rcv_rtt_us >> 3) if sk.rcv_rtt_us else sample << 3


def rcv_state_process(sk: TcpSock, seg: Incoming) -> Outcome:
    """``tcp_rcv_state_process``: every state but ESTABLISHED and LISTEN."""
    flags = seg.tcp.flags
    if sk.state is TcpState.CLOSE:
        return DropReason.TCP_CLOSE
    if sk.state is TcpState.SYN_SENT:
        return connect.rcv_synsent(sk, seg)
    if not flags & (TCP_ACK | TCP_RST | TCP_SYN):
        return DropReason.TCP_FLAGS
    if (outcome := _validate(sk, seg)) is not None:
        return _unless_reset(sk, outcome)
    found = tcp_ack(sk, seg, challenge=False)
    if isinstance(found, DropReason) or not found:
        if sk.state is TcpState.SYN_RECV:
            return _RESET
        if isinstance(found, DropReason):
            send_challenge_ack(sk)
            return found
    done = _closing(sk, seg)
    if not isinstance(done, bool):
        return done
    return _state_data(sk, seg)


def _closing(sk: TcpSock, seg: Incoming) -> Outcome | Literal[True]:
    """What an acceptable ACK means in this state; True where the segment's data is to be looked at."""
    match sk.state:
        case TcpState.SYN_RECV:
            establish(sk, seg)
        case TcpState.FIN_WAIT1 if sk.snd_una == sk.write_seq:
            return _fin_acknowledged(sk, seg)
        case TcpState.CLOSING if sk.snd_una == sk.write_seq:
            tcp_time_wait(sk, TcpState.TIME_WAIT, 0)
            return None
        case TcpState.LAST_ACK if sk.snd_una == sk.write_seq:
            close.tcp_done(sk)
            return None
        case _:
            pass
    return True


def establish(sk: TcpSock, seg: Incoming) -> None:
    """The third segment of the handshake came to the passive end."""
    sk.copied_seq = sk.rcv_nxt
    sk.state = TcpState.ESTABLISHED
    sk.snd_una = seg.tcp.ack
    sk.snd_wnd = seg.tcp.window << sk.rx_opt.snd_wscale
    sk.max_window = max(sk.max_window, sk.snd_wnd)
    sk.snd_wl1 = seg.seq
    if sk.rx_opt.tstamp_ok:
        sk.advmss -= segments.TSTAMP_ALIGNED
    tcp_init_buffer_space(sk)
    sk.lsndtime = sk.jiffies
    tcp_initialize_rcv_mss(sk)
    if sk.socket is not None:
        sk.socket.tell()


def _fin_acknowledged(sk: TcpSock, seg: Incoming) -> Outcome | Literal[True]:
    """FIN_WAIT1 becomes FIN_WAIT2; an orphan in it need not be a whole socket."""
    sk.state = TcpState.FIN_WAIT2
    sk.shutdown |= SEND_SHUTDOWN
    sk.confirm = True
    if sk.socket is not None:
        sk.socket.tell()
        return True
    fin = bool(seg.tcp.flags & TCP_FIN)
    if seg.end != seg.seq and after(seg.end - fin & MASK, sk.rcv_nxt):
        close.tcp_done(sk)
        return _RESET
    wait = fin_time(sk)
    more = wait - _TIMEWAIT_LEN * sk.netns.machine.hz
    if more > 0:
        reset_keepalive_timer(sk, more)
    elif fin or sk.owned:
        reset_keepalive_timer(sk, wait)
    else:
        tcp_time_wait(sk, TcpState.FIN_WAIT2, wait)
        return None
    return True


def _state_data(sk: TcpSock, seg: Incoming) -> Outcome:
    """Step 7: the text of the segment."""
    fin = bool(seg.tcp.flags & TCP_FIN)
    if sk.state in {TcpState.CLOSE_WAIT, TcpState.CLOSING, TcpState.LAST_ACK}:
        if not before(seg.seq, sk.rcv_nxt):
            data_snd_check(sk)
            ack_snd_check(sk)
            return None
        return _rest(sk, seg)
    if (
        sk.state in {TcpState.FIN_WAIT1, TcpState.FIN_WAIT2}
        and sk.shutdown & RCV_SHUTDOWN
        and seg.end != seg.seq
        and after(seg.end - fin & MASK, sk.rcv_nxt)
    ):
        # Nobody will read it: RFC 1122 section 4.2.2.13.
        tcp_reset(sk)
        return _RESET
    return _rest(sk, seg)
