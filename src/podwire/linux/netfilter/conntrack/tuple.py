"""Tuples: one direction of a connection as the table is asked for it (``nf_ct_get_tuple``, ``nf_ct_invert_tuple``).

A tuple is (source, destination, protocol, source port, destination port); of ICMP the third pair is (id, ``type << 8 | code``).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from podwire.trace.events import Flow
from podwire.wire.headers import (
    ICMP_ECHO,
    ICMP_ECHOREPLY,
    ICMP_TIMESTAMP,
    ICMP_TIMESTAMPREPLY,
    IPPROTO_ICMP,
    IPPROTO_TCP,
    IPPROTO_UDP,
    Icmp,
    IPv4,
    Tcp,
    Udp,
)
from podwire.wire.packet import Quoted

if TYPE_CHECKING:
    from podwire.wire.addr import Ip
    from podwire.wire.packet import Packet

IPPROTO_DCCP: Final = 33
IPPROTO_GRE: Final = 47
IPPROTO_SCTP: Final = 132
IPPROTO_UDPLITE: Final = 136
_WITH_PORTS: Final = frozenset({IPPROTO_SCTP, IPPROTO_UDPLITE})
"""Protocols without a header type of their own here whose first four bytes are two ports."""
WITH_PORTS: Final = frozenset({IPPROTO_TCP, IPPROTO_UDP, *_WITH_PORTS})
"""Protocols whose tuples have ports."""

ALLOW_CLASH: Final = frozenset({IPPROTO_UDP, IPPROTO_UDPLITE, IPPROTO_GRE})
"""``nf_conntrack_l4proto.allow_clash``: two first packets of one flow may join."""

_GRE_BASE: Final = 4
_GRE_VERSION: Final = 7
_GRE_PPP: Final = b"\x88\x0b"
_PPTP_HEADER: Final = 8

ICMP_INFO_REQUEST: Final = 15
ICMP_INFO_REPLY: Final = 16
ICMP_ADDRESS: Final = 17
ICMP_ADDRESSREPLY: Final = 18
ICMP_ANSWER: Final = MappingProxyType(
    {
        ICMP_ECHO: ICMP_ECHOREPLY,
        ICMP_ECHOREPLY: ICMP_ECHO,
        ICMP_TIMESTAMP: ICMP_TIMESTAMPREPLY,
        ICMP_TIMESTAMPREPLY: ICMP_TIMESTAMP,
        ICMP_INFO_REQUEST: ICMP_INFO_REPLY,
        ICMP_INFO_REPLY: ICMP_INFO_REQUEST,
        ICMP_ADDRESS: ICMP_ADDRESSREPLY,
        ICMP_ADDRESSREPLY: ICMP_ADDRESS,
    }
)
"""``invmap``: the type of message that answers a type."""

Tuple5 = tuple["Ip", "Ip", int, int, int]


def nf_ct_get_tuplepr(packet: Packet) -> Tuple5 | None:
    """``nf_ct_get_tuplepr``: the tuple of a packet; None for a later fragment and where the ports are cut off."""
    layers = packet.layers
    ip = layers[0]
    if type(ip) is not IPv4 or ip.frag:
        return None
    header = layers[1] if len(layers) > 1 else None
    kind = type(header)
    proto = ip.proto
    if kind is Udp or kind is Tcp:
        return ip.src, ip.dst, proto, header.sport, header.dport  # type: ignore[union-attr]
    if kind is Icmp:
        return ip.src, ip.dst, proto, header.rest >> 16, header.type << 8 | header.code  # type: ignore[union-attr]
    if proto == IPPROTO_ICMP:
        return None
    if proto in WITH_PORTS:
        data = packet.payload
        if isinstance(data, Quoted) or len(data) < 4:
            return None
        return ip.src, ip.dst, proto, data[0] << 8 | data[1], data[2] << 8 | data[3]
    if proto == IPPROTO_GRE:
        key = _gre_key(packet.payload)
        return None if key is None else (ip.src, ip.dst, proto, 0, key)
    return ip.src, ip.dst, proto, 0, 0


def _gre_key(data: bytes | Quoted) -> int | None:
    """``gre_pkt_to_tuple``: PPTP's version 1 has a call id and carries PPP; every other version is one flow; None for what is neither."""
    if isinstance(data, Quoted) or len(data) < _GRE_BASE or data[1] & _GRE_VERSION != 1:
        return 0
    if len(data) < _PPTP_HEADER:
        return 0
    return data[6] << 8 | data[7] if data[2:4] == _GRE_PPP else None


def nf_ct_invert(flow: Tuple5) -> Flow | None:
    """``nf_ct_invert_tuple``: how the answers come; None for a type of ICMP message that has none."""
    src, dst, proto, sport, dport = flow
    if proto == IPPROTO_ICMP:
        answer = ICMP_ANSWER.get(dport >> 8)
        return None if answer is None else Flow(dst, src, proto, sport, answer << 8 | dport & 0xFF)
    return Flow(dst, src, proto, dport, sport)


def shown(flow: Flow) -> Flow:
    """The tuple as events show it: of ICMP the id stands in both places."""
    if flow.proto != IPPROTO_ICMP:
        return flow
    src, dst, proto, number, _ = flow
    return Flow(src, dst, proto, number, number)
