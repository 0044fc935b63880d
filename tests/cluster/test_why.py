"""Why a packet did not arrive: on GKE with Calico one thing is broken at a time.

Each test says what killed the packet, where, who wrote that, and then does what ``Trace.explain`` recommends, after which the ping passes.
"""

from __future__ import annotations

import json
import re

import pytest

from podwire.cluster import Cluster, NicSpec, Node, Pod
from podwire.cni.calico.config import Calico
from podwire.fabric.cloud import GcpVpc
from podwire.fabric.firewall import FirewallRule
from podwire.platform.gke import GKE
from podwire.trace.reasons import DropReason, Verdict
from podwire.trace.trace import Trace
from podwire.wire.addr import Ip4, Net
from podwire.wire.headers import Icmp, IPv4, Tcp
from podwire.wire.packet import Packet

GATEWAY = "10.0.0.1"


class Lab:
    """Two nodes, pod1 and pod3 on node1, pod2 on node2."""

    def __init__(self, *, disable_default_snat: bool = False) -> None:
        self.cluster = Cluster(GKE(dataplane="calico", disable_default_snat=disable_default_snat), nodes=2)
        self.pod1 = self.cluster.run("pod1", node="node1")
        self.pod2 = self.cluster.run("pod2", node="node2")
        self.pod3 = self.cluster.run("pod3", node="node1")
        self.node1, self.node2 = self.cluster.nodes
        vpc = self.cluster.network.fabrics["vpc"]
        assert isinstance(vpc, GcpVpc)
        self.vpc = vpc

    def without_felix_rules(self) -> None:
        """Only the kernel and the fabric look at packets: Felix's own check of sources comes before theirs."""
        for node in self.cluster.nodes:
            node.agent("felix").pause()
            node.exec("iptables -t raw -F")

    def ok(self, target: Pod | Node | str | None = None) -> bool:
        """pod1 reaches the target, once what it learned when it could not has been forgotten."""
        return self.pod1.ping(self.pod2 if target is None else target, count=2).ok


def explanation(trace: Trace) -> str:
    """The sentence of the fate."""
    text = json.loads(trace.to_json())["explanation"]
    assert isinstance(text, str)
    assert " ".join(text.split()) in " ".join(trace.explain().split())
    return text


def remedies(trace: Trace) -> list[str]:
    """The commands between backquotes, in order."""
    return re.findall(r"`([^`]+)`", explanation(trace))


def cure(lab: Lab, trace: Trace, number: int = 0, *, where: str = "", **words: str) -> None:
    """Run a recommended command where the sentence says, with words put in for its capitals."""
    text = explanation(trace)
    command = remedies(trace)[number]
    for word, value in words.items():
        assert word in command
        command = command.replace(word, value)
    named = re.search(re.escape(f"`{remedies(trace)[number]}`") + r" on ([\w/-]+)", text)
    place = where or (named.group(1) if named else "")
    result = lab.cluster.machine(place).exec(command)
    assert (result.exit_code, result.stderr) == (0, ""), result.output


def dead(trace: Trace, verdict: Verdict, reason: DropReason, at: str, *by: str) -> None:
    """The packet died for that reason at that place, and what decided is named with its writer."""
    assert (trace.verdict, trace.reason, trace.dropped_at) == (verdict, reason, at)
    for text in by:
        assert text in trace.decided_by


# -- nothing is broken ----------------------------------------------------------------------------------------------


def test_same_node_ttl_63() -> None:
    lab = Lab()
    result = lab.pod1.ping(lab.pod3)
    assert (result.ok, result.ttl) == (True, 63)
    assert result.trace.verdict is Verdict.DELIVERED
    assert result.trace.path == (
        "default/pod1:eth0",
        f"node1:{lab.pod1.interface}",
        f"node1:{lab.pod3.interface}",
        "default/pod3:eth0",
    )
    reply = result.trace.reply
    assert reply is not None
    assert reply.verdict is Verdict.DELIVERED


