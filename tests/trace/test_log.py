"""The event log: who sees which record, whoever comes and goes meanwhile."""

from podwire.trace.events import Reassembled
from podwire.trace.log import Log, Record, Sink


def note(log: Log, number: int) -> None:
    log.emit(0, "node1", "node1", number, Reassembled(0))


def test_a_sink_sees_what_happens_while_it_is_attached() -> None:
    log, first, second = Log(), list[Record](), list[Record]()
    assert not log.on
    one, two = first.append, second.append
    note(log, 1)
    log.attach(one)
    note(log, 2)
    log.attach(two)
    note(log, 3)
    log.detach(one)
    note(log, 4)
    assert log.on
    log.detach(two)
    note(log, 5)
    assert not log.on
    assert [record.packet for record in first] == [2, 3]
    assert [record.packet for record in second] == [3, 4]


def test_sinks_are_told_in_the_order_in_which_they_came() -> None:
    log, told = Log(), list[str]()

    def sink(name: str) -> Sink:
        return lambda _: told.append(name)

    for name in ("a", "b", "c"):
        log.attach(sink(name))
    note(log, 1)
    assert told == ["a", "b", "c"]


def test_a_sink_that_was_never_attached_is_ignored() -> None:
    log, seen = Log(), list[Record]()
    log.attach(seen.append)
    log.detach(print)
    note(log, 1)
    assert len(seen) == 1


def test_a_sink_that_goes_while_it_is_told_is_told_no_more() -> None:
    log, seen = Log(), list[int]()

    def once(record: Record) -> None:
        seen.append(record.packet)
        log.detach(once)

    log.attach(once)
    log.attach(lambda _: None)
    note(log, 1)
    note(log, 2)
    assert seen == [1]
