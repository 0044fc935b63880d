"""A packet inside a machine: ``struct sk_buff``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podwire.trace.events import PACKET_HOST

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.path.route import Dst
    from podwire.wire.headers import Ethernet, IPv4
    from podwire.wire.packet import Packet


class Skb:
    """``packet`` starts with the network header; ``eth`` is the MAC header it came with or will leave with.

    ``id`` stays the same across cables. ``confirm`` is ``dst_pending_confirm``: it survives a veth, not a NIC (F27).
    """

    __slots__ = ("confirm", "dev", "dst", "eth", "id", "iif", "local_out", "mark", "packet", "pkt_type", "redirect")

    def __init__(self, packet: Packet, packet_id: int, dev: Link | None = None, eth: Ethernet | None = None) -> None:
        self.packet = packet
        self.id = packet_id
        self.dev = dev
        self.eth = eth
        self.iif: Link | None = dev
        self.mark = 0
        self.pkt_type = PACKET_HOST
        self.dst: Dst | None = None
        self.confirm = False
        self.redirect = False
        """IPSKB_DOREDIRECT."""
        self.local_out = False
        """The packet was made here: ``icmp_send`` reads it as an output route."""

    @property
    def ip(self) -> IPv4:
        """The IPv4 header; only asked for packets that start with one."""
        return self.packet.layers[0]  # type: ignore[return-value]
