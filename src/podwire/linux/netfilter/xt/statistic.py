"""``-m statistic``: packets at random, or every so many (net/netfilter/xt_statistic.c, extensions/libxt_statistic.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Self

from podwire.linux.netfilter.xt.base import Match, MatchFn
from podwire.linux.netfilter.xt.options import DOUBLE, STRING, UINT32, Names, Option, OptionError, Values

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netfilter.xt.options import OptionCall
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

_SCALE: Final = 0x80000000
_FULL: Final = 0xFFFFFFFF


def _mode(call: OptionCall) -> str:
    word = STRING(call)
    if word not in {"random", "nth"}:
        call.fail(f'Bad mode "{word}"')
    return word


class Statistic(Match, frozen=True, gc=False):
    """Random: ``probability`` of 2**31 packets match. nth: of every ``every`` packets number ``packet`` (from 0) does."""

    NAME: ClassVar[str] = "statistic"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("mode", _mode, mandatory=True),
        Option("probability", DOUBLE, invert=True, high=1, excl=("every", "packet")),
        Option("every", UINT32, invert=True, low=1, excl=("probability",), also=("packet",)),
        Option("packet", UINT32, excl=("probability",), also=("every",)),
    )

    mode: str
    probability: int = 0
    every: int = 1
    packet: int = 0
    invert: bool = False

    @classmethod
    def final_check(cls, values: Values) -> None:
        """``statistic_check``."""
        mode = values.text("mode", "random")
        if mode == "random" and "probability" not in values:
            msg = "--probability must be specified when using random mode"
            raise OptionError(msg)
        if mode == "nth" and "every" not in values and "packet" not in values:
            msg = "--every and --packet must be specified when using nth mode"
            raise OptionError(msg)
        if "probability" not in values and values.number("packet") > (
            values.number("every") - 1 if "every" in values else 0
        ):
            msg = "the --packet p must be 0 <= p <= n-1"
            raise OptionError(msg)

    @classmethod
    def build(cls, values: Values) -> Self:
        """``statistic_parse``."""
        invert = values.inverted("probability") or values.inverted("every")
        if values.text("mode") == "random":
            # lround: halves away from 0.
            return cls("random", int(_SCALE * values.real("probability") + 0.5), invert=invert)
        return cls("nth", 0, values.number("every", 1), values.number("packet"), invert)

    def compile(self, netns: Netns) -> MatchFn:
        """``statistic_mt``; the random numbers are the namespace's own stream."""
        invert = self.invert
        if self.mode == "random":
            limit, draw = self.probability, netns.machine.random("statistic", netns.label).getrandbits
            return lambda _skb, _n, _i, _o: (draw(31) < limit) is not invert
        last = self.every - 1
        count = last - self.packet

        def nth(_skb: Skb, _netns: Netns, _iif: Link | None, _oif: Link | None) -> bool:
            nonlocal count
            count = 0 if count == last else count + 1
            return (count == 0) is not invert

        return nth

    def _text(self, prefix: str) -> str:
        """``print_match``."""
        negated = " !" if self.invert else ""
        if self.mode == "random":
            return f"{prefix}mode random{negated} {prefix}probability {self.probability / _SCALE:.11f}"
        packet = f" {prefix}packet {self.packet}" if self.packet or prefix else ""
        return f"{prefix}mode nth{negated} {prefix}every {self.every}{packet}"

    def save(self) -> str:
        """``statistic_save``."""
        return self._text("--")

    def listing(self, names: Names | None) -> str:
        """``statistic_print``."""
        return f"statistic {self._text('')}"
