"""What rules ask of sets: the words src and dst, ports, counters, lists, the target SET."""

from __future__ import annotations

import pytest

from podwire.fabric.network import Network
from podwire.linux.image import image
from podwire.linux.machine import Machine
from podwire.linux.netfilter.ipset.adt import Adt, Create
from podwire.linux.netfilter.ipset.kadt import AdtOpt, CounterMatch, ip_set_add, ip_set_del, ip_set_test
from podwire.linux.netlink import Netlink
from podwire.linux.skb import Skb
from podwire.trace.events import Owner
from podwire.wire.addr import AF_INET6, Ip4, Mac
from podwire.wire.headers import AnyHeader, Ethernet, Icmp, IPv4, Tcp, Udp
from podwire.wire.packet import Packet

SRC, DST = "10.0.0.1", "10.9.0.2"
RULE = Owner("felix", "rule")


@pytest.fixture
def door() -> Netlink:
    return Netlink(Machine(Network(seed=1), "node", image("debian-12")).root.netns)


def ip(text: str) -> int:
    return int(Ip4.parse(text))


def skb(inner: AnyHeader | None = None, proto: int = 6, frag: int = 0) -> Skb:
    header = IPv4(Ip4.parse(SRC), Ip4.parse(DST), proto, frag=frag)
    packet = Packet((header,) if inner is None else (header, inner))
    made = Skb(packet, 1)
    made.eth = Ethernet(Mac.parse("02:00:00:00:00:0d"), Mac.parse("02:00:00:00:00:05"), 0x0800)
    return made


def test(door: Netlink, name: str, packet: Skb, *dims: str, **opt: object) -> bool:
    index = next(n for n, each in enumerate(door.netns.ipsets.by_index) if each is not None and each.name == name)
    return ip_set_test(door.netns, index, packet, AdtOpt(dims, **opt))  # type: ignore[arg-type]


test.__test__ = False  # type: ignore[attr-defined]


def test_each_dimension_has_its_direction(door: Netlink) -> None:
    door.ipset_create("s", "hash:ip")
    door.ipset_add("s", Adt(ip=ip(SRC)))
    assert test(door, "s", skb(), "src")
    assert not test(door, "s", skb(), "dst")
    # More words than the set has dimensions do no harm, fewer never match.
    assert test(door, "s", skb(), "src", "dst")
    door.ipset_create("p", "hash:ip,port")
    door.ipset_add("p", Adt(ip=ip(SRC), proto=6, port=80))
    assert test(door, "p", skb(Tcp(1000, 80)), "src", "dst")
    assert not test(door, "p", skb(Tcp(1000, 80)), "src", "src")
    assert not test(door, "p", skb(Udp(1000, 80), 17), "src", "dst")
    assert not test(door, "p", skb(Tcp(1000, 80)), "src")


def test_ports_of_icmp_and_of_what_has_none(door: Netlink) -> None:
    door.ipset_create("p", "hash:ip,port")
    door.ipset_add("p", Adt(ip=ip(SRC), proto=1, port=8 << 8))
    door.ipset_add("p", Adt(ip=ip(SRC), proto=47, port=0))
    assert test(door, "p", skb(Icmp(8), 1), "src", "src")
    assert not test(door, "p", skb(Icmp(0), 1), "src", "src")
    assert test(door, "p", skb(None, 47), "src", "src")


def test_ports_of_what_has_a_header_of_bytes(door: Netlink) -> None:
    door.ipset_create("p", "hash:ip,port")
    for proto in (132, 136):
        door.ipset_add("p", Adt(ip=ip(SRC), proto=proto, port=80))
        packet = skb(None, proto)
        packet.packet = Packet(packet.packet.layers, b"\x03\xe8\x00\x50" + bytes(8))
        assert test(door, "p", packet, "src", "dst")
        assert not test(door, "p", packet, "src", "src")
        packet.packet = Packet(packet.packet.layers, b"\x03\xe8\x00\x50")
        assert not test(door, "p", packet, "src", "dst")


def test_a_later_fragment_has_no_port(door: Netlink) -> None:
    door.ipset_create("p", "hash:ip,port")
    for proto in (6, 47):
        door.ipset_add("p", Adt(ip=ip(SRC), proto=proto, port=0))
    assert not test(door, "p", skb(None, 6, frag=3), "src", "src")
    assert test(door, "p", skb(None, 47, frag=3), "src", "src")


def test_bitmap_of_ports_is_for_tcp_and_udp(door: Netlink) -> None:
    door.ipset_create("b", "bitmap:port", Create(family=0, port=0, port_to=4000))
    door.ipset_add("b", Adt(port=80))
    door.ipset_add("b", Adt(port=8 << 8))
    assert test(door, "b", skb(Tcp(9, 80)), "dst")
    assert test(door, "b", skb(Udp(9, 80), 17), "dst")
    assert not test(door, "b", skb(Icmp(8), 1), "dst")


def test_networks_and_exceptions(door: Netlink) -> None:
    door.ipset_create("n", "hash:net")
    door.ipset_add("n", Adt(ip=ip("10.0.0.0"), cidr=8))
    door.ipset_add("n", Adt(ip=ip("10.9.0.0"), cidr=16, nomatch=True))
    assert test(door, "n", skb(), "src")
    assert not test(door, "n", skb(), "dst")
    # --return-nomatch turns it round.
    assert not test(door, "n", skb(), "src", return_nomatch=True)
    assert test(door, "n", skb(), "dst", return_nomatch=True)


