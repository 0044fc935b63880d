"""What the trace is told of connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.conntrack.entry import IP_CT_IS_REPLY, IP_CT_UNTRACKED, Connection
from podwire.linux.netfilter.conntrack.tuple import shown
from podwire.trace.events import ByLink, BySysctl, Conntrack, Dropped
from podwire.trace.log import Record
from podwire.trace.reasons import DropReason

if TYPE_CHECKING:
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

STATES: Final = ("ESTABLISHED", "RELATED", "NEW", "ESTABLISHED", "RELATED", "INVALID", "INVALID", "UNTRACKED")
"""By ``skb.ctinfo``, of a packet with a connection."""


def state_of(skb: Skb) -> str:
    """``ctstate``: NEW, ESTABLISHED, RELATED, INVALID or UNTRACKED."""
    if skb.ct is not None:
        return STATES[skb.ctinfo]
    return "UNTRACKED" if skb.ctinfo == IP_CT_UNTRACKED else "INVALID"


def event_in(skb: Skb, netns: Netns) -> None:
    """The same of a packet that was looked up: what is said of a connection in one state is said again for its next packet."""
    ct = skb.ct
    if ct is None:
        event(skb, netns, "in")
        return
    ctinfo = skb.ctinfo
    told = ct.told[ctinfo]
    if told is None:
        told = Conntrack(STATES[ctinfo], "in", ctinfo >= IP_CT_IS_REPLY, shown(ct.orig), shown(ct.reply))
        ct.told[ctinfo] = told
    machine = netns.machine
    machine.log.write(Record(machine.world.now, machine.name, netns.label, skb.id, told))


def event(skb: Skb, netns: Netns, what: str) -> None:
    """Log what connection tracking made of the packet."""
    ct = skb.ct
    if ct is None:
        netns.emit(skb.id, Conntrack(state_of(skb), what))
    else:
        netns.emit(
            skb.id,
            Conntrack(STATES[skb.ctinfo], what, skb.ctinfo >= IP_CT_IS_REPLY, shown(ct.orig), shown(ct.reply)),
        )


def clash_dropped(skb: Skb, netns: Netns, loser: Connection, other: Connection | None) -> None:
    """The packet's connection cannot stand: another one does, or it was deleted while the packet was on its way."""
    if not netns.machine.log.on:
        return
    event(skb, netns, "clash")
    dev = skb.dev.name if skb.dev is not None else ""
    if other is None:
        by = ByLink(dev, "conntrack: the connection was deleted")
    else:
        reply = shown(other.reply)
        taken = f"{reply.src}:{reply.sport} > {reply.dst}:{reply.dport}"
        by = ByLink(dev, "conntrack insert_failed: replies belong to another connection", taken)
    netns.emit(skb.id, Dropped("nf_hook_slow", DropReason.NETFILTER_DROP, by, dev))


def table_full(skb: Skb, netns: Netns) -> None:
    """``nf_conntrack: table full, dropping packet``."""
    if netns.machine.log.on:
        key = "nf_conntrack_max"
        by = BySysctl(f"net.netfilter.{key}", netns.conntrack.setting(key))
        dev = skb.dev.name if skb.dev is not None else ""
        netns.emit(skb.id, Dropped("nf_hook_slow", DropReason.NETFILTER_DROP, by, dev))


def not_reopened(skb: Skb, netns: Netns) -> None:
    """A SYN for a connection that is being deleted."""
    if netns.machine.log.on:
        dev = skb.dev.name if skb.dev is not None else ""
        by = ByLink(dev, "conntrack: the connection was deleted")
        netns.emit(skb.id, Dropped("nf_hook_slow", DropReason.NETFILTER_DROP, by, dev))
