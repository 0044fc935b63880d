"""``calicoctl COMMAND …``: which command, with which words; errors as docopt and calicoctl tell them."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

from podwire.errors import NotModelled
from podwire.tools.calicoctl.context import CONTEXT, MISMATCH, CalicoctlError, Context, client_of
from podwire.tools.calicoctl.docopt import Option, UsageError, Words, parse
from podwire.tools.calicoctl.usages import USAGES, screen

if TYPE_CHECKING:
    from collections.abc import Callable

    from podwire.tools.process import Process

_P: Final = "podwire.tools.calicoctl."
_COMMANDS: Final = MappingProxyType(
    {
        "apply": _P + "changing:APPLY",
        "create": _P + "changing:CREATE",
        "replace": _P + "changing:REPLACE",
        "delete": _P + "changing:DELETE",
        "patch": _P + "changing:PATCH",
        "label": _P + "labelling:LABEL",
        "get": _P + "get:GET",
        "version": _P + "version:VERSION",
        "ipam show": _P + "ipam:SHOW",
        "ipam check": _P + "ipamcheck:CHECK",
        "ipam configure": _P + "ipam:CONFIGURE",
        "ipam release": _P + "ipam:RELEASE",
        "node status": _P + "node:STATUS",
    }
)
_OTHERS: Final = frozenset({"convert", "datastore", "ipam split", "node run", "node diags", "node checksystem"})
_LEVELS: Final = ("panic", "fatal", "error", "warn", "warning", "info", "debug", "trace")
_TOP: Final = (Option("--log-level", "-l", takes=True), CONTEXT, MISMATCH, Option("--version"))


def calicoctl(proc: Process) -> int:
    """``calicoctl``; status 1 for words that do not fit and for what is refused. Raises ``NotModelled`` for what podwire lacks."""
    words = proc.argv[1:]
    try:
        top = parse(words, _TOP, options_first=True)
    except UsageError:
        top = None
    if top is None or not (top.args or top.on("--help") or top.on("--version")):
        proc.error(f"{USAGES['']}\n")
        proc.write(f"Invalid option: '{' '.join(words)}'. Use flag '--help' to read about a specific subcommand.\n")
        return 1
    if top.on("--help"):
        proc.write(f"{screen(_client(proc))}\n")
        return 0
    if top.on("--version"):
        proc.write("Run 'calicoctl version' to see version information.\n")
        return 0
    level = top.text("--log-level", "panic")
    if level.lower() not in _LEVELS:
        proc.write(f"Unknown log level: {level}, expected one of: \npanic, fatal, error, warn, info, debug.\n")
        return 1
    if level not in _LEVELS[:2]:
        raise NotModelled(f"--log-level={level}", "calicoctl")
    rest = [*top.args, *([MISMATCH.name] if top.on(MISMATCH.name) else [])]
    return _command(proc, rest)


def _client(proc: Process) -> str:
    return client_of(proc, proc.cluster.calico if proc.cluster is not None else None)


def _command(proc: Process, rest: list[str]) -> int:
    name, words = rest[0], rest[1:]
    if name in {"ipam", "node"}:
        if not words or words[0].startswith("-"):
            return _usage(proc, name, words)
        name, words = f"{name} {words[0]}", words[1:]
    if name in _OTHERS or name.partition(" ")[0] in _OTHERS:
        raise NotModelled(f"calicoctl {name}")
    if name not in _COMMANDS:
        if " " in name:
            raise NotModelled("help", f"calicoctl {name.partition(' ')[0]}")
        proc.error(f'Unknown command: "{name}"\n{screen(_client(proc))}\n\n')
        return 1
    module, _, constant = _COMMANDS[name].partition(":")
    options, run = cast("tuple[tuple[Option, ...], Callable[[Context], int]]", getattr(import_module(module), constant))
    try:
        found = parse(words, options)
        if found.on("--help"):
            raise NotModelled("--help", f"calicoctl {name}")
        return run(_context(proc, found))
    except UsageError:
        return _usage(proc, name, words)
    except CalicoctlError as error:
        proc.error(f"{error}\n")
        return 1


def _usage(proc: Process, name: str, words: list[str]) -> int:
    if words[:1] and words[0] in {"-h", "--help"}:
        raise NotModelled("--help", f"calicoctl {name}")
    proc.error(f"{USAGES[name]}\n")
    return 1


def _context(proc: Process, words: Words) -> Context:
    if proc.cluster is None:
        raise NotModelled("no cluster within reach", "calicoctl")
    calico = proc.cluster.calico
    if calico is None:
        raise NotModelled("a cluster without Calico", "calicoctl")
    return Context(proc, proc.cluster, calico, words)
