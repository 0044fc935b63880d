"""``-m comment``: says something to people (net/netfilter/xt_comment.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from podwire.linux.netfilter.xt.base import Match, MatchFn
from podwire.linux.netfilter.xt.options import STRING, Names, Option, Values, save_string

if TYPE_CHECKING:
    from podwire.linux.netns import Netns

XT_MAX_COMMENT_LEN = 256


class Comment(Match, frozen=True, gc=False):
    """At most 255 bytes of text."""

    NAME: ClassVar[str] = "comment"
    OPTIONS: ClassVar[tuple[Option, ...]] = (Option("comment", STRING, mandatory=True, size=XT_MAX_COMMENT_LEN),)

    text: str

    @classmethod
    def build(cls, values: Values) -> Self:
        """``xtables_option_parse`` alone."""
        return cls(values.text("comment"))

    @property
    def steady(self) -> bool:
        """Every packet."""
        return True

    def compile(self, netns: Netns) -> MatchFn:
        """``comment_mt``: every packet."""
        return lambda _skb, _netns, _iif, _oif: True

    def save(self) -> str:
        """``comment_save``."""
        return f"--comment {save_string(self.text)}"

    def listing(self, names: Names | None) -> str:
        """``comment_print``."""
        return f"/* {self.text} */"
