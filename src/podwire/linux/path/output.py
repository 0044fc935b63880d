"""A packet goes out.

``ip_output``, ``ip_finish_output2``, ``dev_queue_xmit`` and the drivers (net/ipv4/ip_output.c, net/core/dev.c).
"""

from __future__ import annotations

from errno import ENETDOWN, ENOBUFS
from typing import TYPE_CHECKING, Final

from podwire.linux.fib import UNICAST
from podwire.linux.link import Link
from podwire.linux.machine import TRANSMIT_NS
from podwire.linux.neigh import CONNECTED
from podwire.linux.netfilter.hooks import NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING
from podwire.linux.path.bridge import br_dev_xmit
from podwire.linux.path.fragment import ip_fragment
from podwire.linux.path.neighbour import neigh_event_send, neigh_of
from podwire.linux.path.tc import sch_handle_egress
from podwire.trace.events import PACKET_LOOPBACK, ByLink, Created, Dropped, Routed, Transmitted
from podwire.trace.log import Record
from podwire.trace.reasons import DropReason
from podwire.wire.addr import ANY4, Ip, Mac
from podwire.wire.headers import Ethernet
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from collections.abc import Callable

    from podwire.linux.netns import Netns
    from podwire.linux.path.route import Dst
    from podwire.linux.skb import Skb
    from podwire.wire.headers import IPv4

NET_XMIT_DROP: Final = 1
NET_XMIT_CN: Final = 2
_XMIT_RECURSION_LIMIT: Final = 8
_HAS_CABLE: Final = frozenset({"ethernet", "vxlan", "geneve", "ipip", "dummy", "loopback"})
"""Kinds whose carrier is ``Link.plugged`` alone."""
_ETH_HLEN: Final = 14
_VLAN_HLEN: Final = 4
"""A veth's other end takes that much more than its MTU: there might be a VLAN tag."""


def ip_local_out(
    netns: Netns, skb: Skb, dst: Dst, *, parent: int = 0, relation: str = "", tunnelled: bool = False
) -> int:
    """``ip_local_out``: a packet made here starts its way. What it returns: see ``dev_queue_xmit``; -EPERM where OUTPUT drops it.

    ``tunnelled``: it is not born here, a tunnel device put the header in front.
    """
    skb.dst = dst
    skb.tunnel = dst.encap
    skb.local_out = True
    link = dst.link
    assert link is not None  # noqa: S101 - output routes without error have a device
    machine = netns.machine
    if (sink := machine.log.sink) is not None:
        packet = skb.packet
        if not tunnelled:
            sink(Record(machine.world.now, machine.name, netns.label, skb.id, Created(parent, relation, packet)))
        ip: IPv4 = packet.layers[0]  # type: ignore[assignment]
        event = dst.routed
        if event is None or event.dst is not ip.dst or event.src is not ip.src:
            event = dst.routed = Routed(ip.dst, ip.src, dst.by, "", dst.rule)
        sink(Record(machine.world.now, machine.name, netns.label, skb.id, event))
    if (at_hook := netns.at_hook[NF_INET_LOCAL_OUT]) is not None:
        code = at_hook(skb, netns, None, link)
        if code != 1:
            return code
        # It may have been routed again (ip_route_me_harder).
        dst = skb.dst
        link = dst.link
        assert link is not None  # noqa: S101 - else it was dropped
    if dst.type != UNICAST and dst.is_heard_here and not link.is_loopback:
        _loop_back(netns, skb, link, dst)
    return ip_output(netns, skb, link)


def _loop_back(netns: Netns, skb: Skb, link: Link, dst: Dst) -> None:
    """``ip_mc_output`` and ``dev_loopback_xmit``: this host hears its own broadcasts, and what it sends to its own groups."""
    if dst.type == "multicast" and (
        netns.machine.xmit_recursion or (skb.owner is not None and not skb.owner.multicast_loop)
    ):
        # sk_mc_loop: nor what a tunnel device sends.
        return
    copy = type(skb)(skb.packet, netns.machine.world.new_packet_id(), link, skb.eth)
    copy.dst, copy.mark, copy.pkt_type = dst, skb.mark, PACKET_LOOPBACK
    copy.nf_copy(skb)
    if netns.machine.log.on:
        netns.emit(copy.id, Created(skb.id, "loopback", copy.packet))
    if (at_hook := netns.at_hook[NF_INET_POST_ROUTING]) is not None and at_hook(copy, netns, None, link) != 1:
        return
    if not link.is_up:
        # enqueue_to_backlog: netif_running
        link.stats.rx_dropped += 1
        if netns.machine.log.on:
            by = ByLink(link.name, "down", owner=link.owner)
            netns.emit(copy.id, Dropped("enqueue_to_backlog", DropReason.DEV_READY, by, link.name))
        return
    netns.machine.enqueue(copy)
    if skb.owner is not None:
        netns.machine.run_softirq()


