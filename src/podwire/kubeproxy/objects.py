"""Services and EndpointSlices as kube-proxy takes them in (kube-proxy sheet, 1.4).

``Objects.update`` hands the same values out as long as the objects are the same: so a change costs what it touches.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from podwire.kube.endpoints import HEADLESS_LABEL, EndpointSlice
from podwire.kube.service import HEADLESS, Service
from podwire.kubeproxy.names import ServicePortName, join_host_port
from podwire.kubeproxy.ports import Endpoint, Frontend, ServicePort
from podwire.wire.addr import Ip, Net

PROXY_NAME: Final = "service.kubernetes.io/service-proxy-name"
"""With this label an object is another program's."""
FOREIGN: Final = frozenset({PROXY_NAME, HEADLESS_LABEL})
"""kube-proxy lists no Service and no EndpointSlice that has one of these labels."""
TOPOLOGY_MODE: Final = "service.kubernetes.io/topology-mode"
_TOPOLOGY_HINTS: Final = "service.kubernetes.io/topology-aware-hints"
_FAMILIES: Final = {2: "IPv4", 10: "IPv6"}


def service_ports(service: Service, family: int) -> dict[ServicePortName, ServicePort]:
    """The entries of a Service; none for those that get no rules: headless, ExternalName, without an address of the family."""
    spec, meta = service.spec, service.metadata
    if not FOREIGN.isdisjoint(meta.labels) or spec.type == "ExternalName" or spec.cluster_ip in {"", HEADLESS}:
        return {}
    cluster_ip = next(iter(_of_family(spec.cluster_ips or (spec.cluster_ip,), family)), None)
    if cluster_ip is None:
        return {}
    outside = spec.type in {"NodePort", "LoadBalancer"} or bool(spec.external_ips)
    external_local = outside and spec.external_traffic_policy == "Local"
    found: dict[ServicePortName, ServicePort] = {}
    for index, each in enumerate(spec.ports):
        name = ServicePortName(meta.namespace, meta.name, each.name, each.protocol)
        found[name] = ServicePort(
            name=name,
            index=index,
            cluster_ip=cluster_ip,
            port=each.port,
            node_port=each.node_port,
            external_ips=_frontends(((ip, f"spec.externalIPs[{n}]") for n, ip in enumerate(spec.external_ips)), family),
            load_balancer_vips=_frontends(_ingress(service), family),
            source_ranges=_ranges(spec.load_balancer_source_ranges, family),
            affinity_seconds=service.affinity_seconds,
            external_local=external_local,
            internal_local=spec.internal_traffic_policy == "Local",
            health_check_node_port=spec.health_check_node_port if spec.type == "LoadBalancer" and external_local else 0,
            hints=_hints(service),
        )
    return found


def _hints(service: Service) -> bool:
    """With ``trafficDistribution`` the gate is on that lets hints count without the annotation (v1.30, alpha)."""
    notes = service.metadata.annotations
    mode = notes.get(_TOPOLOGY_HINTS, notes.get(TOPOLOGY_MODE, ""))
    return mode in {"Auto", "auto"} or service.spec.traffic_distribution is not None


def _ingress(service: Service) -> Iterable[tuple[str, str]]:
    for number, each in enumerate(service.status.load_balancer.ingress):
        if each.ip and each.ip_mode in {None, "VIP"}:
            yield each.ip, f"status.loadBalancer.ingress[{number}]"


def _of_family(texts: Iterable[str], family: int) -> list[Ip]:
    return [ip for ip in map(Ip.parse, texts) if ip.family == family]


def _frontends(addresses: Iterable[tuple[str, str]], family: int) -> tuple[Frontend, ...]:
    found = (Frontend(Ip.parse(text), field) for text, field in addresses)
    return tuple(each for each in found if each.ip.family == family)


def _ranges(texts: Sequence[str], family: int) -> tuple[Net, ...]:
    nets = (Net.parse(text.strip(), strict=False) for text in texts)
    return tuple(net for net in nets if net.family == family)


def slice_endpoints(
    slices: Iterable[EndpointSlice], family: int, host: str
) -> dict[ServicePortName, tuple[Endpoint, ...]]:
    """The endpoints of the slices of one Service, by port, in the order of the text ``ip:port``.

    The same address is kept once; that of the node ``host`` wins.
    """
    found: dict[ServicePortName, dict[str, Endpoint]] = {}
    for each in slices:
        if each.address_type != _FAMILIES[family]:
            continue
        namespace, _, service = each.service.partition("/")
        for port in each.ports:
            if port.port is None:
                continue
            mine = found.setdefault(ServicePortName(namespace, service, port.name, port.protocol), {})
            for one in each.endpoints:
                if not one.addresses:
                    continue
                ip = Ip.parse(one.addresses[0])
                address = join_host_port(ip, port.port)
                local = one.node_name is not None and one.node_name == host
                if local or address not in mine:
                    zones = tuple(zone.name for zone in one.hints.for_zones) if one.hints is not None else ()
                    mine[address] = Endpoint(ip, address, one.ready, one.serving, one.terminating, local, zones)
    return {name: tuple(mine[key] for key in sorted(mine)) for name, mine in found.items() if mine}


class _Known(msgspec.Struct):
    """The entries that come of an object, or of the slices of a Service."""

    source: tuple[object, ...]
    ports: dict[ServicePortName, ServicePort] = {}
    endpoints: dict[ServicePortName, tuple[Endpoint, ...]] = {}


class Objects:
    """What is known of the cluster's Services for one family, on the node ``host``."""

    def __init__(self, family: int, host: str) -> None:
        self.family = family
        self.host = host
        self.services: dict[ServicePortName, ServicePort] = {}
        self.endpoints: dict[ServicePortName, tuple[Endpoint, ...]] = {}
        self._services: dict[str, _Known] = {}
        self._slices: dict[str, _Known] = {}

    def update(self, services: Iterable[Service], slices: Iterable[EndpointSlice]) -> bool:
        """Take in what there is now; True where ``services`` or ``endpoints`` are new dictionaries with something else in them."""
        before = self.services, self.endpoints
        known: dict[str, _Known] = {}
        for each in services:
            key = f"{each.metadata.namespace}/{each.metadata.name}"
            old = self._services.get(key)
            known[key] = old if old is not None and old.source[0] is each else self._service(each, old)
        same = list(known.values()) == list(self._services.values()) if known.keys() == self._services.keys() else False
        if not same:
            self.services = {name: port for each in known.values() for name, port in each.ports.items()}
        self._services = known
        by_service: dict[str, list[EndpointSlice]] = {}
        for one in slices:
            if one.service and FOREIGN.isdisjoint(one.metadata.labels):
                by_service.setdefault(one.service, []).append(one)
        found = {key: self._slice(key, tuple(mine)) for key, mine in by_service.items()}
        if any(self._slices.get(key) is not each for key, each in found.items()) or found.keys() != self._slices.keys():
            self.endpoints = {name: ends for each in found.values() for name, ends in each.endpoints.items()}
        self._slices = found
        return (self.services, self.endpoints) != before

    def _service(self, service: Service, old: _Known | None) -> _Known:
        ports = service_ports(service, self.family)
        if old is not None and old.ports == ports:
            ports = old.ports
        return _Known((service,), ports)

    def _slice(self, key: str, slices: tuple[EndpointSlice, ...]) -> _Known:
        old = self._slices.get(key)
        if old is not None and len(old.source) == len(slices) and all(map(_same, old.source, slices)):
            return old
        return _Known(slices, endpoints=slice_endpoints(slices, self.family, self.host))


def _same(one: object, other: object) -> bool:
    return one is other
