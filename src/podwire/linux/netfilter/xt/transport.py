"""The two ports with which most transport headers begin, for matches that know several protocols (``skb_header_pointer``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.wire.headers import Tcp, Udp

if TYPE_CHECKING:
    from podwire.wire.packet import Packet

PORT_NAMES: Final = {6: "tcp", 17: "udp", 136: "udplite", 132: "sctp", 33: "dccp"}
"""``proto_to_name`` of libxt_multiport: the protocols that have ports."""
PORTS_AT_4: Final = 51
"""AH: the only protocol whose "ports" are not the first four bytes (``proto_ports_offset``)."""
PORTS_AT_0: Final = frozenset({6, 17, 33, 50, 132, 136})
"""``proto_ports_offset``: TCP, UDP, DCCP, ESP, SCTP, UDP-Lite."""


def ports_of(packet: Packet) -> tuple[int, int] | None:
    """Source and destination port: the first four bytes behind the IP header; None where there are not so many."""
    layers = packet.layers
    if len(layers) > 1:
        header = layers[1]
        if type(header) is Tcp or type(header) is Udp:
            return header.sport, header.dport
    return two_ports(packet, 0)


def two_ports(packet: Packet, at: int) -> tuple[int, int] | None:
    """Four bytes ``at`` so many behind the IP header, of a packet with no other header that is known."""
    data = packet.payload
    if len(packet.layers) != 1 or not isinstance(data, bytes) or len(data) < at + 4:
        return None
    return int.from_bytes(data[at : at + 2], "big"), int.from_bytes(data[at + 2 : at + 4], "big")
