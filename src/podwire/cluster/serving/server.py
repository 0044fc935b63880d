"""The sockets of a container: TCP ports on which a program answers HTTP, UDP ports that send back what comes."""

from __future__ import annotations

from collections.abc import Callable
from errno import EADDRINUSE
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from podwire.cluster.serving.http import NSEC, BadRequest, Request, Response, take_request
from podwire.cluster.serving.programs import Peer, Program, last_part, own_ports, program_of
from podwire.errors import ConfigError, NotModelled
from podwire.linux.socket import SocketError, UdpSocket
from podwire.linux.tcp import TcpSocket
from podwire.wire.addr import ANY4, Ip, Ip4
from podwire.wire.headers import IPv4, Udp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from podwire.fabric.clock import Alarm
    from podwire.fabric.network import Network
    from podwire.linux.netns import Netns

_LINGER: Final = 5 * NSEC
"""nginx's lingering_timeout: how long it goes on reading what a client sends behind its last request."""


class Port(msgspec.Struct, frozen=True):
    """A port to be opened: its number, ``TCP`` or ``UDP``, and the image whose program answers there."""

    number: int
    protocol: str = "TCP"
    image: str = ""


class Line(msgspec.Struct, frozen=True):
    """A line that a container printed: virtual time (ns), ``stdout`` or ``stderr``, the text."""

    time: int
    stream: str
    text: str


class Seen(msgspec.Struct, frozen=True):
    """A client as a server saw it: address and port, and what tells its packets from others: an id (UDP), a first number (TCP)."""

    protocol: str
    address: Ip
    port: int
    key: int


class Server(Protocol):
    """Something that holds sockets of a container."""

    def close(self) -> None:
        """The container ends."""


class Serving:
    """What all open ports of a pod share: who they were asked by, and what was printed. ``seen`` keeps the last thousand clients."""

    def __init__(self, network: Network, netns: Netns, hostname: str) -> None:
        self.network = network
        self.netns = netns
        self.hostname = hostname
        self.lines: list[Line] = []
        self.seen: list[Seen] = []
        self.servers: list[Server] = []
        self.files: dict[str, str] = {}
        """Those of the container."""
        self.starters: Mapping[str, Starter] = {}
        """Programs that open their sockets themselves, by the last part of their image's name."""

    def print(self, stream: str, text: str) -> None:
        """The program wrote a line."""
        self.lines.append(Line(self.network.now, stream, text))

    def saw(self, seen: Seen) -> None:
        """A client was accepted, or a datagram came."""
        self.seen.append(seen)
        if len(self.seen) > 1000:
            del self.seen[:500]

    def client(self, protocol: str, key: int) -> Seen | None:
        """The client of that key, the last one first."""
        return next((seen for seen in reversed(self.seen) if (seen.protocol, seen.key) == (protocol, key)), None)

    def addresses(self) -> tuple[Ip, ...]:
        """All addresses of the namespace, device by device."""
        return tuple(address.local for _, address in self.netns.addresses())

    def close(self) -> None:
        """The container ends."""
        for server in self.servers:
            server.close()
        self.servers.clear()


class HttpServer:
    """A program that listens on a TCP port. Raises ``SocketError`` where the port is taken."""

    def __init__(self, serving: Serving, program: Program, port: int, address: Ip4 = ANY4) -> None:
        self.serving = serving
        self.program = program
        self.connections: list[_Connection] = []
        self.socket = TcpSocket(serving.netns, self._accept)
        self.socket.user = (program.name, 1, 6)
        self.socket.sk.reuse = True
        self.socket.bind(address, port)
        self.socket.listen(program.backlog)

    def _accept(self) -> None:
        while (child := self.socket.accept()) is not None:
            if child.remote is not None:
                self.serving.saw(Seen("tcp", *child.remote, child.sk.irs))
                self.connections.append(_Connection(self, child))

    def close(self) -> None:
        """Stop listening, and end every connection."""
        self.socket.close()
        for connection in list(self.connections):
            connection.close()


