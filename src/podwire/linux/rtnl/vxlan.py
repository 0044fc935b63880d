"""What the kernel checks and sets up of a VXLAN device (drivers/net/vxlan/vxlan_core.c)."""

from __future__ import annotations

from contextlib import suppress
from errno import EADDRINUSE, EADDRNOTAVAIL, EEXIST, EINVAL, ENODEV, ERANGE
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.path.igmp import ip_mc_join_group, ip_mc_leave_group
from podwire.linux.path.vxlan import VXLAN_HEADROOM, vxlan_rcv, vxlan_xmit
from podwire.linux.path.vxlanfdb import vxlan_cleanup
from podwire.linux.sockets import UdpEncap
from podwire.linux.tunnel import VxlanConfig
from podwire.linux.vxlanfdb import Remote, VxlanFdb, VxlanFdbEntry
from podwire.wire.addr import AF_INET, NO_MAC, Ip4, Mac
from podwire.wire.headers import VXLAN_PORT_LINUX

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns

_VNI_MAX: Final = 0xFFFFFF
_AGE_DEFAULT: Final = 300
_MIN_MTU: Final = 68
_MAX_MTU: Final = 65535


def vxlan_validate(config: VxlanConfig | None, mac: Mac | None, mtu: int) -> None:
    """``vxlan_validate``. Raises ``NetlinkError``: EADDRNOTAVAIL, EINVAL, ERANGE."""
    if mac is not None and (mac.is_multicast or not mac):
        raise NetlinkError(EADDRNOTAVAIL, "Provided Ethernet address is not unicast")
    if mtu and not _MIN_MTU <= mtu <= _MAX_MTU:
        raise NetlinkError(EINVAL, "MTU must be between 68 and 65535")
    if config is None:
        raise NetlinkError(EINVAL, "Required attributes not provided to perform the operation")
    if config.vni > _VNI_MAX:
        raise NetlinkError(ERANGE, "VXLAN ID must be lower than 16777216")
    if config.ports[1] < config.ports[0]:
        raise NetlinkError(EINVAL, "Invalid source port range")


def vxlan_config_validate(netns: Netns, config: VxlanConfig, old: Link | None) -> VxlanConfig:
    """``vxlan_config_validate``: the configuration with the kernel's defaults in it.

    Raises ``NetlinkError``: EINVAL, ENODEV, EEXIST; ``NotModelled`` for an underlay of IPv6.
    """
    if config.remote.family != AF_INET or config.local.family != AF_INET:
        raise NotModelled("an underlay of IPv6", "vxlan")
    if Ip4(config.local).is_multicast:
        raise NetlinkError(EINVAL, "Local address cannot be multicast")
    if config.lower:
        if netns.link_by_index(config.lower) is None:
            raise NetlinkError(ENODEV, "Invalid local interface, device not found")
    elif Ip4(config.remote).is_multicast:
        raise NetlinkError(EINVAL, "Local interface required for multicast remote destination")
    config = msgspec.structs.replace(
        config, dstport=config.dstport or VXLAN_PORT_LINUX, ageing=config.ageing or _AGE_DEFAULT
    )
    for other in vxlans_of(netns):
        theirs = other.tunnel
        if (
            other is not old
            and isinstance(theirs, VxlanConfig)
            and (theirs.vni, theirs.dstport, theirs.external) == (config.vni, config.dstport, config.external)
        ):
            raise NetlinkError(EEXIST, "A VXLAN device with the specified VNI already exists")
    return config


def vxlans_of(netns: Netns) -> list[Link]:
    """``vxlan_net.vxlan_list``: the VXLAN devices whose outer packets live in ``netns``, wherever they themselves are."""
    return [
        link
        for other in netns.machine.netns.values()
        for link in other.links()
        if link.vxlan is not None and link.tunnel_netns is netns
    ]


def vxlan_setup(link: Link, mtu: int) -> None:
    """``vxlan_config_apply`` and the default entry of ``__vxlan_dev_create``."""
    config = link.tunnel
    netns = link.tunnel_netns
    assert isinstance(config, VxlanConfig)  # noqa: S101 - the caller put it there
    assert netns is not None  # noqa: S101 - and that
    link.xmit = vxlan_xmit
    fdb = link.vxlan = VxlanFdb()
    lower = netns.link_by_index(config.lower)
    if lower is not None:
        link.tso_max_size = lower.tso_max_size
        most = max(lower.mtu - VXLAN_HEADROOM, _MIN_MTU)
        link.mtu = min(mtu or most, most)
    if config.remote:
        remote = Remote(config.remote, config.dstport, config.vni, config.lower)
        fdb.add(_default_entry(link, remote, config.vni), config.vni)


def _default_entry(link: Link, remote: Remote, vni: int) -> VxlanFdbEntry:
    entry = VxlanFdbEntry(NO_MAC, vni, [remote], link.netns.machine.jiffies, link.owner)
    entry.permanent = entry.reachable = True
    return entry


