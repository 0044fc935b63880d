"""Loads that can be answered from the headers of a packet: what most filters ask for stands there.

Each gives what BPF would find in the bytes: a header's place in them follows from the ones before it. For a header of
another kind, or one that is not there, bytes are made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from podwire.tools.tcpdump.filter.evaluate import Frame, Getter, load_bytes
from podwire.tools.tcpdump.filter.tree import LINK, TRANSPORT, Load
from podwire.tools.tcpdump.link import DLT_EN10MB, DLT_LINUX_SLL2, DLT_RAW
from podwire.wire.headers import Arp, Ethernet, Icmp, IPv4, Tcp, Udp

_Readers = Mapping[tuple[int, int], Mapping[type, Callable[[Any], int]]]
"""By offset and size: how a header of a kind answers."""

_ETHERNET: Final[_Readers] = MappingProxyType(
    {
        (0, 1): {Ethernet: lambda eth: eth.dst >> 40},
        (0, 2): {Ethernet: lambda eth: eth.dst >> 32},
        (2, 4): {Ethernet: lambda eth: eth.dst & 0xFFFFFFFF},
        (6, 2): {Ethernet: lambda eth: eth.src >> 32},
        (8, 4): {Ethernet: lambda eth: eth.src & 0xFFFFFFFF},
        (12, 2): {Ethernet: lambda eth: eth.type},
    }
)
_NETWORK: Final[_Readers] = MappingProxyType(
    {
        (0, 1): {IPv4: lambda ip: 0x40 | ip.size >> 2},
        (1, 1): {IPv4: lambda ip: ip.tos},
        (4, 2): {IPv4: lambda ip: ip.id},
        (6, 2): {
            IPv4: lambda ip: ip.frag | (ip.df and 0x4000) | (ip.mf and 0x2000) | (ip.evil and 0x8000),
            Arp: lambda arp: arp.op,
        },
        (8, 1): {IPv4: lambda ip: ip.ttl},
        (9, 1): {IPv4: lambda ip: ip.proto},
        (12, 4): {IPv4: lambda ip: ip.src},
        (14, 4): {Arp: lambda arp: arp.spa},
        (16, 4): {IPv4: lambda ip: ip.dst},
        (24, 4): {Arp: lambda arp: arp.tpa},
    }
)
_TRANSPORT: Final[_Readers] = MappingProxyType(
    {
        (0, 1): {Icmp: lambda icmp: icmp.type},
        (1, 1): {Icmp: lambda icmp: icmp.code},
        (0, 2): {Tcp: lambda tcp: tcp.sport, Udp: lambda udp: udp.sport},
        (2, 2): {Tcp: lambda tcp: tcp.dport, Udp: lambda udp: udp.dport},
        (4, 2): {Icmp: lambda icmp: icmp.id},
        (6, 2): {Icmp: lambda icmp: icmp.seq},
        (4, 4): {Tcp: lambda tcp: tcp.seq},
        (8, 4): {Tcp: lambda tcp: tcp.ack},
        (12, 1): {Tcp: lambda tcp: tcp.size << 2 | tcp.reserved},
        (13, 1): {Tcp: lambda tcp: tcp.flags},
        (14, 2): {Tcp: lambda tcp: tcp.window},
    }
)


def _from_header(place: int, readers: Mapping[type, Callable[[Any], int]], slow: Getter) -> Getter:
    def get(frame: Frame) -> int:
        layers = frame.layers
        if place < len(layers):
            header = layers[place]
            read = readers.get(type(header))
            if read is not None:
                return read(header)
        return slow(frame)

    return get


def _from_cooked(at: int, size: int) -> Getter:
    return lambda frame: int.from_bytes((frame.head or frame.data)[at : at + size])


def _loads(network: int, place: int, link: Mapping[Load, Getter]) -> Mapping[Load, Getter]:
    """The table of a link type: its network header begins at offset ``network`` and is number ``place``."""
    table = dict(link)
    for (at, size), readers in _NETWORK.items():
        load = Load(LINK, network + at, size)
        table[load] = _from_header(place, readers, load_bytes(load))
    for (at, size), readers in _TRANSPORT.items():
        load = Load(TRANSPORT, network + at, size, network)
        table[load] = _from_header(place + 1, readers, load_bytes(load))
    return MappingProxyType(table)


def _ethernet() -> Mapping[Load, Getter]:
    loads = {Load(LINK, at, size): readers for (at, size), readers in _ETHERNET.items()}
    return {load: _from_header(0, readers, load_bytes(load)) for load, readers in loads.items()}


def _cooked() -> Mapping[Load, Getter]:
    return {Load(LINK, at, size): _from_cooked(at, size) for at, size in ((0, 2), (4, 4), (10, 1))}


FAST: Final[Mapping[int, Mapping[Load, Getter]]] = MappingProxyType(
    {
        DLT_EN10MB: _loads(14, 1, _ethernet()),
        DLT_LINUX_SLL2: _loads(20, 0, _cooked()),
        DLT_RAW: _loads(0, 0, {}),
    }
)
"""By link type."""
