"""What is below a cluster: every drop of a network names the network and what to change, and what it names helps.

The remedies are those of ``Trace.explain``: a test types them, in Python what is called ``lab.…``, on a machine everything else.
"""

from __future__ import annotations

import json
import re

import pytest

from podwire.cluster import Cluster, NicSpec
from podwire.cluster.handles import Handle
from podwire.cni.calico.config import Calico
from podwire.errors import ConfigError, NotModelled
from podwire.fabric.firewall import FirewallRule
from podwire.platform.gke import GKE
from podwire.trace.reasons import DropReason, Verdict
from podwire.trace.trace import Trace
from podwire.wire.addr import Ip4, Net
from podwire.wire.headers import Icmp, IPv4, Udp
from podwire.wire.packet import Packet


def cluster() -> Cluster:
    return Cluster(Calico(backend="none", ipam="host-local"))


def lan() -> Cluster:
    lab = cluster()
    lab.add_network("lan10", "192.168.10.0/24")
    lab.add_node("w1", "192.168.10.101/24", network="lan10")
    lab.add_node("w2", "192.168.10.102/24", network="lan10")
    return lab


def refused(match: str) -> pytest.RaisesExc[ConfigError]:
    return pytest.raises(ConfigError, match=match)


def said(trace: Trace, at: str) -> str:
    """The sentence about a packet that the network ``at`` dropped."""
    assert (trace.verdict, trace.reason) == (Verdict.DROPPED, DropReason.FABRIC)
    assert trace.dropped_at == at
    text = json.loads(trace.to_json())["explanation"]
    assert isinstance(text, str)
    return text


def cure(lab: Cluster, text: str, number: int = 0, **words: str) -> None:
    """Type a command of the sentence, with words put in for its capitals."""
    command = re.findall(r"`([^`]+)`", text)[number]
    for word, value in words.items():
        assert word in command
        command = command.replace(word, value)
    if command.startswith("lab."):
        eval(command, {"lab": lab})  # the sentence is podwire's own
        return
    named = re.search(re.escape(f"`{re.findall(r'`([^`]+)`', text)[number]}`") + r" on ([\w/-]+)", text)
    assert named is not None
    assert lab.machine(named.group(1)).exec(command).output == ""


def ipip(src: Handle, dst: Handle) -> Packet:
    """An echo request inside IP in IP."""
    inner = Packet((IPv4(Ip4.parse("10.244.0.5"), Ip4.parse("10.244.1.5"), 1), Icmp(8, 0, 7 << 16)), bytes(8))
    return inner.push(IPv4(Ip4.parse(str(src.ip)), Ip4.parse(str(dst.ip)), 4))


# -- segments --------------------------------------------------------------------------------------------------------


def test_a_network_that_loses_a_protocol() -> None:
    lab = lan()
    lab.set_network("lan10", drops=["ipip", "icmp"])
    result = lab.node("w1").ping(lab.node("w2"))
    text = said(result.trace, "lan10")
    assert text == (
        "lan10 dropped it (FABRIC in segment): network lan10 loses icmp (written by lab for network lan10, drops); "
        'it passes when `drops` of network lan10 does not name it, as after `lab.set_network("lan10", drops=())`, '
        "or in another encapsulation."
    )
    cure(lab, text, 1)
    assert lab.node("w1").ping(lab.node("w2")).ok


@pytest.mark.parametrize(
    ("drops", "port", "passes"),
    [("udp:4789", 4789, False), ("udp:4789", 8472, True), ("udp:4789-8472", 8472, False), ("ipip", 4789, True)],
)
def test_a_cloud_that_drops_vxlan_drops_that_port_alone(drops: str, port: int, passes: bool) -> None:
    lab = cluster()
    lab.add_network("lan10", "192.168.10.0/24", drops=[drops])
    w1 = lab.add_node("w1", "192.168.10.101/24", network="lan10")
    w2 = lab.add_node("w2", "192.168.10.102/24", network="lan10")
    trace = w1.send(Packet((IPv4(Ip4(0), Ip4.parse("192.168.10.102"), 17), Udp(1, port)), b"x"))
    assert ("w2:eth0" in trace.path) is passes
    if not passes:
        assert f"network lan10 loses {drops} (written by lab for network lan10, drops)" in said(trace, "lan10")
    # Every other protocol passes.
    assert w1.ping(w2).ok


