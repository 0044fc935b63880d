"""Matches that ask the namespace: ``addrtype``, ``rpfilter``, ``socket``, ``owner``, ``physdev``, ``set``; what they remember follows changes."""

from __future__ import annotations

import pytest

from podwire.linux.netfilter.bridge import NfBridge
from podwire.linux.netfilter.conntrack.entry import (
    IP_CT_ESTABLISHED_REPLY,
    IP_CT_NEW,
    IPS_DST_NAT,
    IPS_SRC_NAT,
    IPS_SRC_NAT_DONE,
    Connection,
)
from podwire.linux.netfilter.ipset.adt import Adt, Create
from podwire.linux.netfilter.tables import LEGACY, NFT
from podwire.linux.netfilter.xt.base import HotDrop
from podwire.linux.skb import Skb
from podwire.trace.events import PACKET_BROADCAST, PACKET_LOOPBACK, Dropped, Flow
from podwire.wire.addr import AF_INET
from podwire.wire.headers import ICMP_DEST_UNREACH, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, Icmp, IPv4, Tcp, Udp
from podwire.wire.packet import Packet, Quoted
from tests.linux.netfilter.xt.matchlab import burst, counted, ip, match, passes, routed, rules
from tests.linux.netfilter.xt.targetlab import ipv4, send

BOTH = pytest.mark.parametrize("variant", [NFT, LEGACY])


def datagram(src: str = "10.0.0.1", dst: str = "10.1.0.2", sport: int = 5000, dport: int = 53) -> Packet:
    return Packet((IPv4(ip(src), ip(dst), IPPROTO_UDP), Udp(sport, dport)), bytes(8))


def test_what_an_address_is_follows_the_addresses_of_the_namespace() -> None:
    lab = routed()
    rules(
        lab,
        "-A PREROUTING -i r0 -m addrtype --dst-type LOCAL",
        "-A PREROUTING -i r0 -m addrtype ! --dst-type LOCAL",
        table="raw",
    )
    burst(lab, 2, dst="10.1.0.77")
    lab.addr("r:r1", "10.1.0.77/24")
    burst(lab, 3, dst="10.1.0.77")
    lab.addr_del("r:r1", "10.1.0.77")
    burst(lab, 1, dst="10.1.0.77")
    assert counted(lab, "PREROUTING", table="raw") == [3, 3]


@pytest.mark.parametrize(
    ("text", "dst", "iif", "expected"),
    [
        ("--dst-type LOCAL", "10.1.0.254", "r0", True),
        ("--dst-type LOCAL --limit-iface-in", "10.1.0.254", "r0", False),
        ("--dst-type LOCAL --limit-iface-in", "10.1.0.254", "r1", True),
        ("--dst-type UNICAST --limit-iface-in", "10.1.0.254", "r0", True),
        ("--dst-type BROADCAST", "10.1.0.255", "r0", True),
        ("--dst-type BROADCAST", "255.255.255.255", "r0", True),
        ("--dst-type BROADCAST --limit-iface-in", "255.255.255.255", "r1", True),
        ("--dst-type BROADCAST", "0.0.0.0", "r0", True),
        ("--dst-type UNICAST", "0.1.2.3", "r0", True),
        ("--dst-type MULTICAST", "224.0.0.1", "r0", True),
        ("--dst-type UNICAST", "8.8.8.8", "r0", True),
        ("--dst-type BLACKHOLE", "10.66.0.1", "r0", False),
        ("--dst-type UNICAST", "10.66.0.1", "r0", True),
        ("! --src-type LOCAL --dst-type UNICAST", "10.1.0.2", "r0", True),
        ("--src-type LOCAL --dst-type UNICAST", "10.1.0.2", "r0", False),
    ],
)
def test_types_of_addresses(text: str, dst: str, iif: str, *, expected: bool) -> None:
    lab = routed()
    lab.route("r", "blackhole 10.66.0.0/16")
    assert passes(lab, f"-m addrtype {text}", datagram(dst=dst), iif=iif) is expected


