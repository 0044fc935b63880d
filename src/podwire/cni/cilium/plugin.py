"""The CNI plugin ``cilium-cni``: how a pod is wired (reference sheet Cilium, 1.1, 1.2)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from podwire.errors import PodwireError
from podwire.linux.fib import NextHop, Route
from podwire.linux.link import SCOPE_LINK
from podwire.linux.netlink import Netlink, Peer
from podwire.wire.addr import Ip, Ip4, Mac, Net

if TYPE_CHECKING:
    from podwire.cni.cilium.devices import Mtu

DEFAULT: Final = Net(Ip4(0), 0)
_DIGITS: Final = 12
_TEMPORARY: Final = 5


def interface_name(container: str, ifname: str = "eth0") -> str:
    """``lxc`` and twelve hex digits of sha256("container:ifname")."""
    return "lxc" + hashlib.sha256(f"{container}:{ifname}".encode()).hexdigest()[:_DIGITS]


def temporary_name(container: str, ifname: str = "eth0") -> str:
    """What the pod's end is called before it moves."""
    return f"tmp{f'{container}:{ifname}'[:_TEMPORARY]}"


def wire(
    name: str,
    temporary: str,
    ifname: str,
    ip: Ip,
    router: Ip,
    mtu: Mtu,
    door: Netlink,
    pod_door: Netlink,
    mac: Mac | None,
) -> None:
    """The pair is made on the host, both MACs set; the pod's end moves, and gets its address and its two routes.

    Raises ``NetlinkError``; nothing is left behind then but what the caller undoes with the host's end.
    """
    netns, inside = door.netns, pod_door.netns
    link = door.link_add(
        name,
        "veth",
        mac=netns.draw_mac(name),
        mtu=mtu.device,
        peer=Peer(temporary, None, mac or inside.draw_mac(ifname), mtu.device),
    )
    peer = link.peer
    if peer is None:
        raise PodwireError(f"the other end of {name} is gone")
    door.sysctl_write(f"net/ipv4/conf/{name}/rp_filter", "0")
    door.link_up(link)
    door.link_move(peer, inside, ifname)
    pod_door.link_up(peer)
    pod_door.addr_add(peer, ip, ip.bits)
    pod_door.route_add(Route(Net(router, router.bits), scope=SCOPE_LINK, nexthops=(NextHop(peer.ifindex),)))
    pod_door.route_add(default_route(peer.ifindex, router, mtu))


def default_route(ifindex: int, router: Ip, mtu: Mtu) -> Route:
    """``default via R dev eth0 mtu M``: the metric is always there."""
    return Route(DEFAULT, nexthops=(NextHop(ifindex, router),), metrics=(("mtu", mtu.route),))


def update_mtu(ifname: str, name: str, mtu: Mtu, door: Netlink, pod_door: Netlink) -> None:
    """The agent enters a pod: both ends, and the metric of the default route (``pkg/mtu/endpoint_updater.go``)."""
    peer, link = pod_door.netns.link(ifname), door.netns.link(name)
    if peer is None or link is None:
        return
    for own, each in ((door, link), (pod_door, peer)):
        if each.mtu != mtu.device:
            own.link_set_mtu(each, mtu.device)
    for route in pod_door.netns.table(254).at(DEFAULT):
        if route.nexthops and route.nexthops[0].ifindex == peer.ifindex and route.mtu != mtu.route:
            gateway = route.nexthops[0].via
            if gateway is not None:
                pod_door.route_add(default_route(peer.ifindex, gateway, mtu), exclusive=False, replace=True)
