"""Numbers and names, as iproute2's files in /etc/iproute2 and /etc/protocols pair them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from podwire.linux.names import PROTO_NAMES, SCOPE_NAMES, TABLE_NAMES
from podwire.tools.ip.grammar import hexadecimal, matches, number

_DSFIELD: Final = MappingProxyType(
    {
        0x00: "default",
        0x20: "CS1",
        0x28: "AF11",
        0x30: "AF12",
        0x38: "AF13",
        0x40: "CS2",
        0x48: "AF21",
        0x50: "AF22",
        0x58: "AF23",
        0x60: "CS3",
        0x68: "AF31",
        0x70: "AF32",
        0x78: "AF33",
        0x80: "CS4",
        0x88: "AF41",
        0x90: "AF42",
        0x98: "AF43",
        0xA0: "CS5",
        0xB8: "EF",
        0xC0: "CS6",
        0xE0: "CS7",
    }
)
_IPPROTO: Final = MappingProxyType(
    {
        0: "ip",
        1: "icmp",
        2: "igmp",
        4: "ipencap",
        6: "tcp",
        17: "udp",
        33: "dccp",
        41: "ipv6",
        47: "gre",
        50: "esp",
        51: "ah",
        58: "ipv6-icmp",
        89: "ospf",
        112: "vrrp",
        132: "sctp",
        136: "udplite",
    }
)
_GROUPS: Final = MappingProxyType({0: "default"})
_TYPES: Final = MappingProxyType(
    {
        "unicast": 1,
        "local": 2,
        "broadcast": 3,
        "anycast": 4,
        "multicast": 5,
        "blackhole": 6,
        "unreachable": 7,
        "prohibit": 8,
        "throw": 9,
        "nat": 10,
        "xresolve": 11,
    }
)
_TABLE_MAX: Final = 0xFFFFFFFF
# In the order in which iproute2 tries them; the others have to be written in full.
_ABBREVIATED: Final = (
    "broadcast",
    "anycast",
    "multicast",
    "prohibit",
    "unreachable",
    "blackhole",
    "xresolve",
    "unicast",
)


def _number_of(names: Mapping[int, str], text: str, limit: int) -> int | None:
    for value, name in names.items():
        if name == text:
            return value
    return number(text, limit)


def proto_number(text: str) -> int | None:
    """``rtnl_rtprot_a2n``."""
    return _number_of(PROTO_NAMES, text, 255)


def scope_number(text: str) -> int | None:
    """``rtnl_rtscope_a2n``."""
    return _number_of(SCOPE_NAMES, text, 255)


def table_number(text: str) -> int | None:
    """``rtnl_rttable_a2n``."""
    return 0 if text == "unspec" else _number_of(TABLE_NAMES, text, _TABLE_MAX)


def group_number(text: str) -> int | None:
    """``rtnl_group_a2n``."""
    return _number_of(_GROUPS, text, 0x7FFFFFFF)


def dsfield_number(text: str) -> int | None:
    """``rtnl_dsfield_a2n``: a name, or a number that is always hexadecimal."""
    for value, name in _DSFIELD.items():
        if name == text:
            return value
    return hexadecimal(text, 255)


def ipproto_number(text: str) -> int | None:
    """``inet_proto_a2n``."""
    if text.isascii() and text.isdecimal():
        # A number is never refused: what does not fit counts as not written.
        return int(text) if int(text) < 256 else None
    return next((value for value, name in _IPPROTO.items() if name == text), None)


def type_name(text: str) -> str | None:
    """``rtnl_rtntype_a2n``: the type that a word or a number names."""
    if text in {"local", "nat", "throw"}:
        return text
    if text == "brd":
        return "broadcast"
    for name in _ABBREVIATED:
        if matches(text, name):
            return name
    value = number(text, 255)
    return next((name for name, code in _TYPES.items() if code == value), None)


class Naming:
    """Names for numbers, or the numbers themselves with ``-N``."""

    def __init__(self, *, numeric: bool) -> None:
        self.numeric = numeric

    def _name(self, names: Mapping[int, str], value: int) -> str:
        return str(value) if self.numeric else names.get(value, str(value))

    def proto(self, value: int) -> str:
        """A routing protocol."""
        return self._name(PROTO_NAMES, value)

    def scope(self, value: int) -> str:
        """A scope."""
        return self._name(SCOPE_NAMES, value)

    def table(self, value: int) -> str:
        """A routing table."""
        return self._name(TABLE_NAMES, value)

    def type(self, name: str) -> str:
        """A route type."""
        return str(_TYPES.get(name, 0)) if self.numeric else name

    def dsfield(self, value: int) -> str:
        """A TOS octet; two hexadecimal digits without a name."""
        return f"0x{value:02x}" if self.numeric else _DSFIELD.get(value, f"0x{value:02x}")

    def ipproto(self, value: int) -> str:
        """A protocol over IP."""
        return f"ipproto-{value}" if self.numeric else _IPPROTO.get(value, f"ipproto-{value}")

    def group(self, text: str) -> str:
        """A device group, which the kernel model keeps as text."""
        return "0" if self.numeric and text == "default" else text

    def hardware(self, kind: str) -> str:
        """ARPHRD of a device: loopback, IP in IP or Ethernet."""
        number, name = {"loopback": (772, "loopback"), "ipip": (768, "ipip")}.get(kind, (1, "ether"))
        return f"[{number}]" if self.numeric else name
