"""Modes that change while the cluster runs: edited pools, settings, agents that are held back (Calico sheet 1.5, 1.6, 8, 9)."""

import pytest

from podwire import GKE, Cluster, ConfigError, IPPool, ManifestError, NotModelled, PodwireError
from tests.cni.calico.lab import device, ip_of, lines, make, pool_text, routes_of, seed, store


@pytest.fixture
def lab():
    lab = seed("Always")
    lab.run("pod1", node="k8s-w1")
    lab.run("pod2", node="k8s-w2")
    return lab


def addresses(lab, node="k8s-w1"):
    """The IPv4 addresses of each device."""
    shown = (line.split() for line in lines(lab.node(node).exec("ip -br addr")))
    return {words[0]: [word for word in words[2:] if ":" not in word] for words in shown}


def test_ipip_to_vxlan(lab):
    assert lab.apply(pool_text(vxlan="Always")) == ["ippool.crd.projectcalico.org/default-ipv4-ippool configured"]
    # The address of tunl0 went to the tail of its block's queue before VXLAN took one; pod1 has .1.
    assert routes_of(lab, "k8s-w1") == [
        "172.16.34.0/24 via 172.16.34.1 dev vxlan.calico onlink",
        "172.16.116.0/24 via 172.16.116.1 dev vxlan.calico onlink",
        "blackhole 172.16.158.0/24 proto 80",
        "172.16.158.1 dev calice0906292e2 scope link",
        "172.16.184.0/24 via 172.16.184.2 dev vxlan.calico onlink",
    ]
    assert addresses(lab)["vxlan.calico"] == ["172.16.158.2/32"]
    # tunl0 stays, up, without address (scenario 24).
    assert lines(lab.node("k8s-w1").exec("ip addr show tunl0")) == [
        "3: tunl0@NONE: <NOARP,UP,LOWER_UP> mtu 1480 qdisc noqueue state UNKNOWN group default qlen 1000",
        "    link/ipip 0.0.0.0 brd 0.0.0.0",
    ]
    assert lab.pod("pod1").ping("pod2").ok


def test_pods_keep_the_mtu_that_they_were_made_with(lab):
    lab.apply(pool_text(vxlan="Always"))
    new = lab.run("new", node="k8s-w1")
    assert "mtu 1480" in str(lab.pod("pod1").exec("ip link show eth0"))
    assert "mtu 1450" in str(new.exec("ip link show eth0"))
    assert str(lab.node("k8s-w1").exec("cat /var/lib/calico/mtu")) == "1450"
    # Scenario 1: what was made for IPIP is too large for VXLAN.
    assert new.ping("pod2", size=1422, df=True).ok
    assert not lab.pod("pod1").ping("pod2", size=1452, df=True).ok


def test_vxlan_to_ipip():
    lab = seed(vxlan="Always")
    lab.run("pod1", node="k8s-w1")
    lab.run("pod2", node="k8s-w2")
    lab.apply(pool_text(ipip="Always"))
    node = lab.node("k8s-w1")
    assert node.exec("ip link show vxlan.calico").exit_code == 1
    assert node.exec("ip neigh").stdout == ""
    assert routes_of(lab, "k8s-w1") == [
        "172.16.34.0/24 via 192.168.20.100 dev tunl0 proto bird onlink",
        "172.16.116.0/24 via 192.168.10.10 dev tunl0 proto bird onlink",
        "blackhole 172.16.158.0/24 proto bird",
        "172.16.158.1 dev calice0906292e2 scope link",
        "172.16.184.0/24 via 192.168.10.102 dev tunl0 proto bird onlink",
    ]
    # IPIP is looked at first: it takes .2 before VXLAN gives .0 back.
    assert addresses(lab)["tunl0@NONE"] == ["172.16.158.2/32"]
    assert lab.pod("pod1").ping("pod2").ok


def test_always_to_cross_subnet_and_to_never(lab):
    lab.apply(pool_text(ipip="CrossSubnet"))
    assert "172.16.184.0/24 via 192.168.10.102 dev eth0 proto bird" in routes_of(lab, "k8s-w1")
    assert "172.16.34.0/24 via 192.168.20.100 dev tunl0 proto bird onlink" in routes_of(lab, "k8s-w1")
    assert addresses(lab)["tunl0@NONE"] == ["172.16.158.0/32"]
    lab.apply(pool_text())
    assert "172.16.34.0/24 via 192.168.10.200 dev eth0 proto bird" in routes_of(lab, "k8s-w1")
    assert addresses(lab)["tunl0@NONE"] == []
    assert lab.pod("pod1").ping("pod2").ok