def test_cross_node_ttl_62_and_bare_pod_addresses_on_both_eth0() -> None:
    lab = Lab()
    with lab.cluster.capture("node?:eth0", filter="icmp") as capture:
        result = lab.pod1.ping(lab.pod2)
    assert (result.ok, result.ttl) == (True, 62)
    seen = [
        (frame.device, frame.outbound, str(ip.src), str(ip.dst), ip.ttl)
        for frame in capture.frames
        if (ip := frame.frame.find(IPv4)) is not None
    ]
    one, two = "10.32.0.2", "10.32.1.2"
    assert seen == [
        ("node1:eth0", True, one, two, 63),
        ("node2:eth0", False, one, two, 63),
        ("node2:eth0", True, two, one, 63),
        ("node1:eth0", False, two, one, 63),
    ]
    assert [line.partition(" IP ")[2].partition(",")[0] for line in capture.text().splitlines()] == [
        *[f"{one} > {two}: ICMP echo request"] * 2,
        *[f"{two} > {one}: ICMP echo reply"] * 2,
    ]
    assert result.trace.path == (
        "default/pod1:eth0",
        f"node1:{lab.pod1.interface}",
        "node1:eth0",
        "node2:eth0",
        f"node2:{lab.pod2.interface}",
        "default/pod2:eth0",
    )
    assert "ttl 64 at first and 62 at last" in result.trace.explain()


# -- the pod's side -------------------------------------------------------------------------------------------------


def test_proxy_arp_off_on_pod1s_interface() -> None:
    lab = Lab()
    cali = lab.pod1.interface
    lab.node1.sysctl(f"net.ipv4.conf.{cali}.proxy_arp", 0)
    result = lab.pod1.ping(lab.pod3)
    dead(
        result.trace,
        Verdict.REJECTED,
        DropReason.NEIGH_FAILED,
        "default/pod1:eth0",
        "169.254.1.1 dev eth0 FAILED",
        f"net.ipv4.conf.{cali}.proxy_arp = 0 (written by sysctl)",
    )
    assert (
        "3 ARP requests for 169.254.1.1 found no answer, because 169.254.1.1 is not an address of node1"
        in explanation(result.trace)
    )
    assert remedies(result.trace) == [f"sysctl -w net.ipv4.conf.{cali}.proxy_arp=1"]
    cure(lab, result.trace)
    assert lab.ok()
    assert lab.ok(lab.pod3)


def test_without_the_nodes_default_route_a_pod_reaches_not_even_its_neighbour() -> None:
    """F36: the node has a route to pod3, and pod1 is cut off all the same."""
    lab = Lab()
    lab.node1.exec("ip route del default")
    result = lab.pod1.ping(lab.pod3)
    dead(
        result.trace,
        Verdict.REJECTED,
        DropReason.NEIGH_FAILED,
        "default/pod1:eth0",
        "because of no route to 169.254.1.1",
    )
    assert "not even a default route" in explanation(result.trace)
    cure(lab, result.trace, GATEWAY=GATEWAY)
    assert lab.ok(lab.pod3)
    assert lab.ok()


def test_pod1s_own_eth0_is_down() -> None:
    lab = Lab()
    lab.pod1.exec("ip link set eth0 down")
    result = lab.pod1.ping(lab.pod2)
    assert result.text == "ping: connect: Network is unreachable\n"
    dead(result.trace, Verdict.DROPPED, DropReason.IP_OUTNOROUTES, "default/pod1", "no route to", "while eth0 is down")
    assert "ENETUNREACH" in result.trace.explain()
    cure(lab, result.trace, 0)
    lab.pod1.exec("ip route add 169.254.1.1 dev eth0 scope link")
    cure(lab, result.trace, 1, where="default/pod1", GATEWAY="169.254.1.1")
    assert lab.ok()


def test_pod1s_default_route_is_gone() -> None:
    lab = Lab()
    lab.pod1.exec("ip route del default")
    trace = lab.pod1.ping(lab.pod2).trace
    dead(trace, Verdict.DROPPED, DropReason.IP_OUTNOROUTES, "default/pod1", "no route to")
    cure(lab, trace, GATEWAY="169.254.1.1")
    assert lab.ok()


