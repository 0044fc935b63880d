"""Elements of hash sets as the kernel stores them: the bytes that are hashed (``struct hash_*_elem`` of each type).

An element here is a tuple of integers, dimension by dimension: ``ip`` is one (the address), ``net`` two (address, prefix length),
``port`` two (port, protocol), ``mark`` and ``mac`` one.
"""

from __future__ import annotations

import struct
from types import MappingProxyType
from typing import Final

from podwire.linux.netfilter.ipset.hashtable import Pack
from podwire.wire.addr import AF_INET6

Element = tuple[int, ...]

_FIELDS: Final = MappingProxyType(
    {
        "hash:ip": ("A", (0,)),
        "hash:net": ("AxxxB", (0, 1)),
        "hash:ip,port": ("AHBx", (0, 1, 2)),
        "hash:ip,port,ip": ("AAHBx", (0, 3, 1, 2)),
        "hash:ip,port,net": ("AAHCB", (0, 3, 1, 4, 2)),
        "hash:net,port": ("AHBC", (0, 2, 3, 1)),
        "hash:net,net": ("AAxxBBp", (0, 2, 1, 3)),
        "hash:net,port,net": ("AAHBBxxxBp", (0, 4, 2, 1, 5, 3)),
        "hash:ip,mark": ("AL", (0, 1)),
        "hash:ip,mac": ("AM", (0, 1)),
        "hash:mac": ("M", (0,)),
    }
)
"""For each type the members of its structure, and where their values lie in the tuple.

A address, H port, B byte, C prefix length less one (it shares its byte with ``nomatch``), L number in the machine's byte order,
M a MAC address and two zeros, x a zero, p zeros up to a multiple of 8 where addresses are of IPv4 (they make one 64-bit number).
"""
_SIZES: Final = MappingProxyType({"H": 2, "B": 1, "C": 1, "L": 4, "M": 8})


def packer(name: str, family: int) -> Pack:
    """The function that gives the key of an element of that type."""
    shape, order = _FIELDS[name]
    width = 16 if family == AF_INET6 else 4
    if name == "hash:ip" and width == 4:
        return lambda element: (_swap(element[0]),)
    parts = []
    places = iter(order)
    for letter in shape:
        if letter not in "xp":
            place = next(places)
            parts.append((letter, place, width if letter == "A" else _SIZES[letter]))
        elif letter == "x":
            parts.append((letter, 0, 1))
    length = sum(size for _, _, size in parts)
    padding = -length % 8 if "p" in shape and width == 4 else 0
    words = struct.Struct(f"<{(length + padding) // 4}I")

    def pack(element: Element) -> tuple[int, ...]:
        data = b"".join(_bytes(letter, element[place], size) for letter, place, size in parts)
        return words.unpack(data + bytes(padding))

    return pack


def _bytes(letter: str, value: int, size: int) -> bytes:
    if letter == "x":
        return b"\0"
    if letter == "C":
        return (value - 1).to_bytes(1)
    if letter == "L":
        return value.to_bytes(4, "little")
    if letter == "M":
        return value.to_bytes(6) + b"\0\0"
    return value.to_bytes(size)


def _swap(value: int) -> int:
    """A number in network byte order, as the machine reads it."""
    return int.from_bytes(value.to_bytes(4), "little")
