"""The modes under test: how a lab of each is built, and what the reference sheets say of it.

A way is written as a line of steps ``DEVICE TTL``, where ``TTL`` is that of the packet which people sent, and behind it, where that
packet is inside another one, the kind of tunnel and the TTL of the outer header: ``N.eth0 63 ipip 63``. Devices stand for roles:

    A, B    eth0 of the sending and of the receiving pod            N.x, M.x  device x of the sender's and of the receiver's node
    a, b    their interfaces on their nodes                         C.x       device x of the outside host
    R.near, R.far   the router's devices towards the sender and towards the receiver

The answer takes the way of the opposite kind of pair: there A is who was asked. Where it takes another, a line ``KIND, back`` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal

from podwire.cluster import Cluster, Handle, Node, Pod
from podwire.cni.calico.config import Calico, IPPool
from podwire.cni.cilium.config import Cilium
from podwire.platform.gke import GKE

CLIENT: Final = "203.0.113.7"


@dataclass(frozen=True)
class Tunnel:
    """The outer headers: UDP destination port, VNI (0: it says who sends, see ``test_ways``) and don't-fragment."""

    kind: str
    port: int = 0
    vni: int = 0
    df: bool = False
    overhead: int = 50
    """Bytes of all that is around the inner IP packet, but for the outer Ethernet header."""


@dataclass(frozen=True)
class Mode:
    """One mode. ``ways`` maps a kind of pair to its line; a kind that is missing cannot be had there."""

    name: str
    build: Callable[[], Cluster]
    pod_mtu: int
    """Of eth0 in a pod and of its peer."""
    payload: int
    """The largest ``ping -M do -s`` between pods of different nodes."""
    ways: Mapping[str, str]
    arrives: Mapping[str, int] = field(default_factory=dict)
    """The TTL with which the receiver's kernel gets the packet, where it is not that of the last device."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """By kind of pair, the device of the sender's node whose address it takes; else eth0 of whoever sends."""
    tunnel: Tunnel | None = None
    translating: Callable[[], Cluster] | None = None
    """The same with masquerading, where ``build`` has none."""
    outside: str = "192.168.10.101"
    """The address that an outside host sees of pod1, once nodes masquerade."""
    next_address: bool = True
    """A pod gets the address behind the last one that its node gave out; else any free one."""
    stays: tuple[str, ...] = ()
    """Patterns of what the first pod brings to a node and the last leaves there."""
    links: tuple[tuple[str, int], ...] = ()
    """Devices of a node beside lo, eth0 and those of pods, with their MTU."""

    def __str__(self) -> str:
        return self.name

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of pairs that the mode has."""
        return tuple(kind for kind in self.ways if kind in PAIRS)

    def back(self, kind: str) -> str:
        """The line of the answer."""
        return self.ways.get(f"{kind}, back") or self.ways[BACK[kind]]


@dataclass(frozen=True)
class Lab:
    """pod1 and pod2 on node w1, pod3 on w2 in the same subnet, pod4 on w3 in another one where there is one."""

    mode: Mode
    cluster: Cluster

    @classmethod
    def of(cls, mode: Mode) -> Lab:
        """A fresh one."""
        return cls.with_pods(mode, mode.build())

    @classmethod
    def with_pods(cls, mode: Mode, cluster: Cluster) -> Lab:
        """The pods come to a cluster that has none; a router learns the way to each of them (until nodes masquerade)."""
        names = {node.name for node in cluster.nodes}
        for pod, node in PLACES:
            if node in names:
                way_back(cluster, cluster.run(pod, node=node))
        return cls(mode, cluster)

    def pair(self, kind: str) -> tuple[Handle, Handle]:
        """Sender and receiver of a kind of pair."""
        sender, receiver = PAIRS[kind]
        return self.cluster.machine(sender), self.cluster.machine(receiver)


PAIRS: Final = MappingProxyType(
    {
        "same node": ("pod1", "pod2"),
        "same subnet": ("pod1", "pod3"),
        "other subnet": ("pod1", "pod4"),
        "pod to its node": ("pod1", "w1"),
        "node to its pod": ("w1", "pod1"),
        "pod to far node": ("pod1", "w2"),
        "far node to pod": ("w2", "pod1"),
        "pod to node in other subnet": ("pod1", "w3"),
        "node in other subnet to pod": ("w3", "pod1"),
        "pod to outside": ("pod1", "client"),
        "outside to pod": ("client", "pod1"),
    }
)
BACK: Final = MappingProxyType(
    {
        "same node": "same node",
        "same subnet": "same subnet",
        "other subnet": "other subnet",
        "pod to its node": "node to its pod",
        "node to its pod": "pod to its node",
        "pod to far node": "far node to pod",
        "far node to pod": "pod to far node",
        "pod to node in other subnet": "node in other subnet to pod",
        "node in other subnet to pod": "pod to node in other subnet",
        "pod to outside": "outside to pod",
        "outside to pod": "pod to outside",
    }
)
"""The kind of pair whose way an answer takes."""
PLACES: Final = (("pod1", "w1"), ("pod2", "w1"), ("pod3", "w2"), ("pod4", "w3"))


def way_back(cluster: Cluster, pod: Pod) -> None:
    """The router learns where a pod is, as a network's administrator would tell it."""
    if "router" in cluster.network.machines:
        cluster.host("router").exec(f"ip route replace {pod.ip} via {pod.node.ip}")