def test_pod2s_eth0_is_down() -> None:
    lab = Lab()
    cali = lab.pod2.interface
    lab.pod2.exec("ip link set eth0 down")
    trace = lab.pod1.ping(lab.pod2).trace
    dead(
        trace,
        Verdict.REJECTED,
        DropReason.NEIGH_FAILED,
        f"node2:{cali}",
        f"because of {cali} no-carrier default/pod2:eth0",
    )
    assert f"{cali} has no carrier, for its other end, eth0 of default/pod2, is down" in explanation(trace)
    assert "node2 told 10.32.0.2: ICMP host 10.32.1.2 unreachable, from 10.0.0.3" in trace.explain()
    cure(lab, trace)
    again = lab.pod1.ping(lab.pod2).trace
    # Now the packet arrives; the pod's routes went with its device, so the reply has no way.
    assert again.verdict is Verdict.DELIVERED
    assert "it cannot answer this one: no route to 10.32.0.2" in " ".join(again.explain().split())
    lab.pod2.exec("ip route add 169.254.1.1 dev eth0 scope link")
    lab.pod2.exec("ip route add default via 169.254.1.1")
    assert lab.ok()


def test_the_nodes_end_of_pod1s_pair_is_down() -> None:
    lab = Lab()
    lab.without_felix_rules()
    cali = lab.pod1.interface
    lab.node1.exec(f"ip link set {cali} down")
    trace = lab.pod1.ping(lab.pod2).trace
    dead(
        trace,
        Verdict.REJECTED,
        DropReason.NEIGH_FAILED,
        "default/pod1:eth0",
        f"because of eth0 no-carrier node1:{cali}",
    )
    cure(lab, trace)
    # The kernel does not put the route to the pod back; the VPC says so about the reply.
    reply = lab.pod1.ping(lab.pod2).trace.reply
    assert reply is not None
    dead(reply, Verdict.DROPPED, DropReason.FABRIC, "vpc", "10.32.0.2 belongs to node1, and node1 itself sent it out")
    cure(lab, reply, where="node1", DEV=cali)
    assert lab.ok()


def test_the_neighbour_does_not_answer_because_it_lost_its_address() -> None:
    lab = Lab()
    lab.pod2.exec("ip addr del 10.32.1.2/32 dev eth0")
    trace = lab.pod1.ping("10.32.1.2").trace
    dead(trace, Verdict.REJECTED, DropReason.NEIGH_FAILED, f"node2:{lab.pod2.interface}", "10.32.1.2 dev")
    assert "default/pod2 heard it and 10.32.1.2 is not its address" in explanation(trace)
    assert "forward" not in explanation(trace)
    cure(lab, trace, where="default/pod2", DEV="eth0")
    # With its last address the device had lost its routes.
    assert "it cannot answer this one" in lab.pod1.ping("10.32.1.2").trace.explain()
    lab.pod2.exec("ip route add 169.254.1.1 dev eth0 scope link")
    lab.pod2.exec("ip route add default via 169.254.1.1")
    assert lab.ok("10.32.1.2")


def test_the_neighbour_does_not_answer_because_it_speaks_no_arp() -> None:
    lab = Lab()
    lab.pod2.exec("ip link set eth0 arp off")
    trace = lab.pod1.ping(lab.pod2).trace
    dead(trace, Verdict.REJECTED, DropReason.NEIGH_FAILED, f"node2:{lab.pod2.interface}")
    assert "eth0 does not speak ARP" in explanation(trace)
    cure(lab, trace)
    assert lab.ok()


# -- destinations that do not exist -----------------------------------------------------------------------------------


def test_no_such_pod_in_the_nodes_own_range() -> None:
    lab = Lab()
    trace = lab.pod1.ping("10.32.0.4").trace
    dead(trace, Verdict.DROPPED, DropReason.FABRIC, "vpc", "10.32.0.4 belongs to node1", "written by gcp for VPC vpc")
    assert trace.path[-1] == "node1:eth0"
    assert remedies(trace) == ["ip route add 10.32.0.4 dev DEV scope link"]
    pod4 = lab.cluster.run("pod4", node="node1")
    assert str(pod4.ip) == "10.32.0.4"
    assert lab.ok(pod4)


