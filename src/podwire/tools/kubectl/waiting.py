"""``kubectl wait`` in virtual time, and what other verbs that wait share (cmd/wait)."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from podwire.errors import PodwireError
from podwire.kube.shelf import not_found
from podwire.tools.kubectl import resources
from podwire.tools.kubectl.context import KubectlError, Verb
from podwire.tools.kubectl.failing import fail
from podwire.tools.kubectl.flags import Flag, UsageError
from podwire.tools.kubectl.jsonpath import JsonPath, TemplateError
from podwire.tools.kubectl.quoting import quoted

if TYPE_CHECKING:
    from podwire.kube.store import Stored
    from podwire.tools.kubectl.context import Context
    from podwire.tools.process import Waiting

_SECOND: Final = 1_000_000_000
_WEEK: Final = 7 * 24 * 3600 * _SECOND
_UNITS: Final[Mapping[str, float]] = {"ns": 1, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9}
_PART: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")


def duration(text: str, flag: str) -> int:
    """Go's ``1h30m``, ``300ms``, ``0`` in ns. Raises ``UsageError``."""
    body = text.lstrip("+-")
    if body == "0":
        return 0
    parts = _PART.findall(body)
    if not parts or "".join(number + unit for number, unit in parts) != body:
        why = "missing unit in duration" if re.fullmatch(r"[\d.]+", body) else "invalid duration"
        raise UsageError(f'invalid argument "{text}" for "--{flag}" flag: time: {why} "{text}"')
    found = round(sum(float(number) * _UNITS[unit] for number, unit in parts))
    return -found if text.startswith("-") else found


def deadline_of(context: Context, flag: str, *, zero: int = _WEEK) -> int:
    """The instant at which waiting ends: ``zero`` ns from now for 0, a week from now for less."""
    length = duration(context.parsed.text(flag), flag)
    if length < 0:
        length = _WEEK
    return min(context.proc.now + (length or zero), sys.maxsize)


@contextmanager
def woken(context: Context) -> Iterator[None]:
    """Inside, whatever is written to the store wakes kubectl up, as a watch does."""
    store = context.store
    store.listeners.append(context.proc.wake)
    try:
        yield
    finally:
        store.listeners.remove(context.proc.wake)


Test = Callable[["Stored | None"], bool]


def _condition(text: str) -> Test:
    """``condition=Ready``, ``condition=Ready=false``; compared without regard to case."""
    name, _, value = text.partition("=")
    wanted = (value or "true").lower()

    def holds(each: Stored | None) -> bool:
        if each is None:
            return False
        status: Any = each.document.get("status") or {}
        for condition in status.get("conditions") or ():
            if condition["type"].lower() == name.lower():
                seen, now = condition.get("observedGeneration"), each.document["metadata"].get("generation")
                return not (seen and now and seen < now) and condition["status"].lower() == wanted
        return False

    return holds


def _jsonpath(text: str) -> Test:
    """``jsonpath='{.status.phase}'=Running``; without a value, that it is there."""
    if text.count("{") != 1 or "}" not in text:
        fail(
            "jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 or --for=jsonpath='{.status.readyReplicas}'"
        )
    expression, _, value = text.partition("}")
    expression += "}"
    value = value.removeprefix("'").removeprefix("=").strip("'\"")
    try:
        template = JsonPath(expression.lstrip("'"))
    except TemplateError as error:
        fail(f"error parsing jsonpath {expression}, {error}")

    def holds(each: Stored | None) -> bool:
        if each is None:
            return False
        try:
            found = template.find(each.document)
        except TemplateError:
            return False
        return bool(found) and (not value or all(_text(item) == value for item in found))

    return holds


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping | list):
        raise PodwireError("jsonpath leads to a nested object or list which is not supported")
    return str(value)


def _test(text: str) -> Test:
    """What is waited for."""
    if text.lower() == "delete":
        return lambda each: each is None
    if text.startswith("condition="):
        return _condition(text.removeprefix("condition="))
    if not text.startswith("jsonpath="):
        fail(f"unrecognized condition: {quoted(text)}")
    return _jsonpath(text.removeprefix("jsonpath="))


def _wait(context: Context) -> int | Waiting:
    parsed = context.parsed
    deletion = parsed.text("for").lower() == "delete"
    test = _test(parsed.text("for"))
    deadline = deadline_of(context, "timeout", zero=0)
    found = resources.find(
        context,
        parsed.args,
        selector=parsed.text("selector"),
        field_selector=parsed.text("field-selector"),
        everything=parsed.on("all"),
        all_namespaces=parsed.on("all-namespaces"),
    )
    if not deletion:  # what is gone already need not be waited for
        found.complain()
        if not found.objects:
            fail("no matching resources found")
    return _until(context, found.objects, test, deadline, deletion=deletion)


def _until(context: Context, objects: tuple[Stored, ...], test: Test, deadline: int, *, deletion: bool) -> Waiting:
    """One object after the other, as kubectl visits them; one that is late does not keep the others from their turn."""
    late: list[str] = []
    with woken(context):
        yield from _each(context, objects, test, deadline, late, deletion=deletion)
    if late:
        raise KubectlError(f"error: {late[0]}" if len(late) == 1 else "\n".join(late))
    return 0


def _each(  # what one wait knows
    context: Context, objects: tuple[Stored, ...], test: Test, deadline: int, late: list[str], *, deletion: bool
) -> Waiting:
    for each in objects:
        while True:
            now = context.store.get(each.kind.slot, each.name, each.namespace)
            if now is not None and deletion and now.uid != each.uid:
                now = None  # another of its name
            if test(now):
                context.out(f"{each.kind.singular}/{each.name} condition met\n")
                break
            if now is None and not deletion:
                raise KubectlError(str(not_found(each.kind.resource, each.name)))
            if context.proc.now >= deadline:
                late.append(f"timed out waiting for the condition on {each.kind.plural}/{each.name}")
                break
            yield deadline
    return 0


WAIT: Final = Verb(
    _wait,
    (
        Flag("for"),
        Flag("timeout", default="30s"),
        Flag("selector", "l"),
        Flag("field-selector"),
        Flag("all", kind="bool"),
        Flag("all-namespaces", "A", "bool"),
        Flag("filename", "f", "list", modelled=False),
        Flag("recursive", "R", "bool", modelled=False),
        Flag("local", kind="bool", modelled=False),
        Flag("output", "o", modelled=False),
    ),
)
