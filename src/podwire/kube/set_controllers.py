"""DaemonSet and StatefulSet controllers (pkg/controller/daemon, statefulset)."""

from __future__ import annotations

import copy
from typing import Any, Final

from podwire.kube.events import Recorder
from podwire.kube.naming import template_hash
from podwire.kube.pod_owners import active, claim, new_pod, ready, share, write_status
from podwire.kube.scheduler import fits_node, keeps_running
from podwire.kube.store import Store, Stored
from podwire.kube.workqueue import WorkQueue

REVISION: Final = "controller-revision-hash"
_TOLERATED: Final = (
    ("not-ready", "NoExecute"),
    ("unreachable", "NoExecute"),
    ("disk-pressure", "NoSchedule"),
    ("memory-pressure", "NoSchedule"),
    ("pid-pressure", "NoSchedule"),
    ("unschedulable", "NoSchedule"),
)
"""What the pods of every DaemonSet tolerate."""


class DaemonSets:
    """One pod on every node that fits."""

    def __init__(self, store: Store, recorder: Recorder) -> None:
        self._store = store
        self._recorder = recorder
        self._queue = WorkQueue(store, "DaemonSet", ("Pod",), ("Node",))

    def run(self) -> None:
        """One step of every DaemonSet for which something has changed."""
        for each in self._queue.take():
            if not each.terminating:
                self._sync(each)

    def _sync(self, daemon_set: Stored) -> None:
        spec = daemon_set.object.spec
        revision = template_hash(daemon_set.document["spec"]["template"])
        pods = claim(self._store, daemon_set, "Pod", spec.selector)
        by_node: dict[str, list[Stored]] = {}
        for pod in pods:
            by_node.setdefault(_node_of(pod), []).append(pod)
        nodes = [node for node in self._store.all("Node") if self._fits(daemon_set, node)]
        wanted = {node.name for node in nodes}
        for name, group in by_node.items():
            for pod in group[1:] if name in wanted else group:
                if not pod.terminating:
                    self._delete(daemon_set, pod)
        for node in nodes:
            if not by_node.get(node.name):
                self._create(daemon_set, node, revision)
        if spec.update_strategy.type == "RollingUpdate":
            self._roll(daemon_set, nodes, by_node, revision)
        self._status(daemon_set, nodes, revision)

    def _fits(self, daemon_set: Stored, node: Stored) -> bool:
        """Taints with NoSchedule keep a pod from coming; with NoExecute also from staying."""
        spec = self._spec(daemon_set)
        if not fits_node(spec, node) or not keeps_running(spec, node):
            return False
        taints = [
            {**taint, "effect": "NoExecute"}
            for taint in node.document.get("spec", {}).get("taints") or ()
            if taint["effect"] == "NoSchedule"
        ]
        tolerations = [
            {key: value for key, value in each.items() if key != "effect"}
            for each in spec["tolerations"]
            if each.get("effect") in {None, "NoSchedule"}
        ]
        shown = copy.copy(node.document)
        shown = {**shown, "spec": {**(shown.get("spec") or {}), "taints": taints}}
        return keeps_running({"tolerations": tolerations}, Stored(node.kind, shown, node.object))

    @staticmethod
    def _spec(daemon_set: Stored) -> dict[str, Any]:
        spec: dict[str, Any] = copy.deepcopy(daemon_set.document["spec"]["template"]["spec"])
        tolerations = list(spec.get("tolerations") or ())
        more = [*_TOLERATED, *([("network-unavailable", "NoSchedule")] if spec.get("hostNetwork") else [])]
        for key, effect in more:
            tolerations.append({"effect": effect, "key": f"node.kubernetes.io/{key}", "operator": "Exists"})
        spec["tolerations"] = tolerations
        return spec

    def _create(self, daemon_set: Stored, node: Stored, revision: str) -> None:
        pod = new_pod(self._store, daemon_set)
        generation = str(daemon_set.document["metadata"]["generation"])
        pod["metadata"]["labels"].update({REVISION: revision, "pod-template-generation": generation})
        pod["spec"] = self._spec(daemon_set)
        field = {"key": "metadata.name", "operator": "In", "values": [node.name]}
        affinity = pod["spec"].setdefault("affinity", {}).setdefault("nodeAffinity", {})
        affinity["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": [{"matchFields": [field]}]}
        made = self._store.create(pod)
        self._tell(daemon_set, "SuccessfulCreate", f"Created pod: {made.name}")

    def _delete(self, daemon_set: Stored, pod: Stored) -> None:
        self._store.delete("Pod", pod.name, pod.namespace)
        self._tell(daemon_set, "SuccessfulDelete", f"Deleted pod: {pod.name}")

    def _tell(self, daemon_set: Stored, reason: str, message: str) -> None:
        self._recorder.event(daemon_set, "Normal", reason, message, component="daemonset-controller")

    def _roll(self, daemon_set: Stored, nodes: list[Stored], by_node: dict[str, list[Stored]], revision: str) -> None:
        """Old pods go, as many at a time as ``maxUnavailable`` allows; their node gets a new one at the next look."""
        rolling = daemon_set.object.spec.update_strategy.rolling_update
        most = max(1, share(rolling.max_unavailable if rolling is not None else 1, len(nodes), up=True))
        current = [by_node[node.name][0] for node in nodes if by_node.get(node.name)]
        away = len(nodes) - sum(map(ready, current))
        old = [pod for pod in current if pod.labels.get(REVISION) != revision and not pod.terminating]
        sick = [pod for pod in old if not ready(pod)]
        for pod in sick + [pod for pod in old if ready(pod)][: max(0, most - away)]:
            self._delete(daemon_set, pod)

    def _status(self, daemon_set: Stored, nodes: list[Stored], revision: str) -> None:
        pods = active(self._store.owned(daemon_set.uid, "Pod"))
        wanted = {node.name for node in nodes}
        there = {_node_of(pod) for pod in pods}
        good = sum(ready(pod) for pod in pods if _node_of(pod) in wanted)
        current = self._store.need("DaemonSet", daemon_set.name, daemon_set.namespace)
        write_status(
            self._store,
            current,
            {
                "currentNumberScheduled": len(there & wanted),
                "desiredNumberScheduled": len(nodes),
                "numberAvailable": good,
                "numberMisscheduled": len(there - wanted),
                "numberReady": good,
                "numberUnavailable": len(nodes) - good,
                "observedGeneration": current.document["metadata"]["generation"],
                "updatedNumberScheduled": sum(pod.labels.get(REVISION) == revision for pod in pods),
            },
        )


