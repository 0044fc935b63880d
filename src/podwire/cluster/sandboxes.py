"""What kubelets do with the pods of the API: start those of their node, end those that terminate, say how they are."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from podwire.cluster.manifests import ports_of_pod
from podwire.errors import NotModelled, PodwireError
from podwire.kube.decode import decode
from podwire.kube.fields import from_python
from podwire.kube.objects import ApiObject, PodObject
from podwire.kube.pod import PodSpecFields
from podwire.kube.scheduler import set_condition
from podwire.kube.store import Store, Stored

if TYPE_CHECKING:
    from podwire.cluster import Cluster
    from podwire.cluster.handles import Pod


class Sandboxes:
    """The kubelets of a cluster, as its API sees them."""

    def __init__(self, cluster: Cluster, store: Store) -> None:
        self._cluster = cluster
        self._store = store
        self._running: dict[str, Pod] = {}
        """By the uid of the Pod."""

    def runs(self, pod: Stored) -> bool:
        """Its sandbox was started, or adopted."""
        return pod.uid in self._running

    def adopt(self, pod: Stored, handle: Pod) -> None:
        """A sandbox that runs already is this Pod's."""
        self._running[pod.uid] = handle

    def forget(self, pod: Stored) -> None:
        """Somebody else has ended the sandbox."""
        self._running.pop(pod.uid, None)

    def check(self, pod: PodObject) -> None:
        """Raise what starting it would raise of ports that cannot be opened."""
        if not pod.host_network:
            ports_of_pod(pod)
        elif pod.ports:
            raise NotModelled("container ports of a hostNetwork pod", f"pod {pod.key}")

    def check_template(self, workload: ApiObject) -> None:
        """The same for the pods of a workload."""
        self.check(_pod_object(workload.namespace, workload.name, workload.at.at("spec", "template").plain()))

    def run(self) -> None:
        """Start, end, and write every status."""
        for pod in self._store.all("Pod"):
            node = pod.document["spec"].get("nodeName")
            if pod.terminating and node:
                self._end(pod)
                self._store.finish(pod)
            elif node and not self.runs(pod) and node in {each.name for each in self._cluster.nodes}:
                self._start(pod)
        alive = {pod.uid for pod in self._store.all("Pod")}
        for uid in [uid for uid in self._running if uid not in alive]:  # deleted with no grace
            self._stop(self._running.pop(uid))

    def _start(self, pod: Stored) -> None:
        spec = _pod_object(pod.namespace, pod.name, pod.document)
        node = str(pod.document["spec"]["nodeName"])
        labels = dict(pod.labels)
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
                    ports=ports_of_pod(spec),
                )
        except NotModelled:
            raise
        except PodwireError as error:
            self._store.update(_waiting(pod, str(error)), status=True)
            return
        self._running[pod.uid] = handle
        set_running(self._store, pod, handle)

    def _end(self, pod: Stored) -> None:
        handle = self._running.pop(pod.uid, None)
        if handle is not None:
            self._stop(handle)

    def _stop(self, handle: Pod) -> None:
        if handle in self._cluster.pods:
            handle.delete()


def _pod_object(namespace: str, name: str, document: Any) -> PodObject:
    """A Pod, or the template of some, as the runtime takes it."""
    at = from_python(document)
    spec = decode(at.at("spec"), PodSpecFields)
    meta = document.get("metadata") or {}
    labels, annotations = dict(meta.get("labels") or {}), dict(meta.get("annotations") or {})
    return PodObject(namespace, name, labels, annotations, spec.containers, spec.node_name or None, at)


def _waiting(pod: Stored, why: str) -> dict[str, Any]:
    """Status of a pod whose sandbox could not be made."""
    new = copy.deepcopy(pod.document)
    new["status"]["phase"] = "Pending"
    new["status"]["hostIP"] = new["status"].get("hostIP", "")
    new["status"]["containerStatuses"] = [
        {
            "name": each["name"],
            "image": each["image"],
            "ready": False,
            "restartCount": 0,
            "state": {"waiting": {"reason": "ContainerCreating", "message": f"Failed to create pod sandbox: {why}"}},
        }
        for each in new["spec"]["containers"]
    ]
    return new


def set_running(store: Store, pod: Stored, handle: Pod) -> None:
    """The sandbox is there and its containers run: phase, addresses, conditions."""
    now = store.timestamp()
    new = copy.deepcopy(pod.document)
    new["spec"]["nodeName"] = handle.node.name
    status = new["status"]
    address, host = str(handle.spec.ip), str(handle.node.spec.internal_ip)
    status.update(phase="Running", hostIP=host, podIP=address, startTime=now)
    status.update(hostIPs=[{"ip": host}], podIPs=[{"ip": address}])
    for name in ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"):
        set_condition(new, {"type": name, "status": "True"}, now)
    status["containerStatuses"] = [
        {
            "name": each["name"],
            "image": each["image"],
            "ready": True,
            "restartCount": 0,
            "started": True,
            "state": {"running": {"startedAt": now}},
        }
        for each in new["spec"]["containers"]
    ]
    store.update(new, status=True)


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
