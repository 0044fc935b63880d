"""Text in quotes as Go's ``%q`` writes it."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

_ESCAPES: Final = MappingProxyType(
    {
        '"': '\\"',
        "\\": "\\\\",
        "\a": "\\a",
        "\b": "\\b",
        "\f": "\\f",
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "\v": "\\v",
    }
)


def quoted(text: str) -> str:
    """strconv.Quote: in double quotes; what cannot be printed as an escape."""
    return f'"{"".join(_char(each) for each in text)}"'


def _char(each: str) -> str:
    if each in _ESCAPES:
        return _ESCAPES[each]
    if each.isprintable():
        return each
    number = ord(each)
    if number < 0x80:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


class UnquoteError(ValueError):
    """Text that is no Go string literal."""


_NAMED: Final = MappingProxyType({text[1]: char for char, text in _ESCAPES.items()})
_DIGITS: Final = MappingProxyType({"x": 2, "u": 4, "U": 8})


def unquoted(text: str) -> str:
    """strconv.Unquote, for single quotes as well: the text of a literal. Raises ``UnquoteError``."""
    if len(text) < 2 or text[0] != text[-1]:
        raise UnquoteError(text)
    quote, rest, found = text[0], text[1:-1], ""
    while rest:
        char, rest = rest[0], rest[1:]
        if char == quote or (char == "\\" and not rest):
            raise UnquoteError(text)
        if char == "\\":
            char, rest = _unescaped(text, quote, rest)
        found += char
    return found


def _unescaped(text: str, quote: str, rest: str) -> tuple[str, str]:
    """The character that stands behind a backslash, and what follows."""
    letter = rest[0]
    # A literal escapes its own quotes alone.
    if letter in _NAMED and (letter not in "\"'" or letter == quote):
        return _NAMED[letter], rest[1:]
    if letter == quote:
        return letter, rest[1:]
    octal = letter in "01234567"
    first, count = (0, 3) if octal else (1, _DIGITS.get(letter, 0))
    digits = rest[first : first + count]
    try:
        if len(digits) < count or not count:
            raise UnquoteError(text)
        return chr(int(digits, 8 if octal else 16)), rest[first + count :]
    except (ValueError, OverflowError):
        raise UnquoteError(text) from None
