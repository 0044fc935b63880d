"""One device as ``ip link`` and ``ip addr`` print it (print_linkinfo)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from podwire.linux.tunnel import IpipConfig
from podwire.tools.ip.details import print_details
from podwire.tools.ip.grammar import AF_PACKET
from podwire.tools.ip.output import IFNAME, MAC, PLAIN, STATE_DOWN, STATE_UP
from podwire.tools.ip.stats import print_stats
from podwire.wire.addr import AF_INET6

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.tools.ip.context import Context

_STATE_COLOURS = {"UP": STATE_UP, "DOWN": STATE_DOWN}


class LinkFilter(msgspec.Struct):
    """What of ``ip link show`` and ``ip addr show`` selects devices."""

    link: Link | None = None
    up: bool = False
    group: str | None = None
    master: Link | None = None
    kind: str = ""
    slave_kind: str = ""
    label: str | None = None
    show_queue: bool = True


def info_kind(link: Link) -> str:
    """IFLA_INFO_KIND: loopback and NICs have none."""
    return "" if link.kind in {"loopback", "ethernet"} else link.kind


def selects(wanted: LinkFilter, link: Link) -> bool:
    """Whether the filter lets a device through."""
    return not (
        (wanted.link is not None and wanted.link is not link)
        or (wanted.up and not link.is_up)
        or (wanted.group is not None and wanted.group != link.group)
        or (wanted.master is not None and wanted.master is not link.master)
        or (wanted.kind and wanted.kind != info_kind(link))
        or (wanted.slave_kind and (link.master is None or wanted.slave_kind != info_kind(link.master)))
    )


def told_state(link: Link) -> str:
    """The operational state in a message: linkwatch tells of a new carrier later than the device's own coming up."""
    if link.is_up and not link.carrier_seen:
        return link.lower_state
    return link.operstate


def flags(link: Link, state: str = "") -> list[str]:
    """The words between angle brackets; RUNNING follows the operational ``state`` where that is behind."""
    running = link.is_up and link.carrier
    oper_up = state in {"UP", "UNKNOWN"} if state else running
    words = {
        "NO-CARRIER": link.is_up and not oper_up,
        "LOOPBACK": link.is_loopback,
        "BROADCAST": not link.is_loopback and not link.headerless,
        "POINTOPOINT": link.pointopoint,
        "MULTICAST": link.multicast,
        "NOARP": not link.arp and not link.is_loopback,
        "ALLMULTI": link.allmulticast,
        "PROMISC": link.promisc_on,
        "UP": link.is_up,
        "LOWER_UP": running,
    }
    return [word for word, shown in words.items() if shown]


def _print_name(ctx: Context, link: Link, template: str) -> bool:
    """The name with what it hangs on (``v0@if2``, ``v0@v1``); True where that other end is down (M-DOWN)."""
    out, name, peer = ctx.out, link.name, link.peer
    down = False
    if link.headerless:
        name, down = _under(ctx, link)
    elif peer is not None and (peer.netns is not link.netns or peer.ifindex != link.ifindex):
        if peer.netns is not link.netns:
            out.only("link_index", peer.ifindex)
            name = f"{name}@if{peer.ifindex}"
        else:
            other = ctx.device_name(peer.ifindex)
            out.only("link", other)
            name = f"{name}@{other}"
            down = not peer.is_up
    elif link.link_netns is not None:
        # A tunnel that has moved: the index is its own.
        out.only("link_index", link.ifindex)
        name = f"{name}@if{link.ifindex}"
    out.put("ifname", link.name if out.in_json else name, template, IFNAME)
    return down


def _under(ctx: Context, link: Link) -> tuple[str, bool]:
    """IFLA_LINK of an IP-in-IP device: the one that it is bound to, which may be none."""
    lower = getattr(link.tunnel, "lower", 0)
    if not lower:
        ctx.out.only("link", None)
        return f"{link.name}@NONE", False
    if link.tunnel_netns is not link.netns:
        ctx.out.only("link_index", lower)
        return f"{link.name}@if{lower}", False
    other = ctx.netns.link_by_index(lower)
    name = ctx.device_name(lower)
    ctx.out.only("link", name)
    return f"{link.name}@{name}", other is not None and not other.is_up


def hardware_addresses(link: Link) -> tuple[str, str]:
    """Address and broadcast address, as ``ll_addr_n2a`` writes them: of an IP-in-IP device its ends."""
    config = link.tunnel
    if isinstance(config, IpipConfig):
        return str(config.local), str(config.remote)
    return str(link.mac), str(link.broadcast)


def _print_name6(ctx: Context, link: Link) -> bool:
    """The same from an AF_INET6 dump, which knows no other namespace: the other end's index is read in this one."""
    out, peer = ctx.out, link.peer
    name, down = link.name, False
    if link.headerless:
        name, down = _under(ctx, link)
    elif peer is not None and peer.ifindex != link.ifindex:
        other = ctx.netns.link_by_index(peer.ifindex)
        other_name = ctx.netns.link_name(peer.ifindex)
        out.only("link", other_name)
        name = f"{name}@{other_name}"
        down = other is not None and not other.is_up
    out.put("ifname", link.name if out.in_json else name, "{}: ", IFNAME)
    return down


