"""Commands that lead somewhere else: ``kubectl exec``, ``ssh``, shells. The forms are those that people type."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Final

import msgspec

from podwire.cluster.running import words_of
from podwire.errors import NotModelled, PodwireError

_SHELLS: Final = frozenset({"ash", "bash", "sh", "zsh"})
_SHELL_FLAGS: Final = frozenset({"-", "-i", "-il", "-l", "-li", "--login"})
_SSH_VALUES: Final = frozenset("BbcDEeFIiJLlmOoPpQRSWw")
"""Options of ssh that take an argument."""
_EXEC_VALUES: Final = frozenset({"-c", "--container", "-n", "--namespace", "--pod-running-timeout"})
_EXEC_FLAGS: Final = frozenset({"-i", "-t", "-it", "-ti", "--stdin", "--tty", "-q", "--quiet"})


class Run(msgspec.Struct, frozen=True):
    """Run this where the prompt stands."""

    words: tuple[str, ...]


class Shell(msgspec.Struct, frozen=True):
    """Another shell, where the prompt stands."""


class Leave(msgspec.Struct, frozen=True):
    """``exit``."""


class ToPod(msgspec.Struct, frozen=True):
    """``kubectl exec``: ``pod`` as ``namespace/name``, and what runs there."""

    pod: str
    then: Run | Shell


class ToMachine(msgspec.Struct, frozen=True):
    """``ssh``: a machine's name or address, and what runs there."""

    machine: str
    then: Run | Shell


Order = Run | Shell | Leave | ToPod | ToMachine


def order(command: str) -> Order:
    """What a command line asks for. Raises ``PodwireError`` for shell syntax, ``NotModelled`` for other uses of kubectl."""
    words = words_of(command)
    if words[0] in {"kubectl", "k"}:
        return _kubectl(words)
    return _order(words)


def _order(words: Sequence[str]) -> Order:
    """Without the wrappers that change nothing: sudo and sshpass."""
    name = words[0]
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


def _kubectl(words: Sequence[str]) -> ToPod:
    pod, command = kubectl_exec(words)
    return ToPod(pod, _then(command))


def kubectl_exec(words: Sequence[str]) -> tuple[str, list[str]]:
    """``kubectl exec [OPTIONS] POD -- COMMAND…``: the pod as ``namespace/name``, and the command.

    Raises ``NotModelled`` for kubectl's other verbs.
    """
    rest = list(words[1:])
    namespace = "default"
    positional: list[str] = []
    command: list[str] | None = None
    while rest:
        word = rest.pop(0)
        if word == "--":
            command = rest
            break
        name, equals, value = word.partition("=")
        if name in _EXEC_VALUES:
            if not equals:
                if not rest:
                    raise PodwireError(f"kubectl: flag needs an argument: {name}")
                value = rest.pop(0)
            namespace = value if name in {"-n", "--namespace"} else namespace
        elif word.startswith("-"):
            if positional[:1] == ["exec"] and word not in _EXEC_FLAGS:
                raise NotModelled(f"kubectl exec {word}")
        else:
            positional.append(word)
    if positional[:1] != ["exec"]:
        raise NotModelled(f"kubectl {positional[0] if positional else ''}".rstrip())
    if len(positional) < 2:
        raise PodwireError("kubectl: pod or type/name must be specified")
    if command is None:
        command = positional[2:]  # the old form without --, still accepted
    if not command:
        raise PodwireError("kubectl: you must specify at least one command for the container")
    kind, slash, pod = positional[1].rpartition("/")
    if slash and kind not in {"pod", "pods", "po"}:
        raise NotModelled(f"kubectl exec {positional[1]}")
    return f"{namespace}/{pod}", command
