"""The send buffer of a socket (``__ip_append_data``, ``sock_alloc_send_skb``)."""

from errno import ECONNREFUSED, ENOBUFS

import pytest

from podwire.linux.socket import RawSocket, SocketError, UdpSocket
from podwire.wire.addr import Ip4
from podwire.wire.headers import ICMP_ECHO, IPPROTO_ICMP, Icmp
from tests.linux.lab import pair

PEER = Ip4.parse("10.0.0.2")


def test_a_raw_socket_whose_buffer_is_full_sends_nothing_however_short() -> None:
    socket = RawSocket(pair()["a"], IPPROTO_ICMP, lambda: None)
    socket.wmem = 2 * socket.sndbuf
    with pytest.raises(SocketError) as caught:
        socket.send(PEER, Icmp(ICMP_ECHO), b"")
    assert caught.value.errno == ENOBUFS
    socket.wmem -= 1
    socket.send(PEER, Icmp(ICMP_ECHO), b"")


def test_an_error_that_came_is_what_the_next_datagram_fails_with_once() -> None:
    socket = UdpSocket(pair()["a"], 4000, lambda: None)
    socket.pending_error = ECONNREFUSED
    with pytest.raises(SocketError) as caught:
        socket.send_to(PEER, 5000, b"x")
    assert caught.value.errno == ECONNREFUSED
    socket.send_to(PEER, 5000, b"x")
