"""The table behind ``-m hashlimit``: one bucket of tokens for each key (net/netfilter/xt_hashlimit.c, revision 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.machine import wheel_expiry
from podwire.linux.netfilter.xt.transport import PORTS_AT_0, PORTS_AT_4, ports_of, two_ports
from podwire.wire.addr import prefix_mask

if TYPE_CHECKING:
    from podwire.linux.machine import Machine
    from podwire.linux.netfilter.xt.hashlimit import Hashlimit
    from podwire.linux.skb import Skb

Key = tuple[int, int, int, int]
"""Source, destination, source port, destination port; 0 where the mode does not ask."""

_SCALE: Final = 1_000_000
_HZ: Final = 250
_DAY: Final = 24 * 60 * 60
_BYTE_SHIFT: Final = 4
_U32: Final = 0xFFFFFFFF
_U64: Final = (1 << 64) - 1
_SIZE_MAX: Final = 1048576
_SIZE: Final = 8192
"""Buckets on a machine with more than 1 GiB of memory."""


def _pow2_below(value: int) -> int:
    return 1 << value.bit_length() - 1


def credits_per_jiffy(hz: int) -> int:
    """CREDITS_PER_JIFFY."""
    return _pow2_below(_U64 // (hz * _DAY))


def credits_per_jiffy_bytes(hz: int) -> int:
    """CREDITS_PER_JIFFY_BYTES."""
    return _pow2_below(_U32 // hz)


def user2credits(user: int, hz: int = _HZ) -> int:
    """``user2credits``."""
    return user * (hz * credits_per_jiffy(hz) // _SCALE) & _U64


def user2credits_byte(user: int, hz: int = _HZ) -> int:
    """``user2credits_byte``."""
    return (user & _U32) * hz * credits_per_jiffy_bytes(hz) >> 32 & _U32


class _Bucket:
    """``struct dsthash_ent``. In rate-match mode ``credit`` is ``current_rate`` and ``full`` is ``prev_window``."""

    __slots__ = ("cap", "credit", "expires", "full", "prev")

    def __init__(self, now: int, credit: int, cap: int) -> None:
        self.prev = now
        self.expires = now
        self.credit = credit
        self.cap = cap
        self.full = False


class HashlimitTable:
    """``struct xt_hashlimit_htable`` with the settings of the rule that made it."""

    def __init__(self, machine: Machine, rule: Hashlimit) -> None:
        hz = machine.hz
        self.machine = machine
        self.rule = rule
        self.users = 0
        self._each = credits_per_jiffy_bytes(hz) if rule.octets else credits_per_jiffy(hz)
        self._cost = user2credits_byte(rule.avg, hz) if rule.octets else user2credits(rule.avg, hz)
        self._second = credits_per_jiffy_bytes(hz) * hz
        self._full = self._second if rule.octets else user2credits(rule.avg * rule.burst & _U64, hz)
        size = min(rule.size, _SIZE_MAX) or _SIZE
        self._max = max(min(rule.max, _SIZE_MAX), size) if rule.max else 8 * size
        self._expire = -(-rule.expire * hz // 1000)
        self._gc_interval = -(-rule.gc_interval * hz // 1000)
        self._next_gc = wheel_expiry(machine.jiffies, self._gc_interval)
        self._masks = prefix_mask(32, rule.srcmask), prefix_mask(32, rule.dstmask)
        self._buckets: dict[Key, _Bucket] = {}

    def key(self, skb: Skb) -> Key | None:
        """``hashlimit_init_dst``; None where ports are asked for and the packet is too short to have them."""
        mode, ip = self.rule.mode, skb.ip
        src = int(ip.src) & self._masks[0] if "srcip" in mode else 0
        dst = int(ip.dst) & self._masks[1] if "dstip" in mode else 0
        if "srcport" not in mode and "dstport" not in mode:
            return src, dst, 0, 0
        ports: tuple[int, int] | None = (0, 0)
        if ip.proto in PORTS_AT_0:
            ports = ports_of(skb.packet)
        elif ip.proto == PORTS_AT_4:
            ports = two_ports(skb.packet, 4)
        if ports is None:
            return None
        return src, dst, ports[0] if "srcport" in mode else 0, ports[1] if "dstport" in mode else 0

    def within(self, key: Key, length: int, *, octets: bool) -> bool | None:
        """Is a packet with that key within its rate? None where the table is full.

        ``octets`` is what the rule that asks counts; all else is as the rule says that made the table.
        """
        now = self.machine.jiffies
        if now >= self._next_gc:
            self._collect(now)
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= self._max:
                return None
            cap = self.rule.burst if self.rule.octets else self._full
            bucket = self._buckets[key] = _Bucket(now, 0 if self.rule.rate_match else self._full, cap)
        elif now != bucket.prev:
            self._refill(bucket, now)
        bucket.expires = now + self._expire
        if self.rule.rate_match:
            return self._rate_match(bucket, length if octets else 1)
        cost = self._byte_cost(bucket, length) if octets else self._cost
        if bucket.credit < cost:
            return False
        bucket.credit -= cost
        return True

    def _refill(self, bucket: _Bucket, now: int) -> None:
        """``rateinfo_recalc``."""
        passed = now - bucket.prev
        if self.rule.rate_match:
            interval = self.rule.interval * self.machine.hz
            if passed >= interval:
                bucket.full = bucket.credit * interval > passed * self._rate
                bucket.prev, bucket.credit = now, 0
            return
        bucket.prev = now
        cap = self._second if self.rule.octets else bucket.cap
        bucket.credit = min(bucket.credit + passed * self._each, cap)

    @property
    def _rate(self) -> int:
        """``user2rate``, ``user2rate_bytes``."""
        avg = self.rule.avg
        if self.rule.octets:
            return (_U32 // avg if avg else _U32) - 1 << _BYTE_SHIFT
        return _SCALE // avg

    def _rate_match(self, bucket: _Bucket, cost: int) -> bool:
        """What this window and the one before have seen, without taking anything."""
        bucket.credit += cost
        rate, burst = self._rate, self.rule.burst
        most = (burst * rate if burst else rate) if self.rule.octets else burst + rate
        return not bucket.full and bucket.credit <= most

    def _byte_cost(self, bucket: _Bucket, length: int) -> int:
        """``hashlimit_byte_cost``: chunks of sixteen bytes; a burst is a bucket that may be filled so many times more."""
        cost = min(((length >> _BYTE_SHIFT) + 1) * self._cost, self._second)
        if bucket.credit < cost and bucket.cap:
            bucket.cap -= 1
            bucket.credit = self._second
        return cost

    def _collect(self, now: int) -> None:
        """``htable_gc``: its work comes each ``gc_interval``; what happened until now is done again here."""
        done = self._next_gc
        while self._next_gc <= now:
            done = self._next_gc
            self._next_gc = wheel_expiry(done, self._gc_interval)
        for key in [key for key, bucket in self._buckets.items() if done >= bucket.expires]:
            del self._buckets[key]
