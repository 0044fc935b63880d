"""What the kernel tells of a connection: all of it in a dump, less in an event (``ctnetlink_fill_info``, ``ctnetlink_conntrack_event``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from podwire.linux.netfilter.conntrack.ecache import IPCT_DESTROY, IPCT_MARK, IPCT_NEW, IPCT_PROTOINFO, IPCT_RELATED
from podwire.linux.netfilter.conntrack.entry import ZONE_DIR_BOTH, ZONE_DIR_ORIG
from podwire.linux.netfilter.conntrack.sctp import SctpTrack
from podwire.linux.netfilter.conntrack.tcpwindow import TcpTrack
from podwire.trace.events import Flow

if TYPE_CHECKING:
    from podwire.linux.netfilter.conntrack.entry import Connection

_NSEC: Final = 1_000_000_000
NEW, UPDATE, DESTROY = "new", "update", "destroy"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One message. What is None was not told; ``zone`` is (where, id) with ``""``, ``orig`` or ``reply``.

    ``kind`` is ``new``, ``update`` or ``destroy`` of an event, ``""`` in a dump; ``counters`` are packets and bytes of either direction.
    """

    orig: Flow
    reply: Flow
    status: int
    id: int
    kind: str = ""
    timeout: int | None = None
    state: int | None = None
    vtags: tuple[int, int] | None = None
    counters: tuple[tuple[int, int], tuple[int, int]] | None = None
    mark: int | None = None
    zone: tuple[str, int] | None = None
    start: int = 0
    stop: int = 0
    use: int | None = None
    time: int = 0
    """When it was told, in ns."""


def seconds_left(ct: Connection) -> int:
    """``nf_ct_expires``: in whole jiffies, and of these whole seconds."""
    assert ct.net is not None  # noqa: S101 - it stands in a table
    machine = ct.net.machine
    left = ct.timeout * machine.hz // _NSEC - machine.jiffies
    return max(left, 0) // machine.hz


def told(ct: Connection, events: int | None = None, *, use: int = 1) -> Told:
    """The message about a connection as it is now; ``events`` says what an event is about, None is a dump."""
    assert ct.net is not None  # noqa: S101 - it stands in a table
    dump, destroyed = events is None, bool(events and events & IPCT_DESTROY)
    kind = "" if events is None else DESTROY if destroyed else NEW if events & (IPCT_NEW | IPCT_RELATED) else UPDATE
    left = seconds_left(ct)
    track = ct.proto
    protoinfo = isinstance(track, TcpTrack | SctpTrack) and (events is None or destroyed or events & IPCT_PROTOINFO)
    now = ct.net.machine.world.now
    stamped = ct.start and (dump or destroyed)
    return Told(
        orig=ct.orig,
        reply=ct.reply,
        status=ct.status,
        id=ct.net.conntrack.ctnetlink_id(ct),
        kind=kind,
        timeout=None if destroyed and ct.timeout <= now else left,
        state=track.state if protoinfo else None,
        vtags=(track.vtag[0], track.vtag[1]) if protoinfo and isinstance(track, SctpTrack) and not destroyed else None,
        counters=_counters(ct) if ct.acct and (dump or destroyed) else None,
        mark=ct.mark if events is None or events & IPCT_MARK or ct.mark else None,
        zone=_zone(ct),
        start=ct.start if stamped else 0,
        stop=ct.stop if stamped else 0,
        use=use if dump else None,
        time=now,
    )


def _counters(ct: Connection) -> tuple[tuple[int, int], tuple[int, int]]:
    return (ct.packets[0], ct.octets[0]), (ct.packets[1], ct.octets[1])


def _zone(ct: Connection) -> tuple[str, int] | None:
    if not ct.zone:
        return None
    return "" if ct.zone_dir == ZONE_DIR_BOTH else "orig" if ct.zone_dir == ZONE_DIR_ORIG else "reply", ct.zone
