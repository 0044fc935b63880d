"""A running command: arguments in, text out, and waiting in virtual time.

A tool is a function that takes a ``Process``. A tool that never waits returns its exit status. A tool that waits is a
generator: it yields the absolute virtual time (ns) up to which it would sleep, or None to sleep until woken, and is
resumed at that time or by ``wake()``, whichever comes first; its return value is the exit status. ``interrupt()``
raises ``Interrupt`` inside it (^C), ``close()`` ends it where it waits, without a word; ``stop()`` holds it, and
``resume()`` lets it go on.

A signal that comes while the tool runs - it wrote something, and whoever reads has had enough - is taken at its next wait.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from podwire.linux.image import Image
    from podwire.linux.machine import Place
    from podwire.linux.netns import Netns
    from podwire.tools.ops import ClusterOps
    from podwire.tools.resolving.resolver import Lookup
    from podwire.trace.log import Log
    from podwire.wire.addr import Ip

_SIGKILL: Final = 9


class Interrupt(Exception):
    """SIGINT reached the tool (or SIGTERM, ``signal`` 15)."""

    def __init__(self, signal: int = 2) -> None:
        super().__init__(signal)
        self.signal = signal


Waiting = Generator["int | None", None, int]
Waits = Generator["int | None", None, None]
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
    it comes. ``directory`` is where the caller stands, for files that are the caller's: "" is where podwire itself runs.
    ``terminals`` says which of the descriptors 0, 1 and 2 are a terminal.
    """

    def __init__(
        self,
        world: World,
        place: Place,
        argv: list[str],
        *,
        stdin: str = "",
        directory: str = "",
        terminals: frozenset[int] = frozenset(),
    ) -> None:
        self.world = world
        self.place = place
        self.argv = argv
        self.stdin = stdin
        self.directory = directory
        self.terminals = terminals
        self.pids: Callable[[int], Netns | None] | None = None
        """The namespace of a process id, None where there is no such process; for callers that have processes."""
        self.processes: Callable[[], Iterable[int]] | None = None
        """Every process id, as /proc lists them; for callers that have processes."""
        self.cluster: ClusterOps | None = None
        """The cluster that kubectl and its kin act on; None where there is none, and inside containers."""
        self.environment: Mapping[str, str] = {}
        """What the caller's environment says to those who ask: ``KUBE_EDITOR`` of ``kubectl edit``."""
        self.endless = False
        """The tool said that only a signal will end it: ``ping`` without ``-c`` and ``-w`` …"""
        self.status: int | None = None
        self.output: list[tuple[int, str]] = []
        """(1 or 2, text) in the order written."""
        self.on_output: Callable[[int, str], None] | None = None
        self.on_exit: Callable[[], None] | None = None
        self.on_send: Callable[[int], None] | None = None
        """Hears the id of each packet that a socket of the tool sends, before it starts: how a trace adopts it."""
        self.names: dict[str, Lookup] = {}
        """What name servers said of names, and of addresses: a tool asks once for each."""
        self.pointers: dict[Ip, str | None] = {}
        self.result: object | None = None
        """What the tool found, for the Python API: ``ping`` leaves a ``PingResult``."""
        self._generator: Waiting | None = None
        self._epoch = 0
        self._running = False
        self._stopped = False
        self._due = False
        """The tool was to be resumed while it was stopped."""
        self._signals: list[int] = []
        """Those that wait for the tool to wait, or to be let go on."""
        self._killed = False

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
        if self._killed:
            return
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

    @property
    def stopped(self) -> bool:
        """True between ``stop()`` and ``resume()``."""
        return self._stopped

    def start(self, tool: Tool) -> None:
        """Run the tool up to its first wait."""
        if self.done:
            return
        self._running = True
        try:
            result = tool(self)
        finally:
            self._running = False
        if isinstance(result, int):
            self._exit(result)
            return
        self._generator = result
        # One that was killed meanwhile, too: what it has opened is released where it waits.
        self._step(result.__next__)

    def wake(self) -> None:
        """Resume the tool at the present instant, after what is being processed now."""
        if self._generator is not None and self.status is None:
            self._epoch += 1
            epoch = self._epoch
            self.world.at(self.world.now, lambda: self._resume(epoch))

    def interrupt(self, signal: int = 2) -> None:
        """Send SIGINT (or SIGTERM): raises ``Interrupt`` at the point where the tool waits.

        A tool that does not catch it ends by it; one that is stopped gets it once it goes on.
        """
        generator = self._generator
        if self.done:
            return
        if self._running or self._stopped:
            if signal not in self._signals:
                self._signals.append(signal)
        elif generator is not None:
            self._step(lambda: generator.throw(Interrupt(signal)), signal)

    def stop(self) -> None:
        """SIGSTOP: neither time nor ``wake()`` resumes the tool before ``resume()``."""
        self._stopped = not self.done

    def resume(self) -> None:
        """SIGCONT: the tool finds what came and what fell due meanwhile, and the signals."""
        if not self._stopped:
            return
        self._stopped = False
        if self._due:
            self.wake()
        self._due = False
        self._take_signals()

    def close(self) -> None:
        """SIGKILL: taps and sockets are released, and nothing more is said. Status 137."""
        if self.done:
            return
        self._killed = True
        if not self._running:
            if self._generator is not None:
                self._generator.close()
            self._exit(128 + _SIGKILL)

    def _resume(self, epoch: int) -> None:
        if epoch != self._epoch or self.status is not None or self._generator is None:
            return
        if self._stopped:
            self._due = True
        else:
            self._step(self._generator.__next__)

    def _step(self, run: Callable[[], int | None], signal: int = 0) -> None:
        """Let the tool run up to its next wait, and take the signals that came meanwhile."""
        self._epoch += 1
        self._running = True
        try:
            deadline = run()
        except StopIteration as stop:
            self._exit(stop.value)
        except Interrupt:
            self._exit(128 + signal)
        else:
            self._sleep(deadline)
        finally:
            self._running = False
        if self._killed and not self.done:
            self.close()
        self._take_signals()

    def _take_signals(self) -> None:
        while self._signals and not self._stopped and not self.done:
            self.interrupt(self._signals.pop(0))

    def _sleep(self, deadline: int | None) -> None:
        self._epoch += 1
        if deadline is not None:
            epoch = self._epoch
            self.world.at(max(deadline, self.world.now), lambda: self._resume(epoch))

    def _exit(self, status: int) -> None:
        self.status = 128 + _SIGKILL if self._killed else status
        self._generator = None
        self._stopped = False
        if self.on_exit is not None:
            self.on_exit()
