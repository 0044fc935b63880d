"""What all sets have: a name, a type, extensions, references, and members with an owner (``struct ip_set``, ip_set_core.c)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.linux.netfilter.ipset.errors import Err, refuse
from podwire.trace.events import KERNEL

if TYPE_CHECKING:
    from podwire.linux.machine import Machine
    from podwire.linux.netfilter.ipset.adt import Adt, Create
    from podwire.linux.netfilter.ipset.settypes import SetType
    from podwire.trace.events import Owner

Element = tuple[int, ...]

MAX_TIMEOUT: Final = 0x7FFFFFFF // 1000
"""IPSET_MAX_TIMEOUT, in seconds."""
_MAX_COMMENT: Final = 255
_SIZEOF_COMMENT: Final = 16
"""``struct ip_set_comment_rcu`` without its text."""

ADD: Final = "add"
DEL: Final = "del"
TEST: Final = "test"

MATCH: Final = 1
NO_MATCH: Final = 0
AGAIN: Final = 2
"""``bitmap:ip,mac``: the element is there and its MAC address is not (-EAGAIN)."""
ENOMATCH: Final = -1
"""The element is there with ``nomatch``: -ENOTEMPTY."""


class Ext(msgspec.Struct, gc=False):
    """``struct ip_set_ext``: what is to be kept beside an element. ``timeout`` in seconds; counters None where nothing was said."""

    timeout: int = 0
    packets: int | None = None
    bytes: int | None = None
    comment: str | None = None


class Entry:
    """A member's flags and extensions, and who put it there. ``expires`` is a jiffy, 0 for never."""

    __slots__ = ("bytes", "comment", "expires", "nomatch", "owner", "packets")

    def __init__(self, owner: Owner = KERNEL) -> None:
        self.owner = owner
        self.nomatch = False
        self.expires = 0
        self.packets = 0
        self.bytes = 0
        self.comment = ""


Accept = Callable[[Entry], bool]


class IpSet:
    """A set of a namespace. ``references`` counts the rules and lists that hold it."""

    def __init__(self, machine: Machine, name: str, kind: SetType, create: Create) -> None:
        self.machine = machine
        self.name = name
        self.type = kind
        self.family = create.family
        self.references = 0
        self.timeout = None if create.timeout is None else min(create.timeout, MAX_TIMEOUT)
        self.counters = create.counters
        self.comment = create.comment
        self.forceadd = create.forceadd
        self.comment_size = 0
        """``set->ext_size``."""

    # -- what types differ in ------------------------------------------------------------------------------------

    def uadt(self, what: str, adt: Adt, *, exist: bool, owner: Owner) -> bool:
        """Add, remove or test what a command names; a test answers, the others answer True. Raises ``IpsetError``."""
        raise NotImplementedError

    def flush(self) -> None:
        """Remove all members."""
        raise NotImplementedError

    def destroy(self) -> None:
        """The set goes: let go of what it holds."""

    def entries(self) -> Iterator[tuple[Element, Entry]]:
        """Members that have not expired, in the order in which the kernel lists them."""
        raise NotImplementedError

    def elements(self) -> int:
        """How many members the header counts."""
        raise NotImplementedError

    def memsize(self) -> int:
        """``Size in memory``: what the kernel counts, in bytes."""
        raise NotImplementedError

    def same_set(self, other: IpSet) -> bool:
        """``same_set``: may ``create -exist`` take one for the other?"""
        return self.timeout == other.timeout and self.extensions == other.extensions

    # -- extensions ----------------------------------------------------------------------------------------------

    @property
    def extensions(self) -> tuple[bool, bool, bool]:
        """Which of timeout, counters and comment the set was created with."""
        return self.timeout is not None, self.counters, self.comment

    def elem_len(self, length: int, align: int) -> int:
        """``ip_set_elem_len``: an element of that many bytes with its extensions behind it."""
        for wanted, size in ((self.counters, 16), (self.timeout is not None, 8), (self.comment, 8)):
            if wanted:
                align = max(align, 8)
                length = (length + 7 & ~7) + size
        return -(-length // align) * align

    def get_extensions(self, adt: Adt) -> Ext:
        """``ip_set_get_extensions``: raises ``IpsetError`` where the set has none of that kind."""
        if adt.timeout is not None and self.timeout is None:
            refuse(Err.TIMEOUT)
        if (adt.packets is not None or adt.bytes is not None) and not self.counters:
            refuse(Err.COUNTER)
        if adt.comment is not None and not self.comment:
            refuse(Err.COMMENT)
        timeout = self.timeout if adt.timeout is None else min(adt.timeout, MAX_TIMEOUT)
        return Ext(timeout or 0, adt.packets, adt.bytes, adt.comment)

    def set_extensions(self, entry: Entry, ext: Ext) -> None:
        """``ip_set_init_counter``, ``ip_set_init_comment``, ``ip_set_timeout_set``: counters stay where nothing was said."""
        if self.counters:
            if ext.bytes is not None:
                entry.bytes = ext.bytes
            if ext.packets is not None:
                entry.packets = ext.packets
        if self.comment:
            self.drop_comment(entry)
            if ext.comment:
                entry.comment = ext.comment[:_MAX_COMMENT]
                self.comment_size += _comment_size(entry.comment)
        if self.timeout is not None:
            entry.expires = self.machine.jiffies + ext.timeout * self.machine.hz if ext.timeout else 0

    def drop_comment(self, entry: Entry) -> None:
        """``ip_set_comment_free``."""
        if entry.comment:
            self.comment_size -= _comment_size(entry.comment)
            entry.comment = ""

    def expired(self, entry: Entry) -> bool:
        """``ip_set_timeout_expired``."""
        return entry.expires != 0 and self.machine.jiffies > entry.expires

    def seconds_left(self, entry: Entry) -> int:
        """``ip_set_timeout_get``: 0 for ever, else 1 at least."""
        if not entry.expires:
            return 0
        return max(1, (entry.expires - self.machine.jiffies) // self.machine.hz)


def _comment_size(text: str) -> int:
    return _SIZEOF_COMMENT + len(text.encode()) + 1
