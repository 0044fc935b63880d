"""What a cluster has before anybody applies anything: the Service of its API server, accounts, kube-proxy's DaemonSet."""

from __future__ import annotations

import base64
import textwrap
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from podwire.cluster.calico_node import CALICO_NODE, calico_node_daemon_set
from podwire.cluster.node_objects import CONTROL_PLANE
from podwire.kube.endpoints import SERVICE_NAME
from podwire.platform.gke import GKE
from podwire.wire.addr import Ip4, inet_aton

if TYPE_CHECKING:
    from podwire.cluster import Cluster
    from podwire.kube.store import Store, Stored
    from podwire.wire.addr import Net

KUBERNETES: Final = "kubernetes"
KUBE_PROXY: Final = "kube-proxy"
SYSTEM: Final = "kube-system"
_PORT: Final = 6443
_CORDONED: Final = "node.kubernetes.io/unschedulable"
_ROOT_CA: Final = "kube-root-ca.crt"
_CA_NOTE: Final = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal"
    " service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters."
)
_GATES: Final = (
    "InTreePluginAWSUnregister=true,InTreePluginAzureDiskUnregister=true,InTreePluginvSphereUnregister=true,"
    "DisableKubeletCloudCredentialProviders=true,UnauthenticatedHTTP2DOSMitigation=true,KMSv1=true"
)
"""Feature gates of GKE's kube-proxy (seed 002)."""


class SystemObjects:
    """Keeps them in a store; what somebody deletes comes back at the next look, as from the controllers of a cluster."""

    def __init__(self, cluster: Cluster, store: Store, services: Net) -> None:
        self._cluster = cluster
        self._store = store
        self._address = str(Ip4(int(services.addr) + 1))

    def run(self) -> None:
        """Bring all in line."""
        for space in self._store.all("Namespace"):
            if not space.terminating:
                self._accounts(space.name)
        for node in self._store.all("Node"):
            self._cordon(node)
        self._service()
        self._endpoints()

    def _cordon(self, node: Stored) -> None:
        """A node that takes no pods bears a taint that says so (pkg/controller/nodelifecycle)."""
        taints = node.document["spec"].get("taints") or []
        there = any(each["key"] == _CORDONED for each in taints)
        if there == bool(node.document["spec"].get("unschedulable")):
            return
        rest = [each for each in taints if each["key"] != _CORDONED]
        if not there:
            rest.append({"effect": "NoSchedule", "key": _CORDONED, "timeAdded": self._store.timestamp()})
        spec = {name: value for name, value in node.document["spec"].items() if name != "taints"}
        self._store.update({**node.document, "spec": {**spec, **({"taints": rest} if rest else {})}})

    # -- accounts --------------------------------------------------------------------------------------------------

    def _accounts(self, space: str) -> None:
        """The service account and the root certificate that every namespace has."""
        if self._store.get("ServiceAccount", "default", space) is None:
            self._store.create(_object("v1", "ServiceAccount", "default", space))
        if self._store.get("ConfigMap", _ROOT_CA, space) is None:
            config = _object("v1", "ConfigMap", _ROOT_CA, space)
            config["metadata"]["annotations"] = {"kubernetes.io/description": _CA_NOTE}
            config["data"] = {"ca.crt": self._certificate()}
            self._store.create(config)

    def _certificate(self) -> str:
        """Of the form of a certificate. Podwire has no TLS: there is no key behind it."""
        stream = self._cluster.network.random("root-ca", "text")
        state = stream.getstate()
        text = base64.b64encode(stream.randbytes(790)).decode()
        stream.setstate(state)  # the same in every namespace
        return "\n".join(["-----BEGIN CERTIFICATE-----", *textwrap.wrap(text, 64), "-----END CERTIFICATE-----", ""])

    # -- default/kubernetes ----------------------------------------------------------------------------------------

    def _service(self) -> None:
        if self._store.get("Service", KUBERNETES, "default") is not None:
            return
        service = _object("v1", "Service", KUBERNETES, "default")
        service["metadata"]["labels"] = {"component": "apiserver", "provider": "kubernetes"}
        service["spec"] = {
            "clusterIP": self._address,
            "type": "ClusterIP",
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": self._target()[1]}],
        }
        self._store.create(service)

    def _target(self) -> tuple[tuple[str, ...], int]:
        """Addresses and port of the API servers: the control plane's URL, else the nodes with its role; there may be none."""
        url = urlsplit(self._cluster.control_plane)
        host = inet_aton(url.hostname or "")
        if host is not None and not host.is_loopback:
            return (str(host),), url.port or 443
        nodes = [node for node in self._cluster.nodes if CONTROL_PLANE in node.labels]
        return tuple(sorted(str(node.spec.internal_ip) for node in nodes)), _PORT

    def _endpoints(self) -> None:
        """What the API servers write of themselves (pkg/controlplane/reconcilers)."""
        addresses, port = self._target()
        slice_ = _object("discovery.k8s.io/v1", "EndpointSlice", KUBERNETES, "default")
        slice_["metadata"]["labels"] = {SERVICE_NAME: KUBERNETES}
        slice_["addressType"] = "IPv4"
        slice_["endpoints"] = [{"addresses": [each], "conditions": {"ready": True}} for each in addresses]
        slice_["ports"] = [{"name": "https", "port": port, "protocol": "TCP"}]
        endpoints = _object("v1", "Endpoints", KUBERNETES, "default")
        endpoints["metadata"]["labels"] = {"endpointslice.kubernetes.io/skip-mirror": "true"}
        if addresses:
            endpoints["subsets"] = [
                {
                    "addresses": [{"ip": each} for each in addresses],
                    "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
                }
            ]
        for each in (slice_, endpoints):
            old = self._store.get(each["kind"], KUBERNETES, "default")
            if old is None:
                self._store.create(each)
            elif any(old.document.get(name) != each.get(name) for name in ("endpoints", "ports", "subsets")):
                each["metadata"] = dict(old.document["metadata"])
                self._store.update(each)

    # -- kube-proxy ------------------------------------------------------------------------------------------------

    def add_kube_proxy(self) -> None:
        """Its DaemonSet, once: who deletes it has done so."""
        self._store.create(_object("v1", "ServiceAccount", KUBE_PROXY, SYSTEM))
        self._store.create(kube_proxy_daemon_set(self._cluster.cni))

    def add_calico_node(self) -> None:
        """Calico's on GKE."""
        cni = self._cluster.cni
        if isinstance(cni, GKE) and cni.dataplane == "calico":
            self._store.create(calico_node_daemon_set(cni))


