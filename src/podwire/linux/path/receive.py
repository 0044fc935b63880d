"""A frame comes in: ``net_rx_action`` and ``ip_rcv`` (net/core/dev.c, net/ipv4/ip_input.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.bridge import ip_sabotage_in
from podwire.linux.netfilter.hooks import NF_INET_PRE_ROUTING
from podwire.linux.path import arp
from podwire.linux.path.bridge import br_handle_frame
from podwire.linux.path.forward import ip_forward
from podwire.linux.path.icmp import ip_error
from podwire.linux.path.input import ip_local_deliver
from podwire.linux.path.passage import note, pass_on
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
from podwire.trace.log import Record
from podwire.trace.reasons import DropReason
from podwire.wire.headers import ETH_P_ARP, ETH_P_IP, IPPROTO_IGMP, Arp, IPv4, Tcp, Udp
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.machine import Machine
    from podwire.linux.netns import Netns
    from podwire.linux.path.route import Dst
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


def net_rx_action(machine: Machine) -> None:
    """``net_rx_action``: the backlog until it is empty, then what tunnels have decapsulated, and again."""
    backlog, cells = machine.backlog, machine.cells
    while True:
        while backlog:
            # process_backlog and netif_receive_skb: count the frame, and see for whom it is.
            skb = backlog.popleft()
            link = skb.dev
            if link is None or not link.is_up or skb.pkt_type == PACKET_LOOPBACK:
                _receive_other(skb, link)
                continue
            eth = skb.eth
            stats = link.stats
            stats.rx_packets += 1
            if eth is None:
                skb.pkt_type = PACKET_HOST
                stats.rx_bytes += skb.len
            else:
                skb.pkt_type = PACKET_HOST if eth.dst == link.mac else eth_type_trans(skb, link)
                stats.rx_bytes += skb.len + link.counted_header
            netif_receive_skb_core(skb, link)
        if not cells:
            return
        for _ in range(len(cells)):
            skb = cells.popleft()
            assert skb.dev is not None  # noqa: S101 - the tunnel
            netif_receive_skb_core(skb, skb.dev)


def _receive_other(skb: Skb, link: Link | None) -> None:
    """What is not counted: a copy of an own broadcast, and a frame whose device went down, or away, while it waited."""
    if link is None:
        return
    if link.is_up:
        skb.iif = link
        ip_rcv(skb, link, link.netns)
    elif link.netns.machine.log.on:
        by = ByLink(link.name, "down")
        link.netns.emit(skb.id, Dropped("enqueue_to_backlog", DropReason.DEV_READY, by, link.name))


def netif_receive_skb_core(skb: Skb, link: Link) -> None:
    """``__netif_receive_skb_core``: taps, the program at the tc hook, the bridge whose port the device is, protocols."""
    netns = link.netns
    machine = netns.machine
    skb.iif = link
    eth = skb.eth
    if (sink := machine.log.sink) is not None:
        frame = skb.frame
        if frame is None:
            packet = skb.packet
            frame = packet if eth is None else Packet((eth, *packet.layers), packet.payload, packet.trailer)
        event = Received(link.name, frame, skb.pkt_type)
        sink(Record(machine.world.now, machine.name, netns.label, skb.id, event))
    skb.frame = None
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
    kind = type(layers[0]) if layers else None
    if kind is IPv4 and (eth is None or eth.type == ETH_P_IP):
        ip_rcv(skb, link, netns)
    elif kind is Arp and (eth is None or eth.type == ETH_P_ARP):
        arp.arp_rcv(skb, link)
    elif sink is not None:
        what = f"EtherType {eth.type:#06x}" if eth is not None else "frame"
        netns.emit(
            skb.id, Dropped("__netif_receive_skb_core", DropReason.UNHANDLED_PROTO, ByNotModelled(what), link.name)
        )


def _drop(netns: Netns, skb: Skb, where: str, reason: DropReason, link: Link, what: str = "", value: str = "") -> None:
    if netns.machine.log.on:
        netns.emit(skb.id, Dropped(where, reason, ByLink(link.name, what, value) if what else None, link.name))


def ip_rcv_core(skb: Skb, link: Link, netns: Netns, ip: IPv4) -> bool:
    """``ip_rcv_core``: False where the packet is for somebody else, or its header says what cannot be."""
    packet = skb.packet
    if skb.pkt_type == PACKET_OTHERHOST:
        eth = skb.eth
        _drop(netns, skb, "ip_rcv", DropReason.OTHERHOST, link, "lladdr", str(eth.dst) if eth is not None else "")
        return False
    if ip.checksum is not None:
        _drop(netns, skb, "ip_rcv", DropReason.IP_CSUM, link, "header checksum", f"{ip.checksum:#06x}")
        return False
    length = ip.total_length
    if length is not None:
        if length > skb.len + len(packet.trailer):
            _drop(netns, skb, "ip_rcv", DropReason.PKT_TOO_SMALL, link, "total length", str(length))
            return False
        if length < ip.size:
            _drop(netns, skb, "ip_rcv", DropReason.IP_INHDR, link, "total length", str(length))
            return False
    if packet.trailer:
        # pskb_trim_rcsum: what the link layer padded ends here; padding of a frame inside a tunnel is part of the datagram.
        inside = max((length or 0) - skb.len, 0)
        skb.packet = Packet(packet.layers, packet.payload, packet.trailer[:inside])
    return True


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


def ip_rcv(skb: Skb, link: Link, netns: Netns) -> None:  # noqa: C901 - two functions of the kernel, and the look into the cache
    """``ip_rcv`` and ``ip_rcv_finish``: header checks, PREROUTING; then route once, and deliver, forward or answer with an error."""
    packet = skb.packet
    ip: IPv4 = packet.layers[0]  # type: ignore[assignment]
    if (
        skb.pkt_type == PACKET_OTHERHOST or packet.trailer or ip.total_length is not None or ip.checksum is not None
    ) and not ip_rcv_core(skb, link, netns, ip):
        return
    at_hook = netns.at_hook[NF_INET_PRE_ROUTING]
    if at_hook is not None and not (skb.nf_bridge is not None and ip_sabotage_in(skb)):
        if at_hook(skb, netns, link, None) != 1:
            return
        ip = skb.packet.layers[0]  # type: ignore[assignment]
        ct = skb.ct
        if (
            ct is not None
            and (passage := ct.passages[skb.ctinfo]) is not None
            and (dst := passage.dst) is not None
            and passage.generation == netns.generation
            and passage.iif is link
            and passage.mark == skb.mark
            and skb.dst is None
            and pass_on(skb, netns, passage, dst, ip)
        ):
            return
    # -- ip_rcv_finish
    dst = skb.dst
    routed = None
    if dst is None:
        # A packet that came over lo still has the route it left with; every other one is looked up.
        if netns.custom_rules or netns.exceptions or skb.mark or ip.tos:
            ports = early_flow_dissect(netns, skb)
            dst = ip_route_input(netns, ip.dst, ip.src, link, skb.mark, ip.tos & 0x1C, ports)
        else:
            # ip_route_input without the call, where only the addresses have a say.
            dst = netns.input_routes.get((ip.dst, ip.src, link))
            if dst is None:
                dst = ip_route_input(netns, ip.dst, ip.src, link)
        routed = dst.routed
        skb.dst = dst
        skb.tunnel = dst.encap
    kind = dst.kind
    if kind != "forward" and kind != "local":  # noqa: PLR1714 - a set would be hashed for every packet
        other = _no_input_route(skb, link, netns, ip, dst)
        if other is None:
            return
        if other is not dst:
            routed = None
        dst, kind = other, other.kind
    machine = netns.machine
    if (sink := machine.log.sink) is not None:
        event = routed or Routed(ip.dst, ip.src, dst.by, link.name, dst.rule)
        sink(Record(machine.world.now, machine.name, netns.label, skb.id, event))
    if ip.options and (option := _option_with_work(ip.options)):
        # ip_rcv_options would write into it, or follow it.
        if sink is not None:
            by = ByNotModelled(f"IP option {option}")
            netns.emit(skb.id, Dropped("ip_rcv_options", DropReason.NOT_MODELLED, by, link.name))
        return
    if skb.pkt_type != PACKET_HOST and _unicast_in_l2_multicast(skb, link, netns, dst):
        return
    if kind == "forward":
        skb.redirect = dst.redirect
        if (ct := skb.ct) is not None and routed is not None:
            note(skb, netns, link, dst, ct)
        ip_forward(skb, link, netns)
    elif kind == "error":
        ip_error(skb, link, netns, dst)
    else:
        ip_local_deliver(skb, link, netns)


def _unicast_in_l2_multicast(skb: Skb, link: Link, netns: Netns, dst: Dst) -> bool:
    """A unicast packet in a frame to all or many, and somebody switched that off: it ends here."""
    if (
        skb.pkt_type not in _L2_MULTICAST
        or dst.type in {"broadcast", "multicast"}
        or not (netns.conf_all.drop_unicast_in_l2_multicast or link.conf.drop_unicast_in_l2_multicast)
    ):
        return False
    if netns.machine.log.on:
        switch = sysctl(netns, link, "drop_unicast_in_l2_multicast")
        netns.emit(skb.id, Dropped("ip_rcv_finish", DropReason.UNICAST_IN_L2_MULTICAST, switch, link.name))
    return True


def _no_input_route(skb: Skb, link: Link, netns: Netns, ip: IPv4, dst: Dst) -> Dst | None:
    """A packet whose route is none of those that ``ip_route_input`` gives to forward or deliver: None where it ends here."""
    if dst.kind == "output" and dst.type == "unicast" and not dst.is_own:
        # What a tunnel in a bridge says about a packet of this host has the route of that packet (dst_discard).
        if netns.machine.log.on:
            netns.emit(skb.id, Dropped("dst_discard", DropReason.NOT_SPECIFIED, dst.by, link.name))
        return None
    if dst.kind == "drop" and ip.proto == IPPROTO_IGMP and ip.dst.is_multicast:
        dst = skb.dst = igmp_route_input(netns, ip.dst, ip.src, link, skb.mark, ip.tos & 0x1C)
    if dst.kind == "drop":
        if netns.machine.log.on:
            netns.emit(skb.id, Dropped("ip_rcv_finish", dst.reason or DropReason.NOT_SPECIFIED, dst.why, link.name))
        return None
    return dst
