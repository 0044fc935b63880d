"""SCTP: chunks and verification tags (RFC 9260 section 8.5)."""

import pytest

from podwire.linux.netfilter.conntrack.sctp import SCTP_STATES
from podwire.wire.packet import Packet
from tests.linux.netfilter.conntrack.ctlab import A, B, Node, ip

DATA, INIT, INIT_ACK, HEARTBEAT, HEARTBEAT_ACK, ABORT, SHUTDOWN, SHUTDOWN_ACK = 0, 1, 2, 4, 5, 6, 7, 8
COOKIE_ECHO, COOKIE_ACK, SHUTDOWN_COMPLETE = 10, 11, 14
THERE, BACK = 0xAAAA, 0xBBBB
"""The tags that the client and the server chose."""


def sctp(src: str, vtag: int, *chunks: int, tag: int = 0, flags: int = 0) -> Packet:
    ports = (5000, 6000) if src == A else (6000, 5000)
    body = b"".join(bytes((kind, flags, 0, 20)) + tag.to_bytes(4) + bytes(12) for kind in chunks)
    header = ports[0].to_bytes(2) + ports[1].to_bytes(2) + vtag.to_bytes(4) + bytes(4)
    return ip(src, B if src == A else A, 132, data=header + body)


def associate(node: Node) -> None:
    for packet in (
        sctp(A, 0, INIT, tag=THERE),
        sctp(B, THERE, INIT_ACK, tag=BACK),
        sctp(A, BACK, COOKIE_ECHO),
        sctp(B, THERE, COOKIE_ACK),
    ):
        assert node.passes(packet) in {"NEW", "ESTABLISHED"}


def state(node: Node) -> str:
    return SCTP_STATES[node.only().proto.state]


def test_an_association_from_beginning_to_end() -> None:
    node = Node()
    seen = []
    for packet in (
        sctp(A, 0, INIT, tag=THERE),
        sctp(B, THERE, INIT_ACK, tag=BACK),
        sctp(A, BACK, COOKIE_ECHO),
        sctp(B, THERE, COOKIE_ACK),
        sctp(A, BACK, SHUTDOWN),
        sctp(B, THERE, SHUTDOWN_ACK),
        sctp(A, BACK, SHUTDOWN_COMPLETE),
    ):
        node.passes(packet)
        seen.append((state(node), node.left))
    assert seen == [
        ("CLOSED", 10),
        ("COOKIE_WAIT", 3),
        ("COOKIE_ECHOED", 3),
        ("ESTABLISHED", 210),
        ("SHUTDOWN_SENT", 3),
        ("SHUTDOWN_ACK_SENT", 3),
        ("CLOSED", 10),
    ]


@pytest.mark.parametrize(
    "packet",
    [
        sctp(A, 0x1234, DATA),
        sctp(A, 0x1234, ABORT),
        sctp(A, 0x1234, COOKIE_ECHO),
        sctp(A, 7, INIT, tag=1),
        sctp(A, BACK, DATA, INIT),
        sctp(A, BACK, INIT, DATA),
        sctp(A, BACK),
        sctp(A, 0x1234, HEARTBEAT_ACK),
    ],
)
def test_packets_that_do_not_fit_are_invalid(packet: Packet) -> None:
    node = Node()
    associate(node)
    assert node.passes(packet) == "INVALID"
    assert state(node) == "ESTABLISHED"


def test_data_keeps_the_state() -> None:
    node = Node()
    associate(node)
    assert node.passes(sctp(B, THERE, DATA)) == "ESTABLISHED"
    assert state(node) == "ESTABLISHED"


@pytest.mark.parametrize("kind", [ABORT, SHUTDOWN_COMPLETE, COOKIE_ACK, DATA])
def test_these_begin_nothing(kind: int) -> None:
    assert Node().passes(sctp(A, 0, kind)) == "INVALID"


def test_a_heartbeat_begins_a_further_path() -> None:
    node = Node()
    node.passes(sctp(A, BACK, HEARTBEAT))
    assert (state(node), node.left) == ("HEARTBEAT_SENT", 30)
    node.passes(sctp(B, THERE, HEARTBEAT_ACK))
    assert (state(node), node.left) == ("ESTABLISHED", 210)


def test_an_abort_that_reflects_the_tag_is_believed() -> None:
    node = Node()
    associate(node)
    node.passes(sctp(B, BACK, ABORT, flags=1))
    assert state(node) == "CLOSED"