def test_no_such_pod_in_the_other_nodes_range() -> None:
    """node2 sends it back by its default route; that is where it ends."""
    lab = Lab()
    trace = lab.pod1.ping("10.32.1.3").trace
    dead(trace, Verdict.DROPPED, DropReason.FABRIC, "vpc", "10.32.1.3 belongs to node2, and node2 itself sent it out")
    assert trace.path[-2:] == ("node1:eth0", "node2:eth0")
    assert "Way: default/pod1 > node1 > vpc > node2 > vpc, ttl 64 at first and 62 at last" in " ".join(
        trace.explain().split()
    )
    pod4 = lab.cluster.run("pod4", node="node2")
    assert str(pod4.ip) == "10.32.1.3"
    assert lab.ok(pod4)


def test_8_8_8_8_from_a_pod_and_from_a_node() -> None:
    lab = Lab(disable_default_snat=True)
    trace = lab.pod1.ping("8.8.8.8").trace
    dead(
        trace, Verdict.DROPPED, DropReason.FABRIC, "vpc", "it is an alias address, and only primary ones are translated"
    )
    assert remedies(trace) == ["iptables -t nat -A POSTROUTING -s 10.32.0.2 -o eth0 -j MASQUERADE"]
    from_node = lab.node1.ping("8.8.8.8").trace
    dead(
        from_node,
        Verdict.DROPPED,
        DropReason.FABRIC,
        "vpc",
        "node1 cannot reach the Internet: it has no external address",
    )
    assert remedies(from_node) == ["gcloud compute instances add-access-config node1"]
    nic = lab.vpc.nic_of(Ip4.parse("10.0.0.2"))
    assert nic is not None
    nic.external = Ip4.parse("34.1.2.3")
    nobody = lab.node1.ping("8.8.8.8").trace
    dead(nobody, Verdict.DROPPED, DropReason.FABRIC, "internet", "no host of the lab has 8.8.8.8")
    lab.cluster.add_host("dns", "8.8.8.8")
    assert lab.node1.ping("8.8.8.8").ok


def test_an_unused_address_of_the_subnet_and_the_gateway_itself() -> None:
    lab = Lab()
    trace = lab.node1.ping("10.0.0.77").trace
    dead(trace, Verdict.DROPPED, DropReason.FABRIC, "vpc", "no VM, alias range or route of the VPC has 10.0.0.77")
    lab.cluster.add_node("node3", "10.0.0.77")
    assert lab.node1.ping("10.0.0.77").ok
    gateway = lab.node1.ping(GATEWAY).trace
    dead(gateway, Verdict.DROPPED, DropReason.FABRIC, "vpc", "answers ARP only")


def test_the_metadata_server_is_not_modelled_and_that_is_said() -> None:
    trace = Lab().node1.ping("169.254.169.254").trace
    assert (trace.verdict, trace.reason) == (Verdict.UNKNOWN, DropReason.NOT_MODELLED)
    assert "podwire does not model the metadata server" in explanation(trace)


@pytest.mark.parametrize("kind", ["blackhole", "unreachable", "prohibit"])
def test_a_route_that_refuses(kind: str) -> None:
    lab = Lab()
    lab.node1.exec(f"ip route add {kind} 10.32.1.0/24")
    trace = lab.pod1.ping(lab.pod2).trace
    verdict = Verdict.DROPPED if kind == "blackhole" else Verdict.REJECTED
    at = f"node1:{lab.pod1.interface}"
    dead(trace, verdict, DropReason.NOT_SPECIFIED, at, f"route {kind} 10.32.1.0/24 (table main, written by ip)")
    cure(lab, trace)
    assert lab.ok()


# -- the nodes ----------------------------------------------------------------------------------------------------------


