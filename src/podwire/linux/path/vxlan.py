"""VXLAN: which remote a frame goes to, what is put around it, and what is taken off (drivers/net/vxlan/vxlan_core.c, RFC 7348).

Header fields as measured: kernel sheet F80-F97, F99.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.fib import UNICAST
from podwire.linux.path.tunnel import (
    INET_ECN_MASK,
    inner_ip,
    ip_tunnel_ecn_decap,
    ip_tunnel_ecn_encap,
    iptunnel_pull_header,
    iptunnel_xmit,
    outer_header,
    skb_tunnel_check_pmtu,
    udp_flow_src_port,
    udp_tunnel_dst_lookup,
)
from podwire.linux.path.vxlanfdb import is_valid_ether_addr, vxlan_snoop
from podwire.linux.skb import Skb
from podwire.linux.tunnel import TunnelInfo, VxlanConfig
from podwire.linux.vxlanfdb import DstCache, Remote, VxlanFdbEntry
from podwire.trace.events import (
    PACKET_BROADCAST,
    PACKET_HOST,
    PACKET_MULTICAST,
    PACKET_OTHERHOST,
    By,
    ByFdb,
    ByLink,
    Created,
    Decapsulated,
    Dropped,
    Encapsulated,
    Flooded,
)
from podwire.trace.log import Record
from podwire.trace.reasons import DropReason
from podwire.wire.addr import NO_MAC, Ip, Ip4
from podwire.wire.codec import DecodeError, from_bytes, to_bytes
from podwire.wire.headers import ETH_P_IP, IPPROTO_UDP, VXLAN_F_VNI, Ethernet, IPv4, Udp, Vxlan
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.path.route import Dst
    from podwire.linux.sockets import UdpEncap

VXLAN_HEADROOM: Final = 50
"""IP, UDP and VXLAN headers, and the inner Ethernet header (F81)."""
ETH_HLEN: Final = 14
_UNDER_IP: Final = 30
"""UDP and VXLAN headers, and the inner Ethernet header."""
_INHERIT: Final = 1
_NO_CSUM: Final = 0
_LOOPBACK: Final = Ip4.parse("127.0.0.1")


# -- out ----------------------------------------------------------------------------------------------------------


def _drop(skb: Skb, link: Link, where: str, reason: DropReason, by: By | None) -> None:
    if link.netns.machine.log.on:
        link.netns.emit(skb.id, Dropped(where, reason, by, link.name))


def vxlan_xmit(skb: Skb, link: Link) -> None:
    """``vxlan_xmit``: the entry of the inner address, else the default destination; to several remotes go copies."""
    config: VxlanConfig = link.tunnel  # type: ignore[assignment] # it is this device's driver
    fdb, eth = link.vxlan, skb.eth
    assert fdb is not None  # noqa: S101 - so it has a table
    assert eth is not None  # noqa: S101 - the header was built above
    if config.external:
        info = skb.tunnel
        if info is None or not info.tx:
            by = ByLink(link.name, "no tunnel metadata", owner=link.owner)
            _drop(skb, link, "vxlan_xmit", DropReason.TUNNEL_TXINFO, by)
            return
        _xmit_info(skb, link, config, info)
        return
    entry = fdb.entries.get((eth.dst, config.vni))
    if entry is None:
        entry = fdb.find(NO_MAC, config.vni)
    if entry is None or not entry.remotes:
        link.stats.tx_dropped += 1
        _drop(
            skb,
            link,
            "vxlan_xmit",
            DropReason.NO_TX_TARGET,
            ByLink(link.name, "no fdb entry", str(eth.dst), link.owner),
        )
        return
    entry.used = link.netns.machine.jiffies
    remotes = entry.remotes
    if len(remotes) == 1:
        vxlan_xmit_one(skb, link, config, remotes[0], entry)
        return
    # The first remote gets its frame last.
    for copy, remote in zip(_copies(skb, link, len(remotes)), (*remotes[1:], remotes[0]), strict=True):
        vxlan_xmit_one(copy, link, config, remote, entry)


def _copies(skb: Skb, link: Link, count: int) -> list[Skb]:
    """``skb_clone`` for every remote."""
    netns = link.netns
    log_on = netns.machine.log.on
    ids = tuple(netns.machine.world.new_packet_id() for _ in range(count))
    if log_on:
        netns.emit(skb.id, Flooded(ids))
    copies = []
    for number in ids:
        copy = Skb(skb.packet, number, skb.dev, skb.eth)
        copy.mark, copy.dst, copy.local_out, copy.bridged = skb.mark, skb.dst, skb.local_out, skb.bridged
        copy.hash = skb.hash
        if log_on:
            netns.emit(number, Created(skb.id, "copy", copy.packet))
        copies.append(copy)
    return copies


def vxlan_xmit_one(skb: Skb, link: Link, config: VxlanConfig, remote: Remote, entry: VxlanFdbEntry) -> None:
    """``vxlan_xmit_one`` with a remote of the table: TTL, TOS, DF and checksum are the device's (F82-F85)."""
    if not remote.ip:
        # An entry that says "bridge locally".
        link.stats.tx_dropped += 1
        by = ByFdb(link.name, entry.mac, remote.ip, entry.owner)
        _drop(skb, link, "vxlan_xmit_one", DropReason.NOT_SPECIFIED, by)
        return
    netns = link.tunnel_netns
    assert netns is not None  # noqa: S101 - it was set up
    layers = skb.packet.layers
    head = layers[0] if layers else None
    inner = head if type(head) is IPv4 else None
    ttl = config.ttl
    if config.ttl_inherit:
        ttl = inner.ttl if inner is not None else 0
    elif not ttl and remote.ip.is_multicast:
        ttl = 1
    tos = config.tos
    if tos == _INHERIT:
        tos = inner.tos if inner is not None else 0
    dst = _remote_dst(skb, link, config, netns, remote, entry, tos)
    if dst is None:
        return
    vni, port = remote.vni or config.vni, remote.port or config.dstport
    out = dst.link
    assert out is not None  # noqa: S101 - it is no error
    if (
        (dst.type != UNICAST or out.is_loopback)
        and dst.is_own
        and _encap_bypass_if_local(skb, link, config, port, vni, remote.ip)
    ):
        return
    df = config.df == "set" or (config.df == "inherit" and inner is not None and inner.df)
    if skb.len + VXLAN_HEADROOM > (out.mtu if dst.device_mtu else dst.effective_mtu):
        error = skb_tunnel_check_pmtu(skb, link, dst, VXLAN_HEADROOM)
        if error is not None:
            _encap_bypass(error, link, link)
            return
    src = config.local or dst.src
    here = link.netns
    machine = here.machine
    if (sink := machine.log.sink) is not None:
        event = entry.told
        if (
            event is None
            or event.src is not src
            or event.dst is not remote.ip
            or event.dev is not link.name
            or event.vni != vni
        ):
            by = ByFdb(link.name, entry.mac, remote.ip, entry.owner)
            event = entry.told = Encapsulated(link.name, "vxlan", src, remote.ip, vni, by)
        sink(Record(machine.world.now, machine.name, here.label, skb.id, event))
    if tos or (inner is not None and inner.tos):
        tos = ip_tunnel_ecn_encap(tos, inner)
    header = outer_header(netns, dst, src, remote.ip, IPPROTO_UDP, tos, ttl, df=df)
    _send(skb, link, config, netns, dst, header, vni, port, csum=config.udp_csum)


