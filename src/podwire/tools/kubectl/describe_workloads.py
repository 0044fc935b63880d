"""``kubectl describe`` of what makes pods: Deployment, ReplicaSet, DaemonSet, StatefulSet."""

from __future__ import annotations

from podwire.kube.quantity import Quantity
from podwire.kube.replica_controllers import HASH
from podwire.kube.store import Stored
from podwire.tools.kubectl.columns import labels_text, selector_text
from podwire.tools.kubectl.describe_containers import template
from podwire.tools.kubectl.describe_writing import (
    NONE,
    Document,
    Page,
    bare_selector,
    conditions,
    controller_of,
    events,
    labels,
    labels_and_annotations,
    rfc1123z,
)


def deployment(page: Page, each: Stored) -> None:
    """One Deployment, with its old and its newest ReplicaSet."""
    spec, status = each.document["spec"], each.document.get("status") or {}
    page.field(0, "Name", each.name)
    page.field(0, "Namespace", each.namespace)
    page.field(0, "CreationTimestamp", rfc1123z(each.document["metadata"].get("creationTimestamp")))
    labels_and_annotations(page, each)
    page.field(0, "Selector", bare_selector(spec.get("selector")))
    counts = [f"{status.get(f'{name}Replicas', 0)} {name}" for name in ("updated", "available", "unavailable")]
    counts.insert(1, f"{status.get('replicas', 0)} total")
    page.field(0, "Replicas", " | ".join((f"{spec['replicas']} desired", *counts)))
    page.field(0, "StrategyType", spec["strategy"]["type"])
    page.field(0, "MinReadySeconds", spec.get("minReadySeconds", 0))
    rolling = spec["strategy"].get("rollingUpdate")
    if rolling:
        parts = f"{rolling.get('maxUnavailable')} max unavailable, {rolling.get('maxSurge')} max surge"
        page.field(0, "RollingUpdateStrategy", parts)
    template(page, spec["template"])
    conditions(page, status.get("conditions"), "Reason")
    old, newest = _replica_sets(page, each)
    if old or newest:
        page.field(0, "OldReplicaSets", _created(old))
        page.field(0, "NewReplicaSet", _created(newest))
    events(page, each)


def _replica_sets(page: Page, each: Stored) -> tuple[list[Stored], list[Stored]]:
    """Those with other templates, and the one with this."""
    wanted = each.document["spec"]["template"]
    owned = sorted(
        page.store.owned(each.uid, "ReplicaSet"),
        key=lambda one: (one.document["metadata"].get("creationTimestamp", ""), one.name),
    )
    newest = [one for one in owned if _same(one.document["spec"]["template"], wanted)][:1]
    return [one for one in owned if one not in newest], newest


def _same(one: Document, other: Document) -> bool:
    """Two templates are equal but for the hash."""
    return _bare(one) == _bare(other)


def _bare(template_: Document) -> tuple[object, object, object]:
    meta = template_.get("metadata") or {}
    found = {key: value for key, value in (meta.get("labels") or {}).items() if key != HASH}
    return found, meta.get("annotations") or {}, template_["spec"]


def _created(found: list[Stored]) -> str:
    texts = [
        f"{each.name} ({(each.document.get('status') or {}).get('replicas', 0)}/{each.document['spec']['replicas']}"
        " replicas created)"
        for each in found
    ]
    return ", ".join(texts) or NONE


def replica_set(page: Page, each: Stored) -> None:
    """One ReplicaSet."""
    spec, status = each.document["spec"], each.document.get("status") or {}
    page.field(0, "Name", each.name)
    page.field(0, "Namespace", each.namespace)
    page.field(0, "Selector", selector_text(spec.get("selector")))
    labels_and_annotations(page, each)
    if controller_of(each):
        page.field(0, "Controlled By", controller_of(each))
    page.field(0, "Replicas", f"{status.get('replicas', 0)} current / {spec['replicas']} desired")
    page.field(0, "Pods Status", _pods(page, each))
    template(page, spec["template"])
    conditions(page, status.get("conditions"), "Reason")
    events(page, each)


def _pods(page: Page, each: Stored) -> str:
    phases = [(pod.document.get("status") or {}).get("phase") for pod in page.store.owned(each.uid, "Pod")]
    words = (("Running", "Running"), ("Waiting", "Pending"), ("Succeeded", "Succeeded"), ("Failed", "Failed"))
    return " / ".join(f"{phases.count(phase)} {word}" for word, phase in words)


def daemon_set(page: Page, each: Stored) -> None:
    """One DaemonSet."""
    spec, status = each.document["spec"], each.document.get("status") or {}
    page.field(0, "Name", each.name)
    page.field(0, "Selector", bare_selector(spec.get("selector")))
    page.field(0, "Node-Selector", labels_text(spec["template"]["spec"].get("nodeSelector") or {}))
    labels_and_annotations(page, each)
    for words, member in (
        ("Desired Number of Nodes Scheduled", "desiredNumberScheduled"),
        ("Current Number of Nodes Scheduled", "currentNumberScheduled"),
        ("Number of Nodes Scheduled with Up-to-date Pods", "updatedNumberScheduled"),
        ("Number of Nodes Scheduled with Available Pods", "numberAvailable"),
        ("Number of Nodes Misscheduled", "numberMisscheduled"),
    ):
        page.put(0, f"{words}: {status.get(member, 0)}\n")
    page.field(0, "Pods Status", _pods(page, each))
    template(page, spec["template"])
    events(page, each)


def stateful_set(page: Page, each: Stored) -> None:
    """One StatefulSet."""
    spec, status = each.document["spec"], each.document.get("status") or {}
    page.field(0, "Name", each.name)
    page.field(0, "Namespace", each.namespace)
    page.field(0, "CreationTimestamp", rfc1123z(each.document["metadata"].get("creationTimestamp")))
    page.field(0, "Selector", bare_selector(spec.get("selector")))
    labels_and_annotations(page, each)
    page.field(0, "Replicas", f"{spec['replicas']} desired | {status.get('replicas', 0)} total")
    strategy = spec.get("updateStrategy") or {}
    page.field(0, "Update Strategy", strategy.get("type", ""))
    rolling = strategy.get("rollingUpdate") or {}
    if rolling.get("partition") is not None:
        page.field(1, "Partition", rolling["partition"])
        if rolling.get("maxUnavailable") is not None:
            page.field(1, "MaxUnavailable", rolling["maxUnavailable"])
    page.field(0, "Pods Status", _pods(page, each))
    template(page, spec["template"])
    _claims(page, spec.get("volumeClaimTemplates") or [])
    events(page, each)


def _claims(page: Page, found: list[Document]) -> None:
    if not found:
        page.field(0, "Volume Claims", NONE)
        return
    page.put(0, "Volume Claims:\n")
    for claim in found:
        meta, spec = claim.get("metadata") or {}, claim.get("spec") or {}
        page.field(1, "Name", meta.get("name", ""))
        page.field(1, "StorageClass", spec.get("storageClassName", ""))
        labels(page, "Labels", meta.get("labels"), "  ")
        labels(page, "Annotations", meta.get("annotations"), "  ")
        size = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
        page.field(1, "Capacity", Quantity.parse(size) if size else "<default>")
        page.field(1, "Access Modes", f"[{' '.join(spec.get('accessModes') or ())}]")
