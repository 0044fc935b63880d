"""The codec by example: frames of a real machine, and one example for each thing that may be wrong with a packet."""

from __future__ import annotations

import pickle
import timeit
from time import process_time

import pytest

from podwire.errors import PodwireError
from podwire.wire.addr import Ip4, Ip6, Mac
from podwire.wire.codec import DecodeError, EncodeError, from_bytes, quoted, to_bytes
from podwire.wire.headers import AnyHeader, Arp, Ethernet, Icmp, IPv4, Tcp, Udp
from podwire.wire.packet import Packet, Quoted
from tests.wire.frames import BACK, ECHO_PAYLOAD, FRAMES, IP1, IP2, MAC1, THERE, UNREACHABLE_QUOTE

UDP = IPv4(IP1, IP2, 17, id=1)
QUESTION = Packet((THERE, UDP, Udp(1000, 53)), b"question")


def cut(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


@pytest.mark.parametrize("name", FRAMES)
def test_a_real_frame_is_read_and_written(name):
    text, packet = FRAMES[name]
    assert from_bytes(bytes.fromhex(text)) == packet
    assert to_bytes(packet).hex() == text
    assert packet.size == len(text) // 2


def test_raw_ip_begins_with_ipv4():
    packet = QUESTION.pull()
    data = to_bytes(packet)
    assert data == to_bytes(QUESTION)[14:]
    assert from_bytes(data, IPv4) == packet


def test_arp_without_a_frame():
    arp = Arp(1, MAC1, IP1, Mac(0), IP2)
    assert from_bytes(to_bytes(Packet((arp,))), Arp) == Packet((arp,))


# ------------------------------------------------------------------------------------------------------ bytes behind it


def test_padding_of_a_short_frame_is_the_trailer():
    data = to_bytes(QUESTION)
    padded = data.ljust(60, b"\0")
    assert from_bytes(padded) == Packet(QUESTION.layers, b"question", bytes(60 - len(data)))
    assert to_bytes(from_bytes(padded)) == padded


def test_padding_behind_arp_is_the_trailer():
    text, packet = FRAMES["ARP request"]
    assert from_bytes(bytes.fromhex(text) + bytes(18)) == Packet(packet.layers, trailer=bytes(18))


def test_ip_in_ip():
    outer = IPv4(Ip4(1), Ip4(2), 4, ttl=63)
    packet = Packet((THERE, outer, UDP, Udp(1, 2)), b"x")
    data = to_bytes(packet)
    assert from_bytes(data) == packet
    assert (data[16:18], data[36:38]) == (bytes((0, 49)), bytes((0, 29)))


def test_an_inner_datagram_that_ends_early_leaves_the_outer_length():
    inner = to_bytes(Packet((UDP, Udp(1, 2)), b"x"))
    outer = IPv4(Ip4(1), Ip4(2), 4)
    middle = IPv4(Ip4(3), Ip4(4), 4)
    data = to_bytes(Packet((THERE, outer, middle), inner + b"slack")) + b"padding"
    packet = from_bytes(data)
    assert packet.layers[1:] == (
        IPv4(Ip4(1), Ip4(2), 4, total_length=74),
        IPv4(Ip4(3), Ip4(4), 4, total_length=54),
        UDP,
        Udp(1, 2),
    )
    assert (packet.payload, packet.trailer) == (b"x", b"slackpadding")
    assert to_bytes(packet) == data


def test_an_inner_datagram_of_raw_ip_that_ends_early():
    inner = to_bytes(Packet((UDP, Udp(1, 2)), b"x"))
    data = to_bytes(Packet((IPv4(Ip4(1), Ip4(2), 4),), inner + b"slack"))
    packet = from_bytes(data, IPv4)
    assert packet == Packet((IPv4(Ip4(1), Ip4(2), 4, total_length=54), UDP, Udp(1, 2)), b"x", b"slack")
    assert to_bytes(packet) == data


def test_lengths_that_two_inner_datagrams_cut_are_kept_once():
    innermost = to_bytes(Packet((UDP, Udp(1, 2)), b"x")) + b"aa"
    middle = to_bytes(Packet((IPv4(Ip4(3), Ip4(4), 4),), innermost)) + b"bbb"
    data = to_bytes(Packet((THERE, IPv4(Ip4(1), Ip4(2), 4)), middle)) + b"cccc"
    packet = from_bytes(data)
    assert [h.total_length for h in packet.layers if isinstance(h, IPv4)] == [74, 51, None]
    assert packet.trailer == b"aabbbcccc"
    assert to_bytes(packet) == data


def test_three_thousand_tunnels_need_no_stack():
    packet = Packet((IPv4(IP1, IP2, 4),) * 3000 + (UDP,), b"")
    assert from_bytes(to_bytes(packet), IPv4) == packet


# ------------------------------------------------------------------------------------------------ numbers that are wrong


@pytest.mark.parametrize(
    ("at", "new", "layer", "name", "value"),
    [
        (24, b"\xab\xcd", 1, "checksum", 0xABCD),
        (24, b"\0\0", 1, "checksum", 0),
        (16, b"\0\x64", 1, "total_length", 100),
        (38, b"\0\x09", 2, "length", 9),
        (38, b"\0\0", 2, "length", 0),
        (40, b"\x12\x34", 2, "checksum", 0x1234),
        (40, b"\0\0", 2, "checksum", 0),
    ],
)
def test_a_wrong_number_is_kept(at, new, layer, name, value):
    data = cut(to_bytes(QUESTION), at, new)
    packet = from_bytes(data)
    assert getattr(packet.layers[layer], name) == value
    assert packet.payload == b"question"
    assert to_bytes(packet) == data


@pytest.mark.parametrize(("proto", "header"), [(1, Icmp(8, 0, 0x10001)), (6, Tcp(1, 2)), (17, Udp(1, 2))])
@pytest.mark.parametrize("payload", [b"", b"odd", b"even"])
def test_a_flipped_bit_breaks_the_checksum(proto, header, payload):
    data = to_bytes(Packet((THERE, IPv4(IP1, IP2, proto), header), payload))
    assert from_bytes(data).layers[2] == header
    for at in range(34, len(data)):
        damaged = from_bytes(cut(data, at, bytes((data[at] ^ 0x10,))))
        assert len(damaged.layers) == 2 or getattr(damaged.layers[2], "checksum") is not None  # noqa: B009


def test_the_pseudo_header_is_covered():
    frame = to_bytes(QUESTION)
    other = QUESTION.replace(1, IPv4(IP1, Ip4(IP2 + 1), 17, id=1))
    assert to_bytes(other)[40:42] != frame[40:42]
    kept = from_bytes(cut(to_bytes(other), 40, frame[40:42])).layers[2]
    assert isinstance(kept, Udp)
    assert kept.checksum == int.from_bytes(frame[40:42])


def test_a_udp_checksum_that_would_be_zero_is_all_ones():
    ip = IPv4(Ip4(0), Ip4(0), 17)
    # 17 + 8 in the pseudo header, 8 in the length: the ports make 0xffff of it.
    packet = Packet((ip, Udp(0xFFFF - 17 - 8 - 8, 0)))
    data = to_bytes(packet)
    assert data[26:28] == b"\xff\xff"
    assert from_bytes(data, IPv4) == packet
    assert from_bytes(cut(data, 26, b"\0\0"), IPv4).layers[1] == Udp(0xFFFF - 33, 0, checksum=0)


def test_a_tcp_checksum_of_zero_stays_zero():
    packet = Packet((IPv4(Ip4(0), Ip4(0), 6), Tcp(0xFFFF - 6 - 20 - 0x5002, 0)))
    data = to_bytes(packet)
    assert data[36:38] == b"\0\0"
    assert from_bytes(data, IPv4) == packet
    ones = from_bytes(cut(data, 36, b"\xff\xff"), IPv4).layers[1]
    assert isinstance(ones, Tcp)
    assert ones.checksum == 0xFFFF


@pytest.mark.parametrize(
    ("header", "payload", "computed", "other"),
    [
        (Icmp(0), b"", b"\xff\xff", b"\0\0"),
        (Icmp(0), bytes(3), b"\xff\xff", b"\0\0"),
        (Icmp(0xFF, 0xFF), b"", b"\0\0", b"\xff\xff"),
        (Icmp(0, 0, 0xFFFF), bytes(2), b"\0\0", b"\xff\xff"),
        (Icmp(0), b"\xff\xff", b"\0\0", b"\xff\xff"),
        (Icmp(0), b"\1\0", b"\xfe\xff", b"\xff\xff"),
    ],
)
def test_the_two_zeros_of_an_icmp_checksum(header, payload, computed, other):
    packet = Packet((IPv4(IP1, IP2, 1), header), payload)
    data = to_bytes(packet)
    assert data[22:24] == computed
    assert from_bytes(data, IPv4) == packet
    kept = from_bytes(cut(data, 22, other), IPv4)
    assert getattr(kept.layers[1], "checksum") == int.from_bytes(other)  # noqa: B009
    assert to_bytes(kept) == cut(data, 22, other)


def test_an_ipv4_checksum_of_all_ones_is_never_the_computed_one():
    # The words of this header without checksum make 0xffff.
    ip = IPv4(Ip4(0), Ip4(0xFFFF - 0x4500 - 20 - 0x4000 - 1), 1)
    data = to_bytes(Packet((ip,)))
    assert data[10:12] == b"\0\0"
    assert from_bytes(data, IPv4) == Packet((ip,))
    assert from_bytes(cut(data, 10, b"\xff\xff"), IPv4).layers[0] != ip


def test_a_truncated_datagram_keeps_the_numbers_of_the_whole():
    data = to_bytes(QUESTION)
    check = int.from_bytes(data[40:42])
    whole = IPv4(IP1, IP2, 17, id=1, total_length=36)
    for lost in range(1, 8):
        expected = Packet((THERE, whole, Udp(1000, 53, 16, check)), b"question"[:-lost])
        assert from_bytes(data[:-lost]) == expected
    # Zeros do not change a sum: the checksum fits what is left, and is not said to be computed all the same.
    data = to_bytes(Packet((IPv4(IP1, IP2, 1), Icmp(8)), bytes(8)))
    short = from_bytes(data[:-4], IPv4).layers
    assert short == (IPv4(IP1, IP2, 1, total_length=36), Icmp(8, checksum=0xF7FF))


def test_a_first_fragment_keeps_the_numbers_of_the_whole():
    fragment = Packet((IPv4(IP1, IP2, 17, mf=True), Udp(1, 2)), b"12345678")
    length, check = to_bytes(fragment)[24:26], to_bytes(fragment)[26:28]
    read = from_bytes(to_bytes(fragment), IPv4)
    assert read.layers[1] == Udp(1, 2, int.from_bytes(length), int.from_bytes(check))
    assert to_bytes(read) == to_bytes(fragment)


def test_a_later_fragment_has_no_header_inside():
    packet = Packet((IPv4(IP1, IP2, 17, mf=True, frag=1),), to_bytes(QUESTION)[34:])
    assert from_bytes(to_bytes(packet), IPv4) == packet


# -------------------------------------------------------------------------------------------------- what cannot be read


@pytest.mark.parametrize(
    ("at", "new"),
    [
        (14, b"\x65"),  # version 6
        (14, b"\x44"),  # header of 16 bytes
        (14, b"\x4f"),  # header of 60 bytes: more than there is
        (12, b"\x86\xdd"),
        (12, b"\x88\xcc"),
    ],
)
def test_what_is_not_ipv4_is_payload(at, new):
    data = cut(to_bytes(QUESTION), at, new)
    packet = from_bytes(data)
    assert packet == Packet((Ethernet(THERE.dst, THERE.src, int.from_bytes(data[12:14])),), data[14:])
    assert to_bytes(packet) == data


@pytest.mark.parametrize("length", [0, 19])
def test_a_length_shorter_than_the_header_ends_nothing(length):
    data = cut(to_bytes(QUESTION), 16, length.to_bytes(2))
    packet = from_bytes(data)
    assert packet.layers[1:] == (IPv4(IP1, IP2, 17, id=1, total_length=length, checksum=int.from_bytes(data[24:26])),)
    assert (packet.payload, packet.trailer) == (data[34:], b"")
    assert to_bytes(packet) == data


@pytest.mark.parametrize(("offset", "layers"), [(4, 2), (5, 3), (6, 3), (7, 2), (15, 2)])
def test_a_bad_data_offset_of_tcp(offset, layers):
    data = to_bytes(Packet((THERE, IPv4(IP1, IP2, 6), Tcp(1, 2, options=bytes(4)))))
    data = cut(data, 46, bytes((offset << 4,)))
    packet = from_bytes(data)
    assert len(packet.layers) == layers
    assert to_bytes(packet) == data


@pytest.mark.parametrize(("proto", "size"), [(1, 7), (17, 7), (6, 19), (4, 19)])
def test_a_header_that_is_not_all_there_is_payload(proto, size):
    ip = IPv4(IP1, IP2, proto)
    short = b"\x45" + bytes(size - 1)
    assert from_bytes(to_bytes(Packet((ip,), short)), IPv4) == Packet((ip,), short)
    assert len(from_bytes(to_bytes(Packet((ip,), b"\x50" * (size + 1))), IPv4).layers) == (1 if proto == 4 else 2)


@pytest.mark.parametrize("at", [14, 16, 18, 19])
def test_arp_of_another_kind_is_payload(at):
    data = bytes.fromhex(FRAMES["ARP reply"][0])
    data = cut(data, at, bytes((data[at] ^ 3,)))
    assert from_bytes(data) == Packet((Ethernet(MAC1, BACK.src, 0x0806),), data[14:])


def test_arp_that_is_not_all_there_is_payload():
    data = bytes.fromhex(FRAMES["ARP reply"][0])[:-1]
    assert from_bytes(data) == Packet((Ethernet(MAC1, BACK.src, 0x0806),), data[14:])


@pytest.mark.parametrize(
    ("first", "data", "message"),
    [
        (Ethernet, b"", "an Ethernet header has 14 bytes, got 0 bytes"),
        (Ethernet, b"x", "an Ethernet header has 14 bytes, got 1 byte"),
        (IPv4, bytes(19), "an IPv4 header has at least 20 bytes, got 19 bytes"),
        (
            IPv4,
            b"\x60" + bytes(39),
            "expected an IPv4 header, got 40 bytes that begin with version 6, header length 0",
        ),
        (
            IPv4,
            b"\x4f" + bytes(39),
            "expected an IPv4 header, got 40 bytes that begin with version 4, header length 60",
        ),
        (
            IPv4,
            b"\x44" + bytes(19),
            "expected an IPv4 header, got 20 bytes that begin with version 4, header length 16",
        ),
        (
            Arp,
            b"\0\6" + bytes(26),
            "ARP for IPv4 over Ethernet has 28 bytes and begins with 000108000604, got 28 bytes: 000600000000",
        ),
    ],
)
def test_only_the_first_header_has_to_be_there(first, data, message):
    with pytest.raises(DecodeError) as caught:
        from_bytes(data, first)
    assert str(caught.value) == message
    assert isinstance(caught.value, PodwireError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == message


# ------------------------------------------------------------------------------------------------- what has no bytes


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((IPv4(IP1, IP2, 256),), "a value of IPv4.* does not fit its field"),
        ((IPv4(IP1, IP2, 17, ttl=-1),), "a value of IPv4.* does not fit its field"),
        ((IPv4(IP1, IP2, 17, tos=256, checksum=0),), "a value of IPv4.* does not fit its field"),
        ((IPv4(Ip6(2**32), IP2, 17),), "a value of IPv4.* does not fit its field"),
        ((IPv4(IP1, IP2, 17, frag=0x2000),), "fragment offset 8192: the field holds up to 8191"),
        ((IPv4(IP1, IP2, 17, frag=-1),), "a value of IPv4.* does not fit its field"),
        ((IPv4(IP1, IP2, 17, options=b"1"),), "IPv4 options of 1 bytes"),
        ((IPv4(IP1, IP2, 17, options=b"12"),), "IPv4 options of 2 bytes"),
        ((IPv4(IP1, IP2, 17, options=bytes(44)),), "IPv4 options of 44 bytes"),
        ((UDP, Tcp(1, 2, options=b"1")), "TCP options of 1 bytes"),
        ((UDP, Tcp(1, 2, options=b"12")), "TCP options of 2 bytes"),
        ((UDP, Tcp(1, 2, options=bytes(44))), "TCP options of 44 bytes"),
        ((UDP, Tcp(1, 2, reserved=16)), "reserved bits 16"),
        ((UDP, Tcp(1, 2, reserved=-1)), "a value of Tcp.* does not fit its field"),
        ((UDP, Tcp(1, 2, flags=256)), "a value of Tcp.* does not fit its field"),
        ((UDP, Udp(65536, 2)), "a value of Udp.* does not fit its field"),
        ((UDP, Icmp(8, 0, 2**32)), "a value of Icmp.* does not fit its field"),
        ((Ethernet(Mac(2**48), MAC1),), "a value of Ethernet.* does not fit its field"),
        ((Ethernet(MAC1, Mac(2**48)),), "a value of Ethernet.* does not fit its field"),
        ((Arp(1, Mac(2**48), IP1, MAC1, IP2),), "a value of Arp.* does not fit its field"),
        ((Udp(1, 2),), "the checksum of Udp covers the addresses of IPv4, but nothing is before it"),
        ((THERE, Tcp(1, 2)), "the checksum of Tcp covers the addresses of IPv4, but Ethernet is before it"),
    ],
)
def test_a_packet_that_has_no_bytes(layers: tuple[AnyHeader, ...], message):
    with pytest.raises(EncodeError, match=message) as caught:
        to_bytes(Packet(layers))
    assert isinstance(caught.value, PodwireError)


