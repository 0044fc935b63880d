"""A packet: headers outermost first and a payload. A value: every change gives a new one."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from podwire.wire.headers import AnyHeader, Arp, Ethernet, Geneve, Icmp, IPv4, Tcp, Udp, Vlan, Vxlan

_H = TypeVar("_H", Ethernet, Arp, IPv4, Icmp, Udp, Tcp, Vlan, Vxlan, Geneve)


class Packet(msgspec.Struct, frozen=True, gc=False):
    """``layers`` outermost first, then ``payload``.

    The payload is bytes, or a ``Quoted`` packet (what an ICMP error carries). ``trailer`` holds bytes behind the end of
    the innermost datagram (Ethernet padding).
    """

    layers: tuple[AnyHeader, ...]
    payload: bytes | Quoted = b""
    trailer: bytes = b""

    def push(self, header: AnyHeader) -> Packet:
        """The packet with ``header`` in front."""
        return Packet((header, *self.layers), self.payload, self.trailer)

    def pull(self) -> Packet:
        """The packet without its outermost header."""
        return Packet(self.layers[1:], self.payload, self.trailer)

    def replace(self, index: int, header: AnyHeader) -> Packet:
        """The packet with layer ``index`` exchanged."""
        layers = self.layers
        return Packet((*layers[:index], header, *layers[index + 1 :]), self.payload, self.trailer)

    @property
    def size(self) -> int:
        """Length in bytes, trailer excluded."""
        total = len(self.payload)
        for header in self.layers:
            total += header.size
        return total

    def find(self, kind: type[_H]) -> _H | None:
        """The outermost header of a kind, or None."""
        for header in self.layers:
            if type(header) is kind:
                return header
        return None


class Quoted(msgspec.Struct, frozen=True, gc=False):
    """The first ``length`` bytes of ``packet``: what an ICMP error quotes. Bytes are made only on export."""

    packet: Packet
    length: int

    def __len__(self) -> int:
        return self.length
