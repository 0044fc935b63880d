"""The kernel's timer wheel: how far a timer is rounded up, and in which order one tick calls its timers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podwire.fabric.network import Network
from podwire.linux.machine import Machine, wheel_expiry, wheel_level
from tests.linux.lab import NSEC

JIFFY = NSEC // 250
CAPACITY = 63 << 24

nows = st.integers(0, 1 << 48)
delays = st.integers(0, CAPACITY)


@given(nows, delays)
def test_f15_never_early_and_at_most_one_granule_late(now: int, delay: int) -> None:
    granule = 8 ** wheel_level(delay)
    expiry = wheel_expiry(now, delay)
    assert now + delay < expiry <= now + delay + granule
    assert expiry % granule == 0


@given(nows, delays)
def test_f15_it_is_the_first_edge_after_the_time_asked_for(now: int, delay: int) -> None:
    granule = 8 ** wheel_level(delay)
    naive = (
        next(edge for edge in range(now + delay + 1, now + delay + granule + 1) if edge % granule == 0)
        if granule < 600
        else None
    )
    assert naive in {None, wheel_expiry(now, delay)}


@given(nows, delays, delays)
def test_f15_a_longer_timer_is_never_called_earlier(now: int, first: int, second: int) -> None:
    shorter, longer = sorted((first, second))
    assert wheel_expiry(now, shorter) <= wheel_expiry(now, longer)


@pytest.mark.parametrize(
    ("delay", "level"),
    [(0, 0), (62, 0), (63, 1), (503, 1), (504, 2), (4031, 2), (4032, 3), (32255, 3), (32256, 4), (CAPACITY, 8)],
)
def test_f15_the_levels_of_the_kernel(delay: int, level: int) -> None:
    assert wheel_level(delay) == level


@given(nows)
def test_f15_what_was_measured_at_250_hz(now: int) -> None:
    assert 251 <= wheel_expiry(now, 250) - now <= 258  # 1.004 to 1.032 s
    assert 1251 <= wheel_expiry(now, 1250) - now <= 1314  # 5.004 to 5.256 s
    chained = wheel_expiry(now, 250)
    assert wheel_expiry(chained, 250) - chained == 256  # exactly 1.024 s
    for seconds in (17, 30, 45):
        assert 0 < wheel_expiry(now, seconds * 250) - now - seconds * 250 <= 512  # up to 2.048 s


@given(nows)
def test_f15_what_follows_at_1000_hz(now: int) -> None:
    assert 1001 <= wheel_expiry(now, 1000) - now <= 1064
    assert 5001 <= wheel_expiry(now, 5000) - now <= 5512


# -- the machine's timers ------------------------------------------------------------------------------------------


def build() -> tuple[Network, Machine, list[str]]:
    network = Network()
    return network, network.add_machine("m"), []


def test_f16_one_bucket_last_armed_first() -> None:
    network, machine, called = build()
    for name in "abc":
        machine.add_timer(1250, lambda name=name: called.append(name))  # type: ignore[misc]
        network.sleep(2 * JIFFY)
    network.sleep(6 * NSEC)
    assert called == ["c", "b", "a"]


def test_f16_different_buckets_in_order_of_time() -> None:
    network, machine, called = build()
    for name in "abc":
        machine.add_timer(1250, lambda name=name: called.append(name))  # type: ignore[misc]
        network.sleep(64 * JIFFY)
    network.sleep(6 * NSEC)
    assert called == ["a", "b", "c"]


def test_f16_in_one_tick_the_coarser_level_comes_first() -> None:
    network, machine, called = build()
    start = machine.jiffies
    due = wheel_expiry(start, 1250)
    machine.add_timer(1250, lambda: called.append("level 2"))
    network.sleep((due - start - 20) * JIFFY)
    machine.add_timer(19, lambda: called.append("level 0"))
    network.sleep(NSEC)
    assert called == ["level 2", "level 0"]


def test_a_cancelled_timer_is_not_called() -> None:
    network, machine, called = build()
    timer = machine.add_timer(10, lambda: called.append("x"))
    timer.cancel()
    network.sleep(NSEC)
    assert called == []


def test_a_timer_that_cancels_its_neighbour_in_the_bucket_wins() -> None:
    network, machine, called = build()
    first = machine.add_timer(100, lambda: called.append("first"))

    def second() -> None:
        called.append("second")
        first.cancel()

    machine.add_timer(100, second)
    network.sleep(NSEC)
    assert called == ["second"]


def test_a_timer_may_arm_itself_again() -> None:
    network, machine, called = build()

    def again() -> None:
        called.append("x")
        if len(called) < 4:
            machine.add_timer(250, again)

    start = network.now
    machine.add_timer(250, again)
    network.sleep(10 * NSEC)
    assert len(called) == 4
    assert network.now == start + 10 * NSEC


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 500)), max_size=30))
def test_timers_are_called_at_their_jiffy_each_once_and_in_order(plan: list[tuple[int, int]]) -> None:
    network, machine, _ = build()
    due: list[tuple[int, int]] = []
    called: list[tuple[int, int]] = []
    for number, (delay, pause) in enumerate(plan):
        expiry = wheel_expiry(machine.jiffies, delay)
        due.append((expiry, number))
        machine.add_timer(delay, lambda number=number: called.append((machine.jiffies, number)))  # type: ignore[misc]
        network.sleep(pause * JIFFY)
    network.sleep(40 * NSEC)
    assert sorted(called) == sorted(due)
    assert [jiffy for jiffy, _ in called] == sorted(jiffy for jiffy, _ in due)


def test_jiffies_follow_the_clock() -> None:
    network, machine, _ = build()
    start = machine.jiffies
    network.sleep(NSEC)
    assert machine.jiffies - start == machine.hz == 250


def test_timers_of_one_tick_are_all_called_before_anything_is_received_that_one_of_them_sent() -> None:
    """``run_timer_softirq``: a softirq does not run amid another one, as when two neighbours fail at once."""
    network = Network()
    machine = network.add_machine("m")
    seen: list[str] = []

    def send() -> None:
        seen.append("sent")
        machine.cells.append(None)  # type: ignore[arg-type]
        machine.run_softirq()
        seen.append(f"waiting {len(machine.cells)}")
        machine.cells.clear()

    for _ in range(2):
        machine.add_timer(10, send)
    network.sleep(NSEC)
    assert seen == ["sent", "waiting 1"] * 2