def test_ip_in_ip_lost_by_a_network_and_never_carried_by_azure() -> None:
    """Calico sheet, section 10, row 2."""
    lab = lan()
    lab.set_network("lan10", drops=["4"])
    w1, w2 = lab.nodes
    text = said(w1.send(ipip(w1, w2)), "lan10")
    assert "network lan10 loses 4" in text
    cure(lab, text, 1)
    assert "w2:eth0" in w1.send(ipip(w1, w2)).path
    azure = cloud("azure-vnet")
    a, b, _ = azure.nodes
    assert said(a.send(ipip(a, b)), "cloud") == (
        "cloud dropped it (FABRIC in vpc): Azure never carries ipip, and cloud is a virtual network there "
        "(written by azure for virtual network cloud); it passes in VXLAN, as with `vxlanMode: Always` and `ipipMode: Never` "
        "in Calico's IPPool."
    )


def tunnel(lab: Cluster, device: str) -> None:
    """A device t0 between the first two nodes, with 10.244.N.1/32 on it and a route to the other's range."""
    one, two = lab.nodes[:2]
    for number, (node, peer) in enumerate(((one, two), (two, one))):
        for command in (
            f"ip link add t0 type {device.format(local=node.ip, remote=peer.ip)}",
            "ip link set t0 up",
            f"ip addr add 10.244.{number}.1/32 dev t0",
            f"ip route add 10.244.{1 - number}.1/32 dev t0",
        ):
            assert node.exec(command).output == ""


IPIP = "ipip local {local} remote {remote}"
VXLAN = "vxlan id 7 local {local} remote {remote} dstport 4789"


def azure_pair() -> Cluster:
    lab = cluster()
    lab.add_network("az", "10.0.0.0/24", kind="azure-vnet")
    for name in ("a", "b"):
        lab.add_node(name, network="az")
    return lab


def test_a_tunnel_of_ip_in_ip_dies_on_azure_and_one_of_vxlan_passes() -> None:
    """Calico sheet, section 10, row 2: the remedy is another encapsulation."""
    lab = azure_pair()
    tunnel(lab, IPIP)
    assert "Azure never carries ipip" in said(lab.node("a").ping("10.244.1.1").trace, "az")
    lab = azure_pair()
    tunnel(lab, VXLAN)
    assert lab.node("a").ping("10.244.1.1").ok


@pytest.mark.parametrize(("device", "drops"), [(IPIP, "ipip"), (VXLAN, "udp:4789"), (VXLAN, "udp:4000-5000")])
def test_a_network_that_loses_a_tunnel_until_it_does_not(device: str, drops: str) -> None:
    """Calico sheet, section 10, rows 2 and 3: the nodes reach one another, what they tunnel does not."""
    lab = lan()
    tunnel(lab, device)
    w1, w2 = lab.nodes
    assert w1.ping("10.244.1.1").ok
    lab.set_network("lan10", drops=[drops])
    assert w1.ping(w2).ok
    text = said(w1.ping("10.244.1.1").trace, "lan10")
    assert f"network lan10 loses {drops} (written by lab for network lan10, drops)" in text
    cure(lab, text, 1)
    assert w1.ping("10.244.1.1").ok


def test_arp_inside_a_tunnel_that_is_lost_is_explained_by_the_network() -> None:
    lab = lan()
    tunnel(lab, VXLAN)
    lab.set_network("lan10", drops=["udp:4789"])
    trace = lab.nodes[0].ping("10.244.1.1").trace
    assert trace.reason is DropReason.NEIGH_FAILED
    text = " ".join(trace.explain().split())
    assert "found no answer, because network lan10 loses udp:4789 (written by lab for network lan10, drops)" in text
    cure(lab, text, 1)
    assert lab.nodes[0].ping("10.244.1.1").ok


def test_an_underlay_that_is_too_small_for_the_tunnel() -> None:
    lab = lan()
    tunnel(lab, VXLAN)
    lab.set_network("lan10", mtu=1450)
    w1 = lab.nodes[0]
    assert w1.ping("10.244.1.1").ok
    text = said(w1.ping("10.244.1.1", size=1400).trace, "lan10")
    assert "carries packets of at most 1450 bytes, and this one has 1478" in text
    cure(lab, text)
    assert w1.ping("10.244.1.1", size=1400).ok


def test_a_network_with_a_smaller_mtu_than_the_devices_in_it() -> None:
    for number, size in ((0, 1472), (1, 1472)):
        lab = lan()
        lab.set_network("lan10", mtu=1400)
        result = lab.node("w1").ping(lab.node("w2"), size=size, df=False)
        text = said(result.trace, "lan10")
        assert text == (
            "lan10 dropped it (FABRIC in segment): network lan10 carries packets of at most 1400 bytes, and this one has 1500 "
            '(written by lab for network lan10, mtu 1400); it passes after `lab.set_network("lan10", mtu=1500)`, or when w1 '
            "cuts it, as after `ip link set dev eth0 mtu 1400` on w1."
        )
        cure(lab, text, number)
        if number == 1:
            # The answer is as long.
            lab.node("w2").exec("ip link set dev eth0 mtu 1400")
        assert lab.node("w1").ping(lab.node("w2"), size=size, df=False).ok


