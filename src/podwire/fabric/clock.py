"""Virtual time: a heap of (time, sequence, callback). Nothing here looks at a wall clock."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Final

NSEC: Final = 1_000_000_000
EPOCH: Final = 1_704_067_200 * NSEC
"""Where virtual time starts: 2024-01-01 00:00:00 UTC, in ns since the Unix epoch."""


class Alarm:
    """A callback on the heap; ``cancel`` forgets it."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Do not call back."""
        self.callback = None


class Clock:
    """``now`` in ns. It moves when an alarm is taken off the heap, or a packet is transmitted; never backwards."""

    def __init__(self) -> None:
        self.now = EPOCH
        self._heap: list[tuple[int, int, Alarm]] = []
        self._sequence = 0

    def at(self, time: int, callback: Callable[[], None]) -> Alarm:
        """Call back at ``time`` (ns), in the order of calls where times are equal."""
        alarm = Alarm(callback)
        self._sequence += 1
        heapq.heappush(self._heap, (time, self._sequence, alarm))
        return alarm

    def next_time(self) -> int | None:
        """When the next alarm is due; None if there is none."""
        heap = self._heap
        while heap and heap[0][2].callback is None:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def step(self) -> bool:
        """Take the earliest alarm and call back; False if there was none."""
        heap = self._heap
        while heap:
            time, _, alarm = heapq.heappop(heap)
            callback = alarm.callback
            if callback is None:
                continue
            if time > self.now:  # noqa: PLR1730 - for every frame, and max() is a call
                self.now = time
            alarm.callback = None
            callback()
            return True
        return False

    def run_until(self, done: Callable[[], bool], deadline: int | None = None) -> bool:
        """Step until ``done()``; False if the deadline (ns) came first, or nothing is left to happen."""
        if deadline is None:
            heap, pop = self._heap, heapq.heappop
            while not done():
                # ``step``, without the call: this is how a command waits.
                while True:
                    if not heap:
                        return False
                    time, _, alarm = pop(heap)
                    if (callback := alarm.callback) is not None:
                        break
                if time > self.now:  # noqa: PLR1730 - for every frame, and max() is a call
                    self.now = time
                alarm.callback = None
                callback()
            return True
        while not done():
            due = self.next_time()
            if due is None or due > deadline:
                self.now = max(self.now, deadline)
                return False
            self.step()
        return True

    def sleep(self, duration: int) -> None:
        """Let ``duration`` ns pass, with everything that happens in them."""
        deadline = self.now + duration
        while (time := self.next_time()) is not None and time <= deadline:
            self.step()
        self.now = max(self.now, deadline)
