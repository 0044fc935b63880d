"""``-m mark`` and ``-m connmark``: the marks of a packet and of its connection (net/netfilter/xt_mark.c, xt_connmark.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Self

from podwire.linux.netfilter.xt.base import Match, MatchFn
from podwire.linux.netfilter.xt.options import MARKMASK, Names, Option, Values, mark_text

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

_FULL: Final = 0xFFFFFFFF


class Mark(Match, frozen=True, gc=False):
    """The packet's mark under ``mask`` is ``mark``."""

    NAME: ClassVar[str] = "mark"
    OPTIONS: ClassVar[tuple[Option, ...]] = (Option("mark", MARKMASK, invert=True, mandatory=True),)

    mark: int
    mask: int = _FULL
    invert: bool = False

    @classmethod
    def build(cls, values: Values) -> Self:
        """``mark_mt_parse``."""
        return cls(*values.pair("mark"), values.inverted("mark"))

    @property
    def steady(self) -> bool:
        """The packet's mark."""
        return True

    def compile(self, netns: Netns) -> MatchFn:
        """``mark_mt``."""
        mark, mask, invert = self.mark, self.mask, self.invert
        if invert:
            return lambda skb, _n, _i, _o: skb.mark & mask != mark
        return lambda skb, _n, _i, _o: skb.mark & mask == mark

    def save(self) -> str:
        """``mark_mt_save``."""
        return f"{'! ' if self.invert else ''}--mark {mark_text(self.mark, self.mask)}"

    def listing(self, names: Names | None) -> str:
        """``mark_mt_print``."""
        return f"mark match{' !' if self.invert else ''} {mark_text(self.mark, self.mask)}"


class Connmark(Match, frozen=True, gc=False):
    """The connection's mark under ``mask`` is ``mark``; a packet without connection never matches, negated or not."""

    NAME: ClassVar[str] = "connmark"
    OPTIONS: ClassVar[tuple[Option, ...]] = (Option("mark", MARKMASK, invert=True, mandatory=True),)

    mark: int
    mask: int = _FULL
    invert: bool = False

    @classmethod
    def build(cls, values: Values) -> Self:
        """``connmark_mt_parse``."""
        return cls(*values.pair("mark"), values.inverted("mark"))

    def acquire(self, netns: Netns) -> None:
        """``connmark_mt_check``."""
        netns.conntrack.get()

    def release(self, netns: Netns) -> None:
        """``connmark_mt_destroy``."""
        netns.conntrack.put()

    def compile(self, netns: Netns) -> MatchFn:
        """``connmark_mt``."""
        mark, mask, invert = self.mark, self.mask, self.invert

        def connmark_mt(skb: Skb, _netns: Netns, _iif: Link | None, _oif: Link | None) -> bool:
            ct = skb.ct
            return ct is not None and (ct.mark & mask == mark) is not invert

        return connmark_mt

    def save(self) -> str:
        """``connmark_mt_save``."""
        return f"{'! ' if self.invert else ''}--mark {mark_text(self.mark, self.mask)}"

    def listing(self, names: Names | None) -> str:
        """``connmark_mt_print``: with two blanks where nothing is negated."""
        return f"connmark match {'!' if self.invert else ''} {mark_text(self.mark, self.mask)}"
