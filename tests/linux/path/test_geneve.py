"""GENEVE against bytes made by hand from RFC 8926, and R2 of the kernel sheet (``geneve_xmit``, ``geneve_rx``).

The kernel on which scripts are recorded lacks this kind of device.
"""

from typing import Any, TypeVar

import pytest

from podwire.linux.errors import NetlinkError
from podwire.linux.fib import NextHop, Route
from podwire.linux.netlink import Netlink
from podwire.linux.path.geneve import geneve_xmit
from podwire.linux.path.route import ip_route_output
from podwire.linux.skb import Skb
from podwire.linux.socket import PMTUDISC_DO, PMTUDISC_DONT
from podwire.linux.tunnel import GeneveConfig, TunnelInfo, VxlanConfig
from podwire.trace.events import Decapsulated, Encapsulated, Fragmented, Received, Transmitted
from podwire.wire.addr import Ip4, Mac, Net
from podwire.wire.codec import to_bytes
from podwire.wire.headers import ETH_P_IP, ICMP_ECHO, IPPROTO_ICMP, IPPROTO_UDP, Ethernet, Geneve, Icmp, IPv4, Udp
from podwire.wire.packet import Packet
from tests.linux.lab import Lab, Ping, two_nodes

_H = TypeVar("_H", IPv4, Udp, Geneve)

NODE1, NODE2 = "10.0.0.23", "10.0.0.24"
MACS = {"node1": Mac.parse("02:00:00:00:00:01"), "node2": Mac.parse("02:00:00:00:00:02")}
VNI = 3258
"""0x000cba, as in the capture of the Cilium sheet."""
DSR = bytes.fromhex("014b 81 02 0a000018 1f90 0000")
"""RFC 8926 section 3.5: class 0x014b, type 0x81 (critical), length 2 words; an address, a port, padding (Cilium sheet 4.7)."""


def layer(frame: Packet, kind: type[_H]) -> _H:
    """The outermost header of a kind, which has to be there."""
    found = frame.find(kind)
    assert found is not None
    return found


def ip(text: str) -> Ip4:
    return Ip4.parse(text)


def overlay(**options: Any) -> Lab:
    """``gnv0`` on both nodes, each with the other as remote, 10.9.0.1 and 10.9.0.2 inside."""
    lab = two_nodes()
    for node, remote, inside in (("node1", NODE2, "10.9.0.1/24"), ("node2", NODE1, "10.9.0.2/24")):
        config = GeneveConfig(vni=VNI, remote=ip(remote), **options)
        lab.door(node).link_add("gnv0", "geneve", mac=MACS[node], tunnel=config)
        lab.up(f"{node}:gnv0")
        lab.addr(f"{node}:gnv0", inside)
    lab.set_neigh("node1:gnv0", "10.9.0.2", str(MACS["node2"]))
    lab.set_neigh("node2:gnv0", "10.9.0.1", str(MACS["node1"]))
    lab.restart()
    return lab


def external() -> Lab:
    """``cilium_geneve`` on both nodes: VNI and remote come with each packet."""
    lab = two_nodes()
    for node in ("node1", "node2"):
        lab.door(node).link_add("gnv0", "geneve", mac=MACS[node], tunnel=GeneveConfig(external=True))
        lab.up(f"{node}:gnv0")
    lab.set_neigh("node1:eth0", NODE2, str(lab.link("node2:eth0").mac))
    lab.restart()
    return lab


def carried(lab: Lab, where: str = "node1:eth0") -> list[Packet]:
    return [frame for frame in lab.frames(where) if frame.find(Geneve) is not None]


def probe(lab: Lab, name: str, dst: str, *, size: int, discover: int) -> Ping:
    ping = lab.ping(name, dst, count=0, size=size)
    ping.socket.pmtudisc = discover
    ping.send(1)
    lab.run(1)
    return ping


