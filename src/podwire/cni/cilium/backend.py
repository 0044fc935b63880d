"""Cilium as a backend: the operator, the plugin's ADD and DEL, what happens when an agent starts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from podwire.cni.backend import Agent, CniResult, NodeSpec, PodSpec, View
from podwire.cni.cilium.agent import CiliumAgent
from podwire.cni.cilium.config import Cilium
from podwire.cni.cilium.devices import HEALTH, HOST, NET, local_addresses, mtu_of
from podwire.cni.cilium.identity import Identities, Reserved, security_labels
from podwire.cni.cilium.plugin import interface_name, temporary_name, wire
from podwire.cni.cilium.state import Endpoint, NodeState
from podwire.errors import ConfigError, PodwireError
from podwire.ipam.cluster_pool import ClusterPool, HostScope
from podwire.linux.netlink import Netlink, Peer
from podwire.trace.events import Owner
from podwire.wire.addr import Mac, Net

if TYPE_CHECKING:
    from podwire.linux.link import Link

_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
_HEALTH_KEY = "cilium-health"
_HEALTH_IFNAME = "cilium"


class CiliumBackend:
    """Operator and agents of one cluster. Its own state: the pool, the identities, and what each agent knows."""

    name = "cilium"
    plugin = "cilium-cni"
    types = frozenset({"cilium-cni"})
    shares_pods = True

    def __init__(self, config: Cilium) -> None:
        config.check()
        self.config = config
        self.identities = Identities()
        self.agents: tuple[Agent, ...] = (CiliumAgent(self),)
        self._pool = ClusterPool(config.pool, config.ipam_operator_cluster_pool_ipv4_mask_size)
        self._states: dict[str, NodeState] = {}

    def state(self, node: str) -> NodeState:
        """What the agent of a node knows."""
        return self._states[node]

    def others(self, node: str, view: View) -> list[NodeState]:
        """The other nodes whose agents have started, in the order in which they came."""
        return [self._states[each.name] for each in view.nodes() if each.name != node and each.name in self._states]

    def interface(self, pod: PodSpec) -> str:
        """The pod's interface on its node."""
        return interface_name(pod.container)

    def configure(self, config: Cilium) -> None:
        """New settings. Raises ``ConfigError`` or ``NotModelled`` before anything changes."""
        config.check()
        fixed = (
            "ipam_mode",
            "ipam_operator_cluster_pool_ipv4_pod_cidr_list",
            "ipam_operator_cluster_pool_ipv4_mask_size",
        )
        for field in fixed:
            if self._states and getattr(config, field) != getattr(self.config, field):
                raise ConfigError(
                    "Cilium", f"{field} cannot be changed in a cluster that has nodes: they keep their pod CIDRs"
                )
        self.config = config
        if not self._states:
            self._pool = ClusterPool(config.pool, config.ipam_operator_cluster_pool_ipv4_mask_size)

    # -- an agent starts -----------------------------------------------------------------------------------------

    def install(self, node: NodeSpec, door: Netlink, view: View) -> None:
        """The DaemonSet's pod starts: range, router address, cilium_host and cilium_net. A second start finds them."""
        del view
        own = Netlink(door.netns, Owner("cilium-agent"))
        path, text = self.conflist(node)
        node.machine.root.files[path] = text
        own.sysctl_write("net/ipv4/ip_forward", "1")
        here = self._states.get(node.name)
        if here is None:
            here = self._states[node.name] = self._register(node)
        here.start_again()
        here.is_api_server = _CONTROL_PLANE in node.labels
        self._host_pair(own, node, here)
        self._health(own, node, here)

    def conflist(self, node: NodeSpec) -> tuple[str, str]:
        """What the agent writes (``05-cilium.conflist``): no portmap, so that a hostPort leads nowhere without kube-proxy replacement."""
        del node
        own = {"type": "cilium-cni", "enable-debug": False, "log-file": "/var/run/cilium/cilium-cni.log"}
        document = {"cniVersion": "0.3.1", "name": "cilium", "plugins": [own]}
        return "/etc/cni/net.d/05-cilium.conflist", json.dumps(document, indent=2) + "\n"

    def _register(self, node: NodeSpec) -> NodeState:
        """The operator gives the node a range, the agent draws its router address from it."""
        stream = node.machine.random("cilium-ipam")
        cidr = self._pod_cidr(node)
        ipam = HostScope(cidr, stream, local_addresses(node.machine.root.netns))
        return NodeState(node.name, cidr, node.internal_ip, ipam, node.machine.random("cilium-endpoint"))

    def _pod_cidr(self, node: NodeSpec) -> Net:
        if self.config.ipam_mode == "cluster-pool":
            return self._pool.allocate(node.name)
        if node.pod_cidr is None:
            raise ConfigError(f"node {node.name!r}", "has no pod_cidr, and ipam_mode='kubernetes' allocates from it")
        return node.pod_cidr

    def _host_pair(self, door: Netlink, node: NodeSpec, here: NodeState) -> None:
        mtu = mtu_of(node, self.config).device
        host = door.netns.link(HOST)
        if host is None:
            host = door.link_add(HOST, "veth", mtu=mtu, peer=Peer(NET, None, None, mtu))
        ends: list[Link] = [link for link in (host, host.peer) if link is not None]
        for link in ends:
            if not link.noarp:
                door.link_set_arp(link, on=False)
            if not link.is_up:
                door.link_up(link)
            if link.mtu != mtu:
                door.link_set_mtu(link, mtu)
        if all(address.local != here.router for address in host.addresses):
            door.addr_add(host, here.router, here.router.bits)

    def _health(self, door: Netlink, node: NodeSpec, here: NodeState) -> None:
        """The health endpoint: a namespace of the agent's own, wired like a pod (section 1.6)."""
        have = here.endpoints.get(_HEALTH_KEY)
        if not self.config.has_health_endpoint:
            if have is not None:
                self._remove(door, here, _HEALTH_KEY)
                node.machine.remove_netns(have.netns)
                here.health = None
            return
        if have is not None:
            return
        ip = here.ipam.allocate_next("health")
        netns = node.machine.new_netns(f"{node.name}/cilium-health")
        inside = Netlink(netns, door.writer)
        inside.link_up(netns.loopback)
        wire(HEALTH, "tmphealth", _HEALTH_IFNAME, ip, here.router, mtu_of(node, self.config), door, inside, None)
        here.health = ip
        number = here.new_endpoint_id()
        here.endpoints[_HEALTH_KEY] = Endpoint(
            number, "health", ip, int(Reserved.HEALTH), HEALTH, netns, _HEALTH_IFNAME
        )

    # -- pods ----------------------------------------------------------------------------------------------------

    def identity_of(self, pod: PodSpec, node: NodeSpec) -> int:
        """The number of the pod's labels."""
        stream = node.machine.world.random("cilium", "identities")
        return self.identities.allocate(security_labels(pod.namespace, pod.labels), stream)

    def refresh_identities(self, view: View) -> None:
        """Pods whose labels have changed get another identity."""
        for node in view.nodes():
            state = self._states.get(node.name)
            if state is None:
                continue
            for pod in view.pods_on(node.name):
                endpoint = state.endpoints.get(pod.container)
                if endpoint is not None:
                    endpoint.identity = self.identity_of(pod, node)

    def cni_add(self, pod: PodSpec, node: NodeSpec, door: Netlink, pod_door: Netlink) -> CniResult:
        """ADD: an address, the pair, an endpoint. Raises ``IpamError`` where the range is full; nothing is left behind."""
        here = self._states[node.name]
        ip = here.ipam.allocate_next(pod.key)
        name = self.interface(pod)
        mac = Mac.parse(pod.mac) if pod.mac else None
        temporary = temporary_name(pod.container)
        try:
            wire(name, temporary, "eth0", ip, here.router, mtu_of(node, self.config), door, pod_door, mac)
        except PodwireError:
            here.ipam.release(ip)
            raise
        number = here.new_endpoint_id()
        here.endpoints[pod.container] = Endpoint(number, pod.key, ip, self.identity_of(pod, node), name, pod.netns)
        pod.ip = ip
        return CniResult(ip, ip.bits, here.router, name)

    def cni_del(self, pod: PodSpec, node: NodeSpec, door: Netlink) -> None:
        """DEL: endpoint and address go, and the pair with them."""
        self._remove(door, self._states[node.name], pod.container)
        link = door.netns.link(self.interface(pod))
        if link is not None:
            door.link_del(link)

    def _remove(self, door: Netlink, here: NodeState, container: str) -> None:
        endpoint = here.endpoints.pop(container, None)
        if endpoint is None:
            return
        here.ipam.release(endpoint.ip)
        link = door.netns.link(endpoint.interface)
        if link is not None:
            door.link_del(link)
