"""The five places at which IPv4 packets can be looked at, changed and dropped (net/netfilter/core.c; kernel sheet section 6).

```
                 PRE_ROUTING -> route -> FORWARD -> POST_ROUTING
                                  |                      ^
                              LOCAL_IN               LOCAL_OUT <- route
```
"""

from __future__ import annotations

from collections.abc import Callable
from errno import EPERM
from typing import TYPE_CHECKING, Final, NamedTuple

from podwire.linux.netfilter.walk import FIRST, WALKS, Walk, WalkFn, begin_walk
from podwire.trace.log import Record

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb
    from podwire.wire.headers import IPv4

NF_INET_PRE_ROUTING: Final = 0
NF_INET_LOCAL_IN: Final = 1
NF_INET_FORWARD: Final = 2
NF_INET_LOCAL_OUT: Final = 3
NF_INET_POST_ROUTING: Final = 4
HOOK_NAMES: Final = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")

NF_DROP: Final = 0
NF_ACCEPT: Final = 1
NF_STOLEN: Final = 2
NF_QUEUE: Final = 3
"""A program decides. None listens here, and the packet is gone."""

NF_IP_PRI_CONNTRACK_DEFRAG: Final = -400
NF_IP_PRI_RAW: Final = -300
NF_IP_PRI_CONNTRACK: Final = -200
NF_IP_PRI_MANGLE: Final = -150
NF_IP_PRI_NAT_DST: Final = -100
NF_IP_PRI_FILTER: Final = 0
NF_IP_PRI_SECURITY: Final = 50
NF_IP_PRI_NAT_SRC: Final = 100
NF_IP_PRI_CONNTRACK_HELPER: Final = 300
NF_IP_PRI_CONNTRACK_CONFIRM: Final = (1 << 31) - 1

HookFn = Callable[["Skb", "Netns", "Link | None", "Link | None"], int]
"""``nf_hookfn``: the packet, the namespace, by which device it came and by which it goes.

NF_ACCEPT, NF_DROP, NF_STOLEN, or a negative errno: dropped, and that is what the sender hears (``NF_DROP_ERR``).
"""
Finder = Callable[[HookFn, HookFn], HookFn]
"""From what runs every function of a hook, and what runs those behind the one that finds a packet's connection (both as ``nf_hook``), one
for all packets: fragments it hands to the first; of others it finds the connection, and hands them to the second.
"""


class Entry(NamedTuple):
    """A function at a hook.

    ``again`` does the same and tells a walk what the next packet of the flow will meet; ``finder`` belongs to the function that finds a
    packet's connection; ``pieces``: it does nothing for any packet but a fragment.
    """

    priority: int
    fn: HookFn
    again: WalkFn | None = None
    finder: Finder | None = None
    pieces: bool = False


class NfHooks:
    """What is registered at the hooks of a namespace (``nf_hook_entries``)."""

    __slots__ = ("_netns", "_registered")

    def __init__(self, netns: Netns) -> None:
        self._netns = netns
        self._registered: tuple[list[Entry], ...] = ([], [], [], [], [])

    def register(
        self,
        hook: int,
        priority: int,
        fn: HookFn,
        again: WalkFn | None = None,
        finder: Finder | None = None,
        *,
        pieces: bool = False,
    ) -> None:
        """``nf_register_net_hook``: lower priorities run first; of equal ones that which came last (F200)."""
        entries = self._registered[hook]
        place = next((n for n, other in enumerate(entries) if other.priority >= priority), len(entries))
        entries.insert(place, Entry(priority, fn, again, finder, pieces))
        self._publish(hook)

    def unregister(self, hook: int, fn: HookFn) -> None:
        """``nf_unregister_net_hook``."""
        entries = self._registered[hook]
        entries[:] = [entry for entry in entries if entry.fn is not fn]
        self._publish(hook)

    def replace(self, hook: int, old: HookFn, new: HookFn, again: WalkFn | None = None) -> None:
        """Exchange a function in its place: the same hook with other content."""
        entries = self._registered[hook]
        entries[:] = [Entry(one.priority, new, again) if one.fn is old else one for one in entries]
        self._publish(hook)

    def priorities(self, hook: int) -> list[int]:
        """Who is there, in order."""
        return [entry.priority for entry in self._registered[hook]]

    def _publish(self, hook: int) -> None:
        entries = self._registered[hook]
        netns = self._netns
        netns.hooks[hook] = tuple(entry.fn for entry in entries)
        netns.at_hook[hook] = _in_one(entries, hook) if entries else None
        # Walks that were noted went past other functions.
        netns.generation += 1


