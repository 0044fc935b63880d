"""Data that came: in order, behind a gap, again, the end of it (net/ipv4/tcp_input.c; RFC 9293 section 3.10.7.4, RFC 2018, 2883)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.tcp import delack, output
from podwire.linux.tcp.sock import ACK_NOW, ACK_SCHED, RCV_SHUTDOWN, Piece, TcpSock
from podwire.linux.tcp.states import MASK, TcpState, after, before
from podwire.linux.tcp.window import (
    segment_truesize,
    tcp_clamp_window,
    tcp_grow_window,
    tcp_measure_rcv_mss,
)
from podwire.trace.reasons import DropReason
from podwire.wire.headers import TCP_FIN

if TYPE_CHECKING:
    from podwire.linux.tcp.incoming import Incoming

_NUM_SACKS: Final = 4
_MAX_SKB_FRAGS: Final = 17
_GROWS: Final = 128
"""Shorter segments do not open the window."""


def tcp_data_queue(sk: TcpSock, seg: Incoming) -> DropReason | None:
    """``tcp_data_queue``: put data where it belongs; why none of it is taken, None where some is."""
    if seg.seq == seg.end:
        return None
    window = sk.receive_window
    if seg.seq == sk.rcv_nxt:
        if not window and seg.data:
            return _out_of_window(sk, DropReason.TCP_ZEROWINDOW)
        return _queue_and_out(sk, seg)
    if not after(seg.end, sk.rcv_nxt):
        _dsack_set(sk, seg.seq, seg.end)
        return _out_of_window(sk, DropReason.TCP_OLD_DATA)
    if not before(seg.seq, sk.rcv_nxt + window & MASK):
        return _out_of_window(sk, DropReason.TCP_OVERWINDOW)
    if before(seg.seq, sk.rcv_nxt):
        _dsack_set(sk, seg.seq, sk.rcv_nxt)
        if not window:
            return _out_of_window(sk, DropReason.TCP_ZEROWINDOW)
        return _queue_and_out(sk, seg)
    return _queue_ofo(sk, seg)


def _out_of_window(sk: TcpSock, reason: DropReason) -> DropReason:
    delack.enter_quickack_mode(sk)
    sk.ack_pending |= ACK_SCHED
    return reason


def _piece(seg: Incoming) -> Piece:
    return Piece(seg.seq, seg.data, segment_truesize(len(seg.data)), seg.skb, fin=bool(seg.tcp.flags & TCP_FIN))


def _fits(sk: TcpSock) -> bool:
    """``tcp_try_rmem_schedule``: there is memory, if need be for what is behind a gap."""
    if sk.rmem <= sk.rcvbuf:
        return True
    tcp_clamp_window(sk)
    while sk.rmem > sk.rcvbuf and sk.ofo:
        # tcp_prune_ofo_queue: the other end keeps what was only selectively acknowledged.
        sk.rmem -= sk.ofo.pop().truesize
        sk.sacks.clear()
    return sk.rmem <= sk.rcvbuf


def _queue_and_out(sk: TcpSock, seg: Incoming) -> DropReason | None:
    if not _fits(sk):
        _tell(sk)
        return DropReason.PROTO_MEM
    piece = _piece(seg)
    _append(sk, piece)
    if seg.data:
        event_data_recv(sk, seg)
    if piece.fin:
        tcp_fin(sk)
    if sk.ofo:
        _ofo_queue(sk)
        if not sk.ofo:
            sk.ack_pending |= ACK_NOW
    if sk.sacks:
        _sack_remove(sk)
    _tell(sk)
    return None


def _append(sk: TcpSock, piece: Piece) -> None:
    """``tcp_queue_rcv``: the part that is new."""
    old = sk.rcv_nxt - piece.seq & MASK
    if old:
        piece.data = piece.data[old:]
        piece.seq = sk.rcv_nxt
    sk.bytes_received += len(piece.data)
    sk.rcv_nxt = piece.end
    if not piece.data:
        return
    if sk.queue and _coalesce_into(sk.queue[-1], piece):
        sk.rmem += len(piece.data)
    else:
        sk.queue.append(piece)
        sk.rmem += piece.truesize


def _coalesce_into(tail: Piece, piece: Piece) -> bool:
    """``tcp_try_coalesce``: the data moves into the buffer before it, and costs no more than itself.

    Not where that is full, nor while its sender, on the same machine, still keeps that one's data.
    """
    if tail.skb.cloned or tail.frags + piece.frags > _MAX_SKB_FRAGS or tail.end != piece.seq:
        return False
    tail.data += piece.data
    tail.end = piece.end
    tail.truesize += len(piece.data)
    tail.frags += piece.frags
    return True


def _tell(sk: TcpSock) -> None:
    if sk.socket is not None:
        sk.socket.tell()


def event_data_recv(sk: TcpSock, seg: Incoming) -> None:
    """``tcp_event_data_recv``: an ACK is due; how soon depends on the rhythm of the data."""
    hz = sk.netns.machine.hz
    least = delack.ato_min(sk)
    sk.ack_pending |= ACK_SCHED
    tcp_measure_rcv_mss(sk, seg.tcp, len(seg.data))
    now = sk.jiffies
    if not sk.ack_ato:
        delack.incr_quickack(sk)
        sk.ack_ato = least
    else:
        gap = now - sk.ack_lrcvtime
        if gap <= least // 2:
            sk.ack_ato = (sk.ack_ato >> 1) + least // 2
        elif gap < sk.ack_ato:
            sk.ack_ato = min((sk.ack_ato >> 1) + gap, sk.rto or hz)
        elif gap > sk.rto:
            delack.incr_quickack(sk)
    sk.ack_lrcvtime = now
    if len(seg.data) >= _GROWS:
        tcp_grow_window(sk, len(seg.data), in_order=True)


# -- the end ------------------------------------------------------------------------------------------------------


def tcp_fin(sk: TcpSock) -> None:
    """``tcp_fin``: the other end will send no more."""
    from podwire.linux.tcp.timewait import tcp_time_wait

    sk.ack_pending |= ACK_SCHED
    sk.shutdown |= RCV_SHUTDOWN
    sk.done = True
    match sk.state:
        case TcpState.SYN_RECV | TcpState.ESTABLISHED:
            sk.state = TcpState.CLOSE_WAIT
            sk.ack_pingpong = sk.netns.setting("tcp_pingpong_thresh")
        case TcpState.FIN_WAIT1:
            # Both ends close at once.
            output.tcp_send_ack(sk)
            sk.state = TcpState.CLOSING
        case TcpState.FIN_WAIT2:
            output.tcp_send_ack(sk)
            tcp_time_wait(sk, TcpState.TIME_WAIT, 0)
        case _:
            pass
    sk.rmem -= sum(piece.truesize for piece in sk.ofo)
    sk.ofo.clear()
    sk.sacks.clear()
    _tell(sk)


# -- behind a gap -------------------------------------------------------------------------------------------------


def _queue_ofo(sk: TcpSock, seg: Incoming) -> DropReason | None:
    """``tcp_data_queue_ofo``: it is kept, and the other end told (RFC 2018)."""
    if not _fits(sk):
        return DropReason.PROTO_MEM
    tcp_measure_rcv_mss(sk, seg.tcp, len(seg.data))
    sk.ack_pending |= ACK_SCHED
    piece = _piece(seg)
    first = not sk.ofo
    at = len(sk.ofo)
    while at and after(sk.ofo[at - 1].seq, piece.seq):
        at -= 1
    if at and before(piece.seq, sk.ofo[at - 1].end):
        left = sk.ofo[at - 1]
        if not after(piece.end, left.end):
            _dsack_set(sk, piece.seq, piece.end)
            _sack_new(sk, piece.seq, piece.end)
            return DropReason.TCP_OFOMERGE
        _dsack_set(sk, piece.seq, left.end)
    while at < len(sk.ofo) and after(piece.end, sk.ofo[at].seq):
        right = sk.ofo[at]
        if before(piece.end, right.end):
            _dsack_extend(sk, right.seq, piece.end)
            break
        _dsack_extend(sk, right.seq, right.end)
        sk.rmem -= right.truesize
        del sk.ofo[at]
    sk.ofo.insert(at, piece)
    if sk.rx_opt.sack_ok:
        if first:
            sk.sacks = [(piece.seq, piece.end)]
        else:
            _sack_new(sk, piece.seq, piece.end)
        tcp_grow_window(sk, len(seg.data), in_order=False)
    sk.rmem += piece.truesize
    return None


def _ofo_queue(sk: TcpSock) -> None:
    """``tcp_ofo_queue``: the gap is filled: what follows is in order now."""
    while sk.ofo and not after(sk.ofo[0].seq, sk.rcv_nxt):
        piece = sk.ofo.pop(0)
        sk.rmem -= piece.truesize
        if before(piece.seq, sk.rcv_nxt):
            _dsack_extend(sk, piece.seq, piece.end if before(piece.end, sk.rcv_nxt) else sk.rcv_nxt)
        if not after(piece.end, sk.rcv_nxt):
            continue
        _append(sk, piece)
        if piece.fin:
            tcp_fin(sk)
            break


def _sack_new(sk: TcpSock, seq: int, end: int) -> None:
    """``tcp_sack_new_ofo_skb``: the block with what came last is the first one."""
    if not sk.rx_opt.sack_ok:
        return
    for index, (left, right) in enumerate(sk.sacks):
        if not after(seq, right) and not after(left, end):
            del sk.sacks[index]
            merged = (seq if before(seq, left) else left, end if after(end, right) else right)
            sk.sacks.insert(0, merged)
            _coalesce(sk)
            return
    sk.sacks.insert(0, (seq, end))
    del sk.sacks[_NUM_SACKS:]


def _coalesce(sk: TcpSock) -> None:
    """``tcp_sack_maybe_coalesce``."""
    left, right = sk.sacks[0]
    index = 1
    while index < len(sk.sacks):
        other = sk.sacks[index]
        if not after(left, other[1]) and not after(other[0], right):
            left = left if before(left, other[0]) else other[0]
            right = right if after(right, other[1]) else other[1]
            sk.sacks[0] = (left, right)
            del sk.sacks[index]
        else:
            index += 1


def _sack_remove(sk: TcpSock) -> None:
    """``tcp_sack_remove``: blocks that are in order now."""
    if not sk.ofo:
        sk.sacks.clear()
        return
    sk.sacks = [block for block in sk.sacks if before(sk.rcv_nxt, block[0])]


def _dsack_set(sk: TcpSock, seq: int, end: int) -> None:
    """``tcp_dsack_set``: it came twice (RFC 2883)."""
    if sk.rx_opt.sack_ok and sk.netns.setting("tcp_dsack"):
        sk.dsack = (seq, end)


def _dsack_extend(sk: TcpSock, seq: int, end: int) -> None:
    """``tcp_dsack_extend``."""
    if sk.dsack is None:
        _dsack_set(sk, seq, end)
        return
    left, right = sk.dsack
    if not after(seq, right) and not after(left, end):
        sk.dsack = (seq if before(seq, left) else left, end if after(end, right) else right)


def send_dupack(sk: TcpSock, seg: Incoming) -> None:
    """``tcp_send_dupack``: what does not fit is answered with where this end stands."""
    if seg.seq != seg.end and before(seg.seq, sk.rcv_nxt):
        delack.enter_quickack_mode(sk)
        _dsack_set(sk, seg.seq, sk.rcv_nxt if after(seg.end, sk.rcv_nxt) else seg.end)
    output.tcp_send_ack(sk)
