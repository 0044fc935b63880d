"""``kubectl delete``: requests through the API, so that pods terminate and endpoints follow, and the wait for their end (cmd/delete)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from podwire.errors import NotModelled, PodwireError
from podwire.kube.fields import Field, from_python
from podwire.kube.labels import label_matcher
from podwire.kube.objects import Reference
from podwire.kube.shelf import not_found
from podwire.tools.kubectl import resources, writing
from podwire.tools.kubectl.context import KubectlError, Verb
from podwire.tools.kubectl.failing import Failure, end, fail, failure, plain_failure
from podwire.tools.kubectl.flags import Flag
from podwire.tools.kubectl.manifests import FILES, Given, read
from podwire.tools.kubectl.waiting import deadline_of, woken

if TYPE_CHECKING:
    from podwire.kube.kinds import Kind
    from podwire.kube.store import Store, Stored
    from podwire.tools.kubectl.context import Context
    from podwire.tools.process import Waiting

_FORCED: Final = (
    "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated."
    " The resource may continue to run on the cluster indefinitely.\n"
)


class _Target(msgspec.Struct, frozen=True):
    """An object to be deleted: one of the store, or one of a kind that a backend keeps (``kind`` None, and where it is named)."""

    kind: Kind | None
    name: str
    namespace: str
    at: Field | None = None
    source: str = ""
    """The file that names it."""


def _grace(context: Context) -> int:
    """Seconds; -1 for those of the object. 0 is granted with ``--force`` alone."""
    parsed = context.parsed
    grace, force = parsed.number("grace-period"), parsed.on("force")
    if parsed.on("now"):
        if grace != -1:
            fail("--now and --grace-period cannot be specified together")
        grace = 1
    if force and grace > 0:
        fail("--force and --grace-period greater than 0 cannot be specified together")
    if force:
        return 0
    return 1 if grace == 0 else grace


def _delete(context: Context) -> int | Waiting:
    parsed = context.parsed
    grace = _grace(context)
    if parsed.text("cascade") not in {"background", "orphan", "foreground", "true", "false"}:
        fail(f'invalid cascade value ({parsed.text("cascade")}). Must be "background", "foreground", or "orphan"')
    if parsed.text("cascade") == "foreground":
        raise NotModelled("--cascade=foreground", "kubectl delete")
    how = writing.dry_run(context)
    if parsed.on("all") and parsed.text("selector"):
        fail("setting 'all' parameter but found a non empty selector. ")
    if grace == 0:
        context.err(_FORCED)
    targets, failures = _targets(context)
    if not targets and not failures:
        context.out("No resources found\n")
        return 0
    for each in targets:
        if each.kind is not None and each.kind.name == "Node":
            raise NotModelled("deleting a Node", "kubectl delete")
    _warn_of_scope(context, targets)
    uids = _requests(context, targets, failures, grace, how)
    if failures and not (uids and parsed.on("wait")):
        end(failures)
    if how != "none" or not parsed.on("wait") or not uids:
        return 0
    return _wait(context, uids, failures)


def _targets(context: Context) -> tuple[list[_Target], list[Failure]]:
    parsed = context.parsed
    failures: list[Failure] = []
    if parsed.all("filename"):
        if parsed.args:
            raise KubectlError(
                "error: when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well"
            )
        given, failures = read(context, strict=False)
        chosen = label_matcher(parsed.text("selector"))
        given = [each for each in given if chosen(each.document["metadata"].get("labels") or {})]
        if not given and not failures:
            fail("no objects passed to delete")
        return [_of_file(context, each) for each in given], failures
    found = resources.find(
        context,
        parsed.args,
        selector=parsed.text("selector"),
        field_selector=parsed.text("field-selector"),
        everything=parsed.on("all"),
        all_namespaces=parsed.on("all-namespaces"),
    )
    if not (parsed.on("ignore-not-found") or (parsed.on("all") and not parsed.given("ignore-not-found"))):
        failures += [failure(error) for error in found.errors]
    elif found.errors and not found.objects:
        raise _Nothing
    return [_named(context, each) for each in found.objects], failures


def _named(context: Context, each: Stored) -> _Target:
    if context.ops.kept(each.kind) is None:
        return _Target(each.kind, each.name, each.namespace)
    return _Target(None, each.name, "", from_python(each.document))


class _Nothing(KubectlError):
    """``--ignore-not-found``: nothing was there, and nothing is said."""


def _of_file(context: Context, each: Given) -> _Target:
    kind = context.store.kinds.of(str(each.document["apiVersion"]), each.kind)
    space = str(each.document["metadata"].get("namespace", "")) if kind is not None and kind.namespaced else ""
    return _Target(kind, each.name, space, each.at if kind is None else None, each.source)


def _warn_of_scope(context: Context, targets: list[_Target]) -> None:
    if context.parsed.given("namespace") and any(
        each.kind is not None and not each.kind.namespaced for each in targets
    ):
        context.err("Warning: deleting cluster-scoped resources, not scoped to the provided namespace\n")


def _requests(
    context: Context, targets: list[_Target], failures: list[Failure], grace: int, how: str
) -> list[tuple[Kind, Stored]]:
    """One request after the other; returns what is still to be waited for."""
    sent: list[tuple[Kind, Stored]] = []
    with writing.writing(context, how) as store:
        for each in targets:
            try:
                if each.kind is None:
                    _delete_other(context, each, how)
                    continue
                old = store.get(each.kind.slot, each.name, each.namespace)
                if old is None:
                    raise not_found(each.kind.resource, each.name)
                _request(context, store, old, grace, how)
                sent.append((each.kind, old))
                _say(context, each.kind.singular, each.name, grace, how)
            except PodwireError as error:
                ignored = context.parsed.on("ignore-not-found") and "NotFound" in str(error)
                if not ignored:
                    failures.append(failure(error, "deleting", each.source))
    return sent


def _request(context: Context, store: Store, old: Stored, grace: int, how: str) -> None:
    if how == "client":
        return
    orphan = context.parsed.text("cascade") in {"orphan", "false"}
    propagation: Literal["Background", "Orphan"] = "Orphan" if orphan else "Background"
    store.delete(old.kind.slot, old.name, old.namespace, propagation=propagation, grace=None if grace < 0 else grace)


def _delete_other(context: Context, each: _Target, how: str) -> None:
    """An object of a kind that a backend keeps outside the store."""
    if how != "none" or each.at is None:
        raise NotModelled("--dry-run of an object of this kind", "kubectl delete")
    context.ops.settle()
    reference = Reference(each.at.at("kind").text(), each.namespace or "default", each.name, each.at)
    for line in context.ops.delete([reference]):
        context.out(f"{line}\n")


def _say(context: Context, singular: str, name: str, grace: int, how: str) -> None:
    output = context.parsed.text("output")
    if output == "name":
        context.out(f"{singular}/{name}\n")
        return
    if output:
        fail(f"unexpected -o output mode: {output}. We only support '-o name'")
    done = "force deleted" if grace == 0 else "deleted"
    context.out(f'{singular} "{name}" {done}{writing.suffix(how)}\n')


def _wait(context: Context, sent: list[tuple[Kind, Stored]], failures: list[Failure]) -> Waiting:
    """Until what was deleted is gone, for as long as ``--timeout`` says (0: a week, as kubectl has it)."""
    deadline = deadline_of(context, "timeout")
    left = list(sent)
    with woken(context):
        while left := [(kind, old) for kind, old in left if _same(context.store, kind, old)]:
            if context.proc.now >= deadline:
                kind, old = left[0]
                failures.append(plain_failure(f"timed out waiting for the condition on {kind.plural}/{old.name}"))
                break
            yield deadline
    if failures:
        end(failures)
    return 0


def _same(store: Store, kind: Kind, old: Stored) -> bool:
    there: Any = store.get(kind.slot, old.name, old.namespace)
    return there is not None and there.uid == old.uid


def _run(context: Context) -> int | Waiting:
    try:
        return _delete(context)
    except _Nothing:
        return 0


DELETE: Final = Verb(
    _run,
    (
        *FILES,
        writing.DRY_RUN,
        Flag("selector", "l"),
        Flag("field-selector"),
        Flag("all", kind="bool"),
        Flag("all-namespaces", "A", "bool"),
        Flag("cascade", default="background", bare="background"),
        Flag("force", kind="bool"),
        Flag("grace-period", kind="int", default="-1"),
        Flag("ignore-not-found", kind="bool"),
        Flag("now", kind="bool"),
        Flag("output", "o"),
        Flag("timeout", default="0s"),
        Flag("wait", kind="bool", default="true"),
        Flag("interactive", "i", "bool", modelled=False),
        Flag("raw", modelled=False),
    ),
)
