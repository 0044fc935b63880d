"""Connecting, listening, and carrying bytes between standard input, the network and standard output (netcat.c)."""

from __future__ import annotations

import os
from collections.abc import Generator
from errno import EADDRINUSE, EINPROGRESS
from typing import TYPE_CHECKING, Final, NoReturn

from podwire.errors import NotModelled
from podwire.linux.services import TCP_NAMES, UDP_NAMES
from podwire.linux.socket import SocketError, UdpSocket
from podwire.linux.tcp import TcpSocket
from podwire.tools.args import Exit, reverse_name
from podwire.tools.nc.options import Options, die, parse, port_of
from podwire.tools.nc.stream import BUFSIZE, Datagrams, Stream, Tcp, sender_of
from podwire.tools.resolving.asking import ask, known, why_not
from podwire.wire import dns
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
    return _run(_Netcat(proc, options))


def _run(netcat: _Netcat) -> Waiting:
    try:
        if netcat.options.listen:
            return (yield from netcat.listen())
        return (yield from netcat.connect())
    except Exit as exit_:
        return exit_.status
    finally:
        for socket in netcat.sockets:
            socket.close()


class _Netcat:
    """One call. ``sockets`` are all that it opened; to close one twice does no harm."""

    def __init__(self, proc: Process, options: Options) -> None:
        self.proc = proc
        self.options = options
        self.pid = proc.place.new_pid()
        self.sockets: list[TcpSocket | UdpSocket] = []
        self.stdin = b"" if options.detached else proc.stdin.encode("utf-8", "surrogateescape")
        self.stdin_ends = options.detached or 0 not in proc.terminals
        """A terminal keeps silent and has no end; everything else was read to its end before nc started."""

    # -- sockets and names ---------------------------------------------------------------------------------------

    def _tcp(self) -> TcpSocket:
        return self._own(TcpSocket(self.proc.place.netns, self.proc.wake), 3)

    def _own(self, socket: TcpSocket, descriptor: int) -> TcpSocket:
        socket.wake = self.proc.wake
        socket.on_send = self.proc.on_send
        socket.user = ("nc", self.pid, descriptor)
        self.sockets.append(socket)
        return socket

    def _udp(self, source: Ip, port: int) -> UdpSocket:
        """A datagram socket that is bound; raises ``SocketError``."""
        netns = self.proc.place.netns
        others = [other for other in netns.sockets.udp if other.port == port and port]
        if others or port in netns.sockets.encap:
            if any(other.user is not None and other.user[0] == "nc" for other in others):
                raise NotModelled("two sockets on one port (SO_REUSEPORT)", "nc")
            raise SocketError(EADDRINUSE)
        socket = UdpSocket(netns, port, self.proc.wake)
        socket.on_send = self.proc.on_send
        socket.user = ("nc", self.pid, 3)
        self.sockets.append(socket)
        socket.bind(source)
        return socket

    def _address(self, text: str, complaint: str) -> Generator[int | None, None, Ip]:
        """getaddrinfo(3), of AF_INET."""
        found: Ip | None = inet_aton(text)
        if found is None and not self.options.numeric:
            yield from ask(self.proc, text, (dns.A,) if self.options.ipv4 else (dns.A, dns.AAAA))
            found = known(self.proc, text).ip4
        if found is None:
            why = "Name or service not known" if self.options.numeric else why_not(self.proc, text)
            die(self.proc, f"{complaint}: {why}")
        return found

    def _report(self, what: str, ip: Ip, port: int) -> None:
        """``report_sock``. An address without a name stands for itself, with or without a name server."""
        if self.options.verbose:
            name = None if self.options.numeric else reverse_name(self.proc.place, ip)
            self.proc.error(f"{what} on {name or ip} {port}\n")

    def _fail(self, errno: int, text: str = "") -> NoReturn:
        """``err(1, …)``."""
        die(self.proc, f"{text}: {os.strerror(errno)}" if text else os.strerror(errno))

    # -- a client ------------------------------------------------------------------------------------------------

    def connect(self) -> Waiting:
        """One port after the other; 0 if any of them could be reached."""
        options = self.options
        host = options.host or ""
        status = 1
        for port in options.ports:
            ip = yield from self._address(host, f'getaddrinfo for host "{host}" port {port}')
            stream = yield from (self._open_udp(ip, port) if options.udp else self._open_tcp(ip, port))
            if stream is None:
                continue
            status = 0
            if options.verbose:
                tested = (yield from self._udptest(stream)) if options.udp else True
                if tested is False:
                    status = 1
                    stream.close()
                    continue
                if tested:
                    self._connected(ip, port)
            if not options.scan:
                yield from self._carry(stream)
            stream.close()
        return status

    def _connected(self, ip: Ip, port: int) -> None:
        """``connection_info``."""
        options, host = self.options, self.options.host
        protocol, names = ("udp", UDP_NAMES) if options.udp else ("tcp", TCP_NAMES)
        service = "*" if options.numeric else names.get(port, "*")
        shown = f"{host}" if options.numeric or host == str(ip) else f"{host} ({ip})"
        self.proc.error(f"Connection to {shown} {port} port [{protocol}/{service}] succeeded!\n")

    def _complain(self, ip: Ip, port: int, errno: int, how: str = "failed") -> None:
        if self.options.verbose:
            host = self.options.host
            shown = f"{host}" if self.options.numeric or host == str(ip) else f"{host} ({ip})"
            protocol = "udp" if self.options.udp else "tcp"
            self.proc.error(f"nc: connect to {shown} port {port} ({protocol}) {how}: {os.strerror(errno)}\n")

    def _source(self) -> Generator[int | None, None, tuple[Ip, int]]:
        """-s and -p."""
        options = self.options
        source = ANY4 if options.source is None else (yield from self._address(options.source, "getaddrinfo"))
        port = port_of(self.proc, options.source_port, udp=options.udp) if options.source_port is not None else 0
        return source, port

    def _open_tcp(self, ip: Ip, port: int) -> Generator[int | None, None, Stream | None]:
        socket = self._tcp()
        source, own_port = yield from self._source()
        if source or own_port:
            socket.sk.reuse = True
            try:
                socket.bind(source, own_port)
            except SocketError as error:
                self._fail(error.errno, "bind failed")
        try:
            socket.connect(ip, port)
        except SocketError as error:
            self._complain(ip, port, error.errno)
            socket.close()
            return None
        timeout = self.options.timeout
        until = self.proc.now + timeout * _SECOND if timeout else None
        # With -w it polls, else it waits in connect, which hears less.
        while socket.connecting and not (socket.error if until is None else socket.pollerr):
            if until is not None and self.proc.now >= until:
                self._complain(ip, port, EINPROGRESS, "timed out")
                socket.close()
                return None
            yield until
        if not socket.connected and (errno := socket.take_error()):
            self._complain(ip, port, errno)
            socket.close()
            return None
        return Tcp(socket)

    def _open_udp(self, ip: Ip, port: int) -> Generator[int | None, None, Stream | None]:
        source = yield from self._source()
        try:
            socket = self._udp(*source)
        except SocketError as error:
            self._fail(error.errno, "bind failed")
        try:
            socket.source = socket.route_source(ip, port)
        except SocketError as error:
            self._complain(ip, port, error.errno)
            socket.close()
            return None
        socket.remote = ip, port
        return Datagrams(socket, (ip, port))

    def _udptest(self, stream: Stream) -> Generator[int | None, None, bool | None]:
        """Whether somebody minds datagrams; None where nothing is asked: neither -z nor a terminal."""
        if not self.options.scan and 0 not in self.proc.terminals:
            return None
        timeout = self.options.timeout
        stream.write(b"X")
        if stream.write(b"X") < 0:
            return False
        for _ in range(_SCAN_SECONDS if timeout is None else timeout):
            until = self.proc.now + _SECOND
            while self.proc.now < until:
                yield until
            if stream.write(b"X") < 0:
                return False
        return True

    # -- a server ------------------------------------------------------------------------------------------------

    def listen(self) -> Waiting:
        """Wait for a client; with -k for the next one, too."""
        options = self.options
        source = ANY4 if options.host is None else (yield from self._address(options.host, "getaddrinfo"))
        if options.udp:
            return (yield from self._listen_udp(source, options.ports[0]))
        return (yield from self._listen_tcp(source, options.ports[0]))

    def _listen_tcp(self, source: Ip, port: int) -> Waiting:
        socket = self._tcp()
        socket.sk.reuse = True
        try:
            socket.bind(source, port)
            socket.listen(1)
        except SocketError as error:
            table = self.proc.place.netns.sockets.tcp
            others = [other.socket for other in (table.listeners if table is not None else ()) if other.sport == port]
            if any(other is not None and other.user is not None and other.user[0] == "nc" for other in others):
                raise NotModelled("two listeners on one port (SO_REUSEPORT)", "nc") from None
            self._fail(error.errno)
        self._report("Listening", *socket.local)
        self.proc.endless = self.options.keep
        while True:
            while (child := socket.accept()) is None:
                yield None
            self._own(child, 4)
            self._report("Connection received", *(child.remote or (ANY4, 0)))
            yield from self._carry(Tcp(child))
            child.close()
            self.sockets.remove(child)
            if not self.options.keep:
                return 0

    def _listen_udp(self, source: Ip, port: int) -> Waiting:
        try:
            socket = self._udp(source, port)
        except SocketError as error:
            self._fail(error.errno)
        self._report("Bound", source, port)
        self.proc.endless = self.options.timeout is None
        while True:
            while not socket.inbox:
                yield None
            client = sender_of(socket)
            self._report("Connection received", *client)
            if not self.options.keep:
                socket.remote = client
                socket.source = socket.route_source(*client)
            yield from self._carry(Datagrams(socket, client, keep=self.options.keep))
            if not self.options.keep:
                return 0

    # -- both ----------------------------------------------------------------------------------------------------

    def _carry(self, stream: Stream) -> Waits:
        """``readwrite``: until neither side has anything more to say; raises ``Exit`` where -q ends it."""
        options, proc = self.options, self.proc
        stdin_open, net_out = True, True
        active = proc.now
        ended: int | None = None
        while True:
            moved = False
            while self.stdin and net_out and (sent := stream.write(self.stdin[:BUFSIZE])):
                if sent < 0:
                    net_out = stdin_open = False
                    break
                self.stdin = self.stdin[sent:]
                moved = True
            if stdin_open and self.stdin_ends and not self.stdin:
                stdin_open = False
                ended = proc.now
            if not stdin_open and net_out:
                net_out = False
                if options.shutdown:
                    stream.shutdown()
            while not stream.gone and (data := stream.read()):
                proc.write(data.decode("utf-8", "surrogateescape"))
                moved = True
            if stream.gone and (options.listen or not stdin_open or not net_out):
                return
            active = proc.now if moved else active
            deadline = self._deadline(active, ended)
            if deadline is not None and proc.now >= deadline:
                return
            yield deadline

    def _deadline(self, active: int, ended: int | None) -> int | None:
        """When -w or -q ends it; raises ``Exit`` where -q says that it is over now."""
        options = self.options
        found: list[int] = []
        if options.timeout is not None:
            found.append(active + options.timeout * _SECOND)
        if ended is not None and options.quit >= 0:
            quits = ended + options.quit * _SECOND
            if self.proc.now >= quits:
                raise Exit(0)
            found.append(quits)
        return min(found, default=None)
