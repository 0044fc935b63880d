"""The command line of tcpdump 4.99.3: ``getopt_long`` as glibc does it, and what each option sets.

An option that the real tool has and podwire does not model raises ``NotModelled``; what the real tool refuses raises
``Refused`` with its words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from podwire.errors import NotModelled
from podwire.tools.tcpdump.dissect import MAXIMUM_SNAPLEN
from podwire.tools.tcpdump.numbers import LINK_TYPES

VERSION: Final = """\
tcpdump version 4.99.3
libpcap version 1.10.3 (with TPACKET_V3)
OpenSSL 3.0.19 27 Jan 2026
"""
USAGE: Final = (
    VERSION
    + """\
Usage: tcpdump [-AbdDefhHIJKlLnNOpqStuUvxX#] [ -B size ] [ -c count ] [--count]
		[ -C file_size ] [ -E algo:secret ] [ -F file ] [ -G seconds ]
		[ -i interface ] [ --immediate-mode ] [ -j tstamptype ]
		[ -M secret ] [ --number ] [ --print ] [ -Q in|out|inout ]
		[ -r file ] [ -s snaplen ] [ -T type ] [ --version ]
		[ -V file ] [ -w file ] [ -W filecount ] [ -y datalinktype ]
		[ --time-stamp-precision precision ] [ --micro ] [ --nano ]
		[ -z postrotate-command ] [ -Z user ] [ expression ]
"""
)

_SHORT: Final = "aAbB:c:C:dDeE:fF:G:hHi:Ij:JKlLm:M:nNOpqQ:r:s:StT:uUvV:w:W:xXy:Yz:Z:#"
_LONG: Final = MappingProxyType(
    {
        "buffer-size": "B",
        "list-interfaces": "D",
        "help": "h",
        "interface": "i",
        "monitor-mode": "I",
        "time-stamp-type": "j",
        "list-time-stamp-types": "J",
        "micro": "micro",
        "nano": "nano",
        "time-stamp-precision": "precision",
        "dont-verify-checksums": "K",
        "list-data-link-types": "L",
        "no-optimize": "O",
        "no-promiscuous-mode": "p",
        "direction": "Q",
        "snapshot-length": "s",
        "absolute-tcp-sequence-numbers": "S",
        "packet-buffered": "U",
        "linktype": "y",
        "immediate-mode": "immediate",
        "debug-filter-parser": "Y",
        "relinquish-privileges": "Z",
        "count": "count",
        "fp-type": "fp-type",
        "number": "#",
        "print": "print",
        "version": "version",
    }
)
"""In the order of tcpdump's table: so they are listed where an abbreviation is ambiguous."""
_TAKE_A_VALUE: Final = frozenset("BiQjsyZ") | {"precision"}


class Refused(Exception):
    """tcpdump says this and ends with status 1. ``usage``: its usage follows."""

    def __init__(self, message: str, *, usage: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.usage = usage


class Answered(Exception):
    """tcpdump prints this on standard output and ends with status 0."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Options(msgspec.Struct):
    """What was asked for. The counts say how often a letter was given."""

    interface: str | None = None
    count: int = -1
    read: str | None = None
    write: str | None = None
    print_too: bool = False
    """``--print``: print although a file is written."""
    count_only: bool = False
    """``--count``: with ``-r``, print how many there are."""
    list_interfaces: bool = False
    list_link_types: bool = False
    link_type: str | None = None
    foreign: bool = False
    """``-f``: names only for addresses of the device's own network."""
    own_only: bool = False
    """``-p``: the device is not made to take what is for others."""
    snaplen: int = 0
    direction: str = ""
    filter_file: str | None = None
    words: list[str] = []
    """The filter expression."""
    unoptimized: bool = False
    unbuffered: bool = False
    """``-U``: each packet stands in the file at once."""

    numeric: int = 0
    short_names: bool = False
    verbose: int = 0
    link_level: int = 0
    quick: int = 0
    stamp: int = 0
    nano: bool = False
    absolute: bool = False
    no_checksums: bool = False
    number: bool = False
    hex: int = 0
    hex_ascii: int = 0
    ascii: int = 0
    vxlan: bool = False
    """``-T vxlan``: take every UDP payload for VXLAN."""

    @property
    def no_default_print(self) -> bool:
        """An unknown EtherType is not dumped where something else says how to print."""
        return bool(self.quick or self.hex or self.hex_ascii)

    @property
    def dump(self) -> bool:
        """The bytes of every packet are printed."""
        return bool(self.hex or self.hex_ascii or self.ascii)


def parse(argv: list[str]) -> Options:
    """Read a command line; ``argv[0]`` is the command."""
    name = argv[0]
    options = Options()
    words: list[str] = []
    pending = argv[1:]
    while pending:
        word = pending.pop(0)
        if word == "--":
            words += pending
            break
        if word.startswith("--"):
            _long(options, name, word[2:], pending)
        elif word.startswith("-") and word != "-":
            _cluster(options, name, word[1:], pending)
        else:
            words.append(word)
    options.words = words
    return options


def _cluster(options: Options, name: str, letters: str, pending: list[str]) -> None:
    """``-nni``: letters behind one dash; the rest, or the next word, is the value of one that takes a value."""
    while letters:
        letter, letters = letters[0], letters[1:]
        at = _SHORT.find(letter)
        if at < 0 or letter == ":":
            raise Refused(f"{name}: invalid option -- '{letter}'", usage=True)
        if _SHORT[at + 1 : at + 2] != ":":
            _set(options, letter, f"-{letter}")
            continue
        if not letters and not pending:
            raise Refused(f"{name}: option requires an argument -- '{letter}'", usage=True)
        _set(options, letter, f"-{letter}", letters or pending.pop(0))
        return


def _long(options: Options, name: str, text: str, pending: list[str]) -> None:
    """``--interface eth0``, ``--interface=eth0``, ``--int eth0``."""
    word, has_value, value = text.partition("=")
    found = [long for long in _LONG if long == word] or [long for long in _LONG if long.startswith(word)]
    if not found:
        raise Refused(f"{name}: unrecognized option '--{word}'", usage=True)
    if len(found) > 1:
        possible = "".join(f" '--{long}'" for long in found)
        raise Refused(f"{name}: option '--{text}' is ambiguous; possibilities:{possible}", usage=True)
    long = found[0]
    key = _LONG[long]
    if key not in _TAKE_A_VALUE:
        if has_value:
            raise Refused(f"{name}: option '--{long}' doesn't allow an argument", usage=True)
        _set(options, key, f"--{long}")
        return
    if not has_value:
        if not pending:
            raise Refused(f"{name}: option '--{long}' requires an argument", usage=True)
        value = pending.pop(0)
    _set(options, key, f"--{long}", value)


def check(options: Options) -> None:
    """What tcpdump checks once it has read all options."""
    if options.stamp > 5:
        raise Refused("only -t, -tt, -ttt, -tttt and -ttttt are supported")
    if options.foreign and options.read is not None:
        raise Refused("-f can not be used with -V or -r")


# ------------------------------------------------------------------------------------------------- what an option does

_COUNTED: Final = MappingProxyType(
    {"A": "ascii", "e": "link_level", "n": "numeric", "q": "quick", "t": "stamp", "v": "verbose", "x": "hex"}
    | {"X": "hex_ascii"}
)
_FLAGS: Final = MappingProxyType(
    {
        "D": "list_interfaces",
        "K": "no_checksums",
        "N": "short_names",
        "S": "absolute",
        "#": "number",
        "count": "count_only",
        "print": "print_too",
        "nano": "nano",
        "O": "unoptimized",
        "U": "unbuffered",
        "L": "list_link_types",
        "f": "foreign",
        "p": "own_only",
    }
)
_TEXTS: Final = MappingProxyType({"i": "interface", "r": "read", "w": "write", "F": "filter_file"})
_WITHOUT_EFFECT: Final = frozenset({"a", "l", "u", "immediate"})
"""They change when and how the real tool does its work, not what it prints here."""
_PACKET_TYPES: Final = frozenset(
    "vat wb rpc rtp rtcp snmp cnfp tftp aodv carp radius zmtp1 pgm pgm_zmtp1 lmp resp ptp someip domain".split()
)


def _set(options: Options, key: str, written: str, value: str = "") -> None:
    if key in _COUNTED:
        field = _COUNTED[key]
        setattr(options, field, getattr(options, field) + 1)
    elif key in _FLAGS:
        setattr(options, _FLAGS[key], True)
    elif key in _TEXTS:
        setattr(options, _TEXTS[key], value)
    elif key in _SPECIAL:
        _SPECIAL[key](options, value)
    elif key not in _WITHOUT_EFFECT:
        raise NotModelled(f"option {written}", "tcpdump")


def _help(options: Options, value: str) -> None:
    raise Answered(USAGE)


def _version(options: Options, value: str) -> None:
    raise Answered(VERSION)


def _count(options: Options, value: str) -> None:
    options.count = _atoi(value)
    if options.count <= 0:
        raise Refused(f"invalid packet count {value}")


def _buffer(options: Options, value: str) -> None:
    if _atoi(value) <= 0:
        raise Refused(f"invalid packet buffer size {value}")


def _snaplen(options: Options, value: str) -> None:
    size = _strtol(value)
    if size is None or not 0 <= size <= MAXIMUM_SNAPLEN:
        raise Refused(f"invalid snaplen {value} (must be >= 0 and <= {MAXIMUM_SNAPLEN})")
    options.snaplen = size


def _direction(options: Options, value: str) -> None:
    options.direction = value.lower()
    if options.direction not in {"in", "out", "inout"}:
        raise Refused(f"unknown capture direction `{value}'")


def _packet_type(options: Options, value: str) -> None:
    word = value.lower()
    if word in _PACKET_TYPES:
        raise NotModelled(f"option -T {word}", "tcpdump")
    if word != "vxlan":
        raise Refused(f"unknown packet type `{value}'")
    options.vxlan = True


def _link_type(options: Options, value: str) -> None:
    options.link_type = value.upper()
    if options.link_type not in LINK_TYPES:
        raise Refused(f"invalid data link type {value}")


def _precision(options: Options, value: str) -> None:
    if value not in {"micro", "nano"}:
        raise Refused("unsupported time stamp precision")
    options.nano = value == "nano"


def _micro(options: Options, value: str) -> None:
    options.nano = False


_SPECIAL: Final[Mapping[str, Callable[[Options, str], None]]] = MappingProxyType(
    {
        "h": _help,
        "version": _version,
        "c": _count,
        "B": _buffer,
        "s": _snaplen,
        "Q": _direction,
        "T": _packet_type,
        "y": _link_type,
        "precision": _precision,
        "micro": _micro,
    }
)


def _atoi(text: str) -> int:
    match = re.match(r"\s*([+-]?\d+)", text, re.ASCII)
    return int(match[1]) if match else 0


def _strtol(text: str) -> int | None:
    """``strtol`` with base 0; None where something is left over."""
    match = re.fullmatch(r"\s*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*)", text, re.ASCII)
    if match is None:
        return None
    digits = match[2]
    base = 16 if digits[:2] in {"0x", "0X"} else 8 if digits[0] == "0" else 10
    return int(f"{match[1]}{digits}", base)
