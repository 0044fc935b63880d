"""Which node a pod gets: filters, then the node with the fewest pods (kube-scheduler's plugins as far as a lab's nodes differ).

Filters: a node that takes no pods, taints, nodeSelector and required node affinity, required pod anti-affinity and affinity, host ports.
Scores: preferred pod anti-affinity, then the number of pods, then the order in which the nodes joined. What a node's CPU and memory
would hold is not looked at.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from podwire.kube.events import Recorder, Type
from podwire.kube.labels import LabelSelector, Requirement
from podwire.kube.store import Store, Stored

Document = Mapping[str, Any]
_EVERY_ADDRESS: Final = "0.0.0.0"
"""What a hostIP that is not given means."""
_KEEPS_OFF: Final = frozenset({"NoSchedule", "NoExecute"})
_FLUSH: Final = 300_000_000_000
"""A pod that fits nowhere is tried again after this time in ns, whatever happens (podMaxInUnschedulablePodsDuration)."""
_RESOLVABLE: Final = frozenset(
    {
        "node(s) didn't match pod anti-affinity rules",
        "node(s) didn't have free ports for the requested pod ports",
    }
)
"""What would be otherwise without other pods on the node: preemption looks for victims there."""
_INSTANCE: Final = "default-scheduler-control-plane"


class Scheduler:
    """Binds pods of a store to its nodes."""

    def __init__(self, store: Store, recorder: Recorder) -> None:
        self._store = store
        self._recorder = recorder
        self._tried: dict[str, int] = {}
        """When each pod that fits nowhere was last tried; by uid."""

    @property
    def due(self) -> int | None:
        """When (in ns) a pod that fits nowhere is tried again; None where every pod has a node."""
        return min(self._tried.values()) + _FLUSH if self._tried else None

    def run(self) -> None:
        """Every pod that has no node gets one, in order of creation; one that fits nowhere says why in its condition PodScheduled."""
        left = set(self._tried)
        for pod in self._store.all("Pod"):
            spec = pod.document["spec"]
            if not spec.get("nodeName") and not pod.terminating and spec["schedulerName"] == "default-scheduler":
                self._schedule(pod)
                left.discard(pod.uid)
        for uid in left:  # deleted, or bound by somebody else
            del self._tried[uid]

    def _schedule(self, pod: Stored) -> None:
        nodes = self._store.all("Node")
        reasons: dict[str, int] = {}
        fitting: list[Stored] = []
        for node in nodes:
            reason = self.refusal(pod.document, node)
            if reason is None:
                fitting.append(node)
            else:
                reasons[reason] = reasons.get(reason, 0) + 1
        new = copy.deepcopy(pod.document)
        if fitting:
            best = min(fitting, key=lambda node: (self._penalty(pod.document, node), self._load(node)))
            new["spec"]["nodeName"] = best.name
            _condition(new, self._store, {"type": "PodScheduled", "status": "True"})
            self._tried.pop(pod.uid, None)
            self.tell_bound(pod, best.name)
        else:
            message = _fit_error(pod.document["spec"], reasons) if nodes else "no nodes available to schedule pods"
            self._tell_failed(pod, message)
            _condition(
                new,
                self._store,
                {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message},
            )
        self._store.update(new, status=True)

    def tell_bound(self, pod: Stored, node: str) -> None:
        """Record that a pod has a node now."""
        message = f"Successfully assigned {pod.namespace}/{pod.name} to {node}"
        self._tell(pod, "Normal", "Scheduled", message, "Binding")

    def _tell_failed(self, pod: Stored, message: str) -> None:
        """Once for every reason, and again each time that the scheduler tries again by itself."""
        conditions = pod.document["status"].get("conditions") or ()
        known = any(each["type"] == "PodScheduled" and each.get("message") == message for each in conditions)
        if known and self._store.now < self._tried.get(pod.uid, 0) + _FLUSH:
            return
        self._tried[pod.uid] = self._store.now
        self._tell(pod, "Warning", "FailedScheduling", message, "Scheduling")

    def _tell(self, pod: Stored, type_: Type, reason: str, message: str, action: str) -> None:
        self._recorder.series(
            pod, type_, reason, message, component="default-scheduler", instance=_INSTANCE, action=action
        )

    def refusal(self, pod: Document, node: Stored) -> str | None:
        """Why a node does not take a pod, in the scheduler's words; None where it does."""
        spec, there = pod["spec"], node.document
        tolerations = spec.get("tolerations") or ()
        if there.get("spec", {}).get("unschedulable") and not _tolerated(
            {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}, tolerations
        ):
            return "node(s) were unschedulable"
        if not fits_node(spec, node):
            return "node(s) didn't match Pod's node affinity/selector"
        for taint in there.get("spec", {}).get("taints") or ():
            if taint["effect"] in _KEEPS_OFF and not _tolerated(taint, tolerations):
                return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
        if any(self._matching(pod, node, term) for term in _terms(spec, "podAntiAffinity")):
            return "node(s) didn't match pod anti-affinity rules"
        if not all(self._matching(pod, node, term) for term in _terms(spec, "podAffinity")):
            return "node(s) didn't match pod affinity rules"
        if self._ports_taken(pod, node):
            return "node(s) didn't have free ports for the requested pod ports"
        return None

    def _matching(self, pod: Document, node: Stored, term: Document) -> bool:
        """Whether a pod that the term means runs in the node's domain: nodes with the same value of ``topologyKey``."""
        key = term.get("topologyKey", "")
        value = node.labels.get(key)
        selector = selector_of(term.get("labelSelector"))
        spaces = term.get("namespaces") or [pod["metadata"].get("namespace", "default")]
        for other in self._store.all("Pod"):
            if other.namespace not in spaces or selector is None or not selector.matches(other.labels):
                continue
            where = self._store.get("Node", other.document["spec"].get("nodeName", ""))
            if where is not None and value is not None and where.labels.get(key) == value and not other.terminating:
                return True
        return False

    def _ports_taken(self, pod: Document, node: Stored) -> bool:
        wanted = list(_host_ports(pod))
        return bool(wanted) and any(
            _clash(mine, theirs)
            for other in self._pods_on(node)
            if other.document is not pod
            for theirs in _host_ports(other.document)
            for mine in wanted
        )

    def _pods_on(self, node: Stored) -> Iterator[Stored]:
        return (each for each in self._store.all("Pod") if each.document["spec"].get("nodeName") == node.name)

    def _penalty(self, pod: Document, node: Stored) -> int:
        """The weights of those preferences that the node would break."""
        affinity = (pod["spec"].get("affinity") or {}).get("podAntiAffinity") or {}
        return sum(
            int(each.get("weight", 1))
            for each in affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
            if self._matching(pod, node, each.get("podAffinityTerm") or {})
        )

    def _load(self, node: Stored) -> int:
        return sum(1 for _ in self._pods_on(node))


