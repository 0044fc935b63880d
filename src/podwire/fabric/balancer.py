"""External passthrough Network Load Balancers: an address of the Internet whose packets the VPC takes, as they are, to one of several VMs.

Nothing is translated: the VM gets the packet with the balancer's address as destination, and answers with it as source, directly.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from podwire.fabric.flows import IDLE, Flow, flow_of
from podwire.fabric.vpc import Nic
from podwire.wire.addr import Ip

if TYPE_CHECKING:
    from podwire.fabric.network import Network
    from podwire.wire.packet import Packet


class ForwardingRule(msgspec.Struct, frozen=True, eq=False):
    """One balancer. ``name`` is the cloud's, ``ports`` pairs of protocol number and port.

    ``healthy`` gives the names of the VMs that its health check finds well; where there is none, packets go to any of them all
    (``backends``), as Google does. ``by_client`` sends all packets of a client to one VM, whatever their ports are.
    """

    name: str
    ip: Ip
    ports: frozenset[tuple[int, int]]
    backends: Callable[[], tuple[str, ...]]
    healthy: Callable[[], tuple[str, ...]]
    by_client: bool = False


class Balancers:
    """The forwarding rules of one VPC, and which VM has which flow."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._rules: dict[Ip, ForwardingRule] = {}
        self._flows: dict[Flow, tuple[str, int]] = {}

    def add(self, rule: ForwardingRule) -> None:
        """A balancer comes, or changes; flows that it knows stay where they are."""
        self._rules[rule.ip] = rule

    def remove(self, ip: Ip) -> None:
        """A balancer goes."""
        self._rules.pop(ip, None)

    def rule(self, ip: Ip) -> ForwardingRule | None:
        """The balancer that has an address."""
        return self._rules.get(ip)

    def pick(self, rule: ForwardingRule, packet: Packet, nics: tuple[Nic, ...]) -> Nic | None:
        """The VM that gets a packet: the one that has its connection, else one by a hash of addresses, protocol and ports."""
        flow = flow_of(packet)
        if flow is None:
            return None
        well = rule.healthy() or rule.backends()
        known, until = self._flows.get(flow, ("", 0))
        names = [nic.vm for nic in nics if nic.vm in well]
        if not names:
            return None
        name = known if known in names and until >= self._network.now else _hashed(rule, flow, names)
        self._flows[flow] = (name, self._network.now + IDLE)
        return next(nic for nic in nics if nic.vm == name)


def serves(rule: ForwardingRule, packet: Packet) -> bool:
    """Whether a forwarding rule is about the protocol and port of a packet."""
    flow = flow_of(packet)
    return flow is not None and (flow[0], flow[4]) in rule.ports


def _hashed(rule: ForwardingRule, flow: Flow, names: list[str]) -> str:
    """Rendezvous hashing: another VM more or less moves only the flows that it must."""
    proto, src, dst, sport, dport = flow
    key = f"{src} {dst} {proto}" if rule.by_client else f"{src} {dst} {proto} {sport} {dport}"

    def weight(name: str) -> bytes:
        return hashlib.sha256(f"{key} {name}".encode()).digest()

    return max(names, key=weight)
