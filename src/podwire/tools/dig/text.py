"""Records as BIND prints them (lib/dns/masterdump.c, rdata/)."""

from __future__ import annotations

from typing import Final

from podwire.errors import NotModelled
from podwire.wire import dns

_TTL, _CLASS, _TYPE, _DATA = 24, 32, 40, 48
_QUOTED: Final = frozenset(b'"\\')


def indent(at: int, to: int) -> str:
    """From one column to another by tabs and spaces: one space at least."""
    to = max(to, at + 1)
    tabs = to // 8 - at // 8
    return "\t" * tabs + " " * (to - (to // 8 * 8 if tabs > 0 else at))


class _Row:
    """A line that grows column by column. A column before it may have been overrun."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = len(text)

    def add(self, column: int, text: str) -> None:
        gap = indent(self.at, column)
        self.at = max(column, self.at + 1) + len(text)
        self.text += gap + text


def data_text(record: dns.Record) -> str:
    """RDATA. Raises ``NotModelled`` for a type that podwire carries without reading it."""
    match record.data:
        case dns.Target(name):
            return name
        case dns.Address(ip):
            return str(ip)
        case dns.Service(priority, weight, port, target):
            return f"{priority} {weight} {port} {target}" if record.type == dns.SRV else f"{priority} {target}"
        case dns.Start() as start:
            times = f"{start.serial} {start.refresh} {start.retry} {start.expire} {start.minimum}"
            return f"{start.mname} {start.rname} {times}"
        case dns.Text(strings):
            return " ".join(f'"{_quoted(each)}"' for each in strings)
        case dns.Opaque():
            raise NotModelled(f"the text of {dns.type_name(record.type)} records", "dig")


def _quoted(data: bytes) -> str:
    text = ""
    for octet in data:
        if octet in _QUOTED:
            text += f"\\{chr(octet)}"
        else:
            text += chr(octet) if 0x20 <= octet < 0x7F else f"\\{octet:03}"
    return text


def record_line(record: dns.Record, *, ttl: bool = True, cls: bool = True) -> str:
    r"""``web.default.svc.cluster.local. 30 IN\tA\t10.96.1.1`` and the end of the line."""
    row = _Row(record.name)
    if ttl:
        row.add(_TTL, str(record.ttl))
    if cls:
        row.add(_CLASS, dns.CLASSES.get(record.cls, f"CLASS{record.cls}"))
    row.add(_TYPE, dns.type_name(record.type))
    row.add(_DATA, data_text(record))
    return f"{row.text}\n"


def question_line(question: dns.Question) -> str:
    r"""``;web.default.svc.cluster.local.\tIN\tA``."""
    row = _Row(question.name)
    row.add(_CLASS, dns.CLASSES.get(question.cls, f"CLASS{question.cls}"))
    row.add(_TYPE, dns.type_name(question.type))
    return f";{row.text}\n"
