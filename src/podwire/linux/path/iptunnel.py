"""IP in IP: the devices of kind ``ipip`` (net/ipv4/ipip.c, ip_tunnel.c, tunnel4.c; RFC 2003; kernel sheet R1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.path.icmp import icmp_send, ipv4_link_failure
from podwire.linux.path.route import ip_route_output
from podwire.linux.path.rtupdate import ip_do_redirect, ip_rt_update_pmtu, ipv4_update_pmtu
from podwire.linux.path.tunnel import (
    inner_ip,
    ip_tunnel_ecn_decap,
    ip_tunnel_ecn_encap,
    iptunnel_pull_header,
    iptunnel_xmit,
    tunnel_error,
)
from podwire.linux.tunnel import INHERIT, IpipConfig, TunnelInfo
from podwire.trace.events import PACKET_HOST, By, ByLink, Decapsulated, Dropped, Encapsulated
from podwire.trace.reasons import DropReason
from podwire.wire.addr import ANY4, Ip, Ip4
from podwire.wire.headers import (
    ICMP_DEST_UNREACH,
    ICMP_EXC_TTL,
    ICMP_FRAG_NEEDED,
    ICMP_REDIRECT,
    ICMP_SR_FAILED,
    ICMP_TIME_EXCEEDED,
    IPPROTO_IPIP,
    Icmp,
    IPv4,
)
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.path.route import Dst
    from podwire.linux.skb import Skb

IPIP_HLEN: Final = 20
_ERR_TIMEO: Final = 30
"""IPTUNNEL_ERR_TIMEO: for how many seconds an error about an outer packet is held against a tunnel."""
_RT_MASK: Final = 0x1C


# -- out ----------------------------------------------------------------------------------------------------------


def ipip_tunnel_xmit(skb: Skb, link: Link) -> None:
    """``ipip_tunnel_xmit``: nothing but IPv4 goes in."""
    config = link.tunnel
    assert isinstance(config, IpipConfig)  # noqa: S101 - the caller asked for its kind
    inner = inner_ip(skb)
    if inner is None:
        _tx_error(skb, link, "ipip_tunnel_xmit", DropReason.UNHANDLED_PROTO, ByLink(link.name, "protocol"))
    elif config.external:
        ip_md_tunnel_xmit(skb, link, inner)
    else:
        ip_tunnel_xmit(skb, link, config, inner)


def ip_tunnel_xmit(skb: Skb, link: Link, config: IpipConfig, inner: IPv4) -> None:
    """``ip_tunnel_xmit``: to the remote, or as ``any`` to whoever the packet itself, or its route, names."""
    chosen = _remote(skb, link, config, inner)
    if chosen is None:
        by = ByLink(link.name, "no route to take the remote from", owner=link.owner)
        _tx_error(skb, link, "ip_tunnel_xmit", DropReason.NOT_SPECIFIED, by)
        return
    remote, by_what = chosen
    tos = inner.tos if config.tos & INHERIT else config.tos
    dst = _outer_route(skb, link, remote, config.local, config.lower, config.fwmark, tos)
    if dst is None:
        return
    df = config.pmtudisc or inner.df
    if tnl_update_pmtu(skb, link, dst, inner, df=df):
        return
    _recall_errors(skb, link)
    _send(
        skb, link, dst, remote, config.local, ip_tunnel_ecn_encap(tos, inner), config.ttl or inner.ttl, by_what, df=df
    )


def ip_md_tunnel_xmit(skb: Skb, link: Link, inner: IPv4) -> None:
    """``ip_md_tunnel_xmit``: of a collect-metadata device; without metadata nothing leaves."""
    info = skb.tunnel
    if info is None or not info.tx:
        by = ByLink(link.name, "no tunnel metadata", owner=link.owner)
        _tx_error(skb, link, "ip_md_tunnel_xmit", DropReason.NOT_SPECIFIED, by)
        return
    tos = inner.tos if info.tos == INHERIT else info.tos
    dst = _outer_route(skb, link, info.dst, info.src, 0, skb.mark, tos)
    if dst is None or tnl_update_pmtu(skb, link, dst, inner, df=info.df):
        return
    chosen = skb.dst.by if skb.dst is not None else None
    _send(
        skb, link, dst, info.dst, info.src, ip_tunnel_ecn_encap(tos, inner), info.ttl or inner.ttl, chosen, df=info.df
    )


def _remote(skb: Skb, link: Link, config: IpipConfig, inner: IPv4) -> tuple[Ip, By] | None:
    """The outer destination, and what chose it: ``rt_nexthop`` is the gateway of the inner route, or the inner destination itself."""
    if config.remote:
        return config.remote, ByLink(link.name, "remote", str(config.remote), link.owner)
    if skb.dst is None:
        return None
    if skb.tunnel is not None and skb.tunnel.tx and skb.tunnel.dst:
        return skb.tunnel.dst, skb.dst.by
    return skb.dst.gateway or inner.dst, skb.dst.by


def _outer_route(skb: Skb, link: Link, remote: Ip, local: Ip, lower: int, mark: int, tos: int) -> Dst | None:
    """``ip_route_output_key`` for the outer packet; None where the packet has been discarded."""
    netns = _outer_netns(link)
    oif = netns.link_by_index(lower) if lower else None
    if lower and oif is None:
        # The device that it was bound to is gone; the tunnel stays.
        tunnel_error(skb, link, "ip_tunnel_xmit", remote, None)
        return None
    dst = ip_route_output(
        netns,
        remote,
        local,
        oif=oif,
        mark=mark,
        tos=tos & _RT_MASK,
        ports=(IPPROTO_IPIP, 0, 0) if netns.custom_rules else None,
    )
    if dst.kind == "error" or dst.link is link:
        tunnel_error(skb, link, "ip_tunnel_xmit", remote, dst)
        return None
    return dst


def tnl_update_pmtu(skb: Skb, link: Link, dst: Dst, inner: IPv4, *, df: bool) -> bool:
    """``tnl_update_pmtu``: what fits behind the outer header. True where the packet does not, and its sender was told.

    The inner route learns that size as its path MTU, also where the packet fits.
    """
    netns = link.netns
    inner_mtu = skb.dst.effective_mtu if skb.dst is not None else link.mtu
    mtu = dst.effective_mtu - IPIP_HLEN if df else inner_mtu
    if skb.dst is not None:
        ip_rt_update_pmtu(netns, skb.dst, inner.dst, mtu)
    if not inner.df or skb.len <= mtu:
        return False
    icmp_send(netns, skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu)
    _tx_error(skb, link, "tnl_update_pmtu", DropReason.PKT_TOO_BIG, ByLink(link.name, "mtu", str(mtu), link.owner))
    return True


def _recall_errors(skb: Skb, link: Link) -> None:
    """Errors that came about outer packets are passed on, one with each of the next packets (RFC 2003 section 4)."""
    errors = _outer_netns(link).ipip.errors
    count, time = errors.get(link, (0, 0))
    if not count:
        return
    machine = link.netns.machine
    if machine.jiffies < time + _ERR_TIMEO * machine.hz:
        errors[link] = (count - 1, time)
        ipv4_link_failure(link.netns, skb)
    else:
        del errors[link]


def _send(
    skb: Skb, link: Link, dst: Dst, remote: Ip, local: Ip, tos: int, ttl: int, by: By | None, *, df: bool
) -> None:
    netns = _outer_netns(link)
    outer = IPv4(local or dst.src, remote, IPPROTO_IPIP, ttl, tos, netns.new_ip_id(), df and not dst.locked)
    if link.netns.machine.log.on:
        link.netns.emit(skb.id, Encapsulated(link.name, "ipip", outer.src, outer.dst, by=by))
    packet = skb.packet
    whole = Packet((outer, *packet.layers), packet.payload, packet.trailer)
    iptunnel_xmit(netns, skb, dst, whole, skb.len + IPIP_HLEN, link)


def _outer_netns(link: Link) -> Netns:
    """``tunnel->net``: where the device was made."""
    return link.tunnel_netns or link.netns


def _tx_error(skb: Skb, link: Link, where: str, reason: DropReason, by: By | None) -> None:
    link.stats.tx_errors += 1
    if link.netns.machine.log.on:
        link.netns.emit(skb.id, Dropped(where, reason, by, link.name))


# -- in -----------------------------------------------------------------------------------------------------------


def ip_tunnel_lookup(netns: Netns, link: Link, remote: Ip, local: Ip) -> Link | None:
    """``ip_tunnel_lookup``: the device that is up and knows both ends, the remote, the local address, or nothing of either.

    Of equals the one that is bound to ``link``. A collect-metadata device knows nothing of either end.
    """
    candidate: Link | None = None
    bound = link.ifindex
    up = [(each, each.tunnel) for each in netns.ipip.tunnels if each.is_up and isinstance(each.tunnel, IpipConfig)]
    group = Ip4(local).is_multicast
    for ends in ((remote, local), (remote, ANY4), None, (ANY4, ANY4)):
        for tunnel, config in up:
            if ends is not None:
                fits = (config.remote, config.local) == ends
            else:
                fits = (config.local == local and not config.remote) or (config.remote == local and group)
            if not fits:
                continue
            if config.lower == bound:
                return tunnel
            if candidate is None or ends == (remote, local):
                candidate = tunnel
    if candidate is not None:
        return candidate
    fallback = netns.ipip.fallback
    return fallback if fallback is not None and fallback.is_up else None


def tunnel4_rcv(netns: Netns, skb: Skb, link: Link) -> bool:
    """``tunnel4_rcv`` and ``ipip_rcv``: False where no device takes it; the caller tells the sender "port unreachable"."""
    outer = skb.ip
    tunnel = ip_tunnel_lookup(netns, link, outer.src, outer.dst)
    if tunnel is None:
        return False
    layers = skb.packet.layers
    inner = layers[1] if len(layers) > 1 else None
    if not isinstance(inner, IPv4):
        by = ByLink(tunnel.name, "no IPv4 header inside", owner=tunnel.owner)
        _rx_error(skb, tunnel, DropReason.PKT_TOO_SMALL, by)
        return True
    decapsulated = ip_tunnel_ecn_decap(outer, inner)
    if decapsulated is None:
        by = ByLink(tunnel.name, "outer tos", f"{outer.tos:#04x}", tunnel.owner)
        tunnel.stats.rx_frame += 1
        _rx_error(skb, tunnel, DropReason.IP_TUNNEL_ECN, by)
        return True
    if netns.machine.log.on:
        tunnel.netns.emit(skb.id, Decapsulated(tunnel.name, "ipip", outer.src, outer.dst))
    inside = Packet((decapsulated, *layers[2:]), skb.packet.payload, skb.packet.trailer)
    iptunnel_pull_header(skb, tunnel, netns, inside, None)
    if isinstance(tunnel.tunnel, IpipConfig) and tunnel.tunnel.external:
        skb.tunnel = TunnelInfo(src=outer.src, dst=outer.dst, tos=outer.tos, ttl=outer.ttl, key=False, tx=False)
    skb.pkt_type = PACKET_HOST
    tunnel.stats.rx_packets += 1
    tunnel.stats.rx_bytes += skb.len
    netns.machine.gro_cells_receive(skb)
    return True


def _rx_error(skb: Skb, link: Link, reason: DropReason, by: By) -> None:
    link.stats.rx_errors += 1
    if link.netns.machine.log.on:
        link.netns.emit(skb.id, Dropped("ip_tunnel_rcv", reason, by, link.name))


def ipip_err(netns: Netns, skb: Skb, link: Link, icmp: Icmp, quoted: Packet, mtu: int) -> str:
    """``ipip_err``: an ICMP error about an outer packet. Returns what came of it.

    A path MTU is learned for the outer destination, so the next inner packet with DF that is too long is refused at the tunnel; other
    errors are held against a device with a remote, and passed on with its next packets.
    """
    header = quoted.layers[0]
    assert isinstance(header, IPv4)  # noqa: S101 - the caller read its protocol
    tunnel = ip_tunnel_lookup(netns, link, header.dst, header.src)
    if tunnel is None:
        return "about an unknown tunnel"
    config = tunnel.tunnel
    assert isinstance(config, IpipConfig)  # noqa: S101 - that is what the lookup looks at
    lower = netns.link_by_index(config.lower) if config.lower else None
    if icmp.type == ICMP_REDIRECT:
        return ip_do_redirect(netns, skb, link, icmp, quoted)
    if icmp.type == ICMP_DEST_UNREACH and icmp.code == ICMP_FRAG_NEEDED:
        ipv4_update_pmtu(netns, quoted, mtu, oif=lower)
        return f"path mtu of {tunnel.name} to {header.dst}"
    told = (icmp.type == ICMP_DEST_UNREACH and icmp.code != ICMP_SR_FAILED) or (
        icmp.type == ICMP_TIME_EXCEEDED and icmp.code == ICMP_EXC_TTL and config.ttl != 0
    )
    if told and config.remote:
        machine = netns.machine
        count, time = netns.ipip.errors.get(tunnel, (0, 0))
        recent = count and machine.jiffies < time + _ERR_TIMEO * machine.hz
        netns.ipip.errors[tunnel] = (count + 1 if recent else 1, machine.jiffies)
        return f"{tunnel.name}: the next packet's sender will be told"
    return f"about {tunnel.name}"
