"""``ipset``: one command, or many from a file or standard input (``restore``)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.ipset.adt import Adt
from podwire.linux.netfilter.ipset.errors import IpsetError
from podwire.tools.args import Exit
from podwire.tools.files import caller_path
from podwire.tools.ipset.helptext import usage
from podwire.tools.ipset.parser import Command, parse
from podwire.tools.ipset.report import PARAMETER, VERSION, Kind
from podwire.tools.ipset.session import Session
from podwire.tools.ipset.show import show

if TYPE_CHECKING:
    from podwire.tools.process import Process

_LINE: Final = 1023
"""What ``fgets`` takes at once."""
_MAX_ARGS: Final = 31
_FAILED: Final = 255
_PLAIN: Final = re.compile(
    r"(?:add|del) ([^\s\"]+) (25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
    r"\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:/(3[0-2]|[12]?\d))?\n",
    re.ASCII,
)
"""Most lines of most files: an address or a network of IPv4, and nothing behind it."""


def ipset(proc: Process) -> int:
    """Run the command; what it says of errors goes to standard error."""
    session = Session(proc)
    try:
        command = parse(session, proc.argv[1:])
        if command.name == "restore":
            return _restore(session)
        _run(session, command)
    except Exit as stop:
        return stop.status
    return 0


def _run(session: Session, command: Command) -> None:
    """``ipset_cmd``: the command, after what was saved up; a warning ends the run."""
    name = command.name
    if name == "quit":
        raise Exit(0)
    if name in {"help", "version"}:
        session.proc.write(
            usage(session, command.first) if name == "help" else f"ipset v{VERSION}, protocol version: 7\n"
        )
        raise Exit(0)
    if name not in {"add", "del"}:
        session.commit()
    session.report.lineno = session.restore_line
    if command.kind is not None and command.data is not None and command.first is not None:
        if name == "create":
            session.create(command.first, command.kind, command.data)
        else:
            session.adt(name, command.first, command.kind, command.data)
    elif name in {"list", "save"}:
        _list(session, command)
    else:
        _change(session, command)
    if session.report.kind is not Kind.NONE:
        session.report.finish()


def _change(session: Session, command: Command) -> None:
    door, name, other = session.door, command.first, command.second
    verbs: dict[str, Callable[[], None]] = {
        "flush": lambda: door.ipset_flush(name),
        "destroy": lambda: door.ipset_destroy(name, exist=session.exist),
        "rename": lambda: door.ipset_rename(name or "", other or ""),
        "swap": lambda: door.ipset_swap(name or "", other or ""),
    }
    try:
        verbs[command.name]()
    except IpsetError as error:
        session.refused(command.name, error)


def _list(session: Session, command: Command) -> None:
    """To standard output, or to a file of the caller's."""
    mode = session.mode or ("save" if command.name == "save" else "plain")
    pieces = show(session, command.first, mode)
    if session.filename is None:
        for piece in pieces:
            session.proc.write(piece)
        return
    try:
        stream = caller_path(session.proc, session.filename).open("w", encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        session.report.error(f"Cannot open {session.filename} for writing: {os.strerror(error.errno or 0)}")
    with stream:
        stream.writelines(pieces)


# -- restore ------------------------------------------------------------------------------------------------------


def _restore(session: Session) -> int:
    """``ipset_parse_stream``: line by line."""
    text = session.proc.stdin
    if session.filename is not None:
        try:
            text = caller_path(session.proc, session.filename).read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            # Nobody says why.
            return _FAILED
    for line in _lines(text):
        session.restore_line += 1
        if _shortcut(session, line):
            continue
        stripped = line.lstrip(" \t\n\v\f\r")
        if not stripped or stripped.startswith("#"):
            continue
        if stripped in {"COMMIT\n", "COMMIT\r\n"}:
            session.commit()
            continue
        _run(session, parse(session, _words(session, stripped)))
    session.commit()
    return 0


def _lines(text: str) -> Iterator[str]:
    """``fgets``: a line that is too long comes in pieces."""
    for line in text.splitlines(keepends=True) if "\r" not in text else re.findall(r"[^\n]*\n|[^\n]+", text):
        for start in range(0, len(line), _LINE):
            yield line[start : start + _LINE]


def _shortcut(session: Session, line: str) -> bool:
    """Read the lines that agents write by the thousand without all that others need; what comes of it is the same."""
    match = _PLAIN.fullmatch(line)
    if match is None:
        return False
    name, a, b, c, d, cidr = match.groups()
    found = session.sets.find(name)
    if found is None or found.family != 2 or found.type.name not in {"hash:ip", "hash:net"} or len(name) > 31:
        return False
    ip = int(a) << 24 | int(b) << 16 | int(c) << 8 | int(d)
    session.report.lineno = session.restore_line
    session.save_up(line[:3], name, Adt(ip=ip, cidr=None if cidr is None else int(cidr)))
    return True


def _words(session: Session, line: str) -> list[str]:
    """``build_argv``: words as a shell would split them, of which it knows the quotation mark alone."""
    words: list[str] = []
    word, quoted = "", False
    problem = session.report.problem
    for place, letter in enumerate(line):
        last = place + 1 == len(line)
        if len(words) + 2 == _MAX_ARGS + 1:
            problem(PARAMETER, "Line is too long to parse.")
        if letter == '"':
            quoted = not quoted
            if not last:
                continue
        elif letter not in " \r\n\t" or quoted:
            word += letter
            if not last or letter in " \r\n\t":
                continue
        if last and quoted:
            problem(PARAMETER, "Missing close quote!")
        if word:
            words.append(word)
            word = ""
    return words
