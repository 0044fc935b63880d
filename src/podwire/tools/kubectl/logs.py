"""``kubectl logs``: what the programs of containers have written (cmd/logs)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from podwire.errors import NotModelled
from podwire.tools.kubectl import resources
from podwire.tools.kubectl.context import KubectlError, Verb
from podwire.tools.kubectl.execute import chosen, container_of
from podwire.tools.kubectl.failing import fail
from podwire.tools.kubectl.flags import Flag
from podwire.tools.kubectl.quoting import quoted
from podwire.tools.kubectl.waiting import duration

if TYPE_CHECKING:
    from podwire.kube.store import Stored
    from podwire.tools.kubectl.context import Context
    from podwire.tools.process import Waiting

_TICK: Final = 50_000_000
"""ns between two looks at a log that is followed."""
_NOT_FOUND: Final = re.compile(r"Error from server \(NotFound\): (.*)")
_USAGE: Final = (
    "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\n"
    "POD or TYPE/NAME is a required argument for the logs command\nSee 'kubectl logs -h' for help and examples"
)


class _Source(msgspec.Struct, frozen=True):
    """One stream of lines."""

    pod: Stored
    container: str

    @property
    def key(self) -> str:
        return f"{self.pod.namespace}/{self.pod.name}"


def _logs(context: Context) -> int | Waiting:
    parsed = context.parsed
    selector = parsed.text("selector")
    if not parsed.args and not selector:
        fail(_USAGE)
    if parsed.args and selector:
        fail("only a selector (-l) or a POD name is allowed")
    if len(parsed.args) > 2:
        fail(_USAGE)
    if parsed.on("previous") and parsed.on("follow"):
        fail("only one of follow (-f) or previous (-p) is allowed")
    tail = parsed.number("tail") if parsed.given("tail") else (10 if selector else -1)
    if tail < -1:
        fail("--tail must be greater than or equal to -1")
    if len(parsed.args) == 2 and parsed.text("container"):
        fail("only one of -c or an inline [CONTAINER] arg is allowed")
    found = [_of(context, pod) for pod in _pods(context)]
    if parsed.on("follow") and len(found) > parsed.number("max-log-requests"):
        fail(
            f"you are attempting to follow {len(found)} log streams, but maximum allowed concurrency is"
            f" {parsed.number('max-log-requests')}, use --max-log-requests to increase the limit"
        )
    counts = {each.key: _show(context, each, 0, tail) for each in found}
    return _follow(context, found, counts) if parsed.on("follow") else 0


def _pods(context: Context) -> list[Stored]:
    parsed = context.parsed
    if parsed.text("selector"):
        pods = resources.select(context, ["pods"], selector=parsed.text("selector"))
        if not pods:
            context.err(f"No resources found in {context.namespace} namespace.\n")
        return pods
    name = parsed.args[0]
    try:
        (each,) = resources.select(context, [name] if "/" in name else ["pods", name])
    except KubectlError as error:
        found = _NOT_FOUND.fullmatch(str(error))
        if found is None:
            raise
        fail(f"error from server (NotFound): {found[1]} in namespace {quoted(context.namespace)}")
    if each.kind.name == "Pod":
        return [each]
    if each.kind.name not in {"DaemonSet", "Deployment", "ReplicaSet", "Service", "StatefulSet"}:
        fail(
            f"cannot get the logs from {each.kind.version}, Kind={each.kind.name}: selector for {each.kind.name} not implemented"
        )
    pods = chosen(context, each)
    if not pods:
        fail("timed out waiting for the condition")
    if len(pods) > 1:
        context.err(f"Found {len(pods)} pods, using pod/{pods[0].name}\n")
    return pods[:1]


def _of(context: Context, pod: Stored) -> _Source:
    """The container of a pod. Raises ``KubectlError`` where it has not started."""
    containers = pod.document["spec"]["containers"]
    inline = context.parsed.args[1:]
    if inline and inline[0] not in {each["name"] for each in containers}:
        raise KubectlError(f"Error from server (BadRequest): container {inline[0]} is not valid for pod {pod.name}")
    container = inline[0] if inline else container_of(context, pod)
    if len(containers) > 1:
        raise NotModelled(f"the log of one of several containers of pod {pod.name}", "kubectl logs")
    statuses = (pod.document.get("status") or {}).get("containerStatuses") or ()
    status: dict[str, Any] = next((each for each in statuses if each["name"] == container), {})
    waiting = (status.get("state") or {}).get("waiting")
    if context.parsed.on("previous"):
        if status.get("restartCount"):
            raise NotModelled("the log of a container that was restarted", "kubectl logs -p")
        raise KubectlError(
            f'Error from server (BadRequest): previous terminated container "{container}" in pod "{pod.name}" not found'
        )
    if not pod.document["spec"].get("nodeName") or waiting:
        reason = f"is waiting to start: {waiting['reason']}" if waiting else "does not have a host assigned"
        what = f'container "{container}" in pod "{pod.name}" {reason}' if waiting else f"pod {pod.name} {reason}"
        raise KubectlError(f"Error from server (BadRequest): {what}")
    return _Source(pod, container)


def _show(context: Context, source: _Source, first: int, tail: int) -> int:
    """Write the lines from number ``first`` on, the last ``tail`` of them at most (-1: all); returns how many lines there are."""
    parsed = context.parsed
    lines = context.ops.container_log(source.key)
    new = list(lines[first:])
    if parsed.text("since"):
        oldest = context.proc.now - duration(parsed.text("since"), "since")
        new = [(time, text) for time, text in new if time >= oldest]
    if tail >= 0:
        new = new[len(new) - min(tail, len(new)) :]
    prefix = f"[pod/{source.pod.name}/{source.container}] " if parsed.on("prefix") else ""
    for time, text in new:
        context.out(f"{prefix}{_stamp(time) if parsed.on('timestamps') else ''}{text}\n")
    return len(lines)


def _stamp(time: int) -> str:
    """RFC 3339 with ns, as containerd writes it into its log."""
    moment = datetime.fromtimestamp(time // 1_000_000_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time % 1_000_000_000:09}Z "


def _follow(context: Context, found: list[_Source], counts: dict[str, int]) -> Waiting:
    """Until the pods are gone, or ^C."""
    context.proc.endless = True
    while True:
        store = context.store
        alive = [
            each
            for each in found
            if (there := store.get("Pod", each.pod.name, each.pod.namespace)) is not None and there.uid == each.pod.uid
        ]
        for each in alive:
            counts[each.key] = _show(context, each, counts[each.key], -1)
        if not alive:
            return 0
        yield context.proc.now + _TICK


LOGS: Final = Verb(
    _logs,
    (
        Flag("all-containers", kind="bool"),
        Flag("container", "c"),
        Flag("follow", "f", "bool"),
        Flag("ignore-errors", kind="bool", modelled=False),
        Flag("insecure-skip-tls-verify-backend", kind="bool"),
        Flag("limit-bytes", kind="int", modelled=False),
        Flag("max-log-requests", kind="int", default="5"),
        Flag("pod-running-timeout", default="20s"),
        Flag("prefix", kind="bool"),
        Flag("previous", "p", "bool"),
        Flag("selector", "l"),
        Flag("since"),
        Flag("since-time", modelled=False),
        Flag("tail", kind="int", default="-1"),
        Flag("timestamps", kind="bool"),
    ),
)
