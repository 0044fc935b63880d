"""``bridge fdb``: entries of bridges, and addresses that devices listen to (bridge/fdb.c)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import NotModelled
from podwire.linux.fdb import FdbEntry
from podwire.linux.rtnl.fdb import FdbFlags, FdbMatch
from podwire.linux.tunnel import VxlanConfig
from podwire.linux.vxlanfdb import Remote, VxlanFdbEntry
from podwire.tools.bridge.fdbchange import device_of, help_text, mac_of, modify, vni_of
from podwire.tools.bridge.link import talk
from podwire.tools.ip.context import Context, colour_of
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
_ALL_NODES: Final = Mac(0x333300000001)
_ALL_SNOOPERS: Final = Mac(0x01005E00006A)
_ALL_SNOOPERS6: Final = Mac(0x33330000006A)
_LINK_LOCAL: Final = 0x0180C2000000
_SOLICITED: Final = 0x3333FF000000


def do_fdb(ctx: Context, words: Words) -> int:
    """``bridge fdb`` and its verbs."""
    verb = words.take() if words else "show"
    if matches(verb, "add"):
        return modify(ctx, words, "add")
    if matches(verb, "append"):
        return modify(ctx, words, "append")
    if matches(verb, "replace"):
        return modify(ctx, words, "replace")
    if matches(verb, "delete"):
        return modify(ctx, words, None)
    if matches(verb, "get"):
        return _get(ctx, words)
    if matches(verb, "show", "lst", "list"):
        return _show(ctx, words)
    if verb == "flush":
        return _flush(ctx, words)
    if matches(verb, "help"):
        raise help_text()
    raise Fail(255, f'Command "{verb}" is unknown, try "bridge fdb help".\n')


# -- show ---------------------------------------------------------------------------------------------------------


class Row(msgspec.Struct, frozen=True):
    """One message about an entry: ``self`` of a device, of a ``bridge``, or of a VXLAN device with one of its remotes."""

    link: Link
    mac: Mac
    entry: FdbEntry | None = None
    bridge: Link | None = None
    vxlan: VxlanFdbEntry | None = None
    remote: Remote | None = None

    @property
    def state(self) -> int:
        """``fdb_to_nud``."""
        if self.vxlan is not None:
            return self.vxlan.permanent * _PERMANENT | self.vxlan.noarp * _NOARP | self.vxlan.reachable * _REACHABLE
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
            raise help_text()
    if bridge is not None:
        wanted.bridge = device_of(ctx, bridge, "bridge device")
    if name is not None:
        wanted.link = device_of(ctx, name)
    with ctx.out.document():
        for row in rows(ctx, wanted.link, wanted.bridge):
            if (
                not (wanted.states and not row.state & wanted.states)
                and not wanted.vlan
                and not (wanted.dynamic and row.state & _PERMANENT)
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
        if link.vxlan is not None:
            yield from (
                Row(link, entry.mac, vxlan=entry, remote=remote) for entry in link.vxlan for remote in entry.remotes
            )
        elif not link.is_loopback:
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
    """The groups that IP joins on a device: all nodes at birth, those of IPv4, those of IPv6 addresses."""
    yield _ALL_NODES
    if link.is_up and link.bridge is not None and link.bridge.mcast_snooping:
        yield _ALL_SNOOPERS
        yield _ALL_SNOOPERS6
    yield from link.mc.macs()
    for own in link.addresses6:
        yield Mac(_SOLICITED | int(own.local) & 0xFFFFFF)


def _print(ctx: Context, row: Row, *, with_device: bool) -> None:
    """``print_fdb``."""
    out, entry = ctx.out, row.vxlan or row.entry
    with out.object():
        out.put("mac", str(row.mac), "{} ", MAC_COLOUR)
        if with_device:
            out.text("dev ")
            out.put("ifname", ctx.device_name(row.link.ifindex), "{} ", IFNAME)
        if row.vxlan is not None and row.remote is not None:
            _print_remote(ctx, row.link, row.vxlan, row.remote)
        if ctx.options.stats and entry is not None:
            machine = ctx.netns.machine
            used, updated = ((machine.jiffies - since) // machine.hz for since in (entry.used, entry.updated))
            out.only("used", used)
            out.only("updated", updated)
            out.text(f"used {used}/{updated} ")
        with out.array("flags"):
            for word, on in (
                ("self", row.entry is None and (row.vxlan is None or row.vxlan.self_)),
                ("router", row.vxlan is not None and row.vxlan.router),
                ("extern_learn", entry is not None and entry.extern),
                ("master", row.vxlan is not None and row.vxlan.master),
                ("sticky", entry is not None and entry.sticky),
            ):
                if on:
                    out.item(word)
        if row.bridge is not None:
            out.put("master", ctx.device_name(row.bridge.ifindex), "master {} ")
        out.put("state", state_text(row.state), "{}\n")


def state_text(state: int) -> str:
    """``state_n2a``: the first bit that has a name."""
    return next((text for bit, text in _STATES.items() if state & bit), f"state={state:#x}")


def _print_remote(ctx: Context, link: Link, entry: VxlanFdbEntry, remote: Remote) -> None:
    """What ``vxlan_fdb_info`` tells of a remote: port and VNI where they are not the device's."""
    out, config = ctx.out, link.tunnel
    assert isinstance(config, VxlanConfig)  # noqa: S101 - it is a VXLAN device
    out.text("dst ")
    out.put("dst", str(remote.ip), "{} ", colour_of(remote.ip))
    if remote.port and remote.port != config.dstport:
        out.put("port", remote.port, "port {} ")
    if remote.vni != config.vni:
        out.put("vni", remote.vni, "vni {} ")
    if config.external and entry.vni:
        out.put("src_vni", entry.vni, "src_vni {} ")
    elsewhere = link.tunnel_netns if link.tunnel_netns is not link.netns else None
    if remote.ifindex:
        if elsewhere is not None:
            out.put("viaIfIndex", remote.ifindex, "via ifindex {} ")
        else:
            out.put("viaIf", ctx.device_name(remote.ifindex), "via {} ")
    if elsewhere is not None:
        out.put("linkNetNsId", link.netns.nsid_of(elsewhere), "link-netnsid {} ")


