"""A bridge and its ports: what ``ip -d link`` and ``bridge link`` show of them (net/bridge/br_private.h).

State only: ``rtnl.bridge`` changes it, ``path.bridge`` decides about frames by it.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final

from podwire.linux.fdb import Fdb
from podwire.wire.addr import NO_MAC

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.machine import Timer

_NSEC: Final = 1_000_000_000
USER_HZ: Final = 100
"""Times of a bridge are told in hundredths of a second, whatever HZ is."""


class StpState(IntEnum):
    """``BR_STATE_…``."""

    DISABLED = 0
    LISTENING = 1
    LEARNING = 2
    FORWARDING = 3
    BLOCKING = 4


LEARNS: Final = frozenset({StpState.LEARNING, StpState.FORWARDING})


class Port:
    """``struct net_bridge_port``: a device in a bridge."""

    def __init__(self, link: Link, bridge: Bridge, number: int, cost: int) -> None:
        self.link = link
        self.bridge = bridge
        self.number = number
        self.state = StpState.DISABLED
        self.priority = 32
        self.cost = cost
        self.admin_cost = False
        """The cost was set by hand: it does not follow the speed of the device."""
        self.learning = True
        self.flood = True
        self.mcast_flood = True
        self.bcast_flood = True
        self.hairpin = False
        self.isolated = False
        self.group_fwd_mask = 0
        self.designated_priority = bridge.priority
        """The bridge's priority when the port last took part."""
        self.forward_timer: Timer | None = None
        self.forward_due = 0
        """The jiffy at which a port that listens or learns goes on to the next state."""

    def forward_left(self) -> int:
        """Jiffies until then, 0 where no timer runs."""
        return max(self.forward_due - self.link.netns.machine.jiffies, 0) if self.forward_timer is not None else 0

    @property
    def port_id(self) -> int:
        """Six bits of priority, ten of number."""
        return self.priority << 10 | self.number


class Bridge:
    """``struct net_bridge``. Times in USER_HZ, as they are set and shown."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.ports: list[Port] = []
        """Newest first: the order of flooding."""
        self.fdb = Fdb()
        self.mac = NO_MAC
        """The address in the bridge id: zero until it is set, or taken from a port."""
        self.mac_set = False
        """The address was chosen by hand: it does not follow the ports."""
        self.mtu_set = False
        """So was the MTU."""
        self.had_ports = False
        self.priority = 0x8000
        self.ageing_time = 30000
        self.forward_delay = 1500
        self.hello_time = 200
        self.max_age = 2000
        self.group_fwd_mask = 0
        self.mcast_snooping = 1
        self.gc_timer: Timer | None = None
        self.gc_due = 0
        """The jiffy at which old entries are looked for."""

    def bridge_id(self, priority: int | None = None) -> str:
        """``8000.2:0:0:0:0:b0``: priority, and the address without leading zeros."""
        octets = ":".join(f"{octet:x}" for octet in self.mac.to_bytes(6, "big"))
        return f"{self.priority if priority is None else priority:04x}.{octets}"

    @property
    def forwards(self) -> bool:
        """Some port forwards: without any a bridge has no carrier."""
        return any(port.state is StpState.FORWARDING for port in self.ports)

    def jiffies_of(self, hundredths: int) -> int:
        """``clock_t_to_jiffies``."""
        return hundredths * self.link.netns.machine.hz // USER_HZ

    @property
    def hold_time(self) -> int:
        """For how many jiffies a learnt entry is kept after the last frame from there."""
        return self.jiffies_of(self.ageing_time)

    def gc_left(self) -> int:
        """Jiffies until old entries are looked for: 0.1 s after the bridge came up, then every ageing time.

        Without ports nothing can be old, and no timer runs: it is worked out when somebody asks.
        """
        machine = self.link.netns.machine
        if self.gc_timer is not None:
            return max(self.gc_due - machine.jiffies, 0)
        if not self.link.is_up:
            return 0
        since = machine.jiffies - self.link.up_since * machine.hz // _NSEC
        first, period = machine.hz // 10, max(self.hold_time, 1)
        return first - since if since < first else period - (since - first) % period
