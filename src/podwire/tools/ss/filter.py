"""Which sockets ss shows: states and expressions (misc/ss.c, ssfilter.y)."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from podwire.errors import NotModelled
from podwire.linux.services import TCP_PORTS, UDP_PORTS
from podwire.tools.ss.query import Row
from podwire.wire.addr import Ip4, Net

STATES: Final = (
    "ESTAB",
    "SYN-SENT",
    "SYN-RECV",
    "FIN-WAIT-1",
    "FIN-WAIT-2",
    "TIME-WAIT",
    "UNCONN",
    "CLOSE-WAIT",
    "LAST-ACK",
    "LISTEN",
    "CLOSING",
)
_WORDS: Final = MappingProxyType(
    {
        "established": "ESTAB",
        "syn-sent": "SYN-SENT",
        "syn-recv": "SYN-RECV",
        "fin-wait-1": "FIN-WAIT-1",
        "fin-wait-2": "FIN-WAIT-2",
        "time-wait": "TIME-WAIT",
        "unconnected": "UNCONN",
        "closed": "UNCONN",
        "close": "UNCONN",
        "close-wait": "CLOSE-WAIT",
        "last-ack": "LAST-ACK",
        "listening": "LISTEN",
        "listen": "LISTEN",
        "closing": "CLOSING",
    }
)
_ALL: Final = frozenset(STATES)
_CONNECTED: Final = _ALL - {"UNCONN", "LISTEN"}
_GROUPS: Final = MappingProxyType(
    {
        "all": _ALL,
        "connected": _CONNECTED,
        "synchronized": _CONNECTED - {"SYN-SENT"},
        "bucket": frozenset({"SYN-RECV", "TIME-WAIT"}),
        "big": _ALL - {"SYN-RECV", "TIME-WAIT"},
    }
)
_COMPARE: Final = MappingProxyType(
    {
        "=": "==",
        "==": "==",
        "eq": "==",
        "!=": "!=",
        "ne": "!=",
        "neq": "!=",
        "<": "<",
        "lt": "<",
        ">": ">",
        "gt": ">",
        "<=": "<=",
        "le": "<=",
        "leq": "<=",
        ">=": ">=",
        "ge": ">=",
        "geq": ">=",
    }
)
_LATER: Final = frozenset({"dev", "fwmark", "cgroup", "autobound"})
_SYNTAX: Final = 'ss: bison bellows (while parsing filter): "syntax error!" Sorry.\n'
_USAGE_STATUS: Final = 255

Test = Callable[[Row], bool]


class FilterError(Exception):
    """The words are none: what ss says, its exit status, and whether the usage follows."""

    def __init__(self, text: str, status: int, *, usage: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.status = status
        self.usage = usage


def parse(words: list[str]) -> tuple[frozenset[str], Test]:
    """The states that were asked for (none: the default) and the expression. Raises ``FilterError``, ``NotModelled``."""
    states: set[str] = set()
    given = False
    at = 0
    while at < len(words) and words[at] in {"state", "exclude", "excl"}:
        if at + 1 >= len(words):
            raise FilterError('Command line is not complete. Try option "help"\n', _USAGE_STATUS)
        found = _states(words[at + 1])
        if words[at] == "state":
            states |= found
        else:
            states = (states if given else set(_ALL)) - found
        given = True
        at += 2
    tokens = " ".join(words[at:]).replace("(", " ( ").replace(")", " ) ").split()
    if not tokens:
        return frozenset(states), lambda _: True
    reader = _Reader(tokens)
    test = reader.alternatives()
    if reader.tokens:
        raise FilterError(_SYNTAX, _USAGE_STATUS, usage=True)
    return frozenset(states), test


def _states(word: str) -> frozenset[str]:
    if word in _GROUPS:
        return _GROUPS[word]
    if word not in _WORDS:
        raise FilterError(f"ss: wrong state name: {word}\n", _USAGE_STATUS)
    return frozenset({_WORDS[word]})


class _Reader:
    """Recursive descent over the tokens: ``or`` binds least, words side by side are joined by ``and``."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens

    def _next(self) -> str:
        if not self.tokens:
            raise FilterError(_SYNTAX, _USAGE_STATUS, usage=True)
        return self.tokens.pop(0)

    def alternatives(self) -> Test:
        """EXPR or EXPR."""
        left = self._conjunction()
        while self.tokens and self.tokens[0] in {"or", "|", "||"}:
            self.tokens.pop(0)
            left = _either(left, self._conjunction())
        return left

    def _conjunction(self) -> Test:
        left = self._negation()
        while self.tokens and self.tokens[0] not in {"or", "|", "||", ")"}:
            if self.tokens[0] in {"and", "&", "&&"}:
                self.tokens.pop(0)
            left = _both(left, self._negation())
        return left

    def _negation(self) -> Test:
        if self.tokens and self.tokens[0] in {"not", "!"}:
            self.tokens.pop(0)
            return _negated(self._negation())
        return self._atom()

    def _atom(self) -> Test:
        word = self._next()
        if word == "(":
            inner = self.alternatives()
            if self._next() != ")":
                raise FilterError(_SYNTAX, _USAGE_STATUS, usage=True)
            return inner
        if word in _LATER:
            raise NotModelled(f"filter {word}", "ss")
        if word in {"sport", "dport"}:
            return self._port(word)
        if word in {"src", "dst"}:
            return self._host(word)
        return _host_test("dst", word, equal=True)

    def _operator(self) -> str:
        return _COMPARE[self.tokens.pop(0)] if self.tokens and self.tokens[0] in _COMPARE else "=="

    def _port(self, which: str) -> Test:
        operator = self._operator()
        wanted = _port_number(self._next().removeprefix(":"))

        def test(row: Row) -> bool:
            port = (row.local if which == "sport" else row.peer)[1]
            match operator:
                case "==":
                    return port == wanted
                case "!=":
                    return port != wanted
                case "<":
                    return port < wanted
                case ">":
                    return port > wanted
                case "<=":
                    return port <= wanted
                case _:
                    return port >= wanted

        return test

    def _host(self, which: str) -> Test:
        operator = self._operator()
        if operator not in {"==", "!="}:
            raise FilterError(_SYNTAX, _USAGE_STATUS, usage=True)
        return _host_test(which, self._next(), equal=operator == "==")


def _either(left: Test, right: Test) -> Test:
    return lambda row: left(row) or right(row)


def _both(left: Test, right: Test) -> Test:
    return lambda row: left(row) and right(row)


def _negated(inner: Test) -> Test:
    return lambda row: not inner(row)


def _port_number(text: str) -> int:
    if text.isdecimal() and int(text) <= 65535:
        return int(text)
    for names in (TCP_PORTS, UDP_PORTS):
        if text in names:
            return names[text]
    raise FilterError(f'Error: "{text}" does not look like a port.\nCannot parse dst/src address.\n', 1)


def _host_test(which: str, text: str, *, equal: bool) -> Test:
    host, colon, port_text = text.partition(":")
    port = _port_number(port_text) if colon and port_text != "*" else 0
    net: Net | None = None
    if host and host != "*":
        try:
            net = Net.parse(host, strict=False) if "/" in host else Net(Ip4.parse(host), 32)
        except ValueError:
            message = f'Error: an inet prefix is expected rather than "{host}".\nCannot parse dst/src address.\n'
            raise FilterError(message, 1) from None

    def test(row: Row) -> bool:
        address, its_port = row.local if which == "src" else row.peer
        same = (net is None or address in net) and (not port or its_port == port)
        return same is equal

    return test
