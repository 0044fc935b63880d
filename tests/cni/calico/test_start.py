"""calico-node's start: the node's address, the default pool, tunnel addresses, settings (Calico sheet 1.7, 2.1, 7, 8)."""

import pytest

from podwire import GKE, Calico, Cluster, ConfigError, IPPool, NicSpec, NotModelled, PodwireError
from tests.cni.calico.lab import ip_of, lines, make, routes_of, store

ADDRESS = "projectcalico.org/IPv4Address"


def two_nics(method="first-found", **more):
    """A node with a NIC on each of two networks, and a bridge that nobody wants."""
    lab = Cluster(Calico(ip_autodetection_method=method, **more))
    lab.add_network("nat", "10.0.2.0/24")
    lab.add_network("lan", "192.168.10.0/24")
    nics = [NicSpec("eth0", "nat", "10.0.2.15/24"), NicSpec("eth1", "lan", "192.168.10.101/24")]
    return lab, lab.add_node("w1", nics=nics, gateway="10.0.2.2")


@pytest.mark.parametrize(
    ("method", "address"),
    [
        # calico-node walks the list of interfaces backwards.
        ("first-found", "192.168.10.101/24"),
        ("kubernetes-internal-ip", "10.0.2.15/24"),
        ("can-reach=8.8.8.8", "10.0.2.15/24"),
        ("can-reach=192.168.10.7", "192.168.10.101/24"),
        ("interface=eth0", "10.0.2.15/24"),
        ("interface=ens.*, eth1", "192.168.10.101/24"),
        ("skip-interface=eth1", "10.0.2.15/24"),
        ("cidr=10.0.0.0/8", "10.0.2.15/24"),
        ("cidr=172.16.0.0/12, 192.168.0.0/16", "192.168.10.101/24"),
        ("interface=wlan0", None),
        ("cidr=172.16.0.0/12", None),
    ],
)
def test_the_nodes_address(method, address):
    _, node = two_nics(method)
    assert node.spec.annotations.get(ADDRESS) == address


def test_interfaces_that_never_hold_the_nodes_address():
    lab, node = two_nics()
    for name in ("docker0", "br-1234", "virbr0", "cni0"):
        for command in (
            f"ip link add {name} type bridge",
            f"ip addr add 172.31.0.1/24 dev {name}",
            f"ip link set {name} up",
        ):
            assert not node.exec(command).exit_code
        node.agent("felix").restart()
        assert node.spec.annotations[ADDRESS] == "192.168.10.101/24"
        node.exec(f"ip link del {name}")
    assert lab.nodes


def test_the_interface_of_another_network_breaks_the_mesh():
    """Scenario 6: every VM has 10.0.2.15 on its NAT interface; the second calico-node exits at its start, again and again."""
    lab, _ = two_nics("interface=eth0")
    nics = [NicSpec("eth0", "nat", "10.0.2.15/24"), NicSpec("eth1", "lan", "192.168.10.102/24")]
    w2 = lab.add_node("w2", nics=nics, gateway="10.0.2.2")
    assert ADDRESS not in w2.spec.annotations
    assert w2.agent("felix").log == ("Calico node 'w1' is already using the IPv4 address 10.0.2.15.",)
    assert "tunl0" not in str(w2.exec("ip link"))
    with pytest.raises(
        PodwireError, match=r"^stat /var/lib/calico/nodename: no such file or directory: check that the"
    ):
        lab.run("b", node="w2")
    a = lab.run("a", node="w1")
    assert [line for line in routes_of(lab, "w1", "bird") if "via" in line] == []
    lab.upgrade(ip_autodetection_method="interface=eth1")
    assert [node.spec.annotations[ADDRESS] for node in lab.nodes] == ["192.168.10.101/24", "192.168.10.102/24"]
    assert a.ping(lab.run("b", node="w2")).ok


@pytest.mark.parametrize("method", ["second-found", "cidr=abc", "can-reach=example.com", "interface=(", ""])
def test_methods_that_there_are_not(method):
    with pytest.raises(ConfigError, match="ip_autodetection_method"):
        two_nics(method)


