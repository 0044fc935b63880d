"""What every protocol does with a packet of its connection: put its end off and count it (``__nf_ct_refresh_acct``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.conntrack.entry import IP_CT_IS_REPLY, IPS_CONFIRMED, IPS_FIXED_TIMEOUT, Connection

if TYPE_CHECKING:
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

INVALID: Final = -1
"""``-NF_ACCEPT``: the packet passes, and belongs to no connection."""
REPEAT: Final = -4
"""``-NF_REPEAT``: its connection is gone, look again."""


def nf_ct_refresh_acct(ct: Connection, ctinfo: int, skb: Skb, span: int, netns: Netns) -> None:
    """``nf_ct_refresh_acct``: the connection ends ``span`` ns from now; before it is confirmed the span is kept."""
    status = ct.status
    if not status & IPS_FIXED_TIMEOUT:
        ct.timeout = span + netns.machine.world.now if status & IPS_CONFIRMED else span
    if ct.acct:
        account(ct, ctinfo, skb)


def account(ct: Connection, ctinfo: int, skb: Skb) -> None:
    """``nf_ct_acct_update``."""
    if ct.acct:
        direction = ctinfo >= IP_CT_IS_REPLY
        ct.packets[direction] += 1
        ct.octets[direction] += skb.len
