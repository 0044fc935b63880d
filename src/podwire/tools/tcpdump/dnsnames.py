"""Domain names in DNS messages (RFC 1035 section 4.1.4; print-domain.c)."""

from __future__ import annotations

from typing import Final

from podwire.tools.tcpdump.dissect import Dissector, visible

_KIND: Final = 0xC0
_POINTER: Final = 0xC0
_EXTENDED: Final = 0x40
_BIT_LABEL: Final = 1
_LONGEST: Final = 255


class Cut(Exception):
    """A message is damaged or ends too early: ``[|domain]``."""


def skip_name(d: Dissector, at: int) -> int | None:
    """Where a name ends; None where it does not."""
    while d.has(at, 1):
        size = d.u1(at)
        at += 1
        if size == 0:
            return at
        kind = size & _KIND
        if kind == _POINTER:
            return at + 1
        if kind == _EXTENDED:
            if size & ~_KIND != _BIT_LABEL or not d.has(at, 1):
                return None
            at += 1 + ((d.u1(at) or 256) + 7) // 8
        elif kind:
            return None
        else:
            at += size
    return None


def name_print(d: Dissector, at: int, base: int) -> int:
    """Print a name; gives where it ends. Pointers count from ``base`` and lead backwards only."""
    length = _label_length(d, at)
    size = d.u1(at)
    furthest = at - base & 0xFFFFFFFF
    behind = None if size & _KIND == _POINTER else at + 1 + length
    compressed = False
    at += 1
    if size == 0:
        d.put(".")
        return _known(behind)
    letters = 0
    while size and at < d.end:
        if size & _KIND == _POINTER:
            if not compressed:
                behind, compressed = at + 1, True
            if not d.has(at, 1):
                raise Cut
            offset = (size << 8 | d.u1(at)) & 0x3FFF
            if offset >= furthest:
                d.put("<BAD PTR>")
                raise Cut
            furthest, at = offset, base + offset
        else:
            _label_print(d, at, size, length, letters)
            letters += length
            at += length
            if letters <= _LONGEST:
                d.put(".")
            letters += 1
        if not d.has(at, 1):
            raise Cut
        named = size & _KIND != _POINTER
        size = d.u1(at)
        length = _label_length(d, at)
        at += 1
        if named and not compressed:
            behind = _known(behind) + length + 1
    if letters > _LONGEST:
        d.put("<DOMAIN NAME TOO LONG>")
    return _known(behind)


def _known(at: int | None) -> int:
    if at is None:
        raise Cut
    return at


def _label_length(d: Dissector, at: int) -> int:
    if not d.has(at, 1):
        raise Cut
    size = d.u1(at)
    kind = size & _KIND
    if kind == _EXTENDED:
        element = size & ~_KIND
        if element != _BIT_LABEL:
            d.put(f"<ELT {element}>")
            raise Cut
        if not d.has(at + 1, 1):
            raise Cut
        return ((d.u1(at + 1) or 256) + 7) // 8 + 1
    if kind not in {0, _POINTER}:
        d.put("<BAD LABEL TYPE>")
        raise Cut
    return size


def _label_print(d: Dissector, at: int, size: int, length: int, letters: int) -> None:
    """One label; of an overlong name only the first 255 characters."""
    if size & _KIND == _EXTENDED:
        _bits_print(d, at)
    elif letters + length <= _LONGEST:
        text_print(d, at, length)
    elif letters < _LONGEST:
        text_print(d, at, _LONGEST - letters)


def text_print(d: Dissector, at: int, size: int) -> None:
    """``size`` characters; raises ``Cut`` behind the last that was captured."""
    stop = min(at + size, d.end)
    d.put(visible(d.data[at:stop]))
    if stop < at + size:
        raise Cut


def _bits_print(d: Dissector, at: int) -> None:
    """A label of bits (RFC 2673), in hex."""
    if not d.has(at, 1):
        raise Cut
    left = count = d.u1(at) or 256
    limit = at + 1 + (count + 3) // 4
    at += 1
    d.put("\\[x")
    while at < limit and left > 7:
        d.put(f"{d.u1(at):02x}")
        at, left = at + 1, left - 8
    if left > 4:
        d.put(f"{d.u1(at) & 0xFF << 8 - left:02x}")
    elif left > 0:
        d.put(f"{d.u1(at) >> 4 & 0x0F & 0x0F << 4 - left:1x}")
    d.put(f"/{count}]")
