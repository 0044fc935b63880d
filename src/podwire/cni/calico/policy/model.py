"""Policies in Calico's own terms, whatever kind they were written as (libcalico-go, lib/apis/v3)."""

from __future__ import annotations

from typing import Literal

import msgspec

from podwire.cni.calico.rules.model import Action, Ports
from podwire.trace.events import Owner
from podwire.wire.addr import Ip, Net

NAMESPACE = "projectcalico.org/namespace"
ORCHESTRATOR = "projectcalico.org/orchestrator"
ACCOUNT = "projectcalico.org/serviceaccount"
Direction = Literal["ingress", "egress"]


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a rule: all that is given must hold. Selectors are text; ``ports`` are numbers, ranges, or names of container ports.

    ``accounts`` are names of service accounts, ``account_selector`` asks for their labels. ``service`` is namespace and name of the
    Service whose endpoints are meant.
    """

    nets: tuple[Net, ...] = ()
    not_nets: tuple[Net, ...] = ()
    selector: str = ""
    not_selector: str = ""
    namespace_selector: str = ""
    ports: tuple[Ports | str, ...] = ()
    not_ports: tuple[Ports | str, ...] = ()
    accounts: tuple[str, ...] = ()
    account_selector: str = ""
    service: tuple[str, str] | None = None


ANYBODY = Entity()


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of a policy. ``protocol`` in lower case, or a number; ``icmp`` type and code (None: any).

    ``owner`` is the object and the field that it comes from.
    """

    action: Action
    protocol: str | int | None = None
    not_protocol: str | int | None = None
    icmp: tuple[int, int | None] | None = None
    not_icmp: tuple[int, int | None] | None = None
    ip_version: int | None = None
    source: Entity = ANYBODY
    destination: Entity = ANYBODY
    owner: Owner


class CalicoPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy; ``namespace`` "" is a global one. ``selector`` says of which endpoints it speaks, its own namespace included.

    ``order`` None comes last. ``id`` is Felix's name of it, such as ``default/knp.default.deny``.
    """

    id: str
    namespace: str = ""
    order: float | None = None
    selector: str = ""
    types: frozenset[Direction] = frozenset()
    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()
    do_not_track: bool = False
    pre_dnat: bool = False
    apply_on_forward: bool = False
    owner: Owner

    @property
    def rank(self) -> tuple[bool, float, str]:
        """Its place among the others of its tier."""
        return (self.order is None, self.order or 0.0, self.id)


class NamedPort(msgspec.Struct, frozen=True):
    """A container port with a name; ``protocol`` in lower case."""

    name: str
    protocol: str
    number: int


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What selectors look at: a pod anywhere in the cluster, or a set of addresses. ``labels`` are all that it shows.

    ``interface`` and ``profiles`` count on its own node alone; ``spoofs`` are ranges that it asks to send from.
    """

    key: str
    node: str
    labels: dict[str, str]
    nets: tuple[Net, ...]
    ports: tuple[NamedPort, ...] = ()
    interface: str = ""
    profiles: tuple[str, ...] = ()
    spoofs: tuple[Net, ...] = ()
    owner: Owner

    @property
    def addresses(self) -> tuple[Ip, ...]:
        """Those of a pod."""
        return tuple(net.addr for net in self.nets)


class HostInterface(msgspec.Struct, frozen=True, kw_only=True):
    """A host endpoint: an interface of a node by its name, by one of ``ips``, or every one (``*``)."""

    name: str
    node: str
    labels: dict[str, str]
    interface: str = ""
    ips: tuple[Ip, ...] = ()
    profiles: tuple[str, ...] = ()
    ports: tuple[NamedPort, ...] = ()
    owner: Owner

    @property
    def endpoint(self) -> Endpoint:
        """What selectors of rules see of it: the addresses it is expected to have."""
        nets = tuple(Net(ip, ip.bits) for ip in self.ips)
        return Endpoint(key=self.name, node="", labels=self.labels, nets=nets, ports=self.ports, owner=self.owner)
