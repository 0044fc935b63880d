"""Is there anything in the run that could still act at the present instant? Only when there is not may time move on.

Linux tells through /proc (proc(5)): the tree of processes below the launcher, their states, and how often each thread has run
(``schedstat``). Why each part of the rule is needed is said beside it; without any of them runs of one script differ.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Collection
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol

import msgspec

_ZOMBIE_NS: Final = 3_000_000
"""A process that has just ended is about to wake its parent."""


class Processes(Protocol):
    """The processes of a run."""

    def look(self, connected: Collection[int]) -> Look:
        """What they are doing. ``connected``: shims that wait for the simulator."""

    def pids(self) -> set[int]:
        """All that there are, whatever they do."""


class Look(msgspec.Struct):
    """What one look at the processes found. ``busy``: something can act, or may be about to."""

    busy: bool = True
    chains: dict[int, tuple[int, ...]] = {}
    """Each process with its ancestors from the root down: the order of processes that were started side by side."""
    stopped: frozenset[int] = frozenset()
    """Processes that a signal has stopped (^Z)."""
    sleepers: tuple[int, ...] = ()
    """Processes that sleep in a real timer, which podwire does not move."""
    human: bool = False
    """A process reads from a terminal: somebody is to type."""


class Tree:
    """The processes from ``root`` down, by Linux' /proc; ``shim`` is how the command line of a shim begins.

    ``root`` itself does not count where it is the launcher (``below``), nor do its ``others``, which are not of the run.
    """

    def __init__(
        self, root: int, shim: tuple[bytes, ...], *, below: bool = False, others: Collection[int] = ()
    ) -> None:
        self._root = root
        self._below = below
        self._others = frozenset(others)
        self._shim = b"\0".join(shim) + b"\0"
        self._zombies: dict[int, int] = {}
        self._counters: list[tuple[int, str]] = []

    def look(self, connected: Collection[int]) -> Look:
        """Two scans: quiet if both are, and no thread has run between them."""
        first, _ = self._scan(connected)
        if first is None:
            return Look()
        counters = self._counters
        second, look = self._scan(connected)
        if second is None or self._counters != counters:
            return Look(chains=look.chains, stopped=look.stopped)
        waits = _waits(second, connected)
        if waits is None or any(_ran(thread, counter) for thread, counter in counters):
            return Look(chains=look.chains, stopped=look.stopped)
        look.sleepers, look.human = waits
        look.busy = False
        return look

    def pids(self) -> set[int]:
        found: set[int] = set()
        pending = [self._root]
        while pending:
            pid = pending.pop()
            if pid in self._others:
                continue
            try:
                pending += [child for thread in _stat(pid)[1] for child in _children(pid, thread)]
            except OSError:
                continue  # it has just ended
            found.add(pid)
        return found - {self._root} if self._below else found

    def _scan(self, connected: Collection[int]) -> tuple[list[int] | None, Look]:
        """The sleeping processes, or None as soon as one is found that can act."""
        look = Look()
        self._counters = []
        sleeping: list[int] = []
        stopped = []
        quiet = True
        pending: list[tuple[int, tuple[int, ...]]] = [(self._root, ())]
        while pending:
            pid, ancestors = pending.pop()
            if pid in self._others:
                continue
            chain = look.chains[pid] = (*ancestors, pid)
            if self._below and pid == self._root:
                pending += [(child, chain) for thread in _stat(pid)[1] for child in _children(pid, thread)]
                continue
            try:
                state, threads = _stat(pid)
                if len(threads) > 1 and not set("".join(_state(pid, thread) for thread in threads)) <= set("SITt"):
                    quiet = False  # the first thread may wait for another
                for thread in threads:
                    self._counters.append((thread, _read(f"/proc/{pid}/task/{thread}/schedstat")))
                    pending += [(child, chain) for child in _children(pid, thread)]
            except OSError:
                quiet = False  # it has just ended
                continue
            if state == "Z":
                quiet = self._is_old(pid) and quiet
            elif state in "Tt":
                stopped.append(pid)
            elif state not in "SI" or (pid not in connected and self._is_shim(pid)):
                quiet = False  # it runs, waits for a disk, or is a shim that is about to ask
            else:
                sleeping.append(pid)
        look.stopped = frozenset(stopped)
        return (sleeping if quiet else None), look

    def _is_old(self, pid: int) -> bool:
        now = time.monotonic_ns()
        return now - self._zombies.setdefault(pid, now) > _ZOMBIE_NS

    def _is_shim(self, pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(self._shim)
        except OSError:
            return False


def _read(path: str) -> str:
    with open(path, encoding="ascii", errors="replace") as file:  # noqa: PTH123 - thousands of times a second
        return file.read()


def _stat(pid: int) -> tuple[str, list[int]]:
    """State and threads; the command's name stands in parentheses and may hold anything."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    if fields[17] == "1":
        return fields[0], [pid]
    return fields[0], [int(name) for name in os.listdir(f"/proc/{pid}/task")]  # noqa: PTH208 - as above