def test_ttl_1() -> None:
    lab = Lab()
    result = lab.pod1.ping(lab.pod2, ttl=1)
    dead(result.trace, Verdict.REJECTED, DropReason.IP_INHDR, f"node1:{lab.pod1.interface}", "ttl 1")
    assert "it came with ttl 1, and node1 would have to forward it to 10.32.1.2" in explanation(result.trace)
    assert "From 10.0.0.2 icmp_seq=1 Time to live exceeded" in result.text
    assert remedies(result.trace) == ["ping -t 64"]
    assert lab.pod1.exec(f"{remedies(result.trace)[0]} -c 1 10.32.1.2").exit_code == 0


def test_forwarding_is_off_on_the_node() -> None:
    lab = Lab()
    assert lab.ok()
    lab.node1.sysctl("net.ipv4.ip_forward", 0)
    trace = lab.pod1.ping(lab.pod2).trace
    at = f"node1:{lab.pod1.interface}"
    dead(trace, Verdict.DROPPED, DropReason.IP_INADDRERRORS, at, "net.ipv4.ip_forward = 0 (written by sysctl)")
    assert remedies(trace) == ["sysctl -w net.ipv4.ip_forward=1"]
    cure(lab, trace)
    assert lab.ok()


def test_forwarding_is_off_and_the_pod_does_not_know_its_gateways_mac_yet() -> None:
    lab = Lab()
    lab.node1.sysctl("net.ipv4.ip_forward", 0)
    trace = lab.pod1.ping(lab.pod2).trace
    dead(
        trace,
        Verdict.REJECTED,
        DropReason.NEIGH_FAILED,
        "default/pod1:eth0",
        "net.ipv4.ip_forward = 0 (written by sysctl)",
    )
    cure(lab, trace, -1, where="node1")
    assert lab.ok()


def test_forwarding_is_off_on_one_interface() -> None:
    lab = Lab()
    assert lab.ok()
    key = f"net.ipv4.conf.{lab.pod1.interface}.forwarding"
    lab.node1.sysctl(key, 0)
    trace = lab.pod1.ping(lab.pod2).trace
    dead(
        trace,
        Verdict.DROPPED,
        DropReason.IP_INADDRERRORS,
        f"node1:{lab.pod1.interface}",
        f"{key} = 0 (written by sysctl)",
    )
    cure(lab, trace)
    assert lab.ok()


def test_the_nodes_eth0_is_down() -> None:
    lab = Lab()
    assert lab.ok()
    lab.node1.exec("ip link set eth0 down")
    trace = lab.pod1.ping(lab.pod2).trace
    at = f"node1:{lab.pod1.interface}"
    dead(trace, Verdict.REJECTED, DropReason.IP_INNOROUTES, at, "no route to 10.32.1.2 while eth0 is down")
    assert "eth0, which is down, took its routes along" in explanation(trace)
    cure(lab, trace, 0)
    lab.node1.exec(f"ip route add {GATEWAY} dev eth0 scope link")
    cure(lab, trace, 1, where="node1", GATEWAY=GATEWAY)
    assert lab.ok()


def test_the_nodes_eth0_is_down_and_the_pod_does_not_know_its_gateways_mac_yet() -> None:
    lab = Lab()
    lab.node1.exec("ip link set eth0 down")
    trace = lab.pod1.ping(lab.pod3).trace
    dead(
        trace,
        Verdict.REJECTED,
        DropReason.NEIGH_FAILED,
        "default/pod1:eth0",
        "no route to 169.254.1.1 while eth0 is down",
    )
    cure(lab, trace, 0)
    lab.node1.exec(f"ip route add {GATEWAY} dev eth0 scope link")
    cure(lab, trace, 1, where="node1", GATEWAY=GATEWAY)
    assert lab.ok(lab.pod3)


def test_the_other_nodes_eth0_is_down() -> None:
    lab = Lab()
    assert lab.ok()
    lab.node2.exec("ip link set eth0 down")
    trace = lab.pod1.ping(lab.pod2).trace
    dead(trace, Verdict.DROPPED, DropReason.DEV_READY, "node2:eth0", "eth0 down")
    cure(lab, trace)
    reply = lab.pod1.ping(lab.pod2).trace.reply
    assert reply is not None
    assert "node2 has no route to 10.32.0.2" in explanation(reply)
    lab.node2.exec(f"ip route add {GATEWAY} dev eth0 scope link")
    cure(lab, reply, GATEWAY=GATEWAY)
    assert lab.ok()


