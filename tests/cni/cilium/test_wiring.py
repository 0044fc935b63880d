"""Devices, addresses, MTUs, switches, rules and routes of nodes and pods (reference sheet Cilium, section 1)."""

import hashlib
import re
from typing import Any

import pytest

from podwire import Cilium, Cluster, ConfigError, NicSpec, PodwireError
from podwire.linux.netlink import Netlink
from tests.cni.cilium.walks import BPF, LEGACY, NATIVE, POOL, QUIET, cilium, mac_of, make


def out(place, command: str) -> Any:
    return place.exec(command).stdout


def lines(place, command: str) -> list[str]:
    return [line.rstrip() for line in out(place, command).splitlines()]


def router(lab, node: str) -> str:
    return str(cilium(lab).state(node).router)


# -- 1.1 and 1.2: pods ---------------------------------------------------------------------------------------------


def test_1_1_names_indexes_and_macs_of_a_pods_veth():
    lab = make(**NATIVE, **BPF)
    pod = lab.run("a", node="node1")
    container = pod.spec.container
    assert pod.interface == "lxc" + hashlib.sha256(f"{container}:eth0".encode()).hexdigest()[:12]
    assert len(pod.interface) == 15
    host = lab.node("node1").place.netns.link(pod.interface)
    inside = pod.place.netns.link("eth0")
    assert (host.peer, inside.peer) == (inside, host)
    # The temporary device was registered first, and kept its number in the pod.
    assert host.ifindex == inside.ifindex + 1
    for link in (host, inside):
        assert link.mac >> 40 & 3 == 2, "locally administered, unicast"
        assert (link.is_up, link.mtu, link.txqueuelen) == (True, 1500, 1000)
    assert not host.addresses
    assert host.conf.rp_filter == 0
    assert lab.node("node1").place.netns.link(f"tmp{container[:5]}") is None


@pytest.mark.parametrize(
    ("mode", "mtu"), [({**NATIVE, **BPF}, 1500), (BPF, 1450), ({**BPF, "tunnel_protocol": "geneve"}, 1450)]
)
def test_1_2_inside_a_pod(mode, mtu):
    lab = make(**mode)
    pod = lab.run("a", node="node1")
    gateway = router(lab, "node1")
    assert lines(pod, "ip route") == [f"default via {gateway} dev eth0 mtu {mtu}", f"{gateway} dev eth0 scope link"]
    assert f"inet {pod.ip}/32 scope global eth0" in out(pod, "ip addr show eth0")
    assert "mtu 1500" in out(pod, "ip link show eth0")


def test_1_2_all_pods_of_a_node_share_the_gateway_and_other_nodes_have_another():
    lab = make(**NATIVE, **BPF)
    pods = [lab.run(f"p{n}", node="node1") for n in range(3)]
    assert len({lines(pod, "ip route")[0] for pod in pods}) == 1
    assert router(lab, "node1") != router(lab, "node2")


def test_1_4_dont_fragment_passes_up_to_the_route_mtu():
    lab = make(**BPF)
    a, b = lab.run("a", node="node1"), lab.run("b", node="node2")
    assert a.ping(b, size=1422, df=True).received == 1
    text = a.ping(b, size=1423, df=True).text
    assert "message too long, mtu" in text
    assert "1450" in text


def test_a_deleted_pod_leaves_nothing_behind():
    lab = make(**NATIVE, **BPF)
    pod = lab.run("a", node="node1")
    ip, interface = pod.ip, pod.interface
    state = cilium(lab).state("node1")
    number = state.endpoints[pod.spec.container].id
    pod.delete()
    maps = lab.node("node1").machine.bpf_maps
    assert lab.node("node1").place.netns.link(interface) is None
    assert ip not in state.ipam.owners
    assert maps["cilium_lxc"].lookup(ip) is None
    assert f"cilium_policy_v2_{number:05}" not in maps
    assert maps["cilium_call_policy"].lookup(number) is None
    lab.settle()
    assert all(ip != prefix.addr for prefix, _ in lab.node("node2").machine.bpf_maps["cilium_ipcache_v2"].items())


