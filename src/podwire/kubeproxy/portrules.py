"""The rules of one service port, in the order in which kube-proxy writes them (kube-proxy sheet, 1.5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from podwire.kubeproxy.categorize import Choice, categorize
from podwire.kubeproxy.detect import LocalDetector
from podwire.kubeproxy.lines import Lines, chain_line
from podwire.kubeproxy.names import endpoint_chain, probability
from podwire.kubeproxy.ports import Endpoint, Frontend, ServicePort
from podwire.trace.events import Owner
from podwire.wire.addr import Ip


class NodeFacts(msgspec.Struct, frozen=True):
    """What rules of service ports depend on besides Services: the node's address and zone, its detector, ``--masquerade-all``."""

    ip: Ip
    detector: LocalDetector
    zone: str = ""
    masquerade_all: bool = False


class PortRules:
    """What one service port adds: ``dispatch`` to the shared chains of nat, ``filter``, and its ``own`` chains of nat.

    A partial sync writes ``dispatch`` and ``filter`` anew, and ``heads`` (the lines of the chains) and ``own`` only where
    something has changed. ``chains`` are the names behind ``heads``.
    """

    __slots__ = ("chains", "dispatch", "filter", "heads", "own")

    def __init__(self) -> None:
        self.filter = Lines()
        self.dispatch = Lines()
        self.heads = Lines()
        self.own = Lines()
        self.chains: list[str] = []


def port_rules(port: ServicePort, endpoints: Sequence[Endpoint], node: NodeFacts, *, large: bool) -> PortRules:
    """The rules of a service port. ``large`` (more than 1000 endpoints in the cluster) leaves out the comments of its endpoints."""
    return _Writer(port, categorize(endpoints, port, node.zone), node, large=large).rules()


