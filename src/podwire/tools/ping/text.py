"""What ``ping`` of iputils 20221126 prints: usage, ICMP messages, times (ping/ping.c, ping/ping_common.c)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from podwire.wire.addr import Ip, Ip4
from podwire.wire.codec import to_bytes
from podwire.wire.headers import (
    ICMP_DEST_UNREACH,
    ICMP_PARAMETERPROB,
    ICMP_REDIRECT,
    ICMP_SOURCE_QUENCH,
    ICMP_TIME_EXCEEDED,
    Icmp,
)
from podwire.wire.packet import Packet

VERSION: Final = """\
ping from iputils 20221126
libcap: yes, IDN: yes, NLS: no, error.h: yes, getrandom(): yes, __fpending(): yes
"""
USAGE: Final = """
Usage
  ping [options] <destination>

Options:
  <destination>      dns name or ip address
  -a                 use audible ping
  -A                 use adaptive ping
  -B                 sticky source address
  -c <count>         stop after <count> replies
  -C                 call connect() syscall on socket creation
  -D                 print timestamps
  -d                 use SO_DEBUG socket option
  -e <identifier>    define identifier for ping session, default is random for
                     SOCK_RAW and kernel defined for SOCK_DGRAM
                     Imply using SOCK_RAW (for IPv4 only for identifier 0)
  -f                 flood ping
  -h                 print help and exit
  -I <interface>     either interface name or address
  -i <interval>      seconds between sending each packet
  -L                 suppress loopback of multicast packets
  -l <preload>       send <preload> number of packages while waiting replies
  -m <mark>          tag the packets going out
  -M <pmtud opt>     define mtu discovery, can be one of <do|dont|want>
  -n                 no dns name resolution
  -O                 report outstanding replies
  -p <pattern>       contents of padding byte
  -q                 quiet output
  -Q <tclass>        use quality of service <tclass> bits
  -s <size>          use <size> as number of data bytes to be sent
  -S <size>          use <size> as SO_SNDBUF socket option value
  -t <ttl>           define time to live
  -U                 print user-to-user latency
  -v                 verbose output
  -V                 print version and exit
  -w <deadline>      reply wait <deadline> in seconds
  -W <timeout>       time to wait for response

IPv4 options:
  -4                 use IPv4
  -b                 allow pinging broadcast
  -R                 record route
  -T <timestamp>     define timestamp, can be one of <tsonly|tsandaddr|tsprespec>

IPv6 options:
  -6                 use IPv6
  -F <flowlabel>     define flow label, default is random
  -N <nodeinfo opt>  use icmp6 node info query, try <help> as argument

For more details see ping(8).
"""

_UNREACHABLE: Final = MappingProxyType(
    {
        0: "Destination Net Unreachable",
        1: "Destination Host Unreachable",
        2: "Destination Protocol Unreachable",
        3: "Destination Port Unreachable",
        5: "Source Route Failed",
        6: "Destination Net Unknown",
        7: "Destination Host Unknown",
        8: "Source Host Isolated",
        9: "Destination Net Prohibited",
        10: "Destination Host Prohibited",
        11: "Destination Net Unreachable for Type of Service",
        12: "Destination Host Unreachable for Type of Service",
        13: "Packet filtered",
        14: "Precedence Violation",
        15: "Precedence Cutoff",
    }
)
_REDIRECT: Final = (
    "Redirect Network",
    "Redirect Host",
    "Redirect Type of Service and Network",
    "Redirect Type of Service and Host",
)


def icmp_message(icmp: Icmp, name: Callable[[Ip], str], mtu: int = 0) -> str:
    """``pr_icmph``: an ICMP error in words. ``name`` writes an address as ping does; ``mtu`` is what the kernel believes of it."""
    code = icmp.code
    if icmp.type == ICMP_DEST_UNREACH:
        if code == 4:
            return f"Frag needed and DF set (mtu = {mtu})"
        return _UNREACHABLE.get(code, f"Dest Unreachable, Bad Code: {code}")
    if icmp.type == ICMP_SOURCE_QUENCH:
        return "Source Quench"
    if icmp.type == ICMP_REDIRECT:
        kind = _REDIRECT[code] if code < len(_REDIRECT) else f"Redirect, Bad Code: {code}"
        return f"{kind}(New nexthop: {name(Ip4(icmp.rest))})"
    if icmp.type == ICMP_TIME_EXCEEDED:
        return (
            ("Time to live exceeded", "Frag reassembly time exceeded")[code]
            if code < 2
            else f"Time exceeded, Bad Code: {code}"
        )
    if icmp.type == ICMP_PARAMETERPROB:
        return f"Parameter problem: pointer = {icmp.rest >> 24}"
    return f"Bad ICMP type: {icmp.type}"


def ip_header(packet: Packet) -> str:
    """``pr_iph``: the quoted IP header, with the 16-bit fields in the host's byte order (little endian) as it prints them."""
    fields = struct.unpack_from("<BBHHHBBH", to_bytes(packet))
    shape, tos, length, ident, fragment, ttl, proto, check = fields
    ip = packet.layers[0]
    source, destination = getattr(ip, "src", ""), getattr(ip, "dst", "")
    return (
        "Vr HL TOS  Len   ID Flg  off TTL Pro  cks      Src      Dst Data\n"
        f" {shape >> 4:1x}  {shape & 15:1x}  {tos:02x} {length:04x} {ident:04x}"
        f"   {fragment >> 13:1x} {fragment & 0x1FFF:04x}"
        f"  {ttl:02x}  {proto:02x} {check:04x} {source}  {destination} \n"
    )


def trip_time(microseconds: int) -> str:
    """The round trip in ms with three significant digits or so, as every ping prints it."""
    if microseconds >= 100_000 - 50:
        return f"{(microseconds + 500) // 1000} ms"
    if microseconds >= 10_000 - 5:
        return f"{(microseconds + 50) // 1000}.{(microseconds + 50) % 1000 // 100} ms"
    if microseconds >= 1000:
        return f"{(microseconds + 5) // 1000}.{(microseconds + 5) % 1000 // 10:02} ms"
    return f"{microseconds // 1000}.{microseconds % 1000:03} ms"


def milliseconds(microseconds: int) -> str:
    """Microseconds as ms with three decimals."""
    return f"{microseconds // 1000}.{microseconds % 1000:03}"
