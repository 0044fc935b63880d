"""The resources of calicoctl: their names, and the columns of their tables (calicoctl, resourcemgr; reference sheet Calico, 2.5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

Document = Mapping[str, Any]
Cell = Callable[[Document, str], str]
"""A cell from a document and the cluster's AS number."""
_SHORTENED: Final = 80


class Resource(msgspec.Struct, frozen=True, eq=False):
    """A kind: the words that mean it, columns, those of ``-o wide``, and what stands in each. ``namespaced`` kinds have NAMESPACE too."""

    kind: str
    names: tuple[str, ...]
    columns: tuple[str, ...]
    wide: tuple[str, ...]
    cells: Mapping[str, Cell]
    namespaced: bool = False


def value(document: Document, path: str) -> Any:
    """What stands at a path such as ``spec.cidr``; None where nothing does."""
    found: Any = document
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def shown(what: Any) -> str:
    """A value as a template of Go's prints it."""
    if isinstance(what, bool):
        return "true" if what else "false"
    if isinstance(what, float) and what.is_integer():
        return str(int(what))
    return str(what)


def joined(items: Any, limit: int = 0) -> str:
    """A list with commas; a map as sorted ``key=value``; beyond the limit dots."""
    if not items:
        return ""
    texts = sorted(f"{key}={each}" for key, each in items.items()) if isinstance(items, Mapping) else map(shown, items)
    text = ",".join(texts)
    return text if not limit or len(text) <= limit else f"{text[: limit - 3]}..."


def _at(path: str, default: str = "") -> Cell:
    def cell(document: Document, asn: str) -> str:
        del asn
        found = value(document, path)
        return default if found in {None, ""} else shown(found)

    return cell


def _list(path: str, limit: int = 0) -> Cell:
    return lambda document, _: joined(value(document, path), limit)


def _count(path: str) -> Cell:
    return lambda document, _: str(len(value(document, path) or ()))


def _node_asn(document: Document, asn: str) -> str:
    """The node's own AS number, else the cluster's in brackets; nothing without BGP."""
    if value(document, "spec.bgp") is None:
        return ""
    own = value(document, "spec.bgp.asNumber")
    return shown(own) if own is not None else f"({asn})"


def _nats(document: Document, asn: str) -> str:
    """Go's print of a struct: its fields between braces."""
    del asn
    return ",".join(f"{{{each['internalIP']} {each['externalIP']}}}" for each in value(document, "spec.ipNATs") or ())


def _peer_nodes(document: Document, asn: str) -> str:
    del asn
    return value(document, "spec.node") or value(document, "spec.nodeSelector") or "(global)"


_NAME: Final = _at("metadata.name")
_NAMESPACE: Final = _at("metadata.namespace")


def _plain(kind: str, names: str, wide: Mapping[str, Cell] | None = None, *, namespaced: bool = False) -> Resource:
    """A kind whose table is NAME alone; ``wide`` are further columns."""
    cells = {"NAME": _NAME, **({"NAMESPACE": _NAMESPACE} if namespaced else {}), **(wide or {})}
    return Resource(kind, tuple(names.split()), ("NAME",), ("NAME", *(wide or {})), cells, namespaced)


def _same(kind: str, names: str, cells: Mapping[str, Cell]) -> Resource:
    """A kind whose wide table is the same."""
    columns = ("NAME", *cells)
    return Resource(kind, tuple(names.split()), columns, columns, {"NAME": _NAME, **cells})


_POLICY: Final = {"ORDER": _at("spec.order", "<nil>"), "SELECTOR": _at("spec.selector")}

