"""``cat`` (coreutils) on the files of the place and the virtual ones of ``files``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.tools.args import BadOption, getopt
from podwire.tools.files import FileError, read

if TYPE_CHECKING:
    from podwire.tools.process import Process

_LONGS: Final = {
    "number-nonblank": "b",
    "number": "n",
    "squeeze-blank": "s",
    "show-nonprinting": "v",
    "show-ends": "E",
    "show-tabs": "T",
    "show-all": "A",
    "help": "help",
    "version": "version",
}


def cat(proc: Process) -> int:
    """``cat [FILE]…``: without a file, or for ``-``, standard input. Status 1 if one could not be read."""
    try:
        options, names = getopt(proc, "benstuvAET", _LONGS)
    except BadOption:
        proc.error("Try 'cat --help' for more information.\n")
        return 1
    for option, _ in options:
        if option != "u":
            raise NotModelled(f"option {'-' if len(option) == 1 else '--'}{option}", "cat")
    status = 0
    for name in names or ["-"]:
        if name == "-":
            proc.write(proc.stdin)
            continue
        try:
            proc.write(read(proc.place, name))
        except FileError as error:
            proc.error(f"cat: {name}: {os.strerror(error.errno)}\n")
            status = 1
    return status