def test_a_smaller_mtu_on_the_way() -> None:
    lab = Lab()
    lab.node1.exec("ip link set eth0 mtu 1000")
    trace = lab.pod1.ping(lab.pod2, size=1400, df=True).trace
    dead(trace, Verdict.REJECTED, DropReason.PKT_TOO_BIG, f"node1:{lab.pod1.interface}", "eth0 mtu 1000")
    assert "it passes with at most 972 bytes of payload, without DF, or after" in explanation(trace)
    assert lab.pod1.ping(lab.pod2, size=972, df=True).ok
    assert lab.pod1.ping(lab.pod2, size=1400, df=False).ok
    lab.pod1.exec("ip route flush cache")
    cure(lab, trace)
    assert lab.pod1.ping(lab.pod2, size=1400, df=True).ok


def test_a_packet_longer_than_the_pods_own_mtu() -> None:
    lab = Lab()
    trace = lab.pod1.ping(lab.pod2, size=1433, df=True).trace
    dead(trace, Verdict.DROPPED, DropReason.PKT_TOO_BIG, "default/pod1", "eth0 mtu 1460")
    assert lab.pod1.ping(lab.pod2, size=1432, df=True).ok


# -- source validation ----------------------------------------------------------------------------------------------------


def _two_ways() -> tuple[Cluster, Node, Node]:
    """node1 sends to node2 by net a; node2's way back is net b."""
    cluster = Cluster(Calico(backend="none", ipam="host-local"))
    cluster.add_network("a", "10.1.0.0/24")
    cluster.add_network("b", "10.2.0.0/24")
    nodes = [
        cluster.add_node(
            f"node{n}",
            nics=[NicSpec("eth0", "a", f"10.1.0.{n}/24"), NicSpec("eth1", "b", f"10.2.0.{n}/24")],
            gateway=f"10.1.0.{3 - n}",
        )
        for n in (1, 2)
    ]
    nodes[0].exec("ip route add 10.244.1.0/24 via 10.1.0.2")
    nodes[1].exec("ip route add 10.244.0.0/24 via 10.2.0.1")
    return cluster, nodes[0], nodes[1]


def test_rp_filter_strict_on_an_asymmetric_path() -> None:
    cluster, _, node2 = _two_ways()
    pod1, pod2 = cluster.run("pod1", node="node1"), cluster.run("pod2", node="node2")
    assert pod1.ping(pod2).ok
    node2.sysctl("net.ipv4.conf.eth0.rp_filter", 1)
    trace = pod1.ping(pod2).trace
    dead(
        trace,
        Verdict.DROPPED,
        DropReason.IP_RPFILTER,
        "node2:eth0",
        "net.ipv4.conf.eth0.rp_filter = 1 (written by sysctl)",
        "the way back is route 10.244.0.0/24 via 10.2.0.1 dev eth1 (table main, written by ip)",
    )
    assert "is strict" in explanation(trace)
    assert remedies(trace) == ["sysctl -w net.ipv4.conf.eth0.rp_filter=0"]
    assert cluster.node("node2").exec(remedies(trace)[0]).exit_code == 0
    assert pod1.ping(pod2).ok


def test_rp_filter_the_larger_of_all_and_the_device_counts() -> None:
    cluster, _, node2 = _two_ways()
    pod1, pod2 = cluster.run("pod1", node="node1"), cluster.run("pod2", node="node2")
    node2.sysctl("net.ipv4.conf.all.rp_filter", 1)
    trace = pod1.ping(pod2).trace
    dead(trace, Verdict.DROPPED, DropReason.IP_RPFILTER, "node2:eth0", "net.ipv4.conf.all.rp_filter = 1")
    node2.exec(remedies(trace)[0])
    assert pod1.ping(pod2).ok


