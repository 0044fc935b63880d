"""``conntrack``: the commands (conntrack.c, do_command_ct)."""

from __future__ import annotations

import os
from collections.abc import Callable
from errno import EEXIST, EINVAL, ENOENT, EOPNOTSUPP
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.netfilter.conntrack.entry import ZONE_DIR_BOTH, ZONE_DIR_ORIG, ZONE_DIR_REPL
from podwire.linux.netfilter.conntrack.table import STATS
from podwire.linux.netfilter.conntrack.tuple import nf_ct_invert
from podwire.linux.netlink import Netlink
from podwire.linux.rtnl.conntrack import NewConnection
from podwire.linux.rtnl.link import POSSIBLE_CPUS
from podwire.tools.conntrack.events import follow
from podwire.tools.conntrack.filters import dumped, passes, updates
from podwire.tools.conntrack.options import Command, parse
from podwire.tools.conntrack.output import Output
from podwire.tools.conntrack.told import Told, told
from podwire.tools.conntrack.usage import BANNER, PROTO_HELP, USAGE, Stop, failure, problem
from podwire.trace.events import Flow, Owner
from podwire.wire.addr import AF_INET6, ANY4
from podwire.wire.headers import IPPROTO_ICMP

if TYPE_CHECKING:
    from podwire.linux.netfilter.conntrack.entry import Connection
    from podwire.tools.process import Process, Waiting

_COMPARES: Final = "psdrqmucil w()"
"""Options that choose: -z does not go with them."""
_ERRORS: Final = MappingProxyType(
    {
        ("", EINVAL): "invalid parameters",
        ("I", EEXIST): "Such conntrack exists, try -U to update",
        ("G", ENOENT): "such conntrack doesn't exist",
    }
)


class _Run:
    """One command with what it prints; ``counter`` is how many connections it was about."""

    def __init__(self, proc: Process, cmd: Command) -> None:
        self.proc = proc
        self.cmd = cmd
        self.door = Netlink(proc.place.netns, Owner("conntrack"))
        self.out = Output(proc, cmd.outputs)
        self.counter = 0
        pid = proc.place.new_pid()
        self.portid = pid
        """A netlink socket is called by its process; a second one by a number that nobody has (``netlink_autobind``)."""
        self.second = proc.place.machine.random("netlink-portid").randrange(1 << 31, (1 << 32) - 4096)

    def end(self, what: str) -> int:
        """``print_stats``."""
        self.proc.error(f"{BANNER}: {self.counter} {what}\n")
        return 0 if self.counter or self.cmd.command in "LA" else 1

    def refuse(self, error: NetlinkError) -> Stop:
        """``err2str``."""
        number = error.errno
        text = _ERRORS.get((self.cmd.command, number)) or _ERRORS.get(("", number)) or os.strerror(number)
        return failure(f"Operation failed: {text}")

    def connections(self, chosen: Callable[[Command, Told], bool]) -> list[tuple[Connection, Told]]:
        """The dump, and what is chosen of it."""
        found = [(ct, told(ct)) for ct in self.door.conntrack_dump()]
        return [(ct, one) for ct, one in found if chosen(self.cmd, one)]


def conntrack(proc: Process) -> int | Waiting:
    """Run ``conntrack``."""
    try:
        cmd = parse(proc.argv[1:])
    except Stop as stop:
        proc.error(stop.text)
        return stop.status
    proc.error(cmd.warnings) if cmd.warnings else None
    if not cmd.command or cmd.command in "hV":
        return _help(proc, cmd)
    run = _Run(proc, cmd)
    try:
        _check_networks(cmd)
        if cmd.command == "E":
            return follow(proc, cmd, run.door)
        status = _EXPECT[cmd.command](run) if cmd.table == "expect" else _COMMANDS[cmd.command](run)
    except Stop as stop:
        run.out.flush()
        proc.error(stop.text)
        return stop.status
    run.out.flush()
    return status


def _help(proc: Process, cmd: Command) -> int:
    if cmd.command == "V":
        proc.write(f"{BANNER}\n")
        return 0
    proc.write(USAGE.format(prog=proc.argv[0]))
    if cmd.proto is not None:
        if cmd.proto.kind not in PROTO_HELP:
            raise NotModelled(f"-h -p {cmd.proto.kind or cmd.proto.number}", "conntrack")
        proc.write(f"Proto `{cmd.proto.kind}' help:\n{PROTO_HELP[cmd.proto.kind]}")
    return 0


