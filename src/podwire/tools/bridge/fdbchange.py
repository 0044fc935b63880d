"""``bridge fdb add``, ``append``, ``replace`` and ``del`` (fdb_modify in bridge/fdb.c)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import NotModelled
from podwire.linux.rtnl.fdb import FdbFlags, FdbState
from podwire.linux.rtnl.vxlanfdb import FdbRemote, Mode
from podwire.linux.services import UDP_PORTS
from podwire.tools.bridge.link import talk
from podwire.tools.ip.context import Context
from podwire.tools.ip.grammar import Fail, Words, address, garbage, matches, number, wrong
from podwire.wire.addr import ANY4, Ip, Mac

if TYPE_CHECKING:
    from podwire.linux.link import Link

_MAC: Final = re.compile(r"\s*" + ":".join([r"([0-9a-fA-F]+)"] * 6))
_PORT_MAX: Final = 0xFFFF
_VNI_MAX: Final = 0xFFFFFF


def help_text() -> NotModelled:
    """The long help: real, and not copied here."""
    return NotModelled("the help text of bridge fdb", "bridge")


def device_of(ctx: Context, name: str, what: str = "device") -> Link:
    """The device of that name, or the end of the command."""
    link = ctx.device(name)
    if link is None:
        raise Fail(255, f'Cannot find {what} "{name}"\n')
    return link


def mac_of(text: str) -> Mac:
    """``sscanf("%hhx:…")``: six numbers, each cut to an octet; what follows is not read."""
    match = _MAC.match(text)
    if match is None:
        raise Fail(255, f"Invalid mac address {text}\n")
    return Mac(int.from_bytes(bytes(int(part, 16) & 0xFF for part in match.groups()), "big"))


class _Change(msgspec.Struct):
    dev: str | None = None
    addr: str | None = None
    self_: bool = False
    master: bool = False
    permanent: bool = False
    noarp: bool = True
    reachable: bool = False
    use: bool = False
    extern: bool = False
    sticky: bool = False
    router: bool = False
    dst: Ip | None = None
    port: int = 0
    vni: int | None = None
    src_vni: int | None = None
    via: int | None = None


def _tunnel_word(ctx: Context, change: _Change, word: str, words: Words) -> bool:
    """Words about the entries of tunnels."""
    if word == "dst":
        text = words.value()
        if change.dst is not None:
            raise garbage("dst", text)
        found = address(text, ctx.family)
        change.dst = found.addr if found.addr is not None else ANY4
    elif word == "nhid":
        raise NotModelled("bridge fdb … nhid", "bridge")
    elif word == "port":
        change.port = _port(words.value())
    elif word == "vni":
        change.vni = vni_of(words.value(), "invalid VNI\n")
    elif word == "src_vni":
        change.src_vni = vni_of(words.value(), "invalid src VNI\n")
    elif word == "via":
        change.via = _device_index(ctx, words.value())
    else:
        return False
    return True


def _port(text: str) -> int:
    """A number, or the name of a UDP service."""
    value = number(text, _PORT_MAX)
    if value is None:
        value = UDP_PORTS.get(text) if number(text) is None else None
    if value is None:
        raise wrong("invalid port\n", text)
    return value


def vni_of(text: str, complaint: str) -> int:
    """A VNI, or the end of the command."""
    value = number(text, _VNI_MAX)
    if value is None:
        raise wrong(complaint, text)
    return value


def _device_index(ctx: Context, name: str) -> int:
    link = ctx.device(name)
    if link is None:
        raise Fail(255, f'Cannot find device "{name}"\n')
    return link.ifindex


def _change_word(change: _Change, word: str, words: Words) -> bool:
    if word == "dev":
        change.dev = words.value()
    elif word == "self":
        change.self_ = True
    elif matches(word, "master"):
        change.master = True
    elif matches(word, "router"):
        change.router = True
    elif matches(word, "local", "permanent"):
        change.permanent = True
    elif matches(word, "temp", "static"):
        change.reachable = True
    elif matches(word, "dynamic"):
        change.reachable, change.noarp = True, False
    elif matches(word, "vlan"):
        raise NotModelled("bridge fdb … vlan", "bridge")
    elif matches(word, "use"):
        change.use = True
    elif matches(word, "extern_learn"):
        change.extern = True
    elif matches(word, "sticky"):
        change.sticky = True
    else:
        return False
    return True


def modify(ctx: Context, words: Words, mode: Mode | None) -> int:
    """``fdb_modify``: without ``self`` or ``master`` it is ``self``, without a state ``permanent``; without ``mode`` it deletes."""
    change = _Change()
    while words:
        word = words.take()
        if _tunnel_word(ctx, change, word, words) or _change_word(change, word, words):
            continue
        if word == "to":
            word = words.value()
        if matches(word, "help"):
            raise help_text()
        if change.addr is not None:
            raise garbage("to", word)
        change.addr = word
    if change.dev is None or change.addr is None:
        raise Fail(255, "Device and address are required arguments.\n")
    flags = FdbFlags(
        self_=change.self_ or not change.master,
        master=change.master,
        use=change.use,
        extern=change.extern,
        sticky=change.sticky,
        router=change.router,
    )
    remote = FdbRemote(change.dst, change.port or None, change.vni, change.src_vni, change.via)
    permanent = change.permanent or not change.reachable
    mac = mac_of(change.addr)
    state = FdbState(permanent=permanent, noarp=change.noarp, reachable=change.reachable)
    link = device_of(ctx, change.dev)
    with talk():
        if mode is None:
            ctx.door.fdb_del(link, mac, state, flags, remote=remote)
        else:
            ctx.door.fdb_add(link, mac, state, flags, mode=mode, remote=remote)
    return 0