def test_a_full_range_refuses_the_pod_and_leaves_nothing():
    lab: Any = Cluster(
        Cilium(
            **QUIET,
            ipam_operator_cluster_pool_ipv4_pod_cidr_list=("172.20.0.0/16",),
            ipam_operator_cluster_pool_ipv4_mask_size=30,
        ),
        nodes=1,
    )
    lab.run("a")
    before = out(lab.node("node1"), "ip link")
    with pytest.raises(Exception, match="range is full"):
        lab.run("b")
    assert out(lab.node("node1"), "ip link") == before
    assert "node1/default/b" not in lab.node("node1").machine.netns
    assert "default/b" not in lab.node("node1").machine.netns


def test_a_plugin_that_fails_gives_the_address_back():
    first = make(**BPF)
    container = first.run("a", node="node1").spec.container
    lab = make(**BPF)
    lab.node("node1").exec(f"ip link add tmp{container[:5]} type dummy")
    owners = dict(cilium(lab).state("node1").ipam.owners)
    with pytest.raises(PodwireError, match="File exists"):
        lab.run("a", node="node1")
    assert cilium(lab).state("node1").ipam.owners == owners
    assert not [link for link in lab.node("node1").place.netns.links() if link.name.startswith("lxc")]


# -- 1.5: cilium_host and cilium_net ---------------------------------------------------------------------------------


def test_1_5_the_pair_of_the_host():
    lab = make(**NATIVE, **BPF)
    node = lab.node("node1")
    netns = node.place.netns
    host, net = netns.link("cilium_host"), netns.link("cilium_net")
    assert (host.peer, net.ifindex) == (net, host.ifindex - 1)
    assert re.search(r"cilium_host@cilium_net: <BROADCAST,MULTICAST,NOARP,UP,LOWER_UP> mtu 1500", out(node, "ip link"))
    assert [f"{a.local}/{a.plen} {a.scope}" for a in host.addresses] == [f"{router(lab, 'node1')}/32 0"]
    assert not net.addresses
    for dev in ("cilium_host", "cilium_net"):
        wanted = {"forwarding": "1", "rp_filter": "0", "accept_local": "1", "send_redirects": "0"}
        door = Netlink(netns)
        assert {key: door.sysctl_read(f"net/ipv4/conf/{dev}/{key}") for key in wanted} == wanted
    assert Netlink(netns).sysctl_read("net/ipv4/conf/all/rp_filter") == "0"
    assert (host.tc_ingress.name, host.tc_egress.name, net.tc_ingress.name) == (
        "cil_to_host",
        "cil_from_host",
        "cil_to_host",
    )
    assert net.tc_egress is None


def test_1_5_rp_filter_of_all_is_turned_off_where_the_image_has_it_on():
    lab: Any = Cluster(Cilium(**QUIET))
    lab.add_network("lan", "192.168.10.0/24")
    node = lab.add_node("node1", "192.168.10.1/24", image="ubuntu-22.04")
    assert out(node, "sysctl net.ipv4.conf.all.rp_filter") == "net.ipv4.conf.all.rp_filter = 0\n"
    pod = lab.run("a")
    assert out(node, f"sysctl net.ipv4.conf.{pod.interface}.rp_filter").endswith(" = 0\n")


# -- 1.6: the health endpoint ----------------------------------------------------------------------------------------


