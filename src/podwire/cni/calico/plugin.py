"""The CNI plugin ``calico``: how a pod is wired (reference sheet Calico, section 1.1)."""

from __future__ import annotations

import hashlib
from typing import Final

from podwire.cni.backend import CniResult, NodeSpec, PodSpec
from podwire.errors import PodwireError
from podwire.linux.errors import NetlinkError
from podwire.linux.fib import NextHop, Route
from podwire.linux.link import SCOPE_LINK
from podwire.linux.netlink import Netlink, Peer
from podwire.wire.addr import Ip, Ip4, Mac, Net

HOST_MAC: Final = Mac.parse("ee:ee:ee:ee:ee:ee")
GATEWAY: Final = Ip4.parse("169.254.1.1")
DEFAULT: Final = Net(Ip4(0), 0)
_DIGITS: Final = 11


def interface_name(namespace: str, pod: str, prefix: str = "cali") -> str:
    """The prefix and eleven hex digits of sha1("namespace.pod").

    A pod that comes back under its name gets the same interface name.
    """
    digest = hashlib.sha1(f"{namespace}.{pod}".encode(), usedforsecurity=False).hexdigest()
    return prefix + digest[:_DIGITS]


def host(ip: Ip) -> Net:
    """The /32 of an address."""
    return Net(ip, ip.bits)


def interface_sysctls(name: str) -> tuple[tuple[str, str], ...]:
    """The switches of a cali interface, in the order of writing (reference sheet Calico, section 1.2)."""
    return (
        (f"net/ipv4/conf/{name}/route_localnet", "1"),
        (f"net/ipv4/neigh/{name}/proxy_delay", "0"),
        (f"net/ipv4/conf/{name}/proxy_arp", "1"),
        (f"net/ipv4/conf/{name}/forwarding", "1"),
    )


def wire_pod(
    pod: PodSpec,
    node: NodeSpec,
    ip: Ip,
    door: Netlink,
    pod_door: Netlink,
    *,
    name: str,
    mtu: int,
    direct: bool = False,
) -> CniResult:
    """ADD up to v3.26: the pair is made inside the pod, so its host end takes index 2 and eth0 index 3, and moves.

    ``direct`` is how v3.27 and later do it: the host end is made on the node, and eth0 takes index 2.

    Raises ``PodwireError`` where another interface of the node has a route to the same address.
    """
    mac = Mac.parse(pod.mac) if pod.mac else None
    eth0 = pod_door.link_add(
        "eth0", "veth", mac=mac, mtu=mtu, peer=Peer(name, door.netns if direct else None, HOST_MAC, mtu)
    )
    host_end = eth0.peer
    if host_end is None:
        raise PodwireError(f"the host end of {pod.key}'s veth pair is gone")
    if not direct:
        pod_door.link_up(host_end)
    pod_door.link_up(eth0)
    pod_door.route_add(Route(host(GATEWAY), scope=SCOPE_LINK, nexthops=(NextHop(eth0.ifindex),)))
    pod_door.route_add(Route(DEFAULT, nexthops=(NextHop(eth0.ifindex, GATEWAY),)))
    pod_door.addr_add(eth0, ip, ip.bits)
    pod_door.sysctl_write("net/ipv4/ip_forward", "0")
    if not direct:
        pod_door.link_move(host_end, door.netns)
    for path, value in interface_sysctls(name):
        door.sysctl_write(path, value)
    door.link_up(host_end)
    try:
        door.route_add(Route(host(ip), scope=SCOPE_LINK, nexthops=(NextHop(host_end.ifindex),)))
    except NetlinkError as error:
        raise PodwireError(
            f"error adding host side routes for interface: {name}, error: "
            f"route ({ip}/32) already exists for an interface other than '{name}'"
        ) from error
    return CniResult(ip, ip.bits, None, name)
