"""``bridge``: options, then an object, then its commands (bridge.c). Whatever fails ends with 255."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.tools.bridge.fdb import do_fdb
from podwire.tools.bridge.link import do_link
from podwire.tools.ip.context import Context, Options, colour_option, enter
from podwire.tools.ip.grammar import Fail, Words, matches
from podwire.wire.addr import AF_INET, AF_INET6

if TYPE_CHECKING:
    from podwire.tools.process import Process

_VERSION: Final = "bridge utility, 6.1.0\n"
_USAGE: Final = """\
Usage: bridge [ OPTIONS ] OBJECT { COMMAND | help }
       bridge [ -force ] -batch filename
where  OBJECT := { link | fdb | mdb | vlan | monitor }
       OPTIONS := { -V[ersion] | -s[tatistics] | -d[etails] |
                    -o[neline] | -t[imestamp] | -n[etns] name |
                    -c[ompressvlans] -color -p[retty] -j[son] }
"""
_FAMILIES: Final = {"inet": AF_INET, "inet6": AF_INET6}
_VLAN_VERBS: Final = ("add", "delete", "show", "lst", "list", "tunnelshow", "set", "global", "help")

Command = Callable[[Context, Words], int]


def _do_vlan(ctx: Context, words: Words) -> int:
    """Without VLAN filtering no port has a VLAN; the heading stays."""
    verb = words.take() if words else "show"
    if not matches(verb, "show", "lst", "list"):
        if matches(verb, *_VLAN_VERBS):
            raise NotModelled(f"bridge vlan {verb}", "bridge")
        raise Fail(255, f'Command "{verb}" is unknown, try "bridge vlan help".\n')
    while words:
        word = words.take()
        if word not in {"dev", "vid"}:
            continue
        text = words.value()
        if word == "dev" and ctx.device(text) is None:
            raise Fail(255, f'Cannot find device "{text}"\n')
    if ctx.options.stats or ctx.options.details:
        raise NotModelled("bridge -s vlan", "bridge")
    with ctx.out.document():
        ctx.out.text("port              vlan-id  \n")
    return 0


def _not_modelled(name: str) -> Command:
    def command(ctx: Context, words: Words) -> int:
        raise NotModelled(f"bridge {name}", "bridge")

    return command


def _help(ctx: Context, words: Words) -> int:
    raise Fail(255, _USAGE)


_OBJECTS: Final[tuple[tuple[str, Command], ...]] = (
    ("link", do_link),
    ("fdb", do_fdb),
    ("mdb", _not_modelled("mdb")),
    ("vlan", _do_vlan),
    ("vni", _not_modelled("vni")),
    ("monitor", _not_modelled("monitor")),
    ("help", _help),
)


def bridge(proc: Process) -> int:
    """Run ``bridge``."""
    try:
        return _run(proc)
    except Fail as fail:
        proc.error(fail.message)
        return fail.status


def _run(proc: Process) -> int:
    options, words = _parse_options(proc.argv[1:], terminal=1 in proc.terminals)
    if options.version:
        proc.write(_VERSION)
        return 0
    place = proc.place
    for name in options.netns:
        place = enter(proc, name)
    if not words:
        raise Fail(255, _USAGE)
    name = words.take()
    for known, command in _OBJECTS:
        if matches(name, known):
            return command(Context(proc, place, options, None), words)
    raise Fail(255, f'Object "{name}" is unknown, try "bridge help".\n')


def _parse_options(argv: list[str], *, terminal: bool) -> tuple[Options, Words]:
    options, words = Options(), Words(argv)
    while words:
        option = words.take()
        if option == "--":
            break
        if not option.startswith("-"):
            words.back()
            break
        if option.startswith("--"):
            option = option[1:]
        if not (_output_option(options, option) or _other_option(options, option, words)):
            raise Fail(255, f'Option "{option}" is unknown, try "bridge help".\n')
        if options.version:
            break
    options.colour = options.coloured == "always" or (options.coloured == "auto" and terminal)
    return options, words


def _output_option(options: Options, option: str) -> bool:
    if matches(option, "-help"):
        raise Fail(255, _USAGE)
    if matches(option, "-Version"):
        options.version = True
    elif matches(option, "-stats", "-statistics"):
        options.stats += 1
    elif matches(option, "-details"):
        options.details += 1
    elif matches(option, "-oneline"):
        options.oneline = True
    else:
        # Lists bear no time stamps.
        return matches(option, "-timestamp")
    return True


def _other_option(options: Options, option: str, words: Words) -> bool:
    if matches(option, "-family"):
        text = words.take() if words else "help"
        if text == "help":
            raise Fail(255, _USAGE)
        if text not in _FAMILIES:
            raise Fail(255, f'Error: argument "{text}" is wrong: invalid protocol family\n')
    elif option in {"-4", "-6"}:
        pass
    elif matches(option, "-netns"):
        options.netns.append(words.value())
    elif (colour := colour_option(option)) is not None:
        options.coloured = colour
    elif matches(option, "-json"):
        options.json = True
    elif matches(option, "-pretty"):
        options.pretty = True
    elif matches(option, "-batch"):
        raise NotModelled("bridge -batch", "bridge")
    else:
        return matches(option, "-compressvlans", "-force")
    return True
