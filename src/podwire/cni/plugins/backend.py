"""A network of the reference plugins on the nodes: the conflist that lies there is all it has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from podwire.cni.backend import Agent, CniResult, Desired, DesiredRoute, NodeSpec, PodSpec, View
from podwire.cni.plugins.conflist import DIRECTORY, NetworkNotReady, parse
from podwire.cni.plugins.runtime import substituted
from podwire.errors import ConfigError, NotModelled
from podwire.linux.netlink import Netlink
from podwire.trace.events import Owner
from podwire.wire.addr import Net

_ANY = Net.parse("10.244.0.0/24")
"""Stands for a node's pod CIDR where a document is looked at before there are nodes."""


class PluginsBackend:
    """The runtime runs the chain of the file.

    No agent looks after what ADD wrote: what somebody breaks stays broken until the pod is made anew.
    """

    name = "plugins"
    plugin = "containerd"
    shares_pods = False
    types: frozenset[str] = frozenset()

    def __init__(self, document: Mapping[str, Any], *, path: str, routes: bool = False) -> None:
        self._document = document
        self._path = path
        if not path.startswith(f"{DIRECTORY}/") or not path.endswith((".conflist", ".conf", ".json")):
            raise ConfigError("Plugins", f"path {path!r}: expected a file such as {DIRECTORY}/10-net.conflist")
        try:
            parse(path, self._text(_ANY, "Plugins"))
        except NetworkNotReady as error:
            raise ConfigError("Plugins", f"conflist: {error.why}") from None
        self.agents: tuple[Agent, ...] = (Routes(),) if routes else ()

    def conflist(self, node: NodeSpec) -> tuple[str, str]:
        """The file with the node's pod CIDR. Raises ``ConfigError`` for a node without one."""
        if node.pod_cidr is None:
            raise ConfigError(f"node {node.name!r}", "has no pod_cidr, and host-local allocates from it")
        return self._path, self._text(node.pod_cidr, f"node {node.name!r}")

    def _text(self, pod_cidr: Net, about: str) -> str:
        return json.dumps(substituted(self._document, pod_cidr, about), indent=2) + "\n"

    def interface(self, pod: PodSpec) -> str:
        """The pod's interface on its node; also of one that is gone."""
        return pod.interface

    def install(self, node: NodeSpec, door: Netlink, view: View) -> None:
        """The node's boot writes the conflist; a file that is there already was somebody's own doing."""
        del door, view
        path, text = self.conflist(node)
        node.machine.root.files.setdefault(path, text)

    def cni_add(self, pod: PodSpec, node: NodeSpec, door: Netlink, pod_door: Netlink) -> CniResult:
        """The chain does it: this backend is no plugin."""
        raise NotModelled("a plugin of the backend's own")

    def cni_del(self, pod: PodSpec, node: NodeSpec, door: Netlink) -> None:
        """The chain does it."""
        raise NotModelled("a plugin of the backend's own")

    def configure(self, config: Any) -> None:
        """New settings mean new nodes: raises ``NotModelled``."""
        raise NotModelled("a new conflist on nodes that run: edit the file on each node")


class Routes:
    """What leads from node to node: a route to each pod CIDR through its node."""

    name = "route-controller"

    def desired(self, node: NodeSpec, view: View) -> Desired:
        """One route for each other node that has a pod CIDR."""
        found = []
        for other in view.nodes():
            way = Netlink(node.machine.root.netns).route_get(other.internal_ip)
            if other.name == node.name or other.pod_cidr is None or way is None:
                continue
            owner = Owner(self.name, f"Node {other.name}")
            found.append(
                DesiredRoute(dst=other.pod_cidr, dev=way.dev, via=way.gateway or other.internal_ip, owner=owner)
            )
        return Desired(routes=tuple(found))

    def program(self, node: NodeSpec, door: Netlink, view: View) -> None:
        """Nothing more."""
