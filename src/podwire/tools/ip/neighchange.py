"""``ip neighbour add``, ``change``, ``replace`` and ``del`` (ipneigh_modify)."""

from __future__ import annotations

from errno import EINVAL, EOPNOTSUPP
from typing import Final

import msgspec

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.neigh import Nud
from podwire.tools.ip.context import Context
from podwire.tools.ip.grammar import (
    Fail,
    Words,
    address,
    garbage,
    mac_of,
    matches,
    no_device,
    number,
    octets,
    twice,
    wrong,
)
from podwire.tools.ip.names import proto_number
from podwire.wire.addr import AF_INET, Ip, Mac

_MAC_SIZE: Final = 6
_LLADDR_SIZE: Final = 20
_BITS: Final = {
    0x00: Nud.NONE,
    0x01: Nud.INCOMPLETE,
    0x02: Nud.REACHABLE,
    0x04: Nud.STALE,
    0x08: Nud.DELAY,
    0x10: Nud.PROBE,
    0x20: Nud.FAILED,
    0x40: Nud.NOARP,
    0x80: Nud.PERMANENT,
}
_ABBREVIATED: Final = ("permanent", "reachable", "failed")


def state_of(text: str) -> Nud | None:
    """``nud_state_a2n``: a name, some of them abbreviated, or one bit as a number."""
    for name in _ABBREVIATED:
        if matches(text, name):
            return Nud(name.upper())
    if text in {"noarp", "none", "stale", "incomplete", "delay", "probe"}:
        return Nud(text.upper())
    value = number(text)
    return None if value is None else _BITS.get(value)


class _Request(msgspec.Struct):
    ip: Ip | None = None
    dev: str | None = None
    dev_ok: bool = False
    lladdr: str | None = None
    state: Nud = Nud.PERMANENT
    proxy: bool = False
    unmodelled: str = ""


def _parse(ctx: Context, words: Words) -> _Request:
    req = _Request()
    seen = False
    while words:
        word = words.take()
        if matches(word, "lladdr"):
            text = words.value()
            if req.lladdr is not None:
                raise twice("lladdr", text)
            req.lladdr = text
        elif word == "nud":
            text = words.value()
            state = state_of(text)
            if state is None:
                raise wrong("nud state is bad", text)
            req.state = state
        elif matches(word, "proxy"):
            text = words.value()
            if seen:
                raise twice("address", text)
            req.ip, seen = address(text, ctx.family).addr, True
            req.dev_ok = req.proxy = True
        elif word in {"router", "use", "managed"} or matches(word, "extern_learn"):
            req.unmodelled = req.unmodelled or word
        elif word == "dev":
            req.dev = words.value()
            req.dev_ok = True
        elif matches(word, "protocol"):
            text = words.value()
            if proto_number(text) is None:
                raise wrong('"protocol" value is invalid\n', text)
            req.unmodelled = req.unmodelled or f"protocol {text}"
        else:
            if word == "to" or matches(word, "help"):
                word = words.value()
            if seen:
                raise garbage("to", word)
            req.ip, seen = address(word, ctx.family).addr, True
    if not req.dev_ok or req.ip is None:
        raise Fail(255, "Device and destination are required arguments.\n")
    return req


def _lladdr(req: _Request) -> list[int] | None:
    if req.lladdr is None or req.lladdr == "null":
        return None
    return octets(req.lladdr, _LLADDR_SIZE)


def _mac(values: list[int] | None) -> Mac | None:
    if values is None:
        return None
    if len(values) < _MAC_SIZE:
        raise NetlinkError(EINVAL, "Invalid link address")
    return mac_of(values)


def change(ctx: Context, words: Words, *, create: bool, exclusive: bool) -> int:
    """RTM_NEWNEIGH."""
    req = _parse(ctx, words)
    values = _lladdr(req)
    link = ctx.device(req.dev) if req.dev is not None else None
    if link is None and req.dev is not None:
        raise no_device(req.dev)
    assert req.ip is not None  # noqa: S101 - _parse saw to it
    if req.unmodelled:
        raise NotModelled(f"ip neigh {req.unmodelled}", "ip")
    with ctx.talk(exits=True):
        mac = _mac(values)
        if req.ip.family != AF_INET:
            if link is not None and (link.conf6["disable_ipv6"] or ctx.netns.conf6_all["disable_ipv6"]):
                raise NetlinkError(EINVAL, "IPv6 is disabled on this device")
            raise NotModelled("IPv6 neighbours", "ip neigh")
        if req.proxy:
            ctx.door.proxy_add(req.ip, link)
        else:
            assert link is not None  # noqa: S101 - a device is required
            ctx.door.neigh_add(req.ip, link, mac, req.state, create=create, exclusive=exclusive)
    return 0


def delete(ctx: Context, words: Words) -> int:
    """RTM_DELNEIGH."""
    req = _parse(ctx, words)
    _lladdr(req)
    link = ctx.device(req.dev) if req.dev is not None else None
    if link is None and req.dev is not None:
        raise no_device(req.dev)
    assert req.ip is not None  # noqa: S101 - _parse saw to it
    with ctx.talk(exits=True):
        if req.ip.family != AF_INET:
            raise NetlinkError(EOPNOTSUPP) if req.proxy else NotModelled("IPv6 neighbours", "ip neigh")
        if req.proxy:
            ctx.door.proxy_del(req.ip, link)
        else:
            assert link is not None  # noqa: S101 - a device is required
            ctx.door.neigh_del(req.ip, link)
    return 0
