"""Sets of type ``hash:…`` (ip_set_hash_gen.h): membership is a dictionary, networks are looked for by prefix length, longest first."""

from __future__ import annotations

from collections.abc import Iterator
from errno import ENOMEM
from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.ipset.base import ADD, ENOMATCH, MATCH, NO_MATCH, TEST, Accept, Element, Entry, Ext, IpSet
from podwire.linux.netfilter.ipset.errors import Err, HashErr, refuse
from podwire.linux.netfilter.ipset.hashtable import HashTable
from podwire.linux.netfilter.ipset.layout import packer
from podwire.linux.netfilter.ipset.ranges import check, expand
from podwire.wire.addr import AF_INET6, prefix_mask

if TYPE_CHECKING:
    from podwire.linux.machine import Machine
    from podwire.linux.netfilter.ipset.adt import Adt, Create
    from podwire.linux.netfilter.ipset.settypes import SetType
    from podwire.trace.events import Owner

_DEFAULT_HASHSIZE: Final = 1024
_MINIMAL_HASHSIZE: Final = 64
_LARGEST_HASHSIZE: Final = 1 << 27
"""Where ``htable_size`` no longer fits."""
_DEFAULT_MAXELEM: Final = 65536
_BUCKETSIZE: Final = (2, 12)
"""AHASH_INIT_SIZE and AHASH_MAX_SIZE."""
_ALL32: Final = 0xFFFFFFFF


