"""JSON as Go's encoding/json reads it: strictly, with its words for what is wrong (scanner.go)."""

from __future__ import annotations

import json
import re
from typing import Any, Final

_SPACE: Final = " \t\r\n"
_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_ESCAPE: Final = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})')
_END: Final = "unexpected end of JSON input"
_KINDS: Final = ((bool, "bool"), (str, "string"), ((int, float), "number"), (dict, "object"), (list, "array"))


class JsonError(ValueError):
    """What Go says of a text that is no JSON; ``offset``: how many bytes it has read by then, None at the end of the text."""

    def __init__(self, text: str, offset: int | None = None) -> None:
        super().__init__(text)
        self.offset = offset


def go_json(text: str) -> Any:
    """The value of a text. Raises ``JsonError``."""
    reader = _Reader(text)
    reader.value()
    if reader.peek():
        raise reader.wrong("after top-level value")
    return json.loads(text)


def json_end(text: str) -> int:
    """Where the value ends with which a text begins. Raises ``JsonError``."""
    reader = _Reader(text)
    reader.value()
    return reader.position


def unmarshal_error(value: Any, into: str) -> str:
    """What Go says of a value of another type than the one it is to become."""
    kind = next((word for kinds, word in _KINDS if isinstance(value, kinds)), "null")
    return f"json: cannot unmarshal {kind} into Go value of type {into}"


class _Reader:
    """Looks at each character once; says where it is none that may stand there."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    @property
    def position(self) -> int:
        return self._at

    def peek(self) -> str:
        """The next character that is no blank; empty at the end."""
        while self._at < len(self._text) and self._text[self._at] in _SPACE:
            self._at += 1
        return self._text[self._at : self._at + 1]

    def wrong(self, where: str) -> JsonError:
        found = self._text[self._at : self._at + 1]
        if not found:
            return JsonError(_END)
        shown = {"'": r"'\''", '"': "'\"'"}.get(found) or f"'{found}'"
        return JsonError(f"invalid character {shown} {where}", len(self._text[: self._at + 1].encode()))

    def value(self) -> None:
        first = self.peek()
        if first == "{":
            self._object()
        elif first == "[":
            self._array()
        elif first == '"':
            self._string()
        elif first in {"t", "f", "n"} and first:
            self._literal({"t": "true", "f": "false", "n": "null"}[first])
        else:
            number = _NUMBER.match(self._text, self._at)
            if number is None:
                raise self.wrong("looking for beginning of value")
            self._at = number.end()

    def _literal(self, word: str) -> None:
        for letter in word:
            if self._text[self._at : self._at + 1] != letter:
                raise self.wrong(f"in literal {word} (expecting '{letter}')")
            self._at += 1

    def _string(self) -> None:
        self._at += 1
        while True:
            found = self._text[self._at : self._at + 1]
            if found == '"':
                self._at += 1
                return
            if not found or found < " ":
                raise self.wrong("in string literal")
            escape = _ESCAPE.match(self._text, self._at) if found == "\\" else None
            if found == "\\" and escape is None:
                self._at += 1
                raise self.wrong("in string escape code")
            self._at = escape.end() if escape is not None else self._at + 1

    def _object(self) -> None:
        self._at += 1
        if self.peek() == "}":
            self._at += 1
            return
        while True:
            if self.peek() != '"':
                raise self.wrong("looking for beginning of object key string")
            self._string()
            if self.peek() != ":":
                raise self.wrong("after object key")
            self._at += 1
            self.value()
            if self._ended("}", "after object key:value pair"):
                return

    def _array(self) -> None:
        self._at += 1
        if self.peek() == "]":
            self._at += 1
            return
        while True:
            self.value()
            if self._ended("]", "after array element"):
                return

    def _ended(self, last: str, where: str) -> bool:
        """A comma, or the end."""
        found = self.peek()
        if found not in {",", last} or not found:
            raise self.wrong(where)
        self._at += 1
        return found == last
