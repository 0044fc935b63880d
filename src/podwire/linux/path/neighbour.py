"""Neighbour unreachability detection: sending through an entry, its timers, and what a frame teaches (net/core/neighbour.c).

When a cause holds is decided here; which state follows is in ``linux.neigh.TRANSITIONS``. Kernel sheet sections 1.2 to 1.7 and 9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.neigh import (
    CONFIRMED,
    CONNECTED,
    FIXED,
    IN_USE,
    NO_ANSWER,
    REACHABLE_TIME,
    REPLY,
    REQUEST,
    RESOLVE,
    TRANSITIONS,
    UNCONFIRMED,
    USED,
    VALID,
    Neighbour,
    Nud,
)
from podwire.linux.path import arp
from podwire.trace.events import ByNeighbour, Dropped, NeighbourChanged, Waiting
from podwire.trace.reasons import DropReason
from podwire.wire.addr import NO_MAC, Ip, Mac

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.skb import Skb

_TIMED: Final = frozenset({Nud.INCOMPLETE, Nud.REACHABLE, Nud.DELAY, Nud.PROBE})
_SKB_OVERHEAD: Final = 576
"""sizeof(sk_buff) 256 rounded with skb_shared_info 320: SKB_TRUESIZE's constant part on x86-64."""


def truesize(skb: Skb) -> int:
    """``skb->truesize`` of a packet made by a socket: the data area in slab sizes plus the overhead (F30: 256 small packets fit 212992)."""
    # Head room for the link layer, then the shared info, then kmalloc's size classes.
    need = skb.packet.size + 16 + 64 + 320
    area = 512
    while area < need:
        area = area + area // 2 if area & (area - 1) == 0 and area >= 1024 else 1 << area.bit_length()
    return area + 256


def neigh_of(link: Link, ip: Ip) -> Neighbour:
    """``__neigh_lookup_errno``/``neigh_create``: the entry, made if need be with the state that ``arp_constructor`` gives.

    Multicast, broadcast and loopback need no resolution: NOARP.
    """
    table = link.netns.neighbours
    entry = table.get(ip, link)
    if entry is None:
        entry = table.add(ip, link, link.netns.machine.jiffies)
        if link.is_loopback or not link.arp:
            entry.state = Nud.NOARP
            entry.mac = link.mac
        _arm_gc(link)
    return entry