def test_the_mtu_of_a_network_is_that_of_the_nics_in_it() -> None:
    lab = cluster()
    lab.add_network("jumbo", "192.168.10.0/24", mtu=9000)
    w1, w2 = (lab.add_node(name, network="jumbo") for name in ("w1", "w2"))
    assert "mtu 9000" in w1.exec("ip link show eth0").stdout
    assert w1.ping(w2, size=8972, df=True).ok
    assert w1.ping(w2, size=8973, df=True).received == 0


# -- clouds ----------------------------------------------------------------------------------------------------------


def cloud(kind: str) -> Cluster:
    """Nodes a and b in one subnet, c in another; each has a pod range and knows those of the others by static routes."""
    lab = cluster()
    lab.add_network("cloud", "10.0.0.0/16", kind=kind, subnets=["10.0.1.0/24", "10.0.2.0/24"])
    for number, (name, address) in enumerate((("a", None), ("b", "10.0.1.7"), ("c", "10.0.2.9"))):
        lab.add_node(name, address, network="cloud", pod_cidr=f"10.244.{number}.0/24")
    lab.node("a").exec("ip route add 10.244.1.0/24 via 10.0.1.7")
    lab.node("b").exec("ip route add 10.244.0.0/24 via 10.0.1.4")
    for name in ("a", "b", "c"):
        lab.run(f"pod-{name}", node=name)
    return lab


def test_awss_source_destination_check_at_both_ends() -> None:
    """Calico sheet, section 10, row 4: CrossSubnet inside a subnet needs both checks off."""
    lab = cloud("aws-vpc")
    a, b = lab.pod("pod-a"), lab.pod("pod-b")
    assert lab.node("a").ping(lab.node("b")).ok
    text = said(a.ping(b).trace, "cloud")
    assert text == (
        "cloud dropped it (FABRIC in vpc): 10.244.0.2, its source, is not an address of a, which sent it "
        "(written by aws for the NIC of a in cloud, source_dest_check); it passes after "
        '`lab.set_nic("a", source_dest_check=False)`, on AWS '
        "`aws ec2 modify-instance-attribute --instance-id a --no-source-dest-check`, or in an encapsulation."
    )
    cure(lab, text)
    text = said(a.ping(b).trace, "cloud")
    assert "10.244.1.2, its destination, is not an address of b, where it was to go" in text
    cure(lab, text)
    result = a.ping(b)
    assert (result.ok, result.ttl) == (True, 62)


def test_a_pod_in_another_subnet_needs_a_route_of_the_cloud() -> None:
    for kind in ("aws-vpc", "azure-vnet"):
        lab = cloud(kind)
        for name in ("a", "b", "c"):
            lab.set_nic(name, source_dest_check=False)
        a, c = lab.pod("pod-a"), lab.pod("pod-c")
        text = said(a.ping(c).trace, "cloud")
        assert "no NIC and no route of cloud has 10.244.2.2 (written by " in text
        assert ", routes); it passes after `lab.add_cloud_route(" in text
        cure(lab, text, MACHINE="c")
        # The answer needs one too.
        assert not a.ping(c).ok
        lab.add_cloud_route("cloud", "10.244.0.0/24 via a")
        result = a.ping(c)
        assert (result.ok, result.ttl) == (True, 62)


def test_azures_ip_forwarding() -> None:
    lab = cloud("azure-vnet")
    a, b = lab.pod("pod-a"), lab.pod("pod-b")
    lab.add_cloud_route("cloud", "10.244.0.0/24 via a")
    lab.add_cloud_route("cloud", "10.244.1.0/24 via b")
    for name in ("a", "b"):
        text = said(a.ping(b).trace, "cloud")
        assert f"`az network nic update --name {name} --ip-forwarding true`" in text
        cure(lab, text)
    assert a.ping(b).ok


def test_a_vm_of_aws_gets_its_address_by_dhcp() -> None:
    lab = cloud("aws-vpc")
    assert lab.node("a").exec("ip route").stdout.splitlines() == [
        "default via 10.0.1.1 dev eth0 proto dhcp src 10.0.1.4 metric 100 ",
        "10.0.0.2 via 10.0.1.1 dev eth0 proto dhcp src 10.0.1.4 metric 100 ",
        "10.0.1.0/24 dev eth0 proto kernel scope link src 10.0.1.4 metric 100 ",
        "10.0.1.1 dev eth0 proto dhcp scope link src 10.0.1.4 metric 100 ",
        *(line for line in lab.node("a").exec("ip route").stdout.splitlines() if line.startswith("10.244")),
    ]
    lab.sleep(5000)
    assert "10.0.1.4/24" in lab.node("a").exec("ip addr show eth0").stdout
    assert lab.node("a").ping(lab.node("c")).ok


