"""What the kernel checks and sets up of a GENEVE device (drivers/net/geneve.c)."""

from __future__ import annotations

from errno import EADDRINUSE, EADDRNOTAVAIL, EBUSY, EINVAL, EOPNOTSUPP, EPERM, ERANGE
from typing import TYPE_CHECKING, Final

from podwire.errors import NotModelled
from podwire.linux.errors import NetlinkError
from podwire.linux.path.geneve import GENEVE_IPV4_HLEN, geneve_udp_encap_recv, geneve_xmit
from podwire.linux.path.route import ip_route_output
from podwire.linux.sockets import UdpEncap
from podwire.linux.tunnel import GeneveConfig
from podwire.wire.addr import AF_INET, ANY4, Ip4

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.linux.netns import Netns
    from podwire.wire.addr import Ip, Mac

_VNI_MAX: Final = 0xFFFFFF
_IP_MAX_MTU: Final = 65535
_BASE_HLEN: Final = 30
"""UDP, the fixed GENEVE header, and the inner Ethernet header."""
_IPV4_HLEN: Final = 20
_IPV6_HLEN: Final = 40
_CHANGE: Final = (
    "Changing VNI, Port, endpoint IP address family, external, inner_proto_inherit, "
    "and UDP checksum attributes are not supported"
)


def geneve_validate(config: GeneveConfig | None, mac: Mac | None, mtu: int) -> None:
    """``geneve_validate``. Raises ``NetlinkError``: EADDRNOTAVAIL, EINVAL, ERANGE."""
    if mac is not None and (mac.is_multicast or not mac):
        raise NetlinkError(EADDRNOTAVAIL, "Provided Ethernet address is not unicast")
    if config is None:
        raise NetlinkError(EINVAL, "Not enough attributes provided to perform the operation")
    if config.vni > _VNI_MAX:
        raise NetlinkError(ERANGE, "Geneve ID must be lower than 16777216")
    if config.ports[1] < config.ports[0]:
        raise NetlinkError(EINVAL, "Invalid source port range")


def geneves_of(netns: Netns) -> list[Link]:
    """``geneve_net.geneve_list``: the GENEVE devices whose outer packets live in ``netns``, wherever they themselves are."""
    return [
        link
        for other in netns.machine.netns.values()
        for link in other.links()
        if isinstance(link.tunnel, GeneveConfig) and link.tunnel_netns is netns
    ]


def geneve_check(netns: Netns, config: GeneveConfig, old: Link | None) -> GeneveConfig:
    """``geneve_nl2info`` and ``geneve_configure``; for a change ``geneve_changelink``.

    Raises ``NetlinkError``: EBUSY for a device with this VNI, remote and port, EPERM where an external device and another would share
    a port, EINVAL, EOPNOTSUPP for what cannot change; ``NotModelled`` for a remote of IPv6.
    """
    if config.remote.family != AF_INET:
        raise NotModelled("an underlay of IPv6", "geneve")
    if Ip4(config.remote).is_multicast:
        raise NetlinkError(EINVAL, "Remote IPv4 address cannot be Multicast")
    if old is not None:
        return _check_change(config, old)
    if config.external and (config.vni or config.remote or config.ttl or config.tos or config.udp_csum):
        raise NetlinkError(
            EINVAL, "Device is externally controlled, so attributes (VNI, Port, and so on) must not be specified"
        )
    same_port = False
    for link in geneves_of(netns):
        theirs = link.tunnel
        if not isinstance(theirs, GeneveConfig) or theirs.dstport != config.dstport:
            continue
        same_port = True
        if (theirs.vni, theirs.remote) == (config.vni, config.remote):
            raise NetlinkError(EBUSY)
        if theirs.external and not config.external:
            text = "There already exists an externally controlled device on this destination port"
            raise NetlinkError(EPERM, text)
    if config.external and same_port:
        raise NetlinkError(EPERM, "There can be only one externally controlled device on a destination port")
    return config


def _check_change(config: GeneveConfig, old: Link) -> GeneveConfig:
    have = old.tunnel
    assert isinstance(have, GeneveConfig)  # noqa: S101 - the caller asked for its kind
    if have.external:
        raise NetlinkError(EOPNOTSUPP)
    kept = ("vni", "dstport", "ports", "external", "udp_csum")
    if any(getattr(have, key) != getattr(config, key) for key in kept):
        raise NetlinkError(EOPNOTSUPP, _CHANGE)
    return config


def geneve_setup(link: Link, mtu: int) -> None:
    """``geneve_configure`` and ``geneve_link_config``: the MTU leaves room for the headers on the way to the remote."""
    config, netns = link.tunnel, link.tunnel_netns
    assert isinstance(config, GeneveConfig)  # noqa: S101 - the caller put it there
    assert netns is not None  # noqa: S101 - and that
    link.xmit = geneve_xmit
    link.max_mtu = _IP_MAX_MTU - _BASE_HLEN - (_IPV6_HLEN if config.external else _IPV4_HLEN)
    _link_config(link, netns, config.remote, mtu)


def _link_config(link: Link, netns: Netns, remote: Ip, mtu: int) -> None:
    if not mtu:
        dst = ip_route_output(netns, remote)
        lower = dst.link if dst.kind != "error" else None
        mtu = lower.mtu - GENEVE_IPV4_HLEN if lower is not None else 0
    if mtu > 0:
        link.mtu = max(min(mtu, link.max_mtu), link.min_mtu)


def geneve_changelink(link: Link, config: GeneveConfig) -> None:
    """``geneve_changelink``: the MTU follows another remote, and the socket finds the device by it."""
    old, netns = link.tunnel, link.tunnel_netns
    assert isinstance(old, GeneveConfig)  # noqa: S101 - the caller asked for its kind
    assert netns is not None  # noqa: S101 - it was set up
    if old.remote == config.remote:
        return
    _link_config(link, netns, config.remote, 0)
    if link.is_up:
        devices = netns.sockets.encap[old.dstport].devices
        del devices[_key(old)]
        devices[_key(config)] = link


def _key(config: GeneveConfig) -> tuple[Ip, int]:
    return (ANY4, 0) if config.external else (config.remote, config.vni)


def geneve_open(link: Link) -> None:
    """``geneve_open``: listen on the port in the namespace of creation. Raises ``NetlinkError``: EADDRINUSE."""
    config, netns = link.tunnel, link.tunnel_netns
    assert isinstance(config, GeneveConfig)  # noqa: S101 - the caller asked for its kind
    assert netns is not None  # noqa: S101 - it was set up
    sockets = netns.sockets
    encap = sockets.encap.get(config.dstport)
    if encap is None:
        if sockets.udp_taken(config.dstport):
            raise NetlinkError(EADDRINUSE)
        encap = sockets.encap[config.dstport] = UdpEncap("geneve", (config.external,), geneve_udp_encap_recv)
    elif encap.kind != "geneve":
        raise NetlinkError(EADDRINUSE)
    encap.devices[_key(config)] = link


def geneve_stop(link: Link) -> None:
    """``geneve_stop``: the last one closes the socket."""
    config, netns = link.tunnel, link.tunnel_netns
    assert isinstance(config, GeneveConfig)  # noqa: S101 - the caller asked for its kind
    assert netns is not None  # noqa: S101 - it was set up
    encap = netns.sockets.encap[config.dstport]
    del encap.devices[_key(config)]
    if not encap.devices:
        del netns.sockets.encap[config.dstport]
