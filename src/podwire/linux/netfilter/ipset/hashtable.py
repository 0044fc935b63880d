"""Where the members of a hash set lie: buckets of arrays, as ip_set_hash_gen.h keeps them.

Whether something is a member, a dictionary says. But in which order a listing shows members, how large the table has grown, how
much memory it takes and which member ``forceadd`` throws out depends on the buckets. They are worked out when somebody looks: what
was added and removed is written down and done again here, in order (``mtype_add``, ``mtype_del``, ``mtype_resize``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from podwire.linux.netfilter.ipset.jhash import jhash2

Element = tuple[int, ...]
Pack = Callable[[Element], tuple[int, ...]]
"""The key of an element: its C structure as 32-bit words in the byte order of the machine."""

_INIT_SIZE: Final = 2
"""AHASH_INIT_SIZE: arrays grow and shrink by so many places."""
_REGION_BITS: Final = 10
"""HTABLE_REGION_BITS: so many buckets share a lock and a count."""
_SIZEOF_BUCKET: Final = 32
_SIZEOF_REGION: Final = 24


class _Bucket:
    """``struct hbucket``: an array of ``size`` places, those from ``len(slots)`` on were never used or are free again."""

    __slots__ = ("size", "slots")

    def __init__(self, size: int) -> None:
        self.size = size
        self.slots: list[tuple[Element, int] | None] = []
        """An element with its hash; None where one was removed."""


class HashTable:
    """``struct htable``. ``dsize`` is what one member takes, ``bucketsize`` how long an array may become before the table doubles."""

    def __init__(self, hashsize: int, bucketsize: int, initval: int, dsize: int, pack: Pack) -> None:
        self.bits = (hashsize - 1).bit_length()
        self.bucketsize = bucketsize
        self.initval = initval
        self.dsize = dsize
        self.pack = pack
        self.pending: list[tuple[bool, Element]] = []
        """Added (True) or removed since somebody looked."""
        self._clear()

    def _clear(self) -> None:
        self._buckets: dict[int, _Bucket] = {}
        self._elements = [0] * self.regions
        self._extra = 0

    @property
    def hashsize(self) -> int:
        """How many buckets there are."""
        return 1 << self.bits

    @property
    def regions(self) -> int:
        """``ahash_numof_locks``."""
        return 1 << max(0, self.bits - _REGION_BITS)

    def flush(self) -> None:
        """``mtype_flush``: the table keeps its size."""
        self.settle()
        self._clear()

    def settle(self) -> None:
        """Do what is written down."""
        pending, self.pending = self.pending, []
        for added, element in pending:
            if added:
                self._add(element)
            else:
                self._remove(element)

    def memory(self) -> int:
        """What regions and buckets take, in bytes: ``ahash_sizeof_regions`` and ``ext_size``."""
        self.settle()
        return self.regions * _SIZEOF_REGION + self._extra

    def __iter__(self) -> Iterator[Element]:
        """The elements in the order in which ``mtype_list`` finds them."""
        self.settle()
        buckets = self._buckets
        for key in sorted(buckets):
            for slot in buckets[key].slots:
                if slot is not None:
                    yield slot[0]

    def region_count(self, element: Element) -> int:
        """How many elements lie in the region that the element would come to."""
        self.settle()
        return self._elements[self._region(jhash2(self.pack(element), self.initval))]

    def neighbour(self, element: Element) -> tuple[bool, bool, Element]:
        """What ``mtype_add`` finds where an element would lie.

        Is there a bucket, has it a place that was used before, what is its first element (the element itself where there is none)?
        """
        self.settle()
        bucket = self._buckets.get(jhash2(self.pack(element), self.initval) & self.hashsize - 1)
        if bucket is None:
            return False, False, element
        first = bucket.slots[0]
        return True, None in bucket.slots, element if first is None else first[0]

    def exchange(self, old: Element, new: Element) -> None:
        """``forceadd``: one element takes another's place in their bucket."""
        self.settle()
        value = jhash2(self.pack(new), self.initval)
        slots = self._buckets[value & self.hashsize - 1].slots
        slots[next(place for place, slot in enumerate(slots) if slot is not None and slot[0] == old)] = (new, value)

    # -- as the kernel does it -----------------------------------------------------------------------------------

    def _region(self, value: int) -> int:
        """``ahash_region``: neighbouring buckets share one (as of Linux 6.15)."""
        return (value & self.hashsize - 1) >> _REGION_BITS

    def _add(self, element: Element) -> None:
        value = jhash2(self.pack(element), self.initval)
        while not self._place(element, value, reuse=True):
            self._resize()

    def _place(self, element: Element, value: int, *, reuse: bool) -> bool:
        """Put an element into its bucket; False where the array is as long as it may be."""
        key = value & self.hashsize - 1
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(_INIT_SIZE)
            self._extra += _ext_size(_INIT_SIZE, self.dsize)
        slots = bucket.slots
        if reuse and None in slots:
            slots[slots.index(None)] = (element, value)
        else:
            if len(slots) >= bucket.size:
                if bucket.size >= self.bucketsize:
                    return False
                bucket.size += _INIT_SIZE
                self._extra += _ext_size(_INIT_SIZE, self.dsize)
            slots.append((element, value))
        self._elements[key >> _REGION_BITS] += 1
        return True

    def _resize(self) -> None:
        """``mtype_resize``: twice the buckets, or as many times as it takes."""
        kept = [slot for key in sorted(self._buckets) for slot in self._buckets[key].slots if slot is not None]
        done = False
        while not done:
            self.bits += 1
            self._clear()
            done = all(self._place(element, value, reuse=False) for element, value in kept)

    def _remove(self, element: Element) -> None:
        """``mtype_del``: an array with two free places becomes shorter, an empty one goes."""
        value = jhash2(self.pack(element), self.initval)
        key = value & self.hashsize - 1
        bucket = self._buckets[key]
        slots = bucket.slots
        place = slots.index((element, value))
        slots[place] = None
        if place + 1 == len(slots):
            slots.pop()
        self._elements[key >> _REGION_BITS] -= 1
        free = slots.count(None)
        if free == len(slots):
            self._extra -= _ext_size(bucket.size, self.dsize)
            del self._buckets[key]
        elif free >= _INIT_SIZE:
            bucket.size -= _INIT_SIZE
            bucket.slots = [slot for slot in slots if slot is not None]
            self._extra -= _ext_size(_INIT_SIZE, self.dsize)


def _ext_size(count: int, dsize: int) -> int:
    """``ext_size``: an array and its places."""
    return _SIZEOF_BUCKET + count * dsize
