"""Arithmetic on what stands in a packet: ``tcp[13] & 2 != 0``, ``len > 100``."""

from __future__ import annotations

from podwire.tools.tcpdump.filter.errors import FilterError
from podwire.tools.tcpdump.filter.generate import Generator
from podwire.tools.tcpdump.filter.tree import (
    LINK,
    Computed,
    Indexed,
    Length,
    Load,
    Negated,
    Node,
    Number,
    Value,
    both,
    compare,
    negate,
)


class Arithmetic:
    """A value of an expression, and what has to hold for it to be there: ``tcp[0]`` is, in TCP."""

    __slots__ = ("guard", "value")

    def __init__(self, value: Value, guard: Node | None = None) -> None:
        self.value = value
        self.guard = guard


def index(generator: Generator, name: str, inner: Arithmetic, size: int) -> Arithmetic:
    """``name[inner:size]`` (``gen_load``)."""
    if size not in {1, 2, 4}:
        raise FilterError("data size must be 1, 2, or 4")
    guard = inner.guard
    if name == "link":
        return Arithmetic(Indexed(Load(LINK, 0, size), inner.value), guard)
    if name == "radio":
        raise FilterError("radio information not present in capture")
    if name in {"ip", "arp", "rarp", "atalk", "decnet", "sca", "lat", "moprc", "mopdl", "ip6"}:
        load = generator.payload(0, size)
        guard = _guarded(guard, generator.word(name))
    elif name in {"sctp", "tcp", "udp", "icmp", "igmp", "igrp", "pim", "vrrp", "carp"}:
        load = generator.transport(0, size)
        guard = _guarded(guard, both(generator.word(name), generator.first_fragment()))
        guard = both(generator.word("ip"), guard)
    elif name == "icmp6":
        load = generator.payload(40, size)
        guard = _guarded(guard, generator.word("ip6"))
        guard = both(guard, compare("==", generator.payload(6, 1), Number(58)))
    else:
        raise FilterError("unsupported index operation")
    return Arithmetic(Indexed(load, inner.value), guard)


def _guarded(guard: Node | None, more: Node) -> Node:
    return more if guard is None else both(guard, more)


def arithmetic(operator: str, left: Arithmetic, right: Arithmetic) -> Arithmetic:
    """``left operator right``; what has to hold for ``right`` is forgotten, as libpcap forgets it (``gen_arth``)."""
    first = _first_number(right.value)
    if operator in {"/", "%"} and first == 0:
        raise FilterError("division by zero" if operator == "/" else "modulus by zero")
    if operator in {"<<", ">>"} and first is not None and first > 31:
        raise FilterError("shift by more than 31 bits")
    return Arithmetic(Computed(operator, left.value, right.value), left.guard)


def _first_number(value: Value) -> int | None:
    """The constant that the code for a value loads first, if it does: that is what libpcap checks, so 1/tcp[0] is refused."""
    while True:
        if isinstance(value, Number):
            return value.value
        if isinstance(value, Computed):
            value = value.left
        elif isinstance(value, Indexed):
            value = value.index
        elif isinstance(value, Negated):
            value = value.value
        else:
            return None


def relation(operator: str, left: Arithmetic, right: Arithmetic) -> Node:
    """``left operator right`` with one of ``= != < <= > >=``."""
    test = {
        "=": lambda: compare("==", left.value, right.value),
        "!=": lambda: negate(compare("==", left.value, right.value)),
        ">": lambda: compare(">", left.value, right.value),
        "<=": lambda: negate(compare(">", left.value, right.value)),
        ">=": lambda: compare(">=", left.value, right.value),
        "<": lambda: negate(compare(">=", left.value, right.value)),
    }[operator]()
    for guard in (right.guard, left.guard):
        if guard is not None:
            test = both(guard, test)
    return test


def length(operator: str, number: int) -> Node:
    """``less`` and ``greater``, which both include the number."""
    if operator == "greater":
        return compare(">=", Length(), Number(number))
    return negate(compare(">", Length(), Number(number)))
