"""Headers and packets as values."""

from __future__ import annotations

import pytest

from podwire.wire.codec import to_bytes
from podwire.wire.headers import Arp, Ethernet, Icmp, IPv4, Tcp, Udp
from podwire.wire.packet import Packet, Quoted
from tests.wire.frames import BACK, FRAMES, IP1, IP2, MAC1, MAC2, THERE

IP = IPv4(IP1, IP2, 17)


@pytest.mark.parametrize(
    ("header", "size"),
    [
        (THERE, 14),
        (Arp(1, MAC1, IP1, MAC2, IP2), 28),
        (IP, 20),
        (IPv4(IP1, IP2, 17, options=bytes(12)), 32),
        (Icmp(8), 8),
        (Udp(1, 2, checksum=0), 8),
        (Tcp(1, 2, checksum=0), 20),
        (Tcp(1, 2, options=bytes(8), checksum=0), 28),
    ],
)
def test_the_size_of_a_header_is_that_of_its_bytes(header, size):
    assert header.size == len(to_bytes(Packet((header,)))) == size


def test_a_packet_is_pushed_and_pulled():
    packet = Packet((IP, Udp(1, 2)), b"data", b"tail")
    framed = packet.push(THERE)
    assert framed == Packet((THERE, IP, Udp(1, 2)), b"data", b"tail")
    assert framed.pull() == packet
    assert framed.size == 14 + 20 + 8 + 4


def test_a_layer_is_replaced():
    packet = Packet((THERE, IP, Udp(1, 2)), b"data", b"tail")
    assert packet.replace(0, BACK) == Packet((BACK, IP, Udp(1, 2)), b"data", b"tail")
    assert packet.replace(2, Udp(3, 4)) == Packet((THERE, IP, Udp(3, 4)), b"data", b"tail")
    with pytest.raises(AttributeError):
        packet.payload = b""  # type: ignore[misc]


def test_the_outermost_header_of_a_kind_is_found():
    outer = IPv4(IP2, IP1, 4)
    packet = Packet((THERE, outer, IP, Udp(1, 2)))
    assert packet.find(IPv4) is outer
    assert packet.find(Udp) == Udp(1, 2)
    assert packet.find(Tcp) is None


@pytest.mark.parametrize(("mf", "frag", "fragment"), [(False, 0, False), (True, 0, True), (False, 1, True)])
def test_fragments(mf, frag, fragment):
    assert IPv4(IP1, IP2, 17, mf=mf, frag=frag).is_fragment is fragment


def test_the_parts_of_an_icmp_header():
    echo = Icmp(8, 0, 0x12345678)
    assert (echo.id, echo.seq, echo.is_error) == (0x1234, 0x5678, False)
    assert (Icmp(3, 4, 1500).mtu, Icmp(3, 4).is_error) == (1500, True)
    assert (Icmp(8, 0, 0xFFFF).seq, Icmp(3, 4, 0xFFFF).mtu, Icmp(8, 0, 0xFFFF).id) == (0xFFFF, 0xFFFF, 0)


def test_a_quotation_is_as_long_as_it_says():
    packet = Packet((BACK, IP, Icmp(3, 3)), Quoted(FRAMES["UDP"][1].pull(), 28))
    assert len(packet.payload) == 28
    assert packet.size == len(to_bytes(packet))


def test_headers_are_equal_by_value():
    assert Ethernet(MAC1, MAC2) == Ethernet(MAC1, MAC2, 0x0800)
    assert hash(Ethernet(MAC1, MAC2)) == hash(Ethernet(MAC1, MAC2, 0x0800))
    assert Ethernet(MAC1, MAC2) != Ethernet(MAC2, MAC1)
