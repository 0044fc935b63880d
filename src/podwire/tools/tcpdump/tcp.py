"""TCP (print-tcp.c)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from podwire.tools.tcpdump.bgp import bgp_print
from podwire.tools.tcpdump.dissect import Dissector, Truncated, bits, visible
from podwire.tools.tcpdump.dns import tcp_dns_print
from podwire.tools.tcpdump.segment import Segment, pseudo_header, should_be
from podwire.tools.tcpdump.tcpoptions import Edges, options_print
from podwire.tools.tcpdump.text import FTP, HTTP, RTSP, SMTP, WHOIS, TextProtocol, ssh_print, text_print

_TCP: Final = 6
_FLAGS: Final = (
    (0x01, "F"),
    (0x02, "S"),
    (0x04, "R"),
    (0x08, "P"),
    (0x10, "."),
    (0x20, "U"),
    (0x40, "E"),
    (0x80, "W"),
)
_FIN_SYN_RST: Final = 0x07
_SYN: Final = 0x02
_RST: Final = 0x04
_ACK: Final = 0x10
_URG: Final = 0x20

_LONGEST_RESET_TEXT: Final = 30
_MASK: Final = 0xFFFFFFFF


def tcp_print(d: Dissector, segment: Segment) -> None:
    """A segment."""
    d.protocol = "tcp"
    at, ip, length = segment.at, segment.ip, segment.length
    source, destination = d.host(ip + 12), d.host(ip + 16)
    if not d.has(at + 2, 2):
        d.put(f"{source} > {destination}:")
        d.truncated()
        return
    sport, dport = d.u2(at), d.u2(at + 2)
    d.put(f"{source}.{d.names.tcp(sport)} > {destination}.{d.names.tcp(dport)}: ")
    if not d.has(at, 20):
        d.truncated()
        return
    size = (d.data[at + 12] >> 4) * 4
    if size < 20:
        d.put(f" tcp {length - size & _MASK} [bad hdr length {size} - too short, < 20]")
        return
    if d.qflag:
        d.put(f"tcp {length - size & _MASK}")
        if size > length:
            d.put(f" [bad hdr length {size} - too long, > {length}]")
        return
    flags = d.data[at + 13]
    d.put(f"Flags [{bits(_FLAGS, flags, 'none')}]")
    seq, ack, edges = d.u4(at + 4), d.u4(at + 8), Edges()
    if flags & _ACK and not d.options.absolute:
        seq, ack, edges = _relative(d, segment, seq, ack, flags)
    if size > length:
        d.put(f" [bad hdr length {size} - too long, > {length}]")
        return
    if d.vflag and not d.options.no_checksums and not segment.fragmented:
        _checksum_print(d, segment)
    length -= size
    if d.vflag > 1 or length > 0 or flags & _FIN_SYN_RST:
        d.put(f", seq {seq}:{seq + length & _MASK}" if length > 0 else f", seq {seq}")
    if flags & _ACK:
        d.put(f", ack {ack}")
    d.put(f", win {d.u2(at + 14)}")
    if flags & _URG:
        d.put(f", urg {d.u2(at + 18)}")
    if size > 20 and not options_print(d, at + 20, at + size, length, edges):
        return
    d.put(f", length {length}")
    if length:
        _payload_print(d, at, size, length, sport, dport)


def _relative(d: Dissector, segment: Segment, seq: int, ack: int, flags: int) -> tuple[int, int, Edges]:
    """The numbers counted from the first that were seen of this connection; one entry serves both directions."""
    at, ip = segment.at, segment.ip
    source, destination = d.u4(ip + 12), d.u4(ip + 16)
    sport, dport = d.u2(at), d.u2(at + 2)
    reverse = sport > dport or (sport == dport and source > destination)
    key = (destination, source, dport << 16 | sport) if reverse else (source, destination, sport << 16 | dport)
    first = d.conversations.get(key)
    if first is None or flags & _SYN:
        # The numbers of this segment stay as they are: a SYN's are worth seeing.
        first = (ack - 1 & _MASK, seq) if reverse else (seq, ack - 1 & _MASK)
        d.conversations[key] = first
    else:
        ours, theirs = (first[1], first[0]) if reverse else first
        seq, ack = seq - ours & _MASK, ack - theirs & _MASK
    return seq, ack, Edges(first[0], first[1], reverse=reverse)


def _checksum_print(d: Dissector, segment: Segment) -> None:
    at, length = segment.at, segment.length
    if not d.has(at, length):
        return
    stated = d.u2(at + 16)
    if sum_ := d.sum(at, length, pseudo_header(d, segment, length, _TCP)):
        d.put(f", cksum 0x{stated:04x} (incorrect -> 0x{should_be(stated, sum_):04x})")
    else:
        d.put(f", cksum 0x{stated:04x} (correct)")


# ------------------------------------------------------------------------------------------------- by port: the payload

_TEXT: Final[Mapping[int, TextProtocol]] = MappingProxyType(
    {25: SMTP, 43: WHOIS, 21: FTP, 80: HTTP, 8080: HTTP, 554: RTSP, 8554: RTSP}
)
_UNPRINTED: Final[Mapping[int, str]] = MappingProxyType(
    {
        1723: "PPTP",
        6379: "RESP",
        10288: "BEEP",
        6633: "OpenFlow",
        6653: "OpenFlow",
        639: "MSDP",
        323: "RPKI-RTR",
        646: "LDP",
    }
)
_TELNET: Final = 23
_BGP: Final = 179
_SSH: Final = 22
_DNS: Final = 53
_NFS: Final = 2049
_ORDER: Final = (23, 25, 43, 179, 1723, 6379, 22, 10288, 6633, 6653, 21, 80, 8080, 554, 8554, 53, 639, 323, 646, 2049)
"""In which tcpdump asks for a port; each is asked for as source or destination."""
_RANKS: Final = MappingProxyType({port: rank for rank, port in enumerate(_ORDER)})


def _payload_print(d: Dissector, at: int, size: int, length: int, sport: int, dport: int) -> None:
    if not d.has(at, size):
        d.put(f" [remaining caplen({d.end - at}) < header length({size})]")
        raise Truncated
    flags = d.data[at + 13]
    at += size
    if flags & _RST and d.vflag:
        _reset_print(d, at, length)
        return
    if d.options.vxlan:
        return
    ranks = [rank for rank in (_RANKS.get(sport), _RANKS.get(dport)) if rank is not None]
    if not ranks:
        return
    port = _ORDER[min(ranks)]
    if port in _TEXT:
        d.put(": ")
        text_print(d, at, length, _TEXT[port])
    elif port == _SSH:
        ssh_print(d, at, length)
    elif port == _BGP:
        bgp_print(d, at, length)
    elif port == _DNS:
        tcp_dns_print(d, at, length)
    elif port == _TELNET:
        # Only commands are printed; text that does not begin with one is not.
        d.protocol = "telnet"
        if d.u1(at) == 0xFF:
            d.unmodelled("telnet commands")
    elif port == _NFS:
        if length >= 4 and _is_nfs(d, at, sport, dport):
            d.unmodelled("NFS")
    else:
        d.unmodelled(_UNPRINTED[port])


def _is_nfs(d: Dissector, at: int, sport: int, dport: int) -> bool:
    """A call to, or a reply from, the NFS port: direction stands behind record mark and id."""
    if not d.has(at + 8, 4):
        return False
    direction = d.u4(at + 8)
    return (dport == _NFS and direction == 0) or (sport == _NFS and direction == 1)


def _reset_print(d: Dissector, at: int, length: int) -> None:
    """Data in a reset may say why (RFC 1122 section 4.2.2.12)."""
    mark = "RST" if d.has(at, length) else "!RST"
    more = "+" if length > _LONGEST_RESET_TEXT else ""
    shown = d.data[at : min(at + min(length, _LONGEST_RESET_TEXT), d.end)]
    d.put(f" [{mark}{more} {visible(shown)}]")