def test_googles_routes_need_a_vm_that_may_forward() -> None:
    lab = Cluster(GKE(dataplane="calico"), nodes=2)
    rules = [FirewallRule("all", (Net.parse("0.0.0.0/0"),))]
    lab.add_vpc("other", "10.50.0.0/24", firewall=rules)
    for name in ("x", "y"):
        lab.add_node(name, network="other")
    x = lab.node("x")
    text = said(x.ping("172.16.5.5").trace, "other")
    assert text == (
        "other dropped it (FABRIC in vpc): no VM, alias range or route of the VPC has 172.16.5.5 "
        "(written by gcp for VPC other); it passes when a VM has 172.16.5.5, or an alias range that holds it, "
        'or after `lab.add_cloud_route("other", "172.16.5.5/32 via VM")`.'
    )
    cure(lab, text, VM="y")
    text = said(x.ping("172.16.5.5").trace, "other")
    assert text == (
        "other dropped it (FABRIC in vpc): the route for 172.16.5.5/32 leads to y, which may not forward (canIpForward is "
        "false) (written by gcp for the NIC of y in other, can_ip_forward); it passes after "
        '`lab.set_nic("y", source_dest_check=False)`, on GCP when the VM is made with `--can-ip-forward`.'
    )
    cure(lab, text)
    lab.node("y").exec("ip link add d0 type dummy")
    lab.node("y").exec("ip link set d0 up")
    lab.node("y").exec("ip addr add 172.16.5.5/32 dev d0")
    assert x.ping("172.16.5.5").ok


def test_a_vpc_with_another_mtu_is_not_modelled_for_gke() -> None:
    with pytest.raises(NotModelled, match="GKE in a VPC whose mtu is not 1460"):
        Cluster(GKE(dataplane="calico")).add_vpc("vpc", "10.0.0.0/24", mtu=1500)


# -- uplinks ---------------------------------------------------------------------------------------------------------


def seed_004() -> Cluster:
    """The lab of the Cilium sheet, section 0.1, without Cilium."""
    lab = cluster()
    lab.add_network("lan10", "192.168.10.0/24")
    lab.add_network("lan20", "192.168.20.0/24")
    lab.add_uplink("nat")
    lab.add_router(
        "router",
        [
            NicSpec("eth0", "nat", dhcp=True),
            NicSpec("eth1", "lan10", "192.168.10.200/24"),
            NicSpec("eth2", "lan20", "192.168.20.200/24"),
        ],
        loopbacks=["10.10.1.200/24", "10.10.2.200/24"],
        image="ubuntu-22.04",
    )
    for name, network, address, other in (
        ("k8s-ctr", "lan10", "192.168.10.100", "192.168.20.0/24"),
        ("k8s-w1", "lan10", "192.168.10.101", "192.168.20.0/24"),
        ("k8s-w0", "lan20", "192.168.20.100", "192.168.10.0/24"),
    ):
        gateway = f"{address.rpartition('.')[0]}.200"
        lab.add_node(
            name,
            nics=[NicSpec("eth0", "nat", dhcp=True), NicSpec("eth1", network, f"{address}/24")],
            routes=[f"{prefix} via {gateway}" for prefix in (other, "172.20.0.0/16", "10.10.0.0/16")],
            image="ubuntu-22.04",
        )
    return lab


def test_the_router_and_the_nodes_of_seed_004() -> None:
    """Cilium sheet 0.1 and 1.9; ledger row E01."""
    lab = seed_004()
    assert lab.host("router").exec("ip -br -4 addr").stdout.splitlines() == [
        "lo               UNKNOWN        127.0.0.1/8 ",
        "eth0             UP             10.0.2.15/24 metric 100 ",
        "eth1             UP             192.168.10.200/24 ",
        "eth2             UP             192.168.20.200/24 ",
        "loop1            UNKNOWN        10.10.1.200/24 ",
        "loop2            UNKNOWN        10.10.2.200/24 ",
    ]
    assert lab.node("k8s-ctr").exec("ip route").stdout.splitlines() == [
        "default via 10.0.2.2 dev eth0 proto dhcp src 10.0.2.15 metric 100 ",
        "10.0.2.0/24 dev eth0 proto kernel scope link src 10.0.2.15 metric 100 ",
        "10.0.2.2 dev eth0 proto dhcp scope link src 10.0.2.15 metric 100 ",
        "10.0.2.3 dev eth0 proto dhcp scope link src 10.0.2.15 metric 100 ",
        "10.10.0.0/16 via 192.168.10.200 dev eth1 proto static ",
        "172.20.0.0/16 via 192.168.10.200 dev eth1 proto static ",
        "192.168.10.0/24 dev eth1 proto kernel scope link src 192.168.10.100 ",
        "192.168.20.0/24 via 192.168.10.200 dev eth1 proto static ",
    ]
    # The router has no static route, though others stand behind it.
    assert "proto static" not in lab.host("router").exec("ip route").stdout
    # A node is known by the address that it does not share with all others.
    assert [str(node.ip) for node in lab.nodes] == ["192.168.10.100", "192.168.10.101", "192.168.20.100"]


