"""Whom to ping and from where: name resolution, socket, source address (``main`` and ``ping4_run`` in ping/ping.c)."""

from __future__ import annotations

from errno import EACCES, EINVAL, ENODEV
from typing import TYPE_CHECKING, NoReturn

import msgspec

from podwire.errors import NotModelled
from podwire.linux.socket import PMTUDISC_DO, PingSocket, RawSocket, SocketError
from podwire.tools.args import canonical_name, fail, warn
from podwire.tools.resolving.asking import known, why_not
from podwire.wire import dns
from podwire.wire.addr import Ip, Ip4, inet_aton
from podwire.wire.headers import ICMP_REDIRECT, ICMP_SOURCE_QUENCH, IPPROTO_ICMP

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.tools.ping.options import Options
    from podwire.tools.process import Process

_IP_OVERHEAD = 20 + 16
_SKB_OVERHEAD = 64 + 160
FILTER_FIRST = frozenset({0, 3, 4, 5, 11, 12})
"""ICMP_FILTER until the first error came by the error queue: it would come twice otherwise."""
FILTER_LATER = frozenset({0, ICMP_SOURCE_QUENCH, ICMP_REDIRECT})


class Target(msgspec.Struct):
    """The destination, the open socket and what the first line says."""

    name: str
    ip: Ip
    socket: PingSocket | RawSocket
    ident: int
    is_raw: bool
    multicast: bool = False


def open_socket(proc: Process, options: Options, operands: list[str]) -> Target:
    """Everything up to the line ``PING …``, that line included; raises ``Exit``."""
    if len(operands) > 1:
        raise NotModelled("source routing (more than one destination)", "ping")
    word = operands[0]
    if not options.ipv6 and inet_aton(word) is None:
        known(proc, word, _types(options))
    is_raw = options.ident == 0 or not _may_ping(proc)
    if options.ident == 0 and options.verbose:
        warn(proc, "WARNING: ident 0 => forcing raw socket")
    if options.verbose:
        kind = "SOCK_RAW" if is_raw else "SOCK_DGRAM"
        sock6, family = ("-1 (socktype: 0)", "AF_INET") if options.ipv4 else (f"4 (socktype: {kind})", "AF_UNSPEC")
        warn(proc, f"sock4.fd: 3 (socktype: {kind}), sock6.fd: {sock6}, hints.ai_family: {family}\n")
    address = inet_aton(word)
    name = word
    if options.ipv6:
        if address is not None:
            fail(proc, 2, f"{word}: Address family for hostname not supported")
        raise NotModelled("option -6", "ping")
    if address is not None:
        options.numeric = True
    else:
        address, name = _lookup(proc, options, word)
    if options.verbose:
        proc.write(f"ai->ai_family: AF_INET, ai->ai_canonname: '{name}'\n")
    ident, socket = _socket(proc, options, is_raw=is_raw)
    target = Target(name, address, socket, ident, is_raw)
    try:
        source = _connect(proc, options, target)
    except BaseException:
        socket.close()
        raise
    text = f"PING {name} ({target.ip}) "
    if options.device or options.strict_source:
        text += f"from {source} {options.device}: "
    proc.write(f"{text}{options.size}({options.size + 28}) bytes of data.\n")
    return target


def _may_ping(proc: Process) -> bool:
    """net.ipv4.ping_group_range holds the group of root: a ping socket will do."""
    limits = proc.place.netns.settings["ping_group_range"]
    low, high = limits if isinstance(limits, tuple) else (limits, limits)
    return low <= 0 <= high


def _types(options: Options) -> tuple[int, ...]:
    """AF_UNSPEC asks for both kinds of address."""
    return (dns.A,) if options.ipv4 else (dns.A, dns.AAAA)


def _lookup(proc: Process, options: Options, word: str) -> tuple[Ip4, str]:
    asked = known(proc, word, _types(options))
    found: Ip | None = asked.ip4 or next(iter(asked.addresses), None)
    if found is None:
        try:
            found = Ip.parse(word)
        except ValueError:
            fail(proc, 2, f"{word}: {why_not(proc, word)}")
    if not isinstance(found, Ip4):
        raise NotModelled("an IPv6 destination", "ping")
    return found, asked.canonical if word in proc.names else canonical_name(proc.place, word)


def _socket(proc: Process, options: Options, *, is_raw: bool) -> tuple[int, PingSocket | RawSocket]:
    netns = proc.place.netns
    ident = options.ident
    if ident < 0:
        used = {socket.ident for socket in netns.sockets.ping}
        while (ident := proc.place.new_pid() & 0xFFFF) in used:
            pass
    socket = RawSocket(netns, IPPROTO_ICMP, proc.wake) if is_raw else PingSocket(netns, ident, proc.wake)
    socket.on_send = proc.on_send
    socket.tos = options.tos
    socket.mark = options.mark
    socket.recverr = True
    socket.multicast_loop = not options.no_loop
    hold = options.size + 8
    # sock_setbufs: room for one request as the kernel might split it.
    socket.set_sndbuf(options.sndbuf or hold + (hold + 511) // 512 * (_IP_OVERHEAD + _SKB_OVERHEAD))
    return ident, socket


def _device(proc: Process, options: Options, to: Ip) -> Link | None:
    if not options.device:
        return None
    link = proc.place.netns.link(options.device)
    if link is None and to.is_multicast:
        fail(proc, 2, f"unknown iface: {options.device}")
    if link is None:
        fail(proc, 2, f"SO_BINDTODEVICE {options.device}", ENODEV)
    return link


def _connect(proc: Process, options: Options, target: Target) -> Ip:
    """The source address: the one that was given, or the one that a connected UDP socket gets."""
    socket = target.socket
    socket.link = _device(proc, options, target.ip)
    source = options.source
    if not source:
        source = _probe(proc, options, target)
    target.ip = target.ip or source
    target.multicast = options.broadcast or target.ip.is_multicast
    pmtudisc = PMTUDISC_DO if options.pmtudisc is None and target.multicast else options.pmtudisc
    if pmtudisc is not None:
        socket.pmtudisc = pmtudisc
    if options.strict_source:
        try:
            socket.bind(source)
        except SocketError as error:
            fail(proc, 2, "bind", error.errno)
    socket.broadcast = options.broadcast
    socket.dontroute = options.dont_route
    if options.ttl == 0:
        fail(proc, 2, "cannot set unicast time-to-live", EINVAL)
    socket.ttl = options.ttl or 0
    return source


def _probe(proc: Process, options: Options, target: Target) -> Ip:
    socket = target.socket
    try:
        source = socket.route_source(target.ip)
    except SocketError as error:
        if error.errno != EACCES:
            _refused(proc, error)
        if not options.broadcast:
            fail(proc, 2, "Do you want to ping broadcast? Then -b. If not, check your local firewall rules")
        proc.error("WARNING: pinging broadcast address\n")
        socket.broadcast = True
        try:
            source = socket.route_source(target.ip)
        except SocketError as second:
            _refused(proc, second)
    device = options.device
    if device:
        addresses = proc.place.netns.addresses()
        if not any((address.label or link.name) == device and address.local == source for link, address in addresses):
            warn(proc, f"Warning: source address might be selected on device other than: {device}")
    return source


def _refused(proc: Process, error: SocketError) -> NoReturn:
    fail(proc, 2, "connect", error.errno)