def _in_one(entries: list[Entry], hook: int) -> HookFn:
    """``nf_hook`` of these functions as one, which does for a packet what they would do one after the other."""
    place = next((n for n, entry in enumerate(entries) if entry.finder is not None), None)
    if place is None:
        return _behind(entries, hook)
    finder = entries[place].finder
    assert finder is not None  # noqa: S101 - it was looked for
    before = tuple(entry.fn for entry in entries[:place] if not entry.pieces)
    at_hook = finder(_each(entries), _behind(entries[place + 1 :], hook))
    if not before:
        return at_hook
    every = _each(entries)

    def whole(skb: Skb, netns: Netns, iif: Link | None, oif: Link | None) -> int:
        ip: IPv4 = skb.packet.layers[0]  # type: ignore[assignment]
        if ip.mf or ip.frag:
            return every(skb, netns, iif, oif)
        verdict = nf_hook(before, skb, netns, iif, oif)
        return at_hook(skb, netns, iif, oif) if verdict == 1 else verdict

    return whole


def _each(entries: list[Entry]) -> HookFn:
    """One after the other."""
    functions = tuple(entry.fn for entry in entries)
    return lambda skb, netns, iif, oif: nf_hook(functions, skb, netns, iif, oif)


_PENDING: Final = 4096
"""So many walks may wait to be counted."""


def pending(netns: Netns, walk: Walk) -> None:
    """Packets go a noted way again from now on: its rules are told when somebody asks."""
    waiting = netns.xtables.pending.walks
    waiting.append(walk)
    if len(waiting) > _PENDING:
        netns.xtables.pending.settle()
        netns.xtables.pending.walks.append(walk)


def _behind(entries: list[Entry], hook: int) -> HookFn:
    """The functions behind the one that finds the connection: a packet whose flow has passed them goes the way that was noted."""
    functions = tuple(entry.fn for entry in entries)
    if not functions:
        return lambda _skb, _netns, _iif, _oif: 1
    again = tuple(entry.again for entry in entries if entry.again is not None)
    if len(again) < len(functions):
        return _each(entries)
    first = hook * WALKS

    def known(skb: Skb, netns: Netns, iif: Link | None, oif: Link | None) -> int:
        ct = skb.ct
        if ct is not None:
            walk = ct.walks[first + skb.ctinfo]
            if walk is None:
                # Most connections have no more packets in that state.
                ct.walks[first + skb.ctinfo] = FIRST
            elif (
                walk.generation != netns.generation
                or walk.mark != skb.mark
                or walk.iif is not iif
                or walk.oif is not oif
                or skb.nf_trace
            ):
                return _note(functions, again, first + skb.ctinfo, skb, netns, iif, oif)
            elif (way := walk.way) == 1:
                return 1
            elif way:
                if not walk.packets:
                    pending(netns, walk)
                walk.packets += 1
                walk.octets += skb.len
                if walk.events:
                    skb.mark = walk.after
                    machine = netns.machine
                    if (sink := machine.log.sink) is not None:
                        now, name, label, number = machine.world.now, machine.name, netns.label, skb.id
                        for event in walk.events:
                            sink(Record(now, name, label, number, event))
                return 1
        for fn in functions:
            verdict = fn(skb, netns, iif, oif)
            if verdict != NF_ACCEPT:
                return -EPERM if verdict == NF_DROP else min(verdict, 0)
        return 1

    return known


def _note(
    functions: tuple[HookFn, ...],
    again: tuple[WalkFn, ...],
    key: int,
    skb: Skb,
    netns: Netns,
    iif: Link | None,
    oif: Link | None,
) -> int:
    """Literally, and what the packet meets is noted for those that follow."""
    ct = skb.ct
    walk = begin_walk(skb, netns, iif, oif)
    if ct is None or walk is None:
        return nf_hook(functions, skb, netns, iif, oif)
    generation = netns.generation
    for fn in again:
        verdict = fn(skb, netns, iif, oif, walk)
        if verdict != NF_ACCEPT:
            return -EPERM if verdict == NF_DROP else min(verdict, 0)
    walk.generation, walk.after = generation, skb.mark
    walk.way = 0 if not walk.good else 2 if walk.counting or walk.after != walk.mark else 1
    ct.walks[key] = walk
    return 1


def nf_hook(
    functions: tuple[HookFn, ...], skb: Skb, netns: Netns, iif: Link | None = None, oif: Link | None = None
) -> int:
    """``nf_hook_slow``: 1 where the packet goes on, 0 where somebody keeps it, a negative errno where it was dropped (-EPERM)."""
    for fn in functions:
        verdict = fn(skb, netns, iif, oif)
        if verdict != NF_ACCEPT:
            return -EPERM if verdict == NF_DROP else min(verdict, 0)
    return 1
