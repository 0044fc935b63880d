"""One side of a session: when it connects, what it learned and told (RFC 4271 section 8, RFC 4724; BIRD 1.6 proto/bgp)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.cluster.bgp.connection import KEEPALIVE, NSEC, Connection, new_socket
from podwire.cni.bgp import LOCAL_PREF, Learned, Neighbour, Path, SessionState
from podwire.linux.socket import SocketError
from podwire.linux.tcp import TcpSocket
from podwire.wire import bgp

if TYPE_CHECKING:
    from podwire.cluster.bgp.speaker import BgpSpeaker
    from podwire.fabric.clock import Alarm
    from podwire.wire.addr import Ip, Net

_CONNECT_DELAY: Final = 2 * NSEC
_CONNECT_RETRY: Final = 5 * NSEC
_ERROR_WAIT: Final = 5 * NSEC
_ERROR_WAIT_MAX: Final = 30 * NSEC
"""``connect delay time``, ``connect retry time`` and ``error wait time`` in the template that confd writes."""
_RANK: Final = ("Connect", "OpenSent", "OpenConfirm", "Established")


class Session:
    """A session that is not at rest. Begins without a connection, and looks for one."""

    def __init__(self, speaker: BgpSpeaker, neighbour: Neighbour) -> None:
        self.speaker = speaker
        self.neighbour = neighbour
        self.network = speaker.carrier.network
        self.since = self.network.now
        self.error = ""
        self.adj_in: dict[Net, Path] = {}
        self.adj_out: dict[Net, Path] = {}
        self.router_id: Ip = neighbour.remote
        self.current: Connection | None = None
        """The connection that is up."""
        self.heard_at = -1
        """When the last KEEPALIVE came on it."""
        self._tries: list[Connection] = []
        self._timer: Alarm | None = None
        self._restart: Alarm | None = None
        self._waiting = False
        """``error wait time`` runs."""
        self._wait = 0
        self._stale: set[Net] = set()
        """What was held over a restart and not told anew."""
        self._ended = False

    # -- what it is doing ----------------------------------------------------------------------------------------------

    @property
    def held(self) -> bool:
        """Its paths are kept for a graceful restart."""
        return self._restart is not None

    def state(self) -> SessionState:
        """As BIRD shows it."""
        if self.current is not None:
            return SessionState(self.neighbour, "up", self.since, "Established")
        phases = [each.phase for each in self._tries]
        idle = "Passive" if self.neighbour.passive else "Idle" if self._waiting else "Active"
        info = max(phases, key=_RANK.index) if phases else idle
        return SessionState(self.neighbour, "start", self.since, info, self.error)

    def learned(self) -> list[Learned]:
        """What came by it."""
        return [Learned(self.neighbour, path, self.router_id) for path in self.adj_in.values()]

    # -- connecting ----------------------------------------------------------------------------------------------------

    def start(self, delay: int = _CONNECT_DELAY) -> None:
        """Look for a connection, from ``delay`` ns on."""
        self._arm(delay)

    def _arm(self, delay: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if not self._ended:
            self._timer = self.network.at(self.network.now + delay, self._connect)

    def _connect(self) -> None:
        """``bgp_connect``; an attempt that lasts longer than the retry time is given up for the next."""
        self._timer, self._waiting = None, False
        if self.neighbour.passive or self.current is not None:
            return
        for old in [each for each in self._tries if each.outgoing]:
            if old.phase != "Connect":
                return
            self._tries.remove(old)
            old.close()
        socket = new_socket(TcpSocket(self.speaker.netns))
        try:
            socket.bind(self.neighbour.local, 0)
            connection = Connection(self, socket, "Connect", outgoing=True)
            self._tries.append(connection)
            socket.connect(self.neighbour.remote, self.neighbour.port)
        except SocketError as error:
            self._tries = [each for each in self._tries if each.socket is not socket]
            socket.close()
            self.error = f"Socket: {error.strerror}"
            self._arm(_CONNECT_RETRY)
            return
        self._arm(_CONNECT_RETRY)

    def accept(self, socket: TcpSocket) -> bool:
        """A connection from the neighbour: taken, unless there is one, or BIRD waits after an error."""
        if self._waiting or any(not each.outgoing for each in self._tries):
            return False
        if self.current is not None:
            # The neighbour has started again: what it told is held until it tells it anew (RFC 4724 section 4.2).
            old = self.current
            old.close()
            self.lost(old, "Neighbor graceful restart detected", graceful=True)
        connection = Connection(self, new_socket(socket), "OpenSent", outgoing=False)
        self._tries.append(connection)
        connection.begin()
        return True

    # -- what a connection asks and tells ------------------------------------------------------------------------------

    def open_message(self) -> bgp.Open:
        """AS, hold time, router id; the capabilities that BIRD 1.6 has, but for ADD-PATH."""
        asn = self.neighbour.asn
        restart = self.neighbour.restart.to_bytes(2, "big") + b"\0\1\1\0"
        capabilities = (
            (bgp.CAP_MULTIPROTOCOL, b"\0\1\0\1"),
            (bgp.CAP_ROUTE_REFRESH, b""),
            (bgp.CAP_GRACEFUL_RESTART, restart),
            (bgp.CAP_AS4, asn.to_bytes(4, "big")),
        )
        return bgp.Open(asn, 3 * KEEPALIVE, self.speaker.router_id, capabilities)

    def check_open(self, connection: Connection, message: bgp.Open) -> tuple[int, int] | None:
        """The AS, the identifier, and which of two connections stays (RFC 4271 section 6.8)."""
        if message.asn != self.neighbour.remote_as:
            return 2, 2
        if self.neighbour.internal and message.router_id == self.speaker.router_id:
            return 2, 3
        for other in [each for each in self._tries if each is not connection and each.phase == "OpenConfirm"]:
            mine_wins = int(self.speaker.router_id) > int(message.router_id)
            if connection.outgoing != mine_wins:
                return 6, 7
            self._drop(other, 6, 7)
        return (6, 7) if self.current is not None else None

    def _drop(self, connection: Connection, code: int, subcode: int) -> None:
        self._tries = [each for each in self._tries if each is not connection]
        if not connection.closed:
            connection.refuse(code, subcode)

    def established(self, connection: Connection) -> None:
        """``bgp_conn_enter_established``: everything is told, then End-of-RIB."""
        self.begin_up(connection)
        self.since = self.network.now
        for other in [each for each in self._tries if each is not connection]:
            self._drop(other, 6, 7)
        self._tries = []
        held = self._end_restart()
        self.adj_in, self.adj_out = held, {}
        self.flush()
        if self.current is connection:
            connection.say(bgp.Update())
            self.speaker.carrier.changed(self.speaker)

    def begin_up(self, connection: Connection) -> None:
        """The session is on this connection."""
        self.current, self.error, self._wait, self._waiting = connection, "", 0, False
        self.router_id = connection.router_id or self.router_id
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end_restart(self) -> dict[Net, Path]:
        """What was held stays until the neighbour tells it anew, or says End-of-RIB."""
        if self._restart is not None:
            self._restart.cancel()
            self._restart = None
            self._stale = set(self.adj_in)
            return self.adj_in
        self._stale = set()
        return {}

    def heard(self, connection: Connection, message: bgp.Update | bgp.Keepalive) -> None:
        """Paths come and go."""
        if isinstance(message, bgp.Keepalive):
            self.heard_at = self.network.now
            self.speaker.carrier.alive(self)
            return
        before = dict(self.adj_in)
        for net in message.withdrawn:
            self.adj_in.pop(net, None)
        if message.attributes is not None:
            for net in message.prefixes:
                self.adj_in[net] = path_of(net, message.attributes)
            self._stale = self._stale - set(message.prefixes)
        elif not message.withdrawn:
            for net in sorted(self._stale):
                self.adj_in.pop(net, None)
            self._stale = set()
        if self.adj_in != before:
            self.speaker.carrier.changed(self.speaker)

    def lost(self, connection: Connection, error: str, *, graceful: bool) -> None:
        """A connection is over; with it the session, where it was that one."""
        self._tries = [each for each in self._tries if each is not connection]
        self.error = error
        if self._ended:
            return
        if connection is self.current:
            self.current, self.since = None, self.network.now
            if graceful:
                self._restart = self.network.at(self.network.now + self.neighbour.restart * NSEC, self._restart_over)
            else:
                self.adj_in = {}
            self.speaker.carrier.changed(self.speaker)
        if error.startswith(("Error", "Received")) and self.current is None:
            self._wait = min(max(2 * self._wait, _ERROR_WAIT), _ERROR_WAIT_MAX)
            self._waiting = True
            self._arm(self._wait)
        elif self.current is None:
            self._arm(_CONNECT_DELAY)

    def _restart_over(self) -> None:
        self._restart, self.adj_in = None, {}
        self.speaker.carrier.changed(self.speaker)

    # -- telling -------------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Tell the neighbour what differs from what it was told."""
        if self.current is None:
            return
        wanted = {path.prefix: path for path in self.speaker.exports(self.neighbour)}
        gone = [net for net in self.adj_out if net not in wanted]
        new = [path for net, path in wanted.items() if self.adj_out.get(net) != path]
        self.adj_out = wanted
        internal = self.neighbour.internal
        for update in bgp.updates(gone, [(attributes_of(path, internal=internal), path.prefix) for path in new]):
            if self.current is not None:
                self.current.say(update)

    def end(self, code: int = 6, subcode: int = 3) -> None:
        """The neighbour is no longer configured."""
        self._ended = True
        for alarm in (self._timer, self._restart):
            if alarm is not None:
                alarm.cancel()
        for connection in (*self._tries, *((self.current,) if self.current is not None else ())):
            if connection.phase == "Connect":
                connection.close()
            elif not connection.closed:
                connection.refuse(code, subcode)
        self._tries, self.current, self.adj_in = [], None, {}


def attributes_of(path: Path, *, internal: bool) -> bgp.Attributes:
    """As BIRD sends it: the local preference stays inside the AS."""
    return bgp.Attributes(
        path.next_hop,
        0,
        path.as_path,
        path.med or None,
        path.local_pref if internal else None,
        (),
        path.originator,
        path.clusters,
    )


def path_of(net: Net, attributes: bgp.Attributes) -> Path:
    """As BIRD takes it."""
    preference = LOCAL_PREF if attributes.local_pref is None else attributes.local_pref
    return Path(
        net,
        attributes.next_hop,
        attributes.as_path,
        preference,
        attributes.med or 0,
        attributes.originator,
        attributes.clusters,
    )
