"""How long ago, as kubectl writes it (k8s.io/apimachinery, pkg/util/duration)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

SECOND: Final = 1_000_000_000
_MINUTE: Final = 60
_YEAR: Final = 24 * 365
"""In hours."""


def nanoseconds(timestamp: str) -> int:
    """``2024-01-01T00:00:00Z``, also with a fraction of a second, in ns since 1970."""
    whole, _, fraction = timestamp.removesuffix("Z").partition(".")
    seconds = int(datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp())
    return seconds * SECOND + int((fraction or "0").ljust(9, "0")[:9])


def since(timestamp: object, now: int) -> str:
    """How long before ``now`` (ns since 1970), in short: ``5m30s``; ``<unknown>`` for what has no time."""
    return human_duration(now - nanoseconds(str(timestamp))) if timestamp else "<unknown>"


def human_duration(ns: int) -> str:
    """``HumanDuration``: two units at most, the longer the coarser."""
    seconds = ns // SECOND if ns >= 0 else -(-ns // SECOND)  # towards zero, as Go converts
    if seconds < -1:
        return "<invalid>"
    if seconds < 2 * _MINUTE:
        return f"{max(seconds, 0)}s"
    minutes, hours = seconds // _MINUTE, seconds // _MINUTE // 60
    if minutes < 10:
        return _two(minutes, "m", seconds % _MINUTE, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if hours < 24 * 8:
        return _two(hours // 24, "d", hours % 24, "h")
    if hours < _YEAR * 2:
        return f"{hours // 24}d"
    if hours < _YEAR * 8:
        return _two(hours // _YEAR, "y", hours // 24 % 365, "d")
    return f"{hours // _YEAR}y"


def _two(large: int, unit: str, small: int, smaller: str) -> str:
    return f"{large}{unit}{small}{smaller}" if small else f"{large}{unit}"
