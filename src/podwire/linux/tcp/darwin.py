"""What a Mac's TCP shows on the wire where it differs from Linux: options and window of its SYN, its windows, when it acknowledges.

A machine with the image ``macos`` runs podwire's Linux all the same; these are the marks by which a capture tells it (kube-proxy and GKE
sheet, 4.4; XNU bsd/netinet/tcp_output.c). Only connections that it opens itself have them.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from podwire.linux.tcp.states import MASK
from podwire.wire.tcp_options import EOL, MSS, NOP, SACK_PERMITTED, TIMESTAMP, WINDOW_SCALE

if TYPE_CHECKING:
    from podwire.linux.netns import Netns
    from podwire.linux.tcp.sock import TcpSock

WSCALE: Final = 6
SYN_WINDOW: Final = 65535
_RECVSPACE: Final = 131072
"""``net.inet.tcp.recvspace``, which ``tcp_mss`` rounds up to whole segments."""


def is_darwin(netns: Netns) -> bool:
    """Whether the machine is a Mac."""
    return netns.machine.image.darwin


def syn_options(mss: int, stamp: tuple[int, int]) -> bytes:
    """``mss, nop, wscale, nop, nop, TS, sackOK, eol``: 24 bytes."""
    return (
        struct.pack(">BBH", MSS, 4, mss)
        + struct.pack(">BBBB", NOP, WINDOW_SCALE, 3, WSCALE)
        + struct.pack(">BBBBII", NOP, NOP, TIMESTAMP, 10, *stamp)
        + bytes((SACK_PERMITTED, 2, EOL, EOL))
    )


def want_window(sk: TcpSock) -> int:
    """The window: its right edge moves only by a whole segment or more (RFC 9293 section 3.8.6.2.2)."""
    mss = sk.mss_cache
    buffer = -(-_RECVSPACE // mss) * mss
    window = buffer - (sk.rcv_nxt - sk.copied_seq & MASK)
    left = sk.receive_window
    return window if window >= left + mss else left


def select_window(sk: TcpSock) -> int:
    """The window field of the next segment. The edge is kept to the byte; what the field cannot say is cut off."""
    sk.rcv_wnd = want_window(sk)
    sk.rcv_wup = sk.rcv_nxt
    return min(sk.rcv_wnd >> sk.rx_opt.rcv_wscale, 65535)
