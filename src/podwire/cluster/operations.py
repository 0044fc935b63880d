"""A cluster as kubectl and its kin see it (``tools.ops.ClusterOps``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from podwire.cluster import manifests, running
from podwire.errors import ConfigError

if TYPE_CHECKING:
    from podwire.cluster import Cluster
    from podwire.kube.objects import KubeObject, Reference
    from podwire.kube.store import Store
    from podwire.tools.process import Process


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

    def settle(self) -> None:
        """Controllers, kubelets and agents act."""
        self._cluster.api.settle()

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
        return running.start(self._cluster.network, place, argv, stdin=stdin, on_output=on_output)

    def container_log(self, pod: str, container: str) -> str:
        """What a container's program has written."""
        handle = self._cluster.pod(pod)
        if container and handle.manifest is not None:
            names = [each["name"] for each in handle.manifest["spec"]["containers"]]
            if container not in names:
                raise ConfigError(f"pod {pod!r}", f"has no container {container!r}; containers are {', '.join(names)}")
        return "".join(f"{line}\n" for line in handle.log)
