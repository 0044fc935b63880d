"""What a CNI backend is: a plugin that wires a pod, and an agent that keeps a node as it should be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import msgspec

from podwire.linux.fib import Route
from podwire.linux.machine import Machine
from podwire.linux.netlink import Netlink
from podwire.linux.netns import Netns
from podwire.wire.addr import Ip, Net


class PodSpec(msgspec.Struct):
    """What a plugin knows of a pod.

    Its namespace and name, its container id, its network namespace and, once it has one, its address.
    """

    namespace: str
    name: str
    container: str
    netns: Netns
    netns_name: str
    ip: Ip | None = None
    mac: str = ""

    @property
    def key(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"


class NodeSpec(msgspec.Struct):
    """What a backend knows of a node."""

    name: str
    machine: Machine
    internal_ip: Ip
    pod_cidr: Net | None = None
    mtu: int = 1500


class CniResult(msgspec.Struct, frozen=True):
    """The result of ADD: the address with its prefix length, the gateway, and the host's interface."""

    ip: Ip
    plen: int
    gateway: Ip | None
    host_interface: str


class Desired(msgspec.Struct):
    """What a node should contain, as far as the backend owns it.

    Devices it recognises, their routes, and switches by path.
    """

    devices: frozenset[str]
    routes: tuple[Route, ...] = ()
    sysctls: tuple[tuple[str, str], ...] = ()


class View(Protocol):
    """What an agent sees of the cluster."""

    def pods_on(self, node: str) -> Iterable[PodSpec]:
        """The pods of a node that have an address, in the order in which they came."""


class Backend(Protocol):
    """A CNI backend. It may touch the two doors and its IPAM, no packet and no other node."""

    name: str

    def install(self, node: NodeSpec, door: Netlink) -> None:
        """The DaemonSet starts: devices, switches, base chains."""

    def cni_add(self, pod: PodSpec, node: NodeSpec, door: Netlink, pod_door: Netlink) -> CniResult:
        """ADD: wire the pod, imperatively, as the plugin does. Raises ``PodwireError`` with the plugin's text."""

    def cni_del(self, pod: PodSpec, node: NodeSpec, door: Netlink) -> None:
        """DEL: undo it; unknown pods are no error."""

    def desired(self, node: NodeSpec, view: View) -> Desired:
        """What the agent wants to be there. Pure."""
