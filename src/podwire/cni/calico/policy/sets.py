"""IP sets: which there are for the rules of a node, and who is in them (felix/calc, rule_scanner.go and labelindex)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal

import msgspec

from podwire.cni.calico.policy.model import Endpoint
from podwire.cni.calico.rules.names import set_id
from podwire.kube.endpoints import EndpointSlice
from podwire.kube.selectors import parse_selector
from podwire.trace.events import Owner
from podwire.wire.addr import Net

SetType = Literal["hash:net", "hash:ip,port", "hash:ip"]
_PROTOCOLS: Final = {"tcp": 6, "udp": 17, "sctp": 132}


class Member(msgspec.Struct, frozen=True, order=True):
    """One member: a net, and for ``hash:ip,port`` protocol and port."""

    net: Net
    protocol: int = 0
    port: int = 0


class SetSpec(msgspec.Struct, frozen=True):
    """What a set holds: endpoints that a selector selects, the ports of that name of such, or the endpoints of a Service.

    ``service`` is namespace and name, ``with_ports`` its ports too.
    """

    id: str
    selector: str
    port: str = ""
    protocol: str = ""
    service: str = ""
    with_ports: bool = False

    @property
    def type(self) -> SetType:
        """The type in the kernel."""
        return "hash:ip,port" if self.port or self.with_ports else "hash:net"


def selector_set(selector: str) -> SetSpec:
    """The set of a selector's endpoints; ``selector`` in its canonical form."""
    return SetSpec(set_id("s", selector), selector)


def port_set(selector: str, protocol: str, port: str) -> SetSpec:
    """The set of a named port of a selector's endpoints; ``all()`` where any will do."""
    base = set_id("s", selector or "all()")
    return SetSpec(set_id("n", f"{base},{protocol},{port}"), selector or "all()", port, protocol)


def service_set(service: str, *, ports: bool) -> SetSpec:
    """The set of a Service's endpoints (``namespace/name``)."""
    return SetSpec(set_id("svc" if ports else "svcnoport", service), "", service=service, with_ports=ports)


def service_members(spec: SetSpec, slices: Iterable[EndpointSlice]) -> Mapping[Member, Owner]:
    """The members of a Service's set: all its endpoints, ready or not (felix/labelindex reads the slices as they are)."""
    found: dict[Member, Owner] = {}
    for each in slices:
        if each.service != spec.service or each.address_type != "IPv4":
            continue
        owner = Owner("felix", f"EndpointSlice {each.metadata.namespace}/{each.metadata.name}")
        for text in (text for endpoint in each.endpoints for text in endpoint.addresses):
            net = Net.parse(f"{text}/32")
            if not spec.with_ports:
                found.setdefault(Member(net), owner)
                continue
            for port in each.ports:
                number = _PROTOCOLS.get(port.protocol.lower())
                if number is not None and port.port is not None:
                    found.setdefault(Member(net, number, port.port), owner)
    return {member: found[member] for member in sorted(found, key=_order)}


def members(spec: SetSpec, endpoints: Iterable[Endpoint]) -> Mapping[Member, Owner]:
    """The members in order, and for which endpoint each is there."""
    selected = parse_selector(spec.selector)
    found: dict[Member, Owner] = {}
    for endpoint in endpoints:
        if selected(endpoint.labels):
            for member in _of(spec, endpoint):
                found.setdefault(member, endpoint.owner)
    return {member: found[member] for member in sorted(found, key=_order)}


def _order(member: Member) -> tuple[int, int, int, int]:
    return int(member.net.addr), member.net.plen, member.protocol, member.port


def _of(spec: SetSpec, endpoint: Endpoint) -> Iterator[Member]:
    if not spec.port:
        yield from map(Member, endpoint.nets)
        return
    for port in endpoint.ports:
        if port.name == spec.port and port.protocol == spec.protocol:
            for net in endpoint.nets:
                yield Member(net, _PROTOCOLS[port.protocol], port.number)
