"""Opening a connection from a place: a handshake, or a datagram that is to be answered, and what the other end saw of it."""

from __future__ import annotations

import os
from errno import ETIMEDOUT
from typing import TYPE_CHECKING, Final, Literal

from podwire.cluster.watching import End, Watch
from podwire.errors import ConfigError, PodwireError
from podwire.linux.socket import RawSocket, SocketError, UdpSocket
from podwire.linux.tcp import TcpSocket, TcpState
from podwire.trace.reasons import Verdict
from podwire.trace.trace import Trace
from podwire.wire.addr import Ip, inet_aton
from podwire.wire.headers import IPPROTO_TCP, TCP_SYN, AnyHeader, Tcp, Udp

if TYPE_CHECKING:
    from collections.abc import Callable

    from podwire.cluster import Cluster
    from podwire.cluster.handles import Handle
    from podwire.fabric.network import Network
    from podwire.linux.machine import Place

Protocol = Literal["tcp", "udp"]
_NSEC: Final = 1_000_000_000
_OVER: Final = frozenset({TcpState.CLOSE, TcpState.TIME_WAIT, TcpState.FIN_WAIT2})


class Attempt:
    """What came of a try to talk to somebody: traces of every packet, whom it reached, who that took the client for.

    ``ok`` is True where the connection stood and what was sent was acknowledged, of UDP where an answer came. ``error`` is empty
    then, else ``timed out``, ``connection refused``, ``no route to host`` … ``received`` is what came back.
    """

    def __init__(self, cluster: Cluster, watch: Watch, source: str, target: str, protocol: Protocol) -> None:
        self._cluster = cluster
        self._watch = watch
        self.source = source
        self.target = target
        self.protocol = protocol
        self.ok = False
        self.error = ""
        self.received = b""

    @property
    def traces(self) -> tuple[Trace, ...]:
        """Every packet of both directions, in the order in which they were sent."""
        return self._watch.traces

    @property
    def server(self) -> Handle | None:
        """The pod, node or host that took the first packet; None where nobody did, or where it is no more."""
        name = next((arrival.netns for arrival in self._watch.arrivals.values()), None)
        try:
            return self._cluster.machine(name) if name is not None else None
        except ConfigError:
            return None

    @property
    def client_seen_as(self) -> End | None:
        """Address and port of the client as whoever took the first packet saw them; None where nobody did."""
        return next((arrival.client for arrival in self._watch.arrivals.values()), None)

    @property
    def trace(self) -> Trace:
        """The first packet that died, where the attempt failed; else the first of all. Raises ``PodwireError`` where none was sent."""
        if not self.traces:
            raise PodwireError(f"{self.source} sent nothing to {self.target}: {self.error}")
        if not self.ok:
            for trace in self.traces:
                if trace.verdict not in {Verdict.DELIVERED, Verdict.UNKNOWN}:
                    return trace
        return self.traces[0]

    @property
    def verdict(self) -> Verdict:
        """That of the first packet that died; DELIVERED where none did."""
        return self.trace.verdict if self.traces else Verdict.REJECTED

    def explain(self) -> str:
        """What came of it, and why: the story of the packet that decided."""
        end = "answered" if self.ok else self.error
        head = f"{self.source} to {self.target} by {self.protocol}: {end}."
        for arrival in self._watch.arrivals.values():
            head += f"\n{arrival.netns} saw the client as {arrival.client[0]}:{arrival.client[1]}."
            break
        return f"{head}\n{self.trace.explain()}" if self.traces else head

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return f"{self.source} > {self.target} ({self.protocol}): {self.error or 'ok'}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"


class Connection(Attempt):
    """What ``connect`` found: see ``Attempt``."""


def words_of(errno: int) -> str:
    """An errno as ``error`` names it."""
    return "timed out" if errno == ETIMEDOUT else os.strerror(errno).lower()


def address(cluster: Cluster, place: Place, target: str) -> Ip:
    """The address that a program on ``place`` would connect to. Raises ``ConfigError`` for a name that nobody knows."""
    found: Ip | None = inet_aton(target)
    if found is None:
        found = place.lookup(target)
    if found is None:
        found = cluster.resolve(place, target)
    if found is None:
        found = cluster.machine(target).ip
    if found is None:
        raise ConfigError(target, "has no address")
    return found


