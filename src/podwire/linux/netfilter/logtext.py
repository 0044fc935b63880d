"""The line that ``-j LOG`` puts into the kernel's log (net/netfilter/nf_log_syslog.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.wire.addr import Ip4
from podwire.wire.codec import to_bytes
from podwire.wire.headers import (
    ICMP_DEST_UNREACH,
    ICMP_ECHO,
    ICMP_ECHOREPLY,
    ICMP_FRAG_NEEDED,
    ICMP_PARAMETERPROB,
    ICMP_REDIRECT,
    ICMP_SOURCE_QUENCH,
    ICMP_TIME_EXCEEDED,
    IPPROTO_ICMP,
    IPPROTO_TCP,
    IPPROTO_UDP,
    TCP_ACK,
    TCP_CWR,
    TCP_ECE,
    TCP_FIN,
    TCP_PSH,
    TCP_RST,
    TCP_SYN,
    TCP_URG,
    Ethernet,
    Icmp,
    IPv4,
    Tcp,
    Udp,
)
from podwire.wire.packet import Packet, Quoted

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.skb import Skb

TCP_SEQUENCE: Final = 0x01
TCP_OPTIONS: Final = 0x02
IP_OPTIONS: Final = 0x04
UID: Final = 0x08
MAC_DECODE: Final = 0x20
"""``NF_LOG_*``; 0x10 is NFLOG's own."""

_FLAGS: Final = (
    (TCP_CWR, "CWR"),
    (TCP_ECE, "ECE"),
    (TCP_URG, "URG"),
    (TCP_ACK, "ACK"),
    (TCP_PSH, "PSH"),
    (TCP_RST, "RST"),
    (TCP_SYN, "SYN"),
    (TCP_FIN, "FIN"),
)
_TOS_MASK, _PREC_MASK = 0x1E, 0xE0
_AH, _ESP, _UDPLITE = 51, 50, 136
_AH_SIZE, _ESP_SIZE = 12, 8
_QUOTING: Final = frozenset({ICMP_DEST_UNREACH, ICMP_SOURCE_QUENCH, ICMP_TIME_EXCEEDED, ICMP_REDIRECT})


def nf_log_ip_packet(skb: Skb, iif: Link | None, oif: Link | None, prefix: str, flags: int) -> str:
    """``nf_log_ip_packet``: the line without its level."""
    names = f"{prefix}IN={iif.name if iif else ''} OUT={oif.name if oif else ''} "
    bridge = skb.nf_bridge
    if bridge is not None and bridge.physin is not None and bridge.physin is not iif:
        names += f"PHYSIN={bridge.physin.name} "
    if bridge is not None and bridge.physout is not None and bridge.physout is not oif:
        names += f"PHYSOUT={bridge.physout.name} "
    mac = _mac(skb, flags) if iif is not None else ""
    mark = f"MARK=0x{skb.mark:x} " if skb.mark else ""
    return names + mac + _dump(skb.packet, flags, outer=True) + mark


def _mac(skb: Skb, flags: int) -> str:
    """``dump_mac_header``."""
    eth = skb.eth
    if flags & MAC_DECODE and eth is not None:
        return f"MACSRC={eth.src} MACDST={eth.dst} MACPROTO={eth.type:04x} "
    if eth is None or (skb.dev is not None and skb.dev.headerless):
        return "MAC= "
    return "MAC=" + to_bytes(Packet((Ethernet(eth.dst, eth.src, eth.type),)))[: Ethernet.size].hex(":") + " "


def _dump(packet: Packet, flags: int, *, outer: bool) -> str:
    """``dump_ipv4_packet``."""
    ip = packet.layers[0] if packet.layers else None
    if not isinstance(ip, IPv4):
        return "TRUNCATED"
    total = ip.total_length if ip.total_length is not None else packet.size
    text = (
        f"SRC={ip.src} DST={ip.dst} LEN={total} TOS=0x{ip.tos & _TOS_MASK:02X} PREC=0x{ip.tos & _PREC_MASK:02X} "
        f"TTL={ip.ttl} ID={ip.id} "
    )
    text += "CE " * ip.evil + "DF " * ip.df + "MF " * ip.mf + (f"FRAG:{ip.frag} " if ip.frag else "")
    if flags & IP_OPTIONS and ip.options:
        text += f"OPT ({ip.options.hex().upper()}) "
    return text + _transport(packet, ip, flags, outer=outer)