def _two_subnets(cluster: Cluster) -> Cluster:
    """w1 and w2 in one subnet, w3 in another, the outside host in a third; one router between all of them."""
    for name, cidr in (("lan10", "192.168.10.0/24"), ("lan20", "192.168.20.0/24"), ("wan", "203.0.113.0/24")):
        cluster.add_network(name, cidr)
    cluster.add_router("router", {"lan10": "192.168.10.1", "lan20": "192.168.20.1", "wan": "203.0.113.1"})
    cluster.add_node("w1", "192.168.10.101/24", network="lan10")
    cluster.add_node("w2", "192.168.10.102/24", network="lan10")
    cluster.add_node("w3", "192.168.20.103/24", network="lan20")
    cluster.add_host("client", f"{CLIENT}/24", network="wan")
    return cluster


# No tunnel, no proxy: nodes route, and each takes one from the TTL. Between two nodes of a subnet, and in Google's VPC, nobody else does
# (reference sheets Calico, 1.3; kube-proxy and GKE, 3.1 and 4.1).
_ROUTED: Final = MappingProxyType(
    {
        "same node": "A 64, a 64, b 63, B 63",
        "same subnet": "A 64, a 64, N.eth0 63, M.eth0 63, b 62, B 62",
        "pod to its node": "A 64, a 64",
        "node to its pod": "b 64, B 64",
        "pod to far node": "A 64, a 64, N.eth0 63, M.eth0 63",
        "far node to pod": "N.eth0 64, M.eth0 64, b 63, B 63",
    }
)
_ROUTED_SUBNETS: Final = MappingProxyType(
    {
        **_ROUTED,
        "other subnet": "A 64, a 64, N.eth0 63, R.near 63, R.far 62, M.eth0 62, b 61, B 61",
        "pod to node in other subnet": "A 64, a 64, N.eth0 63, R.near 63, R.far 62, M.eth0 62",
        "node in other subnet to pod": "N.eth0 64, R.near 64, R.far 63, M.eth0 63, b 62, B 62",
        "pod to outside": "A 64, a 64, N.eth0 63, R.near 63, R.far 62, C.eth0 62",
        "outside to pod": "C.eth0 64, R.near 64, R.far 63, M.eth0 63, b 62, B 62",
    }
)


# -- GKE --------------------------------------------------------------------------------------------------------------


def _gke(config: GKE, client: str = CLIENT) -> Callable[[], Cluster]:
    def build() -> Cluster:
        cluster = Cluster(config)
        cluster.add_vpc("vpc", "10.0.0.0/24")
        cluster.add_node("w1", external_ip="34.1.2.3")
        cluster.add_node("w2", external_ip="34.1.2.4")
        cluster.add_host("client", client)
        return cluster

    return build