def test_1_6_the_health_endpoint_is_wired_like_a_pod():
    lab = make(health_checking=True, **BPF)
    state = cilium(lab).state("node1")
    netns = lab.node("node1").place.netns
    link = netns.link("lxc_health")
    assert link.tc_ingress.name == "cil_from_container"
    assert state.health is not None
    assert state.ipam.owners[state.health] == "health"
    assert lab.node("node1").ping(str(state.health)).received == 1
    pod = lab.run("a", node="node2")
    assert pod.ping(str(state.health)).ttl == 63
    row = lab.node("node2").machine.bpf_maps["cilium_ipcache_v2"].match(state.health)
    assert str(row[1]) == "identity=4 encryptkey=0 tunnelendpoint=192.168.10.101 flags=hastunnel"


@pytest.mark.parametrize("off", ["health_checking", "endpoint_health_checking_enabled"])
def test_1_6_either_switch_takes_it_away(off):
    lab = make(health_checking=True, **BPF)
    health = cilium(lab).state("node1").health
    lab.upgrade(**{off: False})
    assert lab.node("node1").place.netns.link("lxc_health") is None
    assert health not in cilium(lab).state("node1").ipam.owners
    assert "node1/cilium-health" not in lab.node("node1").machine.netns
    lab.upgrade(**{off: True})
    assert lab.node("node1").place.netns.link("lxc_health") is not None


# -- 1.7: tunnel devices ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("protocol", "words"), [("vxlan", "vxlan external"), ("geneve", "geneve external")])
def test_1_7_the_tunnel_device(protocol, words):
    lab = make(tunnel_protocol=protocol, **BPF)
    node = lab.node("node1")
    text = out(node, f"ip -d link show cilium_{protocol}")
    assert words in text
    assert f"dstport {8472 if protocol == 'vxlan' else 6081}" in text
    assert "mtu 1500" in text
    assert "state UNKNOWN" in text
    link = node.place.netns.link(f"cilium_{protocol}")
    assert not link.addresses
    assert (link.tc_ingress.name, link.tc_egress.name) == ("cil_from_overlay", "cil_to_overlay")
    assert link.conf.forwarding == 1
    other = "geneve" if protocol == "vxlan" else "vxlan"
    assert node.place.netns.link(f"cilium_{other}") is None


def test_1_7_another_port_makes_the_device_anew():
    lab = make(**BPF)
    netns = lab.node("node1").place.netns
    before = netns.link("cilium_vxlan")
    lab.upgrade(tunnel_port=8473)
    after = netns.link("cilium_vxlan")
    assert after is not before
    assert after.tunnel.dstport == 8473
    a, b = lab.run("a", node="node1"), lab.run("b", node="node2")
    assert a.ping(b).received == 1


# -- 1.8: physical devices -------------------------------------------------------------------------------------------


def test_1_8_programs_of_the_physical_devices():
    lab = make(**NATIVE, **BPF)
    netns = lab.node("node1").place.netns
    for dev in ("eth0", "eth1"):
        link = netns.link(dev)
        assert (link.tc_ingress.name, link.tc_egress.name) == ("cil_from_netdev", "cil_to_netdev")
    plain = make(**NATIVE)
    link = plain.node("node1").place.netns.link("eth1")
    assert (link.tc_ingress.name, link.tc_egress) == ("cil_from_netdev", None)


def test_1_8_devices_can_be_selected_by_hand_and_taken_back():
    lab = make(**NATIVE, **BPF, devices=("eth1",))
    netns = lab.node("node1").place.netns
    assert netns.link("eth0").tc_ingress is None
    lab.upgrade(devices=())
    assert netns.link("eth0").tc_ingress is not None
    lab.upgrade(devices=("eth1",))
    assert netns.link("eth0").tc_ingress is None
    lab.upgrade(devices=("et+",))
    assert netns.link("eth0").tc_ingress is not None


