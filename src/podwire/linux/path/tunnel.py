"""What tunnel devices share: the outer header, its way out, ECN, path MTU.

Sources: net/ipv4/ip_tunnel_core.c, net/ipv4/udp_tunnel_core.c, include/net/inet_ecn.h, include/net/udp_tunnel.h.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.path.output import NET_XMIT_CN, ip_local_out
from podwire.linux.path.route import ip_route_output
from podwire.linux.path.rtupdate import ip_rt_update_pmtu
from podwire.linux.skb import Skb
from podwire.trace.events import PACKET_HOST, By, ByLink, ByRoute, Created, Dropped, IcmpSent, Routed
from podwire.trace.reasons import DropReason
from podwire.wire.addr import ANY4, Ip4
from podwire.wire.headers import (
    ETH_P_IP,
    ICMP_DEST_UNREACH,
    ICMP_FRAG_NEEDED,
    IPPROTO_ICMP,
    IPPROTO_UDP,
    Ethernet,
    Icmp,
    IPv4,
    Tcp,
    Udp,
)
from podwire.wire.packet import Packet, Quoted

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.path.route import Dst
    from podwire.wire.addr import Ip

__all__ = [
    "INET_ECN_CE",
    "inner_ip",
    "ip_tunnel_ecn_decap",
    "ip_tunnel_ecn_encap",
    "iptunnel_pull_header",
    "iptunnel_xmit",
    "outer_header",
    "skb_tunnel_check_pmtu",
    "tunnel_error",
    "udp_flow_src_port",
    "udp_tunnel_dst_lookup",
]

INET_ECN_MASK: Final = 3
INET_ECN_ECT_1: Final = 1
INET_ECN_ECT_0: Final = 2
INET_ECN_CE: Final = 3
_WITH_PORTS: Final = (Tcp, Udp)
_HASHES: Final = 8192
"""So many flows' hashes are kept."""
_MIX: Final = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)
"""Odd numbers of 64 bits without a pattern, which spread what they are multiplied with over the upper half."""
_QUOTE: Final = 548
"""576 bytes less the headers of the error."""
_MIN_REPLY: Final = 576
"""For a smaller MTU a tunnel in a bridge says nothing."""


def inner_ip(skb: Skb) -> IPv4 | None:
    """The IPv4 header that a tunnel device looks at; None for ARP and others."""
    head = skb.packet.layers[0] if skb.packet.layers else None
    return head if type(head) is IPv4 else None


def ip_tunnel_ecn_encap(tos: int, inner: IPv4 | None) -> int:
    """``ip_tunnel_ecn_encap``: the outer TOS with the inner packet's ECN; CE becomes ECT(0) (RFC 6040 section 4.1 "compatibility", F84)."""
    ecn = (inner.tos if inner is not None else 0) & INET_ECN_MASK
    if ecn == INET_ECN_CE:
        ecn = INET_ECN_ECT_0
    return tos & ~INET_ECN_MASK | ecn


def ip_tunnel_ecn_decap(outer: IPv4, inner: IPv4) -> IPv4 | None:
    """``__INET_ECN_decapsulate``: the inner header with the congestion that the outer one met, None where the packet must go.

    It goes where the outer says CE and the inner is not ECN-capable; ECT(1) outside makes ECT(1) of ECT(0) (RFC 6040 section 4.2).
    """
    outside, inside = outer.tos & INET_ECN_MASK, inner.tos & INET_ECN_MASK
    if outside == INET_ECN_ECT_1 and inside == INET_ECN_ECT_0:
        ecn = INET_ECN_ECT_1
    elif outside != INET_ECN_CE or inside == INET_ECN_CE:
        return inner
    elif inside == 0:
        return None
    else:
        ecn = INET_ECN_CE
    return IPv4(
        inner.src,
        inner.dst,
        inner.proto,
        inner.ttl,
        inner.tos & ~INET_ECN_MASK | ecn,
        inner.id,
        inner.df,
        inner.mf,
        inner.frag,
        inner.options,
        inner.evil,
        inner.total_length,
        inner.checksum,
    )


