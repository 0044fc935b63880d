"""The namespaces that bash runs in: own mounts, an empty network, own processes; as an ordinary user also an own user namespace.

In there /proc and /sys cannot be written, /sys/class/net is empty, a real program's socket reaches nothing, the absolute
paths of simulated tools lead to their shims, and what a script leaves running ends with it. Where the system refuses such namespaces
(and on macOS) a script runs without, and ``scan`` is all that stands in front of /proc and /sys.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from podwire.shell.directory import Directory

_FLAGS: Final = ("--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
_AS_USER: Final = ("--user", "--map-root-user")
"""As root it is the mounts that protect; a user namespace would hide the files of others."""

_DROPPED: Final = "-sys_admin,-net_admin,-net_raw,-sys_module,-sys_boot,-sys_time,-sys_ptrace,-sys_rawio"
"""Capabilities that bash does without, so that it cannot undo what was set up."""

_SETUP: Final = """\
# $1: the private directory; $2: where it is to be; $3, $4 …: the command
# In braces, for bash reads them to their end before the script could write into this file.
{
trap : INT QUIT
exec 9>&2 2>/dev/null
path=$PATH PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount --all --fstab "$1/readonly"
# Should this version of mount take no remount from a table:
[ ! -w /proc/self/comm ] || mount -o remount,bind,ro /proc
while read -r _ at _ options _; do
    case $at:$options in /sys:rw* | /sys/*:rw*) mount -o remount,bind,ro "$at" ;; esac
done </proc/self/mounts
# The sockets of daemons (docker, D-Bus) and the names of this machine's namespaces go out of sight.
# The directory may lie there itself: hence by its descriptor, and not by the path that mount would make of that.
exec 8<"$1"
mount -t tmpfs -o mode=755,size=1m podwire /run && mkdir -p "$2" /run/netns /run/lock && mount --no-canonicalize --bind /proc/self/fd/8 "$2"
# mount itself comes last.
mount --all --fstab "$2/fstab"
PATH=$path
exec 2>&9 9>&- 8<&-
if ! [ -e "$2/fstab" ]; then
    echo "podwire: the namespaces for the script could not be set up" >&2
    exit 125
fi
over=$2/over hold=$2/hold
shift 2
"$@"
echo $? >"$over"
# What bash has left running may still say its last words. Nobody writes into this but to end it all.
until read -r _ <"$hold"; do :; done 2>/dev/null
exit
}
"""
"""The first process of the namespaces: it stays, so that bash has a parent that reaps, and an interrupt does not end it."""
_TREES: Final = ("/proc/sys/net", "/sys/class/net", "/sys/devices/virtual/net")
"""Covered by emptiness: what slips past the shims finds nothing, rather than the values of another kernel."""
_BINARIES: Final = tuple(
    Path(name) for name in ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
)


def available() -> tuple[str, ...]:
    """The ``unshare`` command line that works here; empty if none does."""
    program = shutil.which("unshare")
    if program is None or not sys.platform.startswith("linux"):
        return ()
    # unshare ends with us, however we end, and the namespaces end with unshare.
    setpriv = shutil.which("setpriv")
    dying = (setpriv, "--pdeathsig=KILL") if setpriv else ()
    command = (*dying, program, *(() if os.geteuid() == 0 else _AS_USER), *_FLAGS)
    try:
        done = subprocess.run(  # noqa: PLW1510 - the status is the answer
            [*command, "true"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return command if done.returncode == 0 else ()


def wrap(unshare: Sequence[str], directory: Directory, command: Sequence[str]) -> list[str]:
    """The command line that runs ``command`` in the namespaces, with the shims at the absolute paths of what they stand for."""
    for name, lines in (("readonly", _readonly()), ("fstab", _mounts(directory))):
        (directory.path / name).write_text("".join(lines), encoding="utf-8", errors="surrogateescape")
    (directory.path / "setup").write_text(_SETUP, encoding="utf-8")
    dropping = []
    if setpriv := shutil.which("setpriv"):
        dropping = [setpriv, f"--bounding-set={_DROPPED}", f"--inh-caps={_DROPPED}"]
    return [
        *unshare,
        command[0],
        "--norc",
        "--noprofile",
        str(directory.path / "setup"),
        str(directory.path),
        str(directory.inside),
        *dropping,
        *command,
    ]


def _readonly() -> Iterator[str]:
    """Lines of fstab(5): a process for each would take longer than all else."""
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        at = line.split()[1]
        if at in {"/proc", "/sys"} or at.startswith("/sys/"):
            yield f"none {at} none remount,bind,ro 0 0\n"


def _mounts(directory: Directory) -> Iterator[str]:
    """Lines of fstab(5)."""
    for tree in _TREES:
        if Path(tree).is_dir():
            yield f"podwire {tree} tmpfs ro,size=4k 0 0\n"
    for shim in sorted(directory.shims.iterdir(), key=lambda shim: (shim.name == "mount", shim.name)):
        real = directory.real / shim.name
        for binaries in _BINARIES:
            at = binaries / shim.name
            if binaries.is_symlink() or not at.exists() or not _is_alone(at):
                continue
            if real.exists() and not real.is_symlink():
                yield _bind(at.resolve(), directory.inside / "real" / shim.name)
                real = directory.path
            yield _bind(directory.inside / "shims" / shim.name, at)


def _is_alone(path: Path) -> bool:
    """False for one of the many names of one program (busybox), whose other names are needed."""
    target = path.resolve()
    return target.name == path.name or target.name.startswith("xtables-")


def _bind(source: Path, target: Path) -> str:
    words = (str(path).replace("\\", "\\134").replace(" ", "\\040").replace("\t", "\\011") for path in (source, target))
    return f"{' '.join(words)} none bind 0 0\n"
