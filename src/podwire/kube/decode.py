"""Strict decoding of fields into typed structs: no field that is not known, no value of another type.

A struct says what a document may hold, in the words of msgspec: its field names (``rename="camel"`` for Kubernetes),
types, defaults, and ``Annotated[…, Meta(…)]`` for ranges and patterns. ``at: Field``, where a struct has it, receives the place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, Literal, TypeVar, Union, cast, get_args, get_origin

import msgspec

from podwire.kube.fields import Field
from podwire.wire.addr import Ip, Net

_T = TypeVar("_T")

Unknown = Callable[[Field, Iterable[str]], str]
"""What was expected in place of a field that is not known: from the field and the names there are."""

_EXPECTED: Final[Mapping[object, str]] = {
    str: "text",
    int: "an integer",
    float: "a number",
    bool: "true or false",
    Ip: "an address such as 10.0.0.1",
    Net: "an address range such as 10.0.0.0/24",
}


def strict(field: Field, names: Iterable[str]) -> str:
    """As the API server says it."""
    near = get_close_matches(field.path.rpartition(".")[2], list(names), n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f'no field of that name (strict decoding error: unknown field "{field.path}"){hint}'


def one_of(field: Field, names: Iterable[str]) -> str:
    """The names there are: for documents of podwire's own."""
    return f"one of the fields {', '.join(names)}"


def decode(field: Field, kind: type[_T], unknown: Unknown = strict) -> _T:
    """The value as ``kind``. Raises ``ManifestError`` that names file, line, field, value and what was expected."""
    return cast("_T", _Decoder(unknown).value(field, kind))


@cache
def _infos(kind: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    return {info.encode_name: info for info in msgspec.structs.fields(kind)}


class _Decoder:
    def __init__(self, unknown: Unknown) -> None:
        self._unknown = unknown

    def value(self, field: Field, kind: Any) -> object:
        """A value of any kind that a struct may name."""
        if kind is Any or kind is object:
            return field.plain()
        if kind is Field:
            return field
        origin, args = _parts(kind)
        if origin is None:
            if kind not in _EXPECTED and isinstance(kind, type) and issubclass(kind, msgspec.Struct):
                return self._struct(field, kind)
            return self._scalar(field, kind, expected_text(kind))
        if origin is Annotated:
            return self._limited(field, args[0], args[1:])
        if origin in {Union, UnionType}:
            return self._union(field, args)
        if origin is Literal:
            return self._literal(field, kind, args)
        if origin in {tuple, list, Sequence}:
            return tuple(self.value(item, args[0]) for item in field.items())
        if origin is dict:
            key, member = args
            return {self._key(name, at, key): self.value(at, member) for name, at in field.members().items()}
        return self._scalar(field, kind, expected_text(kind))

    def _scalar(self, field: Field, kind: Any, expected: str) -> object:
        if kind is str:
            return field.text(expected)
        if kind is bool:
            return field.boolean()
        if kind is int:
            return field.integer(expected)
        if kind is float:
            return field.number(expected)
        try:
            return kind.parse(field.text(expected))
        except ValueError as error:
            why = f" ({error})" if str(error).startswith("host bits") else ""
            raise field.error(expected + why) from None

    def _limited(self, field: Field, base: Any, metas: tuple[msgspec.Meta, ...]) -> object:
        expected = expected_text(Annotated[base, metas[0]] if metas else base)
        simple = expected_text(base) if base is str else expected
        value = self._scalar(field, base, simple) if base in _EXPECTED else self.value(field, base)
        for meta in metas:
            size = len(value) if isinstance(value, str | tuple) else 0
            if (
                (meta.ge is not None and cast("float", value) < meta.ge)
                or (meta.le is not None and cast("float", value) > meta.le)
                or (meta.min_length is not None and size < meta.min_length)
                or (meta.max_length is not None and size > meta.max_length)
                or (meta.pattern is not None and not _matches(meta.pattern, cast("str", value)))
            ):
                raise field.error(expected)
        return value

    def _union(self, field: Field, kinds: tuple[Any, ...]) -> object:
        """``X | None``, and unions of scalars such as ``int | str``."""
        if field.value is None and type(None) in kinds:
            return None
        rest = [kind for kind in kinds if kind is not type(None)]
        if len(rest) == 1:
            return self.value(field, rest[0])
        for kind in rest:
            if type(field.value) is kind:
                return self.value(field, kind)
        raise field.error(" or ".join(expected_text(kind) for kind in rest))

    def _literal(self, field: Field, kind: Any, values: tuple[Any, ...]) -> object:
        expected = expected_text(kind)
        if field.text(expected) not in values:
            raise field.error(expected)
        return field.value

    def _key(self, name: str, at: Field, kind: Any) -> str:
        if at.key is not None:
            at.key.text("a key that is text")
        origin, args = _parts(kind)
        if origin is Annotated:
            self._limited(msgspec.structs.replace(at, value=name, written=None), args[0], args[1:])
        return name

    def _struct(self, field: Field, kind: type[msgspec.Struct]) -> msgspec.Struct:
        infos = _infos(kind)
        members = field.members()
        for name, member in members.items():
            if name not in infos or name == "at":
                raise member.error(self._unknown(member, [each for each in infos if each != "at"]))
        values: dict[str, object] = {}
        for name, info in infos.items():
            if name == "at":
                continue
            value = members.get(name)
            if value is not None and (value.value is not None or info.required):
                values[info.name] = self.value(value, info.type)
            elif info.required:
                raise field.missing(name, expected_text(info.type))
        if "at" in infos:
            values["at"] = field
        return kind(**values)


@cache
def _parts(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    """Origin and arguments of a kind; of an annotated one the kind itself and what limits it."""
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        args = (args[0], *(each for each in args[1:] if isinstance(each, msgspec.Meta)))
    return origin, args


def _matches(pattern: str, value: str) -> bool:
    return re.fullmatch(pattern, value, re.ASCII) is not None


@cache
def expected_text(kind: Any) -> str:
    """A kind in words, behind "expected"."""
    origin = get_origin(kind)
    if origin is Annotated:
        base = _parts(kind)[1][0]
        metas: tuple[msgspec.Meta, ...] = _parts(kind)[1][1:]
        for meta in metas:
            if meta.description is not None:
                return meta.description
            if meta.ge is not None and meta.le is not None:
                return f"{expected_text(base)} from {meta.ge} to {meta.le}"
            if meta.ge is not None:
                return f"{expected_text(base)} from {meta.ge} on"
        return expected_text(base)
    if origin in {Union, UnionType}:
        return " or ".join(expected_text(each) for each in get_args(kind) if each is not type(None))
    if origin is Literal:
        values = [str(value) for value in get_args(kind)]
        return values[0] if len(values) == 1 else f"one of {', '.join(values)}"
    if origin in {tuple, list, Sequence}:
        return "a list"
    return _EXPECTED.get(kind, "a mapping")