def echo(lab: Lab, info: TunnelInfo, *, tos: int = 0) -> None:
    """An echo request that a program hands to node1's external device with that metadata."""
    link = lab.link("node1:gnv0")
    header = IPv4(ip("10.9.0.1"), ip("10.9.0.2"), IPPROTO_ICMP, 64, tos=tos, id=1)
    packet = Packet((header, Icmp(ICMP_ECHO, 0, 1)), bytes(8))
    skb = Skb(packet, lab.network.new_packet_id(), link, Ethernet(MACS["node2"], MACS["node1"], ETH_P_IP))
    skb.tunnel = info
    geneve_xmit(skb, link)
    lab.run(1)


def inject(
    lab: Lab,
    geneve: Geneve,
    *,
    src: str = NODE1,
    sport: int = 5000,
    dport: int = 6081,
    tos: int = 0,
    inner_tos: int = 0,
) -> None:
    """A datagram from the wire to node2."""
    frame = Packet(
        (
            Ethernet(lab.link("node2:eth0").mac, lab.link("node1:eth0").mac),
            IPv4(ip(src), ip(NODE2), IPPROTO_UDP, 64, tos=tos),
            Udp(sport, dport),
            geneve,
            Ethernet(MACS["node2"], MACS["node1"], ETH_P_IP),
            IPv4(ip("10.9.0.1"), ip("10.9.0.2"), IPPROTO_ICMP, 64, tos=inner_tos),
            Icmp(ICMP_ECHO, 0, 1),
        ),
        bytes(8),
    )
    lab.inject("node1:eth0", frame)
    lab.run(1)


# ----------------------------------------------------------------------------------------------------------- RFC 8926


def test_data_of_an_option_is_not_taken_for_another_option():
    lab = external()
    echo(lab, TunnelInfo(id=2, dst=ip(NODE2), ttl=64, options=bytes.fromhex("0102 01 01 0000ff00")))
    echo(lab, TunnelInfo(id=2, dst=ip(NODE2), ttl=64, options=bytes.fromhex("0102 01 01 00000000") + DSR))
    assert [layer(frame, Geneve).critical for frame in carried(lab)] == [False, True]


def test_r2_the_bytes_are_those_of_rfc_8926():
    lab = overlay()
    lab.ping("node1", "10.9.0.2", size=4)
    lab.run(1)
    (frame,) = carried(lab)
    data = to_bytes(frame)
    outer, udp = layer(frame, IPv4), layer(frame, Udp)
    assert data[14:34].hex(" ") == (
        # Version 4, 5 words; TOS 0; 20 + 8 + 8 + 14 + 20 + 8 + 4 = 82 bytes (0x52); identification; no flag, offset 0; TTL 64; UDP.
        f"45 00 00 52 {outer.id >> 8:02x} {outer.id & 255:02x} 00 00 40 11 {data[24]:02x} {data[25]:02x}"
        # 10.0.0.23, 10.0.0.24
        " 0a 00 00 17 0a 00 00 18"
    )
    # Source port; 6081 (0x17c1); length 62 (0x3e); no checksum, since udpcsum is off unless it is asked for.
    assert data[34:42].hex(" ") == f"{udp.sport >> 8:02x} {udp.sport & 255:02x} 17 c1 00 3e 00 00"
    # Section 3.4: version 0, option length 0; O and C clear, reserved 0; protocol type 0x6558 (Ethernet); VNI 3258; reserved 0.
    assert data[42:50].hex(" ") == "00 00 65 58 00 0c ba 00"
    assert data[50:64].hex(" ") == "02 00 00 00 00 02 02 00 00 00 00 01 08 00"
    assert data[64:] == to_bytes(lab.frames("node1:gnv0")[0])[14:]


def test_r2_options_and_the_critical_bit_as_rfc_8926_lays_them_out():
    lab = external()
    echo(lab, TunnelInfo(id=2, dst=ip(NODE2), ttl=64, options=DSR))
    data = to_bytes(carried(lab)[0])
    # Option length 3 words; C set, since the option's type has its highest bit set; Ethernet; VNI 2; then the option.
    assert data[42:50].hex(" ") == "03 40 65 58 00 00 02 00"
    assert data[50:62] == DSR


