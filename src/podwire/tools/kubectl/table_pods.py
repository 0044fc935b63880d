"""The row of a pod: how many containers are ready, what the pod is waiting for, how often it started anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from podwire.tools.kubectl.ages import nanoseconds, since
from podwire.tools.kubectl.columns import Cell

Document = Mapping[str, Any]


def pod(document: Document, now: int) -> tuple[Cell, ...]:
    """NAME READY STATUS RESTARTS AGE, and the wide IP NODE NOMINATED-NODE READINESS-GATES."""
    state = _State(document)
    spec, status = document["spec"], document.get("status") or {}
    restarts = str(state.restarts)
    if state.restarted:
        restarts = f"{restarts} ({since(state.restarted, now)} ago)"
    addresses = status.get("podIPs") or ()
    return (
        document["metadata"]["name"],
        f"{state.ready}/{state.total}",
        state.reason,
        restarts,
        since(document["metadata"].get("creationTimestamp"), now),
        (addresses[0].get("ip") if addresses else "") or "<none>",
        spec.get("nodeName") or "<none>",
        status.get("nominatedNodeName") or "<none>",
        _gates(spec.get("readinessGates") or (), status),
    )


def pod_reason(document: Document) -> str:
    """What stands under STATUS: ``Running``, ``ContainerCreating``, ``Terminating`` and so on."""
    return _State(document).reason


def _gates(gates: Sequence[Document], status: Document) -> str:
    if not gates:
        return "<none>"
    true = {each["type"] for each in status.get("conditions") or () if each.get("status") == "True"}
    return f"{sum(gate['conditionType'] in true for gate in gates)}/{len(gates)}"


class _State:
    """What the statuses of a pod's containers add up to (printPod)."""

    def __init__(self, document: Document) -> None:
        self._spec: Document = document["spec"]
        self._status: Document = document.get("status") or {}
        inits = self._spec.get("initContainers") or ()
        self._sidecars = {each["name"] for each in inits if each.get("restartPolicy") == "Always"}
        self.total = len(self._spec.get("containers") or ()) + len(self._sidecars)
        self.ready = 0
        self.restarts = 0
        self.restarted = ""
        """When a container ended last, as the API writes it; empty for never."""
        phase = str(self._status.get("phase", ""))
        self.reason = str(self._status.get("reason") or phase)
        if self._condition("PodScheduled").get("reason") == "SchedulingGated":
            self.reason = "SchedulingGated"
        if not self._initializing() or self._initialized():
            self._running()
        if "deletionTimestamp" in document["metadata"]:
            if self._status.get("reason") == "NodeLost":
                self.reason = "Unknown"
            elif phase not in {"Succeeded", "Failed"}:
                self.reason = "Terminating"

    def _condition(self, name: str) -> Document:
        conditions = self._status.get("conditions") or ()
        return next((each for each in conditions if each["type"] == name), {})

    def _initialized(self) -> bool:
        return bool(self._condition("Initialized").get("status") == "True")

    def _ended(self, container: Document) -> None:
        last = (container.get("lastState") or {}).get("terminated") or {}
        at = str(last.get("finishedAt") or "")
        if at and (not self.restarted or nanoseconds(self.restarted) < nanoseconds(at)):
            self.restarted = at

    def _initializing(self) -> bool:
        """An init container has not done its work yet; ``reason`` says which."""
        specs = self._spec.get("initContainers") or ()
        for index, each in enumerate(self._status.get("initContainerStatuses") or ()):
            self.restarts += int(each.get("restartCount", 0))
            self._ended(each)
            state = each.get("state") or {}
            ended, waiting = state.get("terminated"), state.get("waiting") or {}
            if ended is not None and not ended.get("exitCode"):
                continue
            if each["name"] in self._sidecars and each.get("started"):
                self.ready += bool(each.get("ready"))
                continue
            if ended is not None:
                self.reason = "Init:" + _why(ended)
            elif waiting.get("reason") and waiting["reason"] != "PodInitializing":
                self.reason = f"Init:{waiting['reason']}"
            else:
                self.reason = f"Init:{index}/{len(specs)}"
            return True
        return False

    def _running(self) -> None:
        inits = self._status.get("initContainerStatuses") or ()
        kept = [each for each in inits if each["name"] in self._sidecars]
        self.restarts = sum(int(each.get("restartCount", 0)) for each in kept)
        self.restarted = ""
        for each in kept:
            self._ended(each)
        running = False
        for each in reversed(self._status.get("containerStatuses") or ()):
            self.restarts += int(each.get("restartCount", 0))
            self._ended(each)
            state = each.get("state") or {}
            ended, waiting = state.get("terminated"), state.get("waiting") or {}
            if waiting.get("reason"):
                self.reason = str(waiting["reason"])
            elif ended is not None:
                self.reason = _why(ended)
            elif each.get("ready") and state.get("running") is not None:
                running = True
                self.ready += 1
        if self.reason == "Completed" and running:
            # A container that goes on counts more than one that has finished.
            self.reason = "Running" if self._condition("Ready").get("status") == "True" else "NotReady"


def _why(ended: Document) -> str:
    """How a container ended."""
    if ended.get("reason"):
        return str(ended["reason"])
    return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode', 0)}"
