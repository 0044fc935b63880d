"""``-m sctp``: ports of SCTP (net/netfilter/xt_sctp.c, extensions/libxt_sctp.c). Its chunks are not modelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Self

from podwire.errors import NotModelled
from podwire.linux.netfilter.xt.base import HotDrop, Match, MatchFn
from podwire.linux.netfilter.xt.options import STRING, Names, Option, OptionCall, Values, parse_port, words
from podwire.linux.netfilter.xt.ports import Ports
from podwire.linux.netfilter.xt.transport import two_ports

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

_HEADER: Final = 12
"""``struct sctphdr``."""


class Sctp(Match, frozen=True, gc=False):
    """Ports that were asked for; None where nothing was said, which iptables-save tells from ``0:65535``."""

    NAME: ClassVar[str] = "sctp"
    PROTO: ClassVar[int] = 132
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("source-port", STRING),
        Option("sport", STRING, id="source-port"),
        Option("destination-port", STRING),
        Option("dport", STRING, id="destination-port"),
        Option("chunk-types", STRING),
    )

    sport: Ports | None = None
    dport: Ports | None = None

    @classmethod
    def parse(cls, call: OptionCall) -> None:
        """``sctp_parse``."""
        key = call.entry.key
        if key == "chunk-types":
            msg = "iptables -m sctp --chunk-types"
            raise NotModelled(msg)
        if key in call.values:
            call.fail(f"Only one `--{key}' allowed")
        names = call.values.names
        low, colon, high = call.arg.partition(":")
        if not colon:
            port = parse_port(low, "sctp", names)
            ports = Ports(port, port, call.invert)
        else:
            first = parse_port(low, "sctp", names) if low else 0
            ports = Ports(first, parse_port(high, "sctp", names) if high else 0xFFFF, call.invert)
            if ports.low > ports.high:
                call.fail("invalid portrange (min > max)")
        call.values.put(key, ports, invert=call.invert)

    @classmethod
    def build(cls, values: Values) -> Self:
        """What ``sctp_parse`` has noted."""
        sport, dport = values.get("source-port"), values.get("destination-port")
        return cls(sport if isinstance(sport, Ports) else None, dport if isinstance(dport, Ports) else None)

    def compile(self, netns: Netns) -> MatchFn:
        """``sctp_mt``: no later fragment matches; a packet too short for the header is dropped."""
        wanted = tuple((place, ports) for place, ports in enumerate((self.sport, self.dport)) if ports is not None)

        def sctp_mt(skb: Skb, _netns: Netns, _iif: Link | None, _oif: Link | None) -> bool:
            if skb.ip.frag:
                return False
            packet = skb.packet
            both = two_ports(packet, 0)
            if both is None or len(packet.payload) < _HEADER:
                raise HotDrop
            return all((ports.low <= both[place] <= ports.high) is not ports.invert for place, ports in wanted)

        return sctp_mt

    def save(self) -> str:
        """``sctp_save``."""
        return words(
            _save(ports, option)
            for ports, option in ((self.sport, "--sport"), (self.dport, "--dport"))
            if ports is not None
        )

    def listing(self, names: Names | None) -> str:
        """``sctp_print``."""
        both = ((self.sport, "spt"), (self.dport, "dpt"))
        return words(("sctp", *(ports.listing(name, "sctp", names) for ports, name in both if ports is not None)))


def _save(ports: Ports, option: str) -> str:
    value = f"{ports.low}" if ports.low == ports.high else f"{ports.low}:{ports.high}"
    return f"{'! ' if ports.invert else ''}{option} {value}"