def _print_flags(ctx: Context, link: Link, *, other_down: bool, state: str = "") -> None:
    out = ctx.out
    words = flags(link, state)
    with out.array("flags", "<", "> "):
        for index, word in enumerate(words):
            out.item(word, "{}" if index == len(words) - 1 else "{},")
        if other_down:
            out.item("M-DOWN", ",{}")


def _print_state(ctx: Context, link: Link, template: str, state: str = "") -> None:
    state = state or link.operstate
    ctx.out.put("operstate", state, template, _STATE_COLOURS.get(state, PLAIN))


def print_brief(ctx: Context, link: Link, *, do_link: bool) -> None:
    """``-br``: the line's first half for addresses, the whole line for devices."""
    out = ctx.out
    other_down = _print_name(ctx, link, "{:<16} ")
    _print_state(ctx, link, "{:<14} ")
    if do_link:
        out.put("address", hardware_addresses(link)[0], colour=MAC)
        _print_flags(ctx, link, other_down=other_down)
        out.text("\n")


def print_link(ctx: Context, link: Link, *, do_link: bool, hardware: bool, dump6: bool = False) -> None:
    """Everything up to the addresses. ``do_link`` is ``ip link``; ``dump6`` an AF_INET6 dump, which tells less."""
    out, options = ctx.out, ctx.options
    out.put("ifindex", link.ifindex, "{}: ")
    other_down = _print_name6(ctx, link) if dump6 else _print_name(ctx, link, "{}: ")
    _print_flags(ctx, link, other_down=other_down)
    out.put("mtu", link.mtu, "mtu {} ")
    if not dump6:
        out.put("qdisc", link.qdisc if link.was_up else "noop", "qdisc {} ")
        if link.master is not None:
            out.put("master", link.master.name, "master {} ")
    out.text("state ")
    _print_state(ctx, link, "{} ")
    if not dump6:
        if do_link:
            out.put("linkmode", "DEFAULT", "mode {} ")
        out.put("group", ctx.names.group(link.group), "group {} ")
    if link.txqueuelen:
        out.put("txqlen", link.txqueuelen, "qlen {}")
    if hardware or options.details:
        _print_hardware(ctx, link, broadcast=not dump6)
    if not dump6:
        _print_namespace(ctx, link)
        if options.details:
            print_details(ctx, link, do_link=do_link)
        if link.alias and (do_link or options.details):
            out.text(f"{out.newline}    ")
            out.put("ifalias", link.alias, "alias {}")
        if do_link and options.stats:
            out.nl()
            print_stats(ctx, link)
    out.text("\n")


def print_told(ctx: Context, link: Link, where: str, *, deleted: bool) -> None:
    """A message of the kernel about a device (``ip monitor``); ``where`` tells of other namespaces."""
    out, state = ctx.out, told_state(link)
    template = "{:<16} " if ctx.options.brief else "{}: "
    if not ctx.options.brief:
        out.put("ifindex", link.ifindex, "{}: ")
    down = False
    if link.kind == "veth" and link.peer is None:
        out.text(template.format(f"{link.name}@NONE"), IFNAME)
    else:
        down = _print_name(ctx, link, template)
    if ctx.options.brief:
        _print_state(ctx, link, "{:<14} ", state)
        return
    _print_flags(ctx, link, other_down=down, state=state)
    out.put("mtu", link.mtu, "mtu {} ")
    out.put("qdisc", link.qdisc if link.was_up and not deleted else "noop", "qdisc {} ")
    if link.master is not None:
        out.put("master", ctx.device_name(link.master.ifindex), "master {} ")
    out.text("state ")
    _print_state(ctx, link, "{} ", state)
    out.put("group", ctx.names.group(link.group), "group {} ")
    _print_hardware(ctx, link, broadcast=True)
    out.text(where)
    if ctx.options.details:
        print_details(ctx, link, do_link=False)
        if link.alias:
            out.text(f"{out.newline}    alias {link.alias}")
    out.text("\n")


def _print_hardware(ctx: Context, link: Link, *, broadcast: bool) -> None:
    out = ctx.out
    out.nl()
    address, other = hardware_addresses(link)
    out.put("link_type", ctx.names.hardware(link.kind), "    link/{} ")
    out.put("address", address, "{}", MAC)
    if broadcast:
        if link.pointopoint:
            out.only("link_pointtopoint", value=True)
        out.text(" peer " if link.pointopoint else " brd ")
        out.put("broadcast", other, "{}", MAC)


def _print_namespace(ctx: Context, link: Link) -> None:
    """Where the other end is: the name under /run/netns if there is one, else the id."""
    elsewhere = link.link_netns
    if elsewhere is None:
        return
    number = link.netns.nsid_of(elsewhere)
    ctx.out.only("link_netnsid", number)
    name = ctx.place.netns_name(elsewhere)
    ctx.out.text(f" link-netnsid {number}" if name is None else f" link-netns {name}")


def is_dump6(ctx: Context, *, do_link: bool, one: bool) -> bool:
    """A list of all devices asked for with ``-6`` comes from IPv6, not from the devices themselves."""
    return ctx.family == AF_INET6 and not do_link and not one


def packet_family(ctx: Context, *, do_link: bool) -> bool:
    """Only devices are shown: ``ip link``, or ``-0``."""
    return do_link or ctx.family == AF_PACKET
