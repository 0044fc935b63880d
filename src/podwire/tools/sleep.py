"""``sleep`` (coreutils): the virtual clock moves on."""

from __future__ import annotations

from math import isinf
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from podwire.tools.process import Process, Waiting

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(word: str) -> float | None:
    """``NUMBER[SUFFIX]`` in seconds; None for what is none (sleep and timeout read it alike)."""
    unit = word[-1:] if word[-1:] in _UNITS else ""
    try:
        value = float(word.removesuffix(unit))
    except ValueError:
        return None
    return value * _UNITS.get(unit, 1) if value >= 0 else None


def sleep(proc: Process) -> Waiting:
    """``sleep NUMBER[SUFFIX]…``: the sum of its arguments in virtual seconds."""
    words = proc.argv[1:]
    if not words:
        proc.error("sleep: missing operand\nTry 'sleep --help' for more information.\n")
        return 1
    total = 0.0
    for word in words:
        number = seconds(word)
        if number is None:
            proc.error(f"sleep: invalid time interval ‘{word}’\nTry 'sleep --help' for more information.\n")
            return 1
        total += number
    if isinf(total):
        proc.endless = True
        while True:
            yield None
    end = proc.now + round(total * 1_000_000_000)
    while proc.now < end:
        yield end
    return 0
