"""YAML text as fields that know their file, line and path."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Final

import msgspec
import yaml

from podwire.errors import ManifestError
from podwire.kube.fields import Field, join

if TYPE_CHECKING:
    _Loader = yaml.SafeLoader
else:
    _Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Loader(_Loader):
    """YAML 1.1 as Go's yaml.v2 reads it: ``y`` and ``n`` are booleans too (resolve.go)."""

    bool_values: ClassVar[dict[str, bool]] = {**_Loader.bool_values, "y": True, "n": False}


Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"[yYnN]\Z"), list("yYnN"))

_DEEPEST: Final = 100
_MOST: Final = 200_000
"""Fields that one document may hold. Aliases of aliases double a text of a few lines up to the memory's end."""


def documents(text: str, file: str | None = None) -> list[Field]:
    """The documents of a YAML text that hold something, in order. Raises ``ManifestError``."""
    return list(_read(text, file))


def _read(text: str, file: str | None) -> Iterator[Field]:
    try:
        _check_depth(text, file)
        loader = Loader(text)
        try:
            while loader.check_node():
                node = loader.get_node()
                assert node is not None  # noqa: S101 - check_node said so
                document = _Reader(loader, file).field(node, "")
                if document.value is not None:
                    yield document
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else None
        raise _unreadable(text, file, line, error.problem or str(error.context)) from None
    except yaml.reader.ReaderError as error:
        raise _unreadable(text, file, None, f"{error.reason} at position {error.position}") from None


def _check_depth(text: str, file: str | None) -> None:
    """The C parser builds nodes by recursion, and ends the process where its stack does; its events need none."""
    depth = 0
    for event in yaml.parse(text, Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                line = event.start_mark.line + 1 if event.start_mark is not None else None
                raise _unreadable(text, file, line, f"it is nested more than {_DEEPEST} levels deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _unreadable(text: str, file: str | None, line: int | None, problem: str) -> ManifestError:
    lines = text.splitlines()
    if line is None or not lines:
        return ManifestError(file, None, "", text, f"YAML ({problem})")
    line = min(line, len(lines))  # the parser may point behind the end
    return ManifestError(file, line, "", lines[line - 1].strip(), f"YAML ({problem})")


class _Reader:
    """Turns the nodes of one document into fields."""

    def __init__(self, loader: yaml.SafeLoader, file: str | None) -> None:
        self._loader = loader
        self._file = file
        self._open: list[yaml.Node] = []
        self._count = 0
        self._flat: set[int] = set()

    def field(self, node: yaml.Node, path: str) -> Field:
        """A node and everything in it."""
        self._count += 1
        if self._count > _MOST:
            raise self._error(node, path, "…", f"at most {_MOST} values in a document")
        if node in self._open:
            raise self._error(node, path, "an alias", "no value that contains itself")
        self._open.append(node)
        try:
            if isinstance(node, yaml.MappingNode):
                return self._make(node, path, self._mapping(node, path))
            if isinstance(node, yaml.SequenceNode):
                items = tuple(self.field(item, f"{path}[{index}]") for index, item in enumerate(node.value))
                return self._make(node, path, items)
            plain = isinstance(node, yaml.ScalarNode) and not node.style
            return self._make(node, path, self._scalar(node, path), str(node.value) if plain else None)
        finally:
            self._open.pop()

    def _make(self, node: yaml.Node, path: str, value: object, written: str | None = None) -> Field:
        mark = node.start_mark
        return Field(value, path, self._file, mark.line + 1, mark.column + 1, written)

    def _error(self, node: yaml.Node, path: str, value: object, expected: str) -> ManifestError:
        return ManifestError(self._file, node.start_mark.line + 1, path, value, expected)

    def _scalar(self, node: yaml.Node, path: str) -> Any:
        try:
            return self._loader.construct_object(node)
        except (ValueError, OverflowError):  # 2026-02-30 has the form of a date and is none
            raise self._error(node, path, node.value, "a value that YAML can read; put text in quotes") from None

    def _mapping(self, node: yaml.MappingNode, path: str) -> dict[str, Field]:
        if id(node) not in self._flat:
            self._check_keys(node, path)
            self._loader.flatten_mapping(node)  # `<<: *alias`: its members come first, and ours may say otherwise
            self._flat.add(id(node))
        members: dict[str, Field] = {}
        for key_node, value_node in node.value:
            key = self.field(key_node, path)
            name = key.written if key.written is not None else key.text("a key that is text")
            member = self.field(value_node, join(path, name))
            members[name] = member if isinstance(key.value, str) else msgspec.structs.replace(member, key=key)
        return members

    def _check_keys(self, node: yaml.MappingNode, path: str) -> None:
        seen: set[str] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._error(key_node, path, "a list or mapping", "a key that is text")
            if key_node.value in seen:
                raise self._error(key_node, join(path, key_node.value), key_node.value, "each key once")
            seen.add(key_node.value)
