"""Reading a script before it starts, for what no shim can catch: redirections into /proc and /sys, and tools by absolute path.

This finds the literal forms. What is computed (``f=/proc/sys/…; echo 1 > $f``) meets the sandbox, where there is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from podwire.errors import PodwireError
from podwire.shell.programs import is_virtual
from podwire.tools import registry

_TREES: Final = ("/proc/", "/sys/")
_TOKEN: Final = re.compile(
    r"""
      (?P<blank>[ \t\r]+|\\\n)
    | (?P<newline>\n)
    | (?P<heredoc><<-?(?!<))
    | (?P<redirect>(?:\d+|\{\w+\})?(?:>>|>\||<>|>&|&>>|&>|>|<(?![<(&])))
    | (?P<operator>;;&|;;|;&|;|\|\||\|&|\||&&|&|\(\(|\(|\)|<<<|<\(|<&|>\()
    | (?P<word>(?:\\.|'[^']*'|\$'(?:\\.|[^'])*'|"(?:\\.|[^"\\])*"|\$\((?!\()|[^\s;|&()<>\\'"]|['"])+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_FILE_TESTS: Final = frozenset({"-d", "-e", "-f", "-r", "-s", "-w"})
_PIECE: Final = re.compile(r"""\\(.)|'([^']*)'|"((?:\\.|[^"\\])*)"|(.)""", re.DOTALL)


class Problem(msgspec.Struct, frozen=True):
    """What cannot be run: the line of the script, what stands there, and what to write instead."""

    line: int
    what: str
    instead: str


class Token(msgspec.Struct, frozen=True):
    """A piece of a script: its kind, text and line."""

    kind: str
    text: str
    line: int


def check(script: str, name: str = "script") -> None:
    """Raise ``PodwireError`` for the first line that would read or write the kernel of this machine."""
    for problem in problems(script):
        raise PodwireError(f"{name}:{problem.line}: {problem.what}: {problem.instead}")


def problems(script: str, first: int = 1) -> Iterator[Problem]:
    """Everything in a script that no shim can catch, in its order."""
    before = Token("newline", "\n", first)
    for token in tokens(script, first):
        if token.kind == "word":
            if before.kind == "redirect":
                yield from _redirection(before, token)
            elif before.text in _FILE_TESTS and is_virtual(plain(token.text)):
                yield Problem(
                    token.line,
                    f"{before.text} {plain(token.text)} would look at this machine's kernel",
                    f"write `cat {plain(token.text)} >/dev/null 2>&1` or `ip link show DEV`, which ask the simulated one",
                )
            elif before.text in {"-c", "-ec", "-xc", "-exc", "-lc", "eval"}:
                yield from problems(plain(token.text), token.line)
        before = token


def tokens(script: str, line: int = 1) -> Iterator[Token]:
    """The words and operators of a script, without comments, blanks and the bodies of here-documents."""
    position = 0
    ends: list[str] = []
    wants_end = False
    at_start = True
    while position < len(script):
        if at_start and script[position] == "#":
            found = script.find("\n", position)
            position = len(script) if found < 0 else found
            continue
        if not (match := _TOKEN.match(script, position)):
            return  # the last alternative takes anything
        kind, text, position = str(match.lastgroup), match[0], match.end()
        at_start = kind != "word"
        if kind == "heredoc":
            wants_end = True
        elif kind == "word" and wants_end:
            ends.append(plain(text))
            wants_end = False
        elif kind not in {"blank", "other"}:
            yield Token(kind, text, line)
        line += text.count("\n")
        if kind == "newline" and ends:
            position, skipped = _behind(script, position, ends)
            line += skipped
            ends = []


def _behind(script: str, position: int, ends: list[str]) -> tuple[int, int]:
    """Where the script goes on behind the bodies of here-documents, and how many lines that are."""
    start = position
    for end in ends:
        while position < len(script):
            found = script.find("\n", position)
            text = script[position : found if found >= 0 else len(script)]
            position = found + 1 if found >= 0 else len(script)
            if text.lstrip("\t") == end:
                break
    return position, script.count("\n", start, position)


def plain(word: str) -> str:
    """A word without its quotes."""
    return _PIECE.sub(lambda m: next(group for group in m.groups() if group is not None), word)


def _redirection(operator: Token, target: Token) -> Iterator[Problem]:
    path = re.sub("/+", "/", plain(target.text))
    if not path.startswith(_TREES) or path.startswith(("/proc/self/fd/", "/proc/self/fd")):
        return
    if "<" in operator.text and ">" not in operator.text:
        yield Problem(
            target.line,
            f"{operator.text} {path} would read this machine's kernel",
            f"write `cat {path}`, which reads the simulated one",
        )
        return
    yield Problem(target.line, f"{operator.text} {path} would write to this machine's kernel", instead_of_writing(path))


def instead_of_writing(path: str) -> str:
    """The command that does to the simulated kernel what a write to that file would do to the real one."""
    if path.startswith("/proc/sys/"):
        return f"write `sysctl -w {path.removeprefix('/proc/sys/').replace('.', '%').replace('/', '.').replace('%', '/')}=…`"
    parts = path.split("/")
    if path.startswith("/sys/class/net/") and len(parts) > 5 and parts[5] == "mtu":
        return f"write `ip link set {parts[4]} mtu …`"
    return f"podwire has no such file (it has {', '.join(registry.names())})"
