"""The Node object of a machine: what its kubelet says of itself."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from podwire.platform.gke import GKE

if TYPE_CHECKING:
    from podwire.cluster.handles import Node

CONTROL_PLANE: Final = "node-role.kubernetes.io/control-plane"
_VERSION: Final = "v1.30.5"
_RUNTIME: Final = "containerd://1.7.22"
_FINE: Final = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)
_NETWORK: Final = {
    "calico": ("CalicoIsUp", "Calico is running on this node"),
    "cilium": ("CiliumIsUp", "Cilium is running on this node"),
}
"""Who sets the condition NetworkUnavailable; on GKE the cloud's route controller does."""
_SIZE: Final = {
    "cpu": "2",
    "ephemeral-storage": "98831908Ki",
    "hugepages-1Gi": "0",
    "hugepages-2Mi": "0",
    "memory": "4018128Ki",
    "pods": "110",
}
"""Podwire does not model hardware: every node is taken for a machine of 2 CPUs and 4 GB."""
_KEPT: Final = {"cpu": "940m", "ephemeral-storage": "47060071478", "memory": "2872272Ki"}
"""What GKE leaves to pods of such a machine."""


def node_document(node: Node, labels: dict[str, str], now: str, backend: str, cni: Any) -> dict[str, Any]:
    """The Node, with its status. ``backend`` is the name of the CNI, ``cni`` the cluster's settings."""
    spec = node.spec
    document: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name, "labels": labels, "annotations": dict(spec.annotations)},
        "spec": {},
        "status": {
            "addresses": _addresses(node),
            "allocatable": _allocatable(cni),
            "capacity": dict(_SIZE),
            "conditions": _conditions(now, _network(backend, cni)),
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": _info(node, cni),
        },
    }
    if spec.pod_cidr is not None:
        document["spec"] = {"podCIDR": str(spec.pod_cidr), "podCIDRs": [str(spec.pod_cidr)]}
    if isinstance(cni, GKE):
        document["spec"]["providerID"] = f"gce://{cni.project}/{cni.zone}/{node.name}"
    if CONTROL_PLANE in labels:
        document["spec"]["taints"] = [{"effect": "NoSchedule", "key": CONTROL_PLANE}]
    return document


def _addresses(node: Node) -> list[dict[str, str]]:
    found = [{"type": "InternalIP", "address": str(node.spec.internal_ip)}]
    if node.external_ip:
        found.append({"type": "ExternalIP", "address": node.external_ip})
    return [*found, {"type": "Hostname", "address": node.name}]


def _allocatable(cni: Any) -> dict[str, str]:
    """What is left beside the system: as GKE reserves it, else by the kubelet's own threshold of 100 MiB."""
    if isinstance(cni, GKE):
        return {**_SIZE, **_KEPT}
    memory, disk = (int(_SIZE[name].removesuffix("Ki")) for name in ("memory", "ephemeral-storage"))
    return {**_SIZE, "memory": f"{memory - 100 * 1024}Ki", "ephemeral-storage": str(disk * 1024 * 9 // 10)}


def _network(backend: str, cni: Any) -> tuple[str, str] | None:
    if isinstance(cni, GKE):
        return "RouteCreated", "NodeController create implicit route"
    return _NETWORK.get(backend)


def _conditions(now: str, network: tuple[str, str] | None) -> list[dict[str, str]]:
    rows = [("NetworkUnavailable", "False", *network), *_FINE] if network is not None else list(_FINE)
    return [
        {
            "type": kind,
            "status": status,
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
            "reason": reason,
            "message": message,
        }
        for kind, status, reason, message in rows
    ]


def _info(node: Node, cni: Any) -> dict[str, str]:
    machine = node.spec.machine
    stream = machine.random("node-info", node.name)
    machine_id = f"{stream.getrandbits(128):032x}"
    version = f"v{cni.cluster_version}" if isinstance(cni, GKE) else _VERSION
    image = machine.root.image
    return {
        "architecture": "amd64",
        "bootID": str(uuid.UUID(int=stream.getrandbits(128), version=4)),
        "containerRuntimeVersion": _RUNTIME,
        "kernelVersion": image.kernel,
        "kubeProxyVersion": version,
        "kubeletVersion": version,
        "machineID": machine_id,
        "operatingSystem": "linux",
        "osImage": image.os,
        "systemUUID": str(uuid.UUID(hex=machine_id)),
    }