def test_udpcsum_fills_the_checksum():
    lab = overlay(udp_csum=True)
    lab.ping("node1", "10.9.0.2", size=4)
    lab.run(1)
    data = to_bytes(carried(lab)[0])
    assert data[40:42] != b"\0\0"
    # RFC 768: pseudo header, header and data sum up to all ones.
    pseudo = data[26:34] + b"\0\x11" + data[38:40]
    whole = pseudo + data[34:]
    total = sum(whole[i] << 8 | whole[i + 1] for i in range(0, len(whole) & ~1, 2)) + (
        whole[-1] << 8 if len(whole) & 1 else 0
    )
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    assert total == 0xFFFF


# -------------------------------------------------------------------------------------------------- the outer header


def test_r2_source_ports_are_from_1_to_65535_and_one_for_each_flow():
    lab = overlay()
    lab.set_neigh("node1:eth0", NODE2, str(lab.link("node2:eth0").mac))
    ports = set()
    for number in range(60):
        header = IPv4(ip("10.9.0.1"), ip("10.9.0.2"), IPPROTO_UDP, 64)
        frame = Packet((Ethernet(MACS["node2"], MACS["node1"]), header, Udp(1000 + number, 9)), b"x")
        for _ in range(2):
            lab.inject("node1:gnv0", frame)
    for frame in carried(lab):
        ports.add(layer(frame, Udp).sport)
    assert len(carried(lab)) == 120
    assert 50 < len(ports) <= 60
    assert all(1 <= port < 65535 for port in ports)
    assert any(port < 32768 for port in ports)


def test_r2_the_same_port_in_both_directions():
    lab = overlay()
    lab.ping("node1", "10.9.0.2")
    lab.run(1)
    assert layer(carried(lab, "node1:eth0")[0], Udp).sport == layer(carried(lab, "node2:eth0")[0], Udp).sport


def test_r2_ttl_64_and_no_df_by_default_whatever_is_inside():
    lab = overlay()
    lab.ping("node1", "10.9.0.2", ttl=9)
    lab.run(1)
    outer = layer(carried(lab)[0], IPv4)
    assert (outer.ttl, outer.df, outer.tos) == (64, False, 0)


def test_the_default_ttl_is_that_of_the_namespace():
    lab = overlay()
    lab.sysctl("node1", "ip_default_ttl", 77)
    lab.ping("node1", "10.9.0.2")
    lab.run(1)
    assert layer(carried(lab)[0], IPv4).ttl == 77


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"ttl": 9}, (9, False, 0x02)),
        ({"ttl_inherit": True}, (33, False, 0x02)),
        ({"df": "set"}, (64, True, 0x02)),
        ({"df": "inherit"}, (64, True, 0x02)),
        ({"tos": 1}, (64, False, 0xBA)),
        ({"tos": 0x10}, (64, False, 0x12)),
    ],
)
def test_ttl_df_and_tos_of_the_device(options, expected):
    lab = overlay(**options)
    lab.ping("node1", "10.9.0.2", ttl=33, tos=0xBA)
    lab.run(1)
    outer = layer(carried(lab)[0], IPv4)
    assert (outer.ttl, outer.df, outer.tos) == expected


@pytest.mark.parametrize(("inside", "outside"), [(0x01, 0x01), (0x02, 0x02), (0x03, 0x02), (0xB8, 0x00), (0xFF, 0x02)])
def test_f84_of_tos_only_ecn_is_copied(inside, outside):
    lab = overlay()
    lab.ping("node1", "10.9.0.2", tos=inside)
    lab.run(1)
    assert layer(carried(lab)[0], IPv4).tos == outside