def vxlan_changelink(link: Link, config: VxlanConfig) -> None:
    """``vxlan_changelink``: the default entry and the group follow the remote, the MTU a new lower device.

    Raises ``NetlinkError`` where the old group cannot be left (EADDRNOTAVAIL) or the new one not joined (ENOBUFS); the rest has changed
    by then.
    """
    old, fdb, netns = link.tunnel, link.vxlan, link.tunnel_netns
    assert isinstance(old, VxlanConfig)  # noqa: S101 - the caller asked for its kind
    assert fdb is not None  # noqa: S101 - so it has one
    assert netns is not None  # noqa: S101 - and that
    regroup = link.is_up and (config.remote, config.lower) != (old.remote, old.lower)
    refused: NetlinkError | None = None
    if regroup:
        try:
            _multicast_leave(link, netns, old)
        except NetlinkError as error:
            # It was not joined: there were too many.
            refused = error
    if config.remote != old.remote:
        entry = fdb.find(NO_MAC, old.vni)
        if config.remote:
            remote = Remote(config.remote, old.dstport, config.vni, config.lower)
            if entry is None:
                entry = _default_entry(link, remote, config.vni)
                fdb.add(entry, config.vni)
            else:
                entry.permanent = entry.reachable = True
                entry.noarp = entry.user = False
                if remote not in entry.remotes:
                    entry.remotes.append(remote)
        gone = Remote(old.remote, old.dstport, old.vni, old.lower)
        if old.remote and entry is not None and gone in entry.remotes:
            if len(entry.remotes) > 1:
                entry.remotes.remove(gone)
            else:
                fdb.remove(entry)
    lower = netns.link_by_index(config.lower) if config.lower != old.lower else None
    if lower is not None:
        link.tso_max_size = lower.tso_max_size
        link.mtu = min(link.mtu, max(lower.mtu - VXLAN_HEADROOM, _MIN_MTU))
    if config.ageing != old.ageing and link.is_up:
        if fdb.age_timer is not None:
            fdb.age_timer.cancel()
        vxlan_cleanup(link)
    if regroup:
        link.tunnel = config
        if refused is not None:
            raise refused
        _multicast_join(netns, config)


def vxlan_open(link: Link) -> None:
    """``vxlan_open``: listen on the port in the namespace of creation, and join the group on the lower device.

    Raises ``NetlinkError``: EADDRINUSE; ENOBUFS for more than net.ipv4.igmp_max_memberships groups of one port.
    """
    config, netns = link.tunnel, link.tunnel_netns
    assert isinstance(config, VxlanConfig)  # noqa: S101 - the caller asked for its kind
    assert netns is not None  # noqa: S101 - it was set up
    sockets = netns.sockets
    key = (config.external,)
    encap = sockets.encap.get(config.dstport)
    if encap is None:
        if sockets.udp_taken(config.dstport):
            raise NetlinkError(EADDRINUSE)
        encap = sockets.encap[config.dstport] = UdpEncap("vxlan", key, vxlan_rcv)
    elif (encap.kind, encap.key) != ("vxlan", key):
        raise NetlinkError(EADDRINUSE)
    encap.devices[config.vni] = link
    try:
        _multicast_join(netns, config)
    except NetlinkError:
        _sock_release(netns, config)
        raise
    assert link.vxlan is not None  # noqa: S101 - it is a VXLAN device
    link.vxlan.age_base = link.netns.machine.jiffies


def _multicast_join(netns: Netns, config: VxlanConfig) -> None:
    """``vxlan_multicast_join``: devices that share the socket share its membership. Raises ``NetlinkError`` ENOBUFS."""
    if Ip4(config.remote).is_multicast:
        ip_mc_join_group(netns, netns.sockets.encap[config.dstport], config.remote, config.lower)


def _multicast_leave(link: Link, netns: Netns, config: VxlanConfig) -> None:
    """``vxlan_multicast_leave``. Raises ``NetlinkError`` EADDRNOTAVAIL."""
    if Ip4(config.remote).is_multicast and not _group_used(link, netns, config):
        ip_mc_leave_group(netns, netns.sockets.encap[config.dstport], config.remote, config.lower)


def _group_used(link: Link, netns: Netns, config: VxlanConfig) -> bool:
    """``vxlan_group_used``: another device that is up listens to the same group, with the same socket and lower device."""
    return any(
        isinstance(other.tunnel, VxlanConfig)
        and (other.tunnel.remote, other.tunnel.lower) == (config.remote, config.lower)
        for other in netns.sockets.encap[config.dstport].devices.values()
        if other is not link
    )


def _sock_release(netns: Netns, config: VxlanConfig) -> None:
    """``vxlan_sock_release``: the last device closes the socket."""
    encap = netns.sockets.encap[config.dstport]
    del encap.devices[config.vni]
    if not encap.devices:
        del netns.sockets.encap[config.dstport]


def vxlan_stop(link: Link) -> None:
    """``vxlan_stop``: the group is left, what was learnt goes, the default entry stays; the last one closes the socket."""
    config, netns, fdb = link.tunnel, link.tunnel_netns, link.vxlan
    assert isinstance(config, VxlanConfig)  # noqa: S101 - the caller asked for its kind
    assert netns is not None  # noqa: S101 - it was set up
    assert fdb is not None  # noqa: S101 - and that
    with suppress(NetlinkError):
        _multicast_leave(link, netns, config)
    if fdb.age_timer is not None:
        fdb.age_timer.cancel()
        fdb.age_timer = None
    for entry in fdb:
        if not (entry.permanent or entry.noarp):
            fdb.remove(entry)
    _sock_release(netns, config)


def vxlan_uninit(link: Link) -> None:
    """``vxlan_dellink``: nothing of the table is left."""
    if link.vxlan is not None:
        for entry in link.vxlan:
            link.vxlan.remove(entry)


def vxlan_max_mtu(link: Link) -> int:
    """``vxlan_change_mtu``: what the lower device takes today, 0 for no limit."""
    assert link.tunnel_netns is not None  # noqa: S101 - it was set up
    lower = link.tunnel_netns.link_by_index(getattr(link.tunnel, "lower", 0))
    return lower.mtu - VXLAN_HEADROOM if lower is not None else 0
