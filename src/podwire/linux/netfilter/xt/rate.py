"""Rates as ``limit`` and ``hashlimit`` read and print them (``parse_rate``, ``print_rate`` of libxt_limit.c and libxt_hashlimit.c)."""

from __future__ import annotations

import re
from typing import Final

_UNITS: Final = (("second", 1), ("minute", 60), ("hour", 60 * 60), ("day", 24 * 60 * 60))
_SECONDS: Final = (24 * 60 * 60, 60 * 60, 60, 1)
UNIT_NAMES: Final = {24 * 60 * 60: "day", 60 * 60: "hour", 60: "min", 1: "sec"}
_DIGITS: Final = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)", re.ASCII)


def atoi(text: str) -> int:
    """``atoi``: the number at the beginning, 0 if there is none."""
    found = _DIGITS.match(text)
    return int(found.group(1)) if found is not None else 0


def rate_unit(text: str) -> int | None:
    """Seconds of the unit behind the slash, which may be cut short; one second without; None for none that is known."""
    _, slash, unit = text.partition("/")
    if not slash:
        return 1
    return next((seconds for name, seconds in _UNITS if unit and name.startswith(unit.lower())), None)


def print_rate(period: int, scale: int) -> tuple[int, int]:
    """``print_rate``: (number, seconds of its unit) for one packet each ``period`` of ``scale`` in a second.

    The smallest unit that says it well.
    """
    chosen = _SECONDS[0]
    for seconds in _SECONDS[1:]:
        if period > seconds * scale or seconds * scale // period < seconds * scale % period:
            break
        chosen = seconds
    return chosen * scale // period, chosen
