"""Defaults and checks of Services, EndpointSlices and Endpoints (core/v1/defaults.go, core/validation, registry/core/service)."""

from __future__ import annotations

from typing import Any, Final

from podwire.kube import words
from podwire.kube.endpoints import Endpoint, Endpoints, EndpointSlice
from podwire.kube.invalid import Problems
from podwire.kube.service import HEADLESS, Service, ServiceSpec
from podwire.wire.addr import AF_INET6

TYPES: Final = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_EXTERNAL: Final = frozenset({"NodePort", "LoadBalancer"})
_MOST_SECONDS: Final = 86400
_SERVICE_ONLY: Final = "may only be used when `type` is 'LoadBalancer'"


def default_service(document: dict[str, Any]) -> None:
    """What the server fills in before it allocates anything."""
    spec = document.setdefault("spec", {})
    kind = spec.setdefault("type", "ClusterIP")
    if spec.setdefault("sessionAffinity", "None") == "ClientIP":
        config = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
        config.setdefault("timeoutSeconds", 10800)
    for port in spec.get("ports", ()):
        port.setdefault("protocol", "TCP")
        if port.get("targetPort") in {None, 0, ""}:
            port["targetPort"] = port.get("port")
    if kind != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")
        _default_addresses(spec)
    if kind in _EXTERNAL or (spec.get("externalIPs") and kind == "ClusterIP"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if kind == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    document.setdefault("status", {}).setdefault("loadBalancer", {})


def _default_addresses(spec: dict[str, Any]) -> None:
    if spec.get("clusterIPs") and not spec.get("clusterIP"):
        spec["clusterIP"] = spec["clusterIPs"][0]
    elif spec.get("clusterIP") and not spec.get("clusterIPs"):
        spec["clusterIPs"] = [spec["clusterIP"]]
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    if not spec.get("ipFamilies"):
        ip = words.parse_ip(str(spec.get("clusterIP", "")))
        spec["ipFamilies"] = ["IPv6" if ip is not None and ip.family == AF_INET6 else "IPv4"]


def _has_health_port(spec: dict[str, Any]) -> bool:
    """``needsHCNodePort``."""
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def drop_fields_of_type(new: dict[str, Any], old: dict[str, Any]) -> None:
    """A Service of another type or policy than before loses what went with the old one, where nobody has changed it meanwhile."""
    spec, before = new["spec"], old["spec"]
    kind, was = spec.get("type", "ClusterIP"), before.get("type")
    same = spec.get("healthCheckNodePort") == before.get("healthCheckNodePort")
    if same and _has_health_port(before) and not _has_health_port(spec):
        spec.pop("healthCheckNodePort", None)
    if kind == was:
        return
    if kind not in _EXTERNAL and was in _EXTERNAL:
        had = {port.get("nodePort") for port in before.get("ports", ())}
        # Ports may come and go, as long as nobody names a new node port.
        if {port.get("nodePort") for port in spec.get("ports", ())} <= {None, *had}:
            for port in spec.get("ports", ()):
                port.pop("nodePort", None)
        if not spec.get("externalIPs") and spec.get("externalTrafficPolicy") == before.get("externalTrafficPolicy"):
            spec.pop("externalTrafficPolicy", None)
    if was == "LoadBalancer":
        for name in ("allocateLoadBalancerNodePorts", "loadBalancerClass"):
            if spec.get(name) == before.get(name):
                spec.pop(name, None)
    if kind == "ExternalName":
        for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"):
            if spec.get(name) == before.get(name):
                spec.pop(name, None)


# ---------------------------------------------------------------------------------------------------------------- checks


def check_service(service: Service, problems: Problems) -> None:
    """As core/validation does."""
    spec = service.spec
    if not spec.ports and not service.headless and spec.type != "ExternalName":
        problems.required("spec.ports")
    _check_type(problems, spec)
    _check_ports(problems, spec)
    words.check_labels(problems, "spec.selector", spec.selector)
    _check_affinity(problems, spec)
    _check_addresses(problems, spec)
    if spec.type not in TYPES:
        problems.unsupported("spec.type", spec.type, TYPES)
    _check_node_ports(problems, spec)
    _check_source_ranges(problems, spec)
    _check_policies(problems, spec)


def _check_type(problems: Problems, spec: ServiceSpec) -> None:
    if spec.type in _EXTERNAL and HEADLESS in {spec.cluster_ip, *spec.cluster_ips}:
        problems.invalid("spec.clusterIPs[0]", HEADLESS, f"may not be set to 'None' for {spec.type} services")
    if spec.type == "LoadBalancer":
        for index, port in enumerate(spec.ports):
            if port.port == 10250:
                problems.invalid(
                    f"spec.ports[{index}]", 10250, "may not expose port 10250 externally since it is used by kubelet"
                )
    if spec.type == "ExternalName":
        for name, value in (
            ("clusterIPs", spec.cluster_ips or spec.cluster_ip),
            ("ipFamilies", spec.ip_families),
            ("ipFamilyPolicy", spec.ip_family_policy),
        ):
            if value:
                problems.forbidden(f"spec.{name}", "may not be set for ExternalName services")
        name = spec.external_name.removesuffix(".")
        if name:
            problems.all("spec.externalName", name, words.dns_subdomain(name))
        else:
            problems.required("spec.externalName")


def _check_ports(problems: Problems, spec: ServiceSpec) -> None:
    names: set[str] = set()
    for index, port in enumerate(spec.ports):
        at = f"spec.ports[{index}]"
        if not port.name:
            if len(spec.ports) > 1:
                problems.required(f"{at}.name")
        else:
            problems.all(f"{at}.name", port.name, words.dns_label(port.name))
            if port.name in names:
                problems.duplicate(f"{at}.name", port.name)
            names.add(port.name)
        problems.all(f"{at}.port", port.port, words.port_number(port.port))
        if port.protocol not in PROTOCOLS:
            problems.unsupported(f"{at}.protocol", port.protocol, PROTOCOLS)
        target = port.target_port
        problems.all(
            f"{at}.targetPort",
            target,
            words.port_number(target) if isinstance(target, int) else words.port_name(target),
        )
        if port.app_protocol is not None:
            problems.all(f"{at}.appProtocol", port.app_protocol, words.qualified_name(port.app_protocol))


def _check_affinity(problems: Problems, spec: ServiceSpec) -> None:
    at = "spec.sessionAffinityConfig"
    if spec.session_affinity not in {"ClientIP", "None"}:
        problems.unsupported("spec.sessionAffinity", spec.session_affinity, ("ClientIP", "None"))
    elif spec.session_affinity == "None":
        if spec.session_affinity_config is not None:
            problems.forbidden(at, "must not be set when session affinity is None")
    else:
        config = spec.session_affinity_config
        seconds = config.client_ip.timeout_seconds if config is not None and config.client_ip is not None else None
        if seconds is None:
            problems.required(f"{at}.clientIP.timeoutSeconds", "when session affinity type is ClientIP")
        elif not 0 < seconds <= _MOST_SECONDS:
            problems.invalid(
                f"{at}.clientIP.timeoutSeconds", seconds, f"must be greater than 0 and less than {_MOST_SECONDS}"
            )


def _check_addresses(problems: Problems, spec: ServiceSpec) -> None:
    if spec.cluster_ips and spec.cluster_ip != spec.cluster_ips[0]:
        problems.invalid("spec.clusterIPs", list(spec.cluster_ips), "first value must match `clusterIP`")
    for index, text in enumerate(spec.cluster_ips):
        if text != HEADLESS and words.ip(text):
            problems.all(f"spec.clusterIPs[{index}]", text, words.ip(text))
        elif text == HEADLESS and len(spec.cluster_ips) > 1:
            problems.invalid(f"spec.clusterIPs[{index}]", text, "'None' must be the first and only value")
    for index, family in enumerate(spec.ip_families):
        if family not in {"IPv4", "IPv6"}:
            problems.unsupported(f"spec.ipFamilies[{index}]", family, ("IPv4", "IPv6"))
        elif family == "IPv6":
            problems.invalid(f"spec.ipFamilies[{index}]", family, "not configured on this cluster")
    if spec.ip_family_policy == "RequireDualStack":
        problems.invalid(
            "spec.ipFamilyPolicy", spec.ip_family_policy, "this cluster is not configured for dual-stack services"
        )
    elif spec.ip_family_policy not in {"", "SingleStack", "PreferDualStack"}:
        problems.unsupported(
            "spec.ipFamilyPolicy", spec.ip_family_policy, ("PreferDualStack", "RequireDualStack", "SingleStack")
        )
    for index, text in enumerate(spec.external_ips):
        _check_external(problems, f"spec.externalIPs[{index}]", text)


def _check_external(problems: Problems, at: str, text: str) -> None:
    ip = words.parse_ip(text)
    if ip is None:
        problems.all(at, text, words.ip(text))
        return
    for ranges, why in (
        (("0.0.0.0/32", "::/128"), f"may not be unspecified ({text})"),
        (("127.0.0.0/8", "::1/128"), "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
        (("169.254.0.0/16", "fe80::/10"), "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        (("224.0.0.0/24", "ff02::/16"), "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
    ):
        nets = [words.parse_cidr(each) for each in ranges]
        if any(net is not None and ip in net for net in nets):
            problems.invalid(at, text, why)


def _check_node_ports(problems: Problems, spec: ServiceSpec) -> None:
    node_ports: set[tuple[str, int]] = set()
    ports: set[tuple[str, int]] = set()
    for index, port in enumerate(spec.ports):
        at = f"spec.ports[{index}]"
        if port.node_port and spec.type == "ClusterIP":
            problems.forbidden(f"{at}.nodePort", "may not be used when `type` is 'ClusterIP'")
        if port.node_port and (port.protocol, port.node_port) in node_ports:
            problems.duplicate(f"{at}.nodePort", port.node_port)
        node_ports.add((port.protocol, port.node_port))
        if (port.protocol, port.port) in ports:
            problems.duplicate(at, {"port": port.port, "protocol": port.protocol})
        ports.add((port.protocol, port.port))


def _check_source_ranges(problems: Problems, spec: ServiceSpec) -> None:
    if spec.load_balancer_source_ranges and spec.type != "LoadBalancer":
        problems.forbidden("spec.loadBalancerSourceRanges", _SERVICE_ONLY)
    for index, text in enumerate(spec.load_balancer_source_ranges):
        problems.all(f"spec.loadBalancerSourceRanges[{index}]", text, words.cidr(text.strip()))
    if spec.allocate_load_balancer_node_ports is not None and spec.type != "LoadBalancer":
        problems.forbidden("spec.allocateLoadBalancerNodePorts", _SERVICE_ONLY)
    if spec.load_balancer_class is not None and spec.type != "LoadBalancer":
        problems.forbidden("spec.loadBalancerClass", _SERVICE_ONLY)


def _check_policies(problems: Problems, spec: ServiceSpec) -> None:
    external = spec.external_traffic_policy
    if external and external not in {"Cluster", "Local"}:
        problems.unsupported("spec.externalTrafficPolicy", external, ("Cluster", "Local"))
    elif external and spec.type not in _EXTERNAL and not (spec.type == "ClusterIP" and spec.external_ips):
        problems.invalid("spec.externalTrafficPolicy", external, "may only be set for externally-accessible services")
    if spec.type != "ExternalName" and spec.internal_traffic_policy not in {"Cluster", "Local"}:
        problems.unsupported("spec.internalTrafficPolicy", spec.internal_traffic_policy, ("Cluster", "Local"))
    port = spec.health_check_node_port
    if port and not (spec.type == "LoadBalancer" and external == "Local"):
        problems.invalid(
            "spec.healthCheckNodePort",
            port,
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
        )
    elif port:
        problems.all("spec.healthCheckNodePort", port, words.port_number(port))
    if spec.traffic_distribution not in {None, "PreferClose", "PreferSameZone", "PreferSameNode"}:
        problems.unsupported(
            "spec.trafficDistribution", spec.traffic_distribution, ("PreferClose", "PreferSameNode", "PreferSameZone")
        )


def check_service_update(new: Service, old: Service, problems: Problems) -> None:
    """The address stays, and so does a load balancer's class."""
    if "ExternalName" not in {new.spec.type, old.spec.type} and old.spec.cluster_ip:
        if not new.spec.cluster_ip:
            problems.invalid("spec.clusterIPs[0]", None, "primary clusterIP can not be unset")
        elif new.spec.cluster_ip != old.spec.cluster_ip:
            problems.invalid("spec.clusterIPs[0]", list(new.spec.cluster_ips), "may not change once set")
    if (
        old.spec.type == new.spec.type == "LoadBalancer"
        and new.spec.load_balancer_class != old.spec.load_balancer_class
    ):
        problems.invalid("spec.loadBalancerClass", new.spec.load_balancer_class, "may not change once set")


# ------------------------------------------------------------------------------------------------- slices and endpoints


def default_slice(document: dict[str, Any]) -> None:
    """TCP, and a port without a name."""
    for port in document.get("ports", ()):
        port.setdefault("protocol", "TCP")
        port.setdefault("name", "")


def default_endpoints(document: dict[str, Any]) -> None:
    """TCP."""
    for subset in document.get("subsets", ()):
        for port in subset.get("ports", ()):
            port.setdefault("protocol", "TCP")


def check_slice(each: EndpointSlice, problems: Problems) -> None:
    """As discovery/validation does."""
    if each.address_type not in {"IPv4", "IPv6", "FQDN"}:
        problems.unsupported("addressType", each.address_type, ("FQDN", "IPv4", "IPv6"))
    if len(each.endpoints) > 1000:
        problems.too_many("endpoints", len(each.endpoints), 1000)
    for index, endpoint in enumerate(each.endpoints):
        _check_endpoint(problems, f"endpoints[{index}]", endpoint, each.address_type)
    names: set[str] = set()
    if len(each.ports) > 100:
        problems.too_many("ports", len(each.ports), 100)
    for index, port in enumerate(each.ports):
        if port.name in names:
            problems.duplicate(f"ports[{index}].name", port.name)
        names.add(port.name)
        if port.name:
            problems.all(f"ports[{index}].name", port.name, words.dns_label(port.name))
        if port.protocol not in PROTOCOLS:
            problems.unsupported(f"ports[{index}].protocol", port.protocol, PROTOCOLS)
        if port.port is not None:
            problems.all(f"ports[{index}].port", port.port, words.port_number(port.port))


def _check_endpoint(problems: Problems, at: str, endpoint: Endpoint, family: str) -> None:
    if not endpoint.addresses:
        problems.required(f"{at}.addresses", "must contain at least 1 address")
    if len(endpoint.addresses) > 100:
        problems.too_many(f"{at}.addresses", len(endpoint.addresses), 100)
    for index, text in enumerate(endpoint.addresses):
        path = f"{at}.addresses[{index}]"
        if family == "FQDN":
            problems.all(path, text, words.dns_subdomain(text))
            continue
        ip = words.parse_ip(text)
        if ip is None or (ip.family == AF_INET6) is (family == "IPv4"):
            example = "10.9.8.7" if family == "IPv4" else "2001:db8::ffff"
            problems.invalid(path, text, f"must be a valid {family} address, (e.g. {example})")
        else:
            _check_external(problems, path, text)
    if endpoint.node_name is not None:
        problems.all(f"{at}.nodeName", endpoint.node_name, words.dns_subdomain(endpoint.node_name))
    if endpoint.hostname:
        problems.all(f"{at}.hostname", endpoint.hostname, words.dns_label(endpoint.hostname))


def check_slice_update(new: EndpointSlice, old: EndpointSlice, problems: Problems) -> None:
    """The kind of addresses stays."""
    if new.address_type != old.address_type:
        problems.invalid("addressType", new.address_type, "field is immutable")


def check_endpoints(each: Endpoints, problems: Problems) -> None:
    """As core/validation does."""
    for index, subset in enumerate(each.subsets):
        at = f"subsets[{index}]"
        if not subset.addresses and not subset.not_ready_addresses:
            problems.required(at, "must specify `addresses` or `notReadyAddresses`")
        for name, addresses in (("addresses", subset.addresses), ("notReadyAddresses", subset.not_ready_addresses)):
            for number, address in enumerate(addresses):
                _check_external(problems, f"{at}.{name}[{number}].ip", address.ip)
        for number, port in enumerate(subset.ports):
            path = f"{at}.ports[{number}]"
            if not port.name and len(subset.ports) > 1:
                problems.required(f"{path}.name")
            elif port.name:
                problems.all(f"{path}.name", port.name, words.dns_label(port.name))
            problems.all(f"{path}.port", port.port or 0, words.port_number(port.port or 0))
            if port.protocol not in PROTOCOLS:
                problems.unsupported(f"{path}.protocol", port.protocol, PROTOCOLS)
