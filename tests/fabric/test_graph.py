"""The topology as a graph, and that packets go the ways that it shows."""

from __future__ import annotations

from itertools import permutations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from podwire.cluster import Cluster, NicSpec
from podwire.cni.calico.config import Calico
from podwire.fabric.graph import Hop, first_router, next_hops, topology, towards
from podwire.wire.addr import Ip, Ip4, Net


def cluster() -> Cluster:
    return Cluster(Calico(backend="none", ipam="host-local"))


def two_lans() -> Cluster:
    """lan10 – router – lan20 – far – lan30, an uplink behind router, a node, hosts, a VPC of AWS."""
    lab = cluster()
    for number in (10, 20, 30):
        lab.add_network(f"lan{number}", f"192.168.{number}.0/24", mtu=1400 + number)
    lab.add_uplink("nat")
    lab.add_router(
        "router",
        [
            NicSpec("eth0", "nat", dhcp=True),
            NicSpec("eth1", "lan10", "192.168.10.200/24"),
            NicSpec("eth2", "lan20", "192.168.20.200/24"),
        ],
        loopbacks=["10.10.1.200/24", "10.10.2.200/24"],
    )
    lab.add_router("far", {"lan20": "192.168.20.254", "lan30": "192.168.30.254"}, loopbacks=["10.30.0.1/32"])
    lab.add_node("w1", "192.168.10.101/24", network="lan10")
    lab.add_host("h30", "192.168.30.9/24", network="lan30")
    lab.add_host("client", "203.0.113.7")
    lab.add_network("aws", "10.0.0.0/16", kind="aws-vpc", subnets=["10.0.1.0/24"])
    lab.add_host("vm", "10.0.1.9", network="aws")
    return lab


def test_networks_machines_and_nics_are_in_the_graph() -> None:
    graph = topology(two_lans().network)
    kinds = {name: data["kind"] for name, data in graph.nodes(data=True)}
    assert kinds == {
        "lan10": "segment",
        "lan20": "segment",
        "lan30": "segment",
        "nat": "uplink",
        "internet": "internet",
        "aws": "aws-vpc",
        "router": "router",
        "far": "router",
        "w1": "node",
        "h30": "host",
        "client": "host",
        "vm": "host",
    }
    assert graph.nodes["lan20"]["cidrs"] == (Net.parse("192.168.20.0/24"),)
    assert graph.nodes["aws"]["cidrs"] == (Net.parse("10.0.1.0/24"),)
    assert graph.nodes["lan20"]["mtu"] == 1420
    assert [str(net) for net in graph.nodes["router"]["loopbacks"]] == ["10.10.1.0/24", "10.10.2.0/24"]
    assert sorted(graph.edges) == sorted(
        [
            ("lan10", "router"),
            ("lan10", "w1"),
            ("lan20", "router"),
            ("lan20", "far"),
            ("lan30", "far"),
            ("lan30", "h30"),
            ("nat", "router"),
            ("internet", "client"),
            ("aws", "vm"),
        ]
    )
    (device, _, addresses) = graph.edges["lan20", "router"]["nics"][0]
    assert (device, addresses) == ("eth2", ("192.168.20.200/24",))


def test_the_graph_shows_what_ip_addr_changed() -> None:
    lab = two_lans()
    lab.host("far").exec("ip addr del 192.168.20.254/24 dev eth0")
    lab.host("far").exec("ip addr add 192.168.20.77/24 dev eth0")
    graph = topology(lab.network)
    assert graph.edges["lan20", "far"]["addresses"] == (Ip.parse("192.168.20.77"),)
    assert next_hops(graph, "router")[Net.parse("192.168.30.0/24")].via == Ip.parse("192.168.20.77")


