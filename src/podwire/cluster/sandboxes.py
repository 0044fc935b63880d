"""What kubelets do with the pods of the API: start those of their node, end those that terminate, say how they are."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from podwire.cluster.lifecycle.commands import on_sigterm
from podwire.cluster.lifecycle.life import Life, has_life, new_container_id
from podwire.cluster.lifecycle.refusals import check_life
from podwire.cluster.lifecycle.status import ContainerState, pod_status, waiting
from podwire.cluster.manifests import host_ports_of, ports_of_pod
from podwire.cluster.system import is_agent
from podwire.cni.plugins.conflist import NetworkNotReady
from podwire.errors import NotModelled, PodwireError
from podwire.kube.decode import decode
from podwire.kube.fields import from_python
from podwire.kube.objects import ApiObject, PodObject
from podwire.kube.pod import PodSpecFields
from podwire.kube.scheduler import set_condition
from podwire.kube.store import Store, Stored

if TYPE_CHECKING:
    from podwire.cluster import Cluster
    from podwire.cluster.handles import Node, Pod
    from podwire.cluster.kubelet_events import KubeletEvents
    from podwire.fabric.clock import Alarm

_NSEC: Final = 1_000_000_000
_RETRY: Final = 10_000_000_000
"""A kubelet whose pod failed to start tries again after so many ns, and up to half as much more (pod_workers.go, workerBackOffPeriod)."""


class Sandboxes:
    """The kubelets of a cluster, as its API sees them."""

    def __init__(self, cluster: Cluster, store: Store, events: KubeletEvents) -> None:
        self._cluster = cluster
        self._store = store
        self._events = events
        self._retries: dict[str, int] = {}
        """When (in ns) a kubelet tries again to make a sandbox; by the uid of the Pod."""
        self._running: dict[str, Pod] = {}
        """By the uid of the Pod."""
        self._lives: dict[str, Life] = {}
        """Pods whose containers do more than run."""
        self._ending: dict[str, Alarm] = {}
        """Pods that are being deleted and take their time."""
        self._agents: set[str] = set()
        """Pods of programs that podwire runs as agents of their node."""

    def runs(self, pod: Stored) -> bool:
        """It was started, or adopted."""
        return pod.uid in self._running or pod.uid in self._agents

    def has_sandbox(self, pod: Stored) -> bool:
        """It runs as a pod of the cluster, not as an agent of its node."""
        return pod.uid in self._running

    def adopt(self, pod: Stored, handle: Pod) -> None:
        """A sandbox that runs already is this Pod's."""
        self._running[pod.uid] = handle

    def forget(self, pod: Stored) -> None:
        """Somebody else has ended the sandbox."""
        self._forget(pod.uid)
        self._running.pop(pod.uid, None)

    @property
    def due(self) -> int | None:
        """When (in ns) the next sandbox is tried again; None where none waits."""
        return min(self._retries.values(), default=None)

    def restarted(self, pod: Stored, handle: Pod) -> None:
        """Its sandbox was ended, and another stands."""
        self._events.sandbox_changed(pod)
        life = self._lives.get(pod.uid)
        if life is not None:
            life.sandbox_anew(self._cluster.serving_of(handle))
            return
        self._events.started(pod)
        before = pod.document["status"].get("containerStatuses") or ()
        set_running(self._store, pod, handle.node, str(handle.spec.ip), before)

    def check(self, pod: PodObject) -> None:
        """Raise what starting it would raise of ports that cannot be opened."""
        check_life(pod.at.at("spec"), f"pod {pod.key}")
        ports_of_pod(pod)

    def check_template(self, workload: ApiObject) -> None:
        """The same for the pods of a workload."""
        self.check(_pod_object(workload.namespace, workload.name, workload.at.at("spec", "template").plain()))

    def run(self) -> None:
        """Start, end, and write every status."""
        for pod in self._store.all("Pod"):
            node = pod.document["spec"].get("nodeName")
            if pod.terminating and node:
                self._terminate(pod)
            elif (
                node
                and pod.document["status"].get("phase") not in {"Succeeded", "Failed"}
                and not self.runs(pod)
                and self._store.now >= self._retries.get(pod.uid, 0)
                and node in {each.name for each in self._cluster.nodes}
            ):
                self._start(pod)
        alive = {pod.uid for pod in self._store.all("Pod")}
        self._agents &= alive
        self._retries = {uid: when for uid, when in self._retries.items() if uid in alive}
        for uid in [uid for uid in self._running if uid not in alive]:  # deleted with no grace
            self._stop(uid)

    def _terminate(self, pod: Stored) -> None:
        """A pod that is being deleted: it ends at once, or goes on as long as its preStop handlers take."""
        life = self._lives.get(pod.uid)
        if pod.uid in self._ending:
            return
        if self.runs(pod):
            self._events.killing(pod)
        seconds = life.terminate(int(pod.document["metadata"].get("deletionGracePeriodSeconds", 0))) if life else 0
        if not seconds:
            self._finish(pod)
            return
        network = self._cluster.network
        self._ending[pod.uid] = network.at(network.now + round(seconds * _NSEC), lambda: self._late(pod))

    def _late(self, pod: Stored) -> None:
        """The time of a terminating pod is over."""
        with self._cluster.api.held():
            self._finish(pod)

    def _finish(self, pod: Stored) -> None:
        self._stop(pod.uid)
        self._store.finish(pod)

    def _acted(self) -> None:
        """A status has changed: controllers and agents follow."""
        self._cluster.api.settle()

    def over(self, pod: Stored) -> None:
        """A pod has run to its end: its sandbox goes, the Pod stays."""
        with self._cluster.api.held():
            self._stop(pod.uid)

    def _start(self, pod: Stored) -> None:
        node = str(pod.document["spec"]["nodeName"])
        if is_agent(pod):
            self._agents.add(pod.uid)
            self._events.started(pod)
            set_running(self._store, pod, self._cluster.node(node), str(self._cluster.node(node).spec.internal_ip))
            return
        spec = _pod_object(pod.namespace, pod.name, pod.document)
        labels = dict(pod.labels)
        living = has_life(pod.document["spec"])
        try:
            if spec.host_network:
                handle = self._cluster.run_on_host(pod.name, node, pod.namespace, labels, spec.image)
            else:
                handle = self._cluster.run(
                    pod.name,
                    node=node,
                    namespace=pod.namespace,
                    labels=labels,
                    image=spec.image,
                    ports=() if living else ports_of_pod(spec),
                    host_ports=host_ports_of(spec),
                )
        except NotModelled:
            raise
        except PodwireError as error:
            self._failed(pod, node, error)
            return
        self._retries.pop(pod.uid, None)
        self._running[pod.uid] = handle
        self._cluster.give_names(handle, pod.document["spec"])
        if living:
            life = self._lives[pod.uid] = Life(
                pod,
                handle,
                self._cluster.serving_of(handle),
                self._store,
                self._acted,
                self._events,
                self.over,
            )
            life.begin()
            return
        self._events.started(pod)
        set_running(self._store, pod, handle.node, str(handle.spec.ip))

    def _failed(self, pod: Stored, node: str, error: PodwireError) -> None:
        """No sandbox: the pod waits, the kubelet tries again after a while."""
        if isinstance(error, NetworkNotReady):
            self._events.network_not_ready(pod)
        else:
            self._events.sandbox_failed(pod, self._cluster.kubelet.sandbox_error(error))
        jitter = self._cluster.network.random("kubelet", node, "retry").random()
        self._retries[pod.uid] = self._store.now + round(_RETRY * (1 + jitter / 2))
        host = str(self._cluster.node(node).spec.internal_ip)
        self._store.update(_waiting(pod, host, self._store.timestamp()), status=True)

    def _stop(self, uid: str) -> None:
        """Its containers and its sandbox end, where it has any."""
        self._forget(uid)
        handle = self._running.pop(uid, None)
        if handle is not None and handle in self._cluster.pods:
            handle.delete()

    def _forget(self, uid: str) -> None:
        life, alarm = self._lives.pop(uid, None), self._ending.pop(uid, None)
        if life is not None:
            life.stop()
        if alarm is not None:
            alarm.cancel()


