"""Refusals in the API server's words: ``The Service "x" is invalid: spec.ports[0].port: Invalid value: 70000: must be …``.

The words of a cause are those of k8s.io/apimachinery, pkg/util/validation/field (values that are no scalar as recent servers write
them: in JSON).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import msgspec

from podwire.errors import MISSING, ManifestError, PodwireError
from podwire.kube.fields import Field


class Cause(msgspec.Struct, frozen=True):
    """One thing that is wrong. ``reason`` such as ``Invalid value``; ``value`` is MISSING where the server does not show it."""

    path: str
    reason: str
    value: object
    detail: str = ""

    def __str__(self) -> str:
        shown = "" if self.value is MISSING else f": {_shown(self.value)}"
        return f"{self.path}: {self.reason}{shown}{f': {self.detail}' if self.detail else ''}"


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


class Problems:
    """What a validation found, in order, each thing once."""

    def __init__(self) -> None:
        self.causes: list[Cause] = []

    def _add(self, path: str, reason: str, value: object, detail: str) -> None:
        cause = Cause(path, reason, value, detail)
        if cause not in self.causes:
            self.causes.append(cause)

    def invalid(self, path: str, value: object, detail: str) -> None:
        """A value that is malformed or out of bounds."""
        self._add(path, "Invalid value", value, detail)

    def required(self, path: str, detail: str = "") -> None:
        """A value that is not there."""
        self._add(path, "Required value", MISSING, detail)

    def forbidden(self, path: str, detail: str) -> None:
        """A value that cannot be there now."""
        self._add(path, "Forbidden", MISSING, detail)

    def duplicate(self, path: str, value: object) -> None:
        """A value that another has."""
        self._add(path, "Duplicate value", value, "")

    def unsupported(self, path: str, value: object, known: Iterable[str]) -> None:
        """A word that is none of those that exist."""
        words = ", ".join(_shown(word) for word in known)
        self._add(path, "Unsupported value", value, f"supported values: {words}")

    def too_long(self, path: str, most: int) -> None:
        """More bytes than there may be."""
        self._add(path, "Too long", MISSING, f"may not be more than {most} bytes")

    def too_many(self, path: str, count: int, most: int) -> None:
        """More items than there may be."""
        self._add(path, "Too many", count, f"must have at most {most} items")

    def all(self, path: str, value: object, details: Iterable[str]) -> None:
        """One ``invalid`` for each of the details."""
        for detail in details:
            self.invalid(path, value, detail)


class Invalid(ManifestError):
    """An object that the API server refuses (HTTP 422). ``causes`` says all that is wrong; ``said`` is what kubectl prints."""

    def __init__(
        self,
        kind: str,
        name: str,
        causes: Sequence[Cause],
        file: str | None = None,
        line: int | None = None,
    ) -> None:
        first = causes[0]
        super().__init__(file, line, first.path, first.value, first.detail or first.reason)
        self.args = (kind, name, tuple(causes), file, line)
        self.kind = kind
        self.name = name
        self.causes = tuple(causes)

    @property
    def said(self) -> str:
        """Kubectl's words: several causes stand on lines of their own."""
        head = f'The {self.kind} "{self.name}" is invalid: '
        if len(self.causes) == 1:
            return head + str(self.causes[0])
        return head + "".join(f"\n* {cause}" for cause in self.causes)

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        causes = ", ".join(str(cause) for cause in self.causes)
        text = f"[{causes}]" if len(self.causes) > 1 else causes
        return f'{place + ": " if place else ""}The {self.kind} "{self.name}" is invalid: {text}'


class StatusError(PodwireError):
    """The server refuses a request: ``reason`` is NotFound, AlreadyExists, Conflict, Forbidden, BadRequest or Expired."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message

    def __str__(self) -> str:
        return f"Error from server ({self.reason}): {self.message}"


def refuse(kind: str, name: str, problems: Problems, at: Field | None = None) -> None:
    """Raise ``Invalid`` with the place of the first cause in the manifest, if there is any cause."""
    if not problems.causes:
        return
    place = _place(at, problems.causes[0].path) if at is not None else None
    file, line = (place.file, place.line) if place is not None else (None, None)
    raise Invalid(kind, name, problems.causes, file, line)


def _place(at: Field, path: str) -> Field:
    """Where a path stands in the document, or the innermost part of it that is written there."""
    for part in path.replace("]", "").replace("[", ".").split("."):
        deeper: Field | None = None
        if isinstance(at.value, dict):
            deeper = at.value.get(part)
        elif isinstance(at.value, tuple) and part.isdecimal() and int(part) < len(at.value):
            deeper = at.value[int(part)]
        if deeper is None:
            break
        at = deeper
    return at
