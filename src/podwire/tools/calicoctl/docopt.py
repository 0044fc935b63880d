"""Words as docopt reads them: long options by any unambiguous beginning, values behind ``=`` or a blank, short ones joined.

A command says which options it has; whatever does not fit raises ``UsageError``, and the usage is all that docopt prints then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec


class UsageError(Exception):
    """The words do not match the usage of the command."""


class Option(msgspec.Struct, frozen=True):
    """An option: its long name with dashes, its short one or nothing, whether it takes a value, whether it may come twice."""

    name: str
    short: str = ""
    takes: bool = False
    repeats: bool = False


class Words(msgspec.Struct):
    """What was typed: options by their long names, a value or ``""``, and all other words."""

    options: dict[str, list[str]] = {}
    args: list[str] = []

    def on(self, name: str) -> bool:
        """Whether an option was given."""
        return name in self.options

    def text(self, name: str, default: str = "") -> str:
        """An option's value."""
        return self.options[name][-1] if name in self.options else default


HELP: Final = Option("--help", "-h")


def parse(words: Sequence[str], options: Sequence[Option], *, options_first: bool = False) -> Words:
    """Read words; with ``options_first`` whatever follows the first plain word is left as it stands. Raises ``UsageError``."""
    known = (*options, HELP)
    found, queue = Words({}, []), list(words)
    while queue:
        word = queue.pop(0)
        if word == "--":
            found.args += queue
            break
        if word.startswith("--"):
            _long(word, queue, known, found)
        elif word.startswith("-") and word != "-":
            _shorts(word, queue, known, found)
        else:
            found.args.append(word)
            if options_first:
                found.args += queue
                break
    return found


def _long(word: str, queue: list[str], known: Sequence[Option], found: Words) -> None:
    name, equals, value = word.partition("=")
    similar = [each for each in known if each.name == name] or [each for each in known if each.name.startswith(name)]
    if len(similar) != 1:
        raise UsageError(word)
    option = similar[0]
    if not option.takes:
        if equals:
            raise UsageError(word)
        value = ""
    elif not equals:
        value = _next(queue, word)
    _keep(option, value, found)


def _shorts(word: str, queue: list[str], known: Sequence[Option], found: Words) -> None:
    rest = word[1:]
    while rest:
        letter, rest = f"-{rest[0]}", rest[1:]
        option = next((each for each in known if each.short == letter), None)
        if option is None:
            raise UsageError(word)
        value = ""
        if option.takes:
            value, rest = rest or _next(queue, word), ""
        _keep(option, value, found)


def _next(queue: list[str], word: str) -> str:
    if not queue or queue[0] == "--":
        raise UsageError(word)
    return queue.pop(0)


def _keep(option: Option, value: str, found: Words) -> None:
    if found.on(option.name) and not option.repeats and option is not HELP:
        raise UsageError(option.name)
    found.options.setdefault(option.name, []).append(value)
