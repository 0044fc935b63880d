"""The private directory of a run: the socket, and what stands on the script's PATH."""

from __future__ import annotations

import marshal
import os
import shlex
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
_MEMORY: Final = "/dev/shm"  # noqa: S108 - likewise
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
        self.over = path / "over"
        """In the sandbox: here its first process says how bash has ended."""
        self.hold = path / "hold"
        """And from here it hears that it shall end too."""

    @property
    def simulated(self) -> list[str]:
        """The names that the simulator answers to."""
        return sorted({*registry.names(), *WRAPPERS} - READERS)


@contextmanager
def private_directory(*, sandboxed: bool) -> Iterator[Directory]:
    """A directory that only its owner can enter, filled; gone when the run is over."""
    with tempfile.TemporaryDirectory(prefix="podwire-", dir=_base(), ignore_cleanup_errors=True) as name:
        path = Path(name).resolve()
        directory = Directory(path, INSIDE if sandboxed else path)
        _fill(directory, sandboxed=sandboxed)
        yield directory


def _base() -> str:
    """Where temporary files go; with no wish of the caller's in memory, for a disk may take 0.2 s for some hundred links."""
    if "TMPDIR" not in os.environ and sys.platform.startswith("linux") and os.access(_MEMORY, os.W_OK | os.X_OK):
        flags = os.statvfs(_MEMORY).f_flag
        if not flags & (os.ST_NOEXEC | os.ST_RDONLY):  # as in containers
            return _MEMORY
    base = tempfile.gettempdir()
    return base if len(base) < _SOCKET_MAX - 30 else _SHORT


def _fill(directory: Directory, *, sandboxed: bool) -> None:
    for made in (directory.bin, directory.shims, directory.real, directory.virtual):
        made.mkdir()
    if sandboxed:
        os.mkfifo(directory.over, 0o600)
        os.mkfifo(directory.hold, 0o600)
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
        text = _READER.format(
            patterns=patterns,
            name=name,
            real=shlex.quote(os.fspath(inside / "real")),
            shim=shlex.quote(os.fspath(inside / "virtual" / name)),
        )
        _program(directory.shims / name, text)
    # Not sh, which would lose functions that bash has exported.
    bash = shutil.which("bash") or "/bin/bash"
    _program(directory.shims / "sudo", _SUDO.format(bash=bash))
    if not sandboxed and (env := shutil.which("env")):
        _program(directory.shims / "env", _ENV.format(bash=bash, real=shlex.quote(env)))
    for name in sorted(REAL - {link.name for link in directory.shims.iterdir()}):
        if found := shutil.which(name):
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
    case $word in {patterns}) exec {shim} "$@" ;; esac
done
PATH={real}
exec {name} "$@"
"""
"""A real program, by the name that it shall call itself; with a simulated file among its arguments, the simulator's."""

_REFUSER: Final = """\
#!/bin/sh
if [ "${{0##*/}}" = podwire ]; then
    echo "podwire: podwire inside podwire sh: a script has one simulator (for another shell: bash)" >&2
    exit 2
fi
echo "podwire: ${{0##*/}} is not simulated, and podwire passes nothing to this machine's network (simulated: {known})" >&2
exit 127
"""

_SUDO: Final = """\
#!{bash}
# Everything here is root's already.
while [ $# -gt 0 ]; do
    case $1 in
        --) shift; break ;;
        -[ughpCTrt]) shift 2 ;;
        -*) shift ;;
        *=*) export "$1"; shift ;;
        *) break ;;
    esac
done
if [ $# = 0 ]; then
    # -i and -s: a shell, with a prompt where somebody types.
    if [ -t 0 ]; then set -- bash --rcfile "$BASH_ENV" -i; else set -- bash; fi
fi
exec "$@"
"""

_ENV: Final = """\
#!{bash}
# Without PATH, bash would look for tools where those of this machine are, and there are no namespaces around it.
case $1 in
    - | -i | --ignore-environment)
        shift
        exec {real} -i PATH="$PATH" BASH_ENV="$BASH_ENV" ENV="$ENV" "$@"
        ;;
esac
exec {real} "$@"
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
