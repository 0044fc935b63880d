"""IPv4 options (print-ip.c)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from podwire.tools.tcpdump.dissect import Dissector

_EOL: Final = 0
_NOP: Final = 1
_RECORD_ROUTE: Final = 7
_TIMESTAMP: Final = 68
_LOOSE_ROUTE: Final = 131
_STRICT_ROUTE: Final = 137
_ROUTER_ALERT: Final = 148

_NAMES: Final = MappingProxyType(
    {
        _EOL: "EOL",
        _NOP: "NOP",
        _TIMESTAMP: "timestamp",
        130: "security",
        _RECORD_ROUTE: "RR",
        _STRICT_ROUTE: "SSRR",
        _LOOSE_ROUTE: "LSRR",
        _ROUTER_ALERT: "RA",
        82: "traceroute",
    }
)
_STAMP_KINDS: Final = MappingProxyType({0: "TSONLY", 1: "TS+ADDR", 3: "PRESPEC"})


class TruncatedOption(Exception):
    """An option goes on behind what was captured."""


def options_print(d: Dissector, at: int, length: int) -> None:
    """The options of a header, ``length`` bytes."""
    separator = ""
    while length > 0:
        d.put(separator)
        separator = ","
        kind = d.u1(at)
        d.put(_NAMES.get(kind, f"unknown {kind}"))
        size = 1
        if kind not in {_EOL, _NOP}:
            size = d.u1(at + 1)
            if size < 2:
                d.put(f" [bad length {size}]")
                return
        if size > length:
            d.put(f" [bad length {size}]")
            return
        if not d.has(at, size):
            raise TruncatedOption
        if kind == _EOL:
            return
        if kind == _TIMESTAMP:
            _timestamp_print(d, at, size)
        elif kind in {_RECORD_ROUTE, _LOOSE_ROUTE, _STRICT_ROUTE}:
            _route_print(d, at, size)
        elif kind == _ROUTER_ALERT:
            _alert_print(d, at, size)
        at, length = at + size, length - size


def _route_print(d: Dissector, at: int, size: int) -> None:
    if size < 3:
        d.put(f" [bad length {size}]")
        return
    if size + 1 & 3:
        d.put(f" [bad length {size}]")
    pointer = d.u1(at + 2) - 1
    if pointer < 3 or pointer + 1 & 3 or pointer > size + 1:
        d.put(f" [bad ptr {pointer + 1}]")
    # A pointer of 0 wraps around (it is unsigned there): every address counts as filled in.
    pointer &= 0xFFFFFFFF
    for hop in range(3, size, 4):
        if not d.has(at + hop, 4):
            raise TruncatedOption
        d.put(f" {d.host(at + hop)}{',' if pointer > hop else ''}")


def _timestamp_print(d: Dissector, at: int, size: int) -> None:
    if size < 4:
        d.put(f"[bad length {size}]")
        return
    d.put(" TS{")
    flags = d.u1(at + 3)
    kind = flags & 15
    step = 4 if kind == 0 else 8
    if (size - 4) & (step - 1):
        d.put(f"[bad length {size}]")
    pointer = d.u1(at + 2) - 1 & 0xFFFFFFFF
    if pointer < 4 or (pointer - 4) & (step - 1) or pointer > size + 1:
        d.put(f"[bad ptr {d.u1(at + 2)}]")
    reached = 0
    if kind in _STAMP_KINDS:
        d.put(_STAMP_KINDS[kind])
        reached = _stamps_print(d, at, size, pointer, step)
    else:
        d.put(f"[bad ts type {kind}]")
    d.put(" ^ " if pointer == reached else "")
    d.put(f" [{flags >> 4} hops not recorded]}} " if flags >> 4 else "}")


def _stamps_print(d: Dissector, at: int, size: int, pointer: int, step: int) -> int:
    """The recorded times; gives the offset that was reached."""
    reached = 4
    while reached < size:
        mark = " ^ " if pointer == reached else " "
        if not d.has(at + reached, step):
            raise TruncatedOption
        who = d.host(at + reached) if step == 8 else ""
        d.put(f"{mark}{d.u4(at + reached + step - 4)}@{who}")
        reached += step
    return reached


def _alert_print(d: Dissector, at: int, size: int) -> None:
    if size < 4:
        d.put(f" [bad length {size}]")
    elif value := d.u2(at + 2):
        d.put(f" value {value}")


def final_destination(d: Dissector, ip: int, end: int) -> int:
    """``ip_finddst``: the last address of a source route, else the header's destination; ``end`` is the header's end."""
    at = ip + 20
    while at < end:
        kind = d.u1(at)
        if kind == _EOL:
            break
        size = 1 if kind == _NOP else d.u1(at + 1)
        if kind != _NOP and size < 2:
            break
        if at + size > end or not d.has(at, size):
            break
        if kind in {_LOOSE_ROUTE, _STRICT_ROUTE} and size >= 7:
            return d.u4(at + size - 4)
        at += size
    return d.u4(ip + 16)
