"""The door's verbs for connections: what ``conntrack`` asks of ctnetlink (net/netfilter/nf_conntrack_netlink.c)."""

from __future__ import annotations

from collections.abc import Iterator
from errno import EBUSY, EEXIST, EINVAL, ENOENT
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.linux.errors import NetlinkError
from podwire.linux.netfilter.conntrack.core import init_conntrack
from podwire.linux.netfilter.conntrack.ecache import (
    IPCT_ASSURED,
    IPCT_DESTROY,
    IPCT_MARK,
    IPCT_NEW,
    IPCT_PROTOINFO,
    IPCT_REPLY,
    report,
)
from podwire.linux.netfilter.conntrack.entry import (
    IPS_ASSURED,
    IPS_CONFIRMED,
    IPS_DYING,
    IPS_EXPECTED,
    IPS_FIXED_TIMEOUT,
    IPS_SEEN_REPLY,
    ZONE_DIR_BOTH,
    Connection,
)
from podwire.linux.netfilter.conntrack.sctp import SctpTrack
from podwire.linux.netfilter.conntrack.settings import NSEC
from podwire.linux.netfilter.conntrack.tcpwindow import TcpTrack
from podwire.linux.netfilter.conntrack.tuple import IPPROTO_GRE, IPPROTO_SCTP, nf_ct_invert
from podwire.linux.rtnl.door import Door
from podwire.trace.events import Flow
from podwire.wire.addr import Ip
from podwire.wire.headers import IPPROTO_TCP, IPPROTO_UDP

if TYPE_CHECKING:
    from podwire.linux.netfilter.conntrack.ecache import Listener
    from podwire.linux.netfilter.conntrack.table import Conntrack, Hash

_CHANGEABLE: Final = IPS_SEEN_REPLY | IPS_ASSURED | IPS_FIXED_TIMEOUT
"""What of the status ctnetlink sets (the rest is IPS_UNCHANGEABLE_MASK)."""
_EVENTS: Final = IPCT_REPLY | IPCT_ASSURED | IPCT_PROTOINFO | IPCT_MARK


class NewConnection(msgspec.Struct, frozen=True, kw_only=True):
    """What ``conntrack -I`` says: both tuples (of ICMP ``dport`` is ``type << 8 | code``), seconds, and what else there is.

    ``snat`` and ``dnat`` are an address and a port (0: the one it has); ``state`` is TCP's or SCTP's by number.
    """

    orig: Flow
    reply: Flow
    timeout: int
    status: int = 0
    mark: int = 0
    zone: int = 0
    zone_dir: int = ZONE_DIR_BOTH
    state: int | None = None
    vtags: tuple[int, int] = (0, 0)
    snat: tuple[Ip, int] | None = None
    dnat: tuple[Ip, int] | None = None


