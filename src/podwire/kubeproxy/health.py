"""What kube-proxy answers where load balancers ask for a node's health (kube-proxy sheet, 1.11)."""

from __future__ import annotations

from typing import Final

import msgspec

from podwire.kubeproxy.ports import EndpointsMap, ServicePortMap

HEADERS: Final = (("Content-Type", "application/json"), ("X-Content-Type-Options", "nosniff"))
_BODY: Final = """{{
\t"service": {{
\t\t"namespace": "{namespace}",
\t\t"name": "{name}"
\t}},
\t"localEndpoints": {local},
\t"serviceProxyHealthy": {healthy}
}}"""


class HealthCheck(msgspec.Struct, frozen=True):
    """A Service's ``healthCheckNodePort`` on one node: ``local`` ready endpoints stand there."""

    namespace: str
    name: str
    port: int
    local: int

    def status(self, *, healthy: bool = True) -> int:
        """The HTTP status, whatever the path is."""
        return 200 if self.local and healthy else 503

    def body(self, *, healthy: bool = True) -> str:
        """The answer: JSON, no newline at its end."""
        return _BODY.format(
            namespace=self.namespace, name=self.name, local=self.local, healthy="true" if healthy else "false"
        )


def health_checks(services: ServicePortMap, endpoints: EndpointsMap) -> dict[int, HealthCheck]:
    """The health check node ports of a node. An endpoint of several ports of a Service counts once."""
    ports: dict[str, int] = {}
    local: dict[str, set[object]] = {}
    for name, port in services.items():
        if port.health_check_node_port:
            ports[name.service] = port.health_check_node_port
            mine = local.setdefault(name.service, set())
            mine.update(each.ip for each in endpoints.get(name, ()) if each.local and each.ready)
    found = {}
    for service, number in ports.items():
        namespace, _, short = service.partition("/")
        found[number] = HealthCheck(namespace, short, number, len(local[service]))
    return found
