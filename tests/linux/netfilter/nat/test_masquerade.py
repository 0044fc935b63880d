"""MASQUERADE: which address, and when it ends (F100, F101)."""

from __future__ import annotations

import pytest

from podwire.linux.netfilter.conntrack.entry import Connection
from podwire.linux.netfilter.hooks import NF_ACCEPT
from podwire.linux.netfilter.nat.masquerade import nf_nat_masquerade_ipv4
from podwire.linux.netfilter.nat.range import NatRange
from podwire.linux.skb import Skb
from podwire.trace.events import Dropped, Flow
from podwire.wire.addr import ANY4, Ip4
from podwire.wire.headers import IPv4, Udp
from podwire.wire.packet import Packet
from tests.linux.lab import Lab
from tests.linux.netfilter.nat.natlab import answer, connections, flow_text, iptables, router, seen, send, senders

MASQUERADE = "-t nat -A POSTROUTING -o eth0 -j MASQUERADE"


def _source(lab: Lab, dst: str = "10.0.0.11") -> str:
    lab.restart()
    send(lab, "pod", 4000, dst, 9).close()
    return seen(lab, "node:eth0")[0].partition(":")[0]


def test_the_source_is_an_address_of_the_device_it_leaves_by() -> None:
    lab = router()
    iptables(lab, "node", MASQUERADE)
    assert _source(lab) == "10.0.0.10"


def test_the_next_hops_subnet_chooses_among_several() -> None:
    """``inet_select_addr`` asks for the gateway where there is one, not for the destination."""
    lab = router()
    lab.addr("node:eth0", "10.8.0.10/24")
    lab.addr("out:eth0", "10.8.0.11/24")
    lab.route("node", "10.7.0.0/24 via 10.8.0.11")
    lab.route("node", "default via 10.0.0.11")
    iptables(lab, "node", MASQUERADE)
    assert _source(lab) == "10.0.0.10"
    assert _source(lab, "10.8.0.11") == "10.8.0.10"
    assert _source(lab, "10.7.0.1") == "10.8.0.10"
    assert _source(lab, "192.0.2.1") == "10.0.0.10"


def test_a_source_that_the_route_prefers_does_not_count() -> None:
    lab = router()
    lab.addr("node:lo", "192.0.2.9/32")
    lab.route("node", "10.7.0.0/24 via 10.0.0.11 src 192.0.2.9")
    iptables(lab, "node", MASQUERADE)
    assert _source(lab, "10.7.0.1") == "10.0.0.10"


def test_f100_pods_leave_with_the_nodes_address_and_answers_come_back() -> None:
    lab = router()
    iptables(lab, "node", "-t nat -A POSTROUTING -s 10.0.0.0/8 ! -d 10.2.0.0/16 -o eth0 -j MASQUERADE --random-fully")
    server = lab.udp("out", 9)
    client = send(lab, "pod", 41000, "10.0.0.11", 9)
    seen_as = answer(lab, server)
    assert seen_as.startswith("10.0.0.10:")
    assert seen_as != "10.0.0.10:41000"
    assert senders(client) == ["10.0.0.11:9"]
    lab.restart()
    ping = lab.ping("pod", "10.2.0.2")
    lab.run(0.5)
    assert seen(lab, "node:veth2") == [f"10.1.0.2 > 10.2.0.2 id {ping.ident}"]


def test_f101_the_nodes_own_source_becomes_that_of_the_tunnel() -> None:
    """A socket's source was chosen for another way out than the packet takes after DNAT."""
    lab = router()
    lab.route("node", "default via 10.0.0.11")
    iptables(
        lab,
        "node",
        "-t nat -A OUTPUT -d 10.9.9.9 -j DNAT --to-destination 10.2.0.2",
        "-t nat -A POSTROUTING -o veth2 ! -s 10.2.0.1 -j MASQUERADE",
    )
    ping = lab.ping("node", "10.9.9.9")
    lab.run(0.5)
    assert seen(lab, "node:veth2") == [f"10.2.0.1 > 10.2.0.2 id {ping.ident}"]
    assert ping.replies == [(1, 64)]


