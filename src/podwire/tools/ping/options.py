"""The command line of ``ping``: options, their arguments and what is wrong with them, in the order in which getopt meets them."""

from __future__ import annotations

import re
from errno import EDESTADDRREQ, ERANGE
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import NotModelled
from podwire.linux.socket import PMTUDISC_DO, PMTUDISC_DONT, PMTUDISC_WANT
from podwire.tools.args import INT_MAX, LONG_MAX, BadOption, Exit, Getopt, fail, number, warn
from podwire.tools.ping.text import USAGE, VERSION
from podwire.wire.addr import Ip, Ip4

if TYPE_CHECKING:
    from podwire.tools.process import Process

_LETTERS: Final = "h?4bRT:6F:N:aABc:CdDe:fi:I:l:Lm:M:nOp:qQ:rs:S:t:UvVw:W:"
_FLOAT: Final = re.compile(r"\s*[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf(inity)?|nan)", re.ASCII | re.IGNORECASE)
_PMTUDISC: Final = {"do": PMTUDISC_DO, "dont": PMTUDISC_DONT, "want": PMTUDISC_WANT}
_FLAGS: Final = {
    "a": "audible",
    "A": "adaptive",
    "b": "broadcast",
    "B": "strict_source",
    "D": "timestamps",
    "L": "no_loop",
    "n": "numeric",
    "O": "outstanding",
    "q": "quiet",
    "r": "dont_route",
    "U": "latency",
    "v": "verbose",
}


class Options(msgspec.Struct):
    """``struct ping_rts`` as far as options fill it. Times in ms, ``deadline`` in s."""

    audible: bool = False
    adaptive: bool = False
    broadcast: bool = False
    strict_source: bool = False
    timestamps: bool = False
    flood: bool = False
    numeric: bool = False
    outstanding: bool = False
    quiet: bool = False
    dont_route: bool = False
    latency: bool = False
    no_loop: bool = False
    verbose: bool = False
    ipv4: bool = False
    ipv6: bool = False
    missing: str = ""
    """An option that exists and is not modelled; it is said once the rest was found to be in order."""
    count: int = 0
    ident: int = -1
    interval: int = 1000
    interval_given: bool = False
    source: Ip = Ip4(0)
    device: str = ""
    preload: int = 1
    mark: int = 0
    pmtudisc: int | None = None
    pattern: str | None = None
    tos: int = 0
    size: int = 56
    sndbuf: int = 0
    ttl: int | None = None
    deadline: int = 0
    linger: int = 10_000


def parse(proc: Process) -> tuple[Options, list[str]]:
    """The options and the destinations; raises ``Exit`` where the real one ends, ``NotModelled`` for what it can and podwire cannot."""
    options = Options()
    reader = Getopt(proc, _LETTERS)
    try:
        for letter, argument in reader:
            if letter in _FLAGS:
                setattr(options, _FLAGS[letter], True)
            else:
                _option(proc, options, letter, argument)
    except BadOption:
        proc.error(USAGE)
        raise Exit(2) from None
    if not reader.operands:
        fail(proc, 1, "usage error", EDESTADDRREQ)
    if options.missing:
        raise NotModelled(options.missing, "ping")
    return options, reader.operands


def _option(proc: Process, options: Options, letter: str, argument: str) -> None:
    match letter:
        case "V":
            proc.write(VERSION)
            raise Exit(0)
        case "h" | "?":
            raise BadOption
        case "e":
            options.ident = number(proc, argument, 0, 0xFFFF)
        case "f":
            options.flood = options.numeric = True
        case "i":
            options.interval, options.interval_given = _interval(proc, argument, "bad timing interval"), True
        case "W":
            options.linger = _interval(proc, argument, "bad linger time", lowest=0)
        case "l":
            options.preload = number(proc, argument, 1, 0x10000)
        case "m":
            options.mark = number(proc, argument, 0, 0xFFFFFFFF)
        case "p":
            options.pattern = argument
        case "s":
            options.size = number(proc, argument, 0, INT_MAX)
        case "S":
            options.sndbuf = number(proc, argument, 1, INT_MAX)
        case "t":
            options.ttl = number(proc, argument, 0, 255)
        case "w":
            options.deadline = number(proc, argument, 0, INT_MAX)
        case "d":
            pass  # SO_DEBUG
        case _:
            _other(proc, options, letter, argument)


