"""``ip neighbour``: the verbs and the list (ipneigh.c)."""

from __future__ import annotations

from errno import ENOENT
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.linux.errors import NetlinkError
from podwire.linux.neigh import VALID, Neighbour, Nud
from podwire.tools.ip.context import Context, colour_of
from podwire.tools.ip.grammar import (
    Fail,
    Prefix,
    Words,
    address,
    garbage,
    matches,
    no_device,
    prefix,
    twice,
    usage,
    wrong,
)
from podwire.tools.ip.linkinfo import hardware_addresses
from podwire.tools.ip.names import proto_number
from podwire.tools.ip.neighchange import change, delete, state_of
from podwire.tools.ip.output import IFNAME, MAC
from podwire.wire.addr import AF_INET6, Ip

if TYPE_CHECKING:
    from podwire.linux.link import Link

_ROUNDS: Final = 10
_DEFAULT: Final = frozenset(Nud) - {Nud.NOARP, Nud.NONE}
_FLUSHED: Final = frozenset(Nud) - {Nud.NOARP, Nud.PERMANENT}


def do_neigh(ctx: Context, words: Words) -> int:
    """``ip neighbour`` and its verbs."""
    if not words:
        return _show(ctx, words)
    verb = words.take()
    if matches(verb, "add"):
        return change(ctx, words, create=True, exclusive=True)
    if matches(verb, "change") or verb == "chg":
        return change(ctx, words, create=False, exclusive=False)
    if matches(verb, "replace"):
        return change(ctx, words, create=True, exclusive=False)
    if matches(verb, "delete"):
        return delete(ctx, words)
    if matches(verb, "get"):
        return _get(ctx, words)
    if matches(verb, "show", "lst", "list"):
        return _show(ctx, words)
    if matches(verb, "flush"):
        return _flush(ctx, words)
    if matches(verb, "help"):
        raise usage("ip neigh")
    raise Fail(255, f'Command "{verb}" is unknown, try "ip neigh help".\n')


class NeighFilter(msgspec.Struct):
    """What a list of neighbours is narrowed to."""

    family: int
    states: frozenset[Nud]
    link: Link | None = None
    unused: bool = False
    proxy: bool = False
    to: Prefix | None = None
    protocol: int = 0
    master: Link | None = None


def _parse(ctx: Context, words: Words, *, flushing: bool) -> NeighFilter:  # noqa: C901 - one branch per keyword
    wanted = NeighFilter(ctx.family, _FLUSHED if flushing else _DEFAULT)
    name, stated = None, False
    while words:
        word = words.take()
        if word == "dev":
            text = words.value()
            if name is not None:
                raise twice("dev", text)
            name = text
        elif word in {"master", "vrf"}:
            text = words.value()
            wanted.master = ctx.device(text)
            if wanted.master is None or word == "vrf":
                raise wrong("Device does not exist\n" if word == "master" else "Not a valid VRF name\n", text)
        elif word == "nomaster":
            pass
        elif word == "unused":
            wanted.unused = True
        elif word == "nud":
            text = words.value()
            state = state_of(text)
            if not stated:
                stated, wanted.states = True, frozenset()
            if state is None and text != "all":
                raise wrong("nud state is bad", text)
            everything = frozenset(Nud) - ({Nud.NOARP} if flushing else set())
            wanted.states |= everything if state is None else {state}
        elif word == "proxy":
            wanted.proxy = True
        elif matches(word, "protocol"):
            text = words.value()
            protocol = proto_number(text)
            if protocol is None and text != "all":
                raise wrong('invalid "protocol"\n', text)
            wanted.protocol = protocol or 0
        else:
            if word == "to":
                word = words.value()
            if matches(word, "help"):
                raise usage("ip neigh")
            wanted.to = prefix(word, wanted.family)
            wanted.family = wanted.family or wanted.to.family
    if name is not None:
        wanted.link = ctx.device(name)
        if wanted.link is None:
            raise no_device(name)
    return wanted


def _entries(ctx: Context, wanted: NeighFilter) -> list[Neighbour]:
    """In the order of their making: the kernel's is that of a hash with a random key."""
    if wanted.family == AF_INET6 or wanted.protocol:
        return []
    return [
        entry
        for entry in ctx.netns.neighbours
        if entry.state in wanted.states
        and wanted.link in {None, entry.link}
        and (wanted.master is None or entry.link.master is wanted.master)
        and _holds(wanted.to, entry.ip)
        and not (wanted.unused and entry.timer is not None)
    ]


def _holds(to: Prefix | None, ip: Ip) -> bool:
    return to is None or not to.family or (to.family == ip.family and to.holds(ip))


def _show(ctx: Context, words: Words) -> int:
    wanted = _parse(ctx, words, flushing=False)
    with ctx.out.document():
        if wanted.proxy:
            _show_proxies(ctx, wanted)
        else:
            for entry in _entries(ctx, wanted):
                print_entry(ctx, entry, with_device=wanted.link is None)
    return 0