@pytest.mark.parametrize(
    ("backend", "lan", "pool"),
    [
        ("bird", "10.9.0.0/24", ("192.168.0.0/16", "Always", "Never")),
        # podwire's own network lies in 192.168.0.0/16, so another one is taken.
        ("bird", "192.168.10.0/24", ("172.16.0.0/16", "Always", "Never")),
        ("vxlan", "172.16.4.0/24", ("192.168.0.0/16", "Never", "Always")),
    ],
)
def test_the_default_pool(backend, lan, pool):
    lab = Cluster(Calico(backend=backend))
    lab.add_network("lan", lan)
    node = lab.add_node("w1", lan.replace(".0/24", ".5/24"), network="lan", gateway=lan.replace(".0/24", ".1"))
    (made,) = store(lab).pools.values()
    assert (str(made.cidr), made.ipip_mode, made.vxlan_mode) == pool
    assert (made.name, made.block_size, made.nat_outgoing) == ("default-ipv4-ippool", 26, True)
    assert ip_of(lab.run("a", node="w1")) in made.cidr
    assert node.exec(f"ip link show {'tunl0' if backend == 'bird' else 'vxlan.calico'}").exit_code == 0


def test_the_default_pool_avoids_both():
    lab = Cluster(Calico())
    lab.add_network("lan", "192.168.10.0/24")
    lab.add_network("old", "172.16.3.0/24")
    lab.add_node("w1", nics=[NicSpec("eth0", "lan", "192.168.10.5/24"), NicSpec("eth1", "old", "172.16.3.5/24")])
    assert [str(pool.cidr) for pool in store(lab).pools.values()] == ["172.17.0.0/16"]


@pytest.mark.parametrize("settings", [{"no_default_pools": True}, {"backend": "none"}])
def test_no_default_pool(settings):
    lab = Cluster(Calico(**settings), nodes=1)
    with pytest.raises(PodwireError, match="cannot find a qualified ippool"):
        lab.run("a")


def test_the_default_pool_is_made_once():
    lab = Cluster(Calico(), nodes=1)
    lab.delete({"apiVersion": "projectcalico.org/v3", "kind": "IPPool", "metadata": {"name": "default-ipv4-ippool"}})
    lab.add_node("another")
    assert store(lab).pools == {}


def test_two_pools_need_two_names():
    with pytest.raises(ConfigError, match="ip_pools: two pools are called 'default-ipv4-ippool'"):
        Cluster(Calico(ip_pools=[IPPool("10.1.0.0/16"), IPPool("10.2.0.0/16")]))


@pytest.mark.parametrize(
    ("pools", "complaint"),
    [
        ([IPPool("10.1.0.0/33")], "spec.cidr"),
        ([IPPool("10.1.0.0/16", ipip_mode="Always", vxlan_mode="Always")], "cannot both be enabled"),
        ([IPPool("10.1.0.0/16"), IPPool("10.1.9.0/24", name="b")], r"IPPool\(b\) CIDR overlaps"),
        ([IPPool("10.1.0.0/16", node_selector="zone")], "expected a selector"),
    ],
)
def test_pools_that_cannot_be(pools, complaint):
    with pytest.raises(ConfigError, match=complaint):
        Cluster(Calico(ip_pools=pools))


@pytest.mark.parametrize(
    ("settings", "error", "complaint"),
    [
        ({"backend": "frr"}, ConfigError, "expected 'bird', 'vxlan' or 'none'"),
        ({"ipam": "whereabouts"}, ConfigError, "expected 'calico-ipam' or 'host-local'"),
        ({"interface_prefix": "calico"}, ConfigError, "expected four characters"),
        ({"mtu_iface_pattern": "("}, ConfigError, "mtu_iface_pattern"),
        ({"vxlan_vni": 1 << 24}, ConfigError, "vxlan_vni=16777216: expected 1 to 16777215"),
        ({"mtu": 20}, ConfigError, "mtu=20: expected 68 to 65535"),
        ({"auto_allocate_blocks": False}, ConfigError, "Cannot disable 'StrictAffinity' and 'AutoAllocateBlocks'"),
        ({"max_blocks_per_host": 3}, ConfigError, "MaxBlocksPerHost requires StrictAffinity"),
        ({"max_blocks_per_host": -1, "strict_affinity": True}, ConfigError, "expected 0 or more"),
        ({"device_route_source_address": "eth0"}, ConfigError, "device_route_source_address"),
        ({"wireguard_enabled": True}, NotModelled, "wireguard_enabled"),
        ({"bpf_enabled": True}, NotModelled, "bpf_enabled"),
        ({"route_sync_disabled": True}, NotModelled, "route_sync_disabled"),
    ],
)
def test_settings_that_cannot_be_had(settings, error, complaint):
    with pytest.raises(error, match=complaint):
        Cluster(Calico(**settings))


