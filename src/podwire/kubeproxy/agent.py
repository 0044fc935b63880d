"""kube-proxy on the nodes: it watches Services and EndpointSlices and keeps the rules of each node (kube-proxy sheet, 1.7)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from socket import AF_INET
from typing import Final, Protocol

import msgspec

from podwire.cni.backend import Desired, NodeSpec, Rescan, View
from podwire.kube.endpoints import EndpointSlice
from podwire.kube.service import Service
from podwire.kubeproxy import fixed, start
from podwire.kubeproxy.config import KubeProxyConfig
from podwire.kubeproxy.health import HealthCheck, health_checks
from podwire.kubeproxy.iptables import LARGE_CLUSTER, Renderer, Surroundings, Sync
from podwire.kubeproxy.objects import Objects
from podwire.kubeproxy.ports import COMPONENT, EndpointsMap, ServicePortMap
from podwire.kubeproxy.stale import stale_entries
from podwire.linux.netfilter.restore import RestoreError
from podwire.linux.netfilter.save import rule_text
from podwire.linux.netfilter.tables import NFT
from podwire.linux.netlink import Netlink
from podwire.linux.netns import Netns
from podwire.wire.addr import Ip

ZONE: Final = "topology.kubernetes.io/zone"


class ServiceSource(Protocol):
    """Where kube-proxy hears of Services: the store of a cluster. Objects that have not changed are the same objects as before."""

    def services(self) -> Iterable[Service]:
        """All Services, in the order in which they came."""

    def endpoint_slices(self) -> Iterable[EndpointSlice]:
        """All EndpointSlices, in the order in which they came."""


class _Proxy:
    """kube-proxy on one node, since its start."""

    def __init__(self, config: KubeProxyConfig, host: str, *, liberal: bool) -> None:
        self.objects = Objects(AF_INET, config.hostname_override or host)
        self.renderer = Renderer(config)
        self.liberal = liberal
        self.around: Surroundings | None = None
        self.need_full = True
        self.cleaned = 0
        """When it last looked for stale chains (ns)."""
        self.synced: tuple[ServicePortMap, EndpointsMap] = ({}, {})
        """What the rules in the kernel were rendered from."""


class KubeProxy:
    """The agent: one for all nodes, as every backend's. ``variant`` of iptables is that which the image of the program would choose.

    ``kubelet``: the kubelet of a node puts its chains there before kube-proxy starts (1.1).

    Rules are those of IPv4: podwire has no ip6tables, so that kube-proxy runs as on a node without IPv6, and addresses of that
    family are ignored. Its chains come into being at the first sync; ``--iptables-min-sync-period`` delays nothing, because agents act
    before anybody looks (decision 9).
    """

    name = COMPONENT

    def __init__(
        self, source: ServiceSource, config: KubeProxyConfig | None = None, *, variant: str = NFT, kubelet: bool = False
    ) -> None:
        self.source = source
        self.config = config or KubeProxyConfig()
        self.variant = variant
        self._kubelet = kubelet
        self.rescans = (Rescan(self.config.iptables_sync_period, self._monitor),)
        self.last: dict[str, Sync] = {}
        """The last sync of each node."""
        self._nodes: dict[str, _Proxy] = {}
        self._log: dict[str, list[str]] = {}

    def log(self, node: str) -> list[str]:
        """What it has logged on a node (klog's lines, ``--v=2``)."""
        return self._log.get(node, [])

    def health_checks(self, node: str) -> dict[int, HealthCheck]:
        """What it answers at the health check node ports of a node."""
        proxy = self._nodes.get(node)
        return health_checks(*proxy.synced) if proxy is not None else {}

    def restart(self, node: str) -> None:
        """The program on a node has ended: what it knew is gone, the rules stay; it starts again at the next ``program``."""
        self._nodes.pop(node, None)

    # -- an agent -------------------------------------------------------------------------------------------------

    def desired(self, node: NodeSpec, view: View) -> Desired:
        """Nothing that is looked at again and again: its switches are written once, when it starts."""
        return Desired()

    def program(self, node: NodeSpec, door: Netlink, view: View) -> None:
        """Sync the rules where something has changed."""
        proxy = self._nodes.get(node.name)
        if proxy is None:
            if self._kubelet and not _has_chain(door.netns, self.variant, "mangle", fixed.HINT):
                kubelet = Netlink(door.netns, fixed.KUBELET)
                kubelet.iptables_restore(fixed.kubelet_rules(), variant=self.variant, noflush=True)
            start.prepare(self.config, door)
            liberal = door.sysctl_read(start.LIBERAL) != "0"
            proxy = self._nodes[node.name] = _Proxy(self.config, node.name, liberal=liberal)
        around = self._surroundings(proxy, node, door.netns)
        changed = proxy.objects.update(self.source.services(), self.source.endpoint_slices())
        if proxy.around is not None and proxy.around.zone != around.zone:
            proxy.need_full = True
        if changed or proxy.need_full or around != proxy.around:
            self._sync(proxy, node, door, around)

    def _monitor(self, node: NodeSpec, view: View) -> Desired:
        """Every sync period: are the canaries alive? If not, everything is written anew."""
        proxy = self._nodes.get(node.name)
        if proxy is not None and not _canaries_live(node.machine.root.netns, self.variant):
            proxy.need_full = True
            view.told()
        return Desired()

    # -- a sync ---------------------------------------------------------------------------------------------------

    def _surroundings(self, proxy: _Proxy, node: NodeSpec, netns: Netns) -> Surroundings:
        listed: tuple[Ip, ...] = ()
        if self.config.nodeport_ranges(AF_INET, node.internal_ip):
            listed = tuple(each.local for link in netns.links() for each in link.addresses)
        return Surroundings(
            ip=node.internal_ip,
            pod_cidr=node.pod_cidr,
            zone=node.labels.get(ZONE, ""),
            local=listed,
            liberal=proxy.liberal,
        )

    def _sync(self, proxy: _Proxy, node: NodeSpec, door: Netlink, around: Surroundings) -> None:
        services, endpoints = proxy.objects.services, proxy.objects.endpoints
        self._say(node, 'proxier.go:805] "Syncing iptables rules"')
        if proxy.need_full:
            self._ensure_jumps(door)
        existing = self._existing(proxy, node, door.netns, sum(len(endpoints.get(name, ())) for name in services))
        sync = proxy.renderer.render(services, endpoints, around, full=proxy.need_full, existing=existing)
        self._say(node, f"proxier.go:1494] {sync.counts}")
        try:
            door.iptables_restore(sync.text, variant=self.variant, noflush=True, counters=True, owners=sync.owners)
        except RestoreError:
            proxy.need_full = True
            raise
        proxy.need_full, proxy.around = False, around
        self.last[node.name] = sync
        for stale in stale_entries(*proxy.synced, services, endpoints):
            for ct in [each for each in door.conntrack_dump() if stale.matches(each.orig, each.reply)]:
                door.conntrack_delete(ct)
        proxy.synced = services, endpoints
        self._say(node, 'proxier.go:799] "SyncProxyRules complete" elapsed="0s"')

    def _existing(self, proxy: _Proxy, node: NodeSpec, netns: Netns, endpoints: int) -> tuple[str, ...]:
        """The chains of nat; none in a large cluster, where it looks at most once in a sync period."""
        now = node.machine.world.now
        if endpoints > LARGE_CLUSTER and now - proxy.cleaned <= self.config.iptables_sync_period:
            return ()
        proxy.cleaned = now
        table = netns.xtables.table(self.variant, "nat")
        return tuple(table.chains) if table is not None else ()

    def _ensure_jumps(self, door: Netlink) -> None:
        """Canaries, and the jumps from the built-in chains: each that is missing goes to the top of its chain (1.2)."""
        for table in fixed.CANARY_TABLES:
            there = door.netns.xtables.table(self.variant, table)
            chains = there.chains if there is not None else {}
            lines = [] if fixed.CANARY in chains else [f":{fixed.CANARY} - [0:0]"]
            jumps = [each for each in fixed.JUMPS if each.table == table]
            lines += dict.fromkeys(f":{each.target} - [0:0]" for each in jumps if each.target not in chains)
            for each in jumps:
                rules = chains[each.chain].rules if each.chain in chains else ()
                if all(rule_text(rule.spec, self.variant) != each.rule for rule in rules):
                    lines.append(f"-I {each.chain} {each.rule}")
            if lines:
                door.iptables_restore("\n".join((f"*{table}", *lines, "COMMIT\n")), variant=self.variant, noflush=True)

    def _say(self, node: NodeSpec, text: str) -> None:
        moment = datetime.fromtimestamp(node.machine.world.now / 1e9, UTC)
        self._log.setdefault(node.name, []).append(f"I{moment:%m%d %H:%M:%S.%f}       1 {text}")


def _canaries_live(netns: Netns, variant: str) -> bool:
    return all(_has_chain(netns, variant, table, fixed.CANARY) for table in fixed.CANARY_TABLES)


def _has_chain(netns: Netns, variant: str, table: str, chain: str) -> bool:
    found = netns.xtables.table(variant, table)
    return found is not None and chain in found.chains


class FixedObjects(msgspec.Struct):
    """A ``ServiceSource`` of objects that somebody else keeps: assign new lists to change them."""

    all_services: list[Service] = []
    all_slices: list[EndpointSlice] = []

    def services(self) -> list[Service]:
        """As they were given."""
        return self.all_services

    def endpoint_slices(self) -> list[EndpointSlice]:
        """As they were given."""
        return self.all_slices
