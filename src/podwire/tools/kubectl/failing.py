"""What went wrong with objects, in the words of kubectl (cmd/util, ``checkErr``): one failure stands alone, several stand in a row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, NoReturn

import msgspec

from podwire.errors import MISSING, ManifestError, NotModelled, PodwireError
from podwire.kube.godecode import complaint
from podwire.kube.invalid import Cause, Invalid, StatusError
from podwire.kube.kinds import KINDS
from podwire.kube.words import dns_subdomain
from podwire.tools.kubectl.context import KubectlError
from podwire.tools.kubectl.quoting import quoted

_BETWEEN: Final = re.compile(r"an integer from (-?\d+) to (-?\d+)")
_UNKNOWN: Final = re.compile(r'strict decoding error: unknown field "[^"]*"')
_SUBDOMAIN: Final = "a lowercase RFC 1123 subdomain"


class Failure(msgspec.Struct, frozen=True):
    """``alone``: how kubectl ends with it; ``beside``: its line among others; ``where``: the place in a file, which podwire knows."""

    alone: str
    beside: str
    where: str = ""


class Said(PodwireError):
    """A failure that is known already, on its way to where failures are gathered."""

    def __init__(self, known: Failure) -> None:
        super().__init__(known)
        self.known = known


def plain_failure(text: str) -> Failure:
    """One of kubectl's own, without ``error: ``."""
    return Failure(f"error: {text}", text)


def failure(error: PodwireError, doing: str = "", source: str = "", document: Any = None) -> Failure:
    """``doing`` is ``creating``, ``applying patch`` …; ``source`` the file of the object. Raises ``NotModelled`` again."""
    if isinstance(error, NotModelled):
        raise error
    if isinstance(error, Said):
        return error.known
    head = f'error when {doing} "{source}": ' if doing and source else ""
    where = place_of(error) if isinstance(error, ManifestError) else ""
    if isinstance(error, Invalid):
        group = next((kind.group for kind in KINDS.values() if kind.name == error.kind), "")
        causes = ", ".join(str(cause) for cause in error.causes)
        causes = f"[{causes}]" if len(error.causes) > 1 else causes
        kind = f"{error.kind}.{group}" if group else error.kind
        return Failure(
            error.said, f'Error from server (Invalid): {head}{kind} "{error.name}" is invalid: {causes}', where
        )
    if isinstance(error, StatusError):
        text = f"Error from server ({error.reason}): {head}{error.message}"
        return Failure(text, text)
    if isinstance(error, ManifestError):
        cause = cause_of(error)
        undecoded = _undecoded(document)
        if cause is not None and undecoded is None and isinstance(document, dict):
            meta = document.get("metadata") or {}
            known = Invalid(str(document.get("kind")), str(meta.get("name", "")), [cause], error.file, error.line)
            return failure(known, doing, source, document)
        shown = document if isinstance(document, dict) else {}
        kind = str(shown.get("kind", ""))
        found = _UNKNOWN.search(error.expected)
        detail = found.group() if found else f"{error.path}: {str(error).partition(f'{error.path}: ')[2]}"
        detail = undecoded or detail
        text = (
            f"Error from server (BadRequest): {head}{kind} in version {_quoted(shown.get('apiVersion'))}"
            f" cannot be handled as a {kind}: {detail}"
        )
        return Failure(text, text, where)
    return plain_failure(f"{head}{error}")


def _undecoded(document: Any) -> str | None:
    """Why Go's types cannot hold a document; None where they can, or where nobody knows them."""
    if not isinstance(document, dict):
        return None
    kind = KINDS.get((str(document.get("apiVersion")), str(document.get("kind"))))
    return None if kind is None else complaint(document, kind.type)


def cause_of(error: ManifestError) -> Cause | None:
    """What the server's validation says of a value that has the right type; None where it cannot even be decoded."""
    between = _BETWEEN.fullmatch(error.expected)
    if error.value is MISSING:
        path = "spec.containers" if error.path == "spec" and error.expected == "a mapping" else error.path
        return Cause(path, "Required value", MISSING)
    if error.expected.endswith("(Duplicate value)"):
        return Cause(error.path, "Duplicate value", error.value)
    if error.expected.startswith(_SUBDOMAIN) and isinstance(error.value, str):
        return Cause(error.path, "Invalid value", error.value, dns_subdomain(error.value)[0])
    if between and isinstance(error.value, int):
        return Cause(
            error.path, "Invalid value", error.value, f"must be between {between[1]} and {between[2]}, inclusive"
        )
    if error.expected.startswith("one of ") and isinstance(error.value, str):
        words = sorted(error.expected.removeprefix("one of ").split(", "))
        return Cause(error.path, "Unsupported value", error.value, "supported values: " + ", ".join(map(quoted, words)))
    return None


def _quoted(value: object) -> str:
    return f'"{str(value or "").rpartition("/")[2]}"'


def place_of(error: ManifestError) -> str:
    """``pod.yaml:7``, empty for what was read nowhere."""
    return f"{error.file}:{error.line}" if error.file is not None and error.line is not None else ""


def end(failures: Sequence[Failure]) -> NoReturn:
    """Raise ``KubectlError`` with the failures, and behind kubectl's own words the lines of the files."""
    lines = [failures[0].alone] if len(failures) == 1 else [each.beside for each in failures]
    lines += [f"podwire: see {each.where}" for each in failures if each.where]
    raise KubectlError("\n".join(lines))


def fail(text: str) -> NoReturn:
    """``error: TEXT``."""
    raise KubectlError(f"error: {text}")
