"""What stands on a node in every mode: the texts of the Calico sheet (1.4 to 1.8, 8, 9), and the way of a packet."""

import pytest

from podwire import IPPool
from podwire.testing import assert_path
from tests.cni.calico.lab import ip_of, lines, make, routes_of, seed, store


def pods(lab):
    """One pod on each of three nodes: own, same network, behind the router."""
    return tuple(
        lab.run(name, node=node) for name, node in (("pod1", "k8s-w1"), ("pod2", "k8s-w2"), ("pod0", "k8s-w0"))
    )


def devices(trace):
    return [each.partition(":")[2] for each in trace.path]


# -------------------------------------------------------------------------------------------------------------- IPIP


def test_ipip_routes_lead_into_tunl0():
    lab = seed("Always")
    lab.run("pod1", node="k8s-w1")
    assert routes_of(lab, "k8s-w1") == [
        "172.16.34.0/24 via 192.168.20.100 dev tunl0 proto bird onlink",
        "172.16.116.0/24 via 192.168.10.10 dev tunl0 proto bird onlink",
        "blackhole 172.16.158.0/24 proto bird",
        "172.16.158.1 dev calice0906292e2 scope link",
        "172.16.184.0/24 via 192.168.10.102 dev tunl0 proto bird onlink",
    ]


def test_tunl0_as_felix_keeps_it():
    lab = seed("Always")
    assert lines(lab.node("k8s-w1").exec("ip addr show tunl0")) == [
        "3: tunl0@NONE: <NOARP,UP,LOWER_UP> mtu 1480 qdisc noqueue state UNKNOWN group default qlen 1000",
        "    link/ipip 0.0.0.0 brd 0.0.0.0",
        "    inet 172.16.158.0/32 scope global tunl0",
        "       valid_lft forever preferred_lft forever",
    ]
    assert lines(lab.node("k8s-w1").exec("ip tunnel show")) == [
        "tunl0: any/ip remote any local any ttl inherit nopmtudisc"
    ]


def test_route_n_as_in_seed_001():
    """B05: the seven lines of k8s-m; the pods' names are not in the note, so only what follows from them is free."""
    lab = seed("Always")
    for number in (1, 2, 3):
        lab.run(f"m{number}", node="k8s-m")
    table = lines(lab.node("k8s-m").exec("route -n"))
    assert table[:2] == [
        "Kernel IP routing table",
        "Destination     Gateway         Genmask         Flags Metric Ref    Use Iface",
    ]
    assert [line.partition(" cali")[0] for line in table if line.startswith("172.16.")] == [
        "172.16.34.0     192.168.20.100  255.255.255.0   UG    0      0        0 tunl0",
        "172.16.116.0    0.0.0.0         255.255.255.0   U     0      0        0 *",
        "172.16.116.1    0.0.0.0         255.255.255.255 UH    0      0        0",
        "172.16.116.2    0.0.0.0         255.255.255.255 UH    0      0        0",
        "172.16.116.3    0.0.0.0         255.255.255.255 UH    0      0        0",
        "172.16.158.0    192.168.10.101  255.255.255.0   UG    0      0        0 tunl0",
        "172.16.184.0    192.168.10.102  255.255.255.0   UG    0      0        0 tunl0",
    ]


def test_ipip_way_of_a_packet():
    """B06: cali, tunl0, eth, eth, tunl0, cali; ttl 62; node addresses outside, pod addresses inside, protocol 4."""
    lab = seed("Always")
    pod1, pod2, _ = pods(lab)
    with lab.capture("k8s-w1:eth0", filter="ip proto 4") as capture:
        ping = pod1.ping(pod2)
    assert ping.ttl == 62
    assert_path(
        ping.trace,
        ["default/pod1:eth0", "k8s-w1:calice0906292e2", "k8s-w1:tunl0", "k8s-w1:eth0",
         "k8s-w2:eth0", "k8s-w2:tunl0", "k8s-w2:calibd2348b4f67", "default/pod2:eth0"],
    )  # fmt: skip
    assert devices(ping.trace.reply) == devices(ping.trace)[::-1]
    outer, inner = capture.packets[0].getlayer("IP"), capture.packets[0].getlayer("IP", 2)
    assert (outer.src, outer.dst, outer.proto, outer.ttl) == ("192.168.10.101", "192.168.10.102", 4, 63)
    assert (inner.src, inner.dst, inner.ttl) == (str(pod1.ip), str(pod2.ip), 63)
    assert outer.flags.DF == inner.flags.DF


