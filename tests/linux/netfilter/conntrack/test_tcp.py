"""TCP's states and their times; the segments that the kernel judged are in tests/oracle/segments."""

import pytest

from podwire.linux.netfilter.conntrack.entry import IPS_ASSURED
from podwire.linux.netfilter.conntrack.tcp import TCP_STATES, nf_conntrack_tcp_set_closing
from podwire.wire.headers import TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN, Tcp
from podwire.wire.packet import Packet
from tests.linux.netfilter.conntrack.ctlab import A, B, Node, handshake, ip, tcp

FIN_ACK = TCP_FIN | TCP_ACK


def state(node: Node) -> str:
    return TCP_STATES[node.only().proto.state]


def data(src: str, seq: int, ack: int, length: int = 100) -> Packet:
    ports = (40000, 80) if src == A else (80, 40000)
    return ip(src, B if src == A else A, 6, Tcp(*ports, seq, ack, TCP_ACK | TCP_PSH, 64240), data=bytes(length))


def test_f135_how_long_each_state_may_be_silent() -> None:
    node = Node()
    seen = []
    for packet in (
        tcp(A, 40000, B, 80, TCP_SYN, 1000),
        tcp(B, 80, A, 40000, TCP_SYN | TCP_ACK, 5000, 1001),
        tcp(A, 40000, B, 80, TCP_ACK, 1001, 5001),
        data(A, 1001, 5001),
        tcp(B, 80, A, 40000, TCP_ACK, 5001, 1101),
        tcp(A, 40000, B, 80, FIN_ACK, 1101, 5001),
        tcp(B, 80, A, 40000, TCP_ACK, 5001, 1102),
        tcp(B, 80, A, 40000, FIN_ACK, 5001, 1102),
        tcp(A, 40000, B, 80, TCP_ACK, 1102, 5002),
    ):
        node.passes(packet)
        seen.append((state(node), node.left))
    assert seen == [
        ("SYN_SENT", 120),
        ("SYN_RECV", 60),
        ("ESTABLISHED", 432000),
        ("ESTABLISHED", 300),
        ("ESTABLISHED", 432000),
        ("FIN_WAIT", 120),
        ("CLOSE_WAIT", 60),
        ("LAST_ACK", 30),
        ("TIME_WAIT", 120),
    ]
    assert node.only().status & IPS_ASSURED


def test_a_syn_that_is_sent_again_keeps_nothing_alive() -> None:
    node = Node()
    node.passes(tcp(A, 40000, B, 80, TCP_SYN, 1000))
    node.lab.run(50)
    node.passes(tcp(A, 40000, B, 80, TCP_SYN, 1000))
    assert node.left == 70


def test_a_reset_that_answers_a_syn_ends_the_connection() -> None:
    node = Node()
    node.passes(tcp(A, 40000, B, 80, TCP_SYN, 1000))
    assert node.passes(tcp(B, 80, A, 40000, TCP_RST | TCP_ACK, 0, 1001)) == "ESTABLISHED"
    assert node.netns.conntrack.count == 0


def test_a_connection_met_in_its_middle_lives_for_five_minutes_until_it_is_answered() -> None:
    node = Node()
    node.passes(data(A, 1001, 5001))
    assert (state(node), node.left) == ("ESTABLISHED", 300)
    node.passes(tcp(B, 80, A, 40000, TCP_ACK, 5001, 1101))
    assert (state(node), node.left) == ("ESTABLISHED", 300)
    node.passes(tcp(A, 40000, B, 80, TCP_ACK, 1101, 5001))
    assert (state(node), node.left) == ("ESTABLISHED", 432000)


def test_retransmissions_without_an_answer_shorten_its_life() -> None:
    node = Node()
    handshake(node)
    left = []
    for _ in range(4):
        node.passes(tcp(A, 40000, B, 80, TCP_ACK, 1001, 5001))
        left.append(node.left)
    assert left == [432000, 432000, 300, 300]


@pytest.mark.parametrize(("established", "left"), [(119, 119), (120, 10)])
def test_resets_from_both_ends_outside_the_windows_shorten_a_long_life(established: int, left: int) -> None:
    node = Node()
    handshake(node)
    node.set("tcp_timeout_established", established)
    node.set("tcp_timeout_unacknowledged", 10)
    node.passes(tcp(A, 40000, B, 80, TCP_ACK, 1001, 5001))
    for packet in (
        tcp(A, 40000, B, 80, FIN_ACK, 1001 + (1 << 30), 5001),
        tcp(B, 80, A, 40000, FIN_ACK, 5001 + (1 << 30), 1001),
    ):
        assert node.passes(packet) == "INVALID"
    assert node.left == left


@pytest.mark.parametrize(("behind", "counts"), [(66000, True), (66001, False)])
def test_how_old_an_acknowledgement_may_be(behind: int, counts: bool) -> None:
    node = Node()
    handshake(node)
    for number in range(100):
        node.passes(data(A, 1001 + number * 1000, 5001, 1000))
        node.passes(tcp(B, 80, A, 40000, TCP_ACK, 5001, 2001 + number * 1000))
    assert node.passes(tcp(B, 80, A, 40000, TCP_ACK, 5001, 101001 - behind)) == "ESTABLISHED"
    assert (node.only().proto.last_ack == 101001 - behind) is counts


def test_a_closed_connection_is_opened_again_by_a_syn() -> None:
    node = Node()
    handshake(node)
    for packet in (
        tcp(A, 40000, B, 80, FIN_ACK, 1001, 5001),
        tcp(B, 80, A, 40000, FIN_ACK, 5001, 1002),
        tcp(A, 40000, B, 80, TCP_ACK, 1002, 5002),
    ):
        node.passes(packet)
    old = node.only()
    assert node.passes(tcp(A, 40000, B, 80, TCP_SYN, 900000)) == "NEW"
    assert node.only() is not old
    assert state(node) == "SYN_SENT"


def test_liberal_lets_what_lies_outside_pass() -> None:
    node = Node()
    node.set("tcp_be_liberal", 1)
    handshake(node)
    assert node.passes(tcp(A, 40000, B, 80, TCP_ACK | TCP_PSH, 1001 + (1 << 24), 5001)) == "ESTABLISHED"


def test_after_reject_has_sent_a_reset_it_is_closed() -> None:
    node = Node()
    handshake(node)
    nf_conntrack_tcp_set_closing(node.only(), node.netns)
    assert (state(node), node.left) == ("CLOSE", 10)


@pytest.mark.parametrize("scale", [0, 7])
def test_windows_are_scaled_where_both_ends_said_so(scale: int) -> None:
    node = Node()
    options = bytes((1, 3, 3, scale))
    node.passes(ip(A, B, 6, Tcp(40000, 80, 1000, 0, TCP_SYN, 1000, options=options)))
    node.passes(ip(B, A, 6, Tcp(80, 40000, 5000, 1001, TCP_SYN | TCP_ACK, 1000, options=options)))
    node.passes(ip(A, B, 6, Tcp(40000, 80, 1001, 5001, TCP_ACK, 1000)))
    node.passes(ip(B, A, 6, Tcp(80, 40000, 5001, 1001, TCP_ACK, 1000)))
    beyond = ip(A, B, 6, Tcp(40000, 80, 1001 + 40000, 5001, TCP_ACK, 1000))
    assert node.passes(beyond) == ("INVALID" if not scale else "ESTABLISHED")
