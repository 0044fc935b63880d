"""The two kinds of socket that ``nc`` reads and writes alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from podwire.linux.socket import SocketError, UdpSocket
from podwire.linux.tcp import SHUT_WR, TcpSocket
from podwire.wire.headers import IPv4, Udp

if TYPE_CHECKING:
    from podwire.wire.addr import Ip

BUFSIZE: Final = 16384


class Stream(Protocol):
    """``gone``: nothing can be read any more, by its end or an error."""

    gone: bool

    def write(self, data: bytes) -> int:
        """How much of it left, -1 where nothing can be written any more."""

    def read(self) -> bytes:
        """What there is, up to 16 KiB; ``gone`` may be True afterwards."""

    def shutdown(self) -> None:
        """``shutdown(SHUT_WR)``."""

    def close(self) -> None:
        """Let it go."""


class Tcp:
    """A connection."""

    def __init__(self, socket: TcpSocket) -> None:
        self.socket = socket
        self.gone = False

    def write(self, data: bytes) -> int:
        """See ``Stream``."""
        try:
            return self.socket.send(data)
        except SocketError:
            return -1

    def read(self) -> bytes:
        """See ``Stream``."""
        try:
            data = self.socket.recv(BUFSIZE)
        except SocketError:
            self.gone = True
            return b""
        self.gone = not data and self.socket.eof
        return data

    def shutdown(self) -> None:
        """See ``Stream``."""
        try:
            self.socket.shutdown(SHUT_WR)
        except SocketError:
            self.gone = True

    def close(self) -> None:
        """See ``Stream``."""
        self.socket.close()


class Datagrams:
    """A UDP socket with a peer: connected, or (``-lk``) whoever spoke last. It has no end; an ICMP error is one for it."""

    def __init__(self, socket: UdpSocket, peer: tuple[Ip, int], *, keep: bool = False) -> None:
        self.socket = socket
        self.peer = peer
        self.keep = keep
        self.gone = False

    def write(self, data: bytes) -> int:
        """See ``Stream``: one datagram."""
        try:
            self.socket.send_to(*self.peer, data[:BUFSIZE])
        except SocketError:
            return -1
        return min(len(data), BUFSIZE)

    def read(self) -> bytes:
        """See ``Stream``: one datagram."""
        if self.socket.pending_error:
            self.socket.pending_error = 0
            self.gone = True
            return b""
        if not self.socket.inbox:
            return b""
        sender, data = taken(self.socket)
        if self.keep:
            self.peer = sender
        return data

    def shutdown(self) -> None:
        """See ``Stream``: of a datagram socket nothing is told to the other end."""

    def close(self) -> None:
        """See ``Stream``."""
        self.socket.close()


def taken(socket: UdpSocket) -> tuple[tuple[Ip, int], bytes]:
    """``recvfrom``: the oldest datagram, and who sent it."""
    packet = socket.inbox.popleft().packet
    header, udp = packet.layers[0], packet.layers[1]
    assert isinstance(header, IPv4)  # noqa: S101 - what a UDP socket receives
    assert isinstance(udp, Udp)  # noqa: S101
    return (header.src, udp.sport), packet.payload if isinstance(packet.payload, bytes) else b""


def sender_of(socket: UdpSocket) -> tuple[Ip, int]:
    """``recvfrom`` with MSG_PEEK: who sent the oldest datagram."""
    packet = socket.inbox[0].packet
    header, udp = packet.layers[0], packet.layers[1]
    assert isinstance(header, IPv4)  # noqa: S101
    assert isinstance(udp, Udp)  # noqa: S101
    return header.src, udp.sport
