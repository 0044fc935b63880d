"""What a command about a set says: the attributes of IPSET_CMD_CREATE, and those of IPSET_CMD_ADD, DEL and TEST."""

from __future__ import annotations

import msgspec

from podwire.wire.addr import AF_INET


class Create(msgspec.Struct, gc=False):
    """Options of ``ipset create``; None where nothing was said. Each type looks at its own.

    ``ip`` and ``ip_to`` (or ``cidr``), ``port`` and ``port_to`` are the range of a bitmap; ``timeout`` is in seconds.
    """

    family: int = AF_INET
    ip: int | None = None
    ip_to: int | None = None
    cidr: int | None = None
    port: int | None = None
    port_to: int | None = None
    hashsize: int | None = None
    maxelem: int | None = None
    netmask: int | None = None
    bitmask: int | None = None
    markmask: int | None = None
    bucketsize: int | None = None
    initval: int | None = None
    size: int | None = None
    timeout: int | None = None
    counters: bool = False
    comment: bool = False
    forceadd: bool = False


class Adt(msgspec.Struct, gc=False):
    """One element, or a range of them, as a command names it; None where nothing was said.

    Addresses are integers of the set's family, ``cidr`` prefix lengths, ``port`` the port or ICMP type * 256 + code. ``name``, ``nameref``
    and ``before`` (in front of ``nameref``, else behind it) are for ``list:set``. ``timeout`` is in seconds, 0 for ever.
    """

    ip: int | None = None
    ip_to: int | None = None
    cidr: int | None = None
    ip2: int | None = None
    ip2_to: int | None = None
    cidr2: int | None = None
    port: int | None = None
    port_to: int | None = None
    proto: int | None = None
    mark: int | None = None
    mac: int | None = None
    name: str | None = None
    nameref: str | None = None
    before: bool = False
    nomatch: bool = False
    timeout: int | None = None
    packets: int | None = None
    bytes: int | None = None
    comment: str | None = None
