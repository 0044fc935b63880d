"""Documents as YAML, as sigs.k8s.io/yaml writes them: keys in order, lists not indented, quotes where yaml.v2 sets them.

yaml.v2 and PyYAML are ports of one emitter, libyaml's: what differs is which style a text has, and how a text in double quotes is folded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cmp_to_key
from io import StringIO
from types import MappingProxyType
from typing import Any, Final

import yaml

_WORDS: Final = frozenset(
    "y Y yes Yes YES on On ON n N no No NO off Off OFF true True TRUE false False FALSE ~ null Null NULL << .nan .NaN .NAN"
    " .inf .Inf .INF +.inf +.Inf +.INF -.inf -.Inf -.INF".split()
)
"""Texts that a reader takes for something else (resolveTable of yaml.v2)."""
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INTEGER: Final = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[oO]?[0-7]*|0[bB][01]+|[1-9][0-9]*)")
_BASE_60: Final = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_TIME: Final = re.compile(
    r"\d{4}-\d{1,2}-\d{1,2}([Tt]\d{1,2}:\d{1,2}:\d{1,2}(\.\d+)?(Z|[+-]\d\d:\d\d)|[ ]\d{1,2}:\d{1,2}:\d{1,2}(\.\d+)?)?",
    re.ASCII,
)
_WIDTH: Final = 80
_ESCAPES: Final = MappingProxyType(
    {
        "\0": "0",
        "\a": "a",
        "\b": "b",
        "\t": "t",
        "\n": "n",
        "\v": "v",
        "\f": "f",
        "\r": "r",
        "\x1b": "e",
        '"': '"',
        "\\": "\\",
        "\x85": "N",
        "\xa0": "_",
        "\u2028": "L",
        "\u2029": "P",
    }
)


def yaml_text(document: Any) -> str:
    """A document, with a newline at its end."""
    out = StringIO()
    dumper = _Dumper(out, default_flow_style=False, width=_WIDTH, allow_unicode=True, sort_keys=False)
    try:
        dumper.open()
        dumper.represent(_sorted(document))
        dumper.close()
    finally:
        dumper.dispose()
    # An emitter ends a document that is nothing but a scalar with a mark that sigs.k8s.io/yaml cuts off.
    return out.getvalue().removesuffix("...\n")


class _Dumper(yaml.SafeDumper):
    """The emitter, with yaml.v2's choices."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def write_double_quoted(self, text: str, split: bool = True) -> None:  # noqa: FBT001, FBT002 - PyYAML's interface
        """Folded at blanks alone, and without a backslash at the end of a line."""
        self.write_indicator('"', need_whitespace=True)
        spaces = False
        for index, char in enumerate(text):
            inside = 0 < index < len(text) - 1
            if char == " " and split and not spaces and inside and self.column > self.best_width:
                self.write_indent()
                if text[index + 1] == " ":
                    self._put("\\")
            else:
                self._put(char if char == " " else _escape(char))
            spaces = char == " "
        self.write_indicator('"', need_whitespace=False)

    def _put(self, text: str) -> None:
        self.column += len(text)
        self.stream.write(text)


def _escape(char: str) -> str:
    if char in _ESCAPES:
        return "\\" + _ESCAPES[char]
    if char == "\ufeff" or not (" " <= char <= "~" or char >= "\xa0") or "\ud800" <= char <= "\udfff":
        number = ord(char)
        return f"\\x{number:02X}" if number < 0x100 else f"\\u{number:04X}"
    return char


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else '"' if _ambiguous(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _ambiguous(text: str) -> bool:
    """A reader would take it, without quotes, for something that is no text."""
    if not text or text in _WORDS:
        return True
    if text[0] == ".":
        return _FLOAT.fullmatch(text) is not None
    if text[0] not in "+-0123456789":
        return False
    plain = text.replace("_", "")
    return bool(
        _TIME.fullmatch(text) or _INTEGER.fullmatch(plain) or _FLOAT.fullmatch(plain) or _BASE_60.fullmatch(text)
    )


def _number(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
    text = str(int(value)) if value.is_integer() and abs(value) < 1e21 else repr(value)
    return dumper.represent_scalar("tag:yaml.org,2002:float", text)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(float, _number)


# ---------------------------------------------------------------------------------------------------- order of keys


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value, key=cmp_to_key(_compare))}
    if isinstance(value, list | tuple):
        return [_sorted(each) for each in value]
    return value


def _compare(left: str, right: str) -> int:
    """Keys as yaml.v2 sorts them (sorter.go): numbers inside by their value, letters behind everything else."""
    for index, (one, other) in enumerate(zip(left, right, strict=False)):
        if one == other:
            continue
        if one.isalpha() and other.isalpha():
            return -1 if one < other else 1
        if one.isalpha() or other.isalpha():
            return -1 if other.isalpha() else 1
        return _compare_numbers(left, right, index)
    return len(left) - len(right)


def _compare_numbers(left: str, right: str, index: int) -> int:
    """Two keys that differ first where neither has a letter."""
    # A zero behind other digits is one of theirs: both runs of digits count as if a 1 stood before them.
    before = re.search(r"[1-9]0*$", left[:index]) if "0" in {left[index], right[index]} else None
    keys = []
    for text in (left, right):
        match = re.compile(r"\d*", re.ASCII).match(text, index)
        digits = match.group() if match else ""
        keys.append((int(("1" if before else "0") + digits), len(digits), text[index]))
    return -1 if keys[0] < keys[1] else 1
