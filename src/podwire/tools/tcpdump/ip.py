"""IPv4 and what stands behind it (print-ip.c, print-ip-demux.c)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from podwire.tools.tcpdump.dissect import Dissector, Truncated, bits
from podwire.tools.tcpdump.icmp import icmp_print
from podwire.tools.tcpdump.igmp import igmp_print
from podwire.tools.tcpdump.ipoptions import TruncatedOption, options_print
from podwire.tools.tcpdump.numbers import IP_PROTOCOLS, NETDB_PROTOCOLS, UNPRINTED_PROTOCOLS
from podwire.tools.tcpdump.segment import Segment, should_be
from podwire.tools.tcpdump.tcp import tcp_print
from podwire.tools.tcpdump.udp import udp_print

_OFFSET: Final = 0x1FFF
_MORE_FRAGMENTS: Final = 0x2000
_FLAGS: Final = ((0x2000, "+"), (0x4000, "DF"), (0x8000, "rsvd"))
_ECN: Final = ("", ",ECT(1)", ",ECT(0)", ",CE")

_NAMES_ITS_ENDS: Final = frozenset({6, 17, 132, 33})
"""TCP, UDP, SCTP, DCCP: their printers print the addresses, with the ports."""


def ip_print(d: Dissector, at: int, length: int) -> None:
    """A datagram in ``length`` bytes of its carrier."""
    d.protocol = "ip"
    version = d.u1(at) >> 4
    if version != 4:
        d.put("IP6, wrong link-layer encapsulation" if version == 6 else f"IP{version}")
        d.invalid()
        return
    if not d.eflag:
        d.put("IP ")
    if not d.has(at, 20):
        d.truncated()
        return
    if length < 20:
        d.put(f"truncated-ip {length}")
        return
    size = (d.data[at] & 15) * 4
    if size < 20:
        d.put(f"bad-hlen {size}")
        return
    total = d.u2(at + 2)
    if length < total:
        d.put(f"truncated-ip - {total - length} bytes missing! ")
    if total < size:
        d.put(f"bad-len {total}")
        return
    captured = d.end
    d.end = min(captured, at + total)
    _datagram_print(d, at, size, total - size)
    d.end = captured


def _datagram_print(d: Dissector, at: int, size: int, length: int) -> None:
    fragment = d.u2(at + 6)
    protocol = d.data[at + 9]
    if d.vflag and not _header_print(d, at, size, fragment):
        return
    if fragment & _OFFSET:
        if d.qflag <= 1:
            d.put(f"{d.host(at + 12)} > {d.host(at + 16)}: {_protocol_name(d, protocol)}")
        return
    if protocol not in _NAMES_ITS_ENDS:
        d.put(f"{d.host(at + 12)} > {d.host(at + 16)}: ")
    if not d.has(at, size):
        d.put(f" [remaining caplen({d.end - at}) < header length({size})]")
        raise Truncated
    segment = Segment(at, at + size, length, fragmented=bool(fragment & _MORE_FRAGMENTS))
    printer = _PRINTERS.get(protocol)
    if printer is not None:
        printer(d, segment)
    elif protocol in UNPRINTED_PROTOCOLS:
        what = UNPRINTED_PROTOCOLS[protocol]
        # A printer of its own would say the addresses, with ports: without it they are worth knowing all the same.
        ends = f" from {d.host(at + 12)} to {d.host(at + 16)}" if protocol in _NAMES_ITS_ENDS else ""
        d.unmodelled(what + ends)
    else:
        d.put(f" {_protocol_name(d, protocol)} {length}")


def _header_print(d: Dissector, at: int, size: int, fragment: int) -> bool:
    """The parenthesis of ``-v``; False where nothing more can be printed."""
    tos, ttl, protocol = d.data[at + 1], d.data[at + 8], d.data[at + 9]
    parts = [f"(tos 0x{tos:x}{_ECN[tos & 3]}"]
    if ttl >= 1:
        parts.append(f", ttl {ttl}")
    flags = bits(_FLAGS, fragment & 0xE000, "none", ", ")
    parts.append(f", id {d.u2(at + 4)}, offset {(fragment & _OFFSET) * 8}, flags [{flags}]")
    parts.append(f", proto {IP_PROTOCOLS.get(protocol, 'unknown')} ({protocol}), length {d.u2(at + 2)}")
    d.put("".join(parts))
    whole = True
    if size > 20:
        d.put(", options (")
        try:
            options_print(d, at + 20, size - 20)
        except TruncatedOption:
            d.put(" [truncated-option]")
            whole = False
        d.put(")")
    if not d.options.no_checksums and d.has(at, size) and (sum_ := d.sum(at, size)):
        stated = d.u2(at + 10)
        d.put(f", bad cksum {stated:x} (->{should_be(stated, sum_):x})!")
    d.put(")\n    ")
    if not whole:
        d.put(f"{d.host(at + 12)} > {d.host(at + 16)}: ")
        d.truncated()
    return whole


def _protocol_name(d: Dissector, protocol: int) -> str:
    name = None if d.names.numeric else NETDB_PROTOCOLS.get(protocol)
    return f"ip-proto-{protocol}" if name is None else name


def _ip_in_ip(d: Dissector, segment: Segment) -> None:
    ip_print(d, segment.at, segment.length)


def _esp(d: Dissector, segment: Segment) -> None:
    d.protocol = "esp"
    at = segment.at
    if at + 8 >= d.end:
        d.truncated()
        return
    d.put(f"ESP(spi=0x{d.u4(at):08x},seq=0x{d.u4(at + 4):x}), length {segment.length}")


def _ipv6_only(d: Dissector, segment: Segment) -> None:
    d.put(f"[{IP_PROTOCOLS[d.data[segment.ip + 9]]} requires IPv6]")
    d.invalid()


def _no_next_header(d: Dissector, segment: Segment) -> None:
    d.put("no next header")


def _sun_nd(d: Dissector, segment: Segment) -> None:
    d.put(f" nd {segment.length}")


_PRINTERS: Final[Mapping[int, Callable[[Dissector, Segment], None]]] = MappingProxyType(
    {
        1: icmp_print,
        2: igmp_print,
        4: _ip_in_ip,
        6: tcp_print,
        17: udp_print,
        50: _esp,
        58: _ipv6_only,
        59: _no_next_header,
        77: _sun_nd,
        143: _ipv6_only,
    }
)