def test_the_tunnel_takes_ordinal_0_and_the_first_pod_1():
    lab = make(IPPool("172.16.0.0/16", block_size=24, ipip_mode="Always"))
    assert [node.spec.annotations["projectcalico.org/IPv4IPIPTunnelAddr"] for node in lab.nodes] == [
        "172.16.116.0", "172.16.158.0", "172.16.184.0", "172.16.34.0"
    ]  # fmt: skip
    assert str(lab.run("a", node="k8s-m").ip) == "172.16.116.1"
    holder = store(lab).ipam.find(ip_of(lab.run("b", node="k8s-m")))
    assert holder is not None
    assert holder.attributes == {"node": "k8s-m", "pod": "b", "namespace": "default"}
    assert holder.handle.startswith("k8s-pod-network.")
    (tunnel,) = store(lab).ipam.addresses("ipip-tunnel-addr-k8s-m")
    holder = store(lab).ipam.find(tunnel)
    assert holder is not None
    assert holder.attributes == {"node": "k8s-m", "type": "ipipTunnelAddress"}


def test_pools_for_tunnels_and_pools_for_pods():
    lab = make(
        IPPool("10.1.0.0/16", name="a-pods", ipip_mode="Always", allowed_uses=("Workload",)),
        IPPool("10.2.0.0/16", name="b-tunnels", ipip_mode="Always", allowed_uses=("Tunnel",)),
    )
    assert str(lab.node("k8s-m").exec("ip addr show tunl0")).count("inet 10.2.") == 1
    assert str(lab.run("a", node="k8s-m").ip).startswith("10.1.")


def test_host_local_with_bird_announces_pod_cidrs():
    """USE_POD_CIDR: the pod CIDR is the block; tunl0 gets the address behind its network address."""
    lab = Cluster(Calico(ipam="host-local"), nodes=2)
    a, b = lab.run("a", node="node1"), lab.run("b", node="node2")
    assert [str(pod.ip) for pod in (a, b)] == ["10.244.0.2", "10.244.1.2"]
    assert routes_of(lab, "node1", "10.244") == [
        "blackhole 10.244.0.0/24 proto bird",
        f"10.244.0.2 dev {a.interface} scope link",
        "10.244.1.0/24 via 192.168.10.102 dev tunl0 proto bird onlink",
    ]
    assert "inet 10.244.0.1/32 scope global tunl0" in str(lab.node("node1").exec("ip addr show tunl0"))
    assert a.ping(b).ttl == 62


def test_host_local_with_vxlan_derives_no_vxlan_address():
    lab = Cluster(Calico(ipam="host-local", backend="vxlan"), nodes=2)
    a, b = lab.run("a", node="node1"), lab.run("b", node="node2")
    assert "vxlan.calico" not in str(lab.node("node1").exec("ip link"))
    assert not a.ping(b).ok


def test_a_pod_cidr_that_is_larger_than_the_pool_is_in_no_pool():
    lab = Cluster(Calico(ipam="host-local", ip_pools=[IPPool("10.244.0.0/26", vxlan_mode="Always")]), nodes=1)
    assert routes_of(lab, "node1", "10.244") == ["blackhole 10.244.0.0/24 proto bird"]


