"""Neighbour unreachability detection: sending through an entry, its timers, and what a frame teaches (net/core/neighbour.c).

When a cause holds is decided here; which state follows is in ``linux.neigh.TRANSITIONS``. Kernel sheet sections 1.2 to 1.7 and 9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.fib import BROADCAST
from podwire.linux.neigh import (
    CONFIRMED,
    CONNECTED,
    FIXED,
    IN_USE,
    NO_ANSWER,
    REACHABLE_TIME,
    REQUEST,
    RESOLVE,
    TIMED,
    TRANSITIONS,
    UNCONFIRMED,
    USED,
    VALID,
    Neighbour,
    Nud,
)
from podwire.linux.path import arp
from podwire.linux.path.lookup import inet_addr_type
from podwire.linux.path.neighgc import arm_gc, room
from podwire.linux.rtnl.notify import neigh_changed
from podwire.linux.skb import truesize
from podwire.trace.events import ByNeighbour, Dropped, NeighbourChanged, Waiting
from podwire.trace.reasons import DropReason
from podwire.wire.addr import NO_MAC, Ip, Ip4, Mac

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.skb import Skb

_REDRAW: Final = 300 * 1_000_000_000
"""neigh_periodic_work draws reachable_time anew this often (ns)."""


def neigh_of(link: Link, ip: Ip) -> Neighbour | None:
    """``__neigh_lookup_errno``/``neigh_create``: the entry, made if need be with the state that ``arp_constructor`` gives.

    None where the table is full and nothing can be given up (``neigh_alloc``).
    """
    table = link.netns.neighbours
    entry = table.get(ip, link)
    if entry is None:
        if not room(link):
            return None
        entry = table.add(ip, link, link.netns.machine.jiffies)
        mac = _known_mac(link, Ip4(ip))
        if mac is not None:
            entry.state, entry.mac = Nud.NOARP, mac
        arm_gc(link)
    return entry


def _known_mac(link: Link, ip: Ip4) -> Mac | None:
    """``arp_constructor``: what needs no resolution: a group's MAC (RFC 1112), a device without ARP, the broadcast address."""
    if ip.is_multicast:
        return Mac(0x01005E000000 | int(ip) & 0x7FFFFF)
    if link.is_loopback or not link.arp:
        return link.mac
    if ip.is_lbcast or ip.is_zeronet or inet_addr_type(link.netns, ip) == BROADCAST:
        return link.broadcast
    return None


def reachable_time(link: Link) -> int:
    """``parms->reachable_time`` in jiffies: drawn per device (F13), and anew every 300 s."""
    parms = link.neigh
    machine = link.netns.machine
    period = machine.world.now // _REDRAW
    if parms.drawn not in {-1, period}:
        base = parms.base_reachable_time_ms * 1_000_000
        stream = machine.random("reachable", link.netns.label, link.name)
        parms.reachable_time = base // 2 + stream.randrange(base) if base else 0
    parms.drawn = period
    return parms.reachable_time * machine.hz // 1_000_000_000


def _move(entry: Neighbour, cause: str, packet: int, *, state: Nud | None = None) -> None:
    """Follow the automaton (a person's ``state`` needs no cause of its own), log the step."""
    old = entry.state
    entry.state = TRANSITIONS[(old, cause)] if state is None else state
    if entry.state is not old:
        _tell(entry, old, cause, packet)


def _tell(entry: Neighbour, old: Nud, cause: str, packet: int) -> None:
    netns = entry.link.netns
    if netns.machine.log.on:
        mac = entry.mac if entry.state in VALID else None
        netns.emit(packet, NeighbourChanged(entry.link.name, entry.ip, old, entry.state, mac, cause))


def _arm(entry: Neighbour, delay: int) -> None:
    """``mod_timer``."""
    if entry.timer is not None:
        entry.timer.cancel()
    entry.timer = entry.link.netns.machine.add_timer(delay, lambda: neigh_timer_handler(entry))


def _add_timer(entry: Neighbour, delay: int) -> None:
    """``neigh_add_timer``: on the way an entry counts as used when it was last confirmed."""
    entry.used = max(entry.used, entry.confirmed)
    _arm(entry, delay)


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
        _add_timer(entry, entry.link.neigh.delay_first_probe_time * machine.hz)
        return True
    if state is not Nud.INCOMPLETE:
        parms = entry.link.neigh
        if parms.mcast_solicit + parms.app_solicit == 0:
            _move(entry, NO_ANSWER, packet)
            entry.updated = now
            if skb is not None:
                _drop(entry, skb, DropReason.NEIGH_FAILED)
            return False
        entry.probes = parms.ucast_solicit
        entry.updated = now
        entry.trigger = packet
        _move(entry, RESOLVE, packet)
        _add_timer(entry, _retrans(entry))
        probe_now = True
    if skb is not None:
        _enqueue(entry, skb)
    if probe_now:
        _neigh_probe(entry)
    return False


def _enqueue(entry: Neighbour, skb: Skb) -> None:
    size = truesize(skb)
    while entry.queue and entry.queue_bytes + size > entry.link.neigh.unres_qlen_bytes:
        oldest = _dequeue(entry)
        _drop(entry, oldest, DropReason.NEIGH_QUEUEFULL)
    entry.queue.append(skb)
    entry.queue_bytes += size
    skb.charge(size)
    netns = entry.link.netns
    if netns.machine.log.on:
        netns.emit(skb.id, Waiting(entry.link.name, entry.ip))


