"""Bridged frames and iptables: br_netfilter (F201; measured with bridge-nf-call-iptables 0 and 1 on Linux 6.18)."""

from __future__ import annotations

import pytest

from podwire.linux.errors import NetlinkError
from podwire.linux.netfilter.tables import NFT
from podwire.trace.events import Dropped, Fragmented
from podwire.wire.addr import Ip4, Mac
from podwire.wire.headers import Ethernet, IPv4
from tests.linux.lab import Lab
from tests.linux.netfilter.nat.natlab import answer, connections, iptables, seen, send, senders, translations

SERVICE = "10.96.0.10"
DNAT = f"-t nat -A PREROUTING -d {SERVICE} -j DNAT --to-destination 10.1.0.12"
CALL = "net/bridge/bridge-nf-call-iptables"


def _bridge(*, module: bool, forwarding: int = 1, mtu: int = 0) -> Lab:
    """Two pods on cni0 of a node."""
    lab = Lab()
    lab.machine("node")
    door = lab.door("node")
    if module:
        door.modprobe("br_netfilter")
    lab.sysctl("node", "ip_forward", forwarding)
    lab.device("node:cni0")
    lab.addr("node:cni0", "10.1.0.1/24")
    for number in (1, 2):
        lab.netns("node", f"pod{number}")
        lab.veth(
            f"node:veth{number}", f"02:00:00:00:02:0{number}", f"pod{number}:eth0", f"02:00:00:00:01:0{number}", mtu=mtu
        )
        door.link_set_master(door.dev(f"veth{number}"), door.dev("cni0"))
        lab.addr(f"pod{number}:eth0", f"10.1.0.1{number}/24")
        lab.route(f"pod{number}", "default via 10.1.0.1")
    lab.run(1)
    lab.restart()
    return lab


def test_without_it_the_answer_of_a_pod_on_the_same_bridge_goes_around_the_translation() -> None:
    """The classic: the asker gets an answer from an address that it never asked."""
    lab = _bridge(module=False)
    iptables(lab, "node", DNAT)
    server = lab.udp("pod2", 53)
    client = send(lab, "pod1", 4000, SERVICE, 53)
    assert answer(lab, server) == "10.1.0.11:4000"
    assert senders(client) == ["10.1.0.12:53"]
    assert len(translations(lab)) == 1


def test_with_it_the_answer_is_translated_back_on_the_bridge() -> None:
    lab = _bridge(module=True)
    iptables(lab, "node", DNAT)
    server = lab.udp("pod2", 53)
    client = send(lab, "pod1", 4000, SERVICE, 53)
    assert answer(lab, server) == "10.1.0.11:4000"
    assert senders(client) == [f"{SERVICE}:53"]
    assert translations(lab) == [
        f"DNAT PREROUTING {SERVICE}:53 -> 10.1.0.12:53 by PREROUTING 1",
        f"SNAT POSTROUTING 10.1.0.12:53 -> {SERVICE}:53 reply",
    ]


def test_a_frame_to_a_new_destination_on_the_bridge_keeps_its_senders_mac() -> None:
    """It is bridged, not routed: the TTL stays, and the source MAC is the pod's."""
    lab = _bridge(module=True)
    iptables(lab, "node", DNAT)
    ping = lab.ping("pod1", SERVICE, count=2)
    lab.run(2)
    assert ping.replies == [(1, 64), (2, 64)]
    frames = [frame for frame in lab.frames("node:veth2") if frame.find(IPv4) is not None]
    ethers = [frame.find(Ethernet) for frame in frames]
    assert [(str(e.src), str(e.dst)) for e in ethers if e is not None] == [
        ("02:00:00:00:01:01", "02:00:00:00:01:02")
    ] * 2


def test_without_forwarding_the_new_destination_is_not_reached() -> None:
    lab = _bridge(module=True, forwarding=0)
    iptables(lab, "node", DNAT)
    ping = lab.ping("pod1", SERVICE)
    lab.run(1)
    assert ping.replies == []
    assert ("ip_error", "IP_INADDRERRORS") in lab.drops("node")


