"""How ranges of addresses and ports are written behind ``--to-destination`` and its like (extensions/libxt_NAT.c of iptables 1.8.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.nat.range import (
    NF_NAT_RANGE_MAP_IPS,
    NF_NAT_RANGE_PERSISTENT,
    NF_NAT_RANGE_PROTO_OFFSET,
    NF_NAT_RANGE_PROTO_RANDOM,
    NF_NAT_RANGE_PROTO_RANDOM_FULLY,
    NF_NAT_RANGE_PROTO_SPECIFIED,
    NatRange,
)
from podwire.linux.netfilter.xt.options import OptionError, strtoul
from podwire.wire.addr import Ip4

if TYPE_CHECKING:
    from podwire.linux.netfilter.xt.options import Values

_HAVE_PORTS: Final = frozenset({1, 6, 17, 33, 132})
"""ICMP, TCP, UDP, DCCP, SCTP: where a port may be named."""
_PORT_MAX: Final = 0xFFFF
_FLAGS: Final = (
    ("random", NF_NAT_RANGE_PROTO_RANDOM),
    ("random-fully", NF_NAT_RANGE_PROTO_RANDOM_FULLY),
    ("persistent", NF_NAT_RANGE_PERSISTENT),
)


def _port(text: str, values: Values, low: int = 0, *, names: bool = True) -> tuple[int, str]:
    """A number at the beginning of ``text``, or all of it a service; and what follows."""
    port, rest = strtoul(text, low, _PORT_MAX)
    if port is None:
        port, rest = (values.names.port(text) if names else None), ""
    if port is None:
        msg = f"Port `{text}' not valid"
        raise OptionError(msg)
    return port, rest


def parse_ports(text: str, values: Values) -> NatRange:
    """``parse_ports``: ``80``, ``http``, ``80-90``, ``80-90/1000``; raises ``OptionError``."""
    proto = values.rule.proto
    if proto is None or proto.number not in _HAVE_PORTS:
        msg = "Need TCP, UDP, SCTP or DCCP with port specification"
        raise OptionError(msg)
    low, rest = _port(text, values)
    if not rest:
        return NatRange(NF_NAT_RANGE_PROTO_SPECIFIED, min_proto=low, max_proto=low)
    if rest[0] != "-":
        msg = "Invalid port:port syntax - use dash" if rest[0] == ":" else f"Garbage after port value: `{rest}'"
        raise OptionError(msg)
    text = rest[1:]
    high, rest = _port(text, values, names=False)
    if high < low:
        msg = f"Port range `{text}' funky"
        raise OptionError(msg)
    if not rest:
        return NatRange(NF_NAT_RANGE_PROTO_SPECIFIED, min_proto=low, max_proto=high)
    if rest[0] != "/":
        msg = f"Garbage after port range: `{rest}'"
        raise OptionError(msg)
    # What follows this number nobody looks at.
    base, _ = _port(rest[1:], values, 1)
    return NatRange(
        NF_NAT_RANGE_PROTO_SPECIFIED | NF_NAT_RANGE_PROTO_OFFSET, min_proto=low, max_proto=high, base_proto=base
    )


def parse_to(text: str, values: Values) -> NatRange:
    """``parse_to``: ``[address[-address]][:ports]``; the ports are read first. Raises ``OptionError``."""
    if "[" in text:
        msg = "Invalid address format"
        raise OptionError(msg)
    wanted = NatRange()
    if text.count(":") == 1:
        text, _, ports = text.partition(":")
        wanted = parse_ports(ports, values)
        if not text:
            return wanted
    low, dash, high = text.partition("-")
    first = _address(low)
    return NatRange(
        wanted.flags | NF_NAT_RANGE_MAP_IPS,
        first,
        _address(high) if dash else first,
        wanted.min_proto,
        wanted.max_proto,
        wanted.base_proto,
    )


def _address(text: str) -> Ip4:
    """``inet_pton``: four decimal numbers."""
    try:
        return Ip4.parse(text)
    except ValueError:
        msg = f'Bad IP address "{text}"'
        raise OptionError(msg) from None


def flags_of(values: Values) -> int:
    """``--random``, ``--random-fully``, ``--persistent``, as far as they were given."""
    return sum(flag for name, flag in _FLAGS if name in values)


def ports_text(wanted: NatRange) -> str:
    """``80``, ``80-90``, ``80-90/1000``; empty where no ports were named."""
    if not wanted.flags & NF_NAT_RANGE_PROTO_SPECIFIED:
        return ""
    text = f"{wanted.min_proto}"
    if wanted.max_proto != wanted.min_proto:
        text += f"-{wanted.max_proto}"
    if wanted.flags & NF_NAT_RANGE_PROTO_OFFSET:
        text += f"/{wanted.base_proto}"
    return text


def range_text(wanted: NatRange) -> str:
    """``print_range``."""
    text = ""
    if wanted.flags & NF_NAT_RANGE_MAP_IPS:
        text = f"{wanted.min_addr}"
        if wanted.max_addr != wanted.min_addr:
            text += f"-{wanted.max_addr}"
    ports = ports_text(wanted)
    return f"{text}:{ports}" if ports else text


def flags_text(wanted: NatRange, dashes: str = "") -> list[str]:
    """The words behind the range, in the order in which they are printed."""
    return [f"{dashes}{name}" for name, flag in _FLAGS if wanted.flags & flag]
