"""Addresses and ports in a packet change (net/netfilter/nf_nat_proto.c).

Checksums that are right stay right by themselves. One that came wrong is changed by as much as the kernel changes it, and stays wrong.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from podwire.wire.headers import (
    ICMP_ECHO,
    ICMP_ECHOREPLY,
    ICMP_TIMESTAMP,
    ICMP_TIMESTAMPREPLY,
    IPPROTO_TCP,
    IPPROTO_UDP,
    AnyHeader,
    Icmp,
    IPv4,
    Tcp,
    Udp,
)
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.wire.addr import Ip

IPPROTO_SCTP: Final = 132
IPPROTO_UDPLITE: Final = 136
_HAVE_PORTS: Final = frozenset({IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_UDPLITE})
ICMP_WITH_ID: Final = frozenset({ICMP_ECHO, ICMP_ECHOREPLY, ICMP_TIMESTAMP, ICMP_TIMESTAMPREPLY, 15, 16, 17, 18})
"""The messages that have an id: echo, timestamp, information and address mask, questions and answers."""
_SCTP_HEADER: Final = 12
_UDPLITE_HEADER: Final = 8
_CSUM_MANGLED_0: Final = 0xFFFF


def nf_nat_ipv4_manip_pkt(packet: Packet, addr: Ip, port: int, *, source: bool) -> Packet:
    """``nf_nat_ipv4_manip_pkt``: the packet with ``addr`` and ``port`` (an ICMP id) as its source, or as its destination."""
    layers = packet.layers
    ip: IPv4 = layers[0]  # type: ignore[assignment]
    payload = packet.payload
    old = ip.src if source else ip.dst
    rest: tuple[AnyHeader, ...] = layers[1:]
    if rest:
        upper = rest[0]
        kind = type(upper)
        if kind is Tcp:
            rest = (_tcp(upper, old, addr, port, source=source), *rest[1:])  # type: ignore[arg-type]
        elif kind is Udp:
            rest = (_udp(upper, old, addr, port, source=source), *rest[1:])  # type: ignore[arg-type]
        elif kind is Icmp:
            rest = (_icmp(upper, port), *rest[1:])  # type: ignore[arg-type]
    elif ip.proto in _HAVE_PORTS and isinstance(payload, bytes) and not ip.frag:
        payload = _raw(ip.proto, payload, old, addr, port, source=source)
    checksum = ip.checksum
    if checksum is not None:
        checksum = csum_replace(checksum, _words(old), _words(addr))
    header = IPv4(
        addr if source else ip.src,
        ip.dst if source else addr,
        ip.proto,
        ip.ttl,
        ip.tos,
        ip.id,
        ip.df,
        ip.mf,
        ip.frag,
        ip.options,
        ip.evil,
        ip.total_length,
        checksum,
    )
    return Packet((header, *rest), payload, packet.trailer)


def _tcp(tcp: Tcp, old: Ip, addr: Ip, port: int, *, source: bool) -> Tcp:
    checksum = tcp.checksum
    if checksum is not None:
        checksum = _replaced(checksum, old, addr, tcp.sport if source else tcp.dport, port)
    return Tcp(
        port if source else tcp.sport,
        tcp.dport if source else port,
        tcp.seq,
        tcp.ack,
        tcp.flags,
        tcp.window,
        tcp.urgent,
        tcp.options,
        tcp.reserved,
        checksum,
    )


def _udp(udp: Udp, old: Ip, addr: Ip, port: int, *, source: bool) -> Udp:
    checksum = udp.checksum
    if checksum:
        checksum = _replaced(checksum, old, addr, udp.sport if source else udp.dport, port) or _CSUM_MANGLED_0
    return Udp(port if source else udp.sport, udp.dport if source else port, udp.length, checksum)


def _icmp(icmp: Icmp, number: int) -> Icmp:
    if icmp.type not in ICMP_WITH_ID:
        return icmp
    checksum = icmp.checksum
    if checksum is not None:
        checksum = csum_replace(checksum, (icmp.id,), (number,))
    return Icmp(icmp.type, icmp.code, number << 16 | icmp.rest & 0xFFFF, checksum)


def _raw(proto: int, payload: bytes, old: Ip, addr: Ip, port: int, *, source: bool) -> bytes:
    """Protocols without a header of ours, and a TCP header of which an ICMP error quotes only the beginning."""
    data = bytearray(payload)
    at = 0 if source else 2
    before = int.from_bytes(data[at : at + 2], "big")
    data[at : at + 2] = port.to_bytes(2, "big")
    if proto == IPPROTO_SCTP and len(data) >= _SCTP_HEADER:
        data[8:12] = sctp_compute_cksum(bytes(data))
    elif proto == IPPROTO_UDPLITE and len(data) >= _UDPLITE_HEADER:
        check = _replaced(int.from_bytes(data[6:8], "big"), old, addr, before, port) or _CSUM_MANGLED_0
        data[6:8] = check.to_bytes(2, "big")
    return bytes(data)


def _words(addr: Ip) -> tuple[int, int]:
    return int(addr) >> 16, int(addr) & 0xFFFF


def _replaced(checksum: int, old: Ip, addr: Ip, old_port: int, port: int) -> int:
    return csum_replace(checksum, (*_words(old), old_port), (*_words(addr), port))


def csum_replace(checksum: int, old: Iterable[int], new: Iterable[int]) -> int:
    """``inet_proto_csum_replace2``: a checksum after 16-bit words have changed (RFC 1624, equation 3)."""
    total = ~checksum & 0xFFFF
    for word in old:
        total += ~word & 0xFFFF
    for word in new:
        total += word
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def sctp_compute_cksum(data: bytes) -> bytes:
    """CRC32c of an SCTP packet with its checksum field as zeros, as it stands in the header (RFC 9260 appendix A)."""
    crc = 0xFFFFFFFF
    for index, octet in enumerate(data):
        crc ^= octet if not 8 <= index < _SCTP_HEADER else 0
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return (~crc & 0xFFFFFFFF).to_bytes(4, "little")
