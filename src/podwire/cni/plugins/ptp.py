"""The plugin ``ptp``: a veth pair whose host end has the gateway's address (section 2.2)."""

from __future__ import annotations

import msgspec

from podwire.cni.plugins import ipam, masquerade, veth
from podwire.cni.plugins.fields import member
from podwire.cni.plugins.values import Address, Call, PluginError, Result
from podwire.errors import NotModelled, PodwireError
from podwire.linux.errors import NetlinkError
from podwire.linux.fib import NextHop, Route, RouteQuery
from podwire.linux.link import SCOPE_HOST, SCOPE_LINK, Link
from podwire.linux.netlink import Netlink
from podwire.wire.addr import Net


def add(call: Call) -> Result:
    """ADD: the address, forwarding, the pair, the pod's addresses and routes, the host's."""
    mtu, masq = _read(call)
    given = ipam.add(call)
    try:
        return _wire(call, given, mtu, masq=masq)
    except PodwireError:
        ipam.delete(call)
        raise


def _read(call: Call) -> tuple[int, bool]:
    try:
        return member(call.conf, "mtu", int, 0), member(call.conf, "ipMasq", bool, default=False)
    except PluginError as error:
        raise PluginError(f"failed to load netconf: {error}") from None


def _wire(call: Call, given: Result, mtu: int, *, masq: bool) -> Result:
    if not given.ips:
        raise PluginError("IPAM plugin returned missing IP config")
    if any(each.gateway is None or each.ip.bits != 32 for each in given.ips):
        raise NotModelled("ptp with an address of IPv6 or without a gateway")
    door = call.host()
    veth.enable_forwarding(door)
    link, host_end = veth.setup_veth(call, mtu)
    veth.configure(link, given, call.pod_door)
    for each in given.ips:
        _route_pod(link, each, call.pod_door)
        _set_up_host(host_end, each, door)
    if masq:
        masquerade.setup(call, given.ips)
    dns = call.conf.get("dns") or given.dns
    placed = tuple(msgspec.structs.replace(each, interface=1) for each in given.ips)
    return Result(veth.ends(call, link, host_end), placed, given.routes, dns)


def delete(call: Call) -> None:
    """DEL: the address goes back, then the pair goes."""
    ipam.delete(call)
    veth.delete_link(call)
    if _read(call)[1]:
        masquerade.teardown(call)


def _route_pod(link: Link, given: Address, door: Netlink) -> None:
    """Ptp's own routes in the place of the connected one: all goes through the gateway."""
    assert given.gateway is not None  # noqa: S101 - _wire has looked
    on_link = NextHop(link.ifindex)
    try:
        door.route_del(RouteQuery(given.subnet, nexthops=(on_link,)))
    except NetlinkError as error:
        raise PluginError(f"failed to delete route {given.subnet}: {veth.go_error(error)}") from error
    gateway = Net(given.gateway, given.gateway.bits)
    through = NextHop(link.ifindex, given.gateway)
    for route in (
        Route(gateway, scope=SCOPE_LINK, src=given.ip, nexthops=(on_link,)),
        Route(given.subnet, src=given.ip, nexthops=(through,)),
    ):
        try:
            door.route_add(route)
        except NetlinkError as error:
            raise PluginError(f"failed to add route {route.dst}: {veth.go_error(error)}") from error


def _set_up_host(link: Link, given: Address, door: Netlink) -> None:
    """The gateway's address, the same on every pair of the node, and the pod behind it (``ip.AddHostRoute``: scope host)."""
    assert given.gateway is not None  # noqa: S101 - _wire has looked
    try:
        door.addr_add(link, given.gateway, given.gateway.bits)
    except NetlinkError as error:
        raise PluginError(f"failed to add IP addr ({given.gateway}) to veth: {veth.go_error(error)}") from error
    pod = Net(given.ip, given.ip.bits)
    try:
        door.route_add(Route(pod, scope=SCOPE_HOST, nexthops=(NextHop(link.ifindex),)))
    except NetlinkError as error:
        raise PluginError(f"failed to add route on host: {veth.go_error(error)}") from error