def _dequeue(entry: Neighbour) -> Skb:
    """The packet that has waited longest; the send buffer of its socket has room again."""
    skb = entry.queue.popleft()
    entry.queue_bytes -= truesize(skb)
    skb.uncharge()
    return skb


def _drop(entry: Neighbour, skb: Skb, reason: DropReason, where: str = "neigh_event_send") -> None:
    netns = entry.link.netns
    if netns.machine.log.on:
        by = ByNeighbour(
            entry.ip, entry.link.name, entry.state, None if entry.mac == NO_MAC else entry.mac, entry.owner
        )
        netns.emit(skb.id, Dropped(where, reason, by, entry.link.name))


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
    if entry.state not in TIMED:
        return
    delay = parms.delay_first_probe_time * hz
    first = False
    if entry.state is Nud.REACHABLE:
        reachable = reachable_time(entry.link)
        if now <= entry.confirmed + reachable:
            _arm(entry, max(hz // 100, entry.confirmed + reachable - now))
            return
        entry.updated = now
        if now <= entry.used + delay:
            _move(entry, IN_USE, entry.trigger)
            _arm(entry, delay)
            return
        _move(entry, REACHABLE_TIME, entry.trigger)
        neigh_changed(entry)
        return
    if entry.state is Nud.DELAY:
        entry.updated = now
        if now <= entry.confirmed + delay:
            _move(entry, CONFIRMED, entry.trigger)
            neigh_changed(entry)
            _arm(entry, max(hz // 100, entry.confirmed + reachable_time(entry.link) - now))
            return
        _move(entry, UNCONFIRMED, entry.trigger)
        entry.probes = 0
        first = True
    resolicit = parms.mcast_resolicit if entry.state is Nud.PROBE else parms.mcast_solicit
    if entry.probes >= parms.ucast_solicit + parms.app_solicit + resolicit:
        _fail(entry, now)
        return
    _arm(entry, _retrans(entry))
    _neigh_probe(entry)
    if first:
        neigh_changed(entry)


def _fail(entry: Neighbour, now: int) -> None:
    """Nobody answered."""
    _move(entry, NO_ANSWER, entry.trigger)
    neigh_invalidate(entry, now)
    neigh_changed(entry)


def neigh_invalidate(entry: Neighbour, now: int) -> None:
    """``neigh_invalidate``: every packet that waited is answered with an error (F22, F25), unless one of these revives the entry."""
    entry.updated = now
    while entry.queue and entry.state is Nud.FAILED:
        arp.arp_error_report(entry, _dequeue(entry))
    while entry.queue:
        _drop(entry, _dequeue(entry), DropReason.NEIGH_FAILED, "neigh_invalidate")


# -- learning -----------------------------------------------------------------------------------------------------


def neigh_update(
    entry: Neighbour, mac: Mac | None, new: Nud, cause: str, *, override: bool, admin: bool = False, packet: int = 0
) -> None:
    """``__neigh_update``: a frame (or a person: ``admin``) says that ``entry`` has this address.

    ``new`` is the state it claims, ``override`` whether another known address may be replaced.
    """
    now = entry.link.netns.machine.jiffies
    old = entry.state
    if not admin and old in FIXED:
        return
    if new not in VALID:
        _give_up(entry, new, cause, packet)
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
    if new is not old:
        _enter(entry, new, cause, packet, admin=admin)
    elif changed:
        _tell(entry, old, cause, packet)
    if changed and new not in CONNECTED:
        # Twice the base reachable time ago: "never confirmed" (seed 001's ip -s neigh shows used + 60).
        entry.confirmed = now - 2 * _jiffies(entry, entry.link.neigh.base_reachable_time_ms)
    if new is not old and old not in VALID:
        _flush(entry)
    if new is not old or changed:
        neigh_changed(entry)


def _give_up(entry: Neighbour, new: Nud, cause: str, packet: int) -> None:
    """A person declares the address unknown."""
    old = entry.state
    _disarm(entry)
    _move(entry, cause, packet, state=new)
    failed = old in {Nud.INCOMPLETE, Nud.PROBE} and new is Nud.FAILED
    if failed:
        neigh_invalidate(entry, entry.link.netns.machine.jiffies)
    if failed or old in VALID:
        neigh_changed(entry)


def _enter(entry: Neighbour, new: Nud, cause: str, packet: int, *, admin: bool) -> None:
    _disarm(entry)
    if new is Nud.PROBE:
        entry.probes = 0
    if new in TIMED:
        _add_timer(entry, reachable_time(entry.link) if new is Nud.REACHABLE else 0)
    _move(entry, cause, packet, state=new if admin else None)


def _flush(entry: Neighbour) -> None:
    """Packets that waited leave in order."""
    while entry.queue and entry.state in VALID:
        neigh_output(entry, _dequeue(entry))


def learn(link: Link, ip: Ip, mac: Mac, packet: int) -> bool:
    """``neigh_event_ns``: a request that we answer names its sender: an entry appears, STALE (F8). False where the table is full."""
    entry = neigh_of(link, ip)
    if entry is None:
        return False
    neigh_update(entry, mac, Nud.STALE, REQUEST, override=True, packet=packet)
    return True
