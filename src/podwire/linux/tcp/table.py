"""All TCP sockets of a namespace: who gets a segment, and which ports are free (net/ipv4/inet_hashtables.c, inet_connection_sock.c)."""

from __future__ import annotations

from errno import EADDRINUSE, EADDRNOTAVAIL
from typing import TYPE_CHECKING

from podwire.linux.socket import SocketError
from podwire.linux.tcp.sock import TcpSock
from podwire.linux.tcp.states import TcpState
from podwire.wire.addr import Ip

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.tcp.listen import RequestSock
    from podwire.linux.tcp.timewait import TimeWaitSock

Tuple = tuple[Ip, int, Ip, int]
"""Local address and port, remote address and port."""


class TcpTable:
    """``struct inet_hashinfo`` of a namespace.

    ``established`` holds connections from SYN_SENT on, ``requests`` handshakes that a listener answers, ``timewait`` what is left of
    connections; all by (local address, port, remote address, port). ``listeners`` is in the order of ``listen``.
    """

    def __init__(self, netns: Netns) -> None:
        self.netns = netns
        self.listeners: list[TcpSock] = []
        self.established: dict[Tuple, TcpSock] = {}
        self.requests: dict[Tuple, RequestSock] = {}
        self.timewait: dict[Tuple, TimeWaitSock] = {}
        self.bound: dict[int, list[TcpSock]] = {}
        """``tcp_bhash``: the sockets that have a port, by port."""
        self._ports = netns.machine.random("tcp-port", netns.label)
        self.random = netns.machine.random("tcp", netns.label)
        """Initial sequence numbers, IP identifications, offsets of time stamps."""

    # -- lookup ----------------------------------------------------------------------------------------------------

    def lookup_listener(self, addr: Ip, port: int, link: Link | None) -> TcpSock | None:
        """``inet_lookup_listener``: bound to the address before bound to any, bound to the device before not; the oldest of equals."""
        best: TcpSock | None = None
        best_score = -1
        for sk in self.listeners:
            if (
                sk.sport != port
                or (sk.rcv_saddr and sk.rcv_saddr != addr)
                or (sk.link is not None and sk.link is not link)
            ):
                continue
            score = 2 * bool(sk.rcv_saddr) + (sk.link is not None)
            if score > best_score:
                best, best_score = sk, score
        return best

    def find(self, local: Ip, port: int, remote: Ip, remote_port: int) -> TcpSock | None:
        """``inet_lookup_established`` among full sockets; handshakes and what is left of connections are in their own tables."""
        return self.established.get((local, port, remote, remote_port))

    # -- ports -----------------------------------------------------------------------------------------------------

    def bind(self, sk: TcpSock, addr: Ip, port: int) -> None:
        """``inet_csk_get_port``: raises ``SocketError`` EADDRINUSE, and changes nothing then."""
        if port:
            if self._conflicts(sk, addr, port):
                raise SocketError(EADDRINUSE)
            sk.bound_port = True
        else:
            port = self._any_port(sk, addr)
        sk.rcv_saddr = sk.saddr = addr
        sk.bound_addr = bool(addr)
        sk.sport = port
        self.bound.setdefault(port, []).append(sk)

    def _conflicts(self, sk: TcpSock, addr: Ip, port: int) -> bool:
        """``inet_csk_bind_conflict``: another socket has the port on the same address, and not both (none of them listening) allow it."""
        for other in self.bound.get(port, ()):
            if other is sk or (other.link is not None and sk.link is not None and other.link is not sk.link):
                continue
            if addr and other.rcv_saddr and other.rcv_saddr != addr:
                continue
            if not (sk.reuse and other.reuse and other.state is not TcpState.LISTEN):
                return True
        # tw_refcount: what is left of a connection holds the port too, unless the socket may reuse it.
        return any(
            local[1] == port and not (sk.reuse and left.reuse) and (not addr or local[0] == addr)
            for local, left in self.timewait.items()
        )

    def check_listen(self, sk: TcpSock) -> None:
        """``inet_csk_listen_start``: somebody else may have begun to listen since ``bind``. Raises ``SocketError`` EADDRINUSE."""
        if self._conflicts(sk, sk.rcv_saddr, sk.sport):
            raise SocketError(EADDRINUSE)

    def _range(self) -> tuple[int, int]:
        low, high = self.netns.settings["ip_local_port_range"]  # type: ignore[misc]
        return low, high

    def _any_port(self, sk: TcpSock, addr: Ip) -> int:
        """``inet_csk_find_open_port``: even offsets first (the others are for ``connect``)."""
        low, high = self._range()
        count = high - low + 1
        start = self._ports.randrange(count)
        # bind takes those whose offset is odd from the low end, and then the others.
        for parity in (1, 0):
            for step in range(0, count, 2):
                offset = ((start | 1) - (1 - parity) + step) % count if count > 1 else 0
                port = low + offset
                if not self._conflicts(sk, addr, port):
                    return port
        raise SocketError(EADDRINUSE)

    def pick_port(self, sk: TcpSock, saddr: Ip, daddr: Ip, dport: int) -> int:
        """``__inet_hash_connect``: a port of ip_local_port_range whose 4-tuple is free. Raises ``SocketError`` EADDRNOTAVAIL."""
        low, high = self._range()
        count = high - low + 1
        offset = self._ports.randrange(count) & ~1
        for parity in (0, 1):
            for step in range(0, count, 2):
                port = low + (offset + parity + step) % count
                if any(other.bound_port for other in self.bound.get(port, ())):
                    # A bucket that bind() made is not shared with connect().
                    continue
                if self.is_free(saddr, port, daddr, dport):
                    return port
        raise SocketError(EADDRNOTAVAIL)

    def is_free(self, saddr: Ip, sport: int, daddr: Ip, dport: int, *, chosen: bool = False) -> bool:
        """``__inet_check_established``: no connection, and none that is left over, has the 4-tuple."""
        key = (saddr, sport, daddr, dport)
        left = self.timewait.get(key)
        if left is not None:
            return left.may_be_reused(chosen=chosen)
        return key not in self.established

    # -- keeping ---------------------------------------------------------------------------------------------------

    def hash(self, sk: TcpSock) -> None:
        """``inet_hash``: the connection can be found."""
        self.established[(sk.rcv_saddr, sk.sport, sk.daddr, sk.dport)] = sk

    def unhash(self, sk: TcpSock) -> None:
        """``inet_unhash``."""
        if sk in self.listeners:
            self.listeners.remove(sk)
            return
        key = (sk.rcv_saddr, sk.sport, sk.daddr, sk.dport)
        if self.established.get(key) is sk:
            del self.established[key]

    def put_port(self, sk: TcpSock) -> None:
        """``inet_put_port``: the port is free again, as far as this socket goes."""
        users = self.bound.get(sk.sport, [])
        if sk in users:
            users.remove(sk)
            if not users:
                del self.bound[sk.sport]

    def purge(self) -> None:
        """The namespace is gone, and all its processes with it: no timer of a socket runs any more."""
        from podwire.linux.tcp.listen import drop_request
        from podwire.linux.tcp.timers import clear_xmit_timers

        for request in list(self.requests.values()):
            drop_request(request)
        for left in list(self.timewait.values()):
            left.kill()
        for sk in self.established.values():
            clear_xmit_timers(sk)
        self.established.clear()
        self.listeners.clear()


def tcp_table(netns: Netns) -> TcpTable:
    """The table of a namespace, made when the first socket needs it."""
    table = netns.sockets.tcp
    if table is None:
        table = netns.sockets.tcp = TcpTable(netns)
    return table
