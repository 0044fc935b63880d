"""``bridge fdb``: entries of a bridge (``master``) and further addresses of a device (``self``).

Sources: net/core/rtnetlink.c (rtnl_fdb_add, rtnl_fdb_del, rtnl_fdb_get), net/bridge/br_fdb.c.
"""

from __future__ import annotations

from errno import EEXIST, EINVAL, ENOENT, EOPNOTSUPP, EPERM
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.linux.bridge import LEARNS, Bridge, Port
from podwire.linux.errors import NetlinkError
from podwire.linux.fdb import FdbEntry
from podwire.linux.rtnl.door import Door
from podwire.linux.rtnl.vxlanfdb import (
    FdbRemote,
    Mode,
    vxlan_fdb_add,
    vxlan_fdb_delete,
    vxlan_fdb_get,
    vxlan_flush,
)
from podwire.wire.addr import Ip, Mac

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.vxlanfdb import VxlanFdbEntry

_NOWHERE: Final = FdbRemote()
_NOT_FOUND: Final = "Fdb entry not found"


class FdbState(msgspec.Struct, frozen=True):
    """``ndm_state``: NUD_PERMANENT, NUD_NOARP and NUD_REACHABLE."""

    permanent: bool = False
    noarp: bool = False
    reachable: bool = False


class FdbFlags(msgspec.Struct, frozen=True):
    """``ndm_flags``: where to, and what kind of entry."""

    self_: bool = False
    master: bool = False
    use: bool = False
    extern: bool = False
    sticky: bool = False
    router: bool = False


class FdbMatch(msgspec.Struct):
    """What a flush is narrowed to: values that entries must have, None where any will do."""

    local: bool | None = None
    static: bool | None = None
    user: bool | None = None
    extern: bool | None = None
    sticky: bool | None = None

    def holds(self, entry: FdbEntry) -> bool:
        """``__fdb_flush_matches``."""
        return all(
            wanted is None or getattr(entry, key) is wanted for key, wanted in msgspec.structs.asdict(self).items()
        )


def _check(link: Link) -> None:
    if link.is_loopback or link.headerless:
        raise NetlinkError(EINVAL, "FDB add only supported for Ethernet devices")