_PUBLIC: Final = "121.167.232.64"
"""GKE does not masquerade towards the addresses for documentation, of which ``CLIENT`` is one (kube-proxy and GKE sheet, 3.4)."""


_HOST_LOCAL: Final = ("file /var/lib/cni/networks/*/lock *", "file /var/lib/cni/networks/*/last_reserved_ip.0 *")
"""host-local remembers the last address that it gave (2.4)."""

GKE_PTP: Final = Mode(
    "gke-ptp",
    _gke(GKE()),
    pod_mtu=1460,
    payload=1432,
    ways=_ROUTED,
    sources={"node to its pod": "b"},  # the gateway's address is on the pair itself (F115)
    links=(("docker0", 1500),),
    outside="34.1.2.3",
    translating=_gke(GKE(), _PUBLIC),
    stays=_HOST_LOCAL,
)
GKE_CALICO: Final = Mode(
    "gke-calico",
    _gke(GKE(dataplane="calico")),
    pod_mtu=1460,
    payload=1432,
    ways=_ROUTED,
    outside="34.1.2.3",
    translating=_gke(GKE(dataplane="calico"), _PUBLIC),
    links=(("docker0", 1500),),
    stays=_HOST_LOCAL,
)

# -- Calico -----------------------------------------------------------------------------------------------------------


def _calico(pool: IPPool, backend: Literal["bird", "vxlan"] = "bird") -> Callable[[], Cluster]:
    return lambda: _two_subnets(Cluster(Calico(ip_pools=(pool,), backend=backend)))


_POOL: Final = "10.244.0.0/16"


def _calico_tunnel(kind: str, device: str) -> dict[str, str]:
    """Between nodes everything that a node routes into the pool goes through the tunnel, whatever is between them."""

    def through(ttl: int, *, routed: bool) -> str:
        outer = 64 if kind == "vxlan" else ttl  # IPIP copies the inner TTL (reference sheet Calico, 1.5 and 1.6)
        behind = outer - 1 if routed else outer
        router = f"R.near {ttl} {kind} {outer}, R.far {ttl} {kind} {behind}, " if routed else ""
        return f"N.{device} {ttl}, N.eth0 {ttl} {kind} {outer}, {router}M.eth0 {ttl} {kind} {behind}, M.{device} {ttl}"

    ways = dict(_ROUTED_SUBNETS)
    for near, routed in (("same subnet", False), ("other subnet", True)):
        ways[near] = f"A 64, a 64, {through(63, routed=routed)}, b 62, B 62"
    for node, routed in (("far node", False), ("node in other subnet", True)):
        ways[f"{node} to pod"] = f"{through(64, routed=routed)}, b 63, B 63"
        # The answer goes to the tunnel's address, which is in the pool.
        ways[f"{node} to pod, back"] = f"A 64, a 64, {through(63, routed=routed)}"
    return ways


def _crossing(always: Mapping[str, str]) -> dict[str, str]:
    """CrossSubnet: within a subnet as without a tunnel."""
    within = ("same subnet", "far node to pod")
    ways = {kind: line for kind, line in always.items() if not kind.startswith(within)}
    return ways | {kind: _ROUTED_SUBNETS[kind] for kind in within}


_IPIP: Final = _calico_tunnel("ipip", "tunl0")
_VXLAN: Final = _calico_tunnel("vxlan", "vxlan.calico")
_IPIP_HEADER: Final = Tunnel("ipip", overhead=20)
_VXLAN_HEADER: Final = Tunnel("vxlan", port=4789, vni=4096, overhead=50)

