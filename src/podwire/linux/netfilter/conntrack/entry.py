"""A tracked connection: ``struct nf_conn``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from podwire.trace.events import Flow

if TYPE_CHECKING:
    from podwire.trace.events import ByRule

IP_CT_ESTABLISHED: Final = 0
IP_CT_RELATED: Final = 1
IP_CT_NEW: Final = 2
IP_CT_ESTABLISHED_REPLY: Final = 3
IP_CT_RELATED_REPLY: Final = 4
IP_CT_UNTRACKED: Final = 7
"""``skb.ctinfo``; a packet without ``skb.ct`` and with another value is INVALID for ``ctstate``."""

IPS_EXPECTED: Final = 1 << 0
IPS_SEEN_REPLY: Final = 1 << 1
IPS_ASSURED: Final = 1 << 2
IPS_CONFIRMED: Final = 1 << 3
IPS_SRC_NAT: Final = 1 << 4
IPS_DST_NAT: Final = 1 << 5
IPS_SEQ_ADJUST: Final = 1 << 6
IPS_SRC_NAT_DONE: Final = 1 << 7
IPS_DST_NAT_DONE: Final = 1 << 8
IPS_DYING: Final = 1 << 9
IPS_FIXED_TIMEOUT: Final = 1 << 10
IPS_NAT_MASK: Final = IPS_SRC_NAT | IPS_DST_NAT
IPS_NAT_DONE_MASK: Final = IPS_SRC_NAT_DONE | IPS_DST_NAT_DONE


class Connection:
    """One connection. ``orig`` is how it began, ``reply`` how its answers come (NAT changes that one).

    ``timeout`` is the virtual time (ns) at which it ends, before it is confirmed the span. ``packets`` and ``octets`` count
    original and reply direction (nf_conntrack_acct). ``proto`` is what the protocol's tracker keeps (TCP's windows and state).
    """

    __slots__ = (
        "id",
        "mark",
        "masq_index",
        "master",
        "nat_by",
        "octets",
        "orig",
        "packets",
        "proto",
        "reply",
        "status",
        "timeout",
        "zone",
    )

    def __init__(self, number: int, orig: Flow, reply: Flow, zone: int = 0) -> None:
        self.id = number
        self.orig = orig
        self.reply = reply
        self.zone = zone
        self.status = 0
        self.mark = 0
        self.timeout = 0
        self.packets = [0, 0]
        self.octets = [0, 0]
        self.proto: Any = None
        self.master: Connection | None = None
        """The connection that an expected one belongs to; no helper makes any here."""
        self.masq_index = 0
        """The device by which MASQUERADE sent it: when its address goes, so does the connection."""
        self.nat_by: ByRule | None = None
        """The rule that asked for the translation."""
