"""Packets and bytes for the fuzz tests. Everything is drawn by hypothesis, without randomness between runs."""

from __future__ import annotations

import struct
from typing import Protocol, TypeVar

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from podwire.wire import tcp_options
from podwire.wire.addr import Ip4, Mac
from podwire.wire.codec import to_bytes
from podwire.wire.headers import (
    ETH_P_8021Q,
    ETH_P_TEB,
    GENEVE_PORT,
    VXLAN_PORT,
    VXLAN_PORT_LINUX,
    AnyHeader,
    Arp,
    Ethernet,
    Geneve,
    Icmp,
    IPv4,
    Tcp,
    Udp,
    Vlan,
    Vxlan,
)
from podwire.wire.packet import Packet

FUZZ = settings(
    derandomize=True, database=None, deadline=None, max_examples=500, suppress_health_check=[HealthCheck.too_slow]
)

_T = TypeVar("_T")


class Draw(Protocol):
    def __call__(self, strategy: st.SearchStrategy[_T], /) -> _T: ...


U8, U16, U32 = st.integers(0, 2**8 - 1), st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1)
MACS = st.integers(0, 2**48 - 1).map(Mac)
IPS = U32.map(Ip4)
PAYLOADS = st.binary(max_size=80)
TUNNELS = (VXLAN_PORT, VXLAN_PORT_LINUX, GENEVE_PORT)
PORTS = U16.filter(lambda port: port not in TUNNELS)
"""Behind the others is a tunnel's header."""
VNIS = st.integers(0, 2**24 - 1)

IPV4_OPTIONS = st.sampled_from(
    [
        b"",
        b"\x94\x04\x00\x00",  # router alert (RFC 2113)
        b"\x01\x01\x01\x00",
        b"\x01\x07\x0b\x08\x0a\x00\x00\x01" + bytes(4),  # record route
        b"\x44\x0c\x09\x00" + bytes(8),  # timestamp
        b"\x88\x04\x12\x34",  # stream id
    ]
)
TCP_OPTIONS = st.one_of(
    st.just(b""),
    st.builds(
        tcp_options.build,
        mss=st.none() | U16,
        sack_permitted=st.booleans(),
        timestamp=st.none() | st.tuples(U32, U32),
        window_scale=st.none() | st.integers(0, 14),
    ),
)


@st.composite
def ipv4_stacks(draw: Draw, *, sound: bool = False) -> tuple[list[AnyHeader], bytes]:
    """Headers from one or two IPv4 on and a payload, in the form in which ``from_bytes`` gives them.

    With ``sound`` every length and checksum is the computed one (or 0 for UDP), and there are no fragments.
    """
    tunnels = draw(st.sampled_from([0, 0, 0, 1]))
    layers: list[AnyHeader] = [draw(_ipv4(4, sound=sound, frag=st.just(0))) for _ in range(tunnels)]
    proto = draw(st.sampled_from([1, 6, 17, 1, 6, 17, 47]))
    ip = draw(_ipv4(proto, sound=sound, frag=st.just(0) if sound else st.sampled_from([0, 0, 0, 1, 8191])))
    payload = draw(PAYLOADS)
    layers.append(ip)
    if ip.frag or proto == 47:
        return layers, payload
    number: st.SearchStrategy[int | None] = st.none()
    if not sound:
        number = U16 if ip.mf else st.sampled_from([None, None, 0, 0xFFFF, 0x1234])
    if proto == 1:
        layers.append(draw(st.builds(Icmp, U8, U8, U32, number)))
    elif proto == 17:
        length = number if ip.mf else st.none() if sound else st.sampled_from([None, None, 0, 8, 0xFFFF])
        layers.append(draw(st.builds(Udp, U16, PORTS, length, number if ip.mf else number | st.just(0))))
    else:
        layers.append(
            draw(st.builds(Tcp, U16, U16, U32, U32, U8, U16, U16, TCP_OPTIONS, st.integers(0, 15), checksum=number))
        )
    return layers, payload


