"""Label selectors, in objects and as kubectl takes them, and field selectors.

Grammar and matching of the text: k8s.io/apimachinery, pkg/labels. An object without the key is matched by ``!=``, ``notin`` and ``!key``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from podwire.errors import PodwireError
from podwire.kube import words
from podwire.kube.invalid import Problems

Matches = Callable[[Mapping[str, str]], bool]
_TOKEN: Final = re.compile(r"\s*(?:(?P<symbol>==|!=|=|!|,|\(|\)|<|>)|(?P<word>[^\s=!,()<>]+))")
OPERATORS: Final = ("In", "NotIn", "Exists", "DoesNotExist")


class Requirement(msgspec.Struct, frozen=True):
    """One of ``matchExpressions``. ``operator``: In, NotIn, Exists, DoesNotExist; for nodes also Gt and Lt."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels are as it asks."""
        value = labels.get(self.key)
        match self.operator:
            case "In":
                return value is not None and value in self.values
            case "NotIn":
                return value is None or value not in self.values
            case "Exists":
                return value is not None
            case "DoesNotExist":
                return value is None
        try:
            left, right = int(value or ""), int(self.values[0])
        except (ValueError, IndexError):
            return False
        return left > right if self.operator == "Gt" else left < right


class LabelSelector(msgspec.Struct, frozen=True, rename="camel"):
    """All that it names must hold; an empty one selects everything."""

    match_labels: dict[str, str] = {}
    match_expressions: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels are as it asks."""
        return all(labels.get(key) == value for key, value in self.match_labels.items()) and all(
            each.matches(labels) for each in self.match_expressions
        )

    @property
    def empty(self) -> bool:
        """It asks for nothing."""
        return not self.match_labels and not self.match_expressions


def check_selector(problems: Problems, path: str, selector: LabelSelector) -> None:
    """Keys, operators and values, in the API server's words."""
    check_match_labels(problems, f"{path}.matchLabels", selector.match_labels)
    for index, each in enumerate(selector.match_expressions):
        at = f"{path}.matchExpressions[{index}]"
        if each.operator in {"In", "NotIn"}:
            if not each.values:
                problems.required(f"{at}.values", "must be specified when `operator` is 'In' or 'NotIn'")
        elif each.operator in {"Exists", "DoesNotExist"}:
            if each.values:
                problems.forbidden(f"{at}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
        else:
            problems.invalid(f"{at}.operator", each.operator, "not a valid selector operator")
        problems.all(f"{at}.key", each.key, words.qualified_name(each.key))
        for number, value in enumerate(each.values):
            problems.all(f"{at}.values[{number}]", value, words.label_value(value))


def check_match_labels(problems: Problems, path: str, labels: Mapping[str, str]) -> None:
    """A selector of equal labels."""
    words.check_labels(problems, path, labels)


# ------------------------------------------------------------------------------------------------------- kubectl -l


def parse_labels(text: str) -> tuple[Requirement, ...]:
    """``app=web,tier!=db,env in (a, b),zone notin (x),release,!legacy``. Raises ``PodwireError`` in kubectl's words."""
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str]] = []
        at, end = 0, len(text.rstrip())
        while at < end:
            match = _TOKEN.match(text, at)
            if match is None:  # pragma: no cover - the two kinds of token cover every character
                raise self._error(f"found '{text[at]}'")
            self._tokens.append((str(match.lastgroup), match.group(str(match.lastgroup))))
            at = match.end()

    def _error(self, why: str, head: str = "unable to parse requirement: ") -> PodwireError:
        return PodwireError(f'{head}{why} (in selector "{self._text}")')

    def _peek(self) -> tuple[str, str]:
        return self._tokens[0] if self._tokens else ("end", "")

    def _next(self) -> tuple[str, str]:
        return self._tokens.pop(0) if self._tokens else ("end", "")

    def whole(self) -> tuple[Requirement, ...]:
        found: list[Requirement] = []
        while self._tokens:
            kind, token = self._peek()
            if kind != "word" and token != "!":
                expected = "identifier after ','" if found else "!, identifier, or 'end of string'"
                raise self._error(f"found '{token}', expected: {expected}", "")
            found.append(self._requirement())
            kind, token = self._next()
            if kind == "end":
                break
            if token != ",":
                raise self._error(f"found '{token}', expected: ',' or 'end of string'", "")
            if not self._tokens:
                raise self._error("found '', expected: identifier after ','", "")
        return tuple(found)

    def _requirement(self) -> Requirement:
        absent = self._peek()[1] == "!"
        if absent:
            self._next()
        key = self._word("found '{}', expected: identifier")
        if wrong := words.qualified_name(key):
            raise self._error(f'<nil>: Invalid value: "{key}": {"; ".join(wrong)}')
        kind, token = self._peek()
        if kind == "end" or token == ",":
            return Requirement(key, "DoesNotExist" if absent else "Exists")
        self._next()
        if token in {"=", "==", "!="}:
            return self._checked(Requirement(key, "NotIn" if token == "!=" else "In", (self._exact(),)))
        if token in {"in", "notin"}:
            return self._checked(Requirement(key, "In" if token == "in" else "NotIn", self._values()))
        if token in {"<", ">"}:
            found = Requirement(key, "Lt" if token == "<" else "Gt", (self._exact(),))
            if not re.fullmatch(r"[+-]?\d+", found.values[0], re.ASCII):
                why = "for 'Gt', 'Lt' operators, the value must be an integer"
                raise self._error(f'values[0]: Invalid value: "{found.values[0]}": {why}')
            return self._checked(found)
        raise self._error(f"found '{token}', expected: in, notin, =, ==, !=, gt, lt")

    def _word(self, expected: str) -> str:
        kind, token = self._next()
        if kind != "word":
            raise self._error(expected.format(token))
        return token

    def _exact(self) -> str:
        """The value behind ``=``: none is the empty one."""
        kind, token = self._peek()
        return "" if kind == "end" or token == "," else self._word("found '{}', expected: identifier")

    def _values(self) -> tuple[str, ...]:
        token = self._next()[1]
        if token != "(":
            raise self._error(f"found '{token}' expected: '('")
        kind, token = self._peek()
        if kind != "word" and token not in {",", ")"}:
            raise self._error(f"found '{token}', expected: ',', ')' or identifier")
        values: set[str] = set()
        while True:
            kind, token = self._next()
            if kind == "word":
                values.add(token)
                token = self._next()[1]
                if token not in {",", ")"}:
                    raise self._error(f"found '{token}', expected: ',' or ')'")
            elif token in {",", ")"}:
                values.add("")  # `in (,)` holds the empty value, as kubectl has it
            else:
                raise self._error(f"found '{token}', expected: ',', or identifier")
            if token == ")":
                return tuple(sorted(values))

    def _checked(self, requirement: Requirement) -> Requirement:
        for index, value in enumerate(requirement.values):
            if wrong := words.label_value(value):
                at = f"values[{index}][{requirement.key}]"
                raise self._error(f'{at}: Invalid value: "{value}": {"; ".join(wrong)}')
        return requirement


