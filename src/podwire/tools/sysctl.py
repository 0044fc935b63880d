"""``sysctl`` of procps-ng 4.0.2: read and write the switches under /proc/sys."""

from __future__ import annotations

import os
import re
from errno import ENOENT, ENOTDIR
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.netlink import Netlink
from podwire.tools.args import BadOption, getopt
from podwire.tools.files import caller_path, check_sysctl
from podwire.trace.events import Owner

if TYPE_CHECKING:
    from podwire.tools.process import Process

_USAGE: Final = """
Usage:
 sysctl [options] [variable[=value] ...]

Options:
  -a, --all            display all variables
  -A                   alias of -a
  -X                   alias of -a
      --deprecated     include deprecated parameters to listing
      --dry-run        Print the key and values but do not write
  -b, --binary         print value without new line
  -e, --ignore         ignore unknown variables errors
  -N, --names          print variable names without values
  -n, --values         print only values of the given variable(s)
  -p, --load[=<file>]  read values from file
  -f                   alias of -p
      --system         read values from all system directories
  -r, --pattern <expression>
                       select setting that match expression
  -q, --quiet          do not echo variable set
  -w, --write          enable writing a value to variable
  -o                   does nothing
  -x                   does nothing
  -d                   alias of -h

 -h, --help     display this help and exit
 -V, --version  output version information and exit

For more details see sysctl(8).
"""
_LONGS: Final = {
    "all": "a",
    "deprecated": "deprecated",
    "dry-run": "dry-run",
    "binary": "b",
    "ignore": "e",
    "names": "N",
    "values": "n",
    "load": "p?",
    "quiet": "q",
    "write": "w",
    "system": "system",
    "pattern": "r=",
    "help": "h",
    "version": "V",
}
_FLAGS: Final = {"deprecated": "deprecated", "dry-run": "dry_run", "e": "ignore", "q": "quiet", "w": "write"}
_DEFAULT: Final = "/etc/sysctl.conf"
_DEPRECATED: Final = frozenset({"base_reachable_time", "retrans_time"})


class _Options(msgspec.Struct):
    all: bool = False
    deprecated: bool = False
    dry_run: bool = False
    ignore: bool = False
    quiet: bool = False
    write: bool = False
    load: bool = False
    file: str = ""
    """That of ``-p``, where it stands in the same word."""
    show: str = "both"
    end: str = "\n"
    pattern: re.Pattern[str] | None = None


def sysctl(proc: Process) -> int:
    """``sysctl [-n] KEY…``, ``sysctl [-w] KEY=VALUE…``, ``sysctl -a``."""
    try:
        words, names = getopt(proc, "bneNwfp::qoxaAXr:Vdh", _LONGS)
    except BadOption:
        proc.write(_USAGE)  # to standard output, and with success: so it is
        return 0
    options = _Options()
    for word, argument in words:
        status = _option(proc, options, word, argument)
        if status is not None:
            return status
    if options.all:
        return _show_tree(proc, options, "")
    if options.load:
        return _load(proc, options, [options.file, *names] if options.file else names or [_DEFAULT])
    if not names:
        if words:
            proc.error("sysctl: no variables specified\nTry `sysctl --help' for more information.\n")
        else:
            proc.error(_USAGE)
        return 1
    status = 0
    for name in names:
        if options.write or "=" in name:
            status |= _write(proc, options, name)
        else:
            result = _read(proc, options, name)
            if result == 255:
                return result
            status |= result
    return status


def _option(proc: Process, options: _Options, word: str, argument: str) -> int | None:
    match word:
        case "a" | "A" | "X":
            options.all = True
        case "b":
            options.show, options.end = "values", ""
        case "n":
            options.show = "values"
        case "N":
            options.show = "names"
        case "deprecated" | "dry-run" | "e" | "q" | "w":
            setattr(options, _FLAGS[word], True)
        case "r":
            try:
                options.pattern = re.compile(argument)
            except re.error:
                options.pattern = None  # regcomp's failure is not looked at
        case "p" | "f":
            options.load = True
            options.file = argument or options.file
        case "system":
            raise NotModelled("option --system", "sysctl")
        case "h" | "d":
            proc.write(_USAGE)
            return 0
        case "V":
            proc.write("sysctl from procps-ng 4.0.2\n")
            return 0
    return None


def _swap(text: str) -> str:
    """A path's name: dotted, with slashes for the dots of device names; and back."""
    return text.translate(str.maketrans("./", "/."))


def _path(name: str) -> str:
    """The path under /proc/sys: where the first separator is a dot, dots and slashes change places."""
    first = re.search(r"[./]", name)
    return _swap(name) if first is not None and first.group() == "." else name


def _missing(proc: Process, options: _Options, path: str, errno: int = ENOENT) -> int:
    check_sysctl(path)
    if options.ignore and errno == ENOENT:
        return 0
    proc.error(f"sysctl: cannot stat /proc/sys/{path}: {os.strerror(errno)}\n")
    return 1


