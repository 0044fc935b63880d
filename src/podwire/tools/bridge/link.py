"""``bridge link``: ports, and what is set on them (bridge/link.c)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EINVAL, EOPNOTSUPP
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import NotModelled
from podwire.linux.bridge import StpState
from podwire.linux.errors import NetlinkError
from podwire.linux.rtnl.bridge import PortOptions
from podwire.tools.ip.context import Context, refusal
from podwire.tools.ip.grammar import Fail, Words, matches, twice
from podwire.tools.ip.linkbridge import ON_OFF, on_off, set_switch
from podwire.tools.ip.linkinfo import flags

if TYPE_CHECKING:
    from podwire.linux.bridge import Port
    from podwire.linux.link import Link

# Those that the command knows; three of `ip link` are not among them, and one has only a value that changes nothing.
_SWITCHES: Final = frozenset(ON_OFF) - {"proxy_arp", "proxy_arp_wifi", "mcast_fast_leave"}
_LEARNING_SYNC: Final = "learning_sync"


@contextmanager
def talk(status: int = 255) -> Iterator[None]:
    """``rtnl_talk``: a refusal of the kernel ends the command."""
    try:
        yield
    except NetlinkError as error:
        raise Fail(status, refusal(error)) from None


def do_link(ctx: Context, words: Words) -> int:
    """``bridge link`` and its verbs."""
    verb = words.take() if words else "show"
    if matches(verb, "set", "change"):
        return _set(ctx, words)
    if matches(verb, "show", "lst", "list"):
        return _show(ctx, words)
    if matches(verb, "help"):
        raise NotModelled("the help text of bridge link", "bridge")
    raise Fail(255, f'Command "{verb}" is unknown, try "bridge link help".\n')


# -- show ---------------------------------------------------------------------------------------------------------


def _show(ctx: Context, words: Words) -> int:
    name: str | None = None
    while words:
        if words.take() == "dev":
            text = words.value()
            if name is not None:
                raise twice("dev", text)
            name = text
    wanted = ctx.device(name) if name is not None else None
    if wanted is None and name is not None:
        raise Fail(255, f'Cannot find device "{name}"\n')
    with ctx.out.document():
        for link in ctx.netns.links():
            if link.port is not None and wanted in {None, link}:
                _print(ctx, link, link.port)
    return 0


def _print(ctx: Context, link: Link, port: Port) -> None:
    out = ctx.out
    with out.object():
        out.put("ifindex", link.ifindex, "{}: ")
        down = _print_name(ctx, link)
        words = flags(link)
        with out.array("flags", "<", "> "):
            for index, word in enumerate(words):
                out.item(word, "{}" if index == len(words) - 1 else "{},")
            if down:
                out.item("M-DOWN", ",{}")
        out.put("mtu", link.mtu, "mtu {} ")
        out.put("master", ctx.device_name(port.bridge.link.ifindex), "master {} ")
        out.put("state", port.state.name.lower(), "state {} ")
        out.put("priority", port.priority, "priority {} ")
        out.put("cost", port.cost, "cost {} ")
        if ctx.options.details:
            out.text(f"{out.newline}    ")
            _print_details(ctx, port)
        out.text("\n")


def _print_name(ctx: Context, link: Link) -> bool:
    """The other end's index is read in this namespace, wherever that end is: ``p0@br0``. True where what it finds is down."""
    peer = link.peer
    if peer is None or peer.ifindex == link.ifindex:
        ctx.out.put("ifname", link.name, "{}: ")
        return False
    other = ctx.device_name(peer.ifindex)
    ctx.out.only("link", other)
    ctx.out.put("ifname", link.name, "{}@" + other + ": ")
    found = ctx.netns.link_by_index(peer.ifindex)
    return found is not None and not found.is_up


def _print_details(ctx: Context, port: Port) -> None:
    on_off(ctx, "hairpin", value=port.hairpin)
    for key in ("guard", "root_block", "fastleave"):
        on_off(ctx, key, value=False)
    for key in ("learning", "flood", "mcast_flood", "bcast_flood"):
        on_off(ctx, key, value=getattr(port, key))
    ctx.out.put("mcast_router", 1, "mcast_router {} ")
    for key in ("mcast_to_unicast", "neigh_suppress", "vlan_tunnel"):
        on_off(ctx, key, value=False)
    on_off(ctx, "isolated", value=port.isolated)
    on_off(ctx, "locked", value=False)


# -- set ----------------------------------------------------------------------------------------------------------


class _Asked(msgspec.Struct):
    dev: str | None = None
    self_: bool = False
    master: bool = False


def _atoi(text: str) -> int:
    match = re.match(r"\s*([+-]?\d+)", text, re.ASCII)
    return int(match[1]) if match else 0


def _state(text: str) -> int:
    if re.fullmatch(r"\s*[+-]?\d+", text, re.ASCII):
        return int(text)
    for state in StpState:
        if text == state.name.lower():
            return state
    raise Fail(255, "Error: invalid STP port state\n")


def _set(ctx: Context, words: Words) -> int:
    asked, options = _Asked(), PortOptions()
    while words:
        word = words.take()
        if not (_switch(options, word, words) or _number(options, word, words) or _where(asked, word, words)):
            raise NotModelled(f"bridge link set {word}", "bridge")
    if asked.dev is None:
        raise Fail(255, "Device is a required argument.\n")
    link = ctx.device(asked.dev)
    if link is None:
        raise Fail(255, f'Cannot find bridge device "{asked.dev}"\n')
    with talk():
        if asked.master or not asked.self_:
            if link.port is None:
                raise NetlinkError(EOPNOTSUPP)
            ctx.door.bridge_port_set(link, options)
        if asked.self_:
            if link.bridge is not None:
                raise NotModelled("bridge link set self of a bridge", "bridge")
            raise NetlinkError(EOPNOTSUPP)
    return 0


def _switch(options: PortOptions, word: str, words: Words) -> bool:
    if word in _SWITCHES:
        set_switch(options, word, words.value(), status=256 - EINVAL)
        return True
    if word == _LEARNING_SYNC:
        raise NotModelled(f"bridge link set {word}", "bridge")
    return False


def _number(options: PortOptions, word: str, words: Words) -> bool:
    if word == "cost":
        options.cost = _atoi(words.value()) or None
    elif word == "priority":
        value = _atoi(words.value())
        options.priority = value if value >= 0 else None
    elif word == "state":
        value = _state(words.value())
        options.state = value if value >= 0 else None
    elif word == "mcast_router":
        text = words.value()
        if _atoi(text) != 1:
            raise NotModelled(f"bridge link set mcast_router {text}", "bridge")
    else:
        return False
    return True


def _where(asked: _Asked, word: str, words: Words) -> bool:
    if word == "dev":
        asked.dev = words.value()
    elif word == "self":
        asked.self_ = True
    elif word == "master":
        asked.master = True
    else:
        return word == "nobackup_port"
    return True