def _check_networks(cmd: Command) -> None:
    """``nfct_filter_init``."""
    for letter, addr, name in (("{", cmd.src, "src"), ("}", cmd.dst, "dst")):
        if cmd.has(letter) and addr is None:
            raise problem(f"Can't use --mask-{name} without --{name}")


def _list(run: _Run) -> int:
    cmd = run.cmd
    if cmd.has("z") and any(cmd.has(letter) for letter in _COMPARES):
        raise problem("Can't use -z with filtering parameters")
    if cmd.table == "conntrack":
        for ct, one in run.connections(lambda c, o: dumped(c, o) and passes(c, o)):
            run.out.connection(one)
            run.counter += 1
            if cmd.has("z"):
                run.door.conntrack_zero(ct)
    run.out.close()
    return run.end("flow entries have been shown.")


def _get(run: _Run) -> int:
    cmd = run.cmd
    if cmd.src is None or cmd.dst is None:
        raise run.refuse(NetlinkError(EINVAL))
    flow = _original(cmd)
    try:
        one = told(run.door.conntrack_get(flow), use=2)
    except NetlinkError as error:
        raise run.refuse(error) from None
    if passes(cmd, one):
        run.out.connection(one)
        run.counter += 1
    return run.end("flow entries have been shown.")


def _delete(run: _Run) -> int:
    for ct, one in run.connections(passes):
        run.door.conntrack_delete(ct, run.second)
        run.out.connection(one, head=False, deleted=True)
        run.counter += 1
    return run.end("flow entries have been deleted.")


def _flush(run: _Run) -> int:
    if run.cmd.family != AF_INET6:
        run.door.conntrack_flush(run.portid)
    run.proc.error(f"{BANNER}: connection tracking table has been emptied.\n")
    return 0


def _count(run: _Run) -> int:
    run.out.write(f"{run.door.conntrack_count()}\n")
    return 0


def _stats(run: _Run) -> int:
    stats = run.door.conntrack_stats()
    for cpu in range(POSSIBLE_CPUS):
        # All is counted on the first.
        numbers = "".join(f"{name}={stats.get(name, 0) if not cpu else 0} " for name in STATS)
        run.out.write(f"cpu={cpu:<4}\t{numbers}\n")
    return 0


def _original(cmd: Command) -> Flow:
    """The original tuple that the options name."""
    assert cmd.proto is not None  # noqa: S101 - the table of options wants it
    number, l4 = cmd.proto.number, cmd.l4
    src, dst = cmd.src or ANY4, cmd.dst or ANY4
    if number == IPPROTO_ICMP:
        return Flow(src, dst, number, l4.get("icmp-id", 0), l4.get("icmp-type", 0) << 8 | l4.get("icmp-code", 0))
    first, second = ("srckey", "dstkey") if cmd.proto.kind == "gre" else ("sport", "dport")
    return Flow(src, dst, number, l4.get(first, 0), l4.get(second, 0))


def _reply(cmd: Command) -> Flow | None:
    """The tuple of the replies that the options name; None where it is not whole."""
    assert cmd.proto is not None  # noqa: S101 - the table of options wants it
    if cmd.reply_src is None or cmd.reply_dst is None:
        return None
    if cmd.proto.kind in {"", "icmp"}:
        return None
    first, second = (
        ("reply-key-src", "reply-key-dst") if cmd.proto.kind == "gre" else ("reply-port-src", "reply-port-dst")
    )
    if first not in cmd.l4 or second not in cmd.l4:
        return None
    return Flow(cmd.reply_src, cmd.reply_dst, cmd.proto.number, cmd.l4[first], cmd.l4[second])