def test_r3_the_metadata_decides_for_an_external_device():
    lab = external()
    echo(lab, TunnelInfo(id=99, dst=ip(NODE2), src=ip(NODE1), ttl=7, tos=0x20, df=True, csum=False), tos=2)
    frame = carried(lab)[0]
    outer = layer(frame, IPv4)
    assert (str(outer.src), outer.ttl, outer.df, outer.tos) == (NODE1, 7, True, 0x22)
    assert (layer(frame, Geneve).vni, layer(frame, Udp).checksum) == (99, 0)
    event = lab.events(Encapsulated, "node1")[0].event
    assert (event.kind, event.vni) == ("geneve", 99)


@pytest.mark.parametrize(
    ("info", "ttl", "tos"), [(TunnelInfo(dst=ip(NODE2)), 0, 0), (TunnelInfo(dst=ip(NODE2), ttl=5, tos=1), 5, 0)]
)
def test_an_external_device_has_no_ttl_of_its_own_and_inherits_nothing(info, ttl, tos):
    lab = external()
    echo(lab, info, tos=0xB8)
    outer = layer(carried(lab)[0], IPv4)
    assert (outer.ttl, outer.tos) == (ttl, tos)


def test_df_is_given_up_where_the_mtu_of_the_outer_route_is_locked():
    lab = overlay(df="set")
    hops = (NextHop(lab.link("node1:eth0").ifindex),)
    route = Route(
        Net.parse(f"{NODE2}/32"), nexthops=hops, scope=253, metrics=(("mtu", 1400),), locked=frozenset({"mtu"})
    )
    lab.door("node1").route_add(route)
    lab.ping("node1", "10.9.0.2")
    lab.run(1)
    assert not layer(carried(lab)[0], IPv4).df


def test_padding_of_the_inner_frame_is_carried():
    lab = overlay(udp_csum=True)
    lab.set_neigh("node1:eth0", NODE2, str(lab.link("node2:eth0").mac))
    header = IPv4(ip("10.9.0.1"), ip("10.9.0.2"), IPPROTO_UDP, 64)
    frame = Packet((Ethernet(MACS["node2"], MACS["node1"]), header, Udp(1, 2)), b"x", trailer=bytes(17))
    lab.inject("node1:gnv0", frame)
    lab.run(1)
    data = to_bytes(lab.frames("node1:eth0")[0])
    assert len(data) == 14 + 20 + 8 + 8 + 60
    assert data[38:40] == (8 + 8 + 60).to_bytes(2)
    assert data[-17:] == bytes(17)
    assert lab.link("node2:gnv0").stats.rx_packets == 1


def test_without_metadata_an_external_device_sends_nothing():
    lab = external()
    link = lab.link("node1:gnv0")
    packet = Packet((IPv4(ip("10.9.0.1"), ip("10.9.0.2"), IPPROTO_ICMP, 64), Icmp(ICMP_ECHO)), b"")
    geneve_xmit(Skb(packet, 1, link, Ethernet(MACS["node2"], MACS["node1"])), link)
    assert lab.drops("node1") == [("geneve_xmit", "TUNNEL_TXINFO")]
    assert link.stats.tx_dropped == 1


# -------------------------------------------------------------------------------------------------------- receiving


def test_a_ping_through_and_back_and_what_was_counted():
    lab = overlay()
    ping = lab.ping("node1", "10.9.0.2")
    lab.run(1)
    assert ping.replies == [(1, 64)]
    stats = lab.link("node1:gnv0").stats
    assert (stats.tx_packets, stats.tx_bytes, stats.rx_packets, stats.rx_bytes) == (1, 84, 1, 84)
    event = lab.events(Decapsulated, "node2")[0].event
    assert (event.dev, str(event.src), event.vni) == ("gnv0", NODE1, VNI)


def test_what_comes_out_is_what_went_in():
    lab = overlay()
    lab.ping("node1", "10.9.0.2", size=333)
    lab.run(1)
    went = [each.event.frame for each in lab.events(Transmitted, "node1") if each.event.dev == "gnv0"]
    came = [each.event.frame for each in lab.events(Received, "node2") if each.event.dev == "gnv0"]
    assert went == came
    assert len(went) == 1