@pytest.mark.parametrize(
    ("options", "src", "expected"),
    [
        ("", "10.0.0.9", True),
        ("", "10.1.0.2", False),
        ("--loose", "10.1.0.2", True),
        ("--invert", "10.1.0.2", True),
        ("--loose --invert", "10.1.0.2", False),
        ("--loose", "9.9.9.9", False),
        ("", "10.0.0.254", False),
        ("--accept-local", "10.0.0.254", True),
        ("--accept-local", "10.1.0.254", False),
        ("--accept-local --loose", "10.1.0.254", True),
    ],
)
def test_rpfilter_asks_the_way_back(options: str, src: str, *, expected: bool) -> None:
    assert passes(routed(), f"-m rpfilter {options}", datagram(src=src), iif="r0") is expected


def test_what_came_over_lo_has_a_way_back() -> None:
    assert passes(routed(), "-m rpfilter", datagram(src="9.9.9.9"), iif="lo")


def test_the_way_back_follows_the_routes() -> None:
    lab = routed()
    rules(lab, "-A PREROUTING -i r0 -m rpfilter --invert", table="raw")
    burst(lab, src="10.9.0.1")
    lab.route("r", "10.9.0.0/16 via 10.0.0.1")
    burst(lab, src="10.9.0.1")
    lab.route_del("r", "10.9.0.0/16")
    burst(lab, src="10.9.0.1")
    assert counted(lab, "PREROUTING", table="raw") == [2]


# -- sockets --------------------------------------------------------------------------------------------------------


def error_about(packet: Packet) -> Packet:
    return Packet(
        (IPv4(ip("10.1.0.2"), ip("10.0.0.254"), IPPROTO_ICMP), Icmp(ICMP_DEST_UNREACH, 3)), Quoted(packet, packet.size)
    )


def test_a_socket_is_found_by_its_datagrams_and_by_errors_about_them() -> None:
    lab = routed()
    socket = lab.udp("r", 53)
    to_it, about = datagram(dst="10.0.0.254"), error_about(datagram("10.0.0.254", "10.1.0.2", 53, 99))
    begun = IPv4(ip("10.0.0.254"), ip("10.1.0.2"), IPPROTO_UDP, total_length=100)
    cut = Packet(
        (IPv4(ip("10.1.0.2"), ip("10.0.0.254"), IPPROTO_ICMP), Icmp(ICMP_DEST_UNREACH, 3)),
        Quoted(Packet((begun,), b"\x00\x35\x00\x63"), 24),
    )
    for packet in (to_it, about, cut):
        assert not passes(lab, "-m socket", packet, iif="r0")
        assert passes(lab, "-m socket --nowildcard", packet, iif="r0")
        assert not passes(lab, "-m socket --nowildcard --transparent", packet, iif="r0")
    socket.bind(ip("10.0.0.254"))
    for packet in (to_it, about, cut):
        assert passes(lab, "-m socket", packet, iif="r0")
    assert not passes(lab, "-m socket", datagram(dst="10.0.0.254", dport=54), iif="r0")


def test_whoever_looks_for_sockets_wants_datagrams_whole() -> None:
    """``nf_defrag_ipv4_enable``: with the rule fragments are joined, and without it no longer."""
    lab = routed()
    rules(lab, "-A PREROUTING -f", "-A PREROUTING ! -f", table="raw")
    for rule in ("-A PREROUTING -m mark --mark 1", "-A PREROUTING -m socket", "-F PREROUTING"):
        rules(lab, rule, table="mangle")
        send(lab, ipv4(IPPROTO_UDP, id=5, mf=True), Udp(5000, 53, 40, 0), bytes(16))
        send(lab, ipv4(IPPROTO_UDP, id=5, frag=3), None, bytes(16))
    # Later pieces, and all others: two pieces, one datagram, two pieces.
    assert counted(lab, "PREROUTING", table="raw") == [2, 3]


def test_the_sockets_mark_becomes_the_packets() -> None:
    lab = routed()
    socket = lab.udp("r", 53)
    socket.mark = 7
    netns = lab["r"]
    skb = Skb(datagram(dst="10.0.0.254"), 1)
    assert match(lab, "-m socket --nowildcard --restore-skmark").compile(netns)(skb, netns, netns.link("r0"), None)
    assert skb.mark == 7


