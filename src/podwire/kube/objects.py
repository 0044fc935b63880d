"""The kinds: which podwire decodes, which it knows by name only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from podwire.errors import NotModelled
from podwire.kube.decode import decode
from podwire.kube.fields import Field
from podwire.kube.ippool import VERSIONS, IPPoolObject, decode_ippool
from podwire.kube.meta import DnsLabel, DnsSubdomain, Reference
from podwire.kube.pod import ContainerPort, PodObject, decode_pod

__all__ = [
    "KINDS",
    "ApiObject",
    "ContainerPort",
    "IPPoolObject",
    "KubeObject",
    "PodObject",
    "Reference",
    "decode_object",
    "decode_reference",
]


class ApiObject(msgspec.Struct, frozen=True, eq=False):
    """An object of a kind that the API server's store keeps, decoded; the store validates it (``kube.store``).

    ``shown`` is how kubectl's lines name it, where it is kept under other names than it was written with.
    """

    version: str
    kind: str
    namespace: str
    name: str
    at: Field
    shown: str = ""

    @property
    def key(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"

    def check(self, nodes: Iterable[str]) -> None:
        """Where it names a node that must be there, see ``cluster.api``."""


KubeObject = PodObject | IPPoolObject | ApiObject
"""Whatever a manifest may hold; a union as kinds join."""

KINDS: Final[Mapping[tuple[str, str], Callable[[Field], KubeObject]]] = MappingProxyType(
    {("v1", "Pod"): decode_pod, **dict.fromkeys(((version, "IPPool") for version in VERSIONS), decode_ippool)}
)
"""apiVersion and kind, and what decodes them. A new kind is a row here."""

_KNOWN: Final = MappingProxyType(
    {
        "": "ConfigMap Endpoints Event LimitRange Namespace Node PersistentVolume PersistentVolumeClaim PodTemplate "
        "ReplicationController ResourceQuota Secret Service ServiceAccount",
        "apiextensions.k8s.io": "CustomResourceDefinition",
        "apiregistration.k8s.io": "APIService",
        "apps": "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet",
        "autoscaling": "HorizontalPodAutoscaler",
        "batch": "CronJob Job",
        "cilium.io": "CiliumBGPAdvertisement CiliumBGPClusterConfig CiliumBGPNodeConfig CiliumBGPNodeConfigOverride "
        "CiliumBGPPeerConfig CiliumBGPPeeringPolicy CiliumCIDRGroup CiliumClusterwideEnvoyConfig "
        "CiliumClusterwideNetworkPolicy CiliumEgressGatewayPolicy CiliumEndpoint CiliumEndpointSlice CiliumEnvoyConfig "
        "CiliumIdentity CiliumL2AnnouncementPolicy CiliumLoadBalancerIPPool CiliumLocalRedirectPolicy "
        "CiliumNetworkPolicy CiliumNode CiliumNodeConfig CiliumPodIPPool",
        "coordination.k8s.io": "Lease",
        "crd.projectcalico.org": "BGPConfiguration BGPFilter BGPPeer BlockAffinity CalicoNodeStatus ClusterInformation "
        "FelixConfiguration GlobalNetworkPolicy GlobalNetworkSet HostEndpoint IPAMBlock IPAMConfig IPAMHandle IPPool "
        "IPReservation KubeControllersConfiguration NetworkPolicy NetworkSet",
        "discovery.k8s.io": "EndpointSlice",
        "gateway.networking.k8s.io": "GRPCRoute Gateway GatewayClass HTTPRoute ReferenceGrant TCPRoute TLSRoute UDPRoute",
        "networking.k8s.io": "IPAddress Ingress IngressClass NetworkPolicy ServiceCIDR",
        "operator.tigera.io": "APIServer Goldmane Installation Whisker",
        "policy": "PodDisruptionBudget",
        "policy.networking.k8s.io": "AdminNetworkPolicy BaselineAdminNetworkPolicy",
        "projectcalico.org": "BGPConfiguration BGPFilter BGPPeer CalicoNodeStatus ClusterInformation FelixConfiguration "
        "GlobalNetworkPolicy GlobalNetworkSet HostEndpoint IPAMConfiguration IPPool IPReservation "
        "KubeControllersConfiguration NetworkPolicy NetworkSet Node Profile StagedNetworkPolicy Tier WorkloadEndpoint",
        "rbac.authorization.k8s.io": "ClusterRole ClusterRoleBinding Role RoleBinding",
        "scheduling.k8s.io": "PriorityClass",
        "storage.k8s.io": "CSIDriver CSINode StorageClass VolumeAttachment",
    }
)
"""Kinds that exist, by API group."""


class _Names(msgspec.Struct, frozen=True):
    name: DnsSubdomain
    namespace: DnsLabel = "default"


def decode_object(field: Field) -> KubeObject:
    """One object. Raises ``ManifestError`` for what the API server would refuse, ``NotModelled`` for a kind that podwire lacks."""
    kind = _kind_of(field)
    if kind in KINDS:
        return KINDS[kind](field)
    from podwire.kube.reading import decode_stored

    return decode_stored(field)


def decode_reference(field: Field) -> Reference:
    """Kind, namespace and name, which is all that deleting needs."""
    from podwire.kube.calico.kinds import stored_field, stored_kind, stored_name

    version, kind = _kind_of(field)
    metadata = field.get("metadata")
    if metadata is None:
        raise field.missing("metadata", "a mapping")
    wanted: dict[str, Any] = {name: at for name, at in metadata.members().items() if name in {"name", "namespace"}}
    names = decode(msgspec.structs.replace(metadata, value=wanted), _Names)
    if (calico := stored_kind(version, kind)) is not None:
        shown = f'{kind.lower()}.{version.rpartition("/")[0]} "{names.name}"'
        field = stored_field(field)
        return Reference(calico.name, names.namespace, stored_name(kind, names.name), field, shown)
    return Reference(kind, names.namespace, names.name, field)


def _kind_of(field: Field) -> tuple[str, str]:
    """ApiVersion and kind of an object that podwire has."""
    members = field.members()
    for name, example in (("apiVersion", "v1"), ("kind", "Pod")):
        if name not in members:
            raise field.missing(name, f"text such as {example}")
    version, kind = members["apiVersion"].text(), members["kind"].text()
    if (version, kind) not in KINDS and not _stored(version, kind):
        group = version.rpartition("/")[0]
        if kind in _KNOWN.get(group, "").split():
            raise NotModelled(f"kind {kind} of {version}", members["kind"].where)
        raise members["kind"].error(f'a kind that exists (no matches for kind "{kind}" in version "{version}")')
    return version, kind


def _stored(version: str, kind: str) -> bool:
    from podwire.kube.calico.kinds import stored_kind
    from podwire.kube.kinds import KINDS as STORED

    return (version, kind) in STORED or stored_kind(version, kind) is not None
