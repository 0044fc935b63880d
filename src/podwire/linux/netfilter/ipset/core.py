"""The sets of a namespace (ip_set_core.c, ``struct ip_set_net``): by index, which rules hold, and by name."""

from __future__ import annotations

from collections.abc import Iterator
from errno import EEXIST, ENOENT
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.linux.netfilter.ipset.bitmap import BitmapIp, BitmapPort
from podwire.linux.netfilter.ipset.errors import Err, refuse
from podwire.linux.netfilter.ipset.hash import HashSet
from podwire.linux.netfilter.ipset.ipmac import BitmapIpMac
from podwire.linux.netfilter.ipset.listset import ListSet
from podwire.linux.netfilter.ipset.settypes import NOT_MODELLED, TYPES
from podwire.wire.addr import AF_INET, AF_INET6

if TYPE_CHECKING:
    from podwire.linux.machine import Machine
    from podwire.linux.netfilter.ipset.adt import Create
    from podwire.linux.netfilter.ipset.base import IpSet

_BITMAPS: Final = MappingProxyType({"bitmap:ip": BitmapIp, "bitmap:port": BitmapPort, "bitmap:ip,mac": BitmapIpMac})


class IpSets:
    """``inst->ip_set_list``: a set keeps its index when it is renamed; two that are swapped exchange theirs."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.by_index: list[IpSet | None] = []
        self._index: dict[str, int] = {}

    # -- looking -------------------------------------------------------------------------------------------------

    def find_and_id(self, name: str) -> tuple[int, IpSet] | None:
        """``find_set_and_id``."""
        index = self._index.get(name)
        each = None if index is None else self.by_index[index]
        return None if index is None or each is None else (index, each)

    def find(self, name: str) -> IpSet | None:
        """``find_set``."""
        found = self.find_and_id(name)
        return found[1] if found is not None else None

    def __getitem__(self, name: str) -> IpSet:
        """The set of that name; raises ``IpsetError`` ENOENT."""
        return self.find(name) or refuse(ENOENT)

    def collect(self) -> None:
        """``list_set_gc``: what has expired in a list is no reference any more; the kernel does so now and then, we when somebody looks."""
        for each in self.by_index:
            if isinstance(each, ListSet):
                each.collect()

    def __iter__(self) -> Iterator[IpSet]:
        """All sets as ``ipset list`` shows them: in the order of their indices, lists behind all others."""
        for lists in (False, True):
            for each in self.by_index:
                if each is not None and each.type.is_list is lists:
                    yield each

    # -- references ----------------------------------------------------------------------------------------------

    def get_byname(self, name: str) -> int:
        """``ip_set_get_byname``: the index of a set, which can then not be destroyed; raises ``IpsetError`` ENOENT."""
        found = self.find_and_id(name)
        if found is None:
            refuse(ENOENT)
        self.get_byindex(found[0])
        return found[0]

    def get_byindex(self, index: int) -> None:
        """``__ip_set_get``."""
        each = self.by_index[index]
        if each is not None:
            each.references += 1

    def put_byindex(self, index: int) -> None:
        """``ip_set_put_byindex``: the reference is given back."""
        each = self.by_index[index]
        if each is not None:
            each.references -= 1

    def name_byindex(self, index: int) -> str:
        """``ip_set_name_byindex``."""
        each = self.by_index[index]
        return each.name if each is not None else ""

    # -- changing ------------------------------------------------------------------------------------------------

    def create(self, name: str, typename: str, create: Create, *, exist: bool = False) -> None:
        """``ip_set_create``: raises ``IpsetError``: FIND_TYPE, EEXIST, what the type has against its options; or ``NotModelled``."""
        if typename in NOT_MODELLED:
            raise NotModelled(f"set type {typename}", "ipset")
        kind = TYPES.get(typename)
        if kind is None or (kind.method == "bitmap" and create.family == AF_INET6):
            refuse(Err.FIND_TYPE)
        made: IpSet
        if kind.method == "hash":
            made = HashSet(self.machine, name, kind, create)
        elif kind.is_list:
            made = ListSet(self.machine, name, kind, create, self)
        else:
            made = _BITMAPS[typename](self.machine, name, kind, create)
        if kind.method == "bitmap":
            made.family = AF_INET if "ip" in kind.dims else 0
        clash = self.find(name)
        if clash is not None:
            if not (exist and clash.type is kind and made.same_set(clash)):
                refuse(EEXIST)
            return
        if None not in self.by_index:
            self.by_index.append(None)
        index = self.by_index.index(None)
        self.by_index[index], self._index[name] = made, index

    def destroy(self, name: str | None = None, *, exist: bool = False) -> None:
        """``ip_set_destroy``: one set, or all; raises ``IpsetError``: ENOENT, BUSY for what a rule or a list holds (then none goes)."""
        self.collect()
        if name is None:
            if any(each is not None and each.references for each in self.by_index):
                refuse(Err.BUSY)
            self.by_index.clear()
            self._index.clear()
            return
        found = self.find_and_id(name)
        if found is None:
            if not exist:
                refuse(ENOENT)
            return
        index, each = found
        if each.references:
            refuse(Err.BUSY)
        each.destroy()
        self.by_index[index] = None
        del self._index[name]

    def rename(self, name: str, new: str) -> None:
        """``ip_set_rename``: raises ``IpsetError``: ENOENT, REFERENCED, EXIST_SETNAME2."""
        self.collect()
        each = self[name]
        if each.references:
            refuse(Err.REFERENCED)
        if self.find(new) is not None:
            refuse(Err.EXIST_SETNAME2)
        each.name = new
        self._index[new] = self._index.pop(name)

    def swap(self, name: str, other: str) -> None:
        """``ip_set_swap``: each gets the other's name, index and references.

        Raises ``IpsetError``: ENOENT, EXIST_SETNAME2, TYPE_MISMATCH.
        """
        one, two = self.find_and_id(name), self.find_and_id(other)
        if one is None:
            refuse(ENOENT)
        if two is None:
            refuse(Err.EXIST_SETNAME2)
        (first, a), (second, b) = one, two
        if a.type.features != b.type.features or a.family != b.family:
            refuse(Err.TYPE_MISMATCH)
        a.name, b.name = b.name, a.name
        a.references, b.references = b.references, a.references
        self.by_index[first], self.by_index[second] = b, a
