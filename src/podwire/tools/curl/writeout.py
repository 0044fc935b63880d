"""``-w``: what curl prints of a transfer when it is over (src/tool_writeout.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from podwire.tools.process import Process

_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t"}
_UNKNOWN_TO_US: Final = frozenset({"json", "header_json", "certs"})


def write_out(
    proc: Process, text: str, variables: Mapping[str, str], write: Callable[[str], None], *, failed: bool
) -> None:
    """Print ``text`` with its variables: ``%{name}``, ``%{stderr}``, ``%{onerror}``, backslashes. ``write`` is standard output."""
    to_error = False
    out = ""
    while text:
        mark = text[0]
        if mark == "%" and text[1:2] == "{":
            name, brace, rest = text[2:].partition("}")
            if not brace:
                out, text = out + "%{", text[2:]
                continue
            text = rest
            match name.lower():
                case "stdout" | "stderr":
                    (proc.error if to_error else write)(out)
                    out, to_error = "", name.lower() == "stderr"
                case "onerror":
                    if not failed:
                        break
                case _:
                    out += _variable(proc, name, variables)
        elif mark == "%" and text.startswith("%header{"):
            raise NotModelled("%header{…} in -w", "curl")
        elif mark == "%" and text[1:2]:
            out, text = out + ("%" if text[1] == "%" else text[:2]), text[2:]
        elif mark == "\\" and text[1:2]:
            out, text = out + _ESCAPES.get(text[1], text[:2]), text[2:]
        else:
            out, text = out + mark, text[1:]
    (proc.error if to_error else write)(out)


def _variable(proc: Process, name: str, variables: Mapping[str, str]) -> str:
    if name.lower() in _UNKNOWN_TO_US:
        raise NotModelled(f"%{{{name}}} in -w", "curl")
    value = variables.get(name.lower())
    if value is None:
        proc.error(f"curl: unknown --write-out variable: '{name}'\n")
        return ""
    return value
