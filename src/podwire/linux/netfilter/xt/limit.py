"""``-m limit``: so many packets in a time (net/netfilter/xt_limit.c, nft_limit.c, extensions/libxt_limit.c)."""

from __future__ import annotations

from errno import ERANGE
from typing import TYPE_CHECKING, ClassVar, Final, Self

from podwire.linux.netfilter.xt.base import Match, MatchFn, XtCheckError
from podwire.linux.netfilter.xt.options import UINT32, Names, Option, OptionCall, Values
from podwire.linux.netfilter.xt.rate import atoi, print_rate, rate_unit

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

XT_LIMIT_SCALE: Final = 10000
"""``avg`` is the time between two packets in ten-thousandths of a second."""
_BURST: Final = 5
_FULL: Final = 0xFFFFFFFF
_DAY: Final = 24 * 60 * 60
_NSEC: Final = 1_000_000_000


def _limit(call: OptionCall) -> int:
    """``parse_rate``: ``3/hour``; the unit may be cut short."""
    number, unit = atoi(call.arg), rate_unit(call.arg)
    if unit is None or not number & _FULL:
        call.fail(f'bad rate "{call.arg}"\'')
    avg = XT_LIMIT_SCALE * unit // (number & _FULL)
    if not avg:
        call.fail(f'Rate too fast "{call.arg}"')
    return avg


class Limit(Match, frozen=True, gc=False):
    """One packet each ``avg`` (of XT_LIMIT_SCALE in a second), and ``burst`` at once after a pause."""

    NAME: ClassVar[str] = "limit"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("limit", _limit),
        Option("limit-burst", UINT32, high=10000),
    )

    avg: int = 3600 * XT_LIMIT_SCALE // 3
    burst: int = _BURST

    @classmethod
    def build(cls, values: Values) -> Self:
        """``limit_parse``."""
        return cls(values.number("limit", 3600 * XT_LIMIT_SCALE // 3), values.number("limit-burst", _BURST))

    @property
    def nft_native(self) -> bool:
        """``add_nft_limit``."""
        return True

    def nft_view(self) -> Limit:
        """``nft_parse_limit``: rate and unit are kept, from which ``avg`` is worked out again; a burst of 0 has become the usual one."""
        rate, unit = print_rate(self.avg, XT_LIMIT_SCALE)
        return Limit(XT_LIMIT_SCALE * unit // rate, self.burst or _BURST)

    def check(self, table: str, hooks: frozenset[int], proto: int) -> None:
        """``limit_mt_check``: credits are counted in 32 bits. HZ is that of every machine here."""
        text = f"xt_limit: Overflow, try lower: {self.avg}/{self.burst}"
        if not self.burst or _user2credits(self.avg * self.burst & _FULL, 250) < _user2credits(self.avg, 250):
            raise XtCheckError(ERANGE, text)

    def compile(self, netns: Netns) -> MatchFn:
        """``limit_mt``: a bucket of credits, filled at each jiffy."""
        machine = netns.machine
        hz = machine.hz
        each = _credits_per_jiffy(hz)
        cap = credit = _user2credits(self.avg * self.burst & _FULL, hz)
        cost = _user2credits(self.avg, hz)
        before = machine.jiffies

        def limit_mt(_skb: Skb, _netns: Netns, _iif: Link | None, _oif: Link | None) -> bool:
            nonlocal credit, before
            now = machine.jiffies
            credit = min(credit + (now - before) * each & _FULL, cap)
            before = now
            if credit < cost:
                return False
            credit -= cost
            return True

        return limit_mt

    def compile_nft(self, netns: Netns) -> MatchFn:
        """``nft_limit_pkts_eval``: a bucket of nanoseconds; a burst of 0 is the usual one."""
        rate, unit = print_rate(self.avg, XT_LIMIT_SCALE)
        cost = unit * _NSEC // rate
        world = netns.machine.world
        most = tokens = cost * (self.burst or _BURST)
        before = world.now

        def nft_limit_eval(_skb: Skb, _netns: Netns, _iif: Link | None, _oif: Link | None) -> bool:
            nonlocal tokens, before
            now = world.now
            tokens = min(tokens + now - before, most)
            before = now
            if tokens < cost:
                return False
            tokens -= cost
            return True

        return nft_limit_eval

    def _rate(self) -> str:
        rate, unit = print_rate(self.avg, XT_LIMIT_SCALE)
        return f"{rate}/{ {_DAY: 'day', 3600: 'hour', 60: 'min', 1: 'sec'}[unit] }"

    def save(self) -> str:
        """``limit_save``."""
        return f"--limit {self._rate()}{f' --limit-burst {self.burst}' if self.burst != _BURST else ''}"

    def listing(self, names: Names | None) -> str:
        """``limit_print``."""
        return f"limit: avg {self._rate()} burst {self.burst}"


def _credits_per_jiffy(hz: int) -> int:
    """CREDITS_PER_JIFFY: the largest power of two with which a day fits into 32 bits."""
    return 1 << (_FULL // (hz * _DAY)).bit_length() - 1


def _user2credits(user: int, hz: int) -> int:
    """``user2credits``: divide first where the product would not fit into 32 bits."""
    each = hz * _credits_per_jiffy(hz)
    if user > _FULL // each:
        return user // XT_LIMIT_SCALE * each & _FULL
    return user * each // XT_LIMIT_SCALE
