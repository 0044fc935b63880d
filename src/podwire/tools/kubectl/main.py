"""``kubectl VERB …``: which verb, with which words; errors as kubectl and cobra tell them."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

from podwire.errors import NotModelled
from podwire.kube.invalid import StatusError
from podwire.tools.kubectl.context import GLOBAL, Context, KubectlError, Verb, read
from podwire.tools.kubectl.flags import UsageError, parse

if TYPE_CHECKING:
    from podwire.tools.ops import ClusterOps
    from podwire.tools.process import Process, Waiting

_P: Final = "podwire.tools.kubectl."
_VERBS: Final = MappingProxyType(
    {
        "annotate": _P + "labels:ANNOTATE",
        "api-resources": _P + "api_resources:API_RESOURCES",
        "apply": _P + "apply:APPLY",
        "cluster-info": _P + "cluster:CLUSTER_INFO",
        "create": _P + "create:CREATE",
        "delete": _P + "delete:DELETE",
        "describe": _P + "describe:DESCRIBE",
        "diff": _P + "apply:DIFF",
        "edit": _P + "edit:EDIT",
        "events": _P + "events:EVENTS",
        "exec": _P + "execute:EXEC",
        "explain": "",
        "expose": _P + "expose:EXPOSE",
        "get": _P + "get:GET",
        "label": _P + "labels:LABEL",
        "logs": _P + "logs:LOGS",
        "patch": _P + "patch:PATCH",
        "replace": _P + "apply:REPLACE",
        "rollout": _P + "rollout:ROLLOUT",
        "run": _P + "run:RUN",
        "scale": _P + "scale:SCALE",
        "set": _P + "setting:SET",
        "version": _P + "cluster:VERSION",
        "wait": _P + "waiting:WAIT",
    }
)
"""Verbs and where they are. An empty place: kubectl has it, podwire does not."""
_OTHERS: Final = frozenset(
    "alpha api-versions attach auth autoscale certificate completion config cordon cp debug drain kustomize options plugin"
    " port-forward proxy taint top uncordon".split()
)


_ALIASES: Final = MappingProxyType(
    {"cm": "configmap", "deploy": "deployment", "ns": "namespace", "sa": "serviceaccount", "svc": "service"}
)


def kubectl(proc: Process) -> int | Waiting:
    """``kubectl``; status 1 and a line on standard error for what the server, or kubectl itself, refuses.

    Raises ``NotModelled`` for a verb or flag of kubectl that podwire lacks.
    """
    if proc.cluster is None:
        proc.error(
            "The connection to the server localhost:8080 was refused - did you specify the right host or port?\n"
        )
        return 1
    words = proc.argv[1:]
    try:
        # Global flags may stand before the verb.
        first = parse(words, GLOBAL, interspersed=False)
    except UsageError as error:
        proc.error(f"error: {error}\nSee 'kubectl --help' for usage.\n")
        return 1
    if not first.args:
        raise NotModelled("help", "kubectl")
    name, rest = first.args[0], first.args[1:]
    before = words[: len(words) - len(first.args)]
    verb = _find(name)
    if verb is None:
        proc.error(f'error: unknown command "{name}" for "kubectl"\n')
        return 1
    return _run(proc, proc.cluster, name, verb, [*before, *rest])


def _find(name: str) -> Verb | None:
    place = _VERBS.get(name)
    if place == "" or name in _OTHERS:
        raise NotModelled(f"kubectl {name}")
    if place is None:
        return None
    module, _, constant = place.partition(":")
    return cast("Verb", getattr(import_module(module), constant))


def _run(proc: Process, ops: ClusterOps, name: str, verb: Verb, words: list[str]) -> int | Waiting:
    try:
        context = read(proc, ops, name, verb, words)
        found = verb.run(context)
    except (UsageError, KubectlError, StatusError) as error:
        return _tell(proc, _whole(name, words), error)
    if isinstance(found, int):
        return found
    return _guarded(context, found)


def _whole(name: str, words: list[str]) -> str:
    """``create service nodeport``: the command whose flags the words were read as."""
    parts = [name]
    for word in words if name in {"create", "rollout", "set"} else ():
        if word.startswith("-") or len(parts) >= (3 if parts[1:] == ["service"] else 2):
            break
        parts.append(_ALIASES.get(word, word))
    return " ".join(parts)


def _guarded(context: Context, waiting: Waiting) -> Waiting:
    """A verb that waits: errors are told in the same way."""
    try:
        return (yield from waiting)
    except (UsageError, KubectlError, StatusError) as error:
        return _tell(context.proc, context.verb, error)


def _tell(proc: Process, name: str, error: Exception) -> int:
    if isinstance(error, UsageError):
        proc.error(f"error: {error}\nSee 'kubectl {name} --help' for usage.\n")
    else:
        proc.error(f"{error}\n")
    return 1
