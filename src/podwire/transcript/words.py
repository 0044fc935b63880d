"""Commands that lead somewhere else: ``kubectl exec``, ``ssh``, shells. The forms are those that people type."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from itertools import takewhile
from typing import Final

import msgspec

from podwire.cluster.running import words_of
from podwire.errors import NotModelled, PodwireError
from podwire.tools.kubectl.context import GLOBAL
from podwire.tools.kubectl.execute import FLAGS
from podwire.tools.kubectl.flags import UsageError, parse

_SHELLS: Final = frozenset({"ash", "bash", "sh", "zsh"})
_SHELL_FLAGS: Final = frozenset({"-", "-i", "-il", "-l", "-li", "--login"})
_SSH_VALUES: Final = frozenset("BbcDEeFIiJLlmOoPpQRSWw")
"""Options of ssh that take an argument."""
_KUBECTL: Final = frozenset({"kubectl", "k"})
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)


class Run(msgspec.Struct, frozen=True):
    """Run this where the prompt stands."""

    words: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()
    """What was set for this command alone: ``KUBE_EDITOR=… kubectl edit``."""


class Kubectl(Run, frozen=True):
    """Run kubectl, or calicoctl, where the prompt stands, or at the operator's workstation where it stands on no machine."""


class Shell(msgspec.Struct, frozen=True):
    """Another shell, where the prompt stands."""


class Leave(msgspec.Struct, frozen=True):
    """``exit``."""


class ToPod(msgspec.Struct, frozen=True):
    """``kubectl exec POD -- sh``: ``pod`` as ``namespace/name``, and what its shell runs."""

    pod: str
    then: Run | Shell


class ToMachine(msgspec.Struct, frozen=True):
    """``ssh``: a machine's name or address, and what runs there."""

    machine: str
    then: Run | Shell


Order = Run | Kubectl | Shell | Leave | ToPod | ToMachine


def orders(line: str) -> list[Order]:
    """What a line asks for: commands with ``;`` between run one after the other. Raises ``PodwireError`` for other shell syntax."""
    return [order(command) for command in _commands(line)]


def _commands(line: str) -> list[str]:
    """The parts between ``;`` that no quotes hide; empty ones are kept where there is nothing else, for the complaint about them."""
    parts, quote = [""], ""
    for char in line:
        if char == ";" and not quote:
            parts.append("")
            continue
        if char in "'\"" and quote in {"", char}:
            quote = "" if quote else char
        parts[-1] += char
    return [part for part in parts if part.strip()] or parts[:1]


def order(command: str) -> Order:
    """What a command asks for. Raises ``PodwireError`` for shell syntax."""
    words = words_of(command)
    before = list(takewhile(_ASSIGNMENT.fullmatch, words))
    environment = tuple((name, value) for name, _, value in (word.partition("=") for word in before))
    rest = words[len(before) :]
    if not rest:
        raise NotModelled(f"{command!r}: a variable that outlives its command")
    if rest[0] in _KUBECTL:
        return _kubectl(rest, environment)
    if environment:
        raise NotModelled(f"{before[0]!r} before {rest[0]!r}: podwire gives variables to kubectl alone")
    return _order(rest)


def _order(words: Sequence[str]) -> Order:
    """Without the wrappers that change nothing: sudo and sshpass."""
    name = words[0]
    if name in _KUBECTL:
        return _kubectl(words, ())
    if name == "calicoctl":
        return Kubectl(tuple(words))
    if name == "sudo":
        return _sudo(words[1:])
    if name == "sshpass":
        return _order(_after(words, "fpdeP", "sshpass"))
    if name == "ssh":
        return _ssh(words[1:])
    if list(words[:3]) == ["gcloud", "compute", "ssh"]:
        return _ssh([word for word in words[3:] if not word.startswith("--")])
    if name in {"exit", "logout"} and len(words) == 1:
        return Leave()
    if name == "su" and set(words[1:]) <= {"-", "-l", "--login", "root"}:
        return Shell()
    if name.rpartition("/")[2] in _SHELLS:
        return _shell(words)
    return Run(tuple(words))