def test_a_node_speaks_to_remote_pods_with_the_address_of_its_tunnel():
    for lab, device in ((seed("Always"), "tunl0"), (seed(vxlan="Always", backend="vxlan"), "vxlan.calico")):
        _, pod2, _ = pods(lab)
        with lab.capture("default/pod2:eth0", filter="icmp") as capture:
            assert lab.node("k8s-w1").ping(pod2).ok
        assert capture.packets[0].getlayer("IP").src == "172.16.158.0"
        got = lines(lab.node("k8s-w1").exec(f"ip route get {pod2.ip}"))[0]
        assert f"dev {device} src 172.16.158.0" in got


def test_ipip_cross_subnet_decides_per_route():
    lab = seed("CrossSubnet")
    assert routes_of(lab, "k8s-w1") == [
        "172.16.34.0/24 via 192.168.20.100 dev tunl0 proto bird onlink",
        "172.16.116.0/24 via 192.168.10.10 dev eth0 proto bird",
        "blackhole 172.16.158.0/24 proto bird",
        "172.16.184.0/24 via 192.168.10.102 dev eth0 proto bird",
    ]
    assert [line.split()[4] for line in routes_of(lab, "k8s-w0") if "via" in line] == ["tunl0"] * 3
    pod1, pod2, pod0 = pods(lab)
    assert "tunl0" not in devices(pod1.ping(pod2).trace)
    far = pod1.ping(pod0)
    assert far.ttl == 62
    assert devices(far.trace).count("tunl0") == 2


def test_a_node_whose_own_address_is_a_32_always_uses_the_tunnel():
    """Scenario 5 of the sheet: the subnet of the *local* node's address decides."""
    lab = seed("CrossSubnet")
    lab.node("k8s-w1").spec.annotations["projectcalico.org/IPv4Address"] = "192.168.10.101/32"
    lab.told()
    assert [line.split()[4] for line in routes_of(lab, "k8s-w1") if "via" in line] == ["tunl0"] * 3
    assert "172.16.158.0/24 via 192.168.10.101 dev eth0 proto bird" in routes_of(lab, "k8s-m")


# ------------------------------------------------------------------------------------------------- no encapsulation


def test_bgp_without_tunnel_goes_through_the_underlays_router():
    """Sheet 8: the gateway is the peer on the same L2, else what the kernel's routes say."""
    lab = seed(routes=True)
    # Without tunnel addresses nobody has a block before the first pod.
    assert routes_of(lab, "k8s-w1") == []
    pod1, pod2, pod0 = pods(lab)
    assert routes_of(lab, "k8s-w1") == [
        "172.16.34.0/24 via 192.168.10.200 dev eth0 proto bird",
        f"{pod1.ip} dev calice0906292e2 scope link",
        "blackhole 172.16.158.0/24 proto bird",
        "172.16.184.0/24 via 192.168.10.102 dev eth0 proto bird",
    ]
    assert lab.node("k8s-w1").exec("ip link show tunl0").exit_code == 1
    for target in (pod2, pod0):
        ping = pod1.ping(target)
        assert ping.ttl == (62 if target is pod2 else 61)
        assert not {"tunl0", "vxlan.calico"} & set(devices(ping.trace))
    assert "mtu 1500" in str(pod1.exec("ip link show eth0"))