class HashSet(IpSet):
    """``struct htype`` with its table. ``mask`` is that of ``netmask`` or ``bitmask``."""

    def __init__(self, machine: Machine, name: str, kind: SetType, create: Create) -> None:
        super().__init__(machine, name, kind, create)
        sizes = kind.inet6 if create.family == AF_INET6 else kind.inet
        if sizes is None or (create.family == 0) is not (kind.name == "hash:mac"):
            refuse(Err.INVALID_FAMILY)
        self.bits = 128 if create.family == AF_INET6 else 32
        self._set_masks(create)
        self.markmask = _ALL32 if create.markmask is None else create.markmask
        if not self.markmask:
            refuse(Err.INVALID_MARKMASK)
        hashsize = max(_DEFAULT_HASHSIZE if create.hashsize is None else create.hashsize, _MINIMAL_HASHSIZE)
        if hashsize > _LARGEST_HASHSIZE:
            refuse(ENOMEM)
        self.maxelem = _DEFAULT_MAXELEM if create.maxelem is None else create.maxelem
        low, high = _BUCKETSIZE
        bucketsize = high if create.bucketsize is None else min(max(create.bucketsize, low), high)
        initval = create.initval
        if initval is None:
            initval = machine.random("ipset", name).getrandbits(32)
        self._head = sizes.head
        dsize = self.elem_len(sizes.element, sizes.align)
        self.table = HashTable(hashsize, bucketsize + bucketsize % 2, initval, dsize, packer(kind.name, create.family))
        self.members: dict[Element, Entry] = {}
        self._places = _net_places(kind)
        self._counts: list[dict[int, int]] = [{} for _ in self._places]
        self._masks: list[list[tuple[int, int]]] = [[] for _ in self._places]
        """For each network of the element: (prefix length, mask) of those that are in use, longest first."""

    def _set_masks(self, create: Create) -> None:
        self.netmask = self.bits
        self.mask = (1 << self.bits) - 1
        if create.netmask is not None:
            if not 0 < create.netmask <= self.bits:
                refuse(Err.INVALID_NETMASK)
            self.netmask, self.mask = create.netmask, prefix_mask(self.bits, create.netmask)
        if create.bitmask is not None:
            if create.netmask is not None:
                refuse(Err.BITMASK_NETMASK_EXCL)
            if not create.bitmask:
                refuse(Err.INVALID_NETMASK)
            self.mask = create.bitmask

    @property
    def bitmask(self) -> int | None:
        """The mask, where it was given as one and cuts something."""
        return self.mask if self.netmask == self.bits and self.mask != (1 << self.bits) - 1 else None

    # -- what a command asks -------------------------------------------------------------------------------------

    def uadt(self, what: str, adt: Adt, *, exist: bool, owner: Owner) -> bool:
        """``mtype_uadt``: raises ``IpsetError``; what a range had added before stays."""
        check(self, adt)
        ext = self.get_extensions(adt)
        elements = expand(self, what, adt)
        if what == TEST:
            verdict, _ = self.test(next(elements))
            return verdict == MATCH or (verdict == ENOMATCH and adt.nomatch)
        for element in elements:
            if what == ADD:
                self.add(element, ext, exist=exist, nomatch=adt.nomatch, owner=owner)
            elif not self.delete(element) and not exist:
                refuse(Err.EXIST)
        return True

    def add(self, element: Element, ext: Ext, *, exist: bool, nomatch: bool, owner: Owner) -> None:
        """``mtype_add``: raises ``IpsetError`` where it is there already and ``exist`` does not forgive, or the set is full."""
        entry = self.members.get(element)
        if entry is not None:
            gone = self.expired(entry)
            if not exist and not gone:
                refuse(Err.EXIST)
            if gone:
                entry.owner = owner
        else:
            if len(self.members) >= self.maxelem:
                self._make_room(element)
            else:
                self.table.pending.append((True, element))
            entry = self.members[element] = Entry(owner)
            for place, counts, masks in zip(self._places, self._counts, self._masks, strict=True):
                cidr = element[place + 1]
                counts[cidr] = counts.get(cidr, 0) + 1
                if counts[cidr] == 1:
                    self._sort_masks(counts, masks)
        entry.nomatch = nomatch
        if self.timeout is not None or self.counters or self.comment:
            self.set_extensions(entry, ext)

    def _sort_masks(self, counts: dict[int, int], masks: list[tuple[int, int]]) -> None:
        masks[:] = [(cidr, prefix_mask(self.bits, cidr)) for cidr in sorted(counts, reverse=True)]

    def _make_room(self, element: Element) -> None:
        """The set has ``maxelem`` members, or one region its share: the kernel looks at the bucket."""
        self._collect()
        count = self.table.region_count(element)
        if count < self.maxelem // self.table.regions or len(self.members) < self.maxelem:
            self.table.pending.append((True, element))
            return
        found, free, victim = self.table.neighbour(element)
        if not found or not (free or self.forceadd):
            refuse(HashErr.HASH_FULL)
        if free:
            self.table.pending.append((True, element))
            return
        self._forget(victim)
        self.table.exchange(victim, element)

    def delete(self, element: Element) -> bool:
        """``mtype_del``: False where there is none, or none any more."""
        entry = self.members.get(element)
        if entry is None or self.expired(entry):
            return False
        self._forget(element)
        self.table.pending.append((False, element))
        return True

    def _forget(self, element: Element) -> None:
        self.drop_comment(self.members.pop(element))
        for place, counts, masks in zip(self._places, self._counts, self._masks, strict=True):
            cidr = element[place + 1]
            counts[cidr] -= 1
            if not counts[cidr]:
                del counts[cidr]
                self._sort_masks(counts, masks)

    def _collect(self) -> None:
        """``mtype_gc_do``: the kernel does so now and then, we when somebody counts."""
        if self.timeout is None:
            return
        for element in [element for element, entry in self.members.items() if self.expired(entry)]:
            self._forget(element)
            self.table.pending.append((False, element))

    # -- what a packet asks --------------------------------------------------------------------------------------

    def test(self, element: Element, accept: Accept | None = None) -> tuple[int, Entry | None]:
        """``mtype_test``: the verdict and the member that decided.

        Single addresses are looked for in networks of every length. ``accept`` may turn a member down: the search goes on
        (``ip_set_match_extensions``).
        """
        places = self._places
        if not places or any(element[place + 1] != self.bits for place in places):
            return self._verdict(element, accept)
        if len(places) == 1:
            place = places[0]
            address, before, behind = element[place], element[:place], element[place + 2 :]
            for cidr, mask in self._masks[0]:
                found = self._verdict((*before, address & mask, cidr, *behind), accept)
                if found[0]:
                    return found
            return NO_MATCH, None
        second = places[1]
        for cidr, mask in self._masks[0]:
            head = (element[0] & mask, cidr, *element[2:second])
            for cidr2, mask2 in self._masks[1]:
                found = self._verdict((*head, element[second] & mask2, cidr2), accept)
                if found[0]:
                    return found
        return NO_MATCH, None

    def _verdict(self, element: Element, accept: Accept | None) -> tuple[int, Entry | None]:
        entry = self.members.get(element)
        if entry is None or (entry.expires and self.expired(entry)) or (accept is not None and not accept(entry)):
            return NO_MATCH, None
        return (ENOMATCH if entry.nomatch else MATCH), entry

    def longest(self, place: int) -> int:
        """``INIT_CIDR``: the prefix length that the target SET adds networks with: the longest in use, else that of an address."""
        masks = self._masks[place]
        return masks[0][0] if masks else self.bits

    # -- what a listing shows ------------------------------------------------------------------------------------

    def flush(self) -> None:
        self.members.clear()
        self.comment_size = 0
        self._counts = [{} for _ in self._places]
        self._masks = [[] for _ in self._places]
        self.table.flush()

    def entries(self) -> Iterator[tuple[Element, Entry]]:
        self._collect()
        return ((element, self.members[element]) for element in self.table)

    def elements(self) -> int:
        self._collect()
        return len(self.members)

    def memsize(self) -> int:
        self._collect()
        return self._head + self.table.memory() + self.comment_size

    def same_set(self, other: IpSet) -> bool:
        return (
            isinstance(other, HashSet)
            and super().same_set(other)
            and (self.maxelem, self.mask, self.markmask) == (other.maxelem, other.mask, other.markmask)
            and self.family == other.family
        )


def _net_places(kind: SetType) -> tuple[int, ...]:
    """Where in an element its networks begin."""
    places, at = [], 0
    for dim in kind.dims:
        if dim == "net":
            places.append(at)
        at += 2 if dim in {"net", "port"} else 1
    return tuple(places)
