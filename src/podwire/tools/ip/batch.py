"""``ip -batch FILE``: one command per line (do_batch, getcmdline and makeargs of lib/utils.c)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from podwire.tools.files import caller_path
from podwire.tools.ip.context import NotEntered
from podwire.tools.ip.grammar import Fail, Words

if TYPE_CHECKING:
    from podwire.tools.process import Process, Waiting

_BLANK: Final = " \t\r\n"
_MAX_ARGS: Final = 511


def batch(proc: Process, name: str, command: Callable[[Words], int | Waiting], *, force: bool) -> Waiting:
    """Run the commands of a file of the caller's, or those on standard input (``-``), up to the first that fails.

    What makes the real tool exit ends the whole batch, also with ``force``; what makes a command fail does not.
    """
    try:
        text = _read(proc, name)
        return (yield from _run(proc, name, iter(_lines(proc, text)), command, force=force))
    except Fail as fail:
        proc.error(fail.message)
        return fail.status


def _run(
    proc: Process,
    name: str,
    lines: Iterator[tuple[int, str]],
    command: Callable[[Words], int | Waiting],
    *,
    force: bool,
) -> Waiting:
    status = 0
    place, argv = proc.place, proc.argv
    while (following := next(lines, None)) is not None:
        number, line = following
        words = _words(line)
        if not words:
            continue
        try:
            result = command(Words(words))
            failed = result if isinstance(result, int) else (yield from result)
        except NotEntered as fail:
            # The child that was to become the command goes on with the batch instead, and then the parent does.
            proc.error(f"{fail.message}Command failed {name}:{number}\n")
            if force:
                rest = list(lines)
                yield from _run(proc, name, iter(rest), command, force=True)
                lines = iter(rest)
            failed = 1
        except Fail as fail:
            if fail.exits:
                raise
            proc.error(fail.message)
            failed = fail.status
        # ``netns exec`` was a child of its own.
        proc.place, proc.argv = place, argv
        if failed:
            proc.error(f"Command failed {name}:{number}\n")
            status = 1
            if not force:
                break
    return status


def _read(proc: Process, name: str) -> str:
    if name == "-":
        return proc.stdin
    try:
        return caller_path(proc, name).read_text(encoding="utf-8", errors="surrogateescape")
    except IsADirectoryError:
        return ""  # it can be opened, and then there is nothing to read
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise Fail(1, f'Cannot open file "{name}" for reading: {why}\n') from None


def _lines(proc: Process, text: str) -> Iterator[tuple[int, str]]:
    """``getcmdline``: the commands without comments, continued lines joined, and the number of the last line of each."""
    number = 0
    lines = iter(text.split("\n"))
    total = text.count("\n")

    def following() -> str | None:
        nonlocal number
        number += 1
        line = next(lines, None)
        if line is None or (number > total and not line):
            return None
        line = (line + ("\n" if number <= total else "")).partition("\0")[0]
        return line.partition("#")[0]

    while (line := following()) is not None:
        while (at := line.find("\\\n")) >= 0:
            more = following()
            if more is None:
                proc.error("Missing continuation line\n")
                return
            line = line[:at] + more
        yield number, line


def _words(line: str) -> list[str]:
    """``makeargs``: blanks separate, a word may begin with a quote, and then ends with it."""
    words: list[str] = []
    at = 0
    while True:
        while at < len(line) and line[at] in _BLANK:
            at += 1
        if at == len(line):
            return words
        if len(words) == _MAX_ARGS:
            raise Fail(1, "Too many arguments to command\n", exits=True)
        if line[at] in "'\"":
            end = line.find(line[at], at + 1)
            if end < 0:
                raise Fail(1, "Unterminated quoted string\n", exits=True)
            at += 1
        else:
            end = next((index for index in range(at, len(line)) if line[index] in _BLANK), len(line))
        words.append(line[at:end])
        at = min(end + 1, len(line))
