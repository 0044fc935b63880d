"""Clusters of Cilium's in every mode, and what the tests of packet walks read from a trace."""

from typing import Any, Final

from podwire import Cilium, Cluster, NicSpec, Trace
from podwire.cni.cilium.backend import CiliumBackend
from podwire.trace.events import BpfTrace, Received, Transmitted
from podwire.wire.addr import Mac
from podwire.wire.headers import Ethernet, IPv4

BPF: Final[dict[str, Any]] = {"kube_proxy_replacement": True, "bpf_masquerade": True}
"""BPF host routing."""
LEGACY: Final[dict[str, Any]] = {**BPF, "bpf_host_legacy_routing": True}
QUIET: Final[dict[str, Any]] = {"health_checking": False}
NATIVE: Final[dict[str, Any]] = {
    "routing_mode": "native",
    "auto_direct_node_routes": True,
    "ipv4_native_routing_cidr": "172.20.0.0/16",
}
POOL: Final[dict[str, Any]] = {"ipam_operator_cluster_pool_ipv4_pod_cidr_list": ("172.20.0.0/16",)}


def make(nodes: int = 2, *, uplinks: bool = True, **values: Any) -> Any:
    """A Cluster: nodes on one network, each with a second device beside it (so no ENABLE_SKIP_FIB) unless ``uplinks`` is False."""
    lab = Cluster(Cilium(**{**POOL, **QUIET, **values}))
    lab.add_network("lan", "192.168.10.0/24")
    for number in range(1, nodes + 1):
        node = f"node{number}"
        if not uplinks:
            lab.add_node(node, f"192.168.10.{100 + number}/24", network="lan")
            continue
        if number == 1:
            lab.add_network("other", "10.9.0.0/24")
        nics = [
            NicSpec("eth1", "lan", f"192.168.10.{100 + number}/24"),
            NicSpec("eth0", "other", f"10.9.0.{100 + number}/24"),
        ]
        lab.add_node(node, nics=nics)
    return lab


def routed(**values: Any) -> Any:
    """A Cluster: node1 and node2 in networks of their own, a router between them that knows where the pods are."""
    lab = Cluster(Cilium(**{**POOL, **QUIET, **values}))
    lab.add_network("lan10", "192.168.10.0/24")
    lab.add_network("lan20", "192.168.20.0/24")
    lab.add_network("other", "10.9.0.0/24")
    router = lab.add_router("router", {"lan10": "192.168.10.200", "lan20": "192.168.20.200"})
    for number, network in ((1, "10"), (2, "20")):
        nics = [
            NicSpec("eth1", f"lan{network}", f"192.168.{network}.100/24"),
            NicSpec("eth0", "other", f"10.9.0.{100 + number}/24"),
        ]
        gateway = f"192.168.{network}.200"
        other = "20" if network == "10" else "10"
        lab.add_node(
            f"node{number}", nics=nics, routes=[f"192.168.{other}.0/24 via {gateway}", f"172.20.0.0/16 via {gateway}"]
        )
    router.exec("ip route add 172.20.0.0/24 via 192.168.10.100")
    router.exec("ip route add 172.20.1.0/24 via 192.168.20.100")
    return lab


def cilium(lab: Cluster) -> CiliumBackend:
    """The backend of a cluster of Cilium's."""
    assert isinstance(lab.backend, CiliumBackend)
    return lab.backend


def points(trace: Trace) -> dict[str, list[str]]:
    """The observation points by node, in order: ``from-endpoint``."""
    found: dict[str, list[str]] = {}
    for step in steps(trace):
        if isinstance(step.event, BpfTrace):
            found.setdefault(step.machine, []).append(step.event.point.lower().replace("_", "-"))
    return found


def steps(trace: Trace) -> list[Any]:
    """All records of a trace."""
    return [step for hop in trace.hops for step in hop.steps]


def taps(trace: Trace) -> list[tuple[str, Any]]:
    """Every frame that a tap sees: place, event."""
    return [
        (f"{step.netns}:{step.event.dev}", step.event)
        for step in steps(trace)
        if isinstance(step.event, Received | Transmitted)
    ]


def ttls(trace: Trace) -> list[tuple[str, int]]:
    """Place and TTL of the innermost IPv4 header, equal neighbours merged."""
    found: list[tuple[str, int]] = []
    for place, event in taps(trace):
        inner = [header for header in event.frame.layers if isinstance(header, IPv4)][-1]
        if found[-1:] != [(place, inner.ttl)]:
            found.append((place, inner.ttl))
    return found


def outer_ttls(trace: Trace) -> dict[str, int]:
    """The TTL of the outer header where there are two."""
    found = {}
    for place, event in taps(trace):
        headers = [header for header in event.frame.layers if isinstance(header, IPv4)]
        if len(headers) > 1:
            found[place] = headers[0].ttl
    return found


def macs(trace: Trace, place: str, *, inner: bool = False) -> tuple[Mac, Mac]:
    """Source and destination of the first frame at a place; ``inner`` those of the frame inside a tunnel."""
    event = next(event for where, event in taps(trace) if where == place)
    headers = [header for header in event.frame.layers if isinstance(header, Ethernet)]
    header = headers[-1 if inner else 0]
    return header.src, header.dst


def mac_of(lab: Cluster, place: str) -> Mac:
    """The MAC of ``default/a:eth0``."""
    name, _, dev = place.rpartition(":")
    link = lab.machine(name).place.netns.link(dev)
    assert link is not None
    return link.mac
