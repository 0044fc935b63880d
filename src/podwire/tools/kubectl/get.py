"""``kubectl get``: objects as tables, as documents, or as a template shows them (kubectl, pkg/cmd/get)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from podwire.errors import NotModelled
from podwire.kube.invalid import StatusError
from podwire.kube.kinds import Kind
from podwire.kube.shelf import Stored, not_found
from podwire.tools.kubectl import manifests, resources, watching
from podwire.tools.kubectl.columns import TableOptions, TablePrinter, TabWriter
from podwire.tools.kubectl.context import KubectlError, Verb
from podwire.tools.kubectl.flags import Flag
from podwire.tools.kubectl.printing import printer
from podwire.tools.kubectl.sorting import sort_by
from podwire.tools.kubectl.tables import table

if TYPE_CHECKING:
    from podwire.tools.kubectl.context import Context
    from podwire.tools.process import Waiting

_NO_TYPE: Final = """You must specify the type of resource to get. Use "kubectl api-resources" for a complete list of supported resources.

"""
_NO_RESOURCE: Final = """error: Required resource not specified.
Use "kubectl explain <resource>" for a detailed description of that resource (e.g. kubectl explain pods).
See 'kubectl get -h' for help and examples"""


class Answer(msgspec.Struct, frozen=True):
    """What the server says to one request: the objects of a kind, or one of them."""

    kind: Kind
    objects: tuple[Stored, ...]


def _get(ctx: Context) -> int | Waiting:
    parsed = ctx.parsed
    output = parsed.text("output")
    watches = parsed.on("watch") or parsed.on("watch-only")
    if watches and parsed.text("sort-by"):
        ctx.err("warning: --watch or --watch-only requested, --sort-by will be ignored\n")
    if not parsed.args and not parsed.given("filename") and not watches:
        ctx.err(_NO_TYPE)
        raise KubectlError(_NO_RESOURCE)
    _check(ctx, output)
    if watches:
        watched = _watched(ctx)
        return 0 if watched is None else watching.watch(ctx, watched, output, options(ctx, watched.kind))
    answers, errors, single = answer(ctx)
    if output in {"", "wide"}:
        _print_tables(ctx, answers, errors)
    else:
        _print_documents(ctx, output, answers, errors, single=single)
    return 0


def _check(ctx: Context, output: str) -> None:
    """Flags that do not go together."""
    parsed = ctx.parsed
    if parsed.on("show-labels") and output not in {"", "wide"}:
        raise KubectlError(f"error: --show-labels option cannot be used with {output} printer")
    if parsed.all("label-columns") and output.startswith("custom-columns"):
        raise KubectlError(f"error: --label-columns option cannot be used with {output} printer")
    if parsed.on("output-watch-events") and not (parsed.on("watch") or parsed.on("watch-only")):
        raise KubectlError("error: --output-watch-events option can only be used with --watch or --watch-only")
    if not parsed.on("server-print"):
        raise NotModelled("flag --server-print=false", "kubectl get")


# ---------------------------------------------------------------------------------------------------- what is there


def asked(ctx: Context) -> resources.Query:
    """What words and flags ask for. Raises ``KubectlError``."""
    parsed = ctx.parsed
    return resources.query(
        ctx,
        parsed.args,
        selector=parsed.text("selector"),
        field_selector=parsed.text("field-selector"),
        all_namespaces=parsed.on("all-namespaces"),
        listing=True,
    )


def answer(ctx: Context) -> tuple[list[Answer], list[str], bool]:
    """The server's answers, its complaints as lines, and whether the words name one object."""
    if ctx.parsed.given("filename"):
        return _of_files(ctx)
    query = asked(ctx)
    answers, errors = [], []
    for part in _parts(query):
        found = resources.look(ctx, part)
        if not found.errors:
            answers.append(Answer((*part.kinds, *(kind for kind, _ in part.names))[0], found.objects))
        errors += [str(each) for each in found.errors if not _ignored(ctx, each)]
    return answers, errors, query.single


def _parts(query: resources.Query) -> Iterator[resources.Query]:
    """One request after the other."""
    for name in query.names:
        yield msgspec.structs.replace(query, names=(name,))
    for kind in query.kinds:
        yield msgspec.structs.replace(query, kinds=(kind,))


def _ignored(ctx: Context, error: StatusError) -> bool:
    return error.reason == "NotFound" and ctx.parsed.on("ignore-not-found")


def _of_files(ctx: Context) -> tuple[list[Answer], list[str], bool]:
    """The objects that manifests name, as the server has them."""
    if ctx.parsed.args:
        raise KubectlError(
            "error: when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well"
        )
    given, failures = manifests.read(ctx, strict=False)
    answers, errors = [], [each.beside if len(failures) > 1 else each.alone for each in failures]
    chosen = resources.Query(selector=ctx.parsed.text("selector").strip())
    for each in given:
        kind = resources.kind_named(ctx, str(each.document["apiVersion"]), each.kind)
        found = resources.one_of(ctx, kind, each.name, str(each.document["metadata"].get("namespace", "")))
        if found is None:
            error = not_found(kind.resource, each.name)
            errors += [] if _ignored(ctx, error) else [str(error)]
        elif resources.Matcher(kind, chosen)(found):
            answers.append(Answer(kind, (found,)))
    files = ctx.parsed.all("filename")
    return answers, errors, len(files) == 1 and files != ["-"] and len({each.source for each in given}) <= 1


