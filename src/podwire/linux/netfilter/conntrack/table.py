"""The connections of a namespace: looking up, standing in the table, ending (net/netfilter/nf_conntrack_core.c).

A connection is made by its first packet, and belongs to that packet alone until this one leaves the machine or is delivered: then
it is confirmed (``confirm``), and stands in the table under both of its tuples. A timeout needs no timer: who meets an entry that is
over takes it away. No clock but the world's is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.conntrack.ecache import IPCT_DESTROY, Listener, report
from podwire.linux.netfilter.conntrack.entry import (
    IP_CT_DIR_ORIGINAL,
    IP_CT_DIR_REPLY,
    IPS_ASSURED,
    IPS_DYING,
    IPS_SRC_NAT_DONE,
    ZONE_DIR_BOTH,
    Connection,
)
from podwire.linux.netfilter.conntrack.settings import CT_KEYS, CT_OF_FIRST, DEFAULT_TIMEOUTS, Timeouts

if TYPE_CHECKING:
    from podwire.linux.machine import Timer
    from podwire.linux.netfilter.conntrack.hooks import Registration
    from podwire.linux.netfilter.conntrack.tuple import Tuple5
    from podwire.linux.netns import Netns

Hash = tuple[Connection, int]
"""``nf_conntrack_tuple_hash``: a connection, and which of its directions the tuple is."""

STATS: Final = (
    "found",
    "invalid",
    "insert",
    "insert_failed",
    "drop",
    "early_drop",
    "error",
    "search_restart",
    "clash_resolve",
    "chaintoolong",
)
"""``ip_conntrack_stat``, in the order of ``conntrack -S``."""
_SWEEP: Final = 4096
"""After so many more connections those that are over are looked for."""
_EVICTION_RANGE: Final = 8


class Conntrack:
    """Connection tracking of one namespace (``nf_conntrack_net``, and what of the hash table belongs to it).

    ``hash`` has both tuples of every connection in the default zone; ``zoned`` those of other zones, with the zone's id and the
    direction behind the five. ``size`` counts the connections, with those that are over and that nobody has met since.
    """

    __slots__ = (
        "_seed",
        "_sweep_at",
        "_timer",
        "defrag_users",
        "hash",
        "hooks",
        "listeners",
        "netns",
        "number",
        "own_settings",
        "size",
        "stats",
        "timeouts",
        "users",
        "zoned",
    )

    def __init__(self, netns: Netns) -> None:
        self.netns = netns
        self.hash: dict[Tuple5, Hash] = {}
        self.zoned: dict[tuple[object, ...], Hash] = {}
        self.size = 0
        self.timeouts: Timeouts = DEFAULT_TIMEOUTS
        self.own_settings: dict[str, int] = {}
        """What was written to net.netfilter."""
        self.stats: dict[str, int] = {}
        self.users = 0
        """Who needs it (``users4``)."""
        self.defrag_users = 0
        """Who needs fragments to be joined: connections are one of them (``nf_frag->users``)."""
        self.hooks: tuple[Registration, ...] = ()
        """What is registered while somebody does."""
        self.number = 0
        """How many connections have begun."""
        self.listeners: tuple[Listener, ...] = ()
        """Who is told of connections (``conntrack -E``)."""
        self._sweep_at = _SWEEP
        self._seed = 0
        self._timer: Timer | None = None

    # -- who needs it --------------------------------------------------------------------------------------------

    def get(self) -> None:
        """``nf_ct_netns_get``: somebody needs connections; the first one brings the hooks, those that join fragments included."""
        from podwire.linux.netfilter.conntrack.hooks import enable

        self.users += 1
        if self.users == 1:
            enable(self)

    def put(self) -> None:
        """``nf_ct_netns_put``: one of them goes. The connections stay until they are over."""
        from podwire.linux.netfilter.conntrack.hooks import disable

        self.users -= 1
        if not self.users:
            disable(self)

    # -- settings and statistics ---------------------------------------------------------------------------------

    def setting(self, key: str) -> int:
        """A value under net/netfilter."""
        if key == "nf_conntrack_count":
            return self.count
        owner = self.netns.machine.root.netns.conntrack if key in CT_OF_FIRST else self
        return owner.own_settings.get(key, CT_KEYS[key])

    def set(self, key: str, value: int) -> None:
        """Write a value under net/netfilter; what it may be the door has looked at."""
        self.own_settings[key] = value
        self.timeouts = Timeouts({**CT_KEYS, **self.own_settings})

    def count_stat(self, name: str, by: int = 1) -> None:
        """``NF_CT_STAT_INC``."""
        self.stats[name] = self.stats.get(name, 0) + by

    # -- looking up ----------------------------------------------------------------------------------------------

    def find(self, flow: Tuple5, zone: int = 0, zone_dir: int = ZONE_DIR_BOTH) -> Hash | None:
        """``nf_conntrack_find_get``: whose tuple that is in the zone; None where it is nobody's."""
        if zone:
            return self._find_zoned(flow, zone, zone_dir)
        found = self.hash.get(flow)
        if found is not None:
            ct = found[0]
            if ct.timeout > self.netns.machine.world.now:
                return found
            self.delete(ct)
        return self._find_zoned(flow, 0, ZONE_DIR_BOTH) if self.zoned else None

    def find_reply(self, flow: Tuple5, zone: int, zone_dir: int) -> Hash | None:
        """As ``find``, but only where the replies of that zone stand (``nf_conntrack_tuple_taken``)."""
        return self._find_zoned(flow, zone, zone_dir, first=1) if zone else self.find(flow)

    def _find_zoned(self, flow: Tuple5, zone: int, zone_dir: int, first: int = 0) -> Hash | None:
        """By the zone's id in the original direction, then in that of the replies; both sides' ids must agree (``nf_ct_zone_equal``)."""
        now = self.netns.machine.world.now
        ids = (zone if zone_dir & 1 else 0, zone if zone_dir & 2 else 0)
        for wanted in dict.fromkeys(ids[first:]):
            for direction in (IP_CT_DIR_ORIGINAL, IP_CT_DIR_REPLY):
                if ids[direction] != wanted:
                    continue
                found = self.zoned.get((*flow, wanted, direction))
                if found is None and not wanted:
                    found = self.hash.get(flow)
                    if found is not None and found[1] != direction:
                        continue
                if found is None:
                    continue
                if found[0].timeout > now:
                    return found
                self.delete(found[0])
        return None

    def __iter__(self) -> Iterator[Connection]:
        """Every connection, in the order in which they were confirmed; the kernel's order is that of a hash.

        One that lost a clash and is known by its replies alone is not shown (``ctnetlink_dump_table``).
        """
        self.sweep()
        # What is its own answer (an address and a port that talk to themselves) has one key, found as the reply: that was put in last.
        found = [ct for ct, direction in self.hash.values() if direction == IP_CT_DIR_ORIGINAL or ct.orig == ct.reply]
        if self.zoned:
            found += [ct for ct, direction in self.zoned.values() if direction == IP_CT_DIR_ORIGINAL]
            found.sort(key=lambda ct: ct.id)
        return iter(found)

    @property
    def count(self) -> int:
        """``nf_conntrack_count``: how many there are."""
        self.sweep()
        return self.size

    def ctnetlink_id(self, ct: Connection) -> int:
        """``nf_ct_get_id``: the number that ``-o id`` prints. The kernel hashes with a secret of its own; here the seed decides."""
        if not self._seed:
            self._seed = self.netns.machine.random("conntrack-id", self.netns.label).getrandbits(64) | 1
        mixed = (ct.id + 1) * self._seed & (1 << 64) - 1
        return (mixed ^ mixed >> 29) & 0xFFFFFFFF

    # -- coming and going ----------------------------------------------------------------------------------------

    def _place(self, flow: Tuple5, ct: Connection, direction: int) -> tuple[dict[Tuple5, Hash], Tuple5]:
        if ct.zone:
            return self.zoned, (*flow, ct.zone_id(direction), direction)  # type: ignore[return-value]
        return self.hash, flow

    def insert(self, ct: Connection, *, original: bool = True) -> None:
        """``__nf_conntrack_hash_insert``; without ``original`` it is found by its replies alone."""
        if original:
            table, key = self._place(ct.orig, ct, IP_CT_DIR_ORIGINAL)
            table[key] = (ct, IP_CT_DIR_ORIGINAL)
        table, key = self._place(ct.reply, ct, IP_CT_DIR_REPLY)
        table[key] = (ct, IP_CT_DIR_REPLY)
        self.size += 1
        if self.size > self._sweep_at:
            self.sweep()
            self._sweep_at = 2 * self.size + _SWEEP

    def delete(self, ct: Connection, portid: int = 0) -> bool:
        """``nf_ct_delete``: it ends; False where it had done so already. ``portid`` is the netlink socket's that asked for it."""
        if ct.status & IPS_DYING:
            return False
        ct.status |= IPS_DYING
        if ct.start:
            ct.stop = min(self.netns.machine.world.now, ct.timeout)
        for direction in (IP_CT_DIR_ORIGINAL, IP_CT_DIR_REPLY):
            table, key = self._place(ct.tuple(direction), ct, direction)
            found = table.get(key)
            if found is not None and found[0] is ct:
                del table[key]
        self.size -= 1
        if ct.status & IPS_SRC_NAT_DONE:
            self.netns.nat.forget(ct)
        if ct.ecache is not None:
            report(ct, IPCT_DESTROY, portid)
        return True

    # -- listening -----------------------------------------------------------------------------------------------

    def listen(self, listener: Listener) -> None:
        """``ctnetlink_has_listener``: tell of what begins from now on. While somebody listens, what is over goes in its time."""
        self.listeners += (listener,)
        if len(self.listeners) == 1:
            self._tick()

    def unlisten(self, listener: Listener) -> None:
        """It hears no more."""
        self.listeners = tuple(each for each in self.listeners if each != listener)
        if not self.listeners and self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        """``gc_worker``, once a second."""
        self.sweep()
        machine = self.netns.machine
        self._timer = machine.add_timer(machine.hz, self._tick)

    def sweep(self) -> None:
        """``gc_worker``: take away what is over."""
        now = self.netns.machine.world.now
        tables = (self.hash, self.zoned) if self.zoned else (self.hash,)
        for ct in [ct for table in tables for ct, direction in table.values() if direction and ct.timeout <= now]:
            self.delete(ct)

    def early_drop(self, flow: Tuple5) -> bool:
        """``early_drop``: the table is full; connections that are not assured go, where they stand in the next 8 buckets of the hash."""
        buckets = self.setting("nf_conntrack_buckets")
        first = _bucket(flow, buckets)
        victims: dict[int, list[Connection]] = {}
        for key, (ct, _) in self.hash.items():
            if not ct.status & IPS_ASSURED and (_bucket(key, buckets) - first) % buckets < _EVICTION_RANGE:
                victims.setdefault((_bucket(key, buckets) - first) % buckets, []).append(ct)
        for place in sorted(victims):
            drops = sum([self.delete(ct) for ct in victims[place]])
            if drops:
                self.count_stat("early_drop", drops)
                return True
        return False


def _bucket(flow: Tuple5, buckets: int) -> int:
    """A hash that spreads as well as the kernel's and is the same in every run."""
    value = 0
    for part in flow[:5]:
        value = (value ^ int(part)) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
        value ^= value >> 32
    return (value >> 16) % buckets
