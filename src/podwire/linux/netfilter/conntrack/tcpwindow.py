"""Whether a segment lies in the windows of its connection (``tcp_in_window`` in nf_conntrack_proto_tcp.c).

The machine stands between the ends: it sees what they send, not what arrives. What an end will take is guessed from what it
acknowledged and offered (Guido van Rooij, "Real Stateful TCP Packet Filtering in IP Filter"):

I.   no data beyond the right edge of the receiver's window;
II.  no data that ends before its left edge;
III. nothing is acknowledged that was not seen;
IV.  nothing is acknowledged that is much older than the newest.

Sequence numbers are ints below 2**32 and are compared around the circle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.wire.headers import TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, Tcp

if TYPE_CHECKING:
    from podwire.linux.netfilter.conntrack.entry import Connection

WINDOW_SCALE: Final = 0x01
SACK_PERM: Final = 0x02
CLOSE_INIT: Final = 0x04
"""This end began to close."""
LIBERAL: Final = 0x08
"""The connection was met in its middle: its windows are not known."""
DATA_UNACKNOWLEDGED: Final = 0x10
MAXACK_SET: Final = 0x20
EXP_CHALLENGE_ACK: Final = 0x40
SIMULTANEOUS_OPEN: Final = 0x80

SYN_SENT: Final = 1
SYN_RECV: Final = 2
SYN_SET, SYNACK_SET, FIN_SET, ACK_SET, RST_SET, NONE_SET = range(6)
"""``tcp_bit_set``: what counts of the flags."""

IN_WINDOW: Final = 0
IGNORE: Final = 1
"""It lies outside, but the receiver will know what to do: it passes and changes nothing."""
INVALID: Final = 2

_M: Final = 0xFFFFFFFF
_HALF: Final = 0x80000000
_MAXACKWINCONST: Final = 66000
_MAX_WSCALE: Final = 14
_EOL, _NOP, _WSCALE, _SACK_PERM, _SACK = 0, 1, 3, 4, 5
_TIMESTAMP_ONLY: Final = bytes((1, 1, 8, 10))


class Seen:
    """``ip_ct_tcp_state``: what was seen of one end."""

    __slots__ = ("flags", "td_end", "td_maxack", "td_maxend", "td_maxwin", "td_scale")

    def __init__(self) -> None:
        self.td_end = 0
        """The highest number sent, and one."""
        self.td_maxend = 0
        """The highest that the other end's window lets it send."""
        self.td_maxwin = 0
        self.td_maxack = 0
        self.td_scale = 0
        self.flags = 0

    def reset(self) -> None:
        """``nf_ct_tcp_state_reset``."""
        self.td_end = self.td_maxend = self.td_maxwin = self.td_maxack = self.td_scale = 0
        self.flags &= LIBERAL


class TcpTrack:
    """``ip_ct_tcp``: the state, both ends, and the last segment of note."""

    __slots__ = (
        "last_ack",
        "last_dir",
        "last_end",
        "last_flags",
        "last_index",
        "last_seq",
        "last_win",
        "last_wscale",
        "retrans",
        "seen",
        "state",
    )

    def __init__(self) -> None:
        self.state = 0
        self.seen = (Seen(), Seen())
        self.last_dir = 0
        self.retrans = 0
        self.last_index = NONE_SET
        self.last_seq = 0
        self.last_ack = 0
        self.last_end = 0
        self.last_win = 0
        self.last_wscale = 0
        self.last_flags = 0


def before(a: int, b: int) -> bool:
    """Around the circle (``before`` in net/tcp.h)."""
    return (a - b) & _M >= _HALF


def segment_end(tcp: Tcp, length: int) -> int:
    """``segment_seq_plus_len``; SYN and FIN count like a byte."""
    return tcp.seq + length + (tcp.flags >> 1 & 1) + (tcp.flags & TCP_FIN) & _M


def tcp_options(options: bytes, state: Seen) -> None:
    """``tcp_options``: window scale and SACK of a SYN; what was noted before goes where there are any options."""
    if not options:
        return
    state.td_scale = 0
    state.flags &= LIBERAL
    at, end = 0, len(options)
    while at < end:
        kind = options[at]
        if kind == _EOL:
            return
        if kind == _NOP:
            at += 1
            continue
        size = options[at + 1] if at + 1 < end else 0
        if size < 2 or at + size > end:
            return
        if kind == _SACK_PERM and size == 2:
            state.flags |= SACK_PERM
        elif kind == _WSCALE and size == 3:
            state.td_scale = min(options[at + 2], _MAX_WSCALE)
            state.flags |= WINDOW_SCALE
        at += size


def tcp_sack(options: bytes, sack: int) -> int:
    """``tcp_sack``: the highest edge of what is acknowledged, selectively included."""
    if not options or (len(options) == 12 and options.startswith(_TIMESTAMP_ONLY)):
        return sack
    at, end = 0, len(options)
    while at < end:
        kind = options[at]
        if kind == _EOL:
            break
        if kind == _NOP:
            at += 1
            continue
        size = options[at + 1] if at + 1 < end else 0
        if size < 2 or at + size > end:
            break
        if kind == _SACK and size >= 10 and not (size - 2) % 8:
            for place in range(at + 6, at + size, 8):
                edge = int.from_bytes(options[place : place + 4])
                if before(sack, edge):
                    sack = edge
            break
        at += size
    return sack


