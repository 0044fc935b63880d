"""What a Service promises, read from the API reference and the verdict table (kube-proxy sheet, 1.9): no rule, no chain.

It is written by itself, beside ``podwire.kubeproxy``, and shares nothing with it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from podwire.kube.endpoints import Endpoint, EndpointSlice
from podwire.kube.service import Service, ServicePort
from tests.kubeproxy.node import NODE_IP, PODS, Outcome
from tests.kubeproxy.samples import NODE

LOCAL = ("10.0.0.37", "10.32.0.1", "127.0.0.1")
"""Addresses of the node."""


def expected(
    services: Sequence[Service],
    slices: Sequence[EndpointSlice],
    source: str,
    to: str,
    port: int,
    proto: str,
    *,
    pods_known: bool,
    masquerade_all: bool,
    zone: str,
) -> set[Outcome]:
    """What may become of a packet: which endpoint it is, is left to chance."""
    for service in services:
        if service.spec.type == "ExternalName" or service.spec.cluster_ip == "None":
            continue
        for each in service.spec.ports:
            if each.protocol == proto:
                ends = [
                    (end, number.port or 0)
                    for one in slices
                    for number in one.ports
                    for end in one.endpoints
                    if one.service == f"{service.metadata.namespace}/{service.metadata.name}"
                    and (number.name, number.protocol) == (each.name, proto)
                ]
                ask = _Asked(service, each, ends, source, to, port, pods_known, masquerade_all, zone)
                found = ask.internal() if (to, port) == (service.spec.cluster_ip, each.port) else ask.external()
                if found is not None:
                    return found
    return {Outcome("passed")}


class _Asked:
    """One packet that may be meant for one port of a Service."""

    def __init__(
        self,
        service: Service,
        service_port: ServicePort,
        ends: list[tuple[Endpoint, int]],
        source: str,
        to: str,
        port: int,
        pods_known: bool,
        masquerade_all: bool,
        zone: str,
    ) -> None:
        self.spec = service.spec
        self.service = service
        self.service_port = service_port
        self.source, self.to, self.port = source, to, port
        self.pods_known = pods_known
        self.is_pod = pods_known and source in PODS
        self.is_node = source == NODE_IP
        self.everything = masquerade_all
        ready = [each for each in ends if each[0].conditions.ready is not False]
        leaving = [
            each
            for each in ends
            if each not in ready and each[0].conditions.serving is not False and each[0].conditions.terminating
        ]
        self.exists = bool(ready or leaving)
        here = [each for each in ready if each[0].node_name == NODE]
        self.local = here or [each for each in leaving if each[0].node_name == NODE]
        self.anywhere = self._near(ready, zone) or leaving

    def _near(self, ready: list[tuple[Endpoint, int]], zone: str) -> list[tuple[Endpoint, int]]:
        auto = self.service.metadata.annotations.get("service.kubernetes.io/topology-mode") == "Auto"
        zones = [[each.name for each in end.hints.for_zones] if end.hints else [] for end, _ in ready]
        near = [each for each, where in zip(ready, zones, strict=True) if zone in where]
        return near if auto and zone and all(zones) and near else ready

    def _to(self, ends: list[tuple[Endpoint, int]], *, masquerade: bool) -> set[Outcome]:
        """To one of them; a pod that meets itself would not take the answer for one."""
        found = set()
        for end, port in ends:
            ip = end.addresses[0]
            own = "10.32.0.1" if ip in PODS else NODE_IP
            changed = masquerade or ip == self.source
            found.add(Outcome("sent", f"{ip}:{port}", changed, own if changed else self.source))
        return found

    def internal(self) -> set[Outcome]:
        masquerade = self.everything or (self.pods_known and not self.is_pod)
        if not self.exists:
            return {Outcome("REJECT")}
        if self.spec.internal_traffic_policy == "Local":
            return self._to(self.local, masquerade=masquerade) if self.local else {Outcome("DROP")}
        return self._to(self.anywhere, masquerade=masquerade)

    def external(self) -> set[Outcome] | None:
        """None: the packet is not for this Service."""
        vips = [
            each.ip for each in self.service.status.load_balancer.ingress if each.ip_mode in {None, "VIP"} and each.ip
        ]
        balanced = self.port == self.service_port.port and self.to in vips
        named = self.port == self.service_port.port and self.to in self.spec.external_ips
        on_node = self.to in LOCAL and self.port == self.service_port.node_port != 0
        if not (balanced or named or on_node):
            return None
        if (
            balanced
            and not named
            and self.exists
            and self.spec.load_balancer_source_ranges
            and not self._may_enter(vips)
        ):
            return {Outcome("DROP")}
        if not self.exists:
            # What the node itself sends to an address outside is not looked at.
            return {Outcome("passed" if self.is_node and not on_node else "REJECT")}
        if self.spec.external_traffic_policy != "Local":
            return self._to(self.anywhere, masquerade=True)
        if self.is_pod or self.is_node:
            return self._to(self.anywhere, masquerade=self.is_node)
        return self._to(self.local, masquerade=False) if self.local else {Outcome("DROP")}

    def _may_enter(self, vips: list[str]) -> bool:
        nets = [ipaddress.ip_network(each) for each in self.spec.load_balancer_source_ranges]

        def inside(text: str) -> bool:
            return any(ipaddress.ip_address(text) in net for net in nets)

        return inside(self.source) or (inside(NODE_IP) and self.source in vips)
