"""The service controller of GKE's cloud controller manager: Services of type LoadBalancer get an external passthrough load balancer.

For each it takes an address of the Internet, a forwarding rule with the cluster's nodes as backends, and a firewall rule
(``k8s-fw-…``) that lets ``spec.loadBalancerSourceRanges`` in; then it writes ``status.loadBalancer.ingress`` (sheet section 3.2).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from podwire.errors import ConfigError
from podwire.fabric.balancer import ForwardingRule
from podwire.fabric.cloud import GcpVpc
from podwire.fabric.firewall import FirewallRule
from podwire.fabric.flows import PROTOCOLS
from podwire.kube.events import Recorder, Type
from podwire.kube.service import Service
from podwire.kube.store import Store, Stored
from podwire.wire.addr import Ip, Ip4, Net

COMPONENT: Final = "service-controller"
FINALIZER: Final = "service.kubernetes.io/load-balancer-cleanup"
EXCLUDED: Final = "node.kubernetes.io/exclude-from-external-load-balancers"
_TYPES: Final = ("networking.gke.io/load-balancer-type", "cloud.google.com/load-balancer-type")
_ANNOTATIONS: Final = (
    "cloud.google.com/l4-rbs",
    "cloud.google.com/network-tier",
    "networking.gke.io/load-balancer-ip-addresses",
    "networking.gke.io/weighted-load-balancing",
    "service.beta.kubernetes.io/load-balancer-source-ranges",
)
_FIRST: Final = Ip4.parse("34.64.0.0")
_COUNT: Final = 1 << 22
"""External addresses are drawn from 34.64.0.0/10, of which Google has the most."""


def unserved(metadata: Mapping[str, Any], spec: Mapping[str, Any]) -> str | None:
    """What a Service of type LoadBalancer asks for that podwire's controller does not do; None where it can have its balancer."""
    if spec.get("type") != "LoadBalancer" or spec.get("loadBalancerClass") is not None:
        return None
    annotations = metadata.get("annotations") or {}
    for name in _TYPES:
        if str(annotations.get(name, "External")).lower() != "external":
            return f"annotation {name}: {annotations[name]} (an internal load balancer)"
    named = next((name for name in _ANNOTATIONS if name in annotations), None)
    if named is not None:
        return f"annotation {named}"
    protocols = {str(port.get("protocol", "TCP")) for port in spec.get("ports") or () if isinstance(port, Mapping)}
    if len(protocols) > 1 or "SCTP" in protocols:
        return f"a load balancer for {' and '.join(sorted(protocols))}"
    return None


class _Wanted(msgspec.Struct, frozen=True):
    """All of a Service that its balancer depends on."""

    uid: str
    ports: tuple[tuple[int, int], ...]
    sources: tuple[str, ...]
    address: str
    health_port: int
    by_client: bool

    @property
    def name(self) -> str:
        """``cloudprovider.DefaultLoadBalancerName``: the uid without dashes behind an ``a``, 32 characters."""
        return ("a" + self.uid.replace("-", ""))[:32]