def test_pings_of_seed_004() -> None:
    """Ledger rows E03 and E07; the Cilium sheet, section 0.4."""
    lab = seed_004()
    ctr = lab.node("k8s-ctr")
    assert ctr.ping("10.10.1.200").ttl == 64
    assert ctr.ping("192.168.20.100").ttl == 63
    stray = ctr.ping("172.20.2.26")
    assert stray.trace.path == ("k8s-ctr:eth1", "router:eth1", "router:eth0")
    assert (
        lab.host("router")
        .exec("ip route get 172.20.2.26")
        .stdout.startswith("172.20.2.26 via 10.0.2.2 dev eth0 src 10.0.2.15 ")
    )
    text = said(stray.trace, "nat")
    assert text == (
        "nat dropped it (FABRIC in uplink): uplink nat translates sources in 10.0.2.0/24 only, and 192.168.10.100 is outside "
        "(written by lab for uplink nat, cidr); it passes when router masquerades, "
        "`iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE`, or when 172.20.2.26 is not behind the uplink at all and router "
        "knows the way: `ip route add 172.20.2.26 via GATEWAY`."
    )
    # What the note names as the remedy (row E16).
    lab.node("k8s-w0").exec("ip link add d0 type dummy")
    lab.node("k8s-w0").exec("ip link set d0 up")
    lab.node("k8s-w0").exec("ip addr add 172.20.2.26/32 dev d0")
    assert lab.host("router").exec("ip route add 172.20.2.26 via 192.168.20.100").output == ""
    assert ctr.ping("172.20.2.26").ok


def test_isolated_machines_do_not_see_one_another_on_the_uplink() -> None:
    lab = seed_004()
    result = lab.node("k8s-ctr").ping("10.0.2.16")
    assert result.received == 0
    text = " ".join(result.trace.explain().split())
    assert (
        "because nat keeps its machines apart, and nobody but its gateway 10.0.2.2 is there to answer for 10.0.2.16 "
        "(written by lab for uplink nat, isolated); it passes by a network that both stand in, or when uplink nat has "
        "`isolated: false` in the lab." in text
    )
    shared = cluster()
    shared.add_uplink("nat", isolated=False)
    one, two = (shared.add_node(name, network="nat") for name in ("one", "two"))
    assert [str(node.ip) for node in (one, two)] == ["10.0.2.15", "10.0.2.16"]
    assert one.ping(two).ok


def test_hosts_on_the_internet_see_the_uplinks_address_and_reach_nobody_behind_it() -> None:
    lab = seed_004()
    client = lab.add_host("client", "203.0.113.7")
    ctr = lab.node("k8s-ctr")
    with lab.capture("client:eth0", filter="icmp") as capture:
        assert ctr.ping(client).ok
    assert "198.51.100.1 > 203.0.113.7: ICMP echo request" in capture.text()
    text = said(client.ping("198.51.100.1").trace, "nat")
    assert text.endswith("it passes as the answer to what a machine behind uplink nat sends to 203.0.113.7 first.")
    text = said(client.ping("192.168.10.100").trace, "internet")
    assert (
        "the Internet has no way to 192.168.10.100, a private address (RFC 1918); it passes to the public address"
        in text
    )
    text = said(ctr.ping("9.9.9.9").trace, "internet")
    assert text.endswith("it passes when a host with the address 9.9.9.9 joins the lab.")
    lab.add_host("dns", "9.9.9.9")
    assert ctr.ping("9.9.9.9").ok


def test_an_uplink_carries_no_tunnel_without_ports() -> None:
    lab = seed_004()
    client = lab.add_host("client", "203.0.113.7")
    ctr = lab.node("k8s-ctr")
    packet = Packet((IPv4(Ip4.parse("10.0.2.15"), Ip4.parse("203.0.113.7"), 4), IPv4(Ip4(1), Ip4(2), 17)), bytes(8))
    text = said(ctr.send(packet), "nat")
    assert "uplink nat translates TCP, UDP and ICMP only, and this is protocol 4" in text
    assert text.endswith("it passes inside UDP, as VXLAN and Geneve carry it.")
    assert ctr.ping(client).ok