def test_next_hops_lead_to_networks_and_loopbacks_behind_routers() -> None:
    graph = topology(two_lans().network)
    hops = {name: {str(net): hop for net, hop in next_hops(graph, name).items()} for name in ("router", "far", "w1")}
    to_far = Hop(Ip4.parse("192.168.20.254"), "far", "lan20")
    assert hops["router"] == {"192.168.30.0/24": to_far, "10.30.0.1/32": to_far}
    to_router = Hop(Ip4.parse("192.168.20.200"), "router", "lan20")
    assert hops["far"] == dict.fromkeys(("192.168.10.0/24", "10.10.1.0/24", "10.10.2.0/24"), to_router)
    assert set(hops["w1"]) == {"192.168.20.0/24", "192.168.30.0/24", "10.10.1.0/24", "10.10.2.0/24", "10.30.0.1/32"}
    assert {hop.router for hop in hops["w1"].values()} == {"router"}
    assert next_hops(graph, "client") == {}
    assert next_hops(graph, "vm") == {}


def test_the_way_towards_an_uplink() -> None:
    graph = topology(two_lans().network)
    assert towards(graph, "far", "uplink") == Hop(Ip4.parse("192.168.20.200"), "router", "lan20")
    assert towards(graph, "router", "uplink") is None
    assert towards(graph, "client", "uplink") is None
    first = first_router(graph, "h30")
    assert first is not None
    assert first.router == "far"
    assert first_router(graph, "client") is None


def test_of_two_networks_with_one_range_that_at_hand_counts() -> None:
    lab = cluster()
    for name, cidr in (("lan1", "10.1.0.0/24"), ("lan2", "10.2.0.0/24"), ("again", "10.1.0.0/24")):
        lab.add_network(name, cidr)
    lab.add_router("r1", {"lan1": "10.1.0.1", "lan2": "10.2.0.1"})
    lab.add_router("r2", {"lan2": "10.2.0.2", "again": "10.1.0.2"})
    graph = topology(lab.network)
    assert next_hops(graph, "r1") == {}
    assert next_hops(graph, "r2") == {}


def test_the_next_hop_is_an_address_in_the_networks_range() -> None:
    lab = two_lans()
    lab.host("far").exec("ip addr flush dev eth0")
    lab.host("far").exec("ip addr add 172.16.0.1/24 dev eth0")
    assert Net.parse("192.168.30.0/24") not in next_hops(topology(lab.network), "router")
    lab.host("far").exec("ip addr add 192.168.20.5/24 dev eth0")
    assert str(next_hops(topology(lab.network), "router")[Net.parse("192.168.30.0/24")].via) == "192.168.20.5"


_EDGES = st.lists(st.lists(st.integers(0, 4), min_size=2, max_size=3, unique=True), min_size=1, max_size=5)


@settings(max_examples=25, deadline=None)
@given(_EDGES)
def test_packets_go_the_ways_of_the_graph_and_every_network_reaches_every_other(routers: list[list[int]]) -> None:
    """Networks at random joined by routers at random; a host in each network pings every other and every loopback."""
    lab = cluster()
    for number in range(5):
        lab.add_network(f"lan{number}", f"192.168.{number}.0/24")
    for index, homes in enumerate(routers):
        nics = {f"lan{number}": f"192.168.{number}.{200 + index}" for number in homes}
        lab.add_router(f"r{index}", nics, loopbacks=[f"10.{index}.0.1/24"])
    for number in range(5):
        lab.add_host(f"h{number}", f"192.168.{number}.9/24", network=f"lan{number}")
    graph = topology(lab.network)
    targets = [(f"h{number}", f"192.168.{number}.9") for number in range(5)]
    targets += [(f"r{index}", f"10.{index}.0.1") for index in range(len(routers))]
    for (source, _), (target, address) in permutations(targets, 2):
        if not source.startswith("h"):
            continue
        way = [source]
        while way[-1] != target:
            hop = _hop(graph, way[-1], Ip.parse(address), target)
            if hop == "":
                break
            way.append(hop)
        reachable = way[-1] == target
        result = lab.host(source).ping(address)
        assert result.ok is reachable
        if reachable:
            machines = list(dict.fromkeys(place.partition(":")[0] for place in result.trace.path))
            assert machines == way


def _hop(graph: Any, machine: str, dst: Ip, target: str) -> str:
    """Where a packet is next: the target itself on a network of one's own, else the router of the graph."""
    own = [net for name in graph.neighbors(machine) for net in graph.nodes[name]["cidrs"]]
    if any(dst in net for net in own):
        return target
    return next((hop.router for net, hop in next_hops(graph, machine).items() if dst in net), "")