def test_bgp_without_tunnel_needs_a_router_that_knows_the_way():
    lab = seed()
    pod1, _, pod0 = pods(lab)
    ping = pod1.ping(pod0)
    assert ping.received == 0
    assert ping.trace.path[-1] == "router:eth0"


def test_a_peer_without_way_has_no_session_and_no_routes():
    lab = make(IPPool("10.48.0.0/16", ipip_mode="Always"))
    lab.node("k8s-w1").exec("ip route del default")
    lab.told()
    assert [line for line in routes_of(lab, "k8s-w1", "tunl0") if "192.168.20.100" in line] == []


def test_several_ways_to_a_peer_are_several_next_hops():
    lab = seed(routes=True)
    lab.add_router("second", {"lan10": "192.168.10.201", "lan20": "192.168.20.201"})
    pods(lab)
    lab.node("k8s-w1").exec("ip route replace default nexthop via 192.168.10.200 nexthop via 192.168.10.201")
    lab.told()
    table = lines(lab.node("k8s-w1").exec("ip route"))
    where = table.index("172.16.34.0/24 proto bird")
    assert table[where + 1 : where + 3] == [
        "\tnexthop via 192.168.10.200 dev eth0 weight 1",
        "\tnexthop via 192.168.10.201 dev eth0 weight 1",
    ]


# -------------------------------------------------------------------------------------------------------------- VXLAN


def test_vxlan_routes_lead_to_the_other_vteps():
    lab = seed(vxlan="Always", backend="vxlan")
    lab.run("pod1", node="k8s-w1")
    assert routes_of(lab, "k8s-w1") == [
        "172.16.34.0/24 via 172.16.34.0 dev vxlan.calico onlink",
        "172.16.116.0/24 via 172.16.116.0 dev vxlan.calico onlink",
        "blackhole 172.16.158.0/24 proto 80",
        "172.16.158.1 dev calice0906292e2 scope link",
        "172.16.184.0/24 via 172.16.184.0 dev vxlan.calico onlink",
    ]


def test_vxlan_calico_as_felix_keeps_it():
    lab = seed(vxlan="Always", backend="vxlan")
    node = lab.node("k8s-w1")
    shown = lines(node.exec("ip -d addr show vxlan.calico"))
    assert shown[0] == (
        "3: vxlan.calico: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UNKNOWN group default qlen 1000"
    )
    # 66: and the first five bytes of sha1("k8s-w1").
    assert shown[1].startswith("    link/ether 66:74:91:32:7c:04 brd ff:ff:ff:ff:ff:ff")
    assert shown[2].startswith(
        "    vxlan id 4096 local 192.168.10.101 dev eth0 srcport 0 0 dstport 4789 nolearning ttl auto ageing 300 "
        "udpcsum noudp6zerocsumtx noudp6zerocsumrx"
    )
    assert shown[3:5] == [
        "    inet 172.16.158.0/32 scope global vxlan.calico",
        "       valid_lft forever preferred_lft forever",
    ]


def test_vxlan_neighbours_and_fdb():
    node = seed(vxlan="Always", backend="vxlan").node("k8s-w1")
    assert sorted(lines(node.exec("ip neigh show dev vxlan.calico"))) == [
        "172.16.116.0 lladdr 66:04:03:49:b1:1e PERMANENT",
        "172.16.184.0 lladdr 66:55:c4:6b:81:ed PERMANENT",
        "172.16.34.0 lladdr 66:8d:da:b4:58:1a PERMANENT",
    ]
    assert sorted(lines(node.exec("bridge fdb show dev vxlan.calico"))) == [
        "66:04:03:49:b1:1e dst 192.168.10.10 self permanent",
        "66:55:c4:6b:81:ed dst 192.168.10.102 self permanent",
        "66:8d:da:b4:58:1a dst 192.168.20.100 self permanent",
    ]


