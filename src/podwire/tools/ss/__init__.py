"""``ss`` of iproute2 6.1.0: TCP and UDP sockets of a namespace."""

from __future__ import annotations

from typing import Final

import msgspec

from podwire.errors import NotModelled
from podwire.tools.args import BadOption, Exit, getopt
from podwire.tools.process import Process
from podwire.tools.ss.filter import STATES, FilterError, parse
from podwire.tools.ss.query import Row, tcp_rows, udp_rows
from podwire.tools.ss.table import render
from podwire.tools.ss.usage import USAGE

_VERSION: Final = "ss utility, iproute2-6.1.0\n"
_LETTERS: Final = "hVnraelomMpTisbEZzN:460tSudwxf:KHOA:D:F:"
_LONGS: Final = {
    "help": "h",
    "version": "V",
    "numeric": "n",
    "resolve": "r",
    "all": "a",
    "listening": "l",
    "options": "o",
    "extended": "e",
    "memory": "m",
    "processes": "p",
    "threads": "T",
    "info": "i",
    "tipcinfo": "tipcinfo",
    "summary": "s",
    "tos": "tos",
    "cgroup": "cgroup",
    "bpf": "b",
    "events": "E",
    "context": "Z",
    "contexts": "z",
    "net": "N=",
    "ipv4": "4",
    "ipv6": "6",
    "packet": "0",
    "tcp": "t",
    "mptcp": "M",
    "sctp": "S",
    "udp": "u",
    "dccp": "d",
    "raw": "w",
    "unix": "x",
    "tipc": "tipc",
    "vsock": "vsock",
    "xdp": "xdp",
    "family": "f=",
    "kill": "K",
    "no-header": "H",
    "oneline": "O",
    "inet-sockopt": "inet-sockopt",
    "query": "A=",
    "socket": "A=",
    "diag": "D=",
    "filter": "F=",
}
_USAGE_STATUS: Final = 255
_ALL: Final = frozenset(STATES)
_LISTENING: Final = frozenset({"LISTEN", "UNCONN"})
_CONNECTED: Final = _ALL - {"LISTEN", "UNCONN", "TIME-WAIT", "SYN-RECV"}


class _Options(msgspec.Struct):
    numeric: bool = False
    all: bool = False
    listening: bool = False
    timers: bool = False
    processes: bool = False
    header: bool = True
    families: set[int] = msgspec.field(default_factory=set)
    queries: set[str] = msgspec.field(default_factory=set)


def ss(proc: Process) -> int:
    """``ss -t|-u [-anlop4HO] [state STATE …] [EXPRESSION]``; what is not TCP or UDP over IPv4 raises ``NotModelled``."""
    try:
        words, operands = getopt(proc, _LETTERS, _LONGS)
    except BadOption:
        proc.error(USAGE)
        return _USAGE_STATUS
    options = _Options()
    try:
        for word, argument in words:
            _option(proc, options, word, argument)
        return _show(proc, options, operands)
    except Exit as exit_:
        return exit_.status


def _option(proc: Process, options: _Options, word: str, argument: str) -> None:
    match word:
        case "h":
            proc.write(USAGE)
            raise Exit(0)
        case "V":
            proc.write(_VERSION)
            raise Exit(0)
        case "n":
            options.numeric = True
        case "a":
            options.all = True
        case "l":
            options.listening = True
        case "o":
            options.timers = True
        case "p":
            options.processes = True
        case "H":
            options.header = False
        case "O":
            # What would stand on a second line is not modelled.
            pass
        case "4" | "6":
            options.families.add(int(word))
        case "t":
            options.queries.add("tcp")
        case "u":
            options.queries.add("udp")
        case "f" if argument in {"inet", "inet6"}:
            options.families.add(6 if argument == "inet6" else 4)
        case "A":
            _query(options, argument)
        case _:
            raise NotModelled(f"option {'-' if len(word) == 1 else '--'}{word}", "ss")


def _query(options: _Options, argument: str) -> None:
    for name in argument.split(","):
        if name not in {"tcp", "udp"}:
            raise NotModelled(f"-A {name}", "ss")
        options.queries.add(name)


def _show(proc: Process, options: _Options, operands: list[str]) -> int:
    try:
        states, matches = parse(operands)
    except FilterError as error:
        proc.error(error.text)
        if error.usage:
            proc.error(USAGE)
        return error.status
    if not options.queries:
        raise NotModelled("sockets of every kind: say -t or -u", "ss")
    if not states:
        states = _ALL if options.all else _LISTENING if options.listening else _default_states(options.queries)
    netns = proc.place.netns
    rows: list[Row] = []
    if not options.families or 4 in options.families:
        if "udp" in options.queries:
            rows += udp_rows(netns)
        if "tcp" in options.queries:
            rows += tcp_rows(netns)
    shown = [row for row in rows if row.state in states and matches(row)]
    proc.write(
        render(
            shown,
            netid=len(options.queries) > 1,
            state=len(states) > 1,
            header=options.header,
            numeric=options.numeric or not proc.image.services,
            ephemeral=netns.settings["ip_local_port_range"],  # type: ignore[arg-type]
            timers=options.timers,
            processes=options.processes,
        )
    )
    return 0


def _default_states(queries: set[str]) -> frozenset[str]:
    """``default_dbs``: what is shown of a kind without -a, -l or a state."""
    return _CONNECTED if "tcp" in queries else frozenset({"ESTAB"})
