"""One address for many machines: the table of a gateway that translates sources, flow by flow (RFC 3022, RFC 5508)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

import msgspec

from podwire.fabric.flows import (
    IDLE,
    IPPROTO_TRANSLATED,
    Change,
    flow_of,
    header_at,
    is_query,
    requoted,
    translated,
)
from podwire.wire.addr import Ip
from podwire.wire.codec import quoted
from podwire.wire.headers import IPPROTO_ICMP, Icmp, IPv4
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.fabric.network import Network

_R = TypeVar("_R")
_FIRST_PORT: Final = 1024


class _Mapping(msgspec.Struct, Generic[_R]):
    """``port`` outside stands for ``inside`` of machine ``realm`` until the flow was silent for ten minutes."""

    realm: _R
    inside: Change
    port: int
    until: int


class NatTable(Generic[_R]):
    """Flows behind one external address, which may be changed. A realm says behind which machine an inside address is.

    A port is kept where it is free towards that remote end, else the next free one from 1024 up is taken: the same packets in
    the same order always get the same ports. Fragments follow their first.
    """

    def __init__(self, network: Network, external: Ip) -> None:
        self._network = network
        self.external = external
        self._out: dict[tuple[_R, int, Ip, int, Ip, int], _Mapping[_R]] = {}
        self._in: dict[tuple[int, Ip, int, int], _Mapping[_R]] = {}
        self._fragments: dict[tuple[int, Ip, Ip, int], _Mapping[_R]] = {}

    @staticmethod
    def carries(packet: Packet) -> bool:
        """Whether the protocol can be told apart by port or identifier: TCP, UDP and ICMP."""
        ip = packet.find(IPv4)
        return ip is not None and ip.proto in IPPROTO_TRANSLATED

    def outbound(self, realm: _R, packet: Packet) -> Packet | None:
        """What leaves, with the external address as source; None for a fragment or error that belongs to nothing."""
        inner = _error_about(packet)
        if inner is not None:
            proto, remote, inside, rport, port = inner
            known = self._alive(self._out.get((realm, proto, inside, port, remote, rport)), proto)
            if known is None:
                return None
            outside = Change(self.external, known.port)
            return translated(requoted(packet, target=outside), source=Change(self.external))
        flow = _flow(packet)
        mapping = self._of_fragment(packet)
        if mapping is None:
            if flow is None:
                return None
            mapping = self._new(realm, flow)
            if mapping is None:
                return None
        self._note_fragment(packet, mapping)
        return translated(packet, source=Change(self.external, mapping.port))

    def inbound(self, packet: Packet) -> tuple[_R, Packet] | None:
        """To which machine an answer goes, and what it gets; None for what answers nothing."""
        inner = _error_about(packet)
        if inner is not None:
            proto, _, remote, port, rport = inner
            known = self._alive(self._in.get((proto, remote, rport, port)), proto)
            if known is None:
                return None
            return known.realm, translated(requoted(packet, source=known.inside), target=Change(known.inside.ip))
        flow = _flow(packet, answer=True)
        mapping = self._of_fragment(packet)
        if mapping is None and flow is not None:
            proto, remote, _, rport, port = flow
            mapping = self._alive(self._in.get((proto, remote, rport, port)), proto)
        if mapping is None:
            return None
        self._note_fragment(packet, mapping)
        return mapping.realm, translated(packet, target=mapping.inside)

    # -- the table -----------------------------------------------------------------------------------------------

    def _new(self, realm: _R, flow: tuple[int, Ip, Ip, int, int]) -> _Mapping[_R] | None:
        """The mapping of a flow; None where no port is free for a new one."""
        proto, src, dst, sport, dport = flow
        key = (realm, proto, src, sport, dst, dport)
        mapping = self._alive(self._out.get(key), proto)
        if mapping is None:
            port = self._free(realm, proto, dst, dport, sport)
            if port is None:
                return None
            mapping = _Mapping(realm, Change(src, sport), port, self._network.now + self._idle(proto))
            self._out[key] = self._in[(proto, dst, dport, port)] = mapping
        return mapping

    def _free(self, realm: _R, proto: int, dst: Ip, dport: int, wanted: int) -> int | None:
        """The port that stands for a flow to a remote end: ``wanted`` where that is free; None where none is."""
        del realm
        ports = (wanted, *range(_FIRST_PORT, 1 << 16))
        return next((port for port in ports if self._is_free(proto, dst, dport, port)), None)

    def _is_free(self, proto: int, dst: Ip, dport: int, port: int) -> bool:
        have = self._in.get((proto, dst, dport, port))
        return have is None or have.until < self._network.now

    def _idle(self, proto: int) -> int:
        """For how long a silent flow is remembered, in ns."""
        del proto
        return IDLE

    def _alive(self, mapping: _Mapping[_R] | None, proto: int) -> _Mapping[_R] | None:
        now = self._network.now
        if mapping is None or mapping.until < now:
            return None
        mapping.until = now + self._idle(proto)
        return mapping

    # -- fragments -----------------------------------------------------------------------------------------------

    def _of_fragment(self, packet: Packet) -> _Mapping[_R] | None:
        ip = packet.find(IPv4)
        if ip is None or not ip.frag:
            return None
        key = (ip.proto, ip.src, ip.dst, ip.id)
        return self._fragments.get(key) if ip.mf else self._fragments.pop(key, None)

    def _note_fragment(self, packet: Packet, mapping: _Mapping[_R]) -> None:
        ip = packet.find(IPv4)
        if ip is not None and ip.mf and not ip.frag:
            self._fragments[(ip.proto, ip.src, ip.dst, ip.id)] = mapping


def _flow(packet: Packet, *, answer: bool = False) -> tuple[int, Ip, Ip, int, int] | None:
    """As ``flow_of``; an echo has its identifier on the inside only. None for later fragments, and ICMP in the wrong direction."""
    flow = flow_of(packet)
    at = header_at(packet)
    ip = packet.layers[at] if at is not None else None
    if flow is None or not isinstance(ip, IPv4) or ip.frag:
        return None
    proto, src, dst, sport, dport = flow
    if proto != IPPROTO_ICMP:
        return flow
    if is_query(packet) is answer:
        return None
    return (proto, src, dst, 0, dport) if answer else (proto, src, dst, sport, 0)


def _error_about(packet: Packet) -> tuple[int, Ip, Ip, int, int] | None:
    """The flow that an ICMP error quotes: protocol, the sender of the quoted packet, its target, and their ports."""
    message = packet.find(Icmp)
    if message is None or not message.is_error:
        return None
    inner = quoted(packet)
    if inner is None:
        return None
    flow = flow_of(inner)
    if flow is not None and flow[0] == IPPROTO_ICMP:
        # An echo that went out is quoted to the inside, its answer to the outside: either way the identifier is the inner port.
        echo = inner.find(Icmp)
        came_in = echo is not None and echo.type == 0
        proto, src, dst, ident, _ = flow
        return (proto, src, dst, 0, ident) if came_in else (proto, src, dst, ident, 0)
    return flow
