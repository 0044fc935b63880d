"""``kubectl apply``, ``replace`` and ``diff``: objects of manifests, one request after the other (cmd/apply, cmd/replace)."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any, Final

from podwire.errors import NotModelled, PodwireError
from podwire.kube.labels import label_matcher
from podwire.kube.objects import IPPoolObject
from podwire.kube.store import LAST_APPLIED
from podwire.tools.kubectl import resources, writing
from podwire.tools.kubectl.context import Verb
from podwire.tools.kubectl.failing import Failure, Said, end, fail, failure, plain_failure
from podwire.tools.kubectl.flags import Flag
from podwire.tools.kubectl.jsonpath import json_text
from podwire.tools.kubectl.manifests import FILES, Given, read
from podwire.tools.kubectl.output import OUTPUT, Printed
from podwire.tools.kubectl.yamltext import yaml_text

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
    args = context.parsed.args
    if args and args[0] == "view-last-applied":
        return _view_last_applied(context, args[1:])
    if args and args[0] in {"edit-last-applied", "set-last-applied"}:
        raise NotModelled(f"kubectl apply {args[0]}")
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


def _nameless(store: Store, each: Given) -> Failure:
    """What is merged with what is there has a name."""
    kind = store.kind(str(each.document["apiVersion"]), each.kind)
    group, _, version = kind.version.rpartition("/")
    text = (
        f'error when retrieving current configuration of:\nResource: "{group}/{version}, Resource={kind.plural}",'
        f' GroupVersionKind: "{group}/{version}, Kind={kind.name}"\n'
        f'Name: "", Namespace: "{each.document["metadata"].get("namespace", "")}"\n'
        f'from server for: "{each.source}": resource name may not be empty'
    )
    return plain_failure(text)


def _apply_one(context: Context, store: Store, each: Given, how: str, printed: Printed) -> None:
    if not each.name and not each.document["metadata"].get("generateName"):
        raise Said(_nameless(store, each))
    if each.wrong is not None:
        raise each.wrong
    if isinstance(each.decoded, IPPoolObject):
        for line in context.ops.apply([each.decoded]):
            context.out(f"{line}\n")
        return
    before = _there(store, each)
    if before is not None and LAST_APPLIED not in (before.document["metadata"].get("annotations") or {}):
        context.err(_MISSING.format(f"{before.kind.plural}/{before.name}"))
    if how == "client":
        _client(each, before, printed)
        return
    stored, line = store.apply(each.document, each.at)
    if line != "unchanged" and how == "none":
        context.ops.stored(stored)
    printed.add(stored, line)


def _client(each: Given, before: Stored | None, printed: Printed) -> None:
    """``--dry-run=client``: nothing is sent; what is there is shown as it is."""
    if before is not None:
        printed.add(before, "configured")
        return
    new = copy.deepcopy(each.document)
    writing.annotate_applied(new)
    printed.add_document(new, "created")


def _view_last_applied(context: Context, args: list[str]) -> int:
    """``kubectl apply view-last-applied`` (cmd/apply/apply_view_last_applied.go)."""
    if context.parsed.text("output") not in {"", "yaml", "json"}:
        fail(f"Unexpected -o output mode: {context.parsed.text('output')}, the flag 'output' must be one of yaml|json")
    found = resources.find(context, args, selector=context.parsed.text("selector"), everything=context.parsed.on("all"))
    found.complain()
    for each in found.objects:
        text = (each.document["metadata"].get("annotations") or {}).get(LAST_APPLIED)
        if text is None:
            fail(f"no last-applied-configuration annotation found on resource: {each.name}")
        value = json.loads(text)
        as_json = context.parsed.text("output") == "json"
        context.out(json_text(value, 2) + "\n" if as_json else yaml_text(value))
    return 0


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
    if each.wrong is not None:
        raise each.wrong
    kind = store.kind(str(each.document["apiVersion"]), each.kind)
    old = store.need(kind.slot, each.name, each.document["metadata"].get("namespace", ""))
    new: dict[str, Any] = copy.deepcopy(each.document)
    _keep_applied(new, save=context.parsed.on("save-config"))
    made = store.update(new, each.at)
    if made is not old:
        context.ops.stored(made)
    printed.add(made, "replaced")


def _keep_applied(new: dict[str, Any], *, save: bool) -> None:
    """The annotation of ``apply`` is written anew where the manifest has it (util.CreateOrUpdateAnnotation): else it is gone."""
    if save or LAST_APPLIED in (new["metadata"].get("annotations") or {}):
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
