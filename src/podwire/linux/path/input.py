"""Delivery to this machine: ``ip_local_deliver`` and the transport protocols' receivers (net/ipv4/ip_input.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podwire.linux.netfilter.hooks import NF_INET_LOCAL_IN
from podwire.linux.path.checksum import udp_is_sound
from podwire.linux.path.fragment import ip_defrag
from podwire.linux.path.icmp import icmp_rcv, icmp_send
from podwire.linux.path.igmp import igmp_rcv
from podwire.linux.path.iptunnel import tunnel4_rcv
from podwire.linux.path.tcp import tcp_v4_rcv
from podwire.trace.events import ByLink, Delivered, Dropped
from podwire.trace.reasons import DropReason
from podwire.wire.headers import (
    ICMP_DEST_UNREACH,
    ICMP_PORT_UNREACH,
    ICMP_PROT_UNREACH,
    IPPROTO_ICMP,
    IPPROTO_IGMP,
    IPPROTO_IPIP,
    IPPROTO_TCP,
    IPPROTO_UDP,
    Icmp,
    IPv4,
    Tcp,
    Udp,
)

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb


def ip_local_deliver(skb: Skb, link: Link, netns: Netns) -> None:
    """``ip_local_deliver``: join fragments, INPUT, raw sockets, then the protocol."""
    layers = skb.packet.layers
    ip: IPv4 = layers[0]  # type: ignore[assignment]
    if ip.mf or ip.frag:
        whole = ip_defrag(netns, skb, link)
        if whole is None:
            return
        skb = whole
        layers = skb.packet.layers
        ip = layers[0]  # type: ignore[assignment]
    if (at_hook := netns.at_hook[NF_INET_LOCAL_IN]) is not None:
        if at_hook(skb, netns, link, None) != 1:
            return
        layers = skb.packet.layers
        ip = layers[0]  # type: ignore[assignment]
    sockets = netns.sockets
    raw = sockets.raw_deliver(skb) if sockets.raw else False
    transport = layers[1] if len(layers) > 1 else None
    proto = ip.proto
    if proto == IPPROTO_ICMP and type(transport) is Icmp:
        icmp_rcv(netns, skb, link, transport, raw=raw)
        return
    if proto == IPPROTO_UDP and type(transport) is Udp:
        udp_rcv(netns, skb, link, transport, raw=raw)
        return
    log_on = netns.machine.log.on
    if proto == IPPROTO_TCP and type(transport) is Tcp:
        tcp_v4_rcv(netns, skb, link, transport)
    elif proto == IPPROTO_IPIP and "ipip" in netns.machine.modules:
        if not tunnel4_rcv(netns, skb, link):
            icmp_send(netns, skb, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH)
            if log_on:
                by = ByLink(link.name, "no tunnel device", str(ip.src))
                netns.emit(skb.id, Dropped("tunnel4_rcv", DropReason.NOT_SPECIFIED, by, link.name))
    elif proto == IPPROTO_IGMP:
        igmp_rcv(netns, skb, link)
    elif raw:
        if log_on:
            netns.emit(skb.id, Delivered("socket", "raw"))
    else:
        icmp_send(netns, skb, ICMP_DEST_UNREACH, ICMP_PROT_UNREACH)
        if log_on:
            by = ByLink(link.name, "protocol", str(ip.proto))
            netns.emit(skb.id, Dropped("ip_protocol_deliver_rcu", DropReason.IP_NOPROTO, by, link.name))


def udp_rcv(netns: Netns, skb: Skb, link: Link, udp: Udp, *, raw: bool) -> None:
    """``__udp4_lib_rcv``: a socket takes the datagram, or "port unreachable" goes back (F163)."""
    packet = skb.packet
    if udp.length is not None and not 8 <= udp.length <= skb.len - skb.ip.size + len(packet.trailer):
        if netns.machine.log.on:
            by = ByLink(link.name, "UDP length", str(udp.length))
            netns.emit(skb.id, Dropped("udp_rcv", DropReason.PKT_TOO_SMALL, by, link.name))
        return
    if udp.checksum and not udp_is_sound(packet):
        if netns.machine.log.on:
            by = ByLink(link.name, "UDP checksum", f"{udp.checksum:#06x}")
            netns.emit(skb.id, Dropped("udp_rcv", DropReason.UDP_CSUM, by, link.name))
        return
    encap = netns.sockets.encap
    if encap and (tunnel := encap.get(udp.dport)) is not None:
        rcv = tunnel.rcv
        rcv(tunnel, netns, skb, link)
        return
    ip = skb.ip
    log_on = netns.machine.log.on
    socket = netns.sockets.udp_lookup(ip.src, udp.sport, ip.dst, udp.dport, skb.inet_iif)
    if socket is not None:
        socket.receive(skb)
        if log_on:
            netns.emit(skb.id, Delivered("socket", f"udp port {udp.dport}"))
        return
    skb.ct, skb.ctinfo = None, 0
    if skb.dst is not None and skb.dst.is_own:
        icmp_send(netns, skb, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH)
    if log_on:
        if raw:
            netns.emit(skb.id, Delivered("socket", "raw"))
            return
        by = ByLink(link.name, "udp port", str(udp.dport))
        netns.emit(skb.id, Dropped("udp_rcv", DropReason.NO_SOCKET, by, link.name))
