"""UDP, and which payload tcpdump takes for what (print-udp.c, udp.h)."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Final, NamedTuple

from podwire.tools.tcpdump.dissect import Dissector
from podwire.tools.tcpdump.dns import mdns_print, udp_dns_print
from podwire.tools.tcpdump.segment import Segment, pseudo_header, should_be
from podwire.tools.tcpdump.text import SIP, text_print
from podwire.tools.tcpdump.tunnel import geneve_print, otv_print, vxlan_print

_UDP: Final = 17
_NFS_PORT: Final = 2049
_APPLETALK_PORTS: Final = frozenset({*range(16512, 16640), *range(200, 328), *range(768, 896)})


def udp_print(d: Dissector, segment: Segment) -> None:
    """A datagram."""
    d.protocol = "udp"
    at, ip = segment.at, segment.ip
    if not d.has(at + 2, 2):
        d.put(f"{d.host(ip + 12)} > {d.host(ip + 16)}: ")
        d.truncated()
        return
    sport, dport = d.u2(at), d.u2(at + 2)
    d.put(f"{d.host(ip + 12)}.{d.names.udp(sport)} > {d.host(ip + 16)}.{d.names.udp(dport)}: ")
    length = segment.length
    if length < 8:
        d.put(f"truncated-udp {length}")
        return
    if not d.has(at + 4, 2):
        d.truncated()
        return
    stated = d.u2(at + 4)
    if stated < 8:
        d.put(f"truncated-udplength {stated}")
        return
    stated -= 8
    length = min(length - 8, stated)
    if at + 8 > d.end:
        d.truncated()
        return
    if d.options.vxlan:
        vxlan_print(d, at + 8, length)
        return
    if not d.qflag and _is_nfs(d, at + 8, sport, dport):
        d.unmodelled("NFS")
        return
    if d.vflag > 1 and not d.options.no_checksums and not segment.fragmented:
        _checksum_print(d, segment, length)
    if not d.qflag and _payload_print(d, at + 8, length, sport, dport):
        return
    if stated > length and not segment.fragmented:
        d.put(f"UDP, bad length {stated} > {length}")
    else:
        d.put(f"UDP, length {stated}")


def _is_nfs(d: Dissector, at: int, sport: int, dport: int) -> bool:
    """A call to, or a reply from, the NFS port."""
    if _NFS_PORT not in {sport, dport} or not d.has(at + 4, 4):
        return False
    direction = d.u4(at + 4)
    return (dport == _NFS_PORT and direction == 0) or (sport == _NFS_PORT and direction == 1)


def _checksum_print(d: Dissector, segment: Segment, length: int) -> None:
    at = segment.at
    stated = d.u2(at + 6)
    if stated == 0:
        d.put("[no cksum] ")
    elif d.has(at + 8, length):
        size = length + 8
        if sum_ := d.sum(at, size, pseudo_header(d, segment, size, _UDP)):
            d.put(f"[bad udp cksum 0x{stated:04x} -> 0x{should_be(stated, sum_):04x}!] ")
        else:
            d.put("[udp sum ok] ")


# ------------------------------------------------------------------------------------------------- by port: the payload


class _Payload(NamedTuple):
    """``rank`` is the place in tcpdump's chain of tests: of two ports the one that is asked for first counts."""

    rank: int
    name: str
    printer: Callable[[Dissector, int, int], None] | None


def _sip_print(d: Dissector, at: int, length: int) -> None:
    text_print(d, at, length, SIP)


class _Rule(NamedTuple):
    """What a payload is taken for: by ports of either side, of the destination only, of the source only."""

    name: str
    ports: tuple[int, ...] = ()
    to: tuple[int, ...] = ()
    source: tuple[int, ...] = ()


