"""The kernel's own error numbers of IP sets (include/uapi/linux/netfilter/ipset/ip_set*.h)."""

from __future__ import annotations

import os
from enum import IntEnum
from typing import NoReturn

from podwire.linux.errors import NetlinkError


class Err(IntEnum):
    """``enum ipset_errno`` without the common numbers of the C library; each name is the kernel's without IPSET_ERR_."""

    PROTOCOL = 4097
    FIND_TYPE = 4098
    MAX_SETS = 4099
    BUSY = 4100
    EXIST_SETNAME2 = 4101
    TYPE_MISMATCH = 4102
    EXIST = 4103
    INVALID_CIDR = 4104
    INVALID_NETMASK = 4105
    INVALID_FAMILY = 4106
    TIMEOUT = 4107
    REFERENCED = 4108
    IPADDR_IPV4 = 4109
    IPADDR_IPV6 = 4110
    COUNTER = 4111
    COMMENT = 4112
    INVALID_MARKMASK = 4113
    SKBINFO = 4114
    BITMASK_NETMASK_EXCL = 4115


class BitmapErr(IntEnum):
    """What bitmap types alone answer."""

    RANGE = 4352
    RANGE_SIZE = 4353


class HashErr(IntEnum):
    """What hash types alone answer: the numbers are shared with the other types."""

    HASH_FULL = 4352
    HASH_ELEM = 4353
    INVALID_PROTO = 4354
    MISSING_PROTO = 4355
    RANGE_UNSUPPORTED = 4356
    RANGE = 4357


class ListErr(IntEnum):
    """What ``list:set`` alone answers."""

    NAME = 4352
    LOOP = 4353
    BEFORE = 4354
    NAMEREF = 4355
    LIST_FULL = 4356
    REF_EXIST = 4357


class IpsetError(NetlinkError):
    """The kernel refuses a command about a set: ``errno`` is its number, the text its name (``IPSET_ERR_EXIST``) or the C library's."""

    def __init__(self, errno: int) -> None:
        super().__init__(errno, f"IPSET_ERR_{errno.name}" if isinstance(errno, IntEnum) else os.strerror(errno))
        self.errno = int(errno)
        self.extack = ""


def refuse(errno: int) -> NoReturn:
    """Raise the ``IpsetError`` of that number."""
    raise IpsetError(errno)