def _show_proxies(ctx: Context, wanted: NeighFilter) -> None:
    for ip, link in ctx.netns.neighbours.proxies:
        if wanted.link not in {None, link} or not _holds(wanted.to, ip) or wanted.family not in {0, ip.family}:
            continue
        _print_proxy(ctx, ip, link if wanted.link is None else None)


def _print_proxy(ctx: Context, ip: Ip, link: Link | None) -> None:
    with ctx.out.object():
        _print_head(ctx, ip, link)
        if not ctx.options.brief:
            ctx.out.null("proxy", "proxy ")
        ctx.out.text("\n")


def _print_head(ctx: Context, ip: Ip, link: Link | None) -> None:
    out, brief = ctx.out, ctx.options.brief
    out.put("dst", ctx.host(ip), "{:<39} " if brief else "{} ", colour_of(ip))
    if link is not None:
        if not brief:
            out.text("dev ")
        out.put("dev", ctx.device_name(link.ifindex), "{:<16} " if brief else "{} ", IFNAME)


def _lladdr(entry: Neighbour) -> str:
    """On a device without MAC addresses the entry has the device's own address (``arp_constructor``)."""
    return hardware_addresses(entry.link)[0] if entry.link.headerless else str(entry.mac)


def print_entry(ctx: Context, entry: Neighbour, *, with_device: bool) -> None:
    """``print_neigh``."""
    out = ctx.out
    with out.object():
        _print_head(ctx, entry.ip, entry.link if with_device else None)
        has_address = entry.state in VALID
        if ctx.options.brief:
            if has_address:
                out.put("lladdr", _lladdr(entry), "{}", MAC)
            out.text("\n")
            return
        if has_address:
            out.text("lladdr ")
            out.put("lladdr", _lladdr(entry), "{} ", MAC)
        if ctx.options.stats:
            _print_ages(ctx, entry)
        if entry.state is not Nud.NONE:
            with out.array("state"):
                out.item(entry.state.value)
        out.text("\n")


def _print_ages(ctx: Context, entry: Neighbour) -> None:
    """References (a running timer holds one) and whole seconds since the last use, confirmation and change."""
    out, machine = ctx.out, ctx.netns.machine
    if entry.timer is not None:
        out.put("refcnt", 1, " ref {}")
    for key, since, template in (
        ("used", entry.used, " used {}"),
        ("confirmed", entry.confirmed, "/{}"),
        ("updated", entry.updated, "/{}"),
    ):
        out.put(key, (machine.jiffies - since) // machine.hz, template)
    out.put("probes", entry.probes, "probes {} ")


def _flush(ctx: Context, words: Words) -> int:
    if not words:
        raise Fail(1, "Flush requires arguments.\n")
    wanted = _parse(ctx, words, flushing=True)
    stats, write = ctx.options.stats, ctx.proc.write
    for rounds in range(_ROUNDS):
        found = _entries(ctx, wanted) if not wanted.proxy else []
        if stats > 1:
            for entry in found:
                print_entry(ctx, entry, with_device=wanted.link is None)
        if not found:
            if stats and not rounds:
                write("Nothing to flush.\n")
            elif stats:
                write(f"*** Flush is complete after {rounds} round{'s' if rounds > 1 else ''} ***\n")
            return 0
        for entry in found:
            ctx.door.neigh_del(entry.ip, entry.link)
        if stats:
            write(f"\n*** Round {rounds + 1}, deleting {len(found)} entries ***\n")
        wanted.states -= {Nud.FAILED}
    write(f"*** Flush not complete bailing out after {_ROUNDS} rounds\n")
    return 1


def _get(ctx: Context, words: Words) -> int:
    name: str | None = None
    target: Prefix | None = None
    proxy = False
    while words:
        word = words.take()
        if word == "dev":
            name = words.value()
            continue
        proxy = proxy or matches(word, "proxy")
        if matches(word, "proxy") or word == "to":
            word = words.value()
        if matches(word, "help"):
            raise usage("ip neigh")
        if target is not None:
            raise twice("address", word) if proxy else garbage("to", word)
        target = address(word, ctx.family)
    if (name is None and not proxy) or target is None or target.addr is None:
        raise Fail(1, "Device and address are required arguments.\n")
    link = ctx.device(name) if name is not None else None
    if link is None and name is not None:
        raise no_device(name)
    with ctx.talk():
        if proxy:
            if (target.addr, link) not in ctx.netns.neighbours.proxies:
                raise NetlinkError(ENOENT, "Proxy neighbour entry not found")
            _print_proxy(ctx, target.addr, link)
            return 0
        entry = ctx.netns.neighbours.get(target.addr, link) if link is not None else None
        if entry is None:
            raise NetlinkError(ENOENT, "Neighbour entry not found")
    print_entry(ctx, entry, with_device=True)
    return 0
