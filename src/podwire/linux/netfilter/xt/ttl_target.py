"""``-j TTL`` (net/netfilter/xt_HL.c: ttl_tg; extensions/libipt_TTL.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Self

from msgspec.structs import replace

from podwire.linux.netfilter.xt.base import XT_CONTINUE, Target, TargetFn
from podwire.linux.netfilter.xt.options import UINT8, Names, Option, OptionError, Values

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

_ANY: Final = ("ttl-set", "ttl-dec", "ttl-inc")
_WORDS: Final = {"set": "set to", "dec": "decrement by", "inc": "increment by"}


class TtlTarget(Target, frozen=True, gc=False):
    """``set``, ``inc`` or ``dec``, which stop at 255 and at 0."""

    NAME: ClassVar[str] = "TTL"
    TABLE: ClassVar[str] = "mangle"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("ttl-set", UINT8, excl=_ANY),
        Option("ttl-dec", UINT8, excl=_ANY, low=1),
        Option("ttl-inc", UINT8, excl=_ANY, low=1),
    )

    mode: str
    ttl: int

    @classmethod
    def final_check(cls, values: Values) -> None:
        """``TTL_check``."""
        if not values.given:
            msg = "TTL: You must specify an action"
            raise OptionError(msg)

    @classmethod
    def build(cls, values: Values) -> Self:
        """``TTL_parse``."""
        key = next(key for key in _ANY if key in values)
        return cls(key.removeprefix("ttl-"), values.number(key))

    def compile(self, netns: Netns, hook: int, table: str) -> TargetFn:
        """``ttl_tg``."""
        mode, by = self.mode, self.ttl

        def ttl_tg(skb: Skb, _netns: Netns, _iif: Link | None, _oif: Link | None) -> int:
            ip = skb.ip
            ttl = by if mode == "set" else min(ip.ttl + by, 255) if mode == "inc" else max(ip.ttl - by, 0)
            if ttl != ip.ttl:
                skb.packet = skb.packet.replace(0, replace(ip, ttl=ttl))
            return XT_CONTINUE

        return ttl_tg

    def save(self) -> str:
        """``TTL_save``."""
        return f"--ttl-{self.mode} {self.ttl}"

    def listing(self, names: Names | None) -> str:
        """``TTL_print``."""
        return f"TTL {_WORDS[self.mode]} {self.ttl}"
