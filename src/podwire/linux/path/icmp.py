"""ICMP: errors about packets, echo, and what errors do to sockets (net/ipv4/icmp.c, route.c.

RFC 792, RFC 1122 section 3.2.2).

Who is named as the source of an error, how much is quoted and how often: kernel sheet F61, F91, F102, F103, F160.
"""

from __future__ import annotations

from errno import EACCES, EHOSTUNREACH, ENETUNREACH
from typing import TYPE_CHECKING, Final

from podwire.linux.fib import UNICAST
from podwire.linux.link import SCOPE_LINK, SCOPE_UNIVERSE, Link
from podwire.linux.path.lookup import fib_lookup, inet_addr_onlink, inet_addr_type, inet_select_addr, source_of
from podwire.linux.path.peer import get_peer, inet_peer_xrlim_allow, ip_error_allow, redirect_allow
from podwire.linux.path.route import Dst, RouteException, ip_route_output, ip_select_ttl
from podwire.linux.path.why import sysctl
from podwire.linux.skb import Skb
from podwire.trace.events import PACKET_HOST, ByLink, BySysctl, Delivered, Dropped, IcmpSent
from podwire.trace.reasons import DropReason
from podwire.wire.addr import ANY4, Ip, Ip4
from podwire.wire.codec import quoted
from podwire.wire.headers import (
    ICMP_DEST_UNREACH,
    ICMP_ECHO,
    ICMP_ECHOREPLY,
    ICMP_ERRORS,
    ICMP_FRAG_NEEDED,
    ICMP_HOST_UNREACH,
    ICMP_NET_UNREACH,
    ICMP_PKT_FILTERED,
    ICMP_REDIR_HOST,
    ICMP_REDIRECT,
    ICMP_TIMESTAMP,
    ICMP_TIMESTAMPREPLY,
    IPPROTO_ICMP,
    Icmp,
    IPv4,
)
from podwire.wire.packet import Packet, Quoted

if TYPE_CHECKING:
    from podwire.linux.netns import Netns

_DUMMY: Final = Ip4.parse("192.0.0.8")
"""RFC 7600: the source of an error when the machine has no address at all (F61)."""
_PREC_INTERNETCONTROL: Final = 0xC0
_QUOTE_LIMIT: Final = 576
_NR_ICMP_TYPES: Final = 18
_TIMESTAMP_SIZE: Final = 4
_TREATED_AS_ERRORS: Final = ICMP_ERRORS | {1, 2, 6, 7, 9, 10}
"""``icmp_pointers[].error``: also the numbers without a meaning, and router discovery."""


def icmp_send(netns: Netns, skb: Skb, type_: int, code: int, info: int = 0, *, gateway: Ip | None = None) -> None:
    """``__icmp_send``: tell the sender of ``skb`` what became of it, unless RFC 1122 or a rate limit forbids."""
    ip = skb.ip
    withheld = _forbidden(skb, ip)
    dst: Dst | None = None
    source: Ip = ANY4
    if not withheld:
        incoming = skb.iif
        if skb.dst is not None and skb.dst.is_own and skb.dst.kind in {"local", "output"}:
            source = ip.dst
        elif netns.setting("icmp_errors_use_inbound_ifaddr") and incoming is not None and not skb.local_out:
            source = inet_select_addr(netns, incoming, ip.src, SCOPE_LINK)
        tos = ip.tos & 0x1E | _PREC_INTERNETCONTROL if type_ in ICMP_ERRORS else ip.tos
        mark = skb.mark if netns.setting("fwmark_reflect") else 0
        limited = _is_limited(netns, type_, code)
        if limited and not (incoming is not None and incoming.is_loopback) and not _global_allow(netns):
            withheld = "ratelimit"
        dst = ip_route_output(netns, ip.src, source, tos=tos & 0x1C, mark=mark, any_src=True, ports=_flow(netns))
        if dst.kind == "error":
            withheld = "no route back"
        elif not withheld:
            source = source or dst.src or _DUMMY
            if limited and not _rate_allows(netns, dst, ip.src):
                withheld = "ratelimit"
    if withheld or dst is None:
        if netns.machine.log.on:
            netns.emit(skb.id, IcmpSent(type_, code, ip.src, source, 0, withheld))
        return
    room = min(dst.effective_mtu, _QUOTE_LIMIT) - 28
    length = min(skb.packet.size, room)
    # A packet without a source has been sent from here: the error goes to the address that is its source, too.
    header = IPv4(source, ip.src or dst.src, IPPROTO_ICMP, ip_select_ttl(netns, dst), tos, netns.new_ip_id())
    rest = int(gateway) if gateway is not None else info
    packet = Packet((header, Icmp(type_, code, rest)), Quoted(skb.packet, length))
    _push(netns, packet, dst, skb, type_, code, source)