def test_a_datagram_too_long_for_its_field():
    assert len(to_bytes(Packet((UDP,), bytes(65515)))) == 65535
    with pytest.raises(EncodeError, match="does not fit"):
        to_bytes(Packet((UDP,), bytes(65516)))


def test_the_largest_values_fit():
    packet = Packet((IPv4(IP1, IP2, 6, frag=0x1FFF), Tcp(1, 2, flags=255, reserved=15)))
    assert to_bytes(packet)[6:8] == b"\x1f\xff"
    assert to_bytes(packet)[32:34] == b"\x5f\xff"


def test_forty_bytes_of_options_are_the_most():
    packet = Packet((IPv4(IP1, IP2, 6, options=b"\1" * 40), Tcp(1, 2, options=b"\1" * 40)))
    assert from_bytes(to_bytes(packet), IPv4) == packet
    assert packet.size == 120


def test_a_transport_header_alone_has_bytes_when_its_checksum_is_given():
    assert to_bytes(Packet((Udp(1, 2, checksum=5),), b"x")).hex() == "000100020009000578"


# ------------------------------------------------------------------------------------------------------------ quotation


def test_a_quotation_is_the_beginning_of_the_packet():
    inner = QUESTION.pull()
    error = (BACK, IPv4(IP2, IP1, 1, tos=0xC0), Icmp(3, 3))
    packet = Packet(error, Quoted(inner, 28))
    assert to_bytes(packet) == to_bytes(Packet(error, to_bytes(inner)[:28]))
    assert packet.size == len(to_bytes(packet)) == 14 + 20 + 8 + 28
    assert to_bytes(Packet(error, Quoted(inner, 36))) == to_bytes(Packet(error, to_bytes(inner)))