def ip_output(netns: Netns, skb: Skb, link: Link) -> int:
    """``ip_output`` and ``ip_finish_output``.

    POSTROUTING, fragment where the packet is longer than the MTU, then the neighbour.
    """
    if (at_hook := netns.at_hook[NF_INET_POST_ROUTING]) is not None:
        came, skb.dev = skb.dev, link
        if (code := at_hook(skb, netns, came, link)) != 1:
            return code
    else:
        skb.dev = link
    dst = skb.dst
    assert dst is not None  # noqa: S101 - routed
    if skb.len > (mtu := link.mtu if dst.device_mtu else ip_skb_dst_mtu(netns, skb, dst)) or skb.frags:
        return ip_fragment(netns, skb, link, mtu)
    if not (link.is_loopback or link.headerless or skb.confirm):
        # ip_finish_output2, where the neighbour is known, without the call.
        entry = dst.neighbour
        hop: Ip = dst.gateway or skb.packet.layers[0].dst  # type: ignore[union-attr,assignment]
        if entry is None or entry.dead or entry.ip != hop:
            entry = dst.neighbour = netns.neighbours.entries.get((hop, link))
        if entry is not None and entry.state in CONNECTED:
            eth = entry.header
            if eth is None or eth.dst is not entry.mac or eth.src is not link.mac:
                eth = entry.header = Ethernet(entry.mac, link.mac)
            skb.eth = eth
            return dev_queue_xmit(link, skb)
    return ip_finish_output2(netns, skb, link)


def ip_skb_dst_mtu(netns: Netns, skb: Skb, dst: Dst) -> int:
    """``ip_skb_dst_mtu``: a forwarded packet, and one of a socket that probes, need not care for what was learned of the path."""
    if not skb.local_out:
        return dst.forward_mtu(netns)
    if (owner := skb.owner) is not None and owner.probes:
        return min(dst.link.mtu if dst.link is not None else 65535, 65535)
    return dst.effective_mtu


def ip_finish_output2(netns: Netns, skb: Skb, link: Link) -> int:
    """``ip_finish_output2``: find the next hop's neighbour entry and send through it."""
    dst = skb.dst
    assert dst is not None  # noqa: S101 - routed
    # arp_constructor: on lo, and on a device with one other end, there is one entry for all.
    if link.is_loopback or (link.headerless and link.pointopoint):
        next_hop: Ip = ANY4
    else:
        next_hop = dst.gateway or skb.packet.layers[0].dst  # type: ignore[union-attr,assignment]
    entry = netns.neighbours.entries.get((next_hop, link)) or neigh_of(link, next_hop)
    if entry is None:
        if netns.machine.log.on:
            by = ByLink(link.name, "neighbour table full", str(len(netns.neighbours)))
            netns.emit(skb.id, Dropped("ip_finish_output2", DropReason.NEIGH_CREATEFAIL, by, link.name))
        return -ENOBUFS
    if skb.confirm:
        # sock_confirm_neigh: the transport made progress, so the next hop works. The mark stays on the packet (F27).
        entry.confirmed = netns.machine.jiffies
    if entry.state in CONNECTED or neigh_event_send(entry, skb):
        # dev_hard_header
        skb.eth = None if link.headerless else Ethernet(entry.mac, link.mac)
        return dev_queue_xmit(link, skb)
    return 0


def dev_hard_header_xmit(link: Link, skb: Skb, mac: Mac) -> int:
    """``dev_hard_header`` and ``dev_queue_xmit``."""
    skb.eth = None if link.headerless else Ethernet(mac, link.mac)
    return dev_queue_xmit(link, skb)


def _dropped(
    link: Link, skb: Skb, where: str, what: str, value: str = "", reason: DropReason = DropReason.DEV_READY
) -> None:
    link.stats.tx_dropped += 1
    if link.netns.machine.log.on:
        link.netns.emit(skb.id, Dropped(where, reason, ByLink(link.name, what, value, link.owner), link.name))


def _noop_enqueue(link: Link, skb: Skb) -> int:
    """``noop_enqueue``: the qdisc of a device without carrier."""
    if link.bridge is not None:
        what = "no forwarding port" if link.bridge.ports else "no bridge port"
        _dropped(link, skb, "noop_enqueue", what, reason=DropReason.QDISC_DROP)
        return NET_XMIT_CN
    far = link.peer
    other = f"{far.netns.label}:{far.name}" if far is not None else ""
    _dropped(link, skb, "noop_enqueue", "no-carrier", other, DropReason.QDISC_DROP)
    return NET_XMIT_CN


