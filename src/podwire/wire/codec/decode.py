"""Bytes to packets: what cannot be read is payload; a number that is not the computed one is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from podwire.errors import PodwireError
from podwire.wire.addr import Ip4, Mac
from podwire.wire.checksum import words
from podwire.wire.codec.layout import (
    ARP_ETHERNET_IPV4,
    ARP_LAYOUT,
    DF,
    ETHERNET_LAYOUT,
    EVIL,
    GENEVE_LAYOUT,
    ICMP_LAYOUT,
    IPV4_LAYOUT,
    MF,
    OFFSET,
    TCP_LAYOUT,
    UDP_LAYOUT,
    VLAN_LAYOUT,
    VNI_MAX,
    VXLAN_LAYOUT,
)
from podwire.wire.headers import (
    ETH_P_8021Q,
    ETH_P_ARP,
    ETH_P_IP,
    ETH_P_TEB,
    GENEVE_PORT,
    IPPROTO_ICMP,
    IPPROTO_IPIP,
    IPPROTO_TCP,
    IPPROTO_UDP,
    VXLAN_F_VNI,
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


class DecodeError(PodwireError):
    """The bytes do not begin with the header that was asked for. Says what was expected and how many bytes came."""


def from_bytes(data: bytes, first: type[Ethernet | Arp | IPv4 | Vxlan | Geneve] = Ethernet) -> Packet:
    """The packet that ``data`` holds; ``first`` is its outermost header (IPv4 for raw IP, a tunnel's for what came to an unusual port).

    Raises ``DecodeError`` where that one cannot be read. Whatever else cannot be read is payload.
    """
    layers: list[AnyHeader] = []
    outer: Any = None
    at, end, checked = 0, len(data), 0
    kind: type | None = first
    while kind is not None:
        read = _READ[kind](data, at, end, outer)
        if read is None:
            break
        outer, start, stop, kind = read
        if stop < end:
            _keep_lengths(data, layers, checked, at, end)
            end, checked = stop, len(layers)
        layers.append(outer)
        at = start
    if not layers:
        raise DecodeError(_complaint(data, first))
    return Packet(tuple(layers), data[at:end], data[end:])


def quoted(packet: Packet) -> Packet | None:
    """The packet that an ICMP error is about: as far as it was quoted, from its IPv4 header on.

    None where the innermost header is no ICMP error or where what it quotes does not begin with IPv4. A TCP header of
    which only the first 8 bytes came (RFC 792 asks for no more) is payload: two ports and a sequence number.
    """
    last = packet.layers[-1] if packet.layers else None
    if type(last) is not Icmp or not last.is_error:
        return None
    payload = packet.payload
    if not isinstance(payload, bytes):
        return payload.packet
    try:
        return from_bytes(payload, IPv4)
    except DecodeError:
        return None


def _complaint(data: bytes, first: type) -> str:
    came = f"got {len(data)} byte{'' if len(data) == 1 else 's'}"
    if first is Ethernet:
        return f"an Ethernet header has 14 bytes, {came}"
    if first is Arp:
        kind = ARP_ETHERNET_IPV4.hex()
        return f"ARP for IPv4 over Ethernet has 28 bytes and begins with {kind}, {came}: {data[:6].hex()}"
    if len(data) < 20:
        return f"an IPv4 header has at least 20 bytes, {came}"
    return f"expected an IPv4 header, {came} that begin with version {data[0] >> 4}, header length {(data[0] & 15) * 4}"


def _keep_lengths(data: bytes, layers: list[AnyHeader], since: int, at: int, end: int) -> None:
    """Note length, and checksum, in the IPv4 and UDP headers from number ``since`` up to offset ``at``: they reach to ``end``.

    Called when a datagram inside them turns out to be shorter: the encoder would compute that end for them too.
    """
    for index in range(len(layers) - 1, since - 1, -1):
        header = layers[index]
        at -= header.size
        if type(header) is IPv4 and header.total_length is None:
            layers[index] = msgspec.structs.replace(header, total_length=end - at)
        elif type(header) is Udp:
            # Around a frame in a tunnel: its padding is in the sum.
            _, _, length, check = UDP_LAYOUT.unpack_from(data, at)
            layers[index] = msgspec.structs.replace(header, length=length, checksum=check)


# A reader looks at ``data`` from ``at`` to ``end``, the end of the datagram around it. It gives the header, where what
# is inside begins and ends, and what that is; None where the header does not fit.
_Read = tuple[AnyHeader, int, int, type | None] | None


def _read_ethernet(data: bytes, at: int, end: int, outer: None) -> _Read:
    if end - at < 14:
        return None
    a, b, c, d, ethertype = ETHERNET_LAYOUT.unpack_from(data, at)
    return Ethernet(Mac(a << 32 | b), Mac(c << 32 | d), ethertype), at + 14, end, _BY_ETHERTYPE.get(ethertype)


def _read_arp(data: bytes, at: int, end: int, outer: Ethernet | None) -> _Read:
    if end - at < 28 or data[at : at + 6] != ARP_ETHERNET_IPV4:
        return None
    _, _, _, _, op, a, b, spa, c, d, tpa = ARP_LAYOUT.unpack_from(data, at)
    return Arp(op, Mac(a << 32 | b), Ip4(spa), Mac(c << 32 | d), Ip4(tpa)), at + 28, at + 28, None


def _read_ipv4(data: bytes, at: int, end: int, outer: Ethernet | IPv4 | None) -> _Read:
    if end - at < 20:
        return None
    shape, tos, length, ident, fragment, ttl, proto, check, src, dst = IPV4_LAYOUT.unpack_from(data, at)
    start = at + ((shape & 15) << 2)
    if shape >> 4 != 4 or not at + 20 <= start <= end:
        return None
    # A header is never all zero, so the computed checksum is never 0xffff.
    sound = int.from_bytes(data[at:start]) % 65535 == 0 and check != 0xFFFF
    inner = _BY_PROTOCOL.get(proto)
    if at + length < start:
        inner = None  # the kernel takes it for a broken header; nothing says where the datagram ends
    elif at + length < end:
        end = at + length
    if fragment & OFFSET:
        inner = None  # bytes from the middle of a datagram begin with no header
    df, mf, evil, frag = fragment & DF != 0, fragment & MF != 0, fragment & EVIL != 0, fragment & OFFSET
    total = None if at + length == end else length
    options = data[at + 20 : start]
    check = None if sound else check
    header = IPv4(Ip4(src), Ip4(dst), proto, ttl, tos, ident, df, mf, frag, options, evil, total, check)
    return header, start, end, inner


def _read_icmp(data: bytes, at: int, end: int, outer: IPv4) -> _Read:
    if end - at < 8:
        return None
    kind, code, check, rest = ICMP_LAYOUT.unpack_from(data, at)
    # The computed checksum is 0xffff where all else is zero, and only there.
    if check == 0xFFFF:
        sound = not (kind or code or rest or any(data[at + 8 : end]))
    else:
        total = words(data[at:end])
        sound = total % 65535 == 0 and total != 0
    return Icmp(kind, code, rest, None if sound and _is_whole(outer) else check), at + 8, end, None


def _read_udp(data: bytes, at: int, end: int, outer: IPv4) -> _Read:
    size = end - at
    if size < 8:
        return None
    sport, dport, length, check = UDP_LAYOUT.unpack_from(data, at)
    whole = _is_whole(outer)
    # Never 0: that says "sent without". The computed checksum is 0xffff instead.
    sound = check != 0 and (outer.src + outer.dst + IPPROTO_UDP + size + words(data[at:end])) % 65535 == 0
    header = Udp(sport, dport, None if whole and length == size else length, None if whole and sound else check)
    # Of a first fragment, too: its inner headers say whose it is.
    return header, at + 8, end, _BY_PORT.get(dport)


def _read_tcp(data: bytes, at: int, end: int, outer: IPv4) -> _Read:
    size = end - at
    if size < 20:
        return None
    sport, dport, seq, ack, offset, flags, window, check, urgent = TCP_LAYOUT.unpack_from(data, at)
    start = at + (offset >> 4 << 2)
    if not at + 20 <= start <= end:
        return None
    total = outer.src + outer.dst + IPPROTO_TCP + size + words(data[at:end])
    # The pseudo header is never all zero, so the computed checksum is never 0xffff.
    sound = total % 65535 == 0 and check != 0xFFFF and _is_whole(outer)
    options = data[at + 20 : start]
    header = Tcp(sport, dport, seq, ack, flags, window, urgent, options, offset & 15, None if sound else check)
    return header, start, end, None


def _read_vlan(data: bytes, at: int, end: int, outer: Ethernet | Vlan) -> _Read:
    if end - at < 4:
        return None
    tci, ethertype = VLAN_LAYOUT.unpack_from(data, at)
    return Vlan(tci & 0xFFF, ethertype, tci >> 13, tci & 0x1000 != 0), at + 4, end, _BY_ETHERTYPE.get(ethertype)


def _read_vxlan(data: bytes, at: int, end: int, outer: Udp) -> _Read:
    if end - at < 8:
        return None
    first, second = VXLAN_LAYOUT.unpack_from(data, at)
    header = Vxlan(second >> 8, first >> 24, first & VNI_MAX, second & 0xFF)
    # Extensions (a policy, another protocol) use the reserved bits; what they carry is not a frame for sure.
    return header, at + 8, end, Ethernet if header.flags == VXLAN_F_VNI and not header.reserved else None


def _read_geneve(data: bytes, at: int, end: int, outer: Udp) -> _Read:
    if end - at < 8:
        return None
    first, flags, proto, last = GENEVE_LAYOUT.unpack_from(data, at)
    start = at + 8 + ((first & 0x3F) << 2)
    if first >> 6 or start > end:
        return None
    header = Geneve(
        last >> 8, proto, data[at + 8 : start], flags & 0x80 != 0, flags & 0x40 != 0, flags & 0x3F, last & 0xFF
    )
    return header, start, end, _BY_ETHERTYPE.get(proto)


def _is_whole(outer: IPv4) -> bool:
    """Whether the whole datagram is there, so that length and checksum of what it carries can be computed."""
    return outer.total_length is None and not outer.mf


_BY_ETHERTYPE: Final[Mapping[int, type]] = MappingProxyType(
    {ETH_P_IP: IPv4, ETH_P_ARP: Arp, ETH_P_8021Q: Vlan, ETH_P_TEB: Ethernet}
)
_BY_PORT: Final[Mapping[int, type]] = MappingProxyType(
    {VXLAN_PORT: Vxlan, VXLAN_PORT_LINUX: Vxlan, GENEVE_PORT: Geneve}
)
_BY_PROTOCOL: Final[Mapping[int, type]] = MappingProxyType(
    {IPPROTO_ICMP: Icmp, IPPROTO_IPIP: IPv4, IPPROTO_TCP: Tcp, IPPROTO_UDP: Udp}
)
_READ: Final[Mapping[type, Callable[[bytes, int, int, Any], _Read]]] = MappingProxyType(
    {
        Ethernet: _read_ethernet,
        Arp: _read_arp,
        IPv4: _read_ipv4,
        Icmp: _read_icmp,
        Udp: _read_udp,
        Tcp: _read_tcp,
        Vlan: _read_vlan,
        Vxlan: _read_vxlan,
        Geneve: _read_geneve,
    }
)
