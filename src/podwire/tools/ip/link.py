"""``ip link``: the verbs (do_iplink, iplink_modify)."""

from __future__ import annotations

from errno import EEXIST, EINVAL, ENOTCONN, EOPNOTSUPP, ERANGE, ESRCH
from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.rtnl.link import KINDS, Peer
from podwire.tools.ip.address import show_links
from podwire.tools.ip.addrfilter import parse_filter
from podwire.tools.ip.context import Context
from podwire.tools.ip.grammar import Fail, Words, mac_of, matches, no_device, usage
from podwire.tools.ip.linkparse import LinkRequest, parse_link

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netlink import Netlink
    from podwire.linux.netns import Netns
    from podwire.wire.addr import Mac

_IFNAMSIZ: Final = 16
# Kinds that iproute2 6.1.0 knows the options of; those of another are garbage to it.
_KNOWN_KINDS: Final = frozenset(
    """amt bareudp bond bond_slave bridge bridge_slave dsa dummy erspan geneve gre gretap gtp ifb ip6erspan ip6gre
    ip6gretap ip6tnl ipip ipoib ipvlan ipvtap macsec macvlan macvtap netdevsim nlmon rmnet sit team team_slave vcan veth
    vlan vrf vti vti6 vxcan vxlan wwan xfrm virt_wifi batadv hsr can vti6 xstats""".split()
)
_VETH_USAGE: Final = "Usage: ip link <options> type veth [peer <options>]\nTo get <options> type 'ip link add help'\n"


def do_link(ctx: Context, words: Words) -> int:
    """``ip link`` and its verbs."""
    if not words:
        return _show(ctx, words)
    verb = words.take()
    if matches(verb, "add"):
        return _add(ctx, words)
    if matches(verb, "set", "change"):
        return _set(ctx, words)
    if matches(verb, "replace"):
        raise NotModelled("ip link replace", "ip")
    if matches(verb, "delete"):
        return _delete(ctx, words)
    if matches(verb, "show", "lst", "list"):
        return _show(ctx, words)
    if matches(verb, "xstats", "afstats", "property"):
        raise NotModelled(f"ip link {verb}", "ip")
    if matches(verb, "help"):
        raise usage("ip link")
    raise Fail(255, f'Command "{verb}" is unknown, try "ip link help".\n')


def _show(ctx: Context, words: Words) -> int:
    wanted = parse_filter(ctx, words, do_link=True)
    return show_links(ctx, wanted, do_link=True)


def _target(ctx: Context, text: str | None) -> Netns | None:
    """``netns NAME|PID``: a name under /run/netns, or process 1, whose namespace is the machine's own."""
    if text is None:
        return None
    machine = ctx.place.machine
    if not ctx.place.container and text in machine.netns_names:
        return machine.netns_names[text]
    if text == "1":
        return ctx.proc.place.netns if ctx.proc.place.container else machine.root.netns
    raise NetlinkError(ESRCH)


def _checked_mac(values: list[int] | None, *, create: bool) -> Mac | None:
    if values is None:
        return None
    if create and len(values) != 6:
        raise NetlinkError(EINVAL)
    return mac_of(values)


def _check_name(name: str | None) -> None:
    if name is not None and len(name.encode()) >= _IFNAMSIZ:
        raise NetlinkError(ERANGE, "Attribute failed policy validation")


# -- add ----------------------------------------------------------------------------------------------------------


def _add(ctx: Context, words: Words) -> int:
    req = parse_link(ctx, words, create=True)
    if req.kind is None:
        raise Fail(1, 'Not enough information: "type" argument is required\n')
    peer = _kind_options(ctx, req, words)
    _refuse_unmodelled(req, peer)
    with ctx.talk():
        _create(ctx, req, peer)
    return 0


def _kind_options(ctx: Context, req: LinkRequest, words: Words) -> LinkRequest | None:
    """What stands after ``type KIND``."""
    if not words:
        return None
    kind = req.kind or ""
    if kind == "veth":
        if words.take() != "peer":
            raise Fail(1, _VETH_USAGE)
        peer = parse_link(ctx, words, create=True)
        if peer.kind is not None:
            raise Fail(255, f'Error: duplicate "type": "{peer.kind}" is the second value.\n')
        return peer
    word = words.rest()[0]
    if kind in _KNOWN_KINDS:
        raise NotModelled(f"ip link type {kind} {word}", "ip")
    if matches(word, "help"):
        raise usage("ip link")
    raise Fail(1, f'Garbage instead of arguments "{word} ...". Try "ip link help".\n')


def _refuse_unmodelled(req: LinkRequest, peer: LinkRequest | None) -> None:
    for each in (req, peer):
        if each is not None and each.link is not None and req.kind in KINDS:
            raise NotModelled(f"ip link add link {each.link.name} type {req.kind}", "ip")
        if each is not None and each.unmodelled:
            raise NotModelled(f"ip link add {each.unmodelled}", "ip")


