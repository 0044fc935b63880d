"""``bridge fdb``: entries of bridges, and addresses that devices listen to (bridge/fdb.c)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import NotModelled
from podwire.linux.fdb import FdbEntry
from podwire.linux.rtnl.fdb import FdbFlags, FdbMatch, FdbState
from podwire.tools.bridge.link import talk
from podwire.tools.ip.context import Context
from podwire.tools.ip.grammar import Fail, Words, garbage, matches, number, twice, wrong
from podwire.tools.ip.output import IFNAME
from podwire.tools.ip.output import MAC as MAC_COLOUR
from podwire.wire.addr import Mac

if TYPE_CHECKING:
    from podwire.linux.link import Link

_PERMANENT: Final = 0x80
_NOARP: Final = 0x40
_STALE: Final = 0x04
_REACHABLE: Final = 0x02
_STATES: Final = {_PERMANENT: "permanent", _NOARP: "static", _STALE: "stale", _REACHABLE: ""}
_ALL_STATES: Final = 0xFFFFFFFF
_MAC: Final = re.compile(r"\s*" + ":".join([r"([0-9a-fA-F]+)"] * 6))
_TUNNEL: Final = frozenset({"dst", "nhid", "port", "vni", "src_vni", "via"})
"""Words about the entries of tunnels."""
_ALL_NODES: Final = Mac(0x333300000001)
_ALL_SYSTEMS: Final = Mac(0x01005E000001)
_ALL_SNOOPERS: Final = Mac(0x01005E00006A)
_ALL_SNOOPERS6: Final = Mac(0x33330000006A)
_LINK_LOCAL: Final = 0x0180C2000000
_SOLICITED: Final = 0x3333FF000000


def do_fdb(ctx: Context, words: Words) -> int:
    """``bridge fdb`` and its verbs."""
    verb = words.take() if words else "show"
    if matches(verb, "add"):
        return _modify(ctx, words, exclusive=True)
    if matches(verb, "append", "replace"):
        return _modify(ctx, words, exclusive=False)
    if matches(verb, "delete"):
        return _modify(ctx, words, delete=True)
    if matches(verb, "get"):
        return _get(ctx, words)
    if matches(verb, "show", "lst", "list"):
        return _show(ctx, words)
    if verb == "flush":
        return _flush(ctx, words)
    if matches(verb, "help"):
        raise _help()
    raise Fail(255, f'Command "{verb}" is unknown, try "bridge fdb help".\n')


def _help() -> NotModelled:
    return NotModelled("the help text of bridge fdb", "bridge")


def _device(ctx: Context, name: str, what: str = "device") -> Link:
    link = ctx.device(name)
    if link is None:
        raise Fail(255, f'Cannot find {what} "{name}"\n')
    return link


def _mac(text: str) -> Mac:
    """``sscanf("%hhx:…")``: six numbers, each cut to an octet; what follows is not read."""
    match = _MAC.match(text)
    if match is None:
        raise Fail(255, f"Invalid mac address {text}\n")
    return Mac(int.from_bytes(bytes(int(part, 16) & 0xFF for part in match.groups()), "big"))


# -- show ---------------------------------------------------------------------------------------------------------


class Row(msgspec.Struct, frozen=True):
    """One message about an entry: ``self`` of a device, or of a ``bridge``."""

    link: Link
    mac: Mac
    entry: FdbEntry | None = None
    bridge: Link | None = None

    @property
    def state(self) -> int:
        """``fdb_to_nud``."""
        entry = self.entry
        if entry is None or entry.local:
            return _PERMANENT
        if entry.static:
            return _NOARP
        if self.bridge is not None and self.bridge.bridge is not None and not entry.extern:
            age = self.bridge.netns.machine.jiffies - entry.updated
            if age >= self.bridge.bridge.hold_time:
                return _STALE
        return _REACHABLE


class _Filter(msgspec.Struct):
    link: Link | None = None
    bridge: Link | None = None
    states: int = 0
    dynamic: bool = False
    vlan: int = 0


def _state_mask(text: str) -> int:
    for word, state in (("permanent", _PERMANENT), ("static", _NOARP), ("temp", _NOARP), ("stale", _STALE)):
        if matches(text, word):
            return state
    if matches(text, "reachable", "dynamic"):
        return _REACHABLE
    value = _ALL_STATES if text == "all" else number(text)
    if value is None:
        raise wrong("invalid state", text)
    return value


def _show(ctx: Context, words: Words) -> int:
    wanted = _Filter()
    name = bridge = None
    while words:
        word = words.take()
        if word in {"brport", "dev"}:
            name = words.value()
        elif word == "br":
            bridge = words.value()
        elif word == "vlan":
            text = words.value()
            if wanted.vlan:
                raise twice("vlan", text)
            wanted.vlan = number(text) or 0
        elif word == "state":
            wanted.states |= _state_mask(words.value())
        elif word == "dynamic":
            wanted.dynamic = True
        elif matches(word, "help"):
            raise _help()
    if bridge is not None:
        wanted.bridge = _device(ctx, bridge, "bridge device")
    if name is not None:
        wanted.link = _device(ctx, name)
    with ctx.out.document():
        for row in rows(ctx, wanted.link, wanted.bridge):
            if (
                not (wanted.states and not row.state & wanted.states)
                and not wanted.vlan
                and not (wanted.dynamic and row.state == _PERMANENT)
            ):
                _print(ctx, row, with_device=wanted.link is None)
    return 0


def rows(ctx: Context, only: Link | None, bridge: Link | None) -> Iterator[Row]:
    """``rtnl_fdb_dump``: device by device, in the order of their indexes; first what its bridge keeps of it."""
    for link in sorted(ctx.netns.links(), key=lambda each: each.ifindex):
        if only not in {None, link}:
            continue
        if bridge is not None and link.master is not bridge and (link is not bridge or link.bridge is None):
            continue
        if link.port is not None:
            for entry in link.port.bridge.fdb:
                if entry.port is link.port:
                    yield Row(link, entry.mac, entry, link.port.bridge.link)
        if not link.is_loopback:
            yield from (Row(link, mac) for mac in _listened(link))
        if link.bridge is not None:
            for entry in link.bridge.fdb:
                if entry.port is None:
                    yield Row(link, entry.mac, entry, link)


def _listened(link: Link) -> Iterator[Mac]:
    """``dev->uc``, ``dev->mc``. What no bridge forwards counts as an address of one machine."""
    groups = [mac for mac in link.listens if mac.is_multicast and mac & ~0xF != _LINK_LOCAL]
    yield from (mac for mac in link.listens if mac not in groups)
    yield from _groups(link)
    yield from groups


def _groups(link: Link) -> Iterator[Mac]:
    """The groups that IP joins on a device: all nodes at birth, all systems while it is up, those of IPv6 addresses."""
    yield _ALL_NODES
    if not link.is_up:
        return
    if link.bridge is not None and link.bridge.mcast_snooping:
        yield _ALL_SNOOPERS
        yield _ALL_SNOOPERS6
    yield _ALL_SYSTEMS
    for address in link.addresses6:
        yield Mac(_SOLICITED | int(address.local) & 0xFFFFFF)


def _print(ctx: Context, row: Row, *, with_device: bool) -> None:
    """``print_fdb``."""
    out, entry = ctx.out, row.entry
    with out.object():
        out.put("mac", str(row.mac), "{} ", MAC_COLOUR)
        if with_device:
            out.text("dev ")
            out.put("ifname", ctx.device_name(row.link.ifindex), "{} ", IFNAME)
        if ctx.options.stats and entry is not None:
            machine = ctx.netns.machine
            used, updated = ((machine.jiffies - since) // machine.hz for since in (entry.used, entry.updated))
            out.only("used", used)
            out.only("updated", updated)
            out.text(f"used {used}/{updated} ")
        with out.array("flags"):
            for word, on in (
                ("self", entry is None),
                ("extern_learn", entry is not None and entry.extern),
                ("sticky", entry is not None and entry.sticky),
            ):
                if on:
                    out.item(word)
        if row.bridge is not None:
            out.put("master", ctx.device_name(row.bridge.ifindex), "master {} ")
        out.put("state", _STATES[row.state], "{}\n")


# -- add, del -----------------------------------------------------------------------------------------------------


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


def _change_word(change: _Change, word: str, words: Words) -> bool:
    if word == "dev":
        change.dev = words.value()
    elif word == "self":
        change.self_ = True
    elif matches(word, "master"):
        change.master = True
    elif matches(word, "router"):
        raise NotModelled("bridge fdb … router", "bridge")
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


def _modify(ctx: Context, words: Words, *, exclusive: bool = False, delete: bool = False) -> int:
    """``fdb_modify``: without ``self`` or ``master`` it is ``self``, without a state ``permanent``."""
    change = _Change()
    while words:
        word = words.take()
        if word in _TUNNEL:
            raise NotModelled(f"bridge fdb … {word}", "bridge")
        if _change_word(change, word, words):
            continue
        if word == "to":
            word = words.value()
        if matches(word, "help"):
            raise _help()
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
    )
    permanent = change.permanent or not change.reachable
    mac = _mac(change.addr)
    state = FdbState(permanent=permanent, noarp=change.noarp, reachable=change.reachable)
    link = _device(ctx, change.dev)
    with talk():
        if delete:
            ctx.door.fdb_del(link, mac, state, flags)
        else:
            ctx.door.fdb_add(link, mac, state, flags, exclusive=exclusive)
    return 0


# -- get ----------------------------------------------------------------------------------------------------------


def _get(ctx: Context, words: Words) -> int:
    dev = bridge = addr = None
    self_ = master = False
    while words:
        word = words.take()
        if word in {"brport", "dev"}:
            dev = words.value()
        elif word == "br":
            bridge = words.value()
        elif word == "vni" or matches(word, "vlan"):
            raise NotModelled(f"bridge fdb get {word}", "bridge")
        elif word == "self":
            self_ = True
        elif matches(word, "master"):
            master = True
        elif not matches(word, "dynamic"):
            if word == "to":
                word = words.value()
            if matches(word, "help"):
                raise _help()
            if addr is not None:
                raise garbage("to", word)
            addr = word
    if (dev is None and bridge is None) or addr is None:
        raise Fail(255, "Device or master and address are required arguments.\n")
    mac = _mac(addr)
    link = _device(ctx, dev) if dev is not None else None
    upper = _device(ctx, bridge, "bridge device") if bridge is not None else None
    with talk(254):
        where, entry = ctx.door.fdb_get(mac, link, upper, FdbFlags(self_=self_, master=master))
    shown = entry.port.link if entry.port is not None else where
    with ctx.out.document():
        _print(ctx, Row(shown, mac, entry, where), with_device=True)
    return 0


# -- flush --------------------------------------------------------------------------------------------------------

_MATCHES: Final = {
    "permanent": {"local": True},
    "nopermanent": {"local": False},
    "static": {"static": True, "local": False},
    "nostatic": {"static": False},
    "dynamic": {"static": False, "local": False},
    "nodynamic": {"static": True},
    "added_by_user": {"user": True},
    "noadded_by_user": {"user": False},
    "extern_learn": {"extern": True},
    "noextern_learn": {"extern": False},
    "sticky": {"sticky": True},
    "nosticky": {"sticky": False},
}


def _flush(ctx: Context, words: Words) -> int:
    dev = port = None
    self_ = master = False
    match = FdbMatch()
    while words:
        word = words.take()
        if word == "dev":
            dev = words.value()
        elif word == "master":
            master = True
        elif word == "self":
            self_ = True
        elif word in _MATCHES:
            for key, value in _MATCHES[word].items():
                setattr(match, key, value)
        elif word == "brport":
            text = words.value()
            if port is not None:
                raise garbage("brport", text)
            port = text
        elif word in {"vlan", "offloaded", "nooffloaded"}:
            raise NotModelled(f"bridge fdb flush {word}", "bridge")
        elif word == "help":
            words.value()
    if dev is None:
        raise Fail(255, "Device is a required argument.\n")
    link = _device(ctx, dev, "bridge device")
    lower = _device(ctx, port, "bridge port device") if port is not None else None
    with talk():
        ctx.door.fdb_flush(link, match, FdbFlags(self_=self_ or not master, master=master), lower)
    return 0
