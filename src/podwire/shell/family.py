"""Which processes belong to a run, and that none of them outlives it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Final

from podwire.shell.directory import FLAGS, PYTHON
from podwire.shell.quiet import Look, Processes, Tree

_SHIM: Final = (os.fsencode(PYTHON), FLAGS.encode())
_PR_SET_CHILD_SUBREAPER: Final = 36
_SETTLED: Final = 3
"""Looks in a row at equal lists that ``ps`` has to give."""


@contextlib.contextmanager
def family(*, sandboxed: bool) -> Iterator[Callable[[int], Processes]]:
    """Gives what makes, of bash's process id, the processes of the run; at the end those that are left are killed.

    In the sandbox its first process is their root, and the kernel ends them with it. Without, the launcher adopts orphans where
    it can (Linux), and ends what it finds.
    """
    own = os.getpid()
    if sandboxed:
        yield lambda child: Tree(child, _SHIM)
        return
    if Path(f"/proc/{own}/task/{own}/children").exists():
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        others = set(Tree(own, _SHIM, below=True).look(()).chains)
        try:
            yield lambda _: Tree(own, _SHIM, below=True)
        finally:
            _kill(lambda: set(Tree(own, _SHIM, below=True).look(()).chains) - others)
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
        return
    lists: list[List] = []

    def make(child: int) -> Processes:
        lists.append(List(child))
        return lists[0]

    try:
        yield make
    finally:
        for last in lists:
            _kill(lambda: set(last.look(()).chains))  # noqa: B023 - there is one


def _kill(left: Callable[[], set[int]]) -> None:
    """End them, and those that they start meanwhile."""
    for _ in range(10):
        pids = left()
        if not pids:
            return
        for pid in pids:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(OSError):
                os.waitpid(pid, os.WNOHANG)


class List:
    """The processes from ``root`` down as ``ps`` lists them, for systems without Linux' /proc.

    It tells less: no counters, and no call in which a process waits. Scripts that do several things at once may differ from run to run.
    """

    def __init__(self, root: int) -> None:
        self._root = root
        self._last: list[tuple[int, str]] = []
        self._equal = 0

    def look(self, connected: Collection[int]) -> Look:
        """Quiet after some equal lists of sleepers."""
        children: dict[int, list[tuple[int, str]]] = {}
        text = subprocess.run(["ps", "-axo", "pid=,ppid=,stat="], capture_output=True, text=True, check=True).stdout
        for line in text.splitlines():
            child, parent, state = line.split()[:3]
            children.setdefault(int(parent), []).append((int(child), state[0]))
        look = Look(chains={self._root: (self._root,)})
        found: list[tuple[int, str]] = []
        pending = [self._root]
        while pending:
            above = pending.pop()
            for pid, state in children.get(above, []):
                look.chains[pid] = (*look.chains[above], pid)
                found.append((pid, state))
                pending.append(pid)
        look.stopped = frozenset(pid for pid, state in found if state == "T")
        sleeps = all(state in "SITZ" for _, state in found)
        self._equal = self._equal + 1 if sleeps and found == self._last else 0
        self._last = found
        look.busy = self._equal < _SETTLED
        return look
