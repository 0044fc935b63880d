"""The command line of ``traceroute`` (traceroute.c, option_list; clif.c reads it)."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NoReturn

import msgspec

from podwire.errors import NotModelled
from podwire.linux.services import UDP_PORTS
from podwire.tools.args import Exit
from podwire.tools.resolving.asking import known, why_not
from podwire.wire.addr import ANY4, Ip, Ip4, inet_aton

if TYPE_CHECKING:
    from podwire.tools.process import Process

_VERSION: Final = """\
Modern traceroute for Linux, version 2.1.2
Copyright (c) 2016  Dmitry Butskoy,   License: GPL v2 or any later
"""
_OPTIONS: Final = """
4 6 d/debug F/dont-fragment f/first=first_ttl g/gateway=gate,... I/icmp T/tcp i/interface=device m/max-hops=max_ttl
N/sim-queries=squeries n p/port=port t/tos=tos l/flowlabel=flow_label w/wait=MAX,HERE,NEAR q/queries=nqueries r s/source=src_addr
z/sendwait=sendwait e/extensions A/as-path-lookups M/module=name O/options=OPTS,... /sport=num /fwmark=num U/udp /UL D/dccp
P/protocol=prot /mtu /back V/version /help
"""
"""``letter/long=argument``."""
_ABBREVIATED: Final = ("dont-fragment", "extensions", "as-path-lookups")
_UINT: Final = re.compile(r"(0[xX][0-9a-fA-F]+|\d+)", re.ASCII)
_FLOAT: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_MAX_PACKET: Final = 65000


class Options(msgspec.Struct):
    """``method`` is ``default`` (UDP, a port for each probe), ``udp`` (one port) or ``icmp``; times in seconds."""

    method: str = "default"
    first: int = 1
    hops: int = 30
    queries: int = 3
    at_once: int = 16
    numeric: bool = False
    dont_fragment: bool = False
    dont_route: bool = False
    back: bool = False
    port: int = 0
    tos: int = 0
    mark: int = 0
    wait: float = 5.0
    here: float = 3.0
    near: float = 10.0
    pause: float = 0.0
    device: str | None = None
    source: Ip = ANY4
    packet: int = -1
    """The length of the whole packet; -1 for the default."""
    name: str = ""
    target: Ip = ANY4


class _Option(msgspec.Struct, frozen=True):
    letter: str
    long: str
    argument: str

    def shown(self, letter: str) -> str:
        """``show_short`` or ``show_long``."""
        return f"-{self.letter}" if letter else f"--{self.long}"


def _table() -> tuple[_Option, ...]:
    rows = []
    for word in _OPTIONS.split():
        names, _, argument = word.partition("=")
        letter, _, long = names.partition("/")
        rows.append(_Option(letter, long, argument))
    return tuple(rows)


_TABLE: Final = _table()
_SHORT: Final = MappingProxyType({option.letter: option for option in _TABLE if option.letter})


def stop(proc: Process, text: str) -> NoReturn:
    """``ex_error``, and what clif.c reports."""
    proc.error(f"{text}\n")
    raise Exit(2)


def parse(proc: Process) -> Options:
    """The options and the host; raises ``Exit``, ``NotModelled`` for what podwire lacks."""
    words = proc.argv
    if len(words) == 1:
        raise NotModelled("the help text", "traceroute")
    options = Options()
    operands: list[tuple[int, str]] = []
    only_operands = False
    index = 1
    while index < len(words):
        word = words[index]
        if only_operands or not word.startswith("-") or word == "-":
            operands.append((index, word))
        elif word == "--":
            only_operands = True
        elif word.startswith("--"):
            index = _long(proc, options, words, index)
        else:
            index = _short(proc, options, words, index)
        index += 1
    _arguments(proc, options, operands)
    _check(proc, options)
    return options


def _long(proc: Process, options: Options, words: list[str], index: int) -> int:
    name, equals, value = words[index][2:].partition("=")
    option = next((each for each in _TABLE if each.long and each.long == name), None)
    if option is None and len(name) >= 2:
        option = next((each for each in _TABLE if each.long in _ABBREVIATED and each.long.startswith(name)), None)
    if option is None or (equals and not option.argument):
        tail = f" (with arg `{value}')" if equals else ""
        stop(proc, f"Bad option `{words[index]}'{tail} (argc {index})")
    if option.argument and not equals:
        if index + 1 >= len(words):
            stop(
                proc,
                f"Option `--{option.long}' (argc {index}) requires an argument: `--{option.long}={option.argument}'",
            )
        index += 1
        value = words[index]
    _apply(proc, options, option, value, "", index)
    return index


def _short(proc: Process, options: Options, words: list[str], index: int) -> int:
    letters = words[index][1:]
    position = 0
    while position < len(letters):
        letter = letters[position]
        option = _SHORT.get(letter)
        if option is None:
            stop(proc, f"Bad option `-{letter}' (argc {index})")
        value = ""
        position += 1
        if option.argument:
            rest = letters[position:]
            if rest and position > 1:
                stop(proc, f"Option `-{letter}' (argc {index}) requires an argument: `-{letter} {option.argument}'")
            if not rest:
                if index + 1 >= len(words):
                    stop(proc, f"Option `-{letter}' (argc {index}) requires an argument: `-{letter} {option.argument}'")
                index += 1
            value = rest or words[index]
            position = len(letters)
        _apply(proc, options, option, value, letter, index)
    return index


def _apply(proc: Process, options: Options, option: _Option, value: str, letter: str, index: int) -> None:
    if _take(proc, options, option, value):
        return
    shown = option.shown(letter)
    stop(proc, f"Cannot handle `{shown}' option with arg `{value}' (argc {index})")


def _take(proc: Process, options: Options, option: _Option, value: str) -> bool:
    """False where the argument is none."""
    name = option.long or option.letter
    if name in _FLAGS:
        setattr(options, _FLAGS[name], True)
        return True
    if name in _COUNTS:
        return _count(options, name, value)
    match name:
        case "4":
            return True
        case "icmp" | "udp":
            options.method = name
        case "module":
            options.method = _module(proc, value)
        case "interface":
            options.device = value
        case "source":
            options.source = _address(proc, value) or ANY4
            return bool(options.source)
        case "port":
            return _port(options, value)
        case "wait":
            return _waits(options, value)
        case "sendwait":
            options.pause = float(value) if _FLOAT.fullmatch(value) else -1.0
            return bool(_FLOAT.fullmatch(value))
        case "version":
            proc.error(_VERSION)
            raise Exit(0)
        case _:
            raise NotModelled(f"option {'--' if option.long else '-'}{name}", "traceroute")
    return True


def _module(proc: Process, name: str) -> str:
    """``-M``."""
    if name in {"tcp", "tcpconn", "udplite", "dccp", "raw"}:
        raise NotModelled(f"module {name}", "traceroute")
    if name not in {"default", "icmp", "udp"}:
        stop(proc, f"Unknown traceroute module {name}")
    return name


_FLAGS: Final = MappingProxyType({"n": "numeric", "r": "dont_route", "dont-fragment": "dont_fragment", "back": "back"})
_COUNTS: Final = MappingProxyType(
    {
        "first": "first",
        "max-hops": "hops",
        "sim-queries": "at_once",
        "tos": "tos",
        "queries": "queries",
        "fwmark": "mark",
    }
)


def _count(options: Options, name: str, value: str) -> bool:
    if not _UINT.fullmatch(value):
        return False
    setattr(options, _COUNTS[name], _uint(value))
    return True


def _uint(text: str) -> int:
    """``strtoul`` with base 0."""
    if text[:2].lower() == "0x":
        return int(text, 16)
    return int(text, 8) if text.startswith("0") and text.isdecimal() and not set(text) & set("89") else int(text)


def _port(options: Options, value: str) -> bool:
    match = _UINT.match(value)
    if match is not None:
        options.port = _uint(match.group(1))
        return True
    known = UDP_PORTS.get(value)
    options.port = known or 0
    return known is not None


def _waits(options: Options, value: str) -> bool:
    """``MAX[,HERE[,NEAR]]``."""
    parts = value.split(",")
    if len(parts) > 3 or not all(_FLOAT.fullmatch(part) for part in parts):
        return False
    options.wait, options.here, options.near = (*map(float, parts), 0.0, 0.0)[:3]
    return True


def _address(proc: Process, text: str) -> Ip | None:
    """``getaddr``; None after its complaint."""
    found: Ip | None = inet_aton(text)
    if found is None:
        asked = known(proc, text)
        found = asked.ip4 or next(iter(asked.addresses), None)
    if found is None:
        proc.error(f"{text}: {why_not(proc, text)}\n")
        return None
    if not isinstance(found, Ip4):
        raise NotModelled("IPv6 addresses", "traceroute")
    return found


def _arguments(proc: Process, options: Options, operands: list[tuple[int, str]]) -> None:
    """The host, and the length of packets."""
    if not operands:
        stop(proc, 'Specify "host" missing argument.')
    if len(operands) > 2:
        index, word = operands[2]
        stop(proc, f"Extra arg `{word}' (position 3, argc {index})")
    index, word = operands[0]
    found = _address(proc, word)
    if found is None:
        stop(proc, f'Cannot handle "host" cmdline arg `{word}\' on position 1 (argc {index})')
    options.name, options.target = word, found
    if len(operands) > 1:
        index, word = operands[1]
        if not re.fullmatch(r"[+-]?\d+", word, re.ASCII):
            stop(proc, f'Cannot handle "packetlen" cmdline arg `{word}\' on position 2 (argc {index})')
        options.packet = int(word)


def _check(proc: Process, options: Options) -> None:
    if not 1 <= options.first <= options.hops:
        stop(proc, "first hop out of range")
    if options.hops > 255:
        stop(proc, "max hops cannot be more than 255")
    if not 1 <= options.queries <= 10:
        stop(proc, "no more than 10 probes per hop")
    if min(options.wait, options.here, options.near) < 0:
        stop(proc, f"bad wait specifications `{options.wait:g},{options.here:g},{options.near:g}' used")
    if options.packet > _MAX_PACKET:
        stop(proc, f"too big packetlen {options.packet} specified")
    if options.pause < 0:
        stop(proc, f"bad sendtime `{options.pause:g}' specified")
    if options.pause >= 10:
        options.pause /= 1000
