"""Sets of type ``bitmap:…`` (ip_set_bitmap_gen.h, ip_set_bitmap_ip.c, ip_set_bitmap_port.c, ip_set_bitmap_ipmac.c)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Final

from podwire.linux.netfilter.ipset.base import ADD, MATCH, NO_MATCH, TEST, Accept, Element, Entry, Ext, IpSet
from podwire.linux.netfilter.ipset.errors import BitmapErr, Err, refuse
from podwire.wire.addr import prefix_mask

if TYPE_CHECKING:
    from podwire.linux.machine import Machine
    from podwire.linux.netfilter.ipset.adt import Adt, Create
    from podwire.linux.netfilter.ipset.settypes import SetType
    from podwire.trace.events import Owner

_MAX_RANGE: Final = 1 << 16
"""IPSET_BITMAP_MAX_RANGE + 1."""
_ALL32: Final = 0xFFFFFFFF
_LONG: Final = 64


class BitmapSet(IpSet):
    """``first`` to ``last``, in steps of ``hosts``: addresses or ports; members are counted from 0."""

    _sizeof: ClassVar[int] = 72
    _length: ClassVar[int] = 0
    """What each place takes besides extensions, in bytes."""

    def __init__(self, machine: Machine, name: str, kind: SetType, create: Create) -> None:
        super().__init__(machine, name, kind, create)
        self.netmask = 32
        self.hosts = 1
        self.first, self.last = self._range(create)
        self._size = (self.last - self.first) // self.hosts + 1
        if self._size > _MAX_RANGE:
            refuse(BitmapErr.RANGE_SIZE)
        self.members: dict[int, Entry] = {}

    def _range(self, create: Create) -> tuple[int, int]:
        raise NotImplementedError

    def _numbers(self, what: str, adt: Adt) -> range:
        """The range of numbers that a command names; raises ``IpsetError`` where it is not within the set's."""
        raise NotImplementedError

    def _within(self, low: int, high: int) -> range:
        if low < self.first or high > self.last:
            refuse(BitmapErr.RANGE)
        return range(self.number(low), self.number(high) + 1)

    def number(self, value: int) -> int:
        """``ip_to_id``, ``port_to_id``."""
        return (value - self.first) // self.hosts

    def uadt(self, what: str, adt: Adt, *, exist: bool, owner: Owner) -> bool:
        """``bitmap_*_uadt``: raises ``IpsetError``; what a range had added before stays."""
        if self.type.dims == ("port",) and not self.first <= (adt.port or 0) <= self.last:
            refuse(BitmapErr.RANGE)
        ext = self.get_extensions(adt)
        numbers = self._numbers(what, adt)
        if what == TEST:
            return self.test((self.first + numbers[0] * self.hosts,))[0] == MATCH
        for number in numbers:
            if what == ADD:
                self.add(number, ext, exist=exist, owner=owner)
            elif not self.delete(number) and not exist:
                refuse(Err.EXIST)
        return True

    def add(self, number: int, ext: Ext, *, exist: bool, owner: Owner) -> None:
        """``mtype_add``: raises ``IpsetError`` where it is there already and ``exist`` does not forgive."""
        entry = self.members.get(number)
        if entry is None:
            entry = self.members[number] = Entry(owner)
        elif self.expired(entry):
            entry.owner = owner
        elif not exist:
            refuse(Err.EXIST)
        self.set_extensions(entry, ext)

    def delete(self, number: int) -> bool:
        """``mtype_del``: False where there is none. One that has expired goes all the same."""
        entry = self.members.pop(number, None)
        if entry is None:
            return False
        self.drop_comment(entry)
        return not self.expired(entry)

    def test(self, element: Element, accept: Accept | None = None) -> tuple[int, Entry | None]:
        """``mtype_test``: the verdict and the member that decided; ``element`` is the address or the port."""
        value = element[0]
        if not self.first <= value <= self.last:
            return NO_MATCH, None
        entry = self.members.get(self.number(value))
        if entry is None or self.expired(entry) or (accept is not None and not accept(entry)):
            return NO_MATCH, None
        return MATCH, entry

    def flush(self) -> None:
        self.members.clear()
        self.comment_size = 0

    def entries(self) -> Iterator[tuple[Element, Entry]]:
        """In ascending order."""
        for number in sorted(self.members):
            entry = self.members[number]
            if not self.expired(entry):
                yield (self.first + number * self.hosts,), entry

    def elements(self) -> int:
        for number in [number for number, entry in self.members.items() if self.expired(entry)]:
            self.delete(number)
        return len(self.members)

    def memsize(self) -> int:
        longs = -(-self._size // _LONG)
        return self._sizeof + longs * _LONG // 8 + self._size * self.elem_len(self._length, 1) + self.comment_size

    def same_set(self, other: IpSet) -> bool:
        return (
            isinstance(other, BitmapSet)
            and super().same_set(other)
            and (self.first, self.last, self.netmask) == (other.first, other.last, other.netmask)
        )


class BitmapIp(BitmapSet):
    """``bitmap:ip``: IPv4 addresses, or networks of one size."""

    _sizeof = 88

    def _range(self, create: Create) -> tuple[int, int]:
        """``bitmap_ip_create``."""
        if create.ip is None or (create.ip_to is None and create.cidr is None):
            refuse(Err.PROTOCOL)
        first, last = create.ip, create.ip
        if create.ip_to is not None:
            first, last = min(first, create.ip_to), max(first, create.ip_to)
        elif create.cidr is not None:
            if create.cidr >= 32:
                refuse(Err.INVALID_CIDR)
            mask = prefix_mask(32, create.cidr)
            first, last = first & mask, first | ~mask & _ALL32
        if create.netmask is None:
            return first, last
        if create.netmask > 32:
            refuse(Err.INVALID_NETMASK)
        mask = prefix_mask(32, create.netmask)
        first, last = first & mask, last | ~mask & _ALL32
        if create.netmask == 32:
            return first, last
        bits = _mask_bits(first, last)
        if bits is None or create.netmask <= bits:
            refuse(BitmapErr.RANGE)
        self.netmask, self.hosts = create.netmask, 1 << 32 - create.netmask
        return first, last

    def _numbers(self, what: str, adt: Adt) -> range:
        ip = adt.ip or 0
        if not self.first <= ip <= self.last:
            refuse(BitmapErr.RANGE)
        if what == TEST:
            return self._within(ip, ip)
        last = ip
        if adt.ip_to is not None:
            ip, last = min(ip, adt.ip_to), max(ip, adt.ip_to)
        elif adt.cidr is not None:
            if not adt.cidr:
                refuse(Err.INVALID_CIDR)
            mask = prefix_mask(32, adt.cidr)
            ip, last = ip & mask, ip | ~mask & _ALL32
        if last > self.last or (adt.ip_to is not None and ip < self.first):
            refuse(BitmapErr.RANGE)
        # Steps begin where the range does; nothing looks whether a network does, too.
        return range(self.number(ip), self.number(ip) + (last - ip) // self.hosts + 1)


def _mask_bits(first: int, last: int) -> int | None:
    """``range_to_mask``: the length of the one network that the range is; None where it is none."""
    bits = 31
    while bits > 0 and last & prefix_mask(32, bits) != first:
        bits -= 1
    if not bits:
        return 0 if (first, last) == (0, _ALL32) else None
    return bits


class BitmapPort(BitmapSet):
    """``bitmap:port``."""

    def _range(self, create: Create) -> tuple[int, int]:
        if create.port is None or create.port_to is None:
            refuse(Err.PROTOCOL)
        return min(create.port, create.port_to), max(create.port, create.port_to)

    def _numbers(self, what: str, adt: Adt) -> range:
        port = adt.port or 0
        last = port if adt.port_to is None or what == TEST else adt.port_to
        return self._within(min(port, last), max(port, last))
