"""curl's progress meter and clock (lib/progress.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from podwire.tools.process import Process

_HEAD: Final = """\
  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current
                                 Dload  Upload   Total   Spent    Left  Speed
"""
_WINDOW: Final = 6
"""CURR_TIME: the current speed is that of five seconds."""
_USEC: Final = 1_000_000


def max5data(size: int) -> str:
    """A number of bytes in five columns."""
    if size < 100_000:
        return f"{size:5}"
    units = "kMGTP"
    for step, unit in enumerate(units, 1):
        whole, part = 1024**step, 1024 ** (step - 1)
        if size < 10_000 * whole and not (unit in "MG" and size < 100 * whole):
            return f"{size // whole:4}{unit}"
        if unit in "MG" and size < 100 * whole:
            return f"{size // whole:2}.{size % whole // (whole // 10) if part else 0}{unit}"
    return f"{size >> 50:4}P"


def time2str(seconds: int) -> str:
    """A time in eight columns."""
    if seconds <= 0:
        return "--:--:--"
    hours = seconds // 3600
    if hours <= 99:
        return f"{hours:2}:{seconds % 3600 // 60:02}:{seconds % 60:02}"
    days = seconds // 86400
    return f"{days:3}d {seconds % 86400 // 3600:02}h" if days <= 999 else f"{days:7}d"


class Progress:
    """``struct Progress`` of one transfer. Times are µs since its start; ``meter`` says whether it is shown."""

    def __init__(self, proc: Process, *, meter: bool, headed: bool) -> None:
        self.proc = proc
        self.meter = meter
        self.headed = headed
        """The head was printed for an earlier transfer."""
        self.start = proc.now
        self.times: dict[str, int] = {}
        self.downloaded = 0
        self.uploaded = 0
        self.size_dl: int | None = None
        self.size_ul: int | None = None
        self.spent = 0
        self.current = 0
        self._last_show = -1
        self._samples: list[tuple[int, int]] = []
        """(time in µs, bytes), the newest last."""

    @property
    def elapsed(self) -> int:
        """µs since the start."""
        return (self.proc.now - self.start) // 1000

    @property
    def elapsed_ms(self) -> int:
        """Milliseconds since the start, as messages give them."""
        return self.elapsed // 1000

    def mark(self, what: str) -> None:
        """``Curl_pgrsTime``: at least one µs has passed; the first mark of its kind counts."""
        self.times.setdefault(what, max(self.elapsed, 1))

    def speed(self, size: int) -> int:
        """``trspeed``: bytes per second."""
        return size * _USEC if self.spent < 1 else size * _USEC // self.spent

    def update(self, *, final: bool = False) -> None:
        """``Curl_pgrsUpdate``, ``Curl_pgrsDone``: once for each second of the clock, and at the end."""
        self.spent = self.elapsed
        second = self.proc.now // 1_000_000_000
        if final or second != self._last_show:
            self._last_show = -1 if final else second
            self._sample()
            if self.meter:
                self._show()
        if final and self.meter:
            self.proc.error("\n")

    def _sample(self) -> None:
        self._samples = [*self._samples[-(_WINDOW - 1) :], (self.proc.now // 1000, self.downloaded + self.uploaded)]
        if len(self._samples) == 1:
            self.current = self.speed(self.downloaded) + self.speed(self.uploaded)
            return
        (first, before), (now, after) = self._samples[0], self._samples[-1]
        self.current = (after - before) * 1000 // ((now - first) // 1000 or 1)

    def _show(self) -> None:
        if not self.headed:
            self.proc.error(_HEAD)
            self.headed = True
        down, up = self.speed(self.downloaded), self.speed(self.uploaded)
        dl_percent, dl_time = _estimate(self.downloaded, self.size_dl, down)
        ul_percent, ul_time = _estimate(self.uploaded, self.size_ul, up)
        total_time = max(dl_time, ul_time)
        seconds = self.spent // _USEC
        expected = (self.uploaded if self.size_ul is None else self.size_ul) + (
            self.downloaded if self.size_dl is None else self.size_dl
        )
        percent = _percent(self.downloaded + self.uploaded, expected)
        left = total_time - seconds if total_time > 0 else 0
        self.proc.error(
            f"\r{percent:3} {max5data(expected)}  {dl_percent:3} {max5data(self.downloaded)}  {ul_percent:3} {max5data(self.uploaded)}"
            f"  {max5data(down)}  {max5data(up)} {time2str(total_time)} {time2str(seconds)} {time2str(left)} {max5data(self.current)}"
        )


def _percent(done: int, size: int) -> int:
    if size > 10_000:
        return done // (size // 100)
    return done * 100 // size if size > 0 else 0


def _estimate(done: int, size: int | None, speed: int) -> tuple[int, int]:
    """Percentage, and seconds for all of it."""
    if size is None or speed <= 0:
        return 0, 0
    return _percent(done, size), size // speed
