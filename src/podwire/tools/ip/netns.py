"""``ip netns``: the names under /run/netns (ipnetns.c)."""

from __future__ import annotations

import os
from errno import EEXIST, ENOENT
from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.linux.machine import Place
from podwire.linux.netns import Netns
from podwire.tools.ip.context import Context, enter, netns_of_pid
from podwire.tools.ip.grammar import Fail, Words, integer, matches, twice, usage, wrong
from podwire.tools.registry import find

if TYPE_CHECKING:
    from podwire.tools.process import Waiting

_RUN: Final = "/run/netns"
_NAME_MAX: Final = 255


def do_netns(ctx: Context, words: Words) -> int | Waiting:
    """``ip netns`` and its verbs."""
    if not words:
        return _list(ctx)
    verb, rest = words.take(), words.rest()
    if not ctx.options.all and rest and _bad_name(rest[0]):
        raise Fail(255, f'Invalid netns name "{rest[0]}"\n')
    if matches(verb, "list", "show", "lst"):
        return _list(ctx)
    if matches(verb, "list-id"):
        return _list_id(ctx, words)
    if matches(verb, "help"):
        raise usage("ip netns")
    if matches(verb, "add"):
        return _add(ctx, rest)
    if matches(verb, "set"):
        return _set(ctx, rest)
    if matches(verb, "delete"):
        return _delete(ctx, rest)
    if matches(verb, "identify"):
        return _identify(ctx, rest)
    if matches(verb, "pids"):
        return _pids(ctx, rest)
    if matches(verb, "exec"):
        return _exec(ctx, rest)
    if matches(verb, "monitor"):
        raise NotModelled("ip netns monitor", "ip")
    if matches(verb, "attach"):
        return _attach(ctx, rest)
    raise Fail(255, f'Command "{verb}" is unknown, try "ip netns help".\n')


def _bad_name(name: str) -> bool:
    return not name or len(name.encode()) > _NAME_MAX or "/" in name or name in {".", ".."}


def _names(ctx: Context) -> dict[str, Netns]:
    """/run/netns as a command here sees it, the newest first: a tmpfs lists in that order."""
    if ctx.place.container:
        return {}
    return dict(reversed(ctx.place.machine.netns_names.items()))


def _strerror(errno: int) -> str:
    return os.strerror(errno)


def _list(ctx: Context) -> int:
    out = ctx.out
    with out.document():
        for name, netns in _names(ctx).items():
            with out.object():
                out.put("name", name, "{}")
                if netns in ctx.netns.nsids:
                    out.put("id", ctx.netns.nsids[netns], " (id: {})")
                out.text("\n")
    return 0


def _list_id(ctx: Context, words: Words) -> int:
    wanted: int | None = None
    while words:
        word = words.take()
        if word == "nsid":
            if wanted is not None:
                raise twice("nsid", word)
            text = words.value()
            wanted = integer(text)
            if wanted is None:
                raise wrong('"nsid" value is invalid', text)
        elif word == "target-nsid":
            raise NotModelled("target-nsid", "ip netns list-id")
        else:
            raise usage("ip netns")
    if wanted is not None and wanted not in ctx.netns.nsids.values():
        raise Fail(2, "Error: Peer netns reference is invalid.\n")  # one is asked for, none is listed
    names = {netns: name for name, netns in reversed(_names(ctx).items())}
    out = ctx.out
    with out.document():
        for netns, number in sorted(ctx.netns.nsids.items(), key=lambda pair: pair[1]):
            if wanted not in {None, number}:
                continue
            with out.object():
                out.put("nsid", number, "nsid {} ")
                if netns in names:
                    out.put("name", names[netns], "(iproute2 netns name: {})")
                out.text("\n")
    return 0


def _add(ctx: Context, rest: list[str]) -> int:
    if not rest:
        raise Fail(1, "No netns name specified\n")
    if ctx.place.container:
        raise NotModelled("ip netns add in a container", "ip")
    machine, name = ctx.place.machine, rest[0]
    if name in machine.netns_names:
        raise Fail(1, f'Cannot create namespace file "{_RUN}/{name}": {_strerror(EEXIST)}\n')
    machine.netns_names[name] = machine.new_netns(_label(ctx, name))
    return 0


def _label(ctx: Context, name: str) -> str:
    """How traces call the namespace: its name; behind the machine's where that is taken."""
    taken = ctx.place.machine.netns
    label, number = name, 1
    while label in taken:
        number += 1
        label = f"{ctx.place.machine.name}/{name}" if number == 2 else f"{ctx.place.machine.name}/{name}-{number}"
    return label


def _set(ctx: Context, rest: list[str]) -> int:
    if not rest:
        raise Fail(1, "No netns name specified\n")
    if len(rest) == 1:
        raise Fail(1, "No nsid specified\n")
    name, text = rest[:2]
    number = -1 if text == "auto" else integer(text)
    if number is None:
        raise wrong('Invalid "netnsid" value', text)
    if number < 0 and text != "auto":
        raise wrong('"netnsid" value should be >= 0', text)
    netns = _names(ctx).get(name)
    if netns is None:
        raise Fail(1, f'Cannot open network namespace "{name}": {_strerror(ENOENT)}\n')
    if netns in ctx.netns.nsids:
        raise Fail(2, "Error: Peer netns already has a nsid assigned.\n")
    if number in ctx.netns.nsids.values():
        raise Fail(2, "Error: The specified nsid is already used.\n")
    if number < 0:
        ctx.netns.nsid_of(netns)
    else:
        ctx.netns.set_nsid(netns, number)
    return 0