def _fit_error(spec: Document, reasons: Mapping[str, int]) -> str:
    """Why no node takes a pod: reasons with the number of nodes, then why preemption did not help (framework.FitError)."""
    count = sum(reasons.values())
    if spec.get("preemptionPolicy") == "Never":
        preemption = "not eligible due to preemptionPolicy=Never."
    else:
        victims = sum(number for reason, number in reasons.items() if reason in _RESOLVABLE)
        found = {
            "No preemption victims found for incoming pod": victims,
            "Preemption is not helpful for scheduling": count - victims,
        }
        preemption = f"0/{count} nodes are available: {_histogram(found)}."
    return f"0/{count} nodes are available: {_histogram(reasons)}. preemption: {preemption}"


def _histogram(reasons: Mapping[str, int]) -> str:
    return ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items() if count))


def selector_of(document: Document | None) -> LabelSelector | None:
    """A label selector of a document; None selects nothing."""
    if document is None:
        return None
    return LabelSelector(
        dict(document.get("matchLabels") or {}),
        tuple(_requirement(each) for each in document.get("matchExpressions") or ()),
    )


def _requirement(document: Document) -> Requirement:
    return Requirement(document["key"], document["operator"], tuple(document.get("values") or ()))


def fits_node(spec: Document, node: Stored) -> bool:
    """NodeSelector and required node affinity."""
    if any(node.labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    fields = {"metadata.name": node.name}
    return any(
        all(_requirement(each).matches(node.labels) for each in term.get("matchExpressions") or ())
        and all(_requirement(each).matches(fields) for each in term.get("matchFields") or ())
        for term in required.get("nodeSelectorTerms") or ()
        if term.get("matchExpressions") or term.get("matchFields")
    )


def _tolerated(taint: Document, tolerations: Sequence[Document]) -> bool:
    for each in tolerations:
        if each.get("effect") and each["effect"] != taint["effect"]:
            continue
        if each.get("key") and each["key"] != taint["key"]:
            continue
        if each.get("operator", "Equal") == "Exists":
            return True
        if each.get("key") and each.get("value", "") == taint.get("value", ""):
            return True
    return False


def keeps_running(spec: Document, node: Stored) -> bool:
    """No taint of the node with NoExecute drives the pod away."""
    return all(
        taint["effect"] != "NoExecute" or _tolerated(taint, spec.get("tolerations") or ())
        for taint in node.document.get("spec", {}).get("taints") or ()
    )


def _terms(spec: Document, kind: str) -> Sequence[Document]:
    affinity = (spec.get("affinity") or {}).get(kind) or {}
    return affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or ()


def _host_ports(pod: Document) -> Iterator[tuple[str, int, str]]:
    for container in pod["spec"].get("containers") or ():
        for port in container.get("ports") or ():
            if port.get("hostPort"):
                yield port.get("protocol", "TCP"), port["hostPort"], port.get("hostIP") or _EVERY_ADDRESS


def _clash(one: tuple[str, int, str], other: tuple[str, int, str]) -> bool:
    """``HostPortInfo.CheckConflict``: a port of one address is another than that of another address, and not than that of all."""
    return one[:2] == other[:2] and (one[2] == other[2] or _EVERY_ADDRESS in {one[2], other[2]})


def _condition(document: dict[str, Any], store: Store, condition: dict[str, Any]) -> None:
    set_condition(document, condition, store.timestamp())


def set_condition(document: dict[str, Any], condition: Mapping[str, Any], now: str) -> None:
    """Put a condition into ``status``; its time of transition changes with its status alone."""
    conditions = document.setdefault("status", {}).setdefault("conditions", [])
    old = next((each for each in conditions if each["type"] == condition["type"]), None)
    same = old is not None and old["status"] == condition["status"]
    new = {**condition, "lastTransitionTime": old["lastTransitionTime"] if old is not None and same else now}
    if old is None:
        conditions.append(new)
    else:
        conditions[conditions.index(old)] = new
