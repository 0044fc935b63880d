"""A packet goes out.

``ip_output``, ``ip_finish_output2``, ``dev_queue_xmit`` and the drivers (net/ipv4/ip_output.c, net/core/dev.c).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.link import Link
from podwire.linux.machine import TRANSMIT_NS
from podwire.linux.neigh import CONNECTED
from podwire.linux.path.fragment import ip_fragment
from podwire.linux.path.neighbour import neigh_event_send, neigh_of
from podwire.trace.events import ByLink, Created, Dropped, Routed, Transmitted
from podwire.trace.reasons import DropReason
from podwire.wire.addr import NO_MAC, Mac
from podwire.wire.headers import ETH_P_IP, Ethernet
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.linux.netns import Netns
    from podwire.linux.path.route import Dst
    from podwire.linux.skb import Skb

_VLAN_HLEN: Final = 4
"""A veth's other end takes that much more than its MTU: there might be a VLAN tag."""


def ip_local_out(netns: Netns, skb: Skb, dst: Dst, *, parent: int = 0, relation: str = "") -> None:
    """``ip_local_out``: a packet made here starts its way (behind OUTPUT)."""
    ip = skb.ip
    skb.dst = dst
    skb.local_out = True
    link = dst.link
    assert link is not None  # noqa: S101 - output routes without error have a device
    if netns.machine.log.on:
        netns.emit(skb.id, Created(parent, relation, skb.packet))
        netns.emit(skb.id, Routed(ip.dst, ip.src, dst.by, "", dst.rule))
    ip_output(netns, skb, link)


def ip_output(netns: Netns, skb: Skb, link: Link) -> None:
    """``ip_output`` and ``ip_finish_output``.

    (POSTROUTING,) fragment where the packet is longer than the MTU, then the neighbour.
    """
    dst = skb.dst
    assert dst is not None  # noqa: S101 - routed
    mtu = dst.effective_mtu
    if skb.packet.size > mtu:
        ip_fragment(netns, skb, link, mtu)
        return
    ip_finish_output2(netns, skb, link)


def ip_finish_output2(netns: Netns, skb: Skb, link: Link) -> None:
    """``ip_finish_output2``: find the next hop's neighbour entry and send through it."""
    dst = skb.dst
    assert dst is not None  # noqa: S101 - routed
    if link.is_loopback:
        dev_hard_header_xmit(link, skb, NO_MAC)
        return
    if dst.type == "broadcast":
        dev_hard_header_xmit(link, skb, link.broadcast)
        return
    next_hop = dst.gateway or skb.ip.dst
    if dst.type == "multicast":
        # RFC 1112: 01:00:5e and the lower 23 bits.
        dev_hard_header_xmit(link, skb, Mac(0x01005E000000 | int(next_hop) & 0x7FFFFF))
        return
    entry = netns.neighbours.get(next_hop, link) or neigh_of(link, next_hop)
    if entry is None:
        if netns.machine.log.on:
            by = ByLink(link.name, "neighbour table full", str(len(netns.neighbours)))
            netns.emit(skb.id, Dropped("ip_finish_output2", DropReason.NEIGH_CREATEFAIL, by, link.name))
        return
    if skb.confirm:
        # sock_confirm_neigh: the transport made progress, so the next hop works. The mark stays on the packet (F27).
        entry.confirmed = netns.machine.jiffies
    if entry.state in CONNECTED or neigh_event_send(entry, skb):
        dev_hard_header_xmit(link, skb, entry.mac)


def dev_hard_header_xmit(link: Link, skb: Skb, mac: Mac) -> None:
    """``dev_hard_header`` and ``dev_queue_xmit``."""
    skb.eth = Ethernet(mac, link.mac, ETH_P_IP)
    dev_queue_xmit(link, skb)


def _dropped(
    link: Link, skb: Skb, where: str, what: str, value: str = "", reason: DropReason = DropReason.DEV_READY
) -> None:
    link.stats.tx_dropped += 1
    if link.netns.machine.log.on:
        link.netns.emit(skb.id, Dropped(where, reason, ByLink(link.name, what, value, link.owner), link.name))


def dev_queue_xmit(link: Link, skb: Skb) -> None:
    """``__dev_queue_xmit`` and ``ndo_start_xmit``: taps see the frame, then the driver has it.

    A device that is down, or has no carrier, has the ``noop`` qdisc: the frame is gone before any tap (F28).
    """
    netns = link.netns
    machine = netns.machine
    if not link.is_up:
        _dropped(link, skb, "__dev_queue_xmit", "down")
        return
    if not link.carrier and link.kind != "bridge":
        far = link.peer
        other = f"{far.netns.label}:{far.name}" if far is not None else ""
        _dropped(link, skb, "noop_enqueue", "no-carrier", other, DropReason.QDISC_DROP)
        return
    packet = skb.packet
    eth = skb.eth
    assert eth is not None  # noqa: S101 - the header was built above
    world = machine.world
    world.now += TRANSMIT_NS
    stats = link.stats
    stats.tx_packets += 1
    # loopback_xmit counts behind eth_type_trans, without the header.
    stats.tx_bytes += packet.size + (0 if link.is_loopback else 14)
    kind = link.kind
    if kind == "ethernet" or machine.log.on:
        frame = Packet((eth, *packet.layers), packet.payload, packet.trailer)
        if machine.log.on:
            netns.emit(skb.id, Transmitted(link.name, frame))
        if kind == "ethernet":
            if link.cable is not None:
                link.cable.transmit(frame, skb.id)
            return
    if kind == "veth":
        peer = link.peer
        assert peer is not None  # noqa: S101 - a veth without a peer has no carrier
        if packet.size > peer.mtu + _VLAN_HLEN:
            # is_skb_forwardable: longer than the other end takes, and nobody is told.
            # Counted as dropped on both sides, and as sent on none.
            stats.tx_packets -= 1
            stats.tx_bytes -= packet.size + 14
            peer.stats.rx_dropped += 1
            end = f"{peer.netns.label}:{peer.name} {peer.mtu}"
            _dropped(link, skb, "veth_xmit", "peer mtu", end, DropReason.PKT_TOO_BIG)
            return
        # The same skb crosses (veth_forward_skb): route, mark and neighbours are the other side's business, a pending
        # confirmation goes along.
        skb.dev = peer
        skb.dst = None
        skb.local_out = False
        skb.redirect = False
        if peer.netns is not netns:
            skb.mark = 0
        peer.netns.machine.enqueue(skb)
    elif kind == "loopback":
        skb.dev = link
        skb.local_out = False
        dst = skb.dst
        if dst is not None and dst.type not in {"local", "broadcast", "multicast"}:
            skb.dst = None
        machine.enqueue(skb)
    else:
        # A bridge without ports, a dummy: the frame reaches nobody.
        what = "no bridge port" if kind == "bridge" else "dummy device"
        if machine.log.on:
            netns.emit(
                skb.id,
                Dropped(
                    "br_dev_xmit" if kind == "bridge" else "dummy_xmit",
                    DropReason.DEV_READY,
                    ByLink(link.name, what),
                    link.name,
                ),
            )


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
