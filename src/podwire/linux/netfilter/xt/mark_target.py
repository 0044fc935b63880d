"""``-j MARK``: the packet's mark (net/netfilter/xt_mark.c: mark_tg; extensions/libxt_MARK.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Self

from podwire.linux.netfilter.xt.base import XT_CONTINUE, Target, TargetFn
from podwire.linux.netfilter.xt.options import MARKMASK, UINT32, Names, Option, OptionError, Values

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

_FULL: Final = 0xFFFFFFFF
_ANY: Final = ("set-mark", "and-mark", "or-mark", "xor-mark", "set-xmark")


class MarkTarget(Target, frozen=True, gc=False):
    """``mark = (mark & ~mask) ^ value``; every form of the options becomes that."""

    NAME: ClassVar[str] = "MARK"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("set-xmark", MARKMASK, excl=_ANY),
        Option("set-mark", MARKMASK, excl=_ANY),
        Option("and-mark", UINT32, excl=_ANY),
        Option("or-mark", UINT32, excl=_ANY),
        Option("xor-mark", UINT32, excl=_ANY),
    )

    mark: int
    mask: int

    @classmethod
    def final_check(cls, values: Values) -> None:
        """``mark_tg_check``."""
        if not values.given:
            msg = "MARK: One of the --set-xmark, --{and,or,xor,set}-mark options is required"
            raise OptionError(msg)

    @classmethod
    def build(cls, values: Values) -> Self:
        """``mark_tg_parse``."""
        if "set-xmark" in values:
            return cls(*values.pair("set-xmark"))
        if "set-mark" in values:
            mark, mask = values.pair("set-mark")
            return cls(mark, mark | mask)
        if "and-mark" in values:
            return cls(0, ~values.number("and-mark") & _FULL)
        if "or-mark" in values:
            mark = values.number("or-mark")
            return cls(mark, mark)
        return cls(values.number("xor-mark"), 0)

    @property
    def steady(self) -> bool:
        """The same mark becomes the same."""
        return True

    def compile(self, netns: Netns, hook: int, table: str) -> TargetFn:
        """``mark_tg``."""
        keep, flip = ~self.mask & _FULL, self.mark

        def mark_tg(skb: Skb, _netns: Netns, _iif: Link | None, _oif: Link | None) -> int:
            skb.mark = (skb.mark & keep) ^ flip
            return XT_CONTINUE

        return mark_tg

    def save(self) -> str:
        """``mark_tg_save``."""
        return f"--set-xmark 0x{self.mark:x}/0x{self.mask:x}"

    def listing(self, names: Names | None) -> str:
        """``mark_tg_print``."""
        mark, mask = self.mark, self.mask
        if mark == 0:
            return f"MARK and 0x{~mask & _FULL:x}"
        if mark == mask:
            return f"MARK or 0x{mark:x}"
        if mask == 0:
            return f"MARK xor 0x{mark:x}"
        if mask == _FULL:
            return f"MARK set 0x{mark:x}"
        return f"MARK xset 0x{mark:x}/0x{mask:x}"
