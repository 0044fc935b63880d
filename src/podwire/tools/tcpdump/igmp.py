"""IGMP (print-igmp.c)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from podwire.tools.tcpdump.dissect import Dissector
from podwire.tools.tcpdump.segment import Segment

_QUERY: Final = 0x11
_V1_REPORT: Final = 0x12
_V2_REPORT: Final = 0x16
_LEAVE: Final = 0x17
_V3_REPORT: Final = 0x22
_UNPRINTED: Final = MappingProxyType(
    {0x13: "DVMRP", 0x14: "PIM version 1", 0x1E: "multicast traceroute", 0x1F: "multicast traceroute"}
)
"""What the real tool dissects and podwire does not."""
_RECORDS: Final = MappingProxyType({1: "is_in", 2: "is_ex", 3: "to_in", 4: "to_ex", 5: "allow", 6: "block"})
_USUAL: Final = 100
"""10 s, the response time that nobody mentions."""
_MINUTE: Final = 600


def igmp_print(d: Dissector, segment: Segment) -> None:
    """``igmp_print``: one message."""
    at, length = segment.at, segment.length
    d.protocol = "igmp"
    if d.qflag:
        d.put("igmp")
        return
    kind = d.u1(at)
    if kind == _QUERY:
        d.put("igmp query")
        _query_print(d, at, length)
    elif kind in {_V1_REPORT, _V2_REPORT}:
        d.put(f"igmp v{1 if kind == _V1_REPORT else 2} report {d.host(at + 4)}")
        if kind == _V1_REPORT and length != 8:
            d.put(f" [len {length}]")
    elif kind == _V3_REPORT:
        d.put("igmp v3 report")
        _v3_report_print(d, at, length)
    elif kind == _LEAVE:
        d.put(f"igmp leave {d.host(at + 4)}")
    elif kind in _UNPRINTED:
        d.unmodelled(_UNPRINTED[kind])
        return
    else:
        d.put(f"igmp-{kind}")
    if d.vflag and length >= 4 and d.has(at, length) and d.sum(at, length):
        d.put(f" bad igmp cksum {d.u2(at + 2):x}!")


def _query_print(d: Dissector, at: int, length: int) -> None:
    if length >= 12:
        _v3_query_print(d, at, length)
        return
    time = d.u1(at + 1)
    d.put(" v2" if time else " v1")
    if time and time != _USUAL:
        d.put(f" [max resp time {time}]")
    if d.u4(at + 4):
        d.put(f" [gaddr {d.host(at + 4)}]")
    if length != 8:
        d.put(f" [len {length}]")


def _v3_query_print(d: Dissector, at: int, length: int) -> None:
    d.put(" v3")
    if length & 3:
        d.put(f" [invalid len {length}]")
        return
    code = d.u1(at + 1)
    # RFC 3376 section 4.1.1: a mantissa and an exponent.
    time = code if code < 128 else (code & 15 | 16) << ((code >> 4 & 7) + 3)
    if code != _USUAL:
        text = f"{time * 0.1:.1f}s" if time < _MINUTE else f"{time // _MINUTE}m"
        if time >= _MINUTE and time % _MINUTE:
            text += f"{time % _MINUTE // 10}s"
        d.put(f" [max resp time {text}]")
    if d.u4(at + 4) == 0:
        return
    d.put(f" [gaddr {d.host(at + 4)}")
    count = d.u2(at + 10)
    if count:
        if length < 12 + 4 * count:
            d.put(" [invalid number of sources]")
        elif d.vflag > 1:
            _sources_print(d, at + 12, count)
        else:
            d.put(f", {count} source(s)")
    d.put("]")


def _v3_report_print(d: Dissector, at: int, length: int) -> None:
    if length < 16 or length & 3:
        d.put(f" [invalid len {length}]")
        return
    records = d.u2(at + 6)
    d.put(f", {records} group record(s)")
    if not d.vflag:
        return
    offset = 8
    for _ in range(records):
        if length < offset + 8:
            d.put(" [invalid number of groups]")
            return
        d.put(f" [gaddr {d.host(at + offset + 4)}")
        kind = d.u1(at + offset)
        d.put(f" {_RECORDS.get(kind, f' [v3-report-#{kind}]')}")
        count = d.u2(at + offset + 2)
        if length < offset + 8 + 4 * count:
            d.put(f" [invalid number of sources {count}]")
            return
        if d.vflag == 1:
            d.put(f", {count} source(s)")
        else:
            _sources_print(d, at + offset + 8, count)
        offset += 8 + 4 * count
        d.put("]")


def _sources_print(d: Dissector, at: int, count: int) -> None:
    """The addresses in braces."""
    d.put(" {")
    for index in range(count):
        d.put(f" {d.host(at + 4 * index)}")
    d.put(" }")
