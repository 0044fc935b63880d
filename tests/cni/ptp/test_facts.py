"""Kernel sheet, section 4 (F110 to F116): what a kernel does between pods that ptp wired. The lab has the sheet's addresses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from podwire.cluster import Cluster
from podwire.lab import load
from podwire.trace.reasons import Verdict
from podwire.wire.addr import BROADCAST
from podwire.wire.headers import ICMP_ECHO, Arp, Ethernet, Icmp, IPv4

LAB = Path(__file__).parents[3] / "examples" / "gke-ptp" / "lab.yaml"
ONE = "gke-nyoung-cluster-1-nyoung-nodepool--d89bf7aa-3dm6"
TWO = "gke-nyoung-cluster-1-nyoung-nodepool--d89bf7aa-prpj"


@pytest.fixture
def lab() -> Cluster:
    """pod1 10.32.0.5 and webpod1 10.32.0.9 on the first node, pod2 10.32.1.13 on the second; nobody has spoken yet."""
    return load(LAB)


def wires(lab: Cluster) -> dict[str, str]:
    """The devices of the story, by short names."""
    one, two, web = (lab.pod(name).interface for name in ("pod1", "pod2", "webpod1"))
    return {
        "default/pod1:eth0": "pod1",
        f"{ONE}:{one}": "veth1",
        f"{ONE}:{web}": "veth-web",
        f"{ONE}:eth0": "node1",
        f"{TWO}:eth0": "node2",
        f"{TWO}:{two}": "veth2",
        "default/pod2:eth0": "pod2",
        "default/webpod1:eth0": "webpod1",
    }


def story(lab: Cluster, command: str, seconds: float = 0) -> list[str]:
    """What every device sent while pod1 ran a command and some time passed: ``DEVICE FRAME``; B is broadcast, U unicast."""
    names = wires(lab)
    with lab.capture(*names) as capture:
        lab.pod("pod1").exec(command)
        if seconds:
            lab.sleep(seconds)
    lines = []
    for frame in capture.frames:
        if not frame.outbound:
            continue
        device, packet = names[frame.device], frame.frame
        arp, ip, icmp, ethernet = packet.find(Arp), packet.find(IPv4), packet.find(Icmp), packet.find(Ethernet)
        if arp is not None and arp.op == 1 and ethernet is not None:
            cast = "B" if ethernet.dst == BROADCAST else "U"
            lines.append(f"{device} {cast} who-has {arp.tpa} tell {arp.spa}")
        elif arp is not None:
            lines.append(f"{device} {arp.spa} is-at {arp.sha}")
        elif ip is not None and icmp is not None:
            lines.append(f"{device} {'request' if icmp.type == ICMP_ECHO else 'reply'} ttl {ip.ttl}")
    return lines


def mac(lab: Cluster, device: str) -> str:
    machine, _, link = device.rpartition(":")
    place = lab.machine(machine).place
    found = place.netns.link(link)
    assert found is not None
    return str(found.mac)


def test_f110_f111_a_cold_ping_across_nodes_and_pod2_sends_no_arp_before_its_reply(lab: Cluster) -> None:
    veth1, pod2 = f"{ONE}:{lab.pod('pod1').interface}", "default/pod2:eth0"

    assert story(lab, "ping -c 1 10.32.1.13") == [
        "pod1 B who-has 10.32.0.1 tell 10.32.0.5",
        f"veth1 10.32.0.1 is-at {mac(lab, veth1)}",
        "pod1 request ttl 64",
        "node1 B who-has 10.0.0.1 tell 10.0.0.37",
        "node1 request ttl 63",
        "veth2 B who-has 10.32.1.13 tell 10.32.1.1",
        f"pod2 10.32.1.13 is-at {mac(lab, pod2)}",
        "veth2 request ttl 62",
        "pod2 reply ttl 64",
        "node2 B who-has 10.0.0.1 tell 10.0.0.38",
        "node2 reply ttl 63",
        "veth1 reply ttl 62",
    ]


def test_f111_f112_five_seconds_later_the_kernels_check_what_they_took_for_granted(lab: Cluster) -> None:
    """The sheet's third probe, node2 for node1, was its stand-in for the VPC: here nodes know the gateway alone, by asking."""
    lab.pod("pod1").ping("10.32.1.13")
    assert " DELAY" in lab.pod("pod2").exec("ip neigh show 10.32.1.1").stdout
    assert " DELAY" in lab.node(ONE).exec("ip neigh show 10.32.0.5").stdout

    probes = story(lab, "sleep 6")

    # pod2 began to doubt first: it answered before node1 saw the answer.
    assert probes == [
        "pod2 U who-has 10.32.1.1 tell 10.32.1.13",
        f"veth2 10.32.1.1 is-at {mac(lab, f'{TWO}:' + lab.pod('pod2').interface)}",
        "veth1 U who-has 10.32.0.5 tell 10.32.0.1",
        f"pod1 10.32.0.5 is-at {mac(lab, 'default/pod1:eth0')}",
    ]


