"""What the kubelet and the container runtime do for a pod: sandbox, CNI ADD and DEL, files."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from podwire.cluster.bgp.carrier import Carrier
from podwire.cluster.serving.server import Port, Serving, Starter, open_ports
from podwire.cni import loopback
from podwire.cni.backend import Agent, Backend, NodeSpec, PodSpec, PortMapping, Rescan, Rescans, Rounds
from podwire.cni.plugins.runtime import Runtime, words
from podwire.cni.reconcile import reconcile
from podwire.errors import ConfigError, PodwireError
from podwire.linux.image import image_of_container
from podwire.linux.machine import Place
from podwire.linux.netlink import Netlink
from podwire.tools.resolving.resolvconf import PATH as RESOLV_CONF
from podwire.trace.events import Owner

if TYPE_CHECKING:
    from podwire.cluster.bgp.speaker import BgpSpeaker
    from podwire.fabric.network import Network

_HOSTS = """# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
"""
_RUNTIME = Owner("containerd")


class RunningAgent:
    """An agent on one node, in its pod of the DaemonSet. While it is paused, nothing is compared and nothing repaired."""

    def __init__(self, kubelet: Kubelet, node: NodeSpec, agent: Agent) -> None:
        self._kubelet = kubelet
        self._node = node
        self.agent = agent
        self.paused = False
        self._armed: set[Rescan] = set()
        self._life = 0
        """How often its program has started; a round that an earlier life had planned does not come."""
        self._late = False
        """A round was due while it was paused."""

    @property
    def name(self) -> str:
        """Such as ``felix``, ``bird`` or ``cilium-agent``."""
        return self.agent.name

    @property
    def log(self) -> tuple[str, ...]:
        """What it has logged on this node, oldest first; nothing for an agent whose words podwire does not keep."""
        lines = getattr(self.agent, "log", None)
        return tuple(lines(self._node.name)) if lines is not None else ()

    @property
    def ready(self) -> str:
        """What the readiness probe says of it: empty where it is ready, or where it is never asked. Of BIRD: who it has no session with."""
        asked = getattr(self.agent, "ready", None)
        if asked is None:
            return ""
        self._kubelet.settle()
        return str(asked(self._node, self._kubelet))

    def pause(self) -> None:
        """Hold it back: what happens from now on does not reach the node's kernel by it."""
        self._kubelet.settle()
        self.paused = True

    def resume(self) -> None:
        """Go on, and catch up."""
        self.paused = False
        if self._late:
            self._round(self._life)
        self._kubelet.sync(self._node)

    def restart(self) -> None:
        """The container starts again: what it does at its start, then everything is compared."""
        self.paused, self._late = False, False
        if self._life:
            self._round(self._begin())
        self._kubelet.install(self._node)

    def sync(self) -> int:
        """Compare and repair; returns the number of changes."""
        if self.paused:
            return 0
        door = Netlink(self._node.machine.root.netns, Owner(self.agent.name))
        changes = reconcile(door, self.agent.desired(self._node, self._kubelet))
        self.agent.program(self._node, door, self._kubelet)
        if not self._life:
            self._round(self._begin())
        return changes

    def _begin(self) -> int:
        self._life += 1
        return self._life

    def _round(self, life: int) -> None:
        """One round of an agent that works in rounds, and the next when it has slept."""
        if not isinstance(self.agent, Rounds) or life != self._life:
            return
        self._late = self.paused
        if not self.paused:
            netns = self._node.machine.root.netns
            with self._kubelet.own_change(self._node):
                sleep = self.agent.round(self._node, Netlink(netns, Owner(self.agent.name)))
            self._kubelet.after(sleep, partial(self._round, life))

    def arm(self) -> None:
        """Somebody has changed the node: the agent will see it when it looks again."""
        for rescan in self.agent.rescans if isinstance(self.agent, Rescans) else ():
            if rescan not in self._armed:
                self._armed.add(rescan)
                self._kubelet.after(rescan.period, partial(self._look_again, rescan))

    def _look_again(self, rescan: Rescan) -> None:
        self._armed.discard(rescan)
        if not self.paused:
            door = Netlink(self._node.machine.root.netns, Owner(self.agent.name))
            reconcile(door, rescan.desired(self._node, self._kubelet))
            self._kubelet.notice(self._node)