class ConntrackVerbs(Door):
    """Connections: list, find, delete, make, change; count and statistics; listen."""

    @property
    def _conntrack(self) -> Conntrack:
        return self.netns.conntrack

    def conntrack_dump(self) -> Iterator[Connection]:
        """IPCTNL_MSG_CT_GET: every connection, as it is."""
        return iter(self._conntrack)

    def conntrack_get(self, flow: Flow, zone: int = 0, zone_dir: int = ZONE_DIR_BOTH) -> Connection:
        """The connection that has that tuple, in either direction; raises ``NetlinkError`` ENOENT."""
        return self._find(flow, zone, zone_dir)[0]

    def _find(self, flow: Flow, zone: int, zone_dir: int) -> Hash:
        found = self._conntrack.find(flow, zone, zone_dir)
        if found is None:
            raise NetlinkError(ENOENT)
        return found

    def conntrack_delete(self, ct: Connection, portid: int = 0) -> None:
        """IPCTNL_MSG_CT_DELETE: it ends now; raises ``NetlinkError`` ENOENT where it has ended. ``portid`` is the socket's that asks."""
        if not self._conntrack.delete(ct, portid):
            raise NetlinkError(ENOENT)

    def conntrack_flush(self, portid: int = 0) -> None:
        """IPCTNL_MSG_CT_DELETE of none in particular: all of them."""
        for ct in self._conntrack:
            self._conntrack.delete(ct, portid)

    def conntrack_zero(self, ct: Connection) -> None:
        """IPCTNL_MSG_CT_GET_CTRZERO: its counters begin anew."""
        ct.packets[:] = [0, 0]
        ct.octets[:] = [0, 0]

    def conntrack_stats(self) -> dict[str, int]:
        """IPCTNL_MSG_CT_GET_STATS_CPU: what was counted, by name; names that are missing are 0."""
        return dict(self._conntrack.stats)

    def conntrack_count(self) -> int:
        """IPCTNL_MSG_CT_GET_STATS: how many there are."""
        return self._conntrack.count

    def conntrack_listen(self, listener: Listener) -> None:
        """Be told of connections that begin from now on; ``conntrack_unlisten`` ends it."""
        self._conntrack.listen(listener)

    def conntrack_unlisten(self, listener: Listener) -> None:
        """Hear no more."""
        self._conntrack.unlisten(listener)

    def conntrack_create(self, new: NewConnection, portid: int = 0) -> Connection:
        """IPCTNL_MSG_CT_NEW: make a connection; raises ``NetlinkError`` EEXIST, EINVAL, EBUSY (a status that cannot be had)."""
        table = self._conntrack
        if nf_ct_invert(new.orig) is None or nf_ct_invert(new.reply) is None:
            raise NetlinkError(EINVAL)
        if table.find(new.orig, new.zone, new.zone_dir) is not None:
            raise NetlinkError(EEXIST)
        _check_status(IPS_CONFIRMED, new.status)
        ct = init_conntrack(table, new.orig, new.reply, new.zone, new.zone_dir)
        if ct is None:
            raise NetlinkError(EINVAL)
        ct.timeout = self.netns.machine.world.now + new.timeout * NSEC
        self._translate(ct, new)
        ct.status |= new.status & _CHANGEABLE
        ct.mark = new.mark
        _set_state(ct, new)
        if table.find(ct.orig, new.zone, new.zone_dir) or table.find(ct.reply, new.zone, new.zone_dir):
            raise NetlinkError(EEXIST)
        if table.timeouts.timestamp:
            ct.start = self.netns.machine.world.now
        ct.status |= IPS_CONFIRMED
        table.insert(ct)
        table.count_stat("insert")
        report(ct, IPCT_NEW | _EVENTS, portid)
        return ct

    def _translate(self, ct: Connection, new: NewConnection) -> None:
        """``ctnetlink_setup_nat``: destination, then source; nothing where neither was asked for."""
        from podwire.linux.netfilter.nat.core import nf_nat_setup_info
        from podwire.linux.netfilter.nat.range import (
            NF_NAT_MANIP_DST,
            NF_NAT_MANIP_SRC,
            NF_NAT_RANGE_MAP_IPS,
            NF_NAT_RANGE_PROTO_SPECIFIED,
            NatRange,
        )

        for to, manip in ((new.dnat, NF_NAT_MANIP_DST), (new.snat, NF_NAT_MANIP_SRC)):
            if to is not None:
                addr, port = to
                flags = NF_NAT_RANGE_MAP_IPS | (NF_NAT_RANGE_PROTO_SPECIFIED if port else 0)
                nf_nat_setup_info(self.netns, ct, NatRange(flags, addr, addr, port, port), manip)

    def conntrack_update(
        self,
        ct: Connection,
        *,
        timeout: int | None = None,
        status: int | None = None,
        mark: int | None = None,
        state: int | None = None,
        portid: int = 0,
    ) -> None:
        """IPCTNL_MSG_CT_NEW of one that exists: change it; raises ``NetlinkError`` ENOENT or EBUSY (a bit that cannot go or come)."""
        if ct.status & IPS_DYING:
            raise NetlinkError(ENOENT)
        if status is not None:
            _check_status(ct.status, status)
            ct.status |= status & _CHANGEABLE
        if timeout is not None:
            ct.timeout = self.netns.machine.world.now + timeout * NSEC
        if mark is not None:
            ct.mark = mark
        if state is not None and isinstance(ct.proto, TcpTrack | SctpTrack):
            ct.proto.state = state
        report(ct, _EVENTS, portid)


def _check_status(have: int, want: int) -> None:
    """``ctnetlink_change_status``."""
    changed = have ^ (want | IPS_CONFIRMED)
    if changed & (IPS_EXPECTED | IPS_CONFIRMED | IPS_DYING) or changed & have & (IPS_SEEN_REPLY | IPS_ASSURED):
        raise NetlinkError(EBUSY)


def _set_state(ct: Connection, new: NewConnection) -> None:
    """What the protocol's tracker would have noted (``from_nlattr``; a TCP window of 0 means that it is not known)."""
    proto = new.orig.proto
    timeouts = ct.net.conntrack.timeouts if ct.net is not None else None
    if proto == IPPROTO_TCP:
        ct.proto = TcpTrack()
        ct.proto.state = new.state or 0
    elif proto == IPPROTO_SCTP:
        ct.proto = SctpTrack()
        ct.proto.state, ct.proto.vtag = new.state or 0, list(new.vtags)
    elif proto == IPPROTO_UDP:
        ct.proto = 0
    elif proto == IPPROTO_GRE and timeouts is not None:
        ct.proto = (timeouts.gre, timeouts.gre_stream)


__all__ = ["IPCT_DESTROY", "ConntrackVerbs", "NewConnection"]
