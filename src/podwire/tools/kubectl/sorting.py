"""``--sort-by``: objects in the order of what a JSONPath finds in them (kubectl, pkg/cmd/get/sorter.go)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import cmp_to_key
from types import MappingProxyType
from typing import Any, Final, TypeVar

from podwire.tools.kubectl.context import KubectlError
from podwire.tools.kubectl.jsonpath import JsonPath, TemplateError
from podwire.tools.kubectl.printing import relaxed
from podwire.tools.kubectl.quoting import quoted

_T = TypeVar("_T")
_QUANTITY: Final = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+|)", re.ASCII)
_SCALE: Final = MappingProxyType(
    {
        **{unit: Fraction(10) ** power for unit, power in zip("num", (-9, -6, -3), strict=True)},
        **{unit: Fraction(1000) ** (index + 1) for index, unit in enumerate("kMGTPE")},
        **{f"{unit}i": Fraction(1024) ** (index + 1) for index, unit in enumerate("KMGTPE")},
    }
)


def sort_by(field: str, items: Sequence[_T], document: Callable[[_T], Mapping[str, Any]]) -> list[_T]:
    """The items in the order of a field; those without it stand first.

    Raises ``KubectlError`` for a path that makes no sense, or that is in no object at all.
    """
    try:
        path = JsonPath(_relaxed(field))
        keys = [_first(path, document(each)) for each in items]
    except TemplateError as error:
        raise KubectlError(f"error: sorting error: {error}") from None
    if items and not any(keys):
        raise KubectlError(f"error: couldn't find any field with path {quoted(path.text)} in the list of objects")

    def compare(left: int, right: int) -> int:
        return _compare(keys[left], keys[right])

    order = sorted(range(len(items)), key=cmp_to_key(compare))
    return [items[index] for index in order]


def _relaxed(field: str) -> str:
    try:
        return relaxed(field)
    except KubectlError:
        return field  # whatever it is, it is tried as it stands


def _first(path: JsonPath, document: Mapping[str, Any]) -> tuple[Any, ...]:
    """What the first part of a template finds first; empty for nothing."""
    found = path.results(document)
    return (found[0][0],) if found and found[0] else ()


def _compare(left: tuple[Any, ...], right: tuple[Any, ...]) -> int:
    if not left or not right:
        return len(left) - len(right)
    return -1 if _less(left[0], right[0]) else 1 if _less(right[0], left[0]) else 0


def _less(left: Any, right: Any) -> bool:
    if left is None or right is None:
        return left is None and right is not None
    if isinstance(left, Mapping | bool) or type(left) is not type(right):
        raise TemplateError(f"unsortable type: {type(left).__name__}")
    if isinstance(left, list):
        return all(_less(one, other) for one, other in zip(left, right, strict=False))
    if isinstance(left, str):
        quantities = _quantity(left), _quantity(right)
        if quantities[0] is not None and quantities[1] is not None:
            return quantities[0] < quantities[1]
    return bool(left < right)


def _quantity(text: str) -> Fraction | None:
    """A resource.Quantity (``100m``, ``2Gi``); None for text that is none."""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return None
    number, unit = match.groups()
    if unit[:1] in {"e", "E"} and len(unit) > 1:
        return Fraction(number) * Fraction(10) ** int(unit[1:])
    return Fraction(number) * _SCALE.get(unit, Fraction(1))
