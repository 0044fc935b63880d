"""What kube-proxy gives to ``iptables-restore --noflush --counters``: whole and partial syncs (kube-proxy sheet, 1.5 to 1.7).

``Renderer.render`` is a function of Services, endpoints and what is known of the node, but that it keeps what it rendered for each
service port: what has not changed since is not rendered again.
"""

from __future__ import annotations

from collections.abc import Iterable
from socket import AF_INET6
from typing import Final

import msgspec

from podwire.kubeproxy import fixed
from podwire.kubeproxy.config import KubeProxyConfig
from podwire.kubeproxy.detect import local_detector
from podwire.kubeproxy.lines import Lines, chain_line
from podwire.kubeproxy.names import SERVICE_CHAINS, ServicePortName
from podwire.kubeproxy.portrules import NodeFacts, PortRules, port_rules
from podwire.kubeproxy.ports import Endpoint, EndpointsMap, ServicePort, ServicePortMap
from podwire.trace.events import KERNEL, Owner
from podwire.wire.addr import Ip, Net

LARGE_CLUSTER: Final = 1000
"""With more endpoints than this the rules of endpoints have no comments, and stale chains are looked for less often."""


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What kube-proxy knows of its node: ``ip`` of the family that it renders for, ``local`` addresses in the order of the devices.

    ``liberal`` is the sysctl ``nf_conntrack_tcp_be_liberal`` as it was when kube-proxy started.
    """

    ip: Ip
    pod_cidr: Net | None = None
    zone: str = ""
    local: tuple[Ip, ...] = ()
    liberal: bool = False


class Counts(msgspec.Struct, frozen=True):
    """What the log says of a sync; lines of chains that are rewritten, and rules that are."""

    services: int
    endpoints: int
    filter_chains: int
    filter_rules: int
    nat_chains: int
    nat_rules: int

    def __str__(self) -> str:
        return (
            f'"Reloading service iptables data" numServices={self.services} numEndpoints={self.endpoints}'
            f" numFilterChains={self.filter_chains} numFilterRules={self.filter_rules}"
            f" numNATChains={self.nat_chains} numNATRules={self.nat_rules}"
        )


class Sync(msgspec.Struct, frozen=True):
    """One call of iptables-restore.

    ``owners`` has the owner of each line of ``text``; ``rendered`` are the service ports that were looked at anew.
    """

    text: str
    owners: tuple[Owner, ...]
    counts: Counts
    full: bool
    rendered: tuple[ServicePortName, ...]


class _Kept(msgspec.Struct):
    """The rules of a service port, and what they were rendered from."""

    port: ServicePort
    endpoints: tuple[Endpoint, ...]
    large: bool
    rules: PortRules


class Renderer:
    """kube-proxy's memory of what it has written for one IP family of one node."""

    def __init__(self, config: KubeProxyConfig) -> None:
        self.config = config
        self._kept: dict[ServicePortName, _Kept] = {}
        self._around: Surroundings | None = None
        self._facts: NodeFacts | None = None
        self._chains: set[str] = set()
        """The chains of service ports that are there, as far as it knows."""

    def render(
        self,
        services: ServicePortMap,
        endpoints: EndpointsMap,
        around: Surroundings,
        *,
        full: bool = True,
        existing: Iterable[str] | None = None,
    ) -> Sync:
        """The next sync. ``full`` writes all chains, else only those of Services with a change, and the shared ones.

        ``existing`` are the chains that nat has: those of kube-proxy's that nothing needs are taken away. None: those that it wrote before.
        """
        facts = self._surround(around)
        full = full or facts is not self._facts
        if facts is not self._facts:
            self._facts = facts
            self._kept.clear()
        count = sum(len(endpoints.get(name, ())) for name in services)
        rendered = self._update(services, endpoints, facts, large=count > LARGE_CLUSTER, full=full)
        gone = {name.service for name in self._kept if name not in services}
        for name in [name for name in self._kept if name not in services]:
            del self._kept[name]
        changed = gone | {name.service for name in rendered}
        return self._assemble(around, count, changed, tuple(rendered), full=full, existing=existing)

    def _surround(self, around: Surroundings) -> NodeFacts:
        """The same object as long as nothing that rules of service ports rest on has changed."""
        if self._facts is not None and around == self._around:
            return self._facts
        detector = local_detector(self.config, around.ip.family, around.pod_cidr)
        facts = NodeFacts(around.ip, detector, around.zone, self.config.masquerade_all)
        self._around = around
        return self._facts if self._facts == facts and self._facts is not None else facts

    def _update(
        self, services: ServicePortMap, endpoints: EndpointsMap, facts: NodeFacts, *, large: bool, full: bool
    ) -> list[ServicePortName]:
        """Render what has changed; a full sync has everything in the same form, large or not."""
        rendered = []
        kept = self._kept
        order: dict[ServicePortName, _Kept] = {}
        for name, port in services.items():
            mine = endpoints.get(name, ())
            old = kept.get(name)
            if old is None or old.port != port or old.endpoints != mine or (full and old.large != large):
                old = _Kept(port, mine, large, port_rules(port, mine, facts, large=large))
                rendered.append(name)
            order[name] = old
        touched = {name.service for name in rendered}
        for name, each in order.items():
            if each.large != large and name.service in touched:
                each.large, each.rules = large, port_rules(each.port, each.endpoints, facts, large=large)
        order.update((name, each) for name, each in kept.items() if name not in order)
        self._kept = order
        return rendered

    def _assemble(
        self,
        around: Surroundings,
        count: int,
        changed: set[str],
        rendered: tuple[ServicePortName, ...],
        *,
        full: bool,
        existing: Iterable[str] | None,
    ) -> Sync:
        ipv6 = around.ip.family == AF_INET6
        localhost = self.config.route_localnet
        bit = self.config.iptables_masquerade_bit
        filter_chains, filter_rules = _heads(fixed.FILTER_CHAINS), Lines()
        nat_chains, nat_rules = _heads(fixed.NAT_CHAINS), fixed.nat_head(bit)
        if localhost and not ipv6:
            filter_chains.add(chain_line("KUBE-FIREWALL"), fixed.PROXY)
            filter_rules.extend(fixed.localnet())
        active: set[str] = set()
        for name, kept in self._kept.items():
            rules = kept.rules
            active.update(rules.chains)
            filter_rules.extend(rules.filter)
            nat_rules.extend(rules.dispatch)
            if full or name.service in changed:
                nat_chains.extend(rules.heads)
                nat_rules.extend(rules.own)
        there = self._chains if existing is None else {each for each in existing if each.startswith(SERVICE_CHAINS)}
        for chain in sorted(there - active):
            nat_chains.add(chain_line(chain), fixed.PROXY)
            nat_rules.add(f"-X {chain}", fixed.PROXY)
        self._chains = active
        ranges = self.config.nodeport_ranges(around.ip.family, around.ip)
        at = tuple(dict.fromkeys(ip for ip in around.local if any(ip in net for net in ranges))) if ranges else None
        nat_rules.extend(fixed.to_nodeports(at, ipv6=ipv6, localhost=localhost))
        filter_rules.extend(fixed.forward(bit, liberal=around.liberal))
        sizes = (len(filter_chains), len(filter_rules), len(nat_chains), len(nat_rules))
        text, owners = _text(("filter", filter_chains, filter_rules), ("nat", nat_chains, nat_rules))
        return Sync(text, owners, Counts(len(self._kept), count, *sizes), full, rendered)


def _heads(chains: Iterable[str]) -> Lines:
    lines = Lines()
    for chain in chains:
        lines.add(chain_line(chain), fixed.PROXY)
    return lines


def _text(*tables: tuple[str, Lines, Lines]) -> tuple[str, tuple[Owner, ...]]:
    lines: list[str] = []
    owners: list[Owner] = []
    for table, chains, rules in tables:
        lines += [f"*{table}", *chains.text, *rules.text, "COMMIT"]
        owners += [KERNEL, *chains.owners, *rules.owners, KERNEL]
    return "\n".join(lines) + "\n", tuple(owners)
