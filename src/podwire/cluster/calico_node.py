"""calico-node's DaemonSet on GKE (seed 000; reference sheet Calico, section 7): what its environment says is what Calico does there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from podwire.platform.gke import GKE

CALICO_NODE: Final = "calico-node"
_MTU: Final = 1460
_TEMPLATE: Final = {
    "name": "gke-pod-network",
    "cniVersion": "0.3.1",
    "plugins": [
        {
            "type": "calico",
            "mtu": _MTU,
            "log_level": "info",
            "log_file_path": "/var/log/calico/cni/cni.log",
            "datastore_type": "kubernetes",
            "nodename": "__KUBERNETES_NODE_NAME__",
            "nodename_file_optional": True,
            "ipam": {"type": "host-local", "subnet": "usePodCidr"},
            "policy": {"type": "k8s"},
            "kubernetes": {"kubeconfig": "__KUBECONFIG_FILEPATH__"},
        },
        {"type": "portmap", "capabilities": {"portMappings": True}, "snat": True},
        {"type": "bandwidth", "capabilities": {"bandwidth": True}},
    ],
}
_ENVIRONMENT: Final = """\
CALICO_CNI_SERVICE_ACCOUNT calico-cni-sa
CALICO_MANAGE_CNI true
CALICO_DISABLE_FILE_LOGGING true
CALICO_NETWORKING_BACKEND none
DATASTORE_TYPE kubernetes
FELIX_DEFAULTENDPOINTTOHOSTACTION ACCEPT
FELIX_HEALTHENABLED true
FELIX_IGNORELOOSERPF false
FELIX_IPTABLESMANGLEALLOWACTION RETURN
FELIX_IPV6SUPPORT false
FELIX_LOGFILEPATH none
FELIX_LOGSEVERITYSYS none
FELIX_LOGSEVERITYSCREEN info
FELIX_PROMETHEUSMETRICSENABLED true
FELIX_REPORTINGINTERVALSECS 0
FELIX_TYPHAK8SSERVICENAME calico-typha
FELIX_ROUTETABLERANGE 10-250
USE_POD_CIDR true
IP autodetect
IP_AUTODETECTION_METHOD kubernetes-internal-ip
NO_DEFAULT_POOLS true
NODENAME
WAIT_FOR_DATASTORE true"""


def calico_node_daemon_set(cni: GKE) -> dict[str, Any]:
    """As GKE writes it, as far as the note shows it: the template of the CNI configuration, and calico-node's environment."""
    labels = {"k8s-app": CALICO_NODE}
    tag = cni.calico_version
    install = {
        "name": "install-cni-template",
        "image": f"gke.gcr.io/calico/cni:{tag}",
        "env": [
            {"name": "ENABLE_CALICO_NETWORK_POLICY", "value": "true"},
            {"name": "CNI_SPEC_NAME", "value": "10-calico.conflist.template"},
            {"name": "CNI_SPEC_TEMPLATE", "value": json.dumps(_TEMPLATE, indent=2)},
        ],
    }
    node = {
        "name": CALICO_NODE,
        "image": f"gke.gcr.io/calico/node:{tag}",
        "env": [_variable(*line.split()) for line in _ENVIRONMENT.splitlines()],
        "securityContext": {"privileged": True},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": CALICO_NODE, "namespace": "kube-system", "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "initContainers": [install],
                    "containers": [node],
                    "hostNetwork": True,
                    "nodeSelector": {"kubernetes.io/os": "linux"},
                    "priorityClassName": "system-node-critical",
                    "tolerations": [{"operator": "Exists"}],
                },
            },
        },
    }


def _variable(name: str, value: str = "") -> dict[str, Any]:
    """``NODENAME`` is a field of the pod."""
    if value:
        return {"name": name, "value": value}
    return {"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "spec.nodeName"}}}
