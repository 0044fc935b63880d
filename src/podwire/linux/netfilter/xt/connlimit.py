"""``-m connlimit``: how many connections an address, or a network, has (net/netfilter/xt_connlimit.c, nf_conncount.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Self

from podwire.linux.netfilter.conntrack.tcp import CLOSE, TIME_WAIT
from podwire.linux.netfilter.conntrack.tuple import nf_ct_get_tuplepr
from podwire.linux.netfilter.xt.base import HotDrop, Match, MatchFn
from podwire.linux.netfilter.xt.options import PLENMASK, UINT32, Names, Option, OptionError, Values
from podwire.wire.headers import IPPROTO_TCP

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netfilter.conntrack.entry import Connection
    from podwire.linux.netfilter.conntrack.table import Conntrack
    from podwire.linux.netfilter.conntrack.tuple import Tuple5
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

_FULL: Final = 0xFFFFFFFF
_GC_MAX: Final = 8
"""CONNCOUNT_GC_MAX_COLLECT: when more than so many are found to be over, the rest waits."""

Counted = tuple["Tuple5", int]
"""A connection that was seen: its original tuple and its zone."""


class Connlimit(Match, frozen=True, gc=False):
    """More than ``limit`` connections (``upto``: not more), of which this rule has seen packets, from or to one network."""

    NAME: ClassVar[str] = "connlimit"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("connlimit-upto", UINT32, invert=True, excl=("connlimit-above",)),
        Option("connlimit-above", UINT32, invert=True, excl=("connlimit-upto",)),
        Option("connlimit-mask", PLENMASK),
        Option("connlimit-saddr", excl=("connlimit-daddr",)),
        Option("connlimit-daddr", excl=("connlimit-saddr",)),
    )

    limit: int
    upto: bool = False
    mask: int = _FULL
    daddr: bool = False

    @classmethod
    def final_check(cls, values: Values) -> None:
        """``connlimit_check``."""
        if "connlimit-upto" not in values and "connlimit-above" not in values:
            msg = 'You must specify "--connlimit-above" or "--connlimit-upto".'
            raise OptionError(msg)

    @classmethod
    def build(cls, values: Values) -> Self:
        """``connlimit_parse``."""
        key = "connlimit-upto" if "connlimit-upto" in values else "connlimit-above"
        upto = (key == "connlimit-upto") is not values.inverted(key)
        return cls(values.number(key), upto, values.number("connlimit-mask", _FULL), "connlimit-daddr" in values)

    def acquire(self, netns: Netns) -> None:
        """``connlimit_mt_check``."""
        netns.conntrack.get()

    def release(self, netns: Netns) -> None:
        """``connlimit_mt_destroy``."""
        netns.conntrack.put()

    def compile(self, netns: Netns) -> MatchFn:
        """``connlimit_mt``."""
        limit, upto, mask, daddr = self.limit, self.upto, self.mask, self.daddr
        lists: dict[tuple[int, int], list[Counted]] = {}

        def connlimit_mt(skb: Skb, netns: Netns, _iif: Link | None, _oif: Link | None) -> bool:
            ct, ip = skb.ct, skb.ip
            flow = nf_ct_get_tuplepr(skb.packet) if ct is None else ct.orig
            if flow is None:
                raise HotDrop
            if ct is None and (known := netns.conntrack.find(flow)) is not None:
                # get_ct_or_tuple_from_skb: an invalid packet of a connection is one of that connection.
                ct = known[0]
                flow = ct.orig
            zone = 0 if ct is None else ct.zone
            key = (int(ip.dst if daddr else ip.src) & mask, zone)
            seen = lists.get(key)
            if seen is None:
                lists[key] = [(flow, zone)]
                return (limit < 1) is not upto
            if ct is not None and _already_closed(ct):
                count = nf_conncount_gc_list(netns.conntrack, seen)
            else:
                count = nf_conncount_count(netns.conntrack, seen, (flow, zone))
            if not count:
                # It takes that for a lack of memory: what is still sent by the last connection, which is closed, is dropped.
                raise HotDrop
            return (count > limit) is not upto

        return connlimit_mt

    def _bits(self) -> int:
        """``count_bits4``."""
        return 32 - (~self.mask & _FULL).bit_length()

    def save(self) -> str:
        """``connlimit_save4``."""
        how = "upto" if self.upto else "above"
        side = "daddr" if self.daddr else "saddr"
        return f"--connlimit-{how} {self.limit} --connlimit-mask {self._bits()} --connlimit-{side}"

    def listing(self, names: Names | None) -> str:
        """``connlimit_print4``."""
        side, sign = "dst" if self.daddr else "src", "<=" if self.upto else ">"
        return f"#conn {side}/{self._bits()} {sign} {self.limit}"


def nf_conncount_gc_list(table: Conntrack, seen: list[Counted]) -> int:
    """``nf_conncount_gc_list``: forget those that are over, and count; a closed connection is not noted again by its packets."""
    gone = 0
    for one in list(seen):
        found = table.find(one[0], one[1])
        if found is None or _already_closed(found[0]):
            seen.remove(one)
            gone += 1
            if gone > _GC_MAX:
                break
    return len(seen)


def nf_conncount_count(table: Conntrack, seen: list[Counted], counted: Counted) -> int:
    """``__nf_conncount_add``: forget those that are over, note this one if it is new, and count."""
    over = 0
    for one in list(seen):
        if over > _GC_MAX:
            break
        found = table.find(one[0], one[1])
        if found is None:
            seen.remove(one)
            over += 1
        elif one == counted:
            return len(seen)
        elif _already_closed(found[0]):
            seen.remove(one)
            over += 1
    seen.append(counted)
    return len(seen)


def _already_closed(ct: Connection) -> bool:
    """``already_closed``: TCP has said good-bye."""
    return ct.orig.proto == IPPROTO_TCP and ct.proto is not None and ct.proto.state in {TIME_WAIT, CLOSE}
