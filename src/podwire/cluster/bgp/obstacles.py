"""What can be said beforehand about TCP 179 between two addresses: what networks lose, and what a cloud's firewall denies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from podwire.fabric.cloud import GcpVpc
from podwire.fabric.loss import lost
from podwire.wire.bgp import PORT
from podwire.wire.headers import TCP_SYN, IPv4, Tcp
from podwire.wire.packet import Packet

if TYPE_CHECKING:
    from podwire.cluster.networks import AnyNetwork
    from podwire.fabric.flows import Flow
    from podwire.wire.addr import Ip

_TCP: Final = 6
_ANY_PORT: Final = 32768


def obstructed(networks: Iterable[AnyNetwork], source: Ip, target: Ip) -> bool:
    """A network at either end would not let a connection of BGP pass."""
    syn = Packet((IPv4(source, target, _TCP), Tcp(_ANY_PORT, PORT, 0, 0, TCP_SYN, 0)))
    for network in networks:
        ends = source in network.cidr, target in network.cidr
        if any(ends) and network.drops and lost(syn, network.drops) is not None:
            return True
        if isinstance(network, GcpVpc) and all(ends) and not _admits(network, source, target):
            return True
    return False


def _admits(vpc: GcpVpc, source: Ip, target: Ip) -> bool:
    """The first rule that is about it, on the way out and on the way in."""
    sender, receiver = vpc.nic_of(source), vpc.nic_of(target)
    if sender is None or receiver is None:
        return False
    flow: Flow = (_TCP, source, target, _ANY_PORT, PORT)
    return _decides(vpc, "egress", flow, sender.tags, frozenset()) and _decides(
        vpc, "ingress", flow, receiver.tags, sender.tags
    )


def _decides(vpc: Any, direction: str, flow: Flow, tags: frozenset[str], sender: frozenset[str]) -> bool:
    for rule in vpc.firewall.rules:
        if rule.direction == direction and rule.fits(flow, tags, sender):
            return bool(rule.action == "allow")
    return direction == "egress"