def test_there_and_back_is_as_before_but_for_the_addresses_of_the_tunnel(lab):
    before = {node.name: routes_of(lab, node.name) for node in lab.nodes}
    lab.apply(pool_text(vxlan="CrossSubnet"))
    lab.apply(pool_text(ipip="Always"))
    assert {node.name: routes_of(lab, node.name) for node in lab.nodes} == before


def test_the_same_pool_again_is_unchanged(lab):
    assert lab.apply(pool_text(ipip="Always")) == ["ippool.crd.projectcalico.org/default-ipv4-ippool unchanged"]


def test_a_refused_pool_changes_nothing(lab):
    before = routes_of(lab, "k8s-w1")
    for text in (pool_text("Always", "Always"), pool_text(vxlan="Always").replace("/16", "/15")):
        with pytest.raises(ManifestError):
            lab.apply(
                [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": []}}, text]
            )
        with pytest.raises(ManifestError):
            lab.apply(text)
    assert routes_of(lab, "k8s-w1") == before


def test_two_pools_of_one_document_are_held_beside_each_other(lab):
    one = pool_text().replace("default-ipv4-ippool", "one").replace("172.16", "10.1")
    two = one.replace("one", "two").replace("10.1.0.0/16", "10.1.128.0/17")
    with pytest.raises(ManifestError, match=r"IPPool\(two\) CIDR overlaps with IPPool\(one\) CIDR 10.1.0.0/16"):
        lab.apply(one + "---" + two)
    assert lab.apply(one) == ["ippool.crd.projectcalico.org/one created"]


def test_a_disabled_pool_gives_no_addresses_and_keeps_its_routes(lab):
    text = pool_text(ipip="Always").replace("natOutgoing: true", "natOutgoing: true, disabled: true")
    lab.apply(text)
    # A disabled pool still wants tunl0, but no tunnel address comes from it (1.5, 1.7).
    assert addresses(lab)["tunl0@NONE"] == []
    assert "172.16.184.0/24 via 192.168.10.102 dev tunl0 proto bird onlink" in routes_of(lab, "k8s-w1")
    with pytest.raises(PodwireError, match="cannot find a qualified ippool"):
        lab.run("new", node="k8s-w1")
    assert lab.pod("pod1").ping("pod2").ok


def test_disable_bgp_export(lab):
    """Scenario 23."""
    lab.apply(pool_text(ipip="Always").replace("natOutgoing: true", "natOutgoing: true, disableBGPExport: true"))
    assert routes_of(lab, "k8s-w1") == [
        "blackhole 172.16.158.0/24 proto bird",
        "172.16.158.1 dev calice0906292e2 scope link",
    ]


def test_a_node_selector_moves_new_pods_and_frees_empty_blocks(lab):
    lab.node("k8s-w1").labels["zone"] = "a"
    lab.apply(pool_text(ipip="Always").replace("natOutgoing: true", "natOutgoing: true, nodeSelector: zone == 'a'"))
    # k8s-m and k8s-w0 had nothing but their tunnel address; with it went the block.
    assert [line.split()[0] for line in routes_of(lab, "k8s-w1")] == ["blackhole", "172.16.158.1", "172.16.184.0/24"]
    assert addresses(lab, "k8s-m")["tunl0@NONE"] == []
    with pytest.raises(PodwireError, match="no configured Calico pools for node k8s-w2"):
        lab.run("new", node="k8s-w2")
    assert str(lab.run("new", node="k8s-w1").ip) == "172.16.158.2"


@pytest.mark.parametrize("api", ["projectcalico.org/v3", "crd.projectcalico.org/v1"])
def test_deleting_a_pool(lab, api):
    reference = {"apiVersion": api, "kind": "IPPool", "metadata": {"name": "default-ipv4-ippool"}}
    resource = f"ippool.{api.partition('/')[0]}"
    assert lab.delete(reference) == [f'{resource} "default-ipv4-ippool" deleted']
    table = routes_of(lab, "k8s-w1")
    if api.startswith("crd"):
        # The bare object goes, affinities stay: BIRD knows of no pool any more and routes past the tunnel.
        assert "172.16.184.0/24 via 192.168.10.102 dev eth0 proto bird" in table
    else:
        assert table == ["172.16.158.1 dev calice0906292e2 scope link"]
    with pytest.raises(PodwireError, match=r'ippools\.\S+ "default-ipv4-ippool" not found'):
        lab.delete(reference)
    with pytest.raises(PodwireError, match="cannot find a qualified ippool"):
        lab.run("new", node="k8s-w1")


def test_a_new_pool_over_old_blocks_has_their_size(lab):
    lab.delete(
        {"apiVersion": "crd.projectcalico.org/v1", "kind": "IPPool", "metadata": {"name": "default-ipv4-ippool"}}
    )
    with pytest.raises(ManifestError, match="IPPool blocksSize conflicts with existing allocations"):
        lab.apply(pool_text().replace("blockSize: 24", "blockSize: 26"))
    assert lab.apply(pool_text(ipip="Always")) == ["ippool.crd.projectcalico.org/default-ipv4-ippool created"]


def test_a_cluster_without_calico_knows_no_pools():
    lab = Cluster(GKE(dataplane="ptp"), nodes=1)
    with pytest.raises(ManifestError, match=r'no matches for kind "IPPool" in version "crd\.projectcalico\.org/v1"'):
        lab.apply(pool_text())


# ------------------------------------------------------------------------------------------------------------ upgrade


def test_backend_bird_to_vxlan_leaves_what_bird_persists():
    lab = seed("Never", "Always")
    assert [agent.name for agent in lab._kubelet._agents["k8s-w1"]] == ["allocate-tunnel-addrs", "felix", "bird"]
    lab.upgrade(backend="vxlan")
    assert [agent.name for agent in lab._kubelet._agents["k8s-w1"]] == ["allocate-tunnel-addrs", "felix"]
    with pytest.raises(ConfigError, match="agents are allocate-tunnel-addrs, felix"):
        lab.node("k8s-w1").agent("bird")
    assert lab.run("a", node="k8s-w1").ping(lab.run("b", node="k8s-w2")).ok


def test_routes_of_bird_stay_in_the_kernel_without_it(lab):
    """Sheet 8, ``persist``."""
    before = routes_of(lab, "k8s-w1")
    lab.upgrade(backend="none")
    assert routes_of(lab, "k8s-w1") == before


def test_felix_options_change_what_is_there(lab):
    lab.upgrade(ipip_mtu=1400)
    assert "mtu 1400" in str(lab.node("k8s-w1").exec("ip link show tunl0"))
    lab.upgrade(ipip_enabled=False)
    # FelixConfiguration turned it off: Felix leaves the device alone altogether.
    assert addresses(lab)["tunl0@NONE"] == ["172.16.158.0/32"]
    lab.upgrade(device_route_protocol=80, ipip_enabled=None)
    assert "172.16.158.1 dev calice0906292e2 proto 80 scope link" in routes_of(lab, "k8s-w1")


def test_an_agent_that_is_held_back_sleeps_through_an_upgrade(lab):
    felix = lab.node("k8s-w1").agent("felix")
    felix.pause()
    lab.upgrade(ipip_mtu=1400)
    assert "mtu 1480" in str(lab.node("k8s-w1").exec("ip link show tunl0"))
    assert "mtu 1400" in str(lab.node("k8s-w2").exec("ip link show tunl0"))
    felix.resume()
    assert "mtu 1400" in str(lab.node("k8s-w1").exec("ip link show tunl0"))


def test_the_tunnels_address_moves_to_the_pool_that_is_tunnelled():
    lab = make(IPPool("10.1.0.0/16", name="a", ipip_mode="Always"), IPPool("10.2.0.0/16", name="b"))
    pool = "{{apiVersion: projectcalico.org/v3, kind: IPPool, metadata: {{name: {0}}}, spec: {{cidr: 10.{1}.0.0/16, ipipMode: {2}}}}}"
    assert addresses(lab)["tunl0@NONE"][0].startswith("10.1.")
    # Both for a moment, then b alone.
    lab.apply(pool.format("b", 2, "Always"))
    assert addresses(lab)["tunl0@NONE"][0].startswith("10.1.")
    lab.apply(pool.format("a", 1, "Never"))
    assert addresses(lab)["tunl0@NONE"][0].startswith("10.2.")


def test_another_vni_and_port_make_the_device_anew():
    lab = seed(vxlan="Always")
    a, b = lab.run("a", node="k8s-w1"), lab.run("b", node="k8s-w2")
    old = device(lab, "k8s-w1", "vxlan.calico").ifindex
    lab.upgrade(vxlan_vni=7, vxlan_port=8472)
    assert "vxlan id 7 " in str(lab.node("k8s-w1").exec("ip -d link show vxlan.calico"))
    assert device(lab, "k8s-w1", "vxlan.calico").ifindex > old
    assert len(lines(lab.node("k8s-w1").exec("bridge fdb show dev vxlan.calico"))) == 3
    assert a.ping(b).ok


def test_routes_of_others_on_a_pods_interface_go_unless_they_are_welcome(lab):
    node = lab.node("k8s-w1")
    node.exec("ip route add 10.77.0.1 dev calice0906292e2 proto static")
    lab.told()
    assert "10.77.0.1" not in str(node.exec("ip route"))
    lab.upgrade(remove_external_routes=False)
    node.exec("ip route add 10.77.0.1 dev calice0906292e2 proto static")
    lab.told()
    assert "10.77.0.1" in str(node.exec("ip route"))


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"backend": "frr"}, ConfigError),
        ({"bpf_enabled": True}, NotModelled),
        ({"ip_pools": ()}, ConfigError),
        ({"max_blocks_per_host": 2}, ConfigError),
        ({"interface_prefix": "kali"}, NotModelled),
        ({"vxlan_port": 0}, ConfigError),
    ],
)
def test_settings_that_cannot_be_had_change_nothing(lab, settings, error):
    before = lab.cni
    with pytest.raises(error):
        lab.upgrade(**settings)
    assert lab.cni is before is lab.backend.config