def test_without_an_address_the_packet_is_dropped() -> None:
    lab = router()
    for dev in ("veth1", "veth2"):
        lab.addr_del(f"node:{dev}", f"10.{dev[-1]}.0.1")
        lab.route("node", f"10.{dev[-1]}.0.0/24 dev {dev}")
    lab.addr_del("node:eth0", "10.0.0.10")
    lab.route("node", "10.0.0.0/24 dev eth0")
    lab.set_neigh("node:eth0", "10.0.0.11", "02:00:00:00:00:11")
    lab.set_neigh("pod:eth0", "10.1.0.1", "02:00:00:00:01:10")
    iptables(lab, "node", MASQUERADE)
    lab.restart()
    send(lab, "pod", 4000, "10.0.0.11", 9)
    (drop,) = lab.events(Dropped, "node")
    assert drop.event.where == "nf_nat_masquerade_ipv4"
    assert seen(lab, "node:eth0") == []


@pytest.mark.parametrize("how", ["down", "address"])
def test_connections_end_with_the_device_or_its_address(how: str) -> None:
    lab = router()
    lab.addr("node:eth0", "10.8.0.10/24")
    lab.addr("out:eth0", "10.8.0.11/24")
    iptables(lab, "node", MASQUERADE, "-t nat -A POSTROUTING -o veth2 -j MASQUERADE")
    for dst in ("10.0.0.11", "10.8.0.11", "10.2.0.2"):
        send(lab, "pod", 4000, dst, 9).close()
    if how == "down":
        lab.down("node:eth0")
        left = ["10.2.0.2:9 > 10.2.0.1:4000"]
    else:
        lab.addr_del("node:eth0", "10.8.0.10")
        left = ["10.0.0.11:9 > 10.0.0.10:4000", "10.2.0.2:9 > 10.2.0.1:4000"]
    assert [flow_text(ct.reply) for ct in connections(lab, "node")] == left
    known = [ct for cts in lab["node"].nat.bysource.values() for ct in cts]
    assert {ct.id for ct in known} == {ct.id for ct in connections(lab, "node")}


def test_a_source_of_snat_stays_when_the_device_goes_down() -> None:
    lab = router()
    iptables(lab, "node", "-t nat -A POSTROUTING -o eth0 -j SNAT --to-source 10.0.0.10")
    send(lab, "pod", 4000, "10.0.0.11", 9)
    lab.down("node:eth0")
    assert len(connections(lab, "node")) == 1


def test_a_connection_that_leaves_by_another_device_begins_anew() -> None:
    """``nf_nat_oif_changed``: the packet is lost, the next one has the other device's address."""
    lab = router()
    iptables(lab, "node", "-t nat -A POSTROUTING -j MASQUERADE")
    lab.route("node", "192.0.2.0/24 via 10.0.0.11")
    client = send(lab, "pod", 4000, "192.0.2.1", 9)
    lab.route_del("node", "192.0.2.0/24")
    lab.route("node", "192.0.2.0/24 via 10.2.0.2")
    lab.restart()
    client.send_to(Ip4.parse("192.0.2.1"), 9, b"x")
    lab.run(0.1)
    assert ("nf_nat_inet_fn", "NETFILTER_DROP") in lab.drops("node")
    assert connections(lab, "node") == []
    client.send_to(Ip4.parse("192.0.2.1"), 9, b"x")
    lab.run(0.1)
    assert seen(lab, "node:veth2") == ["10.2.0.1:4000 > 192.0.2.1:9"]


def test_a_packet_without_source_is_let_alone() -> None:
    """DHCP's first one, for example."""
    lab = router()
    flow = Flow(ANY4, Ip4.parse("10.0.0.11"), 17, 68, 67)
    skb = Skb(Packet((IPv4(flow.src, flow.dst, 17), Udp(68, 67))), 1)
    ct = skb.ct = Connection(1, flow, Flow(flow.dst, flow.src, 17, 67, 68), net=lab["node"])
    assert nf_nat_masquerade_ipv4(skb, lab["node"], NatRange(), lab.link("node:eth0")) == NF_ACCEPT
    assert (ct.status, ct.masq_index) == (0, 0)