def _read(proc: Process, options: _Options, name: str) -> int:
    if not name:
        proc.error('sysctl: "" is an unknown key\n')
        return 255
    raw = _path(name)
    path = raw.removeprefix("/")
    door = Netlink(proc.place.netns)
    try:
        value = door.sysctl_read(path)
    except NetlinkError as error:
        if re.search(r"[./]{2}", name) or (path.endswith("/") and _is_directory(door, path.rstrip("/"))):
            raise NotModelled(f"repeated separators in {name!r}", "sysctl") from None
        if _is_directory(door, path):
            return _show_tree(proc, options, path + "/")
        if _is_file(door, path.rstrip("/")):
            return _missing(proc, options, raw, ENOTDIR)
        return _missing(proc, options, raw, error.errno)
    _print(proc, options, _swap(raw), value)
    return 0


def _is_directory(door: Netlink, path: str) -> bool:
    return any(known.startswith(path + "/") for known in door.sysctl_paths())


def _is_file(door: Netlink, path: str) -> bool:
    try:
        door.sysctl_read(path)
    except NetlinkError:
        return False
    return True


def _print(proc: Process, options: _Options, key: str, value: str) -> None:
    if options.pattern is not None and not options.pattern.search(key):
        return
    if options.show == "names":
        proc.write(key + "\n")
    elif options.show == "values":
        proc.write(value + options.end)
    else:
        proc.write(f"{key} = {value}\n")


def _show_tree(proc: Process, options: _Options, prefix: str) -> int:
    door = Netlink(proc.place.netns)
    for path in sorted(door.sysctl_paths(), key=lambda known: known.split("/")):
        if not path.startswith(prefix) or (path.rpartition("/")[2] in _DEPRECATED and not options.deprecated):
            continue
        _print(proc, options, _swap(path), door.sysctl_read(path))
    return 0


def _load(proc: Process, options: _Options, names: list[str]) -> int:
    """``Preload``: the settings of all files are read first, and then written."""
    status = 0
    settings: list[str] = []
    for name in names:
        text = _text(proc, name)
        if text is None:
            status = 1
            continue
        for number, line in enumerate(text.splitlines(), 1):
            setting = line.strip()
            if not setting or setting[0] in "#;":
                continue
            if "=" in setting:
                settings.append(setting)
            elif not setting.startswith("-"):
                proc.error(f"sysctl: {name}({number}): invalid syntax, continuing...\n")
    for setting in settings:
        key, _, value = setting.partition("=")
        for name in _expanded(proc, key.strip().removeprefix("-")):
            status |= _assign(proc, options, name, value)
    return status


def _expanded(proc: Process, name: str) -> list[str]:
    """``glob``: a file may name several switches at once; the command line may not."""
    if not re.search(r"[*?[]", name):
        return [name]
    wanted = _path(name).split("/")
    found = [
        path
        for path in Netlink(proc.place.netns).sysctl_paths()
        if len(parts := path.split("/")) == len(wanted) and all(map(fnmatchcase, parts, wanted))
    ]
    if not found:
        raise NotModelled(f"wildcards in {name!r}, which mean no switch that podwire has", "sysctl")
    return [_swap(path) for path in found]


def _text(proc: Process, name: str) -> str | None:
    """A file of the place, or of the caller; the reason why there is none is told."""
    if name == "-":
        return proc.stdin
    if name in proc.place.files:
        return proc.place.files[name]
    errno = ENOENT
    if name != _DEFAULT:
        try:
            return caller_path(proc, name).read_text(encoding="utf-8", errors="surrogateescape")
        except IsADirectoryError:
            return ""
        except OSError as error:
            errno = error.errno or ENOENT
    elif not proc.place.container:
        return ""  # Debian's holds comments alone
    proc.error(f'sysctl: cannot open "{name}": {os.strerror(errno)}\n')
    return None


def _write(proc: Process, options: _Options, setting: str) -> int:
    name, equals, value = setting.partition("=")
    if len(setting.lstrip()) < 2 or setting.lstrip()[0] in "#;":
        return 1  # as lines of a file that say nothing
    if not equals:
        proc.error("sysctl: command line(0): invalid syntax, continuing...\n")
        return 1
    name = name.strip()
    return _assign(proc, options, name.removeprefix("-"), value) if name not in {"", "-"} or value else 1


def _assign(proc: Process, options: _Options, name: str, value: str) -> int:
    if not name:
        proc.error("sysctl: Path is not under /proc/sys/: /proc/sys/\n")
        return 1
    path = _path(name).removeprefix("/")
    value = value.strip()
    key = _swap(path)
    door = Netlink(proc.place.netns, Owner("sysctl"))
    if not _is_file(door, path):
        if _is_directory(door, path):
            proc.error(f'sysctl: setting key "{key}": Invalid argument\n')
            return 0
        return _missing(proc, options, path)
    if not door.sysctl_writable(path):
        proc.error(f'sysctl: setting key "{key}": Invalid argument\n')
        return 0
    if not options.dry_run:
        try:
            door.sysctl_write(path, value)
        except NetlinkError as error:
            proc.error(f'sysctl: setting key "{key}": {error.strerror}\n')
            return 1
    if not options.quiet:
        if options.show == "both":
            proc.write(f"{key} = {value}\n")
        else:
            proc.write(value + options.end)
    return 0
