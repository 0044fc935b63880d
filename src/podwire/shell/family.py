"""The processes of a run: bash and what came of it, and that none of them outlives it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

from podwire.shell.directory import FLAGS, PYTHON, Directory
from podwire.shell.quiet import Look, Processes, Tree

_SHIM: Final = (os.fsencode(PYTHON), FLAGS.encode())
_PR_SET_CHILD_SUBREAPER: Final = 36
_SETTLED: Final = 3
"""Looks in a row at equal lists that ``ps`` has to give."""


_ROUNDS: Final = 100


class Family:
    """``child`` is what was started: bash, or what makes its namespaces; ``processes`` tells what all of them are doing."""

    def __init__(
        self, child: subprocess.Popen[bytes], processes: Processes, over: int | None, hold: int | None
    ) -> None:
        self.child = child
        self.processes = processes
        self.over = over
        """Becomes readable when bash has ended; None where that cannot be had."""
        self._hold = hold

    def ended(self) -> int | None:
        """The exit status of bash, negative for a signal; None while it runs."""
        if self._hold is not None and self.over is not None:
            with contextlib.suppress(BlockingIOError):
                return int(os.read(self.over, 16))
        return self.child.poll()

    def gone(self) -> bool:
        """Nothing is left: the namespaces have ended."""
        return self._hold is not None and self.child.poll() is not None

    def release(self) -> None:
        """Bash has ended, and what it left has had its say: now all ends."""
        if self._hold is not None and not self.gone():
            os.write(self._hold, b"\n")
            self.child.wait()


@contextlib.contextmanager
def family(start: Callable[[], subprocess.Popen[bytes]], private: Directory, *, sandboxed: bool) -> Iterator[Family]:
    """Start bash; at the end those that are left are killed.

    In the sandbox its first process is their root, and the kernel ends them with it. Without, the launcher adopts orphans where
    it can (Linux), and ends what it finds.
    """
    own = os.getpid()
    adopts = not sandboxed and Path(f"/proc/{own}/task/{own}/children").exists()
    others: set[int] = set()
    if adopts:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        others = Tree(own, _SHIM, below=True).pids()
    with contextlib.ExitStack() as stack:
        pipes = [_open(path, stack) for path in (private.over, private.hold)] if sandboxed else [None, None]
        child = start()
        processes: Processes
        if sandboxed:
            processes = Tree(child.pid, _SHIM)
        elif adopts:
            processes = Tree(own, _SHIM, below=True, others=others)
        else:
            processes = List(child.pid)
        over = pipes[0]
        if over is None and hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):
                over = os.pidfd_open(child.pid)
                stack.callback(os.close, over)
        try:
            yield Family(child, processes, over, pipes[1])
        finally:
            if not sandboxed or child.poll() is None:
                _kill(processes.pids)
            child.wait()
            if adopts:
                ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def _open(path: Path, stack: contextlib.ExitStack) -> int:
    """A named pipe, for both directions: neither end waits for the other."""
    number = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    stack.callback(os.close, number)
    return number


def _kill(left: Callable[[], set[int]]) -> None:
    """End them, and those that they start meanwhile."""
    for _ in range(_ROUNDS):
        pids = left()
        if not pids:
            return
        for pid in pids:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(OSError):
                os.waitpid(pid, os.WNOHANG)
        time.sleep(0.001)


class List:
    """The processes from ``root`` down as ``ps`` lists them, for systems without Linux' /proc.

    It tells less: no counters, and no call in which a process waits. Scripts that do several things at once may differ from run to run.
    """

    def __init__(self, root: int) -> None:
        self._root = root
        self._last: list[tuple[int, str]] = []
        self._equal = 0
        self._seen: set[int] = set()

    def look(self, connected: Collection[int]) -> Look:
        """Quiet after some equal lists of sleepers."""
        look = Look(chains={self._root: (self._root,)})
        found = self._list(_children(), look.chains)
        self._seen.update(pid for pid, _ in found)
        look.stopped = frozenset(pid for pid, state in found if state == "T")
        sleeps = all(state in "SITZ" for _, state in found)
        self._equal = self._equal + 1 if sleeps and found == self._last else 0
        self._last = found
        look.busy = self._equal < _SETTLED
        return look

    def pids(self) -> set[int]:
        """The tree, and those once seen in it that init has inherited since."""
        children = _children()
        left = {pid for pid, _ in children.get(1, [])} & self._seen
        found = self._list(children, {pid: (pid,) for pid in (self._root, *left)})
        return left | {pid for pid, state in found if state != "Z"}

    def _list(
        self, children: Mapping[int, list[tuple[int, str]]], chains: dict[int, tuple[int, ...]]
    ) -> list[tuple[int, str]]:
        """Process ids and states of what is below ``chains``, which become what ``Look`` has."""
        found: list[tuple[int, str]] = []
        pending = list(chains)
        while pending:
            above = pending.pop()
            for pid, state in children.get(above, []):
                chains[pid] = (*chains[above], pid)
                found.append((pid, state))
                pending.append(pid)
        return found


def _children() -> dict[int, list[tuple[int, str]]]:
    """Process ids and states by their parents."""
    children: dict[int, list[tuple[int, str]]] = {}
    text = subprocess.run(["ps", "-axo", "pid=,ppid=,stat="], capture_output=True, text=True, check=True).stdout
    for line in text.splitlines():
        child, parent, state = line.split()[:3]
        children.setdefault(int(parent), []).append((int(child), state[0]))
    return children
