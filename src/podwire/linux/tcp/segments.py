"""How long a segment may be, and the options that it bears (net/ipv4/tcp_output.c; RFC 9293 section 3.7.1, RFC 7323, 2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.path.route import Dst, ip_route_output
from podwire.linux.tcp import darwin
from podwire.linux.tcp.darwin import is_darwin
from podwire.linux.tcp.sock import TcpSock
from podwire.linux.tcp.states import MASK
from podwire.wire.headers import IPPROTO_TCP
from podwire.wire.tcp_options import build

if TYPE_CHECKING:
    from podwire.linux.netns import Netns

TSTAMP_ALIGNED: Final = 12
"""What time stamps take of every header."""
_MIN_ADVMSS: Final = 256
_MAX_PMTU: Final = 65535
_MSEC: Final = 1_000_000
_MAX_OPTIONS: Final = 40


def route(sk: TcpSock) -> Dst:
    """``__sk_dst_check``: the way to the other end, by the connection's own address."""
    netns = sk.netns
    ports = (IPPROTO_TCP, sk.sport, sk.dport) if netns.custom_rules else None
    return ip_route_output(netns, sk.daddr, sk.saddr, oif=sk.link, mark=sk.mark, tos=sk.tos & 0x1C, ports=ports)


def metric(dst: Dst, name: str) -> int:
    """``dst_metric``: a metric of the route, 0 where it has none."""
    if dst.leg is None:
        return 0
    return next((value for key, value in dst.leg[0].metrics if key == name), 0)


def default_advmss(dst: Dst) -> int:
    """``dst_metric_advmss``: the segment that this end takes: what the path's MTU leaves (F140)."""
    return metric(dst, "advmss") or min(max(dst.effective_mtu - 40, _MIN_ADVMSS), _MAX_PMTU - 40)


def tcp_mss_clamp(sk: TcpSock, mss: int) -> int:
    """``tcp_mss_clamp``: TCP_MAXSEG."""
    return min(sk.rx_opt.user_mss, mss) if sk.rx_opt.user_mss else mss


def tcp_mtu_to_mss(sk: TcpSock, pmtu: int) -> int:
    """``tcp_mtu_to_mss``: data in a segment that fits ``pmtu``, besides the options that all of them have."""
    mss = max(min(pmtu - 40, sk.rx_opt.mss_clamp), sk.netns.setting("tcp_min_snd_mss"))
    return mss - (sk.header_len - 20)


def tcp_sync_mss(sk: TcpSock, pmtu: int) -> int:
    """``tcp_sync_mss``: the path takes ``pmtu``; no more than half of the largest window that was seen."""
    mss = tcp_mtu_to_mss(sk, pmtu)
    cutoff = sk.max_window >> 1 if sk.max_window > 536 else sk.max_window
    if cutoff and mss > cutoff:
        mss = max(cutoff, 68 - sk.header_len)
    sk.pmtu_cookie, sk.mss_cache = pmtu, mss
    return mss


def tcp_current_mss(sk: TcpSock) -> int:
    """``tcp_current_mss``: how much data the next segment may carry, with the options that it will have."""
    dst = route(sk)
    mss = sk.mss_cache
    if dst.kind != "error" and dst.effective_mtu != sk.pmtu_cookie:
        mss = tcp_sync_mss(sk, dst.effective_mtu)
    return mss - (20 + _options_size(sk) - sk.header_len)


def tcp_time_stamp(netns: Netns, offset: int) -> int:
    """``tcp_time_stamp_ms``: virtual time in ms, from an offset that every connection draws."""
    return netns.machine.world.now // _MSEC + offset & MASK


def _sack_blocks(sk: TcpSock) -> tuple[tuple[int, int], ...]:
    blocks = ([sk.dsack] if sk.dsack is not None else []) + sk.sacks
    room = _MAX_OPTIONS - (TSTAMP_ALIGNED if sk.rx_opt.tstamp_ok else 0) - 4
    return tuple(blocks[: room // 8])


def _options_size(sk: TcpSock) -> int:
    blocks = len(_sack_blocks(sk))
    return (TSTAMP_ALIGNED if sk.rx_opt.tstamp_ok else 0) + (4 + 8 * blocks if blocks else 0)


def established_options(sk: TcpSock) -> bytes:
    """``tcp_established_options``."""
    stamp = (tcp_time_stamp(sk.netns, sk.tsoffset), sk.rx_opt.ts_recent) if sk.rx_opt.tstamp_ok else None
    if stamp is None and not sk.sacks and sk.dsack is None:
        return b""
    return build(timestamp=stamp, sack=_sack_blocks(sk))


def syn_options(sk: TcpSock) -> bytes:
    """``tcpsyn_options`` (F140)."""
    netns = sk.netns
    stamp = (tcp_time_stamp(netns, sk.tsoffset), sk.rx_opt.ts_recent) if netns.setting("tcp_timestamps") else None
    if stamp is not None and is_darwin(netns):
        return darwin.syn_options(sk.advmss, stamp)
    return build(
        mss=sk.advmss,
        sack_permitted=bool(netns.setting("tcp_sack")),
        timestamp=stamp,
        window_scale=sk.rx_opt.rcv_wscale if netns.setting("tcp_window_scaling") else None,
    )