def _pod_object(namespace: str, name: str, document: Any) -> PodObject:
    """A Pod, or the template of some, as the runtime takes it."""
    at = from_python(document)
    spec = decode(at.at("spec"), PodSpecFields)
    meta = document.get("metadata") or {}
    labels, annotations = dict(meta.get("labels") or {}), dict(meta.get("annotations") or {})
    return PodObject(namespace, name, labels, annotations, spec.containers, spec.node_name or None, at)


def _waiting(pod: Stored, node: str, now: str) -> dict[str, Any]:
    """Status of a pod whose sandbox could not be made; ``node`` is its node's address."""
    reason = "PodInitializing" if pod.document["spec"].get("initContainers") else "ContainerCreating"
    inits, containers = (
        [ContainerState(each["name"], each["image"], waiting(reason)) for each in pod.document["spec"].get(name) or ()]
        for name in ("initContainers", "containers")
    )
    new = pod_status(pod.document, now, ("", node), containers, inits)
    for name in ("podIP", "podIPs"):
        del new["status"][name]
    set_condition(new, {"type": "PodReadyToStartContainers", "status": "False"}, now)
    return new


def set_running(store: Store, pod: Stored, node: Node, address: str, before: Sequence[Mapping[str, Any]] = ()) -> None:
    """The sandbox is there and its containers run: phase, addresses, conditions.

    ``address`` is the pod's; ``before``: the statuses of the containers that ran in an earlier sandbox of the pod.
    """
    now = store.timestamp()
    earlier = {each["name"]: each for each in before}
    containers = [
        _running(each, new_container_id(node, f"{pod.namespace}/{pod.name}"), now, earlier.get(each["name"]))
        for each in pod.document["spec"]["containers"]
    ]
    new = pod_status(pod.document, now, (address, str(node.spec.internal_ip)), containers)
    new["spec"]["nodeName"] = node.name
    store.update(new, status=True)


def _running(
    container: Mapping[str, Any], identity: str, now: str, before: Mapping[str, Any] | None = None
) -> ContainerState:
    """A container that has just started, for the first time or after another that was ended with its sandbox."""
    state = ContainerState(container["name"], container["image"], {"running": {"startedAt": now}}, id=identity)
    state.ready = state.started = True
    if before is not None:
        state.restarts = before["restartCount"] + 1
        code = on_sigterm(container)[1]
        state.last = {
            "terminated": {
                "exitCode": code,
                "reason": "Error" if code else "Completed",
                "startedAt": before["state"]["running"]["startedAt"],
                "finishedAt": now,
                "containerID": before["containerID"],
            }
        }
    return state


def new_pod_document(pod: Pod) -> dict[str, Any]:
    """A Pod for one that was run by hand: its manifest where there was one, else what ``kubectl run`` writes."""
    space, _, name = pod.spec.key.partition("/")
    document: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {}}
    if pod.manifest is not None:
        document = copy.deepcopy(pod.manifest)
    else:
        document["spec"] = {"containers": [{"name": name, "image": pod.image}]}
    meta = document.setdefault("metadata", {})
    meta.update(name=name, namespace=space, labels=dict(pod.spec.labels))
    document["spec"]["nodeName"] = pod.node.name
    return document
