"""Packets to scapy and back."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from scapy.config import conf
from scapy.layers.dns import DNS
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_Router_Alert
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot3, Ether
from scapy.packet import Raw

from podwire.errors import NotModelled, PodwireError
from podwire.export.scapy import Given, from_scapy, to_scapy
from podwire.wire.addr import ANY4, NO_MAC, Ip4, Mac
from podwire.wire.codec import DecodeError, from_bytes, to_bytes
from podwire.wire.headers import TCP_ACK, TCP_SYN, Arp, Ethernet, Geneve, Icmp, IPv4, Tcp, Udp, Vxlan
from podwire.wire.packet import Packet, Quoted
from tests.wire.frames import BACK, FRAMES, IP1, IP2, MAC1, THERE
from tests.wire.strategies import FUZZ, almost_frames, packets

DST = Ip4.parse("10.0.0.1")


@pytest.fixture(autouse=True)
def _blind(monkeypatch):
    """Let scapy see nothing of this machine: whoever looks for a route, a neighbour or an interface fails."""

    def look(*args: Any, **kwargs: Any) -> Any:
        pytest.fail("scapy looked at the host")

    monkeypatch.setattr(conf.route, "route", look)
    monkeypatch.setattr(conf.route6, "route", look)
    monkeypatch.setattr(conf.neighbor, "resolve", look)
    monkeypatch.setattr("scapy.layers.l2.resolve_iface", look)


# -------------------------------------------------------------------------------------------------------------- to scapy


@pytest.mark.parametrize("name", FRAMES)
def test_scapy_gets_our_bytes(name):
    text, packet = FRAMES[name]
    theirs = to_scapy(packet)
    assert type(theirs) is Ether
    assert bytes(theirs).hex() == text
    rebuilt = Ether(bytes(theirs))
    assert rebuilt == theirs
    assert from_scapy(theirs)[0] == packet


@FUZZ
@given(packets())
def test_any_packet_there_and_back(packet: Packet):
    theirs = to_scapy(packet)
    back, given_ = from_scapy(theirs)
    assert bytes(theirs) == to_bytes(packet)
    assert back == packet
    assert len(given_.layers) == len(packet.layers)
    assert all(given_.has(0, name) for name in ("dst", "src", "type"))


@FUZZ
@given(almost_frames())
def test_damaged_frames_keep_their_bytes(data: bytes):
    packet = from_bytes(data)
    theirs = to_scapy(packet)
    assert bytes(theirs) == data
    assert from_scapy(theirs)[0] == packet


def test_scapy_dissects_what_is_inside():
    assert to_scapy(FRAMES["SYN"][1])[TCP].options == [
        ("MSS", 1420),
        ("SAckOK", b""),
        ("Timestamp", (745123544, 0)),
        ("NOP", None),
        ("WScale", 10),
    ]
    error = Packet((BACK, IPv4(IP2, IP1, 1), Icmp(3, 3)), Quoted(FRAMES["UDP"][1].pull(), 28))
    assert to_scapy(error)["UDP in ICMP"].dport == 5353
    query = bytes(DNS(id=7))
    assert to_scapy(Packet((IPv4(IP1, IP2, 17), Udp(1, 53)), query))[DNS].id == 7


@pytest.mark.parametrize(
    ("layers", "kind"),
    [
        ((IPv4(IP1, IP2, 17), Udp(1, 2)), IP),
        ((Arp(1, MAC1, IP1, NO_MAC, IP2),), ARP),
        ((THERE, IPv4(IP1, IP2, 17)), Ether),
    ],
)
def test_the_first_layer(layers, kind):
    theirs = to_scapy(Packet(layers))
    assert type(theirs) is kind
    assert from_scapy(theirs)[0] == Packet(layers)


@pytest.mark.parametrize(("layers", "what"), [((Udp(1, 2),), "Udp"), ((), "its payload")])
def test_what_scapy_does_not_get(layers, what):
    with pytest.raises(NotModelled, match=f"scapy: not modelled: a packet that begins with {what}"):
        to_scapy(Packet(layers))


def test_time_and_device():
    theirs = to_scapy(FRAMES["UDP"][1], time=1_790_962_799_685_402_123, device="eth0")
    assert theirs.time == Decimal("1790962799.685402123")
    assert float(theirs.time) == 1790962799.685402123
    assert theirs.sniffed_on == "eth0"
    # The clock of this machine is nowhere: a packet without a time is of time 0.
    assert to_scapy(FRAMES["UDP"][1]).time == 0
    assert to_scapy(FRAMES["UDP"][1]).sniffed_on is None


# ------------------------------------------------------------------------------------------------------------ from scapy


def test_a_packet_with_hardly_anything_given():
    packet, given_ = from_scapy(IP(dst="10.0.0.1") / UDP(dport=53))
    assert packet == Packet((IPv4(ANY4, DST, 17, id=1), Udp(53, 53)))
    assert given_ == Given((frozenset({"dst", "proto", "frag"}), frozenset({"dport"})))
    assert given_.has(0, "dst")
    assert not given_.has(0, "src")
    assert not given_.has(1, "sport")


def test_a_frame_with_hardly_anything_given():
    packet, given_ = from_scapy(Ether() / IP(dst="10.0.0.1", ttl=3) / ICMP() / b"data")
    assert packet == Packet((Ethernet(NO_MAC, NO_MAC), IPv4(ANY4, DST, 1, 3, id=1), Icmp(8)), b"data")
    assert given_.layers == (frozenset({"type"}), frozenset({"dst", "ttl", "proto", "frag"}), frozenset())


def test_a_frame_with_everything_given():
    theirs = (
        Ether(dst="02:00:00:00:00:02", src="02:00:00:00:00:01")
        / IP(src="1.2.3.4", dst="10.0.0.1", id=9, tos=4, ttl=5, flags="DF", options=[IPOption_Router_Alert()])
        / TCP(sport=1, dport=2, seq=3, ack=4, flags="SA", window=6, urgptr=7, options=[("MSS", 1460)])
    )
    packet, given_ = from_scapy(theirs)
    ip = IPv4(Ip4.parse("1.2.3.4"), DST, 6, 5, 4, 9, df=True, options=b"\x94\x04\0\0")
    tcp = Tcp(1, 2, 3, 4, TCP_SYN | TCP_ACK, 6, 7, b"\x02\x04\x05\xb4")
    assert packet == Packet((THERE, ip, tcp))
    assert given_.layers == (
        frozenset({"dst", "src", "type"}),
        frozenset({"src", "dst", "id", "tos", "ttl", "df", "mf", "evil", "options", "proto", "frag"}),
        frozenset({"sport", "dport", "seq", "ack", "flags", "window", "urgent", "options"}),
    )
    assert to_bytes(packet) == bytes(theirs)


def test_the_parts_of_an_echo():
    packet, given_ = from_scapy(IP(dst="10.0.0.1") / ICMP(id=7, seq=9))
    assert packet.layers[1] == Icmp(8, 0, 7 << 16 | 9)
    assert given_.layers[1] == {"rest", "id", "seq"}
    packet, given_ = from_scapy(IP(dst="10.0.0.1") / ICMP(type=3, code=4, nexthopmtu=1400))
    assert packet.layers[1] == Icmp(3, 4, 1400)
    assert given_.layers[1] == {"type", "code", "rest"}


@pytest.mark.parametrize(
    ("kind", "field", "value", "rest"),
    [
        (3, "reserved", 1, 0x01000000),
        (3, "length", 1, 0x00010000),
        (5, "gw", "10.0.0.1", 0x0A000001),
        (11, "unused", 5, 5),
        (12, "ptr", 20, 0x14000000),
    ],
)
def test_the_rest_of_an_icmp_header(kind, field, value, rest):
    packet, given_ = from_scapy(IP(dst="10.0.0.1") / ICMP(type=kind, **{field: value}))
    header = packet.layers[1]
    assert isinstance(header, Icmp)
    assert header.rest == rest
    assert given_.layers[1] == {"type", "rest"}


def test_the_reserved_bits_of_tcp():
    packet, given_ = from_scapy(IP(dst="10.0.0.1") / TCP(reserved=1))
    assert packet.layers[1] == Tcp(20, 80, window=8192, reserved=2)
    assert given_.layers[1] == {"reserved"}


def test_what_scapy_calls_802_3():
    packet, given_ = from_scapy(Dot3() / b"data")
    assert packet == Packet((Ethernet(NO_MAC, NO_MAC, 4),), b"data")
    assert given_.layers == (frozenset(),)
    packet, given_ = from_scapy(Dot3(dst="02:00:00:00:00:02", src="02:00:00:00:00:01", len=9))
    assert packet == Packet((Ethernet(THERE.dst, THERE.src, 9),))
    assert given_.layers == (frozenset({"dst", "src", "type"}),)


def test_an_inner_datagram_that_ends_early():
    theirs = IP(src="10.0.0.1", dst="10.0.0.2") / IP(src="10.0.0.3", dst="10.0.0.4", len=28) / UDP() / b"behind"
    packet, _ = from_scapy(theirs)
    assert packet.trailer == b"behind"
    # The lengths of both headers are as they were; that of UDP is what is left for it.
    assert to_bytes(packet)[:40] == bytes(theirs)[:40]
    assert packet.layers[2] == Udp(53, 53)


def test_arp():
    packet, given_ = from_scapy(Ether(dst="ff:ff:ff:ff:ff:ff") / ARP(pdst="10.0.0.1"))
    assert packet == Packet((Ethernet(Mac(2**48 - 1), NO_MAC, 0x0806), Arp(1, NO_MAC, ANY4, NO_MAC, DST)))
    assert given_.layers == (frozenset({"dst", "type"}), frozenset({"tpa"}))
    alone, given_ = from_scapy(
        ARP(op=2, hwsrc="02:00:00:00:00:01", psrc="10.9.0.1", hwdst="02:00:00:00:00:02", pdst="10.0.0.1")
    )
    assert alone == Packet((Arp(2, MAC1, IP1, THERE.dst, DST),))
    assert given_.layers == (frozenset({"op", "sha", "spa", "tha", "tpa"}),)


def test_wrong_numbers_that_were_given_are_kept():
    theirs = IP(dst="10.0.0.1", chksum=5, len=99) / UDP(chksum=0, len=3)
    packet, given_ = from_scapy(theirs)
    assert packet.layers == (IPv4(ANY4, DST, 17, id=1, total_length=99, checksum=5), Udp(53, 53, 3, 0))
    assert {"total_length", "checksum"} <= given_.layers[0]
    assert {"length", "checksum"} <= given_.layers[1]


def test_numbers_of_the_whole_are_not_made_up():
    # A first fragment, and a datagram of which the end is missing: scapy computes over what is there.
    packet, _ = from_scapy(IP(dst="10.0.0.1", flags="MF") / UDP() / b"12345678")
    assert packet.layers[1] == Udp(53, 53)
    packet, _ = from_scapy(IP(dst="10.0.0.1", len=99) / TCP())
    assert packet.layers == (IPv4(ANY4, DST, 6, id=1, total_length=99), Tcp(20, 80, window=8192))


def test_ip_in_ip_and_what_came_as_bytes():
    packet, given_ = from_scapy(IP(dst="10.0.0.1") / IP(dst="10.0.0.2", src="10.0.0.3") / UDP(sport=1))
    assert packet.layers == (IPv4(ANY4, DST, 4, id=1), IPv4(Ip4(DST + 2), Ip4(DST + 1), 17, id=1), Udp(1, 53))
    assert given_.layers[1:] == (frozenset({"src", "dst", "proto", "frag"}), frozenset({"sport"}))
    packet, given_ = from_scapy(IP(dst="10.0.0.1", proto=17) / Raw(b"\0\1\0\2\0\x08\0\0"))
    assert packet.layers[1] == Udp(1, 2, checksum=0)
    assert given_.layers[1] == {"sport", "dport", "length", "checksum"}


def test_an_error_that_scapy_built():
    theirs = IP(dst="10.0.0.1") / ICMP(type=3, code=3) / IP(dst="10.0.0.2") / UDP(dport=7)
    packet, given_ = from_scapy(theirs)
    assert packet.payload == to_bytes(Packet((IPv4(ANY4, Ip4(DST + 1), 17, id=1), Udp(53, 7))))
    assert len(given_.layers) == 2


def test_the_host_does_not_show_through():
    # Each would be filled from the routes, the interfaces, the neighbours or the clock of this machine.
    assert from_scapy(Ether() / ARP())[0].layers == (
        Ethernet(NO_MAC, NO_MAC, 0x0806),
        Arp(1, NO_MAC, ANY4, NO_MAC, ANY4),
    )
    packet, _ = from_scapy(Ether() / IPv6(dst="fe80::1"))
    assert packet.layers == (Ethernet(NO_MAC, NO_MAC, 0x86DD),)
    assert from_scapy(IP(dst="10.0.0.1") / ICMP(type=13))[0].payload == bytes(12)


def test_the_packet_given_is_not_changed():
    theirs = Ether() / IP(dst="10.0.0.1") / UDP()
    before = [dict(layer.fields) for layer in (theirs, theirs[IP], theirs[UDP])]
    from_scapy(theirs)
    assert [layer.fields for layer in (theirs, theirs[IP], theirs[UDP])] == before


@pytest.mark.parametrize(
    ("theirs", "error", "message"),
    [
        (b"bytes", PodwireError, "expected a scapy packet, got bytes"),
        (IP(dst="10.0.0.0/30"), PodwireError, "this scapy packet describes 4 packets"),
        (IP(dst="10.0.0.1") / UDP(dport=[1, 2]), PodwireError, "this scapy packet describes 2 packets"),
        (UDP(), NotModelled, "scapy: not modelled: a packet that begins with UDP"),
        (IPv6(), NotModelled, "scapy: not modelled: a packet that begins with IPv6"),
        (IP(dst="10.0.0.1", ihl=3), DecodeError, "header length 12"),
        (IP(dst="10.0.0.1", ttl=300), PodwireError, "scapy cannot build <IP.*ttl=300"),
    ],
)
def test_what_is_no_packet_for_us(theirs, error, message):
    with pytest.raises(error, match=message):
        from_scapy(theirs)


def test_scapy_is_loaded_when_it_is_used():
    code = (
        "import sys, pkgutil, importlib, podwire.wire, podwire.export\n"
        "for package in (podwire.wire, podwire.export):\n"
        "    for module in pkgutil.iter_modules(package.__path__, package.__name__ + '.'):\n"
        "        importlib.import_module(module.name)\n"
        "assert 'podwire.export.scapy' in sys.modules\n"
        "assert not [name for name in sys.modules if name.split('.')[0] == 'scapy']\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(("port", "outer", "name"), [(6081, Geneve(7), "GENEVE"), (4789, Vxlan(7), "VXLAN")])
def test_what_is_inside_a_tunnel_is_dissected_too(port, outer, name):
    mac, ip = Mac.parse("02:00:00:00:00:01"), Ip4.parse("10.0.0.1")
    inner = (Ethernet(mac, mac), IPv4(ip, ip, 1), Icmp(8))
    theirs = to_scapy(Packet((Ethernet(mac, mac), IPv4(ip, ip, 17), Udp(1, port), outer, *inner), b"x"))
    names = [layer.__name__ for layer in theirs.layers()]
    assert names == ["Ether", "IP", "UDP", name, "Ether", "IP", "ICMP", "Raw"]
