"""Addresses as integers that print themselves.

``Ip4``, ``Ip6`` and ``Mac`` are subclasses of ``int``: they hash, compare and mask at the speed of an integer, and
``str()`` gives the text that Linux tools print. The base class ``Ip`` carries ``bits`` and ``family`` (AF_INET 2,
AF_INET6 10) as class attributes, so that code which asks for them works for both families.
"""

from __future__ import annotations

import re
import socket
from typing import ClassVar, Final, Self

import msgspec

AF_INET: Final = 2
AF_INET6: Final = 10

_DOTTED = re.compile(r"(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})", re.ASCII)
_MAC = re.compile(r"[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2}){5}", re.ASCII)


class Mac(int):
    """A 48-bit Ethernet address. ``Mac.parse("ee:ee:ee:ee:ee:ee")``; an octet may have one digit, as in ``ip link``."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Mac:
        """Read ``aa:bb:cc:dd:ee:ff``; raises ``ValueError`` with the text for anything else."""
        if not _MAC.fullmatch(text):
            msg = f"not a MAC address: {text!r}"
            raise ValueError(msg)
        value = 0
        for octet in text.split(":"):
            value = value << 8 | int(octet, 16)
        return cls(value)

    def __str__(self) -> str:
        return self.to_bytes(6, "big").hex(":")

    def __repr__(self) -> str:
        return f"Mac('{self}')"

    @property
    def is_multicast(self) -> bool:
        """True for group addresses, the broadcast address included (IEEE 802: lowest bit of the first octet)."""
        return bool(self >> 40 & 1)


BROADCAST: Final = Mac(0xFFFFFFFFFFFF)
NO_MAC: Final = Mac(0)


class Ip(int):
    """An IP address of either family; never instantiated itself."""

    __slots__ = ()
    bits: ClassVar[int]
    family: ClassVar[int]

    @staticmethod
    def parse(text: str) -> Ip:
        """Read ``10.0.0.1`` or ``fe80::1``; raises ``ValueError`` with the text for anything else."""
        return Ip6.parse(text) if ":" in text else Ip4.parse(text)

    @property
    def is_multicast(self) -> bool:
        """224.0.0.0/4 or ff00::/8."""
        raise NotImplementedError

    @property
    def is_loopback(self) -> bool:
        """127.0.0.0/8 or ::1."""
        raise NotImplementedError


class Ip4(Ip):
    """An IPv4 address."""

    __slots__ = ()
    bits = 32
    family = AF_INET

    @classmethod
    def parse(cls, text: str) -> Ip4:
        """Read four decimal octets; raises ``ValueError`` with the text for anything else.

        As glibc's ``inet_pton``: no leading zeros, which other readers take for octal.
        """
        match = _DOTTED.fullmatch(text)
        if match:
            a, b, c, d = map(int, match.groups())
            if a < 256 and b < 256 and c < 256 and d < 256:
                return cls(a << 24 | b << 16 | c << 8 | d)
        msg = f"not an IPv4 address: {text!r}"
        raise ValueError(msg)

    def __str__(self) -> str:
        return f"{self >> 24}.{self >> 16 & 255}.{self >> 8 & 255}.{self & 255}"

    def __repr__(self) -> str:
        return f"Ip4('{self}')"

    @property
    def is_multicast(self) -> bool:
        return self >> 28 == 0xE

    @property
    def is_loopback(self) -> bool:
        return self >> 24 == 127

    @property
    def is_zeronet(self) -> bool:
        """0.0.0.0 alone, as the kernel's ``ipv4_is_zeronet``: since Linux 5.3 the rest of 0.0.0.0/8 is as good as any."""
        return self == 0

    @property
    def is_lbcast(self) -> bool:
        """255.255.255.255."""
        return self == 0xFFFFFFFF

    @property
    def is_link_local(self) -> bool:
        """169.254.0.0/16 (RFC 3927)."""
        return self >> 16 == 0xA9FE


