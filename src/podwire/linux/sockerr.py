"""The error queue of a socket (IP_RECVERR): what an ICMP error means to it (net/ipv4/icmp.c icmp_err_convert, ip_sockglue.c)."""

from __future__ import annotations

from errno import (
    ECONNREFUSED,
    EHOSTDOWN,
    EHOSTUNREACH,
    EMSGSIZE,
    ENETUNREACH,
    ENONET,
    ENOPROTOOPT,
    EOPNOTSUPP,
    EPROTO,
)
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.wire.addr import Ip
from podwire.wire.headers import (
    ICMP_DEST_UNREACH,
    ICMP_FRAG_NEEDED,
    ICMP_PARAMETERPROB,
    ICMP_TIME_EXCEEDED,
    Icmp,
)
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.linux.skb import Skb

# icmp_err_convert (net/ipv4/icmp.c): errno and whether it is fatal for a connected UDP socket.
ICMP_ERRNO: Final = (
    (ENETUNREACH, False),
    (EHOSTUNREACH, False),
    (ENOPROTOOPT, True),
    (ECONNREFUSED, True),
    (EMSGSIZE, True),
    (EOPNOTSUPP, False),
    (ENETUNREACH, True),
    (EHOSTDOWN, True),
    (ENONET, True),
    (ENETUNREACH, True),
    (EHOSTUNREACH, True),
    (ENETUNREACH, False),
    (EHOSTUNREACH, False),
    (EHOSTUNREACH, True),
    (EHOSTUNREACH, True),
    (EHOSTUNREACH, True),
)
"""Fragmentation needed is no part of the kernel's table; the handlers make EMSGSIZE of it, and count it as fatal."""


class IcmpErrorReport(msgspec.Struct, frozen=True, gc=False):
    """An entry of the error queue (IP_RECVERR): ``origin`` is the error's sender, ``quoted`` what it is about."""

    time: int
    errno: int
    icmp: Icmp
    origin: Ip
    quoted: Packet
    mtu: int = 0
    """``ee_info`` of "fragmentation needed": 0 where the kernel does not take it from the error (ip_no_pmtu_disc)."""
    fatal: bool = False
    """A connected UDP socket hears of it without IP_RECVERR too (icmp_err_convert)."""
    ttl: int = 0
    """That of the error itself (IP_RECVTTL)."""


def ip_icmp_error(skb: Skb, icmp: Icmp, inner: Packet, mtu: int, now: int) -> IcmpErrorReport:
    """``ip_icmp_error``: the entry for an ICMP error that came in; ``mtu`` as far as it is believed."""
    errno, fatal = _errno(icmp)
    return IcmpErrorReport(now, errno, icmp, skb.ip.src, inner, mtu, fatal, skb.ip.ttl)


def is_too_big(icmp: Icmp) -> bool:
    """Destination unreachable, fragmentation needed and DF set (RFC 1191)."""
    return icmp.type == ICMP_DEST_UNREACH and icmp.code == ICMP_FRAG_NEEDED


def _errno(icmp: Icmp) -> tuple[int, bool]:
    if icmp.type == ICMP_DEST_UNREACH:
        return ICMP_ERRNO[icmp.code if icmp.code < len(ICMP_ERRNO) else 1]
    if icmp.type == ICMP_TIME_EXCEEDED:
        return EHOSTUNREACH, False
    if icmp.type == ICMP_PARAMETERPROB:
        return EPROTO, True
    return EHOSTUNREACH, False
