"""The private directory of a run: the socket, and what stands on the script's PATH."""

from __future__ import annotations

import marshal
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from podwire.errors import PodwireError
from podwire.shell.programs import READERS, REAL, REFUSED, VIRTUAL, WRAPPERS
from podwire.tools import registry

_SOCKET_MAX: Final = 100
"""sun_path holds 108 bytes (104 on macOS)."""
_SHORT: Final = "/tmp"  # noqa: S108 - a directory of our own is made in it
_INTERPRETER_MAX: Final = 120
"""Linux reads 127 bytes of a script's first line."""

INSIDE: Final = Path("/run/podwire")

PYTHON: Final = str(getattr(sys, "_base_executable", "") or sys.executable)
"""The interpreter itself: a virtual environment would have to be found and read at each start."""
FLAGS: Final = "-IS"


class Directory:
    """Where everything of a run lies. ``bin`` is its PATH, ``shims`` what stands in for a tool, ``real`` what a shim may call."""

    def __init__(self, path: Path, inside: Path) -> None:
        self.path = path
        self.inside = inside
        """Where a process of the run finds it: in the sandbox always at the same place, so that no output tells runs apart."""
        self.socket = path / "socket"
        self.bin = path / "bin"
        self.shims = path / "shims"
        self.real = path / "real"
        self.virtual = path / "virtual"
        """Shims of readers, by their names."""
        self.rc = path / "bashrc"

    @property
    def simulated(self) -> list[str]:
        """The names that the simulator answers to."""
        return sorted({*registry.names(), *WRAPPERS} - READERS)


@contextmanager
def private_directory(*, sandboxed: bool) -> Iterator[Directory]:
    """A directory that only its owner can enter, filled; gone when the run is over."""
    base = tempfile.gettempdir()
    with tempfile.TemporaryDirectory(
        prefix="podwire-", dir=base if len(base) < _SOCKET_MAX - 30 else _SHORT, ignore_cleanup_errors=True
    ) as name:
        path = Path(name).resolve()
        directory = Directory(path, INSIDE if sandboxed else path)
        _fill(directory, sandboxed=sandboxed)
        yield directory


def _fill(directory: Directory, *, sandboxed: bool) -> None:
    for made in (directory.bin, directory.shims, directory.real, directory.virtual):
        made.mkdir()
    inside = directory.inside
    python = PYTHON
    if " " in python or len(python) > _INTERPRETER_MAX:
        (directory.path / "python").symlink_to(PYTHON)
        python = str(inside / "python")
    _program(directory.path / "shim", f"#!{python} {FLAGS}\n{_loader(directory)}")
    for name in directory.simulated:
        (directory.shims / name).symlink_to(inside / "shim")
    known = " ".join(directory.simulated)
    _program(directory.path / "refuser", _REFUSER.format(known=known))
    for name in sorted(REFUSED - {*directory.simulated}):
        (directory.shims / name).symlink_to(inside / "refuser")
    for name in sorted({*READERS, "date"}):
        if found := shutil.which(name):
            real = directory.real / name
            # In the sandbox the shim stands at the program's own path; there it is bound to this file.
            real.touch() if sandboxed else real.symlink_to(found)
    patterns = "|".join(f"{prefix}*" for prefix in VIRTUAL)
    for name in sorted(READERS):
        (directory.virtual / name).symlink_to(inside / "shim")
        text = _READER.format(patterns=patterns, real=inside / "real" / name, shim=inside / "virtual" / name)
        _program(directory.shims / name, text)
    _program(directory.shims / "sudo", _SUDO)
    for name in sorted(REAL):
        if name not in READERS and (found := shutil.which(name)):
            (directory.bin / name).symlink_to(found)
    for link in directory.shims.iterdir():
        (directory.bin / link.name).symlink_to(inside / "shims" / link.name)
    directory.rc.write_text(_RC.format(known=known), encoding="utf-8")


def _program(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    path.chmod(0o700)


def _loader(directory: Directory) -> str:
    """Lines that load the shim's code, compiled beforehand: to parse it each time would cost 2 ms."""
    spec = find_spec("podwire.shell.shim")
    if spec is None or spec.origin is None:
        raise PodwireError("podwire.shell.shim is missing: podwire is not installed as a directory")
    source = Path(spec.origin).read_text(encoding="utf-8")
    code = compile(source, "podwire-shim", "exec", dont_inherit=True, optimize=2)
    (directory.path / "shim.bin").write_bytes(marshal.dumps(code))
    where = os.fspath(directory.inside)
    return (
        "import marshal, posix\n"
        f"with open({where + '/shim.bin'!r}, 'rb') as file:\n"
        "    exec(marshal.loads(file.read()))\n"
        f"DIRECTORY = {where!r}\n"
        "posix._exit(main())\n"
    )


_READER: Final = """\
#!/bin/sh
for word; do
    case $word in {patterns}) exec '{shim}' "$@" ;; esac
done
exec '{real}' "$@"
"""
"""A real program; with a simulated file among its arguments, the simulator's."""

_REFUSER: Final = """\
#!/bin/sh
echo "podwire: ${{0##*/}} is not simulated, and podwire passes nothing to this machine's network (simulated: {known})" >&2
exit 127
"""

_SUDO: Final = """\
#!/bin/sh
# Everything here is root's already.
while [ $# -gt 0 ]; do
    case $1 in
        --) shift; break ;;
        -[ughpCTrt]) shift 2 ;;
        -i | -s) exec bash "$@" ;;
        -*) shift ;;
        *=*) export "$1"; shift ;;
        *) break ;;
    esac
done
exec "$@"
"""

_RC: Final = """\
command_not_found_handle() {{
    if [ "${{1#/}}" != "$1" ]; then
        echo "podwire: $1: no such command" >&2
    else
        echo "podwire: $1 is neither simulated nor one of the real programs that a script may call (simulated: {known})" >&2
    fi
    return 127
}}
export -f command_not_found_handle
PS1='${{PODWIRE_HOST}}:\\w\\$ '
"""
