"""ICMP errors about TCP segments (``tcp_v4_err``, net/ipv4/tcp_ipv4.c; RFC 1122 section 4.2.3.9, RFC 5927, 6069, 1191)."""

from __future__ import annotations

from errno import EHOSTUNREACH, EPROTO
from typing import TYPE_CHECKING, Final

from podwire.linux.path.rtupdate import ipv4_update_pmtu
from podwire.linux.sockerr import ICMP_ERRNO
from podwire.linux.tcp import close, recovery, segments, timers
from podwire.linux.tcp.listen import drop_request
from podwire.linux.tcp.sock import TcpSock
from podwire.linux.tcp.states import TcpState, between
from podwire.wire.headers import (
    ICMP_DEST_UNREACH,
    ICMP_FRAG_NEEDED,
    ICMP_HOST_UNREACH,
    ICMP_NET_UNREACH,
    ICMP_PARAMETERPROB,
    ICMP_TIME_EXCEEDED,
    Icmp,
    IPv4,
    Tcp,
)

if TYPE_CHECKING:
    from podwire.linux.tcp.table import TcpTable
    from podwire.wire.packet import Packet

_UNREACHABLE: Final = frozenset({ICMP_NET_UNREACH, ICMP_HOST_UNREACH})


def find_sender(table: TcpTable, inner: Packet) -> TcpSock | None:
    """The socket whose segment an error quotes: a connection, or a listener for its SYN-ACK; None too for what is left of a connection."""
    header, tcp = inner.layers[0], inner.layers[1] if len(inner.layers) > 1 else None
    if not isinstance(header, IPv4) or not isinstance(tcp, Tcp):
        return None
    key = (header.src, tcp.sport, header.dst, tcp.dport)
    request = table.requests.get(key)
    if request is not None:
        return request.listener
    return table.established.get(key)


def tcp_v4_err(table: TcpTable, icmp: Icmp, inner: Packet, mtu: int) -> None:
    """``tcp_v4_err``: an error about a segment of a connection or a handshake here; ``mtu`` as far as it is believed."""
    header, tcp = inner.layers[0], inner.layers[1] if len(inner.layers) > 1 else None
    if not isinstance(header, IPv4) or not isinstance(tcp, Tcp):
        return
    key = (header.src, tcp.sport, header.dst, tcp.dport)
    request = table.requests.get(key)
    if request is not None:
        fatal = icmp.type in {ICMP_PARAMETERPROB, ICMP_TIME_EXCEEDED} or (
            icmp.type == ICMP_DEST_UNREACH and icmp.code in _UNREACHABLE
        )
        if fatal and tcp.seq == request.snt_isn:
            drop_request(request)
        return
    sk = table.established.get(key)
    if sk is None or not between(tcp.seq, sk.snd_una, sk.snd_nxt):
        return
    match icmp.type:
        case t if t == ICMP_PARAMETERPROB:
            _hear(sk, EPROTO)
        case t if t == ICMP_TIME_EXCEEDED:
            _hear(sk, EHOSTUNREACH)
        case t if t == ICMP_DEST_UNREACH:
            _unreachable(sk, icmp, tcp.seq, inner, mtu)


def _unreachable(sk: TcpSock, icmp: Icmp, seq: int, inner: Packet, mtu: int) -> None:
    if icmp.code >= len(ICMP_ERRNO):
        return
    if icmp.code == ICMP_FRAG_NEEDED:
        sk.mtu_told = inner, mtu
        if not sk.owned:
            mtu_reduced(sk)
        return
    if icmp.code in _UNREACHABLE:
        _revert_backoff(sk, seq)
    _hear(sk, ICMP_ERRNO[icmp.code][0])


def _hear(sk: TcpSock, errno: int) -> None:
    """A handshake fails at once; a connection only remembers, unless IP_RECVERR is on.

    An error that comes while ``connect`` still runs fails no handshake. But it is in the error queue (``ip_icmp_error``), so that
    who waits with ``poll`` wakes, asks for SO_ERROR and gives up; who waits in ``connect`` sends its SYN again.
    """
    if sk.state in {TcpState.SYN_SENT, TcpState.SYN_RECV}:
        sk.error_queued = True
        if sk.owned:
            sk.err_soft = errno
            if sk.socket is not None:
                sk.socket.tell()
            return
        sk.err = errno
        close.write_queue_purge(sk)
        close.tcp_done(sk)
    elif not sk.owned and sk.recverr:
        sk.err = errno
        if sk.socket is not None:
            sk.socket.tell()
    else:
        sk.err_soft = errno


def _revert_backoff(sk: TcpSock, seq: int) -> None:
    """``tcp_ld_RTO_revert``: the way is broken, not crowded: the last doubling of the wait is taken back (RFC 6069)."""
    if sk.owned or seq != sk.snd_una or not sk.retransmits or not sk.backoff or not sk.rtx:
        return
    sk.backoff -= 1
    base = timers.timeout_init(sk)
    if sk.srtt_us:
        base = timers.usecs_to_jiffies(sk.netns, (sk.srtt_us >> 3) + sk.rttvar_us)
    sk.rto = min(base << sk.backoff, timers.rto_max(sk))
    gone = (sk.now - sk.rtx[0].sent) // 1000
    left = sk.rto - gone * sk.netns.machine.hz // 1_000_000
    if left > 0:
        timers.reset_xmit_timer(sk, "retrans", left)
    else:
        timers.clear_xmit_timer(sk)
        timers.retransmit_timer(sk)


def mtu_reduced(sk: TcpSock) -> None:
    """``tcp_v4_mtu_reduced``: shorter segments from now on, and those that are under way once more (RFC 1191 section 6.4)."""
    told, sk.mtu_told = sk.mtu_told, None
    if told is None or sk.state in {TcpState.LISTEN, TcpState.CLOSE}:
        return
    inner, mtu = told
    ipv4_update_pmtu(sk.netns, inner, mtu, mark=sk.mark, tos=sk.tos, oif=sk.link)
    dst = segments.route(sk)
    if dst.kind == "error":
        return
    if sk.pmtudisc and sk.pmtu_cookie > dst.effective_mtu:
        segments.tcp_sync_mss(sk, dst.effective_mtu)
        recovery.simple_retransmit(sk)
