"""What every printer works on: the bytes of one frame, the text made so far, and the end of what was captured.

tcpdump's printers read behind pointers and leave by ``longjmp`` where the captured bytes end; here they read through
``u1`` … ``u4`` and leave by ``Truncated``. A frame is rendered from its bytes, and from nothing else: that is what makes
a snapshot length, a quotation in an ICMP error and a damaged header come out as in the real tool.

Sources: netdissect.c, print.c, print-ascii.c and util-print.c of tcpdump 4.99.3.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from podwire.wire.addr import Ip4
from podwire.wire.checksum import words

if TYPE_CHECKING:
    from podwire.tools.tcpdump.names import Names
    from podwire.tools.tcpdump.options import Options

MAXIMUM_SNAPLEN: Final = 262144

_HEX_COLUMNS: Final = 40
"""Eight groups of four digits, each behind a blank."""
_PRINTABLE: Final = bytes(c if 0x21 <= c <= 0x7E else 0x2E for c in range(256))
_TEXT: Final = bytes(c if 0x20 <= c <= 0x7E or c in b"\t\n" else 0x2E for c in range(256))


class Truncated(Exception):
    """A printer read behind the last captured byte."""


class Printers(NamedTuple):
    """The printers that are called from other ones than those above them: what a tunnel or an ICMP error carries."""

    frame: Callable[[Dissector, int, int], int]
    """A frame of the capture's link type: its length and what was captured of it; gives the length of the link header."""
    ether: Callable[[Dissector, int, int, int], int]
    ethertype: Callable[[Dissector, int, int, int, int], bool]
    ip: Callable[[Dissector, int, int], None]


