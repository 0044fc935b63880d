"""What these commands share: options, inputs, coreutils' words."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from podwire.errors import NotModelled
from podwire.tools.args import BadOption, Exit, getopt
from podwire.tools.files import FileError
from podwire.tools.tree import text_of

if TYPE_CHECKING:
    from podwire.tools.process import Process


def options(
    proc: Process, letters: str, longs: Mapping[str, str], unmodelled: str = "", *, status: int = 1
) -> tuple[Sequence[tuple[str, str]], list[str]]:
    """Options and operands. ``unmodelled`` are letters (and names of ``longs``) that the program has and podwire lacks.

    Raises ``NotModelled`` for those, ``Exit`` after the program's words for others.
    """
    try:
        found, operands = getopt(proc, letters + unmodelled, {"help": "help", "version": "version", **longs})
    except BadOption:
        proc.error(f"Try '{proc.argv[0]} --help' for more information.\n")
        raise Exit(status) from None
    known = letters.replace(":", "")
    for option, _ in found:
        if option not in known:
            raise NotModelled(f"option {'-' if len(option) == 1 else '--'}{option}", proc.argv[0])
    return found, operands


def inputs(
    proc: Process, names: Sequence[str], complain: str = "{name}: {why}", *, quiet: bool = False
) -> Iterator[tuple[str, str | None]]:
    """Name and text of each file; ``-`` is standard input. None after a complaint where one cannot be read (``quiet``: without it)."""
    for name in names or ["-"]:
        if name == "-":
            yield name, proc.stdin
            continue
        try:
            yield name, text_of(proc.place, name)
        except FileError as error:
            if not quiet:
                proc.error(f"{proc.argv[0]}: {complain.format(name=name, why=os.strerror(error.errno))}\n")
            yield name, None


def missing(proc: Process, what: str) -> int:
    """Too few operands."""
    proc.error(f"{proc.argv[0]}: {what}\nTry '{proc.argv[0]} --help' for more information.\n")
    return 1


def lines_of(text: str) -> list[str]:
    """Lines without their ends; the last need not have one."""
    return text.removesuffix("\n").split("\n") if text else []
