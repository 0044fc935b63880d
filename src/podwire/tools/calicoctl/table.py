"""Tables: those of olekukonko/tablewriter (``ipam``, ``node status``), and those of Go's text/tabwriter (``get``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from podwire.tools.kubectl.tabbed import tabbed

_NUMBER: Final = re.compile(r"-?(?:\d{1,3}(?:,\d{3})*|\d+)(?:\.\d+)?")
_WIDEST: Final = 30


def drawn(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table with borders (reference sheet Calico, 2.4): plain numbers to the right, cells of more than 30 characters on several lines."""
    titles = [title.upper() for title in header]
    cells = [[_wrapped(cell) for cell in row] for row in rows]
    widths = [
        max(len(line) for lines in ([title], *(row[column] for row in cells)) for line in lines)
        for column, title in enumerate(titles)
    ]
    rule = "+" + "".join(f"{'-' * (width + 2)}+" for width in widths)
    body = [line for row in cells for line in _lines(row, widths)]
    head = "|" + "|".join(f" {_centred(title, width)} " for title, width in zip(titles, widths, strict=True)) + "|"
    return "\n".join([rule, head, rule, *body, rule]) + "\n"


def _centred(title: str, width: int) -> str:
    left = (width - len(title)) // 2
    return " " * left + title + " " * (width - len(title) - left)


def _wrapped(cell: str) -> list[str]:
    """Words, as many on a line as fit; a word that is longer than the line stands alone."""
    lines: list[str] = []
    for word in cell.split() or [""]:
        if lines and len(lines[-1]) + 1 + len(word) <= _WIDEST:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines if len(cell) > _WIDEST else [cell]


def _lines(row: Sequence[Sequence[str]], widths: Sequence[int]) -> Iterator[str]:
    for number in range(max(len(lines) for lines in row)):
        texts = [lines[number] if number < len(lines) else "" for lines in row]
        right = [_NUMBER.fullmatch(" ".join(lines).strip()) is not None for lines in row]
        yield (
            "|"
            + "|".join(
                f" {text.rjust(width) if aligned else text.ljust(width)} "
                for text, aligned, width in zip(texts, right, widths, strict=True)
            )
            + "|"
        )


def columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of ``get``: every cell padded by three blanks, the last one too, and an empty line below."""
    return tabbed("".join("\t".join(row) + "\t\n" for row in (header, *rows)), padding=3, least=5) + "\n"
