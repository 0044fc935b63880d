"""The rows of Services, their endpoints, and NetworkPolicies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from podwire.tools.kubectl.ages import since
from podwire.tools.kubectl.columns import Cell, labels_text, selector_text

Document = Mapping[str, Any]
_SHOWN: Final = 3
"""Addresses and ports that a cell holds; the rest is counted."""


def service(document: Document, now: int) -> tuple[Cell, ...]:
    """NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE, and the wide SELECTOR."""
    spec = document["spec"]
    addresses = spec.get("clusterIPs") or ()
    return (
        document["metadata"]["name"],
        spec.get("type", ""),
        addresses[0] if addresses else "<none>",
        external_ip(document),
        ",".join(_port(each) for each in spec.get("ports") or ()) or "<none>",
        since(document["metadata"].get("creationTimestamp"), now),
        labels_text(spec.get("selector") or {}),
    )


def _port(port: Document) -> str:
    node = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port['port']}{node}/{port.get('protocol', 'TCP')}"


def external_ip(document: Document) -> str:
    """``<none>``, ``<pending>``, addresses, or the name of an ExternalName."""
    spec = document["spec"]
    extern = list(spec.get("externalIPs") or ())
    match spec.get("type"):
        case "ExternalName":
            return str(spec.get("externalName", ""))
        case "LoadBalancer":
            ingress = ((document.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
            given = sorted({str(each.get("ip") or each.get("hostname") or "") for each in ingress} - {""})
            return ",".join([*given, *extern]) or "<pending>"
        case "ClusterIP" | "NodePort":
            return ",".join(extern) or "<none>"
    return "<unknown>"


def endpoints(document: Document, now: int) -> tuple[Cell, ...]:
    """NAME ENDPOINTS AGE."""
    found = since(document["metadata"].get("creationTimestamp"), now)
    return document["metadata"]["name"], endpoints_text(document), found


def endpoints_text(document: Document, ports: Sequence[str] | None = None) -> str:
    """``10.0.0.1:80,10.0.0.2:80``, three of them and how many more; those of ``ports`` alone, by name, unless it is None."""
    subsets = document.get("subsets") or ()
    every: list[str] = []
    for subset in subsets:
        addresses = [each["ip"] for each in subset.get("addresses") or ()]
        listed = subset.get("ports") or ()
        chosen = [each for each in listed if ports is None or each.get("name", "") in ports]
        every += addresses if not listed else [_host_port(ip, each["port"]) for each in chosen for ip in addresses]
    return _few(every) if subsets else "<none>"


def _host_port(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _few(every: list[str]) -> str:
    more = len(every) - _SHOWN
    text = ",".join(every[:_SHOWN])
    return f"{text} + {more} more..." if more > 0 else text


def endpoint_slice(document: Document, now: int) -> tuple[Cell, ...]:
    """NAME ADDRESSTYPE PORTS ENDPOINTS AGE."""
    ports = [str(each.get("port") or each.get("name") or "*") for each in document.get("ports") or ()]
    addresses = [text for each in document.get("endpoints") or () for text in each.get("addresses") or ()]
    return (
        document["metadata"]["name"],
        document.get("addressType", ""),
        _few(ports) or "<unset>",
        _few(addresses) or "<unset>",
        since(document["metadata"].get("creationTimestamp"), now),
    )


def network_policy(document: Document, now: int) -> tuple[Cell, ...]:
    """NAME POD-SELECTOR AGE."""
    return (
        document["metadata"]["name"],
        selector_text(document["spec"].get("podSelector")),
        since(document["metadata"].get("creationTimestamp"), now),
    )