def test_the_range_of_an_uplink_is_a_parameter() -> None:
    """The seed's router sends the stray packet by eth0 (10.0.0.2)."""
    lab = cluster()
    lab.add_uplink("nat", "10.0.0.0/24", gateway="10.0.0.1", lease="10.0.0.2", dns="10.0.0.1", external_ip="192.0.2.9")
    router = lab.add_router("router", {"nat": "dhcp"})
    assert router.exec("ip route").stdout.splitlines() == [
        "default via 10.0.0.1 dev eth0 proto dhcp src 10.0.0.2 metric 100 ",
        "10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.2 metric 100 ",
        "10.0.0.1 dev eth0 proto dhcp scope link src 10.0.0.2 metric 100 ",
    ]
    client = lab.add_host("client", "203.0.113.7")
    with lab.capture("client:eth0", filter="icmp") as capture:
        assert router.ping(client).ok
    assert "192.0.2.9 > 203.0.113.7" in capture.text()


def test_every_uplink_has_a_public_address_of_its_own() -> None:
    lab = cluster()
    seen = [str(lab.add_uplink(name).nat.external) for name in ("one", "two")]
    assert seen == ["198.51.100.1", "198.51.100.2"]
    with refused(r"the public address 198\.51\.100\.1 belongs to network 'one'"):
        lab.add_host("client", "198.51.100.1")


def test_a_dhcp_server_without_addresses_boots_nobody() -> None:
    lab = cluster()
    lab.add_uplink("nat", "10.0.2.0/29", lease="10.0.2.5", isolated=False)
    hosts = [lab.add_host(name, "dhcp", network="nat") for name in ("a", "b")]
    assert [str(host.ip) for host in hosts] == ["10.0.2.5", "10.0.2.6"]
    with refused("its DHCP server has no address left in 10.0.2.0/29"):
        lab.add_host("c", "dhcp", network="nat")
    assert set(lab.network.machines) == {"a", "b"}


def test_a_lease_is_renewed() -> None:
    lab = seed_004()
    ctr = lab.node("k8s-ctr")
    assert "valid_lft 86400sec" in ctr.exec("ip addr show eth0").stdout
    lab.sleep(43201)
    assert "valid_lft 86399sec" in ctr.exec("ip addr show eth0").stdout
    lab.sleep(86400)
    assert (
        "inet 10.0.2.15/24 metric 100 brd 10.0.2.255 scope global dynamic eth0" in ctr.exec("ip addr show eth0").stdout
    )


# -- routers ---------------------------------------------------------------------------------------------------------


def chain() -> Cluster:
    """lan1 – r1 – lan2 – r2 – lan3, and an uplink behind r1."""
    lab = cluster()
    for number in (1, 2, 3):
        lab.add_network(f"lan{number}", f"192.168.{number}.0/24")
    lab.add_uplink("nat")
    lab.add_router(
        "r1",
        [
            NicSpec("eth0", "nat", dhcp=True),
            NicSpec("eth1", "lan1", "192.168.1.200/24"),
            NicSpec("eth2", "lan2", "192.168.2.200/24"),
        ],
        loopbacks=["10.10.1.1/24"],
    )
    lab.add_node("w1", "192.168.1.9/24", network="lan1")
    lab.add_router("r2", {"lan2": "192.168.2.201", "lan3": "192.168.3.201"})
    lab.add_host("h3", "192.168.3.9/24", network="lan3")
    return lab


def test_routers_without_routes_learn_the_ways_and_nodes_get_a_default_route() -> None:
    lab = chain()
    r1, r2 = (
        [line.strip() for line in lab.host(name).exec("ip route").stdout.splitlines() if "static" in line]
        for name in ("r1", "r2")
    )
    assert r1 == ["192.168.3.0/24 via 192.168.2.201 dev eth2 proto static"]
    assert r2 == [
        "default via 192.168.2.200 dev eth0 proto static",
        "10.10.1.0/24 via 192.168.2.200 dev eth0 proto static",
        "192.168.1.0/24 via 192.168.2.200 dev eth0 proto static",
    ]
    assert "default via 192.168.1.200 dev eth0 proto static" in lab.node("w1").exec("ip route").stdout
    assert lab.node("w1").ping(lab.host("h3")).ttl == 62
    assert lab.host("h3").ping("10.10.1.1").ok


