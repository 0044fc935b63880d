"""What is left of a connection: TIME_WAIT, and FIN_WAIT2 of a socket that nobody holds.

Sources: net/ipv4/tcp_minisocks.c; RFC 9293 section 3.6.1, RFC 1337, 6191.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.tcp import output, segments
from podwire.linux.tcp.sock import TcpSock
from podwire.linux.tcp.states import MASK, TcpState, after, before
from podwire.linux.tcp.table import tcp_table
from podwire.wire.addr import Ip, Ip4
from podwire.wire.headers import TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, Tcp
from podwire.wire.tcp_options import build

if TYPE_CHECKING:
    from podwire.linux.machine import Timer
    from podwire.linux.skb import Skb
    from podwire.linux.tcp.incoming import Incoming

_LEN: Final = 60
"""TCP_TIMEWAIT_LEN, seconds."""
_SECOND: Final = 1_000_000_000
_ALWAYS: Final = 1


class TimeWaitSock:
    """``struct tcp_timewait_sock``: ``substate`` is FIN_WAIT2 or TIME_WAIT; ``expires`` a jiffy."""

    def __init__(self, sk: TcpSock, substate: TcpState) -> None:
        self.netns = sk.netns
        self.substate = substate
        self.key = (sk.rcv_saddr, sk.sport, sk.daddr, sk.dport)
        self.reuse = sk.reuse
        self.mark, self.tos, self.txhash = sk.mark, sk.tos, sk.txhash
        self.link = sk.link
        options = sk.rx_opt
        self.rcv_nxt, self.snd_nxt = sk.rcv_nxt, sk.snd_nxt
        self.rcv_wnd = sk.receive_window
        self.rcv_wscale = options.rcv_wscale
        self.tstamp_ok = options.tstamp_ok
        self.ts_recent, self.ts_recent_stamp = options.ts_recent, options.ts_recent_stamp
        self.tsoffset = sk.tsoffset
        self.last_oow_ack = 0
        self.timer: Timer | None = None
        self.expires = 0

    @property
    def local(self) -> tuple[Ip, int]:
        """Address and port of this end."""
        return self.key[0], self.key[1]

    @property
    def remote(self) -> tuple[Ip, int]:
        """Those of the other end."""
        return self.key[2], self.key[3]

    def schedule(self, delay: int) -> None:
        """``inet_twsk_schedule``: so many jiffies are left."""
        if self.timer is not None:
            self.timer.cancel()
        machine = self.netns.machine
        self.expires = machine.jiffies + delay
        self.timer = machine.add_timer(delay, self.kill)

    def kill(self) -> None:
        """``inet_twsk_kill``."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        tcp_table(self.netns).timewait.pop(self.key, None)

    def may_be_reused(self, *, chosen: bool) -> bool:
        """``tcp_twsk_unique``: whether a new connection may have its 4-tuple (RFC 6191).

        Time stamps tell the two apart: whoever has ``chosen`` the port gets it, else net.ipv4.tcp_tw_reuse decides.
        """
        if not self.ts_recent_stamp:
            return False
        if chosen:
            return True
        mode = self.netns.setting("tcp_tw_reuse")
        if mode != _ALWAYS:
            near = any(Ip4(addr).is_loopback for addr in (self.key[0], self.key[2]))
            mode = 1 if mode and near else 0
        if not mode or self.substate is TcpState.FIN_WAIT2:
            return False
        return self.netns.machine.world.now // _SECOND > self.ts_recent_stamp


def tcp_time_wait(sk: TcpSock, state: TcpState, delay: int) -> None:
    """``tcp_time_wait``: the connection is over, its 4-tuple is kept a while: ``delay`` jiffies in FIN_WAIT2, 60 s in TIME_WAIT."""
    from podwire.linux.tcp.close import tcp_done

    table = tcp_table(sk.netns)
    if len(table.timewait) < sk.netns.setting("tcp_max_tw_buckets"):
        left = TimeWaitSock(sk, state)
        shortest = (sk.rto << 2) - (sk.rto >> 1)
        wait = _LEN * sk.netns.machine.hz if state is TcpState.TIME_WAIT else max(delay, shortest)
        left.schedule(wait)
        table.timewait[left.key] = left
    tcp_done(sk)


