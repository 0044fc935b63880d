"""A page of trace text: a column of times, then words and sentences, broken at 110 columns."""

from __future__ import annotations

from podwire.trace.words import clock, wrap

_TIMES = 11
"""Width of the column of times."""


class Page:
    """Collects lines. Times count from ``zero``; a time equal to the one above is left out."""

    def __init__(self, zero: int) -> None:
        self.lines: list[str] = []
        self._zero = zero
        self._last: int | None = None

    def head(self, text: str) -> None:
        """A line across both columns, set off by an empty line."""
        if self.lines:
            self.lines.append("")
        self.lines.extend(wrap(text, rest=" " * 11))
        self._last = None

    def under(self, text: str) -> None:
        """A continuation of a head."""
        self.lines.extend(wrap(text, " " * 11, " " * 11))

    def block(self, time: int, text: str) -> None:
        """The first line of a hop, set off by an empty line."""
        if self.lines:
            self.lines.append("")
        self._last = None
        self.add(time, text)

    def add(self, time: int, text: str, word: str = "", *, indent: int = 0) -> None:
        """One event: its time, a word for its kind, what there is to say (in lines of its own after a line feed)."""
        stamp = "" if time == self._last else clock(time - self._zero, digits=6)
        self._last = time
        label = f"{word:<6} " if word else ""
        first = f"{stamp:>{_TIMES}} {' ' * indent}{label}"
        rest = " " * (len(first) + (0 if word else 2))
        for line in text.split("\n"):
            self.lines.extend(wrap(line, first, rest))
            first = rest

    def text(self) -> str:
        """The whole page."""
        return "\n".join(self.lines)