def test_a_quotation_longer_than_the_packet_is_an_error():
    packet = Packet((Icmp(3, 3),), Quoted(Packet((UDP,), b"1234"), 25))
    with pytest.raises(EncodeError, match="a quotation of 25 bytes from a packet of 24"):
        to_bytes(packet)


def test_quoted_gives_the_packet_back():
    _, packet = FRAMES["port unreachable"]
    inner = quoted(packet)
    assert inner == FRAMES["UDP"][1].pull()
    assert inner is not None
    assert to_bytes(inner) == UNREACHABLE_QUOTE
    assert quoted(Packet(packet.layers, Quoted(inner, 28))) is inner


def test_quoted_reads_as_far_as_the_quotation_goes():
    data = to_bytes(QUESTION.pull())
    error = IPv4(IP2, IP1, 1), Icmp(11)
    udp = Udp(1000, 53, 16, int.from_bytes(data[26:28]))
    head = IPv4(IP1, IP2, 17, id=1, total_length=36)
    assert quoted(Packet(error, data[:28])) == Packet((head, udp))
    assert quoted(Packet(error, data[:27])) == Packet((head,), data[20:27])
    assert quoted(Packet(error, data[:19])) is None
    assert quoted(Packet(error, b"\x60" + bytes(50))) is None
    syn = bytes.fromhex(FRAMES["SYN"][0])[14 : 14 + 28]
    eight = quoted(Packet(error, syn))
    assert eight is not None
    assert eight.payload == syn[20:]


