"""What calicoctl shows of Kubernetes' own objects: pods as WorkloadEndpoints, Nodes, namespaces and accounts as Profiles.

Source: libcalico-go, lib/backend/k8s/conversion and lib/backend/k8s/resources (release v3.28).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from podwire.cni.calico.datastore import IPIP_ADDRESS, IPV4_ADDRESS, VXLAN_ADDRESS, VXLAN_MAC
from podwire.cni.calico.plugin import interface_name
from podwire.wire.addr import Net

if TYPE_CHECKING:
    from collections.abc import Mapping

    from podwire.kube.store import Store, Stored
    from podwire.tools.calicoctl.context import Context

VERSION: Final = "projectcalico.org/v3"
_BGP: Final = (
    ("ipv4Address", IPV4_ADDRESS),
    ("ipv4IPIPTunnelAddr", IPIP_ADDRESS),
    ("routeReflectorClusterID", "projectcalico.org/RouteReflectorClusterID"),
)
_ASN: Final = "projectcalico.org/ASNumber"
_FINISHED: Final = frozenset({"Succeeded", "Failed"})
_TYPES: Final = ("InternalIP", "ExternalIP")


def document(kind: str, meta: Mapping[str, Any], spec: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A resource of the API v3, members without a value left out."""
    return {
        "apiVersion": VERSION,
        "kind": kind,
        "metadata": {name: each for name, each in meta.items() if each not in (None, "", {})},
        "spec": {name: each for name, each in spec.items() if each not in (None, "", [], {})},
        **more,
    }


def meta_of(stored: Stored, **others: Any) -> dict[str, Any]:
    """The metadata of a resource that is shown for an object of Kubernetes."""
    meta = stored.document["metadata"]
    kept = {name: meta.get(name) for name in ("creationTimestamp", "resourceVersion", "uid")}
    return {**kept, "name": stored.name, **others}


# ---------------------------------------------------------------------------------------------------------- endpoints


def endpoints(ctx: Context) -> Iterator[dict[str, Any]]:
    """Pods with an address of their own, by namespace and name."""
    for pod in ctx.store.select("Pod"):
        spec, status = pod.document["spec"], pod.document.get("status") or {}
        if spec.get("nodeName") and not spec.get("hostNetwork") and status.get("podIP"):
            yield _endpoint(ctx, pod, finished=status.get("phase") in _FINISHED)


def endpoint_name(node: str, pod: str) -> str:
    """The name of a pod's endpoint: its parts with a dash between them, and two for each of their own."""
    return "-".join(part.replace("-", "--") for part in (node, "k8s", pod, "eth0"))


def _endpoint(ctx: Context, pod: Stored, *, finished: bool) -> dict[str, Any]:
    spec, space = pod.document["spec"], pod.namespace
    account = spec.get("serviceAccountName", "")
    labels = {
        **pod.labels,
        "projectcalico.org/namespace": space,
        "projectcalico.org/orchestrator": "k8s",
        **({"projectcalico.org/serviceaccount": account} if account else {}),
    }
    return document(
        "WorkloadEndpoint",
        meta_of(
            pod,
            name=endpoint_name(spec["nodeName"], pod.name),
            namespace=space,
            labels=labels,
            generateName=pod.document["metadata"].get("generateName"),
        ),
        {
            "orchestrator": "k8s",
            "node": spec["nodeName"],
            "pod": pod.name,
            "endpoint": "eth0",
            "serviceAccountName": account,
            "ipNetworks": [] if finished else [f"{pod.document['status']['podIP']}/32"],
            "profiles": [f"kns.{space}", *([f"ksa.{space}.{account}"] if account else [])],
            "interfaceName": interface_name(space, pod.name, ctx.calico.config.interface_prefix),
            "ports": list(_ports(spec)),
        },
    )


def _ports(spec: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Ports with a name or one of the node's."""
    for container in spec.get("containers") or ():
        for port in container.get("ports") or ():
            if port.get("name") or port.get("hostPort"):
                yield {
                    "hostIP": port.get("hostIP", ""),
                    "hostPort": port.get("hostPort", 0),
                    "name": port.get("name", ""),
                    "port": port["containerPort"],
                    "protocol": port.get("protocol", "TCP"),
                }


# -------------------------------------------------------------------------------------------------------------- nodes


def nodes(ctx: Context) -> Iterator[dict[str, Any]]:
    """Nodes, with what calico-node has written into their annotations."""
    for node in ctx.store.select("Node"):
        yield _node(ctx, node)


def _node(ctx: Context, node: Stored) -> dict[str, Any]:
    notes = node.document["metadata"].get("annotations") or {}
    spec = node.document.get("spec") or {}
    bgp = {name: notes[key] for name, key in _BGP if key in notes}
    if ctx.calico.config.pod_cidr_is_block and spec.get("podCIDR"):
        first = Net.parse(spec["podCIDR"]).addr
        bgp["ipv4IPIPTunnelAddr"] = str(type(first)(int(first) + 1))
    if _ASN in notes:
        bgp["asNumber"] = int(notes[_ASN])
    status = {"podCIDRs": [spec["podCIDR"]]} if spec.get("podCIDR") else {}
    return document(
        "Node",
        meta_of(node, labels=node.labels),
        {
            "addresses": _addresses(node, notes),
            "bgp": bgp,
            "ipv4VXLANTunnelAddr": notes.get(VXLAN_ADDRESS),
            "orchRefs": [{"nodeName": node.name, "orchestrator": "k8s"}],
            "vxlanTunnelMACAddr": notes.get(VXLAN_MAC),
        },
        status=status,
    )


def _addresses(node: Stored, notes: Mapping[str, str]) -> list[dict[str, str]]:
    """``fillAllAddresses``: the address of BGP first, then those of the Node object."""
    found = [{"address": notes[IPV4_ADDRESS], "type": "CalicoNodeIP"}] if IPV4_ADDRESS in notes else []
    of_node = (node.document.get("status") or {}).get("addresses") or ()
    return [*found, *({"address": each["address"], "type": each["type"]} for each in of_node if each["type"] in _TYPES)]


# ----------------------------------------------------------------------------------------------------------- profiles


def profiles(store: Store) -> Iterator[dict[str, Any]]:
    """The profile that allows everything, then one for each namespace and each account."""
    allow = [{"action": "Allow", "destination": {}, "source": {}}]
    yield document("Profile", {"name": "projectcalico-default-allow"}, {"ingress": allow, "egress": allow})
    for space in store.select("Namespace"):
        labels = {f"pcns.{key}": each for key, each in space.labels.items()}
        spec: dict[str, Any] = {
            "ingress": allow,
            "egress": allow,
            "labelsToApply": {**labels, "pcns.projectcalico.org/name": space.name},
        }
        yield document("Profile", meta_of(space, name=f"kns.{space.name}", resourceVersion=f"{_version(space)}/"), spec)
    for account in store.select("ServiceAccount"):
        labels = {f"pcsa.{key}": each for key, each in account.labels.items()}
        spec = {"labelsToApply": {**labels, "pcsa.projectcalico.org/name": account.name}}
        name = f"ksa.{account.namespace}.{account.name}"
        yield document("Profile", meta_of(account, name=name, resourceVersion=f"/{_version(account)}"), spec)


def _version(stored: Stored) -> str:
    return str(stored.document["metadata"].get("resourceVersion", ""))
