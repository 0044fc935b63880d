"""What a recorder retains, and how long it listens."""

import gc

import pytest

from podwire.trace.events import Created, Delivered, Event, NeighbourChanged, Transmitted
from podwire.trace.log import Log, Record
from podwire.trace.recorder import Recorder
from podwire.trace.trace import Trace
from tests.trace.story import GATEWAY, POD1, Story, echo, frame, late_probe, same_node_ping


def play(log: Log, records: list[Record]) -> None:
    for record in records:
        log.emit(record.time, record.machine, record.netns, record.packet, record.event)


def test_it_retains_the_root_and_everything_born_for_it_at_any_depth():
    log = Log()
    recorder = Recorder(log)
    recorder.follow(1)
    story = same_node_ping(probe=True)
    play(log, story.records)
    assert recorder.records == tuple(story.records)


def test_it_retains_nothing_of_other_packets():
    log = Log()
    recorder = Recorder(log)
    recorder.follow(20)
    play(log, same_node_ping().records)
    assert recorder.records == ()


def test_a_packet_without_a_parent_is_no_child_of_anything():
    recorder = Recorder()
    recorder.follow(1)
    recorder.take(Record(0, "m", "m", 1, Created()))
    recorder.take(Record(1, "m", "m", 2, Created()))
    assert [record.packet for record in recorder.records] == [1]


def test_following_a_child_does_not_retain_its_parent():
    log = Log()
    recorder = Recorder(log)
    recorder.follow(6)
    play(log, same_node_ping().records)
    assert {record.packet for record in recorder.records} == {6, 7, 8}


def test_several_roots_share_one_recorder_and_following_twice_changes_nothing():
    log = Log()
    recorder = Recorder(log)
    recorder.follow(2)
    recorder.follow(4)
    recorder.follow(2)
    play(log, same_node_ping().records)
    assert {record.packet for record in recorder.records} == {2, 3, 4, 5}


def test_children_are_in_order_of_birth():
    recorder = Recorder.of(same_node_ping().records)
    assert recorder.children(1) == (2, 4, 6)
    assert recorder.children(6) == (7,)
    assert recorder.children(99) == ()


def test_born_knows_parent_and_relation_and_says_nothing_of_strangers():
    recorder = Recorder.of(same_node_ping().records)
    assert (recorder.born(7).parent, recorder.born(7).relation) == (6, "arp")
    assert recorder.born(99) == Created()


def test_it_is_finished_when_the_last_packet_of_the_tree_has_ended():
    log = Log()
    recorder = Recorder(log)
    assert recorder.finished
    recorder.follow(1)
    states = []
    for record in same_node_ping().records:
        play(log, [record])
        states.append(recorder.finished)
    assert states == [False] * (len(states) - 1) + [True]


def test_select_sorts_by_time_and_keeps_the_order_of_the_log_where_times_are_equal():
    recorder = Recorder.of(
        [
            Record(5, "m", "m", 1, Created()),
            Record(5, "m", "m", 2, Created(1, "copy")),
            Record(5, "m", "m", 1, Transmitted("a", frame(echo()))),
            Record(4, "m", "m", 2, Transmitted("b", frame(echo()))),
        ]
    )
    kinds = [(record.packet, type(record.event)) for record in recorder.select((2, 1))]
    assert kinds == [(2, Transmitted), (1, Created), (2, Created), (1, Transmitted)]


def test_neighbour_finds_the_changes_of_one_entry():
    recorder = Recorder.of(same_node_ping(probe=True).records)
    words = [event.cause for event in events(recorder.neighbour("node1", "cali111", POD1))]
    assert words == ["request", "used", "unconfirmed", "reply"]
    assert recorder.neighbour("node1", "cali222", POD1) == []
    assert recorder.neighbour("default/pod1", "cali111", POD1) == []
    assert recorder.neighbour("node1", "cali111", GATEWAY) == []


def events(records) -> list[NeighbourChanged]:
    return [record.event for record in records if isinstance(record.event, NeighbourChanged)]


# -- lifetime --------------------------------------------------------------------------------------------------------


@pytest.fixture
def no_collector():
    """Reference counting alone has to do it: a collector would come at a moment that nobody chose."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
def test_the_log_is_quiet_again_as_soon_as_nobody_refers_to_the_recorder():
    log = Log()
    recorder = Recorder(log)
    assert log.on
    del recorder
    assert not log.on


@pytest.mark.usefixtures("no_collector")
def test_a_trace_keeps_its_recorder_listening_so_that_a_late_probe_lands_in_it():
    log = Log()
    recorder = Recorder(log)
    recorder.follow(1)
    story = same_node_ping()
    play(log, story.records)
    trace = Trace(recorder, 1)
    reply = trace.reply
    del recorder, trace
    assert reply is not None
    assert log.on
    assert [child.relation for child in reply.caused] == ["arp"]
    known = len(story.records)
    play(log, late_probe(story).records[known:])
    assert [child.relation for child in reply.caused] == ["arp", "probe"]
    del reply
    assert not log.on


@pytest.mark.usefixtures("no_collector")
def test_reading_a_trace_leaves_nothing_behind_that_keeps_the_recorder():
    log = Log()
    recorder = Recorder(log)
    recorder.follow(1)
    play(log, same_node_ping(probe=True).records)
    trace = Trace(recorder, 1)
    text = [
        trace.text("minimal"),
        trace.text(),
        trace.text("detailed"),
        trace.explain(),
        trace.to_json(),
        repr(trace.hops),
    ]
    assert all(text)
    del recorder, trace
    assert not log.on


@pytest.mark.usefixtures("no_collector")
def test_one_recorder_ends_without_the_other():
    log = Log()
    first, second = Recorder(log), Recorder(log)
    second.follow(1)
    del first
    assert log.on
    play(log, same_node_ping().records)
    assert second.finished


@pytest.mark.usefixtures("no_collector")
def test_a_recorder_may_end_while_the_log_is_emitting():
    log = Log()
    held = [Recorder(log)]
    log.attach(lambda record: held.clear())
    last = Recorder(log)
    last.follow(1)
    play(log, [Record(0, "m", "m", 1, Created())])
    assert len(last.records) == 1


def test_a_recorder_of_records_listens_to_nothing():
    story = Story().add(7, "node1", Created(), Delivered("socket"))
    recorder = Recorder.of(story.records)
    assert recorder.records == tuple(story.records)
    assert recorder.finished


def test_records_are_values():
    """Nothing in a record leads back to the recorder, or to anything that could be a cycle."""
    for record in same_node_ping(probe=True).records:
        assert isinstance(record.event, Event)
        assert not gc.is_tracked(record)