@pytest.mark.parametrize(("vni", "src"), [(VNI + 1, NODE1), (VNI, "10.0.0.99")])
def test_another_vni_or_another_sender_is_nobodys(vni, src):
    lab = overlay()
    inject(lab, Geneve(vni), src=src)
    assert lab.drops("node2") == [("geneve_udp_encap_recv", "NOT_SPECIFIED")]


def test_a_critical_option_is_refused_by_a_device_of_its_own():
    lab = overlay()
    inject(lab, Geneve(VNI, options=DSR, critical=True))
    assert lab.drops("node2") == [("geneve_rx", "NOT_SPECIFIED")]
    stats = lab.link("node2:gnv0").stats
    assert (stats.rx_errors, stats.rx_frame, stats.rx_packets) == (1, 1, 0)


def test_an_option_that_is_not_critical_is_passed_over():
    lab = overlay()
    inject(lab, Geneve(VNI, options=bytes.fromhex("0102 01 01 deadbeef")))
    assert lab.link("node2:gnv0").stats.rx_packets == 1


def test_r3_an_external_device_takes_every_vni_and_notes_it_with_the_options(monkeypatch):
    lab = external()
    noted: list[TunnelInfo | None] = []
    machine = lab["node2"].machine
    original = machine.gro_cells_receive

    def receive(skb: Skb) -> None:
        noted.append(skb.tunnel)
        original(skb)

    monkeypatch.setattr(machine, "gro_cells_receive", receive)
    inject(lab, Geneve(0xABCDEF, options=DSR, critical=True), src="10.0.0.99")
    (info,) = noted
    assert info is not None
    assert (info.id, str(info.src), info.options, info.tx) == (0xABCDEF, "10.0.0.99", DSR, False)


@pytest.mark.parametrize(("outside", "inside", "result"), [(3, 0, None), (3, 2, 3), (1, 2, 1)])
def test_rfc_6040_what_becomes_of_ecn(outside, inside, result):
    lab = overlay()
    inject(lab, Geneve(VNI), tos=outside, inner_tos=inside)
    seen = [layer(each.event.frame, IPv4).tos for each in lab.events(Received, "node2") if each.event.dev == "gnv0"]
    assert seen == ([] if result is None else [result])


def test_another_protocol_than_ethernet_is_dropped_and_counted():
    lab = overlay()
    inject(lab, Geneve(VNI, proto=0x0800))
    assert lab.drops("node2") == [("geneve_udp_encap_recv", "NOT_SPECIFIED")]
    assert lab.link("node2:gnv0").stats.rx_dropped == 1


def test_a_frame_that_bears_the_own_address_is_a_loop():
    lab = overlay()
    Netlink(lab["node2"]).link_set_mac(lab.link("node2:gnv0"), MACS["node1"])
    inject(lab, Geneve(VNI))
    assert ("geneve_rx", "LOCAL_MAC") in lab.drops("node2")


def test_a_frame_for_another_address_is_seen_and_not_taken():
    lab = overlay()
    Netlink(lab["node2"]).link_set_mac(lab.link("node2:gnv0"), Mac.parse("02:00:00:00:00:77"))
    inject(lab, Geneve(VNI))
    assert [each.event.pkt_type for each in lab.events(Received, "node2") if each.event.dev == "gnv0"] == [3]
    assert lab.drops("node2") == [("ip_rcv", "OTHERHOST")]


def test_while_it_is_down_nobody_listens():
    lab = overlay()
    lab.down("node2:gnv0")
    inject(lab, Geneve(VNI))
    assert lab.drops("node2") == [("udp_rcv", "NO_SOCKET")]


# --------------------------------------------------------------------------------------------------------- path MTU


