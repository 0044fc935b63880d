"""A TCP socket as a program holds it: ``socket``, ``bind``, ``listen``, ``connect``, ``send``, ``recv``, ``close`` (net/ipv4/tcp.c).

Every call is non-blocking and returns at once: what it has to wait for is told by ``wake``, which is called once after the
packets of the present instant have been processed, and never inside a call. The owner then looks at ``state``, ``readable``,
``writable``, ``eof`` and ``error``.
"""

from __future__ import annotations

from collections.abc import Callable
from errno import (
    EADDRNOTAVAIL,
    EALREADY,
    EINVAL,
    EISCONN,
    ENOTCONN,
    EPIPE,
)
from typing import TYPE_CHECKING, Final

from podwire.linux.fib import BROADCAST, MULTICAST
from podwire.linux.path.lookup import inet_addr_type
from podwire.linux.socket import SocketError
from podwire.linux.tcp import close, connect, listen, output, receive
from podwire.linux.tcp.sock import RCV_SHUTDOWN, SEND_SHUTDOWN, TcpSock
from podwire.linux.tcp.states import SYNCHRONISED, TcpState
from podwire.linux.tcp.table import tcp_table
from podwire.wire.addr import Ip

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns

SHUT_RD: Final = 0
SHUT_WR: Final = 1
SHUT_RDWR: Final = 2
_LOW_PORTS: Final = frozenset({TcpState.LISTEN, TcpState.CLOSE})


def _nobody() -> None:
    """The owner does not want to be woken."""


