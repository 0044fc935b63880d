"""What a DHCP client makes of a lease: systemd-networkd as Ubuntu configures it (netplan: metric 100)."""

from __future__ import annotations

from typing import Final

import msgspec

from podwire.linux.fib import RTPROT_DHCP, NextHop, Route
from podwire.linux.link import FOREVER, SCOPE_LINK, Link
from podwire.linux.netlink import Netlink
from podwire.trace.events import Owner
from podwire.wire.addr import Ip, Ip4, Net

METRIC: Final = 100
_NSEC: Final = 1_000_000_000


class Lease(msgspec.Struct, frozen=True):
    """An address with its network, the gateway, and servers that get a route of their own; ``seconds`` until it ends."""

    ip: Ip
    network: Net
    gateway: Ip
    servers: tuple[Ip, ...] = ()
    seconds: int = FOREVER


def accept(link: Link, lease: Lease) -> None:
    """Address and routes as networkd writes them; renewed at half the lease's life.

    ::

        default via 10.0.2.2 dev eth0 proto dhcp src 10.0.2.15 metric 100
        10.0.2.0/24 dev eth0 proto kernel scope link src 10.0.2.15 metric 100
        10.0.2.2 dev eth0 proto dhcp scope link src 10.0.2.15 metric 100
        10.0.2.3 dev eth0 proto dhcp scope link src 10.0.2.15 metric 100
    """
    door = Netlink(link.netns, Owner("dhcp", f"lease of {link.name}"))
    _address(door, link, lease)
    on_link = {ip: NextHop(link.ifindex) for ip in (lease.gateway, *lease.servers) if ip in lease.network}
    behind = {ip: NextHop(link.ifindex, lease.gateway) for ip in lease.servers if ip not in lease.network}
    for ip, hop in on_link.items():
        _route(door, Net(ip, ip.bits), hop, SCOPE_LINK, lease)
    _route(door, Net(Ip4(0), 0), NextHop(link.ifindex, lease.gateway), 0, lease)
    for ip, hop in behind.items():
        _route(door, Net(ip, ip.bits), hop, 0, lease)
    if lease.seconds != FOREVER:
        _renew(door, link, lease)


def _address(door: Netlink, link: Link, lease: Lease) -> None:
    door.addr_add(
        link,
        lease.ip,
        lease.network.plen,
        broadcast=lease.network.broadcast,
        metric=METRIC,
        valid_lft=lease.seconds,
        preferred_lft=lease.seconds,
        exclusive=False,
    )


def _route(door: Netlink, dst: Net, hop: NextHop, scope: int, lease: Lease) -> None:
    door.route_add(Route(dst, scope=scope, proto=RTPROT_DHCP, metric=METRIC, src=lease.ip, nexthops=(hop,)))


def _renew(door: Netlink, link: Link, lease: Lease) -> None:
    world = link.netns.machine.world

    def again() -> None:
        if any(address.local == lease.ip for address in link.addresses):
            _address(door, link, lease)
            _renew(door, link, lease)

    world.at(world.now + lease.seconds // 2 * _NSEC, again)
