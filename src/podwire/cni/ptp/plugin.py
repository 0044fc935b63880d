"""The CNI plugin ``ptp``: a veth pair whose host end has the gateway's address (reference sheet kube-proxy and GKE, section 2.2)."""

from __future__ import annotations

from random import Random
from typing import Final

import msgspec

from podwire.cni.backend import CniResult
from podwire.cni.ptp.config import PtpNetwork
from podwire.errors import PodwireError
from podwire.linux.errors import NetlinkError
from podwire.linux.fib import NextHop, Route, RouteQuery
from podwire.linux.link import SCOPE_HOST, SCOPE_LINK, Link
from podwire.linux.netlink import Netlink, Peer
from podwire.wire.addr import Ip, Net

_FORWARD: Final = "net/ipv4/ip_forward"
_TRIES: Final = 10


class Allocation(msgspec.Struct, frozen=True):
    """What the IPAM plugin gave: an address with its subnet's length, and the gateway."""

    ip: Ip
    plen: int
    gateway: Ip

    @property
    def subnet(self) -> Net:
        """The subnet of the address."""
        return Net.of(self.ip, self.plen)


def add(
    given: Allocation, network: PtpNetwork, door: Netlink, pod_door: Netlink, names: Random, *, ifname: str = "eth0"
) -> CniResult:
    """ADD, behind the IPAM plugin: forwarding, the pair, the pod's addresses and routes, the host's.

    ``names`` is the stream from which the host's end draws its name. Raises ``PodwireError`` where ten draws are all in use.
    """
    if door.sysctl_read(_FORWARD) != "1":
        door.sysctl_write(_FORWARD, "1")
    link, host_end = _make_pair(network, door, pod_door, names, ifname)
    _set_up_pod(link, given, network, pod_door)
    _set_up_host(host_end, given, door)
    return CniResult(given.ip, given.plen, given.gateway, host_end.name)


def delete(pod_door: Netlink, *, ifname: str = "eth0") -> None:
    """DEL, behind the IPAM plugin's: the pod's end goes, and the host's with its address and route. A missing one is no error."""
    link = pod_door.netns.link(ifname)
    if link is not None:
        pod_door.link_del(link)


def _make_pair(network: PtpNetwork, door: Netlink, pod_door: Netlink, names: Random, ifname: str) -> tuple[Link, Link]:
    """``ip.SetupVeth``: asked for inside the pod, with a peer that is born in the host's namespace; the kernel draws both MACs.

    The plugin asks for a queue of length 0.
    """
    name = f"veth{names.getrandbits(32):08x}"
    for _ in range(_TRIES - 1):
        if door.netns.link(name) is None:
            break
        name = f"veth{names.getrandbits(32):08x}"

    def without_queue(end: Link) -> bool:
        Netlink(end.netns, door.writer).link_set_txqueuelen(end, 0)
        return False

    peer = Peer(name, door.netns, mtu=network.mtu, configure=without_queue)
    try:
        link = pod_door.link_add(ifname, "veth", mtu=network.mtu, txqueuelen=0, peer=peer)
    except NetlinkError as error:
        raise PodwireError(f"failed to make veth pair: {error}") from error
    host_end = door.netns.link(name)
    if host_end is None:
        raise PodwireError(f'failed to lookup "{name}" in "{door.netns.label}"')
    door.link_up(host_end)
    door.sysctl_write(f"net/ipv6/conf/{name}/accept_ra", "0")
    return link, host_end


def _set_up_pod(link: Link, given: Allocation, network: PtpNetwork, door: Netlink) -> None:
    """``ipam.ConfigureIface``, then ptp's own routes in the place of the connected one: all goes through the gateway."""
    through = NextHop(link.ifindex, given.gateway)
    door.addr_add(link, given.ip, given.plen, broadcast=given.subnet.broadcast)
    door.link_up(link)
    for dst in network.routes:
        door.route_add(Route(dst, nexthops=(through,)))
    door.route_del(RouteQuery(given.subnet, nexthops=(NextHop(link.ifindex),)))
    gateway = Net(given.gateway, given.gateway.bits)
    door.route_add(Route(gateway, scope=SCOPE_LINK, src=given.ip, nexthops=(NextHop(link.ifindex),)))
    door.route_add(Route(given.subnet, src=given.ip, nexthops=(through,)))


def _set_up_host(link: Link, given: Allocation, door: Netlink) -> None:
    """The gateway's address, the same on every pair of the node, and the pod behind it (``ip.AddHostRoute``: scope host)."""
    door.addr_add(link, given.gateway, given.gateway.bits)
    pod = Net(given.ip, given.ip.bits)
    door.route_add(Route(pod, scope=SCOPE_HOST, nexthops=(NextHop(link.ifindex),)))
