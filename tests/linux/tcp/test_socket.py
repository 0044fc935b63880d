import subprocess
import sys
from errno import EACCES, EINVAL

import pytest

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.tcp import TcpSocket, TcpState
from podwire.linux.tcp.table import tcp_table
from podwire.trace.events import Delivered, Dropped, Transmitted
from podwire.wire.addr import ANY4, Ip4
from podwire.wire.headers import Tcp, Udp
from tests.linux.facts.test_f080_f099_vxlan import overlay
from tests.linux.tcp.simulated import accepted, known_pair

B = Ip4.parse("10.0.0.2")


def established(lab, where="b", port=80):
    listener = TcpSocket(lab[where])
    listener.bind(ANY4, port)
    listener.listen(5)
    client = TcpSocket(lab["a"])
    client.connect(B, port)
    lab.run(0.1)
    return client, accepted(listener), listener


def test_the_owner_is_woken_once_and_never_inside_a_call():
    lab = known_pair()
    client, server, _ = established(lab)
    seen = []
    inside = [False]

    def wake():
        assert not inside[0]
        seen.append(server.available)

    server.wake = wake
    inside[0] = True
    for _ in range(3):
        client.send(b"x" * 100)
    inside[0] = False
    assert not seen
    lab.run(0.01)
    assert seen == [300]


def test_a_writer_is_woken_when_there_is_room_again():
    lab = known_pair()
    client, server, _ = established(lab)
    woken = []
    client.wake = lambda: woken.append(client.writable)
    data = bytes(1_000_000)
    taken = client.send(data)
    assert taken < len(data)
    lab.run(0.5)
    taken += client.send(data[taken:])
    assert client.send(data[taken:]) == 0
    assert not client.writable
    woken.clear()
    received = 0
    while received < taken:
        received += len(server.recv())
        lab.run(0.3)
    assert woken
    assert woken[-1]


def test_a_listener_is_woken_and_a_connection_that_nobody_accepted_takes_data():
    lab = known_pair()
    listener = TcpSocket(lab["b"])
    listener.bind(ANY4, 80)
    listener.listen(5)
    woken = []
    listener.wake = lambda: woken.append(listener.readable)
    client = TcpSocket(lab["a"])
    client.connect(B, 80)
    client.send(b"early")
    lab.run(0.1)
    assert woken == [True]
    server = accepted(listener)
    assert server.recv() == b"early"
    assert not listener.readable


def test_every_segment_ends_in_one_terminal_event():
    lab = known_pair()
    lab.restart()
    client, server, listener = established(lab)
    client.send(bytes(30000))
    lab.run(0.5)
    server.recv()
    client.close()
    lab.run(0.1)
    server.close()
    listener.close()
    lab.run(70)
    ends: dict[int, list[object]] = {}
    for record in lab.records:
        if isinstance(record.event, Delivered | Dropped):
            ends.setdefault(record.packet, []).append(record.event)
    sent = {record.packet for record in lab.records if isinstance(record.event, Transmitted)}
    assert sent
    assert all(len(ends.get(packet, ())) == 1 for packet in sent)


def test_a_reset_that_ends_a_connection_was_delivered():
    lab = known_pair()
    client, server, _ = established(lab)
    lab.restart()
    client.abort()
    last = [record.event for record in lab.records if isinstance(record.event, Delivered | Dropped)][-1]
    assert last == Delivered("socket", "tcp port 80")
    assert server.state is TcpState.CLOSE


def test_a_challenge_ack_answers_a_reset_that_is_only_near(monkeypatch):
    """RFC 5961: a reset must have the very number that is expected next."""
    lab = known_pair()
    client, server, _ = established(lab)
    lab.restart()
    monkeypatch.setattr(client.sk, "snd_nxt", client.sk.snd_nxt + 100)
    client.abort()
    lab.run(0.1)
    assert server.state is TcpState.ESTABLISHED
    answers = [
        record.event.frame.find(Tcp)
        for record in lab.records
        if isinstance(record.event, Transmitted) and record.netns == "b"
    ]
    assert [answer.flags for answer in answers if answer is not None] == [0x10]


