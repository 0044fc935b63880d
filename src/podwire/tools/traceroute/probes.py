"""The probes of ``traceroute``, and what comes back of them (mod-udp.c, mod-icmp.c, recv_reply and parse_icmp_res of traceroute.c)."""

from __future__ import annotations

import os
from errno import EAGAIN, EMSGSIZE, ENOBUFS, ENODEV
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NoReturn

from podwire.linux.sockerr import IcmpErrorReport
from podwire.linux.socket import PMTUDISC_DONT, PMTUDISC_PROBE, RawSocket, Socket, SocketError, UdpSocket
from podwire.tools.args import Exit
from podwire.wire.addr import Ip
from podwire.wire.headers import (
    ICMP_DEST_UNREACH,
    ICMP_ECHO,
    ICMP_ECHOREPLY,
    ICMP_REDIRECT,
    ICMP_SOURCE_QUENCH,
    ICMP_TIME_EXCEEDED,
    IPPROTO_ICMP,
    Icmp,
    IPv4,
)
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.tools.process import Process
    from podwire.tools.traceroute.options import Options

_START_PORT: Final = 33434
_UDP_PORT: Final = 53
_DATA: Final = 40
_UNREACHABLE: Final = MappingProxyType(
    {
        0: "!N",
        1: "!H",
        2: "!P",
        3: "",
        5: "!S",
        6: "!N",
        7: "!H",
        8: "!N",
        9: "!X",
        10: "!X",
        11: "!N",
        12: "!H",
        13: "!X",
    }
    | {14: "!V", 15: "!C"}
)


