"""JSONPath templates as kubectl has them: ``{.items[*].metadata.name}``, ``{range .items[*]}{.x} {end}``: how they are read.

Grammar and words of errors: k8s.io/client-go, util/jsonpath/parser.go. ``jsonpath`` finds what a template asks for.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from podwire.tools.kubectl.quoting import UnquoteError, unquoted

_DICT_KEY: Final = re.compile(r"'([^']*)'")
_SLICE: Final = re.compile(r"(-?\d*)(:-?\d*)?(:-?\d*)?", re.ASCII)
_COMPARISON: Final = re.compile(r"([^!<>=]+)([!<>=]+)(.+?)", re.DOTALL)
_END: Final = ""


class TemplateError(Exception):
    """A template that makes no sense, or finds what it cannot go on with; in the words of client-go."""


class Text(msgspec.Struct, frozen=True):
    """Text that stands outside of braces, or in quotes."""

    value: str


class Name(msgspec.Struct, frozen=True):
    """``.name``: a member."""

    value: str


class Word(msgspec.Struct, frozen=True):
    """``range``, ``end``, or a word that means nothing."""

    value: str


class Constant(msgspec.Struct, frozen=True):
    """A number, ``true`` or ``false``."""

    value: int | float | bool


class Bound(msgspec.Struct, frozen=True):
    """One of the three numbers of a slice. ``derived``: it was not written and stands for one behind the first."""

    value: int = 0
    known: bool = False
    derived: bool = False


class Slice(msgspec.Struct, frozen=True):
    """``[first:last:step]``; ``[*]`` is ``[:]``, and ``[3]`` is ``[3:4]``."""

    first: Bound
    last: Bound
    step: Bound


class Wildcard(msgspec.Struct, frozen=True):
    """``.*``: every member."""


class Recursive(msgspec.Struct, frozen=True):
    """``..``: everything inside."""


class Union(msgspec.Struct, frozen=True):
    """``['a','b']``: one path after the other."""

    paths: tuple[Path, ...]


class Filter(msgspec.Struct, frozen=True):
    """``[?(@.a=="b")]``; ``exists`` is the operator of ``[?(@.a)]``."""

    left: Path
    operator: str
    right: Path


class Path(msgspec.Struct, frozen=True):
    """What stands in braces: steps from one set of values to the next."""

    steps: tuple[Step, ...]


Step = Text | Name | Word | Constant | Slice | Wildcard | Recursive | Union | Filter
Template = tuple[Text | Path, ...]


def parse(text: str) -> Template:
    """Read a template. Raises ``TemplateError``."""
    return _Parser(text).whole()


def _inside(text: str) -> Path:
    """What stands in braces, without them."""
    found = parse(f"{{{text}}}")[0]
    return found if isinstance(found, Path) else Path((found,))


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def whole(self) -> Template:
        found: list[Text | Path] = []
        while self._at < len(self._text):
            brace = self._text.find("{", self._at)
            outside = self._text[self._at : brace if brace >= 0 else len(self._text)]
            if outside:
                found.append(Text(outside))
            if brace < 0:
                break
            self._at = brace + 1
            found.append(self._action())
        return tuple(found)

    def _next(self) -> str:
        char = self._text[self._at : self._at + 1]
        self._at += len(char)
        return char

    def _take(self, prefix: str) -> bool:
        if not self._text.startswith(prefix, self._at):
            return False
        self._at += len(prefix)
        return True

    def _action(self) -> Path:
        steps: list[Step] = []
        while not self._take("}"):
            if self._take("[?("):
                steps.append(self._filter())
            elif self._take(".."):
                if steps and isinstance(steps[-1], Recursive):
                    raise TemplateError("invalid multiple recursive descent")
                steps.append(Recursive())
                if _starts_word(self._text[self._at : self._at + 1]):
                    steps.append(self._field())
            else:
                steps += self._step()
        return Path(tuple(steps))

    def _step(self) -> list[Step]:
        char = self._next()
        if char in {_END, "\r", "\n"}:
            raise TemplateError("unclosed action")
        if char in {" ", "@", "$"}:
            return []
        if char == "[":
            return self._array()
        if char in {'"', "'"}:
            return [self._quoted(char)]
        if char == ".":
            return [self._field()]
        self._at -= 1
        if char in "+-" or char.isdecimal():
            return [self._number()]
        if _starts_word(char):
            return [self._word()]
        raise TemplateError(f"unrecognized character in action: U+{ord(char):04X} '{char}'")

    def _word(self) -> Step:
        first = self._at
        while not _ends_word(self._text[self._at : self._at + 1]):
            self._at += 1
        word = self._text[first : self._at]
        return Constant(word == "true") if word in {"true", "false"} else Word(word)

    def _field(self) -> Step:
        first = self._at
        while not _ends_word(char := self._text[self._at : self._at + 1]):
            # What follows a backslash belongs to the name.
            self._at += 2 if char == "\\" else 1
        self._at = min(self._at, len(self._text))
        name = self._text[first : self._at]
        return Wildcard() if name == "*" else Name(name.replace("\\", ""))

    def _number(self) -> Step:
        match = re.compile(r"[+-]?[\d.]*").match(self._text, self._at)
        text = match.group() if match else ""
        self._at += len(text)
        for kind in (int, float):
            try:
                return Constant(kind(text))
            except ValueError:
                continue
        raise TemplateError(f"cannot parse number {text}")

    def _quoted(self, quote: str) -> Text:
        first = self._at - 1
        while True:
            char = self._next()
            if char in {_END, "\n"}:
                raise TemplateError("unterminated quoted string")
            if char == quote and self._text[self._at - 2] != "\\":
                break
        text = self._text[first : self._at]
        try:
            return Text(unquoted(text))
        except UnquoteError:
            raise TemplateError(f"unquote string {text} error invalid syntax") from None

    def _array(self) -> list[Step]:
        first = self._at
        while (char := self._next()) != "]":
            if char in {_END, "\n"}:
                raise TemplateError("unterminated array")
        text = self._text[first : self._at - 1]
        if text == "*":
            text = ":"
        if "," in text:
            return [Union(tuple(_inside(f"[{part.strip(' ')}]") for part in text.split(",")))]
        key = _DICT_KEY.fullmatch(text)
        if key is not None:
            return list(_inside(f".{key.group(1)}").steps)
        match = _SLICE.fullmatch(text)
        if match is None:
            raise TemplateError(f"invalid array index {text}")
        return [_slice(match)]

    def _filter(self) -> Filter:
        first = self._at
        pair = ""
        closed = False
        while True:
            char = self._next()
            if char in {_END, "\n"}:
                raise TemplateError("unterminated filter")
            if char in {'"', "'"}:
                if not pair:
                    pair = char
                elif char == pair and self._text[self._at - 2] != "\\":
                    closed = True
            elif char == ")" and bool(pair) is closed:
                break
        text = self._text[first : self._at - 1]
        if self._next() != "]":
            raise TemplateError("unclosed array expect ]")
        match = _COMPARISON.fullmatch(text)
        if match is None:
            return Filter(_inside(text), "exists", Path(()))
        left, operator, right = match.groups()
        return Filter(_inside(left), operator, _inside(right))


def _starts_word(char: str) -> bool:
    return char == "_" or char.isalpha() or char.isdecimal()


def _ends_word(char: str) -> bool:
    return not char or char in " \t\r\n.,[]$@{}"


def _slice(match: re.Match[str]) -> Slice:
    first, last, step = (match.group(number) or "" for number in (1, 2, 3))
    start = _bound(first)
    end = _bound(last[1:]) if last else Bound(start.value + 1, known=True, derived=True)
    return Slice(start, end, _bound(step[1:]))


def _bound(text: str) -> Bound:
    if not text:
        return Bound()
    try:
        return Bound(int(text), known=True)
    except ValueError:
        raise TemplateError(f"array index {text} is not a number") from None
