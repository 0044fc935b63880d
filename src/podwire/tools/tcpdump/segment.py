"""What the printer of a transport protocol is given: where it stands, and in which datagram."""

from __future__ import annotations

from podwire.tools.tcpdump.dissect import Dissector
from podwire.tools.tcpdump.ipoptions import final_destination
from podwire.wire.checksum import words


class Segment:
    """``ip`` is the offset of the IPv4 header, ``at`` that of what it carries: ``length`` bytes by its total length."""

    __slots__ = ("at", "fragmented", "ip", "length")

    def __init__(self, ip: int, at: int, length: int, *, fragmented: bool) -> None:
        self.ip = ip
        self.at = at
        self.length = length
        self.fragmented = fragmented
        """More fragments follow: there is no checksum to verify."""


def pseudo_header(d: Dissector, segment: Segment, length: int, protocol: int) -> int:
    """The pseudo header as a summand; behind a source route stands the final destination (``nextproto4_cksum``)."""
    source = words(d.span(segment.ip + 12, 4))
    return source + final_destination(d, segment.ip, segment.at) + protocol + (length & 0xFFFF)


def should_be(stated: int, sum_: int) -> int:
    """The checksum that would have been right, from the stated one and what ``in_cksum`` gave."""
    total = stated + sum_
    total = (total & 0xFFFF) + (total >> 16)
    return (total & 0xFFFF) + (total >> 16)
