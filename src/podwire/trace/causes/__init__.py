"""The table of deaths: from (reason, type of what decided, note) to why it happened and what would let the packet pass.

``why`` is a clause, ``remedy`` another; ``trace.fate`` fills in the names (``trace.fields``) and makes one sentence of them. Facts:
the kernel sheet, sections 1.5 (neighbours), 1.6 (proxy ARP), 1.8 (missing routes), 5.1 (source validation), 5.4 (rate limits);
include/net/dropreason-core.h.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from podwire.trace.causes import (
    arp,
    fabric,
    links,
    nat,
    netfilter,
    policies,
    programs,
    routing,
    services,
    tunnels,
    upper,
)
from podwire.trace.causes.cause import ANY, ARP, Cause, Table
from podwire.trace.events import By, ByFabric, ByLink, ByReversePath, ByRoute, ByRule, BySysctl
from podwire.trace.reasons import DropReason as D

__all__ = ["ANY", "ARP", "CAUSES", "Cause", "find"]

CAUSES: Final[Table] = MappingProxyType(
    {
        **routing.ROUTING,
        **links.LINKS,
        **tunnels.TUNNELS,
        **upper.UPPER,
        **netfilter.NETFILTER,
        **nat.NAT,
        **services.SERVICES,
        **policies.POLICIES,
        **fabric.FABRIC,
        **programs.PROGRAMS,
        **arp.ARP_SILENCE,
    }
)


def find(reason: str, by: By | None, note: str) -> Cause:
    """The row that fits best: first by what decided and its variant, then by the note alone, at last by the reason alone."""
    variants = dict.fromkeys((f"{_variant(by)} {note}".strip(), note, _variant(by), ""))
    anyhow = [(ANY, type(by))] if reason != ARP else []
    for row, kind in [(reason, type(by)), *anyhow, (reason, None)]:
        for variant in variants:
            cause = CAUSES.get((row, kind, variant))
            if cause is not None:
                return cause
    return CAUSES[(D.NOT_SPECIFIED, None, "")]


def _variant(by: By | None) -> str:
    match by:
        case BySysctl():
            return str(by.value)
        case ByReversePath():
            lacks = (
                "no-route" if by.back.type == "none" else "no-address" if by.value > 1 and not by.has_address else ""
            )
            return f"{by.value} {lacks}".strip()
        case ByRoute():
            return "none down" if by.type == "none" and by.flags else by.type
        case ByLink():
            return by.what
        case ByFabric():
            return by.kind or by.name.replace(" ", "-")
        case ByRule(number=0):
            return "hotdrop" if by.text == "hotdrop" else "policy"
        case ByRule() if by.owner.object:
            return "owned"
        case _:
            return ""
