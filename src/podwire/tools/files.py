"""The files that commands read: those of the place, and the virtual ones under /proc/sys/net, /proc/net and /sys/class/net.

What a command is told to read or write for its caller (a capture, a list of commands) is a file of the caller: ``caller_path``.

Formats: net/core/net-sysfs.c, and ``procnet``. What exists on a real machine and is not modelled raises ``NotModelled``.
"""

from __future__ import annotations

from collections.abc import Callable
from errno import EINVAL, EISDIR, ENOENT, ENOTDIR
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.netlink import Netlink
from podwire.tools.procnet import PROC_NET, hardware_type

if TYPE_CHECKING:
    from podwire.linux.link import Link, Stats
    from podwire.linux.machine import Place
    from podwire.linux.netns import Netns
    from podwire.tools.process import Process
    from podwire.wire.addr import Ip

_PROC_NET_OTHERS: Final = frozenset(
    "anycast6 connector dev_mcast dev_snmp6 fib_trie fib_triestat icmp icmp6 igmp igmp6 ip6_flowlabel ip6_mr_cache ip6_mr_vif"
    " ip6_tables_matches ip6_tables_names ip6_tables_targets ip_mr_cache ip_mr_vif ip_tables_matches ip_tables_names ip_tables_targets"
    " ipv6_route mcfilter mcfilter6 netfilter netlink netstat packet protocols psched ptype raw raw6 rt6_stats rt_acct"
    " rt_cache snmp snmp6 sockstat sockstat6 softnet_stat stat tcp tcp6 udp udp6 udplite udplite6 unix wireless xfrm_stat".split()
)
_SYSFS_OTHERS: Final = frozenset(
    "addr_assign_type carrier_changes carrier_down_count carrier_up_count dev_id dev_port device gro_flush_timeout"
    " napi_defer_hard_irqs netdev_group phys_port_id phys_port_name phys_switch_id power proto_down queues subsystem testing threaded"
    " uevent".split()
)
_STATISTICS: Final = frozenset(
    "collisions multicast rx_bytes rx_compressed rx_crc_errors rx_dropped rx_errors rx_fifo_errors rx_frame_errors rx_length_errors"
    " rx_missed_errors rx_nohandler rx_over_errors rx_packets tx_aborted_errors tx_bytes tx_carrier_errors tx_compressed tx_dropped"
    " tx_errors tx_fifo_errors tx_heartbeat_errors tx_packets tx_window_errors".split()
)
_UNMODELLED_SYSCTLS: Final = (
    "abi/", "debug/", "dev/", "fs/", "kernel/", "user/", "vm/",
    "net/core/", "net/ipv6/", "net/mptcp/", "net/netfilter/nf_hooks_lwtunnel", "net/netfilter/nf_log", "net/unix/",
    "net/ipv4/cipso_", "net/ipv4/fib_notify", "net/ipv4/fib_sync_mem", "net/ipv4/inet_peer_",
    "net/ipv4/ip_autobind_reuse",
    "net/ipv4/ip_dynaddr", "net/ipv4/ip_local_reserved_ports", "net/ipv4/ipfrag_secret_interval", "net/ipv4/nexthop_compat_mode",
    "net/ipv4/raw_l3mdev_accept", "net/ipv4/tcp_", "net/ipv4/udp_", "net/ipv4/xfrm4_gc_thresh",
)  # fmt: skip


class FileError(Exception):
    """A file that cannot be read; ``errno`` says why."""

    def __init__(self, errno: int) -> None:
        super().__init__(errno)
        self.errno = errno


def caller_path(proc: Process, path: str) -> Path:
    """A file of the caller's, on the machine that podwire runs on: as seen from the directory where the caller stands."""
    return Path(proc.directory, path)


def read(place: Place, path: str) -> str:
    """The text of a file; raises ``FileError``, or ``NotModelled`` for one that a real machine has and podwire does not simulate."""
    parts = [part for part in path.split("/") if part not in {"", "."}]
    clean = "/" + "/".join(parts)
    for name in (path, clean):
        if name in place.virtual:
            return place.virtual[name]()
        if name in place.files and not name.endswith("/"):
            return place.files[name]
    if parts[:1] == ["proc"] and parts[1:3] in (["self", "net"], ["1", "net"], ["thread-self", "net"]):
        del parts[1]
    top = parts[:2]
    if top == ["proc", "sys"]:
        return _read_sysctl(place.netns, "/".join(parts[2:]), slash=path.endswith("/"))
    if top == ["proc", "net"]:
        return _read_proc_net(place.netns, parts[2:])
    if parts[:3] == ["sys", "class", "net"]:
        return _read_sysfs(place.netns, parts[3:])
    if parts[:4] == ["sys", "devices", "virtual", "net"]:
        return _read_sysfs(place.netns, parts[4:])
    if clean in {"/", "/proc", "/sys", "/sys/class", "/sys/devices", "/sys/devices/virtual", "/etc"} or _holds(
        place, clean
    ):
        raise FileError(EISDIR)
    if parts[0] in {"proc", "sys", "dev"}:
        raise NotModelled(clean, "cat")
    raise FileError(ENOENT)


def _holds(place: Place, directory: str) -> bool:
    return any(name.startswith(directory + "/") for name in (*place.files, *place.virtual))


# -- /proc/sys ----------------------------------------------------------------------------------------------------


def check_sysctl(path: str) -> None:
    """Raise ``NotModelled`` where a real kernel has the key (or directory) that podwire lacks; the path is relative to /proc/sys."""
    if any(path.startswith(prefix) or path + "/" == prefix for prefix in _UNMODELLED_SYSCTLS):
        raise NotModelled(f"sysctl {path.replace('/', '.')}")