def tcp_timewait_state_process(left: TimeWaitSock, seg: Incoming) -> str:
    """``tcp_timewait_state_process``: what becomes of a segment: ``success`` (nothing), ``ack``, ``rst`` or ``syn`` (a new connection)."""
    flags = seg.tcp.flags
    stamp = seg.options.timestamp if left.ts_recent_stamp else None
    paws = _paws_reject(left, stamp[0], reset=bool(flags & TCP_RST)) if stamp is not None else False
    if left.substate is TcpState.FIN_WAIT2:
        return _half_closed(left, seg, stamp, paws=paws)
    if not paws and seg.seq == left.rcv_nxt and (seg.seq == seg.end or flags & TCP_RST):
        if flags & TCP_RST:
            if not left.netns.setting("tcp_rfc1337"):
                left.kill()
                return "success"
        else:
            left.schedule(_LEN * left.netns.machine.hz)
        _store(left, stamp)
        return "success"
    newer = stamp is not None and (left.ts_recent - stamp[0] & MASK) >= 1 << 31
    if flags & (TCP_SYN | TCP_RST | TCP_ACK) == TCP_SYN and not paws and (after(seg.seq, left.rcv_nxt) or newer):
        return "syn"
    if flags & TCP_RST:
        return "success"
    if paws or flags & TCP_ACK:
        left.schedule(_LEN * left.netns.machine.hz)
    return _limited_ack(left)


def _half_closed(left: TimeWaitSock, seg: Incoming, stamp: tuple[int, int] | None, *, paws: bool) -> str:
    flags = seg.tcp.flags
    if paws or not in_window(seg.seq, seg.end, left.rcv_nxt, left.rcv_nxt + left.rcv_wnd & MASK):
        return _limited_ack(left)
    if flags & TCP_RST:
        left.kill()
        return "success"
    if flags & TCP_SYN and not before(seg.seq, left.rcv_nxt):
        return "rst"
    if not flags & TCP_ACK or not after(seg.end, left.rcv_nxt) or seg.end == seg.seq:
        return "success"
    if not flags & TCP_FIN or seg.end != left.rcv_nxt + 1 & MASK:
        return "rst"
    left.substate = TcpState.TIME_WAIT
    left.rcv_nxt = seg.end
    _store(left, stamp)
    left.schedule(_LEN * left.netns.machine.hz)
    return "ack"


def in_window(seq: int, end: int, low: int, high: int) -> bool:
    """``tcp_in_window``."""
    if seq == low or (after(end, low) and before(seq, high)):
        return True
    return seq == high and seq == end


def _paws_reject(left: TimeWaitSock, tsval: int, *, reset: bool) -> bool:
    """``tcp_paws_reject``."""
    behind = left.ts_recent - tsval & MASK
    if not 0 < behind < 1 << 31:
        return False
    now = left.netns.machine.world.now // _SECOND
    return not (reset and now >= left.ts_recent_stamp + 1)


def _store(left: TimeWaitSock, stamp: tuple[int, int] | None) -> None:
    if stamp is not None:
        left.ts_recent = stamp[0]
        left.ts_recent_stamp = left.netns.machine.world.now // _SECOND


def _limited_ack(left: TimeWaitSock) -> str:
    """``tcp_timewait_check_oow_rate_limit``."""
    machine = left.netns.machine
    limit = left.netns.setting("tcp_invalid_ratelimit") * machine.hz // 1000
    if left.last_oow_ack and machine.jiffies - left.last_oow_ack < limit:
        return "success"
    left.last_oow_ack = machine.jiffies
    return "ack"


def tcp_v4_timewait_ack(left: TimeWaitSock, skb: Skb) -> None:
    """``tcp_v4_timewait_ack``."""
    stamp = (segments.tcp_time_stamp(left.netns, left.tsoffset), left.ts_recent) if left.tstamp_ok else None
    # The field takes what of it fits, without a scale as well.
    window = left.rcv_wnd >> left.rcv_wscale & 0xFFFF
    header = Tcp(
        left.key[1],
        left.key[3],
        left.snd_nxt,
        left.rcv_nxt,
        TCP_ACK,
        window,
        0,
        build(timestamp=stamp) if stamp else b"",
    )
    output.send_reply(
        left.netns, skb, left.key[0], left.key[2], header, tos=left.tos, mark=left.mark, txhash=left.txhash
    )
