"""What the commands of an operator act on: kubectl, calicoctl, helm. A cluster implements it; a tool never sees the cluster itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from podwire.cni.calico.backend import CalicoBackend
    from podwire.kube.kinds import Kind
    from podwire.kube.objects import KubeObject, Reference
    from podwire.kube.store import Store, Stored
    from podwire.tools.process import Process


class ClusterOps(Protocol):
    """The API server of a cluster and what stands behind it.

    A tool reads ``store`` and may write it through its verbs; ``settle`` lets controllers, kubelets and agents act upon what was written.
    """

    @property
    def store(self) -> Store:
        """The objects. Anything done to the machines by hand has been seen."""

    @property
    def server(self) -> str:
        """The URL of the control plane, as ``kubectl cluster-info`` prints it."""

    @property
    def calico(self) -> CalicoBackend | None:
        """Calico's own data beside the store: settings, IPAM blocks, sessions; None where the cluster has another CNI."""

    def watched(self, machine: str, filter: str) -> None:
        """Somebody looks at the packets of a machine, with a filter in tcpdump's language."""

    def kinds(self) -> tuple[Kind, ...]:
        """Every kind of the cluster: those of the store, then those that its backend keeps by itself."""

    def kept(self, kind: Kind) -> tuple[Stored, ...] | None:
        """The objects of a kind that the backend keeps by itself (Calico's IPPools), by name; None for a kind of the store."""

    def settle(self) -> None:
        """Controllers, kubelets and agents act on what was written to the store."""

    def check(self, objects: Sequence[KubeObject]) -> None:
        """Raise ``NotModelled`` or ``PodwireError`` for objects that would be stored and then not acted upon as in a real cluster."""

    def stored(self, each: Stored) -> None:
        """An object was created or changed: warns where nobody in the cluster acts upon its kind."""

    def apply(self, objects: Sequence[KubeObject]) -> list[str]:
        """``kubectl apply`` of objects that were read. Returns ``pod/pod1 created`` …; raises before anything changes."""

    def create(self, objects: Sequence[KubeObject]) -> list[str]:
        """``kubectl create``: what is there already is refused (AlreadyExists)."""

    def replace(self, document: Mapping[str, Any]) -> bool:
        """Write a changed object (as ``kubectl edit``, ``label`` and ``scale`` do). False where nothing changed. Raises ``StatusError``."""

    def delete(self, references: Sequence[Reference], *, grace: int | None = None) -> list[str]:
        """``kubectl delete``. Returns ``pod "pod1" deleted`` …; raises before anything is deleted."""

    def start(
        self,
        pod: str,
        argv: Sequence[str],
        *,
        stdin: str = "",
        on_output: Callable[[int, str], None] | None = None,
    ) -> Process:
        """Start a command in a pod (``namespace/name``), as ``kubectl exec`` does. Raises ``ConfigError`` where no such pod runs."""

    def container_log(self, pod: str) -> Sequence[tuple[int, str]]:
        """What the programs of a pod (``namespace/name``) have written: virtual time in ns, and the line.

        Raises ``ConfigError`` where no such pod runs.
        """