def _other(proc: Process, options: Options, letter: str, argument: str) -> None:
    match letter:
        case "c":
            options.count = number(proc, argument, 1, LONG_MAX)
        case "I":
            _interface(proc, options, argument)
        case "M":
            if argument not in _PMTUDISC:
                fail(proc, 2, f"invalid -M argument: {argument}")
            options.pmtudisc = _PMTUDISC[argument]
        case "Q":
            options.tos = _tos(proc, argument)
        case "4" | "6":
            if options.ipv6 if letter == "4" else options.ipv4:
                fail(proc, 2, "only one -4 or -6 option may be specified")
            options.ipv4, options.ipv6 = letter == "4", letter == "6"
        case "R" | "T":
            if options.missing not in {"", f"option -{letter}"}:
                fail(proc, 2, "only one of -T or -R may be used")
            if letter == "T" and argument not in {"tsonly", "tsandaddr", "tsprespec"}:
                fail(proc, 2, f"invalid timestamp type: {argument}")
            options.missing = f"option -{letter}"
        case _:
            raise NotModelled(f"option -{letter}", "ping")


def _interface(proc: Process, options: Options, argument: str) -> None:
    if ":" in argument:
        address, _, _ = argument.partition("%")
        try:
            Ip.parse(address)
        except ValueError:
            fail(proc, 2, f"invalid source address: {argument}")
        raise NotModelled("an IPv6 source address", "ping")
    try:
        options.source = Ip4.parse(argument)
    except ValueError:
        options.device = argument
    else:
        options.strict_source = True


def _interval(proc: Process, text: str, complaint: str, *, lowest: int | None = None) -> int:
    """``ping_strtod`` and the checks behind it: seconds, in ms."""
    if not text:
        fail(proc, 2, f"{complaint}: {text}")
    match = _FLOAT.match(text)
    end = match.end() if match is not None else 0
    value = float(text[:end]) if match is not None else 0.0
    named = match is not None and text[:end].lstrip("+- ")[:1].lower() in {"i", "n"}
    tiny = (
        abs(value) < 2.2250738585072014e-308
        and match is not None
        and re.search(r"[1-9]", text[:end].lower().partition("e")[0])
    )
    abnormal = value - value != 0 or bool(tiny)
    if end < len(text) or (abnormal and not named):
        warn(proc, f"option argument contains garbage: {text[end:]}")
        warn(proc, "this will become fatal error in the future")
    if abnormal:
        fail(proc, 2, f"{complaint}: {text}", ERANGE)
    if value > INT_MAX / 1000 or (lowest is not None and value < lowest):
        fail(proc, 2, f"{complaint}: {text}")
    return int(value * 1000)


def _tos(proc: Process, text: str) -> int:
    base, digits = (16, text[2:]) if text[:2].lower() == "0x" else (10, text)
    pattern = r"\s*[+-]?[0-9a-fA-F]*" if base == 16 else r"\s*[+-]?\d*"
    if not re.fullmatch(pattern, digits, re.ASCII) or digits.strip() in {"+", "-"}:
        fail(proc, 2, f"bad TOS value: {text}")
    value = int(digits or "0", base)
    if value > 255:
        fail(proc, 2, f"the decimal value of TOS bits must be in range 0-255: {value}")
    return value & 0xFF


def fill(proc: Process, options: Options) -> bytes:
    """The data of each request: 0, 1, 2 … or the pattern, which is said first."""
    if options.pattern is None:
        return bytes(index & 0xFF for index in range(options.size))
    wrong = re.search(r"[^0-9a-fA-F]", options.pattern)
    if wrong is not None:
        fail(proc, 2, f"patterns must be specified as hex digits: {options.pattern[wrong.start() :]}")
    pairs = [options.pattern[index : index + 2] for index in range(0, min(len(options.pattern), 32), 2)]
    pattern = bytes(int(pair, 16) for pair in pairs)
    if not options.quiet:
        proc.write(f"PATTERN: 0x{pattern.hex()}\n")
    if not pattern:
        return bytes(options.size)
    return (pattern * (options.size // len(pattern) + 1))[: options.size]