def _state(pid: int, thread: int) -> str:
    return _read(f"/proc/{pid}/task/{thread}/stat").rpartition(")")[2].split()[0]


def _children(pid: int, thread: int) -> list[int]:
    return [int(word) for word in _read(f"/proc/{pid}/task/{thread}/children").split()]


# -- in which call a process waits --------------------------------------------------------------------------------

_NUMBERS: Final = MappingProxyType(
    {
        "x86_64": MappingProxyType(
            {0: "read", 7: "poll", 23: "select", 35: "nanosleep", 128: "sigtimedwait", 202: "futex", 219: "restart"}
            | {230: "nanosleep", 232: "epoll", 270: "select", 271: "ppoll", 281: "epoll"}
        ),
        "aarch64": MappingProxyType(
            {22: "epoll", 63: "read", 72: "select", 73: "ppoll", 98: "futex", 101: "nanosleep", 115: "nanosleep"}
            | {128: "restart", 137: "sigtimedwait"}
        ),
    }
)
_TIMEOUT: Final = MappingProxyType({"poll": 2, "ppoll": 2, "select": 4, "epoll": 3, "futex": 3, "sigtimedwait": 2})
"""Which argument of the call is its time-out."""
_ALWAYS: Final = frozenset({"nanosleep", "restart"})
_FOREVER: Final = MappingProxyType({"poll": 0xFFFFFFFF, "epoll": 0xFFFFFFFF})
"""-1 as an int; the others take a pointer, and wait for ever without one."""


def _ran(thread: int, counter: str) -> bool:
    """What a running thread has run counts when it leaves the CPU: ``_waits`` has seen each off it."""
    try:
        return _read(f"/proc/{thread}/schedstat") != counter
    except OSError:
        return True


def _waits(pids: list[int], connected: Collection[int]) -> tuple[tuple[int, ...], bool] | None:
    """Those that sleep in a timer, and whether one reads a terminal; None if one does not wait at all.

    ``stat`` shows a process as sleeping as soon as it means to: a shell inside ``wait4`` does so while it still buries a child
    that nobody sees any more. ``syscall`` waits until it is off the CPU, and says "running" if it went on instead.
    """
    numbers = _NUMBERS.get(platform.machine(), MappingProxyType({}))
    sleepers = []
    human = False
    for pid in pids:
        try:
            words = _read(f"/proc/{pid}/syscall").split()
        except OSError:
            continue  # the system does not tell (ptrace_scope)
        if words[:1] == ["running"]:
            return None
        call = numbers.get(int(words[0])) if words and words[0].isdigit() else None
        if call is None or pid in connected:
            continue
        arguments = [int(word, 16) for word in words[1:7]]
        if call in _ALWAYS:
            sleepers.append(pid)
        elif call in _TIMEOUT:
            value = arguments[_TIMEOUT[call]]
            if call in _FOREVER:
                value = 0 if value & 0xFFFFFFFF == _FOREVER[call] else 1
            if value:
                sleepers.append(pid)
        if call == "read" or (call == "select" and not arguments[4] and arguments[0] == 1):
            human = human or _is_terminal(pid, arguments[0] if call == "read" else 0)
    return tuple(sleepers), human


def _is_terminal(pid: int, number: int) -> bool:
    try:
        target = str(Path(f"/proc/{pid}/fd/{number}").readlink())
    except OSError:
        return False
    return target.startswith(("/dev/pts/", "/dev/tty", "/dev/console"))
