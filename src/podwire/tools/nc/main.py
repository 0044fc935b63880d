"""Connecting, listening, and carrying bytes between standard input, the network and standard output (netcat.c)."""

from __future__ import annotations

import os
from collections.abc import Generator
from errno import EADDRINUSE, ECONNREFUSED
from typing import TYPE_CHECKING, Final, NoReturn

from podwire.errors import NotModelled
from podwire.linux.services import TCP_NAMES, UDP_NAMES
from podwire.linux.socket import SocketError, UdpSocket
from podwire.linux.tcp import TcpSocket
from podwire.tools.args import Exit, gai_error, reverse_name
from podwire.tools.nc.options import Options, die, parse, port_of
from podwire.tools.nc.stream import BUFSIZE, Datagrams, Stream, Tcp, sender_of
from podwire.wire.addr import ANY4, Ip, inet_aton

if TYPE_CHECKING:
    from podwire.tools.process import Process, Waiting

_SECOND: Final = 1_000_000_000
_SCAN_SECONDS: Final = 3
"""UDP_SCAN_TIMEOUT."""

Waits = Generator["int | None", None, None]


def nc(proc: Process) -> int | Waiting:
    """``nc [options] HOST PORT…``, ``nc -l [HOST] PORT``."""
    try:
        options = parse(proc)
    except Exit as exit_:
        return exit_.status
    return _guarded(_Netcat(proc, options))


def _guarded(netcat: _Netcat) -> Waiting:
    try:
        return (yield from netcat.listen() if netcat.options.listen else netcat.connect())
    except Exit as exit_:
        return exit_.status
    finally:
        netcat.close()


class _Netcat:
    """One call."""

    def __init__(self, proc: Process, options: Options) -> None:
        self.proc = proc
        self.options = options
        self.stdin = b"" if options.detached else proc.stdin.encode("utf-8", "surrogateescape")
        self.stdin_ends = options.detached or 0 not in proc.terminals
        """A terminal keeps silent and has no end; everything else was read to its end before."""
        self.open: list[TcpSocket | UdpSocket] = []

    def close(self) -> None:
        """Whatever is still open."""
        for socket in self.open:
            socket.close()

    def _tcp(self) -> TcpSocket:
        socket = TcpSocket(self.proc.place.netns, self.proc.wake)
        socket.on_send = self.proc.on_send
        return self._hold(socket)

    def _udp(self, port: int) -> UdpSocket:
        socket = UdpSocket(self.proc.place.netns, port, self.proc.wake)
        socket.on_send = self.proc.on_send
        return self._hold(socket)

    def _hold[S: (TcpSocket, UdpSocket)](self, socket: S) -> S:  # noqa: D102
        raise NotImplementedError

    # -- names ---------------------------------------------------------------------------------------------------

    def _address(self, text: str, complaint: str) -> Ip:
        """getaddrinfo(3)."""
        found = inet_aton(text)
        if found is None and not self.options.numeric:
            found = self.proc.place.lookup(text)
        if found is None:
            why = "Name or service not known" if self.options.numeric else gai_error(self.proc.place, text)
            die(self.proc, f"{complaint}: {why}")
        return found

    def _name(self, ip: Ip) -> str:
        """getnameinfo(3): an address without a name stands for itself."""
        return str(ip) if self.options.numeric else reverse_name(self.proc.place, ip) or str(ip)

    def _report(self, what: str, ip: Ip, port: int) -> None:
        """``report_sock``."""
        if self.options.verbose:
            self.proc.error(f"{what} on {self._name(ip)} {port}\n")

    def _errno(self, errno: int, text: str = "") -> NoReturn:
        """``err(1, …)``."""
        die(self.proc, f"{text}: {os.strerror(errno)}" if text else os.strerror(errno))
