"""ptp with host-local (reference sheet kube-proxy and GKE, sections 2.1 to 2.6): what ADD leaves on both sides, what DEL leaves of it."""

from __future__ import annotations

import json
from random import Random

import pytest

from podwire.cluster import Cluster, Node
from podwire.cni import loopback
from podwire.cni.plugins import ptp
from podwire.cni.plugins.runtime import Runtime
from podwire.cni.plugins.values import Call
from podwire.cni.ptp.backend import PtpBackend
from podwire.cni.ptp.config import CONFLIST, PtpNetwork
from podwire.errors import ConfigError, NotModelled, PodwireError
from podwire.ipam.host_local import IpamError
from podwire.linux.netlink import Netlink
from podwire.platform.gke import GKE
from podwire.wire.addr import Ip4, Net

STATE = "/var/lib/cni/networks/k8s-pod-network"


@pytest.fixture
def lab() -> Cluster:
    return Cluster(GKE(), nodes=2)


def lines(node: Node, command: str) -> list[str]:
    return [line.rstrip() for line in node.exec(command).stdout.splitlines()]


def test_routes_of_a_pod_and_of_its_node(lab: Cluster) -> None:
    pod = lab.run("pod1", node="node1")

    assert pod.exec("ip route").stdout == (
        "default via 10.32.0.1 dev eth0 \n"
        "10.32.0.0/24 via 10.32.0.1 dev eth0 src 10.32.0.2 \n"
        "10.32.0.1 dev eth0 scope link src 10.32.0.2 \n"
    )
    assert lines(pod.node, "ip route show dev " + pod.interface) == ["10.32.0.2 scope host"]


def test_addresses_the_gateway_is_on_every_pair(lab: Cluster) -> None:
    one, two = lab.run("a", node="node1"), lab.run("b", node="node1")

    text = one.exec("ip addr show eth0").stdout.splitlines()
    assert text[0] == "2: eth0@if4: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1460 qdisc noqueue state UP group default "
    assert text[2] == "    inet 10.32.0.2/24 brd 10.32.0.255 scope global eth0"
    for index, pod in ((4, one), (5, two)):
        shown = lines(pod.node, f"ip -4 addr show {pod.interface}")
        assert shown == [
            f"{index}: {pod.interface}@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1460 qdisc noqueue state UP group default  link-netns "
            + pod.spec.netns_name,
            f"    inet 10.32.0.1/32 scope global {pod.interface}",
            "       valid_lft forever preferred_lft forever",
        ]
    assert [line for line in lines(one.node, "ip route show table local") if "10.32.0.1 " in line] == [
        f"local 10.32.0.1 dev {pod.interface} proto kernel scope host src 10.32.0.1" for pod in (one, two)
    ]


def test_names_of_pairs_are_eight_hex_digits_drawn_from_the_seed() -> None:
    def names(seed: int) -> list[str]:
        lab = Cluster(GKE(), nodes=1, seed=seed)
        return [lab.run(name).interface for name in ("a", "b")]

    assert names(1) == names(1)
    assert len({*names(1), *names(2)}) == 4
    assert all(len(name) == 12 and name[:4] == "veth" and int(name[4:], 16) for name in names(1))


def test_a_pod_that_comes_back_has_another_name_index_and_address(lab: Cluster) -> None:
    first = lab.run("a", node="node1")
    before = (first.interface, str(first.ip))
    first.delete()
    second = lab.run("a", node="node1")

    assert before[1] == "10.32.0.2"
    assert str(second.ip) == "10.32.0.3"
    assert second.interface != before[0]
    assert lines(second.node, f"ip link show {second.interface}")[0].startswith("5: ")


def test_no_proxy_arp_and_no_gratuitous_arp(lab: Cluster) -> None:
    with lab.capture(filter="arp") as capture:
        pod = lab.run("pod1", node="node1")
        lab.sleep(5)
    assert capture.frames == []
    assert pod.node.exec(f"sysctl -n net.ipv4.conf.{pod.interface}.proxy_arp").stdout == "0\n"


def test_forwarding_is_turned_on_by_the_first_add(lab: Cluster) -> None:
    node = lab.node("node1")
    node.sysctl("net.ipv4.ip_forward", 0)
    lab.run("pod1", node="node1")
    assert node.exec("sysctl -n net.ipv4.ip_forward").stdout == "1\n"


def test_del_takes_pair_address_and_route_and_leaves_the_last_address_in_the_state(lab: Cluster) -> None:
    node = lab.node("node1")
    pod = lab.run("pod1", node="node1")
    assert node.exec(f"cat {STATE}/10.32.0.2").stdout == f"{pod.spec.container}\r\neth0"
    assert node.exec(f"cat {STATE}/last_reserved_ip.0").stdout == "10.32.0.2"

    pod.delete()

    assert [line for line in lines(node, "ip addr") if "veth" in line or "10.32." in line] == []
    for table in ("main", "local"):
        assert [line for line in lines(node, f"ip route show table {table}") if "10.32." in line] == []
    assert node.exec(f"cat {STATE}/10.32.0.2").stderr == f"cat: {STATE}/10.32.0.2: No such file or directory\n"
    assert node.exec(f"cat {STATE}/last_reserved_ip.0").stdout == "10.32.0.2"