# ------------------------------------------------------------------------------------------------------------- agents


def test_routes_are_missing_while_bird_is_held_back(lab):
    bird = lab.node("k8s-m").agent("bird")
    bird.pause()
    lab.apply(pool_text())
    # Felix takes the last address off tunl0, and with it the kernel drops all routes over it (fib_disable_ip).
    assert routes_of(lab, "k8s-m") == ["blackhole 172.16.116.0/24 proto bird"]
    bird.resume()
    assert "172.16.184.0/24 via 192.168.10.102 dev eth0 proto bird" in routes_of(lab, "k8s-m")


def test_what_a_bird_that_is_held_back_does_not_announce_nobody_knows():
    lab = seed()
    lab.node("k8s-w2").agent("bird").pause()
    pod1, pod2 = lab.run("pod1", node="k8s-w1"), lab.run("pod2", node="k8s-w2")
    assert routes_of(lab, "k8s-w1", "172.16.184") == []
    assert not pod1.ping(pod2).ok
    lab.node("k8s-w2").agent("bird").resume()
    assert routes_of(lab, "k8s-w1", "172.16.184") == ["172.16.184.0/24 via 192.168.10.102 dev eth0 proto bird"]
    assert pod1.ping(pod2).ok


def test_without_felix_there_is_no_tunl0_and_birds_routes_wait():
    """Sheet 8: if tunl0 does not exist yet the route is not installed."""
    lab = seed()
    lab.run("pod1", node="k8s-w1")
    lab.run("pod2", node="k8s-w2")
    felix = lab.node("k8s-w1").agent("felix")
    felix.pause()
    lab.apply(pool_text(ipip="Always"))
    assert routes_of(lab, "k8s-w1", "tunl0") == []
    felix.resume()
    assert len(routes_of(lab, "k8s-w1", "dev tunl0")) == 3


