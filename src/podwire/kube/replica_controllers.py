"""Deployment and ReplicaSet controllers (pkg/controller/deployment, replicaset)."""

from __future__ import annotations

import copy
from typing import Any, Final

from podwire.kube.endpoint_controller import owner
from podwire.kube.events import Recorder
from podwire.kube.naming import template_hash
from podwire.kube.pod_owners import active, claim, new_pod, ready, share, victims, write_status
from podwire.kube.store import LAST_APPLIED, Store, Stored
from podwire.kube.workqueue import WorkQueue

HASH: Final = "pod-template-hash"
REVISION: Final = "deployment.kubernetes.io/revision"
_DESIRED: Final = "deployment.kubernetes.io/desired-replicas"
_MOST: Final = "deployment.kubernetes.io/max-replicas"


class ReplicaSets:
    """As many pods as each ReplicaSet asks for."""

    def __init__(self, store: Store, recorder: Recorder) -> None:
        self._store = store
        self._recorder = recorder
        self._queue = WorkQueue(store, "ReplicaSet", ("Pod",))

    def run(self) -> None:
        """One look at every ReplicaSet for which something has changed."""
        for each in self._queue.take():
            if not each.terminating:
                self._sync(each)

    def _sync(self, replica_set: Stored) -> None:
        spec = replica_set.object.spec
        pods = active(claim(self._store, replica_set, "Pod", spec.selector))
        missing = spec.replicas - len(pods)
        for _ in range(missing):
            pods.append(self._store.create(new_pod(self._store, replica_set)))
            self._tell(replica_set, "SuccessfulCreate", f"Created pod: {pods[-1].name}")
        for pod in victims(pods, max(0, -missing)):
            self._store.delete("Pod", pod.name, pod.namespace)
            self._tell(replica_set, "SuccessfulDelete", f"Deleted pod: {pod.name}")
            pods.remove(pod)
        count = sum(map(ready, pods))
        current = self._store.need("ReplicaSet", replica_set.name, replica_set.namespace)
        write_status(
            self._store,
            current,
            {
                "availableReplicas": count or None,
                "fullyLabeledReplicas": len(pods),
                "observedGeneration": current.document["metadata"]["generation"],
                "readyReplicas": count,
                "replicas": len(pods),
            },
        )

    def _tell(self, replica_set: Stored, reason: str, message: str) -> None:
        self._recorder.event(replica_set, "Normal", reason, message, component="replicaset-controller")


