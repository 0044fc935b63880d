"""Typing a transcript into a cluster, entry by entry."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from podwire.errors import NotModelled, PodwireError
from podwire.transcript.compare import Step, align
from podwire.transcript.report import Report, Result
from podwire.transcript.script import Entry, Interrupt, Line, Script
from podwire.transcript.terminals import Prompts, Running

if TYPE_CHECKING:
    from podwire.cluster import Cluster


def play(script: Script, cluster: Cluster) -> Report:
    """Run every entry. Commands in further terminals go on while those behind them run; what still runs at the end is stopped."""
    with _about(script, 1):
        prompts = Prompts(cluster, script.machines)
    terminals: dict[str, Running] = {}
    results: list[Result] = []
    for entry in script.entries:
        with _about(script, entry.number):
            if entry.prompt is None:
                steps = _look(script, entry, terminals)
            elif not entry.command:
                steps = align([line for line in entry.body if isinstance(line, Line)], [], entry.end)
            else:
                steps = _type(script, entry, entry.prompt, cluster, prompts, terminals)
        results.append(Result(entry, tuple(steps)))
    for terminal in terminals.values():
        terminal.process.interrupt()
    return Report(script, tuple(results))


@contextmanager
def _about(script: Script, number: int) -> Iterator[None]:
    """Complaints get file and line."""
    try:
        yield
    except NotModelled as error:
        more = f" ({error.where})" if error.where else ""
        raise NotModelled(f"{error.what}{more}", f"{script.file}:{number}") from error
    except PodwireError as error:
        if str(error).startswith(f"{script.file}:"):
            raise
        raise script.complaint(number, str(error)) from error


def _type(  # the state of a replay
    script: Script, entry: Entry, prompt: str, cluster: Cluster, prompts: Prompts, terminals: dict[str, Running]
) -> list[Step]:
    """A command at a prompt."""
    found = prompts.resolve(prompt, entry.command, os.fspath(Path(script.file).parent))
    if not found and entry.terminal is not None:
        raise PodwireError(f"a shell cannot run in a further terminal: leave out @{entry.terminal}")
    if not found:
        return align([line for line in entry.body if isinstance(line, Line)], [], entry.end)
    name = entry.terminal
    if name is not None and name in terminals and not terminals[name].done:
        raise PodwireError(f"terminal @{name} is busy: end its command with ^C in a block @{name}")
    command = Running(cluster, found)
    if name is None:
        return _foreground(script, entry, command)
    terminals[name] = command
    # Without a line below it, a command in a further terminal is looked at in its first block.
    return _parts(entry.body, command, entry.end) if any(_matters(item) for item in entry.body) else []


def _matters(item: Line | Interrupt) -> bool:
    return isinstance(item, Interrupt) or not item.comment


def _foreground(script: Script, entry: Entry, command: Running) -> list[Step]:
    for item in entry.body:
        if isinstance(item, Interrupt) and not item.after:
            raise script.complaint(item.number, "^C at a prompt needs a time: ^C after 10s")
    if not any(isinstance(item, Interrupt) for item in entry.body) and not command.wait():
        command.process.interrupt()
        raise PodwireError(f"{entry.command!r} does not end by itself: add a line ^C after 10s, or @name behind it")
    return _parts(entry.body, command, entry.end)


def _look(script: Script, entry: Entry, terminals: dict[str, Running]) -> list[Step]:
    """A block @name."""
    terminal = terminals.get(str(entry.terminal))
    if terminal is None:
        raise script.complaint(entry.number, f"no command was started with @{entry.terminal} at its end")
    return _parts(entry.body, terminal, entry.end)


def _parts(body: Sequence[Line | Interrupt], command: Running, end: int) -> list[Step]:
    """Compare what stands before the ^C, interrupt, compare the rest."""
    steps: list[Step] = []
    lines: list[Line] = []
    carried: list[str] = []
    for item in body:
        if isinstance(item, Line):
            lines.append(item)
            continue
        if item.after:
            command.wait(item.after)
        before = carried + command.printed()
        command.interrupt(0)
        rest = command.printed()
        echoed = rest[:1] == ["^C"]
        steps += align(lines, before, item.number)
        steps.append(Step("equal" if echoed else "missing", item.number, item.text))
        lines, carried = [], rest[1:] if echoed else rest
    return steps + align(lines, carried + command.printed(), end)
