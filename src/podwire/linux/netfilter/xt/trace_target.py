"""``-j TRACE``: the packet's way through the rules is told from here on (net/netfilter/xt_TRACE.c, nft's ``meta nftrace set 1``)."""

from __future__ import annotations

from errno import EINVAL
from typing import TYPE_CHECKING, ClassVar

from podwire.linux.netfilter.xt.base import XT_CONTINUE, Target, TargetFn, XtCheckError

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netfilter.tables import RuleSpec
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb


class TraceTarget(Target, frozen=True, gc=False):
    """It has no options. iptables-nft takes it in every table, for it becomes an expression of nft's own."""

    NAME: ClassVar[str] = "TRACE"

    def check_legacy(self, table: str, spec: RuleSpec) -> None:
        """``trace_tg_reg.table``."""
        if table != "raw":
            raise XtCheckError(EINVAL, f"x_tables: ip_tables: TRACE target: only valid in raw table, not {table}")

    def compile(self, netns: Netns, hook: int, table: str) -> TargetFn:
        """``trace_tg``."""

        def trace_tg(skb: Skb, _netns: Netns, _iif: Link | None, _oif: Link | None) -> int:
            skb.nf_trace = True
            return XT_CONTINUE

        return trace_tg
