"""What a JSONPath template finds in a document, and how it is printed (k8s.io/client-go, util/jsonpath/jsonpath.go).

Members of a map come in order of their keys: Go's own order is a matter of chance.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from operator import ge, gt, le, lt
from types import MappingProxyType
from typing import Any, Final

from podwire.tools.kubectl.jsonpath_syntax import (
    Bound,
    Constant,
    Filter,
    Name,
    Path,
    Recursive,
    Slice,
    Template,
    TemplateError,
    Text,
    Union,
    Wildcard,
    Word,
    parse,
)

__all__ = ["JsonPath", "TemplateError", "json_text", "sprint"]

_ORDER: Final[Mapping[str, Callable[[Any, Any], bool]]] = MappingProxyType({"<": lt, "<=": le, ">": gt, ">=": ge})


class _Nothing:
    """What a range over nothing gives its body to look at: the zero reflect.Value."""


_NOTHING: Final = _Nothing()


class JsonPath:
    """A template. Raises ``TemplateError`` where it makes no sense.

    ``missing``: members that are not there are no error, as everywhere in kubectl.
    """

    def __init__(self, text: str, *, missing: bool = True) -> None:
        self.text = text
        self._missing = missing
        self._template = parse(text)

    def results(self, document: Any) -> list[list[Any]]:
        """The values that each part of the template finds. Raises ``TemplateError``."""
        return _Run(missing=self._missing).parts(self._template, document)[0]

    def find(self, document: Any) -> list[Any]:
        """The values that the template finds, one after the other. Raises ``TemplateError``."""
        return [value for each in self.results(document) for value in each]

    def render(self, document: Any, *, as_json: bool = False) -> str:
        """What ``-o jsonpath=…`` prints, or ``-o jsonpath-as-json=…``. Raises ``TemplateError``."""
        found = self.results(document)
        if as_json:
            return "".join(f"{json_text(each, 4)}\n" for each in found)
        return "".join(" ".join(text_of(value) for value in each) for each in found)


def text_of(value: Any) -> str:
    """A value as a template prints it: maps and lists as JSON, the rest as Go's ``fmt.Print`` has it."""
    if isinstance(value, Mapping | list | tuple):
        return json_text(value)
    return "null" if value is None else sprint(value)


