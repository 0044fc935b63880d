"""Words of a command line: abbreviations, numbers, addresses, and how iproute2 says that one is wrong."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from podwire.errors import NotModelled
from podwire.wire.addr import AF_INET, AF_INET6, Ip, Ip4, Ip6, Mac

AF_UNSPEC: Final = 0
AF_PACKET: Final = 17
AF_BRIDGE: Final = 7
AF_MPLS: Final = 28
FAMILIES: Final = {"inet": AF_INET, "inet6": AF_INET6, "link": AF_PACKET, "mpls": AF_MPLS, "bridge": AF_BRIDGE}
_FAMILY_NAMES: Final = {number: name for name, number in FAMILIES.items()} | {AF_UNSPEC: "any valid"}

_NUMBER: Final = re.compile(r"[ \t\n\v\f\r]*([+-]?)(0[xX][0-9a-fA-F]+|\d+)", re.ASCII)
_HEX: Final = re.compile(r"[ \t\n\v\f\r]*([+-]?)(?:0[xX])?([0-9a-fA-F]+)", re.ASCII)
_UNSIGNED: Final = 0xFFFFFFFF
_IFNAMSIZ: Final = 16

USAGE: Final = "Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }\n"


class Fail(Exception):
    """The command ends here: ``status`` is its exit status, ``message`` what it says on standard error.

    ``exits``: the real tool calls exit() there, which ends a batch too. It does so wherever it ends with 255, and elsewhere if
    that is said; otherwise it returns.
    """

    def __init__(self, status: int, message: str, *, exits: bool | None = None) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message
        self.exits = status == 255 if exits is None else exits


def wrong(message: str, word: str) -> Fail:
    """``invarg``: some messages bring a newline of their own, which leaves an empty line."""
    return Fail(255, f'Error: argument "{word}" is wrong: {message}\n')


def twice(key: str, word: str) -> Fail:
    """``duparg``."""
    return Fail(255, f'Error: duplicate "{key}": "{word}" is the second value.\n')


def garbage(key: str, word: str) -> Fail:
    """``duparg2``."""
    return Fail(255, f'Error: either "{key}" is duplicate, or "{word}" is a garbage.\n')


def no_device(name: str) -> Fail:
    """``nodev``."""
    return Fail(1, f'Cannot find device "{name}"\n')


def usage(what: str) -> NotModelled:
    """The long help of an object: real, and not copied here."""
    return NotModelled(f"the help text of {what}", "ip")


def matches(prefix: str, *words: str) -> bool:
    """``matches``: an abbreviation of one of the words; the empty word abbreviates none."""
    return bool(prefix) and any(word.startswith(prefix) for word in words)


class Words:
    """The rest of a command line, read from the left."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._words)

    @property
    def left(self) -> int:
        """How many words are still to be read."""
        return len(self._words) - self._at

    def take(self) -> str:
        """The next word; there has to be one."""
        word = self._words[self._at]
        self._at += 1
        return word

    def value(self) -> str:
        """``NEXT_ARG``: the word after a keyword."""
        if not self:
            raise Fail(255, 'Command line is not complete. Try option "help"\n')
        return self.take()

    def back(self) -> None:
        """Unread the last word."""
        self._at -= 1

    def rest(self) -> list[str]:
        """All that is left, unread."""
        return self._words[self._at :]


# -- numbers ------------------------------------------------------------------------------------------------------


def _strtol(text: str) -> tuple[int, str] | None:
    """C's ``strtol`` with base 0: the number and what follows it."""
    match = _NUMBER.match(text)
    if match is None:
        return None
    sign, digits = match.groups()
    rest = text[match.end() :]
    if digits[:2].lower() == "0x":
        value = int(digits, 16)
    elif digits[0] == "0":
        octal = re.match("[0-7]*", digits)
        assert octal is not None  # noqa: S101 - the pattern matches anything
        value, rest = int(octal[0], 8), digits[octal.end() :] + rest
    else:
        value = int(digits)
    return -value if sign == "-" else value, rest


def number(text: str, limit: int = _UNSIGNED) -> int | None:
    """``get_unsigned``, ``get_u32`` … up to ``limit``; None where it is no such number. A minus wraps around in 64 bits."""
    parsed = _strtol(text)
    if parsed is None or parsed[1]:
        return None
    value = parsed[0] if parsed[0] >= 0 else parsed[0] + (1 << 64)
    return value if 0 <= value <= limit else None


def integer(text: str) -> int | None:
    """``get_integer``: a signed number of 32 bits."""
    parsed = _strtol(text)
    if parsed is None or parsed[1] or not -0x80000000 <= parsed[0] <= 0x7FFFFFFF:
        return None
    return parsed[0]