def test_vxlan_way_of_a_packet():
    lab = seed(vxlan="Always", backend="vxlan")
    pod1, _, pod0 = pods(lab)
    with lab.capture("k8s-w1:eth0", filter="udp port 4789") as capture:
        ping = pod1.ping(pod0)
    assert ping.ttl == 62
    assert_path(
        ping.trace,
        ["default/pod1:eth0", "k8s-w1:calice0906292e2", "k8s-w1:vxlan.calico", "k8s-w1:eth0", "router:eth0",
         "router:eth1", "k8s-w0:eth0", "k8s-w0:vxlan.calico", "k8s-w0:cali*", "default/pod0:eth0"],
    )  # fmt: skip
    frame = capture.packets[0]
    outer, inner = frame.getlayer("IP"), frame.getlayer("IP", 2)
    assert (outer.src, outer.dst, outer.ttl, int(outer.flags)) == ("192.168.10.101", "192.168.20.100", 64, 0)
    assert frame.getlayer("VXLAN").vni == 4096
    assert (frame.getlayer("Ether", 2).src, frame.getlayer("Ether", 2).dst) == (
        "66:74:91:32:7c:04",
        "66:8d:da:b4:58:1a",
    )
    assert (inner.src, inner.dst, inner.ttl) == (str(pod1.ip), str(pod0.ip), 63)


@pytest.mark.parametrize("backend", ["bird", "vxlan"])
def test_vxlan_cross_subnet_decides_per_route(backend):
    lab = seed(vxlan="CrossSubnet", backend=backend)
    assert routes_of(lab, "k8s-w1") == [
        "172.16.34.0/24 via 172.16.34.0 dev vxlan.calico onlink",
        "172.16.116.0/24 via 192.168.10.10 dev eth0 proto 80 onlink",
        "blackhole 172.16.158.0/24 proto 80",
        "172.16.184.0/24 via 192.168.10.102 dev eth0 proto 80 onlink",
    ]
    pod1, pod2, pod0 = pods(lab)
    assert "vxlan.calico" not in devices(pod1.ping(pod2).trace)
    assert devices(pod1.ping(pod0).trace).count("vxlan.calico") == 2


def test_without_vtep_there_is_neither_device_nor_route():
    """Sheet 1.6, and seed 000 (A19): backend none writes no node address."""
    lab = seed(vxlan="Always", backend="none")
    node = lab.node("k8s-w1")
    assert "vxlan.calico" not in str(node.exec("ip link"))
    assert routes_of(lab, "k8s-w1") == ["blackhole 172.16.158.0/24 proto 80"]


def test_a_mac_of_the_nodes_own():
    lab = seed(vxlan="Always", backend="vxlan")
    lab.node("k8s-w2").spec.annotations["projectcalico.org/VXLANTunnelMACAddr"] = "66:00:00:00:00:01"
    lab.told()
    assert "link/ether 66:00:00:00:00:01" in str(lab.node("k8s-w2").exec("ip link show vxlan.calico"))
    assert "66:00:00:00:00:01 dst 192.168.10.102" in str(lab.node("k8s-w1").exec("bridge fdb show dev vxlan.calico"))
    assert lab.node("k8s-w1").ping(lab.run("pod2", node="k8s-w2")).ok


# ---------------------------------------------------------------------------------------------- one node, mixed pools


def test_one_node():
    """D04: pods of one node do not meet the tunnel; ttl 63."""
    lab = seed("Always")
    a, b = lab.run("a", node="k8s-w1"), lab.run("b", node="k8s-w1")
    ping = a.ping(b)
    assert ping.ttl == 63
    assert devices(ping.trace) == ["eth0", a.interface, b.interface, "eth0"]


