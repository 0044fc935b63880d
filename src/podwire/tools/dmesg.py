"""``dmesg`` (util-linux 2.38.1): the kernel's log, which the target LOG and refused rules write to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.tools.args import BadOption, getopt

if TYPE_CHECKING:
    from podwire.tools.process import Process

_NSEC: Final = 1_000_000_000
_LEVELS: Final = ("emerg", "alert", "crit", "err", "warn", "notice", "info", "debug")
_HINT: Final = "Try 'dmesg --help' for more information.\n"
_LETTERS: Final = "CcDdEeF:f:HhJkL:l:n:iPprSs:TtuVWwx"
_LONGS: Final = {
    "clear": "C",
    "read-clear": "c",
    "ctime": "T",
    "decode": "x",
    "kernel": "k",
    "level": "l=",
    "notime": "t",
    "raw": "r",
    "version": "V",
    "color": "L?",
    "console-level": "n=",
    "console-off": "D",
    "console-on": "E",
    "facility": "f=",
    "file": "F=",
    "follow": "w",
    "follow-new": "W",
    "force-prefix": "p",
    "help": "h",
    "human": "H",
    "noescape": "noescape",
    "nopager": "P",
    "reltime": "e",
    "show-delta": "d",
    "since": "since=",
    "syslog": "S",
    "time-format": "time-format=",
    "until": "until=",
    "userspace": "u",
    "buffer-size": "s=",
}
_MODELLED: Final = frozenset("CckPrTtVxl")


def dmesg(proc: Process) -> int:
    """``dmesg [-C|-c] [-T|-t] [-x] [-r] [-l LEVEL,…]``."""
    try:
        options, operands = getopt(proc, _LETTERS, _LONGS)
    except BadOption:
        proc.error(_HINT)
        return 1
    given = {option for option, _ in options}
    missing = next((option for option in given if option not in _MODELLED), "")
    if missing:
        raise NotModelled(f"option {'-' if len(missing) == 1 else '--'}{missing}", "dmesg")
    if "V" in given:
        proc.write("dmesg from util-linux 2.38.1\n")
        return 0
    levels: set[int] = set()
    for _, words in (pair for pair in options if pair[0] == "l"):
        for word in words.split(","):
            if word not in _LEVELS:
                proc.error(f"dmesg: unknown level '{word}'\n")
                return 1
            levels.add(_LEVELS.index(word))
    if operands:
        proc.error(f"dmesg: bad usage\n{_HINT}")
        return 1
    log = proc.place.machine.kmsg
    if "C" not in given:
        for time, level, text in log:
            if not levels or level in levels:
                proc.write(_line(proc, given, time, level, text))
    if given & {"C", "c"}:
        log.clear()
    return 0


def _line(proc: Process, given: set[str], time: int, level: int, text: str) -> str:
    """``print_record``."""
    since = time - proc.place.machine.booted
    stamp = f"[{since // _NSEC:5}.{since % _NSEC // 1000:06}] "
    if "r" in given:
        return f"<{level}>{stamp}{text}\n"
    if "T" in given:
        stamp = f"[{datetime.fromtimestamp(time // _NSEC, UTC):%a %b %e %H:%M:%S %Y}] "
    elif "t" in given:
        stamp = ""
    decoded = f"kern  :{_LEVELS[level]:<6}: " if "x" in given else ""
    return f"{decoded}{stamp}{text}\n"