def test_f113_same_node_through_the_host_with_two_gateway_macs(lab: Cluster) -> None:
    pod1, web = lab.pod("pod1"), lab.pod("webpod1")
    one, two = f"{ONE}:{pod1.interface}", f"{ONE}:{web.interface}"
    assert mac(lab, one) != mac(lab, two)

    assert story(lab, "ping -c 1 10.32.0.9") == [
        "pod1 B who-has 10.32.0.1 tell 10.32.0.5",
        f"veth1 10.32.0.1 is-at {mac(lab, one)}",
        "pod1 request ttl 64",
        "veth-web B who-has 10.32.0.9 tell 10.32.0.1",
        f"webpod1 10.32.0.9 is-at {mac(lab, 'default/webpod1:eth0')}",
        "veth-web request ttl 63",
        "webpod1 reply ttl 64",
        "veth1 reply ttl 63",
    ]
    assert pod1.exec("ip neigh").stdout.split()[:5] == ["10.32.0.1", "dev", "eth0", "lladdr", mac(lab, one)]
    assert web.exec("ip neigh").stdout.split()[:5] == ["10.32.0.1", "dev", "eth0", "lladdr", mac(lab, two)]


@pytest.mark.parametrize(
    ("address", "answered"), [("10.32.0.1", 1), ("10.0.0.37", 1), ("10.32.0.9", 0), ("10.32.0.77", 0), ("8.8.8.8", 0)]
)
def test_f114_the_node_answers_for_its_own_addresses_and_is_no_proxy(lab: Cluster, address: str, answered: int) -> None:
    result = lab.pod("pod1").exec(f"arping -c 1 -w 1 -I eth0 {address}")
    assert f"Received {answered} response(s)" in result.stdout


def test_f115_icmp_errors_come_from_the_address_of_the_veth_and_from_the_other_nodes_nic(lab: Cluster) -> None:
    pod1 = lab.pod("pod1")
    assert "From 10.32.0.1 icmp_seq=1 Time to live exceeded" in pod1.ping("8.8.8.8", ttl=1).text
    assert "From 10.32.0.1 icmp_seq=1 Time to live exceeded" in pod1.ping("10.32.0.9", ttl=1).text
    assert "From 10.0.0.38 icmp_seq=1 Time to live exceeded" in pod1.ping("10.32.1.13", ttl=2).text
    assert pod1.ping("10.32.1.13", ttl=3).ok


def test_f115_a_node_speaks_to_its_pods_as_their_gateway_and_to_others_by_its_nic(lab: Cluster) -> None:
    node = lab.node(ONE)
    own, other = (node.exec(f"ip route get {address}").stdout for address in ("10.32.0.5", "10.32.1.13"))
    assert own == f"10.32.0.5 dev {lab.pod('pod1').interface} src 10.32.0.1 uid 0 \n    cache \n"
    assert other == "10.32.1.13 via 10.0.0.1 dev eth0 src 10.0.0.37 uid 0 \n    cache \n"
    assert (node.ping("10.32.0.5").ttl, node.ping("10.32.1.13").ttl) == (64, 63)


def test_f116_an_address_that_no_pod_has_leaves_by_the_default_route(lab: Cluster) -> None:
    trace = lab.pod("pod1").ping("10.32.0.77").trace

    assert (trace.verdict, trace.dropped_at) == (Verdict.DROPPED, "vpc")
    assert trace.path[-1] == f"{ONE}:eth0"
    why = " ".join(trace.explain().split())
    assert re.search(r"10\.32\.0\.77 belongs to \S*3dm6, and \S*3dm6 itself sent it out: no pod or device there", why)
