"""What tcp and udp share: their ports (xt_tcpudp.c, libxt_tcp.c, libxt_udp.c)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from podwire.linux.netfilter.xt.options import Names

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netfilter.xt.base import MatchFn
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb
    from podwire.wire.headers import Tcp, Udp

_LAST = 0xFFFF


class Ports(msgspec.Struct, frozen=True, gc=False):
    """From one port to another, both included, or all but these."""

    low: int = 0
    high: int = _LAST
    invert: bool = False

    @property
    def all(self) -> bool:
        """Every port, as far as its text goes: iptables-save does not print it, whether negated or not."""
        return self.low == 0 and self.high == _LAST

    def test(self, *, source: bool) -> Callable[[Tcp | Udp], bool] | None:
        """``port_match`` on a header; None where every port will do."""
        low, high, invert = self.low, self.high, self.invert
        if self.all and not invert:
            return None
        if low == high:
            if source:
                return lambda header: (header.sport == low) is not invert
            return lambda header: (header.dport == low) is not invert
        if source:
            return lambda header: (low <= header.sport <= high) is not invert
        return lambda header: (low <= header.dport <= high) is not invert

    def save(self, option: str) -> str:
        """``[!] --dport 80`` or ``80:90``."""
        if self.all:
            return ""
        value = f"{self.low}" if self.low == self.high else f"{self.low}:{self.high}"
        return f"{'! ' if self.invert else ''}{option} {value}"

    def listing(self, name: str, proto: str, names: Names | None) -> str:
        """``print_ports``: ``dpt:!http``, ``dpts:1:2``."""
        if self.all and not self.invert:
            return ""
        low, high = (port_name(port, proto, names) for port in (self.low, self.high))
        inverse = "!" if self.invert else ""
        return f"{name}:{inverse}{low}" if self.low == self.high else f"{name}s:{inverse}{low}:{high}"


ANY_PORT = Ports()


def port_name(port: int, proto: str, names: Names | None) -> str:
    """``print_port``: the service, or the number where there is none or numbers are asked for."""
    return (names.service(port, proto) if names is not None else None) or str(port)


HeaderTest = Callable[[Any], bool]
"""Does a header of that kind match?"""


def header_match(
    kind: type, tests: Sequence[HeaderTest], missing: Callable[[Skb], bool], port: int | None = None
) -> MatchFn:
    """The packet has a header of that kind behind IP that passes all tests; ``missing`` answers for one that has none.

    ``port`` is the destination port where that is all that is asked: most rules with ports are of that form.
    """
    if port is not None:

        def one_port(skb: Skb, _netns: Netns, _iif: Link | None, _oif: Link | None) -> bool:
            layers = skb.packet.layers
            if len(layers) > 1 and type(layers[1]) is kind:
                return layers[1].dport == port  # type: ignore[union-attr]
            return missing(skb)

        return one_port

    def all_tests(skb: Skb, _netns: Netns, _iif: Link | None, _oif: Link | None) -> bool:
        layers = skb.packet.layers
        if len(layers) < 2 or type(layers[1]) is not kind:
            return missing(skb)
        header = layers[1]
        for test in tests:  # noqa: SIM110 - for every packet, and all() makes a generator
            if not test(header):
                return False
        return True

    return all_tests


def port_tests(sport: Ports, dport: Ports) -> list[HeaderTest]:
    """Those that have to be made."""
    return [one for one in (sport.test(source=True), dport.test(source=False)) if one is not None]


def only_port(sport: Ports, dport: Ports) -> int | None:
    """The one destination port, where nothing else is asked."""
    return dport.low if sport == ANY_PORT and dport.low == dport.high and not dport.invert else None
