"""``-m socket``: whether there is a socket for the packet (net/netfilter/xt_socket.c, net/ipv4/netfilter/nf_socket_ipv4.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Self

from podwire.linux.netfilter.conntrack.entry import IP_CT_ESTABLISHED_REPLY, IP_CT_RELATED_REPLY, IPS_SRC_NAT_DONE
from podwire.linux.netfilter.conntrack.hooks import nf_defrag_ipv4_disable, nf_defrag_ipv4_enable
from podwire.linux.netfilter.hooks import NF_INET_LOCAL_IN, NF_INET_PRE_ROUTING
from podwire.linux.netfilter.xt.base import Match, MatchFn
from podwire.linux.netfilter.xt.options import Names, Option, Values, words
from podwire.linux.socket import Socket
from podwire.wire.codec import quoted
from podwire.wire.headers import IPPROTO_TCP, IPPROTO_UDP, Icmp, IPv4, Tcp, Udp

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb
    from podwire.wire.addr import Ip
    from podwire.wire.packet import Packet

_PORTS: Final = 4


class SocketMatch(Match, frozen=True, gc=False):
    """A socket bound to any address counts with ``nowildcard`` alone. No socket here is ever transparent."""

    NAME: ClassVar[str] = "socket"
    HOOKS: ClassVar[frozenset[int]] = frozenset({NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN})
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("transparent"),
        Option("nowildcard"),
        Option("restore-skmark"),
    )

    transparent: bool = False
    nowildcard: bool = False
    restore_skmark: bool = False

    @classmethod
    def build(cls, values: Values) -> Self:
        """``socket_mt_parse_v3``."""
        return cls(*(option.name in values for option in cls.OPTIONS))

    def acquire(self, netns: Netns) -> None:
        """``socket_mt_enable_defrag``: a later fragment has no ports to look a socket up by."""
        nf_defrag_ipv4_enable(netns.conntrack)

    def release(self, netns: Netns) -> None:
        """``socket_mt_destroy``."""
        nf_defrag_ipv4_disable(netns.conntrack)

    def compile(self, netns: Netns) -> MatchFn:
        """``socket_match``."""
        transparent, nowildcard, restore = self.transparent, self.nowildcard, self.restore_skmark

        def socket_match(skb: Skb, netns: Netns, iif: Link | None, _oif: Link | None) -> bool:
            found = nf_sk_lookup_slow_v4(netns, skb, iif)
            if found is None or transparent:
                return False
            bound, mark = found
            if not bound and not nowildcard:
                return False
            if restore:
                skb.mark = mark
            return True

        return socket_match

    def save(self) -> str:
        """``socket_mt_save_v3``."""
        flags = (self.transparent, self.nowildcard, self.restore_skmark)
        return words(f"--{option.name}" for option, flag in zip(self.OPTIONS, flags, strict=True) if flag)

    def listing(self, names: Names | None) -> str:
        """``socket_mt_print_v3``."""
        return words(("socket", self.save()))


def nf_sk_lookup_slow_v4(netns: Netns, skb: Skb, iif: Link | None) -> tuple[bool, int] | None:
    """Whether the socket for a packet, or for the packet that an ICMP error is about, is bound to an address, and its mark.

    Answers to connections whose source was translated are looked for under the source that the connection began with.
    """
    owner = skb.owner
    if owner is not None and owner.netns is netns:
        return bool(owner.source if isinstance(owner, Socket) else owner.rcv_saddr), owner.mark
    flow = _flow(skb.packet)
    if flow is None:
        return None
    proto, remote, rport, local, lport = flow
    ct, ctinfo = skb.ct, skb.ctinfo
    answer = IP_CT_RELATED_REPLY if type(skb.packet.layers[1]) is Icmp else IP_CT_ESTABLISHED_REPLY
    if ct is not None and ctinfo == answer and ct.status & IPS_SRC_NAT_DONE:
        local, lport = ct.orig.src, ct.orig.sport
    if proto == IPPROTO_UDP:
        udp = netns.sockets.udp_lookup(remote, rport, local, lport, iif)
        return None if udp is None else (bool(udp.source), udp.mark)
    table = netns.sockets.tcp
    if table is None:
        return None
    sk = table.find(local, lport, remote, rport) or table.lookup_listener(local, lport, iif)
    if sk is not None:
        return bool(sk.rcv_saddr), sk.mark
    key = (local, lport, remote, rport)
    # A handshake or what is left of a connection: sockets that are not full ones, and never count as wildcards.
    return (True, 0) if key in table.requests or key in table.timewait else None


def _flow(packet: Packet) -> tuple[int, Ip, int, Ip, int] | None:
    """(protocol, remote address, remote port, local address, local port); ``extract_icmp4_fields`` for an ICMP error."""
    layers = packet.layers
    ip = layers[0]
    header = layers[1] if len(layers) > 1 else None
    if not isinstance(ip, IPv4):
        return None
    if isinstance(header, Tcp | Udp):
        return ip.proto, ip.src, header.sport, ip.dst, header.dport
    inner = quoted(packet) if isinstance(header, Icmp) else None
    if inner is None or not isinstance(inner.layers[0], IPv4):
        return None
    about = inner.layers[0]
    if about.proto not in {IPPROTO_TCP, IPPROTO_UDP}:
        return None
    sender = inner.layers[1] if len(inner.layers) > 1 else None
    if isinstance(sender, Tcp | Udp):
        return about.proto, about.dst, sender.dport, about.src, sender.sport
    data = inner.payload
    if not isinstance(data, bytes) or len(data) < _PORTS:
        return None
    return about.proto, about.dst, int.from_bytes(data[2:4], "big"), about.src, int.from_bytes(data[:2], "big")