def test_bridged_packets_pass_forward_with_the_bridge_as_both_devices() -> None:
    lab = _bridge(module=True)
    iptables(
        lab,
        "node",
        "-t filter -A FORWARD -i cni0 -o cni0 -s 10.1.0.11 -j ACCEPT",
        "-t filter -A FORWARD -i veth1 -j ACCEPT",
        "-t mangle -A POSTROUTING -o cni0 -j ACCEPT",
        "-t raw -A PREROUTING -i cni0 -j ACCEPT",
    )
    ping = lab.ping("pod1", "10.1.0.12")
    lab.run(0.5)
    assert ping.replies == [(1, 64)]
    xtables = lab["node"].xtables
    counts = {
        name: [rule.packets for rule in table.chains[chain].rules]
        for name, chain in (("filter", "FORWARD"), ("mangle", "POSTROUTING"), ("raw", "PREROUTING"))
        if (table := xtables.table(NFT, name)) is not None
    }
    assert counts == {"filter": [1, 0], "mangle": [2], "raw": [2]}


def test_a_rule_can_drop_between_two_pods_of_a_bridge() -> None:
    for module in (True, False):
        lab = _bridge(module=module)
        iptables(lab, "node", "-t filter -A FORWARD -j DROP")
        ping = lab.ping("pod1", "10.1.0.12")
        lab.run(0.5)
        assert bool(ping.replies) is not module


def test_a_packet_for_the_bridge_itself_passes_prerouting_once() -> None:
    """``ip_sabotage_in``."""
    lab = _bridge(module=True)
    iptables(lab, "node", "-t raw -A PREROUTING -s 10.1.0.11 -j ACCEPT", "-t filter -A INPUT -i cni0 -j ACCEPT")
    ping = lab.ping("pod1", "10.1.0.1")
    lab.run(0.5)
    assert ping.replies == [(1, 64)]
    raw, filtered = lab["node"].xtables.table(NFT, "raw"), lab["node"].xtables.table(NFT, "filter")
    assert raw is not None
    assert filtered is not None
    assert [rule.packets for rule in raw.chains["PREROUTING"].rules] == [1]
    assert [rule.packets for rule in filtered.chains["INPUT"].rules] == [1]


def test_switched_off_it_does_nothing() -> None:
    lab = _bridge(module=True)
    lab.door("node").sysctl_write(CALL, "0")
    iptables(lab, "node", "-t filter -A FORWARD -j DROP")
    ping = lab.ping("pod1", "10.1.0.12")
    lab.run(0.5)
    assert ping.replies == [(1, 64)]


def test_masquerade_on_the_bridge_takes_its_address() -> None:
    lab = _bridge(module=True)
    iptables(lab, "node", "-t nat -A POSTROUTING -d 10.1.0.12 -j MASQUERADE")
    ping = lab.ping("pod1", "10.1.0.12")
    lab.run(0.5)
    assert seen(lab, "node:veth2") == [f"10.1.0.1 > 10.1.0.12 id {ping.ident}"]
    assert ping.replies == [(1, 64)]


def test_what_is_longer_than_a_port_is_cut_anew() -> None:
    """Only with br_netfilter: a bridge alone loses it (FINDINGS 99)."""
    lab = _bridge(module=True)
    lab.door("node").link_set_mtu(lab.link("node:veth2"), 1000)
    lab.door("pod2").link_set_mtu(lab.link("pod2:eth0"), 1000)
    lab.door("node").link_set_mtu(lab.link("node:cni0"), 1000)
    got = lab.udp("pod2", 9)
    sender = lab.udp("pod1", 4000)
    sender.pmtudisc = 0
    sender.send_to(Ip4.parse("10.1.0.12"), 9, bytes(1200))
    lab.run(0.5)
    assert [len(arrived.packet.payload) for arrived in got.inbox] == [1200]
    assert lab.events(Fragmented, "node")
    lab.restart()
    sender.pmtudisc = 2
    sender.send_to(Ip4.parse("10.1.0.12"), 9, bytes(1200))
    lab.run(0.5)
    assert [found.event.where for found in lab.events(Dropped, "node")] == ["br_nf_ip_fragment"]


