"""What ICMP errors, silence and resets mean to a TCP socket (kernel sheet sections 1.5 and 5.2)."""

from errno import ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ENOPROTOOPT, EPROTO, ETIMEDOUT

import pytest

from podwire.linux.socket import SocketError
from podwire.linux.tcp import TcpSocket, TcpState
from podwire.trace.events import Dropped, NeighbourChanged, Transmitted
from podwire.trace.reasons import DropReason
from podwire.wire.addr import ANY4, Ip4, Mac
from podwire.wire.headers import IPPROTO_ICMP, Ethernet, Icmp, IPv4, Tcp
from podwire.wire.packet import Packet, Quoted
from tests.linux.tcp.simulated import Losses, accepted, chain, known_pair

A, B = Ip4.parse("10.0.0.1"), Ip4.parse("10.0.0.2")


def sent(lab, where="a:v0"):
    netns, _, dev = where.partition(":")
    return [
        record
        for record in lab.records
        if isinstance(record.event, Transmitted) and record.netns == netns and record.event.dev == dev
    ]


def segments(lab, where="a:v0"):
    return [record for record in sent(lab, where) if record.event.frame.find(Tcp) is not None]


def icmp_about(lab, frame, type_, code, *, mtu=0):
    """An error about a segment that ``a`` has sent comes in at ``a``."""
    about = frame.pull()
    rest = mtu if code == 4 else 0
    error = IPv4(B, A, IPPROTO_ICMP, 64)
    eth = Ethernet(Mac.parse("02:00:00:00:00:0a"), Mac.parse("02:00:00:00:00:0b"))
    lab.inject("b:v1", Packet((eth, error, Icmp(type_, code, rest)), Quoted(about, min(about.size, 548))))


@pytest.fixture
def lab():
    return known_pair()


@pytest.fixture
def losses(monkeypatch):
    return Losses(monkeypatch)


@pytest.mark.parametrize(
    ("type_", "code", "errno"),
    [
        (3, 0, ENETUNREACH),
        (3, 1, EHOSTUNREACH),
        (3, 2, ENOPROTOOPT),
        (3, 9, ENETUNREACH),
        (3, 10, EHOSTUNREACH),
        (3, 13, EHOSTUNREACH),
        (11, 0, EHOSTUNREACH),
        (12, 0, EPROTO),
    ],
)
def test_an_error_about_the_syn_ends_the_handshake_at_once(lab, losses, type_, code, errno):
    """The table of section 5.2: what connect() gives for each kind of REJECT."""
    losses.lose("b")
    client = TcpSocket(lab["a"])
    client.connect(B, 80)
    icmp_about(lab, segments(lab)[0].event.frame, type_, code)
    lab.run(0.1)
    assert client.state is TcpState.CLOSE
    assert client.take_error() == errno
    assert not client.take_error()


def test_an_error_that_comes_while_connect_runs_wakes_who_polls_and_fails_no_handshake(lab, losses):
    """It is in the error queue: poll says POLLERR, and SO_ERROR the errno; who waits in ``connect`` hears of the next one."""
    losses.lose("b")
    client = TcpSocket(lab["a"])
    client.connect(B, 80)
    woken = []
    client.wake = lambda: woken.append(client.pollerr)
    client.sk.owned = True
    icmp_about(lab, segments(lab)[0].event.frame, 3, 3)
    client.sk.owned = False
    lab.run(0.1)
    assert woken == [True]
    assert client.connecting
    assert not client.error
    assert client.take_error() == ECONNREFUSED
    assert client.connecting


def established(lab):
    listener = TcpSocket(lab["b"])
    listener.bind(ANY4, 80)
    listener.listen(5)
    client = TcpSocket(lab["a"])
    client.connect(B, 80)
    lab.run(0.1)
    return client, accepted(listener)


def test_a_connection_only_remembers_an_error_and_tells_it_when_it_is_given_up(lab, losses):
    """RFC 1122 section 4.2.3.9: they are soft."""
    lab.sysctl("a", "tcp_retries2", 3)
    client, _ = established(lab)
    losses.lose("b")
    lab.restart()
    client.send(b"x")
    icmp_about(lab, segments(lab)[0].event.frame, 3, 1)
    assert client.state is TcpState.ESTABLISHED
    assert client.error == 0
    lab.run(10)
    assert not client.connected
    assert client.take_error() == EHOSTUNREACH


