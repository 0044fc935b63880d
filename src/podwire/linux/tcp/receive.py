"""A program reads (``tcp_recvmsg``, net/ipv4/tcp.c)."""

from __future__ import annotations

from podwire.linux.tcp import delack, output
from podwire.linux.tcp.darwin import is_darwin
from podwire.linux.tcp.input import release_sock
from podwire.linux.tcp.sock import ACK_PUSHED, ACK_PUSHED2, ACK_SCHED, RCV_SHUTDOWN, TcpSock
from podwire.linux.tcp.states import MASK
from podwire.linux.tcp.window import tcp_rcv_space_adjust, want_window


def tcp_recvmsg(sk: TcpSock, size: int) -> bytes:
    """``tcp_recvmsg``: up to ``size`` bytes that are there."""
    sk.owned = True
    parts: list[bytes] = []
    copied = 0
    while sk.queue and copied < size:
        piece = sk.queue[0]
        part = piece.data[: size - copied]
        parts.append(part)
        copied += len(part)
        sk.copied_seq = sk.copied_seq + len(part) & MASK
        tcp_rcv_space_adjust(sk, copied)
        if len(part) < len(piece.data):
            piece.data = piece.data[len(part) :]
            piece.seq = piece.seq + len(part) & MASK
            break
        sk.rmem -= piece.truesize
        sk.queue.popleft()
    cleanup_rbuf(sk, copied)
    release_sock(sk)
    return b"".join(parts)


def cleanup_rbuf(sk: TcpSock, copied: int) -> None:
    """``tcp_cleanup_rbuf``: reading may be a reason to acknowledge: small data was read, or the window opens well."""
    due = False
    if sk.ack_pending & ACK_SCHED and not is_darwin(sk.netns):
        pushed = sk.ack_pending & ACK_PUSHED2 or (sk.ack_pending & ACK_PUSHED and not delack.in_pingpong(sk))
        due = (sk.rcv_nxt - sk.rcv_wup & MASK) > sk.ack_rcv_mss or bool(copied and pushed and not sk.rmem)
    if copied and not due and not sk.shutdown & RCV_SHUTDOWN:
        left = sk.receive_window
        if 2 * left <= sk.window_clamp:
            window = want_window(sk)
            due = bool(window) and window >= 2 * left
    if due:
        output.tcp_send_ack(sk)