def udp_flow_src_port(netns: Netns, skb: Skb, low: int, high: int) -> int:
    """``udp_flow_src_port``: a port in [``low``, ``high``) from a hash of the inner flow; (0, 0) is the ephemeral range (F87).

    The kernel's hash is seeded per boot; ours is stable: addresses in order of size, protocol, and ports where there are any
    (F88: an ICMP id does not count), so both directions and both nodes get the same port. A TCP socket has drawn one, which goes
    with its packets as far as the next cable (F89).
    """
    if not high:
        low, high = netns.settings["ip_local_port_range"]  # type: ignore[misc]
    if skb.hash:
        return ((skb.hash ^ skb.hash << 16) & 0xFFFFFFFF) * (high - low) // (1 << 32) + low
    layers = skb.packet.layers
    ip = layers[0] if layers else None
    if type(ip) is not IPv4:
        # Of ARP, and of all that is no IP, the EtherType alone counts: the same for everybody.
        number = (skb.eth.type if skb.eth is not None else 0) * _MIX[0] >> 32 & 0xFFFFFFFF
        return (number * (high - low) >> 32) + low
    transport = layers[1] if len(layers) > 1 else None
    if type(transport) in _WITH_PORTS and not (ip.mf or ip.frag):
        key = (ip.src, ip.dst, ip.proto, transport.sport, transport.dport)  # type: ignore[union-attr]
    else:
        key = (ip.src, ip.dst, ip.proto, 0, 0)
    known = netns.flow_hashes.get(key)
    if known is None:
        if len(netns.flow_hashes) > _HASHES:
            netns.flow_hashes.clear()
        known = netns.flow_hashes[key] = _flow_hash(*key)
    return (known * (high - low) >> 32) + low


def _flow_hash(a: int, b: int, proto: int, first: int, second: int) -> int:
    """``__flow_hash_consistentify``: the two directions are one, addresses and ports each by themselves. 32 bits."""
    number = (a * _MIX[0] + b * _MIX[1] if a < b else b * _MIX[0] + a * _MIX[1]) + proto * _MIX[2]
    if first or second:
        number += ((second << 16 | first) if first > second else (first << 16 | second)) * _MIX[3]
    return number >> 32 & 0xFFFFFFFF


def udp_tunnel_dst_lookup(
    netns: Netns, skb: Skb, link: Link, where: str, dst: Ip, src: Ip, tos: int, oif: Link | None
) -> Dst | None:
    """``udp_tunnel_dst_lookup``: the way of the outer packet; None where there is none, and the packet has been discarded.

    The packet's mark counts (F99).
    """
    ports = (IPPROTO_UDP, 0, 0) if netns.custom_rules else None
    route = ip_route_output(netns, dst, src, oif=oif, mark=skb.mark, tos=tos & 0x1C, ports=ports)
    if route.kind == "error" or route.link is link:
        tunnel_error(skb, link, where, dst, route)
        return None
    return route


def tunnel_error(skb: Skb, link: Link, where: str, dst: Ip, route: Dst | None) -> None:
    """``tx_error``: the packet goes, and the device counts why: as a collision (ELOOP), or without a carrier (ENETUNREACH).

    ``route`` is what was found on the way to ``dst``: one that leads back to ``link``, an error, or None where nothing was looked up.
    """
    stats = link.stats
    stats.tx_errors += 1
    circular = route is not None and route.kind != "error"
    if circular:
        stats.collisions += 1
    else:
        stats.tx_carrier += 1
    if not link.netns.machine.log.on:
        return
    by: By = ByRoute("none", str(dst), table="")
    if route is not None:
        link.netns.emit(skb.id, Routed(dst, route.src or ANY4, route.by, "", route.rule))
        by = ByLink(link.name, "circular route", str(dst), link.owner) if circular else route.why or route.by
    link.netns.emit(skb.id, Dropped(where, DropReason.NOT_SPECIFIED, by, link.name))


def outer_header(netns: Netns, dst: Dst, src: Ip, to: Ip, proto: int, tos: int, ttl: int, *, df: bool) -> IPv4:
    """The header that ``iptunnel_xmit`` installs: ``ttl`` 0 is the default of the route, or of the namespace (F82).

    A route whose MTU is locked takes DF away.
    """
    ttl = ttl or dst.hoplimit or netns.setting("ip_default_ttl")
    return IPv4(src, to, proto, ttl, tos, netns.new_ip_id(), df and not dst.locked)


