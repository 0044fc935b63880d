"""The largest payload that passes a path unfragmented, what limits it, and the arithmetic.

Found as ``ping -M do -s SIZE`` finds it: by echo requests with DF, each followed through the network. A size that is told
(RFC 1191) is tried next; where nobody tells, the sizes between are halved.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import NotModelled, PodwireError
from podwire.linux.socket import PMTUDISC_DO, PingSocket, SocketError
from podwire.trace import fate
from podwire.trace.events import ByFabric, ByLink, ByRoute, Decapsulated, Dropped, Encapsulated, Transmitted
from podwire.trace.log import Record
from podwire.trace.reasons import DropReason
from podwire.trace.recorder import Recorder
from podwire.trace.trace import Trace
from podwire.wire.addr import Ip
from podwire.wire.headers import ICMP_ECHO, Icmp

if TYPE_CHECKING:
    from podwire.fabric.network import Network
    from podwire.linux.machine import Place
    from podwire.linux.netns import Netns
    from podwire.linux.path.exception import Exceptions

_Terms = tuple[tuple[str, int], ...]
"""What goes off: the name of a header, and its bytes."""
_NSEC: Final = 1_000_000_000
_HEADERS: Final = (("IPv4", 20), ("ICMP", 8))
_HEADER_BYTES: Final = 28
_MOST: Final = 65507
"""RFC 791: 65535 bytes, less the headers."""
_ENCAPSULATIONS: Final[dict[str, _Terms]] = {
    "ipip": (("IPv4", 20),),
    "vxlan": (("IPv4", 20), ("UDP", 8), ("VXLAN", 8), ("Ethernet", 14)),
    "geneve": (("IPv4", 20), ("UDP", 8), ("Geneve", 8), ("Ethernet", 14)),
}
_TUNNEL_CHECKS: Final = frozenset({"tnl_update_pmtu", "skb_tunnel_check_pmtu"})
_VLAN: Final = ("room for a VLAN tag", -4)


class MaxPayload(msgspec.Struct, frozen=True, kw_only=True):
    """What ``Handle.max_payload`` found. ``int()`` of it is ``bytes``, ``str()`` says all of it on one line.

    ``bytes``: the largest payload of an echo request that passes with DF; None where not even an empty one does.
    ``limit``: the device that takes no more, ``namespace:device``, or the name of a network of the lab; empty where nothing says which.
    ``mtu``: what that device takes in bytes of IP, 0 where nothing says it.
    ``arithmetic``: how the one follows from the other.
    ``told``: whoever sends more hears of it: the socket refuses it or an ICMP error comes back. False for a black hole.
    ``back``: the request passes, and its answer does not.
    ``trace``: of the smallest request that did not pass; None where every size does.
    """

    bytes: int | None
    limit: str
    mtu: int
    arithmetic: str
    told: bool
    back: bool
    trace: Trace | None

    def __int__(self) -> int:
        if self.bytes is None:
            raise PodwireError(f"max_payload: {self.arithmetic}")
        return self.bytes

    def __str__(self) -> str:
        silent = "" if self.told or self.bytes is None else "; what is longer is lost, and nobody tells"
        return f"{self.arithmetic}{silent}"


class _Probe(msgspec.Struct, frozen=True):
    """One request: whether it was answered, and what its sender was told would fit (0: nothing that helps)."""

    passed: bool
    told: bool
    mtu: int
    trace: Trace | None


class _Learned:
    """What the namespaces have learned of paths, to be put back: no probe shall know what another was told."""

    def __init__(self, network: Network) -> None:
        self._spaces = [netns for machine in network.machines.values() for netns in machine.netns.values()]
        self._saved: dict[Netns, Exceptions] = {
            netns: copy.deepcopy(netns.exceptions) for netns in self._spaces if netns.exceptions
        }

    def restore(self) -> None:
        """As it was."""
        for netns in self._spaces:
            if netns.exceptions:
                netns.exceptions = copy.deepcopy(self._saved.get(netns, {}))

    def has(self, label: str, dst: Ip, mtu: int) -> bool:
        """A path MTU that was known before the search began."""
        return any(
            netns.label == label and to == dst and found.mtu == mtu
            for netns, exceptions in self._saved.items()
            for learned in exceptions.values()
            for to, found in learned.items()
        )


def max_payload(network: Network, place: Place, target: str, protocol: str, timeout: float) -> MaxPayload:
    """Search, and put back what was learned of paths meanwhile. See ``Handle.max_payload``."""
    if protocol != "icmp":
        raise NotModelled(f"protocol {protocol!r} (podwire has icmp)", "max_payload")
    try:
        dst: Ip | None = Ip.parse(target)
    except ValueError:
        dst = place.lookup(target)
    if dst is None:
        raise PodwireError(
            f"max_payload: got {target!r}, expected an address, or a name that {place.netns.label} knows"
        )
    search = _Search(network, place, dst, timeout)
    try:
        return search.run()
    finally:
        search.learned.restore()


class _Search:
    """One search: ``low`` passes, ``high`` does not."""

    def __init__(self, network: Network, place: Place, dst: Ip, timeout: float) -> None:
        self.network = network
        self.place = place
        self.dst = dst
        self.timeout = timeout
        self.learned = _Learned(network)
        self.passed: Trace | None = None
        """Of a request that was answered."""

    def run(self) -> MaxPayload:
        first = self._probe(0)
        if not first.passed:
            why = (
                fate.sentence(first.trace.recorder, first.trace.packet)
                if first.trace is not None
                else "nothing can be sent"
            )
            return MaxPayload(
                bytes=None,
                limit="",
                mtu=0,
                arithmetic=f"not even an empty request to {self.dst} is answered: {why}",
                told=first.told,
                back=False,
                trace=first.trace,
            )
        low, high, failed = 0, _MOST + 1, first
        size = _MOST
        while high - low > 1:
            probe = self._probe(size)
            if probe.passed:
                # Most often this was told, and is all there is.
                low, size = size, size + 1
                if size < high and not failed.mtu:
                    size = (low + high) // 2
                failed = _Probe(passed=False, told=False, mtu=0, trace=failed.trace)
            else:
                high, failed = size, probe
                size = probe.mtu - _HEADER_BYTES
            if not low < size < high:
                size = (low + high) // 2
        if high > _MOST:
            text = f"65535 (the most that IPv4 has) − 20 IPv4 − 8 ICMP = {_MOST}"
            return MaxPayload(bytes=low, limit="", mtu=0, arithmetic=text, told=True, back=False, trace=None)
        return self._result(low, self._probe(high))

    def _probe(self, size: int) -> _Probe:
        """One echo request with DF, and what came of it within the time; nothing that earlier ones have taught counts."""
        self.learned.restore()
        network, netns = self.network, self.place.netns
        recorder = Recorder(network.log)
        ids: list[int] = []

        def adopt(packet_id: int) -> None:
            recorder.follow(packet_id)
            ids.append(packet_id)

        used = {socket.ident for socket in netns.sockets.ping}
        ident = next(number for number in range(1, len(used) + 2) if number not in used)
        socket = PingSocket(netns, ident, lambda: None)
        socket.on_send = adopt
        socket.pmtudisc = PMTUDISC_DO
        try:
            socket.send(self.dst, Icmp(ICMP_ECHO, 0, ident << 16 | 1), bytes(size))
        except SocketError as error:
            return _Probe(passed=False, told=True, mtu=error.mtu, trace=Trace(recorder, ids[0]) if ids else None)
        else:
            deadline = network.now + round(self.timeout * _NSEC)
            network.run_until(lambda: bool(socket.inbox or socket.errors) or recorder.finished, deadline)
        finally:
            socket.close()
        if socket.inbox:
            self.passed = Trace(recorder, ids[0])
        mtu = max((report.mtu for report in socket.errors), default=0)
        return _Probe(
            passed=bool(socket.inbox), told=bool(socket.errors), mtu=mtu, trace=Trace(recorder, ids[0]) if ids else None
        )

    # -- what limits ----------------------------------------------------------------------------------------------

    def _result(self, low: int, probe: _Probe) -> MaxPayload:
        trace = probe.trace
        drop = _too_long(trace) if trace is not None else None
        if trace is None or drop is None:
            why = fate.sentence(trace.recorder, trace.packet) if trace is not None else "it cannot be sent"
            text = f"{low} passes, {low + 1} does not: {why}"
            return MaxPayload(bytes=low, limit="", mtu=0, arithmetic=text, told=probe.told, back=False, trace=trace)
        limit, mtu, name, more = self._limit(drop, probe)
        terms = [*more, *_overhead(trace, drop), *_HEADERS]
        total = mtu - sum(size for _, size in terms)
        text = " ".join([f"{mtu} ({name})", *(_term(word, size) for word, size in terms)]) + f" = {total}"
        if total != low:
            text += f", and {low} is what passes"
        back = _is_of_reply(trace, drop)
        return MaxPayload(bytes=low, limit=limit, mtu=mtu, arithmetic=text, told=probe.told, back=back, trace=trace)

    def _limit(self, drop: Record, probe: _Probe) -> tuple[str, int, str, _Terms]:
        """Device or network, its MTU, how that is called, and what else goes off."""
        by = drop.event.by if isinstance(drop.event, Dropped) else None
        if isinstance(by, ByFabric):
            network = self.network.fabrics[drop.netns]
            return network.name, int(getattr(network, "mtu", 0)), f"MTU of the network {network.name}", ()
        if isinstance(by, ByRoute):
            where = f"{drop.netns}:{by.dev}"
            return where, probe.mtu, f"mtu of the route {by.prefix} by {where}", ()
        assert isinstance(by, ByLink)  # noqa: S101 - _too_long lets nothing else through
        if by.what == "peer mtu":
            where, _, value = by.value.rpartition(" ")
            return where, int(value), f"MTU of {where}", (_VLAN,)
        if by.what == "port mtu":
            where = f"{drop.netns}:{by.dev}"
            return where, int(by.value), f"MTU of {where}", (_VLAN,)
        netns = self.network.machines[drop.machine].netns[drop.netns]
        return self._of_link(drop, by, netns)

    def _of_link(self, drop: Record, by: ByLink, netns: Netns) -> tuple[str, int, str, _Terms]:
        dev, mtu = by.dev, int(by.value)
        more: _Terms = ()
        link = netns.link(dev)
        if isinstance(drop.event, Dropped) and drop.event.where in _TUNNEL_CHECKS and (link is None or link.mtu != mtu):
            # The tunnel's device knows what the way below it leaves, after its own headers.
            tunnel = netns.link(drop.event.dev)
            more = _ENCAPSULATIONS[tunnel.kind] if tunnel is not None else ()
            mtu += sum(size for _, size in more)
            dev = self._below(drop, by.dev)
            link = netns.link(dev)
        where = f"{netns.label}:{dev}"
        if link is not None and link.mtu == mtu:
            return where, mtu, f"MTU of {where}", more
        if self.learned.has(netns.label, self.dst, mtu):
            return where, mtu, f"path MTU to {self.dst} that {netns.label} has learned", more
        return where, mtu, f"mtu of the route by {where}", more

    def _below(self, drop: Record, dev: str) -> str:
        """The device by which a tunnel's packets left when one passed."""
        tree = self.passed.tree if self.passed is not None else ()
        into = False
        for record in tree:
            if record.netns != drop.netns:
                continue
            if isinstance(record.event, Encapsulated) and record.event.dev == dev:
                into = True
            elif into and isinstance(record.event, Transmitted):
                return record.event.dev
        return dev


