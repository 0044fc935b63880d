"""What Felix's calculation graph hands to the rule renderer: policies, profiles, endpoints (felix/proto)."""

from __future__ import annotations

from typing import Literal

import msgspec

from podwire.trace.events import Owner
from podwire.wire.addr import Net

Action = Literal["allow", "deny", "pass", "log"]
Ports = tuple[int, int]
"""First and last port."""


class PolicyRule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule. Sets are ids (``names.set_id``); nets are IPv4; a named-port set stands for ports and addresses at once.

    ``protocol`` is a name in lower case or a number; ``icmp`` type and code (None: any). ``owner`` is the object and the field that it
    was made of.
    """

    action: Action
    protocol: str | int | None = None
    not_protocol: str | int | None = None
    src_nets: tuple[Net, ...] = ()
    not_src_nets: tuple[Net, ...] = ()
    src_sets: tuple[str, ...] = ()
    not_src_sets: tuple[str, ...] = ()
    src_ports: tuple[Ports, ...] = ()
    not_src_ports: tuple[Ports, ...] = ()
    src_named: tuple[str, ...] = ()
    not_src_named: tuple[str, ...] = ()
    dst_nets: tuple[Net, ...] = ()
    not_dst_nets: tuple[Net, ...] = ()
    dst_sets: tuple[str, ...] = ()
    not_dst_sets: tuple[str, ...] = ()
    dst_ports: tuple[Ports, ...] = ()
    not_dst_ports: tuple[Ports, ...] = ()
    dst_named: tuple[str, ...] = ()
    not_dst_named: tuple[str, ...] = ()
    dst_services: tuple[str, ...] = ()
    icmp: tuple[int, int | None] | None = None
    not_icmp: tuple[int, int | None] | None = None
    owner: Owner = Owner("felix")


class Policy(msgspec.Struct, frozen=True):
    """A policy as chains know it; ``id`` such as ``default/knp.default.deny``, ``selector`` in its canonical form."""

    id: str
    inbound: tuple[PolicyRule, ...] = ()
    outbound: tuple[PolicyRule, ...] = ()
    owner: Owner = Owner("felix")
    selector: str = ""


class Profile(msgspec.Struct, frozen=True):
    """``kns.<namespace>`` and ``ksa.<namespace>.<account>``."""

    name: str
    inbound: tuple[PolicyRule, ...] = ()
    outbound: tuple[PolicyRule, ...] = ()
    owner: Owner = Owner("felix")


class Workload(msgspec.Struct, frozen=True):
    """An endpoint of this node. ``ingress`` and ``egress`` are ids of policies in order; None: no policy governs that direction."""

    interface: str
    profiles: tuple[str, ...] = ()
    ingress: tuple[str, ...] | None = None
    egress: tuple[str, ...] | None = None
    admin_up: bool = True
    owner: Owner = Owner("felix")


Ids = tuple[str, ...] | None
"""Ids of policies in order; None: no policy governs that direction."""


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """A host endpoint that is in force on an interface of this node; ``interface`` ``any-interface-at-all`` is that of all others.

    ``forward_…`` are policies for what passes through (``applyOnForward``), ``pre_dnat`` those before the DNAT of Services,
    ``untracked_…`` those before connections are tracked.
    """

    interface: str
    profiles: tuple[str, ...] = ()
    ingress: Ids = None
    egress: Ids = None
    forward_ingress: Ids = None
    forward_egress: Ids = None
    pre_dnat: Ids = None
    untracked_ingress: Ids = None
    untracked_egress: Ids = None
    owner: Owner = Owner("felix")


class Failsafe(msgspec.Struct, frozen=True):
    """A port that host endpoints leave open, to and from ``net`` ("": anybody)."""

    protocol: str
    port: int
    net: str = ""


class Marks(msgspec.Struct, frozen=True):
    """Bits of the packet mark that Felix uses (section 3.1)."""

    accept: int = 0x10000
    passed: int = 0x20000
    scratch0: int = 0x40000
    scratch1: int = 0x80000

    @property
    def all(self) -> int:
        """Those that are cleared where a packet comes in."""
        return self.accept | self.passed | self.scratch0 | self.scratch1


class RuleConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Felix's configuration, as far as rules show it. ``ipip_address`` and ``vxlan_address``: the tunnel device's address is known."""

    prefixes: tuple[str, ...] = ("cali",)
    ipip: bool = False
    ipip_address: bool = False
    vxlan: bool = False
    vxlan_address: bool = False
    vxlan_port: int = 4789
    nat_outgoing: bool = False
    nat_outgoing_address: str = ""
    nat_port_range: Ports | None = None
    nat_outgoing_interface: str = ""
    random_fully: bool = True
    endpoint_to_host: Literal["ACCEPT", "DROP", "RETURN"] = "ACCEPT"
    filter_allow: Literal["ACCEPT", "RETURN"] = "ACCEPT"
    mangle_allow: Literal["ACCEPT", "RETURN"] = "ACCEPT"
    deny: Literal["DROP", "REJECT"] = "DROP"
    log_prefix: str = "calico-packet"
    service_cidrs: tuple[str, ...] = ()
    """Those that BGP announces: what has no rule of kube-proxy would loop (``cali-cidr-block``)."""
    service_loop: Literal["DROP", "REJECT"] = "DROP"
    allowed_sources: tuple[tuple[str, str, Owner], ...] = ()
    """Interface and CIDR that its pod may use as a source (annotation ``allowedSourcePrefixes``), and who says so."""
    failsafe_in: tuple[Failsafe, ...] = ()
    failsafe_out: tuple[Failsafe, ...] = ()
    allow_vxlan: bool = False
    """VXLAN packets that pods themselves make may pass."""
    allow_ipip: bool = False
    append: bool = False
    """ChainInsertMode: the jumps stand behind the rules of others."""
    release: int = 26
    """The minor number of v3.…: texts and marks differ (section 11)."""
    marks: Marks = Marks()


class RuleText(msgspec.Struct, frozen=True):
    """A rule in long options, without its hash, and for whom it was written."""

    text: str
    owner: Owner = Owner("felix")


Chains = dict[str, list[RuleText]]
"""The chains of one table by name."""
