"""/proc/net: the tables that net-tools reads, as rows and as text.

Formats: net/ipv4/arp.c (arp_seq_show), net/ipv4/fib_trie.c (fib_route_seq_show), net/core/net-procfs.c, net/ipv6/addrconf.c (if6_seq_show).
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.linux.fib import BROADCAST, MULTICAST, PROHIBIT, RT_TABLE_LOCAL, RT_TABLE_MAIN, UNREACHABLE
from podwire.linux.link import SCOPE_HOST, SCOPE_LINK
from podwire.linux.neigh import VALID, Nud
from podwire.tools.conntrack.text import proc_net_nf_conntrack
from podwire.wire.addr import ANY4, NO_MAC, Ip, Mac

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns

# include/uapi/linux/if_arp.h
ATF_COM: Final = 0x02
ATF_PERM: Final = 0x04
ATF_PUBL: Final = 0x08
# include/uapi/linux/route.h
RTF_UP: Final = 0x0001
RTF_GATEWAY: Final = 0x0002
RTF_HOST: Final = 0x0004
RTF_REJECT: Final = 0x0200


class ArpRow(msgspec.Struct, frozen=True, gc=False):
    """A line of /proc/net/arp."""

    ip: Ip
    type: int
    flags: int
    mac: Mac
    dev: str


class RouteRow(msgspec.Struct, frozen=True, gc=False):
    """A line of /proc/net/route: the first next hop of each route of the main table."""

    dev: str
    dst: Ip
    gateway: Ip
    flags: int
    metric: int
    mask: Ip
    mtu: int
    window: int
    rtt: int


def arp_rows(netns: Netns) -> list[ArpRow]:
    """The neighbour table as /proc/net/arp shows it: no NOARP entries, the published ones last."""
    rows = []
    for entry in netns.neighbours:
        if entry.state in {Nud.NOARP, Nud.NONE}:
            continue
        permanent = entry.state is Nud.PERMANENT
        flags = ATF_PERM | ATF_COM if permanent else ATF_COM if entry.state in VALID else 0
        rows.append(ArpRow(entry.ip, hardware_type(entry.link), flags, entry.mac, entry.link.name))
    for ip, link in netns.neighbours.proxies:
        name = link.name if link is not None else "*"
        rows.append(ArpRow(ip, hardware_type(link) if link is not None else 0, ATF_PUBL | ATF_PERM, NO_MAC, name))
    return rows


def hardware_type(link: Link) -> int:
    """ARPHRD_LOOPBACK, ARPHRD_TUNNEL or ARPHRD_ETHER."""
    return 772 if link.is_loopback else 768 if link.headerless else 1


def route_rows(netns: Netns) -> list[RouteRow]:
    """The main table as /proc/net/route shows it."""
    rows = []
    for route in netns.tables[RT_TABLE_MAIN].dump():
        if route.type in {BROADCAST, MULTICAST}:
            continue
        hop = route.nexthops[0] if route.nexthops else None
        flags = RTF_UP | (RTF_REJECT if route.type in {UNREACHABLE, PROHIBIT} else 0)
        gateway = hop.via if hop is not None and hop.via is not None else ANY4
        if gateway:
            flags |= RTF_GATEWAY
        if route.dst.plen == 32:
            flags |= RTF_HOST
        metrics = dict(route.metrics)
        advmss = metrics.get("advmss", 0)
        rows.append(
            RouteRow(
                netns.link_name(hop.ifindex) if hop is not None and hop.ifindex else "*",
                route.dst.addr,
                gateway,
                flags,
                route.metric,
                route.dst.mask,
                advmss + 40 if advmss else 0,
                metrics.get("window", 0),
                metrics.get("rtt", 0) >> 3,
            )
        )
    return rows


def _arp(netns: Netns) -> str:
    lines = ["IP address       HW type     Flags       HW address            Mask     Device\n"]
    for row in arp_rows(netns):
        kind, flags = f"0x{row.type:<10x}", f"0x{row.flags:<10x}"
        lines.append(f"{row.ip!s:<16} {kind}{flags}{row.mac!s:<17}     *        {row.dev}\n")
    return "".join(lines)


def _little(ip: Ip) -> str:
    return int(ip).to_bytes(4, "little").hex().upper()


def _route(netns: Netns) -> str:
    if not netns.tables[RT_TABLE_LOCAL] and not netns.tables[RT_TABLE_MAIN]:
        return ""  # the kernel makes the main table with the first route
    lines = ["Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT"]
    for row in route_rows(netns):
        head = f"{row.dev}\t{_little(row.dst)}\t{_little(row.gateway)}\t{row.flags:04X}\t0\t0\t{row.metric}"
        lines.append(f"{head}\t{_little(row.mask)}\t{row.mtu}\t{row.window}\t{row.rtt}")
    return "".join(f"{line:<127}\n" for line in lines)


def _dev(netns: Netns) -> str:
    lines = [
        "Inter-|   Receive                                                |  Transmit\n",
        " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n",
    ]
    for link in netns.links():
        s = link.stats
        received = f"{s.rx_bytes:7} {s.rx_packets:7} {s.rx_errors:4} {s.rx_dropped:4} {0:4} {s.rx_frame:5} {0:10} {s.multicast:9}"
        sent = f"{s.tx_bytes:8} {s.tx_packets:7} {s.tx_errors:4} {s.tx_dropped:4} {0:4} {s.collisions:5} {s.tx_carrier:7} {0:10}"
        lines.append(f"{link.name:>6}: {received} {sent}\n")
    return "".join(lines)


def _if_inet6(netns: Netns) -> str:
    # IPV6_ADDR_LOOPBACK 0x10, IPV6_ADDR_LINKLOCAL 0x20; IFA_F_PERMANENT 0x80.
    scopes = {SCOPE_HOST: 0x10, SCOPE_LINK: 0x20}
    return "".join(
        f"{int(a.local):032x} {link.ifindex:02x} {a.plen:02x} {scopes.get(a.scope, 0):02x} {a.permanent << 7:02x} {link.name:>8}\n"
        for link in netns.links()
        for a in link.addresses6
    )


PROC_NET: Final[MappingProxyType[str, Callable[[Netns], str]]] = MappingProxyType(
    {"arp": _arp, "dev": _dev, "if_inet6": _if_inet6, "nf_conntrack": proc_net_nf_conntrack, "route": _route}
)
