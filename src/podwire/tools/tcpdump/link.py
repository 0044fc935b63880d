"""Link headers: Ethernet, Linux cooked, raw IP (print-ether.c, print-sll.c, print-raw.c)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from podwire.tools.tcpdump.arp import arp_print
from podwire.tools.tcpdump.dissect import Dissector, Printers
from podwire.tools.tcpdump.ip import ip_print
from podwire.tools.tcpdump.names import Names
from podwire.tools.tcpdump.numbers import ETHERTYPES, UNPRINTED_ETHERTYPES
from podwire.tools.tcpdump.options import Options

DLT_EN10MB: Final = 1
DLT_RAW: Final = 12
DLT_LINUX_SLL: Final = 113
DLT_LINUX_SLL2: Final = 276

_MAX_LENGTH: Final = 1500
"""A type field up to here is a length (IEEE 802.3)."""
_VLAN_TYPES: Final = frozenset({0x8100, 0x9100, 0x9200, 0x88A8})
_OWN_PRINTERS: Final = frozenset({0x88E5, 0x8870, 0xD28B})
"""MACsec, jumbo frames, Arista's own: the real tool looks into them before it looks at other types."""

_COOKED_802: Final = MappingProxyType({1: "802.3", 4: "802.2"})
"""What stands for a type where a frame had a length instead."""
_PACKET_TYPES: Final = MappingProxyType({0: "In", 1: "B", 2: "M", 3: "P", 4: "Out"})


def ether_print(d: Dissector, at: int, length: int, caplen: int) -> int:
    """A frame; gives the length of its link header."""
    d.protocol = "ether"
    if length < caplen:
        d.put(f"[length {length} < caplen {caplen}]")
        d.invalid()
        return length
    if caplen < 14:
        d.truncated()
        return caplen
    start, whole = at, length
    kind = d.u2(at + 12)
    if d.eflag:
        d.put(_addresses(d, start))
    length, caplen, at = length - 14, caplen - 14, at + 14
    tags = at
    while kind in _VLAN_TYPES:
        if min(caplen, length) < 4:
            d.protocol = "vlan"
            d.truncated()
            return at - start + (caplen if caplen < 4 else length)
        if d.eflag:
            separator = ", " if at > tags else f", length {whole}: "
            d.put(f"{_type(d, kind)}{separator}{_tag(d.u2(at))}, ")
        kind = d.u2(at + 2)
        length, caplen, at = length - 4, caplen - 4, at + 4
    printed_length = at > tags
    if kind <= _MAX_LENGTH:
        if d.eflag:
            d.put("802.3" if printed_length else f"802.3, length {min(kind, length)}: ")
        d.unmodelled("LLC")
        return at - start
    if d.eflag:
        d.put(_type(d, kind) + (", " if printed_length else f", length {whole}: "))
    if kind in _OWN_PRINTERS:
        d.unmodelled(ETHERTYPES[kind])
    elif not ethertype_print(d, kind, at, length, caplen):
        if not d.eflag:
            d.put(f"{_addresses(d, start)}{_type(d, kind)}, length {whole}: ")
        if not d.options.no_default_print:
            d.default_print(at, caplen)
    return at - start


def ethertype_print(d: Dissector, kind: int, at: int, length: int, caplen: int) -> bool:
    """What an EtherType names; False where tcpdump would dump it."""
    if kind == 0x0800:
        ip_print(d, at, length)
    elif kind in {0x0806, 0x8035}:
        arp_print(d, at, length, caplen)
    elif kind in UNPRINTED_ETHERTYPES:
        d.unmodelled(UNPRINTED_ETHERTYPES[kind])
    else:
        return False
    return True


def _addresses(d: Dissector, at: int) -> str:
    mac = d.names.mac
    return f"{mac(int.from_bytes(d.span(at + 6, 6)))} > {mac(int.from_bytes(d.span(at, 6)))}, "


def _type(d: Dissector, kind: int) -> str:
    if d.qflag:
        return ETHERTYPES.get(kind, f"Unknown Ethertype (0x{kind:04x})")
    return f"ethertype {ETHERTYPES.get(kind, 'Unknown')} (0x{kind:04x})"


def _tag(tci: int) -> str:
    return f"vlan {tci & 0xFFF}, p {tci >> 13}{', DEI' if tci & 0x1000 else ''}"


