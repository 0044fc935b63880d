"""DNS in a cluster: CoreDNS' objects, its program in the pods of its image, and the files by which everybody finds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from podwire.cluster.dns import resolvconf
from podwire.cluster.dns.manifests import COREFILE, NAME, NAMESPACE, documents
from podwire.cluster.dns.server import CoreDns
from podwire.cluster.networks import ip_of
from podwire.wire.addr import Ip4

if TYPE_CHECKING:
    from podwire.cluster import Cluster
    from podwire.cluster.handles import Node
    from podwire.cluster.serving.server import Serving
    from podwire.cni.backend import NodeSpec
    from podwire.kube.store import Stored

_SECOND: Final = 1_000_000_000
_KEY: Final = "Corefile"
_FILE: Final = "/etc/coredns/Corefile"
_SYNC: Final = 60
"""Seconds: how often a kubelet looks at a pod's volumes (``syncFrequency``)."""
_RELOAD: Final = 30
"""Seconds: how often the plugin ``reload`` looks at the Corefile, give or take half of it."""
_KINDS: Final = frozenset({"Pod", "Service", "EndpointSlice", "Namespace"})


class ClusterDns:
    """CoreDNS of one cluster."""

    def __init__(self, cluster: Cluster, upstream: str | None = None) -> None:
        self._cluster = cluster
        self._upstream = None if upstream is None else ip_of("add_dns", upstream)
        store = cluster.api.store
        self.address = str(Ip4(int(store.addresses.cluster.cidr.addr) + 10))
        """The cluster address of the Service ``kube-dns``."""
        self.servers: list[CoreDns] = []
        """Those that run."""
        self._watch = store.watch(since=store.version)
        self._modified = cluster.network.now

    def install(self) -> None:
        """Nodes get their files, kubelets know what to give to pods, and the objects are applied."""
        cluster = self._cluster
        for node in cluster.nodes:
            self.node_joined(node)
        cluster.kubelet.resolv_conf = self.resolv_conf
        cluster.kubelet.starters["coredns"] = self.start
        cluster.api.watchers.append(self.look)
        for pod in cluster.pods:
            pod.place.files[resolvconf.PATH] = self.resolv_conf(pod.node.spec, pod.spec.namespace, pod.spec.name)
        cluster.apply(documents(self.address))

    def node_joined(self, node: Node) -> None:
        """A node that has no /etc/resolv.conf gets the one of its platform."""
        text = resolvconf.of_node(self._cluster, node)
        if self._upstream is not None:
            text = f"nameserver {self._upstream}\n"
        if text:
            node.place.files.setdefault(resolvconf.PATH, text)

    def resolv_conf(self, node: NodeSpec, namespace: str, name: str, spec: dict[str, Any] | None = None) -> str:
        """What a kubelet writes for a pod; ``spec`` is that of the store where it is not given."""
        if spec is None:
            stored = self._cluster.api.store.get("Pod", name, namespace)
            spec = stored.document["spec"] if stored is not None else {}
        own = node.machine.root.files.get(resolvconf.PATH, "")
        return resolvconf.of_pod(self.address, own, namespace, spec)

    # -- the server ----------------------------------------------------------------------------------------------

    def _config(self) -> str:
        stored: Stored | None = self._cluster.api.store.get("ConfigMap", NAME, NAMESPACE)
        data = stored.document.get("data") or {} if stored is not None else {_KEY: COREFILE}
        return str(data.get(_KEY, ""))

    def start(self, serving: Serving) -> CoreDns:
        """The container's program starts, with its volume as it is mounted."""
        files = serving.files
        files[_FILE] = self._config()
        server = CoreDns(
            serving, files, lambda: files[_FILE], lambda: self._cluster.api.store, lambda: self._modified // _SECOND
        )
        self.servers.append(server)
        return server

    def look(self) -> None:
        """Something may have changed in the API."""
        events = self._watch.poll()
        if any(event.object.kind.name in _KINDS for event in events):
            self._modified = self._cluster.network.now
        if any((event.object.kind.name, event.object.name) == ("ConfigMap", NAME) for event in events):
            self._changed()

    def _changed(self) -> None:
        """The ConfigMap is another: each kubelet writes it at its next look, and each server sees it at its own."""
        network = self._cluster.network
        self.servers = [server for server in self.servers if server.alive]
        for server in self.servers:
            stream = network.random("coredns-reload", server.serving.hostname)
            written = network.now + stream.randrange(_SYNC * _SECOND)
            seen = written + stream.randrange(round(1.5 * _RELOAD) * _SECOND)
            network.at(written, lambda server=server: self._write(server))  # type: ignore[misc]
            network.at(seen, server.reload)

    def _write(self, server: CoreDns) -> None:
        server.serving.files[_FILE] = self._config()
