"""ICMP: errors about packets, echo, and what errors do to sockets (net/ipv4/icmp.c, route.c.

RFC 792, RFC 1122 section 3.2.2).

Who is named as the source of an error, how much is quoted and how often: kernel sheet F61, F91, F102, F103, F160.
"""

from __future__ import annotations

from errno import EACCES, EHOSTUNREACH, ENETUNREACH
from typing import TYPE_CHECKING, Final

from podwire.linux.link import SCOPE_LINK, SCOPE_UNIVERSE, Link
from podwire.linux.netfilter.conntrack.core import nf_conntrack_attach
from podwire.linux.path.lookup import fib_lookup, inet_select_addr, source_of
from podwire.linux.path.output import ip_local_out
from podwire.linux.path.peer import get_peer, inet_peer_xrlim_allow, ip_error_allow, redirect_allow
from podwire.linux.path.route import IPV4_MIN_MTU, Dst, ip_route_output, ip_select_ttl
from podwire.linux.path.rtupdate import ip_do_redirect, ipv4_update_pmtu
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
    IPPROTO_IPIP,
    IPPROTO_TCP,
    Geneve,
    Icmp,
    IPv4,
    Udp,
    Vxlan,
)
from podwire.wire.packet import Packet, Quoted

if TYPE_CHECKING:
    from podwire.linux.netns import Netns

_DUMMY: Final = Ip4.parse("192.0.0.8")
"""RFC 7600: the source of an error when the machine has no address at all (F61)."""
_PREC_INTERNETCONTROL: Final = 0xC0
_QUOTE_LIMIT: Final = 576
_NR_ICMP_TYPES: Final = 18
_NO_PMTU: Final = 2
_STRICT_PMTU: Final = 3
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
        mark = _reply_mark(netns, skb)
        limited = _is_limited(netns, type_, code)
        if limited and not (incoming is not None and incoming.is_loopback) and not _global_allow(netns):
            withheld = "ratelimit"
        if netns.machine.icmp_busy:
            withheld = withheld or "an ICMP message is being sent"
        # What a route of another table made local is nobody's address: no error leaves with it.
        dst = ip_route_output(netns, ip.src, source, tos=tos & 0x1C, mark=mark, ports=_flow(netns))
        if dst.kind == "error":
            withheld = "no route back"
        elif not withheld and dst.effective_mtu < IPV4_MIN_MTU:
            withheld = "the route back takes too little"
        elif not withheld:
            source = source or dst.src or _DUMMY
            if limited and not _rate_allows(netns, dst, ip.src):
                withheld = "ratelimit"
    if withheld or dst is None:
        if netns.machine.log.on:
            netns.emit(skb.id, IcmpSent(type_, code, ip.src, source, 0, withheld))
        return
    room = min(dst.effective_mtu, _QUOTE_LIMIT) - 28
    length = min(skb.len, room)
    # A packet without a source has been sent from here: the error goes to the address that is its source, too.
    header = IPv4(source, ip.src or dst.src, IPPROTO_ICMP, ip_select_ttl(netns, dst), tos, netns.new_ip_id())
    rest = int(gateway) if gateway is not None else info
    packet = Packet((header, Icmp(type_, code, rest)), Quoted(skb.packet, length))
    _push(netns, packet, dst, skb, type_, code, source)


def _flow(netns: Netns) -> tuple[int, int, int] | None:
    """What rules see of an ICMP message that is made here; None where there are none, and nothing but the key is kept short."""
    return (IPPROTO_ICMP, 0, 0) if netns.custom_rules else None


def _reply_mark(netns: Netns, skb: Skb) -> int:
    """``IP4_REPLY_MARK``: with fwmark_reflect the mark of what is answered."""
    return skb.mark if skb.mark and netns.setting("fwmark_reflect") else 0


def _push(netns: Netns, packet: Packet, dst: Dst, skb: Skb, type_: int, code: int, source: Ip) -> None:
    error = Skb(packet, netns.machine.world.new_packet_id())
    error.mark = _reply_mark(netns, skb)
    nf_conntrack_attach(error, skb)
    if netns.machine.log.on:
        netns.emit(skb.id, IcmpSent(type_, code, skb.ip.src, source, error.id))
    _send(netns, error, dst, skb.id, "icmp-error")


def _send(netns: Netns, message: Skb, dst: Dst, parent: int, relation: str) -> None:
    """Hand over the message with ``icmp_xmit_lock`` held: softirqs wait, and what tunnels make of it provokes no error."""
    machine = netns.machine
    machine.icmp_busy = True
    try:
        ip_local_out(netns, message, dst, parent=parent, relation=relation)
    finally:
        machine.icmp_busy = False
    machine.run_softirq()


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
    note = icmp_unreach(netns, skb, link, icmp) or f"type {icmp.type}"
    if log_on:
        netns.emit(skb.id, Delivered("icmp", note))


def icmp_unreach(netns: Netns, skb: Skb, link: Link, icmp: Icmp) -> str:
    """``icmp_unreach``, ``icmp_redirect``: what an error is about, and what net.ipv4.ip_no_pmtu_disc lets through of it.

    Returns what came of it.
    """
    inner = quoted(skb.packet) if icmp.is_error else None
    if inner is None:
        return ""
    mtu = 0
    if icmp.type == ICMP_DEST_UNREACH and icmp.code == ICMP_FRAG_NEEDED:
        mode = netns.setting("ip_no_pmtu_disc")
        header = inner.layers[0]
        # icmp_tag_validation: of the protocols that are there TCP alone looks whether the quoted packet can be its own.
        strict = isinstance(header, IPv4) and header.proto == IPPROTO_TCP
        if mode == _NO_PMTU or (mode == _STRICT_PMTU and not strict):
            return f"ignored: net.ipv4.ip_no_pmtu_disc={mode}"
        mtu = icmp.mtu if mode in {0, _STRICT_PMTU} else 0
    return _icmp_socket_deliver(netns, skb, link, icmp, inner, mtu)


