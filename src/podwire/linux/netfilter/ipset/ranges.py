"""Which elements a command names: the loops of ``hash_*4_uadt`` and ``hash_*6_uadt`` over addresses, networks and ports.

Elements come in the order in which the kernel adds them; what came before an error stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from errno import EINVAL
from itertools import product
from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.ipset.base import TEST, Element
from podwire.linux.netfilter.ipset.errors import Err, HashErr, refuse
from podwire.wire.addr import AF_INET, prefix_mask

if TYPE_CHECKING:
    from podwire.linux.netfilter.ipset.adt import Adt
    from podwire.linux.netfilter.ipset.hash import HashSet

_ALL4: Final = 0xFFFFFFFF
WITH_PORTS: Final = frozenset({6, 17, 132, 136})
"""``ip_set_proto_with_ports``: TCP, UDP, SCTP, UDP-Lite."""
_ICMP: Final = 1
_ICMPV6: Final = 58


def check(hashed: HashSet, adt: Adt) -> None:
    """What the kernel refuses before it looks at extensions: ranges of IPv6 addresses."""
    if hashed.family == AF_INET:
        return
    if adt.ip_to is not None or adt.ip2_to is not None:
        refuse(HashErr.RANGE_UNSUPPORTED)
    if hashed.type.dims[0] == "ip" and adt.cidr is not None and adt.cidr != hashed.bits:
        refuse(Err.INVALID_CIDR)


def expand(hashed: HashSet, what: str, adt: Adt) -> Iterator[Element]:
    """The elements; raises ``IpsetError`` for what cannot be one. A test looks at the first alone."""
    dims = hashed.type.dims
    parts: list[Iterable[Element]] = []
    for place, kind in enumerate(dims):
        if kind == "ip":
            parts.append(_addresses(hashed, what, adt) if place == 0 else [(adt.ip2 or 0,)])
        elif kind == "net":
            parts.append(_nets(hashed, adt, first=place == 0))
        elif kind == "port":
            parts.append(_ports(hashed, adt))
        elif kind == "mark":
            parts.append([(_mark(hashed, adt),)])
        else:
            parts.append([(_mac(adt),)])
    if len(dims) == 1:
        yield from parts[0]
        return
    others = [sum(rest, ()) for rest in product(*parts[1:])]
    for first in parts[0]:
        for rest in others:
            yield first + rest


def _addresses(hashed: HashSet, what: str, adt: Adt) -> Iterable[Element]:
    """The first dimension of ``hash:ip…``: an address, or all of a range, as wide apart as the netmask says."""
    ip = (adt.ip or 0) & hashed.mask
    if not ip:
        if hashed.type.name == "hash:ip":
            refuse(HashErr.HASH_ELEM)
        if hashed.type.name == "hash:ip,port":
            refuse(EINVAL)
        if hashed.type.name == "hash:ip,mark" and not _mark(hashed, adt):
            refuse(HashErr.HASH_ELEM)
    if what == TEST or hashed.family != AF_INET:
        return [(ip,)]
    last = ip
    if adt.ip_to is not None:
        if adt.ip_to == 0 and hashed.type.name == "hash:ip":
            refuse(HashErr.HASH_ELEM)
        ip, last = min(ip, adt.ip_to), max(ip, adt.ip_to)
    elif adt.cidr is not None:
        if not adt.cidr:
            refuse(Err.INVALID_CIDR)
        mask = prefix_mask(32, adt.cidr)
        ip, last = ip & mask, ip | ~mask & _ALL4
    step = 1 << 32 - hashed.netmask if hashed.type.name == "hash:ip" else 1
    return ((each,) for each in range(ip, last + 1, step))


def _nets(hashed: HashSet, adt: Adt, *, first: bool) -> list[Element]:
    """A dimension that is a network: one, or those that a range is made of."""
    ip, to, cidr = (adt.ip, adt.ip_to, adt.cidr) if first else (adt.ip2, adt.ip2_to, adt.cidr2)
    ip = ip or 0
    if cidr is None:
        cidr = hashed.bits
    elif not cidr:
        refuse(Err.INVALID_CIDR)
    if to is not None:
        ip, to = min(ip, to), max(ip, to)
        if (ip, to) == (0, _ALL4):
            refuse(HashErr.RANGE)
        return list(range_to_cidr(ip, to))
    mask = prefix_mask(hashed.bits, cidr)
    if adt.ip_to is None and adt.ip2_to is None:
        mask &= hashed.mask
    return [(ip & mask, cidr)]


def range_to_cidr(ip: int, last: int) -> Iterator[tuple[int, int]]:
    """``ip_set_range_to_cidr``, again and again: the largest networks that a range of IPv4 addresses is made of."""
    while ip <= last:
        size = min(ip & -ip if ip else 1 << 31, 1 << (last - ip + 1).bit_length() - 1)
        yield ip, 33 - size.bit_length()
        ip += size


def _ports(hashed: HashSet, adt: Adt) -> list[Element]:
    if adt.proto is None:
        refuse(Err.PROTOCOL if adt.port is None else HashErr.MISSING_PROTO)
    if not adt.proto:
        refuse(HashErr.INVALID_PROTO)
    with_ports = adt.proto in WITH_PORTS
    icmp = _ICMP if hashed.family == AF_INET else _ICMPV6
    port = (adt.port or 0) if with_ports or adt.proto == icmp else 0
    last = adt.port_to if with_ports and adt.port_to is not None else port
    return [(each, adt.proto) for each in range(min(port, last), max(port, last) + 1)]


def _mark(hashed: HashSet, adt: Adt) -> int:
    return (adt.mark or 0) & hashed.markmask


def _mac(adt: Adt) -> int:
    if not adt.mac:
        refuse(HashErr.HASH_ELEM)
    return adt.mac
