"""``kubectl rollout``: restart, status, history, undo, pause and resume (cmd/rollout, polymorphichelpers)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from podwire.errors import NotModelled, PodwireError
from podwire.kube.replica_controllers import HASH, REVISION
from podwire.tools.kubectl import resources, writing
from podwire.tools.kubectl.context import KubectlError, Verb
from podwire.tools.kubectl.describe_containers import template
from podwire.tools.kubectl.describe_writing import Page
from podwire.tools.kubectl.failing import Failure, end, fail, failure, plain_failure
from podwire.tools.kubectl.flags import Flag
from podwire.tools.kubectl.manifests import FILES
from podwire.tools.kubectl.output import OUTPUT, Printed
from podwire.tools.kubectl.quoting import quoted
from podwire.tools.kubectl.waiting import deadline_of, woken

if TYPE_CHECKING:
    from podwire.kube.store import Stored
    from podwire.tools.kubectl.context import Context
    from podwire.tools.process import Waiting

_RESTARTED: Final = "kubectl.kubernetes.io/restartedAt"
_CAUSE: Final = "kubernetes.io/change-cause"
_ROLLING: Final = frozenset({"DaemonSet", "Deployment", "StatefulSet"})
_Change = Callable[["Context", "Stored", dict[str, Any]], str]


def _rollout(context: Context) -> int | Waiting:
    parsed = context.parsed
    if not parsed.args:
        raise NotModelled("help", "kubectl rollout")
    if parsed.all("filename"):
        raise NotModelled("flag --filename", "kubectl rollout")
    what, *words = parsed.args
    if what not in {*_CHANGES, "status", "history"}:
        fail(f"unknown command \"{what}\"\nSee 'kubectl rollout -h' for help and examples")
    if not words and not parsed.text("selector"):
        fail("required resource not specified")
    found = resources.find(context, words, selector=parsed.text("selector"), listing=True)
    failures = [failure(error) for error in found.errors]
    if what == "status":
        if not found.objects:
            found.complain()
        if len(found.objects) != 1 and not parsed.text("selector"):
            fail(
                "rollout status is only supported on individual resources and resource collections"
                f" - {len(found.objects)} resources were found"
            )
        return _status(context, found)
    if what == "history":
        found.complain()
        for each in found.objects:
            _history(context, each)
        return 0
    return _change(context, found.objects, _CHANGES[what], failures)


# ------------------------------------------------------------------------------------------------------------ changes


def _change(context: Context, objects: tuple[Stored, ...], change: _Change, failures: list[Failure]) -> int:
    how = writing.dry_run(context)
    printed = Printed(context, how)
    with writing.writing(context, how) as store:
        for each in objects:
            new = copy.deepcopy(each.document)
            try:
                word = change(context, each, new)
                printed.add(writing.update(context, store, each, new), word)
            except KubectlError as error:
                failures.append(plain_failure(str(error).removeprefix("error: ")))
            except PodwireError as error:
                failures.append(failure(error))
        printed.finish()
    if failures:
        end(failures)
    return 0


def _restart(context: Context, each: Stored, new: dict[str, Any]) -> str:
    if each.kind.name not in _ROLLING:
        fail(f"{each.kind.resource} {quoted(each.name)} restarting is not supported")
    if new["spec"].get("paused"):
        fail(f"{each.kind.resource} {quoted(each.name)} can't restart paused deployment (run rollout resume first)")
    annotations = new["spec"]["template"].setdefault("metadata", {}).setdefault("annotations", {})
    now = context.store.timestamp()
    if annotations.get(_RESTARTED) == now:
        fail(
            "if restart has already been triggered within the past second, please wait before attempting to trigger another"
        )
    annotations[_RESTARTED] = now
    return "restarted"


def _pause(context: Context, each: Stored, new: dict[str, Any]) -> str:
    if each.kind.name != "Deployment":
        fail(f"{each.kind.resource} {quoted(each.name)} pausing is not supported")
    if new["spec"].get("paused"):
        fail(f"{each.kind.resource} {quoted(each.name)} is already paused")
    new["spec"]["paused"] = True
    return "paused"


def _resume(context: Context, each: Stored, new: dict[str, Any]) -> str:
    if each.kind.name != "Deployment":
        fail(f"{each.kind.resource} {quoted(each.name)} resuming is not supported")
    if not new["spec"].get("paused"):
        fail(f"{each.kind.resource} {quoted(each.name)} is not paused")
    del new["spec"]["paused"]
    return "resumed"


def _undo(context: Context, each: Stored, new: dict[str, Any]) -> str:
    """The template of an earlier ReplicaSet (``--to-revision``, 0: the one before)."""
    if each.kind.name in {"DaemonSet", "StatefulSet"}:
        raise NotModelled(f"ControllerRevisions of a {each.kind.name}", "kubectl rollout undo")
    if each.kind.name != "Deployment":
        fail(f"no rollbacker has been implemented for {quoted(f'{each.kind.name}.{each.kind.group}'.rstrip('.'))}")
    if new["spec"].get("paused"):
        fail("you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again")
    wanted = context.parsed.number("to-revision")
    if wanted < 0:
        fail("revision number cannot be negative: " + str(wanted))
    sets = _sets(context, each)
    numbers = sorted(sets)
    if wanted and wanted not in sets:
        fail(f"unable to find specified revision {wanted} in history")
    if not wanted and len(numbers) < 2:
        fail(f"no rollout history found for deployment {quoted(each.name)}")
    number = wanted or numbers[-2]
    template = copy.deepcopy(sets[number].document["spec"]["template"])
    (template.get("metadata", {}).get("labels") or {}).pop(HASH, None)
    if template == new["spec"]["template"]:
        return f"skipped rollback (current template already matches revision {number})"
    new["spec"]["template"] = template
    return "rolled back"


def _sets(context: Context, each: Stored) -> dict[int, Stored]:
    """The ReplicaSets of a Deployment by their revision."""
    return {
        int((one.document["metadata"].get("annotations") or {}).get(REVISION, 0)): one
        for one in context.store.owned(each.uid, "ReplicaSet")
    }


_CHANGES: Final[Mapping[str, _Change]] = MappingProxyType(
    {"restart": _restart, "pause": _pause, "resume": _resume, "undo": _undo}
)


def _history(context: Context, each: Stored) -> None:
    if each.kind.name in {"DaemonSet", "StatefulSet"}:
        raise NotModelled(f"ControllerRevisions of a {each.kind.name}", "kubectl rollout history")
    if each.kind.name != "Deployment":
        fail(f"no history viewer has been implemented for {quoted(f'{each.kind.name}.{each.kind.group}'.rstrip('.'))}")
    if context.parsed.text("output"):
        raise NotModelled("flag --output", "kubectl rollout history")
    sets = _sets(context, each)
    wanted = context.parsed.number("revision")
    if wanted:
        if wanted not in sets:
            fail("unable to find the specified revision")
        page = Page(context.store, events=False)
        template(page, sets[wanted].document["spec"]["template"])
        context.out(f"{each.kind.singular}/{each.name} with revision #{wanted}\n{page.raw()}\n")
        return
    context.out(f"{each.kind.singular}/{each.name} \n")
    if not sets:
        context.out("No rollout history found.\n")
        return
    context.out("REVISION  CHANGE-CAUSE\n")
    for number in sorted(sets):
        cause = (sets[number].document["metadata"].get("annotations") or {}).get(_CAUSE) or "<none>"
        context.out(f"{number:<10}{cause}\n")
    context.out("\n")


# ------------------------------------------------------------------------------------------------------------- status


def _status(context: Context, found: resources.Found) -> Waiting:
    """Say how far it is, whenever that changes, until it is done, or ``--timeout`` is over."""
    deadline = deadline_of(context, "timeout")
    with woken(context):
        yield from _tell(context, found.objects, deadline)
    found.complain()
    return 0


def _tell(context: Context, objects: tuple[Stored, ...], deadline: int) -> Iterator[int]:
    wanted = context.parsed.number("revision")
    for each in objects:
        if wanted and each.kind.name == "Deployment":
            now = int((each.document["metadata"].get("annotations") or {}).get(REVISION, 0))
            if wanted != now:
                fail(f"desired revision ({wanted}) is different from the running revision ({now})")
        last = ""
        while True:
            text, done = _progress(context.store.need(each.kind.slot, each.name, each.namespace))
            if text != last:
                context.out(f"{text}\n")
            last = text
            if done or not context.parsed.on("watch"):
                break
            if context.proc.now >= deadline:
                fail("timed out waiting for the condition")
            yield deadline


def _progress(each: Stored) -> tuple[str, bool]:
    """One line about a rollout, and whether it is over."""
    status = each.document.get("status") or {}
    if each.kind.name not in _ROLLING:
        fail(f"no status viewer has been implemented for {each.kind.name}")
    seen = int(status.get("observedGeneration") or 0)
    behind = int(each.document["metadata"].get("generation") or 0) > seen
    if each.kind.name == "Deployment":
        return (
            _deployment(each, status) if not behind else ("Waiting for deployment spec update to be observed...", False)
        )
    if each.object.spec.update_strategy.type != "RollingUpdate":
        fail("rollout status is only available for RollingUpdate strategy type")
    if each.kind.name == "DaemonSet":
        return (
            _daemon_set(each, status) if not behind else ("Waiting for daemon set spec update to be observed...", False)
        )
    if behind or not seen:
        return "Waiting for statefulset spec update to be observed...", False
    return _stateful_set(each, status)


def _deployment(each: Stored, status: Mapping[str, Any]) -> tuple[str, bool]:
    wanted = int(each.document["spec"].get("replicas", 1))
    updated, total, good = (int(status.get(key) or 0) for key in ("updatedReplicas", "replicas", "availableReplicas"))
    reasons = {one["type"]: one.get("reason") for one in status.get("conditions") or ()}
    if reasons.get("Progressing") == "ProgressDeadlineExceeded":
        fail(f"deployment {quoted(each.name)} exceeded its progress deadline")
    head = f"Waiting for deployment {quoted(each.name)} rollout to finish:"
    if updated < wanted:
        return f"{head} {updated} out of {wanted} new replicas have been updated...", False
    if total > updated:
        return f"{head} {total - updated} old replicas are pending termination...", False
    if good < updated:
        return f"{head} {good} of {updated} updated replicas are available...", False
    return f"deployment {quoted(each.name)} successfully rolled out", True


def _daemon_set(each: Stored, status: Mapping[str, Any]) -> tuple[str, bool]:
    wanted, updated, good = (
        int(status.get(key) or 0) for key in ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable")
    )
    head = f"Waiting for daemon set {quoted(each.name)} rollout to finish:"
    if updated < wanted:
        return f"{head} {updated} out of {wanted} new pods have been updated...", False
    if good < wanted:
        return f"{head} {good} of {wanted} updated pods are available...", False
    return f"daemon set {quoted(each.name)} successfully rolled out", True


def _stateful_set(each: Stored, status: Mapping[str, Any]) -> tuple[str, bool]:
    wanted = int(each.document["spec"].get("replicas", 1))
    updated, good = (int(status.get(key) or 0) for key in ("updatedReplicas", "readyReplicas"))
    if good < wanted:
        return f"Waiting for {wanted - good} pods to be ready...", False
    rolling = each.object.spec.update_strategy.rolling_update
    if rolling is not None and rolling.partition is not None:
        if updated < wanted - rolling.partition:
            text = f"{updated} out of {wanted - rolling.partition} new pods have been updated..."
            return f"Waiting for partitioned roll out to finish: {text}", False
        return f"partitioned roll out complete: {updated} new pods have been updated...", True
    if status.get("updateRevision") != status.get("currentRevision"):
        text = f"{updated} pods at revision {status.get('updateRevision')}..."
        return f"waiting for statefulset rolling update to complete {text}", False
    text = f"{status.get('currentReplicas') or 0} pods at revision {status.get('currentRevision')}..."
    return f"statefulset rolling update complete {text}", True


ROLLOUT: Final = Verb(
    _rollout,
    (
        *FILES,
        writing.DRY_RUN,
        *OUTPUT,
        Flag("field-manager"),
        Flag("revision", kind="int", default="0"),
        Flag("selector", "l"),
        Flag("timeout", default="0s"),
        Flag("to-revision", kind="int", default="0"),
        Flag("watch", "w", "bool", default="true"),
    ),
)
