"""A run of ``ipset``: what it asks of the kernel, and in restore mode how it saves up what it asks (lib/session.c).

Lines that add to, or delete from, one set go to the kernel together: when another command follows, when a message is full,
at the end. A line that cannot be understood ends the run, and what was saved up is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from podwire.errors import NotModelled
from podwire.linux.netfilter.ipset.adt import Adt, Create
from podwire.linux.netfilter.ipset.errors import IpsetError
from podwire.linux.netlink import Netlink
from podwire.tools.ipset.errors import errcode
from podwire.tools.ipset.report import Kind, Report
from podwire.tools.ipset.settypes import TOOL_TYPES, ToolType
from podwire.tools.ipset.text import of_data
from podwire.trace.events import Owner
from podwire.wire.addr import AF_INET, AF_INET6

if TYPE_CHECKING:
    from podwire.tools.ipset.addresses import Data
    from podwire.tools.process import Process

_PAGE: Final = 4096
_SIZEOF_NLMSGERR: Final = 20
_CREATE: Final = ("ip", "ip_to", "cidr", "port", "port_to", "hashsize", "maxelem", "netmask", "bitmask", "markmask", "bucketsize",
                  "initval", "size", "timeout")  # fmt: skip


class _Line(NamedTuple):
    number: int
    adt: Adt


class Session:
    """The state of a run: the door, the options, what is saved up."""

    def __init__(self, proc: Process) -> None:
        self.proc = proc
        self.door = Netlink(proc.place.netns, Owner("ipset"))
        self.sets = proc.place.netns.ipsets
        self.report = Report(proc)
        self.mode = ""
        """Of listings: plain, save, xml; "" for the command's own."""
        self.sorted = False
        self.resolve = False
        self.exist = False
        self.names = False
        self.headers = False
        self.filename: str | None = None
        self.restore_line = 0
        self._saved: list[_Line] = []
        self._saved_for = ("", "")
        self._saved_exist = False
        self._saved_size = 0

    # -- commands ------------------------------------------------------------------------------------------------

    def refused(self, command: str, error: IpsetError, method: str = "") -> None:
        """``decode_errmsg``: say what the kernel has against it, and end."""
        self.report.error(errcode(command, error.errno, method))

    def create(self, name: str, kind: ToolType, data: Data) -> None:
        """``IPSET_CMD_CREATE``."""
        if "skbinfo" in data:
            raise NotModelled("skbinfo", "ipset")
        numbers = {key: int(data[key]) for key in _CREATE if key in data}
        create = Create(
            family=int(data.get("family", 0)),
            counters="counters" in data,
            comment="create_comment" in data,
            forceadd="forceadd" in data,
        )
        for key, value in numbers.items():
            setattr(create, key, value)
        try:
            self.door.ipset_create(name, kind.name, create, exist=self.exist)
        except IpsetError as error:
            self.refused("create", error, kind.method)

    def adt(self, command: str, name: str, kind: ToolType, data: Data) -> None:
        """``IPSET_CMD_ADD``, ``DEL`` and ``TEST``."""
        adt = request(data)
        if command == "test":
            self.test(name, kind, data, adt)
        elif not self.restore_line:
            try:
                (self.door.ipset_add if command == "add" else self.door.ipset_del)(name, adt, exist=self.exist)
            except IpsetError as error:
                self.refused(command, error, kind.method)
        else:
            self.save_up(command, name, adt)

    def test(self, name: str, kind: ToolType, data: Data, adt: Adt) -> None:
        """``IPSET_CMD_TEST``: the answer is a warning, or a notice that ends the run with 1."""
        try:
            found = self.door.ipset_test(name, adt)
        except IpsetError:
            # Whatever the kernel minds, the answer is that it is not there.
            found = False
        if not self.report.quiet:
            verb = "is" if found else "is NOT"
            self.report.add(Kind.WARNING if found else Kind.NOTICE, f"{of_data(data, kind)} {verb} in set {name}.")
        if not found:
            self.report.finish()

    def type_of(self, name: str) -> tuple[ToolType, int]:
        """``IPSET_CMD_HEADER``: type and family of a set."""
        found = self.sets.find(name)
        if found is None:
            self.report.error(errcode("header", 2))
        return TOOL_TYPES[found.type.name], found.family

    # -- restore mode --------------------------------------------------------------------------------------------

    def save_up(self, command: str, name: str, adt: Adt) -> None:
        """``build_msg``: behind the lines before it, if these are about the same set and do the same."""
        if self._saved_for != (command, name):
            self.commit()
        size = _length(adt)
        if self._saved and self._saved_size + size + _SIZEOF_NLMSGERR > _PAGE:
            self.commit()
        if not self._saved:
            self._saved_for = command, name
            self._saved_exist = self.exist
            self._saved_size = 44 + (len(name) + 4 & ~3)
        self._saved_size += size
        self._saved.append(_Line(self.restore_line, adt))

    def commit(self) -> None:
        """``ipset_commit``: the kernel does what was saved up, until it minds a line."""
        saved, self._saved = self._saved, []
        if not saved:
            return
        (command, name), exist = self._saved_for, self._saved_exist
        self._saved_for = "", ""
        found = self.sets.find(name)
        method = found.type.method if found is not None else ""
        verb = self.door.ipset_add if command == "add" else self.door.ipset_del
        for number, adt in saved:
            try:
                verb(name, adt, exist=exist)
            except IpsetError as error:
                self.report.lineno = number
                self.refused(command, error, method)


def request(data: Data) -> Adt:
    """The attributes of a command about an element."""
    for key in ("skbmark", "skbprio", "skbqueue", "wildcard"):
        if key in data:
            raise NotModelled(key, "ipset")
    adt = Adt()
    for key, value in data.items():
        if key == "ether":
            adt.mac = int(value)
        elif key == "adt_comment":
            adt.comment = str(value)
        elif key != "family":
            setattr(adt, key, value)
    return adt


def _length(adt: Adt) -> int:
    """How many bytes of a message an element takes, with its line number."""
    size = 12
    for value, attribute in (
        (adt.ip, 12), (adt.ip_to, 12), (adt.cidr, 8), (adt.ip2, 12), (adt.ip2_to, 12), (adt.cidr2, 8), (adt.port, 8),
        (adt.port_to, 8), (adt.proto, 8), (adt.mark, 8), (adt.mac, 12), (adt.timeout, 8), (adt.packets, 12), (adt.bytes, 12),
    ):  # fmt: skip
        if value is not None:
            size += attribute
    for text in (adt.name, adt.nameref, adt.comment):
        if text is not None:
            size += 4 + (len(text.encode(errors="surrogateescape")) + 4 & ~3)
    return size + (8 if adt.nomatch or adt.before else 0)


def default_family(kind: ToolType) -> int:
    """``create_type_get``: the family of a set before one is chosen."""
    return AF_INET if kind.has_family or kind.name in {"bitmap:ip", "bitmap:ip,mac"} else 0


FAMILY_WORDS: Final = {AF_INET: "inet", AF_INET6: "inet6"}