def _delete(ctx: Context, rest: list[str]) -> int:
    if not rest and not ctx.options.all:
        raise Fail(1, "No netns name specified\n")
    for name in list(_names(ctx)) if ctx.options.all else rest[:1]:
        _forget(ctx, name)
    return 0


def _forget(ctx: Context, name: str) -> None:
    """A namespace goes with its last name; one that something else holds (a pod's, by its label; a process) stays."""
    machine = ctx.place.machine
    netns = _names(ctx).get(name)
    if netns is None:
        raise Fail(1, f'Cannot remove namespace file "{_RUN}/{name}": {_strerror(ENOENT)}\n')
    del machine.netns_names[name]
    own = {name, f"{machine.name}/{name}"}
    made_here = netns.label in own or netns.label.startswith(f"{machine.name}/{name}-")
    held = netns is machine.root.netns or netns in machine.netns_names.values() or bool(_processes_in(ctx, netns))
    if made_here and not held:
        machine.remove_netns(netns)


def _netns_of_pid(ctx: Context, pid: int, command: str) -> Netns | None:
    """Who has no processes cannot say that there is no such process."""
    if ctx.proc.pids is None and pid != 1:
        raise NotModelled(f"process {pid}", command)
    return netns_of_pid(ctx.proc, pid)


def _processes_in(ctx: Context, netns: Netns) -> list[int]:
    """The processes of a namespace, for a caller who has processes."""
    proc = ctx.proc
    if proc.pids is None or proc.processes is None:
        return []
    return [pid for pid in proc.processes() if proc.pids(pid) is netns]


def _identify(ctx: Context, rest: list[str]) -> int:
    if len(rest) > 1:
        raise Fail(1, "extra arguments specified\n")
    if rest and not (rest[0].isascii() and rest[0].isdecimal()):
        raise Fail(1, f"Specified string '{rest[0]}' is not a pid\n")
    netns: Netns | None = ctx.netns
    if rest:
        netns = _netns_of_pid(ctx, int(rest[0]), "ip netns identify")
        if netns is None:
            raise Fail(1, f"Cannot open network namespace: {_strerror(ENOENT)}\n")
    found = [name for name, other in _names(ctx).items() if other is netns]
    ctx.proc.write(f"{found[-1] if found else ''}\n")
    return 0


def _pids(ctx: Context, rest: list[str]) -> int:
    if not rest:
        raise Fail(1, "No netns name specified\n")
    if len(rest) > 1:
        raise Fail(1, "extra arguments specified\n")
    netns = _names(ctx).get(rest[0])
    if netns is None:
        raise Fail(1, f"Cannot open network namespace: {_strerror(ENOENT)}\n")
    known = ctx.proc.pids is not None
    if not known and netns.label not in {rest[0], f"{ctx.place.machine.name}/{rest[0]}"}:
        raise NotModelled("processes", "ip netns pids")
    for pid in _processes_in(ctx, netns):
        ctx.proc.write(f"{pid}\n")
    return 0


def _attach(ctx: Context, rest: list[str]) -> int:
    if len(rest) < 2:
        raise Fail(1, "No netns name and PID specified\n")
    pid = integer(rest[1])
    if not pid:
        raise Fail(1, f"Invalid PID: {rest[1]}\n")
    machine = ctx.place.machine
    if rest[0] in machine.netns_names:
        raise Fail(1, f'Cannot create namespace file "{_RUN}/{rest[0]}": {_strerror(EEXIST)}\n')
    netns = _netns_of_pid(ctx, pid, "ip netns attach")
    if netns is None:
        raise Fail(1, f"Bind /proc/{pid}/ns/net -> {_RUN}/{rest[0]} failed: {_strerror(ENOENT)}\n")
    machine.netns_names[rest[0]] = netns
    return 0


# -- exec ---------------------------------------------------------------------------------------------------------


def _exec(ctx: Context, rest: list[str]) -> int | Waiting:
    if ctx.options.all:
        return _exec_all(ctx, rest)
    if not rest:
        raise Fail(1, "No netns name specified\n")
    if len(rest) == 1:
        raise Fail(1, "No command specified\n")
    return _execute(ctx, enter(ctx.proc, rest[0]), rest[1:])


def _exec_all(ctx: Context, command: list[str]) -> int:
    if not command:
        raise Fail(1, "No command specified\n")
    if ctx.execute is not None:
        # Whoever has real processes has a shell to go through the names with.
        loop = f'for name in {" ".join(_names(ctx))}; do printf "\\nnetns: %s\\n" "$name"; ip netns exec "$name" "$@"; done; true'
        waiting = ctx.execute(ctx.proc, ctx.proc.place, ["sh", "-c", loop, "ip", *command])
        return waiting if isinstance(waiting, int) else 0
    outside = ctx.proc.place
    for name in _names(ctx):
        ctx.proc.write(f"\nnetns: {name}\n")
        status = _execute(ctx, enter(ctx.proc, name), command)
        ctx.proc.place = outside
        if not isinstance(status, int):
            raise NotModelled(f"{command[0]}, which waits", "ip -all netns exec")
    return 0


def _execute(ctx: Context, place: Place, argv: list[str]) -> int | Waiting:
    """``execvp``: the process becomes the other command, in the other namespace."""
    proc = ctx.proc
    if ctx.execute is not None:
        return ctx.execute(proc, place, argv)
    name = argv[0].rpartition("/")[2]
    tool = find(place.image, name)
    if tool is None:
        if name in place.image.absent:
            raise Fail(1, f'exec of "{argv[0]}" failed: {_strerror(ENOENT)}\n')
        raise NotModelled(f"command {argv[0]}", "ip netns exec")
    proc.place, proc.argv = place, argv
    return tool(proc)
