"""kube-proxy's rules do what a Service promises: two independent computations, for random Services, endpoints and policies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podwire.kube.endpoints import EndpointSlice
from podwire.kube.service import Service
from podwire.kubeproxy import KubeProxyConfig
from tests.kubeproxy.node import CLIENT, NODE_IP, PODS, REMOTE, KubeNode
from tests.kubeproxy.samples import NODE, endpoints, objects, service
from tests.kubeproxy.specification import expected

CONFIGS = (
    KubeProxyConfig(detect_local_mode="NodeCIDR"),
    KubeProxyConfig(cluster_cidr="10.32.0.0/24"),
    KubeProxyConfig(),
    KubeProxyConfig(cluster_cidr="10.32.0.0/24", masquerade_all=True),
    KubeProxyConfig(detect_local_mode="InterfaceNamePrefix", pod_interface_name_prefix="veth"),
)
POLICIES = st.sampled_from(["Cluster", "Local"])
STATES = st.sampled_from(["", "", "", " leaving", " down", " gone"])
HINTS = st.sampled_from(["", *[" zone=a", " zone=b"] * 5])


@dataclass
class World:
    """Services, what is behind them, and what is asked."""

    services: list[Service]
    slices: list[EndpointSlice]
    config: KubeProxyConfig
    zone: str
    packets: list[tuple[str, str, int, str]]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """One or two Services, each with up to four endpoints, and packets that may meet them."""
    services, slices = [], []
    targets: list[tuple[str, int, str]] = []
    hinted = draw(st.booleans())
    for number in range(draw(st.integers(1, 2))):
        name, proto = f"s{number}", draw(st.sampled_from(["UDP", "TCP"]))
        kind = draw(st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer", "LoadBalancer"]))
        spec: dict[str, Any] = {"type": kind, "internalTrafficPolicy": draw(POLICIES)}
        vip, outside, cluster = f"192.0.2.{number}", f"198.51.100.{number}", f"10.96.0.{10 + number}"
        if draw(st.booleans()):
            spec["externalIPs"] = [outside]
        node_port = 30000 + number if kind != "ClusterIP" else 0
        if kind != "ClusterIP" or "externalIPs" in spec:
            spec["externalTrafficPolicy"] = draw(POLICIES)
        if kind == "LoadBalancer":
            spec["ingress"] = [{"ip": vip, "ipMode": draw(st.sampled_from(["VIP", "VIP", "Proxy"]))}]
            spec["loadBalancerSourceRanges"] = draw(
                st.sampled_from([[], ["203.0.113.0/24"], ["10.0.0.0/8"], ["192.168.0.0/16", "203.0.113.7/32"]])
            )
        if draw(st.booleans()):
            spec["sessionAffinity"] = "ClientIP"
        if hinted:
            spec["annotations"] = {"service.kubernetes.io/topology-mode": "Auto"}
        wanted, behind = [f"p:80:{node_port}/{proto}"], [f"p:8080/{proto}"]
        if draw(st.booleans()):
            other = draw(st.sampled_from(["UDP", "TCP"]))
            wanted.append(f"q:81:{node_port and node_port + 10}/{other}")
            behind += [f"q:9090/{other}"] * draw(st.integers(0, 1))
        services.append(service(name, wanted, ip=draw(st.sampled_from([cluster] * 9 + ["None"])), **spec))
        # The same address in two slices would be the same endpoint: each stands in one of them.
        addresses = draw(st.lists(st.sampled_from([*PODS, *REMOTE]), unique=True, max_size=4))
        listed = [
            f"{ip}@{NODE if ip in PODS else 'node2'}{draw(STATES)}{draw(HINTS) if hinted else ''}" for ip in addresses
        ]
        cut = draw(st.integers(0, len(listed)))
        slices += [
            endpoints(name, part, behind, suffix=f"x{index}") for index, part in enumerate((listed[:cut], listed[cut:]))
        ]
        ports = (80, 80, 80, 81)
        targets += [(ip, draw(st.sampled_from(ports)), proto) for ip in (cluster, outside, vip)]
        targets += [(ip, node_port or 30001, proto) for ip in (NODE_IP, "127.0.0.1")]
        targets += [(ip, port, "TCP") for ip, port in ((cluster, 81), (vip, 81), (NODE_IP, node_port + 10))]
    sources = st.sampled_from([*PODS, REMOTE[1], CLIENT, NODE_IP, "192.0.2.0"])
    packets = draw(st.lists(st.tuples(sources, st.sampled_from(targets)), min_size=3, max_size=8))
    asked = [(source, *target) for source, target in packets if target[0] != "127.0.0.1" or source == NODE_IP]
    return World(services, slices, draw(st.sampled_from(CONFIGS)), draw(st.sampled_from(["", "a", "a"])), asked)


@settings(max_examples=400, deadline=None)
@given(worlds(), st.integers(0, 1000))
def test_packets_arrive_where_the_service_says_and_are_masqueraded_when_it_has_to_be(world: World, seed: int) -> None:
    judge(world, seed)


@pytest.mark.slow
@settings(max_examples=6000, deadline=None)
@given(worlds(), st.integers(0, 1000))
def test_many_packets_arrive_where_the_service_says(world: World, seed: int) -> None:
    judge(world, seed)


def judge(world: World, seed: int) -> None:
    """Send the packets, and ask the specification about each."""
    node = KubeNode(objects(*world.services, *world.slices), world.config, zone=world.zone, seed=seed)
    config = world.config
    known = bool(config.cluster_cidr or config.detect_local_mode != "ClusterCIDR")
    stuck: dict[tuple[str, str, int], str] = {}
    for number, (source, to, port, proto) in enumerate(world.packets):
        found = node.send(source, to, port, proto, 40000 + number)
        allowed = expected(
            world.services,
            world.slices,
            source,
            to,
            port,
            proto,
            pods_known=known,
            masquerade_all=config.masquerade_all,
            zone=world.zone,
        )
        assert found in allowed, f"{source} > {to}:{port}/{proto}"
        stays = next(
            (s for s in world.services if to == s.spec.cluster_ip and s.spec.session_affinity == "ClientIP"), None
        )
        if stays is not None and found.what == "sent":
            assert stuck.setdefault((source, to, port), found.to) == found.to, "a client stays with its endpoint"
