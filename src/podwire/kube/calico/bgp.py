"""Calico's BGPConfiguration and BGPPeer (release v3.26)."""

from __future__ import annotations

import re
from typing import Any, Final, Literal

import msgspec

from podwire.errors import NotModelled
from podwire.kube import words
from podwire.kube.calico.checks import check_net, check_selector
from podwire.kube.invalid import Problems
from podwire.kube.meta import Metadata

_LEVELS: Final = ("Debug", "Info", "Warning", "Error", "Fatal")
_COMMUNITY: Final = re.compile(r"\d+:\d+(:\d+)?", re.ASCII)
_CONFIGURATION_LACKS: Final = (
    "communities",
    "prefix_advertisements",
    "node_mesh_password",
    "node_mesh_max_restart_time",
    "ignored_interfaces",
)
_PEER_LACKS: Final = (
    "password",
    "ttl_security",
    "reachable_by",
    "filters",
    "max_restart_time",
    "num_allowed_local_as_numbers",
)
_PEER: Final = re.compile(r"(\d+\.\d+\.\d+\.\d+):(\d+)|\[([0-9a-fA-F:.]+)\]:(\d+)", re.ASCII)


class Block(msgspec.Struct, frozen=True, rename="camel"):
    """A range of addresses of Services."""

    cidr: str = ""


class Community(msgspec.Struct, frozen=True, rename="camel"):
    """A BGP community with a name."""

    name: str
    value: str


class PrefixAdvertisement(msgspec.Struct, frozen=True, rename="camel"):
    """Communities of a prefix."""

    cidr: str
    communities: tuple[str, ...]


class ConfigurationSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What every node's BIRD has in common. None: Calico's default."""

    log_severity_screen: str = msgspec.field(name="logSeverityScreen", default="")
    node_to_node_mesh_enabled: bool | None = msgspec.field(name="nodeToNodeMeshEnabled", default=None)
    as_number: int | str | None = msgspec.field(name="asNumber", default=None)
    service_cluster_ips: tuple[Block, ...] = msgspec.field(name="serviceClusterIPs", default=())
    service_external_ips: tuple[Block, ...] = msgspec.field(name="serviceExternalIPs", default=())
    service_load_balancer_ips: tuple[Block, ...] = msgspec.field(name="serviceLoadBalancerIPs", default=())
    communities: tuple[Community, ...] = ()
    prefix_advertisements: tuple[PrefixAdvertisement, ...] = msgspec.field(name="prefixAdvertisements", default=())
    listen_port: int | None = msgspec.field(name="listenPort", default=None)
    node_mesh_password: Any = msgspec.field(name="nodeMeshPassword", default=None)
    node_mesh_max_restart_time: str = msgspec.field(name="nodeMeshMaxRestartTime", default="")
    bind_mode: str | None = msgspec.field(name="bindMode", default=None)
    ignored_interfaces: tuple[str, ...] = msgspec.field(name="ignoredInterfaces", default=())


class BGPConfiguration(msgspec.Struct, frozen=True, rename="camel"):
    """``default`` speaks of all nodes, ``node.<name>`` of one."""

    api_version: Literal["crd.projectcalico.org/v1"]
    kind: Literal["BGPConfiguration"]
    metadata: Metadata
    spec: ConfigurationSpec = ConfigurationSpec()


class PeerSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Which nodes (all without ``node`` and ``node_selector``) have a session with whom."""

    node: str = ""
    node_selector: str = msgspec.field(name="nodeSelector", default="")
    peer_ip: str = msgspec.field(name="peerIP", default="")
    as_number: int | str = msgspec.field(name="asNumber", default=0)
    peer_selector: str = msgspec.field(name="peerSelector", default="")
    keep_original_next_hop: bool = msgspec.field(name="keepOriginalNextHop", default=False)
    password: Any = None
    source_address: str = msgspec.field(name="sourceAddress", default="")
    max_restart_time: str = msgspec.field(name="maxRestartTime", default="")
    num_allowed_local_as_numbers: int | None = msgspec.field(name="numAllowedLocalASNumbers", default=None)
    ttl_security: int | None = msgspec.field(name="ttlSecurity", default=None)
    reachable_by: str = msgspec.field(name="reachableBy", default="")
    filters: tuple[str, ...] = ()


class BGPPeer(msgspec.Struct, frozen=True, rename="camel"):
    """Sessions beside the mesh."""

    api_version: Literal["crd.projectcalico.org/v1"]
    kind: Literal["BGPPeer"]
    metadata: Metadata
    spec: PeerSpec = PeerSpec()


def as_number(value: int | str) -> int:
    """An AS number: ``64512``, or in two halves ``1.10``. Raises ``ValueError``."""
    text = str(value)
    high, dot, low = text.partition(".")
    parts = [high, low] if dot else [high]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise ValueError(f"invalid AS Number format: {text}")
    found = (int(high) << 16 | int(low)) if dot else int(high)
    if found >= 1 << 32 or (dot and max(int(high), int(low)) >= 1 << 16):
        raise ValueError(f"invalid AS Number format: {text}")
    return found


