"""``kubectl exec``: a command in a container of a pod, or of a pod of a workload (cmd/exec)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from podwire.errors import NotModelled
from podwire.kube.labels import LabelSelector
from podwire.tools.kubectl import resources
from podwire.tools.kubectl.context import KubectlError, Verb
from podwire.tools.kubectl.failing import fail
from podwire.tools.kubectl.flags import Flag
from podwire.tools.process import Interrupt

if TYPE_CHECKING:
    from podwire.kube.store import Stored
    from podwire.tools.kubectl.context import Context
    from podwire.tools.process import Waiting

FLAGS: Final = (
    Flag("container", "c"),
    Flag("stdin", "i", "bool"),
    Flag("tty", "t", "bool"),
    Flag("quiet", "q", "bool"),
    Flag("pod-running-timeout", default="1m0s"),
    Flag("filename", "f", "list", modelled=False),
)
_DEPRECATED: Final = (
    "kubectl exec [POD] [COMMAND] is DEPRECATED and will be removed in a future version."
    " Use kubectl exec [POD] -- [COMMAND] instead.\n"
)
_SHELLS: Final = frozenset({"ash", "bash", "sh", "zsh"})
_WORKLOADS: Final = frozenset({"DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"})


def asked(context: Context) -> tuple[str, list[str]]:
    """The pod, or TYPE/NAME, and the command. Raises ``KubectlError``."""
    args, command = context.parsed.args, context.parsed.dashed
    if command is None:
        command = args[1:]
        if command and not context.parsed.on("quiet"):
            context.err(_DEPRECATED)
    if not args:
        fail("pod, type/name or --filename must be specified")
    if not command:
        fail("you must specify at least one command for the container")
    return args[0], command


def pod_of(context: Context, name: str) -> Stored:
    """The pod of that name, or the first one of a workload or Service (polymorphichelpers, AttachablePodForObject).

    Raises ``KubectlError``.
    """
    (each,) = resources.select(context, [name] if "/" in name else ["pods", name])
    if each.kind.name == "Pod":
        return each
    if each.kind.name not in {*_WORKLOADS, "Service"}:
        fail(f"cannot attach to *unstructured.Unstructured: cannot extract pod selector from {each.kind.name}")
    pods = chosen(context, each)
    if not pods:
        raise KubectlError("error: timed out waiting for the condition")
    return pods[0]


def chosen(context: Context, each: Stored) -> list[Stored]:
    """The pods that a workload or Service selects, those that kubectl prefers first: running ones, ready ones, older ones."""
    spec = each.document["spec"]
    if each.kind.name == "Service":
        if not spec.get("selector"):
            fail(f'invalid service "{each.name}": Service is defined without a selector')
        selector = LabelSelector(match_labels=dict(spec["selector"]))
    else:
        selector = each.object.spec.selector
    pods = [pod for pod in context.store.all("Pod", each.namespace) if selector.matches(pod.labels)]
    return sorted(pods, key=_rank)


def _rank(pod: Stored) -> tuple[Any, ...]:
    """podutils.ActivePods, the other way round: kubectl takes the most active pod first."""
    phases = {"Running": 0, "Unknown": 1, "Pending": 2}
    status = pod.document.get("status") or {}
    return (
        not pod.document["spec"].get("nodeName"),
        phases.get(status.get("phase", ""), 3),
        not pod.object.status.ready,
        pod.document["metadata"]["creationTimestamp"],
        pod.name,
    )


def container_of(context: Context, pod: Stored) -> str:
    """The name of the container that ``-c`` names, else the default one. Raises ``KubectlError``."""
    wanted = context.parsed.text("container")
    names = [str(each["name"]) for each in pod.document["spec"]["containers"]]
    if wanted:
        if wanted not in names:
            raise KubectlError(f"Error from server (BadRequest): container {wanted} is not valid for pod {pod.name}")
        return wanted
    default = (pod.document["metadata"].get("annotations") or {}).get("kubectl.kubernetes.io/default-container")
    if default in names:
        return str(default)
    if len(names) > 1 and not ("quiet" in context.parsed.flags and context.parsed.on("quiet")):
        context.err(f'Defaulted container "{names[0]}" out of: {", ".join(names)}\n')
    return names[0]


def _exec(context: Context) -> int | Waiting:
    name, command = asked(context)
    pod = pod_of(context, name)
    phase = (pod.document.get("status") or {}).get("phase", "")
    if phase in {"Succeeded", "Failed"}:
        fail(f"cannot exec into a container in a completed pod; current phase is {phase}")
    container = container_of(context, pod)
    if not pod.document["spec"].get("nodeName"):
        raise KubectlError(f"Error from server (BadRequest): pod {pod.name} does not have a host assigned")
    if phase != "Running":
        fail(f'unable to upgrade connection: container not found ("{container}")')
    program = command[0].rpartition("/")[2]
    if program in _SHELLS:
        raise NotModelled(
            f"{' '.join(command)}: a shell; podwire sh, podwire shell and transcripts have one", "kubectl exec"
        )
    if program in {"kubectl", "k"}:
        fail(_not_found(context, pod, command[0]))
    return _run(context, f"{pod.namespace}/{pod.name}", command)


def _run(context: Context, key: str, command: Sequence[str]) -> Waiting:
    """Let the command write where kubectl writes; ^C ends it with kubectl, for the terminal's signal reaches both."""
    proc = context.proc
    stdin = proc.stdin if context.parsed.on("stdin") else ""

    def heard(stream: int, text: str) -> None:
        # With a terminal in the container both streams come back as one.
        if stream == 1 or context.parsed.on("tty"):
            proc.write(text)
        else:
            proc.error(text)

    process = context.ops.start(key, command, stdin=stdin, on_output=heard)
    process.on_exit = proc.wake
    try:
        while not process.done:
            yield None
    except Interrupt as interrupt:
        # In a terminal of the container ^C is the command's; it says its last words, and ends.
        if context.parsed.on("tty"):
            process.interrupt(interrupt.signal)
            while not process.done:
                yield None
        else:
            process.close()
            return 128 + interrupt.signal
    finally:
        if not process.done:
            process.close()
    if process.status:
        proc.error(f"command terminated with exit code {process.status}\n")
    return process.status or 0


def _not_found(context: Context, pod: Stored, command: str) -> str:
    """Of containerd and runc, about a program that the container does not hold."""
    attempt = f"{context.store.draw('exec', pod.uid).getrandbits(256):064x}"
    return (
        "Internal error occurred: error executing command in container: failed to exec in container:"
        f' failed to start exec "{attempt}": OCI runtime exec failed: exec failed: unable to start container process:'
        f' exec: "{command}": executable file not found in $PATH: unknown'
    )


EXEC: Final = Verb(_exec, FLAGS)