# ------------------------------------------------------------------------------------------------------- cooked captures


def sll2_print(d: Dissector, length: int, caplen: int) -> int:
    """``-i any``: device and direction stand before each packet."""
    d.protocol = "sll2"
    d.need(0, 20)
    d.put(f"{d.names.device(d.u4(4)):<5} {_PACKET_TYPES.get(d.u1(10), '?'):<3} ")

    def header(length: int) -> None:
        d.protocol = "sll2"
        d.put(f"ifindex {d.u4(4)} ")
        _cooked_print(d, d.u1(11), 12, d.u2(0), length)

    return _cooked_payload_print(d, d.u2(0), 20, (length, caplen), header)


def sll_print(d: Dissector, length: int, caplen: int) -> int:
    """The older header: it does not say which device."""
    d.protocol = "sll"
    d.need(0, 16)

    def header(length: int) -> None:
        d.protocol = "sll"
        d.put(f"{_PACKET_TYPES.get(d.u2(0), '?'):>3} ")
        _cooked_print(d, d.u2(4), 6, d.u2(14), length)

    return _cooked_payload_print(d, d.u2(14), 16, (length, caplen), header)


def _cooked_print(d: Dissector, address_length: int, address: int, kind: int, length: int) -> None:
    if address_length == 6:
        d.put(f"{d.names.mac(int.from_bytes(d.span(address, 6)))} ")
    if d.qflag:
        return
    if kind in _COOKED_802:
        word = _COOKED_802[kind]
    else:
        word = f"ethertype {ETHERTYPES.get(kind, 'Unknown') if kind > _MAX_LENGTH else 'Unknown'} (0x{kind:04x})"
    d.put(f"{word}, length {length}: ")


def _cooked_payload_print(
    d: Dissector, kind: int, header: int, lengths: tuple[int, int], header_print: Callable[[int], None]
) -> int:
    length, caplen = lengths[0] - header, lengths[1] - header
    at = header
    if d.eflag:
        header_print(lengths[0])
    while kind == 0x8100:
        if caplen < 4:
            d.protocol = "vlan"
            d.truncated()
            return at + caplen
        if d.eflag:
            d.put(f"{_tag(d.u2(at))}, ")
        kind = d.u2(at + 2)
        if kind <= _MAX_LENGTH:
            kind = 4
        if not d.qflag:
            d.put(f"ethertype {ETHERTYPES.get(kind, 'Unknown')}, ")
        length, caplen, at = length - 4, caplen - 4, at + 4
    if kind in _COOKED_802:
        d.unmodelled("IPX" if kind == 1 else "LLC")
    elif kind <= _MAX_LENGTH:
        if not d.options.no_default_print:
            d.default_print(at, caplen)
    elif not ethertype_print(d, kind, at, length, caplen):
        if not d.eflag:
            header_print(length + header)
        if not d.options.no_default_print:
            d.default_print(at, caplen)
    return at


# ---------------------------------------------------------------------------------------------------------- the table


def _ether_frame(d: Dissector, length: int, caplen: int) -> int:
    return ether_print(d, 0, length, caplen)


def _raw_frame(d: Dissector, length: int, caplen: int) -> int:
    d.protocol = "raw"
    if d.eflag:
        d.put("ip: ")
    d.protocol = "ipn"
    if length < 1:
        d.put(f"truncated-ip {length}")
    elif d.u1(0) >> 4 == 4:
        ip_print(d, 0, length)
    elif d.u1(0) >> 4 == 6:
        d.unmodelled("IPv6")
    else:
        d.put(f"unknown ip {d.u1(0) >> 4}")
    return 0


_FRAMES: Final[Mapping[int, Callable[[Dissector, int, int], int]]] = MappingProxyType(
    {DLT_EN10MB: _ether_frame, DLT_RAW: _raw_frame, DLT_LINUX_SLL: sll_print, DLT_LINUX_SLL2: sll2_print}
)
"""By link type: the printer of a whole frame."""


def dissector(options: Options, names: Names, link_type: int) -> Dissector:
    """A dissector for a capture of that link type (one of the DLTs above)."""
    return Dissector(options, names, Printers(_FRAMES[link_type], ether_print, ethertype_print, ip_print))
