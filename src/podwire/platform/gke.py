"""GKE: VMs in a VPC, COS images, alias ranges.

Composed with the reference plugins or with Calico (reference sheet kube-proxy and GKE, section 3; Calico, section 7).
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from podwire.cni.backend import Backend
from podwire.cni.calico.backend import CalicoBackend
from podwire.cni.calico.config import Calico
from podwire.cni.ptp.backend import PtpBackend
from podwire.cni.ptp.config import PtpNetwork
from podwire.errors import ConfigError
from podwire.fabric.cloud import METADATA, GcpVpc, Nic
from podwire.fabric.cloud import nic_mac as vpc_mac
from podwire.fabric.firewall import FirewallRule
from podwire.kubeproxy.config import NODE_CIDR, KubeProxyConfig
from podwire.linux.fib import RTPROT_DHCP, NextHop, Route
from podwire.linux.link import SCOPE_HOST, SCOPE_LINK, Link
from podwire.linux.machine import Machine
from podwire.linux.netlink import Netlink
from podwire.trace.events import Owner
from podwire.wire.addr import Ip, Ip4, Ip6, Mac, Net

DHCP: Final = Owner("dhcp", "lease of eth0")
_METRIC: Final = 1024
_LEASE: Final = 3600
_NSEC: Final = 1_000_000_000
_LOOPBACK6: Final = Ip6.parse("::1")
_DOCKER: Final = Ip4.parse("169.254.123.1")
MTU: Final = 1460


class GKE(msgspec.Struct, frozen=True):
    """A GKE cluster's ranges. ``dataplane="ptp"`` wires pods by the reference plugins, "calico" is a cluster with network policy enabled.

    ``pod_range`` is the secondary range of which every node gets a /24 as alias range, ``node_range`` the subnet's
    primary range.
    """

    dataplane: Literal["ptp", "calico"] = "ptp"
    node_range: str = "10.0.0.0/24"
    pod_range: str = "10.32.0.0/14"
    service_range: str = "10.36.0.0/20"
    project: str = "project_id"
    zone: str = "us-central1-a"
    name: str = "cluster"

    def new_backend(self) -> Backend:
        """The CNI backend of the data plane. Raises ``ConfigError`` for one that there is not."""
        if self.dataplane == "calico":
            return CalicoBackend(Calico(backend="none", ipam="host-local", mtu=MTU))
        if self.dataplane == "ptp":
            return PtpBackend(PtpNetwork(mtu=MTU))
        raise ConfigError("GKE", f"dataplane={self.dataplane!r}: expected 'ptp' or 'calico'")

    def kube_proxy(self) -> KubeProxyConfig:
        """The flags of seed 002 (section 1.8): a node's own pods are those of its alias range."""
        return KubeProxyConfig(
            cluster_cidr=self.pod_range,
            detect_local_mode=NODE_CIDR,
            iptables_sync_period=60 * _NSEC,
            iptables_min_sync_period=10 * _NSEC,
        )

    def firewall_rules(self) -> tuple[FirewallRule, ...]:
        """What GKE itself adds to the VPC (section 3.2): pods reach everything, nodes reach one another."""
        everything = ("tcp", "udp", "sctp", "icmp", "esp", "ah")
        tags = frozenset({f"gke-{self.name}-node"})
        return (
            FirewallRule(f"gke-{self.name}-all", (Net.parse(self.pod_range),), everything, tags=tags),
            FirewallRule(f"gke-{self.name}-vms", (Net.parse(self.node_range),), ("tcp", "udp", "icmp"), tags=tags),
        )


def start_node(machine: Machine, vpc: GcpVpc, nic: Nic) -> Link:
    """Boot a COS VM: eth0 by DHCP with a /32 and its routes, then docker0 without a port."""
    netns = machine.root.netns
    kernel = Netlink(netns)
    kernel.link_up(netns.loopback)
    _manage_loopback(netns.loopback)
    eth0 = kernel.ethernet_add("eth0", vpc_mac(nic.ip), nic.port, mtu=vpc.mtu, qdisc="mq", queues=2)
    nic.port.link = eth0
    kernel.link_up(eth0)
    lease(machine, eth0, nic.ip, nic.gateway)
    _start_docker(netns.machine)
    return eth0


def _manage_loopback(lo: Link) -> None:
    """systemd-networkd puts ::1 there itself, without a prefix route (seed 000.

    ``inet6 ::1/128 scope host noprefixroute``).
    """
    door = Netlink(lo.netns, Owner("systemd-networkd"))
    if any(address.local == _LOOPBACK6 for address in lo.addresses6):
        door.addr_del(lo, _LOOPBACK6, _LOOPBACK6.bits)
        door.addr_add(lo, _LOOPBACK6, _LOOPBACK6.bits, scope=SCOPE_HOST, noprefixroute=True)


def lease(machine: Machine, eth0: Link, ip: Ip, gateway: Ip) -> None:
    """systemd-networkd's DHCP client: a /32, the gateway on-link, the metadata server; renewed at half its life."""
    door = Netlink(machine.root.netns, DHCP)
    door.addr_add(eth0, ip, 32, metric=_METRIC, valid_lft=_LEASE, preferred_lft=_LEASE, exclusive=False)
    on_link = NextHop(eth0.ifindex)
    through = NextHop(eth0.ifindex, gateway)
    for dst, hop, scope in (
        (Net(gateway, 32), on_link, SCOPE_LINK),
        (Net(Ip4(0), 0), through, 0),
        (Net(METADATA, 32), through, 0),
    ):
        route = Route(dst, scope=scope, proto=RTPROT_DHCP, metric=_METRIC, src=ip, nexthops=(hop,))
        door.route_add(route)
    _renew(machine, eth0, ip)


def _renew(machine: Machine, eth0: Link, ip: Ip) -> None:
    door = Netlink(machine.root.netns, DHCP)

    def again() -> None:
        if any(address.local == ip for address in eth0.addresses):
            door.addr_add(eth0, ip, 32, metric=_METRIC, valid_lft=_LEASE, preferred_lft=_LEASE, exclusive=False)
            _renew(machine, eth0, ip)

    machine.world.at(machine.world.now + _LEASE // 2 * _NSEC, again)


def _start_docker(machine: Machine) -> None:
    """COS starts a Docker daemon whose bridge nobody uses: NO-CARRIER, and its route is linkdown."""
    door = Netlink(machine.root.netns, Owner("dockerd"))
    low = machine.random("docker0").getrandbits(32)
    bridge = door.link_add("docker0", "bridge", mac=Mac(0x0242 << 32 | low), txqueuelen=0)
    door.addr_add(bridge, _DOCKER, 24, broadcast=Ip4.parse("169.254.123.255"))
    door.link_up(bridge)
