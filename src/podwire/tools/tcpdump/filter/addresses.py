"""What an address, a number or a name means behind its qualifiers (``gen_scode``, ``gen_ncode``, ``gen_mcode``)."""

from __future__ import annotations

import re
from functools import reduce
from types import MappingProxyType
from typing import Final

from podwire.errors import NotModelled
from podwire.tools.tcpdump.filter.errors import FilterError
from podwire.tools.tcpdump.filter.generate import Generator
from podwire.tools.tcpdump.filter.linklayer import LINK_TYPES
from podwire.tools.tcpdump.filter.qualifiers import DEFAULT, UNDEFINED, Qualifiers
from podwire.tools.tcpdump.filter.tree import MASK32, Node, either
from podwire.wire.addr import AF_INET, Ip6, prefix_mask

_PORT_NUMBERS: Final = MappingProxyType({"tcp": 6, "udp": 17, "sctp": 132})
_PORT_NAMES: Final = MappingProxyType({6: "tcp", 17: "udp", 132: "sctp"})
_ETHER_NAMES: Final = frozenset(
    {
        "aarp",
        "arp",
        "atalk",
        "decnet",
        "ip",
        "ip6",
        "lat",
        "mopdl",
        "moprc",
        "rarp",
        "sca",
        "iso",
        "stp",
        "ipx",
        "netbeui",
    }
)
_LOOPBACK_TYPE: Final = 0x9000
_OUT_OF_CONTEXT: Final = "syntax error in filter expression"
_WITHOUT_PROTO: Final = MappingProxyType(
    {
        "arp": "arp does not encapsulate another protocol",
        "rarp": "rarp does not encapsulate another protocol",
        "atalk": "AppleTalk encapsulation is not specifiable",
        "decnet": "DECNET encapsulation is not specifiable",
        "lat": "LAT does not encapsulate another protocol",
        "sca": "SCA does not encapsulate another protocol",
        "moprc": "MOPRC does not encapsulate another protocol",
        "mopdl": "MOPDL does not encapsulate another protocol",
        "clnp": "'clnp proto' is not supported",
    }
)