def _flow(netns: Netns) -> tuple[int, int, int] | None:
    """What rules see of an ICMP message that is made here; None where there are none, and nothing but the key is kept short."""
    return (IPPROTO_ICMP, 0, 0) if netns.custom_rules else None


def _push(netns: Netns, packet: Packet, dst: Dst, skb: Skb, type_: int, code: int, source: Ip) -> None:
    from podwire.linux.path.output import ip_local_out

    error = Skb(packet, netns.machine.world.new_packet_id())
    if netns.machine.log.on:
        netns.emit(skb.id, IcmpSent(type_, code, skb.ip.src, source, error.id))
    ip_local_out(netns, error, dst, parent=skb.id, relation="icmp-error")


def _forbidden(skb: Skb, ip: IPv4) -> str:
    """RFC 1122 section 3.2.2: no errors about errors, broadcasts, later fragments."""
    if skb.pkt_type != PACKET_HOST and not skb.local_out:
        return "link-layer broadcast"
    if skb.dst is not None and skb.dst.type in {"broadcast", "multicast"}:
        return "broadcast"
    if ip.frag:
        return "not the first fragment"
    layers = skb.packet.layers
    inner = layers[1] if len(layers) > 1 else None
    if isinstance(inner, Icmp) and (inner.type in _TREATED_AS_ERRORS or inner.type > _NR_ICMP_TYPES):
        return "about an ICMP error"
    return ""


def _is_limited(netns: Netns, type_: int, code: int) -> bool:
    """``icmpv4_mask_allow``: the types of icmp_ratemask are limited, path MTU discovery never is (F102)."""
    if not netns.machine.icmp_ratelimits or (type_ == ICMP_DEST_UNREACH and code == ICMP_FRAG_NEEDED):
        return False
    return bool(netns.setting("icmp_ratemask") >> type_ & 1)


