"""EndpointSlice (discovery.k8s.io/v1) and Endpoints (v1): the addresses behind a Service.

kube-proxy reads EndpointSlices alone. The slices of a Service are in its namespace and carry the label ``kubernetes.io/service-name``;
those of a headless Service carry ``service.kubernetes.io/headless`` too.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from podwire.kube.meta import Metadata

SERVICE_NAME: Final = "kubernetes.io/service-name"
MANAGED_BY: Final = "endpointslice.kubernetes.io/managed-by"
HEADLESS_LABEL: Final = "service.kubernetes.io/headless"


class ObjectReference(msgspec.Struct, frozen=True, rename="camel"):
    """The object behind an address: a Pod."""

    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    api_version: str = ""
    resource_version: str = ""
    field_path: str = ""


class EndpointConditions(msgspec.Struct, frozen=True, rename="camel"):
    """None is "unknown", which readers take as ready, serving and not terminating (``Endpoint.ready`` and so on do)."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class ForZone(msgspec.Struct, frozen=True):
    """A zone whose clients are to use an endpoint."""

    name: str


class EndpointHints(msgspec.Struct, frozen=True, rename="camel"):
    """Zones, and since v1.33 nodes, for whose clients an endpoint is meant."""

    for_zones: tuple[ForZone, ...] = ()
    for_nodes: tuple[ForZone, ...] = ()


class Endpoint(msgspec.Struct, frozen=True, rename="camel"):
    """One endpoint. ``addresses`` holds one address; ``node_name`` says where it runs, None where nobody knows."""

    addresses: tuple[str, ...]
    conditions: EndpointConditions = EndpointConditions()
    hostname: str | None = None
    node_name: str | None = None
    target_ref: ObjectReference | None = None
    zone: str | None = None
    hints: EndpointHints | None = None
    deprecated_topology: dict[str, str] = {}

    @property
    def ready(self) -> bool:
        """It takes new connections; unknown counts as ready."""
        return self.conditions.ready is not False

    @property
    def serving(self) -> bool:
        """It answers, though it may be on its way out; unknown counts as serving (sheet kube-proxy, 1.4)."""
        return self.conditions.serving is not False

    @property
    def terminating(self) -> bool:
        """Its pod is being deleted."""
        return self.conditions.terminating is True


class EndpointPort(msgspec.Struct, frozen=True, rename="camel"):
    """A port of every endpoint of the slice: ``name`` is the Service port's, ``port`` the number that containers listen on."""

    name: str = ""
    protocol: str = "TCP"
    port: int | None = None
    app_protocol: str | None = None


class EndpointSlice(msgspec.Struct, frozen=True, rename="camel"):
    """At most 100 endpoints of one Service and one family (``address_type`` IPv4, IPv6, FQDN) that have the same ports."""

    api_version: Literal["discovery.k8s.io/v1"]
    kind: Literal["EndpointSlice"]
    metadata: Metadata
    address_type: str
    endpoints: tuple[Endpoint, ...] = ()
    ports: tuple[EndpointPort, ...] = ()

    @property
    def service(self) -> str:
        """``namespace/name`` of its Service; empty without the label."""
        name = self.metadata.labels.get(SERVICE_NAME, "")
        return f"{self.metadata.namespace}/{name}" if name else ""


class EndpointAddress(msgspec.Struct, frozen=True, rename="camel"):
    """An address of the older kind."""

    ip: str
    hostname: str = ""
    node_name: str | None = None
    target_ref: ObjectReference | None = None


class EndpointSubset(msgspec.Struct, frozen=True, rename="camel"):
    """Every address with every port; those of ``not_ready_addresses`` do not take connections."""

    addresses: tuple[EndpointAddress, ...] = ()
    not_ready_addresses: tuple[EndpointAddress, ...] = ()
    ports: tuple[EndpointPort, ...] = ()


class Endpoints(msgspec.Struct, frozen=True, rename="camel"):
    """What ``kubectl get endpoints`` shows; it bears its Service's name."""

    api_version: Literal["v1"]
    kind: Literal["Endpoints"]
    metadata: Metadata
    subsets: tuple[EndpointSubset, ...] = ()
    status: Any = None
