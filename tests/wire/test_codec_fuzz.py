"""Bytes → packet → bytes for any bytes, packet → bytes → packet, and scapy as a second opinion on both."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.contrib.geneve import GENEVE
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import NoPayload, Raw

from podwire.wire.addr import Mac
from podwire.wire.codec import DecodeError, from_bytes, quoted, to_bytes
from podwire.wire.headers import AnyHeader, Arp, Ethernet, Geneve, Icmp, IPv4, Tcp, Udp, Vlan, Vxlan
from podwire.wire.packet import Packet
from tests.wire.strategies import FUZZ, almost_frames, ipv4_stacks, mutated, packets

NUMBERS = ("total_length", "length", "checksum")


def begins_well(data: bytes, first: type[Ethernet | IPv4]) -> bool:
    if first is Ethernet:
        return len(data) >= 14
    return len(data) >= 20 and data[0] >> 4 == 4 and 20 <= (data[0] & 15) * 4 <= len(data)


def check_round_trip(data: bytes, first: type[Ethernet | IPv4]) -> None:
    if not begins_well(data, first):
        with pytest.raises(DecodeError, match=f"got {len(data)} byte"):
            from_bytes(data, first)
        return
    packet = from_bytes(data, first)
    assert type(packet.layers[0]) is first
    assert to_bytes(packet) == data
    assert from_bytes(to_bytes(packet), first) == packet
    assert packet.size + len(packet.trailer) == len(data)
    check_normal_form(packet)
    quoted(packet)


def check_normal_form(packet: Packet) -> None:
    """A number that the encoder would compute is None, except behind an IPv4 header whose datagram is not all there."""
    data = to_bytes(packet)
    for index, header in enumerate(packet.layers):
        outer = packet.layers[index - 1] if index else None
        partial = type(outer) is IPv4 and (outer.mf or outer.total_length is not None)
        for name in NUMBERS:
            number = getattr(header, name, None)
            if type(header) in (Icmp, Udp, Tcp) and partial:
                assert number is not None or not hasattr(header, name)
            elif number is not None and not (type(header) is Udp and name == "checksum" and number == 0):
                assert to_bytes(packet.replace(index, msgspec.structs.replace(header, **{name: None}))) != data


@FUZZ
@given(st.binary(max_size=120), st.sampled_from([Ethernet, IPv4]))
def test_any_bytes_survive(data: bytes, first: type[Ethernet | IPv4]) -> None:
    check_round_trip(data, first)


@FUZZ
@given(almost_frames())
def test_bytes_that_look_like_a_frame_survive(data: bytes) -> None:
    check_round_trip(data, Ethernet)
    check_round_trip(data[14:], IPv4)


@FUZZ
@given(mutated())
def test_damaged_frames_survive(data: bytes) -> None:
    check_round_trip(data, Ethernet)
    check_round_trip(data[14:], IPv4)


@FUZZ
@given(packets())
def test_packets_survive(packet: Packet) -> None:
    data = to_bytes(packet)
    assert from_bytes(data) == packet
    assert len(data) == packet.size + len(packet.trailer)


@FUZZ
@given(ipv4_stacks())
def test_raw_ip_is_the_frame_without_its_head(stack: tuple[list[AnyHeader], bytes]) -> None:
    layers, payload = stack
    inner = Packet(tuple(layers), payload, b"trailer")
    frame = inner.push(Ethernet(Mac(0xEEEEEEEEEEEE), Mac(2)))
    assert to_bytes(frame)[14:] == to_bytes(inner)
    assert from_bytes(to_bytes(frame)).pull() == from_bytes(to_bytes(inner), IPv4)


@FUZZ
@given(packets(sound=True))
def test_scapy_reads_the_same_fields_and_builds_the_same_bytes(packet: Packet) -> None:
    if any(isinstance(header, Ethernet | Vlan) and header.type < 0x600 for header in packet.layers):
        return  # scapy calls this 802.3 and the type its length
    data = to_bytes(packet)
    theirs = Ether(data)
    assert bytes(theirs) == data
    layer: Any = theirs
    for index, header in enumerate(packet.layers):
        compare(header, layer, packet, index)
        if index + 1 < len(packet.layers):
            layer = layer.payload
    forget_what_was_computed(theirs, len(packet.layers))
    assert bytes(theirs) == data


def compare(header: AnyHeader, layer: Any, packet: Packet, index: int) -> None:
    size = packet.size - sum(before.size for before in packet.layers[:index])
    match header:
        case Ethernet():
            assert (layer.dst, layer.src, layer.type) == (str(header.dst), str(header.src), header.type)
        case Arp():
            assert type(layer) is ARP
            assert (layer.hwtype, layer.ptype, layer.hwlen, layer.plen) == (1, 0x0800, 6, 4)
            texts = (str(header.sha), str(header.spa), str(header.tha), str(header.tpa))
            assert (layer.op, layer.hwsrc, layer.psrc, layer.hwdst, layer.pdst) == (header.op, *texts)
        case IPv4():
            assert type(layer) is IP
            assert (layer.version, layer.ihl * 4, layer.len) == (4, header.size, size)
            assert (layer.src, layer.dst) == (str(header.src), str(header.dst))
            numbers = (header.proto, header.ttl, header.tos, header.id, header.frag)
            assert (layer.proto, layer.ttl, layer.tos, layer.id, layer.frag) == numbers
            assert (layer.flags.MF, layer.flags.DF, layer.flags.evil) == (header.mf, header.df, header.evil)
            assert b"".join(map(bytes, layer.options)) == header.options
        case Icmp():
            if header.type not in (0, 3, 5, 8, 11, 12) and type(layer) is Raw:
                return  # scapy wants the bytes behind the first 8 to be there
            assert type(layer) is ICMP
            assert (layer.type, layer.code) == (header.type, header.code)
            if header.type in (0, 8):
                assert (layer.id, layer.seq) == (header.id, header.seq)
            if header.type == 3:
                assert layer.nexthopmtu == header.mtu
        case Vlan():
            assert type(layer) is Dot1Q
            assert (layer.vlan, layer.prio, layer.dei, layer.type) == (
                header.id,
                header.priority,
                header.dei,
                header.type,
            )
        case Vxlan():
            assert type(layer) is VXLAN
            assert (layer.vni, int(layer.flags), layer.reserved2) == (header.vni, header.flags, header.reserved2)
        case Geneve():
            assert type(layer) is GENEVE
            assert (layer.vni, layer.proto, layer.optionlen * 4) == (header.vni, header.proto, len(header.options))
            assert (layer.oam, layer.critical, layer.reserved2) == (header.control, header.critical, header.reserved2)
        case Udp():
            assert type(layer) is UDP
            assert (layer.sport, layer.dport, layer.len) == (header.sport, header.dport, size)
            assert (layer.chksum == 0) == (header.checksum == 0)
        case Tcp():
            assert type(layer) is TCP
            assert (layer.sport, layer.dport, layer.seq, layer.ack) == (
                header.sport,
                header.dport,
                header.seq,
                header.ack,
            )
            assert (layer.dataofs * 4, layer.window, layer.urgptr) == (header.size, header.window, header.urgent)
            # The highest of scapy's nine flags is the lowest of the four reserved bits (it was NS, RFC 3540).
            assert layer.reserved << 9 | int(layer.flags) == header.reserved << 8 | header.flags


def forget_what_was_computed(layer: Any, count: int) -> None:
    """Make scapy build the outermost ``count`` layers anew, their lengths and checksums too."""
    for _ in range(count):
        layer.raw_packet_cache = None
        for name in ("len", "chksum", "ihl", "dataofs"):
            if name in layer.fields and not (
                type(layer) in (Ether, UDP) and layer.fields[name] == 0 and name == "chksum"
            ):
                del layer.fields[name]
        layer = layer.payload
        if isinstance(layer, NoPayload):
            break


@pytest.mark.parametrize("size", [0, 1, 13])
def test_less_than_a_header_is_an_error(size: int) -> None:
    with pytest.raises(DecodeError, match=rf"14 bytes, got {size} byte"):
        from_bytes(bytes(size))
