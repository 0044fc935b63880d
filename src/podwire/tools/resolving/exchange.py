"""Questions on their way: the sockets by which a resolver, a tool or a server asks a name server."""

from __future__ import annotations

import struct
from errno import EHOSTUNREACH
from typing import TYPE_CHECKING, Final

from podwire.linux.socket import SocketError, UdpSocket
from podwire.linux.tcp import TcpSocket
from podwire.wire.addr import ANY4, Ip
from podwire.wire.dns import DnsError, Message, from_bytes
from podwire.wire.headers import IPv4, Udp

if TYPE_CHECKING:
    from collections.abc import Callable

    from podwire.linux.netns import Netns

PORT: Final = 53


class UdpExchange:
    """A datagram socket to a name server, connected as glibc's and dig's, or to several, unconnected as musl's."""

    def __init__(
        self,
        netns: Netns,
        wake: Callable[[], None],
        *,
        server: tuple[Ip, int] | None = None,
        on_send: Callable[[int], None] | None = None,
        user: tuple[str, int, int] | None = None,
    ) -> None:
        self.socket = UdpSocket(netns, 0, wake)
        self.socket.on_send = on_send
        self.socket.user = user
        self.error = 0
        """The errno with which the socket failed last."""
        if server is not None:
            try:
                self.socket.source = self.socket.route_source(*server)
                self.socket.remote = server
            except SocketError as error:
                self.error = error.errno

    def send(self, data: bytes, server: tuple[Ip, int] | None = None) -> bool:
        """Ask; False where the kernel refused, which ``error`` tells."""
        to = server or self.socket.remote
        if to is None:
            self.error = self.error or EHOSTUNREACH
            return False
        try:
            self.socket.send_to(*to, data)
        except SocketError as error:
            self.error = error.errno
            return False
        return True

    @property
    def failed(self) -> bool:
        """An error has come."""
        return bool(self.error)

    def receive(self) -> tuple[Message, tuple[Ip, int], int] | None:
        """The next message that is one: with its sender and its size in octets; an error that came goes to ``error``."""
        if self.socket.pending_error:
            self.error, self.socket.pending_error = self.socket.pending_error, 0
        while self.socket.inbox:
            arrived = self.socket.inbox.popleft()
            header, udp, *_ = (*arrived.packet.layers, None, None)
            data = arrived.packet.payload
            if not isinstance(header, IPv4) or not isinstance(udp, Udp) or not isinstance(data, bytes):
                continue
            try:
                return from_bytes(data), (header.src, udp.sport), len(data)
            except DnsError:
                continue
        return None

    def close(self) -> None:
        """The socket hears nothing more."""
        self.socket.close()


class TcpExchange:
    """A connection to a name server; messages have their length before them (RFC 1035 section 4.2.2)."""

    def __init__(
        self,
        netns: Netns,
        wake: Callable[[], None],
        server: tuple[Ip, int],
        *,
        on_send: Callable[[int], None] | None = None,
        user: tuple[str, int, int] | None = None,
    ) -> None:
        self.socket = TcpSocket(netns, wake)
        self.socket.on_send = on_send
        self.socket.user = user
        self.error = 0
        self.local: tuple[Ip, int] = (ANY4, 0)
        self._out = bytearray()
        self._in = bytearray()
        try:
            self.socket.connect(*server)
        except SocketError as error:
            self.error = error.errno

    def send(self, data: bytes) -> None:
        """Ask, as soon as the connection stands."""
        self._out += struct.pack(">H", len(data)) + data
        self._flush()

    def _flush(self) -> None:
        if self.error:
            return
        if self.socket.connecting or not self.socket.connected:
            if self.socket.error and not self.socket.connecting:
                self.error = self.socket.take_error()
            return
        try:
            while self._out and (taken := self.socket.send(bytes(self._out))):
                del self._out[:taken]
        except SocketError as error:
            self.error = error.errno

    def receive(self) -> tuple[Message, int] | None:
        """The next message that is whole, with its size in octets; None where none is, or ``error`` says why not."""
        if self.socket.error and not self.error:
            self.error = self.socket.take_error()
        self._flush()
        if not self.error and self.socket.connected:
            try:
                self._in += self.socket.recv()
            except SocketError as error:
                self.error = error.errno
        if len(self._in) < 2 or len(self._in) < 2 + int.from_bytes(self._in[:2], "big"):
            return None
        size = int.from_bytes(self._in[:2], "big")
        data = bytes(self._in[2 : 2 + size])
        del self._in[: 2 + size]
        try:
            return from_bytes(data), size
        except DnsError:
            return None

    @property
    def over(self) -> bool:
        """Nothing will come any more."""
        return bool(self.error) or self.ended

    @property
    def ended(self) -> bool:
        """The server has closed the connection."""
        return self.socket.eof

    def close(self) -> None:
        """End the connection."""
        self.socket.close()
