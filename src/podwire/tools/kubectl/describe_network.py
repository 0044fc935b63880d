"""``kubectl describe`` of Service, Endpoints, EndpointSlice and NetworkPolicy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from podwire.kube.store import Stored
from podwire.tools.kubectl.columns import labels_text, selector_text
from podwire.tools.kubectl.describe_writing import (
    NONE,
    UNSET,
    Document,
    Page,
    events,
    head,
    labels_and_annotations,
)

_SHOWN: Final = 3
"""Endpoints of a port that are shown; the others are counted."""


def service(page: Page, each: Stored) -> None:
    """One Service."""
    spec = each.document["spec"]
    head(page, each)
    page.field(0, "Selector", labels_text(spec.get("selector") or {}))
    page.field(0, "Type", spec.get("type", ""))
    if spec.get("ipFamilyPolicy"):
        page.field(0, "IP Family Policy", spec["ipFamilyPolicy"])
    page.field(0, "IP Families", ",".join(spec.get("ipFamilies") or ()) or NONE)
    page.field(0, "IP", spec.get("clusterIP", ""))
    page.field(0, "IPs", ",".join(spec.get("clusterIPs") or ()) or NONE)
    if spec.get("externalIPs"):
        page.field(0, "External IPs", ",".join(spec["externalIPs"]))
    if spec.get("loadBalancerIP"):
        page.field(0, "IP", spec["loadBalancerIP"])
    if spec.get("externalName"):
        page.field(0, "External Name", spec["externalName"])
    ingress = ((each.document.get("status") or {}).get("loadBalancer") or {}).get("ingress")
    if ingress:
        page.field(0, "LoadBalancer Ingress", ", ".join(one.get("ip") or one.get("hostname", "") for one in ingress))
    _ports(page, each, spec)
    page.field(0, "Session Affinity", spec.get("sessionAffinity", ""))
    if spec.get("externalTrafficPolicy"):
        page.field(0, "External Traffic Policy", spec["externalTrafficPolicy"])
    if spec.get("healthCheckNodePort"):
        page.field(0, "HealthCheck NodePort", spec["healthCheckNodePort"])
    if spec.get("loadBalancerSourceRanges"):
        page.field(0, "LoadBalancer Source Ranges", ",".join(spec["loadBalancerSourceRanges"]))
    events(page, each)


def _ports(page: Page, each: Stored, spec: Document) -> None:
    there = page.store.get("Endpoints", each.name, each.namespace)
    subsets = (there.document.get("subsets") or ()) if there is not None else ()
    for port in spec.get("ports") or ():
        name, protocol = port.get("name") or UNSET, port.get("protocol", "TCP")
        page.field(0, "Port", f"{name}\t{port['port']}/{protocol}")
        page.field(0, "TargetPort", f"{port.get('targetPort', 0)}/{protocol}")
        if port.get("nodePort"):
            page.field(0, "NodePort", f"{name}\t{port['nodePort']}/{protocol}")
        page.field(0, "Endpoints", _endpoints(subsets, port.get("name", "")))


def _endpoints(subsets: Sequence[Document], name: str) -> str:
    """Those of one port: the first three, and how many more."""
    if not subsets:
        return NONE
    found: list[str] = []
    for subset in subsets:
        addresses = [_bracketed(one["ip"]) for one in subset.get("addresses") or ()]
        if not subset.get("ports"):
            found += [one["ip"] for one in subset.get("addresses") or ()]
        for port in subset.get("ports") or ():
            if port.get("name", "") == name:
                found += [f"{address}:{port['port']}" for address in addresses]
    more = f" + {len(found) - _SHOWN} more..." if len(found) > _SHOWN else ""
    return ",".join(found[:_SHOWN]) + more


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def endpoints(page: Page, each: Stored) -> None:
    """One Endpoints."""
    head(page, each)
    page.put(0, "Subsets:\n")
    for subset in each.document.get("subsets") or ():
        for name, member in (("Addresses", "addresses"), ("NotReadyAddresses", "notReadyAddresses")):
            page.field(1, name, ",".join(one["ip"] for one in subset.get(member) or ()) or NONE)
        if subset.get("ports"):
            page.put(1, "Ports:\n")
            page.put(2, "Name\tPort\tProtocol\n")
            page.put(2, "----\t----\t--------\n")
            for port in subset["ports"]:
                page.put(2, f"{port.get('name') or UNSET}\t{port['port']}\t{port.get('protocol', 'TCP')}\n")
        page.put(0, "\n")
    events(page, each)


def endpoint_slice(page: Page, each: Stored) -> None:
    """One EndpointSlice."""
    document = each.document
    head(page, each)
    page.field(0, "AddressType", document.get("addressType", ""))
    if document.get("ports"):
        page.put(0, "Ports:\n")
        page.put(1, "Name\tPort\tProtocol\n")
        page.put(1, "----\t----\t--------\n")
        for port in document["ports"]:
            number = port.get("port")
            shown = UNSET if number is None else number
            page.put(1, f"{port.get('name') or UNSET}\t{shown}\t{port.get('protocol', 'TCP')}\n")
    else:
        page.put(0, f"Ports: {UNSET}\n")
    if not document.get("endpoints"):
        page.put(0, f"Endpoints: {NONE}\n")
    else:
        page.put(0, "Endpoints:\n")
        for one in document["endpoints"]:
            _endpoint(page, one)
    events(page, each)


def _endpoint(page: Page, one: Document) -> None:
    page.field(1, "- Addresses", ", ".join(one.get("addresses") or ()) or NONE)
    page.put(2, "Conditions:\n")
    ready = (one.get("conditions") or {}).get("ready")
    page.field(3, "Ready", UNSET if ready is None else str(ready).lower())
    page.field(2, "Hostname", _set(one, "hostname"))
    if one.get("targetRef"):
        page.field(2, "TargetRef", f"{one['targetRef'].get('kind', '')}/{one['targetRef'].get('name', '')}")
    page.field(2, "NodeName", _set(one, "nodeName"))
    page.field(2, "Zone", _set(one, "zone"))


def _set(one: Document, member: str) -> object:
    value = one.get(member)
    return UNSET if value is None else value


# ----------------------------------------------------------------------------------------------------- NetworkPolicy


def network_policy(page: Page, each: Stored) -> None:
    """One NetworkPolicy: what it allows, in words. It has no events."""
    spec = each.document.get("spec") or {}
    created = each.document["metadata"].get("creationTimestamp")
    page.field(0, "Name", each.name)
    page.field(0, "Namespace", each.namespace)
    page.field(0, "Created on", _zoned(str(created)) if created else "0001-01-01 00:00:00 +0000 UTC")
    labels_and_annotations(page, each)
    page.put(0, "Spec:\n")
    selector = spec.get("podSelector") or {}
    if selector.get("matchLabels") or selector.get("matchExpressions"):
        page.put(1, f"PodSelector:     {selector_text(selector)}\n")
    else:
        page.put(1, f"PodSelector:     {NONE} (Allowing the specific traffic to all pods in this namespace)\n")
    types = spec.get("policyTypes") or ()
    for way, member, peers in (("ingress", "Ingress", "from"), ("egress", "Egress", "to")):
        if member not in types:
            page.put(1, f"Not affecting {way} traffic\n")
            continue
        page.put(1, f"Allowing {way} traffic:\n")
        _rules(page, spec.get(way) or (), way, peers)
    page.put(1, f"Policy Types: {', '.join(types) or NONE}\n")


def _zoned(timestamp: str) -> str:
    """As Go prints a time."""
    return f"{timestamp.replace('T', ' ').removesuffix('Z')} +0000 UTC"


def _rules(page: Page, rules: Sequence[Document], way: str, peers: str) -> None:
    if not rules:
        page.put(2, f"{NONE} (Selected pods are isolated for {way} connectivity)\n")
        return
    title, end = peers.title(), "source" if peers == "from" else "destination"
    for number, rule in enumerate(rules):
        if not rule.get("ports"):
            page.put(2, "To Port: <any> (traffic allowed to all ports)\n")
        for port in rule.get("ports") or ():
            shown = port.get("port")
            page.put(2, f"To Port: {'<nil>' if shown is None else shown}/{port.get('protocol', 'TCP')}\n")
        if not rule.get(peers):
            page.put(2, f"{title}: <any> (traffic not restricted by {end})\n")
        for peer in rule.get(peers) or ():
            page.put(2, f"{title}:\n")
            _peer(page, peer)
        if number != len(rules) - 1:
            page.put(2, "----------\n")


def _peer(page: Page, peer: Document) -> None:
    if "namespaceSelector" in peer or "podSelector" in peer:
        for name, member in (("NamespaceSelector", "namespaceSelector"), ("PodSelector", "podSelector")):
            if member in peer:
                page.put(3, f"{name}: {selector_text(peer[member])}\n")
    elif "ipBlock" in peer:
        page.put(3, "IPBlock:\n")
        page.put(4, f"CIDR: {peer['ipBlock'].get('cidr', '')}\n")
        page.put(4, f"Except: {', '.join(peer['ipBlock'].get('except') or ())}\n")