def test_a_router_that_joins_later_changes_the_ways_but_no_route_that_was_written_by_hand() -> None:
    lab = chain()
    h3 = lab.host("h3")
    assert "default via 192.168.3.201" in h3.exec("ip route").stdout
    lab.host("r1").exec("ip route replace 192.168.3.0/24 via 192.168.2.77")
    lab.add_network("lan4", "192.168.4.0/24")
    lab.add_router("r3", {"lan3": "192.168.3.202", "lan4": "192.168.4.202"})
    # Somebody changed r1's route, and it stays; others know the new network.
    assert "192.168.3.0/24 via 192.168.2.77 dev eth2 \n" in lab.host("r1").exec("ip route").stdout
    assert "192.168.4.0/24 via 192.168.2.201 dev eth2 proto static" in lab.host("r1").exec("ip route").stdout
    assert "192.168.4.0/24 via 192.168.3.202 dev eth0 proto static" in h3.exec("ip route").stdout
    assert h3.ping("192.168.4.202").ok


def test_a_host_that_joins_later_knows_of_routers_that_joined_in_between() -> None:
    lab = chain()
    lab.add_host("early", "192.168.3.10/24", network="lan3")
    lab.add_network("lan4", "192.168.4.0/24")
    lab.add_router("r3", {"lan3": "192.168.3.202", "lan4": "192.168.4.202"})
    late = lab.add_host("late", "192.168.3.11/24", network="lan3")
    assert "192.168.4.0/24 via 192.168.3.202 dev eth0 proto static" in late.exec("ip route").stdout
    assert late.exec("ip route").stdout.replace("3.11", "3.10") == lab.host("early").exec("ip route").stdout


def test_a_node_that_names_no_network_joins_a_cloud_or_a_segment_before_an_uplink() -> None:
    lab = cluster()
    lab.add_uplink("nat")
    assert str(lab.add_node("w1").ip) == "10.0.2.15"
    lab.add_network("lan", "192.168.1.0/24")
    assert str(lab.add_node("w2").ip) == "192.168.1.101"
    lab.add_network("aws", "10.0.0.0/16", kind="aws-vpc")
    assert str(lab.add_node("w3").ip) == "10.0.0.4"


def test_a_way_that_stays_the_same_is_not_written_again() -> None:
    lab = chain()
    table = lab.host("r1").place.netns.table(254)
    (before,) = table.at(Net.parse("192.168.3.0/24"))
    lab.add_network("lan4", "192.168.4.0/24")
    (after,) = table.at(Net.parse("192.168.3.0/24"))
    assert after is before


def test_who_has_a_default_route_by_dhcp_keeps_it() -> None:
    lab = chain()
    lab.add_network("aws", "10.0.0.0/24", kind="aws-vpc")
    node = lab.add_node("both", nics=[NicSpec("eth0", "aws"), NicSpec("eth1", "lan1", "192.168.1.77/24")])
    routes = node.exec("ip route").stdout.splitlines()
    assert [line for line in routes if line.startswith("default")] == [
        "default via 10.0.0.1 dev eth0 proto dhcp src 10.0.0.4 metric 100 "
    ]
    assert "192.168.3.0/24 via 192.168.1.200 dev eth1 proto static " in routes


def test_given_routes_are_all_that_a_router_or_node_gets() -> None:
    lab = cluster()
    for number in (1, 2, 3):
        lab.add_network(f"lan{number}", f"192.168.{number}.0/24")
    r1 = lab.add_router(
        "r1", {"lan1": "192.168.1.200", "lan2": "192.168.2.200"}, routes=["10.9.0.0/16 via 192.168.2.201"]
    )
    lab.add_router("r2", {"lan2": "192.168.2.201", "lan3": "192.168.3.201"})
    w1 = lab.add_node("w1", "192.168.1.9/24", network="lan1", gateway="192.168.1.200")
    w2 = lab.add_node("w2", "192.168.1.10/24", network="lan1", routes=["192.168.2.0/24 via 192.168.1.200"])
    assert [line for line in r1.exec("ip route").stdout.splitlines() if "static" in line] == [
        "10.9.0.0/16 via 192.168.2.201 dev eth1 proto static "
    ]
    assert "static" not in w1.exec("ip route").stdout
    assert "default" not in w2.exec("ip route").stdout


def test_one_router_or_none_writes_no_routes_on_it() -> None:
    lab = cluster()
    lab.add_network("lan", "192.168.1.0/24")
    node = lab.add_node("w1", "192.168.1.9/24", network="lan")
    assert "default" not in node.exec("ip route").stdout
    router = lab.add_router("router", {"lan": "192.168.1.200"})
    assert "static" not in router.exec("ip route").stdout
    assert "default via 192.168.1.200 dev eth0 proto static" in node.exec("ip route").stdout


# -- what cannot be --------------------------------------------------------------------------------------------------


def three_networks() -> Cluster:
    lab = cluster()
    lab.add_network("lan", "192.168.1.0/24")
    lab.add_uplink("nat")
    lab.add_network("aws", "10.0.0.0/16", kind="aws-vpc")
    return lab


