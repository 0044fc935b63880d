"""TCP options (print-tcp.c)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from podwire.tools.tcpdump.dissect import Dissector

_EOL: Final = 0
_NOP: Final = 1
_SACK_OK: Final = 4
_NAMES: Final = MappingProxyType(
    {
        _EOL: "eol",
        _NOP: "nop",
        2: "mss",
        3: "wscale",
        _SACK_OK: "sackOK",
        5: "sack",
        6: "echo",
        7: "echoreply",
        8: "TS",
        11: "cc",
        12: "ccnew",
        13: "",
        19: "md5",
        20: "scps",
        28: "uto",
        29: "tcp-ao",
        30: "mptcp",
        34: "tfo",
        254: "exp",
    }
)
_FAST_OPEN_MAGIC: Final = 0xF989
_MASK: Final = 0xFFFFFFFF


class Edges(NamedTuple):
    """What SACK edges are counted from: the first numbers of the connection, and on which side this segment is."""

    seq: int = 0
    ack: int = 0
    reverse: bool = False


class _Bad(Exception):
    """An option does not fit where it stands."""


class _Short(Exception):
    """An option goes on behind what was captured."""


class _Option(NamedTuple):
    """``at``: its data; ``left``: bytes of the header from there on; ``size``: what it says of itself, kind included.

    ``whole``: the data behind the header were captured.
    """

    d: Dissector
    at: int
    left: int
    size: int
    edges: Edges
    whole: bool

    def check(self, size: int) -> None:
        """LENCHECK: as many bytes have to be there."""
        if size > self.left:
            raise _Bad
        if not self.d.has(self.at, size):
            raise _Short


def options_print(d: Dissector, at: int, stop: int, length: int, edges: Edges) -> bool:
    """The options in brackets, before ``length`` bytes of data; False where they are damaged and nothing may follow."""
    d.put(", options [")
    separator = ""
    try:
        while at < stop:
            d.put(separator)
            kind, size, at = _head(d, at, stop)
            d.put(_NAMES.get(kind, f"unknown-{kind}"))
            option = _Option(d, at, stop - at, size, edges, d.has(stop, length))
            printer = _PRINTERS.get(kind, _unknown)
            consumed = printer(option)
            at += consumed
            if consumed + (1 if kind in {_EOL, _NOP} else 2) != size:
                d.put(f"[len {size}]")
            separator = ","
            if kind == _EOL:
                break
    except _Bad:
        d.put(f"[bad opt]{']' if separator else ''}")
        return False
    except _Short:
        d.truncated()
        d.put(">" if separator else "")
        return False
    d.put("]")
    return True


def _head(d: Dissector, at: int, stop: int) -> tuple[int, int, int]:
    """Kind, length, and where the data begin."""
    kind = d.u1(at)
    if kind in {_EOL, _NOP}:
        return kind, 1, at + 1
    size = d.u1(at + 1)
    if size < 2 or size > stop - at:
        raise _Bad
    return kind, size, at + 2


# Each prints its data and gives the number of bytes that it took for data.


def _nothing(option: _Option) -> int:
    return 0


def _number(size: int) -> Callable[[_Option], int]:
    def number(option: _Option) -> int:
        option.check(size)
        option.d.put(f" {int.from_bytes(option.d.span(option.at, size))}")
        return size

    return number


def _sack(option: _Option) -> int:
    d, size = option.d, option.size - 2
    if size % 8:
        d.put(" invalid sack")
        return size
    d.put(f" {size // 8} ")
    base = option.edges.seq if option.edges.reverse else option.edges.ack
    for offset in range(0, size, 8):
        option.check(offset + 8)
        left, right = d.u4(option.at + offset), d.u4(option.at + offset + 4)
        d.put(f"{{{left - base & _MASK}:{right - base & _MASK}}}")
    return size


def _timestamp(option: _Option) -> int:
    option.check(8)
    option.d.put(f" val {option.d.u4(option.at)} ecr {option.d.u4(option.at + 4)}")
    return 8


def _md5(option: _Option) -> int:
    option.check(16)
    digest = option.d.span(option.at, 16).hex()
    why = "shared secret not supplied with -M" if option.whole else "snaplen too short"
    option.d.put(f" {why}, can't check - {digest}")
    return 16


def _scps(option: _Option) -> int:
    option.check(2)
    option.d.put(f" cap {option.d.u1(option.at):02x} id {option.d.u1(option.at + 1)}")
    return 2


def _user_timeout(option: _Option) -> int:
    option.check(2)
    value = option.d.u2(option.at)
    option.d.put(f" 0x{value:x} {(value >> 1) * 60 if value & 1 else value >> 1}")
    return 2


def _authentication(option: _Option) -> int:
    d, size = option.d, option.size - 2
    if size < 2:
        d.invalid()
        return size
    option.check(1)
    d.put(f" keyid {d.u1(option.at)}")
    option.check(2)
    d.put(f" rnextkeyid {d.u1(option.at + 1)}")
    if size > 2:
        d.put(" mac 0x")
        _hex(option, 2, size)
    return size


def _multipath(option: _Option) -> int:
    size = option.size - 2
    option.check(size)
    option.d.unmodelled("MPTCP")
    return size


def _fast_open(option: _Option) -> int:
    size = option.size - 2
    option.check(size)
    option.d.put(" ")
    _cookie(option, 0, size)
    return size


def _experiment(option: _Option) -> int:
    d, size = option.d, option.size - 2
    option.check(size)
    if size < 2:
        raise _Bad
    magic = d.u2(option.at)
    if magic == _FAST_OPEN_MAGIC:
        d.put("-tfo")
        _cookie(option, 2, size)
    else:
        d.put(f"-{magic:04x}")
    return size


def _cookie(option: _Option, start: int, stop: int) -> None:
    size = stop - start
    if size == 0:
        option.d.put(" cookiereq")
    elif size % 2 or not 4 <= size <= 16:
        option.d.invalid()
    else:
        option.d.put(f" cookie {option.d.span(option.at + start, size).hex()}")


def _unknown(option: _Option) -> int:
    size = option.size - 2
    if size:
        option.d.put(" 0x")
    _hex(option, 0, size)
    return size


def _hex(option: _Option, start: int, stop: int) -> None:
    for offset in range(start, stop):
        option.check(offset + 1)
        option.d.put(f"{option.d.u1(option.at + offset):02x}")


_PRINTERS: Final[Mapping[int, Callable[[_Option], int]]] = MappingProxyType(
    {
        _EOL: _nothing,
        _NOP: _nothing,
        2: _number(2),
        3: _number(1),
        _SACK_OK: _nothing,
        5: _sack,
        6: _number(4),
        7: _number(4),
        8: _timestamp,
        11: _number(4),
        12: _number(4),
        13: _number(4),
        19: _md5,
        20: _scps,
        28: _user_timeout,
        29: _authentication,
        30: _multipath,
        34: _fast_open,
        254: _experiment,
    }
)