def test_so_error_tells_of_a_soft_error_once(lab):
    client, _ = established(lab)
    icmp_about(lab, segments(lab)[-1].event.frame, 3, 1)
    assert client.take_error() == EHOSTUNREACH
    assert client.take_error() == 0


def test_an_error_about_something_that_was_never_sent_is_ignored(lab):
    client, _ = established(lab)
    about = Packet((Ethernet(Mac(0), Mac(0)), IPv4(A, B, 6, 64), Tcp(client.local[1], 80, client.sk.snd_una - 5000)))
    icmp_about(lab, about, 3, 1)
    assert not client.sk.err_soft


def test_connect_fails_after_all_retries(lab, losses):
    """As measured on Linux 6.18 with tcp_syn_retries=6 and tcp_syn_linear_timeouts=4; ETIMEDOUT after 133.5 s."""
    losses.lose("b")
    client = TcpSocket(lab["a"])
    client.connect(B, 80)
    lab.run(133)
    assert client.state is TcpState.SYN_SENT
    # Where within its bucket of the timer wheel a timer falls is chance (F15).
    measured = [0, 1.03, 2.05, 3.07, 4.10, 5.12, 7.14, 11.17, 19.36, 35.49, 68.00]
    assert [lab.since(record.time) for record in segments(lab)] == pytest.approx(measured, abs=0.05, rel=0.01)
    lab.run(5)
    assert client.take_error() == ETIMEDOUT
    assert not client.connecting


def test_data_is_given_up_after_15_retries(lab, losses):
    """tcp_retries2=15: 924.6 s, as ip-sysctl says, from the first retransmission, to the next one due."""
    client, _ = established(lab)
    losses.lose("b")
    lab.restart()
    client.send(b"x")
    lab.run(924)
    assert client.state is TcpState.ESTABLISHED
    lab.run(130)
    assert client.take_error() == ETIMEDOUT


def test_silence_of_the_next_hop_is_host_unreachable_after_three_seconds(lab):
    """F24: and the SYN is not sent again while it waits for the neighbour."""
    client = TcpSocket(lab["a"])
    client.connect(Ip4.parse("10.0.0.9"), 80)
    lab.run(3)
    assert client.state is TcpState.SYN_SENT
    lab.run(0.2)
    assert client.take_error() == EHOSTUNREACH
    assert not segments(lab)


def test_a_smaller_mtu_on_the_way_makes_smaller_segments():
    """RFC 1191: the segments that were too long go again, cut; and the next connection begins with what was learned."""
    lab = chain(1300)
    listener = TcpSocket(lab["b"])
    listener.bind(ANY4, 80)
    listener.listen(5)
    client = TcpSocket(lab["a"])
    client.connect(Ip4.parse("10.0.2.2"), 80)
    lab.run(0.5)
    server = accepted(listener)
    lab.restart()
    data = bytes(range(256)) * 40
    client.send(data)
    # At once: no timer has to run out.
    lab.run(0.005)
    assert server.recv() == data
    assert any(
        isinstance(record.event, Dropped) and record.event.reason is DropReason.PKT_TOO_BIG for record in lab.records
    )
    client.send(data)
    lab.run(0.2)
    assert server.recv() == data
    assert max(record.event.frame.size - 14 for record in segments(lab)[-3:]) <= 1300
    again = TcpSocket(lab["a"])
    again.connect(Ip4.parse("10.0.2.2"), 80)
    assert again.sk.advmss == 1300 - 40 - 12


def test_progress_confirms_the_next_hop_so_that_no_probe_is_sent():
    """F21: a DELAY entry becomes REACHABLE by itself while the connection makes progress."""
    lab = known_pair()
    lab.del_neigh("a:v0", "10.0.0.2")
    lab.del_neigh("b:v1", "10.0.0.1")
    client, server = established(lab)
    lab.restart()
    for _ in range(90):
        client.send(b"question")
        lab.run(0.3)
        server.recv()
        server.send(b"answer")
        lab.run(0.3)
        client.recv()
    arps = [
        record
        for record in lab.records
        if isinstance(record.event, Transmitted) and record.event.frame.find(Tcp) is None
    ]
    assert not arps
    causes = {record.event.cause for record in lab.records if isinstance(record.event, NeighbourChanged)}
    assert "unconfirmed" not in causes


def test_a_write_after_the_error_is_a_broken_pipe(lab):
    client, server = established(lab)
    server.abort()
    lab.run(0.1)
    with pytest.raises(SocketError):
        client.recv()
    assert client.recv() == b""
    assert client.eof
    with pytest.raises(SocketError, match="errno 32"):
        client.send(b"x")
