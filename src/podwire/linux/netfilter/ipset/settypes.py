"""The types of sets: revision, dimensions, features, and what the kernel's structures of hash types take on x86-64.

Sources: net/netfilter/ipset/ip_set_hash_*.c, ip_set_bitmap_*.c, ip_set_list_set.c. Sizes were measured on Linux 6.18; those of the
types that its configuration left out (``hash:net,net``, ``hash:net,port,net``, ``hash:ip,mark``, ``hash:mac``, ``hash:ip,mac``) follow
from the structures.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import msgspec

IP: Final = 1
PORT: Final = 2
MAC: Final = 4
IP2: Final = 8
NAME: Final = 16
MARK: Final = 64
NOMATCH: Final = 128


class Sizes(msgspec.Struct, frozen=True):
    """Bytes of a hash type in one family: the set and its table without regions and buckets, an element, and its alignment."""

    head: int
    element: int
    align: int = 4


class SetType(msgspec.Struct, frozen=True):
    """``struct ip_set_type``. ``dims`` says what each dimension is: ip, net, port, mark, mac, set.

    ``features`` is what two sets that are swapped must have in common; ``netmask`` and ``bitmask`` say whether these options exist.
    """

    name: str
    revision: int
    dims: tuple[str, ...]
    features: int
    inet: Sizes | None = None
    inet6: Sizes | None = None
    netmask: bool = False

    @property
    def method(self) -> str:
        """``bitmap``, ``hash`` or ``list``."""
        return self.name.partition(":")[0]

    @property
    def is_list(self) -> bool:
        """``list:set``: listed behind all others (IPSET_DUMP_LAST)."""
        return bool(self.features & NAME)


TYPES: Final = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            SetType("hash:ip", 6, ("ip",), IP, Sizes(192, 4), Sizes(200, 16), netmask=True),
            SetType("hash:net", 7, ("net",), IP | NOMATCH, Sizes(432, 8), Sizes(1216, 20)),
            SetType("hash:net,net", 4, ("net", "net"), IP | IP2 | NOMATCH, Sizes(584, 16, 8), Sizes(1760, 36), netmask=True),
            SetType("hash:ip,port", 7, ("ip", "port"), IP | PORT, Sizes(192, 8), Sizes(208, 20), netmask=True),
            SetType("hash:ip,port,ip", 6, ("ip", "port", "ip"), IP | PORT | IP2, Sizes(184, 12), Sizes(208, 36)),
            SetType("hash:ip,port,net", 8, ("ip", "port", "net"), IP | PORT | IP2 | NOMATCH, Sizes(440, 12), Sizes(1232, 36)),
            SetType("hash:net,port", 8, ("net", "port"), IP | PORT | NOMATCH, Sizes(432, 8), Sizes(1216, 20)),
            SetType("hash:net,port,net", 3, ("net", "port", "net"), IP | PORT | IP2 | NOMATCH, Sizes(568, 16, 8), Sizes(1744, 40)),
            SetType("hash:ip,mark", 3, ("ip", "mark"), IP | MARK, Sizes(176, 8), Sizes(192, 20)),
            SetType("hash:ip,mac", 1, ("ip", "mac"), IP | MAC, Sizes(184, 12), Sizes(192, 24)),
            SetType("hash:mac", 1, ("mac",), MAC, Sizes(176, 8)),
            SetType("bitmap:ip", 3, ("ip",), IP),
            SetType("bitmap:ip,mac", 3, ("ip", "mac"), IP | MAC),
            SetType("bitmap:port", 3, ("port",), PORT),
            SetType("list:set", 3, ("set",), NAME),
        )
    }
)  # fmt: skip
"""By name. ``hash:net,iface`` exists and is not modelled."""

NOT_MODELLED: Final = frozenset({"hash:net,iface"})
