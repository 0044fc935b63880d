"""A cluster's API server with its control plane, and the kubelets that run what it wants.

It is built when something asks for it first: a lab of pods that were run by hand does without. What was there before, nodes and pods,
it finds and takes into its store.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from podwire.cluster.balancing import balancing_of
from podwire.cluster.calico_node import CALICO_NODE
from podwire.cluster.kubelet_events import KubeletEvents
from podwire.cluster.node_objects import node_document
from podwire.cluster.proxying import Proxying
from podwire.cluster.sandboxes import Sandboxes, new_pod_document, set_running
from podwire.cluster.system import KUBE_PROXY, SYSTEM, SystemObjects
from podwire.cni.backend import HasKinds, ReadsObjects
from podwire.errors import ConfigError, NotModelled
from podwire.kube.controllers import ControlPlane
from podwire.kube.events import Recorder
from podwire.kube.objects import ApiObject, PodObject, Reference
from podwire.kube.store import SERVICES, Store, Stored
from podwire.platform.gke.balancing import unserved
from podwire.wire.addr import Net

if TYPE_CHECKING:
    from podwire.cluster import Cluster
    from podwire.cluster.handles import Node, Pod
    from podwire.fabric.clock import Alarm

_NO_CRD: Final = (
    'a kind that this cluster has (no matches for kind "{}" in version "{}": ensure CRDs are installed first)'
)
_NAMESPACES: Final = ("default", "kube-node-lease", "kube-public", "kube-system")


class UnservedWarning(UserWarning):
    """An object was stored that nobody in the cluster acts upon."""


class Api:
    """The store of a cluster, kept in line with its machines in both directions.

    ``renders`` names the kinds that something on the nodes acts upon. Without kube-proxy (``Proxying``) a Service is stored, its
    endpoints are kept, and its address leads nowhere: that is said as a warning. A NetworkPolicy that nobody enforced would let
    packets through unnoticed: it is refused.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.renders: set[str] = set()
        services = getattr(cluster.cni, "service_range", None)
        whole = Net.parse(services) if isinstance(services, str) else SERVICES
        self.store = Store(lambda: cluster.network.now, cluster.network.random, whole)
        self._system = SystemObjects(cluster, self.store, whole)
        self._busy = False
        self._annotations: dict[str, dict[str, str]] = {}
        """Of each Node, as they were when they were last passed on."""
        self._labels: dict[str, dict[str, str]] = {}
        """Labels of each pod when both sides last agreed."""
        self.recorder = Recorder(self.store)
        """Who writes Events: components beside the control plane call it too."""
        self.kubelet_events = KubeletEvents(self.recorder)
        self._sandboxes = Sandboxes(cluster, self.store, self.kubelet_events)
        self._plane = ControlPlane(self.store, self._sandboxes.run, self.recorder)
        self._alarm: Alarm | None = None
        self._proxying = Proxying(cluster.kubelet, self.store, cluster.cni)
        self.watchers: list[Callable[[], None]] = []
        """Called when controllers and kubelets have acted."""
        self._balancing = balancing_of(cluster, self.store, self.recorder, self._proxying)
        if self._proxying.possible:
            self.renders.add("Service")
        backend = cluster.backend
        self.renders |= self._reads
        if isinstance(backend, HasKinds):
            for kind in backend.custom_kinds:
                self.store.kinds.register(kind)
        self._seen: list[Stored] = []
        """What the CNI's agents last heard of."""
        cluster.kubelet.api = lambda kind: [each.object for each in self.store.all(kind)]
        with self.store.as_of(cluster.born):  # a real one was there from the beginning
            for name in _NAMESPACES:
                self.store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
            if self._proxying.possible:
                self._system.add_kube_proxy()
            self._system.add_calico_node()
            for document in backend.first_objects() if isinstance(backend, HasKinds) else ():
                self.store.create(document)
            self.settle()

    @property
    def _reads(self) -> frozenset[str]:
        """The kinds whose changes the CNI's agents hear of."""
        backend = self._cluster.backend
        return backend.reads if isinstance(backend, ReadsObjects) else frozenset()

    # -- requests ------------------------------------------------------------------------------------------------

    def check(self, objects: Sequence[ApiObject | PodObject]) -> None:
        """Raise what applying these objects one after the other would raise; nothing has changed then."""
        for each in objects:
            self.refuse(each)
        with self.store.trial():
            for each in objects:
                self._apply(each)

    def apply(self, objects: Sequence[ApiObject | PodObject]) -> list[str]:
        """``kubectl apply`` for objects that were checked; returns kubectl's lines. Controllers and kubelets follow in ``settle``."""
        with self.store.transaction():
            found = [self._apply(each) for each in objects]
        for stored, line in found:
            if line != "unchanged":
                self.warn(stored)
        names = [
            getattr(each, "shown", "") or f"{stored.kind.singular}/{stored.name}"
            for each, (stored, _) in zip(objects, found, strict=True)
        ]
        return [f"{name} {line}" for name, (_, line) in zip(names, found, strict=True)]

    def warn(self, stored: Stored) -> None:
        """An object was written: say so where nobody acts upon it."""
        if stored.kind.name == "Service" and "Service" not in self.renders:
            _warn(stored)

    def _apply(self, each: ApiObject | PodObject) -> tuple[Stored, str]:
        document: Any = each.at.plain()
        if isinstance(each, PodObject) and self.store.get("Namespace", each.namespace) is None:
            self._namespace(each.namespace)
        return self.store.apply(document, each.at)

    def refuse(self, each: ApiObject | PodObject, *, nodes: bool = True) -> None:
        """Raise for what would be stored and then not done. A pod of a node that is not there stays Pending: ``nodes`` refuses it."""
        if isinstance(each, PodObject):
            if nodes:
                each.check(node.name for node in self._cluster.nodes)
            self._sandboxes.check(each)
            return
        if self.store.kinds.of(each.version, each.kind) is None:
            kind, version = each.at.at("kind"), each.at.at("apiVersion")
            raise kind.error(_NO_CRD.format(kind.written or each.kind, version.written or each.version))
        if each.version == "networking.k8s.io/v1" and each.kind == "NetworkPolicy" and each.kind not in self.renders:
            raise NotModelled(f"kind {each.kind} of {each.version}", each.at.at("kind").where)
        if each.kind == "Node" and self.store.get("Node", each.name) is None:
            raise NotModelled(f"a Node without a machine: add_node({each.name!r}) makes one", each.at.at("kind").where)
        if each.kind == "Service" and self._balancing is not None:
            document: Any = each.at.plain()
            unserved_part = unserved(document.get("metadata") or {}, document.get("spec") or {})
            if unserved_part is not None:
                raise NotModelled(unserved_part, each.at.where)
        if each.at.get("spec", "template") is not None:
            self._sandboxes.check_template(each)

    def restarted(self, pod: Pod) -> None:
        """A pod runs in another sandbox than before."""
        space, _, name = pod.spec.key.partition("/")
        stored = self.store.get("Pod", name, space)
        if stored is not None:
            self._sandboxes.restarted(stored, pod)

    def takes_time(self, namespace: str, name: str) -> bool:
        """A pod whose containers have handlers that run before they stop."""
        pod = self.store.get("Pod", name, namespace)
        containers = pod.document["spec"]["containers"] if pod is not None else ()
        return any((each.get("lifecycle") or {}).get("preStop") for each in containers)

    def has(self, reference: Reference, version: str) -> None:
        """Raise ``StatusError`` where a reference leads to nothing."""
        kind = self.store.kind(version, reference.kind)
        self.store.need(kind.slot, reference.name, reference.namespace if kind.namespaced else "")

    def delete(self, reference: Reference, version: str, grace: int | None = None) -> str:
        """``kubectl delete``; ``grace`` in seconds. Returns kubectl's line."""
        kind = self.store.kind(version, reference.kind)
        if kind.name == "Node":
            raise NotModelled("deleting a Node", reference.at.where)
        if (kind.name, reference.namespace, reference.name) == ("DaemonSet", SYSTEM, KUBE_PROXY):
            raise NotModelled("a cluster whose kube-proxy is deleted", reference.at.where)
        if (kind.name, reference.namespace, reference.name) == ("DaemonSet", SYSTEM, CALICO_NODE):
            raise NotModelled("a cluster whose calico-node is deleted", reference.at.where)
        space = reference.namespace if kind.namespaced else ""
        if self.store.get(kind.slot, reference.name, space) is not None:  # what owns it may have taken it along
            self.store.delete(kind.slot, reference.name, space, grace=grace)
        self.settle()
        named = reference.shown or f'{kind.singular} "{reference.name}"'
        return f"{named} deleted"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Controllers and kubelets wait until the block ends: what is applied at once is seen at once."""
        if self._busy:
            yield
            return
        self._busy = True
        try:
            yield
        finally:
            self._busy = False
            self.settle()

    # -- both sides ----------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """See what was done to the machines by hand, let controllers and kubelets act, and pass on what changed in the store."""
        if self._busy:
            return
        self._busy = True
        try:
            self.recorder.expire()
            self._observe()
            self._system.run()
            self._plane.settle()
            if self._balancing is not None:
                self._balancing.run()
            self._pass_on()
            for watcher in self.watchers:
                watcher()
        finally:
            self._busy = False
        self._arm()

    def _arm(self) -> None:
        """Look again when a kubelet or the scheduler tries once more what did not work."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        due = [when for when in (self._sandboxes.due, self._plane.scheduler.due) if when is not None]
        if due:
            self._alarm = self._cluster.network.at(max(min(due), self._cluster.network.now), self.settle)

    def _observe(self) -> None:
        for node in self._cluster.nodes:
            with self.store.as_of(node.born):
                self._see_node(node)
        there = {pod.spec.key: pod for pod in self._cluster.pods}
        for key, pod in there.items():
            space, _, name = key.partition("/")
            stored = self.store.get("Pod", name, space)
            if stored is None:
                with self.store.as_of(pod.born):
                    self._adopt(pod, space)
            elif key in self._labels and pod.spec.labels != self._labels[key]:
                new = copy.deepcopy(stored.document)
                new["metadata"]["labels"] = dict(pod.spec.labels)
                self.store.update(new, status=True)
                self._labels[key] = dict(pod.spec.labels)
        for stored in self.store.all("Pod"):
            key = f"{stored.namespace}/{stored.name}"
            if self._sandboxes.has_sandbox(stored) and key not in there:
                self.kubelet_events.killing(stored)
                self._sandboxes.forget(stored)
                self.store.delete("Pod", stored.name, stored.namespace, grace=0)

    def _see_node(self, node: Node) -> None:
        stored = self.store.get("Node", node.name)
        labels = {"kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux", **node.labels}
        if stored is None:
            document = node_document(
                node, labels, self.store.timestamp(), self._cluster.backend.name, self._cluster.cni
            )
            made = self.store.create(document, status=True)
            self.kubelet_events.node_joined(made, proxy=self._proxying.possible)
        elif dict(stored.labels) != labels:
            known = self._labels.get(f"node {node.name}")
            if known is not None and known != node.labels:  # changed by hand since the last look
                new = copy.deepcopy(stored.document)
                new["metadata"]["labels"] = labels
                self.store.update(new, status=True)
        self._labels.setdefault(f"node {node.name}", dict(node.labels))

    def _adopt(self, pod: Pod, namespace: str) -> None:
        """A pod that was run by hand is in the store from now on."""
        if self.store.get("Namespace", namespace) is None:
            self._namespace(namespace)
        document = new_pod_document(pod)
        scheduled = "nodeName" not in (pod.manifest or {}).get("spec", {})
        stored = self.store.create(document)
        if scheduled:
            self._plane.scheduler.tell_bound(stored, pod.node.name)
        self.kubelet_events.started(stored)
        set_running(self.store, stored, pod.node, str(pod.ip))
        self._sandboxes.adopt(self.store.need("Pod", stored.name, namespace), pod)
        self._labels[pod.spec.key] = dict(pod.spec.labels)
        self._cluster.kubelet.adopted(pod.node.name)

    def _namespace(self, name: str) -> None:
        self.store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def _look(self) -> bool:
        """Whether objects have changed that the CNI's agents read."""
        seen = [each for kind in sorted(self._reads) for each in self.store.all(kind)]
        if len(seen) == len(self._seen) and all(new is old for new, old in zip(seen, self._seen, strict=True)):
            return False
        self._seen = seen
        backend = self._cluster.backend
        if isinstance(backend, HasKinds):
            backend.hear(lambda kind: [each.object for each in self.store.all(kind)])
        return True

    def _pass_on(self) -> None:
        """Labels of the store go to those who have the pods and nodes."""
        changed = self._proxying.look() | self._look()
        for pod in self._cluster.pods:
            space, _, name = pod.spec.key.partition("/")
            stored = self.store.get("Pod", name, space)
            if stored is not None:
                labels = dict(stored.labels)
                changed |= self._labels.get(pod.spec.key, labels) != labels
                if pod.spec.labels != labels:
                    pod.spec.labels, changed = labels, True
                self._labels[pod.spec.key] = labels
        for node in self._cluster.nodes:
            labels = dict(self.store.need("Node", node.name).labels)
            own = {
                key: value
                for key, value in labels.items()
                if key in node.labels or not key.startswith("kubernetes.io/")
            }
            if own != node.labels:
                node.labels.clear()
                node.labels.update(own)
                changed = True
            self._labels[f"node {node.name}"] = dict(node.labels)
            changed |= self._pass_annotations(node)
        if changed:
            self._cluster.told()

    def _pass_annotations(self, node: Node) -> bool:
        """What people write into a Node's annotations (an AS number, a reflector's cluster id), its agents read."""
        written = dict(self.store.need("Node", node.name).document["metadata"].get("annotations") or {})
        before = self._annotations.get(node.name, node.spec.annotations)
        new = {key: value for key, value in written.items() if before.get(key) != value}
        gone = [key for key in before if key not in written and self._annotations.get(node.name) is not None]
        self._annotations[node.name] = written
        for key in gone:
            node.spec.annotations.pop(key, None)
        node.spec.annotations.update(new)
        return bool(new or gone)


def _warn(service: Stored) -> None:
    address = service.document["spec"].get("clusterIP", "")
    if address and address != "None":
        warnings.warn(
            f"Services need kube-proxy, which this cluster runs without: packets to {address} of service"
            f" {service.namespace}/{service.name} go where the routes lead",
            UnservedWarning,
            stacklevel=5,
        )


def service_of(cluster: Cluster, name: str) -> Stored:
    """A Service by ``namespace/name``, or by its name where that is unambiguous. Raises ``ConfigError``."""
    services = cluster.api.store.all("Service")
    keys = [f"{each.namespace}/{each.name}" for each in services]
    found = [each for each, key in zip(services, keys, strict=True) if name in {key, each.name}]
    if len(found) == 1:
        return found[0]
    what = "is ambiguous" if found else f"is not there; services are {', '.join(keys) or 'none'}"
    raise ConfigError(f"service {name!r}", what)