class ServiceController:
    """One for a cluster. ``vpc`` is the network that its nodes stand in, ``tag`` the nodes' network tag.

    ``local`` says whether a node's health check node port answers well: with externalTrafficPolicy Local only nodes with a ready
    endpoint do; else kube-proxy's own health is asked, and all nodes are well.
    """

    def __init__(
        self,
        store: Store,
        recorder: Recorder,
        vpc: Callable[[], GcpVpc | None],
        local: Callable[[str, int], bool],
        tag: str,
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._vpc = vpc
        self._local = local
        self._tag = tag
        self._made: dict[str, tuple[_Wanted, Ip]] = {}
        """By the Service's uid: what its balancer was made from, and its address."""
        self._failed: dict[str, _Wanted] = {}

    def run(self) -> None:
        """Make, change and remove balancers until they are as the Services say."""
        there = {each.uid: each for each in self._store.all("Service")}
        for uid in [uid for uid in self._made if uid not in there]:
            self._release(uid)
        for stored in there.values():
            wanted = _wanted(stored)
            if wanted is None or stored.terminating:
                self._remove(stored)
            elif self._vpc() is not None:
                self._ensure(stored, wanted)

    def address(self, uid: str) -> Ip | None:
        """The address of a Service's balancer."""
        made = self._made.get(uid)
        return made[1] if made is not None else None

    # -- one balancer --------------------------------------------------------------------------------------------

    def _ensure(self, stored: Stored, wanted: _Wanted) -> None:
        vpc = self._vpc()
        made, ip = self._made.get(stored.uid, (None, None))
        if vpc is None or made == wanted or self._failed.get(stored.uid) == wanted:
            return
        self._tell(stored, "EnsuringLoadBalancer", "Ensuring load balancer")
        if ip is None or (wanted.address and wanted.address != str(ip)):
            self._release(stored.uid)
            ip = Ip.parse(wanted.address) if wanted.address else self._draw(vpc, stored)
        try:
            vpc.balance(self._forwarding(wanted, ip))
        except ConfigError as error:
            self._failed[stored.uid] = wanted
            said = f"Error syncing load balancer: failed to ensure load balancer: {error.problem}"
            self._tell(stored, "SyncLoadBalancerFailed", said, "Warning")
            return
        self._failed.pop(stored.uid, None)
        self._made[stored.uid] = (wanted, ip)
        self._open(vpc, wanted, ip)
        self._write(stored, [{"ip": str(ip), "ipMode": "VIP"}], finalizer=True)
        self._tell(stored, "EnsuredLoadBalancer", "Ensured load balancer")

    def _draw(self, vpc: GcpVpc, stored: Stored) -> Ip:
        """A static address as ``gcloud compute addresses create`` would give it, from the cluster's seed."""
        stream = self._store.draw("load-balancer", stored.namespace, stored.name)
        while True:
            ip = Ip4(int(_FIRST) + stream.randrange(_COUNT))
            if vpc.internet is None or not vpc.internet.is_taken(ip):
                return ip

    def _forwarding(self, wanted: _Wanted, ip: Ip) -> ForwardingRule:
        def healthy() -> tuple[str, ...]:
            nodes = self._nodes()
            return (
                tuple(name for name in nodes if self._local(name, wanted.health_port)) if wanted.health_port else nodes
            )

        return ForwardingRule(wanted.name, ip, frozenset(wanted.ports), self._nodes, healthy, wanted.by_client)

    def _nodes(self) -> tuple[str, ...]:
        """Nodes that may be backends, in order of joining."""
        return tuple(each.name for each in self._store.all("Node") if EXCLUDED not in each.labels)

    def _open(self, vpc: GcpVpc, wanted: _Wanted, ip: Ip) -> None:
        name = f"k8s-fw-{wanted.name}"
        vpc.firewall.remove(name)
        protocols = {number: word for word, number in PROTOCOLS.items()}
        vpc.allow(
            FirewallRule(
                name,
                tuple(Net.parse(text) for text in wanted.sources),
                (protocols[wanted.ports[0][0]],),
                tuple((port, port) for _, port in wanted.ports),
                frozenset({self._tag}),
                destinations=(Net(ip, ip.bits),),
            )
        )

    def _remove(self, stored: Stored) -> None:
        """A Service is no LoadBalancer any more, or is about to go."""
        self._failed.pop(stored.uid, None)
        if stored.uid not in self._made:
            if FINALIZER in (stored.document["metadata"].get("finalizers") or ()):
                self._write(stored, [], finalizer=False)
            return
        self._tell(stored, "DeletingLoadBalancer", "Deleting load balancer")
        self._release(stored.uid)
        self._tell(stored, "DeletedLoadBalancer", "Deleted load balancer")
        self._write(stored, [], finalizer=False)

    def _release(self, uid: str) -> None:
        made = self._made.pop(uid, None)
        vpc = self._vpc()
        if made is not None and vpc is not None:
            wanted, ip = made
            vpc.unbalance(ip)
            vpc.firewall.remove(f"k8s-fw-{wanted.name}")

    # -- the object ----------------------------------------------------------------------------------------------

    def _write(self, stored: Stored, ingress: list[dict[str, str]], *, finalizer: bool) -> None:
        new = copy.deepcopy(self._store.need("Service", stored.name, stored.namespace).document)
        names = [name for name in new["metadata"].get("finalizers") or () if name != FINALIZER]
        if finalizer:
            names.append(FINALIZER)
        new["metadata"].pop("finalizers", None)
        if names:
            new["metadata"]["finalizers"] = names
        new.setdefault("status", {})["loadBalancer"] = {"ingress": ingress} if ingress else {}
        self._store.update(new, status=True)

    def _tell(self, stored: Stored, reason: str, message: str, type_: Type = "Normal") -> None:
        self._recorder.event(stored, type_, reason, message, component=COMPONENT)


def _wanted(stored: Stored) -> _Wanted | None:
    """None for a Service that gets no balancer from this controller."""
    service: Service = stored.object
    spec = service.spec
    if spec.type != "LoadBalancer" or spec.load_balancer_class is not None:
        return None
    if unserved(stored.document["metadata"], stored.document["spec"]) is not None:
        return None
    return _Wanted(
        stored.uid,
        tuple((PROTOCOLS[port.protocol.lower()], port.port) for port in spec.ports),
        tuple(_ranges(spec.load_balancer_source_ranges)) or ("0.0.0.0/0",),
        spec.load_balancer_ip,
        spec.health_check_node_port,
        spec.session_affinity == "ClientIP",
    )


def _ranges(texts: Iterable[str]) -> Iterable[str]:
    """Source ranges of IPv4, without the blanks that the server lets stand around them."""
    for text in texts:
        if ":" not in text:
            yield str(Net.parse(text.strip(), strict=False))
