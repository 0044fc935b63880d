"""What every command of ``ip`` shares: its options, the namespace it works on, and how the kernel's refusals are told."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.machine import Place
from podwire.linux.netlink import Netlink
from podwire.tools.ip.grammar import AF_BRIDGE, AF_MPLS, AF_PACKET, FAMILIES, USAGE, Fail, Words, matches
from podwire.tools.ip.grammar import number as parse_number
from podwire.tools.ip.names import Naming
from podwire.tools.ip.output import INET, INET6, Output
from podwire.trace.events import Owner
from podwire.wire.addr import AF_INET, AF_INET6, Ip

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.tools.process import Process, Waiting

VERSION: Final = "ip utility, iproute2-6.1.0, libbpf 1.1.2\n"
Execute = Callable[["Process", Place, list[str]], "int | Waiting"]
"""Run a command (``argv``) in another place, as ``ip netns exec`` does."""


class NotEntered(Fail):
    """There is no namespace of that name."""


class Options(msgspec.Struct):
    """What stands before the object."""

    family: int = 0
    stats: int = 0
    details: int = 0
    human: bool = False
    iec: bool = False
    json: bool = False
    pretty: bool = False
    brief: bool = False
    oneline: bool = False
    coloured: str = "never"
    colour: bool = False
    """What ``coloured`` comes to where the output goes."""
    numeric: bool = False
    resolve: bool = False
    all: bool = False
    loops: int = 10
    netns: list[str] = []
    version: bool = False
    timestamp: bool = False
    short_timestamp: bool = False
    batch: str | None = None
    force: bool = False


class Context:
    """One run of ``ip``."""

    def __init__(self, proc: Process, place: Place, options: Options, execute: Execute | None) -> None:
        self.proc = proc
        self.place = place
        self.options = options
        self.execute = execute
        self.names = Naming(numeric=options.numeric)
        self.out = Output(
            proc.write,
            json=options.json,
            pretty=options.pretty,
            colour=options.colour,
            oneline=options.oneline,
        )

    @property
    def netns(self) -> Netns:
        """The namespace that the command sees."""
        return self.place.netns

    @property
    def door(self) -> Netlink:
        """The kernel's door there, held by a person's ``ip``."""
        return Netlink(self.netns, Owner("ip"))

    @property
    def family(self) -> int:
        """AF_UNSPEC, or what ``-4``, ``-6``, ``-0`` or ``-f`` says."""
        return self.options.family

    def device(self, name: str) -> Link | None:
        """``ll_name_to_index``: by name, or by ``ifN``."""
        link = self.netns.link(name)
        index = index_of(name)
        if link is None and index is not None:
            link = self.netns.link_by_index(index)
        if link is not None and link.link_netns is not None:
            link.netns.nsid_of(link.link_netns)  # RTM_GETLINK gives the other namespace an id
        return link

    def device_name(self, ifindex: int) -> str:
        """``ll_index_to_name``."""
        return self.netns.link_name(ifindex)

    def host(self, addr: Ip) -> str:
        """``format_host``: an address; with ``-r`` its name if there is one."""
        if self.options.resolve:
            name = self.place.hosts().get(addr) or self.place.reverse_name(addr)
            if name is not None:
                return name
        return str(addr)

    @contextmanager
    def talk(self, *, exits: bool = False) -> Iterator[None]:
        """``rtnl_talk``: a refusal of the kernel ends the command with status 2."""
        try:
            yield
        except NetlinkError as error:
            raise Fail(2, refusal(error), exits=exits) from None


def index_of(name: str) -> int | None:
    """``ll_idx_a2n``: N of ``ifN``."""
    match = re.match(r"if(\d+)", name, re.ASCII)
    return int(match[1]) or None if match else None


def refusal(error: NetlinkError) -> str:
    """How iproute2 tells an error of the kernel."""
    if not error.extack:
        return f"RTNETLINK answers: {error.strerror}\n"
    return f"Error: {error.extack}{'' if error.extack.endswith('.') else '.'}\n"


def colour_of(addr: Ip) -> str:
    """``ifa_family_color``."""
    return INET if addr.family == AF_INET else INET6


def enter(proc: Process, name: str) -> Place:
    """``netns_switch``: the place behind a name under /run/netns."""
    place = proc.place
    netns = None if place.container else place.machine.netns_names.get(name)
    if netns is None:
        raise NotEntered(255, f'Cannot open network namespace "{name}": No such file or directory\n')
    return place.in_netns(netns)


def netns_of_pid(proc: Process, pid: int) -> Netns | None:
    """The network namespace of a process; None where there is no such process.

    Process 1 is there without anybody's word: its namespace is the machine's own, or the container's.
    """
    found = proc.pids(pid) if proc.pids is not None else None
    if found is None and pid == 1:
        return proc.place.netns if proc.place.container else proc.place.machine.root.netns
    return found


def colour_option(option: str) -> str | None:
    """``matches_color``: always, auto or never."""
    word, equals, when = option.partition("=")
    if not matches(word, "-color"):
        return None
    if not equals or when in {"", "always"}:
        return "always"
    return when if when in {"auto", "never"} else None


def parse_options(argv: list[str], *, terminal: bool = False) -> tuple[Options, Words]:
    """The options before the object; ``-c=auto`` asks whether the output is a ``terminal``."""
    options = Options()
    words = Words(argv)
    while words:
        option = words.take()
        if option == "--":
            break
        if not option.startswith("-"):
            words.back()
            break
        if option.startswith("--"):
            option = option[1:]
        if not _option(options, option, words):
            raise Fail(255, f'Option "{option}" is unknown, try "ip -help".\n')
        if options.version:
            break
    options.colour = options.coloured == "always" or (options.coloured == "auto" and terminal)
    return options, words


def _argument(words: Words) -> str:
    if not words:
        raise Fail(255, USAGE)
    return words.take()


_FAMILY_OPTIONS: Final = {"-4": AF_INET, "-6": AF_INET6, "-0": AF_PACKET, "-M": AF_MPLS, "-B": AF_BRIDGE}


def _option(options: Options, option: str, words: Words) -> bool:  # noqa: C901 - the order of ip.c decides
    if matches(option, "-loops"):
        count = parse_number(_argument(words))
        options.loops = count or 0
    elif matches(option, "-family"):
        _set_family(options, _argument(words))
    elif option in _FAMILY_OPTIONS:
        options.family = _FAMILY_OPTIONS[option]
    elif matches(option, "-human", "-human-readable"):
        options.human = True
    elif matches(option, "-iec"):
        options.iec = True
    elif matches(option, "-stats", "-statistics"):
        options.stats += 1
    elif matches(option, "-details"):
        options.details += 1
    elif matches(option, "-resolve"):
        options.resolve = True
    elif matches(option, "-oneline"):
        options.oneline = True
    elif matches(option, "-timestamp"):
        options.timestamp = True
    elif matches(option, "-tshort"):
        options.timestamp = options.short_timestamp = True
    elif matches(option, "-Version"):
        options.version = True
    elif matches(option, "-force"):
        options.force = True
    elif matches(option, "-batch"):
        options.batch = _argument(words)
    elif matches(option, "-brief"):
        options.brief = True
    elif matches(option, "-json"):
        options.json = True
    elif matches(option, "-pretty"):
        options.pretty = True
    elif matches(option, "-rcvbuf"):
        size = _argument(words)
        if parse_number(size) is None:
            raise Fail(255, f"Invalid rcvbuf size '{size}'\n")
    elif (colour := colour_option(option)) is not None:
        options.coloured = colour
    elif matches(option, "-help"):
        raise Fail(255, USAGE)
    elif matches(option, "-netns"):
        # The real tool looks at the next word before it asks whether there is one.
        options.netns.append(words.take() if words else "(null)")
    elif matches(option, "-Numeric"):
        options.numeric = True
    elif matches(option, "-all"):
        options.all = True
    elif option == "-echo":
        raise NotModelled("-echo", "ip")
    else:
        return False
    return True


def _set_family(options: Options, name: str) -> None:
    if name == "help":
        raise Fail(255, USAGE)
    family = FAMILIES.get(name)
    if family is None:
        raise Fail(255, f'Error: argument "{name}" is wrong: invalid protocol family\n')
    options.family = family
