"""``calicoctl apply``, ``create``, ``replace``, ``delete`` and ``patch`` (calicoctl, commands/common/resources.go)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from podwire.errors import NotModelled
from podwire.kube.patch import strategic
from podwire.tools.calicoctl import datastore, manifests
from podwire.tools.calicoctl.context import CONFIG, CONTEXT, FILE, MISMATCH, NAMESPACE, CalicoctlError
from podwire.tools.calicoctl.datastore import DatastoreError
from podwire.tools.calicoctl.docopt import Option, UsageError
from podwire.tools.calicoctl.kinds import Resource, named, of_kind

if TYPE_CHECKING:
    from podwire.tools.calicoctl.context import Context

_Action = Callable[["Context", Resource, dict[str, Any]], None]


class Results(msgspec.Struct):
    """How a run went: how many resources there were, how many were done, the errors, and the kind where there is one alone."""

    count: int = 0
    done: int = 0
    errors: list[str] = []
    kind: str = ""

    @property
    def counted(self) -> str:
        """``1 'IPPool' resource(s)``."""
        return f"{self.done} '{self.kind}' resource(s)" if self.kind else f"{self.done} resource(s)"

    @property
    def listed(self) -> str:
        """The errors as Go prints a slice."""
        return f"[{' '.join(self.errors)}]"


def _execute(ctx: Context, documents: Sequence[dict[str, Any]], action: _Action, *, stops: bool = False) -> Results:
    """Do it for each; ``stops`` at the first error."""
    kinds = {each["kind"] for each in documents}
    results = Results(len(documents), 0, [], kinds.pop() if len(kinds) == 1 else "")
    for each in documents:
        resource = of_kind(each["kind"])
        assert resource is not None  # noqa: S101 - the reader knows its kinds
        try:
            space = manifests.namespace(ctx, resource, str(each["metadata"].get("namespace") or ""))
            meta = {**each["metadata"], **({"namespace": space} if resource.namespaced else {})}
            action(ctx, resource, {**each, "metadata": meta})
        except DatastoreError as error:
            results.errors.append(str(error))
            if stops:
                break
        else:
            results.done += 1
    return results


def _read(ctx: Context) -> list[dict[str, Any]]:
    if ctx.words.args or not ctx.words.on("--filename"):
        raise UsageError
    ctx.check_version()
    try:
        return manifests.read(ctx)
    except manifests.FileInvalid as error:
        raise CalicoctlError(f"Failed to execute command: {error}") from None
    except manifests.NothingGiven as error:
        raise CalicoctlError(str(error)) from None


def _tell(ctx: Context, results: Results, done: str, verb: str, hit: str) -> int:
    """What apply, create and replace say at the end."""
    if not results.count:
        ctx.out("No resources specified\n")
        return 0
    if not results.errors:
        ctx.out(f"Successfully {done} {results.counted}\n")
        return 0
    if not results.done:
        what = f"'{results.kind}' " if results.kind else ""
        some = f"{what}resource" if results.count == 1 else f"any {what}resources"
        raise CalicoctlError(f"Failed to {verb} {some}: {results.listed if hit else results.errors[0]}")
    if results.done > len(results.errors) or not hit:
        of = f" '{results.kind}'" if results.kind else ""
        ctx.out(f"Partial success: {done} the first {results.done} out of {results.count}{of} resources:\n")
    raise CalicoctlError(f"{hit or 'Hit error'}: {results.listed if hit else results.errors[0]}")


# -------------------------------------------------------------------------------------------------------------- actions


def _apply_one(ctx: Context, resource: Resource, document: dict[str, Any]) -> None:
    """Create, and where it is there already, replace."""
    if resource.kind == "ClusterInformation":
        raise DatastoreError("operation apply is not supported on ClusterInformation: resource is readonly")
    try:
        datastore.create(ctx, resource, document)
    except DatastoreError as error:
        if error.reason != "AlreadyExists":
            raise
        datastore.update(ctx, resource, document)


def _create_one(ctx: Context, resource: Resource, document: dict[str, Any]) -> None:
    try:
        datastore.create(ctx, resource, document)
    except DatastoreError as error:
        if error.reason != "AlreadyExists" or not ctx.words.on("--skip-exists"):
            raise


def _delete_one(ctx: Context, resource: Resource, document: Mapping[str, Any]) -> None:
    try:
        datastore.delete(ctx, resource, document["metadata"])
    except DatastoreError as error:
        if error.reason != "NotFound" or not ctx.words.on("--skip-not-exists"):
            raise


def _apply(ctx: Context) -> int:
    return _tell(ctx, _execute(ctx, _read(ctx), _apply_one), "applied", "apply", "Hit error(s)")


def _create(ctx: Context) -> int:
    return _tell(ctx, _execute(ctx, _read(ctx), _create_one), "created", "create", "Hit error")


def _replace(ctx: Context) -> int:
    return _tell(ctx, _execute(ctx, _read(ctx), datastore.update, stops=True), "replaced", "replace", "")


def of_words(word: str, names: Sequence[str]) -> list[dict[str, Any]]:
    """Resources by kind and names, as words name them. Raises ``CalicoctlError``."""
    resource = named(word)
    if resource is None:
        raise CalicoctlError(f"resource type '{word}' is not supported")
    if not all(names) or not names:
        raise CalicoctlError("resource name may not be empty")
    return [{"kind": resource.kind, "metadata": {"name": name}, "spec": {}} for name in names]


def _delete(ctx: Context) -> int:
    words = ctx.words
    from_file = words.on("--filename")
    if bool(words.args) == from_file or (not from_file and (words.on("--recursive") or words.on("--skip-empty"))):
        raise UsageError
    if from_file:
        documents = _read(ctx)
    else:
        ctx.check_version()
        documents = of_words(words.args[0], words.args[1:])
    results = _execute(ctx, documents, _delete_one)
    if results.done:
        ctx.out(f"Successfully deleted {results.counted}\n")
    if results.errors:
        what = f"'{results.kind}' " if results.kind else ""
        raise CalicoctlError("".join(f"Failed to delete {what}resource: {each}\n" for each in results.errors))
    return 0


# --------------------------------------------------------------------------------------------------------------- patch


def _patch(ctx: Context) -> int:
    words = ctx.words
    if len(words.args) != _PATCHED or not words.on("--patch"):
        raise UsageError
    if words.text("--type", "strategic") != "strategic":
        raise NotModelled(f"--type={words.text('--type')}", "calicoctl patch")
    ctx.check_version()
    documents = of_words(words.args[0], words.args[1:])
    try:
        change = json.loads(words.text("--patch"))
    except ValueError:
        change = None
    if not isinstance(change, dict):
        raise CalicoctlError("Hit error: performing strategic merge patch: invalid JSON document")

    def patch(ctx: Context, resource: Resource, document: dict[str, Any]) -> None:
        new = strategic(datastore.one(ctx, resource, document["metadata"]), change)
        datastore.update(ctx, resource, new)

    results = _execute(ctx, documents, patch, stops=True)
    if results.errors:
        raise CalicoctlError(f"Hit error: {results.errors[0]}")
    ctx.out(f"Successfully patched {results.done} '{results.kind}' resource\n")
    return 0


_PATCHED: Final = 2
_COMMON: Final = (CONFIG, NAMESPACE, CONTEXT, MISMATCH)

APPLY: Final = ((*FILE, *_COMMON), _apply)
CREATE: Final = ((*FILE, Option("--skip-exists"), *_COMMON), _create)
REPLACE: Final = ((*FILE, *_COMMON), _replace)
DELETE: Final = ((*FILE, Option("--skip-not-exists", "-s"), *_COMMON), _delete)
PATCH: Final = ((Option("--patch", "-p", takes=True), Option("--type", "-t", takes=True), *_COMMON), _patch)