def connect(
    cluster: Cluster, place: Place, target: str, port: int, protocol: str, send: bytes, timeout: float
) -> Connection:
    """See ``Handle.connect``."""
    network = cluster.network
    if not 0 < port <= 65535:
        raise PodwireError(f"port {port}: expected a number from 1 to 65535")
    if timeout <= 0:
        raise PodwireError(f"timeout {timeout}: expected seconds above 0")
    dst = address(cluster, place, target)
    watch = Watch(network.log)
    deadline = network.now + round(timeout * _NSEC)
    try:
        if protocol == "tcp":
            found = Connection(cluster, watch, place.netns.label, f"{dst}:{port}", "tcp")
            _Stream(network, place, found, watch).run(dst, port, send, deadline)
        elif protocol == "udp":
            found = Connection(cluster, watch, place.netns.label, f"{dst}:{port}", "udp")
            _datagram(network, place, found, watch, (dst, port), send, deadline)
        else:
            raise PodwireError(f"protocol {protocol!r}: expected tcp or udp")
    finally:
        watch.stop()
    return found


class _Stream:
    """One TCP connection of ``connect``."""

    def __init__(self, network: Network, place: Place, found: Connection, watch: Watch) -> None:
        self.network = network
        self.place = place
        self.found = found
        self.watch = watch
        self.socket = TcpSocket(place.netns)
        self.socket.on_send = watch.adopt

    def run(self, dst: Ip, port: int, data: bytes, deadline: int) -> None:
        found, socket = self.found, self.socket
        try:
            socket.connect(dst, port)
        except SocketError as error:
            found.error = words_of(error.errno)
            if not self.watch.ids:
                _refused(self.place, dst, Tcp(0, port, flags=TCP_SYN), self.watch.adopt)
            return
        try:
            # As a program that waits with a timeout: poll() tells it of an ICMP error about its SYN at once.
            self._wait(lambda: not socket.connecting or socket.pollerr, deadline)
            if socket.connected and self._exchange(data, deadline):
                found.ok = True
            elif not found.error:
                found.error = words_of(socket.error or socket.take_error() or ETIMEDOUT)
        except SocketError as error:
            found.error = words_of(error.errno)
        finally:
            socket.close()
        if found.ok:
            self._wait(lambda: socket.sk.state in _OVER and self.watch.recorder.finished, deadline)

    def _wait(self, done: Callable[[], bool], deadline: int) -> bool:
        return self.network.run_until(done, deadline)

    def _exchange(self, data: bytes, deadline: int) -> bool:
        """Send, and read what comes until the deadline, or until the server has said all: True where all was acknowledged."""
        socket = self.socket
        rest = data
        while rest:
            taken = socket.send(rest)
            rest = rest[taken:]
            if rest and not self._wait(lambda: socket.writable, deadline):
                return False
        if not data:
            return True
        acknowledged = self._wait(lambda: not socket.unsent or bool(socket.error), deadline)
        # What answers at once is read; who keeps the connection open has nothing more to say once the packets are at rest.
        self._wait(lambda: socket.readable or bool(socket.error), deadline)
        while socket.available or socket.readable:
            self.found.received += socket.recv()
            if socket.eof or not self._wait(lambda: socket.readable or self.watch.recorder.finished, deadline):
                break
        return acknowledged


def _datagram(
    network: Network, place: Place, found: Connection, watch: Watch, to: End, data: bytes, deadline: int
) -> None:
    """A datagram from a connected socket, and the answer to it."""
    socket = UdpSocket(place.netns, 0, lambda: None)
    socket.on_send = watch.adopt
    try:
        socket.source = socket.route_source(*to)
        socket.remote = to
        socket.send_to(*to, data)
        network.run_until(lambda: bool(socket.inbox or socket.pending_error), deadline)
        found.ok = bool(socket.inbox)
        if socket.inbox:
            payload = socket.inbox[0].packet.payload
            found.received = payload if isinstance(payload, bytes) else b""
        else:
            found.error = words_of(socket.pending_error or ETIMEDOUT)
    except SocketError as error:
        found.error = words_of(error.errno)
        if not watch.ids:
            _refused(place, to[0], Udp(socket.port, to[1]), watch.adopt)
    finally:
        socket.close()


def _refused(place: Place, dst: Ip, header: AnyHeader, adopt: Callable[[int], None]) -> None:
    """The kernel refused before a packet was made: one that meets the same refusal stands in, that the trace can say why."""
    socket = RawSocket(place.netns, IPPROTO_TCP if isinstance(header, Tcp) else 17, lambda: None)
    socket.on_send = adopt
    try:
        socket.send(dst, header, b"")
    except SocketError:
        pass
    finally:
        socket.close()