class Dissector:
    """The state of one capture and, while a frame is printed, of that frame.

    ``end`` is tcpdump's ``snapend``: printers lower it to the end of the datagram they are in. ``protocol`` is the word
    in ``[|tcp]``. ``conversations`` holds the first sequence numbers of each TCP connection that was seen.
    """

    __slots__ = (
        "_reference",
        "conversations",
        "data",
        "eflag",
        "end",
        "header_length",
        "names",
        "options",
        "out",
        "printers",
        "protocol",
        "qflag",
        "vflag",
    )

    def __init__(self, options: Options, names: Names, printers: Printers) -> None:
        self.options = options
        self.names = names
        self.printers = printers
        self.vflag = options.verbose
        self.eflag = options.link_level
        self.qflag = options.quick
        self.conversations: dict[tuple[int, int, int], tuple[int, int]] = {}
        self.out: list[str] = []
        self.data = b""
        self.end = 0
        self.protocol = ""
        self.header_length = 0
        self._reference = 0

    # -- reading ---------------------------------------------------------------------------------------------------

    def has(self, at: int, size: int) -> bool:
        """Whether ``size`` bytes from ``at`` on were captured."""
        return 0 <= size <= self.end - at

    def need(self, at: int, size: int) -> None:
        """Leave by ``Truncated`` unless they were."""
        if not 0 <= size <= self.end - at:
            raise Truncated

    def u1(self, at: int) -> int:
        """One byte."""
        if at >= self.end:
            raise Truncated
        return self.data[at]

    def u2(self, at: int) -> int:
        """Two bytes, the first one high."""
        if at + 2 > self.end:
            raise Truncated
        return self.data[at] << 8 | self.data[at + 1]

    def u3(self, at: int) -> int:
        """Three bytes, the first one high."""
        if at + 3 > self.end:
            raise Truncated
        return int.from_bytes(self.data[at : at + 3])

    def u4(self, at: int) -> int:
        """Four bytes, the first one high."""
        if at + 4 > self.end:
            raise Truncated
        return int.from_bytes(self.data[at : at + 4])

    def span(self, at: int, size: int) -> bytes:
        """``size`` bytes."""
        if not 0 <= size <= self.end - at:
            raise Truncated
        return self.data[at : at + size]

    def host(self, at: int) -> str:
        """The name or number of the IPv4 address there."""
        return self.names.host(self.u4(at))

    def sum(self, at: int, size: int, pseudo: int = 0) -> int:
        """``in_cksum``: 0 where the checksum in these bytes is right; ``pseudo`` is the sum of a pseudo header."""
        total = words(self.data[at : at + size]) + pseudo
        return 0xFFFF - ((total - 1) % 65535 + 1 if total else 0)

    # -- writing ---------------------------------------------------------------------------------------------------

    def put(self, text: str) -> None:
        """Print."""
        self.out.append(text)

    def truncated(self) -> None:
        """``[|ip]``."""
        self.out.append(f" [|{self.protocol}]")

    def invalid(self) -> None:
        """``(invalid)``."""
        self.out.append(" (invalid)")

    def unmodelled(self, what: str) -> None:
        """Say that the real tool would go on here with a protocol that podwire does not print."""
        space = "" if not self.out or self.out[-1].endswith((" ", "\n", "\t")) else " "
        self.out.append(f"{space}[podwire does not print {what}]")

    def default_print(self, at: int, size: int) -> None:
        """``ND_DEFAULTPRINT``: the bytes in hex and ASCII."""
        self._clipped(at, size, hex_and_ascii)

    def unknown_data(self, at: int, indent: str, size: int) -> None:
        """``print_unknown_data``: as many of the bytes as were captured, in hex."""
        self.out.append(hex_only(self.data[at : min(at + size, self.end)], indent))

    def _clipped(self, at: int, size: int, dump: Callable[[bytes, str], str]) -> None:
        stop = min(at + size, self.end)
        self.out.append(dump(self.data[at:stop], "\n\t"))
        if stop < at + size:
            raise Truncated

    # -- a frame ---------------------------------------------------------------------------------------------------

    def render(self, data: bytes, length: int, time: int, number: int) -> str:
        """The lines of one frame (``pretty_print_packet``).

        ``data`` is what was captured of the ``length`` bytes that it had, ``time`` in ns since the epoch, ``number``
        its place in the capture, from 1.
        """
        out = self.out = []
        options = self.options
        if options.number:
            out.append(f"{number:5}  ")
        if complaint := _header_complaint(len(data), length):
            out.append(f"{complaint}]\n")
            return "".join(out)
        out.append(self._stamp(time))
        self.data, self.end = data, len(data)
        self.protocol = ""
        self.header_length = 0
        try:
            self.header_length = self.printers.frame(self, length, len(data))
        except Truncated:
            self.truncated()
            self.header_length = 0
        self.end = len(data)
        if options.dump:
            self._dump()
        out.append("\n")
        return "".join(out)

    def _dump(self) -> None:
        """-X, -x and -A; given twice they show the link header too."""
        options = self.options
        if options.hex_ascii:
            twice, dump = options.hex_ascii > 1, hex_and_ascii
        elif options.hex:
            twice, dump = options.hex > 1, hex_only
        else:
            twice, dump = options.ascii > 1, ascii_only
        at = 0 if twice else self.header_length
        if len(self.data) > at:
            self.out.append(dump(self.data[at:], "\n\t"))

    # -- time ------------------------------------------------------------------------------------------------------

    def _stamp(self, time: int) -> str:
        """``ts_print``, in UTC."""
        style = self.options.stamp
        digits = 9 if self.options.nano else 6
        unit: int = 10**digits
        time = time * unit // 1_000_000_000
        if style == 0:
            return clock(time, unit, digits)
        if style == 1:
            return ""
        if style == 2:
            second, fraction = divmod(time, unit)
            if second & 0x80000000:
                return "[Error converting time] "
            return f"{second & 0xFFFFFFFF}.{fraction:0{digits}} "
        if style == 4:
            return clock(time, unit, digits, date=True)
        if not self._reference:
            self._reference = time
        delta = time - self._reference
        if style == 3:
            self._reference = time
        return f"{'-' if delta < 0 else ' '}{clock(abs(delta), unit, digits)}"