@pytest.mark.parametrize(
    ("values", "device", "route"),
    [
        ({**NATIVE}, 1400, 1400),
        ({}, 1400, 1350),
        ({"mtu": 1480}, 1480, 1430),
        ({"tunnel_protocol": "geneve"}, 1400, 1350),
    ],
)
def test_1_4_the_base_mtu_is_the_least_of_the_devices(values, device, route):
    lab: Any = Cluster(Cilium(**{**POOL, **QUIET, **BPF, **values}))
    lab.add_network("lan", "192.168.10.0/24")
    lab.add_network("slow", "10.9.0.0/24", mtu=1400)
    node = lab.add_node(
        "node1", nics=[NicSpec("eth1", "lan", "192.168.10.1/24"), NicSpec("eth0", "slow", "10.9.0.1/24")]
    )
    # A dummy may be selected, but does not count.
    node.exec("ip link add d0 mtu 1300 type dummy")
    node.exec("ip addr add 198.51.100.1/32 dev d0")
    node.exec("ip link set d0 up")
    pod = lab.run("a")
    assert f"mtu {device}" in out(pod, "ip link show eth0")
    assert lines(pod, "ip route")[0].endswith(f"mtu {route}")
    assert f"mtu {device}" in out(node, "ip link show cilium_host")


# -- 1.9: routes -----------------------------------------------------------------------------------------------------


def cilium_routes(lab, node: str) -> list[str]:
    return [line for line in lines(lab.node(node), "ip route") if "172.20." in line]


def test_1_9_native_with_direct_routes():
    lab = make(**NATIVE, **BPF)
    r = router(lab, "node1")
    assert cilium_routes(lab, "node1") == [
        f"172.20.0.0/24 via {r} dev cilium_host proto kernel src {r}",
        f"{r} dev cilium_host proto kernel scope link",
        "172.20.1.0/24 via 192.168.10.102 dev eth1 proto kernel",
    ]


def test_1_9_native_without_direct_routes():
    lab = make(**{**NATIVE, "auto_direct_node_routes": False}, **BPF)
    assert not any(line.startswith("172.20.1.0/24") for line in cilium_routes(lab, "node1"))


@pytest.mark.parametrize("protocol", ["vxlan", "geneve"])
def test_1_9_tunnel(protocol):
    lab = make(nodes=3, tunnel_protocol=protocol, **BPF)
    r = router(lab, "node1")
    assert lines(lab.node("node1"), "ip route show dev cilium_host") == [
        f"172.20.0.0/24 via {r} proto kernel src {r}",
        f"{r} proto kernel scope link",
        f"172.20.1.0/24 via {r} proto kernel src {r} mtu 1450",
        f"172.20.2.0/24 via {r} proto kernel src {r} mtu 1450",
    ]


def test_1_9_endpoint_routes():
    lab = make(**{**NATIVE, "auto_direct_node_routes": False}, **LEGACY, endpoint_routes_enabled=True)
    pod = lab.run("a", node="node1")
    assert cilium_routes(lab, "node1") == [f"{pod.ip} dev {pod.interface} proto kernel scope link"]
    link = lab.node("node1").place.netns.link(pod.interface)
    assert link.tc_egress.name == "cil_to_container"
    lab.upgrade(endpoint_routes_enabled=False)
    assert not any(pod.interface in line for line in cilium_routes(lab, "node1"))
    assert link.tc_egress is None


def test_1_9_what_somebody_took_away_comes_back_and_other_routes_stay():
    lab = make(**BPF)
    node = lab.node("node1")
    node.exec("ip route del 172.20.1.0/24")
    node.exec("ip route add 198.51.100.0/24 via 192.168.10.102")
    lab.agent("node1", "cilium-agent").sync()
    assert any(line.startswith("172.20.1.0/24") for line in cilium_routes(lab, "node1"))
    assert "198.51.100.0/24 via 192.168.10.102 dev eth1" in lines(node, "ip route")


# -- 1.10: rules -----------------------------------------------------------------------------------------------------


