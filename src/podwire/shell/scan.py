"""Reading a script before it starts, for what no shim can catch: redirections into /proc and /sys, and tools by absolute path.

This finds the literal forms, also in what a shell reads in its turn: ``bash -c``, ``eval``, ``trap``, ``ssh NODE``, here-documents.
What is computed (``f=/proc/sys/…; echo 1 > $f``) meets the sandbox, where there is one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from podwire.errors import PodwireError
from podwire.shell.programs import READERS, REAL, REFUSED, WRAPPERS, is_virtual
from podwire.tools import registry

_TREES: Final = ("/proc/", "/sys/")
_BINARIES: Final = ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin")
_SOCKETS: Final = ("/dev/tcp/", "/dev/udp/")
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
_FILE_TESTS: Final = frozenset({"-a", "-d", "-e", "-f", "-h", "-L", "-r", "-s", "-w", "-x"})
_TESTS: Final = frozenset({"[", "[[", "test"})
_SHELLS: Final = frozenset({"ash", "bash", "dash", "ksh", "sh", "su", "zsh"})
_LEADING: Final = frozenset({"kubectl", "nsenter", "ssh", "sudo", "unshare"})
"""Without a command, or with one that is a shell, they read a script from standard input."""
_BEFORE_COMMANDS: Final = frozenset(
    "! { if then elif else while until do time coproc command builtin exec env nohup setsid sudo xargs".split()
)
_SUBSTITUTION: Final = re.compile(r"\$\((?!\()|`")
_PIECE: Final = re.compile(r"""\\(.)|'([^']*)'|"((?:\\.|[^"\\])*)"|(.)""", re.DOTALL)


class Problem(msgspec.Struct, frozen=True):
    """What cannot be run: the line of the script, what stands there, and what to write instead.

    ``harmless`` where there is a sandbox.
    """

    line: int
    what: str
    instead: str
    harmless: bool = False


class Token(msgspec.Struct, frozen=True):
    """A piece of a script: its kind, text and line."""

    kind: str
    text: str
    line: int


def check(script: str, name: str, is_sandboxed: Callable[[], bool]) -> None:
    """Raise ``PodwireError`` for the first line that would read or write the kernel of this machine."""
    for problem in problems(script):
        if problem.harmless and is_sandboxed():
            continue
        raise PodwireError(f"{name}:{problem.line}: {problem.what}: {problem.instead}")


def problems(script: str, first: int = 1) -> Iterator[Problem]:
    """Everything in a script that no shim can catch, in its order."""
    before = Token("newline", "\n", first)
    command: list[str] = []
    """Its words so far; assignments and keywords among them do no harm."""
    line: set[str] = set()
    """Names of all commands that a here-document of this line may be for."""
    for token in tokens(script, first):
        if before.kind in {"newline", "body"} and token.kind not in {"newline", "body"}:
            line = set()
        if token.kind in {"newline", "operator"}:
            command = []
        elif token.kind == "word":
            if before.kind == "redirect":
                yield from _redirection(before, token)
            elif before.text in _FILE_TESTS and is_virtual(plain(token.text)) and not _TESTS.isdisjoint(command):
                yield Problem(
                    token.line,
                    f"{before.text} {plain(token.text)} would look at this machine's kernel",
                    f"write `cat {plain(token.text)} >/dev/null 2>&1` or `ip link show DEV`, which ask the simulated one",
                )
            elif _is_script(token.text, before.text, command):
                yield from problems(plain(token.text), token.line)
            else:
                yield from _substituted(token)
                yield from _past_the_shims(token, first=_leads(command))
            command.append(plain(token.text).rpartition("/")[2])
            line.add(command[-1])
        elif token.kind == "body" and line & (_SHELLS | _LEADING):
            yield from problems(token.text, token.line)
        before = token


def _leads(command: list[str]) -> bool:
    """True where the next word is a command: behind keywords, assignments, and what runs its arguments."""
    return command[-3:-1] == ["netns", "exec"] or all("=" in word or word in _BEFORE_COMMANDS for word in command)