def test_tunnel_addresses_wait_for_their_allocator():
    lab = seed()
    for node in lab.nodes:
        node.agent("allocate-tunnel-addrs").pause()
    lab.apply(pool_text(vxlan="Always"))
    assert "vxlan.calico" not in str(lab.node("k8s-w1").exec("ip link"))
    lab.node("k8s-w1").agent("allocate-tunnel-addrs").resume()
    assert "vxlan.calico" in str(lab.node("k8s-w1").exec("ip link"))
    assert lines(lab.node("k8s-w1").exec("bridge fdb show dev vxlan.calico")) == []
    lab.node("k8s-w2").agent("allocate-tunnel-addrs").restart()
    assert len(lines(lab.node("k8s-w1").exec("bridge fdb show dev vxlan.calico"))) == 1


# ------------------------------------------------------------------------------------------------- blocks that are empty


def test_an_empty_block_goes_after_the_grace_period():
    """Sheet 2.3: kube-controllers."""
    lab = make(IPPool("10.9.0.0/24", block_size=30, ipip_mode="Always"))
    pods = [lab.run(f"p{number}", node="k8s-w1") for number in range(6)]
    ipam = store(lab).ipam
    assert len(ipam.blocks_of("k8s-w1")) == 2
    second = next(block for block in ipam.blocks_of("k8s-w1") if ip_of(pods[5]) in block.cidr)
    for pod in pods[3:]:
        pod.delete()
    lab.sleep(15 * 60)
    # The other block is full: an empty one is still needed.
    assert len(ipam.blocks_of("k8s-w1")) == 2
    for pod in pods[:3]:
        pod.delete()
    lab.sleep(14 * 60)
    assert f"blackhole {second.cidr}" in str(lab.node("k8s-w1").exec("ip route"))
    lab.sleep(10 * 60)
    assert [second.cidr] != [block.cidr for block in ipam.blocks_of("k8s-w1")]
    assert len(ipam.blocks_of("k8s-w1")) == 1
    assert str(second.cidr) not in str(lab.node("k8s-w1").exec("ip route"))
    assert str(second.cidr) not in str(lab.node("k8s-w2").exec("ip route"))


