"""EndpointSlices and Endpoints of Services that have a selector (pkg/controller/endpointslice, endpoint).

Endpoints stand in a slice in the order in which their pods were created; Kubernetes promises none.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

from podwire.kube.endpoints import HEADLESS_LABEL, MANAGED_BY, SERVICE_NAME
from podwire.kube.naming import random_suffix
from podwire.kube.service import HEADLESS
from podwire.kube.service_index import ZONE, ServiceIndex
from podwire.kube.store import Store, Stored

_CONTROLLER: Final = "endpointslice-controller.k8s.io"
_MOST: Final = 100
_ENDPOINTS_MOST: Final = 1000
_MANAGED: Final = "endpoints.kubernetes.io/managed-by"
Ports = tuple[tuple[str, str, int | None, str | None], ...]
"""Name, protocol, number, appProtocol of each port."""


class EndpointController:
    """Keeps the slices and Endpoints of a store as its Services and pods want them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._index = ServiceIndex(store)
        self.looked_at: tuple[tuple[str, str], ...] = ()
        """Namespace and name of the Services that the last run had to look at."""

    def run(self) -> None:
        """Bring all in line."""
        self.looked_at = tuple(self._index.touched())
        for space, name in self.looked_at:
            service = self._store.get("Service", name, space)
            if service is None:
                self._orphaned(space, name)
            elif service.document["spec"].get("selector") and service.document["spec"]["type"] != "ExternalName":
                pods = self._pods(service)
                self._slices(service, pods)
                self._endpoints(service, pods)
        self._index.written()

    def _orphaned(self, space: str, name: str) -> None:
        """The Endpoints of a Service that is gone."""
        there = self._store.get("Endpoints", name, space)
        if there is not None and there.labels.get(_MANAGED) == "endpoint-controller":
            self._store.delete("Endpoints", name, space)

    def _pods(self, service: Stored) -> list[Stored]:
        """Those that the selector finds and that have an address."""
        return [
            pod
            for pod in self._index.pods(service.namespace, service.document["spec"]["selector"])
            if pod.document["status"].get("podIP")
            and pod.document["status"].get("phase") not in {"Failed", "Succeeded"}
        ]

    # -- slices --------------------------------------------------------------------------------------------------

    def _slices(self, service: Stored, pods: list[Stored]) -> None:
        groups: dict[Ports, list[Mapping[str, Any]]] = {}
        for pod in pods:
            ports = _ports(service, pod)
            if ports or not service.document["spec"].get("ports"):
                groups.setdefault(ports, []).append(self._endpoint(service, pod))
        if not groups:
            groups[()] = []  # a Service without endpoints has a slice without ports
        there = [each for each in self._index.slices(service) if each.labels.get(MANAGED_BY) == _CONTROLLER]
        for ports, endpoints in groups.items():
            for start in range(0, max(1, len(endpoints)), _MOST):
                written = _written(ports)
                same = [each for each in there if (each.document.get("ports") or []) == written]
                old = same[0] if same else (there[0] if there else None)
                if old is not None:
                    there.remove(old)
                self._write_slice(service, old, written, endpoints[start : start + _MOST])
        for old in there:
            self._store.delete("EndpointSlice", old.name, old.namespace)

    def _write_slice(self, service: Stored, old: Stored | None, ports: list[Any], endpoints: list[Any]) -> None:
        new: dict[str, Any] = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "namespace": service.namespace,
                "labels": _labels(service),
                "ownerReferences": [owner(service)],
            },
            "addressType": "IPv4",
            "endpoints": endpoints,
            "ports": ports,
        }
        if old is None:
            stream = self._store.draw("name", "EndpointSlice", service.namespace, service.name)
            name = f"{service.name}-{random_suffix(stream)}"
            while self._store.get("EndpointSlice", name, service.namespace) is not None:
                name = f"{service.name}-{random_suffix(stream)}"
            new["metadata"].update(name=name, generateName=f"{service.name}-")
            self._store.create(new)
        else:
            new["metadata"] = {**copy.deepcopy(old.document["metadata"]), **new["metadata"]}
            self._store.update(new)

    def _endpoint(self, service: Stored, pod: Stored) -> dict[str, Any]:
        ready, serving, terminating = states(service, pod)
        spec = pod.document["spec"]
        endpoint: dict[str, Any] = {
            "addresses": [pod.document["status"]["podIP"]],
            "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
            "nodeName": spec["nodeName"],
            "targetRef": _reference(pod),
        }
        if spec.get("hostname") and spec.get("subdomain") == service.name:
            endpoint["hostname"] = spec["hostname"]
        node = self._store.get("Node", spec["nodeName"])
        if node is not None and ZONE in node.labels:
            endpoint["zone"] = node.labels[ZONE]
        return endpoint

    # -- Endpoints -----------------------------------------------------------------------------------------------

    def _endpoints(self, service: Stored, pods: list[Stored]) -> None:
        groups: dict[Ports, tuple[list[Any], list[Any]]] = {}
        for pod in pods[:_ENDPOINTS_MOST]:
            ready, _, terminating = states(service, pod)
            if terminating and not service.document["spec"].get("publishNotReadyAddresses"):
                continue
            ports = _ports(service, pod)
            if not ports and service.document["spec"].get("ports"):
                continue
            spec = pod.document["spec"]
            address = {
                "ip": pod.document["status"]["podIP"],
                "nodeName": spec["nodeName"],
                "targetRef": _reference(pod),
            }
            if spec.get("hostname") and spec.get("subdomain") == service.name:
                address["hostname"] = spec["hostname"]
            groups.setdefault(ports, ([], []))[0 if ready else 1].append(address)
        subsets = []
        for ports, (good, bad) in sorted(groups.items(), key=lambda item: str(item[0])):
            subset: dict[str, Any] = {}
            for name, addresses in (("addresses", good), ("notReadyAddresses", bad)):
                if addresses:
                    subset[name] = sorted(addresses, key=lambda each: str(each["ip"]))
            if ports:
                subset["ports"] = [_without_empty_name(each) for each in _written(ports)]
            subsets.append(subset)
        self._write_endpoints(service, subsets)

    def _write_endpoints(self, service: Stored, subsets: list[Any]) -> None:
        labels = {**service.labels, _MANAGED: "endpoint-controller"}
        if service.document["spec"].get("clusterIP") == HEADLESS:
            labels[HEADLESS_LABEL] = ""
        new: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {"name": service.name, "namespace": service.namespace, "labels": labels},
            **({"subsets": subsets} if subsets else {}),
        }
        old = self._store.get("Endpoints", service.name, service.namespace)
        if old is None:
            self._store.create(new)
        else:
            new["metadata"] = {**copy.deepcopy(old.document["metadata"]), **new["metadata"]}
            self._store.update(new)


