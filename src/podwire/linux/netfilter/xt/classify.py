"""``-j CLASSIFY``: the class for a queue discipline (net/netfilter/xt_CLASSIFY.c; extensions/libxt_CLASSIFY.c)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final, Self

from podwire.linux.netfilter.hooks import NF_INET_FORWARD, NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING
from podwire.linux.netfilter.xt.base import XT_CONTINUE, Target, TargetFn
from podwire.linux.netfilter.xt.options import STRING, Names, Option, OptionCall, Values, option_parse

if TYPE_CHECKING:
    from podwire.linux.netns import Netns

_CLASS: Final = re.compile(r"\s*(?:0[xX])?([0-9a-fA-F]+):\s*(?:0[xX])?([0-9a-fA-F]+)", re.ASCII)


class Classify(Target, frozen=True, gc=False):
    """``skb->priority``: major and minor. No device here has a queue discipline that asks for it."""

    NAME: ClassVar[str] = "CLASSIFY"
    HOOKS: ClassVar[frozenset[int] | None] = frozenset({NF_INET_FORWARD, NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING})
    OPTIONS: ClassVar[tuple[Option, ...]] = (Option("set-class", STRING, mandatory=True),)

    major: int
    minor: int

    @classmethod
    def parse(cls, call: OptionCall) -> None:
        """``CLASSIFY_parse``: ``sscanf("%x:%x")``."""
        option_parse(call)
        found = _CLASS.match(call.arg)
        if found is None:
            call.fail(f'Bad class value "{call.arg}"')
        call.values.data["class"] = (int(found[1], 16) & 0xFFFF, int(found[2], 16) & 0xFFFF)

    @classmethod
    def build(cls, values: Values) -> Self:
        """What the option has written."""
        found = values.data["class"]
        assert isinstance(found, tuple)  # noqa: S101 - parse wrote it
        return cls(found[0], found[1])

    def compile(self, netns: Netns, hook: int, table: str) -> TargetFn:
        """``classify_tg``."""
        return lambda _skb, _netns, _iif, _oif: XT_CONTINUE

    def save(self) -> str:
        """``CLASSIFY_save``."""
        return f"--set-class {self.major:04x}:{self.minor:04x}"

    def listing(self, names: Names | None) -> str:
        """``CLASSIFY_print``."""
        return f"CLASSIFY set {self.major:x}:{self.minor:x}"
