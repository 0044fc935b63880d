"""One TCP connection of a session: messages in and out, hold and keepalive timer (RFC 4271 sections 4 and 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, Protocol

from podwire.linux.socket import SocketError
from podwire.linux.tcp import TcpSocket
from podwire.wire import bgp

if TYPE_CHECKING:
    from podwire.cni.bgp import Neighbour
    from podwire.fabric.clock import Alarm
    from podwire.fabric.network import Network
    from podwire.wire.addr import Ip

NSEC: Final = 1_000_000_000
HOLD: Final = 240
"""Seconds: BIRD's ``hold time`` and ``startup hold time``."""
KEEPALIVE: Final = 80
"""A third of it."""
_PRECEDENCE: Final = 0xC0
"""IP_PREC_INTERNET_CONTROL, as BIRD marks its packets."""

Phase = Literal["Connect", "OpenSent", "OpenConfirm", "Established"]


class Owner(Protocol):
    """The session that a connection belongs to."""

    network: Network
    neighbour: Neighbour

    def open_message(self) -> bgp.Open:
        """What this side says first."""

    def check_open(self, connection: Connection, message: bgp.Open) -> tuple[int, int] | None:
        """Code and subcode of what is wrong with it; None where it is taken."""

    def established(self, connection: Connection) -> None:
        """The first KEEPALIVE came."""

    def heard(self, connection: Connection, message: bgp.Update | bgp.Keepalive) -> None:
        """A message of a session that is up."""

    def lost(self, connection: Connection, error: str, *, graceful: bool) -> None:
        """It is over; ``graceful``: the connection just ended, and nobody said why."""


class Connection:
    """A connection of ``owner`` on ``socket``, which is connected, connecting, or restored."""

    def __init__(self, owner: Owner, socket: TcpSocket, phase: Phase, *, outgoing: bool) -> None:
        self.owner = owner
        self.socket = socket
        self.phase = phase
        self.outgoing = outgoing
        self.closed = False
        self.router_id: Ip | None = None
        """The other side's, once its OPEN came."""
        self._inbox = bytearray()
        self._outbox = b""
        self._hold: Alarm | None = None
        self._keepalive: Alarm | None = None
        socket.wake = self._wake
        socket.user = ("bird", 1, 8)

    # -- its life ------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Connected: OPEN."""
        self.phase = "OpenSent"
        self.hold(HOLD)
        self.say(self.owner.open_message())
        if not self.closed and self.socket.readable:
            self._wake()

    def say(self, message: bgp.Message) -> None:
        """Send a message; what does not fit waits."""
        self._outbox += bgp.encode(message)
        self._flush()

    def keep_alive(self) -> None:
        """A KEEPALIVE now, and another one every 80 s."""
        self.say(bgp.Keepalive())
        self.keepalive_in(KEEPALIVE * NSEC)

    def keepalive_in(self, delay: int) -> None:
        """The next KEEPALIVE leaves in ``delay`` ns."""
        self._keepalive = self._rearm(self._keepalive, delay, self.keep_alive)

    def hold(self, seconds: float) -> None:
        """The other side has so long to be heard of."""
        self._hold = self._rearm(self._hold, round(seconds * NSEC), self._hold_expired)

    def refuse(self, code: int, subcode: int) -> None:
        """NOTIFICATION, and the end."""
        error = bgp.ERRORS.get((code, subcode), f"{code}.{subcode}")
        self._outbox += bgp.encode(bgp.Notification(code, subcode))
        self._end(f"Error: {error}", graceful=False)

    def stop(self) -> None:
        """No timer runs any more; the socket stays as it is."""
        self.closed = True
        for alarm in (self._hold, self._keepalive):
            if alarm is not None:
                alarm.cancel()
        self._hold = self._keepalive = None

    def close(self) -> None:
        """The end, without a word to the session."""
        self.stop()
        self.socket.close()

    # -- inside --------------------------------------------------------------------------------------------------------

    def _rearm(self, alarm: Alarm | None, delay: int, callback: object) -> Alarm | None:
        if alarm is not None:
            alarm.cancel()
        if self.closed:
            return None
        network = self.owner.network
        return network.at(network.now + delay, callback)  # type: ignore[arg-type]

    def _end(self, error: str, *, graceful: bool) -> None:
        if self.closed:
            return
        self._send_rest()
        self.close()
        self.owner.lost(self, error, graceful=graceful)

    def _send_rest(self) -> None:
        try:
            self.socket.send(self._outbox)
        except SocketError:
            self._outbox = b""

    def _hold_expired(self) -> None:
        self.refuse(4, 0)

    def _flush(self) -> None:
        try:
            taken = self.socket.send(self._outbox)
            self._outbox = self._outbox[taken:]
        except SocketError as error:
            self._end(f"Socket: {error.strerror}", graceful=self.phase == "Established")

    def _wake(self) -> None:
        if self.closed:
            return
        if self.phase == "Connect":
            if self.socket.error:
                self._end(f"Socket: {SocketError(self.socket.take_error()).strerror}", graceful=False)
            elif self.socket.connected:
                self.begin()
            return
        try:
            self._inbox += self.socket.recv()
            if self._outbox:
                self._flush()
            while not self._over() and (message := bgp.take(self._inbox)) is not None:
                self._take(message)
        except SocketError as error:
            self._end(f"Socket: {error.strerror}", graceful=self.phase == "Established")
            return
        except bgp.BgpError as error:
            self.refuse(error.code, error.subcode)
            return
        if not self._over() and self.socket.eof:
            self._end("Socket: Connection closed", graceful=self.phase == "Established")

    def _over(self) -> bool:
        """A message may have ended it."""
        return self.closed

    def _take(self, message: bgp.Message) -> None:
        if isinstance(message, bgp.Notification):
            error = bgp.ERRORS.get((message.code, message.subcode), f"{message.code}.{message.subcode}")
            self._end(f"Received: {error}", graceful=False)
        elif self.phase == "OpenSent" and isinstance(message, bgp.Open):
            wrong = self.owner.check_open(self, message)
            if wrong is not None:
                self.refuse(*wrong)
            elif not self.closed:
                self.router_id = message.router_id
                self.phase = "OpenConfirm"
                self.hold(HOLD)
                self.keep_alive()
        elif self.phase == "OpenConfirm" and isinstance(message, bgp.Keepalive):
            self.phase = "Established"
            self.hold(HOLD)
            self.owner.established(self)
        elif self.phase == "Established" and isinstance(message, bgp.Update | bgp.Keepalive):
            self.hold(HOLD)
            self.owner.heard(self, message)
        else:
            self.refuse(5, 0)


def new_socket(socket: TcpSocket) -> TcpSocket:
    """BIRD's options."""
    socket.sk.tos = _PRECEDENCE
    socket.sk.nodelay = True
    return socket