class Deployments:
    """One ReplicaSet for each template that a Deployment ever had, and the way from the last to the newest."""

    def __init__(self, store: Store, recorder: Recorder) -> None:
        self._store = store
        self._recorder = recorder
        self._queue = WorkQueue(store, "Deployment", ("ReplicaSet", "Pod"))
        self._made: set[str] = set()
        """Uids of ReplicaSets that never had a pod."""

    def run(self) -> None:
        """One step of every Deployment for which something has changed."""
        for each in self._queue.take():
            if not each.terminating:
                self._sync(each)

    def _sync(self, deployment: Stored) -> None:
        spec = deployment.object.spec
        sets = claim(self._store, deployment, "ReplicaSet", spec.selector)
        newest = next((each for each in sets if _template(each) == deployment.document["spec"]["template"]), None)
        if not spec.paused:
            newest = self._newest(deployment, newest, sets)
        old = [each for each in sets if newest is None or each.name != newest.name]
        if spec.paused:
            self._scale_only(deployment, newest, old)
        elif newest is not None and spec.strategy.type == "Recreate":
            self._recreate(deployment, newest, old)
        elif newest is not None:
            self._roll(deployment, newest, old)
        self._clean(deployment, old)
        self._status(deployment.name, deployment.namespace)

    # -- the newest ReplicaSet -----------------------------------------------------------------------------------

    def _newest(self, deployment: Stored, newest: Stored | None, sets: list[Stored]) -> Stored:
        revision = max((_revision(each) for each in sets if newest is None or each.name != newest.name), default=0) + 1
        if newest is None:
            newest = self._make(deployment, revision)
        elif _revision(newest) < revision:  # an older template is the newest again
            newest = self._annotate(newest, {REVISION: str(revision)})
        self._annotate_deployment(deployment, str(_revision(newest)))
        return newest

    def _make(self, deployment: Stored, revision: int) -> Stored:
        template = copy.deepcopy(deployment.document["spec"]["template"])
        collisions: int | None = None
        while True:
            digest = template_hash(template, collisions)
            if self._store.get("ReplicaSet", f"{deployment.name}-{digest}", deployment.namespace) is None:
                break
            collisions = 0 if collisions is None else collisions + 1
        labels = {**(template.setdefault("metadata", {}).get("labels") or {}), HASH: digest}
        template["metadata"]["labels"] = labels
        selector = copy.deepcopy(deployment.document["spec"]["selector"])
        selector["matchLabels"] = {**(selector.get("matchLabels") or {}), HASH: digest}
        spec: dict[str, Any] = {"replicas": 0, "selector": selector, "template": template}
        if deployment.document["spec"].get("minReadySeconds"):
            spec["minReadySeconds"] = deployment.document["spec"]["minReadySeconds"]
        made = self._store.create(
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "metadata": {
                    "name": f"{deployment.name}-{digest}",
                    "namespace": deployment.namespace,
                    "labels": labels,
                    "annotations": {
                        **{
                            key: value
                            for key, value in (deployment.document["metadata"].get("annotations") or {}).items()
                            if key not in {LAST_APPLIED, REVISION}
                        },
                        **self._sizes(deployment),
                        REVISION: str(revision),
                    },
                    "ownerReferences": [owner(deployment)],
                },
                "spec": spec,
            }
        )
        self._made.add(made.uid)
        return made

    @staticmethod
    def _sizes(deployment: Stored) -> dict[str, str]:
        spec = deployment.object.spec
        surge, _ = _limits(deployment)
        return {_DESIRED: str(spec.replicas), _MOST: str(spec.replicas + surge)}

    def _annotate(self, each: Stored, annotations: dict[str, str]) -> Stored:
        new = copy.deepcopy(each.document)
        new["metadata"].setdefault("annotations", {}).update(annotations)
        return self._store.update(new, status=True)

    def _annotate_deployment(self, deployment: Stored, revision: str) -> None:
        if (deployment.document["metadata"].get("annotations") or {}).get(REVISION) != revision:
            self._annotate(deployment, {REVISION: revision})

    # -- scaling -------------------------------------------------------------------------------------------------

    def _scale(self, deployment: Stored, each: Stored, replicas: int) -> bool:
        """Set the size of a ReplicaSet; True where that changes it."""
        new = copy.deepcopy(each.document)
        before = int(new["spec"]["replicas"])
        changed = before != replicas
        new["spec"]["replicas"] = replicas
        new["metadata"].setdefault("annotations", {}).update(self._sizes(deployment))
        self._store.update(new, status=True)
        if changed:
            way, since = "up" if replicas > before else "down", "" if each.uid in self._made else f" from {before}"
            self._made.discard(each.uid)
            message = f"Scaled {way} replica set {each.name} to {replicas}{since}"
            self._recorder.event(deployment, "Normal", "ScalingReplicaSet", message, component="deployment-controller")
        return changed

    def _scale_only(self, deployment: Stored, newest: Stored | None, old: list[Stored]) -> None:
        """A paused Deployment changes its size and nothing else: that of its largest ReplicaSet."""
        sets = [each for each in (*([newest] if newest is not None else []), *old) if each.object.spec.replicas]
        if len(sets) == 1:
            self._scale(deployment, sets[0], deployment.object.spec.replicas)

    def _recreate(self, deployment: Stored, newest: Stored, old: list[Stored]) -> None:
        """The old pods are gone before the first new one comes."""
        left = [each for each in old if each.object.spec.replicas]
        for each in left:
            self._scale(deployment, each, 0)
        if not left and not any(self._store.owned(each.uid, "Pod") for each in old):
            self._scale(deployment, newest, deployment.object.spec.replicas)

    def _roll(self, deployment: Stored, newest: Stored, old: list[Stored]) -> None:
        """One step: more new pods as ``maxSurge`` allows, else fewer old ones as ``maxUnavailable`` allows."""
        wanted = deployment.object.spec.replicas
        surge, unavailable = _limits(deployment)
        size = newest.object.spec.replicas
        total = size + sum(each.object.spec.replicas for each in old)
        if size > wanted:
            grown = self._scale(deployment, newest, wanted)
        else:
            grown = self._scale(deployment, newest, size + max(0, min(wanted - size, wanted + surge - total)))
        if grown or not any(each.object.spec.replicas for each in old):
            return
        least = wanted - unavailable
        missing = newest.object.spec.replicas - self._ready(newest)
        room = total - least - missing
        for each in old:  # what is not ready anyway goes first
            sick = min(room, each.object.spec.replicas - self._ready(each))
            if sick > 0:
                self._scale(deployment, each, each.object.spec.replicas - sick)
                return
        room = self._ready(newest) + sum(map(self._ready, old)) - least
        for each in old:
            step = min(max(room, 0), each.object.spec.replicas)
            if step:
                self._scale(deployment, each, each.object.spec.replicas - step)
                room -= step

    def _ready(self, each: Stored) -> int:
        return sum(map(ready, self._store.owned(each.uid, "Pod")))

    def _clean(self, deployment: Stored, old: list[Stored]) -> None:
        """``revisionHistoryLimit``: the oldest ReplicaSets without pods go."""
        limit = deployment.object.spec.revision_history_limit
        idle = [
            each
            for each in sorted(old, key=_revision)
            if not each.object.spec.replicas and not self._store.owned(each.uid, "Pod")
        ]
        for each in idle[: max(0, len(old) - (10 if limit is None else limit))]:
            self._store.delete("ReplicaSet", each.name, each.namespace)

    # -- status --------------------------------------------------------------------------------------------------

    def _status(self, name: str, namespace: str) -> None:
        deployment = self._store.need("Deployment", name, namespace)
        sets = self._store.owned(deployment.uid, "ReplicaSet")
        pods = {each.name: active(self._store.owned(each.uid, "Pod")) for each in sets}
        template = deployment.document["spec"]["template"]
        updated = sum(len(pods[each.name]) for each in sets if _template(each) == template)
        replicas = sum(map(len, pods.values()))
        count = sum(ready(pod) for group in pods.values() for pod in group)
        wanted = deployment.object.spec.replicas
        _, unavailable = _limits(deployment)
        enough = count >= wanted - unavailable
        done = updated == replicas == count == wanted
        now = self._store.timestamp()
        conditions = [
            {
                "type": "Available",
                "status": "True" if enough else "False",
                "reason": "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
                "message": f"Deployment {'has' if enough else 'does not have'} minimum availability.",
            },
            {
                "type": "Progressing",
                "status": "True",
                "reason": "NewReplicaSetAvailable" if done else "ReplicaSetUpdated",
                "message": self._progress(sets, template, done=done),
            },
        ]
        before = {each["type"]: each for each in deployment.document.get("status", {}).get("conditions", ())}
        for each in conditions:
            was = before.get(each["type"], {})
            same = {key: was.get(key) for key in each} == each
            each["lastUpdateTime"] = was.get("lastUpdateTime", now) if same else now
            each["lastTransitionTime"] = was["lastTransitionTime"] if was.get("status") == each["status"] else now
        write_status(
            self._store,
            deployment,
            {
                "availableReplicas": count or None,
                "conditions": conditions,
                "observedGeneration": deployment.document["metadata"]["generation"],
                "readyReplicas": count,
                "replicas": replicas or None,
                "unavailableReplicas": max(0, max(wanted, replicas) - count),
                "updatedReplicas": updated,
            },
        )

    @staticmethod
    def _progress(sets: tuple[Stored, ...], template: object, *, done: bool) -> str:
        name = next((each.name for each in sets if _template(each) == template), "")
        return f'ReplicaSet "{name}" {"has successfully progressed." if done else "is progressing."}'


def _template(replica_set: Stored) -> object:
    """The template without its hash."""
    template = copy.deepcopy(replica_set.document["spec"]["template"])
    labels = template.get("metadata", {}).get("labels") or {}
    labels.pop(HASH, None)
    return template


def _revision(replica_set: Stored) -> int:
    return int((replica_set.document["metadata"].get("annotations") or {}).get(REVISION, 0))


def _limits(deployment: Stored) -> tuple[int, int]:
    """``maxSurge`` and ``maxUnavailable`` in pods; one may be missing where both came to nothing."""
    spec = deployment.object.spec
    rolling = spec.strategy.rolling_update
    if rolling is None:
        return 0, spec.replicas
    surge = share(rolling.max_surge, spec.replicas, up=True)
    unavailable = share(rolling.max_unavailable, spec.replicas, up=False)
    return surge, unavailable if surge or unavailable else 1
