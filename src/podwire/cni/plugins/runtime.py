"""The runtime's part on every node: which chain is run for a pod, and what it kept of ADD for DEL."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from podwire.cni.backend import Backend, HasConflist, NodeSpec, PodSpec, ReadsConflist
from podwire.cni.plugins import chain, conflist
from podwire.cni.plugins.chain import ChainError
from podwire.cni.plugins.conflist import Conflist
from podwire.cni.plugins.values import Address, Call, Interface, Plugin, PluginError, Result
from podwire.errors import NotModelled, PodwireError
from podwire.linux.netlink import Netlink
from podwire.trace.events import Owner
from podwire.wire.addr import Net

_COS: Final = "/home/kubernetes/bin"
_BIN: Final = "/opt/cni/bin"


def words(error: PodwireError) -> str:
    """What containerd says of a sandbox that could not be made."""
    notes = getattr(error, "__notes__", ())
    return str(notes[-1]) if notes else str(error)


class _Delegate:
    """A backend's own plugin in a chain. Its own file is what it reads: one that was edited has to say the same of it."""

    def __init__(self, backend: Backend, written: dict[str, Any], pod: PodSpec, node: NodeSpec) -> None:
        self._backend, self._written, self._pod, self._node = backend, written, pod, node

    def add(self, call: Call) -> Result:
        """ADD by the backend."""
        read = self._backend.edited if isinstance(self._backend, ReadsConflist) else frozenset()
        for key in {**self._written, **call.conf}:
            if key not in read and self._written.get(key) != call.conf.get(key):
                raise NotModelled(
                    f"an edited {key} of the CNI plugin {call.conf['type']}: change it by the CNI's own settings"
                )
        door = Netlink(call.door.netns, Owner(self._backend.plugin, call.about))
        pod_door = Netlink(call.pod_door.netns, door.writer)
        given = self._backend.cni_add(self._pod, self._node, door, pod_door)
        host = door.netns.link(given.host_interface)
        inside = pod_door.netns.link(call.ifname)
        interfaces = tuple(
            Interface(link.name, str(link.mac), sandbox)
            for link, sandbox in ((host, ""), (inside, call.netns))
            if link is not None
        )
        return Result(interfaces, (Address(given.ip, given.plen, given.gateway, 1),))

    def delete(self, call: Call) -> None:
        """DEL by the backend."""
        self._backend.cni_del(self._pod, self._node, Netlink(call.door.netns, Owner(self._backend.plugin, call.about)))


class Runtime:
    """containerd's CNI of all nodes. ``files`` of a node are read at every pod's start."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._kept: dict[str, tuple[Conflist, Result]] = {}
        """By container: what ADD was run with, and what came of it."""
        self._parsed: dict[tuple[str, str], Conflist] = {}

    def add(self, pod: PodSpec, node: NodeSpec) -> None:
        """Wire a pod: its address and its interface are known then.

        Raises ``NetworkNotReady``, ``NotModelled``, and the plugin's own error, with what containerd says of it as a note (``words``).
        """
        machine = node.machine
        owner = self._owner(pod)
        if not isinstance(self._backend, HasConflist):
            self._backend.cni_add(pod, node, Netlink(machine.root.netns, owner), Netlink(pod.netns, owner))
            return
        used = self._conflist(node)
        try:
            result = chain.add(used, lambda kind: self._call(kind, pod, node), lambda kind: self._own(kind, pod, node))
        except ChainError as error:
            error.cause.add_note(f'failed to setup network for sandbox "{pod.container}": {error}')
            raise error.cause from None
        self._kept[pod.container] = used, result
        self._take(pod, result)

    def delete(self, pod: PodSpec, node: NodeSpec) -> None:
        """Undo it, by the chain that wired it; of a pod that was never wired, by the one that lies there now."""
        if not isinstance(self._backend, HasConflist):
            self._backend.cni_del(pod, node, Netlink(node.machine.root.netns, self._owner(pod)))
            return
        kept = self._kept.pop(pod.container, None)
        used, result = kept if kept is not None else (self._conflist(node), None)
        chain.delete(used, lambda kind: self._call(kind, pod, node), lambda kind: self._own(kind, pod, node), result)

    def _owner(self, pod: PodSpec) -> Owner:
        return Owner(self._backend.plugin, f"Pod {pod.key}")

    def _conflist(self, node: NodeSpec) -> Conflist:
        key = conflist.find(node.machine.root.files)
        if key not in self._parsed:
            self._parsed[key] = conflist.parse(*key)
        return self._parsed[key]

    def _own(self, kind: str, pod: PodSpec, node: NodeSpec) -> Plugin | None:
        backend = self._backend
        if not isinstance(backend, HasConflist) or kind not in backend.types:
            return None
        written = conflist.parse(*backend.conflist(node))
        own = next(conf for conf in written.plugins if conf["type"] == kind)
        return _Delegate(backend, own, pod, node)

    def _call(self, kind: str, pod: PodSpec, node: NodeSpec) -> Call:
        machine = node.machine
        owner = Owner(kind, f"Pod {pod.key}")
        return Call(
            conf={},
            network="",
            container=pod.container,
            netns=f"/var/run/netns/{pod.netns_name}",
            door=Netlink(machine.root.netns, owner),
            pod_door=Netlink(pod.netns, owner),
            files=machine.root.files,
            names=machine.random(kind, pod.key),
            about=f"Pod {pod.key}",
            path=_COS if machine.image.name == "cos" else _BIN,
            mappings=pod.mappings,
            args=f"K8S_POD_NAMESPACE={pod.namespace};K8S_POD_NAME={pod.name};K8S_POD_INFRA_CONTAINER_ID={pod.container}",
        )

    @staticmethod
    def _take(pod: PodSpec, result: Result) -> None:
        """The pod's address is the first of IPv4 of its own device, as containerd chooses it."""
        if not result.ips:
            raise PluginError(f'failed to find network info for sandbox "{pod.container}"')
        pod.ip = next((each.ip for each in result.ips if each.ip.bits == 32), result.ips[0].ip)
        outside = [each.name for each in result.interfaces if not each.sandbox]
        pod.interface = outside[-1] if outside else ""


def substituted(value: Any, pod_cidr: Net | None, about: str) -> Any:
    """A conflist for one node: ``{{.PodCIDR}}``, as in containerd's template, is the node's pod CIDR. Raises ``NotModelled``."""
    if isinstance(value, dict):
        return {key: substituted(each, pod_cidr, about) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [substituted(each, pod_cidr, about) for each in value]
    if isinstance(value, str) and "{{" in value:
        text = value.replace("{{.PodCIDR}}", str(pod_cidr))
        if "{{" in text:
            raise NotModelled(f"{value} in the template of a conflist", about)
        return text
    return msgspec.to_builtins(value)
