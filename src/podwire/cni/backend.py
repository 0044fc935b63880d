"""What a CNI backend is: a plugin that wires a pod, and agents that keep a node as it should be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Protocol, runtime_checkable

import msgspec

from podwire.cni.bgp import Speaker
from podwire.kube.kinds import Kind
from podwire.linux.fib import RT_TABLE_MAIN, RTPROT_BOOT, UNICAST
from podwire.linux.link import SCOPE_UNIVERSE
from podwire.linux.machine import Machine
from podwire.linux.netlink import Netlink
from podwire.linux.netns import Netns
from podwire.linux.tunnel import TunnelConfig
from podwire.trace.events import KERNEL, Owner
from podwire.wire.addr import Ip, Mac, Net

CLUSTER_CIDR: Final = "10.244.0.0/16"
"""What kubeadm's users give as --pod-network-cidr most of the time."""


class PortMapping(msgspec.Struct, frozen=True):
    """A port of the node that leads to one of a pod (hostPort), as a runtime passes it to plugins: ``protocol`` in small letters."""

    host_port: int
    container_port: int
    protocol: str = "tcp"
    host_ip: str = ""


class PodSpec(msgspec.Struct):
    """What a plugin knows of a pod.

    Its namespace and name, its container id, its network namespace and, once it has one, its address. ``interface`` is its device on
    the node, where the plugin's result names one; ``mappings`` are its hostPorts.
    """

    namespace: str
    name: str
    container: str
    netns: Netns
    netns_name: str
    node: str = ""
    ip: Ip | None = None
    mac: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    mappings: tuple[PortMapping, ...] = ()
    interface: str = ""

    @property
    def key(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"


class NodeSpec(msgspec.Struct):
    """What a backend knows of a node: the Node object, and the machine behind it.

    ``internal_ip`` with ``plen``, the prefix length that its device has; ``annotations`` are those of the Node object, where
    Calico's agents leave what others read.
    """

    name: str
    machine: Machine
    internal_ip: Ip
    pod_cidr: Net | None = None
    mtu: int = 1500
    plen: int = 32
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class CniResult(msgspec.Struct, frozen=True):
    """The result of ADD: the address with its prefix length, the gateway, and the host's interface."""

    ip: Ip
    plen: int
    gateway: Ip | None
    host_interface: str


class CniSettings(Protocol):
    """What a cluster takes as its CNI: settings that know their backend. Those of podwire are frozen msgspec structs.

    A package of its own offers one under the entry point group ``podwire.backends``: the name is the key of a lab file's ``cni``.
    """

    @property
    def pod_range(self) -> str | None:
        """The range from which the controller manager gives each node a /24 as its pod CIDR; None where the CNI hands out addresses."""

    def new_backend(self) -> Backend:
        """A new backend with these settings. Raises ``ConfigError`` or ``NotModelled`` for what cannot be had."""


class LinkAddress(msgspec.Struct, frozen=True):
    """An address of a device that an agent keeps."""

    ip: Ip
    plen: int = 32
    scope: int = SCOPE_UNIVERSE


class DesiredLink(msgspec.Struct, frozen=True, kw_only=True):
    """A device that an agent keeps: made if it is not there, made anew if ``tunnel`` differs, then up, with this MTU and these addresses.

    ``mac`` None leaves what the kernel drew; ``addresses`` are all IPv4 addresses it has, others go.
    """

    name: str
    kind: str
    mtu: int
    mac: Mac | None = None
    tunnel: TunnelConfig | None = None
    addresses: tuple[LinkAddress, ...] = ()
    owner: Owner = KERNEL


class Hop(msgspec.Struct, frozen=True):
    """One next hop of a route: through ``dev``, and past a gateway where ``via`` says so."""

    dev: str
    via: Ip | None = None
    weight: int = 1


class DesiredRoute(msgspec.Struct, frozen=True, kw_only=True):
    """A route by the name of its device (which may not be there yet; then the route waits). ``mtu`` 0 is no metric.

    ``hops`` stand for ``dev`` and ``via`` where a route may have several.
    """

    dst: Net
    dev: str = ""
    via: Ip | None = None
    hops: tuple[Hop, ...] = ()
    type: str = UNICAST
    scope: int = SCOPE_UNIVERSE
    proto: int = RTPROT_BOOT
    table: int = RT_TABLE_MAIN
    src: Ip | None = None
    onlink: bool = False
    mtu: int = 0
    owner: Owner = KERNEL


class DesiredNeighbour(msgspec.Struct, frozen=True):
    """A permanent neighbour entry."""

    dev: str
    ip: Ip
    lladdr: Mac
    owner: Owner = KERNEL


class DesiredFdb(msgspec.Struct, frozen=True):
    """A permanent entry of a VXLAN device: ``lladdr`` is behind ``dst``."""

    dev: str
    lladdr: Mac
    dst: Ip
    owner: Owner = KERNEL


class Desired(msgspec.Struct, kw_only=True):
    """What a node should contain, as far as one agent owns it.

    It owns the routes over its ``devices`` (but for the kernel's own and those of other protocols than ``device_protos``, if that is
    not empty), all routes of its ``protos``, and permanent neighbours and FDB entries of its ``tables`` (devices). ``absent`` are
    devices that must not be there, ``bare`` those that have no IPv4 address if they are there.
    """

    links: tuple[DesiredLink, ...] = ()
    absent: frozenset[str] = frozenset()
    bare: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()
    device_protos: frozenset[int] = frozenset()
    protos: frozenset[int] = frozenset()
    tables: frozenset[str] = frozenset()
    routes: tuple[DesiredRoute, ...] = ()
    neighbours: tuple[DesiredNeighbour, ...] = ()
    fdb: tuple[DesiredFdb, ...] = ()
    sysctls: tuple[tuple[str, str], ...] = ()


class View(Protocol):
    """What an agent sees of the cluster."""

    def nodes(self) -> Iterable[NodeSpec]:
        """All nodes, in the order in which they came."""

    def node(self, name: str) -> NodeSpec | None:
        """The node of that name."""

    def pods_on(self, node: str) -> Iterable[PodSpec]:
        """The pods of a node that have an address, in the order in which they came."""

    def pods(self) -> Iterable[PodSpec]:
        """All pods that have an address, node by node."""

    def after(self, ns: int, callback: Callable[[], None]) -> None:
        """Call back when ``ns`` nanoseconds of virtual time have passed."""

    @property
    def revision(self) -> int:
        """Rises with everything that agents can see here."""

    def objects(self, kind: str) -> Sequence[Any]:
        """The API server's objects of a kind (``NetworkPolicy``), typed, in order of creation; none without an API server."""

    def told(self) -> None:
        """Something changed that agents of other nodes read: they look again before anybody looks at them."""

    def speaker(self, node: str) -> Speaker | None:
        """The BGP sessions of a node, carried as packets; None where nothing carries any."""


class Agent(Protocol):
    """A program on every node that keeps a part of it as it should be: Felix, BIRD, cilium-agent."""

    name: str

    def desired(self, node: NodeSpec, view: View) -> Desired:
        """What should be there. Pure."""

    def program(self, node: NodeSpec, door: Netlink, view: View) -> None:
        """What is no table of the kernel's (BPF programs and maps), after ``desired`` was applied. Running it twice changes nothing."""


class Rescan(msgspec.Struct, frozen=True):
    """A program looks again every ``period`` ns at what somebody else may have changed: ``desired`` is the part that it looks at."""

    period: int
    desired: Callable[[NodeSpec, View], Desired]


@runtime_checkable
class Rescans(Protocol):
    """An agent that repairs what others change on its node, some time later: BIRD scans the kernel's routes every 2 s."""

    rescans: tuple[Rescan, ...]


@runtime_checkable
class Rounds(Protocol):
    """An agent that works in rounds and sleeps in between, whatever happens: the ip-masq-agent. The first comes at its start."""

    def round(self, node: NodeSpec, door: Netlink) -> int:
        """One round; returns after how many ns the next one comes, more than 0."""


class Backend(Protocol):
    """A CNI backend. It may touch the two doors and its IPAM, no packet and no other node."""

    name: str
    plugin: str
    """Who wires pods, as the ``Owner`` of what CNI ADD writes."""
    agents: tuple[Agent, ...]
    """In the order in which they act on a node."""

    @property
    def shares_pods(self) -> bool:
        """Agents care for every pod of every other node (Cilium's ipcache); Calico's routes are by block, and it says when one is new."""

    def install(self, node: NodeSpec, door: Netlink, view: View) -> None:
        """The DaemonSet starts on a node, or starts again there: devices, switches, base chains. Twice is as once."""

    def cni_add(self, pod: PodSpec, node: NodeSpec, door: Netlink, pod_door: Netlink) -> CniResult:
        """ADD: wire the pod, imperatively, as the plugin does. Raises ``PodwireError`` with the plugin's text."""

    def cni_del(self, pod: PodSpec, node: NodeSpec, door: Netlink) -> None:
        """DEL: undo it; unknown pods are no error."""

    def interface(self, pod: PodSpec) -> str:
        """The name of the pod's interface on its node."""

    def configure(self, config: Any) -> None:
        """New settings (``helm upgrade``, an edited IPPool). Raises ``ConfigError`` or ``NotModelled`` before anything changes."""


@runtime_checkable
class ReadsObjects(Protocol):
    """A backend whose agents act upon objects of the API server."""

    @property
    def reads(self) -> frozenset[str]:
        """The kinds, by the names that ``View.objects`` takes: a change of one is told to the agents."""


@runtime_checkable
class HasKinds(Protocol):
    """A backend whose CustomResourceDefinitions the API server has (KDD: Calico keeps its objects there)."""

    custom_kinds: tuple[Kind, ...]

    def first_objects(self) -> Sequence[dict[str, Any]]:
        """The objects that its agents write when they first start."""

    def hear(self, objects: Callable[[str], Sequence[Any]]) -> None:
        """Objects that it reads have changed: its settings among them. ``objects`` gives those of a kind, typed."""


@runtime_checkable
class HasConflist(Protocol):
    """A backend that writes a CNI configuration on its nodes: the runtime reads what lies there, and runs its chain.

    ``types`` are the plugins that the backend itself is (``calico``): ``cni_add`` and ``cni_del`` do their work.
    """

    types: frozenset[str]

    def conflist(self, node: NodeSpec) -> tuple[str, str]:
        """Path and text of the file, as the backend writes it when it is installed on a node."""


@runtime_checkable
class ReadsConflist(Protocol):
    """A backend whose plugin reads what somebody edited in its part of the CNI configuration: ``edited`` are those members."""

    edited: frozenset[str]


@runtime_checkable
class KeepsObjects(Protocol):
    """A backend that has kinds of its own in the API server: Calico's IPPool."""

    kinds: frozenset[str]

    def check_objects(self, objects: list[Any]) -> None:
        """Raise ``ManifestError`` where one of these cannot be applied, in this order, beside what there is. Nothing changes."""

    def apply_object(self, obj: Any) -> str:
        """Create or change it: ``created``, ``configured`` or ``unchanged``."""

    def documents(self) -> list[dict[str, Any]]:
        """All of them, as ``kubectl get -o yaml`` shows them, by kind and name."""

    def has_object(self, kind: str, name: str) -> bool:
        """Whether there is one."""

    def delete_object(self, kind: str, name: str, *, api: str) -> None:
        """Delete it; ``api`` is the apiVersion by which it was named."""
