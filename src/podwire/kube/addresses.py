"""What a Service is given when it is created or changed, and gives back (registry/core/service/storage/alloc.go)."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Final

from podwire.errors import PodwireError
from podwire.kube.allocate import Addresses, NodePorts
from podwire.kube.invalid import Problems
from podwire.kube.service import HEADLESS
from podwire.kube.service_rules import drop_fields_of_type
from podwire.wire.addr import Net

Document = dict[str, Any]
Draw = Callable[..., Random]
_EXTERNAL: Final = frozenset({"NodePort", "LoadBalancer"})


class ServiceAddresses:
    """The addresses and node ports of all Services."""

    def __init__(self, cidr: Net) -> None:
        self.cluster = Addresses(cidr)
        self.node_ports = NodePorts()

    def copy(self) -> ServiceAddresses:
        """The same state, independent from now on."""
        other = ServiceAddresses(self.cluster.cidr)
        other.cluster, other.node_ports = self.cluster.copy(), self.node_ports.copy()
        return other

    def begin(self) -> None:
        """What changes from here on can be taken back."""
        self.cluster.taken.begin()
        self.node_ports.taken.begin()

    def back(self) -> None:
        """As it was at ``begin``."""
        self.cluster.taken.back()
        self.node_ports.taken.back()

    def carry_over(self, new: Document, old: Document) -> None:
        """What an update does not name of what the server has given stays (``patchAllocatedValues``)."""
        drop_fields_of_type(new, old)
        spec, before = new["spec"], old["spec"]
        kind = spec.get("type", "ClusterIP")
        if spec.get("clusterIP") != before.get("clusterIP") and spec.get("clusterIPs") == before.get("clusterIPs"):
            spec["clusterIPs"] = [spec["clusterIP"]] if spec.get("clusterIP") else []
        named = spec.get("clusterIP") or spec.get("clusterIPs")
        if "ExternalName" not in {kind, before.get("type")} and not named:
            spec.update({name: before[name] for name in ("clusterIP", "clusterIPs") if name in before})
        if kind in _EXTERNAL and before.get("type") in _EXTERNAL:
            ports = {
                (each.get("protocol", "TCP"), each["port"]): each.get("nodePort") for each in before.get("ports", ())
            }
            used = {each.get("nodePort") for each in spec.get("ports", ())}
            for port in spec.get("ports", ()):
                node_port = ports.get((port.get("protocol", "TCP"), port.get("port")))
                if not port.get("nodePort") and node_port and node_port not in used:
                    port["nodePort"] = node_port
        local = spec.get("externalTrafficPolicy") == "Local"
        if kind == before.get("type") == "LoadBalancer" and local and "healthCheckNodePort" in before:
            spec.setdefault("healthCheckNodePort", before["healthCheckNodePort"])

    def allocate(self, new: Document, old: Document | None, problems: Problems, draw: Draw) -> None:
        """Give a Service its address and node ports, in the document; what the old one had and the new one lacks is free again."""
        spec, before = new["spec"], old["spec"] if old is not None else {}
        owner = f"{new['metadata'].get('namespace', '')}/{new['metadata']['name']}"
        try:
            self._cluster_ip(spec, before, problems, draw, owner)
            self._node_ports(spec, before, problems, draw, owner)
        except PodwireError as error:
            problems.invalid("spec", None, str(error))

    def _cluster_ip(self, spec: Document, before: Document, problems: Problems, draw: Draw, owner: str) -> None:
        had = [each for each in before.get("clusterIPs", ()) if each != HEADLESS]
        if spec["type"] == "ExternalName":
            for text in had:
                self.cluster.release(text)
            return
        if spec.get("clusterIP") == HEADLESS:
            return
        if not spec.get("clusterIP"):
            spec["clusterIP"] = str(self.cluster.draw(draw("clusterIP", owner), owner))
            spec["clusterIPs"] = [spec["clusterIP"]]
        elif spec["clusterIP"] not in had:
            self.cluster.take(problems, spec["clusterIP"], owner)

    def _node_ports(self, spec: Document, before: Document, problems: Problems, draw: Draw, owner: str) -> None:
        had = _ports(before)
        wanted = spec["type"] == "NodePort" or (
            spec["type"] == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts", True)
        )
        if spec["type"] in _EXTERNAL:
            taken = set(had)
            for index, port in enumerate(spec.get("ports", ())):
                if port.get("nodePort") and port["nodePort"] not in taken:
                    self.node_ports.take(problems, f"spec.ports[{index}].nodePort", port["nodePort"], owner)
                    taken.add(port["nodePort"])
            if wanted:
                self._draw_ports(spec, draw, owner)
            if spec["type"] == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local":
                self._health_port(spec, had, problems, draw, owner)
        for port in had:
            if port not in _ports(spec):
                self.node_ports.release(port)

    def _draw_ports(self, spec: Document, draw: Draw, owner: str) -> None:
        """Ports of one number and two protocols share their node port."""
        by_number: dict[int, dict[str, int]] = {}
        for port in spec.get("ports", ()):
            if port.get("nodePort"):
                by_number.setdefault(port["port"], {})[port["protocol"]] = port["nodePort"]
        for port in spec.get("ports", ()):
            if not port.get("nodePort"):
                shared = by_number.setdefault(port["port"], {})
                others = [each for protocol, each in shared.items() if protocol != port["protocol"]]
                port["nodePort"] = others[0] if others else self.node_ports.draw(draw("nodePort", owner), owner)
                shared[port["protocol"]] = port["nodePort"]

    def _health_port(self, spec: Document, had: list[int], problems: Problems, draw: Draw, owner: str) -> None:
        if not spec.get("healthCheckNodePort"):
            spec["healthCheckNodePort"] = self.node_ports.draw(draw("nodePort", owner), owner)
        elif spec["healthCheckNodePort"] not in had:
            self.node_ports.take(problems, "spec.healthCheckNodePort", spec["healthCheckNodePort"], owner)

    def release(self, document: Document) -> None:
        """A Service is gone."""
        for text in document["spec"].get("clusterIPs", ()):
            self.cluster.release(text)
        for port in _ports(document["spec"]):
            self.node_ports.release(port)


def _ports(spec: Document) -> list[int]:
    found = [port["nodePort"] for port in spec.get("ports", ()) if port.get("nodePort")]
    return found + ([spec["healthCheckNodePort"]] if spec.get("healthCheckNodePort") else [])
