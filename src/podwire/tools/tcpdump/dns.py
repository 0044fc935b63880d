"""DNS messages (print-domain.c)."""

from __future__ import annotations

from typing import Final

from podwire.tools.tcpdump.dissect import Dissector
from podwire.tools.tcpdump.dnsnames import Cut, name_print, skip_name
from podwire.tools.tcpdump.dnsrecords import CLASS_IN, CLASSES, OPT, TYPES, record_print

_OPERATIONS: Final = (
    "",
    " inv_q",
    " stat",
    " op3",
    " notify",
    " update",
    " op6",
    " op7",
    " op8",
    " updateA",
    " updateD",
    " updateDA",
    " updateM",
    " updateMA",
    " zoneInit",
    " zoneRef",
)
_RESPONSES: Final = (
    "",
    " FormErr",
    " ServFail",
    " NXDomain",
    " NotImp",
    " Refused",
    " YXDomain",
    " YXRRSet",
    " NXRRSet",
    " NotAuth",
    " NotZone",
    " Resp11",
    " Resp12",
    " Resp13",
    " Resp14",
    " NoChange",
    " BadVers",
    "Resp17",
    " Resp18",
    " Resp19",
    " Resp20",
    "Resp21",
    " Resp22",
    " BadCookie",
)
"""Two lack their blank, in the real tool too."""
_HEADER: Final = 12
_INVERSE_QUERY: Final = 1
_UNICAST: Final = 0x8000
"""mDNS: the top bit of a class asks for a unicast answer, or says that old records go."""


def udp_dns_print(d: Dissector, at: int, length: int) -> None:
    """A message in a datagram."""
    d.protocol = "domain"
    _Message(d, at, length, multicast=False).print()


def mdns_print(d: Dissector, at: int, length: int) -> None:
    """The same on port 5353."""
    d.protocol = "domain"
    _Message(d, at, length, multicast=True).print()


def tcp_dns_print(d: Dissector, at: int, length: int) -> None:
    """A message behind its length, in a segment that holds all of it and nothing else."""
    d.protocol = "domain"
    if length < 2:
        d.put(f" [DNS over TCP: length {length} < 2]")
        d.invalid()
        return
    stated = d.u2(at)
    length -= 2
    if stated != length:
        d.put(f" [prefix length({stated}) != length({length})]")
        d.invalid()
        return
    d.put(" ")
    _Message(d, at + 2, length, multicast=False).print()


