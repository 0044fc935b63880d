"""A cluster as kubectl and its kin see it (``tools.ops.ClusterOps``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from podwire.cluster import manifests, running
from podwire.cni.backend import KeepsObjects
from podwire.cni.calico.backend import CalicoBackend
from podwire.kube.kinds import Kind
from podwire.kube.objects import IPPoolObject
from podwire.kube.shelf import Stored

if TYPE_CHECKING:
    from podwire.cluster import Cluster
    from podwire.kube.objects import KubeObject, Reference
    from podwire.kube.store import Store
    from podwire.tools.process import Process


IPPOOL: Final = Kind(version="crd.projectcalico.org/v1", name="IPPool", plural="ippools", namespaced=False)
"""Kept by Calico beside the store."""


class Operations:
    """Implements ``ClusterOps``. The API server starts when it is first asked for something."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    @property
    def store(self) -> Store:
        """The objects; what was done to the machines by hand has been seen."""
        self._cluster.api.settle()
        return self._cluster.api.store

    @property
    def server(self) -> str:
        """The URL of the control plane."""
        return self._cluster.control_plane

    @property
    def calico(self) -> CalicoBackend | None:
        """The backend, where it is Calico's."""
        backend = self._cluster.backend
        return backend if isinstance(backend, CalicoBackend) else None

    def watched(self, machine: str, filter: str) -> None:
        """Its sessions of BGP send their keepalives as packets from now on, where the filter names them."""
        self._cluster.kubelet.bgp.watch([machine], filter)

    def kinds(self) -> tuple[Kind, ...]:
        """Those of the store, and the backend's."""
        backend = self._cluster.backend
        return (*self.store.kinds.all(), *((IPPOOL,) if isinstance(backend, KeepsObjects) else ()))

    def kept(self, kind: Kind) -> tuple[Stored, ...] | None:
        """The backend's objects."""
        backend = self._cluster.backend
        if kind is not IPPOOL or not isinstance(backend, KeepsObjects):
            return None
        return tuple(Stored(kind, each, each) for each in backend.documents() if each["kind"] == kind.name)

    def settle(self) -> None:
        """Controllers, kubelets and agents act."""
        self._cluster.api.settle()

    def check(self, objects: Sequence[KubeObject]) -> None:
        """Refuse what would be stored and not done."""
        for each in objects:
            if not isinstance(each, IPPoolObject):
                self._cluster.api.refuse(each, nodes=False)

    def stored(self, each: Stored) -> None:
        """Say that nobody acts upon it, where that is so."""
        self._cluster.api.warn(each)

    def apply(self, objects: Sequence[KubeObject]) -> list[str]:
        """``kubectl apply``."""
        return manifests.apply(self._cluster, objects)

    def create(self, objects: Sequence[KubeObject]) -> list[str]:
        """``kubectl create``."""
        return manifests.create(self._cluster, objects)

    def replace(self, document: Mapping[str, Any]) -> bool:
        """Write a changed object; controllers follow."""
        store = self.store
        before = store.version
        store.update(document)
        changed = store.version != before
        self.settle()
        return changed

    def delete(self, references: Sequence[Reference], *, grace: int | None = None) -> list[str]:
        """``kubectl delete``."""
        return manifests.delete(self._cluster, references, grace=grace)

    def start(
        self,
        pod: str,
        argv: Sequence[str],
        *,
        stdin: str = "",
        on_output: Callable[[int, str], None] | None = None,
    ) -> Process:
        """``kubectl exec``."""
        place = self._cluster.pod(pod).place
        return running.start(self._cluster.network, place, argv, stdin=stdin, on_output=on_output, cluster=self)

    def container_log(self, pod: str) -> Sequence[tuple[int, str]]:
        """What a pod's programs have written."""
        handle = self._cluster.pod(pod)
        return [(line.time, line.text) for line in self._cluster.serving_of(handle).lines]
