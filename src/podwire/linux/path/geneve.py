"""GENEVE: what is put around a frame, and what is taken off (drivers/net/geneve.c, RFC 8926; kernel sheet R2).

A device has one remote, or (``external``) takes VNI, remote and options from each packet. There is no forwarding database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from podwire.linux.path.tunnel import (
    inner_ip,
    ip_tunnel_ecn_decap,
    ip_tunnel_ecn_encap,
    iptunnel_pull_header,
    iptunnel_xmit,
    skb_tunnel_check_pmtu,
    udp_flow_src_port,
    udp_tunnel_dst_lookup,
)
from podwire.linux.tunnel import INHERIT, GeneveConfig, TunnelInfo
from podwire.trace.events import (
    PACKET_BROADCAST,
    PACKET_HOST,
    PACKET_MULTICAST,
    PACKET_OTHERHOST,
    By,
    ByLink,
    Decapsulated,
    Dropped,
    Encapsulated,
)
from podwire.trace.reasons import DropReason
from podwire.wire.addr import ANY4
from podwire.wire.codec import DecodeError, from_bytes, to_bytes
from podwire.wire.headers import ETH_P_IP, ETH_P_TEB, IPPROTO_UDP, Ethernet, Geneve, IPv4, Udp
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.path.route import Dst
    from podwire.linux.skb import Skb
    from podwire.linux.sockets import UdpEncap

GENEVE_IPV4_HLEN: Final = 50
"""IP, UDP and the fixed GENEVE header, and the inner Ethernet header."""
_NO_CSUM: Final = 0
_CRITICAL: Final = 0x80
"""The highest bit of an option's type: who does not know it must not use the packet."""


# -- out ----------------------------------------------------------------------------------------------------------


def geneve_xmit(skb: Skb, link: Link) -> None:
    """``geneve_xmit``: to the device's remote, or to where the packet's metadata says."""
    config = link.tunnel
    assert isinstance(config, GeneveConfig)  # noqa: S101 - it is this device's driver
    if not config.external:
        info = TunnelInfo(id=config.vni, dst=config.remote, ttl=config.ttl, tos=config.tos, csum=config.udp_csum)
        geneve_xmit_skb(skb, link, config, info)
    elif skb.tunnel is not None and skb.tunnel.tx:
        geneve_xmit_skb(skb, link, config, skb.tunnel)
    else:
        link.stats.tx_dropped += 1
        by = ByLink(link.name, "no tunnel metadata", owner=link.owner)
        _drop(skb, link, "geneve_xmit", DropReason.TUNNEL_TXINFO, by)


def geneve_xmit_skb(skb: Skb, link: Link, config: GeneveConfig, info: TunnelInfo) -> None:
    """``geneve_xmit_skb``: TOS, way, path MTU, TTL and DF, then the headers."""
    netns = link.tunnel_netns
    assert netns is not None  # noqa: S101 - it was set up
    inner = inner_ip(skb)
    tos = info.tos
    if tos == INHERIT and not config.external:
        tos = inner.tos if inner is not None else 0
    dst = udp_tunnel_dst_lookup(netns, skb, link, "geneve_xmit_skb", info.dst, info.src, tos, None)
    if dst is None:
        return
    src = info.src or dst.src
    error = skb_tunnel_check_pmtu(skb, link, dst, GENEVE_IPV4_HLEN + len(info.options))
    if error is not None:
        # netif_rx: the device receives its own answer, which is not counted; the packet counts as an error.
        if config.external:
            error.tunnel = msgspec.structs.replace(info, dst=src, src=info.dst)
        error.pkt_type = _addressee(error, link)
        link.stats.tx_errors += 1
        netns.machine.gro_cells_receive(error)
        return
    ttl = inner.ttl if config.ttl_inherit and inner is not None else info.ttl
    if not config.external:
        ttl = ttl or dst.hoplimit or netns.setting("ip_default_ttl")
    df = info.df or config.df == "set" or (config.df == "inherit" and inner is not None and inner.df)
    tos, df = ip_tunnel_ecn_encap(tos, inner), df and not dst.locked
    outer = IPv4(src, info.dst, IPPROTO_UDP, ttl, tos, netns.new_ip_id(), df)
    if link.netns.machine.log.on:
        way = (
            skb.dst.by
            if config.external and skb.dst is not None
            else ByLink(link.name, "remote", str(info.dst), link.owner)
        )
        by = info.by or way
        link.netns.emit(skb.id, Encapsulated(link.name, "geneve", src, info.dst, info.id, by))
    _send(skb, link, config, netns, dst, outer, info)


def _send(skb: Skb, link: Link, config: GeneveConfig, netns: Netns, dst: Dst, outer: IPv4, info: TunnelInfo) -> None:
    """``geneve_build_skb`` and ``udp_tunnel_xmit_skb``."""
    packet, eth = skb.packet, skb.eth
    assert eth is not None  # noqa: S101 - the header was built by the caller's caller
    sport = udp_flow_src_port(netns, skb, *config.ports)
    udp = Udp(sport, config.dstport) if info.csum else Udp(sport, config.dstport, None, _NO_CSUM)
    geneve = Geneve(info.id & 0xFFFFFF, ETH_P_TEB, info.options, critical=_has_critical(info.options))
    if packet.trailer:
        # What the inner frame is padded with is part of the outer datagram: lengths and checksum are written out.
        frame = to_bytes(Packet((eth, *packet.layers), packet.payload, packet.trailer))
        whole = from_bytes(to_bytes(Packet((outer, udp, geneve), frame)), IPv4)
        iptunnel_xmit(netns, skb, dst, whole, whole.size, link)
        return
    whole = Packet((outer, udp, geneve, eth, *packet.layers), packet.payload)
    iptunnel_xmit(netns, skb, dst, whole, whole.size, link)


