"""What an acknowledgement does: the window, what it finishes, round trips.

Sources: net/ipv4/tcp_input.c; RFC 9293 section 3.10.7.4, RFC 6298, 2018, 5961.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.tcp import output, recovery, segments, timers
from podwire.linux.tcp.sock import Segment, TcpSock
from podwire.linux.tcp.states import MASK, TcpState, after, before
from podwire.linux.tcp.window import segment_truesize, tcp_sndbuf_expand
from podwire.trace.reasons import DropReason
from podwire.wire.headers import TCP_SYN

if TYPE_CHECKING:
    from podwire.linux.tcp.incoming import Incoming

_NSEC_US: Final = 1000
_SECOND: Final = 1_000_000_000


class Acked:
    """What one ACK was found to say (the kernel's FLAG_…), and what follows from it."""

    __slots__ = (
        "advanced",
        "data",
        "data_acked",
        "delivered",
        "dsack",
        "lost",
        "packets",
        "retrans_acked",
        "retransmit",
        "sack_rtt",
        "sacked",
        "seq_rtt",
        "set_timer",
        "syn_acked",
        "win_update",
    )

    def __init__(self) -> None:
        self.data = self.advanced = self.win_update = self.data_acked = self.syn_acked = False
        self.sacked = self.dsack = self.lost = self.retransmit = self.set_timer = self.retrans_acked = False
        self.delivered = 0
        self.packets = 0
        self.seq_rtt = self.sack_rtt = -1

    @property
    def progress(self) -> bool:
        """FLAG_FORWARD_PROGRESS."""
        return self.data_acked or self.syn_acked or self.sacked

    @property
    def not_dup(self) -> bool:
        """FLAG_NOT_DUP."""
        return self.data or self.win_update or self.data_acked or self.syn_acked


def tcp_ack(sk: TcpSock, seg: Incoming, *, challenge: bool = True) -> DropReason | int:
    """``tcp_ack``: 1 for a good one, 0 for an old one, or why the segment is refused."""
    ack, una = seg.tcp.ack, sk.snd_una
    prior = sk.packets_out
    if before(ack, una):
        if before(ack, una - min(sk.max_window, sk.bytes_acked) & MASK):
            if challenge:
                send_challenge_ack(sk)
            return DropReason.TCP_TOO_OLD_ACK
        return 0
    if after(ack, sk.snd_nxt):
        if challenge:
            send_challenge_ack(sk)
        return DropReason.TCP_ACK_UNSENT_DATA
    found = Acked()
    if after(ack, una):
        found.advanced = True
        sk.retransmits = 0
    replace_ts_recent(sk, seg.seq)
    found.data = seg.seq != seg.end
    found.win_update = _update_window(sk, seg)
    if seg.options.sack:
        _tag_sacked(sk, seg, una, found)
    sk.err_soft = 0
    sk.probes_out = 0
    sk.rcv_tstamp = sk.jiffies
    if not prior:
        _ack_probe(sk)
        if sk.tlp_high_seq:
            _process_tlp_ack(sk, ack, found)
        return 1
    _clean_rtx_queue(sk, found)
    if sk.tlp_high_seq:
        _process_tlp_ack(sk, ack, found)
    if not found.not_dup or found.sacked or found.dsack or sk.ca_state != "Open":
        recovery.fastretrans_alert(sk, found)
    if found.set_timer:
        timers.set_xmit_timer(sk)
    if found.progress or not found.not_dup:
        sk.confirm = True
    sk.delivered += found.delivered
    recovery.cong_control(sk, found)
    if found.retransmit:
        recovery.xmit_retransmit_queue(sk)
    return 1


def replace_ts_recent(sk: TcpSock, seq: int) -> None:
    """``tcp_replace_ts_recent``: the time stamp to echo is that of the segment that is next (RFC 7323 section 4.3)."""
    options = sk.rx_opt
    if not options.saw_tstamp or after(seq, sk.rcv_wup):
        return
    if not paws_check(sk, 0):
        store_ts_recent(sk)


def store_ts_recent(sk: TcpSock) -> None:
    """``tcp_store_ts_recent``."""
    sk.rx_opt.ts_recent = sk.rx_opt.rcv_tsval
    sk.rx_opt.ts_recent_stamp = sk.now // _SECOND


def paws_check(sk: TcpSock, allowed: int) -> bool:
    """Not ``tcp_paws_check``: the time stamp is older than the last one (RFC 7323 section 5)."""
    options = sk.rx_opt
    behind = options.ts_recent - options.rcv_tsval & MASK
    if behind >= 1 << 31 or behind <= allowed:
        return False
    # Idle for 24 days: whatever it says. And a 0 was never learned.
    return sk.now // _SECOND < options.ts_recent_stamp + 24 * 86400 and bool(options.ts_recent)


def oow_rate_limited(sk: TcpSock, seg: Incoming) -> bool:
    """``tcp_oow_rate_limited``: answers to segments without data that do not fit are limited (net.ipv4.tcp_invalid_ratelimit)."""
    if seg.seq != seg.end and not seg.tcp.flags & TCP_SYN:
        return False
    return _rate_limited(sk)


def _rate_limited(sk: TcpSock) -> bool:
    now = sk.jiffies
    limit = sk.netns.setting("tcp_invalid_ratelimit") * sk.netns.machine.hz // 1000
    if sk.last_oow_ack and 0 <= now - sk.last_oow_ack < limit:
        return True
    sk.last_oow_ack = now
    return False


def send_challenge_ack(sk: TcpSock) -> None:
    """``tcp_send_challenge_ack``: whoever sent that shall prove that it knows the connection (RFC 5961)."""
    if not _rate_limited(sk):
        output.tcp_send_ack(sk)


def _update_window(sk: TcpSock, seg: Incoming) -> bool:
    """``tcp_ack_update_window``: True where the window counts; ``snd_una`` moves on."""
    ack, window = seg.tcp.ack, seg.tcp.window
    if not seg.tcp.flags & TCP_SYN:
        window <<= sk.rx_opt.snd_wscale
    newer = after(ack, sk.snd_una) or after(seg.seq, sk.snd_wl1)
    heeded = newer or (seg.seq == sk.snd_wl1 and (window > sk.snd_wnd or not window))
    if heeded:
        sk.snd_wl1 = seg.seq
        if window != sk.snd_wnd:
            sk.snd_wnd = window
            if window > sk.max_window:
                sk.max_window = window
                segments.tcp_sync_mss(sk, sk.pmtu_cookie)
    sk.bytes_acked += ack - sk.snd_una & MASK
    sk.snd_una = ack
    return heeded


def _tag_sacked(sk: TcpSock, seg: Incoming, una: int, found: Acked) -> None:
    """``tcp_sacktag_write_queue``: what the other end has beyond a gap."""
    blocks = seg.options.sack
    first = blocks[0]
    if before(first[0], seg.tcp.ack) or (
        len(blocks) > 1 and not after(first[1], blocks[1][1]) and not before(first[0], blocks[1][0])
    ):
        found.dsack = True
        blocks = blocks[1:]
    for left, right in blocks:
        if after(right, sk.snd_nxt) or before(left, una) or not before(left, right):
            continue
        for segment in sk.rtx:
            if segment.sacked or before(segment.seq, left) or after(segment.end, right):
                continue
            segment.sacked = True
            found.sacked = True
            found.delivered += 1
            if not segment.ever:
                found.sack_rtt = max(found.sack_rtt, (sk.now - segment.sent) // _NSEC_US)
            recovery.rack_advance(sk, segment)
            segment.lost = segment.retrans = False


def _clean_rtx_queue(sk: TcpSock, found: Acked) -> None:
    """``tcp_clean_rtx_queue``: what is acknowledged goes, its round trip counts."""
    una = sk.snd_una
    last: Segment | None = None
    while sk.rtx:
        segment = sk.rtx[0]
        if after(segment.end, una):
            if after(una, segment.seq) and segment.data:
                # tcp_tso_acked
                gone = una - segment.seq & MASK
                segment.data, segment.seq = segment.data[gone:], una
                sk.wmem_queued -= gone
                found.data_acked = True
            break
        if segment.ever:
            found.retrans_acked = True
        else:
            rtt = (sk.now - segment.sent) // _NSEC_US
            if found.seq_rtt < 0:
                found.seq_rtt = rtt
            last = segment
        if not segment.sacked:
            found.delivered += 1
            recovery.rack_advance(sk, segment)
        if segment.flags & TCP_SYN:
            found.syn_acked = True
            sk.retrans_stamp = 0
        else:
            found.data_acked = True
            sk.wmem_queued -= segment_truesize(len(segment.data)) if segment.data else 0
        found.packets += 1
        if segment.skb is not None:
            segment.skb.cloned = False
        del sk.rtx[0]
    if not sk.rtx:
        sk.wmem_queued = max(sk.wmem_queued, 0)
    if found.retrans_acked:
        # Karn: nobody knows which of them was acknowledged.
        found.seq_rtt = -1
    newest = (sk.now - last.sent) // _NSEC_US if last is not None else -1
    _update_rtt(sk, found, newest)
    if found.packets:
        found.set_timer = True


def _update_rtt(sk: TcpSock, found: Acked, newest: int) -> bool:
    """``tcp_ack_update_rtt``: by the segments' own times, else by the time stamp that came back (RFC 7323 section 4.1)."""
    rtt = found.seq_rtt if found.seq_rtt >= 0 else found.sack_rtt
    if rtt < 0 and sk.rx_opt.saw_tstamp and sk.rx_opt.rcv_tsecr and found.packets:
        ticks = segments.tcp_time_stamp(sk.netns, sk.tsoffset) - sk.rx_opt.rcv_tsecr & MASK
        if ticks < 1 << 31:
            rtt = newest = max(ticks, 1) * 1000
    if rtt < 0:
        return False
    least = newest if newest >= 0 else rtt
    sk.min_rtt_us = min(sk.min_rtt_us, max(least, 1)) if sk.min_rtt_us else max(least, 1)
    rtt_estimator(sk, max(rtt, 1))
    return True


def rtt_estimator(sk: TcpSock, rtt: int) -> None:
    """``tcp_rtt_estimator`` and ``tcp_set_rto``: Jacobson's, with a variance that is at least tcp_rto_min (RFC 6298)."""
    least = timers.rto_min_us(sk)
    if sk.srtt_us:
        error = rtt - (sk.srtt_us >> 3)
        sk.srtt_us = max(sk.srtt_us + error, 1)
        if error < 0:
            error = -error - (sk.mdev_us >> 2)
            if error > 0:
                error >>= 3
        else:
            error -= sk.mdev_us >> 2
        sk.mdev_us += error
        if sk.mdev_us > sk.mdev_max_us:
            sk.mdev_max_us = sk.mdev_us
            sk.rttvar_us = max(sk.rttvar_us, sk.mdev_max_us)
        if after(sk.snd_una, sk.rtt_seq):
            if sk.mdev_max_us < sk.rttvar_us:
                sk.rttvar_us -= (sk.rttvar_us - sk.mdev_max_us) >> 2
            sk.rtt_seq = sk.snd_nxt
            sk.mdev_max_us = least
    else:
        sk.srtt_us = max(rtt << 3, 1)
        sk.mdev_us = rtt << 1
        sk.rttvar_us = sk.mdev_max_us = max(sk.mdev_us, least)
        sk.rtt_seq = sk.snd_nxt
    rto = timers.usecs_to_jiffies(sk.netns, (sk.srtt_us >> 3) + sk.rttvar_us)
    sk.rto = min(rto, timers.rto_max(sk))
    sk.backoff = 0


def _ack_probe(sk: TcpSock) -> None:
    """``tcp_ack_probe``: the window of a connection on which nothing is under way has opened, or has not."""
    if not output.has_unsent(sk):
        return
    length = min(len(sk.unsent), sk.mss_cache)
    if not after(sk.snd_nxt + length & MASK, sk.wnd_end):
        sk.backoff = 0
        if sk.timer_what == "probe0":
            timers.clear_xmit_timer(sk)
    else:
        timers.reset_xmit_timer(sk, "probe0", timers.probe0_when(sk))


def _process_tlp_ack(sk: TcpSock, ack: int, found: Acked) -> None:
    """``tcp_process_tlp_ack``: whether a tail loss probe has mended a loss (RFC 8985 section 7.4)."""
    if before(ack, sk.tlp_high_seq):
        return
    if not sk.tlp_retrans or found.dsack:
        sk.tlp_high_seq = 0
    elif after(ack, sk.tlp_high_seq):
        sk.tlp_high_seq = 0
        recovery.enter_cwr(sk)
    elif not found.advanced and not found.not_dup and not found.sacked:
        sk.tlp_high_seq = 0


def data_snd_check(sk: TcpSock) -> None:
    """``tcp_data_snd_check``: the ACK may have made room for more."""
    output.push_pending_frames(sk)
    # tcp_check_space
    if sk.socket is not None and sk.state is not TcpState.CLOSE and output.has_room(sk):
        if not sk.sndbuf_locked and sk.packets_out < sk.snd_cwnd:
            tcp_sndbuf_expand(sk)
        sk.socket.tell_space()
