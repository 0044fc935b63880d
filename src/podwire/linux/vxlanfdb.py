"""The forwarding database of a VXLAN device: behind which remote a MAC address is (drivers/net/vxlan/vxlan_core.c).

State only: ``rtnl.vxlan`` and ``rtnl.vxlanfdb`` write what is configured, ``path.vxlan`` learns from frames and decides by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from podwire.trace.events import KERNEL, Owner
from podwire.wire.addr import Ip, Mac

if TYPE_CHECKING:
    from podwire.linux.machine import Timer
    from podwire.linux.path.route import Dst
    from podwire.linux.tunnel import VxlanConfig
    from podwire.trace.events import Encapsulated


class Remote(msgspec.Struct, frozen=True, gc=False):
    """``struct vxlan_rdst``: where to send. ``port`` 0 is the device's; ``ifindex`` is of the device to leave by, 0 for any."""

    ip: Ip
    port: int
    vni: int
    ifindex: int = 0


class DstCache(NamedTuple):
    """``struct dst_cache``: the route ``dst`` to a remote, good while the outer namespace and the device's configuration are those."""

    generation: int
    remote: Remote
    config: VxlanConfig
    dst: Dst


class VxlanFdbEntry:
    """``struct vxlan_fdb``: one address with one remote or, for a group or the default, several.

    ``vni`` counts for a collect-metadata device alone (``src_vni``): the same address may be elsewhere in another network.
    """

    __slots__ = (
        "dst_cache",
        "extern",
        "mac",
        "master",
        "noarp",
        "owner",
        "permanent",
        "reachable",
        "remotes",
        "router",
        "self_",
        "sticky",
        "told",
        "updated",
        "used",
        "user",
        "vni",
    )

    def __init__(self, mac: Mac, vni: int, remotes: list[Remote], now: int, owner: Owner = KERNEL) -> None:
        self.mac = mac
        self.vni = vni
        self.remotes = remotes
        self.permanent = False
        """NUD_PERMANENT: neither does it grow old nor does it follow its address to another remote."""
        self.noarp = False
        """NUD_NOARP: it does not grow old (``static``)."""
        self.reachable = False
        self.self_ = True
        """NTF_SELF, which a learnt entry has too."""
        self.master = False
        """NTF_MASTER, which means nothing here."""
        self.router = False
        """NTF_ROUTER: route short circuit, which podwire does not model."""
        self.extern = False
        """NTF_EXT_LEARNED: a program learnt it, so it does not grow old."""
        self.sticky = False
        """NTF_STICKY, which means nothing here."""
        self.user = False
        """Somebody wrote it."""
        self.used = now
        """Jiffies: when a frame last went there."""
        self.dst_cache: DstCache | None = None
        """The way to a remote of it, as it was last found."""
        self.told: Encapsulated | None = None
        """What the log said of the last packet that it sent; forgotten with the owner."""
        self.updated = now
        """Jiffies: when it was last written, or a frame came from there."""
        self.owner = owner

    def find(self, remote: Remote) -> Remote | None:
        """``vxlan_fdb_find_rdst``."""
        return next((each for each in self.remotes if each == remote), None)


class VxlanFdb:
    """The entries, newest first, as the kernel lists them."""

    __slots__ = ("age_base", "age_timer", "entries")

    def __init__(self) -> None:
        self.entries: dict[tuple[Mac, int], VxlanFdbEntry] = {}
        """Read by the packet path; written here alone."""
        self.age_timer: Timer | None = None
        """Looks for old entries, while there is one that can grow old."""
        self.age_base = 0
        """The jiffy from which every 10 s old entries are looked for."""

    def find(self, mac: Mac, vni: int = 0) -> VxlanFdbEntry | None:
        """``vxlan_find_mac``, without taking the entry as used. ``vni`` is 0 unless the device collects metadata."""
        return self.entries.get((mac, vni))

    def add(self, entry: VxlanFdbEntry, vni: int) -> None:
        """``vxlan_fdb_insert``."""
        self.entries[entry.mac, vni] = entry

    def remove(self, entry: VxlanFdbEntry) -> None:
        """``vxlan_fdb_destroy``."""
        for key, value in self.entries.items():
            if value is entry:
                del self.entries[key]
                return

    def __iter__(self) -> Iterator[VxlanFdbEntry]:
        return reversed(list(self.entries.values()))

    def __len__(self) -> int:
        return len(self.entries)
