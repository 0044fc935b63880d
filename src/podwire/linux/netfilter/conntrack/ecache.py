"""What listeners are told of connections (nf_conntrack_ecache.c, ctnetlink_conntrack_event): ``conntrack -E``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from podwire.linux.netfilter.conntrack.entry import Connection

IPCT_NEW: Final = 1 << 0
IPCT_RELATED: Final = 1 << 1
IPCT_DESTROY: Final = 1 << 2
IPCT_REPLY: Final = 1 << 3
IPCT_ASSURED: Final = 1 << 4
IPCT_PROTOINFO: Final = 1 << 5
IPCT_HELPER: Final = 1 << 6
IPCT_MARK: Final = 1 << 7
IPCT_LABEL: Final = 1 << 10

Listener = Callable[["Connection", int, int], None]
"""Called with the connection as it is then, what is new about it (``IPCT_*`` bits), and the netlink socket that did it.

0 is a packet, or time.
"""


def nf_conntrack_event_cache(ct: Connection, events: int) -> None:
    """``nf_conntrack_event_cache``: noted until the packet has passed the confirmation; of no concern where nobody listened at birth."""
    if ct.ecache is not None:
        ct.ecache |= events


def nf_ct_deliver_cached_events(ct: Connection) -> None:
    """``nf_ct_deliver_cached_events``."""
    events, ct.ecache = ct.ecache, 0
    if events:
        report(ct, events)


def report(ct: Connection, events: int, portid: int = 0) -> None:
    """``nf_conntrack_eventmask_report``: tell all who listen now."""
    if ct.ecache is not None and ct.net is not None:
        for listener in ct.net.conntrack.listeners:
            listener(ct, events, portid)
