"""Calico's NetworkSet, GlobalNetworkSet and HostEndpoint (release v3.26)."""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from podwire.errors import NotModelled
from podwire.kube import words
from podwire.kube.calico.checks import WITH_PORTS, check_net, check_protocol
from podwire.kube.invalid import Problems
from podwire.kube.meta import Metadata

NAMESPACE: Final = "projectcalico.org/namespace"
DEFAULT_ALLOW: Final = "projectcalico-default-allow"
"""The one profile that Calico has by itself."""
_INTERFACE: Final = re.compile(r"[a-zA-Z0-9_.-]{1,15}|\*", re.ASCII)


class SetSpec(msgspec.Struct, frozen=True, rename="camel"):
    """Ranges and addresses."""

    nets: tuple[str, ...] = ()


class NetworkSet(msgspec.Struct, frozen=True, rename="camel"):
    """Addresses with labels, for policies of its namespace."""

    api_version: Literal["crd.projectcalico.org/v1"]
    kind: Literal["NetworkSet"]
    metadata: Metadata
    spec: SetSpec = SetSpec()


class GlobalNetworkSet(msgspec.Struct, frozen=True, rename="camel"):
    """Addresses with labels."""

    api_version: Literal["crd.projectcalico.org/v1"]
    kind: Literal["GlobalNetworkSet"]
    metadata: Metadata
    spec: SetSpec = SetSpec()


class EndpointPort(msgspec.Struct, frozen=True, rename="camel"):
    """A port with a name."""

    name: str
    protocol: int | str
    port: int


class HostEndpointSpec(msgspec.Struct, frozen=True):
    """An interface of a node by its name, by an address it has, or all (``*``)."""

    node: str = ""
    interface_name: str = msgspec.field(name="interfaceName", default="")
    expected_ips: tuple[str, ...] = msgspec.field(name="expectedIPs", default=())
    profiles: tuple[str, ...] = ()
    ports: tuple[EndpointPort, ...] = ()


class HostEndpoint(msgspec.Struct, frozen=True, rename="camel"):
    """Interfaces of a node that policies protect."""

    api_version: Literal["crd.projectcalico.org/v1"]
    kind: Literal["HostEndpoint"]
    metadata: Metadata
    spec: HostEndpointSpec = HostEndpointSpec()


def check_set(given: NetworkSet | GlobalNetworkSet, problems: Problems) -> None:
    """``validateNetworkSet``, ``validateGlobalNetworkSet``."""
    if NAMESPACE in given.metadata.labels:
        problems.invalid("metadata.labels", NAMESPACE, f"{NAMESPACE} is not a valid label name")
    for index, text in enumerate(given.spec.nets):
        check_net(problems, f"spec.nets[{index}]", text)


def check_host_endpoint(given: HostEndpoint, problems: Problems) -> None:
    """``validateHostEndpointSpec``. Raises ``NotModelled`` for profiles of one's own."""
    spec = given.spec
    if not spec.interface_name and not spec.expected_ips:
        problems.invalid("spec.interfaceName", "", "no interface or expected IPs have been specified")
    if not spec.node:
        problems.invalid("spec.node", "", "no node has been specified")
    if spec.interface_name and not _INTERFACE.fullmatch(spec.interface_name):
        problems.invalid("spec.interfaceName", spec.interface_name, "must be the name of an interface, or *")
    for index, text in enumerate(spec.expected_ips):
        problems.all(f"spec.expectedIPs[{index}]", text, words.ip(text))
    for index, each in enumerate(spec.ports):
        check_protocol(problems, f"spec.ports[{index}].protocol", each.protocol)
        if each.protocol not in WITH_PORTS:
            problems.invalid(
                f"spec.ports[{index}].protocol", each.protocol, "EndpointPort protocol does not support ports."
            )
        problems.all(f"spec.ports[{index}].port", each.port, words.port_number(each.port))
    for index, profile in enumerate(spec.profiles):
        if profile != DEFAULT_ALLOW:
            raise NotModelled(
                f"spec.profiles[{index}]: a profile other than {DEFAULT_ALLOW}", f"HostEndpoint {profile}"
            )
