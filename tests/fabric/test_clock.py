"""Virtual time."""

from podwire.fabric.clock import EPOCH, NSEC, Clock


def test_it_starts_at_the_beginning_of_2024_and_stands_still() -> None:
    clock = Clock()
    assert clock.now == EPOCH == 1_704_067_200 * NSEC
    assert clock.next_time() is None
    assert not clock.step()
    assert clock.now == EPOCH


def test_alarms_come_in_order_of_time_and_of_calls_where_times_are_equal() -> None:
    clock = Clock()
    heard: list[tuple[str, int]] = []
    for name, delay in (("c", 30), ("a", 10), ("b1", 20), ("b2", 20)):
        clock.at(EPOCH + delay, lambda name=name: heard.append((name, clock.now - EPOCH)))  # type: ignore[misc]
    while clock.step():
        pass
    assert heard == [("a", 10), ("b1", 20), ("b2", 20), ("c", 30)]


def test_an_alarm_in_the_past_rings_at_once_and_time_does_not_run_backwards() -> None:
    clock = Clock()
    clock.now += 100
    clock.at(EPOCH + 5, lambda: None)
    assert clock.step()
    assert clock.now == EPOCH + 100


def test_a_cancelled_alarm_does_not_ring_and_does_not_move_time() -> None:
    clock = Clock()
    heard: list[int] = []
    alarm = clock.at(EPOCH + 10, lambda: heard.append(1))
    clock.at(EPOCH + 20, lambda: heard.append(2))
    alarm.cancel()
    assert clock.next_time() == EPOCH + 20
    clock.step()
    assert heard == [2]


def test_sleep_lets_everything_happen_that_is_due_in_it() -> None:
    clock = Clock()
    heard: list[int] = []

    def ring() -> None:
        heard.append(clock.now - EPOCH)
        clock.at(clock.now + 10, ring)

    clock.at(EPOCH + 10, ring)
    clock.sleep(35)
    assert heard == [10, 20, 30]
    assert clock.now == EPOCH + 35
    clock.sleep(5)
    assert heard[-1] == 40


def test_run_until_stops_at_the_condition_at_the_deadline_or_when_nothing_is_left() -> None:
    clock = Clock()
    heard: list[int] = []
    for delay in (10, 20, 30):
        clock.at(EPOCH + delay, lambda delay=delay: heard.append(delay))  # type: ignore[misc]
    assert clock.run_until(lambda: len(heard) == 1)
    assert clock.now == EPOCH + 10
    assert not clock.run_until(lambda: len(heard) == 3, EPOCH + 25)
    assert (heard, clock.now) == ([10, 20], EPOCH + 25)
    assert not clock.run_until(lambda: False)
    assert (heard, clock.now) == ([10, 20, 30], EPOCH + 30)


def test_an_alarm_may_set_another_one_for_the_same_instant() -> None:
    clock = Clock()
    heard: list[str] = []
    clock.at(EPOCH + 1, lambda: (heard.append("first"), clock.at(EPOCH + 1, lambda: heard.append("second"))))  # type: ignore[arg-type, func-returns-value]
    clock.sleep(1)
    assert heard == ["first", "second"]
