"""``kubectl apply``, ``replace`` and ``diff``: objects of manifests, one request after the other (cmd/apply, cmd/replace)."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

from podwire.errors import NotModelled, PodwireError
from podwire.kube.labels import label_matcher
from podwire.kube.objects import IPPoolObject
from podwire.kube.store import LAST_APPLIED
from podwire.tools.kubectl import writing
from podwire.tools.kubectl.context import Verb
from podwire.tools.kubectl.failing import Failure, Said, end, fail, failure
from podwire.tools.kubectl.flags import Flag
from podwire.tools.kubectl.manifests import FILES, Given, read
from podwire.tools.kubectl.output import OUTPUT, Printed

if TYPE_CHECKING:
    from podwire.kube.store import Store, Stored
    from podwire.tools.kubectl.context import Context

_MISSING: Final = (
    "Warning: resource {} is missing the kubectl.kubernetes.io/last-applied-configuration annotation which is required by kubectl apply."
    " kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or kubectl apply."
    " The missing annotation will be patched automatically.\n"
)


def _chosen(context: Context, verb: str) -> tuple[list[Given], list[Failure]]:
    """The objects of ``-f`` that ``-l`` chooses. What podwire would not act upon is refused before anything is done."""
    if context.parsed.args:
        fail(f"Unexpected args: [{' '.join(context.parsed.args)}]\nSee 'kubectl {verb} -h' for help and examples")
    if not context.parsed.all("filename"):
        fail("must specify one of -f and -k")
    found, failures = read(context)
    if "selector" in context.parsed.flags:
        chosen = label_matcher(context.parsed.text("selector"))
        found = [each for each in found if chosen(each.document["metadata"].get("labels") or {})]
    if not found and not failures:
        fail(f"no objects passed to {verb}")
    context.ops.check([each.decoded for each in found if each.decoded is not None])
    return found, failures


def _apply(context: Context) -> int:
    if context.parsed.on("all"):
        raise NotModelled("flag --all, which goes with --prune", "kubectl apply")
    writing.strict_only(context)
    how = writing.dry_run(context)
    printed = Printed(context, how)
    found, failures = _chosen(context, "apply")
    if how != "none" and any(isinstance(each.decoded, IPPoolObject) for each in found):
        raise NotModelled("--dry-run of kind IPPool", "kubectl apply")
    with writing.writing(context, how) as store:
        for each in found:
            try:
                _apply_one(context, store, each, how, printed)
            except PodwireError as error:
                there = each.decoded is not None and _there(store, each) is not None
                failures.append(failure(error, "patching" if there else "creating", each.source, each.document))
        printed.finish()
    if failures:
        end(failures)
    return 0


def _there(store: Store, each: Given) -> Stored | None:
    kind = store.kinds.of(str(each.document["apiVersion"]), each.kind)
    return None if kind is None else store.get(kind.slot, each.name, each.document["metadata"].get("namespace", ""))


def _apply_one(context: Context, store: Store, each: Given, how: str, printed: Printed) -> None:
    if each.failure is not None:
        raise Said(each.failure)
    if isinstance(each.decoded, IPPoolObject):
        for line in context.ops.apply([each.decoded]):
            context.out(f"{line}\n")
        return
    before = _there(store, each)
    if before is not None and LAST_APPLIED not in (before.document["metadata"].get("annotations") or {}):
        context.err(_MISSING.format(f"{before.kind.plural}/{before.name}"))
    stored, line = store.apply(each.document, each.at)
    if how == "client" and line == "unchanged":
        line = "configured"
    if line != "unchanged" and how == "none":
        context.ops.stored(stored)
    printed.add(stored, line)


def _replace(context: Context) -> int:
    writing.strict_only(context)
    how = writing.dry_run(context)
    printed = Printed(context, how)
    found, failures = _chosen(context, "replace")
    if any(isinstance(each.decoded, IPPoolObject) for each in found):
        raise NotModelled("replacing kind IPPool", "kubectl replace")
    with writing.writing(context, how) as store:
        for each in found:
            try:
                _replace_one(context, store, each, printed)
            except PodwireError as error:
                failures.append(failure(error, "replacing", each.source, each.document))
        printed.finish()
    if failures:
        end(failures)
    return 0


def _replace_one(context: Context, store: Store, each: Given, printed: Printed) -> None:
    if each.failure is not None:
        raise Said(each.failure)
    kind = store.kind(str(each.document["apiVersion"]), each.kind)
    old = store.need(kind.slot, each.name, each.document["metadata"].get("namespace", ""))
    new: dict[str, Any] = copy.deepcopy(each.document)
    _keep_applied(new, old, save=context.parsed.on("save-config"))
    made = store.update(new, each.at)
    if made is not old:
        context.ops.stored(made)
    printed.add(made, "replaced")


def _keep_applied(new: dict[str, Any], old: Stored, *, save: bool) -> None:
    """The annotation of ``apply`` is written anew where the object has it (util.CreateOrUpdateAnnotation)."""
    if save or LAST_APPLIED in (old.document["metadata"].get("annotations") or {}):
        writing.annotate_applied(new)


def _diff(context: Context) -> int:
    raise NotModelled("kubectl diff (what apply would do: kubectl apply --dry-run=server)")


_COMMON: Final = (*FILES, *writing.MANAGER, writing.DRY_RUN, *OUTPUT)
APPLY: Final = Verb(
    _apply,
    (
        *_COMMON,
        Flag("selector", "l"),
        Flag("all", kind="bool"),
        Flag("overwrite", kind="bool", default="true"),
        Flag("force", kind="bool", modelled=False),
        Flag("prune", kind="bool", modelled=False),
        Flag("prune-allowlist", kind="list", modelled=False),
        Flag("server-side", kind="bool", modelled=False),
        Flag("force-conflicts", kind="bool", modelled=False),
        Flag("grace-period", kind="int", modelled=False),
        Flag("cascade", bare="background", modelled=False),
        Flag("wait", kind="bool", modelled=False),
        Flag("timeout", modelled=False),
        Flag("openapi-patch", kind="bool", default="true"),
    ),
)
REPLACE: Final = Verb(
    _replace,
    (
        *_COMMON,
        Flag("save-config", kind="bool"),
        Flag("force", kind="bool", modelled=False),
        Flag("grace-period", kind="int", modelled=False),
        Flag("cascade", bare="background", modelled=False),
        Flag("raw", modelled=False),
        Flag("subresource", modelled=False),
        Flag("timeout", modelled=False),
        Flag("wait", kind="bool", modelled=False),
    ),
)
DIFF: Final = Verb(_diff, (*FILES, Flag("selector", "l"), Flag("server-side", kind="bool")))
