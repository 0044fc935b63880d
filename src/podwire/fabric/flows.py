"""What a middlebox reads of a packet: its protocol, addresses and ports; and how it writes them."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import msgspec

from podwire.wire.addr import Ip
from podwire.wire.codec import quoted
from podwire.wire.headers import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, AnyHeader, Icmp, IPv4, Tcp, Udp
from podwire.wire.packet import Packet, Quoted

PROTOCOLS: Final = MappingProxyType({"icmp": 1, "ipip": 4, "tcp": 6, "udp": 17, "esp": 50, "ah": 51, "sctp": 132})
WITH_PORTS: Final = frozenset({IPPROTO_TCP, IPPROTO_UDP, PROTOCOLS["sctp"]})
_QUERIES: Final = frozenset({8, 13, 15, 17})
"""Echo, timestamp, information and address mask requests (RFC 792, RFC 950)."""
IDLE: Final = 600_000_000_000
"""How long a middlebox remembers a flow that is silent, in ns: ten minutes (sheet kube-proxy and GKE, section 3.2)."""

Flow = tuple[int, Ip, Ip, int, int]
"""Protocol, source, destination and the two ports; for ICMP echo its identifier twice, 0 for what has none."""


def header_at(packet: Packet) -> int | None:
    """Where the outermost IPv4 header of a frame, or of a packet without Ethernet, is; None without one there."""
    for index, layer in enumerate(packet.layers[:2]):
        if type(layer) is IPv4:
            return index
    return None


def ports_of(packet: Packet, at: int) -> tuple[int, int] | None:
    """Source and destination port behind the IPv4 header at index ``at``; None for later fragments and what has no ports.

    A transport header of which only the beginning is there (RFC 792 asks for 8 bytes in a quotation) is payload.
    """
    layers = packet.layers
    ip = layers[at]
    if not isinstance(ip, IPv4) or ip.frag or ip.proto not in WITH_PORTS:
        return None
    inner = layers[at + 1] if at + 1 < len(layers) else None
    if isinstance(inner, Udp | Tcp):
        return inner.sport, inner.dport
    data = packet.payload
    if inner is None and isinstance(data, bytes) and len(data) >= 4:
        return int.from_bytes(data[:2]), int.from_bytes(data[2:4])
    return None


def flow_of(packet: Packet) -> Flow | None:
    """The flow of a frame or packet; None for what is no IPv4. ICMP errors have no ports: see ``quoted``."""
    at = header_at(packet)
    ip = packet.layers[at] if at is not None else None
    if at is None or not isinstance(ip, IPv4):
        return None
    inner = packet.layers[at + 1] if at + 1 < len(packet.layers) else None
    if isinstance(inner, Icmp):
        ident = 0 if inner.is_error else inner.id
        return (ip.proto, ip.src, ip.dst, ident, ident)
    sport, dport = ports_of(packet, at) or (0, 0)
    return (ip.proto, ip.src, ip.dst, sport, dport)


def is_query(packet: Packet) -> bool:
    """Whether it is an ICMP query (echo and its kin): such a message answers nothing, though it has the identifier of one."""
    message = packet.find(Icmp)
    return message is not None and message.type in _QUERIES


# ------------------------------------------------------------------------------------------------------- translation


class Change(msgspec.Struct, frozen=True):
    """What stands for a source or a destination: an address, and a port (of ICMP echo the identifier) where it is not None."""

    ip: Ip
    port: int | None = None


def translated(packet: Packet, source: Change | None = None, target: Change | None = None) -> Packet:
    """The frame or packet with other addresses and ports; checksums that it carries are corrected (RFC 1624)."""
    at = header_at(packet)
    ip = packet.layers[at] if at is not None else None
    if at is None or not isinstance(ip, IPv4):
        return packet
    src = source.ip if source is not None else ip.src
    dst = target.ip if target is not None else ip.dst
    before, after = (*_words(ip.src), *_words(ip.dst)), (*_words(src), *_words(dst))
    changed = packet.replace(
        at, msgspec.structs.replace(ip, src=src, dst=dst, checksum=_corrected(ip.checksum, before, after))
    )
    if ip.frag or at + 1 == len(packet.layers):
        return changed
    sport = source.port if source is not None else None
    dport = target.port if target is not None else None
    return changed.replace(at + 1, _transport(packet.layers[at + 1], sport, dport, before, after))


def _transport(
    header: AnyHeader, sport: int | None, dport: int | None, before: tuple[int, ...], after: tuple[int, ...]
) -> AnyHeader:
    """UDP and TCP sum up the addresses as well (RFC 768, RFC 9293); ICMP does not (RFC 792)."""
    if isinstance(header, Udp | Tcp):
        old = (header.sport, header.dport)
        new = (header.sport if sport is None else sport, header.dport if dport is None else dport)
        without = isinstance(header, Udp) and header.checksum == 0
        checksum = header.checksum if without else _corrected(header.checksum, (*before, *old), (*after, *new))
        if isinstance(header, Udp) and checksum == 0 and not without:
            checksum = 0xFFFF  # zero would say that there is none (RFC 768)
        return msgspec.structs.replace(header, sport=new[0], dport=new[1], checksum=checksum)
    ident = sport if sport is not None else dport
    if isinstance(header, Icmp) and not header.is_error and ident is not None:
        checksum = _corrected(header.checksum, (header.id,), (ident,))
        return msgspec.structs.replace(header, rest=ident << 16 | header.seq, checksum=checksum)
    return header


def requoted(packet: Packet, source: Change | None = None, target: Change | None = None) -> Packet:
    """An ICMP error whose quotation is translated (RFC 5508 section 4.2); what is none stays as it is."""
    inner = quoted(packet)
    if inner is None:
        return packet
    return Packet(packet.layers, Quoted(translated(inner, source, target), len(packet.payload)), packet.trailer)


def _words(ip: Ip) -> tuple[int, int]:
    return int(ip) >> 16, int(ip) & 0xFFFF


def _corrected(checksum: int | None, before: tuple[int, ...], after: tuple[int, ...]) -> int | None:
    """RFC 1624 equation 3; None stays None: such a checksum is computed when bytes are made."""
    if checksum is None:
        return None
    total = ~checksum & 0xFFFF
    total += sum(~word & 0xFFFF for word in before) + sum(after)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


IPPROTO_TRANSLATED: Final = (IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP)
"""What a gateway that shares one address can translate: it needs a port or an identifier."""
