"""The VPC's stateful firewall.

Ingress denied and egress allowed by default (the implied rules, priority 65535), connections remembered for ten minutes (sheet
section 3.2). It sees a packet as the VM does: with internal addresses, behind the 1:1 translation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

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
    """A rule of the VPC's firewall: who may send what to VMs (ingress), or VMs to whom (egress).

    ``sources`` are source ranges (ingress; VMs with one of ``source_tags`` count beside them), ``destinations`` those that a packet
    goes to; both empty means all. ``protocols`` empty means all; ``ports`` empty means all; ``tags`` are target tags: the VMs that
    the rule is for, all where empty. Lower ``priority`` comes first; of equal ones a denying rule does.
    """

    name: str
    sources: tuple[Net, ...] = ()
    protocols: tuple[str, ...] = ()
    ports: tuple[tuple[int, int], ...] = ()
    tags: frozenset[str] = frozenset()
    priority: int = 1000
    action: Literal["allow", "deny"] = "allow"
    direction: Literal["ingress", "egress"] = "ingress"
    destinations: tuple[Net, ...] = ()
    source_tags: frozenset[str] = frozenset()

    def fits(self, flow: Flow, tags: frozenset[str], sender: frozenset[str] = frozenset()) -> bool:
        """Whether the rule is about a flow of a VM with these tags; ``sender`` are the tags of the VM that sent it."""
        proto, src, dst, _, dport = flow
        everyone = not self.sources and not self.source_tags
        return (
            (everyone or any(src in net for net in self.sources) or bool(self.source_tags & sender))
            and (not self.destinations or any(dst in net for net in self.destinations))
            and (
                not self.protocols or any(PROTOCOLS.get(name) == proto or name == str(proto) for name in self.protocols)
            )
            and (not self.ports or any(low <= dport <= high for low, high in self.ports))
            and (not self.tags or bool(self.tags & tags))
        )


class Verdict(msgspec.Struct, frozen=True):
    """What the firewall decides: ``rule`` is the name of a rule, ``established``, or empty for the implied rule of the direction."""

    allowed: bool
    rule: str = ""


class Firewall:
    """Rules in order of priority, and the flows that were let through: of each VM, as the firewall stands before every NIC."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._rules: list[FirewallRule] = []
        self._flows: dict[tuple[str, Flow], int] = {}
        self._fragments: dict[tuple[str, str, int, Ip, Ip, int], Verdict] = {}
        """What was decided about the first piece of a datagram, for those that have no ports."""

    @property
    def rules(self) -> tuple[FirewallRule, ...]:
        """In the order in which they are asked."""
        return tuple(self._rules)

    def add(self, rule: FirewallRule) -> None:
        """Add a rule; lower numbers come first."""
        self._rules.append(rule)
        self._rules.sort(key=lambda r: (r.priority, r.action != "deny"))

    def remove(self, name: str) -> None:
        """The rules of that name go, if there are any; connections that they let through stay for as long as they are not silent."""
        self._rules = [rule for rule in self._rules if rule.name != name]

    def egress(self, packet: Packet, vm: str, tags: frozenset[str]) -> Verdict:
        """Whether a VM may send a packet: yes, unless a rule denies it and it answers nothing. Answers to it may come in then."""
        return self._whole(packet, "egress", vm, tags)

    def ingress(self, packet: Packet, vm: str, tags: frozenset[str], sender: frozenset[str] = frozenset()) -> Verdict:
        """Whether a packet may enter a VM: only if a rule lets it in, or it belongs to a connection that is known.

        Later fragments go the way of the first.
        """
        return self._whole(packet, "ingress", vm, tags, sender)

    def _whole(
        self, packet: Packet, direction: str, vm: str, tags: frozenset[str], sender: frozenset[str] = frozenset()
    ) -> Verdict:
        ip = packet.find(IPv4)
        if ip is None or not ip.is_fragment:
            return self._judged(packet, direction, vm, tags, sender)
        key = (direction, vm, ip.proto, ip.src, ip.dst, ip.id)
        if not ip.frag:
            self._fragments[key] = self._judged(packet, direction, vm, tags, sender)
        found = self._fragments.get(key) if ip.mf else self._fragments.pop(key, None)
        return found if found is not None else Verdict(direction == "egress")

    def _judged(self, packet: Packet, direction: str, vm: str, tags: frozenset[str], sender: frozenset[str]) -> Verdict:
        flow = flow_of(packet)
        if flow is None:
            return Verdict(direction == "egress")
        proto, src, dst, sport, dport = flow
        answers = not is_query(packet) and self._known(vm, (proto, dst, src, dport, sport))
        if answers or self._related(vm, packet):
            return Verdict(allowed=True, rule=_ESTABLISHED)
        verdict = next(
            (
                Verdict(rule.action == "allow", rule.name)
                for rule in self._rules
                if rule.direction == direction and rule.fits(flow, tags, sender)
            ),
            Verdict(direction == "egress"),
        )
        if verdict.allowed:
            self._flows[vm, flow] = self._network.now + IDLE
        return verdict

    def _related(self, vm: str, packet: Packet) -> bool:
        """An ICMP error belongs to the flow that it quotes."""
        message = packet.find(Icmp)
        if message is None or not message.is_error:
            return False
        inner = quoted(packet)
        flow = flow_of(inner) if inner is not None else None
        return flow is not None and self._known(vm, flow)

    def _known(self, vm: str, flow: Flow) -> bool:
        until = self._flows.get((vm, flow))
        if until is None or until < self._network.now:
            return False
        self._flows[vm, flow] = self._network.now + IDLE
        return True

    def describe(self, packet: Packet) -> str:
        """``tcp:30007 from 121.167.232.64``."""
        flow = flow_of(packet)
        if flow is None:
            return "this packet"
        return f"{self.service(packet)} from {flow[1]}"

    @staticmethod
    def service(packet: Packet) -> str:
        """``tcp:30007``, ``icmp``."""
        flow = flow_of(packet)
        if flow is None:
            return "this packet"
        name = _NAMES.get(flow[0], f"protocol {flow[0]}")
        return f"{name}:{flow[4]}" if name in {"tcp", "udp"} else name
