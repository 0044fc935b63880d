"""EDNS options (RFC 6891; print-domain.c)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from podwire.tools.tcpdump.dissect import Dissector, ipv6_text
from podwire.tools.tcpdump.dnsnames import Cut, name_print
from podwire.wire.addr import Ip4

_NAMES: Final = MappingProxyType(
    {
        1: "LLQ",
        2: "UL",
        3: "NSID",
        5: "DAU",
        6: "DHU",
        7: "N3U",
        8: "ECS",
        9: "EXPIRE",
        10: "COOKIE",
        11: "KEEPALIVE",
        12: "PADDING",
        13: "CHAIN",
        14: "KEY-TAG",
        16: "CLIENT-TAG",
        17: "SERVER-TAG",
    }
)
_ALGORITHMS: Final = MappingProxyType(
    {
        0: "DELETE",
        1: "RSAMD5",
        2: "DH",
        3: "DS",
        5: "RSASHA1",
        6: "DSA-NSEC3-SHA1",
        7: "RSASHA1-NSEC3-SHA1",
        8: "RSASHA256",
        10: "RSASHA512",
        12: "ECC-GOST",
        13: "ECDSAP256SHA256",
        14: "ECDSAP384SHA384",
        15: "ED25519",
        16: "ED448",
        252: "INDIRECT",
        253: "PRIVATEDNS",
        254: "PRIVATEOID",
    }
)
_HASHES: Final = MappingProxyType({1: "SHA-1", 2: "SHA-256", 3: "GOST_R_34.11-94", 4: "SHA-384"})
_NSEC_HASHES: Final = MappingProxyType({1: "SHA-1"})


def option_print(d: Dissector, at: int) -> int:
    """An option; gives where the next one begins."""
    if not d.has(at, 2):
        raise Cut
    number = d.u2(at)
    d.put(_NAMES.get(number, f"Opt{number}"))
    if not d.has(at + 2, 2):
        raise Cut
    size = d.u2(at + 2)
    at += 4
    if not d.has(at, size):
        raise Cut
    if size:
        d.put(" ")
        _PRINTERS.get(number, _hex_print)(d, at, size)
    return at + size


def _hex_print(d: Dissector, at: int, size: int) -> None:
    d.put(d.span(at, size).hex())


def _subnet_print(d: Dissector, at: int, size: int) -> None:
    """The client's network (RFC 7871)."""
    if size < 4:
        d.invalid()
        return
    bits = {1: 32, 2: 128}.get(d.u2(at))
    source, scope = d.u1(at + 2), d.u1(at + 3)
    given = size - 4
    if bits is None or given > bits // 8 or source > bits or scope > bits or (source + 7) // 8 != given:
        d.invalid()
        return
    address = d.span(at + 4, given).ljust(bits // 8, b"\0")
    text = str(Ip4.from_bytes(address)) if bits == 32 else ipv6_text(address)
    d.put(f"{text}/{source}/{scope}")


def _cookie_print(d: Dissector, at: int, size: int) -> None:
    if size < 8 or 8 < size < 16 or size > 40:
        d.invalid()
        return
    server = d.span(at + 8, size - 8).hex()
    d.put(d.span(at, 8).hex() + (f" {server}" if server else ""))


def _keepalive_print(d: Dissector, at: int, size: int) -> None:
    if size == 2:
        d.put(f"{d.u2(at) / 10.0:.1f} sec")
    else:
        d.invalid()


def _expire_print(d: Dissector, at: int, size: int) -> None:
    if size == 4:
        d.put(f"{d.u4(at)} sec")
    else:
        d.invalid()


def _padding_print(d: Dissector, at: int, size: int) -> None:
    d.put(f"({size})")


def _key_tags_print(d: Dissector, at: int, size: int) -> None:
    if size % 2:
        d.invalid()
    else:
        d.put(" ".join(str(d.u2(at + offset)) for offset in range(0, size, 2)))


def _listed(names: Mapping[int, str]) -> Callable[[Dissector, int, int], None]:
    def listed(d: Dissector, at: int, size: int) -> None:
        d.put(" ".join(names.get(number, f"Alg_{number}") for number in d.span(at, size)))

    return listed


def _chain_print(d: Dissector, at: int, size: int) -> None:
    try:
        name_print(d, at, at + size)
    except Cut:
        return


_PRINTERS: Final[Mapping[int, Callable[[Dissector, int, int], None]]] = MappingProxyType(
    {
        5: _listed(_ALGORITHMS),
        6: _listed(_HASHES),
        7: _listed(_NSEC_HASHES),
        8: _subnet_print,
        9: _expire_print,
        10: _cookie_print,
        11: _keepalive_print,
        12: _padding_print,
        13: _chain_print,
        14: _key_tags_print,
    }
)
