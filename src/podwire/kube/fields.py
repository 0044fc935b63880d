"""A value of a document together with the place where it was written, so that every complaint can name it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from podwire.errors import MISSING, ManifestError

_OCTAL: Final = re.compile(r"[-+]?0[0-7_]+")


class Field(msgspec.Struct, frozen=True, eq=False):
    """One value of a document.

    ``value`` is a scalar, a tuple of fields or a mapping of fields. ``path`` is written as Kubernetes writes it
    (``spec.containers[0].image``), ``line`` and ``column`` count from 1. ``written`` is the text of a scalar that stands
    without quotes: it shows what YAML made a number or a boolean of.
    """

    value: object
    path: str = ""
    file: str | None = None
    line: int | None = None
    column: int | None = None
    written: str | None = None
    key: Field | None = None
    """The key of this member, where YAML takes it for something else than text: ``on``, ``80``."""

    @property
    def where(self) -> str:
        """``pod.yaml:7``; empty for what came from Python."""
        return ":".join(str(part) for part in (self.file, self.line) if part is not None)

    def error(self, expected: str) -> ManifestError:
        """A complaint about this value."""
        return ManifestError(self.file, self.line, self.path, self.plain(), expected)

    def missing(self, name: str, expected: str) -> ManifestError:
        """A complaint about a member that is not there."""
        return ManifestError(self.file, self.line, join(self.path, name), MISSING, expected)

    def plain(self) -> object:
        """The value as plain Python."""
        if isinstance(self.value, dict):
            return {key: member.plain() for key, member in self.value.items()}
        if isinstance(self.value, tuple):
            return [item.plain() for item in self.value]
        return self.value

    def members(self) -> Mapping[str, Field]:
        """The members of a mapping; null has none."""
        if self.value is None:
            return {}
        if not isinstance(self.value, dict):
            raise self.error("a mapping")
        return self.value

    def items(self) -> tuple[Field, ...]:
        """The items of a list; null has none."""
        if self.value is None:
            return ()
        if not isinstance(self.value, tuple):
            raise self.error("a list")
        return self.value

    def get(self, *names: str) -> Field | None:
        """The member of a member …; None where one of them is not there."""
        found: Field | None = self
        for name in names:
            found = found.value.get(name) if found is not None and isinstance(found.value, dict) else None
        return found

    def at(self, *names: str) -> Field:
        """The member of a member …, or the innermost one that is there: where to point when something about it is wrong."""
        found = self
        for name in names:
            deeper = found.get(name)
            if deeper is None:
                break
            found = deeper
        return found

    def text(self, expected: str = "text") -> str:
        """Text; a complaint says what YAML made of a word without quotes."""
        if not isinstance(self.value, str):
            raise self.error(f"{expected}{self._surprise('put it in quotes')}")
        return self.value

    def integer(self, expected: str = "an integer") -> int:
        """An integer as people write them: 010 and 1:30 are none, though YAML 1.1 thinks so."""
        if type(self.value) is not int:
            raise self.error(expected)
        if self.written is not None and (":" in self.written or _OCTAL.fullmatch(self.written)):
            raise self.error(f"{expected}{self._surprise(f'write {self.value} if that is what you mean')}")
        return self.value

    def number(self, expected: str = "a number") -> float:
        """An integer or a fraction."""
        if type(self.value) is float:
            return self.value
        return float(self.integer(expected))

    def boolean(self) -> bool:
        """``true`` or ``false``, or one of the words that YAML 1.1 reads as such."""
        if not isinstance(self.value, bool):
            raise self.error("true or false")
        return self.value

    def _surprise(self, remedy: str) -> str:
        """What YAML made of a word, where it is not what it looks like."""
        if self.written is None or self.value is None:
            return ""
        if isinstance(self.value, bool):
            what = "true" if self.value else "false"
        elif isinstance(self.value, int):
            what = "a number"
            if ":" in self.written:
                what = f"the number {self.value}, digits of base 60"
            elif _OCTAL.fullmatch(self.written):
                what = f"the octal number {self.value}"
        elif isinstance(self.value, float):
            what = "a number"
        elif isinstance(self.value, dt.date):
            what = "a date"
        else:
            return ""
        return f" (YAML reads {self.written} as {what}: {remedy})"


def join(path: str, name: str) -> str:
    """The path of a member."""
    return f"{path}.{name}" if path else name


def from_python(value: object, path: str = "") -> Field:
    """A field of a value that came from Python: it has no file and no line."""
    if isinstance(value, Mapping):
        members: dict[str, Field] = {}
        for key, member in value.items():
            if not isinstance(key, str):
                raise ManifestError(None, None, path, key, "a key that is text")
            members[key] = from_python(member, join(path, key))
        return Field(members, path)
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return Field(tuple(from_python(item, f"{path}[{index}]") for index, item in enumerate(value)), path)
    return Field(value, path)