def _ipv4(proto: int, *, sound: bool, frag: st.SearchStrategy[int]) -> st.SearchStrategy[IPv4]:
    flag = st.just(False) if sound else st.booleans()
    check = st.none() if sound else st.sampled_from([None, None, None, 0, 0xFFFF, 0x1234])
    return st.builds(
        IPv4, IPS, IPS, st.just(proto), U8, U8, U16, st.booleans(), flag, frag, IPV4_OPTIONS, flag, checksum=check
    )


def packets(*, sound: bool = False) -> st.SearchStrategy[Packet]:
    """Ethernet frames with ARP, IPv4 or something unknown, in the form in which ``from_bytes`` gives them."""
    return _packets(sound=sound).filter(_is_normal)


def _is_normal(packet: Packet) -> bool:
    """Whether no drawn number happens to be the computed one."""
    for index, header in enumerate(packet.layers):
        outer = packet.layers[index - 1] if index else None
        if type(outer) is IPv4 and outer.mf and type(header) is not IPv4:
            continue  # behind a first fragment they are kept in any case
        for name in ("total_length", "length", "checksum"):
            if getattr(header, name, None) is not None:
                computed = packet.replace(index, msgspec.structs.replace(header, **{name: None}))
                if to_bytes(computed) == to_bytes(packet):
                    return False
    return True


@st.composite
def _packets(draw: Draw, *, sound: bool) -> Packet:
    what = draw(st.sampled_from(["arp", "ipv4", "ipv4", "ipv4", "ipv4", "other", "vlan", "tunnel"]))
    dst, src = draw(MACS), draw(MACS)
    if what == "vlan":
        inner = draw(_packets(sound=sound))
        first = inner.layers[0]
        assert isinstance(first, Ethernet)
        tag = draw(st.builds(Vlan, st.integers(0, 4095), st.just(first.type), st.integers(0, 7), st.booleans()))
        return Packet((Ethernet(dst, src, ETH_P_8021Q), tag, *inner.layers[1:]), inner.payload, inner.trailer)
    if what == "tunnel":
        return draw(_tunnelled(Ethernet(dst, src), sound=sound))
    trailer = draw(st.just(b"") | st.binary(max_size=20))
    if what == "arp":
        return Packet((Ethernet(dst, src, 0x0806), draw(st.builds(Arp, U16, MACS, IPS, MACS, IPS))), trailer=trailer)
    if what == "other":
        return Packet((Ethernet(dst, src, draw(st.sampled_from([0x86DD, 0x88CC, 46, 0xFFFF]))),), draw(PAYLOADS))
    layers, payload = draw(ipv4_stacks(sound=sound))
    return Packet((Ethernet(dst, src, 0x0800), *layers), payload, trailer)


@st.composite
def _tunnelled(draw: Draw, eth: Ethernet, *, sound: bool) -> Packet:
    """A frame in VXLAN or GENEVE; it is not padded, for that would be in the outer lengths."""
    inner = draw(_packets(sound=sound).filter(lambda packet: not packet.trailer))
    port = draw(st.sampled_from(TUNNELS))
    head: AnyHeader
    layers, payload = inner.layers, inner.payload
    if port == GENEVE_PORT:
        options = draw(
            st.sampled_from([0, 1, 2, 63]).flatmap(lambda words: st.binary(min_size=4 * words, max_size=4 * words))
        )
        proto = draw(st.sampled_from([ETH_P_TEB, ETH_P_TEB, 0x88CC]))
        head = draw(
            st.builds(
                Geneve, VNIS, st.just(proto), st.just(options), st.booleans(), st.booleans(), st.integers(0, 63), U8
            )
        )
        if proto != ETH_P_TEB:
            layers, payload = (), draw(PAYLOADS)
    else:
        head = draw(st.builds(Vxlan, VNIS, reserved2=U8))
        if not draw(st.integers(0, 3)):
            # Something that uses the reserved bits carries no frame for sure.
            head = draw(st.builds(Vxlan, VNIS, st.sampled_from([0, 0x0C, 0x88]), VNIS, U8))
            layers, payload = (), draw(PAYLOADS)
    udp = draw(st.builds(Udp, U16, st.just(port), st.none(), st.none() | st.just(0)))
    ip = draw(_ipv4(17, sound=True, frag=st.just(0)))
    return Packet((eth, ip, udp, head, *layers), payload)