def is_agent(pod: Stored) -> bool:
    """The pod is kube-proxy's or calico-node's: podwire runs those programs as agents of the node, without a container."""
    name = pod.labels.get("k8s-app")
    if pod.namespace != SYSTEM or name not in {KUBE_PROXY, CALICO_NODE}:
        return False
    owners = pod.document["metadata"].get("ownerReferences") or ()
    return any(each["kind"] == "DaemonSet" and each["name"] == name for each in owners)


def kube_proxy_daemon_set(cni: Any) -> dict[str, Any]:
    """As GKE writes it (seed 002), else as kubeadm does, with the flags on the command line."""
    from podwire.cluster.proxying import kube_proxy_config

    config = kube_proxy_config(cni)
    labels = {"k8s-app": KUBE_PROXY}
    container: dict[str, Any] = {
        "name": KUBE_PROXY,
        "securityContext": {"privileged": True},
        "volumeMounts": [
            {"mountPath": "/run/xtables.lock", "name": "xtables-lock"},
            {"mountPath": "/lib/modules", "name": "lib-modules", "readOnly": True},
        ],
    }
    volumes: list[dict[str, Any]] = [
        {"hostPath": {"path": "/run/xtables.lock", "type": "FileOrCreate"}, "name": "xtables-lock"},
        {"hostPath": {"path": "/lib/modules", "type": ""}, "name": "lib-modules"},
    ]
    cidr = [f"--cluster-cidr={config.cluster_cidr}"] if config.cluster_cidr else []
    if isinstance(cni, GKE):
        sync, least = _short(config.iptables_sync_period), _short(config.iptables_min_sync_period)
        words = [
            *cidr,
            "--oom-score-adj=-998 --v=2",
            f"--feature-gates={_GATES}",
            f"--iptables-sync-period={sync} --iptables-min-sync-period={least}",
            f"--ipvs-sync-period={sync} --ipvs-min-sync-period={least}",
            f"--detect-local-mode={config.detect_local_mode}",
            "1>>/var/log/kube-proxy.log 2>&1",
        ]
        container["image"] = f"gke.gcr.io/kube-proxy-amd64:v{cni.cluster_version}"
        container["command"] = ["/bin/sh", "-c", " ".join([KUBE_PROXY, *words])]
        container["volumeMounts"].append({"mountPath": "/var/log", "name": "varlog"})
        volumes.append({"hostPath": {"path": "/var/log", "type": ""}, "name": "varlog"})
    else:
        container["image"] = "registry.k8s.io/kube-proxy:v1.30.5"
        container["command"] = [f"/usr/local/bin/{KUBE_PROXY}", *cidr, "--hostname-override=$(NODE_NAME)"]
        container["env"] = [
            {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "spec.nodeName"}}}
        ]
    return {
        **_object("apps/v1", "DaemonSet", KUBE_PROXY, SYSTEM),
        "metadata": {"name": KUBE_PROXY, "namespace": SYSTEM, "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "containers": [container],
                    "hostNetwork": True,
                    "nodeSelector": {"kubernetes.io/os": "linux"},
                    "priorityClassName": "system-node-critical",
                    "serviceAccountName": KUBE_PROXY,
                    "tolerations": [{"operator": "Exists"}],
                    "volumes": volumes,
                },
            },
        },
    }


def _short(ns: int) -> str:
    """``1m``, ``10s``: a period as the flags of GKE write it."""
    seconds = ns // 1_000_000_000
    return f"{seconds // 60}m" if seconds and not seconds % 60 else f"{seconds}s"


def _object(version: str, kind: str, name: str, namespace: str) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}}
