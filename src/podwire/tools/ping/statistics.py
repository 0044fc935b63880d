"""The numbers of a ping, and the lines that are made of them: ``gather_statistics``, ``finish`` and ``status`` of ping/ping_common.c."""

from __future__ import annotations

from podwire.tools.args import INT_MAX
from podwire.tools.ping.result import PingResult
from podwire.tools.ping.text import milliseconds


def llsqrt(value: int) -> int:
    """Ping's own square root: Newton's method until it stops falling, one step further than the floor."""
    previous, root = value + 1, value
    while 0 < root < previous:
        previous, root = root, (root + value // root) // 2
    return root


class Statistics:
    """Counts and round trips (µs); ``result`` is kept up to date as they change."""

    def __init__(self, result: PingResult) -> None:
        self.result = result
        self.seen: set[int] = set()
        self.acked = 0
        self.pipe = -1
        self.shortest: int | None = None
        self.longest = self.total = self.squares = 0
        self.smoothed = 0
        """Eight times the moving average."""

    @property
    def in_flight(self) -> int:
        """Requests that nobody has answered yet."""
        result = self.result
        difference = (result.sent & 0xFFFF) - self.acked
        return difference if difference <= 0x7FFF else result.sent - result.received - result.errors

    def send(self) -> int:
        """Another request; returns its sequence number."""
        sent = self.result.sent = self.result.sent + 1
        self.seen.discard(sent & 0xFFFF)
        if (sent & 0xFFFF) - self.acked > 0x7FFF:
            self.acked = (sent + 1) & 0xFFFF
        return sent & 0xFFFF

    def acknowledge(self, seq: int) -> None:
        """A reply or an error came for that sequence number."""
        sent = self.result.sent & 0xFFFF
        difference = sent - seq
        if difference <= 0x7FFF:
            self.pipe = max(self.pipe, difference + 1)
            if 0 < (seq - self.acked) & 0xFFFF < 0x8000 or sent - self.acked > 0x7FFF:
                self.acked = seq

    def reply(self, seq: int, ttl: int, trip: int | None) -> bool:
        """A reply with that round trip; True for a duplicate."""
        result = self.result
        if trip is not None:
            self.total += trip
            self.squares += trip * trip
            self.shortest = trip if self.shortest is None else min(self.shortest, trip)
            self.longest = max(self.longest, trip)
            self.smoothed = self.smoothed + trip - self.smoothed // 8 if self.smoothed else trip * 8
        if seq in self.seen:
            result.duplicates += 1
            return True
        self.seen.add(seq)
        result.received += 1
        result.ttl = ttl
        if trip is not None:
            result.rtts.append(trip / 1000)
        return False

    def _count(self) -> int:
        return self.result.received + self.result.duplicates

    def _deviation(self) -> int:
        count = self._count()
        if self.total < INT_MAX:
            return llsqrt((self.squares - self.total * self.total // count) // count)
        return llsqrt(self.squares // count - (self.total // count) ** 2)

    def status(self) -> str:
        """The line that SIGQUIT asks for."""
        result = self.result
        loss = (result.sent - result.received) * 100 // result.sent if result.sent else 0
        text = f"\r{result.received}/{result.sent} packets, {loss}% loss"
        if result.received and self.shortest is not None:
            times = (self.shortest, self.total // self._count(), self.smoothed // 8, self.longest)
            text += f", min/avg/ewma/max = {'/'.join(map(milliseconds, times))} ms"
        return text + "\n"

    def summary(self, name: str, elapsed: int, *, gaps: bool) -> str:
        """The block at the end. ``elapsed`` in ns from start to the last request; ``gaps``: say how far apart they were."""
        result = self.result
        text = f"\n--- {name} ping statistics ---\n{result.sent} packets transmitted, {result.received} received"
        text += f", +{result.duplicates} duplicates" if result.duplicates else ""
        text += f", +{result.errors} errors" if result.errors else ""
        if result.sent:
            loss = (result.sent - result.received) * 100.0 / result.sent
            text += f", {loss:g}% packet loss, time {(elapsed + 500_000) // 1_000_000}ms"
        parts = []
        if result.received and self.shortest is not None:
            times = (self.shortest, self.total // self._count(), self.longest, self._deviation())
            parts.append(f"rtt min/avg/max/mdev = {'/'.join(map(milliseconds, times))} ms")
        if self.pipe > 1:
            parts.append(f"pipe {self.pipe}")
        if result.received and result.sent > 1 and gaps:
            gap = elapsed // 1000 // (result.sent - 1)
            parts.append(f"ipg/ewma {milliseconds(gap)}/{milliseconds(self.smoothed // 8)} ms")
        return f"{text}\n{', '.join(parts)}\n"