class _Connection:
    """One client of an ``HttpServer``."""

    def __init__(self, server: HttpServer, socket: TcpSocket) -> None:
        self.server = server
        self.socket = socket
        self.inbox = bytearray()
        self.outbox: list[bytes] = []
        self.closing = False
        self.alarm: Alarm | None = None
        address, port = socket.remote or (ANY4, 0)
        self.peer = Peer(address, port, socket.local)
        socket.user = (server.program.name, 1, 3)
        socket.wake = self._wake
        self._patience(server.program.header_timeout)
        if socket.readable:
            self._wake()

    def close(self) -> None:
        self._patience(None)
        self.socket.close()
        if self in self.server.connections:
            self.server.connections.remove(self)

    def _patience(self, seconds: int | None) -> None:
        """How long the client may keep silent."""
        if self.alarm is not None:
            self.alarm.cancel()
            self.alarm = None
        if seconds is not None:
            network = self.server.serving.network
            self.alarm = network.at(network.now + seconds * NSEC, self.close)

    def _wake(self) -> None:
        try:
            self._flush()
            if self.closing:
                self._linger()
                return
            self.inbox += self.socket.recv()
            ended = self.socket.eof
            self._answer()
            if ended and not self.closing:
                self._end()
        except SocketError:
            # The client has gone, by a reset.
            self.close()

    def _answer(self) -> None:
        """Every request that is whole."""
        program, serving = self.server.program, self.server.serving
        while not self.closing:
            try:
                request: Request | BadRequest | None = take_request(self.inbox)
            except BadRequest as error:
                request = error
            if request is None:
                return
            now = serving.network.now
            if isinstance(request, BadRequest):
                response: Response = program.refuse(serving, self.peer, request, now)
            else:
                response = program.answer(serving, self.peer, request, now)
            self._send(response)

    def _send(self, response: Response) -> None:
        for line in response.errors:
            self.server.serving.print("stderr", line)
        if response.log:
            self.server.serving.print("stdout", response.log)
        self.outbox += [data for data in response.writes() if data]
        # What is written behind the head does not wait for the head's acknowledgement (TCP_NODELAY).
        self.socket.sk.nodelay = True
        self.closing = response.close
        self._flush()
        if self.closing:
            self._end()
        else:
            self._patience(self.server.program.keepalive_timeout)

    def _flush(self) -> None:
        while self.outbox:
            taken = self.socket.send(self.outbox[0])
            if taken < len(self.outbox[0]):
                self.outbox[0] = self.outbox[0][taken:]
                return
            del self.outbox[0]

    def _end(self) -> None:
        """Nothing more is to be said: what is left leaves first."""
        self.closing = True
        if not self.outbox:
            self._linger()

    def _linger(self) -> None:
        if self.outbox:
            return
        if self.inbox and not self.socket.eof:
            # Data that nobody reads would make a reset of the end (nginx: lingering_close).
            self.inbox.clear()
            self.socket.shutdown()
            self._patience(_LINGER // NSEC)
            return
        self.close()


class UdpEcho:
    """A UDP port that sends back what comes. Raises ``SocketError`` where the port is taken."""

    def __init__(self, serving: Serving, port: int) -> None:
        if serving.netns.sockets.udp_taken(port) or port in serving.netns.sockets.encap:
            raise SocketError(EADDRINUSE)
        self.serving = serving
        self.socket = UdpSocket(serving.netns, port, self._wake)
        self.socket.user = ("echo", 1, 3)

    def _wake(self) -> None:
        while self.socket.inbox:
            arrived = self.socket.inbox.popleft()
            header, udp = arrived.packet.layers[0], arrived.packet.layers[1]
            if not isinstance(header, IPv4) or not isinstance(udp, Udp):
                continue
            self.serving.saw(Seen("udp", header.src, udp.sport, arrived.id))
            data = arrived.packet.payload
            # The answer comes from the address that was asked (IP_PKTINFO).
            self.socket.source = header.dst if isinstance(header.dst, Ip4) else ANY4
            try:
                self.socket.send_to(header.src, udp.sport, data if isinstance(data, bytes) else b"")
            except SocketError as error:
                self.serving.print("stderr", f"echo: {header.src}:{udp.sport}: {error.strerror}")
            finally:
                self.socket.source = ANY4

    def close(self) -> None:
        """The socket hears nothing more."""
        self.socket.close()


def ports_of(what: str, image: str, ports: Iterable[int | Port]) -> tuple[Port, ...]:
    """The ports to open for a container of ``image``: those listed, each once; none listed, those of the image's own program.

    Raises ``ConfigError`` about ``what`` for a number that is no port, ``NotModelled`` for SCTP.
    """
    found: dict[tuple[int, str], Port] = {}
    for each in ports:
        port = each if isinstance(each, Port) else Port(each, image=image)
        if not 0 < port.number <= 65535:
            raise ConfigError(what, f"port {port.number}: expected a number from 1 to 65535")
        if port.protocol == "SCTP":
            raise NotModelled("container ports of SCTP: podwire has no SCTP sockets", what)
        found.setdefault((port.number, port.protocol), port)
    return tuple(found.values()) or tuple(Port(number, image=image) for number in own_ports(image))


Starter = Callable[[Serving], Server]


def open_ports(serving: Serving, ports: Iterable[Port]) -> None:
    """Start what listens there; a program that opens its sockets itself starts once, whatever ports are listed."""
    started: set[Starter] = set()
    for port in ports:
        starter = serving.starters.get(last_part(port.image))
        if starter is not None:
            if starter not in started:
                started.add(starter)
                serving.servers.append(starter(serving))
            continue
        if port.protocol == "UDP":
            serving.servers.append(UdpEcho(serving, port.number))
        else:
            serving.servers.append(HttpServer(serving, program_of(port.image), port.number))