class TcpSocket:
    """SOCK_STREAM of IPPROTO_TCP in ``netns``.

    ``wake`` may be exchanged at any time; a socket from ``accept`` has none until its owner sets one. ``on_send`` hears the id of
    each packet before it starts: how a trace adopts it. Options (``nodelay``, ``reuse``, ``ttl`` …) are attributes of ``sk``.
    """

    def __init__(self, netns: Netns, wake: Callable[[], None] | None = None, *, sk: TcpSock | None = None) -> None:
        self.netns = netns
        self.wake: Callable[[], None] = wake or _nobody
        self.on_send: Callable[[int], None] | None = None
        self.user: tuple[str, int, int] | None = None
        """Who holds it, for ``ss -p``: command, process id, file descriptor."""
        self.sk = sk if sk is not None else TcpSock(netns)
        self.sk.socket = self
        self._woken = False
        self._no_space = False
        """SOCK_NOSPACE: the last ``send`` took less than it was given."""
        self._closed = False
        self.local: tuple[Ip, int] = (self.sk.rcv_saddr, self.sk.sport)
        """Address and port; 0.0.0.0 and 0 where nothing is bound yet."""
        self.remote: tuple[Ip, int] | None = (self.sk.daddr, self.sk.dport) if sk is not None else None

    # -- what a program can see ------------------------------------------------------------------------------------

    @property
    def state(self) -> TcpState:
        """The state in the kernel's words; a connection in TIME_WAIT is CLOSE for the socket that was closed."""
        return self.sk.state

    @property
    def connecting(self) -> bool:
        """``connect`` was called and has neither succeeded nor failed."""
        return self.sk.state in {TcpState.SYN_SENT, TcpState.SYN_RECV}

    @property
    def error(self) -> int:
        """``sk_err``: the errno that the next call fails with, 0 for none; ``take_error`` clears it."""
        return self.sk.err

    @property
    def pollerr(self) -> bool:
        """POLLERR: ``error``, or an ICMP error about the handshake in the error queue, of which ``take_error`` tells the errno."""
        return bool(self.sk.err) or self.sk.error_queued

    def take_error(self) -> int:
        """``getsockopt(SO_ERROR)``: the errno, once; a soft error (of a host that was unreachable meanwhile) where there is no other."""
        errno, self.sk.err = self.sk.err, 0
        if not errno:
            errno, self.sk.err_soft = self.sk.err_soft, 0
        return errno

    @property
    def readable(self) -> bool:
        """POLLIN: data, the end, an error, or for a listener a connection."""
        if self.sk.state is TcpState.LISTEN:
            return bool(self.sk.accept_queue)
        return bool(self.sk.queue or self.sk.err or self.eof)

    @property
    def available(self) -> int:
        """SIOCINQ: how many bytes ``recv`` would give."""
        return sum(len(piece.data) for piece in self.sk.queue)

    @property
    def unsent(self) -> int:
        """SIOCOUTQ: how many bytes the other end has not acknowledged."""
        return output.outq(self.sk)

    @property
    def writable(self) -> bool:
        """POLLOUT: connected, and there is room for data, or an error to be told."""
        sk = self.sk
        return bool(sk.err) or (sk.can_send and output.has_room(sk)) or bool(sk.shutdown & SEND_SHUTDOWN)

    @property
    def eof(self) -> bool:
        """The other end has finished (or the connection is gone), and everything was read."""
        sk = self.sk
        if sk.queue or sk.state is TcpState.LISTEN:
            return False
        return bool(sk.shutdown & RCV_SHUTDOWN) or sk.done

    # -- calls -----------------------------------------------------------------------------------------------------

    def bind(self, addr: Ip, port: int, *, late_port: bool = False) -> None:
        """Take an address (0.0.0.0: any) and a port (0: a free one; with ``late_port``, IP_BIND_ADDRESS_NO_PORT, ``connect`` takes it).

        Raises ``SocketError``: EADDRINUSE, EADDRNOTAVAIL for an address that is not ours, EINVAL for a socket that has a port already.
        """
        sk = self.sk
        if sk.state is not TcpState.CLOSE or sk.sport:
            raise SocketError(EINVAL)
        if addr and not self.netns.setting("ip_nonlocal_bind"):
            kind = inet_addr_type(self.netns, addr)
            if kind not in {"local", MULTICAST, BROADCAST}:
                raise SocketError(EADDRNOTAVAIL)
        if late_port and not port:
            sk.rcv_saddr = sk.saddr = addr
            sk.bound_addr = bool(addr)
        else:
            tcp_table(self.netns).bind(sk, addr, port)
        self.local = sk.rcv_saddr, sk.sport

    def listen(self, backlog: int) -> None:
        """Wait for connections, up to ``backlog`` + 1 of which may wait for ``accept``; on a free port where none is bound.

        Raises ``SocketError``: EINVAL for a socket that is connected, EADDRINUSE.
        """
        sk = self.sk
        if sk.state not in _LOW_PORTS:
            raise SocketError(EINVAL)
        sk.backlog_max = min(backlog if backlog >= 0 else 1 << 31, self.netns.setting("somaxconn"))
        if sk.state is TcpState.CLOSE:
            listen.inet_csk_listen_start(sk)
            self.local = sk.rcv_saddr, sk.sport

    def accept(self) -> TcpSocket | None:
        """The oldest connection that waits, None where there is none. Raises ``SocketError`` EINVAL where nothing listens."""
        sk = self.sk
        if sk.state is not TcpState.LISTEN:
            raise SocketError(EINVAL)
        if not sk.accept_queue:
            return None
        child = sk.accept_queue.popleft()
        child.listener = None
        return TcpSocket(self.netns, sk=child)

    def connect(self, dst: Ip, port: int) -> None:
        """Start the handshake; ``state`` becomes ESTABLISHED, or ``error`` is set.

        Raises ``SocketError`` for what the kernel refuses at once: ENETUNREACH and other errors of the route, EADDRNOTAVAIL without a
        free port, EISCONN, EALREADY, EINVAL.
        """
        sk = self.sk
        if self.connecting:
            raise SocketError(EALREADY)
        if sk.state is not TcpState.CLOSE:
            raise SocketError(EISCONN if sk.state is not TcpState.LISTEN else EINVAL)
        if self._closed:
            raise SocketError(EINVAL)
        sk.err = sk.err_soft = 0
        connect.tcp_v4_connect(sk, dst, port)
        self.local, self.remote = (sk.rcv_saddr, sk.sport), (sk.daddr, sk.dport)

    def send(self, data: bytes) -> int:
        """Hand over bytes; returns how many there was room for (0: wait for ``wake``; also while connecting).

        Raises ``SocketError``: the error that came, else EPIPE where nothing can be sent any more.
        """
        sk = self.sk
        self._raise_error()
        if sk.shutdown & SEND_SHUTDOWN:
            raise SocketError(EPIPE)
        if self.connecting:
            return 0
        if not sk.can_send:
            raise SocketError(EPIPE)
        taken = output.tcp_sendmsg(sk, data)
        self._no_space = taken < len(data)
        return taken

    def recv(self, size: int = 1 << 20) -> bytes:
        """Up to ``size`` bytes; empty where there are none: ``eof`` says whether there will be more.

        Raises ``SocketError``: the error that came, ENOTCONN where there never was a connection.
        """
        sk = self.sk
        if sk.state is TcpState.LISTEN:
            raise SocketError(ENOTCONN)
        if not sk.queue:
            self._raise_error()
            if sk.state is TcpState.CLOSE and not sk.done and not sk.shutdown & RCV_SHUTDOWN:
                raise SocketError(ENOTCONN)
        return receive.tcp_recvmsg(sk, size)

    def shutdown(self, how: int = SHUT_WR) -> None:
        """Close one direction: after SHUT_WR the other end reads an end of file. Raises ``SocketError``: ENOTCONN, EINVAL."""
        if how not in {SHUT_RD, SHUT_WR, SHUT_RDWR}:
            raise SocketError(EINVAL)
        sk = self.sk
        if sk.state is TcpState.CLOSE:
            raise SocketError(ENOTCONN)
        sk.shutdown |= (RCV_SHUTDOWN, SEND_SHUTDOWN, RCV_SHUTDOWN | SEND_SHUTDOWN)[how]
        if how != SHUT_RD:
            close.tcp_shutdown(sk)

    def close(self) -> None:
        """Close the socket: a FIN, or a reset where data was not read or ``linger`` is 0. The kernel finishes on its own."""
        if self._closed:
            return
        self._closed = True
        self.wake = _nobody
        close.tcp_close(self.sk)

    def abort(self) -> None:
        """Close with a reset, whatever was read and sent (SO_LINGER with 0 seconds)."""
        self.sk.linger = 0
        self.close()

    def set_device(self, link: Link | None) -> None:
        """SO_BINDTODEVICE."""
        self.sk.link = link

    # -- the kernel's side -----------------------------------------------------------------------------------------

    def tell(self) -> None:
        """``sk_data_ready``, ``sk_write_space``, ``sk_state_change``, ``sk_error_report``: the owner is woken, once for all of it."""
        if self._woken:
            return
        self._woken = True
        world = self.netns.machine.world
        world.at(world.now, self._wake)

    def tell_space(self) -> None:
        """``sk_stream_write_space``: a third of the send buffer is free again."""
        if self._no_space:
            self._no_space = False
            self.tell()

    def _wake(self) -> None:
        self._woken = False
        self.wake()

    def _raise_error(self) -> None:
        if self.sk.err:
            errno, self.sk.err = self.sk.err, 0
            raise SocketError(errno)

    @property
    def connected(self) -> bool:
        """The handshake is done, and the connection not over."""
        return self.sk.state in SYNCHRONISED

    def __repr__(self) -> str:
        return f"<TcpSocket {self.local} {self.remote} {self.state}>"
