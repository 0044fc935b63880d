"""What people hold: pods, nodes, routers and hosts, each a place where commands run and packets start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from podwire.cluster import naming, running
from podwire.cluster.connecting import Connection, connect
from podwire.cluster.fetching import Flow, fetch
from podwire.cluster.payload import MaxPayload, max_payload
from podwire.cluster.probes import NO_NAME, PingResult, ping, send
from podwire.cluster.running import CommandResult
from podwire.errors import ConfigError
from podwire.linux.netlink import Netlink
from podwire.trace.events import Owner
from podwire.wire.addr import Ip

if TYPE_CHECKING:
    from podwire.cluster import Cluster
    from podwire.cluster.pods import RunningAgent
    from podwire.cluster.serving.server import Port
    from podwire.cni.backend import NodeSpec, PodSpec
    from podwire.kube.store import Stored
    from podwire.linux.machine import Machine, Place
    from podwire.trace.trace import Trace
    from podwire.wire.packet import Packet


class Handle:
    """Base of all handles. ``name`` is how traces and captures call the place: ``default/pod1``, ``node1``."""

    def __init__(self, cluster: Cluster, place: Place) -> None:
        self._cluster = cluster
        self._place = place

    @property
    def place(self) -> Place:
        """Where its commands run. Agents that have not acted yet do so before anybody looks."""
        self._cluster.settle()
        return self._place

    @property
    def name(self) -> str:
        """The label of the namespace."""
        return self._place.netns.label

    @property
    def ip(self) -> Ip | None:
        """The first global address of a device other than ``lo``."""
        for link, address in self.place.netns.addresses():
            if not link.is_loopback and address.scope == 0 and link.kind != "bridge":
                return address.local
        return None

    def exec(self, command: str | Sequence[str], *, stdin: str = "") -> CommandResult:
        """Run one simple command, to its end, in virtual time.

        Raises ``PodwireError`` for shell syntax and ``NotModelled`` for a command, or an option of one, that podwire
        lacks.
        """
        network = self._cluster.network
        process = running.start(
            network, self.place, running.words_of(command), stdin=stdin, cluster=self._cluster.operations
        )
        running.finish(network, process)
        return running.result_of(process)

    def ping(  # the options of ping
        self,
        target: str | Ip | Handle | Service,
        count: int = 1,
        size: int = 56,
        interval: float = 1.0,
        df: bool | None = None,  # noqa: FBT001 - None is ping's own default
        ttl: int = 64,
    ) -> PingResult:
        """``ping``: ``target`` is an address, a name, a pod, a node or a Service.

        A name goes to the name servers of this place, where it has any; what they do not know may be a pod's or a node's.

        ``size`` in bytes of payload, ``interval`` in seconds.

        ``df`` True is ``-M do``, False ``-M dont``, None what ping does by itself.
        """
        cluster, place = self._cluster, self.place
        if isinstance(target, str) and naming.by_dns(place, target):
            by_name = ping(cluster.network, place, target, count, size, interval, df, ttl)
            # A name that DNS does not know may still be that of a pod, a node or a host.
            if by_name.exit_code != NO_NAME or by_name.sent or cluster.address_of(target) == target:
                return by_name
        return ping(cluster.network, place, cluster.address_of(target), count, size, interval, df, ttl)

    def max_payload(self, target: str | Ip | Handle, protocol: str = "icmp", *, timeout: float = 1.0) -> MaxPayload:
        """The largest payload that passes to ``target`` with DF set, as ``ping -M do -s`` would find it, and what limits it.

        Real packets ask: time passes, neighbours are learned, counters rise. Path MTUs that they are told of are forgotten
        again. Each waits at most ``timeout`` virtual seconds for an answer. Raises ``PodwireError`` for a name that nobody
        knows, ``NotModelled`` for a protocol other than icmp.
        """
        return max_payload(self._cluster.network, self.place, self._cluster.address_of(target), protocol, timeout)

    def send(self, packet: Packet | Any, *, timeout: float = 10.0) -> Trace:
        """Send one packet (a scapy packet or podwire's own) and follow it until nothing of its tree is under way.

        At most ``timeout`` virtual seconds pass.

        Source address, IP id and MAC addresses that are not given are filled in as the kernel does.
        """
        return send(self._cluster.network, self.place, packet, timeout)

    def connect(
        self,
        target: str | Ip | Handle | Service,
        port: int,
        protocol: Literal["tcp", "udp"] = "tcp",
        *,
        send: bytes = b"",
        timeout: float = 1.0,
    ) -> Connection:
        """Open a connection, send ``send``, read what comes back at once, and close it; of UDP a datagram, which is to be answered.

        ``target`` is an address, a pod, node, host or Service, or a name, which the name servers of this place are asked for, where it
        has any; else it is that of a pod, node or host. All of it takes at most ``timeout`` virtual seconds from then on. A
        connection that fails is data (``conn.ok``, ``conn.error``). Raises ``PodwireError`` for a name that nobody knows, or a port
        that is none.
        """
        place = self.place
        named = isinstance(target, str) and naming.by_dns(place, target)
        text = str(target) if named else self._cluster.address_of(target)
        return connect(self._cluster, place, text, port, protocol, send, timeout)

    def curl(
        self,
        url: str,
        *,
        method: str | None = None,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        timeout: float | None = None,
    ) -> Flow:
        """``curl -sS URL``; a pod, node or host in the URL goes by its name. ``timeout`` is for all of it, in virtual seconds.

        A request that fails is data (``flow.ok``, ``flow.error``, ``flow.exit_code``). Raises ``PodwireError`` for what is no URL, or
        names nobody.
        """
        return fetch(self._cluster, self.place, url, method, headers or {}, data, timeout)

    def sysctl(self, key: str, value: str | int) -> None:
        """``sysctl -w key=value``; dots or slashes.

        Raises ``NetlinkError`` as the file would, ``NotModelled`` for an inert switch.
        """
        path = key if "/" in key else key.replace(".", "/")
        Netlink(self.place.netns, Owner("sysctl")).sysctl_write(path, str(value))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


class Pod(Handle):
    """A running pod."""

    def __init__(self, cluster: Cluster, place: Place, spec: PodSpec, node: Node) -> None:
        super().__init__(cluster, place)
        self.spec = spec
        self.node = node
        self.image = ""
        """The image of its (first) container, as it was asked for."""
        self.manifest: dict[str, Any] | None = None
        """The document from which it was made, where there was one."""
        self.born = cluster.network.now
        """When it was asked for, in ns since 1970."""
        self.opened: tuple[Port, ...] = ()
        """The ports on which it was told to answer when its sandbox was made."""

    @property
    def labels(self) -> dict[str, str]:
        """The pod's labels."""
        return self.spec.labels

    @labels.setter
    def labels(self, labels: dict[str, str]) -> None:
        self.spec.labels = labels
        self._cluster.told()

    @property
    def ip(self) -> Ip | None:
        """The address that the CNI plugin gave."""
        return self.spec.ip

    @property
    def interface(self) -> str:
        """The name of its interface on the node."""
        return self._cluster.interface_of(self)

    @property
    def log(self) -> tuple[str, ...]:
        """What its containers printed, line by line: the requests that they answered."""
        return tuple(line.text for line in self._cluster.serving_of(self).lines)

    def delete(self) -> None:
        """``kubectl delete pod``: DEL, and the namespace is gone."""
        self._cluster.delete_pod(self)

    def restart(self) -> None:
        """``crictl stopp`` on its node: the kubelet makes a new sandbox for the same Pod.

        It has a new interface, and the address that the IPAM gives then; its containers start anew.
        Raises ``ConfigError`` for a hostNetwork pod, and the plugin's error where CNI ADD fails: the pod is gone then.
        """
        self._cluster.restart_pod(self)

    def moved(self, spec: PodSpec, place: Place) -> None:
        """Another sandbox is its own from now on."""
        self.spec = spec
        self._place = place


class HostPod(Pod):
    """A pod with ``hostNetwork: true``: its commands run in its image, in the network of its node."""

    @property
    def name(self) -> str:
        """``namespace/name``."""
        return self.spec.key

    @property
    def interface(self) -> str:
        """It has none."""
        raise ConfigError(
            f"pod {self.spec.key!r}", f"has no interface of its own: it shares the network of {self.node.name}"
        )


class Node(Handle):
    """A node of the cluster."""

    def __init__(self, cluster: Cluster, place: Place, spec: NodeSpec) -> None:
        super().__init__(cluster, place)
        self.spec = spec
        self.born = cluster.network.now
        """When it joined, in ns since 1970."""
        self.external_ip: str | None = None
        """Its ExternalIP, where a cloud or an uplink gave it one."""

    @property
    def labels(self) -> dict[str, str]:
        """The labels of the Node object."""
        return self.spec.labels

    def agent(self, name: str) -> RunningAgent:
        """An agent of the CNI on this node (``felix``, ``bird`` …); raises ``ConfigError`` that lists what there is."""
        return self._cluster.agent(self.name, name)

    @property
    def ip(self) -> Ip | None:
        """Its InternalIP."""
        return self.spec.internal_ip

    @property
    def machine(self) -> Machine:
        """The machine behind it."""
        return self.place.machine


class Host(Handle):
    """A machine outside the cluster, or a router."""

    @property
    def ip(self) -> Ip | None:
        """As of every handle, but an address by DHCP comes last: behind an isolated uplink all machines have the same one."""
        for link, address in self.place.netns.addresses():
            own = not link.is_loopback and link.kind != "bridge" and address.scope == 0
            if own and address.owner.component != "dhcp":
                return address.local
        return super().ip


class Service:
    """A Service of the store, as it is now."""

    def __init__(self, cluster: Cluster, stored: Stored) -> None:
        self._cluster = cluster
        self._stored = stored

    @property
    def stored(self) -> Stored:
        """The object in the store; raises ``StatusError`` where it was deleted."""
        return self._cluster.api.store.need("Service", self._stored.name, self._stored.namespace)

    @property
    def name(self) -> str:
        """``namespace/name``."""
        return f"{self._stored.namespace}/{self._stored.name}"

    @property
    def ip(self) -> Ip | None:
        """Its cluster address; None for a headless one."""
        address = self.stored.object.spec.cluster_ip
        return Ip.parse(address) if address not in {"", "None"} else None

    @property
    def node_ports(self) -> tuple[int, ...]:
        """The node port of each port; 0 where it has none."""
        return tuple(port.node_port for port in self.stored.object.spec.ports)

    @property
    def endpoints(self) -> tuple[str, ...]:
        """``address:port`` of every ready endpoint, slice by slice."""
        slices = self._cluster.api.store.all("EndpointSlice", self._stored.namespace)
        return tuple(
            f"{address}:{port.port}"
            for each in slices
            if each.object.service == self.name
            for port in each.object.ports
            for endpoint in each.object.endpoints
            if endpoint.ready
            for address in endpoint.addresses
        )

    def __repr__(self) -> str:
        return f"<Service {self.name}>"


def target_text(target: str | Ip | Handle | Service) -> str:
    """The argument that a command gets for a target. Raises ``ConfigError`` for a place without an address."""
    if isinstance(target, Handle | Service):
        if target.ip is None:
            raise ConfigError(target.name, "has no address")
        return str(target.ip)
    return str(target)
