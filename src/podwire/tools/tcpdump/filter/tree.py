"""A filter as a tree: and, or, not over comparisons of values that are loaded from the packet.

The leaves say what libpcap's BPF code would load and compare (gencode.c of libpcap 1.10.3), so that a filter can be run on
the bytes of a frame, and on its headers where those are known to hold the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from podwire.tools.tcpdump.filter.errors import FilterError

MASK32: Final = 0xFFFFFFFF

LINK: Final = "link"
"""From the beginning of the frame."""
TRANSPORT: Final = "transport"
"""From the beginning of the frame, moved by the length of the IPv4 header that stands at ``header``."""
META: Final = "meta"
"""Not in the frame: ``offset`` is one of the numbers below."""
META_PACKET_TYPE: Final = 4
META_INTERFACE: Final = 8
META_VLAN_TAG_PRESENT: Final = 48


class Number(msgspec.Struct, frozen=True, gc=False):
    """A constant."""

    value: int


class Length(msgspec.Struct, frozen=True, gc=False):
    """The length of the packet on the wire."""


class Load(msgspec.Struct, frozen=True, gc=False):
    """``size`` bytes at a fixed offset; ``base`` says from where."""

    base: str
    offset: int
    size: int
    header: int = 0


class Indexed(msgspec.Struct, frozen=True):
    """``size`` bytes at an offset that is computed: ``ip[tcp[12] & 15]``. ``load`` has the fixed part."""

    load: Load
    index: Value


class Negated(msgspec.Struct, frozen=True):
    """Minus, in 32 bits."""

    value: Value


class Computed(msgspec.Struct, frozen=True):
    """``left operator right`` in unsigned 32-bit arithmetic."""

    operator: str
    left: Value
    right: Value


Value = Number | Length | Load | Indexed | Negated | Computed


class Constant(msgspec.Struct, frozen=True, gc=False):
    """True or false whatever the packet."""

    value: bool


class Compare(msgspec.Struct, frozen=True):
    """``left`` compared with ``right``: ``==``, ``>``, ``>=``, or ``&`` (a bit in common)."""

    operator: str
    left: Value
    right: Value


class Not(msgspec.Struct, frozen=True):
    """The contrary."""

    node: Node


class And(msgspec.Struct, frozen=True):
    """Both, the left one first."""

    left: Node
    right: Node


class Or(msgspec.Struct, frozen=True):
    """Either, the left one first."""

    left: Node
    right: Node


Node = Constant | Compare | Not | And | Or


class Undefined(Exception):
    """A value that makes BPF reject the packet at once: a division by zero, a load behind its end."""


def _divide(left: int, right: int) -> int:
    if right == 0:
        raise Undefined
    return left // right


def _modulo(left: int, right: int) -> int:
    if right == 0:
        raise Undefined
    return left % right


OPERATORS: Final[Mapping[str, Callable[[int, int], int]]] = MappingProxyType(
    {
        "+": lambda left, right: left + right & MASK32,
        "-": lambda left, right: left - right & MASK32,
        "*": lambda left, right: left * right & MASK32,
        "/": _divide,
        "%": _modulo,
        "&": lambda left, right: left & right,
        "|": lambda left, right: left | right,
        "^": lambda left, right: left ^ right,
        "<<": lambda left, right: left << right & MASK32 if right < 32 else 0,
        ">>": lambda left, right: left >> right if right < 32 else 0,
    }
)
COMPARISONS: Final[Mapping[str, Callable[[int, int], bool]]] = MappingProxyType(
    {
        "==": lambda left, right: left == right,
        ">": lambda left, right: left > right,
        ">=": lambda left, right: left >= right,
        "&": lambda left, right: left & right != 0,
    }
)


def compare(operator: str, left: Value, right: Value) -> Node:
    """A comparison, brought to the form in which two that ask the same look the same.

    Constants are folded as libpcap's optimizer does: ``tcp[13] & 2 == 0`` asks for a bit. It refuses what it then sees.
    """
    left, right = fold(left), fold(right)
    if isinstance(left, Number) and isinstance(right, Number):
        return Constant(COMPARISONS[operator](left.value, right.value))
    if operator == "==":
        if isinstance(left, Number):
            left, right = right, left
        if right == Number(0) and isinstance(left, Computed) and left.operator == "&":
            return Not(Compare("&", left.left, left.right))
    return Compare(operator, left, right)


def fold(value: Value) -> Value:
    """The value with its constants computed."""
    if isinstance(value, Negated):
        inner = fold(value.value)
        return Number(-inner.value & MASK32) if isinstance(inner, Number) else Negated(inner)
    if isinstance(value, Indexed):
        index = fold(value.index)
        if isinstance(index, Number):
            load = value.load
            return Load(load.base, load.offset + index.value & MASK32, load.size, load.header)
        return Indexed(value.load, index)
    if not isinstance(value, Computed):
        return value
    operator, left, right = value.operator, fold(value.left), fold(value.right)
    if isinstance(right, Number):
        if operator in {"/", "%"} and right.value == 0:
            raise FilterError("division by zero" if operator == "/" else "modulus by zero")
        if isinstance(left, Number):
            return Number(OPERATORS[operator](left.value, right.value))
        if operator in {"<<", ">>"} and right.value > 31:
            raise FilterError("shift by more than 31 bits")
        if operator in {"&", "*"} and right.value == 0:
            return right
    elif isinstance(left, Number) and operator in {"&", "|", "^", "+", "*"}:
        return fold(Computed(operator, right, left))
    return Computed(operator, left, right)


def negate(node: Node) -> Node:
    """The contrary of a node."""
    if isinstance(node, Not):
        return node.node
    if isinstance(node, Constant):
        return Constant(not node.value)
    return Not(node)


def both(left: Node, right: Node) -> Node:
    """And."""
    if isinstance(left, Constant):
        return right if left.value else left
    return And(left, right)


def either(left: Node, right: Node) -> Node:
    """Or."""
    if isinstance(left, Constant):
        return left if left.value else right
    return Or(left, right)
