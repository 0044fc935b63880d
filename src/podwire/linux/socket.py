"""Sockets: raw and ping sockets, plain UDP (net/ipv4/raw.c, ping.c, udp.c). ``linux.sockets`` is the table of them.

A socket's owner is called when something arrived; it reads ``inbox`` and ``errors`` itself.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from errno import (
    EACCES,
    EADDRNOTAVAIL,
    EINVAL,
    EMSGSIZE,
    ENETUNREACH,
    ENOBUFS,
)
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import PodwireError
from podwire.linux.fib import BROADCAST
from podwire.linux.path.output import ip_local_out, net_xmit_errno
from podwire.linux.path.route import IPV4_MIN_MTU, Dst, ip_route_output, ip_select_ttl
from podwire.linux.skb import Skb, truesize_of
from podwire.linux.sockerr import IcmpErrorReport, ip_icmp_error, is_too_big
from podwire.trace.events import ByLink, Created, Dropped
from podwire.trace.reasons import DropReason
from podwire.wire.addr import ANY4, Ip
from podwire.wire.headers import (
    IPPROTO_ICMP,
    IPPROTO_UDP,
    AnyHeader,
    Icmp,
    IPv4,
    Udp,
)
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
PMTUDISC_DONT: Final = 0
PMTUDISC_WANT: Final = 1
PMTUDISC_DO: Final = 2
PMTUDISC_PROBE: Final = 3
"""DF is set, and what was learned of the path does not count."""
_WMEM_DEFAULT: Final = 212992
_SOCK_MIN_SNDBUF: Final = 4608


class SocketError(PodwireError):
    """A send that the kernel refuses: ``errno``.

    For EMSGSIZE ``mtu`` is what would fit, 0 where the error queue says nothing.
    """

    def __init__(self, errno: int, mtu: int = 0) -> None:
        super().__init__(f"errno {errno}")
        self.errno = errno
        self.mtu = mtu

    @property
    def strerror(self) -> str:
        """The C library's text of the number."""
        return os.strerror(self.errno)


class Arrived(msgspec.Struct, frozen=True, gc=False):
    """A packet in an inbox: virtual time (ns), the packet from its IP header on, and the name of the device."""

    time: int
    packet: Packet
    dev: str
    id: int


