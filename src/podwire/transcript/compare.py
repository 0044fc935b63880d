"""What was to be printed beside what was printed: an alignment in which ``...`` stands for any lines, and ``diff -u``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal

import msgspec

from podwire.transcript.script import ANY, Line

_CONTEXT: Final = 3

Kind = Literal["equal", "any", "comment", "missing", "extra"]


class Step(msgspec.Struct, frozen=True):
    """One line of the alignment.

    ``equal``, ``any`` (a ``...`` of the transcript) and ``comment`` agree; ``missing`` was to be printed and was not,
    ``extra`` was printed and was not to be. ``number`` is the transcript's line, of ``extra`` the one before which it belongs.
    """

    kind: Kind
    number: int
    text: str

    @property
    def agrees(self) -> bool:
        """Whether it is no difference."""
        return self.kind not in {"missing", "extra"}


def align(wanted: Sequence[Line], printed: Sequence[str], end: int) -> list[Step]:
    """The alignment with the fewest differences. ``end`` is the number of the line behind the last one that is wanted."""
    lines = [line for line in wanted if not line.comment]
    steps = _walk(lines, printed, _costs(lines, printed), end)
    return _with_comments(wanted, steps)


def _costs(lines: Sequence[Line], printed: Sequence[str]) -> list[list[int]]:
    """``costs[i][j]``: the fewest differences between ``lines[i:]`` and ``printed[j:]``."""
    width = len(printed)
    costs = [[0] * (width + 1) for _ in range(len(lines) + 1)]
    costs[-1] = [width - j for j in range(width + 1)]
    for i in range(len(lines) - 1, -1, -1):
        row, below = costs[i], costs[i + 1]
        if lines[i].text == ANY:
            row[width] = below[width]
            for j in range(width - 1, -1, -1):
                row[j] = min(below[j], row[j + 1])
            continue
        text = lines[i].wanted
        row[width] = below[width] + 1
        for j in range(width - 1, -1, -1):
            best = min(below[j], row[j + 1]) + 1
            row[j] = below[j + 1] if text == printed[j] and below[j + 1] <= best else best
    return costs


def _walk(lines: Sequence[Line], printed: Sequence[str], costs: list[list[int]], end: int) -> Iterator[Step]:
    i = j = 0
    while i < len(lines) or j < len(printed):
        number = lines[i].number if i < len(lines) else end
        here = costs[i][j]
        if i < len(lines) and lines[i].text == ANY:
            if here == costs[i + 1][j]:
                yield Step("any", number, ANY)
                i += 1
            else:
                j += 1
        elif i < len(lines) and j < len(printed) and lines[i].wanted == printed[j] and here == costs[i + 1][j + 1]:
            yield Step("equal", number, lines[i].text)
            i, j = i + 1, j + 1
        elif i < len(lines) and here == costs[i + 1][j] + 1:
            yield Step("missing", number, lines[i].text)
            i += 1
        else:
            yield Step("extra", number, printed[j])
            j += 1


def _with_comments(wanted: Sequence[Line], steps: Iterator[Step]) -> list[Step]:
    comments = [line for line in wanted if line.comment]
    result: list[Step] = []
    for step in steps:
        while comments and comments[0].number < step.number:
            comment = comments.pop(0)
            result.append(Step("comment", comment.number, comment.text))
        result.append(step)
    result += [Step("comment", comment.number, comment.text) for comment in comments]
    return result


def unified(steps: Sequence[Step], title: str, shift: int) -> list[str]:
    """The differences as hunks. ``shift`` is by how many lines what was printed so far is longer than the transcript."""
    changed = [index for index, step in enumerate(steps) if not step.agrees]
    hunks: list[tuple[int, int]] = []
    for index in changed:
        low, high = max(0, index - _CONTEXT), min(len(steps), index + _CONTEXT + 1)
        if hunks and low <= hunks[-1][1]:
            hunks[-1] = (hunks[-1][0], high)
        else:
            hunks.append((low, high))
    lines: list[str] = []
    for low, high in hunks:
        before = steps[:low]
        grown = shift + sum(s.kind == "extra" for s in before) - sum(s.kind == "missing" for s in before)
        part = steps[low:high]
        old = sum(s.kind != "extra" for s in part)
        new = sum(s.kind != "missing" for s in part)
        start = part[0].number
        lines.append(f"@@ -{_range(start, old)} +{_range(start + grown, new)} @@ {title}")
        lines += [{"missing": "-", "extra": "+"}.get(s.kind, " ") + s.text for s in part]
    return lines


def _range(start: int, count: int) -> str:
    """As diff -u writes it: an empty range begins behind the line before it."""
    if count == 0:
        return f"{start - 1},0"
    return str(start) if count == 1 else f"{start},{count}"
