"""Losses: how they are noticed, what is sent again, and the congestion window.

Sources: net/ipv4/tcp_input.c, tcp_recovery.c; RFC 8985, 6675, 6937, 5681.

The congestion window opens by slow start from ten segments and, behind a loss, by one segment each round trip (RFC 5681): CUBIC's curve,
HyStart and the undoing of retransmissions that were not needed (F-RTO, Eifel, D-SACK) are not modelled: they decide when later
segments leave, not what they carry.
"""

from __future__ import annotations

from errno import EAGAIN, EBUSY, EHOSTUNREACH
from typing import TYPE_CHECKING, Final

from podwire.linux.tcp import output, segments, timers
from podwire.linux.tcp.sock import Segment, TcpSock
from podwire.linux.tcp.states import MASK, TcpState, after, before
from podwire.wire.headers import TCP_FIN, TCP_SYN

if TYPE_CHECKING:
    from podwire.linux.tcp.ack import Acked

_NSEC_US: Final = 1000
_BETA: Final = 717
"""CUBIC's multiplicative decrease, of 1024."""
_REDUCING: Final = frozenset({"CWR", "Recovery"})


# -- sending again ------------------------------------------------------------------------------------------------


def retransmit(sk: TcpSock, segment: Segment) -> int:
    """``tcp_retransmit_skb``: 0, a negative errno where it must not be sent now, or the errno of a refusal."""
    errno = send_again(sk, segment)
    if not errno:
        segment.retrans = True
    if not sk.retrans_stamp:
        sk.retrans_stamp = segment.sent
    return errno


def send_again(sk: TcpSock, segment: Segment) -> int:
    """``__tcp_retransmit_skb``: the same, and nobody counts it as a retransmission (a tail loss probe)."""
    if segment.waits:
        return -EBUSY
    if segments.route(sk).kind == "error":
        return -EHOSTUNREACH
    mss = segments.tcp_current_mss(sk)
    if before(segment.seq, sk.snd_una) and segment.data:
        _trim_head(segment, sk.snd_una)
    room = sk.wnd_end - segment.seq & MASK
    if not before(segment.seq, sk.wnd_end):
        if segment.seq != sk.snd_una:
            return -EAGAIN
        room = mss
    most = min(mss, room) if room else mss
    if len(segment.data) > most:
        _fragment(sk, segment, most)
    elif len(segment.data) < most and sk.netns.setting("tcp_retrans_collapse"):
        _collapse(sk, segment, most)
    errno = output.transmit(sk, segment.flags, segment.seq, segment.data, segment)
    segment.ever = True
    segment.sent = sk.now
    sk.total_retrans += 1
    sk.bytes_retrans += len(segment.data)
    if segment.flags & TCP_SYN:
        sk.syn_retrans += 1
    return errno


def _trim_head(segment: Segment, seq: int) -> None:
    """``tcp_trim_head``: the beginning of it has been acknowledged."""
    segment.data = segment.data[seq - segment.seq & MASK :]
    segment.seq = seq


def _fragment(sk: TcpSock, segment: Segment, length: int) -> None:
    """``tcp_fragment``: the path takes less than it did."""
    rest = Segment(segment.seq + length & MASK, segment.data[length:], segment.flags, segment.sent)
    rest.first, rest.ever, rest.lost, rest.retrans = segment.first, segment.ever, segment.lost, segment.retrans
    segment.data = segment.data[:length]
    segment.flags &= ~0x09
    segment.end = rest.seq
    sk.rtx.insert(sk.rtx.index(segment) + 1, rest)


def _collapse(sk: TcpSock, segment: Segment, most: int) -> None:
    """``tcp_retrans_try_collapse``: small segments behind it go along."""
    if segment.flags & TCP_SYN or segment.sacked:
        return
    at = sk.rtx.index(segment) + 1
    while at < len(sk.rtx):
        after_it = sk.rtx[at]
        if after_it.sacked or after_it.waits or len(segment.data) + len(after_it.data) > most:
            return
        if segment.flags & TCP_FIN or after(after_it.end, sk.wnd_end):
            return
        segment.data += after_it.data
        segment.flags |= after_it.flags
        segment.end = after_it.end
        segment.ever = segment.ever or after_it.ever
        del sk.rtx[at]


def xmit_retransmit_queue(sk: TcpSock) -> None:
    """``tcp_xmit_retransmit_queue``: what is taken for lost goes again, as the congestion window lets it."""
    rearm = False
    at = 0
    while at < len(sk.rtx):
        # What is cut off a segment that is too long comes right behind it.
        segment = sk.rtx[at]
        at += 1
        if sk.in_flight >= sk.snd_cwnd:
            break
        if not segment.lost or segment.sacked or segment.retrans:
            continue
        if retransmit(sk, segment):
            break
        if sk.ca_state in _REDUCING:
            sk.prr_out += 1
        if at == 1 and sk.timer_what != "reo":
            rearm = True
    if rearm:
        timers.reset_xmit_timer(sk, "retrans", sk.rto)