CALICO_NONE: Final = Mode(
    "calico-none",
    _calico(IPPool(_POOL)),
    translating=_calico(IPPool(_POOL, nat_outgoing=True)),
    pod_mtu=1500,
    payload=1472,
    ways=_ROUTED_SUBNETS,
    # The block stays with the node, and the others keep their route to it.
    stays=(
        "route table 254 blackhole 10.244.*/26 * proto 12 *",
        "route table 254 unicast 10.244.*/26 via * proto 12 *",
    ),
)
CALICO_IPIP: Final = Mode(
    "calico-ipip",
    _calico(IPPool(_POOL, ipip_mode="Always")),
    translating=_calico(IPPool(_POOL, ipip_mode="Always", nat_outgoing=True)),
    pod_mtu=1480,
    payload=1452,
    ways=_IPIP,
    sources={"far node to pod": "tunl0", "node in other subnet to pod": "tunl0"},
    tunnel=_IPIP_HEADER,
    links=(("tunl0", 1480),),
)
CALICO_IPIP_CROSS_SUBNET: Final = Mode(
    "calico-ipip-cross-subnet",
    _calico(IPPool(_POOL, ipip_mode="CrossSubnet")),
    translating=_calico(IPPool(_POOL, ipip_mode="CrossSubnet", nat_outgoing=True)),
    pod_mtu=1480,
    payload=1452,
    ways=_crossing(_IPIP),
    sources={"node in other subnet to pod": "tunl0"},
    tunnel=_IPIP_HEADER,
    links=(("tunl0", 1480),),
)
CALICO_VXLAN: Final = Mode(
    "calico-vxlan",
    _calico(IPPool(_POOL, vxlan_mode="Always"), "vxlan"),
    translating=_calico(IPPool(_POOL, vxlan_mode="Always", nat_outgoing=True), "vxlan"),
    pod_mtu=1450,
    payload=1422,
    ways=_VXLAN,
    sources={"far node to pod": "vxlan.calico", "node in other subnet to pod": "vxlan.calico"},
    tunnel=_VXLAN_HEADER,
    links=(("vxlan.calico", 1450),),
)
CALICO_VXLAN_CROSS_SUBNET: Final = Mode(
    "calico-vxlan-cross-subnet",
    _calico(IPPool(_POOL, vxlan_mode="CrossSubnet"), "vxlan"),
    translating=_calico(IPPool(_POOL, vxlan_mode="CrossSubnet", nat_outgoing=True), "vxlan"),
    pod_mtu=1450,
    payload=1422,
    ways=_crossing(_VXLAN),
    sources={"node in other subnet to pod": "vxlan.calico"},
    tunnel=_VXLAN_HEADER,
    links=(("vxlan.calico", 1450),),
)

# -- Cilium -----------------------------------------------------------------------------------------------------------


def _cilium(**values: Any) -> Callable[[], Cluster]:
    return lambda: _two_subnets(Cluster(Cilium(**_CILIUM, **values)))


_CILIUM: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "kube_proxy_replacement": True,  # host routing by BPF
        "ipam_operator_cluster_pool_ipv4_pod_cidr_list": (_POOL,),
        "ipam_operator_cluster_pool_ipv4_mask_size": 28,
        "health_checking": False,
        "endpoint_health_checking_enabled": False,
    }
)
_NATIVE: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "routing_mode": "native",
        "auto_direct_node_routes": True,
        "direct_routing_skip_unreachable": True,
        "ipv4_native_routing_cidr": _POOL,
    }
)
_BARE: Final[Mapping[str, Any]] = MappingProxyType({"enable_ipv4_masquerade": False})
_MASQUERADE: Final[Mapping[str, Any]] = MappingProxyType({"bpf_masquerade": True})

