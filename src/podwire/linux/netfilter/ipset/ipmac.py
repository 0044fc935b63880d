"""``bitmap:ip,mac`` (ip_set_bitmap_ipmac.c): a member may wait for its MAC address, which the first packet that matches fills in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.ipset.base import ADD, AGAIN, MATCH, NO_MATCH, TEST, Accept, Element, Entry, Ext
from podwire.linux.netfilter.ipset.bitmap import BitmapIp
from podwire.linux.netfilter.ipset.errors import BitmapErr, Err, refuse

if TYPE_CHECKING:
    from podwire.linux.netfilter.ipset.adt import Adt
    from podwire.trace.events import Owner

_SIZEOF_ELEM: Final = 8


class MacEntry(Entry):
    """``mac`` is None until it is known; until then the timeout does not run: ``expires`` holds its seconds."""

    __slots__ = ("mac",)

    def __init__(self, owner: Owner) -> None:
        super().__init__(owner)
        self.mac: int | None = None


class BitmapIpMac(BitmapIp):
    """Addresses of a range, each with a MAC address or still without."""

    _sizeof = 80
    _length = _SIZEOF_ELEM
    members: dict[int, MacEntry]  # type: ignore[assignment]

    def uadt(self, what: str, adt: Adt, *, exist: bool, owner: Owner) -> bool:
        """``bitmap_ipmac_uadt``: one address at a time. A test without a MAC address, or of a member without, finds it."""
        ext = self.get_extensions(adt)
        ip = adt.ip or 0
        if not self.first <= ip <= self.last:
            refuse(BitmapErr.RANGE)
        if what == TEST:
            return self.test((ip, adt.mac or 0) if adt.mac is not None else (ip,))[0] > NO_MATCH
        if what == ADD:
            self.add_mac(ip, adt.mac, ext, exist=exist, owner=owner)
        elif not self.delete(self.number(ip)) and not exist:
            refuse(Err.EXIST)
        return True

    def add_mac(self, ip: int, mac: int | None, ext: Ext, *, exist: bool, owner: Owner) -> None:
        """``bitmap_ipmac_do_add``.

        Raises ``IpsetError`` where it is there already, unless that has expired or only waits for this address.
        """
        entry = self.members.get(self.number(ip))
        stored = None
        if entry is None:
            entry = self.members[self.number(ip)] = MacEntry(owner)
            entry.mac = mac
        elif entry.mac is None and mac is not None:
            entry.mac, stored = mac, entry.expires
        else:
            if not self._stale(entry) and not exist:
                refuse(Err.EXIST)
            if exist and mac is not None:
                entry.mac = mac
        if stored is not None and ext.timeout == self.timeout:
            ext.timeout = stored
        self.set_extensions(entry, ext)
        if self.timeout is not None and mac is None:
            entry.expires = ext.timeout

    def delete(self, number: int) -> bool:
        entry = self.members.pop(number, None)
        if entry is None:
            return False
        self.drop_comment(entry)
        return not self._stale(entry)

    def _stale(self, entry: MacEntry) -> bool:
        """``ip_set_timeout_expired``: where the timeout does not run its seconds are taken for a jiffy, one of long ago."""
        return entry.expires != 0 if entry.mac is None else super().expired(entry)

    def expired(self, entry: Entry) -> bool:
        return isinstance(entry, MacEntry) and entry.mac is not None and super().expired(entry)

    def seconds_left(self, entry: Entry) -> int:
        if isinstance(entry, MacEntry) and entry.mac is None:
            return entry.expires
        return super().seconds_left(entry)

    def test(self, element: Element, accept: Accept | None = None) -> tuple[int, Entry | None]:
        """``bitmap_ipmac_do_test``: AGAIN where the address is there and the MAC address is not known, or not asked for."""
        ip, *mac = element
        entry = self.members.get(self.number(ip)) if self.first <= ip <= self.last else None
        if entry is None:
            return NO_MATCH, None
        if not mac or entry.mac is None:
            return AGAIN, entry
        if mac[0] != entry.mac or self.expired(entry) or (accept is not None and not accept(entry)):
            return NO_MATCH, None
        return MATCH, entry

    def entries(self) -> Iterator[tuple[Element, Entry]]:
        """(address,) or (address, MAC address), in ascending order."""
        for number in sorted(self.members):
            entry = self.members[number]
            if not self.expired(entry):
                yield (self.first + number,) if entry.mac is None else (self.first + number, entry.mac), entry