@pytest.mark.parametrize("name", ["echo request", "UDP", "ARP reply"])
def test_only_an_icmp_error_quotes(name):
    _, packet = FRAMES[name]
    assert quoted(Packet(packet.layers, UNREACHABLE_QUOTE)) is None
    assert quoted(Packet((), UNREACHABLE_QUOTE)) is None


@pytest.mark.parametrize("kind", [3, 4, 5, 11, 12])
def test_every_icmp_error_quotes(kind):
    packet = Packet((IPv4(IP1, IP2, 1), Icmp(kind)), UNREACHABLE_QUOTE)
    assert quoted(from_bytes(to_bytes(packet), IPv4)) == FRAMES["UDP"][1].pull()


@pytest.mark.benchmark
def test_speed():
    _, packet = FRAMES["echo request"]
    data = to_bytes(packet)
    assert packet.payload == ECHO_PAYLOAD
    # Time of this process: another one beside it changes little.
    encode = min(timeit.repeat(lambda: to_bytes(packet), process_time, number=20_000, repeat=5)) / 20_000
    decode = min(timeit.repeat(lambda: from_bytes(data), process_time, number=20_000, repeat=5)) / 20_000
    print(f"encode {encode * 1e6:.2f} µs, decode {decode * 1e6:.2f} µs")
    assert encode < 6e-6  # the budget is 2 and 3 µs; this is for slow and busy machines
    assert decode < 9e-6
