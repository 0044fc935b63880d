"""pcapng files with what other writers leave out: nanoseconds, names of devices, comments, directions, names of hosts.

Source: draft-ietf-opsawg-pcapng. Blocks are little endian; every length is padded to 4 bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from podwire.export.pcap import ETHERNET, ByteSink, CaptureError
from podwire.wire.addr import Ip

_SECTION: Final = 0x0A0D0D0A
_INTERFACE: Final = 1
_NAMES: Final = 4
_PACKET: Final = 6

_BYTE_ORDER: Final = 0x1A2B3C4D

_COMMENT: Final = 1  # opt_comment, in every block
_IF_NAME: Final = 2
_IF_TSRESOL: Final = 9
_EPB_FLAGS: Final = 2
_SHB_USERAPPL: Final = 4

_INBOUND: Final = 1
_OUTBOUND: Final = 2

_NRB_IPV4: Final = 1
_NRB_IPV6: Final = 2

_LONGEST: Final = 0xFFFF
"""Bytes that the value of an option may have."""

_PACKET_HEAD: Final = struct.Struct("<IIIIIII")
_LENGTH: Final = struct.Struct("<I")
_PADDING: Final = (b"", b"\0\0\0", b"\0\0", b"\0")
"""By length modulo 4."""
_END: Final = bytes(4)
"""End of options, and end of name records."""


class PcapngWriter:
    """Writes one section. The stream stays open, and is flushed by its owner."""

    __slots__ = ("_interfaces", "_write")

    def __init__(self, stream: ByteSink) -> None:
        self._write = stream.write
        self._interfaces = 0
        # -1: the length of the section is not known.
        self._block(_SECTION, struct.pack("<IHHq", _BYTE_ORDER, 1, 0, -1) + _option(_SHB_USERAPPL, b"podwire") + _END)

    def interface(self, name: str, linktype: int = ETHERNET) -> int:
        """Describe a device, ``node1:eth0``; the number it gives goes into ``packet``. Times are in ns."""
        options = _option(_IF_NAME, name.encode()) + _option(_IF_TSRESOL, b"\x09") + _END
        self._block(_INTERFACE, struct.pack("<HHI", linktype, 0, 0) + options)  # 0: no packet was cut
        self._interfaces += 1
        return self._interfaces - 1

    def packet(self, interface: int, time: int, data: bytes, comment: str = "", outbound: bool | None = None) -> None:  # noqa: FBT001 - three values, and None is common
        """Append a packet seen on an interface at ``time`` ns since the epoch.

        ``comment`` of more than 65535 bytes becomes several. Raises ``CaptureError`` for an unknown interface and for a
        time that is negative.
        """
        if interface >= self._interfaces:
            raise CaptureError(f"interface {interface} of {self._interfaces} is not described")
        size = len(data)
        options = _packet_options(comment, outbound) if comment or outbound is not None else b""
        total = 32 + (size + 3 & ~3) + len(options)
        try:
            head = _PACKET_HEAD.pack(_PACKET, total, interface, time >> 32, time & 0xFFFFFFFF, size, size)
        except struct.error:
            raise CaptureError(f"no packet of interface {interface} at {time} ns") from None
        self._write(b"".join((head, data, _PADDING[size & 3], options, _LENGTH.pack(total))))

    def names(self, names: Mapping[Ip, str | Sequence[str]]) -> None:
        """Say what addresses are called. Readers that read once use a name from here on: write it before the packets."""
        records = []
        for ip, known in names.items():
            kind, size = (_NRB_IPV4, 4) if ip.bits == 32 else (_NRB_IPV6, 16)
            texts = (known,) if isinstance(known, str) else known
            records.append(_option(kind, ip.to_bytes(size) + b"".join(text.encode() + b"\0" for text in texts)))
        self._block(_NAMES, b"".join(records) + _END)

    def _block(self, kind: int, body: bytes) -> None:
        total = len(body) + 12
        self._write(struct.pack("<II", kind, total) + body + _LENGTH.pack(total))


def _option(code: int, value: bytes) -> bytes:
    """An option, or a name record, which has the same form."""
    if len(value) > _LONGEST:
        raise CaptureError(f"{len(value)} bytes where pcapng holds {_LONGEST}: {value[:40]!r} …")
    return struct.pack("<HH", code, len(value)) + value + _PADDING[len(value) & 3]


def _packet_options(comment: str, outbound: bool | None) -> bytes:  # noqa: FBT001 - as in PcapngWriter.packet
    options = b"".join(_option(_COMMENT, piece) for piece in _pieces(comment))
    if outbound is not None:
        options += _option(_EPB_FLAGS, _LENGTH.pack(_OUTBOUND if outbound else _INBOUND))
    return options + _END


def _pieces(text: str) -> Iterator[bytes]:
    """UTF-8 in pieces that an option can hold, none of which ends within a character."""
    data = text.encode()
    while len(data) > _LONGEST:
        end = _LONGEST
        while data[end] & 0xC0 == 0x80:
            end -= 1
        yield data[:end]
        data = data[end:]
    if data:
        yield data