def _past_the_shims(token: Token, *, first: bool) -> Iterator[Problem]:
    """A tool by its path, and a PATH that begins with other directories than that of the shims."""
    word = plain(token.text)
    directory, slash, name = word.rpartition("/")
    stands_for = name in REFUSED or name in WRAPPERS or (name in registry.names() and name not in READERS)
    if first and slash and directory in _BINARIES and stands_for:
        yield Problem(
            token.line, f"{word} is this machine's", f"write `{name}`, which is the simulated one", harmless=True
        )
    elif first and slash and directory in _BINARIES and name not in REAL | READERS:
        yield Problem(
            token.line,
            f"{word} is neither simulated nor one of the real programs that a script may call",
            f"podwire simulates {', '.join(registry.names())}",
        )
    elif word.startswith("PATH=") and any(
        f"{directory}:" in f"{word[5:].partition('$PATH')[0]}:" for directory in _BINARIES
    ):
        yield Problem(
            token.line,
            f"{word} puts this machine's tools before the simulated ones",
            "write `PATH=$PATH:…`",
            harmless=True,
        )


def _is_script(word: str, before: str, command: list[str]) -> bool:
    """A word that a shell will read: of ``bash -c``, ``eval``, ``trap``, and the command line behind ``ssh NODE``."""
    if before == "eval" or command[-1:] == ["eval"] or (command[:1] == ["trap"] and len(command) == 1):
        return True
    if "ssh" in command:
        return word[:1] in {"'", '"'}
    return before.startswith("-") and before.endswith("c") and not _SHELLS.isdisjoint(command)


def _substituted(token: Token) -> Iterator[Problem]:
    """``"$(< /proc/sys/…)"``: commands inside double quotes, which make one word of them."""
    if '"' not in token.text:
        return
    text = "".join(escaped or double or other for escaped, _, double, other in _PIECE.findall(token.text))
    position = 0
    while match := _SUBSTITUTION.search(text, position):
        start, position = match.end(), _closing(text, match.end(), match[0])
        yield from problems(text[start:position], token.line + text.count("\n", 0, start))
        position += 1


def _closing(text: str, position: int, opening: str) -> int:
    """Where a command substitution ends: at its own parenthesis, or the next backquote."""
    depth = 1
    while position < len(text):
        if opening == "`":
            depth -= text[position] == "`"
        else:
            depth += {"(": 1, ")": -1}.get(text[position], 0)
        if depth == 0:
            break
        position += 1
    return position


def tokens(script: str, line: int = 1) -> Iterator[Token]:
    """The words and operators of a script and the bodies of its here-documents, without comments and blanks."""
    position = 0
    ends: list[tuple[str, bool]] = []
    wants_end = ""
    arithmetic = 0
    """Parentheses that are open since ``((``: in there, << is no here-document."""
    at_start = True
    while position < len(script):
        if at_start and script[position] == "#" and not arithmetic:
            found = script.find("\n", position)
            position = len(script) if found < 0 else found
            continue
        if not (match := _TOKEN.match(script, position)):
            return  # the last alternative takes anything
        kind, text, position = str(match.lastgroup), match[0], match.end()
        at_start = kind != "word"
        if text == "((" or (arithmetic and text in {"(", ")"}):
            arithmetic += {"((": 2, "(": 1, ")": -1}[text]
        if kind == "heredoc" and not arithmetic:
            wants_end = text
        elif kind == "word" and wants_end:
            ends.append((plain(text), wants_end == "<<-"))
            wants_end = ""
        elif kind not in {"blank", "other"}:
            yield Token(kind, text, line)
        line += text.count("\n")
        if kind == "newline":
            wants_end = ""
            for end, tabs in ends:
                start = position
                stop, position = _body(script, start, end, tabs=tabs)
                yield Token("body", script[start:stop], line)
                line += script.count("\n", start, position)
            ends = []


def _body(script: str, position: int, end: str, *, tabs: bool) -> tuple[int, int]:
    """Where a here-document ends, and where the script goes on."""
    while position < len(script):
        found = script.find("\n", position)
        text = script[position : found if found >= 0 else len(script)]
        behind = found + 1 if found >= 0 else len(script)
        if (text.lstrip("\t") if tabs else text) == end:
            return position, behind
        position = behind
    return position, position


def plain(word: str) -> str:
    """A word without its quotes."""
    return _PIECE.sub(lambda m: next(group for group in m.groups() if group is not None), word)


def _redirection(operator: Token, target: Token) -> Iterator[Problem]:
    path = re.sub("/+", "/", plain(target.text)).rstrip("`")
    if path.startswith(_SOCKETS):
        yield Problem(
            target.line,
            f"{operator.text} {path} would open a socket of this machine",
            f"bash's own sockets are not simulated (podwire has {', '.join(registry.names())})",
        )
        return
    if not path.startswith(_TREES) or path.startswith("/proc/self/fd"):
        return
    if operator.text.endswith("<"):
        # /proc/meminfo and its like are the caller's, and he may read them.
        if is_virtual(path):
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
