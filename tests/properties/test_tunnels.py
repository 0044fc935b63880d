"""Whatever a tunnel device sends comes out of the other one as it went in, with what ECN makes of it, and on the wire as bytes that read back."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from podwire.linux.skb import Skb
from podwire.linux.tunnel import GeneveConfig, IpipConfig, TunnelConfig
from podwire.trace.events import Received
from podwire.wire.addr import Ip4, Mac
from podwire.wire.codec import from_bytes, to_bytes
from podwire.wire.headers import ETH_P_IP, Ethernet
from podwire.wire.packet import Packet
from tests.linux.lab import NODE1_MAC, NODE2_MAC, Lab, two_nodes
from tests.wire.strategies import ipv4_stacks

NODE1, NODE2 = Ip4.parse("10.0.0.23"), Ip4.parse("10.0.0.24")
MACS = Mac.parse("02:00:00:00:00:01"), Mac.parse("02:00:00:00:00:02")


def tunnel(kind: str, *, csum: bool = False) -> Lab:
    """``t1`` on both nodes, each with the other as remote; neighbours are known, so nothing waits."""
    lab = two_nodes()
    lab.set_neigh("node1:eth0", str(NODE2), NODE2_MAC)
    lab.set_neigh("node2:eth0", str(NODE1), NODE1_MAC)
    for node, remote, mac in (("node1", NODE2, MACS[0]), ("node2", NODE1, MACS[1])):
        config: TunnelConfig = (
            IpipConfig(remote=remote, proto=4) if kind == "ipip" else GeneveConfig(vni=7, remote=remote, udp_csum=csum)
        )
        lab.door(node).link_add("t1", kind, mac=mac if kind == "geneve" else None, tunnel=config)
        lab.up(f"{node}:t1")
    lab.restart()
    return lab


def through(lab: Lab, packet: Packet, eth: Ethernet | None) -> list[Packet]:
    """What node2's device receives of a packet that node1's sends."""
    link = lab.link("node1:t1")
    assert link.xmit is not None
    link.xmit(Skb(packet, lab.network.new_packet_id(), link, eth), link)
    lab.run(0.1)
    return [each.event.frame for each in lab.events(Received, "node2") if each.event.dev == "t1"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(stack=ipv4_stacks(sound=True), kind=st.sampled_from(["ipip", "geneve", "geneve with checksums"]))
def test_encapsulated_and_decapsulated_it_is_what_it_was(stack, kind):
    layers, payload = stack
    packet = Packet(tuple(layers), payload)
    if kind == "ipip":
        lab, eth = tunnel("ipip"), None
    else:
        lab, eth = tunnel("geneve", csum=kind != "geneve"), Ethernet(MACS[1], MACS[0], ETH_P_IP)
    sent = Packet((eth, *packet.layers), packet.payload) if eth is not None else packet
    assert through(lab, packet, eth) == [sent]
    (wire,) = lab.frames("node1:eth0")
    data = to_bytes(wire)
    assert to_bytes(from_bytes(data)) == data
    assert data.endswith(to_bytes(sent))
