"""Programs that read files, where one of the files is the simulated machine's."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled, PodwireError
from podwire.shell.moves import Become, Refusal
from podwire.shell.programs import TREE, is_virtual
from podwire.shell.scan import instead_of_writing
from podwire.tools.files import FileError, read
from podwire.tools.ipset.parser import reads_stdin
from podwire.transcript.words import kubectl_exec

if TYPE_CHECKING:
    from podwire.linux.machine import Place
    from podwire.shell.directory import Directory

_numbers = itertools.count(1)
_VALUED: Final = MappingProxyType({"grep": "ABCDdefm", "head": "cn", "tail": "cns"})
"""Options with a value."""
_DEVICES: Final = ("/sys/class/net", "/sys/devices/virtual/net")


def wants_stdin(argv: list[str]) -> bool:
    """True where the tool reads its standard input to the end: for ``-`` among its arguments, or ``cat`` without any.

    ``ip`` reads it for ``-batch -`` alone: behind ``netns exec`` it is the other command that does. ``ipset`` does for ``restore``,
    ``iptables-restore`` where no file is named, ``nc`` unless ``-d`` or ``-z`` say that it does not.
    """
    if argv[0].startswith("iptables") and argv[0].endswith("-restore"):
        return _names_no_file(argv[1:])
    if argv[0] == "ip":
        own = itertools.takewhile(lambda word: word != "exec", argv[1:])
        return any(option.startswith("-b") and file == "-" for option, file in itertools.pairwise(own))
    if argv[0] == "ipset":
        return reads_stdin(argv[1:])
    if argv[0] == "nc":
        return _carries_stdin(argv[1:])
    if argv[0] in {"kubectl", "k"}:
        return _kubectl_reads(argv)
    if argv[0] == "calicoctl":
        return bool({"-", "-f-", "--filename=-"} & {*argv[1:]})
    return (
        argv[0] == "tee"
        or "-" in argv[1:]
        or "/dev/stdin" in argv[1:]
        or (argv[0] == "cat" and all(word.startswith("-") for word in argv[1:]))
    )


def _kubectl_reads(argv: list[str]) -> bool:
    """``-f -``; and ``exec -i`` of a command that reads."""
    found = kubectl_exec(argv)
    if found is None:
        return "-" in argv[1:] or "-f-" in argv[1:] or "--filename=-" in argv[1:]
    before = argv[: len(argv) - len(found[1])]
    letters = {letter for word in before if word[:1] == "-" and word[:2] != "--" for letter in word[1:]}
    return ("--stdin" in before or "i" in letters) and wants_stdin([found[1][0].rpartition("/")[2], *found[1][1:]])


def _carries_stdin(words: list[str]) -> bool:
    """``nc`` without ``-d``, ``-z`` or ``-h`` among its letters."""
    letters = ""
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            continue
        for position, letter in enumerate(word[1:], 1):
            if letter in "IiMmOPpqsTVWwXx":
                del rest[: position == len(word) - 1]
                break
            letters += letter
    return not set(letters) & set("dhz")


def _names_no_file(words: list[str]) -> bool:
    """``iptables-restore`` without a file, and without an option that only wants to know something."""
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in {"-V", "--version", "-h", "--help"} or not word.startswith("-"):
            return False
        last = "" if word.startswith("--") else word[-1]
        waits = last in {"w", "W"} or word in {"--wait", "--wait-interval"}
        if (
            last in {"M", "T"}
            or word in {"--modprobe", "--table"}
            or (waits and rest and rest[0][:1] not in {"-", "!"})
        ):
            del rest[:1]
    return True


def are_ours(argv: list[str]) -> bool:
    """Whether the simulated command does it: ``tee``, ``ls`` and ``tail -f`` of files of the machine's tree alone."""
    operands = _operands(argv)
    follows = argv[0] == "tail" and any(word.startswith("-") and "f" in word.lstrip("-")[:1] for word in argv[1:])
    return (argv[0] in {"ls", "tee"} or follows) and bool(operands) and all(word.startswith(TREE) for word in operands)


def become(place: Place, argv: list[str], where: str, directory: Directory) -> Become:
    """The real program, reading the simulated file on its standard input. ``where``: the caller's directory.

    Raises ``Refusal`` in the program's words where there is no such file, and ``PodwireError`` where it cannot be done.
    """
    name = argv[0]
    paths = [word for word in argv[1:] if is_virtual(word)]
    if name == "tee":
        raise PodwireError(f"tee {paths[0]}: {instead_of_writing(paths[0])}")
    if name == "ls":
        return _list(place, argv, paths)
    if len(paths) > 1 or any(Path(where, word).exists() for word in _operands(argv) if word not in paths):
        raise PodwireError(
            f"{name}: give it one file of the simulated machine at a time: cat {' '.join(paths)} | {name} …"
        )
    try:
        text = read(place, paths[0])
    except FileError as error:
        why = os.strerror(error.errno)
        shown = f"cannot open '{paths[0]}' for reading" if name in {"head", "tail"} else paths[0]
        raise Refusal(2 if name == "grep" else 1, f"{name}: {shown}: {why}\n") from None
    file = directory.path / f"file{next(_numbers)}"
    file.write_text(text, encoding="utf-8")
    words = [word for word in argv[1:] if word not in paths] + ["-"] * (name != "wc")
    # wc without a file prints no name; with one it would.
    script = 'PATH=$1; shift; exec "$@" <"$0"'
    if name == "wc":
        script = f'(PATH=$1; shift; exec "$@" <"$0") | sed "s|$| {paths[0]}|"'
    return Become(
        place,
        [
            "sh",
            "-c",
            script,
            os.fspath(directory.inside / file.name),
            os.fspath(directory.inside / "real"),
            name,
            *words,
        ],
    )


def _operands(argv: list[str]) -> list[str]:
    """What may be a file: neither an option, nor its value, nor the pattern of ``grep``."""
    valued = _VALUED.get(argv[0], "")
    words = []
    pattern = argv[0] == "grep"
    rest = argv[1:]
    while rest:
        word = rest.pop(0)
        if word.startswith("-") and word != "-":
            short = "" if word.startswith("--") else word
            pattern = pattern and not (word.startswith(("--regexp", "--file")) or "e" in short or "f" in short)
            if not word.startswith("--") and word[-1] in valued:
                del rest[:1]
        elif pattern:
            pattern = False
        else:
            words.append(word)
    return words


def _list(place: Place, argv: list[str], paths: list[str]) -> Become:
    """``ls /sys/class/net``: the devices."""
    if len(argv) != 2 or paths[0].rstrip("/") not in _DEVICES:
        raise NotModelled(f"{' '.join(argv)} (ls knows `ls /sys/class/net` alone)")
    names = sorted(link.name for link in place.netns.links())
    return Become(place, ["printf", r"%s\n", *names])