def dev_queue_xmit(link: Link, skb: Skb) -> int:
    """``__dev_queue_xmit`` and ``ndo_start_xmit``: taps see the frame, then the driver has it.

    Returns 0, NET_XMIT_DROP, NET_XMIT_CN or a negative errno: with anything but 0 the rest of a fragmented packet is
    not sent (``ip_do_fragment``).

    A device that is down, or has no carrier, has the ``noop`` qdisc: the frame is gone before any tap (F28).
    """
    netns = link.netns
    machine = netns.machine
    if link.tc_egress is not None and (code := sch_handle_egress(skb, link, link.tc_egress)) is not None:
        return code
    if not link.is_up:
        _dropped(link, skb, "__dev_queue_xmit", "down")
        return -ENETDOWN
    peer = link.peer
    kind = link.kind
    # The carrier of a veth is its other end; Link.carrier_ok without the call.
    if not (peer.is_up if peer is not None else link.plugged if kind in _HAS_CABLE else link.carrier_ok):
        return _noop_enqueue(link, skb)
    if link.xmit is not None:
        return _tunnel_xmit(link, skb, link.xmit)
    packet = skb.packet
    eth = skb.eth
    assert eth is not None  # noqa: S101 - the header was built above
    machine.world.now += TRANSMIT_NS
    stats = link.stats
    stats.tx_packets += 1
    stats.tx_bytes += skb.len + link.counted_header
    frame = None
    if (sink := machine.log.sink) is not None:
        frame = Packet((eth,) + packet.layers, packet.payload, packet.trailer)  # noqa: RUF005 - the faster one
        sink(Record(machine.world.now, machine.name, netns.label, skb.id, Transmitted(link.name, frame)))
    if kind == "veth":
        assert peer is not None  # noqa: S101 - a veth without a peer has no carrier
        if skb.len > peer.mtu + _VLAN_HLEN:
            # is_skb_forwardable: longer than the other end takes, and nobody is told.
            # Counted as dropped on both sides, and as sent on none.
            stats.tx_packets -= 1
            stats.tx_bytes -= skb.len + link.counted_header
            peer.stats.rx_dropped += 1
            end = f"{peer.netns.label}:{peer.name} {peer.mtu}"
            _dropped(link, skb, "veth_xmit", "peer mtu", end, DropReason.PKT_TOO_BIG)
            return NET_XMIT_DROP
        # The same skb crosses (veth_forward_skb): route, mark and neighbours are the other side's business, a pending
        # confirmation goes along.
        skb.dev = peer
        skb.dst = None
        skb.local_out = False
        skb.redirect = False
        skb.owner = None
        skb.tunnel = None
        skb.ct = None
        skb.ctinfo = 0
        skb.nf_trace = False
        skb.nf_bridge = None
        skb.frame = frame
        there = peer.netns
        if there is not netns:
            skb.mark = 0
        enqueue = there.machine.enqueue
        enqueue(skb)
    elif kind == "ethernet":
        if link.cable is not None:
            frame = frame or Packet((eth, *packet.layers), packet.payload, packet.trailer)
            link.cable.transmit(frame, skb.id, skb.len + _ETH_HLEN)
    elif kind == "loopback":
        skb.dev = link
        skb.local_out = False
        skb.owner = None
        # It keeps its route: whatever leaves by lo is for this host (__mkroute_output: RTCF_LOCAL).
        machine.enqueue(skb)
    elif kind == "bridge":
        # The route stays (no IFF_XMIT_DST_RELEASE): a tunnel that is a port notes its path MTU.
        skb.owner = None
        br_dev_xmit(skb, link)
    elif sink is not None:
        # A dummy: the frame reaches nobody.
        netns.emit(skb.id, Dropped("dummy_xmit", DropReason.DEV_READY, ByLink(link.name, "dummy device"), link.name))
    return 0


def _tunnel_xmit(link: Link, skb: Skb, xmit: Callable[[Skb, Link], None]) -> int:
    """A tunnel device sends: taps see the inner frame. It counts by itself, and what becomes of the outer packet it keeps to itself."""
    netns = link.netns
    machine = netns.machine
    if machine.xmit_recursion > _XMIT_RECURSION_LIMIT:
        # "Dead loop on virtual device": tunnels whose outer packets lead into each other.
        _dropped(link, skb, "__dev_queue_xmit", "a loop of tunnels", reason=DropReason.NOT_SPECIFIED)
        return -ENETDOWN
    machine.world.now += TRANSMIT_NS
    if (sink := machine.log.sink) is not None:
        packet, eth = skb.packet, skb.eth
        frame = packet if eth is None else Packet((eth, *packet.layers), packet.payload, packet.trailer)
        sink(Record(machine.world.now, machine.name, netns.label, skb.id, Transmitted(link.name, frame)))
    machine.xmit_recursion += 1
    try:
        xmit(skb, link)
    finally:
        machine.xmit_recursion -= 1
    return 0


def net_xmit_errno(code: int) -> int:
    """``net_xmit_errno``: what a socket hears of it: nothing of congestion, ENOBUFS of a drop. 0 or an errno."""
    return -code if code < 0 else ENOBUFS if code == NET_XMIT_DROP else 0


def raw_frame(netns: Netns, link: Link, packet: Packet, packet_id: int) -> None:
    """Send a ready frame by a device, as an AF_PACKET socket does: no route, no neighbour."""
    from podwire.linux.skb import Skb

    eth = packet.layers[0]
    assert isinstance(eth, Ethernet)  # noqa: S101 - the caller gave a frame
    skb = Skb(packet.pull(), packet_id, link, eth)
    skb.local_out = True
    if netns.machine.log.on:
        netns.emit(packet_id, Created(packet=skb.packet))
    dev_queue_xmit(link, skb)
    netns.machine.run_softirq()
