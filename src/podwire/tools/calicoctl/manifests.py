"""``-f`` of calicoctl: files, directories and standard input as resources of the API v3 (calicoctl, resourcemgr and commands/file)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from podwire.errors import ManifestError
from podwire.kube.document import documents
from podwire.kube.manifest import read_text
from podwire.tools.calicoctl.datastore import DatastoreError
from podwire.tools.calicoctl.derived import VERSION
from podwire.tools.calicoctl.kinds import Resource, of_kind
from podwire.tools.files import caller_path

if TYPE_CHECKING:
    from podwire.tools.calicoctl.context import Context

_SUFFIXES: Final = (".json", ".yaml", ".yml")


class FileInvalid(Exception):
    """A file that cannot be read, or holds no resource of Calico's."""


class NothingGiven(Exception):
    """A file or directory without any resource."""


def read(ctx: Context) -> list[dict[str, Any]]:
    """The resources of ``--filename``, in order. Raises ``FileInvalid`` and ``NothingGiven``."""
    name, skips = ctx.words.text("--filename"), ctx.words.on("--skip-empty")
    found: list[dict[str, Any]] = []
    for source, text in _sources(ctx, name):
        mine = list(_resources(text, source))
        if not mine and not skips:
            raise NothingGiven(f"No resources specified in file {source}")
        found += mine
    if not found and not skips:
        raise NothingGiven(f"No resources specified in directory {name}")
    return found


def _sources(ctx: Context, name: str) -> Iterator[tuple[str, str]]:
    proc = ctx.proc
    if name == "-":
        yield name, proc.stdin
        return
    path = caller_path(proc, name)
    if name in proc.place.files or not path.is_dir():
        if name not in proc.place.files and not path.exists():
            raise FileInvalid(f"open {name}: no such file or directory")
        yield name, proc.place.files[name] if name in proc.place.files else read_text(path)
        return
    for each in sorted(path.glob("**/*" if ctx.words.on("--recursive") else "*")):
        if each.suffix.lower() in _SUFFIXES and each.is_file():
            yield os.fspath(Path(name) / each.relative_to(path)), read_text(each)


def _resources(text: str, source: str) -> Iterator[dict[str, Any]]:
    try:
        whole: list[Any] = [field.plain() for field in documents(text, source)]
    except ManifestError as error:
        raise FileInvalid(f"error converting YAML to JSON: yaml: line {error.line}: {error.expected}") from None
    for each in whole:
        for document in each if isinstance(each, list) else [each]:
            yield from _unrolled(document)


def _unrolled(document: Any) -> Iterator[dict[str, Any]]:
    if document is None:
        return
    given = document if isinstance(document, dict) else {}
    kind, version = str(given.get("kind") or ""), str(given.get("apiVersion") or "")
    if version == VERSION and kind.endswith("List") and of_kind(kind.removesuffix("List")) is not None:
        for item in given.get("items") or ():
            yield from _unrolled({"apiVersion": version, "kind": kind.removesuffix("List"), **item})
        return
    if version != VERSION or of_kind(kind) is None:
        raise FileInvalid(f"Unknown resource type ({kind}) and/or version ({version})")
    for name in given:
        if name not in {"apiVersion", "kind", "metadata", "spec", "status"}:
            raise FileInvalid(f'error unmarshaling JSON: while decoding JSON: json: unknown field "{name}"')
    yield {**given, "metadata": {"name": "", **(given.get("metadata") or {})}, "spec": given.get("spec") or {}}


def namespace(ctx: Context, resource: Resource, own: str) -> str:
    """The namespace that counts for a resource; "" for all. Raises ``DatastoreError`` where words and resource disagree."""
    every, asked = ctx.words.on("--all-namespaces"), ctx.words.text("--namespace")
    if not resource.namespaced:
        if own:
            raise DatastoreError(
                "namespace should not be specified for a non-namespaced resource. "
                f"{resource.kind} is not a namespaced resource"
            )
        if every or asked:
            raise DatastoreError(f"{resource.kind} is not namespaced")
        return ""
    if every and asked:
        raise DatastoreError("cannot use both --namespace and --all-namespaces flags at the same time")
    if every:
        return ""
    if own and asked and own != asked:
        raise DatastoreError(f"resource namespace does not match client namespace. {own} != {asked}")
    return own or asked or "default"
