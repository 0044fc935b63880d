"""Putting a cluster together: networks, machines, pods, and what one asks of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from podwire.cluster.handles import Handle, Host, Node, Pod, target_text
from podwire.cluster.machines import Builder, NicSpec
from podwire.cluster.pods import Kubelet
from podwire.cluster.running import CommandResult
from podwire.cni.backend import Backend
from podwire.cni.calico.backend import CalicoBackend
from podwire.cni.calico.config import Calico
from podwire.errors import ConfigError
from podwire.export import trace_files
from podwire.fabric.cloud import GcpVpc
from podwire.fabric.firewall import FirewallRule
from podwire.fabric.network import Network
from podwire.fabric.segment import Segment
from podwire.platform.gke import GKE
from podwire.trace.renderers import Renderers
from podwire.trace.trace import Trace
from podwire.wire.addr import Ip

if TYPE_CHECKING:
    from podwire.cluster.capture import Capture
    from podwire.kube.manifest import Source

# The formats of a trace live above it; here both are known.
Trace.renderers = Renderers(packets=trace_files.packets, save=MappingProxyType({".pcapng": trace_files.save_pcapng}))

__all__ = ["Cluster", "CommandResult", "Handle", "Host", "NicSpec", "Node", "Pod"]


def _backend(cni: Calico | GKE) -> Backend:
    if isinstance(cni, GKE):
        return cni.backend()
    if isinstance(cni, Calico):
        return CalicoBackend(cni)
    raise ConfigError("Cluster", f"expected Calico(…) or GKE(…) as its CNI, got {cni!r}")


class Cluster:
    """A simulated cluster.

    ``Cluster(GKE(dataplane="calico"), nodes=2)`` has node1 and node2 on one network; ``nodes=0`` starts empty. Same
    seed, same bytes.
    """

    def __init__(self, cni: Calico | GKE, nodes: int = 0, *, seed: int = 0) -> None:
        self.cni = cni
        self.backend = _backend(cni)
        self.network = Network(seed)
        self._builder = Builder(self.network, cni)
        self._kubelet = Kubelet(self.network, self.backend)
        self._nodes: dict[str, Node] = {}
        self._hosts: dict[str, Host] = {}
        self._pods: dict[str, Pod] = {}
        for number in range(1, nodes + 1):
            self.add_node(f"node{number}")

    # -- networks and machines -----------------------------------------------------------------------------------

    def add_network(self, name: str, cidr: str, *, mtu: int = 1500, latency: float | None = None) -> Segment:
        """An L2 segment; ``latency`` in seconds from NIC to NIC (250 µs by default).

        Raises ``ConfigError`` for a bad CIDR or a name in use.
        """
        return self._builder.add_segment(name, cidr, mtu, latency)

    def add_vpc(
        self,
        name: str,
        cidr: str,
        *,
        project: str = "project_id",
        zone: str = "us-central1-a",
        firewall: Sequence[FirewallRule] = (),
    ) -> GcpVpc:
        """A Google VPC with one subnet. GKE's own firewall rules are there already when the cluster is GKE."""
        return self._builder.add_vpc(name, cidr, project, zone, firewall)

    def add_router(
        self,
        name: str,
        nics: Mapping[str, str] | Sequence[NicSpec],
        *,
        loopbacks: Sequence[str] = (),
        image: str = "debian-12",
    ) -> Host:
        """A Linux router: network name to address, or NICs; forwarding is on.

        ``loopbacks`` are addresses on dummy devices loop1, loop2 …

        Raises ``ConfigError`` for an unknown network or a bad address.
        """
        specs = (
            [NicSpec(f"eth{i}", net, address) for i, (net, address) in enumerate(nics.items())]
            if isinstance(nics, Mapping)
            else list(nics)
        )
        machine = self._builder.add_router(name, specs, image, loopbacks)
        return self._keep(Host(self, machine.root))

    def add_host(self, name: str, address: str, *, network: str | None = None, image: str = "debian-12") -> Host:
        """A machine outside the cluster: on the Internet, or on a segment (then ``address`` has a prefix length)."""
        machine = self._builder.add_host(name, address, network, image)
        return self._keep(Host(self, machine.root))

    def _keep(self, host: Host) -> Host:
        self._hosts[host.name] = host
        return host

    def add_node(  # the fields of a node
        self,
        name: str,
        address: str | None = None,
        *,
        network: str | None = None,
        nics: Sequence[NicSpec] = (),
        gateway: str | None = None,
        routes: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        pod_cidr: str | None = None,
        external_ip: str | None = None,
        mtu: int | None = None,
        image: str | None = None,
    ) -> Node:
        """A node joins: its machine boots, the CNI's DaemonSet starts there.

        Without ``address`` and ``network`` the next free address of the cluster's first network is taken. Raises
        ``ConfigError`` that names the node.
        """
        spec = self._builder.add_node(
            name, address, network, list(nics), gateway, list(routes), pod_cidr, external_ip, mtu, image
        )
        node = Node(self, spec.machine.root, spec)
        node.labels = {"kubernetes.io/hostname": name, **(labels or {})}
        self._nodes[name] = node
        self._kubelet.start_node(spec)
        return node

    # -- pods ----------------------------------------------------------------------------------------------------

    def run(  # the flags of kubectl run
        self,
        name: str,
        *,
        node: str | None = None,
        namespace: str = "default",
        labels: Mapping[str, str] | None = None,
        image: str = "nicolaka/netshoot",
        ports: Sequence[int] = (),
    ) -> Pod:
        """``kubectl run``: a pod on ``node``, or on the node with the fewest pods.

        Raises ``ConfigError``, and the plugin's own error where CNI ADD fails.
        """
        target = self._pick_node(node)
        key = f"{namespace}/{name}"
        if key in self._pods:
            raise ConfigError(f"pod {key!r}", "already exists")
        spec, place = self._kubelet.run(target.spec, namespace, name, image, tuple(ports))
        pod = Pod(self, place, spec, target)
        pod.labels = dict(labels) if labels is not None else {"run": name}
        self._pods[key] = pod
        return pod

    def _pick_node(self, name: str | None) -> Node:
        if name is not None:
            return self.node(name)
        if not self._nodes:
            raise ConfigError("Cluster", "has no nodes; add one with add_node")
        load = {node: sum(pod.node.name == node for pod in self._pods.values()) for node in self._nodes}
        return self._nodes[min(load, key=lambda node: load[node])]

    def delete_pod(self, pod: Pod) -> None:
        """``kubectl delete pod``."""
        self._kubelet.stop(pod.node.spec, pod.spec)
        del self._pods[pod.spec.key]

    def apply(self, source: Source) -> list[str]:
        """``kubectl apply -f``: a path, YAML text, a mapping or several. Returns lines such as ``pod/pod1 created``.

        Raises ``ManifestError`` with file, line and field; nothing is applied then.
        """
        from podwire.kube.manifest import load_objects

        return self._kubelet.apply(self, load_objects(source))

    def delete(self, source: Source) -> list[str]:
        """``kubectl delete -f``: kind, namespace and name count. Returns lines such as ``pod "pod1" deleted``."""
        from podwire.kube.manifest import load_references

        return self._kubelet.delete(self, load_references(source))

    # -- looking things up ---------------------------------------------------------------------------------------

    def pod(self, name: str) -> Pod:
        """``default/pod1``, or ``pod1`` where that is unambiguous; raises ``ConfigError`` that lists what there is."""
        if name in self._pods:
            return self._pods[name]
        found = [pod for key, pod in self._pods.items() if key.partition("/")[2] == name]
        if len(found) == 1:
            return found[0]
        what = (
            f"is ambiguous: {', '.join(pod.name for pod in found)}"
            if found
            else f"is not there; pods are {self._list(self._pods)}"
        )
        raise ConfigError(f"pod {name!r}", what)

    def node(self, name: str) -> Node:
        """The node of that name; raises ``ConfigError`` that lists what there is."""
        if name not in self._nodes:
            raise ConfigError(f"node {name!r}", f"is not there; nodes are {self._list(self._nodes)}")
        return self._nodes[name]

    def host(self, name: str) -> Host:
        """The host or router of that name; raises ``ConfigError`` that lists what there is."""
        if name not in self._hosts:
            raise ConfigError(f"host {name!r}", f"is not there; hosts are {self._list(self._hosts)}")
        return self._hosts[name]

    def machine(self, name: str) -> Handle:
        """A node, router, host or pod by name; raises ``ConfigError`` that lists what there is."""
        for machines in (self._nodes, self._hosts):
            if name in machines:
                return machines[name]
        if not any(name in {key, key.partition("/")[2]} for key in self._pods):
            known = self._list((*self._nodes, *self._hosts, *self._pods))
            raise ConfigError(f"machine {name!r}", f"is not there; machines are {known}")
        return self.pod(name)

    @property
    def pods(self) -> tuple[Pod, ...]:
        """All pods, in order of creation."""
        return tuple(self._pods.values())

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes, in order of creation."""
        return tuple(self._nodes.values())

    @staticmethod
    def _list(names: Iterable[str]) -> str:
        return ", ".join(names) or "none"

    def address_of(self, target: str | Ip | Handle) -> str:
        """What a command gets as its target.

        The address of a handle or of a pod, node or host of that name, else the text as it is.
        """
        if isinstance(target, str):
            for group in (self._pods, self._nodes, self._hosts):
                if target in group:
                    return target_text(group[target])
            named = [pod for pod in self._pods.values() if pod.spec.name == target]
            if len(named) == 1:
                return target_text(named[0])
        return target_text(target)

    def interface_of(self, pod: Pod) -> str:
        """The name of a pod's interface on its node."""
        return self._kubelet.interface_of(pod.spec)

    # -- time and captures ---------------------------------------------------------------------------------------

    def sleep(self, seconds: float) -> None:
        """Let virtual time pass, with everything that happens in it."""
        self.network.sleep(round(seconds * 1_000_000_000))

    def capture(self, *devices: str, filter: str = "") -> Capture:
        """A capture on devices such as ``node1:cali*`` or ``default/pod1:eth0`` (patterns as in fnmatch.

        All without any), from now until the ``with`` block ends. ``filter`` is tcpdump's language; raises
        ``PodwireError`` for one that does not parse.
        """
        from podwire.cluster.capture import Capture

        return Capture(self.network, devices, filter)
