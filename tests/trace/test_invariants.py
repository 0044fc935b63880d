"""Each invariant can be violated, and only by what violates it."""

import pytest

from podwire.trace.events import (
    AnyEvent,
    BpfTrace,
    ByProgram,
    Created,
    Decapsulated,
    Delivered,
    Dropped,
    Encapsulated,
    Flooded,
    Forwarded,
    Fragmented,
    NeighbourChanged,
    Reassembled,
    Received,
    Transmitted,
    Waiting,
)
from podwire.trace.invariants import check_invariants
from podwire.trace.log import Record
from podwire.trace.reasons import DropReason
from tests.trace.deaths import DEATHS
from tests.trace.story import GATEWAY, MAC1, POD1, Story, echo, frame, proxy_arp, same_node_ping, unanswered, who_has

F = frame(echo())
DEAD = Dropped("f", DropReason.OTHERHOST)
LOW = frame(echo(ttl=63))
LATER = NeighbourChanged("eth0", POD1, "DELAY", "PROBE", MAC1, "unconfirmed")


@pytest.mark.parametrize(
    "story",
    [same_node_ping(probe=True), unanswered(proxy_arp(0), "proxy-off"), *[death.story() for death in DEATHS]],
)
def test_the_stories_of_these_tests_satisfy_them(story):
    assert check_invariants(story.records, finished=True) == []


def test_nothing_is_fine():
    assert check_invariants([], finished=True) == []


@pytest.mark.parametrize(
    ("events", "problem"),
    [
        ([Transmitted("a", F), Delivered("socket")], "packet 1: was never created"),
        ([Transmitted("a", F), Created(), Delivered("socket")], "packet 1: Transmitted before it was created"),
        ([Created(), Created(), Delivered("socket")], "packet 1: was created twice"),
        ([Created(), Delivered("socket"), DEAD], "packet 1: ended twice: Delivered and Dropped"),
        ([Created(), Waiting("eth0", GATEWAY)], "packet 1: never ended"),
        ([Created(), Delivered("socket"), Transmitted("a", F)], "packet 1: Transmitted after its end"),
        (
            [Created(), Received("a", F), Received("a", F), Delivered("socket")],
            "packet 1: received at node1:a without having been transmitted",
        ),
        (
            [Created(), Transmitted("a", LOW), Forwarded("a", "b", 64), Delivered("x")],
            "packet 1: its ttl rose from 63 to 64 in node1",
        ),
        (
            [Created(), Transmitted("a", LOW), Received("b", F), Delivered("x")],
            "packet 1: its ttl rose from 63 to 64 in node1",
        ),
        (
            [Created(), Forwarded("a", "b", 60), Transmitted("b", LOW), Delivered("x")],
            "packet 1: its ttl rose from 60 to 63 in node1",
        ),
        ([Created(1), Delivered("socket")], "packet 1: was born before its parent 1"),
        ([Created(), Flooded((8,))], "packet 1: Flooded names packet 8, which never was"),
        ([Created(), Fragmented(1500, (8,))], "packet 1: Fragmented names packet 8, which never was"),
        ([Created(), Reassembled(8)], "packet 1: Reassembled names packet 8, which never was"),
    ],
)
def test_each_can_be_violated(events, problem):
    assert check_invariants(Story().add(1, "node1", *events).records, finished=True) == [problem]


@pytest.mark.parametrize(
    "events",
    [
        pytest.param(
            [Created(), Transmitted("a", F), Received("b", F), Transmitted("c", LOW), Received("d", LOW)],
            id="a chain of hops",
        ),
        pytest.param([Created(), Received("a", F)], id="received where it was born, as a copy is"),
        pytest.param([Created(), Received("port", F), Received("br0", F)], id="passed up to a bridge"),
        pytest.param([Created(), Transmitted("br0", F), Transmitted("port", F)], id="sent through a bridge"),
        pytest.param([Created(), Delivered("socket"), LATER], id="an entry that changes after the end"),
        pytest.param(
            [Created(), Transmitted("a", F), Forwarded("a", "b", 64), Transmitted("b", F)], id="a ttl that stays"
        ),
        pytest.param(
            [Created(), Transmitted("a", LOW), Transmitted("a", who_has(GATEWAY, POD1)), Transmitted("a", LOW)],
            id="ARP has no ttl",
        ),
        pytest.param([Created(77), Delivered("socket")], id="a parent that nobody recorded"),
    ],
)
def test_what_is_allowed(events):
    assert check_invariants(Story().add(1, "node1", *events).records) == []


def test_a_frame_does_not_jump_to_another_machine():
    story = Story().add(1, "node1", Created(), Received("a", F)).add(1, "node2", Received("b", F))
    assert check_invariants(story.records) == ["packet 1: received at node2:b without having been transmitted"]


def test_unfinished_packets_are_fine_while_the_simulation_runs():
    assert check_invariants(Story().add(1, "node1", Created()).records) == []


def test_a_child_is_not_born_before_its_parent():
    records = [Record(5, "m", "m", 2, Created(1)), Record(6, "m", "m", 1, Created())]
    assert check_invariants(records) == ["packet 2: was born before its parent 1"]
    assert check_invariants([Record(5, "m", "m", 1, Created()), Record(5, "m", "m", 2, Created(1))]) == []


def test_time_does_not_run_backwards():
    records = [Record(5, "m", "m", 1, Created()), Record(4, "m", "m", 1, Delivered("socket"))]
    assert check_invariants(records) == ["time runs backwards, from 5 to 4, at packet 1"]


def test_one_packet_is_no_excuse_for_another():
    story = Story().add(1, "m", Created(), Delivered("socket")).add(2, "m", Delivered("socket"))
    assert check_invariants(story.records, finished=True) == ["packet 2: was never created"]


def test_a_program_may_hand_a_frame_over_to_a_pod_of_its_machine_alone():
    handed = BpfTrace(ByProgram("cil_lxc_policy", "eth0", "ingress"), "TO_ENDPOINT")

    def story(machine: str, *between: BpfTrace) -> list[Record]:
        events: list[AnyEvent] = [Created(), Transmitted("x", F), Received("eth0", F), *between]
        records = [Record(i, "node1", "node1", 1, event) for i, event in enumerate(events)]
        ends: list[AnyEvent] = [Received("eth0", F), Delivered("socket")]
        return records + [Record(9 + i, machine, "default/pod1", 1, event) for i, event in enumerate(ends)]

    assert check_invariants(story("node1", handed)) == []
    problem = ["packet 1: received at default/pod1:eth0 without having been transmitted"]
    assert check_invariants(story("node1")) == problem
    assert check_invariants(story("node2", handed)) == problem


def test_each_header_has_a_ttl_of_its_own():
    events: tuple[AnyEvent, ...] = (
        Created(),
        Transmitted("lxc", LOW),
        Encapsulated("vx", "vxlan", POD1, POD1, 7),
        Transmitted("eth0", F),
        Received("eth0", LOW),
        Decapsulated("vx", "vxlan", POD1, POD1, 7),
        Received("vx", F),
    )
    records = [Record(i, "node1", "node1", 1, event) for i, event in enumerate(events)]
    assert check_invariants(records) == []
    assert check_invariants([each for each in records if not isinstance(each.event, Encapsulated)]) != []