def test_1_10_rules():
    lab = make(**NATIVE, **BPF)
    node = lab.node("node1")
    assert lines(node, "ip rule") == [
        "9:\tfrom all fwmark 0x200/0xf00 lookup 2004",
        "100:\tfrom all lookup local",
        "32766:\tfrom all lookup main",
        "32767:\tfrom all lookup default",
    ]
    assert lines(node, "ip route show table 2004") == ["local default dev lo proto kernel scope host"]
    lab.upgrade(l7_proxy=False)
    assert [line.partition(":")[0] for line in lines(node, "ip rule")] == ["100", "32766", "32767"]


# -- an agent --------------------------------------------------------------------------------------------------------

MODES = [
    {**NATIVE, **BPF},
    {**NATIVE, **LEGACY},
    BPF,
    {**BPF, "tunnel_protocol": "geneve"},
    {**LEGACY, "endpoint_routes_enabled": True},
    {"health_checking": True},
    {"version": "1.16.4", **BPF},
]


def snapshot(lab) -> dict[str, Any]:
    """All that an agent writes, as text and values."""
    found: dict[str, Any] = {}
    for node in lab.nodes:
        netns = node.place.netns
        found[node.name] = [
            *(
                out(node, command)
                for command in (
                    "ip -d link",
                    "ip addr",
                    "ip route show table main",
                    "ip route show table local",
                    "ip rule",
                )
            ),
            {link.name: (link.tc_ingress, link.tc_egress, link.ifindex) for link in netns.links()},
            {name: dict(each.items()) for name, each in node.machine.bpf_maps.items()},
        ]
    for pod in lab.pods:
        found[pod.name] = [out(pod, command) for command in ("ip -d link", "ip addr", "ip route")]
    return found


@pytest.mark.parametrize("mode", MODES)
def test_an_agent_that_runs_twice_changes_nothing(mode):
    lab = make(nodes=3, **mode)
    lab.run("a", node="node1")
    lab.run("b", node="node2")
    before = snapshot(lab)
    for node in lab.nodes:
        assert lab.agent(node.name, "cilium-agent").sync() == 0
    assert snapshot(lab) == before


@pytest.mark.parametrize("mode", MODES)
def test_a_restart_finds_everything_as_it_was(mode):
    lab = make(nodes=3, **mode)
    lab.run("a", node="node1")
    lab.run("b", node="node2")
    before = snapshot(lab)
    lab.agent("node1", "cilium-agent").restart()
    assert snapshot(lab) == before


def test_3_3_a_restart_restores_addresses_and_says_so():
    lab = make(health_checking=True, **BPF)
    pod = lab.run("a", node="node1")
    state = cilium(lab).state("node1")
    before = dict(state.ipam.owners)
    for _ in range(2):
        lab.agent("node1", "cilium-agent").restart()
        assert state.ipam.owners == {**before, pod.ip: "default/a [restored]"}
    assert before[state.router] == "router"


def test_the_same_seed_gives_the_same_cluster():
    def build():
        lab = make(**BPF)
        lab.run("a", node="node1")
        return snapshot(lab)

    def masked(found):
        return str(found).replace("\n", " ")

    assert masked(build()) == masked(build())


def test_kubernetes_ipam_takes_the_ranges_of_the_nodes():
    lab: Any = Cluster(Cilium(ipam_mode="kubernetes", **QUIET, **BPF), nodes=2)
    assert [str(cilium(lab).state(node.name).cidr) for node in lab.nodes] == ["10.244.0.0/24", "10.244.1.0/24"]
    lab.add_node("own", pod_cidr="10.1.0.0/24")
    assert str(cilium(lab).state("own").cidr) == "10.1.0.0/24"


def test_the_ranges_of_a_running_cluster_stay():
    lab = make(**BPF)
    with pytest.raises(ConfigError, match="ipam_mode cannot be changed"):
        lab.upgrade(ipam_mode="kubernetes")


def test_mac_of_a_pod_is_its_own():
    lab = make(**BPF)
    lab.run("a", node="node1")
    lab.run("b", node="node1")
    assert mac_of(lab, "default/a:eth0") != mac_of(lab, "default/b:eth0")
