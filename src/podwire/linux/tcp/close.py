"""How a connection ends (net/ipv4/tcp.c: tcp_close, tcp_shutdown, tcp_done; RFC 9293 section 3.6)."""

from __future__ import annotations

from errno import ECONNRESET
from types import MappingProxyType
from typing import Final

from podwire.linux.tcp import keepalive, listen, output, timers
from podwire.linux.tcp.sock import RCV_SHUTDOWN, SEND_SHUTDOWN, TcpSock
from podwire.linux.tcp.states import MASK, TcpState
from podwire.linux.tcp.table import tcp_table
from podwire.linux.tcp.timewait import tcp_time_wait

_TIMEWAIT_LEN: Final = 60

_NEW_STATE: Final = MappingProxyType(
    {
        TcpState.ESTABLISHED: (TcpState.FIN_WAIT1, True),
        TcpState.SYN_SENT: (TcpState.CLOSE, False),
        TcpState.SYN_RECV: (TcpState.FIN_WAIT1, True),
        TcpState.CLOSE_WAIT: (TcpState.LAST_ACK, True),
    }
)
"""``new_state``: what closing makes of a state, and whether a FIN is to be sent. The other states stay."""

_NEED_RESET: Final = frozenset(
    {TcpState.ESTABLISHED, TcpState.CLOSE_WAIT, TcpState.FIN_WAIT1, TcpState.FIN_WAIT2, TcpState.SYN_RECV}
)
"""``tcp_need_reset``."""


def set_closed(sk: TcpSock) -> None:
    """``tcp_set_state(TCP_CLOSE)``: nobody finds it any more; a port that was bound by hand stays until the socket goes."""
    table = tcp_table(sk.netns)
    table.unhash(sk)
    sk.state = TcpState.CLOSE
    if not sk.bound_port:
        table.put_port(sk)


def write_queue_purge(sk: TcpSock) -> None:
    """``tcp_write_queue_purge``."""
    sk.unsent.clear()
    sk.push_marks.clear()
    sk.rtx.clear()
    sk.fin_queued = False
    sk.wmem_queued = 0
    sk.snd_nxt = sk.write_seq
    sk.backoff = 0


def tcp_done(sk: TcpSock) -> None:
    """``tcp_done``: the connection is gone; whoever holds the socket is told."""
    timers.clear_xmit_timers(sk)
    if sk.state is not TcpState.CLOSE:
        set_closed(sk)
    sk.shutdown = RCV_SHUTDOWN | SEND_SHUTDOWN
    if sk.socket is not None:
        sk.socket.tell()
    elif sk.listener is None:
        destroy(sk)


def destroy(sk: TcpSock) -> None:
    """``inet_csk_destroy_sock``."""
    timers.clear_xmit_timers(sk)
    tcp_table(sk.netns).put_port(sk)
    sk.queue.clear()
    sk.ofo.clear()
    sk.backlog.clear()
    sk.rmem = 0


def _close_state(sk: TcpSock) -> bool:
    """``tcp_close_state``: the state moves on; True where a FIN is to be sent."""
    state, fin = _NEW_STATE.get(sk.state, (sk.state, False))
    if state is TcpState.CLOSE:
        set_closed(sk)
    else:
        sk.state = state
    return fin


def tcp_shutdown(sk: TcpSock) -> None:
    """``tcp_shutdown`` with SEND_SHUTDOWN; a handshake that is under way, and a listener, are given up (``inet_shutdown``)."""
    if sk.state in {TcpState.SYN_SENT, TcpState.LISTEN}:
        tcp_disconnect(sk)
    elif sk.state in {TcpState.ESTABLISHED, TcpState.SYN_RECV, TcpState.CLOSE_WAIT} and _close_state(sk):
        _send_fin(sk)
    if sk.socket is not None:
        sk.socket.tell()


def _send_fin(sk: TcpSock) -> None:
    from podwire.linux.tcp.input import release_sock

    owned, sk.owned = sk.owned, True
    output.tcp_send_fin(sk)
    if not owned:
        release_sock(sk)


def tcp_disconnect(sk: TcpSock) -> None:
    """``tcp_disconnect``: at once, with a reset where the other end has to know."""
    old = sk.state
    if old is TcpState.LISTEN:
        set_closed(sk)
        listen.inet_csk_listen_stop(sk)
    elif old in _NEED_RESET or (old in {TcpState.CLOSING, TcpState.LAST_ACK} and sk.snd_nxt != sk.write_seq):
        # The reset goes out while the state is still the old one.
        output.tcp_send_active_reset(sk)
        sk.err = ECONNRESET
    elif old is TcpState.SYN_SENT:
        sk.err = ECONNRESET
    if sk.state is not TcpState.CLOSE:
        set_closed(sk)
    timers.clear_xmit_timers(sk)
    write_queue_purge(sk)
    sk.shutdown = 0


def tcp_close(sk: TcpSock) -> None:
    """``tcp_close``: a FIN; a reset where data was left unread (RFC 2525 section 2.17) or SO_LINGER says so."""
    from podwire.linux.tcp.input import release_sock

    sk.owned = True
    sk.shutdown = RCV_SHUTDOWN | SEND_SHUTDOWN
    if sk.state is TcpState.LISTEN:
        set_closed(sk)
        listen.inet_csk_listen_stop(sk)
    else:
        unread = any(piece.end - piece.fin & MASK != sk.copied_seq for piece in sk.queue if piece.data)
        sk.queue.clear()
        sk.rmem = sum(piece.truesize for piece in sk.ofo)
        if sk.state is not TcpState.CLOSE:
            _say_goodbye(sk, unread=unread)
    sk.socket = None
    was_closed = sk.state is TcpState.CLOSE
    release_sock(sk)
    if sk.state is TcpState.FIN_WAIT2 and tcp_table(sk.netns).established.get(_key(sk)) is sk:
        _orphan_fin_wait2(sk)
    elif was_closed or sk.state is TcpState.CLOSE:
        destroy(sk)


def _key(sk: TcpSock) -> tuple:  # type: ignore[type-arg]
    return (sk.rcv_saddr, sk.sport, sk.daddr, sk.dport)


def _say_goodbye(sk: TcpSock, *, unread: bool) -> None:
    if unread:
        output.tcp_send_active_reset(sk)
        write_queue_purge(sk)
        timers.clear_xmit_timers(sk)
        set_closed(sk)
    elif sk.linger == 0:
        tcp_disconnect(sk)
    elif _close_state(sk):
        output.tcp_send_fin(sk)
    elif sk.state is TcpState.CLOSE:
        timers.clear_xmit_timers(sk)
        write_queue_purge(sk)


def _orphan_fin_wait2(sk: TcpSock) -> None:
    """An orphan waits for the other end's FIN, tcp_fin_timeout at most."""
    wait = keepalive.fin_time(sk)
    more = wait - _TIMEWAIT_LEN * sk.netns.machine.hz
    if more > 0:
        keepalive.reset_keepalive_timer(sk, more)
    else:
        tcp_time_wait(sk, TcpState.FIN_WAIT2, wait)