class Ip6(Ip):
    """An IPv6 address."""

    __slots__ = ()
    bits = 128
    family = AF_INET6

    @classmethod
    def parse(cls, text: str) -> Ip6:
        """Read RFC 4291 text; raises ``ValueError`` with the text for anything else."""
        try:
            return cls.from_bytes(socket.inet_pton(socket.AF_INET6, text))
        except (OSError, ValueError):  # ValueError: a null byte, or half a surrogate pair
            msg = f"not an IPv6 address: {text!r}"
            raise ValueError(msg) from None

    def __str__(self) -> str:
        return socket.inet_ntop(socket.AF_INET6, self.to_bytes(16))  # the text that Linux tools print: ::ffff:10.0.0.1

    def __repr__(self) -> str:
        return f"Ip6('{self}')"

    @property
    def is_multicast(self) -> bool:
        return self >> 120 == 0xFF

    @property
    def is_loopback(self) -> bool:
        return self == 1

    @property
    def is_link_local(self) -> bool:
        """fe80::/10."""
        return self >> 118 == 0x3FA


ANY4: Final = Ip4(0)
LBCAST: Final = Ip4(0xFFFFFFFF)


def inet_aton(text: str) -> Ip4 | None:
    """An IPv4 address as the C library reads it: 1 to 4 parts, each decimal, octal or hexadecimal; ``10.2`` is 10.0.0.2."""
    parts: list[int] = []
    for part in text.split("."):
        if not re.fullmatch(r"0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*", part, re.ASCII):
            return None
        is_octal = len(part) > 1 and part[0] == "0" and part[1] not in "xX"
        parts.append(int(part, 8) if is_octal else int(part, 0))
    if len(parts) > 4 or any(octet > 255 for octet in parts[:-1]) or parts[-1] >= 1 << 8 * (5 - len(parts)):
        return None
    value = parts[-1]
    for index, octet in enumerate(parts[:-1]):
        value |= octet << 24 - 8 * index
    return Ip4(value)


def prefix_mask(bits: int, plen: int) -> int:
    """The netmask of ``plen`` leading ones in an address of ``bits`` bits, as an integer."""
    return (1 << bits) - (1 << (bits - plen))


class Net(msgspec.Struct, frozen=True, gc=False, order=True):
    """A prefix: ``addr`` with host bits clear and ``plen``. ``Net.parse("10.0.0.0/8")``."""

    addr: Ip
    plen: int

    @classmethod
    def parse(cls, text: str, *, strict: bool = True) -> Self:
        """Read ``ADDRESS/LENGTH`` or a bare address (full length).

        With ``strict`` host bits must be clear; otherwise they are cut. Raises ``ValueError`` naming the text.
        """
        head, slash, tail = text.partition("/")
        addr = Ip.parse(head)
        plen = addr.bits
        if slash:
            if not (tail.isascii() and tail.isdecimal() and len(tail) < 4 and int(tail) <= addr.bits):
                msg = f"not a prefix length (0 to {addr.bits}): {text!r}"
                raise ValueError(msg)
            plen = int(tail)
        base = int(addr) & prefix_mask(addr.bits, plen)
        if strict and base != addr:
            msg = f"host bits are set in {text!r}: the network is {type(addr)(base)}/{plen}"
            raise ValueError(msg)
        return cls(type(addr)(base), plen)

    @classmethod
    def of(cls, addr: Ip, plen: int) -> Self:
        """The prefix of length ``plen`` that holds ``addr``."""
        return cls(type(addr)(int(addr) & prefix_mask(addr.bits, plen)), plen)

    @property
    def family(self) -> int:
        """AF_INET or AF_INET6."""
        return self.addr.family

    @property
    def mask(self) -> Ip:
        """The netmask as an address."""
        return type(self.addr)(prefix_mask(self.addr.bits, self.plen))

    @property
    def broadcast(self) -> Ip:
        """The last address."""
        return type(self.addr)(int(self.addr) | (1 << (self.addr.bits - self.plen)) - 1)

    def __contains__(self, addr: Ip) -> bool:
        return addr.family == self.addr.family and (int(addr) ^ int(self.addr)) >> (addr.bits - self.plen) == 0

    def __str__(self) -> str:
        return f"{self.addr}/{self.plen}"
