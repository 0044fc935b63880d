"""Why a packet died in a tunnel between two nodes of Calico with VXLAN, and that the remedy which is named lets it pass."""

import json

import pytest

from podwire.cluster import Cluster
from podwire.cni.calico.config import Calico, IPPool
from podwire.trace.reasons import DropReason, Verdict

FAR = "192.168.10.102"


class Lab:
    """A pod on each of two nodes."""

    def __init__(self):
        self.cluster = Cluster(Calico(ip_pools=[IPPool("172.16.0.0/16", block_size=24, vxlan_mode="Always")]), nodes=2)
        self.pod1 = self.cluster.run("pod1", node="node1")
        self.pod2 = self.cluster.run("pod2", node="node2")
        self.node1, self.node2 = self.cluster.nodes

    def killed(self):
        """The trace of a ping that dies, and the sentence of its fate."""
        trace = self.pod1.ping(self.pod2).trace
        assert trace.verdict is Verdict.DROPPED
        assert not trace.reply
        return trace, " ".join(json.loads(trace.to_json())["explanation"].split())


@pytest.mark.parametrize(
    ("kind", "words"), [("prohibit", "which says prohibited"), ("blackhole", "which discards silently")]
)
def test_the_way_to_the_far_node_is_closed(kind, words):
    lab = Lab()
    lab.node1.exec(f"ip route add {kind} {FAR}")
    trace, told = lab.killed()
    assert (trace.reason, trace.dropped_at) == (DropReason.NOT_SPECIFIED, "node1:vxlan.calico")
    assert trace.decided_by == f"route {kind} {FAR} (table main, written by ip)"
    assert f"the best match for {FAR} is the route {kind} {FAR}" in told
    assert words in told
    remedy = f"ip route del {kind} {FAR}"
    assert f"`{remedy}` on node1" in told
    lab.node1.exec(remedy)
    assert lab.pod1.ping(lab.pod2).ok


def test_there_is_no_way_to_the_far_node():
    lab = Lab()
    for command in ("add 169.254.1.1 dev eth0", "del default", "del 192.168.10.0/24"):
        lab.node1.exec(f"ip route {command}")
    trace, told = lab.killed()
    assert trace.decided_by == f"no route to {FAR}"
    assert f"node1 has no route to {FAR}" in told
    assert str(lab.pod2.ip) not in told


def test_the_way_leads_back_into_the_tunnel():
    lab = Lab()
    lab.node1.exec(f"ip route add {FAR} dev vxlan.calico")
    trace, told = lab.killed()
    assert trace.decided_by.startswith(f"vxlan.calico circular route {FAR}")
    assert f"node1 would send the outer packet to {FAR} by vxlan.calico itself" in told


@pytest.mark.parametrize("command", ["ip link set vxlan.calico down", "ip link del vxlan.calico"])
def test_nobody_takes_the_tunnel_at_the_far_end(command):
    """The port unreachable goes to the near node, which does not tell the pod (F96, F97)."""
    lab = Lab()
    lab.node2.exec(command)
    trace, told = lab.killed()
    assert (trace.reason, trace.dropped_at) == (DropReason.NO_SOCKET, "node2:eth0")
    assert "no VXLAN device that is up on node2 takes udp port 4789" in told
    lab.node2.agent("felix").restart()
    assert lab.pod1.ping(lab.pod2).ok
