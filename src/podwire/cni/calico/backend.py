"""Calico on a cluster: the plugin's ADD and DEL, calico-node's parts, and what an edited IPPool changes."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any, Final

from podwire.cni.backend import Agent, CniResult, NodeSpec, PodSpec, View
from podwire.cni.bgp import SessionState, since
from podwire.cni.calico.autodetect import autodetect
from podwire.cni.calico.bird import Bird
from podwire.cni.calico.config import Calico
from podwire.cni.calico.controllers import BlockCollector
from podwire.cni.calico.datastore import IPV4_ADDRESS, Datastore, others
from podwire.cni.calico.felix import MTU_FILE, Felix
from podwire.cni.calico.plugin import interface_name, wire_pod
from podwire.cni.calico.settings import Objects, effective
from podwire.cni.calico.tunnels import TunnelAddresses
from podwire.cni.plugins.conflist import parse
from podwire.errors import ConfigError, NotModelled, PodwireError
from podwire.ipam.host_local import HostLocal
from podwire.kube.calico.kinds import CALICO_KINDS, STORED
from podwire.kube.ippool import IPPoolObject, check_against, ippool_document
from podwire.linux.netlink import Netlink
from podwire.trace.events import Owner
from podwire.wire.addr import Ip

_NETWORK: Final = "k8s-pod-network"
"""The name of the network in the CNI configuration of the manifests; it stands in the handles of addresses."""
_CONFLIST: Final = "/etc/cni/net.d/10-calico.conflist"
_DIRECT: Final = 27
"""From this release on the plugin makes a pod's host end on the node."""
_READS: Final = frozenset({"NetworkPolicy", "Namespace", "ServiceAccount", *(kind.slot for kind in CALICO_KINDS)})
_NODENAME: Final = "/var/lib/calico/nodename"
"""What calico-node leaves for the plugin when its start is over."""


def _no_objects(_kind: str) -> tuple[Any, ...]:
    return ()