def _transport(packet: Packet, ip: IPv4, flags: int, *, outer: bool) -> str:
    header = packet.layers[1] if len(packet.layers) > 1 else None
    rest = packet.size - ip.size
    if ip.proto == IPPROTO_TCP:
        return "PROTO=TCP " + ("" if ip.frag else _tcp(header, flags) if isinstance(header, Tcp) else _short(rest))
    if ip.proto in {IPPROTO_UDP, _UDPLITE}:
        text = f"PROTO={'UDP' if ip.proto == IPPROTO_UDP else 'UDPLITE'} "
        if ip.frag:
            return text
        if not isinstance(header, Udp):
            return text + _short(rest)
        length = header.length if header.length is not None else rest
        return text + f"SPT={header.sport} DPT={header.dport} LEN={length} "
    if ip.proto == IPPROTO_ICMP:
        if ip.frag:
            return "PROTO=ICMP "
        return "PROTO=ICMP " + (_icmp(packet, header, flags, outer=outer) if isinstance(header, Icmp) else _short(rest))
    if ip.proto in {_AH, _ESP}:
        return _ipsec(packet, ip, rest)
    return f"PROTO={ip.proto} "


def _short(rest: int) -> str:
    return f"INCOMPLETE [{rest} bytes] "


def _tcp(tcp: Tcp, flags: int) -> str:
    """``nf_log_dump_tcp_header``."""
    text = f"SPT={tcp.sport} DPT={tcp.dport} "
    if flags & TCP_SEQUENCE:
        text += f"SEQ={tcp.seq} ACK={tcp.ack} "
    text += f"WINDOW={tcp.window} RES=0x{(tcp.reserved & 0xF) << 2:02x} "
    text += "".join(f"{name} " for bit, name in _FLAGS if tcp.flags & bit) + f"URGP={tcp.urgent} "
    if flags & TCP_OPTIONS and tcp.options:
        text += f"OPT ({tcp.options.hex().upper()}) "
    return text


def _icmp(packet: Packet, icmp: Icmp, flags: int, *, outer: bool) -> str:
    text = f"TYPE={icmp.type} CODE={icmp.code} "
    if icmp.type in {ICMP_ECHO, ICMP_ECHOREPLY}:
        return text + f"ID={icmp.id} SEQ={icmp.seq} "
    if icmp.type == ICMP_PARAMETERPROB:
        return text + f"PARAMETER={icmp.rest >> 24} "
    if icmp.type not in _QUOTING:
        return text
    if icmp.type == ICMP_REDIRECT:
        text += f"GATEWAY={Ip4(icmp.rest)} "
    if outer:
        payload = packet.payload
        inner = payload.packet if isinstance(payload, Quoted) else Packet(packet.layers[2:], payload)
        text += f"[{_dump(inner, flags, outer=False)}] "
    if icmp.type == ICMP_DEST_UNREACH and icmp.code == ICMP_FRAG_NEEDED:
        text += f"MTU={icmp.mtu} "
    return text


def _ipsec(packet: Packet, ip: IPv4, rest: int) -> str:
    """AH and ESP: the SPI, where it is there."""
    text = f"PROTO={'AH' if ip.proto == _AH else 'ESP'} "
    if ip.frag:
        return text
    if rest < (_AH_SIZE if ip.proto == _AH else _ESP_SIZE):
        return text + _short(rest)
    place = 4 if ip.proto == _AH else 0
    data = to_bytes(Packet(packet.layers, packet.payload))[ip.size :]
    return text + f"SPI=0x{int.from_bytes(data[place : place + 4]):x} "