def clock(time: int, unit: int, digits: int, *, date: bool = False) -> str:
    """``HH:MM:SS.FRACTION`` and a blank, behind ``YYYY-MM-DD`` where asked for; ``unit`` is one second."""
    second, fraction = divmod(time, unit)
    if second & 0x80000000:
        return "[Error converting time] "
    day = f"{datetime.fromtimestamp(second, UTC):%Y-%m-%d} " if date else ""
    minute, second = divmod(second, 60)
    hour, minute = divmod(minute, 60)
    return f"{day}{hour % 24:02}:{minute:02}:{second:02}.{fraction:0{digits}} "


def _header_complaint(captured: int, length: int) -> str:
    """What is wrong with a record's own lengths: only a damaged file has such."""
    wrong = []
    if captured == 0:
        wrong.append(" caplen==0")
    if length == 0:
        wrong.append(" len==0")
    elif length < captured:
        wrong.append(f" len({length}) < caplen({captured})")
    if captured > MAXIMUM_SNAPLEN:
        wrong.append(f" caplen({captured}) > {MAXIMUM_SNAPLEN}")
    if length > MAXIMUM_SNAPLEN:
        wrong.append(f" len({length}) > {MAXIMUM_SNAPLEN}")
    return f"[Invalid header:{','.join(wrong)}" if wrong else ""


# ---------------------------------------------------------------------------------------------------------------- dumps


def hex_and_ascii(data: bytes, indent: str) -> str:
    """-X: 16 bytes a line, in pairs, and what of them is printable."""
    lines = []
    for at in range(0, len(data), 16):
        row = data[at : at + 16]
        digits = _pairs(row)
        lines.append(f"{indent}0x{at:04x}: {digits:<{_HEX_COLUMNS}}  {row.translate(_PRINTABLE).decode('ascii')}")
    return "".join(lines)


def hex_only(data: bytes, indent: str) -> str:
    """-x: the same without the right column."""
    return "".join(f"{indent}0x{at:04x}: {_pairs(data[at : at + 16])}" for at in range(0, len(data), 16))


def _pairs(row: bytes) -> str:
    return "".join(f" {row[at : at + 2].hex()}" for at in range(0, len(row), 2))


def ascii_only(data: bytes, indent: str) -> str:
    """-A: as text; a carriage return is dropped before a newline and among the last two bytes (sic)."""
    shown = bytearray()
    size = len(data)
    for at, byte in enumerate(data):
        if byte != 0x0D:
            shown.append(_TEXT[byte])
        elif at + 2 < size and data[at + 1] != 0x0A:
            shown.append(0x2E)
    return "\n" + shown.decode("ascii")


def bits(names: tuple[tuple[int, str], ...], value: int, none: str, separator: str = "") -> str:
    """``bittok2str``: the names of the bits that are set, in the order of the table; ``none`` where there are none."""
    return separator.join(name for bit, name in names if value & bit == bit) or none


def visible(data: bytes) -> str:
    """``fn_print_char`` of each byte: ``^A`` for control characters, ``M-`` before those above 127."""
    shown = []
    for byte in data:
        if byte & 0x80:
            byte &= 0x7F
            shown.append("M-")
        if not 0x20 <= byte <= 0x7E:
            byte ^= 0x40
            shown.append("^")
        shown.append(chr(byte))
    return "".join(shown)


def ipv6_text(address: bytes) -> str:
    """``addrtostr6``: the longest run of zero words as ``::``, an embedded IPv4 address dotted."""
    words = [int.from_bytes(address[at : at + 2]) for at in range(0, 16, 2)]
    run, start = 0, -1
    for at in range(8):
        length = next((n for n in range(8 - at) if words[at + n]), 8 - at)
        if length > max(run, 1):
            run, start = length, at
    if start == 0 and (run == 6 or (run == 5 and words[5] == 0xFFFF)):
        tail = "ffff:" if run == 5 else ""
        return f"::{tail}{Ip4.from_bytes(address[12:])}"
    if start < 0:
        return ":".join(f"{word:x}" for word in words)
    before = ":".join(f"{word:x}" for word in words[:start])
    after = ":".join(f"{word:x}" for word in words[start + run :])
    return f"{before}::{after}"
