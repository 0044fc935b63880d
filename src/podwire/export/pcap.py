"""Classic pcap files, and the header that stands for Ethernet in a capture on ``any``.

Sources: the pcap file format (draft-ietf-opsawg-pcap), the list of link types (LINKTYPE_…) of tcpdump.org and
LINKTYPE_LINUX_SLL2 there. What the reader says of a damaged file is what libpcap 1.10.3 says.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, Final, Protocol

import msgspec

from podwire.errors import NotModelled, PodwireError
from podwire.wire.addr import Mac

ETHERNET: Final = 1
RAW: Final = 101
"""Packets that begin with an IP header."""
LINUX_SLL2: Final = 276
"""Packets of several devices, each behind an ``Sll2`` header."""

ARPHRD_ETHER: Final = 1
ARPHRD_TUNNEL: Final = 768
ARPHRD_LOOPBACK: Final = 772

MAXIMUM_SNAPLEN: Final = 262144
"""Bytes of a packet that tcpdump keeps unless told otherwise, and the most that libpcap reads."""

_MAGIC: Final = 0xA1B2C3D4
_MAGIC_NANO: Final = 0xA1B23C4D
_PCAPNG: Final = b"\x0a\x0d\x0d\x0a"
_RECORD: Final = struct.Struct("<IIII")
_SLL2: Final = struct.Struct(">HHIHBB8s")


class CaptureError(PodwireError):
    """A capture file that cannot be read, or something that a capture file cannot hold."""


class ByteSink(Protocol):
    """What a writer needs of a file."""

    def write(self, data: bytes, /) -> object:
        """Append bytes."""


class Captured(msgspec.Struct, frozen=True, gc=False):
    """A packet of a capture: its time in ns since the epoch, the bytes kept, its length on the wire."""

    time: int
    data: bytes
    length: int


class PcapWriter:
    """Writes what ``tcpdump -w`` writes: little endian, microseconds; ``nano`` for nanoseconds.

    The header is written at once. The stream stays open, and is flushed by its owner.
    """

    __slots__ = ("_nano", "_snaplen", "_stream")

    def __init__(
        self, stream: ByteSink, linktype: int = ETHERNET, *, snaplen: int = MAXIMUM_SNAPLEN, nano: bool = False
    ) -> None:
        self._stream = stream
        self._snaplen = snaplen
        self._nano = nano
        magic = _MAGIC_NANO if nano else _MAGIC
        stream.write(struct.pack("<IHHiIII", magic, 2, 4, 0, 0, snaplen, linktype))

    def packet(self, time: int, data: bytes, length: int | None = None) -> None:
        """Append a packet of ``time`` ns; as many bytes of it are kept as ``snaplen`` says.

        ``length`` is what it had on the wire, where ``data`` is only its beginning.

        Raises ``CaptureError`` for a time before 1970 or after 2106, which a file cannot hold.
        """
        seconds, fraction = divmod(time, 1_000_000_000)
        kept = data[: self._snaplen]
        try:
            head = _RECORD.pack(
                seconds,
                fraction if self._nano else fraction // 1000,
                len(kept),
                len(data) if length is None else length,
            )
        except struct.error:
            raise CaptureError(f"a pcap file holds times of 32 bits of seconds, not {seconds}") from None
        self._stream.write(head + kept)


class PcapReader:
    """Reads a pcap file of either byte order, in micro- or nanoseconds. Iterating gives the packets.

    Both may raise ``CaptureError`` with libpcap's words; packets before the damage are given first. A pcapng file raises
    ``NotModelled``.
    """

    __slots__ = ("_record", "_stream", "_unit", "linktype", "snaplen")

    linktype: int
    snaplen: int

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        magic = self._take(4, "file header bytes")
        if magic == _PCAPNG:
            raise NotModelled("reading pcapng", "a capture file")
        order = "<" if magic[0] in (_MAGIC & 0xFF, _MAGIC_NANO & 0xFF) else ">"
        (number,) = struct.unpack(f"{order}I", magic)
        if number not in (_MAGIC, _MAGIC_NANO):
            raise CaptureError("unknown file format")
        self._unit = 1 if number == _MAGIC_NANO else 1000
        self._record = struct.Struct(f"{order}IIII")
        # libpcap counts 24 wanted bytes and, of those that came, only the ones behind the first 4.
        header = self._take(20, "file header bytes", wanted=24)
        major, minor, _, _, snaplen, linktype = struct.unpack(f"{order}HHiIII", header)
        if major < 2:
            raise CaptureError("archaic pcap savefile format")
        if (major, minor) not in ((2, 3), (2, 4)):
            raise CaptureError(f"unsupported pcap savefile version {major}.{minor}")
        self.snaplen = snaplen or MAXIMUM_SNAPLEN
        self.linktype = linktype & 0x03FFFFFF  # above: the length of a frame check sequence

    def __iter__(self) -> Iterator[Captured]:
        while head := self._take(16, "header bytes", end=True):
            seconds, fraction, kept, length = self._record.unpack(head)
            if kept > MAXIMUM_SNAPLEN:
                bound = f"snaplen of {self.snaplen}"
                if self.snaplen > MAXIMUM_SNAPLEN:
                    bound = f"maximum of {MAXIMUM_SNAPLEN}"
                raise CaptureError(f"invalid packet capture length {kept}, bigger than {bound}")
            data = self._take(kept, "captured bytes")
            yield Captured(seconds * 1_000_000_000 + fraction * self._unit, data[: self.snaplen], length)

    def _take(self, size: int, what: str, *, wanted: int = 0, end: bool = False) -> bytes:
        """The next ``size`` bytes; none at all only where the file may ``end``."""
        data = self._stream.read(size)
        if len(data) == size or (end and not data):
            return data
        raise CaptureError(f"truncated dump file; tried to read {wanted or size} {what}, only got {len(data)}")


class Sll2(msgspec.Struct, frozen=True, gc=False):
    """The header of a packet captured on ``any``: 20 bytes.

    ``protocol`` is the EtherType, ``arphrd`` the type of the device, ``pkttype`` 0 to us, 1 broadcast, 2 multicast,
    3 to another host, 4 sent by us. ``addr`` is the sender's link-layer address; of a longer one the first 8 bytes are there.
    """

    protocol: int
    ifindex: int
    arphrd: int
    pkttype: int
    addr: bytes = bytes(6)

    def to_bytes(self) -> bytes:
        """The header. Raises ``CaptureError`` for a value that does not fit."""
        try:
            return _SLL2.pack(
                self.protocol, 0, self.ifindex, self.arphrd, self.pkttype, len(self.addr), self.addr.ljust(8, b"\0")
            )
        except struct.error as error:
            raise CaptureError(f"no cooked header for {self}: {error}") from None

    @classmethod
    def from_bytes(cls, data: bytes) -> Sll2:
        """The header at the beginning of ``data``. Raises ``CaptureError`` where 20 bytes are not there."""
        if len(data) < _SLL2.size:
            raise CaptureError(f"a cooked header has {_SLL2.size} bytes, got {len(data)}")
        protocol, _, ifindex, arphrd, pkttype, size, addr = _SLL2.unpack_from(data)
        return cls(protocol, ifindex, arphrd, pkttype, addr[:size])


def sll2(protocol: int, ifindex: int, arphrd: int, pkttype: int, addr: Mac) -> bytes:
    """The cooked header of a device with Ethernet addresses, loopback included."""
    return Sll2(protocol, ifindex, arphrd, pkttype, addr.to_bytes(6)).to_bytes()


def cooked(frame: bytes, ifindex: int, arphrd: int, pkttype: int) -> bytes:
    """An Ethernet frame as a capture on ``any`` holds it: sender and EtherType move into the cooked header."""
    if len(frame) < 14:
        raise CaptureError(f"an Ethernet header has 14 bytes, got {len(frame)}")
    return Sll2(int.from_bytes(frame[12:14]), ifindex, arphrd, pkttype, frame[6:12]).to_bytes() + frame[14:]
