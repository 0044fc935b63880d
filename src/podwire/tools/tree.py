"""The file tree of a place: paths, directories, what may be written. Directories are what paths go through, and those of every Linux.

An empty directory that somebody made is a path that ends in a slash. Files under /proc and /sys are the kernel's: a write to a sysctl
goes through the door, any other is not modelled.
"""

from __future__ import annotations

from collections.abc import Iterator
from errno import EACCES, EEXIST, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY
from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.netlink import Netlink
from podwire.tools.files import FileError, read
from podwire.trace.events import Owner

if TYPE_CHECKING:
    from podwire.linux.machine import Place

_ALWAYS: Final = frozenset(
    "/ /bin /boot /dev /etc /etc/cni /etc/cni/net.d /home /lib /media /mnt /opt /opt/cni /opt/cni/bin /proc /root /run /sbin /srv /sys /tmp"
    " /usr /usr/bin /usr/lib /usr/local /usr/sbin /usr/share /var /var/lib /var/lib/cni /var/log /var/run /var/tmp".split()
)
_KERNEL: Final = ("/proc", "/sys", "/dev")
_SYSCTL: Final = "/proc/sys/"


def absolute(path: str) -> str:
    """A path from the root, where commands of a place stand; ``.`` and ``..`` are gone, and a slash at the end."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in {"", "."}:
            parts.append(part)
    return "/" + "/".join(parts)


def of_kernel(path: str) -> bool:
    """Whether a path leads into the kernel's own trees."""
    clean = absolute(path)
    return any(clean == each or clean.startswith(each + "/") for each in _KERNEL)


def is_file(place: Place, path: str) -> bool:
    """Whether there is a file."""
    return absolute(path) in {*place.files, *place.virtual}


def is_directory(place: Place, path: str) -> bool:
    """Whether there is a directory."""
    clean = absolute(path)
    return clean in _ALWAYS or any(each.startswith(f"{clean}/") for each in (*place.files, *place.virtual))


def entries(place: Place, path: str) -> Iterator[str]:
    """The names in a directory, sorted as the C locale does. Raises ``NotModelled`` for the kernel's trees."""
    clean = absolute(path)
    if of_kernel(clean):
        raise NotModelled(f"the list of {clean}", "ls")
    start = "/" if clean == "/" else f"{clean}/"
    names = {
        each[len(start) :].partition("/")[0]
        for each in (*place.files, *place.virtual, *_ALWAYS)
        if each.startswith(start)
    }
    yield from sorted(names - {""})


def files_below(place: Place, path: str) -> list[str]:
    """The files of a directory and of those in it, sorted."""
    start = "/" if absolute(path) == "/" else f"{absolute(path)}/"
    return sorted(each for each in (*place.files, *place.virtual) if each.startswith(start) and not each.endswith("/"))


def text_of(place: Place, path: str) -> str:
    """The text of a file. Raises ``FileError``."""
    if path.endswith("/") and is_file(place, path):
        raise FileError(ENOTDIR)
    return read(place, path if of_kernel(path) else absolute(path))


def check_write(place: Place, path: str) -> None:
    """Raise ``FileError`` where a file cannot be written, ``NotModelled`` in the kernel's trees."""
    clean = absolute(path)
    if clean in place.virtual:
        raise NotModelled(f"writing to {clean}, which a program writes")
    if of_kernel(clean):
        if not clean.startswith(_SYSCTL):
            raise NotModelled(f"writing to {clean}")
        return
    if is_directory(place, clean):
        raise FileError(EISDIR)
    parent = clean.rpartition("/")[0] or "/"
    if is_file(place, parent) or (path.endswith("/") and clean != "/"):
        raise FileError(ENOTDIR if is_file(place, parent) else EISDIR)
    if not is_directory(place, parent):
        raise FileError(ENOENT)


def write(place: Place, path: str, text: str, *, append: bool = False, by: str = "") -> None:
    """Write a file; a sysctl in the name of ``by``. Raises ``FileError`` and ``NotModelled``."""
    check_write(place, path)
    clean = absolute(path)
    if clean.startswith(_SYSCTL):
        try:
            Netlink(place.netns, Owner(by)).sysctl_write(clean.removeprefix(_SYSCTL), text.strip())
        except NetlinkError as error:
            raise FileError(error.errno) from None
        return
    place.files[clean] = (place.files.get(clean, "") if append else "") + text
    _settle(place, clean)


def make_directory(place: Place, path: str, *, parents: bool = False) -> None:
    """``mkdir``. Raises ``FileError``."""
    clean = absolute(path)
    if of_kernel(clean):
        raise NotModelled(f"mkdir {clean}")
    if is_file(place, clean):
        raise FileError(EEXIST)
    if is_directory(place, clean):
        if parents:
            return
        raise FileError(EEXIST)
    parent = clean.rpartition("/")[0] or "/"
    if is_file(place, parent):
        raise FileError(ENOTDIR)
    if not is_directory(place, parent):
        if not parents:
            raise FileError(ENOENT)
        make_directory(place, parent, parents=True)
    place.files[f"{clean}/"] = ""
    _settle(place, clean)


def remove_file(place: Place, path: str) -> None:
    """``unlink``. Raises ``FileError``, and ``NotModelled`` for what a program writes."""
    clean = absolute(path)
    if clean in place.virtual or of_kernel(clean):
        raise NotModelled(f"removing {clean}")
    if is_directory(place, clean):
        raise FileError(EISDIR)
    if clean not in place.files:
        raise FileError(ENOENT)
    parent = clean.rpartition("/")[0]
    del place.files[clean]
    if not is_directory(place, parent or "/"):
        place.files[f"{parent}/"] = ""  # the directory stays, empty


def remove_tree(place: Place, path: str) -> None:
    """A directory with all that is in it. Raises ``FileError`` for one that every Linux has."""
    clean = absolute(path)
    if clean in _ALWAYS or of_kernel(clean):
        raise FileError(EACCES)
    if any(each.startswith(f"{clean}/") for each in place.virtual):
        raise FileError(ENOTEMPTY)
    for each in [each for each in place.files if each.startswith(f"{clean}/")]:
        del place.files[each]
    parent = clean.rpartition("/")[0]
    if not is_directory(place, parent or "/"):
        place.files[f"{parent}/"] = ""


def _settle(place: Place, clean: str) -> None:
    """A directory that has something in it needs no mark of its own."""
    parent = clean.rpartition("/")[0]
    while parent:
        place.files.pop(f"{parent}/", None)
        parent = parent.rpartition("/")[0]