def test_f93_too_long_for_the_underlay_is_cut_outside_and_noted_for_the_inner_destination():
    lab = overlay()
    link = lab.link("node1:eth0")
    Netlink(link.netns).link_set_mtu(link, 1400)
    ping = probe(lab, "node1", "10.9.0.2", size=1400, discover=PMTUDISC_DONT)
    assert ping.replies == [(1, 64)]
    assert len(lab.events(Fragmented, "node1")) == 1
    assert lab.learned("node1")[ip("10.9.0.2")].mtu == 1350


def test_in_a_bridge_it_answers_itself_in_the_name_of_the_destination():
    lab = overlay()
    node = lab.door("node1")
    lab.netns("node1", "c1")
    lab.veth("node1:v1", "02:00:00:00:01:01", "c1:eth0", "02:00:00:00:01:02")
    lab.device("node1:br0")
    lab.addr_del("node1:gnv0", "10.9.0.1")
    node.link_set_mtu(lab.link("node1:gnv0"), 1500)
    for dev in ("v1", "gnv0"):
        node.link_set_master(lab.link(f"node1:{dev}"), lab.link("node1:br0"))
    lab.addr("c1:eth0", "10.9.0.1/24")
    lab.set_neigh("c1:eth0", "10.9.0.2", str(MACS["node2"]))
    lab.set_neigh("node2:gnv0", "10.9.0.1", "02:00:00:00:01:02")
    lab.restart()
    ping = probe(lab, "c1", "10.9.0.2", size=1472, discover=PMTUDISC_DO)
    assert ping.errors == [("3/4", "10.9.0.2", 1)]
    assert lab.learned("c1")[ip("10.9.0.2")].mtu == 1450
    stats = lab.link("node1:gnv0").stats
    assert (stats.tx_errors, stats.rx_packets) == (1, 0)
    assert probe(lab, "c1", "10.9.0.2", size=1422, discover=PMTUDISC_DO).replies == [(1, 64)]


def test_options_count_for_the_path_mtu():
    lab = external()
    lab.addr("node1:gnv0", "10.9.0.1/24")
    lab.set_neigh("node1:gnv0", "10.9.0.2", str(MACS["node2"]))
    link = lab.link("node1:gnv0")
    packet = Packet((IPv4(ip("10.9.0.1"), ip("10.9.0.2"), IPPROTO_UDP, 64), Udp(1, 2)), bytes(1440))
    skb = Skb(packet, lab.network.new_packet_id(), link, Ethernet(MACS["node2"], MACS["node1"]))
    skb.dst = ip_route_output(lab["node1"], ip("10.9.0.2"))
    skb.tunnel = TunnelInfo(dst=ip(NODE2), ttl=64, options=DSR)
    link.mtu = 1500
    geneve_xmit(skb, link)
    assert lab.learned("node1")[ip("10.9.0.2")].mtu == 1500 - 50 - 12


def test_f93_with_df_set_it_is_lost():
    lab = overlay(df="set")
    link = lab.link("node1:eth0")
    Netlink(link.netns).link_set_mtu(link, 1400)
    ping = probe(lab, "node1", "10.9.0.2", size=1400, discover=PMTUDISC_DO)
    assert ping.replies == []
    assert ("ip_fragment", "PKT_TOO_BIG") in lab.drops("node1")


# --------------------------------------------------------------------------------------------------------- the device


def test_mtus_leave_room_for_the_headers():
    lab = overlay()
    link = lab.link("node1:gnv0")
    assert (link.mtu, link.min_mtu, link.max_mtu) == (1450, 68, 65485)
    lab.door("node1").link_add("x", "geneve", tunnel=GeneveConfig(external=True, dstport=7000))
    other = lab.link("node1:x")
    # The route to 0.0.0.0 is lo's: as much as is allowed.
    assert (other.mtu, other.max_mtu) == (65465, 65465)
    lab.route("node1", "unreachable 172.31.0.0/16")
    lab.door("node1").link_add("y", "geneve", tunnel=GeneveConfig(vni=1, remote=ip("172.31.0.1")))
    assert lab.link("node1:y").mtu == 1500
    lab.door("node1").link_add("z", "geneve", mtu=65500, tunnel=GeneveConfig(vni=2, remote=ip(NODE2)))
    assert lab.link("node1:z").mtu == 65485