def test_pools_of_two_encapsulations_side_by_side():
    lab = make(IPPool("10.1.0.0/16", name="a", ipip_mode="Always", node_selector="kubernetes.io/hostname != 'k8s-w2'"),
               IPPool("10.2.0.0/16", name="b", vxlan_mode="Always", node_selector="kubernetes.io/hostname == 'k8s-w2'"))  # fmt: skip
    one, two, three = (lab.run(f"p{node}", node=node) for node in ("k8s-w1", "k8s-w2", "k8s-w0"))
    assert [str(pod.ip).split(".")[1] for pod in (one, two, three)] == ["1", "2", "1"]
    # Felix enables what any pool wants, on every node; but k8s-w1 has no VXLAN address and therefore no way to k8s-w2.
    assert "mtu 1450" in str(one.exec("ip link show eth0"))
    assert one.ping(three).ok
    assert "vxlan.calico" not in str(lab.node("k8s-w1").exec("ip link"))
    assert not one.ping(two).ok


@pytest.mark.parametrize(
    ("modes", "route"),
    [
        ({"ipip_mode": "Always"}, "via 192.168.10.{node} dev tunl0 proto bird onlink"),
        ({"vxlan_mode": "Always", "allowed_uses": ("Workload",)}, None),
        ({"vxlan_mode": "Always"}, "via {vtep} dev vxlan.calico onlink"),
        ({}, "via 192.168.10.{node} dev eth0 proto bird"),
    ],
)
def test_a_borrowed_address_has_a_route_of_its_own(modes, route):
    """Scenario 14: two blocks for three nodes; the third one borrows, and its address is routed as a /32."""
    lab = make(IPPool("10.9.0.0/28", block_size=29, **modes))
    blocks = store(lab).ipam.blocks_of
    pods_ = [lab.run(f"p{i}", node=node) for i, node in enumerate(("k8s-m", "k8s-w1", "k8s-w2"))]
    borrower = next(pod for pod in pods_ if not blocks(pod.node.name))
    owner = next(pod for pod in pods_ if any(ip_of(borrower) in block.cidr for block in blocks(pod.node.name)))
    vtep = borrower.node.spec.annotations.get("projectcalico.org/IPv4VXLANTunnelAddr")
    found = [line for line in routes_of(lab, owner.node.name, "10.9.") if line.startswith(f"{borrower.ip} ")]
    if route is None:
        # No tunnel address, no VTEP, no route.
        assert found == []
        assert vtep is None
        return
    where = route.format(node=str(borrower.node.ip).rpartition(".")[2], vtep=vtep)
    assert found == [f"{borrower.ip} {where}"]
    # The address of a tunnel device: BIRD knows it as a network of its own; Felix gives routes to workloads alone.
    tunnel = borrower.node.spec.annotations.get("projectcalico.org/IPv4IPIPTunnelAddr", vtep)
    routed = [line for line in routes_of(lab, owner.node.name, "10.9.") if line.startswith(f"{tunnel} ")]
    assert routed == ([f"{tunnel} {where}"] if "ipip_mode" in modes else [])
    assert owner.ping(borrower).ok
    assert borrower.ping(owner).ok


@pytest.mark.parametrize("modes", [{"ipip_mode": "Always"}, {"vxlan_mode": "Always"}, {}])
def test_blocks_of_one_address_have_no_blackhole(modes):
    """Sheet 1.8 and 8: it would stand in the way of the pod's own route."""
    lab = make(IPPool("10.9.0.0/24", block_size=32, **modes))
    a, b = lab.run("a", node="k8s-m"), lab.run("b", node="k8s-w1")
    assert [line for line in routes_of(lab, "k8s-m", "10.9.") if "blackhole" in line] == []
    assert a.ping(b).ok


