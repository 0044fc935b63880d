"""The attributes of a device on the command line (iplink_parse)."""

from __future__ import annotations

from errno import EINVAL
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import NotModelled
from podwire.tools.ip.context import Context
from podwire.tools.ip.grammar import (
    Fail,
    Words,
    garbage,
    integer,
    is_altname,
    is_ifname,
    matches,
    no_device,
    number,
    octets,
    twice,
    usage,
    wrong,
)
from podwire.tools.ip.names import group_number

if TYPE_CHECKING:
    from podwire.linux.link import Link

_ALIAS_SIZE: Final = 256
_MAC_SIZE: Final = 6
_ADDRGEN_MODES: Final = frozenset({"eui64", "none", "stable_secret", "random"})
_CHOICES: Final = {
    "mode": (frozenset({"default", "dormant"}), "Invalid link mode\n"),
    "state": (
        frozenset({"unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up"}),
        "Invalid operstate\n",
    ),
}
"""What they may be, and the complaint about anything else."""


class LinkRequest(msgspec.Struct):
    """What ``ip link add`` or ``set`` names; None where nothing was said."""

    dev: str | None = None
    name: str | None = None
    index: int = 0
    link: Link | None = None
    link_name: str | None = None
    mac: list[int] | None = None
    broadcast: list[int] | None = None
    txqueuelen: int | None = None
    mtu: int | None = None
    netns: str | None = None
    up: bool | None = None
    arp: bool | None = None
    multicast: bool | None = None
    allmulticast: bool | None = None
    promisc: bool | None = None
    master: Link | None = None
    nomaster: bool = False
    alias: str | None = None
    group: int | None = None
    kind: str | None = None
    unmodelled: str = ""
    """The first attribute that exists and that the kernel model lacks."""


_ON_OFF: Final = {"arp": "arp", "multicast": "multicast", "allmulticast": "allmulticast", "promisc": "promisc"}


def _on_off(key: str, text: str) -> bool:
    if text not in {"on", "off"}:
        raise Fail(1, f'Error: argument of "{key}" must be "on" or "off", not "{text}"\n')
    return text == "on"


def _integer(words: Words, key: str, have: int | None = None) -> int:
    text = words.value()
    if have is not None:
        raise twice(key, text)
    value = integer(text)
    if value is None:
        raise wrong(f'Invalid "{key}" value\n', text)
    return value


def parse_link(ctx: Context, words: Words, *, create: bool) -> LinkRequest:
    """Read up to ``type KIND`` or the end; a word that is no keyword is the device."""
    req = LinkRequest()
    while words:
        word = words.take()
        if matches(word, "type") and not _is_keyword_before_type(word):
            req.kind = words.value()
            break
        if not (_plain(req, word, words) or _references(ctx, req, word, words) or _rare(req, word, words)):
            _device(req, word, words)
    return _complete(ctx, req, words, create=create)


def _is_keyword_before_type(word: str) -> bool:
    # "t" abbreviates txqueuelen, which is asked first.
    return matches(word, "txqueuelen", "txqlen")


def _plain(req: LinkRequest, word: str, words: Words) -> bool:  # noqa: C901 - one branch per keyword
    if word in {"up", "down"}:
        req.up = word == "up"
    elif word == "name":
        text = words.value()
        if req.name is not None:
            raise twice("name", text)
        if not is_ifname(text):
            raise wrong('"name" not a valid ifname', text)
        req.name = text
        req.dev = req.dev or text
    elif word == "index":
        text = words.value()
        if req.index:
            raise twice("index", text)
        req.index = integer(text) or 0
        if req.index <= 0:
            raise wrong('Invalid "index" value', text)
    elif matches(word, "link"):
        req.link_name = words.value()
    elif matches(word, "address"):
        req.mac = octets(words.value())
    elif matches(word, "broadcast") or word == "brd":
        req.broadcast = octets(words.value())
    elif matches(word, "txqueuelen", "txqlen") or word == "qlen":
        req.txqueuelen = _integer(words, "txqueuelen", req.txqueuelen)
    elif word == "mtu":
        req.mtu = _integer(words, "mtu", req.mtu)
    elif word in _ON_OFF:
        setattr(req, word, _on_off(word, words.value()))
    elif matches(word, "alias"):
        text = words.value()
        if len(text.encode()) >= _ALIAS_SIZE:
            raise wrong("alias too long\n", text)
        req.alias = text
    else:
        return False
    return True


