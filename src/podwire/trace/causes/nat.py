"""Why address translation killed it (kernel sheet, facts F129, F182, F195)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from podwire.trace.causes.cause import SET_1, Cause, Table
from podwire.trace.events import ByLink, ByRule, BySysctl
from podwire.trace.reasons import DropReason as D

NAT: Final[Table] = MappingProxyType(
    {
        (D.NETFILTER_DROP, None, "redirect"): Cause(
            "its connection may be translated, and a redirect would lead around that",
            "it passes once the first packet of the connection has gone its way",
        ),
        (D.NETFILTER_DROP, ByRule, "redirect"): Cause(
            "it would lead around the translation that {by} asked for",
            "it passes after `iptables -t {table} -D {chain} {number}` on {here}, and need not, for {here} passes the flow on",
        ),
        (D.NETFILTER_DROP, ByLink, "no address"): Cause(
            "{link} has no address to put into it", "it passes after `ip addr add ADDRESS dev {link}` on {here}"
        ),
        (D.NETFILTER_DROP, ByLink, "masqueraded by"): Cause(
            "its connection has an address of {value}, and now it leaves by {link}",
            "it passes when it is sent again: its connection begins anew",
        ),
        (D.NETFILTER_DROP, BySysctl, "0"): Cause(
            "{here} made {dst} its destination and routed it again, and nothing leaves from {src} while {by}", SET_1
        ),
    }
)