def test_a_block_that_changed_hands_is_its_new_owners():
    lab = seed(routes=True)
    lab.run("pod1", node="k8s-w1")
    pod2 = lab.run("pod2", node="k8s-w2")
    lab.node("k8s-w2").agent("bird").pause()
    pod2.delete()
    ipam = store(lab).ipam
    (block,) = ipam.blocks_of("k8s-w2")
    ipam.release_affinity(block)
    ipam.claim(block.cidr, "k8s-w1")
    lab.told()
    for _ in range(2):
        lab.told()
        assert routes_of(lab, "k8s-w1", "172.16.184") == ["blackhole 172.16.184.0/24 proto bird"]


def test_a_peer_behind_a_route_of_birds_own_has_no_session():
    """Scenario 7, the worst of it: a block that holds another node's address."""
    lab = make(
        IPPool("192.168.20.64/26", name="bad", node_selector="kubernetes.io/hostname == 'k8s-m'"), IPPool("10.1.0.0/16")
    )
    lab.run("m", node="k8s-m")
    lab.run("w0", node="k8s-w0")
    assert routes_of(lab, "k8s-w1", "192.168.20.64") == ["192.168.20.64/26 via 192.168.10.10 dev eth0 proto bird"]
    lab.told()
    assert routes_of(lab, "k8s-w1", "10.1.") == []


def test_an_mtu_that_the_kernel_refuses_is_not_set():
    lab = seed(vxlan="Always", vxlan_mtu=1480)
    assert "mtu 1450 " in str(lab.node("k8s-w1").exec("ip link show vxlan.calico"))
    assert "mtu 1480 " in str(lab.run("a", node="k8s-w1").exec("ip link show eth0"))


def test_who_wrote_a_route_is_told_with_pool_block_and_node():
    lab = seed("Always")
    lab.settle()
    table = lab.node("k8s-w1").place.netns.table(254)
    owners = {str(route.dst): route.owner for route in table.dump()}
    assert owners["172.16.34.0/24"].component == "bird"
    assert owners["172.16.34.0/24"].object == "IPPool default-ipv4-ippool"
    assert owners["172.16.34.0/24"].field == "block 172.16.34.0/24 of node k8s-w0"
    assert owners["172.16.158.0/24"].field == "block 172.16.158.0/24 of node k8s-w1"


def test_the_blackhole_stops_what_no_pod_has():
    """Scenario 15: a packet to an address just released ends on the owner node, in silence."""
    lab = seed("Always")
    pod1, pod2, _ = pods(lab)
    gone = pod2.ip
    pod2.delete()
    ping = pod1.ping(str(gone))
    assert ping.received == 0
    assert "icmp" not in {each.relation for each in ping.trace.caused}
    assert ping.trace.path[-1] == "k8s-w2:tunl0"
    assert "blackhole" in ping.trace.explain()


# ---------------------------------------------------------------------------------------------------------------- MTU


@pytest.mark.parametrize(
    ("settings", "device", "pod"),
    [
        ({"ipip": "Always"}, ("tunl0", 1480), 1480),
        ({"ipip": "CrossSubnet"}, ("tunl0", 1480), 1480),
        ({"vxlan": "Always"}, ("vxlan.calico", 1450), 1450),
        ({}, ("eth0", 1500), 1500),
        ({"ipip": "Always", "ipip_mtu": 1400}, ("tunl0", 1400), 1400),
        ({"vxlan": "Always", "vxlan_mtu": 1300}, ("vxlan.calico", 1300), 1300),
        ({"ipip": "Always", "mtu": 1440}, ("tunl0", 1480), 1440),
        ({"ipip": "Always", "mtu_iface_pattern": "^wlan"}, ("tunl0", 1440), 1440),
        ({"ipip": "Always", "vxlan_enabled": True}, ("tunl0", 1480), 1450),
    ],
)
def test_mtus(settings, device, pod):
    """Sheet 1.4."""
    lab = seed(**settings)
    name, mtu = device
    assert f"mtu {mtu} " in str(lab.node("k8s-w1").exec(f"ip link show {name}"))
    assert f"mtu {pod} " in str(lab.run("p", node="k8s-w1").exec("ip link show eth0"))
