"""What kube-proxy keeps of Services and EndpointSlices: one entry a service port, and the endpoints of each (kube-proxy sheet, 1.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from podwire.kubeproxy.names import ServicePortName, port_hash
from podwire.trace.events import Owner
from podwire.wire.addr import Ip, Net

COMPONENT = "kube-proxy"
"""Who writes the rules, in traces."""


class Frontend(NamedTuple):
    """A further address of a Service, and the field that it stands in: ``spec.externalIPs[0]``."""

    ip: Ip
    field: str


class ServicePort(msgspec.Struct, frozen=True, kw_only=True):
    """One port of a Service in one IP family. ``index`` is its place in ``spec.ports``.

    ``node_port``, ``health_check_node_port`` and ``affinity_seconds`` are 0 where there is none; ``external_local`` and ``internal_local``
    say that a traffic policy is Local; ``hints`` that EndpointSlices' hints count.
    """

    name: ServicePortName
    index: int
    cluster_ip: Ip
    port: int
    node_port: int = 0
    external_ips: tuple[Frontend, ...] = ()
    load_balancer_vips: tuple[Frontend, ...] = ()
    source_ranges: tuple[Net, ...] = ()
    affinity_seconds: int = 0
    external_local: bool = False
    internal_local: bool = False
    health_check_node_port: int = 0
    hints: bool = False

    @property
    def protocol(self) -> str:
        """``tcp``, ``udp`` or ``sctp``."""
        return self.name.protocol.lower()

    @property
    def hash(self) -> str:
        """What the names of its chains end in."""
        return port_hash(self.name.id, self.protocol)

    @property
    def externally_accessible(self) -> bool:
        """Something outside the cluster can reach it."""
        return bool(self.node_port or self.load_balancer_vips or self.external_ips)

    @property
    def uses_cluster(self) -> bool:
        """Some packets may go to endpoints of any node. With the external policy Local those of pods and of the node itself may."""
        return not self.internal_local or self.externally_accessible

    @property
    def uses_local(self) -> bool:
        """Some packets may go to endpoints of this node alone."""
        return self.internal_local or (self.external_local and self.externally_accessible)

    def owner(self, field: str = "") -> Owner:
        """The owner of its rules; ``field`` says which part of the Service, or which endpoint, one comes from."""
        port = f"spec.ports[{self.index}]"
        return Owner(
            COMPONENT, f"Service {self.name.service}", f"{port}{field}" if field[:1] == "." else _joined(port, field)
        )


def _joined(port: str, field: str) -> str:
    return f"{port}, {field}" if field else port


class Endpoint(msgspec.Struct, frozen=True):
    """One endpoint of a service port: ``address`` is ``ip:port``, ``zones`` those that it is hinted for."""

    ip: Ip
    address: str
    ready: bool = True
    serving: bool = True
    terminating: bool = False
    local: bool = False
    zones: tuple[str, ...] = ()


ServicePortMap = Mapping[ServicePortName, ServicePort]
EndpointsMap = Mapping[ServicePortName, tuple[Endpoint, ...]]
