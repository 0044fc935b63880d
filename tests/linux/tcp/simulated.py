"""``Ends`` of the simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podwire.linux.netlink import Netlink
from podwire.linux.path import input as path_input
from podwire.linux.socket import SocketError
from podwire.linux.tcp import TcpSocket
from podwire.linux.tcp.keepalive import set_keepalive
from podwire.trace.events import Received, Transmitted
from podwire.wire.addr import ANY4, Ip4
from tests.linux.lab import Lab, pair
from tests.linux.tcp.notation import notation

if TYPE_CHECKING:
    import pytest

    from tests.linux.tcp.exchanges import Exchange

_EAGAIN = 11


def chain(mtu: int) -> Lab:
    """``a`` 10.0.0.1 - ``r`` - ``q`` - ``b`` 10.0.2.2, where ``r`` and ``q`` are joined by a link with a smaller MTU."""
    lab = Lab()
    lab.machine("host")
    for name in "arqb":
        lab.netns("host", name)
    mac = "02:00:00:00:00:{:02x}"
    lab.veth("a:v0", mac.format(1), "r:e1", mac.format(2))
    lab.veth("r:e2", mac.format(3), "q:e1", mac.format(4), mtu=mtu)
    lab.veth("q:e2", mac.format(5), "b:v1", mac.format(6))
    for where, address in (
        ("a:v0", "10.0.0.1"),
        ("r:e1", "10.0.0.3"),
        ("r:e2", "10.0.1.1"),
        ("q:e1", "10.0.1.2"),
        ("q:e2", "10.0.2.1"),
        ("b:v1", "10.0.2.2"),
    ):
        lab.addr(where, f"{address}/24")
    link = lab.link("q:e1")
    Netlink(link.netns).link_set_mtu(link, mtu)
    for name in "rq":
        lab.sysctl(name, "ip_forward", 1)
    lab.route("a", "default via 10.0.0.3 dev v0")
    lab.route("r", "10.0.2.0/24 via 10.0.1.2 dev e2")
    lab.route("q", "10.0.0.0/24 via 10.0.1.1 dev e1")
    lab.route("b", "default via 10.0.2.1 dev v1")
    return lab


def known_pair(mtu: int = 1500) -> Lab:
    """``pair`` with neighbours that are known."""
    lab = pair()
    for where in ("a:v0", "b:v1"):
        link = lab.link(where)
        Netlink(link.netns).link_set_mtu(link, mtu)
    lab.set_neigh("a:v0", "10.0.0.2", "02:00:00:00:00:0b")
    lab.set_neigh("b:v1", "10.0.0.1", "02:00:00:00:00:0a")
    return lab


def accepted(listener: TcpSocket) -> TcpSocket:
    """The connection that waits."""
    socket = listener.accept()
    assert socket is not None
    return socket


class Losses:
    """Loses TCP segments where they would reach a socket of a namespace."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.of: dict[str, list[int]] = {}
        """What is lost by namespace: nothing listed is everything."""
        self._count: dict[str, int] = {}
        receive = path_input.tcp_v4_rcv  # type: ignore[attr-defined]

        def lossy(netns, skb, *more):
            numbers = self.of.get(netns.label)
            if numbers is not None:
                count = self._count[netns.label] = self._count.get(netns.label, -1) + 1
                if not numbers or count in numbers:
                    return
            receive(netns, skb, *more)

        monkeypatch.setattr(path_input, "tcp_v4_rcv", lossy)

    def lose(self, where: str, *numbers: int) -> None:
        """Lose the segments of these numbers, counted from now; all without numbers."""
        self.of[where] = list(numbers)
        self._count.pop(where, None)

    def stop(self, where: str) -> None:
        """Lose nothing there."""
        self.of.pop(where, None)


class SimulatedEnds:
    """Sockets in a ``Lab``."""

    def __init__(self, exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
        self.exchange = exchange
        self.lab = lab = chain(exchange.chain) if exchange.chain else known_pair(exchange.mtu)
        for where, key, value in exchange.sysctls:
            lab.door(where).sysctl_write(f"net/ipv4/{key}", str(value))
        if exchange.chain:
            # As on the real one, a ping has found all neighbours.
            TcpSocket(lab["a"]).connect(Ip4.parse("10.0.2.2"), 9)
            lab.run(1)
        self.losses = Losses(monkeypatch)
        self.notes: list[str] = []
        lab.restart()

    def listen(self, where, port, backlog=5):
        socket = TcpSocket(self.lab[where])
        socket.sk.reuse = True
        socket.bind(ANY4, port)
        socket.listen(backlog)
        return socket

    def connect(self, where, address, port, *, sport=0):
        socket = TcpSocket(self.lab[where])
        if sport:
            socket.sk.reuse = True
            socket.bind(ANY4, sport)
        try:
            socket.connect(Ip4.parse(address), port)
        except SocketError as error:
            self.notes.append(f"connect errno {error.errno}")
        return socket

    def accept(self, listener):
        socket = listener.accept()
        if socket is None:
            self.notes.append(f"accept errno {_EAGAIN}")
        return socket

    def send(self, socket, data):
        try:
            taken = socket.send(data)
        except SocketError as error:
            self.notes.append(f"send errno {error.errno}")
        else:
            self.notes.append(f"sent {taken}" if taken else f"send errno {_EAGAIN}")

    def recv(self, socket, size=1 << 20):
        try:
            data = socket.recv(size)
        except SocketError as error:
            self.notes.append(f"recv errno {error.errno}")
        else:
            self.notes.append(f"received {len(data)}" if data or socket.eof else f"recv errno {_EAGAIN}")

    def error(self, socket):
        self.notes.append(f"SO_ERROR {socket.take_error()}")

    def shutdown(self, socket, how=1):
        try:
            socket.shutdown(how)
        except SocketError as error:
            self.notes.append(f"shutdown errno {error.errno}")

    def close(self, socket):
        socket.close()

    def abort(self, socket):
        socket.abort()

    def nodelay(self, socket):
        socket.sk.nodelay = True

    def keepalive(self, socket):
        set_keepalive(socket.sk, on=True)

    def sleep(self, seconds):
        self.lab.run(seconds)

    def drop(self, where, *numbers):
        self.losses.lose(where, *numbers)

    def undrop(self, where):
        self.losses.stop(where)

    def finish(self) -> list[str]:
        """Everything that was sent and received at the tap, and what the calls gave."""
        self.lab.run(0.3)
        netns, _, dev = self.exchange.tap.partition(":")
        frames = [
            (record.time / 1e9, record.event.frame)
            for record in self.lab.records
            if isinstance(record.event, Transmitted | Received)
            and record.netns == netns
            and record.event.dev == dev
            and (dev != "lo" or isinstance(record.event, Transmitted))
        ]
        return [*notation(frames, timed=self.exchange.timed), *self.notes]
