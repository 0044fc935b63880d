"""helm upgrade and the rollout: what changes with the mode, and what stays (reference sheet Cilium, 1.2, 1.7, 1.9, 3.3; scenario 6)."""

from typing import Any

import pytest

from podwire import Cilium, Cluster, ConfigError, NotModelled
from tests.cni.cilium.test_wiring import snapshot
from tests.cni.cilium.walks import BPF, NATIVE, POOL, QUIET, cilium, make


def test_native_to_vxlan_to_geneve_and_back():
    lab = make(nodes=3, **NATIVE, **BPF)
    pods = [lab.run(f"p{n}", node=f"node{n}") for n in (1, 2, 3)]
    routers = [cilium(lab).state(node.name).router for node in lab.nodes]
    addresses = [pod.ip for pod in pods]
    native = snapshot(lab)
    node = lab.node("node1")

    def devices() -> list[str]:
        return [
            link.name for link in node.place.netns.links() if link.name.startswith(("cilium_vxlan", "cilium_geneve"))
        ]

    assert devices() == []
    for protocol in ("vxlan", "geneve"):
        lab.upgrade(routing_mode="tunnel", tunnel_protocol=protocol)
        assert devices() == [f"cilium_{protocol}"]
        assert len(node.exec("ip route show dev cilium_host").stdout.splitlines()) == 4
        assert all("mtu 1450" in pod.exec("ip route").stdout for pod in pods)
        assert pods[0].ping(pods[2]).ttl == 63
        assert [cilium(lab).state(each.name).router for each in lab.nodes] == routers
        assert [pod.ip for pod in pods] == addresses
    lab.upgrade(routing_mode="native")
    assert devices() == []
    assert pods[0].ping(pods[2]).ttl == 62
    for place, before in native.items():
        assert snapshot(lab)[place][2] == before[2], place


def test_the_1_16_agent_leaves_the_mtu_of_existing_pods():
    lab = make(version="1.16.4", **NATIVE, **BPF)
    old = lab.run("old", node="node1")
    lab.upgrade(routing_mode="tunnel")
    new = lab.run("new", node="node1")
    assert "mtu 1500" in old.exec("ip route").stdout
    assert "mtu 1450" in new.exec("ip route").stdout


def test_the_updater_sets_the_mtu_of_devices_too():
    lab = make(**NATIVE, **BPF)
    pod = lab.run("a", node="node1")
    lab.upgrade(mtu=1400)
    assert "mtu 1400" in pod.exec("ip link show eth0").stdout
    assert "mtu 1400" in lab.node("node1").exec(f"ip link show {pod.interface}").stdout
    assert "mtu 1400" in lab.node("node1").exec("ip link show cilium_host").stdout
    assert "mtu 1400" in pod.exec("ip route").stdout


def test_direct_routes_survive_the_switch_to_plain_native_as_nobody_remembers_them():
    lab = make(**NATIVE, **BPF)
    lab.upgrade(auto_direct_node_routes=False)
    assert "172.20.1.0/24 via 192.168.10.102 dev eth1 proto kernel" in lab.node("node1").exec("ip route").stdout


def test_a_tunnel_era_route_of_a_refused_node_survives():
    """Section 1.9: with auto-direct on, a node whose direct route is refused returns before the clean-up."""
    lab: Any = Cluster(Cilium(**{**POOL, **QUIET, **BPF}))
    lab.add_network("lan10", "192.168.10.0/24")
    lab.add_network("lan20", "192.168.20.0/24")
    lab.add_router("router", {"lan10": "192.168.10.200", "lan20": "192.168.20.200"})
    lab.add_node("a", "192.168.10.1/24", network="lan10", routes=["192.168.20.0/24 via 192.168.10.200"])
    lab.add_node("b", "192.168.20.1/24", network="lan20", routes=["192.168.10.0/24 via 192.168.20.200"])
    lab.upgrade(routing_mode="native", ipv4_native_routing_cidr="172.20.0.0/16", auto_direct_node_routes=True)
    assert "172.20.1.0/24 via" in lab.node("a").exec("ip route show dev cilium_host").stdout
    lab.upgrade(auto_direct_node_routes=False)
    assert "172.20.1.0/24 via" not in lab.node("a").exec("ip route show dev cilium_host").stdout


def test_a_held_agent_keeps_its_node_on_the_old_mode_until_it_restarts():
    """Scenario 8: one node on vxlan, the other on geneve: mutual loss until all have restarted."""
    lab = make(**BPF)
    a, b = lab.run("a", node="node1"), lab.run("b", node="node2")
    agent = lab.agent("node2", "cilium-agent")
    agent.pause()
    lab.upgrade(tunnel_protocol="geneve")
    trace = a.ping(b).trace
    assert trace.reason == "NO_SOCKET"
    assert trace.dropped_at == "node2:eth1"
    agent.restart()
    assert a.ping(b).received == 1


@pytest.mark.parametrize(
    ("values", "error", "words"),
    [
        ({"routing_mode": "magic"}, ConfigError, "routing_mode='magic': expected 'tunnel' or 'native'"),
        ({"no_such": 1}, ConfigError, "has no setting 'no_such'"),
        ({"routing_mode": "native"}, ConfigError, "expected ipv4_native_routing_cidr"),
        ({"version": "1.19.0"}, NotModelled, "version='1.19.0'"),
        ({"kube_proxy_replacement": False}, ConfigError, "expected kube_proxy_replacement=True"),
    ],
)
def test_what_cannot_be_changes_nothing(values, error, words):
    lab = make(**BPF)
    before = snapshot(lab)
    with pytest.raises(error, match=words):
        lab.upgrade(**values)
    assert snapshot(lab) == before
    assert lab.cni.routing_mode == "tunnel"