def _arm_gc(link: Link) -> None:
    """neigh_periodic_work: above gc_thresh1, entries that were not used for gc_stale_time go (F17: below it they stay)."""
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
            last = max(entry.used, entry.confirmed)
            stale = now - last > entry.link.neigh.gc_stale_time * machine.hz
            if entry.state not in FIXED and (entry.state is Nud.FAILED or (entry.state is Nud.STALE and stale)):
                table.remove(entry)
        _arm_gc(link)

    machine.add_timer(netns.neigh_default.base_reachable_time_ms * machine.hz // 2000, collect)


def _move(entry: Neighbour, cause: str, packet: int, *, state: Nud | None = None) -> None:
    """Follow the automaton, log the step."""
    old = entry.state
    new = TRANSITIONS[(old, cause)] if state is None else state
    if new is old and state is None and cause not in {REPLY}:
        return
    entry.state = new
    netns = entry.link.netns
    if new is not old and netns.machine.log.on:
        mac = entry.mac if new in VALID else None
        netns.emit(packet, NeighbourChanged(entry.link.name, entry.ip, old, new, mac, cause))


def _arm(entry: Neighbour, delay: int) -> None:
    if entry.timer is not None:
        entry.timer.cancel()
    entry.timer = entry.link.netns.machine.add_timer(delay, lambda: neigh_timer_handler(entry))


def _disarm(entry: Neighbour) -> None:
    if entry.timer is not None:
        entry.timer.cancel()
        entry.timer = None


def _jiffies(entry: Neighbour, milliseconds: int) -> int:
    # msecs_to_jiffies rounds up.
    return -(-milliseconds * entry.link.netns.machine.hz // 1000)


def _retrans(entry: Neighbour) -> int:
    hz = entry.link.netns.machine.hz
    return max(_jiffies(entry, entry.link.neigh.retrans_time_ms), hz // 100)


# -- sending ------------------------------------------------------------------------------------------------------


def neigh_output(entry: Neighbour, skb: Skb) -> None:
    """``neigh_output``: transmit now, or queue until the address is known (``neigh_resolve_output``)."""
    if skb.confirm:
        # dst_confirm_neigh: the transport made progress, so the next hop works.
        skb.confirm = False
        entry.confirmed = entry.link.netns.machine.jiffies
    if entry.state in CONNECTED or neigh_event_send(entry, skb):
        from podwire.linux.path.output import dev_hard_header_xmit

        dev_hard_header_xmit(entry.link, skb, entry.mac)


def neigh_event_send(entry: Neighbour, skb: Skb | None) -> bool:
    """``neigh_event_send``: True where the packet may leave at once; else it was queued (or dropped)."""
    machine = entry.link.netns.machine
    now = machine.jiffies
    entry.used = now
    state = entry.state
    if state in CONNECTED or state is Nud.DELAY or state is Nud.PROBE:
        return True
    packet = skb.id if skb is not None else 0
    probe_now = False
    if state is Nud.STALE:
        _move(entry, USED, packet)
        entry.updated = now
        entry.trigger = packet
        _arm(entry, entry.link.neigh.delay_first_probe_time * machine.hz)
        return True
    if state is not Nud.INCOMPLETE:
        parms = entry.link.neigh
        if parms.mcast_solicit + parms.app_solicit == 0:
            entry.state = Nud.FAILED
            entry.updated = now
            if skb is not None:
                _drop(entry, skb, DropReason.NEIGH_FAILED)
            return False
        entry.probes = parms.ucast_solicit
        entry.updated = now
        entry.trigger = packet
        _move(entry, RESOLVE, packet)
        _arm(entry, _retrans(entry))
        probe_now = True
    if skb is not None:
        _enqueue(entry, skb)
    if probe_now:
        _neigh_probe(entry)
    return False


def _enqueue(entry: Neighbour, skb: Skb) -> None:
    size = truesize(skb)
    while entry.queue and entry.queue_bytes + size > entry.link.neigh.unres_qlen_bytes:
        oldest = entry.queue.popleft()
        entry.queue_bytes -= truesize(oldest)
        _drop(entry, oldest, DropReason.NEIGH_QUEUEFULL)
    entry.queue.append(skb)
    entry.queue_bytes += size
    netns = entry.link.netns
    if netns.machine.log.on:
        netns.emit(skb.id, Waiting(entry.link.name, entry.ip))


def _drop(entry: Neighbour, skb: Skb, reason: DropReason) -> None:
    netns = entry.link.netns
    if netns.machine.log.on:
        by = ByNeighbour(
            entry.ip, entry.link.name, entry.state, None if entry.mac == NO_MAC else entry.mac, entry.owner
        )
        netns.emit(skb.id, Dropped("neigh_event_send", reason, by, entry.link.name))


def _neigh_probe(entry: Neighbour) -> None:
    """``neigh_probe``: the sender is chosen for the packet that was queued last."""
    arp.arp_solicit(entry, entry.queue[-1] if entry.queue else None)
    entry.probes += 1


# -- timers -------------------------------------------------------------------------------------------------------


def neigh_timer_handler(entry: Neighbour) -> None:
    """``neigh_timer_handler``: what the passing of time does to an entry."""
    machine = entry.link.netns.machine
    hz = machine.hz
    now = machine.jiffies
    parms = entry.link.neigh
    entry.timer = None
    if entry.state not in _TIMED:
        return
    delay = parms.delay_first_probe_time * hz
    if entry.state is Nud.REACHABLE:
        reachable = parms.reachable_time * hz // 1_000_000_000
        if now <= entry.confirmed + reachable:
            _arm(entry, entry.confirmed + reachable - now)
            return
        entry.updated = now
        if now <= entry.used + delay:
            _move(entry, IN_USE, entry.trigger)
            _arm(entry, delay)
            return
        _move(entry, REACHABLE_TIME, entry.trigger)
        return
    if entry.state is Nud.DELAY:
        entry.updated = now
        if now <= entry.confirmed + delay:
            _move(entry, CONFIRMED, entry.trigger)
            _arm(entry, max(0, entry.confirmed + parms.reachable_time * hz // 1_000_000_000 - now))
            return
        _move(entry, UNCONFIRMED, entry.trigger)
        entry.probes = 0
    resolicit = parms.mcast_resolicit if entry.state is Nud.PROBE else parms.mcast_solicit
    if entry.probes >= parms.ucast_solicit + parms.app_solicit + resolicit:
        _fail(entry, now)
        return
    _arm(entry, _retrans(entry))
    _neigh_probe(entry)


def _fail(entry: Neighbour, now: int) -> None:
    """``neigh_invalidate``: every packet that waited is answered with an error (F22, F25)."""
    entry.updated = now
    _move(entry, NO_ANSWER, entry.trigger)
    _fail_queue(entry)


# -- learning -----------------------------------------------------------------------------------------------------


def neigh_update(
    entry: Neighbour, mac: Mac | None, new: Nud, cause: str, *, override: bool, admin: bool = False, packet: int = 0
) -> None:
    """``__neigh_update``: a frame (or a person: ``admin``) says that ``entry`` has this address.

    ``new`` is the state it claims, ``override`` whether another known address may be replaced.
    """
    machine = entry.link.netns.machine
    now = machine.jiffies
    old = entry.state
    if not admin and old in FIXED:
        return
    if new not in VALID:
        _disarm(entry)
        entry.updated = now
        _move(entry, cause, packet, state=new)
        if old in {Nud.INCOMPLETE, Nud.PROBE} and new is Nud.FAILED:
            _fail_queue(entry)
        return
    changed = mac is not None and not (old in VALID and mac == entry.mac)
    if new in CONNECTED:
        entry.confirmed = now
    if old in VALID:
        if changed and not override:
            return
        if not changed and new is Nud.STALE and not admin:
            new = old
    if new is not old or changed:
        entry.updated = now
    if changed and mac is not None:
        entry.mac = mac
        if new not in CONNECTED:
            # Twice the base reachable time ago: "never confirmed" (seed 001's ip -s neigh shows used + 60).
            entry.confirmed = now - 2 * _jiffies(entry, entry.link.neigh.base_reachable_time_ms)
    if new is old:
        return
    _disarm(entry)
    if new is Nud.PROBE:
        entry.probes = 0
    _move(entry, cause, packet, state=new if admin or TRANSITIONS.get((old, cause)) is not new else None)
    if new in _TIMED:
        _arm(entry, entry.link.neigh.reachable_time * machine.hz // 1_000_000_000 if new is Nud.REACHABLE else 0)
    if old not in VALID:
        _flush(entry)


def _flush(entry: Neighbour) -> None:
    """Packets that waited leave in order."""
    while entry.queue and entry.state in VALID:
        skb = entry.queue.popleft()
        entry.queue_bytes -= truesize(skb)
        neigh_output(entry, skb)


def _fail_queue(entry: Neighbour) -> None:
    waiting = list(entry.queue)
    entry.queue.clear()
    entry.queue_bytes = 0
    for skb in waiting:
        arp.arp_error_report(entry, skb)


def learn(link: Link, ip: Ip, mac: Mac, packet: int) -> None:
    """``neigh_event_ns``: a request that we answer names its sender: an entry appears, STALE (F8)."""
    neigh_update(neigh_of(link, ip), mac, Nud.STALE, REQUEST, override=True, packet=packet)