class Addresses:
    """The primitives of one expression that name something."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self._context = generator.context

    # -- numbers ---------------------------------------------------------------------------------------------------

    def number(self, value: int, qualifiers: Qualifiers) -> Node:
        """A bare number: a port, a protocol, an address written as one number."""
        kind = qualifiers.type
        if kind in {"port", "portrange"}:
            protocol = self._port_protocol(qualifiers)
            _check_port(value)
            return self._generator.ports(value, value, protocol, qualifiers)
        if kind == "proto":
            return self._protocol(value, qualifiers)
        if kind in {"host", DEFAULT}:
            self._refuse_link(qualifiers)
            return self._generator.host(value, MASK32, qualifiers)
        if kind == "net":
            self._refuse_link(qualifiers)
            return self._generator.host(*_left_justified(value), qualifiers)
        raise self._refusal(kind, "'gateway' requires a name")

    def dotted(self, text: str, qualifiers: Qualifiers) -> Node:
        """``10.0.0.1``; of ``10.0`` the missing rest does not count."""
        kind = qualifiers.type
        if kind in {"port", "portrange", "proto", "protochain"}:
            raise FilterError(f"'{kind}' modifier applied to ip host")
        value, bits = _dotted(text)
        if kind in {"host", "net", DEFAULT}:
            self._refuse_link(qualifiers)
            return self._generator.host(value << 32 - bits & MASK32, MASK32 << 32 - bits & MASK32, qualifiers)
        raise self._refusal(kind, "'gateway' requires a name")

    def network(self, text: str, mask: int | str, qualifiers: Qualifiers) -> Node:
        """``10.0.0.0/8``, ``10.0.0.0 mask 255.0.0.0``."""
        value, bits = _dotted(text)
        value = value << 32 - bits & MASK32
        if isinstance(mask, str):
            number, bits = _dotted(mask)
            number = number << 32 - bits & MASK32
            written = f"{text} mask {mask}"
        else:
            if mask > 32:
                raise FilterError("mask length must be <= 32")
            number = prefix_mask(32, mask)
            written = f"{text}/{mask}"
        if value & ~number:
            raise FilterError(f'non-network bits set in "{written}"')
        if qualifiers.type != "net":
            raise FilterError("Mask syntax for networks only")
        return self._generator.host(value, number, qualifiers)

    def ipv6(self, text: str, plen: int, qualifiers: Qualifiers) -> Node:
        """An IPv6 address or prefix."""
        value = int(Ip6.parse(text))
        if plen > 128:
            raise FilterError("mask length must be <= 128")
        mask = prefix_mask(128, plen)
        if value & ~mask:
            raise FilterError(f'non-network bits set in "{text}/{plen}"')
        if qualifiers.type in {"host", DEFAULT} and plen != 128:
            raise FilterError("Mask syntax for networks only")
        if qualifiers.type not in {"host", "net", DEFAULT}:
            raise FilterError("invalid qualifier against IPv6 address")
        return self._generator.host6(value, mask, qualifiers)

    def _protocol(self, number: int, qualifiers: Qualifiers) -> Node:
        name = qualifiers.protocol
        if name in {DEFAULT, "ip", "ip6"}:
            return self._generator.protocol(number, name)
        if name == "link":
            return self._generator.link(number)
        if name in {"iso", "isis"}:
            raise NotModelled(f"filter {name} proto", "tcpdump")
        raise FilterError(_WITHOUT_PROTO.get(name, f"'{name} proto' is bogus"))

    # -- names -----------------------------------------------------------------------------------------------------

    def name(self, text: str, qualifiers: Qualifiers) -> Node:
        """A name: of a host, a port, a network, a protocol."""
        kind = qualifiers.type
        match kind:
            case "net":
                value = self._context.network(text)
                if not value:
                    raise FilterError(f"unknown network '{text}'")
                return self._generator.host(value, MASK32, qualifiers)
            case "host" | "":
                return self._host_name(text, qualifiers)
            case "port":
                port, protocol = self._named_port(text, qualifiers)
                return self._generator.ports(port, port, protocol, qualifiers)
            case "portrange":
                return self._port_range(text, qualifiers)
            case "proto":
                return self._protocol(self._protocol_number(text, qualifiers.protocol), qualifiers)
        raise self._refusal(kind, "'gateway' not supported in this configuration")

    def _host_name(self, text: str, qualifiers: Qualifiers) -> Node:
        if qualifiers.protocol == "link":
            return self._generator.ether_name(text, qualifiers.direction)
        if qualifiers.protocol == "decnet":
            raise NotModelled("filter decnet host", "tcpdump")
        addresses = self._context.resolve(text)
        if not addresses:
            raise FilterError(f"unknown host '{text}'")
        family = qualifiers.protocol
        nodes = []
        for address in addresses:
            if address.family == AF_INET:
                if family != "ip6":
                    nodes.append(self._generator.host(int(address), MASK32, qualifiers))
            elif family != "ip":
                nodes.append(self._generator.host6(int(address), prefix_mask(128, 128), qualifiers))
        if not nodes:
            raise FilterError(f"unknown host '{text}'{' for specified address family' if family else ''}")
        return reduce(either, nodes)

    def _port_protocol(self, qualifiers: Qualifiers) -> int | None:
        name = qualifiers.protocol
        if name != DEFAULT and name not in _PORT_NUMBERS:
            raise FilterError(f"illegal qualifier of '{qualifiers.type}'")
        return _PORT_NUMBERS.get(name)

    def _named_port(self, text: str, qualifiers: Qualifiers) -> tuple[int, int | None]:
        wanted = self._port_protocol(qualifiers)
        found = self._context.port(text)
        if found is None:
            raise FilterError(f"unknown port '{text}'")
        port, known = found
        return port, _one_protocol(wanted, known, f"port '{text}'")

    def _port_range(self, text: str, qualifiers: Qualifiers) -> Node:
        wanted = self._port_protocol(qualifiers)
        numbers = re.match(r"([+-]?\d+)-([+-]?\d+)", text, re.ASCII)
        known: int | None = None
        if numbers:
            first, last = int(numbers[1]), int(numbers[2])
        else:
            left, dash, right = text.partition("-")
            ends = self._context.port(left), self._context.port(right)
            if not dash or ends[0] is None or ends[1] is None:
                raise FilterError(f"unknown port in range '{text}'")
            first, last = ends[0][0], ends[1][0]
            known = ends[0][1] if ends[0][1] == ends[1][1] else None
        protocol = _one_protocol(wanted, known, f"port in range '{text}'")
        _check_port(first)
        _check_port(last)
        return self._generator.ports(first, last, protocol, qualifiers)

    def _protocol_number(self, text: str, family: str) -> int:
        if family in {DEFAULT, "ip", "ip6"}:
            number = self._context.protocol(text)
            if number is None:
                raise FilterError(f"unknown ip proto '{text}'")
            return number
        if family == "link":
            if text == "loopback":
                return _LOOPBACK_TYPE
            if text not in _ETHER_NAMES:
                raise FilterError(f"unknown ether proto '{text}'")
            return LINK_TYPES[text]
        if family == "iso":
            raise NotModelled("filter iso proto", "tcpdump")
        raise FilterError(f"unknown protocol: {text}")

    def _refuse_link(self, qualifiers: Qualifiers) -> None:
        if qualifiers.protocol == "link":
            raise FilterError("illegal link layer address")
        if qualifiers.protocol == "decnet":
            raise NotModelled("filter decnet host", "tcpdump")

    def _refusal(self, kind: str, gateway: str) -> Exception:
        if kind == UNDEFINED:
            return FilterError(_OUT_OF_CONTEXT)
        if kind == "gateway":
            return FilterError(gateway)
        return NotModelled(f"filter {kind}", "tcpdump")


def _check_port(number: int) -> None:
    if number > 65535:
        raise FilterError(f"illegal port number {number} > 65535")
    if number < 0:
        raise FilterError(f"illegal port number {number} < 0")


def _one_protocol(wanted: int | None, known: int | None, what: str) -> int | None:
    """The protocol that was asked for and in which /etc/services has the name: they must not contradict."""
    if wanted is None:
        return known
    if known is not None and known != wanted:
        raise FilterError(f"{what} is {_PORT_NAMES[known]}")
    return wanted


def _dotted(text: str) -> tuple[int, int]:
    """``__pcap_atoin``: the number, and the bits that were written. A digit behind ``0x`` counts as C's arithmetic has it."""
    value = bits = 0
    for part in text.split("."):
        number = 0
        for digit in part:
            if number > 25:
                raise FilterError(f"invalid IPv4 address '{text}'")
            number = number * 10 + ord(digit) - 48
        if number > 255:
            raise FilterError(f"invalid IPv4 address '{text}'")
        value = value << 8 | number
        bits += 8
    return value, bits


def _left_justified(value: int) -> tuple[int, int]:
    """A network written as a short number, ``net 10``: moved to the left, with the mask of what was written."""
    mask = MASK32
    while value and value & 0xFF000000 == 0:
        value <<= 8
        mask = mask << 8 & MASK32
    return value, mask