def _new(cmd: Command) -> NewConnection:
    """What ``-I`` makes: the direction that was not given is the other one turned round. Raises ``NetlinkError``."""
    original, replies = cmd.has("s") or cmd.has("d"), cmd.has("r") or cmd.has("q")
    named = _reply(cmd)
    if original and not replies:
        orig = _original(cmd)
        reply = nf_ct_invert(orig)
    else:
        reply = named
        orig = _original(cmd) if original else nf_ct_invert(named) if named is not None else _original(cmd)  # type: ignore[assignment]
    if reply is None or orig is None:
        raise NetlinkError(EINVAL)
    zones = ((cmd.zone, ZONE_DIR_BOTH), (cmd.orig_zone, ZONE_DIR_ORIG), (cmd.reply_zone, ZONE_DIR_REPL))
    given = [(zone, where) for zone, where in zones if zone is not None]
    if len(given) > 1:
        raise NotModelled("more than one zone", "conntrack")
    zone, where = given[0] if given else (0, ZONE_DIR_BOTH)
    return NewConnection(
        orig=orig,
        reply=reply,
        timeout=cmd.timeout,
        status=cmd.status,
        mark=cmd.mark[0] if cmd.has("m") else 0,
        zone=zone,
        zone_dir=where if zone else ZONE_DIR_BOTH,
        state=cmd.l4.get("state"),
        vtags=(_swap(cmd.l4.get("orig-vtag", 0)), _swap(cmd.l4.get("reply-vtag", 0))),
        snat=(cmd.snat[0], cmd.snat[1] or 0) if cmd.snat[0] is not None else None,
        dnat=(cmd.dnat[0], cmd.dnat[1] or 0) if cmd.dnat[0] is not None else None,
    )


def _swap(number: int) -> int:
    """Tags are given as the machine reads them, and stand in network order."""
    return int.from_bytes(number.to_bytes(4, "little"))


def _create(run: _Run) -> int:
    try:
        run.door.conntrack_create(_new(run.cmd), run.portid)
    except NetlinkError as error:
        raise run.refuse(error) from None
    run.counter += 1
    return run.end("flow entries have been created.")


def _add(run: _Run) -> int:
    """Nothing is said against one that is there already."""
    try:
        run.door.conntrack_create(_new(run.cmd), run.portid)
        run.counter += 1
    except NetlinkError as error:
        if error.errno != EEXIST:
            raise run.refuse(error) from None
    return run.end("flow entries have been added.")


def _update(run: _Run) -> int:
    cmd = run.cmd
    if (cmd.has("n") and cmd.snat[0] is not None) or (cmd.has("g") and cmd.dnat[0] is not None):
        raise NotModelled("-U with an address of a translation", "conntrack")
    for ct, one in run.connections(updates):
        if one.zone is not None:
            raise NotModelled("-U of a connection in a zone", "conntrack")
        if not (cmd.has("s") or cmd.has("d")):
            # Without an address the message has no family, and the kernel none to do it for.
            run.proc.error(f"Operation failed: {os.strerror(EOPNOTSUPP)}\n")
            raise run.refuse(NetlinkError(EOPNOTSUPP))
        _change(run, ct, one)
    return run.end("flow entries have been updated.")


def _change(run: _Run, ct: Connection, one: Told) -> None:
    cmd = run.cmd
    value, mask = cmd.mark
    mark = (one.mark or 0) & ~mask & 0xFFFFFFFF ^ value
    try:
        run.door.conntrack_update(
            ct,
            timeout=cmd.timeout if cmd.has("t") else None,
            status=one.status | cmd.status if cmd.has("u") else None,
            mark=mark if cmd.has("m") else None,
            state=cmd.l4.get("state"),
            portid=run.second,
        )
    except NetlinkError as error:
        raise run.refuse(error) from None
    run.out.connection(told(ct, use=2), head=False)
    run.counter += 1


def _nothing(text: str, *, error: bool = False) -> Callable[[_Run], int]:
    """There are no expectations: no helper makes any."""

    def command(run: _Run) -> int:
        if error:
            run.proc.error(f"{BANNER}: {text}\n")
        else:
            run.out.write(text)
        return 0

    return command


_COMMANDS: Final[MappingProxyType[str, Callable[[_Run], int]]] = MappingProxyType(
    {
        "L": _list,
        "G": _get,
        "D": _delete,
        "F": _flush,
        "C": _count,
        "S": _stats,
        "I": _create,
        "A": _add,
        "U": _update,
    }
)
_EXPECT: Final[MappingProxyType[str, Callable[[_Run], int]]] = MappingProxyType(
    {
        "L": _nothing("0 expectations have been shown.", error=True),
        "F": _nothing("expectation table has been emptied.", error=True),
        "C": _nothing("0\n"),
        "S": _nothing(
            "".join(f"cpu={cpu:<4}\texpect_new=0 expect_create=0 expect_delete=0 \n" for cpu in range(POSSIBLE_CPUS))
        ),
    }
)
