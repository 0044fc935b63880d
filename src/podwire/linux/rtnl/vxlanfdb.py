"""``bridge fdb … dev VXLAN dst X self``: entries of a VXLAN device (drivers/net/vxlan/vxlan_core.c).

Sources: vxlan_fdb_add, vxlan_fdb_update, vxlan_fdb_delete, vxlan_fdb_delete_bulk, vxlan_fdb_get.
"""

from __future__ import annotations

from errno import EADDRNOTAVAIL, EAFNOSUPPORT, EEXIST, EINVAL, ENOENT, ENOSPC, EOPNOTSUPP
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from podwire.linux.errors import NetlinkError
from podwire.linux.path.vxlanfdb import arm_age_timer
from podwire.linux.tunnel import VxlanConfig
from podwire.linux.vxlanfdb import Remote, VxlanFdb, VxlanFdbEntry
from podwire.wire.addr import AF_INET, ANY4, NO_MAC, Ip, Mac

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.rtnl.fdb import FdbFlags, FdbMatch, FdbState
    from podwire.trace.events import Owner

Mode = Literal["add", "append", "replace"]
"""NLM_F_CREATE with NLM_F_EXCL, NLM_F_APPEND or NLM_F_REPLACE."""
_NOT_FOUND: Final = "Fdb entry not found"


class FdbRemote(msgspec.Struct, frozen=True):
    """``dst IP [port P] [vni V] [src_vni V] [via DEV]``: None where nothing was said; ``via`` is an ifindex."""

    dst: Ip | None = None
    port: int | None = None
    vni: int | None = None
    src_vni: int | None = None
    via: int | None = None


def _table(link: Link) -> tuple[VxlanConfig, VxlanFdb]:
    config, fdb = link.tunnel, link.vxlan
    assert isinstance(config, VxlanConfig)  # noqa: S101 - the caller asked for its kind
    assert fdb is not None  # noqa: S101 - so it has a table
    return config, fdb


def vxlan_fdb_parse(link: Link, remote: FdbRemote) -> tuple[Remote, int]:
    """``vxlan_fdb_parse``: the remote with the device's port and VNI where nothing was said, and the VNI that the entry is for.

    Raises ``NetlinkError``: EADDRNOTAVAIL for a device to leave by that is not there, EAFNOSUPPORT for a remote of IPv6.
    """
    config, _ = _table(link)
    if remote.via is not None and link.netns.link_by_index(remote.via) is None:
        raise NetlinkError(EADDRNOTAVAIL, "Device not found")
    found = Remote(
        remote.dst if remote.dst is not None else ANY4,
        config.dstport if remote.port is None else remote.port,
        config.vni if remote.vni is None else remote.vni,
        remote.via or 0,
    )
    if found.ip.family != AF_INET:
        raise NetlinkError(EAFNOSUPPORT)
    return found, config.vni if remote.src_vni is None else remote.src_vni


def _key(config: VxlanConfig, src_vni: int) -> int:
    """``__vxlan_find_mac``: a device with one VNI looks for that, whatever was asked for."""
    return src_vni if config.external else config.vni


def vxlan_fdb_add(
    link: Link, mac: Mac, state: FdbState, flags: FdbFlags, remote: FdbRemote, mode: Mode, writer: Owner
) -> None:
    """``vxlan_fdb_add``. Raises ``NetlinkError``: EINVAL, EADDRNOTAVAIL, EEXIST, EOPNOTSUPP, ENOSPC."""
    if not (state.permanent or state.reachable) or remote.dst is None:
        raise NetlinkError(EINVAL)
    found, src_vni = vxlan_fdb_parse(link, remote)
    config, fdb = _table(link)
    key = _key(config, src_vni)
    entry = fdb.find(mac, key)
    several = mac.is_multicast or mac == NO_MAC
    now = link.netns.machine.jiffies
    if entry is not None:
        if mode == "add":
            raise NetlinkError(EEXIST)
        _update_existing(entry, state, flags, found, mode, now, several=several)
        entry.owner = writer
        entry.told = None
        return
    if mode == "replace" and several:
        raise NetlinkError(EOPNOTSUPP)
    if config.max_address and len(fdb) >= config.max_address:
        raise NetlinkError(ENOSPC)
    entry = VxlanFdbEntry(mac, src_vni, [found], now, writer)
    _set(entry, state, flags)
    fdb.add(entry, src_vni)
    arm_age_timer(link)


def _set(entry: VxlanFdbEntry, state: FdbState, flags: FdbFlags) -> bool:
    """State and flags; True where that changes something."""
    old = _state_of(entry)
    entry.permanent, entry.noarp, entry.reachable = state.permanent, state.noarp, state.reachable
    entry.self_, entry.master, entry.router = flags.self_, flags.master, flags.router
    entry.extern, entry.sticky, entry.user = flags.extern, flags.sticky, True
    return _state_of(entry) != old


def _state_of(entry: VxlanFdbEntry) -> tuple[bool, ...]:
    return (
        entry.permanent,
        entry.noarp,
        entry.reachable,
        entry.self_,
        entry.master,
        entry.router,
        entry.extern,
        entry.sticky,
        entry.user,
    )


def _update_existing(
    entry: VxlanFdbEntry, state: FdbState, flags: FdbFlags, remote: Remote, mode: Mode, now: int, *, several: bool
) -> None:
    """``vxlan_fdb_update_existing``: an address of one machine has one remote, a group and the default gather them."""
    # What a program learnt does not take over what somebody wrote.
    if (not flags.extern or not entry.user) and _set(entry, state, flags):
        entry.updated = now
    if mode == "replace":
        if several:
            raise NetlinkError(EOPNOTSUPP, "Cannot replace non-unicast fdb entries")
        if entry.find(remote) is None:
            entry.remotes[0] = remote
    elif mode == "append" and several and entry.find(remote) is None:
        entry.remotes.append(remote)
    if flags.use:
        entry.updated = now


def vxlan_fdb_delete(link: Link, mac: Mac, remote: FdbRemote) -> None:
    """``vxlan_fdb_delete``: one remote of several, else the entry. Raises ``NetlinkError`` ENOENT."""
    found, src_vni = vxlan_fdb_parse(link, remote)
    config, fdb = _table(link)
    entry = fdb.find(mac, _key(config, src_vni))
    if entry is None:
        raise NetlinkError(ENOENT)
    if found.ip:
        if entry.find(found) is None:
            # The kernel says nothing.
            return
        if len(entry.remotes) > 1:
            entry.remotes.remove(found)
            return
    fdb.remove(entry)


def vxlan_flush(link: Link, match: FdbMatch) -> None:
    """``vxlan_fdb_delete_bulk``: the default entry goes with the others. Raises ``NetlinkError`` EINVAL for what a bridge alone knows."""
    if match.user or match.sticky:
        raise NetlinkError(EINVAL, "Unsupported fdb flush ndm flag bits set")
    _, fdb = _table(link)
    for entry in fdb:
        held = (
            (match.local, entry.permanent),
            (match.static, entry.noarp),
            (match.extern, entry.extern),
            (match.sticky, entry.sticky),
        )
        if all(wanted is None or wanted is value for wanted, value in held):
            fdb.remove(entry)


def vxlan_fdb_get(link: Link, mac: Mac, vni: int | None) -> VxlanFdbEntry:
    """``vxlan_fdb_get``. Raises ``NetlinkError`` ENOENT."""
    config, fdb = _table(link)
    entry = fdb.find(mac, _key(config, config.vni if vni is None else vni))
    if entry is None:
        raise NetlinkError(ENOENT, _NOT_FOUND)
    return entry