def simple_retransmit(sk: TcpSock) -> None:
    """``tcp_simple_retransmit``: what is too long for the path now is lost, and goes again in shorter segments (RFC 1191 section 6.4)."""
    mss = segments.tcp_current_mss(sk)
    for segment in sk.rtx:
        if len(segment.data) > mss and not segment.sacked:
            segment.lost, segment.retrans = True, False
    if not any(segment.lost for segment in sk.rtx):
        return
    if sk.ca_state != "Loss":
        sk.high_seq = sk.snd_nxt
        if sk.ca_state not in _REDUCING:
            # tcp_current_ssthresh: the window itself stays, for no more is under way than before.
            sk.ssthresh = max(sk.ssthresh, (sk.snd_cwnd >> 1) + (sk.snd_cwnd >> 2))
        sk.ca_state = "Loss"
    xmit_retransmit_queue(sk)


# -- noticing -----------------------------------------------------------------------------------------------------


def rack_advance(sk: TcpSock, segment: Segment) -> None:
    """``tcp_rack_advance``: a segment was delivered; what was sent well before it and was not is lost (RFC 8985 section 6.2 step 2)."""
    rtt = max((sk.now - segment.sent) // _NSEC_US, 0)
    if segment.ever and rtt < sk.min_rtt_us:
        return
    sk.rack_advanced = True
    sk.rack_rtt_us = rtt
    if segment.sent > sk.rack_mstamp or (segment.sent == sk.rack_mstamp and after(segment.end, sk.rack_end_seq)):
        sk.rack_mstamp, sk.rack_end_seq = segment.sent, segment.end


def _reo_wnd(sk: TcpSock) -> int:
    """``tcp_rack_reo_wnd``: how long a segment may be overtaken, µs."""
    if not sk.reord_seen:
        if sk.ca_state in {"Recovery", "Loss"}:
            return 0
        if sk.sacked_out >= sk.reordering:
            return 0
    return min(sk.min_rtt_us >> 2, sk.srtt_us >> 3)


def rack_mark_lost(sk: TcpSock) -> None:
    """``tcp_rack_mark_lost``: mark what is overdue, and come back for what will be."""
    if not sk.rack_advanced:
        return
    sk.rack_advanced = False
    wait = _rack_detect(sk)
    if wait:
        timers.reset_xmit_timer(sk, "reo", timers.usecs_to_jiffies(sk.netns, wait) + 2)


def _rack_detect(sk: TcpSock) -> int:
    """``tcp_rack_detect_loss``: µs until the next one would be overdue, 0 for none."""
    window = _reo_wnd(sk)
    wait = 0
    for segment in sorted(sk.rtx, key=lambda one: one.sent):
        if segment.sacked or (segment.lost and not segment.retrans):
            continue
        earlier = segment.sent < sk.rack_mstamp or (
            segment.sent == sk.rack_mstamp and before(segment.end, sk.rack_end_seq)
        )
        if not earlier:
            break
        left = sk.rack_rtt_us + window - (sk.now - segment.sent) // _NSEC_US
        if left <= 0:
            segment.lost, segment.retrans = True, False
        else:
            wait = max(wait, left)
    return wait


def rack_reo_timeout(sk: TcpSock) -> None:
    """``tcp_rack_reo_timeout``: what could still have been overtaken is lost now."""
    flying = sk.in_flight
    _rack_detect(sk)
    if flying != sk.in_flight:
        if sk.ca_state not in {"Recovery", "Loss"}:
            _enter_recovery(sk)
            _cwnd_reduction(sk, 1, lost=True, advanced=False)
        xmit_retransmit_queue(sk)
    if sk.timer_what != "retrans":
        timers.rearm_rto(sk)


def enter_loss(sk: TcpSock) -> None:
    """``tcp_enter_loss``: a retransmission timer ran out: everything that was not selectively acknowledged is lost."""
    fresh = sk.ca_state in {"Open", "Disorder"} or not after(sk.high_seq, sk.snd_una)
    for index, segment in enumerate(sk.rtx):
        if segment.sacked:
            continue
        overdue = sk.rack_rtt_us + _reo_wnd(sk) - (sk.now - segment.sent) // _NSEC_US <= 0
        if index == 0 or overdue:
            segment.lost, segment.retrans = True, False
    if fresh or (sk.ca_state == "Loss" and not sk.retransmits):
        sk.prior_cwnd = sk.snd_cwnd
        sk.ssthresh = _reduced(sk)
    sk.snd_cwnd = sk.in_flight + 1
    sk.snd_cwnd_cnt = 0
    sk.ca_state = "Loss"
    sk.high_seq = sk.snd_nxt
    sk.tlp_high_seq = 0


def _reduced(sk: TcpSock) -> int:
    """``cubictcp_recalc_ssthresh``."""
    return max(sk.snd_cwnd * _BETA // 1024, 2)


def _enter_recovery(sk: TcpSock) -> None:
    """``tcp_enter_recovery``."""
    sk.high_seq = sk.snd_nxt
    sk.tlp_high_seq = 0
    sk.prior_cwnd = sk.snd_cwnd
    sk.prr_delivered = sk.prr_out = 0
    sk.ssthresh = _reduced(sk)
    sk.ca_state = "Recovery"


def enter_cwr(sk: TcpSock) -> None:
    """A tail loss probe has shown a loss that is already mended: the window shrinks all the same."""
    sk.prior_cwnd = sk.snd_cwnd
    sk.ssthresh = sk.snd_cwnd = _reduced(sk)
    sk.ca_state = "Open"


def _cwnd_reduction(sk: TcpSock, delivered: int, *, lost: bool, advanced: bool) -> None:
    """``tcp_cwnd_reduction``: proportional rate reduction (RFC 6937)."""
    if delivered <= 0 or not sk.prior_cwnd:
        return
    flying = sk.in_flight
    delta = sk.ssthresh - flying
    sk.prr_delivered += delivered
    if delta < 0:
        count = -(-sk.ssthresh * sk.prr_delivered // sk.prior_cwnd) - sk.prr_out
    else:
        count = max(sk.prr_delivered - sk.prr_out, delivered)
        if advanced and not lost:
            count += 1
        count = min(delta, count)
    count = max(count, 0 if sk.prr_out else 1)
    sk.snd_cwnd = max(flying + count, 1)


# -- on an ACK ----------------------------------------------------------------------------------------------------


def fastretrans_alert(sk: TcpSock, acked: Acked) -> None:
    """``tcp_fastretrans_alert``: the state of congestion control moves on; sets ``acked.retransmit`` where something is lost."""
    if sk.ca_state in {"Loss", "Recovery", "CWR"} and not before(sk.snd_una, sk.high_seq):
        if sk.ca_state == "Recovery":
            sk.snd_cwnd = sk.ssthresh
        sk.ca_state = "Open"
        sk.retrans_stamp = 0
        sk.rack_advanced = sk.rack_advanced and bool(sk.rtx)
    if sk.ca_state == "Loss" and not acked.advanced and not acked.sacked and not acked.win_update:
        return
    rack_mark_lost(sk)
    lost = any(segment.lost and not segment.retrans for segment in sk.rtx)
    if not lost:
        if sk.ca_state in {"Open", "Disorder"}:
            sk.ca_state = "Disorder" if sk.sacked_out else "Open"
        acked.retransmit = sk.ca_state in {"Recovery", "Loss"}
        return
    if sk.ca_state not in {"Recovery", "Loss"}:
        _enter_recovery(sk)
    acked.lost = True
    acked.retransmit = True


def cong_control(sk: TcpSock, acked: Acked) -> None:
    """``tcp_cong_control``: the congestion window follows what was delivered."""
    if sk.ca_state in _REDUCING:
        _cwnd_reduction(sk, acked.delivered, lost=acked.lost, advanced=acked.advanced)
        return
    if not acked.data_acked or not _is_cwnd_limited(sk):
        return
    count = acked.packets
    if sk.snd_cwnd < sk.ssthresh:
        grown = min(sk.snd_cwnd + count, sk.ssthresh)
        count -= grown - sk.snd_cwnd
        sk.snd_cwnd = grown
        if not count:
            return
    sk.snd_cwnd_cnt += count
    if sk.snd_cwnd_cnt >= sk.snd_cwnd:
        sk.snd_cwnd_cnt -= sk.snd_cwnd
        sk.snd_cwnd += 1


def _is_cwnd_limited(sk: TcpSock) -> bool:
    """``tcp_is_cwnd_limited``."""
    if sk.cwnd_limited:
        return True
    return sk.snd_cwnd < sk.ssthresh and sk.snd_cwnd < 2 * sk.max_packets_out


def cwnd_validate(sk: TcpSock, *, limited: bool) -> None:
    """``tcp_cwnd_validate``: whether the window was used: one that is not does not grow (RFC 7661)."""
    if (
        not before(sk.snd_una, sk.cwnd_usage_seq)
        or limited
        or (not sk.cwnd_limited and sk.packets_out > sk.max_packets_out)
    ):
        sk.cwnd_limited = limited
        sk.max_packets_out = sk.packets_out
        sk.cwnd_usage_seq = sk.snd_nxt


def restart_after_idle(sk: TcpSock) -> None:
    """``tcp_slow_start_after_idle_check``: after a pause the window begins small again (RFC 5681 section 4.1)."""
    if not sk.netns.setting("tcp_slow_start_after_idle") or sk.rtx or sk.state is TcpState.SYN_SENT:
        return
    idle = sk.jiffies - sk.lsndtime
    if not sk.lsndtime or idle <= sk.rto:
        return
    start = min(10, sk.snd_cwnd)
    while (idle := idle - sk.rto) > 0 and sk.snd_cwnd > start:
        sk.snd_cwnd >>= 1
    sk.snd_cwnd = max(sk.snd_cwnd, start)
    sk.cwnd_limited = False
