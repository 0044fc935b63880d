"""The groups of a device: ``ip_mc_list`` and what IGMP keeps of them in ``struct in_device`` (include/linux/igmp.h, inetdevice.h).

State alone; ``linux.path.igmp`` writes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.wire.addr import Ip, Ip4, Mac

if TYPE_CHECKING:
    from podwire.linux.machine import Timer

ALL_HOSTS: Final = Ip4.parse("224.0.0.1")
"""IGMP_ALL_HOSTS: every device that is up is in it, and no report tells of it."""
_MAC: Final = 0x01005E000000
_MAC_BITS: Final = 0x7FFFFF


class Group:
    """``struct ip_mc_list``, as those have it who join without a list of sources.

    ``users`` is how many joined; ``changes`` (``crcount``) how many reports will still tell of it.
    """

    __slots__ = ("address", "changes", "users")

    def __init__(self, address: Ip) -> None:
        self.address = address
        self.users = 1
        self.changes = 0


class Memberships:
    """The groups of one device.

    ``groups`` is ``mc_list``; ``left`` is ``mc_tomb``: what it left, as long as reports will still tell so; the oldest stand first.
    ``heard`` is what the device's filter was given, in the order of its coming.
    """

    __slots__ = ("groups", "heard", "left", "reports", "robustness", "timer")

    def __init__(self) -> None:
        self.groups: dict[Ip, Group] = {}
        self.left: list[Group] = []
        self.heard: list[Ip] = []
        self.reports = 0
        """``mr_ifc_count``: how often the timer will come again."""
        self.robustness = 0
        """``mr_qrv``: net.ipv4.igmp_qrv when the device last came up."""
        self.timer: Timer | None = None
        """``mr_ifc_timer``."""

    def __contains__(self, address: Ip) -> bool:
        """``ip_check_mc_rcu`` for all protocols but IGMP, whose messages every host takes."""
        return address in self.groups

    def macs(self) -> list[Mac]:
        """``dev->mc`` as far as IPv4 filled it; 32 groups share one address (RFC 1112 section 6.4)."""
        return list(dict.fromkeys(Mac(_MAC | int(address) & _MAC_BITS) for address in self.heard))


def is_local_multicast(address: Ip) -> bool:
    """``ipv4_is_local_multicast``: 224.0.0.0/24, which no router forwards."""
    return int(address) >> 8 == int(ALL_HOSTS) >> 8
