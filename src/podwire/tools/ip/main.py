"""``ip``: options, then an object, then its commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import NotModelled
from podwire.tools.ip.address import do_address
from podwire.tools.ip.batch import batch
from podwire.tools.ip.context import VERSION, Context, Execute, enter, parse_options
from podwire.tools.ip.grammar import USAGE, Fail, Words, matches
from podwire.tools.ip.link import do_link
from podwire.tools.ip.monitor import do_monitor
from podwire.tools.ip.neigh import do_neigh
from podwire.tools.ip.netns import do_netns
from podwire.tools.ip.route import do_route
from podwire.tools.ip.rule import do_rule
from podwire.tools.ip.tunnel import do_tunnel

if TYPE_CHECKING:
    from podwire.tools.process import Process, Waiting

Command = Callable[[Context, Words], "int | Waiting"]


def _not_modelled(name: str) -> Command:
    def command(ctx: Context, words: Words) -> int:
        raise NotModelled(f"ip {name}", "ip")

    return command


def _do_help(ctx: Context, words: Words) -> int:
    raise Fail(255, USAGE)


# The first that the word abbreviates is meant: "ip a" is address, "ip l" link, "ip n" neighbour, "ip t" tunnel.
_OBJECTS: Final[tuple[tuple[str, Command], ...]] = (
    ("address", do_address),
    ("addrlabel", _not_modelled("addrlabel")),
    ("maddress", _not_modelled("maddress")),
    ("route", do_route),
    ("rule", do_rule),
    ("neighbor", do_neigh),
    ("neighbour", do_neigh),
    ("ntable", _not_modelled("ntable")),
    ("ntbl", _not_modelled("ntable")),
    ("link", do_link),
    ("l2tp", _not_modelled("l2tp")),
    ("fou", _not_modelled("fou")),
    ("ila", _not_modelled("ila")),
    ("macsec", _not_modelled("macsec")),
    ("tunnel", do_tunnel),
    ("tunl", do_tunnel),
    ("tuntap", _not_modelled("tuntap")),
    ("tap", _not_modelled("tuntap")),
    ("token", _not_modelled("token")),
    ("tcpmetrics", _not_modelled("tcpmetrics")),
    ("tcp_metrics", _not_modelled("tcpmetrics")),
    ("monitor", do_monitor),
    ("xfrm", _not_modelled("xfrm")),
    ("mroute", _not_modelled("mroute")),
    ("mrule", _not_modelled("mrule")),
    ("netns", do_netns),
    ("netconf", _not_modelled("netconf")),
    ("vrf", _not_modelled("vrf")),
    ("sr", _not_modelled("sr")),
    ("nexthop", _not_modelled("nexthop")),
    ("mptcp", _not_modelled("mptcp")),
    ("ioam", _not_modelled("ioam")),
    ("help", _do_help),
    ("stats", _not_modelled("stats")),
)


def ip(proc: Process, execute: Execute | None = None) -> int | Waiting:
    """Run ``ip``. ``execute`` runs what stands behind ``ip netns exec NAME``; without it only ``ip`` itself can stand there."""
    try:
        return _run(proc, execute)
    except Fail as fail:
        proc.error(fail.message)
        return fail.status


def _run(proc: Process, execute: Execute | None) -> int | Waiting:
    options, words = parse_options(proc.argv[1:], terminal=1 in proc.terminals)
    place = proc.place
    for name in options.netns:
        place = enter(proc, name)
    if options.version:
        proc.write(VERSION)
        return 0

    # What stands behind ``netns exec`` in a batch is a child: the rest of the batch is to come.
    becomes = execute if options.batch is None else None

    def command(line: Words) -> int | Waiting:
        return _do_cmd(Context(proc, place, msgspec.structs.replace(options), becomes), line)

    if options.batch is not None:
        return batch(proc, options.batch, command, force=options.force)
    if not words:
        raise Fail(255, USAGE)
    return command(words)


def _do_cmd(ctx: Context, words: Words) -> int | Waiting:
    name = words.take()
    for known, command in _OBJECTS:
        if matches(name, known):
            return command(ctx, words)
    raise Fail(1, f'Object "{name}" is unknown, try "ip help".\n')
