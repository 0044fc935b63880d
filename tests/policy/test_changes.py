"""What happens while things change: policies, labels, pods; and hosts, Services and connections that stood before."""

from __future__ import annotations

from typing import Any

import pytest

from podwire.cluster import Handle
from podwire.linux.tcp import TcpSocket
from podwire.wire.addr import Ip
from tests.conformance.modes import Mode
from tests.policy.cases import policy
from tests.policy.test_policies import MODES
from tests.policy.world import Lab, Probe

PORTS = [("TCP", 80), ("UDP", 81)]
FROM_B = [{"from": [{"podSelector": {"matchLabels": {"pod": "b"}}}]}]
FROM_Y = [{"from": [{"namespaceSelector": {"matchLabels": {"ns": "y"}}}]}]


_SOON = ("calico-ipip", "gke-calico")


@pytest.fixture(
    params=[pytest.param(mode, marks=() if name in _SOON else pytest.mark.slow) for name, mode in MODES.items()],
    ids=str,
)
def lab(request: pytest.FixtureRequest) -> Lab:
    mode: Mode = request.param
    return Lab(mode)


def ingress(space: str, rules: list[dict[str, Any]], **selector: Any) -> dict[str, Any]:
    return policy(space, "p", {"podSelector": selector, "policyTypes": ["Ingress"], "ingress": rules})


def egress(space: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    return policy(space, "p", {"podSelector": {}, "policyTypes": ["Egress"], "egress": rules})


def agree(lab: Lab) -> int:
    """Every pair is as Kubernetes says; returns how many of them connect."""
    probes = lab.pairs(PORTS)
    assert lab.wrong(probes) == []
    world = lab.world
    return sum(world.allowed(lab.peer(p.source), lab.peer(p.target), p.protocol, p.port) for p in probes)


def test_a_policy_is_changed_and_deleted(lab: Lab) -> None:
    told = []
    for rules in (FROM_B, [*FROM_B, *FROM_Y], FROM_Y, []):
        lab.set([ingress("x", rules)])
        told.append(agree(lab))
    lab.set([])
    assert [*told, agree(lab)] == [118, 136, 132, 114, 162]


def test_labels_of_pods_come_and_go(lab: Lab) -> None:
    lab.set([ingress("x", FROM_B)])
    before = agree(lab)
    lab.cluster.kubectl("label pod a -n x pod=b --overwrite")
    assert lab.peer(lab.pods["x", "a"]).labels["pod"] == "b"
    assert agree(lab) == before + 4
    lab.cluster.kubectl("label pod a -n x pod-")
    lab.cluster.kubectl("label pod b -n x pod=c --overwrite")
    assert agree(lab) == before - 4


def test_a_pod_that_gets_a_label_is_selected(lab: Lab) -> None:
    lab.set([ingress("x", [], matchLabels={"locked": "yes"})])
    everything = agree(lab)
    lab.cluster.kubectl("label pod c -n x locked=yes")
    assert agree(lab) == everything - 16


def test_labels_of_namespaces_come_and_go(lab: Lab) -> None:
    lab.set([ingress("x", FROM_Y)])
    before = agree(lab)
    lab.label_namespace("z", {"ns": "y"})
    assert agree(lab) == before + 18
    lab.label_namespace("y", {"ns": "other"})
    assert agree(lab) == before


def test_pods_come_and_go(lab: Lab) -> None:
    lab.set([ingress("x", FROM_B), egress("y", [{"to": [{"podSelector": {"matchLabels": {"pod": "d"}}}]}])])
    agree(lab)
    last = lab.cluster.nodes[-1].name
    lab.add("x", "d", last, {"pod": "b"})
    lab.add("y", "d", last, {"pod": "d"})
    agree(lab)
    lab.remove("x", "b")
    lab.remove("y", "d")
    agree(lab)
    # Whoever comes next may have the address of one that went.
    lab.add("x", "b", last, {"pod": "q"})
    agree(lab)


def test_types_that_the_server_filled_in_stay_when_an_apply_does_not_name_them(lab: Lab) -> None:
    """Kubectl apply leaves what neither the last applied manifest nor the new one names: egress rules alone do not bring the type."""
    lab.cluster.apply(policy("x", "p", {"podSelector": {}, "ingress": [{}]}))
    lab.cluster.apply(policy("x", "p", {"podSelector": {}, "ingress": [{}], "egress": FROM_NOBODY}))
    assert lab.cluster.kubectl("get netpol p -n x -o jsonpath={.spec.policyTypes}").stdout == '["Ingress"]'
    lab.policies = [policy("x", "p", {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]})]
    agree(lab)


FROM_NOBODY = [{"to": [{"podSelector": {"matchLabels": {"pod": "nobody"}}}]}]


