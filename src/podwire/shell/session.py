"""One run of bash over the simulator: the loop that serves shims, and moves time when nothing else can move."""

from __future__ import annotations

import contextlib
import os
import resource
import selectors
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from podwire.errors import PodwireError
from podwire.shell import sandbox
from podwire.shell.client import Client
from podwire.shell.directory import Directory, private_directory
from podwire.shell.family import Family, family
from podwire.shell.places import VARIABLE, Places
from podwire.shell.quiet import Look
from podwire.shell.server import Server

if TYPE_CHECKING:
    from podwire.cluster import Cluster
    from podwire.fabric.network import Network
    from podwire.linux.machine import Place

_SECOND: Final = 1_000_000_000
_BUSY_WAIT: Final = (0.0002, 0.0005, 0.001, 0.002, 0.005)
"""Seconds until the next look while something runs: longer the longer it runs."""
_IDLE_WAIT: Final = 0.02
_PATIENCE: Final = 5.0
"""Seconds that a process may sleep in a timer of the real clock before time goes on without it."""
_LAST_WORDS: Final = 1.0
"""Seconds that may pass between the end of bash and of what it left running."""


class Session:
    """A bash whose network is ``network``.

    ``place`` is where it stands at first (None: nowhere), ``cluster`` what kubectl and ssh know. ``max_time``: ns of
    virtual time after which a command that has not ended is interrupted.
    """

    def __init__(
        self,
        network: Network,
        place: Place | None,
        cluster: Cluster | None = None,
        *,
        max_time: int = 3600 * _SECOND,
        interactive: bool = False,
    ) -> None:
        self._network = network
        self._place = place
        self._cluster = cluster
        self._max_time = max_time
        self._interactive = interactive
        self._places = Places()
        self._stderr: int | IO[bytes] | None = None
        self._ended: list[int] = []
        """Signals that end the run."""
        self._patience: dict[int, float] = {}
        self._misses = 0
        self._pace: tuple[float, int] | None = None
        """While time goes at the pace of the wall: when that began there, and here."""

    def run(
        self,
        arguments: Sequence[str],
        *,
        directory: Path | None = None,
        environment: Mapping[str, str] | None = None,
        stdin: int | IO[bytes] | None = None,
        stdout: int | IO[bytes] | None = None,
        stderr: int | IO[bytes] | None = None,
    ) -> int:
        """Run ``bash ARGUMENTS``; returns its exit status (128 + N if signal N ended it).

        Raises ``PodwireError`` where there is no bash, and in a run of another session.
        """
        bash = shutil.which("bash")
        if bash is None:
            raise PodwireError("podwire sh needs bash on the PATH")
        given = os.environ if environment is None else environment
        if VARIABLE in given:
            raise PodwireError("podwire sh inside podwire sh: a script has one simulator (for another shell: bash)")
        self._stderr = stdout if stderr == subprocess.STDOUT else stderr
        unshare = sandbox.available()
        with private_directory(sandboxed=bool(unshare)) as private:
            rc = ["--rcfile", os.fspath(private.inside / private.rc.name), "-i"] if self._interactive else []
            command = [bash, *rc, *arguments]
            if unshare:
                command = sandbox.wrap(unshare, private, command)

            def start() -> subprocess.Popen[bytes]:
                return subprocess.Popen(
                    command,
                    cwd=directory,
                    env=self._environment(private, given),
                    stdin=stdin,
                    stdout=stdout,
                    stderr=stderr,
                )

            with (
                contextlib.closing(Server(self._network, self._cluster, self._places, private)) as server,
                _deaf(self._ended),
                _terminal(),
                family(start, private, sandboxed=bool(unshare)) as run,
                _many_descriptors(),
            ):
                status = self._serve(server, run)
                self._last_words(server, run)
        return 128 - status if status < 0 else status

    def _environment(self, private: Directory, given: Mapping[str, str]) -> dict[str, str]:
        environment = dict(given) | dict(setting.split("=", 1) for setting in self._places.settings(self._place))
        rc = os.fspath(private.inside / private.rc.name)
        return environment | {"PATH": os.fspath(private.inside / "bin"), "BASH_ENV": rc, "ENV": rc}

    # -- the loop ------------------------------------------------------------------------------------------------

    def _serve(self, server: Server, run: Family) -> int:
        """Until bash has ended."""
        if run.over is not None:
            server.selector.register(run.over, selectors.EVENT_READ)
        wait = 0.0
        while (status := run.ended()) is None:
            wait, look = self._round(server, run, wait)
            if look is not None:
                wait = self._advance(server, human=look.human)
        if run.over is not None:
            server.selector.unregister(run.over)
        return status

    def _last_words(self, server: Server, run: Family) -> None:
        """What bash has left running - ``tee`` that it wrote to, a command in the background - goes on within the present instant."""
        end = time.monotonic() + _LAST_WORDS
        wait = 0.0
        look = None
        while look is None and time.monotonic() < end and not run.gone():
            wait, look = self._round(server, run, wait, patient=False)
        run.release()

    def _round(self, server: Server, run: Family, wait: float, *, patient: bool = True) -> tuple[float, Look | None]:
        """One thing: a message, else a command whose turn it is. Returns how long to wait for the next, and when nothing can act, that.

        Who may act before time moves, acts first; of several commands that were started side by side, the one that was started first.
        """
        server.serve(wait)
        self._check()
        server.flush()
        look = run.processes.look(server.clients)
        server.pids = lambda: look.chains
        self._hold(server, look)
        if look.busy or (patient and self._sleeping(look)):
            wait = _BUSY_WAIT[min(self._misses // 20, len(_BUSY_WAIT) - 1)]
            self._misses += 1
            return wait, None
        self._misses = 0
        if server.serve(0.0):
            return 0.0, None  # it was said before all fell silent
        self._places.sweep(look.chains)
        while server.pending:
            if server.start(min(server.pending, key=lambda client: look.chains.get(client.pid, (client.pid,)))):
                return 0.0, None
        return 0.0, look

    def _check(self) -> None:
        if self._ended:
            raise SystemExit(128 + self._ended[0])

    def _hold(self, server: Server, look: Look) -> None:
        """^Z and ``fg``: a command whose shim is stopped does not go on."""
        for client in server.clients.values():
            held = client.pid in look.stopped
            if held != client.held and client.process is not None:
                client.held = held
                if held:
                    client.process.stop()
                else:
                    client.process.resume()

    def _sleeping(self, look: Look) -> bool:
        """A real program sleeps by the real clock: wait for it, but not for ever."""
        now = time.monotonic()
        waiting = False
        for pid in look.sleepers:
            since = self._patience.setdefault(pid, now)
            if now - since < _PATIENCE:
                waiting = True
            elif since:
                self._patience[pid] = 0.0
                self._say(
                    f"process {pid} has slept for {_PATIENCE:.0f} s by the real clock: virtual time goes on without it"
                )
        return waiting

    def _advance(self, server: Server, *, human: bool) -> float:
        """Let virtual time pass up to the next thing that a process of the run can notice; returns how long to wait in vain (s)."""
        waiting = [
            c
            for c in server.clients.values()
            if not c.held and ((c.process is not None and not c.process.done) or c.minding is not None)
        ]
        if not waiting or human:
            self._pace = None
            return _IDLE_WAIT
        network = self._network
        deadline = min(self._deadline(client) for client in waiting)
        server.seen = False
        if self._interactive and all(client.process is not None and client.process.endless for client in waiting):
            return self._at_the_walls_pace(server)
        self._pace = None
        while not server.seen:
            due = network.next_time()
            if due is None or due > deadline:
                network.now = max(network.now, deadline)
                self._expire(server, waiting)
                break
            network.step()
            self._check()
        return 0.0

    def _at_the_walls_pace(self, server: Server) -> float:
        """Commands that end at ^C alone, in front of somebody: a second takes a second."""
        network = self._network
        now = time.monotonic()
        if self._pace is None:
            self._pace = now, network.now
        began, start = self._pace
        reached = start + round((now - began) * _SECOND)
        while not server.seen:
            due = network.next_time()
            if due is None or due > reached:
                network.now = max(network.now, reached)
                return _IDLE_WAIT if due is None else min(_IDLE_WAIT, (due - reached) / _SECOND)
            network.step()
        return 0.0

    def _deadline(self, client: Client) -> int:
        """When a command is interrupted; never one that only waits for a time of its own."""
        if client.request.argv[0] in {"sleep", "timeout"}:
            return sys.maxsize
        return client.started + self._max_time

    def _expire(self, server: Server, waiting: list[Client]) -> None:
        server.seen = True
        for client in waiting:
            if self._deadline(client) <= self._network.now and client.process is not None:
                self._say(
                    f"{client.process.argv[0]} is interrupted: it has run for {self._max_time / _SECOND:g} s of virtual time (--max-time)"
                )
                client.signal = signal.SIGINT
                client.process.interrupt(signal.SIGINT)

    def _say(self, text: str) -> None:
        """To where bash complains."""
        message = f"podwire: {text}\n"
        if self._stderr is None:
            sys.stderr.write(message)
            sys.stderr.flush()
            return
        with contextlib.suppress(OSError):
            os.write(self._stderr if isinstance(self._stderr, int) else self._stderr.fileno(), message.encode())


@contextlib.contextmanager
def _many_descriptors() -> Iterator[None]:
    """Each command that waits holds four of ours; those of bash, which has been started, stay what they were."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.contextmanager
def _deaf(ended: list[int]) -> Iterator[None]:
    """Interrupt and quit are for the commands, which get them from the terminal as we do; SIGTERM and SIGHUP end the run.

    They are noted in ``ended``. An exception raised by a handler would be lost where Python drops those of a destructor.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    # A handler, not SIG_IGN: bash would inherit that.
    before = [(number, signal.signal(number, lambda *_: None)) for number in (signal.SIGINT, signal.SIGQUIT)]
    before += [
        (number, signal.signal(number, lambda number, _: ended.append(number)))
        for number in (signal.SIGTERM, signal.SIGHUP)
    ]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


@contextlib.contextmanager
def _terminal() -> Iterator[None]:
    """An interactive bash makes itself the owner of the terminal; afterwards it is ours again."""
    try:
        owner = os.tcgetpgrp(0)
    except OSError:
        yield
        return
    try:
        yield
    finally:
        before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        with contextlib.suppress(OSError):
            os.tcsetpgrp(0, owner)
        signal.signal(signal.SIGTTOU, before)
