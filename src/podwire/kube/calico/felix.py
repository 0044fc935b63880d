"""Calico's FelixConfiguration (release v3.26): which of its fields podwire models, which say nothing of packets, and the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

import msgspec

from podwire.errors import NotModelled
from podwire.kube import words
from podwire.kube.calico.checks import check_net, port
from podwire.kube.invalid import Problems
from podwire.kube.meta import Metadata

ProtoPort = msgspec.defstruct(
    "ProtoPort", [("protocol", str, "TCP"), ("port", int, 0), ("net", str, "")], frozen=True, module=__name__
)


class Modelled(msgspec.Struct, frozen=True, kw_only=True):
    """What changes a node. None and "": as Felix decides."""

    allow_ipip: bool | None = msgspec.field(name="allowIPIPPacketsFromWorkloads", default=None)
    allow_vxlan: bool | None = msgspec.field(name="allowVXLANPacketsFromWorkloads", default=None)
    chain_insert_mode: str = msgspec.field(name="chainInsertMode", default="")
    default_endpoint_to_host_action: str = msgspec.field(name="defaultEndpointToHostAction", default="")
    device_route_protocol: int | None = msgspec.field(name="deviceRouteProtocol", default=None)
    device_route_source_address: str = msgspec.field(name="deviceRouteSourceAddress", default="")
    external_nodes_list: tuple[str, ...] | None = msgspec.field(name="externalNodesList", default=None)
    failsafe_inbound_host_ports: tuple[ProtoPort, ...] | None = msgspec.field(  # type: ignore[valid-type]
        name="failsafeInboundHostPorts", default=None
    )
    failsafe_outbound_host_ports: tuple[ProtoPort, ...] | None = msgspec.field(  # type: ignore[valid-type]
        name="failsafeOutboundHostPorts", default=None
    )
    interface_prefix: str = msgspec.field(name="interfacePrefix", default="")
    ipip_enabled: bool | None = msgspec.field(name="ipipEnabled", default=None)
    ipip_mtu: int | None = msgspec.field(name="ipipMTU", default=None)
    iptables_filter_allow_action: str = msgspec.field(name="iptablesFilterAllowAction", default="")
    iptables_filter_deny_action: str = msgspec.field(name="iptablesFilterDenyAction", default="")
    iptables_mangle_allow_action: str = msgspec.field(name="iptablesMangleAllowAction", default="")
    iptables_nat_outgoing_interface_filter: str = msgspec.field(name="iptablesNATOutgoingInterfaceFilter", default="")
    log_prefix: str = msgspec.field(name="logPrefix", default="")
    mtu_iface_pattern: str = msgspec.field(name="mtuIfacePattern", default="")
    nat_outgoing_address: str = msgspec.field(name="natOutgoingAddress", default="")
    nat_port_range: int | str | None = msgspec.field(name="natPortRange", default=None)
    remove_external_routes: bool | None = msgspec.field(name="removeExternalRoutes", default=None)
    service_loop_prevention: str = msgspec.field(name="serviceLoopPrevention", default="")
    vxlan_enabled: bool | None = msgspec.field(name="vxlanEnabled", default=None)
    vxlan_mtu: int | None = msgspec.field(name="vxlanMTU", default=None)
    vxlan_port: int | None = msgspec.field(name="vxlanPort", default=None)
    vxlan_vni: int | None = msgspec.field(name="vxlanVNI", default=None)
    workload_source_spoofing: str = msgspec.field(name="workloadSourceSpoofing", default="")


SILENT: Final = tuple(
    "bpfLogLevel dataplaneWatchdogTimeout debugDisableLogDropping debugMemoryProfilePath "
    "endpointReportingDelay endpointReportingEnabled healthEnabled healthHost healthPort healthTimeoutOverrides "
    "iptablesLockFilePath iptablesLockProbeInterval iptablesLockTimeout iptablesPostWriteCheckInterval "
    "logDebugFilenameRegex logFilePath logSeverityFile logSeverityScreen logSeveritySys netlinkTimeout "
    "prometheusGoMetricsEnabled prometheusMetricsEnabled prometheusMetricsHost prometheusMetricsPort "
    "prometheusProcessMetricsEnabled prometheusWireGuardMetricsEnabled reportingInterval reportingTTL "
    "usageReportingEnabled usageReportingInitialDelay usageReportingInterval".split()
)
"""Logs, health and metrics: no packet and no rule depends on them."""
STANDARD: Final[Mapping[str, tuple[object, ...]]] = MappingProxyType(
    {
        "awsSrcDstCheck": ("DoNothing",),
        "bpfEnabled": (False,),
        "dataplaneDriver": ("", "calico-iptables-plugin"),
        "disableConntrackInvalidCheck": (False,),
        "featureDetectOverride": ("",),
        "featureGates": ("",),
        "floatingIPs": ("Disabled",),
        "genericXDPEnabled": (False,),
        "interfaceExclude": ("", "kube-ipvs0"),
        "interfaceRefreshInterval": ("90s", "1m30s"),
        "ipsetsRefreshInterval": ("90s", "1m30s"),
        "iptablesBackend": ("Auto", "auto"),
        "iptablesMarkMask": (0xFFFF0000,),
        "iptablesRefreshInterval": ("90s", "1m30s"),
        "ipv6Support": (False,),
        "maxIpsetSize": (1048576,),
        "openstackRegion": ("",),
        "policySyncPathPrefix": ("",),
        "routeRefreshInterval": ("90s", "1m30s"),
        "routeSource": ("CalicoIPAM",),
        "routeSyncDisabled": (False,),
        "sidecarAccelerationEnabled": (False,),
        "useInternalDataplaneDriver": (True,),
        "wireguardEnabled": (False,),
        "wireguardEnabledV6": (False,),
        "wireguardHostEncryptionEnabled": (False,),
    }
)
"""Fields of which podwire models these values alone."""
_OTHERS: Final = tuple(
    "bpfConnectTimeLoadBalancingEnabled bpfDSROptoutCIDRs bpfDataIfacePattern bpfDisableUnprivileged "
    "bpfEnforceRPF bpfExtToServiceConnmark bpfExternalServiceMode bpfForceTrackPacketsFromIfaces bpfHostConntrackBypass "
    "bpfKubeProxyEndpointSlicesEnabled bpfKubeProxyIptablesCleanupEnabled bpfKubeProxyMinSyncPeriod bpfL3IfacePattern "
    "bpfMapSizeConntrack bpfMapSizeIPSets bpfMapSizeIfState bpfMapSizeNATAffinity bpfMapSizeNATBackend "
    "bpfMapSizeNATFrontend bpfMapSizeRoute bpfPSNATPorts bpfPolicyDebugEnabled debugSimulateCalcGraphHangAfter "
    "debugSimulateDataplaneHangAfter deviceRouteSourceAddressIPv6 kubeNodePortRanges metadataAddr metadataPort "
    "routeTableRange routeTableRanges vxlanMTUV6 wireguardInterfaceName wireguardInterfaceNameV6 wireguardKeepAlive "
    "wireguardListeningPort wireguardListeningPortV6 wireguardMTU wireguardMTUV6 wireguardRoutingRulePriority "
    "xdpEnabled xdpRefreshInterval".split()
)
"""Fields that podwire does not model at all: settings of data planes that it has not."""
_UNSAID: Final = tuple(
    (name.lower(), Any, msgspec.field(name=name, default=None)) for name in (*STANDARD, *_OTHERS, *SILENT)
)
FelixSpec = msgspec.defstruct("FelixSpec", [*_UNSAID], bases=(Modelled,), frozen=True, kw_only=True, module=__name__)


class FelixConfiguration(msgspec.Struct, frozen=True, rename="camel"):
    """``default`` speaks of all nodes."""

    api_version: Literal["crd.projectcalico.org/v1"]
    kind: Literal["FelixConfiguration"]
    metadata: Metadata
    spec: FelixSpec = FelixSpec()  # type: ignore[valid-type]


_WORDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "chainInsertMode": ("insert", "append"),
        "defaultEndpointToHostAction": ("Drop", "Accept", "Return"),
        "iptablesFilterAllowAction": ("Accept", "Return"),
        "iptablesFilterDenyAction": ("Drop", "Reject"),
        "iptablesMangleAllowAction": ("Accept", "Return"),
        "serviceLoopPrevention": ("Drop", "Reject", "Disabled"),
        "workloadSourceSpoofing": ("Disabled", "Any"),
    }
)
_NUMBERS: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {
        "deviceRouteProtocol": (3, 255),
        "ipipMTU": (68, 65515),
        "vxlanMTU": (68, 65535),
        "vxlanPort": (1, 65535),
        "vxlanVNI": (1, 16777215),
    }
)
_INTERFACES: Final = re.compile(r"[a-zA-Z0-9:._+-]{1,15}", re.ASCII)


def word(name: str, value: str) -> str:
    """One of a field's words as Felix spells it: case does not count. The value itself where it is none of them."""
    return next((each for each in _WORDS[name] if each.lower() == value.lower()), value)


