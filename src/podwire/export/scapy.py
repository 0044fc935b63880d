"""Packets to scapy and back. The only module that imports scapy, and only when one of its functions is called.

Nothing here lets scapy look at the machine it runs on: a field that was not given and that scapy would fill from the
host's routes, its interfaces, its ARP cache or its clock is zero.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from podwire.errors import NotModelled, PodwireError
from podwire.wire.codec import from_bytes, to_bytes
from podwire.wire.headers import AnyHeader, Arp, Ethernet, Icmp, IPv4, Tcp, Udp
from podwire.wire.packet import Packet


class Given(msgspec.Struct, frozen=True):
    """Which fields the writer of a scapy packet set, for each layer of the podwire packet made from it.

    Names are those of podwire's headers; an ICMP ``rest`` that was given in part is also there as ``id`` and ``seq``. What
    follows from the layers (``type``, ``proto``, ``frag`` 0) counts as given. What is not here holds scapy's default, and
    addresses are 0: a sender fills it in as the kernel does.
    """

    layers: tuple[frozenset[str], ...]

    def has(self, layer: int, name: str) -> bool:
        """Whether field ``name`` of layer number ``layer`` was given."""
        return name in self.layers[layer]


_CHECK: Final = {"chksum": ("checksum",)}
_PORTS: Final = {"sport": ("sport",), "dport": ("dport",)}
_REST: Final = ("gw", "ptr", "reserved", "length", "nexthopmtu", "unused")

_FIELDS: Final[Mapping[type, Mapping[str, tuple[str, ...]]]] = MappingProxyType(
    {
        Ethernet: {"dst": ("dst",), "src": ("src",), "type": ("type",), "len": ("type",)},
        Arp: {"op": ("op",), "hwsrc": ("sha",), "psrc": ("spa",), "hwdst": ("tha",), "pdst": ("tpa",)},
        IPv4: _CHECK
        | {"flags": ("df", "mf", "evil"), "len": ("total_length",)}
        | {name: (name,) for name in ("src", "dst", "proto", "ttl", "tos", "id", "frag", "options")},
        Icmp: _CHECK
        | {"type": ("type",), "code": ("code",), "id": ("rest", "id"), "seq": ("rest", "seq")}
        | dict.fromkeys(_REST, ("rest",)),
        Udp: _CHECK | _PORTS | {"len": ("length",)},
        Tcp: _CHECK
        | _PORTS
        | {"urgptr": ("urgent",)}
        | {name: (name,) for name in ("seq", "ack", "flags", "window", "options", "reserved")},
    }
)
"""What fields of scapy are called in podwire."""

_NEUTRAL: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "Ether": {"dst": "00:00:00:00:00:00", "src": "00:00:00:00:00:00"},
        "Dot3": {"dst": "00:00:00:00:00:00", "src": "00:00:00:00:00:00"},
        "ARP": {"hwsrc": "00:00:00:00:00:00", "psrc": "0.0.0.0"},
        "IP": {"src": "0.0.0.0"},
        "IPv6": {"src": "::"},
        "ICMP": {"ts_ori": 0, "ts_rx": 0, "ts_tx": 0},
    }
)
"""By scapy class: fields that scapy fills from the host, and what stands there instead."""


def to_scapy(packet: Packet, *, time: int = 0, device: str | None = None) -> Any:
    """A scapy packet, dissected from our bytes: ``bytes()`` of it are ours.

    ``time`` in ns becomes ``.time`` in seconds (exact: scapy's ``EDecimal``), ``device`` ``.sniffed_on``. Raises
    ``NotModelled`` for a packet that begins with neither Ethernet, ARP nor IPv4, and what ``to_bytes`` raises.
    """
    # DNS, VXLAN and GENEVE are loaded for what their ports carry.
    import scapy.contrib.geneve
    import scapy.layers.dns
    import scapy.layers.vxlan  # noqa: F401
    from scapy.layers.inet import IP
    from scapy.layers.l2 import ARP, Ether
    from scapy.utils import EDecimal

    first = type(packet.layers[0]) if packet.layers else None
    dissectors: dict[Any, Any] = {Ethernet: Ether, Arp: ARP, IPv4: IP}
    dissector = dissectors.get(first)
    if dissector is None:
        raise NotModelled(f"a packet that begins with {first.__name__ if first else 'its payload'}", "scapy")
    result = dissector(to_bytes(packet))
    result.time = EDecimal(time) / 1_000_000_000
    result.sniffed_on = device
    return result


def from_scapy(packet: Any) -> tuple[Packet, Given]:
    """The packet that a scapy packet describes, and which of its fields were given.

    ``IP(dst="10.0.0.1") / UDP(dport=53)``, with ``Ether()`` in front or not, or a dissected packet, in which everything is
    given. Lengths and checksums that were not given are None. Raises ``PodwireError`` for what is no scapy packet or
    describes several (``IP(dst="10.0.0.0/24")``), ``NotModelled`` for one that begins with another protocol.
    """
    from scapy.layers.inet import ICMP, IP, TCP, UDP
    from scapy.layers.l2 import ARP, Dot3, Ether
    from scapy.packet import Packet as ScapyPacket

    if not isinstance(packet, ScapyPacket):
        raise PodwireError(f"expected a scapy packet, got {type(packet).__name__}")
    firsts: dict[Any, Any] = {Ether: Ethernet, Dot3: Ethernet, ARP: Arp, IP: IPv4}
    if type(packet) not in firsts:
        raise NotModelled(f"a packet that begins with {packet.name}", "scapy")
    count = packet.__iterlen__()
    if count != 1:
        raise PodwireError(f"this scapy packet describes {count} packets: send each of list(packet)")
    try:
        data = bytes(_without_host(packet))
    except (struct.error, OverflowError, TypeError, ValueError) as error:
        raise PodwireError(f"scapy cannot build {packet!r}: {error}") from None
    result = from_bytes(data, firsts[type(packet)])
    kinds = {**firsts, ICMP: Icmp, UDP: Udp, TCP: Tcp}
    layers: list[AnyHeader] = []
    given: list[frozenset[str]] = []
    theirs = packet
    for header in result.layers:
        if kinds.get(type(theirs)) is type(header):
            # scapy itself sets lists, IP options for one, to be empty.
            written = {*theirs.overloaded_fields, *(name for name, value in theirs.fields.items() if value != [])}
            names = frozenset(name for field in written for name in _FIELDS[type(header)].get(field, ()))
            theirs = theirs.payload
        else:
            # It came as bytes: scapy did not know it for what it is.
            names = frozenset(header.__struct_fields__)
        layers.append(_forget(header, names))
        given.append(names)
    return Packet(tuple(layers), result.payload, result.trailer), Given(tuple(given))


def _without_host(packet: Any) -> Any:
    """A copy in which scapy has nothing left to look up."""
    copy = packet.copy()
    layer = copy
    while layer:
        if layer.raw_packet_cache is None:  # what was dissected has all its fields
            for name, value in _NEUTRAL.get(type(layer).__name__, {}).items():
                if name not in layer.fields and name not in layer.overloaded_fields:
                    layer.setfieldval(name, value)
        layer = layer.payload
    return copy


def _forget(header: AnyHeader, given: frozenset[str]) -> AnyHeader:
    """The header without the length and checksum that scapy computed over the part of a datagram that is there.

    They were kept as those of the whole, and the checksum covers a source address of 0.
    """
    changes: dict[str, Any] = {
        name: None for name in ("length", "checksum") if name not in given and getattr(header, name, None) is not None
    }
    return msgspec.structs.replace(header, **changes) if changes else header