def _icmp_socket_deliver(netns: Netns, skb: Skb, link: Link, icmp: Icmp, inner: Packet, mtu: int) -> str:
    """``icmp_socket_deliver``: the protocol's error handler.

    Redirects and path MTUs are believed only for what a socket sent, and for echo replies.
    """
    header = inner.layers[0]
    if isinstance(header, IPv4) and header.proto == IPPROTO_IPIP and "ipip" in netns.machine.modules:
        from podwire.linux.path.iptunnel import ipip_err

        return ipip_err(netns, skb, link, icmp, inner, mtu)
    transport = inner.layers[1] if len(inner.layers) > 1 else None
    echo_reply = isinstance(transport, Icmp) and transport.type == ICMP_ECHOREPLY
    if icmp.type == ICMP_REDIRECT:
        tunnelled = isinstance(transport, Udp) and _encap_err_lookup(netns, inner, transport)
        if echo_reply or tunnelled or _is_of_tcp(netns, inner) or netns.sockets.senders(skb, inner):
            return ip_do_redirect(netns, skb, link, icmp, inner)
        return "redirect about an unknown packet"
    too_big = icmp.type == ICMP_DEST_UNREACH and icmp.code == ICMP_FRAG_NEEDED
    if echo_reply and too_big:
        ipv4_update_pmtu(netns, inner, mtu, mark=_reply_mark(netns, skb))
    if too_big and isinstance(transport, Udp) and _encap_err_lookup(netns, inner, transport):
        # A tunnel has no sending socket: only the path of the outer packet learns.
        ipv4_update_pmtu(netns, inner, mtu)
    if netns.sockets.tcp is not None:
        from podwire.linux.tcp.error import tcp_v4_err

        tcp_v4_err(netns.sockets.tcp, icmp, inner, mtu)
    for socket in netns.sockets.senders(skb, inner):
        if too_big:
            ipv4_update_pmtu(netns, inner, mtu, mark=socket.mark, tos=socket.tos, oif=socket.link)
        socket.hear(skb, icmp, inner, mtu)
    return ""


def _is_of_tcp(netns: Netns, inner: Packet) -> bool:
    """The quoted segment is one of a TCP connection or handshake here."""
    if netns.sockets.tcp is None:
        return False
    from podwire.linux.tcp.error import find_sender

    return find_sender(netns.sockets.tcp, inner) is not None


def _encap_err_lookup(netns: Netns, inner: Packet, udp: Udp) -> bool:
    """``__udp4_lib_err_encap``, ``vxlan_err_lookup``: the quoted datagram is one of a tunnel here."""
    encap = netns.sockets.encap.get(udp.dport)
    outer, header = inner.layers[0], inner.layers[2] if len(inner.layers) > 2 else None
    return (
        encap is not None
        and isinstance(outer, IPv4)
        and isinstance(header, Vxlan | Geneve)
        and encap.knows(outer.dst, header.vni)
    )


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
    log_on = netns.machine.log.on
    ip = skb.ip
    broadcast = skb.dst is not None and skb.dst.type in {"broadcast", "multicast"}
    if broadcast and netns.setting("icmp_echo_ignore_broadcasts"):
        if log_on:
            by = BySysctl("net.ipv4.icmp_echo_ignore_broadcasts", netns.setting("icmp_echo_ignore_broadcasts"))
            netns.emit(skb.id, Dropped("icmp_rcv", DropReason.INVALID_PROTO, by, link.name))
        return
    source = _spec_dst(netns, skb, link) if broadcast else ip.dst
    mark = _reply_mark(netns, skb)
    dst = ip_route_output(netns, ip.src, source, tos=ip.tos & 0x1C, mark=mark, ports=_flow(netns))
    tiny = dst.kind != "error" and dst.effective_mtu < IPV4_MIN_MTU
    if log_on:
        note = f"seq {answer.seq}" if to == "icmp_echo" else f"type {ICMP_TIMESTAMP}"
        netns.emit(skb.id, Delivered(to, note, dst.why if dst.kind == "error" else dst.by if tiny else None))
    if dst.kind == "error" or tiny:
        return
    to_whom = ip.src or dst.src
    header = IPv4(source or dst.src, to_whom, IPPROTO_ICMP, ip_select_ttl(netns, dst), ip.tos, netns.new_ip_id())
    reply = Skb(Packet((header, answer), payload), netns.machine.world.new_packet_id())
    reply.mark = mark
    _send(netns, reply, dst, skb.id, "reply")


def _spec_dst(netns: Netns, skb: Skb, link: Link) -> Ip:
    """``fib_compute_spec_dst``: the own address that a broadcast is answered from: the one on the way to its sender."""
    ip = skb.ip
    if Ip4(ip.src).is_zeronet:
        return inet_select_addr(netns, link, ip.src, SCOPE_LINK)
    found = fib_lookup(netns, ip.src, mark=skb.mark if link.conf.src_valid_mark else 0, tos=ip.tos & 0x1C)
    if found.error:
        return inet_select_addr(netns, link, ip.src, SCOPE_UNIVERSE)
    return source_of(netns, found)
