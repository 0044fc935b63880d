"""The texts of the kernel's errors (lib/errcode.c): by command where they differ, by method where the number alone says too little."""

from __future__ import annotations

import os
from errno import EEXIST, EMSGSIZE, ENOENT, ERANGE
from types import MappingProxyType
from typing import Final

from podwire.linux.netfilter.ipset.errors import BitmapErr, Err, HashErr, ListErr

_TYPE_SPECIFIC: Final = 4352
_PRIVATE: Final = 4096

_CORE: Final = MappingProxyType(
    {
        (ENOENT, ""): "The set with the given name does not exist",
        (EMSGSIZE, ""): "Kernel error received: message could not be created",
        (ERANGE, ""): "The specified range is too large, split it up into smaller ranges",
        (Err.PROTOCOL, ""): "Kernel error received: ipset protocol error",
        (EEXIST, "create"): "Set cannot be created: set with the same name already exists",
        (Err.FIND_TYPE, ""): "Kernel error received: set type not supported",
        (Err.MAX_SETS, ""): "Kernel error received: maximal number of sets reached, cannot create more.",
        (Err.INVALID_NETMASK, ""): "The value of the netmask parameter is invalid",
        (Err.INVALID_MARKMASK, ""): "The value of the markmask parameter is invalid",
        (Err.INVALID_FAMILY, ""): "Protocol family not supported by the set type",
        (Err.BITMASK_NETMASK_EXCL, ""): "netmask and bitmask options are mutually exclusive, provide only one",
        (Err.BUSY, "destroy"): "Set cannot be destroyed: it is in use by a kernel component",
        (Err.EXIST_SETNAME2, "rename"): "Set cannot be renamed: a set with the new name already exists",
        (Err.REFERENCED, "rename"): "Set cannot be renamed: it is in use by another system",
        (Err.EXIST_SETNAME2, "swap"): "Sets cannot be swapped: the second set does not exist",
        (Err.TYPE_MISMATCH, "swap"): "The sets cannot be swapped: their type does not match",
        (Err.INVALID_CIDR, ""): "The value of the CIDR parameter of the IP address is invalid",
        (Err.TIMEOUT, ""): "Timeout cannot be used: set was created without timeout support",
        (Err.IPADDR_IPV4, ""): "An IPv4 address is expected, but not received",
        (Err.IPADDR_IPV6, ""): "An IPv6 address is expected, but not received",
        (Err.COUNTER, ""): "Packet/byte counters cannot be used: set was created without counter support",
        (Err.COMMENT, ""): "Comment cannot be used: set was created without comment support",
        (Err.SKBINFO, ""): "Skbinfo mapping cannot be used: set was created without skbinfo support",
        (Err.EXIST, "add"): "Element cannot be added to the set: it's already added",
        (Err.EXIST, "del"): "Element cannot be deleted from the set: it's not added",
    }
)
_BITMAP: Final = MappingProxyType(
    {
        (BitmapErr.RANGE, ""): "Element is out of the range of the set",
        (BitmapErr.RANGE_SIZE, "create"): "The range you specified exceeds the size limit of the set type",
    }
)
_HASH: Final = MappingProxyType(
    {
        (HashErr.HASH_FULL, ""): "Hash is full, cannot add more elements",
        (HashErr.HASH_ELEM, ""): "Null-valued element, cannot be stored in a hash type of set",
        (HashErr.INVALID_PROTO, ""): "Invalid protocol specified",
        (HashErr.MISSING_PROTO, ""): "Protocol missing, but must be specified",
        (HashErr.RANGE_UNSUPPORTED, ""): 'Range is not supported in the "net" component of the element',
        (HashErr.RANGE, ""): "Invalid range, covers the whole address space",
    }
)
_LIST: Final = MappingProxyType(
    {
        (ListErr.NAME, ""): "Set to be added/deleted/tested as element does not exist.",
        (ListErr.LOOP, ""): "Sets with list:set type cannot be added to the set.",
        (ListErr.BEFORE, ""): "No reference set specified.",
        (ListErr.NAMEREF, ""): "The set to which you referred with 'before' or 'after' does not exist.",
        (ListErr.LIST_FULL, ""): "The set is full, more elements cannot be added.",
        (ListErr.REF_EXIST, ""): "The set to which you referred with 'before' or 'after' is not added to the set.",
    }
)
_METHODS: Final = MappingProxyType({"bitmap": _BITMAP, "hash": _HASH, "list": _LIST})


def errcode(command: str, errno: int, method: str = "") -> str:
    """The text of an error that a command got; ``method`` is that of the set's type, where it is known."""
    tables = [_METHODS[method], _CORE] if errno >= _TYPE_SPECIFIC and method in _METHODS else [_CORE]
    for table in tables:
        text = table.get((errno, command)) or table.get((errno, ""))
        if text is not None:
            return text
    if errno < _PRIVATE:
        return f"Kernel error received: {os.strerror(errno)}"
    return f"Undecoded error {errno} received from kernel"
