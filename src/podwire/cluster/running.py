"""Running one command on a machine: words, tool, process, result."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import NotModelled, PodwireError
from podwire.tools import registry
from podwire.tools.process import Process

if TYPE_CHECKING:
    from podwire.fabric.network import Network
    from podwire.linux.machine import Place
    from podwire.tools.ops import ClusterOps

MAX_TIME: Final = 3600 * 1_000_000_000
"""A command that would not end is interrupted after one virtual hour."""

OPERATORS: Final = frozenset({"kubectl", "k", "calicoctl", "birdcl"})
"""Commands that reach the API: nodes and hosts have them, containers only where their image holds one (``calico/ctl``)."""


class CommandResult(msgspec.Struct, frozen=True):
    """What a command printed and its exit status; ``str()`` is the standard output."""

    stdout: str
    stderr: str
    exit_code: int
    output: str = ""
    """Both streams, in the order in which they were written."""

    def __str__(self) -> str:
        return self.stdout


def words_of(command: str | Sequence[str]) -> list[str]:
    """The words of one simple command.

    Raises ``PodwireError`` for shell syntax, which podwire leaves to a real shell.
    """
    if not isinstance(command, str):
        return list(command)
    lexer = shlex.shlex(command, posix=True, punctuation_chars="|&;<>()")
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        words = list(lexer)
    except ValueError as error:
        raise PodwireError(f"command {command!r}: {error}") from None
    if any(set(word) <= set("|&;<>()") for word in words if word) or _expands(command):
        raise PodwireError(
            f"command {command!r}: exec takes one simple command, not shell syntax;"
            " a shell's line runs with podwire sh -f LAB -m MACHINE -c '…'"
        )
    if not words:
        raise PodwireError("the command is empty")
    return words


def _expands(command: str) -> bool:
    """``$`` or a backquote outside single quotes, or a newline."""
    quoted = False
    for char in command:
        if char == "'":
            quoted = not quoted
        elif not quoted and char in "$`\n":
            return True
    return False


def command_not_found(process: Process) -> int:
    """What a shell says of a program that is not there."""
    process.error(f"bash: {process.argv[0]}: command not found\n")
    return 127


def start(
    network: Network,
    place: Place,
    argv: Sequence[str],
    *,
    stdin: str = "",
    on_send: Callable[[int], None] | None = None,
    on_output: Callable[[int, str], None] | None = None,
    cluster: ClusterOps | None = None,
    directory: str = "",
    environment: Mapping[str, str] | None = None,
    terminals: frozenset[int] = frozenset(),
) -> Process:
    """Start a command; it has run up to its first wait.

    ``cluster`` is what kubectl acts on, ``directory`` where the caller stands, ``terminals`` which of its descriptors are a terminal.

    Raises ``NotModelled`` for a command that podwire lacks.
    """
    words = list(argv)
    while words and words[0] == "sudo":
        words = words[1:]
    if not words:
        raise PodwireError("the command is empty")
    # The programs that run in a container find their API server; other images hold no such command.
    operates = words[0] in OPERATORS and (not place.container or words[0] in place.image.tools)
    missing = words[0] in OPERATORS and not operates
    tool = command_not_found if missing else registry.find(place.image, words[0])
    if tool is None:
        raise NotModelled(f"command {words[0]!r} (podwire has {', '.join(registry.names())})", place.netns.label)
    if words[0] == "tcpdump" and cluster is not None:
        cluster.watched(place.machine.name, " ".join(words[1:]))
    process = Process(network, place, words, stdin=stdin, directory=directory, terminals=terminals)
    process.environment = environment or {}
    process.cluster = cluster if operates else None
    process.on_send = on_send
    process.on_output = on_output
    process.start(tool)
    return process


def finish(network: Network, process: Process, max_time: int = MAX_TIME) -> None:
    """Let virtual time pass until the command has ended; interrupt it when ``max_time`` ns are over."""
    deadline = network.now + max_time
    if not network.run_until(lambda: process.done, deadline):
        process.interrupt()
        network.run_until(lambda: process.done, network.now + MAX_TIME)


def result_of(process: Process) -> CommandResult:
    """What came out."""
    output = "".join(text for _, text in process.output)
    return CommandResult(process.stdout, process.stderr, process.status if process.status is not None else -1, output)