@pytest.mark.parametrize("number", [0, 1])
def test_rp_filter_loose_on_an_interface_without_an_address_is_strict(number: int) -> None:
    """F150. Either remedy works: the switch, or any address on the device."""
    lab = Lab()
    lab.without_felix_rules()
    cali = lab.pod1.interface
    nic = lab.vpc.nic_of(Ip4.parse("10.0.0.2"))
    assert nic is not None
    nic.source_dest_check = False
    lab.node1.sysctl(f"net.ipv4.conf.{cali}.rp_filter", 2)
    packet = Packet((IPv4(Ip4.parse("1.2.3.4"), Ip4.parse("10.0.0.3"), 1), Icmp(8)), bytes(8))
    trace = lab.pod1.send(packet)
    dead(
        trace,
        Verdict.DROPPED,
        DropReason.IP_RPFILTER,
        f"node1:{cali}",
        f"net.ipv4.conf.{cali}.rp_filter = 2 (written by sysctl)",
    )
    assert f"is loose, but {cali} has no IPv4 address and there loose means strict" in explanation(trace)
    lab.vpc.allow(FirewallRule("test", (Net.parse("1.2.3.4/32"),)))
    cure(lab, trace, number, where="node1")
    assert lab.pod1.send(packet).verdict is Verdict.DELIVERED


def test_the_vpcs_source_check() -> None:
    lab = Lab()
    lab.without_felix_rules()
    packet = Packet((IPv4(Ip4.parse("1.2.3.4"), Ip4.parse("10.32.1.2"), 1), Icmp(8)), bytes(8))
    lab.vpc.allow(FirewallRule("test", (Net.parse("1.2.3.4/32"),)))
    trace = lab.pod1.send(packet)
    dead(
        trace,
        Verdict.DROPPED,
        DropReason.FABRIC,
        "vpc",
        "1.2.3.4 is neither the address of node1 (10.0.0.2) nor in its alias",
    )
    assert remedies(trace) == [
        "gcloud compute instances network-interfaces update node1 --aliases=1.2.3.4/32",
        "--can-ip-forward",
    ]
    nic = lab.vpc.nic_of(Ip4.parse("10.0.0.2"))
    assert nic is not None
    nic.source_dest_check = False
    assert lab.pod1.send(packet).verdict is Verdict.DELIVERED
    nic.source_dest_check = True
    nic.aliases.append(Net.parse("1.2.3.4/32"))
    assert lab.pod1.send(packet).verdict is Verdict.DELIVERED


# -- the firewall ---------------------------------------------------------------------------------------------------------


def test_no_firewall_rule_for_a_host_outside() -> None:
    cluster = Cluster(GKE(dataplane="calico"))
    vpc = cluster.add_vpc("vpc", "10.0.0.0/24")
    node = cluster.add_node("node1", external_ip="34.1.2.3")
    client = cluster.add_host("client", "121.167.232.64")
    trace = client.ping("34.1.2.3").trace
    dead(trace, Verdict.DROPPED, DropReason.FABRIC, "vpc", "no firewall rule allows icmp from 121.167.232.64 to node1")
    assert remedies(trace) == ["gcloud compute firewall-rules create NAME --allow=icmp --source-ranges=121.167.232.64"]
    syn = client.send(Packet((IPv4(Ip4.parse("121.167.232.64"), Ip4.parse("34.1.2.3"), 6), Tcp(40000, 30007))))
    assert "--allow=tcp:30007 --source-ranges=121.167.232.64" in remedies(syn)[0]
    # The other way round the answer comes in without a rule.
    assert node.ping(client).ok
    vpc.allow(FirewallRule("name", (Net.parse("121.167.232.64/32"),), ("icmp",)))
    assert client.ping("34.1.2.3").ok


# -- all of them ------------------------------------------------------------------------------------------------------------


def test_a_second_lab_with_the_same_seed_tells_the_same_story() -> None:
    stories = []
    for _ in range(2):
        lab = Lab()
        lab.node1.exec("ip route del default")
        stories.append(lab.pod1.ping(lab.pod3).trace.to_json())
    assert stories[0] == stories[1]
