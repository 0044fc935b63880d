"""What the kubelet and the container runtime do for a pod: sandbox, CNI ADD and DEL, files."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from podwire.cni.backend import Backend, NodeSpec, PodSpec
from podwire.cni.calico.backend import CalicoBackend, plugin_owner
from podwire.cni.reconcile import reconcile
from podwire.errors import NotModelled, PodwireError
from podwire.linux.image import image_of_container
from podwire.linux.machine import Place
from podwire.linux.netlink import Netlink
from podwire.trace.events import Owner

if TYPE_CHECKING:
    from podwire.cluster import Cluster
    from podwire.fabric.network import Network
    from podwire.kube.objects import PodObject, Reference

_HOSTS = """# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
"""
_RUNTIME = Owner("containerd")


class Kubelet:
    """The kubelets of all nodes, with their runtime. Implements ``cni.backend.View``."""

    def __init__(self, network: Network, backend: Backend) -> None:
        self._network = network
        self._backend = backend
        self._pods: dict[str, list[PodSpec]] = {}

    def pods_on(self, node: str) -> Iterator[PodSpec]:
        """The pods of a node that have an address, in order of creation."""
        return (pod for pod in self._pods.get(node, []) if pod.ip is not None)

    def start_node(self, node: NodeSpec) -> None:
        """The CNI's DaemonSet starts on a node."""
        self._pods[node.name] = []
        door = Netlink(node.machine.root.netns, Owner(self._backend.name))
        self._backend.install(node, door)
        self.sync(node)

    def sync(self, node: NodeSpec) -> int:
        """The agent compares and repairs; returns the number of changes."""
        return reconcile(Netlink(node.machine.root.netns, Owner("felix")), self._backend.desired(node, self))

    def run(
        self, node: NodeSpec, namespace: str, name: str, container_image: str, ports: Sequence[int]
    ) -> tuple[PodSpec, Place]:
        """RunPodSandbox: a namespace with ``lo`` up, CNI ADD, the container.

        Raises the plugin's error; the sandbox is gone then.
        """
        if ports:
            raise NotModelled(
                "container ports: sockets that answer come with the socket model", f"pod {namespace}/{name}"
            )
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
        runtime.link_up(netns.loopback)
        spec = PodSpec(namespace, name, f"{stream.getrandbits(256):064x}", netns, netns_name)
        owner = plugin_owner(spec)
        try:
            self._backend.cni_add(spec, node, Netlink(machine.root.netns, owner), Netlink(netns, owner))
        except PodwireError:
            self._remove(node, spec)
            raise
        self._pods[node.name].append(spec)
        self.sync(node)
        place = Place(netns, image, name, container=True)
        place.files["/etc/hosts"] = f"{_HOSTS}{spec.ip}\t{name}\n"
        place.files["/etc/hostname"] = f"{name}\n"
        return spec, place

    def stop(self, node: NodeSpec, spec: PodSpec) -> None:
        """StopPodSandbox: CNI DEL, then the namespace is unmounted."""
        self._pods[node.name].remove(spec)
        self._remove(node, spec)
        self.sync(node)

    def _remove(self, node: NodeSpec, spec: PodSpec) -> None:
        machine = node.machine
        self._backend.cni_del(spec, node, Netlink(machine.root.netns, plugin_owner(spec)))
        machine.remove_netns(spec.netns)

    def interface_of(self, spec: PodSpec) -> str:
        """The name of a pod's interface on its node."""
        assert isinstance(self._backend, CalicoBackend)  # noqa: S101 - the only backend so far
        return self._backend.interface(spec)

    # -- manifests -----------------------------------------------------------------------------------------------

    def apply(self, cluster: Cluster, objects: Sequence[PodObject]) -> list[str]:
        """Create what is not there; a pod that is there keeps its node and gets the new labels."""
        lines: list[str] = []
        have = {pod.name: pod for pod in cluster.pods}
        for each in objects:
            each.check(node.name for node in cluster.nodes)
            there = have.get(each.key)
            if there is not None and each.node_name not in {None, there.node.name}:
                raise PodwireError(
                    f'The Pod "{each.name}" is invalid: spec: Forbidden: pod updates may not change fields other than its labels: '
                    f"it runs on {there.node.name}, spec.nodeName says {each.node_name}"
                )
            if each.ports and there is None:
                raise NotModelled("container ports: sockets that answer come with the socket model", f"pod {each.key}")
        for each in objects:
            pod = have.get(each.key)
            if pod is None:
                pod = cluster.run(
                    each.name,
                    node=each.node_name,
                    namespace=each.namespace,
                    labels=each.labels,
                    image=each.image,
                    ports=each.ports,
                )
                lines.append(f"pod/{each.name} created")
            elif pod.labels != each.labels:
                pod.labels = dict(each.labels)
                lines.append(f"pod/{each.name} configured")
            else:
                lines.append(f"pod/{each.name} unchanged")
        return lines

    def delete(self, cluster: Cluster, objects: Sequence[Reference]) -> list[str]:
        """Delete what is there; raises ``PodwireError`` NotFound for what is not."""
        pods = [cluster.pod(each.key) for each in objects]
        for pod in pods:
            pod.delete()
        return [f'pod "{pod.spec.name}" deleted' for pod in pods]
