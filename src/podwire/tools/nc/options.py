"""The command line of ``nc`` (netcat.c, main and build_ports)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NoReturn

import msgspec

from podwire.errors import NotModelled
from podwire.linux.services import TCP_PORTS, UDP_PORTS
from podwire.tools.args import INT_MAX, BadOption, Exit, Getopt

if TYPE_CHECKING:
    from podwire.tools.process import Process

USAGE: Final = """\
usage: nc [-46CDdFhklNnrStUuvZz] [-I length] [-i interval] [-M ttl]
\t  [-m minttl] [-O length] [-P proxy_username] [-p source_port]
\t  [-q seconds] [-s sourceaddr] [-T keyword] [-V rtable] [-W recvlimit]
\t  [-w timeout] [-X proxy_protocol] [-x proxy_address[:port]]
\t  [destination] [port]
"""
_LETTERS: Final = "46bCDdFhI:i:klM:m:NnO:P:p:q:rSs:T:tUuV:vW:w:X:x:Zz"
_FLAGS: Final = {
    "d": "detached",
    "k": "keep",
    "4": "ipv4",
    "l": "listen",
    "N": "shutdown",
    "n": "numeric",
    "u": "udp",
    "v": "verbose",
    "z": "scan",
}
_INTEGER: Final = re.compile(r"\s*[+-]?\d+", re.ASCII)


class Options(msgspec.Struct):
    """What was asked for. ``timeout`` and ``quit`` in seconds; ``host`` is None where none was named."""

    detached: bool = False
    ipv4: bool = False
    keep: bool = False
    listen: bool = False
    shutdown: bool = False
    numeric: bool = False
    udp: bool = False
    verbose: bool = False
    scan: bool = False
    timeout: int | None = None
    quit: int = -1
    source: str | None = None
    source_port: str | None = None
    host: str | None = None
    ports: list[int] = []


def die(proc: Process, text: str) -> NoReturn:
    """``errx(1, …)``."""
    proc.error(f"{proc.argv[0]}: {text}\n")
    raise Exit(1)


def usage(proc: Process) -> NoReturn:
    """``usage(1)``."""
    proc.error(USAGE)
    raise Exit(1)


def parse(proc: Process) -> Options:
    """The options; raises ``Exit`` where nc ends by them, ``NotModelled`` for what it can and podwire cannot."""
    options = Options()
    reader = Getopt(proc, _LETTERS)
    try:
        for letter, argument in reader:
            _option(proc, options, letter, argument)
    except BadOption:
        usage(proc)
    words = _operands(proc, options, reader.operands)
    if not words:
        die(proc, "missing port number")
    if options.listen and options.scan:
        die(proc, "cannot use -z and -l")
    if options.keep and not options.listen:
        die(proc, "must use -l with -k")
    for word in words:
        options.ports += _range(proc, word, udp=options.udp)
    return options


def _option(proc: Process, options: Options, letter: str, argument: str) -> None:
    match letter:
        case _ if letter in _FLAGS:
            setattr(options, _FLAGS[letter], True)
        case "w":
            options.timeout = _number(proc, "timeout ", argument, 0, INT_MAX // 1000)
        case "q":
            options.quit = _number(proc, "quit timer ", argument, -INT_MAX - 1, INT_MAX)
            options.shutdown = options.shutdown or options.quit >= 0
        case "s":
            options.source = argument
        case "p":
            options.source_port = argument
        case _:
            raise NotModelled(f"option -{letter}", "nc")


def _operands(proc: Process, options: Options, words: list[str]) -> list[str]:
    """The host is set, and the words that name ports are returned."""
    if not words and options.listen:
        options.host = options.source
        return [options.source_port] if options.source_port is not None else []
    if len(words) == 1 and options.source_port is None and options.source is None:
        if options.listen:
            return words
        options.host = words[0]
        return []
    if len(words) >= 2:
        if options.listen and (options.source_port is not None or options.source is not None or len(words) > 2):
            usage(proc)
        options.host = words[0]
        return words[1:]
    usage(proc)


def _number(proc: Process, what: str, text: str, low: int, high: int) -> int:
    """``strtonum``."""
    match = _INTEGER.fullmatch(text)
    value = int(text) if match else 0
    why = "invalid" if not match else "too small" if value < low else "too large" if value > high else ""
    if why:
        die(proc, f"{what}{why}: {text}")
    return value


def _range(proc: Process, word: str, *, udp: bool) -> list[int]:
    """A port, the name of one, or ``LOW-HIGH``."""
    known = (UDP_PORTS if udp else TCP_PORTS).get(word)
    if known is not None:
        return [known]
    low, dash, high = word.partition("-")
    if dash and word[:1].isdigit():
        first, last = sorted((port_of(proc, low, udp=udp), port_of(proc, high, udp=udp)))
        return list(range(first, last + 1))
    return [port_of(proc, word, udp=udp)]


def port_of(proc: Process, text: str, *, udp: bool) -> int:
    """``strtoport``."""
    if _INTEGER.fullmatch(text):
        return _number(proc, "port number ", text, 1, 65535)
    known = (UDP_PORTS if udp else TCP_PORTS).get(text)
    if known is None:
        die(proc, f'service "{text}" unknown')
    return known