def _remote_dst(
    skb: Skb, link: Link, config: VxlanConfig, netns: Netns, remote: Remote, entry: VxlanFdbEntry, tos: int
) -> Dst | None:
    """The way to a remote, from its ``dst_cache`` where nothing of the packet has a say in it (``ip_tunnel_dst_cache_usable``)."""
    usable = not (skb.mark or tos or netns.exceptions or netns.custom_rules)
    cache = entry.dst_cache
    if usable and cache is not None and cache[0] == netns.generation and cache[1] is remote and cache[2] is config:
        return cache[3]
    oif = netns.link_by_index(remote.ifindex) if remote.ifindex else None
    dst = udp_tunnel_dst_lookup(netns, skb, link, "vxlan_xmit_one", remote.ip, config.local, tos, oif)
    entry.dst_cache = DstCache(netns.generation, remote, config, dst) if usable and dst is not None else None
    return dst


def _xmit_info(skb: Skb, link: Link, config: VxlanConfig, info: TunnelInfo) -> None:
    """``vxlan_xmit_one`` with what the packet brought: all is the metadata's, nothing the device's but its port."""
    netns = link.tunnel_netns
    assert netns is not None  # noqa: S101 - it was set up
    inner = inner_ip(skb)
    dst = udp_tunnel_dst_lookup(netns, skb, link, "vxlan_xmit_one", info.dst, info.src, info.tos, None)
    if dst is None:
        return
    error = skb_tunnel_check_pmtu(skb, link, dst, VXLAN_HEADROOM)
    src = info.src or dst.src
    if error is not None:
        error.tunnel = TunnelInfo(id=info.id, dst=src, src=info.dst, ttl=info.ttl, tos=info.tos, tx=False)
        _encap_bypass(error, link, link)
        return
    if link.netns.machine.log.on:
        by = info.by or (skb.dst.by if skb.dst is not None else None)
        link.netns.emit(skb.id, Encapsulated(link.name, "vxlan", src, info.dst, info.id, by))
    header = outer_header(
        netns, dst, src, info.dst, IPPROTO_UDP, ip_tunnel_ecn_encap(info.tos, inner), info.ttl, df=info.df
    )
    _send(skb, link, config, netns, dst, header, info.id, config.dstport, csum=info.csum)