def test_an_answer_to_a_translated_connection_is_looked_for_under_its_first_source() -> None:
    lab = routed()
    lab.udp("r", 4000).bind(ip("10.0.0.254"))
    netns = lab["r"]
    skb = Skb(datagram("10.1.0.2", "10.0.0.254", 53, 5000), 1)
    test = match(lab, "-m socket --nowildcard").compile(netns)
    assert not test(skb, netns, netns.link("r1"), None)
    first = Flow(ip("10.0.0.254"), ip("10.1.0.2"), IPPROTO_UDP, 4000, 53)
    skb.ct = Connection(1, first, Flow(ip("10.1.0.2"), ip("10.0.0.254"), IPPROTO_UDP, 53, 5000))
    skb.ct.status = IPS_SRC_NAT_DONE
    skb.ctinfo = IP_CT_ESTABLISHED_REPLY
    assert test(skb, netns, netns.link("r1"), None)


@pytest.mark.parametrize(
    ("text", "status", "expected"),
    [
        ("SNAT", 0, False),
        ("SNAT", IPS_SRC_NAT, True),
        ("DNAT", IPS_SRC_NAT, False),
        ("SNAT,DNAT", IPS_DST_NAT, True),
        ("NEW,DNAT", 0, True),
        ("RELATED,DNAT", IPS_DST_NAT, True),
        ("RELATED,DNAT", IPS_SRC_NAT, False),
    ],
)
def test_what_was_translated_is_a_state_beside_the_others(text: str, status: int, *, expected: bool) -> None:
    lab = routed()
    skb = Skb(datagram(), 1)
    one = Flow(ip("10.0.0.1"), ip("10.1.0.2"), IPPROTO_UDP, 5000, 53)
    skb.ct = Connection(1, one, one)
    skb.ct.status, skb.ctinfo = status, IP_CT_NEW
    for negated in (False, True):
        test = match(lab, f"-m conntrack {'!' * negated} --ctstate {text}").compile(lab["r"])
        assert test(skb, lab["r"], None, None) is (expected is not negated)


@BOTH
def test_a_process_here_is_root_and_the_kernels_own_socket_is_nobodys(variant: str) -> None:
    lab = routed()
    texts = (
        "--uid-owner 0",
        "! --uid-owner 0",
        "--gid-owner 1-9",
        "--socket-exists",
        "! --socket-exists",
        "! --uid-owner 9 --socket-exists",
    )
    rules(lab, *(f"-A OUTPUT -m owner {text}" for text in texts), variant=variant)
    socket = lab.udp("r", 99)
    socket.send_to(ip("10.1.0.2"), 53, b"x")
    assert counted(lab, "OUTPUT", variant=variant) == [1, 0, 0, 1, 0, 1]
    burst(lab, dst="10.0.0.254", dport=7)  # port unreachable
    assert counted(lab, "OUTPUT", variant=variant) == [1, 1, 0, 2, 0, 2]


def test_what_is_forwarded_has_no_owner() -> None:
    lab = routed()
    rules(
        lab,
        *(f"-A POSTROUTING -m owner {text}" for text in ("! --socket-exists", "! --uid-owner 0", "--uid-owner 0")),
        table="mangle",
    )
    burst(lab)
    assert counted(lab, "POSTROUTING", table="mangle") == [1, 1, 0]


# -- what the packet carries with it --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "routed_", "came", "through"),
    [
        ("--physdev-in r0", False, True, True),
        ("! --physdev-in r0", True, False, False),
        ("--physdev-in r+", False, True, True),
        ("--physdev-out r1", False, False, True),
        ("! --physdev-out r1", True, False, False),
        ("! --physdev-out r9", True, False, True),
        ("--physdev-is-in", False, True, True),
        ("! --physdev-is-in", True, False, False),
        ("--physdev-is-out", False, False, True),
        ("! --physdev-is-out", True, True, False),
        ("--physdev-is-bridged", False, False, True),
        ("! --physdev-is-bridged", True, True, False),
        ("--physdev-in r0 ! --physdev-is-bridged", False, True, False),
    ],
)
def test_ports_of_a_bridge(text: str, *, routed_: bool, came: bool, through: bool) -> None:
    lab = routed()
    netns = lab["r"]
    test = match(lab, f"-m physdev {text}").compile(netns)
    found = []
    for bridge in (None, NfBridge(netns.link("r0")), NfBridge(netns.link("r0"), netns.link("r1"))):
        skb = Skb(datagram(), 1)
        skb.nf_bridge = bridge
        found.append(test(skb, netns, None, None))
    assert found == [routed_, came, through]