def _create(ctx: Context, req: LinkRequest, peer: LinkRequest | None) -> None:
    _check_name(req.name)
    if peer is not None:
        _check_name(peer.name)
    mac = _checked_mac(req.mac, create=True)
    ctx.door.link_validate(req.kind or "", mac, req.mtu if req.mtu is not None else 0)
    # The device is looked for before its kind.
    where = _target(ctx, req.netns) or ctx.netns
    existing = ctx.netns.link(req.name) if req.name is not None else None
    if existing is not None or (req.index and ctx.netns.link_by_index(req.index) is not None):
        raise NetlinkError(EEXIST)
    door = type(ctx.door)(where, ctx.door.writer)
    far = None
    if peer is not None:
        # A peer without a namespace of its own is made where the command runs.
        far_netns = _target(ctx, peer.netns) or ctx.netns
        if peer.up:
            raise NetlinkError(ENOTCONN)  # its other end is not there yet
        far = Peer(
            name=peer.name or "",
            netns=far_netns,
            mac=_checked_mac(peer.mac, create=True),
            mtu=peer.mtu or 0,
            ifindex=peer.index,
        )
    link = door.link_add(
        req.name or "",
        req.kind or "",
        mac=mac,
        mtu=req.mtu if req.mtu is not None else 0,
        ifindex=req.index,
        txqueuelen=req.txqueuelen,
        peer=far,
    )
    _after_create(door, link, req)
    if peer is not None and link.peer is not None:
        if peer.txqueuelen is not None:
            link.peer.txqueuelen = peer.txqueuelen
        _after_create(type(door)(link.peer.netns, door.writer), link.peer, peer)


def _after_create(door: Netlink, link: Link, req: LinkRequest) -> None:
    """``rtnl_configure_link``: attributes that a new device takes as if they were set on it."""
    if req.alias is not None:
        door.link_set_alias(link, req.alias)
    if req.group is not None:
        door.link_set_group(link, req.group)
    if req.broadcast is not None:
        door.link_set_broadcast(link, mac_of(req.broadcast))
    _flags(door, link, req)


# -- set ----------------------------------------------------------------------------------------------------------


def _set(ctx: Context, words: Words) -> int:
    req = parse_link(ctx, words, create=False)
    if req.kind is not None:
        raise NotModelled(f"ip link set type {req.kind}", "ip")
    if req.unmodelled:
        raise NotModelled(f"ip link set {req.unmodelled}", "ip")
    if req.dev is None:
        raise NotModelled("ip link set group", "ip")
    link = ctx.device(req.dev)
    if link is None:
        raise no_device(req.dev)
    with ctx.talk():
        _check_name(req.name)
        _change(ctx, link, req)
    return 0


def _change(ctx: Context, link: Link, req: LinkRequest) -> None:
    """``do_setlink``, in its order; what comes before a refusal stays done, as in the kernel."""
    door = ctx.door
    name = req.name
    if req.netns is not None:
        target = _target(ctx, req.netns)
        assert target is not None  # noqa: S101 - a name was given
        door.link_move(link, target, name or "", ifindex=req.index)
        door = type(door)(target, door.writer)
        name = None
    mac = _checked_mac(req.mac, create=False)
    if mac is not None:
        door.link_set_mac(link, mac)
    if req.mtu is not None:
        door.link_set_mtu(link, req.mtu)
    if req.group is not None:
        door.link_set_group(link, req.group)
    if name is not None:
        door.link_rename(link, name)
    if req.alias is not None:
        door.link_set_alias(link, req.alias)
    if req.broadcast is not None:
        door.link_set_broadcast(link, mac_of(req.broadcast))
    _flags(door, link, req)
    if req.master is not None:
        if req.master.kind != "bridge":
            raise NetlinkError(EOPNOTSUPP)
        raise NotModelled("ip link set master", "ip")
    if req.nomaster and link.master is not None:
        raise NotModelled("ip link set nomaster", "ip")
    if req.txqueuelen is not None:
        door.link_set_txqueuelen(link, req.txqueuelen)


def _flags(door: Netlink, link: Link, req: LinkRequest) -> None:
    """``dev_change_flags``: NOARP, MULTICAST first, then up or down, then promiscuity."""
    if req.arp is not None:
        door.link_set_arp(link, on=req.arp)
    if req.multicast is not None:
        door.link_set_multicast(link, on=req.multicast)
    if req.up is True:
        door.link_up(link)
    elif req.up is False:
        door.link_down(link)
    if req.promisc is not None:
        door.link_set_promisc(link, on=req.promisc)
    if req.allmulticast is not None:
        door.link_set_allmulticast(link, on=req.allmulticast)


# -- delete -------------------------------------------------------------------------------------------------------


def _delete(ctx: Context, words: Words) -> int:
    req = parse_link(ctx, words, create=False)
    if req.kind is not None and words:
        raise NotModelled(f"ip link delete type {req.kind}", "ip")
    if req.dev is None:
        raise NotModelled("ip link delete group", "ip")
    link = ctx.device(req.dev)
    if link is None:
        raise no_device(req.dev)
    with ctx.talk():
        ctx.door.link_del(link)
    return 0
