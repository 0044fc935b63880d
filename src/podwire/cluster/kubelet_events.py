"""What a kubelet tells of its pods and its node, in its own words (pkg/kubelet/events, kuberuntime)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podwire.kube.events import Recorder, Type
from podwire.kube.store import Stored


class KubeletEvents:
    """The events of all kubelets of a cluster."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def pod(self, pod: Stored, type_: Type, reason: str, message: str, container: str = "") -> None:
        """An event of the kubelet of a pod's node; ``container`` names the one that is meant."""
        node = str(pod.document["spec"].get("nodeName", ""))
        path = f"spec.containers{{{container}}}" if container else ""
        self._recorder.event(pod, type_, reason, message, component="kubelet", host=node, field_path=path)

    def started(self, pod: Stored) -> None:
        """Every container has its image and runs."""
        for container in pod.document["spec"]["containers"]:
            self.container_started(pod, container)

    def container_started(self, pod: Stored, container: Mapping[str, Any]) -> None:
        """A container starts, or starts again. A pull takes no virtual time, and podwire knows no size of an image."""
        name, image = str(container["name"]), str(container["image"])
        if container.get("imagePullPolicy") == "Always":
            self.pod(pod, "Normal", "Pulling", f'Pulling image "{image}"', name)
            message = f'Successfully pulled image "{image}" in 0s (0s including waiting)'
        else:
            message = f'Container image "{image}" already present on machine'
        self.pod(pod, "Normal", "Pulled", message, name)
        self.pod(pod, "Normal", "Created", f"Created container {name}", name)
        self.pod(pod, "Normal", "Started", f"Started container {name}", name)

    def killing(self, pod: Stored) -> None:
        """The pod is ended: its containers stop."""
        for container in pod.document["spec"]["containers"]:
            self.pod(pod, "Normal", "Killing", f"Stopping container {container['name']}", str(container["name"]))

    def killing_because(self, pod: Stored, container: str, why: str) -> None:
        """One container is to start again: ``why`` as ``failed liveness probe``."""
        self.pod(pod, "Normal", "Killing", f"Container {container} {why}, will be restarted", container)

    def back_off(self, pod: Stored, container: str) -> None:
        """A container that ended again and again waits before it is started anew."""
        message = f"Back-off restarting failed container {container} in pod {pod.name}_{pod.namespace}({pod.uid})"
        self.pod(pod, "Warning", "BackOff", message, container)

    def unhealthy(self, pod: Stored, container: str, kind: str, output: str) -> None:
        """A probe failed: ``kind`` is Liveness, Readiness or Startup."""
        self.pod(pod, "Warning", "Unhealthy", f"{kind} probe failed: {output}", container)

    def sandbox_failed(self, pod: Stored, why: str) -> None:
        """``why`` is the runtime's error behind ``rpc error: code = Unknown desc =``."""
        message = f"Failed to create pod sandbox: rpc error: code = Unknown desc = {why}"
        self.pod(pod, "Warning", "FailedCreatePodSandBox", message)

    def sandbox_changed(self, pod: Stored) -> None:
        """The sandbox is gone, or another than before."""
        self.pod(pod, "Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")

    def network_not_ready(self, pod: Stored) -> None:
        """No CNI configuration lies on the node."""
        message = (
            "network is not ready: container runtime network not ready: NetworkReady=false"
            " reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized"
        )
        self.pod(pod, "Warning", "NetworkNotReady", message)

    def node_joined(self, node: Stored, *, proxy: bool) -> None:
        """A kubelet starts on a new node, the node controller sees the node, and kube-proxy starts there if there is one."""
        self._node(node, "Starting", "Starting kubelet.")
        for reason in ("NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID"):
            self.node_status(node, reason)
        self._node(node, "NodeAllocatableEnforced", "Updated Node Allocatable limit across pods")
        self._recorder.event(
            node,
            "Normal",
            "RegisteredNode",
            f"Node {node.name} event: Registered Node {node.name} in Controller",
            component="node-controller",
        )
        self.node_status(node, "NodeReady")
        if proxy:
            self._recorder.series(
                node,
                "Normal",
                "Starting",
                "",
                component="kube-proxy",
                instance=f"kube-proxy-{node.name}",
                action="StartKubeProxy",
            )

    def node_status(self, node: Stored, reason: str) -> None:
        """A condition of the node changed: ``NodeReady``, ``NodeNotReady``."""
        self._node(node, reason, f"Node {node.name} status is now: {reason}")

    def _node(self, node: Stored, reason: str, message: str) -> None:
        self._recorder.event(node, "Normal", reason, message, component="kubelet", host=node.name)