class FdbVerbs(Door):
    """RTM_NEWNEIGH and RTM_DELNEIGH of the family AF_BRIDGE."""

    def fdb_add(
        self,
        link: Link,
        mac: Mac,
        state: FdbState,
        flags: FdbFlags,
        *,
        mode: Mode = "add",
        remote: FdbRemote = _NOWHERE,
    ) -> None:
        """``bridge fdb add``, ``append`` and ``replace``; ``remote`` says where a VXLAN device sends, others do not look at it.

        Raises ``NetlinkError``: EEXIST, EINVAL, EPERM for a dynamic entry of a port that cannot learn, EOPNOTSUPP for ``master``
        of a device without one.
        """
        _check(link)
        done, exclusive = False, mode == "add"
        if (flags.master or not flags.self_) and link.port is not None:
            self._br_fdb_add(link.port.bridge, link.port, mac, state, flags, exclusive=exclusive)
            done = True
        if flags.self_:
            if link.bridge is not None:
                self._br_fdb_add(link.bridge, None, mac, state, flags, exclusive=exclusive)
            elif link.vxlan is not None:
                vxlan_fdb_add(link, mac, state, flags, remote, mode, self.writer)
            else:
                self._dflt_fdb_add(link, mac, state, exclusive=exclusive)
        elif not done:
            raise NetlinkError(EOPNOTSUPP)

    def _br_fdb_add(
        self, bridge: Bridge, port: Port | None, mac: Mac, state: FdbState, flags: FdbFlags, *, exclusive: bool
    ) -> None:
        if not mac:
            raise NetlinkError(EINVAL)
        if flags.use:
            if port is None:
                raise NetlinkError(EINVAL, "FDB entry towards bridge must be permanent")
            if port.state in LEARNS:
                from podwire.linux.path.bridge import br_fdb_update

                br_fdb_update(bridge, port, mac, user=True)
            return
        if port is None and not state.permanent:
            raise NetlinkError(EINVAL, "FDB entry towards bridge must be permanent" if flags.extern else "")
        if flags.extern:
            self._learn_extern(bridge, port, mac)
            return
        if port is not None and not (state.permanent or state.noarp) and port.state not in LEARNS:
            raise NetlinkError(EPERM)
        if flags.sticky and state.permanent:
            raise NetlinkError(EINVAL)
        self._fdb_add_entry(bridge, port, mac, state, sticky=flags.sticky, exclusive=exclusive)

    def _fdb_add_entry(
        self, bridge: Bridge, port: Port | None, mac: Mac, state: FdbState, *, sticky: bool, exclusive: bool
    ) -> None:
        """``fdb_add_entry``."""
        now = bridge.link.netns.machine.jiffies
        entry = bridge.fdb.find(mac)
        modified = entry is None
        if entry is None:
            entry = FdbEntry(mac, port, now, self.writer)
            bridge.fdb.add(entry)
        elif exclusive:
            raise NetlinkError(EEXIST)
        local, static = state.permanent, state.permanent or state.noarp
        modified |= (entry.port, entry.local, entry.static, entry.sticky) != (port, local, static, sticky)
        entry.port, entry.local, entry.static, entry.sticky = port, local, static, sticky
        entry.user, entry.used = True, now
        if modified:
            entry.updated, entry.owner = now, self.writer
        from podwire.linux.path.bridge import br_fdb_cleanup

        if not static and bridge.gc_timer is None:
            br_fdb_cleanup(bridge)

    def _learn_extern(self, bridge: Bridge, port: Port | None, mac: Mac) -> None:
        """``br_fdb_external_learn_add``."""
        now = bridge.link.netns.machine.jiffies
        entry = bridge.fdb.find(mac)
        if entry is None:
            entry = FdbEntry(mac, port, now, self.writer)
            entry.local = entry.static = port is None
            entry.extern = entry.user = True
            bridge.fdb.add(entry)
            return
        entry.port, entry.updated = port, now
        if not entry.user:
            entry.extern = True
        entry.user = True

    def _dflt_fdb_add(self, link: Link, mac: Mac, state: FdbState, *, exclusive: bool) -> None:
        """``ndo_dflt_fdb_add``: a device listens to a further address."""
        if not state.permanent:
            raise NetlinkError(EINVAL)
        if mac not in link.listens:
            link.listens = (*link.listens, mac)
        elif exclusive:
            raise NetlinkError(EEXIST)

    def fdb_del(self, link: Link, mac: Mac, state: FdbState, flags: FdbFlags, *, remote: FdbRemote = _NOWHERE) -> None:
        """``bridge fdb del``. Raises ``NetlinkError``: ENOENT, EOPNOTSUPP, EINVAL."""
        if link.is_loopback or link.headerless:
            raise NetlinkError(EINVAL, "FDB delete only supported for Ethernet devices")
        done = False
        if (flags.master or not flags.self_) and link.port is not None:
            self._br_fdb_delete(link.port.bridge, link.port, mac)
            done = True
        if flags.self_:
            if link.bridge is not None:
                self._br_fdb_delete(link.bridge, None, mac)
                return
            if link.vxlan is not None:
                vxlan_fdb_delete(link, mac, remote)
                return
            if not state.permanent:
                raise NetlinkError(EINVAL)
            if mac not in link.listens:
                raise NetlinkError(ENOENT)
            link.listens = tuple(other for other in link.listens if other != mac)
        elif not done:
            raise NetlinkError(EOPNOTSUPP)

    def _br_fdb_delete(self, bridge: Bridge, port: Port | None, mac: Mac) -> None:
        """``fdb_delete_by_addr_and_port``: also an entry that the kernel made for an own address."""
        entry = bridge.fdb.find(mac)
        if entry is None or entry.port is not port:
            raise NetlinkError(ENOENT)
        bridge.fdb.remove(entry)

    def fdb_flush(self, link: Link, match: FdbMatch, flags: FdbFlags, port: Link | None = None) -> None:
        """``bridge fdb flush``: every entry that matches, permanent ones too if nothing says otherwise.

        Raises ``NetlinkError``: EOPNOTSUPP for a device without such entries, EINVAL for a port of another bridge.
        """
        done = False
        if flags.master and link.port is not None:
            self._br_flush(link.port.bridge, match, port or link)
            done = True
        if flags.self_:
            if link.vxlan is not None:
                vxlan_flush(link, match)
            elif link.bridge is None:
                raise NetlinkError(EOPNOTSUPP)
            else:
                self._br_flush(link.bridge, match, port)
        elif not done:
            raise NetlinkError(EOPNOTSUPP)

    def _br_flush(self, bridge: Bridge, match: FdbMatch, port: Link | None) -> None:
        """``br_fdb_delete_bulk``."""
        if port is not None and port is not bridge.link:
            if port.port is None:
                raise NetlinkError(EINVAL, "bridge: Flush device is not a bridge or bridge port")
            if port.port.bridge is not bridge:
                raise NetlinkError(EINVAL, "bridge: Port belongs to a different bridge device")
        for entry in bridge.fdb:
            if match.holds(entry) and (port is None or (entry.port is not None and entry.port.link is port)):
                bridge.fdb.remove(entry)

    def vxlan_fdb_entries(self, link: Link) -> list[tuple[Mac, Ip]]:
        """``bridge fdb show dev X`` of a VXLAN device: every address with each of its remotes, what was learnt left out."""
        fdb = link.vxlan
        if fdb is None:
            return []
        return [(entry.mac, remote.ip) for entry in fdb if entry.user for remote in entry.remotes]

    def fdb_get(
        self, mac: Mac, link: Link | None, master: Link | None, flags: FdbFlags, *, vni: int | None = None
    ) -> tuple[Link, FdbEntry | VxlanFdbEntry]:
        """``bridge fdb get`` (rtnl_fdb_get): the bridge, or the VXLAN device, and its entry.

        Raises ``NetlinkError``: ENOENT, EINVAL, EOPNOTSUPP.
        """
        upper = master
        if link is not None:
            if master is not None:
                raise NetlinkError(EINVAL, "Master and device are mutually exclusive")
            upper = link
            if flags.master or not flags.self_:
                if link.port is None:
                    raise NetlinkError(EINVAL, "Device is not a bridge port")
                upper = link.port.bridge.link
        if upper is not None and upper.vxlan is not None:
            return upper, vxlan_fdb_get(upper, mac, vni)
        if upper is None or upper.bridge is None:
            raise NetlinkError(EOPNOTSUPP, "Fdb get operation not supported by device")
        entry = upper.bridge.fdb.find(mac)
        if entry is None:
            raise NetlinkError(ENOENT, _NOT_FOUND)
        return upper, entry
