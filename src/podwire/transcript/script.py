"""Reading a transcript: header, commands, and the lines that each is to print."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from podwire.errors import ManifestError, PodwireError
from podwire.kube.decode import decode, one_of
from podwire.kube.document import documents
from podwire.kube.fields import Field

ANY: Final = "..."
_COLOURS: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\([A-Z0-9]")
_TERMINAL: Final = re.compile(r"(?P<command>.*\S)\s+@(?P<name>[A-Za-z][\w-]*)$")
_BLOCK: Final = re.compile(r"@(?P<name>[A-Za-z][\w-]*)$")
_INTERRUPT: Final = re.compile(r"\^C(?: after (?P<number>\d+(?:\.\d+)?) ?(?P<unit>ms|s|m|h))?$")
_UNITS: Final = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_FENCE: Final = "---"


def plain(text: str) -> list[str]:
    """The lines of a text as they are compared: without colour codes and blanks at their ends."""
    return [line.rstrip() for line in _COLOURS.sub("", text).replace("\r\n", "\n").split("\n")]


class Line(msgspec.Struct, frozen=True):
    """A line that is to be printed, or ``...``, or a comment (with the blank lines beside it), which is not compared."""

    number: int
    text: str
    comment: bool = False

    @property
    def wanted(self) -> str:
        """What the terminal has to show: a backslash in front makes any line an ordinary one."""
        return self.text.removeprefix("\\")


class Interrupt(msgspec.Struct, frozen=True):
    """``^C``, ``after`` so many ns."""

    number: int
    text: str
    after: int = 0


class Entry(msgspec.Struct, frozen=True):
    """A command at a prompt and what it prints; or, without a prompt, what a further terminal has printed since it was last looked at.

    ``terminal`` is the name behind the @. ``end`` is the number of the line behind the last of ``body``, or behind the command.
    """

    number: int
    prompt: str | None
    command: str
    terminal: str | None
    body: tuple[Line | Interrupt, ...]
    end: int


class Script(msgspec.Struct, frozen=True):
    """A transcript. ``machines`` says on which machine a prompt stands; None: wherever the last ``kubectl exec`` or ``ssh`` led."""

    file: str
    lines: tuple[str, ...]
    lab: str | None
    machines: Mapping[str, str | None]
    entries: tuple[Entry, ...]

    def complaint(self, number: int, problem: str) -> PodwireError:
        """An error about a line."""
        return PodwireError(f"{self.file}:{number}: {problem}")


class _Header(msgspec.Struct, frozen=True):
    machines: dict[Annotated[str, Meta(pattern=r"[^\n]*\S[^\n]*", description="a prompt")], str | None]
    lab: str | None = None


def parse(text: str, file: str) -> Script:
    """Read a transcript. Raises ``ManifestError`` for its header, ``PodwireError`` with file and line for the rest."""
    lines = text.splitlines()
    start = 1 if lines and lines[0].rstrip() == _FENCE else 0
    fence = next((i for i in range(start, len(lines)) if lines[i].rstrip() == _FENCE), None)
    if fence is None:
        raise ManifestError(file, 1, "", lines[0] if lines else "", f"a YAML header that ends with a line {_FENCE}")
    found = documents("\n".join([*[""] * start, *lines[start:fence]]), file)
    header = decode(found[0] if found else Field({}, "", file, 1), _Header, one_of)
    script = Script(file, tuple(lines), header.lab, header.machines, ())
    entries = _Parser(script, fence + 1).entries()
    return msgspec.structs.replace(script, entries=tuple(entries))


class _Parser:
    def __init__(self, script: Script, start: int) -> None:
        self._script = script
        self._lines = [line for each in script.lines for line in plain(each)[:1]]
        self._at = start
        self._prompts = sorted(script.machines, key=len, reverse=True)

    def entries(self) -> Iterator[Entry]:
        """All entries in order; what stands before the first is a comment or blank."""
        while self._at < len(self._lines):
            line = self._lines[self._at]
            number = self._at + 1
            block = _BLOCK.match(line)
            head = self._head(line)
            if block is not None:
                self._at += 1
                yield Entry(number, None, "", block["name"], *self._body())
            elif head is not None:
                command = self._continued(head[1])
                named = _TERMINAL.match(command)
                terminal = named["name"] if named is not None else None
                yield Entry(
                    number, head[0], named["command"] if named is not None else command, terminal, *self._body()
                )
            elif line and not line.startswith("#"):
                known = ", ".join(repr(prompt) for prompt in self._script.machines)
                raise self._script.complaint(number, f"got {line!r}, expected a prompt ({known}), @name or a comment")
            else:
                self._at += 1

    def _head(self, line: str) -> tuple[str, str] | None:
        """Prompt and command of a line."""
        for prompt in self._prompts:
            if line.startswith(prompt):
                return prompt, line[len(prompt) :].strip()
            if line == prompt.rstrip():
                return prompt, ""
        return None

    def _continued(self, command: str) -> str:
        """Take lines on as long as they end with a backslash; bash prompts for them with "> "."""
        self._at += 1
        while command.endswith("\\") and self._at < len(self._lines):
            more = self._lines[self._at]
            command = command[:-1] + more.removeprefix("> ")
            self._at += 1
        return command

    def _body(self) -> tuple[tuple[Line | Interrupt, ...], int]:
        """Everything up to the next command or block, and the number of the line behind it."""
        first = self._at
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if _BLOCK.match(line) or self._head(line) is not None:
                break
            self._at += 1
        last = self._at
        while last > first and not self._is_text(last - 1):
            last -= 1  # blank lines and comments in front of the next command are nobody's output
        return tuple(self._item(index) for index in range(first, last)), last + 1

    def _is_text(self, index: int) -> bool:
        line = self._lines[index]
        return bool(line) and not line.startswith("#")

    def _item(self, index: int) -> Line | Interrupt:
        line = self._lines[index]
        interrupt = _INTERRUPT.match(line)
        if interrupt is not None:
            after = float(interrupt["number"]) * _UNITS[interrupt["unit"]] if interrupt["number"] else 0
            return Interrupt(index + 1, line, round(after))
        return Line(index + 1, line, self._is_comment(index))

    def _is_comment(self, index: int) -> bool:
        """A line that begins with #, and blank lines that separate it from what is printed."""
        line = self._lines[index]
        if line:
            return line.startswith("#")
        for step in (-1, 1):
            near = index + step
            while 0 <= near < len(self._lines) and not self._lines[near]:
                near += step
            if 0 <= near < len(self._lines) and self._lines[near].startswith("#"):
                return True
        return False


def escaped(text: str, script: Script) -> str:
    """A printed line as it is written down, so that it is read as nothing else."""
    special = (
        text.startswith(("#", "\\"))
        or text == ANY
        or _BLOCK.match(text)
        or _INTERRUPT.match(text)
        or any(text.startswith(prompt) or text == prompt.rstrip() for prompt in script.machines)
    )
    return f"\\{text}" if special else text
