"""ICMP (print-icmp.c)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from podwire.tools.tcpdump.dissect import Dissector
from podwire.tools.tcpdump.icmpext import extensions_print
from podwire.tools.tcpdump.segment import Segment, should_be

_UNREACHABLE: Final = 3
_REDIRECT: Final = 5
_TIME_EXCEEDED: Final = 11
_PARAMETER_PROBLEM: Final = 12
_ERRORS: Final = frozenset({_UNREACHABLE, 4, _REDIRECT, _TIME_EXCEEDED, _PARAMETER_PROBLEM})
_EXTENSIBLE: Final = frozenset({_UNREACHABLE, _TIME_EXCEEDED, _PARAMETER_PROBLEM})
"""Errors that may carry objects behind their quotation (RFC 4884)."""

_WORDS: Final = MappingProxyType(
    {
        4: "source quench",
        10: "router solicitation",
        15: "information request",
        16: "information reply",
        17: "address mask request",
    }
)
_UNREACHABLE_WORDS: Final = MappingProxyType(
    {
        0: "net {} unreachable",
        1: "host {} unreachable",
        5: "{} unreachable - source route failed",
        6: "net {} unreachable - unknown",
        7: "host {} unreachable - unknown",
        8: "{} unreachable - source host isolated",
        9: "net {} unreachable - admin prohibited",
        10: "host {} unreachable - admin prohibited",
        11: "net {} unreachable - tos prohibited",
        12: "host {} unreachable - tos prohibited",
        13: "host {} unreachable - admin prohibited filter",
        14: "host {} unreachable - host precedence violation",
        15: "host {} unreachable - precedence cutoff",
    }
)
_REDIRECT_WORDS: Final = MappingProxyType(
    {
        0: "redirect {} to net {}",
        1: "redirect {} to host {}",
        2: "redirect-tos {} to net {}",
        3: "redirect-tos {} to host {}",
    }
)


class _Cut(Exception):
    """A message ends too early: ``[|icmp]``, but the printers around it go on."""


def icmp_print(d: Dissector, segment: Segment) -> None:
    """A message; with ``-v`` an error's quotation on a line of its own."""
    d.protocol = "icmp"
    at, length = segment.at, segment.length
    kind, code = d.u1(at), d.u1(at + 1)
    text = _TEXTS.get(kind)
    try:
        what = text(d, at, kind, code) if text else _WORDS.get(kind, f"type-#{kind}")
    except _Cut:
        d.truncated()
        return
    d.put(f"ICMP {what}, length {length}")
    if not d.vflag:
        return
    if not segment.fragmented and d.has(at, length) and (sum_ := d.sum(at, length)):
        stated = d.u2(at + 2)
        d.put(f" (wrong icmp cksum {stated:x} (->{should_be(stated, sum_):x})!)")
    if kind in _ERRORS:
        d.put("\n\t")
        quote = at + 8
        captured = d.end
        d.end = min(quote + d.u2(quote + 2), captured)
        d.printers.ip(d, quote, d.u2(quote + 2))  # read again: that fails where the length is less than 4
        d.end = captured
    d.protocol = "icmp"
    if kind in _EXTENSIBLE:
        extensions_print(d, at, length)


def _require(d: Dissector, at: int, size: int) -> None:
    if not d.has(at, size):
        raise _Cut


def _echo_text(d: Dissector, at: int, kind: int, code: int) -> str:
    return f"echo {'request' if kind == 8 else 'reply'}, id {d.u2(at + 4)}, seq {d.u2(at + 6)}"


def _unreachable_text(d: Dissector, at: int, kind: int, code: int) -> str:
    quote = at + 8
    if code == 2:
        return f"{d.host(quote + 16)} protocol {d.u1(quote + 9)} unreachable"
    if code == 3:
        return _port_text(d, quote)
    if code == 4:
        mtu = d.u2(at + 6)
        return f"{d.host(quote + 16)} unreachable - need to frag{f' (mtu {mtu})' if mtu else ''}"
    return _UNREACHABLE_WORDS.get(code, f"{{}} unreachable - #{code}").format(d.host(quote + 16))


def _port_text(d: Dissector, quote: int) -> str:
    _require(d, quote + 9, 1)
    port = d.u2(quote + (d.u1(quote) & 15) * 4 + 2)
    protocol = d.u1(quote + 9)
    host = d.host(quote + 16)
    if protocol == 6:
        return f"{host} tcp port {d.names.tcp(port)} unreachable"
    if protocol == 17:
        return f"{host} udp port {d.names.udp(port)} unreachable"
    return f"{host} protocol {protocol} port {port} unreachable"


def _redirect_text(d: Dissector, at: int, kind: int, code: int) -> str:
    form = _REDIRECT_WORDS.get(code, f"redirect-#{code} {{}} to {{}}")
    return form.format(d.host(at + 24), d.host(at + 4))


def _advertisement_text(d: Dissector, at: int, kind: int, code: int) -> str:
    _require(d, at + 4, 4)
    number, size, lifetime = d.u1(at + 4), d.u1(at + 5), d.u2(at + 6)
    minutes, seconds = divmod(lifetime, 60)
    hours, minutes = divmod(minutes, 60)
    life = f"{minutes}:{seconds:02}" if minutes else f"{seconds}"
    if hours:
        life = f"{hours}:{minutes:02}:{seconds:02}"
    text = f"router advertisement lifetime {life} {number}:"
    if size != 2:
        return f"{text} [size {size}]"
    _require(d, at + 8, 8 * number)
    entries = [f" {{{d.host(at + 8 + 8 * n)} {d.u4(at + 12 + 8 * n)}}}" for n in range(number)]
    return text + "".join(entries)


def _time_exceeded_text(d: Dissector, at: int, kind: int, code: int) -> str:
    _require(d, at + 24, 4)
    if code == 0:
        return "time exceeded in-transit"
    return "ip reassembly time exceeded" if code == 1 else f"time exceeded-#{code}"


def _parameter_text(d: Dissector, at: int, kind: int, code: int) -> str:
    return f"parameter problem - code {code}" if code else f"parameter problem - octet {d.u1(at + 4)}"


def _mask_text(d: Dissector, at: int, kind: int, code: int) -> str:
    return f"address mask is 0x{d.u4(at + 8):08x}"


def _stamp_request_text(d: Dissector, at: int, kind: int, code: int) -> str:
    return f"time stamp query id {d.u2(at + 4)} seq {d.u2(at + 6)}"


def _stamp_reply_text(d: Dissector, at: int, kind: int, code: int) -> str:
    _require(d, at + 16, 4)
    org, recv, xmit = (_of_day(d.u4(at + offset)) for offset in (8, 12, 16))
    return f"time stamp reply id {d.u2(at + 4)} seq {d.u2(at + 6)}: org {org}, recv {recv}, xmit {xmit}"


def _of_day(milliseconds: int) -> str:
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{milliseconds:03}"


_TEXTS: Final[Mapping[int, Callable[[Dissector, int, int, int], str]]] = MappingProxyType(
    {
        0: _echo_text,
        8: _echo_text,
        _UNREACHABLE: _unreachable_text,
        _REDIRECT: _redirect_text,
        9: _advertisement_text,
        _TIME_EXCEEDED: _time_exceeded_text,
        _PARAMETER_PROBLEM: _parameter_text,
        13: _stamp_request_text,
        14: _stamp_reply_text,
        18: _mask_text,
    }
)