# The program at a pod's interface routes, and the one at the receiving node hands the packet into the pod: each takes one from the TTL, and
# the receiver's interface on its node sees nothing (reference sheet Cilium, 4.2 to 4.8 and 4.12).
_BPF: Final = MappingProxyType(
    {
        "same node": "A 64, a 64, B 63",
        "same subnet": "A 64, a 64, N.eth0 63, M.eth0 63, B 62",
        "other subnet": "A 64, a 64, N.eth0 63, R.near 63, R.far 62, M.eth0 62, B 61",
        "pod to its node": "A 64, a 64",
        "node to its pod": "b 63, B 63",  # what a node sends goes by the interface
        "pod to far node": "A 64, a 64, N.eth0 63, M.eth0 63",
        "far node to pod": "N.eth0 64, M.eth0 64, B 63",
        "pod to node in other subnet": "A 64, a 64, N.eth0 63, R.near 63, R.far 62, M.eth0 62",
        "node in other subnet to pod": "N.eth0 64, R.near 64, R.far 63, M.eth0 63, B 62",
        "pod to outside": "A 64, a 64, N.eth0 63, R.near 63, R.far 62, C.eth0 62",
        "outside to pod": "C.eth0 64, R.near 64, R.far 63, M.eth0 63, B 62",
    }
)


_TO_STACK: Final = MappingProxyType({"pod to its node": 63})
"""The program takes one before it hands the packet to the node's kernel (4.6)."""


def _cilium_tunnel(kind: str) -> dict[str, str]:
    """The tunnel carries what pods and nodes send to pods elsewhere, with the TTL that it has; the node at its end takes one."""
    plain = f"N.cilium_{kind} 64, N.eth0 64 {kind} 64, M.eth0 64 {kind} 64, M.cilium_{kind} 64"
    routed = f"N.cilium_{kind} 64, N.eth0 64 {kind} 64, R.near 64 {kind} 64, R.far 64 {kind} 63, M.eth0 64 {kind} 63, M.cilium_{kind} 64"
    ways = dict(_BPF)
    for pods, node, through in (
        ("same subnet", "far node", plain),
        ("other subnet", "node in other subnet", routed),
    ):
        ways[pods] = f"A 64, a 64, {through}, B 63"
        ways[f"{node} to pod"] = f"{through}, B 63"
        # The answer goes to the router's address of that node, which the tunnel carries too.
        ways[f"{node} to pod, back"] = f"A 64, a 64, {through}, M.cilium_net 63, M.cilium_host 63"
    return ways


def _cilium_devices(*tunnel: str) -> tuple[tuple[str, int], ...]:
    return tuple((name, 1500) for name in ("cilium_net", "cilium_host", *tunnel))


def _cilium_overlay(kind: str, port: int) -> Mode:
    return Mode(
        f"cilium-{kind}",
        _cilium(tunnel_protocol=kind, **_BARE),
        pod_mtu=1500,
        payload=1422,  # the routes' MTU is 1450
        ways=_cilium_tunnel(kind),
        sources=dict.fromkeys(("node to its pod", "far node to pod", "node in other subnet to pod"), "cilium_host"),
        arrives=_TO_STACK,
        tunnel=Tunnel(kind, port),
        translating=_cilium(tunnel_protocol=kind, **_MASQUERADE),
        next_address=False,
        links=_cilium_devices(f"cilium_{kind}"),
    )


CILIUM_NATIVE: Final = Mode(
    "cilium-native",
    _cilium(**_NATIVE, **_BARE),
    pod_mtu=1500,
    payload=1472,
    ways=_BPF,
    arrives=_TO_STACK,
    sources={"node to its pod": "cilium_host"},
    translating=_cilium(**_NATIVE, **_MASQUERADE),
    next_address=False,
    links=_cilium_devices(),
)
CILIUM_VXLAN: Final = _cilium_overlay("vxlan", 8472)
CILIUM_GENEVE: Final = _cilium_overlay("geneve", 6081)

MODES: Final = (
    CALICO_IPIP,
    CALICO_IPIP_CROSS_SUBNET,
    CALICO_VXLAN,
    CALICO_VXLAN_CROSS_SUBNET,
    CALICO_NONE,
    GKE_PTP,
    GKE_CALICO,
    CILIUM_NATIVE,
    CILIUM_VXLAN,
    CILIUM_GENEVE,
)


def node_of(handle: Handle) -> Node | None:
    """The node behind a pod or a node; None for a host."""
    if isinstance(handle, Pod):
        return handle.node
    return handle if isinstance(handle, Node) else None