def _send(
    skb: Skb,
    link: Link,
    config: VxlanConfig,
    netns: Netns,
    dst: Dst,
    outer: IPv4,
    vni: int,
    port: int,
    *,
    csum: bool,
) -> None:
    """``vxlan_build_skb`` and ``udp_tunnel_xmit_skb``."""
    packet, eth = skb.packet, skb.eth
    assert eth is not None  # noqa: S101 - asked by the caller
    low, high = config.ports
    sport = udp_flow_src_port(link.netns, skb, low, high)
    udp = Udp(sport, port) if csum else Udp(sport, port, None, _NO_CSUM)
    if packet.trailer:
        # What the inner frame is padded with is part of the outer datagram: lengths and checksum are written out.
        frame = to_bytes(Packet((eth, *packet.layers), packet.payload, packet.trailer))
        whole = from_bytes(to_bytes(Packet((outer, udp, Vxlan(vni)), frame)), IPv4)
        iptunnel_xmit(netns, skb, dst, whole, whole.size, link)
        return
    whole = Packet((outer, udp, Vxlan(vni), eth, *packet.layers), packet.payload)
    iptunnel_xmit(netns, skb, dst, whole, skb.len + VXLAN_HEADROOM, link)


def _encap_bypass_if_local(skb: Skb, link: Link, config: VxlanConfig, port: int, vni: int, remote: Ip) -> bool:
    """``encap_bypass_if_local``: what is for this host goes to its own device of that VNI, without any outer header."""
    netns = link.tunnel_netns
    assert netns is not None  # noqa: S101 - it was set up
    encap = netns.sockets.encap.get(port)
    target = encap.devices.get(vni) if encap is not None and encap.key == (config.external,) else None
    if target is None:
        link.stats.tx_errors += 1
        _drop(skb, link, "encap_bypass_if_local", DropReason.VXLAN_VNI_NOT_FOUND, ByLink(link.name, "vni", str(vni)))
        return True
    if link.netns.machine.log.on:
        link.netns.emit(skb.id, Encapsulated(link.name, "vxlan", remote, remote, vni))
        target.netns.emit(skb.id, Decapsulated(target.name, "vxlan", remote, remote, vni))
    their = target.tunnel
    if isinstance(their, VxlanConfig) and their.learning and skb.eth is not None:
        vxlan_snoop(target, their, _LOOPBACK, skb.eth.src, vni)
    skb.dst = None
    _encap_bypass(skb, link, target)
    return True


def _encap_bypass(skb: Skb, source: Link, target: Link) -> None:
    """``vxlan_encap_bypass``: ``target`` receives, as if addressed to it, what ``source`` sends."""
    length = skb.len + ETH_HLEN
    source.stats.tx_packets += 1
    source.stats.tx_bytes += length
    target.stats.rx_packets += 1
    target.stats.rx_bytes += length
    skb.dev = target
    skb.pkt_type = PACKET_HOST
    skb.local_out = False
    skb.owner = None
    source.netns.machine.gro_cells_receive(skb)


# -- in -----------------------------------------------------------------------------------------------------------


def vxlan_rcv(encap: UdpEncap, netns: Netns, skb: Skb, lower: Link) -> None:
    """``vxlan_rcv``: the device of the VNI takes what is inside, whoever sent it (F96); ``netns`` is the socket's."""
    packet = skb.packet
    layers = packet.layers
    vxlan = layers[2] if len(layers) > 2 else None
    if type(vxlan) is not Vxlan:
        packet = _decoded(packet)
        layers = packet.layers
        vxlan = layers[2] if len(layers) > 2 else None
        if type(vxlan) is not Vxlan:
            _refuse(netns, skb, lower, DropReason.PKT_TOO_SMALL, "VXLAN header", "")
            return
    if not vxlan.flags & VXLAN_F_VNI:
        _refuse(netns, skb, lower, DropReason.VXLAN_INVALID_HDR, "VXLAN flags", f"{vxlan.flags:#04x}")
        return
    external = encap.key[0]
    link = encap.devices.get(0 if external else vxlan.vni)
    if link is None:
        _refuse(netns, skb, lower, DropReason.VXLAN_VNI_NOT_FOUND, "vni", str(vxlan.vni))
        return
    eth = layers[3] if len(layers) > 3 else None
    if vxlan.flags != VXLAN_F_VNI or vxlan.reserved or vxlan.reserved2:
        link.stats.rx_errors += 1
        link.stats.rx_frame += 1
        _refuse(netns, skb, lower, DropReason.VXLAN_INVALID_HDR, "VXLAN flags", f"{vxlan.flags:#04x}")
        return
    if type(eth) is not Ethernet:
        _refuse(netns, skb, lower, DropReason.PKT_TOO_SMALL, "inner Ethernet header", "")
        return
    _vxlan_set_mac(skb, link, netns, packet, eth, vxlan.vni)


