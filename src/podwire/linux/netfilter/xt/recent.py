"""``-m recent``: addresses that were seen lately (net/netfilter/xt_recent.c, extensions/libxt_recent.c)."""

from __future__ import annotations

from errno import EINVAL
from typing import TYPE_CHECKING, ClassVar, Final, Self

from podwire.linux.netfilter.xt.base import Match, MatchFn, XtCheckError
from podwire.linux.netfilter.xt.options import HOST, STRING, UINT32, Names, Option, OptionError, Values, words
from podwire.wire.addr import Ip4

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.machine import Machine
    from podwire.linux.netns import Netns
    from podwire.linux.skb import Skb

_FULL: Final = 0xFFFFFFFF
_NAME_LEN: Final = 200
_MAX_NSTAMPS: Final = 65536
_STAMPS: Final = 32
"""How many times of an address are kept where no rule asks for more."""
_LIST_TOT: Final = 100
"""ip_list_tot: addresses of a list; the one not seen for longest goes."""
_ACTIONS: Final = ("set", "rcheck", "update", "remove")
_LISTED: Final = {"set": "SET", "rcheck": "CHECK", "update": "UPDATE", "remove": "REMOVE"}


class _Entry:
    """``struct recent_entry``: a ring of the last times (jiffies), ``index`` behind the newest."""

    __slots__ = ("index", "stamps", "ttl")

    def __init__(self, now: int, ttl: int) -> None:
        self.ttl = ttl
        self.stamps = [now]
        self.index = 1


class RecentTable:
    """``struct recent_table``: ``entries`` from the one that was not seen for longest. ``ring`` is a power of two."""

    def __init__(self, machine: Machine, mask: int, ring: int) -> None:
        self.machine = machine
        self.mask = mask
        self.ring = ring
        self.users = 0
        self.entries: dict[tuple[int, int], _Entry] = {}
        """By address and a number that tells those apart which differ in TTL."""
        self._made = 0

    def find(self, addr: int, ttl: int) -> tuple[int, int] | None:
        """``recent_entry_lookup``: 0 stands for any TTL."""
        for key, entry in self.entries.items():
            if key[0] == addr and (not ttl or not entry.ttl or ttl == entry.ttl):
                return key
        return None

    def add(self, addr: int, ttl: int) -> None:
        """``recent_entry_init``."""
        if len(self.entries) >= _LIST_TOT:
            del self.entries[next(iter(self.entries))]
        self._made += 1
        self.entries[addr, self._made] = _Entry(self.machine.jiffies, ttl)

    def update(self, key: tuple[int, int], ttl: int) -> None:
        """``recent_entry_update``: it becomes the newest."""
        entry = self.entries.pop(key)
        entry.index &= self.ring - 1
        stamps = entry.stamps
        if entry.index < len(stamps):
            stamps[entry.index] = self.machine.jiffies
        else:
            stamps.append(self.machine.jiffies)
        entry.index += 1
        entry.ttl = ttl
        self.entries[key] = entry

    def reap(self, since: int, working: tuple[int, int], *, update: bool) -> None:
        """``recent_entry_reap``: the oldest one goes if it was not seen since; not the one that is about to be updated."""
        key = next(iter(self.entries))
        if update and key == working:
            return
        entry = self.entries[key]
        if since > entry.stamps[entry.index - 1]:
            del self.entries[key]