def states(service: Stored, pod: Stored) -> tuple[bool, bool, bool]:
    """``ready``, ``serving``, ``terminating`` of a pod as an endpoint: who terminates is not ready, and serves while it answers."""
    serving = bool(pod.object.status.ready)
    publish = bool(service.document["spec"].get("publishNotReadyAddresses"))
    return publish or (serving and not pod.terminating), serving, pod.terminating


def _ports(service: Stored, pod: Stored) -> Ports:
    """The Service's ports with the numbers that they have in this pod; a name that the pod lacks leaves its port out."""
    found: list[tuple[str, str, int | None, str | None]] = []
    for port in service.document["spec"].get("ports") or ():
        number = target_number(port["targetPort"], port["protocol"], pod)
        if number is not None:
            found.append((port.get("name", ""), port["protocol"], number, port.get("appProtocol")))
    return tuple(found)


def target_number(target: int | str, protocol: str, pod: Stored) -> int | None:
    """A target port as a number; None where the pod has no container port of that name and protocol."""
    if isinstance(target, int):
        return target
    for container in pod.document["spec"]["containers"]:
        for port in container.get("ports") or ():
            if port.get("name") == target and port.get("protocol", "TCP") == protocol:
                return int(port["containerPort"])
    return None


def _written(ports: Ports) -> list[dict[str, Any]]:
    return [
        {"name": name, "port": number, "protocol": protocol, **({"appProtocol": app} if app else {})}
        for name, protocol, number, app in ports
    ]


def _without_empty_name(port: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in port.items() if key != "name" or value}


def _labels(service: Stored) -> dict[str, str]:
    labels = {**service.labels, SERVICE_NAME: service.name, MANAGED_BY: _CONTROLLER}
    if service.document["spec"].get("clusterIP") == HEADLESS:
        labels[HEADLESS_LABEL] = ""
    return labels


def owner(of: Stored) -> dict[str, Any]:
    """An owner reference to the controller of an object."""
    return {
        "apiVersion": of.kind.version,
        "blockOwnerDeletion": True,
        "controller": True,
        "kind": of.kind.name,
        "name": of.name,
        "uid": of.uid,
    }


def _reference(pod: Stored) -> dict[str, str]:
    return {"kind": "Pod", "name": pod.name, "namespace": pod.namespace, "uid": pod.uid}
