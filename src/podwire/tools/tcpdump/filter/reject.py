"""Whether an expression can be true at all: ``tcp and udp`` is refused, "expression rejects all packets".

libpcap's optimizer follows the code from test to test and knows, of a value that was compared on the way: the outcome of
the same comparison, and that it does not equal a second constant where it equals a first. No more is known here:
``len > 100 and len < 50`` passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from podwire.tools.tcpdump.filter.tree import And, Compare, Constant, Node, Not, Number, Value

_Facts = dict[tuple[str, Value, Value], bool]
"""Outcomes of comparisons; of ``==`` with a constant that held, under the operator ``=`` the value and that constant."""

_BUDGET: Final = 20_000
"""Steps, before it is taken for possible."""


class _Search:
    def __init__(self) -> None:
        self.steps = 0

    def outcomes(self, node: Node, facts: _Facts) -> Iterator[tuple[bool, _Facts]]:
        """Every outcome that the facts allow, with what is known then."""
        self.steps += 1
        match node:
            case Constant(value=value):
                yield value, facts
            case Not(node=inner):
                for outcome, known in self.outcomes(inner, facts):
                    yield not outcome, known
            case Compare():
                yield from _compare(node, facts)
            case _:
                decisive = not isinstance(node, And)
                for outcome, known in self.outcomes(node.left, facts):
                    if outcome is decisive:
                        yield outcome, known
                    else:
                        yield from self.outcomes(node.right, known)

    def possible(self, node: Node) -> bool:
        """Whether some outcome is true."""
        return any(outcome or self.steps > _BUDGET for outcome, _ in self.outcomes(node, {}))


def _compare(node: Compare, facts: _Facts) -> Iterator[tuple[bool, _Facts]]:
    key = (node.operator, node.left, node.right)
    known = facts.get(key)
    if known is None and node.operator == "==" and isinstance(node.right, Number):
        held = next(
            (other for (op, left, other), yes in facts.items() if yes and op == "==" and left == node.left), None
        )
        if isinstance(held, Number):
            known = held == node.right
    if known is not None:
        yield known, facts
        return
    yield True, {**facts, key: True}
    yield False, {**facts, key: False}


def rejects_all(node: Node) -> bool:
    """Whether no packet can pass."""
    return not _Search().possible(node)
