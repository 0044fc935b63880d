"""What the tables of deaths share: a cause, and remedies that several of them name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

ANY: Final = "*"
ARP: Final = "arp"
"""Stands for the reason where an ARP message was taken and not answered; the note is that of ``Delivered``."""


class Cause(NamedTuple):
    """Why, and what would let the packet pass: two clauses with fields in braces."""

    why: str
    remedy: str


Table = Mapping[tuple[str, type | None, str], Cause]
"""By reason, the type of what decided, and a note that tells further."""

ROUTE_ADD: Final = (
    "it passes after `ip route add {dst} via GATEWAY` on {here}, GATEWAY being a neighbour that knows the way"
)
SET_0: Final = "it passes after `sysctl -w {key}=0` on {here}"
SET_1: Final = "it passes after `sysctl -w {key}=1` on {here}"
RP_OFF: Final = SET_0 + " (the larger of conf.all and conf.{dev} counts)"
PUT_BACK: Final = (
    "it passes after `ip link set dev {down} up` on {here}, and a route where the kernel does not put it back: "
    "`ip route add {wanted} via GATEWAY`"
)
