"""Is a checksum that is written out right after all? (``udp_lib_checksum_complete``, ``nf_ip_checksum``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podwire.wire.checksum import words
from podwire.wire.codec import to_bytes
from podwire.wire.headers import IPPROTO_UDP, IPv4

if TYPE_CHECKING:
    from podwire.wire.packet import Packet


def udp_is_sound(packet: Packet) -> bool:
    """A checksum that is written out may be right: around a padded frame in a tunnel."""
    if len(packet.layers) == 2:
        return False
    data = to_bytes(packet)
    ip = packet.layers[0]
    assert isinstance(ip, IPv4)  # noqa: S101 - the caller read it
    segment = data[ip.size : ip.total_length]
    return (ip.src + ip.dst + IPPROTO_UDP + len(segment) + words(segment)) % 65535 == 0