class Socket:
    """What raw, ping and UDP sockets share: bound address and device, TTL, TOS, mark and the queues."""

    def __init__(self, netns: Netns, protocol: int, wake: Callable[[], None]) -> None:
        self.netns = netns
        self.protocol = protocol
        self.wake = wake
        self.source: Ip = ANY4
        self.link: Link | None = None
        self.ttl = 0
        """0 for net.ipv4.ip_default_ttl."""
        self.tos = 0
        self.mark = 0
        self.broadcast = False
        self.multicast_loop = True
        """IP_MULTICAST_LOOP: what is sent to an own group is heard here, too."""
        self.recverr = False
        """IP_RECVERR: a packet that the device did not take is worth ENOBUFS."""
        self.sndbuf = _WMEM_DEFAULT
        """SO_SNDBUF, as the kernel keeps it (doubled)."""
        self.protocol_header = True
        """The kernel makes the header behind that of IP."""
        self.wmem = 0
        """``sk_wmem_alloc``: how much of it is taken by packets that wait for a neighbour."""
        self.dontroute = False
        """SO_DONTROUTE: only destinations on-link."""
        self.pmtudisc = PMTUDISC_DONT if netns.setting("ip_no_pmtu_disc") else PMTUDISC_WANT
        self.confirm = False
        """MSG_CONFIRM: the next hop is known to work (RFC 4861 section 7.3.1)."""
        self.on_send: Callable[[int], None] | None = None
        """Hears the id of each packet before it starts: how a trace adopts it."""
        self.pending_error = 0
        """``sk_err``: what the next call on the socket fails with; read without IP_RECVERR as SO_ERROR (F24)."""
        self.user: tuple[str, int, int] | None = None
        """Who holds it, for ``ss -p``: command, process id, file descriptor."""
        self.inbox: deque[Arrived] = deque()
        self.errors: deque[IcmpErrorReport] = deque()

    def bind(self, source: Ip) -> None:
        """Fix the source address; raises ``SocketError`` EADDRNOTAVAIL for one that is not ours."""
        if source and not self.netns.is_local(source) and not self.netns.setting("ip_nonlocal_bind"):
            raise SocketError(EADDRNOTAVAIL)
        self.source = source

    def set_sndbuf(self, size: int) -> None:
        """SO_SNDBUF: doubled, within limits (``sock_setsockopt``; net.core.wmem_max)."""
        self.sndbuf = max(2 * min(size, _WMEM_DEFAULT), _SOCK_MIN_SNDBUF)

    @property
    def probes(self) -> bool:
        """Not ``ip_sk_use_pmtu``: only the device's MTU counts."""
        return self.pmtudisc >= PMTUDISC_PROBE

    def route_source(self, dst: Ip, port: int = 1025) -> Ip:
        """The source address that a UDP socket connected to ``port`` would get (``getsockname``); raises ``SocketError``.

        ``ip_route_connect`` looks up again with the source that the first lookup gave: rules may see it differently.
        """
        source = self._check(self._route(dst, probe=port)).src
        if self.source:
            return source
        return self._check(self._route(dst or source, source=source, probe=port)).src

    def _route(self, dst: Ip, unsent: AnyHeader | None = None, source: Ip = ANY4, probe: int = 0) -> Dst:
        """The way to ``dst``, an error route among them, of the segment ``unsent`` or a datagram to the port ``probe``."""
        netns = self.netns
        ports = None
        if netns.custom_rules:
            ports = (IPPROTO_UDP, 0, probe) if probe else (self.protocol, 0, 0)
            if isinstance(unsent, Udp):
                ports = self.protocol, unsent.sport, unsent.dport
        return ip_route_output(
            netns,
            dst,
            self.source or source,
            oif=self.link,
            mark=self.mark,
            tos=self.tos & 0x1C,
            onlink_scope=self.dontroute,
            ports=ports,
        )

    def _check(self, route: Dst) -> Dst:
        """Raises ``SocketError`` for a route that this socket cannot take."""
        if route.kind == "error":
            raise SocketError(route.error)
        if route.type == BROADCAST and not self.broadcast:
            raise SocketError(EACCES)
        return route

    def send(self, dst: Ip, transport: AnyHeader, payload: bytes, *, options: bytes = b"") -> int:
        """Send one datagram; returns its packet id. Raises ``SocketError`` with the errno that ``sendto`` gives."""
        length = transport.size + len(payload)
        if length > 65535:
            # raw_sendmsg and udp_sendmsg: refused before anything else, and the error queue stays empty.
            raise SocketError(EMSGSIZE)
        netns = self.netns
        route = self._route(dst, transport)
        if route.kind == "error":
            self._refuse(self._unsent(self.source, dst, transport, payload, options), route)
        self._check(route)
        size = 20 + len(options) + length
        mtu = min(route.link.mtu, 65535) if self.probes and route.link is not None else route.effective_mtu
        if mtu < IPV4_MIN_MTU:
            raise SocketError(ENETUNREACH)
        must = self.pmtudisc >= PMTUDISC_DO
        df = must or (self.pmtudisc == PMTUDISC_WANT and size <= mtu and not route.locked)
        if size > (mtu if must else 65535):
            self._refuse(self._unsent(route.src, dst, transport, payload, options, df=df), _too_big(route, mtu))
            raise SocketError(EMSGSIZE, mtu)
        if size > mtu or self.wmem or self.pending_error:
            # One piece in an empty buffer has room.
            self._allocate(size, size if size < mtu else mtu)  # noqa: FURB136 - for every packet, and min() is a call
        ttl = self.ttl or (1 if route.type == "multicast" else ip_select_ttl(netns, route))
        # ip_select_ident: a packet that must not be fragmented needs no identification (unless the kernel might do it
        # all the same).
        ident = 0 if must else netns.new_ip_id()
        # ip_route_output_key: 0.0.0.0 is this host, by the address that is also the source.
        header = IPv4(route.src, dst or route.src, self.protocol, ttl, self.tos, ident, df, options=options)
        return self._transmit(Packet((header, transport), payload), route, size)

    def _unsent(
        self, src: Ip, dst: Ip, transport: AnyHeader, payload: bytes, options: bytes, *, df: bool = False
    ) -> Packet:
        """What a datagram that is refused would have been."""
        header = IPv4(src, dst, self.protocol, self.ttl or 64, self.tos, df=df, options=options)
        return Packet((header, transport), payload)

    def _allocate(self, size: int, mtu: int) -> None:
        """``__ip_append_data``: memory for every fragment; raises ``SocketError`` ENOBUFS where twice the send buffer is full.

        A ping or UDP socket would wait for its first one where the buffer is full (``sock_alloc_send_skb``); that is not modelled.
        """
        if self.pending_error:
            # sock_alloc_send_skb: sock_error.
            errno, self.pending_error = self.pending_error, 0
            raise SocketError(errno)
        used, left = self.wmem, size - 20
        first = self.protocol_header
        while left > 0:
            part = left if left <= mtu - 20 else mtu - 20 & ~7
            if part <= 0:
                return
            if not first and used >= 2 * self.sndbuf:
                raise SocketError(ENOBUFS)
            first = False
            left -= part
            if left:
                used += truesize_of(part + 20)

    def send_raw(self, packet: Packet) -> int:
        """IP_HDRINCL: a packet with its own IP header.

        raw_send_hdrinc fills in length and checksum, and source and id where they are 0. The way is that of the socket's source
        (``raw_sendmsg``), whatever the header says.

        Only the device's MTU is asked for; where the path's is smaller, a packet with DF dies on its way out. Raises
        ``SocketError``.
        """
        header = packet.layers[0]
        if not isinstance(header, IPv4):
            raise SocketError(EINVAL)
        route = ip_route_output(
            self.netns, header.dst, self.source, oif=self.link, mark=self.mark, tos=header.tos & 0x1C, any_src=True
        )
        if route.kind == "error":
            self._refuse(packet, route)
            raise SocketError(route.error)
        if route.type == BROADCAST and not self.broadcast:
            raise SocketError(EACCES)
        device_mtu = route.link.mtu if route.link is not None else 65535
        if packet.size > device_mtu:
            self._refuse(packet, _too_big(route, device_mtu))
            raise SocketError(EMSGSIZE, device_mtu)
        filled = msgspec.structs.replace(
            header,
            src=header.src or route.src,
            id=header.id or (0 if header.df else self.netns.new_ip_id()),
            total_length=None,
            checksum=None,
        )
        packet_id = self._transmit(packet.replace(0, filled), route)
        if header.df and packet.size > route.effective_mtu:
            raise SocketError(EMSGSIZE)
        return packet_id

    def _refuse(self, packet: Packet, route: Dst) -> None:
        """A packet that never came to be: whoever follows the socket learns why."""
        netns = self.netns
        if not netns.machine.log.on:
            return
        packet_id = netns.machine.world.new_packet_id()
        if self.on_send is not None:
            self.on_send(packet_id)
        netns.emit(packet_id, Created(packet=packet))
        netns.emit(packet_id, Dropped("ip_route_output_key", route.reason or DropReason.IP_OUTNOROUTES, route.why))

    def _transmit(self, packet: Packet, route: Dst, size: int = 0) -> int:
        netns = self.netns
        skb = Skb(packet, netns.machine.world.new_packet_id(), length=size)
        skb.mark = self.mark
        skb.confirm = self.confirm
        skb.owner = self
        if self.on_send is not None:
            self.on_send(skb.id)
        errno = net_xmit_errno(ip_local_out(netns, skb, route))
        netns.machine.run_softirq()
        if errno and (errno != ENOBUFS or self.recverr):
            raise SocketError(errno)
        return skb.id

    def receive(self, skb: Skb) -> None:
        """Queue a packet and wake the owner."""
        dev = skb.iif.name if skb.iif is not None else ""
        self.inbox.append(Arrived(self.netns.machine.world.now, skb.packet, dev, skb.id))
        self.wake()

    def hear(self, skb: Skb, icmp: Icmp, inner: Packet, mtu: int) -> None:
        """``ping_err``, ``__udp4_lib_err``: an ICMP error about a packet of this socket.

        One that never sets DF does not hear that fragmentation is needed.
        """
        if self.pmtudisc != PMTUDISC_DONT or not is_too_big(icmp):
            self.report(ip_icmp_error(skb, icmp, inner, mtu, self.netns.machine.world.now))

    def report(self, report: IcmpErrorReport) -> None:
        """Queue an error and wake the owner."""
        self.errors.append(report)
        self.wake()

    def take_error(self) -> IcmpErrorReport | None:
        """``recvmsg`` with MSG_ERRQUEUE: the oldest error, None where there is none (``sock_dequeue_err_skb``)."""
        if not self.errors:
            return None
        report = self.errors.popleft()
        self.pending_error = self.errors[0].errno if self.errors else 0
        return report

    def close(self) -> None:
        """The socket hears nothing more."""
        self.netns.sockets.forget(self)


