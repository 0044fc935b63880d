"""The cluster of seed 001: three nodes on one network, a fourth behind a router; pool 172.16.0.0/16 with blocks of /24."""

from typing import Any

from podwire import Calico, Cluster, IPPool, Pod
from podwire.cni.calico.backend import CalicoBackend
from podwire.cni.calico.datastore import Datastore
from podwire.linux.link import Link
from podwire.wire.addr import Ip

NODES = {
    "k8s-m": ("192.168.10.10", "lan10"),
    "k8s-w1": ("192.168.10.101", "lan10"),
    "k8s-w2": ("192.168.10.102", "lan10"),
    "k8s-w0": ("192.168.20.100", "lan20"),
}
BLOCKS = {
    "k8s-m": "172.16.116.0/24",
    "k8s-w1": "172.16.158.0/24",
    "k8s-w2": "172.16.184.0/24",
    "k8s-w0": "172.16.34.0/24",
}

POOL = """
apiVersion: crd.projectcalico.org/v1
kind: IPPool
metadata: {{name: default-ipv4-ippool}}
spec: {{cidr: 172.16.0.0/16, blockSize: 24, natOutgoing: true, ipipMode: {ipip}, vxlanMode: {vxlan}}}
"""


def pool_text(ipip: str = "Never", vxlan: str = "Never") -> str:
    """The pool with other modes, as people apply it."""
    return POOL.format(ipip=ipip, vxlan=vxlan)


def make(*pools: IPPool, routes: bool = False, **settings: Any) -> Cluster:
    """The cluster; ``routes``: the router knows behind which node each block is."""
    lab = Cluster(Calico(ip_pools=pools, **settings))
    lab.add_network("lan10", "192.168.10.0/24")
    lab.add_network("lan20", "192.168.20.0/24")
    router = lab.add_router("router", {"lan10": "192.168.10.200", "lan20": "192.168.20.200"})
    for name, (ip, lan) in NODES.items():
        gateway = "192.168.10.200" if lan == "lan10" else "192.168.20.200"
        lab.add_node(name, f"{ip}/24", network=lan, gateway=gateway)
        if routes:
            router.exec(f"ip route add {BLOCKS[name]} via {ip}")
    return lab


def seed(ipip: str = "Never", vxlan: str = "Never", *, routes: bool = False, **settings: Any) -> Cluster:
    """The cluster with the seed's pool in a mode."""
    pool = IPPool("172.16.0.0/16", block_size=24, ipip_mode=ipip, vxlan_mode=vxlan, nat_outgoing=True)  # type: ignore[arg-type]
    return make(pool, routes=routes, **settings)


def lines(output: object) -> list[str]:
    """Lines without blanks at their ends."""
    return [line.rstrip() for line in str(output).splitlines()]


def routes_of(lab: Cluster, node: str, prefix: str = "172.16.") -> list[str]:
    """The lines of ``ip route`` that are about pods."""
    return [line for line in lines(lab.node(node).exec("ip route")) if prefix in line]


def store(lab: Cluster) -> Datastore:
    """Pools, blocks and what else Calico keeps in the API server."""
    assert isinstance(lab.backend, CalicoBackend)
    return lab.backend.store


def device(lab: Cluster, node: str, name: str) -> Link:
    """A device of a node."""
    link = lab.node(node).place.netns.link(name)
    assert link is not None
    return link


def ip_of(pod: Pod) -> Ip:
    """The pod's address, which it has."""
    assert pod.ip is not None
    return pod.ip