def test_fragments_are_joined_for_the_rules_and_leave_as_they_came() -> None:
    lab = _bridge(module=True)
    iptables(lab, "node", DNAT)
    got = lab.udp("pod2", 9)
    sender = lab.udp("pod1", 4000)
    sender.pmtudisc = 0
    sender.send_to(Ip4.parse("10.1.0.12"), 9, bytes(3000))
    lab.run(0.5)
    assert [len(arrived.packet.payload) for arrived in got.inbox] == [3000]
    sizes = [frame.size - 14 for frame in lab.frames("pod1:eth0") if frame.find(IPv4) is not None]
    assert [frame.size - 14 for frame in lab.frames("node:veth2") if frame.find(IPv4) is not None] == sizes
    assert len(connections(lab, "node")) == 1


def test_each_namespace_has_its_switches_from_the_module_on() -> None:
    lab = Lab()
    lab.machine("node")
    door = lab.door("node")
    with pytest.raises(NetlinkError):
        door.sysctl_read(CALL)
    assert CALL not in set(door.sysctl_paths())
    door.modprobe("br_netfilter")
    later = lab.netns("node", "later")
    assert lab.door(later.label).sysctl_read(CALL) == door.sysctl_read(CALL) == "1"
    door.sysctl_write(CALL, "5")
    assert (door.sysctl_read(CALL), lab.door(later.label).sysctl_read(CALL)) == ("1", "1")
    door.sysctl_write(CALL, "0")
    assert (door.sysctl_read(CALL), lab.door(later.label).sysctl_read(CALL)) == ("0", "1")


def test_arp_and_frames_of_other_protocols_do_not_meet_the_rules() -> None:
    lab = _bridge(module=True)
    iptables(lab, "node", "-t raw -A PREROUTING -j ACCEPT")
    assert lab.ask("pod1:eth0", "10.1.0.12", "10.1.0.11", mac=str(Mac.parse("02:00:00:00:01:01")))
    table = lab["node"].xtables.table(NFT, "raw")
    assert table is not None
    assert table.chains["PREROUTING"].rules[0].packets == 0


def test_a_promiscuous_bridge_routes_its_own_copy() -> None:
    """Measured: with tcpdump on cni0 the pod gets the packet twice, bridged, and routed without its connection."""
    lab = _bridge(module=True)
    iptables(lab, "node", DNAT, "-t nat -A POSTROUTING -d 10.1.0.12 -j MASQUERADE")
    lab.link("node:cni0").promisc += 1
    lab.ping("pod1", SERVICE)
    lab.run(0.5)
    frames = [frame for frame in lab.frames("node:veth2") if frame.find(IPv4) is not None]
    ethers = [frame.find(Ethernet) for frame in frames]
    assert [str(e.src) for e in ethers if e is not None] == ["02:00:00:00:01:01", str(lab.link("node:cni0").mac)]
    sources = [frame.find(IPv4) for frame in frames]
    assert [str(ip.src) for ip in sources if ip is not None] == ["10.1.0.1", "10.1.0.11"]


def test_a_frame_for_another_pod_is_unicast_to_the_rules_and_not_for_the_bridge() -> None:
    """Its MAC is not the bridge's: PACKET_OTHERHOST, but not while rules look at it."""
    lab = _bridge(module=True)
    iptables(lab, "node", "-t raw -A PREROUTING -p icmp -m pkttype --pkt-type unicast -j ACCEPT")
    lab.link("node:cni0").promisc += 1
    ping = lab.ping("pod1", "10.1.0.12")
    lab.run(0.5)
    assert ping.replies == [(1, 64)]
    table = lab["node"].xtables.table(NFT, "raw")
    assert table is not None
    assert table.chains["PREROUTING"].rules[0].packets == 2
    assert [drop for drop in lab.drops("node") if drop[0] != "arp_rcv"] == [("ip_rcv", "OTHERHOST")] * 2
