"""autoDirectNodeRoutes: which node gets a route, and what the agent says of the others (reference sheet Cilium, section 2)."""

from typing import Any

import pytest

from podwire import Cilium, Cluster
from tests.cni.cilium.walks import BPF, NATIVE, POOL, QUIET, make


def lab_of_two_networks(**values: Any) -> Any:
    """Ctr and w1 are neighbours, w0 is behind a router, as in the seed's lab."""
    lab: Any = Cluster(Cilium(**{**POOL, **QUIET, **NATIVE, **BPF, **values}))
    lab.add_network("lan10", "192.168.10.0/24")
    lab.add_network("lan20", "192.168.20.0/24")
    lab.add_router("router", {"lan10": "192.168.10.200", "lan20": "192.168.20.200"})
    there = ["192.168.20.0/24 via 192.168.10.200", "172.20.0.0/16 via 192.168.10.200"]
    lab.add_node("ctr", "192.168.10.100/24", network="lan10", routes=there)
    lab.add_node("w1", "192.168.10.101/24", network="lan10", routes=there)
    back = ["192.168.10.0/24 via 192.168.20.200", "172.20.0.0/16 via 192.168.20.200"]
    lab.add_node("w0", "192.168.20.100/24", network="lan20", routes=back)
    lab.settle()
    return lab


def pod_routes(lab, node: str) -> list[str]:
    """The /24s of pods that do not lead to cilium_host."""
    text = lab.node(node).exec("ip route").stdout
    return [
        line.rstrip()
        for line in text.splitlines()
        if line.startswith("172.20.") and "/24" in line and "cilium" not in line
    ]


def test_2_neighbours_get_routes_and_the_node_behind_a_router_gets_none():
    lab = lab_of_two_networks()
    assert pod_routes(lab, "ctr") == ["172.20.1.0/24 via 192.168.10.101 dev eth0 proto kernel"]
    assert pod_routes(lab, "w1") == ["172.20.0.0/24 via 192.168.10.100 dev eth0 proto kernel"]
    assert pod_routes(lab, "w0") == []


def test_2_the_log_names_the_gateway_and_the_option():
    lab = lab_of_two_networks()
    warning, error = lab.agent("ctr", "cilium-agent").log
    assert warning.startswith(
        'level=warn msg="Unable to install direct node route" route="{Ifindex: 0 Dst: 172.20.2.0/24'
    )
    assert (
        "route to destination 192.168.20.100 contains gateway 192.168.10.200, must be directly reachable. "
        "Add `direct-routing-skip-unreachable` to skip unreachable routes"
    ) in warning
    assert error.startswith('level=error msg="Failed to handle node update event while applying handler.')
    assert error.endswith("node=w0")


def test_2_skip_unreachable_says_one_line_and_no_error():
    lab = lab_of_two_networks(direct_routing_skip_unreachable=True)
    (line,) = lab.node("ctr").agent("cilium-agent").log
    assert line == (
        'level=warn msg="route to destination contains gateway, skipping route as not directly reachable" '
        "nodeIP=192.168.20.100 gatewayIP=192.168.10.200"
    )
    assert pod_routes(lab, "ctr") == ["172.20.1.0/24 via 192.168.10.101 dev eth0 proto kernel"]


def test_2_what_was_said_is_said_again_after_a_restart_alone():
    lab = lab_of_two_networks()
    agent = lab.agent("ctr", "cilium-agent")
    agent.sync()
    assert len(agent.log) == 2
    agent.restart()
    assert len(agent.log) == 4


def test_2_without_any_route_to_the_node():
    lab: Any = Cluster(Cilium(**{**POOL, **QUIET, **NATIVE, **BPF}))
    lab.add_network("lan10", "192.168.10.0/24")
    lab.add_network("lan20", "192.168.20.0/24")
    lab.add_node("a", "192.168.10.1/24", network="lan10", routes=["10.0.0.0/8 via 192.168.10.9"])
    lab.add_node("b", "192.168.20.1/24", network="lan20", routes=["10.0.0.0/8 via 192.168.20.9"])
    lab.settle()
    assert "unable to lookup route for node 192.168.20.1: no route found" in lab.agent("a", "cilium-agent").log[0]
    assert pod_routes(lab, "a") == []


def test_2_a_gateway_that_is_the_node_itself_counts_as_direct():
    lab = make(**NATIVE, **BPF)
    node = lab.node("node1")
    node.exec("ip route add 192.168.10.102 via 192.168.10.102 dev eth1 onlink")
    node.exec("ip route del 172.20.1.0/24")
    lab.agent("node1", "cilium-agent").sync()
    assert pod_routes(lab, "node1") == ["172.20.1.0/24 via 192.168.10.102 dev eth1 proto kernel"]


def test_2_a_node_address_that_is_an_own_one_takes_the_device_that_has_it():
    lab = make(**NATIVE, **BPF)
    node = lab.node("node1")
    node.exec("ip route del 172.20.1.0/24")
    node.exec("ip addr add 192.168.10.102/32 dev eth0")
    lab.agent("node1", "cilium-agent").sync()
    assert pod_routes(lab, "node1") == ["172.20.1.0/24 via 192.168.10.102 dev eth0 proto kernel"]


def test_2_an_on_link_route_of_any_width_counts():
    lab: Any = Cluster(Cilium(**{**POOL, **QUIET, **NATIVE, **BPF}))
    lab.add_network("wide", "192.168.0.0/16")
    lab.add_node("a", "192.168.10.1/16", network="wide")
    lab.add_node("b", "192.168.20.1/16", network="wide")
    assert pod_routes(lab, "a") == ["172.20.1.0/24 via 192.168.20.1 dev eth0 proto kernel"]
    a, b = lab.run("x", node="a"), lab.run("y", node="b")
    assert a.ping(b).ttl == 62


@pytest.mark.parametrize("router", ["none", "one way", "both"])
def test_2_remedies_by_static_routes_on_the_router(router):
    lab = lab_of_two_networks()
    curl, far = lab.run("curl", node="ctr"), lab.run("far", node="w0")
    host = lab.host("router")
    if router != "none":
        host.exec("ip route add 172.20.2.0/24 via 192.168.20.100")
    if router == "both":
        host.exec("ip route add 172.20.0.0/24 via 192.168.10.100")
    result = curl.ping(far)
    trace = result.trace
    if router == "both":
        assert (result.received, result.ttl) == (1, 61)
    elif router == "none":
        # F49: the router cannot even tell the pod, for it has no way back.
        assert trace.reason == "IP_INNOROUTES"
        assert trace.dropped_at == "router:eth0"
        assert "router has no route to 172.20.2." in trace.explain()
        assert trace.path[-1] == "router:eth0"
    else:
        assert trace.verdict == "DELIVERED"
        assert trace.reply.dropped_at == "router:eth1"


def test_2_a_tunnel_is_the_other_remedy():
    lab = lab_of_two_networks()
    curl, far = lab.run("curl", node="ctr"), lab.run("far", node="w0")
    assert curl.ping(far).received == 0
    lab.upgrade(routing_mode="tunnel", tunnel_protocol="vxlan")
    assert curl.ping(far).received == 1
    assert pod_routes(lab, "ctr") == []
