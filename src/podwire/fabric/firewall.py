"""The VPC's stateful firewall.

Ingress denied and egress allowed by default, connections remembered for ten minutes (sheet section 3.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from podwire.fabric.flows import IDLE, PROTOCOLS, Flow, flow_of, is_query
from podwire.wire.addr import Ip, Net
from podwire.wire.codec import quoted
from podwire.wire.headers import Icmp, IPv4

if TYPE_CHECKING:
    from podwire.fabric.network import Network
    from podwire.wire.packet import Packet

_NAMES: Final = {number: name for name, number in PROTOCOLS.items()}
_ESTABLISHED: Final = "established"


class FirewallRule(msgspec.Struct, frozen=True):
    """An allow rule for ingress.

    ``ports`` empty means all; ``protocols`` empty means all; ``tags`` empty means every VM.
    """

    name: str
    sources: tuple[Net, ...]
    protocols: tuple[str, ...] = ()
    ports: tuple[tuple[int, int], ...] = ()
    tags: frozenset[str] = frozenset()
    priority: int = 1000

    def allows(self, src: Ip, proto: int, dport: int, tags: frozenset[str]) -> bool:
        """Whether the rule lets a packet in to a VM with these tags."""
        return (
            any(src in net for net in self.sources)
            and (
                not self.protocols or any(PROTOCOLS.get(name) == proto or name == str(proto) for name in self.protocols)
            )
            and (not self.ports or any(low <= dport <= high for low, high in self.ports))
            and (not self.tags or bool(self.tags & tags))
        )


class Firewall:
    """Rules in order of priority, and the flows that were let through."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._rules: list[FirewallRule] = []
        self._flows: dict[Flow, int] = {}
        self._fragments: dict[tuple[int, Ip, Ip, int], str | None] = {}
        """What let the first piece of a datagram in, for those that have no ports."""

    def add(self, rule: FirewallRule) -> None:
        """Add a rule; lower numbers come first."""
        self._rules.append(rule)
        self._rules.sort(key=lambda r: r.priority)

    def note_egress(self, packet: Packet) -> None:
        """Egress is allowed, and its answers with it."""
        flow = flow_of(packet)
        if flow is not None:
            self._flows[flow] = self._network.now + IDLE

    def ingress(self, packet: Packet, tags: frozenset[str]) -> str | None:
        """The name of the rule that lets the packet in (or ``established``); None where none does.

        Later fragments go the way of the first.
        """
        ip = packet.find(IPv4)
        if ip is None or not ip.is_fragment:
            return self._judged(packet, tags)
        key = (ip.proto, ip.src, ip.dst, ip.id)
        if not ip.frag:
            self._fragments[key] = self._judged(packet, tags)
        return self._fragments.get(key) if ip.mf else self._fragments.pop(key, None)

    def _judged(self, packet: Packet, tags: frozenset[str]) -> str | None:
        flow = flow_of(packet)
        if flow is None:
            return None
        proto, src, dst, sport, dport = flow
        if (not is_query(packet) and self._known((proto, dst, src, dport, sport))) or self._related(packet):
            return _ESTABLISHED
        for rule in self._rules:
            if rule.allows(src, proto, dport, tags):
                self._flows[flow] = self._network.now + IDLE
                return rule.name
        return None

    def _related(self, packet: Packet) -> bool:
        """An ICMP error belongs to the flow that it quotes."""
        message = packet.find(Icmp)
        if message is None or not message.is_error:
            return False
        inner = quoted(packet)
        flow = flow_of(inner) if inner is not None else None
        return flow is not None and self._known(flow)

    def _known(self, flow: Flow) -> bool:
        until = self._flows.get(flow)
        if until is None or until < self._network.now:
            return False
        self._flows[flow] = self._network.now + IDLE
        return True

    def describe(self, packet: Packet) -> str:
        """``tcp:30007 from 121.167.232.64``."""
        flow = flow_of(packet)
        if flow is None:
            return "this packet"
        proto, src, _, _, dport = flow
        name = _NAMES.get(proto, f"protocol {proto}")
        return f"{name}:{dport} from {src}" if name in {"tcp", "udp"} else f"{name} from {src}"
