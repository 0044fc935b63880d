"""What a VXLAN device learns of frames, and when it forgets it (drivers/net/vxlan/vxlan_core.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.tunnel import VxlanConfig
from podwire.linux.vxlanfdb import Remote, VxlanFdb, VxlanFdbEntry
from podwire.wire.addr import Ip, Mac

if TYPE_CHECKING:
    from podwire.linux.link import Link

_AGE_INTERVAL: Final = 10
"""FDB_AGE_INTERVAL: how often old entries are looked for, in seconds."""


def arm_age_timer(link: Link) -> None:
    """The kernel looks for old entries every 10 s from when the device came up; here only while something can grow old."""
    fdb, machine = link.vxlan, link.netns.machine
    assert fdb is not None  # noqa: S101 - the caller asked for its kind
    if fdb.age_timer is None and link.is_up and any(_ages(entry) for entry in fdb):
        interval = _AGE_INTERVAL * machine.hz
        delay = interval - (machine.jiffies - fdb.age_base) % interval
        fdb.age_timer = machine.add_timer(delay, lambda: vxlan_cleanup(link))


def _ages(entry: VxlanFdbEntry) -> bool:
    return not (entry.permanent or entry.noarp or entry.extern)


def vxlan_cleanup(link: Link) -> None:
    """``vxlan_cleanup``: entries go from which nothing came for the ageing time; it comes again when the next one is due."""
    fdb, config, machine = link.vxlan, link.tunnel, link.netns.machine
    assert isinstance(config, VxlanConfig)  # noqa: S101 - the timer is a VXLAN device's
    assert fdb is not None  # noqa: S101 - and it has one
    fdb.age_timer = None
    now = fdb.age_base = machine.jiffies
    delay, again = _AGE_INTERVAL * machine.hz, False
    for entry in fdb:
        if not _ages(entry):
            continue
        left = entry.updated + config.ageing * machine.hz - now
        if left <= 0:
            fdb.remove(entry)
        else:
            delay, again = min(delay, left), True
    if again:
        fdb.age_timer = machine.add_timer(delay, lambda: vxlan_cleanup(link))


def is_valid_ether_addr(mac: Mac) -> bool:
    """``is_valid_ether_addr``."""
    return bool(mac) and not mac.is_multicast


def vxlan_snoop(link: Link, config: VxlanConfig, remote: Ip, mac: Mac, vni: int) -> bool:
    """``vxlan_snoop``: ``mac`` is behind ``remote``; False where the frame has to go for it."""
    if not is_valid_ether_addr(mac):
        return False
    fdb = link.vxlan
    assert isinstance(fdb, VxlanFdb)  # noqa: S101 - it is a VXLAN device
    now = link.netns.machine.jiffies
    key = vni if config.external else config.vni
    entry = fdb.find(mac, key)
    if entry is not None:
        entry.updated = now
        first = entry.remotes[0]
        if first.ip == remote and not first.ifindex:
            return True
        if entry.permanent or entry.noarp:
            return False
        entry.remotes[0] = Remote(remote, first.port, first.vni, first.ifindex)
        return True
    if link.is_up and not (config.max_address and len(fdb) >= config.max_address):
        entry = VxlanFdbEntry(mac, vni, [Remote(remote, config.dstport, config.vni)], now)
        entry.reachable = True
        fdb.add(entry, key)
        arm_age_timer(link)
    return True
