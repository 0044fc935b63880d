"""``ipset list`` and ``save``: sets as text, as commands, as XML (lib/session.c, list_create and list_adt)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from errno import ENOENT
from functools import cmp_to_key
from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.ipset.bitmap import BitmapPort, BitmapSet
from podwire.linux.netfilter.ipset.hash import HashSet
from podwire.linux.netfilter.ipset.listset import ListSet
from podwire.tools.args import reverse_name
from podwire.tools.ipset.errors import errcode
from podwire.tools.ipset.session import FAMILY_WORDS
from podwire.tools.ipset.settypes import TOOL_TYPES
from podwire.tools.ipset.text import digits, of_member
from podwire.wire.addr import AF_INET6, Ip4, Ip6

if TYPE_CHECKING:
    from podwire.linux.netfilter.ipset.base import Entry, IpSet
    from podwire.tools.ipset.session import Session

_HEX: Final = re.compile(r"\s*[+-]?(0[xX])?[0-9a-fA-F]+", re.ASCII)


def show(session: Session, name: str | None, mode: str) -> Iterator[str]:
    """The text, piece by piece; ends the run where the set is not there. ``mode`` is plain, save or xml."""
    session.sets.collect()
    if name is not None:
        found = session.sets.find(name)
        if found is None:
            session.report.error(errcode("list", ENOENT))
        chosen = [found]
    else:
        chosen = list(session.sets)
    if mode == "xml":
        yield "<ipsets>\n"
    for number, each in enumerate(chosen):
        if session.names and mode != "save":
            yield f'<ipset name="{each.name}"/>\n' if mode == "xml" else f"{each.name}\n"
            continue
        yield from _set(session, each, mode, first=not number)
    if mode == "xml":
        yield "</ipsets>\n"


def _set(session: Session, found: IpSet, mode: str, *, first: bool) -> Iterator[str]:
    short = session.headers and mode != "save"
    options = _options(found)
    yield {"save": _save_header, "xml": _xml_header, "plain": _plain_header}[mode](
        found, options, short=short, first=first
    )
    if not short:
        yield from _members(session, found, mode)
    if mode == "xml":
        yield "</ipset>\n" if short else "</members>\n</ipset>\n"


# -- headers ------------------------------------------------------------------------------------------------------


def _options(found: IpSet) -> list[tuple[str, str]]:
    """The options that a set was created with, as (name, value); "" for a flag. The tool forgets ``forceadd``."""
    values: dict[str, str | None] = {
        "timeout": None if found.timeout is None else str(found.timeout),
        "counters": "" if found.counters else None,
        "create_comment": "" if found.comment else None,
    }
    if isinstance(found, HashSet):
        values["family"] = FAMILY_WORDS.get(found.family)
        values["hashsize"] = _settled_size(found)
        values["maxelem"] = str(found.maxelem)
        values["netmask"] = str(found.netmask) if found.netmask != found.bits else None
        values["bitmask"] = None if found.bitmask is None else digits(found.bitmask, found.family)
        values["markmask"] = f"0x{found.markmask:08x}"
        values["bucketsize"] = str(found.table.bucketsize)
        values["initval"] = f"0x{found.table.initval:08x}"
    elif isinstance(found, BitmapSet):
        write: Callable[[int], str] = str if isinstance(found, BitmapPort) else lambda value: str(Ip4(value))
        values["ip"] = values["port"] = f"{write(found.first)}-{write(found.last)}"
        values["netmask"] = str(found.netmask) if found.netmask != 32 else None
    elif isinstance(found, ListSet):
        values["size"] = str(found.size)
    shown = []
    for arg in TOOL_TYPES[found.type.name].create:
        value = values.get(arg.opt) if arg.prints else None
        if value is not None:
            shown.append((arg.name, value))
    return shown


def _settled_size(found: HashSet) -> str:
    found.table.settle()
    return str(found.table.hashsize)


def _words(options: list[tuple[str, str]]) -> str:
    return "".join(f" {name} {value}" if value else f" {name}" for name, value in options)


def _save_header(found: IpSet, options: list[tuple[str, str]], *, short: bool, first: bool) -> str:
    return f"create {found.name} {found.type.name}{_words(options)}\n"


def _plain_header(found: IpSet, options: list[tuple[str, str]], *, short: bool, first: bool) -> str:
    return (
        f"{'' if first else chr(10)}Name: {found.name}\nType: {found.type.name}\nRevision: {found.type.revision}\n"
        f"Header:{_words(options)}\nSize in memory: {found.memsize()}\nReferences: {found.references}\n"
        f"Number of entries: {found.elements()}\n{'' if short else f'Members:{chr(10)}'}"
    )


def _xml_header(found: IpSet, options: list[tuple[str, str]], *, short: bool, first: bool) -> str:
    tags = "".join(f"<{name}>{value}</{name}>" if value else f"<{name}/>" for name, value in options)
    return (
        f'<ipset name="{found.name}">\n<type>{found.type.name}</type>\n<revision>{found.type.revision}</revision>\n<header>{tags}\n'
        f"<memsize>{found.memsize()}</memsize>\n<references>{found.references}</references>\n"
        f"<numentries>{found.elements()}</numentries>\n</header>\n{'' if short else f'<members>{chr(10)}'}"
    )


# -- members ------------------------------------------------------------------------------------------------------


def _members(session: Session, found: IpSet, mode: str) -> Iterator[str]:
    """A line for each member; sorted, where that is asked for and the type is a hash."""
    xml = mode == "xml"
    address = _names(session) if session.resolve else digits
    prefix = {"save": f"add {found.name} ", "xml": "<member><elem>", "plain": ""}[mode]
    behind, tail = ("</elem>", "</member>\n") if xml else ("", "\n")
    lines: Iterable[str] = (
        of_member(found, element, session.sets, address) + behind + _extensions(found, entry, xml=xml)
        for element, entry in found.entries()
    )
    if session.sorted and found.type.method == "hash":
        lines = sorted(lines) if session.resolve else sorted(lines, key=cmp_to_key(bystrcmp))
    for line in lines:
        yield prefix + line + tail


def _extensions(found: IpSet, entry: Entry, *, xml: bool) -> str:
    """What stands behind an element, in the order of the options of ``add``."""
    shown = []
    if found.timeout is not None:
        shown.append(("timeout", str(found.seconds_left(entry))))
    if entry.nomatch:
        shown.append(("nomatch", ""))
    if found.counters:
        shown += [("packets", str(entry.packets)), ("bytes", str(entry.bytes))]
    if entry.comment:
        shown.append(("comment", f'"{entry.comment}"'))
    if not xml:
        return _words(shown)
    return "".join(f"<{name}>{value}</{name}>" if value else f"<{name}/>" for name, value in shown)


def _names(session: Session) -> Callable[[int, int], str]:
    """``getnameinfo``: the name of an address if it has one, in brackets if that could be taken for a range."""

    def text(value: int, family: int) -> str:
        ip = Ip6(value) if family == AF_INET6 else Ip4(value)
        name = reverse_name(session.proc.place, ip)
        if name is None:
            return str(ip)
        return f"[{name}]" if "-" in name else name

    return text


def bystrcmp(one: str, two: str) -> int:
    """``bystrcmp``: numbers as hexadecimal digits, networks behind the addresses they begin with, longer ones first."""
    negate = 1
    while one and two:
        left, right = _HEX.match(one), _HEX.match(two)
        if left is None or right is None:
            head, other = re.split("[:,]", one)[0], re.split("[:,]", two)[0]
            if not head and not other:
                return (one > two) - (one < two)
            if len(head) != len(other):
                return -1 if len(head) < len(other) else 1
            if head != other:
                return (head > other) - (head < other)
            one, two, negate = one[len(head) + 1 :], two[len(other) + 1 :], 1
            continue
        first, second = int(left[0], 16), int(right[0], 16)
        if first != second:
            return negate * (first - second)
        mark, mark2 = one[left.end() : left.end() + 1], two[right.end() : right.end() + 1]
        if "/" in {mark, mark2}:
            if mark != mark2:
                return 1 if mark == "/" else -1
            negate = -1
        one, two = one[left.end() + 1 :], two[right.end() + 1 :]
        if ":" in {one[:1], two[:1]}:
            if one[:1] != two[:1]:
                return -1 if one[:1] == ":" else 1
            one, two = one[1:], two[1:]
    return 1 if one else -1 if two else 0
