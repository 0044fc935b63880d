"""The neighbour table and its automaton (NUD), written as a table.

``TRANSITIONS`` says which state follows on which cause; ``linux.path.neighbour`` decides *when* a cause holds
(timers, frames, packets to send). Anything that is not in the table is a bug and raises. Source: RFC 4861 section
7.3, net/core/neighbour.c, kernel sheet sections 1.2 to 1.7 and 9.
"""

from __future__ import annotations

from collections import deque
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from podwire.trace.events import KERNEL, ByNeighbour, Dropped, Owner
from podwire.trace.reasons import DropReason
from podwire.wire.addr import NO_MAC, Ip, Mac

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podwire.linux.link import Link
    from podwire.linux.machine import Timer
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb
    from podwire.wire.headers import Ethernet


class Nud(StrEnum):
    """Neighbour states as ``ip neigh`` prints them."""

    NONE = "NONE"
    INCOMPLETE = "INCOMPLETE"
    REACHABLE = "REACHABLE"
    STALE = "STALE"
    DELAY = "DELAY"
    PROBE = "PROBE"
    FAILED = "FAILED"
    NOARP = "NOARP"
    PERMANENT = "PERMANENT"


CONNECTED: Final = frozenset({Nud.PERMANENT, Nud.NOARP, Nud.REACHABLE})
VALID: Final = CONNECTED | {Nud.PROBE, Nud.STALE, Nud.DELAY}
FIXED: Final = frozenset({Nud.PERMANENT, Nud.NOARP})
TIMED: Final = frozenset({Nud.INCOMPLETE, Nud.REACHABLE, Nud.DELAY, Nud.PROBE})
"""NUD_IN_TIMER."""

# Causes. The words appear in NeighbourChanged events and are part of the trace format.
RESOLVE: Final = "resolve"
"""A packet is to be sent and there is no address: ask everybody."""
USED: Final = "used"
"""A packet was sent through an entry that nobody has confirmed lately."""
CONFIRMED: Final = "confirmed"
"""The delay ran out, and in the meantime an upper layer had made progress."""
UNCONFIRMED: Final = "unconfirmed"
"""The delay ran out without a confirmation: ask the neighbour itself."""
REACHABLE_TIME: Final = "reachable-time"
"""The confirmation is older than the drawn reachable time."""
IN_USE: Final = "in-use"
"""As before, but a packet was sent less than delay_first_probe_time ago."""
NO_ANSWER: Final = "no-answer"
"""All probes went unanswered."""
REPLY: Final = "reply"
"""An ARP reply to us."""
REQUEST: Final = "request"
"""An ARP request that we answer: it names its sender."""
GRATUITOUS: Final = "gratuitous"
"""A gratuitous ARP, or a broadcast about an entry that we have."""

_S = Nud
TRANSITIONS: Final = MappingProxyType(
    {
        (_S.NONE, RESOLVE): _S.INCOMPLETE,
        (_S.FAILED, RESOLVE): _S.INCOMPLETE,
        (_S.STALE, USED): _S.DELAY,
        (_S.DELAY, CONFIRMED): _S.REACHABLE,
        (_S.DELAY, UNCONFIRMED): _S.PROBE,
        (_S.REACHABLE, REACHABLE_TIME): _S.STALE,
        (_S.REACHABLE, IN_USE): _S.DELAY,
        # Without mcast_solicit there is nobody to ask.
        (_S.NONE, NO_ANSWER): _S.FAILED,
        (_S.FAILED, NO_ANSWER): _S.FAILED,
        (_S.INCOMPLETE, NO_ANSWER): _S.FAILED,
        (_S.PROBE, NO_ANSWER): _S.FAILED,
        (_S.NONE, REPLY): _S.REACHABLE,
        (_S.INCOMPLETE, REPLY): _S.REACHABLE,
        (_S.FAILED, REPLY): _S.REACHABLE,
        (_S.STALE, REPLY): _S.REACHABLE,
        (_S.DELAY, REPLY): _S.REACHABLE,
        (_S.PROBE, REPLY): _S.REACHABLE,
        (_S.REACHABLE, REPLY): _S.REACHABLE,
        # A request, or a broadcast that is not for us, only says that there is such an address: STALE.
        (_S.NONE, REQUEST): _S.STALE,
        (_S.INCOMPLETE, REQUEST): _S.STALE,
        (_S.FAILED, REQUEST): _S.STALE,
        (_S.STALE, REQUEST): _S.STALE,
        (_S.DELAY, REQUEST): _S.STALE,
        (_S.PROBE, REQUEST): _S.STALE,
        (_S.REACHABLE, REQUEST): _S.STALE,
        (_S.NONE, GRATUITOUS): _S.STALE,
        (_S.INCOMPLETE, GRATUITOUS): _S.STALE,
        (_S.FAILED, GRATUITOUS): _S.STALE,
        (_S.STALE, GRATUITOUS): _S.STALE,
        (_S.DELAY, GRATUITOUS): _S.STALE,
        (_S.PROBE, GRATUITOUS): _S.STALE,
        (_S.REACHABLE, GRATUITOUS): _S.STALE,
    }
)
"""(state, cause) -> next state.

Learning causes apply where the address is new or changed, or the entry had none: a request or a broadcast from a
neighbour whose address did not change leaves the state alone (F11).
"""


