"""Resource records of DNS messages, and EDNS options (print-domain.c)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from podwire.tools.tcpdump.dissect import Dissector, ipv6_text
from podwire.tools.tcpdump.dnsnames import Cut, name_print, skip_name, text_print
from podwire.tools.tcpdump.dnsoptions import option_print
from podwire.wire.addr import Ip4

OPT: Final = 41
CLASS_IN: Final = 1
_CACHE_FLUSH: Final = 0x8000

_FIRST_TYPES: Final = (
    "A NS MD MF CNAME SOA MB MG MR NULL WKS PTR HINFO MINFO MX TXT RP AFSDB X25 ISDN RT NSAP NSAP_PTR SIG KEY PX GPOS"
    " AAAA LOC NXT EID NIMLOC SRV ATMA NAPTR KX CERT A6 DNAME SINK OPT APL DS SSHFP IPSECKEY RRSIG NSEC DNSKEY".split()
)
TYPES: Final = MappingProxyType(
    dict(enumerate(_FIRST_TYPES, 1))
    | {
        99: "SPF",
        100: "UINFO",
        101: "UID",
        102: "GID",
        103: "UNSPEC",
        104: "UNSPECA",
        249: "TKEY",
        250: "TSIG",
        251: "IXFR",
        252: "AXFR",
        253: "MAILB",
        254: "MAILA",
        255: "ANY",
        256: "URI",
    }
)
CLASSES: Final = MappingProxyType({1: "IN", 3: "CHAOS", 4: "HS", 255: "ANY"})

_UNITS: Final = ((31536000, "y"), (604800, "w"), (86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def record_print(d: Dissector, at: int, base: int, *, multicast: bool) -> int:
    """A record; gives where the next one begins, the end of the bytes where this one's head is not there."""
    head: int | None
    if d.vflag:
        d.put(" ")
        head = name_print(d, at, base)
    else:
        head = skip_name(d, at)
    if head is None or not d.has(head, 10):
        return d.end
    kind, whole = d.u2(head), d.u2(head + 2)
    number = whole & ~_CACHE_FLUSH if multicast else whole
    if number != CLASS_IN and kind != OPT:
        d.put(f" {CLASSES.get(number, f'(Class {number})')}")
    if multicast and whole & _CACHE_FLUSH:
        d.put(" (Cache flush)")
    if kind != OPT and d.vflag > 2:
        d.put(f" [{duration(d.u4(head + 4))}]")
    at = head + 10
    stop = at + d.u2(head + 8)
    d.put(f" {TYPES.get(kind, f'Type{kind}')}")
    if stop > d.end:
        raise Cut
    if kind == OPT:
        _opt_print(d, at, stop, number, d.u2(head + 6))
    elif kind in _PRINTERS:
        _PRINTERS[kind](d, at, stop, base)
    return stop


def duration(seconds: int) -> str:
    """``1h2m3s`` (``unsigned_relts_print``)."""
    parts = []
    for unit, letter in _UNITS:
        if seconds >= unit:
            parts.append(f"{seconds // unit}{letter}")
            seconds %= unit
    return "".join(parts) or "0s"


def _require(d: Dissector, at: int, size: int) -> None:
    if not d.has(at, size):
        raise Cut


def _address_print(d: Dissector, at: int, stop: int, base: int) -> None:
    _require(d, at, 4)
    d.put(f" {Ip4(d.u4(at))}")


def _address6_print(d: Dissector, at: int, stop: int, base: int) -> None:
    _require(d, at, 16)
    d.put(f" {ipv6_text(d.span(at, 16))}")


def _old_address6_print(d: Dissector, at: int, stop: int, base: int) -> None:
    """A6 (RFC 2874): the end of an address, and the name that has the rest."""
    _require(d, at, 1)
    prefix = d.u1(at)
    skipped = (prefix & ~7) // 8
    if prefix > 128:
        d.put(f" {prefix}(bad plen)")
        return
    if prefix < 128:
        rest = d.span(at + 1, 16 - skipped)
        d.put(f" {prefix} {ipv6_text(bytes(skipped) + rest)}")
    if prefix > 0:
        d.put(" ")
        name_print(d, at + 17 - skipped, base)


def _one_name_print(d: Dissector, at: int, stop: int, base: int) -> None:
    d.put(" ")
    name_print(d, at, base)


def _soa_print(d: Dissector, at: int, stop: int, base: int) -> None:
    if not d.vflag:
        return
    for _ in range(2):
        d.put(" ")
        at = name_print(d, at, base)
    _require(d, at, 20)
    d.put("".join(f" {d.u4(at + 4 * n)}" for n in range(5)))


def _mx_print(d: Dissector, at: int, stop: int, base: int) -> None:
    d.put(" ")
    _require(d, at, 2)
    name_print(d, at + 2, base)
    d.put(f" {d.u2(at)}")


def _txt_print(d: Dissector, at: int, stop: int, base: int) -> None:
    while at < stop:
        d.put(' "')
        _require(d, at, 1)
        size = d.u1(at)
        text_print(d, at + 1, size)
        d.put('"')
        at += 1 + size


def _srv_print(d: Dissector, at: int, stop: int, base: int) -> None:
    d.put(" ")
    _require(d, at, 6)
    name_print(d, at + 6, base)
    d.put(f":{d.u2(at + 4)} {d.u2(at)} {d.u2(at + 2)}")


def _uri_print(d: Dissector, at: int, stop: int, base: int) -> None:
    d.put(f" {d.u2(at)} {d.u2(at + 2)} ")
    text_print(d, at + 4, stop - at - 4 & 0xFFFFFFFF)


def _unspecified_print(d: Dissector, at: int, stop: int, base: int) -> None:
    text_print(d, at, stop - at)


def _signature_print(d: Dissector, at: int, stop: int, base: int) -> None:
    """TSIG (RFC 8945)."""
    if not d.vflag:
        return
    d.put(" ")
    at = name_print(d, at, base) + 6
    for word in ("fudge", "maclen", "origid", "error", "otherlen"):
        _require(d, at, 2)
        value = d.u2(at)
        d.put(f" {word}={value}")
        at += 2 + (value if word == "maclen" else 0)


def _opt_print(d: Dissector, at: int, stop: int, size: int, flags: int) -> None:
    """EDNS (RFC 6891): the class is a size."""
    d.put(f" UDPsize={size}{' DO' if flags & 0x8000 else ''}")
    if at >= stop:
        return
    d.put(" [")
    while at < stop:
        at = option_print(d, at)
        if at < stop:
            d.put(",")
    d.put("]")


_PRINTERS: Final[Mapping[int, Callable[[Dissector, int, int, int], None]]] = MappingProxyType(
    {
        1: _address_print,
        2: _one_name_print,
        5: _one_name_print,
        6: _soa_print,
        12: _one_name_print,
        15: _mx_print,
        16: _txt_print,
        28: _address6_print,
        33: _srv_print,
        38: _old_address6_print,
        39: _one_name_print,
        104: _unspecified_print,
        250: _signature_print,
        256: _uri_print,
    }
)
