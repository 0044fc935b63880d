"""``-f``: files, directories and standard input, as kubectl's resource builder reads them (cli-runtime, pkg/resource)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import yaml

from podwire.errors import ManifestError, NotModelled
from podwire.kube.document import Loader, documents
from podwire.kube.godecode import complaint
from podwire.kube.manifest import read_text
from podwire.kube.meta import Metadata
from podwire.kube.objects import ApiObject, KubeObject, decode_object
from podwire.tools.files import caller_path
from podwire.tools.kubectl.failing import Failure, fail, plain_failure
from podwire.tools.kubectl.flags import Flag
from podwire.tools.kubectl.gojson import JsonError, json_end, unmarshal_error

if TYPE_CHECKING:
    from podwire.kube.fields import Field
    from podwire.kube.kinds import Kinds
    from podwire.tools.kubectl.context import Context
    from podwire.tools.process import Process

FILES: Final = (
    Flag("filename", "f", "list"),
    Flag("recursive", "R", "bool"),
    Flag("kustomize", "k", modelled=False),
)
"""The flags of verbs that read manifests."""
_SUFFIXES: Final = (".json", ".yaml", ".yml")


class Given(msgspec.Struct, frozen=True):
    """One object of a manifest: its document with a namespace, where it was read, and its typed form, or why it has none."""

    source: str
    document: dict[str, Any]
    at: Field
    decoded: KubeObject | None
    wrong: ManifestError | None = None

    @property
    def kind(self) -> str:
        """``kind``."""
        return str(self.document["kind"])

    @property
    def name(self) -> str:
        """``metadata.name``; empty where a name is to be drawn."""
        return str(self.document["metadata"].get("name") or "")


def read_file(proc: Process, name: str) -> str:
    """A file of the place, else one of the caller. Raises ``KubectlError`` where there is none."""
    if name in proc.place.files:
        return proc.place.files[name]
    path = caller_path(proc, name)
    if not path.exists():
        fail(f'the path "{name}" does not exist')
    return read_text(path)


def sources(context: Context) -> Iterator[tuple[str, str]]:
    """Name and text of every ``-f``, in order: ``STDIN`` for ``-``; what a directory holds in order of names."""
    proc, deep = context.proc, context.parsed.on("recursive")
    for given in context.parsed.all("filename"):
        for name in given.split(","):
            if name == "-":
                yield "STDIN", proc.stdin
                continue
            if name.startswith(("http://", "https://")):
                raise NotModelled(f"a manifest from the network: {name}", "kubectl -f")
            path = caller_path(proc, name)
            if name in proc.place.files or not path.is_dir():
                yield name, read_file(proc, name)
                continue
            found = sorted(
                each for each in path.glob("**/*" if deep else "*") if each.suffix in _SUFFIXES and each.is_file()
            )
            if not found:
                fail(f"error reading [{name}]: recognized file extensions are [.json .yaml .yml]")
            for each in found:
                yield str(Path(name) / each.relative_to(path)), read_text(each)


def read(context: Context, *, strict: bool = True) -> tuple[list[Given], list[Failure]]:
    """The objects of all ``-f``, and what kubectl has to say about those that it cannot even name.

    ``strict`` decodes them (deleting needs kind and name alone). Raises ``NotModelled`` for what podwire lacks, and ``KubectlError``
    for files that cannot be read: nothing has been done then.
    """
    found: list[Given] = []
    failures: list[Failure] = []
    kinds = context.store.kinds  # asked for once: the control plane looks around each time
    for source, text in sources(context):
        try:
            fields = [
                item for part in _json_texts(text) for field in documents(part, source) for item in _unrolled(field)
            ]
        except ManifestError as error:
            failures.append(
                plain_failure(f"error parsing {source}: error converting YAML to JSON: {_why(text, error)}")
            )
            continue
        except JsonError as error:
            why = "unexpected EOF" if error.offset is None else f"json: offset {error.offset}: {error}"
            failures.append(plain_failure(f"error parsing {source}: {why}"))
            continue
        for field in fields:
            each = _given(context, kinds, source, field, strict=strict)
            if isinstance(each, Failure):
                failures.append(each)
            else:
                found.append(each)
    return found, failures


def _json_texts(text: str) -> Iterator[str]:
    """A text that begins with a brace is JSON, not YAML, and may hold several objects (apimachinery, yaml.GuessJSONStream).

    The lines above an object are blank ones. Raises ``JsonError``.
    """
    at = len(text) - len(text.lstrip())
    if not text.startswith("{", at):
        yield text
        return
    while at < len(text):
        end = at + json_end(text[at:])
        yield "\n" * text.count("\n", 0, at) + text[at:end]
        at = end + len(text[end:]) - len(text[end:].lstrip())


def _why(text: str, error: ManifestError) -> str:
    """What yaml.v2 says of a text that cannot be read."""
    try:
        for _ in yaml.parse(text, Loader):
            pass
    except yaml.MarkedYAMLError as found:
        return go_yaml(found)
    # What the parser takes and podwire does not: a key twice, a tree too deep.
    return f"yaml: line {error.line}: {error.expected.removeprefix('YAML (').removesuffix(')')}"


def go_yaml(error: yaml.MarkedYAMLError) -> str:
    """An error of libyaml in the words of its port to Go, which counts lines from 0 unless the scanner found it (yaml.v2, ``fail``)."""
    line = 0
    if error.problem_mark is not None and error.problem_mark.line:
        line = error.problem_mark.line + isinstance(error, yaml.scanner.ScannerError)
    elif error.context_mark is not None:
        line = error.context_mark.line
    return f"yaml: {f'line {line}: ' if line else ''}{error.problem}"


def _unrolled(field: Field) -> Iterator[Field]:
    kind, items = field.get("kind"), field.get("items")
    if kind is not None and kind.value == "List" and items is not None:
        for item in items.items():
            yield from _unrolled(item)
    else:
        yield field


def _given(context: Context, kinds: Kinds, source: str, field: Field, *, strict: bool) -> Given | Failure:
    document: Any = field.plain()
    missing = [each for each in ("apiVersion", "kind") if not isinstance(document, dict) or not document.get(each)]
    if not isinstance(document, dict) and strict:
        return plain_failure(
            f'error validating "{source}": error validating data: invalid object to validate; if you choose to ignore these'
            " errors, turn validation off with --validate=false"
        )
    if missing and strict:
        said = ", ".join(f"{each} not set" for each in missing)
        said = f"[{said}]" if len(missing) > 1 else said
        return plain_failure(
            f'error validating "{source}": error validating data: {said}; if you choose to ignore these errors,'
            " turn validation off with --validate=false"
        )
    if missing:
        text = json.dumps(document, separators=(",", ":"), sort_keys=True, ensure_ascii=False, default=str)
        what = "Kind" if "kind" in missing else "apiVersion"
        return plain_failure(f"unable to decode \"{source}\": Object '{what}' is missing in '{text}'")
    meta = document.get("metadata")
    undecodable = _undecodable(meta)
    if undecodable is not None:
        return plain_failure(f'unable to decode "{source}": {undecodable}')
    document["metadata"] = dict(meta or {})
    decoded: KubeObject | None = None
    wrong: ManifestError | None = None
    try:
        if strict or kinds.of(str(document["apiVersion"]), str(document["kind"])) is None:
            decoded = decode_object(field)
    except ManifestError as error:
        if error.expected.startswith("a kind that exists"):
            return plain_failure(_no_match(document, source))
        wrong = error
    kind = kinds.of(str(document["apiVersion"]), str(document["kind"]))
    if kind is None and isinstance(decoded, ApiObject):  # of a CustomResourceDefinition that this server has not
        return plain_failure(_no_match(document, source))
    if kind is not None and kind.namespaced:
        _set_namespace(context, document["metadata"])
    return Given(source, document, field, decoded, wrong)


def _undecodable(meta: Any) -> str | None:
    """What kubectl itself says of metadata that it cannot read (unstructured, ``UnmarshalJSON``)."""
    if meta is not None and not isinstance(meta, dict):
        return unmarshal_error(meta, "v1.ObjectMeta").replace("Go value", "Go struct field .metadata")
    wrong = complaint({"metadata": meta or {}}, _Meta)
    return wrong if wrong is not None and wrong.startswith("json: ") else None


class _Meta(msgspec.Struct):
    """Of an object of any kind."""

    metadata: Metadata


def _no_match(document: dict[str, Any], source: str) -> str:
    meta = document["metadata"]
    return (
        f'resource mapping not found for name: "{meta.get("name", "")}" namespace: "{meta.get("namespace", "")}" from "{source}":'
        f' no matches for kind "{document["kind"]}" in version "{document["apiVersion"]}"\nensure CRDs are installed first'
    )


def _set_namespace(context: Context, meta: dict[str, Any]) -> None:
    """That of ``-n``; an object that names another is refused."""
    asked = context.parsed.text("namespace")
    space = meta.get("namespace")
    if asked and space and asked != space:
        fail(
            f'the namespace from the provided object "{space}" does not match the namespace "{asked}".'
            f" You must pass '--namespace={space}' to perform this operation."
        )
    if not space:
        meta["namespace"] = context.namespace