def hexadecimal(text: str, limit: int) -> int | None:
    """``strtoul`` with base 16."""
    match = _HEX.fullmatch(text)
    if match is None:
        return None
    value = int(match[2], 16)
    if match[1] == "-" and value:
        return None
    return value if value <= limit else None


# -- addresses ----------------------------------------------------------------------------------------------------


class Prefix(msgspec.Struct, frozen=True):
    """``inet_prefix``. ``addr`` is None for ``any`` and ``default``; ``given`` says that the length was written."""

    family: int
    addr: Ip | None
    plen: int
    given: bool = False

    def holds(self, addr: Ip) -> bool:
        """``inet_addr_match`` on the first ``plen`` bits."""
        mine = int(self.addr) if self.addr is not None else 0
        return (mine ^ int(addr)) >> (addr.bits - self.plen) == 0


def ipv4_of(text: str) -> Ip4 | None:
    """``get_addr_ipv4``: octets, from the left; None where it is no address."""
    # Neither inet_aton nor inet_pton: 10.8 is 10.8.0.0, and each octet may be octal or hexadecimal.
    value, rest = 0, text
    for index in range(4):
        parsed = _strtol(rest)
        if parsed is None or not 0 <= parsed[0] <= 255:
            return None
        value |= parsed[0] << (24 - 8 * index)
        rest = parsed[1]
        if not rest:
            return Ip4(value)
        if index == 3 or rest[0] != ".":
            return None
        rest = rest[1:]
    return None


def _address(text: str, family: int) -> Prefix | None:
    """``get_addr_1``; ``plen`` is -1 where it follows from the family, -2 for the words that mean none."""
    if family in {AF_PACKET, AF_MPLS, AF_BRIDGE}:
        raise NotModelled(f"addresses of family {_FAMILY_NAMES[family]}", "ip")
    if text == "default":
        return Prefix(family, None, -2, given=True)
    if text in {"all", "any"}:
        return Prefix(family, None, -2)
    if ":" in text:
        if family not in {AF_UNSPEC, AF_INET6}:
            return None
        try:
            return Prefix(AF_INET6, Ip6.parse(text), -1)
        except ValueError:
            return None
    found = ipv4_of(text) if family in {AF_UNSPEC, AF_INET} else None
    return None if found is None else Prefix(AF_INET, found, -1)


def address(text: str, family: int) -> Prefix:
    """``get_addr``: an address without a length, or the end of the command."""
    found = _address(text, family)
    if found is None:
        raise Fail(1, f'Error: {_FAMILY_NAMES[family]} address is expected rather than "{text}".\n', exits=True)
    return found


def _netmask(text: str) -> int | None:
    plain = number(text)
    if plain is not None:
        return plain
    mask = ipv4_of(text)
    if mask is None:
        return None
    host = ~int(mask) & _UNSIGNED
    return int(mask).bit_count() if host & (host + 1) == 0 else None


def prefix(text: str, family: int) -> Prefix:
    """``get_prefix``: an address with or without a length, or the end of the command."""
    if family == AF_PACKET:
        raise Fail(1, f'Error: "{text}" may be inet prefix, but it is not allowed in this context.\n', exits=True)
    head, slash, tail = text.partition("/")
    found = _address(head, family)
    bits = 0 if found is None else {AF_INET: 32, AF_INET6: 128}.get(found.family, 0)
    plen = _netmask(tail) if slash else bits
    if found is None or plen is None or plen > bits or (slash and found.plen == -2):
        raise Fail(1, f'Error: {_FAMILY_NAMES[family]} prefix is expected rather than "{text}".\n', exits=True)
    if found.plen == -2:
        plen = 0
    return Prefix(found.family, found.addr, plen, given=found.given or bool(slash))


def octets(text: str, limit: int = 32) -> list[int]:
    """``ll_addr_a2n``: a link-layer address as its octets, however many."""
    if "." in text:
        quad = ipv4_of(text)
        if quad is None:
            raise Fail(1, f'"{text}" is invalid lladdr.\n')
        return list(int(quad).to_bytes(4, "big"))
    values: list[int] = []
    for part in text.split(":")[:limit]:
        match = _HEX.match(part)
        value = int(match[1] + match[2], 16) if match else -1
        if not 0 <= value <= 255:
            raise Fail(1, f'"{part}" is invalid lladdr.\n')
        values.append(value)
    return values


def mac_of(values: list[int]) -> Mac:
    """The MAC address of six octets."""
    return Mac(int.from_bytes(bytes(values[:6]), "big"))


def is_ifname(name: str) -> bool:
    """``check_ifname``."""
    return len(name.encode()) < _IFNAMSIZ and is_altname(name)


def is_altname(name: str) -> bool:
    """``check_altifname``: no length is checked."""
    return bool(name) and "/" not in name and not any(char in " \t\n\v\f\r" for char in name)