# -- get ----------------------------------------------------------------------------------------------------------


def _get(ctx: Context, words: Words) -> int:
    dev = bridge = addr = None
    vni: int | None = None
    self_ = master = False
    while words:
        word = words.take()
        if word in {"brport", "dev"}:
            dev = words.value()
        elif word == "br":
            bridge = words.value()
        elif word == "vni":
            text = words.value()
            if vni is not None:
                raise twice("vni", text)
            vni = vni_of(text, "invalid VNI\n")
        elif matches(word, "vlan"):
            raise NotModelled(f"bridge fdb get {word}", "bridge")
        elif word == "self":
            self_ = True
        elif matches(word, "master"):
            master = True
        elif not matches(word, "dynamic"):
            if word == "to":
                word = words.value()
            if matches(word, "help"):
                raise help_text()
            if addr is not None:
                raise garbage("to", word)
            addr = word
    if (dev is None and bridge is None) or addr is None:
        raise Fail(255, "Device or master and address are required arguments.\n")
    mac = mac_of(addr)
    link = device_of(ctx, dev) if dev is not None else None
    upper = device_of(ctx, bridge, "bridge device") if bridge is not None else None
    with talk(254):
        where, entry = ctx.door.fdb_get(mac, link, upper, FdbFlags(self_=self_, master=master), vni=vni)
    if isinstance(entry, VxlanFdbEntry):
        row = Row(where, mac, vxlan=entry, remote=entry.remotes[0])
    else:
        row = Row(entry.port.link if entry.port is not None else where, mac, entry, where)
    with ctx.out.document():
        _print(ctx, row, with_device=True)
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
    link = device_of(ctx, dev, "bridge device")
    lower = device_of(ctx, port, "bridge port device") if port is not None else None
    with talk():
        ctx.door.fdb_flush(link, match, FdbFlags(self_=self_ or not master, master=master), lower)
    return 0