class _Writer:
    """One service port: names, and what the rest is decided by."""

    def __init__(self, port: ServicePort, choice: Choice, node: NodeFacts, *, large: bool) -> None:
        self.port = port
        self.choice = choice
        self.node = node
        self.large = large
        self.out = PortRules()
        self.id = port.name.id
        proto = port.protocol
        self.proto = f"-m {proto} -p {proto}"
        hashed = port.hash
        self.svc, self.svl = f"KUBE-SVC-{hashed}", f"KUBE-SVL-{hashed}"
        self.ext, self.fw = f"KUBE-EXT-{hashed}", f"KUBE-FW-{hashed}"
        self.internal = self.svl if port.internal_local else self.svc
        self.external = self.svl if port.external_local else self.svc
        self.has_internal = choice.any and not (port.internal_local and not choice.local)
        self.has_external = choice.any and not (port.external_local and not choice.local)
        self.uses_fw = choice.any and bool(port.load_balancer_vips) and bool(port.source_ranges)
        if choice.any:
            self.refusal = (f'-m comment --comment "{self.id} has no local endpoints"', "DROP")
        else:
            self.refusal = (f'-m comment --comment "{self.id} has no endpoints"', "REJECT")
        self.owner = port.owner()
        self.ends = {
            each.address: (endpoint_chain(self.id, proto, each.address), port.owner(f"endpoint {each.address}"))
            for each in choice.reachable
        }
        """The chain of each endpoint, and whom its rules belong to."""

    def rules(self) -> PortRules:
        """All of them."""
        self._cluster_ip()
        self._front(self.port.external_ips, "external IP", self.ext)
        self._front(self.port.load_balancer_vips, "loadbalancer IP", self.fw if self.uses_fw else self.ext)
        self._node_port()
        if self.port.health_check_node_port:
            self.out.filter.add(
                f'-A KUBE-NODEPORTS -m comment --comment "{self.id} health check node port" -m tcp -p tcp'
                f" --dport {self.port.health_check_node_port} -j ACCEPT",
                self.port.owner("spec.healthCheckNodePort"),
            )
        self._internal_masquerade()
        if self.choice.any and self.port.externally_accessible:
            self._external_chain()
        if self.uses_fw:
            self._firewall_chain()
        if self.choice.cluster:
            self._balance(self.svc, self.choice.cluster)
        if self.choice.local:
            self._balance(self.svl, self.choice.local)
        for endpoint in self.choice.reachable:
            self._endpoint(endpoint)
        return self.out

    # -- the shared chains ----------------------------------------------------------------------------------------

    def _at(self, ip: Ip) -> str:
        return f"{self.proto} -d {ip} --dport {self.port.port}"

    def _cluster_ip(self) -> None:
        at = self._at(self.port.cluster_ip)
        if self.has_internal:
            line = f'-A KUBE-SERVICES -m comment --comment "{self.id} cluster IP" {at} -j {self.internal}'
            self.out.dispatch.add(line, self.owner)
        else:
            said, target = self.refusal
            self.out.filter.add(f"-A KUBE-SERVICES {said} {at} -j {target}", self.owner)

    def _front(self, addresses: Iterable[Frontend], what: str, chain: str) -> None:
        """External IPs and those of load balancers: to the chain where there is any endpoint, refused where none may be used."""
        said, target = self.refusal
        refused: list[tuple[str, Owner]] = []
        for ip, field in addresses:
            at, owner = self._at(ip), self.port.owner(field)
            if self.choice.any:
                self.out.dispatch.add(
                    f'-A KUBE-SERVICES -m comment --comment "{self.id} {what}" {at} -j {chain}', owner
                )
            if chain == self.fw:
                closed = f'-m comment --comment "{self.id} traffic not accepted by {self.fw}"'
                ranges = self.port.owner("spec.loadBalancerSourceRanges")
                self.out.filter.add(f"-A KUBE-PROXY-FIREWALL {closed} {at} -j DROP", ranges)
            if not self.has_external:
                refused.append((f"-A KUBE-EXTERNAL-SERVICES {said} {at} -j {target}", owner))
        for line, owner in refused:
            self.out.filter.add(line, owner)

    def _node_port(self) -> None:
        if not self.port.node_port:
            return
        at, owner = f"{self.proto} --dport {self.port.node_port}", self.port.owner(".nodePort")
        if self.choice.any:
            self.out.dispatch.add(f"-A KUBE-NODEPORTS -m comment --comment {self.id} {at} -j {self.ext}", owner)
        if not self.has_external:
            said, target = self.refusal
            self.out.filter.add(
                f"-A KUBE-EXTERNAL-SERVICES {said} -m addrtype --dst-type LOCAL {at} -j {target}", owner
            )

    # -- its own chains -------------------------------------------------------------------------------------------

    def _chain(self, name: str, owner: Owner) -> None:
        self.out.heads.add(chain_line(name), owner)
        self.out.chains.append(name)

    def _internal_masquerade(self) -> None:
        """Whoever is not a pod of this node is masqueraded on the way to the cluster IP."""
        detector = self.node.detector
        if not self.has_internal or not (self.node.masquerade_all or detector):
            return
        who = "" if self.node.masquerade_all else f" {detector.if_not_local}"
        at = f'-m comment --comment "{self.id} cluster IP" {self._at(self.port.cluster_ip)}'
        self.out.own.add(f"-A {self.internal} {at}{who} -j KUBE-MARK-MASQ", self.owner)

    def _external_chain(self) -> None:
        ext, to = self.ext, f"for {self.id} external destinations"
        policy = self.port.owner("spec.externalTrafficPolicy")
        self._chain(ext, self.owner)
        if not self.port.external_local:
            line = f'-A {ext} -m comment --comment "masquerade traffic {to}" -j KUBE-MARK-MASQ'
            self.out.own.add(line, policy)
        else:
            detector, local = self.node.detector, "-m addrtype --src-type LOCAL"
            if detector:
                pod = f'-m comment --comment "pod traffic {to}" {detector.if_local}'
                self.out.own.add(f"-A {ext} {pod} -j {self.svc}", policy)
            self.out.own.add(
                f'-A {ext} -m comment --comment "masquerade LOCAL traffic {to}" {local} -j KUBE-MARK-MASQ', policy
            )
            self.out.own.add(f'-A {ext} -m comment --comment "route LOCAL traffic {to}" {local} -j {self.svc}', policy)
        if self.has_external:
            self.out.own.add(f"-A {ext} -j {self.external}", policy)

    def _firewall_chain(self) -> None:
        """Who may use the load balancer's addresses; the others keep that destination and end in KUBE-PROXY-FIREWALL."""
        said = f'-m comment --comment "{self.id} loadbalancer IP"'
        self._chain(self.fw, self.owner)
        for number, net in enumerate(self.port.source_ranges):
            owner = self.port.owner(f"spec.loadBalancerSourceRanges[{number}]")
            self.out.own.add(f"-A {self.fw} {said} -s {net} -j {self.ext}", owner)
        if any(self.node.ip in net for net in self.port.source_ranges):
            for ip, field in self.port.load_balancer_vips:
                self.out.own.add(f"-A {self.fw} {said} -s {ip} -j {self.ext}", self.port.owner(field))
        rest = f'-m comment --comment "other traffic to {self.id} will be dropped by KUBE-PROXY-FIREWALL"'
        self.out.own.add(f"-A {self.fw} {rest}", self.port.owner("spec.loadBalancerSourceRanges"))

    def _balance(self, chain: str, endpoints: Sequence[Endpoint]) -> None:
        """One of ``endpoints``: that which the client had before, else by chance."""
        self._chain(chain, self.owner)
        own = self.out.own
        for endpoint in endpoints if self.port.affinity_seconds else ():
            sep, owner = self.ends[endpoint.address]
            recent = f"-m recent --name {sep} --rcheck --seconds {self.port.affinity_seconds} --reap"
            own.add(f"-A {chain}{self._said(endpoint)} {recent} -j {sep}", owner)
        for left, endpoint in zip(range(len(endpoints), 0, -1), endpoints, strict=True):
            chance = f" -m statistic --mode random --probability {probability(left)}" if left > 1 else ""
            sep, owner = self.ends[endpoint.address]
            own.add(f"-A {chain}{self._said(endpoint)}{chance} -j {sep}", owner)

    def _endpoint(self, endpoint: Endpoint) -> None:
        """The endpoint's chain: hairpin, affinity, DNAT."""
        sep, owner = self.ends[endpoint.address]
        self._chain(sep, owner)
        said = "" if self.large else f" -m comment --comment {self.id}"
        recent = f" -m recent --name {sep} --set" if self.port.affinity_seconds else ""
        self.out.own.add(f"-A {sep}{said} -s {endpoint.ip} -j KUBE-MARK-MASQ", owner)
        self.out.own.add(f"-A {sep}{said}{recent} {self.proto} -j DNAT --to-destination {endpoint.address}", owner)

    def _said(self, endpoint: Endpoint) -> str:
        return "" if self.large else f' -m comment --comment "{self.id} -> {endpoint.address}"'
