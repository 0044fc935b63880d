"""BIRD on one machine: its configuration, who it speaks with, and what it knows by that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from podwire.cluster.bgp.connection import new_socket
from podwire.cluster.bgp.session import Session
from podwire.cni.bgp import Export, Learned, Neighbour, Path, SessionState, accepted, best, told
from podwire.linux.socket import SocketError
from podwire.linux.tcp import TcpSocket
from podwire.wire.addr import ANY4, Ip
from podwire.wire.bgp import PORT

if TYPE_CHECKING:
    from podwire.cluster.bgp.carrier import Carrier
    from podwire.linux.machine import Machine

_BACKLOG: Final = 8
"""BIRD's ``listen`` takes that many."""


def _all(neighbour: Neighbour, path: Path) -> bool:
    return True


class BgpSpeaker:
    """Implements ``cni.bgp.Speaker``. ``sessions_awake`` are those that have packets under way, by the neighbour's address."""

    def __init__(self, carrier: Carrier, machine: Machine, react: Callable[[], None]) -> None:
        self.carrier = carrier
        self.machine = machine
        self.netns = machine.root.netns
        self.react = react
        """Paths came or went by packets: the agent has to look."""
        self.started = carrier.network.now
        self.router_id: Ip = ANY4
        self.neighbours: dict[Ip, Neighbour] = {}
        self.own: tuple[Path, ...] = ()
        self.export: Export = _all
        self.awake: dict[Ip, Session] = {}
        self.since: dict[Ip, int] = {}
        """When sessions came up that did not stand from the beginning."""
        self._listener: TcpSocket | None = None

    @property
    def name(self) -> str:
        """The machine's."""
        return self.machine.name

    @property
    def reflects(self) -> bool:
        """It tells neighbours what it heard from others: to clients, and across the border of its AS."""
        return any(each.rr_client or not each.internal for each in self.neighbours.values())

    # -- configuration -------------------------------------------------------------------------------------------------

    def configure(self, router_id: Ip, neighbours: Sequence[Neighbour], own: Sequence[Path], export: Export) -> bool:
        """See ``cni.bgp.Speaker``."""
        new = {each.remote: each for each in neighbours}
        paths = tuple(own)
        if (router_id, new, paths) == (self.router_id, self.neighbours, self.own):
            self.export = export
            return False
        old, told_before = self.neighbours, self.own
        self.router_id, self.neighbours, self.own, self.export = router_id, new, paths, export
        self.carrier.register(self)
        for remote, neighbour in old.items():
            if new.get(remote) != neighbour:
                self.carrier.part(self, neighbour)
        for remote, neighbour in new.items():
            if old.get(remote) != neighbour:
                self.carrier.meet(self, neighbour)
        if paths != told_before:
            self.carrier.announce(self, told_before)
        return True

    # -- what it knows -------------------------------------------------------------------------------------------------

    def exports(self, neighbour: Neighbour) -> list[Path]:
        """What a neighbour is told."""
        chosen = [group[0] for group in best(self.carrier.learned(self)).values()] if self.reflects else []
        mine = {path.prefix for path in self.own}
        others = [each for each in chosen if each.path.prefix not in mine]
        paths = told(neighbour, self.router_id, self.own, others)
        return [path for path in paths if self.export(neighbour, path)]

    def heard(self, neighbour: Neighbour) -> list[Learned]:
        """What came from one neighbour, and can be used."""
        session = self.awake.get(neighbour.remote)
        if session is not None:
            come = session.learned() if session.current is not None or session.held else []
        else:
            come = self.carrier.at_rest(self, neighbour)
        return [each for each in come if accepted(neighbour, self.router_id, each.path)]

    def learned(self) -> list[Learned]:
        """See ``cni.bgp.Speaker``."""
        return self.carrier.learned(self)

    def sessions(self) -> list[SessionState]:
        """See ``cni.bgp.Speaker``."""
        return [self._state(neighbour) for neighbour in self.neighbours.values()]

    def _state(self, neighbour: Neighbour) -> SessionState:
        session = self.awake.get(neighbour.remote)
        if session is not None:
            return session.state()
        return SessionState(neighbour, "up", self.up_since(neighbour), "Established")

    def up_since(self, neighbour: Neighbour) -> int:
        """Of a session at rest: since when it is up, in ns since 1970."""
        other = self.carrier.partner(self, neighbour)
        both = max(self.started, other[0].started) if other is not None else self.started
        return self.since.get(neighbour.remote, both)

    # -- sockets -------------------------------------------------------------------------------------------------------

    def listen(self) -> None:
        """Open port 179, where it is not open."""
        if self._listener is not None:
            return
        listener = new_socket(TcpSocket(self.netns, self._accept))
        listener.user = ("bird", 1, 7)
        listener.sk.reuse = True
        try:
            listener.bind(ANY4, PORT)
            listener.listen(_BACKLOG)
        except SocketError:
            # Somebody else has the port: BIRD logs it, and hears nobody.
            listener.close()
            return
        self._listener = listener

    def _accept(self) -> None:
        while self._listener is not None and (socket := self._listener.accept()) is not None:
            peer = socket.remote[0] if socket.remote is not None else ANY4
            neighbour = self.neighbours.get(peer)
            if neighbour is None or neighbour.local != socket.local[0]:
                # ``Unexpected connect from unknown address``
                socket.close()
                continue
            session = self.awake.get(peer) or self.carrier.wake(self, neighbour)
            if not session.accept(socket):
                socket.close()
