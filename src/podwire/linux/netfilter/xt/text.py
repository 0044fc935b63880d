"""Texts that several extensions share (libxtables/xtables.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.xt.options import strtoui
from podwire.wire.addr import Ip4

if TYPE_CHECKING:
    from podwire.linux.netfilter.xt.options import Names
    from podwire.wire.addr import Ip

_FULL: Final = 0xFFFFFFFF


def mask_text(mask: int) -> str:
    """``xtables_ipmask_to_numeric``: nothing for a whole address, ``/24``, or ``/255.0.255.0`` for a mask with holes."""
    inverse = ~mask & _FULL
    if not inverse:
        return ""
    if inverse & (inverse + 1):
        return f"/{Ip4(mask)}"
    return f"/{32 - inverse.bit_length()}"


def host_mask(addr: Ip, mask: int, names: Names | None) -> str:
    """``xtables_ipaddr_to_anyname`` and the mask; without ``names`` (-n) numbers alone."""
    name = names.host(addr) if names is not None else None
    return f"{name or addr}{mask_text(mask)}"


def numeric_to_ipaddr(text: str) -> Ip4 | None:
    """``xtables_numeric_to_ipaddr``: up to four decimal numbers between dots; those that are missing at the end are 0."""
    parts = text.split(".")
    if len(parts) > 4:
        return None
    octets = [strtoui(part, 0, 255) for part in parts]
    if any(octet is None for octet in octets):
        return None
    value = 0
    for octet in (*octets, 0, 0, 0)[:4]:
        value = value << 8 | (octet or 0)
    return Ip4(value)