def _rate_allows(netns: Netns, dst: Dst, to: Ip) -> bool:
    """``icmpv4_xrlim_allow``: a token per icmp_ratelimit ms and destination; never towards ``lo`` (F102, F104)."""
    machine = netns.machine
    if dst.link is None or not dst.link.is_loopback:
        timeout = -(-netns.setting("icmp_ratelimit") * machine.hz // 1000)
        if not inet_peer_xrlim_allow(get_peer(netns, to), machine.jiffies, timeout):
            return False
    # icmp_global_consume takes 0 to 2 at random: 1 on average.
    netns.icmp_bucket.credit -= 1
    return True


def _global_allow(netns: Netns) -> bool:
    """``icmp_global_allow``.

    Icmp_msgs_per_sec with a burst of icmp_msgs_burst, refilled when it is empty, every 20 ms at most (HZ / 50).
    """
    bucket = netns.icmp_bucket
    if bucket.credit > 0:
        return True
    now, hz = netns.machine.jiffies, netns.machine.hz
    delta = min(now - bucket.stamp, hz)
    more = netns.setting("icmp_msgs_per_sec") * delta // hz
    if delta < hz // 50 or not more:
        return False
    bucket.credit = min(bucket.credit + more, netns.setting("icmp_msgs_burst"))
    bucket.stamp = now
    return True


def ip_error(skb: Skb, link: Link, netns: Netns, dst: Dst) -> None:
    """``ip_error``: the lookup of a packet to forward ended in an error route, or in none (F46, F103, F155)."""
    log_on = netns.machine.log.on
    machine = netns.machine
    if not link.conf.forwarding:
        if log_on:
            by = sysctl(netns, link, "forwarding")
            reason = DropReason.IP_INADDRERRORS if dst.error == EHOSTUNREACH else DropReason.IP_INNOROUTES
            netns.emit(skb.id, Dropped("ip_error", reason, by, link.name))
        return
    code = {EHOSTUNREACH: ICMP_HOST_UNREACH, ENETUNREACH: ICMP_NET_UNREACH, EACCES: ICMP_PKT_FILTERED}.get(dst.error)
    reason = DropReason.IP_INNOROUTES if dst.error == ENETUNREACH else DropReason.NOT_SPECIFIED
    if code is not None:
        allowed = not machine.icmp_ratelimits or ip_error_allow(
            get_peer(netns, skb.ip.src),
            machine.jiffies,
            netns.setting("route/error_cost"),
            netns.setting("route/error_burst"),
        )
        if allowed:
            icmp_send(netns, skb, ICMP_DEST_UNREACH, code)
        elif log_on:
            netns.emit(skb.id, IcmpSent(ICMP_DEST_UNREACH, code, skb.ip.src, ANY4, 0, "ratelimit"))
    if log_on:
        netns.emit(skb.id, Dropped("ip_error", reason, dst.why, link.name))


def ipv4_link_failure(netns: Netns, skb: Skb) -> None:
    """``ipv4_link_failure``: the next hop did not answer.

    Host unreachable (3/1) to whoever sent the packet (F22, F25).
    """
    icmp_send(netns, skb, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH)


def ip_rt_send_redirect(netns: Netns, skb: Skb, link: Link) -> None:
    """``ip_rt_send_redirect``.

    The packet leaves by the device it came in by, and its sender could have known (F73, F153).
    """
    if not (link.conf.send_redirects or netns.conf_all.send_redirects) or skb.dst is None:
        return
    machine = netns.machine
    gateway = skb.dst.gateway or skb.ip.dst
    peer = get_peer(netns, skb.ip.src)
    limits = (netns.setting(f"route/redirect_{name}") for name in ("load", "number", "silence"))
    if redirect_allow(peer, machine.jiffies, *limits):
        icmp_send(netns, skb, ICMP_REDIRECT, ICMP_REDIR_HOST, gateway=gateway)
        peer.rate_last = machine.jiffies
        peer.n_redirects += 1


# -- receiving ----------------------------------------------------------------------------------------------------


def icmp_rcv(netns: Netns, skb: Skb, link: Link, icmp: Icmp, *, raw: bool) -> None:
    """``icmp_rcv``: echo is answered, replies go to ping sockets, errors to the socket whose packet they quote."""
    log_on = netns.machine.log.on
    if icmp.checksum is not None:
        if log_on:
            by = ByLink(link.name, "ICMP checksum", f"{icmp.checksum:#06x}")
            netns.emit(skb.id, Dropped("icmp_rcv", DropReason.ICMP_CSUM, by, link.name))
        return
    if icmp.type == ICMP_ECHO:
        icmp_echo(netns, skb, link, icmp)
        return
    if icmp.type == ICMP_ECHOREPLY:
        taken = netns.sockets.ping_deliver(skb, icmp) or raw
        if log_on:
            if taken:
                netns.emit(skb.id, Delivered("socket", f"echo reply id {icmp.id}"))
            else:
                by = ByLink(link.name, "echo id", str(icmp.id))
                netns.emit(skb.id, Dropped("ping_rcv", DropReason.NO_SOCKET, by, link.name))
        return
    if icmp.type == ICMP_TIMESTAMP:
        icmp_timestamp(netns, skb, link, icmp)
        return
    note = f"type {icmp.type}"
    inner = quoted(skb.packet) if icmp.is_error else None
    if inner is not None:
        note = _icmp_socket_deliver(netns, skb, link, icmp, inner) or note
    if log_on:
        netns.emit(skb.id, Delivered("icmp", note))


def _icmp_socket_deliver(netns: Netns, skb: Skb, link: Link, icmp: Icmp, inner: Packet) -> str:
    """``icmp_socket_deliver``: the protocol's error handler.

    Redirects and path MTUs are believed only for what a socket sent, and for echo replies.
    """
    transport = inner.layers[1] if len(inner.layers) > 1 else None
    echo_reply = isinstance(transport, Icmp) and transport.type == ICMP_ECHOREPLY
    if icmp.type == ICMP_REDIRECT:
        if echo_reply or netns.sockets.senders(skb, inner):
            return _redirect(netns, skb, link, icmp, inner)
        return "redirect about an unknown packet"
    known = netns.sockets.error(skb, icmp, inner) or echo_reply
    if known and icmp.type == ICMP_DEST_UNREACH and icmp.code == ICMP_FRAG_NEEDED:
        _update_pmtu(netns, icmp, inner)
    return ""


def icmp_echo(netns: Netns, skb: Skb, link: Link, icmp: Icmp) -> None:
    """``icmp_echo``: same data and TOS, DF clear, from the address that was asked (F6)."""
    if netns.setting("icmp_echo_ignore_all"):
        if netns.machine.log.on:
            by = BySysctl("net.ipv4.icmp_echo_ignore_all", netns.setting("icmp_echo_ignore_all"))
            netns.emit(skb.id, Dropped("icmp_echo", DropReason.NOT_SPECIFIED, by, link.name))
        return
    _icmp_reply(netns, skb, link, Icmp(ICMP_ECHOREPLY, icmp.code, icmp.rest), skb.packet.payload, "icmp_echo")


def icmp_timestamp(netns: Netns, skb: Skb, link: Link, icmp: Icmp) -> None:
    """``icmp_timestamp``: the asker's time, then ours twice, in ms since midnight UTC (RFC 1122 section 3.2.2.8)."""
    payload = skb.packet.payload
    if not isinstance(payload, bytes) or len(payload) < _TIMESTAMP_SIZE:
        if netns.machine.log.on:
            by = ByLink(link.name, "timestamp length", str(len(payload)))
            netns.emit(skb.id, Dropped("icmp_timestamp", DropReason.PKT_TOO_SMALL, by, link.name))
        return
    clock = (netns.machine.world.now // 1_000_000 % 86_400_000).to_bytes(_TIMESTAMP_SIZE, "big")
    answer = Icmp(ICMP_TIMESTAMPREPLY, 0, icmp.rest)
    _icmp_reply(netns, skb, link, answer, payload[:_TIMESTAMP_SIZE] + clock + clock, "icmp")


def _icmp_reply(netns: Netns, skb: Skb, link: Link, answer: Icmp, payload: bytes | Quoted, to: str) -> None:
    """``icmp_reply``; a question to a broadcast or multicast address is ignored by default."""
    from podwire.linux.path.output import ip_local_out

    log_on = netns.machine.log.on
    ip = skb.ip
    broadcast = skb.dst is not None and skb.dst.type in {"broadcast", "multicast"}
    if broadcast and netns.setting("icmp_echo_ignore_broadcasts"):
        if log_on:
            by = BySysctl("net.ipv4.icmp_echo_ignore_broadcasts", netns.setting("icmp_echo_ignore_broadcasts"))
            netns.emit(skb.id, Dropped("icmp_rcv", DropReason.INVALID_PROTO, by, link.name))
        return
    source = _spec_dst(netns, skb, link) if broadcast else ip.dst
    dst = ip_route_output(netns, ip.src, source, tos=ip.tos & 0x1C, any_src=False, ports=_flow(netns))
    if log_on:
        note = f"seq {answer.seq}" if to == "icmp_echo" else f"type {ICMP_TIMESTAMP}"
        netns.emit(skb.id, Delivered(to, note, dst.why if dst.kind == "error" else None))
    if dst.kind == "error":
        return
    to_whom = ip.src or dst.src
    header = IPv4(source or dst.src, to_whom, IPPROTO_ICMP, ip_select_ttl(netns, dst), ip.tos, netns.new_ip_id())
    reply = Skb(Packet((header, answer), payload), netns.machine.world.new_packet_id())
    ip_local_out(netns, reply, dst, parent=skb.id, relation="reply")


def _spec_dst(netns: Netns, skb: Skb, link: Link) -> Ip:
    """``fib_compute_spec_dst``: the own address that a broadcast is answered from: the one on the way to its sender."""
    ip = skb.ip
    if Ip4(ip.src).is_zeronet:
        return inet_select_addr(netns, link, ip.src, SCOPE_LINK)
    found = fib_lookup(netns, ip.src, mark=skb.mark if link.conf.src_valid_mark else 0, tos=ip.tos & 0x1C)
    if found.error:
        return inet_select_addr(netns, link, ip.src, SCOPE_UNIVERSE)
    return source_of(netns, found)


def _redirect(netns: Netns, skb: Skb, link: Link, icmp: Icmp, inner: Packet) -> str:
    """``ip_do_redirect``.

    A host takes the better gateway to heart, a router does not (F74, RFC 1122 section 3.2.2.2).
    """
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
    from podwire.linux.neigh import VALID
    from podwire.linux.path.neighbour import neigh_event_send, neigh_of

    entry = neigh_of(link, gateway)
    if entry is None:
        return "redirect ignored"
    if entry.state not in VALID:
        # __ip_do_redirect: first find out whether the new gateway is there; the next redirect will be heeded.
        neigh_event_send(entry, None)
        return f"redirect to {gateway}, which is asked by ARP first"
    old = netns.exceptions.get(header.dst, RouteException())
    seconds = 300
    expires = netns.machine.world.now + seconds * 1_000_000_000
    netns.exceptions[header.dst] = RouteException(old.mtu, gateway, expires, bound=old.bound)
    return f"redirect to {gateway}"


def _update_pmtu(netns: Netns, icmp: Icmp, inner: Packet) -> None:
    """``ipv4_update_pmtu``.

    Remember the path MTU of the quoted destination for mtu_expires, never below min_pmtu (F91).
    """
    header = inner.layers[0]
    if not isinstance(header, IPv4) or header.src not in netns.local:
        return
    current = ip_route_output(netns, header.dst, header.src)
    mtu, locked = icmp.mtu, False
    minimum = netns.setting("route/min_pmtu")
    if current.kind == "error" or current.locked or mtu > current.effective_mtu:
        return
    if mtu < minimum:
        mtu, locked = min(current.effective_mtu, minimum), True
    old = netns.exceptions.get(header.dst, RouteException())
    now, lifetime = netns.machine.world.now, netns.setting("route/mtu_expires") * 1_000_000_000
    if old.mtu == mtu and not locked and now < old.expires - lifetime // 2:
        return
    expires = now + lifetime
    netns.exceptions[header.dst] = RouteException(mtu, old.gateway, expires, locked, bound=old.bound)