def _refuse(netns: Netns, skb: Skb, lower: Link, reason: DropReason, what: str, value: str) -> None:
    if netns.machine.log.on:
        netns.emit(skb.id, Dropped("vxlan_rcv", reason, ByLink(lower.name, what, value, lower.owner), lower.name))


def _decoded(packet: Packet) -> Packet:
    """What came to a port by which the codec does not know VXLAN."""
    data = to_bytes(Packet(packet.layers[2:], packet.payload, packet.trailer))
    try:
        inner = from_bytes(data, Vxlan)
    except DecodeError:
        return packet
    return Packet((*packet.layers[:2], *inner.layers), inner.payload, inner.trailer)


def _vxlan_set_mac(skb: Skb, link: Link, netns: Netns, packet: Packet, eth: Ethernet, vni: int) -> None:
    """``vxlan_set_mac``, ``vxlan_ecn_decapsulate`` and the rest of ``vxlan_rcv``: learn, adopt the congestion, hand on.

    ``packet`` is the whole one, down to the inner header ``eth``.
    """
    config: VxlanConfig = link.tunnel  # type: ignore[assignment] # the socket knows VXLAN devices only
    layers = packet.layers
    outer: IPv4 = layers[0]  # type: ignore[assignment]
    machine = netns.machine
    if (sink := machine.log.sink) is not None:
        event = Decapsulated(link.name, "vxlan", outer.src, outer.dst, vni)
        sink(Record(machine.world.now, machine.name, link.netns.label, skb.id, event))
    where = "vxlan_rcv"
    inner = Packet(layers[4:], packet.payload, packet.trailer)
    if eth.src == link.mac:
        _drop(skb, link, where, DropReason.LOCAL_MAC, ByLink(link.name, "lladdr", str(eth.src)))
        return
    if config.learning and not vxlan_snoop(link, config, outer.src, eth.src, vni):
        reason = DropReason.VXLAN_ENTRY_EXISTS if is_valid_ether_addr(eth.src) else DropReason.MAC_INVALID_SOURCE
        _drop(skb, link, where, reason, ByLink(link.name, "source address", str(eth.src)))
        return
    head = inner.layers[0] if outer.tos & INET_ECN_MASK and inner.layers else None
    if type(head) is IPv4 and eth.type == ETH_P_IP:
        marked = ip_tunnel_ecn_decap(outer, head)
        if marked is None:
            link.stats.rx_errors += 1
            link.stats.rx_frame += 1
            _drop(skb, link, where, DropReason.IP_TUNNEL_ECN, ByLink(link.name, "outer tos", f"{outer.tos:#04x}"))
            return
        if marked is not head:
            inner = inner.replace(0, marked)
    if not link.is_up:
        link.stats.rx_dropped += 1
        _drop(skb, link, where, DropReason.DEV_READY, ByLink(link.name, "down"))
        return
    dst = eth.dst
    if dst == link.mac:
        skb.pkt_type = PACKET_HOST
    elif dst == link.broadcast:
        skb.pkt_type = PACKET_BROADCAST
    else:
        skb.pkt_type = PACKET_MULTICAST if dst.is_multicast else PACKET_OTHERHOST
    # What had to be decoded anew has a length of its own.
    length = skb.len - 20 - len(outer.options) - _UNDER_IP if packet is skb.packet else inner.size
    iptunnel_pull_header(skb, link, netns, inner, eth, length)
    if config.external:
        # udp_tun_rx_dst: an answer has a checksum if the question had one.
        csum = layers[1].checksum != _NO_CSUM  # type: ignore[union-attr]
        skb.tunnel = TunnelInfo(id=vni, src=outer.src, dst=outer.dst, ttl=outer.ttl, tos=outer.tos, csum=csum, tx=False)
    stats = link.stats
    stats.rx_packets += 1
    stats.rx_bytes += length + len(inner.trailer)
    gro_cells_receive = machine.gro_cells_receive
    gro_cells_receive(skb)
