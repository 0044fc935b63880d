"""Making room in the neighbour table: ``neigh_alloc``, ``neigh_forced_gc`` and ``neigh_periodic_work`` (net/core/neighbour.c; F17)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podwire.linux.neigh import TIMED, NeighbourTable, Nud

if TYPE_CHECKING:
    from podwire.linux.link import Link


def room(link: Link) -> bool:
    """``neigh_alloc``: above gc_thresh2 (at most every 5 s) and gc_thresh3 the table is searched for entries to give up."""
    netns = link.netns
    table = netns.neighbours
    if len(table) < min(netns.setting("gc_thresh2"), netns.setting("gc_thresh3")):
        return True
    machine = netns.machine
    now = machine.jiffies
    count = sum(entry.state is not Nud.PERMANENT for entry in table)
    if count < netns.setting("gc_thresh3") and (
        count < netns.setting("gc_thresh2") or now <= table.last_forced_gc + 5 * machine.hz
    ):
        return True
    return _forced_gc(table, count - netns.setting("gc_thresh2"), now, 5 * machine.hz) or count < netns.setting(
        "gc_thresh3"
    )


def _forced_gc(table: NeighbourTable, wanted: int, now: int, age: int) -> bool:
    """``neigh_forced_gc``: entries without a timer that failed, need no ARP, or did not change for 5 s, oldest first."""
    gone = 0
    for entry in table:
        if entry.state is Nud.PERMANENT or entry.timer is not None:
            continue
        if entry.state in {Nud.FAILED, Nud.NOARP} or now - entry.updated > age:
            table.remove(entry)
            gone += 1
            if gone >= wanted:
                break
    table.last_forced_gc = now
    return gone > 0


def arm_gc(link: Link) -> None:
    """``neigh_periodic_work``: from gc_thresh1 on, entries that were not used for gc_stale_time go (F17: below it they stay)."""
    netns = link.netns
    table = netns.neighbours
    if table.gc_armed or len(table) < netns.setting("gc_thresh1"):
        return
    table.gc_armed = True
    machine = netns.machine

    def collect() -> None:
        table.gc_armed = False
        if len(table) < netns.setting("gc_thresh1"):
            return
        now = machine.jiffies
        for entry in table:
            if entry.state is Nud.PERMANENT or entry.state in TIMED:
                continue
            entry.used = max(entry.used, entry.confirmed)
            if entry.state is Nud.FAILED or now - entry.used >= entry.link.neigh.gc_stale_time * machine.hz:
                table.remove(entry)
        arm_gc(link)

    machine.add_timer(netns.neigh_default.base_reachable_time_ms * machine.hz // 2000, collect)
