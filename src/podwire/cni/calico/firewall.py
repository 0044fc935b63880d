"""Felix's rules and IP sets on the nodes: from what the API server has to the tables of a kernel (reference sheet Calico, 3, 5 and 6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from podwire.cni.calico.advice import Advice
from podwire.cni.calico.dataplane import Dataplane, DesiredSet
from podwire.cni.calico.datastore import Datastore, others
from podwire.cni.calico.endpoints import Cluster
from podwire.cni.calico.hosts import resolved
from podwire.cni.calico.plugin import host
from podwire.cni.calico.policy import calico, kubernetes
from podwire.cni.calico.policy.calc import active
from podwire.cni.calico.policy.calico import auto_host_endpoint
from podwire.cni.calico.policy.model import CalicoPolicy, HostInterface
from podwire.cni.calico.policy.sets import Member, SetSpec, members, service_members
from podwire.cni.calico.rules import static
from podwire.cni.calico.rules.model import Failsafe, RuleConfig
from podwire.cni.calico.rules.names import set_name
from podwire.cni.calico.rules.tables import desired
from podwire.cni.calico.settings import Objects, service_blocks
from podwire.kube.calico.checks import masked
from podwire.kube.calico.kinds import slot
from podwire.linux.netfilter.tables import NFT
from podwire.linux.netlink import Netlink
from podwire.linux.netns import Netns
from podwire.trace.events import ByRule, Flow, Owner, Refused
from podwire.wire.addr import Ip4, Net

if TYPE_CHECKING:
    from podwire.cni.backend import NodeSpec, View

_ACTIONS: Final[Mapping[str, Literal["ACCEPT", "DROP", "RETURN"]]] = MappingProxyType(
    {"Accept": "ACCEPT", "Drop": "DROP", "Return": "RETURN"}
)
_LOOPBACK: Final = (Ip4.parse("127.0.0.0"), Ip4.parse("127.0.0.1"))


class Firewall:
    """One for all nodes. What is the same on every node is worked out once for each state of the cluster."""

    def __init__(self, store: Datastore, variant: str = NFT) -> None:
        self._store = store
        self._variant = variant
        self._planes: dict[str, Dataplane] = {}
        self._revision: int | None = None
        self._cluster: Cluster | None = None
        self._advice = Advice((), (), (), {})
        self._policies: tuple[CalicoPolicy, ...] = ()
        self._blocks: tuple[str, ...] = ()
        self._members: dict[str, Mapping[Member, Owner]] = {}

    @property
    def looks_at_pods(self) -> bool:
        """A policy says something, so that a pod somewhere may change a set elsewhere."""
        return bool(self._policies)

    @property
    def reads_services(self) -> bool:
        """A policy speaks of the endpoints of a Service."""
        sides = (
            side
            for policy in self._policies
            for rule in (*policy.ingress, *policy.egress)
            for side in (rule.source, rule.destination)
        )
        return any(side.service is not None for side in sides)

    def hear(self, objects: Objects) -> None:
        """Policies are those of these objects."""
        self._policies = tuple(_policies(objects))
        self._blocks = service_blocks(objects)
        self._revision = None

    def start(self, node: str) -> None:
        """Felix starts on a node: it reads the tables, whatever it knew."""
        self.refresh(node)

    def refresh(self, node: str) -> None:
        """IptablesRefreshInterval: the tables are read again."""
        if node in self._planes:
            self._planes[node].forget()

    def program(self, node: NodeSpec, door: Netlink, view: View) -> None:
        """Chains and sets as they should be."""
        cluster = self._look(view)
        prefix = self._store.config.interface_prefix
        hosts = resolved(node.name, self._hosts_of(cluster, view), node.machine.root.netns, prefix)
        found = active(node.name, cluster.on(node.name), self._policies, hosts)
        config = self._config(node)
        used = [*(each.profiles for each in found.workloads), *(each.profiles for each in found.hosts)]
        profiles = cluster.profiles(name for names in used for name in names)
        tables = desired(config, found.workloads, found.policies.values(), profiles, found.hosts)
        sets = {**dict(self._own_sets(node, view, config)), **self._policy_sets(cluster, found.sets)}
        plane = self._planes.setdefault(node.name, Dataplane(self._variant))
        plane.apply(door, tables, static.forward_appends(config), sets, behind=config.append)
        door.xt_advise(self._advise)

    def _advise(self, by: ByRule, flow: Flow) -> Refused | None:
        return self._advice.of(by, flow)

    def _look(self, view: View) -> Cluster:
        """The cluster as it is now."""
        if self._cluster is None or self._revision != view.revision:
            self._revision = view.revision
            self._cluster = Cluster(view, self._store.config.interface_prefix)
            written = view.objects("NetworkPolicy")
            self._advice = Advice(self._policies, written, self._cluster.endpoints, self._cluster.labelled)
            self._members = {}
        return self._cluster

    def _hosts_of(self, cluster: Cluster, view: View) -> Iterator[HostInterface]:
        """Host endpoints that people made, and those that kube-controllers makes of nodes."""
        yield from cluster.hosts
        if self._store.config.auto_host_endpoints:
            for node in view.nodes():
                yield auto_host_endpoint(node.name, node.labels, (node.internal_ip,))

    def _config(self, node: NodeSpec) -> RuleConfig:
        store = self._store
        config = store.config
        ports = tuple(int(part) for part in config.nat_port_range.split(":")) if config.nat_port_range else ()
        return RuleConfig(
            allowed_sources=tuple(self._allowed_sources(node.name)),
            nat_outgoing_address=config.nat_outgoing_address,
            nat_port_range=(ports[0], ports[-1]) if ports else None,
            nat_outgoing_interface=config.iptables_nat_outgoing_interface_filter,
            deny="REJECT" if config.iptables_filter_deny_action == "Reject" else "DROP",
            log_prefix=config.log_prefix,
            service_cidrs=self._blocks if config.service_loop_prevention != "Disabled" else (),
            service_loop="REJECT" if config.service_loop_prevention == "Reject" else "DROP",
            failsafe_in=tuple(map(_failsafe, config.failsafe_inbound_host_ports)),
            failsafe_out=tuple(map(_failsafe, config.failsafe_outbound_host_ports)),
            allow_vxlan=config.allow_vxlan_packets_from_workloads,
            allow_ipip=config.allow_ipip_packets_from_workloads,
            append=config.chain_insert_mode == "append",
            release=config.minor,
            prefixes=(config.interface_prefix,),
            ipip=store.ipip_enabled,
            ipip_address=store.ipip_address(node) is not None,
            vxlan=store.vxlan_enabled,
            vxlan_address=store.vtep(node) is not None,
            vxlan_port=config.vxlan_port,
            nat_outgoing=any(pool.nat_outgoing for pool in store.pools.values()),
            endpoint_to_host=_ACTIONS[config.default_endpoint_to_host_action],
            filter_allow="RETURN" if config.iptables_filter_allow_action == "Return" else "ACCEPT",
            mangle_allow="RETURN" if config.iptables_mangle_allow_action == "Return" else "ACCEPT",
        )

    def _allowed_sources(self, node: str) -> Iterator[tuple[str, str, Owner]]:
        """Pods that may send from other addresses than their own: by annotation, where FelixConfiguration lets them."""
        if self._store.config.workload_source_spoofing == "Any" and self._cluster is not None:
            for endpoint in self._cluster.on(node):
                for net in endpoint.spoofs:
                    yield endpoint.interface, str(net), endpoint.owner

    # -- sets -----------------------------------------------------------------------------------------------------

    def _policy_sets(self, cluster: Cluster, specs: Mapping[str, SetSpec]) -> dict[str, DesiredSet]:
        found: dict[str, DesiredSet] = {}
        for ident, spec in specs.items():
            if ident not in self._members:
                self._members[ident] = (
                    service_members(spec, cluster.slices) if spec.service else members(spec, cluster.selectable())
                )
            found[set_name(ident)] = DesiredSet(spec.type, self._members[ident])
        return found

    def _own_sets(self, node: NodeSpec, view: View, config: RuleConfig) -> Iterator[tuple[str, DesiredSet]]:
        pools = self._store.pools.values()
        yield static.ALL_POOLS, _nets((pool.cidr, Owner("felix", f"IPPool {pool.name}")) for pool in pools)
        yield (
            static.MASQ_POOLS,
            _nets(
                (pool.cidr, Owner("felix", f"IPPool {pool.name}", "spec.natOutgoing"))
                for pool in pools
                if pool.nat_outgoing
            ),
        )
        yield static.THIS_HOST, _this_host(node.machine.root.netns, config)
        owner = Owner("felix", "FelixConfiguration default", "spec.externalNodesList")
        outside = [(masked(text), owner) for text in self._store.config.external_nodes_list]
        if config.ipip:
            yield static.ALL_HOSTS, _nets((*self._hosts(view), *outside))
        if config.vxlan:
            yield static.ALL_VXLAN, _nets((*self._vteps(node, view), *outside))

    def _hosts(self, view: View) -> Iterator[tuple[Net, Owner]]:
        for node in view.nodes():
            address = self._store.address(node)
            if address is not None:
                yield host(address.ip), Owner("felix", f"Node {node.name}")

    def _vteps(self, node: NodeSpec, view: View) -> Iterator[tuple[Net, Owner]]:
        for other in others(node, view.nodes()):
            vtep = self._store.vtep(other)
            if vtep is not None:
                yield host(vtep.parent), Owner("felix", f"Node {other.name}")


def _policies(objects: Objects) -> Iterator[CalicoPolicy]:
    """Those of Kubernetes and of both kinds of Calico."""
    yield from map(kubernetes.convert_policy, objects("NetworkPolicy"))
    yield from map(calico.convert_policy, objects(slot("NetworkPolicy")))
    yield from map(calico.convert_global_policy, objects(slot("GlobalNetworkPolicy")))


def _failsafe(text: str) -> Failsafe:
    protocol, port, *net = text.split(":", 2)
    return Failsafe(protocol, int(port), *net)


def _nets(pairs: Iterable[tuple[Net, Owner]]) -> DesiredSet:
    return DesiredSet("hash:net", {Member(net): owner for net, owner in pairs})


def _this_host(netns: Netns, config: RuleConfig) -> DesiredSet:
    """Every local address of devices that are no pod's."""
    own = {
        address.local: Owner("felix", f"device {link.name}")
        for link, address in netns.addresses()
        if not link.name.startswith(config.prefixes) and isinstance(address.local, Ip4)
    }
    own |= dict.fromkeys(_LOOPBACK, Owner("felix", "device lo"))
    return DesiredSet("hash:ip", {Member(host(ip)): own[ip] for ip in sorted(own)})