def _has_critical(options: bytes) -> bool:
    """TUNNEL_CRIT_OPT: whoever sets options sets it where one of them is critical (RFC 8926 section 3.4, the C bit)."""
    at = 0
    while at + 4 <= len(options):
        if options[at + 2] & _CRITICAL:
            return True
        at += 4 + 4 * (options[at + 3] & 0x1F)
    return False


def _drop(skb: Skb, link: Link, where: str, reason: DropReason, by: By | None) -> None:
    if link.netns.machine.log.on:
        link.netns.emit(skb.id, Dropped(where, reason, by, link.name))


# -- in -----------------------------------------------------------------------------------------------------------


def geneve_udp_encap_recv(encap: UdpEncap, netns: Netns, skb: Skb, lower: Link) -> None:
    """``geneve_udp_encap_recv``: the device with this VNI and the sender as its remote, or the external one."""
    packet, outer = skb.packet, skb.ip
    layers = packet.layers
    if type(layers[2] if len(layers) > 2 else None) is not Geneve:
        packet = _decoded(packet)
        layers = packet.layers
    geneve = layers[2] if len(layers) > 2 else None
    if type(geneve) is not Geneve:
        _refuse(netns, skb, lower, DropReason.PKT_TOO_SMALL, "GENEVE header", "")
        return
    external = encap.key[0]
    link = encap.devices.get((ANY4, 0) if external else (outer.src, geneve.vni))
    if link is None:
        _refuse(netns, skb, lower, DropReason.NOT_SPECIFIED, "vni", str(geneve.vni))
        return
    if geneve.proto != ETH_P_TEB:
        link.stats.rx_dropped += 1
        _drop(
            skb, link, "geneve_udp_encap_recv", DropReason.NOT_SPECIFIED, _by(link, "protocol", f"{geneve.proto:#06x}")
        )
        return
    eth = layers[3] if len(layers) > 3 else None
    if type(eth) is not Ethernet:
        link.stats.rx_dropped += 1
        _drop(skb, link, "geneve_udp_encap_recv", DropReason.PKT_TOO_SMALL, _by(link, "inner Ethernet header"))
        return
    geneve_rx(skb, link, netns, geneve, eth, Packet(layers[4:], packet.payload, packet.trailer))


def _refuse(netns: Netns, skb: Skb, lower: Link, reason: DropReason, what: str, value: str) -> None:
    if netns.machine.log.on:
        by = ByLink(lower.name, what, value, lower.owner)
        netns.emit(skb.id, Dropped("geneve_udp_encap_recv", reason, by, lower.name))


def _by(link: Link, what: str, value: str = "") -> ByLink:
    return ByLink(link.name, what, value, link.owner)


def _decoded(packet: Packet) -> Packet:
    """What came to a port by which the codec does not know GENEVE."""
    data = to_bytes(Packet(packet.layers[2:], packet.payload, packet.trailer))
    try:
        inner = from_bytes(data, Geneve)
    except DecodeError:
        return packet
    return Packet((*packet.layers[:2], *inner.layers), inner.payload, inner.trailer)


def geneve_rx(skb: Skb, link: Link, netns: Netns, geneve: Geneve, eth: Ethernet, inner: Packet) -> None:
    """``geneve_rx``: no critical option is known to a device of its own; a program may know some, so an external one takes them."""
    config, outer = link.tunnel, skb.ip
    assert isinstance(config, GeneveConfig)  # noqa: S101 - the socket knows GENEVE devices only
    where = "geneve_rx"
    if geneve.critical and not config.external:
        link.stats.rx_errors += 1
        link.stats.rx_frame += 1
        _drop(skb, link, where, DropReason.NOT_SPECIFIED, _by(link, "critical option"))
        return
    if link.netns.machine.log.on:
        link.netns.emit(skb.id, Decapsulated(link.name, "geneve", outer.src, outer.dst, geneve.vni))
    if eth.src == link.mac:
        link.stats.rx_errors += 1
        _drop(skb, link, where, DropReason.LOCAL_MAC, _by(link, "lladdr", str(eth.src)))
        return
    head = inner.layers[0] if inner.layers else None
    if type(head) is IPv4 and eth.type == ETH_P_IP:
        marked = ip_tunnel_ecn_decap(outer, head)
        if marked is None:
            link.stats.rx_errors += 1
            link.stats.rx_frame += 1
            _drop(skb, link, where, DropReason.IP_TUNNEL_ECN, _by(link, "outer tos", f"{outer.tos:#04x}"))
            return
        if marked is not head:
            inner = inner.replace(0, marked)
    iptunnel_pull_header(skb, link, netns, inner, eth)
    skb.pkt_type = _addressee(skb, link)
    if config.external:
        skb.tunnel = TunnelInfo(
            id=geneve.vni,
            src=outer.src,
            dst=outer.dst,
            ttl=outer.ttl,
            tos=outer.tos,
            options=geneve.options,
            tx=False,
        )
    link.stats.rx_packets += 1
    link.stats.rx_bytes += skb.len + len(inner.trailer)
    netns.machine.gro_cells_receive(skb)


def _addressee(skb: Skb, link: Link) -> int:
    """``eth_type_trans``."""
    assert skb.eth is not None  # noqa: S101 - it is a frame
    dst = skb.eth.dst
    if dst == link.mac:
        return PACKET_HOST
    if dst == link.broadcast:
        return PACKET_BROADCAST
    return PACKET_MULTICAST if dst.is_multicast else PACKET_OTHERHOST