def test_networks_that_cannot_be() -> None:
    lab = three_networks()
    with refused("kind 'gcp': expected one of segment, aws-vpc, azure-vnet"):
        lab.add_network("x", "10.1.0.0/24", kind="gcp")
    with refused("a segment has no subnets"):
        lab.add_network("x", "10.1.0.0/24", subnets=["10.1.0.0/25"])
    with refused(r"subnet 10\.2\.0\.0/24 is outside"):
        lab.add_network("x", "10.1.0.0/24", kind="aws-vpc", subnets=["10.2.0.0/24"])
    with refused("drops 'ipip': expected a list"):
        lab.add_network("x", "10.1.0.0/24", drops="ipip")
    with refused("drops 'geneve': expected a number"):
        lab.set_network("lan", drops=["geneve"])
    with refused("mtu 10: expected 68 to 65535"):
        lab.set_network("lan", mtu=10)
    with refused("networks are lan, nat, aws"):
        lab.set_network("x", mtu=1000)
    with refused("has no NIC in a network of a cloud"):
        lab.set_nic("n1", source_dest_check=False)
    with refused("has no routes of its own"):
        lab.add_cloud_route("lan", "10.0.0.0/8 via n1")
    with refused("no machine 'n1' stands in it"):
        lab.add_cloud_route("aws", "10.9.0.0/16 via n1")


def test_nics_that_cannot_be() -> None:
    lab = three_networks()
    with refused("has no DHCP server"):
        lab.add_node("n1", nics=[NicSpec("eth0", "lan", dhcp=True)])
    with refused("either dhcp or an address"):
        lab.add_node("n2", nics=[NicSpec("eth0", "nat", "10.0.2.99/24", dhcp=True)])
    with refused("source_dest_check needs a network of a cloud"):
        lab.add_node("n3", "192.168.1.9/24", network="lan", source_dest_check=False)
    with refused("its DHCP decides"):
        lab.add_node("n4", network="aws", gateway="10.0.0.1")
    with refused("the subnet is 10.0.0.0/16"):
        lab.add_node("n5", "10.0.0.9/24", network="aws")
    with refused("gateway 10.9.9.9 is behind none of its NICs, which stand in 192.168.1.0/24"):
        lab.add_node("n6", "192.168.1.9/24", network="lan", gateway="10.9.9.9")
    with refused("gateway 10.9.9.9 is behind none"):
        lab.add_router("r1", {"lan": "192.168.1.1", "nat": "dhcp"}, routes=["10.0.0.0/8 via 10.9.9.9"])
    with refused("expected 'PREFIX via GATEWAY'"):
        lab.add_router("r2", {"lan": "192.168.1.1"}, routes=["10.0.0.0/8 dev eth0"])
    with refused("has no address"):
        lab.add_node("n7", nics=[NicSpec("eth0", "lan")])
    with refused("has a device eth0 already"):
        lab.add_node("n8", nics=[NicSpec("eth0", "nat", dhcp=True), NicSpec("eth0", "lan", "192.168.1.9/24")])
    with refused("device name 'a b'"):
        lab.add_node("n9", nics=[NicSpec("eth0", "nat", dhcp=True), NicSpec("a b", "lan", "192.168.1.9/24")])
    with refused("address '192.168.2.9' is outside the network"):
        lab.add_router("r3", {"nat": "dhcp", "lan": "192.168.2.9"})
    with refused("the first four addresses and the last address of a subnet are reserved"):
        lab.add_node("n10", "10.0.0.3", network="aws")
    # Nothing is half applied: no machine booted, no NIC is plugged in anywhere.
    assert lab.network.machines == {}
    assert [link for fabric in lab.network.fabrics.values() for link in fabric.links()] == []
    lab.add_host("client", "203.0.113.7")
    with refused("belongs to host 'client'"):
        lab.add_host("other", "203.0.113.7")
    with refused("belongs to host 'client'"):
        lab.add_node("n11", network="aws", external_ip="203.0.113.7")
    with refused("the name is taken"):
        lab.add_uplink("lan", external_ip="198.51.100.9")
    lab.add_uplink("nat2", external_ip="198.51.100.9")
    assert set(lab.network.machines) == {"client"}


def test_a_router_is_known_by_an_address_of_its_own() -> None:
    """Not by the one of an isolated uplink, which all machines there have."""
    lab = seed_004()
    assert str(lab.host("router").ip) == "192.168.10.200"
    assert lab.node("k8s-w1").ping("router").ttl == 64
    alone = cluster()
    alone.add_uplink("nat")
    assert str(alone.add_host("h", "dhcp", network="nat").ip) == "10.0.2.15"