# -- hosts -----------------------------------------------------------------------------------------------------------


def one(lab: Lab, source: Handle, target: Handle, port: int = 80) -> bool:
    return lab.ask([Probe(source, target, "TCP", port)])[0]


def test_a_node_reaches_its_own_pods_whatever_policies_say(lab: Lab) -> None:
    lab.set([policy("x", "all", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})])
    pod = lab.pods["x", "a"]
    assert lab.world.allowed(lab.peer(pod.node), lab.peer(pod), "TCP", 80)
    assert one(lab, pod.node, pod)


def test_another_node_is_an_address(lab: Lab) -> None:
    pod = lab.pods["x", "a"]
    other = next(node for node in lab.cluster.nodes if node is not pod.node)
    assert one(lab, other, pod)
    lab.set([ingress("x", FROM_B)])
    assert not lab.world.allowed(lab.peer(other), lab.peer(pod), "TCP", 80)
    assert not one(lab, other, pod)
    # Through a tunnel it has the address of its tunnel device.
    way = other.exec(f"ip route get {pod.ip}").stdout.split()
    source = way[way.index("src") + 1]
    lab.set([ingress("x", [{"from": [{"ipBlock": {"cidr": f"{source}/32"}}]}])])
    assert one(lab, other, pod)


def test_to_nodes_counts_the_policy_of_the_pod(lab: Lab) -> None:
    """Kubernetes would let a pod reach its own node; Felix asks the pod's egress policy first (cali-wl-to-host), as it is known to."""
    pod = lab.pods["x", "a"]
    other = next(node for node in lab.cluster.nodes if node is not pod.node)

    def pinged(node: Handle) -> bool:
        return bool(pod.ping(node, count=1).ok)

    assert pinged(pod.node)
    assert pinged(other)
    lab.set([egress("x", [])])
    assert not pinged(pod.node)
    assert not pinged(other)
    lab.set([egress("x", [{"to": [{"ipBlock": {"cidr": f"{other.ip}/32"}}]}])])
    assert not pinged(pod.node)
    assert pinged(other)


def test_a_pod_reaches_itself(lab: Lab) -> None:
    lab.set([policy("x", "all", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})])
    pod = lab.pods["x", "a"]
    assert one(lab, pod, pod)
    assert not one(lab, pod, lab.pods["x", "b"])


# -- Services --------------------------------------------------------------------------------------------------------


def test_a_policy_sees_the_port_of_the_pod_behind_a_service(lab: Lab) -> None:
    lab.cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "namespace": "x"},
            "spec": {"selector": {"pod": "a"}, "ports": [{"port": 8080, "targetPort": 80}]},
        }
    )
    address = Ip.parse(lab.cluster.kubectl("get svc web -n x -o jsonpath={.spec.clusterIP}").stdout)
    pod = lab.pods["x", "a"]
    clients = [lab.pods["x", "b"], lab.pods["x", "c"], lab.pods["y", "a"], lab.pods["z", "b"]]

    def asked() -> list[bool]:
        return lab.ask([Probe(client, pod, "TCP", 8080, address) for client in clients])

    assert asked() == [True] * 4
    for port, passes in ((80, True), (8080, False)):
        lab.set([ingress("x", [{"ports": [{"port": port}]}])])
        assert asked() == [passes] * 4
    for port, passes in ((80, True), (8080, False)):
        rule = {"to": [{"namespaceSelector": {"matchLabels": {"ns": "x"}}}], "ports": [{"port": port}]}
        lab.set([egress("y", [rule])])
        assert asked() == [True, True, passes, True]
    lab.set([ingress("x", FROM_Y)])
    assert asked() == [False, False, True, False]
    # The address of the Service is nobody's whom a policy could name.
    lab.set([egress("y", [{"to": [{"ipBlock": {"cidr": f"{address}/32"}}]}])])
    assert asked() == [True, True, False, True]


# -- connections -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["ingress", "egress"])
def test_a_connection_that_stands_survives_a_new_deny(lab: Lab, way: str) -> None:
    client, server = lab.pods["y", "a"], lab.pods["x", "a"]
    network = lab.cluster.network
    socket = TcpSocket(client.place.netns)
    assert server.ip is not None
    lab.cluster.settle()
    socket.connect(server.ip, 80)
    network.run_until(lambda: not socket.connecting, network.now + 1_000_000_000)
    assert socket.connected
    lab.set([ingress("x", []) if way == "ingress" else egress("y", [])])
    lab.cluster.settle()
    assert not client.connect(server, 80, timeout=0.1).ok
    socket.send(b"GET / HTTP/1.0\r\n\r\n")
    network.run_until(lambda: not socket.unsent, network.now + 1_000_000_000)
    assert not socket.unsent
    socket.close()
