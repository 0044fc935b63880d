"""Go's ``time.ParseDuration``: ``1h30m``, ``60s``, ``500ms``."""

from __future__ import annotations

import re
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from podwire.errors import PodwireError

_UNITS: Final = MappingProxyType(
    {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
)
_PART: Final = re.compile(r"(\d+\.?\d*|\.\d+)([^\d.]*)")


class DurationError(PodwireError):
    """What Go says of a text that is no duration."""


def duration(text: str) -> int:
    """A duration in ns. Raises ``DurationError`` with Go's words."""
    rest = text[1:] if text[:1] in {"-", "+"} else text
    if rest == "0":
        return 0
    total = Fraction(0)
    if not rest:
        raise DurationError(f'time: invalid duration "{text}"')
    while rest:
        part = _PART.match(rest)
        if part is None:
            raise DurationError(f'time: invalid duration "{text}"')
        number, unit = part.groups()
        if not unit:
            raise DurationError(f'time: missing unit in duration "{text}"')
        if unit not in _UNITS:
            raise DurationError(f'time: unknown unit "{unit}" in duration "{text}"')
        total += Fraction(number.rstrip(".")) * _UNITS[unit]
        rest = rest[part.end() :]
    return int(-total if text.startswith("-") else total)
