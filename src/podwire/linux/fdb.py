"""The forwarding database of a bridge: which MAC address is behind which port (net/bridge/br_fdb.c)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from podwire.trace.events import KERNEL, Owner
from podwire.wire.addr import Mac

if TYPE_CHECKING:
    from podwire.linux.bridge import Port


class FdbEntry:
    """``struct net_bridge_fdb_entry``. ``port`` is None for an address of the bridge itself."""

    __slots__ = ("extern", "local", "mac", "owner", "port", "static", "sticky", "updated", "used", "user")

    def __init__(self, mac: Mac, port: Port | None, now: int, owner: Owner = KERNEL) -> None:
        self.mac = mac
        self.port = port
        self.local = False
        """A frame for it is for this machine (``permanent``)."""
        self.static = False
        """It never grows old; but unless ``sticky`` it follows the address to another port."""
        self.sticky = False
        self.extern = False
        """A program learnt it (``extern_learn``): it never grows old either."""
        self.user = False
        """Somebody wrote it, so it does not change with the address of a device."""
        self.used = now
        """Jiffies: when a frame last went there."""
        self.updated = now
        """Jiffies: when a frame last came from there."""
        self.owner = owner


class Fdb:
    """The entries, newest first, as the kernel lists them."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: dict[Mac, FdbEntry] = {}

    def find(self, mac: Mac) -> FdbEntry | None:
        """``br_fdb_find``."""
        return self._entries.get(mac)

    def add(self, entry: FdbEntry) -> None:
        """``fdb_create``."""
        self._entries[entry.mac] = entry

    def remove(self, entry: FdbEntry) -> None:
        """``fdb_delete``."""
        del self._entries[entry.mac]

    def __iter__(self) -> Iterator[FdbEntry]:
        return reversed(list(self._entries.values()))

    def __len__(self) -> int:
        return len(self._entries)
