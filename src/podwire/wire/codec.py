"""Packets to bytes and back. The only place where lengths and checksums are computed.

For every ``data``, ``to_bytes(from_bytes(data)) == data``. What makes that hold for damaged packets:

- a length or checksum in the bytes that is not the computed one is kept in the header;
- a header that does not fit, or whose own length field is impossible, is payload; so is all that follows it;
- bytes behind the end of the innermost datagram are the ``trailer``; an outer IPv4 header whose datagram reaches into
  the trailer keeps its ``total_length``;
- where only the beginning of a datagram is there (a first fragment, a truncated packet), its length and checksum are
  those of the whole and are always kept.

Sources: RFC 894 (Ethernet), 826 (ARP), 791 (IPv4), 2003 (IP in IP), 792 (ICMP), 768 (UDP), 9293 (TCP), 7348
(VXLAN), 8926 (GENEVE), IEEE 802.1Q (VLAN tag). VXLAN and GENEVE are told by the destination port of UDP.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from podwire.errors import PodwireError
from podwire.wire.addr import Ip4, Mac
from podwire.wire.checksum import checksum, words
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
from podwire.wire.packet import Packet, Quoted


class DecodeError(PodwireError):
    """The bytes do not begin with the header that was asked for. Says what was expected and how many bytes came."""


class EncodeError(PodwireError):
    """A packet that has no bytes: a value too large for its field, a checksum that needs an IP header and has none."""


_ETHERNET: Final = struct.Struct(">HIHIH")
_ARP: Final = struct.Struct(">HHBBHHIIHII")
_IPV4: Final = struct.Struct(">BBHHHBBHII")
_ICMP: Final = struct.Struct(">BBHI")
_UDP: Final = struct.Struct(">HHHH")
_TCP: Final = struct.Struct(">HHIIBBHHH")
_VLAN: Final = struct.Struct(">HH")
_VXLAN: Final = struct.Struct(">II")
_GENEVE: Final = struct.Struct(">BBHI")

_ARP_ETHERNET_IPV4: Final = bytes.fromhex("0001 0800 06 04")
"""Hardware type 1, protocol type IPv4, address lengths 6 and 4: the only kind of ARP that ``Arp`` holds."""

_DF: Final = 0x4000
_MF: Final = 0x2000
_EVIL: Final = 0x8000
_OFFSET: Final = 0x1FFF
_VNI_MAX: Final = 0xFFFFFF
_GENEVE_OPTIONS: Final = 252


# ------------------------------------------------------------------------------------------------------------- encoding


def to_bytes(packet: Packet) -> bytes:
    """The packet as it stands on a cable, ``trailer`` included.

    Raises ``EncodeError`` where a value does not fit its field, where options are no whole number of 32-bit words, and
    for TCP or UDP behind anything but IPv4 unless the checksum is given.
    """
    payload = packet.payload
    data = payload if isinstance(payload, bytes) else _quote(payload)
    layers = packet.layers
    try:
        for index in range(len(layers) - 1, -1, -1):
            header = layers[index]
            data = _WRITE[type(header)](header, data, layers[index - 1] if index else None)
    except (struct.error, OverflowError) as error:
        # As plain numbers: an address that is too large for its field has no text.
        values = {name: int(v) if isinstance(v, int) else v for name, v in msgspec.structs.asdict(header).items()}
        raise EncodeError(f"a value of {type(header).__name__} does not fit its field: {values}: {error}") from None
    return data + packet.trailer


def _quote(quote: Quoted) -> bytes:
    data = to_bytes(quote.packet)
    if len(data) < quote.length:
        raise EncodeError(f"a quotation of {quote.length} bytes from a packet of {len(data)}")
    return data[: quote.length]


def _write_ethernet(header: Ethernet, data: bytes, outer: AnyHeader | None) -> bytes:
    dst, src = header.dst, header.src
    return _ETHERNET.pack(dst >> 32, dst & 0xFFFFFFFF, src >> 32, src & 0xFFFFFFFF, header.type) + data


def _write_arp(header: Arp, data: bytes, outer: AnyHeader | None) -> bytes:
    sha, tha = header.sha, header.tha
    numbers = (sha >> 32, sha & 0xFFFFFFFF, header.spa, tha >> 32, tha & 0xFFFFFFFF, header.tpa)
    return _ARP.pack(1, ETH_P_IP, 6, 4, header.op, *numbers) + data


def _write_ipv4(header: IPv4, data: bytes, outer: AnyHeader | None) -> bytes:
    options = header.options
    size = 20 + len(options)
    if size & 3 or size > 60:
        raise EncodeError(f"IPv4 options of {len(options)} bytes: a header holds whole words of 4, up to 40")
    length = size + len(data) if header.total_length is None else header.total_length
    fragment = header.frag
    if fragment > _OFFSET:
        raise EncodeError(f"fragment offset {fragment}: the field holds up to {_OFFSET} units of 8 bytes")
    fragment |= (header.df and _DF) | (header.mf and _MF) | (header.evil and _EVIL)
    first, tos, ident, ttl, proto = 0x40 | size >> 2, header.tos, header.id, header.ttl, header.proto
    src, dst = header.src, header.dst
    check = header.checksum
    if check is None:
        total = (first + ttl << 8) + tos + length + ident + fragment + proto + src + dst
        check = checksum(total + words(options) if options else total)
    return _IPV4.pack(first, tos, length, ident, fragment, ttl, proto, check, src, dst) + options + data


def _write_icmp(header: Icmp, data: bytes, outer: AnyHeader | None) -> bytes:
    check = header.checksum
    if check is None:
        check = checksum((header.type << 8) + header.code + header.rest + words(data))
    return _ICMP.pack(header.type, header.code, check, header.rest) + data


def _write_udp(header: Udp, data: bytes, outer: AnyHeader | None) -> bytes:
    size = 8 + len(data)
    length = size if header.length is None else header.length
    check = header.checksum
    if check is None:
        total = _pseudo(header, outer) + IPPROTO_UDP + size + header.sport + header.dport + length + words(data)
        check = checksum(total) or 0xFFFF  # 0 says "sent without" (RFC 768)
    return _UDP.pack(header.sport, header.dport, length, check) + data


def _write_tcp(header: Tcp, data: bytes, outer: AnyHeader | None) -> bytes:
    options = header.options
    size = 20 + len(options)
    if size & 3 or size > 60:
        raise EncodeError(f"TCP options of {len(options)} bytes: a header holds whole words of 4, up to 40")
    if header.reserved > 15:
        raise EncodeError(f"reserved bits {header.reserved}: the field of TCP has 4")
    offset = size << 2 | header.reserved
    check = header.checksum
    if check is None:
        total = _pseudo(header, outer) + IPPROTO_TCP + size + len(data)
        total += header.sport + header.dport + header.seq + header.ack + (offset << 8) + header.flags + header.window
        check = checksum(total + header.urgent + words(options) + words(data))
    ports = (header.sport, header.dport, header.seq, header.ack)
    return _TCP.pack(*ports, offset, header.flags, header.window, check, header.urgent) + options + data


def _write_vlan(header: Vlan, data: bytes, outer: AnyHeader | None) -> bytes:
    if header.id > 0xFFF or header.priority > 7:
        raise EncodeError(f"VLAN id {header.id}, priority {header.priority}: the fields hold up to 4095 and 7")
    return _VLAN.pack(header.priority << 13 | (header.dei and 0x1000) | header.id, header.type) + data


def _write_vxlan(header: Vxlan, data: bytes, outer: AnyHeader | None) -> bytes:
    if header.vni > _VNI_MAX or header.reserved > _VNI_MAX:
        raise EncodeError(f"VNI {header.vni}, reserved {header.reserved}: the fields hold up to {_VNI_MAX}")
    return _VXLAN.pack(header.flags << 24 | header.reserved, header.vni << 8 | header.reserved2) + data


def _write_geneve(header: Geneve, data: bytes, outer: AnyHeader | None) -> bytes:
    options = header.options
    if len(options) & 3 or len(options) > _GENEVE_OPTIONS:
        raise EncodeError(
            f"GENEVE options of {len(options)} bytes: a header holds whole words of 4, up to {_GENEVE_OPTIONS}"
        )
    if header.vni > _VNI_MAX or header.reserved > 0x3F:
        raise EncodeError(f"VNI {header.vni}, reserved {header.reserved}: the fields hold up to {_VNI_MAX} and 63")
    flags = (header.control and 0x80) | (header.critical and 0x40) | header.reserved
    return _GENEVE.pack(len(options) >> 2, flags, header.proto, header.vni << 8 | header.reserved2) + options + data


def _pseudo(header: AnyHeader, outer: AnyHeader | None) -> int:
    """Sum of the addresses in the pseudo header; protocol and length are added where they are known.

    The destination is the one in the header, also where an option holds a source route (RFC 9293 section 3.1 wants its
    last hop there): podwire sends none.
    """
    if type(outer) is IPv4:
        return outer.src + outer.dst
    before = type(outer).__name__ if outer else "nothing"
    raise EncodeError(
        f"the checksum of {type(header).__name__} covers the addresses of IPv4, but {before} is before it"
    )


_WRITE: Final[Mapping[type, Callable[[Any, bytes, AnyHeader | None], bytes]]] = MappingProxyType(
    {
        Ethernet: _write_ethernet,
        Arp: _write_arp,
        IPv4: _write_ipv4,
        Icmp: _write_icmp,
        Udp: _write_udp,
        Tcp: _write_tcp,
        Vlan: _write_vlan,
        Vxlan: _write_vxlan,
        Geneve: _write_geneve,
    }
)


# ------------------------------------------------------------------------------------------------------------- decoding


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
        kind = _ARP_ETHERNET_IPV4.hex()
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
            _, _, length, check = _UDP.unpack_from(data, at)
            layers[index] = msgspec.structs.replace(header, length=length, checksum=check)


# A reader looks at ``data`` from ``at`` to ``end``, the end of the datagram around it. It gives the header, where what
# is inside begins and ends, and what that is; None where the header does not fit.
_Read = tuple[AnyHeader, int, int, type | None] | None


def _read_ethernet(data: bytes, at: int, end: int, outer: None) -> _Read:
    if end - at < 14:
        return None
    a, b, c, d, ethertype = _ETHERNET.unpack_from(data, at)
    return Ethernet(Mac(a << 32 | b), Mac(c << 32 | d), ethertype), at + 14, end, _BY_ETHERTYPE.get(ethertype)


def _read_arp(data: bytes, at: int, end: int, outer: Ethernet | None) -> _Read:
    if end - at < 28 or data[at : at + 6] != _ARP_ETHERNET_IPV4:
        return None
    _, _, _, _, op, a, b, spa, c, d, tpa = _ARP.unpack_from(data, at)
    return Arp(op, Mac(a << 32 | b), Ip4(spa), Mac(c << 32 | d), Ip4(tpa)), at + 28, at + 28, None


def _read_ipv4(data: bytes, at: int, end: int, outer: Ethernet | IPv4 | None) -> _Read:
    if end - at < 20:
        return None
    shape, tos, length, ident, fragment, ttl, proto, check, src, dst = _IPV4.unpack_from(data, at)
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
    if fragment & _OFFSET:
        inner = None  # bytes from the middle of a datagram begin with no header
    df, mf, evil, frag = fragment & _DF != 0, fragment & _MF != 0, fragment & _EVIL != 0, fragment & _OFFSET
    total = None if at + length == end else length
    options = data[at + 20 : start]
    check = None if sound else check
    header = IPv4(Ip4(src), Ip4(dst), proto, ttl, tos, ident, df, mf, frag, options, evil, total, check)
    return header, start, end, inner


def _read_icmp(data: bytes, at: int, end: int, outer: IPv4) -> _Read:
    if end - at < 8:
        return None
    kind, code, check, rest = _ICMP.unpack_from(data, at)
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
    sport, dport, length, check = _UDP.unpack_from(data, at)
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
    sport, dport, seq, ack, offset, flags, window, check, urgent = _TCP.unpack_from(data, at)
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
    tci, ethertype = _VLAN.unpack_from(data, at)
    return Vlan(tci & 0xFFF, ethertype, tci >> 13, tci & 0x1000 != 0), at + 4, end, _BY_ETHERTYPE.get(ethertype)


def _read_vxlan(data: bytes, at: int, end: int, outer: Udp) -> _Read:
    if end - at < 8:
        return None
    first, second = _VXLAN.unpack_from(data, at)
    header = Vxlan(second >> 8, first >> 24, first & _VNI_MAX, second & 0xFF)
    # Extensions (a policy, another protocol) use the reserved bits; what they carry is not a frame for sure.
    return header, at + 8, end, Ethernet if header.flags == VXLAN_F_VNI and not header.reserved else None


def _read_geneve(data: bytes, at: int, end: int, outer: Udp) -> _Read:
    if end - at < 8:
        return None
    first, flags, proto, last = _GENEVE.unpack_from(data, at)
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
