"""What ptp and bridge share: the pair of devices, the container's addresses and routes (``pkg/ip``, ``pkg/ipam``)."""

from __future__ import annotations

from typing import Final

from podwire.cni.plugins.values import Call, Interface, PluginError, Result, ResultRoute
from podwire.linux.errors import NetlinkError
from podwire.linux.fib import NextHop, Route
from podwire.linux.link import Link
from podwire.linux.netlink import Netlink, Peer
from podwire.wire.addr import Ip

_TRIES: Final = 10
_FORWARD: Final = "net/ipv4/ip_forward"


def enable_forwarding(door: Netlink) -> None:
    """``ip.EnableForward``: written where it is not 1 yet."""
    if door.sysctl_read(_FORWARD) != "1":
        door.sysctl_write(_FORWARD, "1")


def setup_veth(call: Call, mtu: int) -> tuple[Link, Link]:
    """``ip.SetupVeth``: asked for inside the container, with a peer that is born in the host's namespace; the kernel draws both MACs.

    The plugin asks for a queue of length 0, and draws up to ten names. Raises ``PluginError``.
    """
    door, pod_door = call.host(), call.pod_door
    name = f"veth{call.names.getrandbits(32):08x}"
    for _ in range(_TRIES - 1):
        if door.netns.link(name) is None:
            break
        name = f"veth{call.names.getrandbits(32):08x}"

    def without_queue(end: Link) -> bool:
        Netlink(end.netns, door.writer).link_set_txqueuelen(end, 0)
        return False

    if pod_door.netns.link(call.ifname) is not None:
        raise PluginError(f'container veth name provided ("{call.ifname}") already exists')
    peer = Peer(name, door.netns, mtu=mtu, configure=without_queue)
    try:
        link = pod_door.link_add(call.ifname, "veth", mtu=mtu, txqueuelen=0, peer=peer)
    except NetlinkError as error:
        raise PluginError(f"failed to make veth pair: {go_error(error)}") from error
    host_end = door.netns.link(name)
    if host_end is None:
        raise PluginError(f'failed to lookup "{name}" in "{door.netns.label}": Link not found')
    door.link_up(host_end)
    door.sysctl_write(f"net/ipv6/conf/{name}/accept_ra", "0")
    return link, host_end


def ends(call: Call, link: Link, host_end: Link) -> tuple[Interface, Interface]:
    """Both ends, as a result names them: the host's, and the container's with the path of its namespace."""
    return Interface(host_end.name, str(host_end.mac)), Interface(link.name, str(link.mac), call.netns)


def configure(link: Link, result: Result, door: Netlink) -> None:
    """``ipam.ConfigureIface``: addresses, then up, then the routes; one without gateway goes through the first address's.

    Raises ``PluginError``.
    """
    for each in result.ips:
        try:
            door.addr_add(link, each.ip, each.plen, broadcast=each.subnet.broadcast)
        except NetlinkError as error:
            raise PluginError(f'failed to add IP addr {each} to "{link.name}": {go_error(error)}') from error
    door.link_up(link)
    gateway = next((each.gateway for each in result.ips if each.gateway is not None), None)
    for route in result.routes:
        _add_route(link, route, route.gw or gateway, door)


def _add_route(link: Link, route: ResultRoute, gateway: Ip | None, door: Netlink) -> None:
    """``ip.AddRoute``'s cousin ``RouteAddEcmp``: NLM_F_CREATE alone."""
    try:
        door.route_add(Route(route.dst, nexthops=(NextHop(link.ifindex, gateway),)), exclusive=False)
    except NetlinkError as error:
        mask = f"{(1 << 32) - (1 << 32 - route.dst.plen):08x}"
        # The bridge plugin makes its mask of net.IPv4zero, which has sixteen octets.
        shown = f"{{{route.dst.addr} {'00000000000000000000ffff00000000' if route.by_gateway else mask}}}"
        raise PluginError(
            f"failed to add route '{shown} via {gateway or '<nil>'} dev {link.name}': {go_error(error)}"
        ) from error


def delete_link(call: Call) -> None:
    """``ip.DelLinkByNameAddr``: the container's end goes, and the host's with its address and route; a missing one is no error."""
    link = call.pod_door.netns.link(call.ifname)
    if link is not None:
        call.pod_door.link_del(link)


def go_error(error: NetlinkError) -> str:
    """An errno as Go's syscall package prints it."""
    text = error.strerror
    return text[:1].lower() + text[1:]
