"""Objects behind the quotation of an ICMP error (RFC 4884; print-icmp.c)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from podwire.tools.tcpdump.dissect import Dissector

_HEADER: Final = 136
"""The extension header stands 128 bytes behind the ICMP header, in front of everything that is longer."""
_CLASSES: Final = MappingProxyType({1: "MPLS Stack Entry", 2: "Interface Identification"})


def extensions_print(d: Dissector, at: int, length: int) -> None:
    """The objects of a message of ``length`` bytes, if it has any: a length field says so, or a checksum that fits."""
    if length <= _HEADER:
        return
    if not d.has(at, _HEADER + 5):
        d.truncated()
        return
    header = at + _HEADER
    rest = length - _HEADER
    if d.u1(at + 5) == 0 and d.has(header, rest) and d.sum(header, rest):
        return
    version = d.data[header] >> 4
    d.put(f"\n\tICMP Multi-Part extension v{version}")
    if version != 2:
        d.put(" packet not supported")
        return
    if d.has(header, rest):
        correct = "in" if d.sum(header, rest) else ""
        d.put(f", checksum 0x{d.u2(header + 2):04x} ({correct}correct), length {rest}")
    _objects_print(d, header + 4, rest - 4 & 0xFFFFFFFF)


def _objects_print(d: Dissector, at: int, rest: int) -> None:
    while rest > 4:
        if not d.has(at, 4):
            d.truncated()
            return
        size, number, kind = d.u2(at), d.u1(at + 2), d.u1(at + 3)
        at += 4
        d.put(f"\n\t  {_CLASSES.get(number, 'unknown')} Object ({number}), Class-Type: {kind}, length {size}")
        rest -= 4
        if number == 0 or size < 4:
            return
        size -= 4
        if number == 1 and kind == 1:
            label = d.u4(at)
            bottom = ", [S]" if label & 0x100 else ""
            d.put(f"\n\t    label {label >> 12}, tc {label >> 9 & 7}{bottom}, ttl {label & 0xFF}")
        else:
            d.unknown_data(at, "\n\t    ", size)
        if rest < size:
            return
        at, rest = at + size, rest - size
