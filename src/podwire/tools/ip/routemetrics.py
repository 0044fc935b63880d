"""The metrics of a route on the command line: ``mtu 1400``, ``advmss lock 1300``, ``rtt 100ms`` and their like."""

from __future__ import annotations

import math
import re
from typing import Final

import msgspec

from podwire.errors import NotModelled
from podwire.tools.ip.grammar import Words, matches, number, wrong
from podwire.tools.ip.routeprint import METRIC_ORDER

_PLAIN: Final = {"mtu": "mtu", "hoplimit": "hoplimit", "advmss": "mss"}
"""Written in full; and how a complaint calls them."""
_ABBREVIATED: Final = ("reordering", "window", "cwnd", "initcwnd", "initrwnd", "ssthresh")
_FLAGS: Final = ("quickack", "fastopen_no_cookie")
_TIME: Final = re.compile(r"(\d+\.?\d*|\.\d+)(s|sec|secs|ms|msec|msecs)?", re.IGNORECASE | re.ASCII)
_EIGHTHS: Final = {"rtt": 8, "rttvar": 4, "rto_min": 1}
_SECOND: Final = 1000
_MAX_HOPLIMIT: Final = 255


class Metrics(msgspec.Struct):
    """What was read so far."""

    found: dict[str, int] = {}
    locked: set[str] = set()

    def values(self) -> tuple[tuple[str, int], ...]:
        """In the kernel's order, whatever order they were written in."""
        return tuple((name, self.found[name]) for name in METRIC_ORDER if name in self.found)

    def parse(self, word: str, words: Words) -> bool:
        """Read one metric if the word names one."""
        name = _name(word)
        if name is None:
            return False
        if name == "congctl":
            raise NotModelled("congctl", "ip route")
        if name == "features":
            text = words.value()
            if text != "ecn":
                raise wrong('"features" value not valid\n', text)
            self.found[name] = 1
            return True
        text = words.value()
        if text == "lock" and name not in {*_FLAGS, "rto_min"}:
            self.locked.add(name)
            text = words.value()
        if name == "rto_min":
            self.locked.add(name)
        self.found[name] = _read(name, text)
        return True


def _name(word: str) -> str | None:
    """The metric that a word names, in the order in which the tool asks."""
    if word in {*_PLAIN, "rtt", "rto_min"}:
        return word
    for name in (
        "reordering",
        "window",
        "cwnd",
        "initcwnd",
        "initrwnd",
        "features",
        "quickack",
        "congctl",
        "rttvar",
        "ssthresh",
    ):
        if matches(word, name):
            return name
    return "fastopen_no_cookie" if matches(word, "fastopen_no_cookie") else None


def _read(name: str, text: str) -> int:
    if name in _EIGHTHS:
        return _time(name, text)
    value = number(text)
    if value is None or (name == "hoplimit" and value > _MAX_HOPLIMIT):
        raise wrong(f'"{_PLAIN.get(name, name)}" value is invalid\n', text)
    if name in _FLAGS and value not in {0, 1}:
        raise wrong(f'"{name}" value should be 0 or 1\n', text)
    return value


def _time(name: str, text: str) -> int:
    """``get_time_rtt``: a number without a unit is what the kernel stores; with one, milliseconds are scaled."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise wrong(f'"{name}" value is invalid\n', text)
    amount = float(match[1])
    if match[2] is None:
        return math.ceil(amount)
    return math.ceil(amount * (_SECOND if match[2].lower().startswith("s") else 1)) * _EIGHTHS[name]
