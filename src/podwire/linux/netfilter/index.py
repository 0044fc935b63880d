"""Which rules of a long chain can match a packet at all: those that a literal scan would pass over without a trace are left out.

A rule that wants one address, one port or one device is kept under that value; a packet looks itself up, and meets these rules and the
ones that want nothing so exact, in the order of the chain. Only tests without a memory may be skipped: addresses, protocol and devices,
which the kernel looks at before any match (``ip_packet_match``), and a port where nothing stands before it that counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.tables import Rule, RuleSpec
from podwire.linux.netfilter.xt.ports import Ports

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.skb import Skb

LONG: Final = 12
"""Chains of fewer rules are scanned: that costs no more."""
_HOST: Final = 0xFFFFFFFF
_PORTED: Final = {"tcp": 6, "udp": 17}
_MUTE: Final = frozenset({"comment"})
"""Matches before a port that look at nothing."""

Key = tuple[int, object]
"""Kind (destination, source, port, input device, output device) and value."""
_DST, _SRC, _PORT, _IIF, _OIF = range(5)


def keys_of(spec: RuleSpec) -> list[Key]:
    """The exact values that a packet must have for the rule."""
    keys: list[Key] = []
    if spec.dst is not None and spec.dst.mask == _HOST and not spec.dst.invert:
        keys.append((_DST, int(spec.dst.addr)))
    if spec.src is not None and spec.src.mask == _HOST and not spec.src.invert:
        keys.append((_SRC, int(spec.src.addr)))
    for kind, iface in ((_IIF, spec.iif), (_OIF, spec.oif)):
        if iface is not None and not iface.invert and not iface.name.endswith("+"):
            keys.append((kind, iface.name))
    if spec.proto is not None and not spec.proto.invert:
        port = _port_of(spec)
        if port is not None:
            keys.append((_PORT, spec.proto.number << 16 | port))
    return keys


def _port_of(spec: RuleSpec) -> int | None:
    """The one destination port that the rule wants."""
    for match in spec.matches:
        number = _PORTED.get(match.NAME)
        if number is not None and spec.proto is not None and spec.proto.number == number:
            ports = match.dport  # type: ignore[attr-defined]
            if isinstance(ports, Ports) and ports.low == ports.high and not ports.invert:
                return ports.low
            return None
        if match.NAME not in _MUTE:
            return None
    return None


class ChainIndex:
    """The rules of a chain by what they want; numbers are places in the chain, from 0."""

    __slots__ = ("_by", "_kinds", "_merged", "_rest")

    def __init__(self, rules: Sequence[Rule]) -> None:
        keys = [keys_of(rule.spec) for rule in rules]
        values: list[set[object]] = [set() for _ in range(5)]
        for wanted in keys:
            for kind, value in wanted:
                values[kind].add(value)
        # The kind with the most values tells the most: each rule goes under that, of those that it has.
        rank = sorted(range(5), key=lambda kind: -len(values[kind]))
        place = {kind: at for at, kind in enumerate(rank)}
        self._by: tuple[dict[object, list[int]], ...] = ({}, {}, {}, {}, {})
        rest: list[int] = []
        for number, wanted in enumerate(keys):
            if wanted:
                kind, value = min(wanted, key=lambda key: place[key[0]])
                self._by[kind].setdefault(value, []).append(number)
            else:
                rest.append(number)
        self._rest = rest
        self._kinds = [kind for kind in range(5) if self._by[kind]]
        self._merged: dict[tuple[object, ...], list[int]] = {}
        """Merged lists by the values that were found, so that they are merged once."""

    def candidates(self, skb: Skb, iif: Link | None, oif: Link | None) -> Sequence[int] | None:
        """The places of the rules that the packet has to be shown to, in order; None where it must be shown to all of them."""
        layers = skb.packet.layers
        ip = layers[0]
        found: list[tuple[int, object]] = []
        by = self._by
        for kind in self._kinds:
            value: object
            if kind == _DST:
                value = int(ip.dst)  # type: ignore[union-attr]
            elif kind == _PORT:
                proto = ip.proto  # type: ignore[union-attr]
                if proto not in {6, 17}:
                    continue
                # A fragment, or a header that is cut off: the match itself has to look at it (it may drop the packet).
                if len(layers) < 2 or ip.frag or (port := getattr(layers[1], "dport", None)) is None:  # type: ignore[union-attr]
                    return None
                value = proto << 16 | port
            elif kind == _SRC:
                value = int(ip.src)  # type: ignore[union-attr]
            else:
                link = iif if kind == _IIF else oif
                if link is None:
                    continue
                value = link.name
            if value in by[kind]:
                found.append((kind, value))
        if not found:
            return self._rest
        key = tuple(found)
        merged = self._merged.get(key)
        if merged is None:
            merged = list(self._rest)
            for kind, value in found:
                merged += by[kind][value]
            merged.sort()
            self._merged[key] = merged
        return merged