def _init_sender(sender: Seen, receiver: Seen, tcp: Tcp, end: int, direction: int) -> None:
    """``tcp_init_sender``: a SYN, or SYN+ACK, says where its end begins."""
    sender.td_end = sender.td_maxend = end
    sender.td_maxwin = tcp.window or 1
    tcp_options(tcp.options, sender)
    if direction and not sender.flags & receiver.flags & WINDOW_SCALE:
        # RFC 7323: only where both have offered it.
        sender.td_scale = receiver.td_scale = 0


def tcp_in_window(ct: Connection, direction: int, index: int, tcp: Tcp, length: int, *, be_liberal: bool) -> int:  # noqa: C901, PLR0915 - one check after another, as in the kernel
    """``tcp_in_window``: IN_WINDOW (and both ends are brought up to date), IGNORE or INVALID. ``length`` is that of the data."""
    state: TcpTrack = ct.proto
    sender, receiver = state.seen[direction], state.seen[1 - direction]
    flags = tcp.flags
    seq, ack, win = tcp.seq, tcp.ack, tcp.window
    end = seq + length + (flags >> 1 & 1) + (flags & TCP_FIN) & _M
    sack = tcp_sack(tcp.options, ack) if receiver.flags & SACK_PERM and tcp.options else ack
    liberal = be_liberal or sender.flags & LIBERAL
    if not sender.td_maxwin:
        if flags & TCP_SYN:
            _init_sender(sender, receiver, tcp, end, direction)
            if not flags & TCP_ACK:
                return IN_WINDOW
        else:
            # In the middle of a connection, whose history is lost: the packet is all there is.
            sender.td_end = end
            sender.td_maxwin = (win << sender.td_scale) or 1
            sender.td_maxend = end + sender.td_maxwin & _M
            if not receiver.td_maxwin:
                receiver.td_end = receiver.td_maxend = sack
            elif sack == receiver.td_end + 1 & _M:
                # Probably the answer to a keepalive.
                receiver.td_end = sack
    elif flags & TCP_SYN and before(sender.td_end, end) and state.state in {SYN_SENT, SYN_RECV}:
        # It began anew.
        _init_sender(sender, receiver, tcp, end, direction)
        if direction and not flags & TCP_ACK:
            return IN_WINDOW
    if not flags & TCP_ACK or (flags & TCP_RST and not ack):
        ack = sack = receiver.td_end
    if flags & TCP_RST and not seq and state.state == SYN_SENT:
        # The answer to a SYN.
        seq = end = sender.td_end
    maxackwin = sender.td_maxwin if sender.td_maxwin > _MAXACKWINCONST else _MAXACKWINCONST  # noqa: FURB136 - calls cost
    ack_old = (sack - receiver.td_end + maxackwin) & _M >= _HALF
    ack_new = (receiver.td_end - sack) & _M >= _HALF
    seq_old = receiver.td_maxwin and (end - sender.td_end + receiver.td_maxwin) & _M >= _HALF
    if (sender.td_maxend - seq) & _M >= _HALF:
        overshot = end - sender.td_maxend + 1 & _M
        if receiver.td_maxwin and not seq_old and not ack_old and not ack_new and overshot <= receiver.td_maxwin:
            # It sends more than the window allows: what is acknowledged of that shall be known.
            sender.td_end = end
            sender.flags |= DATA_UNACKNOWLEDGED
            return IN_WINDOW if liberal else IGNORE
        return IN_WINDOW if liberal else INVALID
    if ack_new:
        return IN_WINDOW if liberal else INVALID
    if seq_old or ack_old:
        return IN_WINDOW if liberal else IGNORE
    # All is well: bring both ends up to date.
    if not flags & TCP_SYN:
        win <<= sender.td_scale
    offered = win + (sack - ack & _M)
    if offered > sender.td_maxwin:  # noqa: PLR1730 - calls cost
        sender.td_maxwin = offered
    if (sender.td_end - end) & _M >= _HALF:
        sender.td_end = end
        sender.flags |= DATA_UNACKNOWLEDGED
    if flags & TCP_ACK:
        if not sender.flags & MAXACK_SET:
            sender.td_maxack = ack
            sender.flags |= MAXACK_SET
        elif (sender.td_maxack - ack) & _M >= _HALF:
            sender.td_maxack = ack
    if receiver.td_maxwin and (sender.td_maxend - end) & _M >= _HALF:
        receiver.td_maxwin += end - sender.td_maxend & _M
    edge = sack + win & _M
    if (receiver.td_maxend - 1 - edge) & _M >= _HALF:
        receiver.td_maxend = edge if win else edge + 1 & _M
    if ack == receiver.td_end:
        receiver.flags &= ~DATA_UNACKNOWLEDGED
    if index == ACK_SET:
        same = state.last_seq == seq and state.last_ack == ack and state.last_end == end
        if same and state.last_dir == direction and state.last_win == tcp.window:
            state.retrans += 1
        else:
            state.last_dir, state.last_seq, state.last_ack, state.last_end = direction, seq, ack, end
            state.last_win = tcp.window
            state.retrans = 0
    return IN_WINDOW
