"""``-m rpfilter``: whether an answer would go back the way the packet came (net/ipv4/netfilter/ipt_rpfilter.c)."""

from __future__ import annotations

from errno import EINVAL
from typing import TYPE_CHECKING, ClassVar, Final, Self

from podwire.linux.fib import LOCAL, UNICAST
from podwire.linux.multicast import is_local_multicast
from podwire.linux.netfilter.hooks import NF_INET_PRE_ROUTING
from podwire.linux.netfilter.xt.base import Match, MatchFn, XtCheckError
from podwire.linux.netfilter.xt.options import Names, Option, Values, words
from podwire.linux.path.lookup import fib_lookup
from podwire.trace.events import PACKET_LOOPBACK
from podwire.wire.addr import ANY4, Ip4

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb
    from podwire.wire.addr import Ip

_TOS: Final = 0x1C
_CACHED: Final = 4096


class Rpfilter(Match, frozen=True, gc=False):
    """``loose``: any device will do; ``validmark``: look up with the packet's mark; ``accept_local``: own addresses may be sources."""

    NAME: ClassVar[str] = "rpfilter"
    HOOKS: ClassVar[frozenset[int]] = frozenset({NF_INET_PRE_ROUTING})
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("loose"),
        Option("validmark"),
        Option("accept-local"),
        Option("invert"),
    )

    loose: bool = False
    validmark: bool = False
    accept_local: bool = False
    invert: bool = False

    @classmethod
    def build(cls, values: Values) -> Self:
        """``rpfilter_parse``."""
        return cls(*(option.name in values for option in cls.OPTIONS))

    def check(self, table: str, hooks: frozenset[int], proto: int) -> None:
        """``rpfilter_check``."""
        if table not in {"mangle", "raw"}:
            text = f"ipt_rpfilter: only valid in 'raw' or 'mangle' table, not '{table}'"
            raise XtCheckError(EINVAL, text)

    def compile(self, netns: Netns) -> MatchFn:
        """``rpfilter_mt``: what came over lo always passes the test."""
        validmark, invert, lookup_reverse = self.validmark, self.invert, self._lookup_reverse
        known: dict[tuple[Ip, Ip, int, int, Link], bool] = {}
        generation = netns.generation

        def rpfilter_mt(skb: Skb, netns: Netns, iif: Link | None, _oif: Link | None) -> bool:
            if iif is None or iif.is_loopback or skb.pkt_type == PACKET_LOOPBACK:
                return not invert
            ip = skb.ip
            source, to = Ip4(ip.src), Ip4(ip.dst)
            if source.is_zeronet and (to.is_lbcast or is_local_multicast(to)):
                return not invert
            if to.is_multicast or to.is_lbcast or to.is_zeronet:
                to = ANY4
            nonlocal generation
            if generation != netns.generation or len(known) > _CACHED:
                known.clear()
                generation = netns.generation
            # Without rules of ip rule a lookup does not ask for the other address, nor for the mark.
            custom = netns.custom_rules
            key = (source, to if custom else ANY4, skb.mark if validmark and custom else 0, ip.tos & _TOS, iif)
            found = known.get(key)
            if found is None:
                found = known[key] = lookup_reverse(netns, *key)
            return found is not invert

        return rpfilter_mt

    def _lookup_reverse(self, netns: Netns, source: Ip, to: Ip, mark: int, tos: int, iif: Link) -> bool:
        """``rpfilter_lookup_reverse``."""
        back = fib_lookup(netns, source, to, mark=mark, tos=tos, ignore_linkdown=True)
        route = back.route
        if back.error or route is None or not (route.type == UNICAST or (self.accept_local and route.type == LOCAL)):
            return False
        return self.loose or any(hop.ifindex == iif.ifindex for hop in route.nexthops)

    def save(self) -> str:
        """``rpfilter_save``."""
        return words(f"--{name}" for name in self._given())

    def listing(self, names: Names | None) -> str:
        """``rpfilter_print``."""
        return words(("rpfilter", *self._given()))

    def _given(self) -> list[str]:
        flags = (self.loose, self.validmark, self.accept_local, self.invert)
        return [option.name for option, flag in zip(self.OPTIONS, flags, strict=True) if flag]
