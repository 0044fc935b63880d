"""What the kernel checks and sets up of an IP-in-IP device (net/ipv4/ipip.c, ip_tunnel.c)."""

from __future__ import annotations

from errno import EEXIST, EINVAL
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.path.iptunnel import IPIP_HLEN, ipip_tunnel_xmit
from podwire.linux.path.route import ip_route_output
from podwire.linux.tunnel import IpipConfig
from podwire.wire.addr import AF_INET, NO_MAC, Ip4
from podwire.wire.headers import IPPROTO_IPIP

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns

MIN_MTU: Final = 68
MAX_MTU: Final = 65535 - IPIP_HLEN
_ETH_DATA_LEN: Final = 1500


def ip_tunnel_find(netns: Netns, config: IpipConfig) -> Link | None:
    """``ip_tunnel_find``: the device with these ends, bound to this device."""
    wanted = (config.remote, config.local, config.lower)
    for link in netns.ipip.tunnels:
        theirs = link.tunnel
        if isinstance(theirs, IpipConfig) and (theirs.remote, theirs.local, theirs.lower) == wanted:
            return link
    return None


def ipip_check(netns: Netns, config: IpipConfig, old: Link | None) -> IpipConfig:
    """``ip_tunnel_newlink`` and ``ipip_changelink``: a device of its own for each pair of ends; a TTL of one's own wants DF.

    Raises ``NetlinkError``: EEXIST; EINVAL for a change of ``tunl0``, or one that gives a remote to a device without, or takes it;
    ``NotModelled`` for a group as remote.
    """
    if config.remote.family != AF_INET or config.local.family != AF_INET:
        raise ValueError(f"an ipip device has IPv4 ends, not {config.remote} and {config.local}")
    if config.proto not in {0, IPPROTO_IPIP}:
        raise NotModelled(f"protocol {config.proto} inside IPv4", "ipip")
    if Ip4(config.remote).is_multicast:
        raise NotModelled("a group as remote", "ipip")
    if config.ttl:
        config = msgspec.structs.replace(config, pmtudisc=True)
    found = ip_tunnel_find(netns, config)
    if old is None:
        if config.external:
            if any(isinstance(link.tunnel, IpipConfig) and link.tunnel.external for link in netns.ipip.tunnels):
                raise NetlinkError(EEXIST)
        elif found is not None:
            raise NetlinkError(EEXIST)
        return config
    # ip_tunnel_update: what may be inside was settled when it was made.
    assert isinstance(old.tunnel, IpipConfig)  # noqa: S101 - the caller asked for its kind
    config = msgspec.structs.replace(config, proto=old.tunnel.proto)
    if config.external or old is netns.ipip.fallback or old.pointopoint is not bool(config.remote):
        raise NetlinkError(EINVAL)
    if found is not None and found is not old:
        raise NetlinkError(EEXIST)
    return config


def ip_tunnel_bind_dev(netns: Netns, config: IpipConfig) -> int:
    """``ip_tunnel_bind_dev``: the MTU that leaves room for the header on the way to the remote, as far as that is known."""
    lower: Link | None = None
    if config.remote:
        oif = netns.link_by_index(config.lower) if config.lower else None
        dst = ip_route_output(netns, config.remote, config.local, oif=oif, mark=config.fwmark, tos=config.tos & 0x1C)
        lower = dst.link if dst.kind != "error" else None
    if lower is None and config.lower:
        lower = netns.link_by_index(config.lower)
    mtu = min(lower.mtu, 65535) if lower is not None else _ETH_DATA_LEN
    return max(mtu - IPIP_HLEN, MIN_MTU)


def ipip_setup(link: Link, mtu: int) -> None:
    """``ipip_tunnel_setup`` and the end of ``ip_tunnel_newlink``: no MAC addresses, no limits of the MTU but the driver's own."""
    config, netns = link.tunnel, link.tunnel_netns
    assert isinstance(config, IpipConfig)  # noqa: S101 - the caller put it there
    assert netns is not None  # noqa: S101 - and that
    link.mac = link.broadcast = NO_MAC
    link.xmit = ipip_tunnel_xmit
    link.mtu = min(max(mtu, MIN_MTU), MAX_MTU) if mtu else ip_tunnel_bind_dev(netns, config)
    netns.ipip.tunnels.insert(0, link)


def ipip_changed(link: Link, config: IpipConfig) -> None:
    """``ip_tunnel_update``: the device is found first from now on; its MTU follows another lower device."""
    old, netns = link.tunnel, link.tunnel_netns
    assert isinstance(old, IpipConfig)  # noqa: S101 - the caller asked for its kind
    assert netns is not None  # noqa: S101 - it was set up
    netns.ipip.tunnels.remove(link)
    netns.ipip.tunnels.insert(0, link)
    if (old.lower, old.fwmark) != (config.lower, config.fwmark):
        link.mtu = ip_tunnel_bind_dev(netns, config)


def ipip_uninit(link: Link) -> None:
    """``ip_tunnel_uninit``."""
    netns = link.tunnel_netns
    assert netns is not None  # noqa: S101 - it was set up
    netns.ipip.tunnels.remove(link)
    netns.ipip.errors.pop(link, None)
    if netns.ipip.fallback is link:
        netns.ipip.fallback = None


def ipip_max_mtu(link: Link) -> int:
    """``ip_tunnel_change_mtu``."""
    return MAX_MTU
