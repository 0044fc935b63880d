"""``cp``, ``mv``, ``rm``, ``mkdir``, ``touch``, ``tee`` and ``echo`` (coreutils 9.1)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from podwire.tools.args import Exit
from podwire.tools.files import FileError
from podwire.tools.filetools.common import missing, options
from podwire.tools.tree import (
    absolute,
    files_below,
    is_directory,
    is_file,
    make_directory,
    of_kernel,
    remove_file,
    remove_tree,
    text_of,
    write,
)

if TYPE_CHECKING:
    from podwire.linux.machine import Place
    from podwire.tools.process import Process

_ESCAPES: Final = {"a": "\a", "b": "\b", "e": "\33", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
_ESCAPE: Final = re.compile(r"\\(?:0([0-7]{0,3})|x([0-9A-Fa-f]{1,2})|(.))", re.DOTALL)


def guarded(command: Callable[[Process], int]) -> Callable[[Process], int]:
    """A command that may end early, with a status."""

    def run(proc: Process) -> int:
        try:
            return command(proc)
        except Exit as end:
            return end.status

    return run


def _say(proc: Process, text: str, error: FileError | None = None) -> None:
    proc.error(f"{proc.argv[0]}: {text}{f': {os.strerror(error.errno)}' if error is not None else ''}\n")


def _there(place: Place, path: str) -> bool:
    if of_kernel(path):
        try:
            text_of(place, path)
        except FileError:
            return is_directory(place, path)
        return True
    return is_file(place, path) or is_directory(place, path)


def _sources(proc: Process, operands: list[str]) -> tuple[list[str], str, bool]:
    """Sources, the destination, and whether that is a directory. Raises ``Exit``."""
    if not operands:
        raise Exit(missing(proc, "missing file operand"))
    if len(operands) == 1:
        raise Exit(missing(proc, f"missing destination file operand after '{operands[0]}'"))
    *sources, target = operands
    into = is_directory(proc.place, target)
    if len(sources) > 1 and not into:
        _say(
            proc,
            f"target '{target}'"
            + (" is not a directory" if is_file(proc.place, target) else ": No such file or directory"),
        )
        raise Exit(1)
    return sources, target, into


def _cp(proc: Process) -> int:
    found, operands = options(
        proc, "afrRpdv", {"recursive": "r", "archive": "a", "force": "f", "verbose": "v"}, "bHilLnPsSt:uxTZ"
    )
    letters = {option for option, _ in found}
    sources, target, into = _sources(proc, operands)
    status = 0
    for source in sources:
        to = f"{target.rstrip('/')}/{absolute(source).rpartition('/')[2]}" if into else target
        status |= _copy(proc, source, to, letters)
    return status


def _copy(proc: Process, source: str, to: str, letters: set[str]) -> int:
    place = proc.place
    if not _there(place, source):
        _say(proc, f"cannot stat '{source}': No such file or directory")
        return 1
    if is_directory(place, source):
        if not letters & set("arR"):
            _say(proc, f"-r not specified; omitting directory '{source}'")
            return 1
        return _copy_tree(proc, source, to, verbose="v" in letters)
    if absolute(source) == absolute(to):
        _say(proc, f"'{source}' and '{to}' are the same file")
        return 1
    return _copy_file(proc, source, to, verbose="v" in letters)


def _copy_file(proc: Process, source: str, to: str, *, verbose: bool) -> int:
    try:
        text = text_of(proc.place, source)
    except FileError as error:
        _say(proc, f"cannot open '{source}' for reading", error)
        return 1
    try:
        write(proc.place, to, text, by="cp")
    except FileError as error:
        why = "Not a directory" if to.endswith("/") else os.strerror(error.errno)
        _say(proc, f"cannot create regular file '{to}': {why}")
        return 1
    if verbose:
        proc.write(f"'{source}' -> '{to}'\n")
    return 0


def _copy_tree(proc: Process, source: str, to: str, *, verbose: bool) -> int:
    start = absolute(source)
    files = files_below(proc.place, start)
    try:
        make_directory(proc.place, to, parents=False)
    except FileError as error:
        if not is_directory(proc.place, to):
            _say(proc, f"cannot create directory '{to}'", error)
            return 1
    if verbose:
        proc.write(f"'{source}' -> '{to}'\n")
    status = 0
    for path in files:
        below = path.removeprefix(start)
        make_directory(proc.place, absolute(to) + below.rpartition("/")[0], parents=True)
        status |= _copy_file(proc, source.rstrip("/") + below, to.rstrip("/") + below, verbose=verbose)
    if f"{absolute(to)}/".startswith(f"{start}/"):
        _say(proc, f"cannot copy a directory, '{source}', into itself, '{to}'")
        return 1
    return status


def _mv(proc: Process) -> int:
    found, operands = options(proc, "fv", {"force": "f", "verbose": "v"}, "binuTZS:t:")
    verbose = any(option == "v" for option, _ in found)
    sources, target, into = _sources(proc, operands)
    status = 0
    for source in sources:
        to = f"{target.rstrip('/')}/{absolute(source).rpartition('/')[2]}" if into else target
        status |= _move(proc, source, to, verbose=verbose)
    return status


def _move(proc: Process, source: str, to: str, *, verbose: bool) -> int:
    place = proc.place
    if not _there(place, source):
        _say(proc, f"cannot stat '{source}': No such file or directory")
        return 1
    if absolute(source) == absolute(to):
        _say(proc, f"'{source}' and '{to}' are the same file")
        return 1
    try:
        if is_directory(place, source):
            return _move_tree(proc, source, to, verbose=verbose)
        write(place, to, text_of(place, source), by="mv")
        remove_file(place, source)
    except FileError as error:
        _say(proc, f"cannot move '{source}' to '{to}'", error)
        return 1
    if verbose:
        proc.write(f"renamed '{source}' -> '{to}'\n")
    return 0


def _move_tree(proc: Process, source: str, to: str, *, verbose: bool) -> int:
    place, start, end = proc.place, absolute(source), absolute(to)
    if f"{end}/".startswith(f"{start}/"):
        _say(proc, f"cannot move '{source}' to a subdirectory of itself, '{to}'")
        return 1
    make_directory(place, to)
    moved = {
        f"{end}{path.removeprefix(start)}": text for path, text in place.files.items() if path.startswith(f"{start}/")
    }
    remove_tree(place, source)
    if any(path != f"{end}/" for path in moved):
        del place.files[f"{end}/"]
    place.files.update(moved)
    if verbose:
        proc.write(f"renamed '{source}' -> '{to}'\n")
    return 0


def _rm(proc: Process) -> int:
    found, operands = options(proc, "frRvd", {"recursive": "r", "force": "f", "verbose": "v", "dir": "d"}, "iI")
    letters = {option for option, _ in found}
    if not operands and "f" not in letters:
        return missing(proc, "missing operand")
    status = 0
    for path in operands:
        tree = is_directory(proc.place, path)
        try:
            if (tree and letters & set("rR")) or (tree and "d" in letters and not files_below(proc.place, path)):
                remove_tree(proc.place, path)
            else:
                remove_file(proc.place, path)
        except FileError as error:
            if "f" not in letters or _there(proc.place, path):
                _say(proc, f"cannot remove '{path}'", error)
                status = 1
            continue
        if "v" in letters:
            proc.write(f"removed {'directory ' if tree else ''}'{path}'\n")
    return status


def _mkdir(proc: Process) -> int:
    found, operands = options(proc, "pv", {"parents": "p", "verbose": "v"}, "m:Z")
    letters = {option for option, _ in found}
    if not operands:
        return missing(proc, "missing operand")
    status = 0
    for path in operands:
        there = is_directory(proc.place, path)
        try:
            make_directory(proc.place, path, parents="p" in letters)
        except FileError as error:
            _say(proc, f"cannot create directory ‘{path}’", error)
            status = 1
            continue
        if "v" in letters and not there:
            proc.write(f"mkdir: created directory '{path}'\n")
    return status


def _touch(proc: Process) -> int:
    found, operands = options(proc, "c", {"no-create": "c"}, "afhmd:r:t:")
    if not operands:
        return missing(proc, "missing file operand")
    status = 0
    for path in operands:
        if _there(proc.place, path) or any(option == "c" for option, _ in found):
            continue
        try:
            write(proc.place, path, "", by="touch")
        except FileError as error:
            _say(proc, f"cannot touch '{path}'", error)
            status = 1
    return status


def _tee(proc: Process) -> int:
    found, operands = options(proc, "ai", {"append": "a", "ignore-interrupts": "i"}, "p")
    append = any(option == "a" for option, _ in found)
    status = 0
    proc.write(proc.stdin)
    for path in operands:
        try:
            write(proc.place, path, proc.stdin, append=append, by="tee")
        except FileError as error:
            _say(proc, path, error)
            status = 1
    return status


def echo(proc: Process) -> int:
    """``/bin/echo``: its words with blanks between them; ``-n``, ``-e``, ``-E``."""
    words = list(proc.argv[1:])
    letters = ""
    while words and re.fullmatch(r"-[neE]+", words[0]):
        letters += words.pop(0)[1:]
    text = " ".join(words)
    escapes = [letter for letter in letters if letter in "eE"]
    if escapes and escapes[-1] == "e":
        text, cut, _ = text.partition("\\c")
        text = _ESCAPE.sub(_escape, text)
        if cut:
            proc.write(text)
            return 0
    proc.write(text if "n" in letters else f"{text}\n")
    return 0


def _escape(found: re.Match[str]) -> str:
    octal, digits, letter = found.groups()
    if octal is not None:
        return chr(int(octal or "0", 8) & 0xFF)
    if digits is not None:
        return chr(int(digits, 16))
    return _ESCAPES.get(letter, found[0])


cp, mv, rm, mkdir, touch, tee = map(guarded, (_cp, _mv, _rm, _mkdir, _touch, _tee))