def test_pairs_of_networks(door: Netlink) -> None:
    door.ipset_create("nn", "hash:net,net")
    door.ipset_add("nn", Adt(ip=ip("10.0.0.0"), cidr=24, ip2=ip("10.9.0.0"), cidr2=16))
    assert test(door, "nn", skb(), "src", "dst")
    assert not test(door, "nn", skb(), "dst", "src")


def test_a_set_of_ipv6_never_matches_a_packet_of_ipv4(door: Netlink) -> None:
    door.ipset_create("six", "hash:net", Create(family=AF_INET6))
    door.ipset_add("six", Adt(ip=1 << 127, cidr=1))
    assert not test(door, "six", skb(), "src")


def test_packets_are_counted_and_compared(door: Netlink) -> None:
    door.ipset_create("c", "hash:ip", Create(counters=True))
    door.ipset_add("c", Adt(ip=ip(SRC)))
    packet = skb(Tcp(1, 2))
    assert test(door, "c", packet, "src")
    assert not test(door, "c", packet, "src", packets=CounterMatch("gt", 2))
    assert test(door, "c", packet, "src", packets=CounterMatch("gt", 2))
    assert test(door, "c", packet, "src", update_counters=False, packets=CounterMatch("eq", 3))
    ((_, entry),) = door.netns.ipsets["c"].entries()
    assert (entry.packets, entry.bytes) == (3, 120)


def test_a_list_asks_its_sets_in_turn(door: Netlink) -> None:
    door.ipset_create("ips", "hash:ip")
    door.ipset_create("ports", "hash:ip,port")
    door.ipset_create("all", "list:set", Create(family=0))
    for name in ("ips", "ports"):
        door.ipset_add("all", Adt(name=name))
    door.ipset_add("ports", Adt(ip=ip(SRC), proto=6, port=80))
    assert test(door, "all", skb(Tcp(1, 80)), "src", "dst")
    assert not test(door, "all", skb(Tcp(1, 80)), "src")
    door.ipset_add("ips", Adt(ip=ip(SRC)))
    assert test(door, "all", skb(Tcp(1, 80)), "src")


def test_the_target_adds_and_removes_what_the_packet_says(door: Netlink) -> None:
    door.ipset_create("seen", "hash:ip,port", Create(timeout=60, counters=True))
    index = door.netns.ipsets.get_byname("seen")
    packet, opt = skb(Tcp(1000, 80)), AdtOpt(("src", "dst"), timeout=9)
    assert ip_set_add(door.netns, index, packet, opt, RULE)
    assert not ip_set_add(door.netns, index, packet, opt, RULE)
    assert ip_set_add(door.netns, index, packet, AdtOpt(("src", "dst"), exist=True), RULE)
    seen = door.netns.ipsets["seen"]
    ((element, entry),) = seen.entries()
    assert (element, entry.owner, seen.seconds_left(entry), entry.packets) == ((ip(SRC), 80, 6), RULE, 60, 1)
    assert ip_set_del(door.netns, index, packet, opt)
    assert not ip_set_del(door.netns, index, packet, opt)


def test_the_target_adds_networks_as_long_as_the_longest(door: Netlink) -> None:
    door.ipset_create("n", "hash:net")
    door.ipset_add("n", Adt(ip=ip("192.168.0.0"), cidr=24))
    index = door.netns.ipsets.get_byname("n")
    assert ip_set_add(door.netns, index, skb(), AdtOpt(("dst",)))
    assert (ip("10.9.0.0"), 24) in [element for element, _ in door.netns.ipsets["n"].entries()]
    door.ipset_flush("n")
    door.ipset_add("n", Adt(ip=ip("192.168.0.0"), cidr=24))
    door.ipset_del("n", Adt(ip=ip("192.168.0.0"), cidr=24))
    assert ip_set_add(door.netns, index, skb(), AdtOpt(("dst",)))
    assert [element for element, _ in door.netns.ipsets["n"].entries()] == [(ip(DST), 32)]


def test_the_first_packet_fills_in_a_mac_address(door: Netlink) -> None:
    door.ipset_create("m", "bitmap:ip,mac", Create(ip=ip("10.0.0.0"), cidr=24))
    door.ipset_add("m", Adt(ip=ip(SRC)))
    assert test(door, "m", skb(), "src", "src")
    assert [element for element, _ in door.netns.ipsets["m"].entries()] == [(ip(SRC), 0x020000000005)]
    other = skb()
    other.eth = Ethernet(Mac.parse("02:00:00:00:00:0d"), Mac.parse("02:00:00:00:00:06"), 0x0800)
    assert test(door, "m", skb(), "src", "src")
    assert not test(door, "m", other, "src", "src")


def test_marks_and_mac_addresses_of_packets(door: Netlink) -> None:
    door.ipset_create("k", "hash:ip,mark")
    door.ipset_add("k", Adt(ip=ip(SRC), mark=7))
    packet = skb()
    assert not test(door, "k", packet, "src", "src")
    packet.mark = 7
    assert test(door, "k", packet, "src", "src")
    door.ipset_create("macs", "hash:mac", Create(family=0))
    door.ipset_add("macs", Adt(mac=0x020000000005))
    assert test(door, "macs", packet, "src")
    packet.eth = None
    assert not test(door, "macs", packet, "src")