class Probe:
    """``struct probe``: times in µs, 0 for not yet; ``res`` is who answered."""

    def __init__(self) -> None:
        self.sent = 0
        self.received = 0
        self.done = False
        self.final = False
        self.res: Ip | None = None
        self.ttl = 0
        """That of the answer."""
        self.error = ""
        self.socket: Socket | None = None
        self.seq = 0

    def close(self) -> None:
        """``probe_done``."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None
        self.seq = 0
        self.done = True


def failed(proc: Process, what: str, errno: int) -> NoReturn:
    """``error``: ends it with status 1."""
    proc.error(f"\n{what}: {os.strerror(errno)}\n")
    raise Exit(1)


class _Method:
    """What both kinds of probes share. ``length`` is that of what ``send`` is given."""

    header = 0

    def __init__(self, proc: Process, options: Options) -> None:
        self.proc = proc
        self.options = options
        self.probes: list[Probe] = []
        if options.packet < 0:
            self.length = max(_DATA - self.header, 0)
        else:
            self.length = max(options.packet - 20 - self.header, 0)

    @property
    def size(self) -> int:
        """Of the whole packet."""
        return 20 + self.header + self.length

    def tune(self, socket: Socket) -> None:
        """``tune_socket``."""
        options, netns = self.options, self.proc.place.netns
        socket.on_send = self.proc.on_send
        socket.mark = options.mark
        socket.tos = options.tos
        socket.recverr = True
        socket.dontroute = options.dont_route
        socket.pmtudisc = PMTUDISC_PROBE if options.dont_fragment else PMTUDISC_DONT
        if options.device is not None:
            socket.link = netns.link(options.device)
            if socket.link is None:
                failed(self.proc, "setsockopt SO_BINDTODEVICE", ENODEV)
        try:
            socket.bind(options.source)
        except SocketError as error:
            failed(self.proc, "bind", error.errno)

    def connect(self, socket: Socket) -> None:
        """The source address is fixed; a route that refuses ends it."""
        try:
            socket.source = socket.route_source(self.options.target)
        except SocketError as error:
            failed(self.proc, "connect", error.errno)

    def refused(self, probe: Probe, error: SocketError) -> bool:
        """``do_send``: True where the kernel has taken it all the same, and tells of it by the error queue."""
        if error.errno in {ENOBUFS, EAGAIN}:
            return False
        if error.errno != EMSGSIZE:
            failed(self.proc, "send", error.errno)
        probe.received = self.proc.now // 1000
        probe.error = f"!F-{error.mtu}"
        probe.final = probe.done = True
        return True

    def heard(self, probe: Probe, report: IcmpErrorReport) -> None:
        """An ICMP error about a probe."""
        if report.icmp.type in {ICMP_SOURCE_QUENCH, ICMP_REDIRECT}:
            return
        probe.received, probe.ttl, probe.res = report.time // 1000, report.ttl, report.origin
        kind, code = report.icmp.type, report.icmp.code
        if kind == ICMP_TIME_EXCEEDED and code == 0:
            probe.close()
            return
        if kind == ICMP_DEST_UNREACH:
            probe.error = f"!F-{report.mtu}" if code == 4 else _UNREACHABLE.get(code, f"!<{code}>")
        else:
            probe.error = f"!<{kind}-{code}>"
        probe.final = True
        probe.close()

    def answered(self, probe: Probe, packet: Packet, time: int) -> None:
        """The target itself has answered."""
        header = packet.layers[0]
        if isinstance(header, IPv4):
            probe.received, probe.ttl, probe.res = time // 1000, header.ttl, header.src
            probe.final = True
            probe.close()

    def close(self) -> None:
        """Nothing is waited for any more."""
        for probe in self.probes:
            probe.close()


class Udp(_Method):
    """A socket for each probe; ``default`` goes from port to port, ``udp`` stays."""

    header = 8

    def __init__(self, proc: Process, options: Options) -> None:
        super().__init__(proc, options)
        self.step = options.method == "default"
        self.port = options.port or (_START_PORT if self.step else _UDP_PORT)
        self.data = bytes(0x40 + (i & 0x3F) for i in range(self.length))

    def send(self, probe: Probe, ttl: int) -> None:
        """``udp_send_probe``; nothing was sent where ``probe.sent`` is still 0."""
        socket = UdpSocket(self.proc.place.netns, 0, self.proc.wake)
        probe.socket = socket
        self.tune(socket)
        socket.ttl = ttl
        port = self.port & 0xFFFF
        self.connect(socket)
        socket.remote = self.options.target, port
        probe.sent = self.proc.now // 1000
        try:
            socket.send_to(self.options.target, port, self.data)
        except SocketError as error:
            if not self.refused(probe, error):
                socket.close()
                probe.sent = 0
                return
        probe.seq = port
        self.port += self.step

    def poll(self) -> bool:
        """What has come; True if anything has."""
        came = False
        for probe in self.probes:
            socket = probe.socket
            if socket is None:
                continue
            report = socket.take_error()
            if report is not None:
                self.heard(probe, report)
            elif socket.inbox:
                arrived = socket.inbox.popleft()
                self.answered(probe, arrived.packet, arrived.time)
            else:
                continue
            came = True
        return came


class IcmpEcho(_Method):
    """Echo requests by one raw socket, numbered from 1 (or from what -p says)."""

    def __init__(self, proc: Process, options: Options) -> None:
        super().__init__(proc, options)
        self.length = max(self.length, 8)
        self.seq = options.port & 0xFFFF or 1
        self.data = bytes(0x40 + (i & 0x3F) for i in range(8, self.length))
        self.ident = proc.place.new_pid() & 0xFFFF
        self.socket = RawSocket(proc.place.netns, IPPROTO_ICMP, proc.wake)
        self.socket.accept = self._is_answer
        self.tune(self.socket)
        self.connect(self.socket)

    def _is_answer(self, packet: Packet) -> bool:
        header = packet.layers[0]
        return isinstance(header, IPv4) and header.src == self.options.target

    def send(self, probe: Probe, ttl: int) -> None:
        """``icmp_send_probe``."""
        self.socket.ttl = ttl
        probe.sent = self.proc.now // 1000
        header = Icmp(ICMP_ECHO, 0, self.ident << 16 | self.seq)
        try:
            self.socket.send(self.options.target, header, self.data)
        except SocketError as error:
            if not self.refused(probe, error):
                probe.sent = 0
                return
        probe.seq = self.seq
        self.seq = self.seq + 1 & 0xFFFF

    def poll(self) -> bool:
        """What has come; True if anything has."""
        came = bool(self.socket.errors or self.socket.inbox)
        while (report := self.socket.take_error()) is not None:
            probe = self._probe(report.quoted, ICMP_ECHO)
            if probe is not None:
                self.heard(probe, report)
        while self.socket.inbox:
            arrived = self.socket.inbox.popleft()
            probe = self._probe(arrived.packet, ICMP_ECHOREPLY)
            if probe is not None:
                self.answered(probe, arrived.packet, arrived.time)
        return came

    def _probe(self, packet: Packet, kind: int) -> Probe | None:
        """The probe that an answer, or what an error quotes, is about."""
        icmp = packet.layers[1] if len(packet.layers) > 1 else None
        if not isinstance(icmp, Icmp) or icmp.type != kind or icmp.rest >> 16 != self.ident:
            return None
        seq = icmp.rest & 0xFFFF
        return next((probe for probe in self.probes if probe.seq == seq and seq), None)

    def close(self) -> None:
        """See ``_Method``."""
        self.socket.close()
