"""Packets to bytes: lengths and checksums are computed here."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from podwire.errors import PodwireError
from podwire.wire.checksum import checksum, words
from podwire.wire.codec.layout import (
    ARP_LAYOUT,
    DF,
    ETHERNET_LAYOUT,
    EVIL,
    GENEVE_LAYOUT,
    GENEVE_OPTIONS,
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
    ETH_P_IP,
    IPPROTO_TCP,
    IPPROTO_UDP,
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


class EncodeError(PodwireError):
    """A packet that has no bytes: a value too large for its field, a checksum that needs an IP header and has none."""


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
    return ETHERNET_LAYOUT.pack(dst >> 32, dst & 0xFFFFFFFF, src >> 32, src & 0xFFFFFFFF, header.type) + data


def _write_arp(header: Arp, data: bytes, outer: AnyHeader | None) -> bytes:
    sha, tha = header.sha, header.tha
    numbers = (sha >> 32, sha & 0xFFFFFFFF, header.spa, tha >> 32, tha & 0xFFFFFFFF, header.tpa)
    return ARP_LAYOUT.pack(1, ETH_P_IP, 6, 4, header.op, *numbers) + data


def _write_ipv4(header: IPv4, data: bytes, outer: AnyHeader | None) -> bytes:
    options = header.options
    size = 20 + len(options)
    if size & 3 or size > 60:
        raise EncodeError(f"IPv4 options of {len(options)} bytes: a header holds whole words of 4, up to 40")
    length = size + len(data) if header.total_length is None else header.total_length
    fragment = header.frag
    if fragment > OFFSET:
        raise EncodeError(f"fragment offset {fragment}: the field holds up to {OFFSET} units of 8 bytes")
    fragment |= (header.df and DF) | (header.mf and MF) | (header.evil and EVIL)
    first, tos, ident, ttl, proto = 0x40 | size >> 2, header.tos, header.id, header.ttl, header.proto
    src, dst = header.src, header.dst
    check = header.checksum
    if check is None:
        total = (first + ttl << 8) + tos + length + ident + fragment + proto + src + dst
        check = checksum(total + words(options) if options else total)
    return IPV4_LAYOUT.pack(first, tos, length, ident, fragment, ttl, proto, check, src, dst) + options + data


def _write_icmp(header: Icmp, data: bytes, outer: AnyHeader | None) -> bytes:
    check = header.checksum
    if check is None:
        check = checksum((header.type << 8) + header.code + header.rest + words(data))
    return ICMP_LAYOUT.pack(header.type, header.code, check, header.rest) + data


def _write_udp(header: Udp, data: bytes, outer: AnyHeader | None) -> bytes:
    size = 8 + len(data)
    length = size if header.length is None else header.length
    check = header.checksum
    if check is None:
        total = _pseudo(header, outer) + IPPROTO_UDP + size + header.sport + header.dport + length + words(data)
        check = checksum(total) or 0xFFFF  # 0 says "sent without" (RFC 768)
    return UDP_LAYOUT.pack(header.sport, header.dport, length, check) + data


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
    return TCP_LAYOUT.pack(*ports, offset, header.flags, header.window, check, header.urgent) + options + data


def _write_vlan(header: Vlan, data: bytes, outer: AnyHeader | None) -> bytes:
    if header.id > 0xFFF or header.priority > 7:
        raise EncodeError(f"VLAN id {header.id}, priority {header.priority}: the fields hold up to 4095 and 7")
    return VLAN_LAYOUT.pack(header.priority << 13 | (header.dei and 0x1000) | header.id, header.type) + data


def _write_vxlan(header: Vxlan, data: bytes, outer: AnyHeader | None) -> bytes:
    if header.vni > VNI_MAX or header.reserved > VNI_MAX:
        raise EncodeError(f"VNI {header.vni}, reserved {header.reserved}: the fields hold up to {VNI_MAX}")
    return VXLAN_LAYOUT.pack(header.flags << 24 | header.reserved, header.vni << 8 | header.reserved2) + data


def _write_geneve(header: Geneve, data: bytes, outer: AnyHeader | None) -> bytes:
    options = header.options
    if len(options) & 3 or len(options) > GENEVE_OPTIONS:
        raise EncodeError(
            f"GENEVE options of {len(options)} bytes: a header holds whole words of 4, up to {GENEVE_OPTIONS}"
        )
    if header.vni > VNI_MAX or header.reserved > 0x3F:
        raise EncodeError(f"VNI {header.vni}, reserved {header.reserved}: the fields hold up to {VNI_MAX} and 63")
    flags = (header.control and 0x80) | (header.critical and 0x40) | header.reserved
    return (
        GENEVE_LAYOUT.pack(len(options) >> 2, flags, header.proto, header.vni << 8 | header.reserved2) + options + data
    )


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
