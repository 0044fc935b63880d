"""Link headers of a capture: offsets in them, and tests for the type of what they carry.

Offsets depend on the link type, and move behind a ``vlan`` word for all that follows it in the expression.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from types import MappingProxyType
from typing import Final

from podwire.tools.tcpdump.filter.context import Context
from podwire.tools.tcpdump.filter.tree import (
    LINK,
    TRANSPORT,
    Computed,
    Constant,
    Load,
    Node,
    Number,
    both,
    compare,
    either,
    negate,
)
from podwire.tools.tcpdump.link import DLT_EN10MB, DLT_LINUX_SLL, DLT_LINUX_SLL2, DLT_RAW

ETHERTYPE_IP: Final = 0x0800
ETHERTYPE_ARP: Final = 0x0806
ETHERTYPE_REVARP: Final = 0x8035
ETHERTYPE_IPV6: Final = 0x86DD
_ETHERTYPE_AARP: Final = 0x80F3
_ETHERTYPE_ATALK: Final = 0x809B

_LLC_ISO: Final = 0xFE
_LLC_IP: Final = 0x06
_LLC_NETBEUI: Final = 0xF0
_LLC_IPX: Final = 0xE0
_LLC_STP: Final = 0x42
_MAX_LENGTH: Final = 1500


LINK_TYPES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "ip": ETHERTYPE_IP,
        "arp": ETHERTYPE_ARP,
        "rarp": ETHERTYPE_REVARP,
        "ip6": ETHERTYPE_IPV6,
        "atalk": _ETHERTYPE_ATALK,
        "aarp": _ETHERTYPE_AARP,
        "decnet": 0x6003,
        "sca": 0x6007,
        "lat": 0x6004,
        "mopdl": 0x6001,
        "moprc": 0x6002,
        "iso": _LLC_ISO,
        "stp": _LLC_STP,
        "ipx": _LLC_IPX,
        "netbeui": _LLC_NETBEUI,
    }
)
"""Words that ask for a link-layer type."""


class LinkLayer:
    """Where the headers are, by the link type and the ``vlan`` words so far, and what asks for a type of packet."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.link_type = context.link_type
        self._type_at, self._payload = {
            DLT_EN10MB: (12, 14),
            DLT_RAW: (0, 0),
            DLT_LINUX_SLL: (14, 16),
            DLT_LINUX_SLL2: (0, 20),
        }[context.link_type]

    # -- loads -----------------------------------------------------------------------------------------------------

    def payload(self, offset: int, size: int) -> Load:
        """From the beginning of the network header."""
        return Load(LINK, self._payload + offset, size)

    def transport(self, offset: int, size: int) -> Load:
        """From the beginning of what the IPv4 header carries."""
        return Load(TRANSPORT, self._payload + offset, size, self._payload)

    def equals(self, at: int, wanted: bytes) -> Node:
        """``gen_bcmp``: compared in words, from the last to the first."""
        tests = []
        end = len(wanted)
        for size in (4, 2, 1):
            while end >= size:
                end -= size
                tests.append(
                    compare("==", Load(LINK, at + end, size), Number(int.from_bytes(wanted[end : end + size])))
                )
        return reduce(both, tests)

    def masked(self, load: Load, value: int, mask: int) -> Node:
        """The bits of ``mask`` have that value."""
        full = (1 << 8 * load.size) - 1
        return compare("==", load if mask == full else Computed("&", load, Number(mask)), Number(value))

    # -- link layer ------------------------------------------------------------------------------------------------

    def link(self, kind: int) -> Node:
        """Packets of an EtherType, or of an 802.2 address where it is at most 1500 (``gen_linktype``)."""
        if self.link_type == DLT_RAW:
            version = {ETHERTYPE_IP: 0x40, ETHERTYPE_IPV6: 0x60}.get(kind)
            return Constant(False) if version is None else self.masked(Load(LINK, 0, 1), version, 0xF0)
        exact = compare("==", Load(LINK, self._type_at, 2), Number(kind))
        if kind == _LLC_IPX:
            return self._ipx()
        if kind in {_ETHERTYPE_ATALK, _ETHERTYPE_AARP}:
            snap = self._snap(0x080007 if kind == _ETHERTYPE_ATALK else 0, kind)
            return either(exact, both(self._is_802_2(), snap))
        if kind > _MAX_LENGTH:
            return exact
        if kind in {_LLC_ISO, _LLC_IP, _LLC_NETBEUI}:
            return both(self._is_802_2(), compare("==", self.payload(0, 2), Number(kind << 8 | kind)))
        at = self._type_at + 2 if self.link_type == DLT_EN10MB else self._payload
        return both(self._is_802_2(), compare("==", Load(LINK, at, 1), Number(kind & 0xFFFFFFFF)))

    def _is_802_2(self) -> Node:
        kind = Load(LINK, self._type_at, 2)
        if self.link_type == DLT_EN10MB:
            return negate(compare(">", kind, Number(_MAX_LENGTH)))
        return compare("==", kind, Number(4))

    def _snap(self, organisation: int, kind: int) -> Node:
        return self.equals(self._payload, b"\xaa\xaa\x03" + organisation.to_bytes(3) + kind.to_bytes(2))

    def _ipx(self) -> Node:
        kind = Load(LINK, self._type_at, 2)
        by_address = compare("==", self.payload(0, 1), Number(_LLC_IPX))
        snap = self._snap(0, 0x8137)
        by_type = compare("==", kind, Number(0x8137))
        if self.link_type == DLT_EN10MB:
            novell = compare("==", self.payload(0, 2), Number(0xFFFF))
            return either(by_type, both(self._is_802_2(), either(snap, either(by_address, novell))))
        novell = compare("==", kind, Number(1))
        return either(by_type, either(novell, both(self._is_802_2(), either(by_address, snap))))