def check_felix(given: FelixConfiguration, problems: Problems) -> None:
    """``validateFelixConfigSpec``. Raises ``NotModelled`` that names a field, or a value of it, that podwire does not simulate."""
    if given.metadata.name != "default":
        raise NotModelled("settings of single nodes", f"FelixConfiguration {given.metadata.name}")
    spec: Any = given.spec
    members = {info.encode_name: getattr(spec, info.name) for info in msgspec.structs.fields(FelixSpec)}
    for name, value in members.items():
        if value is None or name in SILENT:
            continue
        if name in _OTHERS or (name in STANDARD and value not in STANDARD[name]):
            raise NotModelled(f"{name}: {value}", "FelixConfiguration default")
    for name, known in _WORDS.items():
        value = members[name]
        if value and word(name, value) not in known:
            problems.unsupported(f"spec.{name}", value, known)
    for name, (low, high) in _NUMBERS.items():
        value = members[name]
        if value is not None and not (low <= value <= high or (value == 0 and name.endswith("MTU"))):
            problems.invalid(f"spec.{name}", value, f"must be between {low} and {high}")
    if members["interfacePrefix"] not in {"", "cali"}:
        raise NotModelled(
            f"interfacePrefix: {members['interfacePrefix']} on a running cluster", "FelixConfiguration default"
        )
    _check_ports(problems, spec)
    _check_texts(problems, spec, members)


