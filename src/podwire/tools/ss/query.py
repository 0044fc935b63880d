"""What the kernel tells ss of each socket (net/ipv4/tcp_diag.c, udp_diag.c, inet_diag.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from podwire.linux.skb import truesize_of
from podwire.wire.addr import ANY4, Ip

if TYPE_CHECKING:
    from podwire.linux.netns import Netns
    from podwire.linux.tcp.sock import TcpSock

NAMES: Final = {
    "ESTABLISHED": "ESTAB",
    "SYN_SENT": "SYN-SENT",
    "SYN_RECV": "SYN-RECV",
    "FIN_WAIT1": "FIN-WAIT-1",
    "FIN_WAIT2": "FIN-WAIT-2",
    "TIME_WAIT": "TIME-WAIT",
    "CLOSE": "UNCONN",
    "CLOSE_WAIT": "CLOSE-WAIT",
    "LAST_ACK": "LAST-ACK",
    "LISTEN": "LISTEN",
    "CLOSING": "CLOSING",
}
_MASK: Final = 0xFFFFFFFF
_PERSIST: Final = frozenset({"probe0"})

User = tuple[str, int, int]
"""Command, process id and file descriptor."""


class Row(msgspec.Struct, frozen=True):
    """``timer`` is (what, ms, how often); ``user`` the process that holds the socket."""

    netid: str
    state: str
    rqueue: int
    wqueue: int
    local: tuple[Ip, int]
    peer: tuple[Ip, int]
    dev: str = ""
    timer: tuple[str, int, int] | None = None
    user: User | None = None


def udp_rows(netns: Netns) -> list[Row]:
    """UDP sockets, those of tunnels among them."""
    rows = [
        Row(
            "udp",
            "ESTAB" if socket.remote is not None else "UNCONN",
            sum(truesize_of(arrived.packet.size) for arrived in socket.inbox),
            0,
            (socket.source, socket.port),
            socket.remote or (ANY4, 0),
            socket.link.name if socket.link is not None else "",
            user=socket.user,
        )
        for socket in netns.sockets.udp
    ]
    rows += [Row("udp", "UNCONN", 0, 0, (ANY4, port), (ANY4, 0)) for port in netns.sockets.encap]
    return rows


def tcp_rows(netns: Netns) -> list[Row]:
    """Listeners, then handshakes, connections and what is left of them; each in the order in which they came."""
    table = netns.sockets.tcp
    if table is None:
        return []
    machine = netns.machine
    now, hz = machine.jiffies, machine.hz
    rows = [
        Row(
            "tcp",
            "LISTEN",
            len(sk.accept_queue),
            sk.backlog_max,
            (sk.rcv_saddr, sk.sport),
            (ANY4, 0),
            sk.link.name if sk.link is not None else "",
            user=sk.socket.user if sk.socket is not None else None,
        )
        for sk in table.listeners
    ]
    for request in table.requests.values():
        timer = ("on", (request.expires - now) * 1000 // hz, request.num_retrans)
        rows.append(Row("tcp", "SYN-RECV", 0, 0, request.key[:2], request.key[2:], timer=timer))
    rows += [_connection(sk, now, hz) for sk in table.established.values()]
    for left in table.timewait.values():
        timer = ("timewait", (left.expires - now) * 1000 // hz, 0)
        rows.append(Row("tcp", NAMES[left.substate], 0, 0, left.local, left.remote, timer=timer))
    return rows


def _connection(sk: TcpSock, now: int, hz: int) -> Row:
    unread = sk.rcv_nxt - sk.copied_seq & _MASK
    return Row(
        "tcp",
        NAMES[sk.state],
        unread if unread < 1 << 31 else 0,
        sk.write_seq - sk.snd_una & _MASK,
        (sk.rcv_saddr, sk.sport),
        (sk.daddr, sk.dport),
        sk.link.name if sk.link is not None else "",
        _timer(sk, now, hz),
        sk.socket.user if sk.socket is not None else None,
    )


def _timer(sk: TcpSock, now: int, hz: int) -> tuple[str, int, int] | None:
    """``inet_diag_msg``: the timer that matters most."""
    if sk.timer_what:
        left = max(sk.timer_at - now, 0) * 1000 // hz
        return ("persist", left, sk.probes_out) if sk.timer_what in _PERSIST else ("on", left, sk.retransmits)
    if sk.keepalive_timer is not None:
        return "keepalive", max(sk.keepalive_at - now, 0) * 1000 // hz, sk.probes_out
    return None
