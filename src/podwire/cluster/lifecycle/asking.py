"""One probe on its way: a request or a connection from the node's namespace, or a command in the container (pkg/probe)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from podwire.cluster import running
from podwire.errors import NotModelled
from podwire.linux.socket import SocketError
from podwire.linux.tcp import TcpSocket
from podwire.wire.addr import Ip

if TYPE_CHECKING:
    from podwire.fabric.network import Network
    from podwire.linux.machine import Place
    from podwire.linux.netns import Netns

Done = Callable[[bool, str], None]
"""Hears whether the probe succeeded, and what it found wrong."""
AGENT: Final = "kube-probe/1.30"
_NSEC: Final = 1_000_000_000
_OWN: Final = b"podwire does not model "


class _Connection:
    """A TCP connection of the kubelet with a time limit."""

    def __init__(self, network: Network, netns: Netns, to: tuple[Ip, int], timeout: int, done: Done) -> None:
        self._network = network
        self.to = to
        self._done = done
        self.over = False
        self.socket = TcpSocket(netns, self._wake)
        self.socket.user = ("kubelet", 1, 20)
        self._alarm = network.at(network.now + timeout * _NSEC, self._late)
        try:
            self.socket.connect(*to)
        except SocketError as error:
            network.at(network.now, lambda errno=error.errno: self.finish(self.refused(errno)))  # type: ignore[misc]

    @property
    def target(self) -> str:
        """``address:port``."""
        return f"{self.to[0]}:{self.to[1]}"

    def refused(self, errno: int) -> str:
        """Go's words for a handshake that failed."""
        return f"dial tcp {self.target}: connect: {os.strerror(errno).lower()}"

    def finish(self, why: str) -> None:
        """The answer is known; empty for a success."""
        if self.over:
            return
        self.cancel()
        self._done(not why, why)

    def cancel(self) -> None:
        """Nobody wants to know any more."""
        self.over = True
        self._alarm.cancel()
        self.socket.close()

    def _wake(self) -> None:
        if self.over:
            return
        if self.socket.connecting:
            if self.socket.error:
                self.finish(self.refused(self.socket.take_error()))
            return
        if not self.socket.connected and self.socket.error:
            self.finish(self.failed(self.socket.take_error()))
            return
        self.connected()

    def connected(self) -> None:
        """The handshake is done, or something came."""
        self.finish("")

    def failed(self, errno: int) -> str:
        """An error of a connection that is no more."""
        return self.refused(errno)

    def _late(self) -> None:
        self.finish(self.late())

    def late(self) -> str:
        """Go's words where the time is over."""
        return f"dial tcp {self.target}: i/o timeout"


class TcpAsking(_Connection):
    """``tcpSocket``: it is enough that the connection stands."""


class HttpAsking(_Connection):
    """``httpGet``: a GET as Go's client sends it without keep-alive; 200 to 399 is a success."""

    def __init__(
        self,
        network: Network,
        netns: Netns,
        to: tuple[Ip, int],
        timeout: int,
        done: Done,
        path: str,
        headers: Sequence[Mapping[str, Any]],
    ) -> None:
        self._sent = False
        self._stood = False
        self._inbox = b""
        self._path = path if path.startswith("/") else f"/{path}"
        self._request = request_bytes(f"{to[0]}:{to[1]}", self._path, headers)
        super().__init__(network, netns, to, timeout, done)

    def refused(self, errno: int) -> str:
        """See ``_Connection``."""
        if self._stood:
            return f"{self._get}: read: {os.strerror(errno).lower()}"
        return f"{self._get}: {super().refused(errno)}"

    @property
    def _get(self) -> str:
        return f'Get "http://{self.target}{self._path}"'

    def late(self) -> str:
        """See ``_Connection``."""
        return f"{self._get}: context deadline exceeded (Client.Timeout exceeded while awaiting headers)"

    def connected(self) -> None:
        """Send the request once, then read."""
        self._stood = True
        try:
            if not self._sent:
                self._sent = True
                self.socket.send(self._request)
            self._inbox += self.socket.recv()
            ended = self.socket.eof
        except SocketError as error:
            self.finish(self.failed(error.errno))
            return
        head, split, body = self._inbox.partition(b"\r\n\r\n")
        if not split:
            if ended:
                self.finish(f"{self._get}: EOF")
            return
        if ended or len(body) >= _length(head):
            self._judge(head, body)

    def _judge(self, head: bytes, body: bytes) -> None:
        words = head.partition(b"\r\n")[0].split(b" ")
        status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
        if body.startswith(_OWN):
            self.cancel()
            raise NotModelled(body.decode().removeprefix(_OWN.decode()).strip(), f"probe of {self.target}")
        self.finish("" if 200 <= status < 400 else f"HTTP probe failed with statuscode: {status}")


def request_bytes(host: str, path: str, headers: Sequence[Mapping[str, Any]]) -> bytes:
    """``http.Request.Write``: Host and User-Agent first, the others by name, ``Connection: close`` at the end."""
    given = {"User-Agent": AGENT, "Accept": "*/*", "Host": host}
    for each in headers:
        given[_canonical(str(each["name"]))] = str(each["value"])
    named = given.pop("Host"), given.pop("User-Agent")
    lines = [f"GET {path} HTTP/1.1", f"Host: {named[0]}"]
    if named[1]:
        lines.append(f"User-Agent: {named[1]}")
    lines += [f"{name}: {given[name]}" for name in sorted(given) if name != "Accept" or given[name]]
    return "".join(f"{line}\r\n" for line in [*lines, "Connection: close", ""]).encode("latin-1", "replace")


def _canonical(name: str) -> str:
    return "-".join(part[:1].upper() + part[1:].lower() for part in name.split("-"))


def _length(head: bytes) -> int:
    """Content-Length; without one the end of the connection says where the body ends."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            return int(value)
    return 1 << 62


class KnownAsking:
    """A probe whose answer is known before, after some time (s): a command that needs no machine, a port that is not there."""

    def __init__(self, network: Network, seconds: float, why: str | None, done: Done) -> None:
        self._alarm = network.at(network.now + round(seconds * _NSEC), lambda: done(why is None, why or ""))

    def cancel(self) -> None:
        """Nobody wants to know any more."""
        self._alarm.cancel()


class ExecAsking:
    """``exec``: the command's exit status decides, what it printed is the reason."""

    def __init__(self, network: Network, place: Place, argv: Sequence[str], timeout: int, done: Done) -> None:
        self._done = done
        self._argv = argv
        self.over = False
        self._alarm = network.at(network.now + timeout * _NSEC, self._late)
        self._process = running.start(network, place, argv)
        if self._process.done:
            network.at(network.now, self._ended)
        else:
            self._process.on_exit = self._ended

    def _ended(self) -> None:
        if self.over:
            return
        self.over = True
        self._alarm.cancel()
        output = "".join(text for _, text in self._process.output)
        self._done(self._process.status == 0, "" if self._process.status == 0 else output)

    def _late(self) -> None:
        self.cancel()
        shown = " ".join(self._argv)
        self._done(False, f'command "{shown}" timed out')

    def cancel(self) -> None:
        """Nobody wants to know any more."""
        if not self.over:
            self.over = True
            self._alarm.cancel()
            self._process.close()
