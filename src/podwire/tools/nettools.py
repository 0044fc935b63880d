"""What net-tools' ``arp`` and ``route`` share, BusyBox's copies included: names, and the old ioctls of the kernel.

SIOCSARP and SIOCDARP are ``arp_ioctl`` (net/ipv4/arp.c), SIOCADDRT and SIOCDELRT are ``rtentry_to_fib_config`` (net/ipv4/fib_frontend.c).
Each raises ``NetlinkError`` with the errno that the tool prints.
"""

from __future__ import annotations

from errno import EINVAL, ENETUNREACH, ENODEV, ENOENT, ENXIO
from typing import TYPE_CHECKING, Final

import msgspec

from podwire.linux.errors import NetlinkError
from podwire.linux.fib import UNICAST, UNREACHABLE, NextHop, Route, RouteQuery
from podwire.linux.link import SCOPE_HOST, SCOPE_LINK, SCOPE_NOWHERE, SCOPE_UNIVERSE, Link
from podwire.linux.neigh import Nud
from podwire.linux.netlink import Netlink
from podwire.linux.path.route import ip_route_output
from podwire.tools.args import gai_error, reverse_name
from podwire.tools.procnet import ATF_COM, ATF_PERM, ATF_PUBL
from podwire.wire.addr import Ip, Ip4, Mac, Net, inet_aton, prefix_mask

if TYPE_CHECKING:
    from podwire.linux.machine import Place
    from podwire.linux.netns import Netns

ATF_NETMASK: Final = 0x20
ATF_DONTPUB: Final = 0x40
_FULL: Final = 0xFFFFFFFF


class UnknownName(Exception):
    """A name without address; the text is herror(3)'s."""


def resolve(place: Place, name: str, *, host_first: bool = False) -> tuple[Ip, bool]:
    """``INET_resolve``: the address of a word and whether it is that of a network; ``default`` is 0.0.0.0."""
    if name == "default":
        return Ip4(0), True
    address = inet_aton(name)
    if address is not None:
        return address, False
    host = place.lookup(name)
    network = _networks(place).get(name)
    if host is not None and (host_first or network is None):
        return host, False
    if network is not None:
        return network, True
    # Asked last, getnetbyname leaves "not found" behind whatever DNS had said. Nobody is asked for digits and dots.
    numeric = set(name) <= set("0123456789.")
    temporary = gai_error(place, name).startswith("Temporary") and not host_first and not numeric
    raise UnknownName("Host name lookup failure" if temporary else "Unknown host")


def _networks(place: Place) -> dict[str, Ip]:
    """/etc/networks: name and address of networks."""
    found: dict[str, Ip] = {}
    for line in place.files.get("/etc/networks", "").splitlines():
        words = line.partition("#")[0].split()
        address = inet_aton(words[1]) if len(words) > 1 else None
        if address is not None:
            found[words[0]] = address
    return found


def network_address(place: Place, name: str) -> Ip | None:
    """``getnetbyname``: the address of a network."""
    return _networks(place).get(name)


def network_name(place: Place, net: Ip) -> str | None:
    """``getnetbyaddr``: the name of a network."""
    return next((name for name, address in _networks(place).items() if address == net), None)


def host_name(place: Place, ip: Ip) -> str | None:
    """``gethostbyaddr``."""
    return reverse_name(place, ip)


# -- SIOCSARP, SIOCDARP -------------------------------------------------------------------------------------------


class ArpRequest(msgspec.Struct):
    """``struct arpreq``: flags ATF_*, the mask of a published entry, the device's name or nothing."""

    ip: Ip
    mac: Mac | None = None
    flags: int = 0
    mask: int = _FULL
    dev: str = ""


def _arp_device(netns: Netns, request: ArpRequest) -> Link | None:
    if not request.dev:
        return None
    link = netns.link(request.dev)
    if link is None:
        raise NetlinkError(ENODEV)
    return link


def _route_device(netns: Netns, ip: Ip) -> Link:
    route = ip_route_output(netns, ip, onlink_scope=True)
    if route.kind == "error" or route.link is None:
        raise NetlinkError(route.error or ENETUNREACH)
    return route.link


def _check_arp(request: ArpRequest) -> None:
    if not request.flags & ATF_PUBL and request.flags & (ATF_NETMASK | ATF_DONTPUB):
        raise NetlinkError(EINVAL)


