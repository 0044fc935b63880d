"""Addresses as iptables takes and prints them (libxtables/xtables.c: xtables_ipparse_multiple, xtables_ipmask_to_numeric)."""

from __future__ import annotations

from typing import Final

from podwire.linux.netfilter.tables import Prefix
from podwire.linux.netfilter.xt.options import Names, OptionError, strtoui
from podwire.wire.addr import Ip, Ip4, prefix_mask

_FULL: Final = 0xFFFFFFFF


def parse_addresses(text: str, names: Names, *, invert: bool) -> list[Prefix]:
    """``-s a/24,b``: each with its mask, host bits cleared; a name stands for all its addresses. Raises ``OptionError``."""
    found: list[Prefix] = []
    for part in text.split(","):
        host, slash, mask_text = part.lstrip().rpartition("/")
        if not slash:
            host, mask = mask_text, _FULL
        else:
            mask = _mask(mask_text)
        # "any/0": the name is not looked at.
        addresses = _addresses(host if mask else "0.0.0.0", names)
        found += [Prefix(Ip4(address & mask), mask, invert) for address in addresses]
    return found


def dotted_quad(text: str) -> int | None:
    """Four decimal numbers as everybody writes them; None for whatever else an address may look like."""
    parts = text.split(".")
    if len(parts) != 4 or not text.isascii():
        return None
    value = 0
    for part in parts:
        if not part.isdecimal() or len(part) > 3 or (part[0] == "0" and part != "0"):
            return None
        value = value << 8 | (number := int(part))
        if number > 255:
            return None
    return value


def _mask(text: str) -> int:
    """``parse_ipmask``: dotted, or a length."""
    dotted = _dotted(text, mask=True) if "." in text else None
    if dotted is not None:
        return dotted
    plen = strtoui(text, 0, 32)
    if plen is None:
        msg = f"invalid mask `{text}' specified"
        raise OptionError(msg)
    return prefix_mask(32, plen)


def _addresses(text: str, names: Names) -> list[Ip]:
    """``ipparse_hostnetwork``."""
    dotted = _dotted(text, mask=False)
    if dotted is not None:
        return [Ip4(dotted)]
    found = names.network(text)
    if found is not None:
        return [found]
    try:
        return names.addresses(text)
    except OptionError:
        msg = f"host/network `{text}' not found"
        raise OptionError(msg) from None


def _dotted(text: str, *, mask: bool) -> int | None:
    """``__numeric_to_ipaddr``: what lacks of an address is 0 (``10.8`` is 10.8.0.0); a mask has to be whole."""
    try:
        return int(Ip4.parse(text))
    except ValueError:
        pass
    parts = text[:19].split(".", 3)
    if mask and len(parts) < 4:
        return None
    value = 0
    for part in parts:
        octet = strtoui(part, 0, 255)
        if octet is None:
            return None
        value = value << 8 | octet
    return value << 8 * (4 - len(parts))


def mask_text(mask: int) -> str:
    """``mask_to_str``: a length where it is one."""
    inverse = ~mask & _FULL
    return str(Ip4(mask)) if inverse & (inverse + 1) else str(32 - inverse.bit_length())
