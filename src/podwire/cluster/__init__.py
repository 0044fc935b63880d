"""Putting a cluster together: networks, machines, pods, and what one asks of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from podwire.cluster import manifests, naming
from podwire.cluster.bgp.obstacles import obstructed
from podwire.cluster.cables import NicSpec
from podwire.cluster.handles import Handle, Host, HostPod, Node, Pod, Service, target_text
from podwire.cluster.machines import Builder
from podwire.cluster.operations import Operations
from podwire.cluster.pods import Kubelet, RunningAgent
from podwire.cluster.running import CommandResult, words_of
from podwire.cluster.serving.server import Port, Serving, ports_of
from podwire.cluster.underlay import Underlay
from podwire.cni.backend import CniSettings, PortMapping
from podwire.errors import ConfigError, NotModelled, PodwireError
from podwire.export import trace_files
from podwire.fabric.network import Network
from podwire.linux.image import image as image_named
from podwire.linux.machine import Machine, Place
from podwire.platform.gke import GKE
from podwire.platform.gke.agent import KEY, NAME, NAMESPACE
from podwire.trace.renderers import Renderers
from podwire.trace.trace import Trace
from podwire.wire.addr import Ip

if TYPE_CHECKING:
    from podwire.cluster.api import Api
    from podwire.cluster.capture import Capture
    from podwire.cluster.dns.addon import ClusterDns
    from podwire.cluster.dns.server import CoreDns
    from podwire.cluster.reachability import Reachability
    from podwire.kube.manifest import Source
    from podwire.tools.ops import ClusterOps

# The formats of a trace live above it; here both are known.
Trace.renderers = Renderers(packets=trace_files.packets, save=MappingProxyType({".pcapng": trace_files.save_pcapng}))

_A = TypeVar("_A")
_B = TypeVar("_B")

__all__ = ["Cluster", "CommandResult", "Handle", "Host", "NicSpec", "Node", "Pod"]


class Cluster(Underlay):
    """A simulated cluster.

    ``Cluster(GKE(dataplane="calico"), nodes=2)`` has node1 and node2 on one network; ``nodes=0`` starts empty. Same
    seed, same bytes.
    """

    def __init__(self, cni: CniSettings, nodes: int = 0, *, seed: int = 0, dns: bool = False) -> None:
        if not hasattr(cni, "new_backend"):
            raise ConfigError("Cluster", f"expected Calico(…), Cilium(…) or GKE(…) as its CNI, got {cni!r}")
        self.cni = cni
        self.backend = cni.new_backend()
        self.network = Network(seed)
        self.born = self.network.now
        """When it began, in ns since 1970."""
        self._builder = Builder(self.network, cni)
        self._kubelet = Kubelet(self.network, self.backend)
        self._kubelet.bgp.filtered = lambda source, target: obstructed(self.networks, source, target)
        for agent in cni.new_agents(self._masquerade_config) if isinstance(cni, GKE) else ():
            self._kubelet.add_agent(agent)
        self._nodes: dict[str, Node] = {}
        self._hosts: dict[str, Host] = {}
        self._pods: dict[str, Pod] = {}
        self._api: Api | None = None
        self.operations: ClusterOps = Operations(self)
        """What kubectl and its kin act on."""
        self.control_plane = "https://127.0.0.1:6443"
        """The URL of the API server, as ``kubectl cluster-info`` prints it."""
        self._workstation: Host | None = None
        self._dns: ClusterDns | None = None
        for number in range(1, nodes + 1):
            self.add_node(f"node{number}")
        if dns:
            self.add_dns()

    # -- nodes ---------------------------------------------------------------------------------------------------

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
        source_dest_check: bool = True,
    ) -> Node:
        """A node joins: its machine boots, the CNI's DaemonSet starts there.

        Without ``address`` and ``network`` the next free address of the cluster's first network is taken, and without
        ``gateway`` and ``routes`` a router there shows the way (``cluster.ways``). ``source_dest_check`` is a switch of clouds, see
        ``set_nic``. Raises ``ConfigError`` that names the node.
        """
        spec = self._builder.add_node(
            name,
            address,
            network,
            list(nics),
            gateway,
            list(routes),
            pod_cidr,
            external_ip,
            mtu,
            image,
            source_dest_check,
        )
        node = Node(self, spec.machine.root, spec)
        node.external_ip = external_ip
        node.labels.update({"kubernetes.io/hostname": name, **(labels or {})})
        self._nodes[name] = node
        self._kubelet.start_node(spec)
        if self._dns is not None:
            self._dns.node_joined(node)
        self._act()
        return node

    # -- DNS -----------------------------------------------------------------------------------------------------

    @property
    def dns(self) -> ClusterDns | None:
        """CoreDNS, where the cluster has it."""
        return self._dns

    def add_dns(self, *, upstream: str | None = None) -> ClusterDns:
        """Install CoreDNS as kubeadm does: two replicas and the Service ``kube-system/kube-dns``, by which pods resolve names.

        A cluster has none until it is asked for. ``upstream`` is the address of the name server in the nodes' /etc/resolv.conf, to which
        CoreDNS forwards what is not the cluster's; without it that is the platform's. Raises ``ConfigError`` where CoreDNS runs already.
        """
        from podwire.cluster.dns.addon import ClusterDns

        if self._dns is not None:
            raise ConfigError("Cluster", "has CoreDNS already")
        self._dns = ClusterDns(self, upstream)
        self._dns.install()
        return self._dns

    def give_names(self, pod: Pod, spec: Mapping[str, Any]) -> None:
        """Write the /etc/resolv.conf that the ``spec`` of a pod asks for; without DNS in the cluster only ``dnsConfig`` asks for one."""
        naming.give_names(self, pod, spec)

    def add_name_server(self, machine: str, names: Mapping[str, str]) -> CoreDns:
        """A name server on a host, router or node: ``names`` are those that it knows, with their addresses; all others do not exist.

        It listens on port 53, UDP and TCP. Raises ``ConfigError`` for a machine that is not there, or a name or address that is none.
        """
        from podwire.cluster.dns.standalone import start_name_server

        return start_name_server(self, machine, names)

    # -- pods ----------------------------------------------------------------------------------------------------

    def run(  # the flags of kubectl run
        self,
        name: str,
        *,
        node: str | None = None,
        namespace: str = "default",
        labels: Mapping[str, str] | None = None,
        image: str = "nicolaka/netshoot",
        ports: Sequence[int | Port] | None = None,
        host_ports: Sequence[PortMapping] = (),
    ) -> Pod:
        """``kubectl run``: a pod on ``node``, or on the node with the fewest pods.

        Each of ``ports`` answers HTTP, as the program of ``image`` does (nginx, traefik/whoami), else with the pod's name; None for
        those on which that program listens by itself. Raises ``ConfigError``, and the plugin's own error where CNI ADD fails.
        """
        opened = () if ports is not None and not ports else ports_of(f"pod {namespace}/{name}", image, ports or ())
        target = self._pick_node(node)
        key = f"{namespace}/{name}"
        if key in self._pods:
            raise ConfigError(f"pod {key!r}", "already exists")
        own = dict(labels) if labels is not None else {"run": name}
        spec, place = self._kubelet.run(target.spec, namespace, name, image, opened, labels=own, mappings=host_ports)
        pod = Pod(self, place, spec, target)
        pod.image, pod.opened = image, opened
        self._pods[key] = pod
        self._act()
        return pod

    def run_on_host(self, name: str, node: str, namespace: str, labels: Mapping[str, str], image: str) -> Pod:
        """A pod with ``hostNetwork: true``: a container in the network of its node, of which the CNI hears nothing."""
        target = self.node(node)
        spec, place = self._kubelet.run_on_host(target.spec, namespace, name, image, dict(labels))
        pod = HostPod(self, place, spec, target)
        pod.image = image
        self._pods[spec.key] = pod
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
        if isinstance(pod, HostPod):
            self._kubelet.stop_on_host(pod.spec)
        else:
            self._kubelet.stop(pod.node.spec, pod.spec)
        del self._pods[pod.spec.key]
        self._act()

    def restart_pod(self, pod: Pod) -> None:
        """See ``Pod.restart``."""
        if isinstance(pod, HostPod):
            raise ConfigError(f"pod {pod.spec.key!r}", "has no sandbox of its own: it shares the network of its node")
        self.settle()
        spec, node = pod.spec, pod.node.spec
        self._kubelet.stop(node, spec)
        try:
            new, place = self._kubelet.run(
                node, spec.namespace, spec.name, pod.image, pod.opened, labels=spec.labels, mappings=spec.mappings
            )
        except PodwireError:
            del self._pods[spec.key]
            self._act()
            raise
        pod.moved(new, place)
        if self._api is not None:
            self._api.restarted(pod)
        self._act()

    # -- the API -------------------------------------------------------------------------------------------------

    @property
    def api(self) -> Api:
        """The API server with its controllers, built when it is first asked for."""
        if self._api is None:
            from podwire.cluster.api import Api

            self._api = Api(self)
        return self._api

    @property
    def kubelet(self) -> Kubelet:
        """The kubelets of all nodes: for the API, which runs pods and agents by them."""
        return self._kubelet

    @property
    def has_api(self) -> bool:
        """Something has asked for the API."""
        return self._api is not None

    def _masquerade_config(self) -> str | None:
        """What the ip-masq-agent's volume holds: its ConfigMap is optional."""
        stored = self._api.store.get("ConfigMap", NAME, NAMESPACE) if self._api is not None else None
        found = (stored.document.get("data") or {}).get(KEY) if stored is not None else None
        return found if isinstance(found, str) else None

    def _act(self) -> None:
        """Controllers see what was done by hand."""
        if self._api is not None:
            self._api.settle()

    def service(self, name: str) -> Service:
        """``default/webpod``, or ``webpod`` where that is unambiguous; raises ``ConfigError`` that lists what there is."""
        from podwire.cluster.api import service_of

        return Service(self, service_of(self, name))

    def apply(self, source: Source) -> list[str]:
        """``kubectl apply -f``: a path, YAML text, a mapping or several. Returns lines such as ``pod/pod1 created``.

        Raises ``ManifestError`` with file, line and field; nothing is applied then.
        """
        from podwire.kube.manifest import load_objects

        return manifests.apply(self, load_objects(source))

    def delete(self, source: Source) -> list[str]:
        """``kubectl delete -f``: kind, namespace and name count. Returns lines such as ``pod "pod1" deleted``."""
        from podwire.kube.manifest import load_references

        return manifests.delete(self, load_references(source))

    @property
    def workstation(self) -> Host:
        """Where the operator sits: no cable leads there, but kubectl reaches the API. Its files are its own."""
        if self._workstation is None:
            machine = Machine(self.network, "workstation", image_named("debian-12"))
            self._workstation = Host(self, machine.root)
        return self._workstation

    def kubectl(self, command: str | Sequence[str], *, stdin: str = "") -> CommandResult:
        """``kubectl COMMAND``, typed at the operator's workstation: ``lab.kubectl("get pods -o wide")``.

        Raises ``PodwireError`` for shell syntax and ``NotModelled`` for what podwire's kubectl lacks; what the API server refuses is
        printed, and the exit code is 1.
        """
        words = words_of(command)
        return self.workstation.exec(words if words[0] == "kubectl" else ["kubectl", *words], stdin=stdin)

    def upgrade(self, **values: Any) -> None:
        """``helm upgrade --reuse-values --set …``, and the rollout: settings by name in snake case, as the CNI's class takes them.

        Raises ``ConfigError`` or ``NotModelled`` before anything changes.
        """
        if isinstance(self.cni, GKE):
            raise NotModelled("changing the settings of a running GKE cluster: Google makes its nodes anew then")
        if not isinstance(self.cni, msgspec.Struct):
            raise NotModelled(f"new settings of {type(self.cni).__name__}, which is no msgspec.Struct")
        unknown = [name for name in values if name not in self.cni.__struct_fields__]
        if unknown:
            kind = type(self.cni).__name__
            known = ", ".join(self.cni.__struct_fields__)
            raise ConfigError(kind, f"has no setting {unknown[0]!r}; settings are {known}")
        config = msgspec.structs.replace(self.cni, **values)
        # What the agents have still to do, they do with the settings of that time.
        self.settle()
        self.backend.configure(config)
        self.cni = config
        self._kubelet.rollout()

    def settle(self) -> None:
        """Agents that have not acted yet on what changed elsewhere do so now. Commands, packets and time do this by themselves."""
        self._kubelet.settle()

    def told(self) -> None:
        """Something changed in the API that agents read: they act at once, node after node."""
        self._act()
        self._kubelet.told()
        self._kubelet.settle()

    def agent(self, node: str, name: str) -> RunningAgent:
        """An agent on a node, to hold it back or restart it; raises ``ConfigError`` that lists what there is."""
        return self._kubelet.agent(node, name)

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
        if name == "workstation":
            return self.workstation
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

    def resolve(self, place: Place, name: str) -> Ip | None:
        """The address that a program on ``place`` gets for a name from its name servers, by packets.

        None where there are none, where they know no such name, and where they do not answer.
        """
        return naming.resolve(self, place, name)

    def address_of(self, target: str | Ip | Handle | Service) -> str:
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

    def serving_of(self, pod: Pod) -> Serving:
        """What listens in a pod: whom it saw, what it printed."""
        return self._kubelet.serving_of(pod.spec)

    def interface_of(self, pod: Pod) -> str:
        """The name of a pod's interface on its node."""
        return self._kubelet.interface_of(pod.spec)

    # -- time and captures ---------------------------------------------------------------------------------------

    def sleep(self, seconds: float) -> None:
        """Let virtual time pass, with everything that happens in it."""
        self.settle()
        self.network.sleep(round(seconds * 1_000_000_000))

    def reachability(self, port: int = 80, protocol: str = "TCP", *, timeout: float = 1.0) -> Reachability:
        """Every pod to every pod: whether a new connection from the one's namespace reaches the other's socket.

        Real connections ask, one after the other; each that is not answered takes ``timeout`` virtual seconds. Raises ``ConfigError``
        for another protocol than TCP and UDP, ``NotModelled`` for SCTP.
        """
        from podwire.cluster.reachability import reachability

        return reachability(self, port, protocol, timeout)

    def race(self, first: Callable[[], _A], second: Callable[[], _B]) -> tuple[_A, _B]:
        """What two CPUs do at once: ``first`` up to where connection tracking confirms its connection, all of ``second``, the rest.

        Two packets of one flow clash so (``conntrack -S``: insert_failed, clash_resolve). Both are called without arguments, and
        what they return is returned. Raises ``PodwireError`` where the first packet begins no connection.
        """
        from podwire.cluster.races import race

        self.settle()
        return race(self.network, first, second)

    def capture(self, *devices: str, filter: str = "") -> Capture:
        """A capture on devices such as ``node1:cali*`` or ``default/pod1:eth0`` (patterns as in fnmatch.

        All without any), from now until the ``with`` block ends. ``filter`` is tcpdump's language; raises
        ``PodwireError`` for one that does not parse.
        """
        from podwire.cluster.capture import Capture

        self.settle()
        self._kubelet.bgp.watch([device.partition(":")[0] for device in devices] or ["*"], filter)
        return Capture(self.network, devices, filter)
