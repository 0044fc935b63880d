"""All sessions of a cluster: those at rest, and those whose packets are under way (docs/adr/0013)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from random import Random
from typing import TYPE_CHECKING, Final

from podwire.cluster.bgp.connection import HOLD, KEEPALIVE, NSEC, Connection, new_socket
from podwire.cluster.bgp.session import Session
from podwire.cluster.bgp.speaker import BgpSpeaker
from podwire.cni.bgp import Learned, Neighbour, Path
from podwire.linux.fib import RT_TABLE_MAIN, UNICAST
from podwire.linux.tcp import TcpSocket
from podwire.linux.tcp.repair import forget, restore
from podwire.wire.bgp import PORT

if TYPE_CHECKING:
    from podwire.cluster.bgp.router import BgpRouter
    from podwire.fabric.clock import Alarm
    from podwire.fabric.network import Network
    from podwire.linux.machine import Machine
    from podwire.linux.netns import Netns
    from podwire.wire.addr import Ip

_PERIOD: Final = KEEPALIVE * NSEC
_SETTLED: Final = NSEC
"""How long a connection is quiet before it rests: its acknowledgements have passed. Where somebody looks, it does not rest."""
_ROUNDS: Final = 64
"""More reflectors do not stand behind each other."""

_ASKS: Final = re.compile(r"\b(179|bgp)\b")
_TYPED: Final = frozenset({"iptables", "iptables-restore"})

Partner = tuple[BgpSpeaker, Neighbour]
Pair = tuple[tuple[str, int], tuple[str, int]]


class Carrier:
    """The speakers of a cluster. A session at rest is one that both sides have configured, and of which nothing else is kept."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.revision = 0
        """Rises with everything that a speaker can know."""
        self.filtered: Callable[[Ip, Ip], bool] = lambda _source, _target: False
        """Whether a cloud's own firewall keeps TCP 179 from passing."""
        self._speakers: dict[str, BgpSpeaker] = {}
        self._by_address: dict[Ip, str] = {}
        self._due: dict[Pair, Alarm] = {}
        """Sessions at rest whose next KEEPALIVE is to be a packet."""
        self._reflected: tuple[int, dict[str, list[Learned]]] = (-1, {})
        self.routers: list[BgpRouter] = []
        """Routers that speak BGP: they act after the nodes' agents."""
        self._offsets: dict[tuple[str, str], int] = {}
        self._awake: dict[tuple[str, Ip], Session] = {}
        self._reacting: dict[str, BgpSpeaker] = {}
        self._alarm: Alarm | None = None

    # -- who there is --------------------------------------------------------------------------------------------------

    def speaker(self, machine: Machine, react: Callable[[], None]) -> BgpSpeaker:
        """That of a machine, made when it is first asked for."""
        found = self._speakers.get(machine.name)
        if found is None:
            found = self._speakers[machine.name] = BgpSpeaker(self, machine, react)
        return found

    def find(self, name: str) -> BgpSpeaker | None:
        """That of a machine by name."""
        return self._speakers.get(name)

    def register(self, speaker: BgpSpeaker) -> None:
        """A speaker has another configuration."""
        self.revision += 1
        for neighbour in speaker.neighbours.values():
            self._by_address[neighbour.local] = speaker.name

    def partner(self, speaker: BgpSpeaker, neighbour: Neighbour) -> Partner | None:
        """The other side, where both are configured for each other."""
        other = self._speakers.get(self._by_address.get(neighbour.remote, ""))
        back = other.neighbours.get(neighbour.local) if other is not None and other is not speaker else None
        if other is None or back is None or back.local != neighbour.remote:
            return None
        agree = (neighbour.remote_as, neighbour.asn) == (back.asn, back.remote_as)
        calls = any(each.port == PORT and not each.passive for each in (neighbour, back))
        return (other, back) if agree and calls else None

    # -- at rest -------------------------------------------------------------------------------------------------------

    def at_rest(self, speaker: BgpSpeaker, neighbour: Neighbour) -> list[Learned]:
        """What a session at rest has brought."""
        found = self.partner(speaker, neighbour)
        if found is None:
            return []
        other, back = found
        return [Learned(neighbour, path, other.router_id) for path in other.exports(back)]

    def learned(self, speaker: BgpSpeaker) -> list[Learned]:
        """What a speaker has heard from all its neighbours."""
        if not speaker.reflects:
            return [each for neighbour in speaker.neighbours.values() for each in speaker.heard(neighbour)]
        if self._reflected[0] != self.revision:
            self._reflect()
        return self._reflected[1].get(speaker.name, [])

    def _reflect(self) -> None:
        """Those that tell on what they hear: each hears what the others know so far, until nothing is new."""
        reflecting = [each for each in self._speakers.values() if each.reflects]
        known: dict[str, list[Learned]] = {each.name: [] for each in reflecting}
        self._reflected = (self.revision, known)
        for _ in range(_ROUNDS):
            before = dict(known)
            for each in reflecting:
                known[each.name] = [path for neighbour in each.neighbours.values() for path in each.heard(neighbour)]
            if known == before:
                return

    # -- coming and going ----------------------------------------------------------------------------------------------

    def meet(self, speaker: BgpSpeaker, neighbour: Neighbour) -> None:
        """A neighbour is configured: a session that nothing prevents stands from the beginning, any other one has to come up."""
        found = self.partner(speaker, neighbour)
        if found is not None and self._passes(speaker, neighbour) and self._passes(*found):
            other, back = found
            for side, at in ((speaker, neighbour), (other, back)):
                if (old := self._drop(side, at)) is not None:
                    old.end()
                side.since.pop(at.remote, None)
                if side.up_since(at) != self.network.now:
                    side.since[at.remote] = self.network.now
            return
        self.wake(speaker, neighbour)
        if found is not None:
            self.wake(*found)

    def part(self, speaker: BgpSpeaker, neighbour: Neighbour) -> None:
        """A neighbour is no longer configured: the other side hears it, and looks for a connection in vain."""
        session = self._drop(speaker, neighbour)
        if session is not None:
            session.end()
            return
        other = self._speakers.get(self._by_address.get(neighbour.remote, ""))
        back = other.neighbours.get(neighbour.local) if other is not None else None
        if other is not None and back is not None and back.remote not in other.awake:
            self.wake(other, back).error = "Received: Peer de-configured"
            self._later()

    def wake(self, speaker: BgpSpeaker, neighbour: Neighbour) -> Session:
        """A session without a connection, which looks for one."""
        session = speaker.awake.get(neighbour.remote)
        if session is None:
            speaker.listen()
            session = self._put(Session(speaker, neighbour))
            session.start()
            self.revision += 1
        return session

    def _put(self, session: Session) -> Session:
        remote = session.neighbour.remote
        session.speaker.awake[remote] = self._awake[session.speaker.name, remote] = session
        return session

    def _drop(self, speaker: BgpSpeaker, neighbour: Neighbour) -> Session | None:
        self._awake.pop((speaker.name, neighbour.remote), None)
        return speaker.awake.pop(neighbour.remote, None)

    def _passes(self, speaker: BgpSpeaker, neighbour: Neighbour) -> bool:
        """The kernel has a way to the neighbour and the address to speak from; no rule that somebody typed may be in the way."""
        netns = speaker.netns
        if self.filtered(neighbour.local, neighbour.remote) or _has_typed_rules(netns):
            return False
        if not any(address.local == neighbour.local for _, address in netns.addresses()):
            return False
        route = next(iter(netns.table(RT_TABLE_MAIN).candidates(neighbour.remote)), None)
        if route is None or route.type != UNICAST:
            return False
        links = [netns.link_by_index(hop.ifindex) for hop in route.nexthops if not hop.dead]
        return any(link is not None and link.is_up for link in links)

    # -- packets -------------------------------------------------------------------------------------------------------

    def suspect(self, name: str | None = None) -> None:
        """Somebody changed a machine (None: any): the next KEEPALIVE of its sessions at rest is a packet, and shows what it meets."""
        for speaker in list(self._speakers.values()):
            if name is None or speaker.name == name:
                for neighbour in speaker.neighbours.values():
                    self._plan(speaker, neighbour)

    def watch(self, patterns: Sequence[str], filter: str) -> None:
        """Somebody is going to look for BGP (the filter names its port) at machines of these names: keepalives there are packets.

        A capture that does not ask for them shows none: it is about something else.
        """
        if _ASKS.search(filter) is None:
            return
        for speaker in list(self._speakers.values()):
            if any(fnmatchcase(speaker.name, pattern) for pattern in patterns):
                self.suspect(speaker.name)

    def _plan(self, speaker: BgpSpeaker, neighbour: Neighbour) -> None:
        found = self.partner(speaker, neighbour)
        if found is None or neighbour.remote in speaker.awake:
            return
        pair = _pair(speaker, neighbour)
        if pair not in self._due:
            first = min(self._next(speaker, neighbour), self._next(*found))
            self._due[pair] = self.network.at(first, lambda: self._resume(pair, speaker, neighbour))

    def _next(self, speaker: BgpSpeaker, neighbour: Neighbour) -> int:
        """When a side sends its next KEEPALIVE, later than now."""
        return self.network.now + _PERIOD - self._since_last(speaker, neighbour)

    def _since_last(self, speaker: BgpSpeaker, neighbour: Neighbour) -> int:
        """How long ago it has sent one: within its 80 s it began somewhere, before the lab did."""
        key = speaker.name, neighbour.name
        offset = self._offsets.get(key)
        if offset is None:
            # A stream of the network's would be kept for every pair of nodes.
            drawn = Random("\0".join((str(self.network.seed), "bgp", *key)))
            offset = self._offsets[key] = drawn.randrange(_PERIOD)
        return (self.network.now - offset) % _PERIOD

    def _resume(self, pair: Pair, speaker: BgpSpeaker, neighbour: Neighbour, *, now_too: bool = True) -> None:
        """A session at rest gets its connection back: both ends have it as it was, and go on.

        ``now_too``: a KEEPALIVE that is due at this instant was not sent yet.
        """
        self._due.pop(pair, None)
        found = self.partner(speaker, neighbour)
        if found is None or neighbour.remote in speaker.awake:
            return
        other, back = found
        active, passive = ((speaker, neighbour), found) if not neighbour.passive else (found, (speaker, neighbour))
        stream = self.network.random("bgp-connection", active[0].name, active[1].name)
        port, first, second = 32768 + stream.randrange(28232), stream.getrandbits(32), stream.getrandbits(32)
        ends = (
            (active, (active[1].local, port), (active[1].remote, PORT), first, second),
            (passive, (passive[1].local, PORT), (passive[1].remote, port), second, first),
        )
        mine, theirs = speaker.exports(neighbour), other.exports(back)
        paths = {speaker.name: (mine, theirs), other.name: (theirs, mine)}
        for (side, at), local, remote, sent, received in ends:
            side.listen()
            socket = new_socket(TcpSocket(side.netns))
            restore(socket, local, remote, sent, received)
            session = self._put(Session(side, at))
            session.since = side.up_since(at)
            session.adj_out = {path.prefix: path for path in paths[side.name][0]}
            session.adj_in = {path.prefix: path for path in paths[side.name][1]}
            connection = Connection(session, socket, "Established", outgoing=at is active[1])
            connection.router_id = (other if side is speaker else speaker).router_id
            session.begin_up(connection)
        for (side, at), (peer, from_) in ((((speaker, neighbour)), found), (found, (speaker, neighbour))):
            current = side.awake[at.remote].current
            if current is not None:
                current.hold(HOLD - self._since_last(peer, from_) / NSEC)
                due = self._next(side, at) - self.network.now
                current.keepalive_in(0 if due == _PERIOD and now_too else due)

    def alive(self, session: Session) -> None:
        """A KEEPALIVE came: where both sides have heard one, and nothing is left to be said, the session may rest."""
        self.network.at(self.network.now + _SETTLED, lambda: self._rest(session))

    def _rest(self, session: Session) -> None:
        found = self.partner(session.speaker, session.neighbour)
        if found is None or session.speaker.awake.get(session.neighbour.remote) is not session:
            return
        other, back = found
        peer = other.awake.get(back.remote)
        if peer is None or self.network.log.on or not (_is_quiet(session) and _is_quiet(peer)):
            return
        if session.adj_in != peer.adj_out or peer.adj_in != session.adj_out:
            return
        for side, at in ((session, session.neighbour), (peer, back)):
            current = side.current
            if current is not None:
                current.stop()
                forget(current.socket)
            side.speaker.since[at.remote] = side.since
            self._drop(side.speaker, at)
        self.revision += 1

    def announce(self, speaker: BgpSpeaker, old: tuple[Path, ...]) -> None:
        """A speaker has other paths of its own than ``old``: packets tell it where somebody may be in their way."""
        for neighbour in speaker.neighbours.values():
            pair = _pair(speaker, neighbour)
            if pair in self._due and not self._is_open(speaker, neighbour):
                before = list(speaker.own)
                self._due.pop(pair).cancel()
                speaker.own = old
                self._resume(pair, speaker, neighbour, now_too=False)
                speaker.own = tuple(before)
        if self._awake:
            self._later()

    def _is_open(self, speaker: BgpSpeaker, neighbour: Neighbour) -> bool:
        found = self.partner(speaker, neighbour)
        return found is None or (self._passes(speaker, neighbour) and self._passes(*found))

    def changed(self, speaker: BgpSpeaker) -> None:
        """What a speaker knows has changed: its agent acts, and neighbours are told, once this instant is over."""
        self._reacting[speaker.name] = speaker
        self._later()

    def _later(self) -> None:
        self.revision += 1
        if self._alarm is None:
            self._alarm = self.network.at(self.network.now, self._react)

    def _react(self) -> None:
        self._alarm = None
        speakers, self._reacting = self._reacting, {}
        for session in list(self._awake.values()):
            session.flush()
        for speaker in speakers.values():
            speaker.react()


def _pair(speaker: BgpSpeaker, neighbour: Neighbour) -> Pair:
    ends = sorted(((str(neighbour.local), int(neighbour.local)), (str(neighbour.remote), int(neighbour.remote))))
    return ends[0], ends[1]


def _has_typed_rules(netns: Netns) -> bool:
    """A rule with a verdict in table filter or raw that no agent wrote: whether it concerns BGP, only a packet can tell."""
    tables = (table for (_, name), table in netns.xtables.tables.items() if name in {"filter", "raw", "mangle"})
    return any(
        rule.owner.component in _TYPED for table in tables for chain in table.chains.values() for rule in chain.rules
    )


def _is_quiet(session: Session) -> bool:
    current = session.current
    return current is not None and session.heard_at >= 0 and not current.socket.unsent and not current.socket.readable
