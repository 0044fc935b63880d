"""A pod whose containers do more than run: they end, wait, are asked, or take their time to stop (pkg/kubelet, pod_workers.go)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from podwire.cluster.lifecycle.commands import ends_by_itself
from podwire.cluster.lifecycle.container import Container, stopping
from podwire.cluster.lifecycle.status import initialised, pod_status
from podwire.kube.probe import KINDS

if TYPE_CHECKING:
    from podwire.cluster.handles import Node, Pod
    from podwire.cluster.kubelet_events import KubeletEvents
    from podwire.cluster.serving.server import Serving
    from podwire.fabric.network import Network
    from podwire.kube.store import Store, Stored
    from podwire.linux.machine import Place
    from podwire.linux.netns import Netns
    from podwire.wire.addr import Ip


class Life:
    """One pod from its sandbox to its end. Implements ``Home``.

    ``acted`` is called when the status was written and others may act upon it, ``ended`` when it has run to its end by itself.
    """

    def __init__(
        self,
        pod: Stored,
        handle: Pod,
        serving: Serving,
        store: Store,
        acted: Callable[[], None],
        events: KubeletEvents,
        ended: Callable[[Stored], None],
    ) -> None:
        self.network: Network = serving.network
        self.terminating = False
        self._key = pod.namespace, pod.name
        self._uid = pod.uid
        self._handle = handle
        self._serving = serving
        self._store = store
        self._acted = acted
        self._events = events
        self._ended = ended
        self._quiet = False
        """Somebody else writes the status when it is done."""
        spec = pod.document["spec"]
        self._restart = str(spec.get("restartPolicy", "Always"))
        grace = int(spec.get("terminationGracePeriodSeconds", 30))
        self._inits = [Container(self, each, grace, init=True) for each in spec.get("initContainers") or ()]
        self._containers = [Container(self, each, grace) for each in spec["containers"]]

    # -- what containers ask of their pod --------------------------------------------------------------------------

    def place(self) -> Place:
        """See ``Home``."""
        return self._handle.place

    def node(self) -> Netns:
        """See ``Home``."""
        return self._handle.node.spec.machine.root.netns

    def address(self) -> Ip:
        """See ``Home``."""
        address = self._handle.spec.ip
        assert address is not None  # noqa: S101 - it runs
        return address

    def serving(self) -> Serving:
        """See ``Home``."""
        return self._serving

    def new_id(self) -> str:
        """See ``Home``."""
        return new_container_id(self._handle.node, self._handle.spec.key)

    def stamp(self) -> str:
        """See ``Home``."""
        return self._store.timestamp()

    def where(self) -> str:
        """See ``Home``."""
        return f"{self._key[1]}_{self._key[0]}({self._uid})"

    def tell(self, say: Callable[[KubeletEvents, Stored], None]) -> None:
        """See ``Home``."""
        pod = self._stored()
        if pod is not None:
            say(self._events, pod)

    def changed(self) -> None:
        """See ``Home``."""
        if not self._quiet:
            self.write()
            self._acted()

    def ended(self, container: Container) -> None:
        """See ``Home``: the next init container, another try, or the end."""
        code = container.state.state["terminated"]["exitCode"]
        if self.terminating:
            self.changed()
        elif container.init and code == 0:
            self._advance()
        elif self._restart == "Never" or (code == 0 and (self._restart == "OnFailure")):
            self.changed()
            self._finish()
        else:
            container.restart()

    # -- its life --------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """The sandbox is there: init containers one after the other, then all containers."""
        self._quietly(self._advance)

    def _advance(self) -> None:
        """Start the first init container that has not done its work; behind the last one, the containers."""
        following = next((each for each in self._inits if not initialised(each.state)), None)
        if following is not None:
            if "waiting" in following.state.state:
                following.start()
        else:
            for container in self._containers:
                if "waiting" in container.state.state:
                    container.start()
        self.changed()

    def _quietly(self, act: Callable[[], None]) -> None:
        self._quiet = True
        try:
            act()
        finally:
            self._quiet = False
        self.write()
        self._finish()

    def _finish(self) -> None:
        """A pod whose phase is final has no sandbox any more."""
        pod = self._stored()
        if not self._quiet and pod is not None and pod.document["status"]["phase"] in {"Succeeded", "Failed"}:
            self.stop()
            self._ended(pod)

    def sandbox_anew(self, serving: Serving) -> None:
        """Another sandbox stands where the first one was: everything starts again there, the init containers first."""
        self._serving = serving
        for each in (*self._inits, *self._containers):
            each.sandbox_gone()
        self._quietly(self._advance)

    def terminate(self, grace: int) -> float:
        """The pod is being deleted: how many seconds its containers go on. They answer until then."""
        self.terminating = True
        return max((stopping_of(each, grace) for each in self._stored_containers()), default=0)

    def _stored_containers(self) -> list[Any]:
        pod = self._stored()
        return list(pod.document["spec"]["containers"]) if pod is not None else []

    def stop(self) -> None:
        """Nothing of it happens any more."""
        for each in (*self._inits, *self._containers):
            each.stop()

    # -- status ----------------------------------------------------------------------------------------------------

    def _stored(self) -> Stored | None:
        pod = self._store.get("Pod", self._key[1], self._key[0])
        return pod if pod is not None and pod.uid == self._uid else None

    def write(self) -> None:
        """The status, as it is now."""
        pod = self._stored()
        if pod is None:
            return
        new = pod_status(
            pod.document,
            self._store.timestamp(),
            (str(self.address()), str(self._handle.node.spec.internal_ip)),
            [each.state for each in self._containers],
            [each.state for each in self._inits],
        )
        new["spec"]["nodeName"] = self._handle.node.name
        self._store.update(new, status=True)


def has_life(spec: Mapping[str, Any]) -> bool:
    """The pod does more than run.

    It has probes, init containers, a preStop handler, a program that is known to end, or one whose ports may be taken: those of its
    node.
    """
    return bool(spec.get("initContainers") or spec.get("hostNetwork")) or any(
        any(each.get(kind) is not None for kind in KINDS)
        or (each.get("lifecycle") or {}).get("preStop")
        or ends_by_itself(each)
        for each in spec.get("containers") or ()
    )


def stopping_of(container: Any, grace: int) -> float:
    """How long a container of a pod that is deleted goes on.

    A container without a preStop handler ends at once in podwire, whatever its program does with SIGTERM.
    """
    return stopping(container, grace)[0] if (container.get("lifecycle") or {}).get("preStop") else 0


def new_container_id(node: Node, key: str) -> str:
    """64 hexadecimal digits, other ones for every container of a pod (``namespace/name``)."""
    return f"{node.spec.machine.random('container', key).getrandbits(256):064x}"
