"""What Felix writes for natOutgoing and for its tunnel does to packets (F100, F101)."""

from __future__ import annotations

import pytest

from podwire import Calico, Cluster, IPPool
from podwire.cluster import Node, Pod
from podwire.wire.headers import Icmp, IPv4

POOL = "192.168.0.0/16"


@pytest.fixture
def lab() -> Cluster:
    """Two nodes with VXLAN and an outside host, all in one network; a pod on each node."""
    lab = Cluster(Calico(ip_pools=[IPPool(POOL, vxlan_mode="Always", nat_outgoing=True)]))
    lab.add_network("lan", "10.0.0.0/24")
    for name, address in (("node1", "10.0.0.23/24"), ("node2", "10.0.0.24/24")):
        lab.add_node(name, address, network="lan", gateway="10.0.0.99")
    lab.add_host("out", "10.0.0.99/24", network="lan")
    lab.run("pod1", node="node1")
    lab.run("pod2", node="node2")
    return lab


def _asked(lab: Cluster, where: str, dst: str, sender: Pod | Node) -> tuple[bool, str, bool]:
    """Does a ping arrive, from whom as seen at a device, and with the id it was sent with?"""
    source = f"{sender.name}:eth0" if isinstance(sender, Node) else f"{sender.node.name}:{sender.interface}"
    expression = "icmp[icmptype] == icmp-echo"
    with lab.capture(source, filter=expression) as before, lab.capture(where, filter=expression) as after:
        ping = sender.ping(dst)
    first, last = before.frames[0].frame if before.frames else None, after.frames[0].frame
    ip, icmp = last.find(IPv4), last.find(Icmp)
    assert ip is not None
    assert icmp is not None
    sent = first.find(Icmp) if first is not None else None
    return ping.ok, str(ip.src), sent is None or sent.id == icmp.id


def test_f100_nat_outgoing(lab: Cluster) -> None:
    pod, far = lab.pod("pod1"), lab.pod("pod2")
    assert _asked(lab, "out:eth0", "10.0.0.99", pod) == (True, "10.0.0.23", False)
    # The other node is not in the pool either; its own node a pod reaches without POSTROUTING.
    assert _asked(lab, "node2:eth0", "10.0.0.24", pod) == (True, "10.0.0.23", False)
    assert _asked(lab, f"node1:{pod.interface}", "10.0.0.23", pod) == (True, str(pod.ip), True)
    assert _asked(lab, f"node2:{far.interface}", str(far.ip), pod) == (True, str(pod.ip), True)


def test_f101_the_tunnel_rule_gives_the_node_the_address_of_its_tunnel(lab: Cluster) -> None:
    node, far = lab.node("node1"), lab.pod("pod2")
    tunnel = node.exec("ip -4 -br addr show vxlan.calico").stdout.split()[-1].partition("/")[0]
    node.exec(f"iptables -t nat -A OUTPUT -d 10.96.0.10 -j DNAT --to-destination {far.ip}")
    place = f"node2:{far.interface}"
    # By routing it has it already.
    assert _asked(lab, place, str(far.ip), node) == (True, tunnel, True)
    with lab.capture(place, filter="icmp[icmptype] == icmp-echo") as capture:
        assert node.exec(f"ping -c 1 -I 10.0.0.23 {far.ip}").exit_code == 0
        assert node.exec("ping -c 1 10.96.0.10").exit_code == 0
    sources = [ip.src for frame in capture.frames if (ip := frame.frame.find(IPv4)) is not None]
    assert [str(source) for source in sources] == [tunnel, tunnel]