class RawSocket(Socket):
    """SOCK_RAW: a copy of every packet of its protocol. ``accept`` filters (as a BPF filter of ping does)."""

    def __init__(self, netns: Netns, protocol: int, wake: Callable[[], None]) -> None:
        super().__init__(netns, protocol, wake)
        self.accept: Callable[[Packet], bool] = lambda _: True
        self.protocol_header = False
        netns.sockets.raw.append(self)

    def hear(self, skb: Skb, icmp: Icmp, inner: Packet, mtu: int) -> None:
        """``raw_err``: whatever the error is."""
        self.report(ip_icmp_error(skb, icmp, inner, mtu, self.netns.machine.world.now))


class PingSocket(Socket):
    """SOCK_DGRAM of IPPROTO_ICMP: ``ident`` is the kernel's port, echo replies with it are ours."""

    def __init__(self, netns: Netns, ident: int, wake: Callable[[], None]) -> None:
        super().__init__(netns, IPPROTO_ICMP, wake)
        self.ident = ident
        netns.sockets.ping.append(self)


class UdpSocket(Socket):
    """SOCK_DGRAM of IPPROTO_UDP, bound to ``port``; ``remote`` where it is connected."""

    def __init__(self, netns: Netns, port: int, wake: Callable[[], None]) -> None:
        super().__init__(netns, IPPROTO_UDP, wake)
        self.port = port or netns.sockets.ephemeral_port()
        self.remote: tuple[Ip, int] | None = None
        netns.sockets.udp.append(self)

    def report(self, report: IcmpErrorReport) -> None:
        """``__udp4_lib_err``: without IP_RECVERR only a connected socket hears of errors, and only of fatal ones (F24)."""
        if self.recverr or (report.fatal and self.remote is not None):
            self.pending_error = report.errno
        super().report(report)

    def send_to(self, dst: Ip, port: int, data: bytes) -> int:
        """Send a datagram; raises ``SocketError``: EINVAL for port 0, an error that came for an earlier one."""
        if not port:
            raise SocketError(EINVAL)
        return self.send(dst, Udp(self.port, port), data)


def _too_big(route: Dst, mtu: int) -> Dst:
    """The route as that of a packet which does not fit it."""
    by = route.by if route.mtu and route.mtu == mtu else ByLink(route.by.dev, "mtu", str(mtu))
    return Dst("error", route.type, route.link, route.by, error=EMSGSIZE, reason=DropReason.PKT_TOO_BIG, why=by)
