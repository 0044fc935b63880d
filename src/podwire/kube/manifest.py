"""Manifests: files, directories, text and mappings, as ``kubectl -f`` takes them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from podwire.errors import PodwireError
from podwire.kube.document import documents
from podwire.kube.fields import Field, from_python
from podwire.kube.objects import KubeObject, Reference, decode_object, decode_reference

_T = TypeVar("_T")

Single = Mapping[str, Any] | Field | KubeObject | Reference
Source = str | Path | Single | Iterable[Single]
"""A path (``-`` is standard input), YAML text, a mapping, a document or object that was read already, or several of the last three."""

_SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})


def load_objects(source: Source) -> list[KubeObject]:
    """The objects of a source, in order, decoded as strictly as the API server does.

    A ``str`` that holds a newline or a colon is YAML text, any other a path. Raises ``ManifestError`` with file, line
    and field, ``NotModelled`` for a kind that podwire lacks, and ``PodwireError`` where there is no object at all.
    """
    return _some(
        [each if isinstance(each, KubeObject) else decode_object(_field_of(each)) for each in _fields(source)], "apply"
    )


def load_references(source: Source) -> list[Reference]:
    """Kind, namespace and name of the objects of a source: all that deleting needs."""
    return _some(
        [each if isinstance(each, Reference) else decode_reference(_field_of(each)) for each in _fields(source)],
        "delete",
    )


def _field_of(each: Field | KubeObject | Reference) -> Field:
    return each if isinstance(each, Field) else each.at


def _some(found: list[_T], verb: str) -> list[_T]:
    if not found:
        raise PodwireError(f"no objects passed to {verb}")
    return found


def _fields(source: Source) -> Iterator[Field | KubeObject | Reference]:
    if isinstance(source, KubeObject | Reference):
        yield source
    elif isinstance(source, str) and ("\n" in source or ":" in source):
        for document in documents(source, "<text>"):
            yield from _unrolled(document)
    elif isinstance(source, str | Path):
        for file, text in _files(source):
            for document in documents(text, file):
                yield from _unrolled(document)
    elif isinstance(source, Field):
        yield from _unrolled(source)
    elif isinstance(source, Mapping):
        yield from _unrolled(from_python(source))
    else:
        for each in source:
            yield from _fields(each)


def _unrolled(document: Field) -> Iterator[Field]:
    """The items of a ``kind: List``, else the object itself."""
    kind = document.get("kind")
    items = document.get("items")
    if kind is not None and kind.value == "List" and items is not None:
        for item in items.items():
            yield from _unrolled(item)
    else:
        yield document


def _files(source: str | Path) -> Iterator[tuple[str, str]]:
    """Name and text of each file; those of a directory in order of their names."""
    if str(source) == "-":
        yield "-", sys.stdin.read()
        return
    path = Path(source)
    paths = sorted(p for p in path.iterdir() if p.suffix in _SUFFIXES and p.is_file()) if path.is_dir() else [path]
    for each in paths:
        yield str(each), read_text(each)


def read_text(path: Path) -> str:
    """The text of a file; raises ``PodwireError`` that names it."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PodwireError(f"{path}: not UTF-8 text: {error.reason} at byte {error.start}") from None
    except OSError as error:
        raise PodwireError(f"{path}: {error.strerror}") from None
