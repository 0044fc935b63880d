"""``head``, ``tail``, ``wc`` and ``ls`` (coreutils 9.1)."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.tools.args import Exit
from podwire.tools.files import FileError
from podwire.tools.filetools.common import inputs, options
from podwire.tools.filetools.copying import guarded
from podwire.tools.tree import entries, is_directory, is_file, of_kernel, text_of

if TYPE_CHECKING:
    from podwire.tools.process import Process, Waiting

_POLL: Final = 1_000_000_000
"""``tail -f`` looks once a second where the kernel cannot tell it."""
_OLD: Final = re.compile(r"-(\d+)")


def _count(proc: Process, text: str, what: str, sign: str) -> tuple[int, str]:
    """A number with the sign that means the other end. Raises ``Exit``."""
    found = re.fullmatch(r"([-+]?)(\d+)", text)
    if found is None:
        proc.error(f"{proc.argv[0]}: invalid number of {what}: ‘{text}’\n")
        raise Exit(1)
    return int(found[2]), found[1] if found[1] == sign else ""


def _old_style(proc: Process) -> None:
    """``head -5``: the number alone, as the first word."""
    if len(proc.argv) > 1 and (found := _OLD.fullmatch(proc.argv[1])):
        proc.argv = [proc.argv[0], f"-n{found[1]}", *proc.argv[2:]]


def _head(proc: Process) -> int:
    _old_style(proc)
    longs = {"lines": "n=", "bytes": "c=", "quiet": "q", "silent": "q", "verbose": "v"}
    found, names = options(proc, "n:c:qv", longs, "z")
    number, sign, octets = 10, "", False
    for option, value in found:
        if option in "nc":
            octets = option == "c"
            number, sign = _count(proc, value, "bytes" if octets else "lines", "-")
    status = 0
    shown = 0
    for name, text in inputs(proc, names, "cannot open '{name}' for reading: {why}"):
        if text is None:
            status = 1
            continue
        _title(proc, name, shown, found, names)
        shown += 1
        parts = list(text) if octets else text.splitlines(keepends=True)
        proc.write("".join(parts[: max(len(parts) - number, 0)] if sign else parts[:number]))
    return status


def _title(proc: Process, name: str, shown: int, found: object, names: list[str]) -> None:
    letters = {option for option, _ in found}  # type: ignore[attr-defined]
    if ("v" in letters or len(names) > 1) and "q" not in letters:
        proc.write("\n" * bool(shown) + f"==> {'standard input' if name == '-' else name} <==\n")


def tail(proc: Process) -> int | Waiting:
    """``tail [-n N] [-f] [FILE]…``: ``-f`` waits for more in virtual time, until it is interrupted."""
    _old_style(proc)
    longs = {"lines": "n=", "bytes": "c=", "quiet": "q", "silent": "q", "verbose": "v", "follow": "f"}
    try:
        found, names = options(proc, "n:c:qvfF", longs, "s:z")
        number, sign, octets = 10, "", False
        for option, value in found:
            if option in "nc":
                octets = option == "c"
                number, sign = _count(proc, value, "bytes" if octets else "lines", "+")
    except Exit as end:
        return end.status
    status = shown = 0
    for name, text in inputs(proc, names, "cannot open '{name}' for reading: {why}"):
        if text is None:
            status = 1
            continue
        _title(proc, name, shown, found, names)
        shown += 1
        parts = list(text) if octets else text.splitlines(keepends=True)
        first = max(number - 1, 0) if sign else max(len(parts) - number, 0)
        proc.write("".join(parts[first:]))
    if not any(option in "fF" for option, _ in found):
        return status
    if not shown:
        proc.error("tail: no files remaining\n")
        return 1
    if len(names) != 1 or names == ["-"]:
        raise NotModelled("-f of several files, or of standard input", "tail")
    return _follow(proc, names[0])


def _follow(proc: Process, name: str) -> Waiting:
    """What is appended; a file that got shorter is read anew."""
    seen = text_of(proc.place, name)
    proc.endless = True
    while True:
        yield proc.now + _POLL
        if not is_file(proc.place, name):
            continue
        now = text_of(proc.place, name)
        if now == seen:
            continue
        if not now.startswith(seen) and len(now) < len(seen):
            proc.error(f"tail: {name}: file truncated\n")
        proc.write(now.removeprefix(seen))
        seen = now


def _wc(proc: Process) -> int:
    longs = {"lines": "l", "words": "w", "bytes": "c", "chars": "m", "max-line-length": "L"}
    found, names = options(proc, "lwcmL", longs)
    chosen = {option for option, _ in found} or set("lwc")
    rows: list[tuple[list[int], str]] = []
    status = size = 0
    for name, text in inputs(proc, names):
        if text is None:
            status = 1
            continue
        size += len(text.encode())
        numbers = {
            "l": text.count("\n"),
            "w": len(text.split()),
            "m": len(text),
            "c": len(text.encode()),
            "L": max((len(line) for line in text.split("\n")), default=0),
        }
        rows.append(([numbers[each] for each in "lwmcL" if each in chosen], name if names else ""))
    if len(names) > 1:
        rows.append(([sum(column) for column in zip(*(row for row, _ in rows), strict=True)], "total"))
    # As wide as the size of all files has digits; standard input has no size.
    width = 7 if "-" in (names or ["-"]) else len(str(size))
    if len(chosen) == 1 and len(names) <= 1:
        width = 1
    for row, name in rows:
        proc.write(" ".join(f"{number:>{width}}" for number in row) + (f" {name}" if name else "") + "\n")
    return status


def _ls(proc: Process) -> int:
    longs = {"all": "a", "almost-all": "A"}
    found, names = options(proc, "1aAdC", longs, "BcFfGghiIklLmnNopqQrRsStTuUvwxXZ")
    letters = {option for option, _ in found}
    place = proc.place
    status, files, directories = 0, [], []
    for name in sorted(names or ["."]):
        path = "/" if name == "." else name
        if of_kernel(path):
            _links(proc, path)
            continue
        if is_directory(place, path) and "d" not in letters:
            directories.append((name, path))
        elif is_file(place, path) or is_directory(place, path):
            files.append(name)
        else:
            proc.error(f"ls: cannot access '{name}': {os.strerror(2)}\n")
            status = 2
    for name in files:
        proc.write(f"{name}\n")
    for index, (name, path) in enumerate(directories):
        if len(names) > 1:
            proc.write("\n" * bool(files or index) + f"{name}:\n")
        every = [*((".", "..") if "a" in letters else ()), *entries(place, path)]
        proc.write("".join(f"{each}\n" for each in every if not each.startswith(".") or letters & set("aA")))
    return status


def _links(proc: Process, path: str) -> None:
    """``ls /sys/class/net``."""
    if path.rstrip("/") not in {"/sys/class/net", "/sys/devices/virtual/net"}:
        raise NotModelled(path, "ls")
    proc.write("".join(f"{name}\n" for name in sorted(link.name for link in proc.place.netns.links())))


head, wc, ls = map(guarded, (_head, _wc, _ls))
__all__ = ["FileError", "head", "ls", "tail", "wc"]
