"""Service: an address of the cluster that stands for the endpoints behind it (API reference, ServiceSpec v1).

Field names are those of the API in snake case: ``service.spec.ports[0].target_port``. What the store hands out was defaulted and
validated: ``cluster_ip`` is an address or ``None`` in letters (headless) or empty (ExternalName), ``target_port`` is set, ``node_port``
is 0 where the Service has none.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from podwire.kube.meta import Metadata

HEADLESS: Final = "None"


class ServicePort(msgspec.Struct, frozen=True, rename="camel"):
    """One port: ``port`` at the Service's address leads to ``target_port`` of an endpoint.

    ``target_port`` is a number or the name of a container's port; EndpointSlices hold what it came to. ``name`` is empty
    for the only port of a Service. ``node_port`` is 0 without one.
    """

    port: int
    name: str = ""
    protocol: str = "TCP"
    target_port: int | str = 0
    node_port: int = 0
    app_protocol: str | None = None


class ClientIPConfig(msgspec.Struct, frozen=True, rename="camel"):
    """``timeout_seconds``: for how long a client stays with its endpoint; 10800 where nothing else is said."""

    timeout_seconds: int | None = None


class SessionAffinityConfig(msgspec.Struct, frozen=True, rename="camel"):
    """Only ``clientIP`` exists."""

    client_ip: ClientIPConfig | None = msgspec.field(name="clientIP", default=None)


class ServiceSpec(msgspec.Struct, frozen=True, rename="camel"):
    """What is asked of a Service.

    ``type`` is ClusterIP, NodePort, LoadBalancer or ExternalName; ``external_traffic_policy`` is empty where the Service is
    not reachable from outside, else Cluster or Local, as ``internal_traffic_policy``; ``session_affinity`` None (in letters) or ClientIP.
    ``cluster_ips[0]`` equals ``cluster_ip``.
    """

    type: str = "ClusterIP"
    ports: tuple[ServicePort, ...] = ()
    selector: dict[str, str] = {}
    cluster_ip: str = msgspec.field(name="clusterIP", default="")
    cluster_ips: tuple[str, ...] = msgspec.field(name="clusterIPs", default=())
    ip_families: tuple[str, ...] = ()
    ip_family_policy: str = ""
    external_ips: tuple[str, ...] = msgspec.field(name="externalIPs", default=())
    external_name: str = ""
    external_traffic_policy: str = ""
    internal_traffic_policy: str = ""
    health_check_node_port: int = 0
    load_balancer_ip: str = msgspec.field(name="loadBalancerIP", default="")
    load_balancer_class: str | None = None
    load_balancer_source_ranges: tuple[str, ...] = ()
    allocate_load_balancer_node_ports: bool | None = None
    publish_not_ready_addresses: bool = False
    session_affinity: str = "None"
    session_affinity_config: SessionAffinityConfig | None = None
    traffic_distribution: str | None = None


class LoadBalancerIngress(msgspec.Struct, frozen=True, rename="camel"):
    """An address at which a load balancer takes packets; ``ip_mode`` is VIP, or Proxy where it ends connections itself."""

    ip: str = ""
    hostname: str = ""
    ip_mode: str | None = None
    ports: Any = None


class LoadBalancerStatus(msgspec.Struct, frozen=True):
    """What a load balancer's controller wrote."""

    ingress: tuple[LoadBalancerIngress, ...] = ()


class ServiceStatus(msgspec.Struct, frozen=True, rename="camel"):
    """``load_balancer.ingress`` is empty until a cloud has made one."""

    load_balancer: LoadBalancerStatus = LoadBalancerStatus()
    conditions: Any = None


class Service(msgspec.Struct, frozen=True, rename="camel"):
    """A Service as the store has it. Its label ``service.kubernetes.io/service-proxy-name`` takes it from kube-proxy."""

    api_version: Literal["v1"]
    kind: Literal["Service"]
    metadata: Metadata
    spec: ServiceSpec = ServiceSpec()
    status: ServiceStatus = ServiceStatus()

    @property
    def headless(self) -> bool:
        """``clusterIP: None``: names alone lead to its endpoints, no rule does."""
        return self.spec.cluster_ip == HEADLESS

    @property
    def affinity_seconds(self) -> int:
        """For how long a client stays with its endpoint; 0 without session affinity."""
        if self.spec.session_affinity != "ClientIP":
            return 0
        config = self.spec.session_affinity_config
        given = config.client_ip.timeout_seconds if config is not None and config.client_ip is not None else None
        return given if given is not None else 10800
