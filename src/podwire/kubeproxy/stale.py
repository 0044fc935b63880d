"""Connections of UDP that kube-proxy ends after a sync, because rules are not asked again for them (kube-proxy sheet, 1.7).

TCP entries are never touched: running connections keep their endpoint. Each ``Stale`` is a call of ``conntrack -D`` (v1.30,
pkg/proxy/conntrack).
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from podwire.kubeproxy.ports import EndpointsMap, ServicePort, ServicePortMap
from podwire.trace.events import Flow
from podwire.wire.addr import Ip
from podwire.wire.headers import IPPROTO_UDP


class Stale(msgspec.Struct, frozen=True):
    """Entries to go: by the address that the client asked (``orig_dst``), its port (``dport``), the endpoint (``dst_nat``)."""

    orig_dst: Ip | None = None
    dport: int = 0
    dst_nat: Ip | None = None

    def matches(self, orig: Flow, reply: Flow) -> bool:
        """Whether a connection is meant: ``dst_nat`` holds where the destination was translated to that address."""
        return (
            orig.proto == IPPROTO_UDP
            and self.orig_dst in {None, orig.dst}
            and self.dport in {0, orig.dport}
            and (
                self.dst_nat is None
                or (reply.src == self.dst_nat and (orig.dst, orig.dport) != (reply.src, reply.sport))
            )
        )

    def __str__(self) -> str:
        parts = (
            f" --orig-dst {self.orig_dst}" if self.orig_dst is not None else "",
            f" --dport {self.dport}" if self.dport else "",
            f" --dst-nat {self.dst_nat}" if self.dst_nat is not None else "",
        )
        return f"conntrack -D -p udp{''.join(parts)}"


def stale_entries(
    old_services: ServicePortMap, old_endpoints: EndpointsMap, services: ServicePortMap, endpoints: EndpointsMap
) -> tuple[Stale, ...]:
    """What a sync leaves to be ended, each once: first what has no endpoint's answer, then what leads to endpoints that are gone."""
    found: dict[Stale, None] = {}
    for name, port in old_services.items():
        now = services.get(name)
        if name.protocol == "UDP" and (now is None or now.cluster_ip != port.cluster_ip):
            found[Stale(orig_dst=port.cluster_ip)] = None
    for name, port in services.items():
        if name.protocol == "UDP" and _serves(endpoints, name) and not _serves(old_endpoints, name):
            found.update((Stale(orig_dst=ip), None) for ip in _addresses(port))
            if port.node_port:
                found[Stale(dport=port.node_port)] = None
    for name, ends in old_endpoints.items():
        port_now = services.get(name)
        if name.protocol != "UDP" or port_now is None or endpoints.get(name) is ends:
            continue
        still = {each.address for each in endpoints.get(name, ()) if each.serving}
        for each in ends:
            if each.serving and each.address not in still:
                if port_now.node_port:
                    found[Stale(dport=port_now.node_port, dst_nat=each.ip)] = None
                found.update((Stale(orig_dst=ip, dst_nat=each.ip), None) for ip in _addresses(port_now))
    return tuple(found)


def _serves(endpoints: EndpointsMap, name: object) -> bool:
    return any(each.serving for each in endpoints.get(name, ()))  # type: ignore[call-overload]


def _addresses(port: ServicePort) -> Iterator[Ip]:
    yield port.cluster_ip
    yield from (each.ip for each in port.external_ips)
    yield from (each.ip for each in port.load_balancer_vips)
