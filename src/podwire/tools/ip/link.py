"""``ip link``: the verbs (do_iplink, iplink_modify)."""

from __future__ import annotations

from errno import EEXIST, EINVAL, ENOTCONN, EOPNOTSUPP, ERANGE, ESRCH
from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.rtnl.link import KINDS, Configure, Peer
from podwire.tools.ip.address import show_links
from podwire.tools.ip.addrfilter import parse_filter
from podwire.tools.ip.context import Context, netns_of_pid
from podwire.tools.ip.grammar import Fail, Words, integer, mac_of, matches, no_device, usage
from podwire.tools.ip.linkbridge import parse_bridge, parse_port
from podwire.tools.ip.linkparse import LinkRequest, parse_link
from podwire.tools.ip.linktunnel import TunnelRequest, is_tunnel, parse_tunnel, set_tunnel

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.linux.rtnl.bridge import BridgeOptions
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
    """``netns NAME|PID``: a name under /run/netns, or the namespace of a process."""
    if text is None:
        return None
    machine = ctx.place.machine
    if not ctx.place.container and text in machine.netns_names:
        return machine.netns_names[text]
    found = netns_of_pid(ctx.proc, integer(text) or 0)
    if found is None:
        raise NetlinkError(ESRCH)
    return found


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
    bridge = parse_bridge(words) if req.kind == "bridge" else None
    tunnel = parse_tunnel(ctx, req.kind, words, create=True)
    peer = _kind_options(ctx, req, words)
    _refuse_unmodelled(req, peer)
    with ctx.talk():
        _create(ctx, req, peer, bridge, tunnel)
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
        # A VXLAN device has another word for the device it leaves by: the kernel does not look at this one.
        if each is not None and each.link is not None and req.kind in KINDS - {"vxlan"}:
            raise NotModelled(f"ip link add link {each.link.name} type {req.kind}", "ip")
        if each is not None and each.unmodelled:
            raise NotModelled(f"ip link add {each.unmodelled}", "ip")


def _create(
    ctx: Context,
    req: LinkRequest,
    peer: LinkRequest | None,
    bridge: BridgeOptions | None,
    tunnel: TunnelRequest | None,
) -> None:
    _check_name(req.name)
    if peer is not None:
        _check_name(peer.name)
    mac = _checked_mac(req.mac, create=True)
    config = tunnel.config() if tunnel is not None else None
    ctx.door.link_validate(req.kind or "", mac, req.mtu if req.mtu is not None else 0, config)
    # The device is looked for before its kind.
    where = _target(ctx, req.netns) or ctx.netns
    existing = ctx.netns.link(req.name) if req.name is not None else None
    if existing is not None or (req.index and ctx.netns.link_by_index(req.index) is not None):
        raise NetlinkError(EEXIST)
    door = type(ctx.door)(where, ctx.door.writer)
    far = None
    if peer is None and req.kind == "veth":
        # Nothing is said of the other end: it is made of the same attributes, its flags, name and address aside.
        same = LinkRequest(txqueuelen=req.txqueuelen, group=req.group, broadcast=req.broadcast)
        far = Peer(mtu=req.mtu or 0, configure=_configure(ctx, same))
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
            configure=_configure(ctx, peer),
        )
    link = door.link_add(
        req.name or "",
        req.kind or "",
        mac=mac,
        mtu=req.mtu if req.mtu is not None else 0,
        ifindex=req.index,
        txqueuelen=req.txqueuelen,
        peer=far,
        configure=_configure(ctx, req),
        bridge=bridge,
        tunnel=config,
        tunnel_netns=ctx.netns,
    )
    if req.master is not None:
        try:
            door.link_set_master(link, _there(where, req.master))
        except NetlinkError:
            door.link_del(link)
            raise


def _there(netns: Netns, master: Link) -> Link:
    """A master is named by its index, which is read where the device is."""
    found = netns.link_by_index(master.ifindex)
    if found is None:
        raise NetlinkError(EINVAL)
    return found


def _configure(ctx: Context, req: LinkRequest) -> Configure:
    """``rtnl_create_link``: attributes that a new device takes as if they were set on it."""

    def configure(link: Link) -> bool:
        door = type(ctx.door)(link.netns, ctx.door.writer)
        if req.txqueuelen is not None:
            door.link_set_txqueuelen(link, req.txqueuelen)
        # An alias is not among what a device is created with: the kernel reads over it.
        if req.group is not None:
            door.link_set_group(link, req.group)
        if req.broadcast is not None:
            door.link_set_broadcast(link, mac_of(req.broadcast))
        door.link_set_flags(
            link, arp=req.arp, multicast=req.multicast, promisc=req.promisc, allmulticast=req.allmulticast
        )
        return bool(req.up)

    return configure


# -- set ----------------------------------------------------------------------------------------------------------


def _set(ctx: Context, words: Words) -> int:
    req = parse_link(ctx, words, create=False)
    bridge = parse_bridge(words) if req.kind == "bridge" and words else None
    port = parse_port(words) if req.kind == "bridge_slave" and words else None
    tunnel = parse_tunnel(ctx, req.kind, words, create=False)
    if req.kind not in {None, "bridge", "bridge_slave"} and not is_tunnel(req.kind):
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
        if bridge is not None:
            ctx.door.bridge_set(link, bridge)
        if port is not None:
            if link.port is None:
                raise NetlinkError(EOPNOTSUPP)
            ctx.door.bridge_port_set(link, port)
        if is_tunnel(req.kind):
            set_tunnel(ctx, link, req.kind or "", tunnel, mtu=req.mtu is not None)
        _change(ctx, link, req)
        if bridge is not None or port is not None or tunnel is not None:
            ctx.door.link_state_changed(link)
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
    door.link_set_flags(
        link,
        up=req.up,
        arp=req.arp,
        multicast=req.multicast,
        promisc=req.promisc,
        allmulticast=req.allmulticast,
    )
    if req.master is not None:
        door.link_set_master(link, _there(link.netns, req.master))
    elif req.nomaster:
        door.link_set_master(link, None)
    if req.txqueuelen is not None:
        door.link_set_txqueuelen(link, req.txqueuelen)
    if req.group is not None or req.alias is not None:
        door.link_state_changed(link)


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
