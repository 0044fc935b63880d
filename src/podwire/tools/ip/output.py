"""Text, colour and JSON: one description of an object is printed as either.

Where ``-j`` is given, only keys and values appear; otherwise only the text. Colours are those of iproute2 on a light background.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

PLAIN: Final = ""
IFNAME: Final = "\033[36m"
MAC: Final = "\033[33m"
INET: Final = "\033[35m"
INET6: Final = "\033[34m"
STATE_UP: Final = "\033[32m"
STATE_DOWN: Final = "\033[31m"
_CLEAR: Final = "\033[0m"

_ESCAPES: Final = str.maketrans(
    {"\t": "\\t", "\n": "\\n", "\r": "\\r", "\f": "\\f", "\b": "\\b", "\\": "\\\\", '"': '\\"'}
)

Value = str | int | bool | None


class _Json:
    """A JSON text, written piece by piece as iproute2 lays it out."""

    def __init__(self, write: Callable[[str], None], *, pretty: bool) -> None:
        self.write = write
        self.pretty = pretty
        self.depth = 0
        self.comma = False

    def _separate(self) -> None:
        if self.comma:
            self.write(",")
        self.comma = True

    def _line(self) -> None:
        if self.pretty:
            self.write("\n" + "    " * self.depth)

    def key(self, name: str) -> None:
        self._separate()
        self._line()
        self.comma = False
        self.write(f'"{name}": ' if self.pretty else f'"{name}":')

    def value(self, value: Value) -> None:
        self._separate()
        self.write(_literal(value))

    def raw(self, text: str) -> None:
        self._separate()
        self.write(text)

    def open(self, bracket: str) -> None:
        self._separate()
        self.write(bracket + " " if self.pretty and bracket == "[" else bracket)
        self.depth += 1
        self.comma = False

    def close(self, bracket: str) -> None:
        self.depth -= 1
        if bracket == "]":
            if self.pretty and self.comma:
                self.write(" ")
        elif self.comma:
            self._line()
        self.write(bracket)
        self.comma = True


def _literal(value: Value) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, int) else f'"{value.translate(_ESCAPES)}"'


class Output:
    """Standard output of one command. ``colour`` is ignored where ``json`` is asked for."""

    def __init__(self, write: Callable[[str], None], *, json: bool, pretty: bool, colour: bool, oneline: bool) -> None:
        self._write = write
        self._json = json
        self._pretty = pretty
        self._colour = colour and not json
        self.newline = "\\" if oneline else "\n"
        self._writer: _Json | None = None

    @property
    def in_json(self) -> bool:
        """Between ``begin`` and ``end`` of a command with ``-j``."""
        return self._writer is not None

    @contextmanager
    def document(self) -> Iterator[None]:
        """A list of objects: the JSON text's outermost array."""
        if not self._json:
            yield
            return
        parts: list[str] = []
        self._writer = _Json(parts.append, pretty=self._pretty)
        self._writer.open("[")
        try:
            yield
            self._writer.close("]")
            parts.append("\n")
        finally:
            self._writer = None
            self._write("".join(parts))

    def text(self, text: str, colour: str = PLAIN) -> None:
        """Words that JSON does not have."""
        if self._writer is None and text:
            self._write(f"{colour}{text}{_CLEAR}" if colour and self._colour else text)

    def nl(self) -> None:
        """A line break, a backslash with ``-o``."""
        self.text(self.newline)

    def always(self, text: str) -> None:
        """What the real tool writes past its JSON writer, too."""
        if self._writer is None:
            self._write(text)
        else:
            self._writer.write(text)

    def put(self, key: str, value: Value, template: str = "{} ", colour: str = PLAIN) -> None:
        """A value under its key, or the text made of it."""
        if self._writer is not None:
            self._writer.key(key)
            self._writer.value(value)
        else:
            self.text(template.format(value), colour)

    def only(self, key: str, value: Value) -> None:
        """A value that the text does not have."""
        if self._writer is not None:
            self._writer.key(key)
            self._writer.value(value)

    def raw(self, key: str, number: str, text: str) -> None:
        """A number in a notation of its own."""
        if self._writer is not None:
            self._writer.key(key)
            self._writer.raw(number)
        else:
            self.text(text)

    def flag(self, key: str, text: str) -> None:
        """``true`` under a key, or a word."""
        self.put(key, value=True, template=text)

    def null(self, key: str, text: str) -> None:
        """``null`` under a key (iproute2's other way to say yes), or a word."""
        self.put(key, None, text)

    def item(self, value: Value, template: str = "{} ") -> None:
        """An element of an array, or a word."""
        if self._writer is not None:
            self._writer.value(value)
        else:
            self.text(template.format(value))

    @contextmanager
    def object(self, key: str = "") -> Iterator[None]:
        """A JSON object; nothing in text."""
        writer = self._writer
        if writer is not None:
            if key:
                writer.key(key)
            writer.open("{")
        yield
        if writer is not None:
            writer.close("}")

    @contextmanager
    def array(self, key: str, opening: str = "", closing: str = "") -> Iterator[None]:
        """A JSON array, or words between ``opening`` and ``closing``."""
        writer = self._writer
        if writer is not None:
            writer.key(key)
            writer.open("[")
        self.text(opening)
        yield
        if writer is not None:
            writer.close("]")
        self.text(closing)
