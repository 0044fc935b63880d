"""A connection takes its place in the table, or meets another one there (``__nf_conntrack_confirm``, ``nf_ct_resolve_clash``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.conntrack.ecache import (
    IPCT_NEW,
    IPCT_RELATED,
    nf_conntrack_event_cache,
    nf_ct_deliver_cached_events,
)
from podwire.linux.netfilter.conntrack.entry import (
    IP_CT_IS_REPLY,
    IPS_CONFIRMED,
    IPS_DYING,
    IPS_FIXED_TIMEOUT,
    IPS_NAT_CLASH,
    Connection,
)
from podwire.linux.netfilter.conntrack.report import clash_dropped, event
from podwire.linux.netfilter.conntrack.settings import NSEC
from podwire.linux.netfilter.conntrack.tuple import ALLOW_CLASH, Tuple5
from podwire.linux.netfilter.hooks import NF_ACCEPT, NF_DROP

if TYPE_CHECKING:
    from podwire.linux.netfilter.conntrack.table import Conntrack, Hash
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb
    from podwire.trace.events import Flow

_CLASH_SPAN: Final = NSEC


def nf_conntrack_confirm(skb: Skb, netns: Netns) -> int:
    """``nf_conntrack_confirm``: the packet made it through; NF_DROP where its connection clashes (``Dropped`` is logged)."""
    ct = skb.ct
    if ct is None:
        return NF_ACCEPT
    if not ct.status & IPS_CONFIRMED:
        if skb.ctinfo >= IP_CT_IS_REPLY:
            # What REJECT, or icmp_send, attached to a connection that has not come to stand here.
            return NF_ACCEPT
        race, netns.machine.race = netns.machine.race, None
        if race is not None:
            netns.machine.on_another_cpu(race)
        if __nf_conntrack_confirm(skb, ct, netns) != NF_ACCEPT:
            return NF_DROP
        ct = skb.ct
    if ct is not None and ct.ecache:
        nf_ct_deliver_cached_events(ct)
    return NF_ACCEPT


def __nf_conntrack_confirm(skb: Skb, ct: Connection, netns: Netns) -> int:
    table = netns.conntrack
    if ct.status & IPS_DYING:
        table.count_stat("insert_failed")
        clash_dropped(skb, netns, ct, None)
        return NF_DROP
    now = netns.machine.world.now
    if ct.zone or table.zoned or ct.orig in table.hash or ct.reply in table.hash:
        other = clashing(table, ct, ct.orig) or clashing(table, ct, ct.reply)
        if other is not None:
            return nf_ct_resolve_clash(skb, ct, other, netns)
    # The span counts from now on, not from when it was set.
    ct.timeout += now
    _insert_prepare(table, ct, now)
    table.insert(ct)
    ct.status |= IPS_CONFIRMED
    if ct.ecache is not None:
        nf_conntrack_event_cache(ct, IPCT_RELATED if ct.master is not None else IPCT_NEW)
    if netns.machine.log.on:
        event(skb, netns, "confirmed")
    return NF_ACCEPT


def _insert_prepare(table: Conntrack, ct: Connection, now: int) -> None:
    if table.timeouts.timestamp:
        ct.start = now


def clashing(table: Conntrack, ct: Connection, flow: Tuple5) -> Hash | None:
    """Who stands where the connection's tuple would (``nf_ct_key_equal``)."""
    return table.find(flow, ct.zone, ct.zone_dir)


def nf_ct_resolve_clash(skb: Skb, loser: Connection, other: Hash, netns: Netns) -> int:
    """``nf_ct_resolve_clash``: UDP may join the one that stands there, or stand by its replies alone; else the packet goes."""
    table = netns.conntrack
    if other[0].orig.proto in ALLOW_CLASH:
        if _resolve_clash(skb, loser, other[0], table):
            return NF_ACCEPT
        if _resolve_clash_harder(skb, loser, table):
            return NF_ACCEPT
    table.count_stat("drop")
    table.count_stat("insert_failed")
    clash_dropped(skb, netns, loser, other[0])
    return NF_DROP


def _resolve_clash(skb: Skb, loser: Connection, ct: Connection, table: Conntrack) -> bool:
    """``__nf_ct_resolve_clash``: both say the same, or the same from the other side: the packet changes over."""
    if not (_match(ct, loser) or _match_reverse(ct, loser)):
        return False
    if ct.acct and loser.acct:
        direction = skb.ctinfo >= IP_CT_IS_REPLY
        ct.packets[direction] += 1
        ct.octets[direction] += loser.octets[direction]
    skb.ct = ct
    table.count_stat("clash_resolve")
    return True


def _match(ct: Connection, other: Connection) -> bool:
    """``nf_ct_match``."""
    return ct.orig == other.orig and ct.reply == other.reply and (ct.zone, ct.zone_dir) == (other.zone, other.zone_dir)


def _match_reverse(ct: Connection, other: Connection) -> bool:
    """``nf_ct_match_reverse``."""
    return (
        ct.orig == other.reply
        and ct.reply == other.orig
        and ct.zone_id(0) == other.zone_id(1)
        and ct.zone_id(1) == other.zone_id(0)
    )


def _resolve_clash_harder(skb: Skb, loser: Connection, table: Conntrack) -> bool:
    """``nf_ct_resolve_clash_harder``: where only the original tuple is taken it stands for a second, to be found by its replies."""
    taken = clashing(table, loser, loser.reply)
    if taken is not None:
        return _resolve_clash(skb, loser, taken[0], table)
    now = table.netns.machine.world.now
    loser.timeout = now + _CLASH_SPAN
    loser.status |= IPS_FIXED_TIMEOUT | IPS_NAT_CLASH
    _insert_prepare(table, loser, now)
    table.insert(loser, original=False)
    loser.status |= IPS_CONFIRMED
    table.count_stat("clash_resolve")
    return True


def nf_conntrack_tuple_taken(flow: Tuple5, ignored: Connection) -> bool:
    """``nf_conntrack_tuple_taken``: does another connection have that tuple (of replies) already? NAT asks before it chooses."""
    assert ignored.net is not None  # noqa: S101 - a connection of a packet has one
    table = ignored.net.conntrack
    found = table.find_reply(flow, ignored.zone, ignored.zone_dir)
    if found is None or found[0] is ignored:
        return False
    ct = found[0]
    if ct.orig == ignored.orig and ct.zone_id(0) == ignored.zone_id(0):
        # The same flow twice, not yet confirmed: confirming will settle it.
        return False
    table.count_stat("found")
    return True


def nf_conntrack_alter_reply(ct: Connection, reply: Flow) -> None:
    """``nf_conntrack_alter_reply``: NAT says how the answers will come. Only before it is confirmed."""
    assert not ct.status & IPS_CONFIRMED  # noqa: S101 - it would stand under another tuple than it says
    ct.reply = reply
    ct.told = [None] * 8