def _read_sysctl(netns: Netns, path: str, *, slash: bool) -> str:
    door = Netlink(netns)
    try:
        text = door.sysctl_read(path) + "\n"
    except NetlinkError as error:
        if not path or any(known.startswith(path + "/") for known in door.sysctl_paths()):
            raise FileError(EISDIR) from None
        check_sysctl(path)
        raise FileError(error.errno) from None
    if slash:
        raise FileError(ENOTDIR)
    return text


# -- /proc/net ----------------------------------------------------------------------------------------------------


def _read_proc_net(netns: Netns, parts: list[str]) -> str:
    if not parts:
        raise FileError(EISDIR)
    render = PROC_NET.get(parts[0])
    if render is None:
        if parts[0] in _PROC_NET_OTHERS:
            raise NotModelled(f"/proc/net/{'/'.join(parts)}", "cat")
        raise FileError(ENOENT)
    if len(parts) > 1:
        raise FileError(ENOTDIR)
    return render(netns)


# -- /sys/class/net -----------------------------------------------------------------------------------------------


def _running_only(value: str) -> Callable[[Link], str]:
    def show(link: Link) -> str:
        if not link.is_up:
            raise FileError(EINVAL)
        return value

    return show


def _carrier(link: Link) -> str:
    if not link.is_up:
        raise FileError(EINVAL)
    return str(int(link.carrier))


def _ethtool(veth: str, unknown: str) -> Callable[[Link], str]:
    """Speed or duplex: a veth claims 10 Gbit/s; a bridge and a virtual NIC do not know; ``lo`` and dummies have no such operation."""

    def show(link: Link) -> str:
        if not link.is_up or link.kind in {"loopback", "dummy"}:
            raise FileError(EINVAL)
        return veth if link.kind == "veth" else unknown

    return show


def _flags(link: Link) -> str:
    """dev->flags: IFF_UP, IFF_LOOPBACK or IFF_BROADCAST and IFF_MULTICAST, IFF_POINTOPOINT, IFF_NOARP, IFF_PROMISC, IFF_ALLMULTI."""
    value: int = 0x8 if link.is_loopback else 0x1002
    if link.headerless:
        value = 0x10 if link.pointopoint else 0
    value |= (link.is_up and 0x1) | (0 if link.arp or link.is_loopback else 0x80)
    everything = link.allmulticast or link.port is not None
    return f"{value | (0x100 if link.promisc else 0) | (0x200 if everything else 0):#x}"


def _name_assign_type(link: Link) -> str:
    if link.kind == "ethernet":
        raise NotModelled("name_assign_type of a NIC", "cat")
    return "2" if link.is_loopback else "3"


def _octets(link: Link, end: str) -> str:
    """One end of an IP-in-IP device, which is its address."""
    addr: Ip = getattr(link.tunnel, end)
    return addr.to_bytes(4).hex(":")


def _iflink(link: Link) -> str:
    if link.headerless:
        return str(getattr(link.tunnel, "lower", 0))
    return str(link.peer.ifindex if link.peer is not None else link.ifindex)


_SYSFS: Final[MappingProxyType[str, Callable[[Link], str]]] = MappingProxyType(
    {
        "addr_len": lambda link: "4" if link.headerless else "6",
        "address": lambda link: _octets(link, "local") if link.headerless else str(link.mac),
        "broadcast": lambda link: _octets(link, "remote") if link.headerless else str(link.broadcast),
        "carrier": _carrier,
        "dormant": _running_only("0"),
        "duplex": _ethtool("full", "unknown"),
        "flags": _flags,
        "ifalias": lambda link: link.alias,
        "ifindex": lambda link: str(link.ifindex),
        "iflink": _iflink,
        "link_mode": lambda _: "0",
        "mtu": lambda link: str(link.mtu),
        "name_assign_type": _name_assign_type,
        "operstate": lambda link: link.operstate.lower(),
        "speed": _ethtool("10000", "-1"),
        "tx_queue_len": lambda link: str(link.txqueuelen),
        "type": lambda link: str(hardware_type(link)),
    }
)


def _statistic(stats: Stats, name: str) -> int:
    aliases = {"tx_carrier_errors": "tx_carrier", "rx_frame_errors": "rx_frame"}
    return int(getattr(stats, aliases.get(name, name), 0))


def _bridge_directories(link: Link) -> frozenset[str]:
    """What a bridge, or a port, has in addition."""
    bridge = {"bridge", "brforward", "brif"} if link.bridge is not None else set()
    return frozenset(bridge | ({"brport", "master"} if link.port is not None else set()))


def _read_sysfs(netns: Netns, parts: list[str]) -> str:
    if not parts:
        raise FileError(EISDIR)
    link = netns.link(parts[0])
    if link is None:
        raise FileError(ENOENT)
    if len(parts) == 1 or parts[1:] == ["statistics"]:
        raise FileError(EISDIR)
    if parts[1] == "statistics":
        name, rest, known = parts[2], parts[3:], parts[2] in _STATISTICS
    else:
        name, rest, known = parts[1], parts[2:], parts[1] in _SYSFS
    if not known:
        if name in _SYSFS_OTHERS or name in _bridge_directories(link):
            raise NotModelled(f"/sys/class/net/{'/'.join(parts)}", "cat")
        raise FileError(ENOENT)
    if rest:
        raise FileError(ENOTDIR)
    if parts[1] == "statistics":
        return f"{_statistic(link.stats, name)}\n"
    text = _SYSFS[name](link)
    return f"{text}\n" if text else ""
