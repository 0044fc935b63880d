"""The flags of a command as spf13/pflag reads them: between and behind arguments, ``-nkube-system``, ``-it``, ``--flag=value``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec

_TRUE: Final = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "false", "FALSE", "False"})


class UsageError(Exception):
    """What cobra prints behind ``error: `` for words that make no sense."""


class Flag(msgspec.Struct, frozen=True):
    """One flag. ``kind``: ``bool``, ``string``, ``int``, ``list`` (may be given again).

    ``bare`` is the value of a flag that may stand without one (pflag's NoOptDefVal), such as ``--dry-run``.
    """

    name: str
    short: str = ""
    kind: Literal["bool", "string", "int", "list"] = "string"
    default: str = ""
    bare: str | None = None
    modelled: bool = True
    """False: it exists, and podwire has nothing that it would change: using it raises ``NotModelled``."""


class Parsed(msgspec.Struct, frozen=True):
    """What was given: arguments in order, values by name of the flag, and the words behind ``--`` (None without it)."""

    args: list[str]
    values: dict[str, list[str]]
    dashed: list[str] | None
    flags: dict[str, Flag]

    def given(self, name: str) -> bool:
        """The flag stands there."""
        return name in self.values

    def text(self, name: str) -> str:
        """The last value, else the default."""
        return self.values[name][-1] if name in self.values else self.flags[name].default

    def all(self, name: str) -> list[str]:
        """Every value of a flag that may be given again."""
        return self.values.get(name, [])

    def on(self, name: str) -> bool:
        """A switch is set."""
        return (self.values[name][-1] if name in self.values else self.flags[name].default) == "true"

    def number(self, name: str) -> int:
        """The value of an ``int``."""
        return int(self.text(name))


def parse(words: Sequence[str], flags: Iterable[Flag], *, interspersed: bool = True) -> Parsed:
    """Read the words of a command. ``interspersed`` False stops at the first argument. Raises ``UsageError``."""
    table = {flag.name: flag for flag in flags}
    shorts = {flag.short: flag for flag in table.values() if flag.short}
    found = Parsed([], {}, None, table)
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return msgspec.structs.replace(found, dashed=rest)
        if word.startswith("--"):
            _long(word, rest, found)
        elif word.startswith("-") and len(word) > 1:
            _shorts(word, rest, found, shorts)
        else:
            found.args.append(word)
            if not interspersed:
                found.args.extend(rest)
                break
    return found


def _long(word: str, rest: list[str], found: Parsed) -> None:
    name, equals, value = word[2:].partition("=")
    if not name or name.startswith("-"):
        raise UsageError(f"bad flag syntax: {word}")
    flag = found.flags.get(name)
    if flag is None:
        raise UsageError("unknown flag: --" + name)
    if not equals:
        value = _without_equals(flag, f"--{name}", rest)
    _keep(found, flag, value)


def _without_equals(flag: Flag, shown: str, rest: list[str]) -> str:
    if flag.kind == "bool":
        return "true"
    if flag.bare is not None:
        return flag.bare
    if not rest:
        raise UsageError(f"flag needs an argument: {shown}")
    return rest.pop(0)


def _shorts(word: str, rest: list[str], found: Parsed, shorts: dict[str, Flag]) -> None:
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        flag = shorts.get(letter)
        if flag is None:
            raise UsageError(f"unknown shorthand flag: {letter!r} in {word}")
        if letters.startswith("=") and len(letters) > 1:
            _keep(found, flag, letters[1:])
            return
        if flag.kind == "bool":
            _keep(found, flag, "true")
        elif flag.bare is not None:
            _keep(found, flag, flag.bare)
        elif letters:
            _keep(found, flag, letters)
            return
        else:
            _keep(found, flag, _without_equals(flag, f"{letter!r} in {word}", rest))


def _keep(found: Parsed, flag: Flag, value: str) -> None:
    shown = f"-{flag.short}, --{flag.name}" if flag.short else f"--{flag.name}"
    if flag.kind == "bool":
        if value not in _TRUE | _FALSE:
            raise UsageError(
                f'invalid argument "{value}" for "{shown}" flag: strconv.ParseBool: parsing "{value}": invalid syntax'
            )
        value = "true" if value in _TRUE else "false"
    elif flag.kind == "int":
        try:
            int(value, 0)
        except ValueError:
            raise UsageError(
                f'invalid argument "{value}" for "{shown}" flag: strconv.ParseInt: parsing "{value}": invalid syntax'
            ) from None
    found.values.setdefault(flag.name, []).append(value)
