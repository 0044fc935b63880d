"""What the controllers of pods share: claiming, making and counting pods (pkg/controller: controller_utils, controller_ref_manager)."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from podwire.kube.endpoint_controller import owner
from podwire.kube.labels import LabelSelector
from podwire.kube.store import Store, Stored

_PHASES: Final = {"Pending": 0, "Unknown": 1, "Running": 2}


def claim(store: Store, holder: Stored, kind: str, selector: LabelSelector) -> list[Stored]:
    """The objects of a kind that an owner manages, in order of creation.

    What the selector finds and nobody manages is adopted; what the selector no longer finds is let go.
    """
    found: list[Stored] = []
    for each in store.all(kind, holder.namespace):
        manager = each.controller
        if manager and manager != holder.uid:  # as most are: nobody asks the selector
            continue
        mine, fits = bool(manager), selector.matches(each.labels)
        if mine and not fits:
            _set_owner(store, each, None)
        elif not mine and fits and not each.terminating and not holder.terminating:
            found.append(_set_owner(store, each, holder))
        elif mine:
            found.append(each)
    return found


def _set_owner(store: Store, each: Stored, holder: Stored | None) -> Stored:
    new = copy.deepcopy(each.document)
    references = [ref for ref in new["metadata"].pop("ownerReferences", ()) if not ref.get("controller")]
    if holder is not None:
        references.append(owner(holder))
    if references:
        new["metadata"]["ownerReferences"] = references
    return store.update(new, status=True)


def new_pod(store: Store, holder: Stored, *, name: str | None = None, **more: Any) -> dict[str, Any]:
    """A Pod like an owner's template, not yet created; ``more`` are labels besides the template's."""
    template = holder.document["spec"]["template"]
    meta = template.get("metadata") or {}
    document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": f"{holder.name}-",
            "namespace": holder.namespace,
            "labels": {**(meta.get("labels") or {}), **more},
            "ownerReferences": [owner(holder)],
        },
        "spec": copy.deepcopy(template["spec"]),
    }
    if meta.get("annotations"):
        document["metadata"]["annotations"] = dict(meta["annotations"])
    if name is not None:
        document["metadata"]["name"] = name
    return document


def active(pods: Sequence[Stored]) -> list[Stored]:
    """Those that run or will run."""
    return [
        pod
        for pod in pods
        if not pod.terminating and pod.document["status"].get("phase") not in {"Succeeded", "Failed"}
    ]


def ready(pod: Stored) -> bool:
    """Its condition Ready is True, and nobody has deleted it."""
    return bool(pod.object.status.ready) and not pod.terminating


def victims(pods: Sequence[Stored], count: int) -> list[Stored]:
    """Which pods go first: without a node, not running, not ready, on a node with many of these pods, the youngest."""
    crowd: dict[str, int] = {}
    for pod in pods:
        node = pod.document["spec"].get("nodeName", "")
        crowd[node] = crowd.get(node, 0) + 1
    order = sorted(
        enumerate(pods),
        key=lambda item: (
            bool(item[1].document["spec"].get("nodeName")),
            _PHASES.get(item[1].document["status"].get("phase", ""), 0),
            ready(item[1]),
            -crowd[item[1].document["spec"].get("nodeName", "")],
            -item[0],
        ),
    )
    return [pod for _, pod in order[:count]]


def share(value: int | str | None, whole: int, *, up: bool) -> int:
    """A number, or a part of ``whole`` in percent, rounded up or down."""
    if value is None:
        return 0
    if isinstance(value, int):
        return value
    part = int(value.rstrip("%")) * whole / 100
    return math.ceil(part) if up else math.floor(part)


def write_status(store: Store, each: Stored, status: Mapping[str, Any]) -> Stored:
    """Write a status where it differs; zeros are left out, as the API leaves them."""
    new = copy.deepcopy(each.document)
    new["status"] = {name: value for name, value in status.items() if value not in (0, None, []) or name in _ALWAYS}
    return store.update(new, status=True)


_ALWAYS: Final = frozenset(
    {
        "availableReplicas",
        "currentNumberScheduled",
        "desiredNumberScheduled",
        "numberMisscheduled",
        "numberReady",
        "replicas",
    }
)
