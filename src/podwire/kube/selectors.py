"""Calico's selectors: ``app == 'web' && !has(legacy) || role in {'db', 'cache'}``.

The grammar is that of libcalico-go, lib/selector (release v3.26): ``&&`` binds closer than ``||``, ``!`` closest. A label that is not
there is neither equal to nor in anything, so ``!=`` and ``not in`` hold for it.

The canonical text of a selector (``Selector.text``) is what Felix names IP sets by: double quotes, sets sorted, every list of ``&&`` and
``||`` in parentheses (reference sheet Calico, section 5).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

Labels = Mapping[str, str]


class Selector:
    """A function of labels, with its canonical text."""

    __slots__ = ("_test", "text")

    def __init__(self, text: str, test: Callable[[Labels], bool]) -> None:
        self.text = text
        self._test = test

    def __call__(self, labels: Labels) -> bool:
        """Whether an object with these labels is selected."""
        return self._test(labels)

    def __repr__(self) -> str:
        return f"<Selector {self.text}>"


_LABEL: Final = r"[a-zA-Z0-9_./-]{1,512}"
_TOKEN: Final = re.compile(
    rf"""[ \t]*(?:
        (?P<symbol>==|!=|&&|\|\||[(){{}},!])
      | "(?P<double>[^"]*)" | '(?P<single>[^']*)'
      | has\([ \t\n\r\f\v]*(?P<has>{_LABEL})[ \t\n\r\f\v]*\)
      | (?P<all>all\([ \t\n\r\f\v]*\)) | (?P<global>global\([ \t\n\r\f\v]*\))
      | (?P<label>{_LABEL}))""",
    re.VERBOSE,
)
_OPERATOR: Final = re.compile(r"[ \t]*(==|!=|contains|starts\s*with|ends\s*with|not\s*in\b|in\b)", re.ASCII)


class SelectorError(ValueError):
    """Text that is no selector; says what was expected, and where."""


@lru_cache(maxsize=4096)
def parse_selector(text: str, prefix: str = "") -> Selector:
    """A selector as a function of labels; the empty text selects everything. Raises ``SelectorError``.

    ``prefix`` stands before each label in it: ``pcns.`` where those of a namespace are asked of what is inside.
    """
    return _Parser(text, prefix).whole()


class _Parser:
    """Recursive descent; one token is read ahead."""

    def __init__(self, text: str, prefix: str = "") -> None:
        self._text = text
        self._prefix = prefix
        self._at = 0
        self._kind = ""
        self._value = ""
        self._start = 0
        self._advance()

    def whole(self) -> Selector:
        if self._kind == "end":
            return _ALL
        found = self._or()
        if self._kind != "end":
            raise self._error("&&, || or the end")
        return found

    def _error(self, expected: str) -> SelectorError:
        rest = self._text[self._start :].strip()
        return SelectorError(f"expected {expected} {f'at {rest!r}' if rest else 'behind it'}")

    def _advance(self) -> None:
        self._start = self._at
        if not self._text[self._at :].strip(" \t"):
            self._kind, self._value = "end", ""
            return
        match = _TOKEN.match(self._text, self._at)
        if match is None:
            raise self._error("a selector such as all(), has(label) or label == 'value'")
        kind = str(match.lastgroup)
        self._value = match.group(kind)
        self._kind = {"double": "string", "single": "string", "symbol": self._value}.get(kind, kind)
        self._at = match.end()

    def _take(self, kind: str, expected: str) -> str:
        if self._kind != kind:
            raise self._error(expected)
        value = self._value
        self._advance()
        return value

    def _or(self) -> Selector:
        terms = [self._and()]
        while self._kind == "||":
            self._advance()
            terms.append(self._and())
        if len(terms) == 1:
            return terms[0]
        return Selector(_joined(" || ", terms), lambda labels: any(term(labels) for term in terms))

    def _and(self) -> Selector:
        terms = [self._operation()]
        while self._kind == "&&":
            self._advance()
            terms.append(self._operation())
        if len(terms) == 1:
            return terms[0]
        return Selector(_joined(" && ", terms), lambda labels: all(term(labels) for term in terms))

    def _operation(self) -> Selector:
        if self._kind == "!":
            self._advance()
            inner = self._operation()
            return Selector(f"!{inner.text}", lambda labels: not inner(labels))
        if self._kind == "(":
            self._advance()
            found = self._or()
            self._take(")", ")")
            return found
        if self._kind in {"all", "global"}:
            # No object but a policy's own has the label that global() stands for.
            found = _ALL if self._kind == "all" else _GLOBAL
            self._advance()
            return found
        if self._kind == "has":
            label = self._prefix + self._take("has", "has(label)")
            return Selector(f"has({label})", lambda labels: label in labels)
        if self._kind == "label":
            return self._comparison()
        raise self._error("all(), has(label), label == 'value' or (")

    def _comparison(self) -> Selector:
        label = self._prefix + self._value
        self._start = self._at
        match = _OPERATOR.match(self._text, self._at)
        if match is None:
            raise self._error(
                f"an operator (==, !=, in, not in, contains, starts with, ends with) behind label {self._value}"
            )
        self._at = match.end()
        self._advance()
        operator = re.sub(r"\s+", "", match.group(1))
        if operator in {"in", "notin"}:
            values = self._set()
            wanted = operator == "in"
            text = f"{label} {'in' if wanted else 'not in'} {{{', '.join(map(_quoted, sorted(values)))}}}"
            return Selector(text, lambda labels: (labels.get(label) in values) is wanted)
        value = self._take("string", "text in quotes")
        return _compare(operator, label, value)

    def _set(self) -> frozenset[str]:
        self._take("{", "a set such as {'a', 'b'}")
        values = []
        while self._kind == "string":
            values.append(self._take("string", "text in quotes"))
            if self._kind != ",":
                break
            self._advance()
        self._take("}", "}")
        return frozenset(values)


def _joined(operator: str, terms: list[Selector]) -> str:
    return f"({operator.join(term.text for term in terms)})"


def _quoted(value: str) -> str:
    return f"'{value}'" if '"' in value else f'"{value}"'


def _compare(operator: str, label: str, value: str) -> Selector:
    shown = {"startswith": "starts with", "endswith": "ends with"}.get(operator, operator)
    text = f"{label} {shown} {_quoted(value)}"
    if operator == "==":
        return Selector(text, lambda labels: labels.get(label) == value)
    if operator == "!=":
        return Selector(text, lambda labels: labels.get(label) != value)
    if operator == "contains":
        return Selector(text, lambda labels: label in labels and value in labels[label])
    if operator == "startswith":
        return Selector(text, lambda labels: label in labels and labels[label].startswith(value))
    return Selector(text, lambda labels: label in labels and labels[label].endswith(value))


_ALL: Final = Selector("all()", lambda _labels: True)
_GLOBAL: Final = Selector("global()", lambda _labels: False)