def peer_address(text: str) -> tuple[str, int]:
    """``peerIP``: address and port, 0 without one. Raises ``ValueError``."""
    match = _PEER.fullmatch(text)
    address, port = (text, 0) if match is None else (match[1] or match[3], int(match[2] or match[4]))
    if words.parse_ip(address) is None or (match is not None and not 1 <= port <= 65535):
        raise ValueError("must be <IP>, <IPv4>:<port> or [<IPv6>]:<port>")
    return address, port


def check_configuration(given: BGPConfiguration, problems: Problems) -> None:
    """``validateBGPConfigurationSpec`` and the limits of the fields."""
    spec = given.spec
    if spec.log_severity_screen and spec.log_severity_screen not in _LEVELS:
        problems.unsupported("spec.logSeverityScreen", spec.log_severity_screen, _LEVELS)
    if spec.as_number is not None:
        _check_as(problems, spec.as_number)
    for name, blocks in (
        ("serviceClusterIPs", spec.service_cluster_ips),
        ("serviceExternalIPs", spec.service_external_ips),
        ("serviceLoadBalancerIPs", spec.service_load_balancer_ips),
    ):
        for index, block in enumerate(blocks):
            check_net(problems, f"spec.{name}[{index}].cidr", block.cidr)
    for index, community in enumerate(spec.communities):
        if not _COMMUNITY.fullmatch(community.value):
            problems.invalid(
                f"spec.communities[{index}].value", community.value, "must be of format `aa:nn` or `aa:nn:mm`"
            )
    known = {each.name for each in spec.communities}
    for index, prefix in enumerate(spec.prefix_advertisements):
        at = f"spec.prefixAdvertisements[{index}]"
        check_net(problems, f"{at}.cidr", prefix.cidr)
        for number, name in enumerate(prefix.communities):
            if name not in known and not _COMMUNITY.fullmatch(name):
                problems.invalid(f"{at}.communities[{number}]", name, "community used is invalid or not defined")
    if spec.listen_port is not None:
        problems.all("spec.listenPort", spec.listen_port, words.port_number(spec.listen_port))
    if given.metadata.name != "default" and (spec.node_mesh_password or spec.node_mesh_max_restart_time):
        name = "nodeMeshPassword" if spec.node_mesh_password else "nodeMeshMaxRestartTime"
        problems.forbidden(f"spec.{name}", f"Cannot set {name} on a non default BGP Configuration.")
    _check_modelled(spec, _CONFIGURATION_LACKS, f"BGPConfiguration {given.metadata.name}")
    if spec.listen_port not in {None, 179}:
        raise NotModelled("listenPort", f"BGPConfiguration {given.metadata.name}")
    if spec.bind_mode not in {None, "None"}:
        raise NotModelled("bindMode", f"BGPConfiguration {given.metadata.name}")


def _check_modelled(spec: ConfigurationSpec | PeerSpec, lacks: tuple[str, ...], where: str) -> None:
    """Raise ``NotModelled`` that names a field that BIRD's sessions here do not have."""
    for info in msgspec.structs.fields(type(spec)):
        if info.name in lacks and getattr(spec, info.name):
            raise NotModelled(info.encode_name, where)


def _check_as(problems: Problems, value: int | str) -> None:
    try:
        as_number(value)
    except ValueError as error:
        problems.invalid("spec.asNumber", value, str(error))


def check_peer(given: BGPPeer, problems: Problems) -> None:
    """``validateBGPPeerSpec``."""
    spec = given.spec
    check_selector(problems, "spec.nodeSelector", spec.node_selector)
    check_selector(problems, "spec.peerSelector", spec.peer_selector)
    _check_as(problems, spec.as_number)
    if spec.peer_ip:
        try:
            peer_address(spec.peer_ip)
        except ValueError as error:
            problems.invalid("spec.peerIP", spec.peer_ip, str(error))
    if spec.node and spec.node_selector:
        problems.invalid("spec.node", spec.node, "Node field must be empty when NodeSelector is specified")
    if spec.peer_ip and spec.peer_selector:
        problems.invalid("spec.peerIP", spec.peer_ip, "PeerIP field must be empty when PeerSelector is specified")
    if spec.as_number and spec.peer_selector:
        problems.invalid("spec.asNumber", spec.as_number, "ASNumber field must be empty when PeerSelector is specified")
    if spec.source_address not in {"", "UseNodeIP", "None"}:
        problems.unsupported("spec.sourceAddress", spec.source_address, ("UseNodeIP", "None"))
    if spec.reachable_by and not spec.peer_ip:
        problems.invalid("spec.reachableBy", spec.reachable_by, "ReachablyBy field must be empty when PeerIP is empty")
    where = f"BGPPeer {given.metadata.name}"
    _check_modelled(spec, _PEER_LACKS, where)
    if spec.source_address == "None":
        raise NotModelled("sourceAddress: None", where)
    if spec.peer_ip.startswith("[") or spec.peer_ip.count(":") > 1:
        raise NotModelled(f"peerIP: {spec.peer_ip} (BGP over IPv6)", where)