def test_a_block_that_is_used_again_stays():
    lab = make(IPPool("10.9.0.0/24", block_size=30))
    pods = [lab.run(f"p{number}", node="k8s-w1") for number in range(5)]
    for pod in (pods[4], *pods[:3]):
        pod.delete()
    lab.sleep(10 * 60)
    ipam = store(lab).ipam
    empty = next(block for block in ipam.blocks_of("k8s-w1") if block.empty)
    again = [lab.run(f"q{number}", node="k8s-w1") for number in range(4)]
    assert any(ip_of(pod) in empty.cidr for pod in again)
    lab.sleep(20 * 60)
    assert empty in ipam.blocks_of("k8s-w1")


def test_the_grace_period_begins_again_when_a_block_was_used():
    lab = make(IPPool("10.9.0.0/24", block_size=30))
    pods = [lab.run(f"p{number}", node="k8s-w1") for number in range(5)]
    pods[0].delete()
    pods[1].delete()
    pods[2].delete()
    lab.sleep(3600)
    ipam = store(lab).ipam
    # Three free in the first block; the second one is emptied, used and emptied again ten minutes later.
    pods[4].delete()
    second = next(block for block in ipam.blocks_of("k8s-w1") if block.empty)
    lab.sleep(10 * 60)
    again = [lab.run(f"q{number}", node="k8s-w1") for number in range(4)]
    assert not second.empty
    for pod in again:
        pod.delete()
    lab.sleep(14 * 60)
    assert second in ipam.blocks_of("k8s-w1")
    lab.sleep(8 * 60)
    assert second not in ipam.blocks_of("k8s-w1")


# ------------------------------------------------------------------------------------------- what somebody else changes


def test_bird_puts_its_routes_back_within_two_seconds(lab):
    node = lab.node("k8s-w1")
    before = routes_of(lab, "k8s-w1")
    node.exec("ip route del 172.16.184.0/24")
    assert len(routes_of(lab, "k8s-w1")) == len(before) - 1
    lab.sleep(1.9)
    assert len(routes_of(lab, "k8s-w1")) == len(before) - 1
    lab.sleep(0.2)
    assert routes_of(lab, "k8s-w1") == before


def test_bird_follows_the_underlays_routes():
    lab = seed(routes=True)
    lab.run("pod0", node="k8s-w0")
    node = lab.node("k8s-w1")
    node.exec("ip route add 192.168.20.0/24 via 192.168.10.201")
    lab.sleep(2.1)
    assert "172.16.34.0/24 via 192.168.10.201 dev eth0 proto bird" in routes_of(lab, "k8s-w1")


def test_a_bird_that_is_held_back_puts_nothing_back(lab):
    lab.node("k8s-w1").agent("bird").pause()
    lab.node("k8s-w1").exec("ip route del 172.16.184.0/24")
    lab.sleep(60)
    assert routes_of(lab, "k8s-w1", "172.16.184") == []


def test_felix_looks_after_tunl0_every_ten_seconds(lab):
    """Sheet 1.5: brought up, MTU set, address set; any other address is removed."""
    node = lab.node("k8s-w1")
    for command in ("ip addr flush dev tunl0", "ip addr add 10.77.0.1/32 dev tunl0", "ip link set tunl0 mtu 1300"):
        node.exec(command)
    node.exec("ip link set tunl0 down")
    lab.sleep(9.9)
    assert addresses(lab)["tunl0@NONE"] == ["10.77.0.1/32"]
    # Felix after ten seconds, BIRD two seconds later, in one go.
    lab.sleep(2.2)
    assert lines(node.exec("ip addr show tunl0"))[0].startswith("3: tunl0@NONE: <NOARP,UP,LOWER_UP> mtu 1480")
    assert addresses(lab)["tunl0@NONE"] == ["172.16.158.0/32"]
    assert lab.pod("pod1").ping("pod2").ok