class Kubelet:
    """The kubelets of all nodes, with their runtime. Implements ``cni.backend.View``."""

    def __init__(self, network: Network, backend: Backend) -> None:
        self._network = network
        self._backend = backend
        self.bgp = Carrier(network)
        """The BGP sessions of all machines."""
        self._runtime = Runtime(backend)
        self._nodes: dict[str, NodeSpec] = {}
        self._pods: dict[str, list[PodSpec]] = {}
        self._servings: dict[str, Serving] = {}
        """By pod: ``namespace/name``."""
        self.resolv_conf: Callable[[NodeSpec, str, str], str] | None = None
        """What the /etc/resolv.conf of a pod says (node, namespace, name), in a cluster that has DNS."""
        self.starters: dict[str, Starter] = {}
        """Programs that open their sockets themselves, by the last part of their image's name."""
        self.api: Callable[[str], Sequence[Any]] | None = None
        """What ``objects`` gives, once there is an API server."""
        self.revision = 0
        self._agents: dict[str, tuple[RunningAgent, ...]] = {}
        self._others: tuple[Agent, ...] = ()
        """Agents beside those of the CNI."""
        self._stale: dict[str, NodeSpec] = {}
        """Nodes whose agents have not heard of the last changes elsewhere."""
        self._beside: dict[str, int] = {}
        """The generation of routers and hosts, when it was last seen."""
        self._seen: dict[str, int] = {}
        """The generation of each node's namespace after its agents acted, or when somebody else was last seen to have changed it."""

    @property
    def network(self) -> Network:
        """Where everything happens."""
        return self._network

    # -- what agents see -----------------------------------------------------------------------------------------

    def nodes(self) -> Iterator[NodeSpec]:
        """All nodes, in order of creation."""
        return iter(self._nodes.values())

    def node(self, name: str) -> NodeSpec | None:
        """The node of that name."""
        return self._nodes.get(name)

    def pods_on(self, node: str) -> Iterator[PodSpec]:
        """The pods of a node that have an address, in order of creation."""
        return (pod for pod in self._pods.get(node, []) if pod.ip is not None)

    def pods(self) -> Iterator[PodSpec]:
        """All pods that have an address, node by node."""
        return (pod for node in self._nodes for pod in self.pods_on(node))

    def speaker(self, node: str) -> BgpSpeaker | None:
        """BIRD's sessions on a node; what comes by packets, its agents hear of at once."""
        spec = self._nodes.get(node)
        return None if spec is None else self.bgp.speaker(spec.machine, partial(self._heard, spec))

    def _heard(self, node: NodeSpec) -> None:
        self.revision += 1
        self.sync(node)

    def after(self, ns: int, callback: Callable[[], None]) -> None:
        """Call back when ``ns`` nanoseconds of virtual time have passed."""
        self._network.at(self._network.now + ns, callback)

    # -- nodes and their agents ----------------------------------------------------------------------------------

    def start_node(self, node: NodeSpec) -> None:
        """The CNI's DaemonSet starts on a node; the agents of the others hear of it when something looks at them."""
        self._nodes[node.name] = node
        self._pods[node.name] = []
        self.install(node)

    def install(self, node: NodeSpec) -> None:
        """The agents of a node start, or start again; the backend may have others than before."""
        running = self._agents.get(node.name, ())
        self._agents[node.name] = tuple(
            next((each for each in running if each.agent is agent), None) or RunningAgent(self, node, agent)
            for agent in (*self._backend.agents, *self._others)
        )
        door = Netlink(node.machine.root.netns, Owner(self._backend.name))
        self._backend.install(node, door, self)
        self.sync(node)
        self.told()

    def add_agent(self, agent: Agent) -> None:
        """A DaemonSet beside the CNI's: it starts on every node, and on those that join, after the CNI's agents."""
        self._others = (*self._others, agent)
        for node in self._nodes.values():
            self._agents[node.name] += (RunningAgent(self, node, agent),)
        self.told()

    def rollout(self) -> None:
        """``kubectl rollout restart daemonset``: the agents of every node start again, one node after the other."""
        for node in self._nodes.values():
            self.install(node)
        self.settle()

    def sync(self, node: NodeSpec) -> int:
        """The agents of a node compare and repair; returns the number of changes."""
        self._stale.pop(node.name, None)
        changes = sum(agent.sync() for agent in self._agents[node.name])
        self._seen[node.name] = node.machine.root.netns.generation
        return changes

    def objects(self, kind: str) -> Sequence[Any]:
        """What the API server has of a kind."""
        return self.api(kind) if self.api is not None else ()

    def told(self) -> None:
        """Something changed that agents of every node may care for."""
        self.revision += 1
        self._stale = dict(self._nodes)

    def adopted(self, name: str) -> None:
        """The API server has taken in a pod of this node that was there before: its agents see all of it now."""
        self.revision += 1
        self._stale[name] = self._nodes[name]
        if self._backend.shares_pods:
            self.told()

    def settle(self) -> None:
        """Agents that have not heard of the last changes act now: called before anything looks at a machine.

        So a node costs nothing until something looks, and a change is never half done where it can be seen.
        """
        for node in self._nodes.values():
            self.notice(node)
        self._notice_others()
        while self._stale:
            self.sync(next(iter(self._stale.values())))
        self._settle_routers()

    def _settle_routers(self) -> None:
        """Routers that speak BGP act, until nobody hears anything new."""
        if not self.bgp.routers:
            return
        before = -1
        while before != self.bgp.revision:
            before = self.bgp.revision
            for router in self.bgp.routers:
                router.act()
            if before != self.bgp.revision:
                self.told()
            while self._stale:
                self.sync(next(iter(self._stale.values())))
        for router in self.bgp.routers:
            self._beside[router.machine.name] = router.machine.root.netns.generation

    def notice(self, node: NodeSpec) -> None:
        """Where a node's kernel is not as its agents left it, they will find out when they look again."""
        generation = node.machine.root.netns.generation
        if self._seen.get(node.name) != generation:
            self._seen[node.name] = generation
            self.bgp.suspect(node.name)
            for agent in self._agents[node.name]:
                agent.arm()

    def _notice_others(self) -> None:
        """Somebody changed a router or a host: sessions may pass there."""
        changed = False
        for name, machine in self._network.machines.items():
            if name not in self._nodes:
                generation = machine.root.netns.generation
                changed = changed or self._beside.get(name, generation) != generation
                self._beside[name] = generation
        if changed:
            self.bgp.suspect()

    @contextmanager
    def own_change(self, node: NodeSpec) -> Iterator[None]:
        """An agent writes to its node: nobody has to find that out."""
        seen = self._seen.get(node.name) == node.machine.root.netns.generation
        yield
        if seen:
            self._seen[node.name] = node.machine.root.netns.generation

    def agent(self, node: str, name: str) -> RunningAgent:
        """The agent of that name on a node; raises ``ConfigError`` that lists what there is."""
        for agent in self._agents[node]:
            if agent.name == name:
                return agent
        known = ", ".join(agent.name for agent in self._agents[node]) or "none"
        raise ConfigError(f"agent {name!r} of node {node!r}", f"is not there; agents are {known}")

    # -- pods ----------------------------------------------------------------------------------------------------

    def run(
        self,
        node: NodeSpec,
        namespace: str,
        name: str,
        container_image: str,
        ports: Sequence[Port],
        *,
        labels: dict[str, str],
        mappings: Sequence[PortMapping] = (),
    ) -> tuple[PodSpec, Place]:
        """RunPodSandbox: a namespace with ``lo`` up, CNI ADD, the container, whose program listens on ``ports``.

        ``mappings`` are its hostPorts. Raises the plugin's error, and ``NetworkNotReady``; the sandbox is gone then.
        """
        machine = node.machine
        label = f"{namespace}/{name}"
        stream = machine.random("sandbox", label)
        netns = machine.new_netns(label)
        netns_name = f"cni-{uuid.UUID(int=stream.getrandbits(128), version=4)}"
        machine.netns_names[netns_name] = netns
        image = image_of_container(container_image)
        runtime = Netlink(netns, _RUNTIME)
        for key, value in image.sysctls.items():
            runtime.sysctl_write(key.replace(".", "/"), value)
        loopback.add(runtime)
        spec = PodSpec(
            namespace,
            name,
            f"{stream.getrandbits(256):064x}",
            netns,
            netns_name,
            node=node.name,
            labels=labels,
            mappings=tuple(mappings),
        )
        # What somebody has changed by now is not taken for the plugin's work.
        self.notice(node)
        try:
            self._runtime.add(spec, node)
        except PodwireError:
            self._abandon(node, spec)
            raise
        self._pods[node.name].append(spec)
        self._changed(node)
        place = Place(netns, image, name, container=True)
        place.files["/etc/hosts"] = f"{_HOSTS}{spec.ip}\t{name}\n"
        place.files["/etc/hostname"] = f"{name}\n"
        if self.resolv_conf is not None:
            place.files[RESOLV_CONF] = self.resolv_conf(node, namespace, name)
        serving = self._servings[spec.key] = Serving(self._network, netns, name)
        serving.files, serving.starters = place.files, self.starters
        open_ports(serving, ports)
        return spec, place

    def run_on_host(
        self, node: NodeSpec, namespace: str, name: str, container_image: str, labels: dict[str, str]
    ) -> tuple[PodSpec, Place]:
        """A container in the network of its node: no sandbox, no CNI."""
        netns = node.machine.root
        stream = node.machine.random("sandbox", f"{namespace}/{name}")
        container = f"{stream.getrandbits(256):064x}"
        spec = PodSpec(namespace, name, container, netns.netns, "", node=node.name, ip=node.internal_ip, labels=labels)
        place = Place(netns.netns, image_of_container(container_image), node.name, container=True)
        place.files.update({path: netns.files[path] for path in ("/etc/hosts",) if path in netns.files})
        if self.resolv_conf is not None:
            place.files[RESOLV_CONF] = self.resolv_conf(node, namespace, name)
        self._servings[spec.key] = Serving(self._network, netns.netns, node.name)
        return spec, place

    def stop_on_host(self, spec: PodSpec) -> None:
        """The container of ``run_on_host`` ends: its sockets are closed."""
        self._servings.pop(spec.key).close()

    @staticmethod
    def sandbox_error(error: PodwireError) -> str:
        """What containerd tells of a sandbox that could not be made: the plugin's error with its place."""
        return words(error)

    def serving_of(self, spec: PodSpec) -> Serving:
        """What listens in a pod, and what it printed."""
        return self._servings[spec.key]

    def stop(self, node: NodeSpec, spec: PodSpec) -> None:
        """StopPodSandbox: CNI DEL, then the namespace is unmounted."""
        self.notice(node)
        self._servings.pop(spec.key).close()
        self._pods[node.name].remove(spec)
        self._remove(node, spec)
        self._changed(node)

    def _changed(self, node: NodeSpec) -> None:
        """A node has a pod more or less: its own agents act before anybody looks, those of the others where they care."""
        self.revision += 1
        # The runtime's and the plugin's own work is nobody else's change.
        self._seen[node.name] = node.machine.root.netns.generation
        self._stale[node.name] = node
        if self._backend.shares_pods:
            self.told()

    def _remove(self, node: NodeSpec, spec: PodSpec) -> None:
        machine = node.machine
        self._runtime.delete(spec, node)
        machine.remove_netns(spec.netns)

    def _abandon(self, node: NodeSpec, spec: PodSpec) -> None:
        """A sandbox that got no network: DEL may fail as ADD did, the namespace goes all the same."""
        with suppress(PodwireError):
            self._runtime.delete(spec, node)
        node.machine.remove_netns(spec.netns)

    def interface_of(self, spec: PodSpec) -> str:
        """The name of a pod's interface on its node."""
        return self._backend.interface(spec)