def test_an_orphan_in_fin_wait_2_is_a_whole_socket_only_as_long_as_it_must():
    """``tcp_close``: what is over TCP_TIMEWAIT_LEN of tcp_fin_timeout; the rest of the time it is a time-wait socket."""
    lab = known_pair()
    lab.sysctl("a", "tcp_fin_timeout", 70)
    client, _, _ = established(lab)
    client.close()
    lab.run(9)
    table = tcp_table(lab["a"])
    assert [sk.state for sk in table.established.values()] == [TcpState.FIN_WAIT2]
    lab.run(3)
    assert not table.established
    assert [left.substate for left in table.timewait.values()] == [TcpState.FIN_WAIT2]
    lab.run(65)
    assert not table.timewait


def test_with_its_namespace_the_timers_of_a_connection_go():
    lab = known_pair()
    client, _, _ = established(lab)
    lab.down("b:v1")
    client.send(b"x")
    lab["a"].machine.remove_netns(lab["a"])
    lab.restart()
    lab.run(5)
    assert not client.sk.timer_what
    assert not [record for record in lab.records if record.netns == "a"]


def test_vxlan_ports_are_drawn_per_socket_and_direction():
    """F89: constant within a connection; the next one, of the same 4-tuple, has another."""
    lab = overlay()
    listener = TcpSocket(lab["pod2"])
    listener.sk.reuse = True
    listener.bind(ANY4, 80)
    listener.listen(5)
    lab.run(1)
    seen = []
    for _ in range(2):
        lab.restart()
        client = TcpSocket(lab["pod1"])
        client.sk.reuse = True
        client.bind(ANY4, 45000)
        client.connect(Ip4.parse("192.168.2.12"), 80)
        lab.run(0.5)
        server = accepted(listener)
        client.send(b"x" * 100)
        lab.run(0.5)
        server.recv()
        client.abort()
        lab.run(0.1)
        ports: dict[str, set[int]] = {"node1": set(), "node2": set()}
        for record in lab.records:
            if isinstance(record.event, Transmitted) and record.event.dev == "eth0" and record.netns in ports:
                outer = record.event.frame.find(Udp)
                if outer is not None and record.event.frame.find(Tcp) is not None:
                    ports[record.netns].add(outer.sport)
        assert all(len(found) == 1 for found in ports.values())
        seen.append((*ports["node1"], *ports["node2"]))
    assert len({port for pair in seen for port in pair}) == 4


def test_nothing_of_tcp_is_loaded_before_the_first_socket():
    code = "import sys, podwire.linux.machine, podwire.linux.path.input; sys.exit(any('linux.tcp' in name for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("key", "value", "errno"),
    [
        ("tcp_syn_retries", "0", EINVAL),
        ("tcp_syn_retries", "128", EINVAL),
        ("tcp_tw_reuse", "3", EINVAL),
        ("tcp_min_snd_mss", "47", EINVAL),
        ("tcp_rmem", "0 1 2", EINVAL),
    ],
)
def test_what_a_tcp_switch_may_hold(key, value, errno):
    """As read from Linux 6.18."""
    lab = known_pair()
    before = lab.door("a").sysctl_read(f"net/ipv4/{key}")
    with pytest.raises(NetlinkError) as failure:
        lab.door("a").sysctl_write(f"net/ipv4/{key}", value)
    assert failure.value.errno == errno
    assert lab.door("a").sysctl_read(f"net/ipv4/{key}") == before


def test_net_core_limits_can_be_read_and_somaxconn_written():
    lab = known_pair()
    door = lab.door("a")
    door.sysctl_write("net/core/somaxconn", "3")
    listener = TcpSocket(lab["a"])
    listener.bind(ANY4, 80)
    listener.listen(100)
    assert listener.sk.backlog_max == 3
    with pytest.raises(NetlinkError) as failure:
        door.sysctl_write("net/core/rmem_max", "5")
    assert failure.value.errno == EACCES


@pytest.mark.parametrize(
    ("key", "value"), [("tcp_mtu_probing", "1"), ("tcp_ecn", "1"), ("tcp_congestion_control", "bbr"), ("tcp_frto", "0")]
)
def test_a_tcp_switch_that_decides_nothing_is_refused(key, value):
    lab = known_pair()
    with pytest.raises(NotModelled, match=key):
        lab.door("a").sysctl_write(f"net/ipv4/{key}", value)
