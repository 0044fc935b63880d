"""The part of a cluster that has nothing to do with Kubernetes: networks, routers and hosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from podwire.cluster.bgp.router import BgpRouter, BgpSettings
from podwire.cluster.cables import NicSpec
from podwire.cluster.handles import Host
from podwire.cluster.machines import Builder
from podwire.cluster.networks import AnyNetwork
from podwire.fabric.cloud import GcpVpc
from podwire.fabric.cloudnat import MIN_PORTS
from podwire.fabric.firewall import FirewallRule
from podwire.fabric.segment import Segment
from podwire.fabric.uplink import Uplink
from podwire.fabric.vnet import VirtualNetwork

if TYPE_CHECKING:
    from podwire.cluster import Cluster
    from podwire.cluster.pods import Kubelet
    from podwire.linux.machine import Machine


class Underlay:
    """What ``Cluster`` inherits. ``drops`` is a list of ``PROTOCOL[:PORT[-PORT]]``, such as ``ipip``, ``4`` or ``udp:4789``."""

    _builder: Builder
    _kubelet: Kubelet
    _hosts: dict[str, Host]

    @property
    def networks(self) -> tuple[AnyNetwork, ...]:
        """The networks that machines are plugged into, in order of creation."""
        return tuple(self._builder.networks)

    # -- networks ------------------------------------------------------------------------------------------------

    def add_network(
        self,
        name: str,
        cidr: str,
        *,
        kind: str = "segment",
        mtu: int | None = None,
        latency: float | None = None,
        drops: Sequence[str] = (),
        subnets: Sequence[str] = (),
    ) -> Segment | VirtualNetwork:
        """A network that machines are plugged into; ``latency`` in seconds from NIC to NIC (250 µs by default).

        ``kind`` is ``segment`` (a switch; ``mtu`` 1500), ``aws-vpc`` (9001) or ``azure-vnet`` (1500): the last two check sources and
        destinations, and have ``subnets``. Frames that are longer than the MTU are lost, and so is what ``drops`` names.

        Raises ``ConfigError`` for a bad range, protocol or kind, or a name in use.
        """
        made = self._builder.networks.add(name, cidr, kind, mtu, latency, drops, subnets)
        self._builder.ways.renew()
        return made

    def add_vpc(
        self,
        name: str,
        cidr: str,
        *,
        subnets: Sequence[str] = (),
        project: str = "project_id",
        zone: str = "us-central1-a",
        firewall: Sequence[FirewallRule] = (),
        mtu: int | None = None,
        latency: float | None = None,
        drops: Sequence[str] = (),
        cloud_nat: str | None = None,
        cloud_nat_ports: int = MIN_PORTS,
    ) -> GcpVpc:
        """A Google VPC: ``cidr`` is its first subnet, ``subnets`` are others; ``mtu`` 1460.

        GKE's own firewall rules are there already when the cluster is GKE. ``cloud_nat`` is the address of a Cloud NAT for
        what has no external one, ``cloud_nat_ports`` (a power of two) how many ports each VM has there.
        """
        return self._builder.networks.add_vpc(
            name, cidr, project, zone, firewall, subnets, mtu, latency, drops, cloud_nat, cloud_nat_ports
        )

    def add_uplink(
        self,
        name: str,
        cidr: str = "10.0.2.0/24",
        *,
        gateway: str | None = None,
        dns: str | None = None,
        lease: str | None = None,
        external_ip: str | None = None,
        isolated: bool = True,
        mtu: int | None = None,
        latency: float | None = None,
        drops: Sequence[str] = (),
    ) -> Uplink:
        """A way to the Internet behind one address, as VirtualBox's NAT or a router at home.

        ``isolated`` (VirtualBox's way): every machine is alone with its gateway, and DHCP gives all of them the same address. Without
        the others: ``gateway`` is the second address of the range, ``dns`` the one behind it (the gateway itself if
        not isolated), ``lease``, the first address that DHCP gives, the fifteenth, ``external_ip`` one of 198.51.100.0/24.
        """
        made = self._builder.networks.add_uplink(
            name, cidr, gateway, dns, lease, external_ip, isolated, mtu, latency, drops
        )
        self._builder.ways.renew()
        return made

    def set_network(self, name: str, *, mtu: int | None = None, drops: Sequence[str] | None = None) -> None:
        """Change the MTU of a network (not of the devices in it), or what it loses; ``drops=()`` for nothing.

        Raises ``ConfigError``.
        """
        self._builder.networks.set(name, mtu, drops)
        self._kubelet.bgp.suspect()

    def set_nic(self, machine: str, *, source_dest_check: bool, network: str | None = None) -> None:
        """The source/destination check of a machine's NIC in the network of a cloud. Raises ``ConfigError``.

        AWS: ``modify-instance-attribute --no-source-dest-check``; Google: ``--can-ip-forward``; Azure: IP forwarding.
        """
        self._builder.networks.set_nic(machine, network, source_dest_check=source_dest_check)

    def add_cloud_route(self, network: str, route: str) -> None:
        """A route of a cloud's own: ``PREFIX via MACHINE``, by its name or address. Raises ``ConfigError``."""
        self._builder.networks.add_route(network, route)

    # -- machines ------------------------------------------------------------------------------------------------

    def add_router(
        self,
        name: str,
        nics: Mapping[str, str] | Sequence[NicSpec],
        *,
        loopbacks: Sequence[str] = (),
        routes: Sequence[str] = (),
        image: str = "debian-12",
        bgp: Mapping[str, Any] | None = None,
    ) -> Host:
        """A Linux router: network name to address (``dhcp`` on an uplink), or NICs; forwarding is on.

        ``loopbacks`` are addresses on dummy devices loop1, loop2 …; ``routes`` static ones, ``PREFIX via GATEWAY``. Without any
        it gets routes to the networks behind other routers, and so do nodes and hosts on segments (``cluster.ways``).

        ``bgp`` makes it speak BGP: ``{"as": 64513, "peers": [{"address": "192.168.10.101", "as": 64512}]}``; it announces ``networks``
        or else those of its loopbacks.

        Raises ``ConfigError`` for an unknown network or a bad address.
        """
        settings = BgpSettings.of(f"router {name!r}", bgp) if bgp is not None else None
        specs = (
            [
                NicSpec(f"eth{i}", net, "" if address == "dhcp" else address, dhcp=address == "dhcp")
                for i, (net, address) in enumerate(nics.items())
            ]
            if isinstance(nics, Mapping)
            else list(nics)
        )
        host = self._keep(self._builder.add_router(name, specs, image, loopbacks, routes))
        if settings is not None:
            carrier = self._kubelet.bgp
            carrier.routers.append(BgpRouter(carrier, self._builder.network.machines[name], settings))
        return host

    def add_host(self, name: str, address: str, *, network: str | None = None, image: str = "debian-12") -> Host:
        """A machine outside the cluster: on the Internet, or in a network (``address`` may then be ``dhcp`` on an uplink)."""
        return self._keep(self._builder.add_host(name, address, network, image))

    def _keep(self, machine: Machine) -> Host:
        host = self._hosts[machine.name] = Host(cast("Cluster", self), machine.root)
        return host
