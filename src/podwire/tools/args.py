"""What the C tools share: getopt with glibc's messages, numbers as strtol reads them, addresses as inet_aton does, names.

A tool that has to stop raises ``Exit`` with its status, after it has said why.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, NoReturn

from podwire.wire.addr import Ip

if TYPE_CHECKING:
    from podwire.linux.machine import Place
    from podwire.tools.process import Process

LONG_MAX: Final = (1 << 63) - 1
INT_MAX: Final = (1 << 31) - 1
_INTEGER: Final = re.compile(r"\s*([+-]?\d+)", re.ASCII)


class Exit(Exception):
    """The command ends here with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def fail(proc: Process, status: int, text: str, errno: int = 0) -> NoReturn:
    """``error(3)`` with a status: the command's name, the text, the errno's text."""
    warn(proc, text, errno)
    raise Exit(status)


def warn(proc: Process, text: str, errno: int = 0) -> None:
    """``error(0, errno, …)``: say it and go on."""
    tail = f": {os.strerror(errno)}" if errno else ""
    proc.error(f"{proc.argv[0]}: {text}{tail}\n")


# -- options ------------------------------------------------------------------------------------------------------


class BadOption(Exception):
    """getopt has complained; the tool shows its usage or a hint."""


class Getopt:
    """GNU getopt_long with permutation, one option at a time: iterate for (option, argument), then look at ``operands``.

    ``letters`` as in C: a letter, a colon if it takes an argument, two if that is optional. ``longs`` maps a long name to the short letter
    that stands for it, or to itself; with ``=`` appended if it takes an argument, ``?`` if that is optional.
    ``greedy`` are letters that take a word of their own as their argument if it begins with neither ``-`` nor ``!`` (``xs_has_arg``).
    Raises ``BadOption`` after glibc's message.
    """

    def __init__(self, proc: Process, letters: str, longs: Mapping[str, str] | None = None, greedy: str = "") -> None:
        self.proc = proc
        self.letters = letters
        self.longs = longs
        self.greedy = greedy
        self.words = proc.argv[1:]
        self.operands: list[str] = []

    def __iter__(self) -> Iterator[tuple[str, str]]:
        queue = list(self.words)
        while queue:
            word = queue.pop(0)
            if word == "--":
                self.operands += queue
                break
            if self.longs is not None and word.startswith("--"):
                option, argument = _long(self.proc, word, self.longs, queue)
                yield option, argument if "=" in word else self._grab(option, argument, queue)
            elif len(word) > 1 and word[0] == "-":
                for option, argument in _short(self.proc, word, self.letters, queue):
                    yield option, self._grab(option, argument, queue) if word[-1] == option else argument
            else:
                self.operands.append(word)

    def _grab(self, option: str, argument: str, queue: list[str]) -> str:
        if option in self.greedy and not argument and queue and queue[0][:1] not in {"-", "!"}:
            return queue.pop(0)
        return argument


def getopt(
    proc: Process,
    letters: str,
    longs: Mapping[str, str] | None = None,
    *,
    words: list[str] | None = None,
    greedy: str = "",
) -> tuple[list[tuple[str, str]], list[str]]:
    """All of ``Getopt`` at once, for tools whose options have no consequences while they are read."""
    reader = Getopt(proc, letters, longs, greedy)
    if words is not None:
        reader.words = words
    return list(reader), reader.operands


def _short(proc: Process, word: str, letters: str, queue: list[str]) -> Iterator[tuple[str, str]]:
    position = 1
    while position < len(word):
        letter = word[position]
        position += 1
        place = letters.find(letter)
        if letter in ":-" or place < 0:
            proc.error(f"{proc.argv[0]}: invalid option -- '{letter}'\n")
            raise BadOption
        if letters[place + 1 : place + 2] != ":":
            yield letter, ""
            continue
        argument = word[position:]
        if not argument and letters[place + 1 : place + 3] != "::":
            if not queue:
                proc.error(f"{proc.argv[0]}: option requires an argument -- '{letter}'\n")
                raise BadOption
            argument = queue.pop(0)
        yield letter, argument
        return


def _long(proc: Process, word: str, longs: Mapping[str, str], queue: list[str]) -> tuple[str, str]:
    name, equals, argument = word[2:].partition("=")
    candidates = [long for long in longs if long.startswith(name)]
    if name in longs:
        candidates = [name]
    if len({longs[long] for long in candidates}) > 1:
        possible = " ".join(f"'--{long}'" for long in candidates)
        proc.error(f"{proc.argv[0]}: option '--{name}' is ambiguous; possibilities: {possible}\n")
        raise BadOption
    if not candidates:
        proc.error(f"{proc.argv[0]}: unrecognized option '{word.partition('=')[0]}'\n")
        raise BadOption
    full = candidates[0]
    meaning = longs[full]
    if meaning.endswith("="):
        if not equals:
            if not queue:
                proc.error(f"{proc.argv[0]}: option '--{full}' requires an argument\n")
                raise BadOption
            argument = queue.pop(0)
    elif equals and not meaning.endswith("?"):
        proc.error(f"{proc.argv[0]}: option '--{full}' doesn't allow an argument\n")
        raise BadOption
    return meaning.rstrip("=?"), argument


def number(proc: Process, text: str, low: int, high: int) -> int:
    """The ``strtol_or_err`` of iputils: a decimal number in a range, else the message and exit status 1."""
    match = _INTEGER.match(text)
    if match is None or match.end() != len(text):
        fail(proc, 1, f"invalid argument: '{text}'")
    value = int(match.group(1))
    if not -LONG_MAX - 1 <= value <= LONG_MAX:
        fail(proc, 1, f"invalid argument: '{text}': Numerical result out of range")
    if not low <= value <= high:
        fail(proc, 1, f"invalid argument: '{text}': out of range: {low} <= value <= {high}")
    return value


# -- addresses and names ------------------------------------------------------------------------------------------


def has_nameserver(place: Place) -> bool:
    """There is somebody to ask for names: /etc/resolv.conf says whom."""
    return "nameserver" in place.files.get("/etc/resolv.conf", "")


def gai_error(place: Place, name: str) -> str:
    """What getaddrinfo(3) says of a name that it does not find.

    Without a name server there is nobody to ask, which may pass; with one the answer is that there is no such name.
    """
    impossible = not name or not re.fullmatch(r"[\w.-]+", name, re.ASCII)
    if impossible or has_nameserver(place):
        return "Name or service not known"
    return "Temporary failure in name resolution"


def canonical_name(place: Place, name: str) -> str:
    """AI_CANONNAME: the first name on the line of /etc/hosts that holds ``name``."""
    for line in place.files.get("/etc/hosts", "").splitlines():
        words = line.partition("#")[0].split()
        if name in words[1:]:
            return words[1]
    return name


def reverse_name(place: Place, ip: Ip) -> str | None:
    """The name of an address: /etc/hosts, then DNS."""
    return place.hosts().get(ip) or place.reverse_name(ip)
