"""Overlays in UDP: VXLAN, OTV and Geneve (print-vxlan.c, print-otv.c, print-geneve.c).

Flannel's and Cilium's VXLAN runs on port 8472, where tcpdump expects OTV; the headers are alike.
"""

from __future__ import annotations

from typing import Final

from podwire.tools.tcpdump.dissect import Dissector, bits
from podwire.tools.tcpdump.numbers import ETHERTYPES

_HEADER: Final = 8
_VALID: Final = 0x08
_TRANSPARENT_BRIDGING: Final = 0x6558
_GENEVE_FLAGS: Final = (
    (0x80, "O"),
    (0x40, "C"),
    (0x20, "R1"),
    (0x10, "R2"),
    (0x08, "R3"),
    (0x04, "R4"),
    (0x02, "R5"),
    (0x01, "R6"),
)
_OPTION_CLASSES: Final = {
    0x0100: "Linux",
    0x0101: "Open vSwitch",
    0x0102: "Open Virtual Networking (OVN)",
    0x0103: "In-band Network Telemetry (INT)",
    0x0104: "VMware",
}


def vxlan_print(d: Dissector, at: int, length: int) -> None:
    """VXLAN (RFC 7348) and the frame in it, on the next line."""
    d.protocol = "vxlan"
    d.put("VXLAN")
    if length < _HEADER:
        d.invalid()
        return
    flags = d.u1(at)
    d.put(f", flags [{'I' if flags & _VALID else 'invalid'}] (0x{flags:02x}), ")
    d.put(f"vni {d.u3(at + 4)}\n")
    d.need(at + 7, 1)
    _frame_print(d, at + _HEADER, length - _HEADER)


def otv_print(d: Dissector, at: int, length: int) -> None:
    """Overlay Transport Virtualization and the frame in it."""
    d.protocol = "otv"
    d.put("OTV, ")
    if length < _HEADER:
        d.put(f"[length {length} < {_HEADER}]")
        d.invalid()
        d.need(at, length)
        return
    flags = d.u1(at)
    d.put(f"flags [{'I' if flags & _VALID else '.'}] (0x{flags:02x}), ")
    d.put(f"overlay {d.u3(at + 1)}, ")
    d.put(f"instance {d.u3(at + 4)}\n")
    d.need(at + 7, 1)
    _frame_print(d, at + _HEADER, length - _HEADER)


def geneve_print(d: Dissector, at: int, length: int) -> None:
    """Geneve (RFC 8926), its options, and what it carries."""
    d.protocol = "geneve"
    d.put("Geneve")
    if length < _HEADER:
        d.put(f" [length {length} < {_HEADER}]")
        d.invalid()
        return
    if not d.has(at, _HEADER):
        d.truncated()
        return
    version, flags, kind, vni, reserved = d.u1(at) >> 6, d.u1(at + 1), d.u2(at + 2), d.u3(at + 4), d.u1(at + 7)
    if version:
        d.put(f" ERROR: unknown-version {version}")
        return
    d.put(f", Flags [{bits(_GENEVE_FLAGS, flags, 'none')}], vni 0x{vni:x}")
    if reserved:
        d.put(f", rsvd 0x{reserved:x}")
    if d.eflag:
        d.put(f", proto {ETHERTYPES.get(kind, 'unknown')} (0x{kind:04x})")
    size = (d.u1(at) & 0x3F) * 4
    at, length = at + _HEADER, length - _HEADER
    if length < size:
        d.put(f" truncated-geneve - {size - length} bytes missing")
        return
    if not d.has(at, size):
        d.truncated()
        return
    if size:
        d.put(", options [")
        if d.vflag:
            _options_print(d, at, size)
        else:
            d.put(f"{size} bytes")
        d.put("]")
    d.put("\n\t" if d.vflag else ": ")
    at, length = at + size, length - size
    if not d.printers.ethertype(d, kind, at, length, d.end - at):
        if kind == _TRANSPARENT_BRIDGING:
            _frame_print(d, at, length)
        else:
            d.put(f"geneve-proto-0x{kind:x}")


def _options_print(d: Dissector, at: int, rest: int) -> None:
    separator = ""
    while rest > 0:
        number, kind, size = d.u2(at), d.u1(at + 2), 4 + (d.u1(at + 3) & 0x1F) * 4
        critical = "(C)" if kind & 0x80 else ""
        d.put(f"{separator}class {_option_class(number)} (0x{number:x}) type 0x{kind:x}{critical} len {size}")
        separator = ", "
        if size > rest:
            d.put(" [bad length]")
            return
        if d.vflag > 1 and size > 4:
            d.put(" data" + "".join(f" {d.u4(at + word):08x}" for word in range(4, size, 4)))
        at, rest = at + size, rest - size


def _option_class(number: int) -> str:
    if number <= 0x00FF:
        return "Standard"
    return _OPTION_CLASSES.get(number, "Experimental" if number >= 0xFFF0 else "Unknown")


def _frame_print(d: Dissector, at: int, length: int) -> None:
    d.printers.ether(d, at, length, d.end - at)
