"""POSIX regular expressions with GNU's additions, as expressions of Python's ``re``."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

from podwire.errors import NotModelled

_CLASSES: Final = MappingProxyType(
    {
        "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "blank": r" \t", "cntrl": r"\x00-\x1f\x7f", "digit": "0-9", "graph": "!-~",
        "lower": "a-z", "print": " -~", "punct": r"!-/:-@\[-`{-~", "space": r" \t\n\r\f\v", "upper": "A-Z", "xdigit": "0-9A-Fa-f",
    }
)  # fmt: skip
_SPECIAL: Final = "()|+?{}"
"""What ERE writes bare and BRE with a backslash."""


class BadRegex(Exception):
    """The expression is none: glibc's words."""


def translate(pattern: str, *, extended: bool) -> str:
    """The expression in Python's words. Raises ``BadRegex`` and ``NotModelled``."""
    out: list[str] = []
    depth, index = 0, 0
    begin = True
    """At the start of an expression, where BRE's ``*`` is a star and ``^`` an anchor."""
    while index < len(pattern):
        char = pattern[index]
        index += 1
        if char == "\\":
            if index == len(pattern):
                raise BadRegex("Trailing backslash")
            char, index = pattern[index], index + 1
            special = not extended and char in _SPECIAL
            if not special:
                out.append(_escaped(char))
                begin = False
                continue
        elif char == "[":
            text, index = _bracket(pattern, index)
            out.append(text)
            begin = False
            continue
        else:
            special = char in _SPECIAL and extended
        if special:
            depth += (char == "(") - (char == ")")
            if depth < 0:
                if not extended:
                    raise BadRegex("Unmatched ) or \\)")
                depth, char = 0, "\\)"
            if char == "{":
                char, index = _interval(pattern, index, extended=extended)
            out.append(char)
            begin = char in {"(", "|"}
            continue
        out.append(_plain(pattern, index, char, extended=extended, begin=begin))
        begin = False
    if depth:
        raise BadRegex("Unmatched ( or \\(")
    return "".join(out)


def _plain(pattern: str, index: int, char: str, *, extended: bool, begin: bool) -> str:
    """A character that stands for itself, or a star, a dot, an anchor."""
    if char == "*":
        return "\\*" if begin else "*"
    if char == ".":
        return "."
    if char == "^":
        return "^" if extended or begin else "\\^"
    if char == "$":
        last = index == len(pattern) or pattern[index : index + 2] in {"\\)", "\\|"}
        return "$" if extended or last else "\\$"
    return re.escape(char)


def _escaped(char: str) -> str:
    if char in "123456789wWsSbB":
        return f"\\{char}"
    found = {"<": r"\b(?=\w)", ">": r"\b(?<=\w)", "`": r"\A", "'": r"\Z", "n": "\n", "t": "\t"}.get(char)
    return found if found is not None else re.escape(char)


def _interval(pattern: str, index: int, *, extended: bool) -> tuple[str, int]:
    end = pattern.find("}" if extended else "\\}", index)
    if end < 0:
        raise BadRegex("Unmatched { or \\{")
    text = pattern[index:end]
    if not re.fullmatch(r"\d+|\d*,\d*", text):
        raise BadRegex("Invalid content of \\{\\}")
    return f"{{{'0' if text.startswith(',') else ''}{text}}}", end + (1 if extended else 2)


def _bracket(pattern: str, index: int) -> tuple[str, int]:
    """``[…]``: a bracket first in it is a bracket, a backslash stands for itself."""
    out = "["
    if pattern[index : index + 1] == "^":
        out, index = "[^", index + 1
    first = True
    while True:
        if index >= len(pattern):
            raise BadRegex("Invalid regular expression" if first else "Unmatched [, [^, [:, [., or [=")
        char = pattern[index]
        if char == "]" and not first:
            return f"{out}]", index + 1
        first = False
        if pattern.startswith("[:", index):
            end = pattern.find(":]", index)
            name = pattern[index + 2 : end]
            if end < 0 or name not in _CLASSES:
                raise BadRegex("Invalid character class name")
            out, index = out + _CLASSES[name], end + 2
            continue
        if pattern.startswith(("[.", "[="), index):
            raise NotModelled("collating elements in a regular expression")
        index += 1
        if char == "\\" and pattern[index : index + 1] in {"n", "t"}:
            # GNU sed's own.
            out, index = out + f"\\{pattern[index]}", index + 1
            continue
        out += char if char == "-" else re.escape(char)


def compiled(pattern: str, *, extended: bool, flags: int = 0) -> re.Pattern[str]:
    """An expression to search with. Raises ``BadRegex`` and ``NotModelled``."""
    text = translate(pattern, extended=extended)
    try:
        return re.compile(text, flags)
    except re.error as error:
        if "invalid group reference" in str(error):
            raise BadRegex("Invalid back reference") from None
        if "nothing to repeat" in str(error) or "multiple repeat" in str(error):
            raise NotModelled(f"the regular expression {pattern}") from None
        raise BadRegex("Invalid preceding regular expression") from None
