"""Columns as Go's text/tabwriter aligns them.

A cell ends with a tab, and a column reaches over the lines that follow each other and have it; what stands behind the last tab of a
line belongs to no column.
"""

from __future__ import annotations


def tabbed(text: str, padding: int = 2, least: int = 0) -> str:
    """Replace tabs by spaces. ``padding`` stands between columns, which are at least ``least`` wide."""
    lines = [line.split("\t") for line in text.split("\n")]
    widths: list[list[int]] = [[0] * (len(cells) - 1) for cells in lines]
    for first, cells in enumerate(lines):
        for column in range(len(cells) - 1):
            if first and column < len(lines[first - 1]) - 1:
                continue  # the block has begun above
            end = first
            while end < len(lines) and column < len(lines[end]) - 1:
                end += 1
            width = max(least, *(len(lines[row][column]) + padding for row in range(first, end)))
            for row in range(first, end):
                widths[row][column] = width
    return "\n".join(
        "".join(cell.ljust(width) for cell, width in zip(cells, (*row, 0), strict=True))
        for cells, row in zip(lines, widths, strict=True)
    )