def arp_set(door: Netlink, request: ArpRequest) -> None:
    """SIOCSARP: an entry, permanent unless temporary; a published one is a proxy entry, or proxy_arp itself for mask 0.0.0.0."""
    _check_arp(request)
    netns = door.netns
    link = _arp_device(netns, request)
    if link is not None and link.is_loopback:
        raise NetlinkError(EINVAL)
    if request.flags & ATF_PUBL:
        if request.mask not in {0, _FULL}:
            raise NetlinkError(EINVAL)
        if link is None and request.flags & ATF_COM:
            link = next((one for one in netns.links() if one.mac == request.mac and not one.is_loopback), None)
            if link is None:
                raise NetlinkError(ENODEV)
        _publish(door, request, link, on=True)
        return
    link = link or _route_device(netns, request.ip)
    if link.is_loopback:
        raise NetlinkError(EINVAL)
    state = Nud.PERMANENT if request.flags & ATF_PERM else Nud.STALE
    door.neigh_add(request.ip, link, request.mac, state, exclusive=False)


def _publish(door: Netlink, request: ArpRequest, link: Link | None, *, on: bool) -> None:
    if not request.mask:
        door.sysctl_write(f"net/ipv4/conf/{link.name if link is not None else 'all'}/proxy_arp", str(int(on)))
    elif on:
        door.proxy_add(request.ip, link)
    else:
        door.proxy_del(request.ip, link)


def arp_delete(door: Netlink, request: ArpRequest) -> None:
    """SIOCDARP: ENXIO where there is no such entry, ENOENT where there is no such published one."""
    _check_arp(request)
    netns = door.netns
    link = _arp_device(netns, request)
    if request.flags & ATF_PUBL:
        if request.mask not in {0, _FULL}:
            raise NetlinkError(EINVAL)
        _publish(door, request, link, on=False)
        return
    link = link or _route_device(netns, request.ip)
    try:
        door.neigh_del(request.ip, link)
    except NetlinkError as error:
        raise NetlinkError(ENXIO if error.errno == ENOENT else error.errno) from None


# -- SIOCADDRT, SIOCDELRT -----------------------------------------------------------------------------------------


class RouteRequest(msgspec.Struct):
    """``struct rtentry``. ``mask`` is None where none was given; ``metric`` and the rest are 0 likewise."""

    dst: Ip
    host: bool
    mask: int | None = None
    gateway: Ip | None = None
    metric: int = 0
    mss: int = 0
    window: int = 0
    rtt: int = 0
    reject: bool = False
    dev: str = ""


def _destination(request: RouteRequest) -> Net:
    if request.host:
        return Net(request.dst, 32)
    mask = request.mask or 0
    inverse = ~mask & _FULL
    if inverse & (inverse + 1) or int(request.dst) & inverse:
        raise NetlinkError(EINVAL)
    plen = mask.bit_count()
    return Net(Ip4(int(request.dst) & prefix_mask(32, plen)), plen)


def _hops(netns: Netns, request: RouteRequest) -> tuple[tuple[NextHop, ...], int]:
    """The next hop as far as it was named, and the scope that follows: universe behind a gateway that is a unicast address."""
    ifindex, scope = 0, SCOPE_NOWHERE
    if request.dev:
        link = netns.link(request.dev)
        if link is None:
            raise NetlinkError(ENODEV)
        ifindex = link.ifindex
    if request.gateway:
        best = next(iter(netns.table(255).candidates(request.gateway)), None)
        if best is None or best.type == UNICAST:
            scope = SCOPE_UNIVERSE
    return (NextHop(ifindex, request.gateway or None),) if ifindex or request.gateway else (), scope


def route_add(door: Netlink, request: RouteRequest) -> None:
    """SIOCADDRT: in front of routes with the same destination and metric, as ``ip route prepend``."""
    dst = _destination(request)
    if request.reject:
        route = Route(dst, UNREACHABLE, SCOPE_HOST, metric=request.metric)
    else:
        hops, scope = _hops(door.netns, request)
        if scope == SCOPE_NOWHERE:
            scope = SCOPE_LINK
        # RTF_MTU speaks of the MTU and sets the MSS that belongs to it.
        metrics = (("window", request.window), ("rtt", request.rtt), ("advmss", request.mss - 40 if request.mss else 0))
        given = tuple((name, value) for name, value in metrics if value)
        route = Route(dst, UNICAST, scope, metric=request.metric, nexthops=hops, metrics=given)
    door.route_add(route, exclusive=False)


def route_delete(door: Netlink, request: RouteRequest) -> None:
    """SIOCDELRT: the first route that agrees in what was named."""
    dst = _destination(request)
    if request.reject:
        door.route_del(RouteQuery(dst, type=UNREACHABLE, scope=SCOPE_HOST, metric=request.metric))
        return
    hops, scope = _hops(door.netns, request)
    door.route_del(RouteQuery(dst, type=UNICAST, scope=scope, metric=request.metric, nexthops=hops))
