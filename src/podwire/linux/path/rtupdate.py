"""What ICMP errors teach: path MTUs and better gateways (net/ipv4/route.c, RFC 1191, RFC 1122 section 3.2.2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.fib import UNICAST
from podwire.linux.neigh import VALID
from podwire.linux.path.exception import legs_of, next_hop_key, update_or_create_fnhe
from podwire.linux.path.lookup import inet_addr_onlink, inet_addr_type
from podwire.linux.path.neighbour import neigh_event_send, neigh_of
from podwire.linux.path.route import Dst, ip_route_output
from podwire.wire.addr import Ip, Ip4
from podwire.wire.headers import Icmp, IPv4, Tcp, Udp
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

_GC_TIMEOUT: Final = 300
"""``ip_rt_gc_timeout``: for how many seconds a redirect is heeded."""


def ipv4_update_pmtu(
    netns: Netns, inner: Packet, mtu: int, *, mark: int = 0, tos: int | None = None, oif: Link | None = None
) -> None:
    """``ipv4_update_pmtu``, ``ipv4_sk_update_pmtu``: the path that the quoted packet took passes no more than ``mtu`` bytes.

    Mark, type of service and device are those of the socket that sent it; without a socket those of the packet.
    """
    header = inner.layers[0]
    if not isinstance(header, IPv4):
        return
    dst = ip_route_output(
        netns,
        header.dst,
        header.src,
        oif=oif,
        mark=mark,
        tos=(header.tos if tos is None else tos) & 0x1C,
        ports=_ports(header, inner) if netns.custom_rules else None,
    )
    if dst.kind != "error":
        ip_rt_update_pmtu(netns, dst, header.dst, mtu)


def _ports(header: IPv4, inner: Packet) -> tuple[int, int, int]:
    transport = inner.layers[1] if len(inner.layers) > 1 else None
    if isinstance(transport, Udp | Tcp):
        return header.proto, transport.sport, transport.dport
    return header.proto, 0, 0


def ip_rt_update_pmtu(netns: Netns, dst: Dst, daddr: Ip, mtu: int) -> None:
    """``__ip_rt_update_pmtu``: for mtu_expires seconds, never upwards; below min_pmtu it is that, and DF is given up."""
    old = dst.effective_mtu
    if dst.locked or old < mtu or dst.leg is None:
        return
    minimum = netns.setting("route/min_pmtu")
    locked = mtu < minimum
    if locked:
        mtu = min(old, minimum)
    seconds = netns.setting("route/mtu_expires")
    now = netns.machine.world.now
    if dst.pmtu == mtu and not locked and now < dst.expires - seconds * 1_000_000_000 // 2:
        return
    route, nexthop = dst.leg
    for key in legs_of(route) if len(route.nexthops) > 1 else (next_hop_key(route, nexthop),):
        update_or_create_fnhe(netns, key, daddr, seconds, mtu=mtu, locked=locked)


def ip_do_redirect(netns: Netns, skb: Skb, link: Link, icmp: Icmp, inner: Packet) -> str:
    """``ip_do_redirect``: a host takes the better gateway to heart, a router does not (F74). Returns what came of it."""
    header = inner.layers[0]
    gateway = Ip4(icmp.rest)
    all_, conf = netns.conf_all, link.conf
    accept = (
        all_.accept_redirects and conf.accept_redirects
        if conf.forwarding
        else all_.accept_redirects or conf.accept_redirects
    )
    if not isinstance(header, IPv4) or not accept or gateway.is_multicast or gateway.is_lbcast or gateway.is_zeronet:
        return "redirect ignored"
    current = ip_route_output(netns, header.dst, tos=header.tos & 0x1C)
    if (
        current.kind == "error"
        or current.leg is None
        or current.link is not link
        or current.gateway != skb.ip.src
        or gateway == current.gateway
    ):
        return "redirect ignored"
    if all_.shared_media or conf.shared_media:
        # inet_addr_type: anything but an own or a broadcast address.
        if inet_addr_type(netns, gateway) != UNICAST:
            return "redirect ignored"
    elif not inet_addr_onlink(link, gateway, skb.ip.src):
        return "redirect ignored"
    entry = neigh_of(link, gateway)
    if entry is None:
        return "redirect ignored"
    if entry.state not in VALID:
        # __ip_do_redirect: first find out whether the new gateway is there; the next redirect will be heeded.
        neigh_event_send(entry, None)
        return f"redirect to {gateway}, which is asked by ARP first"
    update_or_create_fnhe(netns, next_hop_key(*current.leg), header.dst, _GC_TIMEOUT, gateway=gateway)
    return f"redirect to {gateway}"
