from errno import EADDRINUSE, EADDRNOTAVAIL, EAGAIN, EALREADY, EINVAL, EISCONN, ENOTCONN, EPIPE

import pytest

from podwire.linux.socket import SocketError
from podwire.linux.tcp import TcpSocket, TcpState
from podwire.wire.addr import ANY4, Ip4
from tests.linux.tcp.simulated import known_pair

A, B = Ip4.parse("10.0.0.1"), Ip4.parse("10.0.0.2")


@pytest.fixture
def lab():
    return known_pair()


def bound(lab, where, port, addr=ANY4, *, reuse=False, listening=False):
    socket = TcpSocket(lab[where])
    socket.sk.reuse = reuse
    socket.bind(addr, port)
    if listening:
        socket.listen(5)
    return socket


def refused(call, *arguments):
    with pytest.raises(SocketError) as failure:
        call(*arguments)
    return failure.value.errno


def test_a_port_is_taken_once(lab):
    bound(lab, "b", 80)
    assert refused(bound, lab, "b", 80) == EADDRINUSE
    assert refused(bound, lab, "b", 80, B) == EADDRINUSE
    bound(lab, "a", 80)


def test_two_addresses_may_have_the_same_port(lab):
    bound(lab, "b", 80, B)
    bound(lab, "b", 80, Ip4.parse("127.0.0.1"))
    assert refused(bound, lab, "b", 80) == EADDRINUSE


def test_so_reuseaddr_of_both_lets_a_port_be_bound_twice_but_not_beside_a_listener(lab):
    first = bound(lab, "b", 80, reuse=True)
    second = bound(lab, "b", 80, reuse=True)
    assert refused(bound, lab, "b", 80) == EADDRINUSE
    first.listen(5)
    assert refused(second.listen, 5) == EADDRINUSE
    assert second.state is TcpState.CLOSE


def test_a_closed_socket_gives_its_port_back(lab):
    bound(lab, "b", 80, listening=True).close()
    bound(lab, "b", 80, listening=True)


def test_an_address_of_somebody_else_cannot_be_bound(lab):
    assert refused(bound, lab, "b", 80, A) == EADDRNOTAVAIL


def test_a_socket_is_bound_once(lab):
    socket = bound(lab, "b", 80)
    assert refused(socket.bind, ANY4, 81) == EINVAL


def test_ports_for_connect_are_even_first_and_those_for_bind_odd(lab):
    """``__inet_hash_connect`` and ``inet_csk_find_open_port`` stay out of each other's way."""
    bound(lab, "b", 80, listening=True)
    for _ in range(20):
        client = TcpSocket(lab["a"])
        client.connect(B, 80)
        assert client.local[1] % 2 == 0
        assert 32768 <= client.local[1] <= 60999
        assert bound(lab, "a", 0).local[1] % 2 == 1


def test_every_connection_has_its_own_port_until_there_is_none(lab):
    lab.door("a").sysctl_write("net/ipv4/ip_local_port_range", "50000 50003")
    bound(lab, "b", 80, listening=True)
    ports = set()
    for _ in range(4):
        client = TcpSocket(lab["a"])
        client.connect(B, 80)
        ports.add(client.local[1])
    assert ports == {50000, 50001, 50002, 50003}
    fifth = TcpSocket(lab["a"])
    assert refused(fifth.connect, B, 80) == EADDRNOTAVAIL
    fifth.connect(B, 81)
    assert fifth.local[1] in ports


def test_time_wait_holds_a_port_for_60_s_unless_the_next_owner_may_reuse_it(lab):
    listener = bound(lab, "b", 80, listening=True)
    client = TcpSocket(lab["a"])
    client.connect(B, 80)
    lab.run(0.1)
    server = listener.accept()
    server.close()
    lab.run(0.1)
    client.close()
    listener.close()
    lab.run(0.1)
    assert refused(bound, lab, "b", 80) == EADDRINUSE
    lab.run(58)
    assert lab["b"].sockets.tcp.timewait
    lab.run(6)
    assert not lab["b"].sockets.tcp.timewait
    bound(lab, "b", 80)


def test_calls_in_the_wrong_state_are_refused(lab):
    fresh = TcpSocket(lab["a"])
    assert refused(fresh.send, b"x") == EPIPE
    assert refused(fresh.recv) == ENOTCONN
    assert refused(fresh.shutdown) == ENOTCONN
    assert refused(fresh.accept) == EINVAL
    listener = bound(lab, "b", 80, listening=True)
    assert refused(listener.recv) == ENOTCONN
    fresh.connect(B, 80)
    lab.run(0.1)
    assert refused(fresh.connect, B, 80) == EISCONN
    waiting = TcpSocket(lab["a"])
    waiting.connect(Ip4.parse("10.0.0.9"), 80)
    assert refused(waiting.connect, B, 80) == EALREADY
    assert waiting.send(b"x") == 0
    assert EAGAIN not in {fresh.error, waiting.error}


def test_the_more_special_listener_gets_the_connection(lab):
    everywhere = bound(lab, "b", 80, reuse=True, listening=True)
    here = TcpSocket(lab["b"])
    here.sk.reuse = True
    lab["b"].sockets.tcp.put_port(everywhere.sk)
    here.bind(B, 80)
    here.listen(5)
    client = TcpSocket(lab["a"])
    client.connect(B, 80)
    lab.run(0.1)
    assert here.accept() is not None
    assert everywhere.accept() is None


def test_a_socket_bound_to_a_device_hears_only_that(lab):
    listener = TcpSocket(lab["b"])
    listener.set_device(lab["b"].loopback)
    listener.bind(ANY4, 80)
    listener.listen(5)
    client = TcpSocket(lab["a"])
    client.connect(B, 80)
    lab.run(0.1)
    assert client.error
    own = TcpSocket(lab["b"])
    own.connect(Ip4.parse("127.0.0.1"), 80)
    assert own.state is TcpState.ESTABLISHED
