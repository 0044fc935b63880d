"""A packet in one line, in the words of ``tcpdump -nn`` (without its time stamp, device and ``IP``)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from podwire.wire.headers import (
    ARPOP_REPLY,
    ARPOP_REQUEST,
    ICMP_DEST_UNREACH,
    ICMP_ECHO,
    ICMP_ECHOREPLY,
    ICMP_REDIRECT,
    ICMP_TIME_EXCEEDED,
    IPPROTO_ICMP,
    IPPROTO_IPIP,
    IPPROTO_TCP,
    IPPROTO_UDP,
    AnyHeader,
    Arp,
    Ethernet,
    Geneve,
    Icmp,
    IPv4,
    Tcp,
    Udp,
    Vxlan,
)
from podwire.wire.packet import Packet, Quoted

PROTOCOLS: Final = MappingProxyType(
    {IPPROTO_ICMP: "icmp", IPPROTO_IPIP: "ipip", IPPROTO_TCP: "tcp", IPPROTO_UDP: "udp"}
)
_FLAGS: Final = ((0x01, "F"), (0x02, "S"), (0x04, "R"), (0x08, "P"), (0x10, "."), (0x20, "U"), (0x40, "E"), (0x80, "W"))
_UNREACHABLE: Final = MappingProxyType(
    {
        0: "net {dst} unreachable",
        1: "host {dst} unreachable",
        2: "{dst} protocol {proto} unreachable",
        3: "{dst} {proto_name} port {port} unreachable",
        4: "{dst} unreachable - need to frag (mtu {mtu})",
        5: "{dst} unreachable - source route failed",
        9: "net {dst} unreachable - admin prohibited",
        10: "host {dst} unreachable - admin prohibited",
        13: "host {dst} unreachable - admin prohibited filter",
    }
)
"""Texts of code by code, as in tcpdump's print-icmp.c."""


def describe(frame: Packet) -> str:
    """The headers of a frame or packet; a MAC header is passed over."""
    layers = frame.layers
    if layers and isinstance(layers[0], Ethernet):
        layers = layers[1:]
    return _layers(layers, frame)


def _layers(layers: tuple[AnyHeader, ...], frame: Packet) -> str:
    if not layers:
        return f"length {len(frame.payload)}"
    first, inner = layers[0], layers[1:]
    if isinstance(first, Arp):
        return f"ARP, {arp(first)}, length {first.size}"
    if isinstance(first, IPv4):
        return _ipv4(first, inner, frame)
    return f"{type(first).__name__}, length {_length(layers, frame)}"


def arp(header: Arp) -> str:
    """An ARP message: ``Request who-has A tell B`` or ``Reply A is-at M``."""
    if header.op == ARPOP_REQUEST:
        return f"Request who-has {header.tpa} tell {header.spa}"
    if header.op == ARPOP_REPLY:
        return f"Reply {header.spa} is-at {header.sha}"
    return f"op {header.op} {header.spa} > {header.tpa}"


def _ipv4(ip: IPv4, inner: tuple[AnyHeader, ...], frame: Packet) -> str:
    ends = f"{ip.src} > {ip.dst}"
    if ip.frag or not inner:
        return f"{ends}: ip-proto-{ip.proto}"
    upper = inner[0]
    length = _length(inner, frame)
    match upper:
        case Icmp():
            return f"{ends}: ICMP {_icmp(upper, frame)}, length {length}"
        case Udp() if len(inner) > 2 and isinstance(inner[1], Vxlan | Geneve):
            # As tcpdump does: the tunnel, and then what is inside.
            name = type(inner[1]).__name__.upper()
            inside = inner[3:] if isinstance(inner[2], Ethernet) else inner[2:]
            return (
                f"{ip.src}.{upper.sport} > {ip.dst}.{upper.dport}: {name}, vni {inner[1].vni}: {_layers(inside, frame)}"
            )
        case Udp(sport=sport, dport=dport):
            return f"{ip.src}.{sport} > {ip.dst}.{dport}: UDP, length {length - upper.size}"
        case Tcp():
            return f"{ip.src}.{upper.sport} > {ip.dst}.{upper.dport}: {_tcp(upper, length - upper.size)}"
        case IPv4():
            return f"{ends}: IP {_ipv4(upper, inner[1:], frame)}"
        case _:
            return f"{ends}: {type(upper).__name__}, length {length}"


def _tcp(tcp: Tcp, length: int) -> str:
    flags = "".join(letter for bit, letter in _FLAGS if tcp.flags & bit) or "none"
    seq = f", seq {tcp.seq}:{tcp.seq + length}" if length else f", seq {tcp.seq}" if tcp.flags & 0x07 else ""
    ack = f", ack {tcp.ack}" if tcp.flags & 0x10 else ""
    return f"Flags [{flags}]{seq}{ack}, win {tcp.window}, length {length}"


def _icmp(icmp: Icmp, frame: Packet) -> str:
    quoted = frame.payload.packet if isinstance(frame.payload, Quoted) else None
    if icmp.type in {ICMP_ECHO, ICMP_ECHOREPLY}:
        return f"echo {'request' if icmp.type == ICMP_ECHO else 'reply'}, id {icmp.id}, seq {icmp.seq}"
    return icmp_error(icmp.type, icmp.code, quoted, mtu=icmp.mtu, gateway=_dotted(icmp.rest))


def icmp_error(kind: int, code: int, about: Packet | None, *, mtu: int = 0, gateway: str = "") -> str:
    """An ICMP error about a packet; what is not known of that packet is left out."""
    ip = about.find(IPv4) if about is not None else None
    ports = about.find(Udp) or about.find(Tcp) if about is not None else None
    proto = ip.proto if ip is not None else 0
    words = {
        "dst": ip.dst if ip is not None else "",
        "proto": proto,
        "proto_name": PROTOCOLS.get(proto, ""),
        "port": ports.dport if ports is not None else "",
        "mtu": mtu or "",
    }
    if kind == ICMP_DEST_UNREACH and code in _UNREACHABLE:
        return " ".join(_UNREACHABLE[code].format(**words).split()).replace(" (mtu )", "")
    if kind == ICMP_TIME_EXCEEDED:
        return "time exceeded in-transit" if code == 0 else "ip reassembly time exceeded"
    if kind == ICMP_REDIRECT:
        return " ".join(f"redirect {words['dst']} to {'net' if code == 0 else 'host'} {gateway}".split())
    return f"type {kind} code {code}"


def _dotted(number: int) -> str:
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def _length(layers: tuple[AnyHeader, ...], frame: Packet) -> int:
    return sum(header.size for header in layers) + len(frame.payload)
