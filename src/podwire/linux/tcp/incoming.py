"""A segment that came in, with its numbers worked out (``tcp_skb_cb``, ``tcp_v4_fill_cb``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.tcp.states import MASK
from podwire.wire.headers import TCP_FIN, TCP_SYN
from podwire.wire.tcp_options import TcpOptions, read

if TYPE_CHECKING:
    from podwire.linux.skb import Skb
    from podwire.wire.headers import Tcp

_NO_OPTIONS: Final = TcpOptions()


class Incoming:
    """``data`` is the payload; ``end`` counts SYN and FIN; ``options`` are what the header says."""

    __slots__ = ("data", "end", "options", "seq", "skb", "tcp")

    def __init__(self, skb: Skb, tcp: Tcp) -> None:
        self.skb = skb
        self.tcp = tcp
        payload = skb.packet.payload
        self.data = payload if isinstance(payload, bytes) else b""
        self.seq = tcp.seq
        flags = tcp.flags
        self.end = tcp.seq + len(self.data) + bool(flags & TCP_SYN) + bool(flags & TCP_FIN) & MASK
        self.options = read(tcp.options) if tcp.options else _NO_OPTIONS
