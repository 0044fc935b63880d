"""TCP options (RFC 9293 section 3.1): built as Linux lays them out, read as Linux reads them.

Sources: RFC 9293 (EOL, NOP, MSS), RFC 7323 (window scale, timestamps), RFC 2018 (SACK); ``tcp_options_write`` and
``tcp_parse_options`` of the kernel.
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

from podwire.errors import PodwireError

EOL: Final = 0
NOP: Final = 1
MSS: Final = 2
WINDOW_SCALE: Final = 3
SACK_PERMITTED: Final = 4
SACK: Final = 5
TIMESTAMP: Final = 8

MAX_WINDOW_SCALE: Final = 14
"""A larger shift counts as this one (RFC 7323 section 2.3)."""


class TcpOption(msgspec.Struct, frozen=True, gc=False):
    """One option as it stands in a header; ``data`` is what is behind kind and length.

    EOL ends the list: its ``data`` are the bytes behind it. ``broken`` marks an option whose length byte is missing, is
    less than 2 or reaches behind the header; its ``data`` are all the bytes behind the kind, and no option follows.
    """

    kind: int
    data: bytes = b""
    broken: bool = False

    @property
    def raw(self) -> bytes:
        """The bytes it was read from."""
        if self.kind <= NOP or self.broken:
            return bytes((self.kind,)) + self.data
        return bytes((self.kind, len(self.data) + 2)) + self.data


class TcpOptions(msgspec.Struct, frozen=True, gc=False):
    """What a header says in its options. None, False and () stand for "not there"."""

    mss: int | None = None
    sack_permitted: bool = False
    timestamp: tuple[int, int] | None = None
    """TSval and TSecr."""
    window_scale: int | None = None
    """A shift, at most 14."""
    sack: tuple[tuple[int, int], ...] = ()
    """Left and right edge of each block."""


def build(
    *,
    mss: int | None = None,
    sack_permitted: bool = False,
    timestamp: tuple[int, int] | None = None,
    window_scale: int | None = None,
    sack: tuple[tuple[int, int], ...] = (),
) -> bytes:
    """The options of a segment in the order and with the padding of Linux: always a multiple of 4 bytes.

    A SYN has ``mss, sackOK, TS, nop, wscale``; without timestamps ``mss, nop, nop, sackOK, nop, wscale``; a later
    segment ``nop, nop, TS`` and ``nop, nop, sack``. Raises ``PodwireError`` for a value that does not fit its field and
    for more than 40 bytes.
    """
    parts: list[bytes] = []
    try:
        if mss is not None:
            parts.append(struct.pack(">BBH", MSS, 4, mss))
        if timestamp is not None:
            # Two bytes go before a timestamp to align it: SACK-permitted where there is one.
            parts.append(bytes((SACK_PERMITTED, 2) if sack_permitted else (NOP, NOP)))
            parts.append(struct.pack(">BBII", TIMESTAMP, 10, *timestamp))
        elif sack_permitted:
            parts.append(bytes((NOP, NOP, SACK_PERMITTED, 2)))
        if window_scale is not None:
            parts.append(struct.pack(">BBBB", NOP, WINDOW_SCALE, 3, window_scale))
        if sack:
            parts.append(bytes((NOP, NOP, SACK, 2 + 8 * len(sack))))
            parts += (struct.pack(">II", left, right) for left, right in sack)
    except (struct.error, ValueError) as error:
        raise PodwireError(f"a TCP option does not fit its field: {error}") from None
    options = b"".join(parts)
    if len(options) > 40:
        raise PodwireError(f"TCP options of {len(options)} bytes: a header holds 40")
    return options


def parse(options: bytes) -> list[TcpOption]:
    """Every option, unknown and broken ones too: the ``raw`` bytes of all are ``options`` again. Never raises."""
    found: list[TcpOption] = []
    at = 0
    while at < len(options):
        kind = options[at]
        if kind == EOL:
            found.append(TcpOption(EOL, options[at + 1 :]))
            break
        if kind == NOP:
            found.append(TcpOption(NOP))
            at += 1
            continue
        size = options[at + 1] if at + 1 < len(options) else 0
        if not 2 <= size <= len(options) - at:
            found.append(TcpOption(kind, options[at + 1 :], broken=True))
            break
        found.append(TcpOption(kind, options[at + 2 : at + size]))
        at += size
    return found


def read(options: bytes) -> TcpOptions:
    """What the kernel takes from the options: those it knows, of the right length, up to EOL or a broken one.

    The last of several of a kind counts. Never raises. That some count only in a SYN is the reader's affair.
    """
    mss: int | None = None
    sack_permitted = False
    timestamp: tuple[int, int] | None = None
    window_scale: int | None = None
    sack: tuple[tuple[int, int], ...] = ()
    for option in parse(options):
        if option.broken:
            break
        kind, data, size = option.kind, option.data, len(option.data)
        if kind == MSS and size == 2:
            mss = int.from_bytes(data) or mss  # an MSS of 0 is none
        elif kind == WINDOW_SCALE and size == 1:
            window_scale = min(data[0], MAX_WINDOW_SCALE)
        elif kind == SACK_PERMITTED and size == 0:
            sack_permitted = True
        elif kind == SACK and size and size % 8 == 0:
            edges = struct.unpack(f">{size // 4}I", data)
            sack = tuple(zip(edges[::2], edges[1::2], strict=True))
        elif kind == TIMESTAMP and size == 8:
            timestamp = (int.from_bytes(data[:4]), int.from_bytes(data[4:]))
    return TcpOptions(mss, sack_permitted, timestamp, window_scale, sack)
