"""``sed`` (GNU sed 4.9) on the files of a place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.tools.files import FileError
from podwire.tools.filetools.common import inputs, options
from podwire.tools.filetools.copying import guarded
from podwire.tools.filetools.sedscript import Address, Command, Parser, SedError
from podwire.tools.tree import check_write, is_directory, write

if TYPE_CHECKING:
    from podwire.tools.process import Process

_LONGS: Final = {
    "quiet": "n", "silent": "n", "expression": "e=", "regexp-extended": "E", "in-place": "i?", "separate": "s", "file": "f=",
    "debug": "debug", "posix": "posix", "null-data": "z", "unbuffered": "u", "line-length": "l=", "follow-symlinks": "follow-symlinks",
    "sandbox": "sandbox",
}  # fmt: skip
_REPLACEMENT: Final = re.compile(r"\\([0-9])|\\([nt])|\\([LUElu])|\\(.)|(&)", re.DOTALL)
_USAGE: Final = "Usage: sed [OPTION]... {script-only-if-no-other-script} [input-file]...\n"


class _Quit(Exception):
    """``q``."""


class _Run:
    """One script on one stream of lines."""

    def __init__(self, commands: list[Command], lines: list[str], *, silent: bool) -> None:
        self._commands = commands
        self._lines = lines
        self._silent = silent
        self._number = 0
        self._space = ""
        self._after: list[str] = []
        self.output: list[str] = []

    def run(self) -> str:
        """What comes out."""
        self._reset(self._commands)
        while self._read():
            try:
                printed = self._cycle(self._commands)
            except _Quit:
                self._flush(print_it=not self._silent)
                break
            self._flush(print_it=printed and not self._silent)
        return "".join(self.output)

    def _reset(self, commands: list[Command]) -> None:
        for command in commands:
            command.until = None
            self._reset(command.block)

    def _read(self) -> bool:
        if self._number >= len(self._lines):
            return False
        self._space = self._lines[self._number]
        self._number += 1
        return True

    def _flush(self, *, print_it: bool) -> None:
        if print_it:
            self.output.append(self._space)
        if self._after and self.output and not self.output[-1].endswith("\n"):
            self.output[-1] += "\n"
        self.output += self._after
        self._after = []

    def _cycle(self, commands: list[Command]) -> bool:
        """One line through the commands; False where it was deleted."""
        return all(self._do(command) for command in commands if self._applies(command))

    def _text(self) -> str:
        return self._space.removesuffix("\n")

    def _matches(self, address: Address) -> bool:
        if address.last:
            return self._number == len(self._lines)
        if address.regex is not None:
            return address.regex.search(self._text()) is not None
        number = address.number or 0
        if address.step:
            return self._number >= number and (self._number - number) % address.step == 0
        return self._number == number

    def _applies(self, command: Command) -> bool:
        return self._selected(command) is not command.negated

    def _selected(self, command: Command) -> bool:
        first, second = command.first, command.second
        if first is None:
            return True
        if second is None:
            return self._matches(first)
        if command.until is not None:
            if command.until:
                if self._number >= command.until:
                    ended, command.until = command.until, None
                    return self._number == ended or self._matches(first)
            elif self._matches(second):
                command.until = None
            return True
        if not self._matches(first):
            return False
        if second.count is not None:
            command.until = self._number + second.count if second.count else None
        elif second.number is not None:
            command.until = second.number if second.number > self._number else None
        else:
            command.until = None if second.last and self._number == len(self._lines) else 0
        return True

    def _do(self, command: Command) -> bool:
        """Run a command; False ends the cycle without printing."""
        match command.letter:
            case "{":
                return self._cycle(command.block)
            case "d":
                return False
            case "p":
                self._print(self._space)
            case "=":
                self._print(f"{self._number}\n")
            case "i":
                self._print(command.text)
            case "a":
                self._after.append(command.text)
            case "c":
                ranged = command.second is not None and not command.negated
                if not ranged or command.until is None:
                    self._print(command.text)
                return False
            case "q":
                raise _Quit
            case "n":
                return self._next()
            case "s":
                self._substitute(command)
            case "y":
                half = len(command.text) // 2
                self._space = self._space.translate(str.maketrans(command.text[:half], command.text[half:]))
        return True

    def _next(self) -> bool:
        if self._number >= len(self._lines):
            raise _Quit
        self._flush(print_it=not self._silent)
        return self._read()

    def _print(self, text: str) -> None:
        if self.output and not self.output[-1].endswith("\n"):
            self.output[-1] += "\n"
        self.output.append(text)

    def _substitute(self, command: Command) -> None:
        regex = command.regex
        assert regex is not None  # noqa: S101 - the parser gave one
        text, end = self._text(), self._space[len(self._text()) :]
        out, at, done = "", 0, 0
        for number, found in enumerate(regex.finditer(text), 1):
            if number < command.number or (done and not command.everywhere):
                continue
            out += text[at : found.start()] + _replacement(command.text, found)
            at, done = found.end(), done + 1
        if done:
            self._space = out + text[at:] + end
            if command.prints:
                self._print(self._space)


def _replacement(text: str, found: re.Match[str]) -> str:
    def part(piece: re.Match[str]) -> str:
        group, letter, case, char, _ = piece.groups()
        if group is not None:
            return found[int(group)] or ""
        if letter is not None:
            return {"n": "\n", "t": "\t"}[letter]
        if case is not None:
            raise NotModelled(f"\\{case} in a replacement", "sed")
        return char if char is not None else found[0]

    return _REPLACEMENT.sub(part, text)


def _sed(proc: Process) -> int:
    found, names = options(proc, "ne:Eri::s", _LONGS, "f:zul:b")
    letters = {option for option, _ in found}
    scripts = [value for option, value in found if option == "e"]
    if not scripts:
        if not names:
            proc.error(_USAGE)
            return 1
        scripts = [names.pop(0)]
    try:
        commands = Parser("\n".join(scripts), extended=bool(letters & {"E", "r"})).parse()
    except SedError as error:
        proc.error(f"sed: {error}\n")
        return 1
    silent = "n" in letters
    suffix = next((value for option, value in found if option == "i"), None)
    if suffix is not None:
        if not names:
            proc.error("sed: no input files\n")
            return 1
        return _in_place(proc, commands, names, suffix or "", silent=silent)
    return _stream(proc, commands, names, letters)


def _stream(proc: Process, commands: list[Command], names: list[str], letters: set[str]) -> int:
    """All files as one stream, or each on its own (``-s``)."""
    status = 0
    streams: list[list[str]] = [[]]
    for name in names or ["-"]:
        if name != "-" and is_directory(proc.place, name):
            proc.error(f"sed: read error on {name}: Is a directory\n")
            status = 2
            continue
        for _, text in inputs(proc, [name], "can't read {name}: {why}"):
            if text is None:
                status = 2
                continue
            if "s" in letters:
                streams.append([])
            lines = streams[-1]
            if lines and not lines[-1].endswith("\n"):
                lines[-1] += "\n"
            lines += text.splitlines(keepends=True)
    for lines in streams:
        proc.write(_Run(commands, lines, silent="n" in letters).run())
    return status


def _in_place(proc: Process, commands: list[Command], names: list[str], suffix: str, *, silent: bool) -> int:
    """Each file on its own, with a copy of what it was where a suffix is given."""
    status = 0
    for name in names:
        if is_directory(proc.place, name):
            proc.error(f"sed: couldn't edit {name}: not a regular file\n")
            status = 4
            continue
        for _, text in inputs(proc, [name], "can't read {name}: {why}"):
            if text is None:
                status = 2
                continue
            new = _Run(commands, text.splitlines(keepends=True), silent=silent).run()
            try:
                check_write(proc.place, name)
            except FileError:
                proc.error(
                    f"sed: couldn't open temporary file {name.rpartition('/')[0] or '.'}/sedXXXXXX: Permission denied\n"
                )
                return 4
            if suffix:
                write(proc.place, suffix.replace("*", name) if "*" in suffix else name + suffix, text, by="sed")
            write(proc.place, name, new, by="sed")
    return status


sed = guarded(_sed)