def test_an_exhausted_range_leaves_nothing_behind() -> None:
    lab = Cluster(GKE())
    node = lab.add_node("node1", pod_cidr="10.32.0.0/30")
    lab.run("a")
    before = lines(node, "ip addr")

    with pytest.raises(IpamError) as error:
        lab.run("b")

    assert str(error.value) == (
        "failed to allocate for range 0: no IP addresses available in range set: 10.32.0.1-10.32.0.2"
    )
    assert lines(node, "ip addr") == before
    assert lines(node, "ip netns list") == [f"{lab.pod('a').spec.netns_name} (id: 0)"]


def test_the_conflist_lies_on_the_node(lab: Cluster) -> None:
    text = lab.node("node2").exec(f"cat {CONFLIST}").stdout
    conflist = json.loads(text)
    assert [each["type"] for each in conflist["plugins"]] == ["ptp", "portmap"]
    assert conflist["plugins"][0]["ipam"] == {
        "type": "host-local",
        "subnet": "10.32.1.0/24",
        "routes": [{"dst": "0.0.0.0/0"}],
    }


def test_the_mtu_and_the_routes_of_the_conflist_count() -> None:
    network = PtpNetwork(mtu=1400, routes=(Net.parse("10.0.0.0/8"), Net.parse("0.0.0.0/0")))
    lab = Cluster(GKE(conflist=network.document()), nodes=1)

    pod = lab.run("pod1")

    for place, device in ((pod, "eth0"), (pod.node, pod.interface)):
        assert " mtu 1400 " in place.exec(f"ip link show {device}").stdout
    assert "10.0.0.0/8 via 10.32.0.1 dev eth0 \n" in pod.exec("ip route").stdout


class Drawn(Random):
    """Gives the numbers of a list."""

    def __init__(self, *numbers: int) -> None:
        super().__init__()
        self.numbers = list(numbers)

    def getrandbits(self, k: int, /) -> int:
        assert k == 32
        return self.numbers.pop(0)


def test_a_name_in_use_is_drawn_again_nine_times(lab: Cluster) -> None:
    machine = lab.node("node1").machine
    door = Netlink(machine.root.netns)
    door.link_add("veth0000000a", "dummy")

    files: dict[str, str] = {}

    def call(name: str, *numbers: int) -> Call:
        inside = Netlink(machine.new_netns(name))
        conf = {"type": "ptp", "ipam": {"type": "host-local", "subnet": "10.32.0.0/24"}}
        return Call(conf, "net", name, f"/run/netns/{name}", door, inside, files, Drawn(*numbers))

    assert ptp.add(call("x", 10, 10, 11)).interfaces[0].name == "veth0000000b"
    with pytest.raises(PodwireError, match=r"^failed to make veth pair: file exists"):
        ptp.add(call("y", *[10] * 10))
    assert "/var/lib/cni/networks/net/10.32.0.2" in files
    assert "/var/lib/cni/networks/net/10.32.0.3" not in files, "the address goes back"


def test_the_hosts_end_takes_no_router_advertisements_and_lo_is_up(lab: Cluster) -> None:
    pod = lab.run("pod1", node="node1")
    link = pod.node.place.netns.link(pod.interface)
    assert link is not None
    assert link.conf6["accept_ra"] == 0
    assert pod.exec("ip link show lo").stdout.startswith("1: lo: <LOOPBACK,UP,LOWER_UP> ")
    assert pod.ping("127.0.0.1").ok


def test_del_twice_is_no_error(lab: Cluster) -> None:
    pod = lab.run("pod1", node="node1")
    runtime = Runtime(lab.backend)
    for _ in range(2):
        runtime.delete(pod.spec, pod.node.spec)
        assert pod.exec("ip -br link show type veth").stdout == ""
        assert pod.node.exec("ip -br link show type veth").stdout == ""


def test_no_agent_repairs_what_somebody_broke(lab: Cluster) -> None:
    pod = lab.run("pod1", node="node1")
    lab.node("node1").exec("ip route del 10.32.0.2")
    lab.sleep(60)

    assert not lab.node("node2").ping("10.32.0.2").ok
    with pytest.raises(ConfigError, match="agents are none"):
        lab.node("node1").agent("felix")
    pod.delete()
    assert lab.node("node2").ping(lab.run("pod1", node="node1")).ok


def test_what_add_wrote_says_so(lab: Cluster) -> None:
    one, two = lab.run("a", node="node1"), lab.run("b", node="node2")
    text = " ".join(str(one.ping(two).trace).split())
    assert "route 10.32.1.2 dev " in text
    assert "scope host [table main, ptp for Pod default/b]" in text


def test_loopback_refuses_a_foreign_address(lab: Cluster) -> None:
    netns = lab.node("node1").machine.new_netns("x")
    door = Netlink(netns)
    loopback.add(door)
    door.addr_add(netns.loopback, Ip4.parse("10.1.2.3"), 32)
    with pytest.raises(PodwireError) as error:
        loopback.add(door)
    assert str(error.value) == 'loopback interface found with non-loopback address "10.1.2.3/32"'


def test_a_node_without_a_pod_cidr_and_a_cluster_that_runs(lab: Cluster) -> None:
    backend = PtpBackend(PtpNetwork())
    spec = lab.node("node1").spec
    spec.pod_cidr = None
    with pytest.raises(ConfigError, match="has no pod_cidr"):
        backend.conflist(spec)
    with pytest.raises(NotModelled, match="running GKE cluster"):
        lab.upgrade(pod_range="10.64.0.0/14")
    with pytest.raises(NotModelled, match="nodes that run"):
        backend.configure(PtpNetwork())
