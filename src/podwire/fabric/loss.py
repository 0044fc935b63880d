"""What a network loses on purpose: a protocol, or some ports of it."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

import msgspec

from podwire.fabric.flows import PROTOCOLS, WITH_PORTS, ports_of
from podwire.wire.headers import IPv4
from podwire.wire.packet import Packet

GRAMMAR: Final = "ipip, 4, udp:4789 or udp:4789-8472"
"""Examples of the grammar, for complaints."""
_NUMBERS: Final = MappingProxyType(PROTOCOLS | {"igmp": 2, "gre": 47})
_TEXT: Final = re.compile(r"([a-z]+|\d{1,3})(?::(\d{1,5})(?:-(\d{1,5}))?)?")


class Loss(msgspec.Struct, frozen=True):
    """One thing that a network loses: ``PROTOCOL[:PORT[-PORT]]``.

    ``PROTOCOL`` is a name (icmp, igmp, ipip, tcp, udp, gre, esp, ah, sctp) or a number from 0 to 255. Ports are destination
    ports of tcp, udp and sctp. The outermost IPv4 header counts. Of a datagram in fragments only the first has ports: where they
    decide, the others pass and wait in vain.
    """

    text: str
    proto: int
    low: int = 0
    high: int = 65535

    @classmethod
    def parse(cls, text: str) -> Loss:
        """Raises ``ValueError`` for anything else than ``PROTOCOL[:PORT[-PORT]]``."""
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r}: expected a protocol, with ports where it has some, such as {GRAMMAR}")
        name, first, last = match.groups()
        proto = int(name) if name.isdecimal() else _NUMBERS.get(name)
        if proto is None or proto > 255:
            raise ValueError(
                f"{text!r}: expected a number from 0 to 255 or one of {', '.join(_NUMBERS)} as the protocol"
            )
        if first is None:
            return cls(text, proto)
        if proto not in WITH_PORTS:
            raise ValueError(f"{text!r}: only tcp, udp and sctp have ports")
        low, high = int(first), int(last or first)
        if not low <= high <= 65535:
            raise ValueError(f"{text!r}: expected ports up to 65535, the lower one first")
        return cls(text, proto, low, high)

    @property
    def whole(self) -> bool:
        """Whether it is the protocol as a whole, whatever its ports."""
        return self.low == 0 and self.high == 65535

    def takes(self, frame: Packet) -> bool:
        """Whether this frame is lost."""
        ip = frame.find(IPv4)
        if ip is None or ip.proto != self.proto:
            return False
        if self.whole:
            return True
        ports = ports_of(frame, frame.layers.index(ip))
        return ports is not None and self.low <= ports[1] <= self.high


def lost(frame: Packet, losses: tuple[Loss, ...]) -> Loss | None:
    """The first loss that takes a frame."""
    for loss in losses:
        if loss.takes(frame):
            return loss
    return None
