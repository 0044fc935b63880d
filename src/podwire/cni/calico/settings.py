"""Settings that lie in the API server: FelixConfiguration, IPAMConfig, BGPConfiguration, KubeControllersConfiguration over ``Calico(...)``.

What an object names counts; of the rest the values that the cluster was made with. (A real Felix asks its environment first: in
manifests that set ``FELIX_…`` an object does not change that setting.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec

from podwire.cni.calico.config import Calico
from podwire.kube.calico.bgp import BGPConfiguration
from podwire.kube.calico.felix import FelixConfiguration, Modelled, word
from podwire.kube.calico.kinds import slot
from podwire.kube.calico.others import IPAMConfig, KubeControllersConfiguration

Objects = Callable[[str], Sequence[Any]]

_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "chain_insert_mode": "chainInsertMode",
        "default_endpoint_to_host_action": "defaultEndpointToHostAction",
        "iptables_filter_allow_action": "iptablesFilterAllowAction",
        "iptables_filter_deny_action": "iptablesFilterDenyAction",
        "iptables_mangle_allow_action": "iptablesMangleAllowAction",
        "service_loop_prevention": "serviceLoopPrevention",
        "workload_source_spoofing": "workloadSourceSpoofing",
    }
)
_OTHER_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {"allow_ipip": "allow_ipip_packets_from_workloads", "allow_vxlan": "allow_vxlan_packets_from_workloads"}
)


def default_of(objects: Objects, kind: str) -> Any:
    """The object ``default`` of a kind; None without."""
    return next((each for each in objects(slot(kind)) if each.metadata.name == "default"), None)


def effective(base: Calico, objects: Objects) -> Calico:
    """The settings that count. Raises ``ConfigError`` and ``NotModelled`` as ``Calico.check``."""
    changes: dict[str, Any] = {}
    felix: FelixConfiguration | None = default_of(objects, "FelixConfiguration")
    if felix is not None:
        changes |= dict(_felix(felix.spec))
    ipam: IPAMConfig | None = default_of(objects, "IPAMConfig")
    if ipam is not None:
        changes |= {name: getattr(ipam.spec, name) for name in ipam.spec.__struct_fields__}
    control: KubeControllersConfiguration | None = default_of(objects, "KubeControllersConfiguration")
    node = control.spec.controllers.node if control is not None else None
    if node is not None and node.host_endpoint is not None and node.host_endpoint.auto_create:
        changes["auto_host_endpoints"] = node.host_endpoint.auto_create == "Enabled"
    found = msgspec.structs.replace(base, **changes) if changes else base
    if found != base:
        found.check()
    return found


def _felix(spec: Any) -> Iterator[tuple[str, Any]]:
    for info in msgspec.structs.fields(Modelled):
        value = getattr(spec, info.name)
        if value is None or value == "":
            continue
        name = _OTHER_NAMES.get(info.name, info.name)
        if name in _WORDS:
            value = word(_WORDS[name], value)
        elif name.startswith("failsafe_"):
            value = tuple(":".join(filter(None, (each.protocol.lower(), str(each.port), each.net))) for each in value)
        elif name == "nat_port_range":
            value = str(value)
        yield name, value


def service_blocks(objects: Objects) -> tuple[str, ...]:
    """The ranges of Services that BGP announces (``serviceClusterIPs`` and its like), sorted."""
    bgp: BGPConfiguration | None = default_of(objects, "BGPConfiguration")
    if bgp is None:
        return ()
    spec = bgp.spec
    blocks = (*spec.service_cluster_ips, *spec.service_external_ips, *spec.service_load_balancer_ips)
    return tuple(sorted({block.cidr for block in blocks}))
