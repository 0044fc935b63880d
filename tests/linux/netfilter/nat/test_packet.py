"""Headers and checksums after a translation."""

from __future__ import annotations

import pytest

from podwire.linux.netfilter.nat.packet import csum_replace, nf_nat_ipv4_manip_pkt, sctp_compute_cksum
from podwire.wire.addr import Ip4
from podwire.wire.checksum import words
from podwire.wire.codec import from_bytes, to_bytes
from podwire.wire.headers import ICMP_ECHO, ICMP_TIMESTAMP, Icmp, IPv4, Tcp, Udp
from podwire.wire.packet import Packet

OLD, NEW, FAR = (Ip4.parse(text) for text in ("10.1.0.2", "10.0.0.10", "10.0.0.11"))
SCTP, UDPLITE, OTHER = 132, 136, 99


def _moved(packet: Packet, port: int = 77) -> Packet:
    return nf_nat_ipv4_manip_pkt(packet, NEW, port, source=True)


def test_only_one_side_changes() -> None:
    packet = Packet((IPv4(OLD, FAR, 6, ttl=9, tos=4, id=7, df=True), Tcp(4000, 80, 1, 2, 0x18, 3)), b"x", b"pad")
    assert _moved(packet) == Packet(
        (IPv4(NEW, FAR, 6, ttl=9, tos=4, id=7, df=True), Tcp(77, 80, 1, 2, 0x18, 3)), b"x", b"pad"
    )
    back = nf_nat_ipv4_manip_pkt(packet, NEW, 77, source=False)
    assert back.layers == (IPv4(OLD, NEW, 6, ttl=9, tos=4, id=7, df=True), Tcp(4000, 77, 1, 2, 0x18, 3))


@pytest.mark.parametrize("kind", [ICMP_ECHO, ICMP_TIMESTAMP])
def test_icmp_has_an_id_in_place_of_a_port(kind: int) -> None:
    packet = Packet((IPv4(OLD, FAR, 1), Icmp(kind, 0, 5 << 16 | 3)), b"x")
    assert _moved(packet).layers[1] == Icmp(kind, 0, 77 << 16 | 3)


def test_an_icmp_error_has_none() -> None:
    packet = Packet((IPv4(OLD, FAR, 1), Icmp(3, 1, 0)), b"x")
    assert _moved(packet).layers == (IPv4(NEW, FAR, 1), Icmp(3, 1, 0))


def test_protocols_without_ports_change_their_address_alone() -> None:
    assert _moved(Packet((IPv4(OLD, FAR, OTHER),), b"0123456789")) == Packet((IPv4(NEW, FAR, OTHER),), b"0123456789")


def test_a_later_fragment_has_no_ports() -> None:
    assert _moved(Packet((IPv4(OLD, FAR, SCTP, frag=5),), b"0123456789abcdef")).payload == b"0123456789abcdef"


@pytest.mark.parametrize("damage", [0, 1])
@pytest.mark.parametrize("proto", [6, 17])
def test_a_checksum_changes_by_as_much_as_the_packet_does(proto: int, damage: int) -> None:
    """RFC 1624: right stays right, wrong stays wrong by the same amount."""
    header = Tcp(4000, 80) if proto == 6 else Udp(4000, 80)
    place = 36 if proto == 6 else 26
    right = to_bytes(Packet((IPv4(OLD, FAR, proto), header), b"data"))
    stored = int.from_bytes(right[place : place + 2], "big")
    bad = csum_replace(stored, (0,), (damage,))
    data = right[:place] + bad.to_bytes(2, "big") + right[place + 2 :]
    moved = to_bytes(_moved(from_bytes(data, IPv4)))
    fresh = to_bytes(_moved(Packet((IPv4(OLD, FAR, proto), header), b"data")))
    expected = csum_replace(int.from_bytes(fresh[place : place + 2], "big"), (0,), (damage,))
    assert int.from_bytes(moved[place : place + 2], "big") == expected
    assert moved[12:20] == fresh[12:20]


def test_a_udp_checksum_of_zero_means_none() -> None:
    packet = Packet((IPv4(OLD, FAR, 17), Udp(4000, 80, checksum=0)), b"x")
    assert _moved(packet).layers[1] == Udp(77, 80, checksum=0)


def test_sctp_has_a_crc_of_everything() -> None:
    """RFC 9260, appendix A; the CRC32c of "123456789" is E3069283."""
    assert sctp_compute_cksum(b"12345678" + bytes(4))[::-1].hex() == f"{_crc32c(b'12345678' + bytes(4)):08x}"
    assert _crc32c(b"123456789") == 0xE3069283
    data = bytes.fromhex("0fa00050 00000001 ffffffff") + b"chunk"
    moved = _moved(Packet((IPv4(OLD, FAR, SCTP),), data)).payload
    assert isinstance(moved, bytes)
    assert moved[:8] == bytes.fromhex("004d0050 00000001")
    assert int.from_bytes(moved[8:12], "little") == _crc32c(moved[:8] + bytes(4) + b"chunk")
    quoted = nf_nat_ipv4_manip_pkt(Packet((IPv4(OLD, FAR, SCTP),), data[:8]), NEW, 77, source=False).payload
    assert quoted == bytes.fromhex("0fa0004d 00000001")


def _crc32c(data: bytes) -> int:
    table = []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
        table.append(number)
    crc = 0xFFFFFFFF
    for octet in data:
        crc = crc >> 8 ^ table[(crc ^ octet) & 0xFF]
    return crc ^ 0xFFFFFFFF


def test_udplite_has_a_checksum_over_its_addresses() -> None:
    def check(src: Ip4, payload: bytes) -> int:
        pseudo = src + FAR + UDPLITE + len(payload)
        return (pseudo + words(payload)) % 65535

    body = bytes.fromhex("0fa00050 0000 0000") + b"data"
    total = check(OLD, body)
    data = body[:6] + (0xFFFF - total).to_bytes(2, "big") + body[8:]
    assert check(OLD, data) == 0
    moved = _moved(Packet((IPv4(OLD, FAR, UDPLITE),), data)).payload
    assert isinstance(moved, bytes)
    assert moved[:4] == bytes.fromhex("004d0050")
    assert check(NEW, moved) == 0
