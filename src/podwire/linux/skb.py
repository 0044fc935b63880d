"""A packet inside a machine: ``struct sk_buff``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.trace.events import PACKET_HOST

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netfilter.bridge import NfBridge
    from podwire.linux.netfilter.conntrack.entry import Connection
    from podwire.linux.path.route import Dst
    from podwire.linux.socket import Socket
    from podwire.linux.tcp.sock import TcpSock
    from podwire.linux.tunnel import TunnelInfo
    from podwire.wire.headers import Ethernet, IPv4
    from podwire.wire.packet import Packet

_SIZEOF_SK_BUFF: Final = 256
_SIZEOF_SHARED_INFO: Final = 320
_SMALL_HEAD: Final = 576
"""SKB_SMALL_HEAD_CACHE_SIZE: 256 bytes of data and the skb_shared_info, from a cache of their own."""
_ALLOC_EXTRA: Final = 31
"""What __ip_append_data asks for beyond the datagram: LL_RESERVED_SPACE of an Ethernet device (16) and 15 to align."""


class Skb:
    """``packet`` starts with the network header; ``eth`` is the MAC header it came with or will leave with.

    ``len`` is the packet's ``size``: whoever exchanges the packet keeps it right. ``frame`` is ``eth`` and ``packet`` as one,
    where what transmitted it had to build that, and whoever receives it needs not. ``id`` stays the same across cables.
    ``confirm`` is ``dst_pending_confirm``: it survives a veth, not a NIC (F27).
    """

    __slots__ = (
        "bridged",
        "charged",
        "cloned",
        "confirm",
        "ct",
        "ctinfo",
        "dev",
        "dst",
        "eth",
        "frags",
        "frame",
        "hash",
        "id",
        "iif",
        "len",
        "local_out",
        "mark",
        "nf_bridge",
        "nf_trace",
        "owner",
        "packet",
        "pkt_type",
        "redirect",
        "tunnel",
    )

    def __init__(
        self, packet: Packet, packet_id: int, dev: Link | None = None, eth: Ethernet | None = None, length: int = 0
    ) -> None:
        self.packet = packet
        # Whoever knows the packet's size spares this.
        self.len = length or packet.size
        self.frags: tuple[int, ...] = ()
        """Of a datagram that was joined on its way: how many bytes each piece brought (``frag_list``, ``IPCB(skb)->frag_max_size``)."""
        self.frame: Packet | None = None
        self.id = packet_id
        self.dev = dev
        self.eth = eth
        self.iif: Link | None = dev
        self.mark = 0
        self.ct: Connection | None = None
        """``skb_nfct``: the connection that it belongs to, and how (``ctinfo``)."""
        self.ctinfo = 0
        self.nf_trace = False
        """The target TRACE marked it."""
        self.nf_bridge: NfBridge | None = None
        """What br_netfilter knows of a frame of a bridge."""
        self.pkt_type = PACKET_HOST
        self.dst: Dst | None = None
        self.confirm = False
        self.hash = 0
        """``skb->hash`` where a socket has set it (``skb_set_hash_from_sk``): it survives a veth. 0: the flow is hashed where need be."""
        self.owner: Socket | TcpSock | None = None
        """``skb->sk``, until the packet has left."""
        self.cloned = False
        """``skb_cloned``: a TCP socket that has sent it still keeps its data."""
        self.charged = 0
        """What it takes of the owner's send buffer while it waits for a neighbour."""
        self.redirect = False
        """IPSKB_DOREDIRECT."""
        self.bridged = 0
        """How many bridges it, or what it is a copy of, has passed."""
        self.tunnel: TunnelInfo | None = None
        """``skb_tunnel_info``: what a collect-metadata device put there, or shall find there."""
        self.local_out = False
        """The packet was made here: ``icmp_send`` reads it as an output route."""

    def charge(self, size: int) -> None:
        """``skb_set_owner_w``, for a packet that has to wait."""
        if self.owner is not None:
            self.charged = size
            self.owner.wmem += size

    def uncharge(self) -> None:
        """``sock_wfree``."""
        if self.owner is not None:
            self.owner.wmem -= self.charged
            self.charged = 0

    def nf_reset(self) -> None:
        """``nf_reset_ct`` and ``nf_reset_trace``: it leaves the namespace, or a tunnel's header comes or goes."""
        self.ct = None
        self.ctinfo = 0
        self.nf_trace = False

    def nf_copy(self, other: Skb) -> None:
        """``__nf_copy``: a clone belongs to the same connection."""
        self.ct, self.ctinfo, self.nf_trace, self.nf_bridge = other.ct, other.ctinfo, other.nf_trace, other.nf_bridge

    @property
    def inet_iif(self) -> Link | None:
        """``inet_iif``: by which device a socket takes it to have come: an own address's, where it came over ``lo``."""
        dst = self.dst
        return dst.iif if dst is not None and dst.iif is not None else self.iif

    @property
    def ip(self) -> IPv4:
        """The IPv4 header; only asked for packets that start with one."""
        return self.packet.layers[0]  # type: ignore[return-value]


def truesize(skb: Skb) -> int:
    """``skb->truesize`` of a packet made by a socket on x86-64: its head as the allocator rounds it, and the sk_buff (F30).

    ``__alloc_skb``: data and skb_shared_info in whole cache lines; small heads have their own cache, others kmalloc's powers of two.
    """
    return truesize_of(skb.len)


def truesize_of(length: int) -> int:
    """The same of a datagram, or a fragment, of that many bytes with its IP header."""
    head = (length + _ALLOC_EXTRA + 63 & ~63) + _SIZEOF_SHARED_INFO
    rounded = _SMALL_HEAD if head <= _SMALL_HEAD else 1 << (head - 1).bit_length()
    return rounded + _SIZEOF_SK_BUFF
