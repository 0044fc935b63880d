"""Which rules of a long chain can match a packet at all: those that a literal scan would pass over without a trace are left out.

A rule that wants one address, one port or one device is kept under that value; a packet looks itself up, and meets these rules and the
ones that want nothing so exact, in the order of the chain. Only tests without a memory may be skipped: addresses, protocol and devices,
which the kernel looks at before any match (``ip_packet_match``), and a port where nothing stands before it that counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from podwire.linux.netfilter.tables import Chain, Iface, Rule, RuleSpec
from podwire.linux.netfilter.xt.comment import Comment
from podwire.linux.netfilter.xt.ports import Ports
from podwire.linux.netfilter.xt.tcp import Tcp
from podwire.linux.netfilter.xt.udp import Udp
from podwire.wire.headers import IPPROTO_TCP, IPPROTO_UDP, IPv4
from podwire.wire.headers import Tcp as TcpHeader
from podwire.wire.headers import Udp as UdpHeader

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.skb import Skb

LONG: Final = 6
"""Chains of fewer rules are scanned: that costs no more."""
_HOST: Final = 0xFFFFFFFF
_KEPT: Final = 200_000
"""So many rules are kept in merged lists; then these are made anew."""

Key = tuple[int, object]
"""Kind (destination, source, port, input device, output device) and value."""
_DST, _SRC, _PORT, _IIF, _OIF = range(5)
One = TypeVar("One")


def keys_of(spec: RuleSpec) -> list[Key]:
    """The exact values that a packet must have for the rule."""
    keys: list[Key] = []
    dst, src, proto = spec.dst, spec.src, spec.proto
    if dst is not None and dst.mask == _HOST and not dst.invert:
        keys.append((_DST, dst.addr))
    if src is not None and src.mask == _HOST and not src.invert:
        keys.append((_SRC, src.addr))
    if spec.iif is not None and _is_exact(spec.iif):
        keys.append((_IIF, spec.iif.name))
    if spec.oif is not None and _is_exact(spec.oif):
        keys.append((_OIF, spec.oif.name))
    if proto is not None and not proto.invert and spec.matches:
        port = _port_of(spec, proto.number)
        if port is not None:
            keys.append((_PORT, proto.number << 16 | port))
    return keys


def _is_exact(iface: Iface) -> bool:
    return bool(iface.name) and not iface.invert and not iface.name.endswith("+")


def _port_of(spec: RuleSpec, proto: int) -> int | None:
    """The one destination port that the rule wants; only comments may stand before it."""
    for match in spec.matches:
        kind = type(match)
        if kind is Comment:
            continue
        if (kind is Tcp and proto == IPPROTO_TCP) or (kind is Udp and proto == IPPROTO_UDP):
            ports: Ports = match.dport  # type: ignore[attr-defined]
            return ports.low if ports.low == ports.high and not ports.invert else None
        return None
    return None


class RuleIndex:
    """Places (from 0) of rules by what they want, and ``rest``: of those that want nothing exact."""

    __slots__ = ("by", "rest", "rules", "tables")

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = list(rules)
        keys = [keys_of(rule.spec) for rule in rules]
        values: list[set[object]] = [set() for _ in range(5)]
        for wanted in keys:
            for kind, value in wanted:
                values[kind].add(value)
        # The kind with the most values tells the most: each rule goes under that, of those that it has.
        rank = sorted(range(5), key=lambda kind: -len(values[kind]))
        place = {kind: at for at, kind in enumerate(rank)}
        by: tuple[dict[object, list[int]], ...] = ({}, {}, {}, {}, {})
        self.rest: list[int] = []
        for number, wanted in enumerate(keys):
            if wanted:
                kind, value = wanted[0] if len(wanted) == 1 else min(wanted, key=lambda key: place[key[0]])
                by[kind].setdefault(value, []).append(number)
            else:
                self.rest.append(number)
        self.by = by
        self.tables = tuple((kind, by[kind]) for kind in range(5) if by[kind])


def index_of(chain: Chain) -> RuleIndex:
    """The chain's index, made when it is first asked for. An edit copies what it changes, and so most chains outlive many commits."""
    index = chain.index
    if index is None or index.rules != chain.rules:
        index = chain.index = RuleIndex(chain.rules)
    return index


class ChainIndex(Generic[One]):
    """A chain's index at a hook. ``make`` gives what packets shall meet of the rule at a place."""

    __slots__ = ("_index", "_kept", "_make", "_merged", "_tables")

    def __init__(self, index: RuleIndex, make: Callable[[int], One]) -> None:
        self._index = index
        self._make = make
        self._tables = index.tables
        self._merged: dict[tuple[Key, ...], list[One]] = {}
        """Merged lists by the values that were found, so that they are merged once."""
        self._kept = 0

    def candidates(self, skb: Skb, iif: Link | None, oif: Link | None) -> list[One] | None:
        """The rules that the packet has to be shown to, in order; None where it must be shown to all of them."""
        found: tuple[Key, ...] = ()
        layers = skb.packet.layers
        ip: IPv4 = layers[0]  # type: ignore[assignment]
        for kind, table in self._tables:
            value: object
            if kind == _DST:
                value = ip.dst
            elif kind == _PORT:
                proto = ip.proto
                if proto != IPPROTO_TCP and proto != IPPROTO_UDP:  # noqa: PLR1714 - a set would be hashed for every packet
                    continue
                header = layers[1] if len(layers) > 1 else None
                if type(header) is not (TcpHeader if proto == IPPROTO_TCP else UdpHeader):
                    # A fragment, or a header that is cut off: the match itself has to look at it (it may drop the packet).
                    return None
                value = proto << 16 | header.dport
            elif kind == _SRC:
                value = ip.src
            else:
                link = iif if kind == _IIF else oif
                if link is None:
                    continue
                value = link.name
            if value in table:
                found += ((kind, value),)
        merged = self._merged.get(found)
        return self._merge(found) if merged is None else merged

    def _merge(self, found: tuple[Key, ...]) -> list[One]:
        places = list(self._index.rest)
        for kind, value in found:
            places += self._index.by[kind][value]
        places.sort()
        self._kept += len(places) + 1
        if self._kept > _KEPT:
            self._merged.clear()
            self._kept = len(places) + 1
        made = self._merged[found] = [self._make(place) for place in places]
        return made
