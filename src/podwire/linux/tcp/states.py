"""The states of a TCP socket, and sequence numbers (RFC 9293 sections 3.3.2 and 3.4; include/net/tcp_states.h)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

MASK: Final = 0xFFFFFFFF
_HALF: Final = 1 << 31


class TcpState(StrEnum):
    """The kernel's names. ``ss`` prints others (ESTAB, SYN-SENT …)."""

    ESTABLISHED = "ESTABLISHED"
    SYN_SENT = "SYN_SENT"
    SYN_RECV = "SYN_RECV"
    FIN_WAIT1 = "FIN_WAIT1"
    FIN_WAIT2 = "FIN_WAIT2"
    TIME_WAIT = "TIME_WAIT"
    CLOSE = "CLOSE"
    CLOSE_WAIT = "CLOSE_WAIT"
    LAST_ACK = "LAST_ACK"
    LISTEN = "LISTEN"
    CLOSING = "CLOSING"


SYNCHRONISED: Final = frozenset(TcpState) - {TcpState.CLOSE, TcpState.LISTEN, TcpState.SYN_SENT, TcpState.SYN_RECV}
"""Both ends know each other's sequence numbers."""
CAN_SEND: Final = frozenset({TcpState.ESTABLISHED, TcpState.CLOSE_WAIT})
"""The program may still send."""


def before(a: int, b: int) -> bool:
    """``before``: ``a`` is earlier than ``b`` in the circle of sequence numbers."""
    return (b - a - 1 & MASK) < _HALF


def after(a: int, b: int) -> bool:
    """``after``: ``a`` is later than ``b``."""
    return (a - b - 1 & MASK) < _HALF


def between(a: int, low: int, high: int) -> bool:
    """``between``: ``low`` <= ``a`` <= ``high``."""
    return (high - low & MASK) >= (a - low & MASK)