class _Run:
    """One evaluation."""

    def __init__(self, *, missing: bool) -> None:
        self._missing = missing

    def parts(self, parts: Template, value: Any, *, inside: bool = False) -> tuple[list[list[Any]], Template | None]:
        """What the parts find, and those behind the ``end`` that ended them; None where no ``end`` did."""
        found: list[list[Any]] = []
        while parts:
            part, parts = parts[0], parts[1:]
            if isinstance(part, Text):
                found.append([part.value])
            elif _is(part, "end"):
                if not inside:
                    raise TemplateError("not in range, nothing to end")
                return found, parts
            elif _is(part, "range"):
                rest: Template | None = None
                # A range over nothing is walked all the same, to find its end.
                for each in self.path(part, [value]) or [_NOTHING]:
                    inner, rest = self.parts(parts, each, inside=True)
                    found += [] if each is _NOTHING else inner
                # Without an end the parts are evaluated once more, behind the range.
                parts = parts if rest is None else rest
            else:
                found.append(self.path(part, [value]))
        return found, None

    def path(self, path: Path, values: list[Any]) -> list[Any]:
        """Follow the steps of a path."""
        for step in path.steps:
            values = self._step(step, values)
        return values

    def _step(self, step: Any, values: list[Any]) -> list[Any]:
        match step:
            case Text(value):
                return [value]
            case Constant(value):
                return [value] * len(values)
            case Name(name):
                return self._member(name, values)
            case Wildcard():
                return [inner for value in values for inner in _inner(value)]
            case Recursive():
                return [each for value in values for each in _descend(value)]
            case Union(paths):
                return [each for path in paths for each in self.path(path, values)]
            case Slice():
                return [each for value in values if value is not None for each in _sliced(step, value)]
            case Filter():
                return [each for value in values for each in self._filtered(step, value)]
            case Word("range"):
                return values
            case Word(word):
                raise TemplateError(f"unrecognized identifier {word}")
        raise TypeError(step)

    def _member(self, name: str, values: list[Any]) -> list[Any]:
        found = [value[name] for value in values if isinstance(value, Mapping) and name in value]
        if values and not found and not self._missing:
            raise TemplateError(f"{name} is not found")
        return found

    def _filtered(self, step: Filter, value: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise TemplateError(f"{_shown(value)} is not array or slice and cannot be filtered")
        return [each for each in value if self._passes(step, each)]

    def _passes(self, step: Filter, each: Any) -> bool:
        if step.operator == "exists":
            try:
                return bool(self.path(step.left, [each]))
            except TemplateError:
                return False
        sides = []
        for side in (step.left, step.right):
            found = self.path(side, [each])
            if not found:
                return False
            if len(found) > 1:
                raise TemplateError("can only compare one element at a time")
            sides.append(found[0])
        return _compare(step.operator, *sides)


def _is(part: Path, word: str) -> bool:
    return any(isinstance(step, Word) and step.value == word for step in part.steps)


def _inner(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return [value[key] for key in sorted(value)]
    if isinstance(value, str):
        return list(value.encode())
    return list(value) if isinstance(value, list | tuple) else []


def _descend(value: Any) -> list[Any]:
    """A value with something inside, and what is inside of that."""
    if isinstance(value, str):
        return [value] if value else []
    inner = _inner(value)
    return [value, *(each for one in inner for each in _descend(one))] if inner else []


def _sliced(step: Slice, value: Any) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise TemplateError(f"{_type(value)} is not array or slice")
    size = len(value)
    first = step.first.value + (size if step.first.value < 0 else 0) if step.first.known else 0
    last = _last(step.last, size)
    if first == last:
        return []
    if not 0 <= first < size:
        raise TemplateError(f"array index out of bounds: index {first}, length {size}")
    if not 0 <= last <= size:
        raise TemplateError(f"array index out of bounds: index {last - 1}, length {size}")
    if first > last:
        raise TemplateError(f"starting index {first} is greater than ending index {last}")
    if step.step.known and step.step.value <= 0:
        raise TemplateError("step must be > 0")
    return value[first : last : step.step.value if step.step.known else 1]


def _last(bound: Bound, size: int) -> int:
    if not bound.known:
        return size
    return bound.value + size if bound.value < 0 or (bound.value == 0 and bound.derived) else bound.value


# -------------------------------------------------------------------------------------------------------- comparison


def _basic(value: Any) -> str:
    """The kinds of text/template that can be compared."""
    for kind, types in (("bool", bool), ("int", int), ("float", float), ("string", str)):
        if isinstance(value, types):
            return kind
    raise TemplateError("invalid type for comparison")


def _compare(operator: str, left: Any, right: Any) -> bool:
    if operator not in {"==", "!=", *_ORDER}:
        raise TemplateError(f"unrecognized filter operator {operator}")
    kind = _basic(left)
    if kind != _basic(right):
        raise TemplateError("incompatible types for comparison")
    if operator in {"==", "!="}:
        return (left == right) is (operator == "==")
    if kind == "bool":
        raise TemplateError("invalid type for comparison")
    return _ORDER[operator](left, right)


# -------------------------------------------------------------------------------------------------- values as Go text


def json_text(value: Any, indent: int | None = None, *, ordered: bool = True) -> str:
    """json.Marshal, or MarshalIndent: keys in order, ``<``, ``>`` and ``&`` as escapes."""
    text = json.dumps(
        _plain(value),
        sort_keys=ordered,
        ensure_ascii=False,
        indent=indent,
        separators=(",", ":") if indent is None else (",", ": "),
    )
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(value)
    return value


def sprint(value: Any) -> str:
    """fmt.Sprint of what a document holds: ``map[a:1 b:2]``, ``[x y]``, ``<nil>``, ``true``."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return f"map[{' '.join(f'{key}:{sprint(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list | tuple):
        return f"[{' '.join(sprint(each) for each in value)}]"
    if isinstance(value, float):
        return _float(value)
    return str(value)


def _float(value: float) -> str:
    """``%v`` of a float64: ``%g`` with the shortest digits, an exponent from 1e+21 on."""
    if value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return repr(value)


def _type(value: Any) -> str:
    """``%T``."""
    if isinstance(value, Mapping):
        return "map[string]interface {}"
    names = {bool: "bool", int: "int64", float: "float64", str: "string"}
    return names.get(type(value), "<invalid reflect.Value>")


def _shown(value: Any) -> str:
    """``%v`` of a reflect.Value."""
    return "<invalid reflect.Value>" if isinstance(value, _Nothing) or value is None else sprint(value)