def _watched(ctx: Context) -> watching.Watched | None:
    """What ``--watch`` looks at; None for nothing that may be missing. Raises ``KubectlError`` for what is not there, or too much."""
    if ctx.parsed.given("filename"):
        query = resources.Query(namespace=None)
    else:
        query = asked(ctx)
        if len(query.kinds) > 1 or len({kind.slot for kind, _ in query.names}) > 1:
            raise KubectlError("error: you may only specify a single resource type")
    answers, errors, _ = answer(ctx)
    if errors or not answers:
        _complain(errors[:1])
        return None
    objects = tuple(each for part in answers for each in part.objects)
    kind = answers[0].kind
    if ctx.parsed.given("filename"):
        query = resources.Query(
            names=tuple((kind, each.name) for each in objects), namespace=objects[0].namespace if objects else None
        )
    return watching.Watched(kind=kind, query=query, objects=objects, targets=len(query.names) or 1)


# ------------------------------------------------------------------------------------------------------------ tables


def options(ctx: Context, kind: Kind, *, with_kind: bool = False) -> TableOptions:
    """How the flags lay a table out. ``with_kind`` says that several kinds were asked for."""
    parsed = ctx.parsed
    return TableOptions(
        wide=parsed.text("output") == "wide",
        headers=not parsed.on("no-headers"),
        namespace=parsed.on("all-namespaces") and kind.namespaced,
        labels=tuple(each for value in parsed.all("label-columns") for each in value.split(",")),
        show_labels=parsed.on("show-labels"),
        kind=kind.singular if with_kind or parsed.on("show-kind") else "",
    )


def _print_tables(ctx: Context, answers: Sequence[Answer], errors: list[str]) -> None:
    several = len({each.kind.slot for each in answers}) > 1
    field = ctx.parsed.text("sort-by")
    if field:
        answers = [Answer(each.kind, _sorted(field, each.objects)) for each in answers]
    writer = TabWriter(ctx.out)
    show: TablePrinter | None = None
    last: Kind | None = None
    for each in answers:
        if show is None or each.kind is not last:
            writer.flush()
            writer.forget()
            if last is not None and not ctx.parsed.on("no-headers"):
                writer.separate()
            show, last = TablePrinter(options(ctx, each.kind, with_kind=several)), each.kind
        show.print(table(each.kind, each.objects, ctx.proc.now), writer)
    writer.flush()
    if not writer.written and not errors and not ctx.parsed.on("ignore-not-found"):
        everywhere = ctx.parsed.on("all-namespaces") or not all(each.kind.namespaced for each in answers)
        ctx.err("No resources found\n" if everywhere else f"No resources found in {ctx.namespace} namespace.\n")
    _complain(errors)


def _sorted(field: str, objects: tuple[Stored, ...]) -> tuple[Stored, ...]:
    return tuple(sort_by(field, objects, lambda each: each.document))


def _complain(errors: list[str]) -> None:
    if errors:
        raise KubectlError("\n".join(errors))


# --------------------------------------------------------------------------------------------------------- documents


def list_of(documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A ``kind: List``, as kubectl makes it of several objects."""
    return {"apiVersion": "v1", "items": list(documents), "kind": "List", "metadata": {"resourceVersion": ""}}


def _print_documents(ctx: Context, output: str, answers: Sequence[Answer], errors: list[str], *, single: bool) -> None:
    if single:
        _complain(errors)
    objects = [each.document for part in answers for each in part.objects]
    if not objects and ctx.parsed.on("ignore-not-found"):
        _complain(errors)
        return
    show = printer(ctx, output, headers=not ctx.parsed.on("no-headers"))
    field = ctx.parsed.text("sort-by")
    if single and len(objects) == 1:
        show.print(objects[0])
    else:
        show.print(list_of(sort_by(field, objects, lambda each: each) if field else objects))
    _complain(errors)


GET: Final = Verb(
    _get,
    (
        *manifests.FILES,
        Flag("output", "o"),
        Flag("selector", "l"),
        Flag("field-selector"),
        Flag("all-namespaces", "A", "bool"),
        Flag("watch", "w", "bool"),
        Flag("watch-only", kind="bool"),
        Flag("output-watch-events", kind="bool"),
        Flag("ignore-not-found", kind="bool"),
        Flag("no-headers", kind="bool"),
        Flag("show-labels", kind="bool"),
        Flag("show-kind", kind="bool"),
        Flag("label-columns", "L", "list"),
        Flag("sort-by"),
        Flag("chunk-size", kind="int", default="500"),
        Flag("server-print", kind="bool", default="true"),
        Flag("allow-missing-template-keys", kind="bool", default="true"),
        Flag("template", modelled=False),
        Flag("raw", modelled=False),
        Flag("subresource", modelled=False),
        Flag("show-managed-fields", kind="bool"),
    ),
)
