"""A running command: arguments in, text out, and waiting in virtual time.

A tool is a function that takes a ``Process``. A tool that never waits returns its exit status. A tool that waits is a
generator: it yields the absolute virtual time (ns) up to which it would sleep, or None to sleep until woken, and is
resumed at that time or by ``wake()``, whichever comes first; its return value is the exit status. ``interrupt()``
raises ``Interrupt`` inside it (^C).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from podwire.linux.image import Image
    from podwire.linux.machine import Place
    from podwire.trace.log import Log


class Interrupt(Exception):
    """SIGINT reached the tool (or SIGTERM, ``signal`` 15)."""

    def __init__(self, signal: int = 2) -> None:
        super().__init__(signal)
        self.signal = signal


Waiting = Generator["int | None", None, int]
Tool = Callable[["Process"], "int | Waiting"]


class World(Protocol):
    """What a process needs of the simulation: virtual time, wake-up calls and the log."""

    log: Log

    @property
    def now(self) -> int:
        """Virtual time in ns since the epoch of the lab."""

    def at(self, time: int, callback: Callable[[], None]) -> object:
        """Call back at ``time`` (ns), not before; the handle's ``cancel()`` forgets it."""


class Process:
    """One command on one machine (``place``: namespace, image, host name, files).

    ``argv[0]`` is the command's name. Text goes to ``write`` and ``error``; ``on_output(stream, text)`` hears it as
    it comes.
    """

    def __init__(self, world: World, place: Place, argv: list[str], *, stdin: str = "") -> None:
        self.world = world
        self.place = place
        self.argv = argv
        self.stdin = stdin
        self.status: int | None = None
        self.output: list[tuple[int, str]] = []
        """(1 or 2, text) in the order written."""
        self.on_output: Callable[[int, str], None] | None = None
        self.on_exit: Callable[[], None] | None = None
        self.on_send: Callable[[int], None] | None = None
        """Hears the id of each packet that a socket of the tool sends, before it starts: how a trace adopts it."""
        self.result: object | None = None
        """What the tool found, for the Python API: ``ping`` leaves a ``PingResult``."""
        self._generator: Waiting | None = None
        self._epoch = 0

    @property
    def image(self) -> Image:
        """The image whose flavour of the tool prints."""
        return self.place.image

    @property
    def now(self) -> int:
        """Virtual time in ns."""
        return self.world.now

    def write(self, text: str) -> None:
        """Print on standard output; newlines are the caller's."""
        self._put(1, text)

    def error(self, text: str) -> None:
        """Print on standard error."""
        self._put(2, text)

    def _put(self, stream: int, text: str) -> None:
        self.output.append((stream, text))
        if self.on_output is not None:
            self.on_output(stream, text)

    @property
    def stdout(self) -> str:
        """All that was written to standard output so far."""
        return "".join(text for stream, text in self.output if stream == 1)

    @property
    def stderr(self) -> str:
        """All that was written to standard error so far."""
        return "".join(text for stream, text in self.output if stream == 2)

    @property
    def done(self) -> bool:
        """True once there is an exit status."""
        return self.status is not None

    def start(self, tool: Tool) -> None:
        """Run the tool up to its first wait."""
        result = tool(self)
        if isinstance(result, int):
            self._exit(result)
        else:
            self._generator = result
            self._resume(self._epoch)

    def wake(self) -> None:
        """Resume the tool at the present instant, after what is being processed now."""
        if self._generator is not None and self.status is None:
            self._epoch += 1
            epoch = self._epoch
            self.world.at(self.world.now, lambda: self._resume(epoch))

    def interrupt(self, signal: int = 2) -> None:
        """Send SIGINT (or SIGTERM): raises ``Interrupt`` at the point where the tool waits.

        A tool that does not catch it ends by it.
        """
        if self._generator is None or self.status is not None:
            return
        self._epoch += 1
        try:
            deadline = self._generator.throw(Interrupt(signal))
        except StopIteration as stop:
            self._exit(stop.value)
        except Interrupt:
            self._exit(128 + signal)
        else:
            self._sleep(deadline)

    def _resume(self, epoch: int) -> None:
        if epoch != self._epoch or self.status is not None or self._generator is None:
            return
        try:
            deadline = next(self._generator)
        except StopIteration as stop:
            self._exit(stop.value)
        else:
            self._sleep(deadline)

    def _sleep(self, deadline: int | None) -> None:
        self._epoch += 1
        if deadline is not None:
            epoch = self._epoch
            self.world.at(max(deadline, self.world.now), lambda: self._resume(epoch))

    def _exit(self, status: int) -> None:
        self.status = status
        self._generator = None
        if self.on_exit is not None:
            self.on_exit()
