"""``kubectl label`` and ``kubectl annotate`` (cmd/label, cmd/annotate)."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from podwire.errors import NotModelled, PodwireError
from podwire.kube import words
from podwire.tools.kubectl import resources, writing
from podwire.tools.kubectl.context import KubectlError, Verb
from podwire.tools.kubectl.failing import end, fail, failure, plain_failure
from podwire.tools.kubectl.flags import Flag
from podwire.tools.kubectl.manifests import FILES, read
from podwire.tools.kubectl.output import OUTPUT, Printed
from podwire.tools.kubectl.quoting import quoted

if TYPE_CHECKING:
    from podwire.kube.store import Store, Stored
    from podwire.tools.kubectl.context import Context

_What = Literal["label", "annotation"]


class _Change(msgspec.Struct, frozen=True):
    """``new``: what is to be set; ``gone``: keys that go."""

    new: Mapping[str, str]
    gone: tuple[str, ...]


def _split(args: list[str], what: _What, *, files: bool = False) -> tuple[list[str], _Change]:
    """Resources, then ``key=value`` and ``key-``. The first word of that form ends the resources; ``files`` takes their place."""
    first = next((i for i, word in enumerate(args) if ("=" in word or word.endswith("-")) and (i or files)), len(args))
    new: dict[str, str] = {}
    gone: list[str] = []
    for word in args[first:]:
        key, equals, value = word.partition("=")
        if equals and key:
            if what == "label" and (wrong := words.label_value(value)):
                fail(f"invalid label value: {quoted(word)}: {'; '.join(wrong)}")
            new[key] = value
        elif word.endswith("-") and not equals:
            gone.append(word[:-1])
        else:
            fail(f"unknown {what} spec: {word}" if what == "label" else f"invalid {what} format: {word}")
    both = [key for key in gone if key in new]
    if both and what == "label":
        fail("can not both modify and remove a label in the same command")
    if both:
        fail(f"can not both modify and remove the following annotation(s) in the same command: {', '.join(both)}")
    return args[:first], _Change(new, tuple(gone))


def _run(context: Context, what: _What) -> int:
    parsed = context.parsed
    if parsed.on("list") and parsed.text("output"):
        fail("--list and --output may not be specified together")
    if parsed.text("resource-version"):
        raise NotModelled("flag --resource-version", f"kubectl {context.verb}")
    how = writing.dry_run(context)
    from_files = bool(parsed.all("filename"))
    names, change = _split(parsed.args, what, files=from_files)
    if not names and not from_files:
        fail("one or more resources must be specified as <resource> <name> or <resource>/<name>")
    if not change.new and not change.gone and not parsed.on("list"):
        fail(f"at least one {what} update is required")
    objects, failures = _objects(context, names)
    if parsed.on("list"):
        member = "labels" if what == "label" else "annotations"
        for each in objects:
            _list(context, each, each.document["metadata"].get(member) or {}, alone=len(objects) == 1)
    if not change.new and not change.gone:
        objects = []
    printed = Printed(context, how)
    with writing.writing(context, how) as store:
        for each in objects:
            try:
                _one(context, store, each, what, change, printed)
            except KubectlError as error:
                failures.append(plain_failure(str(error).removeprefix("error: ")))
            except PodwireError as error:
                failures.append(failure(error))
        printed.finish()
    if failures:
        end(failures)
    return 0


def _objects(context: Context, names: list[str]) -> tuple[list[Stored], list[Any]]:
    parsed = context.parsed
    if parsed.all("filename"):
        given, failures = read(context, strict=False)
        found: list[Stored] = []
        for each in given:
            kind = context.store.kinds.of(str(each.document["apiVersion"]), each.kind)
            if kind is None:
                raise NotModelled(f"kind {each.kind}", f"kubectl {context.verb}")
            found.append(context.store.need(kind.slot, each.name, each.document["metadata"].get("namespace", "")))
        return found, list(failures)
    looked = resources.find(
        context,
        names,
        selector=parsed.text("selector"),
        field_selector=parsed.text("field-selector"),
        everything=parsed.on("all"),
        all_namespaces=parsed.on("all-namespaces"),
    )
    return list(looked.objects), [failure(error) for error in looked.errors]


def _one(context: Context, store: Store, each: Stored, what: _What, change: _Change, printed: Printed) -> None:
    """Raises ``StatusError`` and ``Invalid`` as the server refuses the change."""
    old = store.need(each.kind.slot, each.name, each.namespace)
    member = "labels" if what == "label" else "annotations"
    before: dict[str, str] = dict(old.document["metadata"].get(member) or {})
    if not context.parsed.on("overwrite"):
        _no_overwrite(before, change, what)
    for key in change.gone:
        if key not in before and what == "label":
            context.out(f"label {quoted(key)} not found.\n")
    after = {key: value for key, value in before.items() if key not in change.gone} | dict(change.new)
    new = copy.deepcopy(old.document)
    new["metadata"][member] = after
    if not after:
        del new["metadata"][member]
    stored = store.update(new)
    printed.add(stored, _word(what, before, after, overwrite=context.parsed.on("overwrite")))


def _no_overwrite(before: Mapping[str, str], change: _Change, what: _What) -> None:
    taken = [key for key in change.new if before.get(key, change.new[key]) != change.new[key]]
    if not taken:
        return
    if what == "label":
        key = taken[0]
        fail(f"'{key}' already has a value ({before[key]}), and --overwrite is false")
    shown = "; ".join(f"'{key}' already has a value ({before[key]})" for key in taken)
    fail(f"--overwrite is false but found the following declared annotation(s): {shown}")


def _word(what: _What, before: Mapping[str, str], after: Mapping[str, str], *, overwrite: bool) -> str:
    """What is said about it: labels that are shorter than before were taken away (``updateDataChangeMsg``)."""
    if what == "annotation":
        return "annotated"
    if before == after:
        return "not labeled"
    return "unlabeled" if not overwrite and len(json.dumps(after)) < len(json.dumps(before)) else "labeled"


def _list(context: Context, each: Stored, values: Mapping[str, str], *, alone: bool) -> None:
    if not alone:
        what = "labels" if context.verb == "label" else "annotations"
        context.err(f"Listing {what} for {each.kind.name}.{each.kind.group}/{each.name}:\n")
    indent = "" if alone else " "
    context.out("".join(f"{indent}{key}={value}\n" for key, value in sorted(values.items())))


_FLAGS: Final = (
    *FILES,
    writing.DRY_RUN,
    *OUTPUT,
    Flag("all", kind="bool"),
    Flag("all-namespaces", "A", "bool"),
    Flag("field-manager"),
    Flag("field-selector"),
    Flag("list", kind="bool"),
    Flag("local", kind="bool", modelled=False),
    Flag("overwrite", kind="bool"),
    Flag("resource-version"),
    Flag("selector", "l"),
)
LABEL: Final = Verb(lambda context: _run(context, "label"), _FLAGS)
ANNOTATE: Final = Verb(lambda context: _run(context, "annotation"), _FLAGS)
