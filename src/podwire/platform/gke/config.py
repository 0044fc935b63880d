"""What a GKE cluster is asked to be: ranges, data plane, and how its nodes translate what pods send to the Internet."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec

from podwire.cni.backend import Backend
from podwire.cni.calico.backend import CalicoBackend
from podwire.cni.calico.config import Calico
from podwire.cni.ptp.backend import PtpBackend
from podwire.cni.ptp.config import PtpNetwork
from podwire.errors import ConfigError
from podwire.fabric.firewall import FirewallRule
from podwire.kubeproxy.config import NODE_CIDR, KubeProxyConfig
from podwire.platform.gke.agent import IpMasqAgent
from podwire.platform.gke.masquerade import ports_of
from podwire.wire.addr import Net

MTU: Final = 1460
_NSEC: Final = 1_000_000_000
_VERSION: Final = re.compile(r"v?(\d+)\.(\d+)(\.\d+)?")
_RANDOM_FULLY: Final = (2, 10)
"""The agent masquerades with ``--random-fully`` from this version on (sheet 3.4)."""


class GKE(msgspec.Struct, frozen=True):
    """A GKE cluster's ranges. ``dataplane="ptp"`` wires pods by the reference plugins, "calico" is a cluster with network policy enabled.

    ``pod_range`` is the secondary range of which every node gets a /24 as alias range, ``node_range`` the subnet's
    primary range.

    What pods send to the Internet leaves with their node's address (sheet 3.4): the boot script sees to that, unless
    ``disable_default_snat``; or the ip-masq-agent of version ``ip_masq_agent`` (``"v2.12.0"``) does, which obeys the ConfigMap
    ``kube-system/ip-masq-agent``. From v2.10 on it draws the source port (``--random-fully``). ``ip_masq_to_ports`` is its flag
    ``--to-ports``. ``cluster_version`` is what ``gcloud container clusters create --cluster-version`` takes: nodes show it.
    ``conflist`` is a CNI configuration in the place of GKE's own, see ``Plugins``. ``calico_version`` is that of the data plane "calico",
    ``calicoctl_version`` that of the operator's client (empty: the same).
    """

    dataplane: Literal["ptp", "calico"] = "ptp"
    node_range: str = "10.0.0.0/24"
    pod_range: str = "10.32.0.0/14"
    service_range: str = "10.36.0.0/20"
    project: str = "project_id"
    zone: str = "us-central1-a"
    name: str = "cluster"
    disable_default_snat: bool = False
    ip_masq_agent: str | None = None
    ip_masq_to_ports: str = ""
    cluster_version: str = "1.30.5-gke.1355000"
    conflist: dict[str, Any] | None = None
    calico_version: str = "v3.26.3-gke.16"
    calicoctl_version: str = ""

    def new_backend(self) -> Backend:
        """The CNI backend of the data plane. Raises ``ConfigError`` for one that there is not, and for bad flags of the agent."""
        self.new_agents(lambda: None)
        if self.dataplane == "calico":
            if self.conflist is not None:
                raise ConfigError("GKE", "conflist is for the data plane ptp: Calico writes its own")
            return CalicoBackend(
                Calico(
                    backend="none",
                    ipam="host-local",
                    mtu=MTU,
                    iptables_mangle_allow_action="Return",
                    version=self.calico_version,
                    calicoctl_version=self.calicoctl_version,
                )
            )
        if self.dataplane == "ptp":
            return PtpBackend(PtpNetwork(mtu=MTU), self.conflist)
        raise ConfigError("GKE", f"dataplane={self.dataplane!r}: expected 'ptp' or 'calico'")

    @property
    def default_snat(self) -> bool:
        """Whether the boot script writes the chain IP-MASQ: not where an agent does, nor with ``--disable-default-snat``."""
        return self.ip_masq_agent is None and not self.disable_default_snat

    def new_agents(self, config: Callable[[], str | None]) -> tuple[IpMasqAgent, ...]:
        """The agents beside those of the CNI; ``config`` reads the ip-masq-agent's file. Raises ``ConfigError``."""
        ports = ports_of(self.ip_masq_to_ports)
        if self.ip_masq_agent is None:
            if ports:
                raise ConfigError("GKE", "ip_masq_to_ports is a flag of the ip-masq-agent: give ip_masq_agent too")
            return ()
        version = _VERSION.fullmatch(self.ip_masq_agent)
        if version is None:
            raise ConfigError("GKE", f"ip_masq_agent={self.ip_masq_agent!r}: expected a version such as 'v2.12.0'")
        return (IpMasqAgent(config, to_ports=ports, random_fully=(int(version[1]), int(version[2])) >= _RANDOM_FULLY),)

    def kube_proxy(self) -> KubeProxyConfig:
        """The flags of seed 002 (section 1.8): a node's own pods are those of its alias range."""
        return KubeProxyConfig(
            cluster_cidr=self.pod_range,
            detect_local_mode=NODE_CIDR,
            iptables_sync_period=60 * _NSEC,
            iptables_min_sync_period=10 * _NSEC,
        )

    @property
    def node_tag(self) -> str:
        """The network tag of the nodes, which firewall rules name."""
        return f"gke-{self.name}-node"

    def firewall_rules(self) -> tuple[FirewallRule, ...]:
        """What GKE itself adds to the VPC (section 3.2): pods reach everything, nodes reach one another."""
        everything = ("tcp", "udp", "sctp", "icmp", "esp", "ah")
        tags = frozenset({self.node_tag})
        return (
            FirewallRule(f"gke-{self.name}-all", (Net.parse(self.pod_range),), everything, tags=tags),
            FirewallRule(f"gke-{self.name}-vms", (Net.parse(self.node_range),), ("tcp", "udp", "icmp"), tags=tags),
        )
