"""Why a rule or connection tracking killed it (kernel sheet, sections 5 and 6; fact F164)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from podwire.trace.causes.cause import Cause, Table
from podwire.trace.events import ByLink, ByRoute, ByRule, BySysctl
from podwire.trace.reasons import DropReason as D

_DELETE: Final = "`{iptables} -t {table} -D {chain} {number}` on {here}"
_WITHOUT: Final = f"it passes after {_DELETE}"
_AGAIN: Final = "it passes when it is sent again: that begins a new connection"

NETFILTER: Final[Table] = MappingProxyType(
    {
        (D.NETFILTER_DROP, None, ""): Cause(
            "a netfilter rule discards it",
            "it passes when that rule is gone, so look at the counters of `iptables -vnL`",
        ),
        (D.NETFILTER_DROP, ByRule, ""): Cause("it matches {by}", _WITHOUT),
        (D.NETFILTER_DROP, ByRule, "owned"): Cause(
            "it matches {by}",
            f"it passes when {{owned}} allows it, or after {_DELETE} until {{writer}} writes the rule again",
        ),
        (D.NETFILTER_DROP, ByRule, "policy"): Cause(
            "no rule accepts it and {by} is to drop",
            "it passes after `{iptables} -t {table} -P {chain} ACCEPT` on {here}",
        ),
        (D.NETFILTER_DROP, ByRule, "invalid"): Cause(
            "connection tracking of {here} finds no connection that it may belong to (INVALID), and it matches {by}",
            _WITHOUT + ", or when both directions pass {here}",
        ),
        (D.NETFILTER_DROP, ByRule, "tproxy"): Cause(
            "no transparent socket of {here} listens where {by} sends it",
            _WITHOUT + ", or when a program with IP_TRANSPARENT listens there",
        ),
        (D.NETFILTER_DROP, ByRule, "hotdrop"): Cause(
            "a match in {chain} of table {table} finds its header cut off or damaged",
            "it passes with a whole header in its first fragment",
        ),
        (D.NOT_SPECIFIED, ByRule, ""): Cause(
            "no program of {here} listens to the queue of {by}",
            "it passes when one does, when the rule has `--queue-bypass`, or after " + _DELETE,
        ),
        (D.NETFILTER_DROP, ByRoute, ""): Cause(
            "rules of OUTPUT changed it, and it was routed again: {by}",
            "it passes after `ip route replace {prefix}{table_arg} via GATEWAY` on {here}",
        ),
        (D.NETFILTER_DROP, BySysctl, ""): Cause(
            "the connection table is full: {by}", "it passes after `sysctl -w {key}={double}` on {machine}"
        ),
        (D.NETFILTER_DROP, ByLink, "conntrack: the connection was deleted"): Cause(
            "its connection was deleted while it was under way", _AGAIN
        ),
        (D.NETFILTER_DROP, ByLink, "conntrack insert_failed: replies belong to another connection"): Cause(
            "answers to it would be taken for those of another connection ({value}), which came first (insert_failed)",
            "it passes from another port, or once that connection is over: `conntrack -L` on {here}",
        ),
    }
)
