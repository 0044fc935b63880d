"""``iptables-restore`` 1.8.9."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from podwire.linux.netfilter.command import StopParsing
from podwire.linux.netfilter.grammar import WAIT_INTERVAL_IGNORED, wait_interval, wait_time
from podwire.linux.netfilter.restore import Restore, RestoreError
from podwire.linux.netfilter.tables import LEGACY, NFT
from podwire.linux.netfilter.xt.options import OptionError
from podwire.linux.netlink import Netlink
from podwire.tools.args import BadOption, Exit, getopt
from podwire.tools.files import caller_path
from podwire.tools.iptables.command import VERSIONS, variant_of
from podwire.tools.iptables.listing import sayer
from podwire.tools.iptables.names import PlaceNames
from podwire.trace.events import Owner

if TYPE_CHECKING:
    from podwire.tools.process import Process

_LONGS: Final = {
    "counters": "c",
    "verbose": "v",
    "version": "V",
    "test": "t",
    "help": "h",
    "noflush": "n",
    "modprobe": "M=",
    "table": "T=",
    "wait": "w?",
    "wait-interval": "W?",
}
_USAGE_NFT: Final = """\
Usage: {name} [-c] [-v] [-V] [-t] [-h] [-n] [-T table] [-M command] [-4] [-6] [file]
\t   [ --counters ]
\t   [ --verbose ]
\t   [ --version]
\t   [ --test ]
\t   [ --help ]
\t   [ --noflush ]
\t   [ --table=<TABLE> ]
\t   [ --modprobe=<command> ]
\t   [ --ipv4 ]
\t   [ --ipv6 ]
"""
_USAGE_LEGACY: Final = """\
Usage: {name} [-c] [-v] [-V] [-t] [-h] [-n] [-w secs] [-W usecs] [-T table] [-M command] [file]
\t   [ --counters ]
\t   [ --verbose ]
\t   [ --version]
\t   [ --test ]
\t   [ --help ]
\t   [ --noflush ]
\t   [ --wait=<seconds>
\t   [ --table=<TABLE> ]
\t   [ --modprobe=<command> ]
"""
_HINT: Final = "Try `iptables-restore -h' or 'iptables-restore --help' for more information.\n"


def iptables_restore(proc: Process) -> int:
    """Tables from standard input or a file."""
    variant = variant_of(proc)
    name = proc.argv[0].rpartition("/")[2] if variant == NFT else "iptables-restore"
    try:
        asked = _Asked(proc, variant, name)
        text = asked.text()
    except Exit as done:
        return done.status
    names = PlaceNames(proc.place)
    try:
        Restore(
            Netlink(proc.place.netns, Owner("iptables")),
            variant,
            names=names,
            noflush=asked.noflush,
            counters=asked.counters,
            verbose=asked.verbose,
            test=asked.test,
            only=asked.only,
            program=name,
            say=sayer(proc.write, names, variant),
            notice=proc.error,
        ).run(text)
    except RestoreError as error:
        proc.error(error.text)
        return error.status
    except StopParsing as stop:
        proc.write(stop.text)
        return stop.status
    return 0


class _Asked:
    """The options. Raises ``Exit``."""

    def __init__(self, proc: Process, variant: str, name: str) -> None:
        self.proc = proc
        self.nft = variant == NFT
        self.counters = self.noflush = self.test = self.wait = self.interval = False
        self.verbose = 0
        self.only: str | None = None
        longs = {**_LONGS, "ipv4": "4", "ipv6": "6"} if variant == NFT else _LONGS
        try:
            options, self.operands = getopt(proc, "bcvVthnwWM:T:", longs, greedy="wW")
        except BadOption:
            proc.error(f"Try `{name} -h' for more information.\n")
            raise Exit(1) from None
        for option, argument in options:
            if option == "V":
                proc.write(f"{name} v{VERSIONS[variant]}\n")
                raise Exit(0)
            if option == "h":
                proc.error((_USAGE_NFT if variant == NFT else _USAGE_LEGACY).format(name=name))
                raise Exit(0)
            if option in "46":
                # xtables-restore has these names and nothing that would answer to them.
                proc.error(f"Try `{name} -h' for more information.\n")
                raise Exit(1)
            self._take(option, argument)
        if self.interval and not self.wait:
            proc.error("Option --wait-interval requires option --wait\n")
            raise Exit(1)

    def _take(self, option: str, argument: str) -> None:
        if option == "b":
            self.proc.error("-b/--binary option is not implemented\n")
        elif option == "c":
            self.counters = True
        elif option == "v":
            self.verbose += 1
        elif option == "t":
            self.test = True
        elif option == "n":
            self.noflush = True
        elif option == "T":
            self.only = argument
        elif option in "wW" and not self.nft:
            self._waiting(option, argument)

    def _waiting(self, option: str, argument: str) -> None:
        """iptables-legacy-restore reads how long to wait for the lock; nobody else has it here. iptables-nft-restore reads nothing."""
        try:
            if option == "w":
                wait_time(argument)
                self.wait = True
                return
            wait_interval(argument)
        except OptionError as error:
            self.proc.error(f"iptables-restore v{VERSIONS[LEGACY]}: {error.text}\nError occurred at line: 0\n{_HINT}")
            raise Exit(error.status) from None
        self.proc.error(WAIT_INTERVAL_IGNORED)
        self.interval = True

    def text(self) -> str:
        """What is to be restored."""
        if len(self.operands) > 1:
            self.proc.error("Unknown arguments found on commandline\n")
            raise Exit(1)
        if not self.operands:
            return self.proc.stdin
        try:
            return caller_path(self.proc, self.operands[0]).read_text(encoding="utf-8", errors="surrogateescape")
        except OSError as error:
            self.proc.error(f"Can't open {self.operands[0]}: {os.strerror(error.errno or 0)}\n")
            raise Exit(1) from None
