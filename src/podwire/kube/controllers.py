"""The control plane of one store: its controllers, scheduler and garbage, run until nothing changes any more.

Controllers act when something was applied or deleted, at once and in a fixed order: no virtual time passes between a Deployment and
its pods. Each round is one step of each controller, so that a rolling update goes through the same states as in a cluster.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from podwire.errors import PodwireError
from podwire.kube.endpoint_controller import EndpointController
from podwire.kube.events import Recorder
from podwire.kube.replica_controllers import Deployments, ReplicaSets
from podwire.kube.scheduler import Scheduler
from podwire.kube.set_controllers import DaemonSets, StatefulSets
from podwire.kube.store import Store

_ROUNDS: Final = 100_000


class ControlPlane:
    """The controllers of a store. ``kubelet`` starts and ends pods: it writes their status, and calls ``Store.finish``."""

    def __init__(self, store: Store, kubelet: Callable[[], None], recorder: Recorder | None = None) -> None:
        self._store = store
        self.recorder = recorder if recorder is not None else Recorder(store)
        """Who writes down what the controllers tell of their objects."""
        self.scheduler = Scheduler(store, self.recorder)
        endpoints = EndpointController(store)
        self._steps: tuple[Callable[[], None], ...] = (
            Deployments(store, self.recorder).run,
            ReplicaSets(store, self.recorder).run,
            StatefulSets(store, self.recorder).run,
            DaemonSets(store, self.recorder).run,
            self.scheduler.run,
            # Before the kubelet ends what terminates: readers of endpoints learn that it is going.
            endpoints.run,
            kubelet,
            endpoints.run,
            self._namespaces,
        )

    def settle(self) -> None:
        """Go on until a round changes nothing."""
        for _ in range(_ROUNDS):
            before = self._store.version
            for step in self._steps:
                step()
            if self._store.version == before:
                return
        raise PodwireError("the controllers do not come to rest")  # pragma: no cover - a defect of podwire

    def _namespaces(self) -> None:
        for space in self._store.all("Namespace"):
            if space.terminating:
                self._store.end_empty(space)
