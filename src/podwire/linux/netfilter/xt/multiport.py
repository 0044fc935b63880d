"""``-m multiport``: up to fifteen ports and ranges of ports (net/netfilter/xt_multiport.c, extensions/libxt_multiport.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Self

from podwire.linux.netfilter.xt.base import HotDrop, Match, MatchFn
from podwire.linux.netfilter.xt.options import Names, Option, OptionCall, OptionError, Values, parse_port
from podwire.linux.netfilter.xt.transport import PORT_NAMES, ports_of
from podwire.wire.headers import Tcp, Udp

if TYPE_CHECKING:
    from collections.abc import Container

    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

XT_MULTI_PORTS: Final = 15
"""So many ports; a range counts twice."""
_TOO_MANY: Final = "too many ports specified"
_WHICH: Final = ("source-ports", "destination-ports", "ports")


def _multiports(call: OptionCall) -> tuple[tuple[int, int], ...]:
    """``parse_multi_ports_v1``: (first, last) of each."""
    rule = call.values.rule
    number = rule.proto.number if rule.proto is not None else 0
    proto = PORT_NAMES.get(number)
    if rule.proto is not None and (rule.proto.invert or (number and proto is None)):
        call.fail("multiport only works with TCP, UDP, UDPLITE, SCTP and DCCP")
    if proto is None:
        call.fail("multiport needs `-p tcp', `-p udp', `-p udplite', `-p sctp' or `-p dccp'")
    names, found, used = call.values.names, list[tuple[int, int]](), 0
    for word in call.arg.split(","):
        first, colon, last = word.partition(":")
        if used >= XT_MULTI_PORTS - bool(colon):
            call.fail(_TOO_MANY)
        low = high = parse_port(first, proto, names)
        if colon:
            high = parse_port(last, proto, names)
            if low >= high:
                call.fail("invalid portrange specified")
        found.append((low, high))
        used += 2 if colon else 1
    return tuple(found)


class Multiport(Match, frozen=True, gc=False):
    """``which`` is ``sports``, ``dports`` or ``ports`` (any of the two); ``proto`` is the rule's, by which services are named."""

    NAME: ClassVar[str] = "multiport"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("source-ports", _multiports, invert=True, excl=_WHICH),
        Option("sports", _multiports, id="source-ports", invert=True, excl=_WHICH),
        Option("destination-ports", _multiports, invert=True, excl=_WHICH),
        Option("dports", _multiports, id="destination-ports", invert=True, excl=_WHICH),
        Option("ports", _multiports, invert=True, excl=_WHICH),
    )

    which: str
    ports: tuple[tuple[int, int], ...]
    invert: bool = False
    proto: int = 6

    @classmethod
    def final_check(cls, values: Values) -> None:
        """``multiport_check``."""
        if not values.given:
            msg = "multiport expection an option"
            raise OptionError(msg)

    @classmethod
    def build(cls, values: Values) -> Self:
        """``__multiport_parse_v1``."""
        key = next(key for key in _WHICH if key in values)
        which = {"source-ports": "sports", "destination-ports": "dports", "ports": "ports"}[key]
        ports = values.get(key)
        assert isinstance(ports, tuple)  # noqa: S101 - _multiports made it
        proto = values.rule.proto
        return cls(which, ports, values.inverted(key), proto.number if proto is not None else 0)

    @property
    def steady(self) -> bool:
        """Ports alone."""
        return True

    def compile(self, netns: Netns) -> MatchFn:
        """``multiport_mt``: no fragment but the first matches; a packet without room for two ports is dropped."""
        among, invert, destination = _among(self.ports), self.invert, self.which == "dports"
        first, last = {"sports": (0, 1), "dports": (1, 2), "ports": (0, 2)}[self.which]

        def multiport_mt(skb: Skb, _netns: Netns, _iif: Link | None, _oif: Link | None) -> bool:
            layers = skb.packet.layers
            header = layers[1] if len(layers) > 1 else None
            kind = type(header)
            if kind is Tcp or kind is Udp:
                if destination:
                    return (header.dport in among) is not invert  # type: ignore[union-attr]
                both = header.sport, header.dport  # type: ignore[union-attr]
            else:
                if skb.ip.frag:
                    return False
                found = ports_of(skb.packet)
                if found is None:
                    raise HotDrop
                both = found
            return any(port in among for port in both[first:last]) is not invert

        return multiport_mt

    def _texts(self, names: Names | None) -> str:
        proto = PORT_NAMES.get(self.proto, "")

        def one(port: int) -> str:
            return (names.service(port, proto) if names is not None else None) or str(port)

        return ",".join(one(low) if low == high else f"{one(low)}:{one(high)}" for low, high in self.ports)

    def save(self) -> str:
        """``__multiport_save_v1``."""
        return f"{'! ' if self.invert else ''}--{self.which} {self._texts(None)}"

    def listing(self, names: Names | None) -> str:
        """``__multiport_print_v1``."""
        return f"multiport {self.which} {' !' if self.invert else ''}{self._texts(names)}"


def _among(ports: tuple[tuple[int, int], ...]) -> Container[int]:
    """Every port of them."""
    if len(ports) == 1:
        return range(ports[0][0], ports[0][1] + 1)
    return frozenset(port for low, high in ports for port in range(low, high + 1))
