"""The status of a pod as its kubelet writes it (pkg/kubelet: kubelet_pods.go, status/generate.go)."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from podwire.kube.scheduler import set_condition

_ORDER: Final = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")


class ContainerState(msgspec.Struct):
    """What is known of a container. ``state`` is waiting, running or terminated, with its fields as the API has them."""

    name: str
    image: str
    state: dict[str, Any]
    last: dict[str, Any] | None = None
    ready: bool = False
    started: bool = False
    restarts: int = 0
    id: str = ""

    def document(self) -> dict[str, Any]:
        """As in ``status.containerStatuses``."""
        full = normalised(self.image)
        return {
            "name": self.name,
            "state": copy.deepcopy(self.state),
            "lastState": copy.deepcopy(self.last) if self.last else {},
            "ready": self.ready,
            "restartCount": self.restarts,
            "image": full if self.id else self.image,
            "imageID": image_id(full) if self.id else "",
            "containerID": f"containerd://{self.id}" if self.id else "",
            "started": self.started,
        }


def normalised(image: str) -> str:
    """``nginx`` as containerd names it: ``docker.io/library/nginx:latest`` (distribution/reference: familiar names)."""
    first, slash, rest = image.partition("/")
    if not slash:
        full = f"docker.io/library/{image}"
    elif first == "localhost" or "." in first or ":" in first:
        full = f"docker.io/library/{rest}" if first == "docker.io" and "/" not in rest else image
    else:
        full = f"docker.io/{image}"
    return full if "@" in full or ":" in full.rpartition("/")[2] else f"{full}:latest"


def image_id(full: str) -> str:
    """The name with its digest; podwire holds no layers, and takes the digest of the name."""
    name, at, digest = full.partition("@")
    if at:
        return f"{name}@{digest}"
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}@sha256:{hashlib.sha256(full.encode()).hexdigest()}"


def pod_status(
    document: Mapping[str, Any],
    now: str,
    addresses: tuple[str, str],
    containers: Sequence[ContainerState],
    inits: Sequence[ContainerState] = (),
) -> dict[str, Any]:
    """A copy of the Pod with a new status. ``addresses``: of the pod and of its node."""
    new: dict[str, Any] = copy.deepcopy(dict(document))
    status = new["status"]
    address, host = addresses
    restart = new["spec"].get("restartPolicy", "Always")
    phase = phase_of(restart, containers, inits)
    status.update(phase=phase, hostIP=host, podIP=address)
    status.setdefault("startTime", now)
    status.update(hostIPs=[{"ip": host}], podIPs=[{"ip": address}])
    for condition in _conditions(phase, containers, inits):
        set_condition(new, condition, now)
    status["conditions"].sort(key=lambda each: _ORDER.index(each["type"]) if each["type"] in _ORDER else len(_ORDER))
    status["containerStatuses"] = [each.document() for each in sorted(containers, key=lambda each: each.name)]
    if inits:
        status["initContainerStatuses"] = [each.document() for each in inits]
    return new


def phase_of(restart: str, containers: Sequence[ContainerState], inits: Sequence[ContainerState]) -> str:
    """``getPhase``: Pending, Running, Succeeded, Failed."""
    failed = [each for each in inits if each.state.get("terminated", {}).get("exitCode", 0)]
    if failed and restart == "Never":
        return "Failed"
    if not all(initialised(each) for each in inits):
        return "Pending"
    if any("running" in each.state for each in containers):
        return "Running"
    ended = [each.state["terminated"] for each in containers if "terminated" in each.state]
    if len(ended) == len(containers):
        if restart == "Always":
            return "Running"
        good = all(each["exitCode"] == 0 for each in ended)
        return "Succeeded" if good else ("Failed" if restart == "Never" else "Running")
    return "Running" if any(each.last or "terminated" in each.state for each in containers) else "Pending"


def initialised(init: ContainerState) -> bool:
    """An init container that has done its work."""
    return bool(init.state.get("terminated", {}).get("exitCode") == 0)


def _conditions(
    phase: str, containers: Sequence[ContainerState], inits: Sequence[ContainerState]
) -> list[dict[str, str]]:
    """The kubelet's four; the scheduler's is there already."""
    over = phase in {"Succeeded", "Failed"}
    found = [{"type": "PodReadyToStartContainers", "status": "False" if over else "True"}]
    incomplete = [each.name for each in inits if not initialised(each)]
    found.append(_condition("Initialized", "ContainersNotInitialized", "incomplete status", incomplete))
    unready = [each.name for each in containers if not each.ready]
    for name in ("Ready", "ContainersReady"):
        found.append(_condition(name, "ContainersNotReady", "unready status", unready))
        if phase == "Succeeded":
            found[-1] = {"type": name, "status": "False", "reason": "PodCompleted"}
        elif phase == "Failed":
            found[-1] = {"type": name, "status": "False", "reason": "PodFailed"}
    if phase == "Succeeded":
        found[1] = {"type": "Initialized", "status": "True", "reason": "PodCompleted"}
    found.append({"type": "PodScheduled", "status": "True"})
    return found


def _condition(name: str, reason: str, what: str, lacking: list[str]) -> dict[str, str]:
    if not lacking:
        return {"type": name, "status": "True"}
    return {
        "type": name,
        "status": "False",
        "reason": reason,
        "message": f"containers with {what}: [{' '.join(lacking)}]",
    }


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    """``state.waiting``."""
    return {"waiting": {"reason": reason, **({"message": message} if message else {})}}
