"""Text in columns as kubectl lays it out: a tab writer that remembers its widths, and tables printed through it.

As github.com/liggitt/tabwriter and k8s.io/cli-runtime, pkg/printers (tableprinter.go, tabwriter.go) do it. A column is as wide as its
widest cell and three blanks, at least six; the last cell of a line is not padded: an empty one leaves the blanks of its neighbour.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec

from podwire.kube.shelf import Stored

Cell = str | int | None
_LEAST: Final = 6
_PADDING: Final = 3
_BREAK: Final = re.compile("[\f\n\r]")
_EVENTS: Final = MappingProxyType({"ADDED": "ADDED   ", "MODIFIED": "MODIFIED", "DELETED": "DELETED "})


class TabWriter:
    """Takes lines whose cells are ended by tabs, and writes them in columns at each ``flush``.

    A column is never narrower than it was in what was flushed before: how the rows of ``--watch`` stand below one another.
    """

    def __init__(self, out: Callable[[str], None]) -> None:
        self._out = out
        self._text: list[str] = []
        self._widths: list[int] = []
        self._blank = False
        self.written = False
        """Something was flushed."""

    def line(self, cells: Sequence[str]) -> None:
        """One line. A tab inside a cell ends it."""
        self._text.append("\t".join(cells))

    def forget(self) -> None:
        """What comes now has widths of its own."""
        self._widths = []

    def separate(self) -> None:
        """An empty line before what comes now, unless nothing stands above it."""
        self._blank = self.written

    def flush(self) -> None:
        """Write the lines that are there."""
        lines = [text.split("\t") for text in self._text]
        self._text = []
        if lines:
            if self._blank:
                self._out("\n")
            self._blank, self.written = False, True
            self._out("".join(f"{line}\n" for line in self._aligned(lines)))

    def _aligned(self, lines: list[list[str]]) -> list[str]:
        widths: list[list[int]] = [[] for _ in lines]
        for column in range(max(len(line) for line in lines) - 1):
            self._measure(lines, widths, column)
        return [
            "".join(cell.ljust(width) for cell, width in zip(line, [*found, 0], strict=True))
            for line, found in zip(lines, widths, strict=True)
        ]

    def _measure(self, lines: list[list[str]], widths: list[list[int]], column: int) -> None:
        """A block of a column is a run of lines in which a tab ends its cell."""
        first = 0
        while first < len(lines):
            last = first
            while last < len(lines) and len(lines[last]) > column + 1:
                last += 1
            if last > first:
                width = max(_LEAST, max(len(line[column]) for line in lines[first:last]) + _PADDING)
                if len(self._widths) <= column:
                    self._widths.append(width)
                width = self._widths[column] = max(width, self._widths[column])
                for each in widths[first:last]:
                    each.append(width)
            first = last + 1


class Column(msgspec.Struct, frozen=True):
    """``wide`` columns are printed with ``-o wide`` alone; ``name`` marks the one that ``--show-kind`` writes the kind into."""

    title: str
    wide: bool = False
    name: bool = False


class Row(msgspec.Struct, frozen=True):
    """A cell for each column, and the object that they describe."""

    cells: tuple[Cell, ...]
    object: Stored


class Table(msgspec.Struct, frozen=True):
    """What the server answers."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


class TableOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The flags that change a table. ``labels`` are those of ``-L``; ``kind`` (``deployment.apps``), unless empty, stands before names."""

    wide: bool = False
    headers: bool = True
    namespace: bool = False
    labels: tuple[str, ...] = ()
    show_labels: bool = False
    kind: str = ""


class TablePrinter:
    """Prints tables one after the other; the header once, with the first that has rows."""

    def __init__(self, options: TableOptions) -> None:
        self._options = options
        self._last: tuple[Column, ...] = ()
        self._headed = False

    def print(self, table: Table, writer: TabWriter, event: str = "") -> None:
        """One table; ``event`` (ADDED …) is the first column of ``--output-watch-events``."""
        if table.columns != self._last:
            self._last, self._headed = table.columns, False
        if not table.rows:
            return
        shown = [index for index, each in enumerate(table.columns) if self._options.wide or not each.wide]
        if self._options.headers and not self._headed:
            writer.line(self._head([table.columns[index] for index in shown], event))
        self._headed = True
        for row in table.rows:
            writer.line(self._line(table.columns, row, shown, event))

    def _head(self, columns: list[Column], event: str) -> list[str]:
        options = self._options
        return [
            *(["EVENT"] if event else []),
            *(["NAMESPACE"] if options.namespace else []),
            *(each.title.upper() for each in columns),
            *(label.rpartition("/")[2].upper() for label in options.labels),
            *(["LABELS"] if options.show_labels else []),
        ]

    def _line(self, columns: tuple[Column, ...], row: Row, shown: list[int], event: str) -> list[str]:
        options = self._options
        cells = [_text(row.cells[index]) for index in shown]
        name = next((index for index, each in enumerate(columns) if each.name), None)
        if options.kind and name in shown:
            at = shown.index(name)
            cells[at] = f"{options.kind}/{cells[at]}"
        return [
            *([_EVENTS.get(event, event)] if event else []),
            *([row.object.namespace] if options.namespace else []),
            *cells,
            *(_text(row.object.labels.get(label)) for label in options.labels),
            *([_text(labels_text(row.object.labels))] if options.show_labels else []),
        ]


def _text(cell: Cell) -> str:
    """A cell is cut at the end of its first line; what would steer a terminal is shown."""
    if cell is None:
        return ""
    text = str(cell)
    match = _BREAK.search(text)
    return f"{escaped(text[: match.start()])}..." if match else escaped(text)


def escaped(text: str) -> str:
    """EscapeTerminal: escape characters and carriage returns as they can be read."""
    return text.replace("\x1b", "^[").replace("\r", "\\r")


def labels_text(labels: Mapping[str, str]) -> str:
    """FormatLabels: ``app=web,tier=front``, ``<none>`` without any."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items())) or "<none>"


def selector_text(selector: Mapping[str, Any] | None) -> str:
    """FormatLabelSelector: a ``LabelSelector`` as ``-l`` takes it, ``<none>`` for an empty one."""
    terms = [(key, f"{key}={value}") for key, value in ((selector or {}).get("matchLabels") or {}).items()]
    for each in (selector or {}).get("matchExpressions") or ():
        key, values = each["key"], ",".join(sorted(each.get("values") or ()))
        shown = {
            "In": f"{key} in ({values})",
            "NotIn": f"{key} notin ({values})",
            "Exists": key,
            "DoesNotExist": f"!{key}",
        }
        terms.append((key, shown[each["operator"]]))
    return ",".join(text for _, text in sorted(terms, key=lambda term: term[0])) or "<none>"
