"""Cutting and joining. What joins, what is a duplicate and what an overlap: measured with scapy on Linux 6.18."""

import itertools

import pytest

from podwire.linux.fib import NextHop, Route
from podwire.linux.socket import RawSocket
from podwire.trace.events import Created, Delivered, Dropped, Reassembled, Transmitted
from podwire.trace.invariants import check_invariants
from podwire.wire.addr import Ip4, Net
from podwire.wire.codec import from_bytes, to_bytes
from podwire.wire.headers import ICMP_ECHOREPLY, Ethernet, Icmp, IPv4, Udp
from podwire.wire.packet import Packet
from tests.linux.lab import Lab, pair

DATA = bytes(range(256)) * 4  # 1024 bytes behind the ICMP header


def whole(ident: int = 7, seq: int = 1) -> Packet:
    return Packet((IPv4(Ip4.parse("10.0.0.1"), Ip4.parse("10.0.0.2"), 1, id=ident), Icmp(8, 0, 5 << 16 | seq)), DATA)


def piece(begin: int, end: int, *, more: bool | None = None, df: bool = False, ident: int = 7) -> Packet:
    """Bytes ``begin`` to ``end`` of the datagram's 1032."""
    data = to_bytes(whole(ident))[20:]
    header = IPv4(
        Ip4.parse("10.0.0.1"),
        Ip4.parse("10.0.0.2"),
        1,
        id=ident,
        mf=end < len(data) if more is None else more,
        frag=begin // 8,
        df=df,
    )
    return from_bytes(to_bytes(Packet((header,), data[begin:end])), IPv4)


def lab_with(*pieces: Packet) -> Lab:
    lab = pair()
    lab.ping("a", "10.0.0.2")
    lab.restart()
    for each in pieces:
        lab.inject("a:v0", each.push(Ethernet(lab.link("b:v1").mac, lab.link("a:v0").mac)))
    assert not check_invariants(lab.records)
    return lab


def answered(lab: Lab) -> list[bytes]:
    """The data of every echo reply of b."""
    return [
        bytes(r.event.packet.payload)  # type: ignore[arg-type]
        for r in lab.events(Created, "b")
        if r.event.packet is not None
        and (icmp := r.event.packet.find(Icmp)) is not None
        and icmp.type == ICMP_ECHOREPLY
    ]


CUT = [piece(0, 400), piece(400, 800), piece(800, 1032)]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_pieces_join_in_any_order(order: tuple[int, ...]) -> None:
    lab = lab_with(*[CUT[i] for i in order])
    assert answered(lab) == [DATA]
    assert len(lab.events(Reassembled)) == 3
    assert lab["b"].fragments == {}


def test_padding_of_the_link_layer_is_no_part_of_a_piece() -> None:
    padded = [Packet(each.layers, each.payload, bytes(6)) for each in CUT]
    assert answered(lab_with(*padded)) == [DATA]


def test_a_piece_again_or_inside_what_is_there_is_a_duplicate() -> None:
    for extra in (piece(0, 400), piece(200, 400)):
        lab = lab_with(CUT[0], extra, CUT[1], CUT[2])
        assert answered(lab) == [DATA]
        drops = [r.event.by for r in lab.events(Dropped, "b")]
        assert ["duplicate fragment" in str(by) for by in drops] == [True]


def test_an_overlap_costs_everything_that_came_so_far_and_the_rest_joins_anew() -> None:
    lab = lab_with(CUT[0], piece(320, 720), CUT[1], CUT[2], CUT[0])
    assert answered(lab) == [DATA]
    drops = [str(r.event.by) for r in lab.events(Dropped, "b")]
    assert len(drops) == 2
    assert all("overlapping fragment" in text for text in drops)


@pytest.mark.parametrize(
    "bad",
    [
        piece(1032, 1032, more=False),  # empty
        piece(400, 1000, more=False),  # a second end, before the first
        piece(1000, 1032, more=True).replace(0, piece(2000, 2000, more=True).layers[0]),  # behind the end
    ],
)
def test_what_contradicts_the_end_costs_everything_too(bad: Packet) -> None:
    lab = lab_with(CUT[0], CUT[2], bad, CUT[1])
    assert answered(lab) == []
    assert len(lab.events(Dropped, "b")) == 3
    assert len(lab["b"].fragments) == 1


def test_a_piece_that_is_not_the_last_loses_what_is_behind_a_multiple_of_8() -> None:
    lab = lab_with(piece(0, 405, more=True), CUT[1], CUT[2])
    assert answered(lab) == [DATA]


def test_other_ids_are_other_datagrams() -> None:
    lab = lab_with(CUT[0], piece(400, 800, ident=8), CUT[2])
    assert answered(lab) == []
    assert len(lab["b"].fragments) == 2


def test_a_datagram_of_more_than_65535_bytes_is_dropped() -> None:
    header = IPv4(Ip4.parse("10.0.0.1"), Ip4.parse("10.0.0.2"), 1, id=7, frag=8191)
    lab = lab_with(Packet((header,), bytes(100)))
    assert answered(lab) == []
    assert lab["b"].fragments == {}
    assert lab.drops("b") == [("ip_frag_queue", "NOT_SPECIFIED")]


@pytest.mark.parametrize(("first", "df"), [(True, True), (False, False)])
def test_df_stays_only_if_the_longest_piece_had_it(first: bool, df: bool) -> None:
    lab = lab_with(piece(0, 800, df=first), piece(800, 1032, df=not first))
    joined = next(
        r.event.packet.layers[0]
        for r in lab.events(Created, "b")
        if r.event.relation == "reassembly" and r.event.packet is not None
    )
    assert isinstance(joined, IPv4)
    assert joined.df is df


def test_the_queue_is_forgotten_after_ipfrag_time_and_only_the_first_piece_brings_an_error() -> None:
    lab = lab_with(CUT[1])
    lab.run(31)
    assert [r for r in lab.events(Transmitted, "b") if r.event.frame.find(Icmp)] == []
    lab = lab_with(CUT[0])
    lab.run(31)
    errors = [icmp.type for r in lab.events(Transmitted, "b") if (icmp := r.event.frame.find(Icmp)) is not None]
    assert errors == [11]
    assert lab["b"].fragments == {}


def test_options_of_later_pieces_become_nop_unless_their_copied_bit_is_set() -> None:
    """Measured: ``RR`` is ``NOP,NOP,…`` in the second piece, of the same length. Router alert (148) is copied."""
    lab = pair()
    lab.ping("a", "10.0.0.2")
    lab.restart()
    options = bytes([148, 4, 0, 0, 30, 4, 9, 9])
    socket = RawSocket(lab["a"], 17, lambda: None)
    socket.pmtudisc = 0
    socket.send(Ip4.parse("10.0.0.2"), Udp(1, 2), bytes(2000), options=options)
    sent = [ip.options for r in lab.events(Transmitted, "a") if (ip := r.event.frame.find(IPv4)) is not None]
    assert sent == [options, bytes([148, 4, 0, 0, 1, 1, 1, 1])]


def test_a_route_mtu_that_leaves_no_room_is_not_modelled() -> None:
    lab = pair()
    index = lab.link("a:v0").ifindex
    lab.door("a").route_add(
        Route(Net.parse("10.0.0.2/32"), scope=253, nexthops=(NextHop(index),), metrics=(("mtu", 21),))
    )
    RawSocket(lab["a"], 1, lambda: None).send_raw(whole())
    assert lab.drops("a") == [("ip_fragment", "NOT_MODELLED")]
    assert not lab.events(Delivered)
