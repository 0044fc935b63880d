"""What podwire knows of the program of a container: how long it runs, with which status it ends, what SIGTERM does to it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from math import isinf
from typing import Any, Final

import msgspec

from podwire.tools.sleep import seconds

_SHELLS: Final = frozenset({"sh", "bash", "ash", "dash"})
_BARE_IMAGES: Final = frozenset({"alpine", "busybox", "debian", "netshoot", "ubuntu"})
"""Images without an entry point: what ``args`` says is the whole command."""
_IGNORES: Final = frozenset({"sleep", "tail", *_SHELLS})
"""As process 1 they have no handler for SIGTERM, and the kernel does not end a process 1 by default."""
_SEPARATORS: Final = frozenset({";", "&&", "||"})
SIGKILLED: Final = 137
SIGTERMED: Final = 143


class Program(msgspec.Struct, frozen=True):
    """``lasts``: seconds until it ends by itself, None for ever; ``code``: its exit status then."""

    lasts: float | None
    code: int = 0


def command_of(container: Mapping[str, Any]) -> list[str]:
    """The command line of a container as far as its manifest and image tell; empty where the image's own program runs."""
    command, args = list(container.get("command") or ()), list(container.get("args") or ())
    if not command and last_part(str(container.get("image", ""))) not in _BARE_IMAGES:
        return []
    return [*command, *args]


def last_part(image: str) -> str:
    """The name of an image without registry, tag and digest."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def program_of(argv: Sequence[str]) -> Program | None:
    """What is known of a command line: ``true``, ``false``, ``sleep N``, ``tail -f``, ``sh -c`` with such ones and ``exit N``.

    None where nothing is known; such a program runs for ever in podwire.
    """
    if not argv:
        return None
    name = argv[0].rpartition("/")[2]
    if name in _SHELLS:
        return _script(argv[2]) if len(argv) == 3 and argv[1] == "-c" else None
    return _simple([name, *argv[1:]])


def _simple(argv: list[str]) -> Program | None:
    name, *args = argv
    if name in {"true", ":"}:
        return Program(0)
    if name == "false":
        return Program(0, 1)
    if name == "tail" and {"-f", "-F"} & set(args):
        return Program(None)
    if name == "sleep" and args:
        times = [seconds(word) if word != "infinity" else float("inf") for word in args]
        if any(each is None for each in times):
            return Program(0, 1)
        total = sum(each for each in times if each is not None)
        return Program(None if isinf(total) else total)
    return None


def _script(text: str) -> Program | None:
    """Simple commands with ``;``, ``&&`` and ``||`` between them; None for any other."""
    lexer = shlex.shlex(text.replace("\n", " ; "), posix=True, punctuation_chars="|&;<>()")
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:
        return None
    lasts, code, sign = 0.0, 0, ";"
    for group, after in _groups(words):
        if group and (sign == ";" or (sign == "&&") == (code == 0)):
            if group[0] in {"exit", "exec"}:
                found = _leave(group, code)
                if found is None or found.lasts is None:
                    return found
                return Program(lasts + found.lasts, found.code)
            found = _simple([group[0].rpartition("/")[2], *group[1:]])
            if found is None or found.lasts is None:
                return found
            lasts, code = lasts + found.lasts, found.code
        if after and after not in _SEPARATORS:
            return None
        sign = after
    return Program(lasts, code)


def _leave(group: list[str], code: int) -> Program | None:
    """``exit [N]`` and ``exec COMMAND``."""
    if group[0] == "exec":
        return _simple([group[1].rpartition("/")[2], *group[2:]]) if len(group) > 1 else None
    if len(group) == 1:
        return Program(0, code)
    return Program(0, int(group[1]) & 0xFF) if len(group) == 2 and group[1].isdecimal() else None


def _groups(words: list[str]) -> list[tuple[list[str], str]]:
    """Simple commands, each with what stands behind it."""
    found: list[tuple[list[str], str]] = []
    group: list[str] = []
    for word in words:
        if set(word) <= set("|&;<>()"):
            found.append((group, word))
            group = []
        else:
            group.append(word)
    return [*found, (group, "")]


def ends_by_itself(container: Mapping[str, Any]) -> bool:
    """The program of a container is known to end."""
    program = program_of(command_of(container))
    return program is not None and program.lasts is not None


def on_sigterm(container: Mapping[str, Any]) -> tuple[bool, int]:
    """What SIGTERM does to the container's program: whether it ends at once, and the exit status."""
    argv = command_of(container)
    if argv:
        name = argv[0].rpartition("/")[2]
        return (False, SIGKILLED) if name in _IGNORES else (True, SIGTERMED)
    # nginx ends well (fast shutdown); a Go program without a handler exits with 2 as process 1.
    return True, {"nginx": 0, "whoami": 2}.get(last_part(str(container.get("image", ""))), SIGTERMED)
