"""A network of the reference plugins on the nodes: the chain of its conflist, and the state that lies on the nodes' disks."""

from __future__ import annotations

from typing import Any

from podwire.cni.backend import Agent, CniResult, NodeSpec, PodSpec, View
from podwire.cni.ptp import plugin
from podwire.cni.ptp.config import CONFLIST, PtpNetwork
from podwire.errors import ConfigError, NotModelled
from podwire.ipam.host_local import HostLocal
from podwire.linux.netlink import Netlink
from podwire.wire.addr import Net


class PtpBackend:
    """ptp with host-local, then portmap. No agent looks after what ADD wrote: what somebody breaks stays broken until the pod is made anew.

    portmap acts only where the runtime passes port mappings, and a pod with a hostPort is refused as not modelled (``kube.pod``).
    """

    name = "gke"
    plugin = "ptp"
    shares_pods = False
    agents: tuple[Agent, ...] = ()

    def __init__(self, network: PtpNetwork) -> None:
        self.network = network
        self._ranges: dict[str, HostLocal] = {}
        self._interfaces: dict[str, str] = {}
        """The host's end of each container's pair, as ADD's result named it to the runtime."""

    def interface(self, pod: PodSpec) -> str:
        """The pod's interface on its node; also of one that is gone."""
        return self._interfaces[pod.container]

    def ipam(self, node: NodeSpec) -> HostLocal:
        """The node's range: its pod CIDR. Raises ``ConfigError`` for a node without one."""
        return self._ranges.setdefault(node.name, HostLocal(_subnet(node), network=self.network.name))

    def install(self, node: NodeSpec, door: Netlink, view: View) -> None:
        """The node's boot writes the conflist."""
        del door, view
        node.machine.root.files[CONFLIST] = self.network.conflist(_subnet(node))

    def cni_add(self, pod: PodSpec, node: NodeSpec, door: Netlink, pod_door: Netlink) -> CniResult:
        """ADD: host-local's address, then the pair with its routes. Raises ``IpamError`` where the range is exhausted."""
        ipam = self.ipam(node)
        ip = ipam.allocate(pod.container)
        self._write(node, ipam)
        chosen = ipam.range_of(ip)
        given = plugin.Allocation(ip, chosen.subnet.plen, chosen.gateway)
        result = plugin.add(given, self.network, door, pod_door, node.machine.random("ptp", pod.key))
        self._interfaces[pod.container] = result.host_interface
        pod.ip = ip
        return result

    def cni_del(self, pod: PodSpec, node: NodeSpec, door: Netlink) -> None:
        """DEL: the address goes back, then the pair goes; an unknown pod is no error."""
        ipam = self.ipam(node)
        ipam.release(pod.container)
        self._write(node, ipam)
        plugin.delete(Netlink(pod.netns, door.writer))

    def configure(self, config: Any) -> None:
        """New settings mean new nodes: raises ``NotModelled``."""
        raise NotModelled("a new conflist on nodes that run")

    @staticmethod
    def _write(node: NodeSpec, ipam: HostLocal) -> None:
        files = node.machine.root.files
        for path in [path for path in files if path.startswith(f"{ipam.directory}/")]:
            del files[path]
        files.update(ipam.files())


def _subnet(node: NodeSpec) -> Net:
    if node.pod_cidr is None:
        raise ConfigError(f"node {node.name!r}", "has no pod_cidr, and host-local allocates from it")
    return node.pod_cidr