def label_matcher(text: str | None) -> Matches:
    """A function of labels; None and the empty text match everything. Raises ``PodwireError``."""
    wanted = parse_labels(text) if text else ()
    return lambda labels: all(each.matches(labels) for each in wanted)


# ---------------------------------------------------------------------------------------------- kubectl --field-selector

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "Pod": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    "Service": ("spec.clusterIP", "spec.type"),
    "ReplicaSet": ("status.replicas",),
    "Node": ("spec.unschedulable",),
    "Namespace": ("status.phase",),
    "Event": (
        *(
            f"involvedObject.{name}"
            for name in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
        ),
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
}
"""By kind; ``metadata.name`` and ``metadata.namespace`` go with every kind."""


def field_matcher(kind: str, version: str, text: str | None) -> Callable[[Mapping[str, Any]], bool]:
    """A function of documents: ``metadata.name=x,status.phase!=Running``. Raises ``PodwireError`` for a field that cannot be asked for."""
    wanted: list[tuple[str, bool, str]] = []
    for term in sorted(re.findall(r"(?:[^\\,]|\\.|\\$)+", text or "", re.DOTALL)):
        match = re.search(r"!=|==|=", term)
        if match is None:
            raise PodwireError(f"invalid selector: '{text}'; can't understand '{term}'")
        name, value = term[: match.start()], _unescaped(term[match.end() :])
        if name not in {"metadata.name", "metadata.namespace", *FIELDS.get(kind, ())}:
            raise PodwireError(
                f'Unable to find "{version}, Kind={kind}" that match label selector "", field selector "{text}": '
                + (f"field label not supported: {name}" if kind in FIELDS else _not_known(name))
            )
        wanted.append((name, match.group() == "!=", value))
    return lambda document: all((field_text(document, name) != value) is unlike for name, unlike, value in wanted)


def _not_known(name: str) -> str:
    """What kinds without fields of their own say."""
    return f'"{name}" is not a known field selector: only "metadata.name", "metadata.namespace"'


def _unescaped(value: str) -> str:
    """A value without its backslashes (fields.UnescapeValue)."""
    for part in re.findall(r"\\.|\\$|[,=]", value, re.DOTALL):
        if part in {",", "="}:
            raise PodwireError(f"invalid field selector: unescaped character in value: {ord(part)}")
        if part[1:] not in {"\\", ",", "="}:
            raise PodwireError(f"invalid field selector: invalid escape sequence: {part}")
    return re.sub(r"\\(.)", r"\1", value)


def field_text(document: Mapping[str, Any], path: str) -> str:
    """A member as field selectors see it: text, empty where it is not there."""
    found: Any = document
    if path == "source" and "involvedObject" in document:  # of an Event: the component that reported it
        source = (document.get("source") or {}).get("component")
        return str(source or document.get("reportingComponent") or "")
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    if isinstance(found, bool):
        return "true" if found else "false"
    if found is None:
        return "false" if path in {"spec.hostNetwork", "spec.unschedulable"} else ""
    return str(found)