def _then(words: Sequence[str]) -> Run | Shell:
    found = _order(words)
    if isinstance(found, Run | Shell):
        return found
    raise NotModelled(f"{words[0]!r} through another command; type it at a prompt of its own")


def _shell(words: Sequence[str]) -> Run | Shell:
    rest = [word for word in words[1:] if word not in _SHELL_FLAGS]
    if not rest:
        return Shell()
    if rest[0] == "-c" and len(rest) == 2:
        return _then(words_of(rest[1]))
    raise NotModelled(f"{shlex.join(words)!r}: a shell runs no script here")


def _sudo(words: Sequence[str]) -> Order:
    rest = list(words)
    shell = False
    while rest and rest[0].startswith("-"):
        flag = rest.pop(0)
        if flag in {"-i", "-s", "--login", "--shell"}:
            shell = True
        elif flag not in {"-E", "-n", "-H", "-S"}:
            raise NotModelled(f"sudo {flag}")
    if rest:
        return _order(rest)
    if shell:
        return Shell()
    raise PodwireError("sudo: expected a command")


def _after(words: Sequence[str], valued: str, name: str) -> list[str]:
    """The words behind the options of a wrapper."""
    rest = list(words[1:])
    while rest and rest[0].startswith("-"):
        flag = rest.pop(0)
        if len(flag) == 2 and flag[1] in valued and rest:
            rest.pop(0)
    if not rest:
        raise PodwireError(f"{name}: expected a command")
    return rest


def _ssh(words: Sequence[str]) -> ToMachine:
    machine, line = ssh(["ssh", *words])
    return ToMachine(machine, _then(words_of(line)) if line else Shell())


def ssh(words: Sequence[str]) -> tuple[str, str]:
    """``ssh [OPTIONS] [USER@]MACHINE [COMMAND…]``: the machine, and the line that its shell reads ("" for a login)."""
    rest = list(words[1:])
    target: str | None = None
    while rest:
        word = rest.pop(0)
        if word.startswith("-") and len(word) > 1:
            if word[-1] in _SSH_VALUES and len(word) == 2 and rest:
                rest.pop(0)
        elif target is None:
            target = word.rpartition("@")[2]
        else:
            rest.insert(0, word)
            break
    if target is None:
        raise PodwireError("ssh: expected USER@NODE")
    # A remote shell reads the words again, as one line.
    return target, " ".join(rest)


def _kubectl(words: Sequence[str], environment: tuple[tuple[str, str], ...]) -> Kubectl | ToPod:
    """A shell in a pod is a place for the prompt; all else is kubectl's."""
    found = kubectl_exec(words)
    if found is not None and found[1][0].rpartition("/")[2] in _SHELLS:
        return ToPod(found[0], _then(found[1]))
    return Kubectl(("kubectl", *words[1:]), environment)


def kubectl_exec(words: Sequence[str]) -> tuple[str, list[str]] | None:
    """``kubectl exec [OPTIONS] POD -- COMMAND…``: the pod as ``namespace/name``, and the command.

    None for what is something else, or what kubectl has to complain about: another verb, no command, ``deploy/NAME``.
    """
    try:
        first = parse(list(words[1:]), GLOBAL, interspersed=False)
        if first.args[:1] != ["exec"]:
            return None
        before = list(words[1 : len(words) - len(first.args)])
        parsed = parse([*before, *first.args[1:]], (*FLAGS, *GLOBAL))
    except UsageError:
        return None
    command = parsed.dashed if parsed.dashed is not None else parsed.args[1:]
    if not parsed.args or not command:
        return None
    kind, slash, pod = parsed.args[0].rpartition("/")
    if slash and kind not in {"pod", "pods", "po"}:
        return None
    return f"{parsed.text('namespace') or 'default'}/{pod}", command