def test_what_calico_node_logs():
    _, node = two_nics("interface=wlan0")
    node.agent("bird").restart()
    (line,) = node.agent("bird").log
    assert line.startswith("Couldn't autodetect an IPv4 address.")
    lab = make(IPPool("10.9.0.0/29", block_size=31, ipip_mode="Always"), strict_affinity=True)
    assert lab.node("k8s-m").agent("allocate-tunnel-addrs").log == ()
    lab.add_node("late", "192.168.10.150/24", network="lan10")
    (line,) = lab.node("late").agent("allocate-tunnel-addrs").log
    assert line.startswith("Unable to autoassign an address: failed to request IPv4 addresses: Assigned 0 out of 1")


def test_a_lost_annotation_costs_a_new_address_and_no_old_one():
    lab = make(IPPool("10.9.0.0/24", ipip_mode="Always"))
    node = lab.node("k8s-m")
    old = node.spec.annotations.pop("projectcalico.org/IPv4IPIPTunnelAddr")
    lab.told()
    new = node.spec.annotations["projectcalico.org/IPv4IPIPTunnelAddr"]
    assert new != old
    assert [str(ip) for ip in store(lab).ipam.addresses("ipip-tunnel-addr-k8s-m")] == [new]


def test_an_address_that_is_found_no_more_stays_written():
    lab = make(IPPool("10.9.0.0/24", ipip_mode="Always"))
    lab.upgrade(ip_autodetection_method="interface=wlan0")
    assert lab.node("k8s-m").spec.annotations[ADDRESS] == "192.168.10.10/24"


# ------------------------------------------------------------------------------------------- GKE's experiment, section 7

ZONE = """
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {{name: pool-zone-1}}
spec: {{cidr: 192.168.50.0/24, natOutgoing: true, ipipMode: {ipip}, vxlanMode: {vxlan}}}
"""
NODE = "gke-nyoung-cluster-nyoung-pool-0f26b766-1wp8"


@pytest.fixture
def gke():
    lab = Cluster(GKE(dataplane="calico", pod_range="192.168.0.0/21", service_range="192.168.8.0/24"))
    lab.add_vpc("vpc", "10.0.0.0/24")
    lab.add_node(NODE, "10.0.0.20", pod_cidr="192.168.1.0/24")
    return lab


def test_a19_a_pool_by_hand_makes_no_vxlan_interface(gke):
    assert gke.apply(ZONE.format(ipip="Never", vxlan="Always")) == ["ippool.projectcalico.org/pool-zone-1 created"]
    assert "vxlan" not in str(gke.node(NODE).exec("ip link"))
    assert "192.168.50" not in str(gke.node(NODE).exec("ip route"))


def test_a21_cross_subnet_makes_an_idle_tunl0(gke):
    pod1 = gke.run("pod1", node=NODE)
    gke.apply(ZONE.format(ipip="Never", vxlan="Always"))
    gke.apply(ZONE.format(ipip="CrossSubnet", vxlan="Never"))
    shown = lines(gke.node(NODE).exec("ip addr show tunl0"))
    assert "tunl0@NONE: <NOARP,UP,LOWER_UP> mtu 1440 qdisc noqueue state UNKNOWN" in shown[0]
    assert shown[1:] == [
        "    link/ipip 0.0.0.0 brd 0.0.0.0",
        "    inet 192.168.1.1/32 scope global tunl0",
        "       valid_lft forever preferred_lft forever",
    ]
    assert routes_of(gke, NODE, "tunl0") == []
    assert pod1.ping(gke.run("pod2", node=NODE)).ttl == 63


def test_a20_calico_ipam_beside_use_pod_cidr():
    """The first block of that node is the pool's first; with USE_POD_CIDR Felix looks at no blocks, so there is no blackhole."""
    pool = IPPool("192.168.50.0/24", name="pool-zone-1", vxlan_mode="Always", nat_outgoing=True)
    lab = Cluster(Calico(backend="none", use_pod_cidr=True, ip_pools=[pool]))
    lab.add_network("lan", "10.0.0.0/24")
    lab.add_node(NODE, "10.0.0.20/24", network="lan", gateway="10.0.0.1", pod_cidr="192.168.1.0/24")
    pod2 = lab.run("pod2", node=NODE)
    assert str(pod2.ip) == "192.168.50.0"
    assert routes_of(lab, NODE, "192.168.50.") == [f"192.168.50.0 dev {pod2.interface} scope link"]
