"""``list:set``: a list of sets, in an order that people choose (ip_set_list_set.c)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.ipset.base import ADD, TEST, Entry, Ext, IpSet
from podwire.linux.netfilter.ipset.errors import Err, ListErr, refuse

if TYPE_CHECKING:
    from podwire.linux.machine import Machine
    from podwire.linux.netfilter.ipset.adt import Adt, Create
    from podwire.linux.netfilter.ipset.core import IpSets
    from podwire.linux.netfilter.ipset.settypes import SetType
    from podwire.trace.events import Owner

_DEFAULT_SIZE: Final = 8
_MIN_SIZE: Final = 4
_SIZEOF: Final = 80
_SIZEOF_ELEM: Final = 48
Element = tuple[int, ...]


class ListSet(IpSet):
    """Members are indices of sets, as the kernel keeps them: one that is renamed or swapped stays where it is."""

    def __init__(self, machine: Machine, name: str, kind: SetType, create: Create, sets: IpSets) -> None:
        super().__init__(machine, name, kind, create)
        self.size = max(_DEFAULT_SIZE if create.size is None else create.size, _MIN_SIZE)
        self.sets = sets
        self.members: list[tuple[int, Entry]] = []

    def uadt(self, what: str, adt: Adt, *, exist: bool, owner: Owner) -> bool:
        """``list_set_uadt``: raises ``IpsetError``; a set that is in a list counts that as a reference."""
        ext = self.get_extensions(adt)
        found = self.sets.find_and_id(adt.name or "")
        if found is None:
            refuse(ListErr.NAME)
        index, member = found
        if member.type.is_list:
            refuse(ListErr.LOOP)
        if adt.before and adt.nameref is None:
            refuse(ListErr.BEFORE)
        reference = None
        if adt.nameref is not None:
            other = self.sets.find_and_id(adt.nameref)
            if other is None:
                refuse(ListErr.NAMEREF)
            reference = other[0]
        if what == TEST:
            return self._utest(index, reference, before=adt.before)
        self.collect()
        if what == ADD:
            self._uadd(index, reference, ext, before=adt.before, exist=exist, owner=owner)
        else:
            self._udel(index, reference, before=adt.before, exist=exist)
        return True

    def _place(self, index: int) -> int | None:
        return next(
            (n for n, (each, entry) in enumerate(self.members) if each == index and not self.expired(entry)), None
        )

    def _beside(self, place: int, reference: int | None, *, before: bool) -> bool:
        """Is the member at that place right before, or behind, the one that was named?"""
        if reference is None:
            return True
        other = place + 1 if before else place - 1
        return 0 <= other < len(self.members) and self.members[other][0] == reference

    def _utest(self, index: int, reference: int | None, *, before: bool) -> bool:
        place = self._place(index)
        return place is not None and self._beside(place, reference, before=before)

    def _uadd(self, index: int, reference: int | None, ext: Ext, *, before: bool, exist: bool, owner: Owner) -> None:
        """``list_set_uadd``: at the end, or beside another."""
        other = None if reference is None else self._place(reference)
        if reference is not None and (other is None or reference == index):
            refuse(ListErr.REF_EXIST)
        place = self._place(index)
        if place is not None:
            if not exist:
                refuse(Err.EXIST)
            self.set_extensions(self.members[place][1], ext)
            return
        entry = Entry(owner)
        self.set_extensions(entry, ext)
        at = len(self.members) if other is None else other if before else other + 1
        self.members.insert(at, (index, entry))
        self.sets.get_byindex(index)

    def _udel(self, index: int, reference: int | None, *, before: bool, exist: bool) -> None:
        place = self._place(index)
        if place is None:
            if reference is not None:
                refuse(ListErr.REF_EXIST)
            if not exist:
                refuse(Err.EXIST)
            return
        if not self._beside(place, reference, before=before):
            refuse(ListErr.REF_EXIST)
        self._remove(place)

    def _remove(self, place: int) -> None:
        index, entry = self.members.pop(place)
        self.drop_comment(entry)
        self.sets.put_byindex(index)

    def collect(self) -> None:
        """``set_cleanup_entries``."""
        for place in reversed(range(len(self.members))):
            if self.expired(self.members[place][1]):
                self._remove(place)

    def flush(self) -> None:
        for place in reversed(range(len(self.members))):
            self._remove(place)
        self.comment_size = 0

    def destroy(self) -> None:
        self.flush()

    def entries(self) -> Iterator[tuple[Element, Entry]]:
        """(index of the set,) in the list's order."""
        self.collect()
        return (((index,), entry) for index, entry in self.members)

    def elements(self) -> int:
        self.collect()
        return len(self.members)

    def memsize(self) -> int:
        return _SIZEOF + self.elements() * self.elem_len(_SIZEOF_ELEM, 8) + self.comment_size

    def same_set(self, other: IpSet) -> bool:
        return isinstance(other, ListSet) and super().same_set(other) and self.size == other.size
