"""``-m udp`` (net/netfilter/xt_tcpudp.c: udp_mt; extensions/libxt_udp.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from podwire.linux.netfilter.xt.base import HotDrop, Match, MatchFn
from podwire.linux.netfilter.xt.options import PORTRC, Names, Option, Values, words
from podwire.linux.netfilter.xt.ports import ANY_PORT, Ports, header_match, only_port, port_tests
from podwire.wire.headers import Udp as UdpHeader

if TYPE_CHECKING:
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb


class Udp(Match, frozen=True, gc=False):
    """Ports of a datagram that is whole, or of its first fragment."""

    NAME: ClassVar[str] = "udp"
    PROTO: ClassVar[int] = 17
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("source-port", PORTRC, invert=True),
        Option("sport", PORTRC, id="source-port", invert=True),
        Option("destination-port", PORTRC, invert=True),
        Option("dport", PORTRC, id="destination-port", invert=True),
    )

    sport: Ports = ANY_PORT
    dport: Ports = ANY_PORT

    @classmethod
    def build(cls, values: Values) -> Self:
        """``udp_parse``."""
        return cls(_ports(values, "source-port"), _ports(values, "destination-port"))

    @property
    def steady(self) -> bool:
        """Ports alone."""
        return True

    def compile(self, netns: Netns) -> MatchFn:
        """``udp_mt``: no later fragment matches; a datagram too short for its header is dropped."""
        return header_match(UdpHeader, port_tests(self.sport, self.dport), _missing, only_port(self.sport, self.dport))

    @property
    def nft_native(self) -> bool:
        """``add_nft_udp``."""
        from podwire.linux.netfilter.nft import is_native

        return is_native(self)

    def compile_nft(self, netns: Netns) -> MatchFn:
        """The expressions of nft, where there are any."""
        from podwire.linux.netfilter.nft import native_test

        return native_test(self) if self.nft_native else self.compile(netns)

    def save(self) -> str:
        """``udp_save``."""
        return words((self.sport.save("--sport"), self.dport.save("--dport")))

    def listing(self, names: Names | None) -> str:
        """``udp_print``."""
        return words(("udp", self.sport.listing("spt", "udp", names), self.dport.listing("dpt", "udp", names)))


def _ports(values: Values, key: str) -> Ports:
    if key not in values:
        return ANY_PORT
    low, high = values.pair(key)
    return Ports(low, high, values.inverted(key))


def _missing(skb: Skb) -> bool:
    if skb.ip.frag:
        return False
    raise HotDrop