class _Message:
    """One message; ``base`` is what compressed names count from."""

    def __init__(self, d: Dissector, base: int, length: int, *, multicast: bool) -> None:
        self.d = d
        self.base = base
        self.length = length
        self.multicast = multicast

    def print(self) -> None:
        """The whole line."""
        d, base = self.d, self.base
        if self.length < _HEADER:
            d.put(f"domain [length {self.length} < {_HEADER}]")
            d.invalid()
            return
        if not d.has(base, _HEADER):
            d.truncated()
            return
        counts = [d.u2(base + offset) for offset in (4, 6, 8, 10)]
        try:
            if d.u2(base + 2) & 0x8000:
                self._response(*counts)
            else:
                self._request(*counts)
        except Cut:
            d.truncated()
            return
        d.put(f" ({self.length})")

    # -- responses -------------------------------------------------------------------------------------------------

    def _response(self, questions: int, answers: int, authorities: int, additional: int) -> None:
        d, at = self.d, self.base + _HEADER
        flags = d.u2(self.base + 2)
        code = self._code(questions, answers + authorities, additional)
        said = _RESPONSES[code] if code < len(_RESPONSES) else f" Resp{code & 0xFFF}"
        marks = "".join(mark for bit, mark in ((0x0400, "*"), (0x0200, "|"), (0x0020, "$")) if flags & bit)
        marks = marks if flags & 0x0080 else f"{marks[:1]}-{marks[1:]}" if flags & 0x0400 else f"-{marks}"
        d.put(f"{d.u2(self.base)}{_OPERATIONS[flags >> 11 & 15]}{said}{marks}")
        if questions != 1:
            d.put(f" [{questions}q]")
        for number in range(questions):
            if number:
                d.put(",")
            if d.vflag > 1:
                d.put(" q:")
                at = self._question(at)
            else:
                at = _present(skip_name(d, at)) + 4
        d.put(f" {answers}/{authorities}/{additional}")
        if answers:
            at = self._records(at, answers)
        if d.vflag > 1:
            self._sections(at, authorities, additional)

    def _code(self, questions: int, records: int, additional: int) -> int:
        """The response code; its upper bits stand in an OPT record, if one can be found."""
        d = self.d
        code = d.u2(self.base + 2) & 15
        at: int | None = self.base + _HEADER
        for _ in range(questions):
            at = skip_name(d, _present(at))
            if at is None or at + 4 >= d.end:
                return code
            at += 4
        for number in range(records + additional):
            at = skip_name(d, _present(at))
            if at is None:
                return code
            if number >= records:
                if at + 2 > d.end:
                    return code
                kind = d.u2(at)
                if at + 5 > d.end:
                    return code
                if kind == OPT:
                    return code | d.u1(at + 4) << 4
            if at + 10 > d.end:
                return code
            at += 10 + d.u2(at + 8)
            if at >= d.end:
                return code
        return code

    # -- requests --------------------------------------------------------------------------------------------------

    def _request(self, questions: int, answers: int, authorities: int, additional: int) -> None:
        d, at = self.d, self.base + _HEADER
        flags = d.u2(self.base + 2)
        operation = flags >> 11 & 15
        marks = f"{'+' if flags & 0x0100 else ''}{'%' if flags & 0x0010 else ''}"
        d.put(f"{d.u2(self.base)}{_OPERATIONS[operation]}{marks}")
        if flags & 0x6CF:
            d.put(f" [b2&3=0x{flags:x}]")
        if operation == _INVERSE_QUERY:
            notes = [(questions, "q", questions != 0), (answers, "a", answers != 1)]
        else:
            notes = [(answers, "a", answers != 0), (questions, "q", questions != 1)]
        notes += [(authorities, "n", authorities != 0), (additional, "au", additional != 0)]
        d.put("".join(f" [{count}{letter}]" for count, letter, worth in notes if worth))
        if questions:
            at = self._question(at)
            questions -= 1
            while at < d.end and questions:
                at = self._question(at)
                questions -= 1
        if questions:
            raise Cut
        if d.vflag > 1:
            if answers:
                at = self._records(at, answers)
            self._sections(at, authorities, additional)

    # -- sections --------------------------------------------------------------------------------------------------

    def _sections(self, at: int, authorities: int, additional: int) -> None:
        for count, word in ((authorities, " ns:"), (additional, " ar:")):
            if not count:
                continue
            if at >= self.d.end:
                raise Cut
            self.d.put(word)
            at = self._records(at, count)

    def _records(self, at: int, count: int) -> int:
        """``count`` records; raises ``Cut`` where they are not all there."""
        d = self.d
        at = record_print(d, at, self.base, multicast=self.multicast)
        for _ in range(count - 1):
            if at >= d.end:
                raise Cut
            d.put(",")
            at = record_print(d, at, self.base, multicast=self.multicast)
        return at

    def _question(self, at: int) -> int:
        d = self.d
        behind = skip_name(d, at)
        if behind is None or not d.has(behind, 4):
            raise Cut
        kind, whole = d.u2(behind), d.u2(behind + 2)
        number = whole & ~_UNICAST if self.multicast else whole
        d.put(f" {TYPES.get(kind, f'Type{kind}')}")
        if number != CLASS_IN:
            d.put(f" {CLASSES.get(number, f'(Class {number})')}")
        if self.multicast:
            d.put(" (QU)" if whole & _UNICAST else " (QM)")
        d.put("? ")
        return name_print(d, at, self.base) + 4


def _present(at: int | None) -> int:
    if at is None:
        raise Cut
    return at