def _node_of(pod: Stored) -> str:
    """The node of a DaemonSet's pod: where it is, or where its affinity wants it."""
    spec = pod.document["spec"]
    if spec.get("nodeName"):
        return str(spec["nodeName"])
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    for term in (affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or ():
            return str(field["values"][0])
    return ""


class StatefulSets:
    """Pods with numbers: each comes when those before it are ready, and goes when those behind it are gone."""

    def __init__(self, store: Store, recorder: Recorder) -> None:
        self._store = store
        self._recorder = recorder
        self._queue = WorkQueue(store, "StatefulSet", ("Pod",))

    def run(self) -> None:
        """One step of every StatefulSet for which something has changed."""
        for each in self._queue.take():
            if not each.terminating:
                self._sync(each)

    def _sync(self, stateful_set: Stored) -> None:
        spec = stateful_set.object.spec
        revision = f"{stateful_set.name}-{template_hash(stateful_set.document['spec']['template'])}"
        pods = {_ordinal(pod): pod for pod in claim(self._store, stateful_set, "Pod", spec.selector)}
        first = spec.ordinals.start
        wanted = range(first, first + spec.replicas)
        whole = self._grow(stateful_set, pods, wanted, revision)
        if whole and not self._shrink(stateful_set, pods, wanted) and spec.update_strategy.type == "RollingUpdate":
            self._roll(stateful_set, pods, wanted, revision)
        self._status(stateful_set, revision)

    def _grow(self, stateful_set: Stored, pods: dict[int, Stored], wanted: range, revision: str) -> bool:
        """True where every number has its pod and nothing is to be waited for."""
        ordered = stateful_set.object.spec.pod_management_policy == "OrderedReady"
        whole = True
        for number in wanted:
            pod = pods.get(number)
            if pod is not None and ready(pod):
                continue
            whole = False
            # A pod of that name that is not the set's is in the way, until somebody takes it away.
            if pod is None and self._store.get("Pod", f"{stateful_set.name}-{number}", stateful_set.namespace) is None:
                made = self._store.create(self._pod(stateful_set, number, revision))
                self._tell(stateful_set, "create", made)
            if ordered:
                return False
        return whole

    def _pod(self, stateful_set: Stored, number: int, revision: str) -> dict[str, Any]:
        name = f"{stateful_set.name}-{number}"
        pod = new_pod(self._store, stateful_set, name=name)
        pod["metadata"]["labels"].update(
            {
                "apps.kubernetes.io/pod-index": str(number),
                REVISION: revision,
                "statefulset.kubernetes.io/pod-name": name,
            }
        )
        pod["spec"]["hostname"] = name
        if stateful_set.object.spec.service_name:
            pod["spec"]["subdomain"] = stateful_set.object.spec.service_name
        return pod

    def _shrink(self, stateful_set: Stored, pods: dict[int, Stored], wanted: range) -> bool:
        """The highest number goes first; True where there was something to take away."""
        ordered = stateful_set.object.spec.pod_management_policy == "OrderedReady"
        away = [pods[number] for number in sorted(pods, reverse=True) if number not in wanted]
        if ordered and any(pod.terminating for pod in away):
            return True
        for pod in away[:1] if ordered else away:
            if not pod.terminating:
                self._store.delete("Pod", pod.name, pod.namespace)
                self._tell(stateful_set, "delete", pod)
        return bool(away)

    def _tell(self, stateful_set: Stored, verb: str, pod: Stored) -> None:
        message = f"{verb} Pod {pod.name} in StatefulSet {stateful_set.name} successful"
        self._recorder.event(
            stateful_set, "Normal", f"Successful{verb.title()}", message, component="statefulset-controller"
        )

    def _roll(self, stateful_set: Stored, pods: dict[int, Stored], wanted: range, revision: str) -> None:
        """Pods of an older template go one by one, the highest number first, down to ``partition``."""
        rolling = stateful_set.object.spec.update_strategy.rolling_update
        partition = (rolling.partition if rolling is not None else 0) or 0
        for number in reversed(wanted):
            if number < partition:
                return
            if pods[number].labels.get(REVISION) != revision:
                if not pods[number].terminating:
                    self._store.delete("Pod", pods[number].name, pods[number].namespace)
                    self._tell(stateful_set, "delete", pods[number])
                return

    def _status(self, stateful_set: Stored, revision: str) -> None:
        pods = active(self._store.owned(stateful_set.uid, "Pod"))
        updated = [pod for pod in pods if pod.labels.get(REVISION) == revision]
        current = self._store.need("StatefulSet", stateful_set.name, stateful_set.namespace)
        before = current.document.get("status", {}).get("currentRevision", revision)
        done = len(updated) == len(pods)
        write_status(
            self._store,
            current,
            {
                "availableReplicas": sum(map(ready, pods)),
                "collisionCount": 0,
                "currentReplicas": len(updated) if done else len(pods) - len(updated),
                "currentRevision": revision if done else before,
                "observedGeneration": current.document["metadata"]["generation"],
                "readyReplicas": sum(map(ready, pods)),
                "replicas": len(pods),
                "updateRevision": revision,
                "updatedReplicas": len(updated),
            },
        )


def _ordinal(pod: Stored) -> int:
    """The number behind the last dash; -1 for a pod that was adopted and has none."""
    tail = pod.name.rpartition("-")[2]
    return int(tail) if tail.isdecimal() else -1
