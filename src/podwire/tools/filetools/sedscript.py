"""The script of ``sed``: addresses and the commands ``s d p i a c q n = y`` and blocks, as GNU sed 4.9 reads them."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from podwire.errors import NotModelled
from podwire.tools.filetools.regex import BadRegex, compiled

_OTHERS: Final = "DgGhHlNPQrRtTbvwWxzF:e"
"""Commands that GNU sed has and podwire lacks."""


class SedError(Exception):
    """GNU sed's complaint about a script: character and words."""


class Address(msgspec.Struct, frozen=True):
    """A line number, the last line (``$``), or an expression. ``step`` is that of ``first~step``, ``count`` that of ``,+N``."""

    number: int | None = None
    last: bool = False
    regex: re.Pattern[str] | None = None
    step: int | None = None
    count: int | None = None


class Command(msgspec.Struct):
    """One command: its letter, addresses, whether they are negated, and what it has behind."""

    letter: str
    first: Address | None = None
    second: Address | None = None
    negated: bool = False
    regex: re.Pattern[str] | None = None
    text: str = ""
    everywhere: bool = False
    number: int = 1
    prints: bool = False
    block: list[Command] = []
    until: int | None = None
    """Of a range that has begun: the line at which it ends; 0 where an expression ends it."""


class Parser:
    """Reads a script; ``extended`` is ``-E``."""

    def __init__(self, script: str, *, extended: bool) -> None:
        self._text = script
        self._at = 0
        self._extended = extended
        self._last: re.Pattern[str] | None = None

    def parse(self) -> list[Command]:
        """All commands. Raises ``SedError`` and ``NotModelled``."""
        return self._commands(nested=False)

    def _fail(self, text: str) -> SedError:
        return SedError(f"-e expression #1, char {self._at}: {text}")

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self) -> str:
        char = self._peek()
        self._at += 1
        return char

    def _skip(self, chars: str = " \t") -> None:
        while self._peek() and self._peek() in chars:
            self._at += 1

    def _commands(self, *, nested: bool) -> list[Command]:
        found: list[Command] = []
        while True:
            self._skip(" \t;\n")
            if not self._peek():
                if nested:
                    self._at = 0
                    raise self._fail("unmatched `{'")
                return found
            if self._peek() == "#":
                while self._peek() not in {"", "\n"}:
                    self._at += 1
                continue
            if self._peek() == "}":
                self._at += 1
                if not nested:
                    raise self._fail("unexpected `}'")
                return found
            found.append(self._command())

    def _command(self) -> Command:
        first = self._address()
        second = None
        if first is not None and self._peek() == ",":
            self._at += 1
            self._skip()
            second = self._second()
        self._skip()
        negated = False
        while self._peek() == "!":
            negated = True
            self._at += 1
            self._skip()
        letter = self._take()
        command = Command(letter, first, second, negated)
        if not letter or letter in "\n;":
            self._at -= not letter
            raise self._fail("missing command")
        if letter in _OTHERS:
            raise NotModelled(f"the command {letter}", "sed")
        if letter not in "sdpiacqn=y{":
            raise self._fail(f"unknown command: `{letter}'")
        self._behind(command)
        return command

    def _behind(self, command: Command) -> None:
        letter = command.letter
        if letter == "{":
            command.block = self._commands(nested=True)
        elif letter in "iac":
            command.text = self._lines()
        elif letter == "s":
            self._substitution(command)
            self._end()
        elif letter == "y":
            self._transliteration(command)
            self._end()
        else:
            self._end()

    def _end(self) -> None:
        self._skip()
        if self._peek() not in {"", "\n", ";", "}", "#"}:
            self._at += 1
            raise self._fail("extra characters after command")

    def _second(self) -> Address:
        if self._peek() == "+":
            self._at += 1
            return Address(count=self._number())
        if self._peek() == "~":
            raise NotModelled("an address ADDR1,~N", "sed")
        found = self._address()
        if found is None:
            self._at += 1
            raise self._fail("unexpected `,'")
        return found

    def _number(self) -> int:
        start = self._at
        while self._peek().isdecimal():
            self._at += 1
        return int(self._text[start : self._at] or 0)

    def _address(self) -> Address | None:
        char = self._peek()
        if char.isdecimal():
            number = self._number()
            if self._peek() == "~":
                self._at += 1
                return Address(number, step=self._number())
            if number == 0:
                raise NotModelled("the address 0", "sed")
            return Address(number)
        if char == "$":
            self._at += 1
            return Address(last=True)
        if char not in {"/", "\\"} or not char:
            return None
        self._at += 1
        delimiter = self._take() if char == "\\" else "/"
        text = self._delimited(delimiter, "unterminated address regex", regex=True)
        flags = 0
        while self._peek() in {"I", "M"}:
            if self._take() == "M":
                raise NotModelled("the flag M of an address", "sed")
            flags = re.IGNORECASE
        return Address(regex=self._regex(text, flags))

    def _regex(self, text: str, flags: int = 0) -> re.Pattern[str]:
        """An empty expression is the last one."""
        if not text:
            if self._last is None:
                raise self._fail("no previous regular expression")
            return self._last
        try:
            self._last = compiled(text, extended=self._extended, flags=flags)
        except BadRegex as error:
            raise self._fail(str(error)) from None
        return self._last

    def _delimited(self, delimiter: str, complaint: str, *, regex: bool = False) -> str:
        """Up to the delimiter; a backslash before it makes it plain. In brackets it is plain too."""
        out = ""
        while True:
            char = self._take()
            if not char:
                self._at -= 1
                raise self._fail(complaint)
            if char == delimiter:
                return out
            if char == "[" and regex:
                out += char + self._bracket()
            elif char == "\\":
                following = self._take()
                out += following if following == delimiter else char + following
            else:
                out += char

    def _bracket(self) -> str:
        """The rest of ``[…]``; up to the end of the script where it is never closed."""
        start = self._at
        if self._peek() == "^":
            self._at += 1
        self._at += self._peek() == "]"
        while self._peek() not in {"", "]"}:
            inner = self._text.find(":]", self._at + 2) if self._text.startswith("[:", self._at) else -1
            self._at = inner + 2 if inner >= 0 else self._at + 1
        self._at += bool(self._peek())
        return self._text[start : self._at]

    def _substitution(self, command: Command) -> None:
        delimiter = self._take()
        complaint = "unterminated `s' command"
        pattern = self._delimited(delimiter, complaint, regex=True)
        command.text = self._delimited(delimiter, complaint)
        flags = 0
        while self._peek() not in {"", "\n", ";", "}", " ", "#"}:
            if self._peek().isdecimal():
                command.number = self._number()
                if not command.number:
                    raise self._fail("number option to `s' command may not be zero")
                continue
            flag = self._take()
            if flag == "g":
                command.everywhere = True
            elif flag == "p":
                command.prints = True
            elif flag in "iI":
                flags = re.IGNORECASE
            elif flag in "mMew":
                raise NotModelled(f"the flag {flag} of s", "sed")
            else:
                raise self._fail("unknown option to `s'")
        command.regex = self._regex(pattern, flags)
        groups = [int(each) for each in re.findall(r"(?:^|[^\\])(?:\\\\)*\\([1-9])", command.text)]
        if groups and max(groups) > command.regex.groups:
            raise self._fail(f"invalid reference \\{max(groups)} on `s' command's RHS")

    def _transliteration(self, command: Command) -> None:
        delimiter = self._take()
        complaint = "unterminated `y' command"
        source, target = (self._delimited(delimiter, complaint).replace("\\n", "\n") for _ in range(2))
        if len(source) != len(target):
            raise self._fail("strings for `y' command are different lengths")
        command.text = source + target

    def _lines(self) -> str:
        """The text of ``i``, ``a`` and ``c``: GNU's one line, or POSIX' lines behind a backslash."""
        self._skip()
        if self._peek() == "\\":
            self._at += 1
            self._skip()
            if self._peek() == "\n":
                self._at += 1
        if not self._peek():
            raise self._fail("expected \\ after `a', `c' or `i'")
        out = ""
        while self._peek() not in {"", "\n"}:
            char = self._take()
            if char == "\\":
                char = self._take()
            out += char
        return out + "\n"
