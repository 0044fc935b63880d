"""Stories of neighbour entries."""

import pytest

from podwire.trace.events import Created, Delivered, NeighbourChanged, Waiting
from podwire.trace.neighbours import arp_answer, probe, resolutions, story
from tests.trace.story import CALI, GATEWAY, MAC1, NODE, POD1, US, Story, is_at, late_probe, same_node_ping, who_has


def entry(*changes: tuple[int, str, str, str]) -> Story:
    """An entry of node1 that changes as given: microseconds, old, new, cause."""
    found = Story()
    for at, old, new, cause in changes:
        found.now = at * US
        found.add(1, "node1", NeighbourChanged("eth0", POD1, old, new, MAC1, cause))
    return found


def told(found: Story, *, until: int = 10**12) -> str:
    return story(found.trace().recorder, "node1", "eth0", POD1, until=until, zero=0)


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        ("request", "learned from 192.168.1.11's own ARP request at 7 us (NEW, known but not confirmed)"),
        ("reply", "confirmed by an ARP answer at 7 us (NEW)"),
        ("gratuitous", "changed by an unasked-for ARP at 7 us (NEW)"),
        ("used", "used at 7 us, which starts a delay (NEW)"),
        ("in-use", "used again at 7 us after reachable_time was over (NEW)"),
        ("unconfirmed", "still not confirmed 7 us later (NEW)"),
        ("confirmed", "confirmed by an upper layer at 7 us (NEW)"),
        ("resolve", "unknown at 7 us, so that everybody was asked (NEW)"),
        ("reachable-time", "last confirmed longer ago than reachable_time at 7 us (NEW)"),
        ("no-answer", "given up at 7 us because nobody answered (NEW)"),
        ("admin", "written by hand at 7 us (NEW)"),
        ("a word of tomorrow", "a word of tomorrow at 7 us (NEW)"),
    ],
)
def test_every_cause_has_words(cause, text):
    assert told(entry((7, "OLD", "NEW", cause))) == text


def test_a_story_begins_where_the_entry_last_learned_something():
    found = entry(
        (1, "NONE", "STALE", "request"), (2, "STALE", "REACHABLE", "reply"), (3, "REACHABLE", "STALE", "reachable-time")
    )
    assert (
        told(found)
        == "confirmed by an ARP answer at 2 us (REACHABLE), last confirmed longer ago than reachable_time at 3 us (STALE)"
    )


def test_a_story_ends_at_its_time_and_counts_from_the_change_before():
    found = entry((1, "NONE", "STALE", "request"), (5, "STALE", "DELAY", "used"), (9, "DELAY", "PROBE", "unconfirmed"))
    assert told(found).endswith("used at 5 us, which starts a delay (DELAY), still not confirmed 4 us later (PROBE)")
    assert told(found, until=5 * US).endswith("(DELAY)")
    assert told(found, until=5 * US - 1).endswith("known but not confirmed)")
    assert told(found, until=0) == ""


def test_a_hop_that_waited_tells_who_answered_and_one_that_did_not_tells_how_it_knew():
    trace = same_node_ping().trace()
    reply = trace.reply
    assert reply is not None
    assert [line.partition(" on ")[0] for line in resolutions(trace.recorder, 1, trace.records[0].time)] == [
        "default/pod1 did not know the MAC of 169.254.1.1",
        "node1 did not know the MAC of 192.168.1.12",
    ]
    assert [line.partition(":")[0] for line in resolutions(trace.recorder, reply.packet, 0)] == [
        "default/pod2 did not know the MAC of 169.254.1.1 on eth0 and asked by ARP",
        "node1 needed no ARP for 192.168.1.11",
    ]


def test_a_wait_without_an_answer_is_left_to_the_sentence_about_the_death():
    found = Story().add(1, "default/pod1", Created(), Waiting("eth0", GATEWAY)).ask(2, 1)
    found.add(2, "node1", Delivered("arp", "ignored"))
    assert resolutions(found.trace().recorder, 1, 0) == []


def test_an_entry_in_use_needed_no_question_either():
    found = Story().add(1, "node1", Created(), NeighbourChanged("eth0", POD1, "REACHABLE", "DELAY", MAC1, "in-use"))
    assert resolutions(found.trace().recorder, 1, 0) == [
        "node1 needed no ARP for 192.168.1.11: its entry on eth0 was used again at 0 us after reachable_time was over (DELAY)."
    ]


def test_only_a_probe_has_the_story_of_a_probe():
    trace = same_node_ping(probe=True).trace()
    stories = [packet for packet in range(1, 11) if probe(trace.recorder, packet, 0)]
    assert stories == [9]


def test_an_answer_counts_only_when_it_arrived():
    trace = same_node_ping(probe=True).trace()
    answer = arp_answer(trace.recorder, 9)
    assert answer is not None
    assert (answer.spa, answer.sha) == (POD1, MAC1)
    assert arp_answer(trace.recorder, 6) is None
    lost = Story().ask(1, 0).add(1, "node1", Delivered("arp", "answered")).add(2, "node1", Created(1, "reply"))
    lost.send(2, "node1", "cali111", is_at(GATEWAY, CALI, POD1, MAC1))
    assert arp_answer(lost.trace().recorder, 1) is None
    lost.add(2, "default/pod1", Delivered("arp", "learned"))
    assert arp_answer(lost.trace().recorder, 1) is not None


def test_a_probe_that_was_sent_before_its_device_was_known():
    found = Story().add(1, "node1", Created())
    found.add(9, "node1", Created(1, "probe", who_has(POD1, NODE, CALI, MAC1).pull()))
    assert "its entry was not confirmed in time" in probe(found.trace().recorder, 9, 0)


def test_late_probes_are_told_with_the_packet_that_armed_them():
    found = late_probe(same_node_ping())
    assert "At 5.006 s node1 asked 192.168.1.11" in found.trace().explain()
    assert "At 5.006 s node1 asked 192.168.1.11" in found.trace(6).explain()
    assert "asked 192.168.1.11 by unicast" not in same_node_ping().trace().explain()
