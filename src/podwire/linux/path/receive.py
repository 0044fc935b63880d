"""A frame comes in: ``netif_receive_skb`` and ``ip_rcv`` (net/core/dev.c, net/ipv4/ip_input.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.hooks import NF_INET_PRE_ROUTING, nf_hook
from podwire.linux.path import arp
from podwire.linux.path.bridge import br_handle_frame
from podwire.linux.path.forward import ip_forward
from podwire.linux.path.icmp import ip_error
from podwire.linux.path.input import ip_local_deliver
from podwire.linux.path.routein import igmp_route_input, ip_route_input
from podwire.linux.path.tc import sch_handle_ingress
from podwire.linux.path.why import sysctl
from podwire.trace.events import (
    PACKET_BROADCAST,
    PACKET_HOST,
    PACKET_LOOPBACK,
    PACKET_MULTICAST,
    PACKET_OTHERHOST,
    ByLink,
    ByNotModelled,
    Dropped,
    Received,
    Routed,
)
from podwire.trace.reasons import DropReason
from podwire.wire.headers import ETH_P_ARP, ETH_P_IP, IPPROTO_IGMP, Arp, IPv4, Tcp, Udp
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

_L2_MULTICAST: Final = frozenset({PACKET_BROADCAST, PACKET_MULTICAST})
_NOP: Final = 1
_IDLE_OPTIONS: Final = frozenset({_NOP, 148})


def eth_type_trans(skb: Skb, link: Link) -> int:
    """``eth_type_trans``: for whom is the frame?"""
    eth = skb.eth
    if eth is None or eth.dst == link.mac:
        return PACKET_HOST
    if eth.dst == link.broadcast:
        return PACKET_BROADCAST
    return PACKET_MULTICAST if eth.dst.is_multicast else PACKET_OTHERHOST


def netif_receive_skb(skb: Skb) -> None:
    """``netif_receive_skb``: count the frame, and see for whom it is."""
    link = skb.dev
    if link is None or not link.is_up:
        # The device went down, or away, while the frame waited in the backlog.
        if link is not None and link.netns.machine.log.on:
            link.netns.emit(
                skb.id, Dropped("enqueue_to_backlog", DropReason.DEV_READY, ByLink(link.name, "down"), link.name)
            )
        return
    netns = link.netns
    skb.iif = link
    if skb.pkt_type == PACKET_LOOPBACK:
        ip_rcv(skb, link, netns)
        return
    eth = skb.eth
    skb.pkt_type = PACKET_HOST if eth is None or eth.dst == link.mac else eth_type_trans(skb, link)
    stats = link.stats
    stats.rx_packets += 1
    stats.rx_bytes += skb.len if eth is None or link.is_loopback else skb.len + 14
    netif_receive_skb_core(skb, link)


def netif_receive_skb_core(skb: Skb, link: Link) -> None:
    """``__netif_receive_skb_core``: taps, the program at the tc hook, the bridge whose port the device is, protocols."""
    netns = link.netns
    skb.iif = link
    log_on = netns.machine.log.on
    eth = skb.eth
    frame, skb.frame = skb.frame, None
    if log_on:
        packet = skb.packet
        if frame is None:
            frame = packet if eth is None else Packet((eth, *packet.layers), packet.payload, packet.trailer)
        netns.emit(skb.id, Received(link.name, frame, skb.pkt_type))
    if link.tc_ingress is not None:
        onward = sch_handle_ingress(skb, link, link.tc_ingress)
        if onward is not link:
            if onward is not None:
                # another_round: the program handed it to the other end of a veth.
                netif_receive_skb_core(skb, onward)
            return
        eth = skb.eth
    if link.port is not None and br_handle_frame(skb, link.port):
        return
    layers = skb.packet.layers
    header = layers[0] if layers else None
    kind = type(header)
    if kind is IPv4 and (eth is None or eth.type == ETH_P_IP):
        ip_rcv(skb, link, netns)
    elif kind is Arp and (eth is None or eth.type == ETH_P_ARP):
        arp.arp_rcv(skb, link)
    elif log_on:
        what = f"EtherType {eth.type:#06x}" if eth is not None else "frame"
        netns.emit(
            skb.id, Dropped("__netif_receive_skb_core", DropReason.UNHANDLED_PROTO, ByNotModelled(what), link.name)
        )


def _drop(netns: Netns, skb: Skb, where: str, reason: DropReason, link: Link, what: str = "", value: str = "") -> None:
    if netns.machine.log.on:
        netns.emit(skb.id, Dropped(where, reason, ByLink(link.name, what, value) if what else None, link.name))


def ip_rcv(skb: Skb, link: Link, netns: Netns) -> None:
    """``ip_rcv``: header checks, PREROUTING, then the route."""
    packet = skb.packet
    ip: IPv4 = packet.layers[0]  # type: ignore[assignment]
    if skb.pkt_type == PACKET_OTHERHOST:
        eth = skb.eth
        _drop(netns, skb, "ip_rcv", DropReason.OTHERHOST, link, "lladdr", str(eth.dst) if eth is not None else "")
        return
    if ip.checksum is not None:
        _drop(netns, skb, "ip_rcv", DropReason.IP_CSUM, link, "header checksum", f"{ip.checksum:#06x}")
        return
    length = ip.total_length
    if length is not None:
        if length > skb.len + len(packet.trailer):
            _drop(netns, skb, "ip_rcv", DropReason.PKT_TOO_SMALL, link, "total length", str(length))
            return
        if length < ip.size:
            _drop(netns, skb, "ip_rcv", DropReason.IP_INHDR, link, "total length", str(length))
            return
    if packet.trailer:
        # pskb_trim_rcsum: what the link layer padded ends here; padding of a frame inside a tunnel is part of the datagram.
        inside = max((length or 0) - skb.len, 0)
        skb.packet = Packet(packet.layers, packet.payload, packet.trailer[:inside])
    if (hooks := netns.hooks[NF_INET_PRE_ROUTING]) and nf_hook(hooks, skb, netns, link) != 1:
        return
    ip_rcv_finish(skb, link, netns)


def _option_with_work(options: bytes) -> int:
    """The first option that a receiver or router has to act on.

    0 where there is none (end, NOP and router alert need nothing here).
    """
    index = 0
    while index < len(options) and options[index]:
        kind = options[index]
        if kind not in _IDLE_OPTIONS:
            return kind
        index += 1 if kind == _NOP or index + 1 >= len(options) else max(options[index + 1], 1)
    return 0


def early_flow_dissect(netns: Netns, skb: Skb) -> tuple[int, int, int] | None:
    """``fib4_rules_early_flow_dissect``: protocol and ports, where a rule asks for them."""
    if not netns.dissects:
        return None
    header = skb.packet.layers[1] if len(skb.packet.layers) > 1 else None
    if isinstance(header, Udp | Tcp):
        return skb.ip.proto, header.sport, header.dport
    return skb.ip.proto, 0, 0


def ip_rcv_finish(skb: Skb, link: Link, netns: Netns) -> None:
    """``ip_rcv_finish``: route once, then deliver, forward or answer with an error."""
    ip: IPv4 = skb.packet.layers[0]  # type: ignore[assignment]
    dst = skb.dst
    if dst is None:
        # A packet that came over lo still has the route it left with; every other one is looked up.
        ports = early_flow_dissect(netns, skb) if netns.custom_rules else None
        dst = skb.dst = ip_route_input(netns, ip.dst, ip.src, link, skb.mark, ip.tos & 0x1C, ports)
        skb.tunnel = dst.encap
    kind = dst.kind
    log_on = netns.machine.log.on
    if kind == "output" and dst.type == "unicast" and not dst.is_own:
        # What a tunnel in a bridge says about a packet of this host has the route of that packet (dst_discard).
        if log_on:
            netns.emit(skb.id, Dropped("dst_discard", DropReason.NOT_SPECIFIED, dst.by, link.name))
        return
    if kind == "drop" and ip.proto == IPPROTO_IGMP and ip.dst.is_multicast:
        dst = skb.dst = igmp_route_input(netns, ip.dst, ip.src, link, skb.mark, ip.tos & 0x1C)
        kind = dst.kind
    if kind == "drop":
        if log_on:
            netns.emit(skb.id, Dropped("ip_rcv_finish", dst.reason or DropReason.NOT_SPECIFIED, dst.why, link.name))
        return
    if log_on:
        netns.emit(skb.id, Routed(ip.dst, ip.src, dst.by, link.name, dst.rule))
    if ip.options and (option := _option_with_work(ip.options)):
        # ip_rcv_options would write into it, or follow it.
        if log_on:
            by = ByNotModelled(f"IP option {option}")
            netns.emit(skb.id, Dropped("ip_rcv_options", DropReason.NOT_MODELLED, by, link.name))
        return
    if (
        skb.pkt_type in _L2_MULTICAST
        and dst.type not in {"broadcast", "multicast"}
        and (netns.conf_all.drop_unicast_in_l2_multicast or link.conf.drop_unicast_in_l2_multicast)
    ):
        if log_on:
            switch = sysctl(netns, link, "drop_unicast_in_l2_multicast")
            netns.emit(skb.id, Dropped("ip_rcv_finish", DropReason.UNICAST_IN_L2_MULTICAST, switch, link.name))
        return
    if kind == "forward":
        skb.redirect = dst.redirect
        ip_forward(skb, link, netns)
    elif kind == "error":
        ip_error(skb, link, netns, dst)
    else:
        ip_local_deliver(skb, link, netns)