RESOURCES: Final = (
    _same(
        "BGPConfiguration",
        "bgpconfiguration bgpconfigurations bgpconfig bgpconfigs",
        {
            "LOGSEVERITY": _at("spec.logSeverityScreen"),
            "MESHENABLED": _at("spec.nodeToNodeMeshEnabled", "-"),
            "ASNUMBER": _at("spec.asNumber", "-"),
        },
    ),
    _same(
        "BGPFilter",
        "bgpfilter bgpfilters bgpf bgpfs bf bfs",
        {f"NUM{way.upper()}": _count(f"spec.{way}") for way in ("exportV4", "importV4", "exportV6", "importV6")},
    ),
    _same(
        "BGPPeer",
        "bgppeer bgppeers bgpp bgpps bp bps",
        {"PEERIP": _at("spec.peerIP"), "NODE": _peer_nodes, "ASN": _at("spec.asNumber", "0")},
    ),
    _same(
        "ClusterInformation",
        "clusterinformation clusterinformations clusterinfo clusterinfos",
        {
            "CLUSTERGUID": _at("spec.clusterGUID"),
            "CLUSTERTYPE": _at("spec.clusterType"),
            "CALICOVERSION": _at("spec.calicoVersion"),
            "DATASTOREREADY": _at("spec.datastoreReady", "<nil>"),
        },
    ),
    _plain("FelixConfiguration", "felixconfiguration felixconfigurations felixconfig felixconfigs"),
    _plain("GlobalNetworkPolicy", "globalnetworkpolicy globalnetworkpolicies gnp gnps", _POLICY),
    _plain("GlobalNetworkSet", "globalnetworkset globalnetworksets gnetsets", {"NETS": _list("spec.nets", _SHORTENED)}),
    Resource(
        "HostEndpoint",
        ("hostendpoint", "hostendpoints", "hep", "heps"),
        ("NAME", "NODE"),
        ("NAME", "NODE", "INTERFACE", "IPS", "PROFILES"),
        {
            "NAME": _NAME,
            "NODE": _at("spec.node"),
            "INTERFACE": _at("spec.interfaceName"),
            "IPS": _list("spec.expectedIPs"),
            "PROFILES": _list("spec.profiles"),
        },
    ),
    Resource(
        "IPPool",
        ("ippool", "ippools", "ipp", "ipps", "pool", "pools"),
        ("NAME", "CIDR", "SELECTOR"),
        ("NAME", "CIDR", "NAT", "IPIPMODE", "VXLANMODE", "DISABLED", "DISABLEBGPEXPORT", "SELECTOR"),
        {
            "NAME": _NAME,
            "CIDR": _at("spec.cidr"),
            "NAT": _at("spec.natOutgoing", "false"),
            "IPIPMODE": _at("spec.ipipMode", "Never"),
            "VXLANMODE": _at("spec.vxlanMode", "Never"),
            "DISABLED": _at("spec.disabled", "false"),
            "DISABLEBGPEXPORT": _at("spec.disableBGPExport", "false"),
            "SELECTOR": _at("spec.nodeSelector"),
        },
    ),
    _plain(
        "IPReservation",
        "ipreservation ipreservations reservation reservations",
        {"CIDRS": _list("spec.reservedCIDRs", _SHORTENED)},
    ),
    _plain(
        "KubeControllersConfiguration",
        "kubecontrollersconfiguration kubecontrollersconfigurations kubecontrollersconfig kubecontrollersconfigs",
    ),
    _plain(
        "NetworkPolicy",
        "networkpolicy networkpolicies policy np policies pol pols",
        _POLICY,
        namespaced=True,
    ),
    _plain(
        "NetworkSet",
        "networkset networksets netsets",
        {"NETS": _list("spec.nets", _SHORTENED)},
        namespaced=True,
    ),
    Resource(
        "Node",
        ("node", "nodes", "no", "nos"),
        ("NAME",),
        ("NAME", "ASN", "IPV4", "IPV6"),
        {
            "NAME": _NAME,
            "ASN": _node_asn,
            "IPV4": _at("spec.bgp.ipv4Address"),
            "IPV6": _at("spec.bgp.ipv6Address"),
        },
    ),
    _plain("Profile", "profile profiles pro pros", {"LABELS": _list("spec.labelsToApply")}),
    Resource(
        "WorkloadEndpoint",
        ("workloadendpoint", "workloadendpoints", "wep", "weps"),
        ("WORKLOAD", "NODE", "NETWORKS", "INTERFACE"),
        ("NAME", "WORKLOAD", "NODE", "NETWORKS", "INTERFACE", "PROFILES", "NATS"),
        {
            "NAME": _NAME,
            "NAMESPACE": _NAMESPACE,
            "NODE": _at("spec.node"),
            "ORCHESTRATOR": _at("spec.orchestrator"),
            "WORKLOAD": lambda document, _: value(document, "spec.workload") or value(document, "spec.pod"),
            "NETWORKS": _list("spec.ipNetworks"),
            "NATS": _nats,
            "PROFILES": _list("spec.profiles"),
            "INTERFACE": _at("spec.interfaceName"),
        },
        namespaced=True,
    ),
)


def named(word: str) -> Resource | None:
    """The resource that a word means, in any case."""
    return next((each for each in RESOURCES if word.lower() in each.names), None)


def of_kind(kind: str) -> Resource | None:
    """The resource of a manifest's ``kind``."""
    return next((each for each in RESOURCES if each.kind == kind), None)
