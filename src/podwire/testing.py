"""Assertions about traces. A failure says which way the packet took, what decided, and where a pcapng of it lies."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from podwire.errors import PodwireError
from podwire.trace.fate import sentence
from podwire.trace.reasons import DropReason, Verdict
from podwire.trace.trace import Trace

__all__ = ["assert_delivered", "assert_dropped", "assert_path"]

_ANY: Final = "..."


def assert_path(trace: Trace, expected: Sequence[str]) -> None:
    """The packet went by these devices: patterns as in fnmatch (``k8s-w1:cali*``), ``"..."`` for any number of devices."""
    __tracebackhide__ = True
    if isinstance(expected, str):
        raise PodwireError(f"assert_path: got the text {expected!r}, expected a list of devices")
    if not _matches(tuple(expected), trace.path):
        _fail(trace, "the packet took another path", f"expected:   {' -> '.join(expected) or 'no device'}")


def assert_delivered(trace: Trace) -> None:
    """The addressee took the packet."""
    __tracebackhide__ = True
    if trace.verdict is not Verdict.DELIVERED:
        _fail(trace, "the packet was not delivered")


def assert_dropped(trace: Trace, reason: DropReason | str | None = None, at: str | None = None) -> None:
    """The packet was discarded, silently or not.

    ``reason`` is the kernel's, ``at`` a pattern of the place: ``k8s-w1:eth0``, ``k8s-w1``, ``*:cali*``.
    """
    __tracebackhide__ = True
    wanted = _reason(reason)
    if trace.verdict not in {Verdict.DROPPED, Verdict.REJECTED}:
        _fail(trace, "the packet was not dropped")
    if wanted is not None and trace.reason is not wanted:
        _fail(trace, f"the packet was dropped for {trace.reason or 'no reason of the kernel'}, expected {wanted}")
    place = trace.dropped_at or ""
    if at is not None and not any(fnmatchcase(name, at) for name in (place, place.partition(":")[0])):
        _fail(trace, f"the packet was dropped at {place}, expected {at}")


def _reason(reason: DropReason | str | None) -> DropReason | None:
    if reason is None:
        return None
    try:
        return DropReason(reason)
    except ValueError:
        raise PodwireError(f"assert_dropped: there is no drop reason {reason!r}") from None


def _matches(patterns: tuple[str, ...], path: tuple[str, ...]) -> bool:
    if not patterns:
        return not path
    first, rest = patterns[0], patterns[1:]
    if first == _ANY:
        return any(_matches(rest, path[start:]) for start in range(len(path) + 1))
    return bool(path) and fnmatchcase(path[0], first) and _matches(rest, path[1:])


def _fail(trace: Trace, problem: str, *more: str) -> None:
    __tracebackhide__ = True
    lines = [
        problem,
        *more,
        f"taken:      {' -> '.join(trace.path) or 'no device saw it'}",
        f"verdict:    {trace.verdict}",
        f"decided by: {trace.decided_by or 'nothing that says so'}",
        f"because:    {sentence(trace.recorder, trace.packet)}",
    ]
    capture = _capture(trace)
    if capture is not None:
        lines.append(f"pcapng:     {capture}")
    raise AssertionError("\n  ".join(lines))


def _capture(trace: Trace) -> Path | None:
    """A file for Wireshark, if a renderer writes them."""
    if ".pcapng" not in trace.renderers.save:
        return None
    return trace.save(Path(tempfile.mkdtemp(prefix="podwire-")) / "trace.pcapng")
