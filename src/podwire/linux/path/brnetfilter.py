"""Frames that pass a bridge meet the rules of iptables (net/bridge/br_netfilter_hooks.c; module ``br_netfilter``).

A frame with IPv4 inside passes PREROUTING where it comes in, FORWARD and POSTROUTING where it goes out, with the bridge as input and
as output device. Addresses are translated on the way: without this the answer of a pod that reached another one through a
Service goes back on the bridge directly, from an address that the asker knows nothing of.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from podwire.linux.neigh import CONNECTED
from podwire.linux.netfilter.bridge import NfBridge
from podwire.linux.netfilter.conntrack.confirm import nf_conntrack_confirm
from podwire.linux.netfilter.conntrack.entry import IPS_CONFIRMED
from podwire.linux.netfilter.hooks import (
    NF_ACCEPT,
    NF_INET_FORWARD,
    NF_INET_POST_ROUTING,
    NF_INET_PRE_ROUTING,
)
from podwire.linux.path.fragment import ip_do_fragment
from podwire.linux.path.neighbour import neigh_event_send, neigh_of
from podwire.linux.path.routein import ip_route_input
from podwire.trace.events import PACKET_HOST, PACKET_OTHERHOST, ByLink, Dropped, Routed
from podwire.trace.reasons import DropReason
from podwire.wire.headers import ETH_P_IP, Ethernet, IPv4
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from collections.abc import Callable

    from podwire.linux.bridge import Bridge, Port
    from podwire.linux.link import Link
    from podwire.linux.skb import Skb


def br_nf_pre_routing(skb: Skb, port: Port) -> bool:
    """``br_nf_pre_routing`` and ``br_nf_pre_routing_finish``: False where the bridge has nothing more to do with the frame."""
    eth, layers = skb.eth, skb.packet.layers
    if eth is None or eth.type != ETH_P_IP or not layers or type(layers[0]) is not IPv4:
        return True
    bridge = port.bridge.link
    netns = bridge.netns
    if not br_validate_ipv4(skb, port.link):
        return False
    info = skb.nf_bridge = NfBridge(port.link)
    if skb.pkt_type == PACKET_OTHERHOST:
        skb.pkt_type, info.otherhost = PACKET_HOST, True
    info.in_prerouting = True
    skb.dev = bridge
    info.daddr = layers[0].dst
    at_hook = netns.at_hook[NF_INET_PRE_ROUTING]
    if at_hook is not None and at_hook(skb, netns, bridge, None) != 1:
        return False
    info.in_prerouting = False
    _restore_type(skb, info)
    ip = skb.ip
    if ip.dst != info.daddr:
        return _daddr_was_changed(skb, port, ip)
    skb.dst = None
    skb.dev = port.link
    return True


def br_validate_ipv4(skb: Skb, link: Link) -> bool:
    """``br_validate_ipv4``: is the header sound? Padding of the frame ends here."""
    ip, packet = skb.ip, skb.packet
    length = ip.total_length
    if ip.checksum is not None or (length is not None and not ip.size <= length <= skb.len + len(packet.trailer)):
        if link.netns.machine.log.on:
            by = ByLink(link.name, "IPv4 header", str(length) if length is not None else f"{ip.checksum:#06x}")
            link.netns.emit(skb.id, Dropped("br_nf_pre_routing", DropReason.IP_INHDR, by, link.name))
        return False
    if packet.trailer:
        inside = max((length or 0) - skb.len, 0)
        skb.packet = Packet(packet.layers, packet.payload, packet.trailer[:inside])
    return True


def _restore_type(skb: Skb, info: NfBridge) -> None:
    if info.otherhost:
        skb.pkt_type, info.otherhost = PACKET_OTHERHOST, False


def _daddr_was_changed(skb: Skb, port: Port, ip: IPv4) -> bool:
    """DNAT: where the new destination is behind this bridge the frame is bridged to it, else the bridge itself shall route it."""
    bridge = port.bridge.link
    netns = bridge.netns
    # What the lookup says of redirects is lost: ip_rcv clears it (IPCB), and does not look up again.
    dst = skb.dst = copy(ip_route_input(netns, ip.dst, ip.src, bridge, skb.mark, ip.tos & 0x1C))
    dst.redirect = False
    log_on = netns.machine.log.on
    if dst.kind == "drop":
        if log_on:
            reason = dst.reason or DropReason.NOT_SPECIFIED
            netns.emit(skb.id, Dropped("br_nf_pre_routing_finish", reason, dst.why, bridge.name))
        return False
    assert skb.eth is not None  # noqa: S101 - a frame
    if dst.kind == "forward" and dst.link is bridge:
        if log_on:
            netns.emit(skb.id, Routed(ip.dst, ip.src, dst.by, bridge.name, dst.rule))
        return br_nf_pre_routing_finish_bridge(skb, port)
    skb.eth = Ethernet(bridge.mac, skb.eth.src, skb.eth.type)
    skb.pkt_type = PACKET_HOST
    skb.dev = port.link
    return True


def br_nf_pre_routing_finish_bridge(skb: Skb, port: Port) -> bool:
    """``br_nf_pre_routing_finish_bridge``: on to the MAC address of the new destination, if need be after it has been asked for."""
    bridge = port.bridge.link
    dst, info, eth = skb.dst, skb.nf_bridge, skb.eth
    assert dst is not None  # noqa: S101 - just looked up
    assert info is not None  # noqa: S101 - made above
    assert eth is not None  # noqa: S101 - a frame
    entry = neigh_of(bridge, dst.gateway or skb.ip.dst)
    if entry is None:
        if bridge.netns.machine.log.on:
            by = ByLink(bridge.name, "neighbour table full")
            bridge.netns.emit(
                skb.id,
                Dropped("br_nf_pre_routing_finish_bridge", DropReason.NEIGH_CREATEFAIL, by, bridge.name),
            )
        return False
    if entry.state in CONNECTED:
        skb.eth = Ethernet(entry.mac, eth.src, eth.type)
        skb.dev = port.link
        return True
    info.bridged_dnat = True
    info.src_mac = eth.src
    skb.dev = bridge
    if neigh_event_send(entry, skb):
        from podwire.linux.path.output import dev_hard_header_xmit

        dev_hard_header_xmit(bridge, skb, entry.mac)
    return False


def br_nf_dev_xmit(skb: Skb, link: Link) -> bool:
    """``br_nf_dev_xmit``: True for a frame that waited for a MAC address: it is bridged on, as from its sender."""
    info = skb.nf_bridge
    if info is None or not info.bridged_dnat:
        return False
    from podwire.linux.path.bridge import br_handle_frame_finish

    assert skb.eth is not None  # noqa: S101 - the header was just built
    assert info.src_mac is not None  # noqa: S101 - noted with it
    info.bridged_dnat = False
    skb.eth = Ethernet(skb.eth.dst, info.src_mac, skb.eth.type)
    skb.dev = info.physin
    info.physout = None
    # It was no frame of the bridge itself.
    link.stats.tx_packets -= 1
    link.stats.tx_bytes -= skb.len + link.counted_header
    if info.physin is not None and info.physin.port is not None:
        br_handle_frame_finish(skb, info.physin.port)
    return True


def br_nf_local_in(skb: Skb, *, promisc: bool) -> bool:
    """``br_nf_local_in``: the bridge itself gets the frame, or a copy; False where that ends here."""
    ct = skb.ct
    if promisc:
        skb.nf_reset()
        return True
    if ct is None or skb.pkt_type == PACKET_HOST or ct.status & IPS_CONFIRMED or ct.net is None:
        return True
    return nf_conntrack_confirm(skb, ct.net) == NF_ACCEPT


def br_nf_forward(skb: Skb, bridge: Bridge, port: Port, push: Callable[[Skb, Port], None]) -> None:
    """``br_nf_forward_ip``, ``br_nf_post_routing``, ``br_nf_dev_queue_xmit``: out by a port, through FORWARD and POSTROUTING."""
    info = skb.nf_bridge
    assert info is not None  # noqa: S101 - asked by the caller
    link = bridge.link
    netns = link.netns
    if skb.pkt_type == PACKET_OTHERHOST:
        skb.pkt_type, info.otherhost = PACKET_HOST, True
    if not br_validate_ipv4(skb, port.link):
        return
    info.physout = port.link
    if (at_hook := netns.at_hook[NF_INET_FORWARD]) is not None and at_hook(skb, netns, link, link) != 1:
        return
    if (at_hook := netns.at_hook[NF_INET_POST_ROUTING]) is not None and at_hook(skb, netns, None, link) != 1:
        return
    _restore_type(skb, info)
    br_nf_dev_queue_xmit(skb, bridge, port, push)


def br_nf_dev_queue_xmit(skb: Skb, bridge: Bridge, port: Port, push: Callable[[Skb, Port], None]) -> None:
    """``br_nf_dev_queue_xmit``: what was joined on its way, or is longer than the port takes, is cut again; with DF it is lost."""
    link = port.link
    longest = max(skb.frags) + skb.ip.size if skb.frags else 0
    skb.nf_bridge = None
    if skb.len <= (min(link.mtu, longest) if longest else link.mtu):
        push(skb, port)
        return
    # ip_skb_dst_mtu: that of the bridge (bridge_parent_rtable).
    mtu = bridge.link.mtu
    # Joined fragments are cut again with DF, too (skb->ignore_df).
    if (skb.ip.df and not skb.frags) or longest > mtu:
        if link.netns.machine.log.on:
            by = ByLink(link.name, "mtu", str(link.mtu))
            link.netns.emit(skb.id, Dropped("br_nf_ip_fragment", DropReason.PKT_TOO_BIG, by, link.name))
        return
    eth = skb.eth

    def output(piece: Skb) -> int:
        piece.eth, piece.bridged, piece.pkt_type = eth, skb.bridged, skb.pkt_type
        push(piece, port)
        return 0

    ip_do_fragment(link.netns, skb, link, mtu, output)
