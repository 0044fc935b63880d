"""Calico on a node: the plugin's ADD and DEL, and what Felix wants to be there."""

from __future__ import annotations

import re
from typing import Final

from podwire.cni.backend import CniResult, Desired, NodeSpec, PodSpec, View
from podwire.cni.calico.config import Calico
from podwire.cni.calico.plugin import host, interface_name, interface_sysctls, wire_pod
from podwire.errors import ConfigError
from podwire.ipam.host_local import HostLocal
from podwire.linux.fib import NextHop, Route
from podwire.linux.link import SCOPE_LINK
from podwire.linux.netlink import Netlink
from podwire.trace.events import Owner

_MTU_INTERFACES: Final = re.compile(r"^((en|wl|ww|sl|ib)[Pcopsx].*|(eth|wlan|wwan).*)")
"""FelixConfiguration mtuIfacePattern."""
_MTU_FALLBACK: Final = 1460


def plugin_owner(pod: PodSpec) -> Owner:
    """Who wires a pod."""
    return Owner("calico-cni", f"Pod {pod.key}")


class CalicoBackend:
    """The plugin's and Felix's side of Calico; its own state is the host-local range of each node."""

    name = "calico"

    def __init__(self, config: Calico) -> None:
        config.check()
        self.config = config
        self._ranges: dict[str, HostLocal] = {}

    def interface(self, pod: PodSpec) -> str:
        """The pod's interface on its node."""
        return interface_name(pod.namespace, pod.name, self.config.interface_prefix)

    def ipam(self, node: NodeSpec) -> HostLocal:
        """The node's range: its pod CIDR. Raises ``ConfigError`` for a node without one."""
        if node.pod_cidr is None:
            raise ConfigError(f"node {node.name!r}", "has no pod_cidr, and host-local allocates from it")
        return self._ranges.setdefault(node.name, HostLocal(node.pod_cidr))

    def pod_mtu(self, node: NodeSpec) -> int:
        """The CNI configuration's value, else the smallest MTU of the node's NICs (section 1.4)."""
        if self.config.mtu:
            return self.config.mtu
        links = node.machine.root.netns.links()
        return min((link.mtu for link in links if _MTU_INTERFACES.match(link.name)), default=_MTU_FALLBACK)

    def install(self, node: NodeSpec, door: Netlink) -> None:
        """calico-node starts: Felix turns forwarding on."""
        del node
        Netlink(door.netns, Owner("felix")).sysctl_write("net/ipv4/ip_forward", "1")

    def cni_add(self, pod: PodSpec, node: NodeSpec, door: Netlink, pod_door: Netlink) -> CniResult:
        """ADD: an address, the pair, routes and switches; nothing is left behind when the range is exhausted."""
        ip = self.ipam(node).allocate(pod.container)
        result = wire_pod(pod, node, ip, door, pod_door, name=self.interface(pod), mtu=self.pod_mtu(node))
        pod.ip = ip
        return result

    def cni_del(self, pod: PodSpec, node: NodeSpec, door: Netlink) -> None:
        """DEL: the address goes back, the pair goes, and with it the route."""
        self.ipam(node).release(pod.container)
        link = door.netns.link(self.interface(pod))
        if link is not None:
            door.link_del(link)

    def desired(self, node: NodeSpec, view: View) -> Desired:
        """Felix: a /32 route and the switches for the interface of every pod of the node."""
        netns = node.machine.root.netns
        devices: list[str] = []
        routes: list[Route] = []
        sysctls: list[tuple[str, str]] = []
        default_rp_filter = str(netns.conf_default.rp_filter)
        for pod in view.pods_on(node.name):
            name = self.interface(pod)
            link = netns.link(name)
            if link is None or pod.ip is None:
                continue
            devices.append(name)
            owner = Owner("felix", f"Pod {pod.key}")
            routes.append(Route(host(pod.ip), scope=SCOPE_LINK, nexthops=(NextHop(link.ifindex),), owner=owner))
            sysctls += interface_sysctls(name)
            sysctls.append((f"net/ipv4/conf/{name}/rp_filter", default_rp_filter))
        return Desired(frozenset(devices), tuple(routes), tuple(sysctls))