@st.composite
def almost_frames(draw: Draw) -> bytes:
    """Bytes that look like a frame: the numbers that steer the decoder are right most of the time and near it else."""
    tail = draw(st.binary(max_size=60))
    proto = draw(st.sampled_from([1, 6, 17, 4, 255]))
    if proto == 6:
        offset = draw(st.sampled_from([5, 5, 6, 8, 4, 0, 15]))
        tail = struct.pack(">HHIIBB", *draw(st.tuples(U16, U16, U32, U32)), offset << 4 | draw(U8) & 15, 2) + tail
    elif proto == 17:
        port = draw(U16 | st.sampled_from(TUNNELS))
        if port in TUNNELS:
            first = draw(st.sampled_from([0x08000000, 0x08000000, 0, 0x88000000, 0x00006558, 0x02006558, 0x00000800]))
            frame = to_bytes(draw(packets(sound=True)))
            tail = struct.pack(">II", first, draw(U32)) + draw(st.sampled_from([b"", bytes(8)])) + frame
            tail = tail[: draw(st.integers(0, len(tail)))] if draw(st.booleans()) else tail
        length = len(tail) + draw(st.sampled_from([8, 8, 8, 0, -1, 9]))
        tail = struct.pack(">HHHH", draw(U16), port, max(length, 0), draw(U16)) + tail
    elif proto == 1:
        tail = struct.pack(">BBHI", draw(st.sampled_from([0, 3, 8, 11])), draw(U8), draw(U16), draw(U32)) + tail
    for _ in range(draw(st.sampled_from([1, 1, 2, 3]))):
        ihl = draw(st.sampled_from([5, 5, 5, 5, 6, 15, 4, 0]))
        version = draw(st.sampled_from([4, 4, 4, 4, 4, 6]))
        options = draw(st.binary(min_size=max(0, 4 * ihl - 20), max_size=max(0, 4 * ihl - 20)))
        size = len(options) + 20 + len(tail)
        length = draw(st.sampled_from([size, size, size, size - 1, size - 9, size + 1, 0, 19, 20, 65535]))
        fragment = draw(st.sampled_from([0, 0x4000, 0, 0x4000, 0x2000, 1, 0xFFFF]))
        head = struct.pack(">BBHHHBB", version << 4 | ihl, 0, max(length, 0), draw(U16), fragment, 64, proto)
        tail = (
            head
            + draw(st.binary(min_size=10, max_size=10))
            + options
            + tail
            + draw(st.sampled_from([b"", b"", b"pad"]))
        )
        proto = 4
    ethertype = draw(st.sampled_from([0x0800, 0x0800, 0x0800, 0x0806]))
    if ethertype == 0x0806:
        tail = draw(st.sampled_from([bytes.fromhex("0001080006040001"), bytes.fromhex("0006080006040001")])) + tail
    return bytes(12) + ethertype.to_bytes(2) + tail


@st.composite
def mutated(draw: Draw) -> bytes:
    """A valid frame of which a few bytes were flipped, cut, added or doubled."""
    frame = bytearray(to_bytes(draw(packets(sound=True))))
    for how in draw(st.lists(st.sampled_from(["cut", "flip", "set", "add", "repeat"]), min_size=1, max_size=3)):
        at = draw(st.integers(14, max(14, len(frame) - 1)))
        if how == "cut":
            del frame[at:]
        elif how == "flip" and at < len(frame):
            frame[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "set" and at < len(frame):
            frame[at] = draw(U8)
        elif how == "add":
            frame[at:at] = draw(st.binary(min_size=1, max_size=4))
        else:
            frame += frame[at:]
    return bytes(frame)