@pytest.mark.parametrize(
    ("config", "error"),
    [
        (GeneveConfig(vni=VNI, remote=ip(NODE2)), "Device or resource busy"),
        (GeneveConfig(external=True), "There can be only one externally controlled device on a destination port"),
        (
            GeneveConfig(external=True, vni=5, dstport=7000),
            "Device is externally controlled, so attributes (VNI, Port, and so on) must not be specified",
        ),
        (GeneveConfig(vni=1 << 24, remote=ip(NODE2)), "Geneve ID must be lower than 16777216"),
        (GeneveConfig(vni=5, remote=ip("224.0.0.1")), "Remote IPv4 address cannot be Multicast"),
    ],
)
def test_devices_that_are_refused(config, error):
    lab = overlay()
    with pytest.raises(NetlinkError, match=error.replace("(", r"\(").replace(")", r"\)")):
        lab.door("node1").link_add("x", "geneve", tunnel=config)
    assert lab["node1"].link("x") is None


def test_beside_an_external_device_there_is_no_other_on_its_port():
    lab = external()
    with pytest.raises(NetlinkError, match="There already exists an externally controlled device"):
        lab.door("node1").link_add("x", "geneve", tunnel=GeneveConfig(vni=5, remote=ip(NODE2)))
    lab.door("node1").link_add("x", "geneve", tunnel=GeneveConfig(vni=5, remote=ip(NODE2), dstport=7000))


def test_another_remote_is_heard_at_once():
    lab = overlay()
    link = lab.link("node2:gnv0")
    config = GeneveConfig(vni=VNI, remote=ip("10.0.0.99"))
    lab.door("node2").link_change(link, config)
    inject(lab, Geneve(VNI), src="10.0.0.99")
    assert link.stats.rx_packets == 1
    inject(lab, Geneve(VNI), src=NODE1)
    assert link.stats.rx_packets == 1
    with pytest.raises(NetlinkError, match="Changing VNI"):
        lab.door("node2").link_change(link, GeneveConfig(vni=7, remote=ip("10.0.0.99")))
    assert link.tunnel == config


def test_an_external_device_does_not_change():
    lab = external()
    with pytest.raises(NetlinkError, match="Operation not supported"):
        lab.door("node1").link_change(lab.link("node1:gnv0"), GeneveConfig(external=True))


def test_a_port_that_somebody_has_is_refused_when_it_comes_up():
    lab = two_nodes()
    lab.udp("node1", 6081)
    lab.door("node1").link_add("gnv0", "geneve", tunnel=GeneveConfig(vni=1, remote=ip(NODE2)))
    with pytest.raises(NetlinkError, match="Address already in use"):
        lab.up("node1:gnv0")
    lab.door("node1").link_add("vx0", "vxlan", tunnel=VxlanConfig(vni=1, dstport=7000))
    lab.up("node1:vx0")
    lab.door("node1").link_add("gnv1", "geneve", tunnel=GeneveConfig(vni=1, remote=ip(NODE2), dstport=7000))
    with pytest.raises(NetlinkError, match="Address already in use"):
        lab.up("node1:gnv1")
    assert not lab.link("node1:gnv1").is_up


def test_the_socket_goes_with_the_last_device():
    lab = overlay()
    lab.door("node1").link_add("x", "geneve", tunnel=GeneveConfig(vni=5, remote=ip(NODE2)))
    lab.up("node1:x")
    lab.down("node1:gnv0")
    assert list(lab["node1"].sockets.encap) == [6081]
    lab.door("node1").link_del(lab.link("node1:x"))
    assert lab["node1"].sockets.encap == {}