@pytest.mark.parametrize(("dst", "kind"), [("224.0.0.1", "multicast"), ("10.0.0.255", "broadcast")])
def test_a_copy_of_an_own_packet_counts_by_its_destination(dst: str, kind: str) -> None:
    lab = routed()
    skb = Skb(datagram(dst=dst), 1)
    skb.pkt_type = PACKET_LOOPBACK
    for name in ("unicast", "multicast", "broadcast", "otherhost"):
        assert match(lab, f"-m pkttype --pkt-type {name}").compile(lab["r"])(skb, lab["r"], None, None) is (
            name == kind
        )
    skb.pkt_type = PACKET_BROADCAST
    assert match(lab, "-m pkttype --pkt-type bcast").compile(lab["r"])(skb, lab["r"], None, None)


def test_a_member_that_comes_matches_at_once() -> None:
    lab = routed()
    sets = lab["r"].ipsets
    sets.create("s", "hash:ip", Create(family=AF_INET))
    rules(lab, "-A FORWARD -m set --match-set s src", "-A FORWARD -m set ! --match-set s src")
    burst(lab)
    lab.door("r").ipset_add("s", Adt(ip=ip("10.0.0.1")))
    burst(lab, 2)
    assert counted(lab) == [2, 1]


# -- headers that are cut off ---------------------------------------------------------------------------------------


CUT = Packet((IPv4(ip("10.0.0.1"), ip("10.1.0.2"), IPPROTO_TCP),), b"\x9c\x40\x00\x50" + bytes(6))


@pytest.mark.parametrize(
    "text", ["-p tcp -m tcp --tcp-option 2", "-p tcp -m tcp", "-p udp -m udp", "-p icmp --icmp-type 8"]
)
def test_a_header_that_is_cut_off_is_dropped(text: str) -> None:
    lab = routed()
    with pytest.raises(HotDrop):
        passes(lab, text, CUT)


def test_the_expressions_of_nft_read_what_there_is() -> None:
    lab = routed()
    netns = lab["r"]

    def nft(text: str) -> bool:
        return match(lab, text).compile_nft(netns)(Skb(CUT, 1), netns, None, None)

    assert nft("-p tcp --dport 80")
    assert nft("-p tcp ! --dport 81")
    assert not nft("-p tcp --dport 81")
    assert not nft("-p tcp ! --syn")
    for size, expected in ((13, False), (14, True)):
        cut = Packet(CUT.layers, (b"\x9c\x40\x00\x50" + bytes(8) + b"\x50\x10")[:size])
        skb = Skb(cut, 1)
        assert match(lab, "-p tcp ! --syn").compile_nft(netns)(skb, netns, None, None) is expected
    ports = Packet(CUT.layers, b"\x9c\x40\x00\x50")
    assert match(lab, "-p tcp --sport 40000 --dport 80").compile_nft(netns)(Skb(ports, 1), netns, None, None)


@BOTH
def test_who_dropped_it_is_told(variant: str) -> None:
    lab = routed()
    rules(lab, "-A PREROUTING -p tcp -m tcp --tcp-option 2", "-A PREROUTING", table="raw", variant=variant)
    send(lab, CUT.layers[0], payload=CUT.payload)  # type: ignore[arg-type]
    assert counted(lab, "PREROUTING", table="raw", variant=variant) == [0, 0]
    (drop,) = (each.event for each in lab.events(Dropped, "r"))
    assert (drop.by.table, drop.by.chain, drop.by.text) == ("raw", "PREROUTING", "hotdrop")  # type: ignore[union-attr]


def test_two_negated_ports_are_one_comparison_for_nft() -> None:
    lab = routed()
    netns = lab["r"]
    both = match(lab, "-p tcp ! --sport 1 ! --dport 2")
    found = {}
    for sport, dport in ((1, 2), (1, 3), (3, 2), (3, 3)):
        skb = Skb(Packet((IPv4(ip("10.0.0.1"), ip("10.1.0.2"), IPPROTO_TCP), Tcp(sport, dport))), 1)
        found[sport, dport] = (
            both.compile_nft(netns)(skb, netns, None, None),
            both.compile(netns)(skb, netns, None, None),
        )
    assert found == {(1, 2): (False, False), (1, 3): (True, False), (3, 2): (True, False), (3, 3): (True, True)}
