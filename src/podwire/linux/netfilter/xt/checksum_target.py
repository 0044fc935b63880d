"""``-j CHECKSUM``: computes what the device would have computed (net/netfilter/xt_CHECKSUM.c; extensions/libxt_CHECKSUM.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from podwire.linux.netfilter.xt.base import XT_CONTINUE, Target, TargetFn
from podwire.linux.netfilter.xt.options import Names, Option

if TYPE_CHECKING:
    from podwire.linux.netns import Netns


class ChecksumTarget(Target, frozen=True, gc=False):
    """``--checksum-fill``. Devices here offload nothing: what is to be sent has its checksum, and what came in keeps the one it has."""

    NAME: ClassVar[str] = "CHECKSUM"
    TABLE: ClassVar[str] = "mangle"
    OPTIONS: ClassVar[tuple[Option, ...]] = (Option("checksum-fill", mandatory=True),)

    def compile(self, netns: Netns, hook: int, table: str) -> TargetFn:
        """``checksum_tg``: only packets in CHECKSUM_PARTIAL."""
        return lambda _skb, _netns, _iif, _oif: XT_CONTINUE

    def save(self) -> str:
        """``CHECKSUM_save``."""
        return "--checksum-fill"

    def listing(self, names: Names | None) -> str:
        """``CHECKSUM_print``."""
        return "CHECKSUM fill"
