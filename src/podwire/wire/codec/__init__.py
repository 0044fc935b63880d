"""Packets to bytes and back. The only place where lengths and checksums are computed.

For every ``data``, ``to_bytes(from_bytes(data)) == data``. What makes that hold for damaged packets:

- a length or checksum in the bytes that is not the computed one is kept in the header;
- a header that does not fit, or whose own length field is impossible, is payload; so is all that follows it;
- bytes behind the end of the innermost datagram are the ``trailer``; an outer IPv4 header whose datagram reaches into
  the trailer keeps its ``total_length``;
- where only the beginning of a datagram is there (a first fragment, a truncated packet), its length and checksum are
  those of the whole and are always kept.

Sources: RFC 894 (Ethernet), 826 (ARP), 791 (IPv4), 2003 (IP in IP), 792 (ICMP), 768 (UDP), 9293 (TCP), 7348
(VXLAN), 8926 (GENEVE), IEEE 802.1Q (VLAN tag). VXLAN and GENEVE are told by the destination port of UDP.
"""

from podwire.wire.codec.decode import DecodeError, from_bytes, quoted
from podwire.wire.codec.encode import EncodeError, to_bytes

__all__ = ["DecodeError", "EncodeError", "from_bytes", "quoted", "to_bytes"]