def _check_ports(problems: Problems, spec: Any) -> None:
    if spec.nat_port_range is not None:
        try:
            if isinstance(port(spec.nat_port_range), str):
                problems.invalid("spec.natPortRange", spec.nat_port_range, "port range invalid")
        except ValueError as error:
            problems.invalid("spec.natPortRange", spec.nat_port_range, str(error))
    for name, ports in (
        ("failsafeInboundHostPorts", spec.failsafe_inbound_host_ports),
        ("failsafeOutboundHostPorts", spec.failsafe_outbound_host_ports),
    ):
        for index, each in enumerate(ports or ()):
            at = f"spec.{name}[{index}]"
            if each.protocol.upper() not in {"TCP", "UDP", "SCTP"}:
                problems.invalid(f"{at}.protocol", each.protocol, "protocol must be 'TCP' or 'UDP' or 'SCTP'.")
            problems.all(f"{at}.port", each.port, words.port_number(each.port))
            if each.net:
                check_net(problems, f"{at}.net", each.net)


def _check_texts(problems: Problems, spec: Any, members: Mapping[str, Any]) -> None:
    try:
        re.compile(spec.mtu_iface_pattern)
    except re.error as error:
        problems.invalid("spec.mtuIfacePattern", spec.mtu_iface_pattern, str(error))
    for name in ("natOutgoingAddress", "deviceRouteSourceAddress"):
        ip = words.parse_ip(members[name]) if members[name] else None
        if members[name] and (ip is None or ip.bits != 32):
            problems.invalid(f"spec.{name}", members[name], "is not a valid IPv4 address")
    for index, text in enumerate(spec.external_nodes_list or ()):
        net = check_net(problems, f"spec.externalNodesList[{index}]", text)
        if net is not None and net.addr.bits != 32:
            problems.invalid(f"spec.externalNodesList[{index}]", text, "has invalid IPv6 CIDR")
    devices = spec.iptables_nat_outgoing_interface_filter
    if devices and not _INTERFACES.fullmatch(devices):
        problems.invalid(
            "spec.iptablesNATOutgoingInterfaceFilter", devices, "must be the name of interfaces, such as eth+"
        )
