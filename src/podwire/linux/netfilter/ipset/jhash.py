"""Jenkins' hash as the kernel has it (include/linux/jhash.h, jhash2): it decides in which bucket a member of a hash set lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_MASK: Final = 0xFFFFFFFF
_INITVAL: Final = 0xDEADBEEF
_BLOCK: Final = 3
"""Words that are mixed at once."""


def jhash2(words: Sequence[int], initval: int) -> int:
    """``jhash2``: the 32-bit hash of a key of 32-bit words, one at least."""
    length = len(words)
    a = b = c = _INITVAL + (length << 2) + initval & _MASK
    start = 0
    while length > _BLOCK:
        a, b, c = _mix(a + words[start] & _MASK, b + words[start + 1] & _MASK, c + words[start + 2] & _MASK)
        length -= _BLOCK
        start += _BLOCK
    if length == _BLOCK:
        c = c + words[start + 2] & _MASK
    if length > 1:
        b = b + words[start + 1] & _MASK
    return _final(a + words[start] & _MASK, b, c)


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    """``__jhash_mix``: three words, reversibly."""
    a = (a - c & _MASK) ^ ((c << 4 | c >> 28) & _MASK)
    c = c + b & _MASK
    b = (b - a & _MASK) ^ ((a << 6 | a >> 26) & _MASK)
    a = a + c & _MASK
    c = (c - b & _MASK) ^ ((b << 8 | b >> 24) & _MASK)
    b = b + a & _MASK
    a = (a - c & _MASK) ^ ((c << 16 | c >> 16) & _MASK)
    c = c + b & _MASK
    b = (b - a & _MASK) ^ ((a << 19 | a >> 13) & _MASK)
    a = a + c & _MASK
    c = (c - b & _MASK) ^ ((b << 4 | b >> 28) & _MASK)
    return a, b + a & _MASK, c


def _final(a: int, b: int, c: int) -> int:
    """``__jhash_final``: three words become one."""
    c = (c ^ b) - ((b << 14 | b >> 18) & _MASK) & _MASK
    a = (a ^ c) - ((c << 11 | c >> 21) & _MASK) & _MASK
    b = (b ^ a) - ((a << 25 | a >> 7) & _MASK) & _MASK
    c = (c ^ b) - ((b << 16 | b >> 16) & _MASK) & _MASK
    a = (a ^ c) - ((c << 4 | c >> 28) & _MASK) & _MASK
    b = (b ^ a) - ((a << 14 | a >> 18) & _MASK) & _MASK
    return (c ^ b) - ((b << 24 | b >> 8) & _MASK) & _MASK
