"""ARP and RARP (print-arp.c)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from podwire.tools.tcpdump.dissect import Dissector
from podwire.tools.tcpdump.numbers import ETHERTYPES

_ETHERTYPE_IP: Final = 0x0800
_ETHERTYPE_TRAIL: Final = 0x1000

_FRAME_RELAY: Final = 15
_ATM: Final = 19

_REQUEST, _REPLY, _REVERSE_REQUEST, _REVERSE_REPLY, _INVERSE_REQUEST, _INVERSE_REPLY = 1, 2, 3, 4, 8, 9
_OPERATIONS: Final = MappingProxyType(
    {
        _REQUEST: "Request",
        _REPLY: "Reply",
        _REVERSE_REQUEST: "Reverse Request",
        _REVERSE_REPLY: "Reverse Reply",
        _INVERSE_REQUEST: "Inverse Request",
        _INVERSE_REPLY: "Inverse Reply",
        10: "NACK Reply",
    }
)
_HARDWARE: Final = MappingProxyType(
    {
        1: "Ethernet",
        6: "TokenRing",
        7: "ArcNet",
        15: "FrameRelay",
        23: "Strip",
        24: "IEEE 1394",
        19: "ATM",
        32: "InfiniBand",
    }
)


class _Fields:
    """Where the addresses of one message begin, by the lengths that it states."""

    __slots__ = ("d", "hardware_length", "protocol", "protocol_length", "sha", "spa", "tha", "tpa")

    def __init__(self, d: Dissector, at: int) -> None:
        self.d = d
        self.protocol = d.u2(at + 2)
        self.hardware_length = d.u1(at + 4)
        self.protocol_length = d.u1(at + 5)
        self.sha = at + 8
        self.spa = self.sha + self.hardware_length
        self.tha = self.spa + self.protocol_length
        self.tpa = self.tha + self.hardware_length

    @property
    def is_ip(self) -> bool:
        return self.protocol in {_ETHERTYPE_IP, _ETHERTYPE_TRAIL}

    def ip(self, at: int) -> str:
        if not self.is_ip:
            return "<wrong proto type>"
        if self.protocol_length != 4:
            return "<wrong len>"
        return self.d.host(at)

    def hardware(self, at: int) -> str:
        size = self.hardware_length
        address = self.d.span(at, size)
        if size == 0:
            return "<empty>"
        if size == 6:
            return self.d.names.mac(int.from_bytes(address))
        return address.hex(":")


def arp_print(d: Dissector, at: int, length: int, caplen: int) -> None:
    """A message of ``length`` bytes, of which ``caplen`` were captured."""
    d.protocol = "arp"
    d.need(at, 8)
    hardware = d.u2(at)
    if hardware in {_ATM, _FRAME_RELAY}:
        d.unmodelled("ARP over ATM" if hardware == _ATM else "ARP over Frame Relay")
        return
    fields = _Fields(d, at)
    operation = d.u2(at + 6)
    d.need(fields.tpa, fields.protocol_length)
    if not d.eflag:
        d.put("ARP, ")
    if not fields.is_ip or fields.protocol_length != 4 or fields.hardware_length == 0 or d.vflag:
        medium = _HARDWARE.get(hardware, f"Unknown Hardware ({hardware})")
        protocol = ETHERTYPES.get(fields.protocol, f"Unknown Protocol (0x{fields.protocol:04x})")
        d.put(f"{medium} (len {fields.hardware_length}), {protocol} (len {fields.protocol_length})")
        if not d.vflag:
            d.put(f", length {length}")
            return
    d.put(f"{', ' if d.vflag else ''}{_OPERATIONS.get(operation, f'Unknown ({operation})')} ")
    if _operation_print(d, fields, operation):
        d.put(f", length {length}")
    else:
        d.default_print(at, caplen)


def _operation_print(d: Dissector, fields: _Fields, operation: int) -> bool:
    """Who asks what; False for what has no text."""
    if operation == _REQUEST:
        d.put(f"who-has {fields.ip(fields.tpa)}")
        if any(d.span(fields.tha, fields.hardware_length)):
            d.put(f" ({fields.hardware(fields.tha)})")
        d.put(f" tell {fields.ip(fields.spa)}")
    elif operation == _REPLY:
        d.put(f"{fields.ip(fields.spa)} is-at {fields.hardware(fields.sha)}")
    elif operation in {_REVERSE_REQUEST, _INVERSE_REQUEST}:
        d.put(f"who-is {fields.hardware(fields.tha)} tell {fields.hardware(fields.sha)}")
    elif operation == _REVERSE_REPLY:
        d.put(f"{fields.hardware(fields.tha)} at {fields.ip(fields.tpa)}")
    elif operation == _INVERSE_REPLY:
        d.put(f"{fields.hardware(fields.sha)} at {fields.ip(fields.spa)}")
    else:
        return False
    return True
