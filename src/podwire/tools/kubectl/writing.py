"""Writing objects from kubectl's verbs: what podwire would not act upon is refused before anything changes; dry runs leave no trace."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final

from podwire.errors import NotModelled
from podwire.kube.fields import from_python
from podwire.kube.kinds import KINDS
from podwire.kube.objects import decode_object
from podwire.kube.store import LAST_APPLIED
from podwire.tools.kubectl.failing import fail
from podwire.tools.kubectl.flags import Flag

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from podwire.kube.store import Store, Stored
    from podwire.tools.kubectl.context import Context

DRY_RUN: Final = Flag("dry-run", default="none", bare="unchanged")
MANAGER: Final = (
    Flag("field-manager"),
    Flag("validate", default="strict", bare="strict"),
)
"""Flags of verbs that write. Who wrote what is kept nowhere, and the server always validates strictly."""


def dry_run(context: Context) -> str:
    """``none``, ``client`` or ``server``. Raises ``KubectlError``."""
    found = context.parsed.text("dry-run")
    if found == "unchanged":
        raise NotModelled("--dry-run without a value, which is deprecated: --dry-run=client", f"kubectl {context.verb}")
    if found not in {"none", "client", "server"}:
        fail(f'Invalid dry-run value ({found}). Must be "none", "server", or "client".')
    return found


def suffix(how: str) -> str:
    """What stands behind a line of a dry run."""
    return {"client": " (dry run)", "server": " (server dry run)"}.get(how, "")


def strict_only(context: Context) -> None:
    """``--validate`` other than strict would let through what podwire cannot keep."""
    if context.parsed.text("validate").lower() not in {"strict", "true"}:
        raise NotModelled(f"--validate={context.parsed.text('validate')}", f"kubectl {context.verb}")


@contextmanager
def writing(context: Context, how: str = "none") -> Iterator[Store]:
    """The store, for several requests; controllers, kubelets and agents act behind the last. What a dry run did is taken back."""
    store = context.store
    trial: AbstractContextManager[None] = nullcontext() if how == "none" else store.trial()
    try:
        with trial:
            yield store
    finally:
        if how == "none":
            context.ops.settle()


def annotate_applied(document: dict[str, Any]) -> None:
    """``kubectl.kubernetes.io/last-applied-configuration``: the document as it is, without that annotation and without a status."""
    meta = document.setdefault("metadata", {})
    own = {key: value for key, value in (meta.get("annotations") or {}).items() if key != LAST_APPLIED}
    bare = {key: value for key, value in document.items() if key != "status"}
    bare["metadata"] = {**meta, "annotations": own}
    text = json.dumps(bare, separators=(",", ":"), sort_keys=True, ensure_ascii=False, default=str) + "\n"
    meta["annotations"] = {**own, LAST_APPLIED: text}


def check(context: Context, document: Mapping[str, Any]) -> None:
    """Raise ``NotModelled`` for a document that podwire could not act upon, and ``ManifestError`` for one of the wrong form."""
    if (document.get("apiVersion"), document.get("kind")) in KINDS:
        context.ops.check(
            [decode_object(from_python({key: value for key, value in document.items() if key != "status"}))]
        )


def create(context: Context, store: Store, document: Mapping[str, Any]) -> Stored:
    """A new object. Raises ``StatusError``, ``Invalid``, ``NotModelled``."""
    check(context, document)
    made = store.create(document)
    context.ops.stored(made)
    return made


def update(context: Context, store: Store, old: Stored, new: Mapping[str, Any]) -> Stored:
    """The object, changed; the same one where nothing changes."""
    if new.get("spec") != old.document.get("spec"):
        check(context, new)
    made = store.update(new)
    if made is not old:
        context.ops.stored(made)
    return made