def _too_long(trace: Trace) -> Record | None:
    """The drop of a packet that was too long for something, in the request's tree."""
    for record in trace.tree:
        event = record.event
        if not isinstance(event, Dropped):
            continue
        if event.reason is DropReason.PKT_TOO_BIG and isinstance(event.by, ByLink | ByRoute):
            return record
        if isinstance(event.by, ByFabric) and "mtu" in {event.by.name, event.by.kind.removeprefix("network-")}:
            return record
    return None


def _overhead(trace: Trace, drop: Record) -> list[tuple[str, int]]:
    """The headers of the tunnels that the packet was in when it was dropped, outermost first."""
    born = trace.recorder.born(drop.packet)
    line = {drop.packet, born.parent} if born.relation in {"fragment", "copy"} else {drop.packet}
    inside: list[str] = []
    for record in trace.tree:
        if record is drop:
            break
        if record.packet not in line:
            continue
        if isinstance(record.event, Encapsulated):
            inside.insert(0, record.event.kind)
        elif isinstance(record.event, Decapsulated) and inside:
            inside.pop(0)
    return [term for kind in inside for term in _ENCAPSULATIONS[kind]]


def _is_of_reply(trace: Trace, drop: Record) -> bool:
    packet = drop.packet
    while packet not in {trace.packet, 0}:
        born = trace.recorder.born(packet)
        if born.relation == "reply":
            return True
        packet = born.parent
    return False


def _term(word: str, size: int) -> str:
    return f"+ {-size} {word}" if size < 0 else f"− {size} {word}"