def _references(ctx: Context, req: LinkRequest, word: str, words: Words) -> bool:
    if word == "netns":
        text = words.value()
        if req.netns is not None:
            raise twice("netns", text)
        known = not ctx.proc.place.container and text in ctx.place.machine.netns_names
        if not known and integer(text) is None:
            raise wrong('Invalid "netns" value\n', text)
        req.netns = text
    elif matches(word, "master") or word == "vrf":
        text = words.value()
        req.master = ctx.device(text)
        if req.master is None or word == "vrf":
            raise wrong("Not a valid VRF name\n" if word == "vrf" else "Device does not exist\n", text)
    elif matches(word, "nomaster"):
        req.nomaster = True
    elif word == "group":
        text = words.value()
        if req.group is not None:
            raise twice("group", text)
        req.group = group_number(text)
        if req.group is None:
            raise wrong('Invalid "group" value\n', text)
    else:
        return False
    return True


def _rare(req: LinkRequest, word: str, words: Words) -> bool:
    """Attributes that are read as the real tool reads them, and then not modelled."""
    if word in {"xdp", "xdpgeneric", "xdpdrv", "xdpoffload", "vf"}:
        raise NotModelled(word, "ip link")
    if word == "parentdev" or matches(word, "link-netns", "link-netnsid"):
        words.value()
    elif word == "trailers" or matches(word, "dynamic"):
        _on_off("trailers" if word == "trailers" else "dynamic", words.value())
    elif word in {"carrier", "protodown"}:
        text = words.value()
        if text not in {"on", "off"}:
            raise Fail(EINVAL, f'Error: argument of "{word}" must be one of "off", "on", not "{text}"\n')
    elif word in _CHOICES:
        text = words.value()
        choices, complaint = _CHOICES[word]
        if text.lower() not in choices:
            raise wrong(complaint, text)
    elif matches(word, "numtxqueues", "numrxqueues"):
        _integer(words, "numtxqueues" if matches(word, "numtxqueues") else "numrxqueues")
    elif matches(word, "addrgenmode"):
        text = words.value()
        if text.lower() not in _ADDRGEN_MODES:
            raise wrong("Invalid address generation mode\n", text)
    elif word in {"gso_max_size", "gso_max_segs", "gro_max_size"}:
        text = words.value()
        if number(text) is None:
            raise wrong(f'Invalid "{word}" value\n', text)
    elif word == "protodown_reason":
        words.value()
        words.value()
    else:
        return False
    req.unmodelled = req.unmodelled or word
    return True


def _device(req: LinkRequest, word: str, words: Words) -> None:
    if matches(word, "help"):
        raise usage("ip link")
    if word == "dev":
        word = words.value()
    if req.dev is not None and req.dev != req.name:
        raise garbage("dev", word)
    if not is_altname(word):
        raise wrong('"dev" not a valid ifname', word)
    req.dev = word


def _check_mac_size(ctx: Context, req: LinkRequest) -> None:
    known = req.dev is not None and ctx.device(req.dev) is not None
    if known and req.mac is not None and len(req.mac) != _MAC_SIZE:
        raise Fail(1, f"Invalid address length {len(req.mac)} - must be {_MAC_SIZE} bytes\n")


def _complete(ctx: Context, req: LinkRequest, words: Words, *, create: bool) -> LinkRequest:
    if req.name is None:
        req.name = req.dev
    elif req.dev is None:
        req.dev = req.name
    if not create:
        _check_mac_size(ctx, req)
    if req.index and not create and req.netns is None:
        raise Fail(255, "index can be used only when creating devices or when moving device to another netns.\n")
    if req.group is not None and req.dev is None:
        if words:
            raise Fail(255, f'Garbage instead of arguments "{words.take()} ...". Try "ip link help".\n')
        if create:
            raise Fail(255, "group cannot be used when creating devices.\n")
        return req
    if create:
        _complete_new(ctx, req)
        return req
    if req.dev is None:
        raise Fail(255, 'Not enough information: "dev" argument is required.\n')
    if ctx.device(req.dev) is None:
        raise no_device(req.dev)
    if req.name == req.dev:
        req.name = None
    return req


def _complete_new(ctx: Context, req: LinkRequest) -> None:
    if req.name != req.dev:
        raise Fail(255, 'both "name" and "dev" cannot be used when creating devices.\n')
    if req.link_name is not None:
        req.link = ctx.device(req.link_name)
        if req.link is None:
            raise no_device(req.link_name)