def _default(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": STORED, "kind": kind, "metadata": {"name": "default"}, "spec": spec}


class CalicoBackend:
    """Calico's side of a cluster: its objects in the API server, and the host-local range of each node."""

    name = "calico"
    plugin = "calico-cni"
    custom_kinds = CALICO_KINDS
    kinds = frozenset({"IPPool"})
    types = frozenset({"calico"})
    edited = frozenset({"ipam"})

    def __init__(self, config: Calico) -> None:
        config.check()
        self.config = config
        self._base = config
        """What the cluster was made with; objects of the API may say otherwise."""
        self._objects: Objects = _no_objects
        self._now = 0
        self.store = Datastore(config, lambda: self._now)
        self._tunnels = TunnelAddresses(self.store)
        self._felix = Felix(self.store, self.interface)
        self._bird = Bird(self.store)
        self._collector = BlockCollector(self.store.ipam)
        self._ranges: dict[str, HostLocal] = {}
        self._view: View | None = None
        self.agents = self._agents()

    def _agents(self) -> tuple[Agent, ...]:
        """calico-node's parts, in the order in which they act; BIRD with its own networking backend alone."""
        always = (self._tunnels, self._felix)
        return (*always, self._bird) if self.config.backend == "bird" else always

    @property
    def reads(self) -> frozenset[str]:
        """Kinds that Felix and BIRD read; endpoints of Services while a policy speaks of them."""
        return _READS | {"EndpointSlice"} if self._felix.firewall.reads_services else _READS

    def first_objects(self) -> tuple[dict[str, Any], ...]:
        """What calico-node writes when it first starts."""
        config = self.config
        return (
            _default("FelixConfiguration", {"bpfLogLevel": "", "logSeverityScreen": "Info", "reportingInterval": "0s"}),
            _default(
                "ClusterInformation",
                {"calicoVersion": config.version, "clusterType": config.cluster_type, "datastoreReady": True},
            ),
        )

    def hear(self, objects: Objects) -> None:
        """Policies, and settings that lie in the API server."""
        self._objects = objects
        self._felix.firewall.hear(objects)
        self._settle(effective(self._base, objects))

    def _settle(self, config: Calico) -> None:
        if config != self.config:
            self.config = config
            self.store.configure(config)
            self.agents = self._agents()

    @property
    def shares_pods(self) -> bool:
        """Where policies select pods, every node has sets of them; routes are by block, and Calico says when one is new."""
        return self._felix.firewall.looks_at_pods

    def interface(self, pod: PodSpec) -> str:
        """The pod's interface on its node."""
        return interface_name(pod.namespace, pod.name, self.config.interface_prefix)

    # -- calico-node ---------------------------------------------------------------------------------------------

    def install(self, node: NodeSpec, door: Netlink, view: View) -> None:
        """calico-node starts: the node's address, the default pool; Felix turns forwarding on.

        Without an address of its own calico-node exits and is started again, in vain: no part of it runs then.
        """
        self._now, self._view = node.machine.world.now, view
        self.store.begin(self._now)
        self.store.ipam.nodes[node.name] = node.labels
        self.store.started.discard(node.name)
        path, text = self.conflist(node)
        node.machine.root.files[path] = text
        if self.config.backend != "none" and not self._write_address(node, view):
            return
        self.store.make_default_pool(door.netns)
        node.machine.root.files[_NODENAME] = node.name
        self.store.started.add(node.name)
        self._felix.firewall.refresh(node.name)
        Netlink(door.netns, Owner("felix")).sysctl_write("net/ipv4/ip_forward", "1")

    def _write_address(self, node: NodeSpec, view: View) -> bool:
        """False where there is no address, or another node has it. What was written before stays."""
        netns = node.machine.root.netns
        address = autodetect(self.config.ip_autodetection_method, netns, node.internal_ip)
        if address is None:
            self.store.say(
                node.name,
                "Couldn't autodetect an IPv4 address. If auto-detecting, choose a different autodetection method. "
                "Otherwise provide an explicit address.",
            )
            return False
        for other in others(node, view.nodes()):
            theirs = self.store.address(other)
            if theirs is not None and theirs.ip == address.ip:
                self.store.say(node.name, f"Calico node '{other.name}' is already using the IPv4 address {address.ip}.")
                return False
        node.annotations[IPV4_ADDRESS] = str(address)
        return True

    def configure(self, config: Calico) -> None:
        """New settings: FelixConfiguration, the CNI configuration, calico-node's environment."""
        if not isinstance(config, Calico):
            raise NotModelled(f"new settings of {type(config).__name__} on a running cluster")
        config.check()
        if config.ip_pools != self.config.ip_pools:
            raise ConfigError(
                "Calico", "ip_pools are objects of the API once the cluster runs: apply or delete IPPools"
            )
        if config.interface_prefix != self.config.interface_prefix:
            raise NotModelled("a new interface_prefix while pods have interfaces with the old one", "Calico")
        self._base = config
        self._settle(effective(config, self._objects))

    def bgp_peers(self, node: str) -> list[tuple[str, str, str, str, str]]:
        """The rows of ``calicoctl node status``: peer address, type, state, since, info."""
        spec = self._view.node(node) if self._view is not None else None
        if spec is None or self._view is None:
            return []
        now = spec.machine.world.now
        return [
            (
                str(each.neighbour.remote),
                each.neighbour.kind,
                each.state,
                since(each.since, now),
                " ".join(filter(None, (each.info, each.error))),
            )
            for each in self._bird.sessions(spec, self._view)
        ]

    def bgp_sessions(self, node: str) -> list[SessionState] | None:
        """BIRD's sessions on a node; None where no BIRD runs."""
        spec = self._view.node(node) if self._view is not None else None
        if spec is None or self._view is None or self.config.backend != "bird" or node not in self.store.started:
            return None
        return self._bird.sessions(spec, self._view)

    # -- the plugin ----------------------------------------------------------------------------------------------

    @property
    def network(self) -> str:
        """The name of the network in the CNI configuration: GKE has its own (section 12)."""
        return "gke-pod-network" if self.config.backend == "none" else _NETWORK

    def conflist(self, node: NodeSpec) -> tuple[str, str]:
        """What install-cni writes (section 12)."""
        kind = self.config.ipam
        own = {
            "type": "calico",
            "log_level": "info",
            "datastore_type": "kubernetes",
            "nodename": node.name,
            "mtu": self.config.mtu,
            "ipam": {"type": kind, **({"subnet": "usePodCidr"} if kind == "host-local" else {})},
            "policy": {"type": "k8s"},
            "kubernetes": {"kubeconfig": "/etc/cni/net.d/calico-kubeconfig"},
        }
        plugins = [
            own,
            {"type": "portmap", "snat": True, "capabilities": {"portMappings": True}},
            {"type": "bandwidth", "capabilities": {"bandwidth": True}},
        ]
        document = {"name": self.network, "cniVersion": "0.3.1", "plugins": plugins}
        return _CONFLIST, json.dumps(document, indent=2) + "\n"

    def ipam(self, node: NodeSpec) -> HostLocal:
        """The node's host-local range: its pod CIDR. Raises ``ConfigError`` for a node without one."""
        if node.pod_cidr is None:
            raise ConfigError(f"node {node.name!r}", "has no pod_cidr, and host-local allocates from it")
        return self._ranges.setdefault(node.name, HostLocal(node.pod_cidr, network=self.network))

    def pod_mtu(self, node: NodeSpec) -> int:
        """The CNI configuration's value, else what Felix left on the node (section 1.4)."""
        return self.config.mtu or int(node.machine.root.files.get(MTU_FILE, "0"))

    def cni_add(self, pod: PodSpec, node: NodeSpec, door: Netlink, pod_door: Netlink) -> CniResult:
        """ADD: an address, the pair, routes and switches; nothing is left behind when there is no address."""
        if _NODENAME not in node.machine.root.files:
            raise PodwireError(
                f"stat {_NODENAME}: no such file or directory: "
                "check that the calico/node container is running and has mounted /var/lib/calico/"
            )
        self._now = node.machine.world.now
        ip = self._allocate(pod, node)
        name, mtu, direct = self.interface(pod), self.pod_mtu(node), self.config.minor >= _DIRECT
        result = wire_pod(pod, node, ip, door, pod_door, name=name, mtu=mtu, direct=direct)
        pod.ip = ip
        return result

    def _ipam_plugin(self, node: NodeSpec) -> str:
        """Which plugin the file on the node names: somebody may have edited it. Raises ``NotModelled`` for more than its type."""
        text = node.machine.root.files.get(_CONFLIST)
        if text is None or text == self.conflist(node)[1]:
            return self.config.ipam
        own = next(conf for conf in parse(_CONFLIST, text).plugins if conf["type"] == "calico")
        asked = own.get("ipam")
        given: dict[str, object] = asked if isinstance(asked, dict) else {}
        kind = str(given.get("type"))
        # calico-ipam pays no heed to what host-local is told.
        more = {key for key in given if key != "type" and (key, given[key]) != ("subnet", "usePodCidr")}
        if kind not in {"host-local", "calico-ipam"} or more:
            raise NotModelled(f"ipam {json.dumps(given)} of the CNI plugin calico", _CONFLIST)
        return kind

    def _allocate(self, pod: PodSpec, node: NodeSpec) -> Ip:
        if self._ipam_plugin(node) == "host-local":
            store, files = self.ipam(node), node.machine.root.files
            store.load(files)
            ip = store.allocate(pod.container)
            store.save(files)
            return ip
        noted = {"pod": pod.name, "namespace": pod.namespace}
        before = self.store.ipam.revision
        ip = self.store.ipam.auto_assign(node.name, f"{self.network}.{pod.container}", noted)
        self._tell(before)
        return ip

    def release_ip(self, ip: Ip) -> bool:
        """``calicoctl ipam release``: the address counts as free, whoever still has it; False if nobody has it."""
        before = self.store.ipam.revision
        released = self.store.ipam.release_ip(ip)
        self._tell(before)
        return released

    def _tell(self, before: int) -> None:
        """A block more or less, an address that was borrowed: Felix and BIRD of other nodes have to route it."""
        if self._view is not None and self.store.ipam.revision != before:
            self._view.told()

    def cni_del(self, pod: PodSpec, node: NodeSpec, door: Netlink) -> None:
        """DEL: the address goes back to whom it came from, the pair goes, and with it the route."""
        if node.name in self._ranges:
            store, files = self._ranges[node.name], node.machine.root.files
            store.load(files)
            store.release(pod.container)
            store.save(files)
        before = self.store.ipam.revision
        if self.store.ipam.release(f"{self.network}.{pod.container}") and self._view is not None:
            self._collector.look(node.machine.world, node.name, self._view.told)
        self._tell(before)
        link = door.netns.link(self.interface(pod))
        if link is not None:
            door.link_del(link)

    # -- objects -------------------------------------------------------------------------------------------------

    def check_objects(self, objects: list[IPPoolObject]) -> None:
        """Raise ``ManifestError`` where one of these cannot be applied, in this order; nothing is changed."""
        pools = {pool.name: (pool.name, pool.cidr, pool.block_size) for pool in self.store.pools.values()}
        for pool in objects:
            check_against(pool, pools.values())
            if pool.name not in pools:
                self._check_blocks(pool)
            pools[pool.name] = (pool.name, pool.cidr, pool.block_size)

    def _check_blocks(self, pool: IPPoolObject) -> None:
        """A new pool over blocks that an old one has left behind has their size."""
        for block in self.store.ipam.blocks():
            if block.cidr.plen != pool.block_size and (block.cidr.addr in pool.cidr or pool.cidr.addr in block.cidr):
                raise pool.at.at("spec", "blockSize").error(
                    f"{block.cidr.plen} (IPPool blocksSize conflicts with existing allocations that use a different blockSize)"
                )

    def apply_object(self, pool: IPPoolObject) -> str:
        """Create or change a pool; returns ``created``, ``configured`` or ``unchanged``."""
        old = self.store.pools.get(pool.name)
        if old is not None and _spec(old) == _spec(pool):
            return "unchanged"
        self.store.put_pool(pool)
        return "configured" if old is not None else "created"

    def documents(self) -> list[dict[str, Any]]:
        """The pools."""
        return [self._document(pool) for pool in self.store.pools.values()]

    def _document(self, pool: IPPoolObject) -> dict[str, Any]:
        """With what the API server adds: a uid for good, a version that every change raises."""
        document = ippool_document(pool, self.store.born[pool.name])
        digest = hashlib.sha1(f"{pool.name} {self.store.born[pool.name]}".encode(), usedforsecurity=False).digest()
        document["metadata"] |= {
            "resourceVersion": str(self.store.versions[pool.name]),
            "uid": str(uuid.UUID(bytes=digest[:16], version=4)),
        }
        return document

    def has_object(self, kind: str, name: str) -> bool:
        """Whether there is such an object."""
        return kind in self.kinds and name in self.store.pools

    def delete_object(self, kind: str, name: str, *, api: str) -> None:
        """Delete a pool. Calico's own API (``projectcalico.org``) gives up the blocks' affinities, a bare object goes alone."""
        self.store.delete_pool(name, release=api.startswith("projectcalico.org/"))


def _spec(pool: IPPoolObject) -> tuple[object, ...]:
    return tuple(getattr(pool, name) for name in pool.__struct_fields__ if name not in {"at", "kind"})