def test_felix_makes_vxlan_calico_again():
    lab = seed(vxlan="Always", backend="vxlan")
    a, b = lab.run("a", node="k8s-w1"), lab.run("b", node="k8s-w2")
    lab.node("k8s-w1").exec("ip link del vxlan.calico")
    assert not a.ping(b).ok
    lab.sleep(10.1)
    assert len(lines(lab.node("k8s-w1").exec("bridge fdb show dev vxlan.calico"))) == 3
    assert a.ping(b).ok


def test_felix_compares_its_routes_after_ninety_seconds(lab):
    node = lab.node("k8s-w1")
    node.exec("ip route del 172.16.158.1")
    lab.sleep(89)
    assert routes_of(lab, "k8s-w1", "172.16.158.1 ") == []
    lab.sleep(2)
    assert routes_of(lab, "k8s-w1", "172.16.158.1 ") == ["172.16.158.1 dev calice0906292e2 scope link"]


def test_switches_stay_as_somebody_set_them(lab):
    """Seed row A13: with 0 in proxy_arp a pod is cut off, and stays so."""
    lab.node("k8s-w1").sysctl("net.ipv4.conf.calice0906292e2.proxy_arp", 0)
    lab.sleep(200)
    assert str(lab.node("k8s-w1").exec("sysctl -n net.ipv4.conf.calice0906292e2.proxy_arp")).strip() == "0"


# ----------------------------------------------------------------------------------------------------- who hears of what


def test_other_nodes_hear_of_blocks_and_not_of_pods():
    lab = seed()
    lab.run("first", node="k8s-w1")
    lab.settle()
    before = {node.name: node.place.netns.generation for node in lab.nodes}
    lab.run("second", node="k8s-w1").delete()
    assert list(lab._kubelet._stale) == ["k8s-w1"]
    after = {node.name: node.place.netns.generation for node in lab.nodes}
    assert [name for name in before if before[name] != after[name]] == ["k8s-w1"]
    # A new block concerns everybody.
    lab.run("third", node="k8s-w2")
    assert "k8s-m" in lab._kubelet._stale


@pytest.mark.parametrize("backend", ["bird", "vxlan"])
def test_an_address_that_is_borrowed_and_given_back_is_heard_of_everywhere(backend):
    lab = make(
        IPPool("10.9.0.0/28", block_size=29, vxlan_mode="Always" if backend == "vxlan" else "Never"), backend=backend
    )
    borrower = next(
        pod for pod in (lab.run(f"p{node}", node=node) for node in ("k8s-m", "k8s-w1", "k8s-w2"))
        if not store(lab).ipam.blocks_of(pod.node.name)
    )  # fmt: skip
    others = [node.name for node in lab.nodes if node.name != borrower.node.name]
    assert all(routes_of(lab, node, f"{borrower.ip} via") for node in others)
    borrower.delete()
    assert not any(routes_of(lab, node, f"{borrower.ip} ") for node in others)


# --------------------------------------------------------------------------------------------- what the kernel refuses


def test_a_source_address_is_set_where_the_node_has_it():
    lab = seed(device_route_source_address="192.168.10.101")
    for node in ("k8s-w1", "k8s-w2"):
        lab.run(f"pod-{node}", node=node)
    assert any(line.endswith("scope link src 192.168.10.101") for line in routes_of(lab, "k8s-w1"))
    # The kernel knows no such address on k8s-w2: the plugin's own route stays as it is.
    (line,) = [line for line in routes_of(lab, "k8s-w2") if " dev cali" in line]
    assert line.endswith("scope link")
    assert lab.pod("pod-k8s-w1").ping("pod-k8s-w2").ok


def test_another_device_with_felixs_vni_keeps_vxlan_calico_away():
    lab = seed()
    node = lab.node("k8s-w1")
    assert node.exec("ip link add other type vxlan id 4096 dev eth0 dstport 4789").exit_code == 0
    lab.apply(pool_text(vxlan="Always"))
    assert node.exec("ip link show vxlan.calico").exit_code == 1
    assert routes_of(lab, "k8s-w1", "vxlan.calico") == []
    node.exec("ip link del other")
    lab.told()
    assert len(routes_of(lab, "k8s-w1", "vxlan.calico")) == 3
