"""``calicoctl label`` (calicoctl, commands/label.go)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.tools.calicoctl import datastore, manifests
from podwire.tools.calicoctl.changing import of_words
from podwire.tools.calicoctl.context import CONFIG, CONTEXT, MISMATCH, NAMESPACE, CalicoctlError
from podwire.tools.calicoctl.datastore import DatastoreError
from podwire.tools.calicoctl.docopt import Option, UsageError
from podwire.tools.calicoctl.kinds import of_kind

if TYPE_CHECKING:
    from podwire.tools.calicoctl.context import Context

_WORDS: Final = 3


def _label(ctx: Context) -> int:
    words = ctx.words
    remove = words.on("--remove")
    if len(words.args) != _WORDS or (remove and words.on("--overwrite")):
        raise UsageError
    kind, name, text = words.args
    key, *rest = text.split("=")
    if not remove and len(rest) != 1:
        raise CalicoctlError(f"invalid label {text}")
    try:
        ctx.check_version()
    except CalicoctlError as error:
        raise CalicoctlError(f"failed to get {kind} {name}, error {error}") from None
    (wanted,) = of_words(kind, [name])
    resource = of_kind(wanted["kind"])
    assert resource is not None  # noqa: S101 - it was named
    try:
        space = manifests.namespace(ctx, resource, "")
        document = datastore.one(ctx, resource, {"name": name, "namespace": space})
    except DatastoreError as error:
        if error.reason == "NotFound":
            raise CalicoctlError(f"{kind} {name} not found") from None
        raise CalicoctlError(f"failed to get {kind} {name}, error {error}") from None
    labels = dict(document["metadata"].get("labels") or {})
    said = _remove(labels, key, f"{kind} {name}") if remove else _set(ctx, labels, key, rest[0], f"{kind} {name}")
    if resource.kind == "IPPool" and ctx.ops.calico is not None and "labels" not in document["metadata"]:
        raise NotModelled("labels of an IPPool", "calicoctl label")
    try:
        datastore.update(ctx, resource, {**document, "metadata": {**document["metadata"], "labels": labels}})
    except DatastoreError:
        raise CalicoctlError(f"failed to update {kind} {name}, label not changed") from None
    ctx.out(f"Successfully {said} {kind} {name}\n")
    return 0


def _remove(labels: dict[str, str], key: str, what: str) -> str:
    if key not in labels:
        raise CalicoctlError(f"cannot remove label of {what}, key {key} does not exist")
    del labels[key]
    return f"removed label {key} from"


def _set(ctx: Context, labels: dict[str, str], key: str, value: str, what: str) -> str:
    old = labels.get(key)
    if old is not None and old != value and not ctx.words.on("--overwrite"):
        raise CalicoctlError(
            f"failed to update label of {what}, key {key} is already present. "  # noqa: S608 - no SQL
            "please use '--overwrite' to set a new value."
        )
    labels[key] = value
    return f"set label {key} on" if old is None else f"updated label {key} on"


LABEL: Final = ((Option("--overwrite"), Option("--remove"), CONFIG, NAMESPACE, CONTEXT, MISMATCH), _label)
