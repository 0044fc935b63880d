"""``-m iprange``: addresses from one to another (net/netfilter/xt_iprange.c, extensions/libxt_iprange.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

import msgspec

from podwire.linux.netfilter.xt.base import Match, MatchFn
from podwire.linux.netfilter.xt.options import Names, Option, OptionCall, OptionError, Values, bad_value, words
from podwire.linux.netfilter.xt.text import numeric_to_ipaddr
from podwire.wire.addr import Ip

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb


class Range(msgspec.Struct, frozen=True, gc=False):
    """From ``low`` to ``high``, both included, or all but these. One that is reversed holds nothing."""

    low: Ip
    high: Ip
    invert: bool = False


def _range(call: OptionCall) -> tuple[Ip, Ip]:
    """``iprange_parse_range``."""
    first, dash, last = call.arg.partition("-")
    found = []
    for text in (first, last if dash else first):
        address = numeric_to_ipaddr(text)
        if address is None:
            bad_value("iprange", f"--{call.entry.name}", text)
        found.append(address)
    if found[0] > found[1]:
        reverse = f"xt_iprange: range {first}-{last} is reversed and will never match\n"
        call.values.rule.notices.append(reverse)
    return found[0], found[1]


class Iprange(Match, frozen=True, gc=False):
    """Source, destination, or both."""

    NAME: ClassVar[str] = "iprange"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("src-range", _range, invert=True),
        Option("dst-range", _range, invert=True),
    )

    src: Range | None = None
    dst: Range | None = None

    @classmethod
    def final_check(cls, values: Values) -> None:
        """``iprange_mt_check``."""
        if not values.given:
            msg = "iprange match: You must specify `--src-range' or `--dst-range'"
            raise OptionError(msg)

    @classmethod
    def build(cls, values: Values) -> Self:
        """``iprange_mt_parse``."""
        return cls(_given(values, "src-range"), _given(values, "dst-range"))

    def compile(self, netns: Netns) -> MatchFn:
        """``iprange_mt4``."""
        src, dst = self.src, self.dst

        def iprange_mt4(skb: Skb, _netns: Netns, _iif: Link | None, _oif: Link | None) -> bool:
            ip = skb.ip
            return (src is None or (src.low <= ip.src <= src.high) is not src.invert) and (
                dst is None or (dst.low <= ip.dst <= dst.high) is not dst.invert
            )

        return iprange_mt4

    def save(self) -> str:
        """``iprange_mt4_save``."""
        both = (("--src-range", self.src), ("--dst-range", self.dst))
        return words(
            f"{'! ' if one.invert else ''}{name} {one.low}-{one.high}" for name, one in both if one is not None
        )

    def listing(self, names: Names | None) -> str:
        """``iprange_mt4_print``."""
        both = (("source", self.src), ("destination", self.dst))
        return words(
            f"{name} IP range {'! ' if one.invert else ''}{one.low}-{one.high}" for name, one in both if one is not None
        )


def _given(values: Values, key: str) -> Range | None:
    value = values.get(key)
    return Range(value[0], value[1], values.inverted(key)) if isinstance(value, tuple) else None