class Neighbour:
    """``struct neighbour``. Times are jiffies of the machine."""

    __slots__ = (
        "confirmed",
        "dead",
        "header",
        "ip",
        "link",
        "mac",
        "owner",
        "probes",
        "queue",
        "queue_bytes",
        "state",
        "timer",
        "trigger",
        "updated",
        "used",
    )

    def __init__(self, ip: Ip, link: Link, now: int) -> None:
        self.ip = ip
        self.link = link
        self.mac: Mac = NO_MAC
        self.header: Ethernet | None = None
        """``hh_cache``: the last header that was made for it; good while both addresses are those."""
        self.state = Nud.NONE
        self.dead = False
        """It has left the table: whoever remembered it looks for another."""
        # ___neigh_create: never, that is twice the base reachable time ago.
        self.confirmed = now - 2 * link.neigh.base_reachable_time_ms * link.netns.machine.hz // 1000
        self.updated = now
        self.used = now
        self.probes = 0
        self.queue: deque[Skb] = deque()
        """Packets that wait for the address, oldest first."""
        self.queue_bytes = 0
        self.timer: Timer | None = None
        self.trigger = 0
        """The packet whose use of the entry armed the timer: later probes are its consequence."""
        self.owner: Owner = KERNEL

    def __repr__(self) -> str:
        return f"<Neighbour {self.ip} dev {self.link.name} lladdr {self.mac} {self.state}>"


class NeighbourTable:
    """``arp_tbl`` of one namespace, and the proxy entries (``pneigh``)."""

    def __init__(self, netns: Netns) -> None:
        self.netns = netns
        self.entries: dict[tuple[Ip, Link], Neighbour] = {}
        """Read by the packet path; written here alone."""
        self.proxies: dict[tuple[Ip, Link | None], Owner] = {}
        self.proxy_queue: dict[Link, int] = {}
        """How many requests wait for a delayed proxy answer, per device (``parms->qlen``)."""
        self.last_forced_gc = 0
        self.gc_armed = False

    def __iter__(self) -> Iterator[Neighbour]:
        return iter(list(self.entries.values()))

    def __len__(self) -> int:
        return len(self.entries)

    def get(self, ip: Ip, link: Link) -> Neighbour | None:
        """``neigh_lookup``."""
        return self.entries.get((ip, link))

    def add(self, ip: Ip, link: Link, now: int) -> Neighbour:
        """A new entry in state NONE; ``now`` in jiffies."""
        entry = self.entries[(ip, link)] = Neighbour(ip, link, now)
        return entry

    def remove(self, entry: Neighbour) -> None:
        """Forget an entry and its timer; what waited in it is gone, and nobody is told (``neigh_flush_dev``)."""
        if entry.timer is not None:
            entry.timer.cancel()
            entry.timer = None
        self.entries.pop((entry.ip, entry.link), None)
        entry.dead = True
        if self.netns.machine.listeners:
            from podwire.linux.rtnl.notify import neigh_changed

            neigh_changed(entry, deleted=True)
        waiting = list(entry.queue)
        for skb in waiting:
            skb.uncharge()
        entry.queue.clear()
        entry.queue_bytes = 0
        if self.netns.machine.log.on:
            by = ByNeighbour(entry.ip, entry.link.name, entry.state, None, entry.owner)
            for skb in waiting:
                self.netns.emit(skb.id, Dropped("neigh_flush_dev", DropReason.NEIGH_DEAD, by, entry.link.name))

    def of(self, link: Link) -> list[Neighbour]:
        """The entries of a device."""
        return [entry for entry in self.entries.values() if entry.link is link]

    def is_proxied(self, ip: Ip, link: Link) -> bool:
        """``pneigh_lookup``: published with ``ip neigh add proxy``."""
        return (ip, link) in self.proxies or (ip, None) in self.proxies