class Recent(Match, frozen=True, gc=False):
    """Of the list ``name``, by source or destination: ``set``, ``rcheck``, ``update`` or ``remove``."""

    NAME: ClassVar[str] = "recent"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        *(Option(action, invert=True, excl=_ACTIONS) for action in _ACTIONS),
        Option("seconds", UINT32, low=1),
        Option("reap", also=("seconds",)),
        Option("hitcount", UINT32),
        Option("rttl", excl=("set", "remove")),
        Option("name", STRING, size=_NAME_LEN),
        Option("rsource"),
        Option("rdest"),
        Option("mask", HOST),
    )

    action: str
    name: str = "DEFAULT"
    seconds: int = 0
    hitcount: int = 0
    reap: bool = False
    rttl: bool = False
    destination: bool = False
    mask: int = _FULL
    invert: bool = False

    @classmethod
    def final_check(cls, values: Values) -> None:
        """``recent_check``."""
        if not any(action in values for action in _ACTIONS):
            msg = "recent: you must specify one of `--set', `--rcheck' `--update' or `--remove'"
            raise OptionError(msg)

    @classmethod
    def build(cls, values: Values) -> Self:
        """``recent_parse``: of --rsource and --rdest the later one counts."""
        action = next(action for action in _ACTIONS if action in values)
        sides = [key for key in values.given if key in {"rsource", "rdest"}]
        return cls(
            action,
            values.text("name", "DEFAULT"),
            values.number("seconds"),
            values.number("hitcount"),
            "reap" in values,
            "rttl" in values,
            bool(sides) and sides[-1] == "rdest",
            values.number("mask", _FULL),
            values.inverted(action),
        )

    def check(self, table: str, hooks: frozenset[int], proto: int) -> None:
        """``recent_mt_check``."""
        if self.action in {"set", "remove"} and (self.seconds or self.hitcount or self.rttl or self.reap):
            raise XtCheckError(EINVAL)
        if self.hitcount >= _MAX_NSTAMPS:
            text = f"xt_recent: hitcount ({self.hitcount}) is larger than allowed maximum ({_MAX_NSTAMPS - 1})"
            raise XtCheckError(EINVAL, text)
        if self.name in {"", ".", ".."} or "/" in self.name:
            raise XtCheckError(EINVAL)

    def acquire(self, netns: Netns) -> None:
        """``recent_mt_check``: rules share the list of a name; one that asks for more times than are kept empties it."""
        ring = 1 << (self.hitcount - 1).bit_length() if self.hitcount else _STAMPS
        tables = netns.xtables.recent
        found = tables.get(self.name)
        if found is None:
            found = tables[self.name] = RecentTable(netns.machine, self.mask, ring)
        elif ring > found.ring:
            found.entries.clear()
            found.ring = ring
        found.users += 1

    def release(self, netns: Netns) -> None:
        """``recent_mt_destroy``."""
        found = netns.xtables.recent[self.name]
        found.users -= 1
        if not found.users:
            del netns.xtables.recent[self.name]

    def compile(self, netns: Netns) -> MatchFn:
        """``recent_mt``: the TTL is that before forwarding."""
        table, invert, destination, rttl = netns.xtables.recent[self.name], self.invert, self.destination, self.rttl
        act = self._act

        def recent_mt(skb: Skb, netns: Netns, _iif: Link | None, oif: Link | None) -> bool:
            ip = skb.ip
            addr = int(ip.dst if destination else ip.src) & table.mask
            owner = skb.owner
            ttl = ip.ttl + (oif is not None and (owner is None or owner.netns is not netns)) & 255
            return act(table, addr, ttl, table.find(addr, ttl if rttl else 0)) is not invert

        return recent_mt

    def _act(self, table: RecentTable, addr: int, ttl: int, key: tuple[int, int] | None) -> bool:
        if key is None:
            if self.action == "set":
                table.add(addr, ttl)
                return True
            return False
        if self.action == "set":
            table.update(key, ttl)
            return True
        if self.action == "remove":
            del table.entries[key]
            return True
        machine = table.machine
        since = machine.jiffies - self.seconds * machine.hz
        hits = sum(1 for stamp in table.entries[key].stamps if not self.seconds or stamp >= since)
        found = hits >= (self.hitcount or 1)
        update = self.action == "update" and found is not self.invert
        if self.reap:
            table.reap(since, key, update=update)
        if update:
            table.update(key, ttl)
        return found

    def save(self) -> str:
        """``recent_save``."""
        return words(
            (
                f"{'! ' if self.invert else ''}--{self.action}",
                f"--seconds {self.seconds}" if self.seconds else "",
                "--reap" if self.reap else "",
                f"--hitcount {self.hitcount}" if self.hitcount else "",
                "--rttl" if self.rttl else "",
                f"--name {self.name}",
                f"--mask {Ip4(self.mask)}",
                "--rdest" if self.destination else "--rsource",
            )
        )

    def listing(self, names: Names | None) -> str:
        """``recent_print``."""
        return words(
            (
                f"{'! ' if self.invert else ''}recent: {_LISTED[self.action]}",
                f"seconds: {self.seconds}" if self.seconds else "",
                "reap" if self.reap else "",
                f"hit_count: {self.hitcount}" if self.hitcount else "",
                "TTL-Match" if self.rttl else "",
                f"name: {self.name}",
                f"side: {'dest' if self.destination else 'source'}",
                f"mask: {Ip4(self.mask)}",
            )
        )