def iptunnel_xmit(netns: Netns, skb: Skb, dst: Dst, packet: Packet, length: int, link: Link) -> None:
    """``iptunnel_xmit``: ``packet``, which begins with the outer header, leaves as a local packet of the machine.

    The mark stays unless it changes namespace (F99); route, input device and MAC header are new. ``length`` is the packet's size;
    what the device counts is the inner datagram's length.
    """
    pkt_len = skb.len
    skb.packet = packet
    skb.len = length
    skb.eth = None
    skb.redirect = False
    skb.pkt_type = PACKET_HOST
    skb.iif = None
    skb.dev = link
    skb.ct = None
    skb.ctinfo = 0
    skb.nf_trace = False
    if link.netns is not netns:
        skb.mark = 0
    code = ip_local_out(netns, skb, dst, tunnelled=True)
    stats = link.stats
    if code and code != NET_XMIT_CN:
        stats.tx_dropped += 1
    else:
        stats.tx_packets += 1
        stats.tx_bytes += pkt_len


def iptunnel_pull_header(
    skb: Skb, link: Link, netns: Netns, packet: Packet, eth: Ethernet | None, length: int = 0
) -> None:
    """``__iptunnel_pull_header``: what was inside goes on as received by ``link``; ``netns`` is where it came out.

    ``length`` is the packet's size, where the caller knows it. The mark stays unless it changes namespace (F99).
    """
    skb.packet = packet
    skb.len = length or packet.size
    skb.eth = eth
    skb.dev = link
    skb.dst = None
    skb.iif = None
    skb.local_out = False
    skb.redirect = False
    skb.frags = ()
    skb.owner = None
    skb.tunnel = None
    skb.ct = None
    skb.ctinfo = 0
    skb.nf_trace = False
    if link.netns is not netns:
        skb.mark = 0


def skb_tunnel_check_pmtu(skb: Skb, link: Link, dst: Dst, headroom: int) -> Skb | None:
    """``skb_tunnel_check_pmtu``: what is too long for the outer way is noted for its destination (F93).

    A tunnel in a bridge answers with "fragmentation needed" itself, which its device receives: that packet is returned, and the
    one it is about is gone. None where the packet goes on.
    """
    mtu = dst.effective_mtu - headroom
    if skb.len <= mtu:
        return None
    packet = skb.packet
    ip = packet.layers[0]
    if type(ip) is not IPv4:
        return None
    if skb.dst is not None:
        ip_rt_update_pmtu(link.netns, skb.dst, ip.dst, mtu)
    if link.port is None or not _pmtud_answers(packet, ip, mtu):
        return None
    return _pmtud_build_icmp(skb, link, dst, mtu)


def _pmtud_answers(packet: Packet, ip: IPv4, mtu: int) -> bool:
    """``iptunnel_pmtud_check_icmp``."""
    src, to = Ip4(ip.src), Ip4(ip.dst)
    if mtu < _MIN_REPLY or not ip.df or ip.mf or ip.frag:
        return False
    if to.is_lbcast or to.is_multicast or src.is_zeronet or src.is_loopback or src.is_lbcast or src.is_multicast:
        return False
    inner = packet.layers[1] if len(packet.layers) > 1 else None
    return not (isinstance(inner, Icmp) and inner.is_error)


def _pmtud_build_icmp(skb: Skb, link: Link, dst: Dst, mtu: int) -> Skb:
    """``iptunnel_pmtud_build_icmp``: as if the other end had sent it; the identification is 0, the TTL the packet's."""
    ip, eth, netns = skb.ip, skb.eth, link.netns
    assert eth is not None  # noqa: S101 - a device that is a port has frames
    header = IPv4(ip.dst, ip.src, IPPROTO_ICMP, ip.ttl, 0, 0, True)
    quote = Quoted(skb.packet, min(skb.len, _QUOTE))
    error = Skb(
        Packet((header, Icmp(ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu)), quote), netns.machine.world.new_packet_id()
    )
    error.eth = Ethernet(eth.src, eth.dst, ETH_P_IP)
    error.dev, error.mark, error.dst = link, skb.mark, skb.dst
    if netns.machine.log.on:
        netns.emit(skb.id, IcmpSent(ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, ip.src, ip.dst, error.id))
        netns.emit(error.id, Created(skb.id, "icmp-error", error.packet))
        by = ByLink(dst.link.name if dst.link is not None else link.name, "mtu", str(mtu))
        netns.emit(skb.id, Dropped("skb_tunnel_check_pmtu", DropReason.PKT_TOO_BIG, by, link.name))
    return error