# In the order of print-udp.c.
_CHAIN: Final = (
    _Rule("DNS", (53,)),
    _Rule("multicast DNS", (5353,)),
    _Rule("timed", (525,)),
    _Rule("TFTP", (69,)),
    _Rule("DHCP", (68, 67)),
    _Rule("RIP", (520,)),
    _Rule("AODV", (654,)),
    _Rule("ISAKMP", (500,)),
    _Rule("ISAKMP or ESP in UDP", (4500,)),
    _Rule("ISAKMP", (7500, 8500)),
    _Rule("SNMP", (161, 162)),
    _Rule("NTP", (123,)),
    _Rule("Kerberos", (88, 750)),
    _Rule("L2TP", (1701,)),
    _Rule("vat", to=(3456,)),
    _Rule("Zephyr", (2103, 2104)),
    _Rule("Rx", tuple(range(7000, 7010))),
    _Rule("RIPng", (521,)),
    _Rule("DHCPv6", (547, 546)),
    _Rule("AHCP", (5359,)),
    _Rule("Babel", (6696, 6697)),
    _Rule("HNCP", (8231,)),
    _Rule("whiteboard", to=(4567,)),
    _Rule("Cisco Auto-RP", (496,)),
    _Rule("RADIUS", (1645, 1812, 1646, 1813, 1700, 3799)),
    _Rule("HSRP", to=(1985,)),
    _Rule("lwres", (921,)),
    _Rule("LDP", (646,)),
    _Rule("OLSR", (698,)),
    _Rule("LSP ping", (3503,)),
    _Rule("Broadcom LI", source=(49152,)),
    _Rule("BFD", to=(3784, 4784, 6784, 3785)),
    _Rule("LMP", (701,)),
    _Rule("VQP", (1589,)),
    _Rule("sFlow", (6343,)),
    _Rule("LWAPP", (12223, 12222)),
    _Rule("SIP", (5060,)),
    _Rule("syslog", (514,)),
    _Rule("OTV", (8472,)),
    _Rule("VXLAN", (4789,)),
    _Rule("Geneve", (6081,)),
    _Rule("LISP", (4342,)),
    _Rule("VXLAN-GPE", (4790,)),
    _Rule("ZEP", (17754,)),
    _Rule("MPLS", (6635,)),
    _Rule("AppleTalk"),
    _Rule("PTP", (319, 320)),
    _Rule("SOME/IP", (30490,)),
)
_PRINTERS: Final = MappingProxyType(
    {
        "DNS": udp_dns_print,
        "multicast DNS": mdns_print,
        "SIP": _sip_print,
        "OTV": otv_print,
        "VXLAN": vxlan_print,
        "Geneve": geneve_print,
    }
)
_APPLETALK: Final = next(rank for rank, rule in enumerate(_CHAIN) if rule.name == "AppleTalk")


def _by_port(ports_of: Callable[[_Rule], tuple[int, ...]]) -> MappingProxyType[int, _Payload]:
    table: dict[int, _Payload] = {}
    for rank, rule in enumerate(_CHAIN):
        for port in ports_of(rule):
            table.setdefault(port, _Payload(rank, rule.name, _PRINTERS.get(rule.name)))
    return MappingProxyType(table)


_BY_SOURCE: Final = _by_port(lambda rule: rule.ports + rule.source)
_BY_DESTINATION: Final = _by_port(lambda rule: rule.ports + rule.to)


def _payload_print(d: Dissector, at: int, length: int, sport: int, dport: int) -> bool:
    """Print the payload by its ports; False where tcpdump says ``UDP, length`` only."""
    found = [entry for entry in (_BY_SOURCE.get(sport), _BY_DESTINATION.get(dport)) if entry is not None]
    if _is_appletalk(d, at, sport, dport):
        found.append(_Payload(_APPLETALK, "AppleTalk", None))
    if not found:
        return False
    payload = min(found, key=lambda entry: entry.rank)
    if payload.printer is None:
        d.unmodelled(payload.name)
        d.put(f", length {length}")
    else:
        payload.printer(d, at, length)
    return True


def _is_appletalk(d: Dissector, at: int, sport: int, dport: int) -> bool:
    """KIP, AppleTalk in UDP: by a range of ports and a byte of the payload."""
    if sport not in _APPLETALK_PORTS and dport not in _APPLETALK_PORTS:
        return False
    return d.has(at + 2, 1) and d.u1(at + 2) == 2
